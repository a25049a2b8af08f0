"""How much has to be played: published figures, simulation, and brute force over all designs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from multiturn.measures.intervals import clustered_mean
from multiturn.measures.power import (
    Prices,
    Spread,
    best_judges,
    best_repeats,
    cases_for_effect,
    cases_for_half_width,
    designs,
    gains,
)  # fmt: skip


def test_a_published_case() -> None:
    """Miller 2024, section 5: a between-case variance of 1/9 and no other needs 969 questions to find 3 points with 80 % power
    (by the normal quantile; Student's t asks for two more)."""
    assert cases_for_effect(1 / 9, 0.03) == 971
    assert math.ceil(((stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) / 0.03) ** 2 / 9) == 969


def test_two_plays_cut_a_third_and_four_a_half() -> None:
    """Miller 2024, 3.1: uniformly distributed true scores, binary plays."""
    spread = Spread(1 / 12, 1 / 6)
    assert [spread.per_case(k) / spread.per_case(1) for k in (2, 4)] == pytest.approx([2 / 3, 1 / 2])


def test_a_difference_of_players_is_the_sum_of_their_variances_less_twice_what_they_share() -> None:
    random = np.random.default_rng(0)
    rho, n = 0.6, 400_000
    a = random.normal(size=n)
    b = rho * a + math.sqrt(1 - rho**2) * random.normal(size=n)
    d = (0.3 * a + 0.2 * random.normal(size=n)) - (0.3 * b + 0.2 * random.normal(size=n))
    assert Spread(0.09, 0.04).difference(rho).per_case() == pytest.approx(d.var(), rel=0.01)


@pytest.mark.parametrize("effect", [0.15, 0.3])
def test_the_power_is_the_one_asked_for(effect: float) -> None:
    """Two models on the same binary cases, two plays a case, paired t-test on the case means."""
    random, rounds = np.random.default_rng(11), 1500
    half = effect / 2
    p = random.beta(2, 2, 200_000) * (1 - effect) + half  # shared difficulty, room for the effect at both ends
    within = float((p * (1 - p) - half**2).mean())
    n = cases_for_effect(Spread(0.0, 2 * within).per_case(2), effect)
    assert n is not None
    found = 0
    for _ in range(rounds):
        p = random.beta(2, 2, n) * (1 - effect) + half
        d = random.binomial(2, p + half) / 2 - random.binomial(2, p - half) / 2
        found += stats.ttest_1samp(d, 0).pvalue < 0.05
    assert found / rounds == pytest.approx(0.8, abs=0.035)


def test_unpaired_is_the_two_sample_test() -> None:
    random, rounds, variance, effect = np.random.default_rng(12), 2000, 0.21, 0.2
    n = cases_for_effect(Spread(variance).difference(0).per_case(), effect, sides=2)
    assert n is not None
    sd = math.sqrt(variance)
    p = [stats.ttest_ind(random.normal(effect, sd, n), random.normal(0, sd, n)).pvalue for _ in range(rounds)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.8, abs=0.03)
    exact = next(k for k in range(2, 500) if _noncentral(k, effect, variance) >= 0.8)
    assert abs(n - exact) <= 1


def _noncentral(n: int, effect: float, variance: float) -> float:
    df, shift = 2 * n - 2, effect / math.sqrt(2 * variance / n)
    t = stats.t.ppf(0.975, df)
    return float(stats.nct.sf(t, df, shift) + stats.nct.cdf(-t, df, shift))


def test_a_half_width_is_reached_and_not_with_a_case_less() -> None:
    n = cases_for_half_width(0.21, 0.05)
    assert n is not None
    halves = [stats.t.ppf(0.975, k - 1) * math.sqrt(0.21 / k) for k in (n, n - 1)]
    assert halves[0] <= 0.05 < halves[1]
    assert cases_for_half_width(0.21, 0.05, alpha=0.01) > n  # type: ignore[operator]
    assert cases_for_half_width(1.0, 1e-6) is None


@pytest.mark.parametrize(("rate", "width"), [(0.5, 0.05), (0.97, 0.02), (0.999, 0.01)])
def test_near_the_ends_of_a_scale_the_interval_is_the_reported_one(rate: float, width: float) -> None:
    n = cases_for_half_width(rate * (1 - rate), width, mean=rate)
    assert n is not None
    halves = []
    for right in np.random.default_rng(0).binomial(n, rate, 300).tolist():
        found = clustered_mean([1.0] * right + [0.0] * (n - right), range(n))
        halves.append(((found.high or 0.0) - (found.low or 0.0)) / 2)
    assert np.mean(halves) == pytest.approx(width, rel=0.06)


positive = st.floats(0.01, 5)


@given(positive, positive, positive, positive, positive, positive)
@settings(max_examples=100, deadline=None)
def test_the_best_allocation_is_the_cheapest(case: float, repeat: float, judge: float, a: float, b: float, c: float) -> None:
    """Price times variance of the mean does not depend on the number of cases, and is least at R* and J*."""
    spread, prices = Spread(case, repeat, judge), Prices(a, b, c)

    def waste(repeats: float, judges: float) -> float:
        return prices.total(1, repeats, judges) * spread.per_case(repeats, judges)

    judges = best_judges(prices, spread)
    assert judges is not None
    repeats = best_repeats(prices, spread, judges)
    assert repeats is not None
    for factor in (0.8, 0.95, 1.05, 1.25):
        assert waste(repeats * factor, judges) >= waste(repeats, judges) * (1 - 1e-9)
        assert waste(repeats, judges * factor) >= waste(repeats, judges) * (1 - 1e-9)


@given(positive, positive, positive, positive, positive, st.integers(1, 5), st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_gains_are_derivatives(case: float, repeat: float, judge: float, b: float, c: float, r: int, j: int) -> None:
    spread, prices, step = Spread(case, repeat, judge), Prices(0.3, b, c), 1e-5
    found = gains(spread, prices, r, j)
    money, error = prices.total(1, r, j), math.sqrt(spread.per_case(r, j))
    for name, (more_r, more_j) in {"repeats": (1 + step, 1), "judgements": (1, 1 + step)}.items():
        dearer = prices.total(1, r * more_r, j * more_j) / money - 1
        sharper = 1 - math.sqrt(spread.per_case(r * more_r, j * more_j)) / error
        assert found[name] == pytest.approx(sharper / dearer, rel=1e-3)
    assert found["cases"] == 0.5


def test_designs() -> None:
    spread, prices = Spread(0.09, 0.09), Prices(2, 0.05)
    found = designs(spread, prices, lambda v: cases_for_half_width(v, 0.03))
    assert [d.price for d in found] == sorted(d.price for d in found)
    assert found[0].repeats == 5  # R* = 6.3
    assert {d.judges for d in found} == {1}
    few = designs(spread, prices, lambda v: cases_for_half_width(v, 0.03), most=450)
    assert few
    assert all(d.cases <= 450 for d in few)
    assert designs(spread, prices, lambda v: cases_for_half_width(v, 0.03), most=100) == []
    assert {d.repeats for d in designs(Spread(0.09), prices, lambda v: cases_for_half_width(v, 0.03))} == {1}


def test_where_nothing_is_known() -> None:
    assert best_repeats(Prices(1, 1), Spread(1.0)) is None
    assert best_judges(Prices(1, 1, 0), Spread(1.0, 1.0, 1.0)) is None
    assert best_repeats(Prices(1, 1), Spread(0.0, 1.0)) == math.inf
    assert gains(Spread(0.0), Prices(), 1, 1) == {}
    assert gains(Spread(1.0), Prices(), 1, 1) == {"cases": 0.5}
