"""The log-rank test against published figures, scipy and `survival`; the noise floor against all pairs of repeats."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from multiturn.measures.logrank import followed, log_rank
from multiturn.measures.noise import noise_floor
from multiturn.measures.paired import join
from multiturn.measures.survival import survive
from multiturn.measures.verdict import SCORED, UNMEASURED, Row, Table


def row(case: str, turn: int, value: float | None, repeat: int = 0, cluster: str = "") -> Row:
    status = SCORED if value is not None else UNMEASURED
    number = float("nan") if value is None else value
    return Row(case, cluster or case, "multi", repeat, "", turn, str(turn), "m", number, status, "")


def talk(case: str, end: int, fails: bool, repeat: int = 0) -> list[Row]:
    """A conversation that passes every turn until ``end`` and fails there, or is followed no longer."""
    return [row(case, t, 0.0 if fails and t == end else 1.0, repeat) for t in range(1, end + 1)]


def side(name: str, times: list[tuple[int, bool]]) -> Table:
    return Table.of([r for i, (end, fails) in enumerate(times) for r in talk(f"{name}{i}", end, fails)])


# -- log-rank -------------------------------------------------------------------------------------------------------
MERCAPTOPURINE = [
    *((t, True) for t in (6, 6, 6, 7, 10, 13, 16, 22, 23)),
    *((t, False) for t in (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)),
]
PLACEBO = [(t, True) for t in (1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)]


def test_the_leukaemia_trial_of_freireich_1963():
    """Observed 9 and 21, expected 19.25 and 10.75 (Kalbfleisch & Prentice, table 1.1; log-rank chi-square 16.79)."""
    found = log_rank(side("p", PLACEBO), side("m", MERCAPTOPURINE), 1.0)
    assert found is not None
    assert found.observed == (21, 9)
    assert found.expected == pytest.approx((10.75, 19.25), abs=0.005)
    assert found.z is not None
    assert found.z == pytest.approx(-(16.79**0.5), abs=0.7)  # the robust variance is another one
    assert (found.clusters, found.shared) == (42, 0)
    assert found.p is not None
    assert found.p < 0.001


def test_close_to_scipy_where_subjects_are_independent():
    random = np.random.default_rng(0)
    first = [(int(t), bool(e)) for t, e in zip(random.geometric(0.2, 400).clip(1, 12), random.random(400) < 0.8, strict=True)]
    second = [(int(t), bool(e)) for t, e in zip(random.geometric(0.25, 400).clip(1, 12), random.random(400) < 0.8, strict=True)]

    def data(times: list[tuple[int, bool]]) -> stats.CensoredData:
        return stats.CensoredData(uncensored=[t for t, e in times if e], right=[t for t, e in times if not e])

    found = log_rank(side("a", first), side("b", second), 1.0)
    wanted = stats.logrank(data(first), data(second))
    assert found is not None
    assert found.z == pytest.approx(-wanted.statistic, rel=0.06)  # scipy's sign is that of the first sample


VALUE = st.sampled_from([0.0, 1.0, 1.0, None])
ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1), st.integers(1, 4), VALUE), max_size=40)


def table(found: list[tuple[int, int, int, float | None]]) -> Table:
    return Table.of([row(f"c{c}", t, v, r, f"g{c // 2}") for c, r, t, v in found])


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_follows_the_subjects_of_survival(found):
    here, wanted = followed(table(found), 1.0), survive(table(found), 1.0)
    if wanted is None:
        assert len(here.turn) == 0
        return
    assert here.turn.tolist() == wanted.turn.tolist()
    assert here.at_risk.sum(axis=0).tolist() == wanted.at_risk.tolist()
    assert np.cumprod(1 - here.failing.sum(axis=0) / here.at_risk.sum(axis=0)) == pytest.approx(wanted.value)


@settings(max_examples=60, deadline=None)
@given(ROWS, ROWS)
def test_swapping_sides_changes_the_sign_and_copies_change_nothing(first, second):
    there, back = log_rank(table(first), table(second), 1.0), log_rank(table(second), table(first), 1.0)
    copied = [[*rows, *((c, r + 2, t, v) for c, r, t, v in rows)] for rows in (first, second)]
    twice = log_rank(table(copied[0]), table(copied[1]), 1.0)
    if there is None or back is None or twice is None:
        assert there is back is twice is None
        return
    assert there.observed == back.observed[::-1]
    assert sum(there.observed) == pytest.approx(sum(there.expected))
    if there.z is not None and back.z is not None and twice.z is not None:
        assert there.z == pytest.approx(-back.z, abs=1e-7)
        assert there.z == pytest.approx(twice.z, abs=1e-7)


def test_pairing_takes_the_difficulty_of_cases_out():
    random = np.random.default_rng(2)
    hard = random.random(40) < 0.5
    first = [(2 if h else 9, True) for h in hard]
    second = [(3 if h else 10, True) for h in hard]
    paired = log_rank(side("c", first), side("c", second), 1.0)
    apart = log_rank(side("c", first), side("d", second), 1.0)
    assert paired is not None
    assert apart is not None
    assert paired.shared == 40
    assert apart.z is not None
    assert paired.z is not None
    assert paired.z < 1.2 * apart.z < 0


def test_too_little_to_test():
    assert log_rank(side("a", [(1, True)]), Table.of([]), 1.0) is None
    alone = log_rank(side("a", [(1, True)]), side("a", [(2, True)]), 1.0)
    assert alone is not None
    assert (alone.z, alone.p) == (None, None)
    same = log_rank(side("a", [(1, True), (2, True)]), side("a", [(1, True), (2, True)]), 1.0)
    assert same is not None
    assert (same.z, same.p) == (0.0, 1.0)


# -- noise floor ----------------------------------------------------------------------------------------------------
def repeated(values: np.ndarray) -> Table:
    """Values of shape (cases, turns, repeats)."""
    rows = [row(f"c{c}", t + 1, float(values[c, t, r]), r) for c, t, r in np.ndindex(values.shape)]
    return Table.of(rows)


def test_noise_of_single_runs_is_that_of_all_pairs_of_repeats():
    """Every case's answer taken from one repeat in one run and from another repeat in the other."""
    values = np.random.default_rng(5).random((3, 2, 3))
    t = repeated(values)
    found = noise_floor(t, t, join(t, t))
    squares = []
    for picks in product(permutations(range(3), 2), repeat=3):
        one, two = (np.mean([values[c, :, pick[i]] for c, pick in enumerate(picks)]) for i in (0, 1))
        squares.append((one - two) ** 2)
    assert found is not None
    assert found.sd_single == pytest.approx(np.sqrt(np.mean(squares)))
    assert found.sd == pytest.approx(found.sd_single / np.sqrt(3))
    assert (found.repeats, found.sides) == ((3, 3), "both")


