"""Tools for models that cannot call any: described in the system text, called with one JSON object a reply.

The conversation itself holds ordinary tool calls and results, as it would with any other model; only what this model is shown
is written out as text. A reply that looks like a call but cannot be read becomes a call of `UNREADABLE`, which no toolset
knows: it is answered with an error and counted, as any other wrong call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from ..conversation import Conversation, Message, Odds, Part, Player, Text, Thought, Tool, ToolCall, ToolResult

UNREADABLE = "unreadable"
_LONGEST = 20_000
_FENCE = re.compile(r"^\s{0,20}```(?:json)?\s{0,20}|\s{0,20}```\s{0,20}$", re.I)
_FORM = (
    "# Tools\nTo use a tool, reply with one JSON object and nothing else, in exactly this form:\n"
    '{"name": "<the tool>", "arguments": {"<parameter>": <value>}}\n'
    "You are then shown its result. A reply of any other kind is a message to the other side.\n"
)


def described(tools: Sequence[Tool]) -> str:
    """The tools and how to call them, one line a tool."""
    lines = [f"- {t.name}({_parameters(t.parameters)}): {t.description}" for t in tools]
    return _FORM + "\n".join(lines)


def _parameters(schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    return ", ".join(
        f"{name}{'' if name in required else '?'}: {_kind(what)}" for name, what in schema.get("properties", {}).items()
    )


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("type", "any"))


def text_tools(player: Player, tools: Sequence[Tool]) -> Player:
    """``player``, who is shown tools, calls and results as text, as a player that calls tools."""
    about = described(tools)

    async def speak(chat: Conversation) -> Conversation:
        return chat.add(read_call((await player(as_text(chat, about))).message, chat.depth))

    return speak


def as_text(chat: Conversation, about: str) -> Conversation:
    """The conversation with tools, calls and results written out; results stand as messages of the user."""
    system = "\n\n".join(text for text in (chat.system_text, about) if text)
    shown = Conversation.start(system=system)
    for message in chat.messages:
        if message.role == "system":
            continue
        text = "\n".join(_line(part) for part in message.parts if not isinstance(part, (Thought, Odds)))
        shown = shown.assistant(text) if message.role == "assistant" else shown.user(text)
    return shown


def _line(part: Part) -> str:
    if isinstance(part, ToolCall):
        arguments = part.arguments or "{}"
        return arguments if part.name == UNREADABLE else f'{{"name": {json.dumps(part.name)}, "arguments": {arguments}}}'
    if isinstance(part, ToolResult):
        return f"Result: {part.text}"
    return part.text if isinstance(part, Text) else ""


def read_call(message: Message | None, number: int, *, lenient: bool = True) -> Message:
    """A reply that is one JSON call as a message with that call (id ``call-NUMBER``); any other reply as it is.

    ``lenient``: what only looks like a call becomes a call of `UNREADABLE`.
    """
    if message is None:
        return Message("assistant", (Text(""),))
    text = _FENCE.sub("", message.text[:_LONGEST]).strip()
    if message.tool_calls or not text.startswith("{"):
        return message
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        found = None
    if isinstance(found, dict) and isinstance(found.get("name"), str) and isinstance(found.get("arguments", {}), dict):
        arguments = msgspec.json.encode(found.get("arguments", {})).decode()
        call = ToolCall(f"call-{number}", found["name"], arguments)
    elif lenient and '"name"' in text:
        call = ToolCall(f"call-{number}", UNREADABLE, text)
    else:
        return message
    thoughts = tuple(part for part in message.parts if isinstance(part, Thought))
    return Message("assistant", (*thoughts, call), message.author)
