"""`multiturn compare` between judges, and what else the command refuses or leaves out."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inprocess import Command, command, execute
from multiturn.conversation import Conversation
from multiturn.engine.plan import Plan
from multiturn.models.base import Model
from multiturn.systems.catalogue import make_system
from players import FunctionModel


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return command(monkeypatch, capsys, tmp_path)


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """Twelve cases: two turns for a judge, and one for a check in code."""
    rows = [
        {
            "id": f"c{i}",
            "turns": [
                {"user": f"Write {i}.", "rubric": "good"},
                {"user": "Again.", "rubric": "good"},
                {"user": "Which?", "target": i},
            ],
        }
        for i in range(12)
    ]
    path = tmp_path / "cases.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def writer(*right: int) -> Callable[[Conversation], str]:
    def answer(chat: Conversation) -> str:
        assert chat.turns[0].user is not None
        (number,) = re.findall(r"\d+", chat.turns[0].user.text)
        return number if len(chat.turns) < 3 or int(number) in right else "none"

    return answer


def judge(name: str, more: int = 0, always: int | None = None) -> FunctionModel:
    """Gives the last number it reads modulo 6, and 3 (and ``more``) on top."""

    def points(chat: Conversation) -> str:
        assert chat.message is not None
        read = re.findall(r"Write (\d+)", chat.message.text)
        return f"[[{always or int(read[-1]) % 6 + 3 + more}]]"

    return FunctionModel(points, name)


def play(folder: Path, cases: Path, model: Model, judged: Model | None = None, **plan: Any) -> str:
    roles = {"judge": judged} if judged else {}
    return execute(folder / "multiturn.db", Plan([make_system(str(cases))], [model], settings=["multi"], roles=roles, **plan))


def compared(run: Command, *args: str) -> dict[str, Any]:
    done = run("compare", *args, "--json", "-")
    assert done.code == 0, done.err
    (found,) = json.loads(done.out)["comparisons"]
    return found  # type: ignore[no-any-return]


# -- judges -------------------------------------------------------------------------------------------------------
def test_two_judges_of_one_run(run: Command, tmp_path: Path, cases: Path) -> None:
    model = FunctionModel(writer(1, 2), "m")
    a = play(tmp_path, cases, model, judge("lab/strict"))
    b = play(tmp_path, cases, model, judge("lab/mild", 1))
    found = compared(run, "--judges", "lab/strict", "lab/mild")
    assert (found["first"]["run"], found["second"]["judge"]) == (a, "lab/mild")
    rubric = next(d for d in found["differences"] if d["measure"] == "rubric")
    assert (rubric["value"], rubric["n_cases"], rubric["noise"]) == (1.0, 12, None)
    agreement = next(c for c in found["agreement"] if c["measure"] == "rubric")
    assert agreement["exact"]["value"] == 0
    assert agreement["spearman"]["value"] == pytest.approx(1)
    assert 0 < agreement["kappa"]["value"] < 1
    out = run("compare", "--judges", "lab/strict", "lab/mild").out
    assert "mild gives 1.00 points more than strict" in out
    assert "the judges agree on 0.0%" in out
    assert "Noise floor" not in out
    assert compared(run, a, b) == found  # the same model's words, other verdicts: it is the judges
    assert compared(run, a, b, "--judges", "lab/strict", "lab/mild") == found
    assert compared(run, "--judges", "lab/mild", "lab/strict")["differences"][0]["value"] == -1.0


def test_a_judge_that_always_says_the_same_is_called_out(run: Command, tmp_path: Path, cases: Path) -> None:
    model = FunctionModel(writer(), "m")
    play(tmp_path, cases, model, judge("j"))
    play(tmp_path, cases, model, judge("k", always=8))
    assert "k always gives 8: it tells nothing apart" in run("compare", "--judges", "j", "k").out


def test_judges_are_refused_with_the_reason(run: Command, tmp_path: Path, cases: Path) -> None:
    a = play(tmp_path, cases, FunctionModel(writer(), "m"), judge("j"))
    for args, message in (
        (("--judges", "j", "k"), f"k has not judged run {a} (judged by: j); `multiturn score {a} --judge k` does that"),
        (("--judges", "j", "j"), "both sides are the same (j)"),
        (("--judges", "j", "k", "--settings", "multi", "gold"), "cannot stand beside --settings"),
    ):
        done = run("compare", *args)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert message in done.err
    b = play(tmp_path, cases, FunctionModel(lambda chat: "other words", "m2"), judge("k"))
    assert "judged by j, not by k" in run("compare", a, b, "--judges", "k", "j").err
    assert "hold different conversations" in run("compare", a, b, "--judges", "j", "k").err


def test_other_conversations_are_not_judged_by_two_judges(run: Command, tmp_path: Path, cases: Path) -> None:
    a = play(tmp_path, cases, FunctionModel(writer(), "m"), judge("j"))
    (tmp_path / "multiturn.db").rename(tmp_path / "one.db")
    b = play(tmp_path, cases, FunctionModel(lambda chat: "other words", "m"), judge("k"))
    assert run("cache", "merge", "one.db", "multiturn.db", "--into", "all.db").code == 0
    done = run("compare", a, b, "--judges", "j", "k", "--store", "all.db")
    assert done.code == 2
    assert "hold different conversations, so their judges cannot be compared" in done.err
    assert "judged differently (judge: j and k)" in run("compare", a, b, "--store", "all.db").out


def test_players_of_one_run_can_be_the_judges(run: Command, tmp_path: Path, cases: Path) -> None:
    models = [FunctionModel(writer(*right), name) for name, right in (("one", (1, 2, 3)), ("two", (2, 3, 4)))]
    execute(tmp_path / "multiturn.db", Plan([make_system(str(cases))], models, settings=["multi"]))
    found = compared(run, "--judges", "one", "two")
    (correct,) = (c for c in found["agreement"] if c["measure"] == "correct")
    assert correct["exact"]["value"] == pytest.approx(10 / 12)


# -- the rest -----------------------------------------------------------------------------------------------------
def test_tests_and_adjusted_values(run: Command, tmp_path: Path, cases: Path) -> None:
    a = play(tmp_path, cases, FunctionModel(writer(), "a"), judge("j"))
    b = play(tmp_path, cases, FunctionModel(writer(*range(8)), "b"), judge("j"))
    found = {d["measure"]: d for d in compared(run, a, b)["differences"]}
    assert (found["correct"]["test"], found["correct"]["family"]) == ("exact McNemar", 2)
    assert found["correct"]["p"] == pytest.approx(2 / 2**8)
    assert found["correct"]["p_holm"] == pytest.approx(4 / 2**8)
    assert found["rubric"]["test"] == "permutation and t"
    only = compared(run, a, b, "--measure", "correct", "--test", "mid-p")["differences"]
    assert [(d["test"], d["p_holm"]) for d in only] == [("mid-p McNemar", pytest.approx(1 / 2**8))]
    clustered = compared(run, a, b, "--measure", "correct", "--test", "t")["differences"][0]
    assert (clustered["test"], clustered["p"]) == ("clustered t", clustered["p_t"])
    assert "did you mean `correct`" in run("compare", a, b, "--measure", "corect").err
    assert "'exactly' is not one of 'auto'" in run("compare", a, b, "--test", "exactly").err


def test_turns_survival_and_noise(run: Command, tmp_path: Path, cases: Path) -> None:
    counter = iter(range(10_000))
    restless = FunctionModel(lambda chat: str(next(counter) % 3), "restless")
    a = play(tmp_path, cases, restless, judge("j"), repeats=3)
    b = play(tmp_path, cases, FunctionModel(writer(1), "b"), judge("j"), repeats=3)
    out = run("compare", a, b, "--turns", "--survival").out
    assert "turn by turn" in out
    assert "(Holm over 2 turns)" in out
    assert "log-rank p " in out
    assert "two identical runs of 3 repeats would differ by up to" in out
    found = compared(run, a, b)
    assert [t["turn"] for t in found["turns"]] == [1, 2]
    (curve,) = found["survival"]
    assert (curve["measure"], curve["n_cases"]) == ("rubric", 12)
    correct = next(d for d in found["differences"] if d["measure"] == "correct")
    assert correct["noise"]["repeats"] == [3, 3]
    assert correct["noise"]["limit"] > 0


def test_the_same_conversations_and_measures_of_one_side_are_said(run: Command, tmp_path: Path, cases: Path) -> None:
    model = FunctionModel(writer(1), "m")
    a = play(tmp_path, cases, model, limit=6)
    b = play(tmp_path, cases, model, limit=8)
    assert "Both sides hold the same conversations" in run("compare", a, b).out
    cases.write_text(cases.read_text().replace('"rubric": "good"', '"scored": false, "gold": "so"'))
    c = play(tmp_path, cases, model)
    done = run("compare", a, c)
    assert done.code == 0
    assert "Measured on side A only: rubric." in done.out


def test_what_makes_a_comparison_lame_is_said(run: Command, tmp_path: Path, cases: Path) -> None:
    cases.write_text(cases.read_text().replace('"rubric": "good"', '"gold": "So."'))
    models = [FunctionModel(writer(*right), name) for name, right in (("one", (1, 2, 3)), ("two", (2, 3, 4)))]
    plan = Plan([make_system(str(cases))], models, repeats=2, settings=["multi", "gold"])
    a = execute(tmp_path / "multiturn.db", plan)
    assert f"run {a} cannot be compared" in run("compare", a, a).err
    assert "to compare inside it: --models A B or --settings A B" in run("compare").err
    out = run("compare", a, "--settings", "multi", "gold", "--models", "one", "two").out
    assert "The sides differ in model and in setting" in out
    assert "differ in model and in setting" not in run("compare", a, "--models", "one", "two").out
    b = play(tmp_path, cases, models[0])
    out = run("compare", a, b).out
    assert "The sides have 2 and 1 repeats." in out
    assert "is not finished" not in out
    c = play(tmp_path, cases, models[0], until="correct:ci=0.4")
    assert f"Run {c} stopped by its own interval (--until correct:ci=0.4)" in run("compare", a, c).out
    with sqlite3.connect(tmp_path / "multiturn.db") as db:
        missing = db.execute("SELECT episode FROM run_episodes WHERE run=? AND n > 6", (b,)).fetchall()
        db.executemany("UPDATE run_episodes SET episode=x'00' || episode WHERE run=? AND episode=?", [(b, e) for (e,) in missing])
    assert f"Run {b} is not finished: 7 of 12 conversations are there" in run("compare", a, b).out


def test_a_judge_at_random_is_called_out(run: Command, tmp_path: Path, cases: Path) -> None:
    model = FunctionModel(writer(), "m")
    play(tmp_path, cases, model, judge("j"))
    play(tmp_path, cases, model, FunctionModel(lambda chat: f"[[{chat.id[-1] % 10 + 1}]]", "dice"))
    assert "better than chance." in run("compare", "--judges", "j", "dice", "--measure", "rubric").out
