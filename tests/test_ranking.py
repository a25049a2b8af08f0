"""Ranking measures against trec_eval (pytrec_eval-terrier 0.5.11), and the stated rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn.measures.ranking import by_score, mrr, ndcg_at, recall_at

JUDGED = {"q1": {"a": 1, "b": 1, "c": 1}, "q2": {"a": 2, "d": 1, "e": 0}, "q3": {"z": 1}}
RUN = {
    "q1": {"x": 5.0, "a": 4.0, "y": 4.0, "c": 2.0},
    "q2": {"d": 3.0, "e": 3.0, "a": 3.0, "f": 1.0},
    "q3": {"x": 1.0, "y": 0.5},
}
TREC = {
    "q1": {"rr": 1 / 3, "recall": (0, 1 / 3, 2 / 3), "ndcg": (0, 0.23463936301137822, 0.4367467095119258)},
    "q2": {"rr": 0.5, "recall": (0, 1, 1), "ndcg": (0, 0.6199062332840657, 0.6199062332840657)},
    "q3": {"rr": 0, "recall": (0, 0, 0), "ndcg": (0, 0, 0)},
}


@pytest.mark.parametrize("query", ["q1", "q2", "q3"])
def test_values_equal_those_of_trec_eval(query: str) -> None:
    ranking, judged, expected = by_score(RUN[query]), JUDGED[query], TREC[query]
    assert mrr(ranking, judged) == pytest.approx(expected["rr"])
    assert [recall_at(k, ranking, judged) for k in (1, 3, 5)] == pytest.approx(expected["recall"])
    assert [ndcg_at(k, ranking, judged) for k in (1, 3, 5)] == pytest.approx(expected["ndcg"])


def test_missing_and_tie_rules() -> None:
    assert by_score({"a": 1.0, "b": 1.0, "c": 2.0}) == ["c", "b", "a"]
    assert recall_at(5, [], {"a": 1}) == ndcg_at(5, [], {"a": 1}) == mrr([], {"a": 1}) == 0
    assert recall_at(5, ["a"], {"a": 0}) is ndcg_at(5, ["a"], {}) is mrr(["a"], {}) is None
    assert ndcg_at(2, ["x", "x", "a"], {"a": 1}) == ndcg_at(2, ["x", "a"], {"a": 1})
    assert mrr(["x", "a"], {"a": 1}, k=1) == 0


@given(st.permutations("abcdef"), st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 3), min_size=1), st.integers(1, 8))
def test_bounds_and_the_ideal_ranking(ranking: list[str], judged: dict[str, int], k: int) -> None:
    value = ndcg_at(k, ranking, judged)
    assert value is not None
    assert 0 <= value <= 1 + 1e-12
    ideal = sorted(judged, key=lambda name: -judged[name])
    assert ndcg_at(k, ideal, judged) == pytest.approx(1)
    assert recall_at(len(ranking), ranking, judged) == 1
