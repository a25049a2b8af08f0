"""MT-Bench's human votes: reading them, and how far judges agree with people and people with each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from ...conversation import Case, DataError
from ...conversation.files import json_rows
from ...measures.agreement import Agreement, exact_agreement

Winner: TypeAlias = Literal["a", "b", "tie"]
_FLIP: dict[Winner, Winner] = {"a": "b", "b": "a", "tie": "tie"}


class Vote(Struct, frozen=True):
    """Who found whom better on one question and turn; all kinds of tie are one. ``judge``: "expert_3", "author_1" …"""

    question: str
    a: str
    b: str
    turn: int
    winner: Winner
    judge: str

    @property
    def item(self) -> tuple[str, str, str, int]:
        """What was voted on, whichever of the two was called a."""
        return (self.question, *sorted((self.a, self.b)), self.turn)  # type: ignore[return-value]

    @property
    def straight(self) -> Winner:
        """The winner when the two stand in the order of `item`."""
        return self.winner if self.a <= self.b else _FLIP[self.winner]


class VotedPair(Case, frozen=True, kw_only=True):
    """Two conversations on a question, and how people voted on their last turn. ``votes`` are about (a, b)."""

    questions: tuple[str, ...]
    a: tuple[str, ...]
    b: tuple[str, ...]
    turn: int
    votes: tuple[Winner, ...]
    references: tuple[str, ...] = ()


# -- agreement --------------------------------------------------------------------------------------------------------
def vote_pairs(votes: Iterable[Vote], one: str, other: str) -> list[tuple[Winner, Winner, str]]:
    """All pairs of votes on the same item, with its question: each vote of a judge whose name begins with ``one`` and each of
    ``other``; unordered pairs when both are the same."""
    items: dict[tuple[str, str, str, int], list[Vote]] = {}
    for vote in votes:
        items.setdefault(vote.item, []).append(vote)
    out = []
    for item, mine in items.items():
        first = [v.straight for v in mine if v.judge.startswith(one)]
        second = [v.straight for v in mine if v.judge.startswith(other)]
        met = combinations(first, 2) if one == other else ((x, y) for x in first for y in second)
        out += [(x, y, item[0]) for x, y in met]
    return out


def vote_agreement(pairs: Sequence[tuple[Winner, Winner, str]], *, ties: bool) -> Agreement:
    """The share of pairs of votes that agree, clustered by question: setup S1 with ``ties``; S2 without drops every pair in
    which a vote is a tie (a coin: 1/3 and 1/2)."""
    kept = [p for p in pairs if ties or "tie" not in p[:2]]
    return exact_agreement([p[0] for p in kept], [p[1] for p in kept], [p[2] for p in kept])


# -- reading ----------------------------------------------------------------------------------------------------------
class _Said(Struct):
    content: str
    role: str


class _Row(Struct):
    question_id: int
    model_a: str
    model_b: str
    winner: str
    judge: Any
    conversation_a: list[_Said]
    conversation_b: list[_Said]
    turn: int


class _Labelled(Struct):
    instruction: str
    response1: str
    response2: str
    winner: int


def read_votes(path: Path) -> Iterator[tuple[Vote, tuple[str, ...], tuple[str, ...]]]:
    """Votes with both sides' answers, from the JSON lines of the released votes. Raises `DataError` naming the line."""
    for _, row in json_rows(path, _Row):
        name = row.judge if isinstance(row.judge, str) else "gpt4-pair"
        winner: Winner = {"model_a": "a", "model_b": "b"}.get(row.winner, "tie")  # type: ignore[assignment]
        vote = Vote(str(row.question_id), row.model_a, row.model_b, row.turn, winner, name)
        yield vote, _answers(row.conversation_a, row.turn), _answers(row.conversation_b, row.turn)


def _answers(said: Iterable[_Said], turns: int) -> tuple[str, ...]:
    return tuple(m.content for m in said if m.role == "assistant")[:turns]


def voted_pairs(path: Path, questions: Mapping[str, tuple[str, ...]], *, judges: str = "expert") -> dict[str, list[VotedPair]]:
    """The released votes of judges whose name begins with ``judges``, one case for each (pair, turn), by question id."""
    found: dict[tuple[str, str, str, int], list[Vote]] = {}
    said: dict[tuple[str, str, str, int], dict[str, tuple[str, ...]]] = {}
    for vote, a, b in read_votes(path):
        if vote.judge.startswith(judges) and vote.question in questions and len(a) == len(b) == vote.turn:
            found.setdefault(vote.item, []).append(vote)
            said.setdefault(vote.item, {}).update({vote.a: a, vote.b: b})
    out: dict[str, list[VotedPair]] = {}
    for (question, a_name, b_name, turn), votes in found.items():
        texts = said[question, a_name, b_name, turn]
        out.setdefault(question, []).append(VotedPair(
            id=f"{question}/{a_name}/{b_name}/{turn}", cluster=question, questions=questions[question][:turn], a=texts[a_name],
            b=texts[b_name], turn=turn, votes=tuple(v.straight for v in votes),
        ))  # fmt: skip
    return out


def labelled_pairs(path: Path, questions: Mapping[str, tuple[str, ...]]) -> dict[str, list[VotedPair]]:
    """First-turn pairs with a human majority and no ties (``instruction, response1, response2, winner``), by question id."""
    try:
        rows = msgspec.json.decode(path.read_bytes(), type=list[_Labelled])
    except msgspec.DecodeError as error:
        raise DataError(f"{path}: {error}") from None
    ids = {texts[0].strip(): id_ for id_, texts in questions.items()}
    out: dict[str, list[VotedPair]] = {}
    for i, row in enumerate(rows):
        if (id_ := ids.get(row.instruction.strip())) is not None and row.winner in (1, 2):
            out.setdefault(id_, []).append(VotedPair(
                id=f"{id_}/{i}", cluster=id_, questions=(row.instruction,), a=(row.response1,), b=(row.response2,), turn=1,
                votes=("a" if row.winner == 1 else "b",),
            ))  # fmt: skip
    return out
