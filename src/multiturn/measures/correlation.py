"""Agreement of two raters who give numbers: correlations, and how many pairs they put in the same order.

Intervals: see `multiturn.measures.agreement_parts`; missing values (NaN) are left out in pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from .agreement_parts import COEFFICIENT, Agreement, Clusters, codes, ends, groups_of, numbers
from .codes import Floats, add_up, number
from .figure import FRACTION, Scale
from .intervals import clustered_mean

_GROUPS = 200  # leave-one-out sets of a measure that must be computed anew for each; more clusters are pooled
_CHUNK = 4_000_000


def pearson(a: ArrayLike, b: ArrayLike, clusters: Clusters = None) -> Agreement:
    """Pearson's correlation, -1 to 1. None when one side is constant. Linear in the values."""
    x, y, keep = numbers(a, b)
    group, groups = groups_of(clusters, keep)
    x, y = x - x.mean() if len(x) else x, y - y.mean() if len(y) else y
    by = np.column_stack([add_up(group, groups), *(add_up(group, groups, v) for v in (x, y, x * x, y * y, x * y))])
    total = by.sum(axis=0)

    def correlation(sums: Floats) -> Floats:
        n, sx, sy, xx, yy, xy = sums.T
        with np.errstate(all="ignore"):
            vx, vy = xx - sx * sx / n, yy - sy * sy / n
            flat = (vx <= 1e-12 * xx) | (vy <= 1e-12 * yy) | (n < 2)
            return np.where(flat, np.nan, np.clip((xy - sx * sy / n) / np.sqrt(vx * vy), -1, 1))

    value = float(correlation(total[None])[0])
    low, high = ends(value, correlation(total - by), COEFFICIENT)
    return Agreement(number(value), low, high, len(keep), groups)


def spearman(a: ArrayLike, b: ArrayLike, clusters: Clusters = None) -> Agreement:
    """Spearman's rank correlation: Pearson's of the mid-ranks (Spearman 1904), -1 to 1. None when one side is constant.

    The jackknife ranks anew each time; over 200 clusters are pooled into 200 (Kott 2001, J. Official Statistics 17:521).
    """
    x, y, keep = numbers(a, b)
    group, groups = groups_of(clusters, keep)
    value = _rank_correlation(x, y)
    pools = min(groups, _GROUPS)
    left = [_rank_correlation(x[group % pools != g], y[group % pools != g]) for g in range(pools)]
    low, high = ends(value, np.array(left), COEFFICIENT)
    return Agreement(number(value), low, high, len(keep), groups)


def _rank_correlation(x: Floats, y: Floats) -> float:
    x, y = midranks(x), midranks(y)
    x, y = x - x.mean() if len(x) else x, y - y.mean() if len(y) else y
    with np.errstate(all="ignore"):
        return float(np.clip((x @ y) / np.sqrt((x @ x) * (y @ y)), -1, 1))


def midranks(values: Floats) -> Floats:
    """Ranks from 1, ties share the mean of theirs."""
    _, code, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2)[code.reshape(-1)])


def mean_correlation(
    a: ArrayLike, b: ArrayLike, groups: Sequence[Hashable], kind: Callable[[Floats, Floats], Agreement] = spearman
) -> Agreement:
    """The mean of the correlations inside each group (of the answers to one question, say), which are the clusters.

    Groups in which one side is constant have no correlation and are left out; ``n`` counts the groups used.
    """
    x, y, keep = numbers(a, b)
    code, names = codes(groups[i] for i in keep)
    order = np.argsort(code, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(code, minlength=len(names)))[:-1]) if len(names) else []
    inside = [kind(x[part], y[part]).value for part in parts]
    found = clustered_mean([np.nan if v is None else v for v in inside], np.arange(len(inside)), COEFFICIENT)
    return Agreement(found.value, found.low, found.high, found.n_values, found.n_clusters)


def kendall(a: ArrayLike, b: ArrayLike, clusters: Clusters = None) -> Agreement:
    """Kendall's tau-b: (C - D) / sqrt((n0 - n1)(n0 - n2)), pairs tied on a side taken from its root (Kendall 1945,
    Biometrika 33:239), -1 to 1. None when one side is constant. Quadratic in the values."""

    def tau(sums: Floats) -> Floats:
        with np.errstate(all="ignore"):
            return np.asarray(sums[:, 0] / np.sqrt(sums[:, 1] * sums[:, 2]))

    return _over_pairs(a, b, clusters, lambda x, y: (x * y, x * x, y * y), tau, COEFFICIENT)


def pairwise_accuracy(scores: ArrayLike, truth: ArrayLike, clusters: Clusters = None, *, ties: bool = False) -> Agreement:
    """The share of pairs of items that ``scores`` orders as ``truth`` does, 0 to 1.

    Pairs tied in ``truth`` are left out and a tie of ``scores`` is half right: (tau-like) 0.5 for a constant judge. With
    ``ties`` all pairs count and a tie is right where both tie (acc_eq of Deutsch et al. 2023, arXiv 2305.14324).
    """

    def share(sums: Floats) -> Floats:
        with np.errstate(all="ignore"):
            return np.asarray(sums[:, 0] / sums[:, 1])

    def terms(x: Floats, y: Floats) -> tuple[Floats, ...]:
        if ties:
            return (x == y).astype(np.float64), np.ones_like(x)
        return (x * y + 1) / 2 * np.abs(y), np.abs(y)

    return _over_pairs(scores, truth, clusters, terms, share, FRACTION)


def _over_pairs(a: ArrayLike, b: ArrayLike, clusters: Clusters, terms: Callable[[Floats, Floats], tuple[Floats, ...]],
                statistic: Callable[[Floats], Floats], scale: Scale) -> Agreement:  # fmt: skip
    """A statistic of sums over ordered pairs of values, given the signs of their differences on both sides. Leaving out a
    cluster takes away the pairs that touch it: its row and column sums less those inside it."""
    x, y, keep = numbers(a, b)
    group, groups = groups_of(clusters, keep)
    n = len(keep)
    count = len(terms(np.zeros((1, 1)), np.zeros((1, 1))))
    touch, inside = np.zeros((groups, count)), np.zeros((groups, count))
    step = max(1, _CHUNK // max(n, 1))
    for start in range(0, n, step):
        rows = slice(start, start + step)
        sx, sy = np.sign(x[rows, None] - x[None]), np.sign(y[rows, None] - y[None])
        same = group[rows, None] == group[None]
        other = np.arange(n)[rows, None] != np.arange(n)[None]
        for t, term in enumerate(terms(sx, sy)):
            term = term * other
            np.add.at(touch[:, t], group[rows], term.sum(axis=1))
            np.add.at(inside[:, t], group[rows], (term * same).sum(axis=1))
    total = touch.sum(axis=0)
    value = float(statistic(total[None])[0])
    low, high = ends(value, statistic(total - 2 * touch + inside), scale)
    return Agreement(number(value), low, high, n, groups)
