"""How MMSQL reads a reply: is it SQL, and does its SQL match."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ...conversation import DataError
from ...worlds.database import Database, QueryError, Source, execution_match
from .mmsql_data import schema
from .mmsql_exact import exact_match
from .mmsql_parse import Schema

SHARE = 0.5
"""Of a reply's characters, from which it counts as SQL."""
_SECONDS = 5.0
BROKEN_GOLD = "the gold query fails on the database"
OUTSIDE = "the gold query is outside Spider's grammar"


class Matched(NamedTuple):
    """Whether the answers are equal, and whether the queries are; None = the item cannot tell, ``cause`` says why."""

    executed: bool | None
    exact: bool | None
    cause: str = ""
    error: str = ""


def extract_sql(reply: str, *, official: bool = False) -> str:
    """From the first SELECT to the next ';', as one line; "" when there is none. A closing code fence ends it, too, unless
    ``official``."""
    start = reply.upper().find("SELECT")
    if start < 0:
        return ""
    ends = [at for mark in ((";",) if official else (";", "```")) if (at := reply.find(mark, start)) >= 0]
    found = reply[start : min(ends, default=len(reply))].replace("\n", " ")
    return found if official else found.strip()


def is_sql(reply: str, sql: str) -> bool:
    """Whether the reply counts as an answer in SQL: the query is at least half of its characters."""
    return bool(sql) and len(sql) / len(reply) >= SHARE


@lru_cache(maxsize=64)
def _schema(database: Source) -> Schema:
    return schema(database)


def match(database: Source, predicted: str, gold: str, *, official: bool = False) -> Matched:
    """Both matches of one query. ``official``: rows as sets, order where the gold text says ORDER BY in capitals, double
    quotes read as single ones, and literal values count in the exact match. Blocks for seconds at most."""
    exact = exact_match(predicted, gold, _schema(database), values=official)
    cause = OUTSIDE if exact is None else ""
    if official:
        return _official(database, predicted, gold, exact, cause)
    try:
        found = execution_match(database, predicted, gold, timeout=_SECONDS)
    except DataError:
        return Matched(None, exact, BROKEN_GOLD)
    return Matched(found.equal, exact, cause, found.error)


def _official(database: Source, predicted: str, gold: str, exact: bool | None, cause: str) -> Matched:
    rows = []
    with Database(database) as opened:
        for sql in (gold, predicted):
            try:
                plain = sql.replace("```", "").replace(";", "").replace('"', "'").replace("`", "'")
                rows.append(opened.query(plain, _SECONDS, 100_000).rows)
            except QueryError as error:
                return Matched(False, exact, cause, str(error)) if rows else Matched(None, exact, BROKEN_GOLD)
    ordered = "ORDER BY" in gold
    return Matched(rows[0] == rows[1] if ordered else set(rows[0]) == set(rows[1]), exact, cause)
