"""LLM-as-an-Interviewer: rewrite the question, give hints, follow up, and report."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from ...conversation import Case, Cast, Conversation, UnknownName
from ...judges.simulation import Secrets
from ...measures.figures import by_turn, mean, multi_turn_cost
from ...measures.verdict import Verdict
from ...protocols.benchmark import Benchmark
from ...protocols.interview import Grade, Limits, Log, interview, new_log
from .interviewer_ask import ACTIONS, ERRORS, ModelInterviewer, rewrite
from .interviewer_data import SOURCES, InterviewCase, sample_math, stem
from .interviewer_report import page
from .interviewer_score import ACCURACY, FACTS, REVIEW, attempt_verdicts, review

_SYSTEM = "You are in an interview about what you know. Answer the questions and show how you get to your answers."


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
        *(mean(m) for m in ACCURACY), by_turn("score at attempt"), *(mean(m) for m in FACTS),
        mean("follow-up after success"), mean("follow-up after failure"),
        *(mean(f"error {e}", by=("setting",)) for e in ERRORS), mean("rewritten", by=("setting",)),
        mean("clarified", by=("setting",)), mean("review", REVIEW),
        *(multi_turn_cost("accuracy at 1", a=action, b="none") for action in ACTIONS[1:]),
    )  # fmt: skip

    def cases(self) -> Iterator[InterviewCase]:
        source = self.options["source"]
        if source not in SOURCES:
            raise UnknownName("source of `llm-as-interviewer`", source, SOURCES)
        if source != "released":
            yield from sample_math()
        yield from stem(self.data if source == "released" else self._data, source)

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
        for verdict in attempt_verdicts(case, log, self.limits.attempts, cause):
            yield verdict
        if log["follow_ups"] or log["states"].count("FOLLOW_UP_QUESTION_SOLVING"):
            value = float(max(log["follow_ups"]) >= 1) if log["follow_ups"] else None
            yield Verdict(f"follow-up after {log['stop']}", value, cause="" if value is not None else cause)
        if not log["stop"] or log["stop"] == "format error":
            yield Verdict("review", None, cause=cause)
        else:
            yield await review(case, chat, cast)

    def gold(self, case: Case, chat: Conversation) -> str | None:
        assert isinstance(case, InterviewCase)
        return case.reference

    def secrets(self, case: Case, chat: Conversation, setting: str, facts: Mapping[str, Any]) -> Secrets | None:
        assert isinstance(case, InterviewCase)
        known = f"{case.question}\n{facts.get('question', '')}"
        return Secrets(never=(case.reference,), known=known, stop=str(facts.get("stop", "")), player="interviewer")
