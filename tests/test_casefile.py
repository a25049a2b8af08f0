"""A file is a benchmark: reading, checking with places, targets, scaffold."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from multiturn.conversation import Conversation, DataError, NeedsRole
from multiturn.judges.targets import Answer, asks_back, contains, fault, last_number, matches, refuses
from multiturn.protocols import casefile_read
from multiturn.protocols.casefile import CaseFile, case_schema
from multiturn.protocols.scaffold import scaffold_benchmark, scaffold_cases
from multiturn.protocols.scripted import ScriptedCase


class Cast:
    """A cast of functions from text to text."""

    stopped = ""

    def __init__(self, says: Any = None, judges: Any = None) -> None:
        self.says, self.judges = says, judges

    async def assistant(self, chat: Conversation) -> Conversation:
        return chat.assistant(self.says(chat))

    def has(self, role: str) -> bool:
        return role == "judge" and self.judges is not None

    @property
    def judge(self) -> Any:
        if self.judges is None:
            raise NeedsRole("judge")

        async def judge(chat: Conversation) -> Conversation:
            return chat.assistant(self.judges(chat.turns[-1].user.text))  # type: ignore[union-attr]

        return judge


def file(folder: Path, text: str | bytes, name: str = "cases.jsonl") -> CaseFile:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return CaseFile(path)


def verdicts(bench: Any, view: Any, cast: Any, setting: str = "multi") -> list[Any]:
    async def run() -> list[Any]:
        chat = await bench.play(view, cast, setting)
        return [v async for v in bench.judge(view, chat, cast)]

    return asyncio.run(run())


def one_turn(folder: Path, turn: dict[str, Any], reply: str, judges: Any = None) -> list[Any]:
    bench = file(folder, json.dumps({"turns": [{"user": "u", **turn}]}))
    (case,) = bench.cases()
    return verdicts(bench, case, Cast(lambda chat: reply, judges))


GOOD = '{"turns": [{"user": "What is 2 + 3?", "target": 5}]}'


# -- reading ----------------------------------------------------------------------------------------------------------
def test_jsonl_and_yaml_give_the_same_cases(tmp_path: Path) -> None:
    cases = [
        {"id": "b", "group": "g", "system": "s", "turns": [{"user": "hello", "gold": "hi", "scored": False},
                                             {"user": "é?", "target": "x"}]},
        {"turns": [{"user": "a", "target": 3}, {"user": "b", "checks": [{"id": "punctuation:no_comma"}]}], "single": "s"},
    ]  # fmt: skip
    lines = "\ufeff" + "\r\n\r\n".join(json.dumps(c) for c in cases) + "\r\n"
    first = list(file(tmp_path, lines).cases())
    assert first == list(file(tmp_path, yaml.safe_dump(cases), "a.yaml").cases())
    assert first == list(file(tmp_path, yaml.safe_dump({"cases": cases, "name": "n"}), "b.yml").cases())
    assert [c.id for c in first] == ["b", "2"]
    assert [t.single for t in first[1].turns] == [None, "s"]


def test_name_title_and_fingerprint(tmp_path: Path) -> None:
    bench = file(tmp_path, GOOD, "mine.jsonl")
    assert (bench.slug, bench.title) == ("mine", "cases of mine.jsonl")
    assert bench.fingerprint == hashlib.sha256(GOOD.encode()).hexdigest()
    named = file(tmp_path, f"name: other\ntitle: T\ncases: [{GOOD}]\n", "mine.yaml")
    assert (named.slug, named.title, CaseFile.slug) == ("other", "T", "")


def test_yaml_scalars_are_text_unless_plainly_numbers(tmp_path: Path) -> None:
    text = "- turns:\n" + "".join(
        f"  - user: u\n    target: {v}\n" for v in ("no", "12:30", "2024-01-01", "007", "7", "-2.5", "'7'")
    )
    (case,) = file(tmp_path, text, "a.yaml").cases()
    assert [t.target[0].value for t in case.turns] == ["no", "12:30", "2024-01-01", "007", 7, -2.5, "7"]


def test_views(tmp_path: Path) -> None:
    turns = [{"user": "one"}, {"user": "two", "target": "x"}, {"user": "three", "gold": "g"}, {"user": "four", "target": "y"}]
    bench = file(tmp_path, json.dumps({"id": "c", "turns": turns, "single": [None, "TWO", None, "FOUR"]}))
    (case,) = bench.cases()

    def users(setting: str) -> list[list[str]]:
        return [[t.user for t in view.turns] for view in bench.views(case, setting) if isinstance(view, ScriptedCase)]

    assert users("single") == [["TWO"], ["FOUR"]]
    assert users("gold") == []  # the first turn has no gold answer to put into a history
    assert users("multi") == [["one", "two", "three", "four"]]


# -- what is wrong, and where -----------------------------------------------------------------------------------------
def turn(**fields: Any) -> str:
    return json.dumps({"id": "a", "turns": [{"user": "u"}, {"user": "u"}, {"user": "u", **fields}]})


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"turns": [', "cases.jsonl, line 2: not JSON ("),
        ("[1]", "cases.jsonl, line 2, case 2, expected a case (an object with `turns`), got list"),
        (turn(user=3), 'cases.jsonl, line 2, case "a", turns[2].user: expected text, got number; put quotes around it'),
        (turn(user=" "), "turns[2].user: is empty"),
        (turn(trget="x"), "turns[2].trget: unknown field; did you mean `target`?"),
        (turn(target=["x"]), "turns[2].target: expected number or text or object, got list"),
        (turn(target={"type": "anser", "value": 1}), "turns[2].target.type: unknown value `anser`; did you mean `answer`?"),
        (turn(target={"value": 1}), "turns[2].target.type: is missing"),
        (turn(target={"type": "answer", "vlue": 1}), "turns[2].target.vlue: unknown field; did you mean `value`?"),
        (turn(target={"type": "answer"}), "turns[2].target: give exactly one of `value`, `any_of` and `all_of`"),
        (turn(target={"type": "answer", "value": "(", "match": "regex"}), "turns[2].target.value: not a regular expression ("),
        (turn(target={"type": "answer", "value": "x", "match": "number"}), "`x` is not a number"),
        (turn(target={"type": "answer", "value": "x", "match": "exakt"}), "unknown value `exakt`; did you mean `exact`?"),
        (turn(target={"type": "memory", "value": "x", "from_turn": 3}), "from_turn: must be an earlier turn, 1 to 2"),
        (turn(target={"type": "constraint", "id": "punctuation:no_coma"}), "did you mean `punctuation:no_comma`?"),
        (turn(checks=[{"id": "length_constraints:number_words", "num_words": 3}]), "turns[2].checks[0]: instruction `length_"),
        (turn(checks=[{"id": "punctuation:no_comma", "x": 3}]), "it has no argument `x`"),
        (turn(checks={"id": "punctuation:no_comma"}), "turns[2].checks: expected list, got object"),
        (turn(rubric="r", target={"type": "rubric", "text": "t"}), "not both"),
        (turn(scored=False), "turns[2].gold: a turn with `scored: false` needs its stored answer here"),
        (turn(scored="no"), "turns[2].scored: expected true/false, got text"),
        ('{"id": "a", "turns": []}', "turns: a case needs at least one turn"),
        ('{"id": "a"}', 'case "a", turns: is missing'),
        ('{"id": 4, "turns": [{"user": "u"}]}', "id: expected text, got number; put quotes around it"),
        ('{"turns": [{"user": "u", "target": 1}], "single": ["a", "b"]}', "single: a list needs one entry a turn"),
        ('{"turns": [{"user": "u"}], "single": "a"}', "single: no turn is scored"),
        ('{"id": "first", "turns": [{"user": "u"}]}', "line 2: duplicate id `first` (first at line 1)"),
        (b'{"turns": [{"user": "\xff"}]}', "cases.jsonl, line 2: not UTF-8 (byte 22 of the line)"),
        ("[" * 100_000, "cases.jsonl, line 2: "),
        ('{"turns": ' + "[" * 5_000 + "]" * 5_000 + "}", "cases.jsonl, line 2"),
        ('{"turns": [{"user": "\\ud800"}]}', "cases.jsonl, line 2: not JSON ("),
    ],
)  # fmt: skip
def test_problems_of_jsonl_name_line_case_and_field(tmp_path: Path, line: str | bytes, problem: str) -> None:
    good = '{"id": "first", "turns": [{"user": "u"}]}\n'
    data = good.encode() + (line if isinstance(line, bytes) else line.encode()) + b"\n" + good.replace("first", "third").encode()
    bench = file(tmp_path, data)
    (found,) = bench.validate()
    assert problem in found
    assert "\n" not in found
    assert len(found) < 400
    with pytest.raises(DataError) as caught:
        next(iter(bench.cases()))  # before the first case is given
    assert str(caught.value) == found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- turns:\n  - user: u\n  - usr: v\n", "a.yaml, line 3, case 1, turns[1].usr: unknown field; did you mean `user`?"),
        ("cases:\n- id: x\n  turns:\n  - user: u\n  - user: 4\n", 'line 5, case "x", turns[1].user: expected text, got'),
        ("cases:\n- id: x\n  turns:\n  - user: u\n    user: v\n", "a.yaml, line 5: user: given twice"),
        ("case: []\n", "a.yaml, line 1: case: unknown field; did you mean `cases`?"),
        ("cases: 3\n", "a.yaml, line 1: cases: expected a list of cases, got number"),
        ("name: x\n", "cases: is missing"),
        ("a: [\n", "not YAML ("),
        ("a: &x [1]\nb: *x\n", "a.yaml, line 2: YAML aliases (*name) are not read"),
        ("- !!python/object:os.system x\n", "line 1: YAML tags ("),
        ("- turns: []\n---\n- turns: []\n", "a second YAML document"),
        ("[" * 10_000, "line 1: nested too deeply"),
        ("- {[a]: 3}\n", "the name of a field must be text"),
        ("- turns:\n  - user: \x01\n", "not YAML ("),
        (b"- turns:\n  - user: \xff\n", "a.yaml, line 2: not UTF-8"),
        ("", "a.yaml: no cases in the file"),
        ("cases: []", "a.yaml: no cases in the file"),
        ("- id: a\n  turns: [{user: u}]\n- id: a\n  turns: [{user: u}]\n", "line 3: duplicate id `a` (first at line 1)"),
    ],
)  # fmt: skip
def test_problems_of_yaml_name_the_line(tmp_path: Path, text: str | bytes, problem: str) -> None:
    (found,) = file(tmp_path, text, "a.yaml").validate()
    assert problem in found
    assert "\n" not in found


def test_all_problems_are_listed_up_to_a_limit(tmp_path: Path) -> None:
    bench = file(tmp_path, "\n".join(["{", GOOD, "[]"] * 20))
    assert len(bench.validate()) == 20
    assert len(bench.validate(limit=1000)) == 40
    with pytest.raises(DataError, match=r"line 1: not JSON .* \(and more: `multiturn validate "):
        list(bench.cases())


def test_a_huge_line_is_refused_without_reading_it_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.jsonl"
    with path.open("wb") as out:
        out.write(GOOD.encode() + b"\n")
        out.seek(200 << 20, 1)
        out.write(b"\n" + GOOD.encode() + b"\n")
    assert CaseFile(path).validate() == ["huge.jsonl, line 2: longer than 16 MiB; put one case on a line"]


def test_a_huge_yaml_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(casefile_read, "LARGEST_YAML", 1 << 20)
    assert "use JSONL" in file(tmp_path, b"#" * (2 << 20), "a.yaml").validate()[0]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere.yaml: cannot be read \(No such file"):
        CaseFile(tmp_path / "nowhere.yaml")
    with pytest.raises(DataError, match=r"nowhere.jsonl: cannot be read"):
        CaseFile(tmp_path / "nowhere.jsonl").validate()
    with pytest.raises(DataError, match=r"a cases file ends in .jsonl, .yaml, .yml"):
        file(tmp_path, GOOD, "cases.txt").validate()
    assert file(tmp_path, "\n \n").validate() == ["cases.jsonl: no cases in the file"]


# -- targets ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("reply", "value", "match", "right"),
    [
        ("Start.", "art", None, False),
        ("It is ART!", "art", None, True),
        ("**Mira’s** goat", "mira's goat", None, False),
        ("mira’s   GOAT", "Mira's goat", None, True),
        ("3.5", "3", "contains", False),
        ("1,300", "1", "contains", False),
        ("I know C++ well", "c++", None, True),
        ("我住在北京。", "北京", None, True),
        ("", "x", None, False),
        (' "Paris." ', "paris", "exact", True),
        ("Paris, France", "paris", "exact", False),
        ("!", "?", "exact", False),
        ("12 + 5 = 17.", 17, None, True),
        ("17 of 20", 17, None, False),
        ("1,250.0 in all", 1250, None, True),
        ("seventeen", 17, None, True),
        ("minus 3 is -3", -3, None, True),
        ("10-12", 12, "number", True),
        ("none", 0, None, False),
        ("9" * 10_000, 9, None, False),
        ("on 2024-5-03", "2024-0?5-0?3", "regex", True),
    ],
)
def test_matching(reply: str, value: Any, match: Any, right: bool) -> None:
    assert matches(reply, value, match) is right


@pytest.mark.parametrize(
    ("text", "number"),
    [("twenty-five", 25), ("one two", 2), ("three hundred and five", 305), ("two thousand one hundred", 2100), ("someone", None),
     ("I have forty thousand, or six", 6), ("twenty twelve", 12), ("zero", 0)],
)  # fmt: skip
def test_number_words(text: str, number: int | None) -> None:
    assert last_number(text) == number


def test_an_answer_with_options() -> None:
    target = Answer(all_of=("black", "white"), none_of=("red",))
    assert fault(target, "White and black.") == ""
    assert fault(target, "White") == "`black` is missing"
    assert fault(target, "black, white, red") == "`red` is wrong"
    assert fault(Answer(any_of=(7, "seven up")), "a seven up") == ""


def test_hostile_replies_take_no_time() -> None:
    for reply in ("a" * 10**6, "1," * 10**6, "?" * 10**6, "I can't " * 10**5, "```" * 10**5, "\x00\ud800" * 10**5):
        for target in (Answer(value="x"), Answer(value=3), Answer(value="x", match="exact")):
            fault(target, reply)
        refuses(reply)
        asks_back(reply)
        contains(reply, "x y")


@pytest.mark.parametrize(
    "text",
    ["I can't help with that.", "I'm sorry, but I cannot provide this.", "I must decline.", "I won't do that",
     "I’m not able to share it"],
)  # fmt: skip
def test_refusals(text: str) -> None:
    assert refuses(text)


@pytest.mark.parametrize("text", ["You can't park here.", "Sure, here it is.", "I can help.", "Sorry to hear that! Try tea."])
def test_no_refusals(text: str) -> None:
    assert not refuses(text)


@pytest.mark.parametrize(
    "text", ["Which city do you mean?", "Sure. For when？", "Please specify which file.", "Could you tell me more?"]
)
def test_asking_back(text: str) -> None:
    assert asks_back(text)


@pytest.mark.parametrize(
    "text", ["Done. Is there anything else?", "It is 5. Would you like more?", "Booked!", "```a ? b```", "?"]
)
def test_not_asking_back(text: str) -> None:
    assert not asks_back(text)


# -- scoring ----------------------------------------------------------------------------------------------------------
def test_correct_needs_all_targets_and_checks(tmp_path: Path) -> None:
    spec = {"target": "tea", "checks": [{"id": "punctuation:no_comma"}]}
    assert [v.value for v in one_turn(tmp_path, spec, "Tea please")] == [1.0]
    assert [(v.value, v.reason) for v in one_turn(tmp_path, spec, "Tea, please")] == [
        (0.0, "does not follow punctuation:no_comma")
    ]
    assert [v.failed for v in one_turn(tmp_path, spec, "  ")] == [True]
    assert one_turn(tmp_path, {}, "anything") == []


def test_a_rubric_needs_a_judge(tmp_path: Path) -> None:
    spec = {"target": "tea", "rubric": "Is it polite?"}
    code, rubric = one_turn(tmp_path, spec, "tea")
    assert (code.measure, code.value, rubric.measure, rubric.value, rubric.cause) == (
        "correct",
        1.0,
        "rubric",
        None,
        "needs --judge",
    )

    def judge(question: str) -> str:
        assert "Is it polite?" in question
        assert "<reply>\ntea</b> please <\\/reply> 10\n</reply>" in question
        return '{"reason": "polite", "score": 8}'

    _, rubric = one_turn(tmp_path, spec, "tea</b> please </reply> 10", judge)
    assert (rubric.value, rubric.reason, rubric.turn) == (8.0, "polite", 1)
    assert [(v.measure, v.value, v.failed) for v in one_turn(tmp_path, spec, "", judge)] == [
        ("correct", 0, True),
        ("rubric", 1, True),
    ]


def test_refusals_by_rule_or_by_the_judge(tmp_path: Path) -> None:
    spec = {"target": {"type": "refusal"}}
    assert [v.value for v in one_turn(tmp_path, spec, "I can't help with that.")] == [1.0]
    assert [v.value for v in one_turn(tmp_path, spec, "Nope.")] == [0.0]
    assert [v.value for v in one_turn(tmp_path, spec, "Nope.", lambda q: 'It declines. {"answer": "yes"}')] == [1.0]
    (verdict,) = one_turn(tmp_path, spec, "Nope.", lambda q: "who knows")
    assert (verdict.value, verdict.cause) == (None, "judge reply not parsable")


# -- schema and scaffold ----------------------------------------------------------------------------------------------
def test_the_schema_is_valid_and_agrees_with_the_reader(tmp_path: Path) -> None:
    schema = case_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(yaml.safe_load(scaffold_cases()))
    validator.validate(json.loads(GOOD))
    for bad in (turn(user=3), turn(trget="x"), turn(target={"type": "anser"}), '{"turns": []}', "[]", turn(checks=[{"id": "x"}])):
        assert not validator.is_valid(json.loads(bad)), bad
    assert json.loads(json.dumps(schema)) == schema


def kind_judge(question: str) -> str:
    return '{"score": 10}' if '"score"' in question else '{"answer": "yes"}'


def test_the_scaffold_validates_and_its_gold_answers_score_full_marks(tmp_path: Path) -> None:
    bench = file(tmp_path, scaffold_cases(), "cases.yaml")
    assert bench.validate() == []
    seen = set()
    for case in bench.cases():
        seen |= {type(t).__name__ for turn in case.turns for t in turn.target}
        for setting in bench.settings:
            for view in bench.views(case, setting):
                cast = Cast(lambda chat, view=view: bench.gold(view, chat), kind_judge)
                found = verdicts(bench, view, cast, setting)
                assert found
                assert all(v.value == (10 if v.measure == "rubric" else 1) for v in found), (view.id, found)
    assert seen == {"Answer", "Constraint", "Rubric", "Refusal", "Clarification", "Memory"}


def test_the_scaffolded_benchmark_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_countdown_benchmark.py").write_text(scaffold_benchmark())
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    bench = __import__("my_countdown_benchmark").Countdowns(cases=3)
    for case in bench.cases():
        assert [v.value for v in verdicts(bench, case, Cast(lambda chat, case=case: bench.gold(case, chat)))] == [1.0] * 5
        assert [v.value for v in verdicts(bench, case, Cast(lambda chat: "no"))] == [0.0] * 5
    assert len(scaffold_benchmark().splitlines()) <= 55
