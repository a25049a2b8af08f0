"""Self-talk: one or two models go on with a conversation between two people, utterance by utterance.

Each speaker sees the dialogue from its own side: what it said as the assistant, what the other said as the user, so that the
last message is always the user's. Two conversations grow side by side, each a prefix of the next view of its speaker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..conversation import ContextOverflow, Conversation, Player

CONTEXT = "context limit"
SILENT = "format error"


class Talk(NamedTuple):
    """``utterances``: all that was said, the opening included, stripped. ``chat``: as the last speaker saw it, its own last
    utterance included. ``stop``: "" when the full length was reached, else `CONTEXT` or `SILENT` (an empty utterance)."""

    utterances: tuple[str, ...]
    chat: Conversation
    stop: str = ""


def layout(utterances: Sequence[str], system: str = "") -> Conversation:
    """The dialogue as the next speaker sees it: roles alternate and the last utterance is the user's."""
    chat = Conversation.start(system=system)
    for i, text in enumerate(utterances):
        chat = chat.user(text) if (len(utterances) - i) % 2 else chat.assistant(text)
    return chat


async def selftalk(
    speakers: tuple[Player, Player], opening: Sequence[str], length: int, *, systems: tuple[str, str] = ("", "")
) -> Talk:
    """Let two speakers (the same player twice, or two) talk until there are ``length`` utterances, ``opening`` included.

    Utterance i, from 0, is said by ``speakers[i % 2]`` under ``systems[i % 2]``. When the dialogue no longer fits, that
    speaker no longer sees the oldest utterances. ``length`` is the cap. A call that fails otherwise is raised.
    """
    if not opening:
        raise ValueError("a self-talk needs an opening of at least one utterance")
    said = [text.strip() for text in opening]
    views: list[Conversation | None] = [None, None]
    chat = layout(said, systems[len(said) % 2])
    for i in range(len(said), length):
        side = i % 2
        before = views[side]
        chat = layout(said, systems[side]) if before is None else before.user(said[-1])
        try:
            chat = await _speak(speakers[side], chat, said, systems[side])
        except ContextOverflow:
            return Talk(tuple(said), chat, CONTEXT)
        views[side] = chat
        utterance = chat.reply.strip()
        if not utterance:
            return Talk(tuple(said), chat, SILENT)
        said.append(utterance)
    return Talk(tuple(said), chat)


async def _speak(speaker: Player, chat: Conversation, said: Sequence[str], system: str) -> Conversation:
    """The speaker's view with its utterance; utterances are dropped from the oldest on while they do not fit."""
    try:
        return await speaker(chat)
    except ContextOverflow:
        shown = len(chat) - bool(system)
        for kept in range(min(shown, len(said)) - 1, 0, -1):
            try:
                return await speaker(layout(said[-kept:], system))
            except ContextOverflow:
                continue
        raise
