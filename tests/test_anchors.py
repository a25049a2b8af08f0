"""Item response theory and anchors: the fit, the choice of items, the three estimates, the interval."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit

from multiturn.measures import irt
from multiturn.measures.anchors import (
    Anchors,
    anchor_estimate,
    balance_weights,
    cluster_anchors,
    gp_irt,
    mixture,
    p_irt,
    random_anchors,
    stratified_anchors,
    weighted_score,
)
from multiturn.measures.codes import Floats
from multiturn.measures.subset import choose, estimates, fitted, half_width, held_out_errors, random_error


def simulated(seed: int, models: int = 200, items: int = 2000, sharpness: float = 8.0) -> tuple[Floats, irt.Items]:
    random = np.random.default_rng(seed)
    theta = random.normal(size=(models, 2))
    true = irt.Items(np.exp(random.normal(0, 0.5, (items, 2))) * sharpness, random.normal(0, 2 * sharpness, items))
    return (random.random((models, items)) < expit(theta @ true.a.T - true.b)).astype(float), true


# -- works when -----------------------------------------------------------------------------------------------------
def test_fifty_of_two_thousand_items_tell_the_score() -> None:
    """Point 1 of the card: 200 models, 2,000 items, 150 train, K = 50, ten seeds."""
    found: dict[str, list[float]] = {}
    for seed in range(10):
        y, _ = simulated(seed)
        train, test, weights = y[:150], y[150:], np.ones(2000)
        (way,) = irt.validate(train, weights, [2])
        subset = fitted(train, weights, 50, way, float(train.var(axis=1).mean()), seed)
        for name, value in estimates(subset, test[:, subset.anchors.position]).items():
            found.setdefault(name, []).append(float(np.abs(value - test.mean(axis=1)).mean()))
        found.setdefault("random", []).append(random_error(test, weights, 50, rounds=20, seed=seed))
    assert np.mean(found["gp-IRT"]) <= 0.02
    assert all(mine < other for name in ("p-IRT", "gp-IRT") for mine, other in zip(found[name], found["random"], strict=True))


@given(st.integers(1, 60), st.integers(0, 10_000), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_anchor_weights_sum_to_one(items: int, seed: int, features: int) -> None:
    random = np.random.default_rng(seed)
    x = random.integers(0, 3, (items, features)).astype(float)  # many equal items
    weights = random.uniform(0.1, 5, items)
    count = int(random.integers(1, items + 1))
    groups = [str(g) for g in random.integers(0, 4, items)]
    for anchors in (
        cluster_anchors(x, weights, count, random), random_anchors(weights, count, random),
        stratified_anchors(groups, weights, count, random),
    ):  # fmt: skip
        assert anchors.weight.sum() == pytest.approx(1, abs=1e-12)
        assert (anchors.weight > 0).all()
        assert len(set(anchors.position.tolist())) == count == len(anchors.weight)
        assert (np.diff(anchors.position) > 0).all()


@given(st.integers(1, 40), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_all_items_as_anchors_give_the_score_itself(items: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    y, weights = random.random((3, items)), random.uniform(0.1, 5, items)
    anchors = cluster_anchors(random.random((items, 2)), weights, items, random)
    truth = (y * weights).sum(axis=1) / weights.sum()
    parameters = irt.Items(random.normal(size=(items, 2)), random.normal(size=items))
    assert anchor_estimate(y[:, anchors.position], anchors) == pytest.approx(truth, abs=1e-12)
    assert p_irt(y[:, anchors.position], anchors, weights, parameters) == pytest.approx(truth, abs=1e-12)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_balance_weights_give_the_mean_of_the_groups(sizes: list[int], seed: int) -> None:
    groups = [f"g{i}" for i, size in enumerate(sizes) for _ in range(size)]
    y = np.random.default_rng(seed).random((5, len(groups)))
    ends = np.cumsum(sizes)
    means = np.mean([y[:, end - size : end].mean(axis=1) for size, end in zip(sizes, ends, strict=True)], axis=0)
    weights = balance_weights(groups)
    assert np.abs((weights * y).mean(axis=1) - means).max() < 1e-12
    assert weights.sum() == pytest.approx(len(groups))
    assert weighted_score(y, weights) == pytest.approx(means, abs=1e-12)


def test_the_share_of_the_anchors() -> None:
    assert mixture(0.02, 0.2, 100) == pytest.approx(0.0004 / 0.0009)
    assert round(mixture(0.02, 0.2, 100), 3) == 0.444
    assert mixture(1e9, 0.2, 100) == pytest.approx(1)
    assert mixture(1e-9, 0.2, 100) == pytest.approx(0, abs=1e-12)
    assert mixture(0, 0.2, 100) == 0 == mixture(0, 0, 100)
    assert gp_irt(np.array([1.0]), np.array([0.0]), 0.25)[0] == 0.25


# -- the pieces -----------------------------------------------------------------------------------------------------
@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_ability_is_the_maximum_of_its_likelihood(seed: int) -> None:
    random = np.random.default_rng(seed)
    d, n, size = int(random.integers(1, 4)), int(random.integers(1, 40)), 10 ** random.uniform(-1, 1.5)
    items = irt.Items(random.normal(size=(n, d)) * size, random.normal(size=n) * size)
    y = random.choice([0.0, 0.3, 1.0], size=(3, n))
    y[0] = 1  # without a prior theta would be infinite
    for row, theta in zip(y, irt.ability(y, items), strict=True):

        def loss(x: Floats, row: Floats = row) -> float:
            z = items.a @ x - items.b
            return float((np.logaddexp(0, z) - row * z).sum() + irt.PRIOR / 2 * (x @ x))

        assert loss(theta) <= minimize(loss, np.zeros(d), method="BFGS").fun + 1e-7


def test_estimates_by_the_formulas_of_the_card() -> None:
    """Item by item, as the card writes them; a prior of 0 is the released code's."""
    random = np.random.default_rng(5)
    groups = [f"g{i}" for i, n in enumerate((17, 50, 3, 30)) for _ in range(n)]
    weights, parameters = balance_weights(groups), irt.Items(random.normal(size=(100, 2)), random.normal(size=100))
    anchors = cluster_anchors(np.column_stack([parameters.a, parameters.b]), weights, 20, random)
    y = random.integers(0, 2, 20).astype(float)
    y[0], y[1], y[2] = 0.5, 0, 1
    theta = irt.ability(y[None], parameters.at(anchors.position))[0]
    seen = dict(zip(anchors.position.tolist(), y, strict=True))
    data = sum(weights[i] * v for i, v in seen.items()) / 20
    rest = [weights[i] / (1 + math.exp(parameters.b[i] - parameters.a[i] @ theta)) for i in range(100) if i not in seen]
    assert p_irt(y[None], anchors, weights, parameters)[0] == pytest.approx(0.2 * data + 0.8 * sum(rest) / 80, abs=1e-12)
    assert anchor_estimate(y[None], anchors)[0] == pytest.approx(sum(anchors.weight * y), abs=1e-12)


