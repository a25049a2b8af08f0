"""Means by setting, group and turn, each with its clustered interval and its counts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .codes import Floats, Ints, add_up, combine, compact, number
from .figure import Figure, Scale
from .intervals import Means, means, totals
from .verdict import FAILED, UNMEASURED, Table


class Cells(NamedTuple):
    """Statistics of each combination of ``by`` fields that occurs; ``keys[field]`` holds its code (or turn number)."""

    keys: dict[str, Ints]
    means: Means
    scored: Ints
    failed: Ints
    unmeasured: Ints
    worst: Floats
    best: Floats


def cell_means(table: Table, by: tuple[str, ...], scale: Scale) -> Cells:
    """Clustered mean of the rows of each cell: the mean over verdicts, clustered by ``cluster``.

    ``worst``/``best``: the mean if all that is not measured had scored the floor / the ceiling of the scale.
    ``by``: text columns and ``turn``. Sorted by the fields in the order given. Linear in the rows.
    """
    columns = {f: table.turn if f == "turn" else table.codes[f] for f in by}
    sizes = {f: int(column.max(initial=-1)) + 1 for f, column in columns.items()}
    present, cell = compact(*combine(*((columns[f], sizes[f]) for f in by)))
    keys, rest = {}, present
    for field in reversed(by):
        keys[field], rest = rest % max(sizes[field], 1), rest // max(sizes[field], 1)
    n = len(present)
    has = table.measured
    found = means(totals(table.value[has], table.codes["cluster"][has], cell[has], n), n, scale)
    failed = add_up(cell[table.status == FAILED], n).astype(np.int64)
    lost = add_up(cell[table.status == UNMEASURED], n).astype(np.int64)
    worst, best = bounds(found.value, found.n, lost, scale.low, scale.high)
    return Cells(keys, found, found.n - failed, failed, lost, worst, best)


def bounds(value: Floats, count: Ints | Floats, lost: Ints | Floats, low: float, high: float) -> tuple[Floats, Floats]:
    """The mean of ``count`` values if ``lost`` more had all been ``low`` / had all been ``high``."""
    total = np.where(count > 0, np.nan_to_num(value) * count, 0.0)
    with np.errstate(all="ignore"):
        worst = (total + np.where(lost > 0, lost * low, 0.0)) / (count + lost)
        best = (total + np.where(lost > 0, lost * high, 0.0)) / (count + lost)
    return worst, best


def curve(table: Table, by: tuple[str, ...], scale: Scale, *, measure: str, kind: str) -> list[Figure]:
    """`cell_means` as figures; rows of one measure are expected."""
    cells = cell_means(table, by, scale)
    found, out = cells.means, []
    for i in range(len(found.value)):
        out.append(
            Figure(
                measure=measure, kind=kind, unit=scale.unit, value=number(found.value[i]),
                low=number(found.low[i]), high=number(found.high[i]),
                setting=table.names["setting"][cells.keys["setting"][i]] if "setting" in by else None,
                group=table.names["group"][cells.keys["group"][i]] if "group" in by else None,
                turn=int(cells.keys["turn"][i]) if "turn" in by else None,
                n_cases=int(found.clusters[i]), n_scored=int(cells.scored[i]), n_failed=int(cells.failed[i]),
                n_unmeasured=int(cells.unmeasured[i]), worst=number(cells.worst[i]), best=number(cells.best[i]),
            )
        )  # fmt: skip
    return out


def named_groups(table: Table) -> list[str]:
    """The groups to report beside the total: those with a name, where there is more than one."""
    present = table.present("group")
    return [group for group in present if group] if len(present) > 1 else []
