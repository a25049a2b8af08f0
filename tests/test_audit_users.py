"""What changes with the user's model: means, paired differences, and the share of the variance that is the simulator's."""

from __future__ import annotations

import numpy as np
import pytest

from multiturn.measures.figure import FRACTION, Scale
from multiturn.measures.verdict import Row, Table
from multiturn.report.audit_users import Side, shifts
from multiturn.report.audit_words import shift_lines

OPEN = Scale(0.0, float("inf"), "points", passing=0.0)


def side(user: str, values: list[list[float]], setting: str = "sharded") -> Side:
    """``values[case][repeat]``."""
    rows = [Row(f"c{c}", f"c{c}", setting, r, "", 0, "", "score", v, 0, "")
            for c, plays in enumerate(values) for r, v in enumerate(plays)]  # fmt: skip
    return Side(user, f"run-{user}", Table.of(rows))


def test_two_users_on_the_same_cases() -> None:
    a, b = [[0.2], [0.4], [0.9], [0.5]], [[0.3], [0.5], [1.0], [0.6]]
    (found,) = shifts("bench", "model", [side("kind", a), side("terse", b)], lambda _: FRACTION)
    assert [user.value for user in found.users] == [pytest.approx(0.5), pytest.approx(0.6)]
    (moved,) = found.moved
    assert (moved.first, moved.second, moved.cases) == ("kind", "terse", 4)
    assert moved.value == pytest.approx(0.1)
    text = " ".join(shift_lines(found))
    assert "score (sharded) is 10.0 points higher with terse as the user than with kind" in text
    assert "--repeats 2" in text


def test_shares_of_a_balanced_layout_are_the_classical_ones() -> None:
    random = np.random.default_rng(3)
    cases, users, repeats = 40, 3, 2
    y = (random.normal(0, 2, (cases, 1, 1)) + np.array([0.0, 1.0, 3.0])[None, :, None] + random.normal(0, 1, (cases, users, 1))
         + random.normal(0, 0.5, (cases, users, repeats)) + 20)  # fmt: skip
    sides = [side(f"u{u}", y[:, u].tolist()) for u in range(users)]
    (found,) = shifts("bench", "model", sides, lambda _: OPEN)
    cell, grand = y.mean(axis=2), y.mean()
    row, column = cell.mean(axis=1), cell.mean(axis=0)
    ms_user = cases * repeats * ((column - grand) ** 2).sum() / (users - 1)
    ms_case = users * repeats * ((row - grand) ** 2).sum() / (cases - 1)
    ms_both = repeats * ((cell - row[:, None] - column[None] + grand) ** 2).sum() / ((cases - 1) * (users - 1))
    ms_rest = ((y - cell[:, :, None]) ** 2).sum() / (cases * users * (repeats - 1))
    wanted = {
        "case": (ms_case - ms_both) / (users * repeats), "user": (ms_user - ms_both) / (cases * repeats),
        "case x user": (ms_both - ms_rest) / repeats, "repeat": ms_rest,
    }  # fmt: skip
    total = sum(wanted.values())
    assert found.repeated
    for name, value in wanted.items():
        assert found.shares[name] == pytest.approx(value / total, rel=1e-6), name
    assert found.simulator == pytest.approx((wanted["user"] + wanted["case x user"]) / total, rel=1e-6)
    assert "is the simulator's (which model plays the user" in " ".join(shift_lines(found))


def test_what_is_not_shared_is_left_out() -> None:
    a, b = side("x", [[0.0], [1.0]]), side("y", [[0.0], [1.0]], "full")
    assert list(shifts("bench", "model", [a, b], lambda _: FRACTION)) == []
    (found,) = shifts("bench", "model", [side("x", [[1.0]]), side("y", [[0.0]])], lambda _: FRACTION)
    assert found.simulator is None
    assert "cannot be said" in " ".join(shift_lines(found))


def test_users_that_agree() -> None:
    (found,) = shifts("bench", "model", [side("x", [[0.0], [1.0], [1.0]]), side("y", [[0.0], [1.0], [1.0]])], lambda _: FRACTION)
    assert found.moved[0].value == 0
    assert found.simulator == pytest.approx(0.0)
    assert "is the same with y as with x" in " ".join(shift_lines(found))
