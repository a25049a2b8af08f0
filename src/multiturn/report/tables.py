"""The tables of the page. Each returns HTML, "" when there is nothing to show; columns without any content are left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..measures.figure import Figure
from .result import RunResult
from .safe import attribute, one_line
from .shape import Section
from .words import bounds, estimate, interval, number, ranked

MAX_ROWS = 1500
"""Figures in the table; the JSON file has all."""


class Cell(NamedTuple):
    """Text of a cell, and the number it is sorted by."""

    text: str
    key: float | None = None


class Column(NamedTuple):
    """A column of plain text; numbers stand at the right."""

    name: str
    cells: list[Cell]
    numeric: bool = False


def _words(name: str, values: Iterable[str | None], limit: int = 80) -> Column:
    return Column(name, [Cell(one_line(v or "", limit)) for v in values])


def _counts(name: str, values: Iterable[int | None]) -> Column:
    return Column(name, [Cell("" if v is None else f"{v:,}", v) for v in values], numeric=True)


def _figures(name: str, pairs: Iterable[tuple[str, float | None]]) -> Column:
    return Column(name, [Cell(text, key) for text, key in pairs], numeric=True)


def table(columns: Sequence[Column], label: str, sortable: bool = False) -> str:
    """A table in a frame that scrolls sideways where it must."""
    shown = [c for c in columns if any(cell.text for cell in c.cells)]
    if not shown:
        return ""
    top = "".join(f'<th scope="col"{" class=n" if c.numeric else ""}>{attribute(c.name)}</th>' for c in shown)
    body = "".join(f"<tr>{''.join(map(_cell, shown, row))}</tr>" for row in zip(*(c.cells for c in shown), strict=True))
    klass = ' class="sortable"' if sortable else ""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{attribute(label)}"><table{klass}>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(column: Column, cell: Cell) -> str:
    if column.numeric:
        return f'<td class=n data-v="{"" if cell.key is None else repr(float(cell.key))}">{attribute(cell.text)}</td>'
    return f"<td class=t>{attribute(cell.text)}</td>"


def _shown(figure: Figure) -> str:
    return number(figure.value, figure.unit, signed=figure.kind == "difference")


def others(section: Section) -> str:
    """Other measures, and what repeats tell."""
    means = [f for f in section.means if f.measure != section.primary and f.group is None]
    gaps = [c.figure for c in section.contrasts if c.measure != section.primary and c.figure.group is None]
    found = [*means, *gaps, *section.overall("effect"), *section.rest()]
    columns = (
        _words("Measure", (f.measure for f in found)),
        _words("Setting", (f.setting for f in found)),
        _figures("Value", ((_shown(f), f.value) for f in found)),
        _figures("95%", ((interval(f), f.low) for f in found)),
        _counts("Cases", (f.n_cases for f in found)),
        _words("Note", (f.note for f in found), 160),
    )
    return table(columns, "Other measures")


def causes_of(unmeasured: Mapping[str, int], examples: Mapping[str, str]) -> str:
    """Causes with the number of verdicts each cost, and what one failure of each said."""
    causes = ranked(unmeasured)
    columns = [_words("Cause", (cause for cause, _ in causes), 200), _counts("Verdicts", (n for _, n in causes))]
    if any(cause in examples for cause, _ in causes):
        columns.append(_words("For example", (examples.get(cause, "") for cause, _ in causes), 300))
    return table(columns, "Causes of what is not measured")


def missing(result: RunResult, found: Sequence[Section]) -> str:
    """Causes with counts, then the bounds that what is missing allows."""
    causes = causes_of(result.unmeasured, result.examples)
    if not causes:
        return '<p class="note">Everything was measured.</p>'
    touched = [f for section in found for f in section.unmeasured()]
    limits = (
        *_who(touched),
        _words("Measure", (f.measure for f in touched)),
        _words("Setting", (f.setting for f in touched)),
        _words("Group", (f.group or "all" for f in touched)),
        _counts("Measured", (f.n_scored + f.n_failed for f in touched)),
        _counts("Left out", (f.n_unmeasured for f in touched)),
        _figures("Value of what was measured", ((estimate(f), f.value) for f in touched)),
        _figures("With the rest, anything from", ((bounds(f) or "–", f.worst) for f in touched)),
    )
    return causes + (table(limits, "Bounds") if touched else "")


def _who(figures: Sequence[Figure]) -> list[Column]:
    """System and model, where they differ."""
    columns = [_words("System", (f.system for f in figures)), _words("Model", (f.model for f in figures))]
    return [c for c in columns if len(set(c.cells)) > 1]


def published(section: Section) -> str:
    """The paper's numbers beside this run's."""
    found = section.published()
    mine = [section.counterpart(p) for p in found]
    units = [section.result.scale(section.system, p.measure or section.primary).unit for p in found]
    columns = (
        _words("Model", (p.model for p in found)),
        _words("Measure", (p.measure or section.primary for p in found)),
        _words("Setting", (p.setting for p in found)),
        _words("Group", (p.group or "all" for p in found)),
        _figures("Published", ((number(p.value, u), p.value) for p, u in zip(found, units, strict=True))),
        _figures(f"This run, {one_line(section.model, 30)}", ((estimate(f), f.value if f else None) for f in mine)),
        _words("Source", (p.source for p in found), 160),
    )
    return table(columns, "Published figures", sortable=True)


def all_figures(result: RunResult) -> str:
    """Every figure with its counts and bounds; sortable."""
    found = list(result.figures[:MAX_ROWS])
    columns = (
        *_who(found),
        _words("Measure", (f.measure for f in found)),
        _words("Kind", (f.kind for f in found)),
        _words("Setting", (f.setting for f in found)),
        _words("Group", (f.group for f in found)),
        _counts("Turn", (f.turn for f in found)),
        _figures("Value", ((_shown(f), f.value) for f in found)),
        _figures("95%", ((interval(f), f.low) for f in found)),
        _counts("Cases", (f.n_cases for f in found)),
        _counts("Scored", (f.n_scored for f in found)),
        _counts("Failed", (f.n_failed for f in found)),
        _counts("Not measured", (f.n_unmeasured for f in found)),
        _figures("Bounds", ((bounds(f), f.worst) for f in found)),
        _words("Unit", (f.unit for f in found)),
        _words("Note", (f.note for f in found), 200),
    )
    cut = len(result.figures) - len(found)
    more = f'<p class="note">{cut:,} more figures are in the JSON file.</p>' if cut else ""
    return table(columns, "All figures", sortable=True) + more if found else ""
