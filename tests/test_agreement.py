"""Agreement: closed forms, values of statsmodels 0.14 and krippendorff 0.8, scipy, coverage of the intervals, edge cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

from multiturn.measures import agreement as ag

A = [1, 2, 3, 1, 1, 2, 2, 3, 3, 1, 2, 1]
B = [1, 2, 3, 1, 2, 2, 1, 3, 2, 1, 2, 3]
ITEMS = [[1, 1, 1], [1, 2, 1], [2, 2, 2], [3, 3, 1], [3, 3, 3], [2, 1, 2], [1, 1, 2], [3, 2, 1]]
N = None
CANONICAL = [  # Krippendorff 2011, section C: four observers of twelve units
    [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N], [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
    [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N], [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
]  # fmt: skip


# -- values -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("weights", "value"), [("none", 0.4947368421052631), ("linear", 0.5081967213114753), ("quadratic", 0.5227272727272727)]
)
def test_cohen(weights: str, value: float) -> None:
    found = ag.cohen_kappa(A, B, weights=weights)  # type: ignore[arg-type]
    assert found.value == pytest.approx(value)
    assert found.low is not None
    assert found.high is not None
    assert found.low < value < found.high
    assert found.majority == pytest.approx(5 / 12)
    assert (found.n, found.clusters) == (12, 12)


def test_kappa_by_hand_beside_its_base_rate() -> None:
    """90 % agreement with a rare label: p_e = 0.9 * 0.9 + 0.1 * 0.1 = 0.82, kappa = 0.08 / 0.18."""
    gold = ["n"] * 90 + ["y"] * 10
    said = ["n"] * 85 + ["y"] * 5 + ["n"] * 5 + ["y"] * 5
    found = ag.cohen_kappa(gold, said)
    assert found.observed == pytest.approx(0.9)
    assert found.expected == pytest.approx(0.82)
    assert found.majority == pytest.approx(0.9)
    assert found.value == pytest.approx(0.08 / 0.18)


def test_fleiss_and_krippendorff() -> None:
    assert ag.fleiss_kappa(ITEMS).value == pytest.approx(0.29787234042553185)
    units = list(zip(*CANONICAL, strict=True))
    expected = {
        "nominal": 0.743421052631579, "ordinal": 0.8153875037548814, "interval": 0.8491071428571428, "ratio": 0.7974027747116121,
    }  # fmt: skip
    for level, value in expected.items():
        found = ag.krippendorff_alpha(units, level)  # type: ignore[arg-type]
        assert found.value == pytest.approx(value)
        assert found.n == 11  # one unit has a single value
    with pytest.raises(ValueError, match="same number of raters"):
        ag.fleiss_kappa([[1, 1], [1]])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=25))
def test_rank_correlations_are_those_of_scipy(pairs: list[tuple[int, int]]) -> None:
    x, y = [p[0] for p in pairs], [p[1] for p in pairs]
    if len(set(x)) > 1 and len(set(y)) > 1:
        assert ag.spearman(x, y).value == pytest.approx(spearmanr(x, y)[0], abs=1e-12)
        assert ag.kendall(x, y).value == pytest.approx(kendalltau(x, y)[0], abs=1e-12)
    else:
        assert ag.spearman(x, y).value is None
        assert ag.kendall(x, y).value is None


def test_pairwise_accuracy_by_hand() -> None:
    truth = [1, 2, 3, 3]
    # Of five pairs untied in the truth: four right, one tied by the judge.
    found = ag.pairwise_accuracy([1, 1, 2, 3], truth)
    assert found.value == pytest.approx(4.5 / 5)
    assert ag.pairwise_accuracy([0, 0, 0, 0], truth).value == 0.5
    assert ag.pairwise_accuracy([0, 0, 0, 0], truth, ties=True).value == pytest.approx(1 / 6)
    assert ag.pairwise_accuracy(truth, truth, ties=True).value == 1
    assert ag.pairwise_accuracy([-t for t in truth], truth).value == 0


# -- intervals --------------------------------------------------------------------------------------------------------
def test_leaving_out_clusters_is_exact() -> None:
    """The jackknife of sums and of pairs equals leaving out and computing anew."""
    random = np.random.default_rng(0)
    x, y, cluster = random.integers(0, 4, 40), random.integers(0, 4, 40), random.integers(0, 9, 40)
    for measure in (ag.cohen_kappa, ag.kendall, ag.pairwise_accuracy):
        found = measure(x.tolist(), y.tolist(), cluster.tolist())
        left = np.array([measure(x[cluster != g].tolist(), y[cluster != g].tolist()).value for g in np.unique(cluster)])
        assert found.value is not None
        scale = ag.FRACTION if measure is ag.pairwise_accuracy else ag.COEFFICIENT
        assert (found.low, found.high) == pytest.approx(ag._ends(found.value, left, scale))
        assert found.clusters == 9


def test_repeating_what_a_cluster_says_changes_nothing() -> None:
    names = [f"item {i}" for i in range(12)]
    for measure in (ag.exact_agreement, ag.cohen_kappa):
        one, three = measure(A, B, names), measure(A * 3, B * 3, names * 3)
        assert three.value == pytest.approx(one.value)
        assert (three.low, three.high) == pytest.approx((one.low, one.high))
        assert three.n == 36


def test_intervals_cover() -> None:
    random = np.random.default_rng(1)
    kappa, rank, accuracy = [], [], []
    true = 6 / np.pi * np.arcsin(0.6 / 2)  # Spearman's of a bivariate normal with correlation 0.6
    for _ in range(300):
        gold = random.random(120) < 0.4
        said = np.where(random.random(120) < 0.8, gold, ~gold)
        found = ag.cohen_kappa(gold.tolist(), said.tolist())
        p = 0.4 * 0.8 + 0.6 * 0.2
        chance = 0.4 * p + 0.6 * (1 - p)
        kappa.append(found.low <= (0.8 - chance) / (1 - chance) <= found.high)  # type: ignore[operator]
        x = random.standard_normal(60)
        y = 0.6 * x + 0.8 * random.standard_normal(60)
        by_rank = ag.spearman(x, y)
        rank.append(by_rank.low <= true <= by_rank.high)  # type: ignore[operator]
        pairs = ag.pairwise_accuracy(x, y)
        half = 0.5 + np.arcsin(0.6) / np.pi
        accuracy.append(pairs.low <= half <= pairs.high)  # type: ignore[operator]
    for covered in (kappa, rank, accuracy):
        assert 0.91 <= np.mean(covered) <= 0.985


# -- edges ------------------------------------------------------------------------------------------------------------
def test_perfect_agreement_is_not_certain() -> None:
    for found in (ag.exact_agreement(A, A), ag.cohen_kappa(A, A), ag.fleiss_kappa([[a, a] for a in A]), ag.kendall(A, A)):
        assert found.value == pytest.approx(1)
        assert found.low is not None
        assert 0.3 < found.low < 0.95
        assert found.high == pytest.approx(1)


def test_missing_values_and_nothing_at_all() -> None:
    found = ag.cohen_kappa([1, None, 2, 1], [1, 2, float("nan"), 1])
    assert found.n == 2
    assert found.value is None  # one label only
    assert ag.spearman([1, np.nan, 2, 3], [1, 2, 2, 3]).n == 3
    for empty in (ag.exact_agreement([], []), ag.cohen_kappa([], []), ag.fleiss_kappa([]), ag.krippendorff_alpha([]),
                  ag.spearman([], []), ag.kendall([], []), ag.pairwise_accuracy([], [])):  # fmt: skip
        assert empty.value is None
        assert (empty.n, empty.low, empty.high) == (0, None, None)
    with pytest.raises(ValueError, match="1 values against 2"):
        ag.cohen_kappa([1], [1, 2])
    assert ag.krippendorff_alpha([[1, 1], [1, 1]]).value is None
    assert ag.cohen_kappa([1, 2], [1, 2], ["same", "same"]).low is None
