"""What the interviewer and the grader are asked, and how their answers are read. The wording is ours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec import Struct

from ...conversation import Cast, Conversation, Player
from ...judges.ask import Answer, ask, quoted
from ...judges.loose import Node, objects
from ...judges.parse import Outcome, Parsed, Unparsable, scale, yes_no
from ...players.emotional import tells
from ...players.simulated import Fault, hear, user_line
from ...protocols.interview import Clarified, Grade, Seed
from .interviewer_data import InterviewCase, facts_of

T = TypeVar("T")
ERRORS = ("concept", "misinterpret", "calculation")
ACTIONS = ("none", "paraphrasing", "unclarifying", "modifying", "adding")
UNREADABLE = "interviewer: reply not readable"
_REPAIR = "I cannot use that ({why}). Answer again with one JSON object in the form that was asked for, and nothing else."
_RECENT = 3_000
"""Characters of the conversation that the interviewer is shown for its hints."""
_REWRITE = {
    "paraphrasing": ("Say the question in other words. Every fact, number and what is asked for stay the same.",
                     '{"question": "<the question in other words>"}', ()),
    "unclarifying": ("Take out one fact without which the question cannot be answered. The rest stays.",
                     '{"question": "<the question without it>", "missing": "<the fact that was taken out>"}', ("missing",)),
    "modifying": ("Change numbers or circumstances, so that the same knowledge leads to another answer, and answer the new one.",
                  '{"question": "<the new question>", "solution": "<its full solution>"}', ("solution",)),
    "adding": ("Add a further demand or condition that belongs to the question, and answer the new question.",
               '{"question": "<the new question>", "solution": "<its full solution>"}', ("solution",)),
}  # fmt: skip


class Rewritten(Struct, frozen=True):
    """The question to ask. ``action`` is "none" where the rewriting could not be used (``faults`` says why)."""

    seed: Seed
    action: str
    faults: tuple[str, ...] = ()


# -- reading ----------------------------------------------------------------------------------------------------------
def fields(text: str, wanted: Sequence[str]) -> dict[str, Node] | Fault:
    """The values under ``wanted`` of the JSON object that has them all; two such objects that differ are a fault."""
    if len(text) > 20_000:
        return Fault("it is too long")
    found = [{key.strip().lower().replace(" ", "_"): value for key, value in obj} for obj in objects(text)]
    full = [{name: row[name] for name in wanted} for row in found if all(name in row for name in wanted)]
    if not full:
        return Fault(f"there is no JSON object with {', '.join(wanted)}")
    return full[0] if all(row == full[0] for row in full) else Fault("two objects contradict each other")


def _texts(text: str, wanted: Sequence[str]) -> dict[str, str] | Fault:
    found = fields(text, wanted)
    if isinstance(found, Fault):
        return found
    said = {name: value.strip() for name, value in found.items() if isinstance(value, str)}
    empty = [name for name in wanted if not said.get(name)]
    return Fault(f"{empty[0]} is no text") if empty else said


def read_grade(text: str) -> Outcome[Grade]:
    """A math grade: complete when the answer and the way to it are both right."""
    found = fields(text, ("answer_correct", "process_correct", "error_type"))
    if isinstance(found, Fault):
        return Unparsable(found.why)
    right, way = (yes_no(v) if isinstance(v := found[name], str) else None for name in ("answer_correct", "process_correct"))
    if right is None or way is None:
        return Unparsable("answer_correct and process_correct must be true or false")
    error = str(found["error_type"]).strip().lower()
    if error not in (*ERRORS, "none", "null", ""):
        return Unparsable(f"error_type must be none or one of {', '.join(ERRORS)}")
    done = right and way
    return Parsed(Grade(complete=done, score=float(done), error="" if done or error not in ERRORS else error, note=_note(text)))


def read_facts(text: str, facts: int) -> Outcome[Grade]:
    """A grade by facts: recall of the ``facts`` numbered ones, precision of the answer's own; the score is their F1."""
    found = fields(text, ("covered", "stated", "correct"))
    if isinstance(found, Fault):
        return Unparsable(found.why)
    listed, counts = found["covered"], [_count(found["stated"]), _count(found["correct"])]
    numbers = [_count(n) for n in listed] if isinstance(listed, list) else [None]
    if None in numbers or None in counts or any(not 1 <= n <= facts for n in numbers if n is not None):
        return Unparsable(f"covered must list numbers from 1 to {facts}, stated and correct must be counts")
    stated, correct = (n or 0 for n in counts)
    if correct > stated:
        return Unparsable("more facts are correct than stated")
    recall, precision = len(set(numbers)) / facts, correct / stated if stated else 0.0
    f1 = 2 * recall * precision / (recall + precision) if recall + precision else 0.0
    done = recall == 1 and precision == 1
    return Parsed(Grade(complete=done, score=f1, note=_note(text), recall=recall, precision=precision))


