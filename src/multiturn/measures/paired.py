"""Paired differences: the same questions in two settings (or by two models).

Verdicts are joined on (cluster, item) (the turn number where ``item`` is empty); repeats and duplicates are averaged within
each side; d_i = a_i - b_i for each pair; the mean difference D is over pairs, its interval a t interval clustered by
``cluster`` (see `intervals` for the standard error and the degrees of freedom), the p-value that of the same t statistic
(two-sided, H0: no difference). Pairing on clustered items follows Miller 2024, arXiv 2411.00640.

Effect size: the paired standardised difference with Hedges' correction (Hedges 1981, J. Educational Statistics 6:107;
Lakens 2013, Frontiers in Psychology 4:863, there d_z):

    g = J * D / s,   s^2 = G/(G-1) * sum_i (d_i - D)^2 / N,   J = 1 - 3 / (4 (G - 1) - 1)

with G clusters and N pairs: how large the difference is beside its spread from question to question (0.2 small, 0.5
middle, 0.8 large, by custom). Its interval is D / s's cluster jackknife with Student's t, G - 1 degrees of freedom.
Where all pairs differ by the same amount the spread is 0: g is 0 for no difference and does not exist otherwise.

Limit: where only a handful of pairs differ at all, the test is cautious (like a sign test of those few): it rejects less
often than 5 % when there is no difference, and the detectable difference may be larger than stated.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import stdtr

from .codes import Bools, Floats, Ints, add_up, combine, compact, number
from .figure import FRACTION, Scale
from .intervals import means, t_quantile, totals
from .verdict import FAILED, UNMEASURED, Table


class Pairs(NamedTuple):
    """One row a question that both sides hold; ``cluster`` and ``group`` in the codes of the first table.

    ``difference`` a - b is NaN where a side was not measured (lost); ``worst``/``best`` fill that side in at the ends of
    the scale. ``failed``: a side has a turn without a reply.
    """

    cluster: Ints
    group: Ints
    difference: Floats
    worst: Floats
    best: Floats
    failed: Bools


class Difference(NamedTuple):
    """A paired difference (a - b), None where a number does not exist. ``n_pairs`` are in the mean, ``n_failed`` of them
    with a reply that never came, ``n_lost`` are not in it because a side was not measured."""

    value: float | None
    low: float | None
    high: float | None
    se: float | None
    df: float
    p: float | None
    effect: float | None
    effect_low: float | None
    effect_high: float | None
    n_clusters: int
    n_pairs: int
    n_failed: int
    n_lost: int
    worst: float | None
    best: float | None


class Joined(NamedTuple):
    """Two tables of one measure by question: one row a question that either side holds.

    ``at_a``/``at_b``: the question of each row of the tables. ``a``/``b``: the mean of its measured values on that side (NaN:
    absent or not measured). ``turn``: where it stands on side b if that side holds it, else on side a. ``cluster`` and ``group``
    in the codes of the first table (new names after them).
    """

    at_a: Ints
    at_b: Ints
    cluster: Ints
    group: Ints
    turn: Ints
    a: Floats
    b: Floats


def join(a: Table, b: Table, *, by_group: bool = False) -> Joined:
    """Bring the rows of two tables together. ``by_group``: verdicts of one question in different groups are two questions."""
    cluster, clusters = _shared_codes(a, b, "cluster")
    group, groups = _shared_codes(a, b, "group")
    item, items = _shared_codes(a, b, "item")
    turn = np.concatenate([a.turn, b.turn])
    turns = int(turn.max(initial=0)) + 1
    item = np.where(item == items.get("", -1), turn, turns + item)
    key, size = combine((cluster, len(clusters)), (item, turns + len(items)))
    if by_group:
        key, size = combine((key, size), (group, len(groups)))
    present, position = compact(key, size)
    owner = np.zeros((3, len(present)), dtype=np.int64)
    owner[0, position], owner[1, position], owner[2, position] = cluster, group, turn
    at_a, at_b = position[: len(a)], position[len(a) :]
    n = len(present)
    return Joined(at_a, at_b, owner[0], owner[1], owner[2], _mean(a, at_a, n), _mean(b, at_b, n))


def _mean(table: Table, at: Ints, n: int) -> Floats:
    has = table.measured
    with np.errstate(all="ignore"):
        return add_up(at[has], n, table.value[has]) / add_up(at[has], n)


def pairs(a: Table, b: Table, scale: Scale = FRACTION, *, by_group: bool = False) -> Pairs:
    """The questions that both of two tables of one measure hold; ``by_group`` as in `join`."""
    by = join(a, b, by_group=by_group)
    n = len(by.cluster)
    both = (add_up(by.at_a, n) > 0) & (add_up(by.at_b, n) > 0)
    worst_a, best_a = _bounded(a, by.at_a, n, scale.low, scale.high)
    worst_b, best_b = _bounded(b, by.at_b, n, scale.high, scale.low)
    failed = add_up(np.concatenate([by.at_a, by.at_b]), n, np.concatenate([a.status, b.status]) == FAILED) > 0
    return Pairs(by.cluster[both], by.group[both], (by.a - by.b)[both], (worst_a - worst_b)[both], (best_a - best_b)[both],
                 failed[both])  # fmt: skip


def _shared_codes(a: Table, b: Table, field: str) -> tuple[Ints, dict[str, int]]:
    """A text column of both tables, one after the other, in codes that mean the same in both (those of ``a``, then new ones)."""
    code = {name: i for i, name in enumerate(a.names[field])}
    into = [code.setdefault(name, len(code)) for name in b.names[field]]
    return np.concatenate([a.codes[field], np.array(into, dtype=np.int64)[b.codes[field]]]), code


def _bounded(table: Table, at: Ints, n: int, worst: float, best: float) -> tuple[Floats, Floats]:
    """Mean of each question's values with those that were not measured at two stand-ins."""
    has = table.measured
    total, count = add_up(at[has], n, table.value[has]), add_up(at[has], n)
    lost = add_up(at[table.status == UNMEASURED], n)
    with np.errstate(all="ignore"):
        low = (total + np.where(lost > 0, lost * worst, 0.0)) / (count + lost)
        high = (total + np.where(lost > 0, lost * best, 0.0)) / (count + lost)
        return low, high


