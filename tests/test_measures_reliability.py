"""Aptitude, unreliability, reliability, pass@k and pass^k: the papers' unit cases, enumeration, published means."""

from __future__ import annotations

import csv
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiturn.measures.figure import Figure, Scale
from multiturn.measures.figures import pass_k, reliability
from multiturn.measures.reliability import aptitude, pass_all, pass_at, percentile
from multiturn.measures.verdict import SCORED, UNMEASURED, Row, Table

PERCENT = Scale(0.0, 100.0, "points", 100.0)


def runs(*cases: list[float], setting: str = "multi", measure: str = "score") -> list[Row]:
    return [
        Row(f"c{i}", f"c{i}", setting, r, "", 0, "", measure, v, SCORED, "")
        for i, vs in enumerate(cases)
        for r, v in enumerate(vs)
    ]


def by_name(figures: list[Figure], setting: str = "multi") -> dict[str, Figure]:
    return {f.measure: f for f in figures if f.setting == setting}


def binary(successes: int) -> list[float]:
    return [100.0] * successes + [0.0] * (10 - successes)


@pytest.mark.parametrize(
    ("cases", "mean", "best", "spread"),
    [
        ([10] * 9 + [0], 90, 90, 0),
        ([6] * 3 + [7] * 6 + [0], 60, 90, 90),
        ([10] * 3 + [6] * 5 + [0] * 2, 60, 80, 50),  # the paper prints 60 for the last: its text and figure disagree
    ],
)
def test_appendix_e_of_lost_in_conversation(cases: list[int], mean: float, best: float, spread: float):
    rows = runs(*(binary(c) for c in cases))
    found = by_name(list(reliability("score", PERCENT)(Table.of(rows))))
    assert np.mean([r.value for r in rows]) == mean
    assert found["score aptitude"].value == pytest.approx(best)
    assert found["score unreliability"].value == pytest.approx(spread)
    assert found["score reliability"].value == pytest.approx(100 - spread)
    assert found["score aptitude"].note == "10 repeats; a trial is a whole conversation"
    assert found["score aptitude"].unit == "points"
    assert found["score aptitude"].n_cases == 10


def test_one_success_in_ten_is_no_aptitude_and_two_are():
    score, case = np.array(binary(1) + binary(2)), np.repeat([0, 1], 10)
    assert aptitude(score, case, 2)[0].tolist() == pytest.approx([10.0, 100.0])


def test_published_means_of_lost_in_conversation(data_root: Path):
    """Figure 6b prints A90 and P10 of each model: two runs with these percentiles give its means back (U from the file's own
    column within the rounding of whole numbers): U 23.5 -> 49.9 (+112 %), A 76.2 -> 64.5 (-15.3 %)."""
    path = data_root / "lost-in-conversation" / "figure6b_aptitude_unreliability.csv"
    with path.open() as lines:
        models = list(csv.DictReader(lines))
    found = {}
    for setting in ("full", "sharded"):
        cases = []
        for model in models:
            high, spread = float(model[f"{setting}_A90"]), float(model[f"{setting}_U"])
            middle = high - spread / 2
            cases.append([middle - spread / 1.6, middle + spread / 1.6])  # p90 - p10 of two values is 0.8 of their distance
        figures = by_name(list(reliability("score", PERCENT)(Table.of(runs(*cases, setting=setting)))), setting)
        found[setting] = (figures["score unreliability"].value, figures["score aptitude"].value)
    assert found["full"] == pytest.approx((23.5, 76.2), abs=0.05)
    assert found["sharded"] == pytest.approx((49.9, 64.5), abs=0.05)
    assert found["sharded"][0] / found["full"][0] - 1 == pytest.approx(1.12, abs=0.01)
    assert found["sharded"][1] / found["full"][1] - 1 == pytest.approx(-0.153, abs=0.001)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(-5, 5)), min_size=1, max_size=40), st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])
)
def test_percentile_is_numpys_linear_one(rows: list[tuple[int, float]], q: float):
    case, value = np.array([c for c, _ in rows]), np.array([v for _, v in rows])
    found = percentile(value, case, 4, q)
    for c in range(4):
        wanted = np.percentile(value[case == c], 100 * q, method="linear") if (case == c).any() else np.nan
        assert found[c] == pytest.approx(wanted, nan_ok=True)


@pytest.mark.parametrize("n", [1, 4, 7])
def test_pass_k_is_the_share_of_all_draws_of_k_trials(n: int):
    for c in range(n + 1):
        outcome = [1] * c + [0] * (n - c)
        for k in range(1, n + 1):
            draws = list(combinations(outcome, k))
            one, every = np.array([float(n)]), np.array([float(c)])
            assert pass_at(one, every, k)[0] == pytest.approx(np.mean([any(d) for d in draws]))
            assert pass_all(one, every, k)[0] == pytest.approx(np.mean([all(d) for d in draws]))
    assert np.isnan(pass_at(np.array([2.0]), np.array([1.0]), 3)[0])


def test_pass_k_figures():
    found = by_name(list(pass_k("score")(Table.of(runs([1, 0, 0, 0], [1, 1, 1, 1])))))
    assert list(found) == [f"score pass{s}{k}" for k in (1, 2, 4) for s in "@^"]
    assert found["score pass@2"].value == pytest.approx((0.5 + 1) / 2)
    assert found["score pass^2"].value == pytest.approx((0 + 1) / 2)
    assert found["score pass@4"].value == 1.0
    thrice = list(pass_k("score")(Table.of(runs([1, 0, 1], [1, 1, 1]))))
    assert [f.measure for f in thrice] == [f"score pass{s}{k}" for k in (1, 2, 3) for s in "@^"]  # and for all repeats
    assert found["score pass@1"].unit == "fraction"


def test_a_trial_succeeds_if_all_its_verdicts_pass_and_is_unknown_if_one_is_missing():
    rows = runs([1, 1, 1])
    rows += [r._replace(turn=1, value=v, status=s) for r, v, s in
             zip(rows, (1.0, 0.0, float("nan")), (SCORED, SCORED, UNMEASURED), strict=True)]  # fmt: skip
    found = by_name(list(pass_k("score")(Table.of(rows))))
    assert found["score pass@1"].value == 0.5
    assert found["score pass@1"].note == "2 repeats; a trial is a whole conversation"
    assert "score pass@4" not in found


def test_a_case_with_too_few_repeats_is_not_measured_and_bounds_say_so():
    found = by_name(list(reliability("score")(Table.of(runs([1, 0], [1])))))
    figure = found["score unreliability"]
    assert (figure.value, figure.n_cases, figure.n_unmeasured) == (pytest.approx(0.8), 1, 1)
    assert (figure.worst, figure.best) == (pytest.approx(0.4), pytest.approx(0.9))
    assert figure.low is None


def test_one_repeat_says_nothing_about_reliability():
    table = Table.of(runs([1], [0]))
    assert list(reliability("score")(table)) == []
    assert list(pass_k("score")(table)) == []
