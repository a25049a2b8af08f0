"""What ``multiturn score`` plans: a run's own judging again, or its stored conversations read by a judge system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..conversation import InputError
from ..engine.looks import taken
from ..engine.plan import Plan
from ..engine.replay import ReplayModel, cast_model
from ..engine.runs import RunRow, find_run
from ..engine.store import Store
from ..models.base import Model
from ..models.options import parse_name
from ..players.catalogue import make_around
from ..systems.catalogue import entries, make_system

if TYPE_CHECKING:
    from ..engine.data import DataFolder

IMPORTED, REJUDGED = "imported", "rejudged"


def judge_system(measures: Sequence[str], row: RunRow) -> str:
    """The judge system that is named among the measures ("" = none: they only choose what is shown).

    A run that was judged like this is judged by the same system again. Raises `InputError` when it is named beside measures.
    """
    judges = {entry.slug for entry in entries() if "judge" in entry.kind}
    named = [name for name in measures if (plain := parse_name(name)[0]) in judges or ".py:" in plain or plain.endswith(".py")]
    if named and len(measures) > 1:
        raise InputError(f"`{named[0]}` is a judge system and reads the conversations anew: give it as the only --measure")
    if not named and _all(row, REJUDGED):
        return parse_name(row.spec.systems[0])[1].get("measure", "")
    return named[0] if named else ""


def make_plan(store: Store, row: RunRow, judge: str | None, system: str, whole: bool, data: DataFolder) -> Plan:
    """The plan in which only the judge is asked."""
    if system:
        return _read_anew(store, row, judge, system, whole, data)
    if whole:
        raise InputError("--whole goes with a judge system: --measure judge?ask=point")
    if any(parse_name(text)[0] == IMPORTED for text in row.spec.systems):
        raise InputError(
            f"run {row.id} was imported, and its own judging cannot be repeated; name a judge system and a model: "
            "multiturn score RUN --measure judge?ask=point --judge NAME (`multiturn list --family judge` shows more)"
        )
    spec = row.spec
    names = {**spec.roles, **({"judge": judge} if judge else {})}
    roles: dict[str, Model] = {
        role: cast_model(name) if role == "judge" else ReplayModel.of(store, name) for role, name in names.items()
    }
    return Plan(
        [make_system(text, data) for text in spec.systems],
        [ReplayModel.of(store, label) for label in spec.models],
        settings=spec.settings,
        limit=spec.limit,
        repeats=spec.repeats,
        seed=spec.seed,
        roles=roles,
        around=[make_around(text) for text in spec.around],
        until=spec.until,
        taken=taken(row),
    )


def _read_anew(store: Store, row: RunRow, judge: str | None, system: str, whole: bool, data: DataFolder) -> Plan:
    from ..systems.judge.rejudged import RejudgePlan

    if _all(row, REJUDGED):  # the conversations are those of the run that it read
        options = parse_name(row.spec.systems[0])[1]
        judge = judge or row.spec.roles.get("judge")
        whole = whole or options.get("whole") == "True"
        row = find_run(store, options.get("run", ""))
    if judge is None:
        raise InputError(f"`{system}` needs a model to ask: --judge NAME")
    return RejudgePlan(store, row, system, {"judge": cast_model(judge)}, whole=whole, data=data)


def _all(row: RunRow, slug: str) -> bool:
    return all(parse_name(text)[0] == slug for text in row.spec.systems)
