"""Rate limits and adaptive concurrency, by simulation on a clock of their own."""

from __future__ import annotations

import asyncio
import heapq
import random

import pytest

from multiturn.models.limits import Bucket, Gate, RateLimits


class World:
    """Simulated time: `sleep` parks a task, `run` wakes the earliest one when nothing else can happen."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, asyncio.Future[None]]] = []
        self._n = 0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self._n += 1
        wake = asyncio.get_running_loop().create_future()
        heapq.heappush(self._heap, (self.now + seconds, self._n, wake))
        await wake

    async def run(self, *tasks: asyncio.Task[None]) -> None:
        while not all(t.done() for t in tasks):
            for _ in range(20):
                await asyncio.sleep(0)
            if self._heap:
                self.now, _, wake = heapq.heappop(self._heap)
                if not wake.done():
                    wake.set_result(None)
        for task in tasks:
            task.result()


@pytest.mark.parametrize("per_minute", [1, 7, 60, 600])
def test_no_minute_sees_more_than_the_limit_and_the_burst(per_minute: int) -> None:
    async def go() -> list[float]:
        world, times = World(), []
        bucket = Bucket(per_minute, world.clock, world.sleep)

        async def one() -> None:
            await bucket.take()
            times.append(world.now)

        await world.run(*(asyncio.create_task(one()) for _ in range(per_minute * 3)))
        return times

    times = asyncio.run(go())
    assert times == sorted(times)
    burst = max(1.0, per_minute / 20)
    for start in times:
        assert sum(start <= t < start + 59.999 for t in times) <= per_minute + burst
    assert times[-1] == pytest.approx((len(times) - burst) * 60 / per_minute)


def test_first_come_first_served_and_debt_is_paid() -> None:
    async def go() -> list[tuple[str, float]]:
        world, log = World(), []
        bucket = Bucket(60, world.clock, world.sleep)  # one a second, burst of three

        async def one(name: str, amount: float) -> None:
            await bucket.take(amount)
            log.append((name, world.now))

        tasks = [asyncio.create_task(one(*x)) for x in (("a", 3), ("large", 10), ("b", 1), ("c", 1))]
        await world.run(*tasks)
        return log

    assert asyncio.run(go()) == [("a", 0), ("large", 3), ("b", 11), ("c", 12)]


def test_a_cancelled_wait_gives_its_reservation_back() -> None:
    async def go() -> float:
        world = World()
        bucket = Bucket(60, world.clock, world.sleep)
        await bucket.take(3)
        waiting = asyncio.create_task(bucket.take(3))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return bucket._level

    assert asyncio.run(go()) == 0


def test_limits_are_optional_and_checked() -> None:
    assert RateLimits.per_minute(None, None) is None
    limits = RateLimits.per_minute(10, None)
    assert limits is not None
    limits.settle(5, 9)
    for bad in (0, -1, float("nan")):
        with pytest.raises(ValueError):
            Bucket(bad)
    with pytest.raises(ValueError):
        Gate(0)


def test_gate_is_open_until_overload_then_halves_once_and_recovers() -> None:
    async def go() -> None:
        gate = Gate(100)
        tickets = [await gate.enter() for _ in range(64)]
        for ticket in tickets[:10]:
            gate.leave(ticket, True)  # ten calls of the same wave: one cut
        assert gate.limit == 32
        for ticket in tickets[10:]:
            gate.leave(ticket, None)
        assert gate.limit == 32
        late = await gate.enter()
        gate.leave(late, True)
        assert gate.limit == 1  # one in flight is still too many: half of it, but never below one
        for _ in range(10_000):
            gate.leave(await gate.enter(), False)
        assert gate.limit == 100

    asyncio.run(go())


def test_waiters_are_served_in_order_and_cancelling_loses_no_place() -> None:
    async def go() -> None:
        gate, order = Gate(2), []

        async def one(i: int) -> None:
            ticket = await gate.enter()
            order.append(i)
            await asyncio.sleep(0)
            gate.leave(ticket, False)

        tasks = [asyncio.create_task(one(i)) for i in range(20)]
        await asyncio.sleep(0)
        for i in (3, 7, 8):
            tasks[i].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order == sorted(order)
        assert len(order) == 17
        assert gate.active == 0

    asyncio.run(go())


def test_a_place_given_to_a_task_cancelled_in_that_moment_is_passed_on() -> None:
    async def go() -> None:
        gate = Gate(1)
        ticket = await gate.enter()
        first, second = asyncio.create_task(gate.enter()), asyncio.create_task(gate.enter())
        await asyncio.sleep(0)
        gate.leave(ticket, False)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await asyncio.wait_for(second, 1)
        assert gate.active == 1

    asyncio.run(go())


@pytest.mark.parametrize("capacity", [5, 20, 60])
def test_concurrency_settles_near_what_the_server_can_take(capacity: int) -> None:
    """A server that refuses what is above its capacity: few refusals, and most of the capacity is used."""

    async def go() -> tuple[int, float]:
        world, gate, chance = World(), Gate(200), random.Random(1)
        inside = refused = done = 0

        async def caller() -> None:
            nonlocal inside, refused, done
            while done < 3000:
                ticket = await gate.enter()
                inside += 1
                over = inside > capacity
                await world.sleep(0.01 if over else 1.0 + chance.random() / 10)
                inside -= 1
                refused += over
                done += not over
                gate.leave(ticket, over)

        await world.run(*(asyncio.create_task(caller()) for _ in range(200)))
        return refused, 3000 * 1.05 / capacity / world.now

    refused, efficiency = asyncio.run(go())
    assert refused < 600
    assert efficiency > 0.6
