"""Each format: what is read as what, and that real files of it are read whole."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from importing import QUESTIONS, answers, fought, found, items, jsonl, rated, results, simulation, whole
from multiturn.conversation import DataError, InputError, Thought, ToolCall, ToolResult, UnknownName
from multiturn.engine.imports.common import Bad, Note, case_of
from multiturn.engine.imports.formats import guess, module_of
from multiturn.engine.imports.source import Source
from multiturn.measures.reliability import pass_all
from multiturn.measures.verdict import Verdict

ASK = {"role": "user", "content": "Capital of France?"}
SAY = {"role": "assistant", "content": "Paris"}


# -- OpenAI -----------------------------------------------------------------------------------------------------------
def test_chat_rows_keep_tools_thoughts_and_what_is_known(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"q": 1}'}}
    row = {
        "messages": [
            {"role": "developer", "content": "Be short."}, ASK,
            {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "hm"},
            {"role": "tool", "tool_call_id": "c1", "content": "Paris"}, SAY,
        ],
        "id": 7, "metadata": {"model": "m", "category": "geo"}, "score": True, "scores": {"style": 0.5, "facts": None},
    }  # fmt: skip
    (one,) = found("openai", jsonl(tmp_path / "a.jsonl", row))
    assert (one.case, one.model, one.group, one.setting, one.repeat) == ("7", "m", "geo", "multi", None)
    roles = [m.role for m in one.chat.messages]
    assert roles == ["system", "user", "assistant", "tool", "assistant"]
    assert one.chat.messages[2].parts == (Thought("hm"), ToolCall("c1", "look", '{"q": 1}'))
    assert one.chat.messages[3].parts == (ToolResult("c1", "Paris"),)
    assert [(v.measure, v.value, v.cause) for v in one.verdicts] == [
        ("score", 1.0, ""), ("style", 0.5, ""), ("facts", None, "no value in the file"),
    ]  # fmt: skip


def test_calls_of_yesterday(tmp_path: Path) -> None:
    row = {"messages": [
        ASK, {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "{}"}},
        {"role": "function", "name": "look", "content": "Paris"}, SAY,
    ]}  # fmt: skip
    (one,) = found("openai", jsonl(tmp_path / "a.jsonl", row))
    assert one.chat.messages[1].tool_calls == (ToolCall("", "look", "{}"),)
    assert one.chat.messages[2].parts == (ToolResult("look", "Paris"),)


def test_a_row_without_an_id_is_called_by_what_its_user_says(tmp_path: Path) -> None:
    other = {"role": "assistant", "content": "Lyon"}
    rows = [{"messages": [ASK, SAY]}, {"messages": [ASK, other]}, {"messages": [{"role": "user", "content": "Hi"}, SAY]}]
    first, second, third = map(case_of, found("openai", jsonl(tmp_path / "a.jsonl", *rows)))
    assert first == second != third


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{nonsense", "line 2: not JSON"),
        ({"message": []}, "line 2: `messages` is missing"),
        ({"messages": "x"}, "`messages` must be a list of messages, not text"),
        ({"messages": []}, "line 2: `messages` is an empty conversation"),
        ({"messages": [{"role": "system", "content": "x"}]}, "empty conversation"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "line 2: message 1: `role` must be system"),
        ({"messages": [{"role": "user", "content": 5}]}, "`content` must be text"),
        ({"messages": [ASK, SAY], "score": "good"}, "`score` must be a number, not text"),
        ({"messages": [ASK, SAY], "repeat": -1}, "`repeat` must be a whole number"),
        ({"messages": [ASK, SAY], "verdicts": [{"value": 1}]}, "`verdicts[0]`: Object missing required field `measure`"),
        ([1], "line 2: expected an object, got a list"),
    ],
)
def test_bad_rows_say_where_and_what(tmp_path: Path, row: object, says: str) -> None:
    made = items("openai", jsonl(tmp_path / "a.jsonl", {"messages": [ASK, SAY]}, row))
    assert len(made) == 2
    assert isinstance(made[1], Bad)
    assert says in f"{made[1].where}: {made[1].problem}"


# -- ShareGPT ---------------------------------------------------------------------------------------------------------
def test_sharegpt(tmp_path: Path) -> None:
    rows = [
        {"id": "x_0", "conversations": [
            {"from": "system", "value": "S"}, {"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]},
        {"system": "S", "model": "m", "conversations": [
            {"from": "human", "value": "1?"}, {"from": "function_call", "value": '{"name": "f", "arguments": {"a": 1}}'},
            {"from": "observation", "value": "2"}, {"from": "gpt", "value": "2"}]},
        {"items": [{"from": "user", "value": "Hi"}, {"from": "bard", "value": "Ho"}]},
    ]  # fmt: skip
    one, two, three = found("sharegpt", whole(tmp_path / "a.json", rows))
    assert (one.case, one.chat.system_text, one.chat.reply) == ("x_0", "S", "Ho")
    assert [m.role for m in two.chat.messages] == ["system", "user", "assistant", "tool", "assistant"]
    assert two.chat.messages[2].tool_calls == (ToolCall("", "f", '{"a":1}'),)
    assert (two.model, three.chat.reply) == ("m", "Ho")
    assert found("sharegpt", jsonl(tmp_path / "a.jsonl", *rows))[0].chat == one.chat
    bad = [
        {"conversations": [{"from": "elf", "value": "x"}]},
        {"conversations": [{"from": "gpt"}]},
        {"conversations": []},
        {"a": 1},
    ]
    says = [item.problem for item in items("sharegpt", whole(tmp_path / "b.json", bad)) if isinstance(item, Bad)]
    assert says[0].startswith("conversations[0]: unknown `from` 'elf'; known: system, human")
    assert says[1:] == [
        "conversations[0]: `content` is missing", "`conversations` is an empty conversation: nobody says anything in it",
        "`conversations` is missing",
    ]  # fmt: skip


# -- MT-Bench ---------------------------------------------------------------------------------------------------------
def test_mt_bench_answers_questions_and_judgments(tmp_path: Path) -> None:
    jsonl(tmp_path / "question.jsonl", *QUESTIONS)
    mine = jsonl(tmp_path / "model_answer" / "m.jsonl", *answers("m", choices=2))
    other = jsonl(tmp_path / "model_answer" / "n.jsonl", *answers("n"))
    single = jsonl(
        tmp_path / "single.jsonl", rated(81, "m", 1, 9), rated(81, "m", 2, -1), rated(82, "m", 1, 3), rated(81, "else", 1, 2)
    )
    pairs = jsonl(
        tmp_path / "pair.jsonl", fought(81, "m", "n", "model_1", "model_1"), fought(82, "m", "n", "model_1", "model_2"),
        fought(82, "m", "n", "error", "tie", turn=2),
    )  # fmt: skip
    made = found("mt-bench", mine, other, single, pairs)
    assert [(f.model, f.case, f.group, f.repeat) for f in made[:3]] == [
        ("m", "81", "writing", 0), ("m", "81", "writing", 1), ("m", "82", "math", 0),
    ]  # fmt: skip
    first = made[0]
    assert [m.text for m in first.chat.messages] == ["Write a line.", "m 0 a", "Shorter.", "m 0 b"]
    assert [(v.measure, v.value, v.turn, v.cause) for v in first.verdicts] == [
        ("score", 9.0, 1, ""), ("score", None, 2, "judge reply not parsable"), ("win_adjusted", 1.0, 1, ""),
    ]  # fmt: skip
    assert made[1].verdicts == ()
    assert first.roles == {"judge": "gpt-4"}
    theirs = {f.case: f for f in made if f.model == "n"}
    assert theirs["81"].verdicts == (Verdict("win_adjusted", 0.0, 1, "m/1", reason="A"),)
    assert [v.value for v in theirs["82"].verdicts] == [0.5, None]
    notes = [item.text for item in items("mt-bench", mine, other, single, pairs) if isinstance(item, Note)]
    assert notes == ["1 judgments are of answers that are not here (models: else)"]


def test_mt_bench_needs_its_questions(tmp_path: Path) -> None:
    alone = jsonl(tmp_path / "a" / "b" / "m.jsonl", *answers("m"))
    with pytest.raises(DataError, match=r"hold no questions: give question\.jsonl"):
        items("mt-bench", alone)
    with pytest.raises(DataError, match="no answers among these files"):
        items("mt-bench", jsonl(tmp_path / "q.jsonl", *QUESTIONS))
    made = items(
        "mt-bench", alone, jsonl(tmp_path / "q.jsonl", QUESTIONS[0], {"question_id": 1}, {"question_id": 2, "turns": [3]})
    )
    says = [f"{item.where}: {item.problem}" for item in made if isinstance(item, Bad)]
    assert says[0].startswith("q.jsonl, line 2: neither a question")
    assert says[1:] == [
        "q.jsonl, line 3: `turns` must be a list of texts",
        "m.jsonl, line 2: question '82' is not in the questions",
    ]


# -- tau ----------------------------------------------------------------------------------------------------------------
def test_tau_results(tmp_path: Path) -> None:
    traj = [
        {"role": "system", "content": "P"},
        ASK,
        {"role": "assistant", "content": None, "tool_calls": [{"name": "f", "arguments": "{}"}]},
    ]
    info = {"task": {}, "reward_info": {"reward": 1.0, "info": {"r_actions": True, "r_outputs": None}}}
    path = whole(tmp_path / "r.json", [
        {"task_id": 3, "reward": 1.0, "trial": 1, "traj": traj, "info": info},
        {"task_id": 3, "reward": 0.0, "trial": 0, "traj": [], "info": {"error": "boom", "traceback": "…"}},
        {"task_id": 4, "reward": 0.0, "trial": 0, "traj": []},
        {"task_id": 4, "trial": 0, "traj": traj},
    ])  # fmt: skip
    one, lost, empty, unpaid = items("tau", path)
    assert (one.case, one.repeat, [(v.measure, v.value) for v in one.verdicts]) == ("3", 1, [("reward", 1.0), ("state", 1.0)])  # type: ignore[union-attr]
    assert one.chat.messages[2].tool_calls[0].name == "f"  # type: ignore[union-attr]
    assert lost.stopped == "provider error"  # type: ignore[union-attr]
    assert lost.verdicts == (Verdict("reward", None, cause="provider error", reason="boom"),)  # type: ignore[union-attr]
    assert [item.problem for item in (empty, unpaid)] == [  # type: ignore[union-attr]
        "`traj` is an empty conversation: nobody says anything in it", "`reward` is missing",
    ]  # fmt: skip


def test_tau2_results(tmp_path: Path) -> None:
    path = whole(tmp_path / "results.json", results(
        simulation("t1", 0), simulation("t1", 1, "max_steps", reward=0.0), simulation("t2", 0, "user_error"),
        {**simulation("t2", 1), "reward_info": None}, {"id": "broken"}, {**simulation("t3", 0), "messages": [{"role": "elf"}]},
    ))  # fmt: skip
    one, long, blamed, unpaid, broken, elf = items("tau", path)
    assert (one.model, one.task, one.roles, one.case, one.repeat) == ("gpt-4.1", "telecom", {"user": "gpt-4o"}, "t1", 0)  # type: ignore[union-attr]
    assert [m.role for m in one.chat.messages] == ["system", "assistant", "user", "assistant", "tool", "assistant", "user"]  # type: ignore[union-attr]
    assert one.facts["user calls"] == [{"name": "toggle", "arguments": "{}", "result": "on", "error": False}]  # type: ignore[union-attr]
    values = {v.measure: v.value for v in one.verdicts}  # type: ignore[union-attr]
    assert values == {"reward": 1.0, "state": 1.0, "outputs": 1.0, "assertions": 0.0}
    assert (one.stopped, one.facts["stop"], long.stopped) == ("", "user ended", "turn limit")  # type: ignore[union-attr]
    assert blamed.verdicts == (Verdict("reward", None, cause="simulated user: format error"),)  # type: ignore[union-attr]
    assert unpaid.verdicts[0].cause == "user ended"  # type: ignore[union-attr]
    assert (broken.where, broken.problem) == ("results.json, simulations[4]", "`task_id` is missing")  # type: ignore[union-attr]
    assert elf.problem == "messages[0]: a role is system, user, assistant or tool, not 'elf'"  # type: ignore[union-attr]


# -- telling them apart -----------------------------------------------------------------------------------------------
def test_a_file_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    rows = {
        "openai": {"messages": [ASK]}, "sharegpt": {"conversations": [{"from": "human", "value": "x"}]},
        "mt-bench": answers("m")[0], "tau": {"task_id": 1, "traj": [], "reward": 0},
        "inspect": {"eval": {}, "samples": [], "status": "x"},
    }  # fmt: skip
    for name, row in rows.items():
        assert guess([Source(jsonl(tmp_path / f"{name}.txt", row))]) == name
        assert guess([Source(whole(tmp_path / f"{name}.json", row))]) == name
    with pytest.raises(DataError, match=r"cannot tell its format \(its fields are 'text'\); name it with --as"):
        guess([Source(jsonl(tmp_path / "x.jsonl", {"text": "x"}))])
    with pytest.raises(InputError, match=r"of several \(openai\.txt is openai, tau\.txt is tau\): import them apart"):
        guess([Source(tmp_path / "openai.txt"), Source(tmp_path / "tau.txt")])
    with pytest.raises(UnknownName, match="did you mean `sharegpt`"):
        module_of("sharegtp")


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiturn.engine.imports.source.LONGEST_LINE", 100)
    (tmp_path / "utf16.json").write_bytes(json.dumps({"messages": []}).encode("utf-16"))
    (tmp_path / "empty.jsonl").write_bytes(b"")
    for name, says in (("utf16.json", "is UTF-16"), ("empty.jsonl", "is empty"), ("none.jsonl", "No such file")):
        with pytest.raises(DataError, match=says):
            Source(tmp_path / name)
    good = json.dumps({"messages": [ASK]}).encode()
    (tmp_path / "a.jsonl").write_bytes(
        b"\xef\xbb\xbf" + good + b"\n\n" + b'"' + b"x" * 500 + b'"\n' + b'{"messages": "\xff"}\n' + b"[" * 50 + b"\n" + good
    )
    found_, long, latin, deep, last = Source(tmp_path / "a.jsonl").rows()
    assert found_.where == "a.jsonl, line 1"
    assert last.where == "a.jsonl, line 6"
    assert [item for item in (long, latin) if isinstance(item, Bad)] == [
        Bad("a.jsonl, line 3", "longer than 0 MiB"), Bad("a.jsonl, line 4", "not UTF-8 (byte 14)"),
    ]  # fmt: skip
    assert isinstance(deep, Bad)
    (tmp_path / "b.json").write_text('[{"messages": []},\n {"messages": [}]')
    with pytest.raises(DataError, match=r"b\.json: not JSON \(Expecting value, line 2, column 16\)"):
        list(Source(tmp_path / "b.json").rows())


def test_numbers_that_json_has_not_and_very_deep_values(tmp_path: Path) -> None:
    row = '{"messages": [{"role": "user", "content": "x"}], "score": NaN}'
    (one,) = found("openai", jsonl(tmp_path / "a.jsonl", row))
    assert one.verdicts[0].value is None
    deep = '{"messages": ' + "[" * 100_000 + "]" * 100_000 + "}"
    (bad,) = items("openai", jsonl(tmp_path / "b.jsonl", deep))
    assert isinstance(bad, Bad)
    assert bad.problem == "nested too deeply"


# -- real files ---------------------------------------------------------------------------------------------------------
def test_released_tau_runs_give_the_released_figures(tmp_path: Path, data_root: Path) -> None:
    """All 200 rewards of gpt-4o on the airline tasks: pass^1 to pass^4 as the repository prints them (.420 .273 .220 .200)."""
    path = data_root / "tau-bench" / "gpt4o_airline_rewards.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    talk = [{"role": "user", "content": "x"}]
    made = found("tau", jsonl(tmp_path / "r.jsonl", *({**row, "traj": talk, "info": {}} for row in rows)))
    won: defaultdict[str, list[float]] = defaultdict(list)
    for one in made:
        value = one.verdicts[0].value
        assert value is not None
        won[one.case].append(value)
    trials, wins = (np.array([f(v) for v in won.values()], dtype=float) for f in (len, sum))
    assert [round(float(pass_all(trials, wins, k).mean()), 3) for k in (1, 2, 3, 4)] == [0.42, 0.273, 0.22, 0.2]


def test_released_conversations_are_read_whole(tmp_path: Path, data_root: Path) -> None:
    made = found("tau", data_root / "tau-bench" / "gpt4o_airline_trial0.jsonl")
    assert len(made) == 50
    assert sum(len(m.tool_calls) for f in made for m in f.chat.messages) > 100
    gold = found("mt-bench", data_root / "mt-bench" / "reference_answer_gpt-4.jsonl")
    assert len(gold) == 30
    assert {len(f.chat.turns) for f in gold} == {2}


def test_answers_and_judgments_of_another_benchmark_in_the_same_form(tmp_path: Path, data_root: Path) -> None:
    folder = data_root / "rad-bench"
    names = [folder / f"model_answer_{model}.jsonl" for model in ("gpt-4o", "gpt-35-turbo-16k-4k")]
    rows = [json.loads(line) for line in names[0].read_text().splitlines()]
    asked = [{"question_id": r["question_id"], "category": "x", "turns": ["?"] * len(r["choices"][0]["turns"])} for r in rows]
    judged = folder / "judgments_full_subset.jsonl"
    made = found("mt-bench", jsonl(tmp_path / "question.jsonl", *asked), names[0], names[1], judged)
    assert len({f.case for f in made}) == len(rows)
    given = [json.loads(line) for line in judged.read_text().splitlines()]
    kept = {(f.model, f.case, v.turn): v.value for f in made for v in f.verdicts}
    theirs = {(g["model"], g["question_id"], g["turn"]): float(g["score"]) for g in given}
    assert kept == {key: value for key, value in theirs.items() if key[:2] in {(f.model, f.case) for f in made}}
    assert kept
