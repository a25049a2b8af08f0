"""How far two or more judges agree, each figure with an interval clustered by item.

Every measure leaves out what is missing (None, NaN) and says how much was used. ``clusters`` names the sampling unit of
each pair of values (the item, or the document several items share); by default each position is its own. Intervals: see
`multiturn.measures.agreement_parts`.

Which one? Two raters and labels: `cohen_kappa`, with `gwet_ac` beside it where one label is much more frequent than the
others (kappa falls there although people agree). More raters: `fleiss_kappa`; values missing, or numbers:
`krippendorff_alpha`. Scores: `spearman`, `kendall`, `pairwise_accuracy`. Rankings of the same things: `concordance`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from .agreement_parts import COEFFICIENT, Agreement, Clusters, Weights, both, closeness, codes, ends, groups_of, levels_of
from .codes import Floats, add_up, number
from .concordance import Concordance, concordance
from .correlation import kendall, mean_correlation, midranks, pairwise_accuracy, pearson, spearman
from .intervals import clustered_mean
from .krippendorff import krippendorff_alpha
from .raters import Retest, fleiss_kappa, gwet_ac, randolph_kappa, retest

__all__ = [
    "COEFFICIENT", "Agreement", "Clusters", "Concordance", "Retest", "cohen_kappa", "concordance", "exact_agreement",
    "fleiss_kappa", "gwet_ac", "kendall", "krippendorff_alpha", "mean_correlation", "midranks", "pairwise_accuracy", "pearson",
    "randolph_kappa", "retest", "spearman",
]  # fmt: skip


def exact_agreement(a: Sequence[Hashable], b: Sequence[Hashable], clusters: Clusters = None) -> Agreement:
    """The share of positions with equal labels, 0 to 1."""
    keep = both(a, b)
    same = [float(a[i] == b[i]) for i in keep]
    found = clustered_mean(same, groups_of(clusters, keep)[0])
    first = codes([a[i] for i in keep])[0]
    majority = float(np.bincount(first).max() / len(first)) if len(first) else None
    return Agreement(found.value, found.low, found.high, found.n_values, found.n_clusters, found.value, majority=majority)


def cohen_kappa(
    a: Sequence[Hashable], b: Sequence[Hashable], clusters: Clusters = None, weights: Weights = "none",
    labels: Sequence[Any] | None = None,
) -> Agreement:  # fmt: skip
    """Cohen's kappa, (p_o - p_e) / (1 - p_e), from -1 to 1 (Cohen 1960, Educational and Psychological Measurement 20:37).

    ``weights``: partial agreement by distance in the order of ``labels`` (default: those that occur, sorted), see
    `closeness`; then ``observed`` and ``expected`` are weighted, too. None when both raters use one label only: chance
    explains everything. With rare labels kappa is low at high agreement: read it beside ``majority`` and `gwet_ac`.
    """
    keep = both(a, b)
    code = levels_of([x[i] for x in (a, b) for i in keep], labels)
    k = max(len(code), 1)
    first, second = (np.array([code[x[i]] for i in keep], dtype=np.int64) for x in (a, b))
    group, groups = groups_of(clusters, keep)
    near = closeness(k, weights)
    rows, columns = (add_up(group * k + x, groups * k).reshape(groups, k) for x in (first, second))
    agree = add_up(group, groups, near[first, second])

    def kappa(agree: Floats, rows: Floats, columns: Floats) -> tuple[Floats, Floats, Floats]:
        n = rows.sum(axis=1)
        with np.errstate(all="ignore"):
            seen, chance = agree / n, ((rows @ near) * columns).sum(axis=1) / n**2
            return np.where(chance < 1 - 1e-12, (seen - chance) / (1 - chance), np.nan), seen, chance

    total = (agree.sum(keepdims=True), rows.sum(axis=0, keepdims=True), columns.sum(axis=0, keepdims=True))
    value, seen, chance = (float(x[0]) for x in kappa(*total))
    low, high = ends(value, kappa(total[0] - agree, total[1] - rows, total[2] - columns)[0], COEFFICIENT)
    majority = number(total[1].max() / len(keep)) if len(keep) else None
    return Agreement(number(value), low, high, len(keep), groups, number(seen), number(chance), majority)
