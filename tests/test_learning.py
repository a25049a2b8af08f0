"""Rewards, credit, pairs and exports: against closed forms, and with a benchmark as a training environment."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn import evaluate
from multiturn.conversation import ContextOverflow, Conversation, DataError, InputError, Player, UnknownName
from multiturn.learning.credit import (
    ESTIMATORS,
    Rewards,
    clipped_loss,
    gae,
    merged,
    normalised,
    outcome_only,
    reward_to_go,
    token_advantages,
    token_turns,
    turn_split,
)
from multiturn.learning.episodes import rows
from multiturn.learning.export import messages_row, preference_row, rollout_row, split, write_rows
from multiturn.learning.pairs import Branch, all_pairs, best_and_worst, one_each, pair, shared_prefix
from multiturn.learning.rewards import compose, forward, length_penalty, multiturn_reward
from multiturn.players.simulated import SimulatedUser

# -- credit -----------------------------------------------------------------------------------------------------------
GROUP = [
    Rewards((0.7, 0.0), 1.9),
    Rewards((0.2, 0.0), 0.4),
    Rewards((0.7, 0.0), 0.4),
    Rewards((0.0,), 0.3, split=False),
]


def test_group_advantages_are_the_formula() -> None:
    r = np.array([1.0, 2.0, 4.0])
    assert normalised(r) == pytest.approx((r - 7 / 3) / (np.sqrt(7 / 3) + 1e-4), abs=1e-12)
    assert normalised([0.3] * 5).tolist() == [0.0] * 5  # no spread: zero, not NaN
    assert normalised([5.0]).tolist() == [0.0]
    assert normalised([]).tolist() == []


def test_the_tool_turn_gets_both_and_the_answer_only_the_outcome() -> None:
    outcome, turn = normalised([1.9, 0.4, 0.4, 0.3]), normalised([0.7, 0.2, 0.7, 0.0])
    both = normalised([2.6, 0.6, 1.1, 0.3])
    for c in (1.0, 0.5):
        found = turn_split(GROUP, c)
        for i in range(3):
            assert found[i] == pytest.approx([outcome[i] + c * turn[i], outcome[i]], abs=1e-12)
        assert found[3] == pytest.approx([both[3]], abs=1e-12)  # it never called the tool
    for i, r in enumerate(GROUP):
        assert outcome_only(GROUP)[i] == pytest.approx([outcome[i]] * len(r.turns), abs=1e-12)
        assert merged(GROUP)[i] == pytest.approx([both[i]] * len(r.turns), abs=1e-12)
    assert reward_to_go(GROUP)[0] == pytest.approx([both[0], normalised([1.9, 0.4, 0.4])[0]], abs=1e-12)


@given(st.lists(st.tuples(st.lists(st.floats(0, 1), min_size=1, max_size=4), st.floats(0, 1), st.booleans()), max_size=6))
def test_every_estimator_gives_finite_advantages_a_turn(group: list[tuple[list[float], float, bool]]) -> None:
    earned = [Rewards(tuple(turns), outcome, split) for turns, outcome, split in group]
    for estimate in ESTIMATORS.values():
        found = estimate(earned)
        assert [len(a) for a in found] == [len(r.turns) for r in earned]
        assert all(np.isfinite(a).all() for a in found)


def test_tokens_of_the_environment_get_nothing() -> None:
    mask = [0, 0, 1, 1, 1, 0, 0, 1, 1]
    assert token_turns(mask).tolist() == [-1, -1, 0, 0, 0, -1, -1, 1, 1]
    assert token_advantages([2.0, -1.0], mask).tolist() == [0, 0, 2, 2, 2, 0, 0, -1, -1]
    assert token_advantages([], [0, 0]).tolist() == [0, 0]
    with pytest.raises(ValueError, match="2 turns"):
        token_advantages([1.0], mask)


def test_generalised_advantages_of_turns() -> None:
    r, v = [0.2, 0.0, 1.0], [0.5, 0.4, 0.8]
    assert gae(r, v) == pytest.approx([1.2 - 0.5, 1.0 - 0.4, 1.0 - 0.8])  # lambda 1: reward to go minus V
    one_step = [0.2 + 0.9 * 0.4 - 0.5, 0.9 * 0.8 - 0.4, 1 - 0.8]
    assert gae(r, v, gamma=0.9, lam=0.0) == pytest.approx(one_step)
    with pytest.raises(ValueError, match="one number a turn"):
        gae([1.0], [1.0, 2.0])


def test_the_clipped_loss_is_a_mean_over_own_tokens() -> None:
    ratio, advantages, mask = [1.5, 0.5, 1.5, 9.0], [1.0, -1.0, -1.0, 9.0], [1, 1, 1, 0]
    assert clipped_loss(ratio, advantages, mask) == pytest.approx(-(1.2 - 0.8 - 1.5) / 3)
    assert clipped_loss([1.0], [1.0], [0]) == 0.0


# -- rewards ----------------------------------------------------------------------------------------------------------
class SmallCast:
    """As much of a cast as a reward needs: branches with their own chance."""

    def __init__(self, speak: Callable[[Conversation, random.Random], str], name: str = "") -> None:
        self.random, self._speak, self._name = random.Random(name), speak, name

    def branch(self, label: str) -> SmallCast:
        return SmallCast(self._speak, f"{self._name}/{label}")

    @property
    def assistant(self) -> Player:
        async def speak(chat: Conversation) -> Conversation:
            return chat.assistant(self._speak(chat, self.random))

        return speak


def scripted_user(lines: list[str], turns: int = 10) -> Callable[[Any], SimulatedUser]:
    async def speak(chat: Conversation) -> Conversation:
        said = sum(m.role == "assistant" for m in chat.messages)
        return chat.assistant(lines[min(said, len(lines) - 1)])

    return lambda cast: SimulatedUser(speak, "You are a user.", turns=turns, stop=("[[TERMINATE CHAT]]",))


async def length(chat: Conversation, cast: Any) -> dict[str, float | None]:
    words = sum(len(m.text.split()) for m in chat.messages if m.role == "assistant")
    return {"task": 1.0, "length": length_penalty(words, 0.1)}


WEIGHTS = {"task": 1.0, "length": 1.0}
START = Conversation().user("Help me.").assistant("What with?")


def reward(lines: list[str], speak: Callable[[Conversation, random.Random], str], **options: Any) -> Any:
    user = scripted_user(lines)
    return asyncio.run(multiturn_reward(START, SmallCast(speak), user, length, WEIGHTS, **options))  # type: ignore[arg-type]


def test_the_mean_of_equal_futures_is_exact() -> None:
    found = reward(["x", "go on"], lambda chat, chance: "yes", samples=3, messages=4)
    # "What with?" and two replies of one word: 1 - 0.4.
    assert [f.reward for f in found.futures] == pytest.approx([0.6] * 3)
    assert found.value == pytest.approx(0.6)
    assert {f.stop for f in found.futures} == {"turn limit"}
    assert {len(f.chat) for f in found.futures} == {len(START) + 4}
    assert len({f.chat.id for f in found.futures}) == 1


def test_futures_draw_for_themselves() -> None:
    found = reward(["x", "go on"], lambda chat, chance: " ".join(["w"] * chance.randint(1, 3)), samples=8)
    values = [f.reward for f in found.futures]
    assert len(set(values)) > 1
    assert found.value == pytest.approx(sum(values) / 8)
    again = reward(["x", "go on"], lambda chat, chance: " ".join(["w"] * chance.randint(1, 3)), samples=8)
    assert [f.reward for f in again.futures] == values


def test_the_marker_and_the_cap_stop_a_future() -> None:
    ended = reward(["x", "more", "thanks [[TERMINATE CHAT]]"], lambda chat, chance: "yes", messages=10)
    assert {f.stop for f in ended.futures} == {"user ended"}
    assert ended.futures[0].chat.messages[-1].text == "thanks"
    capped = reward(["x", "more"], lambda chat, chance: "yes", messages=3)
    assert {(f.stop, len(f.chat)) for f in capped.futures} == {("turn limit", len(START) + 3)}
    now = reward(["x", "more"], lambda chat, chance: "yes", messages=0)
    assert (len(now.futures), now.value) == (1, pytest.approx(0.8))  # the conversation as it stands


def test_a_longer_conversation_is_worth_less() -> None:
    values = [reward(["x", "more"], lambda chat, chance: "yes", messages=2 * window).value for window in range(4)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 4
    assert length_penalty(5_000, 0.0005) == -1.0


def test_a_user_who_says_nothing_usable_ends_a_future() -> None:
    async def full(chat: Conversation) -> Conversation:
        raise ContextOverflow("full")

    end = asyncio.run(forward(START, full, scripted_user(["x", "more"])(None), 4))
    assert end.stop == "context limit"
    mute = reward(["x", ""], lambda chat, chance: "yes")
    assert {f.stop for f in mute.futures} == {"format error"}
    assert (mute.value, mute.unscored) == (None, 3)  # the user failed, not the reply


def test_what_is_not_measured_is_no_zero() -> None:
    assert compose({"a": 1.0, "b": None}, {"a": 1.0, "b": 2.0}) is None
    assert compose({"a": 1.0, "b": None}, {"a": 2.0}) == 2.0
    assert compose({}, {"a": 1.0}) is None

    async def sometimes(chat: Conversation, cast: Any) -> dict[str, float | None]:
        return {"task": None if "0" in cast._name.split()[-1] else 1.0, "length": 0.0}

    run = multiturn_reward(START, SmallCast(lambda c, r: "yes"), scripted_user(["x", "go on"]), sometimes, WEIGHTS)  # type: ignore[arg-type]
    found = asyncio.run(run)
    assert (found.value, found.unscored) == (1.0, 1)
    with pytest.raises(InputError, match="at least one sample"):
        reward(["x"], lambda chat, chance: "yes", samples=0)


# -- pairs ------------------------------------------------------------------------------------------------------------
def candidates(*scores: float | None) -> list[Branch]:
    prompt = Conversation().user("hi")
    return [Branch(prompt.assistant(f"reply {i}"), score) for i, score in enumerate(scores)]


def test_best_against_worst_when_far_enough_apart() -> None:
    points = candidates(0.2, 0.9, 0.5, 0.85, 0.1)
    found = best_and_worst(points, 0.1)
    assert found is not None
    assert (found.chosen_score, found.rejected_score) == (0.9, 0.1)
    assert (found.prompt, found.chosen, found.rejected) == (Conversation().user("hi"), points[1].chat, points[4].chat)
    assert best_and_worst(points, 0.9) is None
    assert best_and_worst(candidates(0.5, 0.5), 0.0) is None
    assert best_and_worst(candidates(0.5, None), 0.0) is None
    assert len(all_pairs(points, 0.1)) == 9  # all ten but 0.9 and 0.85 … and 0.2 and 0.1 counts
    assert all(p.chosen_score - p.rejected_score >= 0.1 for p in all_pairs(points, 0.1))


def test_pairs_part_where_the_branches_part() -> None:
    trunk = Conversation().user("a").assistant("b").user("c")
    good, bad = trunk.assistant("d").user("e").assistant("f"), trunk.assistant("x").user("y").assistant("z")
    found = pair(Branch(bad, 0.0), Branch(good, 1.0))
    assert found is not None
    assert (found.prompt, found.chosen, found.rejected) == (trunk, trunk.assistant("d"), trunk.assistant("x"))
    assert shared_prefix(good, bad) == trunk
    assert shared_prefix(good, Conversation().user("other")) == Conversation()
    # They part at the user's message: no reply of the assistant's is better.
    assert pair(Branch(trunk, 0.0), Branch(Conversation().user("a").assistant("b").user("other"), 1.0)) is None
    assert one_each([trunk, good, bad, good]) == [good, bad]


# -- exports ----------------------------------------------------------------------------------------------------------
def test_rows_have_the_fields_that_trainers_take() -> None:
    made = best_and_worst(candidates(1.0, 0.0))
    assert made is not None
    row = preference_row(made)
    assert row["prompt"] == [{"role": "user", "content": "hi"}]
    assert row["chosen"] == [{"role": "assistant", "content": "reply 0"}]
    assert row["rejected"] == [{"role": "assistant", "content": "reply 1"}]
    chat = Conversation.start("s").user("a").assistant("b").user("result").assistant("c", author="gold").user("d").assistant("e")
    row = rollout_row(chat, Rewards((0.5, 0.0, 0.0), 1.0), [2.0, 3.0, -1.0], "g")
    assert row["train"] == [0, 0, 1, 0, 0, 0, 1]  # neither the environment's words nor those put in for the policy's
    assert row["advantage"] == [0, 0, 2.0, 0, 0, 0, -1.0]
    assert row["turn"] == [0, 1, 1, 2, 2, 3, 3]
    assert [m["role"] for m in row["messages"]] == ["system", "user", "assistant", "user", "assistant", "user", "assistant"]


def test_evaluation_items_do_not_slip_into_training(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    item = {**messages_row(START), "source": {"system": "s", "case": "c1"}, "evaluation": True}
    with pytest.raises(InputError, match=r"row 1 \(s, case c1\) is an evaluation item"):
        write_rows(path, [item])
    with pytest.raises(InputError, match="evaluation item"):
        write_rows(path, [messages_row(START)])  # a row that does not say is taken as one
    assert list(tmp_path.iterdir()) == []
    assert write_rows(path, [item], evaluation=True) == 1
    assert write_rows(path, [{**item, "evaluation": False, "source": {"case": "\ud800"}}]) == 1
    assert json.loads(path.read_text())["messages"] == item["messages"]
    with pytest.raises(DataError, match="cannot write"):
        write_rows(tmp_path / "no" / "rows.jsonl", [])
    chosen = [name for name in map(str, range(1000)) if split(0.8, seed=3)(name)]
    assert 750 < len(chosen) < 850
    assert chosen == [name for name in map(str, range(1000)) if split(0.8, seed=3)(name)]
    assert not any(map(split(0.0), "abc"))
    assert all(map(split(1.0), "abc"))


# -- a benchmark as a training environment ----------------------------------------------------------------------------
@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Four repeats of four cases of `patterns`, by a player that is wrong more often than not."""

    def unsure(chat: Conversation) -> str:
        return random.Random(f"{chat.id.hex()}/{next(draws)}").choice(["yes", "Anna", "3", "the kitchen", "7"])

    draws = iter(range(10_000))
    store = tmp_path_factory.mktemp("learning") / "s.db"
    return evaluate("patterns?turns=3", _player(unsure), limit=1, repeats=4, settings=("multi",), store=store).conversations()


