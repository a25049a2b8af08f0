"""MMSQL: its published tables from the released runs, the rule that finds SQL, exact-set match, and players with known scores."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr

import multiturn
from multiturn.api import Evaluation
from multiturn.conversation import Conversation, DataError, InputError
from multiturn.engine.data import DataFolder
from multiturn.judges.parse import Parsed
from multiturn.measures.agreement import spearman
from multiturn.protocols.scripted import ScriptedCase
from multiturn.systems.agent import mmsql_sample
from multiturn.systems.agent.mmsql import MMSQL
from multiturn.systems.agent.mmsql_data import KINDS, described, read, schema
from multiturn.systems.agent.mmsql_exact import exact_match
from multiturn.systems.agent.mmsql_figures import PUBLISHED, replay
from multiturn.systems.agent.mmsql_parse import Unreadable, parse
from multiturn.systems.agent.mmsql_prompts import Judged, judgement
from multiturn.systems.agent.mmsql_score import BROKEN_GOLD, OUTSIDE, extract_sql, is_sql, match
from multiturn.worlds.database import build_database, execution_match

TOY = {"singer": ("id", "name", "age"), "song": ("song_id", "singer_id", "title", "age")}
QUESTIONS = [q for dialogue in mmsql_sample.SAMPLE for q in dialogue.questions]
ANSWERABLE = sum(q.kind == "answerable" for q in QUESTIONS)


@pytest.fixture
def files(data_root: Path) -> Path:
    if not (data_root / "mmsql" / "outcomes_slim.csv").is_file():
        pytest.skip("MMSQL's released outcomes are not in the data folder")
    return data_root / "mmsql"


# -- released runs ------------------------------------------------------------------------------------------------------
def test_the_published_table_is_reproduced(files: Path) -> None:
    with (files / "outcomes_slim.csv").open(encoding="utf-8", newline="") as file:
        tables = replay(csv.DictReader(file))
    known = {"gemini-w": "gemini-1.5-flash + agents", "llama-w": "Llama-3-70B + agents"}
    checked = 0
    for run, table in tables.items():
        figures = [f for make in MMSQL.figures for f in make(table)]
        for number in PUBLISHED:
            if number.model == known.get(run, run):
                found = [f for f in figures if f.measure == number.measure and f.group == number.group and f.turn is None]
                assert len(found) == 1
                digits = 3 if number.measure == "type_f1" else 2
                assert round(found[0].value or -1, digits) == pytest.approx(number.value), (run, number)
                assert (found[0].low or 0) < number.value < (found[0].high or 0)
                checked += 1
    assert checked == 4 * 8 + 3


def test_the_judges_correlations_with_people_are_reproduced(files: Path) -> None:
    with (files / "human_vs_judge_rqs.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["gold_type"] == row["predict_type"]]
    for kind, n, linear, ranks in (("unanswerable", 21, 0.8610, 0.5649), ("ambiguous", 14, 0.9619, 0.8815),
                                   ("improper", 145, 0.7061, 0.6189)):  # fmt: skip
        judge, human = ([float(r[c]) for r in rows if r["gold_type"] == kind] for c in ("judge_rqs", "human_rqs"))
        assert len(judge) == n
        assert round(float(pearsonr(judge, human).statistic), 4) == linear
        assert round(spearman(judge, human).value or 0, 4) == ranks


def test_the_published_dialogues_are_read(files: Path) -> None:
    dialogues = list(read(files / "MMSQL_test.json"))
    assert len(dialogues) == 149
    counts = {kind: sum(q.kind == kind for d in dialogues for q in d.questions) for kind in KINDS}
    assert counts == {"answerable": 554, "unanswerable": 21, "ambiguous": 84, "improper": 149}
    queries = [q.answer for d in dialogues for q in d.questions if q.kind == "answerable"]
    assert sum(exact_match(q, q) is True for q in queries) == 551  # three are broken, or have conditions in parentheses
    assert all(is_sql(q, extract_sql(q)) for q in queries)


# -- reading a reply ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("reply", "sql", "counts"), [
    ("SELECT 1;", "SELECT 1", True),
    ("select a\nfrom t", "select a from t", True),
    ("```sql\nSELECT name FROM singer\n```", "SELECT name FROM singer", True),
    ("Here is the query that you asked for, with all that it needs: ```sql SELECT 1;```", "SELECT 1", False),
    ("I cannot tell.", "", False),
    ("", "", False),
    ("Which city do you mean?", "", False),
    ("SELECT", "SELECT", True),
])  # fmt: skip
def test_sql_is_half_of_the_reply(reply: str, sql: str, counts: bool) -> None:
    assert extract_sql(reply) == sql
    assert is_sql(reply, sql) is counts


def test_officially_a_fence_does_not_end_a_query() -> None:
    assert extract_sql("SELECT 1\n``` So.", official=True) == "SELECT 1 ``` So."


@given(st.text())
def test_any_reply_can_be_read(text: str) -> None:
    assert isinstance(is_sql(text, extract_sql(text)), bool)
    exact_match(text, "SELECT name FROM singer", TOY)


@pytest.mark.parametrize(("predicted", "gold", "same"), [
    ("SELECT age, name FROM singer", "SELECT name, age FROM singer", True),
    ("SELECT s.name FROM singer s", "SELECT T1.name FROM singer AS T1", True),
    ("SELECT singer.name AS n FROM singer ORDER BY n", "SELECT name FROM singer ORDER BY name", True),
    ("SELECT T2.title FROM song AS T2 JOIN singer AS T1 ON T1.id = T2.singer_id",
     "SELECT a.title FROM singer AS a JOIN song AS a2 ON a.id = a2.singer_id", False),
    ("SELECT T2.title FROM song AS T2 JOIN singer AS T1 ON T1.id = T2.singer_id",
     "SELECT b.title FROM singer AS a JOIN song AS b ON a.id = b.singer_id", True),
    ("SELECT name FROM singer WHERE age > 30", "SELECT name FROM singer WHERE age > 99", True),
    ("SELECT name FROM singer WHERE age > 30", "SELECT name FROM singer WHERE age < 30", False),
    ("SELECT name FROM singer WHERE age > 1 AND id = 2", "SELECT name FROM singer WHERE id = 7 AND age > 5", True),
    ("SELECT name FROM singer WHERE age > 1 OR id = 2", "SELECT name FROM singer WHERE id = 7 AND age > 5", False),
    ("SELECT DISTINCT name FROM singer", "SELECT name FROM singer", True),
    ("SELECT max(age) FROM singer", "SELECT min(age) FROM singer", False),
    ("SELECT count(*) FROM singer GROUP BY age", "SELECT count(*) FROM singer GROUP BY singer.age", True),
    ("SELECT age FROM singer GROUP BY age HAVING count(*) > 2", "SELECT age FROM singer GROUP BY age HAVING count(*) > 5", True),
    ("SELECT name FROM singer GROUP BY name HAVING count(*) > 2", "SELECT name FROM singer GROUP BY name", False),
    ("SELECT name FROM singer ORDER BY age", "SELECT name FROM singer ORDER BY age ASC", True),
    ("SELECT name FROM singer ORDER BY age DESC LIMIT 1", "SELECT name FROM singer ORDER BY age DESC LIMIT 5", True),
    ("SELECT name FROM singer ORDER BY age DESC LIMIT 1", "SELECT name FROM singer ORDER BY age DESC", False),
    ("SELECT name FROM singer WHERE id NOT IN (SELECT singer_id FROM song)",
     "SELECT name FROM singer WHERE id NOT IN (SELECT T1.singer_id FROM song AS T1)", True),
    ("SELECT name FROM singer WHERE id IN (SELECT singer_id FROM song)",
     "SELECT name FROM singer WHERE id NOT IN (SELECT singer_id FROM song)", False),
    ("SELECT name FROM singer EXCEPT SELECT title FROM song", "SELECT name FROM singer EXCEPT SELECT title FROM song", True),
    ("SELECT name FROM singer EXCEPT SELECT title FROM song", "SELECT name FROM singer UNION SELECT title FROM song", False),
    ("SELECT name FROM singer WHERE age BETWEEN 1 AND 2 AND name LIKE '%a%'",
     "SELECT name FROM singer WHERE name LIKE 'b' AND age BETWEEN 3 AND 4", True),
    ("SELECT sum(age) / count(*) FROM singer", "SELECT avg(age) FROM singer", False),
    ("SELECT nothing FROM singer", "SELECT name FROM singer", False),
    ("DROP TABLE singer", "SELECT name FROM singer", False),
    ("SELECT name FROM singer", "SELECT CASE WHEN age THEN 1 END FROM singer", None),
])  # fmt: skip
def test_exact_set_match(predicted: str, gold: str, same: bool | None) -> None:
    assert exact_match(predicted, gold, TOY) is same
    if same is not None:
        assert exact_match(gold, gold, TOY) is True


def test_queries_match_whose_answers_differ() -> None:
    toy = "CREATE TABLE singer (id, name, age); INSERT INTO singer VALUES (1, 'Ann', 40), (2, 'Bo', 20);"
    one, other = "SELECT name FROM singer WHERE age > 30", "SELECT name FROM singer WHERE age > 10"
    assert exact_match(one, other, TOY) is True
    assert exact_match(one, other, TOY, values=True) is False
    assert not execution_match(toy, one, other).equal
    assert match(toy, one, other) == (False, True, "", "")
    assert match(toy, one, other, official=True) == (False, False, "", "")


@pytest.mark.parametrize("text", ["(" * 5_000, "SELECT " + "(" * 300 + "a", "SELECT a FROM t WHERE a IN " + "(" * 5_000, "SELECT",
                                  "SELECT a FROM t WHERE a = (SELECT " * 50, "x" * 30_000, "SELECT a FROM t LIMIT", "SELECT FROM",
                                  "SELECT a FROM t LIMIT 1 2",
                                  "SELECT a FROM )", "SELECT a FROM t ORDER BY", "SELECT a FROM t WHERE"])  # fmt: skip
def test_what_is_no_query_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        parse(text)


def test_rows_as_sets_only_officially() -> None:
    toy = "CREATE TABLE t (a); INSERT INTO t VALUES (1), (1), (2);"
    assert match(toy, "SELECT DISTINCT a FROM t", "SELECT a FROM t").executed is False
    assert match(toy, "SELECT DISTINCT a FROM t", "SELECT a FROM t", official=True).executed is True
    assert match(toy, "SELECT a FROM t ORDER BY a DESC", "SELECT a FROM t order by a", official=True).executed is True
    assert match(toy, "SELECT a FROM t ORDER BY a DESC", "SELECT a FROM t ORDER BY a", official=True).executed is False


def test_a_broken_gold_query_is_not_the_models_fault() -> None:
    toy = "CREATE TABLE t (a);"
    for official in (False, True):
        assert match(toy, "SELECT a FROM t", "SELECT b FROM t", official=official)[0] is None
    assert match(toy, "SELECT a FROM t", "SELECT b FROM t").cause == BROKEN_GOLD
    assert match(toy, "SELECT a FROM t", "SELECT abs(a) FROM t") == (True, None, OUTSIDE, "")
    assert match(toy, "SELECT b FROM t", "SELECT a FROM t", official=True).error == "no such column: b"


# -- the judge's words --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("text", "found"), [
    ('{"reason": "fine", "kind": "ambiguous", "score": 8}', Judged("ambiguous", 8)),
    ('Well. {"AnswerType": "Improper.", "Score": "10"}', Judged("improper", 10)),
    ('{"kind": "ambiguous or unanswerable", "score": 8}', None),
    ('{"kind": "ambiguous", "score": 8} {"kind": "improper", "score": 8}', None),
    ('{"kind": "answerable", "score": 8}', None),
    ('{"kind": "ambiguous", "score": 11}', None),
    ('{"kind": "ambiguous"}', None),
    ('{"kind": ["ambiguous"], "score": 3}', None),
    ("{", None), ("", None),
])  # fmt: skip
def test_judgements_are_read_strictly(text: str, found: Judged | None) -> None:
    outcome = judgement(text)
    assert (outcome.value if isinstance(outcome, Parsed) else None) == found


# -- whole runs on the bundled sample -----------------------------------------------------------------------------------
def gold_kind(chat: Conversation) -> str:
    """A judge that believes what it is told about the question, and gives 9 points."""
    text = chat.messages[0].text
    kind = text.rpartition("(its true kind: ")[2].partition(")")[0]
    return json.dumps({"reason": "told", "kind": kind, "score": 9})


def oracle(chat: Conversation) -> str:
    return next(q.answer for q in QUESTIONS if q.text == chat.turns[-1].user.text)  # type: ignore[union-attr]


def play(model: Callable[[Conversation], str] | str, store: Path, judge: Callable[[Conversation], str] | None = gold_kind, *,
         official: bool = False, settings: tuple[str, ...] = ()) -> Evaluation:  # fmt: skip
    bench = MMSQL(source="sample", official=official)
    found: Evaluation = multiturn.evaluate(bench, model=model, judge=judge, store=store, settings=settings)
    return found


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


def test_the_oracle_is_right_everywhere(store: Path) -> None:
    # "See you tomorrow." and its like are unique in the sample; "Thanks a lot!" has one answer.
    found = play(oracle, store, settings=("gold", "multi"))
    for setting in ("gold", "multi"):
        for measure in ("type", "type_f1", "exact", "executed", "clarified", "acc_s", "duem", "iacc_s", "im", "iduem"):
            assert found.figure(measure, setting).value == 1.0, measure
        assert found.figure("rqs", setting).value == found.figure("rqs_overall", setting).value == 9.0
        assert found.figure("type", setting).n_scored == len(QUESTIONS)
        assert found.figure("exact", setting).n_scored == ANSWERABLE
        assert found.figure("iacc_s", setting).n_scored == len(mmsql_sample.SAMPLE)


def test_the_gold_player_needs_no_judge_for_sql(store: Path) -> None:
    found = play("gold", store, judge=None, official=True)
    assert found.figure("exact", "gold").value == found.figure("executed", "gold").value == 1.0
    assert found.figure("type", "gold").value == 1.0
    assert found.figure("type", "gold").n_unmeasured == len(QUESTIONS) - ANSWERABLE
    assert found.figure("rqs", "gold").value is None
    assert found.figure("iacc_s", "gold").value is None


def test_who_always_answers_in_sql(store: Path) -> None:
    def player(chat: Conversation) -> str:
        reply = oracle(chat)
        return reply if reply.startswith("SELECT") else "SELECT 1;"

    found = play(player, store)
    share = ANSWERABLE / len(QUESTIONS)
    assert found.figure("acc_s", "gold").value == pytest.approx(share)
    assert found.figure("duem", "gold").value == pytest.approx(share)
    assert found.figure("type_precision", "gold", "answerable").value == pytest.approx(share)
    assert found.figure("type_recall", "gold", "answerable").value == 1.0
    assert found.figure("type_f1", "gold").value == pytest.approx(2 * share / (1 + share) / 4)
    assert found.figure("im", "gold").value == 1.0
    assert found.figure("iacc_s", "gold").value == 0.0
    assert found.figure("rqs_overall", "gold").value == 0.0


def test_who_never_answers_in_sql(store: Path) -> None:
    def judge(chat: Conversation) -> str:
        return '{"kind": "improper", "score": 10}'

    found = play(lambda chat: "Hello there.", store, judge)
    polite = sum(q.kind == "improper" for q in QUESTIONS)
    assert found.figure("type", "gold").value == pytest.approx(polite / len(QUESTIONS))
    assert found.figure("type_precision", "gold", "improper").value == pytest.approx(polite / len(QUESTIONS))
    assert found.figure("rqs_overall", "gold").value == pytest.approx(10 / 3)
    assert found.figure("rqs", "gold", "improper").value == 10
    assert found.figure("im", "gold").value == 0.0
    assert found.figure("type_recall", "gold", "answerable").value == 0.0


def test_hostile_replies_are_bounded_and_counted(store: Path) -> None:
    said = ["DROP TABLE book; -- SELECT", "SELECT 1; DROP TABLE book;", "", "SELECT '" + "x" * 50_000, "SELECT \0 \ud800",
            "{" * 999, "SELECT * FROM book, book a, book b, book c, book d, book e, book f, book g, book h"]  # fmt: skip
    found = play(lambda chat: said[len(chat.turns[-1].user.text) % len(said)], store)  # type: ignore[union-attr]
    figure = found.figure("type", "gold")
    assert figure.n_scored + figure.n_failed == len(QUESTIONS)
    assert figure.n_failed > 0
    assert found.figure("executed", "gold").value == 0.0


def test_a_judge_of_two_minds_leaves_turns_out(store: Path) -> None:
    found = play(oracle, store, lambda chat: '{"kind": "ambiguous and improper", "score": 5}')
    rest = len(QUESTIONS) - ANSWERABLE
    assert found.figure("type", "gold").n_unmeasured == rest
    assert found.figure("rqs", "gold").n_unmeasured == rest
    assert found.figure("rqs", "gold").value is None
    assert found.result.unmeasured["judge reply not parsable"] > 0


def test_own_history_holds_the_models_words(tmp_path: Path) -> None:
    heard: dict[str, set[str]] = {"gold": set(), "multi": set()}
    for setting, into in heard.items():

        def player(chat: Conversation, into: set[str] = into) -> str:
            into.update(m.text for m in chat if m.role == "assistant")
            return "SELECT 0;"

        play(player, tmp_path / f"{setting}.db", settings=(setting,))
    assert heard["multi"] == {"SELECT 0;"}
    assert "SELECT count(*) FROM book;" in heard["gold"]
    assert "SELECT 0;" not in heard["gold"]


# -- files --------------------------------------------------------------------------------------------------------------
@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A folder in the published layout, with one of two databases."""
    items = [
        {"id": i, "db_name": name, "turns": [
            {"isuser": True, "text": "How many?", "type": "answerable"},
            {"isuser": False, "text": "", "query": "SELECT count(*) FROM t;"},
            {"isuser": False, "text": "ignored", "query": ""},
            {"isuser": True, "text": "Thanks", "type": "improper"},
            {"isuser": False, "text": "Bye", "query": ""},
        ]}
        for i, name in enumerate(("there", "missing"))
    ]  # fmt: skip
    folder = tmp_path / "data" / "mmsql"
    (folder / "database" / "there").mkdir(parents=True)
    (folder / "MMSQL_test.json").write_text(json.dumps(items))
    build_database(
        folder / "database" / "there" / "there.sqlite", 'CREATE TABLE t (a, "b c" TEXT); INSERT INTO t VALUES (1, NULL);'
    )
    return tmp_path / "data"


