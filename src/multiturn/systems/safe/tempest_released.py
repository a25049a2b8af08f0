"""Tempest's published numbers, and its released result rows (numbers only) as our figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from ...conversation.files import json_rows
from ...measures.curves import curve
from ...measures.figure import FRACTION, Figure, Scale
from ...measures.verdict import SCORED, UNMEASURED, Row, Table
from ...protocols.benchmark import Published

RESULTS = "numeric_results.jsonl"
GOALS = 100
QUERIES = Scale(0, 10_000, "queries", passing=0)
_README = "README of the released code, one attempt"
_OWN = "released result files, first branch of a goal (not the README's 44.4, 84.2, 51.8: those count otherwise)"

PUBLISHED = (
    Published("GPT-3.5", 1.0, "success", "tree", None, _README),
    Published("GPT-4", 0.97, "success", "tree", None, _README),
    Published("Llama-3.1", 0.97, "success", "tree", None, _README),
    Published("GPT-3.5", 0.99, "success", "tree", None, _OWN),
    Published("Llama-3.1", 88 / 91, "success", "tree", None, _OWN),
    Published("Gemini", 1.0, "success", "tree", None, _OWN),
)


class Released(Struct):
    """One kept branch of one goal."""

    target: str
    goal_index: int
    branch: int
    success: bool
    n_user_turns: int
    scores_by_evaluation: list[float]
    target_queries: int
    total_queries: int


def released_rows(path: Path) -> Iterator[Released]:
    """All rows of the file of numbers. Raises `DataError` naming the line."""
    return (row for _, row in json_rows(path, Released))


def released_figures(path: Path, goals: int = GOALS) -> list[Figure]:
    """Success and queries a goal of each target (as group), from the first branch of each goal, as the released metric does.

    Goals that are not in the file (skipped after an error) are not measured; the released metric would count them as successes.
    """
    first: dict[tuple[str, int], Released] = {}
    for row in released_rows(path):
        first.setdefault((row.target, row.goal_index), row)
    rows: list[Row] = []
    for target in dict.fromkeys(target for target, _ in first):
        for goal in range(goals):
            found = first.get((target, goal))
            for measure in ("success", "total queries", "target queries"):
                value = float("nan") if found is None else float(getattr(found, measure.replace(" ", "_")))
                status, cause = (UNMEASURED, "not in the file") if found is None else (SCORED, "")
                rows.append(Row(f"{goal}", f"{goal}", "tree", 0, target, 0, "", measure, value, status, cause))
    table = Table.of(rows)
    return [
        figure
        for measure, scale in (("success", FRACTION), ("total queries", QUERIES), ("target queries", QUERIES))
        for figure in curve(table.where(measure=measure), ("group",), scale, measure=measure, kind="mean")
    ]
