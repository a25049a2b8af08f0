"""An arena: who meets whom on which item, how a battle is judged, and the ratings that come of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import combinations

from msgspec import Struct

from ..judges.pair import Both, Policy
from ..measures.ratings import Ratings, battles, bradley_terry


class Battle(Struct, frozen=True):
    """One meeting of ``a`` and ``b`` on ``item``. ``won``: 1 where ``a`` won, 0 where ``b`` did, 0.5 for a tie; None = not
    measured, with its ``cause``. ``consistent``: whether both orders gave the same verdict."""

    item: str
    a: str
    b: str
    won: float | None
    consistent: bool | None = None
    cause: str = ""


def schedule(players: Sequence[str], items: Iterable[str], baseline: str | None = None) -> Iterator[tuple[str, str, str]]:
    """(item, a, b): every pair of players on every item, or with a ``baseline`` every other player against it."""
    met = [(p, baseline) for p in players if p != baseline] if baseline is not None else list(combinations(players, 2))
    for item in items:
        for a, b in met:
            yield item, a, b


async def fight(compare: Callable[[str, str], Awaitable[Both]], item: str, a: str, b: str, answers: tuple[str, str],
                policy: Policy = "tie") -> Battle:  # fmt: skip
    """Judge one battle: ``compare(x, y)`` gives the verdicts of both orders on the answers of ``a`` and ``b``."""
    both = await compare(*answers)
    won = both.points(policy)
    cause = both.cause or ("" if won is not None else "orders disagree")
    return Battle(item, a, b, won, both.consistent, cause)


def leaderboard(fought: Iterable[Battle], anchor: str | None = None) -> Ratings:
    """Bradley-Terry ratings of all who met, intervals clustered by item; battles without a result are left out."""
    known = [b for b in fought if b.won is not None]
    rows = [(b.a, b.b, float(b.won)) for b in known if b.won is not None]
    return bradley_terry(battles(rows, [b.item for b in known]), anchor=anchor)
