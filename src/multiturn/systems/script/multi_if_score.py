"""Multi-IF's turn score: the mean of four accuracies that rest on different numbers of verdicts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...judges.instructions.grading import MEASURES
from ...measures.codes import Floats, add_up, number
from ...measures.figure import FRACTION, Figure
from ...measures.intervals import interval, satterthwaite
from ...measures.verdict import FAILED, UNMEASURED, Table


def turn_score(table: Table) -> Iterator[Figure]:
    """``score`` at each turn (kind "turn"), in each setting, over all languages and in each.

    score = (P_strict + P_loose + I_strict + I_loose) / 4, P the share of prompts, I of instructions (micro means).
    Interval: delete-one-row jackknife of the score itself, so that the four accuracies of one row move together, on the
    bounded scale of `multiturn.measures.intervals`. (The paper resamples the four apart, instructions as a macro mean.)
    """
    mask = np.isin(table.codes["measure"], [i for i, name in enumerate(table.names["measure"]) if name in MEASURES])
    rows = table.select(mask)
    for setting in rows.present("setting"):
        here = rows.where(setting=setting)
        languages = [name for name in here.present("group") if name]
        for turn in sorted(set(here.turn.tolist()) - {0}):
            at = here.where(turn=turn)
            yield _figure(at, setting, None, turn)
            if len(languages) > 1:
                yield from (_figure(part, setting, name, turn) for name in languages if len(part := at.where(group=name)))


def _figure(rows: Table, setting: str, group: str | None, turn: int) -> Figure:
    sums, counts = _totals(rows)
    lost = np.array([np.sum(rows.where(measure=name).status == UNMEASURED) for name in MEASURES], dtype=np.float64)
    total, count = sums.sum(axis=1), counts.sum(axis=1)
    prompts = rows.where(measure=MEASURES[0])
    clusters = int((counts[0] > 0).sum())
    with np.errstate(all="ignore"):
        value = float(np.mean(total / count))
        without = np.mean((total[:, None] - sums) / (count[:, None] - counts), axis=0)[counts[0] > 0]
        w = value - without
        se = np.sqrt((clusters - 1) / clusters * np.sum(w**2)) if clusters > 1 else np.nan
        ends = _one(value, se, w, clusters)
        worst, best = np.mean(total / (count + lost)), np.mean((total + lost) / (count + lost))
    failed = int(np.sum(prompts.status == FAILED))
    return Figure(
        measure="score", value=number(value), low=number(ends[0]), high=number(ends[1]), setting=setting, group=group,
        turn=turn, n_cases=clusters, n_scored=int(np.sum(prompts.measured)) - failed, n_failed=failed,
        n_unmeasured=int(lost[0]), kind="turn", worst=number(float(worst)), best=number(float(best)),
    )  # fmt: skip


def _totals(rows: Table) -> tuple[Floats, Floats]:
    """Sum and number of verdicts of each accuracy (4) in each row of the file (clusters)."""
    clusters = int(rows.codes["cluster"].max(initial=-1)) + 1
    parts = [part.select(part.measured) for part in (rows.where(measure=name) for name in MEASURES)]
    sums = np.stack([add_up(part.codes["cluster"], clusters, part.value) for part in parts])
    return sums, np.stack([add_up(part.codes["cluster"], clusters) for part in parts])


def _one(value: float, se: float, w: Floats, clusters: int) -> tuple[float, float]:
    groups = np.array([float(clusters)])
    df = satterthwaite(np.array([np.sum(w**2)]), np.array([np.sum(w**4)]), groups)
    low, high = interval(np.array([value]), np.array([se]), df, groups, FRACTION)
    return float(low[0]), float(high[0])
