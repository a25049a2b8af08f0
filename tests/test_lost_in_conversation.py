"""Lost in Conversation: published tables, reliability cases, scripted players with known scores, hostile users and judges."""

from __future__ import annotations

import asyncio
import base64
import csv
import json
import pickle
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import multiturn
from multiturn.conversation import Conversation, DataError, InputError, NotMeasured, UnknownName
from multiturn.engine.data import DataFolder
from multiturn.judges.bleu import corpus_bleu, sentence_bleu, tokens_13a
from multiturn.judges.extract import code_blocks, final_number, last_function, last_number, sql_statement, verbatim
from multiturn.judges.strategy import by_rules
from multiturn.measures.figure import Figure
from multiturn.measures.verdict import Row, Table
from multiturn.players.simulated import Fault, SimulatedUser, user_line
from multiturn.protocols.sharded import Shard, concat, in_order, simulated, snowball, tell
from multiturn.systems.sim.lost_calls import matches, read_calls
from multiturn.systems.sim.lost_case import LostCase, case_of
from multiturn.systems.sim.lost_code import tests_of as read_tests
from multiturn.systems.sim.lost_figures import change, relative
from multiturn.systems.sim.lost_in_conversation import LostInConversation
from multiturn.systems.sim.lost_sample import sample
from multiturn.systems.sim.lost_tasks import Actions, Code, Database, Math, plugged
from multiturn.systems.sim.lost_writing import Summary, citation_f1, cut

TASKS = ("code", "database", "actions", "data2text", "math", "summary")


# -- the published tables ---------------------------------------------------------------------------------------------
@cache
def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def folder(data_root: Path) -> Path:
    path = data_root / "lost-in-conversation"
    if not path.is_dir():
        pytest.skip(f"no Lost in Conversation files under {data_root}")
    return path


def as_table(line: dict[str, str]) -> Table:
    """A line of Table 1 as one case a task."""
    found = []
    for setting in ("full", "concat", "sharded"):
        for task in TASKS:
            if cell := line[f"{setting}_{task}"]:
                found.append(Row(task, task, setting, 0, task, 0, "", "score", float(cell) / 100, 0, ""))
    return Table.of(found)


def made(table: Table, measure: str, **fields: Any) -> Figure:
    every = [f for make in LostInConversation.figures for f in make(table)]
    (one,) = [f for f in every if f.measure == measure and all(getattr(f, k) == v for k, v in fields.items())]
    return one


def test_overall_columns_of_table_1(data_root: Path) -> None:
    lines = rows_of(folder(data_root) / "table1_averaged_performance.csv")
    assert len(lines) == 15
    means: dict[str, list[float]] = {"concat": [], "sharded": []}
    for line in lines:
        table = as_table(line)
        for setting, values in means.items():
            value = made(table, "score relative to full", setting=setting).value
            assert value is not None
            values.append(100 * value)
            assert 100 * value == pytest.approx(float(line[f"{setting}_over_full"]), abs=0.15)
    assert sum(means["concat"]) / 15 == pytest.approx(95.8, abs=0.05)
    assert sum(means["sharded"]) / 15 == pytest.approx(61.0, abs=0.05)


def test_published_entries_are_the_tables(data_root: Path) -> None:
    said = {(p.model, p.setting, p.group, p.measure, p.source): p.value for p in LostInConversation.published}
    assert len(said) == len(LostInConversation.published)
    cells = 0
    for line in rows_of(folder(data_root) / "table1_averaged_performance.csv"):
        for setting in ("full", "concat", "sharded"):
            for task in TASKS:
                if cell := line[f"{setting}_{task}"]:
                    assert said[line["model"], setting, task, "score", "Table 1"] == pytest.approx(float(cell) / 100)
                    cells += 1
    assert cells == 15 * 18 - 2 * 3
    for line in rows_of(folder(data_root) / "figure6b_aptitude_unreliability.csv"):
        for setting in ("full", "concat", "sharded"):
            found = said[line["model"], setting, None, "score unreliability", "Figure 6b"]
            assert found == pytest.approx(float(line[f"{setting}_U"]) / 100)
            found = said[line["model"], setting, None, "score aptitude", "Figure 6b"]
            assert found == pytest.approx(float(line[f"{setting}_A90"]) / 100)


def test_figure_6b_more_than_twice_as_unreliable(data_root: Path) -> None:
    lines = rows_of(folder(data_root) / "figure6b_aptitude_unreliability.csv")
    column = {name: [float(line[name]) for line in lines] for name in lines[0] if name != "model"}
    assert 100 * change(column["full_U"], column["sharded_U"]) == pytest.approx(112, abs=0.5)
    assert 100 * change(column["full_A90"], column["sharded_A90"]) == pytest.approx(-15.3, abs=0.05)


