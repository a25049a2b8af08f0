"""Many episodes at once, with failures and cancellations: nothing hangs, nothing is lost, nobody pays for others' errors."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from multiturn.conversation import CallError, Case, Cast, Conversation, Message
from multiturn.engine.plan import Plan
from multiturn.engine.run import Runner
from multiturn.engine.runs import causes_of, find_run, open_run, played
from multiturn.engine.store import Store
from multiturn.engine.verify import verify
from multiturn.models.base import Model, Reply, Tool
from players import Free, FunctionModel

T = TypeVar("T")


class Moody(Model):
    """Fails one time in ten, hangs one time in twenty, answers after some turns of the loop."""

    concurrency = 200

    def __init__(self, seed: int) -> None:
        super().__init__("moody")
        self.chance = random.Random(seed)
        self.made = 0

    async def reply(self, chat: Conversation, tools: tuple[Tool, ...] = ()) -> Reply:
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)
        if self.chance.random() < 0.1:
            raise CallError("moody", cause="moody")
        if self.chance.random() < 0.05:
            await asyncio.sleep(3600)
        self.made += 1
        return Reply(Message("assistant", Conversation().user(f"{len(chat)}").messages[0].parts))


def quietly(work: Coroutine[Any, Any, T]) -> T:
    """Run with a limit on time; whatever asyncio would only log is an error."""
    said: list[dict[str, Any]] = []

    async def main() -> T:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: said.append(context))
        async with asyncio.timeout(60):
            return await work

    result = asyncio.run(main())
    gc.collect()  # coroutines and tasks that nobody awaited speak up when they are collected
    assert said == []
    return result


async def within(limit: float, cast: Cast, chat: Conversation) -> Conversation | None:
    try:
        async with asyncio.timeout(limit):
            return await cast.assistant(chat)
    except (TimeoutError, CallError):
        return None


async def impatient(case: Case, cast: Cast) -> Conversation:
    """Draws side by side, each under its own limit of time: most cancellations hit calls that are being written."""
    chance = cast.random
    chat = Conversation().user(f"shared opening {int(case.id[1:]) % 7}")
    for turn in range(3):
        limits = [chance.choice([0, 0.0005, 0.002, 0.01, 0.1]) for _ in range(3)]
        answers = await asyncio.gather(*(within(limit, cast.branch(str(i)), chat) for i, limit in enumerate(limits)))
        said = [a for a in answers if a is not None]
        if not said:
            raise CallError("nobody answered", cause="nobody answered")
        chat = said[0].user(f"and then {turn}")
    return chat


def test_a_thousand_moody_episodes(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    plan = Plan([Free(impatient, n=1000)], [Moody(1)])
    with Store(path, writable=True) as store:
        run = open_run(store, plan)
        runner = Runner(plan, store, concurrency=200)
        assert quietly(runner.run()) == "done"
        assert runner.progress.done == 1000
        assert not runner.recorder._flying
        row = find_run(store, run)
        assert len(list(played(store, row))) == 1000
        assert set(causes_of(store, row)) <= {"nobody answered"}
        assert verify(store) == []
        calls = next(store.rows("SELECT count(*) FROM calls"))[0]
        assert runner.recorder.counts.made <= calls <= plan.models[0].made  # type: ignore[attr-defined]


def test_cancelling_a_thousand_episodes_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    chance = random.Random(3)
    for _ in range(6):
        plan = Plan([Free(impatient, n=1000)], [Moody(chance.randrange(99))])
        with Store(path, writable=True) as store:
            open_run(store, plan)
            runner = Runner(plan, store, concurrency=200)

            async def stopped(runner: Runner = runner) -> str:
                task = asyncio.create_task(runner.run())
                await asyncio.sleep(chance.random() * 0.2)
                task.cancel()
                return await task

            assert quietly(stopped()) in ("stopped", "done")
            assert not runner.recorder._flying
            assert verify(store) == []


def test_a_cancelled_call_takes_no_other_with_it(tmp_path: Path) -> None:
    """Two calls are written in one transaction; cancelling one of them leaves the other alone."""

    async def play(case: Case, cast: Cast) -> Conversation:
        mine = cast.assistant(Conversation().user(case.id))
        if case.id == "f0":
            task = asyncio.ensure_future(mine)
            await asyncio.sleep(0)  # asked
            await asyncio.sleep(0)  # answered, waits for the store
            task.cancel()
            await asyncio.wait([task])
            return Conversation().user("gave up")
        return await mine

    plan = Plan([Free(play, n=8)], [FunctionModel(lambda chat: "yes")])
    with Store(tmp_path / "s.db", writable=True) as store:
        run = open_run(store, plan)
        assert quietly(Runner(plan, store, concurrency=8).run()) == "done"
        found = {p.case: p.chat.reply for p in played(store, find_run(store, run))}
    assert found == {"f0": "", **{f"f{i}": "yes" for i in range(1, 8)}}


@pytest.mark.parametrize("error", [asyncio.CancelledError, SystemExit])
def test_what_looks_like_the_end_of_the_run_but_is_not(tmp_path: Path, error: type[BaseException]) -> None:
    async def play(case: Case, cast: Cast) -> Conversation:
        chat = await cast.assistant(Conversation().user("hi"))
        if case.id == "f1":
            raise error
        return chat

    plan = Plan([Free(play, n=5)], [FunctionModel(lambda chat: "yes")])
    with Store(tmp_path / "s.db", writable=True) as store:
        run = open_run(store, plan)
        assert quietly(Runner(plan, store, concurrency=1).run()) == "done"
        row = find_run(store, run)
        assert len(list(played(store, row))) == 5
        (cause,) = causes_of(store, row)
        assert cause.startswith(f"error while playing: {error.__name__} at test_stress.py:")
