"""MMSQL: questions to a database of which some cannot, and some cannot yet, be answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import msgspec

from ...conversation import Case, Cast, Conversation
from ...judges.ask import ask
from ...measures.figure import FRACTION
from ...measures.figures import by_turn, mean, multi_turn_cost
from ...measures.verdict import Verdict
from ...protocols.scripted import ScriptedCase, ScriptedTurn, gold_views
from ..script.listed import Listed, absent
from .mmsql_data import KINDS, Target, case_of, described
from .mmsql_figures import CLASS, POINTS, PUBLISHED, class_mean, faultless, types
from .mmsql_files import dialogues
from .mmsql_prompts import instructions, judgement, question
from .mmsql_score import extract_sql, is_sql, match

NO_DATABASE = "needs CoSQL's database: database/{0}/{0}.sqlite"


class MMSQL(Listed):
    """Evaluating and Enhancing LLMs for Multi-turn Text-to-SQL with Multiple Question Types (Guo et al. 2024, arXiv 2412.17867).

    A user talks with a database in fixed turns; each is answerable, unanswerable, ambiguous or improper (small talk). The
    model has to tell which, and answer with SQL, with a refusal that explains, with a question back, or politely.

    A reply whose part from the first SELECT to the next ';' is at least half of its characters takes the question for
    answerable. For any other reply the judge says which of the other three it takes it for, and rates it from 0 to 10.

    type        1 when the type is right, by gold type; ``type_precision/recall/f1``, and their means over the four types
    exact       exact-set match of Spider (values do not count), only where gold and reply are answerable; ``executed``: the
                query's rows equal the gold query's, same turns; ``clarified``: ``exact`` right after an ambiguous question
    acc_s       turn right: type right, and for answerable questions the query matches (``exact``); ``iacc_s``: share of
                dialogues with every turn right; ``im``: with every answerable turn right
    duem        as acc_s with ``executed``; ``iduem`` by dialogue
    rqs         response quality of the three other types, 0 to 10 points, 0 when the type is wrong; ``rqs_overall``: the mean
                of the three class means

    Settings: ``gold`` (the stored replies are the history, as in the released runs) and ``multi`` (the model's own).

    Decisions: percentages are over the turns that a measure is defined on, and IDUEM over dialogues (the released script
    divides it by turns). An empty reply has no type: it is wrong and counts as failed. A gold query that fails or is outside
    Spider's grammar leaves its turn out. Where two system turns follow a question, the first is its answer. "Please select
    …" at the start of a short question back counts as SQL: the paper's rule is kept. ``official=True``: rows as sets, values
    count in ``exact``, quotes are rewritten before execution, and a code fence does not end the query, as in the released
    code. The judge is told the gold type, as there. The paper's agents (selector, detector, decomposer, refiner) are not here:
    their rewritten questions do not count in ``duem``.

    Data: MMSQL_test.json with CoSQL's databases beside it, in ``database/<name>/<name>.sqlite``; where they are not, eight
    dialogues on two databases of our own (ids "sample-…"). ``source``: auto, official (refuse without the files), sample.
    """

    slug = "mmsql"
    title = "Evaluating and Enhancing LLMs for Multi-turn Text-to-SQL with Multiple Question Types"
    paper = "arXiv:2412.17867"
    family = "agent"
    licence = "not stated (CoSQL: CC-BY-SA-4.0)"
    home = "https://github.com/mcxiaoxiao/MMSQL"
    settings: Any = ("gold", "multi")
    default_settings: Any = ("gold",)
    uses = ("judge",)
    params = {"source": "auto", "official": False}
    scales = {
        **dict.fromkeys(("type", "exact", "executed", "clarified", "acc_s", "duem"), FRACTION), "rqs": POINTS, "predicted": CLASS,
    }  # fmt: skip
    figures = (
        types(), mean("type"), mean("executed"), mean("exact"), mean("clarified"), mean("acc_s"), mean("duem"),
        faultless("acc_s", "iacc_s"), faultless("acc_s", "im", "answerable"), faultless("duem", "iduem"),
        mean("rqs", POINTS), class_mean("rqs", "rqs_overall", POINTS), by_turn("acc_s"),
        multi_turn_cost("acc_s", a="gold", b="multi"), multi_turn_cost("duem", a="gold", b="multi"),
    )  # fmt: skip
    published = PUBLISHED

    # -- cases --------------------------------------------------------------------------------------------------------
    def cases(self) -> Iterator[Case]:
        source = str(self.options["source"])
        found, places = dialogues(None if source == "sample" else self.data, source)
        about = cache(described)
        for dialogue in found:
            place = places.get(dialogue.database)
            if place is None:
                bare = case_of(dialogue, "", "", "")
                yield absent(bare, dialogue.id, bare.turns, NO_DATABASE.format(dialogue.database))
            else:
                yield case_of(dialogue, place, about(place), instructions(about(place)))

    def views(self, case: Case, setting: str) -> Iterable[Case]:
        assert isinstance(case, ScriptedCase)
        return gold_views(case) if setting == "gold" and case.turns else (case,)

    # -- judging ------------------------------------------------------------------------------------------------------
    def slots(self, case: ScriptedCase, turn: ScriptedTurn) -> list[Verdict]:
        kind = turn.target.question.kind
        names = ("type", "predicted", "acc_s", "duem", *(() if kind == "answerable" else ("rqs",)))
        return [Verdict(name, None, group=kind) for name in names]

    async def score(self, case: ScriptedCase, turn: ScriptedTurn, reply: str, chat: Conversation, cast: Cast) -> list[Verdict]:
        target: Target = turn.target
        if not reply.strip():
            worst = {"predicted": CLASS.high}
            return [msgspec.structs.replace(slot, value=worst.get(slot.measure, 0.0), reason="empty reply", failed=True)
                    for slot in self.slots(case, turn)]  # fmt: skip
        sql = extract_sql(reply, official=bool(self.options["official"]))
        if is_sql(reply, sql):
            return await self._answered(target, sql)
        asked = await ask(cast, question(target.about, target.question, reply), judgement)
        if asked.value is None:
            # Whatever the judge would say, a reply without SQL does not answer an answerable question.
            sure = {"type": 0.0, "acc_s": 0.0, "duem": 0.0} if target.question.kind == "answerable" else {}
            return [msgspec.structs.replace(slot, value=sure.get(slot.measure), cause="" if slot.measure in sure else asked.cause)
                    for slot in self.slots(case, turn)]  # fmt: skip
        right = float(asked.value.kind == target.question.kind)
        values = {"predicted": float(KINDS.index(asked.value.kind)), "rqs": right * asked.value.score}
        return [msgspec.structs.replace(slot, value=values.get(slot.measure, right), reason=asked.reason)
                for slot in self.slots(case, turn)]  # fmt: skip

    async def _answered(self, target: Target, sql: str) -> list[Verdict]:
        """The verdicts on a reply in SQL."""
        kind = target.question.kind
        said = Verdict("predicted", 0.0, group=kind, reason=sql)
        if kind != "answerable":
            return [said, *(Verdict(name, 0.0, group=kind, reason="SQL") for name in ("type", "acc_s", "duem", "rqs"))]
        official = bool(self.options["official"])
        found = await asyncio.to_thread(match, target.database, sql, target.question.answer, official=official)
        values = {"exact": found.exact, "acc_s": found.exact, "executed": found.executed, "duem": found.executed}
        if target.clarifies:
            values["clarified"] = found.exact
        return [said, Verdict("type", 1.0, group=kind)] + [
            Verdict(name, None if value is None else float(value), group=kind, reason=found.error,
                    cause=found.cause if value is None else "")
            for name, value in values.items()
        ]  # fmt: skip