def _count(node: Node) -> int | None:
    return int(node) if isinstance(node, str) and re.fullmatch(r"[0-9]{1,3}", node.strip()) else None


def _note(text: str) -> str:
    found = fields(text, ("explanation",))
    return "" if isinstance(found, Fault) else str(found["explanation"])[:2_000]


# -- asking -----------------------------------------------------------------------------------------------------------
async def rewrite(player: Player, case: InterviewCase, action: str) -> Rewritten:
    """The question after a rewriting action. What cannot be used twice leaves the question as it was, action "none"."""
    plain = Seed(question=case.question, reference=case.reference, whole=case.question)
    if action == "none":
        return Rewritten(plain, "none")
    order, form, also = _REWRITE[action]

    def read(text: str) -> dict[str, str] | Fault:
        found = _texts(text, ("question", *also))
        if isinstance(found, Fault):
            return found
        if found["question"] == case.question:
            return Fault("the question is the same as before")
        if tells(found["question"], found.get("solution", case.reference)):
            return Fault("the question contains its own answer")
        if also == ("missing",) and found["missing"].casefold() in found["question"].casefold():
            return Fault("the missing fact is still in it")
        return found

    question = (
        f"You prepare an interview. A question and its reference answer:\n\n{quoted('question', case.question)}\n\n"
        f"{quoted('reference', case.reference)}\n\n{order}\nAnswer with one JSON object in exactly this form:\n{form}"
    )
    heard = await hear(player, question, read, repair=_REPAIR)
    if heard.value is None:
        return Rewritten(plain, "none", heard.faults)
    said = heard.value
    seed = Seed(question=said["question"], reference=said.get("solution", case.reference), missing=said.get("missing", ""),
                whole=case.question)  # fmt: skip
    return Rewritten(seed, action, heard.faults)


