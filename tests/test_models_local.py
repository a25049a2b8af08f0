"""The embedded model: sharing its slots, and what it answers."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from multiturn.conversation import ContextOverflow, Conversation, Image, ModelSetupError, Text, Tool
from multiturn.models.base import Options, Reply
from multiturn.models.local import LocalModel
from multiturn.models.slots import Slots, usable_cores
from multiturn.models.weights import fetch_weights

CONTENT = b"GGUF" + bytes(10_000)


# -- slots ----------------------------------------------------------------------------------------------------------
def test_conversations_keep_their_slots() -> None:
    async def main() -> None:
        slots = Slots(3)
        chats = [Conversation.start("the same system text").user(f"question {i}") for i in range(3)]
        homes: dict[int, int] = {}
        for turn in range(3):
            for i in (2, 0, 1):
                slot = await slots.acquire(chats[i])
                assert slot == homes.setdefault(i, slot)
                chats[i] = chats[i].assistant("answer")
                slots.release(slot, chats[i])
                chats[i] = chats[i].user(f"turn {turn}")
        assert sorted(homes.values()) == [0, 1, 2]
        branch = chats[1].parent.parent.assistant("another answer").user("go on")  # type: ignore[union-attr]
        assert await slots.acquire(branch) == homes[1]  # most of it is there
        assert await slots.acquire(Conversation().user("new")) == homes[2]  # the one used least recently
        assert await slots.acquire(chats[0], "another system text") == homes[0]  # the only one left

    asyncio.run(main())


def test_busy_slots_are_given_in_order_and_never_lost() -> None:
    async def main() -> None:
        slots, order = Slots(1), []
        held = await slots.acquire(Conversation())

        async def use(name: str) -> None:
            slot = await slots.acquire(Conversation().user(name))
            order.append(name)
            slots.release(slot)

        tasks = [asyncio.create_task(use(name)) for name in "abcd"]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.sleep(0)
        slots.release(held)
        tasks[2].cancel()  # too late or not, the slot must come back
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order[0] == "a"
        assert order[-1] == "d"
        assert slots.idle == {0}

    asyncio.run(main())
    assert usable_cores() >= 1


# -- the model itself -----------------------------------------------------------------------------------------------
SMALL = {"n_ctx": 1024, "n_threads": 1}  # one thread: on a busy machine two wait for each other most of the time


@pytest.fixture(scope="module")
def smollm2() -> None:
    pytest.importorskip("xllamacpp")
    try:
        fetch_weights("smollm2")
    except ModelSetupError as error:
        pytest.skip(str(error))


def local(**options: Any) -> LocalModel:
    extra = SMALL | options.pop("extra", {})
    return LocalModel("local/smollm2", Options(extra=extra, **options))


async def converse(model: LocalModel, first: str, turns: int) -> list[Reply]:
    chat, replies = Conversation(), []
    for turn in range(turns):
        reply = await model.reply(chat := chat.user(first if turn == 0 else f"Tell me something else about it, number {turn}."))
        chat = chat.add(reply.message)
        replies.append(reply)
    return replies


def ratio(conversations: list[list[Reply]]) -> float:
    """Prompt tokens computed by the server, over those of the conversations that it had not said itself."""
    computed = sum(r.usage.input - r.usage.cached for replies in conversations for r in replies)
    distinct = sum(c[-1].usage.input - sum(r.usage.output for r in c[:-1]) for c in conversations)
    return computed / distinct


@pytest.mark.usefixtures("smollm2")
def test_conversations_at_once_compute_only_what_is_new(capfd: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        model, same = local(max_tokens=10), local(max_tokens=6)
        questions = [f"Why do people like the number {i}, of all numbers?" for i in range(4)]
        done = await asyncio.gather(*(converse(model, q, 3) for q in questions))
        assert ratio(done) <= 1.1
        assert all(reply.stop in ("stop", "length") and reply.cost == 0.0 for replies in done for reply in replies)
        assert all(0 < reply.usage.output <= 10 for replies in done for reply in replies)
        again = await converse(same, questions[0], 1)
        assert model._server is same._server  # one server for the weights
        assert done[0][0].message.text.startswith(again[0].message.text)  # greedy: the same answer, cut earlier
        await model.close()
        assert (await same.reply(Conversation().user("Hello."))).message.text
        await same.close()
        await same.close()

    asyncio.run(main())
    out, err = capfd.readouterr()
    assert out == ""
    assert err == ""


@pytest.mark.usefixtures("smollm2")
def test_a_conversation_that_lost_its_slot_is_not_computed_again() -> None:
    async def main() -> None:
        model = local(max_tokens=8, extra={"n_parallel": 1})
        chats = [Conversation.start("You like fish and boats.").user("Hello."), Conversation.start("Be brief.").user("A joke!")]
        replies: list[list[Reply]] = [[], []]
        for i in (0, 1, 0, 1):
            replies[i].append(await model.reply(chats[i]))
            chats[i] = chats[i].add(replies[i][-1].message).user("And then?")
        assert ratio(replies) <= 1.1
        await model.close()

    asyncio.run(main())


@pytest.mark.usefixtures("smollm2")
def test_options_and_limits() -> None:
    async def main() -> None:
        hello = Conversation().user("Count from one to five, in words.")
        model = local(temperature=1.5, seed=7, max_tokens=8)
        assert (await model.reply(hello)).message == (await model.reply(hello)).message
        other = local(temperature=1.5, seed=8, max_tokens=8)
        assert (await other.reply(hello)).message != (await model.reply(hello)).message
        plain = local(max_tokens=30)
        text = (await plain.reply(hello)).message.text
        word = text.split()[2]
        stopped = await local(max_tokens=30, stop=(word,)).reply(hello)
        assert stopped.message.text == text[: text.index(word)]  # to the letter, white space and all
        assert stopped.stop == "stop"
        pirate = await local(max_tokens=4, system="You are a pirate.").reply(hello)
        assert pirate.usage.input != (await plain.reply(hello)).usage.input
        with pytest.raises(ContextOverflow, match="the model's context holds 1024"):
            await plain.reply(Conversation().user("word " * 2000))
        with pytest.raises(ModelSetupError, match="text only"):
            await plain.reply(Conversation().user((Text("see"), Image(mime="image/png", data=b"x"))))
        with pytest.raises(ModelSetupError, match="no place for tools"):
            await plain.reply(hello, (Tool(name="look", description="looks"),))
        assert (await plain.reply(Conversation().user("\x00 \u202e <|im_end|> {{ 7*7 }} 🦜"))).stop

    asyncio.run(main())


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.02)
    pytest.fail("not within ten seconds")


@pytest.mark.usefixtures("smollm2")
def test_a_cancelled_call_stops_and_gives_its_slot_back() -> None:
    async def main() -> None:
        model = local(max_tokens=900, extra={"n_parallel": 1, "ignore_eos": True})
        long = asyncio.create_task(model.reply(Conversation().user("Tell a very long story.")))
        waiting = asyncio.create_task(model.reply(Conversation().user("Another one.")))
        await until(lambda: model._server is not None and bool(model._server._running))
        waiting.cancel()
        long.cancel()
        results = await asyncio.gather(long, waiting, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)
        await until(lambda: model._server is not None and model._server.slots.idle == {0})
        await model.close()

    asyncio.run(main())


@pytest.mark.usefixtures("smollm2")
@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("how", ["interrupted", "left alone"])
def test_the_process_ends_while_a_reply_is_being_made(how: str) -> None:
    script = f"""
