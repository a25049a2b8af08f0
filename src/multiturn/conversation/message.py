"""Messages and their parts: what one participant said at one moment.

All values are immutable. A message is a role, an author and a tuple of parts; plain text is one ``Text`` part. They are
checked when they are made: what cannot be stored and read back never becomes a message. Lone surrogates (halves of UTF-16
pairs, from broken JSON escapes or file names) have no form in UTF-8: they are replaced by U+FFFD.
"""

from __future__ import annotations

import base64
from hashlib import blake2b
from typing import Any, Literal, TypeAlias, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import force_setattr

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]
ROLES = frozenset(get_args(Role))


def mended(text: str) -> str:
    """The text as it can be written as UTF-8: surrogate pairs joined, lone surrogates replaced by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _check(value: Struct, *names: str) -> None:
    """These fields are texts; mend them."""
    for name in names:
        text = getattr(value, name)
        if not isinstance(text, str):
            raise TypeError(f"{name} of {type(value).__name__} must be text, not {type(text).__name__}")
        if not text.isascii():
            force_setattr(value, name, mended(text))


class Text(Struct, frozen=True, tag="text", tag_field="type"):
    """Plain text."""

    text: str

    def __post_init__(self) -> None:
        _check(self, "text")


class Thought(Struct, frozen=True, tag="thought", tag_field="type", omit_defaults=True):
    """A model's reasoning. Whether it is sent back is the `reasoning` option (drop, keep, last)."""

    text: str
    signature: str = ""

    def __post_init__(self) -> None:
        _check(self, "text", "signature")


class Odds(Struct, frozen=True, tag="odds", tag_field="type"):
    """What the model might have said instead: for each of the first tokens of its reply (at most 8), the likeliest ones with
    their natural log-probabilities. Kept beside the text, never sent back."""

    tokens: tuple[tuple[tuple[str, float], ...], ...]


class ToolCall(Struct, frozen=True, tag="tool_call", tag_field="type"):
    """A model asks for a tool. ``arguments`` is the model's raw JSON text: hostile until parsed."""

    id: str
    name: str
    arguments: str

    def __post_init__(self) -> None:
        _check(self, "id", "name", "arguments")


class Tool(Struct, frozen=True, kw_only=True):
    """A tool that a player may call. ``parameters`` is a JSON Schema object."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = {}


class ToolResult(Struct, frozen=True, tag="tool_result", tag_field="type", omit_defaults=True):
    """What the tool answered to the call ``call_id``."""

    call_id: str
    text: str
    error: bool = False

    def __post_init__(self) -> None:
        _check(self, "call_id", "text")


class _Media(Struct, frozen=True, tag_field="type", omit_defaults=True):
    """Bytes (or an address) of one medium. ``hash`` names the bytes where they are stored apart."""

    mime: str
    data: bytes | None = None
    url: str | None = None
    hash: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        _check(self, "mime", "hash", "name")
        if self.url is not None:
            _check(self, "url")
        if self.data is not None and not isinstance(self.data, bytes):
            raise TypeError(f"data of {type(self).__name__} must be bytes, not {type(self.data).__name__}")

    @property
    def digest(self) -> str:
        """blake2b-128 of the bytes, in hex; the address's when there are no bytes."""
        if self.hash:
            return self.hash
        return blake2b(self.data if self.data is not None else (self.url or "").encode(), digest_size=16).hexdigest()

    @property
    def data_url(self) -> str:
        """``data:`` URL of the bytes, or the plain address."""
        if self.data is None:
            return self.url or ""
        return f"data:{self.mime};base64,{base64.b64encode(self.data).decode()}"

    def detached(self) -> _Media:
        """The same part without its bytes, named by their hash: what is hashed and stored."""
        return msgspec.structs.replace(self, data=None, hash=self.digest) if self.data is not None else self


class Image(_Media, frozen=True, tag="image"):
    """A picture."""


class Audio(_Media, frozen=True, tag="audio"):
    """Speech or other sound."""


class Video(_Media, frozen=True, tag="video"):
    """Moving pictures."""


class File(_Media, frozen=True, tag="file"):
    """Any other file."""


Part: TypeAlias = Text | Thought | Odds | ToolCall | ToolResult | Image | Audio | Video | File
MEDIA = (Image, Audio, Video, File)


class Message(Struct, frozen=True):
    """One message. ``author`` says who spoke when the role does not (``gold``, ``attacker``, a persona); "" = the role."""

    role: Role
    parts: tuple[Part, ...]
    author: str = ""

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"a role is system, user, assistant or tool, not {self.role!r}")
        if not isinstance(self.parts, tuple) or not all(isinstance(part, Part) for part in self.parts):
            what = ", ".join(type(p).__name__ for p in self.parts) if isinstance(self.parts, tuple) else type(self.parts).__name__
            raise TypeError(f"a message is made of text and other parts, not of {what}")
        _check(self, "author")

    @property
    def text(self) -> str:
        """All text parts, joined; thoughts and media are left out."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Text):
            return self.parts[0].text
        return "".join(p.text for p in self.parts if isinstance(p, Text))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(p for p in self.parts if isinstance(p, ToolCall))

    @property
    def media(self) -> tuple[_Media, ...]:
        return tuple(p for p in self.parts if isinstance(p, MEDIA))


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Message).decode


def canonical(message: Message) -> bytes:
    """The message as the bytes that are hashed and stored; media stand as the hash of their bytes."""
    if any(isinstance(p, MEDIA) and p.data is not None for p in message.parts):
        parts = tuple(p.detached() if isinstance(p, MEDIA) else p for p in message.parts)
        message = Message(message.role, parts, message.author)  # type: ignore[arg-type]
    return _encode(message)


def from_canonical(data: bytes) -> Message:
    """Inverse of `canonical` (media bytes stay apart, under their hash)."""
    return _decode(data)


def as_parts(content: str | Part | tuple[Part, ...] | list[Part]) -> tuple[Part, ...]:
    """Text, one part or several parts, as a tuple of parts."""
    if isinstance(content, str):
        return (Text(content),)
    if isinstance(content, (tuple, list)):
        return tuple(content)
    return (content,)


def message_schema() -> dict[str, Any]:
    """JSON Schema of a stored message."""
    return msgspec.json.schema(Message)
