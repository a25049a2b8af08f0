"""OpenAI-style wire form, and files of conversations in that form.

A message is serialised once: its bytes are kept on its node and reused by every later request of every branch,
so a call costs the encoding of what is new plus one copy of the history.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import msgspec

from .errors import DataError
from .files import json_line, replacing
from .message import ROLES, Audio, File, Image, Message, Odds, Part, Role, Text, Thought, ToolCall, ToolResult, Video
from .tree import Conversation

Reasoning: TypeAlias = Literal["drop", "keep", "last"]
_encode = msgspec.json.Encoder().encode


def message_dict(message: Message, thoughts: bool = False) -> dict[str, Any]:
    """One message as an OpenAI chat message. ``thoughts`` sends reasoning back as ``reasoning_content``."""
    out: dict[str, Any] = {"role": message.role}
    parts = message.parts
    if len(parts) == 1 and isinstance(parts[0], Text):
        out["content"] = parts[0].text
        return out
    if message.role == "tool":
        result = next((p for p in parts if isinstance(p, ToolResult)), None)
        out["tool_call_id"] = result.call_id if result else ""
        out["content"] = result.text if result else message.text
        return out
    calls = [p for p in parts if isinstance(p, ToolCall)]
    shown = [p for p in parts if not isinstance(p, (Thought, Odds, ToolCall, ToolResult))]
    if all(isinstance(p, Text) for p in shown):
        out["content"] = message.text if shown or not calls else None
    else:
        out["content"] = [_part_dict(p) for p in shown]
    if calls:
        out["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}} for c in calls
        ]
    if thoughts and (text := "".join(p.text for p in parts if isinstance(p, Thought))):
        out["reasoning_content"] = text
    return out


def _part_dict(part: Part) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Image):
        return {"type": "image_url", "image_url": {"url": part.data_url}}
    if isinstance(part, Audio):
        return {
            "type": "input_audio",
            "input_audio": {"data": base64.b64encode(part.data or b"").decode(), "format": part.mime.rpartition("/")[2]},
        }
    if isinstance(part, Video):
        return {"type": "video_url", "video_url": {"url": part.data_url}}
    if isinstance(part, File):
        return {"type": "file", "file": {"filename": part.name or "file", "file_data": part.data_url}}
    raise TypeError(f"no wire form for {type(part).__name__}")


def openai_wire(chat: Conversation, reasoning: Reasoning = "drop") -> bytes:
    """The conversation as the bytes of a JSON array of OpenAI messages.

    ``reasoning``: ``drop`` sends no thoughts back, ``keep`` sends all, ``last`` only those of the newest
    assistant message. Tool results of one message become one wire message each.
    """
    pieces: list[bytes] = []
    last_assistant_seen = False
    for node in chat.path():
        message = node.message
        assert message is not None
        with_thoughts = message.role == "assistant" and (reasoning == "keep" or (reasoning == "last" and not last_assistant_seen))
        last_assistant_seen = last_assistant_seen or message.role == "assistant"
        if with_thoughts and any(isinstance(p, Thought) for p in message.parts):
            pieces.append(_encode(message_dict(message, thoughts=True)))
            continue
        if node._wire is None:
            node._wire = _wire_bytes(message)
        pieces.append(node._wire)
    pieces.reverse()
    return b"[" + b",".join(pieces) + b"]"


def _wire_bytes(message: Message) -> bytes:
    if message.role == "tool" and len(message.parts) > 1:
        split = (Message("tool", (p,)) for p in message.parts if isinstance(p, ToolResult))
        return b",".join(_encode(message_dict(m)) for m in split)
    return _encode(message_dict(message))


def to_openai(chat: Conversation, thoughts: bool = True) -> list[dict[str, Any]]:
    """The conversation as a list of OpenAI messages; the inverse of `from_openai`."""
    out = []
    for message in chat.messages:
        if message.role == "tool" and len(message.parts) > 1:
            out += [message_dict(Message("tool", (p,))) for p in message.parts if isinstance(p, ToolResult)]
        else:
            item = message_dict(message, thoughts)
            if message.author:
                item["name"] = message.author
            out.append(item)
    return out


def from_openai(messages: Iterable[Mapping[str, Any]]) -> Conversation:
    """A conversation from OpenAI messages. Raises `DataError` naming the message and the field."""
    chat = Conversation()
    for i, item in enumerate(messages, 1):
        try:
            chat = chat.add(_message(item))
        except (TypeError, ValueError) as error:
            raise DataError(f"message {i}: {error}") from None
    return chat


def _message(item: Mapping[str, Any]) -> Message:
    if not isinstance(item, Mapping):
        raise ValueError(f"expected an object with `role` and `content`, got {type(item).__name__}")
    role = item.get("role")
    if role == "developer":
        role = "system"
    if not isinstance(role, str) or role not in ROLES:
        raise ValueError(f"`role` must be system, user, assistant or tool, not {role!r}")
    content = item.get("content")
    parts: list[Part] = []
    if thought := item.get("reasoning_content") or item.get("reasoning"):
        parts.append(Thought(str(thought)))
    if role == "tool":
        parts.append(ToolResult(str(item.get("tool_call_id", "")), content if isinstance(content, str) else _json(content)))
    elif isinstance(content, str):
        if content or not item.get("tool_calls"):
            parts.append(Text(content))
    elif isinstance(content, list):
        parts += [_part(p, f"content[{i}]") for i, p in enumerate(content)]
    elif content is not None:
        raise ValueError(f"`content` must be text or a list of parts, not {type(content).__name__}")
    calls = item.get("tool_calls") or []
    if not isinstance(calls, list):
        raise ValueError(f"`tool_calls` must be a list, not {type(calls).__name__}")
    for i, call in enumerate(calls):
        where = f"tool_calls[{i}]"
        name = _text(call, where, "function", "name")
        arguments = call["function"].get("arguments", "")
        parts.append(ToolCall(str(call.get("id") or ""), name, arguments if isinstance(arguments, str) else _json(arguments)))
    if not parts:
        parts.append(Text(""))
    return Message(cast(Role, role), tuple(parts), str(item.get("name") or ""))


def _part(item: Any, where: str) -> Part:
    kind = _text(item, where, "type")
    if kind in ("text", "input_text", "output_text"):
        return Text(_text(item, where, "text"))
    if kind == "image_url":
        return Image(**_media(_text(item, where, "image_url", "url"), "image/png"))
    if kind == "video_url":
        return Video(**_media(_text(item, where, "video_url", "url"), "video/mp4"))
    if kind == "input_audio":
        data = _b64(_text(item, where, "input_audio", "data"))
        return Audio(mime=f"audio/{_text(item, where, 'input_audio', 'format')}", data=data)
    if kind == "file":
        data_url = _text(item, where, "file", "file_data")
        return File(**_media(data_url, "application/octet-stream"), name=str(item["file"].get("filename") or ""))
    raise ValueError(f"`{where}` is a part of unknown type {kind!r}")


def _text(item: Any, where: str, *path: str) -> str:
    """The text at a path of fields. Raises `ValueError` naming the field that is missing or of the wrong type."""
    for name in path:
        if not isinstance(item, Mapping):
            raise ValueError(f"`{where}` must be an object, not {type(item).__name__}")
        where = f"{where}.{name}"
        if name not in item:
            raise ValueError(f"`{where}` is missing")
        item = item[name]
    if not isinstance(item, str):
        raise ValueError(f"`{where}` must be text, not {type(item).__name__}")
    return item


def _json(value: Any) -> str:
    return _encode(value).decode()


def _media(url: str, mime: str) -> dict[str, Any]:
    if url.startswith("data:"):
        head, _, body = url.partition(",")
        return {"mime": head[5:].partition(";")[0] or mime, "data": _b64(body)}
    return {"mime": mime, "url": url}


def _b64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from None


# -- files --------------------------------------------------------------------------------------------------------
def read_chats(path: str | os.PathLike[str]) -> Iterator[tuple[dict[str, Any], Conversation]]:
    """Conversations of a chat JSONL file (``{"messages": [...], …}`` a line), each with its other fields.

    Raises `DataError` naming file, line and field.
    """
    try:
        with Path(path).open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _chat_line(line, f"{path}, line {number}")
    except OSError as error:
        raise DataError(f"cannot read `{path}`: {error.strerror or error}") from None


def _chat_line(line: bytes, where: str) -> tuple[dict[str, Any], Conversation]:
    try:
        item = msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        raise DataError(f"{where}: not JSON ({error})") from None
    except RecursionError:
        raise DataError(f"{where}: nested too deeply") from None
    if not isinstance(item, dict) or not isinstance(item.get("messages"), list):
        raise DataError(f'{where}: expected {{"messages": [...]}}')
    try:
        chat = from_openai(item["messages"])
    except DataError as error:
        raise DataError(f"{where}, {error}") from None
    return {k: v for k, v in item.items() if k != "messages"}, chat


def write_chats(path: str | os.PathLike[str], chats: Iterable[tuple[Mapping[str, Any], Conversation]]) -> int:
    """Write conversations as chat JSONL, one object a line; returns how many. Replaces the file only when complete."""
    count = 0
    with replacing(path) as out:
        for fields, chat in chats:
            out.write(json_line({**fields, "messages": to_openai(chat)}))
            count += 1
    return count
