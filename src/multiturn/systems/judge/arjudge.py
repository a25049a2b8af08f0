"""arjudge: questions that fit the instruction, answered in words or by code that is run, and a last word. See `ARJudge`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import TypeVar

from ...conversation import Case, Cast, Conversation, NotMeasured
from ...judges.ask import UNREADABLE, Answer, ask
from ...judges.items import Decision, Item, PairItem
from ...judges.numbered import numbers
from ...judges.seat import Seat
from ...judges.unread import as_wrong
from ...learning.rewards import together
from ...measures.figures import mean
from ...measures.verdict import Verdict
from .arjudge_figures import both_orders
from .arjudge_steps import GENERAL, analysis, analysis_question, better, checked, criteria_question, questions, refine_question
from .judging import Judging
from .judging_figures import FIGURES

ABLATIONS = ("text-only", "general")
T = TypeVar("T")


def _answered(found: Answer[T]) -> Answer[T]:
    """What was answered, readable or not. A call that failed is no step that may be left out: raises `NotMeasured`."""
    if found.cause not in ("", UNREADABLE):
        raise NotMeasured(found.cause)
    return found


class ARJudge(Judging):
    """Learning to Align Multi-Faceted Evaluation: A Unified and Robust Framework (released code; paper not read).

    A judge of pairs in three moves: (1) three to six questions that fit the instruction, from the instruction alone, and a
    general one; (2) an answer to each about both responses, in words or as a Python function whose output is the answer; (3) a
    refiner reads all of it and decides. No ties. The refiner is the role ``judge2``, or without one the same model.

    Code runs in the sandbox (docs/sandbox.md) with 5 seconds and 512 MB, both responses given as data; a check that fails is
    dropped, as released, and counted. Without a sandbox an item for which code was written is not measured.

    Settings: ``plain`` and ``swapped`` are the paper's two orders; ``text-only``: no code; ``general``: that question alone.
    Measures: accuracy (from 0 to 1, what cannot be read is wrong), its average over both orders, and whether both agree:
    ``consistent`` by verdict, and as released by right and wrong. Parts: questions asked, analyses in words and by code, dropped.
    Released decoding is greedy: give ``?temperature=0``. Training of the analyser is not covered.
    """

    slug = "arjudge"
    title = "Learning to Align Multi-Faceted Evaluation: A Unified and Robust Framework"
    kind = "judge, method"
    licence = "not stated"
    home = "https://github.com/kaishxu/ARJudge"
    takes = ("pair",)
    settings = (*Judging.settings, *ABLATIONS)
    default_settings = ("plain", "swapped")
    params = {"on": ""}
    figures = (*FIGURES, mean("accuracy"), both_orders)

    def views(self, case: Case, setting: str) -> Iterator[Case]:
        if setting in ABLATIONS:
            yield case
        else:
            yield from super().views(case, setting)

    async def decide(self, item: Item, cast: Cast) -> Decision:
        assert isinstance(item, PairItem)
        asked: list[bool] = []  # of every reply, whether it could be read
        wanted: tuple[str, ...] = ()
        try:
            if cast.setting != "general":
                repair = "Number the questions, one a line: 1. <question>"
                found = _answered(await ask(cast, criteria_question(item), questions, repair=repair))
                asked.append(found.value is not None)
                wanted = found.value or ()
            wanted = tuple(dict.fromkeys((*wanted, GENERAL)))
            analyses = await together(self._analysis(n, question, item, cast) for n, question in enumerate(wanted))
        except NotMeasured as error:
            return Decision(cause=error.cause)
        asked += [read for _, _, read in analyses]
        texts = [f"{question}\n{text}" for question, (text, _, _) in zip(wanted, analyses, strict=True) if text]
        refiner = Seat(cast, "judge2") if cast.has("judge2") else cast
        last = await ask(refiner, refine_question(item, texts), better, repair="End with: Therefore, Response k is better.")
        asked += [last.value is not None] * last.read[0]
        codes = sum(code for text, code, _ in analyses if text)
        parts = {
            "questions": float(len(wanted)), "in words": float(len(texts) - codes), "by code": float(codes),
            "dropped": float(len(wanted) - len(texts)),
        }  # fmt: skip
        value = None if last.value is None else float(last.value == numbers(item)[0])
        return Decision(
            value=value, shown_first=value, asked=len(asked), unread=asked.count(False), parts=parts, reason=last.reason,
            cause=last.cause,
        )  # fmt: skip

    async def _analysis(self, n: int, question: str, item: PairItem, cast: Cast) -> tuple[str, bool, bool]:
        """The text of one analysis ("" = dropped), whether it came from code, whether the reply could be read."""
        code = cast.setting != "text-only"
        read = partial(analysis, code=code)
        asks = analysis_question(item, question, code=code)
        found = _answered(await ask(cast, asks, read, repair="Begin with `Analysis:` or `Code:`."))
        if found.value is None:
            return "", False, False
        if not found.value.code:
            return found.value.text, False, True
        return await checked(cast, str(n), found.value.text, item), True, True

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        async for verdict in super().judge(case, chat, cast):
            yield verdict
            if verdict.measure == "correct":
                yield as_wrong(verdict)

    def gold(self, case: Case, chat: Conversation) -> str | None:
        """One text that every step can read."""
        if not isinstance(case, PairItem) or case.label in (None, 0.5):
            return None
        return f"1. Is it right?\nTherefore, Response {numbers(case)[int(case.label == 0)]} is better."
