"""Questions to a judge about several answers: which of two is better (`pair`), in which order they stand (`ranked`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from ..conversation import Cast
from .ask import ask, quoted
from .items import Decision, ListItem, PairItem
from .loose import Obj, objects
from .pair import Pick, verdict
from .parse import LONGEST, Outcome, Parsed, Unparsable
from .questions import MATERIAL, aim, decided, form, shown


def pair_question(item: PairItem, *, guide: str = "", ties: bool = True, confidence: bool = False) -> str:
    """Which of two answers is better; what is shown first is called ``item.names[0]``."""
    one, two = item.names
    words = [f'"{one}"', f'"{two}"', *(['"tie"'] if ties else [])]
    return "\n\n".join(
        part
        for part in (
            f"Compare two answers to the same conversation and say which one is better. What counts: {aim(item)}.",
            shown(item),
            quoted(f"answer-{one}", item.first),
            quoted(f"answer-{two}", item.second),
            MATERIAL,
            guide or "Do not let the order, the length or the names of the answers sway you.",
            form("verdict", f"<{' or '.join(words)}>", confidence),
        )
        if part
    )


def named(text: str, names: tuple[str, str], *, ties: bool = True) -> Outcome[float]:
    """Points of what was shown first (1, 0 or 0.5) from a verdict that names one of ``names``, or a tie (see `verdict`)."""
    outcome = verdict(text, ties=ties, names=names)
    return Parsed(_POINTS[outcome.value], outcome.reason) if isinstance(outcome, Parsed) else outcome


_POINTS: dict[Pick, float] = {"A": 1.0, "B": 0.0, "C": 0.5}


async def pair(cast: Cast, item: PairItem, *, guide: str = "", ties: bool = True, confidence: bool = False) -> Decision:
    """Points of the first answer, from one question."""
    text = pair_question(item, guide=guide, ties=ties, confidence=confidence)
    found = await decided(cast, text, partial(named, names=item.names, ties=ties), confidence=confidence)
    return shown_first([found])


def shown_first(found: Sequence[Decision], turned: Sequence[Decision] = ()) -> Decision:
    """The mean of verdicts on a pair. ``turned``: verdicts on the pair with its answers exchanged, in their own terms; they are
    turned back. None could be read = not measured."""
    straight = [d.value for d in found if d.value is not None]
    other = [d.value for d in turned if d.value is not None]
    points = [*straight, *(1 - v for v in other)]
    firsts = [v for v in (*straight, *other) if v != 0.5]
    every = [*found, *turned]
    sure = [d.confidence for d in every if d.confidence is not None]
    return Decision(
        value=sum(points) / len(points) if points else None,
        confidence=sum(sure) / len(sure) if sure else None,
        shown_first=sum(firsts) / len(firsts) if firsts else None,
        asked=sum(d.asked for d in every), unread=sum(d.unread for d in every),
        reason=next((d.reason for d in every if d.reason), ""),
        cause="" if points else next((d.cause for d in every if d.cause), "nobody was asked"),
    )  # fmt: skip


# -- several answers --------------------------------------------------------------------------------------------------
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def list_question(item: ListItem, *, guide: str = "") -> str:
    """Put several answers in order; they are called A, B, C, … as they are shown."""
    names = LETTERS[: len(item.answers)]
    parts = [
        f"Put {len(names)} answers to the same conversation in order, best first. What counts: {aim(item)}.", shown(item),
        *(quoted(f"answer-{name}", text) for name, text in zip(names, item.answers, strict=True)), MATERIAL, guide,
        form("ranking", '"<all letters, best first, with > between them, = between equals>"', False),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part)


def ranking(text: str, names: Sequence[str]) -> Outcome[tuple[float, ...]]:
    """The places of ``names`` (1 = best; equal answers share the mean of their places) from ``B > A = C``. A name that is
    missing, named twice or unknown makes it unreadable: it is not mended."""
    if len(text) > LONGEST:
        return Unparsable("reply too long")
    fields = [(k.strip().lower(), v) for found in objects(text) if isinstance(found, Obj) for k, v in found]
    said = [v for k, v in fields if k in ("ranking", "order") and isinstance(v, str)]
    said = said or [m[1] for m in _RANKING.finditer(text)]
    if len(set(said)) != 1:
        return Unparsable("contradictory rankings" if said else "no ranking found")
    tiers = [[name.strip().strip("[]()*\"'").upper() for name in tier.split("=")] for tier in re.split(r">|,", said[0])]
    flat = [name for tier in tiers for name in tier]
    if sorted(flat) != sorted(n.upper() for n in names):
        return Unparsable("the ranking does not name every answer once")
    place = 1
    places: dict[str, float] = {}
    for tier in tiers:
        places |= dict.fromkeys(tier, place + (len(tier) - 1) / 2)
        place += len(tier)
    return Parsed(tuple(places[n.upper()] for n in names), text.strip()[:2000])


_RANKING = re.compile(
    r"^[\s*_#]{0,6}(?i:ranking|order)?[\s*_]{0,4}:?[\s*_]{0,4}((?:[A-Z]\s{0,3}[>=,]\s{0,3}){1,25}[A-Z])[\s*_.]{0,4}$", re.M
)


async def ranked(cast: Cast, item: ListItem, *, guide: str = "") -> Decision:
    """The places of the answers, from one question."""
    answer = await ask(cast, list_question(item, guide=guide), partial(ranking, names=LETTERS[: len(item.answers)]))
    if answer.value is None:
        asked, unread = answer.read
        return Decision(asked=asked, unread=unread, reason=answer.reason, cause=answer.cause)
    return Decision(ranks=answer.value, asked=1, reason=answer.reason)
