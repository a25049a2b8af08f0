"""Scripts with turns that cannot be played in some setting: they are listed as not measured, with the reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TypeVar

import msgspec

from ...conversation import Case, Cast, Conversation
from ...measures.verdict import Verdict
from ...protocols.scripted import Scripted, ScriptedCase, ScriptedTurn


class ListedCase(ScriptedCase, frozen=True, kw_only=True):
    """``absent``: scored turns that this view cannot play, and ``why`` (the cause of their verdicts)."""

    absent: tuple[ScriptedTurn, ...] = ()
    why: str = ""


C = TypeVar("C", bound=ListedCase)


def absent(case: C, name: str, turns: tuple[ScriptedTurn, ...], why: str) -> C:
    """A view without a conversation that lists ``turns`` as not measured."""
    return msgspec.structs.replace(case, id=name, cluster=case.cluster or case.id, turns=(), absent=turns, why=why)


class Listed(Scripted):
    """A scripted benchmark whose views may be `absent`."""

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, ListedCase)
        for turn in case.absent:
            for slot in self.slots(case, turn):
                yield msgspec.structs.replace(slot, turn=turn.number, item=slot.item or turn.item, value=None, cause=case.why)
        async for verdict in super().judge(case, chat, cast):
            yield verdict
