"""The report in a terminal: a table for each system and model, then what it says in plain words."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from .grids import headline_table, rest_table
from .judges import beside
from .result import RunResult
from .safe import one_line, plain_ascii
from .shape import Section, sections
from .words import bounds, cautions, count, findings, gaps, imported, unmeasured_lines, usage_line


def print_report(result: RunResult, console: Console | None = None, html: str = "") -> None:
    """Print a run's report. ``html``: path of the page, if one was written. Plain text where there is no terminal."""
    console = console or Console()
    in_plain_text(console, lambda: _print(result, console, html))


def in_plain_text(console: Console, show: Callable[[], None]) -> None:
    """Print what ``show`` prints to the console, in ASCII where its encoding has no more."""
    if "utf" in console.encoding.lower():
        show()
        return
    with console.capture() as captured:
        show()
    console.file.write(plain_ascii(captured.get()))


def _print(result: RunResult, console: Console, html: str) -> None:
    found = sections(result)
    for section in found:
        _section(section, console)
    if not found:
        console.print(Text("Nothing could be measured.", style="bold"))
    if lines := beside(result):
        console.print(Text("The judge", style="bold"))
        _lines(console, lines)
        console.print()
    _missing(result, found, console)
    status = {"done": "finished", "partial": "finished, with parts missing", "stopped": "stopped early"}[result.run.status]
    if imported(result):
        console.print(Text(f"Run {one_line(result.run.id)}: {count(result.episodes, 'conversation')} imported."))
    else:
        console.print(Text(f"Run {one_line(result.run.id)} {status}: {count(result.episodes, 'conversation')} played."))
        _lines(console, [usage_line(result)], style="dim")
    if html:
        # Not wrapped: a path that is broken over two lines cannot be clicked or copied.
        console.print(Text(f"Report: {html}"), soft_wrap=True)


def _section(section: Section, console: Console) -> None:
    console.print(Text(f"{one_line(section.system)} · {one_line(section.model, 100)}", style="bold"))
    if section.primary:
        console.print(headline_table(section, console))
        _lines(console, filter(None, [gaps(section)]), style="yellow")
    rest = rest_table(section, console)
    if rest is not None:
        console.print(rest)
        _lines(console, section.trials(), style="dim")
    _lines(console, findings(section))
    _lines(console, cautions(section), style="yellow")
    console.print()


def _lines(console: Console, lines: Iterable[str], style: str = "") -> None:
    for line in lines:
        console.print(Padding(Text(line, style=style), (0, 0, 0, 2)))


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
