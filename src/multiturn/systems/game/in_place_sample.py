"""Items of our own for in-place feedback: chains of calculations and small logic grids. An answer is written one cell a line, so
that code can find the first wrong cell; both are made from a seed.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from ...conversation import Case

LONGEST = 20_000


class Item(Case, frozen=True, kw_only=True):
    """A task whose answer is a list of cells: (key, right value) in the order of writing.

    chain: each cell follows from the one before; the last one is the final answer. grid: all cells are the answer.
    """

    kind: Literal["chain", "grid"]
    question: str
    cells: tuple[tuple[str, str], ...]

    @property
    def final(self) -> str:
        """What a correction must not give away: the last value of a chain. A grid has no single final answer."""
        return self.cells[-1][1] if self.kind == "chain" else ""

    @property
    def gold(self) -> str:
        return "\n".join(f"{key}: {value}" for key, value in self.cells)


class Cell(NamedTuple):
    """A cell as it is written in a reply: its value, and where the whole of it stands."""

    value: str
    start: int
    end: int


def cells_of(item: Item, reply: str) -> dict[str, Cell]:
    """The cells found in a reply: of several lines for one cell the last one counts, as in an answer that is given again."""
    found = {}
    text = reply[:LONGEST]
    value = r"-?\d{1,15}" if item.kind == "chain" else r"[A-Za-z]{1,30}"
    for key, _ in item.cells:
        for match in re.finditer(rf"(?<!\w){re.escape(key)}\s{{0,5}}[:=]\s{{0,5}}({value})(?!\w)", text, re.I):
            found[key] = Cell(match[1].lower(), match.start(), match.end())
    return found


def is_right(item: Item, reply: str) -> bool:
    """The final answer of a chain, or all cells of a grid."""
    found = cells_of(item, reply)
    wanted = item.cells[-1:] if item.kind == "chain" else item.cells
    return all(key in found and found[key].value == value for key, value in wanted)


def implied(item: Item, key: str) -> tuple[str, ...]:
    """The cells that follow from this one: all later ones of a chain, the same attribute of the other houses in a grid."""
    keys = [k for k, _ in item.cells]
    if item.kind == "chain":
        return tuple(keys[keys.index(key) + 1 :])
    return tuple(k for k in keys if k != key and k.rpartition(" ")[2] == key.rpartition(" ")[2])


# -- chains -----------------------------------------------------------------------------------------------------------
def chain(name: str, draw: random.Random, steps: int) -> Item:
    while True:
        value = draw.randint(2, 12)
        lines, values = [f"Start with {value}."], []
        for number in range(1, steps + 1):
            how = draw.choice(("add", "add", "subtract", "multiply by"))
            by = draw.randint(2, 3) if how == "multiply by" else draw.randint(2, 19)
            value = value * by if how == "multiply by" else value + by if how == "add" else value - by
            lines.append(f"Step {number}: {how} {by}.")
            values.append(value)
        # The final value occurs once, so that no correction of another line can give it away.
        if min(values) > 0 and values.count(values[-1]) == 1:
            break
    ask = 'Write the result of every step on its own line, in this form: "Step 1: 17". Write nothing else.'
    cells = tuple((f"Step {i}", str(v)) for i, v in enumerate(values, 1))
    return Item(id=name, group="chain", kind="chain", question=" ".join(lines) + f"\n\n{ask}", cells=cells)


# -- logic grids ------------------------------------------------------------------------------------------------------
_VALUES = {
    "color": ("red", "green", "blue", "white"), "pet": ("cat", "dog", "fish", "owl"), "drink": ("tea", "milk", "juice", "water"),
}  # fmt: skip
_Solution = tuple[tuple[str, ...], ...]


def grid(name: str, draw: random.Random, houses: int = 3) -> Item:
    """A grid of ``houses`` x 3 attributes whose clues leave exactly one solution (checked by trying all)."""
    values = [v[:houses] for v in _VALUES.values()]
    every: list[_Solution] = list(itertools.product(*(tuple(itertools.permutations(v)) for v in values)))
    truth = draw.choice(every)
    left, clues = every, []
    while len(left) > 1:
        said, holds = _clue(draw, truth, houses)
        fewer = [s for s in left if holds(s)]
        if len(fewer) < len(left):
            left = fewer
            clues.append(said)
    names = list(_VALUES)
    lists = "; ".join(f"{n}: {', '.join(v)}" for n, v in zip(names, values, strict=True))
    numbered = "\n".join(f"{i}. {clue}" for i, clue in enumerate(clues, 1))
    question = (
        f"{houses} houses stand in a row, numbered from left to right. Each has another color, pet and drink ({lists}).\n"
        f"{numbered}\n\nWrite every cell of the solution on its own line, house by house, in this form: "
        '"House 1 color: red". Write nothing else.'
    )
    cells = tuple((f"House {h + 1} {n}", truth[a][h]) for h in range(houses) for a, n in enumerate(names))
    return Item(id=name, group="grid", kind="grid", question=question, cells=cells)


class _Clue(NamedTuple):
    """A clue that can be checked: two values, and how their houses lie (d = house of the second - house of the first)."""

    first: str
    second: str
    low: int
    high: int

    def __call__(self, solution: _Solution) -> bool:
        where = {value: house for row in solution for house, value in enumerate(row)}
        return self.low <= where[self.second] - where[self.first] <= self.high


class _At(NamedTuple):
    value: str
    house: int
    there: bool

    def __call__(self, solution: _Solution) -> bool:
        return any(row[self.house] == self.value for row in solution) is self.there


def _clue(draw: random.Random, truth: _Solution, houses: int) -> tuple[str, _Clue | _At]:
    """A true statement about the solution."""
    a, b = draw.sample(range(len(truth)), 2)
    i, j = draw.randrange(houses), draw.randrange(houses)
    first, second = truth[a][min(i, j)], truth[b][max(i, j)]
    if i == j:
        return f"{first.capitalize()} and {second} belong to the same house.", _Clue(first, second, 0, 0)
    if draw.random() < 0.3:
        return f"House {j + 1} does not have {truth[a][i]}.", _At(truth[a][i], j, False)
    if abs(i - j) == 1:
        return f"The house with {first} is directly left of the house with {second}.", _Clue(first, second, 1, 1)
    return f"The house with {first} is somewhere left of the house with {second}.", _Clue(first, second, 1, houses)


def bundled(count: int, seed: int, steps: int) -> Iterator[Item]:
    """``count`` items, a chain and a grid in turn."""
    for i in range(count):
        draw = random.Random(f"{seed}/{i}")
        yield chain(f"chain-{i // 2 + 1}", draw, steps) if i % 2 == 0 else grid(f"grid-{i // 2 + 1}", draw)
