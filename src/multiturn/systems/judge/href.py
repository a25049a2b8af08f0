"""href: two answers compared by the method that agrees best with people, category by category. See `Href`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from ...conversation import Case, Cast, Conversation, InputError, UnknownName
from ...judges.ask import UNREADABLE
from ...judges.items import Decision, Item, PairItem
from ...judges.unread import as_wrong
from ...measures.figures import mean
from ...measures.verdict import Verdict
from .href_agreement import ROUNDS, inner, outer
from .href_figures import ANSWERS, BEATS, INNER, OUTER, PLAIN, WIN, mean_of_categories, ranks
from .href_items import Task, bundled, form_of, preferences, stored_verdicts, tasks
from .href_methods import JUDGE, METHODS, NEEDS_REFERENCE, REFERENCE, judged, route, similarity, simple
from .judging import Judging
from .judging_figures import FIGURES
from .sets import LabelledSet

STORED = "stored"
NOT_THERE = "not in the file of verdicts"


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
            for task in _tasks(case):
                self._method(_compared(task, ""), setting)
                yield task
        elif isinstance(case, PairItem):
            found = [case] if setting in (*METHODS, STORED) else super().views(case, setting)
            for item in found:
                assert isinstance(item, PairItem)
                self._method(item, setting)  # an item without a method is refused before anything is asked
                yield item

    def _method(self, item: PairItem, setting: str) -> str:
        method = setting if setting in (*METHODS, STORED) else route(item.group, str(self.options["default"]))
        if method in NEEDS_REFERENCE and item.reference is None:
            raise InputError(f"item {item.id} has no answer of a person for the method {method}; choose others with --setting")
        return method

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
            points = self._stored.get((item.question, item.first, item.second), -1.0)
            cause = NOT_THERE if points == -1.0 else UNREADABLE if points is None else ""
            return Decision(value=None if cause else points, cause=cause)
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
        if cast.stopped or not chat.turns or not chat.turns[0].answered:
            return Verdict(BEATS, None, turn=1, cause=cast.stopped or "no reply in the conversation")
        reply = chat.turns[0].reply
        if not reply.strip():
            return Verdict(BEATS, 0.0, turn=1, reason="empty reply", failed=True)
        found = await self.decide(_compared(task, reply), cast)
        points = None if found.value is None else 1 - found.value
        return lost(Verdict(BEATS, points, turn=1, reason=found.reason, cause=found.cause))

    def gold(self, case: Case, chat: Conversation) -> str | None:
        if isinstance(case, Task):
            return case.reference
        if not isinstance(case, PairItem) or case.label is None:
            return None
        text, (one, two) = chat.messages[0].text, case.names
        straight = f"<answer-{one}>\n{case.first}\n</answer-{one}>" in text
        points = case.label if straight else 1 - case.label
        return "tie" if points == 0.5 else one if points > 0.5 else two


def _tasks(case: Case) -> Iterator[Task]:
    """The instruction of a pair, where the baseline's answer is known."""
    if isinstance(case, Task):
        yield case
    elif isinstance(case, PairItem) and "baseline" in case.extra:
        id_ = blake2b(case.question.encode(), digest_size=8).hexdigest()
        yield Task(
            id=id_, group=case.group, instruction=case.question, baseline=case.extra["baseline"], reference=case.reference
        )  # fmt: skip


def _compared(task: Task, reply: str) -> PairItem:
    """The baseline's answer beside the model's."""
    return PairItem(
        id=task.id, group=task.group, turns=(("user", task.instruction),), first=task.baseline, second=reply,
        reference=task.reference, ties=True,
    )  # fmt: skip


def beside_people(item: PairItem, found: Verdict) -> Iterator[Verdict]:
    """What a verdict has of people's agreement, and what people have among themselves."""
    # In both orders a win and a tie make 0.75: more than a tie is a win.
    said = None if found.value is None else float((found.value > 0.5) - (found.value < 0.5)) / 2 + 0.5
    if len(item.raters) > 1:
        agrees = None if said is None else outer(item.raters, said)
        yield Verdict(INNER, inner(item.raters), item=item.id)
    elif item.label is not None:
        agrees = None if said is None else float(said == item.label)
    else:
        return
    yield as_wrong(Verdict(OUTER, agrees, item=item.id, cause=found.cause), OUTER)


def wins(item: PairItem, found: Verdict, baseline: str) -> Iterator[Verdict]:
    """A verdict as points of the models that wrote the answers, but the baseline."""
    for n, name in enumerate(item.authors):
        if name and name != baseline:
            points = None if found.value is None else found.value if n == 0 else 1 - found.value
            verdict = Verdict(WIN, points, item=f"{item.id}/{name}", group=name, cause=found.cause)
            yield lost(verdict) if baseline in item.authors else verdict


def lost(found: Verdict) -> Verdict:
    """What could not be read is a loss, as released; what was not asked is not."""
    return msgspec.structs.replace(as_wrong(found, found.measure), turn=found.turn, group=found.group)
