"""``multiturn validate``."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from . import EXIT_DONE, EXIT_INPUT, EXIT_MISSED
from .options import data_option, judge_option

if TYPE_CHECKING:
    from ..engine.runs import Played
    from ..measures.verdict import Verdict
    from ..models.base import Model
    from ..protocols.benchmark import Benchmark

MOST_PROBLEMS = 1000


@click.command("validate")
@click.argument("target")
@click.option("--setting", "settings", multiple=True, metavar="NAME", help="Play only these settings (repeatable).")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N cases of each group.")
@click.option("--show", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="List at most N turns.")
@judge_option
@data_option
def command(target: str, settings: tuple[str, ...], limit: int | None, show: int, judge: str | None, data: str | None) -> int:
    """Check a case file or a benchmark: that it can be read, and that its own gold answers score full marks.

    TARGET is a case file, a benchmark's name (`multiturn list`) or a Python file (bench.py:MyBench). No model is asked
    unless a --judge is given. Exit codes: 0 all good, 1 some gold answers fall short, 2 the file is not valid.

    \b
    Examples:
      multiturn validate my_cases.yaml
      multiturn validate "patterns?turns=12"
      multiturn validate my_benchmark.py:MyBench --limit 5
    """
    from ..engine.data import DataFolder
    from ..engine.replay import cast_model
    from ..protocols.casefile import CaseFile
    from ..report.safe import visible
    from ..systems.catalogue import make_system

    benchmark = make_system(target, DataFolder(data))
    if isinstance(benchmark, CaseFile):
        problems = benchmark.validate(limit=MOST_PROBLEMS)
        for line in problems:
            click.echo(visible(line).replace("\n", " "))
        if problems:
            more = " or more" if len(problems) == MOST_PROBLEMS else ""
            click.echo(f"{target} is not valid: {len(problems)}{more} problem{'s' if len(problems) > 1 else ''}", err=True)
            return EXIT_INPUT
    found = play_gold(benchmark, settings, limit, {"judge": cast_model(judge)} if judge else {})
    _print(target, found, show)
    return EXIT_MISSED if found.short else EXIT_DONE


class GoldReport(NamedTuple):
    """How the gold answers did. ``short``: turns below the top of their scale, one line each; ``unchecked``: causes."""

    cases: int
    verdicts: int
    short: list[str]
    unchecked: dict[str, int]


def play_gold(benchmark: Benchmark, settings: tuple[str, ...], limit: int | None, roles: dict[str, Model]) -> GoldReport:
    """Play the gold player through the engine into a store that is thrown away."""
    from tempfile import TemporaryDirectory

    from ..engine.plan import Plan
    from ..engine.replay import GoldModel
    from ..engine.run import Runner
    from ..engine.runs import find_run, open_run, played
    from ..engine.store import Store

    plan = Plan([benchmark], [GoldModel()], settings=settings, limit=limit, roles=roles)
    with TemporaryDirectory(prefix="multiturn-") as folder, Store(Path(folder) / "gold.db", writable=True) as store:
        run = open_run(store, plan)

        async def play() -> None:
            try:
                await Runner(plan, store).run()
            finally:
                for model in plan.all_models:
                    await model.close()

        asyncio.run(play())
        return _report(benchmark, played(store, find_run(store, run)))


def _report(benchmark: Benchmark, episodes: Iterable[Played]) -> GoldReport:

    clusters: set[str] = set()
    short: list[str] = []
    unchecked: Counter[str] = Counter()
    verdicts = 0
    for episode in episodes:
        clusters.add(episode.cluster)
        for verdict in episode.verdicts:
            line = _shortfall(benchmark, episode, verdict)
            if line:
                short.append(line)
            if verdict.value is None:
                unchecked[verdict.cause] += 1
            else:
                verdicts += 1
    return GoldReport(len(clusters), verdicts, short, dict(unchecked.most_common()))


def _shortfall(benchmark: Benchmark, episode: Played, verdict: Verdict) -> str:
    """Why this verdict on a gold answer is not what it should be; "" = it is."""
    from ..report.safe import one_line

    top = benchmark.scale(verdict.measure).high
    turn = f", turn {verdict.turn}" if verdict.turn else ""
    where = f"case {one_line(episode.case)}{turn} [{one_line(episode.setting)}]: {one_line(verdict.measure)}"
    if verdict.value is None:
        return f"{where}: {one_line(verdict.cause, 200)}" if verdict.cause.startswith("error while") else ""
    if not math.isfinite(top) or verdict.value >= top:
        return ""
    reason = f" ({one_line(verdict.reason, 200)})" if verdict.reason else ""
    return f"{where} {verdict.value:g} of {top:g}{reason}"


def _print(target: str, found: GoldReport, show: int) -> None:
    from ..report.safe import one_line
    from ..report.words import count

    for line in found.short[:show]:
        click.echo(line)
    if len(found.short) > show:
        click.echo(f"… and {len(found.short) - show:,} more (--show {len(found.short)})")
    for cause, n in found.unchecked.items():
        click.echo(f"not checked: {count(n, 'verdict')}: {one_line(cause, 200)}")
    sizes = f"{count(found.cases, 'case')}, {count(found.verdicts, 'verdict')} on gold answers"
    if found.short:
        click.echo(f"{target}: {sizes}, {len(found.short):,} short of full marks")
    elif not found.verdicts:
        click.echo(f"{target} can be read ({count(found.cases, 'case')}); it has no gold answers that could be checked")
    else:
        click.echo(f"{target} is good: {sizes}, all with full marks")