def differences(found: Pairs, cell: Ints, cells: int, scale: Scale = FRACTION) -> list[Difference]:
    """The paired difference of each of ``cells`` cells; ``cell`` assigns each pair to one."""
    has = ~np.isnan(found.difference)
    d, where = found.difference[has], cell[has]
    by = totals(d, found.cluster[has], where, cells)
    reach = scale.high - scale.low
    stats = means(by, cells, Scale(low=-reach, high=reach), wilson=False)
    squares = totals(d**2, found.cluster[has], where, cells).total
    effect = _effect(by.cell, by.total, squares, by.n, cells)
    failed, lost, size = add_up(where, cells, found.failed[has]), add_up(cell[~has], cells), add_up(cell, cells)
    with np.errstate(all="ignore"):
        worst, best = add_up(cell, cells, found.worst) / size, add_up(cell, cells, found.best) / size
    out = []
    for i in range(cells):
        value, se, df, clusters = stats.value[i], stats.se[i], float(stats.df[i]), int(stats.clusters[i])
        out.append(
            Difference(
                number(value), number(stats.low[i]), number(stats.high[i]), number(se), df, _p(value, se, df, clusters, reach),
                number(effect[0][i]), number(effect[1][i]), number(effect[2][i]),
                clusters, int(stats.n[i]), int(failed[i]), int(lost[i]),
                number(worst[i]), number(best[i]),
            )
        )  # fmt: skip
    return out


def paired(a: Table, b: Table, scale: Scale = FRACTION) -> Difference:
    """The paired difference a - b of two tables of one measure (two settings of a run, or the runs of two models)."""
    found = pairs(a, b, scale)
    return differences(found, np.zeros_like(found.cluster), 1, scale)[0]


def _p(value: float, se: float, df: float, clusters: int, reach: float) -> float | None:
    """Two-sided p-value. Without any variation: the sign-flip randomisation test, 2^(1-G) if every cluster moved."""
    if clusters < 2:
        return None
    nothing = 1e-10 * (reach if np.isfinite(reach) else max(abs(value), 1e-300))  # rounding of sums, not variation
    if se > nothing:
        return float(2 * stdtr(df, -abs(value) / se))
    return 1.0 if abs(value) <= nothing else float(2.0 ** (1 - clusters))


def _effect(cell: Ints, total: Floats, squares: Floats, count: Floats, cells: int) -> tuple[Floats, Floats, Floats]:
    """Hedges' g of each cell with its cluster-jackknife interval, from the sums by cluster."""
    clusters, n = add_up(cell, cells), add_up(cell, cells, count)
    t, q = add_up(cell, cells, total), add_up(cell, cells, squares)

    def standardised(t: Floats, q: Floats, n: Floats) -> Floats:
        mean = t / n
        spread = q / n - mean**2
        spread = np.where(spread <= 1e-12 * q / n, 0.0, spread)
        return np.where(spread > 0, mean / np.sqrt(spread), np.where(mean == 0, 0.0, np.nan))

    with np.errstate(all="ignore"):
        # J is exactly 0 at one degree of freedom: two clusters say nothing about the spread.
        factor = np.where(clusters > 2, (1 - 3 / (4 * (clusters - 1) - 1)) * np.sqrt((clusters - 1) / clusters), np.nan)
        g = factor * standardised(t, q, n)
        without = factor[cell] * standardised(t[cell] - total, q[cell] - squares, n[cell] - count)
        centre = add_up(cell, cells, without) / clusters
        se = np.sqrt((clusters - 1) / clusters * add_up(cell, cells, (without - centre[cell]) ** 2))
    half = np.where(se > 0, t_quantile(np.maximum(clusters - 1, 1)) * se, np.nan)
    return g, g - half, g + half