def test_two_identical_runs_stay_within_the_limit():
    random = np.random.default_rng(6)
    inside = []
    for _ in range(400):
        chance = random.beta(2, 2, (25, 1, 1))
        first, again = ((random.random((25, 4, 3)) < chance).astype(float) for _ in "ab")
        t = repeated(first)
        found = noise_floor(t, t, join(t, t))
        assert found is not None
        inside.append(abs(first.mean() - again.mean()) <= found.limit)
    assert 0.92 <= np.mean(inside) <= 0.98


def test_one_side_stands_in_for_the_other_and_none_for_nothing():
    random = np.random.default_rng(7)
    many, once = repeated(random.random((6, 1, 4))), repeated(random.random((6, 1, 1)))
    found = noise_floor(once, many, join(once, many))
    both = noise_floor(many, many, join(many, many))
    assert found is not None
    assert both is not None
    assert (found.sides, found.sd) == ("second", pytest.approx(both.sd))
    assert noise_floor(once, once, join(once, once)) is None


def test_what_never_varies_has_no_noise():
    t = repeated(np.ones((4, 2, 2)))
    found = noise_floor(t, t, join(t, t))
    assert found is not None
    assert (found.sd, found.limit) == (0.0, 0.0)


def test_only_questions_of_both_sides_count():
    random = np.random.default_rng(8)
    t = repeated(random.random((5, 2, 2)))
    less = t.where(turn=1)
    found, wanted = noise_floor(t, less, join(t, less)), noise_floor(less, less, join(less, less))
    assert found is not None
    assert wanted is not None
    assert found.sd == pytest.approx(wanted.sd)
