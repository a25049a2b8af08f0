"""Small questions of our own with one right answer, made from a seed, and a reader for question files (AIME, MATH, GPQA …)."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from ...conversation import Case, DataError
from ...conversation.files import json_rows
from ...judges.extract import final_number
from ...judges.targets import last_number

Kind = Literal["number", "choice"]
FORM = {
    "number": 'Think step by step. End with a line "Answer: " and the number.',
    "choice": 'Think step by step. End with a line "Answer: " and the letter.',
}


class Question(Case, frozen=True, kw_only=True):
    """A question with its answer (a number, or the letter of an option) and a wrong one, for the anchoring control."""

    text: str
    answer: str
    wrong: str
    kind: Kind = "number"


_SAID, _BOXED = r"\banswer\b[^A-Za-z0-9\n]{0,20}(?:is\b[^A-Za-z0-9\n]{0,20})?", r"\\boxed\s?\{\s?(?:\\text\{)?"
_LETTER = re.compile(rf"(?:{_SAID}|{_BOXED})\(?([A-J])\b", re.I)
_ALONE = re.compile(r"(?<![A-Za-z])([A-J])(?![A-Za-z'])")


def value_of(kind: Kind, reply: str) -> str:
    """The answer in a reply, in one spelling: after the last "answer is", "Answer:" or in the last box; else the last number or
    the last capital letter that stands alone. "" when there is none."""
    reply = reply[:100_000]
    if kind == "choice":
        marked, alone = _LETTER.findall(reply), _ALONE.findall(reply)
        letters: list[str] = marked or alone
        return letters[-1].upper() if letters else ""
    number = last_number(final_number(reply)[0].replace("$", ""))
    return "" if number is None else f"{number.normalize():f}"


def majority(values: Sequence[str]) -> str:
    """The most frequent answer (of equally frequent ones the earliest); replies without an answer do not vote."""
    votes = Counter(value for value in values if value)
    return max(votes, key=lambda value: votes[value]) if votes else ""


def bundled(count: int, seed: int) -> Iterator[Question]:
    """``count`` questions: sums with several steps, sequences, remainders, and choices, in turn."""
    makers = (_errand, _sequence, _remainder, _choice)
    for i in range(count):
        make = makers[i % len(makers)]
        yield make(f"{make.__name__[1:]}-{i // len(makers) + 1}", random.Random(f"{seed}/{i}"))


def _errand(name: str, draw: random.Random) -> Question:
    boxes, each, lost, price = draw.randint(4, 12), draw.randint(6, 15), draw.randint(3, 9), draw.randint(2, 6)
    answer = (boxes * each - lost) * price
    text = (
        f"A grocer buys {boxes} boxes with {each} melons each. {lost} melons are spoilt and thrown away; all others are sold for "
        f"{price} coins each. How many coins does the grocer take? {FORM['number']}"
    )
    return _number(name, text, answer, (boxes * each) * price)


def _sequence(name: str, draw: random.Random) -> Question:
    start, factor, add, n = draw.randint(1, 5), draw.randint(2, 3), draw.randint(1, 6), draw.randint(4, 6)
    values = [start]
    for _ in range(n):
        values.append(values[-1] * factor + add)
    text = (
        f"A sequence begins with {start}. Each next term is {factor} times the term before, plus {add}. "
        f"What is term number {n}, counting the first as term 1? {FORM['number']}"
    )
    return _number(name, text, values[n - 1], values[n])


def _remainder(name: str, draw: random.Random) -> Question:
    a, b, m = draw.randint(23, 89), draw.randint(23, 89), draw.choice((7, 11, 13, 17))
    text = f"What is the remainder when {a} times {b} is divided by {m}? {FORM['number']}"
    return _number(name, text, a * b % m, (a + b) % m)


def _choice(name: str, draw: random.Random) -> Question:
    divisor = draw.choice((3, 4, 6, 7, 9))
    good = divisor * draw.randint(12, 60)
    others = draw.sample([v for v in range(good - 30, good + 30) if v % divisor], 3)
    options = draw.sample([good, *others], 4)
    listed = " ".join(f"{letter}) {value}" for letter, value in zip("ABCD", options, strict=True))
    text = f"Which of these numbers can be divided by {divisor} without remainder? {listed} {FORM['choice']}"
    right = "ABCD"[options.index(good)]
    return Question(id=name, group="choice", text=text, answer=right, wrong="BCDA"["ABCD".index(right)], kind="choice")


def _number(name: str, text: str, answer: int, wrong: int) -> Question:
    group = name.rpartition("-")[0]
    return Question(id=name, group=group, text=text, answer=str(answer), wrong=str(wrong if wrong != answer else answer + 1))


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    question: str
    answer: str | int | float
    kind: Kind = "number"
    wrong: str | int | float | None = None
    group: str | None = None


def from_file(path: str) -> Iterator[Question]:
    """Questions from JSON lines: id, question, answer; optionally kind (number or choice), wrong, group."""
    for n, found in json_rows(path, _Line):
        gold = value_of(found.kind, f"Answer: {found.answer}")
        if not gold:
            raise DataError(f"{path}, line {n}: the answer `{found.answer}` is no {found.kind}")
        other = f"1{gold}" if found.kind == "number" else "B" if gold == "A" else "A"
        wrong = other if found.wrong is None else found.wrong
        text = f"{found.question}\n\n{FORM[found.kind]}"
        yield Question(id=found.id, group=found.group, text=text, answer=gold, wrong=str(wrong), kind=found.kind)
