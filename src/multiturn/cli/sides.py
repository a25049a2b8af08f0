"""The two sides of a comparison: which runs, models, settings or judges the user means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from ..conversation import InputError, StoreError, UnknownName
from ..engine.runs import RunRow, find_run, runs
from ..engine.store import Store
from ..measures.exact import How
from ..report.safe import one_line
from ..report.words import count

SHORT = 12
"""Characters of a side's name that fit over a column."""

Two: TypeAlias = "tuple[str, str] | None"


class Asked(NamedTuple):
    """What the command line says: names of runs (None: the last, the one before), and what to compare inside or between them."""

    first: str | None = None
    second: str | None = None
    settings: Two = None
    models: Two = None
    judges: Two = None
    measures: tuple[str, ...] = ()
    how: How = "auto"


class Side(NamedTuple):
    """One side of a comparison. ``setting`` "" = all. ``short``: what tells it from the other side, A or B if nothing short
    does. ``system``: the benchmark, as this side's figures call it. ``judging``: it stands for its judge."""

    run: RunRow
    model: str
    setting: str
    short: str
    system: str = ""
    judging: bool = False

    @property
    def judge(self) -> str:
        """Who judged, "" for nobody: code did."""
        return self.run.spec.roles.get("judge", "")

    @property
    def name(self) -> str:
        by = f", judged by {self.judge or 'code'}" if self.judging and self.judge != self.model else ""
        return f"run {self.run.id}, {self.model}" + (f", {self.setting}" if self.setting else "") + by

    def as_object(self) -> dict[str, Any]:
        """The side as plain JSON values."""
        return {"run": self.run.id, "model": self.model, "setting": self.setting or None, "judge": self.judge or None}


def named(one: Side, two: Side, first: str, second: str) -> tuple[Side, Side]:
    """The two sides with short names: without what both begin with, A and B if they still look the same."""
    parts = [re.split(r"(?<=[/:#])", name) for name in (first, second)]
    while min(map(len, parts)) > 1 and parts[0][0] == parts[1][0]:
        parts = [each[1:] for each in parts]
    first, second = ("".join(each) for each in parts)
    if one_line(first, SHORT) == one_line(second, SHORT):
        first, second = "A", "B"
    return one._replace(short=first), two._replace(short=second)


def sides(store: Store, asked: Asked) -> Iterator[tuple[Side, Side]]:
    """The pairs of sides that are meant: one, or one for each model that both runs have."""
    if asked.judges:
        yield from _judge_sides(store, asked, asked.judges)
        return
    a, b = _runs(store, asked)
    if a.id == b.id and not asked.settings and not asked.models:
        raise InputError(f"run {a.id} cannot be compared with itself; add --settings A B or --models A B")
    one, two = asked.settings or ("", "")
    for run, setting in ((a, one), (b, two)):
        known = values(store, run, "setting")
        if setting and setting not in known:
            raise UnknownName(f"setting of run {run.id}", setting, known)
    for left, right in _model_pairs(a, b, asked.models):
        short = (one, two) if asked.settings else (left, right) if left != right else (a.id, b.id)
        if short[0] == short[1]:
            raise InputError(f"both sides are the same ({short[0]}): there is nothing to compare")
        yield named(Side(a, left, one, ""), Side(b, right, two, ""), *short)


def values(store: Store, run: RunRow, column: str, model: str = "") -> list[str]:
    """The distinct values of a column of a run's episodes, in plan order."""
    sql = f"""SELECT e."{column}" FROM run_episodes r JOIN episodes e ON e.id = r.episode
              WHERE r.run=? AND ? IN ('', e.model) GROUP BY 1 ORDER BY min(r.n)"""
    return [value for (value,) in store.rows(sql, run.id, model)]


# -- runs -------------------------------------------------------------------------------------------------------------
def _runs(store: Store, asked: Asked) -> tuple[RunRow, RunRow]:
    """The two runs; one run twice when its settings or models are compared."""
    if asked.second is not None:
        return _run(store, asked.first or "last"), _run(store, asked.second)
    if asked.settings or asked.models:
        only = _run(store, asked.first or "last")
        return only, only
    if asked.first:
        return _run(store, asked.first), _run(store, "last")
    return _run(store, "previous"), _run(store, "last")


def _run(store: Store, name: str) -> RunRow:
    if name != "previous":
        return find_run(store, name)
    known = runs(store)
    if len(known) < 2:
        inside = "; to compare inside it: --models A B or --settings A B" if known else ""
        raise StoreError(f"{store.path} holds {count(len(known), 'run')}: there is no previous one to compare with{inside}")
    return known[1]


def _model_pairs(a: RunRow, b: RunRow, models: Two) -> list[tuple[str, str]]:
    in_a, in_b = a.spec.players, b.spec.players
    if models:
        for run, name in ((a, models[0]), (b, models[1])):
            if name not in run.spec.players:
                raise UnknownName(f"model of run {run.id}", name, run.spec.players)
        return [models]
    if len(in_a) == len(in_b) == 1:
        return [(in_a[0], in_b[0])]
    shared = [(m, m) for m in in_a if m in in_b]
    if not shared:
        raise InputError(
            f"the runs have no model in common (A: {', '.join(in_a)}; B: {', '.join(in_b)}); name two with --models A B"
        )
    return shared


# -- judges -----------------------------------------------------------------------------------------------------------
def _judge_sides(store: Store, asked: Asked, judges: tuple[str, str]) -> Iterator[tuple[Side, Side]]:
    if asked.settings or asked.models:
        raise InputError("--judges compares verdicts on the same conversations: it cannot stand beside --settings or --models")
    if judges[0] == judges[1]:
        raise InputError(f"both sides are the same ({judges[0]}): there is nothing to compare")
    base = _run(store, asked.first or "last")
    if asked.second is None and set(judges) <= set(base.spec.players):  # a benchmark of judges: those who play are the judges
        one, two = (Side(base, judge, "", "", judging=True) for judge in judges)
        yield named(one, two, *judges)
        return
    if asked.second is not None:
        a, b = base, _run(store, asked.second)
        for run, judge in ((a, judges[0]), (b, judges[1])):
            if not _called(run, judge):
                raise InputError(f"run {run.id} was judged by {run.spec.roles.get('judge', 'code alone')}, not by {judge}")
    else:
        a, b = (_judged(store, base, judge) for judge in judges)
    for left, right in _model_pairs(a, b, None):
        one, two = Side(a, left, "", "", judging=True), Side(b, right, "", "", judging=True)
        yield named(one, two, one.judge, two.judge)


def _called(run: RunRow, judge: str) -> bool:
    """Whether a run's judge has this name, with its options or without."""
    label = run.spec.roles.get("judge", "")
    return judge in (label, label.partition("?")[0])


def _judged(store: Store, base: RunRow, judge: str) -> RunRow:
    """The run itself if this judge judged it, else the newest one of the same benchmarks and models that it did."""
    if _called(base, judge):
        return base
    alike = [run for run in runs(store) if (run.spec.systems, run.spec.players) == (base.spec.systems, base.spec.players)]
    for run in alike:
        if _called(run, judge):
            return run
    known = dict.fromkeys(run.spec.roles.get("judge", "code alone") for run in alike)
    raise InputError(
        f"{judge} has not judged run {base.id} (judged by: {', '.join(known)}); "
        f"`multiturn score {base.id} --judge {judge}` does that"
    )
