"""LLM-as-an-Interviewer: the state machine, rewriting, hints, follow-ups and reports on scripted players."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn import evaluate
from multiturn.api import Evaluation
from multiturn.conversation import ContextOverflow, Conversation, DataError, InputError
from multiturn.engine.data import DataFolder
from multiturn.judges.parse import Parsed, Unparsable
from multiturn.protocols.interview import Grade, Limits, forward_filled, interview, new_log
from multiturn.systems.sim.interviewer_ask import UNREADABLE, read_facts, read_grade
from multiturn.systems.sim.interviewer_data import (
    accuracies,
    error_shares,
    facts_of,
    follow_up_accuracy,
    read_depthqa,
    read_sessions,
    sample_math,
)
from multiturn.systems.sim.interviewer_report import Review, column_means, matrix, strengths, weaknesses
from multiturn.systems.sim.llm_as_interviewer import LLMAsInterviewer

Talk = Callable[[Conversation], str]


# -- recorded files -------------------------------------------------------------------------------------------------------
def test_the_recorded_sessions_are_scored(data_root: Path) -> None:
    first, second = (read_sessions(data_root / "llm-as-interviewer" / f"testcase_{n}.csv") for n in (1, 2))
    assert accuracies(first[:1]) == (0, 0, 1)
    assert accuracies(first[1:]) == (1, 1, 1)
    assert accuracies(first) == (0.5, 0.5, 1)
    assert accuracies(second) == (0, 0, 0)
    assert follow_up_accuracy(first, solved=True) == 0
    assert follow_up_accuracy(first, solved=False) is None
    assert follow_up_accuracy([first[0]._replace(follow_ups=(0.5, 1.0)), first[1]], solved=True) == 0.5
    assert error_shares(first) == {"concept": 1}


def test_recorded_cells_are_never_evaluated(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    for cell in ("__import__('os').getcwd()", "[" * 5_000, "{}", "[1"):
        path.write_text(f'state_flow,correctness_followup,error_type\n"{cell}",[],[]\n')
        with pytest.raises(DataError, match="row 1: state_flow is not a list"):
            read_sessions(path)


def test_depthqa(data_root: Path, tmp_path: Path) -> None:
    cases = list(read_depthqa(data_root / "llm-as-interviewer" / "depthqa_samples.jsonl"))
    assert len(cases) == 9
    assert [c.group for c in cases[:3]] == ["factual", "procedural", "strategic"]
    assert all(c.facts and c.question and c.cluster for c in cases)
    mixed = list(LLMAsInterviewer(DataFolder(data_root)).cases())
    assert [c.id for c in mixed if c.kind == "stem"] == [c.id for c in cases]
    (tmp_path / "d.jsonl").write_text('{"1": [{"nodeid": "a"}]}')
    with pytest.raises(DataError, match="line 1"):
        list(read_depthqa(tmp_path / "d.jsonl"))
    with pytest.raises(InputError, match="source of"):
        list(LLMAsInterviewer(source="mine").cases())


# -- scripted players -----------------------------------------------------------------------------------------------------
def asked(chat: Conversation) -> str:
    assert chat.message is not None
    return chat.message.text


def grader(error: str = "concept", follow_up: float = 1) -> Talk:
    """Interviewer and grader in one: an answer with "right" is right; a question with "which" asks for the missing fact."""

    def say(chat: Conversation) -> str:
        text = asked(chat)
        if "answer_correct" in text:
            ok = "right" in text.split("<answer>")[1].split("</answer>")[0]
            grade = {"explanation": "so", "answer_correct": ok, "process_correct": ok, "error_type": "none" if ok else error}
            return json.dumps(grade)
        if '"covered"' in text:
            n = len(re.findall(r"^\d+\. ", text.split("facts of the reference:")[1], re.M))
            ok = "right" in text.split("<answer>")[1].split("</answer>")[0]
            return json.dumps({"covered": list(range(1, n + 1)) if ok else [1], "stated": 2, "correct": 2 if ok else 1})
        if '"asked"' in text:
            return json.dumps({"asked": "which" in chat_end(text), "message": "It is five."})
        if "Sum up how" in text:
            return '{"reason": "fine", "score": 6}'
        if "about a follow-up question" in text:
            return json.dumps({"reason": "", "score": follow_up})
        if "You prepare an interview" in text:
            return json.dumps({"question": "Same thing, other words?", "missing": "the five", "solution": "It is 7."})
        return '{"message": "Think again about the step before."}'

    return say


def chat_end(text: str) -> str:
    return text.split('"interviewee"')[-1]


def right_after(hints: int) -> Talk:
    return lambda chat: "right" if sum(m.role == "user" for m in chat.messages) > hints else "wrong"


def run(
    model: Talk, judge: Talk, tmp_path: Path, *, setting: str = "none", user: Talk | None = None, **params: Any
) -> Evaluation:
    bench = LLMAsInterviewer(source="bundled", **params)
    tmp_path.mkdir(exist_ok=True)
    found: Evaluation = evaluate(bench, model, judge=judge, user=user, settings=[setting], limit=1, store=tmp_path / "s.db")
    return found


def facts(model: Talk, judge: Talk, setting: str = "none", **params: Any) -> dict[str, Any]:
    """The log of one maths interview, played without an engine."""
    import asyncio
    import random

    class Cast:
        def __init__(self) -> None:
            self.facts: dict[str, Any] = {}
            self.random = random.Random(0)
            self.setting, self.stopped, self.repeat = setting, "", 0

        def has(self, role: str) -> bool:
            return role == "judge"

        async def assistant(self, chat: Conversation) -> Conversation:
            return chat.assistant(model(chat))

        async def judge(self, chat: Conversation) -> Conversation:
            return chat.assistant(judge(chat))

    cast = Cast()
    asyncio.run(LLMAsInterviewer(source="bundled", **params).play(next(sample_math()), cast, setting))  # type: ignore[arg-type]
    return cast.facts


def test_wrong_wrong_right_visits_solving_three_times() -> None:
    log = facts(right_after(2), grader())["log"]
    assert log["states"] == [*["QUESTION_SOLVING"] * 3, "SOLVE_SUCCESS", "FOLLOW_UP_QUESTION_SOLVING", "QUESTION_COMPLETE"]
    assert log["stop"] == "success"


@pytest.mark.parametrize(("error", "followed"), [("concept", 1), ("misinterpret", 1), ("calculation", 0), ("none", 0)])
def test_always_wrong_fails_and_only_some_errors_are_followed_up(error: str, followed: int) -> None:
    found = facts(right_after(99), grader(error), attempts=3)
    assert found["log"]["states"].count("QUESTION_SOLVING") == 3
    assert found["log"]["states"].count("FOLLOW_UP_QUESTION_SOLVING") == followed
    assert "SOLVE_FAIL" in found["log"]["states"]
    assert found["stop"] == "failure"
    assert "Attempt 3: 0.00" in found["report"]


def test_follow_ups_are_tried_again_up_to_the_cap() -> None:
    log = facts(right_after(0), grader(follow_up=0.5), follow_ups=2)["log"]
    assert log["follow_ups"] == [0.5, 0.5]
    assert facts(right_after(0), grader(), follow_ups=0)["log"]["follow_ups"] == []


@pytest.mark.parametrize("k", [0, 1, 2, 5])
def test_right_only_after_k_hints(k: int, tmp_path: Path) -> None:
    found = run(right_after(k), grader(), tmp_path)
    for attempt in range(1, 6):
        value = found.figure("score at attempt", "none", "math", turn=attempt).value
        assert value == float(attempt > k)
    assert found.figure("accuracy at 1", "none", "math").value == float(k < 1)
    assert found.figure("accuracy at 2", "none", "math").value == float(k < 2)
    assert found.figure("accuracy at last", "none", "math").value == float(k < 5)
    assert found.figure("review", "none", "math").value == 6
    assert found.figure(f"follow-up after {'success' if k < 5 else 'failure'}", "none", "math").value == 1
    assert found.figure("fact recall at last", "none", "factual").value == (1 if k < 5 else 0.5)
    assert found.figure("fact precision at 1", "none", "factual").value == (1 if k < 1 else 0.5)


def test_unclarifying() -> None:
    def asks(chat: Conversation) -> str:
        return "which number?" if len(chat.turns) == 1 else "right"

    log = facts(asks, grader(), "unclarifying")["log"]
    assert log["states"][:3] == ["CLARIFICATION_NEEDED", "QUESTION_SOLVING", "SOLVE_SUCCESS"]
    assert log["clarified"] is True
    log = facts(lambda chat: "right", grader(), "unclarifying", clarifications=3)["log"]
    assert log["states"].count("CLARIFICATION_NEEDED") == 3
    assert log["clarified"] is False
    assert log["stop"] == "success"


def test_rewriting_hides_the_known_question(tmp_path: Path) -> None:
    seen: list[str] = []

    def memorised(chat: Conversation) -> str:  # knows the data set by heart, and nothing else
        seen.append("\n".join(m.text for m in chat.messages))
        return "right" if any(c.question in seen[-1] for c in sample_math()) else "wrong"

    bench = LLMAsInterviewer(source="bundled", follow_ups=0)
    found = evaluate(bench, memorised, judge=grader(), limit=3, settings=["none", "paraphrasing"], store=tmp_path / "s.db")
    assert found.figure("accuracy at 1", "none", "math").value == 1
    assert found.figure("accuracy at 1", "paraphrasing", "math").value == 0
    assert found.figure("accuracy at 1 difference", "paraphrasing - none", "math").value == -1
    assert found.figure("rewritten", "paraphrasing").value == 1
    # The grader's words and the reference stay hidden.
    assert not any("so" in text.split() or c.reference in text for text in seen for c in sample_math())


CONTRADICTION = "".join(json.dumps({"question": q, "missing": "m", "solution": "s"}) for q in "ab")


@pytest.mark.parametrize("action", ["paraphrasing", "unclarifying", "modifying", "adding"])
@pytest.mark.parametrize("said", ["", "{", '{"question": ""}', "x" * 30_000, CONTRADICTION])
def test_a_rewriting_that_cannot_be_used_leaves_the_question(action: str, said: str) -> None:
    def judge(chat: Conversation) -> str:
        return said if "You prepare an interview" in chat.messages[0].text else grader()(chat)

    found = facts(lambda chat: "right", judge, action)
    if said == CONTRADICTION:
        assert found["faults"] == ["two objects contradict each other"] * 2
    assert found["action"] == "none"
    assert found["question"] == next(sample_math()).question
    assert len(found["faults"]) == 2


def test_a_fact_that_was_not_taken_out_is_refused() -> None:
    def judge(chat: Conversation) -> str:
        both = json.dumps({"question": "How much of 240 litres?", "missing": "240 Litres"})
        return both if "You prepare" in chat.messages[0].text else grader()(chat)

    found = facts(right_after(0), judge, "unclarifying")
    assert found["faults"] == ["the missing fact is still in it"] * 2
    assert found["log"]["clarified"] is None


def test_a_question_that_gives_its_answer_away_is_refused() -> None:
    reference = next(sample_math()).reference

    def judge(chat: Conversation) -> str:
        text = chat.messages[0].text
        leaky = json.dumps({"question": f"Well: {reference}", "message": f"Listen: {reference}"})
        return leaky if '"message"' in text or "You prepare" in text else grader()(chat)

    found = facts(right_after(9), judge, "paraphrasing")
    assert found["faults"] == ["the question contains its own answer"] * 2
    assert (found["stop"], found["log"]["cause"]) == ("format error", UNREADABLE)


@pytest.mark.parametrize("said", ["", "both true and false", '{"answer_correct": true}', "x" * 200_000])
def test_an_unreadable_grader_is_bounded_and_not_a_zero(said: str, tmp_path: Path) -> None:
    calls: list[str] = []

    def judge(chat: Conversation) -> str:
        calls.append(asked(chat))
        return said

    found = run(right_after(0), judge, tmp_path)
    assert found.figure("accuracy at 1", "none", "math").value is None
    assert set(found.result.unmeasured) == {"judge reply not parsable"}
    assert len(calls) == 2 * 4  # one case of each of four groups, one repair each


def test_an_unreadable_interviewer_keeps_what_was_graded(tmp_path: Path) -> None:
    found = run(right_after(1), grader(), tmp_path, user=lambda chat: "I will not say it in JSON.")
    assert found.figure("accuracy at 1", "none", "math").value == 0
    assert found.figure("accuracy at last", "none", "math").value is None
    assert set(found.result.unmeasured) == {UNREADABLE}
    # The follow-up cannot be asked; the main result stands.
    found = run(right_after(0), grader(), tmp_path / "other", user=lambda chat: "No.")
    assert found.figure("accuracy at last", "none", "math").value == 1
    assert found.figure("follow-up after success", "none", "math").value is None


def test_a_model_that_breaks_off_keeps_what_was_graded(tmp_path: Path) -> None:
    def model(chat: Conversation) -> str:
        if len(chat.turns) == 2:
            raise ContextOverflow("full")
        return "wrong"

    found = run(model, grader(), tmp_path)
    assert found.figure("accuracy at 1", "none", "math").value == 0
    assert found.figure("accuracy at 2", "none", "math").value is None
    assert set(found.result.unmeasured) == {"context limit"}


def test_an_empty_answer_is_wrong_without_asking(tmp_path: Path) -> None:
    found = run(lambda chat: "", grader(), tmp_path, attempts=1, follow_ups=0)
    assert found.figure("accuracy at 2", "none", "math").value == 0
    assert found.figure("fact F1 at 2", "none", "factual").value == 0


def test_a_judge_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs a judge"):
        evaluate(LLMAsInterviewer(source="bundled"), lambda chat: "x", limit=1, store=tmp_path / "s.db")


# -- reading and reporting ------------------------------------------------------------------------------------------------
def test_grades() -> None:
    half = read_grade('{"answer correctness": 1, "answer_correct": true, "process_correct": "False", "error_type": "Concept"}')
    assert isinstance(half, Parsed)
    assert (half.value.complete, half.value.error) == (False, "concept")
    assert isinstance(read_grade('{"answer_correct": true, "process_correct": true, "error_type": "typo"}'), Unparsable)
    known = read_facts('{"covered": [1, 2, 2], "stated": 4, "correct": 3}', 4)
    assert isinstance(known, Parsed)
    assert (known.value.recall, known.value.precision) == (0.5, 0.75)
    assert known.value.score == pytest.approx(0.6)
    for bad in ('{"covered": [5], "stated": 1, "correct": 1}', '{"covered": [], "stated": 1, "correct": 2}',
                '{"covered": 1, "stated": 1, "correct": 1}', '{"covered": [1], "stated": -1, "correct": 1}'):  # fmt: skip
        assert isinstance(read_facts(bad, 4), Unparsable)


@given(st.text(max_size=200))
def test_readers_never_raise(text: str) -> None:
    wrapped = json.dumps({"answer_correct": text, "process_correct": text, "error_type": text, "covered": text, "stated": 1})
    for said in (text, wrapped):
        assert isinstance(read_grade(said), Parsed | Unparsable)
        assert isinstance(read_facts(said, 3), Parsed | Unparsable)


def test_the_report_over_questions() -> None:
    rows = matrix({"a": [2, 8], "b": [5], "c": []}, 3)
    assert rows == {"a": [2, 8, 8], "b": [5, 5, 5], "c": [None] * 3}
    assert column_means(rows, 3) == [3.5, 6.5, 6.5]
    assert column_means({"c": [None]}, 1) == [None]
    reviews = [Review(str(i), i, "") for i in range(11)]
    assert [r.score for r in strengths(reviews)] == [7, 8, 9, 10]
    assert [r.score for r in weaknesses(reviews)] == [0, 1, 2, 3]
    assert strengths([]) == weaknesses([]) == []
    assert forward_filled([1], 0) == []
    assert facts_of("A is b. C is d.\nE.") == ("A is b.", "C is d.")


def test_caps_are_mandatory() -> None:
    import asyncio

    async def nobody(chat: Conversation) -> Conversation:
        return chat

    with pytest.raises(InputError, match="at least one attempt"):
        asyncio.run(
            interview(Conversation(), None, nobody, None, new_log(), Limits(attempts=0), lambda s, g: False)  # type: ignore[arg-type]
        )
    assert Grade(complete=True, score=1).error == ""
