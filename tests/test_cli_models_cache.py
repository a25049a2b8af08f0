"""`multiturn models` and `multiturn cache`."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from hashlib import blake2b
from pathlib import Path

import pytest

from inprocess import Command, command, execute
from multiturn.cli.app import app
from multiturn.conversation import Conversation, StoreError
from multiturn.engine.merge import merge
from multiturn.engine.plan import Plan
from multiturn.engine.runs import find_run, played, runs
from multiturn.engine.schema import VERSION
from multiturn.engine.store import Store
from players import Echo, FunctionModel, echo_case


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return command(monkeypatch, capsys, tmp_path)


def last(chat: Conversation) -> str:
    return chat.message.text if chat.message else ""


def plan(*names: str, model: FunctionModel | None = None) -> Plan:
    return Plan([Echo([echo_case(name, 2) for name in names])], [model or FunctionModel(last)], settings=["multi"])


# -- models -------------------------------------------------------------------------------------------------------
def test_models_lists_providers_and_never_a_key(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    out = run("models").out
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "key set" in lines["openai"]
    assert "key not set" in lines["anthropic"]
    assert "needs no key" in lines["ollama"]
    assert "not here" in lines["local"]
    assert "secret" not in out


def test_a_model_is_tried(run: Command, tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("def answer(chat):\n    return 'Paris \\x1b[31m' + str(len(chat))\n")
    done = run("models", "script:m.py:answer")
    assert done.code == 0
    assert "Paris ‹U+001B›[31m1" in done.out
    assert "free" in done.out
    assert not (tmp_path / "multiturn.db").exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("    raise ValueError('no idea')", "no idea"),
        ("    return 3", "int instead of a text"),
    ],
)
def test_a_model_that_fails_is_one_line(run: Command, tmp_path: Path, body: str, message: str) -> None:
    (tmp_path / "m.py").write_text(f"def answer(chat):\n{body}\n")
    done = run("models", "script:m.py:answer")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert message in done.err


def test_a_model_that_never_answers(run: Command, tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("import asyncio\nasync def answer(chat):\n    await asyncio.sleep(60)\n")
    done = run("models", "script:m.py:answer", "--timeout", "1")
    assert done.code == 2
    assert "did not answer within 1 seconds" in done.err


def test_the_gold_player_needs_no_trying(run: Command) -> None:
    done = run("models", "gold?window=3")
    assert done.code == 0
    assert "gold?window=3 is the benchmark's reference player" in done.out
    assert run("models", "gold?windows=3").code == 2


def test_unknown_models_and_absent_servers(run: Command) -> None:
    assert "unknown model provider" in run("models", "opnai/gpt").err
    done = run("models", "http://127.0.0.1:9/v1#x")
    assert (done.code, done.err.count("\n")) == (2, 1)


# -- merging ------------------------------------------------------------------------------------------------------
def test_a_merged_store_is_the_union(tmp_path: Path) -> None:
    a, b, c = (tmp_path / name for name in ("a.db", "b.db", "c.db"))
    execute(a, plan("x", "y"))
    execute(b, plan("y", "z"))
    new = merge([a, b], c)
    assert (new["runs"], new["episodes"], new["calls"], new["nodes"]) == (2, 3, 6, 12)
    assert set(merge([a, b], c).values()) == {0}
    with Store(c) as store:
        for row in runs(store):
            assert len(list(played(store, row))) == 2
            assert all(v.value == 1.0 for p in played(store, row) for v in p.verdicts)
    model = FunctionModel(last)
    execute(c, plan("x", "y", "z", model=model))
    assert model.asked == []  # every call is on record
    with Store(a) as store:
        assert len(list(played(store, find_run(store)))) == 2


def test_what_is_complete_wins(tmp_path: Path) -> None:
    def broken(chat: Conversation) -> str:
        raise ValueError("down")

    a, b = tmp_path / "a.db", tmp_path / "b.db"
    execute(a, plan("x", model=FunctionModel(broken)))
    execute(b, plan("x"))
    for source, target in ((a, b), (b, a)):
        merge([source], target)
        with Store(target) as store:
            (one,) = played(store, find_run(store))
        assert [v.value for v in one.verdicts] == [1.0, 1.0]


def test_merge_command_and_its_refusals(run: Command, tmp_path: Path) -> None:
    execute(tmp_path / "a.db", plan("x"))
    assert "added 4 nodes, 1 models, 2 calls, 1 episodes" in run("cache", "merge", "a.db", "--into", "all.db").out
    assert "nothing new" in run("cache", "merge", "a.db", "--into", "all.db").out
    assert "into itself" in run("cache", "merge", "a.db", "--into", "./a.db").err
    assert "no store at b.db" in run("cache", "merge", "a.db", "b.db", "--into", "new.db").err
    assert not (tmp_path / "new.db").exists()
    db = sqlite3.connect(tmp_path / "a.db")
    db.execute(f"PRAGMA user_version={VERSION + 1}")
    db.close()
    done = run("cache", "merge", "a.db", "--into", "all.db")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "newer multiturn" in done.err


def test_a_merge_that_fails_changes_nothing(tmp_path: Path) -> None:
    a, b = tmp_path / "a.db", tmp_path / "b.db"
    execute(a, plan("x"))
    execute(b, plan("y"))
    db = sqlite3.connect(a)
    db.execute("DROP TABLE run_episodes")
    db.close()
    with pytest.raises(StoreError, match="is as it was"):
        merge([a], b)
    with Store(b) as store:
        assert next(store.rows("SELECT count(*) FROM episodes"))[0] == 1


# -- verify -------------------------------------------------------------------------------------------------------
def test_a_store_is_whole(run: Command, tmp_path: Path) -> None:
    execute(tmp_path / "multiturn.db", plan("x", "y", "z"))
    done = run("cache", "verify")
    assert done.code == 0
    assert "is whole" in done.out


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("UPDATE nodes SET message = replace(message, 'turn 2', 'turn 9')", "its content is not what was recorded"),
        ("DELETE FROM nodes WHERE id IN (SELECT node FROM episodes)", "its conversation"),
        ("DELETE FROM nodes WHERE id IN (SELECT asked FROM calls)", "its question"),
        ("DELETE FROM models", "its model"),
        ("DELETE FROM episodes", "the episode is missing"),
        ("DELETE FROM runs", "is not in the store"),
        ("UPDATE calls SET node = asked", "does not follow its question"),
        ("INSERT INTO media VALUES ('00', 'image/png', x'01')", "attachment 00"),
    ],
)
def test_damage_is_found(run: Command, tmp_path: Path, sql: str, message: str) -> None:
    execute(tmp_path / "multiturn.db", plan("x", "y"))
    db = sqlite3.connect(tmp_path / "multiturn.db")
    db.execute(sql)
    db.commit()
    db.close()
    done = run("cache", "verify")
    assert done.code == 1
    assert message in done.out


def test_bytes_changed_on_the_disk_are_found(run: Command, tmp_path: Path) -> None:
    path = tmp_path / "multiturn.db"
    execute(path, plan(*(f"case{i}" for i in range(40))))
    data = bytearray(path.read_bytes())
    at = data.rindex(b"case3 turn 2")
    data[at : at + 5] = b"CASE3"
    path.write_bytes(data)
    done = run("cache", "verify")
    assert done.code == 1
    assert "not what was recorded" in done.out


def test_attachments_are_checked(run: Command, tmp_path: Path) -> None:
    path = tmp_path / "multiturn.db"
    execute(path, plan("x"))
    text = '{"role":"user","parts":[{"type":"image","mime":"image/png","hash":"' + "ab" * 16 + '"}],"author":""}'
    db = sqlite3.connect(path)
    node = blake2b(bytes(16) + text.encode(), digest_size=16).digest()
    db.execute("INSERT INTO nodes VALUES (?,?,?)", (node, bytes(16), text))
    db.commit()
    db.close()
    assert f"its attachment {'ab' * 16} is missing" in run("cache", "verify").out


# -- the rest -----------------------------------------------------------------------------------------------------
def test_info_counts(run: Command, tmp_path: Path) -> None:
    assert "not there yet" in run("cache", "info").out
    execute(tmp_path / "multiturn.db", plan("x", "y"))
    (tmp_path / "cache" / "data" / "s").mkdir(parents=True)
    (tmp_path / "cache" / "data" / "s" / "f.json").write_bytes(b"x" * 1500)
    lines = {line.split()[0]: line.split()[-1] for line in run("cache", "info").out.splitlines()}
    assert (lines["episodes"], lines["calls"], lines["runs"]) == ("2", "4", "1")
    assert "f.json (1.5 KB)" in run("cache", "info").out


def test_clear_asks_first(run: Command, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "data"
    folder.mkdir(parents=True)
    (folder / "f").write_text("x")
    assert "Give --data" in run("cache", "clear").err
    done = run("cache", "clear", "--data")
    assert (done.code, (folder / "f").exists()) == (2, True)
    assert "say so with --yes" in done.err
    assert "deleted 1 file" in run("cache", "clear", "--data", "--yes").out
    assert not folder.exists()
    assert "no weights" in run("cache", "clear", "--weights").out


def test_every_command_explains_itself_with_an_example(run: Command) -> None:
    import click

    context = click.Context(app)
    names = [[name] for name in app.list_commands(context)]  # type: ignore[attr-defined]
    names += [["cache", name] for name in ("info", "merge", "verify", "clear")]
    for name in names:
        out = run(*name, "--help").out
        assert "Examples:" in out, name
        assert f"multiturn {' '.join(name)}" in out, name


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from multiturn.cli.app import app\n"
        "for name in ('show', 'compare', 'export', 'validate', 'init', 'models', 'cache', 'list'):\n"
        "    app.main([name, '--help'], standalone_mode=False)\n"
        "heavy = ('numpy', 'scipy', 'aiohttp', 'rich', 'yaml')\n"
        "print([m for m in heavy if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
