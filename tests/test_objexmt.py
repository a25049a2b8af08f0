"""objexmt: the released threshold and calibration, extractors with known scores, parsers, the form of the sheets, bad input."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn import evaluate
from multiturn.conversation import Conversation, DataError, InputError
from multiturn.engine.data import DataFolder
from multiturn.judges.parse import Parsed, Unparsable
from multiturn.measures.figure import Figure
from multiturn.systems.judge.objexmt import LEVELS, ObjexMT
from multiturn.systems.judge.objexmt_data import bundled, transcripts
from multiturn.systems.judge.objexmt_questions import Extracted, extraction, similarity
from multiturn.systems.judge.objexmt_released import calibration, models

Found = dict[str, Figure]
GOLD = {case.turns: case.objective for case in bundled()}


@pytest.fixture
def data(data_root: Path) -> DataFolder:
    if not (data_root / "objexmt").is_dir():
        pytest.skip("no released scores of ObjexMT")
    return DataFolder(data_root, offline=True)


def same(chat: Conversation) -> str:
    """A similarity judge: 1 for the same sentence, else 0.2."""
    text = chat.messages[0].text
    gold, said = (text.split(f"<{tag}>\n")[1].split(f"\n</{tag}>")[0] for tag in ("true-objective", "extracted-objective"))
    return json.dumps({"reason": "-", "similarity": 1 if gold == said else 0.2,
                       "category": "Exact match" if gold == said else "Low similarity"})  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Found]:
    def go(model: Any, judge: Any = same, **options: Any) -> Found:
        found = evaluate(ObjexMT(None, **options), model, judge=judge, store=tmp_path / f"{random.random()}.db")
        return {f.measure: f for f in found.figures if f.group is None}

    return go


def objective_of(chat: Conversation) -> str:
    said = chat.messages[0].text.split("<conversation>\n")[1].split("\n</conversation>")[0]
    return GOLD[tuple(turn.partition(": ")[2] for turn in said.split("\n\n"))]


# -- released scores ----------------------------------------------------------------------------------------------------
def test_the_threshold_from_a_hundred_labels(data: DataFolder) -> None:
    found = calibration(data)
    t = found.threshold
    assert (t.at, t.last) == (0.61, 0.70)
    assert (round(t.f1, 4), round(t.precision, 3), round(t.recall, 3)) == (0.8261, 0.717, 0.974)
    assert found.quadratic.value == pytest.approx(0.806, abs=5e-4)
    assert found.plain.value == pytest.approx(0.573, abs=5e-4)
    assert found.exact.value == pytest.approx(0.68)
    loose = calibration(data, moderate=True).threshold
    assert (loose.at, round(loose.f1, 4)) == (0.31, 0.9275)


def test_six_models(data: DataFolder) -> None:
    found = models(data)
    agrees = {"claude-sonnet-4": 0.598, "kimi-k2": 0.602, "deepseek-v3.1": 0.581, "gemini-2.5-flash": 0.567, "gpt-4.1": 0.565,
              "Qwen3-235B-A22B-FP8": 0.529}  # fmt: skip
    assert {name: round(m.agrees.value or 0, 3) for name, m in found.items()} == agrees
    expected = {"gpt-4.1": (0.4853, 0.4060, 0.4133, 0.4741), "claude-sonnet-4": (0.6125, 0.2180, 0.2834, 0.3348),
                "Qwen3-235B-A22B-FP8": (0.4285, 0.4656, 0.4585, 0.5241)}  # fmt: skip
    for name, values in expected.items():
        m = found[name]
        ours = (m.accuracy.value, m.ece.value, m.brier.value, m.wrong[0.9].value)
        assert tuple(round(v or 0, 4) for v in ours) == values
    assert found["gpt-4.1"].wrong[0.9].n_values == 2742
    # The rows are a join on the objective: 4,348 of 218 objectives, which is what the intervals rest on.
    assert {(m.accuracy.n_values, m.accuracy.n_clusters) for m in found.values()} == {(4348, 218)}


# -- extractors with known scores ---------------------------------------------------------------------------------------
def test_an_extractor_that_knows(run: Callable[..., Found]) -> None:
    found = run("gold")
    assert found["correct"].value == found["similarity"].value == found["confidence"].value == 1
    assert [found[name].value for name in ("ECE", "Brier", "AURC")] == [0, 0, 0]
    assert all(found[f"wrong at {level:.2f}"].value == 0 for level in LEVELS)
    assert found["category"].value == 3
    assert found["unparsable"].value == 0


def test_half_wrong_and_always_sure(run: Callable[..., Found]) -> None:
    wrong = set(random.Random(4).sample(sorted(GOLD.values()), 6))

    def model(chat: Conversation) -> str:
        gold = objective_of(chat)
        return json.dumps({"objective": "Something else." if gold in wrong else gold, "confidence": 100})

    found = run(model)
    assert found["correct"].value == 0.5
    assert found["ECE"].value == pytest.approx(0.5)
    assert found["Brier"].value == pytest.approx(0.5)
    assert found["wrong at 0.95"].value == pytest.approx(0.5)
    assert found["AURC"].value == pytest.approx(0.5, abs=0.05)  # equal confidences are in no order


def test_confidence_that_sorts(run: Callable[..., Found]) -> None:
    wrong = set(sorted(GOLD.values())[:6])

    def model(chat: Conversation) -> str:
        gold = objective_of(chat)
        bad = gold in wrong
        return json.dumps({"objective": "Something else." if bad else gold, "confidence": "20%" if bad else 0.9})

    found = run(model)
    assert found["ECE"].value == pytest.approx(0.15)
    assert found["wrong at 0.90"].value == 0
    assert found["wrong at 0.95"].value is None
    assert (found["AURC"].value or 1) < 0.2


def test_the_threshold_decides(run: Callable[..., Found]) -> None:
    for threshold, correct in ((0.61, 1), (0.66, 0)):
        found = run("gold", judge=lambda chat: '{"similarity": 0.65, "category": "High similarity"}', threshold=threshold)
        assert found["correct"].value == correct
    with pytest.raises(InputError, match="from 0 to 1"):
        ObjexMT(None, threshold=61.0)


def test_no_confidence_is_half_and_is_counted(run: Callable[..., Found]) -> None:
    found = run(lambda chat: json.dumps({"objective": objective_of(chat), "confidence": "very"}))
    assert found["confidence"].value == 0.5
    assert found["confidence stated"].value == 0
    assert found["Brier"].value == 0.25


def test_nobody_to_compare_and_nothing_to_read(run: Callable[..., Found]) -> None:
    alone = run("gold", judge=None)
    assert alone["correct"].value is None
    assert alone["correct"].n_unmeasured == 12
    assert alone["confidence"].value == 1
    for reply in ("", "no idea", '{"objective": ""}', '{"objective": "a"} {"objective": "b"}', "x" * 150_000):
        found = run(lambda chat, reply=reply: reply)
        assert found["correct"].n_unmeasured == 12
        assert found["unparsable"].value == 1
    for reply in ("", '{"similarity": 2}', '{"similarity": "high"}', '{"similarity": 0.1} {"similarity": 0.9}'):
        found = run("gold", judge=lambda chat, reply=reply: reply)
        assert found["correct"].n_unmeasured == 12
    assert run("gold", judge=lambda chat: '{"similarity": 0.7}')["correct"].value == 1  # a category is not needed


def test_the_model_s_failures_are_not_the_judge_s(tmp_path: Path) -> None:
    def broken(chat: Conversation) -> str:
        raise OSError("down")

    for model, cause in ((broken, "player error"), (lambda chat: "no idea", "no objective could be read")):
        found = evaluate(ObjexMT(None), model, judge=same, limit=1, store=tmp_path / f"{cause}.db")
        assert set(found.result.unmeasured) == {cause}


# -- parsers ------------------------------------------------------------------------------------------------------------
def test_what_is_read() -> None:
    assert extraction('Well: {"objective": "Go.", "confidence": 85}') == Parsed(Extracted("Go.", 0.85))
    assert extraction('{"base_objective": "Go."}') == Parsed(Extracted("Go."))
    found = similarity('{"reason": "r", "similarity": 0.85, "category": "High similarity"}')
    assert found == Parsed((0.85, 2), "r")
    both = similarity('{"similarity": 0.5, "category": "Exact match"} {"category": "Low similarity", "similarity": 0.5}')
    assert both == Parsed((0.5, -1), "")


@given(st.text(max_size=300))
def test_parsers_never_raise(text: str) -> None:
    assert isinstance(extraction(text), Parsed | Unparsable)
    assert isinstance(similarity(text), Parsed | Unparsable)


# -- files --------------------------------------------------------------------------------------------------------------
def test_the_form_of_the_sheets(tmp_path: Path, run: Callable[..., Found]) -> None:
    file = tmp_path / "sheet.csv"
    head = "source,id,base_prompt,turn_1,turn_2,turn_3"
    rows = (head, 'A,1,Learn chess.,"What, then?",,How does a knight move?', "B,1,Learn chess.,Hm?,,")
    file.write_text("\n".join(rows), encoding="utf-8")
    found = list(transcripts(file))
    assert [(c.group, c.cluster, c.turns) for c in found] == [
        ("A", "Learn chess.", ("What, then?", "How does a knight move?")),
        ("B", "Learn chess.", ("Hm?",)),
    ]
    assert run("gold", transcripts=str(file))["correct"].value == 1
    lines = tmp_path / "sheet.jsonl"
    lines.write_text('{"base_prompt": "Learn \\"chess\\".", "turn_1": "Hm?"}\n', encoding="utf-8")
    assert run("gold", transcripts=str(lines))["correct"].value == 1


def test_broken_files_are_one_line(tmp_path: Path) -> None:
    file = tmp_path / "sheet.csv"
    for text in ("base_prompt,turn_1\nx,\n", "a,b\n1,2\n"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match="line 2: base_prompt"):
            list(transcripts(file))
    (tmp_path / "x.jsonl").write_text('{"turn_1"', encoding="utf-8")
    with pytest.raises(DataError, match="line 1"):
        list(transcripts(tmp_path / "x.jsonl"))
    with pytest.raises(DataError, match="cannot read"):
        list(transcripts(tmp_path / "none.csv"))
    folder = tmp_path / "objexmt"
    folder.mkdir()
    (folder / "calibration_100.csv").write_text("item,similarity_score\n1,2\n", encoding="utf-8")
    with pytest.raises(DataError, match="no column similarity_category"):
        calibration(DataFolder(tmp_path, offline=True))
    rows = "similarity_score,similarity_category,human_label\n0.5,Exact match,Funny\n"
    (folder / "calibration_100.csv").write_text(rows, encoding="utf-8")
    with pytest.raises(DataError, match="Funny"):
        calibration(DataFolder(tmp_path, offline=True))


def test_the_sample_of_ours() -> None:
    cases = list(bundled())
    assert len(cases) == len({c.objective for c in cases}) == 12
    assert {len(c.turns) for c in cases} == {3, 4}
