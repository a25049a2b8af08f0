"""The question of acute-eval: two dialogues side by side, one speaker of each, and which of them is better."""

from __future__ import annotations

import re

import msgspec

from ...judges.ask import quoted
from ...judges.choosing import named
from ...judges.drawn import drawn
from ...judges.items import PairItem, with_changes
from ...judges.parse import LONGEST, Outcome, Unparsable
from ...judges.questions import MATERIAL, form
from .acute_eval_items import JUDGED, OTHER, dialogue
from .judging import gold_answer

QUESTIONS = {
    "engaging": "Who would you prefer to talk to for a long conversation?",
    "interesting": "Which speaker is more interesting to listen to?",
    "human": "Which speaker sounds more like a person?",
    "knowledgeable": "Which speaker knows more about what they talk of?",
}


def numbers(item: PairItem) -> tuple[str, str]:
    """What the speakers are called, in the order in which they are shown."""
    return ("1", "2") if item.names[0] == "A" else ("2", "1")


def question(item: PairItem, asks: str) -> str:
    """Both dialogues, the judged speaker's lines marked, and the question."""
    parts = [f"Read two dialogues. In each of them one speaker is to be judged. {asks}"]
    for number, side in zip(numbers(item), item.answers, strict=True):
        text = re.sub(rf"(?m)^{JUDGED}: ", f"**Speaker {number}**: ", dialogue(item, side))
        parts.append(quoted(f"dialogue-of-speaker-{number}", text))
    parts.append(
        f"{MATERIAL} Judge Speaker 1 and Speaker 2 alone, not their partners (`{OTHER}`), nor what is talked of. You have to "
        "choose; there are no ties."
    )
    return "\n\n".join([*parts, form("verdict", '"<1 or 2>"', confidence=False)])


def choice(text: str, names: tuple[str, str]) -> Outcome[float]:
    """Points of the speaker shown first, from ``1``, ``2``, ``Speaker 1`` or ``Speaker 2``."""
    if len(text) > LONGEST:
        return Unparsable("reply too long")
    return named(re.sub(r"(?i)\bspeaker\s{0,3}([12])\b", r"\1", text), names, ties=False)


def turned(item: PairItem) -> PairItem:
    """The pair with its dialogues in each other's places."""
    label = None if item.label is None else 1 - item.label
    return with_changes(item, first=item.second, second=item.first, authors=item.authors[::-1], label=label)


def placed(item: PairItem) -> PairItem:
    """The pair with its dialogues in the places that were drawn for it."""
    return turned(item) if drawn(item.id) else item


def right_answer(item: PairItem) -> str | None:
    """What a rater says who goes by the label."""
    return gold_answer(msgspec.structs.replace(item, names=numbers(item)))
