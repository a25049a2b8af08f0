"""FairEval: how much the order of two answers sways a judge, and what calibration mends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

from ...conversation import Case, Cast, Conversation, InputError
from ...judges.ask import Answer, quoted
from ...judges.pair import two_scores
from ...judges.panel import Scores, evidence, swap
from ...judges.parse import Outcome, Parsed
from ...measures.figure import FRACTION, Scale
from ...measures.figures import mean
from ...measures.verdict import Verdict
from ...protocols.benchmark import Benchmark, Data
from .fair_evaluators_data import Pair, pairs
from .fair_evaluators_figures import PUBLISHED, human_in_the_loop
from .fair_evaluators_score import last_lines, question, scored
from .judge_figures import kappa

ENTROPY = Scale(0, 1.0986122886681098, "", passing=0)


class Setting(NamedTuple):
    """``reasons``: explanation before the scores; ``many``: k samples instead of one; ``balanced``: both orders are one."""

    reasons: bool = True
    many: bool = False
    balanced: bool = False


SETTINGS = {
    "vanilla": Setting(reasons=False), "vanilla-bpc": Setting(reasons=False, balanced=True), "ec": Setting(),
    "ec-bpc": Setting(balanced=True), "mec": Setting(many=True), "mec-bpc": Setting(many=True, balanced=True),
}  # fmt: skip


class FairEvaluators(Benchmark):
    """Large Language Models are not Fair Evaluators (Wang et al. 2023, arXiv 2305.17926).

    The model under test is the judge: it scores two answers to each of 80 questions from 1 to 10 in one reply. Every setting
    asks in both orders. Settings: ``vanilla`` (scores first), ``ec`` (evidence, then scores), ``mec`` (``k`` samples of that,
    the mean of each answer's scores), and each with ``-bpc``, where both orders make one verdict; without, each order is
    one. The verdict is win, tie (equal means) or lose. Shares from 0 to 1:

    correct      verdicts equal to the majority of three people, ties included; kappa: Cohen's, of the same three classes
    conflict     items whose verdict changes with the order of the answers
    wins shown first / second   verdicts in which the second model of the pair wins, shown first / second
    unparsable   samples whose scores could not be read (they are left out; an item without any is wrong)
    bpde         -sum p ln p over the outcomes of an item's samples, 0 to ln 3: how unsettled the judge is
    human in the loop   correct (and kappa) when people decide the ``human_share`` of verdicts with the highest bpde

    ``pair``: two of gpt35, vicuna-13b, alpaca-13b, gpt-4; people labelled the default pair only. The prompts are ours. The paper
    samples at temperature 1 and asks ``vanilla`` at 0: give the model's option. ``official=True`` reads scores as the released
    code does: the numbers that end the last two lines, of any size.
    """

    slug = "fair-evaluators"
    title = "Large Language Models are not Fair Evaluators"
    paper = "arXiv:2305.17926"
    family = "judge"
    kind = "judge"
    licence = "not stated"
    judged_by = "assistant"
    home = "https://github.com/i-Eval/FairEval"
    settings: Any = tuple(SETTINGS)
    default_settings: Any = ("vanilla", "mec-bpc")
    params = {"pair": "gpt35/vicuna-13b", "k": 3, "human_share": 0.2, "official": False}
    scales = {"correct": FRACTION, "bpde": ENTROPY}
    published = PUBLISHED

    def __init__(self, data: Data | None = None, **params: Any) -> None:
        super().__init__(data, **params)
        self.k, share = int(self.options["k"]), float(self.options["human_share"])
        if self.k < 1 or not 0 <= share <= 1:
            raise InputError(f"`{self.slug}` takes k of 1 or more and a human_share from 0 to 1, not {self.k} and {share:g}")
        one, slash, two = str(self.options["pair"]).partition("/")
        if not (slash and one and two):
            raise InputError(f"`{self.slug}?pair=` takes two names with a slash: gpt35/vicuna-13b")
        self.pair = (one, two)
        self.figures = (
            mean("correct", by=("setting",)), kappa("verdict", "label", "kappa"), human_in_the_loop(share),
            *(mean(m, by=("setting",)) for m in ("conflict", "wins shown first", "wins shown second", "unparsable")),
            mean("bpde", ENTROPY, by=("setting",)),
        )  # fmt: skip

    # -- cases --------------------------------------------------------------------------------------------------------
    def cases(self) -> Iterator[Case]:
        return pairs(self.data, self.pair)

    # -- asking -------------------------------------------------------------------------------------------------------
    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, Pair)
        how = SETTINGS[setting]
        chat = Conversation()

        async def score(a: str, b: str) -> Answer[Scores]:
            nonlocal chat
            chat = await cast.assistant(question(case.question, (a, b), how.reasons))
            found = self.read(chat.reply, how.reasons)
            return Answer(found.value) if isinstance(found, Parsed) else Answer(None, cause="scores not parsable")

        samples = evidence(score, self.k if how.many else 1)
        cast.facts["orders"] = [
            [a.value for a in await samples(*order)] for order in (case.answers, (case.answers[1], case.answers[0]))
        ]
        return chat

    def read(self, text: str, reasons: bool) -> Outcome[Scores]:
        return last_lines(text) if self.options["official"] else two_scores(text, last=reasons)

    # -- judging ------------------------------------------------------------------------------------------------------
    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, Pair)
        if cast.stopped or "orders" not in cast.facts:
            for measure in ("correct", "conflict", "bpde", "unparsable"):
                yield Verdict(measure, None, cause=cast.stopped or "not played")
            return
        original, other = ([Answer(None if s is None else (s[0], s[1])) for s in order] for order in cast.facts["orders"])
        for verdict in scored(case.label, original, [swap(a) for a in other], SETTINGS[cast.setting].balanced):
            yield verdict

    def gold(self, case: Case, chat: Conversation) -> str | None:
        assert isinstance(case, Pair)
        if case.label is None or chat.message is None:
            return None
        straight = quoted("answer-1", case.answers[0]) in chat.message.text
        label = case.label if straight else -case.label
        return f"Score of assistant 1: {7 + label}\nScore of assistant 2: {7 - label}"
