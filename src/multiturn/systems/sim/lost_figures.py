"""What Lost in Conversation prints beside means: performance relative to FULL, and the change of aptitude and unreliability."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

import numpy as np

from ...measures.codes import Floats, number
from ...measures.figure import FRACTION, Figure, FigureMaker, Scale
from ...measures.intervals import t_quantile
from ...measures.reliability import aptitude, trials
from ...measures.verdict import UNMEASURED, Table


# -- ratios -----------------------------------------------------------------------------------------------------------
def relative(cells: Mapping[str, float], full: Mapping[str, float]) -> float:
    """The paper's "overall" columns: the mean over tasks of (a setting's score / FULL's score), over the tasks that have
    both."""
    return fmean(cells[task] / full[task] for task in full if task in cells)


def change(before: Sequence[float], after: Sequence[float]) -> float:
    """Relative change of the mean over models: +1 = doubled."""
    return fmean(after) / fmean(before) - 1


class Ratio(NamedTuple):
    """A ratio of two means over clusters: its value, its variance and degrees of freedom (NaN with fewer than two clusters)."""

    value: float
    variance: float
    df: float


def ratio(a: Floats, of_a: Sequence[str], b: Floats, of_b: Sequence[str]) -> Ratio:
    """mean(a) / mean(b), each value with the label of its cluster. Variance: the delete-one-cluster jackknife
    (G - 1)/G * sum (r_(g) - mean r_(.))^2, which keeps the pairing of the two sides."""
    labels = {label: i for i, label in enumerate(dict.fromkeys((*of_a, *of_b)))}
    n = len(labels)
    at_a, at_b = np.array([labels[x] for x in of_a], dtype=np.int64), np.array([labels[x] for x in of_b], dtype=np.int64)
    with np.errstate(all="ignore"):
        sums = [np.bincount(at, w, n) for at, w in ((at_a, a), (at_a, np.ones_like(a)), (at_b, b), (at_b, np.ones_like(b)))]
        ya, na, yb, nb = ((s.sum() - s) for s in sums)
        without = (ya / na) / (yb / nb)
        variance = (n - 1) / n * float(((without - without.mean()) ** 2).sum()) if n > 1 else float("nan")
        value = float((a.mean() / b.mean()) if len(a) and len(b) else np.nan)
    return Ratio(value, variance, n - 1)


def overall(measure: str, settings: Sequence[str], full: str = "full") -> FigureMaker:
    """`relative` of each setting to ``full``, with a t interval over cases (jackknife within tasks): kind "ratio", unit
    "fraction" (1 = as good as FULL; above 1 is possible). Tasks in which FULL scores 0 are left out and named."""

    def figures(table: Table) -> Iterator[Figure]:
        rows = table.where(measure=measure)
        base = rows.where(setting=full)
        for setting in settings:
            side = rows.where(setting=setting)
            if len(side) and len(base):
                yield _overall(side, base, f"{measure} relative to {full}", setting)

    return figures


def _overall(side: Table, base: Table, name: str, setting: str) -> Figure:
    found, without = [], []
    for group in base.present("group"):
        a, of_a = _values(side.where(group=group))
        b, of_b = _values(base.where(group=group))
        if len(a) and len(b) and b.mean() > 0:
            found.append(ratio(a, of_a, b, of_b))
        else:
            without.append(group or "all")
    both = [table.select(table.measured) for table in (side, base)]
    value, low, high = _combined(found)
    return Figure(
        measure=name, kind="ratio", setting=setting, value=value, low=low, high=high,
        n_cases=len({label for table in both for label in table.text("cluster")}),
        n_scored=sum(int((t.status == 0).sum()) for t in both), n_failed=sum(int((t.status == 1).sum()) for t in both),
        n_unmeasured=sum(int((t.status == UNMEASURED).sum()) for t in (side, base)),
        note=f"mean over {len(found)} tasks" + (f"; without {', '.join(without)}" if without else ""),
    )  # fmt: skip


def _values(table: Table) -> tuple[Floats, list[str]]:
    table = table.select(table.measured)
    return table.value, table.text("cluster")


def _combined(found: Sequence[Ratio]) -> tuple[float | None, float | None, float | None]:
    """The mean of independent ratios; degrees of freedom by Satterthwaite."""
    if not found:
        return None, None, None
    value = fmean(r.value for r in found)
    variance = np.array([r.variance for r in found]) / len(found) ** 2
    total = float(variance.sum())
    if not np.isfinite(total):
        return number(value), None, None
    spread = float((variance**2 / np.array([r.df for r in found])).sum())
    half = float(t_quantile(total**2 / spread if spread > 0 else 1.0)) * total**0.5
    return number(value), number(value - half), number(value + half)


def changes(measure: str, settings: Sequence[str], full: str = "full", scale: Scale = FRACTION) -> FigureMaker:
    """How much a case's aptitude and unreliability (`multiturn.measures.reliability`) change from ``full`` to a setting, as a
    ratio of means minus 1 (kind "ratio"): +1.12 = more than twice as unreliable. Needs two repeats."""

    def figures(table: Table) -> Iterator[Figure]:
        rows = table.where(measure=measure)
        base = _spread(rows.where(setting=full), scale)
        for setting in settings:
            side = _spread(rows.where(setting=setting), scale)
            if side is None or base is None:
                continue
            for name, a, b in (("aptitude", side.best, base.best), ("unreliability", side.spread, base.spread)):
                found = ratio(a, side.clusters, b, base.clusters)
                ends = _combined([found] if np.isfinite(found.value) else [])
                value, low, high = (None if end is None else end - 1 for end in ends)
                yield Figure(
                    measure=f"{measure} {name} change from {full}", kind="ratio", setting=setting, value=value, low=low,
                    high=high, n_cases=len({*side.clusters, *base.clusters}), n_scored=len(a) + len(b),
                )  # fmt: skip

    return figures


class _Spread(NamedTuple):
    """Aptitude, unreliability and cluster of each case that has two scored repeats."""

    best: Floats
    spread: Floats
    clusters: list[str]


def _spread(rows: Table, scale: Scale) -> _Spread | None:
    found = trials(rows, scale.passing)
    has = ~np.isnan(found.score)
    cases = len(found.clusters)
    enough = np.bincount(found.case[has], minlength=cases) >= 2 if cases else np.zeros(0, dtype=bool)
    if not enough.any():
        return None
    best, spread = aptitude(found.score[has], found.case[has], cases)
    names = rows.names["cluster"]
    return _Spread(best[enough], spread[enough], [names[c] for c in found.clusters[enough]])
