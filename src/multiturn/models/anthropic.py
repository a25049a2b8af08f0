"""Anthropic's Messages API."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from ..conversation import CallError, Conversation, File, Image, InputError, Odds, Part, Text, Thought, ToolCall, ToolResult
from .base import Options, Tool, Usage
from .endpoint import Endpoint
from .failures import BAD_JSON
from .hosted import OPENER, Answer, History, HostedModel, encode
from .openai import whole

VERSION = "2023-06-01"
MAX_TOKENS = 4096
"""The API wants a limit; this one is sent when the user gives none."""

_STOPS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_REDACTED = "redacted_thinking:"
"""Marks the signature of a thought that came encrypted, so that it can go back as it came."""


class _Answer(Struct):
    content: list[Any] | UnsetType | None = UNSET
    stop_reason: Any = None
    model: Any = None
    usage: Any = None


_decode = msgspec.json.Decoder(_Answer).decode


class AnthropicModel(HostedModel):
    """A model behind ``POST {base}/messages``.

    The system text goes apart; neighbouring messages of one role are merged; thoughts with their signature go
    back as the option ``reasoning`` says. There is no seed. A conversation that begins with the assistant gets
    ``.`` as the user's first word, because the API wants the user to begin.
    """

    path = "/messages"
    fixed = frozenset(("model", "messages", "system", "tools", "stream"))

    def __init__(self, name: str, options: Options, endpoint: Endpoint, *, model: str, priced_as: str = "") -> None:
        super().__init__(name, options, endpoint, model=model, priced_as=priced_as)
        if options.seed is not None:
            raise InputError(f"model `{name}`: Anthropic has no option `seed`")
        if options.top_logprobs is not None:
            raise InputError(f"model `{name}`: Anthropic gives no token probabilities (`top_logprobs`)")
        fields: dict[str, Any] = {"model": model, "max_tokens": options.max_tokens or MAX_TOKENS}
        if options.temperature is not None:
            fields["temperature"] = options.temperature
        if options.top_p is not None:
            fields["top_p"] = options.top_p
        if options.stop:
            fields["stop_sequences"] = options.stop
        fields.update(options.extra)
        self._start = encode(fields)[:-1]
        self._history = History(_blocks, options.reasoning)
        self._tools: tuple[tuple[Tool, ...], bytes] = ((), b"")

    def _body(self, chat: Conversation, tools: tuple[Tool, ...]) -> bytes:
        system, turns = self._history.split(chat, encode({"type": "text", "text": OPENER}))
        system = "\n".join(t for t in (self.options.system, system) if t)
        if tools is not self._tools[0]:
            listed = [{"name": t.name, "description": t.description, "input_schema": t.parameters or _NO_INPUT} for t in tools]
            self._tools = (tools, b',"tools":' + encode(listed) if listed else b"")
        messages = b",".join(b'{"role":"%s","content":[%s]}' % (role.encode(), content) for role, content in turns)
        apart = b',"system":' + encode(system) if system else b""
        return b"".join((self._start, apart, self._tools[1], b',"messages":[', messages, b"]}"))

    def _decode(self, data: bytes) -> Answer:
        found = _decode(data)
        if found.content is UNSET:
            raise msgspec.ValidationError("Object has no `content`")
        parts = tuple(p for item in found.content or () if isinstance(item, dict) for p in _part(item))
        stop = found.stop_reason if isinstance(found.stop_reason, str) else "stop"
        served = found.model if isinstance(found.model, str) else ""
        return Answer(parts, _usage(found.usage), _STOPS.get(stop, stop), served)


_NO_INPUT = {"type": "object", "properties": {}}


def _part(item: dict[str, Any]) -> list[Part]:
    kind = item.get("type")
    if kind == "text":
        return [Text(str(item.get("text") or ""))]
    if kind == "thinking":
        return [Thought(str(item.get("thinking") or ""), str(item.get("signature") or ""))]
    if kind == "redacted_thinking":
        return [Thought("", _REDACTED + str(item.get("data") or ""))]
    if kind == "tool_use":
        return [ToolCall(str(item.get("id") or ""), str(item.get("name") or ""), encode(item.get("input") or {}).decode())]
    return []  # blocks of the provider's own tools


def _usage(found: Any) -> Usage:
    """Anthropic counts cached input beside the rest; here it is a part of the input."""
    if not isinstance(found, dict):
        return Usage()
    cached = whole(found.get("cache_read_input_tokens"))
    into = whole(found.get("input_tokens")) + cached + whole(found.get("cache_creation_input_tokens"))
    return Usage(into, whole(found.get("output_tokens")), cached)


def _blocks(node: Conversation, thoughts: bool) -> bytes:
    assert node.message is not None
    blocks = [
        _block(p)
        for p in node.message.parts
        if not isinstance(p, (Thought, Odds)) or (isinstance(p, Thought) and thoughts and p.signature)
    ]
    return b",".join(encode(b) for b in blocks if b is not None)


def _block(part: Part) -> dict[str, Any] | None:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text} if part.text.strip() else None  # the API refuses blank text
    if isinstance(part, Thought):
        if part.signature.startswith(_REDACTED):
            return {"type": "redacted_thinking", "data": part.signature[len(_REDACTED) :]}
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    if isinstance(part, ToolCall):
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments(part)}
    if isinstance(part, ToolResult):
        result: dict[str, Any] = {"type": "tool_result", "tool_use_id": part.call_id, "content": part.text}
        return {**result, "is_error": True} if part.error else result
    if isinstance(part, (Image, File)):
        source = (
            {"type": "base64", "media_type": part.mime, "data": base64.b64encode(part.data).decode()}
            if part.data is not None
            else {"type": "url", "url": part.url or ""}
        )
        return {"type": "image" if isinstance(part, Image) else "document", "source": source}
    raise CallError(f"Anthropic takes no {type(part).__name__.lower()}", cause="part not supported")


def arguments(call: ToolCall) -> dict[str, Any]:
    """The call's arguments as an object; text that is not one stands under ``arguments``, as the model wrote it."""
    try:
        value = msgspec.json.decode(call.arguments or "{}")
    except BAD_JSON:
        value = None
    return value if isinstance(value, dict) else {"arguments": call.arguments}
