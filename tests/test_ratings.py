"""Ratings: known strengths recovered and covered, invariances, existence, both bootstraps, Elo's own laws; arena battles."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from multiturn.judges.ask import Answer
from multiturn.judges.pair import Both, Pick
from multiturn.measures.ratings import POINTS, Battles, battles, bootstrap_ratings, bradley_terry, elo, expected
from multiturn.protocols.arena import Battle, fight, leaderboard, schedule

TRUE = np.array([850.0, 920.0, 980.0, 1020.0, 1080.0, 1150.0])  # mean 1000


def simulated(seed: int, count: int = 6000, ties: float = 0.0) -> Battles:
    random = np.random.default_rng(seed)
    a = random.integers(0, 6, count)
    b = (a + random.integers(1, 6, count)) % 6
    won = (random.random(count) < expected(TRUE[a] - TRUE[b])).astype(float)
    won[random.random(count) < ties] = 0.5
    return Battles(tuple("abcdef"), a, b, won)


def test_recovers_known_strengths_and_covers_them() -> None:
    inside = []
    for seed in range(50):
        found = bradley_terry(simulated(seed))
        assert np.abs(found.rating - TRUE).max() < 30
        inside.append((found.low <= TRUE) & (found.high >= TRUE))
    assert 0.92 <= np.mean(inside) <= 0.98


def test_two_players_in_closed_form() -> None:
    """log odds = ln(wins / losses), se = sqrt(1 / wins + 1 / losses) in the model; ties are half wins."""
    found = bradley_terry(battles([("x", "y", 1.0)] * 30 + [("y", "x", 1.0)] * 10), anchor="y")
    assert found.rating[0] == pytest.approx(1000 + POINTS * np.log(3))
    assert found.rating[1] == 1000
    assert found.se[1] == pytest.approx(0, abs=1e-6)
    assert found.se[0] == pytest.approx(POINTS * np.sqrt(1 / 30 + 1 / 10) * np.sqrt(40 / 39), rel=1e-6)
    assert found.low[0] < found.rating[0] < found.high[0]
    tied = bradley_terry(battles([("x", "y", 1.0)] * 20 + [("x", "y", 0.5)] * 20), anchor="y")
    assert tied.rating[0] == pytest.approx(1000 + POINTS * np.log(30 / 10))


def test_equals_a_general_optimiser_with_ties() -> None:
    data = simulated(3, 800, ties=0.3)

    def loss(free: np.ndarray) -> float:
        strength = np.concatenate([free, [0.0]])
        difference = strength[data.a] - strength[data.b]
        return float(np.sum(np.logaddexp(0, difference) - data.won * difference))

    free = np.concatenate([minimize(loss, np.zeros(5), method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-9}).x, [0.0]])
    assert bradley_terry(data).rating == pytest.approx(1000 + POINTS * (free - free.mean()), abs=0.05)


@given(st.permutations(range(40)))
def test_the_order_of_battles_and_of_players_does_not_matter(order: list[int]) -> None:
    rows = [("abc"[i % 3], "abc"[(i + 1 + i % 2) % 3], (1.0, 0.0, 0.5, 0.0)[i % 4]) for i in range(40)]
    one, other = bradley_terry(battles(rows)), bradley_terry(battles([rows[i] for i in order]))
    ratings = dict(zip(other.players, other.rating, strict=True))
    assert [ratings[p] for p in one.players] == pytest.approx(list(one.rating), abs=1e-3)
    turned = bradley_terry(battles([(b, a, 1 - won) for a, b, won in rows], players=one.players))
    assert turned.rating == pytest.approx(one.rating, abs=1e-3)


def test_elo_keeps_its_sum_and_depends_on_the_order() -> None:
    data = simulated(1, 500)
    found = elo(data)
    assert found.sum() == pytest.approx(6000)
    back = Battles(data.players, data.a[::-1], data.b[::-1], data.won[::-1])
    assert np.abs(elo(back) - found).max() > 1
    assert bradley_terry(back).rating == pytest.approx(bradley_terry(data).rating, abs=1e-3)
    # One battle of equals: the winner takes k / 2.
    assert elo(battles([("x", "y", 1.0)]), k=32).tolist() == [1016, 984]


def test_no_finite_rating_is_no_number() -> None:
    rows = [("a", "b", 1.0), ("b", "a", 1.0), ("c", "a", 1.0), ("c", "b", 1.0), ("a", "d", 1.0)]
    found = bradley_terry(battles(rows))  # c never lost, d never won
    assert found.players == ("a", "b", "c", "d")
    assert found.rating[:2] == pytest.approx([1000, 1000])
    assert np.isnan(found.rating[2:]).all()
    assert np.isnan(bradley_terry(battles([("a", "b", 1.0)])).rating).all()
    assert np.isnan(bootstrap_ratings(battles([("a", "b", 1.0)]), np.random.default_rng(0), 3)).all()
    assert bradley_terry(battles([])).rating.shape == (0,)
    with pytest.raises(ValueError, match="no finite rating"):
        bradley_terry(battles(rows), anchor="c")
    for bad in ([("a", "a", 1.0)], [("a", "b", 2.0)], [("a", "b", float("nan"))]):
        with pytest.raises(ValueError, match="not a battle"):
            battles(bad)
    with pytest.raises(ValueError, match="not among"):
        battles([("a", "b", 1.0)], players=["a"])


@pytest.mark.parametrize("kind", ["bayesian", "classical"])
def test_bootstraps_agree_with_the_sandwich(kind: str) -> None:
    data = simulated(5, 3000, ties=0.2)
    found = bradley_terry(data)
    drawn = bootstrap_ratings(data, np.random.default_rng(0), 600, kind=kind)  # type: ignore[arg-type]
    assert drawn.std(axis=0) == pytest.approx(found.se, rel=0.12)
    assert drawn.mean(axis=0) == pytest.approx(found.rating, abs=1.5)
    again = bootstrap_ratings(data, np.random.default_rng(0), 600, kind=kind)  # type: ignore[arg-type]
    assert (drawn == again).all()


def test_clusters_widen_the_interval_by_what_they_repeat() -> None:
    data = simulated(2, 400)
    alone = bradley_terry(data)
    repeated = Battles(data.players, *(np.repeat(x, 4) for x in data[1:4]), cluster=np.repeat(np.arange(400), 4))
    found = bradley_terry(repeated)
    assert found.rating == pytest.approx(alone.rating, abs=1e-3)
    # Without clusters a battle is its own: G/(G-1) uses as many. Four copies say nothing new.
    assert found.se == pytest.approx(alone.se, rel=0.01)
    assert bradley_terry(repeated._replace(cluster=None)).se == pytest.approx(alone.se / 2, rel=0.01)
    for kind in ("bayesian", "classical"):
        drawn = bootstrap_ratings(repeated, np.random.default_rng(1), 800, kind=kind)  # type: ignore[arg-type]
        assert drawn.std(axis=0) == pytest.approx(alone.se, rel=0.15)


def test_small_classical_resamples_without_a_maximum_do_not_fail() -> None:
    data = battles([("a", "b", 1.0), ("b", "a", 1.0), ("a", "b", 1.0)])
    drawn = bootstrap_ratings(data, np.random.default_rng(0), 200, kind="classical")
    assert np.isfinite(drawn).all()
    assert drawn.max() > 3000  # three wins of three: at the far end


# -- the arena --------------------------------------------------------------------------------------------------------
def test_schedules() -> None:
    assert list(schedule(["x", "y", "z"], ["q"])) == [("q", "x", "y"), ("q", "x", "z"), ("q", "y", "z")]
    assert list(schedule(["x", "y", "z"], ["q", "r"], baseline="y")) == [
        ("q", "x", "y"), ("q", "z", "y"), ("r", "x", "y"), ("r", "z", "y"),
    ]  # fmt: skip


def test_battles_become_a_leaderboard() -> None:
    async def longer(a: str, b: str) -> Both:
        pick: Pick = "A" if len(a) > len(b) else "B" if len(b) > len(a) else "C"
        return Both(Answer(pick), Answer(pick))

    async def first(a: str, b: str) -> Both:
        return Both(Answer("A"), Answer("B"))

    async def unread(a: str, b: str) -> Both:
        return Both(Answer("A"), Answer(None, cause="judge reply not parsable"))

    async def play() -> list[Battle]:
        texts = {"x": "aaa", "y": "aa", "z": "a"}
        return [await fight(longer, q, a, b, (texts[a], texts[b])) for q, a, b in schedule(list(texts), ["p", "q"])]

    fought = asyncio.run(play())
    assert [b.won for b in fought] == [1.0] * 6
    assert all(b.consistent for b in fought)
    biased = asyncio.run(fight(first, "q", "x", "y", ("", "")))
    assert (biased.won, biased.consistent) == (0.5, False)
    lost = asyncio.run(fight(unread, "q", "x", "y", ("", "")))
    assert (lost.won, lost.consistent, lost.cause) == (None, None, "judge reply not parsable")
    assert asyncio.run(fight(first, "q", "x", "y", ("", ""), "drop")).cause == "orders disagree"
    found = leaderboard([*fought, lost, Battle("p", "z", "y", 1.0), Battle("p", "y", "x", 1.0), Battle("q", "z", "x", 0.5)])
    assert list(np.array(found.players)[np.argsort(-found.rating)]) == ["x", "y", "z"]
    assert found.battles.sum() == 18
