"""td-eval: task-oriented dialogue judged turn by turn on three dimensions, and whole dialogues in an arena. See `TDEval`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from ...conversation import Case, Cast, Conversation
from ...judges.items import Decision, Item, PairItem, PointItem, with_changes
from ...judges.unread import NO_ANSWER
from ...measures.figures import mean
from ...measures.verdict import Verdict
from ...protocols.benchmark import Published
from .judging import Judging, gold_answer
from .judging_dimensions import PART, ByDimension, in_steps, levels
from .judging_figures import FIGURES
from .sets import LabelledSet
from .td_eval_agent import AGENT, BY_RULE, MEASURES, shown, turn, verdicts
from .td_eval_arena import arena
from .td_eval_data import BACKEND, CONVERSATION, DIMENSIONS, POLICY, STARS, arena_pairs, bundled, turns
from .td_eval_questions import battle, battle_both_ways, scored
from .td_eval_rule import backend


class TDEval(ByDimension):
    """TD-EVAL: Revisiting Task-Oriented Dialogue Evaluation (Acikgoz et al. 2025).

    Turns of an agent that looks things up (point items): three questions, each with the conversation, the database results and
    the reply: conversation consistency, backend consistency, policy compliance (this one also sees the policy), from 1 to 5; the
    verdict is their mean. A part ``backend by rule`` needs no judge: 1 where the reply names a number or code that it was not
    given, else 5.

    Whole dialogues side by side (pair items): which agent served better, with ties; Elo (K 32 from 1000) and Bradley-Terry
    ratings, both with intervals over dialogues. Asked in both orders; ``official=True``: in one, and a reply that names neither
    is a tie, as released.

    Setting ``agent``: the model under test is the agent; it answers each customer turn after the recorded conversation with the
    recorded database results, and --judge scores it as above (measures ``agent: …``). ``on``: bundled-turns, bundled-arena
    (ours), td-eval-mwoz, td-eval-tau, or files in the released form of judged dialogues: one = turns, several with commas = an
    arena.
    """

    slug = "td-eval"
    title = (
        "TD-EVAL: Revisiting Task-Oriented Dialogue Evaluation by Combining Turn-Level Precision with Dialogue-Level Comparisons"
    )
    kind = "judge, benchmark"
    licence = "MIT file, CC BY-NC badge"
    home = "https://github.com/emrecanacikgoz/TD-Eval"
    takes = ("point", "pair")
    on = "bundled-turns"
    uses = ("judge",)
    settings = (*Judging.settings, AGENT)
    default_settings = ("plain",)
    params = {"on": "", "official": False}
    scales = {**Judging.scales, **dict.fromkeys((*MEASURES, *(PART + name for name in DIMENSIONS)), STARS)}
    figures = (*FIGURES, *(mean(name, STARS) for name in MEASURES), levels, in_steps((1, 2, 3, 4, 5)), arena)
    published = tuple(
        Published(model=f"{judge} judges AutoTOD", value=value, measure=f"part: {name}", setting="plain", source="reports")
        for judge, values in {"gpt-4o": (4.4821, 4.7768, 4.5116), "claude-3.5-sonnet": (4.4337, 4.6737, 4.2295)}.items()
        for name, value in zip((CONVERSATION, BACKEND, POLICY), values, strict=True)
    )  # fmt: skip

    @property
    def labelled(self) -> LabelledSet:
        name = str(self.options["on"])
        if not name.endswith(".json"):
            return super().labelled
        paths = [Path(path.strip()) for path in name.split(",")]
        if len(paths) > 1:
            return LabelledSet(name, "pair", "files", lambda data: arena_pairs(paths))
        return LabelledSet(name, "point", "a file", lambda data: turns(paths[0]))

    def views(self, case: Case, setting: str) -> Iterator[Case]:
        return turn(case) if setting == AGENT else super().views(case, setting)

    # -- judging ------------------------------------------------------------------------------------------------------
    async def decide(self, item: Item, cast: Cast) -> Decision:
        if isinstance(item, PairItem):
            return await self._battle(item, cast)
        assert isinstance(item, PointItem)
        wanted = [item.dimension] if item.dimension in DIMENSIONS else list(DIMENSIONS)
        found = await asyncio.gather(*(scored(cast, item, name) for name in wanted))
        parts = {name: d.value for name, d in zip(wanted, found, strict=True) if d.value is not None}
        counts: dict[str, Any] = {"asked": sum(d.asked for d in found), "unread": sum(d.unread for d in found)}
        known = len(parts) == len(wanted)
        value = sum(parts.values()) / len(parts) if known else None
        if "known" in item.extra:
            parts[BY_RULE] = float(backend(item))
        return Decision(
            value=None if value is None else item.low + (value - 1) / 4 * (item.high - item.low), parts=parts,
            cause="" if known else next(d.cause for d in found if d.value is None), reason=found[0].reason, **counts,
        )  # fmt: skip

    async def _battle(self, item: PairItem, cast: Cast) -> Decision:
        if not self.options["official"]:
            return await battle_both_ways(cast, item)
        found = await battle(cast, item)
        if found.value is None and found.cause in NO_ANSWER:
            return Decision(value=0.5, asked=found.asked, unread=found.unread, reason="named neither: a tie, as released")
        return found

    # -- the model as the agent -----------------------------------------------------------------------------------------
    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        if setting != AGENT:
            return await super().play(case, cast, setting)
        assert isinstance(case, PointItem)
        return await cast.assistant(shown(case))

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        if cast.setting == AGENT:
            assert isinstance(case, PointItem)
            for verdict in await verdicts(case, chat, cast):
                yield verdict
        else:
            async for verdict in super().judge(case, chat, cast):
                yield verdict

    def gold(self, case: Case, chat: Conversation) -> str | None:
        """The label of the dimension that is asked about, or of the pair as it is shown; as the agent in our sample, the reply
        that reads back what was found."""
        if isinstance(case, PairItem):
            _, _, one = chat.messages[0].text.partition(f"<answer-{case.names[0]}>\n")
            return gold_answer(case if one.startswith(case.first) else with_changes(case, label=1 - (case.label or 0)))
        if not isinstance(case, PointItem):
            return None
        if chat.system_text:
            words = case.question
            return next((i.answer for i in bundled() if i.question == words and i.id.endswith("/reader")), None)
        asked = next((name for name, words in DIMENSIONS.items() if words in chat.messages[0].text), "")
        people = case.extra.get("people", {})
        return f'{{"reason": "-", "score": {people[asked]:g}}}' if asked in people else super().gold(case, chat)
