"""Is a simulated user to blame? What it should hide, what can go wrong, and all checks over one conversation.

The checks read the transcript and what the benchmark says of the case; none asks a model. Each is a pure function with
bounded cost (the first `TURNS` turns, the first `LONGEST` characters of a message, patterns that are linear in the text).
They are meant to be precise rather than complete: a person who writes to an assistant should almost never be named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct

from ..conversation import Conversation

TURNS, LONGEST, QUOTE = 200, 8_000, 120

ANSWER, INSTRUCTIONS, TOO_MUCH, TOO_LITTLE = (
    "gives the answer away", "quotes its instructions", "tells too much at once", "keeps back what it should tell",
)  # fmt: skip
EARLY, ENDLESS, SWAP, RESTART = "ends too early", "does not end", "speaks as the assistant", "starts again"
SCRATCHPAD, REPEATS, CLAIM, EMPTY, RUNS_ON, UNUSABLE = (
    "shows its scratchpad", "repeats itself", "claims what never happened", "says nothing", "runs on without end",
    "cannot be used",
)  # fmt: skip
KINDS: dict[str, str] = {
    ANSWER: "says the gold answer, or what it should never say, before the assistant has",
    INSTRUCTIONS: "quotes the text that it plays under, or names its role",
    TOO_MUCH: "tells more pieces in one message than the protocol allows",
    TOO_LITTLE: "is to tell a piece and says nothing of it",
    EARLY: "ends before everything needed was told, or before it was answered",
    ENDLESS: "goes on after its goodbye, or up to the cap although the goal was met",
    SWAP: "offers help, hands over the solution, or says the assistant's words again",
    RESTART: "says its first message again, or greets and introduces itself anew",
    SCRATCHPAD: "sends thoughts, tags, JSON of the prompt's form, stop words, stage directions or blanks to fill in",
    REPEATS: "says the same three times, or begins most of its messages with the same words",
    CLAIM: "says that it did, sent or said what it did not",
    EMPTY: "sends an empty message",
    RUNS_ON: "repeats words in a loop, or writes more than anybody would read",
    UNUSABLE: "gave no message in the required form, so that the benchmark spoke in its place, or ended it",
}
"""The checks, in the order of the report: kind -> what is found, in a few words."""

DECISIVE = frozenset({ANSWER, TOO_MUCH, TOO_LITTLE, EARLY, SWAP, RESTART, CLAIM, EMPTY})
"""Kinds that can decide what a conversation scores; of the others (`ENDLESS`, `REPEATS`), a finding says itself whether it
did."""


class Finding(Struct, frozen=True, omit_defaults=True):
    """One fault of a simulated user. ``turn``: of its message, from 1. ``quote``: at most `QUOTE` characters.
    ``certain``: it follows from what is on record or stands there word for word; else it is likely, from a pattern.
    ``decides``: it can have decided the outcome."""

    kind: str
    turn: int
    quote: str = ""
    certain: bool = False
    decides: bool = False


class Secrets(Struct, frozen=True, kw_only=True):
    """What the simulated user of one conversation knows, hides and has to tell. All texts are optional.

    ``never``: texts that it must not say before the assistant has (the gold answer, a hidden wish). ``instructions``: the text
    that it plays under. ``pieces``: what it has to tell; ``claimed``: for each of its messages, in order, which pieces the
    protocol has it tell (None: not known); ``per_turn``: how many it may tell in one message (0: as many as it likes).
    ``known``: what else it may say freely. ``acts``: (turn, what) of everything it really did beside talking, None where it
    cannot do anything or nothing is known. ``stop``: why the conversation ended ("" = not known); ``met``: the goal was met
    (None: not known). ``turns``: how many of the user messages are its own, the others being the benchmark's (None: all; 0: no
    user is simulated here). ``player``: who it plays. ``skip``: kinds that mean nothing here. ``found``: findings of a review
    that the benchmark has of its own; ``measures``: its own measures that say something of the user.

    ``speaks``: the role that its messages have in the conversation: "assistant" where the model under test plays the user.
    ``sign``: the text by which it ends a conversation, where that stays in its message; ``lead``: what the benchmark puts before
    its first message.
    """

    never: tuple[str, ...] = ()
    instructions: str = ""
    pieces: tuple[str, ...] = ()
    claimed: tuple[tuple[int, ...], ...] | None = None
    per_turn: int = 0
    known: str = ""
    acts: tuple[tuple[int, str], ...] | None = None
    stop: str = ""
    met: bool | None = None
    turns: int | None = None
    player: str = "user"
    skip: tuple[str, ...] = ()
    found: tuple[Finding, ...] = ()
    measures: tuple[str, ...] = ()
    speaks: Literal["user", "assistant"] = "user"
    sign: str = ""
    lead: str = ""


class Said(NamedTuple):
    """One message of the user, cut to `LONGEST` characters. ``reply``: what the assistant answered ("" = nothing);
    ``answered``: whether it answered at all; ``media``: something other than text came with the message."""

    turn: int
    text: str
    reply: str
    answered: bool
    media: bool


class Talk(NamedTuple):
    """A conversation as the checks read it. ``opening``: what the assistant said before the user's first message."""

    said: tuple[Said, ...]
    opening: str

    @classmethod
    def of(cls, chat: Conversation, secrets: Secrets | None = None) -> Talk:
        """The user's messages in ``chat`` with what they were answered (at most `TURNS`; as many as are its own)."""
        known = secrets or Secrets()
        most = TURNS if known.turns is None else min(known.turns, TURNS)
        return _turned(chat, most, known.sign) if known.speaks == "assistant" else _straight(chat, most, known.lead)


