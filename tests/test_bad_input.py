"""Bad input of every kind: one clear line and exit code 2, or a recorded cause; and the store stays readable."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from commands import Done, case, cases, echo, finish, inside, multiturn, rows, start
from fakeserver import Answer, FakeServer, Received, chat, cut, drop, hang, html, reply_json, status
from multiturn.conversation import InputError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return cases(tmp_path / "cases.jsonl", [case("a", "Blue", "Red"), case("b", "Green")])


def readable(store: Path) -> dict[str, Any]:
    """The report of a store, which must be whole."""
    told = inside("report", "--store", store, "--json", "-")
    assert told.code == 0, told.err
    assert rows(store, "PRAGMA integrity_check") == [("ok",)]
    found: dict[str, Any] = json.loads(told.out)
    return found


def refused(done: Done, *says: str) -> None:
    """Exit code 2 and one line that says all of this."""
    assert done.code == 2, done
    for words in says:
        assert words in done.line


# -- names and places ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["run", "patern", "--model", "gold"], "did you mean `patterns`"),
        (["run", "nonsense", "--model", "gold"], "`multiturn list` shows all"),
        (["run", "patterns?trns=3", "--model", "gold"], "unknown option of `patterns` `trns`"),
        (["run", "patterns", "--model", "opnai/x"], "did you mean `openai`"),
        (["run", "patterns", "--model", "gpt-4o"], "provider/name"),
        (["run", "patterns", "--model", "http://127.0.0.1:1/v1#m?temprature=1"], "did you mean `temperature`"),
        (["run", "patterns", "--model", "http://127.0.0.1:1/v1#m?temperature=hot"], "temperature must be a number from 0 to 2"),
        (["run", "patterns", "--model", "http://127.0.0.1:1/v1"], "does not say which model"),
        (["run", "patterns", "--model", "http://127.0.0.1:port/v1#m"], "not an address of a server"),
        (["run", "patterns", "--model", "openai/gpt-4o-mini"], "set OPENAI_API_KEY"),
        (["run", "patterns", "--model", "script:none.py:f"], "cannot read none.py"),
        (["run", "patterns", "--model", "replay:none.db"], "there is no store at none.db"),
        (["run", "none.jsonl", "--model", "gold"], "none.jsonl"),
        (["run", "none.py:Bench", "--model", "gold"], "there is no file none.py"),
        (["run", "patterns", "--model", "gold", "--data", "none"], "the data folder none is not there"),
        (["run", "mt-eval", "--model", "gold", "--data", "{tmp}"], "`mt-eval` needs its file"),
        (["run", "patterns", "--model", "gold", "--limit", "1", "--json", "none/r.json"], "none/r.json"),
        (["run", "patterns", "--model", "gold", "--limit", "1", "--html", "none/r.html"], "none/r.html"),
        (["run", "patterns", "--model", "gold", "--store", "none/s.db"], "none/s.db"),
        (["run", "patterns", "--model", "gold", "--store", "{tmp}"], "--store PATH"),
        (["run", "patterns", "--model", "script:\udcff:f"], "is not UTF-8"),
        (["report", "--store", "none.db"], "there is no store at none.db"),
        (["score", "--store", "none.db"], "none.db"),
    ],
)
def test_names_and_places_that_are_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], says: str) -> None:
    monkeypatch.chdir(tmp_path)
    offline = {"MULTITURN_CACHE": str(tmp_path / "cache"), "https_proxy": "http://127.0.0.1:1"}
    done = inside(*(a.replace("{tmp}", str(tmp_path)) for a in args), env=offline)
    refused(done, says)


def test_results_stay_in_the_store_when_a_file_cannot_be_written(tmp_path: Path, file: Path) -> None:
    # What can be known before is refused before anything is asked.
    for option in ("--json", "--html"):
        for path in (tmp_path, tmp_path / "nowhere" / "x"):
            refused(inside("run", file, "--model", "gold", "--store", tmp_path / "s.db", option, path), str(path))
    assert not (tmp_path / "s.db").exists()
    # What fails later costs the file only: the report is printed, and the store has the run.
    full = InputError("cannot write `x.json`: No space left on device")
    with mock.patch("multiturn.report.result.write_json", side_effect=full):
        done = inside("run", file, "--model", "gold", "--store", tmp_path / "s.db", "--json", tmp_path / "x.json")
    assert done.code == 2
    assert "No space left" in done.err
    assert "finished" in done.out
    assert readable(tmp_path / "s.db")["run"]["status"] == "done"


def test_bytes_that_are_no_text_in_a_path(tmp_path: Path, file: Path) -> None:
    done = inside("run", file, "--model", "gold", "--store", os.fsdecode(os.fsencode(tmp_path) + b"/\xff.db"), "--json", "-")
    assert done.code == 0, done.err
    assert "\ufffd.db" in json.loads(done.out)["run"]["command"]


# -- data and case files ---------------------------------------------------------------------------------------------
def test_data_files_that_are_not_what_they_should_be(tmp_path: Path, data_root: Path) -> None:
    real = data_root / "ifeval"
    if not real.is_dir():
        pytest.skip(f"no {real}")
    sound = sorted(p for p in real.iterdir() if p.suffix == ".jsonl")
    for spoil in (lambda b: b[: len(b) // 2], lambda b: b"\x00\xff" * 50, lambda b: b"", lambda b: b"<html>not found</html>"):
        folder = tmp_path / "data" / "ifeval"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path in sound:
            (folder / path.name).write_bytes(spoil(path.read_bytes()))
        done = inside("run", "ifeval", "--model", "gold", "--data", tmp_path / "data", "--store", tmp_path / "s.db")
        refused(done, "ifeval")


GOOD = json.dumps(case("x", "Blue"))
MALFORMED: list[tuple[str, list[str]]] = [
    ('{"id": "y", "turns": [', ["line 17", "not JSON"]),
    ('{"id": "y", "turns": [{"user": "x", "target": "y"}], "colour": 1}', ["line 17", "colour", "unknown field"]),
    ('{"id": "y", "turns": [{"user": "x", "targt": "y"}]}', ["line 17", "targt", "did you mean `target`"]),
    ('{"id": "y", "turns": [{"user": 5}]}', ["line 17", "turns[0].user", "text"]),
    ('{"id": "y", "turns": "hello"}', ["line 17", "turns"]),
    ('{"id": "y", "turns": []}', ["line 17", "turns"]),
    ('{"id": "y"}', ["line 17", "turns"]),
    ('{"id": "y", "turns": [{"user": "x", "target": {"type": "smell"}}]}', ["line 17", "target"]),
    ('{"id": "case 3", "turns": [{"user": "x", "target": "y"}]}', ["line 17", "duplicate id `case 3`", "line 3"]),
    ("[1, 2, 3]", ["line 17"]),
    ('"' + "x" * (17 << 20) + '"', ["line 17", "MiB"]),
    ("[" * 5000 + "]" * 5000, ["line 17", "deep"]),
    ("\xff\xfe\x00", ["line 17", "not UTF-8"]),
    ('{"id": "\\u001b[31m\\n\\u0007", "turns": [{"user": 1}]}', ["line 17", "turns[0].user"]),
]


@pytest.mark.parametrize(("line", "says"), MALFORMED, ids=[line[:40] for line, _ in MALFORMED])
def test_malformed_case_files(tmp_path: Path, line: str, says: list[str]) -> None:
    lines = [json.dumps(case(f"case {i}", "Blue")) for i in range(1, 20)]
    lines[16] = line
    path = tmp_path / "cases.jsonl"
    path.write_bytes("\n".join(lines).encode("latin-1"))
    done = inside("run", path, "--model", "gold", "--store", tmp_path / "s.db")
    refused(done, "cases.jsonl", *says)
    assert not any(ord(c) < 32 for c in done.line)
    assert not (tmp_path / "s.db").exists()


@pytest.mark.parametrize(
    "text", ["", "[]", "cases: []", "a: [", "- !!python/object:os.system x", "- &a [*a]", "\x00", "cases: 5"]
)
def test_malformed_yaml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text(text)
    refused(inside("run", path, "--model", "gold", "--store", tmp_path / "s.db"), "cases.yaml")


# -- models that cannot answer at all --------------------------------------------------------------------------------
def test_a_model_that_is_down(tmp_path: Path, file: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = inside("run", file, "--model", f"http://127.0.0.1:{port}/v1#m", "--store", tmp_path / "s.db")
    refused(done, f"no server at http://127.0.0.1:{port}/v1", "is it running?")
    readable(tmp_path / "s.db")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (status(401, "bad key"), ["refused the key", "OPENAI_API_KEY"]),
        (status(403, "no"), ["refused the key"]),
        (status(404, "model `m` does not exist"), ["no model `m`"]),
        (status(402, "pay"), ["no credit"]),
        (Answer(status=302, headers={"Location": "https://example.org/"}), ["redirects to https://example.org/"]),
    ],
)
def test_a_model_that_will_never_answer(tmp_path: Path, file: Path, answer: Answer, says: list[str]) -> None:
    with FakeServer(default=answer) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-secret-key"}
        done = inside("run", file, "--model", "openai/m", "--store", tmp_path / "s.db", env=env)
        refused(done, *says)
        assert "secret" not in done.err
        assert server.count <= 2  # nobody else asks once this is known
        readable(tmp_path / "s.db")
        server.default = echo
        assert inside("run", file, "--model", "openai/m", "--store", tmp_path / "s.db", env=env).code == 0


# -- replies that are none -------------------------------------------------------------------------------------------
REPLIES: dict[str, tuple[Callable[[], Answer], str]] = {
    "empty text": (lambda: chat(""), ""),
    "no choices": (lambda: reply_json({"choices": []}), ""),
    "null content": (lambda: chat(None), ""),
    "binary in text": (lambda: chat("\x00\x01\x1b[2J\u202e\ufffe"), ""),
    "huge": (lambda: chat("x" * 2_000_000), ""),
    "far too huge": (lambda: Answer(b" " * (33 << 20)), "reply too large"),
    "lone surrogate": (lambda: Answer(chat("ab").body.replace(b'"ab"', b'"\\ud800"')), "bad reply"),
    "no body": (lambda: Answer(b""), "bad reply"),
    "not UTF-8": (lambda: Answer(b'{"choices": [{"message": {"content": "\xff\xfe"}}]}'), "bad reply"),
    "binary": (lambda: Answer(bytes(range(256))), "bad reply"),
    "HTML": (lambda: html(), "bad reply"),
    "JSON cut in the middle": (lambda: Answer(chat("a reply").body[:60]), "bad reply"),
    "body cut in the middle": (lambda: cut(), "bad reply"),
    "another shape": (lambda: reply_json({"choices": {"message": 5}}), "bad reply"),
    "deep": (lambda: Answer(b'{"choices": ' + b"[" * 5000), "bad reply"),
    "refused": (lambda: status(400, "\x1b[31mno\nthanks"), "request refused"),
    "too long": (lambda: status(400, "maximum context length is 8 tokens"), "context limit"),
    "filtered": (lambda: status(400, "content_filter"), ""),
    "storm": (lambda: status(429, "slow down", headers={"Retry-After": "0"}), "rate limited"),
    "broken": (lambda: status(500, "oops", headers={"retry-after-ms": "1"}), "server error"),
}


def test_replies_that_are_none_are_causes_and_the_run_goes_on(tmp_path: Path) -> None:
    def answer(request: Received) -> Answer:
        name = request.json["messages"][0]["content"]
        return REPLIES[name][0]() if name in REPLIES else chat("Blue")

    file = cases(tmp_path / "cases.jsonl", [case(name, name) for name in REPLIES] + [case("good", "Blue")])
    store = tmp_path / "s.db"
    with FakeServer(default=answer) as server:
        command = ("run", file, "--model", f"{server.base_url}#m", "--store", store, "--setting", "multi", "--concurrency", "64")
        done = inside(*command, "--json", tmp_path / "r.json", "--html", tmp_path / "r.html")
        assert (done.code, done.err) == (0, "")
        assert "\x1b[2J" not in done.out
    found = dict(rows(store, 'SELECT "case", stopped FROM episodes'))
    assert found == {**{name: cause for name, (_, cause) in REPLIES.items()}, "good": ""}
    report = readable(store)
    assert sum(report["unmeasured"].values()) == sum(bool(cause) for _, cause in REPLIES.values())
    assert "\x1b" not in (tmp_path / "r.html").read_text()
    empty = rows(store, """SELECT v.status, v.value FROM verdicts v JOIN episodes e ON e.id = v.episode
                           WHERE e."case" IN ('empty text', 'no choices', 'null content')""")  # fmt: skip
    assert empty == [(1, 0.0)] * 3  # the model's own failure, counted apart


def test_dropped_connections_and_silence_are_time_outs(tmp_path: Path, file: Path) -> None:
    from multiturn.api import evaluate
    from multiturn.models import make_model

    with FakeServer([drop(), hang()], default=echo) as server:
        model = make_model(f"{server.base_url}#m", timeout=0.4)
        found = evaluate(str(file), model, store=tmp_path / "s.db", concurrency=1, settings=["multi"])
        assert found.figure("correct").value == 1.0
        assert (found.result.calls.made, found.result.calls.retried) == (3, 2)
    with FakeServer(default=hang()) as server:
        model = make_model(f"{server.base_url}#n", timeout=0.2)
        file = cases(tmp_path / "one.jsonl", [case("a", "Blue")])
        found = evaluate(str(file), model, store=tmp_path / "s.db", settings=["multi"])
        assert found.result.unmeasured == {"time-out": 1}
    readable(tmp_path / "s.db")


# -- stores ----------------------------------------------------------------------------------------------------------
def test_stores_that_are_none(tmp_path: Path, file: Path) -> None:
    newer, other, text, torn = (tmp_path / name for name in ("newer.db", "other.db", "text.db", "torn.db"))
    assert inside("run", file, "--model", "gold", "--store", newer).code == 0
    whole = newer.read_bytes()
    torn.write_bytes(whole[:8192] + bytes(b ^ 0x5A for b in whole[8192:]))
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE t (x)")
    db.close()
    text.write_text("a poem about databases\n" * 100)
    for path, says in ((newer, "newer multiturn"), (other, "another program"), (text, "not a database"), (torn, "malformed")):
        before = path.read_bytes()
        for command in (("run", file, "--model", "gold"), ("report",), ("score",)):
            refused(inside(*command, "--store", path), says, path.name if path != torn else "")
        if path != torn:
            assert path.read_bytes() == before


def test_two_processes_on_one_store(tmp_path: Path, file: Path) -> None:
    store = tmp_path / "s.db"
    with FakeServer([hang()] * 3, default=echo) as server:
        command = ("run", file, "--model", f"{server.base_url}#m", "--store", store)
        first = start(*command)
        while server.count < 2 and first.poll() is None:
            time.sleep(0.005)
        refused(inside(*command), f"is being written by process {first.pid}", "--store PATH")
        assert readable(store)["run"]["status"] == "stopped"  # reading is always possible
        server.answers.clear()
        first.send_signal(signal.SIGTERM)
        assert finish(first).code == 3
        assert inside(*command).code == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 400 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", str(disk)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk(tmp_path: Path, small_disk: Path) -> None:
    file = cases(tmp_path / "cases.jsonl", [case(f"c{i}", *(f"Word {i}{t} " * 400 for t in range(4))) for i in range(20)])
    store = small_disk / "s.db"
    with FakeServer(default=echo) as server:
        command = ("run", file, "--model", f"{server.base_url}#m", "--setting", "multi")
        refused(multiturn(*command, "--store", store), "full", "free some room and run again")
        kept, asked = rows(store, "SELECT count(*) FROM calls")[0][0], server.count
        assert 0 < kept < 80
        readable(store)
        refused(inside(*command, "--store", store), "full")
        with contextlib.suppress(OSError):
            (small_disk / "rest").write_bytes(bytes(400_000))
        done = inside(*command, "--store", small_disk / "new.db")
        refused(done, "new.db")
        room = tmp_path / "s.db"
        for path in small_disk.glob("s.db*"):
            shutil.copy(path, room.with_name(path.name))
        before = server.count
        assert inside(*command, "--store", room).code == 0
        assert server.count - before == 80 - rows(store, "SELECT count(*) FROM calls")[0][0]
        assert asked < 80


def test_a_store_whose_making_was_killed_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    from multiturn.engine import schema
    from multiturn.engine.store import Store

    def dying(db: sqlite3.Connection) -> None:
        for i, statement in enumerate(schema.TABLES.split(";\n")):
            if i == 5:
                raise KeyboardInterrupt
            db.execute(statement)

    monkeypatch.setattr("multiturn.engine.store.MIGRATIONS", (dying,))
    with pytest.raises(KeyboardInterrupt):
        Store(tmp_path / "s.db", writable=True)
    monkeypatch.undo()
    assert inside("run", file, "--model", "gold", "--store", tmp_path / "s.db").code == 0


# -- readers that go away --------------------------------------------------------------------------------------------
def test_a_closed_pipe_is_no_error_and_keeps_the_exit_code(tmp_path: Path, file: Path) -> None:
    commands = {("list",): 0, ("run", str(file), "--model", "gold", "--store", str(tmp_path / "s.db"), "--fail-under", "2"): 1}
    for command, code in commands.items():
        process = start(*command)
        assert process.stdout is not None
        process.stdout.close()
        _, err = process.communicate(timeout=60)
        assert process.returncode == code
        assert "Traceback" not in err
        assert "Broken" not in err
