"""The flipped dialogue: chat logs as training samples for a model that plays the user, and the splits that keep users apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, Literal, NamedTuple, TypeAlias

from ...conversation import Conversation, InputError, Message
from ...learning.export import Row

END = "<|endconversation|>"
Part: TypeAlias = Literal["train", "validation", "test"]


class Talk(NamedTuple):
    """One recorded conversation of a person: who it was, what they wanted in one sentence, and what was said."""

    id: str
    user: str
    intent: str
    chat: Conversation


class Sample(NamedTuple):
    """One training sample: the conversation so far, and the user's next turn, or `END` after the last reply."""

    talk: str
    user: str
    intent: str
    history: Conversation
    target: str


def samples(talk: Talk) -> Iterator[Sample]:
    """A sample for every user turn, and one with `END` where the conversation was over after a reply of the assistant. Neither a
    system text nor an assistant's message is ever a target."""
    history = Conversation()
    for message in talk.chat.messages:
        if message.role == "user":
            yield Sample(talk.id, talk.user, talk.intent, history, message.text)
        if message.role in ("user", "assistant"):
            history = history.add(Message(message.role, message.parts))
    if history.message is not None and history.message.role == "assistant":
        yield Sample(talk.id, talk.user, talk.intent, history, END)


def part_of(user: str, shares: tuple[float, float, float] = (0.90, 0.05, 0.05), seed: int = 0, stratum: str = "") -> Part:
    """Which split a user belongs to, always the same for one seed: all conversations of a user are in one split. Within each
    ``stratum`` (a country) users are spread by ``shares``, which add up to 1."""
    if min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
        raise InputError(f"shares of splits must add up to 1, not {shares}")
    drawn = int.from_bytes(blake2b(f"{seed}/{stratum}/{user}".encode(), digest_size=8).digest(), "big") / 2**64
    return "train" if drawn < shares[0] else "validation" if drawn < shares[0] + shares[1] else "test"


def rows(found: Sequence[Sample]) -> Iterator[Row]:
    """Samples as rows {prompt, completion} for a trainer: the intent is the system text, the person's turns are the model's own
    (role assistant), the assistant's the other side (role user). The loss is on the completion."""
    for sample in found:
        prompt: list[dict[str, Any]] = [{"role": "system", "content": sample.intent}]
        for message in sample.history.messages:
            prompt.append({"role": "user" if message.role == "assistant" else "assistant", "content": message.text})
        yield {
            "prompt": prompt, "completion": [{"role": "assistant", "content": sample.target}],
            "source": {"talk": sample.talk}, "evaluation": False,
        }  # fmt: skip


INTENT = (
    "You read a conversation of a user with an assistant. Say in one sentence that begins with 'You are a user who wants' what "
    "the user wants in general. Leave out details, names and numbers."
)
"""What a model is asked to write a conversation's intent (the wording is ours)."""
