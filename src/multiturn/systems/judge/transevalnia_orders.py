"""What the answers of transevalnia amount to: a decision, accuracy in each order, and how far the order decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ...conversation import Cast
from ...judges.ask import UNREADABLE
from ...judges.choosing import shown_first
from ...judges.items import Decision, ListItem, PairItem
from ...judges.probes import PROBES
from ...judges.unread import NO_ANSWER, as_wrong
from ...measures.correlation import midranks
from ...measures.verdict import Verdict
from .transevalnia_figures import PEOPLE, SCORE
from .transevalnia_steps import DIMENSIONS, Scores

UNNAMED = "??"


class Order(NamedTuple):
    """One order of the translations: which is shown at each place, and which of them (by their numbers in the item) are called
    best and worst; None with a ``cause`` where nothing could be read. ``mixed``: the comments were sorted by dimension."""

    places: tuple[int, ...]
    best: int | None
    worst: int | None = None
    cause: str = ""
    reason: str = ""
    mixed: bool = False

    @property
    def answered(self) -> bool:
        """Whether the judge said anything: the call did not fail, and no budget was spent."""
        return self.best is not None or self.cause == UNREADABLE


def numbers_of(item: PairItem | ListItem) -> tuple[int, ...]:
    """The numbers of the translations in the order in which they are shown."""
    turned = isinstance(item, PairItem) and item.names[0] != "A"
    return tuple(range(1, len(item.answers) + 1))[:: -1 if turned else 1]


def from_orders(item: PairItem | ListItem, orders: Sequence[Order]) -> Decision:
    """Pair: the mean over the orders. List: by how often each is called best, less how often worst; equal counts share places."""
    asked, unread = sum(o.answered for o in orders), sum(o.cause == UNREADABLE for o in orders)
    if isinstance(item, PairItem):
        sides = []
        for turned in (False, True):
            those = [o for o in orders if (o.places[0] == 1) is turned]
            sides.append([
                Decision(
                    value=None if o.best is None else float(o.best == o.places[0]), asked=int(o.answered),
                    unread=int(o.cause == UNREADABLE), cause=o.cause, reason=o.reason,
                ) for o in those
            ])  # fmt: skip
        return shown_first(*sides)
    read = [o for o in orders if o.best is not None]
    if not read:
        return Decision(asked=asked, unread=unread, cause=orders[0].cause)
    places = range(len(item.answers))
    points = [sum(o.best == i for o in read) - sum(o.worst == i for o in read) for i in places]
    return Decision(ranks=ranks(points), asked=asked, unread=unread, reason=read[0].reason)


def ranks(points: Sequence[float]) -> tuple[float, ...]:
    """Places by points, the most first; equal ones share the mean of their places."""
    return tuple(midranks(-np.array(points, dtype=np.float64)).tolist())


def dimension_means(scores: Sequence[Scores]) -> dict[str, float]:
    found = {name: [s.dimensions[name] for s in scores if name in s.dimensions] for name in DIMENSIONS}
    return {name: sum(v) / len(v) for name, v in found.items() if v}


def highest(item: PairItem | ListItem) -> tuple[int, ...]:
    """Which translations people score highest, () = unknown."""
    if isinstance(item, PairItem):
        return () if item.label is None else (0, 1) if item.label == 0.5 else (0,) if item.label > 0.5 else (1,)
    return tuple(i for i, v in enumerate(item.labels) if v == max(item.labels))


def order_verdicts(item: PairItem | ListItem, cast: Cast, *, by_text: bool) -> Iterator[Verdict]:
    """Accuracy in each order, how many different best ones there are, and scores beside people's."""
    if (orders := cast.facts.get("orders")) is not None:
        yield from _ranked(item, orders, by_text)
    elif (scores := cast.facts.get("scores")) is not None:
        yield from _scored(item, scores, people=cast.setting not in PROBES)
    else:
        cause = cast.stopped or cast.facts.get("decision", {}).get("cause") or "not played"
        if highest(item):
            yield as_wrong(Verdict("accuracy", None, item=item.id, cause=cause))
        yield Verdict("B", None, item=item.id, cause=cause)


def _ranked(item: PairItem | ListItem, orders: Sequence[tuple[int | None, str]], by_text: bool) -> Iterator[Verdict]:
    top = {item.answers[i] for i in highest(item)}
    for n, (best, cause) in enumerate(orders if top else ()):
        right = None if best is None else float(item.answers[best] in top)
        yield as_wrong(Verdict("accuracy", right, item=f"{item.id}/order {n + 1}", cause=cause))
    lost = next((cause for best, cause in orders if best is None and cause not in NO_ANSWER), "")
    if by_text and all(best is None for best, _ in orders):
        lost = lost or orders[0][1]  # who never names one is not free of the order (released: a B of 1)
    names = {UNNAMED if best is None else item.answers[best] if by_text else best for best, _ in orders}
    yield Verdict("B", None if lost else float(len(names)), item=item.id, cause=lost)


def _scored(item: PairItem | ListItem, scores: Sequence[tuple[float | None, str]], *, people: bool) -> Iterator[Verdict]:
    for n, ((score, cause), value) in enumerate(zip(scores, item.extra.get("scores", ()) if people else (), strict=False)):
        yield Verdict(SCORE, score, item=f"{item.id}/{n + 1}", cause=cause)
        yield Verdict(PEOPLE, value, item=f"{item.id}/{n + 1}")
    # A call that failed says nothing about the judge, whatever the others said.
    causes = [cause for score, cause in scores if score is None]
    cause = next((c for c in causes if c not in NO_ANSWER), causes[0] if causes else "")
    best = max((s for s, _ in scores if s is not None), default=None)
    if top := {item.answers[i] for i in highest(item)}:
        winners = {text for text, (s, _) in zip(item.answers, scores, strict=True) if s == best}
        right = None if cause else len(winners & top) / len(winners)
        yield as_wrong(Verdict("accuracy", right, item=item.id, cause=cause))
    # Each translation was scored alone: whatever order they stand in, the same one is the best.
    yield Verdict("B", None if cause else 1.0, item=item.id, cause=cause)
