"""Clustered bootstrap of a mean: whole clusters are drawn with replacement (Field & Welsh 2007, JRSS B 69:369).

Only the sum and the count of each cluster matter, and clusters with equal sum and count are interchangeable: the draw is
one multinomial over the distinct (sum, count) pairs. Binary verdicts have few of them, so a round costs next to nothing
however many clusters there are.
"""

from __future__ import annotations

import numpy as np

from .codes import Floats, Ints
from .intervals import LEVEL, totals

CHUNK = 200_000  # draws at once: they stay in the cache


def bootstrap_means(value: Floats, cluster: Ints, random: np.random.Generator, rounds: int = 1000) -> Floats:
    """``rounds`` resampled means of ``value``, drawing whole clusters. The order of the rows does not matter."""
    keep = ~np.isnan(value)
    by = totals(value[keep], cluster[keep], np.zeros(int(keep.sum()), dtype=np.int64), 1)
    clusters = len(by.n)
    if clusters == 0:
        return np.full(rounds, np.nan)
    kinds, times = np.unique(np.column_stack([by.total, by.n]), axis=0, return_counts=True)
    if len(kinds) * 8 <= clusters or len(kinds) == 1:
        drawn = random.multinomial(clusters, times / clusters, size=rounds)
        return np.asarray(drawn @ kinds[:, 0] / (drawn @ kinds[:, 1]))
    each = np.repeat(kinds, times, axis=0)
    sums, counts = np.ascontiguousarray(each[:, 0]), np.ascontiguousarray(each[:, 1])
    even = bool((counts == counts[0]).all())
    out = np.empty(rounds)
    step = max(1, CHUNK // clusters)
    for start in range(0, rounds, step):
        pick = random.integers(0, clusters, size=(min(step, rounds - start), clusters))
        below = clusters * counts[0] if even else counts[pick].sum(axis=1)
        out[start : start + len(pick)] = sums[pick].sum(axis=1) / below
    return out


def bootstrap_interval(value: Floats, cluster: Ints, random: np.random.Generator, rounds: int = 1000,
                       level: float = LEVEL) -> tuple[float, float]:  # fmt: skip
    """Percentile interval of the clustered mean. With under about 30 clusters, or near the ends of a scale, it is too
    narrow: `multiturn.measures.intervals` is what figures use; this is for comparison and for statistics without a formula."""
    low, high = np.quantile(bootstrap_means(value, cluster, random, rounds), [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)
