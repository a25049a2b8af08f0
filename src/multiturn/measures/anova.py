"""One-way analysis of variance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc


class Anova(NamedTuple):
    """F statistic, its p-value, and the degrees of freedom between and within groups."""

    f: float
    p: float
    between: int
    within: int


def one_way(groups: Sequence[ArrayLike]) -> Anova:
    """Do the groups have one mean? F = (SS_between / (k - 1)) / (SS_within / (N - k)), Fisher 1925.

    Takes every value as independent: right for one value a case, too sure where cases appear in several groups (then
    compare them in pairs). Raises `ValueError` with fewer than two groups, an empty group, or no value to spare.
    """
    arrays = [np.asarray(group, dtype=np.float64) for group in groups]
    sizes = np.array([len(a) for a in arrays])
    if len(arrays) < 2 or sizes.min() < 1 or sizes.sum() <= len(arrays):
        raise ValueError("analysis of variance needs at least two groups, none empty, and more values than groups")
    grand = np.concatenate(arrays).mean()
    ss_between = float(sum(n * (a.mean() - grand) ** 2 for n, a in zip(sizes, arrays, strict=True)))
    ss_within = float(sum(((a - a.mean()) ** 2).sum() for a in arrays))
    between, within = len(arrays) - 1, int(sizes.sum()) - len(arrays)
    if ss_within == 0:
        return Anova(float("inf") if ss_between else 0.0, 0.0 if ss_between else 1.0, between, within)
    f = (ss_between / between) / (ss_within / within)
    return Anova(f, float(fdtrc(between, within, f)), between, within)
