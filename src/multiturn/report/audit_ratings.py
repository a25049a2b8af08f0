"""The ratings that a simulated user leads to, held against those of the people in whose place it talked (SimulatorArena)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from msgspec import Struct

from ..conversation import DataError
from ..measures.verdict import Table
from ..systems.sim.arena_data import ASSISTANTS, Human, Task
from ..systems.sim.arena_figures import Cell, outcomes, validate
from ..systems.sim.simulator_arena import SimulatorArena

TASKS: tuple[Task, ...] = ("math", "document")
FEWEST = 3
"""Points that a correlation needs."""
_DATE = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2}|\d{4}|latest)$")


class Agreed(Struct, frozen=True, kw_only=True):
    """How far ratings agree with people's. ``level``: "conversation", "assistant and kind" (the paper's), "assistant", or
    "outcome" (right answers: macro F1, no correlation). ``value``: Spearman's rho with the people's z-scores, or the F1, with its
    95 % interval; ``n``: points. ``dropped``: conversations without a rating of the simulator's."""

    task: str
    setting: str
    measure: str
    level: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    dropped: int
    pearson: float | None = None
    kendall: float | None = None


class WithPeople(Struct, frozen=True, kw_only=True):
    """``cells``: conversations of the same person's case with the same assistant; ``assistants``: those of the run that people
    talked with; ``others``: those that they did not."""

    cells: int
    assistants: tuple[str, ...]
    others: tuple[str, ...]
    rows: list[Agreed]


def assistant_of(label: str) -> str:
    """Which of the nine assistants of the study a model is, by its name without provider, options and date; "" for none."""
    name = re.split(r"[/#:]", label.partition("?")[0])[-1].lower()
    plain = re.sub(r"[^a-z0-9]+", "-", name).strip("-")
    known = {_DATE.sub("", assistant): assistant for assistant in ASSISTANTS}
    return known.get(_DATE.sub("", plain), "")


def with_people(benchmark: SimulatorArena, tables: Mapping[str, Table], settings: Sequence[str]) -> WithPeople:
    """Agreement with people. ``tables``: verdicts of the run by the name of the assistant."""
    played = {assistant_of(model): table for model, table in tables.items() if assistant_of(model)}
    rows: list[Agreed] = []
    count = 0
    for task in TASKS:
        try:
            humans = benchmark.humans(task)
        except DataError:  # this part of the released files is not here
            continue
        for setting in settings:
            mine = {name: table.where(setting=setting) for name, table in played.items()}
            there = {(name, case) for name, table in mine.items() for case in table.present("case")}
            again = [h for h in humans if (assistant_of(h.assistant), h.id) in there]
            count += len(again)
            if len(again) < FEWEST:
                continue
            rows += _rated(task, setting, "interaction", again, humans, lambda h: float(h.rating), mine)
            if task == "document":
                rows += _rated(task, setting, "document", again, humans, lambda h: float(h.document or 0), mine)
            else:
                rows.append(_right(setting, again, mine))
    others = tuple(model for model in tables if not assistant_of(model))
    return WithPeople(cells=count, assistants=tuple(played), others=others, rows=rows)


def _means(again: Sequence[Human], played: Mapping[str, Table], measure: str) -> list[float | None]:
    """The mean of a measure in each of these people's cases, over repeats; None where nothing was measured."""
    values: dict[tuple[str, str], list[float]] = {}
    for name, table in played.items():
        rows = table.where(measure=measure)
        rows = rows.select(rows.measured)
        for case, value in zip(rows.text("case"), rows.value, strict=True):
            values.setdefault((name, case), []).append(float(value))
    found = [values.get((assistant_of(h.assistant), h.id)) for h in again]
    return [None if of is None else float(np.mean(of)) for of in found]


def _rated(
    task: Task, setting: str, measure: str, again: Sequence[Human], humans: Sequence[Human], rating: Callable[[Human], float],
    played: Mapping[str, Table],
) -> Iterator[Agreed]:  # fmt: skip
    """The three levels of one rating. People's ratings are normalised with all that they gave."""
    means = _means(again, played, measure)
    cells = [Cell(assistant_of(h.assistant), h.kind, h.worker, rating(h), mean) for h, mean in zip(again, means, strict=True)]
    found = validate(cells, all_ratings=[(h.worker, rating(h)) for h in humans])
    for name, level in (
        ("conversation", found.instance),
        ("assistant and kind", found.intermediate),
        ("assistant", found.system),
    ):
        if level.n >= FEWEST:
            rho = level.spearman
            yield Agreed(
                task=task, setting=setting, measure=measure, level=name, value=rho.value, low=rho.low, high=rho.high, n=level.n,
                dropped=found.dropped, pearson=level.pearson.value, kendall=level.kendall.value,
            )  # fmt: skip


def _right(setting: str, again: Sequence[Human], played: Mapping[str, Table]) -> Agreed:
    """Do they come to the right answer where people did?"""
    said = [None if mean is None else mean >= 0.5 for mean in _means(again, played, "correct")]
    f1, dropped = outcomes([h.correct for h in again], said).f1, said.count(None)
    return Agreed(task="math", setting=setting, measure="correct", level="outcome", value=f1.value, low=f1.low, high=f1.high,
                  n=len(said) - dropped, dropped=dropped)  # fmt: skip
