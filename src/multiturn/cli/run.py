"""``multiturn run``."""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from .options import budget_options, data_option, html_option, json_option, judge_option, store_option

if TYPE_CHECKING:
    from ..engine.plan import Plan
    from ..engine.store import Store


@click.command("run")
@click.argument("systems", nargs=-1, required=True, metavar="BENCHMARK...")
@click.option("--model", "models", multiple=True, required=True, metavar="MODEL", help="Who is measured (repeatable).")
@click.option(
    "--setting", "settings", multiple=True, metavar="NAME", help="Condition to run (repeatable); default: the benchmark's own."
)
@click.option("--limit", type=int, metavar="N", help="At most N cases of each group.")
@click.option("--repeats", type=int, default=1, show_default=True, metavar="N", help="Independent repeats of every case.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Seed of everything that is drawn by us.")
@judge_option
@click.option("--user", metavar="MODEL", help="Model that plays the user, where a benchmark needs one.")
@click.option(
    "--with", "around", multiple=True, metavar="PLAYER", help="Memory, defence or strategy put around the model (repeatable)."
)
@click.option(
    "--until",
    default="",
    metavar="[MEASURE:]ci=X",
    help="Play cases in random order until the mean is known to ±X.",
)
@click.option("--concurrency", type=int, metavar="N", help="Conversations at once; default: what the model takes well.")
@budget_options
@store_option
@data_option
@json_option
@html_option
@click.option("--fail-under", multiple=True, metavar="[MEASURE=]X", help="Exit with 1 when an overall mean is below X.")
@click.option("--unsafe-local-exec", is_flag=True, help="Run code that a model wrote without a sandbox (see docs/sandbox.md).")
@click.option("--dry-run", is_flag=True, help="Say what would be run and what it may cost; ask nothing.")
@click.option("--quiet", is_flag=True, help="No progress, no report.")
def command(systems: tuple[str, ...], models: tuple[str, ...], settings: tuple[str, ...], limit: int | None, repeats: int,
            seed: int, judge: str | None, user: str | None, around: tuple[str, ...], until: str, concurrency: int | None,
            max_cost: float | None, max_calls: int | None, max_tokens: int | None, store: str, data: str | None,
            json_path: str | None, html_path: str | None, fail_under: tuple[str, ...], unsafe_local_exec: bool, dry_run: bool,
            quiet: bool) -> int:  # fmt: skip
    """Run benchmarks against models and report how well each conversation is held, what it costs compared with the
    same questions asked alone, where it fails, and how sure that is.

    BENCHMARK is a name (`multiturn list`), a name with options ('patterns?turns=8'), a case file (cases.yaml, cases.jsonl)
    or a Python file (bench.py:MyBench). Everything is kept in the store: run the same command again and it goes on where
    it stopped; what was answered is never asked again.

    \b
    Examples:
      multiturn run patterns --model local/smollm2
      multiturn run mt-eval --model 'openai/gpt-4o-mini?temperature=0' --judge openai/gpt-4o --limit 10
      multiturn run cases.yaml --model http://localhost:8000/v1#llama --repeats 5 --html report.html
      multiturn run patterns --model script:my_player.py:answer --fail-under 0.8 --json result.json
      multiturn run 'patterns?cases=500' --model local/smollm2 --until ci=0.05

    \b
    Exit codes: 0 done, 1 below --fail-under, 2 wrong input, 3 stopped early (what was done is saved), 4 nothing measured.
    """
    from ..api import play
    from ..conversation import InputError
    from ..conversation.message import mended
    from ..engine.budget import Budget
    from ..engine.data import DataFolder
    from ..engine.plan import Plan
    from ..engine.replay import cast_model
    from ..engine.store import Store
    from ..players.catalogue import make_around
    from ..systems.catalogue import make_system
    from .session import check_outputs, check_prices, command_line, exit_code, publish

    for name in (*systems, *models):
        if mended(name) != name:  # how Python shows bytes of a command line that are no text
            raise InputError(f"`{mended(name)}` is not UTF-8")
    if unsafe_local_exec:
        os.environ["MULTITURN_UNSAFE_LOCAL_EXEC"] = "1"  # read by the sandbox, here and in what it starts
    thresholds = [_threshold(text) for text in fail_under]
    check_outputs(json_path, html_path)
    folder = DataFolder(data)
    made = {name: cast_model(name) for name in dict.fromkeys((*models, *filter(None, (judge, user))))}
    roles = {role: made[name] for role, name in (("judge", judge), ("user", user)) if name}
    benchmarks = [make_system(text, folder) for text in dict.fromkeys(systems)]
    smoke = [role for role in dict.fromkeys(r for b in benchmarks for r in (*b.needs, *b.tried_with)) if role not in roles]
    if smoke and all(name.startswith("local/") for name in models):
        # So that every system can be tried on a laptop. Marked wherever the figures are shown.
        roles |= dict.fromkeys(smoke, made[models[0]])
        print(f"multiturn: {models[0]} also plays the {' and the '.join(smoke)}: a smoke test, no measurement", file=sys.stderr)
    else:
        smoke = []
    plan = Plan(
        benchmarks,
        [made[m] for m in dict.fromkeys(models)],
        settings=settings,
        limit=limit,
        repeats=repeats,
        seed=seed,
        roles=roles,
        around=[make_around(text) for text in dict.fromkeys(around)],
        until=until,
    )
    check_prices(plan.all_models, max_cost)
    if dry_run:
        _dry_run(plan, store)
        return 0
    about: dict[str, Any] = {"command": command_line(), "data": folder.used}
    if smoke:
        about["options"] = {"smoke_test": f"{models[0]} as {', '.join(smoke)}"}
    with Store(store, writable=True) as opened:
        budget = Budget(max_cost, max_calls, max_tokens)
        result = play(plan, opened, concurrency=concurrency, budget=budget, about=about, quiet=quiet)
        publish(result, opened, json_path=json_path, html_path=html_path, quiet=quiet)
        status = _status(opened, result.run.id)
    if status != "done" and not quiet:
        why = "a budget was reached" if status == "budget" else "stopped"
        print(f"multiturn: {why}; what was answered is saved: run the same command to go on", file=sys.stderr)
    return exit_code(result, status, thresholds)


