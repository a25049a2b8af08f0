"""Means with intervals that respect clusters, near the ends of a scale and with few cases too.

The estimate is the mean over all values, a ratio of cluster totals:  m = sum_g y_g / sum_g n_g.

Standard error: the delete-one-cluster jackknife of that ratio (CR3; Bell & McCaffrey 2002, Survey Methodology 28:169),
    m_(g) - m = -w_g,   w_g = (y_g - m n_g) / (N - n_g),   se^2 = (G - 1)/G * sum_g w_g^2.
Repeating every value of a cluster multiplies y_g and n_g alike and changes nothing.

Degrees of freedom: Satterthwaite (1946, Biometrics Bulletin 2:110) with the variance of se^2 taken from the data,
    df = 2 (sum w^2)^2 / (G/(G-1) * (sum w^4 - (sum w^2)^2 / G)),   kept within [1, G - 1].
When few clusters carry all of the variation (a high score with rare failures), df falls and the interval widens.

Interval on a bounded scale: Wilson's score interval with the effective sample size n* = x(1-x)/se^2 of the mean x
rescaled to 0..1 and Student's t in place of z (Dean & Pagano 2015, J. Survey Statistics and Methodology 3:484). The scale
says more than the data about a variance that few clusters carry, in two ways. No variance of the mean can be larger than
v = x(1-x)/G', that of clusters all or nothing, G' = (sum n_g)^2 / sum n_g^2 of them; where the one seen comes near that,
k = min(se^2/v, 1), it is known and not guessed: 1/df' = k/(G'-1) + (1-k)/df. And where it is far below but rests on few
clusters, the worst may not have been seen yet: it is drawn towards v with weight 1/df^2 - 1/(G'-1)^2 (if v > se^2). The
first makes shares near 0 or 1 no wider than they must be, the second widens those of measures that lose rarely but much;
both vanish where many clusters carry the variance. Without bounds: m +- t se.
Differences (``wilson=False``, a scale from -h to h) have m +- t se', their standard error drawn in the same way towards
v = (h E|d| - m^2) / G', that of clusters which differ by h or not at all.

No variation at all (se = 0, as at 0 % or 100 %): each cluster counts as one trial. Wilson's bound on the share of
clusters that might have differed is q = t^2 / (G + t^2); they could have moved to either end of the scale, so the
interval is [m - q (m - low), m + q (high - m)]. At 0 % and 100 % this is the Wilson interval of G trials. On a scale
without an end (counts of words, calls) nothing can be said of what did not vary: no interval.

Limits: fewer than two clusters have no interval. In simulation (benchmarks/coverage.py, tables in docs/statistics.md) it
holds the truth 93 to 98 % of the time from 30 clusters on, unless a loss that moves the mean by more than the interval's
width is so rare that most samples do not contain it: nothing in such data can show it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from .codes import Floats, Ints, add_up, combine, compact, number
from .figure import FRACTION, Scale

LEVEL = 0.95
UNBOUNDED = Scale(low=-np.inf, high=np.inf, unit="", passing=np.inf)


class Means(NamedTuple):
    """Clustered means of many cells at once; arrays of one length. NaN where a value or an interval does not exist."""

    value: Floats
    low: Floats
    high: Floats
    se: Floats
    df: Floats
    clusters: Ints
    n: Ints


class Estimate(NamedTuple):
    """One clustered mean: None where a value or an interval does not exist."""

    value: float | None
    low: float | None
    high: float | None
    se: float | None
    n_clusters: int
    n_values: int


class Totals(NamedTuple):
    """Sums and counts of the values of each (cell, cluster) that has any; arrays of one length."""

    cell: Ints
    cluster: Ints
    total: Floats
    n: Floats


def totals(value: Floats, cluster: Ints, cell: Ints, cells: int) -> Totals:
    """Aggregate values to one sum and one count a cluster in each of ``cells`` cells; linear in the values."""
    n_clusters = int(cluster.max(initial=-1)) + 1
    present, position = compact(*combine((cell, cells), (cluster, n_clusters)))
    n = len(present)
    sums, counts = add_up(position, n, value), add_up(position, n)
    return Totals(present // max(n_clusters, 1), present % max(n_clusters, 1), sums, counts)


def t_quantile(df: Floats | float, level: float = LEVEL) -> Any:
    """Two-sided Student quantile: the central ``level`` of the distribution lies within +- this."""
    return stdtrit(df, 0.5 + level / 2)


def satterthwaite(sum2: Floats, sum4: Floats, clusters: Floats) -> Floats:
    """Degrees of freedom of a sum of squares from its terms' second and fourth power sums, within [1, clusters - 1]."""
    with np.errstate(all="ignore"):
        df = 2 * sum2**2 / (clusters / (clusters - 1) * (sum4 - sum2**2 / clusters))
    # All terms equal in size: the variance of the variance is 0 and df has no bound of its own.
    df = np.where((df > 0) & np.isfinite(df), df, np.inf)
    return np.clip(df, 1, np.maximum(clusters - 1, 1))


