"""Whether a store is whole: the file itself, the names of its rows, and what they point at."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice

import msgspec

from ..conversation.message import from_canonical
from ..conversation.tree import ROOT_ID
from .store import Store

_DANGLING = {
    "call {}: its question {} is missing":
        "SELECT c.key, c.asked FROM calls c LEFT JOIN nodes n ON n.id = c.asked WHERE n.id IS NULL AND c.asked <> :root",
    "call {}: its answer {} is missing":
        "SELECT c.key, c.node FROM calls c LEFT JOIN nodes n ON n.id = c.node WHERE n.id IS NULL",
    "call {}: its answer {} does not follow its question":
        "SELECT c.key, c.node FROM calls c JOIN nodes n ON n.id = c.node WHERE n.parent <> c.asked",
    "call {}: its model {} is missing":
        "SELECT c.key, c.model FROM calls c LEFT JOIN models m ON m.id = c.model WHERE m.id IS NULL",
    "episode {}: its conversation {} is missing":
        "SELECT e.id, e.node FROM episodes e LEFT JOIN nodes n ON n.id = e.node WHERE n.id IS NULL AND e.node <> :root",
    "verdict {} of episode {}: the episode is missing":
        "SELECT CAST(v.n AS TEXT), v.episode FROM verdicts v LEFT JOIN episodes e ON e.id = v.episode WHERE e.id IS NULL",
    "message {}: its parent {} is missing":
        "SELECT n.id, n.parent FROM nodes n LEFT JOIN nodes p ON p.id = n.parent WHERE p.id IS NULL AND n.parent <> :root",
    "run {}: it lists episodes ({}) but is not in the store":
        "SELECT r.run, CAST(count(*) AS TEXT) FROM run_episodes r LEFT JOIN runs x ON x.id = r.run WHERE x.id IS NULL GROUP BY 1",
}  # fmt: skip


def verify(store: Store, limit: int = 20) -> list[str]:
    """What is wrong with a store, at most ``limit`` lines; [] = nothing."""
    return list(islice(_faults(store), limit))


def _faults(store: Store) -> Iterator[str]:
    try:
        yield from _damage(store)
        yield from _wrong_names(store)
        for message, sql in _DANGLING.items():
            for row in store.db.execute(sql, {"root": ROOT_ID}):
                yield message.format(*(_name(cell) for cell in row))
    except sqlite3.DatabaseError as error:
        yield f"the file is damaged: {error}"


def _damage(store: Store) -> Iterator[str]:
    """What SQLite says of its own file."""
    checked: dict[str, bool] = {}
    for (line,) in store.rows("PRAGMA integrity_check(1000000000)"):
        # SQLite before 3.41 takes one column for another in tables without rowid: such a line is checked by a query.
        if null := re.fullmatch(r"NULL value in (\w+)\.(\w+)", line):
            table, column = null.groups()
            if line not in checked:
                checked[line] = any(store.rows(f'SELECT 1 FROM "{table}" WHERE "{column}" IS NULL LIMIT 1'))
                if checked[line]:
                    yield f"the file is damaged: {line}"
        elif line != "ok":
            yield f"the file is damaged: {line}"


def _wrong_names(store: Store) -> Iterator[str]:
    """Messages and media whose name is not the hash of their content."""
    for id_, parent, message in store.rows("SELECT id, parent, message FROM nodes"):
        if blake2b(parent + message.encode(), digest_size=16).digest() != id_:
            yield f"message {_name(id_)}: its content is not what was recorded"
            continue
        try:
            media = from_canonical(message.encode()).media
        except (msgspec.DecodeError, RecursionError):
            yield f"message {_name(id_)}: cannot be read"
            continue
        for part in media:
            if not part.url and not any(store.rows("SELECT 1 FROM media WHERE hash=?", part.digest)):
                yield f"message {_name(id_)}: its attachment {part.digest} is missing"
    for name, data in store.rows("SELECT hash, data FROM media"):
        if blake2b(data, digest_size=16).hexdigest() != name:
            yield f"attachment {name}: its content is not what was recorded"


def _name(cell: bytes | str) -> str:
    return cell.hex() if isinstance(cell, bytes) else cell
