"""The figures of a judge under test: agreement with people, favourite positions, what probes move, how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...measures.agreement import Agreement, cohen_kappa, kendall, krippendorff_alpha, pairwise_accuracy, spearman
from ...measures.curves import cell_means
from ...measures.figure import FRACTION, Figure, FigureMaker, Scale
from ...measures.figures import mean
from ...measures.intervals import clustered_mean
from ...measures.paired import paired
from ...measures.verdict import Table
from .judge_figures import Told, agreement_figure, beside

PLAIN = "plain"


def agreement(name: str, compute: Callable[[list[Told]], Agreement], *, coded: bool) -> FigureMaker:
    """A coefficient of the plain verdicts with the labels (kind "kappa"), over all and by group. ``coded``: only where both take
    few values (pairs, right or wrong), else only on scales."""

    def figures(table: Table) -> Iterator[Figure]:
        plain = table.where(setting=PLAIN)
        told = beside(plain, "verdict", "label")
        labels = {t.other for t in told if t.other is not None}
        if not labels or (labels <= {0.0, 0.5, 1.0}) is not coded:
            return
        for group in (None, *dict.fromkeys(t.group for t in told if t.group)):
            rows = [t for t in told if group in (None, t.group)]
            yield agreement_figure(compute(rows), name, PLAIN, group, len(rows))

    return figures


def _kappa(rows: list[Told]) -> Agreement:
    return cohen_kappa([t.other for t in rows], [_class(t.value) for t in rows], [t.cluster for t in rows])


def _class(value: float | None) -> float | None:
    """Points of a pair as a class: a win, a loss or a tie."""
    return None if value is None else 1.0 if value > 0.5 else 0.0 if value < 0.5 else 0.5


def _numbers(function: Callable[..., Agreement]) -> Callable[[list[Told]], Agreement]:
    def compute(rows: list[Told]) -> Agreement:
        nan = float("nan")
        sides = ([nan if v is None else v for v in side] for side in ([t.value for t in rows], [t.other for t in rows]))
        return function(*sides, [t.cluster for t in rows])

    return compute


def _alpha(rows: list[Told]) -> Agreement:
    return krippendorff_alpha([(t.value, t.other) for t in rows], clusters=[t.cluster for t in rows], level="interval")


def moved(probe: str) -> FigureMaker:
    """How far a probe moves the points of what it changes (kind "difference": probe − plain, −1 to 1), over all and by group."""

    def figures(table: Table) -> Iterator[Figure]:
        rows = table.where(measure="points")
        if not len(rows.where(setting=probe)):
            return
        d = paired(rows.where(setting=probe), rows.where(setting=PLAIN), FRACTION)
        if d.n_pairs or d.n_lost:
            yield Figure(
                measure=f"points {probe}", kind="difference", setting=f"{probe} - {PLAIN}", unit="fraction", value=d.value,
                low=d.low, high=d.high, n_cases=d.n_clusters, n_scored=d.n_pairs, n_unmeasured=d.n_lost, worst=d.worst,
                best=d.best, note="" if d.p is None else f"p = {d.p:.3f}" if d.p >= 0.001 else "p < 0.001",
            )  # fmt: skip

    return figures


def favour_own(table: Table) -> Iterator[Figure]:
    """Points that an answer gains by being called the judge's own instead of another model's (kind "difference")."""
    rows = table.where(measure="points")
    own, other = rows.where(setting="own"), rows.where(setting="other")
    if len(own) and len(other):
        d = paired(own, other, FRACTION)
        yield Figure(
            measure="points own", kind="difference", setting="own - other", unit="fraction", value=d.value, low=d.low,
            high=d.high, n_cases=d.n_clusters, n_scored=d.n_pairs, n_unmeasured=d.n_lost, worst=d.worst, best=d.best,
            note="" if d.p is None else f"p = {d.p:.3f}" if d.p >= 0.001 else "p < 0.001",
        )  # fmt: skip


def same(setting: str) -> FigureMaker:
    """Share of items on which the judge says the same as in plain (kind "mean", measure "same verdict"): the same class of a
    pair, the same value of one answer."""

    def figures(table: Table) -> Iterator[Figure]:
        sides = []
        for name in (PLAIN, setting):
            rows = table.where(measure="verdict", setting=name)
            keys = zip(rows.text("case"), rows.repeat.tolist(), rows.text("item"), strict=True)
            sides.append(dict(zip(keys, zip(rows.value.tolist(), rows.text("cluster"), strict=True), strict=True)))
        plain, other = sides
        shared = [(plain[k], other[k]) for k in other if k in plain]
        if not shared:
            return
        pairs = {v for (v, _), _ in shared} <= {0.0, 0.5, 1.0}
        known = [(a, b, cluster) for (a, cluster), (b, _) in shared if not np.isnan(a) and not np.isnan(b)]
        equal = [float(_class(a) == _class(b) if pairs else a == b) for a, b, _ in known]
        found = clustered_mean(np.array(equal), np.unique([c for *_, c in known], return_inverse=True)[1]) if known else None
        yield Figure(
            measure="same verdict", setting=setting, value=None if found is None else found.value,
            low=None if found is None else found.low, high=None if found is None else found.high,
            n_cases=len({c for *_, c in known}), n_scored=len(known), n_unmeasured=len(shared) - len(known), note="as in plain",
        )  # fmt: skip

    return figures


def part_means(table: Table) -> Iterator[Figure]:
    """The mean of each part (aspect, criterion, single judge) in plain, in its own unit (kind "part")."""
    plain = table.where(setting=PLAIN)
    for name in plain.present("measure"):
        if name.startswith("part: "):
            rows = plain.where(measure=name)
            values = rows.value[rows.measured]
            if not len(values):
                continue
            found = cell_means(rows, (), Scale(float(values.min()), float(max(values.max(), values.min() + 1e-9)), ""))
            m = found.means
            yield Figure(
                measure=name, kind="part", setting=PLAIN, unit="", value=float(m.value[0]), low=float(m.low[0]),
                high=float(m.high[0]), n_cases=int(m.clusters[0]), n_scored=int(found.scored.sum()),
                n_unmeasured=int(found.unmeasured.sum()),
            )  # fmt: skip


FIGURES: tuple[FigureMaker, ...] = (
    mean("correct"), mean("error", Scale(0, 1, "fraction", passing=0)),
    agreement("kappa", _kappa, coded=True), agreement("Spearman", _numbers(spearman), coded=False),
    agreement("Kendall", _numbers(kendall), coded=False), agreement("alpha", _alpha, coded=False),
    agreement("pairwise accuracy", _numbers(pairwise_accuracy), coded=False),
    mean("shown first", by=("setting",)), mean("unparsable", by=("setting",)), mean("confidence", by=("setting",)),
    *(same(name) for name in ("again", "swapped", "relabelled")),
    *(moved(name) for name in ("longer", "styled", "flawed")), favour_own, part_means,
)  # fmt: skip
