"""The classifier two-sample test: can a classifier tell simulated user messages from human ones? (Lopez-Paz & Oquab 2017,
arXiv 1610.06545)

A logistic regression (ridge penalty) on the signs of `multiturn.measures.realism_style`, length, and hashed character
trigrams. Each message is classified by a model that saw none of its conversation (cross-validation by conversation, folds with
both samples in proportion). Classes weigh the same: accuracy is the mean of the shares recognised on either side, and its
chance level is 0.5 whatever the sizes.

p-value: the labels of whole conversations are permuted inside folds (under no difference all such labellings are equally
likely) and everything is fitted anew, all rounds at once; p = (1 + rounds at least as accurate) / (1 + rounds). Interval of the
accuracy: clustered by conversation, from the intervals of the two shares (Newcombe 1998, Statistics in Medicine 17:873), given
the fitted models.

0.5 means: this classifier cannot tell them apart (a better one might). A high accuracy may come from the topic, when the two
samples talk about different things: ``trigrams=False`` leaves style alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from .codes import Bools, Floats, Ints
from .intervals import clustered_mean
from .realism_style import LONGEST, signs, tokens

MOST = 1_500
"""Messages of a sample that are used; of more, whole conversations are drawn."""
FEWEST = 4
"""Conversations that each side must have."""
_HASHED, _STEPS, _RIDGE, _FOLDS = 256, 60, 0.02, 5
_BATCH = 4_000_000  # messages x rounds fitted at once


class TwoSample(NamedTuple):
    """``accuracy`` (0 to 1, ``chance`` = 0.5) with its 95 % interval, ``auc`` (chance 0.5, within folds), ``p``: of the
    permutation test. ``n``: messages, ``conversations``: of both sides. All None, with ``cause``, where it cannot be had."""

    accuracy: float | None
    auc: float | None
    low: float | None
    high: float | None
    chance: float
    p: float | None
    n: int
    conversations: int
    cause: str = ""


def two_sample(
    simulated: Sequence[Sequence[str]], human: Sequence[Sequence[str]], random: np.random.Generator, rounds: int = 200,
    *, trigrams: bool = True,
) -> TwoSample:  # fmt: skip
    """Tell the user turns of two samples of conversations apart. ``rounds``: permutations (0: no p-value)."""
    sides = [_bounded([turns for turns in side if turns], random) for side in (simulated, human)]
    turns = [*sides[0], *sides[1]]
    n = sum(map(len, turns))
    if min(map(len, sides)) < FEWEST:
        return TwoSample(None, None, None, None, 0.5, None, n, len(turns), f"fewer than {FEWEST} conversations on one side")
    label = np.arange(len(turns)) < len(sides[0])
    folds = min(_FOLDS, min(map(len, sides)) // 2)
    fold = np.empty(len(turns), dtype=np.int64)
    for side in (label, ~label):
        fold[side] = random.permutation(np.arange(int(side.sum())) % folds)
    owner = np.repeat(np.arange(len(turns)), [len(t) for t in turns])
    x = _features(turns, trigrams)
    scores = _scores(x, owner, fold, label[None])[0]
    accuracy, low, high = _interval(scores, label, owner)
    more, size = 0, max(1, _BATCH // n)
    for start in range(0, rounds, size):
        drawn = np.array([_within(label, fold, random) for _ in range(min(size, rounds - start))])
        permuted = _scores(x, owner, fold, drawn)
        more += int((_accuracy(permuted, drawn[:, owner]) >= accuracy - 1e-9).sum())
    p = (more + 1) / (rounds + 1) if rounds else None
    auc = _auc(scores, label[owner], fold[owner])
    return TwoSample(accuracy, auc, low, high, 0.5, p, n, len(turns))


def _bounded(side: Sequence[Sequence[str]], random: np.random.Generator) -> list[Sequence[str]]:
    """At most `MOST` messages: whole conversations in a drawn order, a very long one cut."""
    if sum(map(len, side)) <= MOST:
        return list(side)
    kept: list[Sequence[str]] = []
    left = MOST
    for i in random.permutation(len(side)):
        if left <= 0:
            break
        kept.append(side[i][: min(left, MOST // FEWEST)])
        left -= len(kept[-1])
    return kept


def _features(turns: Sequence[Sequence[str]], trigrams: bool) -> Floats:
    """One row a message: standardised signs and log length, then hashed trigrams that weigh as much as those together; a last
    column of ones."""
    said = [(text, not i) for conversation in turns for i, text in enumerate(conversation)]
    style = np.array([(*signs(t, first=f), np.log1p(len(tokens(t))), np.log1p(len(t[:LONGEST]))) for t, f in said], dtype=float)
    blocks = [np.clip(_standard(style), -5, 5)]
    if trigrams:
        hashed = _standard(np.sqrt(np.array([_hashed(text) for text, _ in said])))
        blocks.append(np.clip(hashed, -5, 5) * np.sqrt(style.shape[1] / _HASHED))
    return np.hstack([*blocks, np.ones((len(said), 1))])


def _standard(x: Floats) -> Floats:
    spread = x.std(axis=0)
    return np.asarray((x - x.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0))


def _hashed(text: str) -> Floats:
    """Shares of character trigrams in `_HASHED` buckets (multiplicative hash)."""
    code = np.frombuffer(f"  {text[:1_000].lower()} ".encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    mixed = (code[:-2] * np.uint64(31 * 31) + code[1:-1] * np.uint64(31) + code[2:]) * np.uint64(2654435761)
    bucket = ((mixed >> np.uint64(16)) % np.uint64(_HASHED)).astype(np.int64)
    return np.asarray(np.bincount(bucket, minlength=_HASHED) / len(bucket))


def _within(label: Bools, fold: Ints, random: np.random.Generator) -> Bools:
    """The labels of conversations, permuted inside each fold."""
    out = label.copy()
    for f in np.unique(fold):
        out[fold == f] = random.permutation(out[fold == f])
    return out


def _scores(x: Floats, owner: Ints, fold: Ints, labels: Bools) -> Floats:
    """Log odds of "simulated" for each message, from models that did not see its fold; one row for each row of labels."""
    out = np.empty((len(labels), len(x)))
    for f in np.unique(fold):
        held = fold[owner] == f
        weights = _fit(x[~held], labels[:, owner[~held]])
        out[:, held] = weights @ x[held].T
    return out


def _fit(x: Floats, y: Bools) -> Floats:
    """Ridge-penalised logistic regressions, one for each row of ``y``, by Nesterov's accelerated gradient with the step that
    the largest curvature allows; the column of ones is not penalised."""
    share = y.mean(axis=1, keepdims=True)
    weight = np.where(y, 0.5 / np.maximum(share, 1e-9), 0.5 / np.maximum(1 - share, 1e-9)) / y.shape[1]
    ridge = np.full(x.shape[1], _RIDGE)
    ridge[-1] = 0.0
    curvature = 0.25 * float(np.linalg.norm(x, 2) ** 2) * weight.max(axis=1, keepdims=True) + _RIDGE
    beta = ahead = np.zeros((len(y), x.shape[1]))
    for step in range(_STEPS):
        gradient = (weight * (expit(ahead @ x.T) - y)) @ x + ridge * ahead
        new = ahead - gradient / curvature
        ahead, beta = new + step / (step + 3) * (new - beta), new
    return np.asarray(beta)


def _accuracy(scores: Floats, labels: Bools) -> Floats:
    """Mean of the shares recognised on either side; a score of exactly 0 is half right."""
    right = (np.sign(scores) * np.where(labels, 1, -1) + 1) / 2
    sims, people = (right * labels).sum(axis=1) / labels.sum(axis=1), (right * ~labels).sum(axis=1) / (~labels).sum(axis=1)
    return np.asarray((sims + people) / 2)


def _interval(scores: Floats, label: Bools, owner: Ints) -> tuple[float, float | None, float | None]:
    right = (np.sign(scores) * np.where(label[owner], 1, -1) + 1) / 2
    a, b = (clustered_mean(right[side], owner[side]) for side in (label[owner], ~label[owner]))
    accuracy = float(_accuracy(scores[None], label[owner][None])[0])
    if a.value is None or b.value is None or a.low is None or b.low is None or a.high is None or b.high is None:
        return accuracy, None, None
    down, up = np.hypot(a.value - a.low, b.value - b.low) / 2, np.hypot(a.high - a.value, b.high - b.value) / 2
    return accuracy, max(0.0, accuracy - float(down)), min(1.0, accuracy + float(up))


def _auc(scores: Floats, label: Bools, fold: Ints) -> float:
    """The chance that a simulated message scores above a human one of the same fold, ties half."""
    wins = pairs = 0.0
    for f in np.unique(fold):
        ours, theirs = np.sort(scores[(fold == f) & label]), scores[(fold == f) & ~label]
        below, upto = np.searchsorted(ours, theirs, "left"), np.searchsorted(ours, theirs, "right")
        wins += float((len(ours) - upto + (upto - below) / 2).sum())
        pairs += len(ours) * len(theirs)
    return wins / pairs
