"""A judge's card: how far its verdicts can be trusted, measured against people, and in plain words.

A card belongs to a judge (what it is asked, by which model, with which options: together its ``judge`` hash) and to the labels
it was held against. It is printed beside every figure that the judge produced.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from msgspec import Struct
from scipy.special import ndtr

from ..measures.figure import Figure
from ..measures.multiplicity import holm


class Pair(Struct, frozen=True, array_like=True):
    """What people and the judge said of one item: ``cluster`` numbers the sampling unit, ``id`` names the judgement in a store."""

    cluster: int
    label: float
    verdict: float
    id: str = ""


class Card(Struct, frozen=True, kw_only=True):
    """``judge``: its hash, in hex. ``method``: the judge system, or the benchmark whose judge it is. ``model``: who was asked.
    ``labels``: the labelled set. ``run``: where the evidence is kept. ``measure``: what was judged ("" = the items' label).
    ``figures``: those of the calibration. ``sentences``: what they say. ``pairs``: labels and
    verdicts, for the corrected estimate."""

    judge: str
    method: str
    model: str
    labels: str
    run: str
    measure: str = ""
    items: int = 0
    figures: tuple[Figure, ...] = ()
    sentences: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = ()
    created: float = 0.0

    @property
    def summary(self) -> str:
        """One line for beside a figure: the best known agreement, with its interval."""
        for name in ("kappa", "alpha", "Spearman", "correct", "error"):
            for f in self.figures:
                if f.measure == name and f.setting == "plain" and f.group is None and f.value is not None:
                    span = f" [{f.low:.2f}, {f.high:.2f}]" if f.low is not None and f.high is not None else ""
                    return f"{name} {f.value:.2f}{span} with people on {self.items:,} items of {self.labels}"
        return f"no agreement with people could be measured on {self.labels}"


def find(figures: Iterable[Figure], measure: str, setting: str = "plain") -> Figure | None:
    """The figure over all groups, if it has a value."""
    fits = (f for f in figures if f.measure == measure and f.setting == setting and f.group is None and f.turn is None)
    return next((f for f in fits if f.value is not None), None)


# -- in plain words ---------------------------------------------------------------------------------------------------
CONSTANT, CHANCE, ALPHA = 0.95, 0.2, 0.05
"""Share of equal verdicts from which a judge says always the same; upper end of kappa below which it is no better than chance."""


def sentences(figures: Iterable[Figure]) -> tuple[str, ...]:
    """What the figures of a calibration say, most important first."""
    found = list(figures)
    said = [*_useless(found), *_favourites(found), *_moved(found), *_sure(found), *_unread(found)]
    return tuple(said) or ("Nothing about this judge could be measured.",)


def _useless(figures: list[Figure]) -> Iterator[str]:
    same, labels = find(figures, "most frequent verdict"), find(figures, "most frequent label")
    constant = same is not None and same.value is not None and same.value >= CONSTANT
    if same and same.value is not None and constant and (labels is None or (labels.value or 0) < same.value - 0.02):
        yield f"It always answers the same ({_percent(same.value)} of its verdicts are {same.note}): it judges nothing."
    kappa, values = find(figures, "kappa") or find(figures, "Spearman") or find(figures, "alpha"), find(figures, "alpha")
    if kappa is None or kappa.value is None:
        return
    if kappa.low is not None and kappa.high is not None and kappa.low <= 0 and not constant:
        width = "; more labels would tell" if kappa.high > CHANCE else ""
        how = "no more than chance would" if kappa.high <= CHANCE else "no more than chance would, as far as can be seen"
        yield f"It agrees with people {how} ({kappa.measure} {_span(kappa)}){width}."
    elif not constant:
        yield f"It agrees with people with {kappa.measure} {_span(kappa)} (1 = always, 0 = by chance)."
        if kappa.measure == "Spearman" and values and values.low is not None and values.low <= 0:
            yield f"That is the order; its values themselves are not those of people (alpha {_span(values)})."
    again = find(figures, "same verdict", "again")
    if again and again.value is not None and again.value < 0.9:
        yield f"Asked the same again, it says the same in {_percent(again.value)} of items only."


def _favourites(figures: list[Figure]) -> Iterator[str]:
    first = find(figures, "favours first place", "plain and swapped")
    if first and first.value is not None and not (first.low or 0) <= 0.5 <= (1 if first.high is None else first.high):
        which, share = ("first", first.value) if first.value > 0.5 else ("second", 1 - first.value)
        yield f"It prefers what is shown {which}: {_percent(share)} of its verdicts name it (no favourite: 50 %)."
    swapped = find(figures, "same verdict", "swapped")
    if swapped and swapped.value is not None and swapped.value < 0.95:
        yield f"With the answers exchanged it keeps its verdict in {_percent(swapped.value)} of items."
    names = find(figures, "same verdict", "relabelled")
    if names and names.value is not None and names.value < 0.9:
        yield f"With other names (or the scale told the other way) it keeps its verdict in {_percent(names.value)} of items."


_EFFECTS = {
    "longer": "Padding an answer with empty sentences",
    "styled": "Headings, bullets and bold type, word for word the same,",
    "own": "Being called the judge's own work",
}


def _moved(figures: list[Figure]) -> Iterator[str]:
    found = {p: find(figures, f"points {p}", "own - other" if p == "own" else f"{p} - plain") for p in _EFFECTS}
    looked = {probe: f for probe, f in found.items() if f is not None}
    real = holm([_p(f) for f in looked.values()]) < ALPHA  # several probes: one of them moves by luck more often than 5 %
    for (probe, f), sure in zip(looked.items(), real, strict=True):
        what = _EFFECTS[probe]
        if sure and f.value is not None:
            way = "gains an answer" if f.value > 0 else "costs an answer"
            yield f"{what} {way} {_points(f)} of the scale: a bias."
    style, flaw = find(figures, "points styled", "styled - plain"), find(figures, "points flawed", "flawed - plain")
    if flaw and flaw.value is not None:
        if flaw.high is not None and flaw.high < 0:
            yield f"A planted mistake costs an answer {_points(flaw)} of the scale, as it should."
        else:
            yield f"A planted mistake moves it by {_points(flaw)} of the scale: it is not seen to notice mistakes."
        if style and style.value is not None and style.low is not None and style.low > 0 and style.value > -flaw.value:
            yield "Looks count more than content: formatting moves it further than a planted mistake."


def _p(figure: Figure) -> float:
    """The p-value that an interval stands for, by the normal."""
    if figure.value is None or figure.low is None or figure.high is None or figure.high <= figure.low:
        return math.nan
    return float(2 * ndtr(-abs(figure.value) / ((figure.high - figure.low) / 2 / 1.959964)))


def _sure(figures: list[Figure]) -> Iterator[str]:
    error = find(figures, "ECE")
    if error and error.value is not None:
        yield f"Its stated confidence is off by {_percent(error.value)} on average (calibration error)."
    wrong = find(figures, "wrong when sure")
    if wrong and wrong.value is not None:
        yield f"Where it is at least 90 % sure, it is wrong in {_percent(wrong.value)} of items."


def _unread(figures: list[Figure]) -> Iterator[str]:
    unread = find(figures, "unparsable")
    if unread and unread.value is not None and unread.value > 0.02:
        yield f"{_percent(unread.value)} of its replies could not be read; those items are left out."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _points(figure: Figure) -> str:
    assert figure.value is not None
    return f"{100 * abs(figure.value):.1f} %"


def _span(figure: Figure) -> str:
    return f"{figure.value:.2f}" + (f" [{figure.low:.2f}, {figure.high:.2f}]" if figure.low is not None else "")
