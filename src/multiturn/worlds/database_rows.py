"""Whether two answers to a query are the same: rows in order or as a multiset, columns by position or in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

_TRIES = 1_000
"""Column orders that are tried where several columns hold the same values."""

Row = tuple[Any, ...]


def same_rows(one: Sequence[Row], other: Sequence[Row], *, ordered: bool, any_column_order: bool = False) -> bool:
    """Whether two lists of rows are equal; `multiturn.worlds.database.execution_match` says how values compare."""
    if len(one) != len(other):
        return False
    left, right = ([tuple(map(_plain, row)) for row in rows] for rows in (one, other))
    if not left:
        return True
    if len(left[0]) != len(right[0]):
        return False
    orders = _column_orders(left, right) if any_column_order else iter([list(range(len(left[0])))])
    wanted = right if ordered else Counter(right)
    for order in orders:
        found = [tuple(row[i] for i in order) for row in left]
        if (found if ordered else Counter(found)) == wanted:
            return True
    return False


def _column_orders(left: Sequence[Row], right: Sequence[Row]) -> Iterator[list[int]]:
    """Which column of ``left`` could stand for each column of ``right``, by the values in them."""
    ours, theirs = ([Counter(column) for column in zip(*rows, strict=True)] for rows in (left, right))
    if any(ours.count(column) != theirs.count(column) for column in theirs):
        return
    choices = [[i for i, have in enumerate(ours) if have == want] for want in theirs]
    tries = 0
    pending: list[list[int]] = [[]]
    while pending and tries < _TRIES:
        order = pending.pop()
        if len(order) == len(choices):
            tries += 1
            yield order
            continue
        pending += [[*order, i] for i in reversed(choices[len(order)]) if i not in order]


def _plain(value: Any) -> Any:
    """A value as it is compared; its type is part of it."""
    if isinstance(value, float):
        rounded = float(f"{value:.12g}")
        return ("number", int(rounded) if rounded.is_integer() and abs(rounded) < 2**53 else rounded)
    if isinstance(value, int):
        return ("number", value)
    return (type(value).__name__, value)
