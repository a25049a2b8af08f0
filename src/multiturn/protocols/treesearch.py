"""Breadth-first search over conversations: every open branch is continued in several ways, the answers are scored, the weakest
branches are pruned (the control of Tempest, Zhou and Arel 2025, arXiv 2503.10619).

Branches are nodes of the conversation tree and share their prefixes; only what is new is asked. Each child plays with a cast of
its own (``cast.branch(name)``), so that branches that meet in equal histories draw independently and a resumed search is the
same search. Nothing here knows what is searched for: the caller says how a branch is continued and how an answer is scored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from ..conversation import CallError, Cast, Conversation, InputError

T = TypeVar("T")


class Line(Struct, frozen=True):
    """A next user message, and the name of the conversational strategy that it follows."""

    text: str
    strategy: str = ""


class Score(Struct, frozen=True):
    """What an answer is worth. ``value`` None: it could not be scored (``cause``); ``gained``: the fragments it gave away."""

    value: float | None
    gained: tuple[str, ...] = ()
    cause: str = ""


class Branch(Struct, frozen=True, kw_only=True):
    """One conversation of the tree. ``name``: the child numbers from the root, "0.3.1"; ``scores``, ``strategies``: one a turn;
    ``fragments``: the distinct ones given away so far."""

    chat: Conversation
    name: str = ""
    scores: tuple[float | None, ...] = ()
    strategies: tuple[str, ...] = ()
    fragments: tuple[str, ...] = ()


Expand: TypeAlias = Callable[[Branch, Cast, int], Awaitable[Sequence[Line | None]]]
"""(branch, its cast, how many) -> that many next messages; None where nothing usable was written."""
Rate: TypeAlias = Callable[[Branch, Conversation, Cast], Awaitable[Score]]
"""(branch, its conversation with one more turn, the child's cast) -> what the last answer is worth."""


class Limits(Struct, frozen=True, kw_only=True):
    """``branches``: children of a branch; ``width``: branches kept open; ``depth``: turns; ``budget``: calls of the target
    (0 = as many as the rest allows); ``keep``: the least last score to stay open; ``success``, ``partial``: the scores that
    mean so; ``unscored``: as what an answer without a score is pruned; ``together``: branches played at once."""

    branches: int = 6
    width: int = 12
    depth: int = 5
    budget: int = 0
    keep: float = 0.0
    success: float = 10.0
    partial: float = 8.0
    unscored: float = 0.0
    together: int = 8

    def __post_init__(self) -> None:
        for name in ("branches", "width", "depth", "together"):
            if getattr(self, name) < 1:
                raise InputError(f"a tree search needs {name} of at least 1, not {getattr(self, name)}")
        if self.budget < 0:
            raise InputError(f"a budget of {self.budget} calls: 0 (no limit of its own) or more")

    @property
    def most(self) -> int:
        """Calls of the target that a search without success makes when nothing is lost: the sum over depths of open branches x
        children."""
        total, open_ = 0, 1
        for _ in range(self.depth):
            total += open_ * self.branches
            open_ = min(self.width, open_ * self.branches)
        return min(total, self.budget) if self.budget else total


class Level(Struct, frozen=True, kw_only=True):
    """One depth of a search. ``expanded``: branches continued; ``written``: next messages asked for, ``unwritten``: those that
    nobody could use; ``asked``: calls of the target, ``lost``: those that failed; ``unscored``: answers without a score;
    ``pruned``, ``open``: branches that end and go on; ``best``, ``mean``: scores of this depth; ``fragments``: distinct ones
    given away in any branch so far."""

    depth: int
    expanded: int
    asked: int
    written: int = 0
    unwritten: int = 0
    lost: int = 0
    unscored: int = 0
    pruned: int = 0
    open: int = 0
    best: float | None = None
    mean: float | None = None
    fragments: int = 0


class Search(NamedTuple):
    """``branch``: the winning one, or else the best of all (highest score, then most fragments, then longest); ``stop``: why it
    stopped; ``levels``: what happened at each depth; ``fragments``: the distinct ones of all branches together."""

    branch: Branch
    stop: str
    levels: tuple[Level, ...]
    fragments: tuple[str, ...]

    @property
    def asked(self) -> int:
        """Calls of the target in the whole tree."""
        return sum(level.asked for level in self.levels)


async def tree_search(root: Conversation, cast: Cast, expand: Expand, rate: Rate, limits: Limits, *, prefix: str = "") -> Search:
    """Search from ``root``. A success ends it after the depth at which it was found (all siblings have been asked by then).

    Stop: "success", "turn limit" (depth), "budget", "failure" (no branch left open), "format error" (nothing usable was written
    to go on with), "provider error" (every call of a depth failed). ``prefix`` tells several searches of one episode apart.
    """
    search = _Searching(cast, expand, rate, limits, prefix)
    start = Branch(chat=root)
    open_, best, levels, union = [start], start, list[Level](), dict[str, None]()
    stop = ""
    while not stop:
        room = limits.budget - sum(level.asked for level in levels) if limits.budget else -1
        if room == 0:
            stop = "budget"
            break
        depth = len(levels) + 1
        children, level = await search.level(open_, depth, room)
        union |= dict.fromkeys(fragment for child in children for fragment in child.fragments)
        best = max([best, *children], key=_top)  # the first of equals stays
        won = next((child for child in children if _last(child, limits) >= limits.success), None)
        staying = [child for child in children if _last(child, limits) >= limits.keep]
        open_ = prune(staying, limits)
        stop = _stop(won, level, open_, depth, limits)
        left = 0 if stop else len(open_)
        pruned = len(children) - len(open_) if won is None else 0
        levels.append(msgspec.structs.replace(level, pruned=pruned, open=left, fragments=len(union)))
        if won is not None:
            best = won
    return Search(best, stop, tuple(levels), tuple(union))


def _stop(won: Branch | None, level: Level, open_: Sequence[Branch], depth: int, limits: Limits) -> str:
    if won is not None:
        return "success"
    if not level.asked:
        return "format error"
    if level.lost == level.asked:
        return "provider error"
    if not open_:
        return "failure"
    return "turn limit" if depth == limits.depth else ""


def prune(branches: Sequence[Branch], limits: Limits) -> list[Branch]:
    """At most ``limits.width`` branches, in their order. When there are more: the best half of the places (rounded up) by
    `branch_value`, the rest one after another to the branch with the most strategies that no kept branch has, then by value."""
    if len(branches) <= limits.width:
        return list(branches)
    order = sorted(range(len(branches)), key=lambda i: -branch_value(branches[i], limits))
    half = -(-limits.width // 2)
    kept, rest = order[:half], order[half:]
    seen = {name for i in kept for name in branches[i].strategies}
    while len(kept) < limits.width:
        chosen = max(rest, key=lambda i: len(set(branches[i].strategies) - seen))  # `rest` is in order of value
        rest.remove(chosen)
        kept.append(chosen)
        seen.update(branches[chosen].strategies)
    return [branches[i] for i in sorted(kept)]


def branch_value(branch: Branch, limits: Limits) -> float:
    """Last score + 3 if it is a partial success + 0.5 a distinct fragment + 1 a distinct strategy."""
    last = _last(branch, limits)
    bonus = 3.0 if last == limits.partial else 0.0
    return last + bonus + 0.5 * len(set(branch.fragments)) + len(set(branch.strategies) - {""})


def _last(branch: Branch, limits: Limits) -> float:
    value = branch.scores[-1] if branch.scores else None
    return limits.unscored if value is None else value


def _top(branch: Branch) -> tuple[float, int, int]:
    return max((s for s in branch.scores if s is not None), default=0.0), len(branch.fragments), len(branch.scores)


class _Searching:
    """The effects of a search: one depth at a time."""

    def __init__(self, cast: Cast, expand: Expand, rate: Rate, limits: Limits, prefix: str) -> None:
        self.cast, self.expand, self.rate, self.limits, self.prefix = cast, expand, rate, limits, prefix
        self._places = asyncio.Semaphore(limits.together)

    def cast_of(self, name: str) -> Cast:
        return self.cast.branch(f"{self.prefix}tree/{name}")

    async def level(self, open_: Sequence[Branch], depth: int, room: int) -> tuple[list[Branch], Level]:
        """The children of the open branches, and what it took. ``room``: calls of the target left (-1 = no limit)."""
        written = await self._all([self._written(branch) for branch in open_])
        jobs = [(branch, n, line) for branch, lines in zip(open_, written, strict=True) for n, line in enumerate(lines)]
        usable = [(branch, n, line) for branch, n, line in jobs if line is not None]
        asked = usable if room < 0 else usable[:room]
        found = await self._all([self._child(branch, n, line) for branch, n, line in asked])
        children = [child for child in found if child is not None]
        values = [child.scores[-1] for child in children]
        known = [value for value in values if value is not None]
        return children, Level(
            depth=depth, expanded=len(open_), asked=len(asked), written=len(jobs), unwritten=len(jobs) - len(usable),
            lost=len(found) - len(children), unscored=len(values) - len(known),
            best=max(known, default=None), mean=sum(known) / len(known) if known else None,
        )  # fmt: skip

    async def _written(self, branch: Branch) -> Sequence[Line | None]:
        try:
            lines = list(await self.expand(branch, self.cast_of(branch.name), self.limits.branches))
        except CallError:
            lines = []
        return (lines + [None] * self.limits.branches)[: self.limits.branches]

    async def _child(self, branch: Branch, n: int, line: Line) -> Branch | None:
        """The branch with one more turn; None when the call failed (the engine has recorded why)."""
        name = f"{branch.name}.{n}" if branch.name else str(n)
        cast = self.cast_of(name)
        try:
            chat = await cast.assistant(branch.chat.user(line.text))
        except CallError:
            return None
        score = await self.rate(branch, chat, cast)
        return Branch(
            chat=chat, name=name, scores=(*branch.scores, score.value), strategies=(*branch.strategies, line.strategy),
            fragments=tuple(dict.fromkeys((*branch.fragments, *score.gained))),
        )  # fmt: skip

    async def _all(self, jobs: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
        async def placed(job: Coroutine[Any, Any, T]) -> T:
            async with self._places:
                return await job

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(placed(job)) for job in jobs]
        return [task.result() for task in tasks]
