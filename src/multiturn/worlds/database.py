"""Worlds of SQLite: a database that a model may ask anything, and that nothing it says can harm.

The original file is opened read-only and immutable: neither it nor a file beside it is ever written. A world that allows
writing works on a private copy in memory. A query has a time limit and a row limit; SQLite's own limits on lengths bound
its memory (values up to 1 MB, 200 columns). All calls block: protocols put them in a thread.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, TypeAlias

from ..conversation import DataError
from .database_rows import same_rows
from .sql_tokens import is_ordered

Source: TypeAlias = Path | str
"""A database: the path of a file, or the SQL text that builds it (ours, never a model's)."""
Allowed: TypeAlias = Literal["write", "schema", "pragma"]
"""Beyond reading: "write" (INSERT, UPDATE, DELETE, transactions), "schema" (CREATE, DROP, ALTER of tables, indexes, views
and triggers), "pragma" (the few PRAGMAs that describe tables). ATTACH, extensions and virtual tables: never."""

MAX_BYTES = 16 << 20
MAX_ROWS = 100_000
_TEXT_BYTES = 1_000_000
_TOO_LONG = "time limit"
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: _TEXT_BYTES,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_COLUMN: 200,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
}
_NAMES = {getattr(sqlite3, name): name.removeprefix("SQLITE_").replace("_", " ") for name in dir(sqlite3)
          if name.startswith(("SQLITE_CREATE_", "SQLITE_DROP_"))} | {
    sqlite3.SQLITE_ALTER_TABLE: "ALTER TABLE", sqlite3.SQLITE_INSERT: "INSERT", sqlite3.SQLITE_UPDATE: "UPDATE",
    sqlite3.SQLITE_DELETE: "DELETE", sqlite3.SQLITE_ATTACH: "ATTACH", sqlite3.SQLITE_DETACH: "DETACH",
    sqlite3.SQLITE_PRAGMA: "PRAGMA", sqlite3.SQLITE_TRANSACTION: "TRANSACTION", sqlite3.SQLITE_SAVEPOINT: "SAVEPOINT",
    sqlite3.SQLITE_REINDEX: "REINDEX", sqlite3.SQLITE_ANALYZE: "ANALYZE", sqlite3.SQLITE_FUNCTION: "FUNCTION",
}  # fmt: skip
_READ = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
_WRITE = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE, sqlite3.SQLITE_TRANSACTION,
                    sqlite3.SQLITE_SAVEPOINT})  # fmt: skip
_VIRTUAL = frozenset({sqlite3.SQLITE_CREATE_VTABLE, sqlite3.SQLITE_DROP_VTABLE})
_SCHEMA = frozenset(a for a, name in _NAMES.items() if name.startswith(("CREATE", "DROP", "ALTER", "REINDEX"))) - _VIRTUAL
_PRAGMAS = frozenset({"table_info", "table_xinfo", "table_list", "foreign_key_list", "index_list", "index_info"})
_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"})


class QueryError(Exception):
    """A query that gave no rows: wrong SQL, something that is not allowed here, or a limit. One line."""


