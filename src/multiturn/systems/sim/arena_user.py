"""SimulatorArena's simulated users: a task, perhaps a profile, and the conversation as text, in one question a turn.

The question is asked anew each turn (the model keeps no memory of its own); the wording is ours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ...conversation import Player
from ...judges.ask import quoted
from ...measures.realism import profile
from ...players.simulated import LONGEST, Fault, hear, user_line
from .arena_data import PARTS, ArenaCase, length_range

STOP = "terminate conversation"
_SENT = re.compile(r"(?:^|\n)[*_# ]{0,4}(?:message|response|query)[*_ ]{0,3}:[*_]{0,2}", re.I)
_THOUGHT = re.compile(r"^[\s*_#]{0,6}thought[*_ ]{0,3}:", re.I)
_ENDS = {
    "math": "the problem is solved, the tutor's explanation is complete and you have nothing to add, or the talk leads nowhere",
    "document": "you are satisfied with the document, or the talk leads nowhere",
}


class Variant(NamedTuple):
    """A way of simulating: with a thought before the message, with the person's length of messages, with parts of a profile."""

    thought: bool = True
    length: bool = False
    parts: tuple[str, ...] = ()


VARIANTS = {
    "zero-shot": Variant(thought=False), "cot": Variant(), "length": Variant(length=True),
    "knowledge": Variant(parts=("knowledge",)), "writing": Variant(parts=("writing",)),
    "interaction": Variant(parts=("interaction",)), "profile": Variant(parts=PARTS),
    "length-knowledge": Variant(length=True, parts=("knowledge",)), "length-writing": Variant(length=True, parts=("writing",)),
    "length-interaction": Variant(length=True, parts=("interaction",)), "length-profile": Variant(length=True, parts=PARTS),
}  # fmt: skip


class Heard(NamedTuple):
    """The user's next message; ``ended``: it is the stop phrase instead; None: nothing usable, with ``faults``."""

    message: str | None
    ended: bool = False
    faults: tuple[str, ...] = ()


class ArenaUser:
    """One person, played by ``player`` in the way of ``variant``. ``refine``: a second call rewrites each message in the
    person's style. ``official``: the stop phrase counts wherever it stands, the thought included."""

    def __init__(
        self, player: Player, case: ArenaCase, variant: Variant, *, refine: bool = False, official: bool = False
    ) -> None:
        self.player, self.case, self.variant, self.refine, self.official = player, case, variant, refine, official

    async def __call__(self, said: Sequence[str], replies: Sequence[str]) -> Heard:
        """The next message after the messages ``said`` and the assistant's ``replies`` to them."""
        answered = replies[-1] if replies else ""

        def read(text: str) -> tuple[str, bool] | Fault:
            return sent(text, answered, thought=self.variant.thought, official=self.official)

        heard = await hear(self.player, self.question(said, replies), read)
        if heard.value is None:
            return Heard(None, faults=heard.faults)
        message, ended = heard.value
        if ended or not self.refine:
            return Heard(message, ended, heard.faults)
        again = await hear(
            self.player,
            f"{self._person(PARTS)}\n\nThe conversation so far:\n{quoted('conversation', _history(said, replies))}\n\n"
            f"This person is about to send:\n{quoted('message', message)}\n\n"
            "Rewrite it as this person would write it, with the same content. Write the message only.",
            lambda text: user_line(text, answered),
        )
        return Heard(again.value or message, False, heard.faults + again.faults)

    def question(self, said: Sequence[str], replies: Sequence[str]) -> str:
        """What the model is asked at this turn."""
        task, variant = self.case.task, self.variant
        other = "an AI tutor" if task == "math" else "an AI writing assistant"
        lines = [f"You play a person who talks with {other}. Stay in that role: you are the one who wants help.", self._task()]
        if variant.parts:
            lines.append(self._person(variant.parts))
        if variant.length:
            lines.append(f"Your messages are always {length_range(self.case.said)} long.")
        if said:
            lines.append(f"The conversation so far:\n{quoted('conversation', _history(said, replies))}")
            lines.append(
                f'Write your next message. If {_ENDS[task]}, write "{STOP}" in its place. Do not thank and end in one message.'
            )
        else:
            lines.append(f"Write your first message to {other}, as a person would begin.")
        lines.append(
            "Answer in exactly this form:\nThought: <what you think about the last answer and what you want now>\n"
            "Message: <what you send>"
            if variant.thought
            else "Write the message only."
        )
        return "\n\n".join(lines)

    def _task(self) -> str:
        case = self.case
        if case.task == "math":
            return f"You want to understand and solve this problem:\n{quoted('problem', case.problem)}"
        notes = "\n".join(f"- {question}\n  {answer}" for question, answer in case.notes)
        material = f"\nYour notes, from which you take what you tell:\n{quoted('notes', notes)}" if notes else ""
        return f"You want to have this {case.kind} written:\n{quoted('goal', case.problem)}{material}"

    def _person(self, parts: Sequence[str]) -> str:
        names = {"knowledge": "What you know" if self.case.task == "math" else "What you want it to be like",
                 "writing": "How you write", "interaction": "How you behave in a conversation"}  # fmt: skip
        blocks = []
        for part in parts:
            lines = list(self.case.profile.get(part, ()))
            if part == "interaction":
                lines.insert(0, f"length of messages: always {length_range(self.case.said)}")
            blocks.append("\n".join([f"{names[part]}:", *(f"- {line}" for line in lines or ["nothing is known"])]))
        return f"Who you are:\n{quoted('profile', chr(10).join(blocks))}"


def sent(text: str, answered: str = "", *, thought: bool = True, official: bool = False) -> tuple[str, bool] | Fault:
    """What of a reply is sent, and whether it ends the conversation: it is empty, or the stop phrase stands in what is sent
    (``official``: anywhere). Of "Thought: … Message: …" only what follows the label is sent."""
    if not text.strip():
        return "", True
    if len(text) > LONGEST:
        return Fault("it is too long")
    if official and STOP in text.lower():
        return "", True
    label = _SENT.search(text) if thought or _THOUGHT.match(text) else None
    if label is None and _THOUGHT.match(text):
        return Fault("there is no line that begins with Message:")
    message = (text[label.end() :] if label else text).strip()
    if STOP in message.lower():
        return "", True
    line = user_line(message, answered)
    return line if isinstance(line, Fault) else (line, False)


def _history(said: Sequence[str], replies: Sequence[str]) -> str:
    return "\n".join(f"You: {message}\nAssistant: {reply}" for message, reply in zip(said, replies, strict=True))


# -- a profile from a person's own messages -------------------------------------------------------------------------------
def described(said: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """How somebody writes and behaves, computed from their messages: what stands in for an extracted profile."""
    found = {name: estimate.value for name, estimate in profile([said]).items()}

    def often(feature: str, what: str) -> str:
        share = found[feature] or 0.0
        return (
            f"{what}: {'always' if share > 0.95 else 'mostly' if share > 0.5 else 'sometimes' if share > 0.1 else 'hardly ever'}"
        )

    writing = (
        often("lower-case start", "begins a message in lower case"),
        often("end punctuation", "ends a message with a full stop or mark"),
        often("careless typing", "types carelessly or in chat spelling"), often("contraction", "uses contractions"),
        often("emoji", "uses emoji"),
    )  # fmt: skip
    interaction = (
        often("question", "asks questions"), often("correction", "corrects the assistant or itself"),
        often("thanks", "thanks"), often("please", "says please"),
        f"usual length: {round(found['words'] or 0)} words a message",
    )  # fmt: skip
    return {"writing": writing, "interaction": interaction}
