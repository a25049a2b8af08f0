"""Self-chats of acute-eval: the model under test talks to itself, so does a rival, and raters compare the two."""

from __future__ import annotations

from collections.abc import Iterator

from ...conversation import Case, Cast, Conversation
from ...judges.items import PairItem
from ...measures.verdict import Verdict
from ...protocols.selftalk import selftalk
from .acute_eval_items import as_lines, whole
from .acute_eval_rating import Rating, vote_of

ME, RIVAL = "this model", "user"


class SelfChat(Case, frozen=True, kw_only=True):
    """How a self-chat begins."""

    opening: str


def self_chats(case: Case) -> Iterator[SelfChat]:
    """The self-chat that begins as the dialogues of a pair, or as what led to its answers."""
    if isinstance(case, PairItem) and (opening := case.extra.get("opening") or case.question):
        yield SelfChat(id=f"self-chat: {opening[:100]}", opening=opening)


async def talk(case: SelfChat, cast: Cast, turns: int) -> Conversation:
    """Both self-chats, of ``turns`` turns a side; the model's is returned, what was said in both is in ``facts``."""
    mine = await selftalk((cast.assistant, cast.assistant), (case.opening,), 2 * turns)
    rival = await selftalk((cast.user, cast.user), (case.opening,), 2 * turns)
    cast.facts.update(stop=mine.stop or "turn limit", mine=list(mine.utterances), rival=list(rival.utterances))
    return mine.chat


async def compared(case: SelfChat, cast: Cast, rating: Rating) -> list[Verdict]:
    """Votes on the model's self-chat beside its rival's; who says nothing at all loses."""
    mine, rival = (cast.facts.get(name, []) for name in ("mine", "rival"))
    if cast.stopped or len(rival) < 2:
        return [vote_of("vote", (ME, RIVAL), None, "", cast.stopped or "the rival said nothing")]
    if len(mine) < 2:
        return [vote_of("vote", (ME, RIVAL), 0.0, "", failed=True)]
    one, two = (as_lines((k % 2 == 1, text) for k, text in enumerate(said)) for said in (mine, rival))
    votes = await rating.votes(whole(case.id, (one, two), (ME, RIVAL), None), cast)
    return [vote_of("vote", (ME, RIVAL), v.points, f"rater {v.rater}, {v.order}", v.found.cause) for v in votes]
