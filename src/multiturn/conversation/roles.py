"""Who takes part: the shapes of a player, a case and a cast. They live here so that nobody imports upwards for a type."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias, TypeVar

from msgspec import Struct

from .message import Tool
from .tree import Conversation

T = TypeVar("T")

Player: TypeAlias = Callable[[Conversation], Awaitable[Conversation]]
"""Whoever speaks: takes the conversation so far, returns it with its own message(s) appended."""


class Case(Struct, frozen=True, kw_only=True):
    """One test item. Systems add fields in subclasses.

    ``cluster`` is the sampling unit of all intervals ("" = the case itself): cases made from one document,
    or the stand-alone prompts made from one dialogue, share a cluster. ``group`` is the row it is reported
    under (a pattern, a domain, a language).
    """

    id: str
    group: str | None = None
    cluster: str = ""


class Cast(Protocol):
    """Who plays which role in one episode, and its only sources of chance and of the outside world."""

    @property
    def assistant(self) -> Player: ...
    @property
    def user(self) -> Player: ...
    @property
    def judge(self) -> Player: ...
    @property
    def random(self) -> random.Random:
        """A generator seeded from (run seed, case, setting, repeat)."""

    @property
    def setting(self) -> str: ...
    @property
    def repeat(self) -> int: ...
    @property
    def stopped(self) -> str:
        """While judging: why the conversation ended early ("" = it did not)."""

    @property
    def facts(self) -> dict[str, Any]:
        """What the protocol wants to keep beside the conversation, as plain JSON data: the end state of a world, who won,
        which branches there were. Written by ``play``, read by ``judge``, stored with the episode."""

    def player(self, role: str, tools: tuple[Tool, ...] = ()) -> Player:
        """The player of any role, with these tools to call; raises `NeedsRole` when the run has none."""

    def has(self, role: str) -> bool: ...
    def branch(self, label: str) -> Cast:
        """The same cast with draws of its own: for concurrent branches that may meet in equal histories."""

    async def record(self, name: str, make: Callable[[], Awaitable[Any] | Any]) -> Any:
        """The value of ``make()`` the first time, the recorded value ever after. For anything not a pure function."""
