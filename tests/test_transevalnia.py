"""transevalnia: released pairs under known judges, verdicts, comments, scores, orders of three, duplicates, files."""

from __future__ import annotations

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
from multiturn.conversation import Conversation, DataError, InputError, UnknownName
from multiturn.engine.data import DataFolder
from multiturn.judges.items import ListItem, PairItem
from multiturn.judges.parse import Parsed, Unparsable
from multiturn.measures.figure import Figure
from multiturn.systems.judge import transevalnia_steps as steps
from multiturn.systems.judge.transevalnia import PIPELINES, TransEvalnia
from multiturn.systems.judge.transevalnia_data import bundled, sample
from multiturn.systems.judge.transevalnia_orders import Order, from_orders

Judge = Callable[[Conversation], str]
Found = dict[tuple[str, str | None], Figure]
RANKING = PIPELINES[:-1]


@pytest.fixture
def run(tmp_path: Path, data_root: Path) -> Callable[..., Found]:
    def go(judge: Judge | str, *settings: str, **options: Any) -> Found:
        made = TransEvalnia(DataFolder(data_root, offline=True), **options)
        found = evaluate(made, judge, settings=settings, store=tmp_path / f"{random.random()}.db")
        return {(f.measure, f.setting): f for f in found.figures if f.group is None}

    return go


@pytest.fixture
def released(data_root: Path) -> str:
    if not (data_root / "transevalnia").is_dir():
        pytest.skip("no released sample")
    return "transevalnia"


def stage(chat: Conversation) -> str:
    text = chat.messages[0].text
    names = {steps.EVALUATE: "evaluate", steps.INTERLEAVE: "interleave", steps.SCORE: "score"}
    return next((name for start, name in names.items() if text.startswith(start)), "rank")


def shown(chat: Conversation) -> dict[int, str]:
    """The translations in a question, by number, in the order in which they are shown."""
    found = re.findall(r"<translation-(\d)>\n(.*?)\n</translation-\d>", chat.messages[0].text, re.S)
    return {int(k): text for k, text in found}


# -- known judges ---------------------------------------------------------------------------------------------------------
def test_the_released_sample(released: str, data_root: Path) -> None:
    items = [i for i in sample(DataFolder(data_root)) if isinstance(i, PairItem)]
    assert len(items) == 10
    assert {i.authors for i in items} == {("reference", "other")}
    assert items[0].label == 0
    assert items[0].extra["scores"] == [0.0540849540098173, 0.309114728014673]


def test_a_judge_that_names_the_first_place(run: Callable[..., Found], released: str) -> None:
    found = run(lambda chat: "Translation 1 is the best.", *RANKING, on=released)
    for setting in RANKING:
        assert found["B", setting].value == 2.0
        assert found["accuracy", setting].value == 0.5
        assert found["accuracy", setting].n_scored == 20
        assert found["shown first", setting].value == 1


def test_a_judge_that_reads_content_only(run: Callable[..., Found], released: str) -> None:
    def longest(chat: Conversation) -> str:
        if stage(chat) == "rank":
            return f"**Translation {max(shown(chat).items(), key=lambda kv: (len(kv[1]), kv[1]))[0]}** is the best."
        return f"It has {len(chat.messages[0].text)} characters."

    found = run(longest, *RANKING, on=released)
    assert {found["B", setting].value for setting in RANKING} == {1.0}
    assert len({found["accuracy", setting].value for setting in RANKING}) == 1


def test_an_oracle_is_right_everywhere(run: Callable[..., Found], released: str) -> None:
    for on in (released, "bundled-translations"):
        found = run("gold", on=on)
        for setting in PIPELINES:
            assert found["accuracy", setting].value == found["correct", setting].value == 1
            assert found["B", setting].value == 1
            assert found["unparsable", setting].value == 0
    assert found["Spearman of scores", "score"].value == pytest.approx(1)


def test_scores_do_not_know_the_order(run: Callable[..., Found], released: str) -> None:
    calls: Counter[str] = Counter()

    def scorer(chat: Conversation) -> str:
        calls[stage(chat)] += 1
        if stage(chat) == "evaluate":
            return "<evaluation>fine</evaluation>"
        return json.dumps({"spans": [{"accuracy": 4}, {"accuracy": 2}], "overall": 1 + len(chat.messages[0].text) % 5})

    found = run(scorer, "score", on=released)
    assert calls == {"evaluate": 20, "score": 20}
    assert found["B", "score"].value == 1
    assert found["accuracy", "score"].n_scored == 10
    assert found["Pearson of scores", "score"].n_scored == 20
    constant = run(lambda chat: '{"overall": 3}', "score", on=released)
    assert constant["accuracy", "score"].value == 0.5
    assert constant["correct", "score"].value == 0.5


