"""``multiturn audit`` as a user runs it: benchmarks played with scripted users whose faults are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inprocess import Command, Done, command
from multiturn.cli import app

PLAYERS = r'''
import json, re, zlib

from multiturn.systems.sim.lost_sample import sample

CASES = {case.shards[0].text: case for case in sample()}

def solver(chat):
    """Right as soon as it was told every number of the problem; before that it asks."""
    said = [m.text for m in chat.messages if m.role == "user"]
    case = CASES.get(said[0])
    if case is None:
        return "Can you tell me more about it?"
    told, wanted = (set(re.findall(r"\d+", " ".join(texts))) for texts in (said, [s.text for s in case.shards]))
    return f"The answer is {case.item['answer'].rpartition('####')[2].strip()}." if wanted <= told else "Can you tell me more?"

def left(chat):
    return json.loads(re.search(r"<not-yet-told[^>]*>(.*?)</not-yet-told", chat.messages[0].text, re.S)[1])

def say(text, shard):
    return json.dumps({"response": text, "shard_id": shard["shard_id"]})

def honest(chat):
    return say("oh, and " + left(chat)[0]["shard"].lower(), left(chat)[0])

def hasty(chat):
    return say(" ".join(s["shard"] for s in left(chat)), left(chat)[0])

def sometimes(chat):
    return hasty(chat) if len(left(chat)) > 3 else honest(chat)

def helper(chat):
    return say("Sure! How can I help you today? " + left(chat)[0]["shard"], left(chat)[0])

def parrot(chat):
    return say("Please just solve it.", left(chat)[0])

def mumbler(chat):
    return "I would rather not say it in that form."

LINES = ["The sea turns grey in winter.", "A violin sounds sad somehow.", "Mountains look sleepy to me.", "Salty soup again.",
         "My umbrella went missing.", "Spiders sit near that window.", "Opera goes well with pasta.", "Fog hides the castle."]

def dreamer(chat):
    return say(LINES[zlib.crc32(chat.messages[0].text.encode()) % len(LINES)], left(chat)[0])

def nobody(chat):
    return "###STOP###"

def customer(chat):
    return "How can I help you today?" if len(chat) < 3 else "###STOP###"

def feeling(chat):
    if "CHANGE" in chat.messages[0].text:
        return "MEANT: a\nWISH: b\nTHOUGHTS: c\nFEELING: d\nCHANGE: +3"
    return "THINKING: a\nDRAFT: b\nMESSAGE: It still hurts, and I do not know why."
'''
LOST = "lost-in-conversation?source=bundled"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    monkeypatch.setitem(app._COMMANDS, "audit", ("audit", "Audit."))
    (tmp_path / "p.py").write_text(PLAYERS)
    return command(monkeypatch, capsys, tmp_path)


Audit = Callable[..., tuple[Done, dict[str, Any]]]


@pytest.fixture
def audited(run: Command) -> Audit:
    """Audit LOST with these users; the printed text and the one object."""

    def audit(*users: str, more: tuple[str, ...] = ()) -> tuple[Done, dict[str, Any]]:
        args = [arg for user in users for arg in ("--user", f"script:p.py:{user}")]
        done = run("audit", LOST, "--model", "script:p.py:solver", "--setting", "sharded", *args, "--json", "a.json", *more)
        return done, json.loads(Path("a.json").read_text())

    return audit


def found(audit: dict[str, Any]) -> dict[str, int]:
    return {row["check"]: row["found"] for row in audit["checks"] if row["found"]}


def test_a_user_without_fault(audited: Audit) -> None:
    done, result = audited("honest")
    (audit,) = result["audits"]
    assert done.code == 0
    assert found(audit) == {}
    assert audit["marked"] == 0
    assert audit["told_a_message"] == pytest.approx(1.0, abs=0.05)
    assert not audit["no_user"]
    assert not audit["at_random"]
    assert "In none of 12 conversations did a check find what can have decided the outcome." in done.out
    assert all(pair["difference"] in (0, None) for pair in audit["figures"])


def test_the_rules_of_the_benchmark_are_without_fault(audited: Audit) -> None:
    done, result = audited()
    assert found(result["audits"][0]) == {}
    assert "the user is played by the rules of the benchmark" in done.out


@pytest.mark.parametrize(
    ("user", "check"),
    [("hasty", "tells too much at once"), ("helper", "speaks as the assistant"), ("parrot", "keeps back what it should tell")],
)
def test_a_fault_in_every_conversation(audited: Audit, user: str, check: str) -> None:
    done, result = audited(user)
    (audit,) = result["audits"]
    assert found(audit)[check] == 12
    assert audit["marked"] == 12
    assert f"{check}" in done.out
    assert "In 12 of 12 conversations (100%" in done.out
    assert all(pair["without"] is None or pair["without"]["value"] is None for pair in audit["figures"])


def test_figures_with_and_without(audited: Audit) -> None:
    done, result = audited("sometimes")
    (audit,) = result["audits"]
    named = {(one["case"], one["setting"]) for one in audit["named"] if one["decided"]}
    assert 0 < len(named) == audit["marked"] < 12
    score = next(p for p in audit["figures"] if p["all"]["measure"] == "score" and p["all"]["kind"] == "mean")
    assert score["without"]["n_cases"] == 12 - len(named)
    assert score["difference"] == pytest.approx(score["without"]["value"] - score["all"]["value"])
    assert f"12 → {12 - len(named)}" in done.out
    assert "the figures on the right check those on the left" in done.out


def test_a_constant_user_is_called_out(audited: Audit) -> None:
    done, _ = audited("parrot")
    assert "The simulated user says the same in 100% of its turns (“Please just solve it.”): it is no user." in done.out


def test_a_user_at_random_is_called_out(audited: Audit) -> None:
    done, result = audited("dreamer")
    assert result["audits"][0]["at_random"]
    assert "it talks at random." in done.out


def test_a_user_that_cannot_be_used_is_called_out(audited: Audit) -> None:
    done, result = audited("mumbler")
    (audit,) = result["audits"]
    assert found(audit) == {"cannot be used": 12}
    assert audit["unusable"] > 0.7
    assert "the benchmark spoke in its place" in done.out


def test_several_users(audited: Audit) -> None:
    done, result = audited("honest", "parrot", more=("--repeats", "2"))
    assert len(result["audits"]) == 2
    score = next(s for s in result["sensitivity"] if s["measure"] == "score")
    honest, parrot = score["users"]
    assert honest["value"] > parrot["value"]
    assert score["moved"][0]["value"] == pytest.approx(parrot["value"] - honest["value"])
    assert 0 < score["simulator"] <= 1
    assert "When another model plays the user" in done.out
    assert "of its" not in done.err


def test_runs_in_the_store_are_read_and_nobody_is_asked(run: Command, audited: Audit) -> None:
    first, second = (audited(user)[1]["audits"][0]["run"] for user in ("honest", "parrot"))
    Path("p.py").write_text("raise SystemExit('asked')")
    done = run("audit", first, second, "--json", "-")
    assert done.code == 0
    result = json.loads(done.out)
    assert [a["run"] for a in result["audits"]] == [first, second]
    assert {s["measure"] for s in result["sensitivity"]} >= {"score", "attempt"}
    again = json.loads(run("audit", "--json", "-").out)
    assert again["audits"][0]["run"] == second


def test_settings_without_a_simulated_user_are_no_part(run: Command) -> None:
    run("run", LOST, "--model", "script:p.py:solver", "--limit", "2", "--quiet")
    audit = json.loads(run("audit", "--json", "-").out)["audits"][0]
    assert audit["conversations"] == 2
    run("run", LOST, "--model", "script:p.py:solver", "--setting", "full", "--quiet")
    done = run("audit")
    assert done.code == 4
    assert "holds no conversation of lost-in-conversation?source=bundled with a simulated user" in done.out
    run("run", "patterns?cases=1", "--model", "gold", "--quiet")
    done = run("audit")
    assert done.code == 2
    assert "there is nothing to audit" in done.err


@pytest.fixture
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough permutations for a p-value of 1 in 21."""
    monkeypatch.setattr("multiturn.report.audit.ROUNDS", 20)