def test_relative_leaves_out_tasks_that_one_side_lacks() -> None:
    assert relative({"a": 30.0}, {"a": 60.0, "b": 10.0}) == 0.5


# -- aptitude and unreliability (appendix E) --------------------------------------------------------------------------
def trials_table(successes: list[int], setting: str = "sharded", repeats: int = 10) -> list[Row]:
    return [Row(f"i{i}", f"i{i}", setting, r, "math", 0, "", "score", float(r < wins), 0, "")
            for i, wins in enumerate(successes) for r in range(repeats)]  # fmt: skip


@pytest.mark.parametrize(
    ("successes", "p", "a", "u"),
    [([10] * 9 + [0], 90, 90, 0), ([6] * 3 + [7] * 6 + [0], 60, 90, 90), ([10] * 3 + [6] * 5 + [0] * 2, 60, 80, 50)],
)
def test_appendix_e(successes: list[int], p: float, a: float, u: float) -> None:
    table = Table.of(trials_table(successes))
    got = {f.measure: f.value for make in LostInConversation.figures for f in make(table)
           if f.kind in ("mean", "reliability") and f.group is None}  # fmt: skip
    assert 100 * (got["score"] or 0) == pytest.approx(p)
    assert 100 * (got["score aptitude"] or 0) == pytest.approx(a)
    assert 100 * (got["score unreliability"] or 0) == pytest.approx(u)
    assert 100 * (got["score reliability"] or 0) == pytest.approx(100 - u)


def test_change_of_unreliability_has_an_interval() -> None:
    rows = trials_table([10, 10, 9, 2, 5, 0], "full") + trials_table([10, 6, 5, 5, 5, 0], "sharded")
    found = made(Table.of(rows), "score unreliability change from full", setting="sharded")
    assert found.value == pytest.approx((4 / 6) / (2.1 / 6) - 1, abs=0.06)
    assert found.low is not None
    assert found.high is not None
    assert found.low < (found.value or 0) < found.high


# -- scripted assistants ----------------------------------------------------------------------------------------------
PROBLEMS = list(sample())
ANSWERS = {case.id: case.item["answer"].removeprefix("#### ") for case in PROBLEMS}


def problem_in(chat: Conversation) -> LostCase:
    """The bundled problem that a conversation is about."""
    text = "\n".join(m.text for m in chat.messages if m.role == "user")
    return next(c for c in PROBLEMS if c.shards[0].text in text or c.item["question"] in text)


def complete(chat: Conversation) -> bool:
    case = problem_in(chat)
    text = "\n".join(m.text for m in chat.messages if m.role == "user")
    return case.item["question"] in text or all(s.text in text for s in case.shards)


def patient(chat: Conversation) -> str:
    """Answers, and correctly, only once all facts are visible."""
    if not complete(chat):
        return "Thank you. I need to know more before I can work this out."
    return f"All is known now. The answer is {ANSWERS[problem_in(chat).id]}."


def hasty(chat: Conversation) -> str:
    """Commits to a guess at turn 1 and repeats it."""
    first = next(m.text for m in chat.messages if m.role == "assistant") if len(chat.turns) > 1 else ""
    return first or (patient(chat) if complete(chat) else "The answer is 1000.")


def run(
    tmp_path: Path, model: Callable[[Conversation], str], options: str = "source=bundled", **how: Any
) -> multiturn.Evaluation:
    slug = LostInConversation(how.pop("data", None), **dict(_typed(o) for o in options.split("&")))
    return multiturn.evaluate(slug, model=model, store=tmp_path / "x.db", **how)


def _typed(option: str) -> tuple[str, Any]:
    name, _, text = option.partition("=")
    return name, {"true": True}.get(text, int(text) if text.isdecimal() else text)


def scores(found: multiturn.Evaluation) -> dict[str, float | None]:
    return {f.setting or "": f.value for f in found.figures if f.measure == "score" and f.kind == "mean" and f.group is None}


def test_a_patient_assistant_loses_nothing(tmp_path: Path) -> None:
    found = run(tmp_path, patient, settings=("full", "concat", "sharded", "recap", "snowball"))
    assert scores(found) == {"full": 1, "concat": 1, "sharded": 1, "recap": 1, "snowball": 1}
    assert found.figure("revealed", "sharded").value == 1
    assert found.figure("score relative to full", "sharded").value == pytest.approx(1)
    chats = [c for c in found.conversations() if c.setting == "sharded"]
    assert len(chats) == 12
    for view in chats:
        case = problem_in(view.chat)
        assert [t.user.text for t in view.chat.turns if t.user] == [s.text for s in case.shards]


