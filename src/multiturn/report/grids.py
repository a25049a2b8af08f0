"""The tables of the terminal report. The widest layout that fits is taken: settings as columns, else as rows."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..measures.figure import Figure
from .safe import one_line
from .shape import Section
from .words import certain, interval, number


def fitting(console: Console, *tables: Table) -> Table:
    """The first table that fits the console, or the last."""
    room = console.options.update_width(10_000)  # otherwise a table says that it wants no more than there is
    return next((t for t in tables[:-1] if console.measure(t, options=room).maximum <= console.width), tables[-1])


def headline_table(section: Section, console: Console) -> Table:
    """The primary measure: a row for each group, its value in each setting, the paired difference, the cases."""
    return fitting(console, _wide(section, 2), _wide(section, 1), _tall(section))


def rest_table(section: Section, console: Console) -> Table | None:
    """The other measures over all groups, and what repeats tell; None when there are none."""
    names = [m for m in section.measures if m != section.primary]
    found = [f for f in section.means if f.measure in names and (f.group is None or not _has_total(section, f.measure))]
    found += [f for f in section.rest() if f.value is not None]
    if not found:
        return None
    return fitting(console, _rest_wide(section, found, 2), _rest_wide(section, found, 1), _rest_tall(found))


def _has_total(section: Section, measure: str) -> bool:
    return any(f.measure == measure and f.group is None for f in section.means)


def _grid(title: str, pad: int, *texts: str) -> Table:
    """A table without lines; ``texts``: its first columns, which stand at the left."""
    table = Table(title=Text(title), title_justify="left", title_style="dim", box=None, pad_edge=False, padding=(0, pad, 0, 0))
    for name in texts:
        table.add_column(Text(name), overflow="fold", max_width=28, header_style="bold")
    return table


def _right(table: Table, names: Iterable[str]) -> None:
    for name in names:
        table.add_column(Text(one_line(name, 20)), justify="right", header_style="bold", overflow="fold")


def _title(section: Section) -> str:
    unit = section.result.scale(section.system, section.primary).unit
    return f"{one_line(section.primary)}{' in %' if unit == 'fraction' else ''}, 95% intervals"


def _cell(figure: Figure | None, *, signed: bool = False, suffix: bool = False) -> str:
    if figure is None:
        return ""
    return f"{number(figure.value, figure.unit, signed=signed, suffix=suffix)} {interval(figure)}".rstrip()


def _wide(section: Section, pad: int) -> Table:
    measure = section.primary
    table = _grid(_title(section), pad, "")
    first = next((c for c in section.contrasts if c.measure == measure), None)
    gaps = {c.figure.group: c.figure for c in section.contrasts if first and c[:3] == first[:3]}
    _right(table, [*section.settings, *([f"{first.setting}−{first.baseline}"] if first else []), "cases"])
    for group in [*section.groups(measure), None]:
        found = [section.mean(measure, s, group) for s in section.settings]
        if not any(found):
            continue
        row = [Text(one_line(group, 40) if group else "all"), *(Text(_cell(f)) for f in found)]
        if first:
            gap = gaps.get(group)
            row.append(Text(_cell(gap, signed=True), style="bold" if gap and certain(gap) else ""))
        row.append(Text(f"{max(f.n_cases for f in found if f):,}"))
        table.add_row(*row, style="bold" if group is None and table.row_count else "")
    return table


def _tall(section: Section) -> Table:
    measure = section.primary
    table = _grid(_title(section), 2, "", "setting")
    _right(table, ["value", "difference", "cases"])
    by = {(c.figure.group, c.setting): c for c in reversed(section.contrasts) if c.measure == measure}
    for group in [*section.groups(measure), None]:
        name = one_line(group, 40) if group else "all"
        for setting in section.settings:
            figure = section.mean(measure, setting, group)
            if figure is None:
                continue
            gap = by.get((group, setting))
            difference = f"{_cell(gap.figure, signed=True)} to {one_line(gap.baseline, 12)}" if gap else ""
            cells = (name, one_line(setting, 40), _cell(figure), difference, f"{figure.n_cases:,}")
            table.add_row(*(Text(cell) for cell in cells))
            name = ""
    return table


def _label(figure: Figure) -> str:
    return one_line(figure.measure, 60) + (f" ({one_line(figure.group, 30)})" if figure.group else "")


def _rest_wide(section: Section, found: list[Figure], pad: int) -> Table:
    table = _grid("other measures", pad, "")
    settings = list(dict.fromkeys([*section.settings, *(f.setting or "" for f in found)]))
    settings = [s for s in settings if any((f.setting or "") == s for f in found)]
    _right(table, (s or "value" for s in settings))
    by = {(_label(f), f.setting or ""): f for f in found}
    for label in dict.fromkeys(_label(f) for f in found):
        table.add_row(Text(label), *(Text(_cell(by.get((label, s)), suffix=True)) for s in settings))
    return table


def _rest_tall(found: list[Figure]) -> Table:
    table = _grid("other measures", 2, "", "setting")
    _right(table, ["value"])
    last = ""
    for figure in sorted(found, key=lambda f: [_label(g) for g in found].index(_label(f))):
        label = _label(figure)
        table.add_row(
            Text("" if label == last else label), Text(one_line(figure.setting or "", 40)), Text(_cell(figure, suffix=True))
        )
        last = label
    return table
