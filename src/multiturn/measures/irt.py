"""Item response theory: which models can answer which items, from a models x items matrix of responses.

Two-parameter logistic model in D dimensions:  P(model m answers item i) = sigmoid(a_i . theta_m - b_i)
(Reckase 2009, Multidimensional Item Response Theory; in tinyBenchmarks, Maia Polo et al. 2024, arXiv 2402.14992, b is one
difficulty a dimension, of which only the sum can be known: ours is that sum).

Fit: the posterior mode with theta ~ N(0, I), a_id ~ N(0, s_d^2), b_i ~ N(m, s_b^2), by Newton steps on all items at once and
on all models at once, in turn. After each sweep theta is brought to mean 0 and covariance I over the models (probabilities
do not change by that), and s_d, m, s_b are estimated anew from the posterior's second moments (Laplace approximation), so
that a dimension that explains nothing shrinks away. The paper fits the same model with hierarchical priors by variational
inference (2,000 epochs); this takes 10 to 40 sweeps and no random numbers. Cost of a sweep: models x items x (D + 1)^2.

Identifiable up to rotation and sign of theta: what is read off a fit (probabilities, clusters of items) does not depend on
them. With fewer than about 20 models the parameters of an item rest on next to nothing: `multiturn.measures.subset` then
does without.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from .codes import Bools, Floats, Ints

SWEEPS = 40
CUTS = np.linspace(0.01, 0.99, 100)
PRIOR = 0.25
"""Precision of the prior on a new model's theta: N(0, 2^2 I), twice as wide as the models of the fit are scaled to."""


class Items(NamedTuple):
    """Parameters of N items: ``a`` (N, D) discriminations, ``b`` (N,) difficulties."""

    a: Floats
    b: Floats

    @property
    def dimensions(self) -> int:
        return int(self.a.shape[1])

    def at(self, index: Ints | Bools) -> Items:
        """These items only."""
        return Items(self.a[index], self.b[index])


def probability(theta: Floats, items: Items) -> Floats:
    """(models, items): the probability that each model answers each item."""
    return np.asarray(expit(theta @ items.a.T - items.b))


def cut(responses: Floats) -> float:
    """The threshold c that turns scores between 0 and 1 into right and wrong: of 100 from .01 to .99 the one for which the
    models' means of 1[y > c] are nearest to their means of y (mean absolute difference). NaN = not measured."""
    has = ~np.isnan(responses)
    count = np.maximum(has.sum(axis=1), 1)
    filled = np.where(has, responses, -1.0)
    mean = np.where(has, responses, 0.0).sum(axis=1) / count
    error = [float(np.abs((filled > c).sum(axis=1) / count - mean).mean()) for c in CUTS]
    return float(CUTS[int(np.argmin(error))])


def binary(responses: Floats, c: float | None) -> Floats:
    """1 above the threshold, 0 below; NaN stays. None: the scores as they are."""
    return responses if c is None else np.where(np.isnan(responses), np.nan, (responses > c).astype(np.float64))


def ability(responses: Floats, items: Items, prior: float = PRIOR) -> Floats:
    """(models, D): theta of each row of ``responses`` (0 to 1, fractions too, NaN = not seen) on these items.

    The maximum of sum_i y log P + (1 - y) log(1 - P) - prior/2 |theta|^2. The released code has no prior, with which a model
    that answers all items, or none, has no finite theta.
    """
    y, seen = _filled(responses)
    theta = np.zeros((len(y), items.dimensions))
    ridge, middle = np.full(items.dimensions, prior), np.zeros(items.dimensions)
    x, fixed = np.column_stack([items.a, -items.b]), np.ones((len(y), 1))

    def loss(at: Floats) -> Floats:
        logit = at @ items.a.T - items.b
        each = np.logaddexp(0, logit) - y * logit
        total = (each if seen is None else each * seen).sum(axis=1) + prior / 2 * (at**2).sum(axis=1)
        return np.asarray(total)

    now = loss(theta)
    for _ in range(100):
        step = _newton(y, seen, np.hstack([theta, fixed]), x, ridge, middle)[0] - theta
        for _ in range(30):  # a full step may overshoot where items are sharp
            new = loss(theta + step)
            if (new <= now).all():
                break
            step[new > now] /= 2
        else:
            step[new > now] = 0
        theta, now = theta + step, np.minimum(new, now)
        if np.abs(step).max(initial=0.0) < 1e-8:
            break
    return theta


def fit(responses: Floats, dimensions: int, sweeps: int = SWEEPS, tolerance: float = 1e-3) -> tuple[Items, Floats]:
    """Items and abilities (models, D) from responses between 0 and 1 (models, items); NaN = not measured."""
    y, seen = _filled(responses)
    n_models = len(y)
    if not 1 <= dimensions < n_models:
        raise ValueError(f"{dimensions} dimensions need more than {n_models} models")
    theta, coefficients = _start(responses, dimensions)
    mean = np.append(np.zeros(dimensions), coefficients[:, -1].mean())
    ridge = np.append(np.ones(dimensions), 0.1)
    by_item = None if seen is None else np.ascontiguousarray(seen.T)
    last = np.inf
    for _ in range(sweeps):
        x = np.hstack([theta, -np.ones((n_models, 1))])
        coefficients, hessian = _newton(y.T, by_item, coefficients, x, ridge, mean)
        ridge, mean = _scales(coefficients, hessian)
        z = np.hstack([theta, np.ones((n_models, 1))])
        signed = np.hstack([coefficients[:, :-1], -coefficients[:, -1:]])
        theta, _ = _newton(y, seen, z, signed, np.ones(dimensions), np.zeros(dimensions))
        theta, coefficients = _standard(theta, coefficients)
        logit = theta @ coefficients[:, :-1].T - coefficients[:, -1]
        loss = np.logaddexp(0, logit) - y * logit
        total = float((loss if seen is None else loss[seen]).sum())
        if abs(last - total) < tolerance * abs(total):
            break
        last = total
    return Items(coefficients[:, :-1], coefficients[:, -1]), theta