def _straight(chat: Conversation, most: int, lead: str) -> Talk:
    said: list[Said] = []
    for turn in chat.turns[:most]:
        reply = "\n".join(m.text for m in turn.answers if m.role == "assistant")[:LONGEST]
        text = "" if turn.user is None else turn.user.text.removeprefix("" if said else lead)[:LONGEST]
        said.append(Said(turn.number, text, reply, turn.answered, turn.user is not None and bool(turn.user.media)))
    before: list[str] = []
    for message in chat.messages:
        if message.role == "user":
            break
        if message.role == "assistant":
            before.append(message.text)
    return Talk(tuple(said), "\n".join(before)[:LONGEST])


def _turned(chat: Conversation, most: int, sign: str) -> Talk:
    """The same of a conversation in which the model under test plays the user: what has the role user answers it. What comes
    before its first message is its instruction to begin."""
    said: list[Said] = []
    for message in chat.messages:
        if message.role == "assistant":
            text = message.text.replace(sign, "").strip() if sign else message.text
            if text or not sign or sign not in message.text:  # the sign alone is no message
                said.append(Said(len(said) + 1, text[:LONGEST], "", False, bool(message.media)))
        elif message.role == "user" and said:
            reply = "\n".join(filter(None, (said[-1].reply, message.text)))[:LONGEST]
            said[-1] = said[-1]._replace(reply=reply, answered=True)
    return Talk(tuple(said[:most]), "")


Check: TypeAlias = Callable[[Talk, Secrets], Iterable[Finding]]
"""From a conversation and what is known of it to findings."""

_SPACE = re.compile(r"\s+")


def quote(text: str, start: int = 0, end: int | None = None) -> str:
    """The part of a text from ``start`` to ``end`` on one line, with what stands around it where there is room."""
    end = len(text) if end is None else end
    room = QUOTE - min(end - start, QUOTE)
    start = max(0, start - room // 3)
    line = _SPACE.sub(" ", text[start : start + 4 * QUOTE]).strip()
    return line if len(line) <= QUOTE else line[: QUOTE - 1] + "…"


def given(text: str, secrets: Secrets) -> bool:
    """Whether a message is the benchmark's own, word for word: an opening, a piece told by rule."""
    line = text.strip()
    return bool(line) and (line in secrets.pieces or line in secrets.known.split("\n"))


def audit(chat: Conversation, secrets: Secrets | None = None) -> list[Finding]:
    """All findings in one conversation, in the order of turns; one of each kind a turn. Without ``secrets`` only what the text
    alone shows is looked for."""
    from .simulation_hidden import CHECKS as HIDDEN
    from .simulation_text import CHECKS as TEXT

    known = secrets or Secrets()
    talk = Talk.of(chat, known)
    best: dict[tuple[int, str], Finding] = {}
    for finding in (*known.found, *_all(talk, known, (*HIDDEN, *TEXT))):
        key = (finding.turn, finding.kind)
        if finding.kind not in known.skip and (key not in best or finding.certain > best[key].certain):
            best[key] = finding
    order = list(KINDS)
    return sorted(best.values(), key=lambda f: (f.turn, order.index(f.kind)))


def _all(talk: Talk, secrets: Secrets, checks: Iterable[Check]) -> Iterator[Finding]:
    for check in checks:
        yield from check(talk, secrets)


def checked(secrets: Secrets | None) -> frozenset[str]:
    """The kinds that can be found in a conversation of which this much is known."""
    s = secrets or Secrets()
    always = {SWAP, RESTART, SCRATCHPAD, REPEATS, CLAIM, EMPTY, RUNS_ON, INSTRUCTIONS, ENDLESS}
    possible = always | {f.kind for f in s.found}
    possible |= {ANSWER} if s.never else set()
    possible |= {TOO_MUCH} if len(s.pieces) > 1 and s.per_turn else set()
    possible |= {TOO_LITTLE} if s.claimed is not None else set()
    possible |= {EARLY, UNUSABLE} if s.stop else set()
    return frozenset(possible - set(s.skip))
