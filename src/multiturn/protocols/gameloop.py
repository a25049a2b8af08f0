"""The loop of a game: the player replies, the world reads the reply and answers, until it is over.

Every game ends: by itself, after too many unreadable replies in a row ("format error"), after too many impossible actions in a
row ("invalid action"), or at the cap ("turn limit").
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..conversation import Cast, Conversation, Message, Player, Text
from ..worlds.base import Misread, World


class Played(NamedTuple):
    """The conversation, why it ended, how far it got (0 to 1), and the replies that were no valid action."""

    chat: Conversation
    stop: str
    progress: float
    misread: int
    invalid: int


async def play_world(chat: Conversation, player: Player, world: World[Any], cast: Cast, *, cap: int | None = None) -> Played:
    """Play ``world`` from ``chat``, which ends with a message to the player. ``cap``: replies at most (the world's own by
    default). The end state goes into ``cast.facts`` after every step, so that a game that breaks off can still be judged."""
    misread = in_a_row = invalid = impossible = 0
    progress = 0.0
    stop = "turn limit"
    cast.facts.update(world.facts(), stop="")
    for _ in range(world.cap if cap is None else cap):
        chat = await player(chat)
        action = world.parse(chat.reply)
        if isinstance(action, Misread):
            misread += 1
            in_a_row += 1
            if in_a_row > world.retries:
                stop = "format error"
                break
            chat = chat.user(action.say)
            continue
        in_a_row = 0
        step = world.step(action)
        progress, invalid = step.progress, invalid + (not step.valid)
        impossible = 0 if step.valid else impossible + 1
        cast.facts.update(world.facts())
        if step.done:
            stop = step.stop or "success"
            break
        if impossible > world.patience:
            stop = "invalid action"
            break
        chat = chat.user(step.observation)
    cast.facts.update(world.facts(), stop=stop, misread=misread, invalid=invalid)
    return Played(chat, stop, progress, misread, invalid)


def reminded(player: Player, reminder: str) -> Player:
    """A player who is shown ``reminder`` at the end of the newest message, and of no other: it does not stay in the
    conversation."""

    async def speak(chat: Conversation) -> Conversation:
        if chat.parent is None or chat.message is None:
            return await player(chat)
        shown = Message(chat.message.role, (*chat.message.parts, Text(f"\n\n{reminder}")), chat.message.author)
        said = await player(chat.parent.add(shown))
        assert said.message is not None
        return chat.add(said.message)

    return speak
