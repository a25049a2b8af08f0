"""Merging stores: every row is named by its content, so the merged store is the union of all.

What two stores know differently under one name (the same question asked twice, at different times) keeps the answer of
the store that is merged into; an episode or a run that only one of them finished is taken from that one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from ..conversation import InputError, StoreError
from .store import Store

_UNION = ("nodes", "media", "models", "calls", "records")
"""Tables whose rows never change."""

_BETTER_RUN = """
INSERT INTO runs VALUES (?,?,?,?,?,?) ON CONFLICT(id) DO UPDATE
SET status=excluded.status, finished=excluded.finished, summary=excluded.summary
WHERE excluded.status='done' AND runs.status<>'done'"""

COUNTED = ("nodes", "media", "models", "calls", "records", "episodes", "verdicts", "runs")


def merge(sources: Sequence[str | Path], into: str | Path) -> dict[str, int]:
    """Add everything that ``sources`` hold to ``into`` (made if it is not there); returns the new rows by table.

    Sources are only read. All are opened before anything is written, and each is added whole or not at all. Raises
    `StoreError` for a store that is missing, newer than this version, damaged or being written.
    """
    target = Path(into)
    for source in sources:
        if Path(source).resolve() == target.resolve():
            raise InputError(f"{source} cannot be merged into itself")
    with ExitStack() as stack:
        opened = [stack.enter_context(Store(source)) for source in sources]
        store = stack.enter_context(Store(target, writable=True))
        before = counts(store)
        for held in opened:
            _add(held, store)
        after = counts(store)
    return {table: after[table] - before[table] for table in COUNTED}


def counts(store: Store) -> dict[str, int]:
    """Rows of each table."""
    return {table: next(store.rows(f"SELECT count(*) FROM {table}"))[0] for table in COUNTED}


def _add(source: Store, target: Store) -> None:
    try:
        source.db.execute("BEGIN")  # one moment of a source that somebody may be writing to
        target.db.execute("BEGIN IMMEDIATE")
        for table in _UNION:
            _insert(target, table, "IGNORE", source.rows(f"SELECT * FROM {table}"))
        _add_episodes(source, target)
        for run in source.rows("SELECT * FROM runs"):
            target.db.execute(_BETTER_RUN, run)
        if list(source.rows("SELECT 1 FROM sqlite_master WHERE name='cards'")):
            _insert(target, "cards", "IGNORE", source.rows("SELECT * FROM cards"))
        _insert(target, "run_episodes", "IGNORE", source.rows("SELECT * FROM run_episodes"))
        target.db.execute("COMMIT")
    except sqlite3.Error as error:
        raise StoreError(f"cannot merge {source.path} into {target.path}: {error}; {target.path} is as it was") from None
    finally:
        for store in (source, target):
            if store.db.in_transaction:
                store.db.execute("ROLLBACK")


def _add_episodes(source: Store, target: Store) -> None:
    """Episodes that are new, or complete here and not there, each with all its verdicts."""
    known = dict(target.rows("SELECT id, complete FROM episodes"))
    for episode, complete in list(source.rows("SELECT id, complete FROM episodes")):
        if episode not in known or complete > known[episode]:
            target.db.execute("DELETE FROM verdicts WHERE episode=?", (episode,))
            _insert(target, "episodes", "REPLACE", source.rows("SELECT * FROM episodes WHERE id=?", episode))
            _insert(target, "verdicts", "REPLACE", source.rows("SELECT * FROM verdicts WHERE episode=?", episode))


def _insert(target: Store, table: str, otherwise: str, rows: Iterable[tuple[object, ...]]) -> None:
    width = len(list(target.rows(f"PRAGMA table_info({table})")))
    target.db.executemany(f"INSERT OR {otherwise} INTO {table} VALUES ({','.join('?' * width)})", rows)
