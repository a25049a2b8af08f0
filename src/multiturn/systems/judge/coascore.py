"""coascore: related aspects are scored first, and shown to the judge when it scores the one that counts. See `CoAScore`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial

from ...conversation import Case, Cast, Conversation, InputError
from ...judges.ask import UNREADABLE, ask
from ...judges.items import Decision, Item, PointItem, with_changes
from ...judges.questions import point
from .coascore_chain import Aspect, auxiliary, chain, chain_question, drawn, given, target
from .coascore_figures import MEAN, gains, halo, spearmans, within_documents
from .judging import Judging, gold_answer
from .judging_figures import FIGURES

ABLATIONS = ("direct", "random-aspects", "list-only", "mean")


class CoAScore(Judging):
    """CoAScore: Chain-of-Aspects Prompting for NLG Evaluation (arXiv 2312.10355; from its abstract, wordings and defaults ours).

    A point judge in three stages: (1) think of ``n`` aspects related to the target aspect, from the task and the target alone,
    once for all items; (2) score each of them, in a call of its own; (3) score the target with those scores in view, in an order
    drawn anew for each item. Settings take a stage away:

    direct          the target's score, nothing before it
    random-aspects  no stage 1: aspects drawn from twenty general ones
    list-only       no stage 2: the aspects without scores
    mean            no stage 3: the mean of the aspects' scores

    Figures: correlations with people over all items, and within documents (items of one cluster; documents in which one side is
    constant have none and are left out); ``gain`` of plain over each ablation, with a paired bootstrap over clusters; ``halo``:
    the correlation of the target's score with the mean of the aspects shown (1 = it copies them), beside that of the ``direct``
    score, which never saw them. ``aspects``: names, with commas, instead of stage 1. ``reference=False`` hides the reference.
    Cost: n + 2 calls an item in all, of which stage 1 is asked once and then recorded.
    """

    slug = "coascore"
    title = "CoAScore: Chain-of-Aspects Prompting for NLG Evaluation"
    paper = "arXiv:2312.10355"
    kind = "judge, metric"
    licence = "not stated"
    takes = ("point",)
    on = "bundled-points"
    settings = (*Judging.settings, *ABLATIONS)
    default_settings = ("plain", "direct")
    params = {"on": "", "n": 10, "task": "a reply to a user in a conversation", "aspects": "", "reference": True}
    figures = (*FIGURES, *spearmans(ABLATIONS), within_documents, *gains(ABLATIONS), halo)

    def views(self, case: Case, setting: str) -> Iterator[Case]:
        if setting in ABLATIONS:
            yield case
        else:
            yield from super().views(case, setting)

    def items(self) -> Iterator[Item]:
        if not 1 <= int(self.options["n"]) <= 50:
            raise InputError(f"`coascore?n=` must be from 1 to 50 aspects, not {self.options['n']}")
        shown = bool(self.options["reference"])
        return (item if shown else with_changes(item, reference=None) for item in super().items())

    async def decide(self, item: Item, cast: Cast) -> Decision:
        assert isinstance(item, PointItem)
        if cast.setting == "direct":
            return await point(cast, item)
        aspects = await self._aspects(item, cast)
        if isinstance(aspects, Decision):
            return aspects
        order = cast.random.sample(aspects, len(aspects))
        scored: list[Decision] = []
        if cast.setting != "list-only":
            asked = (point(cast, with_changes(item, dimension=a.name, definition=a.definition)) for a in order)
            scored = await asyncio.gather(*asked)
        values = [d.value for d in scored if d.value is not None]
        failed = next(
            (d.cause for d in scored if d.cause not in ("", UNREADABLE)), ""
        )  # a call that failed is no aspect left out
        if failed or (scored and not values):
            return _summed(None, scored, cause=failed or UNREADABLE)
        parts = {aspect.name: d.value for aspect, d in zip(order, scored, strict=False) if d.value is not None}
        if values:
            parts[MEAN] = sum(values) / len(values)
        if cast.setting == "mean":
            return _summed(parts[MEAN], scored, parts=parts)
        shown = [(a, d.value) for a, d in zip(order, scored, strict=False) if d.value is not None]
        last = await point(cast, item, guide=auxiliary(shown or [(a, None) for a in order]))
        return _summed(last.value, [*scored, last], parts=parts, cause=last.cause, reason=last.reason)

    async def _aspects(self, item: Item, cast: Cast) -> Sequence[Aspect] | Decision:
        """Stage 1, or what stands in for it; a decision when there is none."""
        about, n = target(item), int(self.options["n"])
        if cast.setting == "random-aspects":
            return drawn(about, n)
        if named := given(str(self.options["aspects"]), about):
            return named
        found = await ask(cast, self._chain_question(item), partial(chain, about=about, n=n), repair=REPAIR)
        asked, unread = found.read
        return found.value or Decision(asked=asked, unread=unread, cause=found.cause)

    def _chain_question(self, item: Item) -> str:
        return chain_question(str(self.options["task"]), target(item), int(self.options["n"]))

    def gold(self, case: Case, chat: Conversation) -> str | None:
        assert isinstance(case, PointItem)
        if chat == Conversation().user(self._chain_question(case)):
            return "accuracy: what it states is true\nclarity: it is easy to follow"
        return gold_answer(case)


REPAIR = "I could not read that. Write one aspect a line, `name: definition`, and nothing before or after."


def _summed(
    value: float | None, asked: Sequence[Decision], *, parts: dict[str, float] | None = None, cause: str = "", reason: str = ""
) -> Decision:
    """A decision that counts all replies it rests on."""
    return Decision(
        value=value, asked=sum(d.asked for d in asked), unread=sum(d.unread for d in asked), parts=parts or {}, cause=cause,
        reason=reason,
    )  # fmt: skip
