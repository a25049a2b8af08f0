"""FairEval: data, biased and fair judges with known scores, calibration, entropy, the human in the loop, reading."""

from __future__ import annotations

import asyncio
import math
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from multiturn import evaluate
from multiturn.conversation import Conversation, DataError, InputError
from multiturn.engine.data import DataFolder
from multiturn.judges import panel
from multiturn.judges.ask import Answer
from multiturn.judges.pair import two_scores
from multiturn.judges.parse import Parsed
from multiturn.measures.figure import Figure
from multiturn.measures.verdict import Row, Table
from multiturn.systems.judge.fair_evaluators import FairEvaluators, Pair
from multiturn.systems.judge.fair_evaluators_figures import human_in_the_loop
from multiturn.systems.judge.fair_evaluators_score import last_lines, scored, verdict_of
from multiturn.systems.judge.llmbar import LLMBar
from multiturn.systems.judge.llmbar_released import cells, replay

Scores = tuple[float, float]


@pytest.fixture
def made(data_root: Path) -> FairEvaluators:
    if not (data_root / "fair-evaluators").is_dir():
        pytest.skip("no FairEval data")
    return FairEvaluators(DataFolder(data_root))


@pytest.fixture
def run(made: FairEvaluators, data_root: Path, tmp_path: Path) -> Callable[..., dict[str, Figure]]:
    def go(judge: Callable[[Conversation], str] | str, setting: str, **options: object) -> dict[str, Figure]:
        benchmark = FairEvaluators(DataFolder(data_root), **options)
        found = evaluate(benchmark, judge, settings=[setting], store=tmp_path / "s.db")
        return {f.measure: f for f in found.figures if f.group is None}

    return go


def reply(one: float, two: float) -> str:
    return f"Both are fine.\nScore of assistant 1: {one:g}\nScore of assistant 2: {two:g}"


def answers(chat: Conversation) -> list[str]:
    return [m[2] for m in re.finditer(r"<answer-([12])>\n(.*?)\n</answer-\1>", chat.messages[-1].text, re.S)]


# -- data -------------------------------------------------------------------------------------------------------------
def test_the_human_labels(made: FairEvaluators, data_root: Path) -> None:
    cases = [case for case in made.cases() if isinstance(case, Pair)]
    assert Counter(case.label for case in cases) == {1: 41, -1: 25, 0: 14}
    assert [case.id for case in cases] == [str(i) for i in range(1, 81)]
    back = FairEvaluators(DataFolder(data_root), pair="vicuna-13b/gpt35")
    assert Counter(case.label for case in back.cases() if isinstance(case, Pair)) == {-1: 41, 1: 25, 0: 14}
    other = FairEvaluators(DataFolder(data_root), pair="vicuna-13b/alpaca-13b")
    assert {case.label for case in other.cases() if isinstance(case, Pair)} == {None}


def test_released_verdicts_on_these_items(made: FairEvaluators, data_root: Path) -> None:
    """GPT-4 without rules on the 66 items that people did not tie, from LLMBar's release, whose labels are these people's."""
    cell = [c for c in cells(data_root / "llmbar" / "verdicts.jsonl") if c.subset == "Processed/FairEval"]
    (vanilla,) = [c for c in cell if (c.base_llm, c.strategy) == ("GPT-4", "Vanilla_NoRules")]
    found = {f.measure: f for make in LLMBar.figures for f in make(replay([vanilla])["GPT-4"]) if f.group is None}
    assert found["accuracy"].value == pytest.approx(0.727, abs=0.0005)
    assert found["agreement"].value == pytest.approx(0.697, abs=0.0005)
    people = [case.label for case in made.cases() if isinstance(case, Pair) and case.label]
    processed = list(LLMBar(DataFolder(data_root), sets="processed").cases())[:66]
    texts = {(case.question, case.answers): case.label for case in made.cases() if isinstance(case, Pair) and case.label}
    assert len(people) == len(processed) == 66
    for item in processed:
        label = texts.get((item.instruction, item.outputs))  # type: ignore[attr-defined]
        if label is None:
            label = -texts[item.instruction, item.outputs[::-1]]  # type: ignore[attr-defined, operator]
        assert label == {1: 1, 2: -1}[item.label]  # type: ignore[attr-defined]


