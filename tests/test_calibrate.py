"""`multiturn calibrate`: cards of judges, blind sheets, corrected figures."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import msgspec
import pytest

from commands import case, cases, inside
from multiturn.conversation import DataError
from multiturn.engine.cards import cards
from multiturn.engine.judge_id import judge_hash, judge_questions
from multiturn.engine.labelling import read_labels
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
    assert text.startswith("id,measure,turn,scale,conversation,label")
    assert len(list(csv.DictReader(io.StringIO(text)))) == 40
    found = inside("calibrate", "last", "--labels", str(filled(folder)))
    assert found.code == 0, found.err
    assert "Judge card" in found.out
    assert "prediction-powered" in found.out
    card = card_of(folder)
    assert card.items == 40
    assert len(card.pairs) == 40
    report = " ".join(inside("report").out.split())
    assert "The judge code, no model (cases, correct) has kappa" in report
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
        read_labels(str(path), {"a": Scale()})
    assert message in str(error.value)


def test_sheets_as_spreadsheets_save_them(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_bytes("\ufeffid;label\r\na;Yes\r\nb; 0.5\r\n".encode())
    assert read_labels(str(tmp_path / "s.csv"), {"a": Scale(), "b": Scale()}) == {"a": 1.0, "b": 0.5}
    (tmp_path / "l.jsonl").write_text('{"id": "a", "label": true}\n{"id": "b", "label": null}\n', encoding="utf-8")
    assert read_labels(str(tmp_path / "l.jsonl"), {"a": Scale(), "b": Scale()}) == {"a": 1.0}
    (tmp_path / "bad.csv").write_bytes(b"id,label\n\xff\xfe,1\n")
    with pytest.raises(DataError, match="not UTF-8"):
        read_labels(str(tmp_path / "bad.csv"), {})
    (tmp_path / "none.csv").write_text("id,said\n", encoding="utf-8")
    with pytest.raises(DataError, match="no column label"):
        read_labels(str(tmp_path / "none.csv"), {})


# -- who is that judge ------------------------------------------------------------------------------------------------
def test_a_judge_is_what_it_is_asked_of_whom_and_how() -> None:
    plain, both = make_system("judge"), make_system("judge?ask=point")
    assert len(judge_questions(plain, "assistant")) == 1
    assert judge_questions(plain, "assistant") != judge_questions(both, "assistant")
    first, second = (make_model(f"http://localhost:9/v1#m?temperature={t}", environ={}) for t in (0, 1))
    assert judge_hash(plain, first, "assistant") == judge_hash(make_system("judge"), first, "assistant")
    assert judge_hash(plain, first, "assistant") != judge_hash(plain, second, "assistant")
    assert judge_hash(plain, first, "assistant") != judge_hash(both, first, "assistant")


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
    unsure = said(figure("kappa", 0.67, -0.02, 0.93))
    assert unsure == "Its agreement with people cannot be told from chance (kappa 0.67 [-0.02, 0.93]); more labels would tell."
    one = msgspec.structs.replace(figure("kappa", 1, 1, 1), low=None, high=None)
    assert said(one) == "Too few independent items to say how far it agrees with people (kappa 1.00)."
    assert "more cannot be asked of a judge" in said(figure("kappa", 0.5, 0.4, 0.6), figure("people's alpha", 0.6, 0.5, 0.7))


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


def test_confidence_in_words() -> None:
    off = [figure("ECE", 0.4, 0.3, 0.5), figure("confidence", 0.95, 0.9, 1), figure("correct", 0.55, 0.5, 0.6)]
    assert "off by 40 % on average, too high" in said(*off)
    assert "No calibration error beyond noise" in said(figure("ECE", 0.15, 0, 0.3))


def test_the_help_names_everything(folder: Path) -> None:
    found = inside("calibrate", "--help")
    for option in ("--model", "--on", "--probe", "--labels", "--sheet", "--sets", "--cards"):
        assert option in found.out
