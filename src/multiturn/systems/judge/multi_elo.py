"""multi-elo: answers with planted flaws meet before a judge, and each dimension has a rating of its own. See `MultiElo`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from ...conversation import Case, Cast, Conversation, InputError
from ...judges.choosing import pair, shown_first
from ...judges.items import Decision, Item, PairItem
from ...judges.raters import rater
from ...measures.figures import mean, multi_turn_cost
from ...measures.verdict import Verdict
from ...protocols.benchmark import Data
from .judging import Judging
from .judging_figures import FIGURES
from .multi_elo_answers import from_file, pairs, round_robin
from .multi_elo_figures import games_figures
from .multi_elo_published import PUBLISHED
from .multi_elo_questions import DIMENSIONS, MERS, OVERALL, answer_of, shown, turned
from .sets import LabelledSet


class MultiElo(Judging):
    """Style Over Substance: Evaluation Biases for Large Language Models (arXiv 2307.03025; from secondary sources; its votes
    and answers were not released, the answers here are ours).

    Each question is answered in twelve ways: correct, with one or several minor, or several major errors of fact, in the English
    of an advanced or an intermediate learner; each long and short. All 66 pairs meet before the judge in both orders; ties are
    allowed.

    plain   one verdict on helpfulness, relevance, accuracy and detail together
    mers    three verdicts, on accuracy, helpfulness and language, each with its rating (Multi-Elo Rating System)

    ``correct``: the answer with the lighter planted errors of fact is preferred (in mers: in accuracy; pairs that do not differ
    have no label). Ratings of the variants by dimension: ``Elo`` (start 1000, step ``k``, mean over shuffles of the games) and
    ``rating`` (Bradley-Terry, a tie is half a win; none for a variant that never lost or never won). Checks on the Elo, in
    points, with a bootstrap over questions: see `multi_elo_figures.CHECKS`. With a further judge (``judge2``, or ``--judge``
    where the judge is the model under test) both judge every game: ``agreement of judges`` is Cohen's kappa of win, tie, loss.

    ``answers``: a .jsonl file of answers in place of ours, an `multi_elo_answers.Answer` a line. ``k`` (32): not in our sources.
    """

    slug = "multi-elo"
    title = "Style Over Substance: Evaluation Biases for Large Language Models"
    paper = "arXiv:2307.03025"
    kind = "method, judge"
    licence = "Apache-2.0 (answers of our own)"
    on = "multi-elo"
    settings = (*Judging.settings, MERS)
    default_settings = ("plain", MERS)
    params = {"on": "", "answers": "", "k": 32.0}
    published = PUBLISHED

    def __init__(self, data: Data | None = None, **params: Any) -> None:
        super().__init__(data, **params)
        k = float(self.options["k"])
        if not 0 < k <= 400:
            raise InputError(f"`multi-elo?k=` must be above 0 and at most 400 points, not {k:g}")
        if self.options["on"] and self.options["answers"]:
            raise InputError("`multi-elo` takes either `on` (pairs) or `answers` (a file of answers that meet each other)")
        self.figures = (*FIGURES, mean("tie"), multi_turn_cost("correct", a=MERS, b="plain"), games_figures(k, ("plain", MERS)))

    @property
    def labelled(self) -> LabelledSet:
        if answers := str(self.options["answers"]):
            return LabelledSet(answers, "pair", "a file", lambda data: round_robin(from_file(Path(answers))))
        if str(self.options["on"] or self.on) == self.on:
            return LabelledSet(self.on, "pair", "", pairs)
        return super().labelled

    def views(self, case: Case, setting: str) -> Iterator[Case]:
        if setting == MERS:
            yield case
        elif setting == "swapped" and isinstance(case, PairItem):
            yield turned(case)
        else:
            yield from super().views(case, setting)

    async def decide(self, item: Item, cast: Cast) -> Decision:
        """The first judge decides; what all judges said in each game is kept in ``facts``."""
        assert isinstance(item, PairItem)
        judges = [rater(cast, n) for n in (1, 2) if n == 1 or cast.has("judge2")]
        dimensions = DIMENSIONS if cast.setting == MERS else OVERALL
        games = [(j, d, order) for j in range(len(judges)) for d in dimensions for order in (1, 2)]
        said = await asyncio.gather(*(pair(judges[j], shown(item, d, order)) for j, d, order in games))
        cast.facts["games"] = [[j + 1, d, order, s.value, s.cause] for (j, d, order), s in zip(games, said, strict=True)]
        mine = {(d, order): s for (j, d, order), s in zip(games, said, strict=True) if j == 0}
        by_dimension = {d: shown_first([mine[d, 1]], [mine[d, 2]]) for d in dimensions}
        first = next(iter(by_dimension.values()))
        parts = {d: found.value for d, found in by_dimension.items() if found.value is not None and cast.setting == MERS}
        return Decision(
            value=first.value, shown_first=first.shown_first, asked=sum(d.asked for d in by_dimension.values()),
            unread=sum(d.unread for d in by_dimension.values()), reason=first.reason, cause=first.cause, parts=parts,
        )  # fmt: skip

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        async for verdict in super().judge(case, chat, cast):
            yield verdict
        assert isinstance(case, PairItem)
        if cast.stopped or cast.setting not in ("plain", MERS):
            return
        for judge, dimension, order, value, cause in cast.facts.get("games", ()):
            one, two = case.authors if order == 1 else case.authors[::-1]
            yield Verdict("game", value, item=f"{judge}|{order}|{one}|{two}", group=dimension, cause=cause)
            if judge == 1:
                yield Verdict(
                    "tie", None if value is None else float(value == 0.5), item=f"{order}", group=dimension, cause=cause
                )

    def gold(self, case: Case, chat: Conversation) -> str | None:
        """A judge of each dimension that knows what was planted: facts; length; errors of language."""
        assert isinstance(case, PairItem)
        return answer_of(case, chat.messages[0].text)
