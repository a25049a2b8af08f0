"""A figure: a named, aggregated result with its interval and its counts. There is no way to print a bare mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from msgspec import Struct

from .verdict import Table


class Scale(Struct, frozen=True):
    """The range of a measure, its unit ("fraction", "points", "turns", ""), and the value from which a turn counts as passed."""

    low: float = 0.0
    high: float = 1.0
    unit: str = "fraction"
    passing: float = 1.0


FRACTION = Scale()


class Figure(Struct, frozen=True, kw_only=True):
    """One number of a report.

    ``low``/``high``: 95 % interval (None where none exists, e.g. one cluster). ``n_cases``: clusters the interval
    rests on. ``n_scored``: verdicts with a value that the model earned; ``n_failed``: verdicts at the floor because the
    model gave no reply (part of the mean); ``n_unmeasured``: verdicts left out, each with a cause.
    ``worst``/``best``: the value if all that is not measured had scored the measure's floor / ceiling.
    ``unit``: "fraction" (0 to 1), "points", "turns", "" (dimensionless, e.g. an effect size).
    ``kind``: what it is, for layout: "mean", "difference", "turn", "survival", "reliability", "detectable", …
    """

    measure: str
    value: float | None
    low: float | None = None
    high: float | None = None
    setting: str | None = None
    group: str | None = None
    turn: int | None = None
    n_cases: int = 0
    n_scored: int = 0
    n_failed: int = 0
    n_unmeasured: int = 0
    unit: str = "fraction"
    kind: str = "mean"
    worst: float | None = None
    best: float | None = None
    note: str = ""
    system: str = ""
    model: str = ""


FigureMaker: TypeAlias = Callable[[Table], Iterable[Figure]]
"""A pure function from the verdicts of one system and model to figures (``system`` and ``model`` are filled in later)."""
