"""What `compare` pairs with what, and when it refuses: two sides, each a run, a model and perhaps one setting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from ..conversation import Conversation, InputError, StoreError, UnknownName
from ..engine.runs import RunRow, find_run, runs
from ..engine.store import Store
from ..measures.figure import Scale
from ..measures.paired import Difference, paired
from ..measures.verdict import Table
from ..report.compare import Comparison, compare
from ..report.flips import Flip, flips
from ..report.result import figure_row
from ..report.safe import one_line
from ..report.words import count, number
from ..systems.catalogue import make_system

SHORT = 12
"""Characters of a side's name that fit over a column."""


class Side(NamedTuple):
    """One side of a comparison. ``setting`` "" = all. ``short``: what tells it from the other side, A or B if nothing short
    does. ``system``: the benchmark, as this side's figures call it."""

    run: RunRow
    model: str
    setting: str
    short: str
    system: str = ""

    @property
    def name(self) -> str:
        return f"run {self.run.id}, {self.model}" + (f", {self.setting}" if self.setting else "")


class Pairing(NamedTuple):
    """All comparisons of one system between two sides. ``differences`` stand beside ``comparisons``, one each."""

    system: str
    first: Side
    second: Side
    comparisons: list[Comparison]
    differences: list[Difference]
    flips: list[Flip]
    notes: list[str]

    def effects(self) -> Iterator[str]:
        """Effect sizes over all groups, in words."""
        for c, d in zip(self.comparisons, self.differences, strict=True):
            if c.group is None and d.effect is not None:
                low, high = number(d.effect_low, "", signed=True), number(d.effect_high, "", signed=True)
                span = f" [{low}, {high}]" if d.effect_low is not None else ""
                yield f"{one_line(c.measure)}, {one_line(c.setting)}: effect size g = {number(d.effect, '', signed=True)}{span}"

    def as_object(self) -> dict[str, Any]:
        """The pairing as plain JSON values."""
        rows = []
        for c, d in zip(self.comparisons, self.differences, strict=True):
            row = {**figure_row(c.difference), "system": self.system, "model": None, "measure": c.measure}
            row |= {
                "first": c.first, "second": c.second, "gained": c.gained, "lost": c.lost, "questions": c.questions,
                "only_first": c.only_first, "only_second": c.only_second, "p": d.p, "effect": d.effect,
                "effect_low": d.effect_low, "effect_high": d.effect_high,
            }  # fmt: skip
            rows.append(row)
        return {
            "system": self.system, "first": _side_object(self.first), "second": _side_object(self.second), "differences": rows,
            "flips": [msgspec.structs.asdict(f) for f in self.flips], "notes": self.notes,
        }  # fmt: skip


def _side_object(side: Side) -> dict[str, Any]:
    return {"run": side.run.id, "model": side.model, "setting": side.setting or None}


def pair(store: Store, first: str | None, second: str | None, settings: tuple[str, str] | None,
         models: tuple[str, str] | None) -> list[Pairing]:  # fmt: skip
    """Pair two sides of a store, system by system. Raises `InputError` saying why when nothing can be paired."""
    a, b = _runs(store, first, second, settings, models)
    scales = _scales((a, b))
    if a.id == b.id and not settings and not models:
        raise InputError(f"run {a.id} cannot be compared with itself; add --settings A B or --models A B")
    sides = list(_sides(store, a, b, settings, models))
    found, refused = [], []
    for one, two in sides:
        shared = _shared(_systems(store, one), _systems(store, two))
        if not shared:
            mine, other = (", ".join(_systems(store, s)) or "nothing" for s in (one, two))
            refused.append(f"they have no benchmark in common: {one.name} played {mine}, {two.name} {other}")
        for mine, other in shared:
            pairing = _paired(store, one._replace(system=mine), two._replace(system=other), scales.get(mine, {}))
            if isinstance(pairing, str):
                refused.append(f"{_slug(mine)}: {pairing}")
            else:
                found.append(pairing)
    if not found:
        raise InputError("nothing can be paired: " + "; ".join(dict.fromkeys(refused)))
    return found


