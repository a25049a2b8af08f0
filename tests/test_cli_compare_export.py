"""`multiturn compare` and `multiturn export`."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from inprocess import Command, command, execute
from multiturn.conversation import Conversation
from multiturn.engine.plan import Plan
from multiturn.engine.replay import GoldModel
from multiturn.models.base import Model
from multiturn.systems.catalogue import make_system
from players import FunctionModel


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return command(monkeypatch, capsys, tmp_path)


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """Ten cases of two turns in two groups; turn 2 has a stand-alone form."""
    rows = [
        {
            "id": f"c{i}",
            "group": "even" if i % 2 == 0 else "odd",
            "turns": [{"user": f"Say {i}.", "target": f"word{i}"}, {"user": "Again.", "target": f"word{i}"}],
            "single": f"Say word{i}.",
        }
        for i in range(10)
    ]
    path = tmp_path / "cases.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def knows(*right: int, alone: bool = True) -> Callable[[Conversation], str]:
    """Says the right word of these cases, whatever the turn; of all others too when asked alone."""

    def answer(chat: Conversation) -> str:
        first = chat.turns[0].user
        assert first is not None
        text = first.text.removeprefix("Say ").removesuffix(".")
        if alone and text.startswith("word"):
            return text
        return f"word{text}" if text.isdigit() and int(text) in right else "no"

    return answer


def play(folder: Path, cases: Path, *models: Model, settings: tuple[str, ...] = ("multi",)) -> str:
    return execute(folder / "multiturn.db", Plan([make_system(str(cases))], models, settings=settings))


def model(name: str, *right: int) -> FunctionModel:
    return FunctionModel(knows(*right), name)


def compared(run: Command, *args: str) -> list[dict[str, object]]:
    done = run("compare", *args, "--json", "-")
    assert done.code == 0, done.err
    found: list[dict[str, object]] = json.loads(done.out)["comparisons"]
    return found


# -- compare ------------------------------------------------------------------------------------------------------
def test_two_runs_are_paired_question_by_question(run: Command, tmp_path: Path, cases: Path) -> None:
    a = play(tmp_path, cases, model("a", 0, 1, 2, 3))
    b = play(tmp_path, cases, model("b", 0, 1, 4, 5, 6, 7))
    (found,) = compared(run, a, b)
    whole, *groups = found["differences"]  # type: ignore[misc]
    assert whole["value"] == pytest.approx(0.2)
    assert (whole["gained"], whole["lost"], whole["questions"]) == (8, 4, 20)  # both turns of each case
    assert (whole["first"], whole["second"]) == (pytest.approx(0.4), pytest.approx(0.6))
    assert whole["low"] < 0.2 < whole["high"]
    assert whole["n_cases"] == 10
    assert whole["effect"] is not None
    assert {g["group"] for g in groups} == {"even", "odd"}
    flips = found["flips"]
    assert len(flips) == 12  # type: ignore[arg-type]
    assert flips[0]["case"] == "c2"  # type: ignore[index]
    backwards = compared(run, b, a)[0]["differences"]
    assert backwards[0]["value"] == pytest.approx(-0.2)  # type: ignore[index]


def test_without_names_the_last_run_against_the_one_before(run: Command, tmp_path: Path, cases: Path) -> None:
    a = play(tmp_path, cases, model("a", 0))
    b = play(tmp_path, cases, model("b", 1, 2))
    assert compared(run) == compared(run, "previous", "last") == compared(run, a, b) == compared(run, a)


def test_flips_are_listed(run: Command, tmp_path: Path, cases: Path) -> None:
    play(tmp_path, cases, model("a", 0))
    play(tmp_path, cases, model("b", 1))
    out = run("compare", "--flips").out
    assert "flips: 4" in out
    assert "− c0 turn 1 (correct, multi, even): 1 → 0" in out
    assert "+ c1 turn 2 (correct, multi, odd): 0 → 1" in out


def test_two_settings_of_one_run(run: Command, tmp_path: Path, cases: Path) -> None:
    play(tmp_path, cases, model("a", 0, 1, 2), settings=("multi", "single"))
    (found,) = compared(run, "--settings", "single", "multi")
    whole = found["differences"][0]  # type: ignore[index]
    assert whole["value"] == pytest.approx(-0.7)
    assert (whole["questions"], whole["lost"]) == (10, 7)
    assert found["first"]["setting"] == "single"  # type: ignore[index]
    assert "did you mean `single`" in run("compare", "--settings", "singel", "multi").err


def test_two_models_of_one_run(run: Command, tmp_path: Path, cases: Path) -> None:
    play(tmp_path, cases, model("a", 0), model("b", 0, 1))
    (found,) = compared(run, "--models", "a", "b")
    assert found["differences"][0]["value"] == pytest.approx(0.1)  # type: ignore[index]
    assert "unknown model of run" in run("compare", "--models", "a", "c").err


def test_what_does_not_match_is_refused_with_the_reason(run: Command, tmp_path: Path, cases: Path) -> None:
    assert "no store" in run("compare").err
    a = play(tmp_path, cases, model("a", 0))
    assert "no previous one" in run("compare").err
    assert "with itself" in run("compare", a, a).err
    other = execute(tmp_path / "multiturn.db", Plan([make_system("patterns?cases=1")], [model("a", 0)], settings=["multi"]))
    assert "no benchmark in common" in run("compare", a, other).err
    again = execute(tmp_path / "multiturn.db", Plan([make_system("patterns?cases=1&seed=2")], [model("a")], settings=["multi"]))
    done = run("compare", other, again)
    assert done.code == 2
    assert "ask something else (patterns?cases=1 against patterns?cases=1&seed=2)" in done.err
    alone = play(tmp_path, cases, model("a", 0), settings=("single",))
    assert "no setting in common (multi against single)" in run("compare", a, alone).err
    two = play(tmp_path, cases, model("x"), model("y"))
    assert "no model in common" in run("compare", a, two).err


def test_cases_that_were_edited_are_left_out_and_said(run: Command, tmp_path: Path, cases: Path) -> None:
    a = play(tmp_path, cases, model("a", 0, 1))
    cases.write_text(cases.read_text().replace("Say 3.", "Please say 3."))
    b = play(tmp_path, cases, model("b", 0, 1, 2))
    (found,) = compared(run, a, b)
    assert found["differences"][0]["n_cases"] == 9  # type: ignore[index]
    assert "left out: 1 case of 10" in found["notes"][0]  # type: ignore[index]


def test_another_judge_is_said(run: Command, tmp_path: Path, cases: Path) -> None:
    a = play(tmp_path, cases, model("a", 0, 1))
    plan = Plan([make_system(str(cases))], [model("b", 1)], settings=["multi"], roles={"judge": model("j")})
    b = execute(tmp_path / "multiturn.db", plan)
    assert "judged differently (judge: j and none)" in run("compare", a, b).out


# -- export -------------------------------------------------------------------------------------------------------
@pytest.fixture
def played(tmp_path: Path, cases: Path) -> str:
    return play(tmp_path, cases, model("a", 0, 1, 2), settings=("multi", "single"))


def test_export_chats(run: Command, tmp_path: Path, played: str) -> None:
    done = run("export", "last", "out.jsonl")
    assert "wrote 20 conversations to out.jsonl" in done.out
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert rows[0]["run"] == played
    assert [m["role"] for m in rows[0]["messages"]] == ["user", "assistant"] * 2
    assert rows[0]["verdicts"][0]["measure"] == "correct"


def test_export_tables(run: Command, tmp_path: Path, played: str) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet needs pyarrow")
    assert "wrote 30 verdicts" in run("export", "last", "out.csv").out
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(float(row["value"]) for row in rows if row["setting"] == "multi") == 6
    run("export", played, "out.parquet")
    assert parquet.read_table(tmp_path / "out.parquet").num_rows == 30
    assert "figures" in run("export", "last", "figures.csv", "--what", "figures").out
    assert (tmp_path / "figures.csv").read_text().startswith("system,model,setting,measure")


def test_export_junit(run: Command, tmp_path: Path, played: str) -> None:
    assert "7 conversations failed" in run("export", "last", "results.txt", "--to", "junit").out
    suites = ElementTree.parse(tmp_path / "results.txt").getroot()
    assert (suites.get("tests"), suites.get("failures")) == ("20", "7")


def test_export_says_what_is_wrong(run: Command, played: str) -> None:
    for args, message in (
        (("last", "out.foo"), "say what to write with --to"),
        (("zzz", "out.csv"), "no run `zzz`"),
        (("last", "nowhere/out.csv"), "cannot write"),
        (("last", "nowhere/out.jsonl"), "cannot write"),
    ):
        done = run("export", *args)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert message in done.err


def test_the_gold_player_can_be_exported(run: Command, tmp_path: Path) -> None:
    execute(tmp_path / "multiturn.db", Plan([make_system("patterns?cases=1")], [GoldModel()], settings=["multi"]))
    assert "0 conversations failed" in run("export", "last", "out.xml").out
