"""The rewards of turn-level credit: what the tool turn and what the answer earned. Pure functions of a rollout.

Turn rewards:    tool_execution     0.2 * results without an error / tool attempts; 0 without an attempt
                 search_has_answer  0.5 if an alias stands in the first result
Outcome rewards: contains_answer    0.5 if an alias stands in the last answer
                 exact_match        1.0 if the last answer is an alias, apart from case and outer blanks
                 format             0.2 * mean over messages of 0.4 * share of the field groups (reasoning; tool or answer) that
                                    are there + 0.2 if well formed + 0.2 if it begins with <reasoning> + 0.2 if it ends with
                                    </tool> or </answer>
                 xml_tags           0.2 * mean over messages of the share of its tags that occur exactly once

Well formed: it has a field, and no tag that is not part of a complete field. Tags counted are those, opening and closing, of the
fields that a message begins or ends at all. A message without any has 0 for both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from ...conversation import Conversation
from ...learning.credit import ESTIMATORS, Rewards
from ...measures.figure import Scale

FIELDS = ("reasoning", "tool", "answer")
GROUPS = (("reasoning",), ("tool", "answer"))
ERROR = "Error:"
TURN, OUTCOME = ("tool_execution", "search_has_answer"), ("contains_answer", "exact_match", "format", "xml_tags")
_FIELD = {name: re.compile(rf"<{name}>(.*?)</{name}>", re.DOTALL) for name in FIELDS}
_RESULT = re.compile(r"<result>(.*)</result>", re.DOTALL)


REWARDS = {
    name: Scale(0, most, "reward", passing=most) for name, most in (
        ("tool_execution", 0.2), ("search_has_answer", 0.5), ("contains_answer", 0.5), ("exact_match", 1.0), ("format", 0.2),
        ("xml_tags", 0.2),
    )
}  # fmt: skip
COMPARED = ("grpo-or", "grpo-mr", "mt-grpo")
ADVANTAGE = Scale(float("-inf"), float("inf"), "standard deviations", passing=0)


class Played(NamedTuple):
    """A rollout: the conversation and why it ended."""

    chat: Conversation
    stop: str


class Rollout(Struct, frozen=True):
    """What was said: the assistant's messages, and what the environment answered to each of its tool calls, "Error: …"
    or the text of the result."""

    messages: tuple[str, ...]
    results: tuple[str, ...]

    @property
    def found(self) -> bool:
        """Whether a result came back: then there is a tool turn apart from the answer."""
        return any(not result.startswith(ERROR) for result in self.results)

    @property
    def answer(self) -> str | None:
        """The last answer given."""
        said = [answer for message in self.messages if (answer := field(message, "answer")) is not None]
        return said[-1] if said else None


def field(message: str, name: str) -> str | None:
    """The text of the first field of this name; None if there is no complete one."""
    found = _FIELD[name].search(message)
    return found[1].strip() if found else None


def result_text(message: str) -> str:
    """What the environment said, without the tags around a result."""
    found = _RESULT.fullmatch(message.strip())
    return found[1].strip() if found else message


def read(chat: Conversation) -> Rollout:
    """The rollout that a conversation is: every user message after the first is the environment's."""
    said = [message for message in chat.messages if message.role in ("user", "assistant")]
    mine = tuple(m.text for m in said if m.role == "assistant")
    return Rollout(mine, tuple(result_text(m.text) for m in [m for m in said if m.role == "user"][1:]))


def rewards(rollout: Rollout, aliases: Sequence[str]) -> dict[str, float]:
    """Every reward by name."""
    attempts = sum("<tool>" in message for message in rollout.messages)
    results = [r for r in rollout.results if not r.startswith(ERROR)]
    answer = rollout.answer
    return {
        "tool_execution": 0.2 * min(len(results) / attempts, 1.0) if attempts else 0.0,
        "search_has_answer": 0.5 * bool(results and contains(results[0], aliases)),
        "contains_answer": 0.5 * bool(answer is not None and contains(answer, aliases)),
        "exact_match": float(answer is not None and answer.lower().strip() in {a.lower().strip() for a in aliases}),
        "format": 0.2 * _mean(_format(m) for m in rollout.messages),
        "xml_tags": 0.2 * _mean(_tags(m) for m in rollout.messages),
    }


def contains(text: str, aliases: Iterable[str]) -> bool:
    """Whether any alias is a part of the text, apart from case."""
    return any(alias.lower() in text.lower() for alias in aliases if alias)


def credited(rollout: Rollout, aliases: Sequence[str]) -> Rewards:
    """The rewards for the estimators of `multiturn.learning.credit`: the first turn earned the turn rewards."""
    found = rewards(rollout, aliases)
    later = max(0, len(rollout.messages) - 1)
    turns = (sum(found[name] for name in TURN), *[0.0] * later)
    return Rewards(turns, sum(found[name] for name in OUTCOME), split=rollout.found)


def compared(group: Sequence[Played], aliases: Sequence[str]) -> list[dict[str, Any]]:
    """The rollouts of one question as facts: rewards, credit, and the advantages that every estimator gives their turns."""
    rollouts = [read(played.chat) for played in group]
    earned = [credited(rollout, aliases) for rollout in rollouts]
    by_estimator = {name: estimate(earned) for name, estimate in ESTIMATORS.items()}
    return [
        {
            "stop": played.stop, "messages": list(rollout.messages), "rewards": rewards(rollout, aliases),
            "credit": msgspec.to_builtins(earned[i]),
            "advantages": {name: [float(a) for a in found[i]] for name, found in by_estimator.items()},
        }
        for i, (played, rollout) in enumerate(zip(group, rollouts, strict=True))
    ]  # fmt: skip


def _format(message: str) -> float:
    text = message.strip()
    there = {name for name in FIELDS if field(text, name) is not None}
    if not there:
        return 0.0
    share = sum(bool(there & set(group)) for group in GROUPS) / len(GROUPS)
    well = all(name in there and text.count(f"<{name}>") == text.count(f"</{name}>") for name in _touched(text))
    begins, ends = text.startswith("<reasoning>"), text.endswith(("</tool>", "</answer>"))
    return 0.4 * share + 0.2 * well + 0.2 * begins + 0.2 * ends


def _tags(message: str) -> float:
    counts = [message.count(tag) for name in _touched(message) for tag in (f"<{name}>", f"</{name}>")]
    return sum(count == 1 for count in counts) / len(counts) if counts else 0.0


def _touched(message: str) -> list[str]:
    return [name for name in FIELDS if f"<{name}>" in message or f"</{name}>" in message]


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0
