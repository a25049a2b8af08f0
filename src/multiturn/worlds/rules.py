"""WILT's world: a hidden rule of three numbers, tests that are answered True or False, and one guess (Banatt et al. 2024,
arXiv 2410.10998).

The rules are facts of the benchmark (the 50 of its full split, the 10 of its lite split), written as expressions for our
own evaluator. A guess is compared with the rule on fixed inputs: 10,000 triples uniform in [1, 100]³ (drawn once, from a
fixed seed, so that a score never depends on chance) and the grid {-20 … 20}³.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from msgspec import Struct

from .base import Misread, Step, World
from .lambdas import BadLambda, Lambda

TESTS = 30
Triple: TypeAlias = tuple[float, float, float]

FULL: tuple[str, ...] = (
    "x > y > z", "x < y < z", "x >= y >= z", "x <= y <= z", "x < z < y", "x <= z <= y", "z < x < y", "x <= x <= y",
    "x == y and y == z", "x != y and y != z and x != z",
    "x < 0 and y < 0 and z < 0", "x > 0 and y > 0 and z > 0",
    "(x % 2 == 0) and (y % 2 == 0) and (z % 2 == 0)", "(x % 2 == 1) and (y % 2 == 1) and (z % 2 == 1)",
    "x + y == z", "x * y == z", "x - y == z", "x + z == y", "x * z == y", "x - z == y", "y + z == x", "y * z == x",
    "y - z == x", "y - x == z", "z - x == y", "z - y == x",
    "x**2 + y**2 == z**2", "x**2 + z**2 == y**2", "y**2 + z**2 == x**2",
    "(int(x) & int(y)) == int(z)", "(int(x) | int(y)) == int(z)", "(int(x) ^ int(y)) == int(z)",
    "x % 1 == 0 and y % 1 == 0 and z % 1 == 0 and math.gcd(int(x), int(y)) == 1 and math.gcd(int(y), int(z)) == 1 "
    "and math.gcd(int(z), int(x)) == 1",
    "int(abs(x) ** 0.5) ** 2 == x and int(abs(y) ** 0.5) ** 2 == y and int(abs(z) ** 0.5) ** 2 == z",
    "x + y + z == 0", "x * y * z == 0", "(x + y + z) % 2 == 0", "(x + y + z) % 2 == 1", "(x * y * z) % 2 == 0",
    "(x * y * z) % 2 == 1",
    "max(x, y, z) == x", "max(x, y, z) == y", "max(x, y, z) == z",
    "min(x, y, z) == x", "min(x, y, z) == y", "min(x, y, z) == z",
    "(0 < x % 1) and (0 < y % 1) and (0 < z % 1)", "0 < x % 1 < y % 1 < z % 1 < 1", "(x < y < z) and (0 < z - x <= 1)",
    "(x + y) / 2 == z",
)  # fmt: skip
"""Rules 1 to 50. Rule 8 (as released) is x <= y in disguise."""
LITE: tuple[str, ...] = (
    "x > y > z", "x < y < z", "x >= y >= z", "x <= y <= z", "x == y and y == z", "x != y and y != z and x != z",
    "x < 0 and y < 0 and z < 0", "x + y == z", "x * y == z", "x < y and y > z",
)  # fmt: skip


@lru_cache(maxsize=256)
def rule(text: str) -> Lambda:
    """One of our rules, ready to be called."""
    return Lambda(f"lambda x, y, z: {text}")


# -- comparing a guess with a rule ------------------------------------------------------------------------------------
_GRID = range(-20, 21)


@lru_cache(maxsize=1)
def inputs() -> tuple[tuple[Triple, ...], tuple[Triple, ...]]:
    """The random triples and the grid."""
    draw = random.Random(2410_10998)
    floats = tuple((draw.uniform(1, 100), draw.uniform(1, 100), draw.uniform(1, 100)) for _ in range(10_000))
    return floats, tuple((x, y, z) for x in _GRID for y in _GRID for z in _GRID)


@lru_cache(maxsize=64)
def truth(text: str) -> tuple[bytes, bytes]:
    """The rule's answers (0 or 1) on the random triples and on the grid."""
    asked = rule(text)
    floats, grid = inputs()
    return bytes(bool(asked(*t)) for t in floats), bytes(bool(asked(*t)) for t in grid)


