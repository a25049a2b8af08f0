"""A model that plays the user.

It sees the conversation from the other side (its own lines as the assistant's, without the real assistant's system text)
under an instruction that says who it is. What it says is hostile text: cleaned of its own label, checked, asked for again
once when it is no user's message, and bounded in length; a stop word or the cap on turns ends the conversation.

Everything is computed from the conversation that is given, so branches of one conversation need nothing of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct

from ..conversation import Conversation, InputError, Player, flipped

T = TypeVar("T")

LONGEST = 8_000
"""Characters of a user's message beyond which it is not taken."""
OPENING = "Begin the conversation: write your first message."
REPAIR = "That cannot be sent ({why}). Write only what you, the user, say next, and nothing else."


class Fault(Struct, frozen=True):
    """Why a reply cannot be used, in a few words: shown to the player that is asked again."""

    why: str


class Heard(NamedTuple, Generic[T]):
    """What a player was heard to say. ``value`` None: nothing usable. ``faults``: why each refused reply was refused."""

    value: T | None
    faults: tuple[str, ...]


async def hear(
    player: Player, question: str | Conversation, read: Callable[[str], T | Fault], *, tries: int = 2, repair: str = REPAIR
) -> Heard[T]:
    """Ask any player and read its reply, at most ``tries`` times in the same conversation (``{why}`` in ``repair`` is the
    reader's fault). Never raises for what was said; errors of the call itself pass through."""
    chat = Conversation().user(question) if isinstance(question, str) else question
    faults: list[str] = []
    for _ in range(tries):
        if faults:
            chat = chat.user(repair.replace("{why}", faults[-1]))
        chat = await player(chat)
        found = read(chat.reply)
        if not isinstance(found, Fault):
            return Heard(found, tuple(faults))
        faults.append(found.why)
    return Heard(None, tuple(faults))


_LABEL = re.compile(
    r"\s{0,20}[\[(*_]{0,3}(user|customer|human|me|you|assistant|ai|agent|system)[\])*_]{0,3}\s{0,3}:[*_]{0,2}\s{0,20}", re.I
)
_OTHERS = ("assistant", "ai", "agent", "system")


def user_line(text: str, answered: str = "") -> str | Fault:
    """A model's text as a user's message: without the label "User:" or quotes around it. Refused when it is empty, too long,
    labelled as somebody else's, or a copy of the assistant's message ``answered``."""
    if len(text) > LONGEST:
        return Fault("it is too long")
    label = _LABEL.match(text)
    if label is not None and label[1].lower() in _OTHERS:
        return Fault("it speaks for the assistant, not for the user")
    line = (text[label.end() :] if label else text).strip()
    if len(line) > 2 and line[0] == line[-1] == '"' and '"' not in line[1:-1]:
        line = line[1:-1].strip()
    if not line:
        return Fault("it is empty")
    if line == answered.strip():
        return Fault("it repeats the assistant's message")
    return line


class Said(NamedTuple):
    """The conversation with the user's message, or why there is none.

    ``stop``: "" (it goes on), "user ended", "turn limit" or "format error". A farewell before a stop word is in ``chat``;
    ``faults``: why replies were refused before this one.
    """

    chat: Conversation
    stop: str = ""
    faults: tuple[str, ...] = ()


class SimulatedUser:
    """A user played by ``player`` under ``instruction``.

    ``turns``: user messages a conversation may have at most. ``stop``: words by which the user ends the conversation;
    they are taken out of the message. ``opening``: the first message, said as it is; "" = the player writes it.
    ``read`` turns a reply (and the assistant's message that it answers) into a message or a `Fault`.
    """

    def __init__(
        self,
        player: Player,
        instruction: str,
        *,
        turns: int,
        stop: Sequence[str] = (),
        opening: str = "",
        read: Callable[[str, str], str | Fault] = user_line,
        tries: int = 2,
    ) -> None:
        if turns < 1 or tries < 1:
            raise InputError(f"a simulated user needs at least one turn and one try, not {turns} and {tries}")
        self.player, self.instruction, self.turns, self.opening = player, instruction, turns, opening
        self.stop, self.read, self.tries = tuple(word for word in stop if word), read, tries

    async def __call__(self, chat: Conversation) -> Said:
        """The user's next message after ``chat``, which ends with the assistant's (or is empty: the user begins)."""
        said = sum(message.role == "user" for message in chat.messages)
        if said >= self.turns:
            return Said(chat, "turn limit")
        if not said and self.opening:
            return Said(chat.user(self.opening))
        view = flipped(chat, system=self.instruction)
        if not said:
            view = view.user(OPENING)
        heard = await hear(self.player, view, lambda text: self._read(text, chat.reply), tries=self.tries)
        if heard.value is None:
            return Said(chat, "format error", heard.faults)
        line, ended = heard.value
        return Said(chat.user(line) if line else chat, "user ended" if ended else "", heard.faults)

    def _read(self, text: str, answered: str) -> tuple[str, bool] | Fault:
        ended = any(word in text for word in self.stop)
        for word in self.stop:
            text = text.replace(word, "")
        if ended and not text.strip():
            return "", True
        line = self.read(text, answered)
        if ended and isinstance(line, Fault):
            return "", True  # a goodbye in the form that was asked for: there is nothing else to read
        return line if isinstance(line, Fault) else (line, ended)
