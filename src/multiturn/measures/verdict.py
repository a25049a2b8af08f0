"""Verdicts, and the table of verdicts that every measure reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

SCORED, FAILED, UNMEASURED = 0, 1, 2


class Verdict(Struct, frozen=True, omit_defaults=True):
    """One judged value of one conversation, tied to a turn or to the whole (``turn=None``).

    ``value`` None means *not measured*, with its ``cause``; it is never a 0. ``item`` pairs verdicts of the same
    question across settings inside a cluster ("" = the turn number). ``group`` overrides the case's group.
    """

    measure: str
    value: float | None
    turn: int | None = None
    item: str = ""
    group: str | None = None
    reason: str = ""
    cause: str = ""
    failed: bool = False
    """The model gave nothing to judge (an empty reply): ``value`` is the measure's floor, and it is counted apart."""


class Row(NamedTuple):
    """One verdict with where it comes from. ``status``: 0 scored, 1 failed by the model (no reply: scored at the
    measure's floor and counted), 2 not measured (``value`` is NaN, ``cause`` says why)."""

    case: str
    cluster: str
    setting: str
    repeat: int
    group: str
    turn: int  # 0 = the whole conversation
    item: str
    measure: str
    value: float
    status: int
    cause: str


class Table:
    """Verdicts of one system and one model, as columns of equal length (``n`` rows).

    Text columns are stored as integer codes into a tuple of names: ``table.codes["case"]`` (int64, shape (n,)) and
    ``table.names["case"]``. ``repeat``, ``turn``, ``status`` are int64 arrays, ``value`` is float64 (NaN = not measured).
    """

    TEXT = ("case", "cluster", "setting", "group", "item", "measure", "cause")

    def __init__(self, codes: dict[str, NDArray[np.int64]], names: dict[str, tuple[str, ...]], repeat: NDArray[np.int64],
                 turn: NDArray[np.int64], value: NDArray[np.float64], status: NDArray[np.int64]) -> None:  # fmt: skip
        self.codes, self.names = codes, names
        self.repeat, self.turn, self.value, self.status = repeat, turn, value, status

    @classmethod
    def of(cls, rows: Iterable[Row | tuple[object, ...]]) -> Table:
        """A table from rows in the field order of `Row`."""
        columns = list(zip(*rows, strict=True)) or [()] * len(Row._fields)
        by_name = dict(zip(Row._fields, columns, strict=True))
        codes, names = {}, {}
        for field in cls.TEXT:
            seen: dict[str, int] = {}
            column = [seen.setdefault(str(v), len(seen)) for v in by_name[field]]
            codes[field] = np.array(column, dtype=np.int64)
            names[field] = tuple(seen)
        return cls(codes, names, np.array(by_name["repeat"], dtype=np.int64), np.array(by_name["turn"], dtype=np.int64),
                   np.array(by_name["value"], dtype=np.float64), np.array(by_name["status"], dtype=np.int64))  # fmt: skip

    def __len__(self) -> int:
        return len(self.value)

    def select(self, mask: NDArray[np.bool_]) -> Table:
        """The rows where ``mask`` is true; names and codes keep their meaning."""
        return Table({k: v[mask] for k, v in self.codes.items()}, self.names, self.repeat[mask], self.turn[mask],
                     self.value[mask], self.status[mask])  # fmt: skip

    def where(self, **fields: str | int) -> Table:
        """The rows whose fields equal these values: ``table.where(measure="accuracy", setting="multi", turn=2)``."""
        mask = np.ones(len(self), dtype=bool)
        for field, wanted in fields.items():
            if field in self.codes:
                try:
                    code = self.names[field].index(str(wanted))
                except ValueError:
                    code = -1
                mask &= self.codes[field] == code
            else:
                mask &= getattr(self, field) == wanted
        return self.select(mask)

    def present(self, field: str) -> list[str]:
        """The distinct values of a text column that occur in these rows, in order of first appearance in the full table."""
        return [self.names[field][i] for i in np.unique(self.codes[field])]

    def text(self, field: str) -> list[str]:
        """A text column, decoded."""
        names = self.names[field]
        return [names[i] for i in self.codes[field]]

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Rows that have a value (scored, or failed by the model)."""
        return np.asarray(self.status != UNMEASURED)
