"""`multiturn run` and its kin, as another program uses them: exit codes, JSON, dry runs, and what is asked again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from commands import case, cases, echo, inside, rows
from fakeserver import Answer, FakeServer, Received, chat, status

NUMBER, TEXT, COUNT, LIST, OBJECT = (int, float, type(None)), str, int, list, dict
FIGURE = {
    "system": TEXT, "model": TEXT, "setting": TEXT, "measure": TEXT, "group": (str, type(None)), "turn": (int, type(None)),
    "value": NUMBER, "low": NUMBER, "high": NUMBER, "n_cases": COUNT, "n_scored": COUNT, "n_failed": COUNT,
    "n_unmeasured": COUNT, "unit": TEXT,
}  # fmt: skip
RUN = {
    "id": TEXT, "versions": OBJECT, "options": OBJECT, "seeds": OBJECT, "data": OBJECT, "models": LIST, "systems": LIST,
    "settings": LIST, "status": TEXT, "command": TEXT, "created": TEXT, "finished": TEXT, "roles": OBJECT,
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three cases of three turns, each turn with a stand-alone form; one of the nine is asked differently there."""
    items = [case(f"c{i}", *(f"Word {i}{t}" for t in range(3)), single=[f"Word {i}{t}" for t in range(3)]) for i in range(3)]
    return cases(tmp_path / "cases.jsonl", items)


def test_the_json_object_and_exit_code_0(tmp_path: Path, file: Path) -> None:
    with FakeServer(default=echo) as server:
        path = tmp_path / "r.json"
        command = ("run", file, "--model", f"{server.base_url}#m?temperature=0", "--store", tmp_path / "s.db", "--seed", "7")
        done = inside(*command, "--json", path, "--html", tmp_path / "r.html")
        assert done.code == 0, done.err
        assert "correct" in done.out
        found = json.loads(path.read_text())
        again = inside(*command, "--json", "-")
        assert server.count == 9 + 6  # the first turn alone is the first turn
    assert {name: type(found[name]) for name in ("run", "figures", "calls", "unmeasured")} == {
        "run": dict, "figures": list, "calls": dict, "unmeasured": dict,
    }  # fmt: skip
    assert isinstance(found["cost"], NUMBER)
    for name, kind in RUN.items():
        assert isinstance(found["run"][name], kind), name
    assert found["run"]["seeds"] == {"run": 7}
    assert found["run"]["versions"].keys() >= {"multiturn", "python"}
    assert found["run"]["systems"] == [file.stem]
    assert found["run"]["data"] == {file.stem: hashlib.sha256(file.read_bytes()).hexdigest()}
    assert found["calls"] == {"made": 15, "recorded": 3, "retried": 0, "failed": 0}
    for figure in found["figures"]:
        for name, kind in FIGURE.items():
            assert isinstance(figure[name], kind), (name, figure)
    (overall,) = (f for f in found["figures"] if f["kind"] == "mean" and f["setting"] == "multi" and f["group"] is None)
    assert (overall["value"], overall["n_cases"], overall["n_scored"], overall["n_failed"]) == (1.0, 3, 9, 0)
    assert "<html" in (tmp_path / "r.html").read_text()
    second = json.loads(again.out)  # nothing but the object on standard output
    assert second["figures"] == found["figures"]
    assert second["calls"] == {"made": 0, "recorded": 18, "retried": 0, "failed": 0}


