"""How often ``multiturn compare`` finds a difference, where there is none and where there is one: the table in docs/comparing.md.

    python benchmarks/tests_of_difference.py [--runs 2000] [--jobs 2] [--seed 1]

Each entry simulates ``--runs`` paired differences, one number a case, and prints in per cent how many have p < 0.05 by sign flips
alone / by the clustered t test / by default (the larger p of sign flips and of t with skewness). In the first table the true
difference is 0. With 2,000 runs an entry near 5 is uncertain by 0.5 points, one near 50 by 1.1 (one standard error). Five minutes
on two cores. Differences that are symmetric where there is none (turns of two exchangeable sides) are in coverage.py, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeAlias

import numpy as np

from multiturn.measures.exact import How, significance
from multiturn.measures.paired import Pairs, differences

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
Draw: TypeAlias = Callable[[np.random.Generator, int], Array]
CASES = (10, 20, 30, 50, 100, 200)
HOWS: tuple[How, ...] = ("permutation", "t", "auto")


def logistic(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def lose(share: float) -> Draw:
    """A share of the cases loses 1 - share, the others gain share."""
    return lambda random, n: np.where(random.random(n) < share, share - 1, share)


def derailed(shift: float = 0.0) -> Draw:
    """Eight turns, 80 % right; on the other side a tenth of the conversations derails (10 % right), the others are better."""

    def draw(random: np.random.Generator, n: int) -> Array:
        chance = np.where(random.random(n) < 0.1, 0.1, 0.79 / 0.9)
        return (random.binomial(8, chance) - random.binomial(8, 0.8, n)) / 8 + shift

    return draw


def collapsed(random: np.random.Generator, n: int) -> Array:
    """Marks 1 to 10 about 7: on the other side half a mark better, but one case in twelve gets the lowest."""
    level = random.normal(7, 1, n)
    a, b = (np.clip(np.round(level + shift + random.normal(0, 0.7, n)), 1, 10) for shift in (0, 0.55))
    return (np.where(random.random(n) < 1 / 12, 1, b) - a) / 9


def turns(base: float, better: float, count: int, spread: float = 1.5) -> Draw:
    """Right turns of ``count``, on the logit scale: cases differ, and each side has its own good and bad cases."""

    def draw(random: np.random.Generator, n: int) -> Array:
        level = base + random.normal(0, spread, n)
        a, b = (random.binomial(count, logistic(level + shift + random.normal(0, 0.45 * spread, n))) for shift in (0, better))
        return (b - a) / count

    return draw


def marks(better: float, noise: float) -> Draw:
    """Marks 1 to 10 about 7.5."""

    def draw(random: np.random.Generator, n: int) -> Array:
        level = random.normal(7.5, 1, n)
        a, b = (np.clip(np.round(level + shift + random.normal(0, noise, n)), 1, 10) for shift in (0, better))
        return (b - a) / 9

    return draw


def sparse(random: np.random.Generator, n: int) -> Array:
    return np.where(random.random(n) < 0.12, random.choice([0.25, 0.5, 1.0], n), 0.0)


TABLES: dict[str, list[tuple[str, Draw]]] = {
    "No difference": [
        ("exchangeable, 8 turns", turns(1.0, 0, 8)),
        ("exchangeable, 3 turns, hard and easy cases", turns(0.5, 0, 3, 3.0)),
        ("exchangeable, marks 1 to 10", marks(0, 0.7)),
        ("8 turns, a tenth derails, the others better", derailed()),
        ("marks, a twelfth collapses, the others better", collapsed),
        ("a tenth loses 0.9, the others gain 0.1", lose(0.1)),
        ("a twentieth loses 0.95, the others gain 0.05", lose(0.05)),
        ("exponential", lambda random, n: (random.exponential(1, n) - 1) / 12),
        ("log-normal (skewness 6)", lambda random, n: (np.exp(random.normal(0, 1, n)) - np.exp(0.5)) / 60),
    ],
    "A difference": [
        ("half a standard deviation, normal", lambda random, n: random.normal(0.075, 0.15, n)),
        ("8 turns, 68 % to 76 %", turns(1.0, 0.5, 8)),
        ("8 turns, 93 % to 97 %", turns(3.5, 1.2, 8)),
        ("3 repeats, 86 % to 93 %", turns(3.0, 1.2, 3, 2.0)),
        ("marks, 0.3 higher", marks(0.3, 0.7)),
        ("12 % of the cases better, none worse", sparse),
        ("a tenth derails, the others much better", derailed(0.06)),
    ],
}


def entry(job: tuple[str, int, int, int, int]) -> list[float]:
    """Shares of p < 0.05, by `HOWS`; a generator of its own for each entry, so that they can be computed in any order."""
    name, row, cases, runs, seed = job
    random = np.random.default_rng([seed, list(TABLES).index(name), row, cases])
    case, hits = np.arange(cases), np.zeros(len(HOWS))
    for _ in range(runs):
        d = TABLES[name][row][1](random, cases)
        t = differences(Pairs(case, case * 0, d, d, d, np.zeros(cases, dtype=bool)), case * 0, 1)[0].p
        found = [significance(d, case, random, binary=False, t=t, how=how).p for how in HOWS]
        hits += [p is not None and p < 0.05 for p in found]
    return list(100 * hits / runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    jobs = [(name, row, n, given.runs, given.seed) for name, rows in TABLES.items() for row in range(len(rows)) for n in CASES]
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("fork")) as pool:
        results = iter(list(pool.map(entry, jobs)))
    for name, rows in TABLES.items():
        print(f"\n| {name} | " + " | ".join(f"{n} cases" for n in CASES) + " |\n|---" + "|---" * len(CASES) + "|")
        for label, _ in rows:
            print(f"| {label} | " + " | ".join(" / ".join(f"{x:.1f}" for x in next(results)) for _ in CASES) + " |")


if __name__ == "__main__":
    main()