@pytest.mark.usefixtures("few_rounds")
def test_people_from_a_file_and_from_a_run(run: Command, audited: Audit) -> None:
    people = [
        {"messages": [{"role": "user", "content": f"hey can u tell me whats {i} plus {i}? thx"},
                      {"role": "assistant", "content": f"That is {2 * i}."}, {"role": "user", "content": f"ok and times {i}"},
                      {"role": "assistant", "content": "One moment."}]}
        for i in range(12)
    ]  # fmt: skip
    Path("people.jsonl").write_text("".join(json.dumps(row) + "\n" for row in people))
    done, result = audited("honest", more=("--human", "people.jsonl"))
    compared = result["audits"][0]["people"]
    assert compared["conversations"] == 12
    assert compared["classifier"]["chance"] == 0.5
    assert compared["classifier"]["accuracy"] > 0.9
    assert "A classifier tells it from people" in done.out
    assert "(chance 50%)" in done.out
    assert result["audits"][0]["checks"][6]["people"] == 0
    run_id = result["audits"][0]["run"]
    same = json.loads(run("audit", run_id, "--human", run_id, "--json", "-").out)["audits"][0]["people"]
    assert same["classifier"]["p"] > 0.05


@pytest.mark.usefixtures("few_rounds")
def test_released_people(run: Command, audited: Audit, data_root: Path) -> None:
    _, result = audited("honest", more=("--human", "simulator-arena", "--data", str(data_root)))
    assert result["audits"][0]["people"]["conversations"] == 101


