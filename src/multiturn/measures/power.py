"""How large a difference could have been found, and how much has to be played to find one.

Minimum detectable difference (Bloom 1995, Evaluation Review 19:547), given the standard error of the observed design:

    MDD = (t_{1 - alpha/2, df} + t_{power, df}) * se

the true difference at which a two-sided test at ``alpha`` succeeds with probability ``power``. It approximates the
non-central t (within 2 % from 5 clusters on). Turned round, with se^2 = v / n, it gives the number of cases n for a wanted
difference; with the normal quantile in place of t it is the formula of Miller 2024 (arXiv 2411.00640, section 5),

    n = (z_{1 - alpha/2} + z_{power})^2 (w^2 + s_A^2 / K_A + s_B^2 / K_B) / d^2 .

The variance that one case brings to a mean, played R times and each play judged J times (see `variance`), is

    v = s_case^2 + s_repeat^2 / R + s_judge^2 / (R J)

and for the difference of two players that share the cases, with correlation r of their cases' true scores, both with these
variances:  v = 2 (1 - r) s_case^2 + 2 s_repeat^2 / R + 2 s_judge^2 / (R J).  Of what a budget can buy, the best numbers of
plays a case and of judgements a play do not depend on its size (Cochran 1977, Sampling Techniques, 10.10): with c what a
further case, play and judgement cost each,

    R* = sqrt(c_case / c_repeat * s_repeat^2 / s_case^2)        J* = sqrt(c_repeat / c_judge * s_judge^2 / s_repeat^2)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from scipy.special import stdtrit

ALPHA, POWER = 0.05, 0.80
MOST = 10**9
"""A design with more cases than this is none."""


def detectable(se: float | None, df: float, alpha: float = ALPHA, power: float = POWER) -> float | None:
    """Minimum detectable difference of a paired design, in the unit of ``se`` (the clustered standard error of the mean
    difference, ``df`` about clusters - 1). None when the design showed no variation to judge by."""
    if se is None or not math.isfinite(se) or se <= 0 or df <= 0:
        return None
    return float((stdtrit(df, 1 - alpha / 2) + stdtrit(df, power)) * se)


def detectable_unpaired(se_a: float, se_b: float, clusters_a: int, clusters_b: int, alpha: float = ALPHA,
                        power: float = POWER) -> float | None:  # fmt: skip
    """The same for two independent sets of cases: the standard errors add in squares, degrees of freedom after
    Welch (1947, Biometrika 34:28)."""
    if min(clusters_a, clusters_b) < 2:
        return None
    a, b = se_a**2, se_b**2
    if a + b <= 0:
        return None
    df = (a + b) ** 2 / (a**2 / (clusters_a - 1) + b**2 / (clusters_b - 1))
    return detectable(math.sqrt(a + b), df, alpha, power)


class Spread(NamedTuple):
    """Variances of one player's scores, in the square of the measure's unit. None: not known apart from the one before it
    (of repeats, from cases; of judgements, from repeats)."""

    case: float
    repeat: float | None = None
    judge: float | None = None

    def per_case(self, repeats: float = 1, judges: float = 1) -> float:
        """Variance that a case brings to the mean, played and judged so often."""
        return self.case + (self.repeat or 0.0) / repeats + (self.judge or 0.0) / (repeats * judges)

    def difference(self, correlation: float) -> Spread:
        """Of the difference of two such players whose cases' true scores are correlated (0: other cases, or no relation)."""
        double = [None if v is None else 2 * v for v in (self.repeat, self.judge)]
        return Spread(2 * (1 - correlation) * self.case, *double)


class Prices(NamedTuple):
    """What one more case, one more play of a case and one more judgement of a play cost each, in one unit."""

    case: float = 0.0
    repeat: float = 1.0
    judge: float = 0.0

    def total(self, cases: float, repeats: float, judges: float) -> float:
        return cases * (self.case + repeats * (self.repeat + judges * self.judge))


class Design(NamedTuple):
    """Cases x repeats x judgements, and the price of it."""

    cases: int
    repeats: int
    judges: int
    price: float


Needed = Callable[[float], int | None]
"""From the variance a case brings to the number of cases; None when no number is enough."""


