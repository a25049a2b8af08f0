"""answer-matching: the rule matcher, released scores and ratings, matchers and schemes with known outcomes, shortcuts."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn import evaluate
from multiturn.conversation import Conversation, DataError, InputError, Message, Odds, Text
from multiturn.engine.data import DataFolder
from multiturn.judges.items import PointItem
from multiturn.measures.agreement import cohen_kappa, exact_agreement
from multiturn.measures.figure import Figure
from multiturn.measures.raters import fleiss_kappa
from multiturn.models.base import Model, Options, Reply, Tool
from multiturn.systems.judge.answer_matching import AnswerMatching
from multiturn.systems.judge.answer_matching_choices import Choices, shortcut
from multiturn.systems.judge.answer_matching_data import (
    DEEPSEEK,
    GPQA,
    MMLU_PRO,
    MMLU_PRO_PEOPLE,
    NOTEBOOK,
    QWEN,
    answers,
    binary,
    mmlu_pro,
    people,
    ratings,
    score,
)
from multiturn.systems.judge.answer_matching_items import QUESTIONS, matches
from multiturn.systems.judge.answer_matching_published import PUBLISHED
from multiturn.systems.judge.answer_matching_rule import apart, quantity, rule_match, same_text
from multiturn.systems.judge.answer_matching_schemes import SCHEMES, final, letter

Judge = Callable[[Conversation], str]
Found = dict[tuple[str, str | None], Figure]
N = len(QUESTIONS)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Found]:
    def go(model: Any, *settings: str, judge: Judge | str | None = None, **options: Any) -> Found:
        store = tmp_path / f"{random.random()}.db"
        found = evaluate(AnswerMatching(**options), model, settings=settings, judge=judge, store=store)
        return {(f.measure, f.setting): f for f in found.figures if f.group is None}

    return go


@pytest.fixture
def data(data_root: Path) -> DataFolder:
    if not (data_root / "answer-matching" / GPQA[0]).is_file():
        pytest.skip("no released scores of answer matching")
    return DataFolder(data_root, offline=True)


@pytest.fixture
def rated(data: DataFolder, data_root: Path) -> DataFolder:
    for name in (*MMLU_PRO_PEOPLE, *(name for name, _ in NOTEBOOK)):
        if not (data_root / "answer-matching" / name).is_file():
            pytest.skip(f"no released ratings ({name})")
    return data


# -- the rule -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("said", "reference", "expected"),
    [
        ("-0.700", "-0.7", True), ("101", "100", True), ("102", "100", False), ("95-105", "100", False), ("0.7", "-0.7", False),
        ("1,000 m", "1000 m", True), ("1000 km", "1000 m", False), ("1e3", "1000", True), ("2.0 x 10^3 m/s^2", "2000 m/s²", True),
        ("−5", "-5", True), ("0", "0.0", True), ("0", "0.001", False), ("0.5", "0.5%", False), ("12", "1/2", False),
        ("2.53 µH", "2.53 μH", True), ("the Ohm", "The ohm.", True), ("", "", False), ("100", "about 100 or so", False),
        ("4 to 6", "5", False), ("$5", "5", False),
    ],
)  # fmt: skip
def test_the_rule(said: str, reference: str, expected: bool) -> None:
    assert rule_match(said, reference) is expected


def test_how_far_numbers_are_apart() -> None:
    assert apart(101, 100) == pytest.approx(0.00995, abs=5e-6)
    assert apart(102, 100) == pytest.approx(0.0198, abs=5e-5)
    assert (apart(1, -1), apart(0, 0), apart(0, 1)) == (2, 0, 2)


@given(st.text(max_size=250), st.text(max_size=250))
def test_the_rule_reads_anything(said: str, reference: str) -> None:
    quantity(said)
    assert rule_match(said, reference) == rule_match(reference, said)


def test_hostile_numbers_are_read_fast() -> None:
    for text in ("1" * 10_000, "1 " + "^-" * 90, "1," * 99, "1" + "." * 150, "1e" + "9" * 150):
        assert quantity(text) is None
    assert quantity("1e999") is None
    assert quantity("1e99") == (1e99, "")


# -- released scores -------------------------------------------------------------------------------------------------------
def test_gpqa_scores_as_released(data: DataFolder) -> None:
    rows = answers(data, GPQA)
    one, two = ([row.scores[name] for row in rows] for name in (QWEN, DEEPSEEK))
    assert len(rows) == 792
    assert exact_agreement(one, two).value == pytest.approx(0.93056, abs=5e-6)
    assert fleiss_kappa(list(zip(one, two, strict=True))).value == pytest.approx(0.82469, abs=5e-6)  # Scott's pi
    assert cohen_kappa(one, two).value == pytest.approx(0.82477, abs=5e-6)
    expected = {"deepseek/deepseek-chat-v3-0324": 0.2980, "qwen/qwen3-32b": 0.2576, "meta-llama/llama-4-maverick": 0.2879,
                "openai/gpt-4o": 0.2071}  # fmt: skip
    for model, accuracy in expected.items():
        assert np.mean([row.scores[DEEPSEEK] for row in rows if row.model == model]) == pytest.approx(accuracy, abs=5e-5)


def test_mmlu_pro_scores_as_released(data: DataFolder) -> None:
    items = list(mmlu_pro(data))
    assert len(items) == 802
    expected = {"openai/gpt-4o": 0.665, "deepseek/deepseek-chat-v3-0324": 0.620, "meta-llama/llama-4-maverick": 0.680,
                "google/gemma-3-27b-it": 0.6287}  # fmt: skip
    for model, accuracy in expected.items():
        assert np.mean([i.label for i in items if i.author == model]) == pytest.approx(accuracy, abs=5e-5)
    same = [i for i in items if same_text(i.answer, i.reference or "")]
    assert round(len(same) / 802, 3) == 0.228
    assert sum(i.label != 1 for i in same) == 1
    assert all(item.extra["options"][item.extra["right"]] == item.reference for item in items[:50])


def test_ratings_by_people_as_released(rated: DataFolder) -> None:
    items = list(people(rated, MMLU_PRO_PEOPLE))
    assert (len(items), sum(i.label is not None for i in items)) == (802, 698)
    (first, n), (second, m) = NOTEBOOK
    one, other = ratings(rated, first, n), ratings(rated, second, m)
    share = [np.mean([r.match for r in side.values() if r.match is not None]) for side in (one, other)]
    assert [round(float(s), 4) for s in share] == [0.6303, 0.6271]
    by_question = {r.question: r.match for r in other.values()}
    both = [(r.match, by_question.get(r.question)) for r in one.values()]
    found = exact_agreement([a for a, _ in both], [b for _, b in both])
    assert (found.n, round(found.value or 0, 3)) == (323, 0.901)
    assert next(p.value for p in PUBLISHED if p.model == "human") == 0.901


def test_scores_in_every_released_form() -> None:
    assert [score(v) for v in ("0", "1", 0, 1, [0], [1])] == [0, 1, 0, 1, 0, 1]
    for bad in (None, "2", [], [0, 1], "yes", 0.5):
        with pytest.raises(ValueError, match="no score"):
            score(bad)
    assert [binary(r) for r in (1, 2, 3, 4, 5, None)] == [0, 0, None, 1, 1, None]


def test_a_broken_file_names_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "answer-matching"
    folder.mkdir()
    (folder / MMLU_PRO[0]).write_text('{"question_id": 1, "model": "m", "score_x": "7"}\n')
    with pytest.raises(DataError, match=r"line 1: '7' is no score"):
        answers(DataFolder(tmp_path), MMLU_PRO)
    (folder / MMLU_PRO[0]).write_text('{"question_id": [1], "model": "m"}\n')
    with pytest.raises(DataError, match="line 1"):
        list(mmlu_pro(DataFolder(tmp_path)))


# -- matchers --------------------------------------------------------------------------------------------------------------
def test_the_bundled_answers_and_what_the_rule_makes_of_them() -> None:
    items = list(matches())
    assert len(items) == 4 * N
    assert {item.extra["right"] for item in items} == {0, 1, 2, 3}
    for item in items:
        assert item.extra["options"][item.extra["right"]] == item.reference
        assert item.label == 1 or not rule_match(item.answer, item.reference or "")  # it never says yes too often here


def test_a_matcher_that_agrees_with_people(run: Callable[..., Found]) -> None:
    found = run("gold", "plain", "no-reference", "rule")
    assert found["correct", "plain"].value == found["correct", "no-reference"].value == 1
    assert found["Scott's pi", "plain"].value == 1
    assert 0.5 < (found["correct", "rule"].value or 0) < 1
    assert found["correct", "rule"].n_scored == 4 * N
    assert ("unparsable", "rule") not in found  # nobody was asked


def test_what_the_judge_sees(run: Callable[..., Found]) -> None:
    seen: dict[str, list[str]] = {}
    for setting in ("plain", "no-reference"):

        def judge(chat: Conversation, into: list[str] = seen.setdefault(setting, [])) -> str:
            into.append(chat.messages[0].text)
            return '{"answer": "yes"}'

        found = run(judge, setting)
        assert found["correct", setting].value == 0.5
    assert all("<reference-answer>" in text and "1 %" in text for text in seen["plain"])
    assert not any("<reference-answer>" in text for text in seen["no-reference"])


def test_matchers_that_always_say_the_same_or_nothing(run: Callable[..., Found]) -> None:
    always = run(lambda chat: '{"answer": "yes"}', "plain")
    assert always["kappa", "plain"].value == 0
    assert (always["Scott's pi", "plain"].value or 0) < 0
    nothing = run(lambda chat: "yes, or no", "plain")
    assert nothing["correct", "plain"].n_unmeasured == 4 * N
    assert nothing["unparsable", "plain"].value == 1


class Sure(Model):
    """Says yes, with a probability of 0.7 for it."""

    def __init__(self) -> None:
        super().__init__("sure", Options())

    async def reply(self, chat: Conversation, tools: tuple[Tool, ...] = ()) -> Reply:
        odds = Odds(((("yes", float(np.log(0.7))), ("no", float(np.log(0.3)))),))
        return Reply(Message("assistant", (Text("yes"), odds)))


def test_confidence_from_token_probabilities(run: Callable[..., Found]) -> None:
    found = run(Sure(), "plain", odds=True)
    assert found["correct", "plain"].value == 0.5
    assert found["confidence", "plain"].value == pytest.approx(0.7)
    assert found["ECE", "plain"].value is not None


# -- schemes ---------------------------------------------------------------------------------------------------------------
def test_a_model_that_knows_the_answers(run: Callable[..., Found]) -> None:
    found = run("gold", *SCHEMES, judge=lambda chat: '{"answer": "yes"}')
    for setting in SCHEMES:
        assert found["accuracy", setting].value == 1
        assert found["accuracy", setting].n_scored == N
    assert found["accuracy, rule", "free"].value == 1
    assert found["accuracy, no reference", "free"].value == 1
    assert found["accuracy difference", "mcq - free"].value == 0
    alone = run("gold", "free")
    assert alone["accuracy", "free"].n_unmeasured == N
    assert alone["accuracy, rule", "free"].value == 1


def test_a_model_that_always_chooses_the_same(run: Callable[..., Found]) -> None:
    found = run(lambda chat: "Let me see. <answer>B</answer>", "mcq", "choices-only")
    assert found["accuracy", "mcq"].value == found["accuracy", "choices-only"].value == 0.25
    accepts = run(lambda chat: "<answer>yes</answer>", "verify")
    assert accepts["accuracy", "verify"].value == 0  # accepting all is not knowing
    assert accepts["accuracy", "verify"].n_failed == 0
    mute = run(lambda chat: "I would rather not say.", "mcq", "verify")
    assert (mute["accuracy", "mcq"].value, mute["accuracy", "mcq"].n_failed) == (0, N)
    assert mute["accuracy", "verify"].n_failed == N
    silent = run(lambda chat: "", "free", judge=lambda chat: '{"answer": "yes"}')
    assert (silent["accuracy", "free"].value, silent["accuracy", "free"].n_failed) == (0, N)


def test_short_answers_and_letters() -> None:
    assert final("thinking\n<answer> x </answer> <answer>y</answer>") == "y"
    assert final("one\n\n two \n") == "two"
    assert final("") == ""
    cases = {"<answer>B</answer>": 1, "<answer>(c)</answer>": 2, "The answer is D.": 3, "**A**": 0, "A or B": None,
             "answer: A\nanswer is B": 1, "the answer is A, no, the answer is B": None, "<answer>Z</answer>": None}  # fmt: skip
    assert {text: letter(text, 4) for text in cases} == cases


def test_sets_without_options_have_no_schemes(run: Callable[..., Found]) -> None:
    item = next(case for case in AnswerMatching(on="bundled-matches").cases() if isinstance(case, PointItem))
    assert list(AnswerMatching(on="bundled-matches").views(item, "mcq")) == []
    assert list(AnswerMatching(on="bundled-matches").views(item, "plain")) != []
    with pytest.raises(InputError, match="judges point items"):
        list(AnswerMatching(on="bundled").cases())
    assert list(AnswerMatching(on="bundled-points").cases()) == []  # no reference to match


# -- shortcuts ---------------------------------------------------------------------------------------------------------------
def synthetic(n: int, *, longer: bool, seed: int = 0) -> list[Choices]:
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        right = int(rng.integers(4))
        sizes = rng.integers(3, 9, 4) + np.where((np.arange(4) == right) & longer, rng.integers(0, 6), 0)
        made.append(Choices([" ".join(f"w{w}" for w in rng.integers(0, 200, k)) for k in sizes], right))
    return made


def test_longer_right_options_are_a_shortcut() -> None:
    found = shortcut(synthetic(600, longer=True))
    assert found.found
    assert found.chance == 0.25
    assert found.accuracy.n_values == 300
    rng = np.random.default_rng(1)
    shuffled = [Choices(q.options, int(rng.integers(4))) for q in synthetic(600, longer=True)]
    assert not shortcut(shuffled).found
    with pytest.raises(InputError, match="20 questions"):
        shortcut(synthetic(10, longer=True))


def test_mmlu_pro_has_a_shortcut(data: DataFolder) -> None:
    questions = [Choices(i.extra["options"], i.extra["right"]) for i in mmlu_pro(data)]
    found = shortcut(questions)
    assert found.found
    assert found.chance == pytest.approx(0.106, abs=0.002)
    assert found.accuracy.value == pytest.approx(0.217, abs=0.03)  # a fine-tuned model reaches 0.35 on the whole set


def test_an_answer_without_a_reference_is_not_measured() -> None:
    item = PointItem(id="x", turns=(("user", "?"),), answer="4", low=0, high=1)

    class Nobody:
        setting = "multi"

    decision = asyncio.run(AnswerMatching().decide(item, Nobody()))  # type: ignore[arg-type]
    assert (decision.value, decision.cause) == (None, "no reference answer")