def test_an_early_guess_costs_everything_in_pieces_and_nothing_at_once(tmp_path: Path) -> None:
    found = run(tmp_path, hasty)
    assert scores(found) == {"full": 1, "concat": 1, "sharded": 0}
    assert found.figure("attempt", "sharded", turn=1).value == 1
    early = [f for f in found.figures if f.measure == "score by first attempt" and f.setting == "sharded" and f.group]
    assert {f.group for f in early} <= {"0-20 %", "20-40 %"}
    assert all(f.value == 0 for f in early)


def test_recap_goes_on_from_the_same_sharded_conversation(tmp_path: Path) -> None:
    def only_in_recap(chat: Conversation) -> str:
        last = chat.turns[-1].user
        assert last is not None
        return patient(chat) if last.text.startswith("Let me sum up") else "Tell me more."

    found = run(tmp_path, only_in_recap, settings=("sharded", "recap"), limit=3)
    assert scores(found) == {"sharded": 0, "recap": 1}
    views = found.conversations()
    for view in (v for v in views if v.setting == "recap"):
        (before,) = [v for v in views if v.setting == "sharded" and v.case == view.case]
        assert view.chat.parent is not None
        assert view.chat.parent.parent == before.chat, "a node of the same tree: nothing was asked twice"


def test_snowball_repeats_what_was_said(tmp_path: Path) -> None:
    found = run(tmp_path, lambda chat: "Tell me more.", settings=("snowball",), limit=1)
    (view,) = found.conversations()
    shards = PROBLEMS[0].shards
    for number, turn in enumerate(view.chat.turns, 1):
        assert turn.user is not None
        assert all(s.text in turn.user.text for s in shards[:number])
        assert all(s.text not in turn.user.text for s in shards[number:])
        assert turn.user.text == snowball([s.text for s in shards[: number - 1]], shards[number - 1].text)


def test_a_right_answer_ends_the_conversation(tmp_path: Path) -> None:
    found = run(tmp_path, lambda chat: f"The answer is {ANSWERS[problem_in(chat).id]}", settings=("sharded",), limit=2)
    assert all(len(view.chat.turns) == 1 for view in found.conversations())
    assert scores(found) == {"sharded": 1}


def test_gold_player_is_right_everywhere(tmp_path: Path) -> None:
    found = run(tmp_path, "gold", settings=("full", "concat", "sharded", "recap", "snowball"))  # type: ignore[arg-type]
    assert set(scores(found).values()) == {1.0}


def test_never_attempting_is_zero_with_a_reason_and_silence_is_counted(tmp_path: Path) -> None:
    found = run(tmp_path, lambda chat: "", settings=("full", "sharded"), limit=2)
    assert scores(found) == {"full": 0, "sharded": 0}
    assert found.figure("score", "sharded").n_failed == 2
    assert found.figure("attempt", "sharded", turn=None).value == 0


# -- translation ------------------------------------------------------------------------------------------------------
def test_translation_by_the_reference_is_100_in_three_settings(data_root: Path, tmp_path: Path) -> None:
    folder(data_root)
    found = run(tmp_path, "gold", "tasks=translation", data=DataFolder(data_root), concurrency=8)  # type: ignore[arg-type]
    values = {f.setting: f.value for f in found.figures if f.measure == "score" and f.kind == "mean" and f.group is None}
    assert values == {"full": 1.0, "concat": 1.0, "sharded": 1.0}
    bench = LostInConversation(DataFolder(data_root), tasks="translation")
    cases = {case.id: case for case in bench.cases() if isinstance(case, LostCase)}
    assert len(cases) == 30
    sharded = [view for view in found.conversations() if view.setting == "sharded"]
    assert len(sharded) == 30
    for view in sharded:
        texts = [t.user.text for t in view.chat.turns if t.user]
        for shard in cases[view.case].shards:
            assert sum(text.endswith(f"\n\n{shard.text}") for text in texts) == 1
        assert len(texts) == len(cases[view.case].shards)


# -- the user ---------------------------------------------------------------------------------------------------------
def test_a_user_who_reveals_nothing_ends_at_the_cap_and_is_not_a_zero(tmp_path: Path) -> None:
    found = run(tmp_path, patient, settings=("sharded",), limit=2, user=lambda chat: '{"response": "dunno", "shard_id": -1}')
    score = found.figure("score", "sharded")
    assert score.value is None
    assert score.n_unmeasured == 2
    assert all("turn limit" in cause for cause in found.result.unmeasured)
    for view in found.conversations():
        assert len(view.chat.turns) == 2 * len(problem_in(view.chat).shards)


