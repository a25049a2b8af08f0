"""Figures of the probes: what moves a judge that should not, or does not move it although it should."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...judges.items import PairItem
from ...measures.figure import FRACTION, Figure, FigureMaker, Scale
from ...measures.figures import mean
from ...measures.intervals import clustered_mean
from ...measures.paired import Difference, paired
from ...measures.verdict import Table

PLAIN = "plain"
_NAME = PairItem(id="", first="", second="").names[0]
_Shares = dict[tuple[str, int], tuple[float, str]]


def clusters_of(names: Sequence[str]) -> NDArray[np.int64]:
    """Sampling units as numbers."""
    return np.unique(list(names), return_inverse=True)[1]


# -- points that move -------------------------------------------------------------------------------------------------
def moved(probe: str) -> FigureMaker:
    """How far a probe moves the points of what it changes (kind "difference": probe − plain, −1 to 1)."""

    def figures(table: Table) -> Iterator[Figure]:
        yield from _difference(table, probe, PLAIN)

    return figures


def favour_own(table: Table) -> Iterator[Figure]:
    """Points that an answer gains by being called the judge's own instead of another model's (kind "difference")."""
    if len(table.where(measure="points", setting="other")):
        yield from _difference(table, "own", "other")


def _difference(table: Table, probe: str, other: str) -> Iterator[Figure]:
    rows = table.where(measure="points")
    if not len(rows.where(setting=probe)):
        return
    d: Difference = paired(rows.where(setting=probe), rows.where(setting=other), FRACTION)
    if d.n_pairs or d.n_lost:
        yield Figure(
            measure=f"points {probe}", kind="difference", setting=f"{probe} - {other}", unit="fraction", value=d.value,
            low=d.low, high=d.high, n_cases=d.n_clusters, n_scored=d.n_pairs, n_unmeasured=d.n_lost, worst=d.worst,
            best=d.best, note="" if d.p is None else f"p = {d.p:.3f}" if d.p >= 0.001 else "p < 0.001",
        )  # fmt: skip


# -- verdicts that stay -----------------------------------------------------------------------------------------------
def same(setting: str) -> FigureMaker:
    """Share of items on which the judge says the same as in plain (kind "mean", measure "same verdict"): the same class of a
    pair, the same value of one answer, the same order of a list."""

    def figures(table: Table) -> Iterator[Figure]:
        plain, other = _said(table, PLAIN), _said(table, setting)
        shared = [(plain[k], other[k]) for k in other if k in plain]
        if not shared:
            return
        pairs = of_pairs(table)
        known = [(a, b, who) for (a, who), (b, _) in shared if not np.isnan(a).any() and not np.isnan(b).any()]
        equal = [float(_classes(a) == _classes(b) if pairs else a == b) for a, b, _ in known]
        found = clustered_mean(np.array(equal), clusters_of([who for *_, who in known])) if known else None
        yield Figure(
            measure="same verdict", setting=setting, value=None if found is None else found.value,
            low=None if found is None else found.low, high=None if found is None else found.high,
            n_cases=len({who for *_, who in known}), n_scored=len(known), n_unmeasured=len(shared) - len(known),
            note="as in plain",
        )  # fmt: skip

    return figures


def _said(table: Table, setting: str) -> dict[tuple[str, int], tuple[tuple[float, ...], str]]:
    """What the judge said of each item and repeat, with its sampling unit: a value, or the places of a list."""
    found: dict[tuple[str, int], tuple[dict[str, float], str]] = {}
    for measure in ("verdict", "rank"):
        rows = table.where(measure=measure, setting=setting)
        for case, repeat, item, value, who in zip(
            rows.text("case"), rows.repeat.tolist(), rows.text("item"), rows.value.tolist(), rows.text("cluster"), strict=True
        ):
            found.setdefault((case, repeat), ({}, who))[0][item] = value
    return {key: (tuple(said[item] for item in sorted(said)), who) for key, (said, who) in found.items()}


def _classes(said: Sequence[float]) -> tuple[float, ...]:
    return tuple(1.0 if v > 0.5 else 0.0 if v < 0.5 else 0.5 for v in said)


def of_pairs(table: Table) -> bool:
    """Whether the items are pairs: they have points for each of two answers."""
    rows = table.where(measure="points")
    return any(item.startswith(case + "/") for case, item in zip(rows.text("case"), rows.text("item"), strict=True))


# -- favourite places and names ---------------------------------------------------------------------------------------
def first_place(table: Table) -> Iterator[Figure]:
    """Verdicts that name the answer shown first (kind "mean"): 0.5 = no favourite place, whatever the labels.

    Of the same items in both orders. With the probe ``relabelled`` the second order is set against it (setting "swapped and
    relabelled"): there the names have changed places as well, so that a favourite name is no favourite place. Without it names
    and places go together ("plain and swapped").
    """
    swapped, relabelled = _first(table, "swapped"), _first(table, "relabelled")
    other = relabelled or _first(table, PLAIN)
    setting = "swapped and relabelled" if relabelled else "plain and swapped"
    yield from _half("favours first place", setting, [(other[k][0], swapped[k]) for k in other if k in swapped])


def first_name(table: Table) -> Iterator[Figure]:
    """Verdicts that name the answer called A (kind "mean", setting "plain and relabelled"), of the same items with the names in
    both orders: 0.5 = no favourite name, whatever the labels and places."""
    plain, turned = _first(table, PLAIN), _first(table, "relabelled")
    yield from _half(
        f"favours name {_NAME}", "plain and relabelled", [(1 - turned[k][0], plain[k]) for k in plain if k in turned]
    )


def _first(table: Table, setting: str) -> _Shares:
    rows = table.where(measure="shown first", setting=setting)
    keys = zip(rows.text("case"), rows.repeat.tolist(), strict=True)
    return dict(zip(keys, zip(rows.value.tolist(), rows.text("cluster"), strict=True), strict=True))


def _half(measure: str, setting: str, both: Sequence[tuple[float, tuple[float, str]]]) -> Iterator[Figure]:
    if both:
        e = clustered_mean(np.array([(a + b) / 2 for a, (b, _) in both]), clusters_of([who for _, (_, who) in both]))
        yield Figure(
            measure=measure, setting=setting, value=e.value, low=e.low, high=e.high, n_cases=e.n_clusters, n_scored=len(both),
            note="0.5 = no favourite",
        )  # fmt: skip


# -- whose answers it likes -------------------------------------------------------------------------------------------
FAVOUR = "favours family"


def families(table: Table) -> Iterator[Figure]:
    """Points that the answers of a family of models (the group) get beyond what people give them, against answers of others (kind
    "favour", −1 to 1), in plain. Where authors are known: see `multiturn.judges.families`."""
    rows = table.where(setting=PLAIN)
    for figure in mean(FAVOUR, Scale(-1, 1, "fraction", passing=-1))(rows):
        if figure.group:
            yield msgspec.structs.replace(figure, kind="favour", note="beyond what people give them")
