"""Many tests at once: p-values adjusted so that looking at all of them is not looking for luck.

Sorted p_(1) <= … <= p_(m) of m tests:

Holm (1979, Scandinavian J. Statistics 6:65):   q_(i) = max_{j <= i} min(1, (m - j + 1) p_(j))
    Rejecting where q < 5 % makes any false finding at all no more likely than 5 %, however the tests depend on each other.

Benjamini & Hochberg (1995, JRSS B 57:289):   q_(i) = min_{j >= i} min(1, m p_(j) / j)
    Rejecting where q < 5 % keeps the expected share of false ones among the findings below 5 %, for independent or
    positively dependent tests (Benjamini & Yekutieli 2001, Annals of Statistics 29:1165).

A p-value that does not exist (NaN) is no test: it stays NaN and is not counted in m.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from .codes import Floats


def holm(p: ArrayLike) -> Floats:
    """Holm's adjusted p-values, in the order given: never below p, never above 1, in the order of p."""

    def adjust(sorted_p: Floats) -> Floats:
        m = len(sorted_p)
        return np.maximum.accumulate((m - np.arange(m)) * sorted_p)

    return _adjusted(p, adjust)


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Benjamini and Hochberg's adjusted p-values (q-values), in the order given; never above Holm's."""

    def adjust(sorted_p: Floats) -> Floats:
        m = len(sorted_p)
        return np.minimum.accumulate((m / np.arange(1, m + 1) * sorted_p)[::-1])[::-1]

    return _adjusted(p, adjust)


def _adjusted(p: ArrayLike, adjust: Callable[[Floats], Floats]) -> Floats:
    values = np.asarray(p, dtype=np.float64)
    there = np.flatnonzero(~np.isnan(values))
    order = there[np.argsort(values[there], kind="stable")]
    out = np.full(values.shape, np.nan)
    out[order] = np.minimum(adjust(values[order]), 1.0)
    return out
