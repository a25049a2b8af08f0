"""A benchmark's score corrected for the errors of the judge that gave it.

Two situations, two methods:

 * The judge was tried on *other* labelled items: `rogan_gladen` for right or wrong, `corrected_mean` for several levels.
   They hold if the judge errs there as often as here, given the truth; how often things are right there does not matter.
 * Some of the judged items *themselves* have labels of people: `ppi_mean`. It holds for any judge, however bad, if the
   labelled cases are a random sample of the cases.

``clusters`` names the sampling unit of each item (default: each its own). What cannot be corrected has no value but a note.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .agreement_parts import Clusters, groups_of, numbers
from .codes import Floats, Ints, add_up, number
from .figure import FRACTION, Scale
from .intervals import LEVEL, Estimate, clustered_mean, interval, means, satterthwaite, t_quantile, totals

LABELLED = 20
"""Cases with labels that `ppi_mean` needs: with fewer its interval held too seldom in simulation."""
CHANCE = "the judge is no better than chance on the labelled items"
CONSTANT = "the judge always gives the same answer on the labelled items"


class Corrected(NamedTuple):
    """``raw``: the mean as the judge has it. ``value``: the corrected one, None where ``note`` says why. ``cases`` and
    ``labelled``: clusters judged, and clusters with labels."""

    value: float | None
    low: float | None
    high: float | None
    raw: float | None
    cases: int
    labelled: int
    note: str = ""


class Rates(NamedTuple):
    """A judge of right and wrong against labels: ``sensitivity``, the share of right items it calls right, and
    ``specificity``, the share of wrong items it calls wrong."""

    sensitivity: Estimate
    specificity: Estimate


def judge_rates(truth: ArrayLike, said: ArrayLike, clusters: Clusters = None) -> Rates:
    """Sensitivity and specificity of 0/1 verdicts ``said`` against 0/1 labels ``truth``."""
    y, f, keep = numbers(truth, said)
    group = groups_of(clusters, keep)[0]
    return Rates(clustered_mean(f[y == 1], group[y == 1]), clustered_mean(1 - f[y == 0], group[y == 0]))


# -- other items are labelled -----------------------------------------------------------------------------------------
def rogan_gladen(
    observed: ArrayLike, truth: ArrayLike, said: ArrayLike, clusters: Clusters = None, label_clusters: Clusters = None,
    level: float = LEVEL,
) -> Corrected:  # fmt: skip
    """The share truly right, p = (q + Sp - 1) / (Se + Sp - 1), from the judge's share q (Rogan & Gladen 1978, American J. of
    Epidemiology 107:71). ``observed``: its verdicts (0/1) on the benchmark; ``truth``, ``said``: labels and its verdicts on
    the labelled items.

    Interval: all p for which q - (1 - p)(1 - Sp) - p Se is within t standard errors of 0 (Fieller 1954, JRSS B 16:175): with
    a weak judge it widens to the whole scale, where the delta method breaks down. The three rates enter with their adjusted
    forms, t^2/2 (q) and 1 (Se, Sp) successes and failures added to their effective sizes (Lang & Reiczigel 2014, Preventive
    Veterinary Medicine 113:13), clustered. Not measured where Se + Sp - 1 is not above 0 by t standard errors. Cut to 0..1.
    """
    q, _, keep = numbers(observed, observed)
    cluster, cases = groups_of(clusters, keep)
    y, s, kept = numbers(truth, said)
    labelled, owners = groups_of(label_clusters, kept)
    rate = clustered_mean(q, cluster)
    why = "fewer than two cases were judged" if cases < 2 else _labels_missing(y, (0.0, 1.0), labelled)
    if why:
        return Corrected(None, None, None, rate.value, cases, owners, why)
    hits, clears = _ratio(s, y == 1, labelled, owners), _ratio(1 - s, y == 0, labelled, owners)
    found = means(totals(q, cluster, np.zeros_like(cluster), 1), 1)
    add = float(t_quantile(np.inf, level)) ** 2 / 2
    judge = _adjusted(float(found.value[0]), float(found.se[0]) ** 2, cases, add)
    ends = _fieller(
        judge, float(found.df[0]), _adjusted(*hits[:3], 1), _adjusted(*clears[:3], 1), float(hits[3] @ clears[3]), level
    )
    if ends is None:
        return Corrected(None, None, None, rate.value, cases, owners, CONSTANT if len(np.unique(s)) == 1 else CHANCE)
    value = (float(found.value[0]) + clears[0] - 1) / max(hits[0] + clears[0] - 1, 1e-12)
    value, low, high = (float(np.clip(x, 0, 1)) for x in (value, *ends))
    return Corrected(value, min(low, value), max(high, value), rate.value, cases, owners)


def _fieller(judge: tuple[float, float], df: float, hits: tuple[float, float], clears: tuple[float, float], both: float,
             level: float) -> tuple[float, float] | None:  # fmt: skip
    """The p for which (q + Sp - 1) - p (Se + Sp - 1) is within t standard errors of 0, each rate given with its variance,
    ``both`` the covariance of the last two. None where that is no interval: Se + Sp - 1 may be 0."""
    (q, vq), (se, v1), (sp, v0) = judge, hits, clears
    a, better = q + sp - 1, se + sp - 1
    if better <= 0:
        return None
    # Student's t for the part of the variance that comes from the cases judged; the rest is adjusted already.
    p = a / better
    total = vq + p**2 * v1 + (1 - p) ** 2 * v0 - 2 * p * (1 - p) * both
    t2 = float(t_quantile(df * (max(total, vq) / vq) ** 2, level)) ** 2
    spread = better**2 - t2 * (v1 + v0 + 2 * both)
    if spread <= 0:
        return None
    middle, rest = a * better - t2 * (v0 + both), a**2 - t2 * (vq + v0)
    root = float(np.sqrt(max(middle**2 - spread * rest, 0.0)))
    return (middle - root) / spread, (middle + root) / spread


def _labels_missing(truth: Floats, levels: Sequence[float], cluster: Ints) -> str:
    for at in levels:
        if len(np.unique(cluster[truth == at])) < 2:
            return f"fewer than two labelled cases with the label {at:g}"
    return ""


def _ratio(value: Floats, where: np.ndarray, cluster: Ints, clusters: int) -> tuple[float, float, int, Floats]:
    """A share among the items ``where``: value, jackknife variance, clusters, and each cluster's part in it."""
    n, total = add_up(cluster[where], clusters), add_up(cluster[where], clusters, value[where])
    share = total.sum() / n.sum()
    part, groups = (total - share * n) / (n.sum() - n), int((n > 0).sum())
    part *= np.sqrt((groups - 1) / groups)
    return float(share), float(part @ part), groups, part


