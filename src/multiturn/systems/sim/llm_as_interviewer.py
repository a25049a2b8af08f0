"""LLM-as-an-Interviewer: rewrite the question, give hints, follow up, and report."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from ...conversation import Case, Cast, Conversation, DataError, UnknownName
from ...judges.ask import ScaleJudge, quoted
from ...judges.simulation import Secrets
from ...measures.figure import Scale
from ...measures.figures import by_turn, mean, multi_turn_cost
from ...measures.verdict import Verdict
from ...protocols.benchmark import Benchmark
from ...protocols.interview import Grade, Limits, Log, forward_filled, interview, new_log, solved_within
from .interviewer_ask import ACTIONS, ERRORS, ModelInterviewer, rewrite
from .interviewer_data import FILE, HOME, InterviewCase, read_depthqa, sample_math, sample_stem
from .interviewer_report import page

LEVELS = ("at 1", "at 2", "at last")
REVIEW = Scale(0, 10, "points", passing=7)
_SYSTEM = "You are in an interview about what you know. Answer the questions and show how you get to your answers."
_ACCURACY = tuple(f"accuracy {level}" for level in LEVELS)
_FACTS = tuple(f"fact {what} {level}" for what in ("recall", "precision", "F1") for level in LEVELS)


class LLMAsInterviewer(Benchmark):
    """LLM-as-an-Interviewer: Beyond Static Testing Through Dynamic LLM Evaluation (Kim, Suk, Kim et al., arXiv 2412.10424).

    An interviewer first rewrites the question, so that having seen it does not help; a grader with the reference at hand, whose
    words the interviewee never sees, marks each attempt; hints lead to further attempts; then a follow-up. Settings are the
    rewriting actions: ``none``, ``paraphrasing``, ``unclarifying`` (a fact is taken out; the interviewee has to ask for it),
    ``modifying`` and ``adding`` (a new question with a new solution).

    accuracy at 1, 2, last   share of questions solved in one attempt, in two, in any number up to ``attempts`` (math: answer and
                     way both right; stem: all facts of the reference and no wrong ones)
    score at attempt  0 to 1 at each attempt, filled forward (turn = attempt)
    fact recall, precision, F1   stem only: facts of the reference that are covered; own facts that are correct
    follow-up after success, after failure   share of questions whose follow-up was answered completely in some round; only where
                     one was asked (the released figures count a question without one, as after a calculation error, as 0)
    error …          share of each kind of error among the wrong math attempts
    rewritten        share of questions whose rewriting could be used; else the question is asked as it was
    clarified        unclarifying: share of interviewees that asked for the missing fact
    review           0 to 10: the grader's mark for the whole interview, its comment as the reason

    Roles. The grader is ``--judge``; the interviewer is ``--user``, or the judge where no user is given (in the paper one model,
    GPT-4o, is both). Each question is an interview of its own, as the released experiments play it. The report of one question
    is in the episode's facts (``report``), the functions for the report over questions in `interviewer_report`.

    Decisions: facts are the sentences of the reference (released: lists written by a model). A grade or message that cannot be
    read is asked for again once; then the interview ends as "format error", and what is not yet decided is not measured. Hints
    that tell the reference are refused. The published tables were not available; released figures are recomputed from recorded
    sessions by `interviewer_data`. ``source``: "released" (DepthQA samples), "bundled" (questions of ours), "auto" (our maths,
    and DepthQA where it is there).
    """

    slug = "llm-as-interviewer"
    title = "LLM-as-an-Interviewer: Beyond Static Testing Through Dynamic LLM Evaluation"
    paper = "arXiv:2412.10424"
    family = "sim"
    licence = "MIT"
    home = "https://github.com/interview-eval/interview-eval"
    settings = ACTIONS
    default_settings = ("none", "paraphrasing")
    needs = ("judge",)
    params = {"source": "auto", "attempts": 5, "clarifications": 3, "follow_ups": 2}
    scales = {"review": REVIEW}
    figures = (
        *(mean(m) for m in _ACCURACY), by_turn("score at attempt"), *(mean(m) for m in _FACTS),
        mean("follow-up after success"), mean("follow-up after failure"),
        *(mean(f"error {e}", by=("setting",)) for e in ERRORS), mean("rewritten", by=("setting",)),
        mean("clarified", by=("setting",)), mean("review", REVIEW),
        *(multi_turn_cost("accuracy at 1", a=action, b="none") for action in ACTIONS[1:]),
    )  # fmt: skip

    def cases(self) -> Iterator[InterviewCase]:
        source = self.options["source"]
        if source not in ("auto", "bundled", "released"):
            raise UnknownName("source of `llm-as-interviewer`", source, ("auto", "bundled", "released"))
        if source != "released":
            yield from sample_math()
        yield from self._stem(source)

    def _stem(self, source: str) -> Iterable[InterviewCase]:
        if source == "released":
            return read_depthqa(self.data.path(self.slug, FILE, f"{HOME}/{FILE}"))
        if source == "bundled" or self._data is None:
            return sample_stem()
        try:
            return read_depthqa(self.data.path(self.slug, FILE))
        except DataError:  # not there
            return sample_stem()

    @property
    def limits(self) -> Limits:
        return Limits(self.options["attempts"], self.options["clarifications"], self.options["follow_ups"])

    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, InterviewCase)
        interviewer, log = ModelInterviewer(cast, case), new_log()
        cast.facts["log"] = log
        asked = await rewrite(interviewer.asker, case, setting)
        cast.facts.update(action=asked.action, question=asked.seed.question, faults=list(asked.faults))

        def follows(solved: bool, last: Grade) -> bool:
            return solved or case.kind == "stem" or last.error in ("concept", "misinterpret")

        chat = Conversation.start(system=_SYSTEM)
        chat = await interview(chat, asked.seed, cast.assistant, interviewer, log, self.limits, follows)
        cast.facts.update(stop=log["stop"], report=page(asked.seed.question, asked.action, log))
        return chat

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, InterviewCase)
        log: Log = cast.facts.get("log") or new_log()
        cause = cast.stopped or log["cause"] or "no reply"
        if cast.setting != "none" and "action" in cast.facts:
            yield Verdict("rewritten", float(cast.facts["action"] != "none"), reason="; ".join(cast.facts["faults"]))
        if log["clarified"] is not None:
            yield Verdict("clarified", float(log["clarified"]))
        for verdict in _attempts(case, log, self.limits.attempts, cause):
            yield verdict
        for number, grade in enumerate(log["grades"], 1):
            if case.kind == "math" and not grade["complete"]:
                for error in ERRORS:
                    yield Verdict(f"error {error}", float(grade.get("error", "") == error), turn=number)
        if log["follow_ups"] or log["states"].count("FOLLOW_UP_QUESTION_SOLVING"):
            value = float(max(log["follow_ups"]) >= 1) if log["follow_ups"] else None
            yield Verdict(f"follow-up after {log['stop']}", value, cause="" if value is not None else cause)
        if not log["stop"] or log["stop"] == "format error":
            yield Verdict("review", None, cause=cause)
        else:
            judge = ScaleJudge(measure="review", low=0, high=10)
            talk = quoted("interview", "\n\n".join(f"{m.role}: {m.text}" for m in chat.messages if m.role != "system"))
            question = f"Sum up how the assistant did in this interview.\n\n{talk}\n\nThe reference answer:\n{case.reference}"
            yield await judge(cast, f"{question}\n\n{judge.form}")

    def gold(self, case: Case, chat: Conversation) -> str | None:
        assert isinstance(case, InterviewCase)
        return case.reference

    def secrets(self, case: Case, chat: Conversation, setting: str, facts: Mapping[str, Any]) -> Secrets | None:
        assert isinstance(case, InterviewCase)
        known = f"{case.question}\n{facts.get('question', '')}"
        return Secrets(never=(case.reference,), known=known, stop=str(facts.get("stop", "")), player="interviewer")


def _attempts(case: InterviewCase, log: Log, attempts: int, cause: str) -> Iterator[Verdict]:
    """What follows from the graded attempts. An interview that broke off leaves open what later attempts would have decided."""
    states, grades = log["states"], log["grades"]
    over = log["stop"] in ("success", "failure")
    for name, n in zip(_ACCURACY, (1, 2, attempts), strict=True):
        decided = over or len(grades) >= n
        yield Verdict(name, float(solved_within(states, n)) if decided else None, cause="" if decided else cause)
    scores = forward_filled([g["score"] for g in grades], attempts)
    for number, score in enumerate(scores, 1):
        known = over or number <= len(grades)
        yield Verdict("score at attempt", score if known else None, turn=number, cause="" if known else cause)
    if case.kind == "math":
        return
    for what in ("recall", "precision", "F1"):
        values = forward_filled([g["score"] if what == "F1" else g[what] for g in grades], max(attempts, 2))
        for level, n in zip(LEVELS, (1, 2, attempts), strict=True):
            known = bool(grades) and (over or len(grades) >= n)
            yield Verdict(f"fact {what} {level}", values[n - 1] if known else None, cause="" if known else cause)
