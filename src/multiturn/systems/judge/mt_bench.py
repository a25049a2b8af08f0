"""MT-Bench: eighty two-turn questions, graded alone, against a baseline, or with the model as the judge of people's votes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from functools import cached_property
from typing import Any

import msgspec

from ...conversation import Case, Cast, Conversation
from ...judges.ask import ScaleJudge
from ...judges.pair import Both, PairJudge, map_back, verdict
from ...judges.parse import Parsed
from ...measures.figure import FRACTION, Scale
from ...measures.figures import by_turn, mean
from ...measures.verdict import Verdict
from ...protocols.scripted import Scripted, ScriptedCase, ScriptedTurn
from . import mt_bench_prompts as prompts
from .judge_figures import rating
from .mt_bench_files import Question, choices, in_turn, read_pairs, read_questions
from .mt_bench_published import PUBLISHED
from .mt_bench_score import as_answer, fought, voted
from .mt_bench_votes import VotedPair

POINTS = Scale(1, 10, "points", passing=8)  # from which an answer counts as passed: our choice
USER = "user"


class MTBench(Scripted):
    """Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena (Zheng et al. 2023, arXiv 2306.05685).

    80 questions in eight categories, each with a follow-up asked after the model's own first answer. Settings:

    single    a judge model rates each answer, ``score``, 1 to 10; the follow-up is judged with both turns shown
    pairwise  a judge model says in both orders whose answer is better, the model's or that of ``against``: names of
              ``model_answer/NAME.jsonl`` files, with commas, or ``user`` for the model given as --user. ``win_adjusted``: 1 for a
              win in both orders, 0 for two losses, else 0.5; ``win``, ``tie``, ``loss``; ``consistent``: both orders agree;
              ``rating``: Bradley-Terry, the first opponent at 1000
    human     the model is the judge of pairs that people voted on: ``agree`` (setup S1: one value a vote, ties are a class) and
              ``agree_decided`` (S2: neither the vote nor the judge's a tie); chance is 1/3 and 1/2. ``first``: what is shown
              first, of the verdicts that are no ties

    Math, reasoning and coding are judged with reference answers (GPT-4's, released). An empty answer gets 1 point and counts as
    failed; a verdict that cannot be read, or quotes two, is not measured. The prompts are ours. The paper answers at
    temperature 0.7 (writing, roleplay), 0.1 (stem, humanities) or 0; here the temperature is the model's option. Votes are
    read from ``human_judgments.jsonl``; without it from 300 pairs with a majority vote (first turns, no ties).
    """

    slug = "mt-bench"
    title = "Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena"
    paper = "arXiv:2306.05685"
    family = "judge"
    kind = "benchmark, judge"
    licence = "Apache-2.0"
    home = "https://github.com/lm-sys/FastChat"
    settings: Any = ("single", "pairwise", "human")
    default_settings: Any = ("single",)
    uses = ("judge",)
    tried_with = ("judge",)
    params = {"against": "gpt-3.5-turbo"}
    scales = {"score": POINTS, "win_adjusted": FRACTION, "agree": FRACTION, "agree_decided": FRACTION}
    figures = (
        mean("score", POINTS), by_turn("score", POINTS),
        mean("win_adjusted"), by_turn("win_adjusted"), mean("win"), mean("tie"), mean("loss"), rating("win_adjusted", "pairwise"),
        mean("agree"), by_turn("agree"), mean("agree_decided"), by_turn("agree_decided"),
        mean("consistent"), mean("first", by=("setting",)),
    )  # fmt: skip
    published = PUBLISHED
    examiner = ScaleJudge(measure="score", low=1, high=10, whole=False)
    referee = PairJudge()

    # -- cases --------------------------------------------------------------------------------------------------------
    def cases(self) -> Iterator[Case]:
        """The 80 questions, one of each category in turn."""
        return in_turn(self.questions.values())

    @cached_property
    def questions(self) -> dict[str, Question]:
        return read_questions(self.data)

    def views(self, case: Case, setting: str) -> Iterable[Case]:
        assert isinstance(case, Question)
        if setting == "human":
            pairs = self._pairs.get(case.id, [])
            return [msgspec.structs.replace(p, group=case.group, references=case.references) for p in pairs]
        if setting == "pairwise":
            return [case.against(name, said.get(case.id, ())) for name, said in self._opponents.items()]
        return (case,)

    @cached_property
    def _opponents(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """The stored answers of each opponent, by question; none of the model given as --user."""
        names = [name.strip() for name in str(self.options["against"]).split(",") if name.strip()]
        return {n: {} if n == USER else choices(self.data.path(self.slug, f"model_answer/{n}.jsonl")) for n in names}

    @cached_property
    def _pairs(self) -> dict[str, list[VotedPair]]:
        return read_pairs(self.data, {id_: tuple(t.user for t in case.turns) for id_, case in self.questions.items()})

    # -- playing ------------------------------------------------------------------------------------------------------
    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        if isinstance(case, VotedPair):
            return await self._vote(case, cast)
        assert isinstance(case, Question)
        if setting == "pairwise" and case.opponent == USER:
            theirs = Conversation()
            for turn in case.turns:
                theirs = await cast.user(theirs.user(turn.user))
            cast.facts["theirs"] = [turn.reply for turn in theirs.turns]
        return await super().play(case, cast, setting)

    async def _vote(self, case: VotedPair, cast: Cast) -> Conversation:
        """The model under test compares a pair in both orders."""
        picks, chat = [], Conversation()
        for x, y in ((case.a, case.b), (case.b, case.a)):
            chat = await cast.assistant(Conversation().user(prompts.compare(case.questions, x, y, case.references)))
            found = verdict(chat.reply)
            picks.append(found.value if isinstance(found, Parsed) else None)
        cast.facts["picks"] = picks
        return chat

    # -- judging ------------------------------------------------------------------------------------------------------
    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        if not isinstance(case, VotedPair):
            async for found in super().judge(case, chat, cast):
                yield found
            return
        first, second = (as_answer(pick, cast.stopped) for pick in cast.facts.get("picks", (None, None)))
        for found in voted(case, Both(first, map_back(second))):
            yield msgspec.structs.replace(found, turn=case.turn)

    def slots(self, case: ScriptedCase, turn: ScriptedTurn) -> list[Verdict]:
        assert isinstance(case, Question)
        item = f"{case.opponent}/{turn.number}"
        return [Verdict("win_adjusted", None, item=item) if case.opponent else Verdict("score", None)]

    async def score(self, case: ScriptedCase, turn: ScriptedTurn, reply: str, chat: Conversation, cast: Cast) -> list[Verdict]:
        assert isinstance(case, Question)
        asked = [t.user for t in case.turns[: turn.number]]
        mine = [t.reply for t in chat.turns]
        if not case.opponent:
            if not reply.strip() and cast.has("judge"):
                return [Verdict("score", self.examiner.low, reason="empty reply", failed=True)]
            return [await self.examiner(cast, prompts.grade(asked, mine, case.references))]
        theirs = list(cast.facts.get("theirs", case.theirs))[: turn.number]
        item = f"{case.opponent}/{turn.number}"
        if len(theirs) < turn.number:
            return [Verdict("win_adjusted", None, item=item, cause=f"`{case.opponent}` has no answer")]
        # The answers are lists of turns: the referee's sides are names for them.
        sides = {"a": mine, "b": theirs}
        both = await self.referee(cast, lambda x, y: prompts.compare(asked, sides[x], sides[y], case.references), "a", "b")
        return [msgspec.structs.replace(v, item=item) for v in fought(both, not reply.strip())]
