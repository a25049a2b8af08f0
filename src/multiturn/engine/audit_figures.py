"""Every figure of a run beside the same without some of its conversations, and how sure the difference is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np

from ..measures.agreement_parts import ends
from ..measures.figure import Figure
from ..measures.intervals import UNBOUNDED
from ..measures.verdict import Table
from ..protocols.benchmark import Benchmark
from .runs import RunRow
from .store import Store

_VERDICTS = """
SELECT e.id, e."case", e.cluster, e.setting, e.repeat, v."group", v.turn, v.item, v.measure, v.value, v.status, v.cause
FROM run_episodes r JOIN episodes e ON e.id = r.episode JOIN verdicts v ON v.episode = e.id
WHERE r.run = ? AND e.system = ? AND e.model = ? ORDER BY r.n, v.n"""


def verdicts_of(store: Store, run: RunRow, system: str, model: str, without: Collection[bytes] = ()) -> Table:
    """The verdicts of one system and model, those of the episodes ``without`` left out."""
    nan = float("nan")
    rows = store.rows(_VERDICTS, run.id, system, model)
    return Table.of((*r[1:9], nan if r[9] is None else r[9], *r[10:]) for r in rows if r[0] not in without)


Name: TypeAlias = tuple[object, ...]
"""What a figure is a figure of."""


class Beside(NamedTuple):
    """A figure of all conversations, the same ``without`` some (None: nothing is left of it), and their difference in the
    figure's unit: without - all, with a 95 % interval (None: it cannot be had)."""

    all: Figure
    without: Figure | None
    difference: float | None
    low: float | None
    high: float | None


def figures_without(
    store: Store, run: RunRow, benchmark: Benchmark, model: str, without: Collection[bytes], outside: Collection[str] = ()
) -> list[Beside]:
    """Every figure of one system and model, and the same from the other conversations only. ``outside``: settings of which
    nothing counts.

    The two figures share most of their conversations. The interval of the difference is the jackknife's: both figures are made
    anew without each case, or without each of `BLOCKS` blocks of cases (Kott 2001, J. Official Statistics 17:521). In simulation
    (benchmarks/audit_difference.py) it holds the truth 94 to 97 % of the time from 30 cases on and 96 to 99 % with 12, the
    percentile bootstrap over cases 92 to 95 and 79 to 92 %.
    """
    whole, rest = (_inside(verdicts_of(store, run, benchmark.label, model, out), outside) for out in ((), without))
    kept = _figures(benchmark, rest)
    left = list(_left(benchmark, whole, rest)) if without else []
    out = []
    for make in benchmark.figures if len(whole) else ():
        for figure in make(whole):
            name = _name(figure)
            labelled = msgspec.structs.replace(figure, system=benchmark.label, model=model)
            out.append(_beside(labelled, kept.get(name), [one.get(name) for one in left]))
    return out


BLOCKS = 40
"""Most parts that are left out in turn: the cost is this many times the figures."""


def _beside(figure: Figure, rest: Figure | None, left: Sequence[float | None]) -> Beside:
    difference = _minus(rest, figure)
    if difference is None or not left or None in left:
        return Beside(figure, rest, difference, None, None)
    low, high = ends(difference, np.array(left, dtype=np.float64), UNBOUNDED)
    if low is not None and high is not None and figure.unit == "fraction" and figure.kind in ("mean", "turn"):
        low, high = max(low, -(figure.value or 0.0)), min(high, 1 - (figure.value or 0.0))  # no share leaves 0 to 1
    return Beside(figure, rest, difference, low, high)


def _left(benchmark: Benchmark, whole: Table, rest: Table) -> Iterator[dict[Name, float | None]]:
    """The differences without each block of cases, shuffled: cases often come in turn from several tasks."""
    names = whole.present("cluster")
    cases = dict(zip(names, np.random.default_rng(len(names)).permutation(len(names)).tolist(), strict=True))
    blocks = min(BLOCKS, len(cases))
    block = [np.array([cases[case] % blocks for case in table.text("cluster")], dtype=np.int64) for table in (whole, rest)]
    for b in range(blocks):
        all_, kept = (_figures(benchmark, t.select(at != b)) for t, at in zip((whole, rest), block, strict=True))
        yield {name: _minus(kept.get(name), figure) for name, figure in all_.items()}


def _minus(rest: Figure | None, whole: Figure) -> float | None:
    return None if rest is None or rest.value is None or whole.value is None else rest.value - whole.value


def _figures(benchmark: Benchmark, table: Table) -> dict[Name, Figure]:
    return {_name(figure): figure for make in benchmark.figures for figure in make(table)} if len(table) else {}


def _inside(table: Table, outside: Collection[str]) -> Table:
    return table.select(np.array([setting not in outside for setting in table.text("setting")], dtype=bool)) if outside else table


def _name(figure: Figure) -> Name:
    return figure.measure, figure.kind, figure.setting, figure.group, figure.turn, figure.unit
