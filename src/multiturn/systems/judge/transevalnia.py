"""transevalnia: translations are commented on, ranked in several orders, or scored. See `TransEvalnia`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from math import factorial
from pathlib import Path
from typing import Any

from ...conversation import Case, Cast, Conversation, InputError, UnknownName
from ...judges.ask import quoted
from ...judges.items import Decision, Item, Kind, ListItem, PairItem
from ...measures.figure import Scale
from ...measures.figures import mean
from ...measures.verdict import Verdict
from . import transevalnia_steps as steps
from .judging import Judging
from .judging_figures import FIGURES
from .sets import LabelledSet
from .transevalnia_data import MOST, bundled, is_translations, kind_of, read_translations, sample
from .transevalnia_figures import score_agreement
from .transevalnia_orders import highest, numbers_of, order_verdicts
from .transevalnia_pipelines import PIPELINES, Pipeline


class TransEvalnia(Judging):
    """TransEvalnia: Reasoning-based Evaluation and Ranking of Translations (Sakana AI; released code, paper not read).

    Two to six translations of a text are ranked, in several orders (two for pairs). Settings are pipelines:

    no-reasoning  the best one, at once
    one-step      comments and the best one in one answer
    two-step      each translation is commented on alone, by span and six dimensions; then the best one, from all comments
    three-step    the same, but the comments are sorted by dimension first; where that fails, as two-step
    score         each is scored from 1 to 5 from its comments; the highest is the best, whatever the order

    Measures: accuracy (the best is the one that people score highest, in each order, from 0 to 1; what names none is wrong, equal
    scores are half right); B, the number of different best ones over the orders of a text (1 = the order does not matter, naming
    none is one more), by text. Scores: correlation with people's. ``official=True``: B by place in the item, so that the same
    translation twice looks inconsistent, and verdicts read by the released pattern. ``pipeline``: that of ``plain`` and of the
    probes. ``orders``: how many are asked. ``on``: pairs of ours, ``transevalnia`` (10 English-Japanese pairs as released), or a
    file in that form (.jsonl). Released limits on length: 2,048 tokens, 4,096 in three steps (``?max_tokens=``).
    """

    slug = "transevalnia"
    title = "TransEvalnia: Reasoning-based Evaluation and Ranking of Translations"
    kind = "judge"
    licence = "Apache-2.0"
    home = "https://github.com/SakanaAI/TransEvalnia"
    takes: tuple[Kind, ...] = ("pair", "list")
    on = "bundled-translations"
    settings = (*Judging.settings, *PIPELINES)
    default_settings = PIPELINES
    params = {"on": "", "pipeline": "three-step", "orders": 2, "official": False}

    def __init__(self, data: Any = None, **params: Any) -> None:
        super().__init__(data, **params)
        if self.options["pipeline"] not in PIPELINES:
            raise UnknownName("pipeline of `transevalnia?pipeline=`", str(self.options["pipeline"]), PIPELINES)
        if not 1 <= int(self.options["orders"]) <= factorial(MOST):
            raise InputError(f"`transevalnia?orders=` must be from 1 to {factorial(MOST)}, not {self.options['orders']}")
        most = max(2, min(int(self.options["orders"]), MOST))
        self.figures = (mean("accuracy"), mean("B", Scale(1, most, "", passing=1)), score_agreement, *FIGURES)

    @property
    def labelled(self) -> LabelledSet:
        name = str(self.options["on"] or self.on)
        if name == "bundled-translations":
            return LabelledSet(name, "pair", "8 pairs of translations of ours", bundled)
        if name == "transevalnia":
            return LabelledSet(name, "pair", "10 English-Japanese pairs, scored by people", sample)
        if name.endswith(".jsonl") and is_translations(path := Path(name)):
            return LabelledSet(name, kind_of(path), "a file", lambda data: read_translations(path))
        return super().labelled

    def views(self, case: Case, setting: str) -> Iterator[Case]:
        if setting in PIPELINES:
            yield case
        else:
            yield from super().views(case, setting)

    # -- judging ------------------------------------------------------------------------------------------------------------
    async def decide(self, item: Item, cast: Cast) -> Decision:
        assert isinstance(item, PairItem | ListItem)
        name = cast.setting if cast.setting in PIPELINES else str(self.options["pipeline"])
        return await Pipeline(name, int(self.options["orders"]), bool(self.options["official"])).decide(item, cast)

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, PairItem | ListItem)
        async for verdict in super().judge(case, chat, cast):
            yield verdict
        for verdict in order_verdicts(case, cast, by_text=not self.options["official"]):
            yield verdict

    def gold(self, case: Case, chat: Conversation) -> str | None:
        assert isinstance(case, PairItem | ListItem)
        top, text = highest(case), chat.messages[0].text
        if not top:
            return None
        if text.startswith((steps.EVALUATE, steps.INTERLEAVE)):
            numbered = " ".join(f"Translation {k}: fine." for k in numbers_of(case))
            return f"<evaluation>It reads well.</evaluation><interleaved>accuracy: {numbered}</interleaved>"
        if text.startswith(steps.SCORE):
            best = any(quoted("translation", case.answers[i]) in text for i in top)
            return f'{{"spans": [], "overall": {5 if best else 2}}}'
        best_ones = {quoted(f"translation-{k}", case.answers[i]): k for k in numbers_of(case) for i in top}
        return next((f"Translation {k} is the best." for shown, k in best_ones.items() if shown in text), None)
