"""The conversation: an immutable node in a tree of messages that share their prefix.

``chat.user("…")`` returns a new conversation; the old one is untouched. A node's id is a hash chain
(blake2b of the parent's id and this message), so equal histories are one node wherever they arise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import NamedTuple, TypeAlias

from .message import Message, Part, Role, Text, canonical

Content: TypeAlias = str | Part | tuple[Part, ...] | list[Part]

ROOT_ID = bytes(16)


class Turn(NamedTuple):
    """A user message and all that follows until the next one, numbered from 1."""

    number: int
    user: Message | None
    answers: tuple[Message, ...]
    chat: Conversation

    @property
    def reply(self) -> str:
        """Text of the assistant's last message in this turn; "" when it said nothing."""
        for message in reversed(self.answers):
            if message.role == "assistant":
                return message.text
        return ""

    @property
    def answered(self) -> bool:
        """Whether the assistant said anything at all (an empty message counts)."""
        return any(m.role == "assistant" for m in self.answers)


class Conversation:
    """What has been said. ``Conversation()`` is the empty one; every ``add`` returns a child node.

    ``depth`` is the number of messages. Equality is equality of histories. ``stored`` is the store that already holds
    this node, so that each message is written once.
    """

    __slots__ = ("_id", "_wire", "depth", "message", "parent", "stored")

    def __init__(self, parent: Conversation | None = None, message: Message | None = None, id: bytes | None = None) -> None:
        self.parent = parent
        self.message = message
        self.depth: int = parent.depth + 1 if parent is not None else 0
        self._id = ROOT_ID if parent is None else id
        self._wire: bytes | None = None
        self.stored: object | None = None

    @classmethod
    def start(cls, system: str | None = None) -> Conversation:
        """A new conversation, with a system message if one is given."""
        root = cls()
        return root.system(system) if system else root

    @classmethod
    def of(cls, messages: Iterable[Message]) -> Conversation:
        """The conversation made of these messages."""
        chat = cls()
        for message in messages:
            chat = cls(chat, message)
        return chat

    # -- growing ----------------------------------------------------------------------------------------------
    def add(self, message: Message) -> Conversation:
        return Conversation(self, message)

    def say(self, role: Role, content: Content, author: str = "") -> Conversation:
        parts: tuple[Part, ...]
        if isinstance(content, str):
            parts = (Text(content),)
        elif isinstance(content, (tuple, list)):
            parts = tuple(content)
        else:
            parts = (content,)
        return Conversation(self, Message(role, parts, author))

    def system(self, content: Content, author: str = "") -> Conversation:
        return self.say("system", content, author)

    def user(self, content: Content, author: str = "") -> Conversation:
        return self.say("user", content, author)

    def assistant(self, content: Content, author: str = "") -> Conversation:
        return self.say("assistant", content, author)

    def tool(self, content: Content, author: str = "") -> Conversation:
        return self.say("tool", content, author)

    # -- identity ---------------------------------------------------------------------------------------------
    @property
    def id(self) -> bytes:
        """16 bytes: blake2b of (parent id, message). Computed once, for as many ancestors as need it."""
        if self._id is None:
            pending = []
            node: Conversation = self
            while node._id is None and node.parent is not None:
                pending.append(node)
                node = node.parent
            for node in reversed(pending):
                assert node.parent is not None
                assert node.parent._id is not None
                assert node.message is not None
                node._id = blake2b(node.parent._id + canonical(node.message), digest_size=16).digest()
        assert self._id is not None
        return self._id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Conversation) and (self is other or self.id == other.id)

    def __hash__(self) -> int:
        return hash(self.id)

    # -- reading ----------------------------------------------------------------------------------------------
    def path(self) -> Iterator[Conversation]:
        """All nodes from this one up to the first message (newest first)."""
        node: Conversation | None = self
        while node is not None and node.message is not None:
            yield node
            node = node.parent

    @property
    def messages(self) -> tuple[Message, ...]:
        """All messages, oldest first."""
        found = [node.message for node in self.path() if node.message is not None]
        found.reverse()
        return tuple(found)

    def __iter__(self) -> Iterator[Message]:
        return iter(self.messages)

    def __len__(self) -> int:
        return self.depth

    def __bool__(self) -> bool:
        return True

    @property
    def reply(self) -> str:
        """Text of the newest assistant message, "" if there is none."""
        for node in self.path():
            if node.message is not None and node.message.role == "assistant":
                return node.message.text
        return ""

    @property
    def system_text(self) -> str:
        """Text of all system messages, in order."""
        return "\n".join(m.text for m in self.messages if m.role == "system")

    @property
    def turns(self) -> list[Turn]:
        """The turns so far. What stands before the first user message (system text) belongs to no turn."""
        nodes = list(self.path())
        nodes.reverse()
        found: list[Turn] = []
        start: int | None = None
        for i, node in enumerate([*nodes, None]):
            if node is None or (node.message is not None and node.message.role == "user"):
                if start is not None:
                    answers = tuple(n.message for n in nodes[start + 1 : i] if n.message is not None)
                    found.append(Turn(len(found) + 1, nodes[start].message, answers, nodes[i - 1]))
                start = i
        return found

    def __repr__(self) -> str:
        last = "" if self.message is None else f", {self.message.role}: {self.message.text[:40]!r}"
        return f"<Conversation {self.id.hex()[:8]}, {self.depth} messages{last}>"
