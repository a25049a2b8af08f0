"""How often the 95 % intervals hold the truth: the simulation behind the table in docs/statistics.md.

    python examples/coverage.py

Cases differ in difficulty (a beta distribution with correlation 0.3 inside a case); each has 8 turns. Binary: every turn
is right or wrong. Continuous: one value a case. Paired: two settings on the same cases, answers correlated 0.5 inside a case
on the normal scale. 4,000 simulated runs an entry, so an entry is uncertain by about 0.7 points.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from multiturn.measures.figure import FRACTION, Scale
from multiturn.measures.intervals import Totals, means

RUNS, TURNS, WITHIN = 4000, 8, 0.3
CASES = (5, 10, 20, 30, 100)


def covered(sums: np.ndarray, counts: float, truth: float, scale: Scale, *, wilson: bool) -> float:
    """Share of runs whose interval holds the truth; ``sums`` has a row a run and a column a case."""
    runs, cases = sums.shape
    by = Totals(
        np.repeat(np.arange(runs), cases), np.tile(np.arange(cases), runs), sums.ravel(), np.full(runs * cases, float(counts))
    )
    found = means(by, runs, scale, wilson=wilson)
    return float(np.mean((found.low <= truth) & (truth <= found.high)))


def difficulty(random: np.random.Generator, mean: float, cases: int) -> np.ndarray:
    """The chance of each case to be right, with correlation ``WITHIN`` between two turns of a case."""
    weight = 1 / WITHIN - 1
    chance: np.ndarray = random.beta(mean * weight, (1 - mean) * weight, size=(RUNS, cases))
    return chance


def binary(random: np.random.Generator, mean: float, cases: int) -> float:
    right = random.binomial(TURNS, difficulty(random, mean, cases)).astype(float)
    return covered(right, TURNS, mean, FRACTION, wilson=True)


def continuous(random: np.random.Generator, mean: float, cases: int) -> float:
    return covered(difficulty(random, mean, cases), 1, mean, FRACTION, wilson=True)


def paired(random: np.random.Generator, first: float, second: float, cases: int) -> float:
    shared = random.normal(size=(RUNS, cases, 1))

    def right(chance: float) -> np.ndarray:
        drawn = random.random((RUNS, cases, TURNS)) < ndtr(np.sqrt(2) * ndtri(chance) + shared)
        total: np.ndarray = drawn.sum(axis=2).astype(float)
        return total

    return covered(right(first) - right(second), TURNS, first - second, Scale(low=-1, high=1), wilson=False)


def main() -> None:
    random = np.random.default_rng(1)
    print("| | " + " | ".join(f"{n} cases" for n in CASES) + " |\n|---" + "|---" * len(CASES) + "|")
    for mean in (0.5, 0.9, 0.97, 0.99):
        row = (f"{100 * binary(random, mean, n):.0f}" for n in CASES)
        print(f"| binary turns, mean {mean:g} | " + " | ".join(row) + " |")
    for mean in (0.5, 0.9, 0.97, 0.99):
        row = (f"{100 * continuous(random, mean, n):.0f}" for n in CASES)
        print(f"| continuous, mean {mean:g} | " + " | ".join(row) + " |")
    for first, second in ((0.5, 0.5), (0.6, 0.8), (0.95, 0.95), (0.9, 0.98)):
        row = (f"{100 * paired(random, first, second, n):.0f}" for n in CASES)
        print(f"| paired, {first:g} against {second:g} | " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
