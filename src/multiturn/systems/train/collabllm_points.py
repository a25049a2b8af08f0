"""What CollabLLM's setting ``mr`` keeps of every branching point, and what is made from it: verdicts and preference pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ...conversation import Conversation
from ...learning.pairs import Branch, Pair, best_and_worst
from ...learning.rewards import MultiturnReward
from ...measures.verdict import Verdict


class Candidate(NamedTuple):
    """One reply at a branching point: the conversation with it, and its multiturn-aware reward."""

    chat: Conversation
    reward: MultiturnReward
    proactive: bool


def best_of(found: Sequence[Candidate]) -> Candidate:
    """The first of the highest reward; what could not be scored comes last."""
    return max(found, key=lambda c: float("-inf") if c.reward.value is None else c.reward.value)


def point(turn: int, found: Sequence[Candidate], best: Candidate) -> dict[str, Any]:
    """One branching point as facts."""
    return {"turn": turn, "chosen": found.index(best), "candidates": [_note(c) for c in found]}


def _note(candidate: Candidate) -> dict[str, Any]:
    reward = candidate.reward
    return {
        "reply": candidate.chat.reply, "score": reward.value, "proactive": candidate.proactive,
        "futures": [{"stop": f.stop, "messages": len(f.chat), "reward": f.reward, "values": f.values} for f in reward.futures],
    }  # fmt: skip


def point_verdicts(facts: Mapping[str, Any]) -> Iterator[Verdict]:
    """The reward of the reply that was chosen, and how far the candidates lay apart."""
    for kept in facts.get("points", ()):
        scores = [c["score"] for c in kept["candidates"]]
        known = [s for s in scores if s is not None]
        chosen = scores[kept["chosen"]]
        yield Verdict("mr", chosen, turn=kept["turn"], cause="" if chosen is not None else "no future could be scored")
        if len(known) > 1:
            yield Verdict("mr spread", max(known) - min(known), turn=kept["turn"])


def branches(chat: Conversation, facts: Mapping[str, Any]) -> list[list[Branch]]:
    """Of a conversation of setting ``mr`` and its facts: the scored candidates of every turn."""
    turns = chat.turns
    found = []
    for kept in facts["points"]:
        node = turns[kept["turn"] - 1].chat
        while node.message is not None and node.message.role != "user" and node.parent is not None:
            node = node.parent
        found.append([Branch(node.assistant(c["reply"]), c["score"]) for c in kept["candidates"]])
    return found


def preferences(chat: Conversation, facts: Mapping[str, Any], gap: float = 0.02) -> list[Pair]:
    """Preference pairs, best against worst candidate a turn, at least ``gap`` apart (as released: 0.02 offline, 0.1 online)."""
    made = [best_and_worst(candidates, gap) for candidates in branches(chat, facts)]
    return [pair for pair in made if pair is not None]
