"""BotChat: a model talks to itself from two human utterances; does the conversation look human?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from functools import partial
from typing import Any

from msgspec import Struct

from ...conversation import Case, Cast, Conversation, DataError
from ...conversation.files import json_rows
from ...judges.ask import ask
from ...measures.figure import Scale
from ...measures.figures import mean
from ...measures.verdict import Verdict
from ...protocols.benchmark import Benchmark
from ...protocols.selftalk import Talk, selftalk
from .botchat_judge import CUTS, LENGTH, SYSTEM, Outlook, ask_one, ask_two, compared, first_machine, outlook, passes, turned
from .botchat_released import PUBLISHED
from .judge_figures import rating

SEEDS = "mutual_test_seeds.jsonl"
OPENING, SHORTEST = 2, 4
SPAN = Scale(-3, 3, "points", passing=0)
WORDS = Scale(0, float("inf"), "words", passing=0)
ARENA = {"arena-8": 8, "arena-16": 16}
RIVAL = "user"


class Seed(Case, frozen=True, kw_only=True):
    """A human dialogue: its first two utterances are the opening."""

    utterances: tuple[str, ...]


class _Row(Struct):
    index: str
    conv_gt: list[str]


class BotChat(Benchmark):
    """BotChat: Evaluating LLMs' Capabilities of Having Multi-Turn Dialogues (Duan et al. 2023, arXiv 2310.13650).

    From the first two utterances of each of 547 human dialogues the model writes the next 14, both sides, one at a time, each
    as its speaker sees it. Settings:

    uni        a judge says whether and where a machine is first seen: ``pass@N``, the share of dialogues in which it is not
               seen among the first N utterances (4, 8, 12, 16)
    gt         beside the human dialogue, cut to its length, in both orders (222 dialogues of at least four utterances):
               ``score`` = 3 win, 1 both look human, -1 neither does, -3 lose; ``win``, ``tie``, ``lose``, ``not_bad`` = win or
               both; ``rating``, Bradley-Terry with the human at 1000
    arena-8, arena-16   the same beside the dialogue that the model given as --user has with itself, cut to 8 or 16

    ``partner=True``: in uni and gt the model given as --user speaks for the second speaker.
    A dialogue that breaks off (an empty utterance, a full context) fails where it is too short. A judge's "yes" that names no
    utterance is not measured; ``official=True`` lets it pass, as the released code does. The prompts are ours, without worked
    examples; the paper generates at temperature 0. The published Elo columns depend on an unpublished order of battles.
    """

    slug = "botchat"
    title = "BotChat: Evaluating LLMs' Capabilities of Having Multi-Turn Dialogues"
    paper = "arXiv:2310.13650"
    family = "judge"
    kind = "benchmark, judge"
    licence = "Apache-2.0"
    home = "https://github.com/open-compass/BotChat"
    settings: Any = ("uni", "gt", *ARENA)
    default_settings: Any = ("uni", "gt")
    uses = ("judge",)
    tried_with = ("judge",)
    params = {"official": False, "partner": False}
    scales = {"score": SPAN}
    figures = (
        *(mean(f"pass@{cut}", by=("setting",)) for cut in CUTS), mean("score", SPAN, by=("setting",)),
        *(mean(name, by=("setting",)) for name in ("win", "tie", "lose", "not_bad")),
        *(rating("points", setting) for setting in ("gt", *ARENA)), mean("words", WORDS, by=("setting",)),
    )  # fmt: skip
    published = PUBLISHED

    def cases(self) -> Iterator[Case]:
        path = self.data.path(self.slug, SEEDS)
        for number, row in json_rows(path, _Row):
            if len(row.conv_gt) < OPENING:
                raise DataError(f"{path}, line {number}: a dialogue needs two utterances to begin with")
            yield Seed(id=row.index, utterances=tuple(row.conv_gt))

    def views(self, case: Case, setting: str) -> Iterable[Case]:
        assert isinstance(case, Seed)
        return () if setting != "uni" and len(case.utterances) < SHORTEST else (case,)

    # -- talking ------------------------------------------------------------------------------------------------------
    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, Seed)
        length = ARENA.get(setting, min(len(case.utterances), LENGTH) if setting == "gt" else LENGTH)
        opening, systems = case.utterances[:OPENING], (SYSTEM, SYSTEM)
        if setting in ARENA:
            rival = await selftalk((cast.user, cast.user), opening, length, systems=systems)
            cast.facts["rival"] = list(rival.utterances)
        other = cast.user if self.options["partner"] and setting not in ARENA else cast.assistant
        talk: Talk = await selftalk((cast.assistant, other), opening, length, systems=systems)
        cast.facts.update(utterances=list(talk.utterances), stop=talk.stop or "turn limit", length=length)
        return talk.chat

    # -- judging ------------------------------------------------------------------------------------------------------
    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, Seed)
        names = [f"pass@{cut}" for cut in CUTS] if cast.setting == "uni" else ["score"]
        if cast.stopped or "utterances" not in cast.facts:
            for name in names:
                yield Verdict(name, None, cause=cast.stopped or "not played")
            return
        said: list[str] = cast.facts["utterances"]
        if made := said[OPENING:]:
            yield Verdict("words", sum(len(text.split()) for text in made) / len(made))
        if cast.setting == "uni":
            reader = partial(first_machine, spoken=len(said), official=bool(self.options["official"]))
            answer = await ask(cast, ask_one(said), reader)
            for verdict in passes(answer.value, len(said), answer.cause):
                yield verdict
            return
        human = cast.setting == "gt"
        beside = case.utterances if human else tuple(cast.facts["rival"])
        for order in ("first", "second"):
            for verdict in await self._beside(cast, said, beside, order, human):
                yield verdict

    async def _beside(self, cast: Cast, said: list[str], beside: tuple[str, ...], order: str, human: bool) -> list[Verdict]:
        """One comparison, the model's dialogue shown first or second. Both are cut to the same length."""
        item = f"{'human' if human else RIVAL}/{order}"
        length = cast.facts["length"]
        if len(said) < length:
            return compared(None, item, broken=True)
        if len(beside) < length:
            return compared(None, item, "the rival's dialogue broke off")
        pair = (said[:length], list(beside[:length]))
        one, two = pair if order == "first" else (pair[1], pair[0])
        answer = await ask(cast, ask_two(one, two, human), outlook)
        found: Outlook | None = answer.value
        if found is not None and order == "second":
            found = turned(found)
        return compared(found, item, answer.cause)

    def gold(self, case: Case, chat: Conversation) -> str | None:
        """The next utterance of the human dialogue."""
        assert isinstance(case, Seed)
        said = len(chat) - bool(chat.system_text)
        return case.utterances[said] if said < len(case.utterances) else None