def test_what_was_not_seen_counts_as_unseen() -> None:
    y = np.array([[1.0, np.nan, 0.0], [np.nan] * 3])
    anchors = Anchors(np.array([0, 1, 2]), np.array([0.5, 0.3, 0.2]))
    assert anchor_estimate(y, anchors)[0] == pytest.approx(0.5 / 0.7)
    parameters = irt.Items(np.ones((3, 1)), np.zeros(3))
    found = p_irt(y, anchors, np.ones(3), parameters)
    alone = p_irt(y[:, [0, 2]], Anchors(np.array([0, 2]), np.array([0.5, 0.5])), np.ones(3), parameters)
    assert found[0] == alone[0]
    assert np.isnan(found[1])
    assert np.isnan(anchor_estimate(y, anchors)[1])


def test_the_fit_finds_the_probabilities_and_does_not_mind_gaps() -> None:
    y, true = simulated(3, models=150, items=400, sharpness=1.5)
    random = np.random.default_rng(0)
    items, theta = irt.fit(y, 2)
    assert theta.mean(axis=0) == pytest.approx(0, abs=1e-9)
    assert np.cov(theta.T, bias=True) == pytest.approx(np.eye(2), abs=1e-6)
    truth = expit(np.random.default_rng(3).normal(size=(150, 2)) @ true.a.T - true.b)
    assert np.abs(irt.probability(theta, items) - truth).mean() < 0.06
    gaps, _ = irt.fit(np.where(random.random(y.shape) < 0.1, np.nan, y), 2)
    assert np.corrcoef(gaps.b, items.b)[0, 1] > 0.98
    again, _ = irt.fit(y, 2)
    assert (again.a == items.a).all()  # nothing is drawn


@pytest.mark.parametrize("edge", ["all right", "all wrong", "one item is always right", "two kinds of models"])
def test_responses_without_information(edge: str) -> None:
    y = np.random.default_rng(0).integers(0, 2, (25, 30)).astype(float)
    if edge.startswith("all"):
        y[:] = edge == "all right"
    elif edge.startswith("one"):
        y[:, 0] = 1
    else:
        y[:] = (np.arange(25) % 2)[:, None]
    subset = choose(y, np.ones(30), [""] * 30, 5)
    for value in estimates(subset, y[:, subset.anchors.position]).values():
        assert np.isfinite(value).all()
        assert ((value >= 0) & (value <= 1)).all()
    assert all(np.isfinite(e).all() for e in held_out_errors(y, [""] * 30, subset).values())


