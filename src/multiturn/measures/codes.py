"""Integer codes: the rows of a table as small whole numbers, so that grouping is counting (linear in the rows)."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]


def combine(*columns: tuple[Ints, int]) -> tuple[Ints, int]:
    """One key for several columns, each given as (codes, number of codes); returns (key, number of possible keys).

    Keys sort like the columns do, first column first.
    """
    key, size = columns[0]
    for codes, count in columns[1:]:
        key, size = key * count + codes, size * count
    return key, size


def compact(key: Ints, size: int) -> tuple[Ints, Ints]:
    """The distinct keys, sorted, and for each row the position of its key among them.

    Counting where the range of keys is of the order of the rows, sorting where it is much larger.
    """
    if size > 8 * len(key) + 1024:
        present, position = np.unique(key, return_inverse=True)
        return present, position.reshape(-1)
    present = np.flatnonzero(np.bincount(key, minlength=1))
    lookup = np.zeros(size, dtype=np.int64)
    lookup[present] = np.arange(len(present))
    return present, lookup[key]


def add_up(code: Ints, size: int, weights: Floats | Bools | None = None) -> Floats:
    """Sum of ``weights`` (None = 1 each) for each of ``size`` codes."""
    return np.bincount(code, weights=weights, minlength=size).astype(np.float64)


def number(value: float) -> float | None:
    """A plain float, None for NaN and infinities."""
    return float(value) if np.isfinite(value) else None
