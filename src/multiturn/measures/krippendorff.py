"""Krippendorff's alpha: agreement of any number of raters on labels, ranks or numbers, with any values missing.

With n_u values in unit u (units with fewer than two say nothing), n = sum n_u, and d^2 the squared distance of two values,

    D_o = 1/n sum_u 1/(n_u - 1) sum_{i != j in u} d^2_ij,      D_e = 1/(n (n-1)) sum_{i != j of all} d^2_ij,

    alpha = 1 - D_o / D_e

(Krippendorff 2011, "Computing Krippendorff's alpha-reliability"). d^2 by level of measurement: nominal 0 or 1; interval
(a - b)^2; ratio ((a - b) / (a + b))^2; ordinal (r_a - r_b)^2 with the mid-ranks of the values among all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from .agreement_parts import COEFFICIENT, Agreement, Clusters, ends, groups_of, in_order, missing
from .codes import Floats, Ints, add_up, number

Level: TypeAlias = Literal["nominal", "ordinal", "interval", "ratio"]
_GROUPS = 200  # ranks and ratios are computed anew for each set left out: more clusters are pooled


def krippendorff_alpha(ratings: Sequence[Sequence[Any]], level: Level = "nominal", clusters: Clusters = None) -> Agreement:
    """Krippendorff's alpha of units x raters, at most 1; 0 = chance, below 0 = worse. None when all values are equal.

    Interval: delete-one-cluster jackknife; for ranks and ratios over 200 clusters are pooled into 200.
    """
    units = [[v for v in unit if not missing(v)] for unit in ratings]
    kept = [i for i, unit in enumerate(units) if len(unit) > 1]
    values = [v for i in kept for v in units[i]]
    names = in_order(values)
    code = {v: i for i, v in enumerate(names)}
    label = np.array([code[v] for v in values], dtype=np.int64)
    size = np.array([len(units[i]) for i in kept], dtype=np.int64)
    group, groups = groups_of(clusters, kept)
    owner = np.repeat(np.arange(len(kept)), size)
    if level in ("nominal", "interval"):
        numbers = label.astype(np.float64) if level == "nominal" else np.array(names, dtype=np.float64)[label]
        value, left, seen, chance = _by_sums(numbers, label, owner, size, group, groups, nominal=level == "nominal")
    else:
        value, left, seen, chance = _by_pairs(names, label, owner, size, group, groups, ordinal=level == "ordinal")
    low, high = ends(value, left, COEFFICIENT)
    majority = number(np.bincount(label).max() / len(label)) if len(label) else None
    agreed = (number(1 - seen), number(1 - chance)) if level == "nominal" else (None, None)
    return Agreement(number(value), low, high, len(kept), groups, *agreed, majority)


_Found: TypeAlias = tuple[float, Floats, float, float]


def _by_sums(numbers: Floats, label: Ints, owner: Ints, size: Ints, group: Ints, groups: int, *, nominal: bool) -> _Found:
    """Nominal and interval: alpha, alpha without each cluster, D_o, D_e, from sums over units and clusters alone."""
    units, of = len(size), group[owner]
    n = add_up(of, groups)
    if nominal:  # the sum over ordered pairs is n_u^2 - sum of squared counts
        k = int(label.max(initial=-1)) + 1
        pair, times = np.unique(owner * max(k, 1) + label, return_counts=True)
        inside = size**2 - add_up(pair // max(k, 1), units, times.astype(np.float64) ** 2)
        cell, count = np.unique(of * max(k, 1) + label, return_counts=True)
        total = add_up(label, k)
        # Leaving out a cluster changes the counts of its own labels only.
        changed = (total[cell % max(k, 1)] - count) ** 2 - total[cell % max(k, 1)] ** 2
        squares = np.r_[(total**2).sum(), (total**2).sum() + add_up(cell // max(k, 1), groups, changed)]
        size_left = np.r_[n.sum(), n.sum() - n]
        apart = size_left**2 - squares
    else:  # 2 (n sum v^2 - (sum v)^2)
        centred = numbers - numbers.mean() if len(numbers) else numbers
        first, second = add_up(owner, units, centred), add_up(owner, units, centred**2)
        inside = 2 * (size * second - first**2)
        size_left = np.r_[n.sum(), n.sum() - n]
        one, two = add_up(of, groups, centred), add_up(of, groups, centred**2)
        apart = 2 * (size_left * np.r_[two.sum(), two.sum() - two] - np.r_[one.sum(), one.sum() - one] ** 2)
        apart = np.where(apart <= 1e-12 * size_left**2 * max(float(two.sum()), 1e-300) / max(len(numbers), 1), 0.0, apart)
    each = add_up(group, groups, inside / np.maximum(size - 1, 1))
    with np.errstate(all="ignore"):
        seen, chance = np.r_[each.sum(), each.sum() - each] / size_left, apart / (size_left * (size_left - 1))
        alpha = np.where(chance > 0, 1 - seen / chance, np.nan)
    return float(alpha[0]), alpha[1:], float(seen[0]), float(chance[0])


def _by_pairs(names: Sequence[Any], label: Ints, owner: Ints, size: Ints, group: Ints, groups: int, *, ordinal: bool) -> _Found:
    """Ordinal and ratio: the distances of what is left are computed anew for each cluster left out."""
    # All ordered pairs inside a unit, by repeating each value as often as its unit is large.
    start = np.cumsum(size) - size
    first = np.repeat(np.arange(len(label)), size[owner])
    at = np.arange(len(first)) - np.repeat(np.cumsum(size[owner]) - size[owner], size[owner])
    second = start[owner[first]] + at
    weight = 1 / (size[owner[first]] - 1.0)
    pools = min(groups, _GROUPS)
    pool, pool_of_pair = group[owner] % max(pools, 1), group[owner[first]] % max(pools, 1)
    k = len(names)
    values = np.arange(k, dtype=np.float64) if ordinal else np.array(names, dtype=np.float64)
    with np.errstate(all="ignore"):
        far = np.nan_to_num((np.subtract.outer(values, values) / np.add.outer(values, values)) ** 2)

    def alpha(keep: Any, keep_pairs: Any) -> tuple[float, float, float]:
        margin = add_up(label[keep], k)
        n = margin.sum()
        place = np.cumsum(margin) - margin / 2 if ordinal else values
        a, b = place[label[first[keep_pairs]]], place[label[second[keep_pairs]]]
        with np.errstate(all="ignore"):
            if ordinal:
                near, apart = (a - b) ** 2, 2 * (n * (margin @ place**2) - (margin @ place) ** 2)
            else:
                near = np.nan_to_num(((a - b) / (a + b)) ** 2)
                apart = margin @ far @ margin
            seen, chance = (weight[keep_pairs] * near).sum() / n, apart / (n * (n - 1))
            return float(1 - seen / chance) if chance > 0 else float("nan"), float(seen), float(chance)

    value, seen, chance = alpha(slice(None), slice(None))
    left = [alpha(pool != g, pool_of_pair != g)[0] for g in range(pools)]
    return value, np.array(left), seen, chance
