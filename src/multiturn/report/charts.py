"""Charts as inline SVG of our own: positions in percent, so that they fit any width without distorting text or marks.

Colours and sizes come from the page's style sheet through classes (``s0`` to ``s5`` for series); every mark also has a
shape of its own, and every value stands in words beside or below it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

from ..measures.figure import Figure, Scale
from .safe import attribute
from .words import estimate, number

SHAPES = (
    '<circle r="5"/>',
    '<path d="M0-6L6 0 0 6-6 0Z"/>',
    '<path d="M-4.5-4.5h9v9h-9Z"/>',
    '<path d="M0-6L5.5 4h-11Z"/>',
    '<path d="M0 6L5.5-4h-11Z"/>',
    '<path d="M-5-1.5h3.5V-5h3v3.5H5v3H1.5V5h-3V1.5H-5Z"/>',
)
SERIES = len(SHAPES)


class Axis(Struct, frozen=True):
    """A linear axis from ``low`` to ``high`` (in the figure's own unit) with ticks."""

    low: float
    high: float
    unit: str
    ticks: tuple[float, ...]
    signed: bool = False

    def at(self, value: float) -> float:
        """Position in percent, kept inside the plot."""
        span = self.high - self.low or 1.0
        return round(min(100.0, max(0.0, 100 * (value - self.low) / span)), 2)

    def label(self, tick: float) -> str:
        text = number(tick, self.unit, signed=self.signed)
        head, dot, tail = text.partition(".")
        digits = tail.rstrip("%")
        if dot and not digits.strip("0"):
            return head + tail[len(digits) :]
        return text


def axis_of(scale: Scale) -> Axis:
    """The whole range of a measure, in five or so steps."""
    step = _nice((scale.high - scale.low) / 5) if scale.unit != "fraction" else 0.25
    first = math.ceil(scale.low / step - 1e-9)
    ticks = [k * step for k in range(first, math.floor(scale.high / step + 1e-9) + 1)]
    return Axis(scale.low, scale.high, scale.unit, tuple(ticks))


def axis_around_zero(figures: Sequence[Figure], unit: str) -> Axis:
    """An axis that holds zero and all intervals of these differences."""
    found = [v for f in figures for v in (f.value, f.low, f.high) if v is not None and math.isfinite(v)]
    low, high = min([0.0, *found]), max([0.0, *found])
    step = _nice(((high - low) or 1.0) / 4)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if first == 0:
        first = -1
    if last == 0:
        last = 1
    return Axis(first * step, last * step, unit, tuple(k * step for k in range(first, last + 1)), signed=True)


def _nice(rough: float) -> float:
    """The next of 1, 2, 2.5, 5, 10 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next(m for m in (1.0, 2.0, 2.5, 5.0, 10.0) if m * power >= rough - 1e-12)


def mark(series: int, x: float, y: str) -> str:
    """The mark of a series at x percent."""
    return f'<svg x="{x}%" y="{y}" class="s{series % SERIES} mark" overflow="visible">{SHAPES[series % SERIES]}</svg>'


def legend_mark(series: int) -> str:
    """The mark alone, to stand before a name."""
    inner = f'<g class="s{series % SERIES} mark" transform="translate(8 8)">{SHAPES[series % SERIES]}</g>'
    return f'<svg class="key" width="16" height="16" aria-hidden="true">{inner}</svg>'


def strip(axis: Axis, rows: Sequence[tuple[int, Figure]], label: str) -> str:
    """One row of dots with intervals, one line of 22 pixels for each (series, figure)."""
    height = 22 * max(1, len(rows))
    out = [f'<svg class="strip" width="100%" height="{height}" role="img" aria-label="{attribute(label)}">']
    for tick in axis.ticks:
        kind = "zero" if axis.signed and abs(tick) < 1e-12 else "grid"
        x = axis.at(tick)
        out.append(f'<line class="{kind}" x1="{x}%" x2="{x}%" y1="0" y2="{height}"/>')
    for i, (series, figure) in enumerate(rows):
        y = 22 * i + 11
        if figure.low is not None and figure.high is not None:
            ends = f'x1="{axis.at(figure.low)}%" x2="{axis.at(figure.high)}%"'
            out.append(f'<line class="s{series % SERIES} ci" {ends} y1="{y}" y2="{y}"/>')
        if figure.value is not None:
            out.append(mark(series, axis.at(figure.value), str(y)))
    return "".join([*out, "</svg>"])


def scale_strip(axis: Axis) -> str:
    """The labels of an axis, to stand under strips."""
    out = ['<svg class="scale" width="100%" height="18" aria-hidden="true">']
    for tick in axis.ticks:
        out.append(f'<text x="{axis.at(tick)}%" y="13" text-anchor="middle">{axis.label(tick)}</text>')
    return "".join([*out, "</svg>"])


class Curve(Struct, frozen=True):
    """A series over turns. ``step``: it starts whole before the first turn and holds its value until the next (survival)."""

    name: str
    series: int
    figures: list[Figure]
    step: bool = False


def _turn_x(turn: float, first: int, last: int) -> float:
    return round(2 + 96 * (turn - first) / max(1, last - first), 2)


def _paths(curve: Curve, axis: Axis, first: int, last: int) -> str:
    """Band and line of one curve in a plot of 100 by 100."""
    whole = [Figure(measure="", value=1.0, low=1.0, high=1.0, turn=0)] if curve.step else []
    points = [(_turn_x(f.turn or 0, first, last), f) for f in [*whole, *curve.figures]]

    def trace(values: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        if not curve.step:
            return list(values)
        stairs: list[tuple[float, float]] = []
        for x, y in values:
            if stairs:
                stairs.append((x, stairs[-1][1]))
            stairs.append((x, y))
        return [*stairs, (100.0, stairs[-1][1])] if stairs else []

    def joined(values: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{x},{round(100 - y, 2)}" for x, y in values)

    lows = [(x, axis.at(f.low)) for x, f in points if f.low is not None and f.high is not None]
    highs = [(x, axis.at(f.high)) for x, f in points if f.low is not None and f.high is not None]
    middle = [(x, axis.at(f.value)) for x, f in points if f.value is not None]
    klass = f"s{curve.series % SERIES}"
    band = f'<polygon class="{klass} band" points="{joined(trace(highs))} {joined(trace(lows)[::-1])}"/>' if len(lows) > 1 else ""
    return f'{band}<polyline class="{klass} line" points="{joined(trace(middle))}"/>'


def _end_labels(curves: Sequence[Curve], axis: Axis, height: int) -> str:
    """Names at the right ends of the curves, moved apart where they would touch."""
    gap = 100 * 15 / height
    ends = sorted((100 - axis.at(c.figures[-1].value or 0.0), i, c) for i, c in enumerate(curves))
    out, above = [], -gap
    room = 100 - gap * (len(ends) - 1)
    for k, (y, _, curve) in enumerate(ends):
        y = min(max(y, above + gap), room + gap * k)
        above = y
        out.append(f'<text class="s{curve.series % SERIES} name" x="6" y="{round(y, 1)}%" dy="4">{attribute(curve.name)}</text>')
    return "".join(out)


def curve_chart(curves: Sequence[Curve], axis: Axis, label: str, height: int = 190) -> str:
    """Curves over turns with interval bands, axis labels at the left, names at the right."""
    turns = sorted({f.turn or 0 for c in curves for f in c.figures})
    first, last = 0 if any(c.step for c in curves) else turns[0], turns[-1]
    ticks = "".join(
        f'<text x="100%" dx="-8" y="{100 - axis.at(t)}%" dy="4" text-anchor="end">{axis.label(t)}</text>' for t in axis.ticks
    )
    grid = "".join(f'<line class="grid" x1="0" x2="100%" y1="{100 - axis.at(t)}%" y2="{100 - axis.at(t)}%"/>' for t in axis.ticks)
    lines = "".join(_paths(curve, axis, first, last) for curve in curves)
    marks = "".join(
        mark(c.series, _turn_x(f.turn or 0, first, last), f"{round(100 - axis.at(f.value), 2)}%")
        for c in curves
        for f in c.figures
        if f.value is not None and not c.step
    )
    every = max(1, math.ceil((last - first + 1) / 12))
    below = "".join(
        f'<text x="{_turn_x(t, first, last)}%" y="14" text-anchor="middle">{t}</text>' for t in range(first, last + 1, every)
    )
    said = "; ".join(f"{c.name}: " + ", ".join(f"turn {f.turn} {estimate(f)}" for f in c.figures) for c in curves)
    return (
        f'<div class="plot"><svg class="ylab" height="{height}" aria-hidden="true">{ticks}</svg>'
        f'<svg class="area" width="100%" height="{height}" role="img" aria-label="{attribute(f"{label}. {said}")}">{grid}'
        f'<svg width="100%" height="100%" viewBox="0 0 100 100" preserveAspectRatio="none">{lines}</svg>{marks}</svg>'
        f'<svg class="names" height="{height}" aria-hidden="true">{_end_labels(curves, axis, height)}</svg>'
        f'<svg class="xlab" width="100%" height="18" aria-hidden="true">{below}</svg></div>'
    )
