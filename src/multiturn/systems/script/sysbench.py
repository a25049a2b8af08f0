"""SysBench: does a model keep its system message over five turns?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from ...conversation import Case, Cast, Conversation, DataError
from ...judges.ask import ask
from ...judges.parse import checklist
from ...measures.figure import FRACTION, Scale
from ...measures.figures import by_turn, mean, multi_turn_cost, survival
from ...measures.verdict import Verdict
from ...protocols.scripted import ScriptedCase, ScriptedTurn, gold_views
from .listed import Listed, ListedCase, absent
from .sysbench_figures import PUBLISHED, gain_by_round, stability, total
from .sysbench_score import question, turn_verdicts
from .sysbench_score import replay as replay
from .sysbench_sessions import Checklist, official, sample

HOME = "https://raw.githubusercontent.com/PKU-Baichuan-MLSystemLab/SysBench/627ffa8010d00e270426975b33b1fb7a0a635602/datas/system_benchmark_eval_datas.json"
NO_GOLD = "gold history: this file has no gold answers"
COUNT = Scale(0, float("inf"), "answers", passing=0)


class SysBench(Listed):
    """SysBench: Can Large Language Models Follow System Messages? (Qin et al. 2024, arXiv 2408.10943).

    500 Chinese system messages, each with five fixed user turns; every turn has a checklist of constraints from the system
    message. A judge model says yes or no to each constraint (1 = followed); all measures are fractions.

    csr       constraint satisfaction: the mean over constraints, by type (action, content, background, role, format, style)
    isr       instruction satisfaction: the share of turns in which no constraint is violated; ``isr_aligned`` and
              ``isr_misaligned`` on the turns where the user asks for what the system message allows / forbids
    ssr       session stability: followed turns before the first violation, / 5, in the mean over sessions; for sessions
              whose turns depend on each other and for parallel ones

    Settings: ``multi`` (own answers as history), ``gold`` (stored answers; gold - multi is the gold-history gain).

    Decisions: the released code has two definitions of a followed turn. ``isr`` and ``ssr`` take that of the paper's
    tables (no constraint judged "no"); ``isr_strict`` and ``ssr_strict`` want a "yes" to all. A judge's answer that is
    neither (``unclear`` counts them) is not followed in csr, as in the tables. The released check of text lengths is
    inactive there and left out here. An empty reply violates everything and counts as failed. The judge's prompt is ours,
    in English around the Chinese texts; the official file is not shipped, and without it the sample (no gold answers) is
    played.
    """

    slug = "sysbench"
    title = "SysBench: Can Large Language Models Follow System Messages?"
    paper = "arXiv:2408.10943"
    licence = "not stated"
    home = "https://github.com/PKU-Baichuan-MLSystemLab/SysBench"
    settings = ("multi", "gold")
    default_settings = ("multi",)
    uses = ("judge",)
    scales = {**dict.fromkeys(("csr", "isr", "isr_aligned", "isr_misaligned", "isr_strict"), FRACTION), "unclear": COUNT}
    figures = (
        mean("csr"), mean("isr"), mean("isr_aligned", by=("setting",)), mean("isr_misaligned", by=("setting",)),
        stability("isr", "ssr"), mean("isr_strict", by=("setting",)), stability("isr_strict", "ssr_strict"),
        total("unclear", "answers"), by_turn("isr"), survival("isr"), multi_turn_cost("isr", a="gold", b="multi"),
        gain_by_round("isr"),
    )  # fmt: skip
    published = PUBLISHED

    def cases(self) -> Iterator[Case]:
        name = "system_benchmark_eval_datas.json"
        try:
            return official(self.data.path(self.slug, name))
        except DataError:
            pass
        try:
            texts, meta = (self.data.path(self.slug, n) for n in ("sessions_text.sample.jsonl", "sessions_meta.jsonl"))
        except DataError:
            return official(self.data.path(self.slug, name, HOME))
        return sample(texts, meta)

    def views(self, case: Case, setting: str) -> Iterable[Case]:
        assert isinstance(case, ListedCase)
        if setting != "gold":
            return (case,)
        views = list(gold_views(case))
        lost = case.turns[len(views) :]
        return [*views, absent(case, f"{case.id}/gold", lost, NO_GOLD)] if lost else views

    def slots(self, case: ScriptedCase, turn: ScriptedTurn) -> list[Verdict]:
        return turn_verdicts(turn.target, turn.number, None)

    async def score(self, case: ScriptedCase, turn: ScriptedTurn, reply: str, chat: Conversation, cast: Cast) -> list[Verdict]:
        target: Checklist = turn.target
        if not reply.strip() and cast.has("judge"):
            return turn_verdicts(target, turn.number, "0" * len(target.criteria), reason="empty reply", failed=True)
        answer = await ask(cast, question(target, chat), partial(checklist, criteria=target.ids))
        if answer.value is None:
            return turn_verdicts(target, turn.number, None, cause=answer.cause)
        bits = "".join({True: "1", False: "0", None: "?"}[said] for said in answer.value.values())
        return turn_verdicts(target, turn.number, bits, reason=answer.reason)
