"""MT-Bench's files: questions, reference answers, answers, and what people voted on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ...conversation import DataError
from ...conversation.files import json_rows
from ...protocols.benchmark import Data
from ...protocols.scripted import ScriptedCase, ScriptedTurn
from .mt_bench_votes import VotedPair, labelled_pairs, voted_pairs

SLUG = "mt-bench"
FASTCHAT = "https://raw.githubusercontent.com/lm-sys/FastChat/main/fastchat/llm_judge/data/mt_bench/"
REFERENCED = ("math", "reasoning", "coding")


class Question(ScriptedCase, frozen=True, kw_only=True):
    """A question of two turns, its reference answers if it has some, and in ``pairwise`` whose answers it is compared with."""

    references: tuple[str, ...] = ()
    opponent: str = ""
    theirs: tuple[str, ...] = ()

    def against(self, name: str, theirs: tuple[str, ...]) -> Question:
        """The same question, compared with the answers of an opponent."""
        return msgspec.structs.replace(self, id=f"{self.id}/{name}", cluster=self.id, opponent=name, theirs=theirs)


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


def read_questions(data: Data) -> dict[str, Question]:
    """The 80 questions by id, with reference answers in the categories that are judged with them."""
    asked = lines(data.path(SLUG, "question.jsonl", FASTCHAT + "question.jsonl"))
    gold = choices(_references(data))
    found = {}
    for row in asked:
        id_ = str(row.question_id)
        references = gold.get(id_, ()) if row.category in REFERENCED else ()
        turns = tuple(
            ScriptedTurn(user=text, gold=references[i] if i < len(references) else None, number=i + 1)
            for i, text in enumerate(row.turns)
        )
        found[id_] = Question(id=id_, group=row.category, turns=turns, references=references)
    return found


def in_turn(questions: Iterable[Question]) -> Iterator[Question]:
    """One question of each category in turn: a run that is limited or cut short still covers them."""
    by_category: dict[str, list[Question]] = {}
    for case in questions:
        by_category.setdefault(case.group or "", []).append(case)
    for row in zip_longest(*by_category.values()):
        yield from (case for case in row if case is not None)


def _references(data: Data) -> Path:
    try:
        return data.path(SLUG, "reference_answer_gpt-4.jsonl")
    except DataError:
        name = "reference_answer/gpt-4.jsonl"
        return data.path(SLUG, name, FASTCHAT + name)


def read_pairs(data: Data, questions: Mapping[str, tuple[str, ...]]) -> dict[str, list[VotedPair]]:
    """The pairs that people voted on, by question id: all votes, else those with a majority that ARJudge released."""
    try:
        return voted_pairs(data.path(SLUG, "human_judgments.jsonl"), questions)
    except DataError as missing:
        try:
            return labelled_pairs(data.path("arjudge", "MTBench_first300.json"), questions)
        except DataError:
            raise missing from None
