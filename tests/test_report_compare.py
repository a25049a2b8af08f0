"""Comparing two runs: paired on the same questions, with flips each way and what could not be compared."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from multiturn.measures.figure import FRACTION
from multiturn.measures.verdict import Row, Table
from multiturn.report.compare import compare, lines, print_comparison


def _rows(passed: dict[tuple[str, int], float | None], group: str = "", setting: str = "multi") -> list[Row]:
    nan = float("nan")
    return [
        Row(case, case, setting, 0, group, turn, str(turn), "accuracy", nan if v is None else v, 2 if v is None else 0, "")
        for (case, turn), v in passed.items()
    ]


def test_difference_and_flips_on_shared_questions() -> None:
    first = {(f"c{i}", t): 1.0 for i in range(10) for t in (1, 2)}
    second = first | {("c0", 1): 0.0, ("c1", 1): 0.0, ("c2", 2): 0.0}
    first |= {("c3", 1): 0.0, ("gone", 1): 1.0, ("c4", 1): None}
    found = compare(Table.of(_rows(first)), Table.of(_rows(second | {("new", 1): 0.0})), lambda _: FRACTION)
    assert len(found) == 1
    c = found[0]
    assert (c.gained, c.lost, c.questions, c.only_first, c.only_second) == (1, 3, 19, 1, 2)
    assert c.difference.value == pytest.approx(-2 / 19)
    assert c.first is not None
    assert c.second is not None
    assert c.second - c.first == pytest.approx(c.difference.value)
    assert c.difference.n_cases == 10


def test_groups_and_settings_are_compared_apart() -> None:
    even = {(f"e{i}", 1): 1.0 for i in range(6)}
    odd = {(f"o{i}", 1): 1.0 for i in range(6)}
    first = Table.of([*_rows(even, "even"), *_rows(odd, "odd"), *_rows(even, "even", "single")])
    second = Table.of([*_rows(even, "even"), *_rows(dict.fromkeys(odd, 0.0), "odd"), *_rows(odd, "odd", "gold")])
    found = compare(first, second, lambda _: FRACTION)
    assert [(c.setting, c.group, c.lost) for c in found] == [("multi", None, 6), ("multi", "even", 0), ("multi", "odd", 6)]


def test_printed_in_plain_words_within_80_columns() -> None:
    first = {(f"c{i}", t): 1.0 for i in range(12) for t in (1, 2)}
    second = {key: 0.0 if key[1] == 2 else 1.0 for key in first}
    found = compare(Table.of(_rows(first)), Table.of(_rows(second)), lambda _: FRACTION)
    said = next(lines(found, "before", "[red]after"))
    assert said.startswith("accuracy, multi: [red]after against before −50.0 [")
    assert said.endswith("worse (12 cases, 24 questions; 0 gained, 12 lost).")
    out = io.StringIO()
    print_comparison(found, "before", "[red]after\x1b[31m", Console(file=out, width=80))
    text = out.getvalue()
    assert "[red]after" in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_nothing_shared_says_so() -> None:
    found = compare(Table.of(_rows({("a", 1): 1.0})), Table.of(_rows({("a", 1): 1.0}, setting="single")), lambda _: FRACTION)
    out = io.StringIO()
    print_comparison(found, "a", "b", Console(file=out, width=80))
    assert "Nothing to compare" in out.getvalue()
