"""Questions of our own with a reference answer, four options, and free answers that match it or do not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...judges.items import PointItem
from ...protocols.benchmark import Data


class _Question(NamedTuple):
    text: str
    reference: str
    others: tuple[str, str, str]
    right: tuple[str, str]
    wrong: tuple[str, str]


QUESTIONS = (
    _Question("What is 12 % of 850?", "102", ("98", "120", "85"), ("102.0", "102.5"), ("104", "100-110")),
    _Question("How fast does light travel in a vacuum?", "299,792 km/s", ("150,000 km/s", "1,080 km/s", "343 m/s"),
              ("300000 km/s", "299792.458 km/s"), ("3000 km/s", "very fast")),
    _Question("Which process turns a liquid into a gas below its boiling point?", "evaporation",
              ("condensation", "sublimation", "freezing"),
              ("It evaporates, that is, evaporation.", "Evaporation, at the surface of the liquid"),
              ("boiling", "a change of state")),
    _Question("Which planet has the most mass in the Solar System?", "Jupiter", ("Saturn", "Neptune", "the Earth"),
              ("Jupiter, a gas giant", "It is Jupiter."), ("Saturn", "one of the gas giants")),
    _Question("In which year did the Berlin Wall fall?", "1989", ("1961", "1991", "1979"),
              ("It fell in 1989.", "November 1989"), ("1961", "in the late eighties")),
    _Question("What does a thermostat do?", "It keeps a temperature near a set value.",
              ("It measures humidity.", "It stores heat.", "It turns heat into current."),
              ("It holds the temperature at about the value one sets.", "It switches heating on and off to keep a temperature."),
              ("It shows the temperature.", "It is a device in a house.")),
    _Question("A car brakes from 20 m/s to rest in 4 s. What is its acceleration?", "-5 m/s^2",
              ("5 m/s^2", "-80 m/s^2", "-0.2 m/s^2"), ("-5.0 m/s²", "It slows down by 5 m/s every second, so -5 m/s^2."),
              ("5 m/s^2", "-4 to -6 m/s^2")),
    _Question("Who painted the ceiling of the Sistine Chapel?", "Michelangelo", ("Raphael", "Leonardo da Vinci", "Titian"),
              ("Michelangelo Buonarroti", "It was painted by Michelangelo, from 1508 to 1512."),
              ("Raphael", "an Italian painter")),
    _Question("What are the two main parts of an argument?", "premises and a conclusion",
              ("a theme and a plot", "a question and a guess", "axioms and definitions"),
              ("A conclusion, and the premises that support it.", "Premises and conclusion"),
              ("premises", "reasons and examples")),
    _Question("Which gas makes up most of the air?", "nitrogen", ("oxygen", "carbon dioxide", "argon"),
              ("Nitrogen, about 78 percent.", "N2, that is nitrogen"), ("oxygen", "a colourless gas")),
    _Question("How many degrees have the angles of a triangle together?", "180°", ("90°", "360°", "270°"),
              ("180 °", "They add up to 180 degrees."), ("360°", "178 to 182 degrees")),
    _Question("What does inflation do to the buying power of money?", "It lowers it.",
              ("It raises it.", "It leaves it as it is.", "It doubles it."),
              ("Money buys less than before.", "Buying power falls."), ("Prices change.", "Buying power rises.")),
)  # fmt: skip


def matches(data: Data | None = None) -> Iterator[PointItem]:
    """Four answers a question: two that match the reference, two that do not. ``extra``: the options, and which one is right."""
    for n, asked in enumerate(QUESTIONS):
        right = n % 4
        options = [*asked.others[:right], asked.reference, *asked.others[right:]]
        for m, answer in enumerate((*asked.right, *asked.wrong)):
            yield PointItem(
                id=f"{n}.{m}", cluster=str(n), turns=(("user", asked.text),), answer=answer, label=float(m < 2), low=0, high=1,
                reference=asked.reference, extra={"options": options, "right": right, "asked": m == 0},
            )  # fmt: skip