# -- scripted judges --------------------------------------------------------------------------------------------------
def test_a_judge_that_favours_the_first_place(run: Callable[..., dict[str, Figure]]) -> None:
    vanilla = run(lambda chat: reply(8, 6), "vanilla")
    assert vanilla["conflict"].value == 1
    assert vanilla["conflict"].n_scored == 80
    assert (vanilla["wins shown first"].value, vanilla["wins shown second"].value) == (1, 0)
    assert vanilla["correct"].value == pytest.approx((41 + 25) / 160)
    balanced = run(lambda chat: reply(8, 6), "vanilla-bpc")
    assert balanced["correct"].value == pytest.approx(14 / 80)  # every item is a tie
    assert balanced["bpde"].value == pytest.approx(math.log(2))
    many = run(lambda chat: reply(8, 6), "mec-bpc")
    assert many["bpde"].value == pytest.approx(math.log(2))


def test_a_judge_without_noise_or_bias(run: Callable[..., dict[str, Figure]]) -> None:
    def fair(chat: Conversation) -> str:
        one, two = answers(chat)
        return reply(5 + (len(one) > len(two)), 5 + (len(two) > len(one)))

    for setting in ("vanilla", "mec", "mec-bpc"):
        found = run(fair, setting)
        assert found["conflict"].value == 0
        assert found["bpde"].value == 0


def test_the_gold_judge_and_the_human_in_the_loop(run: Callable[..., dict[str, Figure]]) -> None:
    gold = run("gold", "mec-bpc")
    assert (gold["correct"].value, gold["kappa"].value, gold["conflict"].value) == (1, 1, 0)
    everything = run(lambda chat: reply(8, 6), "mec-bpc", human_share=1.0)
    assert everything["correct, human in the loop"].value == 1
    assert everything["kappa, human in the loop"].value == 1
    nothing = run(lambda chat: reply(8, 6), "mec-bpc", human_share=0.0)
    assert nothing["correct, human in the loop"].value == nothing["correct"].value
    some = run(lambda chat: reply(8, 6), "mec-bpc")  # all equally unsettled: the first 16 of 80
    assert "people decide 16 of 80" in some["correct, human in the loop"].note


def test_unreadable_scores_are_left_out_and_counted(run: Callable[..., dict[str, Figure]]) -> None:
    turn = iter(range(10**6))
    found = run(lambda chat: reply(9, 1) if next(turn) % 3 else "dunno", "mec-bpc")
    assert found["unparsable"].value == pytest.approx(1 / 3, abs=0.01)
    assert found["correct"].n_unmeasured == 0
    silent = run(lambda chat: "", "vanilla")
    assert silent["correct"].value == 0
    assert silent["correct"].n_failed == 160
    assert silent["conflict"].n_unmeasured == 80
    assert silent["correct, human in the loop"].value == pytest.approx(0.2)


def test_without_labels_conflicts_are_still_measured(run: Callable[..., dict[str, Figure]]) -> None:
    found = run(lambda chat: reply(8, 6), "vanilla", pair="vicuna-13b/alpaca-13b")
    assert found["conflict"].value == 1
    assert found["correct"].value is None
    assert found["correct"].n_unmeasured == 160
    assert found["kappa"].value is None


# -- calibration ------------------------------------------------------------------------------------------------------
def test_entropy() -> None:
    assert panel.diversity_entropy([1, 1, 1, -1, -1, -1]) == pytest.approx(0.6931, abs=5e-5)
    assert panel.diversity_entropy([1, 1, 0, 0, -1, -1]) == pytest.approx(1.0986, abs=5e-5)
    assert panel.diversity_entropy([0] * 6) == 0
    assert math.copysign(1, panel.diversity_entropy([1])) == 1


def test_the_most_unsettled_are_given_to_people() -> None:
    rows = []
    for i, (said, label, entropy) in enumerate([(1, -1, 0.9), (1, 1, 0.0), (1, -1, 0.1), (0, -1, 0.6)]):
        for measure, value in (("verdict", said), ("label", label), ("bpde", entropy)):
            rows.append(Row(f"c{i}", f"c{i}", "mec-bpc", 0, "", 0, "both", measure, value, 0, ""))
    value = {share: next(iter(human_in_the_loop(share)(Table.of(rows)))).value for share in (0.0, 0.25, 0.5, 1.0)}
    assert value == {0.0: 0.25, 0.25: 0.5, 0.5: 0.75, 1.0: 1.0}


