"""The result of `multiturn audit` as plain values: what was found, in how many conversations, and what it does to the figures.

Quotes are text of models: whoever shows them passes them through `multiturn.report.safe`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from ..engine.audit import Audited
from ..engine.audit_figures import Beside
from ..judges.simulation import KINDS, TURNS, UNUSABLE, Finding, Talk, checked
from ..judges.simulation_habits import Habits, Seen, habits
from ..measures.figure import Figure
from ..measures.intervals import Estimate, clustered_mean
from ..measures.multiplicity import holm
from ..measures.realism import Row, TwoSample, compare, two_sample
from .audit_ratings import WithPeople
from .audit_users import Shift

SEED, ROUNDS = 0, 200
"""Of the permutations of the classifier test."""


class Example(Struct, frozen=True):
    """One finding where it stands."""

    case: str
    setting: str
    turn: int
    quote: str
    certain: bool


class CheckRow(Struct, frozen=True, kw_only=True):
    """One check. ``conversations``: in how many it could be made; ``found``: in how many of them it found something, with the
    share and its 95 % interval, clustered by case; ``certain``, ``decides``: of those, in how many a finding is certain, can have
    decided the outcome. ``people``: the share among people's conversations (None: none given, or not a check of the text)."""

    check: str
    means: str
    conversations: int
    found: int
    share: float | None
    low: float | None
    high: float | None
    certain: int
    decides: int
    people: float | None = None
    example: Example | None = None


class Named(Struct, frozen=True):
    """One conversation in which something was found."""

    system: str
    model: str
    case: str
    setting: str
    repeat: int
    decided: bool
    findings: tuple[Finding, ...]


class FigurePair(Struct, frozen=True, kw_only=True):
    """A figure of all conversations, and of those in which the simulator cannot have decided the outcome (None: nothing is
    left). ``difference``: without - all, in the figure's unit, with its 95 % interval by cases
    (`multiturn.engine.audit_figures`; None: it cannot be had)."""

    all: Figure
    without: Figure | None
    difference: float | None
    low: float | None = None
    high: float | None = None


class People(Struct, frozen=True, kw_only=True):
    """How the simulated user compares with people. ``features``: see `multiturn.measures.realism`, each with its p-value after
    Holm's correction; ``classifier``: the two-sample test; ``style``: the same without the words (trigrams)."""

    name: str
    conversations: int
    messages: int
    features: list[dict[str, Any]]
    classifier: dict[str, Any]
    style: dict[str, Any]


class UserAudit(Struct, frozen=True, kw_only=True):
    """The audit of one simulated user in one benchmark.

    ``known``: in how many conversations the benchmark said what the user knows; ``cut``: of how many only the first messages
    were looked at. ``marked``: those whose outcome the simulator
    can have decided, with their share and its interval. ``same``, ``begin``, ``fit``, ``told_a_message``: see
    `multiturn.judges.simulation_habits`. ``unusable``: the share of its turns in which its reply could not be used, so that the
    benchmark spoke in its place or (``unusable_ended``) ended the conversation. ``own``: what the benchmark itself measures of
    its user; ``ratings``: how far the ratings that it leads to are those of people, where the same people can be had.
    """

    run: str
    system: str
    user: str
    conversations: int
    messages: int
    cases: int
    known: int
    cut: int
    checks: list[CheckRow]
    marked: int
    marked_share: float | None
    marked_low: float | None
    marked_high: float | None
    same: float | None
    same_message: str
    no_user: bool
    begin: float | None
    opening: str
    alike: bool
    fit: float | None
    fit_low: float | None
    fit_high: float | None
    at_random: bool
    told_a_message: float | None
    unusable: float
    unusable_ended: bool
    named: list[Named]
    figures: list[FigurePair]
    own: list[Figure] = []
    ratings: WithPeople | None = None
    people: People | None = None


class AuditResult(Struct, frozen=True, kw_only=True):
    """All of it: an audit for each run and benchmark, and what changes with the user's model."""

    audits: list[UserAudit]
    sensitivity: list[Shift] = []
    notes: list[str] = []


def to_json(result: AuditResult) -> bytes:
    """As one JSON object, indented; numbers that are no numbers become null."""
    plain = _finite(msgspec.to_builtins(result, builtin_types=(bytes,)))
    return msgspec.json.format(msgspec.json.encode(plain), indent=2) + b"\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    return [_finite(v) for v in value] if isinstance(value, list | tuple) else value


