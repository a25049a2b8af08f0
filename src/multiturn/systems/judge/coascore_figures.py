"""Figures of coascore: correlation with people in each setting, what the chain adds, and how far the score copies it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from ...measures.codes import Floats, number
from ...measures.correlation import mean_correlation, midranks, pearson, spearman
from ...measures.figure import Figure, FigureMaker
from ...measures.intervals import LEVEL
from ...measures.verdict import Table
from .judge_figures import Told, agreement_figure, beside

MEAN = "mean of aspects"
PLAIN, ROUNDS = "plain", 1000
Correlation: TypeAlias = Callable[[Floats, Floats], float]


def rank_correlation(x: Floats, y: Floats) -> float:
    """Spearman's, NaN when a side is constant."""
    x, y = midranks(x), midranks(y)
    x, y = x - x.mean(), y - y.mean()
    spread = float((x @ x) * (y @ y))
    return float(x @ y) / spread**0.5 if spread > 0 else float("nan")


class Gain(NamedTuple):
    """By how much ``a`` correlates better with the truth than ``b``, with a 95 % percentile interval; None = cannot be told."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    clusters: int


def gain(a: Sequence[float], b: Sequence[float], truth: Sequence[float], clusters: Sequence[str], *, rounds: int = ROUNDS,
         seed: int = 0, correlation: Correlation = rank_correlation) -> Gain:  # fmt: skip
    """corr(a, truth) - corr(b, truth) on the same items; paired bootstrap: whole clusters are drawn with replacement, and both
    correlations are computed on the same draw (Efron & Tibshirani 1993, ch. 10). Draws in which a side is constant are left out;
    no interval where that is one in ten, or with under 10 clusters."""
    x, y, t = (np.asarray(v, dtype=np.float64) for v in (a, b, truth))
    if len(t) < 3:
        return Gain(None, None, None, len(t), len(set(clusters)))
    _, code = np.unique(np.asarray(clusters), return_inverse=True)
    order = np.argsort(code, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(code))[:-1])
    value = correlation(x, t) - correlation(y, t)
    random = np.random.default_rng(seed)
    drawn = np.empty(rounds)
    for i in range(rounds):
        at = np.concatenate([rows[k] for k in random.integers(0, len(rows), len(rows))])
        drawn[i] = correlation(x[at], t[at]) - correlation(y[at], t[at])
    drawn = drawn[~np.isnan(drawn)]
    if len(rows) < 10 or len(drawn) < 0.9 * rounds:
        return Gain(number(value), None, None, len(t), len(rows))
    low, high = np.quantile(drawn, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return Gain(number(value), float(low), float(high), len(t), len(rows))


def _told(table: Table, setting: str, other: str = "label") -> dict[tuple[str, int, str], Told]:
    return {t.key: t for t in beside(table.where(setting=setting), "verdict", other)}


def gains(settings: Sequence[str]) -> Iterator[FigureMaker]:
    """What plain has over each setting (kind "difference", measure "gain"), in Spearman's correlation with the labels."""
    for setting in settings:
        yield _gain(setting)


def _gain(setting: str) -> FigureMaker:
    def figures(table: Table) -> Iterator[Figure]:
        ours, theirs = _told(table, PLAIN), _told(table, setting)
        shared = [(ours[k], theirs[k]) for k in ours if k in theirs and ours[k].other is not None]
        known = [
            (a.value, b.value, a.other, a.cluster)
            for a, b in shared
            if a.value is not None and b.value is not None and a.other is not None
        ]
        if not shared:
            return
        found = gain([a for a, *_ in known], [b for _, b, *_ in known], [t for *_, t, _ in known], [c for *_, c in known])
        yield Figure(
            measure="gain in Spearman", kind="difference", setting=f"{PLAIN} - {setting}", unit="", value=found.value,
            low=found.low, high=found.high, n_cases=found.clusters, n_scored=found.n, n_unmeasured=len(shared) - found.n,
            note=f"paired bootstrap over clusters, {ROUNDS:,} draws",
        )  # fmt: skip

    return figures


def spearmans(settings: Sequence[str]) -> Iterator[FigureMaker]:
    """Spearman's correlation with the labels in settings other than plain (kind "kappa")."""

    def one(setting: str) -> FigureMaker:
        def figures(table: Table) -> Iterator[Figure]:
            rows = [t for t in _told(table, setting).values() if t.other is not None]
            if rows:
                said = [np.nan if t.value is None else t.value for t in rows]
                people = [np.nan if t.other is None else t.other for t in rows]
                yield agreement_figure(spearman(said, people, [t.cluster for t in rows]), "Spearman", setting, None, len(rows))

        return figures

    return (one(setting) for setting in settings)


def within_documents(table: Table) -> Iterator[Figure]:
    """The mean of Spearman's correlations inside each cluster, in plain and direct (kind "kappa")."""
    for setting in (PLAIN, "direct"):
        told = _told(table, setting).values()
        rows = [(t.value, t.other, t.cluster) for t in told if t.other is not None and t.value is not None]
        if len({c for *_, c in rows}) < len(rows):
            found = mean_correlation([v for v, *_ in rows], [t for _, t, _ in rows], [c for *_, c in rows])
            yield agreement_figure(found, "Spearman within documents", setting, None, found.n)


def halo(table: Table) -> Iterator[Figure]:
    """Pearson's correlation of the target's score with the mean of the aspects shown (kind "kappa", measure "halo"): in plain,
    and of the direct score with the same means, which is what the answers alone account for."""
    means = {t.key: t.other for t in _told(table, PLAIN, f"part: {MEAN}").values()}
    for setting in (PLAIN, "direct"):
        rows = list(_told(table, setting).values())
        pairs = [(t.value, mean, t.cluster) for t in rows if t.value is not None and (mean := means.get(t.key)) is not None]
        if len(pairs) > 2:
            found = pearson([v for v, *_ in pairs], [m for _, m, _ in pairs], [c for *_, c in pairs])
            yield agreement_figure(found, "halo", setting, None, len(rows))
