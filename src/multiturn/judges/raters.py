"""Several raters of one thing: further judges of the cast, or further draws of its one judge."""

from __future__ import annotations

from ..conversation import Cast
from .seat import Seat


def rater(cast: Cast, number: int) -> Cast:
    """The cast with rater ``number`` (from 1) as its judge: the role ``judge2``, ``judge3``, … where the run has one, else the
    one judge, with draws of its own."""
    if number == 1:
        return cast
    role = f"judge{number}"
    return Seat(cast, role) if cast.has(role) else cast.branch(role)