@pytest.mark.parametrize(
    "reply",
    ["", "sure!", '{"response": "5 trays"', '{"response": "hi", "shard_id": 99}', '{"response": "hi", "shard_id": "two"}',
     '{"response": "", "shard_id": 2}', '{"response": ["x"], "shard_id": 2}', '{"response": "Assistant: 42", "shard_id": 2}',
     '{"response": "a", "shard_id": 2} {"response": "b", "shard_id": 3}', '{"response": "' + "x" * 30_000 + '", "shard_id": 2}',
     "{" * 5000],
)  # fmt: skip
def test_a_broken_user_is_replaced_by_the_script_and_counted(tmp_path: Path, reply: str) -> None:
    found = run(tmp_path, patient, settings=("sharded",), limit=1, user=lambda chat: reply)
    assert found.figure("score", "sharded").value == 1
    assert found.figure("revealed", "sharded").value == 1
    (view,) = found.conversations()
    assert found.figure("scripted turns", "sharded").value == len(view.chat.turns) - 1


def test_a_user_may_be_repaired_once_and_chooses_the_order() -> None:
    shards = [Shard(1, "do it"), Shard(2, "fast"), Shard(3, "well")]
    replies = iter(["what?", '{"response": "User: make it good", "shard_id": 3}', '{"response": "n quick", "shard_id": 2}'])
    asked: list[Conversation] = []

    async def user(chat: Conversation) -> Conversation:
        asked.append(chat)
        return chat.assistant(next(replies))

    async def assistant(chat: Conversation) -> Conversation:
        return chat.assistant("Hm.")

    async def never(chat: Conversation, utterance: object, last: bool) -> bool:
        return False

    told = asyncio.run(tell(Conversation(), shards, assistant, simulated(user), never, cap=6))
    assert [(u.text, u.shard, len(u.faults)) for u in told.utterances] == [
        ("do it", 1, 0), ("make it good", 3, 1), ("n quick", 2, 0),
    ]  # fmt: skip
    assert told.stop == "user ended"
    question = asked[-1].messages[0].text
    assert '"shard_id": 2' in question
    assert "do it" in question, "the conversation is shown"
    assert "required form" in asked[1].messages[-1].text


def test_concat_in_its_three_forms() -> None:
    shards = [Shard(1, "a"), Shard(2, "b")]
    assert concat(shards) == "- a\n- b"
    assert concat(shards, lead="All:") == "All:\n- a\n- b"
    assert concat(shards, first_leads=True) == "a\n- b"
    assert asyncio.run(in_order(Conversation(), (), shards)) == ("a", 1, ())


def test_simulated_user_sees_the_other_side() -> None:
    seen: list[Conversation] = []

    async def player(chat: Conversation) -> Conversation:
        seen.append(chat)
        return chat.assistant("User: fine, bye ###STOP###" if len(seen) > 1 else "hello")

    user = SimulatedUser(player, "You are Ada.", turns=5, stop=("###STOP###",))
    first = asyncio.run(user(Conversation.start("secret of the assistant")))
    assert (first.chat.turns[-1].user.text, first.stop) == ("hello", "")  # type: ignore[union-attr]
    second = asyncio.run(user(first.chat.assistant("What can I do?")))
    assert (second.chat.turns[-1].user.text, second.stop) == ("fine, bye", "user ended")  # type: ignore[union-attr]
    assert [(m.role, m.text) for m in seen[1].messages] == [
        ("system", "You are Ada."), ("assistant", "hello"), ("user", "What can I do?"),
    ]  # fmt: skip


def test_simulated_user_is_bounded() -> None:
    async def parrot(chat: Conversation) -> Conversation:
        return chat.assistant(chat.turns[-1].user.text if chat.turns and chat.turns[-1].user else "")

    user = SimulatedUser(parrot, "Be a user.", turns=2, opening="Hi")
    chat = asyncio.run(user(Conversation())).chat.assistant("Hello!")
    said = asyncio.run(user(chat))
    assert (said.stop, len(said.faults)) == ("", 1), "its copy was refused, the copied repair request taken"
    assert asyncio.run(user(said.chat.assistant("?"))).stop == "turn limit"

    async def empty(chat: Conversation) -> Conversation:
        return chat.assistant(" ")

    said = asyncio.run(SimulatedUser(empty, "x", turns=2)(Conversation()))
    assert (said.stop, said.chat.depth) == ("format error", 0)
    with pytest.raises(InputError):
        SimulatedUser(empty, "x", turns=0)


