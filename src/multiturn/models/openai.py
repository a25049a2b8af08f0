"""OpenAI-style chat completions: OpenAI itself and every server that speaks its language."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from ..conversation import CallError, Conversation, Part, Text, Thought, ToolCall
from ..conversation.wire import openai_wire
from .base import Options, Reply, Tool, Usage
from .endpoint import Endpoint
from .failures import Rejection
from .hosted import Answer, HostedModel, encode
from .logprobs import openai_odds

_STOPS = {None: "stop", "": "stop", "eos": "stop", "end_turn": "stop", "function_call": "tool_calls", "max_tokens": "length"}
_WRONG_LIMIT = re.compile(
    r"unsupported|not supported|unrecognized|unknown|unexpected|extra (inputs|fields)|use '?max_", re.IGNORECASE
)


# Fields that servers fill in differently are left open (Any) and read with care: a decoy is no reason to fail.
class _Message(Struct):
    content: Any = None
    refusal: Any = None
    tool_calls: Any = None
    reasoning_content: Any = None
    reasoning: Any = None


class _Choice(Struct):
    message: _Message | None = None
    finish_reason: Any = None
    logprobs: Any = None


class _Completion(Struct):
    choices: list[_Choice] | UnsetType | None = UNSET
    model: Any = None
    usage: Any = None
    error: Any = None


_decode = msgspec.json.Decoder(_Completion).decode


class OpenAIModel(HostedModel):
    """A model behind ``POST {base}/chat/completions``.

    A call encodes what is new: the options once per model, each message once per conversation node. Servers differ
    in the name of the limit on new tokens; the other name is tried once when the server refuses the first, and
    remembered.
    """

    path = "/chat/completions"
    fixed = frozenset(("model", "messages", "tools", "stream", "n"))

    def __init__(self, name: str, options: Options, endpoint: Endpoint, *, model: str, priced_as: str = "") -> None:
        super().__init__(name, options, endpoint, model=model, priced_as=priced_as)
        self._limit = "max_completion_tokens" if "//api.openai.com" in endpoint.where.url else "max_tokens"
        self._limit_changed = False
        self._start = self._prefix()
        self._tools: tuple[tuple[Tool, ...], bytes] = ((), b"}")

    def _prefix(self) -> bytes:
        o = self.options
        fields: dict[str, Any] = {"model": self.model}
        for key, value in (("temperature", o.temperature), ("top_p", o.top_p), (self._limit, o.max_tokens), ("seed", o.seed)):
            if value is not None:
                fields[key] = value
        if o.stop:
            fields["stop"] = o.stop
        if o.top_logprobs is not None:
            fields |= {"logprobs": True, "top_logprobs": o.top_logprobs}
        fields.update(o.extra)
        start = encode(fields)[:-1] + b',"messages":['
        return start + encode({"role": "system", "content": o.system}) if o.system else start

    def _body(self, chat: Conversation, tools: tuple[Tool, ...]) -> bytes:
        messages = openai_wire(chat, self.options.reasoning)
        if tools is not self._tools[0]:
            listed = [
                {"type": "function", "function": {"name": t.name, "description": t.description, "parameters": t.parameters}}
                for t in tools
            ]
            self._tools = (tools, b',"tools":' + encode(listed) + b"}" if listed else b"}")
        comma = b"," if self.options.system and len(messages) > 2 else b""
        return b"".join((self._start, comma, memoryview(messages)[1:], self._tools[1]))

    async def reply(self, chat: Conversation, tools: tuple[Tool, ...] = ()) -> Reply:
        sent = self._limit
        try:
            return await super().reply(chat, tools)
        except CallError as error:
            if self.options.max_tokens is None or not _is_about(sent, error):
                raise
            if not self._limit_changed:
                self._limit = "max_tokens" if sent == "max_completion_tokens" else "max_completion_tokens"
                self._limit_changed = True
                self._start = self._prefix()
            if self._limit == sent:
                raise
        return await super().reply(chat, tools)

    def _decode(self, data: bytes) -> Answer:
        found = _decode(data)
        choices = found.choices
        if choices is UNSET or not choices:
            if found.error is not None:
                code = found.error.get("code") if isinstance(found.error, dict) else None
                raise Rejection(code if isinstance(code, int) and 400 <= code < 600 else 502)
            if choices is UNSET:
                raise msgspec.ValidationError("Object has no `choices`")
        choice = choices[0] if choices else _Choice()
        usage, price = _usage(found.usage) if isinstance(found.usage, dict) else (Usage(), None)
        stop = choice.finish_reason
        return Answer(
            (*_parts(choice.message), *openai_odds(choice.logprobs)) if choice.message is not None else (),
            usage,
            "stop" if stop == "stop" else _STOPS.get(stop, stop) if isinstance(stop, str) else "stop",
            found.model if isinstance(found.model, str) else "",
            price,
        )


def _is_about(name: str, error: CallError) -> bool:
    text = str(error)
    return error.cause == "request refused" and name in text and _WRONG_LIMIT.search(text) is not None


def _parts(message: _Message) -> tuple[Part, ...]:
    content = message.content
    if isinstance(content, str) and not (message.tool_calls or message.reasoning_content or message.reasoning):
        return (Text(content),)
    parts: list[Part] = []
    thought = message.reasoning_content or message.reasoning
    if isinstance(thought, str) and thought:
        parts.append(Thought(thought))
    if isinstance(content, str):
        if content:
            parts.append(Text(content))
    elif isinstance(content, list):
        for item in content:
            parts += _content_part(item)
    elif isinstance(message.refusal, str) and message.refusal:
        parts.append(Text(message.refusal))
    for i, call in enumerate(message.tool_calls if isinstance(message.tool_calls, list) else ()):
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            given = function.get("arguments")
            arguments = given if isinstance(given, str) else encode(given if given is not None else {}).decode()
            parts.append(ToolCall(str(call.get("id") or f"call_{i}"), str(function.get("name") or ""), arguments))
    return tuple(parts)


def _content_part(item: Any) -> list[Part]:
    """A part of a reply's content list: text, or (Mistral) thinking that holds texts."""
    if not isinstance(item, dict):
        return [Text(item)] if isinstance(item, str) else []
    if isinstance(item.get("text"), str):
        return [Text(item["text"])]
    inner = item.get("thinking")
    if isinstance(inner, str):
        return [Thought(inner)]
    if isinstance(inner, list):
        return [Thought("".join(t["text"] for t in inner if isinstance(t, dict) and isinstance(t.get("text"), str)))]
    return []


def _usage(found: dict[str, Any]) -> tuple[Usage, float | None]:
    """Tokens, and the price in USD where the server gives one (OpenRouter)."""
    get = found.get
    into, out = whole(get("prompt_tokens")), whole(get("completion_tokens"))
    cached = whole(get("prompt_cache_hit_tokens"))
    reasoning = 0
    if isinstance(details := get("prompt_tokens_details"), dict):
        cached = whole(details.get("cached_tokens")) or cached
    if isinstance(details := get("completion_tokens_details"), dict):
        reasoning = whole(details.get("reasoning_tokens"))
        if reasoning and whole(get("total_tokens")) == into + out + reasoning:
            out += reasoning  # xAI counts reasoning beside the completion, the others within it
    price = get("cost")
    paid = float(price) if isinstance(price, (int, float)) and price >= 0 else None
    return Usage(into, out, min(cached, into), min(reasoning, out)), paid


def whole(value: Any) -> int:
    """A count of tokens as a server gave it; 0 for anything that is not one."""
    return int(value) if isinstance(value, (int, float)) and 0 <= value < 2**53 else 0