import asyncio, contextlib, os, signal, threading, time
from multiturn.conversation import Conversation
from multiturn.models.base import Options
from multiturn.models.local import LocalModel
signal.signal(signal.SIGINT, signal.default_int_handler)
model = LocalModel("local/smollm2", Options(max_tokens=100000, extra={{"n_ctx": 8192, "n_parallel": 1, "ignore_eos": True}}))
def talk():
    with contextlib.suppress(Exception): asyncio.run(model.reply(Conversation().user("Tell a story.")))
def wait():
    while model._server is None or not model._server._running: time.sleep(0.02)
if {how == "interrupted"}:
    threading.Thread(target=lambda: (wait(), os.kill(os.getpid(), signal.SIGINT)), daemon=True).start()
    talk()
else:
    threading.Thread(target=talk, daemon=True).start()
    wait()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == (-signal.SIGINT if how == "interrupted" else 0), done.stderr
    assert done.stdout == ""
    assert done.stderr.strip().endswith("KeyboardInterrupt") if how == "interrupted" else done.stderr == ""


@pytest.mark.usefixtures("smollm2")
def test_files_that_are_no_models(tmp_path: Path) -> None:
    (tmp_path / "text.gguf").write_text("hello")
    with fetch_weights("smollm2").open("rb") as whole:
        (tmp_path / "cut.gguf").write_bytes(whole.read(3_000_000))
    for name, says in (("text", "is not a GGUF file"), ("cut", "could not load")):
        with pytest.raises(ModelSetupError, match=says):
            asyncio.run(LocalModel(f"local/{tmp_path}/{name}.gguf").reply(Conversation().user("hi")))


def test_without_llama_cpp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.gguf").write_bytes(CONTENT)
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ModelSetupError, match=r'pip install "multiturn\[local\]"'):
        asyncio.run(LocalModel(f"local/{tmp_path}/own.gguf").reply(Conversation().user("hi")))


@pytest.mark.parametrize("extra", [{"n_ctx": "many"}, {"n_parallel": 0}, {"n_ubatch": -1}])
def test_settings_of_the_server_are_checked(extra: dict[str, Any]) -> None:
    with pytest.raises(ModelSetupError, match="must be a whole number"):
        LocalModel("local/smollm2", Options(extra=extra))
