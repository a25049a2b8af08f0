"""The cast of one episode: players whose calls are recorded, chance that is seeded, and the outside world on record."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from hashlib import blake2b
from typing import Any

from ..conversation import BudgetSpent, CallError, Case, ContextOverflow, Conversation, NeedsRole, Player
from ..models.base import Model, Tool
from ..protocols.benchmark import Benchmark
from .record import Recorder, call_key
from .replay import GoldModel

Wrapper = Callable[[Player, Any], Player]
"""A memory, a defence, a strategy: takes a player and the cast, returns a player that behaves differently."""


class Episode:
    """What is played: one case in one setting, one repeat, by one cast of models."""

    __slots__ = ("benchmark", "case", "id", "model", "repeat", "roles", "setting")

    def __init__(
        self, benchmark: Benchmark, case: Case, setting: str, repeat: int, roles: Mapping[str, Model], id: bytes
    ) -> None:
        self.benchmark, self.case, self.setting, self.repeat = benchmark, case, setting, repeat
        self.roles, self.id = roles, id
        self.model = roles["assistant"].label

    def __repr__(self) -> str:
        return f"<Episode {self.benchmark.slug} {self.case.id} {self.setting} repeat {self.repeat} {self.model}>"


class EpisodeCast:
    """The players of one episode. See `multiturn.conversation.Cast` for what protocols and judges may rely on."""

    def __init__(self, episode: Episode, recorder: Recorder, seed: int) -> None:
        self.episode = episode
        self.setting, self.repeat = episode.setting, episode.repeat
        self.stopped = ""
        self.last: Conversation | None = None
        self.retriable = False
        self.calls = 0
        self._recorder = recorder
        self._seed = seed
        self._branch = ""
        self._random: random.Random | None = None
        self._counts: dict[bytes, int] = {}
        self._players: dict[str, Player] = {}
        self._branches: dict[str, EpisodeCast] = {}
        self._root = self

    @property
    def assistant(self) -> Player:
        return self.player("assistant")

    @property
    def user(self) -> Player:
        return self.player("user")

    @property
    def judge(self) -> Player:
        return self.player("judge")

    @property
    def random(self) -> random.Random:
        if self._random is None:
            e = self.episode
            self._random = random.Random(f"{self._seed}/{e.benchmark.slug}/{e.case.id}/{e.setting}/{e.repeat}/{self._branch}")
        return self._random

    def has(self, role: str) -> bool:
        return role in self.episode.roles

    def player(self, role: str, tools: tuple[Tool, ...] = ()) -> Player:
        if not tools and role in self._players:
            return self._players[role]
        model = self.episode.roles.get(role)
        if model is None:
            raise NeedsRole(role)
        if isinstance(model, GoldModel):
            player = self._gold(model)
        else:
            player = self._recorded(model, tools, self._root if role == "assistant" else None)
        if not tools:
            self._players[role] = player
        return player

    def _recorded(self, model: Model, tools: tuple[Tool, ...], listener: EpisodeCast | None) -> Player:
        async def speak(chat: Conversation) -> Conversation:
            key = call_key(model, chat, tools)
            if listener is not None:
                listener.last = chat
            try:
                chat = await self._recorder.call(model, chat, tools, key, self._draw(key))
            except (CallError, BudgetSpent) as error:
                # Whether running again may help. A full context stays full.
                self._root.retriable |= not isinstance(error, ContextOverflow)
                raise
            if listener is not None:
                listener.last = chat
            return chat

        return speak

    def _draw(self, key: bytes) -> str:
        n = self._counts.get(key, 0)
        self._counts[key] = n + 1
        self._root.calls += 1
        return f"{self.repeat}{self._branch}.{n}"

    def _gold(self, model: GoldModel) -> Player:
        benchmark, case = self.episode.benchmark, self.episode.case

        async def speak(chat: Conversation) -> Conversation:
            text = benchmark.gold(case, chat)
            if text is None:
                raise CallError(f"case {case.id} has no gold answer at turn {len(chat.turns)}", cause="no gold answer")
            if model.window is not None and not benchmark.within(case, chat, model.window):
                text = "I do not remember."
            self._root.last = chat.assistant(text)
            return self._root.last

        return speak

    def branch(self, label: str) -> EpisodeCast:
        """The same cast with draws and chance of its own (see `Cast.branch`). The same label is the same branch."""
        if label in self._branches:
            return self._branches[label]
        other = self._branches[label] = EpisodeCast(self.episode, self._recorder, self._seed)
        other._branch = f"{self._branch}/{label}"
        other.stopped = self.stopped
        other._root = self._root
        return other

    async def record(self, name: str, make: Callable[[], Awaitable[Any] | Any]) -> Any:
        e = self.episode
        key = blake2b(f"{e.benchmark.slug}/{e.case.id}/{e.setting}/{name}".encode() + e.id, digest_size=16).digest()
        return await self._recorder.record(key, self._draw(key), name, make)
