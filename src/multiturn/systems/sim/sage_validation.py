"""Does the final emotion mean anything? Two other looks at the same conversation, by a judge model, to correlate with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...conversation import Cast, Conversation
from ...judges.ask import Answer, ask, quoted
from ...judges.parse import Outcome, Parsed, scale
from ...measures.figure import Scale
from ...measures.verdict import Verdict

RELATIONSHIP, QUALITY = Scale(0, 100, "points", passing=100), Scale(1, 5, "points", passing=5)
SUBSCALES = {
    "regard": "how warmly the other side regards the person",
    "empathy": "how well it understands what the person goes through",
    "unconditionality": "how little its regard depends on what the person says or does",
    "congruence": "how honest and at one with itself it seems",
}
ASPECTS = {
    "depth": "how deep the connection gets", "attentiveness": "how attentive the other side is", "flow": "how naturally it flows",
}  # fmt: skip


def read_scores(text: str, names: Sequence[str], low: float, high: float) -> Outcome[float]:
    """The mean of several named numbers, each from ``low`` to ``high``; all must be there."""
    total = 0.0
    for name in names:
        found = scale(text, low, high, names=(name,), whole=False)
        if not isinstance(found, Parsed):
            return found
        total += found.value
    return Parsed(total / len(names))


async def validation(chat: Conversation, notes: Sequence[Mapping[str, Any]], cast: Cast) -> list[Verdict]:
    """``relationship`` (0 to 100): mean of the four subscales of the Barrett-Lennard Relationship Inventory, judged from the
    user's private notes. ``utterance quality`` (1 to 5): mean of depth, attentiveness and flow, judged from the dialogue. The
    questions are ours, one a subscale, not the questionnaire's items."""
    thoughts = "\n\n".join(f"{note['thoughts']}\n{note['feeling']}" for note in notes)
    talk = "\n\n".join(f"{m.role}: {m.text}" for m in chat.messages if m.role != "system")
    asked = (
        ("relationship", "private notes of a person about a talk with somebody", "notes", thoughts, SUBSCALES, RELATIONSHIP),
        ("utterance quality", "a dialogue; the assistant is the other side", "dialogue", talk, ASPECTS, QUALITY),
    )
    found = []
    for measure, what, name, text, criteria, within in asked:
        if not text.strip():
            found.append(Verdict(measure, None, cause="nothing to judge"))
            continue
        lines = "\n".join(f"- {key}: {meaning}" for key, meaning in criteria.items())
        form = ", ".join(f'"{key}": <number>' for key in criteria)
        question = (
            f"Here is {what}.\n\n{quoted(name, text)}\n\nRate, from {within.low:g} (not at all) to {within.high:g} (fully):\n"
            f"{lines}\nAnswer with one JSON object: {{{form}}}"
        )
        answer = await _ask(cast, question, tuple(criteria), within)
        found.append(Verdict(measure, answer.value, reason=answer.reason, cause=answer.cause))
    return found


async def _ask(cast: Cast, question: str, names: Sequence[str], within: Scale) -> Answer[float]:
    return await ask(cast, question, lambda text: read_scores(text, names, within.low, within.high))