class Rows(NamedTuple):
    """The answer to a query. ``truncated``: there were more rows (or bytes) than were asked for."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    truncated: bool


class Database:
    """One database that foreign SQL may be sent to. ``allow``: what is permitted beyond reading.

    Raises `DataError` when the file is missing or is no database. To be used by one thread at a time, and closed.
    """

    def __init__(self, source: Source, *, allow: Iterable[Allowed] = ()) -> None:
        self.allow = frozenset(allow)
        self._refused = ""
        self._end = float("inf")
        self._connection = _open(source, copy=bool(self.allow & {"write", "schema"}))
        for kind, value in _LIMITS.items():
            self._connection.setlimit(kind, value)
        self._connection.text_factory = lambda data: data.decode(errors="replace")
        self._connection.set_authorizer(self._authorize)
        self._connection.set_progress_handler(lambda: time.monotonic() > self._end, 1_000)

    def query(self, sql: str, timeout: float = 5.0, max_rows: int = 1_000) -> Rows:
        """Run one statement. ``timeout`` in seconds. Raises `QueryError`."""
        self._refused = ""
        self._end = time.monotonic() + timeout
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql)
            columns = tuple(column[0] for column in cursor.description or ())
            rows, truncated = _take(cursor, max_rows)
        # sqlite3.Warning: several statements; ValueError: NUL or half a surrogate pair in the text.
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
            if time.monotonic() > self._end:
                raise QueryError(_TOO_LONG) from None
            refused = f"{self._refused} is not allowed here" if self._refused else ""
            raise QueryError(refused or " ".join(str(error).split())[:300]) from None
        finally:
            cursor.close()
        return Rows(columns, rows, truncated)

    def schema(self) -> str:
        """The CREATE TABLE statements, in their order in the database."""
        wanted = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql NOTNULL"
        return "\n".join(f"{row[0].rstrip(';')};" for row in self.query(wanted, max_rows=10_000).rows)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _authorize(self, action: int, first: str | None, second: str | None, database: str | None, inner: str | None) -> int:
        allowed = action in _READ and not (action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _FUNCTIONS)
        allowed |= "write" in self.allow and action in _WRITE
        # What changes a schema also writes to the table that holds it.
        allowed |= "schema" in self.allow and (action in _SCHEMA or (action in _WRITE and (first or "").startswith("sqlite_")))
        allowed |= "pragma" in self.allow and action == sqlite3.SQLITE_PRAGMA and (first or "").lower() in _PRAGMAS
        if not allowed and not self._refused:
            self._refused = _name(action, first or "", second or "")
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _name(action: int, first: str, second: str) -> str:
    """What was refused, in words."""
    if action == sqlite3.SQLITE_FUNCTION:
        return f"{second}()"
    if action == sqlite3.SQLITE_PRAGMA:
        return f"PRAGMA {first}"
    return "changing the schema" if first.startswith("sqlite_") else _NAMES.get(action, "this")


def _take(cursor: sqlite3.Cursor, most: int) -> tuple[list[tuple[Any, ...]], bool]:
    rows: list[tuple[Any, ...]] = []
    size = 0
    for row in cursor:
        if len(rows) >= most or size > MAX_BYTES:
            return rows, True
        rows.append(row)
        size += sum(len(value) if isinstance(value, str | bytes) else 8 for value in row)
    return rows, False


def _open(source: Source, *, copy: bool) -> sqlite3.Connection:
    """A connection that cannot reach the original: read-only and immutable, or a private copy in memory."""
    try:
        if isinstance(source, str):
            connection = _memory()
            connection.executescript(source)
            return connection
        if not source.is_file():
            raise DataError(f"there is no database file {source}")
        original = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None,
                                   check_same_thread=False)  # fmt: skip
        try:
            original.execute("SELECT count(*) FROM sqlite_master")
            if not copy:
                return original
            connection = _memory()
            original.backup(connection)
        except sqlite3.Error:
            original.close()
            raise
        original.close()
        return connection
    except sqlite3.Error as error:
        name = source if isinstance(source, Path) else "the SQL text of a database"
        raise DataError(f"{name} is not a readable SQLite database: {error}") from None


def _memory() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)


class Match(NamedTuple):
    """``error``: why the prediction gave no rows ("" = it did)."""

    equal: bool
    error: str


def execution_match(database: Source, predicted_sql: str, gold_sql: str, *, ordered: bool | None = None, timeout: float = 5,
                    any_column_order: bool = False) -> Match:  # fmt: skip
    """Run both queries on a read-only view of the database and compare their rows.

    Rows are compared as a multiset, or as a list when ``ordered`` (None: when the gold query has an ORDER BY outside all
    parentheses). Columns are compared by position, names ignored; with ``any_column_order`` in the best order (as the
    field's test-suite accuracy does). Both need the same number of columns, also when there are no rows.

    Values: NULL equals NULL only. Numbers compare as numbers (2 = 2.0), floats to 12 significant digits (sums depend on
    their order). Text compares exactly, case and spaces included, and never equals a number; blobs by their bytes.

    An error, a forbidden statement or a limit in the prediction is "not equal", with its text. In the gold query it is a
    `DataError`: the item is broken. ``timeout``: seconds for each.
    """
    with Database(database) as opened:
        try:
            gold = opened.query(gold_sql, timeout, MAX_ROWS)
        except QueryError as error:
            raise DataError(f"gold query fails ({error}): {gold_sql[:200]}") from None
        if gold.truncated:
            raise DataError(f"gold query gives more than {MAX_ROWS} rows: {gold_sql[:200]}")
        try:
            predicted = opened.query(predicted_sql, timeout, MAX_ROWS)
        except QueryError as error:
            return Match(False, str(error))
    if predicted.truncated:
        return Match(False, "row limit")
    equal = len(predicted.columns) == len(gold.columns) and same_rows(
        predicted.rows, gold.rows, ordered=is_ordered(gold_sql) if ordered is None else ordered, any_column_order=any_column_order
    )
    return Match(equal, "")


def schema_of(database: Source) -> str:
    """The CREATE TABLE statements of a database, as text for a prompt."""
    with Database(database) as opened:
        return opened.schema()


def build_database(path: Path, script: str) -> Path:
    """Write the database that an SQL text of ours builds to a new file."""
    if path.exists():
        raise DataError(f"{path} is there already")
    try:
        connection = sqlite3.connect(path)
        connection.executescript(script)
        connection.close()
    except sqlite3.Error as error:
        raise DataError(f"cannot build the database {path}: {error}") from None
    return path
