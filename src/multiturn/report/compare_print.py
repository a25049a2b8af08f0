"""A comparison in the terminal: what each side scored, how sure the difference is, and what that means in words."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from .compare import Comparison
from .conclusions import conclusion, effects, noise_cell, noise_lines, p_value
from .safe import one_line
from .terminal import in_plain_text
from .words import certain, count, estimate, number

WIDE = 100  # columns of a terminal from which tables are set wider


def grid(console: Console, *left: tuple[str, int]) -> Grid:
    """A table without lines, closer where there is little room; ``left``: its first columns with their greatest width."""
    table = Grid(box=None, pad_edge=False, padding=(0, 2 if console.width >= WIDE else 1, 0, 0))
    for name, width in left:
        table.add_column(Text(name), overflow="fold", max_width=width, header_style="bold")
    return table


def right(table: Grid, *names: str) -> None:
    for name in names:
        table.add_column(Text(name), justify="right", overflow="fold", header_style="bold")


def _name(c: Comparison) -> str:
    return f"{one_line(c.measure, 30)}, {one_line(c.setting, 20)}"


def comparison_table(found: Sequence[Comparison], first: str, second: str, console: Console) -> Grid:
    """A table of all comparisons: means on the shared questions, difference with interval, flips each way."""
    table = grid(console, ("measure", 20), ("group", 16))
    right(table, one_line(first, 12), one_line(second, 12), "difference", "+", "−", "cases")
    last = ""
    for c in found:
        d, name = c.difference, _name(c)
        cells = (
            "" if name == last else name, one_line(c.group, 40) if c.group else "all", number(c.first, d.unit),
            number(c.second, d.unit), estimate(d, signed=True), *([f"{c.gained:,}", f"{c.lost:,}"] if c.passes else "––"),
            f"{d.n_cases:,}",
        )  # fmt: skip
        table.add_row(*(Text(cell) for cell in cells), style="bold" if certain(d) else "")
        last = name
    return table


def significance_table(found: Sequence[Comparison], console: Console) -> Grid:
    """A table of the tests: p-value as it is and adjusted, the noise floor, and which test it was."""
    grouped = any(c.group for c in found)
    table = grid(console, ("test", 20), *([("group", 14)] if grouped else []))
    noisy = any(c.noise for c in found)
    right(table, "p", "Holm", "BH", *(["noise"] if noisy else []))
    table.add_column(Text("by"), overflow="fold", header_style="bold")
    last = ""
    for c in found:
        name = _name(c)
        cells = [p_value(c.test.p), p_value(c.holm), p_value(c.bh), *([noise_cell(c)] if noisy else []), c.test.test]
        group = [one_line(c.group, 30) if c.group else "all"] if grouped else []
        shown = ["" if name == last else name, *group, *cells]
        table.add_row(*(Text(cell) for cell in shown), style="bold" if c.found else "")
        last = name
    return table


def turn_table(found: Sequence[Comparison], first: str, second: str, console: Console) -> Grid:
    """A table of the differences turn by turn."""
    table = grid(console, ("measure", 20))
    right(table, "turn", one_line(first, 12), one_line(second, 12), "difference", "cases", "p", "Holm")
    last = ""
    for c in found:
        d, name = c.difference, _name(c)
        cells = ("" if name == last else name, f"{c.turn}", number(c.first, d.unit), number(c.second, d.unit),
                 estimate(d, signed=True), f"{d.n_cases:,}", p_value(c.test.p), p_value(c.holm))  # fmt: skip
        table.add_row(*(Text(cell) for cell in cells), style="bold" if c.found else "")
        last = name
    return table


def turn_lines(found: Sequence[Comparison]) -> list[str]:
    """At which turns the sides differ, measure by measure."""
    by: dict[str, list[Comparison]] = {}
    for c in found:
        by.setdefault(_name(c), []).append(c)
    lines = []
    for name, each in by.items():
        there = [str(c.turn) for c in each if c.found]
        what = f"the sides differ at turn {', '.join(there)}" if there else "at no turn can a difference be seen"
        lines.append(f"{name}: {what} (Holm over {count(len(each), 'turn')}).")
    return lines


def print_comparison(found: Sequence[Comparison], first: str, second: str, console: Console | None = None, *,
                     judges: bool = False) -> None:  # fmt: skip
    """Print the tables, and what they say in words. ``first``/``second``: what to call the two sides. ``judges``: they judged
    the same conversations, so that re-running says nothing of them."""
    console = console or Console()

    def show() -> None:
        if not found:
            console.print(Text("Nothing to compare: the two sides share no measure and setting."))
            return
        whole = [c for c in found if c.group is None]
        console.print(comparison_table(found, first, second, console))
        console.print(Text("+ failed before and passes now, − passed before and fails now", style="dim"))
        console.print()
        console.print(significance_table(found, console))
        console.print(Text(_legend(found), style="dim"))
        console.print()
        for line in (conclusion(c, first, second, judges=judges) for c in whole):
            console.print(Text(line, style="bold"))
        for line in (*effects(whole), *(() if judges else noise_lines(whole))):
            console.print(Text(line))

    in_plain_text(console, show)


def _legend(found: Sequence[Comparison]) -> str:
    whole, groups = (max((c.family for c in found if (c.group is None) == of_all), default=0) for of_all in (True, False))
    of = " of all cases" if groups else ""
    text = f"Holm, BH: p adjusted over {whole} comparisons{of}" if whole > 1 else f"one comparison{of}: no adjusting"
    if groups:
        text += f"; by group: over {groups}"
    return text + ("; noise: two identical runs stay within it 95% of the time" if any(c.noise for c in found) else "")


def print_turns(found: Sequence[Comparison], first: str, second: str, console: Console) -> None:
    """Print the differences turn by turn, and where they are."""

    def show() -> None:
        console.print(Text("\nturn by turn", style="bold"))
        if not found:
            console.print(Text("No measure is scored at several turns on both sides."))
            return
        console.print(turn_table(found, first, second, console))
        for line in turn_lines(found):
            console.print(Text(line))

    in_plain_text(console, show)
