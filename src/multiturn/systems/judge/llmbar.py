"""LLMBar: can a judge tell the output that follows the instruction from the one that only looks better?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

from ...conversation import Case, Cast, Conversation
from ...judges.parse import Parsed, scale
from ...measures.figures import mean
from ...measures.verdict import Verdict
from ...protocols.benchmark import Benchmark
from . import llmbar_prompts as prompts
from .judge_figures import kappa, macro
from .llmbar_data import ADVERSARIAL, SUBSETS, PairItem, items
from .llmbar_released import PUBLISHED
from .llmbar_score import from_scores, scored, turned, winners


class Strategy(NamedTuple):
    """How the judge is asked. ``rating``: each output alone, 0 to 9; ``second``: a second stage on contradictions, "brief"
    (verdict only) or "explained"."""

    rules: bool = True
    explain: bool = False
    metrics: bool = False
    reference: bool = False
    rating: bool = False
    second: str = ""
    shots: int = 0


STRATEGIES = {
    "vanilla": Strategy(), "no-rules": Strategy(rules=False), "cot": Strategy(explain=True), "metrics": Strategy(metrics=True),
    "reference": Strategy(reference=True), "metrics-reference": Strategy(metrics=True, reference=True),
    "swap": Strategy(explain=True, second="brief"), "swap-cot": Strategy(explain=True, second="explained"),
    "rating": Strategy(rating=True), "rating-no-rules": Strategy(rating=True, rules=False),
    "rating-metrics": Strategy(rating=True, metrics=True), "rating-reference": Strategy(rating=True, reference=True),
    "rating-metrics-reference": Strategy(rating=True, metrics=True, reference=True),
    "1-shot": Strategy(shots=1), "2-shot": Strategy(shots=2),
}  # fmt: skip


class LLMBar(Benchmark):
    """Evaluating Large Language Models at Evaluating Instruction Following (Zeng et al. 2024, arXiv 2310.07641).

    The model under test is the judge: it is asked in both orders which of two outputs is better. Exactly one follows the
    instruction; in the adversarial subsets the other one looks better. Measures, as shares from 0 to 1 of items:

    accuracy   the mean over both orders of naming the right output; "Adversarial" and "Average" are plain means over the four
               adversarial / all five subsets. A coin gives 0.5
    agreement  both orders name the same output
    both       both orders name the right output
    first      of the verdicts that name one: the share that name what is shown first (0.5 = no favourite position)
    unparsable the share of verdicts that name none, which are wrong, and agree only with each other
    kappa      Cohen's, of the verdicts with the labels, and of both orders' verdicts with each other

    Settings are prompting strategies: all but ``no-rules`` and ``rating-no-rules`` give the paper's three rules (its star);
    ``swap`` and ``swap-cot`` ask again, in both orders, when explained verdicts contradict each other. With ``rating`` an
    equal or missing score counts as one order right and one wrong.

    Wordings and worked examples are ours. Greedy decoding is the paper's: give ``?temperature=0``. Its logit bias on the labels
    is not used. ``official=True`` reads as the released code does: the first output that fits the pattern wins, (a) before (b).
    Kappas of the released statistics mix two codings of the labels; here they do not. ``sets``: llmbar, processed or all.
    """

    slug = "llmbar"
    title = "Evaluating Large Language Models at Evaluating Instruction Following"
    paper = "arXiv:2310.07641"
    family = "judge"
    kind = "benchmark, judge"
    licence = "MIT"
    judged_by = "assistant"
    home = "https://github.com/princeton-nlp/LLMBar"
    settings: Any = tuple(STRATEGIES)
    default_settings: Any = ("vanilla",)
    params = {"sets": "llmbar", "official": False}
    figures = (
        mean("accuracy"), macro("accuracy", ADVERSARIAL, "Adversarial"), macro("accuracy", SUBSETS, "Average"),
        mean("agreement"), macro("agreement", SUBSETS, "Average"), mean("both"), mean("first"),
        mean("unparsable", by=("setting",)), kappa("verdict", "label", "kappa"),
        kappa("original order", "changed order", "kappa of orders"),
    )  # fmt: skip
    published = PUBLISHED

    def cases(self) -> Iterator[Case]:
        return items(self.data, str(self.options["sets"]))

    # -- asking -------------------------------------------------------------------------------------------------------
    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, PairItem)
        how = STRATEGIES[setting]
        hints: dict[str, Any] = {"rules": how.rules}
        if how.metrics:
            hints["questions"] = (await cast.assistant(prompts.metrics(case.instruction))).reply
        if how.reference:
            hints["reference"] = (await cast.assistant(prompts.reference(case.instruction))).reply
        if how.rating:
            return await self._rate(case, cast, hints)
        orders = (case.outputs, (case.outputs[1], case.outputs[0]))
        chats = [
            await cast.assistant(prompts.compare(case.instruction, order, explain=how.explain, shots=how.shots, **hints))
            for order in orders
        ]
        named, stage = self._winners(chats, how.explain), 1
        if how.second and None not in named and named[0] != named[1]:
            chats = await self._second(case, cast, chats, named, how.second == "explained")
            named, stage = self._winners(chats, how.second == "explained"), 2
        cast.facts.update(winners=named, stage=stage)
        return chats[0]

    def _winners(self, chats: list[Conversation], explained: bool) -> list[int | None]:
        return winners([chat.reply for chat in chats], explained, official=bool(self.options["official"]))

    async def _second(
        self, case: PairItem, cast: Cast, chats: list[Conversation], named: list[int | None], explained: bool
    ) -> list[Conversation]:
        """Both explanations as a debate, in both orders. Each was written about its own order, and calls the outputs by their
        places there: its labels are turned where it is shown beside the other order."""
        out = []
        for order in (0, 1):
            views = [turned(chat.reply, written != order) for written, chat in enumerate(chats)]
            for_first = views[named.index(1 + order)]
            for_second = views[named.index(2 - order)]
            outputs = (case.outputs[order], case.outputs[1 - order])
            out.append(await cast.assistant(prompts.debate(case.instruction, outputs, (for_first, for_second), explained)))
        return out

    async def _rate(self, case: PairItem, cast: Cast, hints: dict[str, Any]) -> Conversation:
        chats = [await cast.assistant(prompts.rating(case.instruction, output, **hints)) for output in case.outputs]
        said = [scale(chat.reply, 0, 9) for chat in chats]
        scores = [found.value if isinstance(found, Parsed) else None for found in said]
        cast.facts.update(winners=from_scores(scores[0], scores[1]), scores=scores)
        return chats[0]

    # -- judging ------------------------------------------------------------------------------------------------------
    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, PairItem)
        if cast.stopped or "winners" not in cast.facts:
            for measure in ("accuracy", "agreement", "both", "unparsable"):
                yield Verdict(measure, None, cause=cast.stopped or "not played")
            return
        for verdict in scored(case.label, *cast.facts["winners"], shown=not STRATEGIES[cast.setting].rating):
            yield verdict

    def gold(self, case: Case, chat: Conversation) -> str | None:
        assert isinstance(case, PairItem)
        asked = chat.message.text if chat.message else ""
        return prompts.gold(asked, case.outputs[case.label - 1], case.outputs[2 - case.label])