def test_the_cut_of_scores_that_are_not_binary() -> None:
    random = np.random.default_rng(1)
    y = random.random((40, 60))
    by_hand = {c: np.mean([abs(np.mean([v > c for v in row]) - np.mean(row)) for row in y]) for c in np.linspace(0.01, 0.99, 100)}
    assert irt.cut(y) == min(by_hand, key=lambda c: by_hand[c])
    assert (irt.binary(np.array([[0.2, 0.9, np.nan]]), 0.5)[0, :2] == [0, 1]).all()
    ways = irt.validate(y, np.ones(60), [1, 2])
    assert {way.cut is None for way in ways} == {True, False}  # both are tried, the better one is taken
    assert ways[0].error == min(way.error for way in ways)
    assert {way.cut for way in irt.validate(np.round(y), np.ones(60), [1])} == {None}


def test_dimensions_are_chosen_by_validation() -> None:
    y, _ = simulated(1, models=150, items=300, sharpness=4)
    subset = choose(y, np.ones(300), [""] * 300, 20)
    assert subset.items is not None
    assert subset.items.dimensions == min(subset.ways, key=lambda way: way.error).dimensions > 1
    assert {way.dimensions for way in subset.ways} == {1, 2, 5, 10}


def test_few_models_are_not_fitted() -> None:
    y, _ = simulated(2, models=19, items=100)
    for models, method, names in ((19, "scores", {"IRT"}), (3, "scores", {"IRT"}), (2, "strata", {"IRT"})):
        subset = choose(y[:models], np.ones(100), ["a"] * 30 + ["b"] * 70, 10)
        assert (subset.method, subset.items, subset.mix) == (method, None, None)
        assert set(estimates(subset, y[:, subset.anchors.position])) == names
    assert (subset.anchors.position < 30).sum() == 3  # strata: in proportion
    assert held_out_errors(y[:2], ["a"] * 100, subset) == {}


def test_the_interval_is_a_rank_of_errors() -> None:
    assert half_width(np.arange(1.0, 20)) == 19  # ceil(.95 * 20) = 19
    assert half_width(-np.arange(1.0, 40)) == 38
    assert half_width(np.arange(18.0)) is None
    assert half_width([]) is None
    assert half_width([*np.arange(1.0, 20), np.nan]) == 19
    # one model with several options counts once, by its largest error
    assert half_width([*np.arange(1.0, 20), 30.0], [*map(str, range(19)), "0"]) == 30
    assert half_width(np.ones(100), ["a", "b"] * 50) is None
    y, _ = simulated(4, models=400, items=200, sharpness=4)
    subset = choose(y[:60], np.ones(200), [""] * 200, 20)
    errors = held_out_errors(y[:60], [""] * 200, subset)
    found, truth = estimates(subset, y[60:, subset.anchors.position]), y[60:].mean(axis=1)
    for name, value in found.items():
        half = half_width(errors[name])
        assert half is not None
        assert 0.88 < np.mean(np.abs(value - truth) <= half) <= 1


def test_families_are_left_out_together() -> None:
    """What is told of a model does not depend on the others of its family, and does on models of another."""
    y, _ = simulated(6, models=24, items=60, sharpness=1)
    subset, names = choose(y, np.ones(60), [""] * 60, 10), [f"m{i // 2}" for i in range(24)]
    other = y.copy()
    other[1] = 1 - other[1]
    for families, depends in ((names, False), ((), True)):
        before, after = (held_out_errors(scores, [""] * 60, subset, families=families)["gp-IRT"] for scores in (y, other))
        assert bool(before[0] != after[0]) == depends
    assert held_out_errors(y, [""] * 60, subset, families=["one"] * 24) == {}


def test_real_judges(data_root: Path) -> None:
    """65 judges (6 models, each asked in several ways) on the 419 items of LLMBar: 100 items tell the score of a judge whose
    model is known better than as many at random, what p-IRT expects of a judge with a new model is worse."""
    path = data_root / "llmbar" / "verdicts.jsonl"
    if not path.is_file():
        pytest.skip(f"no {path}")
    rows: dict[str, dict[str, list[float]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        cell = json.loads(line)
        if cell["subset"].startswith("LLMBar/"):
            both = zip(cell["labels"], cell["winner_original"], cell["winner_swapped"], strict=True)
            scores = [(int(str(one) == str(label)) + int(str(two) == str(label))) / 2 for label, one, two in both]
            rows.setdefault(f"{cell['base_llm']} {cell['strategy']}", {})[cell["subset"]] = scores
    y = np.array([[v for subset in sorted(row) for v in row[subset]] for row in rows.values()])
    assert y.shape == (65, 419)
    weights, groups = np.ones(419), [""] * 419
    subset = choose(y, weights, groups, 100)
    known = np.abs(held_out_errors(y, groups, subset)["gp-IRT"]).mean()
    new = np.abs(held_out_errors(y, groups, subset, families=[name.split()[0] for name in rows])["p-IRT"]).mean()
    assert subset.cut is None  # fractions as they are validate better than cut ones
    assert known < 0.022 < random_error(y, weights, 100) < 0.03 < new
