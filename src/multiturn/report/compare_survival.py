"""Two sides' survival over turns, and the log-rank test between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from msgspec import Struct
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from ..measures.figure import Figure, Scale
from ..measures.figures import survival
from ..measures.logrank import LogRank, log_rank
from ..measures.verdict import Table
from .compare import cells
from .compare_print import grid, right
from .conclusions import p_equals
from .result import figure_row
from .safe import one_line
from .terminal import in_plain_text
from .words import count, estimate, number


class Curves(Struct, frozen=True):
    """Survival on the cases of both sides: curves and restricted means (kinds "survival" and "rmst") and the test."""

    measure: str
    setting: str
    first: list[Figure]
    second: list[Figure]
    test: LogRank
    left_out: int


def curves(first: Table, second: Table, scale: Callable[[str], Scale]) -> list[Curves]:
    """Each measure and setting where conversations of both sides are scored at several turns, and can fail."""
    found = []
    for measure, setting, a, b in cells(first, second):
        if not scale(measure).low < scale(measure).passing <= scale(measure).high:
            continue
        shared = set(a.present("cluster")) & set(b.present("cluster"))
        left_out = len({*a.present("cluster"), *b.present("cluster")}) - len(shared)
        one, two = _only(a, shared), _only(b, shared)
        if not (_long(one) and _long(two)):
            continue
        test = log_rank(one, two, scale(measure).passing)
        if test is not None:
            figures = [list(survival(measure, scale(measure), setting)(_ungrouped(t))) for t in (one, two)]
            found.append(Curves(measure, setting, figures[0], figures[1], test, left_out))
    return found


def _only(table: Table, clusters: set[str]) -> Table:
    names = np.array([name in clusters for name in table.names["cluster"]], dtype=bool)
    return table.select(names[table.codes["cluster"]])


def _ungrouped(table: Table) -> Table:
    """The same table as one group: curves are of all cases."""
    return Table({**table.codes, "group": np.zeros(len(table), dtype=np.int64)}, {**table.names, "group": ("",)}, table.repeat,
                 table.turn, table.value, table.status)  # fmt: skip


def _long(table: Table) -> bool:
    """Whether some conversation has verdicts on more than one turn."""
    here = table.turn > 0
    if not here.any():
        return False
    talk = table.codes["case"][here] * (int(table.repeat.max()) + 1) + table.repeat[here]
    _, position = np.unique(talk, return_inverse=True)
    low, high = np.full(position.max() + 1, np.iinfo(np.int64).max), np.zeros(position.max() + 1, dtype=np.int64)
    np.minimum.at(low, position.reshape(-1), table.turn[here])
    np.maximum.at(high, position.reshape(-1), table.turn[here])
    return bool((high > low).any())


def survival_table(c: Curves, first: str, second: str, console: Console) -> Grid:
    """The share of conversations without a failure after each turn, side by side."""
    table = grid(console, (f"{one_line(c.measure, 24)}, {one_line(c.setting, 16)}", 24))
    for name in (first, second):
        right(table, one_line(name, 16), "at risk")
    sides = [{f.turn: f for f in side if f.kind == "survival"} for side in (c.first, c.second)]
    for turn in sorted({*sides[0], *sides[1]}, key=lambda t: t or 0):
        cells: list[str] = []
        for side in sides:
            f = side.get(turn)
            cells += [estimate(f), f"{f.n_scored + f.n_failed:,}" if f is not None else "–"]
        table.add_row(*(Text(cell) for cell in (f"no failure up to turn {turn}", *cells)))
    return table


def survival_lines(c: Curves, first: str, second: str) -> Iterator[str]:
    """The test in words."""
    where, t = f"{one_line(c.measure)}, {one_line(c.setting)}", c.test
    a, b = one_line(first, 30), one_line(second, 30)
    seen = (f"first failures: {a} {t.observed[0]:.0f} ({t.expected[0]:.1f} expected if they failed alike), "
            f"{b} {t.observed[1]:.0f} ({t.expected[1]:.1f})")  # fmt: skip
    if t.p is None or t.z is None:
        yield f"{where}: no log-rank test is possible: it needs two cases or more that differ; {seen}."
    else:
        which = f"{b} fails {'earlier' if t.z > 0 else 'later'}" if t.p < 0.05 else "no difference in when they fail can be seen"
        test = f"log-rank {p_equals(t.p)} (z = {number(t.z, '', signed=True)}; paired on {count(t.clusters, 'case')})"
        yield f"{where}: {which}, {test}; {seen}."
    spans = [next((f for f in side if f.kind == "rmst"), None) for side in (c.first, c.second)]
    if spans[0] is not None and spans[1] is not None:
        yield f"{where}: turns before the first failure: {a} {estimate(spans[0])}, {b} {estimate(spans[1])}."
    if c.left_out:
        yield f"{where}: {count(c.left_out, 'case')} of one side only left out."


def print_survival(found: list[Curves], first: str, second: str, console: Console) -> None:
    """Print the curves of both sides and what the tests say."""

    def show() -> None:
        console.print(Text("\nsurvival", style="bold"))
        if not found:
            console.print(Text("No measure that a turn can fail is scored at several turns of a conversation on both sides."))
        for c in found:
            console.print(survival_table(c, first, second, console))
            for line in survival_lines(c, first, second):
                console.print(Text(line))

    in_plain_text(console, show)


def survival_row(c: Curves) -> dict[str, Any]:
    """The curves and their test as plain JSON values."""
    return {
        "measure": c.measure, "setting": c.setting, "first": [figure_row(f) for f in c.first],
        "second": [figure_row(f) for f in c.second], "test": "log-rank, clustered by case", "z": c.test.z, "p": c.test.p,
        "observed": list(c.test.observed), "expected": list(c.test.expected), "n_cases": c.test.clusters, "left_out": c.left_out,
    }  # fmt: skip