def test_user_lines() -> None:
    assert user_line("**User:** I want tea") == "I want tea"
    assert user_line('"tea"') == "tea"
    assert isinstance(user_line("[Assistant]: here"), Fault)
    assert isinstance(user_line("x" * 9000), Fault)
    assert user_line("Note: me: no label here") == "Note: me: no label here"


# -- strategies and answers -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("reply", "strategy"),
    [
        ("How many trays are there? And how many rolls on each?", "interrogation"),
        ("You say 9. How many are sold?", "clarification"),
        ("word " * 120 + "How many are sold?", "discussion"),
        ("9 - 2 = 7. The answer is 7. Is there anything else? Shall I go on?", "answer_attempt"),
        ("She has 7 left.", "answer_attempt"),
        ("- If there are 5 trays, she has 60.\n- If there are 6 trays, she has 72.", "hedge"),
        ("I'm sorry, I cannot help with that.", "refuse"),
        ("That is a question about rolls.", "discussion"),
        ("  \n", "missing"),
    ],
)
def test_strategies_by_rules(reply: str, strategy: str) -> None:
    assert by_rules(reply, *final_number(reply)) == strategy


@pytest.mark.parametrize(
    ("text", "number", "marked"),
    [
        ("6 + 1 = 7\n#### 7", "7", True), ("The answer is $1,200.50, as 3 says", "$1,200.50", True),
        (r"so \boxed{-5} holds", "-5", True), ("**Final answer:** 2 * 4 = 8.", "8", True), ("it is 3 and then 4.", "4", False),
        ("none", "", False), ("to answer I need the 3 numbers", "3", False),
    ],
)  # fmt: skip
def test_final_number(text: str, number: str, marked: bool) -> None:
    assert final_number(text) == (number, marked)


def test_last_function_with_its_imports() -> None:
    text = "Draft:\n```python\ndef a(): pass\n```\nNow:\n```py\n"
    text += "import math\n\ndef help(x):\n    return x\n\n@cache\ndef f(x):\n    return 1\n```"
    assert last_function(text) == "import math\n\n@cache\ndef f(x):\n    return 1"
    assert last_function("```\nclass Solution:\n    def f(self): ...\n```") == "class Solution:\n    def f(self): ..."
    assert last_function("Sure.\nimport os\ndef f():\n    return os") == "import os\n\ndef f():\n    return os"
    assert last_function("no code") == ""
    assert last_function("```python\ndef f(:\n```") == ""
    assert code_blocks("a ```x``` b ```open") == ["x"]


def test_sql_and_verbatim() -> None:
    assert sql_statement("Here:\n```sql\nSELECT a\nFROM t;\n```\nDone.") == "SELECT a\nFROM t"
    assert sql_statement("It is\nselect a from t where b = 1; and so on") == "select a from t where b = 1"
    assert sql_statement("I select nothing") == ""
    assert verbatim("one two [...] five", "zero one two three four five six") == "one two three four five"
    assert verbatim("seven", "six") is None
    assert verbatim("b [...] a", "a b") is None


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300) | st.text("`{}[]()#:;'\"\n -=$.,09adefimportSELECT", max_size=300))
def test_hostile_text_never_raises(text: str) -> None:
    last_function(text)
    final_number(text)
    last_number(text)
    sql_statement(text)
    read_calls(text)
    by_rules(text, "x")
    assert 0 <= sentence_bleu(text, [text[::-1]]) <= 100


@pytest.mark.parametrize("text", ["(" * 100_000, "-" * 99_000, "```" * 33_000, "answer " * 14_000, "{" * 99_000, "9," * 49_000])
def test_large_hostile_text_is_quick(text: str) -> None:
    test_hostile_text_never_raises.hypothesis.inner_test(text)  # type: ignore[attr-defined]


# -- BLEU: values of sacrebleu 2.6.0 ----------------------------------------------------------------------------------
def test_bleu_is_sacrebleus() -> None:
    assert corpus_bleu(["the cat sat on the mat"], [["the cat is on the mat"]]) == pytest.approx(37.99178428257963)
    assert corpus_bleu(["the cat sat on the mat"], [["the cat is on the mat"]], smoothing="none") == 0
    said, wanted = "The price is 1,234.50 - not 3-4, sir.", "The price was 1,234.50, not 3-4."
    assert corpus_bleu([said], [[wanted]]) == pytest.approx(27.901593935858266)
    assert corpus_bleu(["a b"], [["a b c d e"]]) == 0
    assert sentence_bleu("a b", ["a b c d e"]) == pytest.approx(22.313016014842983)
    assert sentence_bleu("", ["a"]) == 0
    assert tokens_13a("Don't pay $3.50 (now)!") == ["Don't", "pay", "$", "3.50", "(", "now", ")", "!"]


