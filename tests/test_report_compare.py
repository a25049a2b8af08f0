"""Comparing two sides: paired on the same questions, with flips each way, tests, and what it says in words."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pytest
from rich.console import Console

from multiturn.measures.figure import FRACTION, Scale
from multiturn.measures.verdict import Row, Table
from multiturn.report.compare import Comparison, adjust, as_row, by_turn, compare
from multiturn.report.compare_judges import concord, concord_lines
from multiturn.report.compare_print import print_comparison, print_turns
from multiturn.report.compare_survival import curves, print_survival
from multiturn.report.conclusions import conclusion, noise_lines, p_value

Passed = dict[tuple[str, int], float | None]


def _rows(passed: Passed, group: str = "", setting: str = "multi", repeat: int = 0, measure: str = "accuracy") -> list[Row]:
    nan = float("nan")
    return [
        Row(case, case, setting, repeat, group, turn, str(turn), measure, nan if v is None else v, 2 if v is None else 0, "")
        for (case, turn), v in passed.items()
    ]


def _compare(first: Sequence[Row], second: Sequence[Row], scale: Scale = FRACTION) -> list[Comparison]:
    return compare(Table.of(first), Table.of(second), lambda _: scale)


def _all(cases: int, turns: int, value: float = 1.0) -> Passed:
    return {(f"c{i}", t): value for i in range(cases) for t in range(1, turns + 1)}


def test_difference_and_flips_on_shared_questions() -> None:
    first = _all(10, 2)
    second = first | {("c0", 1): 0.0, ("c1", 1): 0.0, ("c2", 2): 0.0}
    first |= {("c3", 1): 0.0, ("gone", 1): 1.0, ("c4", 1): None}
    (c,) = _compare(_rows(first), _rows(second | {("new", 1): 0.0}))
    assert (c.gained, c.lost, c.questions, c.only_first, c.only_second) == (1, 3, 19, 1, 2)
    assert c.difference.value == pytest.approx(-2 / 19)
    assert c.first is not None
    assert c.second is not None
    assert c.second - c.first == pytest.approx(c.difference.value)
    assert c.difference.n_cases == 10


def test_groups_and_settings_are_compared_apart() -> None:
    even: Passed = {(f"e{i}", 1): 1.0 for i in range(6)}
    odd: Passed = {(f"o{i}", 1): 1.0 for i in range(6)}
    first = [*_rows(even, "even"), *_rows(odd, "odd"), *_rows(even, "even", "single")]
    second = [*_rows(even, "even"), *_rows(dict.fromkeys(odd, 0.0), "odd"), *_rows(odd, "odd", "gold")]
    found = _compare(first, second)
    assert [(c.setting, c.group, c.lost) for c in found] == [("multi", None, 6), ("multi", "even", 0), ("multi", "odd", 6)]
    assert [c.family for c in found] == [1, 2, 2]  # groups are adjusted among themselves
    assert found[2].holm == pytest.approx(2 * 2 / 2**6)


def test_one_yes_or_no_a_case_is_mcnemar_and_more_are_not() -> None:
    first, second = _all(12, 1, 0.0), _all(12, 1, 0.0) | {(f"c{i}", 1): 1.0 for i in range(7)}
    (c,) = _compare(_rows(first), _rows(second))
    assert (c.test.test, c.test.note) == ("exact McNemar", "7 up, 0 down")
    assert c.test.p == pytest.approx(2 / 2**7)
    (several,) = _compare(_rows(_all(12, 2)), _rows(_all(12, 2, 0.0)))
    assert several.test.test == "permutation and t"
    assert "of several questions: not McNemar" in several.test.note
    (points,) = _compare(_rows(_all(12, 1, 4.0)), _rows(_all(12, 1, 7.0)), Scale(1, 10, "points", 8))
    assert points.test.test == "permutation and t"
    assert points.test.p == pytest.approx(2 / 2**12)


def test_means_that_round_apart_are_equal() -> None:
    thirds = [*_rows(_all(8, 1, 0.1)), *_rows(_all(8, 1, 0.2), repeat=1), *_rows(_all(8, 1, 0.3), repeat=2)]
    backwards = [*_rows(_all(8, 1, 0.3)), *_rows(_all(8, 1, 0.2), repeat=1), *_rows(_all(8, 1, 0.1), repeat=2)]
    (c,) = _compare(thirds, backwards)
    assert c.equal
    assert c.test.p == 1


def test_adjusting_is_over_everything_given() -> None:
    one = _compare(_rows(_all(9, 1)), _rows(_all(9, 1, 0.0)))
    both = adjust([*one, *one])
    assert [c.family for c in both] == [2, 2]
    assert both[0].holm == pytest.approx(2 * (both[0].test.p or 0.0))
    assert both[0].bh == pytest.approx(both[0].test.p)


# -- words ----------------------------------------------------------------------------------------------------------
def test_conclusions_in_one_sentence() -> None:
    first, second = _all(12, 2), _all(12, 2) | {(f"c{i}", 2): 0.0 for i in range(10)}
    (c,) = _compare(_rows(first), _rows(second))
    said = conclusion(c, "before", "[red]after")
    assert said.startswith("accuracy, multi: [red]after is worse than before by 41.7 points [")
    assert said.endswith("]; p = .002 (12 cases, 24 questions).")
    better = conclusion(_compare(_rows(second), _rows(first))[0], "A", "B")
    assert "B is better than A by 41.7 points [" in better
    assert "−" not in better
    said = conclusion(_compare(_rows(second), _rows(first))[0], "strict", "mild", judges=True)
    assert "mild gives 41.7 points more than strict [" in said
    (weak, *_) = adjust(_compare(_rows(_all(7, 1)), _rows(_all(7, 1, 0.0))) * 6)
    said = conclusion(weak, "A", "B")
    assert "B looks worse than A by 100.0 points" in said
    assert "but p = .016 is .094 after Holm over 6 comparisons: this could be chance" in said


def test_what_was_measured_on_one_side_only_is_said_by_name() -> None:
    (c,) = _compare(_rows(_all(12, 2)), _rows(_all(11, 2, 0.0)))
    assert conclusion(c, "old", "new").endswith(" Not compared: 2 questions measured on old only.")
    (c,) = _compare(_rows(_all(12, 2)), [*_rows(_all(11, 2, 0.0)), *_rows({("new", 1): 1.0})])
    assert conclusion(c, "old", "new").endswith("2 questions measured on old only, 1 question measured on new only.")


def test_what_would_have_been_found_is_said() -> None:
    random = np.random.default_rng(0)
    sides = [_rows({(f"c{i}", t): float(random.random() < 0.5) for i in range(40) for t in (1, 2)}) for _ in "ab"]
    (c,) = _compare(*sides)
    assert c.detectable is not None
    said = conclusion(c, "A", "B")
    assert "no difference can be seen" in said
    assert f"one of {100 * c.detectable:.1f} points or more would have been found 4 times in 5" in said
    (few,) = _compare(_rows(_all(4, 1)), _rows(_all(4, 1) | {("c0", 1): 0.0}))
    assert "too few cases to see any difference" in conclusion(few, "A", "B")
    (same,) = _compare(_rows(_all(10, 1)), _rows(_all(10, 1)))
    assert "equal on every question; the true difference may lie anywhere in [−34, 34]" in conclusion(same, "A", "B")
    (count,) = _compare(_rows(_all(10, 1, 3.0)), _rows(_all(10, 1, 5.0)), Scale(0, float("inf"), "steps", passing=0))
    assert "B is higher than A by 2.0 steps" in conclusion(count, "A", "B")


def test_what_cannot_fail_has_no_flips_and_no_survival() -> None:
    words = Scale(0, 100, "words", passing=0)
    rows = [_rows({(f"c{i}", t): float(i + t + more) for i in range(9) for t in (1, 2)}) for more in (0, 5)]
    (c,) = _compare(*rows, words)
    console = Console(file=io.StringIO(), width=80, record=True)
    print_comparison([c], "A", "B", console)
    text = " ".join(console.export_text().split())
    assert "] – – 9" in text
    assert "B is higher than A by 5.0 words [−34, 40]; p = .004, but the interval holds 0" in text
    assert curves(*(Table.of(r) for r in rows), lambda measure: words) == []
    assert curves(*(Table.of(r) for r in rows), lambda measure: Scale(0, 100, "words", passing=50)) != []


def test_the_noise_floor_or_how_to_get_it() -> None:
    once = _compare(_rows(_all(8, 1)), _rows(_all(8, 1, 0.0)))
    assert "--repeats 2" in next(noise_lines(once))
    random = np.random.default_rng(1)
    rows = [r for k in range(3) for r in _rows({(f"c{i}", 1): float(random.random() < 0.5) for i in range(20)}, repeat=k)]
    said = next(noise_lines(_compare(rows, rows)))
    assert "two identical runs of 3 repeats would differ by up to " in said
    assert said.endswith("this difference is no larger.")
    steady = _compare([*_rows(_all(8, 1)), *_rows(_all(8, 1), repeat=1)], _rows(_all(8, 1, 0.0)))
    assert "no repeat differed" in next(noise_lines(steady))


PRINTED = [(None, "–"), (0.0004, "<.001"), (0.008, ".008"), (0.0951, ".10"), (0.41, ".41"), (1.0, "1.00")]


@pytest.mark.parametrize(("p", "text"), PRINTED)
def test_p_values_as_printed(p: float | None, text: str) -> None:
    assert p_value(p) == text


# -- printed --------------------------------------------------------------------------------------------------------
def _printed(show: object) -> str:
    out = io.StringIO()
    assert callable(show)
    show(Console(file=out, width=80))
    return out.getvalue()


def test_printed_within_80_columns_and_harmless() -> None:
    first = _all(12, 2)
    second = {key: 0.0 if key[1] == 2 else 1.0 for key in first}
    found = _compare(_rows(first), _rows(second))
    text = _printed(lambda console: print_comparison(found, "before", "[red]after\x1b[31m", console))
    assert "[red]after" in text
    assert "\x1b" not in text
    assert "permutation and t" in text
    assert max(map(len, text.splitlines())) <= 80


def test_nothing_shared_says_so() -> None:
    found = _compare(_rows({("a", 1): 1.0}), _rows({("a", 1): 1.0}, setting="single"))
    assert "Nothing to compare" in _printed(lambda console: print_comparison(found, "a", "b", console))


def test_differences_turn_by_turn() -> None:
    first = _all(12, 3)
    second = {key: 0.0 if key[1] == 3 else 1.0 for key in first}
    tables = Table.of(_rows(first)), Table.of(_rows(second))
    found = by_turn(*tables, lambda _: FRACTION)
    assert [(c.turn, c.difference.value, c.family) for c in found] == [(1, 0.0, 3), (2, 0.0, 3), (3, -1.0, 3)]
    assert [c.found for c in found] == [False, False, True]
    text = _printed(lambda console: print_turns(found, "A", "B", console))
    assert "the sides differ at turn 3 (Holm over 3 turns)" in text
    assert max(map(len, text.splitlines())) <= 80
    alone = tables[0].where(turn=1)
    assert by_turn(alone, alone, lambda _: FRACTION) == []
    assert "No measure is scored at several turns" in _printed(lambda console: print_turns([], "A", "B", console))


def test_survival_side_by_side() -> None:
    first = {(f"c{i}", t): float(t < 2) for i in range(12) for t in (1, 2, 3)}
    second = {(f"c{i}", t): float(t < 3) for i in range(12) for t in (1, 2, 3)}
    tables = Table.of(_rows(first)), Table.of(_rows(second | {("new", 1): 1.0, ("new", 2): 0.0}))
    (found,) = curves(*tables, lambda _: FRACTION)
    assert found.left_out == 1
    assert (found.test.observed, found.test.shared) == ((12, 12), 12)
    text = _printed(lambda console: print_survival([found], "A", "B", console))
    assert "B fails later, log-rank p <" in " ".join(text.split())
    assert "no failure up to turn 2" in text
    assert max(map(len, text.splitlines())) <= 80
    single = tables[0].where(turn=1)
    assert curves(single, single, lambda _: FRACTION) == []


# -- judges ---------------------------------------------------------------------------------------------------------
def test_two_judges_agree_verdict_by_verdict() -> None:
    random = np.random.default_rng(2)
    first: Passed = {(f"c{i}", t): float(random.random() < 0.5) for i in range(20) for t in (1, 2)}
    second: Passed = {key: v if random.random() < 0.9 else 1 - (v or 0.0) for key, v in first.items()}
    (c,) = concord(Table.of(_rows(first)), Table.of(_rows(second | {("c0", 1): None})))
    same = [first[key] == second[key] for key in first if key != ("c0", 1)]
    assert c.exact.value == pytest.approx(np.mean(same))
    assert (c.exact.n, c.only_first, c.only_second) == (39, 1, 0)
    assert c.kappa is not None
    assert c.kappa.value is not None
    assert c.kappa.value == pytest.approx(2 * np.mean(same) - 1, abs=0.05)  # half of them are right by chance
    assert c.rank is None
    assert "the judges agree on " in next(concord_lines([c], "A", "B"))


def test_points_are_compared_by_rank_and_a_constant_judge_is_called_out() -> None:
    random = np.random.default_rng(3)
    first: Passed = {(f"c{i}", 1): float(random.integers(1, 11)) for i in range(30)}
    (c,) = concord(Table.of(_rows(first)), Table.of(_rows({k: min(10.0, (v or 0) + 1) for k, v in first.items()})))
    assert c.rank is not None
    assert c.rank.value is not None
    assert c.rank.value > 0.98
    (always,) = concord(Table.of(_rows(first)), Table.of(_rows(dict.fromkeys(first, 8.0))))
    assert "[b]j always gives 8: it tells nothing apart" in next(concord_lines([always], "A", "[b]j"))
    (chance,) = concord(Table.of(_rows(first)), Table.of(_rows({k: float(random.integers(1, 11)) for k in first})))
    assert "no better than chance" in next(concord_lines([chance], "A", "B"))


def test_a_row_of_json() -> None:
    (c,) = _compare(_rows(_all(12, 1, 0.0)), _rows(_all(12, 1)))
    row = as_row(c)
    assert {k: row[k] for k in ("measure", "p", "p_holm", "p_bh", "test", "family", "noise")} == {
        "measure": "accuracy", "p": pytest.approx(2 / 2**12), "p_holm": pytest.approx(2 / 2**12),
        "p_bh": pytest.approx(2 / 2**12), "test": "exact McNemar", "family": 1, "noise": None,
    }  # fmt: skip