def _status(store: Store, run: str) -> str:
    from ..engine.runs import find_run

    return find_run(store, run).status


def _threshold(text: str) -> tuple[str, float]:
    measure, _, number = text.rpartition("=")
    try:
        threshold = float(number)
    except ValueError:
        threshold = math.nan
    if not math.isfinite(threshold):
        raise click.BadParameter(f"{text!r} is not a number or MEASURE=number", param_hint="--fail-under")
    return measure, threshold


def _dry_run(plan: Plan, store_path: str) -> None:
    """Print the plan: episodes, calls and a price, a few lines for each system and model."""
    import textwrap
    from pathlib import Path

    from ..engine.plan import estimate
    from ..engine.store import Store
    from ..models.base import Usage
    from ..report.safe import one_line

    store = Store(store_path) if Path(store_path).is_file() else None
    click.echo(f"What run {plan.spec.id} would do (nothing is asked)")
    for benchmark in plan.benchmarks:
        for model in plan.models:
            chosen = [e for e in plan.episodes if e.benchmark is benchmark and e.roles["assistant"] is model]
            done = [store is not None and store.finished(e.id) is not None for e in chosen]
            e = estimate(chosen, done)
            usage = None if e.calls is None else Usage(e.input_tokens or 0, e.output_tokens or 0)
            price = None if usage is None else model.price(usage)
            calls, given, wanted = ("?" if n is None else f"{n:,}" for n in (e.calls, e.input_tokens, e.output_tokens))
            lines = {
                "settings": " ".join(plan.settings_of(benchmark)),
                "conversations": f"{'at most ' if plan.until else ''}{e.episodes:,}, of which done: {e.finished:,}",
                "calls at most": calls,
                "tokens": f"{given} in, {wanted} out",
                "price": "?" if price is None else f"${price:,.2f}",
            }
            click.echo(f"\n{one_line(benchmark.label, 200)} with {one_line(model.label, 200)}")
            for name, text in lines.items():
                click.echo(textwrap.fill(f"  {name:13}  {one_line(text, 400)}", 80, subsequent_indent=" " * 17))
    footnote = (
        "Calls already on record are free and counted here as if they were not. Tokens are a guess (4 characters a token, "
        "200 a reply); '?' = only playing can tell. Judge and user calls come on top."
    )
    click.echo("\n" + textwrap.fill(footnote, 80))
    if store is not None:
        store.close()
