"""Scripted conversations: the user's turns are fixed in advance; each has its targets, gold answer and stand-alone form.

Settings (any subset, in this order of meaning):
  multi   the model's own answers are the history
  single  each scored turn that has a stand-alone form, alone
  gold    each scored turn after the gold answers of the turns before it
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ..conversation import Case, Cast, Conversation
from ..measures.verdict import Verdict
from .benchmark import Benchmark


class ScriptedTurn(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One turn of a script.

    ``gold``: the reference answer. ``scored`` False: the stored answer is put into the history, no call is made.
    ``single``: the stand-alone form of the question (with everything it needs), if it has one.
    ``number``: position in the full script, from 1. ``item``: pairing key inside the cluster ("" = the number).
    ``needs``: numbers of the turns whose content the right answer depends on, other than this one.
    ``target``: whatever the system's `score` wants to know.
    """

    user: str
    gold: str | None = None
    scored: bool = True
    single: str | None = None
    number: int = 0
    item: str = ""
    group: str | None = None
    needs: tuple[int, ...] = ()
    target: Any = None


class ScriptedCase(Case, frozen=True, kw_only=True):
    """A script: an optional system message and turns."""

    turns: tuple[ScriptedTurn, ...]
    system: str = ""


def number_turns(turns: Iterable[ScriptedTurn]) -> tuple[ScriptedTurn, ...]:
    """The turns with ``number`` 1, 2, … filled in."""
    return tuple(msgspec.structs.replace(turn, number=i) for i, turn in enumerate(turns, 1))


def single_views(case: ScriptedCase) -> Iterable[ScriptedCase]:
    """Each scored turn that has a stand-alone form, as a conversation of its own."""
    for turn in case.turns:
        if turn.scored and turn.single is not None:
            yield _view(case, (msgspec.structs.replace(turn, user=turn.single, needs=()),), turn)


def gold_views(case: ScriptedCase) -> Iterable[ScriptedCase]:
    """Each scored turn after the gold answers of all turns before it (where those exist)."""
    history: list[ScriptedTurn] = []
    for turn in case.turns:
        if turn.scored and all(t.gold is not None for t in history):
            yield _view(case, (*history, turn), turn)
        history.append(msgspec.structs.replace(turn, scored=False))


def _view(case: ScriptedCase, turns: tuple[ScriptedTurn, ...], turn: ScriptedTurn) -> ScriptedCase:
    name = turn.item or f"{case.id}#{turn.number}"
    return msgspec.structs.replace(case, id=name, cluster=case.cluster or case.id, turns=turns)


class Scripted(Benchmark):
    """A benchmark of `ScriptedCase`. A subclass gives `cases` and `score`."""

    settings: tuple[str, ...] = ("multi", "single", "gold")
    default_settings: tuple[str, ...] = ("multi", "single")
    measures: Sequence[str] = ("score",)

    def views(self, case: Case, setting: str) -> Iterable[Case]:
        assert isinstance(case, ScriptedCase)
        if setting == "single":
            return single_views(case)
        return gold_views(case) if setting == "gold" else (case,)

    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, ScriptedCase)
        chat = Conversation.start(system=case.system)
        for turn in case.turns:
            chat = chat.user(turn.user)
            chat = await cast.assistant(chat) if turn.scored else chat.assistant(turn.gold or "", author="gold")
        return chat

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, ScriptedCase)
        said = chat.turns
        for index, turn in enumerate(case.turns):
            if not turn.scored:
                continue
            if index < len(said) and said[index].answered:
                found = await self.score(case, turn, said[index].reply, said[index].chat, cast)
            else:
                found = [msgspec.structs.replace(v, value=None, cause=cast.stopped or "no reply") for v in self.slots(case, turn)]
            for verdict in found:
                yield msgspec.structs.replace(
                    verdict, turn=turn.number, item=verdict.item or turn.item, group=verdict.group or turn.group
                )

    def slots(self, case: ScriptedCase, turn: ScriptedTurn) -> list[Verdict]:
        """The verdicts (without values) that `score` would give on this turn: what is missing when it was not reached."""
        return [Verdict(measure, None) for measure in self.measures]

    async def score(self, case: ScriptedCase, turn: ScriptedTurn, reply: str, chat: Conversation, cast: Cast) -> list[Verdict]:
        """Judge one reply. ``chat`` ends with the reply. Turn, item and group are filled in from the turn."""
        raise NotImplementedError(f"{type(self).__name__} has no score()")

    def gold(self, case: Case, chat: Conversation) -> str | None:
        assert isinstance(case, ScriptedCase)
        return case.turns[len(chat.turns) - 1].gold

    def within(self, case: Case, chat: Conversation, window: int) -> bool:
        assert isinstance(case, ScriptedCase)
        index = len(chat.turns) - 1
        seen = {turn.number for turn in case.turns[max(0, index - window + 1) : index + 1]}
        return all(number in seen for number in case.turns[index].needs)
