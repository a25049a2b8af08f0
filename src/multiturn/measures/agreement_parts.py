"""What all measures of agreement share: their result, weights between levels, clusters, and the interval.

The interval is the delete-one-cluster jackknife (Tukey 1958; Efron & Stein 1981, Annals of Statistics 9:586), exact in what
it leaves out, se^2 = (G-1)/G sum_g (v_(g) - v)^2, with Satterthwaite's degrees of freedom. Coefficients from -1 to 1 get it
on Fisher's scale, atanh(v) +- t se / (1 - v^2); shares get Wilson's form (see `multiturn.measures.intervals`). With no
variation at all (perfect agreement) each cluster counts as one trial. Two clusters at least; narrow below about ten.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from .codes import Floats, Ints, number
from .figure import Scale
from .intervals import LEVEL, interval, satterthwaite, t_quantile

COEFFICIENT = Scale(low=-1.0, high=1.0, unit="", passing=1.0)
Clusters: TypeAlias = "Sequence[Hashable] | None"
Weights: TypeAlias = Literal["none", "linear", "quadratic"]


class Agreement(NamedTuple):
    """One coefficient: None where it does not exist. ``n``: pairs of values (or units) used.

    ``observed`` and ``expected``: agreement seen, and by chance (where the measure has them). ``majority``: the base rate,
    the share of the most frequent label: of the first rater, or of all when there is no first.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    clusters: int
    observed: float | None = None
    expected: float | None = None
    majority: float | None = None


def closeness(levels: int, weights: Weights) -> Floats:
    """How far two levels agree, 1 on the diagonal: 0 elsewhere, or 1 - |i-j| / (k-1), or 1 - (i-j)^2 / (k-1)^2 by their
    positions (Cohen 1968, Psychological Bulletin 70:213)."""
    apart = np.abs(np.subtract.outer(np.arange(levels), np.arange(levels))).astype(np.float64)
    lost = {"none": (apart > 0).astype(np.float64), "linear": apart, "quadratic": apart**2}[weights]
    return np.asarray(1 - lost / max(lost.max(initial=0.0), 1.0))


def ends(value: float, left_out: Floats, scale: Scale, level: float = LEVEL) -> tuple[float | None, float | None]:
    """Interval from the leave-one-cluster-out values. None with fewer than two clusters, or when one of them alone carries
    the measure (without it there is none)."""
    groups = len(left_out)
    if groups < 2 or not np.isfinite(value) or not np.isfinite(left_out).all():
        return None, None
    w = left_out - value
    se = float(np.sqrt((groups - 1) / groups * (w**2).sum()))
    counts = np.array([float(groups)])
    df = satterthwaite(np.array([(w**2).sum()]), np.array([(w**4).sum()]), counts)
    if scale is COEFFICIENT and -1 < value < 1 and se > 1e-12:
        half = float(t_quantile(df[0], level)) * se / (1 - value**2)
        return float(np.tanh(np.arctanh(value) - half)), float(np.tanh(np.arctanh(value) + half))
    low, high = interval(np.array([value]), np.array([se]), df, counts, scale, level=level)
    return number(low[0]), number(high[0])


def both(a: Sequence[Any], b: Sequence[Any]) -> list[int]:
    """The positions at which both sides have a value."""
    if len(a) != len(b):
        raise ValueError(f"{len(a)} values against {len(b)}")
    return [i for i in range(len(a)) if not (missing(a[i]) or missing(b[i]))]


def numbers(a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats, list[int]]:
    """The values of both sides where both have one, and their positions."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.shape != y.shape:
        raise ValueError(f"{len(x)} values against {len(y)}")
    keep = ~(np.isnan(x) | np.isnan(y))
    return x[keep], y[keep], np.flatnonzero(keep).tolist()


def missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def in_order(values: Iterable[Any]) -> list[Any]:
    """The distinct values: numbers by size, then text by letters."""
    return sorted(set(values), key=lambda v: (0, v, "") if isinstance(v, int | float) else (1, 0, str(v)))


def codes(values: Iterable[Hashable]) -> tuple[Ints, list[Hashable]]:
    """Small whole numbers for the values, in order of first appearance, and what they stand for."""
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(v, len(seen)) for v in values], dtype=np.int64), list(seen)


def groups_of(clusters: Clusters, keep: Sequence[int] | range) -> tuple[Ints, int]:
    """Cluster code of each kept position (each its own where none are named), and how many there are."""
    if clusters is None:
        return np.arange(len(keep)), len(keep)
    found, names = codes(clusters[i] for i in keep)
    return found, len(names)


def levels_of(values: Iterable[Any], labels: Sequence[Any] | None) -> dict[Any, int]:
    """Position of each label: as given, or those that occur, in order. Raises `ValueError` for a value that is no label."""
    found = in_order(values)
    code = {label: i for i, label in enumerate(found if labels is None else labels)}
    if unknown := [v for v in found if v not in code]:
        raise ValueError(f"{unknown[0]!r} is not among the labels {list(code)}")
    return code
