"""meena-ssa: is a chatbot's reply sensible, and is it specific? See `MeenaSSA`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator

from ...conversation import Case, Cast, Conversation, InputError
from ...judges.ask import Answer
from ...judges.items import Decision, Item, Kind, PointItem
from ...judges.panel import majority
from ...judges.questions import boolean
from ...judges.raters import rater
from ...measures.figures import mean
from ...measures.verdict import Verdict
from ...protocols.benchmark import Data, Published
from .judging import Judging
from .judging_figures import FIGURES, error_rates, part_means
from .meena_ssa_items import SENSIBLE, SPECIFIC, bundled, gated, released, ssa
from .sets import LabelledSet

ASKS = {
    SENSIBLE: "Does this reply make sense at this place: does it fit what was said before, is it logical and consistent with "
    "what the same speaker said, does it agree with common sense?",
    SPECIFIC: "Is this reply specific to this conversation: does it take up what was said here, so that it would be out of place "
    "in most other conversations?",
}
GUIDES = {
    SENSIBLE: "If anything about it is off (confusing, out of place, contradictory, plainly false), or you are in doubt, say no.",
    SPECIFIC: "A reply that would do almost anywhere (I see, that is nice, I don't know) is not specific. In doubt say no.",
}
UNGATED = "ungated"
SOURCE = "abstract of the paper"
PEOPLE = {"Meena": 0.79, "Meena (base)": 0.72, "Human": 0.86, "next best bots": 0.56}


class MeenaSSA(Judging):
    """Towards a Human-like Open-Domain Chatbot (Adiwardana et al. 2020, arXiv 2001.09977): sensibleness and specificity average.

    Every reply of a chatbot gets two labels, yes or no: is it sensible where it stands (in doubt no), and if so, is it specific
    to this conversation. What is not sensible is not specific, and is not asked. SSA of a bot = (share of replies labelled
    sensible + share labelled specific) / 2, over turns, from 0 to 1: a reply is worth 0, 0.5 or 1.

    ``raters``: labels a reply (the paper's people: 5), of further judges of the cast or further draws of one; the majority of
    those that could be read counts, an even split is no. Setting ``ungated``: both are asked and specificity counts as it is
    said, which flatters bots whose replies fit by accident.

    Measures: SSA, sensibleness, specificity by bot, from 0 to 1; ``right: sensible`` and ``right: specific``, agreement with
    people's labels. ``on``: a labelled set, one of the released files by name (meena.txt, mitsuku.txt, human.txt, xiaoice.txt) or
    a .txt file of one's own in their layout, without labels. Stored conversations are judged turn by turn with
    ``multiturn score RUN --judge M --measure meena-ssa``. Questions are ours; the paper's wording for people is longer.
    """

    slug = "meena-ssa"
    title = "Towards a Human-like Open-Domain Chatbot"
    paper = "arXiv:2001.09977"
    kind = "judge, metric"
    licence = "Apache-2.0 (conversations)"
    home = "https://github.com/google-research/google-research"
    takes: tuple[Kind, ...] = ("point",)
    on = "bundled-ssa"
    settings = (*Judging.settings, UNGATED)
    params = {"on": "", "raters": 1}
    figures = (
        mean("SSA"), mean("sensibleness"), mean("specificity"), mean(f"right: {SENSIBLE}"), mean(f"right: {SPECIFIC}"),
        *(f for f in FIGURES if f not in (part_means, error_rates)),
    )  # fmt: skip
    published = tuple(Published("people", value, "SSA", "plain", bot, SOURCE) for bot, value in PEOPLE.items())

    @property
    def labelled(self) -> LabelledSet:
        name = str(self.options["on"] or self.on)
        if name == "bundled-ssa":
            return LabelledSet(name, "point", "48 replies of three bots, labelled", bundled)
        if name.endswith(".txt"):

            def load(data: Data) -> Iterator[Item]:
                return released(data, name)

            return LabelledSet(name, "point", f"the bot's turns of {name}", load)
        return super().labelled

    def views(self, case: Case, setting: str) -> Iterator[Case]:
        if setting == UNGATED:
            yield case
        elif setting != "relabelled":  # yes and no have no other end to be told from
            yield from super().views(case, setting)

    async def decide(self, item: Item, cast: Cast) -> Decision:
        assert isinstance(item, PointItem)
        wanted = int(self.options["raters"])
        if not 1 <= wanted <= 25:
            raise InputError(f"`meena-ssa?raters=` must be from 1 to 25, not {wanted}")
        rated = await asyncio.gather(*(self._rated(item, rater(cast, n)) for n in range(1, wanted + 1)))
        found = [d for pair in rated for d in pair if d is not None]
        sensible = _most((one for one, _ in rated), item)
        # Who finds it senseless has said that it is not specific, without being asked.
        specific = _most((one if two is None else two for one, two in rated), item)
        if sensible is not None and specific is not None and cast.setting != UNGATED:
            sensible, specific = gated(sensible, specific)
        parts = {name: float(v) for name, v in ((SENSIBLE, sensible), (SPECIFIC, specific)) if v is not None}
        share = None if sensible is None or specific is None else ssa(sensible, specific)
        return Decision(
            value=None if share is None else item.low + share * (item.high - item.low), parts=parts,
            asked=sum(d.asked for d in found), unread=sum(d.unread for d in found),
            reason=next((d.reason for d in found if d.reason), ""),
            cause="" if share is not None else next((d.cause for d in found if d.cause), "nobody was asked"),
        )  # fmt: skip

    async def _rated(self, item: PointItem, cast: Cast) -> tuple[Decision, Decision | None]:
        """One rater's two labels; the second is asked only where the first leaves it open."""
        one = await boolean(cast, item, ASKS[SENSIBLE], guide=GUIDES[SENSIBLE])
        if cast.setting != UNGATED and one.value != item.high:
            return one, None
        return one, await boolean(cast, item, ASKS[SPECIFIC], guide=GUIDES[SPECIFIC])

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, PointItem)
        # A probe may have changed what the labels were given to.
        people = case.extra.get("people", {}) if cast.setting in ("plain", "again", UNGATED) else {}
        async for verdict in super().judge(case, chat, cast):
            yield verdict
            if verdict.measure == "verdict":
                share = None if verdict.value is None else (verdict.value - case.low) / (case.high - case.low)
                yield Verdict("SSA", share, item=verdict.item, cause=verdict.cause)
            for part, name in ((SENSIBLE, "sensibleness"), (SPECIFIC, "specificity")):
                if verdict.measure == f"part: {part}":
                    yield Verdict(name, verdict.value, item=verdict.item)
                    if part in people:
                        yield Verdict(f"right: {part}", float(verdict.value == people[part]), item=verdict.item)

    def gold(self, case: Case, chat: Conversation) -> str | None:
        """People's labels; where a set has only a value, the labels that make it, or the nearest to it."""
        assert isinstance(case, PointItem)
        people = case.extra.get("people", {})
        if not people and case.label is not None:
            share = (case.label - case.low) / (case.high - case.low)
            people = {SENSIBLE: share >= 0.25, SPECIFIC: share >= 0.75}
        asked = SENSIBLE if ASKS[SENSIBLE] in chat.messages[0].text else SPECIFIC
        return f'{{"reason": "-", "answer": "{"yes" if people[asked] else "no"}"}}' if asked in people else None


def _most(labels: Iterable[Decision], item: PointItem) -> bool | None:
    """What most raters who could be read say; an even split is no (in doubt no); None = nobody could be read."""
    return majority([Answer(None if d.value is None else d.value == item.high) for d in labels], tie=False).value
