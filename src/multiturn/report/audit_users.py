"""What changes when another model plays the user: the same cases, the same assistant, paired."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from ..measures.figure import Scale
from ..measures.intervals import clustered_mean
from ..measures.paired import paired
from ..measures.variance import Plays, components
from ..measures.verdict import Table


class Side(NamedTuple):
    """The verdicts of one benchmark and assistant with one user."""

    user: str
    run: str
    table: Table


class UserMean(Struct, frozen=True):
    """The mean of a measure with one user, clustered by case."""

    user: str
    run: str
    value: float | None
    low: float | None
    high: float | None
    cases: int


class Moved(Struct, frozen=True):
    """The paired difference between two users: ``second`` - ``first`` on the cases that both played."""

    first: str
    second: str
    value: float | None
    low: float | None
    high: float | None
    p: float | None
    cases: int


class Shift(Struct, frozen=True, kw_only=True):
    """One measure in one setting. ``shares``: of the variance of one play's value, by what it comes from (see
    `multiturn.measures.variance`; {} where it cannot be had). ``simulator``: the share that is the user model's; with
    ``repeated`` its interplay with the case is in it, else that stands under "case x user" with chance."""

    system: str
    model: str
    measure: str
    setting: str
    unit: str
    users: list[UserMean]
    moved: list[Moved]
    shares: dict[str, float]
    simulator: float | None
    repeated: bool


def shifts(system: str, model: str, sides: Sequence[Side], scale: Callable[[str], Scale]) -> Iterator[Shift]:
    """Every measure in every setting that all sides have (two sides at least)."""
    for measure in _shared(sides, "measure"):
        of = [s._replace(table=s.table.where(measure=measure)) for s in sides]
        for setting in _shared(of, "setting"):
            mine = [s._replace(table=s.table.where(setting=setting)) for s in of]
            shares, repeated = _shares(mine)
            simulator = None
            if shares:
                simulator = shares["user"] + (shares["case x user"] if repeated else 0.0)
            moved = [_moved(a, b, scale(measure)) for a, b in combinations(mine, 2)]
            yield Shift(
                system=system, model=model, measure=measure, setting=setting, unit=scale(measure).unit,
                users=[_mean(s, scale(measure)) for s in mine], moved=moved,
                shares=shares, simulator=simulator, repeated=repeated,
            )  # fmt: skip


def _shared(sides: Sequence[Side], field: str) -> list[str]:
    there = [set(s.table.present(field)) for s in sides]
    return [name for name in sides[0].table.present(field) if all(name in names for names in there)]


def _mean(side: Side, scale: Scale) -> UserMean:
    found = clustered_mean(side.table.value, np.array(side.table.text("cluster")), scale)
    return UserMean(side.user, side.run, found.value, found.low, found.high, found.n_clusters)


def _moved(a: Side, b: Side, scale: Scale) -> Moved:
    d = paired(b.table, a.table, scale)
    return Moved(a.user, b.user, d.value, d.low, d.high, d.p, d.n_clusters)


def _shares(sides: Sequence[Side]) -> tuple[dict[str, float], bool]:
    """Shares of the variance by source, over the cases that all users played; and whether plays were repeated."""
    plays: dict[tuple[str, int, int], list[float]] = {}
    for number, side in enumerate(sides):
        kept = side.table.select(side.table.measured)
        for case, repeat, value in zip(kept.text("cluster"), kept.repeat, kept.value, strict=True):
            plays.setdefault((case, number, int(repeat)), []).append(float(value))
    common = set.intersection(*({case for case, user, _ in plays if user == n} for n in range(len(sides))))
    keys = [key for key in plays if key[0] in common]
    if len(common) < 2:
        return {}, False
    code = {case: i for i, case in enumerate(sorted(common))}
    play = np.arange(len(keys))
    found = components(Plays(
        np.array([np.mean(plays[key]) for key in keys]), np.array([code[case] for case, _, _ in keys]),
        np.array([user for _, user, _ in keys]), play, play,
    ))  # fmt: skip
    values = {name: part.value for name, part in found.parts.items() if part.value is not None}
    total = sum(values.values())
    if "user" not in values or total <= 0:
        return {}, False
    shares = {name: value / total for name, value in values.items()}
    return {"user": 0.0, "case x user": 0.0, **shares}, "repeat" in values
