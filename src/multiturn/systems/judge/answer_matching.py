"""answer-matching: does a free answer say what the reference says, instead of choosing among options. See `AnswerMatching`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from ...conversation import Case, Cast, Conversation
from ...judges.items import Decision, Item, PointItem
from ...measures.figure import FRACTION, Figure, FigureMaker
from ...measures.figures import mean, multi_turn_cost
from ...measures.raters import fleiss_kappa
from ...measures.verdict import Table, Verdict
from .answer_matching_items import matches
from .answer_matching_published import PUBLISHED
from .answer_matching_questions import graded, judged, match_question, truth_question
from .answer_matching_rule import rule_match
from .answer_matching_schemes import SCHEMES, gold_scheme, play_scheme
from .judge_figures import agreement_figure, beside
from .judging import Judging, gold_answer
from .judging_figures import FIGURES
from .sets import LabelledSet

MATCHERS = ("no-reference", "rule")


def scott_pi(setting: str) -> FigureMaker:
    """Scott's pi of the verdicts with the labels (kind "kappa"): (po - pe) / (1 - pe), pe from the pooled shares of both; for two
    raters that is Fleiss' kappa. None where both only ever say one thing (the released code says 0)."""

    def figures(table: Table) -> Iterator[Figure]:
        rows = [t for t in beside(table.where(setting=setting), "verdict", "label") if t.other is not None]
        told = [t for t in rows if t.value is not None]
        if rows and {t.other for t in rows} <= {0.0, 1.0}:
            found = fleiss_kappa([(t.other, t.value) for t in told], [t.cluster for t in told])
            yield agreement_figure(found, "Scott's pi", setting, None, len(rows))

    return figures


class AnswerMatching(Judging):
    """Answer Matching Outperforms Multiple Choice for Language Model Evaluation (2025; from its released code and notebooks).

    Two things in one. As a judge under test, the model says whether a free answer matches the reference (yes = 1); truth is not
    its business. Settings: ``plain`` and the probes; ``no-reference`` (is the answer right, to the judge's knowledge); ``rule``
    (no model: numbers within 1 %, else the same letters and digits). Agreement with the labels is chance-corrected (Scott's pi).

    As a candidate, the model answers questions that have options, in four schemes on the same questions (measure ``accuracy``):

    free          no options are shown; a matcher (``--judge``) compares the short answer with the reference
    mcq           options are shown, a letter is asked for
    verify        each option alone: is it right? The point is earned if the right one is accepted and no other
    choices-only  the options without the question: what is above chance (1 / options) is a shortcut

    In ``free``, ``accuracy, no reference`` and ``accuracy, rule`` are other ways to grade the same answer. An answer without a
    letter is wrong and counted as failed. ``odds``: one word is asked for, and its probability is the judge's confidence (names
    with ``?top_logprobs=20``). The prompts are ours.
    """

    slug = "answer-matching"
    title = "Answer Matching Outperforms Multiple Choice for Language Model Evaluation"
    kind = "method, benchmark"
    licence = "not stated (MMLU-Pro: MIT; GPQA: CC-BY-4.0)"
    home = "https://github.com/nikhilchandak/answer-matching"
    uses = ("judge",)
    takes = ("point",)
    on = "answer-matching"
    settings = (*Judging.settings, *MATCHERS, *SCHEMES)
    default_settings = ("plain", *MATCHERS)
    params = {"on": "", "odds": False}
    scales = {**Judging.scales, "accuracy": FRACTION}
    figures = (
        *FIGURES, *(scott_pi(s) for s in ("plain", *MATCHERS)),
        *(multi_turn_cost("correct", a=s, b="plain") for s in MATCHERS),
        *(mean(m) for m in ("accuracy", "accuracy, rule", "accuracy, no reference")),
        *(multi_turn_cost("accuracy", a=s, b="free") for s in SCHEMES if s != "free"),
    )  # fmt: skip
    published = PUBLISHED

    @property
    def labelled(self) -> LabelledSet:
        if str(self.options["on"] or self.on) == self.on:
            return LabelledSet(self.on, "point", "", matches)
        return super().labelled

    def items(self) -> Iterator[Item]:
        """Only what is right or wrong beside a reference can be matched."""
        return (i for i in super().items() if isinstance(i, PointItem) and i.binary and i.reference is not None)

    def views(self, case: Case, setting: str) -> Iterator[Case]:
        assert isinstance(case, PointItem)
        if setting in MATCHERS or (setting in SCHEMES and case.extra.get("asked")):
            yield case
        elif setting not in SCHEMES:
            yield from super().views(case, setting)

    async def decide(self, item: Item, cast: Cast) -> Decision:
        assert isinstance(item, PointItem)
        if cast.setting == "no-reference":
            return await judged(cast, item, truth_question, odds=bool(self.options["odds"]))
        if item.reference is None:
            return Decision(cause="no reference answer")
        if cast.setting == "rule":
            return Decision(value=float(rule_match(item.answer, item.reference)))
        return await judged(cast, item, match_question, odds=bool(self.options["odds"]))

    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        if setting not in SCHEMES:
            return await super().play(case, cast, setting)
        assert isinstance(case, PointItem)
        return await play_scheme(case, cast, setting)

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        if cast.setting not in SCHEMES:
            async for verdict in super().judge(case, chat, cast):
                yield verdict
            return
        assert isinstance(case, PointItem)
        if cast.stopped:
            yield Verdict("accuracy", None, cause=cast.stopped)
        elif cast.setting != "free":
            point = cast.facts.get("point")
            reason = "no readable answer" if point is None else ""
            yield Verdict("accuracy", point or 0.0, failed=point is None, reason=reason)
        else:
            for found in await graded(case, cast):
                yield found

    def gold(self, case: Case, chat: Conversation) -> str | None:
        assert isinstance(case, PointItem)
        return gold_scheme(case, chat) or gold_answer(case)
