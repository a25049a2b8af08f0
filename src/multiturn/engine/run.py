"""Playing a plan: workers take episodes in order, play and judge them, and write them down.

Cancelling (Ctrl-C) or killing loses nothing that was answered: run the same plan again.
"""

from __future__ import annotations

import asyncio
import gc
import math
import time
import traceback
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import msgspec

from ..conversation import CallError, Conversation, InputError, MultiturnError, NotMeasured
from ..conversation.message import mended
from ..measures.verdict import FAILED, SCORED, UNMEASURED, Verdict
from .budget import Budget
from .cast import Episode, EpisodeCast
from .looks import Looks
from .plan import Plan
from .record import Recorder
from .store import Store

Status: TypeAlias = Literal["done", "budget", "stopped"]


class Progress:
    """Counters of a run in flight: episodes done of total, and the recorder's counts. Read at any time, by anybody."""

    def __init__(self, total: int, recorder: Recorder) -> None:
        self.total, self.counts = total, recorder.counts
        self.done = 0
        self.started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def remaining(self) -> float | None:
        """Seconds still to go at the present rate; None before anything is done."""
        return self.seconds / self.done * (self.total - self.done) if self.done else None


class Runner:
    """Plays the episodes of a plan into a store."""

    def __init__(self, plan: Plan, store: Store, *, concurrency: int | None = None, budget: Budget | None = None) -> None:
        if concurrency is not None and concurrency < 1:
            raise InputError(f"--concurrency must be at least 1, not {concurrency}")
        self.plan, self.store = plan, store
        self.concurrency = concurrency or min(m.concurrency for m in plan.all_models)
        self.recorder = Recorder(store, budget)
        self.progress = Progress(len(plan.episodes), self.recorder)
        self.looks = Looks(plan, store) if plan.until else None

    async def run(self) -> Status:
        """Play everything. Raises `InputError` (a model that cannot answer, a full disk) after saving what was done."""
        batches = self.looks.batches() if self.looks else [self.plan.episodes]
        self.store.put_models(self.plan.all_models)
        collecting = gc.get_threshold()
        # Conversations are trees without cycles: with the default thresholds a third of the time is looking for some.
        gc.set_threshold(50_000, 20, 100)
        try:
            for batch in batches:
                queue = iter(batch)
                async with asyncio.TaskGroup() as group:
                    for _ in range(min(self.concurrency, len(batch))):
                        group.create_task(self._work(queue))
                if self.recorder.budget.spent_out:
                    break
        except BaseExceptionGroup as failures:
            raise _first(failures) from None
        except asyncio.CancelledError:
            return "stopped"
        finally:
            gc.set_threshold(*collecting)
        return "budget" if self.recorder.budget.spent_out else "done"

    async def _work(self, queue: Iterator[Episode]) -> None:
        for episode in queue:
            calls = self.store.finished(episode.id)
            if calls is None:
                await play_episode(episode, self.recorder, self.plan.seed)
            else:
                self.recorder.counts.recorded += calls
            self.progress.done += 1


async def play_episode(episode: Episode, recorder: Recorder, seed: int) -> None:
    """Play, judge and record one episode. What goes wrong inside it becomes its cause; only what makes the whole run
    pointless (`InputError`) is raised."""
    cast = EpisodeCast(episode, recorder, seed)
    detail = ""
    try:
        chat = await episode.benchmark.play(episode.case, cast, episode.setting)
        if not isinstance(chat, Conversation):
            raise TypeError(f"play() returned {type(chat).__name__} instead of a Conversation")
    except (Exception, SystemExit, asyncio.CancelledError) as error:
        cast.stopped, detail = _attributed(error, "playing", cast), _detail(error)
        chat = cast.last or Conversation()
    rows: list[tuple[Any, ...]] = []
    judged: set[str] = set()
    try:
        async for verdict in episode.benchmark.judge(episode.case, chat, cast):
            if verdict.cause == cast.stopped and not verdict.reason:
                verdict = msgspec.structs.replace(verdict, reason=detail)
            rows.append(_verdict_row(episode, len(rows), verdict))
            judged.add(verdict.measure)
    except (Exception, SystemExit, asyncio.CancelledError) as error:
        # A judge's failure must not take the conversation with it.
        cause = _attributed(error, "judging", cast)
        for measure in episode.benchmark.scales or ("score",):
            if measure not in judged:
                rows.append(_verdict_row(episode, len(rows), Verdict(measure, None, cause=cause, reason=_detail(error))))
    case = episode.case
    row = (episode.id, episode.benchmark.label, episode.model, mended(case.id), mended(case.cluster or case.id),
           mended(case.group or ""), episode.setting, episode.repeat, chat.id, cast.stopped, int(not cast.retriable),
           cast.calls, _facts(cast), time.time())  # fmt: skip
    await recorder.store.put_episode(row, chat, rows)


def _verdict_row(episode: Episode, n: int, verdict: Verdict) -> tuple[Any, ...]:
    value = verdict.value
    cause = verdict.cause
    if value is not None and not math.isfinite(value):
        value, cause = None, cause or "judged as not a number"
    status = UNMEASURED if value is None else FAILED if verdict.failed else SCORED
    if status == UNMEASURED and not cause:
        cause = "no cause given"
    turn = int(verdict.turn or 0)
    item, group = verdict.item or (str(turn) if turn else ""), verdict.group or episode.case.group or ""
    return (episode.id, n, mended(verdict.measure), turn, mended(item), mended(group), None if value is None else float(value),
            status, mended(cause) if status == UNMEASURED else "", mended(verdict.reason))  # fmt: skip


def _facts(cast: EpisodeCast) -> str:
    try:
        return msgspec.json.encode(cast.facts).decode()
    except (TypeError, ValueError, RecursionError):  # somebody's code put in what is not plain data
        return msgspec.json.encode({name: mended(repr(value)) for name, value in cast.facts.items()}).decode()


def _attributed(error: BaseException, where: str, cast: EpisodeCast) -> str:
    """The cause that this error is. Raises what ends the run: the user's mistakes, and the cancelling of the run itself
    (a cancellation that only the player's own code knows of is its error)."""
    if isinstance(error, BaseExceptionGroup):
        error = _first(error)
    task = asyncio.current_task()
    if isinstance(error, InputError) or (isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling()):
        raise error
    cast.retriable |= not isinstance(error, MultiturnError)
    return cause_of(error, where)


def cause_of(error: BaseException, where: str) -> str:
    """A short stable label for counting: what failed, and where when it is somebody's code."""
    if isinstance(error, (CallError, NotMeasured)):
        return error.cause
    place = next((f for f in reversed(traceback.extract_tb(error.__traceback__))), None)
    at = f" at {place.filename.rpartition('/')[2]}:{place.lineno}" if place else ""
    return f"error while {where}: {type(error).__name__}{at}"


def _detail(error: BaseException) -> str:
    """What an error says, on one line, for whoever looks at the conversation."""
    if isinstance(error, BaseExceptionGroup):
        error = _first(error)
    said = " ".join(str(error).split())
    return (said if isinstance(error, MultiturnError) else f"{type(error).__name__}: {said}")[:300]


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = failures
    while isinstance(error, BaseExceptionGroup):
        error = next((e for e in error.exceptions if isinstance(e, InputError)), error.exceptions[0])
    return error
