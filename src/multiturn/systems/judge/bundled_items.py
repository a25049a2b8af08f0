"""A small labelled set of our own, so that every judge can be tried without data: what is right is plain to anybody.

Each question has four answers: right (5 of 5), right but thin (4), with a plain mistake (2), beside the point (1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...judges.items import ListItem, PairItem, PointItem
from ...protocols.benchmark import Data

VALUES = (5.0, 4.0, 2.0, 1.0)


class _Question(NamedTuple):
    text: str
    reference: str
    answers: tuple[str, str, str, str]


QUESTIONS = (
    _Question(
        "How many days has a leap year, and why is there one?",
        "366 days; the year is about a quarter day longer than 365",
        (
            "A leap year has 366 days. The Earth needs about 365 and a quarter days to go around the Sun, so a day is added "
            "every four years.",
            "A leap year has 366 days, because the year is a little longer than 365 days.",
            "A leap year has 364 days. The Earth is a little faster than the calendar, so a day is left out every four years.",
            "Calendars are a fine thing to hang on a wall.",
        ),
    ),
    _Question(
        "What is 17 times 6? Show how you get there.",
        "102",
        (
            "10 times 6 is 60 and 7 times 6 is 42; together that is 102.",
            "It is 102, from 60 and 42.",
            "10 times 6 is 60 and 7 times 6 is 48; together that is 108.",
            "Multiplication is taught in the third year of school.",
        ),
    ),
    _Question(
        "Which gas do plants take in for photosynthesis, and which do they give off?",
        "take in carbon dioxide, give off oxygen",
        (
            "Plants take in carbon dioxide and give off oxygen; the energy comes from light.",
            "Carbon dioxide goes in and oxygen comes out.",
            "Plants take in oxygen and give off carbon dioxide; the energy comes from light.",
            "Plants are mostly green.",
        ),
    ),
    _Question(
        "In what order do the sides of a right triangle with sides 3, 4 and 5 lie: which is the hypotenuse?",
        "5",
        (
            "The hypotenuse is the longest side, so it is 5: 9 plus 16 is 25.",
            "It is 5, the longest side.",
            "The hypotenuse is the middle side, so it is 4: 9 plus 16 is 25.",
            "Triangles have three corners.",
        ),
    ),
    _Question(
        "What is the boiling point of water at sea level in degrees Celsius and Fahrenheit?",
        "100 degrees Celsius, 212 Fahrenheit",
        (
            "At sea level water boils at 100 degrees Celsius, which is 212 degrees Fahrenheit.",
            "It is 100 Celsius, or 212 Fahrenheit.",
            "At sea level water boils at 90 degrees Celsius, which is 194 degrees Fahrenheit.",
            "Water is wet and tea needs it hot.",
        ),
    ),
    _Question(
        "Which planet is closest to the Sun, and which is the largest?",
        "Mercury is closest, Jupiter is largest",
        (
            "Mercury is the planet closest to the Sun, and Jupiter is the largest one.",
            "Mercury is closest and Jupiter largest.",
            "Venus is the planet closest to the Sun, and Saturn is the largest one.",
            "The sky is dark at night.",
        ),
    ),
    _Question(
        "What is the capital of Australia, and why is it not Sydney?",
        "Canberra; a compromise between Sydney and Melbourne",
        (
            "The capital is Canberra. It was built as a compromise, because Sydney and Melbourne both wanted to be the capital.",
            "Canberra; it was a compromise between Sydney and Melbourne.",
            "The capital is Melbourne. It was chosen because Sydney was thought to be too hot for a parliament.",
            "Australia has many beaches.",
        ),
    ),
    _Question(
        "If a train goes 180 kilometres in two hours, how fast is it on average?",
        "90 kilometres an hour",
        (
            "Its average speed is 180 kilometres divided by 2 hours, so 90 kilometres an hour.",
            "90 kilometres an hour.",
            "Its average speed is 180 kilometres times 2 hours, so 360 kilometres an hour.",
            "Trains run on rails.",
        ),
    ),
    _Question(
        "Who wrote Romeo and Juliet, and in which city does it play?",
        "William Shakespeare; Verona",
        (
            "William Shakespeare wrote it, and it plays in Verona, in the north of Italy.",
            "Shakespeare wrote it; it plays in Verona.",
            "Charles Dickens wrote it, and it plays in Venice, in the north of Italy.",
            "Plays are best seen in a theatre.",
        ),
    ),
    _Question(
        "Why does ice float on water?",
        "ice is less dense than water, because water expands when it freezes",
        (
            "Water expands when it freezes, so ice is less dense than liquid water, and what is less dense floats.",
            "Because ice is less dense than water.",
            "Water shrinks when it freezes, so ice is denser than liquid water, and what is denser floats.",
            "Ice is cold.",
        ),
    ),
    _Question(
        "Write the plural of mouse, child and sheep.",
        "mice, children, sheep",
        (
            "The plurals are mice, children and sheep; the last one does not change.",
            "Mice, children, sheep.",
            "The plurals are mouses, childs and sheeps; an s is added to each.",
            "Mice like cheese.",
        ),
    ),
    _Question(
        "Which is heavier: a kilogram of feathers or a kilogram of iron?",
        "neither: both weigh one kilogram",
        (
            "Neither is: each weighs one kilogram. The feathers only take up more room.",
            "They weigh the same.",
            "The iron is heavier, because iron is much denser than feathers.",
            "Feathers come from birds.",
        ),
    ),
)


def pairs(data: Data | None = None) -> Iterator[PairItem]:
    """Two pairs a question: the right answer against the mistaken one, the thin one against the useless one."""
    for n, asked in enumerate(QUESTIONS):
        for m, (good, bad) in enumerate(((0, 2), (1, 3))):
            first = (n + m) % 2 == 0
            one, two = asked.answers[good], asked.answers[bad]
            yield PairItem(
                id=f"{n}.{m}", cluster=str(n), turns=(("user", asked.text),), first=one if first else two,
                second=two if first else one, label=float(first), authors=("", ""),
            )  # fmt: skip


def points(data: Data | None = None) -> Iterator[PointItem]:
    """Each answer alone, on a scale of 1 to 5."""
    for n, asked in enumerate(QUESTIONS):
        for m, (answer, value) in enumerate(zip(asked.answers, VALUES, strict=True)):
            yield PointItem(id=f"{n}.{m}", cluster=str(n), turns=(("user", asked.text),), answer=answer, label=value)


def matches(data: Data | None = None) -> Iterator[PointItem]:
    """Each answer alone beside the reference: right or wrong."""
    for n, asked in enumerate(QUESTIONS):
        for m, answer in enumerate(asked.answers):
            yield PointItem(
                id=f"{n}.{m}", cluster=str(n), turns=(("user", asked.text),), answer=answer, label=float(m < 2), low=0, high=1,
                reference=asked.reference,
            )  # fmt: skip


def lists(data: Data | None = None) -> Iterator[ListItem]:
    """All four answers of a question, in an order that changes from question to question."""
    for n, asked in enumerate(QUESTIONS):
        order = [(n + i) % 4 for i in range(4)]
        yield ListItem(
            id=str(n), turns=(("user", asked.text),), answers=tuple(asked.answers[i] for i in order),
            labels=tuple(VALUES[i] for i in order),
        )  # fmt: skip
