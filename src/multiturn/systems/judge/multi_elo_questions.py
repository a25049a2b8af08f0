"""What multi-elo asks of a pair, and what a judge says who knows what was planted."""

from __future__ import annotations

from collections.abc import Mapping

from ...judges.choosing import pair_question
from ...judges.items import PairItem, with_changes
from ...judges.probes import probed
from .judging import gold_answer

MERS = "mers"
OVERALL = {"overall": "helpfulness, relevance, accuracy and level of detail"}
DIMENSIONS: Mapping[str, str] = {
    "accuracy": "whether what it states is true and does not contradict itself; length and style do not count",
    "helpfulness": "whether it keeps to the question and tells enough to be of use; errors of language do not count",
    "language": "whether it is clear and its grammar and spelling are right; facts and length do not count",
}


def shown(item: PairItem, dimension: str, order: int) -> PairItem:
    """The pair as it is shown for a dimension, in its own order (1) or the other one (2); names go by place. A set that says what
    is judged of it keeps to that in the single verdict."""
    what, words = dimension, DIMENSIONS.get(dimension, "")
    if dimension in OVERALL:
        what, words = (item.dimension, item.definition) if item.dimension else ("overall quality", OVERALL[dimension])
    made = with_changes(item, dimension=what, definition=words)
    return made if order == 1 else turned(made)


def turned(item: PairItem) -> PairItem:
    """The pair with its answers in each other's places, and what was planted in them."""
    made = probed(item, "swapped")
    assert isinstance(made, PairItem)
    extra = {name: list(values)[::-1] for name, values in item.extra.items() if isinstance(values, list)}
    return with_changes(made, extra=extra)


def planted(item: PairItem, dimension: str) -> float:
    """Points of what is shown first from what was planted: lighter errors of fact; in helpfulness more words (a fifth at least);
    in language fewer slips."""
    if dimension == "helpfulness":
        one, two = item.extra["words"]
        return 0.5 if abs(one - two) < 0.2 * max(one, two) else float(one > two)
    one, two = item.extra["slips" if dimension == "language" else "facts"]
    return 0.5 if one == two else float(one < two)


def answer_of(item: PairItem, asked: str) -> str | None:
    """What a judge of each dimension answers who goes by what was planted, or, in other sets, by the label; None for any other
    question."""
    for dimension in (*OVERALL, *DIMENSIONS):
        for order in (1, 2):
            now = shown(item, dimension, order)
            if asked == pair_question(now):
                return gold_answer(with_changes(now, label=planted(now, dimension)) if item.extra.get("facts") else now)
    return None
