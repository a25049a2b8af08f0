"""What `compare` pairs with what, and when it refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import msgspec

from ..conversation import Conversation, InputError, UnknownName
from ..engine.runs import RunRow
from ..engine.store import Store
from ..measures.figure import Scale
from ..measures.verdict import Table
from ..report.compare import Comparison, adjust, as_row, by_turn, compare
from ..report.compare_judges import Concord, concord, concord_row
from ..report.compare_survival import Curves, curves, survival_row
from ..report.flips import Flip, flips
from ..report.words import count
from ..systems.catalogue import make_system
from .sides import Asked, Side, named, sides, values

Talk: TypeAlias = tuple[str, str, int]
"""Case, setting and repeat: one conversation of a side."""


class Pairing(NamedTuple):
    """All comparisons of one system between two sides. ``agreement``: of two judges of the same conversations, else empty."""

    system: str
    first: Side
    second: Side
    comparisons: list[Comparison]
    turns: list[Comparison]
    survival: list[Curves]
    agreement: list[Concord]
    flips: list[Flip]
    notes: list[str]

    def as_object(self) -> dict[str, Any]:
        """The pairing as plain JSON values."""
        of = {"system": self.system, "model": None}
        return {
            "system": self.system, "first": self.first.as_object(), "second": self.second.as_object(),
            "differences": [as_row(c) | of for c in self.comparisons], "turns": [as_row(c) | of for c in self.turns],
            "survival": [survival_row(c) for c in self.survival], "agreement": [concord_row(c) for c in self.agreement],
            "flips": [msgspec.structs.asdict(f) for f in self.flips], "notes": self.notes,
        }  # fmt: skip


def pair(store: Store, asked: Asked) -> list[Pairing]:
    """Pair two sides of a store, system by system. Raises `InputError` saying why when nothing can be paired."""
    found, refused = [], []
    for one, two in sides(store, asked):
        scales = _scales(one.run, two.run)
        shared = _shared(_systems(store, one), _systems(store, two))
        if not shared:
            mine, other = (", ".join(_systems(store, s)) or "nothing" for s in (one, two))
            refused.append(f"they have no benchmark in common: {one.name} played {mine}, {two.name} {other}")
        for mine, other in shared:
            both = one._replace(system=mine), two._replace(system=other)
            pairing = _paired(store, *both, (scales.get(mine, {}), scales.get(other, {})), asked)
            if isinstance(pairing, str):
                refused.append(f"{_slug(mine)}: {pairing}")
            else:
                found.append(pairing)
    if not found:
        raise InputError("nothing can be paired: " + "; ".join(dict.fromkeys(refused)))
    return _adjusted(found)


def _adjusted(found: list[Pairing]) -> list[Pairing]:
    """P-values adjusted over everything that this command shows, not over each table."""
    every = iter(adjust([c for p in found for c in p.comparisons]))
    return [p._replace(comparisons=[next(every) for _ in p.comparisons]) for p in found]


# -- systems ----------------------------------------------------------------------------------------------------------
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
    return values(store, side.run, "system", side.model)


def _scales(*both: RunRow) -> dict[str, dict[str, Scale]]:
    texts = dict.fromkeys(text for run in both for text in run.spec.systems)
    return {b.label: dict(b.scales) for b in map(make_system, texts)}


# -- pairing ----------------------------------------------------------------------------------------------------------
_ROWS = """
SELECT e."case", e.cluster, e.setting, e.repeat, v."group", v.turn, v.item, v.measure, v.value, v.status, v.cause
FROM run_episodes r JOIN episodes e ON e.id = r.episode JOIN verdicts v ON v.episode = e.id
WHERE r.run=? AND e.system=? AND e.model=? AND ? IN ('', e.setting) ORDER BY r.n, v.n"""


def _table(store: Store, side: Side, called: str, keep: Callable[[Talk], bool]) -> Table:
    """The verdicts of one side; ``called`` names its setting when two settings are compared."""
    nan = float("nan")
    rows = store.rows(_ROWS, side.run.id, side.system, side.model, side.setting)
    return Table.of(
        (r[0], r[1], called or r[2], *r[3:8], nan if r[8] is None else r[8], *r[9:]) for r in rows if keep((r[0], r[2], r[3]))
    )


def _paired(store: Store, one: Side, two: Side, scales: tuple[dict[str, Scale], dict[str, Scale]],
            asked: Asked) -> Pairing | str:  # fmt: skip
    """The comparisons of one system, or why there are none."""
    notes: list[str] = []
    match = _matched(store, one, two, notes)
    if isinstance(match, str):
        return match
    one, two, keep = match
    called = f"{one.setting}/{two.setting}" if one.setting else ""
    a, b = (_table(store, side, called, keep) for side in (one, two))
    a, b = _same_measures(a, b, scales, asked, notes)
    scale: Callable[[str], Scale] = lambda measure: scales[0].get(measure, Scale())  # noqa: E731
    found = compare(a, b, scale, asked.how)
    if not found:
        return "; ".join([_why_nothing(a, b), *notes])
    if not any(c.questions for c in found):
        return f"no question was measured on both sides ({len(a):,} and {len(b):,} verdicts)"
    if one.judging:  # what repeats differ by is the conversations, and those are the same
        found = [msgspec.structs.replace(c, noise=None) for c in found]
    if why := _option_difference(one, two):
        notes.append(f"The benchmark was run in two ways{why}.")
    notes += _provisos(store, one, two, (a, b))
    return Pairing(
        _slug(one.system), one, two, found, by_turn(a, b, scale, asked.how), curves(a, b, scale),
        concord(a, b) if one.judging else [], flips(a, b, scale), notes,
    )  # fmt: skip


def _provisos(store: Store, one: Side, two: Side, tables: tuple[Table, Table]) -> Iterator[str]:
    """What to know of two sides that can be compared."""
    if _slug(one.system) == "tinybenchmarks":
        yield (
            "The cases were selected to stand for a whole benchmark, each with a weight of its own: this is the difference on "
            "these cases, not that of the whole scores (see `multiturn report`)."
        )
    if one.setting != two.setting and one.model != two.model:
        yield "The sides differ in model and in setting: which of the two makes the difference cannot be told."
    for run in {one.run.id: one.run, two.run.id: two.run}.values():
        done, planned = next(store.rows(_PLAYED, run.id))
        if done < planned:
            yield f"Run {run.id} is not finished: {done:,} of {planned:,} conversations are there; compared is what both have."
        if run.spec.until:
            yield (
                f"Run {run.id} stopped by its own interval (--until {run.spec.until}): interval and p of this difference are as "
                "if its number of cases had been fixed beforehand."
            )
    times = [int(table.repeat.max(initial=0)) + 1 for table in tables]
    if times[0] != times[1]:
        yield (
            f"The sides have {times[0]} and {times[1]} repeats. A question counts as passed where the mean of its repeats "
            "passes, and more repeats make that harder: + and − cannot be weighed against each other (the difference can)."
        )


_PLAYED = "SELECT count(e.id), count(*) FROM run_episodes r LEFT JOIN episodes e ON e.id = r.episode WHERE r.run=?"


def _same_measures(a: Table, b: Table, scales: tuple[dict[str, Scale], dict[str, Scale]], asked: Asked,
                   notes: list[str]) -> tuple[Table, Table]:  # fmt: skip
    """Both tables without the measures that are not asked for, or not the same on both sides."""
    in_a, in_b = a.present("measure"), b.present("measure")
    for name in asked.measures:
        if name not in {*in_a, *in_b}:
            raise UnknownName("measure", name, {*in_a, *in_b})
    kept = [m for m in in_a if not asked.measures or m in asked.measures]
    drop = {m for m in {*in_a, *in_b} if m not in kept}
    for m in kept:
        one, two = (_range(s.get(m, Scale())) for s in scales)
        if m in in_b and one != two:
            drop.add(m)
            notes.append(f"{m} has two scales, {one} against {two}: it is not compared.")
    for side, mine, theirs in (("A", in_a, in_b), ("B", in_b, in_a)):
        alone = [m for m in mine if m not in theirs and (not asked.measures or m in asked.measures)]
        if alone and set(mine) & set(theirs):
            notes.append(f"Measured on side {side} only: {', '.join(alone)}.")
    return _without(a, drop), _without(b, drop)


def _range(scale: Scale) -> str:
    return f"{scale.low:g} to {scale.high:g} {scale.unit}".rstrip()


def _without(table: Table, measures: set[str]) -> Table:
    import numpy as np

    kept = np.array([name not in measures for name in table.names["measure"]], dtype=bool)
    return table.select(kept[table.codes["measure"]]) if measures else table


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


# -- conversations ----------------------------------------------------------------------------------------------------
_ENDS = """
SELECT e."case", e.setting, e.repeat, e.node FROM run_episodes r JOIN episodes e ON e.id = r.episode
WHERE r.run=? AND e.system=? AND e.model=? AND ? IN ('', e.setting) ORDER BY r.n"""


def _ends(store: Store, side: Side) -> dict[Talk, bytes]:
    rows = store.rows(_ENDS, side.run.id, side.system, side.model, side.setting)
    return {(case, setting, repeat): node for case, setting, repeat, node in rows}


def _matched(store: Store, one: Side, two: Side, notes: list[str]) -> tuple[Side, Side, Callable[[Talk], bool]] | str:
    """Which conversations of the two sides belong together, and whether it is their judges that differ. What is left out and
    why goes to ``notes``; a text instead: why nothing fits."""
    if one.run.id == two.run.id:
        return one, two, lambda talk: True
    ends = _ends(store, one), _ends(store, two)
    shared = [talk for talk in ends[0] if talk in ends[1]]
    same = {talk for talk in shared if ends[0][talk] == ends[1][talk]}
    two_judges = one.judge != two.judge and one.model == two.model and not one.setting
    if one.judging or (two_judges and 2 * len(same) >= len(shared) > 0):
        return _by_judges(one, two, len({*ends[0], *ends[1]}), same, notes)
    if one.judge != two.judge:
        judges = " and ".join(sorted(s.judge or "none" for s in (one, two)))
        notes.append(f"The sides were judged differently (judge: {judges}): the judges may be the difference.")
    if shared and len(same) == len(shared) and one.setting == two.setting:
        notes.append("Both sides hold the same conversations: this says nothing of how far two runs differ.")
    other = _other_questions(store, one, two, ends)
    if not other:
        return one, two, lambda talk: True
    cases, changed = len({talk[0] for talk in shared}), set(other)
    if len(changed) == cases:
        return f"the cases have the same ids but ask something else{_option_difference(one, two)}"
    notes.append(f"left out: {count(len(changed), 'case')} of {cases:,} with the same id that ask something else.")
    return one, two, lambda talk: talk[0] not in changed


def _by_judges(one: Side, two: Side, talks: int, same: set[Talk],
               notes: list[str]) -> tuple[Side, Side, Callable[[Talk], bool]] | str:  # fmt: skip
    if not same:
        return (
            f"run {one.run.id} and run {two.run.id} hold different conversations, so their judges cannot be compared; "
            f"`multiturn score {one.run.id} --judge {two.judge}` judges the same ones"
        )
    if len(same) < talks:
        notes.append(f"left out: {count(talks - len(same), 'conversation')} of {talks:,} that not both judges judged.")
    one, two = one._replace(judging=True), two._replace(judging=True)
    return *named(one, two, one.judge or "code", two.judge or "code"), lambda talk: talk in same


def _other_questions(store: Store, one: Side, two: Side, ends: tuple[dict[Talk, bytes], dict[Talk, bytes]]) -> list[str]:
    """Cases whose first user message differs, although their ids agree. None where that says nothing: two settings word their
    questions differently, and a simulated user invents them."""
    if one.setting or any("user" in side.run.spec.roles for side in (one, two)):
        return []
    known: dict[bytes, Conversation] = {}
    first: tuple[dict[tuple[str, str], bytes], ...] = tuple(
        {(case, setting): node for (case, setting, _), node in reversed(side.items())} for side in ends
    )
    shared = [key for key in first[0] if key in first[1] and first[0][key] != first[1][key]]
    openings: Iterator[tuple[str, set[str | None]]] = (
        (key[0], {_opening(store.conversation(side[key], known)) for side in first} - {None}) for key in shared
    )
    return list(dict.fromkeys(case for case, said in openings if len(said) > 1))


def _opening(chat: Conversation) -> str | None:
    return next((m.text for m in chat.messages if m.role == "user"), None)
