"""A judging method under test: the model under test is the judge, the cases are items that people have judged.

A judge system is a subclass that says how it decides on one item. From the base it has the labelled sets (``?on=``, see
`multiturn.systems.judge.sets`), the probes (settings), the verdicts beside the labels, and the figures of a judge's card.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec

from ...conversation import Case, Cast, Conversation, InputError
from ...judges.families import family
from ...judges.items import Decision, Item, Kind, ListItem, PairItem, PointItem, with_changes
from ...judges.probes import PROBES, probed
from ...judges.seat import Seat
from ...measures.figure import FRACTION, Scale
from ...measures.verdict import Verdict
from ...protocols.benchmark import Benchmark
from .judging_figures import FIGURES, RATER
from .judging_probes import FAVOUR
from .sets import LabelledSet, labelled_set

UNMOVED = ("plain", "again", "swapped", "relabelled")
"""Settings in which a sound judge says the same."""


class Judging(Benchmark):
    """Base of judges under test. Subclasses set ``takes`` (what kinds of items they judge, the first is the default) and
    ``on`` (their default labelled set), and write `decide`.

    Settings: ``plain``, and the probes (`multiturn.judges.probes`): the same items, changed, paired with plain. Measures:

    correct      the verdict is the label (a pair without ties: half a point for a tie; a list: the share of pairs in order)
    verdict, label   both, in the set's own unit (points of the first of a pair); rater N: the label of a single person
    error        |verdict − label| as a share of the scale
    points       of the answer that a probe changes, as a share of the scale: its difference to plain is the bias
    shown first  of the verdicts that name one of two answers, those that name the one shown first (0.5 = no favourite)
    favours family   points of a pair that a family of models gets beyond people's, where the authors are known
    confidence   as the judge states it, where it was asked
    unparsable   share of the judge's replies that could not be read
    """

    family = "judge"
    kind = "judge"
    judged_by = "assistant"
    takes: tuple[Kind, ...] = ("pair",)
    on: str = "bundled"
    settings: tuple[str, ...] = ("plain", "again", *PROBES)
    default_settings: tuple[str, ...] = ("plain",)
    params = {"on": ""}
    scales = {"correct": FRACTION, "error": Scale(0, 1, "fraction", passing=0), "points": FRACTION, "confidence": FRACTION}
    figures = FIGURES

    async def decide(self, item: Item, cast: Cast) -> Decision:
        """Judge one item; the judge is ``cast.judge``, further ones of a panel are roles ``judge2``, ``judge3``, …"""
        raise NotImplementedError(f"{type(self).__name__} has no decide()")

    # -- items --------------------------------------------------------------------------------------------------------
    @property
    def labelled(self) -> LabelledSet:
        """The set whose items are judged. Raises `InputError` when this judge cannot judge its kind."""
        found = labelled_set(str(self.options.get("on") or self.on))
        if found.kind not in self.takes:
            raise InputError(
                f"`{self.slug}` judges {' and '.join(f'{k} items' for k in self.takes)}; `{found.name}` has {found.kind} items"
            )
        return found

    def items(self) -> Iterator[Item]:
        """The items of the set, before anything is changed. Subclasses that add to an item do it here."""
        return self.labelled.load(_Needed(self))

    def cases(self) -> Iterator[Case]:
        return self.items()

    def views(self, case: Case, setting: str) -> Iterator[Case]:
        assert isinstance(case, Item)
        if (found := probed(case, setting)) is not None:
            yield found

    # -- judging ------------------------------------------------------------------------------------------------------
    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, Item)
        seat = Seat(cast.branch("again") if setting == "again" else cast)
        decision = await self.decide(case, seat)
        cast.facts["decision"] = msgspec.to_builtins(decision)
        return seat.last

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, Item)
        if cast.stopped or "decision" not in cast.facts:
            decision = Decision(cause=cast.stopped or "not played")
        else:
            decision = msgspec.convert(cast.facts["decision"], Decision)
        for verdict in verdicts(case, decision, cast.setting):
            yield verdict

    def gold(self, case: Case, chat: Conversation) -> str | None:
        """What a judge that agrees with people answers to the plain questions of `multiturn.judges`."""
        return gold_answer(case) if isinstance(case, Item) else None


class _Needed:
    """The data of a judge, asked for only when a set has files."""

    def __init__(self, judging: Judging) -> None:
        self._judging = judging

    def path(self, slug: str, name: str, home: str = "", sha256: str = "") -> Path:
        return self._judging.data.path(slug, name, home, sha256)


def gold_answer(item: Item) -> str | None:
    """The label in every form that the questions of `multiturn.judges` ask for, as one JSON object."""
    if isinstance(item, PairItem) and item.label is not None:
        word = item.names[0] if item.label > 0.5 else item.names[1] if item.label < 0.5 else "tie"
        return f'{{"reason": "-", "verdict": "{word}", "confidence": 100}}'
    if isinstance(item, PointItem) and item.label is not None:
        word = "yes" if item.label > (item.low + item.high) / 2 else "no"
        score = round(item.label) if item.whole else item.label
        return f'{{"reason": "-", "score": {score:g}, "answer": "{word}", "confidence": 100}}'
    if isinstance(item, ListItem) and item.labels:
        order = sorted(range(len(item.labels)), key=lambda i: -item.labels[i])
        return f'{{"reason": "-", "ranking": "{" > ".join(chr(65 + i) for i in order)}"}}'
    return None


# -- what a decision was worth ----------------------------------------------------------------------------------------
def verdicts(item: Item, decision: Decision, setting: str) -> Iterator[Verdict]:
    """A decision beside its label, as verdicts (see `Judging`)."""
    cause = decision.cause or "no verdict"
    if setting == "flawed":  # what people said of the answer was said of it without the flaw
        item = _unlabelled(item)
    missing = decision.value is None and not decision.ranks
    reason = decision.reason
    if isinstance(item, ListItem):
        yield from _of_list(item, decision, cause)
    elif isinstance(item, (PairItem, PointItem)):
        value, label = _straight(item, decision.value), _straight(item, item.label)
        yield Verdict("verdict", value, item=item.id, reason=reason, cause="" if value is not None else cause)
        if label is not None:
            yield Verdict("label", label, item=item.id)
            if value is None:
                yield from (Verdict(m, None, item=item.id, cause=cause) for m in _measures(item))
            else:
                yield from _scored(item, value, label)
                yield from _favours(item, value - label) if setting == "plain" else ()
        yield from _points(item, decision.value, setting, cause)
        if setting == "plain":
            yield from (Verdict(f"{RATER}{n}", said, item=item.id) for n, said in enumerate(item.raters, 1))
    if decision.shown_first is not None:
        yield Verdict("shown first", decision.shown_first, item=item.id)
    if decision.confidence is not None:
        yield Verdict("confidence", decision.confidence, item=item.id)
    if decision.asked:
        yield Verdict("unparsable", decision.unread / decision.asked, item=item.id)
    elif missing:
        yield Verdict("unparsable", None, item=item.id, cause=cause)
    for name, part in decision.parts.items():
        yield Verdict(f"part: {name}", part, item=item.id)


def _unlabelled(item: Item) -> Item:
    return with_changes(item, label=None) if isinstance(item, (PairItem, PointItem)) else item


def _favours(item: PairItem | PointItem, more: float) -> Iterator[Verdict]:
    """What the families of models that wrote two answers get beyond what people give them, where they differ."""
    if isinstance(item, PairItem):
        one, two = (family(author) for author in item.authors)
        if one and two and one != two:
            yield Verdict(FAVOUR, more, item=f"{item.id}/1", group=one)
            yield Verdict(FAVOUR, -more, item=f"{item.id}/2", group=two)


def _straight(item: PairItem | PointItem, value: float | None) -> float | None:
    """A value in terms of the item before its answers changed places."""
    return 1 - value if value is not None and isinstance(item, PairItem) and item.swapped else value


def _measures(item: Item) -> tuple[str, ...]:
    return ("correct",) if isinstance(item, PairItem) or (isinstance(item, PointItem) and item.binary) else ("error",)


def _scored(item: PairItem | PointItem, value: float, label: float) -> Iterator[Verdict]:
    if isinstance(item, PairItem):
        if value == 0.5 and not item.ties:
            yield Verdict("correct", 0.5, item=item.id, reason="undecided between two, where there are no ties")
        else:
            yield Verdict("correct", float(_side(value) == _side(label)), item=item.id)
    elif item.binary:
        yield Verdict("correct", float((value > 0.5) == (label > 0.5)), item=item.id)
    else:
        yield Verdict("error", abs(value - label) / (item.high - item.low), item=item.id)


def _side(points: float) -> int:
    return (points > 0.5) - (points < 0.5)


def _points(item: PairItem | PointItem, value: float | None, setting: str, cause: str) -> Iterator[Verdict]:
    """Points of the answer that a probe changes; in plain, of every answer that one may change."""
    if setting in UNMOVED and setting != "plain":
        return
    if isinstance(item, PointItem):
        share = None if value is None else (value - item.low) / (item.high - item.low)
        yield Verdict("points", share, item=item.id, cause="" if share is not None else cause)
        return
    for target in (1, 2) if setting == "plain" else (item.target,) if item.target else ():
        share = None if value is None else value if target == 1 else 1 - value
        yield Verdict("points", share, item=f"{item.id}/{target}", cause="" if share is not None else cause)


def _of_list(item: ListItem, decision: Decision, cause: str) -> Iterator[Verdict]:
    if not decision.ranks:
        yield Verdict("correct", None, item=item.id, cause=cause)
        return
    order = item.order or tuple(range(len(item.answers)))
    for place, rank in zip(order, decision.ranks, strict=True):
        yield Verdict("rank", rank, item=f"{item.id}/{place + 1}")
    right = [
        1.0 if (a - b) * (x - y) < 0 else 0.5 if x == y else 0.0
        for i, (a, x) in enumerate(zip(item.labels, decision.ranks, strict=False))
        for b, y in list(zip(item.labels, decision.ranks, strict=False))[:i]
        if a != b
    ]
    if right:
        yield Verdict("correct", sum(right) / len(right), item=item.id)
