"""FairEval's released questions, answers and human labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from ...conversation import Case, DataError
from ...conversation.files import json_rows
from ...protocols.benchmark import Data

SLUG = "fair-evaluators"
HOME = "https://raw.githubusercontent.com/i-Eval/FairEval/main/"
HUMAN = {("gpt35", "vicuna-13b"): ("review_gpt35_vicuna-13b_human.txt", {"CHATGPT": 1, "VICUNA13B": -1, "TIE": 0})}
"""Pairs with human labels: the file, and what a label says of the first of the pair."""


class Pair(Case, frozen=True, kw_only=True):
    """A question and two answers; ``label``: 1 the first is better, -1 the second, 0 a tie, None = nobody said."""

    question: str
    answers: tuple[str, str]
    label: int | None


class _Text(Struct):
    question_id: int
    text: str


def pairs(data: Data, models: tuple[str, str]) -> Iterator[Pair]:
    """The answers of two models to every question. Raises `DataError`."""
    questions = _texts(data, "question.jsonl", "")
    one, two = ({a.question_id: a.text for a in _texts(data, f"answer_{m}.jsonl", "answer/")} for m in models)
    for asked, label in zip(questions, _labels(data, models, len(questions)), strict=True):
        id_ = asked.question_id
        if id_ not in one or id_ not in two:
            raise DataError(f"`{SLUG}`: question {id_} has no answer of both {' and '.join(models)}")
        yield Pair(id=str(id_), question=asked.text, answers=(one[id_], two[id_]), label=label)


def _texts(data: Data, name: str, folder: str) -> list[_Text]:
    return [row for _, row in json_rows(_file(data, name, folder), _Text)]


def _labels(data: Data, models: tuple[str, str], n: int) -> list[int] | list[None]:
    sign = 1 if models in HUMAN else -1
    if (found := HUMAN.get(models) or HUMAN.get((models[1], models[0]))) is None:
        return [None] * n
    path = _file(data, found[0], "review/")
    said = path.read_text(encoding="utf-8").split()
    if len(said) != n or not {*said} <= {*found[1]}:
        raise DataError(f"{path}: expected {n} lines, each one of {', '.join(found[1])}")
    return [sign * found[1][word] for word in said]


def _file(data: Data, name: str, folder: str) -> Path:
    """A data file under its own name, or where the authors keep it."""
    try:
        return data.path(SLUG, name)
    except DataError:
        return data.path(SLUG, folder + name, f"{HOME}{folder}{name}")
