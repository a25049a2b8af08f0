"""What can be put around a player: a memory, a defence, a prompting strategy."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..conversation import Cast, Player


class Around(NamedTuple):
    """A player around a player. ``wrap(inner, cast)`` is called once an episode and returns a player that takes the whole
    conversation and returns it with its reply; what it says to ``inner`` in between stays out of the conversation.

    ``name`` is what the user typed (name and options) and tells it apart from others.
    """

    name: str
    wrap: Callable[[Player, Cast], Player]
