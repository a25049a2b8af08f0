"""How fast and how many at once: rate limits a minute, and a concurrency that adapts to what a server can take."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

Sleep = Callable[[float], Awaitable[None]]
Clock = Callable[[], float]


class Bucket:
    """A token bucket: ``per_minute`` units a minute, with a burst of a twentieth of that (at least one unit).

    So no minute sees more than 105 % of the limit (or one unit more than a very small limit). First come, first
    served: who arrives reserves at once and sleeps until the bucket has filled up to the reservation, so no queue
    is kept and a wait costs one sleep. An amount above the burst waits for a full bucket and leaves a debt.
    """

    def __init__(self, per_minute: float, clock: Clock = time.monotonic, sleep: Sleep = asyncio.sleep) -> None:
        if not per_minute > 0:
            raise ValueError(f"a limit a minute must be above 0, not {per_minute}")
        self.rate = per_minute / 60.0
        self.burst = max(1.0, per_minute / 20.0)
        self._level = self.burst
        self._clock, self._sleep = clock, sleep
        self._seen = clock()

    async def take(self, amount: float = 1.0) -> None:
        """Wait until ``amount`` units may be used."""
        now = self._clock()
        self._level = min(self.burst, self._level + (now - self._seen) * self.rate)
        self._seen = now
        missing = min(amount, self.burst) - self._level
        self._level -= amount
        if missing > 0:
            try:
                await self._sleep(missing / self.rate)
            except asyncio.CancelledError:
                self._level += amount
                raise

    def correct(self, amount: float) -> None:
        """Charge ``amount`` more (or, negative, give back): what an estimate turned out to be wrong by."""
        self._level -= amount


class RateLimits:
    """Requests and tokens a minute of one endpoint. Tokens are reserved by an estimate and settled afterwards."""

    def __init__(self, requests: Bucket | None = None, tokens: Bucket | None = None) -> None:
        self.requests, self.tokens = requests, tokens

    @classmethod
    def per_minute(cls, rpm: float | None, tpm: float | None) -> RateLimits | None:
        """The limits given, or ``None`` when there are none."""
        if rpm is None and tpm is None:
            return None
        return cls(Bucket(rpm) if rpm is not None else None, Bucket(tpm) if tpm is not None else None)

    async def take(self, tokens: int) -> None:
        if self.requests is not None:
            await self.requests.take()
        if self.tokens is not None:
            await self.tokens.take(tokens)

    def settle(self, estimated: int, used: int) -> None:
        """Replace the estimate by the tokens that were really used (0 = the server did not say)."""
        if self.tokens is not None and used:
            self.tokens.correct(used - estimated)


class Gate:
    """How many calls may be in flight: additive increase, multiplicative decrease (AIMD, Chiu and Jain 1989).

    It starts open, at ``cap``. An overload (429, 503, 529, a time-out) halves what is in flight, once for all calls
    that were already under way; each success then adds 1/limit, so about one more a round trip, up to ``cap``
    again. Waiters are served first come, first served. Costs about a microsecond a call when it is not limiting.
    """

    def __init__(self, cap: int = 4096) -> None:
        if cap < 1:
            raise ValueError(f"at least one call must be allowed at once, not {cap}")
        self.cap = cap
        self.limit = float(cap)
        self.active = 0
        self._entered = 0
        self._cut_at = 0
        self._waiters: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> int:
        """Wait for a place; returns the ticket that `leave` wants back."""
        if self.active >= int(self.limit) or self._waiters:
            place = asyncio.get_running_loop().create_future()
            self._waiters.append(place)
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():  # the place was given in the same moment: pass it on
                    self.active -= 1
                    self._admit()
                raise
        else:
            self.active += 1
        self._entered += 1
        return self._entered

    def leave(self, ticket: int, overloaded: bool | None) -> None:
        """Give the place back. ``overloaded``: the server said so; ``None``: the call says nothing about that."""
        if overloaded:
            if ticket > self._cut_at:  # a call that started before the last cut is old news
                self.limit = max(1.0, min(self.limit, self.active) / 2)
                self._cut_at = self._entered
        elif overloaded is False and self.limit < self.cap:
            self.limit = min(float(self.cap), self.limit + 1 / self.limit)
        self.active -= 1
        if self._waiters:
            self._admit()

    def _admit(self) -> None:
        while self._waiters and self.active < int(self.limit):
            place = self._waiters.popleft()
            if not place.done():
                self.active += 1
                place.set_result(None)
