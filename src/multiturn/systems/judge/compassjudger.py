"""compassjudger: one judge in all the forms that judging benchmarks ask for. See `CompassJudger`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from hashlib import blake2b
from typing import Any

from ...conversation import CallError, Case, Cast, Conversation, NotMeasured, UnknownName
from ...judges.ask import Answer, ask
from ...judges.items import Decision, Item, Kind, PairItem, PointItem, with_changes
from ...judges.parse import Outcome, Parsed, Unparsable, scale
from ...judges.unread import as_wrong
from ...measures.figures import mean
from ...measures.verdict import Verdict
from ...protocols.benchmark import Published
from .compassjudger_bench import b_figures, v2_figures
from .compassjudger_forms import DIMENSIONS, FORMS, Form, critique_question, scores
from .judging import Judging
from .judging_figures import FIGURES

MODES = (*FORMS, "critique")
SETS = {"pair": "bundled", "point": "bundled-points", "fofo": "bundled-matches", "critique": "bundled-points"}
COLUMNS = ("JudgerBenchV2", "JudgeBench", "RMB", "RewardBench", "mean")
TABLE = {
    "CompassJudger-1-7B": (57.96, 46.00, 38.18, 80.74, 55.72),
    "CompassJudger-1-32B": (60.33, 62.29, 77.63, 86.17, 71.61),
    "CompassJudger-2-7B": (60.52, 63.06, 73.90, 90.96, 72.11),
    "CompassJudger-2-32B": (62.21, 65.48, 72.98, 92.62, 73.32),
    "Qwen2.5-7B": (57.14, 23.23, 69.03, 79.69, 57.27),
    "DeepSeek-V3-0324": (64.43, 59.68, 78.16, 85.17, 71.86),
}
"""The README's table of judges: four benchmarks, in points, and their mean."""


