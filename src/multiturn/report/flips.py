"""The questions that passed on one side of a comparison and failed on the other."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from ..measures.figure import Scale
from ..measures.verdict import Table


class Flip(Struct, frozen=True):
    """One question whose mean value (over repeats) crossed its measure's passing value. ``item``: its pairing key inside
    the case (``turn 3`` where it has none)."""

    measure: str
    setting: str
    group: str
    case: str
    item: str
    before: float
    after: float


def flips(first: Table, second: Table, scale: Callable[[str], Scale]) -> list[Flip]:
    """All flips from ``first`` to ``second``: those lost first, then those gained, each in the order of ``first``."""
    before, after = _values(first), _values(second)
    found = []
    for key, (group, low) in before.items():
        if key in after:
            measure, setting, cluster, item = key
            high = after[key][1]
            passing = scale(measure).passing
            if (low < passing) != (high < passing):
                found.append(Flip(measure, setting, group, cluster, item, low, high))
    return sorted(found, key=lambda f: f.after > f.before)


def _values(table: Table) -> dict[tuple[str, str, str, str], tuple[str, float]]:
    """Group and mean value of each question, by (measure, setting, cluster, item)."""
    kept = table.select(table.measured)
    sums: dict[tuple[str, str, str, str], list[float]] = {}
    groups: dict[tuple[str, str, str, str], str] = {}
    columns = [kept.text(name) for name in ("measure", "setting", "cluster", "item", "group")]
    for measure, setting, cluster, item, group, turn, value in zip(*columns, kept.turn, kept.value, strict=True):
        key = (measure, setting, cluster, item if item and item != str(turn) else f"turn {turn}")
        groups.setdefault(key, group)
        sums.setdefault(key, []).append(float(value))
    return {key: (groups[key], sum(values) / len(values)) for key, values in sums.items()}
