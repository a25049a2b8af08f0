"""Which conversations a page shows: failures first, spread over groups, always the same ones, in bounded memory."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple, TypeAlias

from ..measures.verdict import Verdict
from .result import Conversations, ConversationView, RunResult

Key: TypeAlias = tuple[str, str, str, str]
Bucket: TypeAlias = tuple[str, str, str]


class Picked(NamedTuple):
    """A conversation to show. ``rank``: 0 failed somewhere, 1 partly not measured, 2 passed everywhere."""

    rank: int
    order: bytes
    view: ConversationView


class Picks(NamedTuple):
    """The chosen conversations, how many there were, how many of those failed, and stand-alone counterparts."""

    shown: list[ConversationView]
    total: int
    failed: int
    alone: dict[Key, ConversationView]


def passes(result: RunResult, system: str, verdict: Verdict) -> bool | None:
    """Whether a verdict reaches its measure's passing value; None when there is no value."""
    return None if verdict.value is None else verdict.value >= result.scale(system, verdict.measure).passing


def rank_of(result: RunResult, view: ConversationView) -> int:
    """0 failed somewhere, 1 partly not measured or nothing judged, 2 passed everywhere."""
    outcomes = [passes(result, view.system, v) for v in view.verdicts]
    if False in outcomes:
        return 0
    return 1 if None in outcomes or not outcomes else 2


def question(view: ConversationView, verdict: Verdict) -> Key:
    """What is the same question in every setting of one system and model."""
    return view.system, view.model, view.cluster or view.case, verdict.item or str(verdict.turn or "")


def views_of(conversations: Conversations) -> Iterable[ConversationView]:
    return conversations() if callable(conversations) else conversations


def _order(view: ConversationView) -> bytes:
    """A fixed shuffle: the choice does not depend on the order in which conversations come."""
    key = "\0".join((view.system, view.model, view.case, view.setting, str(view.repeat)))
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _spread(buckets: dict[Bucket, list[Picked]], limit: int) -> list[Picked]:
    """Up to ``limit`` picks: all failed ones in turn from each bucket, then the others."""
    chosen: list[Picked] = []
    for rank in (0, 1, 2):
        queues = [[p for p in bucket if p.rank == rank] for _, bucket in sorted(buckets.items())]
        depth = max((len(q) for q in queues), default=0)
        chosen += [q[i] for i in range(depth) for q in queues if i < len(q)]
    return chosen[:limit]


def pick(result: RunResult, conversations: Conversations, limit: int) -> Picks:
    """Choose up to ``limit`` conversations and find the stand-alone counterparts of their questions.

    Reads the conversations twice; keeps at most ``limit`` for each system, model and group. Stand-alone questions are
    listed by themselves only when there is nothing else.
    """
    pools: dict[bool, dict[Bucket, list[Picked]]] = {True: {}, False: {}}
    counts = {True: [0, 0], False: [0, 0]}
    for view in views_of(conversations):
        alone = view.setting == "single"
        picked = Picked(rank_of(result, view), _order(view), view)
        counts[alone][0] += 1
        counts[alone][1] += picked.rank == 0
        bucket = pools[alone].setdefault((view.system, view.model, view.group or ""), [])
        bucket.append(picked)
        if len(bucket) >= 2 * limit + 8:
            bucket[:] = heapq.nsmallest(limit, bucket, key=lambda p: p[:2])
    only_alone = not pools[False]
    buckets = {k: heapq.nsmallest(limit, b, key=lambda p: p[:2]) for k, b in pools[only_alone].items()}
    shown = sorted(_spread(buckets, limit), key=lambda p: (p.rank, p.view.system, p.view.model, p.view.group or "", p.view.case))
    chosen = [p.view for p in shown]
    total, failed = counts[only_alone]
    return Picks(chosen, total, failed, {} if only_alone else _counterparts(chosen, conversations))


def _counterparts(shown: list[ConversationView], conversations: Conversations) -> dict[Key, ConversationView]:
    wanted = {question(view, verdict) for view in shown for verdict in view.verdicts}
    found: dict[Key, ConversationView] = {}
    for view in views_of(conversations):
        if view.setting == "single":
            for verdict in view.verdicts:
                key = question(view, verdict)
                if key in wanted and (key not in found or view.repeat < found[key].repeat):
                    found[key] = view
    return found


def by_turn(view: ConversationView) -> dict[int, list[Verdict]]:
    """Verdicts by the turn of this conversation they belong to; 0 = the whole. A stand-alone question keeps its number
    in the script, but is the only turn here."""
    turns = len(view.chat.turns)
    found: dict[int, list[Verdict]] = {}
    for verdict in view.verdicts:
        turn = verdict.turn or 0
        found.setdefault(1 if view.setting == "single" and turns == 1 and turn else turn, []).append(verdict)
    return found
