"""Stopping when the answer is sharp enough, without cheating: a confidence sequence for the mean of bounded values.

An ordinary 95 % interval holds at a number of cases fixed beforehand. Looked at again and again, it does not: on the way to
4,000 cases, four of ten runs have a look that rules the truth out (see docs/planning.md). A confidence sequence holds at
every number of cases at once, so that any rule may decide when to stop (Ville 1939; Howard et al. 2021, Annals of Statistics
49:1055).

For values x_1, x_2, … in 0..1 (one a case, cases in random order) and a candidate mean m, two gamblers bet against m, one
that the mean is higher, one that it is lower (Waudby-Smith & Ramdas 2024, JRSS B 86:1, arXiv 2010.09686):

    K+_t(m) = prod_{i<=t} (1 + min(l_i, c/m) (x_i - m))        K-_t(m) = prod_{i<=t} (1 - min(l_i, c/(1-m)) (x_i - m))

If m is the mean, neither gambler ever multiplies the stake by 2/alpha or more, but with probability alpha/2 each: the
m that neither has done so against are the interval. K+ falls and K- rises in m, so it is one, and its two ends are found by
bisection. Nothing is assumed but independent cases and the bounds: it holds near 0 % and 100 %, too, and for few cases.

Where a case has n_i verdicts (at most B, known beforehand) and the mean over all verdicts is wanted, a ratio of means, it is
in x_i - m's place (y_i - m n_i) / B, with y_i the sum of the verdicts: its mean is 0 for no other m.

The stake is what makes it short. It may depend on the past only; here it is the one that is best for the width that
is asked for, h: to tell a mean h away from the truth, l = h / (s^2 + h^2), with s^2 the variance of the values so far
(a prior of 1/4 counted as one value; c = 3/4). It takes 1.6 to 2.9 times the cases that one would fix beforehand if the
variance were known (benchmarks/stopping.py), 1.3 to 2.6 times fewer than stakes that aim at no width. The asymptotic
confidence sequence (arXiv 2103.06476) was no shorter in the middle of a scale, and near its ends too short to hold.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .codes import Floats
from .figure import FRACTION, Scale
from .intervals import LEVEL

CAP = 0.75
"""No stake can lose more than this share of what a gambler has."""

STEPS = 40
"""Bisections: the ends are exact to 1e-12 of the scale, always rounded outwards."""


class Sequence(NamedTuple):
    """Mean of ``n`` values with a confidence sequence's interval; None where there are none."""

    mean: float | None
    low: float | None
    high: float | None
    n: int

    @property
    def half_width(self) -> float:
        """Half the length of the interval, infinite where there is none."""
        return math.inf if self.low is None or self.high is None else (self.high - self.low) / 2


def sequence(values: Floats, half_width: float, scale: Scale = FRACTION, level: float = LEVEL, *,
             sizes: Floats | None = None, most: float = 1.0) -> Sequence:  # fmt: skip
    """The interval after all of ``values``, one a case in the order of the random draw, that holds at every length at once.

    ``half_width``: the wanted one, in the unit of the scale; it must be the same at every look, for it sets the stakes.
    ``sizes``: how many verdicts each value is the mean of, at most ``most``: the mean is then that over all verdicts (None:
    each case counts once). Raises `ValueError` for values off the scale, more verdicts than ``most``, a scale without ends.
    """
    reach = scale.high - scale.low
    if not math.isfinite(reach) or reach <= 0:
        raise ValueError("a confidence sequence needs a measure with two ends")
    x = (np.asarray(values, dtype=np.float64) - scale.low) / reach
    if len(x) == 0:
        return Sequence(None, None, None, 0)
    if not bool(((x >= -1e-9) & (x <= 1 + 1e-9)).all()):
        raise ValueError("values off the scale")
    n = np.ones_like(x) if sizes is None else np.asarray(sizes, dtype=np.float64) / most
    if bool((n > 1 + 1e-9).any()):
        raise ValueError("more verdicts than there can be")
    y = np.clip(x, 0.0, 1.0) * n
    stake, goal = stakes(y, half_width / reach, n), math.log(2 / (1 - level))
    low = _end(y, n, stake, goal)
    high = 1 - _end(n - y, n, stake, goal)
    # Ends may have been set by an earlier, luckier stretch: the mean is always shown inside, which only widens.
    mean = float(y.sum() / n.sum())
    low, high = min(low, high, mean), max(low, high, mean)
    return Sequence(mean * reach + scale.low, low * reach + scale.low, high * reach + scale.low, len(x))


def stakes(y: Floats, half_width: float, n: Floats | None = None) -> Floats:
    """Each case's stake, from the cases before it; along the last axis. ``n``: sizes as shares of the largest (None: 1)."""
    size = np.ones_like(y) if n is None else n
    count = np.arange(1, y.shape[-1] + 1)
    mean = (0.5 + np.cumsum(y, axis=-1)) / (1 + np.cumsum(size, axis=-1))
    variance = (0.25 + np.cumsum((y - mean * size) ** 2, axis=-1)) / (count + 1)
    before = np.concatenate([np.full_like(y[..., :1], 0.25), variance[..., :-1]], axis=-1)
    share = (1 + np.cumsum(size, axis=-1)) / (count + 1)
    shift = half_width * np.concatenate([np.ones_like(y[..., :1]), share[..., :-1]], axis=-1)
    return np.asarray(shift / (before + shift**2))


def best_capital(y: Floats, n: Floats, stake: Floats, mean: float) -> float:
    """The largest log capital that betting on more than ``mean`` ever had."""
    bet = np.minimum(stake, CAP / mean) if mean > 0 else stake
    return float(np.cumsum(np.log1p(bet * (y - mean * n)), axis=-1).max())


def _end(y: Floats, n: Floats, stake: Floats, goal: float) -> float:
    """The lower end: the largest mean that is ruled out by those who bet on more, 0 when none is."""
    low, high = 0.0, 1.0
    if best_capital(y, n, stake, 0.0) < goal:
        return 0.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if best_capital(y, n, stake, middle) >= goal else (low, middle)
    return low
