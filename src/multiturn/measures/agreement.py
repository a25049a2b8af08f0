"""How far two or more judges agree, each figure with an interval clustered by item.

Every measure leaves out what is missing (None, NaN) and says how much was used. ``clusters`` names the sampling unit of
each pair of values (the item, or the document several items share); by default each position is its own.

Intervals: the delete-one-cluster jackknife (Tukey 1958; Efron & Stein 1981, Annals of Statistics 9:586), exact in what it
leaves out, se^2 = (G-1)/G sum_g (v_(g) - v)^2, with Satterthwaite's degrees of freedom. Coefficients from -1 to 1 get the
interval on Fisher's scale atanh(v) with se / (1 - v^2); shares get Wilson's form (see `multiturn.measures.intervals`). With no
variation at all (perfect agreement) each cluster counts as one trial. Two clusters at least; narrow below about ten.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from .codes import Floats, Ints, add_up, number
from .figure import FRACTION, Scale
from .intervals import LEVEL, clustered_mean, interval, satterthwaite, t_quantile

COEFFICIENT = Scale(low=-1.0, high=1.0, unit="", passing=1.0)
Clusters: TypeAlias = "Sequence[Hashable] | None"
_GROUPS = 200  # leave-one-out sets of a measure that must be computed anew for each; more clusters are pooled
_CHUNK = 4_000_000


class Agreement(NamedTuple):
    """One coefficient: None where it does not exist. ``n``: pairs of values (or units) used.

    ``observed`` and ``expected``: agreement seen, and by chance from the raters' own frequencies (where the measure has
    them). ``majority``: the base rate, the share of the most frequent label: of the first rater, or of all when there is no
    first.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    clusters: int
    observed: float | None = None
    expected: float | None = None
    majority: float | None = None


# -- two raters, labels -----------------------------------------------------------------------------------------------
def exact_agreement(a: Sequence[Hashable], b: Sequence[Hashable], clusters: Clusters = None) -> Agreement:
    """The share of positions with equal labels, 0 to 1."""
    keep = _both(a, b)
    same = [float(a[i] == b[i]) for i in keep]
    found = clustered_mean(same, [i if clusters is None else _key(clusters[i]) for i in keep])
    first = _codes([a[i] for i in keep])[0]
    majority = float(np.bincount(first).max() / len(first)) if len(first) else None
    return Agreement(found.value, found.low, found.high, found.n_values, found.n_clusters, found.value, majority=majority)


def cohen_kappa(
    a: Sequence[Hashable], b: Sequence[Hashable], clusters: Clusters = None,
    weights: Literal["none", "linear", "quadratic"] = "none", labels: Sequence[Any] | None = None,
) -> Agreement:  # fmt: skip
    """Cohen's kappa, (p_o - p_e) / (1 - p_e), from -1 to 1 (Cohen 1960, Educational and Psychological Measurement 20:37).

    ``weights``: disagreement by distance in the order of ``labels`` (default: sorted), |i-j| or (i-j)^2 (Cohen 1968,
    Psychological Bulletin 70:213); then ``observed`` and ``expected`` are weighted, too. None when both raters use one label
    only: chance explains everything. With rare labels kappa is low at high agreement: read it beside ``majority``.
    """
    keep = _both(a, b)
    order = list(labels) if labels is not None else sorted({*(a[i] for i in keep), *(b[i] for i in keep)}, key=_sort)
    code = {label: i for i, label in enumerate(order)}
    k = max(len(order), 1)
    cell = np.array([code[a[i]] * k + code[b[i]] for i in keep], dtype=np.int64)
    group, groups = _groups(clusters, keep)
    table = add_up(group * k * k + cell, groups * k * k).reshape(groups, k, k)
    distance = np.abs(np.subtract.outer(np.arange(k), np.arange(k))).astype(np.float64)
    lost = {"none": (distance > 0).astype(np.float64), "linear": distance, "quadratic": distance**2}[weights]
    lost /= max(lost.max(), 1.0)
    total = table.sum(axis=0)

    def kappa(counts: Floats) -> tuple[Floats, Floats, Floats]:
        n = counts.sum(axis=(1, 2))
        with np.errstate(all="ignore"):
            rows, columns = counts.sum(axis=2) / n[:, None], counts.sum(axis=1) / n[:, None]
            seen = 1 - (counts * lost).sum(axis=(1, 2)) / n
            chance = 1 - np.einsum("gi,ij,gj->g", rows, lost, columns)
            return (seen - chance) / (1 - chance), seen, chance

    value, seen, chance = (float(x[0]) for x in kappa(total[None]))
    low, high = _ends(value, kappa(total - table)[0], COEFFICIENT)
    majority = number(total.sum(axis=1).max() / max(total.sum(), 1)) if len(keep) else None
    return Agreement(number(value), low, high, len(keep), groups, number(seen), number(chance), majority)