def test_probes_use_the_chosen_pipeline(run: Callable[..., Found]) -> None:
    for pipeline in PIPELINES:
        found = run("gold", "plain", "swapped", "relabelled", pipeline=pipeline)
        assert {found["correct", s].value for s in ("plain", "swapped", "relabelled")} == {1}
        assert found["same verdict", "swapped"].value == 1


# -- the pipelines ----------------------------------------------------------------------------------------------------------
def test_calls_of_each_pipeline(run: Callable[..., Found], released: str) -> None:
    expected = {
        "no-reasoning": {"rank": 20}, "one-step": {"rank": 20}, "two-step": {"evaluate": 20, "rank": 20},
        "three-step": {"evaluate": 20, "interleave": 20, "rank": 20}, "score": {"evaluate": 20, "score": 20},
    }  # fmt: skip
    for setting in PIPELINES:
        calls: Counter[str] = Counter()

        def judge(chat: Conversation, calls: Counter[str] = calls, setting: str = setting) -> str:
            calls[stage(chat)] += 1
            answers = {
                "evaluate": "<evaluation>C1</evaluation> and more",
                "interleave": "<interleaved>accuracy\nTranslation 1: mixed\nTranslation 2: mixed</interleaved>",
                "score": '{"overall": 3}', "rank": "Translation 1 is the best.",
            }  # fmt: skip
            text = chat.messages[0].text
            assert "and more" not in text  # what stands outside the tags is not kept
            if stage(chat) == "evaluate":
                assert len(re.findall(r"<translation>", text)) == 1  # each alone
            if setting == "three-step" and stage(chat) == "rank":
                assert "mixed" in text
                assert "C1" not in text
            return answers[stage(chat)]

        run(judge, setting, on=released)
        assert calls == expected[setting]


def test_comments_that_cannot_be_sorted_stay_with_their_translations(run: Callable[..., Found]) -> None:
    seen: list[str] = []

    def judge(chat: Conversation) -> str:
        if stage(chat) == "rank":
            seen.append(chat.messages[0].text)
        return {"evaluate": "<evaluation>C1</evaluation>", "interleave": "no", "rank": "Translation 2 is best"}[stage(chat)]

    found = run(judge, "three-step")
    assert all("<comments-on-translation-1>\nC1" in text for text in seen)
    assert found["B", "three-step"].value == 2
    assert run(judge, "plain")["part: interleaved", "plain"].value == 0


def test_replies_that_cannot_be_read(run: Callable[..., Found]) -> None:
    found = run(lambda chat: "I cannot say.", "no-reasoning", "score")
    assert found["accuracy", "no-reasoning"].value == 0
    assert found["accuracy", "no-reasoning"].n_failed == 16
    assert found["B", "no-reasoning"].value is None
    assert found["correct", "no-reasoning"].value is None
    assert found["unparsable", "no-reasoning"].value == 1
    assert found["B", "score"].value is None
    half = run(lambda chat: "Translation 1 is best" if shown(chat)[1] < shown(chat)[2] else "?", "no-reasoning")
    assert half["B", "no-reasoning"].value == 2
    silent = run(lambda chat: "", "two-step")
    assert silent["accuracy", "two-step"].n_failed == 8
    assert silent["B", "two-step"].n_unmeasured == 8


def test_a_judge_that_never_names_one_is_not_free_of_the_order(run: Callable[..., Found]) -> None:
    found, released = run(lambda chat: "Hm.", "no-reasoning"), run(lambda chat: "Hm.", "no-reasoning", official=True)
    assert found["B", "no-reasoning"].value is None
    assert released["B", "no-reasoning"].value == 1


# -- verdicts -----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("text", "ours", "released"), [
    ("Translation 2 is the best.", 2, 2), ("translation 1 is best", 1, 1), ("**Translation 2** is the best", 2, 2),
    ("Translation **2** is the best", 2, None), ("Translation 2 is **the best**", 2, None), ("", None, None),
    ('"Translation 1" is the best', 1, None), ("TRANSLATION 1 IS THE BEST", 1, None), ("Translation 7 is the best", None, None),
    ("Translation 2 is not the best", None, None), ("Translation 3 is the best", None, None), ("??", None, None),
    ("Translation 1 is the bestseller", None, 1),
    ("Translation 1 is the best here. But all in all Translation 2 is the best.", None, 1),
])  # fmt: skip
def test_which_is_the_best(text: str, ours: int | None, released: int | None) -> None:
    for official, expected in ((False, ours), (True, released)):
        outcome = steps.ranked(text, (1, 2), official=official)
        assert (outcome.value.best if isinstance(outcome, Parsed) else None) == expected


