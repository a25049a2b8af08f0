"""multi-elo: planted flaws, the round robin, ratings by two methods, the published checks, judges with known tastes."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from multiturn import evaluate
from multiturn.conversation import Conversation, DataError, InputError
from multiturn.measures.figure import Figure
from multiturn.measures.ratings import battles, bradley_terry, elo
from multiturn.systems.judge.multi_elo import MultiElo
from multiturn.systems.judge.multi_elo_answers import (
    CORRECT,
    INTERMEDIATE,
    MAJOR,
    MINOR,
    SHORT,
    VARIANTS,
    Answer,
    bundled,
    learner,
    pairs,
    round_robin,
)  # fmt: skip
from multiturn.systems.judge.multi_elo_figures import CHECKS, elo_rated, elo_shuffled, planted_order
from multiturn.systems.judge.multi_elo_published import JUDGES, RATED
from multiturn.systems.judge.multi_elo_questions import DIMENSIONS, MERS

Judge = Callable[[Conversation], str]
Found = dict[tuple[str, str | None, str | None], Figure]
KNOWN = {answer.text: answer for answer in bundled()}


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Found]:
    def go(
        model: Judge | str, *settings: str, judge: Judge | str | None = None, limit: int | None = None, **options: Any
    ) -> Found:
        store = tmp_path / f"{random.random()}.db"
        found = evaluate(MultiElo(**options), model, settings=settings, judge=judge, limit=limit, store=store)
        return {(f.measure, f.setting, f.group): f for f in found.figures}

    return go


def says(verdict: str) -> Judge:
    return lambda chat: json.dumps({"reason": "-", "verdict": verdict})


def prefers(worth: Callable[[Answer, str], float]) -> Judge:
    """A judge that knows the answers, and what each is worth when a dimension is asked for ("" = all at once)."""

    def judge(chat: Conversation) -> str:
        text = chat.messages[0].text
        one, two = (KNOWN[text.split(f"<answer-{n}>\n")[1].split(f"\n</answer-{n}>")[0]] for n in "AB")
        asked = next((d for d in DIMENSIONS if f"What counts: {d}:" in text), "")
        gap = worth(one, asked) - worth(two, asked)
        return json.dumps({"verdict": "A" if gap > 0 else "B" if gap < 0 else "tie"})

    return judge


# -- the published table ------------------------------------------------------------------------------------------------
def test_the_published_derived_figures_recompute() -> None:
    expected = {
        "error sensitivity": (66, 270, 621, 341), "length effect on Correct": (121, 133, 386, 268),
        "grammar sensitivity": (76, 54, 711, 416),
    }  # fmt: skip
    for name, values in expected.items():
        for judge, value in zip(range(len(JUDGES)), values, strict=True):
            assert CHECKS[name][0]({variant: row[judge] for variant, row in RATED.items()}) == value
    over = [CHECKS["grammar over facts"][0]({v: row[j] for v, row in RATED.items()}) or 0 for j in range(4)]
    assert [x > 0 for x in over] == [True, False, True, True]  # the experts alone punish facts harder than grammar
    assert len(MultiElo.published) == 28


def test_a_check_without_its_variants_has_no_value() -> None:
    assert all(compute({CORRECT: 1000.0}) is None for compute, _ in CHECKS.values())
    assert planted_order({CORRECT: 1000.0, INTERMEDIATE: 900.0}) is None
    assert planted_order({CORRECT: 1000.0, MAJOR: 900.0, MINOR: 950.0}) == 1
    assert planted_order({CORRECT: 900.0, MAJOR: 1000.0}) == -1


# -- answers and games --------------------------------------------------------------------------------------------------
def test_twelve_answers_a_question_hold_what_is_said_of_them() -> None:
    answers = list(bundled())
    assert len(answers) == 72
    assert len(KNOWN) == 72
    for answer in answers:
        assert all(p.span in answer.text for p in answer.planted if p.type != "language")
        assert len(answer.text.split()) in (range(85, 140) if answer.length_class == "long" else range(45, 75))
    by_name = {a.name: a for a in answers if a.question_id == "0"}
    assert [by_name[v].severity for v in VARIANTS] == [0, 1, 3, 9, 0, 0]
    assert [by_name[v + SHORT].severity for v in VARIANTS] == [0, 1, 3, 9, 0, 0]
    slips = [by_name[v].slips for v in VARIANTS]
    assert slips[:4] == [0, 0, 0, 0]
    assert 0 < slips[4] < slips[5] / 2


@given(st.text(max_size=300), st.integers(1, 5))
def test_errors_of_language_never_grow_and_are_counted(text: str, every: int) -> None:
    made = learner(text, every)
    candidates = len(re.findall(r"(?<![A-Za-z])(?:a|an|the|is|are|was|were|has|have|does)(?![A-Za-z])", text, re.I))
    assert len(made.spans) == candidates // every
    assert candidates >= every or made.text == text


def test_the_round_robin_is_complete() -> None:
    items = list(pairs())
    assert len(items) == 66 * 6
    met = Counter(frozenset(item.authors) for item in items)
    names = [v + s for v in VARIANTS for s in ("", SHORT)]
    assert met == {frozenset(pair): 6 for pair in combinations(names, 2)}
    assert sum(item.label is None for item in items) == 6 * (15 + 3)  # six variants without errors of fact, and long with short
    assert len({item.id for item in items}) == len(items)
    firsts = Counter(item.authors[0] for item in items)
    assert max(firsts.values()) - min(firsts.values()) < 30  # whoever is listed first is not always the same


# -- judges with known tastes -------------------------------------------------------------------------------------------
def test_a_judge_that_counts_errors_gets_the_planted_order(run: Callable[..., Found]) -> None:
    calls: Counter[str] = Counter()
    judge = prefers(lambda answer, asked: -answer.severity)

    def counted(chat: Conversation) -> str:
        calls["all"] += 1
        return judge(chat)

    found = run(counted, "plain", MERS)
    assert calls["all"] == 66 * 6 * 2 * (1 + 3)
    for setting, dimension in (("plain", "overall"), (MERS, "accuracy")):
        assert found[f"planted order, {dimension}", setting, None].value == 1
        assert found[f"Elo, {dimension}", setting, CORRECT].n_scored == 11 * 6 * 2
        assert (found[f"grammar over facts, {dimension}", setting, None].value or 0) < 0
        assert found["correct", setting, None].value == 1
    assert found["order effect, overall", "plain", None].value == 0
    assert found["gain in planted order", "mers - plain", None].value == 0
    assert "no finite rating" in found["rating, overall", "plain", MAJOR].note


def test_ratings_of_variants_are_printed(tmp_path: Path) -> None:
    found = evaluate(MultiElo(), "gold", settings=("plain",), limit=66, store=tmp_path / "s.db")
    ratings = [f for f in found.figures if f.measure == "Elo, overall"]
    assert len(ratings) == 12
    assert {f.kind for f in ratings} == {"mean"}  # other kinds are printed without their groups


def test_a_judge_of_length_ranks_all_long_answers_above_all_short_ones(run: Callable[..., Found]) -> None:
    found = run(prefers(lambda answer, asked: answer.length_class == "long"), "plain")
    rated = {name: f.value or 0 for (m, _, name), f in found.items() if m == "Elo, overall" and name is not None}
    assert len(rated) == 12
    assert min(v for n, v in rated.items() if SHORT not in n) > max(v for n, v in rated.items() if SHORT in n)
    length = found["length preference, overall", "plain", None]
    assert (length.low or 0) > 100
    assert (found["length over facts, overall", "plain", None].low or 0) > 0


def test_a_judge_of_style_is_caught_and_asking_for_one_dimension_mends_it(run: Callable[..., Found]) -> None:
    def worth(answer: Answer, asked: str) -> float:
        facts, style = -answer.severity / 9, -answer.slips / 40
        return {"accuracy": facts, "language": style, "helpfulness": len(answer.text) / 1000}.get(
            asked, 0.2 * facts + 0.8 * style
        )

    found = run(prefers(worth), "plain", MERS)
    single, accuracy = found["grammar over facts, overall", "plain", None], found["grammar over facts, accuracy", MERS, None]
    assert (single.low or 0) > 0
    assert (accuracy.high or 0) < 0
    assert (found["gain in planted order", "mers - plain", None].value or 0) > 0.3
    assert (found["correct difference", "mers - plain", None].low or 0) > 0


def test_favourite_places_ties_and_replies_that_cannot_be_read(run: Callable[..., Found]) -> None:
    first = run(says("A"), "plain", limit=20)
    assert first["order effect, overall", "plain", None].value == 0.5
    assert first["shown first", "plain", None].value == 1
    undecided = run(says("tie"), "plain", limit=20)
    assert undecided["tie", "plain", None].value == 1
    assert ("order effect, overall", "plain", None) not in undecided
    nothing = run(lambda chat: "[[A]] or rather [[B]]", "plain", limit=5)
    assert nothing["unparsable", "plain", None].value == 1
    assert nothing["correct", "plain", None].n_unmeasured > 0
    assert not any(measure.startswith("Elo") for measure, *_ in nothing)


def test_two_judges_of_the_same_games(run: Callable[..., Found]) -> None:
    alike = run("gold", "plain", judge=prefers(lambda answer, asked: -answer.severity), limit=66)
    assert alike["agreement of judges, overall", "plain", None].value == 1
    apart = run("gold", "plain", judge=says("A"), limit=66)
    assert apart["agreement of judges, overall", "plain", None].value == pytest.approx(0, abs=1e-9)
    assert alike["Elo, overall", "plain", CORRECT].value == apart["Elo, overall", "plain", CORRECT].value
    assert ("agreement of judges, overall", "plain", None) not in run("gold", "plain", limit=5)


def test_gold_knows_each_dimension(run: Callable[..., Found]) -> None:
    found = run("gold", "plain", MERS)
    assert found["correct", MERS, None].value == 1
    assert (found["grammar sensitivity, language", MERS, None].low or 0) > 300
    assert (found["length preference, helpfulness", MERS, None].low or 0) > 300
    assert found["unparsable", MERS, None].value == 0


# -- ratings ------------------------------------------------------------------------------------------------------------
def test_elo_in_one_order_is_elo() -> None:
    class Straight:
        def random(self, shape: tuple[int, int]) -> np.ndarray:
            return np.tile(np.arange(shape[1]), (shape[0], 1)).astype(float)

    data = battles([("a", "b", 1.0), ("b", "c", 0.5), ("a", "c", 0.0), ("a", "b", 1.0)])
    assert elo_shuffled(data, Straight(), 2, k=20.0) == pytest.approx(np.tile(elo(data, k=20.0), (2, 1)))  # type: ignore[arg-type]


def test_bradley_terry_and_averaged_elo_agree() -> None:
    taus, far = [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        strength = rng.normal(0, 150, 12)
        strength -= strength.mean()
        one, two = (np.tile(side, 80) for side in np.triu_indices(12, 1))
        won = rng.random(len(one)) < 1 / (1 + 10 ** ((strength[two] - strength[one]) / 400))
        assert len(won) == 5280
        data = battles(
            [(str(a), str(b), float(w)) for a, b, w in zip(one, two, won, strict=True)], players=[str(i) for i in range(12)]
        )
        rating = bradley_terry(data).rating
        error = rating - 1000 - strength
        assert np.sqrt((error**2).mean()) < 30
        far.append(float(np.abs(error).max()))
        taus.append(kendalltau(rating, elo_shuffled(data, rng, 20).mean(axis=0))[0])
    assert np.mean(taus) >= 0.95
    assert sum(x < 40 for x in far) >= 9  # 198 of 200 seeds; one player in 2,400 lies 52 points off


def test_few_questions_have_no_interval() -> None:
    rows = [("a", "b", 1.0), ("b", "a", 0.0), ("a", "b", 0.5)]
    found = elo_rated(battles(rows, ["x", "y", "z"]))
    assert found.rating[0] > 1000 > found.rating[1]
    assert found.interval(lambda r: r["a"]) == (None, None)
    assert elo_rated(battles(rows, ["x", "y", "z"])).rating == pytest.approx(found.rating)  # the same seed, the same value


# -- answers of one's own -----------------------------------------------------------------------------------------------
def test_a_file_of_answers(run: Callable[..., Found], tmp_path: Path) -> None:
    rows = [
        {"question_id": q, "question": "?", "variant": v, "length_class": "long", "text": f"{q} {v}",
         "planted": [{"span": "x", "type": "major"}] * (v == MAJOR)}
        for q in "abcdef" for v in (CORRECT, MAJOR, "My own")
    ]  # fmt: skip
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    found = run("gold", "plain", answers=str(path))
    assert found["correct", "plain", None].n_scored == 12
    assert {g for m, _, g in found if m == "Elo, overall"} == {CORRECT, MAJOR, "My own"}
    assert (found["error sensitivity, overall", "plain", None].value or 0) > 0
    path.write_text(json.dumps(rows[0]) + "\n" + json.dumps(rows[0]))
    with pytest.raises(DataError, match="line 2: a second `Correct`"):
        list(MultiElo(answers=str(path)).cases())
    path.write_text('{"question_id": 3}')
    with pytest.raises(DataError, match="line 1"):
        list(MultiElo(answers=str(path)).cases())
    assert not list(round_robin([]))


def test_options_that_make_no_sense() -> None:
    with pytest.raises(InputError, match="points, not 0"):
        MultiElo(k=0.0)
    with pytest.raises(InputError, match="either"):
        MultiElo(on="llmbar", answers="a.jsonl")


def test_other_pairs_are_judged_by_dimension_without_ratings(run: Callable[..., Found]) -> None:
    found = run(says("A"), "plain", MERS, on="bundled", limit=6)
    assert found["correct", "plain", None].value == 0.5
    assert found["order effect, accuracy", MERS, None].value == 0.5
    assert not any(m.startswith("Elo") for m, *_ in found)
