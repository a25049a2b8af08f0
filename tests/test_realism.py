"""Features of user turns, the difference between two samples of them, and the classifier two-sample test."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import energy_distance

from multiturn.conversation import Conversation
from multiturn.measures.realism import FEATURES, compare, length_distance, profile, two_sample, user_turns
from multiturn.measures.realism_style import (
    SIGNS,
    content_words,
    first_turn_completeness,
    first_turn_share,
    moving_variety,
    signs,
    tokens,
)
from multiturn.measures.two_sample import FEWEST

FILES = (
    "math_tutoring_annotations_redacted_for_benchmarking.json",
    "document_creation_annotations_for_benchmarking_trimmed.json",
)


def people(random: np.random.Generator, n: int, *, careful: bool = False) -> list[list[str]]:
    """Conversations of invented users: hasty, or careful."""
    words = ["cat", "dog", "tree", "house", "river", "stone", "bread", "water", "light", "night"]
    out = []
    for _ in range(n):
        turns = []
        for _ in range(int(random.integers(2, 6))):
            text = " ".join(random.choice(words, int(random.integers(2, 9))))
            turns.append(f"{text.capitalize()}, please." if careful else text)
        out.append(turns)
    return out


def real(data_root: Path) -> tuple[list[list[str]], list[list[str]]]:
    rows = [json.loads((data_root / "simulator-arena" / name).read_text(encoding="utf-8")) for name in FILES]
    math, documents = ([[q for q in row["user_queries"] if isinstance(q, str)] for row in found] for found in rows)
    return math, documents


# -- one message --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("how do i start?", {"lower-case start", "end punctuation", "careless typing", "question"}),
        ("Please write an email.", {"end punctuation", "please"}),
        ("Hi, I don't get it", {"greeting", "contraction"}),
        ("WHY NOT", {"all caps", "question"}),
        ("No, I meant the second one", {"correction"}),
        ("thx 😀", {"lower-case start", "careless typing", "emoji", "thanks"}),
        ("Thanks so much :)", {"thanks", "emoji"}),
        ("12", set()),
        ("", set()),
        ("x^2y-xy^2 = xy(x - y)", {"lower-case start"}),
        ("Susan's son is James", set()),
        ("What’s that’s", {"contraction", "question"}),
    ],
)
def test_signs(text: str, there: set[str]) -> None:
    assert {name for name, value in zip(SIGNS, signs(text, first=False), strict=True) if value} == there


def test_an_opening_corrects_nothing() -> None:
    at = SIGNS.index("correction")
    assert not signs("No, I meant the second one", first=True)[at]


@given(st.text(max_size=300), st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_text_has_signs(text: str, first: bool) -> None:
    assert len(signs(text, first=first)) == len(SIGNS)


@pytest.mark.parametrize(
    "text", ["a" * 2_000_000, "i " * 500_000, ", " * 500_000, "'" * 1_000_000, "aa" * 500_000 + "!", ":-" * 500_000]
)
def test_hostile_text_costs_little(text: str) -> None:
    start = time.perf_counter()
    profile([[text, text]])
    assert time.perf_counter() - start < 0.5


def test_variety_by_hand() -> None:
    assert moving_variety(["a", "b", "c", "d"], window=4) == 1.0
    assert moving_variety(["a", "b", "a", "b"], window=2) == 1.0
    assert moving_variety(["a", "a", "a"], window=2) == 0.5
    assert moving_variety(["a", "b", "b"], window=2) == pytest.approx((2 + 1) / 2 / 2)
    assert moving_variety(["a"], window=2) is None


@given(st.lists(st.sampled_from("abcde"), min_size=4, max_size=40))
def test_variety_is_the_mean_over_windows(words: list[str]) -> None:
    brute = [len(set(words[i : i + 4])) / 4 for i in range(len(words) - 3)]
    assert moving_variety(words, window=4) == pytest.approx(sum(brute) / len(brute))


def test_first_turn() -> None:
    assert first_turn_share(["Write a poem about rivers", "about rivers"]) == 1.0
    assert first_turn_share(["Write a poem", "about rivers", "with stones"]) == pytest.approx(2 / 4)
    assert first_turn_share(["only one"]) is None
    assert first_turn_completeness("a poem about rivers", "poem rivers stones boats") == 0.5
    assert first_turn_completeness("anything", "the a of") is None
    assert content_words("I would like the RIVER, please") == {"river"}
    assert tokens("Don’t stop") == ["don't", "stop"]


# -- a sample -----------------------------------------------------------------------------------------------------------
def test_profile_by_hand() -> None:
    sample = [["Write me a poem", "Write me a letter", "ok"], ["Write me a song"], []]
    found = profile(sample)
    assert list(found) == list(FEATURES)
    assert found["messages"].value == 2.0
    assert found["words"].value == pytest.approx(13 / 4)
    assert found["repeated opening"].value == pytest.approx(1 / 2)  # "write me a" again, "ok" not
    assert found["shared opening"].value == 1.0
    assert found["lower-case start"].value == pytest.approx(1 / 4)
    assert found["words"].n_clusters == 2
    assert found["lexical variety"].value is None
    assert found["distinct-2"].value is None


def test_an_empty_sample_says_nothing() -> None:
    assert all(e.value is None for e in profile([]).values())
    assert all(row.difference is None for row in compare([], [["Hello"]]))


def test_distinct_pairs_do_not_grow_with_the_sample() -> None:
    small, large = (profile(people(np.random.default_rng(1), n))["distinct-2"].value for n in (60, 600))
    assert small is not None
    assert large is not None
    assert abs(small - large) < 0.03
    pairs = [f"w{i} v{i}" for i in range(400)]
    assert profile([[p] for p in pairs])["distinct-2"].value == pytest.approx(1.0)
    assert profile([["same words"]] * 400)["distinct-2"].value == pytest.approx(1 / 200)


def test_compare_finds_what_was_put_in() -> None:
    random = np.random.default_rng(2)
    rows = {row.feature: row for row in compare(people(random, 40, careful=True), people(random, 40))}
    assert rows["please"].difference == 1.0
    assert rows["lower-case start"].difference == -1.0
    assert rows["end punctuation"].difference == 1.0
    for row in rows.values():
        if row.difference is not None and row.low is not None and row.high is not None:
            assert row.low <= row.difference <= row.high
    words = rows["words"]
    assert words.difference is not None
    assert words.low is not None
    assert words.high is not None
    assert words.low < 1.0 < words.high  # "please" is one word more


def test_intervals_of_differences_cover() -> None:
    random = np.random.default_rng(3)
    inside = total = 0
    for _ in range(60):
        for row in compare(people(random, 30), people(random, 20)):
            if row.feature in ("words", "messages", "first-turn share") and row.low is not None and row.high is not None:
                total += 1
                inside += row.low <= 0 <= row.high
    assert inside / total > 0.9


def test_user_turns() -> None:
    chat = Conversation.start(system="s").user("a").assistant("b").user("c")
    assert user_turns(chat) == ["a", "c"]


# -- lengths ------------------------------------------------------------------------------------------------------------
@given(st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=4), min_size=1, max_size=5),
       st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=4), min_size=1, max_size=5))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_distances_are_those_of_the_distributions(a: list[list[int]], b: list[list[int]]) -> None:
    one, two = ([["w " * n for n in row] for row in side] for side in (a, b))
    found = length_distance(one, two, np.random.default_rng(0), rounds=0)
    x, y = ([n for row in side for n in row] for side in (a, b))
    shares = ((np.mean(np.array(x) <= t), np.mean(np.array(y) <= t)) for t in {*x, *y})
    assert found.ks == pytest.approx(max(abs(one - two) for one, two in shares))
    assert found.energy == pytest.approx(energy_distance(x, y), abs=1e-9)


def test_length_distance_and_its_p() -> None:
    random = np.random.default_rng(4)
    same = length_distance(people(random, 30), people(random, 30), random)
    other = length_distance([["w " * 40] * 3] * 10, people(random, 10), random)
    assert same.p is not None
    assert same.p > 0.05
    assert other.ks == 1.0
    assert other.p is not None
    assert other.p < 0.01
    assert length_distance([], people(random, 3), random).ks is None


# -- can they be told apart? --------------------------------------------------------------------------------------------
def test_two_samples_of_one_kind_cannot_be_told_apart() -> None:
    random = np.random.default_rng(5)
    p = [two_sample(people(random, 12), people(random, 10), random, 39).p or 0.0 for _ in range(25)]
    assert sum(value <= 0.05 for value in p) <= 4
    assert 0.3 < sum(p) / len(p) < 0.75


def test_two_kinds_are_told_apart_by_style_alone() -> None:
    random = np.random.default_rng(6)
    found = two_sample(people(random, 20, careful=True), people(random, 12), random, 99, trigrams=False)
    assert found.accuracy == 1.0
    assert found.auc == 1.0
    assert found.p == 0.01
    assert found.chance == 0.5
    assert found.low is not None
    assert found.low < 1.0
    assert found.conversations == 32


def test_chance_level_holds_for_unequal_sizes() -> None:
    random = np.random.default_rng(7)
    found = [two_sample(people(random, 60), people(random, 6), random, 0).accuracy or 0.0 for _ in range(20)]
    assert abs(float(np.mean(found)) - 0.5) < 0.06


def test_too_few_conversations() -> None:
    found = two_sample([["a"]] * (FEWEST - 1), [["b"]] * 20, np.random.default_rng(0))
    assert found.accuracy is None
    assert found.cause
    assert found.p is None


def test_a_large_or_odd_sample_is_bounded() -> None:
    random = np.random.default_rng(8)
    start = time.perf_counter()
    found = two_sample([["x" * 100_000] * 2_000] * 5, [["y"]] * 3_000, random, 20)
    assert found.n <= 3_000
    assert found.accuracy == 1.0
    same = two_sample([["a"]] * 8, [["a"]] * 8, random, 19)
    assert same.accuracy == pytest.approx(0.5)
    assert time.perf_counter() - start < 10


def test_real_users_of_two_tasks(data_root: Path) -> None:
    """Students of mathematics write shorter messages than people who want a document; halves of one group do not differ."""
    math, documents = real(data_root)
    random = np.random.default_rng(0)
    rows = {row.feature: row for row in compare(math, documents)}
    assert rows["words"].simulated == pytest.approx(10.87, abs=0.01)
    assert rows["words"].human == pytest.approx(25.17, abs=0.01)
    assert rows["messages"].simulated == pytest.approx(11.26)  # 11.28 with the one message that is a picture
    assert rows["words"].p is not None
    assert rows["words"].p < 1e-4
    apart = two_sample(math, documents, random, 50)
    assert apart.accuracy is not None
    assert apart.accuracy > 0.75
    assert apart.p == pytest.approx(1 / 51)
    same = two_sample(documents[::2], documents[1::2], random, 50)
    assert same.p is not None
    assert same.p > 0.05
