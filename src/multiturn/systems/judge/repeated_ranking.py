"""repeated-ranking: a judge puts the same answers in order several times, and counts where it agrees with itself. See below."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np

from ...conversation import Case, Cast, Conversation, InputError
from ...judges.ask import quoted
from ...judges.choosing import LETTERS, ranked
from ...judges.items import Decision, Item, ListItem, with_changes
from ...measures.concordance import concordance
from ...measures.correlation import midranks
from ...measures.figure import FRACTION
from ...measures.figures import mean
from ...measures.verdict import Verdict
from ...protocols.benchmark import Data, Published
from .judging import Judging
from .judging_figures import FIGURES
from .repeated_ranking_choice import best_and_worst, borda
from .repeated_ranking_figures import what_is_kept

SINGLE, UNSHUFFLED = "single", "unshuffled"
_CARDS = "dataset cards of the authors: rows of the training set, of 2,714 prompts"
PUBLISHED = tuple(
    Published("GPT-4-0125-preview", count, "prompts kept", "plain", group, _CARDS)
    for group, count in (("top 25 %", 674), ("top 50 %", 1350), ("top 75 %", 2018), ("top 100 %", 2714))
)


class RepeatedRanking(Judging):
    """Are You Sure? Rank Them Again: Repeated Ranking For Better Preference Datasets (arXiv 2405.18952; from its abstract and
    dataset cards; the prompt is ours).

    A list judge is asked ``repeats`` times (5), each time with the answers in another order under letters of their own. A ranking
    that leaves an answer out or names one twice is rejected and asked for again once, never mended. The verdict is the order by
    Borda score over the rankings that could be read; Kendall's W says how far they agree.

    plain        shuffled anew for each repeat
    single       one ranking, of one shuffled order
    unshuffled   all repeats in the order as given: a judge that only looks at places agrees with itself perfectly here

    Measures: ``W`` (0 to 1; 1 / repeats is what rankings at random have), not measured unless every repeat could be read;
    ``best over worst``: whether the answer chosen as best is better than the one chosen as worst, by the labels (0.5 for equal
    labels). Figures: for the top 25, 50, 75 and 100 % of prompts by W, how many are kept, which share of each group (a language),
    and ``best over worst`` there. Note the trap: prompts whose answers are all equally good count as inconsistent.
    `multiturn.systems.judge.repeated_ranking_choice.training_pairs` makes preference pairs of a run's rankings (``ranking``).
    """

    slug = "repeated-ranking"
    title = "Are You Sure? Rank Them Again: Repeated Ranking For Better Preference Datasets"
    paper = "arXiv:2405.18952"
    kind = "method, corpus"
    licence = "not stated (authors' dataset of the top 75 %: CC-BY-NC-4.0)"
    takes = ("list",)
    on = "bundled-lists"
    settings = (*Judging.settings, SINGLE, UNSHUFFLED)
    default_settings = ("plain", SINGLE)
    params = {"on": "", "repeats": 5}
    scales = {**Judging.scales, "W": FRACTION, "best over worst": FRACTION}
    figures = (*FIGURES, mean("W"), mean("best over worst"), what_is_kept)
    published = PUBLISHED

    def __init__(self, data: Data | None = None, **params: Any) -> None:
        super().__init__(data, **params)
        if not 2 <= int(self.options["repeats"]) <= 100:
            raise InputError(f"`repeated-ranking?repeats=` must be from 2 to 100, not {self.options['repeats']}")

    def views(self, case: Case, setting: str) -> Iterator[Case]:
        if setting in (SINGLE, UNSHUFFLED):
            yield case
        else:
            yield from super().views(case, setting)

    async def decide(self, item: Item, cast: Cast) -> Decision:
        assert isinstance(item, ListItem)
        m = 1 if cast.setting == SINGLE else int(self.options["repeats"])
        straight = list(range(len(item.answers)))
        orders = [straight if cast.setting == UNSHUFFLED else cast.random.sample(straight, len(straight)) for _ in range(m)]
        said = await asyncio.gather(*(ranked(cast.branch(str(n)), shuffled(item, o)) for n, o in enumerate(orders)))
        rankings = [unshuffled(d.ranks, o) for d, o in zip(said, orders, strict=True) if d.ranks]
        counted: dict[str, Any] = {"asked": sum(d.asked for d in said), "unread": sum(d.unread for d in said)}
        gone = next((d.cause for d in said if not d.ranks and not d.asked), "")  # a call that failed is no ranking to leave out
        cast.facts["rankings"] = rankings = [] if gone else rankings
        if not rankings:
            return Decision(**counted, cause=gone or said[0].cause)
        parts: dict[str, float] = {}
        if 1 < m == len(rankings) and (w := concordance(rankings).w) is not None:
            parts["W"] = w
        return Decision(**counted, ranks=tuple(midranks(-borda(rankings)).tolist()), parts=parts, reason=said[0].reason)

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        async for verdict in super().judge(case, chat, cast):
            if verdict.measure != "part: W":  # it has a measure of its own
                yield verdict
        assert isinstance(case, ListItem)
        rankings = cast.facts.get("rankings")
        if cast.stopped or rankings is None:
            return
        for n, ranking in enumerate(rankings, 1):
            for place, rank in enumerate(ranking, 1):
                yield Verdict("ranking", rank, item=f"{n}/{place}")
        if cast.setting != SINGLE:
            decision = cast.facts["decision"]
            w = decision.get("parts", {}).get("W")
            lost = "a ranking could not be read" if len(rankings) < int(self.options["repeats"]) else "every ranking is one tie"
            lost = decision.get("cause") or lost
            yield Verdict("W", w, cause="" if w is not None else lost)
        if case.labels and rankings:
            ends = best_and_worst(rankings)
            point = None if ends is None else 0.5 + 0.5 * float(np.sign(case.labels[ends[0]] - case.labels[ends[1]]))
            yield Verdict("best over worst", point, cause="" if point is not None else "all answers tie")

    def gold(self, case: Case, chat: Conversation) -> str | None:
        """The order of the labels, by the letters that the answers have in this question."""
        assert isinstance(case, ListItem)
        if not case.labels:
            return None
        text, letters = chat.messages[0].text, LETTERS[: len(case.answers)]
        best_first = sorted(range(len(case.answers)), key=lambda i: -case.labels[i])
        called: dict[int, str] = {}
        for x in letters:  # equal answers share their letters, in any order
            called[next(i for i, a in enumerate(case.answers) if i not in called and quoted(f"answer-{x}", a) in text)] = x
        return f'{{"reason": "-", "ranking": "{" > ".join(called[i] for i in best_first)}"}}'


def shuffled(item: ListItem, order: list[int]) -> ListItem:
    """The item with its answers in another order (their letters go by place)."""
    return with_changes(item, answers=tuple(item.answers[i] for i in order))


def unshuffled(ranks: tuple[float, ...], order: list[int]) -> list[float]:
    """Ranks of what was shown, as ranks of the answers of the item."""
    back = [0.0] * len(order)
    for place, i in enumerate(order):
        back[i] = ranks[place]
    return back
