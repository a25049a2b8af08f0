"""Two responses shown under numbers, as judges have them that answer with 1 or 2."""

from __future__ import annotations

from .ask import quoted
from .items import PairItem
from .questions import MATERIAL, shown


def numbers(item: PairItem) -> tuple[int, int]:
    """How the two answers are called, in the order in which they are shown: 1, 2, or 2, 1 when a probe has changed the names."""
    one = 1 + (item.names[0] > item.names[1])
    return one, 3 - one


def responses(item: PairItem) -> str:
    """The conversation and both answers, between tags."""
    called = zip(numbers(item), item.answers, strict=True)
    return "\n\n".join([shown(item), *(quoted(f"response-{n}", text) for n, text in called), MATERIAL])
