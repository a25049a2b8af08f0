"""br-rm: a judge that first says where the difference may lie, then thinks again and decides. See `BranchRethink`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping

from ...conversation import CallError, Case, Cast, Conversation, NotMeasured
from ...judges.ask import ask
from ...judges.items import Decision, Item, PairItem
from ...judges.numbered import numbers
from ...judges.parse import Parsed
from ...judges.unread import FORMAT_ERROR, as_wrong
from ...measures.figure import Scale
from ...measures.figures import mean
from ...measures.verdict import Verdict
from ...protocols.benchmark import Published
from .br_rm_benchmarks import BENCHMARKS, PARTS, whole
from .br_rm_format import (
    ABILITIES,
    FOCUS,
    RANKING,
    RETHINK,
    analysis,
    boxed,
    branch_question,
    branched,
    official_box,
    one_turn_question,
    reward,
    sums,
)  # fmt: skip
from .judging import Judging
from .judging_figures import FIGURES

REWARD = Scale(float("-inf"), 0, "points", passing=0)
_SOURCE = "released README, quoted second-hand"


def _published(measure: str, values: Mapping[str, float]) -> tuple[Published, ...]:
    return tuple(Published("BR-RM-Qwen-14B", v / 100, measure, "plain", group, _SOURCE) for group, v in values.items())


PUBLISHED = (
    *_published("accuracy", {"RewardBench": 92.1, "Chat": 97.0, "Chat Hard": 82.4, "Safety": 90.0, "Reasoning": 98.8}),
    *_published("accuracy", {"RM-Bench": 85.9, "chat": 77.3, "math": 92.6, "code": 79.8, "safety": 93.7}),
    *_published("easy", {"RM-Bench": 92.0}), *_published("normal", {"RM-Bench": 88.1}), *_published("hard", {"RM-Bench": 77.6}),
    *_published("accuracy", {"RMB": 74.7, **dict(zip(map(whole, PARTS), (67.0, 81.0, 69.3, 81.6), strict=True))}),
)  # fmt: skip


class BranchRethink(Judging):
    """Think Twice: Branch-and-Rethink Reasoning Reward Model (the system and figures of its released code; paper not read).

    A judge of pairs in two turns of one conversation. Turn 1 (branch): the one to three of eight abilities that matter here, and
    the serious issues of each response in them. Turn 2 (rethink): a second look in the order of importance that fits the request,
    and ``\\boxed{1}`` or ``\\boxed{2}``. The responses are not shown again: the judge sees its own turn 1. No ties.

    Both turns must keep to their form; nothing is asked again. Measures beside those of every judge under test:

    accuracy   share of right boxes, from 0 to 1, a format error being wrong (``correct`` leaves it out)
    reward     0 right, -1 wrong, -100 format error: what training would pay. See `br_rm_format.reward`
    part: …    how often each ability is chosen

    Setting ``one-turn``: both responses scored from 1 to 10 in all eight abilities in one question; the larger sum wins.
    ``official=True``: turn 1 is never refused, a box holds any integer (only 1 and 2 can be right), a wrong one earns -10 a step.
    Sets of its own: ``rewardbench``, ``rm-bench``, ``rmb``, with those benchmarks' totals. Training (GRPO, 8 rollouts a prompt)
    is the trainer's: ``reward`` is the number it needs. Stop strings are not sent; what follows a block is ignored.
    """

    slug = "br-rm"
    title = "Think Twice: Branch-and-Rethink Reasoning Reward Model"
    kind = "judge, method"
    licence = "not stated"
    home = "https://github.com/NVIDIA-NeMo/RL"
    takes = ("pair",)
    settings = (*Judging.settings, "one-turn")
    params = {"on": "", "official": False}
    scales = {**Judging.scales, "reward": REWARD}
    figures = (*FIGURES, mean("accuracy"), mean("reward", REWARD, by=("setting",)), *BENCHMARKS)
    published = PUBLISHED

    def views(self, case: Case, setting: str) -> Iterator[Case]:
        if setting == "one-turn":
            yield case
        else:
            yield from super().views(case, setting)

    async def decide(self, item: Item, cast: Cast) -> Decision:
        assert isinstance(item, PairItem)
        try:
            return await (self._at_once(item, cast) if cast.setting == "one-turn" else self._twice(item, cast))
        except NotMeasured as error:
            return Decision(cause=error.cause)
        except CallError as error:
            return Decision(cause=f"judge: {error.cause}")

    async def _twice(self, item: PairItem, cast: Cast) -> Decision:
        lenient = bool(self.options["official"])
        chat = await cast.judge(Conversation().user(branch_question(item)))
        first = branched(chat.reply)
        if not isinstance(first, Parsed) and not lenient:
            return Decision(asked=1, unread=1, cause=FORMAT_ERROR)
        chosen = first.value if isinstance(first, Parsed) else ()
        chat = await cast.judge(chat.user(RETHINK))
        second = boxed(chat.reply)
        box = official_box(chat.reply) if lenient else second.value if isinstance(second, Parsed) else None
        if box not in (1, 2):
            return Decision(asked=2, unread=1, cause=FORMAT_ERROR)
        value = float(box == numbers(item)[0])
        parts = {ability: float(ability in chosen) for ability in ABILITIES} if chosen else {}
        return Decision(value=value, shown_first=value, asked=2, reason=chat.reply[:2000], parts=parts)

    async def _at_once(self, item: PairItem, cast: Cast) -> Decision:
        found = await ask(cast, one_turn_question(item), sums)
        if found.value is None:
            asked, unread = found.read
            return Decision(asked=asked, unread=unread, cause=found.cause)
        gap = found.value[0] - found.value[1]
        points = 0.5 if gap == 0 else float((gap > 0) == (numbers(item)[0] == 1))
        return Decision(value=points, shown_first=points if gap else None, asked=1)

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, PairItem)
        async for verdict in super().judge(case, chat, cast):
            yield verdict
            if verdict.measure == "correct":
                yield (found := as_wrong(verdict))
                if level := case.extra.get("level"):
                    yield Verdict(level, found.value, item=found.item, cause=found.cause, failed=found.failed)
        if cast.setting == "one-turn" or case.label in (None, 0.5):
            return
        if cast.stopped or len(chat.turns) < 1 or not chat.reply:
            yield Verdict("reward", None, cause=cast.stopped or "not played")
        else:
            better = numbers(case)[0] if case.label == 1 else numbers(case)[1]
            yield Verdict("reward", reward(chat, better, official=bool(self.options["official"])))

    def gold(self, case: Case, chat: Conversation) -> str | None:
        if not isinstance(case, PairItem) or case.label in (None, 0.5):
            return None
        better = numbers(case)[0] if case.label == 1 else numbers(case)[1]
        if chat == Conversation().user(one_turn_question(case)):
            scored = (", ".join(f'"{name}": {9 if n == better else 2}' for name in ABILITIES) for n in (1, 2))
            return "{" + ", ".join(f'"response {n}": {{{scores}}}' for n, scores in enumerate(scored, 1)) + "}"
        looks = "".join(f"[{analysis(n)}]\nnone identified\n[End of {analysis(n)}]\n" for n in (1, 2))
        if len(chat.turns) > 1:
            return f"{looks}[{RANKING}]\n\\boxed{{{better}}}\n[End of {RANKING}]"
        return f"[{FOCUS}]\ninformation accuracy\n[End of {FOCUS}]\n{looks}"
