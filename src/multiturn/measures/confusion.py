"""Labels against the truth: accuracy, precision, recall and F1, each with an interval clustered by item.

With tp, fp, fn the counts of one class: precision tp / (tp + fp), recall tp / (tp + fn), F1 = 2 tp / (2 tp + fp + fn); the
macro values are plain means over the classes that occur in the truth or among the answers. A class never answered has no
precision of its own and one that never is the truth no recall; in the macro means they count as 0 (as in scikit-learn).
Intervals: delete-one-cluster jackknife in Wilson's form, see `multiturn.measures.agreement_parts`; classes that vanish with
a cluster leave the macro mean with it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .agreement_parts import Clusters, both, ends, groups_of, levels_of
from .codes import Floats, Ints, add_up, number
from .figure import FRACTION
from .intervals import Estimate


class OneClass(NamedTuple):
    """How one class is told from the others; ``support``: how often it is the truth."""

    precision: Estimate
    recall: Estimate
    f1: Estimate
    support: int


class Confusion(NamedTuple):
    """``counts[i, j]``: items of class ``labels[i]`` that were called ``labels[j]``. ``recall`` is also known as balanced
    accuracy. ``precision``, ``recall``, ``f1`` are macro means; ``classes`` holds them by class."""

    labels: tuple[Any, ...]
    counts: Ints
    accuracy: Estimate
    precision: Estimate
    recall: Estimate
    f1: Estimate
    classes: dict[Any, OneClass]


def confusion(
    truth: Sequence[Hashable], said: Sequence[Hashable], clusters: Clusters = None, labels: Sequence[Any] | None = None
) -> Confusion:
    """Compare ``said`` with ``truth``; pairs with a value missing (None, NaN) are left out."""
    keep = both(truth, said)
    code = levels_of([x[i] for x in (truth, said) for i in keep], labels)
    k = max(len(code), 1)
    cell = np.array([code[truth[i]] * k + code[said[i]] for i in keep], dtype=np.int64)
    group, groups = groups_of(clusters, keep)
    by = add_up(group * k * k + cell, groups * k * k).reshape(groups, k, k)
    total = by.sum(axis=0)
    whole, left = _rates(total[None]), _rates(total - by)

    def estimate(value: Floats, without: Floats) -> Estimate:
        low, high = ends(float(value[0]), without, FRACTION)
        se = np.sqrt((groups - 1) / groups * ((without - value[0]) ** 2).sum()) if groups > 1 else np.nan
        return Estimate(number(value[0]), low, high, number(se), groups, len(keep))

    def of(label: Any) -> OneClass:
        i = code[label]
        precision, recall, f1 = (estimate(whole[name][:, i], left[name][:, i]) for name in ("precision", "recall", "f1"))
        return OneClass(precision, recall, f1, int(total[i].sum()))

    accuracy, precision, recall, f1 = (
        estimate(whole[name], left[name]) for name in ("accuracy", "macro precision", "macro recall", "macro f1")
    )
    return Confusion(tuple(code), total.astype(np.int64), accuracy, precision, recall, f1, {label: of(label) for label in code})


def _rates(counts: Floats) -> dict[str, Floats]:
    """All measures of tables of counts (g, truth, said). NaN for a class that does not occur."""
    hit = np.diagonal(counts, axis1=1, axis2=2)
    true, said = counts.sum(axis=2), counts.sum(axis=1)
    occurs = (true + said) > 0
    with np.errstate(all="ignore"):
        rates = {
            "precision": np.where(said > 0, hit / said, np.nan),
            "recall": np.where(true > 0, hit / true, np.nan),
            "f1": np.where(occurs, 2 * hit / (true + said), np.nan),
        }
        macro = {f"macro {k}": np.nan_to_num(v).sum(axis=1) / occurs.sum(axis=1) for k, v in rates.items()}
        return {**rates, **macro, "accuracy": hit.sum(axis=1) / counts.sum(axis=(1, 2))}
