"""The cast of one episode: players whose calls are recorded, chance that is seeded, and the outside world on record."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from ..conversation import BudgetSpent, CallError, Case, ContextOverflow, Conversation, NeedsRole, Player
from ..models.base import Model, Tool
from ..players.base import Around
from ..protocols.benchmark import Benchmark
from .record import Recorder, call_key
from .replay import GoldModel


class Episode:
    """What is played: one case in one setting, one repeat, by one cast of models; ``around`` stands between the assistant's
    model and the rest."""

    __slots__ = ("around", "benchmark", "case", "id", "model", "repeat", "roles", "setting")

    def __init__(
        self, benchmark: Benchmark, case: Case, setting: str, repeat: int, roles: Mapping[str, Model],
        around: tuple[Around, ...], id: bytes,
    ) -> None:  # fmt: skip
        self.benchmark, self.case, self.setting, self.repeat = benchmark, case, setting, repeat
        self.roles, self.id = roles, id
        self.around = around
        self.model = player_label(roles["assistant"].label, [a.name for a in around])

    def __repr__(self) -> str:
        return f"<Episode {self.benchmark.slug} {self.case.id} {self.setting} repeat {self.repeat} {self.model}>"


def player_label(model: str, around: Sequence[str]) -> str:
    """How a player is called in tables: the model, and what stands around it."""
    return " + ".join((model, *around))


class EpisodeCast:
    """The players of one episode. See `multiturn.conversation.Cast` for what protocols and judges may rely on."""

    def __init__(self, episode: Episode, recorder: Recorder, seed: int) -> None:
        self.episode = episode
        self.setting, self.repeat = episode.setting, episode.repeat
        self.stopped = ""
        self.last: Conversation | None = None
        self.retriable = False
        self.calls = 0
        self.facts: dict[str, Any] = {}
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
        player = self._gold(model) if isinstance(model, GoldModel) else self._recorded(model, tools)
        if role == "assistant":
            for around in self.episode.around:
                player = around.wrap(player, self)
            player = self._heard(player)
        if not tools:
            self._players[role] = player
        return player

    def _recorded(self, model: Model, tools: tuple[Tool, ...]) -> Player:
        async def speak(chat: Conversation) -> Conversation:
            key = call_key(model, chat, tools)
            try:
                return await self._recorder.call(model, chat, tools, key, self._draw(key))
            except (CallError, BudgetSpent) as error:
                # Whether running again may help. A full context stays full.
                self._root.retriable |= not isinstance(error, ContextOverflow)
                raise

        return speak

    def _heard(self, player: Player) -> Player:
        """Remember how far the conversation got, for when it breaks off."""

        async def speak(chat: Conversation) -> Conversation:
            self._root.last = chat
            self._root.last = said = await player(chat)
            return said

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
            return chat.assistant(text)

        return speak

    def branch(self, label: str) -> EpisodeCast:
        """The same cast with draws and chance of its own (see `Cast.branch`). The same label is the same branch."""
        if label in self._branches:
            return self._branches[label]
        other = self._branches[label] = EpisodeCast(self.episode, self._recorder, self._seed)
        other._branch = f"{self._branch}/{label}"
        other.stopped = self.stopped
        other._root, other.facts = self._root, self.facts
        return other

    async def record(self, name: str, make: Callable[[], Awaitable[Any] | Any]) -> Any:
        e = self.episode
        key = blake2b(f"{e.benchmark.slug}/{e.case.id}/{e.setting}/{name}".encode() + e.id, digest_size=16).digest()
        return await self._recorder.record(key, self._draw(key), name, make)
