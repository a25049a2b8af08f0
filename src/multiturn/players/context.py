"""Context managers: what of the conversation a model is shown. The conversation itself stays whole."""

from __future__ import annotations

from collections.abc import Callable

from ..conversation import Cast, Conversation, InputError, Player, window


def window_of(turns: int = 4) -> Callable[[Player, Cast], Player]:
    """Only system text and the last ``turns`` turns (the current one included) are shown."""
    if turns < 1:
        raise InputError(f"window?turns={turns}: a window holds at least one turn")

    def wrap(inner: Player, cast: Cast) -> Player:
        async def speak(chat: Conversation) -> Conversation:
            said = await inner(window(chat, turns))
            assert said.message is not None
            return chat.add(said.message)

        return speak

    return wrap
