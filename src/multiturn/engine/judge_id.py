"""Which judge is it? A hash of what a judge is asked, of whom, with which options.

What it is asked is found out by asking: the benchmark plays and judges a case of each of its first groups with players that say
next to nothing, and every question to the judge is taken down. So a changed wording is another judge, and a changed comment is
not.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import Any

from ..conversation import Case, Conversation, NotMeasured, Player, Tool
from ..models.base import Model
from ..protocols.benchmark import Benchmark
from .identity import digest
from .plan import Plan
from .runs import RunRow

CODE = "code, no model"
MOST, SECONDS, GROUPS, SEEN = 60, 10.0, 4, 400
"""Calls in one case, seconds in all, groups and settings tried, and cases looked at for groups."""


class _Rehearsal:
    """A cast that notes what the judge is asked."""

    def __init__(self, benchmark: Benchmark, case: Case, setting: str, judge: str) -> None:
        self.benchmark, self.case, self.setting, self.target = benchmark, case, setting, judge
        self.repeat, self.stopped = 0, ""
        self.facts: dict[str, Any] = {}
        self.random = random.Random(0)
        self.asked: list[str] = []
        self.calls = 0

    def player(self, role: str, tools: tuple[Tool, ...] = ()) -> Player:
        async def speak(chat: Conversation) -> Conversation:
            self.calls += 1
            if self.calls > MOST:
                raise NotMeasured("enough was asked")
            if role != self.target:
                return chat.assistant("-")
            self.asked.append("\x1e".join(f"{m.role}\x1f{m.text}" for m in chat.messages))
            return chat.assistant(self.benchmark.gold(self.case, chat) or "-")

        return speak

    @property
    def assistant(self) -> Player:
        return self.player("assistant")

    @property
    def user(self) -> Player:
        return self.player("user")

    @property
    def judge(self) -> Player:
        return self.player("judge")

    def has(self, role: str) -> bool:
        return role in ("assistant", "user", "judge")

    def branch(self, label: str) -> _Rehearsal:
        return self

    async def record(self, name: str, make: Callable[[], Awaitable[Any] | Any]) -> Any:
        value = make()
        return await value if isinstance(value, Awaitable) else value


def judge_hash(benchmark: Benchmark, model: Model, role: str = "judge") -> str:
    """The judge of a benchmark, 32 hex digits. ``role``: who judges ("assistant" for a judge under test)."""
    return _hash(benchmark, judge_questions(benchmark, role), model)


def judges_in(plan: Plan) -> dict[str, dict[str, str]]:
    """Who judges in a plan: benchmark -> name -> hash (`judge_hash`). Kept with the run, so that its report need not find out
    again. A judge in code is known by the benchmark alone."""
    found: dict[str, dict[str, str]] = {}
    for benchmark in plan.benchmarks:
        role = benchmark.judged_by
        seated = plan.models if role == "assistant" else [plan.roles[role]] if role in plan.roles else []
        asking, seat = benchmark.asks
        asked = judge_questions(asking, seat) if seated else []
        judges = {model.label: _hash(asking, asked, model) for model in seated}
        found[benchmark.label] = judges or {CODE: digest(benchmark.slug, "code").hex()}
    return found


def judges_of(run: RunRow, benchmark: Benchmark) -> dict[str, str]:
    """Who judged in a recorded run: name -> hash; {} where that was not kept."""
    found: dict[str, str] = run.summary.get("total", {}).get("judges", {}).get(benchmark.label, {})
    return found


def _hash(benchmark: Benchmark, asked: list[str], model: Model) -> str:
    return digest(benchmark.slug, asked, model.identity.hex()).hex()


def judge_questions(benchmark: Benchmark, role: str = "judge") -> list[str]:
    """Every question to the judge about a case of each of the first groups, in order; [] when it asks nothing, or cannot be
    tried without data."""
    with ThreadPoolExecutor(1) as thread:  # somebody's event loop may be running here
        return thread.submit(lambda: asyncio.run(_rehearse(benchmark, role))).result()


async def _rehearse(benchmark: Benchmark, role: str) -> list[str]:
    asked: list[str] = []
    try:
        async with asyncio.timeout(SECONDS):
            for case in _first_of_groups(benchmark):
                for setting in (benchmark.default_settings or benchmark.settings)[:GROUPS]:
                    for view in islice(benchmark.views(case, setting), 1):
                        cast = _Rehearsal(benchmark, view, setting, role)
                        with suppress(Exception):  # with dummies it may fail anywhere; what was asked until then tells the judge
                            await _through(benchmark, view, cast, setting)
                        asked += cast.asked
    except Exception:  # no data here, or too slow
        return asked
    return list(dict.fromkeys(asked))


def _first_of_groups(benchmark: Benchmark) -> list[Case]:
    """The first case of each of the first groups: groups may be judged by other questions."""
    found: dict[str | None, Case] = {}
    for case in islice(benchmark.cases(), SEEN):
        found.setdefault(case.group, case)
        if len(found) == GROUPS:
            break
    return list(found.values())


async def _through(benchmark: Benchmark, case: Case, cast: _Rehearsal, setting: str) -> None:
    try:
        chat = await benchmark.play(case, cast, setting)
    except Exception:  # the same: judge what there is
        chat = Conversation().user("-").assistant("-")
    async for _ in benchmark.judge(case, chat, cast):
        pass
