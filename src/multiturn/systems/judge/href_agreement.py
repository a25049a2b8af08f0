"""Agreement with people who are left out one by one, shares of wins with ties, and ranks that intervals allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ...measures.bootstrap import bootstrap_means
from ...measures.codes import Ints
from ...measures.intervals import LEVEL, clustered_mean

ROUNDS = 5000


def _mode_is(votes: Sequence[Hashable], said: Hashable) -> float:
    """The chance that the most frequent vote, drawn from equally frequent ones, is this."""
    counted = Counter(votes)
    modes = [vote for vote, times in counted.items() if times == max(counted.values())]
    return float(said in modes) / len(modes)


def _others(votes: Sequence[Hashable]) -> list[Sequence[Hashable]]:
    return [[*votes[:i], *votes[i + 1 :]] for i in range(len(votes))]


def inner(votes: Sequence[Hashable]) -> float | None:
    """How often a person says what most of the others say: the mean over who is left out. Where several votes are equally
    frequent, the released code draws one; this is what it gives on average. None with fewer than two people."""
    if len(votes) < 2:
        return None
    return sum(_mode_is(rest, vote) for vote, rest in zip(votes, _others(votes), strict=True)) / len(votes)


def outer(votes: Sequence[Hashable], said: Hashable) -> float | None:
    """How often ``said`` is what most people say when one of them is left out, each in turn: comparable with `inner`."""
    if len(votes) < 2:
        return None
    return sum(_mode_is(rest, said) for rest in _others(votes)) / len(votes)


def win_rate(wins: int, ties: int, losses: int) -> float:
    """(wins + ties / 2) / all."""
    return (wins + 0.5 * ties) / (wins + ties + losses)


class Place(NamedTuple):
    """A model on the leaderboard, with its interval where there is one. ``rank``: from 1, shared within a group."""

    name: str
    value: float
    low: float | None
    high: float | None
    n: int
    clusters: int
    rank: int


def leaderboard(points: Mapping[str, tuple[Sequence[float], Ints]], *, rounds: int = 0, seed: int = 0) -> list[Place]:
    """Models by their mean points (0 to 1), best first. ``points``: values, and the cluster of each. A model shares the rank of
    the last group's best one while their 95 % intervals overlap. ``rounds``: percentile intervals of a bootstrap over clusters,
    as released (with `ROUNDS`), which are too narrow with few clusters and have no width at 0 and 1; else those of
    `multiturn.measures.intervals`."""
    random = np.random.default_rng(seed)
    found = []
    for name in sorted(points):
        values, clusters = np.asarray(points[name][0], dtype=np.float64), points[name][1]
        e = clustered_mean(values, clusters)
        low, high = e.low, e.high
        if rounds and e.n_clusters > 1:
            drawn = bootstrap_means(values, clusters, random, rounds)
            low, high = np.quantile(drawn, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2]).tolist()
        found.append(Place(name, float(values.mean()), low, high, len(values), e.n_clusters, 0))
    found.sort(key=lambda p: -p.value)
    out: list[Place] = []
    for n, place in enumerate(found, 1):
        top = next((p for p in out if p.rank == out[-1].rank), None)
        # Without an interval nothing can be told apart.
        shared = top is not None and (place.high is None or top.low is None or place.high >= top.low)
        out.append(place._replace(rank=top.rank if top is not None and shared else n))
    return out
