"""Views: the same conversation as somebody else sees it. Each returns a new conversation; nothing is changed."""

from __future__ import annotations

from collections.abc import Container

from .message import Message, Odds, Thought, ToolCall
from .tree import Conversation

_FLIP = {"user": "assistant", "assistant": "user"}


def flipped(chat: Conversation, system: str | None = None) -> Conversation:
    """The conversation from the other side: user and assistant change roles.

    The assistant's system text, tools and thoughts are private and are left out; ``system`` is the other
    side's own. Used to let a model play the user.
    """
    out = Conversation.start(system=system)
    for message in chat.messages:
        if message.role in _FLIP:
            parts = tuple(p for p in message.parts if not isinstance(p, (Thought, Odds, ToolCall)))
            if parts:
                out = out.add(Message(_FLIP[message.role], parts, message.author))  # type: ignore[arg-type]
    return out


def seen_by(chat: Conversation, hidden: Container[str]) -> Conversation:
    """The conversation without the messages whose author is in ``hidden``: what one participant may see."""
    return Conversation.of(m for m in chat.messages if (m.author or m.role) not in hidden)


def window(chat: Conversation, turns: int) -> Conversation:
    """System text and the last ``turns`` turns (the current one included); ``turns`` >= 1."""
    if turns < 1:
        raise ValueError(f"a window holds at least one turn, not {turns}")
    all_turns = chat.turns
    if len(all_turns) <= turns:
        return chat
    out = Conversation.of(m for m in chat.messages if m.role == "system")
    for turn in all_turns[-turns:]:
        if turn.user is not None:
            out = out.add(turn.user)
        for message in turn.answers:
            if message.role != "system":
                out = out.add(message)
    return out
