"""Instructions with two answers and a person's answer: a few of ours, and files in the released forms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

from ...conversation import Case, DataError
from ...conversation.files import json_rows
from ...judges.items import PairItem
from ...protocols.benchmark import Data
from .labelled_file import first_line

POINTS = {0: 0.5, 1: 1.0, 2: 0.0}
"""What the released labels mean for the first answer: a tie, the first, the second."""


class Task(Case, frozen=True, kw_only=True):
    """An instruction that a model under test answers, with the baseline's answer and a person's."""

    instruction: str
    baseline: str
    reference: str | None = None


class _Preference(Struct):
    category: str
    instruction: str
    output_a: str
    output_b: str
    generator_a: str = ""
    generator_b: str = ""
    annotations: list[int] = []
    reference: str | None = None


class _Evaluation(Struct):
    category: str
    instruction: str
    output: str
    generator: str = ""
    reference: str | None = None


def form_of(path: Path) -> Literal["preference", "evaluation", ""]:
    """Which of the two released forms a file has ("" = neither), by its first line."""
    first = first_line(path)
    if b'"output_a"' in first:
        return "preference"
    return "evaluation" if b'"output"' in first and b'"category"' in first else ""


def preferences(path: Path) -> Iterator[PairItem]:
    """Pairs with people's annotations. The label is the most frequent one; where two are, there is none."""
    for number, row in json_rows(path, _Preference):
        if unknown := set(row.annotations) - set(POINTS):
            raise DataError(f"{path}, line {number}, field annotations: {unknown.pop()} is none of 0 (tie), 1 (A), 2 (B)")
        raters = tuple(POINTS[a] for a in row.annotations)
        top = Counter(raters).most_common(2)
        label = None if not top or (len(top) > 1 and top[0][1] == top[1][1]) else top[0][0]
        # One instruction comes with many pairs: they are one draw.
        yield PairItem(
            id=str(number), group=row.category, cluster=row.instruction[:200], turns=(("user", row.instruction),),
            first=row.output_a, second=row.output_b, authors=(row.generator_a, row.generator_b), reference=row.reference,
            raters=raters, label=label, ties=True,
        )  # fmt: skip


def tasks(path: Path) -> Iterator[Task]:
    """Instructions with the baseline's answers."""
    for number, row in json_rows(path, _Evaluation):
        yield Task(
            id=str(number), group=row.category, instruction=row.instruction, baseline=row.output, reference=row.reference
        )  # fmt: skip


class _Verdict(Struct):
    instruction: str
    output_1: str
    output_2: str
    preference: float | None = None


def stored_verdicts(path: Path) -> Mapping[tuple[str, str, str], float | None]:
    """Verdicts of a judge in AlpacaEval's layout, as points of ``output_1``; None = it could not be read. Keyed by instruction
    and outputs, so that several pairs of one instruction stay apart, in both orders."""
    try:
        rows = msgspec.json.decode(path.read_bytes(), type=list[_Verdict])
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise DataError(f"{path}: {error}") from None
    found: dict[tuple[str, str, str], float | None] = {}
    for number, row in enumerate(rows):
        if row.preference is not None and row.preference not in POINTS:
            raise DataError(f"{path}, record {number}, field preference: {row.preference:g} is none of 0, 1, 2, null")
        points = None if row.preference is None else POINTS[int(row.preference)]
        found[row.instruction, row.output_1, row.output_2] = points
        found[row.instruction, row.output_2, row.output_1] = None if points is None else 1 - points
    return found


# -- ours -------------------------------------------------------------------------------------------------------------------
class _Ours(NamedTuple):
    """An instruction, a person's answer, a right one and one with a plain mistake. ``strong``: the baseline has the right one."""

    category: str
    instruction: str
    person: str
    right: str
    wrong: str
    strong: bool


OURS = (
    _Ours("Brainstorm", "Name three things to do with children on a rainy day.",
          "Build a fort of blankets, bake biscuits, or read a long story.",
          "You could bake together, paint a big picture, or make a tent out of blankets and read in it.",
          "Go swimming in the lake on a sunny day.", True),
    _Ours("Open QA", "Why do leaves turn yellow in autumn?",
          "The green chlorophyll breaks down, and yellow pigments that were there all along become visible.",
          "The green chlorophyll breaks down, and yellow pigments become visible.",
          "In autumn the sun stands lower than in summer, and its warm light slowly paints each of them yellow.", False),
    _Ours("Closed QA", "The museum is open from ten to five, on Thursdays until eight. When does it close on Thursdays?",
          "At eight.", "At eight on Thursdays.", "It closes at five, as on all the other days of the week.", True),
    _Ours("Extract", "Give the names of the towns: We drove from Lyon by Dijon to Metz.",
          "Lyon, Dijon, Metz", "Lyon, Dijon and Metz", "We drove by car.", False),
    _Ours("Generation", "Write one sentence that invites colleagues to a farewell lunch on Friday.",
          "You are warmly invited to my farewell lunch this Friday at noon.",
          "Please join me on Friday for a farewell lunch!", "The meeting on Monday is cancelled.", True),
    _Ours("Rewrite", "Make this polite: Send me the file.",
          "Could you please send me the file?", "Would you please send me the file?",
          "Send me the file now, and do not make me ask for it again!", False),
    _Ours("Summarize",
          "In one sentence: The bridge was closed in May for repairs. They took longer than planned, as rust was found. It "
          "opened again in October.",
          "Because of rust, the repairs of the bridge took from May to October.",
          "The bridge was closed for repairs from May to October, longer than planned because of rust.",
          "The bridge was torn down in May.", True),
    _Ours("Classify", "Is this review positive or negative? The soup was cold and the waiter rude.",
          "negative", "negative", "positive, since soup and a waiter are mentioned", False),
    _Ours("Reasoning Over Numerical Data", "Sales were 40, 55 and 70 in three months. How far did they grow from first to last?",
          "By 30.", "By 30, from 40 to 70.", "They fell by 15 in each month, so by 30 in all, from 70 to 40.", True),
    _Ours("Multi-Document Synthesis", "Report 1: the river rose by a metre. Report 2: two roads were flooded. What happened?",
          "The river rose by a metre and flooded two roads.", "Two roads were flooded after the river had risen by a metre.",
          "A road was built along the river.", False),
    _Ours("Fact Checking or Attributed QA", "True or false, and why: The Moon gives off light of its own.",
          "False: the Moon only reflects the light of the Sun.", "False, the Moon reflects the light of the Sun.",
          "True: one can see it shine at night, when the Sun is gone and cannot help.", True),
)  # fmt: skip


def bundled(data: Data | None = None) -> Iterator[PairItem]:
    """11 pairs of ours, one a category: a baseline that is right in every other one, beside a careful or a careless answer."""
    for n, ours in enumerate(OURS):
        mine, other = (ours.right, ours.wrong) if ours.strong else (ours.wrong, ours.right)
        yield PairItem(
            id=str(n), group=ours.category, turns=(("user", ours.instruction),), first=mine, second=other,
            authors=("baseline", "careless" if ours.strong else "careful"), reference=ours.person, label=float(ours.strong),
            ties=True, extra={"baseline": mine},
        )  # fmt: skip
