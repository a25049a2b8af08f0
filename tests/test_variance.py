"""Variance components: unbiased in designs of any shape, the classical ones when balanced, silent where nothing can be known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiturn.measures.anova import one_way
from multiturn.measures.codes import Floats, Ints
from multiturn.measures.variance import NAMES, Plays, components, henderson, influence, weights


def draw(random: np.random.Generator, shape: tuple[int, int, int, int], sds: tuple[float, ...], lost: float = 0.0) -> Plays:
    """Cases x users x repeats x judgements with these standard deviations of `NAMES`, a share of the values lost."""
    cases, users, repeats, _ = shape
    case, user, both, repeat, judge = sds
    y = (
        random.normal(0, case, cases)[:, None, None, None]
        + random.normal(0, user, users)[:, None, None]
        + random.normal(0, both, (cases, users))[..., None, None]
        + random.normal(0, repeat, (cases, users, repeats))[..., None]
        + random.normal(0, judge, shape)
    )
    g, u, r, _j = np.indices(shape)
    play = (g * users + u) * repeats + r
    keep = random.random(y.size) >= lost
    g, u, play = (column.reshape(-1)[keep] for column in (g, u, play))
    return Plays(y.reshape(-1)[keep], g, u, play, play)


def averages(shape: tuple[int, int, int, int], sds: tuple[float, ...], lost: float, runs: int = 150) -> Floats:
    random = np.random.default_rng(2)
    found = []
    for _ in range(runs):
        parts = components(draw(random, shape, sds, lost)).parts
        found.append([np.nan if parts[name].raw is None else parts[name].raw for name in NAMES])
    return np.asarray(np.array(found, dtype=np.float64).mean(axis=0))


def test_unbiased_when_unbalanced() -> None:
    assert averages((30, 1, 3, 2), (1, 0, 0, 0.7, 0.5), 0.3)[[0, 3, 4]] == pytest.approx([1, 0.49, 0.25], abs=0.06)


def test_unbiased_when_users_are_crossed() -> None:
    found = averages((30, 4, 2, 2), (1, 0.5, 0.4, 0.7, 0.5), 0.25)
    assert found[[0, 2, 3, 4]] == pytest.approx([1, 0.16, 0.49, 0.25], abs=0.06)
    assert found[1] == pytest.approx(0.25, abs=0.06)


def expected(n: int, factors: list[Ints], variances: list[float]) -> Floats:
    """Solve for the components with the expected values of the sums of squares, from dense matrices."""
    indicators = [np.eye(int(f.max()) + 1)[f] for f in factors]
    whole = sum(v * z @ z.T for v, z in zip(variances, [*indicators, np.eye(n)], strict=True))
    projections = [z @ np.diag(1 / z.sum(axis=0)) @ z.T for z in indicators]
    mean = np.full((n, n), 1 / n)
    return np.array([np.trace((p - mean) @ whole) for p in [*projections, np.eye(n)]])


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_the_equations_are_those_of_dense_matrices(seed: int) -> None:
    """Data whose sums of squares equal their expected values for some variances give those variances back: the equations
    are linear in the sums of squares, so it is enough that solving them inverts the dense expectation."""
    random = np.random.default_rng(seed)
    n = 24
    case, user = random.integers(0, 6, n), random.integers(0, 3, n)
    factors = [np.unique(f, return_inverse=True)[1].reshape(-1) for f in (case, user)]
    y = random.normal(size=n)
    found = henderson(y, factors)
    if np.isnan(found).any():
        return
    indicators = [np.eye(int(f.max()) + 1)[f] for f in factors]
    projections = [z @ np.diag(1 / z.sum(axis=0)) @ z.T for z in indicators]
    squares = [y @ (p - 1 / n) @ y for p in [*projections, np.eye(n)]]
    assert expected(n, factors, list(found)) == pytest.approx(squares, rel=1e-6, abs=1e-6)


def test_balanced_data_are_the_classical_analysis() -> None:
    random = np.random.default_rng(4)
    y = random.normal(size=(12, 1)) + random.normal(size=(12, 4))
    case = np.repeat(np.arange(12), 4)
    found = henderson(y.reshape(-1), [case])
    within = float(((y - y.mean(axis=1, keepdims=True)) ** 2).sum() / 36)
    table = one_way(list(y))
    assert found[1] == pytest.approx(within)
    assert found[0] == pytest.approx((table.f * within - within) / 4)


def test_what_a_design_cannot_tell_is_not_told() -> None:
    random = np.random.default_rng(0)
    once = components(draw(random, (20, 1, 1, 1), (1, 0, 0, 1, 0)))
    assert [name for name in NAMES if once.parts[name].value is not None] == ["case"]
    values = draw(random, (20, 1, 1, 1), (1, 0, 0, 1, 0))
    assert components(values).parts["case"].value == pytest.approx(values.value.var(ddof=1))
    rejudged = components(draw(random, (20, 1, 1, 3), (1, 0, 0, 1, 0.5)))
    assert [name for name in NAMES if rejudged.parts[name].value is not None] == ["case", "judge"]
    users = components(draw(random, (20, 2, 1, 1), (1, 0.3, 0.5, 0.5, 0)))
    assert [name for name in NAMES if users.parts[name].value is not None] == ["case", "user", "case x user"]
    assert users.parts["user"].low is None
    with pytest.raises(ValueError, match="two cases"):
        components(draw(random, (1, 1, 3, 1), (1, 0, 0, 1, 0)))


def test_equal_words_are_a_second_judgement() -> None:
    """A model at temperature 0 says the same in every repeat: what then varies is the judge."""
    random = np.random.default_rng(1)
    case = np.repeat(np.arange(40), 3)
    value = random.normal(size=40)[case] + random.normal(0, 0.5, 120)
    same = components(Plays(value, case, np.zeros_like(case), np.arange(120), case))
    assert same.parts["judge"].value == pytest.approx(0.25, rel=0.4)
    assert same.parts["repeat"].value == pytest.approx(0, abs=1e-9)
    other = components(Plays(value, case, np.zeros_like(case), np.arange(120), np.arange(120)))
    assert other.parts["judge"].value is None
    assert other.parts["repeat"].value == pytest.approx(same.parts["judge"].value)


def test_estimates_below_zero_are_cut_off_and_kept() -> None:
    case = np.repeat(np.arange(10), 2)
    value = np.tile([0.0, 1.0], 10)
    found = components(Plays(value, case, np.zeros_like(case), np.arange(20), np.arange(20))).parts["case"]
    assert found.value == 0
    assert found.raw is not None
    assert found.raw < 0


def test_influences_have_the_mean_and_the_error_of_a_ratio() -> None:
    random = np.random.default_rng(8)
    n = random.integers(1, 9, 200).astype(float)
    total = random.binomial(n.astype(int), 0.6).astype(float)
    z = influence(total, n)
    assert z.mean() == pytest.approx(total.sum() / n.sum())
    jackknife = [(total.sum() - t) / (n.sum() - k) for t, k in zip(total, n, strict=True)]
    se = np.sqrt(199 / 200 * ((jackknife - np.mean(jackknife)) ** 2).sum())
    assert z.std(ddof=1) / np.sqrt(200) == pytest.approx(se, rel=0.02)


def test_the_variance_of_a_design() -> None:
    found = components(draw(np.random.default_rng(6), (200, 1, 3, 2), (1, 0, 0, 0.7, 0.5)))
    value, low, high = found.combined(weights(3, 2))
    assert value == pytest.approx(1 + 0.49 / 3 + 0.25 / 6, rel=0.3)
    assert low is not None
    assert high is not None
    assert low < value < high
    double = found.combined(weights(3, 2, 0.0))[0]
    assert double == pytest.approx(2 * value)


def test_intervals_hold_the_truth() -> None:
    """Binary plays, cases of differing difficulty, three repeats: 90 % at least of the intervals of a case's variance."""
    random, held = np.random.default_rng(9), 0
    for _ in range(200):
        p = random.beta(1, 1, 40)
        y = (random.random((40, 3)) < p[:, None]).astype(float).reshape(-1)
        case = np.repeat(np.arange(40), 3)
        _, low, high = components(Plays(y, case, np.zeros_like(case), np.arange(120), np.arange(120))).combined(weights(3))
        held += low is not None and high is not None and low <= 1 / 12 + 1 / 18 <= high
    assert held >= 180
