"""acute-eval: two whole dialogues, one speaker of each, and a forced choice. See `AcuteEval`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from ...conversation import Case, Cast, Conversation, InputError, UnknownName
from ...judges.choosing import shown_first
from ...judges.items import Decision, Item, PairItem
from ...measures.verdict import Verdict
from .acute_eval_figures import raters_agree, wins
from .acute_eval_items import ONBOARDING, bundled, is_pairings, read_pairings
from .acute_eval_question import QUESTIONS, right_answer, turned
from .acute_eval_rating import Rating, vote_of
from .acute_eval_selfchat import SelfChat, compared, self_chats, talk
from .acute_eval_votes import Vote, kept, read_votes
from .judging import Judging
from .judging_figures import FIGURES
from .sets import LabelledSet

SELF_CHAT = "self-chat"


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
    def rating(self) -> Rating:
        """How raters are asked; the onboarding is the file's, else ours."""
        onboarding = ((self._file[1] if self._file else []) or [ONBOARDING]) if self.options["onboarding"] else []
        asks, both = QUESTIONS[str(self.options["question"])], self.options["placement"] == "both"
        return Rating(asks, both, int(self.options["raters"]), onboarding)

    def views(self, case: Case, setting: str) -> Iterator[Case]:
        yield from self_chats(case) if setting == SELF_CHAT else super().views(case, setting)

    # -- rating -----------------------------------------------------------------------------------------------------------
    async def decide(self, item: Item, cast: Cast) -> Decision:
        assert isinstance(item, PairItem)
        votes = await self.rating.votes(item, cast)
        cast.facts["votes"] = [[v.rater, v.order, v.points, v.found.cause] for v in votes]
        straight, other = ([v.found for v in votes if v.order == order] for order in ("straight", "turned"))
        return shown_first(straight, other)

    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        if isinstance(case, SelfChat):
            return await talk(case, cast, int(self.options["turns"]))
        return await super().play(case, cast, setting)

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        if isinstance(case, SelfChat):
            for verdict in await compared(case, cast, self.rating):
                yield verdict
            return
        assert isinstance(case, PairItem)
        async for verdict in super().judge(case, chat, cast):
            yield verdict
        if cast.setting in ("plain", "again") and len({*case.authors} - {""}) == 2:
            for number, order, value, cause in cast.facts.get("votes") or [[1, "", None, cast.stopped or "not played"]]:
                yield vote_of("vote", case.authors, value, f"rater {number}, {order}", cause)
            for n, value in enumerate(case.raters if cast.setting == "plain" else ()):
                yield vote_of("people's vote", case.authors, value, f"rater {n + 1}")

    def gold(self, case: Case, chat: Conversation) -> str | None:
        if not isinstance(case, PairItem):
            return None
        rating, text = self.rating, chat.messages[0].text
        return next((right_answer(i) for i in (*rating.first, case, turned(case)) if rating.text(i) == text), None)
