"""`multiturn calibrate`: cards of judges, blind sheets, corrected figures."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from commands import case, cases, inside
from multiturn.conversation import DataError
from multiturn.engine.cards import cards
from multiturn.engine.judge_id import judge_hash, judge_questions
from multiturn.engine.labelling import joint, read_labels
from multiturn.engine.runs import runs
from multiturn.engine.schema import VERSION
from multiturn.engine.store import Store
from multiturn.judges.card import Card
from multiturn.judges.card_words import sentences
from multiturn.measures.figure import Figure, Scale
from multiturn.models import make_model
from multiturn.systems.catalogue import make_system

PLAYERS = """
import json
def first(chat):
    return json.dumps({"reason": "-", "verdict": "A", "confidence": 99})
def answer(chat):
    said = chat.messages[-1].text
    return said if "2" in said else "I do not know."
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "players.py").write_text(PLAYERS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def card_of(folder: Path) -> Card:
    with Store(folder / "multiturn.db") as store:
        return cards(store)[0]


# -- a judge against a labelled set -----------------------------------------------------------------------------------
def test_a_judge_that_always_says_the_same_is_called_out(folder: Path) -> None:
    found = inside("calibrate", "judge?confidence=true", "--model", "script:players.py:first", "--limit", "20")
    assert found.code == 0, found.err
    words = " ".join(found.out.split())
    assert "It always answers the same (100 % of its verdicts are the first): it judges nothing." in words
    assert "It prefers the name A: 100 % of its verdicts name it (no favourite: 50 %)." in words
    assert "It prefers what is shown first" not in words
    assert "Where it is at least 90 % sure, it is wrong in 50 % of 20 items." in words
    card = card_of(folder)
    assert (card.method, card.labels, card.items) == ("judge?confidence=True", "bundled", 20)
    assert all(len(line) <= 80 for line in found.out.splitlines())


def test_a_judge_that_agrees_with_people(folder: Path) -> None:
    found = inside("calibrate", "judge?ask=reference", "--model", "gold", "--probe", "none", "--json", "-")
    assert found.code == 0, found.err
    (card,) = json.loads(found.out)["cards"]
    values = {(f["measure"], f["setting"]): f["value"] for f in card["figures"]}
    assert values["kappa", "plain"] == values["sensitivity", "plain"] == values["specificity", "plain"] == 1
    assert not any(setting == "swapped" for _, setting in values)


def test_the_same_command_again_asks_nothing(folder: Path) -> None:
    command = ("calibrate", "--model", "script:players.py:first", "--probe", "swapped")
    assert "48 calls made" in inside(*command).out
    assert "0 calls made, 48 from the record" in inside(*command).out


def test_cards_and_sets_are_listed(folder: Path) -> None:
    inside("calibrate", "--model", "gold", "--probe", "none")
    assert "kappa 1.00" in inside("calibrate", "--cards").out
    assert "llmbar" in inside("calibrate", "--sets").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((), "name who judges with --model"), (("patterns", "--model", "gold"), "`patterns` is a benchmark, no judge"),
     (("--model", "gold", "--on", "llmber"), "unknown labelled set `llmber`"),
     (("--model", "gold", "--probe", "longest"), "unknown probe `longest`"),
     (("judge?ask=point", "--model", "gold", "--on", "bundled"), "judges point items; `bundled` has pair items"),
     (("--model", "gold", "--on", "nowhere.jsonl"), "cannot read nowhere.jsonl"),
     (("--model", "gold", "--probe", "none", "--probe", "again"), "--probe none goes with no other probe"),
     (("judge?on=bundled", "--on", "llmbar", "--model", "gold"), "the labelled set is given twice"),
     (("--sets", "--cards"), "give one of --model"), (("last", "--labels", "x", "--sheet", "y"), "give one of --model"),
     (("last", "--labels", "x", "--model", "gold"), "give one of --model"),
     (("last", "--labels", "x.csv"), "holds no runs"), (("judgee", "--model", "gold"), "unknown benchmark `judgee`")],
)  # fmt: skip
def test_mistakes_are_one_clear_line(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    found = inside("calibrate", *arguments)
    assert found.code == 2
    assert message in found.err
    assert "Traceback" not in found.err


# -- a run's own judge ------------------------------------------------------------------------------------------------
def run_cases(folder: Path) -> None:
    cases(folder / "cases.jsonl", [case(str(i), f"Say number {i}.") for i in range(60)])
    found = inside("run", "cases.jsonl", "--model", "script:players.py:answer")
    assert found.code == 0, found.err + found.out


def filled(folder: Path, label: str = "yes") -> Path:
    with open(folder / "sheet.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for i, row in enumerate(rows):
        row["label"] = label if i % 3 else "no"
    path = folder / "filled.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_sheet_is_blind_and_comes_back(folder: Path) -> None:
    run_cases(folder)
    sheet = inside("calibrate", "last", "--sheet", "sheet.csv", "--items", "40")
    assert sheet.code == 0, sheet.err
    text = (folder / "sheet.csv").read_text(encoding="utf-8-sig")
    assert text.startswith("id,measure,turn,scale,criteria,conversation,label")
    assert len(list(csv.DictReader(io.StringIO(text)))) == 40
    found = inside("calibrate", "last", "--labels", str(filled(folder)))
    assert found.code == 0, found.err
    assert "Judge card" in found.out
    assert "prediction-powered" in found.out
    card = card_of(folder)
    assert card.items == 40
    assert len(card.pairs) == 40
    report = " ".join(inside("report").out.split())
    assert "The judge code, no model (cases, correct): kappa" in report
    assert "correct corrected, multi, script:players.py:answer:" in report
    page = inside("report", "--json", "-")
    assert json.loads(page.out)["cards"][0]["items"] == 40


def test_hostile_text_is_no_formula(folder: Path) -> None:
    (folder / "players.py").write_text("def answer(chat):\n    return '=HYPERLINK(1)'\n", encoding="utf-8")
    cases(folder / "cases.jsonl", [case("a", "one"), case("b", "two")])
    inside("run", "cases.jsonl", "--model", "script:players.py:answer")
    inside("calibrate", "last", "--sheet", "sheet.csv", "--items", "2")
    with open(folder / "sheet.csv", encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row.values())
            assert row["label"] == ""


@pytest.mark.parametrize(
    ("row", "message"),
    [("zz,yes", "field id: 'zz' is no judgement of this run"), ("a,maybe", "'maybe' is neither a number nor yes or no"),
     ("a,7", "field label: 7 is outside the scale of 0 to 1"), ("a,", "no row has a label"), ("a,1\na,1", "has a label already")],
)  # fmt: skip
def test_mistakes_on_a_sheet_are_named(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(f"id,label\n{row}\n", encoding="utf-8")
    with pytest.raises(DataError) as error:
        read_labels([str(path)], {"a": Scale()})
    assert message in str(error.value)


def test_sheets_as_spreadsheets_save_them(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_bytes("\ufeffid;label\r\na;Yes\r\nb; 0.5\r\n".encode())
    both = {"a": Scale(), "b": Scale()}
    assert read_labels([str(tmp_path / "s.csv")], both) == {"a": (1.0,), "b": (0.5,)}
    (tmp_path / "l.jsonl").write_text('{"id": "a", "label": true}\n{"id": "b", "label": null}\n', encoding="utf-8")
    assert read_labels([str(tmp_path / "l.jsonl")], both) == {"a": (1.0,)}
    (tmp_path / "zero.jsonl").write_text('{"id": "a", "label": false}\n{"id": "b", "label": 0}\n', encoding="utf-8")
    assert read_labels([str(tmp_path / "zero.jsonl")], both) == {"a": (0.0,), "b": (0.0,)}
    (tmp_path / "none.csv").write_text("id,said\n", encoding="utf-8")
    with pytest.raises(DataError, match="no column label"):
        read_labels([str(tmp_path / "none.csv")], {})
    (tmp_path / "book.csv").write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(DataError, match="is a workbook: save the sheet as CSV UTF-8"):
        read_labels([str(tmp_path / "book.csv")], {})


@pytest.mark.parametrize(
    "data",
    ['id;conversation;label\r\na;"é; x";3,5\r\nb;-;4\r\n'.encode(), 'Id;Conversation; Label\na;é;3,5\nb;;4\n'.encode("cp1252"),
     'id\tconversation\tlabel\na\té\t3,5\nb\t\t4\n'.encode("utf-16"), b'id,label\n"a","3.5"\nb,4\n'],
)  # fmt: skip
def test_sheets_of_any_country_and_program(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "s.csv").write_bytes(data)
    assert read_labels([str(tmp_path / "s.csv")], dict.fromkeys("ab", Scale(1, 5))) == {"a": (3.5,), "b": (4.0,)}


def test_labels_of_several_people_on_one_sheet_or_on_several(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("id,label,label2\na,1,0\nb,1,\nc,,0\n", encoding="utf-8")
    (tmp_path / "two.csv").write_text("id,label\na,1\nd,0\n", encoding="utf-8")
    scales = dict.fromkeys("abcd", Scale())
    found = read_labels([str(tmp_path / "one.csv"), str(tmp_path / "two.csv")], scales)
    assert found == {"a": (1, 0, 1), "b": (1, None, None), "c": (None, 0, None), "d": (None, None, 0)}
    assert joint((1, 0, 1), Scale(), classes=True) == 1
    assert joint((1, None, 0), Scale(), classes=True) == 0.5
    assert joint((1, None, 5, 3), Scale(1, 5), classes=False) == 3


def judged_run(folder: Path, *models: str) -> None:
    (folder / "players.py").write_text(JUDGED, encoding="utf-8")
    rows = [
        {"id": f"c{i}", "turns": [{"user": f"Say {i}", "rubric": f"says {i} and nothing else", "gold": str(i)}]}
        for i in range(60)
    ]
    cases(folder / "cases.jsonl", rows)
    given = [word for model in models or ("answer",) for word in ("--model", f"script:players.py:{model}")]
    found = inside("run", "cases.jsonl", *given, "--judge", "script:players.py:lenient", "--quiet")
    assert found.code == 0, found.err + found.out


JUDGED = """
def answer(chat):
    word = chat.message.text.split()[-1]
    return word if len(word) % 2 else "nothing"
def other(chat):
    return chat.message.text + ";=1+1\\n+2"
def lenient(chat):
    return "[[10]]" if "nothing" not in chat.messages[0].text or len(chat.messages[0].text) % 3 else "[[1]]"
"""


def test_a_sheet_says_what_counts_and_is_never_written_over(folder: Path) -> None:
    judged_run(folder, "other")
    assert inside("calibrate", "last", "--sheet", "sheet.csv", "--items", "10").code == 0
    before = (folder / "sheet.csv").read_bytes()
    with open(folder / "sheet.csv", encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            n = row["conversation"].split()[4]
            assert row["criteria"] == f"says {n} and nothing else\nReference: {n}"
            assert row["conversation"].endswith(f"Say {n};'=1+1\n'+2")  # no formula, wherever a spreadsheet splits it
    again = inside("calibrate", "last", "--sheet", "sheet.csv")
    assert (again.code, "labels may be in it" in again.err) == (2, True)
    assert (folder / "sheet.csv").read_bytes() == before
    none = inside("calibrate", "last", "--sheet", "more.csv", "--measure", "correct")
    assert (none.code, "unknown measure of run" in none.err) == (2, True)


def test_a_judge_of_stored_conversations_has_the_card_of_its_calibration(folder: Path) -> None:
    run_cases(folder)
    item = {"prompt": "What is 2 and 2?", "answer": "4", "label": 5}
    (folder / "mine.jsonl").write_text(json.dumps(item) + "\n", encoding="utf-8")
    (folder / "scorer.py").write_text("def score(chat):\n    return '{\"score\": 3}'\n", encoding="utf-8")
    model = "script:scorer.py:score"
    assert inside("calibrate", "judge?ask=point", "--on", "mine.jsonl", "--model", model, "--probe", "none").code == 0
    with Store(folder / "multiturn.db") as store:
        first = [row.id for row in runs(store)][-1]
    assert inside("score", first, "--measure", "judge?ask=point", "--judge", model, "--json", "s.json").code == 0
    (card,) = json.loads((folder / "s.json").read_text(encoding="utf-8"))["cards"]
    assert card["own"]
    sheet = inside("calibrate", "last", "--sheet", "sheet.csv", "--items", "40")
    assert sheet.code == 0, sheet.err
    done = inside("calibrate", "last", "--labels", labelled(folder, "f.csv", lambda i, c: {"label": 1 + i % 5}))
    assert done.code == 0, done.err
    assert "prediction-powered" in done.out


def test_of_a_long_conversation_the_sheet_has_the_end(folder: Path) -> None:
    (folder / "players.py").write_text("def answer(chat):\n    return 'x' * 40_000 + 'END'\n", encoding="utf-8")
    cases(folder / "cases.jsonl", [case("a", "one"), case("b", "two")])
    inside("run", "cases.jsonl", "--model", "script:players.py:answer")
    inside("calibrate", "last", "--sheet", "sheet.csv", "--items", "2")
    text = (folder / "sheet.csv").read_text(encoding="utf-8-sig")
    assert text.count("xEND") == 2
    assert "characters before this are left out" in text


def labelled(folder: Path, name: str, labels: Callable[[int, str], dict[str, object]], sheet: str = "sheet.csv") -> str:
    """The sheet with labels by row number and conversation."""
    with open(folder / sheet, encoding="utf-8-sig", newline="") as file:
        rows = [{**row, **labels(i, row["conversation"])} for i, row in enumerate(csv.DictReader(file))]
    with open(folder / name, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return name


def test_labels_of_two_people_stand_on_the_card(folder: Path) -> None:
    judged_run(folder, "answer", "other")
    inside("calibrate", "last", "--sheet", "sheet.csv", "--items", "80")

    def two(i: int, conversation: str) -> dict[str, object]:
        right = 10 if conversation.split()[4] == conversation.split("] ")[-1] else 1
        return {"label": right, "label2": right if i % 5 else 11 - right}

    path = labelled(folder, "f.csv", two)
    found = inside("calibrate", "last", "--labels", path, "--json", "-")
    assert found.code == 0, found.err
    (judge,) = json.loads(found.out)["judges"]
    figures = {f["measure"]: f for f in judge["card"]["figures"]}
    assert 0 < figures["people's alpha"]["value"] < 1
    assert figures["people's alpha"]["n_scored"] == 80
    assert figures["sensitivity"]["n_scored"] + figures["specificity"]["n_scored"] == 64  # where people are not divided
    how = {(e["model"], e["how"]): e["found"] for e in judge["corrected"]}
    assert len(how) == 4
    for found_ in how.values():
        assert found_["low"] <= found_["value"] <= found_["high"], found_
    # The same run labelled again: the later labels are the run's, and each mean is corrected once.
    again = inside("calibrate", "last", "--labels", labelled(folder, "g.csv", lambda i, c: {"label": "yes" if i % 2 else "no"}))
    assert again.code == 0, again.err
    assert [card.labels.split()[0] for card in cards_in(folder)] == ["g.csv"]
    report = json.loads(inside("report", "--json", "-").out)
    corrected = [f for f in report["figures"] if f["kind"] == "corrected"]
    assert sorted(f["model"][-6:] for f in corrected) == [":other", "answer"]


def cards_in(folder: Path) -> list[Card]:
    with Store(folder / "multiturn.db") as store:
        return cards(store)


def test_a_judge_in_code_is_not_one_of_another_benchmark(folder: Path) -> None:
    run_cases(folder)
    inside("calibrate", "last", "--sheet", "sheet.csv", "--items", "40")
    assert inside("calibrate", "last", "--labels", str(filled(folder))).code == 0
    cases(folder / "others.jsonl", [case(str(i), f"Say number {i}.") for i in range(5)])
    inside("run", "others.jsonl", "--model", "script:players.py:answer", "--quiet")
    assert json.loads(inside("report", "--json", "-").out)["cards"] == []
    inside("run", "cases.jsonl", "--model", "gold", "--quiet")
    (card,) = json.loads(inside("report", "--json", "-").out)["cards"]
    assert card["own"]


# -- cards in the store ---------------------------------------------------------------------------------------------------
def test_a_card_of_the_same_model_asked_something_else_is_marked(folder: Path) -> None:
    inside("calibrate", "judge", "--model", "script:players.py:first", "--probe", "none")
    judge = ("--model", "script:players.py:first", "--quiet")
    for name, own in (("judge", True), ("judge?on=bundled", True), ("judge?both=true", False), ("judge?ties=true", False)):
        inside("run", name, *judge)
        (card,) = json.loads(inside("report", "--json", "-").out)["cards"]
        assert card["own"] is own, name
        report = " ".join(inside("report").out.split())
        assert ("asked something else than here" in report) is not own, name
        inside("report", "--html", "page.html")
        assert card["summary"] in (folder / "page.html").read_text(encoding="utf-8"), name


def test_an_older_store_is_read_and_brought_up_to_date(folder: Path) -> None:
    run_cases(folder)
    assert inside("calibrate", "last", "--sheet", "sheet.csv", "--items", "40").code == 0
    with contextlib.closing(sqlite3.connect(folder / "multiturn.db")) as db:  # as version 1 wrote it
        db.execute("DROP TABLE cards")
        db.execute("PRAGMA user_version = 1")
        db.commit()
    assert inside("report").code == 0
    assert "There are no judge cards" in inside("calibrate", "--cards").out
    assert inside("calibrate", "last", "--labels", str(filled(folder))).code == 0
    with contextlib.closing(sqlite3.connect(folder / "multiturn.db")) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == VERSION
    assert len(cards_in(folder)) == 1


def test_merged_stores_have_the_cards_of_both(folder: Path) -> None:
    for store, judge in (("a.db", "judge"), ("b.db", "judge?ask=point")):
        inside("calibrate", judge, "--model", "gold", "--probe", "none", "--store", store)
    assert inside("cache", "merge", "a.db", "b.db", "--into", "c.db").code == 0
    found = json.loads(inside("calibrate", "--cards", "--store", "c.db", "--json", "-").out)["cards"]
    assert {card["method"] for card in found} == {"judge", "judge?ask=point"}


def test_a_judge_that_likes_its_family(folder: Path) -> None:
    rows = [{"prompt": f"{i}?", "first": f"x{i}", "second": f"y{i}", "label": "first" if i % 2 else "second",
             "authors": ["gpt-4", "claude-3"]} for i in range(60)]  # fmt: skip
    (folder / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "gpt-4o.py").write_text(PLAYERS, encoding="utf-8")
    for name, own in (("gpt-4o.py", True), ("players.py", False)):
        found = inside("calibrate", "--model", f"script:{name}:first", "--on", "items.jsonl", "--probe", "none", "--json", "-")
        (card,) = json.loads(found.out)["cards"]
        favour = [f["value"] for f in card["figures"] if f["measure"] == "favours own family"]
        assert favour == ([0.5] if own else []), name
        words = "Being written by a model of its own family gains an answer 50.0 % of comparisons, beyond what people give for it"
        assert any(words in sentence for sentence in card["sentences"]) is own


def test_a_card_on_few_items_does_not_take_the_place_of_one_on_many(folder: Path) -> None:
    command = ("calibrate", "judge", "--model", "script:players.py:first", "--probe", "again")
    whole = inside(*command)
    stopped = inside(*command, "--seed", "1", "--max-calls", "0", "--limit", "5")
    assert "stays: it rests on more items (24)" in " ".join(stopped.out.split())
    (card,) = cards_in(folder)
    assert (card.items, card.planned) == (24, 24)
    assert "held against 24 items" in whole.out
    (folder / "other.db").unlink(missing_ok=True)
    part = inside(*command, "--max-calls", "9", "--store", "other.db")
    assert part.code == 3
    words = " ".join(part.out.split())
    assert "of 24 items of bundled" in words
    assert "could not be read" not in words
    with Store(folder / "other.db") as store:
        (card,) = cards(store)
    assert 0 < card.items < 24 == card.planned
    assert inside(*command, "--store", "other.db").code == 0
    with Store(folder / "other.db") as store:
        assert [c.items for c in cards(store)] == [24]


# -- who is that judge ------------------------------------------------------------------------------------------------
def test_a_judge_is_what_it_is_asked_of_whom_and_how() -> None:
    plain, both = make_system("judge"), make_system("judge?ask=point")
    assert len(judge_questions(plain, "assistant")) == 1
    assert judge_questions(plain, "assistant") != judge_questions(both, "assistant")
    first, second = (make_model(f"http://localhost:9/v1#m?temperature={t}", environ={}) for t in (0, 1))
    assert judge_hash(plain, first, "assistant") == judge_hash(make_system("judge"), first, "assistant")
    assert judge_hash(plain, first, "assistant") != judge_hash(plain, second, "assistant")
    assert judge_hash(plain, first, "assistant") != judge_hash(both, first, "assistant")
    assert judge_hash(plain, first, "assistant") != judge_hash(make_system("judge?both=true"), first, "assistant")


def test_a_judge_is_the_same_on_any_labelled_set(data_root: Path, tmp_path: Path) -> None:
    from multiturn.engine.data import DataFolder

    model, folder = make_model("http://localhost:9/v1#m", environ={}), DataFolder(data_root)
    rows = ({"prompt": f"What {i}?", "first": "no", "second": "Yes, it is.", "label": "second"} for i in range(3))
    mine = tmp_path / "mine.jsonl"
    mine.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for slug in ("judge", "br-rm", "arjudge"):
        systems = [make_system(f"{slug}?on={on}", folder) for on in ("bundled", "llmbar-natural", str(mine))]
        assert len({judge_hash(s, model, "assistant") for s in systems}) == 1, slug
    ties = tmp_path / "ties.jsonl"
    ties.write_text(json.dumps({"prompt": "?", "first": "x", "second": "y", "label": "tie"}) + "\n", encoding="utf-8")
    with_ties, without = (make_system(f"judge?on={on}", folder) for on in (ties, mine))
    assert judge_hash(with_ties, model, "assistant") != judge_hash(without, model, "assistant")


def test_a_panel_is_another_judge_than_one_of_it(folder: Path) -> None:
    one, two = (make_model(f"http://localhost:9/v1#m{n}", environ={}) for n in (1, 2))
    judge, panel = make_system("judge"), make_system("arjudge")
    assert judge_hash(judge, one, "assistant", [two]) == judge_hash(judge, one, "assistant")  # it asks one judge only
    assert judge_hash(panel, one, "assistant", [two]) != judge_hash(panel, one, "assistant")
    assert judge_hash(panel, one, "assistant", [two]) != judge_hash(panel, two, "assistant", [one])
    asked = inside("calibrate", "judge", "--model", "script:players.py:first", "--judge", "gold", "--probe", "none")
    assert "`judge` asks one judge; --judge gold is not asked" in asked.err
    assert asked.code == 0
    (folder / "players.py").write_text(REFINED, encoding="utf-8")
    models = ("--model", "script:players.py:analyser", "--judge", "script:players.py:refiner", "--probe", "none")
    found = inside("calibrate", "arjudge", *models, "--limit", "4")
    assert found.code == 0, found.err
    card = cards_in(folder)[0]
    assert card.model == "script:players.py:analyser + script:players.py:refiner"
    inside("run", "arjudge", *models[:4], "--setting", "plain", "--limit", "4", "--quiet")
    assert [c["own"] for c in json.loads(inside("report", "--json", "-").out)["cards"]] == [True]


REFINED = """
def analyser(chat):
    return "1. Is it right?" if "will be compared" in chat.messages[0].text else "Analysis: both are fine."
def refiner(chat):
    return "Therefore, Response 1 is better."
"""


def test_the_judge_of_a_benchmark_is_known_by_its_questions(data_root: Path) -> None:
    from multiturn.engine.data import DataFolder

    asked = judge_questions(make_system("mt-bench", DataFolder(data_root)), "judge")
    assert len(asked) == 16  # two turns of a question of each of four groups, each asked once more when it cannot be read
    assert judge_questions(make_system("patterns"), "judge") == []


# -- in words ---------------------------------------------------------------------------------------------------------
def figure(measure: str, value: float, low: float, high: float, setting: str = "plain", note: str = "") -> Figure:
    return Figure(measure=measure, value=value, low=low, high=high, setting=setting, note=note)


def test_what_figures_say() -> None:
    assert sentences([]) == ("Nothing about this judge could be measured.",)
    chance = sentences([figure("kappa", 0.02, -0.1, 0.14)])
    assert chance == ("It agrees with people no more than chance would (kappa 0.02 [-0.10, 0.14]).",)
    few = sentences([figure("kappa", 0.3, -0.2, 0.7)])[0]
    assert few.endswith("more labels would tell.")
    biased = sentences([figure("points longer", 0.2, 0.15, 0.25, "longer - plain"), figure("error", 0, 0, 0)])
    assert biased == ("Padding with empty sentences gains an answer 20.0 % of the scale: a bias.",)
    looks = sentences([figure("points styled", 0.2, 0.1, 0.3, "styled - plain"),
                       figure("points flawed", -0.05, -0.09, -0.01, "flawed - plain")])  # fmt: skip
    assert looks[-1].startswith("Looks count more than content")
    assert not sentences([figure("points longer", 0.02, -0.1, 0.14, "longer - plain")])[0].startswith("Padding")


def said(*figures: Figure) -> str:
    return " ".join(sentences(figures))


def test_the_end_of_the_scale_of_agreement() -> None:
    assert (
        said(figure("kappa", -1, -1, -0.6)) == "It contradicts people more often than chance would (kappa -1.00 [-1.00, -0.60])."
    )
    assert said(figure("kappa", -0.07, -0.14, -0.01)).startswith("It agrees with people no more than chance would")
    unsure = said(figure("kappa", 0.67, -0.02, 0.93))
    assert unsure == "Its agreement with people cannot be told from chance (kappa 0.67 [-0.02, 0.93]); more labels would tell."
    one = msgspec.structs.replace(figure("kappa", 1, 1, 1), low=None, high=None)
    assert said(one) == "Too few independent items to say how far it agrees with people (kappa 1.00)."
    assert "that is what a judge can be held to" in said(figure("kappa", 0.5, 0.4, 0.6), figure("people's alpha", 0.6, 0.5, 0.7))


def test_always_the_same_is_no_verdict_on_a_judge_of_uneven_labels() -> None:
    def frequent(verdict: float, label: float, n: int = 40, same: bool = True) -> list[Figure]:
        found = [figure("most frequent verdict", verdict, 0, 1, note="right"),
                 figure("most frequent label", label, 0, 1, note="right" if same else "wrong")]  # fmt: skip
        return [msgspec.structs.replace(f, n_scored=n) for f in found]

    assert "judges nothing" in said(*frequent(1, 0.5))
    assert "judges nothing" not in said(*frequent(0.96, 0.93), figure("kappa", 0.7, 0.4, 0.9))
    assert "too few to say that it always does" in said(*frequent(1, 0.5, n=4))
    assert "these items cannot tell whether it judges" in said(*frequent(1, 1))
    assert "these items cannot tell whether it judges" in said(*frequent(1, 0.97))
    assert said(*frequent(0.7, 1)).startswith("All labels are the same (right): agreement beyond chance cannot be measured")
    assert "judges nothing" in said(*frequent(1, 1, same=False))
    alpha = figure("alpha", 0.01, 0.001, 0.02)
    assert said(*frequent(1, 0.3, same=False), alpha).startswith("It always answers the same")
    assert "agrees with people" not in said(*frequent(1, 0.3, same=False), alpha)


def test_what_cannot_be_said() -> None:
    assert said(figure("unparsable", 1, 0.8, 1)) == "None of its replies could be read: nothing can be said of its judgement."
    assert said(figure("same verdict", 1, 0.8, 1, "again")).startswith("The items have no labels")


def test_an_effect_without_any_spread_is_still_an_effect() -> None:
    found = figure("points longer", 0.25, -0.11, 0.47, "longer - plain", note="p < 0.001")
    assert "Padding with empty sentences gains an answer 25.0 % of the scale: a bias." in said(found)
    several = [figure(f"points {name}", 0.2, 0, 0.4, f"{name} - plain", note="p = 0.030") for name in ("longer", "styled")]
    assert "bias" in said(several[0])
    assert "bias" not in said(*several)  # two were looked for


def test_a_flaw_that_moves_nothing_counts_only_where_it_would_be_seen() -> None:
    for low, words in ((-0.1, "it is not seen to notice mistakes"), (-0.9, "too few items to say whether it notices mistakes")):
        assert words in said(figure("points flawed", 0, low, 0.1, "flawed - plain"))


def test_confidence_in_words() -> None:
    off = [figure("ECE", 0.4, 0.3, 0.5), figure("confidence", 0.95, 0.9, 1), figure("correct", 0.55, 0.5, 0.6)]
    assert "off by 40 % on average, too high" in said(*off)
    assert "off by 15 % (calibration error): no more than noise makes it" in said(figure("ECE", 0.15, 0, 0.3))


def test_the_help_names_everything(folder: Path) -> None:
    found = inside("calibrate", "--help")
    for option in ("--model", "--on", "--probe", "--labels", "--sheet", "--sets", "--cards"):
        assert option in found.out
