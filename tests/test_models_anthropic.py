"""Anthropic's Messages API, against replies of its shape."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakeserver import Answer, FakeServer, reply_json, status
from multiturn.conversation import (
    Audio,
    CallError,
    ContextOverflow,
    Conversation,
    File,
    Image,
    InputError,
    Text,
    Thought,
    ToolCall,
    ToolResult,
)  # fmt: skip
from multiturn.models import Reply, Tool, Usage, make_model

KEY = "sk-ant-0123456789"


def answer(*content: dict[str, Any], stop: str = "end_turn", **usage: int) -> Answer:
    return reply_json(
        {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929",
            "content": list(content),
            "stop_reason": stop, "stop_sequence": None, "usage": {"input_tokens": 10, "output_tokens": 5, **usage},
        }
    )  # fmt: skip


TEXT = {"type": "text", "text": "hello"}


def talk(server: FakeServer, chat: Conversation, options: str = "", tools: tuple[Tool, ...] = ()) -> Reply:
    async def run() -> Reply:
        environ = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": server.base_url.removesuffix("/v1")}
        model = make_model("anthropic/claude-sonnet-4-5" + options, environ=environ)
        try:
            return await model.reply(chat, tools)
        finally:
            await model.close()

    return asyncio.run(run())


def sent(chat: Conversation, options: str = "", tools: tuple[Tool, ...] = ()) -> Any:
    with FakeServer([answer(TEXT)]) as server:
        talk(server, chat, options, tools)
        return server.bodies[0]


def user(*texts: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": t} for t in texts]}


def test_request_and_reply() -> None:
    with FakeServer([answer(TEXT, cache_read_input_tokens=100, cache_creation_input_tokens=20)]) as server:
        reply = talk(server, Conversation.start("sys").user("hi"), "?temperature=1&top_p=0.5&max_tokens=7&stop=END&system=first")
        request = server.requests[0]
        assert request.path == "/v1/messages"
        assert request.headers["x-api-key"] == KEY
        assert request.headers["anthropic-version"] == "2023-06-01"
        assert request.json == {
            "model": "claude-sonnet-4-5", "max_tokens": 7, "temperature": 1.0, "top_p": 0.5, "stop_sequences": ["END"],
            "system": "first\nsys", "messages": [user("hi")],
        }  # fmt: skip
    assert reply.message.parts == (Text("hello"),)
    assert (reply.stop, reply.usage) == ("stop", Usage(130, 5, 100))
    assert reply.served == "claude-sonnet-4-5-20250929"


def test_roles_alternate() -> None:
    chat = Conversation().assistant("first").user("a").user("b").assistant("").user("c").system("late").assistant("d")
    assert sent(chat)["messages"] == [
        user("."),
        {"role": "assistant", "content": [{"type": "text", "text": "first"}]},
        user("a", "b", "c", "late"),
        {"role": "assistant", "content": [{"type": "text", "text": "d"}]},
    ]
    assert sent(chat)["max_tokens"] == 4096
    assert "system" not in sent(chat)


def test_tools_there_and_back() -> None:
    calls = [{"type": "tool_use", "id": f"t{i}", "name": "add", "input": {"a": i}} for i in range(2)]
    with FakeServer([answer({"type": "text", "text": "let me"}, *calls, stop="tool_use")]) as server:
        reply = talk(server, Conversation().user("hi"), tools=(Tool(name="add", description="adds"),))
        assert server.bodies[0]["tools"] == [
            {"name": "add", "description": "adds", "input_schema": {"type": "object", "properties": {}}}
        ]
    assert reply.stop == "tool_calls"
    assert reply.message.tool_calls == (ToolCall("t0", "add", '{"a":0}'), ToolCall("t1", "add", '{"a":1}'))
    chat = (
        Conversation().user("hi").add(reply.message).tool((ToolResult("t0", "1"), ToolResult("t1", "no", error=True))).user("so?")
    )
    messages = sent(chat)["messages"]
    assert messages[1]["content"][1:] == calls
    assert messages[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "t0", "content": "1"},
        {"type": "tool_result", "tool_use_id": "t1", "content": "no", "is_error": True},
        {"type": "text", "text": "so?"},
    ]
    for hostile in ("{not json", "3", "[" * 5000):
        chat = Conversation().user("hi").assistant(ToolCall("t", "add", hostile))
        assert sent(chat)["messages"][1]["content"][0]["input"] == {"arguments": hostile}


def test_thoughts_go_back_as_asked() -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": "sig"}
    redacted = {"type": "redacted_thinking", "data": "xyz"}
    with FakeServer([answer(thinking, redacted, TEXT)]) as server:
        reply = talk(server, Conversation().user("hi"))
    assert reply.message.parts[0] == Thought("hm", "sig")
    assert reply.message.text == "hello"
    chat = Conversation().user("hi").add(reply.message).user("more").assistant((Thought("unsigned"), Text("x"))).user("on")

    def kinds(options: str) -> list[list[str]]:
        return [[b["type"] for b in m["content"]] for m in sent(chat, options)["messages"]]

    assert kinds("") == [["text"]] * 5
    assert kinds("?reasoning=keep") == [["text"], ["thinking", "redacted_thinking", "text"], ["text"], ["text"], ["text"]]
    assert kinds("?reasoning=last") == [["text"]] * 5
    assert sent(chat, "?reasoning=keep")["messages"][1]["content"] == [thinking, redacted, TEXT]


def test_media() -> None:
    chat = Conversation().user(
        (
            Text("see"),
            Image(mime="image/png", data=b"\x89P"),
            Image(mime="image/png", url="http://x/y.png"),
            File("application/pdf", b"%P"),
        )
    )
    content = sent(chat)["messages"][0]["content"]
    assert content[1] == {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVA="}}
    assert content[2] == {"type": "image", "source": {"type": "url", "url": "http://x/y.png"}}
    assert content[3]["type"] == "document"
    with pytest.raises(CallError, match="takes no audio"):
        sent(Conversation().user(Audio(mime="audio/wav", data=b"x")))


@pytest.mark.parametrize(
    ("given", "stop"),
    [("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("refusal", "content_filter"),
     ("pause_turn", "pause_turn"), ("model_context_window_exceeded", "length")],
)  # fmt: skip
def test_stop_reasons(given: str, stop: str) -> None:
    with FakeServer([answer(TEXT, stop=given)]) as server:
        assert talk(server, Conversation().user("hi")).stop == stop


def test_an_empty_reply_is_a_reply() -> None:
    with FakeServer([answer()]) as server:
        assert talk(server, Conversation().user("hi")).message.parts == (Text(""),)


def test_errors() -> None:
    with pytest.raises(InputError, match="has no option `seed`"):
        make_model("anthropic/claude?seed=3", environ={"ANTHROPIC_API_KEY": KEY})
    with (
        FakeServer([status(400, "prompt is too long: 213462 tokens > 200000 maximum")]) as server,
        pytest.raises(ContextOverflow),
    ):
        talk(server, Conversation().user("hi"))
    with FakeServer([status(401, f"invalid x-api-key {KEY}")]) as server:
        with pytest.raises(InputError, match="set ANTHROPIC_API_KEY") as caught:
            talk(server, Conversation().user("hi"))
        assert KEY not in str(caught.value)


def test_a_message_is_made_into_blocks_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from multiturn.models import anthropic

    made: list[Any] = []
    block = anthropic._block
    monkeypatch.setattr(anthropic, "_block", lambda part: made.append(part) or block(part))  # type: ignore[func-returns-value]
    chat = Conversation().user("u")

    async def run(url: str, chat: Conversation) -> None:
        model = make_model("anthropic/c", environ={"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": url})
        for i in range(5):
            chat = chat.add((await model.reply(chat)).message).user(f"u{i}")
        await model.close()

    with FakeServer(default=answer(TEXT)) as server:
        asyncio.run(run(server.base_url, chat))
        assert server.count == 5
    assert len(made) == 9
