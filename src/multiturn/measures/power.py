"""How large a difference could have been found: the minimum detectable difference (Bloom 1995, Evaluation Review 19:547).

    MDD = (t_{1 - alpha/2, df} + t_{power, df}) * se

the true difference at which a two-sided test at ``alpha`` succeeds with probability ``power``, given the standard error
of the observed design. It approximates the non-central t (within 2 % from 5 clusters on).
"""

from __future__ import annotations

import math

from scipy.special import stdtrit

ALPHA, POWER = 0.05, 0.80


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
