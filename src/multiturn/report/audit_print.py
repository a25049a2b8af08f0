"""The audit in a terminal: what was found, what it does to the figures, how like people the user is, and all of it in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from ..measures.figure import Figure
from .audit import AuditResult, CheckRow, FigurePair, UserAudit
from .audit_ratings import Agreed
from .audit_users import Shift
from .audit_words import (
    cautions,
    classifier_lines,
    difference_line,
    feature_lines,
    habit_lines,
    headline,
    marked_line,
    percent,
    ratings_lines,
    shift_lines,
)
from .safe import one_line
from .terminal import in_plain_text
from .words import count, estimate, number


def print_audit(result: AuditResult, console: Console | None = None, everything: bool = False) -> None:
    """Print an audit. ``everything``: figures by group and turn and every measure of the users' table, too."""
    console = console or Console()
    in_plain_text(console, lambda: _print(result, console, everything))


def _print(result: AuditResult, console: Console, everything: bool) -> None:
    def say(lines: Iterator[str] | Sequence[str], style: str = "") -> None:
        for line in lines:
            console.print(Padding(Text(line, style=style), (0, 0, 0, 2)))

    for audit in result.audits:
        console.print(Text(headline(audit), style="bold"))
        say(list(habit_lines(audit)), "bold")
        if any(row.found for row in audit.checks):
            console.print(check_table(audit.checks))
        say(list(_clean(audit)), "dim")
        say([marked_line(audit)])
        if audit.marked:
            _figures(audit, console, say, everything)
            say(list(difference_line(audit)))
        if audit.own:
            console.print(Text("\nWhat the benchmark measures of its user", style="bold"))
            console.print(own_table(audit.own))
        if audit.people:
            console.print(Text(f"\nBeside people ({one_line(audit.people.name)})", style="bold"))
            say(list(classifier_lines(audit.people)))
            say(list(feature_lines(audit.people)))
        if audit.ratings:
            console.print(Text("\nThe ratings that it leads to, beside people's", style="bold"))
            if audit.ratings.rows:
                console.print(ratings_table(audit.ratings.rows))
            say(list(ratings_lines(audit.ratings)))
        say(list(cautions(audit)), "yellow")
        console.print()
    if result.sensitivity:
        _users(result.sensitivity, console, say, everything)
    say(result.notes, "yellow")


def check_table(rows: Sequence[CheckRow]) -> Grid:
    """One row a check that found something, the most frequent first."""
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column(Text("check"), overflow="fold", header_style="bold")
    people = any(row.people is not None for row in rows)
    for name in ("found", "share", *(["people"] if people else ())):
        grid.add_column(Text(name), justify="right", header_style="bold", no_wrap=True)
    grid.add_column(Text("for example"), overflow="fold", header_style="bold")
    for row in sorted((row for row in rows if row.found), key=lambda row: -(row.share or 0.0)):
        share = f"{number(row.share, 'fraction')} {_span(row)}".rstrip()
        cells = [row.check, f"{row.found:,} of {row.conversations:,}", share]
        cells += [number(row.people, "fraction")] if people else []
        grid.add_row(*(Text(cell) for cell in (*cells, _example(row))))
    return grid


def _span(row: CheckRow) -> str:
    return "" if row.low is None or row.high is None else f"[{100 * row.low:.0f}, {100 * row.high:.0f}]"


def _example(row: CheckRow) -> str:
    if row.example is None:
        return ""
    e = row.example
    sure = "" if e.certain else ", likely"
    said = f"“{one_line(e.quote, 90)}” " if e.quote else ""
    return f"{said}({one_line(e.case, 30)}, turn {e.turn}{sure})"


def _clean(audit: UserAudit) -> Iterator[str]:
    """What was looked for and not found, and what could not be looked for."""
    for n in sorted({row.conversations for row in audit.checks if not row.found and row.conversations}, reverse=True):
        rows = [row for row in audit.checks if not row.found and row.conversations == n]
        bound = f" (up to {percent(rows[0].high)} is possible)" if rows[0].high is not None else ""
        yield f"Found in none of {count(n, 'conversation')}{bound}: {', '.join(row.check for row in rows)}."
    if names := [row.check for row in audit.checks if not row.conversations]:
        yield f"Could not be checked here: {', '.join(names)}."


def own_table(figures: Sequence[Figure]) -> Grid:
    """The measures that the benchmark has of its own user, over all conversations."""
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column(Text("measure"), overflow="fold", header_style="bold")
    for name in ("value", "cases"):
        grid.add_column(Text(name), justify="right", header_style="bold", no_wrap=True)
    models = len({figure.model for figure in figures}) > 1
    for figure in figures:
        parts = (figure.measure, figure.setting, figure.model if models else "")
        name = ", ".join(one_line(part, 40) for part in parts if part)
        value = estimate(figure) if figure.value is not None else "not measured"
        grid.add_row(Text(name), Text(value), Text(f"{figure.n_cases:,}"))
    return grid


