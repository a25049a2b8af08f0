"""TD-EVAL's setting ``agent``: the model under test serves the customer, one turn at a time, and is scored as any other agent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from ...conversation import Case, Cast, Conversation
from ...judges.items import PointItem, with_changes
from ...measures.verdict import Verdict
from .td_eval_data import DIMENSIONS
from .td_eval_questions import scored
from .td_eval_rule import backend

AGENT, BY_RULE = "agent", "backend by rule"
MEASURES = tuple(f"agent: {name}" for name in (*DIMENSIONS, BY_RULE))


def turn(case: Case) -> Iterator[Case]:
    """A turn without its reply. One reply of the model, however many agents' replies to the turn there are; what is no turn of an
    agent with a database has nothing to reply to."""
    if isinstance(case, PointItem) and "known" in case.extra and case.question:
        yield with_changes(case, id=str(case.extra.get("turn", case.id)), answer="", label=None)


def shown(item: PointItem) -> Conversation:
    """The recorded conversation, the customer's words and what the database returned."""
    chat = Conversation.start(f"You serve customers. Your policy: {item.extra.get('policy', '')}")
    *said, (_, db) = item.turns
    for role, text in said[:-1]:
        chat = chat.user(text) if role == "user" else chat.assistant(text)
    return chat.user(f"{said[-1][1]}\n\n({db}. Reply to the customer.)")


async def verdicts(item: PointItem, chat: Conversation, cast: Cast) -> list[Verdict]:
    """By rule, and by the --judge on the three dimensions; no reply is the floor of all."""
    *asked, by_rule = MEASURES
    if cast.stopped:
        return [Verdict(name, None, cause=cast.stopped) for name in MEASURES]
    if not chat.reply.strip():
        return [Verdict(name, 1, failed=True) for name in MEASURES]
    said = with_changes(item, answer=chat.reply)
    found = [Verdict(by_rule, backend(said))]
    if not cast.has("judge"):
        return [*found, *(Verdict(name, None, cause="needs --judge") for name in asked)]
    scores = await asyncio.gather(*(scored(cast, said, name) for name in DIMENSIONS))
    return [*found, *(Verdict(n, d.value, cause=d.cause, reason=d.reason) for n, d in zip(asked, scores, strict=True))]