def test_only_what_is_new_is_asked(tmp_path: Path, file: Path) -> None:
    def judge(request: Received) -> Answer:
        return chat('Good.\n{"reason": "good", "score": 8}' if "criteria" in str(request.json["messages"]) else "Word 00")

    items = [case("r", "Word 00"), {"id": "j", "turns": [{"user": "Be kind.", "rubric": "kind"}]}]
    judged = cases(tmp_path / "judged.jsonl", items)
    with FakeServer(default=echo) as server, FakeServer(default=judge) as other:
        model = ("--model", f"{server.base_url}#m", "--store", tmp_path / "s.db", "--quiet")

        def new(*more: str | Path) -> tuple[int, int, int]:
            before = server.count, other.count
            code = inside("run", *more, *model).code
            return code, server.count - before[0], other.count - before[1]

        assert new(file, "--setting", "multi", "--limit", "2") == (0, 6, 0)
        assert new(file, "--setting", "multi", "--limit", "2") == (0, 0, 0)
        assert new(file, "--setting", "multi") == (0, 3, 0)  # one more case
        assert new(file) == (0, 6, 0)  # another setting; its first turns are known
        assert new(file, "--setting", "multi", "--repeats", "3") == (0, 18, 0)  # two more repeats
        assert new(judged) == (0, 1, 0)  # one of its two questions was asked in another file
        assert new(judged, "--judge", f"{other.base_url}#a") == (0, 0, 1)
        assert new(judged, "--judge", f"{other.base_url}#a") == (0, 0, 0)
        assert new(judged, "--judge", f"{other.base_url}#b") == (0, 0, 1)
        before = server.count, other.count
        scored = inside("score", "--judge", f"{other.base_url}#c", "--store", tmp_path / "s.db", "--json", "-")
        assert scored.code == 0, scored.err
        assert (server.count - before[0], other.count - before[1]) == (0, 1)
        assert new(file, "--model", f"{server.base_url}#n", "--setting", "multi")[1] == 9


def test_a_dry_run_asks_nothing_and_writes_nothing(tmp_path: Path, file: Path) -> None:
    with FakeServer(default=echo) as server:
        command = ("run", file, "--model", f"{server.base_url}#m", "--store", tmp_path / "s.db")
        dry = inside(*command, "--dry-run", "--json", tmp_path / "r.json", "--html", tmp_path / "r.html")
        assert dry.code == 0, dry.err
        assert "15" in dry.out or "18" in dry.out  # calls at most
        assert max(map(len, dry.out.splitlines())) <= 80
        assert server.count == 0
        assert sorted(p.name for p in tmp_path.iterdir()) == ["cases.jsonl"]
        assert inside(*command, "--limit", "1").code == 0
        count, stored = server.count, (tmp_path / "s.db").read_bytes()
        assert inside(*command, "--dry-run").code == 0
        assert (server.count, (tmp_path / "s.db").read_bytes()) == (count, stored)


def test_exit_code_1_below_a_threshold(tmp_path: Path, file: Path) -> None:
    def half(request: Received) -> Answer:
        return chat("no") if "Word 2" in request.json["messages"][-1]["content"] else echo(request)

    with FakeServer(default=half) as server:
        command = ("run", file, "--model", f"{server.base_url}#m", "--store", tmp_path / "s.db", "--setting", "multi", "--quiet")
        missed = inside(*command, "--fail-under", "correct=0.7")
        assert missed.code == 1
        assert "correct of cases (multi" in missed.line
        assert "is 0.6667, below 0.7" in missed.line
        assert inside(*command, "--fail-under", "0.6").code == 0
        assert inside(*command, "--fail-under", "0.6", "--fail-under", "0.8").code == 1
        unknown = inside(*command, "--fail-under", "corect=0.1")
        assert (unknown.code, "did you mean `correct`" in unknown.line) == (2, True)
        for wrong in ("correct=", "much", "nan", "correct=inf"):
            assert inside(*command, "--fail-under", wrong).code == 2


