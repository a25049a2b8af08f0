"""What a comparison says, in one plain sentence a measure. All text is plain, not markup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ..measures.figure import Figure
from ..measures.power import ALPHA
from .compare import Comparison
from .safe import one_line
from .words import count, interval, number


def size(value: float, unit: str) -> str:
    """The size of a difference in its unit: ``4.2 points`` (of a hundred, for fractions), ``3 turns``."""
    text = number(abs(value), unit, suffix=False)
    return f"{text} {'points' if unit == 'fraction' else one_line(unit, 20)}".rstrip()


def p_value(p: float | None) -> str:
    """``.008``, ``.41``, ``<.001``; ``–`` where there is none."""
    if p is None:
        return "–"
    if p < 0.001:
        return "<.001"
    text = f"{p:.2f}" if p >= 0.095 else f"{p:.3f}"
    return text.removeprefix("0")


def p_equals(p: float | None) -> str:
    text = p_value(p)
    return f"p {text[0]} {text[1:]}" if text.startswith("<") else f"p = {text}"


def conclusion(c: Comparison, first: str, second: str, *, judges: bool = False) -> str:
    """One comparison over all groups: which side is better and by how much, or what could have been found. ``judges``: they
    judged the same conversations, and none is better for giving more."""
    d, a, b = c.difference, one_line(first, 30), one_line(second, 30)
    where = f"{one_line(c.measure)}, {one_line(c.setting)}"
    if d.value is None:
        return f"{where}: no question was measured in both."
    if c.found or _clear(c):
        side = d if d.value > 0 else _turned(d)
        by, span = size(d.value, d.unit), interval(side)
        if judges:
            text = f"{b} gives {by} {'more' if d.value > 0 else 'less'} than {a} {span}".rstrip()
        else:
            text = f"{b} {'is' if c.found else 'looks'} {_direction(c)} than {a} by {by} {span}".rstrip()
        if c.found:
            text += f"; {_adjusted(c)}"
            if d.low is not None and d.high is not None and d.low <= 0 <= d.high:
                text += ", but the interval holds 0: a rare case that moves far the other way may not be among so few"
        else:
            text += f", but {p_equals(c.test.p)} is {_adjusted(c, bare=True)}: this could be chance"
    elif c.equal:
        text = "the sides are equal on every question"
        text += f"; the true difference may lie anywhere in {interval(d)}" if interval(d) else ""
    else:
        text = f"no difference can be seen: {number(d.value, d.unit, signed=True)} {interval(d)}".rstrip()
        text += f", {_adjusted(c)}" if c.test.p is not None else ""
        text += f"; {_power(c)}"
    return f"{where}: {text} ({count(d.n_cases, 'case')}, {count(c.questions, 'question')}).{_not_compared(c, a, b)}"


def _clear(c: Comparison) -> bool:
    """Significant alone, not after Holm."""
    return c.test.p is not None and c.test.p < ALPHA and not c.found


def _turned(d: Figure) -> Figure:
    """The size of a negative difference."""
    return msgspec.structs.replace(d, low=None if d.high is None else -d.high, high=None if d.low is None else -d.low)


def _direction(c: Comparison) -> str:
    """Better and worse where the measure has a value from which a turn passes; else there is only more and less."""
    up = (c.difference.value or 0.0) > 0
    if c.passes:
        return "better" if up else "worse"
    return "higher" if up else "lower"


def _adjusted(c: Comparison, *, bare: bool = False) -> str:
    p = p_value(c.holm) if bare else p_equals(c.holm)
    return f"{p} after Holm over {c.family} comparisons" if c.family > 1 else p


def _power(c: Comparison) -> str:
    least = c.detectable
    if least is None:
        return "too few cases to see any difference"
    return f"one of {size(least, c.difference.unit)} or more would have been found 4 times in 5"


def _not_compared(c: Comparison, first: str, second: str) -> str:
    each = [(n, name) for n, name in ((c.only_first, first), (c.only_second, second)) if n]
    alone = ", ".join(f"{count(n, 'question')} measured on {name} only" for n, name in each)
    return f" Not compared: {alone}." if alone else ""


def effects(found: Iterable[Comparison]) -> Iterator[str]:
    """Effect sizes over all groups."""
    for c in found:
        d = c.paired
        if c.group is None and d.effect is not None:
            low, high = number(d.effect_low, "", signed=True), number(d.effect_high, "", signed=True)
            span = f" [{low}, {high}]" if d.effect_low is not None else ""
            yield f"{one_line(c.measure)}, {one_line(c.setting)}: effect size g = {number(d.effect, '', signed=True)}{span}"


def noise_lines(found: Iterable[Comparison], run_again: str = "--repeats 2") -> Iterator[str]:
    """The noise floor over all groups: how far two identical runs would differ, or how to learn it."""
    whole = [c for c in found if c.group is None and c.difference.value is not None]
    if whole and not any(c.noise for c in whole):
        yield f"Noise floor unknown: every case was played once; runs with {run_again} tell how far identical ones differ."
        return
    for c in whole:
        if c.noise is None:
            continue
        n, unit = c.noise, c.difference.unit
        where = f"{one_line(c.measure)}, {one_line(c.setting)}"
        if n.sd == 0:
            yield f"{where}: no repeat differed from another; identical runs would agree."
            continue
        few, many = sorted(n.repeats)
        repeats = f"{few}" if few == many else f"{n.repeats[0]} and {n.repeats[1]}"
        judged = "" if n.sides == "both" else f" (judged by the {n.sides} side: the other has no repeats)"
        larger = "larger" if abs(c.difference.value or 0.0) > n.limit else "no larger"
        yield (
            f"{where}: two identical runs of {repeats} repeats would differ by up to {size(n.limit, unit)}, of one repeat by up "
            f"to {size(n.limit_single, unit)}{judged}; this difference is {larger}."
        )


def noise_cell(c: Comparison) -> str:
    """The limit of two identical runs, to stand in a table."""
    if c.noise is None:
        return "–"
    return f"±{number(c.noise.limit, c.difference.unit, suffix=False)}"