class ModelInterviewer:
    """An `Interviewer` of two players: one who asks (``--user``; the judge where there is none) and the grader (``--judge``).

    A hint or a follow-up that tells the reference is refused like one that cannot be read.
    """

    def __init__(self, cast: Cast, case: InterviewCase) -> None:
        self.cast, self.case = cast, case
        self.asker = cast.user if cast.has("user") else cast.judge

    async def clarify(self, seed: Seed, chat: Conversation) -> Answer[Clarified]:
        def read(text: str) -> Clarified | Fault:
            found = _texts(text, ("asked", "message"))
            asked = None if isinstance(found, Fault) else yes_no(found["asked"])
            if isinstance(found, Fault) or asked is None:
                return found if isinstance(found, Fault) else Fault("asked must be true or false")
            return Clarified(asked, found["message"])

        return await self._say(
            f"You asked a question in an interview and left out this fact: {seed.missing}\n\n{_shown(seed, chat)}\n\n"
            "Did the last message ask for that fact? If it did, tell the fact. If not, answer in one or two sentences without "
            "telling the fact or the solution.\nAnswer with one JSON object: "
            '{"asked": true or false, "message": "<what you say>"}',
            read,
        )

    async def grade(self, seed: Seed, chat: Conversation) -> Answer[Grade]:
        if not chat.reply.strip():
            nothing = 0.0 if self.case.kind == "stem" else None
            return Answer(Grade(complete=False, score=0.0, note="empty reply", recall=nothing, precision=nothing))
        material = (
            f"{quoted('question', seed.question)}\n\n{quoted('reference', seed.reference)}\n\n{quoted('answer', chat.reply)}"
        )
        if self.case.kind == "math":
            return await ask(
                self.cast,
                f"Grade an answer to a mathematical problem.\n\n{material}\n\n"
                "Is the final answer right, and is the way to it right? The kind of error is concept (a wrong idea or formula), "
                "misinterpret (the problem was read wrongly), calculation, or none.\nAnswer with one JSON object: "
                '{"explanation": "<reasons>", "answer_correct": true or false, "process_correct": true or false, '
                '"error_type": "<concept, misinterpret, calculation or none>"}',
                read_grade,
            )
        facts = facts_list(seed, self.case)
        numbered = "\n".join(f"{n}. {fact}" for n, fact in enumerate(facts, 1))
        return await ask(
            self.cast,
            f"Grade an answer by its facts.\n\n{material}\n\nThe facts of the reference:\n{numbered}\n\n"
            "Which of them does the answer state? How many facts does the answer state in all, and how many of those are "
            'correct?\nAnswer with one JSON object: {"explanation": "<reasons>", "covered": [<numbers>], "stated": <count>, '
            '"correct": <count>}',
            lambda text: read_facts(text, len(facts)),
        )

    async def hint(self, seed: Seed, chat: Conversation, grades: Sequence[Grade]) -> Answer[str]:
        again = "" if len(grades) == 1 else "It is not the first attempt: say what got better and what is still open. "
        return await self._line(
            seed,
            f"{_shown(seed, chat)}\n\nThe grader says: {grades[-1].note or 'not right yet'}\n\n"
            f"The last answer is not complete. {again}Give a short hint that helps to go on, and never the solution.",
        )

    async def follow_up(self, seed: Seed, chat: Conversation, last: Grade, scores: Sequence[float]) -> Answer[str]:
        if scores:
            task = "The last answer to your follow-up question was not complete. Say what to improve, without telling it."
        elif self.case.kind == "stem":
            task = "Ask one follow-up question about a fact of the reference that was missing or needs to be explained."
        elif last.complete:
            task = "The answer is right. Ask one follow-up question: let one step of it be justified."
        else:
            task = f"The problem was not solved ({last.error}). Ask one follow-up question about the idea behind the error."
        return await self._line(seed, f"{_shown(seed, chat)}\n\n{task}")

    async def grade_follow_up(self, seed: Seed, chat: Conversation) -> Answer[float]:
        if not chat.reply.strip():
            return Answer(0.0, "empty reply")
        return await ask(
            self.cast,
            f"Grade the last answer in this interview, which is about a follow-up question.\n\n{_shown(seed, chat)}\n\n"
            'Answer with one JSON object: {"reason": "<reasons>", "score": <from 0 (wrong) to 1 (complete)>}',
            lambda text: scale(text, 0, 1, whole=False),
        )

    async def _line(self, seed: Seed, question: str) -> Answer[str]:
        def read(text: str) -> str | Fault:
            found = _texts(text, ("message",))
            if isinstance(found, Fault):
                return found
            line = user_line(found["message"])
            return Fault("it tells the reference") if isinstance(line, str) and tells(line, seed.reference) else line

        return await self._say(f'{question}\nAnswer with one JSON object: {{"message": "<what you say>"}}', read)

    async def _say(self, question: str, read: Callable[[str], T | Fault]) -> Answer[T]:
        heard = await hear(self.asker, question, read, repair=_REPAIR)
        return Answer(heard.value, cause="" if heard.value is not None else UNREADABLE)


def facts_list(seed: Seed, case: InterviewCase) -> tuple[str, ...]:
    """What recall is counted over: the facts of the case, or of the new reference where the question was changed."""
    if seed.reference == case.reference and case.facts:
        return case.facts
    return facts_of(seed.reference) or (seed.reference,)


def _shown(seed: Seed, chat: Conversation) -> str:
    """The conversation (its end) and the reference, as the interviewer sees them."""
    lines = [{"interviewer" if m.role == "user" else "interviewee": m.text} for m in chat.messages if m.role != "system"]
    talk = json.dumps(lines, ensure_ascii=False, indent=0)[-_RECENT:]
    return f"{quoted('reference', seed.reference)}\n\nThe interview so far (its end, as JSON):\n{quoted('interview', talk)}"
