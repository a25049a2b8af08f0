"""Recorded calls: every answer is written before it is used, and never asked for twice.

A call is keyed by (model with its options, tools, conversation) and a draw: (repeat, branch, n) for the n-th call with
the same key inside an episode. So repeats are independent samples, equal histories share their calls, and a run that
is started again is the same run.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Any

import msgspec

from ..conversation import CallError, Conversation, NotRecorded
from ..models.base import Model, Reply, Tool
from .budget import Budget
from .replay import ReplayModel
from .store import Store


class Counts:
    """What has been asked so far, for progress and the report."""

    def __init__(self) -> None:
        self.made = self.recorded = self.retried = self.failed = 0
        self.input = self.output = self.cached = 0
        self.cost = 0.0
        self.cost_known = True


def call_key(model: Model, chat: Conversation, tools: tuple[Tool, ...] = ()) -> bytes:
    """16 bytes that name what is asked of whom."""
    what = msgspec.json.encode(tools, order="sorted") if tools else b""
    return blake2b(model.identity + chat.id + what, digest_size=16).digest()


class Recorder:
    """Answers calls from the store, or asks and records. One per run."""

    def __init__(self, store: Store, budget: Budget | None = None) -> None:
        self.store, self.budget, self.counts = store, budget or Budget(), Counts()
        self._flying: dict[tuple[bytes, str], asyncio.Future[Conversation]] = {}

    async def call(self, model: Model, chat: Conversation, tools: tuple[Tool, ...], key: bytes, draw: str) -> Conversation:
        """The conversation with the model's reply. Raises what `Model.reply` raises, `BudgetSpent`, `NotRecorded`."""
        while True:
            found = self.store.find_call(key, draw)
            if found is None and isinstance(model, ReplayModel):
                found = model.find(key, draw)
            if found is not None:
                self.counts.recorded += 1
                node = Conversation(chat, found.message, found.node)
                if not isinstance(model, ReplayModel) or model.store is self.store:
                    node.stored = self.store
                return node
            flying = self._flying.get((key, draw))
            if flying is None:
                return await self._ask(model, chat, tools, key, draw)
            # Another episode asks the very same at this moment: wait for its answer, or for its failure. If it gave up
            # for reasons of its own, ask ourselves.
            await asyncio.wait([flying])
            if not flying.cancelled() and (error := flying.exception()) is not None:
                raise copy.copy(error)

    async def _ask(self, model: Model, chat: Conversation, tools: tuple[Tool, ...], key: bytes, draw: str) -> Conversation:
        if isinstance(model, ReplayModel):
            raise NotRecorded(f"{model.label} holds no answer to this conversation")
        self.budget.take()
        flying = self._flying[key, draw] = asyncio.get_running_loop().create_future()
        try:
            reply = await self._reply(model, chat, tools)
            node = Conversation(chat, reply.message)
            await self.store.put_call(key, draw, model, chat, node, reply)
        except CallError as error:
            flying.set_exception(error)
            flying.exception()  # nobody waiting is no reason for a warning
            raise
        finally:
            del self._flying[key, draw]
            flying.cancel()
        return node

    async def _reply(self, model: Model, chat: Conversation, tools: tuple[Tool, ...]) -> Reply:
        """The model's reply, counted and paid for."""
        try:
            reply = await model.reply(chat, tools)
        except BaseException as error:
            self.budget.give_back()
            if isinstance(error, CallError):
                self.counts.failed += 1
                self.counts.retried += error.retries
            raise
        self._count(reply)
        return reply

    def _count(self, reply: Reply) -> None:
        counts = self.counts
        counts.made += 1
        counts.retried += reply.retries
        counts.input += reply.usage.input
        counts.output += reply.usage.output
        counts.cached += reply.usage.cached
        counts.cost += reply.cost or 0.0
        counts.cost_known = counts.cost_known and reply.cost is not None
        self.budget.pay(reply)

    async def record(self, key: bytes, draw: str, name: str, make: Callable[[], Awaitable[Any] | Any]) -> Any:
        """The recorded value, or that of ``make()``, which must be plain JSON data."""
        found = self.store.find_record(key, draw)
        if found is not None:
            return found[0]
        value = make()
        if inspect.isawaitable(value):
            value = await value
        await self.store.put_record(key, draw, name, value)
        return value
