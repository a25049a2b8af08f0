"""Text measures against rouge_score 0.1.2, closed forms and slow definitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn.measures.textmetrics import (
    edit_distance,
    exact_match,
    lcs_length,
    normalized,
    rouge_l,
    substring_match,
    token_f1,
    token_recall,
    words,
)


def test_normalization() -> None:
    assert normalized(" The  U.S.A. -- an 'apple'! ") == "usa apple"


def test_exact_and_substring() -> None:
    assert substring_match("The answer is Paris.", ["Paris"]) == 1
    assert exact_match("The answer is Paris.", ["Paris"]) == 0
    assert exact_match("the Paris!", ["Rome", "Paris"]) == 1
    assert exact_match("label: 43", ["43"]) == 0
    assert substring_match("anything", ["", "the"]) == 0
    assert exact_match("", []) == 0
    assert exact_match("(a).", ["A"]) == 1
    assert exact_match("", ["A"]) == exact_match("the", ["A"]) == 0


def test_f1_and_recall() -> None:
    assert token_f1("the red red fox", ["red fox"]) == pytest.approx(2 * 2 / 5)
    assert token_f1("yes it is", ["yes"]) == token_f1("no", ["no way"]) == 0
    assert token_f1("Yes.", ["yes"]) == 1
    assert token_recall("a red fox ran", ["red red fox"]) == pytest.approx(2 / 3)
    assert token_recall("x", [""]) == 0


def test_rouge_l_equals_rouge_score() -> None:
    assert rouge_l("The cat sat on the mat, quietly.", "A cat quietly sat on a mat").f1 == pytest.approx(4 / 7)
    found = rouge_l("Don't stop: 3.5% of it", "do not stop 3 5 of it")
    assert found == pytest.approx((5 / 7, 5 / 7, 5 / 7))
    assert rouge_l("", "x") == (0, 0, 0)


letters = st.text("abc", max_size=12)


@given(letters, letters)
def test_bit_parallel_forms_equal_their_definitions(a: str, b: str) -> None:
    lcs = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    edits = [[i + j if not i * j else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            lcs[i][j] = lcs[i - 1][j - 1] + 1 if x == y else max(lcs[i - 1][j], lcs[i][j - 1])
            edits[i][j] = min(edits[i - 1][j] + 1, edits[i][j - 1] + 1, edits[i - 1][j - 1] + (x != y))
    assert lcs_length(a, b) == lcs[-1][-1]
    assert edit_distance(a, b) == edits[-1][-1]


def test_words_keep_every_script() -> None:
    assert words("Ünder_score 12,5 日本") == ["ünder", "score", "12", "5", "日", "本"]
