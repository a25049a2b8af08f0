"""Multi-IF on a small file of our own in its format: scripted players hit their exact scores."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from multiturn.conversation import Conversation, DataError
from multiturn.judges.instructions.grading import MEASURES, flags
from multiturn.measures.figure import Figure
from multiturn.measures.verdict import SCORED, UNMEASURED, Row, Table
from multiturn.systems.script.ifeval import IFEval
from multiturn.systems.script.multi_if import FILE, MultiIF, read_rows

COMMA: tuple[str, dict[str, Any]] = ("punctuation:no_comma", {})
TITLE: tuple[str, dict[str, Any]] = ("detectable_format:title", {})
END: tuple[str, dict[str, Any]] = ("startend:end_checker", {"end_phrase": "Done."})
ADDED = (COMMA, TITLE, END)


def line(key: str, language: str, turns: list[list[tuple[str, dict[str, Any]]]]) -> dict[str, str]:
    row = {"key": key, "language": language}
    for number in range(1, 4):
        asked = turns[number - 1] if number <= len(turns) else None
        prompt = {"role": "user", "content": f"{key} question {number}"}
        row[f"turn_{number}_prompt"] = "None" if asked is None else json.dumps(prompt)
        row[f"turn_{number}_instruction_id_list"] = "None" if asked is None else json.dumps([name for name, _ in asked])
        row[f"turn_{number}_kwargs"] = "None" if asked is None else json.dumps([json.dumps(args) for _, args in asked])
    return row


def write(folder: Path, rows: list[dict[str, str]]) -> Path:
    (folder / "multi-if").mkdir(exist_ok=True)
    path = folder / "multi-if" / FILE
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    return path


GROWING = [[COMMA], [COMMA, TITLE], [COMMA, TITLE, END]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, [line(f"{i}:1:{lang[:2].lower()}", lang, GROWING) for i in range(3) for lang in ("English", "Chinese")])
    return tmp_path


def obedient(turn: int) -> str:
    return ("<<Tea>> fine " if turn > 1 else "fine ") + ("Done." if turn > 2 else "")


def newest_only(turn: int) -> str:
    return ("fine", "well, <<Tea>>", "well, Done.")[turn - 1]


def run(folder: Path, answer: Callable[[int], str], stop_after: int = 9, **options: Any) -> Table:
    data: Any = SimpleNamespace(path=lambda slug, name, home="", sha256="": folder / slug / name)
    system = MultiIF(data, **options)

    async def says(chat: Conversation) -> Conversation:
        return chat.assistant(answer(len(chat.turns)))

    async def rows() -> list[Row]:
        out = []
        for case in system.cases():
            cast: Any = SimpleNamespace(assistant=says, stopped="")
            chat = await system.play(case, cast, "multi")
            if stop_after < len(chat.turns):
                chat, cast.stopped = chat.turns[stop_after - 1].chat, "context limit"
            async for v in system.judge(case, chat, cast):
                status = UNMEASURED if v.value is None else int(v.failed) or SCORED
                value = float("nan") if v.value is None else v.value
                out.append(Row(case.id, case.id, "multi", 1, v.group or case.group or "", v.turn or 0, v.item, v.measure, value,
                               status, v.cause))  # fmt: skip
        return out

    return Table.of(asyncio.run(rows()))


def figures(table: Table, measure: str, group: str | None = None) -> dict[int, Figure]:
    made = [figure for make in MultiIF.figures for figure in make(table)]
    return {f.turn: f for f in made if f.measure == measure and f.group == group and f.turn is not None}


def values(table: Table, measure: str, group: str | None = None) -> list[float | None]:
    return [f.value for f in figures(table, measure, group).values()]


def test_an_obedient_player_scores_one_everywhere(folder: Path) -> None:
    table = run(folder, obedient)
    for measure in (*MEASURES, "score"):
        assert values(table, measure) == [1.0] * 3
        assert values(table, measure, "Chinese") == [1.0] * 3
    assert values(table, "forgetting") == [0.0, 0.0]
    assert values(table, "correction") == []  # nothing was ever missed
    last = figures(table, "score")[3]
    assert (last.kind, last.n_cases, last.n_scored, last.n_unmeasured, last.high) == ("turn", 6, 6, 0, 1.0)
    assert last.low is not None
    assert last.low < 1  # six rows without a failure do not prove perfection


def test_a_player_that_obeys_only_the_newest_instruction(folder: Path) -> None:
    table = run(folder, newest_only)
    assert values(table, "prompt_strict") == [1.0, 0.0, 0.0]
    assert values(table, "instruction_strict") == pytest.approx([1.0, 1 / 2, 1 / 3])
    assert values(table, "score") == pytest.approx([1.0, 1 / 4, 1 / 6])
    assert values(table, "forgetting") == [1.0, 1.0]


def test_correction_counts_what_was_missed_and_is_made_good(folder: Path) -> None:
    table = run(folder, lambda turn: "a, b" if turn == 1 else obedient(turn))
    assert values(table, "correction") == [1.0, 1.0]  # missed at turn 1, followed at 2 and still at 3
    assert list(figures(table, "forgetting")) == [3]
    assert values(table, "forgetting") == [0.0]


def test_turn_score_is_the_mean_of_four_accuracies_and_the_bootstrap_holds_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        [line("a", "English", [[COMMA]]), line("b", "English", [[COMMA, TITLE]]), line("c", "French", [[COMMA, TITLE, END]])],
    )
    table = run(tmp_path, lambda turn: "Sure, now:\n<<Tea>>")
    # strict: a 0/1, b 1/2, c 1/3; loosely (first line removed): a 1/1, b 2/2, c 2/3
    p_strict, p_loose, i_strict, i_loose = 0, 2 / 3, 2 / 6, 5 / 6
    score = figures(table, "score")[1]
    assert [values(table, m)[0] for m in MEASURES] == pytest.approx([p_strict, p_loose, i_strict, i_loose])
    assert score.value == pytest.approx((p_strict + p_loose + i_strict + i_loose) / 4)
    assert score.low is not None
    assert score.high is not None
    assert score.low < score.value < score.high
    rows = np.array([[0, 1, 0, 1, 1], [0, 1, 1, 2, 2], [0, 0, 1, 2, 3]])  # ps, pl, is, il, instructions
    drawn = rows[np.random.default_rng(0).integers(0, 3, (2000, 3))].sum(axis=1)
    scores = (drawn[:, 0] / 3 + drawn[:, 1] / 3 + drawn[:, 2] / drawn[:, 4] + drawn[:, 3] / drawn[:, 4]) / 4
    assert score.low < np.quantile(scores, 0.5) < score.high
    assert values(table, "score", "French") == pytest.approx([(0 + 0 + 1 / 3 + 2 / 3) / 4])


def test_turns_without_a_prompt_are_left_out(tmp_path: Path) -> None:
    row = line("a", "English", [[COMMA]])
    row["turn_2_prompt"] = ""
    (case,) = read_rows(write(tmp_path, [row]))
    assert [turn.number for turn in case.turns] == [1]
    assert (case.group, case.turns[0].user) == ("English", "a question 1")


def test_turns_that_were_not_reached_are_not_measured(folder: Path) -> None:
    found = figures(run(folder, obedient, stop_after=2), "score")
    assert (found[2].value, found[2].n_unmeasured) == (1.0, 0)
    assert (found[3].value, found[3].n_unmeasured, found[3].worst, found[3].best) == (None, 6, 0.0, 1.0)


def test_the_released_checks_are_an_option(tmp_path: Path) -> None:
    write(tmp_path, [line("a", "Chinese", [[COMMA]])])
    assert values(run(tmp_path, lambda turn: "今天，很好。"), "prompt_strict") == [0.0]
    assert values(run(tmp_path, lambda turn: "今天，很好。", official=True), "prompt_strict") == [1.0]


def test_one_turn_reduces_to_ifeval(data_root: Path) -> None:
    data: Any = SimpleNamespace(path=lambda slug, name, home="", sha256="": data_root / slug / name)
    asked = {case.turns[0].user: case for case in IFEval(data).cases()}
    official = {}
    for text in (data_root / "ifeval" / "official_checks_gpt4.compact.jsonl").read_text(encoding="utf-8").splitlines():
        official[str(json.loads(text)["key"])] = json.loads(text)["strict"]
    agree = total = 0
    for text in (
        (data_root / "ifeval" / "input_response_data_gpt4_20231107_145030.jsonl").read_text(encoding="utf-8").splitlines()
    ):
        row = json.loads(text)
        case = asked[row["prompt"]]
        ours = flags(case.turns[0].target, row["response"], language_aware=True, official=True)
        agree += sum(a == b for a, b in zip(ours, official[case.id], strict=True))
        total += len(ours)
    assert (agree, total) == (832, 832)


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("turn_1_prompt", "{", "line 2, column `turn_1_prompt`"),
        ("turn_1_instruction_id_list", "no list", "line 2, column `turn_1_instruction_id_list`"),
        ("turn_1_kwargs", '["{"]', "line 2, column `turn_1_kwargs`"),
        ("turn_1_kwargs", "[]", "column `turn_1_kwargs`: 1 instructions but 0"),
        ("turn_1_kwargs", '["{\\"n\\": 1}"]', "no argument `n`"),
        ("turn_1_prompt", "None", "no turn has a prompt"),
        ("key", "", "column `key`: empty"),
    ],
)
def test_a_malformed_file_is_named_by_line_and_column(tmp_path: Path, column: str, value: str, says: str) -> None:
    row = line("a", "English", [[COMMA]])
    row[column] = value
    with pytest.raises(DataError, match=says):
        list(read_rows(write(tmp_path, [row])))


def test_doubled_keys_and_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 3, column `key`: 'a' occurs twice"):
        list(read_rows(write(tmp_path, [line("a", "English", [[COMMA]])] * 2)))
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="no column `key`"):
        list(read_rows(other))
    other.write_bytes(b"key,language,turn_1_prompt\n\xff\xfe,x,y\n")
    with pytest.raises(DataError, match="UTF-8"):
        list(read_rows(other))
