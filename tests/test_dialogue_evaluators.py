"""dialogue-evaluators-analysis: released figures, alignment of files, worsened pairs, both modes, ensembles, bad input."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from multiturn import evaluate
from multiturn.conversation import Conversation, DataError, InputError, Message, Odds, Player, Text, UnknownName
from multiturn.engine.data import DataFolder
from multiturn.judges.items import PointItem
from multiturn.measures.figure import Figure
from multiturn.systems.judge import dialogue_evaluators_robust as robust
from multiturn.systems.judge import point_sets
from multiturn.systems.judge.dialogue_evaluators_analysis import ENSEMBLE, DialogueEvaluators
from multiturn.systems.judge.dialogue_evaluators_released import fed_table, self_consistency, turn_mean
from multiturn.systems.judge.point_sets import DIALOGUE, DIALOGUE_SETS, TURN, TURN_SETS
from multiturn.systems.judge.sets import labelled_set

Found = dict[tuple[str, str | None], Figure]


@pytest.fixture
def data(data_root: Path) -> DataFolder:
    if not (data_root / "dialogue-evaluators-analysis").is_dir():
        pytest.skip("no released ratings of Comp-Analysis")
    return DataFolder(data_root, offline=True)


@pytest.fixture
def run(tmp_path: Path, data_root: Path) -> Callable[..., Found]:
    def go(judge: Any, *settings: str, limit: int | None = None, **options: Any) -> Found:
        made = DialogueEvaluators(DataFolder(data_root, offline=True), **{"samples": 1, **options})
        found = evaluate(made, judge, settings=settings, limit=limit, store=tmp_path / f"{random.random()}.db")
        return {(f.measure, f.group): f for f in found.figures if f.setting not in robust.PAIRS}

    return go


def sure(share: Callable[[str], float]) -> Player:
    """A judge that says yes with a probability that depends on what it is asked about."""

    async def speak(chat: Conversation) -> Conversation:
        p = min(max(share(chat.messages[0].text), 1e-6), 1 - 1e-6)
        odds = Odds(((("Yes", math.log(p)), ("No", math.log(1 - p))),))
        return chat.add(Message("assistant", (Text("Yes" if p > 0.5 else "No"), odds)))

    return speak


def inside(text: str, tag: str = "response") -> str:
    return text.split(f"<{tag}>\n")[1].split(f"\n</{tag}>")[0]


# -- released ratings ---------------------------------------------------------------------------------------------------
def test_gpt4_beside_people_on_fed(data: DataFolder) -> None:
    expected = {"coherence": (0.760, 0.719), "engagingness": (0.689, 0.692), "informativeness": (0.615, 0.620),
                "diversity": (0.534, 0.559), "overall": (0.744, 0.725)}  # fmt: skip
    found = fed_table(data)
    for name, (r, rho) in expected.items():
        assert found[name].pearson.value == pytest.approx(r, abs=1e-3)
        assert found[name].spearman.value == pytest.approx(rho, abs=1e-3)
        assert found[name].pearson.n == 125
        # Averaging five samples agrees with people better than one sample does on average.
        assert (found[name].pearson.value or 0) >= sum(found[name].singles) / 5


def test_gpt4_beside_itself(data: DataFolder) -> None:
    expected = {  # coherence, diversity, engagingness, informativeness, overall
        "fed": (0.779, 0.450, 0.765, 0.837, 0.747), "conture": (0.774, 0.411, 0.739, 0.847, 0.763),
        "heval": (0.768, 0.306, 0.574, 0.695, 0.579), "reliable": (0.813, 0.747, 0.738, 0.774, 0.723),
    }  # fmt: skip
    for name, values in expected.items():
        found = self_consistency(data, name)
        said = [found[d] for d in ("coherence", "diversity", "engagingness", "informativeness", "overall")]
        assert said == pytest.approx(list(values), abs=1e-3), name


def test_means_of_the_turn_level_sets(data: DataFolder) -> None:
    expected = {"conture-turn": 1.162, "fed-turn": 2.825, "dailydialog-zhao": 3.204, "persona-zhao": 3.187,
                "topical-usr": 3.144, "persona-usr": 3.770}  # fmt: skip
    assert {name: round(turn_mean(data, name), 3) for name in TURN_SETS} == expected


# -- labelled sets ------------------------------------------------------------------------------------------------------
SIZES = {
    "conture-turn": 1066, "dailydialog-zhao": 900, "persona-zhao": 900, "fed-turn": 375, "topical-usr": 360, "persona-usr": 300,
}  # fmt: skip


def test_ratings_and_lines_of_the_turn_level_sets_align(data: DataFolder) -> None:
    for name, size in SIZES.items():
        ratings = point_sets.turn_ratings(data, name)
        assert {d: len(v) for d, v in ratings.items()} == dict.fromkeys(TURN, size)
        items = list(point_sets.turn_level(data, name=name))
        assert len(items) == len({i.id for i in items}) == size
        assert all(item.turns[-1][0] == "user" for item in items)
        for dimension in TURN:
            found = labelled_set(f"{name}/{dimension}")
            assert found is not None
            for item in found.load(data):
                assert isinstance(item, PointItem)
                assert item.label is not None
                assert item.low <= item.label <= item.high


def test_dialogue_level_sets(data: DataFolder) -> None:
    assert len(TURN_SETS) + len(DIALOGUE_SETS) == 12
    for name, size in {"fed": 125, "fed-gpt4": 125, "conture-dial": 119, "heval-dial": 286}.items():
        found = labelled_set(name)
        assert found is not None
        items = list(found.load(data))
        assert len(items) == size
        assert all("\n" in item.answer for item in items if isinstance(item, PointItem))
    assert [len(point_sets.gpt4(data, name).indices) for name in ("ieval", "see", "reliable")] == [500] * 3
    sampled = labelled_set("persona-see")
    assert sampled is not None
    with pytest.raises(DataError, match=r"persona-see_text\.txt"):  # its texts are not in the sample
        list(sampled.load(data))


def test_a_sampled_set_takes_the_lines_it_names(tmp_path: Path) -> None:
    folder = tmp_path / "dialogue-evaluators-analysis" / "dialog_level"
    folder.mkdir(parents=True)
    (folder / "persona-see_text.txt").write_text("a\tmodel: x\nb\tmodel: y\thuman: z\nc\tmodel: w\n", encoding="utf-8")
    values = {f"{d}_{k}": [k, 5] for d in ("coh", "eng", "inf", "div", "ovr") for k in range(1, 6)}
    (folder / "see_gpt4_annotations.json").write_text(json.dumps({**values, "indices": [1, 2]}), encoding="utf-8")
    items = list(point_sets.dialog_level(DataFolder(tmp_path, offline=True), name="persona-see"))
    assert [(i.id, i.label) for i in items] == [("b", 3), ("c", 5)]
    (folder / "see_gpt4_annotations.json").write_text(json.dumps({**values, "indices": [1, 7]}), encoding="utf-8")
    with pytest.raises(DataError, match="annotations of line 8"):
        list(point_sets.dialog_level(DataFolder(tmp_path, offline=True), name="persona-see"))


# -- worsened pairs -----------------------------------------------------------------------------------------------------
def test_a_judge_of_distinct_words_sees_repetition(run: Callable[..., Found], data: DataFolder) -> None:
    def distinct(text: str) -> float:
        words = re.findall(r"\w+", inside(text).lower())
        return len(set(words)) / max(len(words), 1)

    found = run(sure(distinct), *robust.PAIRS, on="robust-turn/repetition", mode="implicit")
    assert found["robustness", None].n_scored == 40
    assert (found["robustness", None].value or 0) >= 0.95


def test_a_constant_judge_is_robust_on_no_pair(run: Callable[..., Found], data: DataFolder) -> None:
    for options in ({"on": "robust-turn"}, {"on": "robust-dialogue/contradiction"}, {}):
        found = run(lambda chat: '{"score": 4}', *robust.PAIRS, **options)
        figures = [f for (m, _), f in found.items() if m == "robustness"]
        assert figures
        assert all(f.value == 0 for f in figures)
        assert all(f.value == 1 for (m, _), f in found.items() if m == "ties")
    assert found["robustness", None].n_cases > 1  # several pairs are made from one question


def test_kinds_of_pairs(data: DataFolder) -> None:
    found = robust.find("robust-turn")
    assert found is not None
    items = [i for i in found.load(data) if isinstance(i, PointItem)]
    kinds = {(i.extra["worse"][0]["dimension"], i.extra["worse"][0]["kind"]) for i in items}
    assert len(kinds) == 10
    assert len(items) == 40 * 10
    assert len({i.id for i in items}) == len(items)
    same = [i for i in items if (i.answer, i.turns) == (i.extra["worse"][0]["answer"], i.extra["worse"][0]["turns"])]
    assert len(same) == 3  # as released: no judge is robust on these
    assert len(robust.DIALOGUE) == 12
    with pytest.raises(UnknownName, match="did you mean `repetition`"):
        robust.find("robust-turn/repetitions")


def test_dialogues_find_what_they_were_made_from(tmp_path: Path) -> None:
    folder = tmp_path / "dialogue-evaluators-analysis" / "robustness"
    folder.mkdir(parents=True)
    (folder / "fed_coherent_original.json").write_text('[["Hi", "Hello"], ["So", "Well"]]', encoding="utf-8")
    rows = "disengage_00\thuman: Hi\tchatbot: Hm\ndisengage_01\thuman: So\tchatbot: Hm\ndisengage_01\thuman: So\tchatbot: Oh\n"
    (folder / "dialog_level__div__fed-boring_text.txt").write_text(rows, encoding="utf-8")
    (folder / "dialog_level__eng__fed-repeat-self_text.txt").write_text(rows.replace("_01", "_00"), encoding="utf-8")
    data = DataFolder(tmp_path, offline=True)
    dull = [r for r in robust.DIALOGUE if (r.dimension, r.perturbed) == ("diversity", "fed-boring")]
    said = [(i.cluster, i.answer) for i in robust.released(data, "robust-dialogue", dull)]
    hi, so = "human: Hi\nmodel: Hello", "human: So\nmodel: Well"
    assert said == [("fed 0", hi), ("fed 1", so), ("fed 1", so)]
    itself = [r for r in robust.DIALOGUE if r.perturbed == "fed-repeat-self"]
    assert [i.answer for i in robust.released(data, "robust-dialogue", itself)] == [hi, so, hi]
    (folder / "dialog_level__div__fed-boring_text.txt").write_text(rows.replace("_01", "_09"), encoding="utf-8")
    with pytest.raises(DataError, match="2 dialogues"):
        list(robust.released(data, "robust-dialogue", dull))


# -- judges -------------------------------------------------------------------------------------------------------------
def test_people_s_own_ratings_are_full_marks(run: Callable[..., Found]) -> None:
    found = run("gold")
    assert found["error", None].value == 0
    assert found["same side", None].value == 1
    assert found["robustness", None].value == 1
    assert found["Pearson", ENSEMBLE].value == pytest.approx(1)
    implicit = run("gold", mode="implicit")
    assert implicit["same side", None].value == implicit["robustness", None].value == 1


def test_every_dimension_is_asked_in_a_question_of_its_own(run: Callable[..., Found], data: DataFolder) -> None:
    for on, every in (("fed", DIALOGUE), ("fed-turn", TURN)):
        asked: list[str] = []

        def judge(chat: Conversation, asked: list[str] = asked) -> str:
            asked.append(chat.messages[0].text)
            return '{"score": 3}'

        found = run(judge, "plain", on=on, limit=2, samples=5)
        assert len(asked) == 2 * 5 * 5
        for d in every:
            assert sum(f"{d}: {point_sets.DEFINITIONS[d]}" in text for text in asked) == 10
            assert found[f"part: {d}", None].value == 3


def test_samples_are_averaged_and_what_cannot_be_read_stays_out(run: Callable[..., Found]) -> None:
    draw = random.Random(1)
    found = run(lambda chat: draw.choice(['{"score": 2}', '{"score": 4}', "hm"]), "plain", samples=20)
    assert found["part: overall", None].value == pytest.approx(3, abs=0.2)
    assert 0 < (found["unparsable", None].value or 0) < 0.34
    lost = run(lambda chat: "hm", "plain", limit=2, samples=2)
    assert lost["error", None].n_unmeasured == 2
    assert lost["unparsable", None].value == 1


def test_a_panel_is_the_mean_of_its_judges(tmp_path: Path) -> None:
    """Two judges with errors of their own: their mean agrees with people better than either."""
    from multiturn.judges.items import Decision
    from multiturn.systems.judge.bundled_items import points

    class Cast:
        def __init__(self) -> None:
            self.setting, self.repeat, self.stopped, self.facts = "plain", 0, "", {}

        def has(self, role: str) -> bool:
            return role in ("judge", "judge2")

        def player(self, role: str, tools: Any = ()) -> Player:
            async def speak(chat: Conversation) -> Conversation:
                return chat.assistant(json.dumps({"score": 5 if role == "judge2" else 2}))

            return speak

        @property
        def judge(self) -> Player:
            return self.player("judge")

    import asyncio

    item = next(iter(points()))
    decision: Decision = asyncio.run(DialogueEvaluators(None, samples=1).decide(item, Cast()))  # type: ignore[arg-type]
    assert decision.parts["judge1: overall"] == 2
    assert decision.parts["judge2: overall"] == 5
    assert decision.parts["overall"] == decision.value == 3.5
    assert decision.parts[ENSEMBLE] == 3.5
    assert decision.asked == 10


def test_yes_or_no_has_no_other_end_and_pairs_not_asked_have_no_figure(run: Callable[..., Found]) -> None:
    found = run("gold", "plain", "relabelled", mode="implicit")
    assert ("same verdict", None) not in found
    assert run("gold", "plain", "relabelled")["same verdict", None].value == 1
    assert not {"robustness", "ties"} & {measure for measure, _ in found}


def test_random_and_first_words(run: Callable[..., Found]) -> None:
    draw = random.Random(0)
    found = run(lambda chat: f'{{"score": {draw.randint(1, 5)}}}')
    low, high = found["Spearman", None].low, found["Spearman", None].high
    assert low is not None
    assert high is not None
    assert low < 0.4
    assert 0.2 < (found["robustness", None].value or 0) < 0.6  # 2 in 5 by chance: ties fail


# -- bad input ----------------------------------------------------------------------------------------------------------
def test_wrong_options_are_one_line() -> None:
    with pytest.raises(UnknownName, match="did you mean `implicit`"):
        DialogueEvaluators(None, mode="implict")
    with pytest.raises(InputError, match="from 1 to 50"):
        DialogueEvaluators(None, samples=0)


def test_files_that_do_not_align_are_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "dialogue-evaluators-analysis" / "turn_level"
    folder.mkdir(parents=True)
    for word in ("overall", "relevance", "interesting", "specificity", "understandability"):
        (folder / f"turn_{word}_ratings.json").write_text('{"fed-turn": [1.0, 2.0]}', encoding="utf-8")
    (folder / "fed-turn_text.txt").write_text("1\tHi\tHello\n", encoding="utf-8")
    data = DataFolder(tmp_path, offline=True)
    with pytest.raises(DataError, match="1 lines, but 2 ratings"):
        list(point_sets.turn_level(data, name="fed-turn"))
    with pytest.raises(DataError, match="no ratings of persona-usr"):
        point_sets.turn_ratings(data, "persona-usr")
    (folder / "fed-turn_text.txt").write_text("1\tHi\tHello\n2\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 2"):
        list(point_sets.turn_level(data, name="fed-turn"))
    (folder / "fed-turn_text.txt").write_bytes(b"1\t\xff\xfe\n")
    with pytest.raises(DataError, match="fed-turn_text"):
        list(point_sets.turn_level(data, name="fed-turn"))
