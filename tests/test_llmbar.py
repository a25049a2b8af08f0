"""LLMBar: every released cell, scripted judges with known scores, the strategies' calls, reading, bad files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from multiturn import evaluate
from multiturn.conversation import Conversation, DataError, UnknownName
from multiturn.engine.data import DataFolder
from multiturn.measures.figure import Figure
from multiturn.measures.verdict import Table
from multiturn.systems.judge.llmbar import STRATEGIES, SUBSETS, LLMBar
from multiturn.systems.judge.llmbar_released import STRATEGY, Released, cells, replay
from multiturn.systems.judge.llmbar_score import from_scores, picked, scored, turned


@pytest.fixture(scope="module")
def released(data_root: Path) -> list[Released]:
    path = data_root / "llmbar" / "verdicts.jsonl"
    if not path.is_file():
        pytest.skip(f"no {path}")
    return list(cells(path))


@pytest.fixture(scope="module")
def replayed(released: list[Released]) -> dict[str, Table]:
    return replay(released)


def percent(text: float | str) -> float:
    return float(str(text).rpartition("=")[2].strip(" %")) / 100


# -- the released judgements --------------------------------------------------------------------------------------------
def test_every_released_cell_recomputes(released: list[Released]) -> None:
    assert len(released) == 499
    for cell in released:
        values: dict[str, list[float]] = {}
        for label, one, two in zip(cell.labels, cell.winner_original, cell.winner_swapped, strict=True):
            for v in scored(label, int(one) if one else None, int(two) if two else None):
                values.setdefault(v.measure, []).append(v.value or 0.0)
        for measure, official in (("accuracy", "correct_average"), ("agreement", "equal"), ("both", "correct_both")):
            assert sum(values[measure]) / cell.n == pytest.approx(percent(cell.official[official]), abs=1e-9)
    assert sum(w is None for c in released for w in (*c.winner_original, *c.winner_swapped)) == 348


def test_every_published_figure(replayed: dict[str, Table]) -> None:
    found: dict[tuple[str, str, str | None, str | None], Figure] = {}
    for judge, table in replayed.items():
        for make in LLMBar.figures:
            found |= {(judge, f.measure, f.setting, f.group): f for f in make(table)}
    assert len(LLMBar.published) == 8 * 11 + 6
    for cell in LLMBar.published:
        figure = found[cell.model, cell.measure, cell.setting, cell.group]
        assert figure.value == pytest.approx(cell.value, abs=0.000501), cell
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low < figure.value < figure.high or figure.value == 1
    average = found["GPT-4", "accuracy", "no-rules", "Average"]
    assert average.n_cases == 419
    # The released kappa of both orders holds where no verdict is missing; that with the labels mixes two codings (0.26 here).
    assert found["GPT-4", "kappa of orders", "no-rules", "Natural"].value == pytest.approx(0.9389747762408462)
    kappa = found["GPT-4", "kappa", "cot", "Natural"]
    assert kappa.value is not None
    assert kappa.value > 0.85
    assert "base rate 0.580" in kappa.note


# -- scripted judges ----------------------------------------------------------------------------------------------------
Judge = Callable[[Conversation], str]


@pytest.fixture
def run(data_root: Path, tmp_path: Path) -> Callable[..., dict[tuple[str, str | None], Figure]]:
    if not (data_root / "llmbar" / "dataset").is_dir():
        pytest.skip("no LLMBar data")

    def go(judge: Judge | str, setting: str = "vanilla", **options: object) -> dict[tuple[str, str | None], Figure]:
        benchmark = LLMBar(DataFolder(data_root))
        found = evaluate(benchmark, judge, settings=[setting], store=tmp_path / "s.db", **options)  # type: ignore[arg-type]
        return {(f.measure, f.group): f for f in found.figures}

    return go


def always_a(chat: Conversation) -> str:
    return "Output (a)"


def test_always_the_first_is_a_coin_that_never_agrees(run: Callable[..., dict[tuple[str, str | None], Figure]]) -> None:
    found = run(always_a)
    for subset in SUBSETS:
        assert found["accuracy", subset].value == 0.5
        assert found["agreement", subset].value == 0
        assert found["both", subset].value == 0
        assert found["first", subset].value == 1
    assert found["accuracy", None].n_cases == 419
    assert found["accuracy", "Average"].value == 0.5


@pytest.mark.parametrize("setting", ["vanilla", "metrics-reference", "swap-cot", "rating", "2-shot"])
def test_the_gold_judge(run: Callable[..., dict[tuple[str, str | None], Figure]], setting: str) -> None:
    found = run("gold", setting, limit=8)
    for measure in ("accuracy", "agreement", "both", "kappa"):
        assert found[measure, None].value == 1, measure
    assert found["unparsable", None].value == 0


def test_equal_scores_are_half_right_and_disagree(run: Callable[..., dict[tuple[str, str | None], Figure]]) -> None:
    found = run(lambda chat: "7", "rating", limit=20)
    assert found["accuracy", None].value == 0.5
    assert found["agreement", None].value == 0


def test_silence_is_wrong_and_counted(run: Callable[..., dict[tuple[str, str | None], Figure]]) -> None:
    found = run(lambda chat: "I like both!", limit=5)
    assert found["accuracy", None].value == 0
    assert found["accuracy", None].n_failed == 25
    assert found["agreement", None].value == 1  # as in the released statistics: none and none are equal
    assert found["unparsable", None].value == 1


def test_swap_asks_again_only_where_explained_verdicts_contradict(
    run: Callable[..., dict[tuple[str, str | None], Figure]],
) -> None:
    asked: list[str] = []

    def judge(chat: Conversation) -> str:
        """Prefers what stands first when the first output is long; in the second stage, always (b)."""
        text = chat.messages[-1].text
        asked.append(text)
        if "review-a" in text:
            return "Output (b)"
        outputs = re.findall(r"<output-([ab])>\n(.*?)\n</output-\1>", text, re.S)
        lengths = {letter: len(output) for letter, output in outputs}
        if min(lengths.values()) > 300:
            return "Output (a) beats Output (b). Therefore, Output (a) is better."
        return f"Therefore, Output ({max(lengths, key=lambda k: lengths[k])}) is better."

    found = run(judge, "swap", limit=12)
    items = found["accuracy", None].n_cases
    debates = [text for text in asked if "review-a" in text]
    conflicts = len(debates) // 2
    assert 0 < conflicts < items
    assert len(asked) == 2 * items + 2 * conflicts
    for text in debates:
        # Each reviewer argues for the output it stands beside, in the names of what is shown.
        for letter in "ab":
            review = re.search(rf"<review-{letter}>\n(.*?)\n</review-{letter}>", text, re.S)
            assert review is not None
            assert picked(review[1], explained=True) == "ab".index(letter) + 1


def test_hints_cost_one_call_each(run: Callable[..., dict[tuple[str, str | None], Figure]]) -> None:
    calls: Counter[str] = Counter()

    def judge(chat: Conversation) -> str:
        text = chat.messages[-1].text
        kind = "compare" if "<output-a>" in text else "metrics" if "questions about an output" in text else "reference"
        calls[kind] += 1
        if kind == "compare":
            assert "<questions>\nWHY?" in text
            assert "<reference>\nBECAUSE" in text
        return {"compare": "Output (b)", "metrics": "WHY?", "reference": "BECAUSE"}[kind]

    run(judge, "metrics-reference", limit=1)
    assert calls == {"compare": 10, "metrics": 5, "reference": 5}


# -- reading ------------------------------------------------------------------------------------------------------------
def test_reading_verdicts() -> None:
    assert picked("Output (a)", False) == 1
    assert picked("My answer:\n **Output (b)**", False) == 2
    assert picked("Output (a)\nOutput (b)", False) is None
    assert picked("Output (a)\nOutput (b)", False, official=True) == 1
    assert picked("I say Output (a)", False) is None
    assert picked("… Therefore, Output (b) is better.", True) == 2
    assert picked("Output (b) is better. No: Output (a) is better.", True) is None
    assert picked("Output (b) is better. No: Output (a) is better.", True, official=True) == 1
    assert picked("", True) is None
    assert picked("\x00" * 10**6, False) is None
    assert from_scores(9, 3) == [1, 1]
    assert from_scores(3, 9) == [2, 2]
    assert from_scores(3, 3) == from_scores(None, 9) == [1, 2]
    assert turned("Output (a) > Output (b)", True) == "Output (b) > Output (a)"
    assert set(STRATEGY.values()) == set(STRATEGIES)


def test_bad_files_and_options(tmp_path: Path, data_root: Path) -> None:
    folder = tmp_path / "llmbar" / "dataset"
    folder.mkdir(parents=True)
    (folder / "LLMBar__Natural.json").write_text("[]")
    with pytest.raises(DataError, match="not the published file"):
        list(LLMBar(DataFolder(tmp_path, offline=True)).cases())
    with pytest.raises(UnknownName, match="did you mean `processed`"):
        list(LLMBar(DataFolder(tmp_path), sets="procesed").cases())
    (tmp_path / "verdicts.jsonl").write_text('{"subset": 3}\n')
    with pytest.raises(DataError, match="line 1"):
        list(cells(tmp_path / "verdicts.jsonl"))
    everything = Counter(case.group for case in LLMBar(DataFolder(data_root), sets="all").cases())
    assert list(everything.values()) == [100, 134, 92, 47, 46, 66, 200, 200]