def test_tau_bench_says_when_its_user_was_at_fault(run: Command) -> None:
    done = run("audit", "tau-bench", "--model", "gold", "--user", "script:p.py:customer", "--json", "t.json")
    (audit,) = json.loads(Path("t.json").read_text())["audits"]
    assert done.code == 0
    assert found(audit)["speaks as the assistant"] == audit["conversations"] == audit["known"]
    assert found(json.loads(_of(run, "tau-bench", "--model", "gold"))["audits"][0]) == {}


@pytest.mark.parametrize("benchmark", ["collabllm", "tau-bench", LOST])
def test_scripted_users_are_without_fault(run: Command, benchmark: str) -> None:
    (audit,) = json.loads(_of(run, benchmark, "--model", "gold"))["audits"]
    assert found(audit) == {}
    assert audit["known"] == audit["conversations"]


def test_sage(run: Command) -> None:
    (audit,) = json.loads(
        _of(run, "sage-sentient?source=bundled", "--model", "script:p.py:solver", "--user", "script:p.py:feeling")
    )["audits"]
    assert set(found(audit)) == {"repeats itself"}
    assert audit["no_user"]


def _of(run: Command, *args: str) -> str:
    done = run("audit", *args, "--json", "-")
    assert done.code == 0, done.err
    return done.out


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("nosuch",), "unknown run or benchmark `nosuch`"),
        (("patterns", "--model", "gold"), "nobody plays the user of patterns"),
        ((LOST,), "needs the assistant: --model"),
        (("last", "--user", "gold"), "--model and --user play a benchmark"),
        ((LOST, "tau-bench", "--model", "gold"), "one benchmark at a time"),
        ((LOST, "--model", "gold", "--human", "nofile"), "there is no such file"),
        ((LOST, "--model", "gold", "--json", "no/where.json"), "there is no folder"),
        ((LOST, "--model", "gold", "--limit", "0"), "--limit must be at least 1"),
    ],
)
def test_wrong_input_is_one_clear_line(run: Command, audited: Audit, args: tuple[str, ...], says: str) -> None:
    run("run", LOST, "--model", "gold", "--limit", "1", "--quiet")
    done = run("audit", *args)
    assert done.code == 2
    assert says in done.err
    assert len(done.err.splitlines()) == 1


def test_a_budget_stops_early(run: Command) -> None:
    done = run("audit", LOST, "--model", "script:p.py:solver", "--user", "script:p.py:honest", "--max-calls", "30")
    assert done.code == 3
    assert "stopped early" in done.err


def test_what_models_say_cannot_act(run: Command) -> None:
    Path("p.py").write_text(PLAYERS.replace("Please just solve it.", "\\u202eevil\\x1b[31m [bold]solve[/] it now please"))
    done = run("audit", LOST, "--model", "script:p.py:solver", "--user", "script:p.py:parrot", "--limit", "4")
    assert "\x1b[31m" not in done.out
    assert "\u202e" not in done.out
    assert "[bold]solve[/]" in done.out