# -- tasks ------------------------------------------------------------------------------------------------------------
class Cast:
    """A cast whose judge is a function, for scoring alone."""

    def __init__(self, judge: Callable[[Conversation], str] | None = None) -> None:
        self._judge = judge

    def has(self, role: str) -> bool:
        return self._judge is not None

    async def judge(self, chat: Conversation) -> Conversation:
        assert self._judge is not None
        return chat.assistant(self._judge(chat))

    async def record(self, name: str, make: Callable[[], Any]) -> Any:
        return await make()


def item(task: str, **fields: Any) -> LostCase:
    shards = [{"shard_id": 1, "shard": "do"}, {"shard_id": 2, "shard": "this"}]
    return case_of({"task_id": f"{task}/1", "task": task, "shards": shards, **fields}, "here")


@pytest.mark.parametrize(
    ("answer", "paper", "official"),
    [("$100.00", 1, 0), ("so 100.", 1, 1), ("100.0", 0, 0), ("1,00", 1, 1), ("101", 0, 0), ("", 0, 0)],
)
def test_math_and_its_cents(answer: str, paper: float, official: float) -> None:
    case = item("math", question="?", answer="50 * 2 = 100\n#### 100")
    for value, flag in ((paper, False), (official, True)):
        assert asyncio.run(Math(None, flag).score(case, answer, Cast())).value == value  # type: ignore[arg-type]


FUNCTIONS = [{"name": "play", "parameters": {"type": "dict", "required": ["song", "times"], "properties": {
    "song": {"type": "string"}, "times": {"type": "integer"}, "rooms": {"type": "array", "items": {"type": "string"}},
    "speed": {"type": "float"}}}}]  # fmt: skip
WANTED = [{"play": {"song": ["Yesterday"], "times": [2], "rooms": ["", ["Hall"]], "speed": ["", 1.0]}},
          {"play": {"song": ["Help!"], "times": [1, 3], "rooms": [""], "speed": [""]}}]  # fmt: skip


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        ("[play(song='Help!', times=3), play(song='yester-day', times=1 + 1)]", True),
        ("```python\nplay(song='Yesterday', times=2, rooms=['hall'], speed=1), play(song='help!', times=1)\n```", True),
        ("[play(song='Yesterday', times=2)]", False),
        ("[play(song='Yesterday', times='2'), play(song='Help!', times=1)]", False),
        ("[play(song='Yesterday', times=2, loud=True), play(song='Help!', times=1)]", False),
        ("[stop(), play(song='Help!', times=1)]", False),
        ("I will play it.", False),
        ("[play(song='Yesterday', times=9**9**9), play(song='Help!', times=1)]", False),
    ],
)
def test_actions(reply: str, right: bool) -> None:
    case = item("actions", function=FUNCTIONS, reference_answer=WANTED, fully_specified_question=[[{"content": "Play!"}]])
    task = Actions(None, False)
    assert task.full(case) == "Play!"
    assert asyncio.run(task.score(case, reply, Cast())).value == right  # type: ignore[arg-type]
    gold = task.gold(case)
    assert gold is not None
    assert matches(read_calls(gold) or [], WANTED, FUNCTIONS) == ""


def code_case(**fields: Any) -> LostCase:
    tests = [{"input": "[1, 2]\n3", "output": "[3, 6]"}, {"input": "[]\n1", "output": "[]"}]
    private = base64.b64encode(zlib.compress(pickle.dumps(json.dumps([{"input": "[5]\n0", "output": "[0]"}])))).decode()
    given_ = {"metadata": {"func_name": "scale"}, "public_test_cases": json.dumps(tests), "private_test_cases": private}
    return item("code", source="lcb_easy", question_content="Scale a list.", **{**given_, **fields})


def test_private_tests_are_read_without_running_a_pickle() -> None:
    assert read_tests(code_case().item, "x").inputs == [[[1, 2], 3], [[], 1], [[5], 0]]

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (print, ("ran",))

    bad = base64.b64encode(zlib.compress(pickle.dumps(Evil()))).decode()
    with pytest.raises(DataError, match="cannot be read"):
        read_tests(code_case(private_test_cases=bad).item, "x")


