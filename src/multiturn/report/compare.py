"""Two runs side by side: the same questions, paired. Differences are second run minus first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from msgspec import Struct
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from ..measures.figure import Figure, Scale
from ..measures.paired import paired
from ..measures.verdict import Table
from .safe import one_line
from .terminal import in_plain_text
from .words import certain, count, estimate, number


class Comparison(Struct, frozen=True, kw_only=True):
    """One measure in one setting and group (None = all), on the questions that both runs measured.

    ``difference``: second minus first, with its interval; ``first``/``second``: means over the shared questions;
    ``gained``/``lost``: questions that failed before and pass now / passed and fail now; ``only_first``/``only_second``:
    questions that only one run measured.
    """

    measure: str
    setting: str
    group: str | None
    first: float | None
    second: float | None
    difference: Figure
    gained: int
    lost: int
    questions: int
    only_first: int
    only_second: int


def compare(first: Table, second: Table, scale: Callable[[str], Scale]) -> list[Comparison]:
    """Compare two tables of verdicts of one system, measure by measure, setting by setting, in all and by group.

    ``scale``: the scale of each measure. What only one of them holds is left out (its questions are counted).
    """
    found = []
    for measure in _shared(first, second, "measure"):
        one, two = first.where(measure=measure), second.where(measure=measure)
        for setting in _shared(one, two, "setting"):
            a, b = one.where(setting=setting), two.where(setting=setting)
            groups = [g for g in _shared(a, b, "group") if g]
            for group in [None, *(groups if len(groups) > 1 else ())]:
                sides = (a, b) if group is None else (a.where(group=group), b.where(group=group))
                found.append(_compared(*sides, measure, setting, group, scale(measure)))
    return found


def _shared(first: Table, second: Table, field: str) -> list[str]:
    there = set(second.present(field))
    return [name for name in first.present(field) if name in there]


def _questions(table: Table) -> dict[tuple[str, str], float]:
    """Mean value of each question over repeats, by (cluster, item or turn)."""
    values: dict[tuple[str, str], list[float]] = {}
    kept = table.select(table.measured)
    for cluster, item, turn, value in zip(kept.text("cluster"), kept.text("item"), kept.turn, kept.value, strict=True):
        values.setdefault((cluster, item or str(turn)), []).append(float(value))
    return {key: float(np.mean(v)) for key, v in values.items()}


def _compared(a: Table, b: Table, measure: str, setting: str, group: str | None, scale: Scale) -> Comparison:
    d = paired(b, a, scale)
    figure = Figure(
        measure=f"{measure} difference", kind="difference", setting=setting, group=group, unit=scale.unit, value=d.value,
        low=d.low, high=d.high, worst=d.worst, best=d.best, n_cases=d.n_clusters, n_scored=d.n_pairs - d.n_failed,
        n_failed=d.n_failed, n_unmeasured=d.n_lost,
        note="" if d.p is None else f"p = {d.p:.3f}" if d.p >= 0.001 else "p < 0.001",
    )  # fmt: skip
    before, after = _questions(a), _questions(b)
    shared = before.keys() & after.keys()
    return Comparison(
        measure=measure, setting=setting, group=group, difference=figure, questions=len(shared),
        first=float(np.mean([before[k] for k in shared])) if shared else None,
        second=float(np.mean([after[k] for k in shared])) if shared else None,
        gained=sum(before[k] < scale.passing <= after[k] for k in shared),
        lost=sum(after[k] < scale.passing <= before[k] for k in shared),
        only_first=len(before.keys() - shared), only_second=len(after.keys() - shared),
    )  # fmt: skip


def sentence(comparison: Comparison, first: str, second: str) -> str:
    """One comparison in plain words."""
    c, d = comparison, comparison.difference
    where = f"{one_line(c.measure)}, {one_line(c.setting)}"
    if d.value is None:
        return f"{where}: no question was measured in both."
    verdict = "no clear difference" if not certain(d) else "better" if d.value > 0 else "worse"
    text = f"{where}: {one_line(second)} against {one_line(first)} {estimate(d, signed=True)}, {verdict}"
    text += f" ({count(d.n_cases, 'case')}, {count(c.questions, 'question')}; {c.gained:,} gained, {c.lost:,} lost)."
    if c.only_first or c.only_second:
        text += f" Not compared: {c.only_first:,} questions of the first only, {c.only_second:,} of the second only."
    return text


def lines(found: Iterable[Comparison], first: str, second: str) -> Iterator[str]:
    """The comparisons over all groups, one line each."""
    return (sentence(c, first, second) for c in found if c.group is None)


def comparison_table(found: Sequence[Comparison], first: str, second: str) -> Grid:
    """A table of all comparisons: means on the shared questions, difference with interval, flips each way."""
    table = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(Text("measure"), overflow="fold", max_width=20, header_style="bold")
    table.add_column(Text("group"), overflow="fold", max_width=16, header_style="bold")
    for name in (one_line(first, 12), one_line(second, 12), "difference", "+", "−", "cases"):
        table.add_column(Text(name), justify="right", overflow="fold", header_style="bold")
    last = ""
    for c in found:
        d, name = c.difference, f"{one_line(c.measure, 30)}, {one_line(c.setting, 20)}"
        cells = (
            "" if name == last else name, one_line(c.group, 40) if c.group else "all", number(c.first, d.unit),
            number(c.second, d.unit), estimate(d, signed=True), f"{c.gained:,}", f"{c.lost:,}", f"{d.n_cases:,}",
        )  # fmt: skip
        table.add_row(*(Text(cell) for cell in cells), style="bold" if certain(d) else "")
        last = name
    return table


def print_comparison(found: Sequence[Comparison], first: str, second: str, console: Console | None = None) -> None:
    """Print the table, then the findings in words. ``first``/``second``: what to call the two runs."""
    console = console or Console()

    def show() -> None:
        if not found:
            console.print(Text("Nothing to compare: the two runs share no measure and setting."))
            return
        console.print(comparison_table(found, first, second))
        console.print(Text("+ failed before and passes now, − passed before and fails now", style="dim"))
        for line in lines(found, first, second):
            console.print(Text(line))

    in_plain_text(console, show)
