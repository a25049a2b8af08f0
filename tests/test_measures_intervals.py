"""Clustered intervals and the bootstrap: closed forms, brute force, coverage by simulation, invariances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from multiturn.measures.bootstrap import bootstrap_interval, bootstrap_means
from multiturn.measures.codes import combine, compact
from multiturn.measures.figure import Scale
from multiturn.measures.intervals import UNBOUNDED, Totals, clustered_mean, means, totals

VALUES = st.lists(st.tuples(st.integers(0, 6), st.sampled_from([0.0, 0.25, 0.5, 1.0])), min_size=1, max_size=40)


def wilson(x: float, n: float, t: float) -> tuple[float, float]:
    middle, half = x + t * t / (2 * n), t * np.sqrt(x * (1 - x) / n + t * t / (4 * n * n))
    return (middle - half) / (1 + t * t / n), (middle + half) / (1 + t * t / n)


def test_one_value_a_cluster_is_the_plain_standard_error():
    values = [3.0, 5.0, 4.0, 6.5, 7.0, 2.5]
    found = clustered_mean(values, range(6), UNBOUNDED)
    assert found.value == pytest.approx(np.mean(values))
    assert found.se == pytest.approx(np.std(values, ddof=1) / np.sqrt(6))
    low, high = stats.t.interval(0.95, 5, np.mean(values), np.std(values, ddof=1) / np.sqrt(6))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_clusters_of_one_size_are_the_plain_standard_error_of_their_means():
    values = np.arange(12.0).reshape(4, 3) % 5
    found = clustered_mean(values.ravel(), np.repeat(list("abcd"), 3), UNBOUNDED)
    assert found.se == pytest.approx(np.std(values.mean(axis=1), ddof=1) / 2)


def test_standard_error_is_the_jackknife_over_clusters():
    random = np.random.default_rng(3)
    cluster, value = random.integers(0, 8, 50), random.random(50)
    without = np.array([value[cluster != g].mean() for g in range(8)])
    assert clustered_mean(value, cluster).se == pytest.approx(np.sqrt(7 / 8 * ((without - value.mean()) ** 2).sum()))


def test_interval_of_independent_binary_values_is_wilsons_with_students_t():
    values = np.r_[np.ones(30), np.zeros(20)]
    found = clustered_mean(values, np.arange(50))
    assert (found.low, found.high) == pytest.approx(wilson(0.6, 49, stats.t.ppf(0.975, 49)))  # n* = 49: se^2 = pq/(n-1)


@pytest.mark.parametrize("clusters", [2, 5, 30])
def test_full_and_no_marks_have_wilsons_interval_over_clusters(clusters: int):
    label = np.repeat(np.arange(clusters), 10)
    t = stats.t.ppf(0.975, clusters - 1)
    full, none = clustered_mean(np.ones(10 * clusters), label), clustered_mean(np.zeros(10 * clusters), label)
    assert (full.low, full.high) == pytest.approx(wilson(1.0, clusters, t))
    assert (none.low, none.high) == pytest.approx(wilson(0.0, clusters, t))
    assert full.value == 1.0
    assert none.value == 0.0


def test_no_variation_in_the_middle_of_a_scale_still_has_a_width():
    found = clustered_mean([7.0] * 10, range(10), Scale(1, 10, "points", 10))
    assert found.low is not None
    assert found.high is not None
    assert 1 < found.low < 7 < found.high < 10


def test_one_cluster_has_a_value_and_no_interval_and_nothing_has_neither():
    one = clustered_mean([1.0, 0.0], ["a", "a"])
    assert one[:4] == (0.5, None, None, None)
    empty = clustered_mean([np.nan], ["a"])
    assert empty == (None, None, None, None, 0, 0)


def test_values_off_the_scale_are_reported_as_they_are():
    found = clustered_mean([1.5, 1.6, 1.7], range(3))
    assert found.value == pytest.approx(1.6)
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 2, 1.6, 0.1 / 3**0.5))


@pytest.mark.parametrize("clusters", [10, 30, 100, 400])
@pytest.mark.parametrize("mean", [0.5, 0.9])
@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_coverage_is_near_95_percent(clusters: int, mean: float, spread: float):
    """Beta-binomial clusters of 1 to 20 values, intra-cluster correlation 0 or 0.3; 3,000 data sets, Monte Carlo error 0.4 %."""
    random, rounds = np.random.default_rng(20), 3000 if clusters < 400 else 1500
    size = random.integers(1, 21, (rounds, clusters))
    a, b = (mean * (1 / spread - 1), (1 - mean) * (1 / spread - 1)) if spread else (1.0, 1.0)
    chance = random.beta(a, b, size.shape) if spread else np.full(size.shape, mean)
    right = random.binomial(size, chance).astype(float)
    cell, cluster = np.divmod(np.arange(rounds * clusters), clusters)
    found = means(Totals(cell, cluster, right.ravel(), size.ravel().astype(float)), rounds)
    covered = np.mean((found.low <= mean) & (mean <= found.high))
    assert 0.93 <= covered <= 0.97


@pytest.mark.parametrize("clusters", [30, 100])
@pytest.mark.parametrize("mean", [0.97, 0.99])
@pytest.mark.parametrize("within", [0.1, 0.3, 0.6])
def test_coverage_of_a_measure_that_loses_rarely_but_much(clusters: int, mean: float, within: float):
    """One value a cluster from a beta distribution piled up at 1: Satterthwaite's t alone covered 60 to 94 % here."""
    random, weight, rounds = np.random.default_rng(21), 1 / within - 1, 3000
    value = random.beta(mean * weight, (1 - mean) * weight, (rounds, clusters))
    cell, cluster = np.divmod(np.arange(rounds * clusters), clusters)
    found = means(Totals(cell, cluster, value.ravel(), np.ones(value.size)), rounds)
    assert 0.92 <= np.mean((found.low <= mean) & (mean <= found.high)) <= 0.98


