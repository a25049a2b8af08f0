"""Stored conversations judged again by a judge system: no model is asked but the judge."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ...conversation import Case, Cast, Conversation, DataError, InputError
from ...engine.cast import Episode
from ...engine.data import DataFolder
from ...engine.identity import benchmark_identity, cast_identity, digest, episode_identity
from ...engine.imports.names import named, scales_of, scales_text
from ...engine.plan import Plan
from ...engine.runs import Played, RunRow, played
from ...engine.store import Store
from ...judges.items import Decision, PointItem, as_text, said_in
from ...measures.figure import Figure, Scale
from ...measures.figures import mean, standard
from ...measures.verdict import Table, Verdict
from ...models.base import Model, Reply, Tool
from ...models.options import parse_name
from ...protocols.benchmark import Benchmark, Data
from .judging import Judging
from .plain_judge import PlainJudge

ASPECTS = 200
"""Items of a judge's own labelled set that are looked at for what it judges, and on which scale."""


REFERENCES = ("answer-matching", "reference-guided-verdict")
"""Judge systems that hold an answer against a reference."""


class StoredCase(Case, frozen=True, kw_only=True):
    """One stored conversation: where it ends, why it stopped, and which turn and item each of its turns is called in the run."""

    node: str
    stopped: str = ""
    places: tuple[tuple[int, str], ...] = ()


class Stored(NamedTuple):
    """A stored conversation with who spoke in it."""

    model: str
    setting: str
    repeat: int
    case: StoredCase


class Rejudged(Benchmark):
    """The conversations of a run, judged turn by turn by a judge system that rates single answers (kind "point").

    ``measure``: the judge system with its options; ``of``: the benchmark whose conversations these are; ``run``: the run;
    ``whole=True``: each conversation is judged once, as a whole; ``scales``: those of its measures, for reports.

    The measure is called as the judge system, or, where it judges several aspects, ``system aspect``; parts of its decision
    are ``system: part``. Each turn is judged with all that was said before it; tool calls and thoughts are not shown. A turn
    without an answer is not measured; an empty answer gets the floor of the scale and counts as failed.
    """

    slug = "rejudged"
    title = "Stored conversations, judged again"
    family = "judge"
    kind = "judge"
    needs = ("judge",)
    params = {"measure": "judge?ask=point", "of": "", "run": "", "whole": False, "scales": ""}

    def __init__(self, data: Data | None = None, **params: Any) -> None:
        super().__init__(data, **params)
        self.judge_slug = _short(parse_name(str(self.options["measure"]))[0])
        self.store: Store | None = None
        self.stored: Sequence[Stored] = ()
        self.scales = scales_of(str(self.options["scales"]))
        self.figures = (*(f for name, scale in self.scales.items() for f in standard(name, scale)), self._parts)

    @property
    def label(self) -> str:
        return f"{self.slug}/{self.judge_slug}/{self.options['of']}"

    @property
    def text(self) -> str:
        """What the catalogue makes this benchmark from again, without the judge and its data."""
        options = {name: str(value) for name, value in self.options.items() if value != self.params[name] or name == "measure"}
        return named(self.slug, options)

    @cached_property
    def judging(self) -> Judging:
        return judging(str(self.options["measure"]), self._data)

    @property
    def asks(self) -> tuple[Benchmark, str]:
        return self.judging, self.judging.judged_by

    @cached_property
    def aspects(self) -> tuple[PointItem, ...]:
        """What is judged of an answer, and on which scale: as the items of the judge's own labelled set have it."""
        return _aspects(self.judging)

    @property
    def own_scales(self) -> dict[str, Scale]:
        """The measures of this judge with their scales."""
        return {self._measure(a): Scale(a.low, a.high, _unit(a), passing=_passing(a)) for a in self.aspects}

    def _measure(self, aspect: PointItem) -> str:
        several = len(self.aspects) > 1 and aspect.dimension
        return f"{self.judge_slug} {aspect.dimension}" if several else self.judge_slug

    def _parts(self, table: Table) -> Iterator[Figure]:
        """Means of the parts of decisions, whatever they are called."""
        for name in table.present("measure"):
            if name.startswith(f"{self.judge_slug}: "):
                values = table.where(measure=name).value
                inside = bool(((values >= 0) & (values <= 1)).all())
                scale = Scale() if inside else Scale(float("-inf"), float("inf"), "", passing=float("-inf"))
                yield from mean(name, scale, by=("setting",))(table)

    def cases(self) -> Iterable[Case]:
        if self.store is None:
            raise InputError("`rejudged` judges what is in a store: multiturn score RUN --judge NAME --measure SYSTEM")
        return [s.case for s in self.stored]

    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, StoredCase)
        assert self.store is not None
        cast.facts["stop"] = case.stopped
        return self.store.conversation(bytes.fromhex(case.node))

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, StoredCase)
        for aspect in self.aspects:
            if self.options["whole"]:
                said = as_text((role, text) for role, text in said_in(chat) if role != "system")
                item = msgspec.structs.replace(aspect, id=f"{case.id}/whole", cluster=case.cluster or case.id, answer=said)
                for verdict in await self._decided(item, cast, None, ""):
                    yield verdict
                continue
            for turn, (number, name) in zip(chat.turns, case.places, strict=False):
                if not turn.answered:
                    yield Verdict(self._measure(aspect), None, number, name, cause=case.stopped or "no reply in the conversation")
                    continue
                asked = Conversation.of(m for m in turn.chat.messages[: -len(turn.answers)])
                item = msgspec.structs.replace(
                    aspect, id=f"{case.id}/{number}", cluster=case.cluster or case.id, turns=said_in(asked), answer=turn.reply
                )
                for verdict in await self._decided(item, cast, number, name):
                    yield verdict

    async def _decided(self, item: PointItem, cast: Cast, turn: int | None, name: str) -> list[Verdict]:
        """The judge's decision on one item as verdicts."""
        measure = self._measure(item)
        if not item.answer.strip():
            return [Verdict(measure, item.low, turn, name, reason="empty reply", failed=True)]
        found: Decision = await self.judging.decide(item, cast)
        cause = "" if found.value is not None else found.cause or "no verdict"
        parts = [Verdict(f"{self.judge_slug}: {part}", value, turn, name) for part, value in found.parts.items()]
        return [Verdict(measure, found.value, turn, name, reason=found.reason, cause=cause), *parts]


