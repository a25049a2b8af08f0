"""Both orders of arjudge: accuracy over them, and whether they agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ...measures.figure import Figure
from ...measures.intervals import clustered_mean
from ...measures.verdict import Table
from .judge_figures import beside


class Orders(NamedTuple):
    """One item asked in both orders. ``released``: consistency as the released code has it, by right and wrong."""

    average: float
    consistent: float
    released: float


def orders(label: float, first: float | None, second: float | None) -> Orders:
    """From the verdicts in both orders, in terms of the item (1 the first response is better, 0 the second), None = unreadable.

    average: the mean of both being right, an unreadable verdict being wrong. consistent: both readable and the same. released:
    both right, or both not right: unreadable ones count as consistent with each other, and with a wrong one.
    """
    right = [float(verdict is not None and verdict == label) for verdict in (first, second)]
    return Orders(sum(right) / 2, float(first is not None and first == second), float(right[0] == right[1]))


NAMES = {
    "average": ("average accuracy", "of both orders, unreadable = wrong"),
    "consistent": ("consistent", "the same response in both orders; unreadable = not"),
    "released": ("consistent, as released", "both orders right or both not"),
}


def both_orders(table: Table) -> Iterator[Figure]:
    """`Orders` over the items that were asked in both orders (kind "mean")."""
    sides = []
    for setting in ("plain", "swapped"):
        rows = beside(table.where(setting=setting), "accuracy", "verdict")
        labels = beside(table.where(setting=setting), "accuracy", "label")
        sides.append({t.key: (t.value, t.other, label.other, t.cluster) for t, label in zip(rows, labels, strict=True)})
    plain, swapped = sides
    shared = [(plain[key], swapped[key]) for key in swapped if key in plain]
    if not shared:
        return
    # `accuracy` has a value wherever the judge was asked and answered, readable or not.
    known = [(orders(a[2], a[1], b[1]), a[3]) for a, b in shared if a[0] is not None and b[0] is not None and a[2] is not None]
    code = np.unique([cluster for _, cluster in known], return_inverse=True)[1]
    for field, (measure, note) in NAMES.items():
        found = clustered_mean(np.array([getattr(o, field) for o, _ in known]), code) if known else None
        yield Figure(
            measure=measure, setting="plain and swapped", value=found.value if found else None, low=found.low if found else None,
            high=found.high if found else None, n_cases=len(set(code.tolist())), n_scored=len(known),
            n_unmeasured=len(shared) - len(known), note=note,
        )  # fmt: skip
