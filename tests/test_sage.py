"""SAGE: released scores and trajectories recomputed; the emotional user on scripted players."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn import evaluate
from multiturn.api import Evaluation
from multiturn.conversation import ContextOverflow, Conversation, DataError, InputError
from multiturn.engine.data import DataFolder
from multiturn.measures.agreement import spearman
from multiturn.players.emotional import Appraisal, Character, EmotionalUser, read_appraisal, read_message, tells
from multiturn.players.simulated import Fault
from multiturn.systems.sim.sage_data import (
    LEADERBOARD,
    WISHES,
    possible,
    read_conversations,
    read_profiles,
    read_trajectories,
    score,
    wish_of,
)
from multiturn.systems.sim.sage_sentient import SageSentient

V3, GPT4O = "deepseek-v3-2024-1227", "gpt-4o-2024-0806"
FILES = {
    "claude3.7-think": "Claude3.7-Think", "claude3.7": "Claude3.7", "deepseek-v3-0324": "DeepSeek-V3-0324",
    "deepseek-v3-1227": "DeepSeek-V3", "gemini2.0-flash": "Gemini2.0-Flash", "gpt-4.1": "GPT-4.1", "gpt-4.5": "GPT-4.5-Preview",
    "gpt-4o-0808": "GPT-4o", "llama3.3-70b": "Llama3.3-70B", "openai-o1": "o1", "openai-o4mini": "o4-mini",
    "qwen2.5-72b": "Qwen2.5-72B",
}  # fmt: skip
OTHER_USERS = {
    f"{GPT4O}/claude3.7-think": (72.93, 36, 9), f"{GPT4O}/claude3.7": (70.34, 32, 10),
    f"{GPT4O}/deepseek-v3-1227": (65.6, 26, 17), f"{GPT4O}/gpt-4o-0806": (52.13, 14, 18),
    f"{GPT4O}/llama3.3-70b": (49.43, 15, 25), f"{GPT4O}/openai-o1": (40.81, 12, 33),
    "gemini-2.5-flash-nothink/openai-o1": (30.54, 2, 43),
}  # fmt: skip


# -- released files -------------------------------------------------------------------------------------------------------
def test_the_leaderboard_is_recomputed_from_the_trajectories(data_root: Path) -> None:
    found = read_trajectories(data_root / "sage-sentient" / "emotion_trajectories.csv")
    assert all(len(rows) == 100 for rows in found.values())
    for file, model in FILES.items():
        mean, success, failure = LEADERBOARD[model]
        ours = score([row.final for row in found[f"{V3}/{file}"]])
        assert ours.mean == pytest.approx(mean, abs=0.0501)
        assert (ours.success, ours.failure) == (success, failure), model
    for name, (mean, success, failure) in OTHER_USERS.items():
        ours = score([row.final for row in found[name]])
        assert ours.mean == pytest.approx(mean, abs=0.005)
        assert (ours.success, ours.failure) == (success, failure), name


def test_the_readme_table_is_ours(data_root: Path) -> None:
    lines = (data_root / "sage-sentient" / "leaderboard_readme.csv").read_text().splitlines()[1:]
    rows = {cells[0]: (float(cells[1]), int(cells[2]), int(cells[3])) for cells in (line.split(",") for line in lines)}
    assert rows == LEADERBOARD


def test_every_released_trajectory_is_possible(data_root: Path) -> None:
    found = read_trajectories(data_root / "sage-sentient" / "emotion_trajectories.csv")
    rows = [row for rows in found.values() for row in rows]
    assert len(rows) == 1900
    assert all(possible(row) for row in rows)
    assert not possible(rows[0]._replace(final=rows[0].final + 5))
    assert not possible(rows[0]._replace(emotions=(40, 51, rows[0].final)))


def test_model_order_under_two_simulators(data_root: Path) -> None:
    found = read_trajectories(data_root / "sage-sentient" / "emotion_trajectories.csv")
    names = [name.split("/")[1] for name in found if name.startswith(GPT4O)]
    a, b = (
        [score([row.final for row in found[f"{user}/{as_named.get(n, n)}"]]).mean for n in names]
        for user, as_named in ((GPT4O, {}), (V3, {"gpt-4o-0806": "gpt-4o-0808"}))
    )
    assert len(names) == 6
    assert spearman(a, b).value == pytest.approx(0.943, abs=5e-4)


def test_released_profiles_and_conversations(data_root: Path) -> None:
    folder = data_root / "sage-sentient"
    cases = list(read_profiles(folder / "simulator_profile_withfirsttalk.first40.jsonl"))
    assert len(cases) == 40
    assert {wish_of(c.character.wish) for c in cases} == set(WISHES)
    assert {c.group for c in cases} == {"rational", "emotional"}
    bench = SageSentient(DataFolder(data_root))
    assert [c.id for c in bench.cases()] == [c.id for c in cases]
    wishes = {c.id: c.character.wish for c in cases}
    for name in ("dsv3_gpt-4.1_first6.jsonl", "dsv3_qwen2.5-72b_first6.jsonl"):
        for chat, row in read_conversations(folder / name):
            assert possible(row)
            said = [m.text for m in chat.messages if m.role == "user"]
            assert len(said) == len(row.emotions)
            # The refusal of messages that tell the wish does not hit what real simulated users said.
            assert not any(tells(text, wishes[row.profile]) for text in said)


def test_bad_files_name_the_line(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    good = json.dumps({"id": "a", "player": "p", "scene": "s\u2028t", "task": "x", "first_talk": "f"}, ensure_ascii=False)
    path.write_text(good + "\n{", encoding="utf-8")
    with pytest.raises(DataError, match="line 2"):
        list(read_profiles(path))
    path.write_text(good + "\n" + json.dumps({"id": "a"}), encoding="utf-8")
    with pytest.raises(DataError, match=r"line 2.*player"):
        list(read_profiles(path))
    path.write_text(json.dumps({"id": "a", "history": [{"role": "user"}]}), encoding="utf-8")
    with pytest.raises(DataError, match="line 1"):
        list(read_conversations(path))
    with pytest.raises(InputError, match="source of"):
        SageSentient(source="mine").cases()


# -- playing --------------------------------------------------------------------------------------------------------------
def last_reply(question: str) -> str:
    return str(re.findall(r'"other side": "((?:[^"\\]|\\.)*)"', question)[-1])


def ruled(chat: Conversation) -> str:
    """A user by rule: +8 when the reply says "plum", else -8."""
    assert chat.message is not None
    text = chat.message.text
    if "CHANGE:" not in text:
        return "THINKING: none of it\nDRAFT: x\nMESSAGE: Hm, and then?"
    change = "+8" if "plum" in last_reply(text) else "-8"
    return f"MEANT: a\nWISH: b\nTHOUGHTS: secret thought\nFEELING: d\n**CHANGE:** {change}"


def play(model: Callable[[Conversation], str], user: Callable[[Conversation], str], tmp_path: Path, limit: int = 2) -> Evaluation:
    found: Evaluation = evaluate(SageSentient(source="bundled"), model, user=user, limit=limit, store=tmp_path / "s.db")
    return found


@pytest.mark.parametrize(
    ("word", "turns", "final", "success", "failure"),
    [("plum", 9, 100, 1, 0), ("pear", 5, 8, 0, 1)],
)
def test_a_rule_based_user(word: str, turns: int, final: float, success: float, failure: float, tmp_path: Path) -> None:
    found = play(lambda chat: f"a {word}", ruled, tmp_path)
    assert found.figure("user turns").value == turns
    assert found.figure("sentient score", "multi").value == final
    assert found.figure("success", "multi").value == success
    assert found.figure("failure", "multi").value == failure
    step = 8 if word == "plum" else -8
    assert found.figure("emotion", "multi", turn=3).value == 40 + 2 * step
    # The farewell of the last state is part of the conversation; nobody answers it.
    assert {len(list(view.chat)) for view in found.conversations()} == {1 + 2 * turns - 1}


def test_ten_replies_at_most(tmp_path: Path) -> None:
    found = play(lambda chat: "plum" if len(chat.turns) % 2 else "pear", ruled, tmp_path)
    assert found.figure("user turns").value == 10
    assert found.figure("sentient score", "multi").value == 48
    assert {len(list(view.chat)) for view in found.conversations()} == {1 + 20}
    assert (found.figure("success", "multi").value, found.figure("failure", "multi").value) == (0, 0)


def test_nothing_private_reaches_the_assistant(tmp_path: Path) -> None:
    seen: list[str] = []
    asked: list[str] = []

    def model(chat: Conversation) -> str:
        seen.extend(repr(m) for m in chat.messages)
        return "plum"

    def user(chat: Conversation) -> str:
        assert chat.message is not None
        asked.append(chat.message.text)
        if "MESSAGE:" in chat.message.text:  # tells the wish unless it is told off
            wish = re.search(r"never say: (.*)", chat.message.text)
            assert wish
            return f"MESSAGE: Listen, {wish[1].replace('you ', 'I ')}!"
        return "MESSAGE: now then" if "cannot use that" in chat.message.text else ruled(chat)

    found = play(model, user, tmp_path, limit=8)
    assert found.figure("success", "multi").value == 1
    shown = "\n".join(seen)
    for case in SageSentient(source="bundled").cases():
        who = case.character
        assert who.opening in shown
        for private in (who.wish, who.wish.replace("you ", "I "), who.persona, who.story, "secret thought"):
            assert private not in shown
        assert any(who.wish in question for question in asked)
    assert "now then" in shown
    assert "hidden" not in shown


def test_a_farewell_ends_it(tmp_path: Path) -> None:
    def user(chat: Conversation) -> str:
        text = ruled(chat)
        return text.replace("Hm, and then?", "算了，再见") if "MESSAGE" in text else text

    found = play(lambda chat: "plum", user, tmp_path)
    assert found.figure("user turns").value == 2
    assert found.figure("sentient score", "multi").value == 48


@pytest.mark.parametrize(
    "hostile",
    ["", "{broken", "I am happy!", "CHANGE: a lot\nMEANT:\nWISH:\nTHOUGHTS:\nFEELING:", "x" * 50_000, "CHANGE: 5\nCHANGE: 6"],
)
def test_an_unreadable_user_is_bounded_and_not_a_zero(hostile: str, tmp_path: Path) -> None:
    calls: list[int] = []

    def user(chat: Conversation) -> str:
        calls.append(1)
        return hostile

    found = play(lambda chat: "plum", user, tmp_path, limit=1)
    assert len(calls) == 2 * 2  # one case of each group, one repair each
    assert found.figure("sentient score", "multi").value is None
    assert set(found.result.unmeasured) == {"user: reply not readable"}
    assert found.figure("emotion", "multi", turn=1).value == 40


def test_a_user_that_speaks_for_the_assistant(tmp_path: Path) -> None:
    def user(chat: Conversation) -> str:
        text = ruled(chat)
        return "MESSAGE: Assistant: I am here for you." if "MESSAGE" in text else text

    found = play(lambda chat: "plum", user, tmp_path, limit=1)
    assert found.figure("sentient score", "multi").value is None
    # A fall below the bottom is known without a farewell.
    found = play(lambda chat: "pear", lambda chat: ruled(chat).replace("-8", "-10"), tmp_path, limit=1)
    assert found.figure("sentient score", "multi").value == 0


def test_a_model_that_breaks_off_keeps_its_trajectory(tmp_path: Path) -> None:
    def model(chat: Conversation) -> str:
        if len(chat.turns) == 3:
            raise ContextOverflow("full")
        return "plum"

    found = play(model, ruled, tmp_path)
    assert found.figure("sentient score", "multi").value is None
    assert set(found.result.unmeasured) == {"context limit"}
    assert found.figure("emotion", "multi", turn=3).value == 56


def test_validation_by_a_judge(tmp_path: Path) -> None:
    def judge(chat: Conversation) -> str:
        assert chat.message is not None
        text = chat.message.text
        if "private notes" in text:
            assert "secret thought" in text
            return '{"regard": 80, "empathy": 60, "unconditionality": 40, "congruence": 20}'
        assert "secret thought" not in text
        return '{"depth": 4, "attentiveness": 9, "flow": 3}'  # out of range

    found = evaluate(SageSentient(source="bundled", validate=True), lambda chat: "plum", user=ruled, judge=judge, limit=1,
                     store=tmp_path / "s.db")  # fmt: skip
    assert found.figure("relationship").value == 50
    assert found.figure("utterance quality").value is None
    assert set(found.result.unmeasured) == {"judge reply not parsable"}


def test_without_a_user_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs a user: give one with --user"):
        evaluate(SageSentient(source="bundled"), lambda chat: "hi", limit=1, store=tmp_path / "s.db")


# -- the player -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("said", "change"),
    [("+5", 5), ("-3 points", -3), ("−7", -7), ("99", 10), ("- 40", -10), ("from 40: +2", 10), ("0", 0), ("9" * 500, 10)],
)
def test_change(said: str, change: int) -> None:
    found = read_appraisal(f"MEANT: a\nWISH：b\n## THOUGHTS: c\n[FEELING]: d\nCHANGE: {said}")
    assert isinstance(found, Appraisal)
    assert (found.change, found.wish, found.feeling) == (change, "b", "d")


@given(st.text(max_size=300), st.text(max_size=30))
def test_readers_never_raise(text: str, wish: str) -> None:
    for found in (read_appraisal(text), read_appraisal(f"CHANGE: {text}"), read_message(f"MESSAGE: {text}", wish)):
        assert isinstance(found, Appraisal | Fault | str)


def test_branches_have_their_own_moods() -> None:
    who = Character(persona="p", story="s", wish="a very secret wish", opening="Hello")

    async def player(chat: Conversation) -> Conversation:
        return chat.assistant(ruled(chat))

    async def both() -> list[int]:
        user = EmotionalUser(player, who)
        first = await user(Conversation(), user.start)
        assert first.chat.messages[-1].text == "Hello"
        branches = [await user(first.chat.assistant(word), first.mood) for word in ("plum", "pear")]
        again = await user(branches[0].chat.assistant("plum"), branches[0].mood)
        return [*(b.mood.emotion for b in branches), again.mood.emotion]

    assert asyncio.run(both()) == [48, 32, 56]
    with pytest.raises(InputError, match="turns and a step"):
        EmotionalUser(player, who, turns=0)
