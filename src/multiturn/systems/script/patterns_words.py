"""Vocabulary of `patterns` and its draws. Made-up places; names and words that are not parts of one another's answers."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def words(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())


NAMES = words(
    "Mira Oren Talia Bruno Selma Edvin Nadia Ruben Petra Hugo Lena Ivo Greta Kasper Yara Milan Tilda Amir Zora Felix Ines "
    "Joren Alma Dario"
)
TOWNS = words(
    "Brask Tolven Merrow Kestholm Varnby Ostrel Quillan Dunmere Halvik Lundara Cairnfall Farrowby Wexcombe Zellin Norrin Gatwell"
)
ANIMALS = words("goat horse cat dog rabbit parrot donkey sheep hen pig duck cow")
DRINKS = words("tea coffee cocoa lemonade cider milk juice water")
INSTRUMENTS = words("piano violin drum flute guitar trumpet harp cello")
COLOURS = words("red blue green yellow black white brown purple")
JOBS = words("baker plumber tailor nurse pilot farmer carpenter teacher painter sailor")
DAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
FRUITS = words("apple plum pear cherry mango lemon peach grape banana melon fig lime")
TOOLS = words("hammer saw drill wrench chisel shovel ladder rake axe pliers")
CLOTHES = words("shirt scarf glove jacket sock belt boot vest")
TREES = words("oak birch maple pine willow cedar elm beech")
MARKS = words("lantern pebble orbit velvet anchor marble thunder compass ribbon saddle")
EVERYDAY = words(
    "dog cat key book river garden apple bird boat bread chair cloud door flower friend hat horse house lamp letter milk moon "
    "mountain music rain road school snow song star street sun table tea tower train tree window winter wood hill lake "
    "cup coat ball clock bridge forest market picnic"
)
THINGS = words("key ring map book pen cup ball letter lamp clock hat candle coin spoon watch stamp ticket brush comb photo")
GOODS = words("candles scarves spoons lamps baskets clocks kites mugs brooms rugs vases pillows")
HERDS = words("goats sheep hens pigs ducks cows horses donkeys")
SHIPS = words("Petrel Heron Gannet Osprey Curlew Plover Kestrel Merlin Puffin Falcon")

KINDS = {
    "fruit": FRUITS,
    "tool": TOOLS,
    "animal": ANIMALS,
    "instrument": INSTRUMENTS,
    "piece of clothing": CLOTHES,
    "tree": TREES,
}


class Draw:
    """Draws that are the same on every version of Python: `random.Random` promises that only for `random()`."""

    def __init__(self, *key: object) -> None:
        self._random = Random("/".join(map(str, key)))

    def whole(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return low + int(self._random.random() * (high - low + 1))

    def one(self, options: Sequence[T]) -> T:
        return options[self.whole(0, len(options) - 1)]

    def chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def some(self, options: Sequence[T], count: int) -> list[T]:
        """``count`` of these in random order; once all have been drawn, they are drawn again."""
        found: list[T] = []
        pool: list[T] = []
        while len(found) < count:
            pool = pool or list(options)
            found.append(pool.pop(self.whole(0, len(pool) - 1)))
        return found

    def numbers(self, low: int, high: int, count: int) -> list[int]:
        """``count`` different whole numbers from ``low`` to ``high``."""
        return self.some(range(low, high + 1), count)
