"""acute-eval: two whole dialogues, one speaker of each, and a forced choice. See `AcuteEval`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

from ...conversation import Case, Cast, Conversation, InputError, UnknownName
from ...judges.ask import UNREADABLE
from ...judges.choosing import shown_first
from ...judges.items import Decision, Item, PairItem
from ...judges.questions import decided
from ...measures.verdict import Verdict
from ...protocols.selftalk import selftalk
from .acute_eval_figures import raters_agree, wins
from .acute_eval_items import ONBOARDING, as_lines, bundled, drawn, is_pairings, read_pairings, whole
from .acute_eval_question import QUESTIONS, choice, numbers, placed, question, right_answer, turned
from .acute_eval_raters import rater
from .acute_eval_votes import VS, Vote, kept, passes, read_votes
from .judging import Judging
from .judging_figures import FIGURES
from .sets import LabelledSet

SELF_CHAT, BLOCKED = "self-chat", "failed onboarding"
ME, RIVAL = "this model", "user"


class SelfChat(Case, frozen=True, kw_only=True):
    """How a self-chat begins."""

    opening: str


class Choice(NamedTuple):
    """One vote: whose, on the dialogues in which order, and what was said of the one shown first."""

    rater: int
    order: str
    found: Decision

    @property
    def points(self) -> float | None:
        """Points of the first dialogue, wherever it was shown."""
        value = self.found.value
        return 1 - value if value is not None and self.order == "turned" else value


class AcuteEval(Judging):
    """ACUTE-EVAL: Improved Dialogue Evaluation with Optimized Questions and Multi-turn Comparisons (Li, Weston & Roller 2019,
    arXiv 1909.03087; released code).

    A rater sees two whole dialogues and says which of two named speakers is better, one of each, with a reason and without ties.
    ``question``: engaging, interesting, human, knowledgeable. ``placement``: ``both`` orders are asked (two votes a rater), or a
    ``random`` one, fixed by the pairing. ``raters``: further judges of the cast, or further draws of one. ``onboarding``: each
    rater first gets comparisons with a known answer (of the file, else one of ours) and must get three quarters right; who does
    not is blocked, and has no votes.

    ``on``: dialogues of ours, a file of pairings in the released form (.jsonl), or any labelled set of pairs (an answer with what
    led to it is a dialogue). ``votes``: a file of people's votes on those pairings (.jsonl), analysed beside the judge's without
    the rows of anybody who failed any onboarding comparison; their majority is the label.

    Setting ``self-chat``: the model under test talks to itself for ``turns`` turns, so does the model given as --user from the
    same opening, and --judge compares the two. Measures: ``vote`` (and ``people's vote``): shares of wins of each two models with
    an exact binomial test that takes votes as independent, and a sign-flip test over pairings; agreement of raters.
    """

    slug = "acute-eval"
    title = "ACUTE-EVAL: Improved Dialogue Evaluation with Optimized Questions and Multi-turn Comparisons"
    paper = "arXiv:1909.03087"
    kind = "judge, method"
    licence = "MIT"
    home = "https://github.com/facebookresearch/ParlAI"
    on = "bundled-dialogues"
    settings = (*Judging.settings, SELF_CHAT)
    params = {
        "on": "", "votes": "", "question": "engaging", "placement": "both", "raters": 1, "onboarding": True, "turns": 6,
    }  # fmt: skip
    uses = ("judge", "user")
    figures = (
        wins("vote", "plain"), wins("vote", SELF_CHAT), raters_agree("vote"), wins("people's vote", "plain"),
        raters_agree("people's vote"), *FIGURES,
    )  # fmt: skip

    def __init__(self, data: Any = None, **params: Any) -> None:
        super().__init__(data, **params)
        for name, known in (("question", tuple(QUESTIONS)), ("placement", ("both", "random"))):
            if self.options[name] not in known:
                raise UnknownName(f"{name} of `acute-eval?{name}=`", str(self.options[name]), known)
        for name, most in (("raters", 25), ("turns", 50)):
            if not 1 <= int(self.options[name]) <= most:
                raise InputError(f"`acute-eval?{name}=` must be from 1 to {most}, not {self.options[name]}")

    # -- items ------------------------------------------------------------------------------------------------------------
    @cached_property
    def votes(self) -> list[Vote]:
        """People's votes that count."""
        return kept(read_votes(Path(str(self.options["votes"])))) if self.options["votes"] else []

    @cached_property
    def _file(self) -> tuple[list[PairItem], list[PairItem]] | None:
        """Pairs and onboarding pairs, where ``on`` is a file of pairings."""
        name = str(self.options["on"])
        if name.endswith(".jsonl") and is_pairings(Path(name)):
            return read_pairings(Path(name), self.votes)
        if self.options["votes"]:
            raise InputError("`acute-eval?votes=` goes with a file of pairings: `acute-eval?on=pairings.jsonl&votes=votes.jsonl`")
        return None

    @property
    def labelled(self) -> LabelledSet:
        if (found := self._file) is not None:
            return LabelledSet(str(self.options["on"]), "pair", "a file of pairings", lambda data: iter(found[0]))
        if (self.options["on"] or self.on) == "bundled-dialogues":
            return LabelledSet("bundled-dialogues", "pair", "24 pairs of dialogues of ours", bundled)
        return super().labelled

    @property
    def onboarding(self) -> Sequence[PairItem]:
        """The comparisons with a known answer as they are shown: where both orders are asked, in both, so that who always names
        the first fails."""
        if not self.options["onboarding"]:
            return ()
        items = (self._file[1] if self._file else []) or [ONBOARDING]
        both = self.options["placement"] == "both"
        return tuple(shown for i in items for shown in ((i, turned(i)) if both else (placed(i),)))

    def views(self, case: Case, setting: str) -> Iterator[Case]:
        if setting != SELF_CHAT:
            yield from super().views(case, setting)
        elif isinstance(case, PairItem) and (opening := case.extra.get("opening") or case.question):
            yield SelfChat(id=f"self-chat: {opening[:100]}", opening=opening)

    # -- rating -----------------------------------------------------------------------------------------------------------
    async def decide(self, item: Item, cast: Cast) -> Decision:
        assert isinstance(item, PairItem)
        votes = await self._votes(item, cast)
        cast.facts["votes"] = [[v.rater, v.order, v.points, v.found.cause] for v in votes]
        straight, other = ([v.found for v in votes if v.order == order] for order in ("straight", "turned"))
        return shown_first(straight, other)

    async def _votes(self, item: PairItem, cast: Cast) -> list[Choice]:
        """The votes of all raters, in the orders in which they are asked."""
        orders = ["straight", "turned"] if self.options["placement"] == "both" else [("straight", "turned")[drawn(item.id)]]

        async def one(number: int) -> list[Choice]:
            who = rater(cast, number)
            if (blocked := await self._blocked(who)) is not None:
                return [Choice(number, order, blocked) for order in orders]
            found = await asyncio.gather(*(self._asked(item if o == "straight" else turned(item), who) for o in orders))
            return [Choice(number, order, vote) for order, vote in zip(orders, found, strict=True)]

        told = await asyncio.gather(*(one(n) for n in range(1, int(self.options["raters"]) + 1)))
        return [vote for votes in told for vote in votes]

    async def _asked(self, item: PairItem, cast: Cast) -> Decision:
        return await decided(cast, self._question(item), partial(choice, names=numbers(item)))

    def _question(self, item: PairItem) -> str:
        return question(item, QUESTIONS[str(self.options["question"])])

    async def _blocked(self, cast: Cast) -> Decision | None:
        """Why a rater has no votes: the onboarding was failed, or could not be held."""
        shown = self.onboarding
        told = await asyncio.gather(*(self._asked(item, cast) for item in shown))
        if gone := next((d for d in told if d.value is None and d.cause != UNREADABLE), None):
            return Decision(cause=gone.cause)
        right, unread = sum(d.value == i.label for d, i in zip(told, shown, strict=True)), sum(d.unread for d in told)
        if passes(right, len(told)):
            return None
        return Decision(cause=UNREADABLE if unread else BLOCKED, asked=unread, unread=unread)

    # -- talking ------------------------------------------------------------------------------------------------------------
    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        if not isinstance(case, SelfChat):
            return await super().play(case, cast, setting)
        length = 2 * int(self.options["turns"])
        mine = await selftalk((cast.assistant, cast.assistant), (case.opening,), length)
        rival = await selftalk((cast.user, cast.user), (case.opening,), length)
        cast.facts.update(stop=mine.stop or "turn limit", mine=list(mine.utterances), rival=list(rival.utterances))
        return mine.chat

    # -- judging ------------------------------------------------------------------------------------------------------------
    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        if isinstance(case, SelfChat):
            for verdict in await self._compared(case, cast):
                yield verdict
            return
        assert isinstance(case, PairItem)
        async for verdict in super().judge(case, chat, cast):
            yield verdict
        if cast.setting in ("plain", "again") and len({*case.authors} - {""}) == 2:
            for number, order, value, cause in cast.facts.get("votes") or [[1, "", None, cast.stopped or "not played"]]:
                yield _verdict("vote", case.authors, value, f"rater {number}, {order}", cause)
            for n, value in enumerate(case.raters if cast.setting == "plain" else ()):
                yield _verdict("people's vote", case.authors, value, f"rater {n + 1}")

    async def _compared(self, case: SelfChat, cast: Cast) -> list[Verdict]:
        """Votes on the model's self-chat beside its rival's; who says nothing at all loses."""
        mine, rival = (cast.facts.get(name, []) for name in ("mine", "rival"))
        if cast.stopped or len(rival) < 2:
            return [_verdict("vote", (ME, RIVAL), None, "", cast.stopped or "the rival said nothing")]
        if len(mine) < 2:
            return [_verdict("vote", (ME, RIVAL), 0.0, "", failed=True)]
        one, two = (as_lines((k % 2 == 1, text) for k, text in enumerate(said)) for said in (mine, rival))
        votes = await self._votes(whole(case.id, (one, two), (ME, RIVAL), None), cast)
        return [_verdict("vote", (ME, RIVAL), v.points, f"rater {v.rater}, {v.order}", v.found.cause) for v in votes]

    def gold(self, case: Case, chat: Conversation) -> str | None:
        if not isinstance(case, PairItem):
            return None
        text = chat.messages[0].text
        return next((right_answer(i) for i in (*self.onboarding, case, turned(case)) if self._question(i) == text), None)


def _verdict(
    measure: str, authors: tuple[str, str], value: float | None, item: str, cause: str = "", failed: bool = False
) -> Verdict:
    """A vote as points of the first author by name. ``value``: points of the first one shown in the pairing."""
    a, b = sorted(authors)
    points = None if value is None else value if authors[0] == a else 1 - value
    return Verdict(measure, points, item=item, group=f"{a}{VS}{b}", cause=cause if points is None else "", failed=failed)
