"""Replies that cannot be read, as papers count them that take them for wrong: beside `correct`, which leaves them out."""

from __future__ import annotations

from msgspec.structs import replace

from ..measures.verdict import Verdict
from .ask import UNREADABLE

FORMAT_ERROR = "format error"
"""The cause where a reply must keep to a strict form and is not asked for again."""
NO_ANSWER = (UNREADABLE, FORMAT_ERROR)


def as_wrong(found: Verdict, measure: str = "accuracy") -> Verdict:
    """The same verdict as ``measure``, with 0, counted as failed, where the reply could not be read. What is missing for another
    reason (a call that failed, a budget) stays not measured: it says nothing about the judge."""
    if found.value is None and found.cause in NO_ANSWER:
        return replace(found, measure=measure, value=0.0, reason=found.cause, cause="", failed=True)
    return replace(found, measure=measure)
