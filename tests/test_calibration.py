"""Calibration of stated confidence: released figures, closed forms, ties in any order, coverage of the intervals."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn.measures.agreement import cohen_kappa, exact_agreement
from multiturn.measures.calibration import (
    aurc,
    best_threshold,
    brier,
    clean_confidence,
    ece,
    murphy,
    risk_coverage,
    wrong_at,
)

ITEMS = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.7, 0.95, 1.0]), st.integers(0, 1)), min_size=1, max_size=25)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# -- released figures -------------------------------------------------------------------------------------------------
def test_threshold_of_the_released_labels(data_root: Path) -> None:
    """ObjexMT: 0.61 (stretch .61 to .70), F1 .8261, precision .717, recall .974; with "moderate" positive 0.31, F1 .9275."""
    rows = rows_of(data_root / "objexmt" / "calibration_100.csv")
    score = [float(row["similarity_score"]) for row in rows]
    label = [row["human_label"] for row in rows]
    found = best_threshold(score, [v.startswith(("Exact", "High")) for v in label])
    assert found is not None
    assert (found.at, found.last) == (0.61, 0.70)
    assert (found.f1, found.precision, found.recall) == pytest.approx((0.8261, 0.717, 0.974), abs=5e-4)
    loose = best_threshold(score, [v.startswith(("Exact", "High", "Moderate")) for v in label])
    assert loose is not None
    assert loose.at == 0.31
    assert loose.f1 == pytest.approx(0.9275, abs=5e-5)


def test_judge_against_people_on_four_levels(data_root: Path) -> None:
    rows = rows_of(data_root / "objexmt" / "calibration_100.csv")
    levels = ("Low", "Moderate", "High", "Exact")
    judge = [row["similarity_category"].split()[0] for row in rows]
    human = [row["human_label"].split()[0] for row in rows]
    assert cohen_kappa(human, judge, weights="quadratic", labels=levels).value == pytest.approx(0.806, abs=5e-4)
    assert cohen_kappa(human, judge, labels=levels).value == pytest.approx(0.573, abs=5e-4)
    assert exact_agreement(human, judge).value == pytest.approx(0.68)


OBJEXMT = {  # mean of `correct`; accuracy, ECE, Brier, wrong at .90 of `predicted`
    "gpt-4.1": (0.565, 0.4853, 0.4060, 0.4133, 0.4741), "claude-sonnet-4": (0.598, 0.6125, 0.2180, 0.2834, 0.3348),
    "Qwen3-235B": (0.529, 0.4285, 0.4656, 0.4585, 0.5241), "kimi": (0.602,), "deepseek": (0.581,), "gemini": (0.567,),
}  # fmt: skip


def test_six_models(data_root: Path) -> None:
    rows = rows_of(data_root / "objexmt" / "predictions_six_models.csv")
    for name, (agreed, *published) in OBJEXMT.items():
        mine = [row for row in rows if row["model"].lower().startswith(name.lower())]
        assert len(mine) == 4348
        assert np.mean([float(row["correct"]) for row in mine]) == pytest.approx(agreed, abs=5e-4)
        if published:
            right = [float(row["predicted"]) for row in mine]
            said = clean_confidence([row["confidence"] for row in mine], missing=0.5)
            found = (np.mean(right), ece(said, right).value, brier(said, right).value, wrong_at(said, right, 0.9).value)
            assert found == pytest.approx(published, abs=5.5e-5), name
            if name == "gpt-4.1":
                assert wrong_at(said, right, 0.9).n_values == 2742


# -- known answers ----------------------------------------------------------------------------------------------------
def test_a_perfect_and_a_half_wrong_extractor() -> None:
    sure, right = np.ones(40), np.ones(40)
    assert [m(sure, right).value for m in (ece, brier, aurc)] == [0, 0, 0]
    assert wrong_at(sure, right, 0.95).value == 0
    high = ece(sure, right).high
    assert high is not None
    assert 0.05 < high < 0.15  # 40 of 40 is no proof
    half = np.arange(40) % 2
    assert [m(sure, half).value for m in (ece, brier)] == pytest.approx([0.5, 0.5])
    assert wrong_at(sure, half, 0.95).value == 0.5
    assert aurc(sure, half).value == pytest.approx(0.5 * 39 / 40)


def test_confidences_as_models_write_them() -> None:
    assert clean_confidence([0.5, "0.9", " 1 "]).tolist() == [0.5, 0.9, 1.0]
    assert clean_confidence([50, "90", 100]).tolist() == [0.5, 0.9, 1.0]
    assert clean_confidence(["80%", "0.8", "50 %"]).tolist() == [0.8, 0.8, 0.5]
    odd = clean_confidence([None, "high", True, -1, 130, "nan", "inf", 70, ""])
    assert odd.tolist()[7] == 0.7
    assert np.isnan(odd).sum() == 8
    assert clean_confidence(["?", 0.4], missing=0.5).tolist() == [0.5, 0.4]
    assert clean_confidence([]).tolist() == []


def test_bins_close_on_the_left_and_the_last_on_both_sides() -> None:
    confidence = np.arange(11) / 10  # ten bins, the last with .9 and 1
    right = np.array([0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0.0])
    by_hand = (0.0 + 0.1 + 0.2 + 0.7 + 0.4 + 0.5 + 0.6 + 0.7 + 0.8 + 2 * abs(0.95 - 0.5)) / 11
    assert ece(confidence, right).value == pytest.approx(by_hand)
    mass = ece([0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1], bins=2, by="mass").value
    assert mass == pytest.approx((0.15 + 0.65) / 2)
    tied = ece([0.9] * 9 + [0.1], [1] * 9 + [0], bins=10, by="mass").value
    assert tied == pytest.approx((0.9 + 0.1) / 10)


@given(ITEMS)
def test_murphys_parts_add_up(rows: list[tuple[float, int]]) -> None:
    confidence, right = [c for c, _ in rows], [y for _, y in rows]
    whole = brier(confidence, right).value
    for bins in (None, 3):
        found = murphy(confidence, right, bins)
        assert found is not None
        assert found.brier == pytest.approx(whole)
        total = found.reliability - found.resolution + found.uncertainty + found.within
        assert total == pytest.approx(whole, abs=1e-12)
        if bins is None:
            assert found.within == pytest.approx(0, abs=1e-12)
    assert murphy([], []) is None


def ordered_area(confidence: np.ndarray, wrong: np.ndarray) -> float:
    risk = np.cumsum(wrong[np.argsort(-confidence, kind="stable")]) / np.arange(1, len(wrong) + 1)
    return float(((risk[1:] + risk[:-1]) / 2).sum() / len(wrong))


@given(ITEMS, st.randoms(use_true_random=False))
def test_the_area_does_not_depend_on_the_order(rows, random) -> None:  # type: ignore[no-untyped-def]
    shuffled = random.sample(rows, len(rows))
    one = aurc([c for c, _ in rows], [y for _, y in rows])
    two = aurc([c for c, _ in shuffled], [y for _, y in shuffled])
    assert one.value == pytest.approx(two.value)


def test_the_area_is_the_mean_over_all_orders_of_ties() -> None:
    random = np.random.default_rng(0)
    confidence, right = random.integers(0, 4, 30) / 4, random.integers(0, 2, 30)
    drawn = []
    for _ in range(4000):
        order = random.permutation(30)
        drawn.append(ordered_area(confidence[order], 1 - right[order]))
    assert aurc(confidence, right).value == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / np.sqrt(4000))
    apart = random.random(30)
    assert aurc(apart, right).value == pytest.approx(ordered_area(apart, 1 - right))
    curve = risk_coverage(confidence, right)
    assert curve.coverage[-1] == 1
    assert curve.risk[-1] == pytest.approx(1 - right.mean())


def test_confidence_that_sorts_has_a_smaller_area() -> None:
    right = np.array([1] * 6 + [0] * 4)
    good, none, bad = aurc(-np.arange(10.0), right), aurc(np.ones(10), right), aurc(np.arange(10.0), right)
    assert good.value < none.value < bad.value  # type: ignore[operator]


# -- intervals --------------------------------------------------------------------------------------------------------
def simulated(random: np.random.Generator, cases: int, shift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three items a case, correct with chance confidence - shift, correlated inside a case."""
    confidence = random.choice([0.5, 0.7, 0.8, 0.9], size=(cases, 3))
    mood = random.normal(size=(cases, 1)) * 0.1
    right = random.random((cases, 3)) < np.clip(confidence - shift + mood, 0, 1)
    return confidence.ravel(), right.ravel().astype(float), np.repeat(np.arange(cases), 3)


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.3])
def test_the_calibration_error_is_covered_and_debiasing_takes_off_most_of_the_bias(shift: float) -> None:
    random = np.random.default_rng(3)
    inside, plain, less = [], [], []
    for _ in range(400):
        confidence, right, case = simulated(random, 60, shift)
        found = ece(confidence, right, case)
        inside.append(found.low <= shift <= found.high)  # type: ignore[operator]
        plain.append(found.value)
        less.append(ece(confidence, right, case, debiased=True).value)
    assert 0.92 <= np.mean(inside) <= 0.985
    if shift < 0.1:
        assert abs(np.mean(less) - shift) < 0.7 * abs(np.mean(plain) - shift)  # type: ignore[arg-type]


def test_repeating_every_item_of_a_case_changes_no_interval() -> None:
    confidence, right, case = simulated(np.random.default_rng(1), 40, 0.1)
    for measure in (ece, brier, aurc):
        one = measure(confidence, right, case)
        four = measure(np.repeat(confidence, 4), np.repeat(right, 4), np.repeat(case, 4))
        # The curve starts at 1/N: the area moves with N in the third digit.
        assert four[:4] == pytest.approx(one[:4], abs=0.005 if measure is aurc else 1e-12)
        assert four.n_clusters == 40


def test_nothing_one_case_and_missing_values() -> None:
    for measure in (ece, brier, aurc):
        assert measure([], []) == (None, None, None, None, 0, 0)
        assert measure([np.nan, 0.5], [1, np.nan]).value is None
        assert measure([0.5, 0.6], [1, 0], ["a", "a"]).low is None
        assert measure([0.9, np.nan, 0.2], [1, 0, 0]).n_values == 2
    assert wrong_at([0.5], [0], 0.9).value is None
    assert best_threshold([0.2], [0]) is None
    assert best_threshold([], []) is None
