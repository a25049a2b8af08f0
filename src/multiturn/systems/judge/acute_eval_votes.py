"""Votes on pairs of dialogues: who is blocked, who wins how often, is that more than chance, do raters agree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from ...conversation import DataError, InputError
from ...conversation.files import json_rows
from ...measures.exact import mcnemar, sign_flip
from ...measures.intervals import Estimate, clustered_mean

PASS = 0.75
"""Share of onboarding comparisons that a rater must get right to go on."""
VS = "__vs__"


class Vote(Struct, frozen=True, kw_only=True):
    """One rater's choice between two speakers, as in the released tables. ``correct``: of an onboarding comparison."""

    winner: str
    loser: str
    pairing_id: int | str = ""
    worker: int | str = ""
    question: str = ""
    reason: str = ""
    is_onboarding: bool = False
    correct: bool | int | None = None

    @property
    def models(self) -> tuple[str, str]:
        """Both speakers by name, whatever their places on the screen."""
        one, two = sorted((self.winner, self.loser))
        return one, two


def read_votes(path: Path) -> list[Vote]:
    """Votes, a JSON object a line. Raises `DataError` naming file and line, or when they answer different questions."""
    found = []
    for number, vote in json_rows(path, Vote):
        if vote.winner == vote.loser:
            raise DataError(f"{path}, line {number}: `{vote.winner}` cannot win against itself")
        found.append(vote)
    one_question(found, str(path))
    return found


def one_question(votes: Sequence[Vote], where: str = "these votes") -> None:
    """Votes on different questions must not be added up."""
    if len(asked := {v.question for v in votes if not v.is_onboarding}) > 1:
        raise DataError(f"{where}: {len(asked)} different questions; analyse the votes on one question at a time")


# -- raters ---------------------------------------------------------------------------------------------------------------
def passes(right: int, shown: int, least: float = PASS) -> bool:
    """The gate: the share of onboarding comparisons that were answered right (a single one must be)."""
    return right >= least * shown


def kept(votes: Iterable[Vote], *, strict: bool = True) -> list[Vote]:
    """The votes that count: no onboarding rows, and none at all of a rater who failed any onboarding comparison (``strict``, as
    the released analysis has it), or fewer than three quarters of them."""
    votes = list(votes)
    told: dict[int | str, list[bool]] = defaultdict(list)
    for vote in votes:
        if vote.is_onboarding:
            told[vote.worker].append(vote.correct in (True, 1))
    blocked = {who for who, right in told.items() if not passes(sum(right), len(right), 1.0 if strict else PASS)}
    return [v for v in votes if not v.is_onboarding and v.worker not in blocked]


# -- who wins -------------------------------------------------------------------------------------------------------------
class Matchup(NamedTuple):
    """Two models by name. ``share``: of the votes, those for ``a``, with an interval clustered by pairing. ``p``: exact binomial
    test against one half, every vote taken as independent; ``p_pairings``: a sign-flip test over pairings."""

    a: str
    b: str
    wins: int
    votes: int
    share: Estimate
    p: float
    p_pairings: float | None

    @property
    def stars(self) -> str:
        return "*" * sum(self.p < level for level in (0.05, 0.01, 0.001))


def matchup(a: str, b: str, won: Sequence[bool], pairings: Sequence[str]) -> Matchup:
    """``won``: whether each vote is for ``a``; ``pairings``: what it was about."""
    signs: Counter[str] = Counter()
    for pairing, win in zip(pairings, won, strict=True):
        signs[pairing] += 2 * win - 1
    totals = np.array([signs[k] for k in sorted(signs)], dtype=np.float64)
    flips = sign_flip(totals, np.random.default_rng(0)).p if len(totals) > 1 else None
    wins = sum(won)
    share = clustered_mean([float(w) for w in won], list(pairings))
    return Matchup(a, b, wins, len(won), share, mcnemar(wins, len(won) - wins), flips)


def matchups(votes: Iterable[Vote]) -> list[Matchup]:
    """Every two models that met, sorted by name."""
    met: dict[tuple[str, str], list[Vote]] = defaultdict(list)
    for vote in votes:
        met[vote.models].append(vote)
    return [
        matchup(a, b, [v.winner == a for v in those], [str(v.pairing_id) for v in those]) for (a, b), those in sorted(met.items())
    ]


class Grid(NamedTuple):
    """Models from the weakest to the strongest by their mean share of wins; ``shares[loser][winner]``, None = they never met."""

    models: tuple[str, ...]
    mean: Mapping[str, float]
    shares: tuple[tuple[float | None, ...], ...]


def grid(found: Sequence[Matchup]) -> Grid:
    """Rows lose, columns win. Raises `InputError` without votes."""
    if not found:
        raise InputError("there are no votes left to make a grid of")
    share = {(m.a, m.b): m.wins / m.votes for m in found}
    share |= {(m.b, m.a): 1 - m.wins / m.votes for m in found}
    names = sorted({name for pair in share for name in pair})
    mean = {name: float(np.mean([s for (winner, _), s in share.items() if winner == name])) for name in names}
    order = tuple(sorted(names, key=lambda name: mean[name]))
    return Grid(order, mean, tuple(tuple(share.get((winner, loser)) for winner in order) for loser in order))


def agreement(votes: Iterable[Vote]) -> Estimate:
    """How far raters of one pairing agree: 0 when one vote stands against one, else the share of the majority; the mean over
    pairings with two votes or more. No value when there are none."""
    cast: dict[str, Counter[str]] = defaultdict(Counter)
    for vote in votes:
        cast[str(vote.pairing_id)][vote.winner] += 1
    return agreed(cast.values())


def agreed(counts: Iterable[Mapping[str, int]]) -> Estimate:
    """The same from the votes for each side, pairing by pairing."""
    shares = [0.0 if sorted(c.values()) == [1, 1] else max(c.values()) / sum(c.values()) for c in counts if sum(c.values()) >= 2]
    return clustered_mean(shares, list(range(len(shares))))
