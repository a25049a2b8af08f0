"""td-eval: task-oriented dialogue judged turn by turn on three dimensions, and whole dialogues in an arena. See `TDEval`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from ...conversation import Case, Cast, Conversation
from ...judges.choosing import pair, shown_first
from ...judges.items import Decision, Item, PairItem, PointItem, with_changes
from ...judges.probes import probed
from ...judges.questions import point
from ...judges.unread import NO_ANSWER
from ...measures.figures import mean
from ...measures.verdict import Verdict
from ...protocols.benchmark import Published
from .judging import Judging, gold_answer
from .judging_figures import FIGURES
from .sets import LabelledSet
from .td_eval_arena import arena
from .td_eval_data import BACKEND, CONVERSATION, DIMENSIONS, POLICY, STARS, arena_pairs, bundled, bundled_arena, turns
from .td_eval_rule import backend
from .unieval_figures import PEOPLE, levels

AGENT, BY_RULE = "agent", "backend by rule"
GUIDE = "What the scores mean: 1 very bad, 2 bad, 3 fair, 4 good, 5 very good. Give your reasons in two sentences at most."
BATTLE = """What counts, in this order: that the agent tells what the database returned and makes nothing up; that it keeps to \
its policy; that the conversation hangs together; that the customer gets what they came for. Where all of that is equal, the \
shorter one is better; where that is, too, it is a tie. Do not let the order or the names of the dialogues sway you."""
OURS = {"bundled-turns": bundled, "bundled-arena": bundled_arena}


class TDEval(Judging):
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
    scales = {**Judging.scales, **{f"agent: {name}": STARS for name in (*DIMENSIONS, BY_RULE)}}
    figures = (*FIGURES, *(mean(f"agent: {name}", STARS) for name in (*DIMENSIONS, BY_RULE)), levels, arena)
    published = tuple(
        Published(model=f"{judge} judges AutoTOD", value=value, measure=f"part: {name}", setting="plain", source="reports")
        for judge, values in {"gpt-4o": (4.4821, 4.7768, 4.5116), "claude-3.5-sonnet": (4.4337, 4.6737, 4.2295)}.items()
        for name, value in zip((CONVERSATION, BACKEND, POLICY), values, strict=True)
    )  # fmt: skip

    @property
    def labelled(self) -> LabelledSet:
        name = str(self.options["on"] or self.on)
        if name in OURS:
            kind = "pair" if name == "bundled-arena" else "point"
            return LabelledSet(name, kind, "a sample of ours", OURS[name])  # type: ignore[arg-type]
        if name.endswith(".json"):
            paths = [Path(path.strip()) for path in name.split(",")]
            if len(paths) > 1:
                return LabelledSet(name, "pair", "files", lambda data: arena_pairs(paths))
            return LabelledSet(name, "point", "a file", lambda data: turns(paths[0]))
        return super().labelled

    def views(self, case: Case, setting: str) -> Iterator[Case]:
        if setting != AGENT:
            yield from super().views(case, setting)
        elif isinstance(case, PointItem) and case.question:
            # One reply of the model to a turn, however many agents' replies to it there are.
            yield with_changes(case, id=case.id.partition("/")[0] if self._ours else case.id, answer="", label=None)

    @property
    def _ours(self) -> bool:
        return str(self.options["on"] or self.on) == "bundled-turns"

    # -- judging ------------------------------------------------------------------------------------------------------
    async def decide(self, item: Item, cast: Cast) -> Decision:
        if isinstance(item, PairItem):
            return await self._battle(item, cast)
        assert isinstance(item, PointItem)
        wanted = [item.dimension] if item.dimension in DIMENSIONS else list(DIMENSIONS)
        found = await asyncio.gather(*(point(cast, _aspect(item, name), guide=GUIDE) for name in wanted))
        parts = {name: d.value for name, d in zip(wanted, found, strict=True) if d.value is not None}
        counts: dict[str, Any] = {"asked": len(found), "unread": sum(d.unread for d in found)}
        known = len(parts) == len(wanted)
        value = sum(parts.values()) / len(parts) if known else None
        if "known" in item.extra:
            parts[BY_RULE] = float(backend(item))
        return Decision(
            value=None if value is None else item.low + (value - 1) / 4 * (item.high - item.low), parts=parts,
            cause="" if known else next(d.cause for d in found if d.value is None), reason=found[0].reason, **counts,
        )  # fmt: skip

    async def _battle(self, item: PairItem, cast: Cast) -> Decision:
        found = await pair(cast, item, guide=BATTLE, ties=True)
        if self.options["official"]:
            if found.value is None and found.cause in NO_ANSWER:
                return Decision(value=0.5, asked=found.asked, unread=found.unread, reason="named neither: a tie, as released")
            return found
        turned = probed(item, "swapped")
        assert isinstance(turned, PairItem)
        return shown_first([found], [await pair(cast, with_changes(turned, names=item.names), guide=BATTLE, ties=True)])

    # -- the model as the agent -----------------------------------------------------------------------------------------
    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        if setting != AGENT:
            return await super().play(case, cast, setting)
        assert isinstance(case, PointItem)
        chat = Conversation.start(f"You serve customers. Your policy: {case.extra.get('policy', '')}")
        *said, (_, db) = case.turns
        for role, text in said[:-1]:
            chat = chat.user(text) if role == "user" else chat.assistant(text)
        return await cast.assistant(chat.user(f"{said[-1][1]}\n\n({db}. Reply to the customer.)"))

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, Item)
        if cast.setting == AGENT:
            assert isinstance(case, PointItem)
            for verdict in await self._agent(case, chat, cast):
                yield verdict
            return
        people = case.extra.get("people", {})
        async for verdict in super().judge(case, chat, cast):
            yield verdict
            name = verdict.measure.removeprefix("part: ")
            if cast.setting == "plain" and verdict.measure != name and people.get(name) is not None:
                yield Verdict(PEOPLE + name, people[name], item=case.id)

    async def _agent(self, item: PointItem, chat: Conversation, cast: Cast) -> list[Verdict]:
        names = [f"agent: {name}" for name in DIMENSIONS]
        if cast.stopped:
            return [Verdict(name, None, cause=cast.stopped) for name in (*names, f"agent: {BY_RULE}")]
        if not chat.reply.strip():
            return [Verdict(name, 1, failed=True) for name in (*names, f"agent: {BY_RULE}")]
        said = with_changes(item, answer=chat.reply)
        found = [Verdict(f"agent: {BY_RULE}", backend(said))]
        if not cast.has("judge"):
            return [*found, *(Verdict(name, None, cause="needs --judge") for name in names)]
        asked = await asyncio.gather(*(point(cast, _aspect(said, name), guide=GUIDE) for name in DIMENSIONS))
        return [*found, *(Verdict(n, d.value, cause=d.cause, reason=d.reason) for n, d in zip(names, asked, strict=True))]

    def gold(self, case: Case, chat: Conversation) -> str | None:
        """The label of the dimension that is asked about, or of the pair as it is shown; as the agent in our sample, the reply
        that reads back what was found."""
        if isinstance(case, PairItem):
            _, _, shown = chat.messages[0].text.partition(f"<answer-{case.names[0]}>\n")
            return gold_answer(case if shown.startswith(case.first) else with_changes(case, label=1 - (case.label or 0)))
        if not isinstance(case, PointItem):
            return None
        if chat.system_text:
            words = case.question
            return next((i.answer for i in bundled() if i.question == words and i.id.endswith("/reader")), None)
        asked = next((name for name, words in DIMENSIONS.items() if words in chat.messages[0].text), "")
        people = case.extra.get("people", {})
        return f'{{"reason": "-", "score": {people[asked]:g}}}' if asked in people else super().gold(case, chat)


def _aspect(item: PointItem, name: str) -> PointItem:
    """The item as one of the three questions is asked about it: the policy is shown only where it counts."""
    rules = str(item.extra.get("policy", ""))
    said = (*item.turns, ("system", f"The agent's policy: {rules}")) if name == POLICY and rules else item.turns
    return with_changes(
        item, turns=said, dimension=f"{name} consistency" if name != POLICY else "policy compliance", low=1, high=5, whole=True,
        definition=DIMENSIONS[name], label=None, reference=None,
    )  # fmt: skip
