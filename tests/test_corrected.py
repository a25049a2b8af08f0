"""Corrected estimates: closed forms, released code's formulas by hand, what cannot be corrected, coverage and bias."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn.measures.corrected import CHANCE, CONSTANT, LABELLED, corrected_mean, judge_rates, ppi_mean, rogan_gladen
from multiturn.measures.figure import Scale
from multiturn.measures.intervals import clustered_mean

Labels = tuple[np.ndarray, np.ndarray]


def labelled(hits: int, misses: int, alarms: int, clears: int) -> Labels:
    truth = np.r_[np.ones(hits + misses), np.zeros(alarms + clears)]
    return truth, np.r_[np.ones(hits), np.zeros(misses), np.ones(alarms), np.zeros(clears)]


# -- right and wrong --------------------------------------------------------------------------------------------------
def test_rogan_gladen_by_hand() -> None:
    """Se .9, Sp .8, observed .62: (.62 + .8 - 1) / .7 = .6."""
    found = rogan_gladen(np.r_[np.ones(62), np.zeros(38)], *labelled(90, 10, 20, 80))
    assert found.value == pytest.approx(0.6)
    assert found.raw == pytest.approx(0.62)
    assert found.low is not None
    assert found.high is not None
    # Wider than what the judge's own sampling alone would say, .7 times narrower.
    alone = clustered_mean(np.r_[np.ones(62), np.zeros(38)], range(100))
    assert found.high - found.low > (alone.high - alone.low) / 0.7  # type: ignore[operator]
    rates = judge_rates(*labelled(90, 10, 20, 80))
    assert (rates.sensitivity.value, rates.specificity.value) == pytest.approx((0.9, 0.8))


def test_two_levels_give_rogan_gladens_value() -> None:
    observed, labels = np.r_[np.ones(62), np.zeros(38)], labelled(90, 10, 20, 80)
    one, other = rogan_gladen(observed, *labels), corrected_mean(observed, *labels, levels=(0, 1))
    assert other.value == pytest.approx(one.value)
    assert (other.low, other.high) == pytest.approx((one.low, one.high), abs=0.03)


def test_a_judge_that_says_nothing_is_called_so() -> None:
    random = np.random.default_rng(0)
    observed = random.integers(0, 2, 200)
    dice = labelled(26, 24, 25, 25)
    parrot = labelled(50, 0, 50, 0)
    upside_down = labelled(5, 45, 45, 5)
    assert rogan_gladen(observed, *dice)[:3] == (None, None, None)
    assert rogan_gladen(observed, *dice).note == CHANCE
    assert rogan_gladen(observed, *parrot).note == CONSTANT
    assert rogan_gladen(observed, *upside_down).note == CHANCE
    assert corrected_mean(observed, *parrot, levels=(0, 1)).note == CONSTANT
    assert corrected_mean(observed, *dice, levels=(0, 1)).value is None
    assert "label 0" in rogan_gladen(observed, *labelled(50, 5, 0, 0)).note
    assert "label 2" in corrected_mean([1, 2, 3], [1, 1, 3, 3], [1, 1, 3, 3], levels=(1, 2, 3)).note
    assert "judged" in rogan_gladen([1, 1], *labelled(9, 1, 1, 9), clusters=["a", "a"]).note
    for empty in (rogan_gladen([], [], []), corrected_mean([], [], [], levels=(0, 1)), ppi_mean([], [])):
        assert empty.value is None
        assert empty.note
    with pytest.raises(ValueError, match="not among the levels"):
        corrected_mean([1, 7], [1], [1], levels=(1, 2))


def test_the_confusions_of_three_levels_are_undone() -> None:
    """With the exact shares that a known matrix makes of known shares, those come back."""
    matrix = np.array([[0.8, 0.2, 0.0], [0.1, 0.7, 0.2], [0.0, 0.3, 0.7]])
    share = np.array([0.2, 0.3, 0.5])
    said = np.repeat([1, 2, 3], np.rint(1000 * share @ matrix).astype(int))
    truth = np.repeat([1, 2, 3], 100)
    told = np.concatenate([np.repeat([1, 2, 3], np.rint(100 * row).astype(int)) for row in matrix])
    found = corrected_mean(said, truth, told, levels=(1, 2, 3))
    assert found.value == pytest.approx(share @ [1, 2, 3])
    assert found.raw == pytest.approx(said.mean())
    assert found.low < found.value < found.high  # type: ignore[operator]


def test_repeating_every_item_of_a_case_adds_nothing() -> None:
    random = np.random.default_rng(2)
    observed, truth = random.random(60) < 0.6, (random.random(80) < 0.7).astype(float)
    said = np.where(random.random(80) < 0.85, truth, 1 - truth)
    for judge in (lambda *a: rogan_gladen(*a), lambda o, t, s, c, d: corrected_mean(o, t, s, (0, 1), c, d)):
        one = judge(observed, truth, said, np.arange(60), np.arange(80))
        four = judge(*(np.repeat(x, 4) for x in (observed, truth, said, np.arange(60), np.arange(80))))
        assert four[:6] == pytest.approx(one[:6])


@pytest.mark.parametrize("accuracy", [0.6, 0.75, 0.95])
def test_the_truth_is_covered_for_weak_and_strong_judges(accuracy: float) -> None:
    random = np.random.default_rng(5)
    inside, values = [], []
    for _ in range(250):
        chance = random.beta(1.6, 0.7, (100, 1))
        truth, known = random.random((100, 3)) < chance, random.random(150) < 0.7
        said = np.where(random.random(truth.shape) < accuracy, truth, ~truth)
        told = np.where(random.random(150) < accuracy, known, ~known)
        found = rogan_gladen(said.ravel(), known, told, np.repeat(np.arange(100), 3))
        if found.value is not None:
            inside.append(found.low <= 1.6 / 2.3 <= found.high)  # type: ignore[operator]
            values.append(found.value)
    assert 0.92 <= np.mean(inside) <= 0.99
    assert np.mean(values) == pytest.approx(1.6 / 2.3, abs=0.02)


# -- labels for some of the items -------------------------------------------------------------------------------------
def test_ppi_by_its_formula() -> None:
    random = np.random.default_rng(3)
    truth = random.random(300)
    judged = np.clip(truth + 0.1 + 0.1 * random.normal(size=300), 0, 1)
    labels = np.where(np.arange(300) < 60, truth, np.nan)
    f, u, y = judged[:60], judged[60:], truth[:60]
    plain = ppi_mean(judged, labels, tuned=False)
    assert plain.value == pytest.approx(y.mean() + u.mean() - f.mean())
    assert plain.raw == pytest.approx(judged.mean())
    assert (plain.cases, plain.labelled) == (300, 60)
    # The power-tuned weight of Angelopoulos, Duchi & Zrnic 2023: cov(y, f) / ((1 + n/N) var f), variances as sums / n.
    weight = np.mean((y - y.mean()) * (f - f.mean())) / (np.mean((f - f.mean()) ** 2) + 60 / 240 * np.mean((u - u.mean()) ** 2))
    tuned = ppi_mean(judged, labels)
    assert tuned.value == pytest.approx(y.mean() + weight * (u.mean() - f.mean()))
    lone = clustered_mean(y, range(60))
    assert tuned.high - tuned.low < 0.7 * (lone.high - lone.low)  # type: ignore[operator]


def test_the_jackknife_of_ppi_is_exact() -> None:
    random = np.random.default_rng(4)
    cluster = random.integers(0, 45, 200)
    truth = random.random(200)
    judged = truth * 0.7 + 0.3 * random.random(200)
    labels = np.where(random.random(200) < 0.5, truth, np.nan)
    wide = Scale(low=-np.inf, high=np.inf, unit="", passing=np.inf)
    found = ppi_mean(judged, labels, cluster, wide)
    left = np.array([ppi_mean(judged[cluster != g], labels[cluster != g], cluster[cluster != g], wide).value for g in range(45)])
    assert found.value is not None
    w = left - found.value
    se = np.sqrt((found.labelled - 1) / found.labelled * (w**2).sum())
    assert found.high is not None
    assert 1.9 * se < found.high - found.value < 2.8 * se


def test_ppi_with_a_useless_judge_is_the_labels_alone() -> None:
    random = np.random.default_rng(6)
    truth = (random.random(400) < 0.6).astype(float)
    labels = np.where(np.arange(400) < 100, truth, np.nan)
    lone = clustered_mean(truth[:100], range(100))
    for judged in (np.ones(400), random.random(400)):
        found = ppi_mean(judged, labels)
        assert (found.low, found.high) == pytest.approx((lone.low, lone.high), abs=0.02)
    assert ppi_mean(truth, truth).value == pytest.approx(truth.mean())  # everything labelled
    few = ppi_mean(truth, np.where(np.arange(400) < LABELLED - 1, truth, np.nan))
    assert (few.value, few.note) == (None, "19 labelled cases; 20 are needed")
    unscored = ppi_mean(np.where(np.arange(400) % 7 == 0, np.nan, truth), labels)
    assert unscored.value == pytest.approx(truth.mean(), abs=0.1)
    with pytest.raises(ValueError, match="1 values against 2"):
        ppi_mean([1], [1, 2])


@pytest.mark.parametrize("accuracy", [0.6, 0.9])
def test_ppi_covers_the_truth(accuracy: float) -> None:
    random = np.random.default_rng(7)
    inside, values = [], []
    for _ in range(300):
        truth = (random.random((100, 3)) < random.beta(1.6, 0.7, (100, 1))).astype(float)
        judged = np.where(random.random(truth.shape) < accuracy, truth, 1 - truth)
        labels = np.where((np.arange(100) < 40)[:, None], truth, np.nan)
        found = ppi_mean(judged.ravel(), labels.ravel(), np.repeat(np.arange(100), 3))
        inside.append(found.low <= 1.6 / 2.3 <= found.high)  # type: ignore[operator]
        values.append(found.value)
    assert 0.92 <= np.mean(inside) <= 0.99
    assert np.mean(values) == pytest.approx(1.6 / 2.3, abs=0.015)


@given(st.integers(0, 10_000))
def test_values_lie_in_their_intervals_on_the_scale(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth, said = random.integers(0, 2, 40), random.integers(0, 2, 40)
    said = np.where(random.random(40) < random.random(), truth, said)
    labels = np.where(random.random(40) < 0.8, truth, np.nan)
    for found in (rogan_gladen(said, truth, said), corrected_mean(said, truth, said, (0, 1)), ppi_mean(said, labels)):
        if found.value is None:
            assert found.note
        else:
            assert 0 <= found.low <= found.value <= found.high <= 1  # type: ignore[operator]
