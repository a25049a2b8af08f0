"""The blocks of the page that show figures: headline numbers and charts. Each returns HTML, "" when there is nothing to show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .charts import Curve, axis_around_zero, axis_of, curve_chart, legend_mark, scale_strip, strip
from .safe import attribute, one_line
from .shape import Section
from .words import count, estimate, gappy, interval, measured, number


def _text(value: str | None, limit: int = 80) -> str:
    return attribute(one_line(value or "", limit))


def _tile(name: str, big: str, small: str) -> str:
    return f'<div class="tile"><dt>{name}</dt><dd><div class="big">{big}</div><div class="ci">{small}</div></dd></div>'


def tiles(section: Section) -> str:
    """The numbers to remember: each setting, the difference, the turns before the first failure."""
    found = []
    for setting in section.settings[:4]:
        figure = section.mean(section.primary, setting)
        if figure is not None:
            small = [interval(figure), count(figure.n_cases, "case"), measured(figure) if gappy(figure) else ""]
            found.append(_tile(_text(setting), number(figure.value, figure.unit), " · ".join(filter(None, small))))
    for contrast in section.contrasts:
        figure = contrast.figure
        if figure.group is None and contrast.measure == section.primary and figure.value is not None and len(found) < 5:
            sign = number(figure.value, figure.unit, signed=True)
            name = f"{_text(contrast.setting)} minus {_text(contrast.baseline)}, paired"
            found.append(_tile(name, sign, f"{'points' if figure.unit == 'fraction' else figure.unit} {interval(figure)}"))
    for figure in section.overall("rmst"):
        if figure.setting in (section.main_setting, None) and len(found) < 6:
            found.append(_tile("turns passed before the first failure", number(figure.value, figure.unit),
                               f"{interval(figure)} {_text(figure.note.removeprefix(f'{section.primary}, '))}"))  # fmt: skip
    return f'<dl class="tiles">{"".join(found)}</dl>' if found else ""


def _legend(names: Iterable[str]) -> str:
    return '<div class="legend">' + "".join(f"<span>{legend_mark(i)}{_text(n)}</span>" for i, n in enumerate(names)) + "</div>"


def _row(label: str, cases: str, chart: str, values: str, klass: str = "") -> str:
    lab = f'<div class="lab">{label}<small>{cases}</small></div>'
    return f'<div class="row {klass}">{lab}<div>{chart}</div><div class="val">{values}</div></div>'


def _axis_row(chart: str) -> str:
    return f'<div class="row axis"><div></div><div>{chart}</div><div></div></div>'


def overview(found: Sequence[Section]) -> str:
    """All models of one system on its primary measure, side by side."""
    first = found[0]
    axis = axis_of(first.result.scale(first.system, first.primary))
    settings = list(dict.fromkeys(s for section in found for s in section.settings))
    rows = []
    for section in found:
        cells = [(i, f) for i, s in enumerate(settings) if (f := section.mean(first.primary, s)) is not None]
        if cells:
            label = f"{one_line(section.model)}: " + "; ".join(f"{settings[i]} {estimate(f)}" for i, f in cells)
            values = "".join(f"<div>{legend_mark(i)} {estimate(f)}</div>" for i, f in cells)
            rows.append(
                _row(_text(section.model), count(max(f.n_cases for _, f in cells), "case"), strip(axis, cells, label), values)
            )
    return f'{_legend(settings)}<div class="chart">{"".join(rows)}{_axis_row(scale_strip(axis))}</div>' if rows else ""


def by_group(section: Section) -> str:
    """Each group's value in every setting, with intervals."""
    measure = section.primary
    axis = axis_of(section.result.scale(section.system, measure))
    named = len(section.settings) > 2
    rows = []
    for group in [*section.groups(measure), None]:
        found = [(i, f) for i, s in enumerate(section.settings) if (f := section.mean(measure, s, group)) is not None]
        if not found:
            continue
        said = "; ".join(f"{one_line(section.settings[i])} {estimate(f)}" for i, f in found)
        values = "".join(
            f"<div>{legend_mark(i)} {estimate(f)}{f' <small>{_text(section.settings[i])}</small>' if named else ''}</div>"
            for i, f in found
        )
        cases = count(max(f.n_cases for _, f in found), "case")
        part = [f"{_text(section.settings[i])} {measured(f)}" for i, f in found if gappy(f)]
        cases = "<br>".join([cases, *part])
        label = f"{one_line(group or 'all')}: {said}"
        rows.append(_row(_text(group or "all"), cases, strip(axis, found, label), values, "" if group else "all"))
    if not rows:
        return ""
    return f'{_legend(section.settings)}<div class="chart">{"".join(rows)}{_axis_row(scale_strip(axis))}</div>'


def differences(section: Section) -> str:
    """Paired differences around zero, one row for each contrast and group."""
    mine = [c for c in section.contrasts if c.measure == section.primary and c.figure.value is not None]
    if not mine:
        return ""
    order = list(dict.fromkeys((c.setting, c.baseline) for c in mine))
    mine.sort(key=lambda c: (order.index((c.setting, c.baseline)), c.figure.group is None))
    unit = mine[0].figure.unit
    axis = axis_around_zero([c.figure for c in mine], unit)
    several = len(order) > 1
    rows = []
    for c in mine:
        f = c.figure
        name = _text(f.group or "all") + (f" <small>{_text(c.setting)} − {_text(c.baseline)}</small>" if several else "")
        label = f"{one_line(f.group or 'all')}: {one_line(c.setting)} minus {one_line(c.baseline)} {estimate(f, signed=True)}"
        series = section.settings.index(c.setting) if c.setting in section.settings else 0
        cases = f"{count(f.n_cases, 'case')}, {count(f.n_scored + f.n_failed, 'pair')}"
        rows.append(_row(name, cases, strip(axis, [(series, f)], label), f"<div>{estimate(f, signed=True)}</div>",
                         "" if f.group else "all"))  # fmt: skip
    return f'<div class="chart">{"".join(rows)}{_axis_row(scale_strip(axis))}</div>'


def _curves(section: Section, kind: str, group: str | None) -> list[Curve]:
    """The series of the primary measure, coloured by setting."""
    found: list[Curve] = []
    for (measure, setting), series in section.curves(kind, group).items():
        if measure != section.primary:
            continue
        index = section.settings.index(setting) if setting in section.settings else len(found)
        found.append(Curve(name=one_line(setting or measure, 14), series=index, figures=series, step=kind == "survival"))
    return found[:6]


def curves(section: Section, kind: str) -> str:
    """Per-turn values or survival: all cases large, then each group small."""
    scale = section.result.scale(section.system, section.primary)
    axis = axis_of(scale) if kind == "turn" else axis_of(section.result.scale("", ""))
    name = '<p class="axisname">turn</p>'
    whole = _curves(section, kind, None)
    out = curve_chart(whole, axis, "All groups", 230) + name if whole else ""
    small = []
    for group in section.curve_groups(kind):
        mine = _curves(section, kind, group)
        if mine:
            small.append(f"<div><h4>{_text(group)}</h4>{curve_chart(mine, axis, one_line(group), 150)}</div>")
    if len(small) > 1 or not whole:
        out += f'<div class="multiples">{"".join(small)}</div>' if small else ""
    return out
