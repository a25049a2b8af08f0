"""What Comp-Analysis asks of a reply or a dialogue, one dimension at a time, and what people answered."""

from __future__ import annotations

from ...judges.ask import quoted
from ...judges.items import Item, PointItem, as_text, with_changes
from ...judges.likely import ONE_WORD
from ...judges.questions import MATERIAL
from .judging_dimensions import Rated, people_of
from .point_sets import DEFINITIONS, DIALOGUE, OVERALL, TURN, WHOLE

LOW, HIGH = 1.0, 5.0


def whole(item: Item) -> bool:
    """Whether a whole dialogue is judged, not a reply."""
    return bool(item.extra.get("level") == "dialogue")


def dimensions(item: Item) -> tuple[str, ...]:
    """The five dimensions of a reply, or of a dialogue; overall is the last."""
    return DIALOGUE if whole(item) else TURN


def aspect(item: PointItem, dimension: str) -> PointItem:
    """The item as it is asked about in one dimension, from 1 to 5."""
    words = item.definition if dimension == item.dimension else DEFINITIONS[dimension]
    if dimension != item.dimension and whole(item):
        words = f"{words} ({WHOLE})"
    return with_changes(item, dimension=dimension, definition=words, low=LOW, high=HIGH, whole=True, reference=None, label=None)


def yes_question(item: PointItem) -> str:
    """Yes or no about one dimension, to be answered with one word."""
    thing = "dialogue" if whole(item) else "response"
    asks = f"Does this {thing} have this quality? {item.dimension}: {item.definition}."
    history = [quoted("conversation", as_text(item.turns))] if item.turns else []
    return "\n\n".join((asks, *history, quoted(thing, item.answer), MATERIAL, f"{asks} {ONE_WORD}"))


def asked_in(item: PointItem, question: str) -> str:
    """The dimension that a question is about."""
    return next((d for d in dimensions(item) if f"{d}: {DEFINITIONS[d]}" in question), OVERALL)


def gold_reply(said: Rated) -> str:
    """A rating as an answer to either form of question, on its own side of the middle."""
    share = (said.value - said.low) / (said.high - said.low)
    score = round(LOW + share * (HIGH - LOW))
    score = max(score, 4) if share > 0.5 else min(score, 2) if share < 0.5 else 3
    return f'{{"reason": "-", "score": {score}, "answer": "{"yes" if share > 0.5 else "no"}"}}'


def label_of(item: PointItem, dimension: str) -> Rated | None:
    """The label of an item where it is one of this dimension."""
    own = dimension == item.dimension or (dimension == OVERALL and not item.dimension)
    return people_of(item) if own else None