def _adjusted(share: float, variance: float, clusters: int, add: float) -> tuple[float, float]:
    """The share with ``add`` successes and failures more, and its variance, from its effective number of trials."""
    spread = share * (1 - share)
    size = spread / variance if variance > 1e-14 and spread > 0 else float(clusters)
    share = (share * size + add) / (size + 2 * add)
    return share, share * (1 - share) / (size + 2 * add)


def corrected_mean(
    observed: ArrayLike, truth: ArrayLike, said: ArrayLike, levels: Sequence[float], clusters: Clusters = None,
    label_clusters: Clusters = None,
) -> Corrected:  # fmt: skip
    """The mean of an ordinal score, corrected by the judge's matrix of confusions M (row: truth, column: said).

    With the judge's shares q, the shares of the truth are q M^-1 (Tenenbein 1972, Technometrics 14:187), their mean q a with
    a = M^-1 ``levels``: what each of the judge's answers is worth. Two levels give Rogan-Gladen's value. The variance is
    that of a over the judged cases plus, from the labelled ones, of pi_truth (a_said - truth) with the estimated shares pi
    of the truth, both jackknifed by cluster. Not measured where a level has fewer than two labelled cases, where M cannot be
    inverted, or where the interval would be wider than the scale. Needs some ten labelled cases a level.
    """
    score, _, keep = numbers(observed, observed)
    cluster, cases = groups_of(clusters, keep)
    y, s, kept = numbers(truth, said)
    labelled, owners = groups_of(label_clusters, kept)
    points = np.array(sorted(levels), dtype=np.float64)
    for values in (score, y, s):
        if not np.isin(values, points).all():
            raise ValueError(f"{values[~np.isin(values, points)][0]:g} is not among the levels {points.tolist()}")
    raw = float(score.mean()) if len(score) else None
    k = len(points)
    why = "fewer than two cases were judged" if cases < 2 else _labels_missing(y, points.tolist(), labelled)
    if why:
        return Corrected(None, None, None, raw, cases, owners, why)
    true, told, here = (np.searchsorted(points, v) for v in (y, s, score))
    rows = add_up(true, k)
    matrix = add_up(true * k + told, k * k).reshape(k, k) / rows[:, None]
    if np.linalg.cond(matrix) > 1e6:
        return Corrected(None, None, None, raw, cases, owners, CONSTANT if len(np.unique(s)) == 1 else CHANCE)
    worth = np.asarray(np.linalg.solve(matrix, points), dtype=np.float64)
    scale = Scale(low=points[0], high=points[-1], unit="points", passing=points[-1])
    mine = means(totals(worth[here], cluster, np.zeros_like(cluster), 1), 1, scale)
    shares = np.linalg.solve(matrix.T, add_up(here, k) / len(here))
    each = add_up(labelled * k + true, owners * k, worth[told] - points[true]).reshape(owners, k)
    size = add_up(labelled * k + true, owners * k).reshape(owners, k)
    part = (shares * each / (rows - size)).sum(axis=1)
    part *= np.sqrt((owners - 1) / owners)
    first, second = float(mine.se[0]) ** 2, float(part @ part)
    df2 = satterthwaite(np.array([second]), np.array([(part**4).sum()]), np.array([float(owners)]))[0]
    df = np.array([(first + second) ** 2 / max(first**2 / mine.df[0] + second**2 / df2, 1e-300)])
    value = np.clip(mine.value, scale.low, scale.high)
    se = np.sqrt(np.array([first + second]))
    if 2 * t_quantile(df[0]) * se[0] >= scale.high - scale.low:
        return Corrected(None, None, None, raw, cases, owners, "too few labels for a judge this unsure")
    low, high = interval(value, se, df, np.array([float(min(cases, owners))]), scale)
    return Corrected(float(value[0]), number(low[0]), number(high[0]), raw, cases, owners)


