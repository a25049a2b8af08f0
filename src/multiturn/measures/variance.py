"""Where the spread of a measure comes from: cases, simulated users, samples of the model, samples of the judge.

A value is one judgement of one play: y = mean + case + user + case x user + repeat + judge, all of them random, with
variances to be found. They are estimated by the method of moments for data of any shape (Henderson 1953, Biometrics 9:226,
method 1; in balanced data the classical analysis of variance): for each factor f with groups i

    T_f = sum_i (sum of group i)^2 / n_i,    E[T_f - T_0] = sum_c (k(f, c) - k(0, c)) s_c^2 + (groups of f - 1) s_e^2,
    k(f, c) = sum_i sum_j n_ij^2 / n_i       (n_ij: values of group i of f in group j of c; 0 is the one group of all)

are as many linear equations as unknowns. Nothing is assumed about the shape of the distributions. An estimate may come out
below 0 (when a component is small beside the noise): it is then reported as 0, and that it was.

The judge's variance is that within one and the same conversation, judged more than once. The repeats' variance is that
between plays of one case by one user model; both the model and the user are drawn anew in each, so that one run alone
cannot tell them apart. User *models* are told from the rest when the same cases were played with several of them.

Intervals are jackknife ones, leaving out cases, or blocks of cases where there are many (Kott 2001, J. Official Statistics
17:521), on the logarithmic scale for what is above 0 throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .codes import Bools, Floats, Ints, add_up, combine, compact, number
from .intervals import LEVEL, satterthwaite, t_quantile

BLOCKS = 100
"""Most parts that are left out in turn: the cost is this many times the rows."""

NAMES = ("case", "user", "case x user", "repeat", "judge")
CASE, USER, BOTH, REPEAT, JUDGE = range(5)


class Plays(NamedTuple):
    """One row a judgement: codes of its case, of the model that played the user, of the play (one case, user and repeat) and
    of the conversation (equal codes: the same words, judged again; a code belongs to one case). Equal lengths, no NaN."""

    value: Floats
    case: Ints
    user: Ints
    play: Ints
    talk: Ints


class Component(NamedTuple):
    """A variance in the square of the measure's unit. ``value`` None: this design cannot tell it from the others.
    ``raw``: the estimate before it was cut off at 0. ``low``/``high``: 95 % interval, None where there is none."""

    name: str
    value: float | None
    raw: float | None = None
    low: float | None = None
    high: float | None = None


class Components(NamedTuple):
    """What varies, and by how much. ``without``: the five estimates with each block of cases left out (NaN: not there).
    ``repeats``, ``judges``: plays a case and user, and judgements a play, on average."""

    parts: dict[str, Component]
    without: Floats
    mean: float
    cases: int
    users: int
    repeats: float
    judges: float

    def combined(self, weights: Sequence[float]) -> tuple[float, float | None, float | None]:
        """A weighted sum of the five components (those that are not known count as 0: they lie in others) with its 95 %
        interval, None where there is no variation or there are too few cases to leave some out."""
        w = np.asarray(weights, dtype=np.float64)
        value = float(_weighted(np.array([self._known(name) for name in NAMES]), w))
        return value, *_interval(value, _weighted(self.without, w))

    def _known(self, name: str) -> float:
        value = self.parts[name].value
        return np.nan if value is None else value


def influence(total: Floats, n: Floats) -> Floats:
    """Values whose plain mean is the ratio sum(total) / sum(n), and whose spread is that of the ratio: what a play with ``n``
    verdicts that add up to ``total`` does to the mean over all verdicts, m + (total - m n) / mean(n)."""
    m = total.sum() / n.sum()
    return np.asarray(m + (total - m * n) / n.mean())


def henderson(value: Floats, factors: Sequence[Ints]) -> Floats:
    """Variance components of ``factors`` and, last, of what is left, before any cutting off; all NaN where the factors cannot
    be told apart. Factors may be crossed or nested. Linear in the values."""
    n, y = len(value), value - value.mean()
    coded = [compact(f, int(f.max()) + 1)[1] for f in factors]
    sizes = [int(c.max()) + 1 for c in coded]
    counts = [add_up(c, s) for c, s in zip(coded, sizes, strict=True)]
    whole = np.array([*((count**2).sum() / n for count in counts), 1.0])
    left, right = [], []
    for f, (code, size, count) in enumerate(zip(coded, sizes, counts, strict=True)):
        row = []
        for c, (other, width) in enumerate(zip(coded, sizes, strict=True)):
            if c == f:
                row.append(float(n))
                continue
            pair, where = compact(*combine((code, size), (other, width)))
            row.append(float((add_up(where, len(pair)) ** 2 / count[pair // width]).sum()))
        left.append(np.array([*row, float(size)]) - whole)
        right.append(float((add_up(code, size, y) ** 2 / count).sum() - y.sum() ** 2 / n))
    left.append(np.array([*([float(n)] * len(coded)), float(n)]) - whole)
    right.append(float((y**2).sum() - y.sum() ** 2 / n))
    matrix = np.array(left)
    if np.linalg.matrix_rank(matrix / max(n, 1)) < len(matrix):
        return np.full(len(matrix), np.nan)
    return np.asarray(np.linalg.solve(matrix, np.array(right)))


def components(plays: Plays) -> Components:
    """The variance components of these judgements. Raises `ValueError` for fewer than two cases."""
    cases, case = np.unique(plays.case, return_inverse=True)
    if len(cases) < 2:
        raise ValueError("variance components need at least two cases")
    case = case.reshape(-1)
    raw = _estimate(plays, np.ones(len(case), dtype=bool))
    blocks = min(BLOCKS, len(cases))
    # A block of cases holds every BLOCKS-th of them, so that blocks are of like size and no stretch of the list.
    without = np.array([_estimate(plays, case % blocks != b) for b in range(blocks)])
    parts = {}
    for i, name in enumerate(NAMES):
        if np.isnan(raw[i]):
            parts[name] = Component(name, None)
            continue
        # Leaving out cases says nothing about how other user models would differ.
        low, high = (None, None) if i == USER else _interval(float(raw[i]), without[:, i])
        parts[name] = Component(name, max(float(raw[i]), 0.0), float(raw[i]), low, high)
    users, played = len(np.unique(plays.user)), len(np.unique(plays.play))
    pairs = len(np.unique(np.column_stack([case, plays.user]), axis=0))
    return Components(parts, without, float(plays.value.mean()), len(cases), users, played / pairs, len(case) / played)


def _estimate(plays: Plays, keep: Bools) -> Floats:
    """The five components of some rows, NaN for those that the design cannot tell."""
    value, case, user = plays.value[keep], plays.case[keep], plays.user[keep]
    play, talk = plays.play[keep], plays.talk[keep]
    out = np.full(5, np.nan)
    out[JUDGE] = _within(value, talk)
    # Judgements of one play are averaged: what is left of the judge in the repeats is its variance over their number.
    present, at = compact(play, int(play.max()) + 1)
    n = len(present)
    count = add_up(at, n)
    mean, first = add_up(at, n, value) / count, np.zeros(n, dtype=np.int64)
    first[at] = np.arange(len(at))
    case, user = case[first], user[first]
    left_over = out[JUDGE] * float((1 / count).mean()) if not np.isnan(out[JUDGE]) else 0.0
    cells = combine((case, int(case.max()) + 1), (user, int(user.max()) + 1))
    n_cells = len(compact(*cells)[0])
    several, repeated = len(np.unique(user)) > 1, n_cells < n
    if not several:
        if repeated:
            out[[CASE, REPEAT]] = henderson(mean, [case])
            out[REPEAT] -= left_over
        elif n > 1:
            out[CASE] = mean.var(ddof=1) - left_over
    elif repeated:
        out[[CASE, USER, BOTH, REPEAT]] = henderson(mean, [case, user, cells[0]])
        out[REPEAT] -= left_over
    elif n_cells > max(len(np.unique(case)), len(np.unique(user))):
        out[[CASE, USER, BOTH]] = henderson(mean, [case, user])
        out[BOTH] -= left_over
    return out


def _within(value: Floats, group: Ints) -> float:
    """Variance within groups, pooled; NaN when no group has two."""
    present, at = compact(group, int(group.max()) + 1)
    size = len(present)
    count = add_up(at, size)
    spare = float((count - 1).sum())
    if spare <= 0:
        return float("nan")
    return float(((value - (add_up(at, size, value) / count)[at]) ** 2).sum() / spare)


def weights(repeats: float = 1, judges: float = 1, correlation: float | None = None) -> tuple[float, ...]:
    """For `Components.combined`: the variance that one more case brings to the mean, played ``repeats`` times by one user model
    and each play judged ``judges`` times. ``correlation``: the same for the difference of two such players (see `power`)."""
    pair, shared = (1.0, 1.0) if correlation is None else (2.0, 2.0 * (1 - correlation))
    return shared, 0.0, shared, pair / repeats, pair / (repeats * judges)


def _weighted(estimates: Floats, w: Floats) -> Floats:
    return np.asarray(np.maximum(np.nan_to_num(estimates), 0.0) @ w)


def _interval(estimate: float, without: Floats, level: float = LEVEL) -> tuple[float | None, float | None]:
    """Jackknife interval of a variance, not below 0."""
    kept = without[~np.isnan(without)]
    n = len(kept)
    if n < 3 or np.ptp(kept) == 0:
        return None, None
    positive = estimate > 0 and bool((kept > 0).all())
    moved = np.log(kept) if positive else kept
    moved = moved - moved.mean()
    sum2, sum4 = np.array((moved**2).sum()), np.array((moved**4).sum())
    df = satterthwaite(sum2, sum4, np.array(float(n)))
    half = float(t_quantile(df, level) * np.sqrt((n - 1) / n * sum2))
    if positive:
        return number(float(estimate * np.exp(-half))), number(float(estimate * np.exp(min(half, 700.0))))
    return max(0.0, estimate - half), max(0.0, estimate + half)
