"""Answers with planted flaws: six questions of ours, each answered in twelve ways, and the pairs of a round robin.

Six sentences an answer (about 120 words), or the first three of them (about 60). Factual errors stand in the first three, minor
ones (a wrong detail) or major ones (what matters is wrong); language errors are made by rule. What was planted is noted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, groupby
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct

from ...conversation import DataError
from ...conversation.files import json_rows
from ...judges.items import PairItem
from ...protocols.benchmark import Data
from .multi_elo_texts import TEXTS

Kind: TypeAlias = Literal["minor", "major", "language"]
CORRECT, ONE_MINOR, MINOR, MAJOR = (
    "Correct", "One Minor Factual Error", "Several Minor Factual Errors", "Several Major Factual Errors"
)  # fmt: skip
ADVANCED, INTERMEDIATE = "Advanced Learner", "Intermediate Learner"
VARIANTS = (CORRECT, ONE_MINOR, MINOR, MAJOR, ADVANCED, INTERMEDIATE)
SHORT = " + Short"
WEIGHTS = {"minor": 1, "major": 3, "language": 0}
"""What an error counts in the planted order of facts."""


class Planted(Struct, frozen=True):
    """One error: the words that hold it, and its type."""

    span: str
    type: Kind


class Answer(Struct, frozen=True):
    """One answer, in the form of the file that ``answers=`` takes (one a line)."""

    question_id: str
    question: str
    variant: str
    length_class: Literal["long", "short"]
    text: str
    planted: list[Planted] = []

    @property
    def name(self) -> str:
        """How the variant is called in tables."""
        return self.variant + (SHORT if self.length_class == "short" else "")

    @property
    def severity(self) -> int:
        """Weight of the planted factual errors: 0 = none."""
        return sum(WEIGHTS[p.type] for p in self.planted)

    @property
    def slips(self) -> int:
        """Number of planted language errors."""
        return sum(p.type == "language" for p in self.planted)


class Learned(NamedTuple):
    """A text with language errors, and the words that hold them."""

    text: str
    spans: list[str]


_VERBS = {"is": "are", "are": "is", "was": "were", "were": "was", "has": "have", "have": "has", "does": "do"}
_WORD = re.compile(r"[A-Za-z]+")


def learner(text: str, every: int) -> Learned:
    """The text as someone learning English may write it: of all articles and forms of be, have and do, every ``every``-th is left
    out or put in the wrong number. Facts stay as they are."""
    spans, out, at, n = [], [], 0, 0
    for found in _WORD.finditer(text):
        word = found[0].lower()
        if word not in _VERBS and word not in ("a", "an", "the"):
            continue
        n += 1
        if n % every:
            continue
        end = found.end() if word in _VERBS else min(found.end() + 1, len(text))
        out += [text[at : found.start()], _VERBS.get(word, "")]
        spans.append(text[max(0, found.start() - 12) : found.end() + 12])
        at = end
    return Learned("".join([*out, text[at:]]), spans)


def bundled() -> Iterator[Answer]:
    """The twelve answers to each of our questions."""
    for id_, (question, rows) in enumerate(TEXTS):
        for variant in VARIANTS:
            for length, size in (("long", len(rows)), ("short", 3)):
                yield _made(str(id_), question, rows[:size], variant, length)


def _made(id_: str, question: str, rows: Sequence[tuple[str, ...]], variant: str, length: str) -> Answer:
    wrong = {ONE_MINOR: (1, 1), MINOR: (1, 3), MAJOR: (2, 3)}.get(variant)
    kinds: tuple[Kind, ...] = ("minor", "minor", "major")
    said, planted = [], []
    for i, row in enumerate(rows):
        use = wrong[0] if wrong is not None and i < wrong[1] else 0
        said.append(row[use])
        if use:
            planted.append(Planted(row[use], kinds[use]))
    text = " ".join(said)
    if every := {ADVANCED: 3, INTERMEDIATE: 1}.get(variant):
        text, spans = learner(text, every)
        planted = [Planted(span, "language") for span in spans]
    return Answer(id_, question, variant, "short" if length == "short" else "long", text, planted)


def from_file(path: Path) -> Iterator[Answer]:
    """Answers of one's own. Raises `DataError` naming file and line."""
    seen = set()
    for number, answer in json_rows(path, Answer):
        if (answer.question_id, answer.name) in seen:
            raise DataError(f"{path}, line {number}: a second `{answer.name}` for question {answer.question_id}")
        seen.add((answer.question_id, answer.name))
        yield answer


def round_robin(answers: Iterable[Answer]) -> Iterator[PairItem]:
    """Every pair of answers to the same question (66 for twelve); which one comes first alternates.

    The label: 1 or 0 where the planted factual errors of one weigh less, none where they weigh the same. ``extra``: the two
    variants' errors of fact and of language, and their words, for whoever plays the judge.
    """
    for question, of_question in groupby(sorted(answers, key=lambda a: a.question_id), key=lambda a: a.question_id):
        for n, pair in enumerate(combinations(of_question, 2)):
            one, two = pair if n % 2 == 0 else pair[::-1]
            label = None if one.severity == two.severity else float(one.severity < two.severity)
            yield PairItem(
                id=f"{question}.{n}", cluster=question, turns=(("user", one.question),), first=one.text, second=two.text,
                authors=(one.name, two.name), label=label, ties=True,
                extra={"facts": [one.severity, two.severity], "slips": [one.slips, two.slips],
                       "words": [len(one.text.split()), len(two.text.split())]},
            )  # fmt: skip


def pairs(data: Data | None = None) -> Iterator[PairItem]:
    """The round robin of our own answers."""
    return round_robin(bundled())