@given(st.text(max_size=400))
def test_no_text_crashes_a_reader(text: str) -> None:
    for outcome in (
        steps.ranked(text, (1, 2)), steps.comments(text), steps.interleaved(f"<interleaved>{text}", (1, 2)), steps.scored(text),
    ):  # fmt: skip
        assert isinstance(outcome, Parsed | Unparsable)


def test_scores_are_read() -> None:
    reply = {"spans": [{"accuracy": 5, "Terminology": 4}, {"accuracy": 2, "missing content": 9}, "x"], "overall": 4}
    outcome = steps.scored(json.dumps(reply))
    assert isinstance(outcome, Parsed)
    assert outcome.value == steps.Scores(4, {"accuracy": 3.5, "terminology": 4})
    for text in ('{"overall": 6}', '{"overall": 4.5}', '{"spans": []}', "fine", '{"overall": 4, "overall": 5}'):
        assert not isinstance(steps.scored(text), Parsed)


# -- more than two, and the same one twice ------------------------------------------------------------------------------------
def row(*translations: str, scores: tuple[float, ...] = (), **more: Any) -> dict[str, Any]:
    names = [f"t{k}" for k in range(len(translations))]
    return {
        "src_text": "Hello", "src_lang": "en", "tgt_lang": "de", "src_lang_long": "English", "tgt_lang_long": "German",
        "translations": list(translations), "translators": names, "human_scores": dict(zip(names, scores, strict=False)), **more,
    }  # fmt: skip


def write(path: Path, *rows: Any) -> str:
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


def test_three_translations(run: Callable[..., Found], tmp_path: Path) -> None:
    on = write(tmp_path / "three.jsonl", row("eins", "zwei", "drei", scores=(0, 1, -1)), row("vier", "acht", scores=(1, 0)))
    asked: list[tuple[str, ...]] = []

    def judge(chat: Conversation) -> str:
        places = {text: k for k, text in shown(chat).items()}
        asked.append(tuple(shown(chat).values()))
        if len(places) == 2:
            return "Translation 1 is the best."
        return f"Translation {places['zwei']} is the best.\nTranslation {places['drei']} is the worst."

    found = run(judge, "no-reasoning", on=on, orders=4)
    assert len(set(asked)) == 4 + 2  # of two there are only two orders
    assert found["B", "no-reasoning"].value == 1.5
    assert found["accuracy", "no-reasoning"].value == pytest.approx(5 / 6)
    # Of three all pairs are in order; of two, called best once each, the pair counts half.
    assert found["correct", "no-reasoning"].value == pytest.approx(0.75)


def test_places_of_a_list() -> None:
    item = ListItem(id="l", answers=("a", "b", "c"))
    orders = [Order((0, 1, 2), 1, 2), Order((2, 1, 0), 1), Order((1, 0, 2), None, cause="judge reply not parsable")]
    found = from_orders(item, orders)
    assert list(found.ranks) == [2, 1, 3]
    assert (found.asked, found.unread) == (3, 1)


def test_the_same_translation_twice(run: Callable[..., Found], tmp_path: Path) -> None:
    on = write(tmp_path / "same.jsonl", row("hallo", "hallo", scores=(1, 0)), row("hallo", "hallo", scores=(0, 0)))

    def first(chat: Conversation) -> str:
        return "Translation 1 is the best."

    assert run(first, "no-reasoning", on=on)["B", "no-reasoning"].value == 1
    assert run(first, "no-reasoning", on=on, official=True)["B", "no-reasoning"].value == 2
    assert run(first, "no-reasoning", on=on)["accuracy", "no-reasoning"].value == 1


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(UnknownName):
        TransEvalnia(None, pipeline="four-step")
    with pytest.raises(InputError, match="orders"):
        TransEvalnia(None, orders=0)
    one, names = row("one"), {**row("a", "b"), "translators": ["x"]}
    for bad, wrong in ((one, "2 to 6"), (names, "1 translators of 2"), ({"src_text": 1}, "line 1: ")):
        with pytest.raises(DataError, match=wrong):
            list(TransEvalnia(DataFolder(offline=True), on=write(tmp_path / "bad.jsonl", bad)).cases())
    unscored = write(tmp_path / "plain.jsonl", row("a", "b"))
    assert [i.label for i in TransEvalnia(DataFolder(offline=True), on=unscored).cases() if isinstance(i, PairItem)] == [None]
    assert Counter(i.label for i in bundled()) == {0: 4, 1: 4}
