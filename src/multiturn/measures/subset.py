"""Choosing anchors from a models x items matrix, and how far off their estimates are for models that were left out.

With at least 20 models: item response theory (`multiturn.measures.irt`), anchors by clusters of [a_i, b_i]. With 3 to 19
models its parameters would be made up: anchors by clusters of the items' scores over the models. With fewer: a stratified draw.
The last two have no p-IRT and no gp-IRT.

The interval of an estimate: the models are split into 5 folds, the whole choice is made anew without each fold, and the scores
of its models estimated. With n such absolute errors the interval is  estimate +- the ceil(0.95 (n + 1))-th smallest
(cross-conformal; Vovk 2015, Ann. Math. Artif. Intell. 74:9; Barber et al. 2021, Ann. Statist. 49:486). It supposes nothing of
the response model being right, only that the new model is one like those; it needs n >= 19. Models of one family (one model with
several options or prompts) are left out together and count as one, by their largest error: that a model is known makes its
estimates much better than a new one's will be. The interval is about the score on these very items: other items would add their
own error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .anchors import (
    Anchors,
    anchor_estimate,
    cluster_anchors,
    gp_irt,
    mixture,
    p_irt,
    random_anchors,
    stratified_anchors,
    weighted_score,
)
from .codes import Floats
from .intervals import LEVEL
from .irt import Items, Validated, binary, cut, fit, validate

FEWEST_MODELS = 20
"""For item response theory."""
DIMENSIONS = (1, 2, 5, 10)
FOLDS = 5


class Subset(NamedTuple):
    """Anchors and what is needed to estimate from them. ``method``: "irt", "scores" or "strata". Only with "irt": ``items``;
    ``cut`` of the scores before the fit (None: as they are); ``b``: validation error; ``ways``: all that were tried."""

    anchors: Anchors
    weights: Floats
    v: float
    method: str
    items: Items | None = None
    cut: float | None = None
    b: float | None = None
    ways: tuple[Validated, ...] = ()

    @property
    def mix(self) -> float | None:
        """The weight L of gp-IRT."""
        return None if self.b is None else mixture(self.b, self.v, len(self.anchors.position))


def choose(
    scores: Floats, weights: Floats, groups: Sequence[str], count: int, *, dimensions: Sequence[int] = DIMENSIONS, seed: int = 0
) -> Subset:
    """Anchors for a matrix of scores between 0 and 1 (models, items; NaN = not measured, no column without a score).

    ``dimensions``: those that are tried; more than a tenth of the models in the validation's fit are not.
    """
    n = len(scores)
    v = float(np.nanvar(scores, axis=1).mean()) if n else 0.0
    random = np.random.default_rng(seed)
    if n < 3:
        return Subset(stratified_anchors(groups, weights, count, random), weights, v, "strata")
    if n < FEWEST_MODELS:
        filled = np.where(np.isnan(scores), np.nanmean(scores, axis=0), scores)
        return Subset(cluster_anchors(filled.T, weights, count, random), weights, v, "scores")
    most = max(1, (n - len(range(0, n, 5))) // 10)
    ways = validate(scores, weights, [d for d in dimensions if d <= most] or [1])
    best = ways[0] if ways[0].cut is None else ways[0]._replace(cut=cut(scores))
    return fitted(scores, weights, count, best, v, seed)._replace(ways=tuple(ways))


def fitted(scores: Floats, weights: Floats, count: int, way: Validated, v: float, seed: int = 0) -> Subset:
    """Anchors by item response theory where the way to fit and v are known."""
    items, _ = fit(binary(scores, way.cut), way.dimensions)
    anchors = cluster_anchors(np.column_stack([items.a, items.b]), weights, count, np.random.default_rng(seed))
    return Subset(anchors, weights, v, "irt", items, way.cut, way.error)


def estimates(subset: Subset, y: Floats) -> dict[str, Floats]:
    """The estimates of each row of ``y`` (models, anchors): "IRT" (the weighted anchors, however they were chosen), and with
    item response theory "p-IRT" and "gp-IRT"."""
    found = {"IRT": anchor_estimate(y, subset.anchors)}
    if subset.items is not None and subset.mix is not None:
        found["p-IRT"] = p_irt(y, subset.anchors, subset.weights, subset.items)
        found["gp-IRT"] = gp_irt(found["IRT"], found["p-IRT"], subset.mix)
    return found


def held_out_errors(
    scores: Floats, groups: Sequence[str], subset: Subset, *, families: Sequence[str] = (), folds: int = FOLDS, seed: int = 0
) -> dict[str, Floats]:
    """Estimate minus truth for every model, by a choice that has not seen it or any of its family (``families``: a name for each
    model; none: each is its own). The families are dealt out to the folds in turn.

    D, cut, b and v are those of ``subset``. Empty where less than 3 models would be left to choose from.
    """
    n, count = len(scores), len(subset.anchors.position)
    seen = {name: i for i, name in enumerate(dict.fromkeys(families or map(str, range(n))))}
    fold_of = np.array([seen[name] % folds for name in families or map(str, range(n))])
    if n - np.bincount(fold_of).max(initial=0) < 3:
        return {}
    errors: dict[str, Floats] = {}
    for fold in np.unique(fold_of):
        out = fold_of == fold
        rest = scores[~out]
        unseen = np.isnan(rest).all(axis=0)
        rest[:, unseen] = np.nanmean(scores[:, unseen], axis=0) if unseen.any() else 0.0
        if subset.items is not None and subset.b is not None:
            way = Validated(subset.items.dimensions, subset.cut, subset.b)
            other = fitted(rest, subset.weights, count, way, subset.v, seed)
        else:
            other = choose(rest, subset.weights, groups, count, seed=seed)
        truth = weighted_score(scores[out], subset.weights)
        for name, value in estimates(other, scores[out][:, other.anchors.position]).items():
            errors.setdefault(name, np.full(n, np.nan))[out] = value - truth
    return errors


def random_error(scores: Floats, weights: Floats, count: int, *, rounds: int = 200, seed: int = 0) -> float:
    """Baseline: the mean absolute error of the mean over ``count`` items drawn at random, over models and ``rounds`` draws."""
    random = np.random.default_rng(seed)
    truth = weighted_score(scores, weights)
    drawn = (random_anchors(weights, count, random) for _ in range(rounds))
    return float(np.nanmean([np.abs(anchor_estimate(scores[:, a.position], a) - truth) for a in drawn]))


def half_width(errors: Sequence[float] | Floats, families: Sequence[str] = (), level: float = LEVEL) -> float | None:
    """Half of the interval's width: the ceil(level (n + 1))-th smallest of the n families' largest absolute errors (without
    ``families``: of the absolute errors), None with too few (n < 19 at 95 %)."""
    largest: dict[str, float] = {}
    for i, error in enumerate(np.abs(np.asarray(errors, dtype=np.float64)).tolist()):
        if not math.isnan(error):
            name = families[i] if families else str(i)
            largest[name] = max(error, largest.get(name, 0.0))
    rank = math.ceil(level * (len(largest) + 1) - 1e-9)
    return sorted(largest.values())[rank - 1] if 1 <= rank <= len(largest) else None
