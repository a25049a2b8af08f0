"""Which slot of a local model's server a conversation is computed in, so that its prefix cache is kept."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Hashable
from concurrent.futures import Future
from pathlib import Path
from typing import NamedTuple

from ..conversation import Conversation


class _Held(NamedTuple):
    """What a slot's cache holds: a conversation as it was sent with ``kind`` (system text, tools), and when."""

    kind: Hashable
    chat: Conversation
    when: int


class _Waiter(NamedTuple):
    kind: Hashable
    chat: Conversation
    turn: Future[int]


class Slots:
    """A fixed number of slots, each with the conversation that its cache holds. Usable from several threads and loops.

    A conversation goes to the idle slot that shares most with it, as long as that keeps at least half of what the
    slot holds (its own last turn, or another branch of it); else to an unused slot; else to the one used least
    recently. When all are busy, callers wait their turn in the order they came.
    """

    def __init__(self, count: int) -> None:
        self.idle = set(range(count))
        self._held: dict[int, _Held] = {}
        self._waiting: deque[_Waiter] = deque()
        self._clock = 0
        self._lock = threading.Lock()

    async def acquire(self, chat: Conversation, kind: Hashable = None) -> int:
        """The slot that this conversation may use until `release`."""
        with self._lock:
            if self.idle:
                slot = self._best(chat, kind)
                self.idle.remove(slot)
                return slot
            waiter = _Waiter(kind, chat, Future())
            self._waiting.append(waiter)
        try:
            return await asyncio.wrap_future(waiter.turn)
        except asyncio.CancelledError:
            if not waiter.turn.cancel():  # it was given a slot at the very moment it was cancelled
                self.release(waiter.turn.result())
            raise

    def release(self, slot: int, chat: Conversation | None = None, kind: Hashable = None) -> None:
        """Give the slot back; ``chat`` is the conversation that its cache holds now (None: as before)."""
        with self._lock:
            if chat is not None:
                self._clock += 1
                self._held[slot] = _Held(kind, chat, self._clock)
            while self._waiting:
                waiter = self._waiting.popleft()
                if waiter.turn.set_running_or_notify_cancel():
                    waiter.turn.set_result(slot)
                    return
            self.idle.add(slot)

    def _best(self, chat: Conversation, kind: Hashable) -> int:
        """Most shared messages first; then unused slots; then the least recently used."""
        depths = {node.id: node.depth for node in chat.path()} if self._held else {}

        def rank(slot: int) -> tuple[int, int, int]:
            held = self._held.get(slot)
            if held is None:
                return (0, 1, -slot)
            shared = 0
            if held.kind == kind:
                shared = next((depths[node.id] for node in held.chat.path() if node.id in depths), 0)
            if shared * 2 < held.chat.depth:
                shared = 0
            return (shared, 0, -held.when)

        return max(self.idle, key=rank)


def usable_cores() -> int:
    """Physical cores that this process may use: its CPU affinity, without hyper-threads, within its container's quota.

    llama.cpp's threads wait for each other at every step, so one thread too many costs more than one too few.
    """
    try:
        allowed = os.sched_getaffinity(0)
    except AttributeError:  # macOS, Windows
        return max(1, (os.cpu_count() or 1) // (2 if os.name == "nt" else 1))
    siblings = set()
    for cpu in allowed:
        try:
            siblings.add(Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text())
        except OSError:
            siblings.add(str(cpu))
    cores = len(siblings)
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            cores = min(cores, round(int(quota) / int(period)))
    except (OSError, ValueError):
        pass  # no cgroup v2: no quota known
    return max(1, cores)