def test_exit_code_2_for_every_wrong_option(tmp_path: Path, file: Path) -> None:
    wrong: list[tuple[list[str], str]] = [
        ([], "Missing option '--model'"),
        (["--model", "gold", "--limit", "0"], "--limit must be at least 1"),
        (["--model", "gold", "--limit", "x"], "'x' is not a valid integer"),
        (["--model", "gold", "--repeats", "0"], "--repeats must be at least 1"),
        (["--model", "gold", "--concurrency", "0"], "--concurrency must be at least 1"),
        (["--model", "gold", "--max-cost", "-1"], "--max-cost"),
        (["--model", "gold", "--setting", "mutli"], "did you mean `multi`"),
        (["--model", "gold", "--modle", "x"], "--model"),
        (["--model", "gold?window=x"], "window=TURNS"),
    ]
    for options, says in wrong:
        done = inside("run", file, "--store", tmp_path / "s.db", *options)
        assert done.code == 2, options
        assert says in done.line
    unknown = inside("rnu", "patterns")
    assert (unknown.code, "did you mean `run`" in unknown.line) == (2, True)


@pytest.mark.parametrize("limit", [("--max-calls", "4"), ("--max-tokens", "70")])
def test_exit_code_3_when_a_budget_is_spent(tmp_path: Path, file: Path, limit: tuple[str, str]) -> None:
    with FakeServer(default=echo) as server:
        command = ("run", file, "--model", f"{server.base_url}#m", "--store", tmp_path / "s.db", "--concurrency", "1")
        cut = inside(*command, *limit, "--json", tmp_path / "r.json")
        assert cut.code == 3
        assert "a budget was reached" in cut.line
        assert server.count == 4
        found = json.loads((tmp_path / "r.json").read_text())
        assert found["run"]["status"] == "stopped"
        assert found["unmeasured"]["budget"] > 0
        assert sum(f["n_unmeasured"] for f in found["figures"] if f["kind"] == "mean" and f["group"] is None) == 13
        assert inside(*command).code == 0
        assert server.count == 15


def test_exit_code_4_when_nothing_could_be_measured(tmp_path: Path, file: Path) -> None:
    with FakeServer(default=status(400, "no thanks")) as server:
        command = ("run", file, "--model", f"{server.base_url}#m", "--store", tmp_path / "s.db", "--json", tmp_path / "r.json")
        done = inside(*command)
        assert done.code == 4
        assert "Traceback" not in done.err
        found = json.loads((tmp_path / "r.json").read_text())
        assert found["unmeasured"] == {"request refused": 18}
        assert found["calls"]["made"] == 0 < found["calls"]["failed"]
        assert all(f["value"] is None for f in found["figures"] if f["kind"] == "mean")
        server.default = echo
        assert inside(*command).code == 0  # what failed is tried again


def test_results_by_another_way(tmp_path: Path, file: Path) -> None:
    """The report of a store and `evaluate` say what the run said."""
    from multiturn.api import evaluate

    with FakeServer(default=echo) as server:
        store = tmp_path / "s.db"
        ran = inside("run", file, "--model", f"{server.base_url}#m", "--store", store, "--json", "-")
        told = inside("report", "last", "--store", store, "--json", "-")
        assert told.code == 0, told.err
        count = server.count
        found = evaluate(str(file), f"{server.base_url}#m", store=store)
        assert server.count == count
    one, two = json.loads(ran.out), json.loads(told.out)
    assert one["figures"] == two["figures"]
    assert one["run"]["id"] == two["run"]["id"] == found.result.run.id
    assert found.figure("correct", setting="multi").value == 1.0
    assert len(found.conversations()) == 3 + 9
    assert len(rows(store, "SELECT * FROM runs")) == 1


def edited(factor: int) -> Any:
    """Two functions of one name."""
    if factor == 1:

        def player(chat: Any) -> str:
            return str(chat.messages[-1].text)
    else:

        def player(chat: Any) -> str:
            return "something else"

    return player


def test_another_function_of_the_same_name_is_another_player(tmp_path: Path, file: Path) -> None:
    from multiturn.api import evaluate

    right, wrong = (evaluate(str(file), edited(i), store=tmp_path / "s.db", settings=["multi"]) for i in (1, 2))
    assert right.figure("correct").value == 1.0
    assert wrong.figure("correct").value == 0.0
