"""A memory is a player around a player: what lies too far back is kept by the memory, and what it finds is shown as notes.

`Memory` is the shape: an immutable value with insert, retrieve, forget and stats. `memory_around` puts one around any
player. The state follows the conversation tree: the memory after a turn is kept under that turn's node id, so sibling
branches share what they have in common and never see each other. All that a memory asks a model goes through the inner
player, so that it is recorded, counted and resumed like any call.

Of a conversation of n turns the model is shown: system text, the last ``recent`` turns as they are (the current one
included), and before its last question the notes that the memory retrieves for it from turns 1 … n - recent.
Pictures and sound of older turns are not kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeAlias

import msgspec
from msgspec import Struct

from ..conversation import Cast, Conversation, InputError, Message, Player, Text, ToolResult, Turn

Ask: TypeAlias = Callable[[str], Awaitable[str]]
"""Asks the model inside one prompt; its text, which is hostile."""

LONGEST = 24_000
"""Characters of one text that are put into a memory's prompt."""


class Entry(Struct, frozen=True):
    """What goes into a memory: one turn of the conversation, as text. ``number``: the turn, from 1."""

    number: int
    text: str


class Memory(Protocol):
    """An immutable memory: `insert` and `forget` return another one."""

    async def insert(self, entry: Entry, ask: Ask) -> Memory:
        """The memory with one more entry."""

    async def retrieve(self, query: str, ask: Ask) -> Sequence[str]:
        """The texts that belong to a question, in the order in which they should be read."""

    def forget(self, keep: int) -> Memory:
        """The memory with only the newest ``keep`` entries (``keep`` >= 1)."""

    def stats(self) -> dict[str, float]:
        """Counts of what it holds; "entries" at least."""


def memory_around(empty: Memory, *, recent: int = 1, keep: int = 0) -> Callable[[Player, Cast], Player]:
    """Put a memory around a player. ``recent``: turns shown as they are (1 = only the current one); ``keep``: entries that
    the memory may hold (0 = all). The memory's stats are left in ``cast.facts["memory"]``."""
    if recent < 1:
        raise InputError(f"recent={recent}: at least the current turn is shown")
    if keep < 0:
        raise InputError(f"keep={keep}: a memory keeps 0 (all) or more entries")

    def wrap(inner: Player, cast: Cast) -> Player:
        grown = _Grown(empty, inner, keep)

        async def speak(chat: Conversation) -> Conversation:
            turns = chat.turns
            old = turns[:-recent]
            if not old:
                return await inner(chat)
            memory = await grown.after(old)
            query = turns[-1].user.text if turns[-1].user is not None else ""
            notes = await memory.retrieve(query, grown.ask)
            cast.facts["memory"] = memory.stats()
            said = await inner(_shown(chat, turns[-recent:], notes))
            assert said.message is not None
            return chat.add(said.message)

        return speak

    return wrap


class _Grown:
    """The memories of one episode, by the node after whose turn they stand."""

    def __init__(self, empty: Memory, inner: Player, keep: int) -> None:
        self._empty, self._inner, self._keep = empty, inner, keep
        self._after: dict[bytes, Memory] = {}
        # Concurrent branches meet in the same turns: whoever comes second waits instead of asking again.
        self._lock = asyncio.Lock()

    async def ask(self, prompt: str) -> str:
        said = await self._inner(Conversation().user(prompt))
        return said.message.text if said.message is not None else ""

    async def after(self, turns: Sequence[Turn]) -> Memory:
        """The memory of these turns (the first ones of a conversation)."""
        async with self._lock:
            known = next((i for i in range(len(turns), 0, -1) if turns[i - 1].chat.id in self._after), 0)
            memory = self._after[turns[known - 1].chat.id] if known else self._empty
            for turn in turns[known:]:
                memory = await memory.insert(Entry(turn.number, turn_text(turn)), self.ask)
                if self._keep and memory.stats()["entries"] > self._keep:
                    memory = memory.forget(self._keep)
                self._after[turn.chat.id] = memory
            return memory


def turn_text(turn: Turn) -> str:
    """A turn as text: who said what, a line each; what was not text is left out."""
    said = [("User", turn.user.text if turn.user is not None else "")]
    for message in turn.answers:
        results = "\n".join(p.text for p in message.parts if isinstance(p, ToolResult))
        said.append((message.role.capitalize(), message.text or results))
    return "\n".join(f"{who}: {text}" for who, text in said if text)


def clipped(text: str, longest: int = LONGEST) -> str:
    """At most ``longest`` characters of a text, with a mark where it was cut."""
    return text if len(text) <= longest else text[:longest] + " …"


def tagged(name: str, text: str) -> str:
    """Text of others inside a prompt, between tags that it cannot close."""
    inner = text.replace("</" + name, "<\\/" + name)
    return f"<{name}>\n{inner}\n</{name}>"


def _shown(chat: Conversation, recent: Sequence[Turn], notes: Sequence[str]) -> Conversation:
    """System text and the recent turns, with the notes before the last question."""
    out = Conversation.of(m for m in chat.messages if m.role == "system")
    for turn in recent:
        if turn.user is not None:
            out = out.add(_with_notes(turn.user, notes) if turn is recent[-1] and notes else turn.user)
        for message in turn.answers:
            if message.role != "system":
                out = out.add(message)
    return out


def _with_notes(message: Message, notes: Sequence[str]) -> Message:
    listed = "\n".join(f"[{i}] {note}" for i, note in enumerate(notes, 1))
    head = f"From earlier in this conversation:\n{tagged('notes', listed)}\n\n"
    first, *rest = message.parts or (Text(""),)
    parts: tuple[Any, ...] = (Text(head + first.text), *rest) if isinstance(first, Text) else (Text(head), first, *rest)
    return msgspec.structs.replace(message, parts=parts)