# -- any number of raters ---------------------------------------------------------------------------------------------
def fleiss_kappa(ratings: Sequence[Sequence[Hashable]], clusters: Clusters = None) -> Agreement:
    """Fleiss' kappa of items x raters, from -1 to 1 (Fleiss 1971, Psychological Bulletin 76:378).

    P_i = (sum_j n_ij^2 - m) / (m (m - 1)), kappa = (mean P_i - sum_j p_j^2) / (1 - sum_j p_j^2), for m >= 2 raters an item.
    Raises `ValueError` when items differ in their number of raters: use `krippendorff_alpha` then.
    """
    m = {len(row) for row in ratings}
    if len(m) > 1 or (m and min(m) < 2):
        raise ValueError(f"Fleiss' kappa needs the same number of raters (2 or more) for every item, not {sorted(m)}")
    raters = m.pop() if m else 2
    codes, names = _codes([label for row in ratings for label in row])
    k, items = max(len(names), 1), len(ratings)
    counts = add_up(np.repeat(np.arange(items), raters) * k + codes, items * k).reshape(items, k)
    agree = ((counts**2).sum(axis=1) - raters) / (raters * (raters - 1))
    group, groups = _groups(clusters, range(items))
    by = np.column_stack([add_up(group, groups, agree), add_up(group, groups),
                          *(add_up(group, groups, counts[:, j]) for j in range(k))])  # fmt: skip
    total = by.sum(axis=0)

    def kappa(sums: Floats) -> tuple[Floats, Floats, Floats]:
        with np.errstate(all="ignore"):
            seen = sums[:, 0] / sums[:, 1]
            chance = ((sums[:, 2:] / sums[:, 2:].sum(axis=1, keepdims=True)) ** 2).sum(axis=1)
            return (seen - chance) / (1 - chance), seen, chance

    value, seen, chance = (float(x[0]) for x in kappa(total[None]))
    low, high = _ends(value, kappa(total - by)[0], COEFFICIENT)
    majority = number(total[2:].max() / total[2:].sum()) if items else None
    return Agreement(number(value), low, high, items, groups, number(seen), number(chance), majority)


