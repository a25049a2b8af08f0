"""An interview on one question as a state machine: clarify what is missing, solve with hints, then follow up.

    [CLARIFICATION_NEEDED]*  ->  QUESTION_SOLVING+  ->  SOLVE_SUCCESS | SOLVE_FAIL  ->  [FOLLOW_UP_QUESTION_SOLVING]*
                             ->  QUESTION_COMPLETE

(Kim et al. 2024, arXiv 2412.10424.) The interviewee sees the interviewer's messages only; grades and their reasons stay in the
log. Each state has a mandatory cap. What an interviewer cannot say or grade in a readable form ends the interview as "format
error", with the cause; what was graded before stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import msgspec
from msgspec import Struct

from ..conversation import Conversation, InputError, Player
from ..judges.ask import Answer

CLARIFYING, SOLVING, FOLLOWING = "CLARIFICATION_NEEDED", "QUESTION_SOLVING", "FOLLOW_UP_QUESTION_SOLVING"
SUCCESS, FAIL, COMPLETE = "SOLVE_SUCCESS", "SOLVE_FAIL", "QUESTION_COMPLETE"

Log: TypeAlias = dict[str, Any]
"""Plain data, filled in as the interview goes: ``states``, ``grades`` (one an attempt), ``follow_ups`` (scores, 0 to 1),
``clarified`` (True, False, or None where nothing was missing), ``stop`` ("success", "failure", "format error" or "") and
``cause``."""


class Seed(Struct, frozen=True, kw_only=True):
    """What is asked: the question, its reference answer, and (``missing``) the fact that was taken out of ``whole``."""

    question: str
    reference: str
    missing: str = ""
    whole: str = ""


class Grade(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt as the grader saw it. ``score``: 0 to 1; ``complete``: nothing is left to improve; ``error``: its kind.
    ``recall`` and ``precision``: of facts, where the answer is graded by facts."""

    complete: bool
    score: float
    error: str = ""
    note: str = ""
    recall: float | None = None
    precision: float | None = None


class Clarified(NamedTuple):
    """The interviewer's answer to what may be a question back; ``asked``: the missing fact was asked for (and is told)."""

    asked: bool
    message: str


class Limits(NamedTuple):
    """Caps: attempts at the question, rounds of clarification, rounds of follow-up (0 = none)."""

    attempts: int = 5
    clarifications: int = 3
    follow_ups: int = 2


class Interviewer(Protocol):
    """The side that asks. Every method is given the conversation up to the interviewee's last reply."""

    async def clarify(self, seed: Seed, chat: Conversation) -> Answer[Clarified]: ...
    async def grade(self, seed: Seed, chat: Conversation) -> Answer[Grade]: ...
    async def hint(self, seed: Seed, chat: Conversation, grades: Sequence[Grade]) -> Answer[str]: ...
    async def follow_up(self, seed: Seed, chat: Conversation, last: Grade, scores: Sequence[float]) -> Answer[str]:
        """The follow-up question, or (after ``scores``) what to improve in the answer to it."""

    async def grade_follow_up(self, seed: Seed, chat: Conversation) -> Answer[float]: ...


def new_log() -> Log:
    return {"states": [], "grades": [], "follow_ups": [], "clarified": None, "stop": "", "cause": ""}


async def interview(
    chat: Conversation,
    seed: Seed,
    interviewee: Player,
    interviewer: Interviewer,
    log: Log,
    limits: Limits,
    follows: Callable[[bool, Grade], bool],
) -> Conversation:
    """Play the interview after ``chat`` (a system text, or nothing). ``follows(solved, last grade)``: whether there is a
    follow-up. ``log`` (see `new_log`) is kept up to date at every step."""
    if limits.attempts < 1 or limits.clarifications < 1 or limits.follow_ups < 0:
        raise InputError(f"an interview has at least one attempt and one clarification, not {limits}")
    chat = chat.user(seed.question)
    if seed.missing:
        chat = await _clarify(chat, seed, interviewee, interviewer, log, limits.clarifications)
    if not log["stop"]:
        chat = await _solve(chat, seed, interviewee, interviewer, log, limits.attempts)
    if log["stop"] in ("success", "failure"):
        last = msgspec.convert(log["grades"][-1], Grade)
        if limits.follow_ups and follows(log["stop"] == "success", last):
            chat = await _follow(chat, seed, last, interviewee, interviewer, log, limits.follow_ups)
        log["states"].append(COMPLETE)
    return chat


async def _clarify(
    chat: Conversation, seed: Seed, interviewee: Player, interviewer: Interviewer, log: Log, cap: int
) -> Conversation:
    """Until the missing fact is asked for; at the cap the whole question is told."""
    log["clarified"] = False
    for _ in range(cap):
        log["states"].append(CLARIFYING)
        chat = await interviewee(chat)
        answer = await interviewer.clarify(seed, chat)
        if answer.value is None:
            return _broken(chat, log, answer.cause)
        if answer.value.asked:
            log["clarified"] = True
            return chat.user(answer.value.message)
        if log["states"].count(CLARIFYING) < cap:
            chat = chat.user(answer.value.message)
    return chat.user(f"Here is the whole question:\n{seed.whole}")


async def _solve(
    chat: Conversation, seed: Seed, interviewee: Player, interviewer: Interviewer, log: Log, cap: int
) -> Conversation:
    grades: list[Grade] = []
    while True:
        log["states"].append(SOLVING)
        chat = await interviewee(chat)
        graded = await interviewer.grade(seed, chat)
        if graded.value is None:
            return _broken(chat, log, graded.cause)
        grades.append(graded.value)
        log["grades"].append(msgspec.to_builtins(graded.value))
        if graded.value.complete or len(grades) == cap:
            log["states"].append(SUCCESS if graded.value.complete else FAIL)
            log["stop"] = "success" if graded.value.complete else "failure"
            return chat
        hint = await interviewer.hint(seed, chat, grades)
        if hint.value is None:
            return _broken(chat, log, hint.cause)
        chat = chat.user(hint.value)


async def _follow(
    chat: Conversation, seed: Seed, last: Grade, interviewee: Player, interviewer: Interviewer, log: Log, cap: int
) -> Conversation:
    """One follow-up question, with another try while the answer is not complete. What breaks here leaves the main result."""
    scores: list[float] = log["follow_ups"]
    while len(scores) < cap and not (scores and scores[-1] >= 1):
        log["states"].append(FOLLOWING)
        asked = await interviewer.follow_up(seed, chat, last, scores)
        if asked.value is None:
            log["cause"] = asked.cause
            break
        chat = await interviewee(chat.user(asked.value))
        graded = await interviewer.grade_follow_up(seed, chat)
        if graded.value is None:
            log["cause"] = graded.cause
            break
        scores.append(graded.value)
    return chat


def _broken(chat: Conversation, log: Log, cause: str) -> Conversation:
    log.update(stop="format error", cause=cause)
    return chat


# -- what the log says ------------------------------------------------------------------------------------------------
def forward_filled(scores: Sequence[float], columns: int) -> list[float | None]:
    """The score at each attempt 1 … ``columns``; what was no longer tried is as the last attempt. Nothing at all: None."""
    return [scores[min(i, len(scores) - 1)] if scores else None for i in range(columns)]


def solved_within(states: Sequence[str], attempts: int | None = None) -> bool:
    """Whether the question was solved in at most this many attempts (None: in any number)."""
    return SUCCESS in states and (attempts is None or states.count(SOLVING) <= attempts)