@pytest.mark.parametrize(
    ("code", "right"),
    [
        ("def anything(xs, k):\n    return tuple(x * k for x in xs)", True),
        ("class Solution:\n    def scale(self, xs: List[int], k: int) -> List[int]:\n        return [x * k for x in xs]", True),
        ("def scale(xs, k):\n    return xs", False),
        ("def scale(xs, k):\n    while True: pass", False),
        ("def scale(xs, k):\n    import os; os._exit(0)", False),
        ("def scale(xs, k):\n    import sys; sys.__stdout__.write('[[3, 6], [], [0]]'); raise SystemExit(0)", False),
    ],
)
def test_code_runs_in_the_sandbox(code: str, right: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from multiturn.worlds.sandbox import Sandbox, SandboxUnavailable

    try:
        Sandbox().backend()
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    monkeypatch.setattr("multiturn.systems.sim.lost_code.SECONDS", 1)
    scored = asyncio.run(Code(None, False).score(code_case(), code, Cast()))  # type: ignore[arg-type]
    assert scored.value == right, scored.reason


def test_database_by_execution(tmp_path: Path) -> None:
    import sqlite3

    where = tmp_path / "lost-in-conversation" / "spider" / "databases" / "zoo"
    where.mkdir(parents=True)
    for name, rows in (("zoo", [("ape", 3), ("bee", 9)]), ("zoo2", [("ape", 4), ("cat", 1), ("cat", 1)])):
        connection = sqlite3.connect(where / f"{name}.sqlite")
        connection.execute("CREATE TABLE animals (name TEXT, age INTEGER)")
        connection.executemany("INSERT INTO animals VALUES (?, ?)", rows)
        connection.commit()
        connection.close()
    case = item("database", schema_sql="CREATE TABLE animals (name, age)", db_id="zoo", fully_specified_question="?",
                reference_sql="SELECT DISTINCT name FROM animals WHERE age > 2")  # fmt: skip
    task = Database(DataFolder(tmp_path), False)
    for query, right in (
        ("SELECT name FROM animals WHERE age > 2", 1), ("select name from animals where age > 7", 1),
        ("SELECT name FROM animals", 0), ("DROP TABLE animals", 0), ("nonsense", 0),
        ("```sql\nSELECT name\nFROM animals WHERE age >= 3;\n```", 1),
    ):  # fmt: skip
        assert asyncio.run(task.score(case, query, Cast())).value == right, query  # type: ignore[arg-type]
    assert (where / "zoo.sqlite").is_file()
    with pytest.raises(NotMeasured, match="needs Spider"):
        asyncio.run(Database(None, False).ready(case, Cast()))  # type: ignore[arg-type]
    assert list(plugged("a = 'x' and b = 2", "c = 'y'")) == ["a = 'x' and b = 2", "a = 'y' and b = 'y'"]


def test_a_task_that_cannot_be_scored_here_asks_nothing(tmp_path: Path) -> None:
    case = item("database", schema_sql="", db_id="zoo", fully_specified_question="?", reference_sql="SELECT 1")

    class One(LostInConversation):
        def cases(self) -> Any:
            return [case]

    found = multiturn.evaluate(One(), model=lambda chat: "SELECT 1", store=tmp_path / "x.db")
    assert found.result.calls.made == 0
    assert found.figure("score", "full").n_unmeasured == 1


def test_summary_by_coverage_and_citations() -> None:
    documents = [{"document_index": i, "document_text": f"text {i}"} for i in (1, 2, 3)]
    case = case_of({"task_id": "s", "task": "summary", "topic": "t", "query": "q", "domain": "news", "documents": documents,
                    "insights": [{"insight_id": "a", "insight": "A"}, {"insight_id": "b", "insight": "B"}],
                    "insightid2ref_citations": {"a": [1, 2], "b": [3]},
                    "shards": [{"shard_id": 0, "shard": "", "doc_idxs": [1]}, {"shard_id": 1, "shard": "", "doc_idxs": [3, 2]}]},
                   "here")  # fmt: skip
    replies = iter(['{"coverage": "full", "bullet": 1}', "hm", '{"coverage": "partial", "bullet": 2}'])
    scored = asyncio.run(Summary(None, False).score(case, "- A [1]\n- B [3][2]", Cast(lambda chat: next(replies))))  # type: ignore[arg-type]
    assert scored.value == pytest.approx((2 / 3 + 0.5 * 2 / 3) / 2)
    assert "text 3" in Summary(None, False).turn(case, 1).text
    assert [Summary(None, True).turn(case, i).shard for i in range(3)] == [0, None, 1]
    assert citation_f1("x [1, 2][3]", {1, 4}) == pytest.approx(0.4)
    assert cut(["a " * 300, "b " * 300, ""]) == [("a " * 150).strip(), ("b " * 150).strip(), ""]


# -- the judge --------------------------------------------------------------------------------------------------------
def judge_of(strategy: str, answer: str) -> Callable[[Conversation], str]:
    def say(chat: Conversation) -> str:
        asked = chat.messages[0].text
        return strategy if '"response_type"' in asked else answer

    return say


def test_a_judge_names_strategies_and_copies_answers(tmp_path: Path) -> None:
    def model(chat: Conversation) -> str:
        return f"Perhaps 5, but in the end {ANSWERS[problem_in(chat).id]}, not 6"

    def judge(chat: Conversation) -> str:
        asked = chat.messages[0].text
        if '"response_type"' in asked:
            return '{"reason": "it ends", "response_type": "answer_attempt"}'
        return '{"answer": "' + asked.split("in the end ")[1].split(",")[0] + '"}'

    found = run(tmp_path, model, settings=("full", "sharded"), limit=3, judge=judge)
    assert scores(found) == {"full": 1, "sharded": 1}


@pytest.mark.parametrize(
    ("strategy", "answer", "cause"),
    [
        ("it is both answer_attempt and refuse", "", "judge reply not parsable"),
        ('{"response_type": "answer_attempt"} {"response_type": "refuse"}', "", "judge reply not parsable"),
        ('{"response_type": "answer_attempt"}', '{"answer": "4711"}', "extracted answer is not in the reply"),
        ('{"response_type": "answer_attempt"}', "no idea", "judge reply not parsable"),
    ],
)
def test_an_unreadable_judge_leaves_the_score_open(tmp_path: Path, strategy: str, answer: str, cause: str) -> None:
    found = run(tmp_path, lambda chat: "It is 5.", settings=("sharded",), limit=1, judge=judge_of(strategy, answer))
    score = found.figure("score", "sharded")
    assert (score.value, score.n_unmeasured) == (None, 1)
    assert any(cause in c for c in found.result.unmeasured)


def test_official_counts_an_answer_that_cannot_be_copied_as_wrong(tmp_path: Path) -> None:
    judge = judge_of('{"response_type": "answer_attempt"}', '{"answer": "4711"}')
    found = run(tmp_path, lambda chat: "5", "source=bundled&official=true", settings=("sharded",), limit=1, judge=judge)
    assert scores(found) == {"sharded": 0}


# -- files and options ------------------------------------------------------------------------------------------------
def test_bundled_sample_is_whole() -> None:
    assert len(PROBLEMS) == 12
    assert len(set(ANSWERS.values())) == 12
    assert all(4 <= len(case.shards) <= 6 for case in PROBLEMS)


def test_files_are_checked(tmp_path: Path) -> None:
    where = tmp_path / "lost-in-conversation"
    where.mkdir()
    bench = LostInConversation(DataFolder(tmp_path), tasks="math", source="released")
    good = {
        "task_id": "sharded-x/1",
        "task": "math",
        "question": "q",
        "answer": "#### 1",
        "shards": [{"shard_id": 1, "shard": "s"}],
    }
    (where / "sharded_translation.json").write_text("[]")
    for text, fault in (
        ("{", "not a list"), (json.dumps([good, {**good, "task": "cooking"}]), "item 2.*unknown task 'cooking'"),
        (json.dumps([{k: v for k, v in good.items() if k != "answer"}]), "no field 'answer'"),
        (json.dumps([{**good, "shards": [{"shard_id": 1, "shard": "s"}] * 2}]), "an id of its own"),
        (json.dumps([{**good, "shards": "s"}]), "item 1.*shards"),
    ):  # fmt: skip
        (where / "sharded_instructions_600.json").write_text(text)
        with pytest.raises(DataError, match=fault):
            list(bench.cases())
    (where / "sharded_instructions_600.json").write_text(json.dumps([good]))
    assert [case.id for case in bench.cases()] == ["sharded-x/1"]
    with pytest.raises(UnknownName):
        list(LostInConversation(source="bundled", tasks="maths").cases())
    with pytest.raises(InputError):
        list(LostInConversation(source="bundled", cap=0).cases())
    with pytest.raises(DataError):
        list(LostInConversation(source="bundled", tasks="code").cases())


def test_repeats_give_aptitude_and_reliability(tmp_path: Path) -> None:
    found = run(tmp_path, patient, repeats=2, limit=3)
    assert found.figure("score aptitude", "sharded").value == 1
    assert found.figure("score reliability", "sharded").value == 1
    assert found.figure("score aptitude change from full", "sharded").value == 0
