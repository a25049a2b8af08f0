"""href: two answers compared by the method that agrees best with people, category by category. See `Href`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from ...conversation import Case, Cast, Conversation, InputError, UnknownName
from ...judges.items import Decision, Item, PairItem
from ...judges.unread import as_wrong
from ...measures.figures import mean
from ...measures.verdict import Verdict
from .href_agreement import ROUNDS
from .href_figures import ANSWERS, BEATS, INNER, OUTER, PLAIN, mean_of_categories, ranks
from .href_items import Task, bundled, form_of, preferences, stored_verdicts, tasks
from .href_methods import JUDGE, METHODS, REFERENCE, judged, method_of, similarity, simple
from .href_score import beside_people, compared, from_file, tasks_of, unanswered, wins
from .judging import Judging
from .judging_figures import FIGURES
from .sets import LabelledSet

STORED = "stored"


class Href(Judging):
    """HREF: Human Response-Guided Evaluation of Instruction Following in Language Models (Lyu et al. 2024; released code).

    Which of two answers to an instruction is better is decided by the method that agrees best with people in its category: a
    judge model alone (Brainstorm, Summarize), a judge beside a person's answer (seven categories), or likeness to it (Open QA,
    Fact Checking). Likeness is BERTScore in the paper; here ``similarity`` is by words (rouge-1, rouge-l, token-f1), a stand-in,
    or a function of one's own (``module:function``). ``default``: the method for categories without one, which are refused.

    Settings: ``plain`` is that composite; each method for all categories: no-reference, reference, similarity, longest, shortest,
    random; ``stored``: the verdicts in the file ``verdicts`` (AlpacaEval's layout). In these the model under test is the judge.
    In ``answers`` it answers the instructions itself, and --judge compares it with the baseline.

    Measures from 0 to 1: human agreement (with the mode of all people but one, each left out in turn, expected over equal modes;
    with the label where single people are unknown; what cannot be read never agrees), agreement among people in the same way, and
    win rate (a tie is half; what cannot be read is a loss of who is compared with the baseline), by model with the rank that
    intervals allow, and in ``answers`` by category. ``baseline``: whose name is no candidate. ``both``: the judge is asked in
    both orders; else in one drawn from the item's id. ``on``: pairs of ours, or a file in a released form (.jsonl).
    ``official=True``: ranks by the released bootstrap, whose intervals are too narrow with few instructions.
    """

    slug = "href"
    title = "HREF: Human Response-Guided Evaluation of Instruction Following in Language Models"
    kind = "benchmark, judge"
    licence = "ODC-BY (data)"
    home = "https://github.com/allenai/href"
    on = "bundled-href"
    settings = (*Judging.settings, *METHODS, STORED, ANSWERS)
    default_settings = (PLAIN, *METHODS)
    uses = ("judge",)
    params = {
        "on": "", "similarity": "rouge-1", "default": "", "baseline": "baseline", "both": False, "verdicts": "",
        "official": False,
    }  # fmt: skip

    def __init__(self, data: Any = None, **params: Any) -> None:
        super().__init__(data, **params)
        self.alike = similarity(str(self.options["similarity"]))
        if (otherwise := self.options["default"]) and otherwise not in METHODS:
            raise UnknownName("method of `href?default=`", str(otherwise), METHODS)
        leaders = ranks(ROUNDS if self.options["official"] else 0)
        self.figures = (mean(OUTER), mean(INNER), leaders, mean_of_categories, mean(BEATS), *FIGURES)

    # -- items --------------------------------------------------------------------------------------------------------------
    @cached_property
    def _form(self) -> str:
        name = str(self.options["on"])
        return form_of(Path(name)) if name.endswith(".jsonl") else ""

    @property
    def labelled(self) -> LabelledSet:
        name = str(self.options["on"] or self.on)
        if name == "bundled-href":
            return LabelledSet(name, "pair", "11 pairs of ours, one a category", bundled)
        if self._form == "preference":
            return LabelledSet(name, "pair", "a file", lambda data: preferences(Path(name)))
        return super().labelled

    def cases(self) -> Iterator[Case]:
        return tasks(Path(str(self.options["on"]))) if self._form == "evaluation" else super().cases()

    def views(self, case: Case, setting: str) -> Iterator[Case]:
        if setting == ANSWERS:
            for task in tasks_of(case):
                self._method(compared(task, ""), setting)
                yield task
        elif isinstance(case, PairItem):
            for item in [case] if setting in (*METHODS, STORED) else super().views(case, setting):
                assert isinstance(item, PairItem)
                self._method(item, setting)  # an item without a method is refused before anything is asked
                yield item

    def _method(self, item: PairItem, setting: str) -> str:
        return setting if setting == STORED else method_of(item, setting, str(self.options["default"]))

    @cached_property
    def _stored(self) -> Any:
        if not self.options["verdicts"]:
            raise InputError("setting stored reads a file of verdicts: `href?verdicts=annotations.json`")
        return stored_verdicts(Path(str(self.options["verdicts"])))

    # -- judging --------------------------------------------------------------------------------------------------------------
    async def decide(self, item: Item, cast: Cast) -> Decision:
        assert isinstance(item, PairItem)
        method = self._method(item, cast.setting)
        if method in (JUDGE, REFERENCE):
            return await judged(item, cast, reference=method == REFERENCE, both=bool(self.options["both"]))
        if method == STORED:
            return from_file(self._stored, item)
        return simple(method, item, cast, self.alike)

    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        if isinstance(case, Task):
            return await cast.assistant(Conversation().user(case.instruction))
        return await super().play(case, cast, setting)

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        if isinstance(case, Task):
            yield await self._answered(case, chat, cast)
            return
        assert isinstance(case, PairItem)
        async for verdict in super().judge(case, chat, cast):
            yield verdict
            if verdict.measure == "verdict" and cast.setting in (PLAIN, *METHODS, STORED):
                for more in beside_people(case, verdict):
                    if more.measure == OUTER or cast.setting == PLAIN:
                        yield more
                for more in wins(case, verdict, str(self.options["baseline"])) if cast.setting == PLAIN else ():
                    yield more

    async def _answered(self, task: Task, chat: Conversation, cast: Cast) -> Verdict:
        """Points of the model's answer against the baseline's."""
        if (nothing := unanswered(chat, cast.stopped)) is not None:
            return nothing
        found = await self.decide(compared(task, chat.turns[0].reply), cast)
        points = None if found.value is None else 1 - found.value
        return as_wrong(
            Verdict(BEATS, points, turn=1, reason=found.reason, cause=found.cause), BEATS
        )  # unread: a loss, as released

    def gold(self, case: Case, chat: Conversation) -> str | None:
        if isinstance(case, Task):
            return case.reference
        if not isinstance(case, PairItem) or case.label is None:
            return None
        text, (one, two) = chat.messages[0].text, case.names
        straight = f"<answer-{one}>\n{case.first}\n</answer-{one}>" in text
        points = case.label if straight else 1 - case.label
        return "tie" if points == 0.5 else one if points > 0.5 else two
