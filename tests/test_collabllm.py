"""CollabLLM: conversations, rewards at every branching point, preference pairs, released rows, and the toy of its claim."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiturn import evaluate
from multiturn.conversation import Conversation, DataError, InputError, UnknownName
from multiturn.engine.data import DataFolder
from multiturn.engine.store import Store
from multiturn.judges.bleu import sentence_bleu
from multiturn.learning.pairs import best_and_worst
from multiturn.systems.train.collabllm import CollabLLM, branches, preferences
from multiturn.systems.train.collabllm_data import SAMPLE, read_rows, released_best, released_pairs
from multiturn.systems.train.collabllm_score import MARK, RuleUser, released_bleu, tokens, user_json

MATH = SAMPLE[0]


def asking(chat: Conversation) -> str:
    """Asks until the third turn, then solves the first task."""
    return "What else do I need to know?" if len(chat.turns) < 3 else "You will have 78 euros left."


def rambling(chat: Conversation) -> str:
    return "Let me think about it at great length. " * 5 + f"It is 7{len(chat.turns)}."


def judge(chat: Conversation) -> str:
    text = chat.messages[0].text
    if "Copy out the document" in text:
        return json.dumps({"document": "Dear neighbours, on Saturday I am painting my flat."})
    return json.dumps({"thought": "it asks", "interactivity": 0.75})


def facts_of(store: Path) -> list[dict[str, Any]]:
    with Store(store) as opened:
        found = opened.rows("SELECT facts FROM episodes e JOIN run_episodes r ON e.id = r.episode ORDER BY r.n")
        return [json.loads(row[0]) for row in found]


# -- conversations ----------------------------------------------------------------------------------------------------
def test_a_conversation_is_scored_on_three_counts(tmp_path: Path) -> None:
    found = evaluate(CollabLLM(), asking, judge=judge, settings=("base", "proactive"), limit=2, store=tmp_path / "s.db")
    views = {(view.case, view.setting): view for view in found.conversations()}
    view = views["math-1", "base"]
    values = {v.measure: v.value for v in view.verdicts}
    assert values == {"task": 1.0, "tokens": tokens(view.chat) / 1000, "interactivity": 0.75}
    # Asked, the user tells two details at once: the conversation is over after three turns.
    assert [turn.user.text for turn in view.chat.turns if turn.user] == [
        MATH.opening, " ".join(MATH.details[:2]), MATH.details[2],
    ]  # fmt: skip
    assert views["math-1", "proactive"].chat.system_text
    document = {v.measure: v.value for v in views["document-1", "base"].verdicts}
    assert document["task"] == pytest.approx(
        sentence_bleu("Dear neighbours, on Saturday I am painting my flat.", [SAMPLE[1].target]) / 100
    )
    assert {f["stop"] for f in facts_of(tmp_path / "s.db")} == {"user ended"}


def test_without_a_judge_interactivity_is_not_measured(tmp_path: Path) -> None:
    found = evaluate(CollabLLM(), rambling, settings=("base",), limit=1, store=tmp_path / "s.db")
    verdicts = {v.measure: v for v in found.conversations()[0].verdicts}
    assert (verdicts["interactivity"].value, verdicts["interactivity"].cause) == (None, "needs --judge")
    assert verdicts["task"].value == 0.0


@pytest.mark.parametrize("said", ["", "{", '{"response": ""}', "Assistant: hello", "x" * 9_000])
def test_a_user_who_cannot_be_used_ends_it(said: str, tmp_path: Path) -> None:
    found = evaluate(CollabLLM(), asking, user=lambda chat: said, limit=1, store=tmp_path / "s.db")
    for view in found.conversations():
        assert {v.value for v in view.verdicts} == {None}
        assert {v.cause for v in view.verdicts} == {"user: format error"}


def test_a_user_who_never_stops_is_stopped(tmp_path: Path) -> None:
    def user(chat: Conversation) -> str:
        return json.dumps({"current_answer": "", "thought": "hm", "response": f"more {len(chat)}"})

    found = evaluate(CollabLLM(turns=3, window=1), asking, user=user, limit=1, store=tmp_path / "s.db")
    assert {len(view.chat.turns) for view in found.conversations()} == {3}
    assert {f["stop"] for f in facts_of(tmp_path / "s.db")} == {"turn limit"}
    assert not any("current_answer" in m.text for view in found.conversations() for m in view.chat.messages)


def test_what_a_user_says_is_read_from_its_json() -> None:
    assert user_json('{"current_answer": "", "thought": "", "response": "hi"}', "") == "hi"
    assert user_json("just this", "") == "just this"
    assert not isinstance(user_json('{"response": 1', ""), str)
    assert MARK == "[[TERMINATE CHAT]]"


# -- rewards at branching points --------------------------------------------------------------------------------------
def test_every_branching_point_has_its_rewards(tmp_path: Path) -> None:
    def mixed(chat: Conversation) -> str:
        return asking(chat) if chat.system_text else rambling(chat)

    found = evaluate(CollabLLM(candidates=2), mixed, settings=("mr",), limit=1, store=tmp_path / "s.db", judge=judge)
    view, facts = found.conversations()[0], facts_of(tmp_path / "s.db")[0]
    assert facts["terms"] == ["interactivity", "length", "task"]
    for point in facts["points"]:
        plain, proactive = point["candidates"]
        assert (plain["proactive"], proactive["proactive"]) == (False, True)
        assert proactive["score"] > plain["score"]  # a question is shorter than a lecture, and nobody solves it here
        assert point["chosen"] == 1
        for candidate in point["candidates"]:
            values = [sum(f["values"].values()) for f in candidate["futures"]]
            assert candidate["score"] == pytest.approx(sum(values) / 3)
            assert len(candidate["futures"]) == 3
    assert [turn.reply for turn in view.chat.turns] == [p["candidates"][1]["reply"] for p in facts["points"]]
    shown = {v.turn: v.value for v in view.verdicts if v.measure == "mr"}
    assert shown == {p["turn"]: p["candidates"][1]["score"] for p in facts["points"]}
    pairs = preferences(view.chat, facts)
    assert len(pairs) == len(facts["points"])
    for pair, turn in zip(pairs, view.chat.turns, strict=True):
        assert pair.chosen == turn.chat
        assert pair.prompt == turn.chat.parent
        assert pair.rejected.reply.startswith("Let me think")
    assert preferences(view.chat, facts, gap=3.0) == []
    assert [len(point) for point in branches(view.chat, facts)] == [2] * len(pairs)


def test_equal_futures_have_the_exact_reward(tmp_path: Path) -> None:
    evaluate(CollabLLM(candidates=1, samples=3, window=2), asking, settings=("mr",), limit=1, store=tmp_path / "s.db")
    facts = facts_of(tmp_path / "s.db")[0]
    assert facts["terms"] == ["length", "task"]  # no judge, no interactivity
    first = facts["points"][0]["candidates"][0]
    # Two questions of 8 pieces and an answer of 7: right, after all is told within the window.
    said = tokens(Conversation().assistant(asking(Conversation())).assistant("x")) - 1
    assert said == 8
    assert first["score"] == pytest.approx(1 - 0.0005 * (2 * 8 + 7))
    assert {f["stop"] for f in first["futures"]} == {"turn limit"}


def test_no_window_is_the_myopic_reward(tmp_path: Path) -> None:
    evaluate(CollabLLM(window=0), asking, settings=("mr",), limit=1, store=tmp_path / "s.db")
    for point in facts_of(tmp_path / "s.db")[0]["points"]:
        assert {f["messages"] for c in point["candidates"] for f in c["futures"]} == {2 * point["turn"]}
        assert {len(c["futures"]) for c in point["candidates"]} == {1}


def test_a_run_resumes_into_the_same_run(tmp_path: Path) -> None:
    asked = []

    def counting(chat: Conversation) -> str:
        asked.append(chat)
        return asking(chat)

    first = evaluate(CollabLLM(), counting, settings=("mr",), limit=1, store=tmp_path / "s.db")
    made = len(asked)
    again = evaluate(CollabLLM(), counting, settings=("mr",), limit=1, store=tmp_path / "s.db")
    assert len(asked) == made
    assert [v.chat.id for v in first.conversations()] == [v.chat.id for v in again.conversations()]


# -- measures and data ------------------------------------------------------------------------------------------------
def test_both_kinds_of_bleu() -> None:
    said, reference = "the cat sat on the red mat", "the cat lay on the red mat"
    characters, words = released_bleu(said, reference), sentence_bleu(said, [reference]) / 100
    assert characters == pytest.approx((24 / 26 * 21 / 25 * 19 / 24 * 17 / 23) ** 0.25)
    assert words == pytest.approx((6 / 7 * 4 / 6 * 2 / 5 * 1 / 4) ** 0.25)
    assert characters != words
    assert released_bleu(said, said) == pytest.approx(1.0)
    assert released_bleu("abc", "abcd") == 0.0  # no 4-gram: without smoothing nothing is left
    assert released_bleu("", "x") == 0.0


def test_the_sample_can_be_solved() -> None:
    for case in SAMPLE:
        assert len(case.details) == 3
        assert all(detail in case.goal for detail in case.details)
        user = RuleUser(case, 5)
        assert user.opening == case.opening


def test_gold_asks_and_then_solves(tmp_path: Path) -> None:
    found = evaluate(CollabLLM(), "gold", settings=("base", "mr"), store=tmp_path / "s.db")
    for setting in ("base", "mr"):
        assert found.figure("task", setting=setting).value == pytest.approx(1.0)
    assert {len(view.chat.turns) for view in found.conversations()} == {3}


def released(folder: Path) -> Path:
    path = folder / "collabllm-multiturn-math-hard.jsonl"
    scores = {1: (0.2, 0.9, 0.5, 0.85, 0.1), 2: (0.4, 0.4, 0.41, 0.4, None)}
    with path.open("w") as out:
        for turn, values in scores.items():
            prompt = [{"role": "user", "content": f"question {n}"} for n in range(turn)][-1:]
            for i, score in enumerate(values):
                row = {"prompt": prompt, "completion": f"reply {turn}.{i}", "conv_id": 7, "turn_id": turn, "score": score,
                       "single_turn_prompt": "Add 1. And 2.", "single_turn_completion": "3", "rewards": {}}  # fmt: skip
                out.write(json.dumps(row) + "\n")
    return path


def test_the_pairing_rule_is_replayed_on_released_rows(tmp_path: Path) -> None:
    rows = read_rows(released(tmp_path))
    (pair,) = released_pairs(rows, 0.1)
    assert (pair.chosen_score, pair.rejected_score) == (0.9, 0.1)
    assert (pair.chosen.reply, pair.rejected.reply) == ("reply 1.1", "reply 1.4")
    assert released_pairs(rows, 0.9) == []
    assert [chat.reply for chat in released_best(rows)] == ["reply 2.2"]  # the latest turn's best
    assert best_and_worst([], 0.1) is None


def test_released_tasks_are_cases(tmp_path: Path) -> None:
    folder = tmp_path / "collabllm"
    folder.mkdir()
    path = released(folder)
    (folder / "collabllm-multiturn-medium.jsonl").write_text("")
    system = CollabLLM(DataFolder(tmp_path), source="released")
    assert [(c.id, c.group, c.target) for c in system.cases()] == [("math-7", "math", "3")]  # type: ignore[attr-defined]
    path.write_text('{"prompt": 1}\n')
    with pytest.raises(DataError, match="line 1: not a row of prompt"):
        list(system.cases())
    with pytest.raises(InputError, match="samples=0: must be 1 or more"):
        list(CollabLLM(samples=0).cases())
    with pytest.raises(UnknownName, match="unknown source"):
        list(CollabLLM(source="hub").cases())


# -- the toy of the paper's claim: without a window nobody learns to ask ------------------------------------------------
def toy(window: int, seed: int, steps: int = 60) -> tuple[float, float, float]:
    """Four intents; when the intent is unclear one may ask (1 unit of tokens) or guess (3 units). Online DPO on pairs ordered by
    the mean reward of the futures. Returns P(ask | unclear), the accuracy after two turns, and the tokens of a six-turn talk."""
    random = np.random.default_rng(seed)
    logit, reference = np.log(0.18 / 0.82), np.log(0.18 / 0.82)

    def future(ask: bool, left: int) -> float:
        """Right answer (0 or 1) - 0.05 a unit; after asking the intent is known; a wrong guess may be tried again."""
        if ask:
            return -0.05 + (1.0 - 0.15 if left else 0.0)
        right = random.random() < 0.25
        return right - 0.15 + (0.0 if right or not left else future(random.random() < 1 / (1 + np.exp(-logit)), left - 1))

    for _ in range(steps):
        gradient = 0.0
        for _ in range(8):
            ask, guess = (np.mean([future(act, window) for _ in range(3)]) for act in (True, False))
            if abs(ask - guess) >= 0.1:
                better = 1.0 if ask > guess else -1.0
                gradient += better / (1 + np.exp(better * (logit - reference)))
        logit += gradient / 8
    p = float(1 / (1 + np.exp(-logit)))
    return p, p + (1 - p) * (0.25 + 0.75 * (1 - p) * 0.25), units(p, 6)


def units(p: float, left: int) -> float:
    """Expected tokens, in units, of a talk of ``left`` turns that ends with the right answer."""
    return p * (1 + 3 * (left > 1)) + (1 - p) * (3 + 0.75 * units(p, left - 1)) if left else 0.0


def test_only_a_window_teaches_to_ask() -> None:
    for seed in range(8):
        myopic, *ahead = (toy(window, seed) for window in (0, 1, 2))
        assert myopic[0] < 0.01
        for asks, accuracy, tokens_spent in ahead:
            assert asks > 0.8
            assert accuracy > myopic[1]
            assert tokens_spent < units(0.18, 6) < myopic[2]


def test_a_goodbye_in_the_form_that_was_asked_for_ends_the_talk() -> None:
    from multiturn.conversation import Conversation
    from multiturn.players.simulated import SimulatedUser
    from multiturn.systems.train.collabllm_score import user_json

    async def leaves(chat: Conversation) -> Conversation:
        return chat.assistant('{"current_answer": "-", "thought": "Done.", "response": "[[TERMINATE CHAT]]"}')

    user = SimulatedUser(leaves, "You are a user.", turns=3, stop=(MARK,), read=user_json)
    said = asyncio.run(user(Conversation().user("Help.").assistant("Here you are.")))
    assert said.stop == "user ended"
    assert said.chat.message is not None
    assert said.chat.message.role == "assistant"
