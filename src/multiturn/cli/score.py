"""``multiturn score``."""

from __future__ import annotations

import click

from .options import budget_options, data_option, html_option, json_option, judge_option, store_option


@click.command("score")
@click.argument("run", default="last")
@judge_option
@click.option("--measure", "measures", multiple=True, metavar="NAME", help="Show only these measures (repeatable).")
@click.option("--concurrency", type=int, metavar="N", help="Judgements at once.")
@budget_options
@store_option
@data_option
@json_option
@html_option
def command(run: str, judge: str | None, measures: tuple[str, ...], concurrency: int | None, max_cost: float | None,
            max_calls: int | None, max_tokens: int | None, store: str, data: str | None, json_path: str | None,
            html_path: str | None) -> int:  # fmt: skip
    """Judge a finished run again: with another judge, or after a benchmark's scoring changed. The models are not asked
    again; only the judge is, and only for what it has not judged before. The result is a run of its own.

    \b
    Examples:
      multiturn score --judge openai/gpt-4o
      multiturn score 3fa2 --judge local/smollm2 --html rejudged.html
      multiturn score last --measure instruction_strict
    """
    import msgspec

    from ..api import play
    from ..conversation import UnknownName
    from ..engine.budget import Budget
    from ..engine.data import DataFolder
    from ..engine.plan import Plan
    from ..engine.replay import ReplayModel, cast_model
    from ..engine.runs import find_run
    from ..engine.store import Store
    from ..models.base import Model
    from ..players.catalogue import make_around
    from ..systems.catalogue import make_system
    from .session import check_outputs, check_prices, command_line, exit_code, publish

    check_outputs(json_path, html_path)
    Store(store).close()  # scoring needs a store that is there
    folder = DataFolder(data)
    with Store(store, writable=True) as opened:
        row = find_run(opened, run)
        spec = row.spec
        names = {**spec.roles, **({"judge": judge} if judge else {})}
        roles: dict[str, Model] = {
            role: cast_model(name) if role == "judge" else ReplayModel.of(opened, name) for role, name in names.items()
        }
        models = [ReplayModel.of(opened, label) for label in spec.models]
        benchmarks = [make_system(text, folder) for text in spec.systems]
        plan = Plan(
            benchmarks,
            models,
            settings=spec.settings,
            limit=spec.limit,
            repeats=spec.repeats,
            seed=spec.seed,
            roles=roles,
            around=[make_around(text) for text in spec.around],
        )
        check_prices(plan.all_models, max_cost)
        about = {"command": command_line(), "data": folder.used}
        budget = Budget(max_cost, max_calls, max_tokens)
        result = play(plan, opened, concurrency=concurrency, budget=budget, about=about, quiet=False)
        if measures:
            known = {f.measure for f in result.figures}
            for name in measures:
                if name not in known:
                    raise UnknownName("measure", name, known)
            figures = [f for f in result.figures if f.measure.startswith(measures)]
            result = msgspec.structs.replace(result, figures=figures)
        publish(result, opened, json_path=json_path, html_path=html_path)
        status = find_run(opened, result.run.id).status
    return exit_code(result, status)