def _player(answer: Callable[[Conversation], str]) -> Callable[[Conversation], Awaitable[Conversation]]:
    async def speak(chat: Conversation) -> Conversation:
        return chat.assistant(answer(chat))

    return speak


def test_any_benchmark_gives_rollouts(played: list[Any]) -> None:
    made = rows(played, "rollout", turn={"correct": 1.0}, outcome={"correct": 1.0}, training=lambda cluster: True)
    assert len(made.rows) + sum(made.dropped.values()) == len(played) == 16
    by_source = {(row["source"]["case"], row["source"]["repeat"]): row for row in made.rows}
    for view in played:
        row = by_source[view.case, view.repeat]
        earned = {v.turn: v.value for v in view.verdicts}
        assert row["turn_rewards"] == [earned.get(t, 0.0) for t in range(1, len(view.chat.turns) + 1)]
        assert row["outcome_reward"] == pytest.approx(sum(earned.values()) / len(earned))
        assert len(row["advantage"]) == len(row["messages"]) == len(view.chat)
        about = {"system": view.system, "model": "speak", "case": view.case, "setting": "multi", "repeat": view.repeat}
        assert row["source"] == about
    for group in {row["group"] for row in made.rows}:
        mine = [row for row in made.rows if row["group"] == group]
        # A group's advantages of a turn add up to nothing.
        for turn in range(1, len(mine[0]["turn_rewards"]) + 1):
            per = [max((a for a, t in zip(r["advantage"], r["turn"], strict=True) if t == turn), key=abs) for r in mine]
            assert sum(per) == pytest.approx(0.0, abs=1e-9)


