"""What in-place feedback is compared by: cells before and after, McNemar's test, the ratio of characters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from ...measures.figure import Figure, FigureMaker
from ...measures.verdict import Table


def cell_changes(
    gold: Mapping[str, str], before: Mapping[str, str], after: Mapping[str, str], corrected: str, follows: tuple[str, ...]
) -> dict[str, float]:
    """What one correction did to the cells of an answer (fractions; those without a denominator are left out).

    acceptance    the corrected cell holds its right value
    preservation  cells right before, other than the corrected one, that are still right
    propagation   cells wrong (or missing) before that follow from the corrected one (``follows``) and are right now
    new_errors    cells right before that are wrong or missing now, the corrected one included
    """
    was = {key: before.get(key) == value for key, value in gold.items()}
    now = {key: after.get(key) == value for key, value in gold.items()}
    parts = {
        "acceptance": [now[corrected]] if corrected else [],
        "preservation": [now[key] for key in gold if was[key] and key != corrected],
        "propagation": [now[key] for key in follows if not was[key]],
        "new_errors": [not now[key] for key in gold if was[key]],
    }
    return {name: sum(values) / len(values) for name, values in parts.items() if values}


def mcnemar(measure: str, a: str = "in-place", b: str = "multi") -> FigureMaker:
    """McNemar's exact test of two settings on the same cases at the last turn: the value is the share of pairs that only ``a``
    has right minus the share that only ``b`` has right; the note gives both counts and the two-sided p-value."""

    def figures(table: Table) -> Iterator[Figure]:
        rows = table.where(measure=measure)
        sides = []
        for setting in (a, b):
            side = rows.where(setting=setting)
            last = int(side.turn.max(initial=0))
            side = side.where(turn=last)
            keys = zip(side.text("cluster"), side.repeat.tolist(), strict=True)
            sides.append({k: v for k, v, ok in zip(keys, side.value.tolist(), side.measured.tolist(), strict=True) if ok})
        both = sorted(set(sides[0]) & set(sides[1]))
        if not both:
            return
        only_a = sum(sides[0][k] > sides[1][k] for k in both)
        only_b = sum(sides[0][k] < sides[1][k] for k in both)
        yield Figure(
            measure=f"{measure} McNemar", kind="difference", setting=f"{a} - {b}", value=(only_a - only_b) / len(both),
            n_cases=len({cluster for cluster, _ in both}), n_scored=len(both),
            n_unmeasured=len(set(sides[0]) | set(sides[1])) - len(both),
            note=f"{only_a} only {a}, {only_b} only {b}; exact p = {exact_p(only_a, only_b):.3f}",
        )  # fmt: skip

    return figures


def exact_p(b: int, c: int) -> float:
    """Two-sided binomial p-value of b against c discordant pairs."""
    n = b + c
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(min(b, c) + 1)) / 2**n) if n else 1.0


def ratio(measure: str, a: str = "in-place", b: str = "multi", rounds: int = 2000) -> FigureMaker:
    """Total of ``a`` / total of ``b`` over the cases that both have, with a percentile bootstrap over cases (fixed seed)."""

    def figures(table: Table) -> Iterator[Figure]:
        rows = table.where(measure=measure)
        sums: list[dict[str, float]] = []
        for setting in (a, b):
            side = rows.where(setting=setting)
            side = side.select(side.measured)
            found: dict[str, float] = {}
            for cluster, value in zip(side.text("cluster"), side.value.tolist(), strict=True):
                found[cluster] = found.get(cluster, 0.0) + value
            sums.append(found)
        both = sorted(set(sums[0]) & set(sums[1]))
        pairs = np.array([[sums[0][k], sums[1][k]] for k in both], dtype=np.float64).reshape(-1, 2)
        if not len(pairs) or pairs[:, 1].sum() <= 0:
            return
        draws = pairs[np.random.default_rng(0).integers(0, len(pairs), size=(rounds, len(pairs)))].sum(axis=1)
        spread = draws[:, 0] / np.maximum(draws[:, 1], 1e-12)
        low, high = np.quantile(spread, [0.025, 0.975]) if len(pairs) > 1 else (None, None)
        total = pairs.sum(axis=0)
        yield Figure(
            measure=f"{measure} ratio", kind="ratio", setting=f"{a} / {b}", value=float(total[0] / total[1]), unit="",
            low=None if low is None else float(low), high=None if high is None else float(high),
            n_cases=len(both), n_scored=len(both), n_unmeasured=len(set(sums[0]) | set(sums[1])) - len(both),
            note="bootstrap over cases",
        )  # fmt: skip

    return figures