class Compared(NamedTuple):
    """How a guess agrees with the rule. ``correct``: on all inputs. ``share``: of the grid. ``phi``: correlation of the two
    (Matthews) over all inputs, 0 where the guess is constant. ``fault``: why it could not be evaluated, "" if it could."""

    correct: bool
    share: float
    phi: float
    fault: str = ""


@lru_cache(maxsize=1024)
def compare(text: str, guess: str) -> Compared:
    """Compare a model's lambda with a rule. What cannot be read or raises on any input is wrong, with its fault."""
    try:
        guessed = Lambda(guess)
    except BadLambda as error:
        return Compared(False, 0.0, 0.0, str(error))
    if guessed.shape == rule(text).shape:
        return Compared(True, 1.0, 1.0)
    floats, grid = inputs()
    true_floats, true_grid = truth(text)
    try:
        # A value counts as the rule's if it equals it (so 1 is True), as in the released comparison.
        same = [guessed(*t) == bool(v) for t, v in zip(floats, true_floats, strict=True)]
        same_grid = [guessed(*t) == bool(v) for t, v in zip(grid, true_grid, strict=True)]
    except BadLambda as error:
        return Compared(False, 0.0, 0.0, str(error))
    except (ArithmeticError, TypeError, ValueError, LookupError, RecursionError, MemoryError) as error:
        return Compared(False, 0.0, 0.0, f"{type(error).__name__} when evaluated")
    share = sum(map(bool, same_grid)) / len(grid)
    phi = _phi(true_floats + true_grid, [*same, *same_grid])
    return Compared(all(same) and all(same_grid), share, phi)


def _phi(actual: bytes, same: Sequence[Any]) -> float:
    count = [[0, 0], [0, 0]]
    for value, right in zip(actual, same, strict=True):
        count[value][value if right else 1 - value] += 1
    (tn, fp), (fn, tp) = count
    below = math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return (tp * tn - fp * fn) / below if below else 0.0


def points(compared: Compared, tests: int) -> float:
    """1000 + 100 (1 - tests/30) for a correct guess, int(400 x share of the grid) for a wrong one, 0 for no guess."""
    return 1000 + 100 * (1 - tests / TESTS) if compared.correct else float(int(400 * compared.share))


# -- the world --------------------------------------------------------------------------------------------------------
class Trial(Struct, frozen=True):
    """A test of three numbers; None when the reply did not give exactly three."""

    triple: Triple | None


class Guess(Struct, frozen=True):
    """The final guess; "" when nothing stood between backticks."""

    text: str


_NUMBER = r"([-+]?(?:\d{0,15}\.\d{1,15}|\d{1,15}))"
_TEST = re.compile(rf"test case:\s{{0,20}}`{{1,9}}\({_NUMBER}\s{{0,9}},\s{{0,9}}{_NUMBER}\s{{0,9}},\s{{0,9}}{_NUMBER}\)`", re.I)
_GUESS = re.compile(r"final guess:\s{0,20}`{1,9}(?:python\b)?([^`]{1,4000})`", re.I)
_FORM = "End with one line: either Test Case: ```(x, y, z)``` with three numbers, or Final Guess: ```lambda x, y, z: ...```."


