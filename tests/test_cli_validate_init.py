"""`multiturn validate` and `multiturn init`."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from inprocess import Command, command


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return command(monkeypatch, capsys, tmp_path)


# -- validate -----------------------------------------------------------------------------------------------------
def test_the_gold_answers_of_patterns_score_full_marks(run: Command) -> None:
    done = run("validate", "patterns?cases=2")
    assert done.code == 0
    assert "is good: 8 cases" in done.out


def test_gold_answers_that_fall_short_are_listed(run: Command, tmp_path: Path) -> None:
    turns = [{"user": "Two and two?", "target": 4, "gold": "5"}, {"user": "And two?", "target": 6, "gold": "It is 6."}]
    (tmp_path / "c.jsonl").write_text(json.dumps({"id": "sum", "turns": turns}) + "\n")
    done = run("validate", "c.jsonl", "--setting", "multi")
    assert done.code == 1
    assert "case sum, turn 1 [multi]: correct 0 of 1" in done.out
    assert "1 case, 2 verdicts on gold answers, 1 short of full marks" in done.out


def test_a_long_list_is_cut(run: Command, tmp_path: Path) -> None:
    turns = [{"user": f"Say {i}.", "target": str(i), "gold": "no"} for i in range(9)]
    (tmp_path / "c.jsonl").write_text(json.dumps({"turns": turns}) + "\n")
    done = run("validate", "c.jsonl", "--setting", "multi", "--show", "2")
    assert done.out.count("correct 0 of 1") == 2
    assert "and 7 more (--show 9)" in done.out


def test_every_problem_of_a_file_is_one_line(run: Command, tmp_path: Path) -> None:
    lines = ['{"id": "a", "turns": []}', '{"id": "b", "turns": [{"user": "x", "targett": 1}]}', "{not json",
             '{"id": "d", "turns": [{"user": "x"}]}', '{"id": "d", "turns": [{"user": "x"}]}']  # fmt: skip
    (tmp_path / "c.jsonl").write_text("\n".join(lines))
    done = run("validate", "c.jsonl")
    assert done.code == 2
    found = done.out.splitlines()
    assert [line.partition(",")[2].partition(":")[0].split(",")[0].strip() for line in found] == [
        "line 1", "line 2", "line 3", "line 5",
    ]  # fmt: skip
    assert "did you mean `target`" in found[1] or "targett" in found[1]
    assert "4 problems" in done.err


def test_a_file_without_gold_answers_can_be_read(run: Command, tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text(json.dumps({"turns": [{"user": "Go on.", "rubric": "polite"}]}) + "\n")
    done = run("validate", "c.jsonl")
    assert done.code == 0
    assert "no gold answers that could be checked" in done.out


def test_a_judge_scores_what_code_cannot(run: Command, tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text(json.dumps({"turns": [{"user": "Go on.", "rubric": "polite", "gold": "Sure."}]}) + "\n")
    (tmp_path / "judge.py").write_text('def strict(chat):\n    return \'{"reason": "cold", "score": 3, "rating": 3}\'\n')
    assert "not checked: 1 verdict: needs --judge" in run("validate", "c.jsonl").out
    done = run("validate", "c.jsonl", "--judge", "script:judge.py:strict")
    assert "rubric 3 of 10" in done.out or "not checked" in done.out
    assert "needs --judge" not in done.out


def test_an_error_in_a_benchmark_is_not_good(run: Command, tmp_path: Path) -> None:
    text = """
from multiturn.conversation import Case
from multiturn.protocols.benchmark import Benchmark
class Broken(Benchmark):
    slug = "broken"
    def cases(self):
        yield Case(id="one")
    async def play(self, case, cast, setting):
        return 1 / 0
    async def judge(self, case, chat, cast):
        raise KeyError("x")
        yield
"""
    (tmp_path / "b.py").write_text(text)
    done = run("validate", "b.py:Broken")
    assert done.code == 1
    assert "error while judging: KeyError" in done.out


@pytest.mark.parametrize("target", ["nowhere.yaml", "paterns", "patterns?turns=x"])
def test_what_cannot_be_validated_is_one_line(run: Command, target: str) -> None:
    done = run("validate", target)
    assert done.code == 2
    assert len((done.out + done.err).strip().splitlines()) <= 2
    assert "Traceback" not in done.err


def test_real_data(run: Command, data_root: Path) -> None:
    done = run("validate", "mt-eval", "--data", str(data_root), "--limit", "1")
    assert done.code == 0
    assert "not checked" in done.out


# -- init ---------------------------------------------------------------------------------------------------------
def test_what_init_writes_is_good(run: Command, tmp_path: Path) -> None:
    done = run("init")
    assert "multiturn validate my_cases.yaml" in done.out
    schema = json.loads(run("init", "--schema").out)
    jsonschema.validate(yaml.safe_load((tmp_path / "my_cases.yaml").read_text()), schema)
    assert run("validate", "my_cases.yaml").code == 0


def test_the_benchmark_that_init_writes_is_good(run: Command) -> None:
    assert "b.py:Countdowns" in run("init", "b.py").out
    done = run("validate", "b.py:Countdowns")
    assert done.code == 0
    assert "all with full marks" in done.out


def test_the_commands_that_init_names_can_be_pasted(run: Command) -> None:
    assert "multiturn validate 'my own cases.yaml'" in run("init", "my own cases.yaml").out


def test_init_never_overwrites(run: Command, tmp_path: Path) -> None:
    (tmp_path / "my_benchmark.py").write_text("mine")
    done = run("init", "--kind", "benchmark")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "already there" in done.err
    assert (tmp_path / "my_benchmark.py").read_text() == "mine"
    assert "ends in .yaml" in run("init", "x.txt").err
    assert "cannot write" in run("init", "nowhere/x.yaml").err
