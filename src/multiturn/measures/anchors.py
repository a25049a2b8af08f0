"""A few items that stand for many (anchors), and estimates of the score on all items from the answers to those few.

Source: tinyBenchmarks, Maia Polo et al. 2024, arXiv 2402.14992. Scores y are between 0 and 1, NaN = not measured. The score of
a model on all N items is  sum_i w_i y_i / sum_i w_i  with balance weights w.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .codes import Floats, Ints
from .irt import Items, ability, probability

ESTIMATES = ("IRT", "p-IRT", "gp-IRT")


class Anchors(NamedTuple):
    """Positions of the chosen items, ascending, and what each stands for: weights that sum to 1."""

    position: Ints
    weight: Floats


def balance_weights(groups: Sequence[str]) -> Floats:
    """w_i = N / (n_groups * n_g) for an item of group g with n_g items: then the mean of w*y over all items is the mean of the
    groups' means. The weights sum to N."""
    _, code, size = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True, return_counts=True)
    return np.asarray(len(code) / (len(size) * size[code.reshape(-1)]))


def weighted_score(y: Floats, weights: Floats) -> Floats:
    """The weighted mean of each row over its measured items; NaN for a row without any."""
    has = ~np.isnan(y)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(has, y * weights, 0.0).sum(axis=-1) / (has * weights).sum(axis=-1))


# -- choosing -----------------------------------------------------------------------------------------------------
def cluster_anchors(embedding: Floats, weights: Floats, count: int, random: np.random.Generator) -> Anchors:
    """``count`` clusters of items by weighted k-means on the rows of ``embedding`` (items, features); the anchor of a cluster
    is its item nearest to the centroid, its weight the cluster's share of all weights.

    Seeding is k-means++ (Arthur & Vassilvitskii 2007), then Lloyd's iterations. No cluster is ever empty, and an anchor
    belongs to its own cluster (the released code takes the nearest item of any cluster, and so may take one twice).
    """
    n = len(embedding)
    if not 1 <= count <= n:
        raise ValueError(f"{count} anchors of {n} items")
    if count == n:
        return Anchors(np.arange(n), weights / weights.sum())
    label, centre = _kmeans(embedding, weights, count, random)
    distance = ((embedding - centre[label]) ** 2).sum(axis=1)
    order = np.lexsort((np.arange(n), distance, label))
    first = order[np.searchsorted(label[order], np.arange(count))]
    share = np.bincount(label, weights, count) / weights.sum()
    order = np.argsort(first)
    return Anchors(first[order], share[order])


def random_anchors(weights: Floats, count: int, random: np.random.Generator) -> Anchors:
    """Baseline: ``count`` items drawn without replacement, weighted by their balance weights."""
    index = np.sort(random.choice(len(weights), count, replace=False))
    return Anchors(index, weights[index] / weights[index].sum())


def stratified_anchors(groups: Sequence[str], weights: Floats, count: int, random: np.random.Generator) -> Anchors:
    """Baseline: ``count`` items drawn at random within groups, each group by its share of all weights (largest remainders,
    at least one item). With fewer items than groups this is `random_anchors`."""
    _, code, size = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True, return_counts=True)
    code = code.reshape(-1)
    if count < len(size):
        return random_anchors(weights, count, random)
    share = np.bincount(code, weights) / weights.sum()
    number = np.minimum(np.maximum(np.floor(share * count).astype(np.int64), 1), size)
    while (left := count - int(number.sum())) != 0:
        gap = share * count - number
        gap[(number == size) if left > 0 else (number == 1)] = -np.inf if left > 0 else np.inf
        number[int(np.argmax(gap) if left > 0 else np.argmin(gap))] += 1 if left > 0 else -1
    chosen = [random.choice(np.flatnonzero(code == g), number[g], replace=False) for g in range(len(size))]
    weight = [share[g] * weights[index] / weights[index].sum() for g, index in enumerate(chosen)]
    index = np.concatenate(chosen)
    order = np.argsort(index)
    return Anchors(index[order], np.concatenate(weight)[order])


def _kmeans(x: Floats, weights: Floats, count: int, random: np.random.Generator) -> tuple[Ints, Floats]:
    """Labels and centroids."""
    centre = x[_seeds(x, weights, count, random)]
    label = np.full(len(x), -1)
    square = (x**2).sum(axis=1)
    for _ in range(100):
        distance = square[:, None] - 2 * x @ centre.T + (centre**2).sum(axis=1)
        new = _without_empty(distance.argmin(axis=1), distance.min(axis=1) * weights, count)
        if (new == label).all():
            break
        label = new
        total = np.bincount(label, weights, count)
        centre = np.column_stack([np.bincount(label, weights * column, count) for column in x.T]) / total[:, None]
    return label, centre


def _seeds(x: Floats, weights: Floats, count: int, random: np.random.Generator) -> list[int]:
    chosen = [int(random.choice(len(x), p=weights / weights.sum()))]
    nearest = np.full(len(x), np.inf)
    while len(chosen) < count:
        nearest = np.minimum(nearest, ((x - x[chosen[-1]]) ** 2).sum(axis=1))
        nearest[chosen] = 0
        chance = nearest * weights
        if not chance.any():  # fewer different items than clusters
            chance = weights.copy()
            chance[chosen] = 0
        chosen.append(int(random.choice(len(x), p=chance / chance.sum())))
    return chosen


def _without_empty(label: Ints, cost: Floats, count: int) -> Ints:
    """Empty clusters get the items that cost most where they are, from clusters with more than one."""
    size = np.bincount(label, minlength=count)
    if not (size == 0).any():
        return label
    label, order = label.copy(), iter(np.argsort(-cost, kind="stable"))
    for empty in np.flatnonzero(size == 0):
        item = next(i for i in order if size[label[i]] > 1)
        size[label[item]] -= 1
        size[empty] += 1
        label[item] = empty
    return label


# -- estimating ---------------------------------------------------------------------------------------------------
def anchor_estimate(y: Floats, anchors: Anchors) -> Floats:
    """ "IRT" in the paper:  sum_k weight_k y_k  for each row of ``y`` (models, anchors). An anchor that was not measured is
    left out, and the other weights grow to 1 (a row of NaN stays NaN)."""
    return weighted_score(y, anchors.weight)


def p_irt(y: Floats, anchors: Anchors, weights: Floats, items: Items) -> Floats:
    """The answers that were seen, and the model's expectation of all others:

        lam * mean_seen(w*y) + (1 - lam) * mean_unseen(w*P(theta)),  lam = n_seen / N,

    with theta from `multiturn.measures.irt.ability` on the seen answers, which may be fractions. An anchor that was not
    measured counts among the unseen."""
    theta = ability(y, items.at(anchors.position))
    expected = probability(theta, items)
    expected[:, anchors.position] = np.where(np.isnan(y), expected[:, anchors.position], y)
    return np.asarray(np.where(np.isnan(y).all(axis=1), np.nan, expected @ weights / weights.sum()))


def mixture(b: float, v: float, n: int) -> float:
    """The weight L of the anchors' estimate in gp-IRT:  L = b^2 / (b^2 + v / (4 n)).

    ``b``: validation error of the IRT part (see `multiturn.measures.irt.validate`); ``v``: mean over models of the
    variance of y over items; ``n``: number of anchors. A model that fits badly (large b) leaves all to the anchors."""
    return b * b / (b * b + v / (4 * n)) if b else 0.0


def gp_irt(irt: Floats, p: Floats, mix: float) -> Floats:
    """gp-IRT = L * IRT + (1 - L) * p-IRT."""
    return mix * irt + (1 - mix) * p
