"""MT-Bench's question and answer files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from ...conversation import DataError
from ...conversation.files import json_rows


class Line(Struct):
    question_id: int
    category: str = ""
    turns: list[str] = []
    choices: list[dict[str, Any]] = []


def lines(path: Path) -> list[Line]:
    return [row for _, row in json_rows(path, Line)]


def choices(path: Path) -> dict[str, tuple[str, ...]]:
    """The turns of the first choice of each question in an answer file."""
    out = {}
    for row in lines(path):
        turns = row.choices[0].get("turns") if row.choices else None
        if not (isinstance(turns, list) and all(isinstance(t, str) for t in turns)):
            raise DataError(f"{path}, question {row.question_id}: choices[0].turns must be a list of texts")
        out[str(row.question_id)] = tuple(turns)
    return out
