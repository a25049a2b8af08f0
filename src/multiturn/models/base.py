"""The shape of a model: a name with options, and a function from a conversation to a reply."""

from __future__ import annotations

from abc import ABC, abstractmethod
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from ..conversation import Conversation, Message
from ..conversation import Tool as Tool  # part of what a model is asked
from ..conversation.wire import Reasoning


class Options(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is asked of a model beside the conversation. All of it is part of a recorded call's identity.

    ``None`` leaves the choice to the provider. ``system`` is put before the conversation. ``reasoning``: whether
    thoughts are sent back (drop, keep, last). ``top_logprobs``: how many of the likeliest tokens come back with their
    probabilities (`Odds`). ``extra`` is passed through to the provider's request body.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    top_logprobs: int | None = None
    stop: tuple[str, ...] = ()
    reasoning: Reasoning = "drop"
    system: str = ""
    extra: dict[str, Any] = {}


class Usage(Struct, frozen=True, omit_defaults=True):
    """Tokens of one call. ``cached`` and ``reasoning`` are parts of ``input`` and ``output``."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0


class Reply(Struct, frozen=True, omit_defaults=True):
    """What a model answered. ``stop``: "stop", "length", "tool_calls", "content_filter" or the provider's own word.
    ``served``: the model's name as the server gave it. ``retries``: failed attempts before this one."""

    message: Message
    usage: Usage = Usage()
    stop: str = "stop"
    served: str = ""
    latency: float = 0.0
    retries: int = 0
    cost: float | None = None


class Model(ABC):
    """One model with its options. Subclasses implement `reply`; they hold no conversation state that changes answers.

    ``name`` is the full name as the user wrote it without options, ``address`` what else tells it apart
    (the server's URL, a file's hash).
    """

    concurrency: int = 32
    """Conversations this endpoint can usefully hold at once when the user does not say."""

    def __init__(self, name: str, options: Options = Options(), address: str = "") -> None:
        self.name, self.options, self.address = name, options, address
        self._identity: bytes | None = None

    @abstractmethod
    async def reply(self, chat: Conversation, tools: tuple[Tool, ...] = ()) -> Reply:
        """Ask for one reply. Raises `CallError` (after retries) or `ModelSetupError` (nothing can ever work)."""

    def price(self, usage: Usage) -> float | None:
        """USD that this usage would cost; None when unknown."""
        return None

    async def close(self) -> None:
        """Release connections and memory. May be called more than once."""
        return

    @property
    def identity(self) -> bytes:
        """16 bytes that tell this model with these options from all others: part of every recorded call's key."""
        if self._identity is None:
            spec = msgspec.json.encode((self.name, self.address, self.options), order="sorted")
            self._identity = blake2b(spec, digest_size=16).digest()
        return self._identity

    @property
    def label(self) -> str:
        """Name and non-default options, as a user would type them."""
        fields = msgspec.to_builtins(self.options)
        return self.name + ("?" + "&".join(f"{k}={v}" for k, v in fields.items()) if fields else "")
