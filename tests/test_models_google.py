"""Google's generateContent, against replies of its shape."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakeserver import Answer, FakeServer, reply_json, status
from multiturn.conversation import Conversation, Image, InputError, Text, Thought, ToolCall, ToolResult, Video
from multiturn.models import Reply, Tool, Usage, make_model

KEY = "AIza-0123456789"


def answer(*parts: dict[str, Any], reason: str | None = "STOP") -> Answer:
    return reply_json(
        {
            "candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": reason, "index": 0}],
            "usageMetadata": {
                "promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 3, "cachedContentTokenCount": 4,
                "totalTokenCount": 18,
            },
            "modelVersion": "gemini-2.5-flash",
        }
    )  # fmt: skip


def talk(
    server: FakeServer, chat: Conversation, options: str = "", tools: tuple[Tool, ...] = (), model: str = "gemini-2.5-flash"
) -> Reply:
    async def run() -> Reply:
        environ = {"GOOGLE_API_KEY": KEY, "GEMINI_BASE_URL": server.base_url.replace("/v1", "")}
        asked = make_model(f"google/{model}{options}", environ=environ)
        try:
            return await asked.reply(chat, tools)
        finally:
            await asked.close()

    return asyncio.run(run())


def sent(chat: Conversation, options: str = "", tools: tuple[Tool, ...] = (), model: str = "gemini-2.5-flash") -> Any:
    with FakeServer([answer({"text": "hello"})]) as server:
        talk(server, chat, options, tools, model)
        return server.bodies[0]


def test_request_and_reply() -> None:
    with FakeServer([answer({"text": "hm", "thought": True}, {"text": "hel"}, {"text": "lo"})]) as server:
        options = (
            "?temperature=1&top_p=0.5&max_tokens=7&stop=END&seed=3&system=first"
            '&extra.generationConfig={"thinkingConfig":{"thinkingBudget":0}}&extra.safetySettings=[]'
        )
        reply = talk(server, Conversation.start("sys").user("a").assistant("b").user("c").user("d"), options)
        request = server.requests[0]
        assert request.path == "/v1beta/models/gemini-2.5-flash:generateContent"
        assert request.headers["x-goog-api-key"] == KEY
        assert request.json == {
            "generationConfig": {
                "temperature": 1.0, "topP": 0.5, "maxOutputTokens": 7, "seed": 3, "stopSequences": ["END"],
                "thinkingConfig": {"thinkingBudget": 0},
            },
            "safetySettings": [],
            "systemInstruction": {"parts": [{"text": "first\nsys"}]},
            "contents": [
                {"role": "user", "parts": [{"text": "a"}]},
                {"role": "model", "parts": [{"text": "b"}]},
                {"role": "user", "parts": [{"text": "c"}, {"text": "d"}]},
            ],
        }  # fmt: skip
    assert reply.message.parts == (Thought("hm"), Text("hel"), Text("lo"))
    assert reply.message.text == "hello"
    assert (reply.stop, reply.served, reply.usage) == ("stop", "gemini-2.5-flash", Usage(10, 8, 4, 3))
    assert sent(Conversation().user("a")) == {"contents": [{"role": "user", "parts": [{"text": "a"}]}]}


def test_tools_there_and_back() -> None:
    parts = [
        {"functionCall": {"name": "add", "args": {"a": 1}}, "thoughtSignature": "sig"},
        {"functionCall": {"name": "add", "args": {"a": 2}}},
    ]
    with FakeServer([answer(*parts)]) as server:
        reply = talk(server, Conversation().user("hi"), tools=(Tool(name="add", parameters={"type": "object"}),))
        assert server.bodies[0]["tools"] == [
            {"functionDeclarations": [{"name": "add", "description": "", "parameters": {"type": "object"}}]}
        ]
    assert reply.stop == "tool_calls"
    assert [c.id for c in reply.message.tool_calls] == ["add/0", "add/1"]
    chat = Conversation().user("hi").add(reply.message).tool((ToolResult("add/0", "7"), ToolResult("add/1", "no", error=True)))
    contents = sent(chat, "?reasoning=keep")["contents"]
    assert contents[1] == {"role": "model", "parts": parts}
    assert contents[2]["parts"] == [
        {"functionResponse": {"name": "add", "response": {"result": "7"}}},
        {"functionResponse": {"name": "add", "response": {"error": "no"}}},
    ]
    assert "thoughtSignature" not in sent(chat)["contents"][1]["parts"][0]
    third = sent(chat, model="gemini-3-pro")["contents"][1]["parts"]
    assert {p["thoughtSignature"] for p in third} == {"skip_thought_signature_validator"}


def test_results_find_the_tools_name_by_the_calls_id() -> None:
    chat = Conversation().user("hi").assistant(ToolCall("call_9x", "look", "{}")).tool(ToolResult("call_9x", "ok"))
    assert sent(chat)["contents"][2]["parts"][0]["functionResponse"]["name"] == "look"


def test_media() -> None:
    chat = Conversation().user((Image(mime="image/png", data=b"\x89P"), Video(mime="video/mp4", url="gs://v")))
    assert sent(chat)["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "iVA="}},
        {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://v"}},
    ]


@pytest.mark.parametrize(
    ("reason", "stop"),
    [("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter"), ("PROHIBITED_CONTENT", "content_filter"),
     ("RECITATION", "content_filter"), ("MALFORMED_FUNCTION_CALL", "malformed_function_call"), (None, "stop")],
)  # fmt: skip
def test_stop_reasons(reason: str | None, stop: str) -> None:
    with FakeServer([answer({"text": "x"}, reason=reason)]) as server:
        assert talk(server, Conversation().user("hi")).stop == stop


@pytest.mark.parametrize(
    ("body", "stop"),
    [
        ({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}}, "content_filter"),
        ({"candidates": [], "usageMetadata": {}}, "stop"), ({"candidates": [{"finishReason": "SAFETY"}]}, "content_filter"),
        ({"candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}]}, "length"),
    ],
)  # fmt: skip
def test_empty_replies(body: dict[str, Any], stop: str) -> None:
    with FakeServer([reply_json(body)]) as server:
        reply = talk(server, Conversation().user("hi"))
        assert (reply.stop, reply.message.parts) == (stop, (Text(""),))


def test_a_wrong_key() -> None:
    refused = status(400, "API key not valid. Please pass a valid API key.", status="INVALID_ARGUMENT")
    with FakeServer([refused]) as server, pytest.raises(InputError, match="set GOOGLE_API_KEY"):
        talk(server, Conversation().user("hi"))
