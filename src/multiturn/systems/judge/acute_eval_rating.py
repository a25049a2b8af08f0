"""How raters of acute-eval vote: an onboarding, then the question in one order of the dialogues or in both."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from ...conversation import Cast
from ...judges.ask import UNREADABLE
from ...judges.drawn import drawn
from ...judges.items import Decision, PairItem
from ...judges.questions import decided
from ...judges.raters import rater
from ...measures.verdict import Verdict
from .acute_eval_question import choice, numbers, placed, question, turned
from .acute_eval_votes import VS, passes

BLOCKED = "failed onboarding"


class Choice(NamedTuple):
    """One vote: whose, on the dialogues in which order, and what was said of the one shown first."""

    rater: int
    order: str
    found: Decision

    @property
    def points(self) -> float | None:
        """Points of the first dialogue, wherever it was shown."""
        value = self.found.value
        return 1 - value if value is not None and self.order == "turned" else value


class Rating(NamedTuple):
    """How is asked. ``asks``: the question; ``both``: in both orders, else in one that is drawn; ``raters``: how many;
    ``onboarding``: comparisons with a known answer."""

    asks: str
    both: bool
    raters: int
    onboarding: Sequence[PairItem]

    @property
    def first(self) -> tuple[PairItem, ...]:
        """The onboarding as it is shown: where both orders are asked, in both, so that who always names the first fails."""
        return tuple(shown for i in self.onboarding for shown in ((i, turned(i)) if self.both else (placed(i),)))

    def text(self, item: PairItem) -> str:
        """The question about a pair."""
        return question(item, self.asks)

    async def votes(self, item: PairItem, cast: Cast) -> list[Choice]:
        """The votes of all raters, in the orders in which they are asked."""
        told = await asyncio.gather(*(self._of_rater(item, cast, n) for n in range(1, self.raters + 1)))
        return [vote for votes in told for vote in votes]

    async def _of_rater(self, item: PairItem, cast: Cast, number: int) -> list[Choice]:
        orders = ["straight", "turned"] if self.both else [("straight", "turned")[drawn(item.id)]]
        who = rater(cast, number)
        if (blocked := await self._blocked(who)) is not None:
            return [Choice(number, order, blocked) for order in orders]
        found = await asyncio.gather(*(self._asked(item if o == "straight" else turned(item), who) for o in orders))
        return [Choice(number, order, vote) for order, vote in zip(orders, found, strict=True)]

    async def _asked(self, item: PairItem, cast: Cast) -> Decision:
        return await decided(cast, self.text(item), partial(choice, names=numbers(item)))

    async def _blocked(self, cast: Cast) -> Decision | None:
        """Why a rater has no votes: the onboarding was failed, or could not be held."""
        shown = self.first
        told = await asyncio.gather(*(self._asked(item, cast) for item in shown))
        if gone := next((d for d in told if d.value is None and d.cause != UNREADABLE), None):
            return Decision(cause=gone.cause)
        right, unread = sum(d.value == i.label for d, i in zip(told, shown, strict=True)), sum(d.unread for d in told)
        if passes(right, len(told)):
            return None
        return Decision(cause=UNREADABLE if unread else BLOCKED, asked=unread, unread=unread)


def vote_of(
    measure: str, authors: tuple[str, str], value: float | None, item: str, cause: str = "", failed: bool = False
) -> Verdict:
    """A vote as points of the first author by name. ``value``: points of the first one shown in the pairing."""
    a, b = sorted(authors)
    points = None if value is None else value if authors[0] == a else 1 - value
    return Verdict(measure, points, item=item, group=f"{a}{VS}{b}", cause=cause if points is None else "", failed=failed)
