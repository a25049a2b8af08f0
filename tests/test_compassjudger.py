"""compassjudger: round trip of every form, readers against the released ones, tables, JudgerBench's scores and files, judges."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn import evaluate
from multiturn.conversation import Conversation, DataError, InputError, UnknownName
from multiturn.engine.data import DataFolder
from multiturn.judges.items import PairItem
from multiturn.judges.parse import Parsed
from multiturn.judges.probes import probed
from multiturn.measures.figure import Figure
from multiturn.systems.judge import sets
from multiturn.systems.judge.compassjudger import COLUMNS, MODES, TABLE, CompassJudger, turned
from multiturn.systems.judge.compassjudger_bench import v2_score
from multiturn.systems.judge.compassjudger_forms import DIMENSIONS, FIVE, FORMS, WILD, dialogue, scores
from multiturn.systems.judge.pair_sets import llmbar

Judge = Callable[[Conversation], str]
Found = dict[tuple[str, str | None, str | None], Figure]
Run = Callable[..., Found]


@pytest.fixture
def run(tmp_path: Path, data_root: Path) -> Run:
    def go(judge: Judge | str, *settings: str, limit: int | None = None, **options: Any) -> Found:
        data = options.pop("data", data_root)
        made = CompassJudger(DataFolder(data, offline=True), **options)
        store = tmp_path / f"{random.random()}.db"
        found = evaluate(made, judge, settings=settings or ("plain",), limit=limit, store=store)
        return {(f.measure, f.setting, f.group): f for f in found.figures}

    return go


# -- forms --------------------------------------------------------------------------------------------------------------
def values(name: str) -> list[float]:
    if name in ("five-way", "wildbench"):
        return [2, 1, 0, -1, -2]
    return {"point": [1, 2.5, 8, 10], "fofo": [0, 1]}.get(name, [1, -1])  # type: ignore[return-value]


@pytest.mark.parametrize("name", FORMS)
def test_every_form_reads_what_it_writes(name: str) -> None:
    form = FORMS[name]
    for value in values(name):
        found = form.read(form.write(value))
        assert isinstance(found, Parsed)
        assert found.value == value
        if not (name == "wildbench" and value == -2):
            assert form.released(form.write(value)) == value
    for text in ("", "I cannot say.", "A or B", "[[A]] [[B]]", "{}", "\x00" * 1000, "{" * 200_000):
        assert not isinstance(form.read(text), Parsed), text


def test_strict_readers_and_the_released_mistakes() -> None:
    pair, wild, five = FORMS["pair"], FORMS["wildbench"], FORMS["five-way"]
    assert pair.read("Assistant B") == Parsed(-1.0, "Assistant B")
    assert pair.released("Assistant B") == 1  # it holds an A
    for text, value in (("A", 1), (" **B**. ", -1), ("assistant A", 1), ("[[B]]", -1)):
        found = pair.read(text)
        assert isinstance(found, Parsed)
        assert found.value == value
    for text in ("a", "Assistants", "As good as B", "AB", "A better answer"):
        assert not isinstance(pair.read(text), Parsed), text
    worse = wild.write(-2)
    assert (wild.read(worse).value, wild.released(worse)) == (-2, -1)  # type: ignore[union-attr]
    assert not isinstance(wild.read(worse + wild.write(2)), Parsed)
    assert [five.read(f"[[{label}]]").value for label in ("A<<B", "A<B", "B=A", "B<A", "B<<A")] == [-2, -1, 0, 1, 2]  # type: ignore[union-attr]
    assert not isinstance(five.read("[[A>>B]] or [[A>B]]"), Parsed)
    assert FORMS["alpacaeval"].released("model M") == 1
    assert not isinstance(FORMS["alpacaeval"].read("model M"), Parsed)
    chinese = FORMS["v2"].read('{"分析": "-", "胜者": "B"}')
    assert isinstance(chinese, Parsed)
    assert chinese.value == -1
    told = "Comment. {" + ", ".join(f"'{name}': {n + 4}" for n, name in enumerate((*DIMENSIONS, "Combined Score"))) + "}"
    assert scores(told) == {**{name: n + 4.0 for n, name in enumerate(DIMENSIONS)}, "score": 9.0}
    assert scores(told.replace("9", "11")) is scores("{'score': 9}") is None


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    for name, form in FORMS.items():
        found = form.read(text)
        assert not isinstance(found, Parsed) or -2 <= found.value <= 10, name
        form.released(text)


def test_two_dialogues_are_shown_turn_by_turn() -> None:
    item = PairItem(
        id="1", turns=(("user", "q1"), ("user", "q2")), first="a1\n\na2", second="b1\n\nb2", label=1.0,
        extra={"replies": [["a1", "b1"], ["a2", "b2"]]},
    )  # fmt: skip
    order = re.findall(r"<(user|assistant-[AB])>\n(\w+)", dialogue(item))
    assert [text for _, text in order] == ["q1", "a1", "b1", "q2", "a2", "b2"]
    swapped = probed(item, "swapped")
    assert isinstance(swapped, PairItem)
    assert [text for _, text in re.findall(r"<(user|assistant-[AB])>\n(\w+)", dialogue(swapped))] == [
        "q1",
        "b1",
        "a1",
        "q2",
        "b2",
        "a2",
    ]
    other = turned(item)
    assert (other.label, other.first, other.extra["replies"]) == (0.0, "b1\n\nb2", [["b1", "a1"], ["b2", "a2"]])


# -- tables -------------------------------------------------------------------------------------------------------------
def test_the_means_of_the_readme_recompute() -> None:
    for model, row in TABLE.items():
        assert sum(row[:4]) / 4 == pytest.approx(row[4], abs=0.0051), model
    assert {p.measure for p in CompassJudger.published} == set(COLUMNS)


def test_scores_of_v2() -> None:
    gold = {"a": 80.0, "b": 50.0, "c": 20.0}
    assert tuple(v2_score(gold, gold, 100)) == (100, 0, 100)
    # Ranks turned round: (1 + 0 + 1) / 3 of the way; wins off by 60, 0, 60 of at most 60.
    turned_round = v2_score({"a": 20, "b": 50, "c": 80}, gold, 50)
    assert turned_round.distance == pytest.approx(100 * (2 / 3 + 2 / 3))
    # Half a rank and half the widest gap on average.
    half = v2_score({"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 0.0}, 50)
    assert half.distance == pytest.approx(50)
    assert v2_score({"a": 3, "b": 2}, {"a": 2, "b": 3}, 50).distance == 200
    exact = v2_score({"a": 50, "b": 60, "c": 20, "d": 20}, {"a": 60, "b": 50, "c": 20, "d": 20}, 50)
    assert exact.distance == pytest.approx(100 * (2 / 3 + 2) / 4)
    assert v2_score({"b": 1.0}, {"a": 0.0, "b": 1.0}, 100).final == 100  # a model that never won keeps its name
    two = v2_score({"a": 1.0, "b": 1.0, "c": 2.0}, {"a": 1.0, "b": 1.0, "c": 1.0}, 50)
    assert two.distance == pytest.approx(100 * ((2 + 1 + 1) / 2 + 1) / 3)
    assert two.final == pytest.approx((50 - two.distance + 100) / 2) == 25


# -- judges -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("mode", MODES)
def test_the_gold_judge(run: Run, mode: str) -> None:
    pairs = mode != "critique" and FORMS[mode].kind == "pair"
    found = run("gold", *(("plain", "swapped", "relabelled") if pairs else ("plain",)), mode=mode)
    if pairs:
        for setting in ("plain", "swapped", "relabelled"):
            assert found["accuracy", setting, None].value == 1, setting
    elif mode == "fofo":
        assert found["accuracy", "plain", None].value == 1
    else:
        assert found["error", "plain", None].value == pytest.approx(0)
    assert found["unparsable", "plain", None].value == 0
    if mode == "point":
        assert {m for m, _, _ in found if m.startswith("part: ")} == {f"part: {name}" for name in DIMENSIONS}


def test_unreadable_is_wrong_and_counted(run: Run) -> None:
    found = run(lambda chat: "Both A and B are fine.")
    accuracy = found["accuracy", "plain", None]
    assert (accuracy.value, accuracy.n_scored) == (0, 0)
    assert accuracy.n_failed >= 12
    assert found["correct", "plain", None].value is None
    released = run(lambda chat: "Both A and B are fine.", official=True)
    assert released["unparsable", "plain", None].value == 0
    assert released["shown first", "plain", None].value == 1
    assert run(lambda chat: "?", mode="critique")["error", "plain", None].value is None


def test_order_is_drawn(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    rows = ({"id": n, "prompt": "?", "first": f"good {n}", "second": f"bad {n}", "label": "first"} for n in range(200))
    path.write_text("\n".join(map(json.dumps, rows)))
    as_given = run(lambda chat: "A", on=str(path), shuffle=False)
    assert as_given["accuracy", "plain", None].value == 1  # what the set's order gives away
    drawn = run(lambda chat: "A", on=str(path))["accuracy", "plain", None]
    assert drawn.low is not None
    assert drawn.high is not None
    assert drawn.low < 0.5 < drawn.high
    assert run("gold", on=str(path))["accuracy", "plain", None].value == 1


@pytest.mark.parametrize("on", ["llmbar", "mt-bench-pairs"])
def test_a_small_judgerbench(run: Run, data_root: Path, on: str) -> None:
    if not (data_root / "llmbar" / "dataset").is_dir() or not (data_root / "arjudge").is_dir():
        pytest.skip("no LLMBar or MT-bench data")
    made = CompassJudger(DataFolder(data_root), on=on)
    asked = [(FORMS["pair"].ask(item), item.label) for item in made.items() if isinstance(item, PairItem)]
    right = {question: "A" if label == 1 else "B" for question, label in asked}

    def judge(seed: int, accuracy: float, first: float) -> Judge:
        draw = random.Random(seed)

        def says(chat: Conversation) -> str:
            if draw.random() < first:
                return "A"
            truth = right[chat.messages[0].text]
            return truth if draw.random() < accuracy else "AB"["BA".index(truth)]

        return says

    accuracies = []
    for n, (accuracy, first) in enumerate(((1.0, 0.0), (0.85, 0.0), (1.0, 0.6), (0.5, 0.0), (0.0, 1.0))):
        figure = run(judge(n, accuracy, first), on=on)["accuracy", "plain", None]
        accuracies.append(figure.value or 0.0)
    oracle, noisy, biased, coin, always = accuracies
    # In MT-bench's pairs people contradict each other: 27 of the first 175 pairs are there with either winner.
    assert oracle == pytest.approx(1 if on == "llmbar" else 0.9367, abs=1e-4)
    assert oracle > noisy > biased > coin
    assert coin == pytest.approx(0.5, abs=0.08)
    assert always == pytest.approx(0.5, abs=0.08)


# -- JudgerBench's files ------------------------------------------------------------------------------------------------
@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    names = {"judgerbench-a-en": "judgerbench_a", "judgerbench-a-cn": "judgerbench_a_cn", "judgerbench-b": "judgerbench_b",
             "judgerbench-b-fofo": "judgerbench_b_fofo", "judgerbench-v2": "judgerbench_v2"}  # fmt: skip
    rows = tuple((n, "point" if "fofo" in n else "pair", n, f"compassjudger_bench:{f}") for n, f in names.items())
    monkeypatch.setattr(sets, "ROWS", (*sets.ROWS, *rows))
    folder = tmp_path / "compassjudger"
    folder.mkdir()
    return folder


def said(*texts: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]


def test_a(run: Run, bench: Path, tmp_path: Path) -> None:
    row = {"conversation_a": said("q1", "a1", "q2", "a2"), "conversation_b": said("q1", "b1", "q2", "b2"), "model_a": "x",
           "model_b": "y", "category": "Math", "turn": "multi", "winner": "model_b"}  # fmt: skip
    (bench / "judgerbench_A_en.json").write_text(json.dumps([row, {**row, "winner": "model_a", "category": "Chat"}]))
    seen: list[str] = []

    def judge(chat: Conversation) -> str:
        seen.append(chat.messages[0].text)
        return "A"

    assert run("gold", on="judgerbench-a-en", data=tmp_path)["accuracy", "plain", "Math"].value == 1
    run(judge, on="judgerbench-a-en", data=tmp_path)
    assert all("a1" in text and "b2" in text and text.index("1\n</assistant-A>") < text.index("q2") for text in seen)
    (bench / "judgerbench_A_cn.json").write_text(json.dumps([{**row, "winner": "tie"}]))
    with pytest.raises(DataError, match="neither model_a nor model_b"):
        run("gold", on="judgerbench-a-cn", data=tmp_path)


def test_b(run: Run, bench: Path, tmp_path: Path) -> None:
    others = {"model": "m", "swap": False, "ref": "other"}
    rows: list[dict[str, Any]] = []
    for n, (source, label) in enumerate((s, v) for s, labels in (("arenahard", FIVE), ("wildbench", WILD)) for v in labels):
        pred = f"[[{label}]]" if source == "arenahard" else f'{{"choice": "{label}"}}'
        known = {**others, "model": f"m{n % 3}", "swap": n % 2 == 1, "checklist": "is it right"}
        rows.append({"dataset_name": source, "question": "q", "prediction": f"p{n}", "gpt4o_pred": pred, "others": known,
                     "conversation": [{"role": "HUMAN", "content": "q"}]})  # fmt: skip
    rows.append({"dataset_name": "alpaca_eval", "question": "q", "prediction": "p", "gpt4o_pred": "neither", "others": others})
    rows.append({"dataset_name": "fofo_test_prompts", "question": "q", "prediction": "p", "others": {"model": "m", "swap": False},
                 "gpt4o_pred": "[{'format_correctness': 1}]"})  # fmt: skip
    (bench / "judgerbench_B.json").write_text(json.dumps(rows))
    found = run("gold", on="judgerbench-b", data=tmp_path)
    assert found["exact", "plain", None].value == 1
    assert found["exact", "plain", None].n_scored == 10  # the one whose gold cannot be read is dropped
    for source in ("arenahard", "wildbench", None):
        assert found["correlation of models", "plain", source].value == pytest.approx(1)
    # The released reader of gold makes B++ a B+; a judge that says so is wrong here.
    small = run(lambda chat: '{"choice": "B+"} [[B>A]]', on="judgerbench-b", data=tmp_path)
    assert small["exact", "plain", None].value == pytest.approx(2 / 10)
    assert small["accuracy", "plain", None].value == pytest.approx(4 / 10)
    silent = run(lambda chat: "?", on="judgerbench-b", data=tmp_path)
    assert (silent["exact", "plain", None].value, silent["exact", "plain", None].n_failed) == (0, 10)
    assert run("gold", on="judgerbench-b-fofo", mode="fofo", data=tmp_path)["exact", "plain", None].value == 1
    (bench / "judgerbench_B.json").write_text(json.dumps([{**rows[0], "dataset_name": "poems"}]))
    with pytest.raises(DataError, match="`poems` is no source"):
        run("gold", on="judgerbench-b", data=tmp_path)


def test_v2(run: Run, bench: Path, tmp_path: Path) -> None:
    draw = random.Random(0)
    rows = [
        {"prompt": f"q{k}", "base_model_response": {"model_name": "base", "response": f"base {k}"},
         "models_response": {"model_name": f"m{m}", "response": f"m{m} {k}"},
         "gold": {"category": category, "lan": "en", "r1_gt": "base" if draw.random() < 0.2 + 0.2 * m else f"m{m}"}}
        for category in ("Knowledge", "safe") for m in range(3) for k in range(100)
    ]  # fmt: skip
    (bench / "judgerbenchv2.json").write_text(json.dumps(rows))
    found = run("gold", on="judgerbench-v2", data=tmp_path)
    for group in ("Knowledge", "safe", None):
        assert found["JudgerBenchV2", "plain", group].value == pytest.approx(100)
    first = run(lambda chat: FORMS["v2"].write(1), on="judgerbench-v2", data=tmp_path)
    assert first["shown first", "plain", None].value == 1
    assert first["accuracy", "plain", None].value == pytest.approx(0.5, abs=0.06)  # the base model's place is balanced
    score = first["JudgerBenchV2", "plain", None].value
    assert score is not None
    assert score < 60
    items = list(CompassJudger(DataFolder(tmp_path), on="judgerbench-v2").items())
    base = [item.authors.index("base") for item in items if isinstance(item, PairItem) and item.group == "safe"]
    places = [base[start : start + 100] for start in (0, 100, 200)]
    assert places[0] == places[1] == places[2]
    assert sum(places[0]) == 50


# -- input --------------------------------------------------------------------------------------------------------------
def test_bad_input(run: Run, data_root: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean `point`"):
        CompassJudger(mode="pont")
    with pytest.raises(InputError, match="judges point items"):
        run("gold", mode="point", on="bundled")
    if (data_root / "llmbar" / "dataset").is_dir():
        assert next(llmbar(DataFolder(data_root))).label in (0, 1)