def _short(name: str) -> str:
    """What a judge system is called: its slug; the class, or the file, of one's own."""
    path, _, kind = name.rpartition(":")
    return kind.lower() if path.endswith(".py") else Path(name).stem if name.endswith(".py") else name


def judging(text: str, data: Data | None = None) -> Judging:
    """The judge system of this name, if it can judge single answers. Raises `InputError` or `UnknownName`."""
    from ..catalogue import make_system

    found = make_system(text, data or DataFolder())
    if not isinstance(found, Judging) or "point" not in found.takes:
        why = f"judges {' and '.join(found.takes)} items" if isinstance(found, Judging) else "judges nothing but its own cases"
        raise InputError(f"`{text}` {why}: stored conversations need a judge that rates single answers, like judge?ask=point")
    if found.slug in REFERENCES or (isinstance(found, PlainJudge) and found.ask == "reference"):
        raise InputError(
            f"`{text}` holds an answer against a reference, and stored conversations have none: take a judge that needs none, "
            "like judge?ask=point"
        )
    return found


def _aspects(judge: Judging) -> tuple[PointItem, ...]:
    """The kinds of items that a judge's labelled set has, empty; one on the plain scale where the set is not to be had."""
    found: dict[tuple[Any, ...], PointItem] = {}
    with suppress(DataError):  # the set itself is not needed
        for item in islice(judge.items(), ASPECTS):
            if isinstance(item, PointItem):
                blank = PointItem(
                    id="", answer="", low=item.low, high=item.high, whole=item.whole, dimension=item.dimension,
                    definition=item.definition, descending=item.descending,
                )  # fmt: skip
                found.setdefault((blank.low, blank.high, blank.whole, blank.dimension, blank.definition, blank.descending), blank)
    return tuple(found.values()) or (PointItem(id="", answer=""),)