def krippendorff_alpha(
    ratings: Sequence[Sequence[Any]], level: Literal["nominal", "ordinal", "interval", "ratio"] = "nominal",
    clusters: Clusters = None,
) -> Agreement:  # fmt: skip
    """Krippendorff's alpha of units x raters with any values missing, at most 1; 0 = chance, below 0 = worse.

    alpha = 1 - D_o / D_e from the matrix of coincidences, with the distance of the level of measurement: nominal 0/1, ordinal
    (by ranks), interval (c - k)^2, ratio ((c - k) / (c + k))^2 (Krippendorff 2011, "Computing Krippendorff's alpha-reliability").
    Units with one value or none say nothing and are left out. None when all values are equal.
    """
    units = [[v for v in unit if not _missing(v)] for unit in ratings]
    kept = [i for i, unit in enumerate(units) if len(unit) > 1]
    values = [v for i in kept for v in units[i]]
    names = sorted(set(values), key=_sort)
    code, k = {v: i for i, v in enumerate(names)}, max(len(names), 1)
    group, groups = _groups(clusters, kept)
    both = np.zeros((groups, k, k))
    for at, i in enumerate(kept):
        n = np.bincount([code[v] for v in units[i]], minlength=k).astype(np.float64)
        both[group[at]] += (np.outer(n, n) - np.diag(n)) / (n.sum() - 1)
    total = both.sum(axis=0)

    def alpha(coincidences: Floats) -> tuple[float, float, float]:
        margin = coincidences.sum(axis=1)
        n = margin.sum()
        distance = _distance(names, margin, level)
        with np.errstate(all="ignore"):
            seen = (coincidences * distance).sum() / n
            chance = (np.outer(margin, margin) * distance).sum() / (n * (n - 1))
            return float(1 - seen / chance), float(seen), float(chance)

    value, seen, chance = alpha(total)
    low, high = _ends(value, np.array([alpha(total - each)[0] for each in both]), COEFFICIENT)
    margin = total.sum(axis=1)
    majority = number(margin.max() / margin.sum()) if len(kept) else None
    agreed = (number(1 - seen), number(1 - chance)) if level == "nominal" else (None, None)
    return Agreement(number(value), low, high, len(kept), groups, *agreed, majority)


def _distance(names: Sequence[Any], margin: Floats, level: str) -> Floats:
    k = len(margin)
    if level == "nominal" or not names:
        return 1 - np.eye(k)
    if level == "ordinal":
        upto = np.cumsum(margin) - margin / 2  # n_c / 2 + all below
        return np.asarray(np.subtract.outer(upto, upto) ** 2)
    value = np.array(names, dtype=np.float64)
    difference = np.subtract.outer(value, value)
    if level == "ratio":
        with np.errstate(all="ignore"):
            difference = np.nan_to_num(difference / np.add.outer(value, value))
    return np.asarray(difference**2)


# -- two raters, numbers ----------------------------------------------------------------------------------------------
def spearman(a: ArrayLike, b: ArrayLike, clusters: Clusters = None) -> Agreement:
    """Spearman's rank correlation: Pearson's of the mid-ranks (Spearman 1904), -1 to 1. None when one side is constant.

    The jackknife ranks anew each time; over 200 clusters are pooled into 200 (Kott 2001, J. Official Statistics 17:521).
    """
    x, y, keep = _numbers(a, b)
    group, groups = _groups(clusters, keep)
    value = _rank_correlation(x, y)
    pools = min(groups, _GROUPS)
    left = [_rank_correlation(x[group % pools != g], y[group % pools != g]) for g in range(pools)]
    low, high = _ends(value, np.array(left), COEFFICIENT)
    return Agreement(number(value), low, high, len(keep), groups)


def _rank_correlation(x: Floats, y: Floats) -> float:
    x, y = midranks(x), midranks(y)
    x, y = x - x.mean() if len(x) else x, y - y.mean() if len(y) else y
    with np.errstate(all="ignore"):
        return float(np.clip((x @ y) / np.sqrt((x @ x) * (y @ y)), -1, 1))


def midranks(values: Floats) -> Floats:
    """Ranks from 1, ties share the mean of theirs."""
    _, code, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2)[code.reshape(-1)])


def kendall(a: ArrayLike, b: ArrayLike, clusters: Clusters = None) -> Agreement:
    """Kendall's tau-b: (C - D) / sqrt((n0 - n1)(n0 - n2)), pairs tied on a side taken from its root (Kendall 1945,
    Biometrika 33:239), -1 to 1. None when one side is constant. Quadratic in the values."""

    def tau(sums: Floats) -> Floats:
        with np.errstate(all="ignore"):
            return np.asarray(sums[:, 0] / np.sqrt(sums[:, 1] * sums[:, 2]))

    return _over_pairs(a, b, clusters, lambda x, y: (x * y, x * x, y * y), tau, COEFFICIENT)


