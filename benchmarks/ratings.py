"""What ratings cost: 100,000 battles of 50 players, one fit with sandwich intervals, and 1,000 bootstrap refits.

    python benchmarks/ratings.py [--battles 100000] [--players 50] [--rounds 1000]

Prints medians of five, in milliseconds, on one thread of BLAS (set OPENBLAS_NUM_THREADS=1 for comparable figures).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from multiturn.measures.ratings import Battles, bootstrap_ratings, bradley_terry, expected


def simulated(players: int, count: int, random: np.random.Generator) -> Battles:
    """Battles of players 20 points apart, one in five a tie, in clusters of 50."""
    rating = 20.0 * np.arange(players)
    a = random.integers(0, players, count)
    b = (a + random.integers(1, players, count)) % players
    won = (random.random(count) < expected(rating[a] - rating[b])).astype(np.float64)
    won[random.random(count) < 0.2] = 0.5
    return Battles(tuple(f"p{i}" for i in range(players)), a, b, won, np.arange(count) // 50)


def timed(name: str, work: Callable[[], object]) -> None:
    found = []
    for _ in range(5):
        start = time.perf_counter()
        work()
        found.append(1000 * (time.perf_counter() - start))
    print(f"{name:45s} {statistics.median(found):8.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--battles", type=int, default=100_000)
    parser.add_argument("--players", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=1000)
    given = parser.parse_args()
    clustered = simulated(given.players, given.battles, np.random.default_rng(0))
    alone = clustered._replace(cluster=None)
    random = np.random.default_rng(1)
    timed("fit, sandwich intervals", lambda: bradley_terry(alone))
    timed("fit, sandwich intervals by cluster", lambda: bradley_terry(clustered))
    timed("bootstrap, Bayesian", lambda: bootstrap_ratings(alone, random, given.rounds))
    timed("bootstrap, classical", lambda: bootstrap_ratings(alone, random, given.rounds, kind="classical"))
    timed("bootstrap by cluster, Bayesian", lambda: bootstrap_ratings(clustered, random, given.rounds))


if __name__ == "__main__":
    main()