class HiddenRule(World[Trial | Guess]):
    """One rule. ``closed``: no tests are answered any more, only the guess is left.

    A test is looked for first; a reply that names a test but no three numbers between backticks costs no test. A reply
    without backticks, or with neither a test nor a guess, is unreadable: said once, over at the second in a row.
    """

    retries = 1
    cap = TESTS + 12

    def __init__(self, text: str, closed: bool = False) -> None:
        self.rule, self.closed = text, closed
        self.reset()

    def reset(self, seed: int = 0) -> None:
        self.tests: list[tuple[Triple, bool]] = []
        self.guess = ""
        self.compared: Compared | None = None

    @property
    def left(self) -> int:
        return 0 if self.closed else TESTS - len(self.tests)

    def observe(self) -> str:
        return f"There is a new hidden rule. You have {self.left} tests. Begin."

    def parse(self, reply: str) -> Trial | Guess | Misread:
        low = reply[:100_000].lower()
        if "test case:" in low:
            if found := _TEST.search(reply[:100_000]):
                x, y, z = map(float, found.groups())
                return Trial((x, y, z))
            return Trial(None) if "```" in low else Misread(f"A test must stand between triple backticks. {_FORM}")
        if "final guess:" in low:
            found = _GUESS.search(reply[:100_000])
            return Guess(found[1].strip() if found else "")
        return Misread(f"This is neither a test nor a guess. {_FORM}")

    def step(self, action: Trial | Guess) -> Step:
        if isinstance(action, Guess):
            self.guess = action.text
            self.compared = compare(self.rule, action.text)
            if self.compared.fault:
                return Step(f"The guess cannot be evaluated: {self.compared.fault}.", done=True, valid=False, stop="format error")
            right = self.compared.correct
            said = "Your guess is right." if right else "Your guess is not the rule."
            return Step(said, self.compared.share, done=True, stop="success" if right else "failure")
        if action.triple is None:
            return Step(f"A test case is exactly three plain numbers. {_FORM}", valid=False)
        if self.left <= 0:
            return Step("You have no tests left. Give your final guess.", valid=False)
        return Step(self.told(action.triple), valid=True)

    def told(self, triple: Triple) -> str:
        """Answer one test, and count it."""
        value = bool(rule(self.rule)(*triple))
        self.tests.append((triple, value))
        shown = ", ".join(f"{v:g}" if v == float(f"{v:g}") else repr(v) for v in triple)
        return f"({shown}) gives {value}. Tests left: {self.left}."

    def facts(self) -> dict[str, Any]:
        tests = [[*triple, value] for triple, value in self.tests]
        compared = None if self.compared is None else self.compared._asdict()
        return {"rule": self.rule, "tests": tests, "guess": self.guess, "compared": compared}


# -- who knows the list of rules --------------------------------------------------------------------------------------
_VALUES = (-4, -3, -2, -1, 0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 5, 6, 9)


@lru_cache(maxsize=1)
def _hypotheses() -> tuple[tuple[Triple, ...], dict[bytes, str]]:
    """Triples to test, and the distinct rules by their answers on them (of equal ones, the first)."""
    pool = tuple((float(x), float(y), float(z)) for x in _VALUES for y in _VALUES for z in _VALUES)
    found: dict[bytes, str] = {}
    for text in dict.fromkeys((*FULL, *LITE)):
        found.setdefault(bytes(bool(rule(text)(*t)) for t in pool), text)
    return pool, found


def consistent(tests: Iterable[tuple[Triple, bool]]) -> list[str]:
    """The rules of both splits (equal ones once) that give all these answers."""
    seen = list(tests)
    return [text for text in _hypotheses()[1].values() if all(bool(rule(text)(*t)) == v for t, v in seen)]


def next_test(left: Sequence[str]) -> Triple | None:
    """The test that splits these rules most evenly; None when none splits them."""
    pool, found = _hypotheses()
    rows = [row for row, text in found.items() if text in left]
    counts = [sum(column) for column in zip(*rows, strict=True)]
    best = max(range(len(pool)), key=lambda i: min(counts[i], len(rows) - counts[i]))
    return pool[best] if 0 < counts[best] < len(rows) else None


def solve(tests: Sequence[tuple[Triple, bool]]) -> str:
    """What a solver says that holds the list of rules as its hypotheses: the next test, or the guess."""
    left = consistent(tests)
    test = next_test(left) if len(left) > 1 else None
    if test is not None:
        return f"Test Case: ```({test[0]:g}, {test[1]:g}, {test[2]:g})```"
    return f"Final Guess: ```lambda x, y, z: {left[0] if left else 'False'}```"
