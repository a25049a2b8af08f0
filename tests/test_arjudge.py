"""arjudge: metrics by hand, checks in the sandbox, call counts on LLMBar, both orders, hostile text."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn import evaluate
from multiturn.conversation import CallError, Conversation
from multiturn.engine.data import DataFolder
from multiturn.judges.items import PairItem
from multiturn.judges.parse import Parsed, Unparsable
from multiturn.measures.figure import Figure
from multiturn.systems.judge.arjudge import ARJudge
from multiturn.systems.judge.arjudge_figures import orders
from multiturn.systems.judge.arjudge_steps import GENERAL, Analysis, analysis, better, questions, run_check
from multiturn.systems.judge.pair_sets import llmbar
from multiturn.worlds.sandbox import Sandbox, SandboxUnavailable

Judge = Callable[[Conversation], str]
Found = dict[tuple[str, str | None], Figure]


@pytest.fixture
def run(tmp_path: Path, data_root: Path) -> Callable[..., Found]:
    def go(judge: Judge | str, *settings: str, limit: int | None = None, **options: Any) -> Found:
        made = ARJudge(DataFolder(data_root, offline=True), **options)
        store = tmp_path / f"{random.random()}.db"
        found = evaluate(made, judge, settings=settings or ("plain", "swapped"), limit=limit, store=store)
        return {(f.measure, f.setting): f for f in found.figures if f.group is None}

    return go


@pytest.fixture
def sandbox() -> None:
    try:
        Sandbox().backend()
    except SandboxUnavailable as error:
        pytest.skip(str(error))


def step(chat: Conversation) -> str:
    text = chat.messages[0].text
    return "criteria" if "will be compared" in text else "analysis" if "one question in mind" in text else "refine"


def decide(k: int) -> str:
    return f"Both are fine. Therefore, Response {k} is better."


def pairs(path: Path, rows: list[tuple[str, str, str, bool]]) -> str:
    path.write_text("\n".join(
        json.dumps({"id": n, "prompt": q, "first": one, "second": two, "label": "first" if first else "second"})
        for n, (q, one, two, first) in enumerate(rows)
    ))  # fmt: skip
    return str(path)


# -- metrics ------------------------------------------------------------------------------------------------------------
def test_orders_by_hand() -> None:
    table = {  # label, first, second -> average, consistent, as released
        (1, 1, 1): (1, 1, 1), (1, 0, 0): (0, 1, 1), (1, 1, 0): (0.5, 0, 0), (0, 0, 1): (0.5, 0, 0), (0, 0, 0): (1, 1, 1),
        (1, None, None): (0, 0, 1), (1, 1, None): (0.5, 0, 0), (1, None, 0): (0, 0, 1),
    }  # fmt: skip
    for (label, first, second), expected in table.items():
        assert tuple(orders(label, first, second)) == expected, (label, first, second)
    # Where every verdict can be read, or none, ours differs on the doubly unread items only.
    whole = [key for key in table if (key[1] is None) == (key[2] is None)]
    assert [key for key in whole if table[key][1] != table[key][2]] == [(1, None, None)]


def test_metrics_of_scripted_judges(run: Callable[..., Found], tmp_path: Path) -> None:
    verdicts = {"both right": (1, 1), "both wrong": (2, 2), "first place": (1, 2), "never": (0, 0), "half": (1, 0)}
    on = pairs(tmp_path / "items.jsonl", [(name, "GOOD", "BAD", True) for name in verdicts])

    def judge(chat: Conversation) -> str:
        text = chat.messages[0].text
        if step(chat) != "refine":
            return "1. What?\n"
        name = next(name for name in verdicts if f"User: {name}\n" in text)
        swapped = text.index("BAD") < text.index("GOOD")
        k = verdicts[name][swapped]
        return decide(3 - k if swapped else k) if k else "no verdict"

    found = run(judge, on=on)
    assert found["accuracy", "plain"].value == pytest.approx(3 / 5)
    assert found["accuracy", "swapped"].value == pytest.approx(1 / 5)
    assert found["average accuracy", "plain and swapped"].value == pytest.approx(2 / 5)
    assert found["consistent", "plain and swapped"].value == pytest.approx(2 / 5)
    assert found["consistent, as released", "plain and swapped"].value == pytest.approx(3 / 5)
    assert found["correct", "plain"].n_unmeasured == 1


def test_gold_first_and_random(run: Callable[..., Found]) -> None:
    found = run("gold", "plain", "swapped", "relabelled", "text-only", "general")
    for setting in ("plain", "swapped", "relabelled", "text-only", "general"):
        assert found["accuracy", setting].value == 1, setting
    assert found["consistent", "plain and swapped"].value == 1
    first = run(lambda chat: "1. What?\nTherefore, Response 1 is better.")
    assert first["accuracy", "plain"].value == 0.5
    assert first["average accuracy", "plain and swapped"].value == 0.5
    assert first["consistent", "plain and swapped"].value == 0
    assert first["shown first", "plain"].value == 1


# -- the code path ------------------------------------------------------------------------------------------------------
CHECK = "def evaluate(response):\n    print(len(response.split()), 'words')\n# Example usage\nevaluate(response1)\n"
COUNT = f"Code:\n```python\n{CHECK}```"


def test_code_finds_what_a_coin_does_not(run: Callable[..., Found], sandbox: None, tmp_path: Path) -> None:
    draw = random.Random(2)
    rows = []
    for n in range(50):
        right, wrong = (" ".join(["word"] * k) for k in (30, draw.choice([27, 29, 31, 34])))
        first = n % 2 == 0
        rows.append((f"Answer {n} in exactly 30 words.", right if first else wrong, wrong if first else right, first))
    on = pairs(tmp_path / "words.jsonl", rows)
    coin = random.Random(4)

    def judge(chat: Conversation) -> str:
        if step(chat) == "criteria":
            return "1. Has the response exactly 30 words?"
        if step(chat) == "analysis":
            return "Analysis: both are nice." if GENERAL in chat.messages[0].text else COUNT
        counts = dict(re.findall(r"of response (\d):\n(\d+) words", chat.messages[0].text))
        if not counts:
            return decide(coin.choice((1, 2)))
        return decide(1 if counts["1"] == "30" else 2)

    found = run(judge, "plain", on=on)
    assert found["accuracy", "plain"].value == 1
    assert found["part: by code", "plain"].value == 1
    assert found["part: in words", "plain"].value == 1
    text = run(lambda chat: "Analysis: nice." if step(chat) == "analysis" else judge(chat), "text-only", on=on)
    low, high = text["accuracy", "text-only"].low, text["accuracy", "text-only"].high
    assert low is not None
    assert high is not None
    assert low < 0.5 < high


def check(source: str, *answers: str) -> list[str] | None:
    return asyncio.run(run_check(source, answers))


def test_hostile_responses_and_checks(sandbox: None) -> None:
    measure = "def evaluate(response):\n    print(len(response), response.count(chr(39) * 3), response.count(chr(92)))"
    hostile = ("a'''b\"\"\"\\n\\", "x" * 1_000_000, "```\n# Example\n```")
    assert check(measure, *hostile) == ["11 1 2", "1000000 0 0", "17 0 0"]
    assert check("def evaluate(response):\n    return response == 'a'", "a", "b") == ["True", "False"]
    assert check("def evaluate(response):\n    print('y' * 10000)", "a", "b") == ["y" * 2000] * 2
    for broken in ("def evaluate(", "1 / 0", "def other(): pass", "def evaluate(response):\n    open('/etc/x', 'w')",
                   "import os\ndef evaluate(response):\n    os._exit(0)",
                   "import socket\ndef evaluate(response):\n    socket.create_connection(('127.0.0.1', 9), 1)"):  # fmt: skip
        assert check(broken, "a", "b") is None, broken


def test_an_endless_check_is_stopped(sandbox: None) -> None:
    assert check("def evaluate(response):\n    while True: pass", "a", "b") is None


def test_a_failed_check_is_dropped(run: Callable[..., Found], sandbox: None) -> None:
    def judge(chat: Conversation) -> str:
        if step(chat) == "refine":
            assert "<analysis-1>" not in chat.messages[0].text
            return decide(1)
        return "1. What?\n" if step(chat) == "criteria" else "Code:\n```python\ndef evaluate(response):\n    1 / 0\n```"

    found = run(judge, "plain", limit=2)
    assert found["part: dropped", "plain"].value == 2
    assert found["accuracy", "plain"].n_scored == 2


def test_without_a_sandbox_code_is_not_measured(run: Callable[..., Found], monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(*args: object, **options: object) -> None:
        raise SandboxUnavailable()

    monkeypatch.setattr("multiturn.systems.judge.arjudge_steps.run_python", none)

    def judge(chat: Conversation) -> str:
        return {"criteria": "1. What?", "analysis": COUNT, "refine": decide(1)}[step(chat)]

    found = run(judge, "plain", limit=2)
    assert found["accuracy", "plain"].value is None
    assert found["accuracy", "plain"].n_unmeasured == 2


# -- calls --------------------------------------------------------------------------------------------------------------
def test_calls_on_llmbar_manual(run: Callable[..., Found], data_root: Path, tmp_path: Path) -> None:
    if not (data_root / "llmbar" / "dataset").is_dir():
        pytest.skip("no LLMBar data")
    manual = [item for item in llmbar(DataFolder(data_root)) if "Manual" in str(item.group)]
    assert len(manual) == 46
    on = pairs(tmp_path / "manual.jsonl", [(i.question, i.first, i.second, i.label == 1) for i in manual])
    calls: Counter[str] = Counter()

    def judge(chat: Conversation) -> str:
        calls[step(chat)] += 1
        if step(chat) != "criteria":
            return decide(1)
        n = 3 + len(chat.messages[0].text) % 4
        calls["questions"] += n
        return "\n".join(f"{k}. Question {k}?" for k in range(1, n + 1))

    found = run(judge, "plain", on=on)
    assert (calls["criteria"], calls["refine"]) == (46, 46)
    assert calls["analysis"] == calls["questions"] + 46  # and the general question
    assert found["unparsable", "plain"].value == 0
    assert found["accuracy", "plain"].n_cases == 46


def test_no_questions_leaves_the_general_one(run: Callable[..., Found]) -> None:
    asked: Counter[str] = Counter()

    def judge(chat: Conversation) -> str:
        asked[step(chat)] += 1
        return {"criteria": "no idea", "analysis": "Analysis: fine", "refine": decide(2)}[step(chat)]

    found = run(judge, "plain", limit=3)
    assert asked == {"criteria": 4, "analysis": 3, "refine": 3}  # two of the pairs share an instruction, asked about once
    assert found["accuracy", "plain"].n_scored == 3
    assert found["unparsable", "plain"].value == pytest.approx(1 / 3)


# -- reading ------------------------------------------------------------------------------------------------------------
def test_reading() -> None:
    said = "Sure:\n1. Is it short?\n 2) **Is it right?**\n1. Is it short?\n- no"
    assert questions(said) == Parsed(("Is it short?", "Is it right?"))
    assert len(questions("\n".join(f"{n}. Q{n}?" for n in range(1, 12))).value) == 6  # type: ignore[union-attr]
    assert not isinstance(questions("none"), Parsed)
    found = analysis(COUNT, code=True)
    assert isinstance(found, Parsed)
    assert found.value.code
    assert "response1" not in found.value.text
    assert analysis(COUNT, code=False) == analysis("Code: none", code=True)
    assert analysis("Analysis: fine", code=True) == Parsed(Analysis("Analysis: fine", False))
    assert not isinstance(analysis("", code=True), Parsed)
    last = better("Response 1 is better at first. Therefore, RESPONSE 2 is better.")
    assert isinstance(last, Parsed)
    assert last.value == 2
    assert not isinstance(better("Response 3 is better"), Parsed)


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    for read in (questions, better):
        assert isinstance(read(text), Parsed | Unparsable)
    assert isinstance(analysis(text, code=True), Parsed | Unparsable)


def test_names_follow_the_probe() -> None:
    item = PairItem(id="1", first="a", second="b", label=1.0, names=("B", "A"), turns=(("user", "q"),))
    assert ARJudge().gold(item, Conversation()) == "1. Is it right?\nTherefore, Response 2 is better."


@pytest.mark.parametrize("broken", ["criteria", "analysis", "refine"])
def test_a_step_whose_call_failed_is_not_left_out(tmp_path: Path, broken: str) -> None:
    def judge(chat: Conversation) -> str:
        if step(chat) == broken:
            raise CallError("the line is dead", cause="connection")
        return "1. Is it right?" if step(chat) == "criteria" else decide(1) if step(chat) == "refine" else "Analysis: fine."

    found = evaluate(ARJudge(), judge, settings=("plain",), limit=1, store=tmp_path / "s.db")
    figure = {f.measure: f for f in found.figures}
    assert figure["correct"].value is None
    assert ("unparsable" not in figure) or figure["unparsable"].value in (None, 0)
