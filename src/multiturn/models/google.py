"""Google's Gemini API (generateContent)."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from ..conversation import Conversation, Odds, Part, Text, Thought, ToolCall, ToolResult
from ..conversation.message import MEDIA
from .anthropic import arguments
from .base import Options, Tool, Usage
from .endpoint import Endpoint
from .hosted import OPENER, Answer, History, HostedModel, encode
from .logprobs import google_odds
from .openai import whole

_STOPS = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(
        ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "LANGUAGE"), "content_filter"
    ),
}
_UNSIGNED = "skip_thought_signature_validator"
"""Google's documented stand-in for the signature of a call that carries none (Gemini 3 refuses calls without)."""


class _Answer(Struct, rename="camel"):
    candidates: list[Any] | None = None
    prompt_feedback: Any = None
    usage_metadata: Any = None
    model_version: Any = None


_decode = msgspec.json.Decoder(_Answer).decode


class GoogleModel(HostedModel):
    """A model behind ``POST {base}/models/{model}:generateContent``.

    A blocked prompt is an empty reply that stops with ``content_filter``. Gemini matches tool results by the
    tool's name: the ids of calls are ``name/number``. A thought's signature rides on the part that follows it.
    """

    fixed = frozenset(("contents", "systemInstruction", "tools"))

    def __init__(self, name: str, options: Options, endpoint: Endpoint, *, model: str, priced_as: str = "") -> None:
        super().__init__(name, options, endpoint, model=model, priced_as=priced_as)
        self.path = f"/models/{quote(model, safe='')}:generateContent"
        o, extra = options, dict(options.extra)
        given: dict[str, Any] = {
            "temperature": o.temperature,
            "topP": o.top_p,
            "maxOutputTokens": o.max_tokens,
            "seed": o.seed,
            "stopSequences": o.stop or None,
        }
        if o.top_logprobs is not None:
            given |= {"responseLogprobs": True, "logprobs": o.top_logprobs}  # at most what the service allows
        config = {k: v for k, v in given.items() if v is not None}
        if isinstance(more := extra.pop("generationConfig", None), dict):
            config.update(more)
        self._start = encode({**({"generationConfig": config} if config else {}), **extra})[1:-1]
        self._history = History(self._blocks, options.reasoning)
        self._tools: tuple[tuple[Tool, ...], bytes] = ((), b"")

    def _body(self, chat: Conversation, tools: tuple[Tool, ...]) -> bytes:
        system, turns = self._history.split(chat, encode({"text": OPENER}))
        system = "\n".join(t for t in (self.options.system, system) if t)
        if tools is not self._tools[0]:
            listed = [
                {"name": t.name, "description": t.description, **({"parameters": t.parameters} if t.parameters else {})}
                for t in tools
            ]
            self._tools = (tools, b'"tools":' + encode([{"functionDeclarations": listed}]) if listed else b"")
        contents = b",".join(
            b'{"role":"%s","parts":[%s]}' % (b"model" if role == "assistant" else b"user", parts) for role, parts in turns
        )
        apart = b'"systemInstruction":' + encode({"parts": [{"text": system}]}) if system else b""
        fields = (self._start, apart, self._tools[1], b'"contents":[' + contents + b"]")
        return b"{" + b",".join(f for f in fields if f) + b"}"

    def _decode(self, data: bytes) -> Answer:
        found = _decode(data)
        usage = _usage(found.usage_metadata)
        served = found.model_version if isinstance(found.model_version, str) else ""
        if not found.candidates or not isinstance(first := found.candidates[0], dict):
            if isinstance(found.prompt_feedback, dict) and found.prompt_feedback.get("blockReason"):
                return Answer((), usage, "content_filter", served)
            if found.candidates is None and found.usage_metadata is None:
                raise msgspec.ValidationError("Object has no `candidates`")
            return Answer((), usage, "stop", served)
        content = first.get("content")
        items = content.get("parts") if isinstance(content, dict) else None
        parts = _parts(items if isinstance(items, list) else [])
        parts += google_odds(first.get("logprobsResult"))
        reason = first.get("finishReason")
        stop = _STOPS.get(reason, reason.lower()) if isinstance(reason, str) else "stop"
        if stop == "stop" and any(isinstance(p, ToolCall) for p in parts):
            stop = "tool_calls"
        return Answer(tuple(parts), usage, stop, served)

    def _blocks(self, node: Conversation, thoughts: bool) -> bytes:
        assert node.message is not None
        out: list[bytes] = []
        signature = ""
        for part in node.message.parts:
            if isinstance(part, Thought):
                if thoughts:
                    signature = part.signature
                    if part.text:
                        out.append(encode({"text": part.text, "thought": True}))
                continue
            item = None if isinstance(part, Odds) else _item(part, node)
            if item is None:
                continue
            if signature:
                item["thoughtSignature"] = signature
            elif isinstance(part, ToolCall) and self.model.startswith("gemini-3"):
                item["thoughtSignature"] = _UNSIGNED
            signature = ""
            out.append(encode(item))
        return b",".join(out)


def _item(part: Part, node: Conversation) -> dict[str, Any] | None:
    if isinstance(part, Text):
        return {"text": part.text} if part.text else None
    if isinstance(part, ToolCall):
        return {"functionCall": {"name": part.name, "args": arguments(part)}}
    if isinstance(part, ToolResult):
        return {"functionResponse": {"name": _called(node, part), "response": {"error" if part.error else "result": part.text}}}
    assert isinstance(part, MEDIA)
    if part.data is not None:
        return {"inlineData": {"mimeType": part.mime, "data": base64.b64encode(part.data).decode()}}
    return {"fileData": {"mimeType": part.mime, "fileUri": part.url or ""}}


def _called(node: Conversation, result: ToolResult) -> str:
    """The name of the tool that this result answers for: from the newest call with its id."""
    for earlier in node.path():
        assert earlier.message is not None
        for call in earlier.message.tool_calls:
            if call.id == result.call_id:
                return call.name
    return result.call_id


def _parts(items: list[Any]) -> list[Part]:
    parts: list[Part] = []
    calls = 0
    for item in items:
        if not isinstance(item, dict):
            continue
        signature = str(item.get("thoughtSignature") or "")
        text, call = item.get("text"), item.get("functionCall")
        if item.get("thought"):
            parts.append(Thought(str(text or ""), signature))
            continue
        if signature:
            parts.append(Thought("", signature))
        if isinstance(call, dict):
            name = str(call.get("name") or "")
            parts.append(ToolCall(f"{name}/{calls}", name, encode(call.get("args") or {}).decode()))
            calls += 1
        elif isinstance(text, str):
            parts.append(Text(text))
    return parts


def _usage(found: Any) -> Usage:
    """Gemini counts thoughts beside the answer; here they are a part of the output."""
    if not isinstance(found, dict):
        return Usage()
    thoughts = whole(found.get("thoughtsTokenCount"))
    out = whole(found.get("candidatesTokenCount")) + thoughts
    return Usage(whole(found.get("promptTokenCount")), out, whole(found.get("cachedContentTokenCount")), thoughts)