# -- sides ----------------------------------------------------------------------------------------------------------
def _runs(store: Store, first: str | None, second: str | None, settings: object, models: object) -> tuple[RunRow, RunRow]:
    """The two runs; one run twice when its settings or models are compared."""
    if second is not None:
        return _run(store, first or "last"), _run(store, second)
    if settings or models:
        only = _run(store, first or "last")
        return only, only
    return (_run(store, first), _run(store, "last")) if first else (_run(store, "previous"), _run(store, "last"))


def _run(store: Store, name: str) -> RunRow:
    if name != "previous":
        return find_run(store, name)
    known = runs(store)
    if len(known) < 2:
        raise StoreError(f"{store.path} holds {count(len(known), 'run')}: there is no previous one to compare with")
    return known[1]


def _sides(store: Store, a: RunRow, b: RunRow, settings: tuple[str, str] | None,
           models: tuple[str, str] | None) -> Iterator[tuple[Side, Side]]:  # fmt: skip
    one, two = settings or ("", "")
    for run, setting in ((a, one), (b, two)):
        known = _values(store, run, "setting")
        if setting and setting not in known:
            raise UnknownName(f"setting of run {run.id}", setting, known)
    for left, right in _model_pairs(store, a, b, models):
        short = (one, two) if settings else (left, right) if left != right else (a.id, b.id)
        if short[0] == short[1]:
            raise InputError(f"both sides are the same ({short[0]}): there is nothing to compare")
        if one_line(short[0], SHORT) == one_line(short[1], SHORT):
            short = ("A", "B")
        yield Side(a, left, one, short[0]), Side(b, right, two, short[1])


def _model_pairs(store: Store, a: RunRow, b: RunRow, models: tuple[str, str] | None) -> list[tuple[str, str]]:
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


def _values(store: Store, run: RunRow, column: str, model: str = "") -> list[str]:
    """The distinct values of a column of a run's episodes, in plan order."""
    sql = f"""SELECT e."{column}" FROM run_episodes r JOIN episodes e ON e.id = r.episode
              WHERE r.run=? AND ? IN ('', e.model) GROUP BY 1 ORDER BY min(r.n)"""
    return [value for (value,) in store.rows(sql, run.id, model)]


def _slug(system: str) -> str:
    return system.partition("?")[0]


def _shared(first: list[str], second: list[str]) -> list[tuple[str, str]]:
    """Benchmarks of both sides: those called the same, else the only one with the same slug (other options)."""
    found = []
    for mine in first:
        fits = [other for other in second if other == mine] or [other for other in second if _slug(other) == _slug(mine)]
        if len(fits) == 1:
            found.append((mine, fits[0]))
    return found


def _systems(store: Store, side: Side) -> list[str]:
    return _values(store, side.run, "system", side.model)


def _scales(both: tuple[RunRow, RunRow]) -> dict[str, dict[str, Scale]]:
    texts = dict.fromkeys(text for run in both for text in run.spec.systems)
    return {b.label: dict(b.scales) for b in map(make_system, texts)}


# -- pairing --------------------------------------------------------------------------------------------------------
_ROWS = """
SELECT e."case", e.cluster, e.setting, e.repeat, v."group", v.turn, v.item, v.measure, v.value, v.status, v.cause
FROM run_episodes r JOIN episodes e ON e.id = r.episode JOIN verdicts v ON v.episode = e.id
WHERE r.run=? AND e.system=? AND e.model=? AND ? IN ('', e.setting) ORDER BY r.n, v.n"""


def _table(store: Store, side: Side, called: str, without: frozenset[str]) -> Table:
    """The verdicts of one side; ``called`` names its setting when two settings are compared; cases in ``without`` are
    left out."""
    nan = float("nan")
    rows = store.rows(_ROWS, side.run.id, side.system, side.model, side.setting)
    return Table.of(
        (r[0], r[1], called or r[2], *r[3:8], nan if r[8] is None else r[8], *r[9:]) for r in rows if r[0] not in without
    )


