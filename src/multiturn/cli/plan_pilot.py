"""What a pilot run tells `multiturn plan`: its plays as numbers, and who varied in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..conversation import InputError, UnknownName
from ..engine.runs import RunRow, figures_of
from ..engine.store import Store
from ..measures.figure import Scale
from ..measures.variance import Plays, influence
from ..report.result import RunInfo, RunResult
from ..report.shape import sections
from ..systems.catalogue import make_system


class Side(NamedTuple):
    """One of the two that are compared, or the only one: a model (with what stands around it) in a setting."""

    model: str
    setting: str


class Pilot(NamedTuple):
    """One measure of one benchmark in some runs. ``sides``: one, or the two whose difference (second minus first) is planned.

    ``users``: who played the user, in code order. ``drawn``: what is drawn anew in every play (model, user) or judgement.
    ``played``: how many settings a case is played in.
    """

    runs: list[RunRow]
    system: str
    measure: str
    scale: Scale
    sides: tuple[Side, ...]
    plays: Plays
    users: list[str]
    drawn: list[str]
    played: int
    notes: list[str]


def read(store: Store, found: Sequence[RunRow], *, benchmark: str, measure: str, settings: tuple[str, str] | None,
         models: tuple[str, str] | None, setting: str, difference: bool) -> Pilot:  # fmt: skip
    """Read a pilot. Several runs: the same conversations judged again, the same cases with another user, or two models."""
    run = found[0]
    benchmarks = {b.label: b for b in map(make_system, run.spec.systems)}
    system = benchmark or next(iter(benchmarks))
    if system not in benchmarks:
        raise UnknownName(f"benchmark of run {run.id}", system, benchmarks)
    made = benchmarks[system]
    section = sections(RunResult(run=RunInfo(id=run.id), figures=figures_of(store, run, [made])))
    judged = {name for (name,) in store.rows(_JUDGED, run.id, system)}
    # What is estimated from verdicts (a whole score from a few cases) has none of its own to plan with.
    known = [m for m in dict.fromkeys(m for s in section for m in (s.primary, *s.measures)) if m in judged]
    known += sorted(judged - set(known))
    measure = measure or next(iter(known), "")
    if measure not in known:
        if not known:
            raise InputError(f"run {run.id} has no verdicts on {system} yet: there is nothing to plan from")
        raise UnknownName(f"measure of run {run.id}", measure, known)
    there = list(dict.fromkeys(s for each in section for s in each.settings))
    notes = (
        [f"Of {len(benchmarks)} benchmarks of this run, this is about {system} (--benchmark NAME)."]
        if len(benchmarks) > 1
        else []
    )
    main = setting or next((s.main_setting for s in section if s.settings), "")
    sides = _sides(found, there, main, settings, models, difference)
    plays, users = _plays(store, found, system, measure, sides)
    scale, drawn = made.scale(measure), _drawn(found)
    return Pilot(list(found), system, measure, scale, sides, plays, users, drawn, len(there), notes)


def _sides(found: Sequence[RunRow], there: list[str], main: str, settings: tuple[str, str] | None, models: tuple[str, str] | None,
           difference: bool) -> tuple[Side, ...]:  # fmt: skip
    """Who is compared: the models or settings named, else the runs' two models, else their two settings, else nobody."""
    players = list(dict.fromkeys(name for run in found for name in run.spec.players))
    pilot = " and ".join(run.id for run in found)
    for name in models or ():
        if name not in players:
            raise UnknownName(f"model of run {pilot}", name, players)
    for name in (*(settings or ()), main):
        if name not in there:
            raise UnknownName(f"setting of run {pilot}", name, there)
    if not difference:
        return (Side(models[0] if models else players[0], main),)
    if models:
        return Side(models[0], main), Side(models[1], main)
    if settings:
        return Side(players[0], settings[0]), Side(players[0], settings[1])
    if len(players) > 1:
        return Side(players[0], main), Side(players[1], main)
    if len(there) > 1:
        return Side(players[0], next(s for s in there if s != main)), Side(players[0], main)
    return (Side(players[0], main),)


# -- plays ----------------------------------------------------------------------------------------------------------
_ROWS = """
SELECT e.cluster, e.repeat, CASE v.item WHEN '' THEN v.turn ELSE v.item END, v.value, e.node
FROM run_episodes r JOIN episodes e ON e.id = r.episode JOIN verdicts v ON v.episode = e.id
WHERE r.run = ? AND e.system = ? AND e.model = ? AND e.setting = ? AND v.measure = ? AND v.value IS NOT NULL"""

_JUDGED = """
SELECT DISTINCT v.measure FROM run_episodes r JOIN episodes e ON e.id = r.episode JOIN verdicts v ON v.episode = e.id
WHERE r.run = ? AND e.system = ?"""

Cell = tuple[str, int]
"""One play: cluster and repeat."""


class _Judged(NamedTuple):
    """One play of one side: the value of each question, and the conversations they were read from."""

    values: dict[str, list[float]]
    nodes: frozenset[bytes]