class CompassJudger(Judging):
    """CompassJudger-1: All-in-one Judge Model Helps Model Evaluation and Evolution (model cards and released evaluation code).

    One judge, and the forms in which it is asked (``mode``). The modes of its model card: ``pair`` (two dialogues, A or B and
    nothing else), ``point`` (beside a reference: five dimensions and a combined score from 1 to 10), ``five-way`` (its own answer
    first, then one of five verdicts), ``critique`` (advice, of which only what it leads to can be measured: in the same
    conversation the judge then scores the answer; that second step is ours). Those of JudgerBench beside them: ``alignbench``,
    ``alpacaeval``, ``wildbench``, ``fofo`` (is the format right), ``v2`` (a criterion for each scenario). Items of JudgerBench-B
    and V2 bring their form along.

    Measures: accuracy (from 0 to 1, what cannot be read is wrong); exact (the gold judge's value) and correlation of models
    (JudgerBench-B); JudgerBenchV2, in points. Values are in the form's own units (+1 and -1, +2 and -2 for much better, 0 a tie);
    points of the first answer are (value / top + 1) / 2. A score from 1 to 10 is put on the item's scale in proportion.

    ``shuffle``: the order of a pair is drawn from its id, so that no set puts the better answer first. ``official=True``: replies
    are read as released, mistakes included. Prompts are ours, in English.
    """

    slug = "compassjudger"
    title = "CompassJudger-1: All-in-one Judge Model Helps Model Evaluation and Evolution"
    kind = "judge, benchmark"
    licence = "Apache-2.0"
    home = "https://github.com/open-compass/CompassJudger"
    takes: tuple[Kind, ...] = ("pair", "point")
    params = {"on": "", "mode": "pair", "shuffle": True, "official": False}
    figures = (*FIGURES, mean("accuracy"), mean("exact"), b_figures, v2_figures)
    published = tuple(
        Published(model, value, column, "plain", None, "README of CompassJudger")
        for model, row in TABLE.items()
        for column, value in zip(COLUMNS, row, strict=True)
    )

    def __init__(self, data: Any = None, **params: Any) -> None:
        super().__init__(data, **params)
        self.mode = str(self.options["mode"])
        if self.mode not in MODES:
            raise UnknownName("mode of `compassjudger?mode=`", self.mode, MODES)
        self.on = SETS.get(self.mode, "bundled")
        self.takes = ("point",) if self.mode == "critique" else (FORMS[self.mode].kind,)

    def items(self) -> Iterator[Item]:
        for item in super().items():
            drawn = blake2b(f"order/{item.id}".encode(), digest_size=1).digest()[0] % 2
            if self.options["shuffle"] and drawn and isinstance(item, PairItem) and "form" not in item.extra:
                yield turned(item)
            else:
                yield item

    async def decide(self, item: Item, cast: Cast) -> Decision:
        if self.mode == "critique":
            assert isinstance(item, PointItem)
            return await self._criticised(item, cast)
        form = FORMS[self._form(item)]
        answer, parts = await self._asked(form, item, cast)
        if answer.value is None:
            asked, unread = answer.read
            return Decision(asked=asked, unread=unread, cause=answer.cause, reason=answer.reason)
        if isinstance(item, PairItem):
            points = (answer.value * (1 if item.names[0] == "A" else -1) / form.top + 1) / 2
            first = None if points == 0.5 else float(points > 0.5)
            return Decision(value=points, shown_first=first, asked=1, reason=answer.reason)
        assert isinstance(item, PointItem)
        share = (answer.value - 1) / 9 if self._form(item) == "point" else answer.value
        return Decision(value=item.low + share * (item.high - item.low), asked=1, reason=answer.reason, parts=parts)

    def _form(self, item: Item) -> str:
        return str(item.extra.get("form") or self.mode)

    async def _asked(self, form: Form, item: Item, cast: Cast) -> tuple[Answer[float], dict[str, float]]:
        """The value, and the five dimensions where the form has them."""
        parts: dict[str, float] = {}

        def read(text: str) -> Outcome[float]:
            found = scores(text) if form is FORMS["point"] else None
            parts.update({name: found[name] for name in DIMENSIONS} if found else {})
            if not self.options["official"]:
                return form.read(text)
            value = form.released(text)
            return Parsed(value, text[:2000]) if value is not None else Unparsable("no verdict found")

        repair = "I could not read that. Reply in exactly the form I asked for."
        return await ask(cast, form.ask(item), read, repair=repair), parts

    async def _criticised(self, item: PointItem, cast: Cast) -> Decision:
        try:
            chat = await cast.judge(Conversation().user(critique_question(item)))
        except NotMeasured as error:
            return Decision(cause=error.cause)
        except CallError as error:
            return Decision(cause=f"judge: {error.cause}")
        whole = " whole" if item.whole else ""
        wanted = f'Now score it: a{whole} number from {item.low:g} (worst) to {item.high:g} (best), JSON: {{"score": <number>}}'
        read = partial(scale, low=item.low, high=item.high, whole=item.whole)
        answer = await ask(cast, chat.user(wanted), read)
        asked, unread = answer.read
        return Decision(value=answer.value, asked=asked, unread=unread, reason=chat.reply[:2000], cause=answer.cause)

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, Item)
        async for verdict in super().judge(case, chat, cast):
            yield verdict
            if verdict.measure == "correct":
                yield as_wrong(verdict)
            if verdict.measure == "verdict":
                for more in benchmark_verdicts(case, verdict, self._form(case)):
                    yield more

    def gold(self, case: Case, chat: Conversation) -> str | None:
        if isinstance(case, PairItem) and case.label is not None:
            form = FORMS[self._form(case)]
            value = (2 * case.label - 1) * form.top * (1 if case.names[0] == "A" else -1)
            return form.write(value) if value or form.top > 1 else None
        if isinstance(case, PointItem) and case.label is not None:
            share = (case.label - case.low) / (case.high - case.low)
            if self.mode == "critique":
                return f'It could be better. {{"score": {round(case.label) if case.whole else case.label:g}}}'
            if self._form(case) == "fofo":
                return FORMS["fofo"].write(float(share > 0.5))
            return FORMS["point"].write(round(1 + 9 * share, 2))
        return None


def turned(item: PairItem) -> PairItem:
    """The pair in the other order, as if it had been written down so."""
    replies = {"replies": [both[::-1] for both in item.extra["replies"]]} if "replies" in item.extra else {}
    return with_changes(
        item, first=item.second, second=item.first, authors=item.authors[::-1], extra={**item.extra, **replies},
        label=None if item.label is None else 1 - item.label,
    )  # fmt: skip


def benchmark_verdicts(item: Item, found: Verdict, form: str) -> Iterator[Verdict]:
    """What JudgerBench-B and V2 need beside a verdict: values in the form's own units, and who won. ``found``: points of the
    first answer in the item's own order, or the value of one answer."""
    known, points = item.extra, found.value
    if "gold" in known:
        value = None if points is None else points if isinstance(item, PointItem) else (2 * points - 1) * FORMS[form].top
        sign, gold = (-1.0 if known["swap"] else 1.0), float(known["gold"])
        exact = None if value is None else float(abs(value - gold) < 1e-9)
        yield as_wrong(Verdict("exact", exact, item=item.id, cause=found.cause), "exact")
        yield Verdict("model value", None if value is None else sign * value, item=known["model"], cause=found.cause)
        yield Verdict("model gold", sign * gold, item=known["model"])
    if "base" in known and isinstance(item, PairItem):
        authors = item.authors[::-1] if item.swapped else item.authors
        label = item.label if item.label is None or not item.swapped else 1 - item.label
        model = next((name for name in authors if name != known["base"]), "")
        mine = authors[0] == model
        yield Verdict("model wins", None if points is None else float((points > 0.5) == mine), item=model, cause=found.cause)
        if label is not None:
            yield Verdict("gold wins", float((label > 0.5) == mine), item=model)
