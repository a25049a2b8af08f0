"""What an audit says beside the checks: differences with their intervals, the benchmark's own measures of its user, and
benchmarks in which the model under test is the user."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student

from inprocess import Command, Done, command
from multiturn.cli import app
from multiturn.engine.runs import find_run
from multiturn.engine.store import Store

PLAYERS = r"""
import json, re, zlib

from multiturn.systems.sim.lost_sample import sample

CASES = {case.shards[0].text: case for case in sample()}

def solver(chat):
    said = [m.text for m in chat.messages if m.role == "user"]
    case = CASES[said[0]]
    told, wanted = (set(re.findall(r"\d+", " ".join(texts))) for texts in (said, [s.text for s in case.shards]))
    lucky = zlib.crc32(said[0].encode()) % 2
    return f"The answer is {case.item['answer'].rpartition('####')[2].strip()}." if wanted <= told and lucky else "Tell me more?"

def left(chat):
    return json.loads(re.search(r"<not-yet-told[^>]*>(.*?)</not-yet-told", chat.messages[0].text, re.S)[1])

def sometimes(chat):
    rest = left(chat)
    text = " ".join(s["shard"] for s in rest) if len(rest) > 3 else "oh, and " + rest[0]["shard"].lower()
    return json.dumps({"response": text, "shard_id": rest[0]["shard_id"]})

def nobody(chat):
    return "###STOP###"

def silent(chat):
    return ""

def stranger(chat):
    return "terminate conversation" if "<conversation" in chat.messages[0].text else "Message: I would like some help, please."

def hello(chat):
    return "Hello there. What would you like to know about it?"

def person(chat):
    n = sum(m.role == "assistant" for m in chat.messages)
    return ["i could do with a hand", "it is about " + str(zlib.crc32(chat.messages[0].text.encode()) % 97), "<|endconversation|>"][min(n, 2)]

def machine(chat):
    return "How can I help you today? " + str(sum(m.role == "assistant" for m in chat.messages))

