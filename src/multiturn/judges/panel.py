"""Several answers to one question: samples of one judge, both orders, or many judges, made into one.

Combinators take `Answer`s and give an `Answer`: what was not measured stays out, and is said when nothing is left. Around a
judge that scores two answers at once (``PairScorer``): `evidence` asks it k times, `balanced` in both orders (multiple
evidence and balanced position calibration, Wang et al. 2023, arXiv 2305.17926).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import TypeAlias, TypeVar

from .ask import Answer

T = TypeVar("T", bound=Hashable)
Scores: TypeAlias = tuple[float, float]
PairScorer: TypeAlias = Callable[[str, str], Awaitable[Answer[Scores]]]
"""Scores of what is shown first and of what is shown second."""
Samples: TypeAlias = Callable[[str, str], Awaitable[list[Answer[Scores]]]]

SPLIT = "no majority"


def mean(answers: Sequence[Answer[float]]) -> Answer[float]:
    """The mean of the values there are."""
    values = [a.value for a in answers if a.value is not None]
    return Answer(sum(values) / len(values)) if values else _nothing(answers)


def majority(answers: Sequence[Answer[T]], tie: T | None = None) -> Answer[T]:
    """The most frequent value. Where several are equally frequent: ``tie``, or not measured (`SPLIT`)."""
    counted = Counter(a.value for a in answers if a.value is not None).most_common()
    if not counted:
        return _nothing(answers)
    if len(counted) > 1 and counted[0][1] == counted[1][1]:
        return Answer(tie) if tie is not None else Answer(None, cause=SPLIT)
    return Answer(counted[0][0])


async def arbiter(answers: Sequence[Answer[T]], decide: Callable[[], Awaitable[Answer[T]]]) -> Answer[T]:
    """What all agree on; if they do not, what ``decide()`` says (asked only then)."""
    values = {a.value for a in answers if a.value is not None}
    if not values:
        return _nothing(answers)
    return Answer(values.pop()) if len(values) == 1 else await decide()


def _nothing(answers: Sequence[Answer[T]]) -> Answer[T]:
    return Answer(None, cause=answers[0].cause if answers else "nobody was asked")


# -- around a judge that scores pairs ---------------------------------------------------------------------------------
def evidence(judge: PairScorer, k: int) -> Samples:
    """Multiple evidence calibration: ``k`` samples of the judge, each with its own reasons before its scores."""

    async def ask(a: str, b: str) -> list[Answer[Scores]]:
        return [await judge(a, b) for _ in range(k)]

    return ask


def balanced(samples: Samples) -> Samples:
    """Balanced position calibration: the samples in both orders, those of the second with their scores changed back."""

    async def ask(a: str, b: str) -> list[Answer[Scores]]:
        return [*await samples(a, b), *map(swap, await samples(b, a))]

    return ask


def swap(answer: Answer[Scores]) -> Answer[Scores]:
    """The scores of (b, a) as scores of (a, b)."""
    return answer if answer.value is None else Answer((answer.value[1], answer.value[0]), answer.reason)


def calibrated(answers: Iterable[Answer[Scores]]) -> Answer[Scores]:
    """The mean score of each side over the samples that could be read."""
    answers = list(answers)
    values = [a.value for a in answers if a.value is not None]
    if not values:
        return _nothing(answers)
    return Answer((sum(v[0] for v in values) / len(values), sum(v[1] for v in values) / len(values)))


def outcome(scores: Scores) -> int:
    """1 the first wins, 0 a tie (exactly equal scores), -1 it loses."""
    return (scores[0] > scores[1]) - (scores[0] < scores[1])


def diversity_entropy(outcomes: Sequence[int]) -> float:
    """-sum p ln p over the outcomes win, tie, lose: 0 when all are equal, ln 3 at most (1.0986)."""
    n = len(outcomes)
    return abs(sum(c / n * math.log(c / n) for c in Counter(outcomes).values()))  # abs: no -0.0
