"""LLMBar: can a judge tell the output that follows the instruction from the one that only looks better?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from ...conversation import Case, Cast, Conversation, DataError, UnknownName
from ...judges.ask import quoted
from ...judges.parse import Parsed, scale
from ...measures.figures import mean
from ...measures.verdict import Verdict
from ...protocols.benchmark import Benchmark
from . import llmbar_prompts as prompts
from .judge_figures import kappa, macro
from .llmbar_released import PUBLISHED, SHA256
from .llmbar_score import from_scores, picked, scored, turned

HOME = "https://raw.githubusercontent.com/princeton-nlp/LLMBar/main/Dataset/{}/dataset.json"
ADVERSARIAL = ("Adversarial/Neighbor", "Adversarial/GPTInst", "Adversarial/GPTOut", "Adversarial/Manual")
SUBSETS = ("Natural", *ADVERSARIAL)
PROCESSED = ("Processed/FairEval", "Processed/LLMEval2", "Processed/MT-Bench")
SETS = {"llmbar": SUBSETS, "processed": PROCESSED, "all": (*SUBSETS, *PROCESSED)}


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


class PairItem(Case, frozen=True, kw_only=True):
    """An instruction and two outputs; ``label`` (1 or 2) is the one that follows it."""

    instruction: str
    outputs: tuple[str, str]
    label: int


class _Row(Struct):
    input: str
    output_1: str
    output_2: str
    label: int


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
        name = str(self.options["sets"])
        if name not in SETS:
            raise UnknownName("set of `llmbar`", name, SETS)
        for subset in SETS[name]:
            yield from self._subset(subset)

    def _subset(self, subset: str) -> Iterator[PairItem]:
        folder = subset if subset in PROCESSED else f"LLMBar/{subset}"
        name = f"dataset/{folder.replace('/', '__')}.json"
        path = self.data.path(self.slug, name, HOME.format(folder.replace("Eval2", "Eval%5E2")), SHA256[subset])
        for i, row in enumerate(_rows(path)):
            if row.label not in (1, 2):
                raise DataError(f"{path}, record {i}: label must be 1 or 2, not {row.label}")
            outputs = (row.output_1, row.output_2)
            yield PairItem(id=f"{subset}/{i}", group=subset, instruction=row.input, outputs=outputs, label=row.label)

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
        winners, stage = self._winners(chats, how.explain), 1
        if how.second and None not in winners and winners[0] != winners[1]:
            chats = await self._second(case, cast, chats, winners, how.second == "explained")
            winners, stage = self._winners(chats, how.second == "explained"), 2
        cast.facts.update(winners=winners, stage=stage)
        return chats[0]

    async def _second(
        self, case: PairItem, cast: Cast, chats: list[Conversation], winners: list[int | None], explained: bool
    ) -> list[Conversation]:
        """Both explanations as a debate, in both orders. Each was written about its own order, and calls the outputs by their
        places there: its labels are turned where it is shown beside the other order."""
        out = []
        for order in (0, 1):
            views = [turned(chat.reply, written != order) for written, chat in enumerate(chats)]
            for_first = views[winners.index(1 + order)]
            for_second = views[winners.index(2 - order)]
            outputs = (case.outputs[order], case.outputs[1 - order])
            out.append(await cast.assistant(prompts.debate(case.instruction, outputs, (for_first, for_second), explained)))
        return out

    async def _rate(self, case: PairItem, cast: Cast, hints: dict[str, Any]) -> Conversation:
        chats = [await cast.assistant(prompts.rating(case.instruction, output, **hints)) for output in case.outputs]
        said = [scale(chat.reply, 0, 9) for chat in chats]
        scores = [found.value if isinstance(found, Parsed) else None for found in said]
        cast.facts.update(winners=from_scores(scores[0], scores[1]), scores=scores)
        return chats[0]

    def _winners(self, chats: list[Conversation], explained: bool) -> list[int | None]:
        """The verdicts of both orders in the numbering of the item."""
        first, second = (picked(chat.reply, explained, official=bool(self.options["official"])) for chat in chats)
        return [first, None if second is None else 3 - second]

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
        right, wrong = case.outputs[case.label - 1], case.outputs[2 - case.label]
        for label, tag in zip(prompts.LABELS, ("output-a", "output-b"), strict=True):
            if quoted(tag, right) in asked:
                return f"{label}\nTherefore, {label} is better."
        # Alone to be rated; else one of the preparations, which have no right answer.
        return "9" if quoted("output", right) in asked else "0" if quoted("output", wrong) in asked else "-"


def _rows(path: Path) -> list[_Row]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[_Row])
    except msgspec.DecodeError as error:
        raise DataError(f"{path}: {error}") from None
