"""BM25 against values of bm25s 0.3.16, and query forms."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiturn.conversation import Conversation
from multiturn.retrieval.bm25 import BM25, Variant, search_words
from multiturn.retrieval.queries import LONGEST, Query, last_turn, read_rewrite, rewrite, user_turns

DOCUMENTS = [
    "red fox jumps over lazy dog",
    "lazy dog sleeps",
    "quick red fox hunts quick hare",
    "blue whale swims deep",
    "dog dog dog barks",
]
EXPECTED: list[tuple[Variant, str, list[float]]] = [
    ("lucene", "lazy dog", [0.703866, 0.796979, 0, 0, 0.419666]),
    ("lucene", "quick red quick", [0.435651, 0, 2.278169, 0, 0]),
    ("robertson", "lazy dog", [0.167435, 0.189585, 0, 0, 0]),
    ("robertson", "quick red quick", [0.167435, 0, 1.627596, 0, 0]),
    ("atire", "lazy dog", [1.349307, 1.527805, 0, 0, 0.75569]),
    ("atire", "quick red quick", [0.866333, 0, 4.930617, 0, 0]),
]
"""What bm25s 0.3.16 gives for k1 = 0.9, b = 0.4 on the same tokens."""


@pytest.mark.parametrize(("variant", "query", "expected"), EXPECTED)
def test_scores_equal_those_of_bm25s(variant: Variant, query: str, expected: list[float]) -> None:
    assert BM25(DOCUMENTS, variant=variant).scores(query) == pytest.approx(expected, abs=2e-6)


def test_a_score_by_hand() -> None:
    # N = 2, n = 1, both documents as long as the average: ln(1 + 1.5 / 1.5) * 2 / (2 + 0.9).
    assert BM25(["ant ant", "bee bee"]).scores("ant")[0] == pytest.approx(np.log(2) * 2 / 2.9)


def test_search_orders_by_score_then_position_and_leaves_out_what_shares_no_word() -> None:
    index = BM25(["ant", "bee", "ant", "ant ant"])
    assert [hit.document for hit in index.search("ant")] == [3, 0, 2]
    assert [hit.document for hit in index.search("ant", k=2)] == [3, 0]
    assert index.search("the") == []
    assert index.search("ant", k=0) == []


def test_nothing_to_search_in() -> None:
    assert BM25([]).search("ant") == []
    assert BM25(["", "the of"]).search("ant") == []


def test_words_of_any_script() -> None:
    assert search_words("The Straße, naïve_42 3.5!") == ["strasse", "naïve", "42", "3", "5"]
    assert search_words("東京タワー") == [*"東京タワー"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=8), max_size=20), st.integers(0, 25))
def test_the_k_best_are_the_head_of_the_full_ranking(bags: list[list[str]], k: int) -> None:
    index = BM25([" ".join(f"w{c}" for c in bag) for bag in bags])
    full = index.search("wa wb wc", k=len(bags))
    assert index.search("wa wb wc", k=k) == full[:k]
    assert [hit.score for hit in full] == sorted((hit.score for hit in full), reverse=True)


CHAT = Conversation.start(system="s").user("Who was Ada?").assistant("A mathematician.").user("When was she born?")


def test_query_forms() -> None:
    assert last_turn(CHAT) == "When was she born?"
    assert user_turns(CHAT) == "Who was Ada?\nWhen was she born?"


def test_rewriting_shows_the_conversation_and_survives_any_reply() -> None:
    asked: list[str] = []

    async def model(chat: Conversation) -> Conversation:
        asked.append(chat.turns[-1].user.text)  # type: ignore[union-attr]
        return chat.assistant('"When was Ada born?"\nBecause …')

    assert asyncio.run(rewrite(model, CHAT)) == Query("When was Ada born?")
    assert "A mathematician." in asked[0]
    assert read_rewrite("\n --- \n", "q") == Query("q", rewritten=False)
    assert read_rewrite("", "q") == Query("q", rewritten=False)
    assert len(read_rewrite("x" * 10**6, "q").text) == LONGEST
