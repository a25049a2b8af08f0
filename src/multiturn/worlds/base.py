"""The shape of a world: something that is reset from a seed, looked at, and stepped with what a reply says.

A world is pure: the same seed and the same actions lead to the same observations, so that a resumed episode meets the same
world again. Reading a reply is the world's own matter, since only it knows its actions; replies are hostile text.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar

from msgspec import Struct

Action = TypeVar("Action")
Stop: TypeAlias = Literal[
    "success",
    "failure",
    "user ended",
    "turn limit",
    "context limit",
    "format error",
    "invalid action",
    "budget",
    "provider error",
]
"""Why an episode in a world is over."""


class Misread(Struct, frozen=True):
    """A reply without a readable action, and what the player is told when it may try again."""

    say: str


class Step(NamedTuple):
    """What an action led to. ``observation``: what the player sees next. ``progress``: how near the goal, from 0 to 1.
    ``done``: it is over, for the reason ``stop``. ``valid``: the action could be carried out."""

    observation: str
    progress: float = 0.0
    done: bool = False
    valid: bool = True
    stop: Stop | Literal[""] = ""


class World(ABC, Generic[Action]):
    """One game. ``retries``: how many unreadable replies in a row the player is told about; one more ends the game with
    "format error". ``patience``: how many readable actions in a row may be impossible; one more ends it with "invalid action".
    ``cap``: replies after which it ends with "turn limit"."""

    retries: int = 1
    patience: int = 4
    cap: int = 50

    @abstractmethod
    def reset(self, seed: int = 0) -> None:
        """Begin anew. Worlds without chance ignore the seed."""

    @abstractmethod
    def observe(self) -> str:
        """What the player sees before the first action."""

    @abstractmethod
    def parse(self, reply: str) -> Action | Misread:
        """The action that a reply asks for. Never raises."""

    @abstractmethod
    def step(self, action: Action) -> Step:
        """Carry out one action. Never raises for what a player may say."""

    def facts(self) -> dict[str, Any]:
        """The end state as plain JSON data: what a judge needs to know."""
        return {}
