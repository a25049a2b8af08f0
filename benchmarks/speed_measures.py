"""What the statistics cost beside other ways to compute them, in one session: ratios mean something, milliseconds less.

    python benchmarks/speed_measures.py [--battles 100000] [--players 50] [--verdicts 100000] [--rounds 1000]

Medians of five, one thread of BLAS. Bradley-Terry: ours from the battles themselves, with sandwich intervals, against Newton's
method in plain numpy and scipy's L-BFGS on ready counts of who beat whom (no interval), choix (``pip install choix``, on the
same counts) and arena-rank (``pip install arena-rank``: with sandwich intervals, from a data frame, after a first run that
compiles). The bootstrap of a clustered mean: against a loop over rounds in numpy and scipy.stats.bootstrap. What is not
installed is left out; where a peer needs minutes, a part of its rounds is timed and scaled up.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is loaded

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize
import scipy.stats
from scipy.special import expit

from multiturn.measures.bootstrap import bootstrap_means
from multiturn.measures.intervals import means, totals
from multiturn.measures.ratings import Battles, bootstrap_ratings, bradley_terry, expected


def simulated(players: int, count: int, random: np.random.Generator) -> Battles:
    """Battles of players 20 points apart, one in five a tie, in clusters of 50."""
    rating = 20.0 * np.arange(players)
    a = random.integers(0, players, count)
    b = (a + random.integers(1, players, count)) % players
    won = (random.random(count) < expected(rating[a] - rating[b])).astype(np.float64)
    won[random.random(count) < 0.2] = 0.5
    return Battles(tuple(f"p{i:03d}" for i in range(players)), a, b, won, np.arange(count) // 50)


def timed(work: Callable[[], object], times: int = 5) -> float:
    """Median milliseconds."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(1000 * (time.perf_counter() - start))
    return statistics.median(found)


def table(title: str, rows: list[tuple[str, float]]) -> None:
    """Each row beside the first."""
    print(f"\n{title}")
    for name, took in rows:
        print(f"  {name:62s} {took:10.1f} ms   {took / rows[0][1]:8.2f}")


# -- other ways -------------------------------------------------------------------------------------------------------
def counts_of(data: Battles) -> np.ndarray[Any, Any]:
    """wins[i, j]: how often i beat j; a tie is half a win for each."""
    n = len(data.players)
    key, back = data.a * n + data.b, data.b * n + data.a
    return (np.bincount(key, data.won, n * n) + np.bincount(back, 1 - data.won, n * n)).reshape(n, n)


