"""What ``multiturn show NAME`` prints."""

from __future__ import annotations

import inspect
import math
from itertools import islice
from typing import Any

import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..conversation import Case
from ..engine.data import DataFolder
from ..measures.figure import Scale
from ..protocols.benchmark import Benchmark
from ..protocols.scripted import Scripted, ScriptedCase
from ..report.safe import one_line, visible
from ..report.terminal import in_plain_text
from ..report.words import count, number
from ..systems.catalogue import make_system

PUBLISHED_SHOWN, GROUPS_SHOWN = 40, 8
CUT = 2000
"""Characters shown of one text of a case."""


def show_benchmark(name: str, data: str | None, cases: int) -> None:
    """Print what a benchmark is, and its first cases."""
    benchmark = make_system(name, DataFolder(data))
    chosen = list(islice(benchmark.cases(), cases)) if cases else []
    console = Console()

    def show() -> None:
        _about(console, benchmark)
        _measures(console, benchmark)
        _published(console, benchmark)
        for case in chosen:
            _case(console, case)

    in_plain_text(console, show)


def _line(console: Console, label: str, text: str) -> None:
    if text:
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(width=9)
        grid.add_column()
        grid.add_row(Text(label, style="bold"), Text(visible(text)))
        console.print(grid)


def _about(console: Console, benchmark: Benchmark) -> None:
    console.print(Text(f"{one_line(benchmark.slug)} · {one_line(benchmark.title, 200)}", style="bold"))
    console.print(Padding(Text(visible(_description(benchmark))), (1, 0, 1, 2), expand=False))
    default = benchmark.default_settings or benchmark.settings
    _line(console, "paper", benchmark.paper)
    _line(console, "settings", ", ".join(f"{s} (default)" if s in default else s for s in benchmark.settings))
    _line(console, "needs", ", ".join(f"--{role}" for role in benchmark.needs))
    _line(console, "uses", ", ".join(f"--{role}" for role in benchmark.uses))
    _line(console, "options", ", ".join(f"{k}={v!r}" for k, v in benchmark.options.items()))
    _line(console, "data", benchmark.home)
    _line(console, "licence", benchmark.licence)


def _description(benchmark: Benchmark) -> str:
    """The class's docstring; the module's where that one says more."""
    own = inspect.getdoc(type(benchmark)) or ""
    module = inspect.getdoc(inspect.getmodule(type(benchmark))) or ""
    text = module if len(module) > len(own) and type(benchmark).__module__ != "multiturn.protocols.casefile" else own
    return "\n\n".join(map(_flowing, text.split("\n\n")))


def _flowing(paragraph: str) -> str:
    """A paragraph without its line breaks, so that it fills the terminal's lines; lists and tables keep theirs."""
    return paragraph if "  " in paragraph else paragraph.replace("\n", " ")


def _measures(console: Console, benchmark: Benchmark) -> None:
    names = list(benchmark.scales) or (list(benchmark.measures) if isinstance(benchmark, Scripted) else [])
    for i, name in enumerate(names):
        _line(console, "" if i else "measures", f"{one_line(name)}: {_scale(benchmark.scale(name))}")


def _scale(scale: Scale) -> str:
    unit = f" {scale.unit}" if scale.unit else ""
    if not math.isfinite(scale.high):
        return f"from {scale.low:g}{unit}"
    return f"{scale.low:g} to {scale.high:g}{unit}, passed from {scale.passing:g}"


def _published(console: Console, benchmark: Benchmark) -> None:
    """The paper's numbers: a row for each model, measure and setting, a column for each group."""
    groups = list(dict.fromkeys(p.group or "all" for p in benchmark.published))
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for p in benchmark.published:
        cells = rows.setdefault((p.model, p.measure or "-", p.setting), {})
        cells[p.group or "all"] = number(p.value, benchmark.scale(p.measure).unit)
    if not rows:
        return
    table = Table(title=Text("published figures"), title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("model", "measure", "setting"):
        table.add_column(Text(head), header_style="bold", overflow="fold")
    for group in groups[:GROUPS_SHOWN]:
        table.add_column(Text(one_line(group, 24)), header_style="bold", justify="right", overflow="fold")
    for key, cells in islice(rows.items(), PUBLISHED_SHOWN):
        table.add_row(*(Text(one_line(text)) for text in key), *(Text(cells.get(g, "")) for g in groups[:GROUPS_SHOWN]))
    console.print(Padding(table, (1, 0, 0, 0)))
    for left, what in ((len(rows) - PUBLISHED_SHOWN, "row"), (len(groups) - GROUPS_SHOWN, "group")):
        if left > 0:
            console.print(Text(f"… and {count(left, what)} more", style="dim"))
    for source in dict.fromkeys(p.source for p in benchmark.published if p.source):
        console.print(Text(f"source: {one_line(source, 200)}", style="dim"))


# -- cases --------------------------------------------------------------------------------------------------------
def _case(console: Console, case: Case) -> None:
    group = f" ({one_line(case.group)})" if case.group else ""
    console.print(Text(f"\ncase {one_line(case.id)}{group}", style="bold"))
    if not isinstance(case, ScriptedCase):
        for name, value in _fields(case).items():
            _said(console, name, value)
        return
    _said(console, "system", case.system)
    for turn in case.turns:
        mark = "" if turn.scored else " (stored, not scored)"
        console.print(Text(f"turn {turn.number}{mark}", style="cyan"))
        _said(console, "user", turn.user)
        _said(console, "gold", turn.gold or "")
        _said(console, "single", turn.single if turn.single not in (None, turn.user) else "")


def _fields(case: Case) -> dict[str, str]:
    """The fields of a case that a system added, as text."""
    found: dict[str, Any] = msgspec.to_builtins(case, enc_hook=str)
    return {k: v if isinstance(v, str) else str(v) for k, v in found.items() if k not in ("id", "group") and v not in (None, "")}


def _said(console: Console, who: str, text: str | None) -> None:
    if text:
        more = f"… ({len(text) - CUT:,} more characters)" if len(text) > CUT else ""
        _line(console, f"  {one_line(who, 12)}", text[:CUT] + more)
