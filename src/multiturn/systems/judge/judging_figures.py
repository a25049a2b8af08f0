"""The figures of a judge under test: agreement with people, favourite positions, what probes move, how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ...measures.agreement import cohen_kappa
from ...measures.agreement_parts import Agreement
from ...measures.calibration import aurc, brier, ece, wrong_at
from ...measures.correlation import kendall, pairwise_accuracy, spearman
from ...measures.curves import cell_means
from ...measures.figure import FRACTION, Figure, FigureMaker, Scale
from ...measures.figures import mean
from ...measures.intervals import clustered_mean
from ...measures.krippendorff import krippendorff_alpha
from ...measures.paired import paired
from ...measures.raters import gwet_ac
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


def _ac1(rows: list[Told]) -> Agreement:
    told = [(t.other, _class(t.value)) for t in rows]
    labels = sorted({v for pair in told for v in pair if v is not None} | {0.0, 1.0})
    return gwet_ac(told, [t.cluster for t in rows], labels=labels)


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


def first_place(table: Table) -> Iterator[Figure]:
    """Verdicts that name the answer shown first, of the same items in both orders (kind "mean", setting "plain and swapped"): 0.5
    = no favourite place, whatever the labels. Only items with a verdict in both orders."""
    rows = table.where(measure="shown first")
    sides: list[dict[tuple[str, int], tuple[float, str]]] = []
    for setting in (PLAIN, "swapped"):
        side = rows.where(setting=setting)
        keys = zip(side.text("case"), side.repeat.tolist(), strict=True)
        sides.append(dict(zip(keys, zip(side.value.tolist(), side.text("cluster"), strict=True), strict=True)))
    both = [(sides[0][k][0] + sides[1][k][0], sides[0][k][1]) for k in sides[0] if k in sides[1]]
    if both:
        codes = np.unique([cluster for _, cluster in both], return_inverse=True)[1]
        e = clustered_mean(np.array([v / 2 for v, _ in both]), codes)
        yield Figure(
            measure="favours first place", setting="plain and swapped", value=e.value, low=e.low, high=e.high,
            n_cases=e.n_clusters, n_scored=len(both), note="0.5 = no favourite",
        )  # fmt: skip


def most_frequent(table: Table) -> Iterator[Figure]:
    """How often the most frequent verdict, and the most frequent label, occur in plain (kind "mean"); the note says which."""
    words = {1.0: "the first", 0.0: "the second", 0.5: "a tie"} if len(table.where(measure="shown first")) else {}
    for measure in ("verdict", "label"):
        rows = table.where(measure=measure, setting=PLAIN)
        rows = rows.select(rows.measured)
        if not len(rows):
            continue
        values, counts = np.unique(rows.value, return_counts=True)
        top = values[counts.argmax()]
        found = clustered_mean(rows.value == top, rows.codes["cluster"])
        yield Figure(
            measure=f"most frequent {measure}", setting=PLAIN, value=found.value, low=found.low, high=found.high,
            n_cases=found.n_clusters, n_scored=len(rows), note=words.get(float(top), f"{top:g}"),
        )  # fmt: skip


CONFIDENT = 0.9


def confidence(table: Table) -> Iterator[Figure]:
    """Whether stated confidence is worth something, in plain (kind "calibration"): calibration error, Brier score, how often it
    is wrong where it is at least 90 % sure, and the area under the risk-coverage curve."""
    told = [t for t in beside(table.where(setting=PLAIN), "confidence", "correct") if t.value is not None and t.other is not None]
    if not told:
        return
    sure, right = (np.array([v or 0.0 for v in side]) for side in ([t.value for t in told], [t.other for t in told]))
    who = [t.cluster for t in told]
    found = {
        "ECE": (ece(sure, right, who), "10 bins of equal width"), "Brier": (brier(sure, right, who), ""),
        "wrong when sure": (wrong_at(sure, right, CONFIDENT, who), "share wrong where confidence is at least 0.9"),
        "AURC": (aurc(sure, right, who), "area under the risk-coverage curve"),
    }  # fmt: skip
    for name, (e, note) in found.items():
        yield Figure(
            measure=name, kind="calibration", setting=PLAIN, value=e.value, low=e.low, high=e.high, n_cases=e.n_clusters,
            n_scored=e.n_values, note=note,
        )  # fmt: skip


def error_rates(table: Table) -> Iterator[Figure]:
    """Sensitivity and specificity in plain (kind "rate"): of what people call right (wrong), the share that the judge does, too.
    Only for items that are right or wrong, or pairs without ties."""
    told = [t for t in beside(table.where(setting=PLAIN), "verdict", "label") if t.other is not None]
    if not told or not {t.other for t in told} <= {0.0, 1.0}:
        return
    for name, label in (("sensitivity", 1.0), ("specificity", 0.0)):
        rows = [t for t in told if t.other == label and t.value is not None]
        if rows:
            e = clustered_mean([float((t.value or 0) > 0.5) == label for t in rows], _codes(rows))
            yield Figure(
                measure=name, kind="rate", setting=PLAIN, value=e.value, low=e.low, high=e.high, n_cases=e.n_clusters,
                n_scored=len(rows), n_unmeasured=sum(t.other == label for t in told) - len(rows),
            )  # fmt: skip


def _codes(rows: list[Told]) -> NDArray[np.int64]:
    return np.unique([t.cluster for t in rows], return_inverse=True)[1]


def part_means(table: Table) -> Iterator[Figure]:
    """The mean of each part (aspect, criterion, single judge) in plain, in its own unit (kind "part")."""
    plain = table.where(setting=PLAIN)
    for name in plain.present("measure"):
        if name.startswith("part: "):
            rows = plain.where(measure=name)
            values = rows.value[rows.measured]
            if not len(values):
                continue
            found = cell_means(rows, ("setting",), Scale(float(values.min()), float(max(values.max(), values.min() + 1e-9)), ""))
            m = found.means
            yield Figure(
                measure=name, kind="part", setting=PLAIN, unit="", value=float(m.value[0]), low=float(m.low[0]),
                high=float(m.high[0]), n_cases=int(m.clusters[0]), n_scored=int(found.scored.sum()),
                n_unmeasured=int(found.unmeasured.sum()),
            )  # fmt: skip


_CODED = (agreement("kappa", _kappa, coded=True), agreement("AC1", _ac1, coded=True))
_ON_SCALES = (
    agreement("Spearman", _numbers(spearman), coded=False), agreement("Kendall", _numbers(kendall), coded=False),
    agreement("alpha", _alpha, coded=False), agreement("pairwise accuracy", _numbers(pairwise_accuracy), coded=False),
)  # fmt: skip


def against_labels(table: Table) -> list[Figure]:
    """The figures of verdicts that stand beside labels and nothing else (measures "verdict" and "label", setting plain, as shares
    of the scale): agreement, error rates, the most frequent ones."""
    return [figure for make in (*_CODED, *_ON_SCALES, error_rates, most_frequent) for figure in make(table)]


FIGURES: tuple[FigureMaker, ...] = (
    mean("correct"), mean("error", Scale(0, 1, "fraction", passing=0)),
    *_CODED, *_ON_SCALES,
    mean("shown first", by=("setting",)), mean("unparsable", by=("setting",)), mean("confidence", by=("setting",)),
    *(same(name) for name in ("again", "swapped", "relabelled")),
    first_place, most_frequent, error_rates, confidence,
    *(moved(name) for name in ("longer", "styled", "flawed")), favour_own, part_means,
)  # fmt: skip
