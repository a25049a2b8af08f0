"""A plain judge: one question, one answer, in any of six forms. What calibrated methods are compared with."""

from __future__ import annotations

from typing import Any

from ...conversation import Cast, InputError, UnknownName
from ...judges.choosing import pair, ranked, shown_first
from ...judges.items import Decision, Item, Kind, ListItem, PairItem, with_changes
from ...judges.items import PointItem as PointItem
from ...judges.probes import probed
from ...judges.questions import boolean, checklist, point, reference
from .judging import Judging

CRITERIA = {
    "correct": "everything it states is true",
    "complete": "it answers the whole question",
    "relevant": "it keeps to the question",
    "clear": "it is easy to follow",
}
ASKS: dict[str, Kind] = {
    "pair": "pair",
    "point": "point",
    "boolean": "point",
    "reference": "point",
    "checklist": "point",
    "list": "list",
}
SETS = {"pair": "bundled", "point": "bundled-points", "boolean": "bundled-matches", "reference": "bundled-matches",
        "checklist": "bundled-points", "list": "bundled-lists"}  # fmt: skip


class PlainJudge(Judging):
    """A plain judge: one question to a model, in one of six forms.

    ``ask``: pair (which of two answers is better), point (a number on the scale), boolean (yes or no), reference (does it match
    the reference answer), checklist (four criteria, yes or no each; the share met), list (in which order). ``both``: pairs are
    asked in both orders, and the mean decides. ``confidence``: the judge also says how sure it is, in percent. ``ties``: the
    judge may call a tie.

    The model under test is the judge. ``on``: a labelled set (`multiturn calibrate --sets`) or a .jsonl file; without it, a few
    items of ours. For measures and settings see docs/calibrating.md.
    """

    slug = "judge"
    title = "A plain judge model, asked in one of six forms"
    kind = "judge"
    licence = "Apache-2.0"
    takes: tuple[Kind, ...] = ("pair", "point", "list")
    params = {"on": "", "ask": "pair", "both": False, "confidence": False, "ties": False}

    def __init__(self, data: Any = None, **params: Any) -> None:
        super().__init__(data, **params)
        self.ask = str(self.options["ask"])
        if self.ask not in ASKS:
            raise UnknownName("form of `judge?ask=`", self.ask, ASKS)
        self.on = SETS[self.ask]
        self.takes = (ASKS[self.ask],)

    async def decide(self, item: Item, cast: Cast) -> Decision:
        sure = bool(self.options["confidence"])
        if isinstance(item, PairItem):
            ties = bool(self.options["ties"]) or item.ties
            found = await pair(cast, item, ties=ties, confidence=sure)
            if not self.options["both"]:
                return found
            turned = probed(item, "swapped")
            assert isinstance(turned, PairItem)
            return shown_first([found], [await pair(cast, with_changes(turned, names=item.names), ties=ties, confidence=sure)])
        if isinstance(item, ListItem):
            return await ranked(cast, item)
        assert isinstance(item, PointItem)
        if self.ask == "checklist":
            return await checklist(cast, item, CRITERIA)
        if self.ask == "boolean":
            return await boolean(cast, with_changes(item, reference=None), confidence=sure)
        if self.ask == "reference":
            if item.reference is None:
                raise InputError(f"`judge?ask=reference` needs items with a reference answer; item {item.id} has none")
            return await reference(cast, item, confidence=sure)
        return await point(cast, item, confidence=sure)
