"""Confidence sequences: they hold at every length, near the ends of a scale too, and are short for the width asked for."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiturn.measures.codes import Floats
from multiturn.measures.figure import Scale
from multiturn.measures.sequential import CAP, Sequence, sequence, stakes

RUNS, LENGTH = 1500, 400
Random = np.random.Generator


def binary(p: float) -> Callable[[Random], Floats]:
    return lambda random: (random.random((RUNS, LENGTH)) < p).astype(float)


def turns(a: float, b: float) -> Callable[[Random], Floats]:
    """Cases of eight turns that differ in difficulty: their means."""
    return lambda random: random.binomial(8, random.beta(a, b, (RUNS, LENGTH))) / 8


WORLDS: dict[str, tuple[Callable[[Random], Floats], float]] = {
    "half": (binary(0.5), 0.5),
    "0.9": (binary(0.9), 0.9),
    "0.99": (binary(0.99), 0.99),
    "0.02": (binary(0.02), 0.02),
    "clustered 0.9": (turns(2.7, 0.3), 0.9),
    "clustered 0.99": (turns(0.99, 0.01), 0.99),
    "continuous 0.99": (lambda random: random.beta(0.99, 0.01, (RUNS, LENGTH)), 0.99),
}


@pytest.mark.parametrize("width", [0.02, 0.1])
@pytest.mark.parametrize("name", WORLDS)
def test_the_truth_is_inside_at_every_length_at_once(name: str, width: float) -> None:
    draw, truth = WORLDS[name]
    x = draw(np.random.default_rng(7))
    stake, goal = stakes(x, width), math.log(2 / 0.05)
    more = np.cumsum(np.log1p(np.minimum(stake, CAP / truth) * (x - truth)), axis=1).max(axis=1)
    less = np.cumsum(np.log1p(-np.minimum(stake, CAP / (1 - truth)) * (x - truth)), axis=1).max(axis=1)
    held = np.mean((more < goal) & (less < goal))
    assert held >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / RUNS) / 2


def test_stopping_at_the_wanted_width_keeps_the_level_and_the_textbook_interval_does_not() -> None:
    """Looks at 20, 30, … cases of a share of 0.95; stop at +-0.05."""
    random, inside, naive, stopped = np.random.default_rng(3), 0, 0, 0
    for _ in range(200):
        x = (random.random(400) < 0.95).astype(float)
        for n in range(20, 401, 10):
            s = sequence(x[:n], 0.05)
            if s.half_width <= 0.05:
                stopped += 1
                break
        assert s.low is not None
        assert s.high is not None
        inside += s.low <= 0.95 <= s.high
        for n in range(20, 401, 10):
            mean, half = x[:n].mean(), 1.96 * x[:n].std() / math.sqrt(n)
            if half <= 0.05:
                break
        naive += abs(mean - 0.95) <= half
    assert stopped == 200
    assert inside >= 190
    assert naive <= 150


def test_ends_are_those_of_a_grid() -> None:
    x = (np.random.default_rng(1).random(150) < 0.8).astype(float)
    s = sequence(x, 0.05)
    stake, goal = stakes(x, 0.05), math.log(40)
    kept = []
    for m in np.linspace(0.0005, 0.9995, 1000):
        more = np.cumsum(np.log1p(np.minimum(stake, CAP / m) * (x - m))).max()
        less = np.cumsum(np.log1p(-np.minimum(stake, CAP / (1 - m)) * (x - m))).max()
        if max(more, less) < goal:
            kept.append(m)
    assert s.low == pytest.approx(kept[0], abs=0.0011)
    assert s.high == pytest.approx(kept[-1], abs=0.0011)


def test_it_takes_less_than_twice_the_cases_of_a_known_variance() -> None:
    random, needed = np.random.default_rng(5), []
    for _ in range(20):
        x = (random.random(1200) < 0.5).astype(float)
        needed.append(next(n for n in range(300, 1201, 20) if sequence(x[:n], 0.05).half_width <= 0.05))
    assert np.mean(needed) < 1.7 * 1.96**2 * 0.25 / 0.05**2


def test_the_mean_over_verdicts_of_cases_of_unlike_size() -> None:
    """Easy cases are long: the mean over verdicts is 0.74, that over cases 0.6. At every length of 300, of 800 runs."""
    random, runs, length = np.random.default_rng(2), 800, 300
    hard = random.random((runs, length)) < 0.5
    n = np.where(hard, 1, random.integers(2, 5, (runs, length)))
    y = random.binomial(n, np.where(hard, 0.3, 0.9))
    truth = (0.5 * 0.3 + 0.5 * 3 * 0.9) / (0.5 + 1.5)
    held = np.mean([s.low <= truth <= s.high for s in map(_over_verdicts, y, n) if s.low is not None and s.high is not None])
    assert held >= 0.95
    one = _over_verdicts(y[0], n[0])
    assert one.mean == pytest.approx(y[0].sum() / n[0].sum())
    assert one.half_width < 0.07
    with pytest.raises(ValueError, match="more verdicts"):
        sequence(np.array([1.0]), 0.05, sizes=np.array([5.0]), most=4.0)


def _over_verdicts(y: Floats, n: Floats) -> Sequence:
    return sequence(y / n, 0.05, sizes=n.astype(float), most=4.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(0.01, 0.3))
@settings(max_examples=60, deadline=None)
def test_more_cases_never_widen_it_and_scales_and_sides_do_not_matter(values: list[float], width: float) -> None:
    x = np.array(values)
    s, fewer = sequence(x, width), sequence(x[:-1], width)
    assert s.mean is not None
    assert s.low is not None
    assert s.high is not None
    assert 0 <= s.low <= s.mean <= s.high <= 1
    if fewer.low is not None and fewer.high is not None:  # but to hold the mean itself
        assert s.low >= min(fewer.low, s.mean) - 1e-9
        assert s.high <= max(fewer.high, s.mean) + 1e-9
    points = sequence(1 + 9 * x, 9 * width, Scale(1, 10, "points"))
    assert points.low == pytest.approx(1 + 9 * s.low, abs=1e-6)
    mirrored = sequence(1 - x, width)
    assert mirrored.high == pytest.approx(1 - s.low, abs=1e-6)


def test_what_cannot_be_watched() -> None:
    assert sequence(np.array([]), 0.1) == (None, None, None, 0)
    assert sequence(np.array([]), 0.1).half_width == math.inf
    with pytest.raises(ValueError, match="off the scale"):
        sequence(np.array([0.5, 3.0]), 0.1)
    with pytest.raises(ValueError, match="two ends"):
        sequence(np.array([1.0]), 0.1, Scale(high=math.inf))