def customer(chat):
    return ["I want to cancel my order, please.", "My address is ida.berg@example.com.", "###STOP###"][min(len(chat) // 2 - 1, 2)]
"""  # noqa: E501
LOST = "lost-in-conversation?source=bundled"
Audits = Callable[..., tuple[Done, dict[str, Any]]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    monkeypatch.setitem(app._COMMANDS, "audit", ("audit", "Audit."))
    (tmp_path / "p.py").write_text(PLAYERS)
    return command(monkeypatch, capsys, tmp_path)


@pytest.fixture
def audits(run: Command) -> Audits:
    def audit(benchmark: str, model: str, user: str = "", *more: str) -> tuple[Done, dict[str, Any]]:
        users = ("--user", f"script:p.py:{user}") if user else ()
        done = run("audit", benchmark, "--model", model, *users, *more, "--json", "a.json")
        return done, json.loads(Path("a.json").read_text())

    return audit


def named(audit: dict[str, Any]) -> dict[str, int]:
    return {row["check"]: row["found"] for row in audit["checks"] if row["found"]}


def _scores(run_id: str) -> dict[str, list[float]]:
    with Store("multiturn.db") as store:
        rows = store.rows(
            'SELECT e."case", v.value FROM run_episodes r JOIN episodes e ON e.id = r.episode '
            "JOIN verdicts v ON v.episode = e.id WHERE r.run = ? AND v.measure = 'score' AND v.value IS NOT NULL",
            find_run(store, run_id).id,
        )
        found: dict[str, list[float]] = {}
        for case, value in rows:
            found.setdefault(case, []).append(value)
    return found


def test_the_interval_of_the_difference(audits: Audits) -> None:
    """By hand: both means anew without each case, and Student's t."""
    done, result = audits(LOST, "script:p.py:solver", "sometimes", "--setting", "sharded")
    (audit,) = result["audits"]
    marked = {one["case"] for one in audit["named"] if one["decided"]}
    scores = {case: float(np.mean(values)) for case, values in _scores(audit["run"]).items()}
    assert 0 < len(marked) < len(scores) == 12

    def difference(cases: set[str]) -> float:
        return float(np.mean([scores[c] for c in cases - marked]) - np.mean([scores[c] for c in cases]))

    d, left = difference(set(scores)), np.array([difference(set(scores) - {c}) for c in scores])
    moved = (left - d) ** 2
    se = math.sqrt(11 / 12 * moved.sum())
    df = min(max(2 * moved.sum() ** 2 / (12 / 11 * ((moved**2).sum() - moved.sum() ** 2 / 12)), 1), 11)
    half = float(student.ppf(0.975, df)) * se
    pair = next(p for p in audit["figures"] if p["all"]["measure"] == "score" and p["all"]["kind"] == "mean")
    assert pair["difference"] == pytest.approx(d)
    mean = pair["all"]["value"]  # no share leaves 0 to 1
    assert (pair["low"], pair["high"]) == (pytest.approx(max(d - half, -mean)), pytest.approx(min(d + half, 1 - mean)))
    way = "higher" if d > 0 else "lower"
    assert f"score (sharded) is {abs(100 * d):.1f} points {way} without them [" in " ".join(done.out.split())
    assert f"({12 - len(marked)} cases of 12)" in " ".join(done.out.split())


@pytest.mark.parametrize(
    ("benchmark", "user", "check"),
    [
        ("tau-bench", "nobody", "ends too early"),
        ("tau-bench", "silent", "cannot be used"),
        ("collabllm", "silent", "cannot be used"),
        ("simulator-arena?source=bundled", "silent", "ends too early"),
        ("simulator-arena?source=bundled", "stranger", "ends too early"),
    ],
)
def test_a_user_who_says_nothing_or_leaves_at_once(audits: Audits, benchmark: str, user: str, check: str) -> None:
    done, result = audits(benchmark, "script:p.py:hello", user)
    assert done.code == 0
    (audit,) = result["audits"]
    assert named(audit)[check] >= 0.7 * audit["conversations"] > 0
    assert audit["marked"] == named(audit)[check]
    assert audit["unusable"] == (1.0 if check == "cannot be used" else 0.0)
    if check == "cannot be used":
        assert "in 100% of its turns: the benchmark ended the conversation." in " ".join(done.out.split())
        assert "refused: it is empty" in " ".join(done.out.split()) or benchmark == "collabllm" or benchmark == "tau-bench"


def test_what_the_benchmark_measures_of_its_user(audits: Audits) -> None:
    done, result = audits("tau-bench", "gold", "customer")
    own = {figure["measure"]: figure for figure in result["audits"][0]["own"]}
    assert set(own) == {"user in order", "reward (user in order)"}
    assert 0 <= own["user in order"]["value"] <= 1
    assert "What the benchmark measures of its user" in done.out


def test_the_model_under_test_is_the_user(audits: Audits) -> None:
    bench = "user-lms?source=bundled"
    _, result = audits(bench, "script:p.py:person")
    (person,) = result["audits"]
    assert person["user"] == "script:p.py:person"
    assert person["conversations"] == 16  # a talk each of 8 intents, 4 quiz questions, 4 questions
    assert "speaks as the assistant" not in named(person)
    assert {"coverage", "stopped", "in role", "diversity", "termination F1"} <= {f["measure"] for f in person["own"]}
    _, result = audits(bench, "script:p.py:machine")
    (machine,) = result["audits"]
    assert named(machine)["speaks as the assistant"] == machine["marked"] == 16


def test_two_models_as_the_user_in_one_run(run: Command) -> None:
    run("run", "user-lms?source=bundled", "--model", "script:p.py:person", "--model", "script:p.py:machine", "--quiet")
    result = json.loads(run("audit", "--json", "-").out)
    assert [a["user"] for a in result["audits"]] == ["script:p.py:person", "script:p.py:machine"]
    turns = next(s for s in result["sensitivity"] if s["measure"] == "turns")
    assert [u["value"] for u in turns["users"]] == [2, 10]


def test_usp_has_two_users(run: Command) -> None:
    run("run", "usp?source=bundled&cap=3", "--setting", "dialogue", "--setting", "assistant", "--model", "script:p.py:hello",
        "--user", "script:p.py:machine", "--quiet")  # fmt: skip
    result = json.loads(run("audit", "--json", "-").out)
    talks = {a["user"]: a for a in result["audits"]}
    assert set(talks) == {"script:p.py:hello", "script:p.py:machine"}
    assert named(talks["script:p.py:machine"])["speaks as the assistant"] == 8
    for user, setting in (("script:p.py:hello", "dialogue"), ("script:p.py:machine", "assistant")):
        assert {p["all"]["setting"] for p in talks[user]["figures"]} == {setting}
        assert talks[user]["conversations"] == 8


def test_blocks_of_cases_hold_tasks_that_come_in_turn(run: Command) -> None:
    """400 cases, every second one always right, half of those left out: as wide as if one case at a time were left out."""
    score, fault = np.arange(400) % 2, np.arange(400) % 4 == 1
    Path("talks.jsonl").write_text("".join(
        json.dumps({"id": f"case {i}", "model": "m", "score": int(score[i]), "messages": [
            {"role": "user", "content": "How can I help you today?" if fault[i] else f"What is {i}?"},
            {"role": "assistant", "content": "That is a number."}]}) + "\n"
        for i in range(400)
    ))  # fmt: skip
    assert run("import", "talks.jsonl").code == 0
    (audit,) = json.loads(run("audit", "--json", "-").out)["audits"]
    pair = next(p for p in audit["figures"] if p["all"]["group"] is None and p["all"]["kind"] == "mean")
    kept = [np.arange(400) != i for i in range(400)]
    left = np.array([score[k & ~fault].mean() - score[k].mean() for k in kept])
    half = 1.96 * math.sqrt(399 / 400 * ((left - left.mean()) ** 2).sum())
    assert pair["difference"] == pytest.approx(-1 / 6)
    assert (pair["high"] - pair["low"]) / 2 == pytest.approx(half, rel=0.3)
