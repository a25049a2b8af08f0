"""``multiturn score``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import budget_options, data_option, html_option, json_option, judge_option, store_option

if TYPE_CHECKING:
    from ..report.result import RunResult


@click.command("score")
@click.argument("run", default="last")
@judge_option
@click.option(
    "--measure",
    "measures",
    multiple=True,
    metavar="NAME",
    help="Show only these measures (repeatable); or a judge system that reads the conversations anew.",
)
@click.option("--whole", is_flag=True, help="The judge system reads each conversation as a whole, not turn by turn.")
@click.option("--concurrency", type=int, metavar="N", help="Judgements at once.")
@budget_options
@store_option
@data_option
@json_option
@html_option
def command(run: str, judge: str | None, measures: tuple[str, ...], whole: bool, concurrency: int | None, max_cost: float | None,
            max_calls: int | None, max_tokens: int | None, store: str, data: str | None, json_path: str | None,
            html_path: str | None) -> int:  # fmt: skip
    """Judge a finished run again: with another judge, or after a benchmark's scoring changed. The models are not asked
    again; only the judge is, and only for what it has not judged before. The result is a run of its own.

    With a judge system as --measure (`multiturn list --family judge`; one that rates single answers) its stored conversations
    are read turn by turn, those of `multiturn import` too.

    \b
    Examples:
      multiturn score --judge openai/gpt-4o
      multiturn score 3fa2 --judge local/smollm2 --html rejudged.html
      multiturn score last --measure instruction_strict
      multiturn score 3fa2 --judge openai/gpt-4o --measure judge?ask=point
    """
    from ..api import play
    from ..engine.budget import Budget
    from ..engine.data import DataFolder
    from ..engine.runs import find_run
    from ..engine.store import Store
    from .scoring import judge_system, make_plan
    from .session import check_outputs, check_prices, command_line, exit_code, publish

    check_outputs(json_path, html_path)
    Store(store).close()  # scoring needs a store that is there
    folder = DataFolder(data)
    with Store(store, writable=True) as opened:
        row = find_run(opened, run)
        system = judge_system(measures, row)
        plan = make_plan(opened, row, judge, system, whole, folder)
        check_prices(plan.all_models, max_cost)
        about = {"command": command_line(), "data": folder.used}
        budget = Budget(max_cost, max_calls, max_tokens)
        result = play(plan, opened, concurrency=concurrency, budget=budget, about=about, quiet=False)
        if measures and system not in measures:
            result = _only(result, measures)
        publish(result, opened, json_path=json_path, html_path=html_path)
        status = find_run(opened, result.run.id).status
    return exit_code(result, status)


def _only(result: RunResult, measures: tuple[str, ...]) -> RunResult:
    """The result with the figures of these measures."""
    import msgspec

    from ..conversation import UnknownName

    known = {f.measure for f in result.figures}
    for name in measures:
        if name not in known:
            raise UnknownName("measure", name, known, "or a judge system: `multiturn list --family judge`")
    return msgspec.structs.replace(result, figures=[f for f in result.figures if f.measure.startswith(measures)])