def test_calibration_mends_a_biased_noisy_judge() -> None:
    """Over 200 seeds: both orders of three samples beat three samples, which beat one."""
    right: Counter[str] = Counter()
    total = 200 * 20
    for seed in range(200):
        chance = random.Random(seed)
        for _ in range(20):
            quality = {"x": chance.gauss(0, 1), "y": chance.gauss(0, 1)}
            truth = panel.outcome((quality["x"], quality["y"]))

            async def judge(
                a: str, b: str, quality: dict[str, float] = quality, chance: random.Random = chance
            ) -> Answer[Scores]:
                return Answer((quality[a] + 0.7 + chance.gauss(0, 1), quality[b] + chance.gauss(0, 1)))

            for name, samples in (("one", panel.evidence(judge, 1)), ("mec", panel.evidence(judge, 3)),
                                  ("mec-bpc", panel.balanced(panel.evidence(judge, 3)))):  # fmt: skip
                right[name] += verdict_of(asyncio.run(_now(samples))) == truth
    assert right["mec-bpc"] / total > right["mec"] / total + 0.02
    assert right["mec"] / total > right["one"] / total + 0.02


async def _now(samples: panel.Samples) -> list[Answer[Scores]]:
    return await samples("x", "y")


def test_panels() -> None:
    lost: Answer[float] = Answer(None, cause="judge reply not parsable")
    assert panel.mean([Answer(1.0), lost, Answer(2.0)]).value == 1.5
    assert panel.mean([lost]).cause == "judge reply not parsable"
    assert panel.majority([Answer("A"), Answer("B"), Answer("A")]).value == "A"
    assert panel.majority([Answer("A"), Answer("B")]).cause == panel.SPLIT
    assert panel.majority([Answer("A"), Answer("B")], tie="C").value == "C"
    assert panel.majority([]).cause == "nobody was asked"
    asked = []

    async def decide() -> Answer[str]:
        asked.append(1)
        return Answer("B")

    assert asyncio.run(panel.arbiter([Answer("A"), Answer("A")], decide)).value == "A"
    assert not asked
    assert asyncio.run(panel.arbiter([Answer("A"), Answer("B")], decide)).value == "B"
    assert panel.calibrated([Answer((8.0, 6.0)), Answer(None), panel.swap(Answer((8.0, 6.0)))]).value == (7.0, 7.0)


# -- reading ----------------------------------------------------------------------------------------------------------
def test_reading_two_scores() -> None:
    assert two_scores(reply(8, 6.5)) == Parsed((8.0, 6.5), reply(8, 6.5))
    assert isinstance(two_scores("**Assistant 1**: **8/10**\n\nAssistant 2: 6.\n\n"), Parsed)
    first = two_scores("A: 8\nB: 6\nI gave reasons: 3\n", last=False)
    assert isinstance(first, Parsed)
    assert first.value == (8, 6)
    for text in ("", "8 6", "Score: 8", "A: 11\nB: 3", "A: x\nB: y", "A: 1\nB: 2" + " " * 200_000):
        assert not isinstance(two_scores(text), Parsed), text[:20]
    released = last_lines("reasons\nAssistant 1: 12\nAssistant 2: 3.5")
    assert isinstance(released, Parsed)
    assert released.value == (12, 3.5)
    assert not isinstance(last_lines("Assistant 1: 12\nAssistant 2: 3.5\n"), Parsed)  # a blank last line breaks it
    assert verdict_of([Answer(None)]) is None
    assert [v.value for v in scored(None, [Answer((2.0, 2.0))], [Answer((2.0, 2.0))], True) if v.measure == "verdict"] == [0]


def test_bad_options_and_files(tmp_path: Path, data_root: Path) -> None:
    for options in ({"k": 0}, {"human_share": 1.5}, {"pair": "gpt35"}):
        with pytest.raises(InputError):
            FairEvaluators(DataFolder(data_root), **options)
    with pytest.raises(DataError, match="answer_nobody"):
        list(FairEvaluators(DataFolder(data_root, offline=True), pair="gpt35/nobody").cases())
    folder = tmp_path / "fair-evaluators"
    folder.mkdir()
    for name in ("question.jsonl", "answer_gpt35.jsonl", "answer_vicuna-13b.jsonl"):
        (folder / name).write_text('{"question_id": 1, "text": "t", "category": "c"}\n')
    (folder / "review_gpt35_vicuna-13b_human.txt").write_text("CHATGPT\nTIE\n")
    with pytest.raises(DataError, match="expected 1 lines"):
        list(FairEvaluators(DataFolder(tmp_path)).cases())
    (folder / "question.jsonl").write_text("{}\nnot json\n")
    with pytest.raises(DataError, match="line 1"):
        list(FairEvaluators(DataFolder(tmp_path)).cases())
