"""ShareGPT: ``{"conversations": [{"from": "human", "value": "…"}, …]}``, in a JSON list or a line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ...conversation import Conversation, DataError, Message, Text, ToolCall, ToolResult
from .common import Found, Item, Row, arguments_of, each, fields, inner, kind, message, spoken, text
from .source import Source, decode

ROLES = {
    "system": "system", "human": "user", "user": "user", "prompter": "user",
    "gpt": "assistant", "assistant": "assistant", "chatgpt": "assistant", "bing": "assistant", "bard": "assistant",
    "chatbot": "assistant", "model": "assistant", "function_call": "call", "tool_call": "call",
    "tool": "tool", "observation": "tool", "function_response": "tool", "tool_response": "tool",
}  # fmt: skip
"""Who speaks, by the names that files of this form have for them."""

FIELDS = ("conversations", "conversation", "items")


def read(sources: Sequence[Source]) -> Iterator[Item]:
    """All conversations of these files."""
    for source in sources:
        yield from each(source.rows(), _found)


def _found(row: Row) -> Iterable[Found]:
    item = fields(row.value)
    field = next((name for name in FIELDS if name in item), None)
    if field is None:
        raise DataError("`conversations` is missing")
    if not isinstance(item[field], list):
        raise DataError(f"`{field}` must be a list of messages, not {kind(item[field])}")
    chat = Conversation.start(system=text(item, "system", "") or None)
    for i, said in enumerate(item[field]):
        chat = chat.add(_message(said, f"{field}[{i}]"))
    yield Found(
        chat=spoken(chat, field), where=row.where, case=text(item, "id", ""),
        model=text(item, "model", "") or text(inner(item, "metadata"), "model", ""), group=text(item, "category", ""),
    )  # fmt: skip


def _message(said: Any, where: str) -> Message:
    try:
        fields(said)
        role = text(said, "from" if "from" in said else "role")
        words = text(said, "value" if "value" in said else "content")
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
    as_ = ROLES.get(role.strip().lower())
    if as_ is None:
        raise DataError(f"{where}: unknown `from` {role!r:.40}; known: {', '.join(ROLES)}")
    if as_ == "call":
        return message("assistant", _call(words, where))
    if as_ == "tool":
        return message("tool", ToolResult("", words))
    return message(as_, Text(words))


def _call(words: str, where: str) -> ToolCall:
    """A call as the text of a JSON object with ``name`` and ``arguments``."""
    try:
        call = fields(decode(words.encode("utf-8", "replace")), "name")
        return ToolCall("", text(call, "name"), arguments_of(call))
    except DataError as error:
        raise DataError(f"{where}: a function call: {error}") from None
