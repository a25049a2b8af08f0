"""Figures about whole conversations: how long they hold, and how much repeats of the same case differ.

Offered to benchmarks by `multiturn.measures.figures`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from .codes import Floats, add_up, number
from .curves import bounds, named_groups
from .figure import FRACTION, Figure, FigureMaker, Scale
from .intervals import means, totals
from .reliability import Trials, aptitude, pass_all, pass_at, trials
from .survival import Survival, survive
from .verdict import Table


def survival(measure: str, scale: Scale = FRACTION, setting: str = "multi") -> FigureMaker:
    """Turn of the first failure (a value below ``scale.passing``) with censoring, overall and by group.

    Kind "survival": the share without a failure up to and including each turn (``n_scored`` + ``n_failed``: subjects at
    risk there, ``n_unmeasured``: subjects lost by then to a turn that was not measured). Kind "rmst": turns passed before
    the first failure, in turns (counts over all subjects). A subject is a case x repeat. ``worst``/``best``: if every turn
    that was not measured had failed / had passed.
    """

    def figures(table: Table) -> list[Figure]:
        rows = table.where(measure=measure, setting=setting)
        out = list(_survival(rows, None, measure, scale, setting))
        for group in named_groups(rows):
            out += _survival(rows.where(group=group), group, measure, scale, setting)
        return out

    return figures


def _survival(rows: Table, group: str | None, measure: str, scale: Scale, setting: str) -> Iterator[Figure]:
    found = survive(rows, scale.passing)
    if found is None:
        return
    low, high = found, found
    if not bool(rows.measured.all()):
        low = survive(rows, scale.passing, unmeasured=-math.inf) or found
        high = survive(rows, scale.passing, unmeasured=math.inf) or found
    for i, turn in enumerate(found.turn.tolist()):
        yield Figure(
            measure=f"{measure} survival", kind="survival", setting=setting, group=group, turn=turn, unit="fraction",
            value=float(found.value[i]), low=number(found.low[i]), high=number(found.high[i]), worst=_at(low, turn),
            best=_at(high, turn), n_cases=int(found.clusters[i]), n_scored=int(found.at_risk[i] - found.no_reply[i]),
            n_failed=int(found.no_reply[i]), n_unmeasured=int(found.cut[i]),
        )  # fmt: skip
    yield Figure(
        measure=f"{measure} turns before first failure", kind="rmst",
        setting=setting, group=group, unit="turns", value=found.mean, low=number(found.mean_low),
        high=number(found.mean_high), worst=low.mean, best=high.mean, n_cases=found.all_clusters,
        n_scored=found.subjects - found.subjects_cut - found.subjects_no_reply,
        n_failed=found.subjects_no_reply, n_unmeasured=found.subjects_cut,
        note=f"{measure}, of {found.horizon} scored turn{'' if found.horizon == 1 else 's'}",
    )  # fmt: skip


def _at(found: Survival, turn: int) -> float:
    """S at a turn: its value at the last turn somebody was at risk."""
    i = int(np.searchsorted(found.turn, turn, side="right")) - 1
    return float(found.value[i]) if i >= 0 else 1.0


def reliability(measure: str, scale: Scale = FRACTION) -> FigureMaker:
    """Aptitude, unreliability and reliability (kind "reliability") of each setting, in the measure's unit; see
    `multiturn.measures.reliability`. Counts are of cases: ``n_failed`` have a reply that never came in some repeat,
    ``n_unmeasured`` have fewer than two repeats with a value. Nothing without at least two repeats."""
    reach = scale.high - scale.low

    def figures(table: Table) -> list[Figure]:
        out: list[Figure] = []
        rows = table.where(measure=measure)
        for setting in rows.present("setting"):
            found = trials(rows.where(setting=setting), scale.passing)
            has = ~np.isnan(found.score)
            cases = len(found.clusters)
            repeats = add_up(found.case[has], cases)
            if repeats.max(initial=0) < 2:
                continue
            best, spread = aptitude(found.score[has], found.case[has], cases)
            steady = reach - spread if math.isfinite(reach) else np.full(cases, np.nan)
            for name, value, low, high in (
                ("aptitude", best, scale.low, scale.high),
                ("unreliability", spread, 0.0, reach),
                ("reliability", steady, 0.0, reach),
            ):
                out.append(_over_cases(
                    found, np.where(repeats >= 2, value, np.nan), repeats, Scale(low=low, high=high, unit=scale.unit),
                    measure=f"{measure} {name}", kind="reliability", setting=setting,
                ))  # fmt: skip
        return out

    return figures


def pass_k(measure: str, scale: Scale = FRACTION, ks: tuple[int, ...] = (1, 2, 4, 8)) -> FigureMaker:
    """pass@k and pass^k (kind "pass") of each setting for each k of ``ks`` up to the number of repeats, and for that number;
    a trial succeeds if all its verdicts reach ``scale.passing``, so settings with trials of different length (a whole
    conversation, one question) must not be compared; the note says what a trial is. ``n_unmeasured``: cases with fewer than
    k trials whose outcome is known. Nothing without at least two repeats."""

    def figures(table: Table) -> list[Figure]:
        out: list[Figure] = []
        rows = table.where(measure=measure)
        for setting in rows.present("setting"):
            found = trials(rows.where(setting=setting), scale.passing)
            has = ~np.isnan(found.success)
            cases = len(found.clusters)
            n, c = add_up(found.case[has], cases), add_up(found.case[has], cases, found.success[has])
            most = n.max(initial=0)
            for k in sorted({*ks, len(np.unique(rows.repeat))}):
                if most < 2 or k > most:
                    continue
                for sign, value in (("@", pass_at(n, c, k)), ("^", pass_all(n, c, k))):
                    out.append(_over_cases(
                        found, value, n, FRACTION, measure=f"{measure} pass{sign}{k}", kind="pass", setting=setting
                    ))  # fmt: skip
        return out

    return figures


def _over_cases(found: Trials, value: Floats, repeats: Floats, scale: Scale, *, measure: str, kind: str,
                setting: str) -> Figure:  # fmt: skip
    """The mean of one value a case (NaN = not measured), clustered."""
    has = ~np.isnan(value)
    used = found.clusters[has]
    stats = means(totals(value[has], used, np.zeros_like(used), 1), 1, scale)
    lost = int((~has).sum())
    silent = int((add_up(found.case, len(found.clusters), found.failed)[has] > 0).sum())
    worst, best = bounds(stats.value, stats.n, np.array([lost]), scale.low, scale.high)
    trial = f"; a trial is {'one question asked alone' if setting == 'single' else 'a whole conversation'}"
    fewest, most = (int(repeats[has].min()), int(repeats[has].max())) if has.any() else (0, 0)
    return Figure(
        measure=measure, kind=kind, setting=setting, unit=scale.unit, value=number(stats.value[0]),
        low=number(stats.low[0]), high=number(stats.high[0]), worst=number(worst[0]), best=number(best[0]),
        n_cases=int(stats.clusters[0]), n_scored=int(stats.n[0]) - silent, n_failed=silent, n_unmeasured=lost,
        note=f"{most} repeats{trial}" if fewest == most else f"{fewest} to {most} repeats{trial}",
    )  # fmt: skip
