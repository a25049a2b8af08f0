"""MMSQL's dialogues, as published or as bundled, and what a model is told about their databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from msgspec import Struct

from ...conversation import DataError
from ...protocols.scripted import ScriptedTurn, number_turns
from ...worlds.database import Database, QueryError, Rows, Source
from ..script.listed import ListedCase
from .mmsql_parse import Schema

Kind: TypeAlias = Literal["answerable", "unanswerable", "ambiguous", "improper"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_CELL, _ROWS = 60, 3


class Question(Struct, frozen=True):
    """One user turn. ``answer``: the gold SQL of an answerable question, else the reference reply."""

    kind: Kind
    text: str
    answer: str


class Dialogue(Struct, frozen=True):
    """``database``: the name of a published database, or the SQL text that builds a bundled one."""

    id: str
    database: str
    questions: tuple[Question, ...]


class Target(Struct, frozen=True):
    """What a reply is judged by. ``clarifies``: the question before was ambiguous."""

    question: Question
    database: Source
    about: str
    clarifies: bool


def read(path: Path) -> Iterator[Dialogue]:
    """The dialogues of MMSQL_test.json. Where two system turns follow a question, the first is its answer."""
    try:
        items = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is not a readable JSON file: {error}") from None
    if not isinstance(items, list):
        raise DataError(f"{path}: a list of dialogues was expected")
    for number, item in enumerate(items):
        try:
            yield Dialogue(str(item["id"]), _name(item["db_name"]), tuple(_questions(item["turns"])))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}, dialogue {number}: {type(error).__name__}: {error}") from None


def _questions(turns: list[dict[str, Any]]) -> Iterator[Question]:
    for turn, following in zip(turns, [*turns[1:], {"isuser": True}], strict=True):
        if turn["isuser"] and not following["isuser"]:
            if turn["type"] not in KINDS:
                raise ValueError(f"unknown type {turn['type']!r}")
            yield Question(turn["type"], turn["text"], following["text"].strip() or following["query"].strip())


def _name(text: Any) -> str:
    """A database's name becomes part of a path."""
    if not isinstance(text, str) or not text.isidentifier():
        raise ValueError(f"bad database name {text!r}")
    return text


def case_of(dialogue: Dialogue, database: Source, about: str, system: str) -> ListedCase:
    """The dialogue as a script: the user's turns are fixed."""
    before = [None, *(q.kind for q in dialogue.questions)]
    turns = (
        ScriptedTurn(user=q.text, gold=q.answer, group=q.kind, target=Target(q, database, about, was == "ambiguous"))
        for q, was in zip(dialogue.questions, before, strict=False)
    )
    return ListedCase(id=dialogue.id, system=system, turns=number_turns(turns))


def described(database: Source) -> str:
    """The schema and the first rows of each table, for a prompt."""
    examples = []
    with Database(database) as opened:
        for table in _tables(opened):
            rows = _ask(opened, f"SELECT * FROM {_quoted(table)}").rows
            examples.append("\n".join([f"{table}:", *(", ".join(str(value)[:_CELL] for value in row) for row in rows)]))
        return f"{opened.schema()}\n\nFirst rows of each table:\n" + "\n".join(examples)


def schema(database: Source) -> Schema:
    """Table -> columns, in lower case."""
    with Database(database) as opened:
        return {
            table.lower(): tuple(c.lower() for c in _ask(opened, f"SELECT * FROM {_quoted(table)}").columns)
            for table in _tables(opened)
        }


def _tables(opened: Database) -> list[str]:
    wanted = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    return [str(row[0]) for row in _ask(opened, wanted, 10_000).rows]


def _ask(opened: Database, sql: str, most: int = _ROWS) -> Rows:
    try:
        return opened.query(sql, max_rows=most)
    except QueryError as error:
        raise DataError(f"a database cannot be described: {error}") from None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
