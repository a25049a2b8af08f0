"""The arena's ratings: Elo as published, with an interval that means something, beside Bradley-Terry.

Published: Elo from 1000, K 32, a tie half a point, over the dialogues in their order; its "interval" is the standard deviation of
the trajectory over the square root of its length, which is none. Here: percentiles over 1,000 draws of whole dialogues, each in
the order in which they were drawn, so that they hold what dialogues and their order do to the rating.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from ...measures.codes import Floats, number
from ...measures.figure import Figure
from ...measures.intervals import LEVEL
from ...measures.ratings import CENTRE, POINTS, Battles, battles, bradley_terry, elo
from ...measures.verdict import Table
from .td_eval_data import VERSUS

K, ROUNDS = 32.0, 1000


class Rated(NamedTuple):
    """Ratings of the players with the ends of their intervals (None with fewer than two dialogues)."""

    players: tuple[str, ...]
    elo: Floats
    low: Floats | None
    high: Floats | None
    data: Battles


def rated(rows: Sequence[tuple[str, str, str, float]], *, rounds: int = ROUNDS, seed: int = 0) -> Rated:
    """Elo ratings from (dialogue, a, b, points of a), in the order in which they were fought."""
    data = battles([(a, b, won) for _, a, b, won in rows], [dialogue for dialogue, *_ in rows])
    value = elo(data, K, CENTRE)
    groups = int(data.cluster.max()) + 1 if data.cluster is not None and len(data.a) else 0
    if groups < 2:
        return Rated(data.players, value, None, None, data)
    drawn = _drawn(data, groups, rounds, np.random.default_rng(seed))
    low, high = np.quantile(drawn, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2], axis=0)
    return Rated(data.players, value, low, high, data)


def _drawn(data: Battles, groups: int, rounds: int, random: np.random.Generator) -> Floats:
    """Elo ratings after ``rounds`` draws of whole dialogues, all rounds stepping through their battles at once."""
    assert data.cluster is not None
    mine = [np.flatnonzero(data.cluster == g) for g in range(groups)]
    orders = [np.concatenate([mine[g] for g in random.integers(0, groups, groups)]) for _ in range(rounds)]
    longest = max(len(order) for order in orders)
    steps = np.full((rounds, longest), -1, dtype=np.int64)
    for row, order in zip(steps, orders, strict=True):
        row[: len(order)] = order
    ratings, every = np.full((rounds, len(data.players)), CENTRE), np.arange(rounds)
    for at in steps.T:
        here = every[at >= 0]
        a, b, won = data.a[at[here]], data.b[at[here]], data.won[at[here]]
        change = K * (won - expit((ratings[here, a] - ratings[here, b]) / POINTS))
        ratings[here, a] += change
        ratings[here, b] -= change
    return ratings


def arena(table: Table) -> Iterator[Figure]:
    """Elo and Bradley-Terry ratings of the agents (kind "rating", group: the agent), in plain."""
    rows = table.where(measure="verdict", setting="plain")
    lost = int((~rows.measured).sum())
    rows = rows.select(rows.measured)
    fought = []
    for case, dialogue, won in zip(rows.text("case"), rows.text("cluster"), rows.value.tolist(), strict=True):
        # Dialogues and agents (org/model) may have a slash in their names.
        a, versus, b = case.removeprefix(f"{dialogue}/").partition(VERSUS)
        if not versus or a == b or not case.startswith(f"{dialogue}/"):
            return
        fought.append((dialogue, a, b, won))
    if not fought:
        return
    found = rated(fought)
    strength = bradley_terry(found.data)
    dialogues = len({d for d, *_ in fought})
    for i, name in enumerate(found.players):
        yield Figure(
            measure="Elo", kind="rating", setting="plain", unit="", group=name, value=float(found.elo[i]),
            low=None if found.low is None else float(found.low[i]), high=None if found.high is None else float(found.high[i]),
            n_cases=dialogues, n_scored=int(strength.battles[i]), n_unmeasured=lost,
            note=f"K {K:g}, in the order of the dialogues; interval over draws of dialogues",
        )  # fmt: skip
        yield Figure(
            measure="rating", kind="rating", setting="plain", unit="", group=name, value=number(strength.rating[i]),
            low=number(strength.low[i]), high=number(strength.high[i]), n_cases=dialogues, n_scored=int(strength.battles[i]),
            n_unmeasured=lost, note="Bradley-Terry; none for who never lost, or never won",
        )  # fmt: skip
