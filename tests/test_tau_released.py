"""tau-bench: the released runs scored again, and the review of simulated users."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multiturn.conversation import Conversation, DataError
from multiturn.measures.figures import pass_k
from multiturn.systems.agent.tau_bench import TauBench
from multiturn.systems.agent.tau_case import Shopfront, read_tasks
from multiturn.systems.agent.tau_released import released, rescored, table
from multiturn.systems.agent.tau_review import EARLY, INVENTED, LEAK, LOOP, SWAP, review
from multiturn.systems.agent.tau_user import STOP


# -- released runs ----------------------------------------------------------------------------------------------------
def test_pass_k_of_the_released_runs(data_root: Path) -> None:
    rows = released(data_root / "tau-bench" / "gpt4o_airline_rewards.jsonl")
    assert (len(rows), sum(not row.finished for row in rows), sum(row.r_outputs is not None for row in rows)) == (200, 5, 13)
    assert all(row.reward == 0 for row in rows if not row.finished)
    found = {f.measure: f for f in pass_k("reward", ks=(1, 2, 3, 4))(table(rows))}
    for k, wanted in enumerate((0.42, 0.27333, 0.22, 0.20), 1):
        figure = found[f"reward pass^{k}"]
        assert figure.value == pytest.approx(wanted, abs=1e-5)
        assert figure.low is not None
        assert figure.n_cases == 50
    published = [p.value for p in TauBench.published if p.model.startswith("gpt-4o, tool") and p.group == "airline, version 1"]
    assert published == [round(found[f"reward pass^{k}"].value or 0, 3) for k in (1, 2, 3, 4)]


def test_outputs_and_endings_of_the_released_trajectories(data_root: Path) -> None:
    runs = list(rescored(data_root / "tau-bench" / "gpt4o_airline_trial0.jsonl"))
    assert sum(run.ended for run in runs) == 40  # of 50; trial 0 only
    checked = [run for run in runs if run.stored is not None]
    assert len(checked) == 4
    assert all(run.outputs == run.stored for run in checked)


def test_tasks_of_both_versions_are_read(data_root: Path) -> None:
    shop = Shopfront("airline", "", b"{}")
    first = list(read_tasks(data_root / "tau-bench" / "airline" / "tau1_tasks.jsonl", shop))
    assert len(first) == 50
    assert (first[2].outputs, len(first[2].actions), first[2].actions[0].name) == (("23553",), 5, "update_reservation_flights")
    second = list(read_tasks(data_root / "tau-bench" / "airline" / "tasks.json", shop))
    assert len(second) == 50
    mock = {case.id: case for case in read_tasks(data_root / "tau-bench" / "mock" / "tasks.json", shop)}
    assert mock["impossible_task_1"].basis == ("DB", "ACTION")
    assert {a.by for a in mock["update_task_with_user_tools"].actions} <= {"assistant", "user"}


BAD = ("[1]", "{", '[{"id": "1", "user_scenario": {}}]', '{"instruction": "x", "actions": 3}', "[" * 9999, "\xff")


@pytest.mark.parametrize("text", BAD)
def test_malformed_tasks_name_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tasks.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=r"tasks\.json"):
        list(read_tasks(path, Shopfront("retail", "", b"{}")))


# -- the review -------------------------------------------------------------------------------------------------------
SCENARIO = "You are Ida Berg, ida.berg@example.com. Cancel order #W1001, because you ordered it by mistake. You are in a hurry."


def talk(*lines: str) -> Conversation:
    chat = Conversation()
    for i, line in enumerate(lines):
        chat = chat.assistant(line) if i % 2 else chat.user(line)
    return chat


@pytest.mark.parametrize(
    ("chat", "stop", "kinds"),
    [
        (talk("I am Ida Berg.", "Hello! Shall I?", "No, thanks."), "user ended", []),
        (talk("Cancel W1001 please.", "Done. Is there anything else I can do?"), "user ended", []),
        (talk("It is order W-1001.", "Order #W1001 of 5551234?", "Yes, 5551234.", "Done."), "user ended", []),
        (talk(SCENARIO, "Done."), "user ended", [LEAK]),
        (talk("Hi.", "Shall I cancel it? (yes/no)\nPlease confirm, shall I?"), "user ended", [EARLY]),
        (talk("Hi."), "user ended", [EARLY]),
        (talk("Hi.", "Shall I cancel it?"), "turn limit", []),
        (talk("Hello! How can I help you today?", "I am the agent."), "turn limit", [SWAP]),
        (talk("Certainly, I have cancelled your order.", "What?"), "turn limit", [SWAP]),
        (talk("My order is #W9999.", "No."), "turn limit", [INVENTED]),
        (talk("Mail me at ida@other.org", "No."), "turn limit", [INVENTED]),
        (talk(*["I want my order cancelled now.", "No."] * 4), "turn limit", [LOOP]),
    ],
)
def test_review_of_the_user(chat: Conversation, stop: str, kinds: list[str]) -> None:
    assert list(dict.fromkeys(f.kind for f in review(SCENARIO, chat, stop))) == kinds


def test_review_finds_little_in_the_released_users(data_root: Path) -> None:
    """The released users (gpt-4o) were good ones: one of 50 made something up, an email address of its own."""
    root = data_root / "tau-bench"
    cases = list(read_tasks(root / "airline" / "tau1_tasks.jsonl", Shopfront("airline", "", b"{}")))
    found = []
    for line in (root / "gpt4o_airline_trial0.jsonl").read_text().splitlines():
        run = json.loads(line)
        chat = Conversation()
        for m in run["traj"]:
            text = (m["content"] or "").replace(STOP, "").strip()
            if text and m["role"] in ("user", "assistant"):
                chat = chat.say(m["role"], text)
        stop = "user ended" if STOP in (run["traj"][-1]["content"] or "") else "success"
        found += review(cases[run["task_id"]].scenario, chat, stop)
    assert [(f.kind, f.quote.partition("@")[0]) for f in found] == [(INVENTED, "yara_garcia_1905")]
