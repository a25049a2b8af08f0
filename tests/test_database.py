"""SQLite worlds: hostile queries are bounded, originals never change, and answers compare as documented."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn.conversation import DataError
from multiturn.worlds.database import Database, Match, QueryError, build_database, execution_match, schema_of
from multiturn.worlds.database_rows import same_rows
from multiturn.worlds.sql_tokens import is_ordered, tokens

SHOP = """
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL);
INSERT INTO item VALUES (1, 'pen', 1.5), (2, 'cup', 4.0), (3, 'cup', 4), (4, NULL, NULL);
CREATE TABLE sale (item INTEGER, n INTEGER);
"""
ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) "


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return build_database(tmp_path / "shop.sqlite", SHOP)


def fingerprint(path: Path) -> tuple[str, list[str]]:
    return hashlib.sha256(path.read_bytes()).hexdigest(), sorted(os.listdir(path.parent))


@pytest.mark.parametrize("allow", [(), ("write", "schema", "pragma")])
@pytest.mark.parametrize("sql", [
    "DROP TABLE item", "DELETE FROM item", "UPDATE item SET price = 0", "INSERT INTO item VALUES (9, 'x', 1)",
    "CREATE TABLE more (a)", "ATTACH 'other.sqlite' AS other", "VACUUM", "VACUUM INTO 'copy.sqlite'",
    "PRAGMA journal_mode = WAL", "PRAGMA writable_schema = 1", "SELECT load_extension('x')",
    "CREATE VIRTUAL TABLE f USING fts5(a)", "DROP TABLE item; SELECT 1", "BEGIN", "ALTER TABLE item ADD COLUMN q",
])  # fmt: skip
def test_the_original_is_never_touched(shop: Path, monkeypatch: pytest.MonkeyPatch, allow: tuple[str, ...], sql: str) -> None:
    monkeypatch.chdir(shop.parent)
    before = fingerprint(shop)
    os.utime(shop, (1, 1))
    with Database(shop, allow=allow) as world:  # type: ignore[arg-type]
        never = sql.split()[0] in ("ATTACH", "VACUUM", "PRAGMA", "SELECT") or "VIRTUAL" in sql or ";" in sql
        if allow and not never:
            world.query(sql)
        else:
            with pytest.raises(QueryError, match=r"^[^\n]+$"):
                world.query(sql)
    assert fingerprint(shop) == before
    assert shop.stat().st_mtime == 1


def test_a_world_that_allows_writing_keeps_its_own_state(shop: Path) -> None:
    with Database(shop, allow=["write"]) as one, Database(shop) as other:
        one.query("DELETE FROM item WHERE id > 1")
        assert one.query("SELECT count(*) FROM item").rows == [(1,)]
        assert other.query("SELECT count(*) FROM item").rows == [(4,)]
        with pytest.raises(QueryError, match="DROP TABLE is not allowed here"):
            one.query("DROP TABLE item")


@pytest.mark.parametrize(("sql", "why"), [
    (ENDLESS + "SELECT count(*) FROM r", "time limit"),
    (ENDLESS + "SELECT n FROM r ORDER BY n DESC", "time limit"),
    ("SELECT zeroblob(2000000000)", "too big"),
    ("SELECT * FROM nowhere", "no such table"),
    ("SELEC", "syntax error"),
    ("SELECT '\0'", "null"),
    ("SELECT '\ud800'", "surrogates"),
    ("SELECT " + "(" * 5_000 + "1" + ")" * 5_000, "overflow"),
    ("SELECT '" + "x" * 200_000 + "'", "too"),
    ("SELECT fts3_tokenizer('simple')", "fts3_tokenizer"),
])  # fmt: skip
def test_hostile_queries_are_bounded(sql: str, why: str) -> None:
    with Database(SHOP) as world:
        start = time.monotonic()
        with pytest.raises(QueryError, match=why):
            world.query(sql, timeout=0.2)
        assert time.monotonic() - start < 3
        assert world.query("SELECT 1").rows == [(1,)]


def test_rows_and_bytes_are_bounded() -> None:
    with Database(SHOP) as world:
        some = world.query(ENDLESS + "SELECT n FROM r", max_rows=7)
        assert (some.rows, some.truncated, some.columns) == ([(n,) for n in range(1, 8)], True, ("n",))
        assert world.query("SELECT id FROM item", max_rows=4).truncated is False
        heavy = world.query(ENDLESS + "SELECT zeroblob(1000000) FROM r", max_rows=10_000)
        assert heavy.truncated
        assert len(heavy.rows) < 20


def test_schema_is_the_create_statements(shop: Path) -> None:
    expected = "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL);\nCREATE TABLE sale (item INTEGER, n INTEGER);"
    assert schema_of(shop) == schema_of(SHOP) == expected


def test_describing_pragmas_can_be_allowed() -> None:
    with Database(SHOP) as closed, Database(SHOP, allow=["pragma"]) as opened:
        with pytest.raises(QueryError, match="PRAGMA table_info is not allowed here"):
            closed.query("PRAGMA table_info(item)")
        assert [row[1] for row in opened.query("PRAGMA table_info(item)").rows] == ["id", "name", "price"]


def test_bad_files_are_named(tmp_path: Path, shop: Path) -> None:
    (tmp_path / "bad.sqlite").write_text("not a database, but long enough to be read as one" * 50)
    for path in (tmp_path / "none.sqlite", tmp_path / "bad.sqlite"):
        with pytest.raises(DataError, match=path.name):
            Database(path)
    with pytest.raises(DataError, match="SQL text"):
        Database("CREATE TABLE (")
    with pytest.raises(DataError, match="there already"):
        build_database(shop, SHOP)
    with pytest.raises(DataError, match="cannot build"):
        build_database(tmp_path / "new.sqlite", "CREATE")


def test_text_that_is_not_utf8_can_be_read(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.sqlite") as connection:
        connection.execute("CREATE TABLE t AS SELECT CAST(x'ff41' AS TEXT) AS a")
    connection.close()
    with Database(tmp_path / "old.sqlite") as world:
        assert world.query("SELECT a FROM t").rows == [("\ufffdA",)]


@pytest.mark.parametrize(("predicted", "gold", "equal"), [
    ("SELECT name FROM item ORDER BY id DESC", "SELECT name FROM item", True),
    ("SELECT name FROM item ORDER BY id DESC", "SELECT name FROM item ORDER BY id", False),
    ("SELECT name FROM item", "SELECT name FROM (SELECT name FROM item ORDER BY id DESC)", True),
    ("SELECT name FROM item ORDER BY id", "SELECT name FROM item ORDER BY id", True),
    ("SELECT DISTINCT name FROM item", "SELECT name FROM item", False),
    ("SELECT name, id FROM item", "SELECT id, name FROM item", False),
    ("SELECT name AS x FROM item", "SELECT name FROM item", True),
    ("SELECT 4.0", "SELECT 4", True),
    ("SELECT 0.1 + 0.2", "SELECT 0.3", True),
    ("SELECT 0.3001", "SELECT 0.3", False),
    ("SELECT '4'", "SELECT 4", False),
    ("SELECT 'Cup'", "SELECT 'cup'", False),
    ("SELECT NULL", "SELECT ''", False),
    ("SELECT id FROM item WHERE id > 9", "SELECT price FROM item WHERE id > 9", True),
    ("SELECT id, id FROM item WHERE id > 9", "SELECT price FROM item WHERE id > 9", False),
    ("", "SELECT 1", False),
])  # fmt: skip
def test_execution_match(shop: Path, predicted: str, gold: str, equal: bool) -> None:
    assert execution_match(shop, predicted, gold) == Match(equal, "")


def test_ordered_can_be_said_and_columns_may_move() -> None:
    asked, gold = "SELECT price, name FROM item ORDER BY id DESC", "SELECT name, price FROM item ORDER BY id"
    assert not execution_match(SHOP, asked, gold, ordered=False).equal
    assert not execution_match(SHOP, asked, gold, any_column_order=True).equal
    assert execution_match(SHOP, asked, gold, ordered=False, any_column_order=True).equal


def test_errors_are_the_predictions_unless_the_gold_is_broken() -> None:
    assert execution_match(SHOP, "DROP TABLE item", "SELECT 1") == Match(False, "changing the schema is not allowed here")
    assert execution_match(SHOP, ENDLESS + "SELECT sum(n) FROM r", "SELECT 1", timeout=0.1) == Match(False, "time limit")
    assert execution_match(SHOP, ENDLESS + "SELECT n FROM r", "SELECT 1") == Match(False, "row limit")
    with pytest.raises(DataError, match="gold query fails"):
        execution_match(SHOP, "SELECT 1", "SELECT nothing FROM item")


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from("ab")), max_size=6), st.permutations(range(3)),
       st.randoms(use_true_random=False))  # fmt: skip
def test_any_order_of_rows_and_columns_is_found(rows: list[tuple[int, int, str]], order: list[int], random: Random) -> None:
    moved = [tuple(row[i] for i in order) for row in rows]
    assert same_rows(moved, rows, ordered=True, any_column_order=True)
    random.shuffle(moved)
    assert same_rows(moved, rows, ordered=False, any_column_order=True)
    if rows:
        assert not same_rows([*moved[:-1], (7, 7, "z")], rows, ordered=False, any_column_order=True)


def test_many_equal_columns_end_soon() -> None:
    wide = [(1,) * 40, (2,) * 40]
    assert same_rows(wide, wide, ordered=False, any_column_order=True)
    crossed = [tuple((i + j) % 2 for i in range(40)) for j in range(2)]
    assert not same_rows([(0,) * 20 + (1,) * 20, (1,) * 20 + (0,) * 20], wide, ordered=False, any_column_order=True)
    assert same_rows(crossed, crossed, ordered=False, any_column_order=True)


@pytest.mark.parametrize(("sql", "ordered"), [
    ("SELECT a FROM t ORDER  BY a", True),
    ("select a from t order\nby a limit 1;", True),
    ("SELECT a FROM (SELECT a FROM t ORDER BY a)", False),
    ("SELECT 'x ORDER BY y' FROM t -- ORDER BY a", False),
    ("SELECT `order by` FROM t", False),
    ("SELECT a FROM t WHERE b IN (SELECT 1) ORDER /* why */ BY a", True),
    ("SELECT a FROM t ORDER", False),
])  # fmt: skip
def test_is_ordered(sql: str, ordered: bool) -> None:
    assert is_ordered(sql) is ordered


@given(st.text())
def test_any_text_has_tokens(text: str) -> None:
    tokens(text)
