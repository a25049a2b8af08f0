"""The figures of a judge under test: agreement with people, favourite positions, what probes move, how sure it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import msgspec
import numpy as np

from ...judges.choosing import LETTERS
from ...measures.agreement import cohen_kappa
from ...measures.agreement_parts import Agreement
from ...measures.calibration import aurc, brier, ece, wrong_at
from ...measures.correlation import kendall, pairwise_accuracy, spearman
from ...measures.curves import cell_means
from ...measures.figure import Figure, FigureMaker, Scale
from ...measures.figures import mean
from ...measures.intervals import clustered_mean
from ...measures.krippendorff import krippendorff_alpha
from ...measures.raters import gwet_ac
from ...measures.verdict import Table
from .judge_figures import Told, agreement_figure, beside
from .judging_probes import PLAIN, clusters_of, families, favour_own, first_name, first_place, moved, of_pairs, same


def agreement(name: str, compute: Callable[[list[Told]], Agreement], *, coded: bool) -> FigureMaker:
    """A coefficient of the plain verdicts with the labels (kind "kappa"), over all and by group. ``coded``: only where both take
    few values (pairs, right or wrong), else only on scales."""

    def figures(table: Table) -> Iterator[Figure]:
        plain = table.where(setting=PLAIN)
        told = beside(plain, "verdict", "label")
        if _coded(told) is not coded:
            return
        for group in (None, *dict.fromkeys(t.group for t in told if t.group)):
            rows = [t for t in told if group in (None, t.group)]
            yield agreement_figure(compute(rows), name, PLAIN, group, len(rows))

    return figures


def _coded(told: list[Told]) -> bool | None:
    """Whether the labels are classes (pairs, right or wrong), not values of a scale; None where there are none. That all labels
    of a scale happen to be at 0 or 1 makes it no classes: then verdicts lie beyond."""
    labels = {t.other for t in told if t.other is not None}
    return (labels <= {0.0, 0.5, 1.0} and all(0 <= t.value <= 1 for t in told if t.value is not None)) if labels else None


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


def most_frequent(table: Table) -> Iterator[Figure]:
    """How often the most frequent verdict, and the most frequent label, occur in plain (kind "mean"); the note says which."""
    classes = {1.0: "right", 0.0: "wrong"} if len(table.where(measure="correct", setting=PLAIN)) else {}
    words = {1.0: "the first", 0.0: "the second", 0.5: "a tie"} if of_pairs(table) else classes
    for measure in ("verdict", "label"):
        rows = table.where(measure=measure, setting=PLAIN)
        rows = rows.select(rows.measured)
        if not len(rows):
            yield from _most_frequent_order(table) if measure == "verdict" else ()
            continue
        values, counts = np.unique(rows.value, return_counts=True)
        top = values[counts.argmax()]
        found = clustered_mean(rows.value == top, rows.codes["cluster"])
        yield Figure(
            measure=f"most frequent {measure}", setting=PLAIN, value=found.value, low=found.low, high=found.high,
            n_cases=found.n_clusters, n_scored=len(rows), note=words.get(float(top), f"{top:g}"),
        )  # fmt: skip


def _most_frequent_order(table: Table) -> Iterator[Figure]:
    """The same for lists: how often the most frequent order occurs, the answers named as they are shown."""
    rows = table.where(measure="rank", setting=PLAIN)
    orders: dict[tuple[str, int], list[float]] = {}
    who: dict[tuple[str, int], str] = {}
    columns = zip(rows.text("case"), rows.repeat.tolist(), rows.value.tolist(), rows.text("cluster"), strict=True)
    for case, repeat, place, cluster in columns:
        orders.setdefault((case, repeat), []).append(place)
        who[case, repeat] = cluster
    if not orders:
        return
    (top, _), *_ = Counter(tuple(o) for o in orders.values()).most_common(1)
    found = clustered_mean([float(tuple(o) == top) for o in orders.values()], clusters_of(list(who.values())))
    names = [LETTERS[i] for i in sorted(range(len(top)), key=lambda i: top[i])]
    yield Figure(
        measure="most frequent verdict", setting=PLAIN, value=found.value, low=found.low, high=found.high,
        n_cases=found.n_clusters, n_scored=len(orders), note=" > ".join(names),
    )  # fmt: skip


def order_of_lists(table: Table) -> Iterator[Figure]:
    """Somers' D of the judge's order of a list with people's (kind "kappa", −1 to 1), mean over lists: of the pairs that people
    tell apart, the share in their order less the share in the other one. 1 = the same order, 0 = by chance."""
    if len(table.where(measure="rank", setting=PLAIN)):
        for f in mean("correct", by=("setting",))(table.where(setting=PLAIN)):
            value, low, high = (None if v is None else 2 * v - 1 for v in (f.value, f.low, f.high))
            yield msgspec.structs.replace(
                f, measure="Somers D", kind="kappa", unit="", value=value, low=low, high=high, worst=None, best=None
            )


RATER = "rater "


def between_people(table: Table) -> Iterator[Figure]:
    """Krippendorff's alpha of the labels of single people (kind "kappa"), where items have them: what a judge may be held to."""
    plain = table.where(setting=PLAIN)
    names = sorted(name for name in plain.present("measure") if name.startswith(RATER))
    told = [{t.key: t for t in beside(plain, name, name)} for name in names]
    keys = list(dict.fromkeys(key for side in told for key in side))
    if len(names) < 2 or not keys:
        return
    ratings = [[side[key].value if key in side else None for side in told] for key in keys]
    who = [next(side[key].cluster for side in told if key in side) for key in keys]
    coded = all(v is None or v in (0.0, 0.5, 1.0) for row in ratings for v in row)
    found = krippendorff_alpha(ratings, clusters=who, level="nominal" if coded else "interval")
    yield agreement_figure(found, "people's alpha", PLAIN, None, len(keys))


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
    Only for items that are right or wrong; those on which people are divided are left out."""
    plain = table.where(setting=PLAIN)
    told = [t for t in beside(plain, "verdict", "label") if t.other is not None]
    if not _coded(told) or of_pairs(table):
        return
    for name, label in (("sensitivity", 1.0), ("specificity", 0.0)):
        rows = [t for t in told if t.other == label and t.value is not None]
        if rows:
            e = clustered_mean([float((t.value or 0) > 0.5) == label for t in rows], clusters_of([t.cluster for t in rows]))
            yield Figure(
                measure=name, kind="rate", setting=PLAIN, value=e.value, low=e.low, high=e.high, n_cases=e.n_clusters,
                n_scored=len(rows), n_unmeasured=sum(t.other == label for t in told) - len(rows),
            )  # fmt: skip


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
    """The figures of verdicts that stand beside labels and nothing else (measures "verdict", "label" and
    "correct", or on a scale "error"; setting plain): agreement, error rates, the most frequent ones."""
    makers = (mean("correct"), mean("error"), *_CODED, *_ON_SCALES, between_people, error_rates, most_frequent)
    return [figure for make in makers for figure in make(table)]


FIGURES: tuple[FigureMaker, ...] = (
    mean("correct"), mean("error", Scale(0, 1, "fraction", passing=0)),
    *_CODED, *_ON_SCALES, order_of_lists, between_people,
    mean("shown first", by=("setting",)), mean("unparsable", by=("setting",)), mean("confidence", by=("setting",)),
    *(same(name) for name in ("again", "swapped", "relabelled")),
    first_place, first_name, most_frequent, error_rates, confidence,
    *(moved(name) for name in ("longer", "styled", "flawed")), favour_own, families, part_means,
)  # fmt: skip
