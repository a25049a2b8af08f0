"""A cast in which somebody else sits on the judge's seat: a judge under test is the model that is measured."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ..conversation import Cast, Conversation, Player, Tool

T = TypeVar("T")


class Seat:
    """The cast, with ``role`` of it as its judge; where that is the assistant, the cast's own judge is the second of a panel
    (``judge2``). Remembers what the judge last said."""

    def __init__(self, cast: Cast, role: str = "assistant", last: list[Conversation] | None = None) -> None:
        self._cast, self._role = cast, role
        self._last: list[Conversation] = [] if last is None else last

    @property
    def last(self) -> Conversation:
        """Where the judge spoke last; empty before that."""
        return self._last[-1] if self._last else Conversation()

    def player(self, role: str, tools: tuple[Tool, ...] = ()) -> Player:
        player = self._cast.player(self._seated(role), tools)
        if role != "judge":
            return player

        async def speak(chat: Conversation) -> Conversation:
            said = await player(chat)
            self._last[:] = [said]
            return said

        return speak

    @property
    def judge(self) -> Player:
        return self.player("judge")

    @property
    def assistant(self) -> Player:
        return self._cast.assistant

    @property
    def user(self) -> Player:
        return self._cast.user

    @property
    def random(self) -> random.Random:
        return self._cast.random

    @property
    def setting(self) -> str:
        return self._cast.setting

    @property
    def repeat(self) -> int:
        return self._cast.repeat

    @property
    def stopped(self) -> str:
        return self._cast.stopped

    @property
    def facts(self) -> dict[str, Any]:
        return self._cast.facts

    def has(self, role: str) -> bool:
        return self._cast.has(self._seated(role))

    def _seated(self, role: str) -> str:
        if role == "judge":
            return self._role
        second = role == "judge2" and self._role == "assistant" and not self._cast.has("judge2")
        return "judge" if second else role

    def branch(self, label: str) -> Seat:
        return Seat(self._cast.branch(label), self._role, self._last)

    async def record(self, name: str, make: Callable[[], Awaitable[T] | T]) -> T:
        found: T = await self._cast.record(name, make)
        return found
