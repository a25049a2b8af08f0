"""What an interview was worth: its graded attempts, and the grader's review of the whole."""

from __future__ import annotations

from collections.abc import Iterator

from ...conversation import Cast, Conversation
from ...judges.ask import ScaleJudge, quoted
from ...measures.figure import Scale
from ...measures.verdict import Verdict
from ...protocols.interview import Log, forward_filled, solved_within
from .interviewer_ask import ERRORS
from .interviewer_data import InterviewCase

LEVELS = ("at 1", "at 2", "at last")
REVIEW = Scale(0, 10, "points", passing=7)
ACCURACY = tuple(f"accuracy {level}" for level in LEVELS)
FACTS = tuple(f"fact {what} {level}" for what in ("recall", "precision", "F1") for level in LEVELS)


def attempt_verdicts(case: InterviewCase, log: Log, attempts: int, cause: str) -> Iterator[Verdict]:
    """What follows from the graded attempts. An interview that broke off leaves open what later attempts would have decided."""
    states, grades = log["states"], log["grades"]
    over = log["stop"] in ("success", "failure")
    for name, n in zip(ACCURACY, (1, 2, attempts), strict=True):
        decided = over or len(grades) >= n
        yield Verdict(name, float(solved_within(states, n)) if decided else None, cause="" if decided else cause)
    scores = forward_filled([g["score"] for g in grades], attempts)
    for number, score in enumerate(scores, 1):
        known = over or number <= len(grades)
        yield Verdict("score at attempt", score if known else None, turn=number, cause="" if known else cause)
    if case.kind == "math":
        for number, grade in enumerate(grades, 1):
            for error in ERRORS if not grade["complete"] else ():
                yield Verdict(f"error {error}", float(grade.get("error", "") == error), turn=number)
        return
    for what in ("recall", "precision", "F1"):
        values = forward_filled([g["score"] if what == "F1" else g[what] for g in grades], max(attempts, 2))
        for level, n in zip(LEVELS, (1, 2, attempts), strict=True):
            known = bool(grades) and (over or len(grades) >= n)
            yield Verdict(f"fact {what} {level}", values[n - 1] if known else None, cause="" if known else cause)


async def review(case: InterviewCase, chat: Conversation, cast: Cast) -> Verdict:
    """The grader's mark for the whole interview, 0 to 10, with its comment as the reason."""
    judge = ScaleJudge(measure="review", low=0, high=10)
    talk = quoted("interview", "\n\n".join(f"{m.role}: {m.text}" for m in chat.messages if m.role != "system"))
    question = f"Sum up how the assistant did in this interview.\n\n{talk}\n\nThe reference answer:\n{case.reference}"
    return await judge(cast, f"{question}\n\n{judge.form}")
