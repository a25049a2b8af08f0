"""Paired differences, effect sizes and detectable differences: closed forms, scipy, statsmodels, simulation, invariances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from multiturn.measures.figure import Scale
from multiturn.measures.paired import Pairs, differences, paired, pairs
from multiturn.measures.power import detectable, detectable_unpaired
from multiturn.measures.verdict import FAILED, SCORED, UNMEASURED, Row, Table


def row(cluster: str, setting: str, value: float | None, *, turn: int = 1, item: str = "", repeat: int = 0, group: str = "",
        failed: bool = False) -> Row:  # fmt: skip
    status = UNMEASURED if value is None else FAILED if failed else SCORED
    number = float("nan") if value is None else value
    return Row(f"{cluster}/{setting}", cluster, setting, repeat, group, turn, item, "accuracy", number, status, "")


def split(rows: list[Row]) -> tuple[Table, Table]:
    table = Table.of(rows)
    return table.where(setting="multi"), table.where(setting="single")


ROWS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(1, 3), st.sampled_from([0.0, 0.5, 1.0, None]), st.sampled_from([0.0, 1.0, None])),
    min_size=1,
    max_size=25,
)


def rows_of(found: list[tuple[int, int, float | None, float | None]]) -> list[Row]:
    return [r for c, t, a, b in found for r in (row(f"c{c}", "multi", a, turn=t), row(f"c{c}", "single", b, turn=t))]


def test_one_pair_a_cluster_is_the_paired_t_test():
    a, b = [0.9, 0.4, 0.6, 0.8, 0.3, 0.35], [0.5, 0.6, 0.2, 0.7, 0.1, 0.65]
    found = paired(*split([row(f"c{i}", s, v) for i, vs in enumerate(zip(a, b, strict=True))
                           for s, v in zip(("multi", "single"), vs, strict=True)]))  # fmt: skip
    wanted = stats.ttest_rel(a, b)
    ends = wanted.confidence_interval()
    assert found.df == 5
    assert (found.value, found.p) == pytest.approx((np.mean(a) - np.mean(b), wanted.pvalue))
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high))
    d = np.subtract(a, b)
    assert found.effect == pytest.approx((1 - 3 / (4 * 5 - 1)) * d.mean() / d.std(ddof=1))


def test_repeats_are_averaged_before_pairing_and_items_pair_across_turns():
    rows = [row("c", "multi", 1.0, turn=7, item="q"), row("c", "multi", 0.0, turn=7, item="q", repeat=1),
            row("c", "single", 1.0, turn=1, item="q"), row("c", "multi", 0.0, turn=2),
            row("c", "single", 0.0, turn=2)]  # fmt: skip
    found = pairs(*split(rows))
    assert sorted(found.difference.tolist()) == [-0.5, 0.0]


def test_lost_pairs_are_counted_and_bounded_and_questions_of_one_side_are_not_pairs():
    rows = [row("c", "multi", None, turn=1), row("c", "single", 1.0, turn=1), row("d", "multi", 1.0, turn=1),
            row("d", "single", 0.0, turn=1, failed=True), row("e", "multi", 1.0, turn=9)]  # fmt: skip
    found = paired(*split(rows))
    assert (found.value, found.n_pairs, found.n_lost, found.n_failed, found.n_clusters) == (1.0, 1, 1, 1, 1)
    assert (found.worst, found.best) == (0.0, 0.5)  # multi's missing value at 0 or at 1: mean of (-1 or 0) and 1
    assert (found.low, found.p) == (None, None)


def test_groups_are_paired_apart_only_when_asked():
    rows = [row("c", s, v, group=g) for s, g, v in
            (("multi", "x", 1.0), ("multi", "y", 0.0), ("single", "x", 1.0), ("single", "y", 1.0))]  # fmt: skip
    sides = split(rows)
    assert pairs(*sides).difference.tolist() == [-0.5]
    apart = pairs(*sides, by_group=True)
    assert dict(zip(apart.group.tolist(), apart.difference.tolist(), strict=True)) == {0: 0.0, 1: -1.0}


def test_tables_with_their_own_codes_pair_by_name():
    """The runs of two models: names come in another order, and one has a case the other lacks."""
    one = Table.of([row("a", "multi", 1.0), row("b", "multi", 0.0), row("c", "multi", 0.5, item="q")])
    two = Table.of([row("c", "multi", 0.0, item="q"), row("z", "multi", 1.0), row("b", "multi", 1.0)])
    assert sorted(pairs(one, two).difference.tolist()) == [-1.0, 0.5]


def test_no_variation_is_not_certainty():
    same = paired(*split(rows_of([(i, 1, 1.0, 1.0) for i in range(4)])))
    assert (same.value, same.p, same.effect) == (0.0, 1.0, 0.0)
    assert same.high is not None
    assert same.high > 0.1
    apart = paired(*split(rows_of([(i, 1, 0.0, 1.0) for i in range(4)])))
    assert (apart.value, apart.low, apart.p, apart.effect) == (-1.0, -1.0, 0.125, None)
    assert apart.high is not None
    assert apart.high > -1


def test_points_are_bounded_by_their_range():
    found = paired(*split(rows_of([(0, 1, 0.0, 1.0), (1, 1, 1.0, 0.0)])), Scale(0.0, 1.0))
    assert (found.low, found.high) == (-1.0, 1.0)


@settings(max_examples=50, deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(found, random):
    rows = rows_of(found)
    first, second = paired(*split(rows)), paired(*split(random.sample(rows, len(rows))))
    assert [*first] == [None if v is None else pytest.approx(v, abs=1e-9) for v in second]


@settings(max_examples=50, deadline=None)
@given(ROWS, st.integers(2, 4))
def test_duplicates_do_not_shrink_the_interval(found, times: int):
    rows = rows_of(found)
    first, second = paired(*split(rows)), paired(*split(rows * times))
    assert [*first] == [None if v is None else pytest.approx(v, abs=1e-9) for v in second]


@settings(max_examples=50, deadline=None)
@given(ROWS)
def test_swapping_sides_changes_the_sign_and_nothing_else(found):
    a, b = split(rows_of(found))
    there, back = paired(a, b), paired(b, a)
    assert there.n_pairs == back.n_pairs
    assert there.p == back.p
    for x, y in ((there.value, back.value), (there.low, back.high), (there.effect, back.effect), (there.worst, back.best)):
        assert (x is None) == (y is None)
        assert x is None or x == pytest.approx(-(y or 0.0), abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(ROWS)
def test_identical_settings_differ_by_nothing(found):
    a, _ = split(rows_of(found))
    same = paired(a, a)
    assert same.value in (0.0, None)
    assert same.p in (1.0, None)


def simulate(rounds: int, clusters: int, shift: float, seed: int) -> list:
    random = np.random.default_rng(seed)
    ability = random.beta(3, 2, (rounds, clusters, 1))
    a = random.random((rounds, clusters, 5)) < ability
    b = random.random((rounds, clusters, 5)) < np.clip(ability + shift, 0, 1)
    cell, rest = np.divmod(np.arange(a.size), clusters * 5)
    nothing = np.zeros(a.size)
    d = (a.astype(float) - b).ravel()
    return differences(Pairs(rest // 5, rest * 0, d, nothing, nothing, nothing > 0), cell, rounds)


@pytest.mark.parametrize("clusters", [10, 30])
def test_the_test_keeps_its_level(clusters: int):
    rejected = np.mean([d.p is not None and d.p < 0.05 for d in simulate(2000, clusters, 0.0, 1)])
    assert 0.025 <= rejected <= 0.06


def test_a_detectable_difference_is_detected_four_times_in_five():
    trial = simulate(300, 40, 0.0, 2)
    least = np.mean([detectable(d.se, d.df) or 0.0 for d in trial])
    # Shift the data by exactly that much: adding a constant keeps the spread.
    found = [abs(stats.t.cdf(-(d.value + least) / d.se, d.df) * 2) < 0.05 for d in simulate(3000, 40, 0.0, 3)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(("clusters", "wanted"), [(5, 1.68200), (30, 0.52924), (100, 0.28291)])
def test_detectable_difference_against_statsmodels(clusters: int, wanted: float):
    """`TTestPower().solve_power(nobs=clusters, alpha=0.05, power=0.8)` of statsmodels 0.15.0 (exact, non-central t)."""
    assert detectable(1 / np.sqrt(clusters), clusters - 1) == pytest.approx(wanted, rel=0.02)


def test_detectable_unpaired_against_statsmodels():
    """`TTestIndPower().solve_power(nobs1=40, alpha=0.05, power=0.8, ratio=1)` of statsmodels 0.15.0."""
    assert detectable_unpaired(40**-0.5, 40**-0.5, 40, 40) == pytest.approx(0.63430, rel=0.002)


def test_without_variation_no_difference_can_be_named():
    assert detectable(0.0, 5) is None
    assert detectable(None, 5) is None
    assert detectable_unpaired(0.1, 0.1, 1, 5) is None
    assert detectable_unpaired(0.0, 0.0, 5, 5) is None
