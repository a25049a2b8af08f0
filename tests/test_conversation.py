"""Conversations: identity, immutability, views, wire form, files."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiturn.conversation import (
    Audio,
    Conversation,
    File,
    Image,
    Message,
    Part,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Video,
    flipped,
    from_openai,
    openai_wire,
    seen_by,
    to_openai,
    window,
    wire,
)
from multiturn.conversation.message import canonical, from_canonical, mended
from multiturn.conversation.wire import message_dict
from multiturn.engine.store import Store
from players import FunctionModel

# Any text at all: control characters, emoji, lone surrogates.
texts = st.text(st.characters(), max_size=20)
names = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=8)
plain = st.builds(Text, texts)
calls = st.builds(ToolCall, names, names, st.just('{"x": 1}'))
media = st.one_of(
    st.builds(Image, st.just("image/png"), st.binary(max_size=9)),
    st.builds(Image, st.just("image/png"), url=st.just("https://example.org/a.png")),
    st.builds(Video, st.just("video/mp4"), st.binary(max_size=9)),
    st.builds(File, st.just("text/plain"), st.binary(max_size=9), name=names),
    st.builds(Audio, st.just("audio/wav"), st.binary(max_size=9)),
)


def some(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Part, ...]]:
    return st.lists(parts, min_size=1, max_size=3).map(tuple)


authors = st.sampled_from(["", "gold", "attacker", "Ü"])
systems = st.builds(Message, st.just("system"), some(plain), authors)
users = st.builds(Message, st.just("user"), some(st.one_of(plain, media)), authors)
replies = st.builds(Message, st.just("assistant"), some(st.one_of(plain, st.builds(Thought, texts), calls)), authors)
tools = st.builds(Message, st.just("tool"), some(st.builds(ToolResult, names, texts, st.booleans())), authors)
messages = st.one_of(systems, users, replies, tools)
chats = st.lists(messages, max_size=8).map(Conversation.of)


# -- identity --------------------------------------------------------------------------------------------------------
@given(st.lists(messages, max_size=6), st.lists(messages, max_size=6))
def test_ids_are_the_histories(one: list[Message], other: list[Message]) -> None:
    a, b = Conversation.of(one), Conversation.of(other)
    assert (a == b) == (a.id == b.id) == ([canonical(m) for m in one] == [canonical(m) for m in other])
    assert a == Conversation.of(list(one))
    assert hash(a) == hash(Conversation.of(one))
    assert len(a.id) == 16


@given(st.lists(messages, min_size=1, max_size=6), st.data())
def test_any_change_anywhere_is_another_conversation(said: list[Message], data: st.DataObject) -> None:
    i = data.draw(st.integers(0, len(said) - 1))
    old = said[i]
    changed = [
        Message("user" if old.role != "user" else "system", old.parts, old.author),
        Message(old.role, old.parts, old.author + "x"),
        Message(old.role, (*old.parts, Text("")), old.author),
        Message(old.role, old.parts[1:], old.author),
    ]
    chat = Conversation.of(said)
    ids = {chat.id} | {Conversation.of([*said[:i], new, *said[i + 1 :]]).id for new in changed}
    assert len(ids) == 5
    assert chat.parent is not None
    assert chat.parent.id == Conversation.of(said[:-1]).id
    assert chat.parent.id != chat.id


def test_parts_that_look_alike_are_not() -> None:
    alike = [
        Text("x"), Thought("x"), ToolResult("x", ""), ToolResult("", "x"), ToolCall("x", "", ""), ToolCall("", "x", ""),
        Image("x"), File("x"), Image("x", b""), Image("x", url="y"), Image("x", name="y"), Text('{"type":"text","text":"x"}'),
    ]  # fmt: skip
    assert len({Conversation().say("user", part).id for part in alike}) == len(alike)
    assert Conversation().user("ab").id != Conversation().user((Text("a"), Text("b"))).id
    assert Conversation().user("a").user("b").id != Conversation().user("a").assistant("b").id


@given(chats, messages)
def test_nothing_is_changed_by_growing(chat: Conversation, more: Message) -> None:
    id_, said, wired = chat.id, chat.messages, openai_wire(chat)
    longer = chat.add(more)
    assert (chat.id, chat.messages, len(chat), openai_wire(chat)) == (id_, said, len(said), wired)
    assert longer.parent is chat
    assert longer.messages == (*said, more)
    with pytest.raises(AttributeError):
        more.role = "user"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        more.parts[0].text = "y"  # type: ignore[misc, union-attr]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Message("human", (Text("x"),)),  # type: ignore[arg-type]
        lambda: Conversation().say("bot", "x"),  # type: ignore[arg-type]
        lambda: Conversation().user(None),  # type: ignore[arg-type]
        lambda: Conversation().user(3),  # type: ignore[arg-type]
        lambda: Conversation().user(["x"]),  # type: ignore[list-item]
        lambda: Message("user", [Text("x")]),  # type: ignore[arg-type]
        lambda: Text(None),  # type: ignore[arg-type]
        lambda: ToolCall("1", "add", {"x": 1}),  # type: ignore[arg-type]
        lambda: Image("image/png", "text"),  # type: ignore[arg-type]
        lambda: Message("user", (Text("x"),), None),  # type: ignore[arg-type]
    ],
)
def test_what_could_not_be_read_back_never_becomes_a_message(make: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"text|parts|role|bytes"):
        make()


# -- stored form -----------------------------------------------------------------------------------------------------
@given(messages)
def test_the_stored_form_reads_back(message: Message) -> None:
    stored = canonical(message)
    back = from_canonical(stored)
    assert canonical(back) == stored
    assert (back.role, back.author, back.text, back.tool_calls) == (
        message.role,
        message.author,
        message.text,
        message.tool_calls,
    )
    assert [p.digest for p in back.media] == [p.digest for p in message.media]
    assert all(p.data is None for p in back.media)
    if not any(p.data is not None for p in message.media):
        assert back == message


def test_media_stand_as_the_hash_of_their_bytes() -> None:
    picture = Image("image/png", b"pixels")
    chat = Conversation().user((Text("what is this?"), picture))
    assert b"pixels" not in canonical(chat.messages[0])
    assert canonical(chat.messages[0]).count(picture.digest.encode()) == 1
    assert Conversation().user((Text("what is this?"), Image("image/png", b"others"))).id != chat.id
    assert Conversation().user((Text("what is this?"), picture.detached())).id == chat.id  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(chats)
def test_a_store_gives_back_what_was_said(chat: Conversation) -> None:
    from multiturn.engine.plan import Plan
    from multiturn.engine.run import Runner
    from multiturn.engine.runs import find_run, open_run, played
    from players import Free

    async def play(case: object, cast: object) -> Conversation:
        return chat

    import asyncio

    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "s.db", writable=True) as store:
        plan = Plan([Free(play, n=1)], [FunctionModel(lambda c: "")])
        run = open_run(store, plan)
        assert asyncio.run(Runner(plan, store).run()) == "done"
        (found,) = played(store, find_run(store, run))
        assert found.chat == chat
        assert found.chat.messages == chat.messages  # media have their bytes again
        assert openai_wire(found.chat) == openai_wire(chat)


# -- text that is no text --------------------------------------------------------------------------------------------
@given(texts)
def test_lone_surrogates_are_replaced_when_a_message_is_made(text: str) -> None:
    kept = Text(text).text
    kept.encode()
    assert mended(kept) == kept
    if not any("\ud800" <= c <= "\udfff" for c in text):
        assert kept == text
    chat = Conversation().system(text).user(text, author=text).tool(ToolResult(text, text)).assistant((Thought(text), Text(text)))
    openai_wire(chat, "keep").decode()
    assert len(chat.id) == 16


def test_surrogate_pairs_become_the_character_they_mean() -> None:
    assert Text("\ud83d\ude00 \ud83d!").text == "😀 \ufffd!"
    assert Message("user", (Text("x"),), "\ud800").author == "\ufffd"


# -- turns and views -------------------------------------------------------------------------------------------------
@given(chats)
def test_turns_hold_every_message_after_the_first_question(chat: Conversation) -> None:
    said = list(chat.messages)
    first = next((i for i, m in enumerate(said) if m.role == "user"), len(said))
    assert [m for t in chat.turns for m in (t.user, *t.answers)] == said[first:]
    assert [t.number for t in chat.turns] == list(range(1, len(chat.turns) + 1))
    for turn in chat.turns:
        assert turn.answered == any(m.role == "assistant" for m in turn.answers)
        assert turn.chat.messages == chat.messages[: turn.chat.depth]
        assert turn.reply == next((m.text for m in reversed(turn.answers) if m.role == "assistant"), "")
    if chat.turns:
        assert chat.turns[-1].chat is chat


@given(chats)
def test_flipping_twice_is_the_conversation_without_what_is_private(chat: Conversation) -> None:
    twice = flipped(flipped(chat))
    kept = []
    for m in chat.messages:
        parts = tuple(p for p in m.parts if not isinstance(p, (Thought, ToolCall)))
        if m.role in ("user", "assistant") and parts:
            kept.append(Message(m.role, parts, m.author))
    assert list(twice.messages) == kept
    assert [m.role for m in flipped(chat, system="be Ann").messages][:1] == ["system"]


@given(chats, st.sets(st.sampled_from(["", "gold", "user", "tool", "attacker"])))
def test_one_participants_view(chat: Conversation, hidden: set[str]) -> None:
    seen = seen_by(chat, hidden)
    assert list(seen.messages) == [m for m in chat.messages if (m.author or m.role) not in hidden]
    assert seen_by(seen, hidden) == seen
    assert seen_by(chat, ()) == chat


@given(chats, st.integers(1, 9))
def test_a_window_is_the_last_turns(chat: Conversation, turns: int) -> None:
    part = window(chat, turns)
    if len(chat.turns) <= turns:
        assert part == chat
        return
    assert [t.user for t in part.turns] == [t.user for t in chat.turns[-turns:]]
    assert [m for m in part.messages if m.role == "system"] == [m for m in chat.messages if m.role == "system"]
    assert window(part, turns) == part
    with pytest.raises(ValueError, match="at least one turn"):
        window(chat, 0)


# -- wire form -------------------------------------------------------------------------------------------------------
def wire_dicts(chat: Conversation, thoughts: set[int]) -> list[dict[str, Any]]:
    """The wire form by its definition: each message alone, a tool message's results one by one."""
    found = []
    for i, m in enumerate(chat.messages):
        if m.role == "tool" and len(m.parts) > 1:
            found += [message_dict(Message("tool", (p,))) for p in m.parts]
        else:
            found.append(message_dict(m, i in thoughts))
    return found


