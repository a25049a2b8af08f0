"""The score of each ability, and over all: means of means, so that a large set weighs no more than a small one."""

from __future__ import annotations

import numpy as np

from ...conversation import DataError
from ...measures.figure import FRACTION, Figure, FigureMaker
from ...measures.intervals import clustered_mean
from ...measures.verdict import FAILED, SCORED, UNMEASURED, Table
from .memoryagentbench_data import ABILITIES, set_of


def abilities(measure: str) -> FigureMaker:
    """Kind "mean", measure "ability": for each ability the unweighted mean over its sets of the mean over questions; and
    "overall", the unweighted mean over abilities.

    Interval: those of the sets' means (clustered by context) combined by MOVER (Zou & Donner 2008, Statistics in Medicine
    27:1693): m - sqrt(sum w^2 (m_s - low_s)^2) to m + sqrt(sum w^2 (high_s - m_s)^2), w the weight of set s. None where a set
    has fewer than two contexts.
    """

    def figures(table: Table) -> list[Figure]:
        rows = table.where(measure=measure)
        out: list[Figure] = []
        for setting in rows.present("setting"):
            of = rows.where(setting=setting)
            sets: dict[str, list[Table]] = {name: [] for name in ABILITIES}
            for group in of.present("group"):
                if (ability := _ability(group)) is not None:
                    sets[ability].append(of.where(group=group))
            for ability, tables in sets.items():
                if tables:
                    out.append(_mean_of_means([tables], "ability", setting, ability))
            present = [tables for tables in sets.values() if tables]
            if len(present) > 1:
                out.append(_mean_of_means(present, "overall", setting, None))
        return out

    return figures


def _ability(group: str) -> str | None:
    try:
        return set_of(group).ability
    except DataError:
        return None


def _mean_of_means(abilities: list[list[Table]], measure: str, setting: str, group: str | None) -> Figure:
    sets = [(rows, 1 / (len(abilities) * len(tables))) for tables in abilities for rows in tables]
    value = below = above = 0.0
    whole = steady = True
    contexts = 0
    for rows, weight in sets:
        found = clustered_mean(np.where(rows.measured, rows.value, np.nan), rows.text("cluster"), FRACTION)
        contexts += found.n_clusters
        if found.value is None:
            whole = False
            continue
        value += weight * found.value
        if found.low is None or found.high is None:
            steady = False
            continue
        below += (weight * (found.value - found.low)) ** 2
        above += (weight * (found.high - found.value)) ** 2
    scored, failed, lost = (
        sum(int((rows.status == status).sum()) for rows, _ in sets) for status in (SCORED, FAILED, UNMEASURED)
    )
    ranged = whole and steady
    return Figure(
        measure=measure, setting=setting, group=group, value=value if whole else None,
        low=max(0.0, value - below**0.5) if ranged else None, high=min(1.0, value + above**0.5) if ranged else None,
        n_cases=contexts, n_scored=scored, n_failed=failed, n_unmeasured=lost,
        note=f"mean of {len(sets)} sets" if whole else "a set has no score",
    )  # fmt: skip
