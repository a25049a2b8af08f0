"""The report in a terminal: a table for each system and model, then what it says in plain words."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .result import RunResult
from .safe import one_line, plain_ascii
from .shape import Section, sections
from .words import (
    bounds,
    cautions,
    certain,
    count,
    estimate,
    findings,
    interval,
    number,
    unmeasured_lines,
    usage_line,
)

SHOWN_SETTINGS = 4
"""Settings that fit side by side in 80 columns; with more, settings become rows."""


def print_report(result: RunResult, console: Console | None = None, html: str = "") -> None:
    """Print a run's report. ``html``: path of the page, if one was written. Plain text where there is no terminal."""
    console = console or Console()
    if "utf" in console.encoding.lower():
        _print(result, console, html)
        return
    with console.capture() as captured:
        _print(result, console, html)
    console.file.write(plain_ascii(captured.get()))


def _print(result: RunResult, console: Console, html: str) -> None:
    found = sections(result)
    for section in found:
        _section(section, console)
    if not found:
        console.print(Text("Nothing could be measured.", style="bold"))
    _missing(result, found, console)
    status = {"done": "finished", "partial": "finished, with parts missing", "stopped": "stopped early"}[result.run.status]
    console.print(Text(f"Run {one_line(result.run.id)} {status}: {count(result.episodes, 'conversation')} played."))
    _lines(console, [usage_line(result)], style="dim")
    if html:
        # Not wrapped: a path that is broken over two lines cannot be clicked or copied.
        console.print(Text(f"Report: {html}"), soft_wrap=True)


def _section(section: Section, console: Console) -> None:
    console.print(Text(f"{one_line(section.system)} · {one_line(section.model, 100)}", style="bold"))
    measure = section.primary
    if measure:
        compact = len(section.settings) > SHOWN_SETTINGS
        console.print(_tall_table(section, measure) if compact else _table(section, measure))
    others = [m for m in section.measures if m != measure]
    if others:
        console.print(_others(section, others))
    _lines(console, findings(section))
    _reliability(section, console)
    _lines(console, cautions(section), style="yellow")
    console.print()


def _lines(console: Console, lines: Iterable[str], style: str = "") -> None:
    for line in lines:
        console.print(Padding(Text(line, style=style), (0, 0, 0, 2)))


def _new_table(title: str, first: str) -> Table:
    table = Table(title=Text(title), title_justify="left", title_style="dim", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(Text(first), overflow="fold", max_width=24, header_style="bold")
    return table


def _right(table: Table, *names: str) -> None:
    for name in names:
        table.add_column(Text(one_line(name, 16)), justify="right", header_style="bold", overflow="fold")


def _rows(section: Section, measure: str) -> list[str | None]:
    return [*section.groups(measure), None]


def _table(section: Section, measure: str) -> Table:
    """Rows are groups, columns are settings, then the paired difference and the number of cases."""
    table = _new_table(f"{one_line(measure)}, 95 % intervals", "")
    _right(table, *section.settings)
    first = section.contrast(measure) or next((c for c in section.contrasts if c.measure == measure), None)
    if first:
        _right(table, f"{first.setting}−{first.baseline}")
    _right(table, "cases")
    for group in _rows(section, measure):
        cells = [section.mean(measure, s, group) for s in section.settings]
        if not any(cells):
            continue
        row = [Text(one_line(group, 40) if group else "all"), *(Text(estimate(f)) for f in cells)]
        if first:
            contrast = section.contrast(measure, group)
            figure = contrast.figure if contrast else None
            row.append(Text(estimate(figure, signed=True), style="bold" if figure and certain(figure) else ""))
        row.append(Text(f"{max(f.n_cases for f in cells if f):,}"))
        table.add_row(*row, style="bold" if group is None and len(table.rows) else "")
    return table


def _tall_table(section: Section, measure: str) -> Table:
    """With many settings: rows are settings within groups."""
    table = _new_table(f"{one_line(measure)}, 95 % intervals", "")
    table.add_column(Text("setting"), header_style="bold", overflow="fold", max_width=24)
    _right(table, "value", "difference", "cases")
    by = {(c.figure.group, c.setting): c.figure for c in section.contrasts if c.measure == measure}
    for group in _rows(section, measure):
        name = one_line(group, 40) if group else "all"
        for setting in section.settings:
            figure = section.mean(measure, setting, group)
            if figure is None:
                continue
            gap = by.get((group, setting))
            cells = (name, one_line(setting), estimate(figure), estimate(gap, signed=True) if gap else "", f"{figure.n_cases:,}")
            table.add_row(*(Text(cell) for cell in cells))
            name = ""
    return table


def _others(section: Section, measures: list[str]) -> Table:
    """The other measures, over all groups."""
    table = _new_table("other measures", "")
    shown = section.settings[:SHOWN_SETTINGS]
    _right(table, *(shown or ["value"]))
    for measure in measures:
        for group in [None] if any(section.mean(measure, s) for s in shown) else section.groups(measure):
            cells = [estimate(section.mean(measure, s, group)) for s in shown] or [estimate(section.mean(measure, "", group))]
            label = one_line(measure, 40) + (f" ({one_line(group, 30)})" if group else "")
            table.add_row(Text(label), *(Text(cell) for cell in cells))
    return table


def _reliability(section: Section, console: Console) -> None:
    """What repeats tell: aptitude, unreliability, pass^k …"""
    for figure in section.rest():
        if figure.value is not None:
            where = f" ({one_line(figure.setting)})" if figure.setting else ""
            value = f"{number(figure.value, figure.unit)} {interval(figure)}".rstrip()
            _lines(console, [f"{one_line(figure.measure)}{where}: {value}, {count(figure.n_cases, 'case')}."])


def _missing(result: RunResult, found: list[Section], console: Console) -> None:
    lines = unmeasured_lines(result)
    if not lines:
        return
    console.print(Text("Not measured", style="bold"))
    _lines(console, lines)
    for section in found:
        for figure in section.unmeasured():
            if figure.group is None and bounds(figure):
                where = f"{one_line(figure.measure)}, {one_line(figure.setting or 'all')}"
                left = f"{figure.n_unmeasured:,} of {figure.n_unmeasured + figure.n_scored + figure.n_failed:,} left out"
                _lines(console, [f"{where}: {left}; with them it could be anything from {bounds(figure)}."])
    console.print()
