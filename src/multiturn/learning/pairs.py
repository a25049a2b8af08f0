"""Preference pairs from branches: conversations that share a prefix and then differ in what the assistant said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from ..conversation import Conversation


class Branch(Struct, frozen=True):
    """A conversation and its score; None = it could not be scored, and takes no part in any pair."""

    chat: Conversation
    score: float | None


class Pair(Struct, frozen=True):
    """``prompt`` ends where the branches part, with a user's or a tool's message; ``chosen`` and ``rejected`` go on from it,
    up to the end of that turn."""

    prompt: Conversation
    chosen: Conversation
    rejected: Conversation
    chosen_score: float
    rejected_score: float


def shared_prefix(a: Conversation, b: Conversation) -> Conversation:
    """The longest conversation that both begin with (maybe the empty one)."""
    while len(a) > len(b):
        a = a.parent or a
    while len(b) > len(a):
        b = b.parent or b
    while a.id != b.id and a.parent is not None and b.parent is not None:
        a, b = a.parent, b.parent
    return a


def pair(a: Branch, b: Branch, gap: float = 0.0) -> Pair | None:
    """The better one over the worse one; None when they are equally good, closer than ``gap``, unscored, or do not part at a
    message of the assistant's."""
    if a.score is None or b.score is None or a.score == b.score or abs(a.score - b.score) < gap:
        return None
    if a.score < b.score:
        a, b = b, a
    assert a.score is not None
    assert b.score is not None
    prompt = shared_prefix(a.chat, b.chat)
    chosen, rejected = _turn_after(a.chat, prompt), _turn_after(b.chat, prompt)
    if chosen is None or rejected is None or prompt.message is None:
        return None
    return Pair(prompt, chosen, rejected, a.score, b.score)


def best_and_worst(branches: Sequence[Branch], gap: float = 0.0) -> Pair | None:
    """The pair of the best and the worst branch of one branching point (the first of equals), if they are ``gap`` apart."""
    known = [branch for branch in branches if branch.score is not None]
    if len(known) < 2:
        return None
    best = max(known, key=lambda branch: branch.score or 0.0)
    worst = min(known, key=lambda branch: branch.score or 0.0)
    return pair(best, worst, gap)


def all_pairs(branches: Sequence[Branch], gap: float = 0.0) -> list[Pair]:
    """Every pair of branches that part at the assistant's message and are ``gap`` apart; the same pair of replies only once."""
    found: dict[tuple[bytes, bytes], Pair] = {}
    for i, a in enumerate(branches):
        for b in branches[i + 1 :]:
            made = pair(a, b, gap)
            if made is not None:
                found.setdefault((made.chosen.id, made.rejected.id), made)
    return list(found.values())


def one_each(chats: Iterable[Conversation]) -> list[Conversation]:
    """The branches: each conversation once, without those that others go on from."""
    chats = list(chats)
    inner = {node.id for chat in chats if chat.parent is not None for node in chat.parent.path()}
    return list({chat.id: chat for chat in chats if chat.id not in inner}.values())


def _turn_after(chat: Conversation, prompt: Conversation) -> Conversation | None:
    """The conversation up to the end of the turn that follows ``prompt``; None unless the assistant speaks next."""
    nodes = [node for node in chat.path() if len(node) > len(prompt)][::-1]
    if not nodes or nodes[0].message is None or nodes[0].message.role != "assistant":
        return None
    end = nodes[0]
    for node in nodes[1:]:
        if node.message is not None and node.message.role in ("user", "system"):
            break
        end = node
    return end
