"""Kendall's W: how far several rankings of the same things agree (Kendall & Babington Smith 1939, Ann. Math. Stat. 10:275)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from .correlation import midranks


class Concordance(NamedTuple):
    """``w``: 0 (rank sums all equal) to 1 (one ranking), None where every ranking is one tie; about 1/m for m rankings at
    random. ``rho``: the mean Spearman correlation of two of them, (m W - 1) / (m - 1), exact without ties. ``chi2`` with
    ``df``, ``p``: the test against random rankings, good from m n of about 30. ``rankings``, ``things``: m and n."""

    w: float | None
    rho: float | None
    chi2: float | None
    df: int
    p: float | None
    rankings: int
    things: int


def concordance(rankings: ArrayLike) -> Concordance:
    """Kendall's W with the correction for ties of m rankings (rows) of n things (columns), as ranks or as scores.

    W = 12 S / (m^2 (n^3 - n) - m T),  S = sum_j (R_j - m (n+1)/2)^2 of the rank sums R_j,  T = sum over ties of t things of
    t^3 - t;  m (n-1) W is about chi-square with n - 1 degrees of freedom (Kendall 1948, Rank Correlation Methods, ch. 6).
    Raises `ValueError` with fewer than two rankings or things, and where a value is missing: ask again, don't repair.
    """
    table = np.asarray(rankings, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2:
        raise ValueError("Kendall's W needs two rankings or more, all of the same two things or more")
    if np.isnan(table).any():
        raise ValueError("Kendall's W needs complete rankings: a value is missing")
    m, n = table.shape
    ranks = np.array([midranks(row) for row in table])
    ties = sum(float((times.astype(np.float64) ** 3 - times).sum()) for times in (_times(row) for row in table))
    spread = float(((ranks.sum(axis=0) - m * (n + 1) / 2) ** 2).sum())
    most = m**2 * (n**3 - n) - m * ties
    if most <= 0:
        return Concordance(None, None, None, n - 1, None, m, n)
    w = min(12 * spread / most, 1.0)
    chi2 = m * (n - 1) * w
    return Concordance(w, (m * w - 1) / (m - 1), chi2, n - 1, float(chdtrc(n - 1, chi2)), m, n)


def _times(row: np.ndarray) -> np.ndarray:
    return np.unique(row, return_counts=True)[1]