@given(chats)
def test_the_wire_form_is_that_of_each_message(chat: Conversation) -> None:
    said = [i for i, m in enumerate(chat.messages) if m.role == "assistant"]
    for mode, thoughts in (("drop", set()), ("keep", set(said)), ("last", set(said[-1:]))):
        assert json.loads(openai_wire(chat, mode)) == wire_dicts(chat, thoughts)  # type: ignore[arg-type]


def test_each_message_is_serialised_once_however_many_branches_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[bytes] = []
    real = wire._encode

    def counting(value: object) -> bytes:
        encoded.append(real(value))
        return encoded[-1]

    monkeypatch.setattr(wire, "_encode", counting)
    chat = Conversation.start(system="be brief")
    for turn in range(50):
        chat = chat.user(f"question {turn}")
        openai_wire(chat)
        chat = chat.assistant(f"answer {turn}")
        openai_wire(chat.user("a branch that is not followed"))
    assert len(encoded) == 1 + 50 * 3
    assert openai_wire(chat).count(b'"role"') == 101


def test_reasoning_is_dropped_kept_or_the_last_one_kept() -> None:
    chat = Conversation().user("1+1?")
    chat = chat.assistant((Thought("one and one"), Text("2"))).user("and 2+2?").assistant((Thought("two and two"), Text("4")))
    sent = {mode: openai_wire(chat, mode).decode() for mode in ("drop", "keep", "last")}  # type: ignore[arg-type]
    assert [m.count("one and one") for m in sent.values()] == [0, 1, 0]
    assert [m.count("two and two") for m in sent.values()] == [0, 1, 1]
    assert chat.reply == "4"


def test_tool_calls_and_results() -> None:
    chat = Conversation().user("add").assistant((ToolCall("a", "add", '{"x":1}'), ToolCall("b", "add", "{}")))
    chat = chat.tool((ToolResult("a", "1"), ToolResult("b", "no x", error=True))).assistant("1, and an error")
    sent = json.loads(openai_wire(chat))
    assert sent[1] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "add", "arguments": '{"x":1}'}},
            {"id": "b", "type": "function", "function": {"name": "add", "arguments": "{}"}},
        ],
    }
    assert sent[2:4] == [
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": "no x"},
    ]
    assert chat.messages[1].tool_calls[0].arguments == '{"x":1}'
    assert from_openai(to_openai(chat)).turns[0].reply == "1, and an error"
