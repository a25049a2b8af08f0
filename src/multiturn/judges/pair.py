"""Comparing two answers: the verdict's parser, both orders, and what a tie is.

A judge names the better of what was shown first ("A") and second ("B"), or calls a tie ("C"). Judges favour positions
(Zheng et al. 2023, arXiv 2306.05685), so `PairJudge` asks in both orders, maps the second verdict back, and `settle` says
what the two amount to. A verdict that cannot be read is *not measured*, with its cause.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct

from ..conversation import Cast, Conversation
from .ask import Answer, ask
from .loose import Node, Obj, objects
from .parse import LONGEST, REASONS, Outcome, Parsed, Unparsable

Pick: TypeAlias = Literal["A", "B", "C"]
"""A = shown first is better, B = shown second, C = tie. After mapping back: A and B are the answers themselves."""
Policy: TypeAlias = Literal["tie", "mean", "drop"]
"""What two orders that disagree amount to: a tie (MT-Bench: a win must be won twice), the mean of both, or nothing."""

NAMES = ("verdict", "winner", "choice", "better", "preferred", "answer")
_SWAPPED: dict[Pick, Pick] = {"A": "B", "B": "A", "C": "C"}
_POINTS = {"A": 1.0, "B": 0.0, "C": 0.5}
_BRACKETS = re.compile(r"\[\[\s{0,3}([A-Za-z0-9]{1,12})\s{0,3}\]\]")
_LABELLED = re.compile(r"\b(?:verdict|winner|choice)\b[*_\"'\s]{0,4}[:=：][*_\"'\[(\s]{0,6}([A-Za-z0-9]{1,12})\b", re.I)
_TIE = {"C", "TIE", "DRAW", "EQUAL", "BOTH"}
_REASON = 2_000


def verdict(text: str, *, ties: bool = True, names: tuple[str, str] = ("A", "B")) -> Outcome[Pick]:
    """A, B or C that the judge gave: in ``[[A]]``, in a JSON object under one of `NAMES`, or after ``Verdict:``.

    The first of these forms that occurs decides; two different verdicts in it are not parsable, and neither is a tie where
    there are none (``ties`` False). A text that only mentions the letters says nothing. ``names``: how the answers were called
    where they were shown; "A" is always the one shown first.
    """
    if len(text) > LONGEST:
        return Unparsable("reply too long")
    reason = text.strip()[:_REASON]
    said = [m[1] for m in _BRACKETS.finditer(text)]
    if not said:
        found = objects(text)
        said = [value for obj in found for value in _values(obj, NAMES)]
        reason = next((value for obj in found for value in _values(obj, REASONS)), reason if not said else "")[:_REASON]
    said = said or [m[1] for m in _LABELLED.finditer(text)]
    if not said:
        return Unparsable("no verdict found")
    picks = {_pick(word, names) for word in said}
    if len(picks) > 1:
        return Unparsable("contradictory verdicts")
    pick = picks.pop()
    if pick is None:
        return Unparsable(f"verdict is none of {names[0]}, {names[1]}, tie")
    return Parsed(pick, reason) if ties or pick != "C" else Unparsable("a tie is no answer")


def _values(obj: Obj, names: tuple[str, ...]) -> list[str]:
    return [_text(value) for key, value in obj if key.strip().lower() in names]


def _text(node: Node) -> str:
    while isinstance(node, list) and len(node) == 1:
        node = node[0]
    return node if isinstance(node, str) else "?"


def _pick(word: str, names: tuple[str, str]) -> Pick | None:
    word = word.strip().strip("[]().*\"'`").upper()
    if word == names[0].upper():
        return "A"
    if word == names[1].upper():
        return "B"
    return "C" if word in _TIE else None


def swapped(pick: Pick) -> Pick:
    """The same verdict when the answers change places."""
    return _SWAPPED[pick]


def settle(first: Pick | None, second: Pick | None, policy: Policy = "tie") -> float | None:
    """Points of A (1 win, 0.5 tie, 0 loss) from the verdicts of both orders, the second mapped back; None when one is missing.

    tie: a win in both orders wins, all else is a tie. mean: the mean of both orders. drop: None unless both agree.
    """
    if first is None or second is None:
        return None
    if first == second:
        return _POINTS[first]
    if policy == "drop":
        return None
    return 0.5 if policy == "tie" else (_POINTS[first] + _POINTS[second]) / 2


class Both(NamedTuple):
    """The verdicts of both orders, in terms of the answers (the second is mapped back)."""

    first: Answer[Pick]
    second: Answer[Pick]

    @property
    def cause(self) -> str:
        """Why one of them is missing, "" when none is."""
        return self.first.cause or self.second.cause

    @property
    def consistent(self) -> bool | None:
        """Whether both orders agree; None when one is missing."""
        return None if self.cause else self.first.value == self.second.value

    def points(self, policy: Policy = "tie") -> float | None:
        """Points of A, see `settle`."""
        return settle(self.first.value, self.second.value, policy)


FORM = (
    "First give your reasons, then your verdict in double brackets: [[A]] if assistant A is better, [[B]] if assistant B is "
    "better, [[C]] for a tie."
)
"""The last paragraph of a question: the form of the answer, reason first."""
REPAIR = "I could not read your verdict. Reply with [[A]], [[B]] or [[C]] only."


class PairJudge(Struct, frozen=True, kw_only=True):
    """The judge of a cast, asked which of two answers is better, in both orders.

    ``render(x, y)`` makes the question that shows ``x`` first and ``y`` second.
    """

    ties: bool = True
    repair: str = REPAIR

    async def once(self, cast: Cast, question: str | Conversation) -> Answer[Pick]:
        """One order: which of what is shown first (A) and second (B) is better."""
        return await ask(cast, question, partial(verdict, ties=self.ties), repair=self.repair)

    async def __call__(self, cast: Cast, render: Callable[[str, str], str | Conversation], a: str, b: str) -> Both:
        first = await self.once(cast, render(a, b))
        second = await self.once(cast, render(b, a))
        return Both(first, map_back(second))


def map_back(answer: Answer[Pick]) -> Answer[Pick]:
    """A verdict on (b, a) as one on (a, b)."""
    return answer if answer.value is None else Answer(swapped(answer.value), answer.reason)


_SCORE = re.compile(r"(?<![0-9.])([0-9]{1,3}(?:\.[0-9]{1,3})?)(?:\s{0,3}/\s{0,3}[0-9]{1,3})?[\s*.]{0,4}$")


def two_scores(text: str, low: float = 1, high: float = 10, *, last: bool = True) -> Outcome[tuple[float, float]]:
    """The scores of what was shown first and second, each at the end of a line of its own.

    Of all lines of at most 200 characters that end in a number after a colon: the last two (``last``) or the first two.
    Out of range is not parsable.
    """
    if len(text) > LONGEST:
        return Unparsable("reply too long")
    found = []
    for line in text.splitlines():
        _, colon, tail = line.strip()[:200].rpartition(":")
        if colon and (match := _SCORE.search(tail)):
            found.append(float(match[1]))
    if len(found) < 2:
        return Unparsable("fewer than two scores")
    one, two = found[-2:] if last else found[:2]
    if not (low <= one <= high and low <= two <= high):
        return Unparsable(f"scores {one:g} and {two:g}: not from {low:g} to {high:g}")
    return Parsed((one, two), text.strip()[:_REASON])
