"""Which judge is it? A hash of what a judge is asked, of whom, with which options.

What it is asked is found out by asking: the benchmark plays and judges a case of each of its first groups with players that say
next to nothing, and every question to the judge is taken down. So a changed wording is another judge, and a changed comment is
not. The texts of a labelled item are left out of the questions: the same judge is the same on any labelled set.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

from ..conversation import Case, Conversation, NotMeasured, Player, Tool
from ..judges.items import Item
from ..models.base import Model
from ..protocols.benchmark import Benchmark
from .identity import digest
from .plan import Plan
from .runs import RunRow

CODE = "code, no model"
MOST, SECONDS, GROUPS, SEEN = 60, 10.0, 4, 400
"""Calls in one case, seconds in all, groups and settings tried, and cases looked at for groups."""


class Rehearsed(NamedTuple):
    """What judges are asked, in order, and whether somebody looked for further judges of a panel."""

    asked: list[str]
    panel: bool


class _Rehearsal:
    """A cast that notes what the judge is asked. ``panel``: how many further judges there are."""

    def __init__(self, benchmark: Benchmark, case: Case, setting: str, judge: str, panel: int) -> None:
        self.benchmark, self.case, self.setting, self.target = benchmark, case, setting, judge
        self.repeat, self.stopped = 0, ""
        self.facts: dict[str, Any] = {}
        self.random = random.Random(0)
        self.asked: list[str] = []
        self.calls = 0
        self.others = {f"judge{n}" for n in range(2, 2 + panel)}
        self.panel = False
        self._said: set[str] = set()
        self._hidden = sorted(_texts(case), key=len, reverse=True) if isinstance(case, Item) else []

    def player(self, role: str, tools: tuple[Tool, ...] = ()) -> Player:
        async def speak(chat: Conversation) -> Conversation:
            self.calls += 1
            if self.calls > MOST:
                raise NotMeasured("enough was asked")
            if role != self.target and role not in self.others:
                return chat.assistant("-")
            said = self.benchmark.gold(self.case, chat) or "-"
            asked = [f"{m.role}\x1f{self._masked(m.text)}" for m in chat.messages if m.text not in self._said]
            self.asked.append("\x1e".join([role] * (role != self.target) + asked))
            self._said.add(said)
            return chat.assistant(said)

        return speak

    def _masked(self, text: str) -> str:
        """A question without the texts that are judged in it, and without what the judge itself has said."""
        for hidden in (*sorted(self._said, key=len, reverse=True), *self._hidden):
            text = text.replace(f"\n{hidden}\n", "\n…\n").replace(f": {hidden}\n", ": …\n")
            text = text.replace(hidden, "…") if len(hidden) >= SHORT else text
        return _SPOKEN.sub("… ", text)

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
        self.panel |= role == "judge2"
        return role in self.others or role in ("assistant", "user", self.target)

    def branch(self, label: str) -> _Rehearsal:
        return self

    async def record(self, name: str, make: Callable[[], Awaitable[Any] | Any]) -> Any:
        value = make()
        return await value if isinstance(value, Awaitable) else value


SHORT = 8
"""Characters below which a judged text is only looked for at the end of a line, alone or behind who says it: "no" is in every
question."""
_SPOKEN = re.compile(r"(?:(?:System|User|Assistant): …\s*)+")


def _texts(case: Item) -> Iterator[str]:
    """What is judged: all texts of an item but those that say what counts."""
    yield from (text for _, text in case.turns)
    answers = [getattr(case, name, "") for name in ("first", "second", "answer")]
    yield from filter(None, (*answers, *getattr(case, "answers", ()), case.reference, *_strings(case.extra)))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str) and len(value) >= SHORT:
        yield value
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


def judge_hash(benchmark: Benchmark, model: Model, role: str = "judge", panel: Sequence[Model] = ()) -> str:
    """The judge of a benchmark, 32 hex digits. ``role``: who judges ("assistant" for a judge under test); ``panel``: further
    judges, ``judge2``, ``judge3``, …"""
    return _hash(benchmark, rehearse(benchmark, role, len(panel)), model, role, panel)


def judges_in(plan: Plan) -> dict[str, dict[str, str]]:
    """Who judges in a plan: benchmark -> name -> hash (`judge_hash`). Kept with the run, so that its report need not find out
    again. A judge in code is known by the benchmark alone."""
    found: dict[str, dict[str, str]] = {}
    for benchmark in plan.benchmarks:
        role = benchmark.judged_by
        seated = plan.models if role == "assistant" else [plan.roles[role]] if role in plan.roles else []
        # Where the model under test judges, a run's own judge is the second of the panel.
        others = [
            plan.roles[name]
            for name in sorted(plan.roles, key=lambda n: (len(n), n))
            if name.startswith("judge") and name != role
        ]
        asking, seat = benchmark.asks
        rehearsed = rehearse(asking, seat, len(others)) if seated else Rehearsed([], False)
        judges = {panel_label(m, others, rehearsed): _hash(asking, rehearsed, m, seat, others) for m in seated}
        found[benchmark.label] = judges or {CODE: digest(benchmark.slug, "code").hex()}
    return found


def panel_label(model: Model, panel: Sequence[Model], rehearsed: Rehearsed) -> str:
    """How a judge is called: its model, and those of its panel where it asks them."""
    return " + ".join(m.label for m in (model, *(panel if rehearsed.panel else ())))


def judges_of(run: RunRow, benchmark: Benchmark) -> dict[str, str]:
    """Who judged in a recorded run: name -> hash; {} where that was not kept."""
    found: dict[str, str] = run.summary.get("total", {}).get("judges", {}).get(benchmark.label, {})
    return found


def _hash(benchmark: Benchmark, rehearsed: Rehearsed, model: Model, role: str, panel: Sequence[Model]) -> str:
    who = [m.identity.hex() for m in (model, *(panel if rehearsed.panel else ()))]
    # How often a judge under test asks, and how it decides, is in its options.
    options = {k: v for k, v in benchmark.options.items() if k != "on"} if role == "assistant" else {}
    return digest(benchmark.slug, options, rehearsed.asked, who).hex()


def judge_questions(benchmark: Benchmark, role: str = "judge") -> list[str]:
    """Every question to the judge about a case of each of the first groups, in order; [] when it asks nothing, or cannot be
    tried without data."""
    return rehearse(benchmark, role).asked


def rehearse(benchmark: Benchmark, role: str, panel: int = 0) -> Rehearsed:
    """What the judge, and ``panel`` further ones, are asked about a case of each of the first groups."""
    with ThreadPoolExecutor(1) as thread:  # somebody's event loop may be running here
        return thread.submit(lambda: asyncio.run(_rehearse(benchmark, role, panel))).result()


async def _rehearse(benchmark: Benchmark, role: str, panel: int) -> Rehearsed:
    asked: list[str] = []
    looked = False
    try:
        async with asyncio.timeout(SECONDS):
            for case in _first_of_groups(benchmark):
                for setting in (benchmark.default_settings or benchmark.settings)[:GROUPS]:
                    for view in islice(benchmark.views(case, setting), 1):
                        cast = _Rehearsal(benchmark, view, setting, role, panel)
                        with suppress(Exception):  # with dummies it may fail anywhere; what was asked until then tells the judge
                            await _through(benchmark, view, cast, setting)
                        asked += cast.asked
                        looked |= cast.panel
    except Exception:  # no data here, or too slow
        return Rehearsed(asked, looked)
    return Rehearsed(list(dict.fromkeys(asked)), looked)


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
