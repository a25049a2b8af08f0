"""Chat completions: what is sent, and what is made of every kind of answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakeserver import Answer, FakeServer, Received, chat, reply_json, status
from multiturn.conversation import CallError, Conversation, Image, InputError, Text, Thought, ToolCall, ToolResult, wire
from multiturn.models import Options, Reply, Tool, Usage, make_model
from multiturn.models.endpoint import Endpoint
from multiturn.models.failures import Rejection
from multiturn.models.openai import OpenAIModel

HELLO = Conversation().user("hi")


def talk(server: FakeServer, *chats: Conversation, options: str = "", tools: tuple[Tool, ...] = ()) -> list[Reply]:
    async def run() -> list[Reply]:
        model = make_model(f"{server.base_url}#m{options}", environ={})
        try:
            return [await model.reply(c, tools) for c in chats]
        finally:
            await model.close()

    return asyncio.run(run())


def decoded(answer: Answer) -> Reply:
    with FakeServer([answer]) as server:
        return talk(server, HELLO)[0]


def test_every_option_arrives() -> None:
    options = (
        '?temperature=0.5&top_p=0.9&max_tokens=33&seed=7&stop=["a","b"]&system=Be%20brief%26kind'
        "&extra.top_k=40&extra.reasoning_effort=low"
    )
    with FakeServer() as server:
        talk(server, HELLO, options=options)
        assert server.bodies == [
            {
                "model": "m", "temperature": 0.5, "top_p": 0.9, "max_tokens": 33, "seed": 7, "stop": ["a", "b"],
                "top_k": 40, "reasoning_effort": "low",
                "messages": [{"role": "system", "content": "Be brief&kind"}, {"role": "user", "content": "hi"}],
            }
        ]  # fmt: skip
        assert server.requests[0].path == "/v1/chat/completions"
        assert "authorization" not in server.requests[0].headers


def test_nothing_is_sent_that_was_not_asked_for() -> None:
    with FakeServer() as server:
        talk(server, HELLO, Conversation())
        assert server.bodies[0] == {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        assert server.bodies[1] == {"model": "m", "messages": []}
        talk(server, Conversation(), options="?system=s")
        assert server.bodies[2]["messages"] == [{"role": "system", "content": "s"}]


def test_tools_arrive() -> None:
    tool = Tool(name="add", description="adds", parameters={"type": "object"})
    with FakeServer() as server:
        talk(server, HELLO, HELLO, tools=(tool,))
        talk(server, HELLO)
        function = {"name": "add", "description": "adds", "parameters": {"type": "object"}}
        assert server.bodies[0]["tools"] == server.bodies[1]["tools"] == [{"type": "function", "function": function}]
        assert "tools" not in server.bodies[2]


def test_reserved_fields_cannot_be_set() -> None:
    with pytest.raises(InputError, match="cannot set stream"):
        make_model("http://h/v1#m?extra.stream=true", environ={})


def test_a_message_is_serialised_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    encode = wire._encode
    monkeypatch.setattr(wire, "_encode", lambda m: seen.append(m) or encode(m))  # type: ignore[func-returns-value]
    chat_ = Conversation().user("fresh")
    chats = [chat_]
    for i in range(5):
        chat_ = chat_.assistant(f"a{i}").user(f"u{i}")
        chats += [chat_, chat_]
    with FakeServer() as server:
        talk(server, *chats)
        assert len(seen) == 11  # as many as there are messages, in eleven requests
        assert [len(b["messages"]) for b in server.bodies] == [1, 3, 3, 5, 5, 7, 7, 9, 9, 11, 11]


def test_a_plain_reply() -> None:
    reply = decoded(chat("hello"))
    assert reply.message.parts == (Text("hello"),)
    assert reply.message.role == "assistant"
    assert (reply.usage, reply.stop, reply.served, reply.retries, reply.cost) == (Usage(11, 7), "stop", "fake-1", 0, None)
    assert reply.latency > 0


def message(value: dict[str, Any], **fields: Any) -> Answer:
    return reply_json({"model": "x", "choices": [{"message": value, "finish_reason": "stop"}], **fields})


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ({"content": ""}, (Text(""),)), ({"content": None}, (Text(""),)), ({}, (Text(""),)),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}, {"type": "odd"}, 3]}, (Text("a"), Text("b"))),
        ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "t"}]}, {"type": "text", "text": "a"}]},
         (Thought("t"), Text("a"))),
        ({"content": "a", "reasoning_content": "t"}, (Thought("t"), Text("a"))),
        ({"content": "a", "reasoning": "t"}, (Thought("t"), Text("a"))),
        ({"content": "a", "reasoning": {"odd": 1}}, (Text("a"),)),
        ({"content": None, "refusal": "I can't."}, (Text("I can't."),)),
        ({"content": None, "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{bad"}}]},
         (ToolCall("c", "f", "{bad"),)),
        ({"content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}, {"odd": 1}]},
         (ToolCall("call_0", "f", '{"a":1}'),)),
        ({"content": 5, "tool_calls": "odd"}, (Text(""),)),
    ],
)  # fmt: skip
def test_shapes_of_a_message(value: dict[str, Any], parts: tuple[Any, ...]) -> None:
    assert decoded(message(value)).message.parts == parts


@pytest.mark.parametrize("choices", [[], None, [{}], [{"message": None}]])
def test_an_empty_reply_is_a_reply(choices: Any) -> None:
    reply = decoded(reply_json({"choices": choices}))
    assert reply.message.parts == (Text(""),)
    assert (reply.retries, reply.stop, reply.served) == (0, "stop", "m")


@pytest.mark.parametrize(
    ("given_", "stop"),
    [("length", "length"), ("tool_calls", "tool_calls"), ("function_call", "tool_calls"), (None, "stop"), ("eos", "stop"),
     ("content_filter", "content_filter"), ("their_own_word", "their_own_word"), (3, "stop")],
)  # fmt: skip
def test_stop_reasons(given_: Any, stop: str) -> None:
    assert decoded(chat(stop=given_)).stop == stop


@pytest.mark.parametrize(
    ("usage", "found"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4},
          "completion_tokens_details": {"reasoning_tokens": 2}}, Usage(10, 5, 4, 2)),
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 17, "completion_tokens_details": {"reasoning_tokens": 2}},
         Usage(10, 7, 0, 2)),
        ({"prompt_tokens": 10, "completion_tokens": 5, "prompt_cache_hit_tokens": 3}, Usage(10, 5, 3)),
        ({"prompt_tokens": None, "completion_tokens": "many", "prompt_tokens_details": None}, Usage()),
        ({"prompt_tokens": -4, "completion_tokens": 5.0}, Usage(0, 5)), ([], Usage()), (None, Usage()),
    ],
)  # fmt: skip
def test_usage(usage: Any, found: Usage) -> None:
    assert decoded(message({"content": "a"}, usage=usage)).usage == found


def test_a_price_in_the_reply_is_taken() -> None:
    assert decoded(message({"content": "a"}, usage={"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.25})).cost == 0.25


FIELDS = ["choices", "message", "content", "tool_calls", "function", "usage", "error", "text", "thinking", "reasoning"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_whatever_json_arrives_it_is_a_reply_or_a_bad_one(value: Any) -> None:
    model = OpenAIModel("openai/m", Options(), Endpoint("http://h"), model="m")
    for data in (value, {"choices": value}, {"choices": [{"message": value}], "usage": value}):
        try:
            answer = model._decode(json.dumps(data).encode())
        except (msgspec.DecodeError, Rejection):
            continue
        msgspec.json.encode(answer.parts)


def limit_refused(wanted: str) -> Any:
    other = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}[wanted]

    def handle(request: Received) -> Answer:
        if other in request.json:
            return status(400, f"Unsupported parameter: '{other}' is not supported with this model. Use '{wanted}' instead.")
        return chat()

    return handle


def test_the_other_name_of_the_token_limit_is_learnt() -> None:
    with FakeServer(default=limit_refused("max_completion_tokens")) as server:
        talk(server, HELLO, HELLO, options="?max_tokens=9")
        assert [b.get("max_completion_tokens") for b in server.bodies] == [None, 9, 9]
        assert [b.get("max_tokens") for b in server.bodies] == [9, None, None]


def test_a_token_limit_that_is_refused_for_itself_is_an_error() -> None:
    with FakeServer(default=status(400, "max_tokens is too large: 9")) as server, pytest.raises(CallError, match="too large"):
        talk(server, HELLO, options="?max_tokens=9")
    with FakeServer(default=status(400, "max_tokens and max_completion_tokens are not supported")) as server:
        with pytest.raises(CallError, match="request refused"):
            talk(server, HELLO, options="?max_tokens=9")
        assert server.count == 2


def test_images_tools_and_thoughts_go_back() -> None:
    chat_ = (
        HELLO.user((Text("see"), Image(mime="image/png", data=b"\x89P")))
        .assistant((Thought("hm"), ToolCall("c1", "f", "{}")))
        .tool(ToolResult("c1", "42"))
    )
    with FakeServer() as server:
        talk(server, chat_)
        talk(server, chat_, options="?reasoning=keep")
        sent = server.bodies[0]["messages"]
        assert sent[1]["content"][1]["image_url"]["url"] == "data:image/png;base64,iVA="
        assert sent[2]["tool_calls"][0]["id"] == sent[3]["tool_call_id"] == "c1"
        assert "reasoning_content" not in sent[2]
        assert server.bodies[1]["messages"][2]["reasoning_content"] == "hm"


def test_many_at_once() -> None:
    async def run(url: str) -> int:
        model = make_model(f"{url}#m", environ={})
        replies = await asyncio.gather(*(model.reply(Conversation().user(str(i))) for i in range(50)))
        await model.close()
        return len(replies)

    with FakeServer(default=chat(delay=0.02)) as server:
        assert asyncio.run(run(server.base_url)) == 50
        assert server.peak > 10
        assert sorted(int(b["messages"][0]["content"]) for b in server.bodies) == list(range(50))