def newton(wins: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Strengths of each round of counts (rounds, n, n), all at once."""
    met, n = wins + wins.transpose(0, 2, 1), wins.shape[1]
    strength, won = np.zeros(wins.shape[:2]), wins.sum(axis=2)
    for _ in range(20):
        p = expit(strength[:, :, None] - strength[:, None, :])
        weight = met * p * (1 - p)
        hessian = -weight
        hessian[:, np.arange(n), np.arange(n)] = weight.sum(axis=2)
        hessian += weight.mean(axis=(1, 2))[:, None, None]
        step = np.linalg.solve(hessian, (won - (met * p).sum(axis=2))[..., None])[..., 0]
        strength += step
        if np.abs(step).max() < 1e-6:
            break
    return strength


def lbfgs(wins: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    i, j = np.nonzero(wins)
    times = wins[i, j]

    def loss(s: np.ndarray[Any, Any]) -> tuple[float, np.ndarray[Any, Any]]:
        d = s[i] - s[j]
        slope = -times * expit(-d)
        return float(times @ np.logaddexp(0, -d)), np.bincount(i, slope, len(s)) - np.bincount(j, slope, len(s))

    return np.asarray(scipy.optimize.minimize(loss, np.zeros(len(wins)), jac=True, method="L-BFGS-B").x)


def resampled(wins: np.ndarray[Any, Any], rounds: int, random: np.random.Generator) -> np.ndarray[Any, Any]:
    total = int(wins.sum())
    return random.multinomial(total, (wins / wins.sum()).ravel(), size=rounds).reshape(rounds, *wins.shape).astype(np.float64)


def arena_rank(data: Battles) -> Callable[[], object]:
    """A fit with sandwich intervals by arena-rank, from a data frame."""
    import pandas as pd
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    names = np.array(data.players)
    outcome = np.where(data.won == 1, "model_a", np.where(data.won == 0, "model_b", "tie"))
    frame = pd.DataFrame({"model_a": names[data.a], "model_b": names[data.b], "winner": outcome})

    def fit() -> object:
        ready = PairDataset.from_pandas(frame)
        return BradleyTerry(n_competitors=len(names)).compute_ratings_and_cis(ready, ci_method="sandwich")

    return fit


# -- the comparisons --------------------------------------------------------------------------------------------------
def ratings(players: int, count: int, rounds: int) -> None:
    clustered = simulated(players, count, np.random.default_rng(0))
    alone, wins = clustered._replace(cluster=None), counts_of(clustered)
    random = np.random.default_rng(1)
    fits = [
        ("multiturn, from battles, sandwich intervals", timed(lambda: bradley_terry(alone))),
        ("multiturn, the same by cluster", timed(lambda: bradley_terry(clustered))),
        ("numpy, Newton on ready counts, no interval", timed(lambda: newton(wins[None]))),
        ("numpy, counting included, no interval", timed(lambda: newton(counts_of(alone)[None]))),
        ("scipy, L-BFGS on ready counts, no interval", timed(lambda: lbfgs(wins))),
    ]
    boots = [
        ("multiturn, Bayesian", timed(lambda: bootstrap_ratings(alone, random, rounds))),
        ("multiturn, classical", timed(lambda: bootstrap_ratings(alone, random, rounds, kind="classical"))),
        ("multiturn, Bayesian, by cluster", timed(lambda: bootstrap_ratings(clustered, random, rounds))),
        ("numpy, batched Newton on ready counts", timed(lambda: newton(resampled(wins, rounds, random)))),
        ("scipy, L-BFGS each", timed(lambda: [lbfgs(w) for w in resampled(wins, 20, random)], 3) * rounds / 20),
    ]
    if importlib.util.find_spec("choix"):
        import choix

        fits.append(("choix, ilsr on ready counts, no interval", timed(lambda: choix.ilsr_pairwise_dense(wins))))
        each = timed(lambda: [choix.ilsr_pairwise_dense(w) for w in resampled(wins, 20, random)], 3)
        boots.append(("choix, ilsr each", each * rounds / 20))
    if importlib.util.find_spec("arena_rank"):
        fit = arena_rank(alone)
        fit()  # compiles
        fits.append(("arena-rank, from a data frame, sandwich intervals", timed(fit)))
    table(f"Bradley-Terry, {count:,} battles of {players} players", fits)
    table(f"Bradley-Terry, {rounds:,} bootstrap rounds", boots)


def plain_loop(value: np.ndarray[Any, Any], cluster: np.ndarray[Any, Any], random: np.random.Generator, rounds: int) -> None:
    """The obvious way: draw clusters, gather their rows, take the mean."""
    order = np.argsort(cluster, kind="stable")
    parts = np.split(value[order], np.cumsum(np.bincount(cluster))[:-1])
    for _ in range(rounds):
        np.concatenate([parts[g] for g in random.integers(0, len(parts), len(parts))]).mean()


def by_scipy(value: np.ndarray[Any, Any], cluster: np.ndarray[Any, Any], random: np.random.Generator, rounds: int) -> None:
    sums, counts = np.bincount(cluster, value), np.bincount(cluster).astype(float)
    scipy.stats.bootstrap((sums, counts), lambda s, n, axis: s.sum(axis=axis) / n.sum(axis=axis), paired=True, n_resamples=rounds,
                          method="percentile", batch=20, rng=random)  # fmt: skip


def clustered_mean(verdicts: int, clusters: int, rounds: int) -> None:
    random = np.random.default_rng(2)
    cluster, zero = np.arange(verdicts) % clusters, np.zeros(verdicts, dtype=np.int64)
    binary, marks = (random.random(verdicts) < 0.7).astype(float), random.random(verdicts)
    part = max(rounds // 50, 1)
    scaled = rounds / part
    rows = [
        ("multiturn, right or wrong", timed(lambda: bootstrap_means(binary, cluster, random, rounds))),
        ("multiturn, continuous", timed(lambda: bootstrap_means(marks, cluster, random, rounds))),
        ("multiturn, the formula that reports use", timed(lambda: means(totals(marks, cluster, zero, 1), 1))),
        ("scipy.stats.bootstrap on the sums of clusters", scaled * timed(lambda: by_scipy(marks, cluster, random, part), 3)),
        ("numpy, a loop over rounds", scaled * timed(lambda: plain_loop(marks, cluster, random, part), 3)),
    ]
    table(f"{rounds:,} bootstrap rounds of a mean over {verdicts:,} verdicts in {clusters:,} clusters", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--battles", type=int, default=100_000)
    parser.add_argument("--players", type=int, default=50)
    parser.add_argument("--verdicts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=1000)
    given = parser.parse_args()
    print("milliseconds, and times the first row")
    ratings(given.players, given.battles, given.rounds)
    for clusters in (given.verdicts // 100, given.verdicts // 10, given.verdicts):
        clustered_mean(given.verdicts, clusters, given.rounds)


if __name__ == "__main__":
    main()
