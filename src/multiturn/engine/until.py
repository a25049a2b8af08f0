"""Playing until the answer is sharp enough: what was asked for, the random order of the cases, and when to look.

The cases are played in an order that is random but fixed by the seed, so that those played first are a random sample; all
episodes of a look are finished before it, so that conversations that end quickly are not favoured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from hashlib import blake2b

from msgspec import Struct

from ..conversation import Case, InputError

FIRST, STEP, SHARE = 20, 10, 0.1
"""Clusters before the first look, and how many (at least; and as a share of those played) between two looks."""


class Until(Struct, frozen=True):
    """Stop when the interval of ``measure`` ("": the benchmark's first) is no wider than ``half_width`` to each side, in the
    measure's unit, in every setting and for every model."""

    half_width: float
    measure: str = ""

    def __str__(self) -> str:
        return (f"{self.measure}:" if self.measure else "") + f"ci={self.half_width:g}"


def parse_until(text: str) -> Until | None:
    """From ``ci=0.02`` or ``MEASURE:ci=0.02``; None for "". Raises `InputError`."""
    if not text:
        return None
    measure, _, goal = text.rpartition(":")
    name, _, number = goal.partition("=")
    try:
        width = float(number)
    except ValueError:
        width = math.nan
    if name.strip() != "ci" or not (math.isfinite(width) and width > 0):
        raise InputError(
            f"--until {text}: write ci=X or MEASURE:ci=X, with X the wanted half-width in the measure's unit, "
            "as in ci=0.02 (2 points to each side)"
        )
    return Until(width, measure)


def cluster_of(case: Case) -> str:
    """The sampling unit of a case."""
    return case.cluster or case.id


def shuffled(cases: Iterable[Case], seed: int, slug: str, first: int | None = None) -> list[Case]:
    """All cases, whole clusters in random order; only the ``first`` clusters of it, if given.

    The order is by a hash, so that cases which are added to a benchmark do not change the order of the others.
    """
    clusters: dict[str, list[Case]] = {}
    for case in cases:
        clusters.setdefault(cluster_of(case), []).append(case)

    def place(name: str) -> bytes:
        return blake2b(f"{seed}/{slug}/{name}".encode("utf-8", "surrogatepass"), digest_size=16).digest()

    return [case for name in sorted(clusters, key=place)[:first] for case in clusters[name]]


def look_sizes(clusters: int) -> Iterator[int]:
    """How many clusters have been played at each look, the last being all. Independent of speed and concurrency."""
    n = FIRST
    while n < clusters:
        yield n
        n += max(STEP, int(n * SHARE))
    yield clusters