def test_published_files_are_played_where_their_databases_are(published: Path, store: Path) -> None:
    bench = MMSQL(DataFolder(published))
    first, _ = bench.cases()
    assert isinstance(first, ScriptedCase)
    assert [t.gold for t in first.turns] == ["SELECT count(*) FROM t;", "Bye"]
    assert 'CREATE TABLE t (a, "b c" TEXT);' in first.system
    assert "1, None" in first.system
    found = multiturn.evaluate(bench, model="gold", judge=gold_kind, store=store)
    assert (found.figure("acc_s", "gold").value, found.figure("acc_s", "gold").n_unmeasured) == (1.0, 2)
    assert "needs CoSQL's database: database/missing/missing.sqlite" in found.result.unmeasured


def test_without_the_files_the_sample_is_played(tmp_path: Path, published: Path) -> None:
    assert [case.id for case in MMSQL(DataFolder(tmp_path)).cases()] == [d.id for d in mmsql_sample.SAMPLE]
    (published / "mmsql" / "database" / "there" / "there.sqlite").unlink()
    assert next(iter(MMSQL(DataFolder(published)).cases())).id == "sample-1"
    with pytest.raises(InputError, match="auto, official or sample"):
        list(MMSQL(DataFolder(published), source="mine").cases())


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"id": 1}]', '[{"id": 1, "db_name": "../../etc", "turns": []}]',
    '[{"id": 1, "db_name": "x", "turns": [{"isuser": true, "text": "a", "type": "b"}, {"isuser": false}]}]',
])  # fmt: skip
def test_broken_files_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "MMSQL_test.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"MMSQL_test\.json"):
        list(read(path))


def test_the_sample_is_sound() -> None:
    assert {q.kind for q in QUESTIONS} == set(KINDS)
    for dialogue in mmsql_sample.SAMPLE:
        known = schema(dialogue.database)
        assert all(table in described(dialogue.database) for table in known)
        for q in dialogue.questions:
            assert (q.kind == "answerable") == is_sql(q.answer, extract_sql(q.answer))
            if q.kind == "answerable":
                assert match(dialogue.database, extract_sql(q.answer), q.answer) == (True, True, "", "")
                assert not execution_match(dialogue.database, "SELECT 'nothing'", q.answer).equal