@pytest.mark.parametrize("right", [1, 15, 29])
def test_one_binary_value_a_cluster_is_wilsons_however_few_fail(right: int):
    """The variance of a share is known from the share: Student's t has no failures to count, only clusters."""
    values = np.r_[np.ones(right), np.zeros(30 - right)]
    found = clustered_mean(values, np.arange(30))
    assert (found.low, found.high) == pytest.approx(wilson(right / 30, 29, stats.t.ppf(0.975, 29)), rel=1e-9)


def test_one_large_cluster_is_not_made_up_for_by_many_small_ones():
    """Of 1,000 values 900 are one cluster's: that is hardly more than one trial."""
    values = np.r_[np.ones(900), np.tile([1.0, 0.0], 50)]
    found = clustered_mean(values, np.r_[np.zeros(900), np.arange(1, 101)])
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low > 0.5


@settings(max_examples=50, deadline=None)
@given(VALUES, st.randoms(use_true_random=False))
def test_order_does_not_matter(rows: list[tuple[int, float]], random):
    shuffled = random.sample(rows, len(rows))
    first = clustered_mean([v for _, v in rows], [g for g, _ in rows])
    second = clustered_mean([v for _, v in shuffled], [g for g, _ in shuffled])
    assert first == pytest.approx(second, nan_ok=True)


@settings(max_examples=50, deadline=None)
@given(VALUES, st.integers(2, 5))
def test_repeating_every_value_shrinks_nothing(rows: list[tuple[int, float]], times: int):
    first = clustered_mean([v for _, v in rows], [g for g, _ in rows])
    again = clustered_mean([v for _, v in rows] * times, [g for g, _ in rows] * times)
    assert first[:5] == pytest.approx(again[:5])


@settings(max_examples=50, deadline=None)
@given(VALUES)
def test_the_value_lies_inside_its_interval_and_the_interval_inside_the_scale(rows: list[tuple[int, float]]):
    found = clustered_mean([v for _, v in rows], [g for g, _ in rows])
    if found.low is not None and found.high is not None and found.value is not None:
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.high > found.low


def test_cells_are_computed_together_as_one_by_one():
    random = np.random.default_rng(0)
    cell, cluster, value = random.integers(0, 3, 90), random.integers(0, 7, 90), random.random(90)
    found = means(totals(value, cluster, cell, 4), 4)
    for i in range(3):
        alone = clustered_mean(value[cell == i], cluster[cell == i])
        assert (found.value[i], found.low[i], found.high[i]) == pytest.approx(alone[:3])
    assert np.isnan(found.value[3])


@pytest.mark.parametrize("size", [10, 10_000])
def test_compact_counts_and_sorts_alike(size: int):
    key, total = combine((np.array([3, 0, 3, 1]), 4), (np.array([1, 0, 1, 1]), size))
    present, position = compact(key, total)
    assert present.tolist() == [0, size + 1, 3 * size + 1]
    assert present[position].tolist() == key.tolist()


# -- bootstrap ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("binary", [True, False])
def test_bootstrap_spread_is_the_clustered_standard_error(binary: bool):
    random = np.random.default_rng(4)
    cluster = np.arange(4000) % 400
    value = random.random(4000) * 0.3 + random.random(400)[cluster] * 0.7
    if binary:
        value = (value < 0.5).astype(float)
    drawn = bootstrap_means(value, cluster, np.random.default_rng(1), 2000)
    estimate = clustered_mean(value, cluster)
    assert drawn.std() == pytest.approx(estimate.se, rel=0.06)
    assert bootstrap_interval(value, cluster, np.random.default_rng(1)) == pytest.approx((estimate.low, estimate.high), abs=0.004)


@settings(max_examples=50, deadline=None)
@given(st.permutations(range(30)))
def test_bootstrap_depends_on_the_seed_and_not_on_the_order(order: list[int]):
    cluster = np.arange(30) % 7
    for value in (np.arange(30) % 3 / 2, np.arange(30) / 30):
        first = bootstrap_means(value, cluster, np.random.default_rng(9), 50)
        again = bootstrap_means(value[order], cluster[order], np.random.default_rng(9), 50)
        assert first == pytest.approx(again)


def test_bootstrap_of_nothing_and_of_one_cluster():
    none = bootstrap_means(np.array([np.nan]), np.array([0]), np.random.default_rng(0), 3)
    assert np.isnan(none).all()
    one = bootstrap_means(np.array([0.0, 1.0]), np.array([5, 5]), np.random.default_rng(0), 3)
    assert one.tolist() == [0.5, 0.5, 0.5]
