"""What a judge's card says in words: sentences about its figures."""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Iterable, Iterator

from scipy.special import ndtr

from ..measures.figure import Figure
from ..measures.multiplicity import holm

CONSTANT, CHANCE, ALPHA = 0.95, 0.2, 0.05
"""Share of equal verdicts from which a judge says always the same; upper end of kappa below which it is no better than chance."""
NOTICED = 1 / 3
"""What a planted mistake may cost, by the interval, for a judge that is said not to notice it."""
FEW = 8
"""Items below which nobody is said to answer always the same: by luck even a good judge may."""
WARNINGS = ("judges nothing", "no more than chance", "told from chance", "contradicts people", "prefers ", "a bias",
            "not seen to notice", "Looks count", "could not be read", "could be read")  # fmt: skip
"""Words of the sentences that stand beside every figure of the judge."""


def find(figures: Iterable[Figure], measure: str, setting: str = "plain") -> Figure | None:
    """The figure over all groups, if it has a value."""
    fits = (f for f in figures if f.measure == measure and f.setting == setting and f.group is None and f.turn is None)
    return next((f for f in fits if f.value is not None), None)


def sentences(figures: Iterable[Figure]) -> tuple[str, ...]:
    """What the figures of a calibration say, most important first."""
    found = list(figures)
    if (unread := find(found, "unparsable")) and unread.value is not None and unread.value >= 1:
        return ("None of its replies could be read: nothing can be said of its judgement.",)
    said = [*_agrees(found), *_again(found), *_moved(found), *_sure(found), *_unread(found)]
    return tuple(said) or ("Nothing about this judge could be measured.",)


COEFFICIENTS = ("kappa", "Spearman", "alpha", "Somers D")


def _agrees(figures: list[Figure]) -> Iterator[str]:
    found = next((f for name in COEFFICIENTS if (f := find(figures, name))), None)
    shown = found is not None and found.low is not None and found.low > 0
    # Alpha of a constant judge may be a little above 0, with hardly an interval; no other coefficient is.
    constant = yield from _constant(figures, shown and found is not None and found.measure != "alpha")
    if found is None or found.value is None:
        if figures and not any(f.measure in ("correct", "error") for f in figures):
            yield "The items have no labels: how far it agrees with people was not measured."
    elif found.low is None or found.high is None:
        yield f"Too few independent items to say how far it agrees with people ({found.measure} {_span(found)})."
    elif found.high < 0 and found.value <= -CHANCE:
        yield f"It contradicts people more often than chance would ({found.measure} {_span(found)})."
    elif shown and not constant:
        yield f"It agrees with people with {found.measure} {_span(found)} (1 = always, 0 = by chance)."
        values = find(figures, "alpha")
        if found.measure == "Spearman" and values and values.low is not None and values.low <= 0:
            yield f"That is the order; its values themselves are not those of people (alpha {_span(values)})."
    elif not constant:
        yield _chance(found)
    people = find(figures, "people's alpha")
    if people and people.value is not None:
        yield f"People agree with each other with alpha {_span(people)}: that is what a judge can be held to."


def _chance(found: Figure) -> str:
    assert found.value is not None
    assert found.high is not None
    what = f"({found.measure} {_span(found)})"
    if found.high <= CHANCE:
        return f"It agrees with people no more than chance would {what}."
    if found.value <= CHANCE:
        return f"It agrees with people no more than chance would, as far as can be seen {what}; more labels would tell."
    return f"Its agreement with people cannot be told from chance {what}; more labels would tell."


def _constant(figures: list[Figure], agrees: bool) -> Generator[str, None, bool | None]:
    """Says that all verdicts, or all labels, are the same; returns whether it did (None: there are no verdicts)."""
    same, labels = find(figures, "most frequent verdict"), find(figures, "most frequent label")
    if same is None or same.value is None:
        return None
    if labels and labels.value is not None and labels.value >= 1 and same.value < CONSTANT:
        yield f"All labels are the same ({labels.note}): agreement beyond chance cannot be measured on them."
        return True
    if same.value < CONSTANT or agrees:
        return False
    right, like = find(figures, "correct"), labels and labels.note == same.note and (labels.value or 0) >= CONSTANT
    if like or (right and right.value is not None and right.value >= CONSTANT):
        yield (
            f"It answers the same to {_percent(same.value)} of items ({same.note}), and nearly all labels say so, too: "
            "these items cannot tell whether it judges."
        )
    elif same.n_scored < FEW:
        yield f"It gives the same answer ({same.note}) to {_of(same)}: too few to say that it always does."
    else:
        yield f"It always answers the same ({_percent(same.value)} of its verdicts are {same.note}): it judges nothing."
    return True


def _of(figure: Figure) -> str:
    return (
        f"all {figure.n_scored:,} items" if figure.value == 1 else f"{_percent(figure.value or 0)} of {figure.n_scored:,} items"
    )


