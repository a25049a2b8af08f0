"""Plans and stopping in plain words: how much has to be played, and why a run ended where it did."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from ..measures.power import Design, Prices
from .result import RunResult
from .safe import one_line
from .terminal import in_plain_text
from .words import count, duration, estimate, number


class Part(NamedTuple):
    """One source of spread: its variance, in the square of the measure's unit, with its interval where there is one."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


class Planned(NamedTuple):
    """All that `multiturn plan` says. ``effect`` or ``half_width``: what shall be seen. ``few``/``many``: the interval of the
    best design's cases that the pilot's size leaves open. ``now``: the pilot's cases, repeats and judgements; ``seen``: the
    difference that it could have found. ``gains``: per cent of narrowing for one per cent more money, by where it is spent.
    ``seconds``: wall-clock time of one play at the pilot's pace. ``price_unit``: "$", "s" or "plays"."""

    title: str
    what: str
    unit: str
    effect: float | None
    half_width: float | None
    power: float
    alpha: float
    parts: list[Part]
    made_of: str
    designs: list[Design]
    best: Design | None
    few: int | None
    many: int | None
    most: int | None
    price_unit: str
    prices: Prices
    seconds: float | None
    seen: float | None
    now: tuple[int, float, float] | None
    gains: dict[str, float]
    best_repeats: float | None
    best_judges: float | None
    spent: list[dict[str, Any]]
    notes: list[str]

    def time(self, design: Design) -> float | None:
        return None if self.seconds is None else self.seconds * design.cases * design.repeats

    def as_object(self) -> dict[str, Any]:
        """The plan as plain JSON values."""
        found: dict[str, Any] = self._asdict()
        found["parts"] = [part._asdict() for part in self.parts]
        found["designs"] = [{**d._asdict(), "seconds": self.time(d), "best": d == self.best} for d in self.designs]
        found |= {"prices": self.prices._asdict(), "best": None if self.best is None else self.best._asdict()}
        found["now"] = None if self.now is None else dict(zip(("cases", "repeats", "judges"), self.now, strict=True))
        for name in ("best_repeats", "best_judges"):  # JSON has no infinity: any number is too few
            found[name] = value if (value := found[name]) is not None and math.isfinite(value) else None
        return found


def _size(planned: Planned) -> str:
    size = planned.effect if planned.effect is not None else planned.half_width
    shown = 100 * (size or 0.0) if planned.unit == "fraction" else size or 0.0
    text = number(size, planned.unit, suffix=False)
    if abs(float(text.replace(",", "")) - shown) > 1e-9 * shown:  # what was asked for is said as it was
        text = f"{shown:g}"
    return f"{text} points" if planned.unit in ("fraction", "points") else text


def _price(price: float, unit: str) -> str:
    if unit == "$":
        return f"${price:,.2f}"
    return f"{duration(price)} of answers" if unit == "s" else count(round(price), "play")


def _aim(planned: Planned) -> str:
    if planned.half_width is not None:
        return f"To know {one_line(planned.what, 200)} to ±{_size(planned)} ({1 - planned.alpha:.0%} interval)"
    return (
        f"To find a true difference of {_size(planned)} with {planned.power:.0%} chance (two-sided test at "
        f"{planned.alpha:.3g}, {one_line(planned.what, 200)})"
    )


def answer(planned: Planned) -> str:
    """How much has to be played, in one sentence or two."""
    best = planned.best
    if best is None:
        left = f" with {count(planned.most, 'case')}" if planned.most else ""
        return f"{_aim(planned)}: no number of repeats is enough{left}; ask for a larger size, or find more cases."
    how = count(best.cases, "case")
    how += f" × {count(best.repeats, 'repeat')}" + (f" × {count(best.judges, 'judgement')}" if best.judges > 1 else "")
    text = f"{_aim(planned)}: {how}, {_price(best.price, planned.price_unit)}"
    time = planned.time(best)
    text += f", about {duration(time)} at the pilot's pace." if time is not None else "."
    if planned.few is not None and planned.now is not None:
        upper = f"{planned.many:,}" if planned.many is not None else "any number"
        text += f" From a pilot of {count(planned.now[0], 'case')} that is rough: {planned.few:,} to {upper} cases (95%)."
    elif planned.now is not None:
        text += " The pilot is too small to say how far off that may be."
    return text


