"""tau-bench: oracles with known scores, and every way to misbehave."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import multiturn
from multiturn.api import Evaluation
from multiturn.conversation import (
    ContextOverflow,
    Conversation,
    InputError,
    Message,
    ModelSetupError,
    Text,
    ToolCall,
    UnknownName,
)
from multiturn.engine.data import DataFolder
from multiturn.models.base import Model, Options, Reply, Tool
from multiturn.systems.agent.tau_bench import TauBench
from multiturn.systems.agent.tau_case import TauCase, front, read_tasks
from multiturn.systems.agent.tau_review import LEAK
from multiturn.systems.agent.tau_sample import sample
from multiturn.systems.agent.tau_score import said
from multiturn.systems.agent.tau_user import GREETING, STOP

Speaker = Callable[[Conversation], str | Message]
WRITES = ("modify_", "cancel_", "return_", "exchange_")


class Sample(TauBench):
    """The tasks of our shop that are named, as often as wanted."""

    def __init__(self, *names: str, copies: int = 1, **params: Any) -> None:
        super().__init__(**params)
        self.names, self.copies = names, copies

    def cases(self) -> Iterator[TauCase]:
        list(super().cases())
        for case in sample():
            if not self.names or case.id in self.names:
                yield from (msgspec.structs.replace(case, id=f"{case.id}-{i}") for i in range(self.copies))


def play(tmp_path: Path, benchmark: TauBench, model: Any, **more: Any) -> Evaluation:
    return multiturn.evaluate(benchmark, model, store=tmp_path / "tau.db", **more)


def facts(tmp_path: Path) -> list[dict[str, Any]]:
    with sqlite3.connect(tmp_path / "tau.db") as store:
        return [json.loads(row[0]) for row in store.execute("SELECT facts FROM episodes ORDER BY created")]


def calling(name: str, arguments: Any, id: str = "a") -> Message:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return Message("assistant", (ToolCall(id, name, text),))


def chatty(lines: Iterable[str]) -> Speaker:
    """A user who says these lines and stops."""
    spoken = [*lines, STOP]

    def speak(chat: Conversation) -> str:
        return spoken[min(sum(m.role == "assistant" for m in chat), len(spoken) - 1)]

    return speak


# -- the released retail domain ---------------------------------------------------------------------------------------
def retail(data_root: Path, **params: Any) -> TauBench:
    return TauBench(DataFolder(data_root), domain="retail", **params)


def test_retail_oracle_null_and_one_write_more(data_root: Path) -> None:
    data = DataFolder(data_root)
    cases = list(read_tasks(data.path("tau-bench", "retail/tasks.json"), front(data, "tau-bench")))
    assert len(cases) == 114
    still = 0
    for case in cases:
        gold, oracle = case.replayed().digest(), case.world()
        reads = [a for a in case.actions if not a.name.startswith(WRITES)]
        for action in (*reversed(reads), *(a for a in case.actions if a not in reads)):  # the order of reads is free
            oracle.agent.apply(action.name, action.arguments)
        assert oracle.digest() == gold
        still += case.world().digest() == gold
        pending = next(o for o, order in oracle.db["orders"].items() if order["status"] == "pending")
        assert not oracle.agent.apply("cancel_pending_order", {"order_id": pending, "reason": "no longer needed"}).error
        assert oracle.digest() != gold
    # ten tasks have no write among their gold actions; in one more the only write is refused (the gift card holds too little)
    assert sum(not any(a.name.startswith(WRITES) for a in case.actions) for case in cases) == 10
    assert still == 11


def test_retail_runs_end_to_end(data_root: Path, tmp_path: Path) -> None:
    assert len(list(retail(data_root, split="train").cases())) + len(list(retail(data_root, split="test").cases())) == 114
    with pytest.raises(UnknownName, match="split"):
        list(retail(data_root, split="tset").cases())
    done = play(tmp_path, retail(data_root), "gold", user=chatty(["Hello, it is about an order of mine."]), limit=5)
    assert done.figure("reward").value == 1
    assert done.figure("outputs").n_scored == 3  # tasks 2, 3 and 4 want "10" to be said
    without = play(tmp_path, retail(data_root), "gold", limit=2)
    assert without.figure("reward").value is None
    assert without.result.unmeasured["needs --user"]


# -- our shop ---------------------------------------------------------------------------------------------------------
def test_gold_agent_and_null_agent(tmp_path: Path) -> None:
    assert play(tmp_path, TauBench(), "gold").figure("reward").value == 1
    null = play(tmp_path, TauBench(), lambda chat: "I am sorry, no.")
    assert null.figure("state").value == 2 / 8  # "price" and "not-yet" write nothing
    assert null.figure("reward").value == 1 / 8  # and "price" wants something said
    assert sorted(row["reward"] for row in facts(tmp_path))[-1] == 1.0


def test_gold_scores_in_every_way_of_calling(tmp_path: Path) -> None:
    for params in ({"text_tools": "always"}, {"official": True}, {"basis": "task"}):
        assert play(tmp_path, TauBench(**params), "gold").figure("reward").value == 1


def test_a_flaky_agent_has_pass_k_near_p_to_the_k(tmp_path: Path) -> None:
    chance = random.Random(5)

    def flaky(chat: Conversation) -> str:
        return "It costs 79.90." if chance.random() < 0.8 else "I cannot say."

    class OneLine(Sample):
        def cases(self) -> Iterator[TauCase]:
            for case in super().cases():  # each asks in words of its own, so that none is a repeat of another
                yield msgspec.structs.replace(case, script=(f"{case.script[0]} ({case.id})",))

    done = play(tmp_path, OneLine("price", copies=60), flaky, repeats=4)
    for k in (1, 2, 3, 4):
        assert done.figure(f"reward pass^{k}").value == pytest.approx(0.8**k, abs=0.08)


def test_native_calls_and_the_only_first_call(tmp_path: Path) -> None:
    both = Message(
        "assistant",
        (
            ToolCall("1", "cancel_pending_order", '{"order_id": "#W1001", "reason": "ordered by mistake"}'),
            ToolCall("2", "modify_user_address", json.dumps({"user_id": "ida_berg_11", **dict.fromkeys(
                ("address1", "address2", "city", "state", "country", "zip"), "x")})),
        ),
    )  # fmt: skip

    def agent(chat: Conversation) -> str | Message:
        return "Done." if any(m.tool_calls for m in chat) else both

    assert play(tmp_path, Sample("cancel", text_tools="never"), agent).figure("reward").value == 0
    assert play(tmp_path, Sample("cancel", text_tools="never", official=True), agent).figure("reward").value == 1


class Toolless(Model):
    """A model whose chat template has no place for tools."""

    async def reply(self, chat: Conversation, tools: tuple[Tool, ...] = ()) -> Reply:
        if tools:
            raise ModelSetupError("no place for tools")
        assert "# Tools" in chat.system_text
        assert all(m.role != "tool" for m in chat)
        action = {"name": "cancel_pending_order", "arguments": {"order_id": "#W1001", "reason": "ordered by mistake"}}
        said = "Done." if any("Result: " in m.text for m in chat) else json.dumps(action)
        return Reply(Message("assistant", (Text(said),)))


def test_a_model_that_cannot_call_tools_is_told_of_them_in_text(tmp_path: Path) -> None:
    assert play(tmp_path, Sample("cancel"), Toolless("toolless", Options())).figure("reward").value == 1
    with pytest.raises(InputError, match="no place for tools"):
        play(tmp_path, Sample("cancel", text_tools="never"), Toolless("toolless", Options()))


@pytest.mark.parametrize(
    "reply",
    [
        calling("drop_database", {}),
        calling("cancel_pending_order", {"order_id": 1001, "reason": "mistake"}),
        calling("cancel_pending_order", '{"order_id": "#W1001", "reason": '),
        calling("cancel_pending_order", '{"order_id": "' + "#" * 1_000_000 + '"}'),
        '{"name": "cancel_pending_order", "arguments": {"order_id": 7}}',
        Message("assistant", tuple(ToolCall("same", "nothing", "{") for _ in range(50))),
    ],
)
def test_wrong_calls_are_answered_counted_and_bounded(tmp_path: Path, reply: str | Message) -> None:
    done = play(tmp_path, Sample("cancel"), lambda chat: reply)
    assert (done.figure("reward").value, done.figure("state").value) == (0, 0)
    assert done.figure("steps").value <= 10
    assert done.figure("wrong calls").value >= 10
    assert facts(tmp_path)[0]["stop"] == "invalid action"
    results = [p.text for m in done.conversations()[0].chat for p in m.parts if p.__class__.__name__ == "ToolResult"]
    assert all(text.startswith("Error: ") and len(text) < 700 for text in results)


def test_agents_that_say_nothing_or_never_end(tmp_path: Path) -> None:
    silent = play(tmp_path, Sample("cancel"), lambda chat: "")
    figure = silent.figure("reward")
    assert (figure.value, figure.n_failed, figure.n_unmeasured) == (0, 1, 0)
    look = calling("list_all_product_types", {})
    busy = play(tmp_path, Sample("cancel", steps=7), lambda chat: look)
    assert (busy.figure("reward").value, busy.figure("steps").value) == (0, 7)
    assert [row["stop"] for row in facts(tmp_path)] == ["format error", "turn limit"]


def test_a_full_context_is_the_agents_failure_and_the_users_own_is_not(tmp_path: Path) -> None:
    def full(chat: Conversation) -> str:
        raise ContextOverflow("too long")

    done = play(tmp_path, Sample("cancel"), full)
    assert done.figure("reward").value == 0
    assert facts(tmp_path)[0]["stop"] == "context limit"
    other = play(tmp_path, Sample("cancel"), lambda chat: "Hm.", user=full)
    assert other.figure("reward").n_unmeasured == 1
    assert "context limit" in other.result.unmeasured


def test_a_run_again_asks_nothing(tmp_path: Path) -> None:
    user = chatty(["Hello, please cancel #W1001."])
    for again in (False, True):
        done = play(tmp_path, Sample("cancel", "price"), lambda chat: "I cannot.", user=user, repeats=2)
        assert (done.result.calls.made == 0) is again
        assert done.figure("reward").value == 0


def test_handing_over_ends_it(tmp_path: Path) -> None:
    done = play(tmp_path, Sample("not-yet", "cancel"), lambda chat: calling("transfer_to_human_agents", {"summary": "x"}))
    assert done.figure("steps").value == 1
    assert [row["stop"] for row in facts(tmp_path)] == ["failure", "success"]
    assert done.figure("reward").value == 0.5


def test_required_outputs() -> None:
    assert said(("1000", "Blue"), ["That is $1,000.50", "the BLUE one"])
    assert not said(("1000", "red"), ["That is 1,000"])
    assert said((), [])


def test_bad_options() -> None:
    for params, error in (({"domain": "bank"}, UnknownName), ({"basis": "x"}, UnknownName), ({"steps": 0}, InputError)):
        with pytest.raises(error):
            list(TauBench(**params).cases())


# -- the simulated user -----------------------------------------------------------------------------------------------
def test_a_user_model_sees_its_own_side_and_has_its_own_tools(tmp_path: Path) -> None:
    seen: list[Conversation] = []

    def user(chat: Conversation) -> str | Message:
        seen.append(chat)
        spoken = [m.text for m in chat if m.role == "assistant" and m.text]
        if not spoken:
            return "User: Please cancel #W3001, I am rosa.kent@example.com."
        if len(spoken) == 1:
            results = [p.text for m in chat for p in m.parts if p.__class__.__name__ == "ToolResult"]
            return "The code is " + json.loads(results[-1])["messages"][0][-6:] if results else calling("read_messages", {})
        return STOP

    done = play(tmp_path, Sample("code"), "gold", user=user)
    assert done.figure("reward").value == 1
    assert done.figure("user in order").value == 1
    assert seen[0].messages[-1].text == GREETING
    assert all("Once" not in c.system_text and "serve the customers" not in c.system_text for c in seen)
    assert all(p.name == "read_messages" for c in seen for m in c for p in m.tool_calls)  # the agent's calls stay unseen
    chat = done.conversations()[0].chat
    assert not any(p.name == "read_messages" for m in chat for p in m.tool_calls)  # and its own stay its own
    assert [call["name"] for call in facts(tmp_path)[0]["user calls"]] == ["read_messages"]


@pytest.mark.parametrize("reply", ["", "Assistant: I can help you", "x" * 9_000])
def test_a_user_without_a_usable_message_is_no_failure_of_the_agent(tmp_path: Path, reply: str) -> None:
    done = play(tmp_path, Sample("cancel", "price"), lambda chat: "Hm.", user=lambda chat: reply)
    figure = done.figure("reward")
    assert (figure.value, figure.n_unmeasured) == (None, 2)
    assert "simulated user: format error" in done.result.unmeasured


def test_a_user_that_never_stops_is_stopped(tmp_path: Path) -> None:
    count = iter(range(1000))
    done = play(tmp_path, Sample("cancel", steps=6), lambda chat: "Hm.", user=lambda chat: f"Line {next(count)}")
    assert done.figure("steps").value == 6
    assert facts(tmp_path)[0]["stop"] == "turn limit"


def test_a_user_that_calls_tools_for_ever_is_stopped(tmp_path: Path) -> None:
    done = play(tmp_path, Sample("code"), lambda chat: "Hm.", user=lambda chat: calling("read_messages", {}))
    assert done.figure("reward").n_unmeasured == 1
    assert len(facts(tmp_path)[0]["user calls"]) < 10


def test_figures_with_and_without_faulty_users(tmp_path: Path) -> None:
    """In one of two tasks the user tells everything at once; the agent solves both."""

    def user(chat: Conversation) -> str:
        if any(m.role == "assistant" for m in chat):
            return STOP
        task = chat.system_text.rpartition("# Who you are and what you want\n")[2]
        return task if "#W1001" in task else "What does the big rucksack cost?"

    done = play(tmp_path, Sample("cancel", "price"), "gold", user=user)
    assert done.figure("reward").n_scored == 2
    clean = done.figure("reward (user in order)")
    assert (clean.value, clean.n_scored, clean.n_unmeasured, clean.worst) == (1, 1, 1, 0.5)
    assert done.figure("user in order").value == 0.5
    assert done.result.unmeasured[f"simulated user: {LEAK}"] == 1


# -- the judge --------------------------------------------------------------------------------------------------------
def test_the_judge_says_whose_fault_a_failure_was(tmp_path: Path) -> None:
    user = chatty(["Please cancel #W1001."])
    for i, (answer, value) in enumerate((
        ('{"user": "yes", "agent": "no", "environment": "no"}', 1.0),
        ('{"reason": "wrong tool"} {"user": "no", "agent": "yes", "environment": "no"}', 0.0),
        ('{"user": "yes", "agent": "yes", "environment": "no"}', None),
        ("both", None),
    )):  # fmt: skip
        (tmp_path / str(i)).mkdir()  # the same judge, as far as a store can see
        done = play(tmp_path / str(i), Sample("cancel"), lambda chat: "No.", user=user, judge=lambda chat, a=answer: a)
        assert done.figure("blamed on the user").value == value
        assert done.figure("reward").value == 0


def test_the_basis_of_a_task_can_need_a_judge(data_root: Path, tmp_path: Path) -> None:
    class Asserted(TauBench):
        def cases(self) -> Iterator[TauCase]:
            return (case for case in super().cases() if case.id == "2")

    def run(**more: Any) -> Evaluation:
        benchmark = Asserted(DataFolder(data_root), domain="retail", basis="task")
        return play(tmp_path, benchmark, "gold", user=chatty(["Hello."]), **more)

    assert run().result.unmeasured["needs --judge"]
    assert run(judge=lambda chat: '{"1": "yes"}').figure("reward").value == 1
    assert run(judge=lambda chat: '{"1":   "no"}').figure("reward").value == 0


def test_branches_keep_their_own_user(tmp_path: Path) -> None:
    """Two answers to one message: the user's side of each is its own."""
    from multiturn.systems.agent.tau_user import Customer
    from multiturn.worlds.toolset import Toolset

    seen: list[list[str]] = []

    async def player(chat: Conversation) -> Conversation:
        seen.append([m.text for m in chat if m.role != "system"])
        return chat.assistant(f"line {len(seen)}")

    async def run() -> None:
        customer = Customer(player, "You want a kettle.", Toolset(()))
        first = (await customer(Conversation.start(system="policy"))).chat
        left, right = first.assistant("left"), first.assistant("right")
        await customer(left)
        await customer(right)

    asyncio.run(run())
    assert seen[1:] == [[GREETING, "line 1", "left"], [GREETING, "line 1", "right"]]
