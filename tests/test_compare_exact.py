"""McNemar's test and the sign-flip test: scipy, published figures, brute force, invariances, level."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from multiturn.measures.exact import How, mcnemar, sign_flip, significance, skewed_t
from multiturn.measures.multiplicity import benjamini_hochberg, holm

HOWS: tuple[How, How] = ("permutation", "auto")


def random() -> np.random.Generator:
    return np.random.default_rng(1)


def brute_force(totals: list[float]) -> float:
    """P(|sum of +-D| >= |sum of D|) over all patterns."""
    seen = abs(sum(totals))
    sums = [abs(sum(s * d for s, d in zip(signs, totals, strict=True))) for signs in product((1, -1), repeat=len(totals))]
    return float(np.mean([s >= seen - 1e-9 * sum(map(abs, totals)) for s in sums]))


# -- McNemar --------------------------------------------------------------------------------------------------------
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_sign_test_of_what_changed(up: int, down: int):
    wanted = stats.binomtest(up, up + down).pvalue if up + down else 1.0
    assert mcnemar(up, down) == pytest.approx(wanted)
    assert mcnemar(up, down) == mcnemar(down, up)
    assert mcnemar(up, down, mid=True) <= mcnemar(up, down) + 1e-12
    if up != down:
        assert mcnemar(up, down, mid=True) == pytest.approx(wanted - stats.binom.pmf(up, up + down, 0.5))


def test_mcnemar_of_fagerland_2013():
    """Airway hyper-responsiveness, 1 against 7: exact conditional 0.070, mid-p 0.039 (BMC Med. Res. Methodology 13:91)."""
    assert mcnemar(1, 7) == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar(1, 7, mid=True) == pytest.approx(0.0391, abs=5e-5)


# -- sign flips -----------------------------------------------------------------------------------------------------
@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.integers(-6, 6), st.sampled_from([1 / 3, -2 / 3, 0.25, 0.1])), min_size=1, max_size=9))
def test_whole_multiples_are_exact(totals: list[float]):
    assert sign_flip(np.array(totals, dtype=float), random()).p == pytest.approx(brute_force(totals))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-5, 5).map(lambda x: x * np.pi), min_size=1, max_size=9))
def test_few_clusters_are_exact(totals: list[float]):
    found = sign_flip(np.array(totals), random())
    assert found.p == pytest.approx(brute_force(totals))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 5))
def test_one_binary_question_a_cluster_is_mcnemar(up: int, down: int, same: int):
    totals = np.array([1.0] * up + [-1.0] * down + [0.0] * same)
    assert sign_flip(totals, random()).p == pytest.approx(mcnemar(up, down))


def test_many_clusters_are_drawn_and_agree_with_the_chain():
    generator = np.random.default_rng(3)
    whole = generator.integers(-9, 12, 60).astype(float)
    exact = sign_flip(whole, random())
    shaken = sign_flip(whole + generator.normal(0, 1e-3, 60), random())
    assert (exact.note, shaken.note) == ("exact", "9,999 draws")
    assert exact.p is not None
    assert shaken.p == pytest.approx(exact.p, abs=0.015)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=13, max_size=30), st.randoms(use_true_random=False))
def test_neither_order_nor_side_matters(totals: list[float], shuffle):
    first = sign_flip(np.array(totals), random()).p
    shuffle.shuffle(totals)
    assert sign_flip(-np.array(totals), random()).p == first


def test_a_drawn_p_value_is_never_zero():
    found = sign_flip(np.full(50, np.pi) + np.linspace(0, 0.1, 50), random())
    assert found.p == 1 / 10_000


# -- which test -----------------------------------------------------------------------------------------------------
def test_the_test_fits_the_data():
    d, apart = np.array([1.0, -1, 0, 1, 1, 1, 1, 1]), np.arange(8)
    assert significance(d, apart, random(), binary=True, t=0.5)[:2] == (pytest.approx(mcnemar(6, 1)), "exact McNemar")
    assert significance(d, apart, random(), binary=True, t=0.5, how="mid-p")[:2] == (mcnemar(6, 1, mid=True), "mid-p McNemar")
    assert significance(d, apart, random(), binary=True, t=0.5, how="permutation").test == "sign-flip permutation"
    assert significance(d, apart, random(), binary=True, t=0.5, how="t") == (0.5, "clustered t", "8 cases")
    assert significance(d, apart, random(), binary=False, t=0.5).test == "permutation and t"
    several = significance(d, apart // 2, random(), binary=True, t=0.5)
    assert several.test == "permutation and t"
    assert "several questions: not McNemar" in several.note
    assert several.p == pytest.approx(brute_force([0.0, 1.0, 2.0, 2.0]))
    assert significance(d[:1], apart[:1], random(), binary=True, t=None).p is None


@pytest.mark.parametrize(("clusters", "turns"), [(10, 8), (30, 1), (30, 8)])
def test_no_difference_is_found_at_most_one_time_in_twenty(clusters: int, turns: int):
    """Turns of one conversation fail together: taken as independent, they would reject several times as often."""
    generator = np.random.default_rng(4)
    rejected = 0
    for _ in range(1500):
        case = generator.normal(0, 1.5, (clusters, 1))
        ability = [case + generator.normal(0, 1.5, (clusters, 1)) for _ in "ab"]
        a, b = (generator.random((clusters, turns)) < 1 / (1 + np.exp(-each)) for each in ability)
        d = (b.astype(float) - a).ravel()
        found = significance(d, np.repeat(np.arange(clusters), turns), random(), binary=True, t=None)
        rejected += found.p is not None and found.p < 0.05
    assert rejected / 1500 <= 0.055


def test_t_with_skewness_by_its_formula():
    d = np.array([0.1] * 11 + [-0.4])
    n, t = len(d), stats.ttest_1samp(d, 0).statistic
    a = stats.skew(d) / n**0.5
    wanted = 2 * stats.t.sf(t, n - 1) - a * (2 * t**2 + 1) / 3 * stats.t.pdf(t, n - 1)
    assert skewed_t(d, np.ones(n)) == pytest.approx(wanted)
    assert skewed_t(-d, np.ones(n)) == pytest.approx(wanted)
    assert skewed_t(5 * d, np.full(n, 5.0)) == pytest.approx(wanted)  # five questions a case, all alike
    gained = np.array([0.0] * 8 + [0.1, 0.2, 0.3, 0.4])  # skewed towards what was found: nothing is taken off
    assert skewed_t(gained, np.ones(n)) == pytest.approx(stats.ttest_1samp(gained, 0).pvalue)
    assert skewed_t(np.full(4, 0.5), np.ones(4)) is None


@pytest.mark.parametrize("cases", [50, 100])
def test_rare_large_losses_against_small_gains_are_no_difference(cases: int):
    generator = np.random.default_rng(5)
    rejected = np.zeros(2)
    for _ in range(1000):
        d = np.where(generator.random(cases) < 0.1, -0.9, 0.1)
        for i, how in enumerate(HOWS):
            found = significance(d, np.arange(cases), random(), binary=False, t=None, how=how)
            rejected[i] += found.p is not None and found.p < 0.05
    assert rejected[1] / 1000 <= 0.055 < rejected[0] / 1000


# -- many tests -----------------------------------------------------------------------------------------------------
P = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@given(P)
def test_holm_by_its_definition(p: list[float]):
    order, m = np.argsort(p, kind="stable"), len(p)
    wanted, highest = np.zeros(m), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (m - rank) * p[i]))
        wanted[i] = highest
    assert holm(p) == pytest.approx(wanted)


@given(P)
def test_benjamini_hochberg_against_scipy(p: list[float]):
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))


@given(P)
def test_adjusted_values_keep_the_order(p: list[float]):
    order = np.argsort(p, kind="stable")
    for q in (holm(p), benjamini_hochberg(p)):
        assert (np.diff(q[order]) >= 0).all()
        assert (q >= np.array(p) - 1e-12).all()
        assert q.max() <= 1
    assert (benjamini_hochberg(p) <= holm(p) + 1e-12).all()


def test_the_fifteen_p_values_of_benjamini_and_hochberg_1995():
    """Their section 4.1: Bonferroni-like control rejects three, control of the false discovery rate four."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert (holm(p) < 0.05).sum() == 3
    assert (benjamini_hochberg(p) < 0.05).sum() == 4


def test_what_was_not_tested_is_not_counted():
    nan = float("nan")
    assert holm([0.01, nan, 0.04]) == pytest.approx([0.02, nan, 0.04], nan_ok=True)
    assert np.isnan(benjamini_hochberg([nan])).all()
    assert len(holm([])) == 0
