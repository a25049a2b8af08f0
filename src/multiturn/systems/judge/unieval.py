"""unieval: many dimensions of one text, each a yes or no question, scored by the probability of yes. See `UniEval`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from ...conversation import Case, Cast, Conversation, InputError
from ...judges.items import Decision, Item, PointItem
from ...judges.likely import FROM_ODDS, likely_yes
from ...judges.questions import aim
from ...measures.figures import mean
from ...protocols.benchmark import Published
from .judging_dimensions import ByDimension, levels, people_of
from .judging_figures import FIGURES
from .point_sets import OVERALL
from .unieval_input import OUTPUT, SOURCE, Dimension, chat_input, combined, encoder_input, missing, pieces, task, texts_of, worded
from .unieval_input import overall as mean_of

_TURN = {
    "naturalness": (0.443666, 0.513986, 0.373973), "coherence": (0.595143, 0.612942, 0.465915),
    "engagingness": (0.556510, 0.604739, 0.455941), "groundedness": (0.536209, 0.574954, 0.451533),
    "understandability": (0.380038, 0.467807, 0.360741), OVERALL: (0.632796, 0.662583, 0.487272),
}  # fmt: skip
PUBLISHED = tuple(
    Published(
        model="UniEval (T5-large)", value=value, measure=measure, setting="plain", group=group, source="README, Topical-Chat"
    )
    for group, three in _TURN.items()
    for measure, value in zip(("Pearson", "Spearman", "Kendall"), three, strict=True)
)


class UniEval(ByDimension):
    """Towards a Unified Multi-Dimensional Evaluator for Text Generation (Zhong et al. 2022).

    A text is scored on several dimensions at once: for each, a yes or no question over the fields that it needs (the response,
    the history, a fact, a reference), and score = p(yes) / (p(yes) + p(no)) of the next token, from 0 to 1. Per sentence, and
    then added up (engagingness: from 0, no upper end) or averaged (consistency, fluency), or over the whole text. The overall
    score is the unweighted mean of the dimensions. ``task``: dialogue, summarization, data2text, fact.

    The model under test is the judge; its name should end in ``?top_logprobs=20``. Without token probabilities yes counts 1 and
    no 0, of ``draws`` replies the mean, and the part ``from probabilities`` is 0. ``encoder=True`` sends the input string of the
    released T5 model in place of a chat question, for a trained evaluator behind an endpoint; ``questions``: a JSON file with
    its wording, which is not ours. A dimension whose field an item lacks (no fact, no reference) is not asked.

    Parts: each dimension's score, and overall, unclipped; the verdict is overall cut to 1 and laid on the item's scale, or that
    of the item's own dimension. ``same side``: a dimension's score and people's rating lie on the same side of the middle.
    """

    slug = "unieval"
    title = "Towards a Unified Multi-Dimensional Evaluator for Text Generation"
    kind = "metric, judge"
    licence = "MIT"
    home = "https://github.com/maszhongming/UniEval"
    takes = ("point",)
    on = "bundled-points"
    params = {"on": "", "task": "dialogue", "draws": 1, "encoder": False, "questions": ""}
    figures = (*FIGURES, mean("same side"), levels)
    published = PUBLISHED

    def __init__(self, data: Any = None, **params: Any) -> None:
        super().__init__(data, **params)
        if not 1 <= int(self.options["draws"]) <= 50:
            raise InputError(f"`unieval?draws=` must be from 1 to 50, not {self.options['draws']}")
        self.dimensions = worded(task(str(self.options["task"])), str(self.options["questions"]))

    def views(self, case: Case, setting: str) -> Iterator[Case]:
        # Yes or no has no scale that could be told from its other end.
        return iter(()) if setting == "relabelled" else super().views(case, setting)

    async def decide(self, item: Item, cast: Cast) -> Decision:
        assert isinstance(item, PointItem)
        texts = texts_of(item, str(self.options["task"]))
        wanted = self._wanted(item, texts)
        if not wanted:
            return Decision(cause="no dimension has its fields")
        if not texts[OUTPUT]:
            return Decision(cause="nothing to judge")
        found = await asyncio.gather(*(self._score(d, texts, cast) for d in wanted))
        asked = [answer for _, answers in found for answer in answers]
        counts: dict[str, Any] = {"asked": sum(a.asked for a in asked), "unread": sum(a.unread for a in asked)}
        scores = {d.name: score for d, (score, _) in zip(wanted, found, strict=True) if score is not None}
        if len(scores) < len(wanted):
            # The mean of fewer dimensions would be another measure.
            return Decision(cause=next(a.cause for a in asked if a.cause), parts=scores, **counts)
        value = mean_of(scores)
        assert value is not None
        whole = {} if len(wanted) == 1 else {OVERALL: value}
        parts = {**scores, **whole, FROM_ODDS: sum(a.parts[FROM_ODDS] for a in asked) / len(asked)}
        return Decision(value=item.low + min(value, 1.0) * (item.high - item.low), parts=parts, **counts)

    def _wanted(self, item: PointItem, texts: dict[str, str]) -> list[Dimension]:
        """All dimensions of the task whose fields are there; the item's own one if it has one, also if the task lacks it."""
        if item.dimension in ("", OVERALL):
            return [d for d in self.dimensions if not missing(d, texts)]
        named = [d for d in self.dimensions if d.name == item.dimension and not missing(d, texts)]
        fields = (("response", OUTPUT), *((("dialogue history", SOURCE),) if texts[SOURCE] else ()))
        return named or [Dimension(item.dimension, f"Does this response have this quality? {aim(item)}.", fields)]

    async def _score(self, dimension: Dimension, texts: dict[str, str], cast: Cast) -> tuple[float | None, list[Decision]]:
        ask = encoder_input if self.options["encoder"] else chat_input
        draws = int(self.options["draws"])
        questions = [ask(dimension, {**texts, OUTPUT: piece}) for piece in pieces(dimension, texts[OUTPUT])]
        answers = await asyncio.gather(*(likely_yes(cast, question, draws=draws) for question in questions))
        values = [a.value for a in answers if a.value is not None]
        return (combined(dimension.by, values) if len(values) == len(answers) else None), list(answers)

    def middle(self, part: str) -> float | None:
        return None if part == OVERALL else 0.5

    def gold(self, case: Case, chat: Conversation) -> str | None:
        """Yes where people put the dimension that is asked about (or the whole) in the upper half of its scale."""
        if not isinstance(case, PointItem):
            return None
        asked = next((d.name for d in self.dimensions if d.asks in chat.messages[0].text), "")
        said = self.rated(case, asked) or people_of(case)
        return None if said is None else "yes" if said.value > said.middle else "no"
