"""Pairs of whole dialogues, one speaker of each to be judged: a few of ours, and files in the released form.

A dialogue is text, an utterance a line: ``Speaker: …`` is who is judged, ``Partner: …`` is everybody else.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from msgspec import Struct

from ...conversation import DataError
from ...conversation.files import json_rows
from ...judges.items import PairItem
from ...protocols.benchmark import Data
from .acute_eval_votes import Vote
from .labelled_file import first_line
from .meena_ssa_items import SCENES

JUDGED, OTHER = "Speaker", "Partner"
SEED, PER_PAIR, UNIT = 42, 60, 5


def as_lines(said: Iterable[tuple[bool, str]]) -> str:
    """A dialogue as lines: whether the utterance is of the judged speaker, and its text."""
    return "\n".join(f"{JUDGED if judged else OTHER}: {' '.join(text.split())}" for judged, text in said)


def dialogue(item: PairItem, answer: str) -> str:
    """The dialogue that a side of a pair is: itself, or, where the pair is two answers, what led to them with the answer."""
    if item.extra.get("whole"):
        return answer
    said = [(role == "assistant", text) for role, text in item.turns if role != "system"]
    return as_lines([*said, (True, answer)])


# -- the released form ----------------------------------------------------------------------------------------------------
class _Utterance(Struct):
    id: str
    text: str = ""


class _Dialogue(Struct):
    speakers: list[str]
    dialogue: list[_Utterance]


class _Pairing(Struct):
    speakers_to_eval: list[str]
    dialogue_dicts: list[_Dialogue]
    dialogue_ids: list[int | str] = []
    is_onboarding: bool = False
    correct_answer: str | None = None


def is_pairings(path: Path) -> bool:
    """Whether this file holds pairings (and not labelled items)."""
    return b'"speakers_to_eval"' in first_line(path)


def read_pairings(path: Path, votes: Sequence[Vote] = ()) -> tuple[list[PairItem], list[PairItem]]:
    """The pairs of a file, and its onboarding pairs. ``votes``: raters' choices by the number of the line (from 0); the majority
    is the label. Raises `DataError` naming file and line."""
    by_pairing: dict[str, list[Vote]] = {}
    for vote in votes:
        by_pairing.setdefault(str(vote.pairing_id), []).append(vote)
    pairs: list[PairItem] = []
    onboarding: list[PairItem] = []
    for number, row in json_rows(path, _Pairing):
        id_ = str(number - 1)
        (onboarding if row.is_onboarding else pairs).append(_pair(row, id_, by_pairing.get(id_, []), f"{path}, line {number}"))
    return pairs, onboarding


def _pair(row: _Pairing, id_: str, votes: Sequence[Vote], where: str) -> PairItem:
    names = row.speakers_to_eval
    if len(names) != 2 or len(row.dialogue_dicts) != 2:
        raise DataError(f"{where}: a pairing has two speakers_to_eval and two dialogue_dicts")
    texts = []
    for name, one in zip(names, row.dialogue_dicts, strict=True):
        if not any(u.id == name for u in one.dialogue):
            raise DataError(f"{where}: `{name}` of speakers_to_eval says nothing in its dialogue")
        texts.append(as_lines((u.id == name, u.text) for u in one.dialogue))
    if row.is_onboarding and row.correct_answer not in names:
        raise DataError(f"{where}: correct_answer of an onboarding pairing must be one of {names[0]}, {names[1]}")
    for vote in votes:
        if {vote.winner, vote.loser} != set(names):
            raise DataError(
                f"{where}: a vote is about {vote.winner} and {vote.loser}, the pairing about {names[0]} and {names[1]}"
            )
    raters = tuple(float(v.winner == names[0]) for v in votes)
    share = sum(raters) / len(raters) if raters else None
    label = float(row.correct_answer == names[0]) if row.is_onboarding else None if share is None else float(share > 0.5)
    if share == 0.5:
        label = None  # there are no ties: who splits evenly has not decided
    opening = row.dialogue_dicts[0].dialogue[0].text
    return whole(id_, (texts[0], texts[1]), (names[0], names[1]), label, raters=raters, opening=opening)


def whole(id_: str, texts: tuple[str, str], authors: tuple[str, str], label: float | None, *, opening: str = "",
          raters: tuple[float, ...] = ()) -> PairItem:  # fmt: skip
    """A pair of whole dialogues."""
    return PairItem(
        id=id_, first=texts[0], second=texts[1], authors=authors, label=label, raters=raters,
        extra={"whole": True, "opening": opening},
    )  # fmt: skip


# -- making pairs -----------------------------------------------------------------------------------------------------------
def pairings(dialogues: Mapping[str, Sequence[str]], per_pair: int = PER_PAIR, *, shuffled: bool = True,
             seed: int = SEED) -> Iterator[tuple[str, str, int, int]]:  # fmt: skip
    """Every model against every other: names and numbers of two dialogues, at most ``per_pair`` for two models, none of them
    twice. ``shuffled``: by chance, else the first with the first and so on."""
    coin = random.Random(seed)
    for a, b in combinations(sorted(dialogues), 2):
        n, m = len(dialogues[a]), len(dialogues[b])
        if shuffled:
            cells = coin.sample(range(n * m), min(per_pair, n * m))
            yield from ((a, b, cell // m, cell % m) for cell in cells)
        else:
            # Diagonal by diagonal: all dialogues have been shown once before one comes again.
            order = ((i, (i + shift) % m) for shift in range(m) for i in range(n))
            yield from ((a, b, i, j) for (i, j), _ in zip(order, range(per_pair), strict=False))


def units(pairs: Sequence[tuple[str, str, int, int]], *, votes: int = 1, size: int = UNIT) -> list[list[int]]:
    """The work of raters: numbers of pairs, at most ``size`` a rater, who sees no pair and no dialogue twice; each pair is seen
    by ``votes`` raters."""
    work: list[tuple[list[int], set[tuple[str, int]]]] = []
    for _ in range(votes):
        fresh = len(work)  # a pair is never twice in one unit: each round opens units of its own
        for number, (a, b, i, j) in enumerate(pairs):
            shown = {(a, i), (b, j)}
            open_ = next((w for w in work[fresh:] if len(w[0]) < size and not w[1] & shown), None)
            if open_ is None:
                work.append(open_ := ([], set()))
            open_[0].append(number)
            open_[1].update(shown)
    return [numbers for numbers, _ in work]


# -- ours ---------------------------------------------------------------------------------------------------------------------
STRENGTH = {"stray": 0, "vague": 1, "attentive": 2}
ONBOARDING = whole(
    "onboarding",
    (
        as_lines([
            (False, "Hi there! I have just adopted an old dog from the shelter."),
            (True, "How kind of you! An old dog can be a quiet companion. What is it called?"),
            (False, "Bruno. He sleeps most of the day."),
            (True, "Bruno will be glad of a soft bed, then. Does he still like his walks?"),
        ]),
        as_lines([
            (False, "Hi there! I have just adopted an old dog from the shelter."),
            (True, "I do not know I do not know."),
            (False, "His name is Bruno. He sleeps most of the day."),
            (True, "The name is the name is the day. What is your name is the day?"),
        ]),
    ),
    ("person", "weak model"), 1.0,
)  # fmt: skip
"""A comparison of ours with a known answer."""


def bundled(data: Data | None = None) -> Iterator[PairItem]:
    """24 pairs of our dialogues with an attentive bot, a vague one and one that talks beside the point, eight for each two."""
    texts = {
        bot: [
            as_lines(
                line for human, reply in zip(s.human, getattr(s, bot), strict=True) for line in ((False, human), (True, reply))
            )
            for s in SCENES
        ]
        for bot in STRENGTH
    }
    for n, (a, b, i, j) in enumerate(pairings(texts, 8, shuffled=False)):
        label = float(STRENGTH[a] > STRENGTH[b])
        yield whole(str(n), (texts[a][i], texts[b][j]), (a, b), label, opening=SCENES[i].human[0])
