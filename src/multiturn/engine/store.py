"""One SQLite file: messages by hash, recorded calls, episodes, verdicts, runs.

Writes of one turn of the event loop share a transaction, and nobody goes on before their row is in the file: a process
killed at any instant has lost no answer that anybody had seen. WAL without a sync per commit: safe against a killed
process; a power cut may lose the last moments, never the file.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ..conversation import Conversation, StoreError
from ..conversation.message import Message, canonical, from_canonical
from ..conversation.tree import ROOT_ID
from ..models.base import Model, Reply, Usage
from .schema import APPLICATION_ID, MIGRATIONS, VERSION

_INSERT = {
    "nodes": "INSERT OR IGNORE INTO nodes VALUES (?,?,?)",
    "media": "INSERT OR IGNORE INTO media VALUES (?,?,?)",
    "calls": "INSERT OR IGNORE INTO calls VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    "records": "INSERT OR IGNORE INTO records VALUES (?,?,?,?,?)",
    "episodes": "INSERT OR REPLACE INTO episodes VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    "old_verdicts": "DELETE FROM verdicts WHERE episode=?",
    "verdicts": "INSERT INTO verdicts VALUES (?,?,?,?,?,?,?,?,?,?)",
}

_HINTS = {
    sqlite3.SQLITE_FULL: "; what was written before is safe: free some room and run again",
    sqlite3.SQLITE_IOERR: "; what was written before is safe: look at the disk and run again",
    sqlite3.SQLITE_BUSY: "; another program holds it: close that and run again",
    sqlite3.SQLITE_CORRUPT: "; `multiturn cache verify` says where; use another file with --store PATH",
}


class Answer(NamedTuple):
    """A recorded reply."""

    node: bytes
    message: Message
    usage: Usage
    cost: float | None
    stop: str


class Store:
    """A store file. ``writable`` takes the write lock: one run at a time; readers are never locked out."""

    def __init__(self, path: str | os.PathLike[str], writable: bool = False) -> None:
        self.path = Path(path)
        self._lock: int | None = None
        self._batch: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _INSERT}
        self._waiting: list[asyncio.Future[None]] = []
        if writable:
            self._take_lock()
        try:
            self.db = self._open(writable)
        except BaseException:
            self._drop_lock()
            raise

    # -- opening ----------------------------------------------------------------------------------------------
    def _open(self, writable: bool) -> sqlite3.Connection:
        if not writable and not self.path.is_file():
            raise StoreError(f"there is no store at {self.path}; a run makes one, or name another with --store PATH")
        place = str(self.path) if writable else f"file:{_quoted(self.path)}?mode=ro"
        try:
            db = sqlite3.connect(place, isolation_level=None, timeout=30, uri=not writable)
            try:
                self._check(db, writable)
            except BaseException:
                db.close()
                raise
        except sqlite3.DatabaseError as error:
            raise StoreError(f"cannot use {self.path} as a store: {error}; use another file with --store PATH") from None
        return db

    def _check(self, db: sqlite3.Connection, writable: bool) -> None:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise StoreError(
                f"{self.path} was written by a newer multiturn (store version {version}, this one knows {VERSION}); "
                "upgrade with `pip install -U multiturn`, or use another file with --store PATH"
            )
        app = db.execute("PRAGMA application_id").fetchone()[0]
        if app not in (0, APPLICATION_ID) or (app == 0 and db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]):
            raise StoreError(f"{self.path} is a database of another program; use another file with --store PATH")
        if writable:
            self._prepare(db, version)
        elif version == 0:  # an older store can be read as it is: later versions only add tables
            raise StoreError(f"{self.path} holds no runs yet; run something with --store {self.path} first")

    def _prepare(self, db: sqlite3.Connection, version: int) -> None:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute("PRAGMA wal_autocheckpoint=4000")
        db.execute("PRAGMA cache_size=-16000")
        if version < VERSION:
            db.execute("BEGIN IMMEDIATE")  # a process killed in the middle of this leaves the file as it was
            for step, migrate in enumerate(MIGRATIONS[version:], version + 1):
                migrate(db)
                db.execute(f"PRAGMA user_version={step}")
            db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            db.execute("COMMIT")

    def _take_lock(self) -> None:
        lock = self.path.with_name(self.path.name + "-lock")
        try:
            self._lock = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreError(f"cannot write beside {self.path}: {error.strerror}; use another file with --store PATH") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._lock, 64, 0).decode(errors="replace").strip() or "another process"
            os.close(self._lock)
            self._lock = None
            raise StoreError(
                f"{self.path} is being written by process {holder}; wait for it, or use another file with --store PATH "
                "(two stores can be merged later with `multiturn cache merge`)"
            ) from None
        with suppress(OSError):  # on a full disk nobody is told who holds the lock; it is held all the same
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    def _drop_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def close(self) -> None:
        """Write what is pending, close the file, give the lock back."""
        try:
            if any(self._batch.values()):
                self._flush()
        finally:
            self.db.close()
            self._drop_lock()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- writing ----------------------------------------------------------------------------------------------
    def _add(self, table: str, row: tuple[Any, ...]) -> asyncio.Future[None]:
        self._batch[table].append(row)
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._flush)
        written = loop.create_future()
        self._waiting.append(written)  # one each: whoever is cancelled must not take the others along
        return written

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        batch, self._batch = self._batch, {table: [] for table in _INSERT}
        try:
            self.write(batch)
        except Exception as error:
            # Whoever waits for these rows must learn of it, whatever it is: nobody else will wake them.
            if not waiting:
                raise
            for written in waiting:
                if not written.done():
                    written.set_exception(error)
                    written.exception()  # nobody waiting is no reason for a warning
            return
        for written in waiting:
            if not written.done():
                written.set_result(None)

    def write(self, batch: dict[str, list[tuple[Any, ...]]]) -> None:
        """Write rows of several tables in one transaction: all or nothing. Raises `StoreError` when they cannot be written."""
        with self.transaction() as db:
            for table, rows in batch.items():
                if rows:
                    db.executemany(_INSERT[table], rows)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing. Raises `StoreError` when something cannot be written."""
        db = self.db
        try:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
        except BaseException as error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            if not isinstance(error, (sqlite3.Error, TypeError, ValueError, OverflowError)):
                raise
            # What is no error of SQLite's is a value that it has no form for.
            hint = _HINTS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "")
            raise StoreError(f"cannot write to {self.path}: {error}{hint}") from None

    def _add_nodes(self, chat: Conversation) -> None:
        for node in chat.path():
            if node.stored is self:
                return
            assert node.parent is not None
            assert node.message is not None
            self._batch["nodes"].append((node.id, node.parent.id, canonical(node.message).decode()))
            for part in node.message.media:
                if part.data is not None:
                    self._batch["media"].append((part.digest, part.mime, part.data))
            node.stored = self

    async def put_call(self, key: bytes, draw: str, model: Model, asked: Conversation, node: Conversation, reply: Reply) -> None:
        """Record an answered call; returns when it is in the file."""
        self._add_nodes(node)
        u = reply.usage
        await self._add(
            "calls",
            (key, draw, model.identity, asked.id, node.id, u.input, u.output, u.cached, u.reasoning,
             reply.cost, reply.latency, reply.retries, reply.stop, reply.served, time.time()),
        )  # fmt: skip

    async def put_record(self, key: bytes, draw: str, name: str, value: Any) -> None:
        await self._add("records", (key, draw, name, msgspec.json.encode(value).decode(), time.time()))

    async def put_episode(self, row: tuple[Any, ...], chat: Conversation, verdicts: Sequence[tuple[Any, ...]]) -> None:
        """Record a judged episode: its row, its conversation, its verdicts (replacing earlier ones)."""
        self._add_nodes(chat)
        self._batch["old_verdicts"].append((row[0],))
        self._batch["verdicts"].extend(verdicts)
        await self._add("episodes", row)

    def put_models(self, models: Iterable[Model]) -> None:
        rows = [(m.identity, m.name, m.address, msgspec.json.encode(m.options).decode()) for m in models]
        with self.transaction() as db:
            db.executemany("INSERT OR IGNORE INTO models VALUES (?,?,?,?)", rows)

    # -- reading ----------------------------------------------------------------------------------------------
    def find_call(self, key: bytes, draw: str) -> Answer | None:
        row = self.db.execute(
            "SELECT c.node, n.message, c.input_tokens, c.output_tokens, c.cached_tokens, c.reasoning_tokens, c.cost, c.stop "
            "FROM calls c JOIN nodes n ON n.id = c.node WHERE c.key=? AND c.draw=?",
            (key, draw),
        ).fetchone()
        if row is None:
            return None
        return Answer(row[0], self._message(row[1]), Usage(*row[2:6]), row[6], row[7])

    def find_record(self, key: bytes, draw: str) -> tuple[Any] | None:
        row = self.db.execute("SELECT value FROM records WHERE key=? AND draw=?", (key, draw)).fetchone()
        return None if row is None else (msgspec.json.decode(row[0]),)

    def _message(self, text: str) -> Message:
        message = from_canonical(text.encode())
        if message.media:
            parts = tuple(self._attached(p) if p in message.media and p.hash else p for p in message.parts)
            message = msgspec.structs.replace(message, parts=parts)
        return message

    def _attached(self, part: Any) -> Any:
        row = self.db.execute("SELECT data FROM media WHERE hash=?", (part.hash,)).fetchone()
        return part if row is None else msgspec.structs.replace(part, data=row[0], hash="")

    def conversation(self, node: bytes, known: dict[bytes, Conversation] | None = None) -> Conversation:
        """The conversation that ends at a node. ``known`` shares prefixes between several calls."""
        known = {} if known is None else known
        known.setdefault(ROOT_ID, Conversation())
        missing: list[tuple[bytes, str]] = []
        at = node
        while at not in known:
            row = self.db.execute("SELECT parent, message FROM nodes WHERE id=?", (at,)).fetchone()
            if row is None:
                raise StoreError(f"{self.path} is damaged: message {at.hex()} is missing")
            missing.append((at, row[1]))
            at = row[0]
        chat = known[at]
        for id_, text in reversed(missing):
            chat = Conversation(chat, self._message(text), id_)
            chat.stored = self
            known[id_] = chat
        return chat

    def finished(self, episode: bytes) -> int | None:
        """How many calls this episode is made of, if it was played and judged with nothing left that may work when
        tried again; else None."""
        row = self.db.execute("SELECT calls FROM episodes WHERE id=? AND complete", (episode,)).fetchone()
        return None if row is None else int(row[0])

    def rows(self, sql: str, *args: Any) -> Iterator[tuple[Any, ...]]:
        """Rows of a plain SQL query."""
        return self.db.execute(sql, args)


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path))