def test_any_benchmark_gives_the_other_formats(played: list[Any], tmp_path: Path) -> None:
    measures = {"turn": {"correct": 1.0}, "outcome": {"correct": 1.0}}
    labelled = rows(played, "label", **measures).rows  # type: ignore[arg-type]
    good = rows(played, "prompt-completion", **measures).rows  # type: ignore[arg-type]
    assert sum(row["label"] for row in labelled) == len(good)
    assert all(row["prompt"][-1]["role"] == "user" and row["completion"][0]["role"] == "assistant" for row in labelled)
    preferred = rows(played, "preference", **measures).rows  # type: ignore[arg-type]
    assert preferred
    assert all(row["chosen"] != row["rejected"] and row["chosen_score"] >= row["rejected_score"] + 0.1 for row in preferred)
    kept = rows(played, "messages", outcome={"correct": 1.0}, passing=0.5).rows
    assert all(set(row) == {"messages", "source", "evaluation"} for row in kept)
    with pytest.raises(InputError, match="is an evaluation item"):
        write_rows(tmp_path / "x.jsonl", labelled)
    with pytest.raises(UnknownName, match="unknown estimator `mt-grop`; did you mean `mt-grpo`"):
        rows(played, estimator="mt-grop")
    with pytest.raises(UnknownName, match="unknown format"):
        rows(played, "dpo")  # type: ignore[arg-type]
    assert rows(played, "rollout", outcome={"nothing": 1.0}).dropped == {"no verdict of nothing": 16}