class Validated(NamedTuple):
    """One way to fit: number of dimensions, cut of the scores (None: as they are), and its validation error."""

    dimensions: int
    cut: float | None
    error: float


def validate(responses: Floats, weights: Floats, tried: Sequence[int]) -> list[Validated]:
    """Ways to fit, the best first (in a tie the one with fewer dimensions): D of ``tried``; scores that are not all 0 or 1 made
    so by `cut`, as in the paper, or left as they are.

    The error: every 5th model is left out of the fit, its theta fitted on the even items, and its weighted mean on the odd items
    predicted; mean absolute difference from the scores. (The released notebook weights the prediction but not the truth.)
    Fractions may go into the same likelihood: with a few steps between 0 and 1, such as the share of a conversation's turns
    that were right, a cut shifts the means (on the verdicts of LLMBar's judges, 0, 0.5 or 1, its error is 0.16 in place of 0.02).
    """
    held = np.zeros(len(responses), dtype=bool)
    held[::5] = True
    odd = np.arange(responses.shape[1]) % 2 == 1
    truth = responses[held][:, odd]
    w = np.where(np.isnan(truth), 0.0, weights[odd])
    truth = (w * np.where(np.isnan(truth), 0.0, truth)).sum(axis=1)
    cuts = [None] if np.isin(responses[~np.isnan(responses)], (0, 1)).all() else [None, cut(responses[~held])]
    found = []
    for c in cuts:
        y = binary(responses, c)
        for dimensions in tried:
            items, _ = fit(y[~held], dimensions)
            predicted = (w * probability(ability(y[held][:, ~odd], items.at(~odd)), items.at(odd))).sum(axis=1)
            error = float((np.abs(predicted - truth) / np.maximum(w.sum(axis=1), 1e-300)).mean())
            found.append(Validated(dimensions, c, error))
    return sorted(found, key=lambda way: (way.error, way.dimensions))


# -- steps --------------------------------------------------------------------------------------------------------
def _filled(responses: Floats) -> tuple[Floats, Bools | None]:
    """The responses with 0 for what was not measured, and what was measured (None: everything)."""
    seen = ~np.isnan(responses)
    return (responses, None) if seen.all() else (np.where(seen, responses, 0.0), seen)


def _newton(y: Floats, seen: Bools | None, c: Floats, x: Floats, ridge: Floats, mean: Floats) -> tuple[Floats, Floats]:
    """One Newton step of many ridge logistic regressions at once: row r of ``y`` on the rows of ``x`` with coefficients
    ``c[r]``, of which the first ``len(ridge)`` move. Returns them and the Hessians at the old ones. Steps are at most 3 long."""
    k = len(ridge)
    p = expit(c @ x.T)
    weight, residual = p * (1 - p), y - p
    if seen is not None:
        weight, residual = weight * seen, residual * seen
    inner = x[:, :k]
    gradient = residual @ inner - (c[:, :k] - mean) * ridge
    hessian = (weight @ (inner[:, :, None] * inner[:, None, :]).reshape(len(x), k * k)).reshape(-1, k, k) + np.diag(ridge)
    step = np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
    step *= np.minimum(1, 3 / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9))
    return c[:, :k] + step, hessian


def _start(responses: Floats, dimensions: int) -> tuple[Floats, Floats]:
    """Abilities from the leading singular vectors of the centred responses, items from their shares of right answers."""
    n = np.maximum((~np.isnan(responses)).sum(axis=0), 1)
    share = np.where(np.isnan(responses), 0.0, responses).sum(axis=0) / n
    centred = np.where(np.isnan(responses), 0.0, responses - share)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    theta = vectors[:, np.argsort(-values, kind="stable")[:dimensions]] * np.sqrt(len(responses))
    theta = theta * np.where(theta.T @ centred.sum(axis=1) < 0, -1.0, 1.0)  # more is better, whatever the library's signs
    share = np.clip(share, 0.5 / n, 1 - 0.5 / n)
    return theta, np.column_stack([np.zeros((len(share), dimensions)), np.log(1 / share - 1)])


def _scales(c: Floats, hessian: Floats) -> tuple[Floats, Floats]:
    """Precision and mean of the priors of the items' coefficients, from the second moments of their posteriors."""
    mean = np.append(np.zeros(c.shape[1] - 1), c[:, -1].mean())
    spread = np.diagonal(np.linalg.inv(hessian), axis1=1, axis2=2)
    # At a variance of 400 items are steps already; separable responses would drive it without end.
    return 1 / np.clip(((c - mean) ** 2 + spread).mean(axis=0), 1e-3, 400), mean


def _standard(theta: Floats, c: Floats) -> tuple[Floats, Floats]:
    """The same probabilities with abilities of mean 0 and covariance I, turned as little as possible."""
    middle = theta.mean(axis=0)
    theta = theta - middle
    values, vectors = np.linalg.eigh(theta.T @ theta / len(theta))
    root = np.sqrt(np.maximum(values, 1e-6))
    a, b = c[:, :-1], c[:, -1] - c[:, :-1] @ middle
    return theta @ (vectors / root) @ vectors.T, np.column_stack([a @ (vectors * root) @ vectors.T, b])
