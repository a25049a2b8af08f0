"""Agreement of any number of raters on labels: rows are items, columns raters, missing values left out.

Fleiss' kappa, Gwet's AC and Randolph's kappa see the same agreement and differ in what they call chance. Item i has r_i
ratings, r_ik of label k; with weights w_kl (1 on the diagonal, see `agreement_parts.closeness`):

    p_a = mean over items with r_i >= 2 of  sum_k r_ik (sum_l w_kl r_il - 1) / (r_i (r_i - 1)),
    pi_k = mean over items with r_i >= 1 of  r_ik / r_i,          coefficient = (p_a - p_e) / (1 - p_e)

(Gwet 2014, Handbook of Inter-Rater Reliability, 4th ed., ch. 4 and 5).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .agreement_parts import COEFFICIENT, Agreement, Clusters, Weights, closeness, ends, groups_of, levels_of, missing
from .codes import Floats, add_up, number
from .intervals import Estimate, clustered_mean
from .krippendorff import Level, krippendorff_alpha

Ratings: TypeAlias = "Sequence[Sequence[Hashable]]"
_Chance: TypeAlias = Callable[[Floats, Floats], Floats]


def fleiss_kappa(
    ratings: Ratings, clusters: Clusters = None, weights: Weights = "none", labels: Sequence[Any] | None = None
) -> Agreement:
    """Fleiss' kappa, from -1 to 1: p_e = sum_kl w_kl pi_k pi_l (Fleiss 1971, Psychological Bulletin 76:378).

    Raises `ValueError` when items differ in their number of raters: use `krippendorff_alpha` then.
    """
    m = {sum(not missing(v) for v in row) for row in ratings}
    if len(m) > 1 or (m and min(m) < 2):
        raise ValueError(f"Fleiss' kappa needs the same number of raters (2 or more) for every item, not {sorted(m)}")
    return _corrected(ratings, clusters, weights, labels, lambda share, near: ((share @ near) * share).sum(axis=1))


def gwet_ac(
    ratings: Ratings, clusters: Clusters = None, weights: Weights = "none", labels: Sequence[Any] | None = None
) -> Agreement:
    """Gwet's AC1, with weights AC2, at most 1: p_e = sum(w) / (K (K-1)) * sum_k pi_k (1 - pi_k) for K labels.

    Does not collapse where one label is frequent, as kappa does; with skewed labels it can be high although the ratings do
    not correlate: show both (Gwet 2008, British J. Mathematical and Statistical Psychology 61:29). ``labels``: all that
    could have been given (default: those that were); None when there is only one.
    """

    def chance(share: Floats, near: Floats) -> Floats:
        k = len(near)
        with np.errstate(all="ignore"):
            return np.asarray(near.sum() / (k * (k - 1.0)) * (share * (1 - share)).sum(axis=1))

    return _corrected(ratings, clusters, weights, labels, chance)


def randolph_kappa(
    ratings: Ratings, clusters: Clusters = None, weights: Weights = "none", labels: Sequence[Any] | None = None
) -> Agreement:
    """Randolph's free-marginal kappa: every label equally likely by chance, p_e = sum(w) / K^2, without weights 1 / K.

    (Randolph 2005, ERIC ED490661; for two raters Brennan & Prediger 1981 and Bennett's S.) ``labels``: all that could have
    been given: their number decides the value. None when there is only one.
    """
    return _corrected(
        ratings, clusters, weights, labels, lambda share, near: np.full(len(share), near.sum() / max(len(near), 1) ** 2)
    )


def _corrected(
    ratings: Ratings, clusters: Clusters, weights: Weights, labels: Sequence[Any] | None, chance: _Chance
) -> Agreement:
    """(p_a - p_e) / (1 - p_e) with the jackknife over clusters of items."""
    kept = [i for i, row in enumerate(ratings) if any(not missing(v) for v in row)]
    given = [[v for v in ratings[i] if not missing(v)] for i in kept]
    code = levels_of([v for row in given for v in row], labels)
    k, items = max(len(code), 1), len(kept)
    size = np.array([len(row) for row in given], dtype=np.int64)
    label = np.array([code[v] for row in given for v in row], dtype=np.int64)
    counts = add_up(np.repeat(np.arange(items), size) * k + label, items * k).reshape(items, k)
    near = closeness(k, weights)
    pairs = size * (size - 1.0)
    with np.errstate(all="ignore"):
        agree = np.where(pairs > 0, (counts * (counts @ near - 1)).sum(axis=1) / pairs, 0.0)
        share = counts / size[:, None]
    group, groups = groups_of(clusters, kept)
    by = np.column_stack([add_up(group, groups, agree), add_up(group, groups, pairs > 0), add_up(group, groups),
                          *(add_up(group, groups, share[:, j]) for j in range(k))])  # fmt: skip
    total = by.sum(axis=0)

    def coefficient(sums: Floats) -> tuple[Floats, Floats, Floats]:
        with np.errstate(all="ignore"):
            seen, expected = sums[:, 0] / sums[:, 1], chance(sums[:, 3:] / sums[:, 2:3], near)
            return np.where(expected < 1 - 1e-12, (seen - expected) / (1 - expected), np.nan), seen, expected

    value, seen, expected = (float(x[0]) for x in coefficient(total[None]))
    low, high = ends(value, coefficient(total - by)[0], COEFFICIENT)
    majority = number(np.bincount(label).max() / len(label)) if len(label) else None
    return Agreement(number(value), low, high, int(total[1]), groups, number(seen), number(expected), majority)


class Retest(NamedTuple):
    """A judge asked the same thing again. ``same``: chance that two of its answers to an item are equal; ``alpha``: the same
    beyond chance (1 = it always repeats itself, 0 = as if it drew its answers); ``constant``: it only ever said one thing,
    so that repeating itself proves nothing (and alpha does not exist)."""

    same: Estimate
    alpha: Agreement
    constant: bool


def retest(ratings: Sequence[Sequence[Any]], level: Level = "nominal", clusters: Clusters = None) -> Retest:
    """Test-retest reliability of one judge: a row an item, a column a repeat, missing answers left out."""
    units = [[v for v in unit if not missing(v)] for unit in ratings]
    kept = [i for i, unit in enumerate(units) if len(unit) > 1]
    equal = []
    for i in kept:
        times = np.unique([repr(v) for v in units[i]], return_counts=True)[1]
        equal.append(float((times * (times - 1)).sum() / (len(units[i]) * (len(units[i]) - 1))))
    same = clustered_mean(equal, groups_of(clusters, kept)[0])
    values = {v for i in kept for v in units[i]}
    return Retest(same, krippendorff_alpha(ratings, level, clusters), len(values) == 1)