def cases_for_effect(variance: float, effect: float, alpha: float = ALPHA, power: float = POWER,
                     sides: int = 1) -> int | None:  # fmt: skip
    """Cases at which a true difference of ``effect`` is found with probability ``power``; ``variance``: what a case brings to
    the mean difference. ``sides`` 2: cases a side when the two answer different ones (their variances added). At least 2."""

    def reach(n: float) -> float:
        df = sides * (n - 1)
        return float((stdtrit(df, 1 - alpha / 2) + stdtrit(df, power)) * math.sqrt(variance / n))

    return _fewest(reach, effect)


def cases_for_half_width(variance: float, half_width: float, alpha: float = ALPHA, *, mean: float | None = None) -> int | None:
    """Cases at which the 1 - alpha interval of a mean is expected to reach ``half_width`` to each side. At least 2.

    ``mean``: where it is expected on a scale from 0 to 1 (variance and width in units of that scale): the interval is then
    Wilson's with n x(1-x)/v as the number of trials, as reports print it (`intervals`), wider than m +- t se near the ends.
    """

    def reach(n: float) -> float:
        t2, se2 = float(stdtrit(n - 1, 1 - alpha / 2)) ** 2, variance / n
        if mean is None:
            return math.sqrt(t2 * se2)
        inverse = se2 / (mean * (1 - mean))
        return math.sqrt(t2 * (se2 + t2 * inverse**2 / 4)) / (1 + t2 * inverse)

    return _fewest(reach, half_width)


def _fewest(reach: Callable[[float], float], wanted: float) -> int | None:
    """The smallest n of 2 or more with ``reach(n) <= wanted``; ``reach`` falls in n."""
    low, high = 1, 2
    while reach(high) > wanted:
        low, high = high, high * 2
        if high > MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reach(middle) <= wanted else (middle, high)
    return high


def best_repeats(prices: Prices, spread: Spread, judges: float = 1) -> float | None:
    """R*, the plays a case that get most out of any budget; below 1: one play of as many cases as there are. None when the
    variances or the price of a play are not known, infinite when only repeats vary."""
    price = prices.repeat + judges * prices.judge
    varies = None if spread.repeat is None else spread.repeat + (spread.judge or 0.0) / judges
    return None if varies is None else _root(prices.case, price, varies, spread.case)


def best_judges(prices: Prices, spread: Spread) -> float | None:
    """J*, the judgements a play that get most out of any budget; None when they are not known apart or cost nothing."""
    if spread.repeat is None or spread.judge is None:
        return None
    return _root(prices.repeat, prices.judge, spread.judge, spread.repeat)


def _root(outer_price: float, inner_price: float, inner: float, outer: float) -> float | None:
    if inner_price <= 0:
        return None
    if outer <= 0:
        return math.inf if inner > 0 else 0.0
    return math.sqrt(outer_price / inner_price * inner / outer)


def designs(spread: Spread, prices: Prices, needed: Needed, *, most: int | None = None,
            repeats: tuple[int, ...] = (1, 2, 3, 5, 10), judges: tuple[int, ...] = (1, 2, 3, 5)) -> list[Design]:  # fmt: skip
    """Designs that do what is wanted, cheapest first. ``most``: no more cases than this exist. Repeats and judgements are
    varied only where their variances are known apart."""
    found = []
    for r in repeats if spread.repeat is not None else (1,):
        for j in judges if spread.judge else (1,):
            n = needed(spread.per_case(r, j))
            if n is not None and (most is None or n <= most):
                found.append(Design(n, r, j, prices.total(n, r, j)))
    return sorted(found, key=lambda d: (d.price, d.repeats * d.judges, d.cases))


def gains(spread: Spread, prices: Prices, repeats: float, judges: float) -> dict[str, float]:
    """By how many per cent the standard error shrinks for one per cent more money, spent on more cases, on more
    repeats of all cases, or on more judgements of all plays: where the next call is best spent."""
    whole = prices.total(1, repeats, judges)
    variance = spread.per_case(repeats, judges)
    if whole <= 0 or variance <= 0:
        return {}
    found = {"cases": 0.5}
    if spread.repeat is not None:
        paid = repeats * (prices.repeat + judges * prices.judge)
        varies = spread.repeat / repeats + (spread.judge or 0.0) / (repeats * judges)
        found["repeats"] = 0.5 * varies / variance * whole / paid if paid > 0 else math.inf
    if spread.judge is not None and prices.judge > 0:
        paid = repeats * judges * prices.judge
        found["judgements"] = 0.5 * spread.judge / (repeats * judges) / variance * whole / paid
    return found
