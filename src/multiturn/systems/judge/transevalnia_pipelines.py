"""The pipelines of transevalnia: comments on each translation, then the best one in each order, or scores."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from functools import partial
from math import factorial
from typing import Any, NamedTuple, TypeAlias

import msgspec

from ...conversation import Cast
from ...judges.ask import Answer, ask
from ...judges.items import Decision, Item, ListItem, PairItem
from . import transevalnia_steps as steps
from .transevalnia_orders import Order, dimension_means, from_orders, numbers_of, ranks
from .transevalnia_steps import Ranked

PIPELINES = ("no-reasoning", "one-step", "two-step", "three-step", "score")
COMMENTED = ("two-step", "three-step", "score")
SEED = 42
REPAIR = "I could not read that. Reply in exactly the form I asked for."
Translations: TypeAlias = PairItem | ListItem


class Pipeline(NamedTuple):
    """One of `PIPELINES`, with how many orders are asked. ``official``: verdicts are read by the released pattern."""

    name: str
    orders: int = 2
    official: bool = False

    async def decide(self, item: Translations, cast: Cast) -> Decision:
        """``facts``: of each order which one is the best ("orders"), or of each translation its score ("scores")."""
        said: list[str] = []
        if self.name in COMMENTED:
            # The same text twice is commented on once.
            texts = list(dict.fromkeys(item.answers))
            told = await asyncio.gather(
                *(ask(cast, steps.evaluate_question(item, t), steps.comments, repair=REPAIR) for t in texts)
            )
            if gone := next((a for a in told if a.value is None), None):
                asked, unread = _read(told)
                return Decision(cause=gone.cause, asked=asked, unread=unread)
            known = {text: str(a.value) for text, a in zip(texts, told, strict=True)}
            said = [known[text] for text in item.answers]
        if self.name == "score":
            return await _by_scores(item, cast, said)
        # Draws of its own for each order: with equal translations their questions are the same.
        asked_in = (self._in_order(item, cast.branch(f"order {n}"), said, o) for n, o in enumerate(places(item, self.orders)))
        orders = await asyncio.gather(*asked_in)
        cast.facts["orders"] = [[o.best, o.cause] for o in orders]
        parts = {"interleaved": sum(o.mixed for o in orders) / len(orders)} if self.name == "three-step" else {}
        return msgspec.structs.replace(from_orders(item, orders), parts=parts)

    async def _in_order(self, item: Translations, cast: Cast, said: list[str], places: tuple[int, ...]) -> Order:
        numbers, mixed = numbers_of(item), None
        texts, notes = [item.answers[i] for i in places], [said[i] for i in places] if said else []
        if self.name in COMMENTED:
            mixed = await _interleaved(item, cast, numbers, notes) if self.name == "three-step" else None
            question = steps.rank_question(item, texts, numbers, mixed or notes)
        else:
            question = steps.plain_question(item, texts, numbers, comment=self.name == "one-step")
        read = partial(steps.ranked, numbers=numbers, official=self.official)
        answer: Answer[Ranked] = await ask(cast, question, read, repair=REPAIR)
        if answer.value is None:
            return Order(places, None, None, answer.cause, mixed=bool(mixed))
        best, worst = (None if k is None else places[numbers.index(k)] for k in answer.value)
        return Order(places, best, worst, reason=answer.reason, mixed=bool(mixed))


def places(item: Translations, wanted: int) -> list[tuple[int, ...]]:
    """The orders that are asked: as given, reversed, and then by chance with a fixed seed; all different."""
    n = len(item.answers)
    found = dict.fromkeys((tuple(range(n)), tuple(range(n))[::-1]))
    coin = random.Random(f"{SEED}/{item.id}")
    while len(found) < min(wanted, factorial(n)):
        found[tuple(coin.sample(range(n), n))] = None
    return list(found)[:wanted]


async def _interleaved(item: Item, cast: Cast, numbers: Sequence[int], notes: list[str]) -> str | None:
    question = steps.interleave_question(item, numbers, notes)
    return (await ask(cast, question, partial(steps.interleaved, numbers=numbers), repair=REPAIR)).value


async def _by_scores(item: Translations, cast: Cast, said: list[str]) -> Decision:
    texts = dict(zip(item.answers, said, strict=True))
    told = await asyncio.gather(*(ask(cast, steps.score_question(item, t, s), steps.scored) for t, s in texts.items()))
    asked, unread = _read(told)
    known = dict(zip(texts, told, strict=True))
    cast.facts["scores"] = [[None if a.value is None else a.value.overall, a.cause] for a in (known[t] for t in item.answers)]
    if gone := next((a for a in told if a.value is None), None):
        return Decision(asked=asked, unread=unread, cause=gone.cause)
    got = [a.value for a in (known[t] for t in item.answers) if a.value is not None]
    parts = dimension_means(got)
    if isinstance(item, PairItem):
        a, b = (s.overall for s in got)
        return Decision(value=0.5 if a == b else float(a > b), asked=asked, parts=parts)
    return Decision(ranks=ranks([s.overall for s in got]), asked=asked, parts=parts)


def _read(told: Sequence[Answer[Any]]) -> tuple[int, int]:
    """Replies, and how many of them could not be read."""
    counts = [a.read for a in told]
    return sum(n for n, _ in counts), sum(n for _, n in counts)
