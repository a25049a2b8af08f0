"""A judge's card on the terminal, and the lines that stand beside the figures of a judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..judges.card import Card
from ..measures.figure import Figure
from .result import RunResult
from .safe import one_line
from .terminal import in_plain_text
from .words import estimate, unmeasured_lines, usage_line

_FIRST = ("correct", "error", "kappa", "AC1", "alpha", "Spearman", "Kendall", "Somers D", "pairwise accuracy", "people's alpha",
          "sensitivity", "specificity", "most frequent verdict", "most frequent label", "confidence", "ECE", "Brier",
          "wrong when sure", "AURC", "unparsable")  # fmt: skip
_SETTINGS = ("plain", "", "plain and swapped", "swapped and relabelled", "plain and relabelled")


def print_card(card: Card, result: RunResult | None = None, console: Console | None = None) -> None:
    """Print a card: what it says in words, then its figures. ``result``: the run behind it, for what was not measured."""
    console = console or Console()
    in_plain_text(console, lambda: _print(card, result, console))


def _print(card: Card, result: RunResult | None, console: Console) -> None:
    measure = f" ({one_line(card.measure, 60)})" if card.measure else ""
    head = f"Judge card {card.judge[:8]}: {one_line(card.method, 100)}{measure} by {one_line(card.model, 100)}"
    console.print(Text(head, style="bold"))
    of = f" of {card.planned:,}" if card.planned > card.items else ""
    items = "item" if max(card.planned, card.items) == 1 else "items"
    _line(console, f"held against {card.items:,}{of} {items} of {one_line(card.labels, 100)}", "dim")
    for sentence in card.sentences:
        _line(console, sentence)
    console.print()
    console.print(Padding(_table(card.figures), (0, 0, 0, 2)))
    if result is not None:
        for line in unmeasured_lines(result):
            _line(console, line, "yellow")
        _line(console, usage_line(result), "dim")
    _line(console, f"Kept in the store as run {card.run}; it is printed beside the figures of this judge.", "dim")


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(Padding(Text(text, style=style), (0, 0, 0, 2)))


def _table(figures: Sequence[Figure]) -> Table:
    table = Table("measure", "setting", "value and 95 % interval", "verdicts", box=None, pad_edge=False)
    shown = [f for f in figures if f.turn is None and f.group is None and f.kind not in ("effect", "detectable") and not _told(f)]
    order = {name: i for i, name in enumerate(_FIRST)}
    for f in sorted(shown, key=lambda f: (_SETTINGS.index(f.setting) if f.setting in _SETTINGS else 9, order.get(f.measure, 99))):
        name, note = one_line(f.measure, 40), f" ({one_line(f.note, 30)})" if f.measure.startswith("most frequent") else ""
        table.add_row(
            Text(name + note), Text(one_line(f.setting or "", 24)), Text(estimate(f, signed=f.kind == "difference")),
            Text(f"{f.n_scored:,}", justify="right"),
        )  # fmt: skip
    return table


def _told(figure: Figure) -> bool:
    """Whether other lines tell as much: places of both orders together, and probes in which every reply could be read."""
    probe = figure.setting not in _SETTINGS
    return figure.measure == "shown first" or (figure.measure == "unparsable" and probe and figure.value in (0, None))


def print_corrected(estimates: Iterable[Mapping[str, Any]], console: Console | None = None) -> None:
    """Print figures of a run beside what they are once the judge's errors are taken out (rows: system, model, setting, measure,
    how, found)."""
    console = console or Console()
    table = Table("figure", "as judged", "corrected, 95 % interval", "how", box=None, pad_edge=False)
    notes = []
    for row in estimates:
        found = row["found"]
        name = f"{one_line(row['measure'], 30)}, {one_line(row['setting'], 20)}, {one_line(row['model'], 40)}"
        value = "–" if found.value is None else f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
        table.add_row(Text(name), "–" if found.raw is None else f"{found.raw:.3f}", value, one_line(row["how"], 30))
        if found.note:
            notes.append(f"{one_line(row['how'], 30)}, {one_line(row['setting'], 20)}: {one_line(found.note, 200)}")

    def show() -> None:
        console.print(Padding(table, (0, 0, 0, 2)))
        for note in notes:
            _line(console, note, "yellow")
        _line(console, "Prediction-powered: unbiased when the labelled ones are a random sample, as on a sheet.", "dim")
        console.print()

    in_plain_text(console, show)
