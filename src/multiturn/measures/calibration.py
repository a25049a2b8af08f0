"""Is a stated confidence worth something? Calibration errors, and how well confidence sorts right from wrong.

``confidence`` is 0 to 1 (see `clean_confidence`), ``correct`` 0 or 1 (or a score between); NaN in either is left out.
``clusters`` names the sampling unit of each item (default: each its own). Smooth means (Brier, wrong at high confidence)
have the interval of `multiturn.measures.intervals`, the area under the risk-coverage curve the delete-one-cluster jackknife
(over 200 clusters pooled into 200), the expected calibration error the one described there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from .agreement_parts import Clusters, ends, groups_of, numbers
from .codes import Floats, Ints, add_up, number
from .figure import FRACTION
from .intervals import LEVEL, Estimate, clustered_mean, interval, satterthwaite, t_quantile

Binning: TypeAlias = Literal["width", "mass"]
_GROUPS = 200


def clean_confidence(said: Sequence[Any], missing: float = np.nan) -> Floats:
    """Stated confidences as fractions: numbers, or text such as "0.8", "80" or "80%".

    A column whose largest number is above 1 is taken as per cent. What is no number, or lies outside 0 to 100 %, becomes
    ``missing`` (ObjexMT, arXiv 2508.16889, takes 0.5).
    """
    found, percent = np.full(len(said), np.nan), np.zeros(len(said), dtype=bool)
    for i, value in enumerate(said):
        text = str(value).strip()
        percent[i] = text.endswith("%")
        try:
            found[i] = np.nan if isinstance(value, bool) else float(text.removesuffix("%"))
        except ValueError:
            continue
    plain = found[~percent & np.isfinite(found)]
    scale = np.where(percent | bool(plain.max(initial=0.0) > 1), 100.0, 1.0)
    found = found / scale
    with np.errstate(invalid="ignore"):
        return np.where((found >= 0) & (found <= 1), found, missing)


# -- calibration error ------------------------------------------------------------------------------------------------
def ece(confidence: ArrayLike, correct: ArrayLike, clusters: Clusters = None, *, bins: int = 10, by: Binning = "width",
        debiased: bool = False) -> Estimate:  # fmt: skip
    """Expected calibration error: sum over bins b of n_b / N * |mean confidence - share correct| (Naeini et al. 2015), 0 to 1.

    Bins: ``by`` "width" [i/bins, (i+1)/bins), the last closed; or "mass", about equally many items, ties kept together.
    The plain value is too high: noise in a bin never cancels. ``debiased`` takes off what noise adds (Kumar, Liang & Ma
    2019, arXiv 1909.10155): with D_b ~ N(d_b, s_b^2) the signed sum of a bin / N and its clustered error,
    sum_b 2 |D_b| - E|N(D_b, s_b)|, not below 0. The interval is that value +- t se (jackknife) for either form, stretched
    to hold the value; its lower end is 0 where the plain value is no larger than noise alone makes it (sum_b |N(0, s)|,
    mean + t sd).
    """
    c, y, keep = numbers(confidence, correct)
    group, groups = groups_of(clusters, keep)
    if not len(c):
        return Estimate(None, None, None, None, 0, 0)
    at, kinds = binned(c, bins, by)
    gap = add_up(group * kinds + at, groups * kinds, c - y).reshape(groups, kinds) / len(c)
    d = gap.sum(axis=0)
    plain = float(np.abs(d).sum())
    if groups < 2:
        return Estimate(plain, None, None, None, groups, len(c))
    # One-cluster shares of each D_b, centred: what the variance of the signed sums is made of.
    dev = gap - d * (add_up(group, groups) / len(c))[:, None]
    cov = groups / (groups - 1) * dev.T @ dev
    s = np.sqrt(np.diag(cov))
    centre = max(plain - float((_folded(d, s) - np.abs(d)).sum()), 0.0)
    signed = dev @ np.sign(d)
    sum2, sum4 = np.array([(signed**2).sum()]), np.array([(signed**4).sum()])
    se = np.sqrt(groups / (groups - 1) * sum2)
    df = satterthwaite(sum2, sum4, np.array([float(groups)]))
    low, high = interval(np.array([centre]), se, df, np.array([float(groups)]), FRACTION, wilson=False)
    if plain <= np.sqrt(2 / np.pi) * s.sum() + float(t_quantile(df[0], LEVEL)) * _sd_of_folded(cov, s):
        low[0] = 0.0
    value = centre if debiased else plain
    return Estimate(value, min(float(low[0]), value), max(float(high[0]), value), number(se[0]), groups, len(c))


def binned(confidence: Floats, bins: int, by: Binning) -> tuple[Ints, int]:
    """The bin of each confidence and the number of bins."""
    if by == "mass":
        edges = np.unique(np.quantile(confidence, np.arange(1, bins) / bins, method="inverted_cdf"))
        return np.searchsorted(edges, confidence, side="left").astype(np.int64), len(edges) + 1
    # Edges as the decimals they are named by: 0.3 * 10 is 3.0000000000000004 the other way round.
    edges = np.arange(1, bins) / bins
    return np.searchsorted(edges, confidence, side="right").astype(np.int64), bins


def _folded(mean: Floats, sd: Floats) -> Floats:
    """E|X| of X ~ N(mean, sd^2) (Leone, Nelson & Nottingham 1961, Technometrics 3:543)."""
    a = np.abs(mean)
    z = a / np.where(sd > 0, sd, 1.0)
    return np.where(sd > 0, sd * np.sqrt(2 / np.pi) * np.exp(-(z**2) / 2) + a * (1 - 2 * ndtr(-z)), a)


def _sd_of_folded(cov: Floats, s: Floats) -> float:
    """Standard deviation of sum_b |X_b| for X ~ N(0, cov): cov(|X|, |Y|) = 2/pi (r asin r + sqrt(1 - r^2) - 1) s_x s_y."""
    both = np.outer(s, s)
    r = np.clip(np.divide(cov, both, out=np.zeros_like(cov), where=both > 0), -1, 1)
    return float(np.sqrt(max((2 / np.pi * (r * np.arcsin(r) + np.sqrt(1 - r**2) - 1) * both).sum(), 0.0)))


def brier(confidence: ArrayLike, correct: ArrayLike, clusters: Clusters = None) -> Estimate:
    """Brier score: the mean of (confidence - correct)^2, 0 (best) to 1; 0.25 for always saying 0.5 (Brier 1950)."""
    c, y, keep = numbers(confidence, correct)
    return clustered_mean((c - y) ** 2, groups_of(clusters, keep)[0])


class Murphy(NamedTuple):
    """Brier = ``reliability`` - ``resolution`` + ``uncertainty`` + ``within``: miscalibration (0 is best), how far the bins
    differ in what is right (more is better), base rate * (1 - base rate), and what binning hides (0 for one value a bin)."""

    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float


def murphy(confidence: ArrayLike, correct: ArrayLike, bins: int | None = None, by: Binning = "width") -> Murphy | None:
    """Decomposition of the Brier score (Murphy 1973, J. Applied Meteorology 12:595), one bin for each distinct confidence or
    ``bins`` bins; then ``within`` is the variance less twice the covariance inside bins (Stephenson et al. 2008, Weather and
    Forecasting 23:752). None without items. ``correct`` must be 0 or 1 for uncertainty to have its usual form."""
    c, y, _ = numbers(confidence, correct)
    if not len(c):
        return None
    at, kinds = (np.unique(c, return_inverse=True)[1].reshape(-1), len(np.unique(c))) if bins is None else binned(c, bins, by)
    n = add_up(at, kinds)
    used = n > 0
    n, mean, right = n[used], add_up(at, kinds, c)[used], add_up(at, kinds, y)[used]
    mean, right, weight = mean / n, right / n, n / len(c)
    score, base = float(((c - y) ** 2).mean()), float(y.mean())
    reliability, resolution = float(weight @ (mean - right) ** 2), float(weight @ (right - base) ** 2)
    uncertainty = float(y.var())
    return Murphy(score, reliability, resolution, uncertainty, score - reliability + resolution - uncertainty)


# -- selection by confidence ------------------------------------------------------------------------------------------
def wrong_at(confidence: ArrayLike, correct: ArrayLike, at: float, clusters: Clusters = None) -> Estimate:
    """Wrong at high confidence, W@t: the share wrong among items with confidence >= ``at``, 0 to 1; none without such items."""
    c, y, keep = numbers(confidence, correct)
    group = groups_of(clusters, keep)[0]
    sure = c >= at
    return clustered_mean(1 - y[sure], group[sure])


class RiskCoverage(NamedTuple):
    """``risk[k]``: the share wrong among the ``coverage[k]`` most confident items."""

    coverage: Floats
    risk: Floats


def risk_coverage(confidence: ArrayLike, correct: ArrayLike) -> RiskCoverage:
    """The risk-coverage curve (El-Yaniv & Wiener 2010), at coverage 1/N to 1.

    Items of equal confidence are taken in no order: the risk is its mean over all orders, e + j/m * e' wrong among the
    first s + j, with s items and e errors above the tie and e' errors among its m.
    """
    c, y, _ = numbers(confidence, correct)
    return RiskCoverage(np.arange(1, len(c) + 1) / max(len(c), 1), _risk(c, 1 - y))


def _risk(c: Floats, wrong: Floats) -> Floats:
    _, tie, times = np.unique(-c, return_inverse=True, return_counts=True)
    share = add_up(tie.reshape(-1), len(times), wrong) / np.maximum(times, 1)
    return np.asarray(np.cumsum(np.repeat(share, times)) / np.arange(1, len(c) + 1))


def aurc(confidence: ArrayLike, correct: ArrayLike, clusters: Clusters = None) -> Estimate:
    """Area under the risk-coverage curve, by trapezoids from coverage 1/N to 1: 0 is best (Geifman et al. 2019).

    Ties have no order (see `risk_coverage`). A confidence that says nothing has about the error rate.
    """
    c, y, keep = numbers(confidence, correct)
    group, groups = groups_of(clusters, keep)
    if not len(c):
        return Estimate(None, None, None, None, 0, 0)
    value, pools = _area(c, 1 - y), min(groups, _GROUPS)
    left = np.array([_area(c[group % pools != g], 1 - y[group % pools != g]) for g in range(pools)])
    low, high = ends(value, left, FRACTION)
    se = float(np.sqrt((pools - 1) / pools * ((left - value) ** 2).sum())) if pools > 1 else np.nan
    return Estimate(value, low, high, number(se), groups, len(c))


def _area(c: Floats, wrong: Floats) -> float:
    risk = _risk(c, wrong)
    return float((risk[1:] + risk[:-1]).sum() / 2 / len(c)) if len(c) else np.nan


# -- a threshold on a score -------------------------------------------------------------------------------------------
class Threshold(NamedTuple):
    """``at``: the first threshold with the largest F1; ``last``: the last one of the unbroken stretch of equal F1 after it.
    Precision, recall and accuracy at it."""

    at: float
    last: float
    f1: float
    precision: float
    recall: float
    accuracy: float


def best_threshold(score: ArrayLike, positive: ArrayLike, grid: ArrayLike | None = None) -> Threshold | None:
    """The threshold t on a score for which calling ``score >= t`` positive has the largest F1 against people's labels.

    ``grid``: thresholds to try, ascending (default 0.00, 0.01, ..., 1.00). A wide stretch ``at`` to ``last`` says that the
    labels leave the threshold open. None without a positive label.
    """
    s, y, _ = numbers(score, positive)
    tries = np.arange(101) / 100 if grid is None else np.asarray(grid, dtype=np.float64)
    ordered, right = np.sort(s), np.sort(s[y > 0.5])
    if not len(right) or not len(tries):
        return None
    called = len(s) - np.searchsorted(ordered, tries, side="left")
    hits = len(right) - np.searchsorted(right, tries, side="left")
    f1 = 2 * hits / (called + len(right))
    first = int(np.argmax(f1))
    lower = np.flatnonzero(f1[first:] < f1[first])
    last = first + (int(lower[0]) if len(lower) else len(tries) - first) - 1
    correct = len(s) - called[first] - len(right) + 2 * hits[first]
    return Threshold(float(tries[first]), float(tries[last]), float(f1[first]), float(hits[first] / max(called[first], 1)),
                     float(hits[first] / len(right)), float(correct / len(s)))  # fmt: skip