def _again(figures: list[Figure]) -> Iterator[str]:
    for probe, least, text in (
        ("again", 0.9, "Asked the same again, it says the same in {} of items only."),
        ("swapped", 0.95, "With the answers exchanged it keeps its verdict in {} of items."),
        ("relabelled", 0.9, "With other names (or the scale told the other way) it keeps its verdict in {} of items."),
    ):
        found = find(figures, "same verdict", probe)
        if found and found.value is not None and found.value < least:
            yield text.format(_percent(found.value))


_EFFECTS = {
    "points longer": ("Padding with empty sentences", ""),
    "points styled": ("Formatting (headings, bullets and bold type, word for word the same)", ""),
    "points own": ("Being called the judge's own work", ""),
    "favours own family": ("Being written by a model of its own family", ", beyond what people give for it"),
}
_SHARES = {"favours first place": ("what is shown first", "what is shown second"), "favours name A": ("the name A", "the name B")}


def _moved(figures: list[Figure]) -> Iterator[str]:
    """Biases, as far as they are no luck: several are looked for, and one is found by luck more often than 5 % of the time."""
    known = {f.measure: f for f in figures if f.value is not None and f.group is None}
    looked = [known[name] for name in (*_SHARES, *_EFFECTS) if name in known]
    pairs = "shown first" in known
    for figure, sure in zip(looked, holm([_p(f, 0.5 if f.measure in _SHARES else 0.0) for f in looked]) < ALPHA, strict=True):
        if sure and figure.value is not None:
            yield _preference(figure) if figure.measure in _SHARES else _effect(figure, pairs)
    yield from _flaws(figures, pairs)


def _preference(figure: Figure) -> str:
    assert figure.value is not None
    one, two = _SHARES[figure.measure]
    what, share = (one, figure.value) if figure.value > 0.5 else (two, 1 - figure.value)
    return f"It prefers {what}: {_percent(share)} of its verdicts name it (no favourite: 50 %)."


def _effect(figure: Figure, pairs: bool) -> str:
    assert figure.value is not None
    what, more = _EFFECTS[figure.measure]
    return f"{what} {'gains' if figure.value > 0 else 'costs'} an answer {_points(figure, pairs)}{more}: a bias."


def _flaws(figures: list[Figure], pairs: bool) -> Iterator[str]:
    style, flaw = find(figures, "points styled", "styled - plain"), find(figures, "points flawed", "flawed - plain")
    if flaw is None or flaw.value is None:
        return
    if flaw.high is not None and flaw.high < 0:
        yield f"A planted mistake costs an answer {_points(flaw, pairs)}, as it should."
    else:
        span = "" if flaw.low is None or flaw.high is None else f" [{100 * flaw.low:+.0f}, {100 * flaw.high:+.0f}]"
        moved = f"{100 * flaw.value:+.1f}{span} % of {'comparisons' if pairs else 'the scale'}"
        told = flaw.low is not None and flaw.low > -NOTICED
        so = "it is not seen to notice mistakes" if told else "too few items to say whether it notices mistakes"
        yield f"A planted mistake changes an answer's points by {moved}: {so}."
    if style and style.value is not None and style.low is not None and style.low > 0 and style.value > -flaw.value:
        yield "Looks count more than content: formatting moves it further than a planted mistake."


def _p(figure: Figure, nothing: float) -> float:
    """The p-value in the note of a paired difference, else the one that an interval stands for, by the normal."""
    if (said := _P.match(figure.note)) is not None:
        return float(said[1])
    if figure.value is None or figure.low is None or figure.high is None or figure.high <= figure.low:
        return math.nan
    return float(2 * ndtr(-abs(figure.value - nothing) / ((figure.high - figure.low) / 2 / 1.959964)))


_P = re.compile(r"p [=<] (0\.\d+|1\.0+)")


def _sure(figures: list[Figure]) -> Iterator[str]:
    error, said, right = find(figures, "ECE"), find(figures, "confidence"), find(figures, "correct")
    if error and error.value is not None:
        if not error.low:
            yield f"Its stated confidence is off by {_percent(error.value)} (calibration error): no more than noise makes it."
        else:
            gap = (said.value or 0) - (right.value or 0) if said and right else 0.0
            way = "" if abs(gap) < 0.8 * error.value else ", too high" if gap > 0 else ", too low"
            yield f"Its stated confidence is off by {_percent(error.value)} on average{way} (calibration error)."
    wrong = find(figures, "wrong when sure")
    if wrong and wrong.value is not None:
        yield f"Where it is at least 90 % sure, it is wrong in {_percent(wrong.value)} of {wrong.n_scored:,} items."


def _unread(figures: list[Figure]) -> Iterator[str]:
    unread = find(figures, "unparsable")
    if unread and unread.value is not None and unread.value > 0.02:
        yield f"{_percent(unread.value)} of its replies could not be read; those items are left out."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _points(figure: Figure, pairs: bool) -> str:
    assert figure.value is not None
    return f"{100 * abs(figure.value):.1f} % of {'comparisons' if pairs else 'the scale'}"


def _span(figure: Figure) -> str:
    return f"{figure.value:.2f}" + (f" [{figure.low:.2f}, {figure.high:.2f}]" if figure.low is not None else "")
