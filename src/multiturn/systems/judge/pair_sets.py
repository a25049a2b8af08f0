"""Pairs of answers that people chose between, as released with several papers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from ...conversation import DataError
from ...judges.items import PairItem
from ...protocols.benchmark import Data

_ARJUDGE = "https://raw.githubusercontent.com/kaishxu/ARJudge/main/data/test/"


def llmbar(data: Data, sets: str = "llmbar") -> Iterator[PairItem]:
    """LLMBar: ``label`` 1 or 2 is the output that follows the instruction; five subsets are groups."""
    from .llmbar_data import items

    for row in items(data, sets):
        yield PairItem(
            id=row.id, group=row.group, turns=(("user", row.instruction),), first=row.outputs[0], second=row.outputs[1],
            label=float(row.label == 1),
        )  # fmt: skip


def llmbar_natural(data: Data) -> Iterator[PairItem]:
    """The subset Natural."""
    return (item for item in llmbar(data) if item.group == "Natural")


def llmbar_adversarial(data: Data) -> Iterator[PairItem]:
    """The four adversarial subsets."""
    return (item for item in llmbar(data) if item.group != "Natural")


def faireval(data: Data) -> Iterator[PairItem]:
    """FairEval: ChatGPT (first) against Vicuna-13B, majority of three people, ties are a class."""
    from .fair_evaluators_data import pairs

    names = ("gpt35", "vicuna-13b")
    for row in pairs(data, names):
        yield PairItem(
            id=row.id, turns=(("user", row.question),), first=row.answers[0], second=row.answers[1],
            authors=names, label=None if row.label is None else (1 + row.label) / 2, ties=True,
        )  # fmt: skip


class _Row(Struct):
    instruction: str
    response1: str
    response2: str
    winner: int
    idx: int | str = ""


def _arjudge(data: Data, names: tuple[str, ...]) -> Iterator[PairItem]:
    """The test files of ARJudge: ``winner`` 1 or 2, 0 or 3 a tie. The whole file under its own name, or the part there is."""
    path = _first(data, names)
    try:
        rows = msgspec.json.decode(path.read_bytes(), type=list[_Row])
    except msgspec.DecodeError as error:
        raise DataError(f"{path}: {error}") from None
    points = {1: 1.0, 2: 0.0, 0: 0.5, 3: 0.5}
    ties = any(points.get(row.winner) == 0.5 for row in rows)
    for n, row in enumerate(rows):
        if row.winner not in points:
            raise DataError(f"{path}, record {n}: winner must be 0, 1, 2 or 3, not {row.winner}")
        # One instruction comes with many pairs: they are one draw.
        yield PairItem(
            id=str(n), cluster=row.instruction[:200], turns=(("user", row.instruction),), first=row.response1,
            second=row.response2, label=points[row.winner], ties=ties,
        )  # fmt: skip


def _first(data: Data, names: tuple[str, ...]) -> Path:
    for name in names[1:]:
        try:
            return data.path("arjudge", name)
        except DataError:
            continue
    return data.path("arjudge", names[0], _ARJUDGE + names[0])


def pandalm(data: Data) -> Iterator[PairItem]:
    """PandaLM's test set."""
    return _arjudge(data, ("PandaLM_test.json",))


def auto_j(data: Data) -> Iterator[PairItem]:
    """Auto-J's test pairs."""
    return _arjudge(data, ("Auto-J_test.json", "Auto-J_first150.json"))


def mt_bench(data: Data) -> Iterator[PairItem]:
    """Votes of single people on pairs of MT-Bench answers; some pairs have several, and 27 of 175 contradictory ones."""
    return _arjudge(data, ("MTBench_test.json", "MTBench_first300.json"))
