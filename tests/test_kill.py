"""A real process is killed at twenty moments and started again each time: nothing on record is asked for again, and what
it leaves is what an undisturbed process leaves."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from commands import Done, case, cases, finish, multiturn, rows, start
from fakeserver import Answer, FakeServer, Received, chat
from multiturn import evaluate
from multiturn.conversation import Conversation
from players import Echo, FunctionModel

KILLS, CONCURRENCY, REPEATS, CASES, TURNS = 20, 4, 2, 10, 8


def moody(request: Received) -> Answer:
    """The last message again, or not, as the hash of all messages will have it; after some milliseconds."""
    messages = request.json["messages"]
    fate = blake2b(json.dumps(messages).encode(), digest_size=2).digest()
    return chat(messages[-1]["content"] if fate[0] % 3 else "I forgot.", delay=0.004 + fate[1] / 50_000)


def words(case_number: int, turn: int) -> str:
    return "Hello." if turn == 0 else f"Word {case_number * 100 + turn}."  # all cases open alike


@pytest.fixture
def run(tmp_path: Path) -> list[str]:
    """The arguments of the run, without model and store."""
    items = [case(f"c{i}", *(words(i, t) for t in range(TURNS))) for i in range(CASES)]
    path = cases(tmp_path / "cases.jsonl", items)
    return ["run", str(path), "--setting", "multi", "--repeats", str(REPEATS), "--concurrency", str(CONCURRENCY), "--quiet"]


def asked(store: Path) -> Counter[str]:
    """How often each list of messages has an answer on record."""
    if not store.exists() or not rows(store, "SELECT 1 FROM sqlite_master WHERE name='calls'"):
        return Counter()
    nodes = {id_: (parent, json.loads(message)) for id_, parent, message in rows(store, "SELECT * FROM nodes")}
    found: Counter[str] = Counter()
    for (node,) in rows(store, "SELECT asked FROM calls"):
        messages: list[dict[str, str]] = []
        while node in nodes:
            node, message = nodes[node]
            messages.insert(0, {"role": message["role"], "content": message["parts"][0]["text"]})
        found[json.dumps(messages)] += 1
    return found


def requested(server: FakeServer, since: int = 0) -> Counter[str]:
    """How often each list of messages was asked of the server."""
    return Counter(json.dumps(r.json["messages"]) for r in server.requests[since:])


def content(store: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What a store says, without times."""
    queries = {
        "nodes": "SELECT * FROM nodes ORDER BY id",
        "calls": """SELECT key, draw, model, asked, node, input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost,
                    retries, stop, served FROM calls ORDER BY key, draw""",
        "models": "SELECT * FROM models ORDER BY id",
        "episodes": """SELECT id, system, model, "case", cluster, "group", setting, repeat, node, stopped, complete, calls, facts
                       FROM episodes ORDER BY id""",
        "verdicts": "SELECT * FROM verdicts ORDER BY episode, n",
        "runs": "SELECT id, spec, status FROM runs",
        "run_episodes": "SELECT * FROM run_episodes ORDER BY run, n",
    }
    return {name: rows(store, sql) for name, sql in queries.items()}


def kill(process: subprocess.Popen[str], server: FakeServer, chance: random.Random) -> bool:
    """Kill the process at some moment; False when it had ended before."""
    if chance.random() < 0.25:
        time.sleep(chance.random() * 0.6)  # anywhere, also before the first question
    else:
        until, deadline = server.count + chance.randrange(1, 12), time.monotonic() + 20
        while server.count < until and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(chance.random() * 0.012)
    process.kill()
    return finish(process).code == -signal.SIGKILL


def test_killed_twenty_times_is_the_same_run(tmp_path: Path, run: list[str]) -> None:
    whole, pieces = tmp_path / "whole.db", tmp_path / "pieces.db"
    chance = random.Random(20)
    with FakeServer(default=moody) as server:
        model = ["--model", f"{server.base_url}#m"]
        assert multiturn(*run, *model, "--store", whole, "--json", tmp_path / "whole.json").code == 0
        complete = asked(whole)
        assert complete == requested(server)
        first, killed = server.count, 0
        for _ in range(KILLS):
            on_record, since = asked(pieces), server.count
            killed += kill(start(*run, *model, "--store", pieces), server, chance)
            assert requested(server, since) <= complete - on_record  # nothing on record is asked again
        on_record, since = asked(pieces), server.count
        done = multiturn(*run, *model, "--store", pieces, "--json", tmp_path / "pieces.json")
        assert (done.code, done.err) == (0, "")
        assert requested(server, since) == complete - on_record
        repeated = requested(server, first).total() - complete.total()
    assert killed >= KILLS // 2
    assert repeated <= killed * CONCURRENCY  # only those in flight at a kill
    assert content(pieces) == content(whole)
    figures = [json.loads((tmp_path / name).read_text())["figures"] for name in ("whole.json", "pieces.json")]
    assert figures[0] == figures[1] != []
    assert multiturn("cache", "verify", "--store", pieces).code == 0


def interrupt(run: list[str], server: FakeServer, *which: signal.Signals) -> Done:
    process = start(*run)
    while server.count < 10 and process.poll() is None:
        time.sleep(0.001)
    for number in which:
        process.send_signal(number)
    return finish(process)


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_stopping_saves_what_was_answered(tmp_path: Path, run: list[str], which: signal.Signals) -> None:
    store = tmp_path / "s.db"
    with FakeServer(default=lambda request: chat("x", delay=0.01)) as server:
        command = [*run[:-1], "--model", f"{server.base_url}#m", "--store", str(store)]
        stopped = interrupt(command, server, which)
        assert stopped.code == 3
        assert "run the same command to go on" in stopped.line
        on_record, since = asked(store), server.count
        assert 10 - CONCURRENCY <= on_record.total() <= since < CASES * TURNS * REPEATS
        assert rows(store, "SELECT status FROM runs") == [("stopped",)]
        report = multiturn("report", "--store", store, "--json", "-")
        assert report.code == 0
        assert json.loads(report.out)["run"]["status"] == "stopped"
        assert multiturn(*command).code == 0
        assert rows(store, "SELECT status FROM runs") == [("done",)]
        assert requested(server, since) == asked(store) - on_record


def test_stopping_twice_at_once_is_no_traceback(tmp_path: Path, run: list[str]) -> None:
    store = tmp_path / "s.db"
    with FakeServer(default=lambda request: chat("x", delay=0.02)) as server:
        command = [*run, "--model", f"{server.base_url}#m", "--store", str(store)]
        stopped = interrupt(command, server, signal.SIGINT, signal.SIGINT)
        assert stopped.code == 3
        assert "Traceback" not in stopped.err
    assert rows(store, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("then", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_while_models_are_closed_changes_nothing(tmp_path: Path, then: signal.Signals) -> None:
    class Slow(FunctionModel):
        async def close(self) -> None:
            os.kill(os.getpid(), then)  # `timeout` sends SIGTERM to the process, and again to its group
            await asyncio.sleep(0.2)

    def answer(chat: Conversation) -> str:
        os.kill(os.getpid(), signal.SIGTERM)
        return "x"

    found = evaluate(Echo(), Slow(answer, pause=0.02), store=tmp_path / "s.db")
    assert found.result.run.status == "stopped"
    assert rows(tmp_path / "s.db", "SELECT status FROM runs") == [("stopped",)]
