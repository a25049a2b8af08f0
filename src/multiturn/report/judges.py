"""What is known of the judges of a run, for beside its figures."""

from __future__ import annotations

from ..judges.card import Card
from ..judges.card_words import WARNINGS
from .result import RunResult
from .safe import one_line
from .words import interval, number

MOST = 3
"""Cards that are told of."""


def beside(result: RunResult) -> list[str]:
    """Lines for beside the figures of a run: its judges' cards, and the means with the judges' errors taken out."""
    lines = [line for n, card in enumerate(result.cards[:MOST]) for line in _card(card, n < result.own_cards)]
    if len(result.cards) > MOST:
        lines.append(f"{len(result.cards) - MOST:,} more cards are known: `multiturn calibrate --cards` lists them.")
    for f in result.figures:
        if f.kind == "corrected":
            name = f"{one_line(f.measure)}, {one_line(f.setting or 'all')}, {one_line(f.model, 60)}"
            value = f"{number(f.value, f.unit)} {interval(f)}" if f.value is not None else "not measured"
            lines.append(f"{name}: {value} ({one_line(f.note, 120)}).")
    return lines


def _card(card: Card, own: bool) -> list[str]:
    measure = f", {one_line(card.measure, 40)}" if card.measure else ""
    asked = "" if own else ", asked something else than here"
    lines = [f"{one_line(card.model, 60)} ({one_line(card.method, 60)}{measure}){asked}: {one_line(card.summary, 160)}."]
    return lines + [one_line(s, 200) for s in card.sentences if any(w in s for w in WARNINGS)][:2]