# -- some of the judged items are labelled ----------------------------------------------------------------------------
def ppi_mean(judged: ArrayLike, labels: ArrayLike, clusters: Clusters = None, scale: Scale = FRACTION, *,
             tuned: bool = True, level: float = LEVEL) -> Corrected:  # fmt: skip
    """Prediction-powered mean: what people would say on average, from their labels and the judge's scores of all items.

        m = mean_l(y) + lambda (mean_u(f) - mean_l(f))

    over labelled (l) and unlabelled (u) items; ``labels`` is NaN where there is none; both on the same ``scale``. lambda = 1
    (Angelopoulos et al. 2023, arXiv 2301.09633), or ``tuned`` to the smallest clustered variance, within 0 to 1 (PPI++,
    arXiv 2311.01453): a useless judge gets 0, and the labels stand alone. Interval: delete-one-cluster jackknife with lambda
    fitted anew each time, Satterthwaite's degrees of freedom, at most those of the labelled clusters, Wilson's form on a
    bounded scale. Not measured with fewer than `LABELLED` labelled cases.
    """
    f, y = np.asarray(judged, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if f.shape != y.shape:
        raise ValueError(f"{len(f)} values against {len(y)}")
    keep = ~np.isnan(f) | ~np.isnan(y)
    has = ~np.isnan(y[keep])
    group, cases = groups_of(clusters, np.flatnonzero(keep).tolist())
    f, y = f[keep], y[keep]
    # A labelled item the judge could not score: the judge's own labelled mean stands in, so that only the label counts.
    f = np.where(np.isnan(f), float(f[has & ~np.isnan(f)].mean()) if (has & ~np.isnan(f)).any() else 0.0, f)
    raw = float(f.mean()) if len(f) else None
    labelled = len(np.unique(group[has]))
    if labelled < LABELLED:
        return Corrected(None, None, None, raw, cases, labelled, f"{labelled} labelled cases; {LABELLED} are needed")
    sums = np.column_stack([
        add_up(group[has], cases), add_up(group[has], cases, y[has]), add_up(group[has], cases, f[has]),
        add_up(group[~has], cases), add_up(group[~has], cases, f[~has]),
    ])  # fmt: skip
    value, left = _predicted(sums, tuned)
    w = left - value
    # Clusters with labels and those without are two samples; G/(G-1) is that of the labelled ones, the fewer.
    sum2, sum4 = np.array([(w**2).sum()]), np.array([(w**4).sum()])
    se = np.sqrt((labelled - 1) / labelled * sum2)
    df = np.minimum(satterthwaite(sum2, sum4, np.array([float(cases)])), labelled - 1)
    at = np.clip(np.array([value]), scale.low, scale.high)
    low, high = interval(at, se, df, np.array([float(labelled)]), scale, level=level)
    return Corrected(float(at[0]), number(low[0]), number(high[0]), raw, cases, labelled)


def _predicted(sums: Floats, tuned: bool) -> tuple[float, Floats]:
    """The estimate, and it without each cluster, from the clusters' sums: labels' count n, y, f; then m, f of the others.

    With A_h = (y_h - n_h Y) / n and B_h = (u_h - m_h U) / m - (f_h - n_h F) / n the cluster's parts in mean_l(y) and in
    mean_u(f) - mean_l(f), lambda = -sum A B / sum B^2; both are quadratic forms of the sums' cross products.
    """
    total, cross = sums.sum(axis=0), sums.T @ sums

    def estimate(total: Floats, cross: Floats) -> Floats:
        n, y, x, m, u = total.T
        m_or_1 = np.where(m > 0, m, 1.0)
        zero = np.zeros_like(n)
        difference = np.where(m > 0, u / m_or_1 - x / n, 0.0)
        a = np.stack([-y / n**2, 1 / n, zero, zero, zero], axis=1)
        b = np.stack([x / n**2, zero, -1 / n, -u / m_or_1**2, np.where(m > 0, 1 / m_or_1, 0.0)], axis=1)
        ab, bb = np.einsum("gi,gij,gj->g", a, cross, b), np.einsum("gi,gij,gj->g", b, cross, b)
        best = np.clip(np.where(bb > 1e-14, -ab / np.where(bb > 1e-14, bb, 1.0), 0.0), 0, 1)
        return np.asarray(y / n + (best if tuned else 1.0) * difference)

    without = cross[None] - np.einsum("gi,gj->gij", sums, sums)
    return float(estimate(total[None], cross[None])[0]), estimate(total - sums, without)
