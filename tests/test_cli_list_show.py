"""`multiturn list` and `multiturn show`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from inprocess import Command, command, execute
from multiturn.conversation import Conversation
from multiturn.engine.plan import Plan
from multiturn.engine.replay import GoldModel
from multiturn.systems.catalogue import CATALOGUE, make_system
from players import FunctionModel

HOSTILE = "\x1b[2J\x1b]0;owned\x07[bold]not bold[/bold] ‮txt"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return command(monkeypatch, capsys, tmp_path)


def played(folder: Path) -> str:
    """A store in ``folder`` with a run in which every answer is hostile text."""
    plan = Plan([make_system("patterns?cases=1&turns=3")], [FunctionModel(lambda chat: HOSTILE, "hostile")], settings=["multi"])
    return execute(folder / "multiturn.db", plan)


# -- list ---------------------------------------------------------------------------------------------------------
def test_list_names_every_system(run: Command) -> None:
    done = run("list")
    assert done.code == 0
    assert all(slug in done.out for slug in CATALOGUE)


def test_list_as_json_has_exactly_the_agreed_fields(run: Command) -> None:
    found = json.loads(run("list", "--json").out)
    assert {frozenset(entry) for entry in found} == {
        frozenset(("slug", "family", "kind", "title", "settings", "needs", "data", "licence"))
    }
    (patterns,) = [entry for entry in found if entry["slug"] == "patterns"]
    assert patterns["settings"] == ["multi", "single", "gold"]


def test_list_of_a_family(run: Command) -> None:
    assert "patterns" in run("list", "--family", "script").out
    done = run("list", "--family", "scrip")
    assert done.code == 2
    assert "did you mean `script`" in done.err


def test_listing_imports_no_system() -> None:
    code = (
        "import sys; from multiturn.cli.app import app; app.main(['list', '--json'], standalone_mode=False); "
        "heavy = ('aiohttp', 'scipy', 'rich', 'multiturn.systems.script'); "
        "print([m for m in sys.modules if m.startswith(heavy)], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_list_runs(run: Command, tmp_path: Path) -> None:
    name = played(tmp_path)
    out = run("list", "--runs").out
    assert name in out
    assert "judge" in out.splitlines()[0]
    (row,) = json.loads(run("list", "--runs", "--json").out)
    assert (row["id"], row["status"], row["episodes"], row["planned"]) == (name, "done", 4, 4)
    assert row["models"] == ["hostile"]


def test_list_runs_without_a_store_says_so(run: Command) -> None:
    done = run("list", "--runs", "--store", "nowhere.db")
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "no store at nowhere.db" in done.err


# -- show a benchmark ---------------------------------------------------------------------------------------------
def test_show_a_benchmark(run: Command) -> None:
    out = run("show", "patterns?turns=4", "--cases", "1").out
    assert "turns=4" in out
    assert "multi (default)" in out
    assert "correct: 0 to 1 fraction, passed from 1" in out
    assert "case recollection-1" in out
    assert "gold" in out


def test_show_the_figures_of_the_paper(run: Command) -> None:
    out = run("show", "mt-eval").out
    assert "arXiv:2401.16745" in out
    assert "published figures" in out
    assert "uses" in out
    assert "--judge" in out


def test_show_a_case_file(run: Command, tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text(json.dumps({"id": "x", "turns": [{"user": "Hi \x1b[1m", "target": "hello"}]}) + "\n")
    out = run("show", "c.jsonl", "--cases", "5").out
    assert "case x" in out
    assert "Hi ‹U+001B›[1m" in out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "show what?"),
        (("patterns", "--run", "last"), "not both"),
        (("pattern",), "did you mean `patterns`"),
        (("--run", "last"), "no store"),
    ],
)
def test_show_says_what_is_wrong_in_one_line(run: Command, args: tuple[str, ...], message: str) -> None:
    done = run("show", *args)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1


# -- show a run ---------------------------------------------------------------------------------------------------
def test_show_conversations_with_hostile_text_made_visible(run: Command, tmp_path: Path) -> None:
    name = played(tmp_path)
    out = run("show", "--run", name[:4], "--limit", "1").out
    assert "‹U+001B›[2J" in out
    assert "[bold]not bold[/bold]" in out
    assert "‹U+202E›" in out
    assert not set("\x1b\x07‮") & set(out)
    assert "✗ correct 0" in out
    assert "3 more; --limit 4 shows all" in out


def test_show_one_case_or_the_failed_ones(run: Command, tmp_path: Path) -> None:
    played(tmp_path)
    out = run("show", "--run", "last", "--case", "refinement-1", "--failed").out
    assert "refinement-1 [multi]" in out
    assert "expansion-1" not in out
    assert "did you mean `refinement-1`" in run("show", "--run", "last", "--case", "refinement-2").err
    assert "unknown setting" in run("show", "--run", "last", "--setting", "single").err


def test_nothing_failed(run: Command, tmp_path: Path) -> None:
    execute(tmp_path / "multiturn.db", Plan([make_system("patterns?cases=1")], [GoldModel()], settings=["multi"]))
    done = run("show", "--run", "last", "--failed")
    assert done.code == 2
    assert "no failed conversation" in done.err


def test_a_conversation_outlives_its_file(run: Command, tmp_path: Path) -> None:
    cases = tmp_path / "c.yaml"
    cases.write_text("- turns: [{user: Say hello., target: hello}]\n")

    def answer(chat: Conversation) -> str:
        return "Hello!"

    execute(tmp_path / "multiturn.db", Plan([make_system(str(cases))], [FunctionModel(answer)], settings=["multi"]))
    assert "✓ correct 1" in run("show", "--run", "last").out
    cases.unlink()
    assert "· correct 1" in run("show", "--run", "last").out