def _unit(aspect: PointItem) -> str:
    return "fraction" if (aspect.low, aspect.high) == (0, 1) else "points"


def _passing(aspect: PointItem) -> float:
    """From where an answer passes: the top of a yes or no, the upper half of a scale."""
    return aspect.high if aspect.binary else (aspect.low + aspect.high) / 2


# -- planning ---------------------------------------------------------------------------------------------------------
class Silent(Model):
    """Whoever spoke in a stored conversation, and is not asked again."""

    @property
    def label(self) -> str:
        return self.name

    async def reply(self, chat: Conversation, tools: tuple[Tool, ...] = ()) -> Reply:
        raise InputError(f"{self.name} is not asked when its conversations are judged")


class RejudgePlan(Plan):
    """The episodes of a stored run, each with its own model, setting and repeat, and a judge for all of them."""

    def __init__(self, store: Store, run: RunRow, measure: str, roles: dict[str, Model], *, whole: bool = False,
                 limit: int | None = None, data: Data | None = None) -> None:  # fmt: skip
        found: dict[str, list[Stored]] = {}
        models: dict[str, None] = {}
        for one in played(store, run):
            taken = found.setdefault(one.system, [])
            if limit is None or len({s.case.id for s in taken} | {one.case}) <= limit:
                models[one.model] = None
                taken.append(Stored(one.model, one.setting, one.repeat, _case(one)))
        if not found:
            raise InputError(f"run {run.id} has no conversations yet: there is nothing to judge")
        benchmarks = []
        for system, stored in found.items():
            options = {"measure": measure, "of": system, "run": run.id, "whole": whole}
            scales = scales_text(Rejudged(data, **options).own_scales)
            made = Rejudged(data, **options, scales=scales)
            made.name = made.text
            made.store, made.stored = store, stored
            made.settings = tuple(dict.fromkeys(s.setting for s in stored))
            benchmarks.append(made)
        super().__init__(
            benchmarks, [Silent(name) for name in models], limit=limit, repeats=run.spec.repeats, seed=run.spec.seed, roles=roles
        )

    def _episodes(self) -> Iterator[Episode]:
        speakers = {model.label: model for model in self.models}
        judges = cast_identity(self.roles, ())
        for benchmark in self.benchmarks:
            assert isinstance(benchmark, Rejudged)
            identity = digest(benchmark_identity(benchmark), benchmark_identity(benchmark.judging))
            for model, setting, repeat, case in benchmark.stored:
                who = digest(judges, model)
                id_ = episode_identity(identity, case, setting, repeat, self.seed, who)
                yield Episode(benchmark, case, setting, repeat, {"assistant": speakers[model], **self.roles}, (), id_)

    @property
    def all_models(self) -> list[Model]:
        """Only who is asked."""
        return list({id(model): model for model in self.roles.values()}.values())


def _case(one: Played) -> StoredCase:
    return StoredCase(
        id=one.case, group=one.group or None, cluster=one.cluster, node=one.chat.id.hex(), stopped=one.stopped,
        places=tuple(_places(one)),
    )  # fmt: skip


def _places(one: Played) -> Iterator[tuple[int, str]]:
    """What each turn is called in the verdicts of the run: a question asked alone keeps its number in the script."""
    named: dict[int, set[str]] = {}
    for verdict in one.verdicts:
        if verdict.turn:
            named.setdefault(verdict.turn, set()).add(verdict.item)
    turns = len(one.chat.turns)
    alone = next(iter(named)) if turns == 1 and len(named) == 1 else 1
    for number in range(alone, alone + turns):
        items = named.get(number, set())
        yield number, items.pop() if len(items) == 1 else ""