def _side(store: Store, run: RunRow, system: str, side: Side, measure: str) -> dict[Cell, _Judged]:
    values: dict[Cell, dict[str, list[float]]] = {}
    nodes: dict[Cell, set[bytes]] = {}
    for cluster, repeat, item, value, node in store.rows(_ROWS, run.id, system, side.model, side.setting, measure):
        values.setdefault((cluster, repeat), {}).setdefault(str(item), []).append(value)
        nodes.setdefault((cluster, repeat), set()).add(node)
    return {cell: _Judged(found, frozenset(nodes[cell])) for cell, found in values.items()}


def _totals(judged: Sequence[_Judged]) -> tuple[float, int]:
    """Sum and number of a play's values: of all verdicts of one side, or of the differences of the questions of both."""
    if len(judged) == 1:
        every = [v for values in judged[0].values.values() for v in values]
        return sum(every), len(every)
    one, two = (side.values for side in judged)
    shared = [item for item in one if item in two]
    return sum(sum(two[i]) / len(two[i]) - sum(one[i]) / len(one[i]) for i in shared), len(shared)


def _together(found: Sequence[RunRow], sides: Sequence[Side]) -> list[tuple[RunRow, ...]]:
    """The runs that a play's sides are read from: one that has them all, or one for each side, alike in user and judge. Raises
    `InputError` for a run that has nothing to say."""
    whole = [(run,) * len(sides) for run in found if all(side.model in run.spec.players for side in sides)]
    apart = [
        (one, two) for one in found for two in found
        if len(sides) == 2 and one.id != two.id and one.spec.roles == two.spec.roles
        and sides[0].model in one.spec.players and sides[1].model in two.spec.players and (one,) * 2 not in whole
        and (two,) * 2 not in whole
    ]  # fmt: skip
    used = {run.id for runs in (*whole, *apart) for run in runs}
    for run in found:
        if run.id not in used:
            names = " and ".join(dict.fromkeys(side.model for side in sides))
            raise InputError(
                f"run {run.id} ({', '.join(run.spec.players)}) says nothing about {names}: give the same conversations judged "
                "again, the same cases with another --user, or a second model with the same --user and --judge"
            )
    return [*whole, *apart]


def _plays(store: Store, found: Sequence[RunRow], system: str, measure: str, sides: Sequence[Side]) -> tuple[Plays, list[str]]:
    """All judged plays as columns: one row a play and judge (a run that judges another again holds the same conversations;
    one that was judged by the same judge holds the same recorded judgements, and counts once)."""
    users = list(dict.fromkeys(run.spec.roles.get("user", "") for run in found))
    judges = {run.spec.roles.get("judge", "") for run in found} - {""}
    codes: dict[Any, int] = {}
    known: set[tuple[int, str]] = set()
    rows: list[tuple[float, float, int, int, int, int]] = []
    for runs in _together(found, sides):
        run = runs[0]
        user = users.index(run.spec.roles.get("user", ""))
        read = [_side(store, of, system, side, measure) for of, side in zip(runs, sides, strict=True)]
        if empty := next((of for of, values in zip(runs, read, strict=True) if not values), None):
            raise InputError(f"run {empty.id} holds no `{measure}` of {system} in this setting: it says nothing for this plan")
        for cell, first in read[0].items():
            judged = [first, *(other[cell] for other in read[1:] if cell in other)]
            total, n = _totals(judged) if len(judged) == len(sides) else (0.0, 0)
            if n:
                nodes = tuple(j.nodes for j in judged)
                # A play is the same one only where the same was said: a run of other answers is a repeat of its own.
                play = codes.setdefault(("play", cell, user, nodes), len(codes))
                # Without a judge, equal words are no second judgement.
                talk = codes.setdefault(("talk", cell[0], user, nodes), len(codes)) if judges else play
                if (play, judge := run.spec.roles.get("judge", "")) in known:
                    continue
                known.add((play, judge))
                rows.append((total, n, codes.setdefault(("case", cell[0]), len(codes)), user, play, talk))
    if len({row[2] for row in rows}) < 2:
        raise InputError(
            f"`{measure}` was measured on fewer than two cases of run {found[0].id}: a pilot needs some (20 are a start)"
        )
    totals, sizes, *labels = (np.array(column) for column in zip(*rows, strict=True))
    value = influence(totals.astype(np.float64), sizes.astype(np.float64))
    return Plays(value, *(column.astype(np.int64) for column in labels)), users


def _drawn(found: Sequence[RunRow]) -> list[str]:
    """What is drawn anew in every play, as far as names tell: roles played by a model that is not at temperature 0."""
    roles = {"model": found[0].spec.models[0], **{r: m for r, m in found[0].spec.roles.items() if r in ("user", "judge")}}
    return [role for role, name in roles.items() if not pinned(name)]


def pinned(name: str) -> bool:
    """Whether a model's name says that it gives the same answer each time (it may still differ: servers batch and round)."""
    options = dict(part.partition("=")[::2] for part in name.partition("?")[2].split("&"))
    return name.partition("?")[0] == "gold" or options.get("temperature") in ("0", "0.0")


def pinned_user(pilot: Pilot) -> tuple[int, int] | None:
    """The codes of one user model drawn freely, and of the same at temperature 0, when that is what two runs differ in."""
    if len(pilot.users) != 2 or len({name.partition("?")[0] for name in pilot.users}) != 1:
        return None
    free = [i for i, name in enumerate(pilot.users) if not pinned(name)]
    return (free[0], 1 - free[0]) if len(free) == 1 else None
