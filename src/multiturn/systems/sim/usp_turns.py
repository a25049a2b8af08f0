"""A dialogue cut into one training sample a user turn: the context, the utterance, and a mask that covers exactly it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ...conversation import Conversation
from ...learning.export import Row
from .usp_profile import Profile, system_text

Tokenize = Callable[[str], Sequence[str]]


class TurnSample(NamedTuple):
    """``context``: all that was said before; ``action``: the user's utterance; ``tokens``: of the dialogue up to and with it;
    ``mask``: 1 where the loss counts; ``reward``: the dialogue's."""

    number: int
    context: Conversation
    action: str
    tokens: tuple[str, ...]
    mask: tuple[int, ...]
    reward: float


def pieces(text: str) -> list[str]:
    """Words and what stands between them: joined again they are the text. A stand-in for a model's tokenizer."""
    return re.findall(r"\w+|\W", text)


def split(chat: Conversation, reward: float = 0.0, tokenize: Tokenize = pieces) -> list[TurnSample]:
    """One sample for each message of role user, the simulator's; assistants' and system texts are never trained on. The masks of
    all samples together cover the user's tokens, each once."""
    tokens: list[str] = []
    found: list[TurnSample] = []
    context = Conversation()
    for message in chat.messages:
        said = list(tokenize(message.text))
        if message.role == "user":
            mask = (*([0] * len(tokens)), *([1] * len(said)))
            found.append(TurnSample(len(found) + 1, context, message.text, (*tokens, *said), mask, reward))
        tokens += said
        context = context.add(message)
    return found


def rows(found: Sequence[TurnSample], profile: Profile, group: str = "") -> Iterator[Row]:
    """Samples as rows {prompt, completion, advantage, group}, seen from the simulator: its own turns are the assistant's. The
    advantage is the dialogue's reward; samples of one profile share a group, to be normalised in."""
    for sample in found:
        flip = {"user": "assistant", "assistant": "user"}
        prompt = [{"role": "system", "content": system_text(profile)}]
        prompt += [{"role": flip[m.role], "content": m.text} for m in sample.context.messages if m.role in flip]
        yield {
            "prompt": prompt, "completion": [{"role": "assistant", "content": sample.action}], "advantage": sample.reward,
            "group": group, "source": {"turn": sample.number}, "evaluation": False,
        }  # fmt: skip