# -- making it ------------------------------------------------------------------------------------------------------------
def audit_of(
    found: Sequence[Audited], run: str, figures: Sequence[Beside], people: Sequence[Talk] = (), people_name: str = "",
    people_findings: Sequence[Sequence[Finding]] = (), ratings: WithPeople | None = None,
) -> UserAudit:  # fmt: skip
    """The audit of the conversations of one benchmark with one user (at least one). ``people``: conversations of people to
    compare with, and what the checks find there."""
    decided = _share([(a.cluster, a.decided) for a in found])
    habit: Habits = habits([Seen(a.cluster, a.talk, a.secrets) for a in found])
    named = [Named(a.system, a.model, a.case, a.setting, a.repeat, a.decided, a.findings) for a in found if a.findings]
    return UserAudit(
        run=run, system=found[0].system, user=found[0].user, conversations=len(found), messages=habit.messages,
        cases=len({a.cluster for a in found}), known=sum(a.known for a in found),
        cut=sum(len(a.talk.said) == TURNS for a in found),
        checks=[_row(kind, found, people_findings) for kind in KINDS], marked=sum(a.decided for a in found),
        marked_share=decided.value, marked_low=decided.low, marked_high=decided.high, same=habit.same, same_message=habit.example,
        no_user=habit.constant, begin=habit.begin, opening=habit.opening, alike=habit.alike, fit=habit.fit.value,
        fit_low=habit.fit.low, fit_high=habit.fit.high, at_random=habit.random, told_a_message=habit.told.value,
        unusable=_unusable(found, habit.messages), unusable_ended=any(a.secrets.stop == "format error" for a in found),
        named=named, figures=[FigurePair(**pair._asdict()) for pair in figures],
        own=[pair.all for pair in figures if _of_user(pair.all, found)], ratings=ratings,
        people=_people([a.talk for a in found], people, people_name) if people else None,
    )  # fmt: skip


def _share(values: Sequence[tuple[str, bool]]) -> Estimate:
    return clustered_mean([float(v) for _, v in values], [cluster for cluster, _ in values])


def _row(kind: str, found: Sequence[Audited], people: Sequence[Sequence[Finding]]) -> CheckRow:
    looked = [a for a in found if kind in a.checked]
    hits = [(a, [f for f in a.findings if f.kind == kind]) for a in looked]
    hits = [(a, mine) for a, mine in hits if mine]
    share = _share([(a.cluster, any(f.kind == kind for f in a.findings)) for a in looked]) if looked else None
    example = None
    if hits:  # a certain one before a likely one
        a, f = min(((a, f) for a, mine in hits for f in mine), key=lambda pair: not pair[1].certain)
        example = Example(a.case, a.setting, f.turn, f.quote, f.certain)
    return CheckRow(
        check=kind, means=KINDS[kind], conversations=len(looked), found=len(hits), share=share.value if share else None,
        low=share.low if share else None, high=share.high if share else None,
        certain=sum(any(f.certain for f in mine) for _, mine in hits),
        decides=sum(any(f.decides for f in mine) for _, mine in hits),
        people=_of_people(kind, people), example=example,
    )  # fmt: skip


def _of_people(kind: str, people: Sequence[Sequence[Finding]]) -> float | None:
    if not people or kind not in checked(None):
        return None
    return sum(any(f.kind == kind for f in one) for one in people) / len(people)


def _unusable(found: Sequence[Audited], messages: int) -> float:
    """Of the user's turns: its messages, and the replies that ended a conversation and were never sent."""
    unsent = sum(a.secrets.stop == "format error" for a in found)
    return sum(f.kind == UNUSABLE for a in found for f in a.findings) / max(messages + unsent, 1)


def _of_user(figure: Figure, found: Sequence[Audited]) -> bool:
    """Whether a figure is one that the benchmark has about its user: over all cases and turns."""
    measures = {name for a in found for name in a.secrets.measures}
    return figure.measure in measures and figure.group is None and figure.turn is None and figure.kind == "mean"


def _people(simulated: Sequence[Talk], people: Sequence[Talk], name: str) -> People:
    sim, human = ([[said.text for said in talk.said] for talk in side] for side in (simulated, people))
    rows = compare(sim, human)
    adjusted = holm([math.nan if row.p is None else row.p for row in rows])
    whole = two_sample(sim, human, np.random.default_rng(SEED), ROUNDS)
    style = two_sample(sim, human, np.random.default_rng(SEED), 0, trigrams=False)
    return People(
        name=name, conversations=len(human), messages=sum(map(len, human)),
        features=[_feature(row, float(p)) for row, p in zip(rows, adjusted, strict=True)],
        classifier=_test(whole), style=_test(style),
    )  # fmt: skip


def _feature(row: Row, holm_p: float) -> dict[str, Any]:
    return {**row._asdict(), "p_holm": holm_p if math.isfinite(holm_p) else None}


def _test(found: TwoSample) -> dict[str, Any]:
    return dict(found._asdict())