def ratings_table(rows: Sequence[Agreed]) -> Grid:
    """Spearman's rho by level, and the F1 of right answers."""
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column(Text("measure"), overflow="fold", header_style="bold")
    grid.add_column(Text("by"), overflow="fold", header_style="bold")
    for name in ("agreement", "points"):
        grid.add_column(Text(name), justify="right", header_style="bold", no_wrap=True)
    several = len({row.setting for row in rows}) > 1
    for row in rows:
        what = "F1" if row.level == "outcome" else "rho"
        value = "–" if row.value is None else f"{what} {row.value:.2f}"
        ends = "" if row.low is None or row.high is None else f" [{row.low:.2f}, {row.high:.2f}]"
        name = f"{row.measure} ({row.task}{f', {one_line(row.setting, 30)}' if several else ''})"
        grid.add_row(Text(name), Text(row.level), Text(value + ends), Text(f"{row.n:,}"))
    return grid


def _figures(audit: UserAudit, console: Console, say: Callable[..., None], everything: bool) -> None:
    wanted = [p for p in audit.figures if everything or (p.all.group is None and p.all.turn is None)]
    shown = [p for p in wanted if p.all.value is not None]
    models = len({p.all.model for p in shown}) > 1
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column(Text("figure"), overflow="fold", header_style="bold")
    for name in ("all", "without them", "difference", "cases"):
        grid.add_column(Text(name), justify="right", header_style="bold", no_wrap=True)
    for pair in shown:
        cells = (_label(pair, models), estimate(pair.all), estimate(pair.without), _difference(pair), _cases(pair))
        grid.add_row(*(Text(cell) for cell in cells))
    if shown:
        console.print(grid)
    if empty := len(wanted) - len(shown):
        say([f"{count(empty, 'more figure')} could not be measured."], "dim")
    if left := len(audit.figures) - len(wanted):
        say([f"{count(left, 'figure')} by group or turn {'is' if left == 1 else 'are'} shown with --all."], "dim")


def _label(pair: FigurePair, models: bool) -> str:
    f = pair.all
    kind = "" if f.kind in ("mean", "turn") else f.kind
    parts = (f.measure, f.setting, f.group, f"turn {f.turn}" if f.turn is not None else "", kind, f.model if models else "")
    return ", ".join(one_line(part, 40) for part in parts if part)


def _difference(pair: FigurePair) -> str:
    return _interval(pair.difference, pair.low, pair.high, pair.all.unit, signed=True)


def _cases(pair: FigurePair) -> str:
    after = pair.without.n_cases if pair.without is not None else 0
    return f"{pair.all.n_cases:,}" if after == pair.all.n_cases else f"{pair.all.n_cases:,} → {after:,}"


def _users(found: Sequence[Shift], console: Console, say: Callable[..., None], everything: bool) -> None:
    console.print(Text("When another model plays the user", style="bold"))
    first = {(s.system, s.model): s.measure for s in reversed(found)}
    shown = [s for s in found if everything or s.measure == first[s.system, s.model]]
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column(Text("measure"), overflow="fold", header_style="bold")
    grid.add_column(Text("user"), overflow="fold", header_style="bold")
    for name in ("mean", "against the first", "cases"):
        grid.add_column(Text(name), justify="right", header_style="bold", no_wrap=True)
    for shift in shown:
        for i, user in enumerate(shift.users):
            moved = next((m for m in shift.moved if m.first == shift.users[0].user and m.second == user.user), None)
            name = f"{one_line(shift.measure, 30)}, {one_line(shift.setting, 20)}" if not i else ""
            against = _interval(moved.value, moved.low, moved.high, shift.unit, signed=True) if moved is not None and i else ""
            cells = (
                name,
                one_line(user.user, 60),
                _interval(user.value, user.low, user.high, shift.unit),
                against,
                f"{user.cases:,}",
            )
            grid.add_row(*(Text(cell) for cell in cells))
    console.print(grid)
    say([line for shift in shown for line in shift_lines(shift)])
    if len(shown) < len(found):
        say([f"{count(len(found) - len(shown), 'more table')} of other measures: --all, or --json."], "dim")


def _interval(value: float | None, low: float | None, high: float | None, unit: str, signed: bool = False) -> str:
    return estimate(Figure(measure="", value=value, low=low, high=high, unit=unit), signed=signed)
