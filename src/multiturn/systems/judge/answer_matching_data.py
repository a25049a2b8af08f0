"""What was released with answer matching: answers to MMLU-Pro and GPQA without options, scores by matchers, ratings by people.

Two files of scores lie beside the paper's code (in one a score is "0" or "1", in the other a list of one number). The ratings of
its two annotators lie there, too; a match is rated from 1 to 5, where 4 and 5 match, 1 and 2 do not, and 3 is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from ...conversation import DataError
from ...conversation.files import json_rows
from ...judges.items import PointItem
from ...protocols.benchmark import Data

HOME = "https://raw.githubusercontent.com/nikhilchandak/answer-matching/55497dac3edbecc6c476be2d18280828f034bc0a/"
SAVES = HOME + "src/visualize_resps/annotation/saves/"
SLUG = "answer-matching"
MMLU_PRO = ("mmlu_pro_free_judged.jsonl", "mmlu_pro_combined_samples_to_annotate2.jsonl")
GPQA = ("gpqa_diamond_free_scores.jsonl", "gpqa_combined_samples_to_annotate.jsonl")
MMLU_PRO_PEOPLE = ("2907.jsonl", "strat1shash.jsonl")
GPQA_PEOPLE = ("nikhil_gpqa.jsonl", "ameya_gpqa.jsonl")
NOTEBOOK = (("strat1shash.jsonl", 332), ("2907_old.jsonl", 428))
"""Annotations as the released notebook had them: so many rows from the start, the second file in an older state."""
DEEPSEEK, QWEN = "deepseek-chat-v3-0324", "qwen-2.5-7b-instruct"


class Answered(NamedTuple):
    """One released answer: who gave it to which question, and what matchers said (1 or 0)."""

    question: str
    model: str
    scores: dict[str, float]


class _Row(Struct):
    question_id: int | str
    model: str
    question: str = ""
    target: str = ""
    options: list[str] = []
    answer_index: int = 0
    filtered_resps: Any = ""


def first_file(data: Data, names: Sequence[str], home: str = HOME) -> Path:
    """The file under any of its names; the last is the one that it has at home."""
    for name in names[:-1]:
        try:
            return data.path(SLUG, name)
        except DataError:
            continue
    return data.path(SLUG, names[-1], home + names[-1])


def score(value: object) -> float:
    """A matcher's score as released: "1", 1 or [1]. Raises `ValueError` for anything but a 0 or a 1."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value not in ("0", "1", 0, 1):
        raise ValueError(f"{value!r} is no score of 0 or 1")
    return float(value)


def _scores(path: Path, number: int, row: dict[str, Any]) -> dict[str, float]:
    try:
        return {name.removeprefix("score_"): score(value) for name, value in row.items() if name.startswith("score_")}
    except ValueError as error:
        raise DataError(f"{path}, line {number}: {error}") from None


def answers(data: Data, names: Sequence[str]) -> list[Answered]:
    """The released answers of a file with what matchers said of them."""
    path = first_file(data, names)
    return [
        Answered(str(row["question_id"]), str(row["model"]), _scores(path, number, row))
        for number, row in json_rows(path, dict[str, Any])
    ]  # fmt: skip


def mmlu_pro(data: Data) -> Iterator[PointItem]:
    """802 answers of four models to MMLU-Pro questions asked without options; the labels are those of DeepSeek V3 as matcher."""
    path = first_file(data, MMLU_PRO)
    for number, fields in json_rows(path, dict[str, Any]):
        try:
            row = msgspec.convert(fields, _Row)
        except msgspec.ValidationError as error:
            raise DataError(f"{path}, line {number}: {error}") from None
        said = row.filtered_resps
        yield PointItem(
            id=str(row.question_id), group=row.model, turns=(("user", row.question),), low=0, high=1, author=row.model,
            answer=str(said[0] if isinstance(said, list) and said else said), reference=row.target,
            label=_scores(path, number, fields)[DEEPSEEK],
            extra={"options": row.options, "right": row.answer_index, "asked": True},
        )  # fmt: skip


# -- people ---------------------------------------------------------------------------------------------------------------
class _Rated(Struct):
    question_id: int | str
    model: str | list[str]
    answer: str
    response: str | list[str]
    rating_match: int | list[int | None] | None
    question_text: str = ""


class Rated(NamedTuple):
    """One answer with what one person said: 1 it matches, 0 it does not, None neither."""

    question: str
    text: str
    model: str
    answer: str
    reference: str
    match: float | None


def binary(rating: int | None) -> float | None:
    """A rating of 1 to 5 as match (4, 5), no match (1, 2) or neither."""
    return None if rating is None or rating == 3 else float(rating > 3)


def ratings(data: Data, name: str, rows: int | None = None) -> dict[tuple[str, str, str], Rated]:
    """What one person said of the answers of a file (of its first ``rows``), by question, model and answer."""
    path = data.path(SLUG, name, SAVES + name)
    found = {}
    for _, row in islice(json_rows(path, _Rated), rows):
        columns = [v if isinstance(v, list) else [v] for v in (row.model, row.response, row.rating_match)]
        for model, answer, rating in zip(*columns, strict=False):
            one = Rated(str(row.question_id), row.question_text, model, answer, row.answer, binary(rating))
            found[one.question, model, answer] = one
    return found


def people(data: Data, names: tuple[str, str]) -> Iterator[PointItem]:
    """Answers that both people rated. ``raters``: what they said; the label: where they agree, else none."""
    one, other = (ratings(data, name) for name in names)
    for key in one:
        if key not in other:
            continue
        row, said = one[key], [r.match for r in (one[key], other[key]) if r.match is not None]
        yield PointItem(
            id=f"{row.question}/{row.model}", cluster=row.question, group=row.model, turns=(("user", row.text),), low=0, high=1,
            answer=row.answer, reference=row.reference, author=row.model, raters=tuple(said),
            label=said[0] if len(said) == 2 and said[0] == said[1] else None,
        )  # fmt: skip


mmlu_pro_people = partial(people, names=MMLU_PRO_PEOPLE)
gpqa_people = partial(people, names=GPQA_PEOPLE)
