"""Messages of Inspect as ours: parts of content, tool calls, and what is kept apart as attachments."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from ...conversation import (
    Audio,
    Conversation,
    DataError,
    File,
    Image,
    Message,
    Part,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Video,
)
from ...conversation.message import ROLES
from .common import arguments_of, fields, inner, kind, listed, text

_AT = "attachment://"
_MEDIA: dict[str, tuple[type[Image | Audio | Video | File], str]] = {
    "image": (Image, "image/png"),
    "audio": (Audio, "audio/wav"),
    "video": (Video, "video/mp4"),
    "document": (File, "application/octet-stream"),
}


class Attachments:
    """Long texts and media that a sample keeps once and refers to."""

    def __init__(self, held: Mapping[str, Any]) -> None:
        self._held = held

    def resolve(self, value: str) -> str:
        """The text itself, where it is a reference to one."""
        if not value.startswith(_AT):
            return value
        found = self._held.get(value.removeprefix(_AT))
        if not isinstance(found, str):
            raise DataError(f"the attachment {value.removeprefix(_AT)[:40]} is missing")
        return found


def chat_of_sample(item: Mapping[str, Any], attached: Attachments) -> Conversation:
    """The messages of a sample; its input where it has none."""
    messages = listed(item, "messages")
    if not messages:
        given = item["input"]
        messages = given if isinstance(given, list) else [{"role": "user", "content": given}]
    chat = Conversation()
    for i, said in enumerate(messages):
        try:
            chat = chat.add(_message(fields(said, "role"), attached))
        except (DataError, TypeError, ValueError) as error:
            raise DataError(f"messages[{i}]: {error}") from None
    return chat


def _message(item: dict[str, Any], attached: Attachments) -> Message:
    role = item["role"]
    if role not in ROLES:
        raise DataError(f"`role` must be system, user, assistant or tool, not {role!r:.40}")
    parts = list(_parts(item.get("content"), attached))
    if role == "tool":
        words = "".join(p.text for p in parts if isinstance(p, Text))
        problem = text(inner(item, "error"), "message", "")
        result = ToolResult(text(item, "tool_call_id", ""), words or problem, bool(problem))
        return Message("tool", (result, *(p for p in parts if not isinstance(p, Text))))
    for call in listed(item, "tool_calls"):
        parts.append(ToolCall(text(fields(call), "id", ""), text(call, "function"), attached.resolve(arguments_of(call))))
    return Message(role, tuple(p for p in parts if not isinstance(p, Text) or p.text or len(parts) == 1) or (Text(""),))


def _parts(content: Any, attached: Attachments) -> Iterator[Part]:
    if content is None:
        return
    if isinstance(content, str):
        yield Text(attached.resolve(content))
        return
    if not isinstance(content, list):
        raise DataError(f"`content` must be text or a list of parts, not {kind(content)}")
    for i, part in enumerate(content):
        try:
            yield _part(fields(part, "type"), attached)
        except (DataError, ValueError) as error:
            raise DataError(f"content[{i}]: {error}") from None


def _part(part: dict[str, Any], attached: Attachments) -> Part:
    type_ = part["type"]
    if type_ == "text":
        return Text(attached.resolve(text(part, "text")))
    if type_ == "reasoning":
        return Thought(attached.resolve(text(part, "reasoning", "")), text(part, "signature", ""))
    if type_ in _MEDIA:
        make, mime = _MEDIA[type_]
        url = attached.resolve(text(part, type_))
        if not url.startswith("data:"):
            return make(mime=text(part, "mime_type", mime), url=url)
        head, _, body = url.partition(",")
        try:
            return make(mime=head[5:].partition(";")[0] or mime, data=base64.b64decode(body, validate=True))
        except binascii.Error as error:
            raise DataError(f"not base64: {error}") from None
    # What a provider did on its own side (a search, a program): told in words, as it cannot be repeated.
    if type_ == "tool_use":
        return Text(f"[{text(part, 'name', 'tool')}] {attached.resolve(text(part, 'result', ''))}")
    if type_ == "data":
        return Text("")
    raise DataError(f"a part of unknown type {type_!r:.40}")