def advice(planned: Planned) -> str:
    """Where the next call is best spent."""
    if not planned.gains:
        return ""
    names = {"cases": "new cases", "repeats": "more repeats of the same cases", "judgements": "more judgements of the same plays"}
    order = sorted(planned.gains, key=lambda name: -planned.gains[name])
    if len(order) == 1:
        return "The next call is best spent on a new case, as far as this design tells."
    told = ", ".join(f"by {planned.gains[name]:.2f}% if spent on {names[name]}" for name in order[1:])
    text = f"The next call is best spent on {names[order[0]]}: one per cent more money there narrows the interval by "
    text += f"{planned.gains[order[0]]:.2f}%, {told}."
    r = planned.best_repeats
    if r is not None and planned.prices.case > 0 and math.isfinite(r):
        text += f" Best number of repeats a case at these prices: {max(1, round(r))} (R* = {r:.2g})."
    elif r is not None and planned.prices.case == 0:
        text += " Where a new case costs no more than a repeat, repeats pay only when there are no more cases."
    return text


def spread_line(planned: Planned) -> str:
    """Shares of the spread of a single value."""
    parts = [p for p in planned.parts if not p.name.startswith("of ")]
    whole = sum(p.value for p in parts)
    if whole <= 0:
        return ""
    said = []
    for p in planned.parts:
        sd = math.sqrt(p.value)
        span = f" [{math.sqrt(p.low):.3f}, {math.sqrt(p.high):.3f}]" if p.low is not None and p.high is not None else ""
        said.append(f"{p.name} {p.value / whole:.0%} (sd {sd:.3f}{span})")
    made = f"; {planned.made_of}" if planned.made_of else ""
    return f"Spread of a single value: {', '.join(said)}{made}."


def plan_lines(planned: Planned) -> Iterator[str]:
    """Everything but the table and the heading."""
    yield answer(planned)
    if line := advice(planned):
        yield line
    if line := spread_line(planned):
        yield line
    for s in planned.spent:
        usd = "" if s["usd"] is None else f", ${s['usd']:.4f}"
        yield (
            f"A play took, as {s['role']} ({one_line(s['model'], 60)}): {s['calls']:.3g} calls, {s['input']:,.0f} tokens in, "
            f"{s['output']:,.0f} out, {s['seconds']:.3g} s{usd}."
        )
    if planned.seen is not None:
        seen = number(planned.seen, planned.unit, suffix=False)
        yield f"The pilot itself could have found a difference of {seen}{' points' if planned.unit == 'fraction' else ''}."


def design_table(planned: Planned) -> Grid:
    """The alternatives, cheapest first."""
    table = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    timed = planned.seconds is not None
    for name in ("cases", "repeats", "judgements", "price", *(("time",) if timed else ()), ""):
        table.add_column(Text(name), justify="right" if name else "left", header_style="bold")
    for d in planned.designs:
        cells = [f"{d.cases:,}", f"{d.repeats}", f"{d.judges}", _price(d.price, planned.price_unit)]
        cells += [duration(planned.time(d) or 0.0)] if timed else []
        table.add_row(*map(Text, cells), Text("cheapest" if d == planned.best else ""), style="bold" if d == planned.best else "")
    return table


def print_plan(planned: Planned, console: Console | None = None) -> None:
    """Print the plan."""
    where = console or Console()

    def show() -> None:
        where.print(Text(one_line(planned.title, 300), style="bold"))
        for i, line in enumerate(plan_lines(planned)):
            where.print(Padding(Text(line), (0, 0, 0, 2)))
            if i == 0 and planned.designs:
                where.print(Padding(design_table(planned), (0, 0, 0, 2)))
        for note in planned.notes:
            where.print(Padding(Text(one_line(note, 600), style="yellow"), (0, 0, 0, 2)))

    in_plain_text(where, show)


def until_lines(result: RunResult) -> Iterator[str]:
    """What a run that plays until something is known has to say beside its report."""
    yield f"--until {one_line(str(result.run.options['until']), 400)}."
    for f in result.figures:
        if f.kind == "sequence":
            name = f"{one_line(f.measure.removesuffix(' at any stop'))}, {one_line(f.setting or 'all')}"
            if len(result.run.models) > 1:
                name += f", {one_line(f.model, 60)}"
            if len(result.run.systems) > 1:
                name = f"{one_line(f.system, 60)}, {name}"
            lost = f"; {count(f.n_unmeasured, 'case')} not measured" if f.n_unmeasured else ""
            once = ", each counted once" if f.note.startswith("mean over cases") else ""
            yield f"{name}: {estimate(f)}, whenever one stops ({count(f.n_cases, 'case')}{once}{lost})."
    yield (
        "These intervals are confidence sequences: they hold however often one looks. All others of this report are computed "
        "as if the number of cases had been fixed beforehand; at a stop that the data chose, nothing guarantees them."
    )


def print_until(result: RunResult, console: Console | None = None) -> None:
    """Print `until_lines`."""
    console = console or Console()
    where = console

    def show() -> None:
        for line in until_lines(result):
            where.print(Padding(Text(line), (0, 0, 0, 2)))

    in_plain_text(console, show)
