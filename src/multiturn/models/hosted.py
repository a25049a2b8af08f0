"""What all models behind HTTP share: from a decoded answer to a `Reply`, and histories of alternating roles."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from ..conversation import Conversation, Message, Part, Text, Thought
from ..conversation.errors import InputError
from ..conversation.wire import Reasoning
from .base import Model, Options, Reply, Tool, Usage
from .endpoint import Endpoint
from .failures import ContentFiltered
from .prices import cost

encode = msgspec.json.Encoder().encode


class Answer(NamedTuple):
    """A provider's answer, decoded."""

    parts: tuple[Part, ...]
    usage: Usage
    stop: str
    served: str
    cost: float | None = None


class HostedModel(Model):
    """A model that is asked over HTTP. Subclasses give ``path``, ``_body`` and ``_decode``.

    ``model`` is the name sent to the server, ``priced_as`` the provider whose price list applies ("" = none).
    """

    path: str
    fixed: frozenset[str] = frozenset()
    """Fields of the request body that the ``extra`` option cannot set."""

    def __init__(self, name: str, options: Options, endpoint: Endpoint, *, model: str, priced_as: str = "") -> None:
        super().__init__(name, options, endpoint.where.url)
        self.endpoint, self.model, self.priced_as = endpoint, model, priced_as
        if clash := self.fixed & options.extra.keys():
            raise InputError(f"model `{name}`: the option extra cannot set {', '.join(sorted(clash))}")

    @abstractmethod
    def _body(self, chat: Conversation, tools: tuple[Tool, ...]) -> bytes:
        """The request."""

    @abstractmethod
    def _decode(self, data: bytes) -> Answer:
        """The answer in the body of a 200."""

    async def reply(self, chat: Conversation, tools: tuple[Tool, ...] = ()) -> Reply:
        body = self._body(chat, tools)
        tokens = 0
        if self.endpoint.rates is not None:
            tokens = len(body) // 4 + (self.options.max_tokens or 0)  # about four bytes a token of English
        try:
            answer, retries, latency = await self.endpoint.post(self.path, body, self._decode, tokens)
        except ContentFiltered:
            return Reply(Message("assistant", (Text(""),)), stop="content_filter", served=self.model)
        usage = answer.usage
        if self.endpoint.rates is not None:
            self.endpoint.rates.settle(tokens, usage.input + usage.output)
        price = answer.cost
        if price is None and self.priced_as and answer.served:
            price = cost(self.priced_as, answer.served, usage)
        if price is None:
            price = self.price(usage)
        message = Message("assistant", answer.parts or (Text(""),))
        return Reply(message, usage, answer.stop, answer.served or self.model, latency, retries, price)

    def price(self, usage: Usage) -> float | None:
        return cost(self.priced_as, self.model, usage) if self.priced_as else None

    async def close(self) -> None:
        await self.endpoint.close()


OPENER = "."
"""Sent as the user's first word where a provider wants one and the conversation begins with the assistant."""

Blocks = Callable[[Conversation, bool], bytes]


class History:
    """A conversation as messages of strictly alternating roles, each message's parts made into bytes once.

    Leading system messages become the system text; later ones, and tool results, speak as the user; neighbours
    of one role are merged; messages without content are left out. ``blocks(node, thoughts)`` gives the message of
    a node as comma-separated JSON objects, with or without its thoughts.
    """

    def __init__(self, blocks: Blocks, reasoning: Reasoning, largest: int = 64 * 2**20) -> None:
        self._blocks, self._reasoning, self._largest = blocks, reasoning, largest
        self._known: dict[bytes, bytes] = {}
        self._size = 0

    def split(self, chat: Conversation, opener: bytes) -> tuple[str, list[tuple[str, bytes]]]:
        """(system text, [("user" or "assistant", bytes of its parts), …])."""
        system: list[str] = []
        turns: list[tuple[str, list[bytes]]] = []
        nodes = list(chat.path())
        nodes.reverse()
        last = next((n for n in reversed(nodes) if n.message is not None and n.message.role == "assistant"), None)
        for node in nodes:
            message = node.message
            assert message is not None
            if message.role == "system" and not turns:
                system.append(message.text)
                continue
            role = "assistant" if message.role == "assistant" else "user"
            thoughts = self._reasoning == "keep" or (self._reasoning == "last" and node is last)
            if not (piece := self._bytes(node, message, thoughts)):
                continue
            if not turns and role == "assistant":
                turns.append(("user", [opener]))
            if turns and turns[-1][0] == role:
                turns[-1][1].append(piece)
            else:
                turns.append((role, [piece]))
        return "\n".join(system), [(role, b",".join(pieces)) for role, pieces in turns]

    def _bytes(self, node: Conversation, message: Message, thoughts: bool) -> bytes:
        if thoughts and any(isinstance(p, Thought) for p in message.parts):
            return self._blocks(node, True)
        found = self._known.get(node.id)
        if found is None:
            found = self._blocks(node, False)
            if self._size + len(found) > self._largest:
                self._known.clear()
                self._size = 0
            self._known[node.id] = found
            self._size += len(found) + 200
        return found
