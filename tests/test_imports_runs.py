"""An import in the store: a run that report, show, compare and export take as any other, all of it or nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import rows
from importing import QUESTIONS, answers, archive, fought, jsonl, log, rated, results, sample, simulation, whole
from inprocess import Command, command
from multiturn.engine.imports.names import label_of, scales_of, system_text
from multiturn.measures.figure import FRACTION, Scale
from multiturn.systems.catalogue import make_system

# The command's entry point takes a name from click that click 9 will not have.
pytestmark = pytest.mark.filterwarnings("ignore:'click.utils.PacifyFlushWrapper':DeprecationWarning")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return command(monkeypatch, capsys, tmp_path)


def chats(path: Path, model: str, scores: list[float]) -> Path:
    """Conversations of a model with a score each, in the same cases."""
    return jsonl(path, *(
        {"id": f"case {i}", "model": model, "score": score,
         "messages": [{"role": "user", "content": f"Question {i}?"}, {"role": "assistant", "content": f"{model} {i}"}]}
        for i, score in enumerate(scores)
    ))  # fmt: skip


def imported(run: Command, *args: str) -> dict[str, object]:
    """What an import says as JSON."""
    done = run("import", *args, "--json", "-")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert isinstance(found, dict)
    return found


def figures(run: Command, name: str) -> dict[tuple[str, str, str | None, int | None], float | None]:
    done = run("report", name, "--json", "-")
    assert done.code == 0, done.err
    rows_ = json.loads(done.out)["figures"]
    return {(f["model"], f["measure"], f["group"], f["turn"]): f["value"] for f in rows_}


def test_the_whole_way(run: Command, tmp_path: Path) -> None:
    chats(tmp_path / "a.jsonl", "one", [1, 0, 1, 1])
    done = run("import", "a.jsonl")
    assert done.code == 0
    assert "read as openai: OpenAI chat JSONL" in done.out
    assert "4 conversations of 4 cases; one" in done.out
    assert "4 verdicts: score" in done.out
    chats(tmp_path / "b.jsonl", "two", [1, 1, 1, 1])
    second = imported(run, "b.jsonl")
    assert figures(run, "last")["two", "score", None, None] == 1.0
    assert "imported/openai" in run("report").out
    shown = run("show", "--run", "last", "--case", "case 1")
    assert "two 1" in shown.out
    assert "✓ score 1" in shown.out
    compared = run("compare", "previous", "last")
    assert "case" in compared.out
    assert compared.code == 0, compared.err
    assert run("export", "last", "out.jsonl").code == 0
    assert run("export", "last", "out.csv").code == 0
    assert str(second["run"]) in run("list", "--runs").out
    assert run("cache", "verify").code == 0


def test_the_same_file_is_the_same_run(run: Command, tmp_path: Path) -> None:
    first = imported(run, str(chats(tmp_path / "a.jsonl", "one", [1, 0])))
    again = imported(run, str(chats(tmp_path / "renamed.jsonl", "one", [1, 0])), "renamed.jsonl")
    assert (first["fresh"], again["fresh"]) == (True, False)
    assert again["run"] == first["run"]
    assert "it was here already" in run("import", "a.jsonl").out
    store = tmp_path / "multiturn.db"
    assert rows(store, "SELECT count(*) FROM episodes") == [(2,)]
    assert rows(store, "SELECT count(*) FROM verdicts") == [(2,)]
    other = imported(run, str(chats(tmp_path / "a.jsonl", "one", [1, 1])))
    assert other["run"] != first["run"]


def test_provenance(run: Command, tmp_path: Path) -> None:
    path = chats(tmp_path / "a.jsonl", "one", [1, 0])
    made = imported(run, str(path))
    about = json.loads(run("report", str(made["run"]), "--json", "-").out)["run"]
    assert about["data"] == {"a.jsonl": made["files"][0]["sha256"]}  # type: ignore[index]
    assert about["options"]["imported as"] == "openai"
    facts = rows(tmp_path / "multiturn.db", "SELECT facts FROM episodes")
    assert {json.loads(text)["imported from"] for (text,) in facts} == {"a.jsonl, line 1", "a.jsonl, line 2"}


def test_nothing_is_half_written(run: Command, tmp_path: Path) -> None:
    good = {"messages": [{"role": "user", "content": "x"}]}
    jsonl(tmp_path / "a.jsonl", *[good] * 50, "{", good, {"messages": []})
    chats(tmp_path / "there.jsonl", "one", [1])
    assert run("import", "there.jsonl").code == 0
    counted = [f"SELECT count(*) FROM {table}" for table in ("nodes", "episodes", "runs", "run_episodes")]
    before = [rows(tmp_path / "multiturn.db", sql) for sql in counted]
    done = run("import", "a.jsonl")
    assert done.code == 2
    assert done.err.startswith("multiturn: a.jsonl, line 51: not JSON")
    assert "nothing was imported; --skip-bad leaves such rows out" in done.err
    assert [rows(tmp_path / "multiturn.db", sql) for sql in counted] == before
    made = run("import", "a.jsonl", "--skip-bad")
    assert made.code == 0
    assert "left out: a.jsonl, line 51: not JSON" in made.out
    assert "51 conversations of 1 case, up to 51 repeats of one" in made.out
    assert imported(run, "a.jsonl", "--skip-bad")["skipped"] == 2
    jsonl(tmp_path / "bad.jsonl", {"messages": []})
    assert "there is no conversation to import: bad.jsonl, line 1" in run("import", "bad.jsonl", "--skip-bad").err


def test_the_model_is_the_file_s_or_named(run: Command, tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl", {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]})
    assert imported(run, "a.jsonl")["models"] == ["unknown"]
    assert imported(run, "a.jsonl", "--model", "openai/gpt-4o")["models"] == ["openai/gpt-4o"]
    one, two = chats(tmp_path / "b.jsonl", "one", [1]), chats(tmp_path / "c.jsonl", "two", [1])
    assert imported(run, str(one), str(two))["models"] == ["one", "two"]
    done = run("import", "b.jsonl", "c.jsonl", "--model", "both")
    assert done.code == 2
    assert "the files name several models (one, two): --model would make them one" in done.err


def test_our_own_export_comes_back(run: Command, tmp_path: Path) -> None:
    assert run("run", "patterns", "--model", "gold", "--limit", "1", "--repeats", "2").code == 0
    assert run("export", "last", "out.jsonl").code == 0
    before = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    made = imported(run, "out.jsonl")
    assert made["conversations"] == len(before)
    assert run("export", "last", "back.jsonl").code == 0
    after = [json.loads(line) for line in (tmp_path / "back.jsonl").read_text().splitlines()]
    for row in (*before, *after):
        del row["run"], row["system"]
    assert after == before
    assert "imported/openai/patterns" in run("report").out
    rated_ = {
        "messages": [{"role": "user", "content": "x"}],
        "system": "mt-bench",
        "verdicts": [{"measure": "score", "value": 7}],
    }
    jsonl(tmp_path / "rated.jsonl", rated_)
    imported(run, "rated.jsonl")
    scales = json.loads(run("report", "--json", "-").out)["scales"]
    assert scales["imported/openai/mt-bench"]["score"]["high"] == 10


def test_epochs_are_repeats_and_two_logs_of_a_task_compare(run: Command, tmp_path: Path) -> None:
    for model, value in (("a", "C"), ("b", "I")):
        scored = {"includes": {"value": value}}
        samples = [sample(i, epoch, scored) for i in range(3) for epoch in (1, 2)]
        archive(tmp_path / f"{model}.eval", log(samples, model=model))
    made = imported(run, "a.eval", "b.eval")
    assert (made["repeats"], made["cases"], made["conversations"]) == (2, 3, 12)
    found = figures(run, "last")
    assert (found["a", "includes", None, None], found["b", "includes", None, None]) == (1.0, 0.0)
    assert run("compare", "last", "--models", "a", "b").code == 0


def test_mt_bench_in_points_by_turn_and_category(run: Command, tmp_path: Path) -> None:
    jsonl(tmp_path / "question.jsonl", *QUESTIONS)
    jsonl(tmp_path / "model_answer" / "m.jsonl", *answers("m"))
    jsonl(
        tmp_path / "gpt-4_single.jsonl", *(rated(q, "m", t, s) for q, t, s in ((81, 1, 9), (81, 2, 5), (82, 1, 3), (82, 2, -1)))
    )
    jsonl(tmp_path / "gpt-4_pair.jsonl", fought(81, "m", "n", "model_2", "model_2"))
    done = run("import", "model_answer/m.jsonl", "gpt-4_single.jsonl", "gpt-4_pair.jsonl")
    assert "question.jsonl, which lies beside them" in done.out
    assert "5 verdicts, 1 not measured: score, win_adjusted" in done.out
    found = figures(run, "last")
    assert found["m", "score", None, None] == pytest.approx(17 / 3)
    assert (found["m", "score", None, 1], found["m", "score", None, 2]) == (6.0, 5.0)
    assert found["m", "score", "writing", None] == 7.0
    assert found["m", "win_adjusted", None, None] == 0.0
    about = json.loads(run("report", "--json", "-").out)
    assert about["run"]["roles"] == {"judge": "gpt-4"}
    assert about["scales"]["imported/mt-bench"]["score"] == {"low": 1.0, "high": 10.0, "unit": "points", "passing": 8.0}
    assert about["unmeasured"] == {"judge reply not parsable": 1}


def test_simulations_end_for_our_reasons(run: Command, tmp_path: Path) -> None:
    whole(tmp_path / "results.json", results(simulation("t", 0), simulation("t", 1, "max_steps", reward=0.0)))
    made = imported(run, "results.json")
    assert made["models"] == ["gpt-4.1"]
    assert figures(run, "last")["gpt-4.1", "reward", None, None] == 0.5
    assert rows(tmp_path / "multiturn.db", "SELECT system, stopped, repeat FROM episodes ORDER BY repeat") == [
        ("imported/tau/telecom", "", 0), ("imported/tau/telecom", "turn limit", 1),
    ]  # fmt: skip
    assert "ended early: turn limit" in run("show", "--run", "last").out


def test_values_off_a_fraction_have_an_open_scale(run: Command, tmp_path: Path) -> None:
    chats(tmp_path / "a.jsonl", "one", [-3, 250, 12, 7])
    imported(run, "a.jsonl")
    assert figures(run, "last")["one", "score", None, None] == 66.5
    chats(tmp_path / "b.jsonl", "one", [-3, 251, 13, 7])
    imported(run, "b.jsonl")
    assert run("compare", "previous", "last").code == 0


def test_wrong_input_is_one_line(run: Command, tmp_path: Path) -> None:
    (tmp_path / "a.eval").write_bytes(b"PK\x03\x04 cut")
    jsonl(tmp_path / "b.jsonl", {"text": "x"})
    (tmp_path / "folder").mkdir()
    for args, says in (
        (["none.jsonl"], "cannot read `none.jsonl`: No such file"),
        (["folder"], "cannot read `folder`: Is a directory"),
        (["a.eval"], "`a.eval` is no whole zip archive"),
        (["a.eval", "--as", "openai"], "is a zip archive, not JSON"),
        (["b.jsonl"], "cannot tell its format"),
        (["b.jsonl", "--as", "sharegtp"], "unknown format `sharegtp`; did you mean `sharegpt`?"),
        (["b.jsonl", "--as", "inspect"], "`eval` is missing"),
        (["b.jsonl", "--as", "tau"], "b.jsonl, line 1: `task_id` is missing"),
        ([], "Missing argument"),
    ):
        done = run("import", *args)
        assert done.code == 2
        assert len(done.err.splitlines()) == 1
        assert says in done.err


def test_an_imported_run_is_not_played_again(run: Command, tmp_path: Path) -> None:
    chats(tmp_path / "a.jsonl", "one", [1])
    imported(run, "a.jsonl")
    assert "was imported and cannot be played again" in run("run", "imported", "--model", "gold").err


def test_what_it_is_called() -> None:
    scales = {
        "a b": FRACTION,
        "c:d,e%&=": Scale(1, 10, "points", 8),
        "open": Scale(float("-inf"), float("inf"), "", float("-inf")),
    }
    text = system_text("inspect", "org/task é?", scales)
    made = make_system(text)
    assert made.scales == scales
    assert made.label == label_of("inspect", "org/task é?") == "imported/inspect/org-task-é"
    assert scales_of("") == {}


def test_a_failed_import_leaves_no_empty_store(run: Command, tmp_path: Path) -> None:
    """A store that was there stays, whatever is in it."""
    (tmp_path / "bad.jsonl").write_text('{"messages": [{"role": "wizard", "content": "x"}]}\n')
    assert run("import", "bad.jsonl", "--store", "new.db").code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["bad.jsonl"]
    chats(tmp_path / "a.jsonl", "one", [1, 0])
    first = imported(run, "a.jsonl", "--store", "new.db")
    assert run("import", "bad.jsonl", "--store", "new.db").code == 2
    assert imported(run, "a.jsonl", "--store", "new.db")["run"] == first["run"]
    done = run("audit", "tau-bench", "--model", "gold", "--human", "nobody", "--store", "other.db")
    assert "there is no such file" in done.err
    assert not list(tmp_path.glob("other.db*"))


def test_what_is_wrong_is_told_in_short(run: Command, tmp_path: Path) -> None:
    jsonl(tmp_path / "long.jsonl", {"messages": [{"role": "x" * 100_000, "content": "x"}]})
    done = run("import", "long.jsonl")
    assert done.code == 2
    assert len(done.err) < 500
    assert "long.jsonl, line 1: message 1: `role` must be system" in done.err


def test_a_log_that_is_none_is_told_with_its_place(run: Command, tmp_path: Path) -> None:
    chats(tmp_path / "a.jsonl", "one", [1])
    assert "a.jsonl, line 1: `eval` is missing" in run("import", "a.jsonl", "--as", "inspect").err
    odd = {"eval": {"model": ["m"], "task": "t"}, "status": "success", "samples": [{"id": 1, "input": "x"}]}
    (tmp_path / "b.json").write_text(json.dumps(odd))
    assert "b.json, line 1: `model` must be text, not a list" in run("import", "b.json").err
    done = run("import", "b.json", "--skip-bad")
    assert "there is no conversation to import: b.json" in done.err
