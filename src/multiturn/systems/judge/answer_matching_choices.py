"""Shortcuts in multiple choice: how often the right option is found without the question, from the options' words alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from ...conversation import InputError
from ...measures.codes import Floats
from ...measures.intervals import Estimate, clustered_mean

WORDS = 512
"""Places that words are hashed to."""
_WORD = re.compile(r"[^\W_]+")


class Choices(NamedTuple):
    """The options of a question, and which one is right."""

    options: Sequence[str]
    right: int


class Shortcut(NamedTuple):
    """``accuracy`` on the half of the questions that was not trained on; ``chance``: the mean of 1 / options there."""

    accuracy: Estimate
    chance: float

    @property
    def found(self) -> bool:
        """Whether the accuracy lies above chance beyond its 95 % interval."""
        return self.accuracy.low is not None and self.accuracy.low > self.chance


def _features(options: Sequence[str]) -> Floats:
    """A row an option: counts of hashed words, then its length beside the others' (log characters and log words, as z-scores)."""
    rows = np.zeros((len(options), WORDS + 2))
    sizes = np.zeros((len(options), 2))
    for i, option in enumerate(options):
        words = _WORD.findall(option.lower())
        for word in words:
            rows[i, int.from_bytes(blake2b(word.encode(), digest_size=4).digest(), "big") % WORDS] += 1 / np.sqrt(len(words))
        sizes[i] = np.log1p(len(option)), np.log1p(len(words))
    spread = sizes.std(axis=0)
    rows[:, WORDS:] = (sizes - sizes.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)
    return rows


def shortcut(questions: Sequence[Choices], *, seed: int = 0, penalty: float = 1.0) -> Shortcut:
    """A choice model over bags of words, trained on a random half of the questions and tried on the other half.

    P(option) = exp(w x) / sum over the question's options (McFadden 1974), w with an L2 ``penalty``. The paper fine-tunes a
    language model on the options; this one is smaller and finds less, so that what it finds is a lower bound.
    """
    if len(questions) < 20:
        raise InputError(f"a shortcut is looked for in 20 questions or more, not {len(questions)}")
    order = np.random.default_rng(seed).permutation(len(questions))
    half = len(questions) // 2
    train, test = ([questions[i] for i in part] for part in (order[:half], order[half:]))
    weights = _fit([_features(q.options) for q in train], [q.right for q in train], penalty)
    hits = [float(int(np.argmax(_features(q.options) @ weights)) == q.right) for q in test]
    chance = float(np.mean([1 / len(q.options) for q in test]))
    return Shortcut(clustered_mean(hits, np.arange(len(hits))), chance)


def _fit(rows: Sequence[Floats], right: Sequence[int], penalty: float) -> Floats:
    starts = np.concatenate([[0], np.cumsum([len(r) for r in rows])[:-1]]).astype(int)
    x, owner = np.vstack(rows), np.repeat(np.arange(len(rows)), [len(r) for r in rows])
    chosen = starts + np.asarray(right)

    def loss(w: Floats) -> tuple[float, Floats]:
        score = x @ w
        score -= np.maximum.reduceat(score, starts)[owner]
        total = np.add.reduceat(np.exp(score), starts)
        share = np.exp(score) / total[owner]
        value = float(np.log(total).sum() - score[chosen].sum() + penalty / 2 * (w @ w))
        return value, x.T @ share - x[chosen].sum(axis=0) + penalty * w

    return np.asarray(minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x)