def interval(value: Floats, se: Floats, df: Floats, clusters: Floats, scale: Scale, *, wilson: bool = True,
             level: float = LEVEL, even: Floats | None = None) -> tuple[Floats, Floats]:  # fmt: skip
    """Interval ends (see the module's text). ``wilson=False``: t interval clipped to the scale (for differences).
    ``even``: G', how many clusters of one size these are worth (default: all)."""
    width = scale.high - scale.low
    t = t_quantile(df, level)
    low, high = value - t * se, value + t * se
    with np.errstate(all="ignore"):
        if wilson and np.isfinite(width):
            x, error = (value - scale.low) / width, se / width
            ends = _wilson(x, error, df, clusters if even is None else even, level)
            inside = (x > 0) & (x < 1)  # values off the scale are reported as they are, with the plain interval
            low, high = (np.where(inside, scale.low + width * end, plain) for end, plain in zip(ends, (low, high), strict=True))
        share = t_quantile(np.maximum(clusters - 1, 1), level) ** 2
        share = share / (clusters + share)
        still = se <= 1e-10 * np.maximum(np.abs(value), width if np.isfinite(width) else 1.0)
        low = np.where(still, value - share * (value - scale.low) if np.isfinite(width) else np.nan, low)
        high = np.where(still, value + share * (scale.high - value) if np.isfinite(width) else np.nan, high)
    on_scale = (value >= scale.low) & (value <= scale.high)
    low = np.minimum(np.where(on_scale, np.maximum(low, scale.low), low), value)
    high = np.maximum(np.where(on_scale, np.minimum(high, scale.high), high), value)
    none = (clusters < 2) | np.isnan(value) | np.isnan(se)
    return np.where(none, np.nan, low), np.where(none, np.nan, high)


def _drawn(variance: Floats, most: Floats, df: Floats, even: Floats) -> Floats:
    """A variance drawn towards the largest possible one, the more the fewer clusters it rests on."""
    return np.asarray(variance + np.maximum(most - variance, 0) * np.maximum(1 / df**2 - 1 / np.maximum(even - 1, 1) ** 2, 0))


def _wilson(x: Floats, se: Floats, df: Floats, even: Floats, level: float) -> tuple[Floats, Floats]:
    """Wilson's interval of a mean x on 0..1, with what the scale says about its variance (see the module's text)."""
    inverse = se**2 / (x * (1 - x))  # 1 / n*
    known = np.clip(inverse * even, 0, 1)
    inverse = _drawn(inverse, 1 / even, df, even)
    df = np.maximum(1 / (known / np.maximum(even - 1, 1) + (1 - known) / df), 1)
    t2 = t_quantile(df, level) ** 2
    middle = (x + t2 * inverse / 2) / (1 + t2 * inverse)
    half = np.sqrt(t2 * (x * (1 - x) * inverse + t2 * inverse**2 / 4)) / (1 + t2 * inverse)
    return middle - half, middle + half


def means(by: Totals, cells: int, scale: Scale = FRACTION, *, wilson: bool = True, level: float = LEVEL) -> Means:
    """Clustered mean and interval of each cell. Cells without values have value NaN."""
    cell = by.cell
    clusters, total, count = add_up(cell, cells), add_up(cell, cells, by.total), add_up(cell, cells, by.n)
    with np.errstate(all="ignore"):
        value = total / count
        w = (by.total - value[cell] * by.n) / (count[cell] - by.n)
        sum2, sum4 = add_up(cell, cells, w**2), add_up(cell, cells, w**4)
        se = np.where(clusters > 1, np.sqrt((clusters - 1) / clusters * sum2), np.nan)
        even = count**2 / add_up(cell, cells, by.n**2)
    df = satterthwaite(sum2, sum4, clusters)
    if not wilson and np.isfinite(scale.high):
        with np.errstate(all="ignore"):
            most = (add_up(cell, cells, np.abs(by.total)) / count * scale.high - value**2) / even
            se = np.where(se > 0, np.sqrt(_drawn(se**2, most, df, even)), se)
    low, high = interval(value, se, df, clusters, scale, wilson=wilson, level=level, even=even)
    return Means(value, low, high, se, df, clusters.astype(np.int64), count.astype(np.int64))


def clustered_mean(values: ArrayLike, clusters: ArrayLike, scale: Scale = FRACTION, level: float = LEVEL) -> Estimate:
    """Mean of ``values`` with an interval clustered by ``clusters`` (labels of any kind, one a value); NaN = not measured."""
    value = np.asarray(values, dtype=np.float64)
    keep = ~np.isnan(value)
    labels, code = np.unique(np.asarray(clusters)[keep], return_inverse=True)
    code = code.reshape(-1).astype(np.int64)
    found = means(totals(value[keep], code, np.zeros_like(code), 1), 1, scale, level=level)
    return Estimate(number(found.value[0]), number(found.low[0]), number(found.high[0]), number(found.se[0]), len(labels),
                    int(keep.sum()))  # fmt: skip