def _paired(store: Store, one: Side, two: Side, scales: dict[str, Scale]) -> Pairing | str:
    """The comparisons of one system, or why there are none."""
    notes: list[str] = []
    other = _other_questions(store, one, two)
    if other:
        shared, changed = other
        if len(changed) == shared:
            why = _option_difference(one, two)
            return f"the cases have the same ids but ask something else{why}"
        notes.append(f"left out: {count(len(changed), 'case')} of {shared:,} with the same id that ask something else.")
    called = f"{one.setting}/{two.setting}" if one.setting else ""
    without = frozenset(other[1]) if other else frozenset()
    a, b = (_table(store, side, called, without) for side in (one, two))
    scale = _scale_of(scales)
    found = compare(a, b, scale)
    if not found:
        return _why_nothing(a, b)
    if not any(c.questions for c in found):
        return f"no question was measured on both sides ({len(a):,} and {len(b):,} verdicts)"
    judges = {side.run.spec.roles.get("judge", "none") for side in (one, two)}
    if len(judges) > 1:
        notes.append(
            f"The sides were judged differently (judge: {' and '.join(sorted(judges))}): the judges may be the difference."
        )
    if why := _option_difference(one, two):
        notes.append(f"The benchmark was run in two ways{why}.")
    differences = [paired(*_cells(b, a, c), scale(c.measure)) for c in found]
    return Pairing(_slug(one.system), one, two, found, differences, flips(a, b, scale), notes)


def _scale_of(scales: dict[str, Scale]) -> Callable[[str], Scale]:
    return lambda measure: scales.get(measure, Scale())


def _cells(b: Table, a: Table, c: Comparison) -> tuple[Table, Table]:
    where = {"measure": c.measure, "setting": c.setting, **({"group": c.group} if c.group is not None else {})}
    return b.where(**where), a.where(**where)


def _why_nothing(a: Table, b: Table) -> str:
    for side in (a, b):
        if not len(side):
            return "one side has no verdicts yet"
    for field in ("measure", "setting"):
        mine, other = a.present(field), b.present(field)
        if not set(mine) & set(other):
            return f"they have no {field} in common ({', '.join(mine)} against {', '.join(other)})"
    return "no measure was taken in the same setting on both sides"


def _option_difference(one: Side, two: Side) -> str:
    ways = [", ".join(side.run.spec.systems) for side in (one, two)]
    return f" ({ways[0]} against {ways[1]})" if ways[0] != ways[1] else ""


_ENDS = """
SELECT e."case", e.setting, e.node FROM run_episodes r JOIN episodes e ON e.id = r.episode
WHERE r.run=? AND e.system=? AND e.model=? AND ? IN ('', e.setting) ORDER BY r.n DESC"""


def _other_questions(store: Store, one: Side, two: Side) -> tuple[int, list[str]] | None:
    """Cases of both sides, and those of them whose first user message differs, although their ids agree. None where that
    says nothing: two settings of a run word their questions differently, and a simulated user invents them."""
    if one.setting or one.run.id == two.run.id or any("user" in side.run.spec.roles for side in (one, two)):
        return None
    known: dict[bytes, Conversation] = {}
    ends = [
        {(case, setting): node for case, setting, node in store.rows(_ENDS, s.run.id, s.system, s.model, s.setting)}
        for s in (one, two)
    ]
    shared = [key for key in ends[0] if key in ends[1]]
    changed = [k for k in shared if len({_opening(store.conversation(e[k], known)) for e in ends} - {None}) > 1]
    return (len({k[0] for k in shared}), list(dict.fromkeys(k[0] for k in changed))) if changed else None


def _opening(chat: Conversation) -> str | None:
    return next((m.text for m in chat.messages if m.role == "user"), None)