def pairwise_accuracy(scores: ArrayLike, truth: ArrayLike, clusters: Clusters = None, *, ties: bool = False) -> Agreement:
    """The share of pairs of items that ``scores`` orders as ``truth`` does, 0 to 1.

    Pairs tied in ``truth`` are left out and a tie of ``scores`` is half right: (tau-like) 0.5 for a constant judge. With
    ``ties`` all pairs count and a tie is right where both tie (acc_eq of Deutsch et al. 2023, arXiv 2305.14324).
    """

    def share(sums: Floats) -> Floats:
        with np.errstate(all="ignore"):
            return np.asarray(sums[:, 0] / sums[:, 1])

    def terms(x: Floats, y: Floats) -> tuple[Floats, ...]:
        if ties:
            return (x == y).astype(np.float64), np.ones_like(x)
        return (x * y + 1) / 2 * np.abs(y), np.abs(y)

    return _over_pairs(scores, truth, clusters, terms, share, FRACTION)


def _over_pairs(a: ArrayLike, b: ArrayLike, clusters: Clusters, terms: Callable[[Floats, Floats], tuple[Floats, ...]],
                statistic: Callable[[Floats], Floats], scale: Scale) -> Agreement:  # fmt: skip
    """A statistic of sums over ordered pairs of values, given the signs of their differences on both sides. Leaving out a
    cluster takes away the pairs that touch it: its row and column sums less those inside it."""
    x, y, keep = _numbers(a, b)
    group, groups = _groups(clusters, keep)
    n = len(keep)
    count = len(terms(np.zeros((1, 1)), np.zeros((1, 1))))
    touch, inside = np.zeros((groups, count)), np.zeros((groups, count))
    step = max(1, _CHUNK // max(n, 1))
    for start in range(0, n, step):
        rows = slice(start, start + step)
        sx, sy = np.sign(x[rows, None] - x[None]), np.sign(y[rows, None] - y[None])
        same = group[rows, None] == group[None]
        other = np.arange(n)[rows, None] != np.arange(n)[None]
        for t, term in enumerate(terms(sx, sy)):
            term = term * other
            np.add.at(touch[:, t], group[rows], term.sum(axis=1))
            np.add.at(inside[:, t], group[rows], (term * same).sum(axis=1))
    total = touch.sum(axis=0)
    value = float(statistic(total[None])[0])
    low, high = _ends(value, statistic(total - 2 * touch + inside), scale)
    return Agreement(number(value), low, high, n, groups)


# -- shared -----------------------------------------------------------------------------------------------------------
def _ends(value: float, left_out: Floats, scale: Scale, level: float = LEVEL) -> tuple[float | None, float | None]:
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


def _both(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[int]:
    if len(a) != len(b):
        raise ValueError(f"{len(a)} values against {len(b)}")
    return [i for i in range(len(a)) if not (_missing(a[i]) or _missing(b[i]))]


def _numbers(a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats, list[int]]:
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.shape != y.shape:
        raise ValueError(f"{len(x)} values against {len(y)}")
    keep = ~(np.isnan(x) | np.isnan(y))
    return x[keep], y[keep], np.flatnonzero(keep).tolist()


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def _sort(value: Any) -> tuple[int, Any]:
    return (0, value) if isinstance(value, int | float) else (1, str(value))


def _key(value: Hashable) -> str:
    return repr(value)


def _codes(values: Iterable[Hashable]) -> tuple[Ints, list[Hashable]]:
    seen: dict[Hashable, int] = {}
    codes = np.array([seen.setdefault(v, len(seen)) for v in values], dtype=np.int64)
    return codes, list(seen)


def _groups(clusters: Clusters, keep: Sequence[int] | range) -> tuple[Ints, int]:
    """Cluster code of each kept position, and how many there are."""
    codes, names = _codes(range(len(keep)) if clusters is None else (clusters[i] for i in keep))
    return codes, len(names)
