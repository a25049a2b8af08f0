"""SysBench's sessions: the official JSON file, or the sample of texts, as scripts of five turns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from ...conversation import DataError
from ...protocols.scripted import ScriptedTurn, number_turns
from .listed import ListedCase

T = TypeVar("T")

TURNS = 5
TYPES = {"动作约束": "action", "内容约束": "content", "背景约束": "background", "角色约束": "role", "格式约束": "format",
         "风格约束": "style"}  # fmt: skip


class Criterion(Struct, frozen=True):
    """One constraint taken from the system message. ``text`` is as in the data (Chinese)."""

    id: str
    text: str
    type: str


class Checklist(Struct, frozen=True):
    """What a turn is judged by. ``aligned``: the user asks for nothing that the system message forbids."""

    criteria: tuple[Criterion, ...]
    aligned: bool

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(c.id for c in self.criteria)


# -- the official file ------------------------------------------------------------------------------------------------
class _Criterion(Struct):
    criteria_content: str
    criteria_type: str


class _Info(Struct):
    alignment: str
    criteria: dict[str, _Criterion]


class _Message(Struct):
    role: str
    content: str


class _Session(Struct):
    system_id: int
    system_prompt: str
    rounds_related: bool
    messages: list[_Message]
    prompt_infos: dict[str, _Info]


def official(path: Path) -> Iterator[ListedCase]:
    """system_benchmark_eval_datas.json: with gold answers. Checklists are keyed by the user's text there, so two equal
    user texts in one session share one checklist."""
    for session in _decode(path.read_bytes(), list[_Session], str(path)):
        where = f"{path}: session {session.system_id}"
        said = session.messages[1:]
        if [m.role for m in session.messages] != ["system", *("user", "assistant") * TURNS]:
            raise DataError(f"{where} is not a system message and {TURNS} turns of user and assistant")
        turns = []
        for user, gold in zip(said[::2], said[1::2], strict=True):
            info = session.prompt_infos.get(user.content)
            if info is None:
                raise DataError(f"{where}: no checklist for the user text {user.content[:40]!r}")
            criteria = tuple(_criterion(k, c.criteria_content, c.criteria_type) for k, c in info.criteria.items())
            turns.append(_turn(user.content, gold.content, info.alignment, criteria))
        yield _case(session.system_id, session.system_prompt, session.rounds_related, turns)


# -- the sample -------------------------------------------------------------------------------------------------------
class Meta(Struct, frozen=True):
    """A row of sessions_meta.jsonl: all that the figures need to know about a session."""

    system_id: int
    rounds_related: bool
    alignment: list[str]
    criteria_types: list[list[str]]

    @property
    def checklists(self) -> list[Checklist]:
        return [
            Checklist(tuple(Criterion(str(i), "", kind) for i, kind in enumerate(kinds, 1)), alignment == "align")
            for alignment, kinds in zip(self.alignment, self.criteria_types, strict=True)
        ]


class _Round(Struct):
    prompt: str
    alignment: str
    criteria: str


class _Texts(Struct):
    system_id: int
    system_prompt: str
    rounds: list[_Round]


def sample(texts: Path, meta: Path) -> Iterator[ListedCase]:
    """sessions_text.sample.jsonl, without gold answers; sessions_meta.jsonl says whether the rounds are related."""
    related = {row.system_id: row.rounds_related for row in rows(meta, Meta)}
    for session in rows(texts, _Texts):
        if session.system_id not in related:
            raise DataError(f"{texts}: session {session.system_id} is not in {meta.name}")
        turns = [_turn(r.prompt, None, r.alignment, tuple(_listed(r.criteria, texts))) for r in session.rounds]
        yield _case(session.system_id, session.system_prompt, related[session.system_id], turns)


def _listed(criteria: str, path: Path) -> Iterator[Criterion]:
    for line in criteria.splitlines():
        match = re.fullmatch(r"(\d+)\. (.*) \| (\S+)", line)
        if match is None:
            raise DataError(f"{path}: {line[:40]!r} is not `number. constraint | type`")
        yield _criterion(match[1], match[2], match[3])


# -- both -------------------------------------------------------------------------------------------------------------
def kind_of(related: bool) -> str:
    return "dependent" if related else "parallel"


def _criterion(key: str, text: str, kind: str) -> Criterion:
    return Criterion(key, text, TYPES.get(kind, kind))


def _turn(user: str, gold: str | None, alignment: str, criteria: tuple[Criterion, ...]) -> ScriptedTurn:
    return ScriptedTurn(user=user, gold=gold, target=Checklist(criteria, alignment == "align"))


def _case(number: int, system: str, related: bool, turns: Sequence[ScriptedTurn]) -> ListedCase:
    return ListedCase(id=f"session-{number}", group=kind_of(related), system=system, turns=number_turns(turns))


def rows(path: Path, kind: type[T]) -> list[T]:
    """A JSONL file as typed rows."""
    return [_decode(line, kind, f"{path}, line {n}") for n, line in enumerate(path.read_bytes().splitlines(), 1) if line.strip()]


def _decode(text: bytes, kind: Any, where: str) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise DataError(f"{where}: {error}; fetch the file again") from None


def judgements(path: Path) -> dict[str, list[list[str]]]:
    """judgements_by_run.json: run -> session -> turn -> one character a constraint (1 followed, 0 violated, ? neither)."""
    found: dict[str, list[list[str]]] = _decode(path.read_bytes(), dict[str, list[list[str]]], str(path))
    return found
