"""dialogue-evaluators-analysis: judges of dialogue on ten dimensions, twelve sets, worsened pairs. See `DialogueEvaluators`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from ...conversation import Case, Cast, Conversation, InputError, UnknownName
from ...judges.items import Decision, Item, PointItem
from ...judges.likely import FROM_ODDS, likely_yes
from ...judges.questions import point
from ...judges.seat import Seat
from ...measures.figures import mean
from ...protocols.benchmark import Published
from . import dialogue_evaluators_robust as robust
from .dialogue_evaluators_questions import HIGH, LOW, asked_in, aspect, dimensions, gold_reply, label_of, yes_question
from .dialogue_evaluators_robust import ORIGINAL, PAIRS
from .judging import Judging
from .judging_dimensions import ByDimension, Rated, levels, people_of
from .judging_figures import FIGURES
from .point_sets import OVERALL
from .sets import LabelledSet

MODES = ("explicit", "implicit")
ENSEMBLE = "mean of dimensions"


class DialogueEvaluators(ByDimension):
    """A Comprehensive Analysis of the Effectiveness of Large Language Models as Automatic Dialogue Evaluators (Zhang 2024).

    A reply is judged on relevance, specificity, interestingness, understandability and overall; a whole dialogue on coherence,
    engagingness, informativeness, diversity and overall; each in a question of its own. ``mode``:

    explicit   a rating from 1 to 5, the mean of ``samples``
    implicit   yes or no, score = p(yes) / (p(yes) + p(no)); give the model's name ``?top_logprobs=20``

    The released analysis used the second where a model gives its probabilities. Ensembles: judges given as roles ``judge2``,
    ``judge3``, … score too, and the unweighted mean of all is the score (same scale, so nothing is normalised); the mean of a
    reply's five dimensions (part ``mean of dimensions``) stands beside overall as a second guess at it.

    Settings ``original`` and ``perturbed``: a text and a version made worse in one dimension, scored in that dimension;
    ``robustness`` is the share of pairs with the original strictly higher. Ties fail, so that ratings in whole numbers lose;
    their share stands beside it. Pairs: ``on=robust-turn``, ``on=robust-dialogue`` (released), else four kinds of ours.
    """

    slug = "dialogue-evaluators-analysis"
    title = "A Comprehensive Analysis of the Effectiveness of Large Language Models as Automatic Dialogue Evaluators"
    kind = "benchmark, judge"
    licence = "GPL-3.0"
    home = "https://github.com/e0397123/comp-analysis"
    takes = ("point",)
    on = "bundled-points"
    settings = (*Judging.settings, *PAIRS)
    default_settings = ("plain", *PAIRS)
    params = {"on": "", "mode": "explicit", "samples": 5}
    figures = (*FIGURES, mean("same side"), levels, robust.robustness)
    published = tuple(
        Published(model="GPT-4 x 5, on fed", value=value, measure=measure, setting="plain", group=group, source="released")
        for group, two in {
            "coherence": (0.760, 0.719), "engagingness": (0.689, 0.692), "informativeness": (0.615, 0.620),
            "diversity": (0.534, 0.559), OVERALL: (0.744, 0.725),
        }.items()
        for measure, value in zip(("Pearson", "Spearman"), two, strict=True)
    )  # fmt: skip

    def __init__(self, data: Any = None, **params: Any) -> None:
        super().__init__(data, **params)
        if self.options["mode"] not in MODES:
            raise UnknownName(f"mode of `{self.slug}?mode=`", str(self.options["mode"]), MODES)
        if not 1 <= int(self.options["samples"]) <= 50:
            raise InputError(f"`{self.slug}?samples=` must be from 1 to 50, not {self.options['samples']}")

    @property
    def labelled(self) -> LabelledSet:
        name = str(self.options["on"])
        return robust.find(name) or super().labelled

    def items(self) -> Iterator[Item]:
        return robust.made_worse(super().items())

    def views(self, case: Case, setting: str) -> Iterator[Case]:
        assert isinstance(case, PointItem)
        if setting in PAIRS:
            yield from robust.pairs(case, setting)
        elif setting == "relabelled" and self.implicit:
            return  # yes or no has no scale that could be told from its other end
        elif case.label is not None:  # released pairs have no labels: there is nothing to hold a plain verdict against
            yield from super().views(case, setting)

    async def decide(self, item: Item, cast: Cast) -> Decision:
        assert isinstance(item, PointItem)
        every = dimensions(item)
        wanted = every if item.dimension in ("", OVERALL) else (item.dimension,)
        judges: dict[str, Cast] = {"": cast}
        while cast.has(role := f"judge{len(judges) + 1}"):
            judges[role] = Seat(cast, role)
        seats = [(role, seat, dimension) for role, seat in judges.items() for dimension in wanted]
        found = await asyncio.gather(*(self._score(item, dimension, seat) for _, seat, dimension in seats))
        parts: dict[str, float] = {}
        for (role, _, dimension), answer in zip(seats, found, strict=True):
            if answer.value is not None and len(judges) > 1:
                parts[f"{role or 'judge1'}: {dimension}"] = answer.value
        by = {d: [a for (_, _, name), a in zip(seats, found, strict=True) if name == d] for d in wanted}
        means = {d: sum(values) / len(values) for d, a in by.items() if len(values := _read(a)) == len(judges)}
        parts |= means
        if len(means) == len(every):
            parts[ENSEMBLE] = sum(means.values()) / len(means)
        if shares := [a.parts[FROM_ODDS] for a in found if FROM_ODDS in a.parts]:
            parts[FROM_ODDS] = sum(shares) / len(shares)
        last = by[wanted[-1]]
        counts: dict[str, Any] = {"asked": sum(a.asked for a in found), "unread": sum(a.unread for a in found), "parts": parts}
        if wanted[-1] not in means:
            return Decision(cause=next(a.cause for a in last if a.value is None), **counts)
        share = means[wanted[-1]] if self.implicit else (means[wanted[-1]] - LOW) / (HIGH - LOW)
        return Decision(value=item.low + share * (item.high - item.low), reason=last[0].reason, **counts)

    @property
    def implicit(self) -> bool:
        return bool(self.options["mode"] == "implicit")

    async def _score(self, item: PointItem, dimension: str, judge: Cast) -> Decision:
        """One judge's score of one dimension: p(yes), or the mean of its ratings that could be read."""
        asked = aspect(item, dimension)
        if self.implicit:
            return await likely_yes(judge, yes_question(asked))
        found = await asyncio.gather(*(point(judge, asked) for _ in range(int(self.options["samples"]))))
        values = _read(found)
        return Decision(
            value=sum(values) / len(values) if values else None, asked=sum(d.asked for d in found),
            unread=sum(d.unread for d in found), reason=found[0].reason, cause="" if values else found[0].cause,
        )  # fmt: skip

    def rated(self, item: Item, part: str) -> Rated | None:
        """People's rating (or whose stands in its place) of a dimension, of it by one judge of several, or of their mean."""
        dimension = OVERALL if part == ENSEMBLE else part.rpartition(": ")[2]
        assert isinstance(item, PointItem)
        return super().rated(item, dimension) or label_of(item, dimension)

    def middle(self, part: str) -> float | None:
        return None if part == ENSEMBLE or ": " in part else 0.5 if self.implicit else (LOW + HIGH) / 2

    def gold(self, case: Case, chat: Conversation) -> str | None:
        """What people said of the dimension that is asked about; of pairs, the best for the original, the worst for the other."""
        if not isinstance(case, PointItem):
            return None
        if case.changed in PAIRS:
            return gold_reply(Rated(float(case.changed == ORIGINAL), 0, 1))
        said = self.rated(case, asked_in(case, chat.messages[0].text)) or people_of(case)
        return None if said is None else gold_reply(said)


def _read(answers: list[Decision]) -> list[float]:
    return [a.value for a in answers if a.value is not None]
