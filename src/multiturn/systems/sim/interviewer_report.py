"""The interview report: scores by question and attempt, strengths and weaknesses, and the page of one question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...protocols.interview import Log, forward_filled


class Review(NamedTuple):
    """What is said about one interview as a whole: its score (0 to 10) and the comment."""

    question: str
    score: float
    comment: str


def matrix(scores: Mapping[str, Sequence[float]], columns: int) -> dict[str, list[float | None]]:
    """Question x attempt: the scores, filled forward where a question was no longer tried."""
    return {question: forward_filled(row, columns) for question, row in scores.items()}


def column_means(rows: Mapping[str, Sequence[float | None]], columns: int) -> list[float | None]:
    """The mean of each attempt over the questions that have a score; None where none has."""
    means: list[float | None] = []
    for i in range(columns):
        known = [value for row in rows.values() if (value := row[i]) is not None]
        means.append(sum(known) / len(known) if known else None)
    return means


def strengths(reviews: Sequence[Review], percentile: float = 70) -> list[Review]:
    """The reviews with a score at or above this percentile of all (linear interpolation)."""
    if not reviews:
        return []
    bar = float(np.percentile([r.score for r in reviews], percentile))
    return [r for r in reviews if r.score >= bar]


def weaknesses(reviews: Sequence[Review], percentile: float = 30) -> list[Review]:
    """The reviews with a score at or below this percentile of all."""
    if not reviews:
        return []
    bar = float(np.percentile([r.score for r in reviews], percentile))
    return [r for r in reviews if r.score <= bar]


def page(question: str, action: str, log: Log) -> str:
    """The report of one question, in Markdown: states, attempts with their grades, follow-ups, and how it ended."""
    lines = [f"## {_line(question)}", "", f"- Rewriting: {action}", f"- States: {' > '.join(log['states']) or 'none'}"]
    if log["clarified"] is not None:
        lines.append(f"- Asked for what was missing: {'yes' if log['clarified'] else 'no'}")
    for number, grade in enumerate(log["grades"], 1):
        lines.append(f"- Attempt {number}: {_grade(grade)}")
    for number, score in enumerate(log["follow_ups"], 1):
        lines.append(f"- Follow-up {number}: {score:.2f}")
    ended = log["stop"] or "broken off"
    why = f" ({log['cause']})" if log["cause"] else ""
    lines.append(f"- Ended: {ended}{why}")
    return "\n".join(lines)


def _grade(grade: Mapping[str, Any]) -> str:
    error, note = grade.get("error", ""), _line(grade.get("note", ""))
    return f"{grade['score']:.2f}{f', error: {error}' if error else ''}{f' ({note})' if note else ''}"


def _line(text: str, most: int = 300) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"
