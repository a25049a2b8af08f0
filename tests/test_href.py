"""href: agreement with people left out one by one, win rates, the router, ranks, simple rules, files, the model's own answers."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn import evaluate
from multiturn.conversation import Conversation, DataError, InputError, UnknownName
from multiturn.engine.data import DataFolder
from multiturn.judges.items import PairItem
from multiturn.judges.parse import Parsed
from multiturn.measures.figure import Figure
from multiturn.systems.judge.href import Href
from multiturn.systems.judge.href_agreement import ROUNDS, inner, leaderboard, outer, win_rate
from multiturn.systems.judge.href_items import OURS, Task, bundled, form_of, preferences, stored_verdicts, tasks
from multiturn.systems.judge.href_methods import METHODS, ROUTES, choice, rouge_1, route, similarity

Judge = Callable[[Conversation], str]
Found = dict[tuple[str, str | None, str | None], Figure]


@pytest.fixture
def run(tmp_path: Path, data_root: Path) -> Callable[..., Found]:
    def go(judge: Any, *settings: str, roles: dict[str, Any] | None = None, **options: Any) -> Found:
        made = Href(DataFolder(data_root, offline=True), **options)
        found = evaluate(made, judge, settings=settings, store=tmp_path / f"{random.random()}.db", **(roles or {}))
        return {(f.measure, f.setting, f.group): f for f in found.figures}

    return go


# -- agreement ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("votes", "among", "said", "with_them"), [
    ([1, 1, 1, 2], 0.75, 1, 1.0), ([1, 1, 1, 2], 0.75, 2, 0.0), ([1, 1, 2, 2], 0.0, 1, 0.5), ([0, 1, 2, 2], 1 / 6, 1, 1 / 6),
    ([1, 1, 1, 1], 1.0, -1, 0.0),
])  # fmt: skip
def test_people_are_left_out_one_by_one(votes: list[int], among: float, said: int, with_them: float) -> None:
    assert inner(votes) == pytest.approx(among)
    assert outer(votes, said) == pytest.approx(with_them)


@given(st.lists(st.sampled_from([0, 1, 2]), min_size=2, max_size=6), st.integers(0, 2))
def test_agreement_is_what_drawing_a_mode_gives_on_average(votes: list[int], said: int) -> None:
    modes = []
    for i in range(len(votes)):
        counted = Counter(votes[:i] + votes[i + 1 :])
        modes.append([v for v, n in counted.items() if n == max(counted.values())])
    draws = list(product(*modes))
    # Draws are equally likely: modes of different lengths are drawn from independently.
    assert outer(votes, said) == pytest.approx(np.mean([np.mean([m == said for m in drawn]) for drawn in draws]))
    assert inner(votes) == pytest.approx(np.mean([np.mean([m == v for m, v in zip(d, votes, strict=True)]) for d in draws]))


def test_one_person_agrees_with_nobody() -> None:
    assert inner([1]) is None
    assert outer([], 1) is None


def test_win_rates() -> None:
    assert win_rate(5, 2, 3) == pytest.approx(0.60)
    easy, hard = (9, 0, 1), (1, 0, 1)  # unequal categories: items and categories weigh differently
    micro = win_rate(*(a + b for a, b in zip(easy, hard, strict=True)))
    assert micro == pytest.approx(10 / 12)
    assert (win_rate(*easy) + win_rate(*hard)) / 2 == pytest.approx(0.7)


def test_two_equal_models_share_a_rank() -> None:
    clusters = np.arange(200)
    for rounds in (0, ROUNDS):
        together, apart = 0, 0
        for seed in range(200 if not rounds else 40):
            draws = np.random.default_rng(seed)
            one, two = (draws.choice([0, 0.5, 1], size=200, p=[0.4, 0.1, 0.5]) for _ in range(2))
            weak = draws.choice([0, 0.5, 1], size=200, p=[0.75, 0.1, 0.15])
            points = {"one": (one.tolist(), clusters), "two": (two.tolist(), clusters), "weak": (weak.tolist(), clusters)}
            ranks = {p.name: p.rank for p in leaderboard(points, rounds=rounds)}
            together += ranks["one"] == ranks["two"] == 1
            apart += ranks["weak"] == 3
        assert together >= 0.9 * (200 if not rounds else 40)
        assert apart == (200 if not rounds else 40)


def test_ranks_of_groups() -> None:
    clusters = np.arange(400)
    points = {name: ([1.0] * n + [0.0] * (400 - n), clusters) for name, n in (("a", 300), ("b", 290), ("c", 255), ("d", 100))}
    assert [(p.name, p.rank) for p in leaderboard(points)] == [("a", 1), ("b", 1), ("c", 3), ("d", 4)]
    assert [p.rank for p in leaderboard({"x": ([1.0], np.array([0])), "y": ([0.0], np.array([0]))})] == [1, 1]
    assert leaderboard({}) == []


# -- methods ----------------------------------------------------------------------------------------------------------------
def test_each_category_has_its_method(run: Callable[..., Found]) -> None:
    counted = Counter(ROUTES.values())
    assert counted == {"no-reference": 2, "similarity": 2, "reference": 7}
    assert {ours.category for ours in OURS} == set(ROUTES)
    seen: dict[str, bool] = {}

    def judge(chat: Conversation) -> str:
        text = chat.messages[0].text
        item = next(i for i in bundled() if i.question in text)
        seen[str(item.group)] = "<answer-of-a-person>" in text
        return "tie"

    run(judge, "plain")
    assert {c for c, shown in seen.items() if not shown} == {c for c, m in ROUTES.items() if m == "no-reference"}
    assert {c for c, shown in seen.items() if shown} == {c for c, m in ROUTES.items() if m == "reference"}


def test_a_category_without_a_method_is_refused(tmp_path: Path, run: Callable[..., Found]) -> None:
    assert route("Poetry", "longest") == "longest"
    assert route("Extract", "longest") == "reference"
    for category in ("Poetry", None):
        with pytest.raises(InputError, match="no method for the category"):
            route(category)
    with pytest.raises(UnknownName):
        Href(None, default="best")
    on = write(tmp_path / "p.jsonl", preference(category="Poetry"))
    with pytest.raises(InputError, match="no method for the category `Poetry`"):
        run("gold", "plain", on=on)
    assert run("gold", "plain", on=on, default="longest")["human agreement", "plain", None].n_scored == 1
    bare = write(tmp_path / "q.jsonl", preference(category="Extract", reference=None))
    with pytest.raises(InputError, match="no answer of a person"):
        run("gold", "plain", on=bare)


def test_longest_and_shortest_are_complements(run: Callable[..., Found], data_root: Path) -> None:
    if not (data_root / "llmbar").is_dir():
        pytest.skip("no LLMBar")
    found = run("gold", "longest", "shortest", on="llmbar")
    assert found["correct", "longest", None].n_scored == 419
    groups = {g for measure, _, g in found if measure == "correct"}
    assert len(groups) == 1 + 5
    for group in groups:
        sides = [found["correct", s, group].value or 0 for s in ("longest", "shortest")]
        assert sum(sides) == pytest.approx(1)  # equal lengths count half in both
    assert found["correct", "longest", None].value == pytest.approx(0.2721, abs=1e-4)
    ties = 419 * (1 - sum(found["human agreement", s, None].value or 0 for s in ("longest", "shortest")))
    assert ties == pytest.approx(2)


def test_likeness_by_words() -> None:
    assert rouge_1("the cat sat", "the cat") == pytest.approx(0.8)
    assert rouge_1("", "the cat") == rouge_1("dog", "the cat") == 0
    assert similarity("rouge-l")("a b c", "a c") == pytest.approx(0.8)
    assert similarity("token-f1")("A cat!", "cat") == 1
    assert similarity("difflib:SequenceMatcher") is not None
    for name, wrong in (
        ("bertscore", UnknownName),
        ("nowhere_to_be:found", InputError),
        ("math:pi", InputError),
        (":f", InputError),
    ):
        with pytest.raises(wrong):
            similarity(name)


@pytest.mark.parametrize(("text", "points"), [
    ("A", 1), ("b.", 0), ("**tie**", 0.5), (" B\n", 0), ('{"verdict": "A"}', 1), ("[[B]]", 0), ("A is better than B", None),
    ("C", None), ("", None), ("AB", None), ("a tie", None),
])  # fmt: skip
def test_choices(text: str, points: float | None) -> None:
    outcome = choice(text, ("A", "B"))
    assert (outcome.value if isinstance(outcome, Parsed) else None) == points
    turned = choice(text, ("B", "A"))
    assert (turned.value if isinstance(turned, Parsed) else None) == (None if points is None else 1 - points)


# -- through the system ----------------------------------------------------------------------------------------------------
def test_an_oracle_and_the_rules(run: Callable[..., Found]) -> None:
    found = run("gold")
    for setting in ("plain", "no-reference", "reference", "similarity"):
        assert found["human agreement", setting, None].value == 1
    assert found["human agreement", "longest", None].value == pytest.approx(5 / 11)
    assert found["win rate", "plain", "careful"].value == 1
    assert found["win rate", "plain", "careless"].value == 0
    assert ("win rate", "plain", "baseline") not in found
    for setting in ("swapped", "relabelled"):
        assert run("gold", "plain", setting)["correct", setting, None].value == 1


def test_the_order_is_drawn_unless_both_are_asked(run: Callable[..., Found]) -> None:
    once = run(lambda chat: "A", "no-reference")
    assert once["shown first", "no-reference", None].value == 1
    both = run(lambda chat: "A", "no-reference", both=True)
    assert both["human agreement", "no-reference", None].value == 0  # it ties everywhere, and people never do


def test_replies_that_cannot_be_read_are_losses(run: Callable[..., Found]) -> None:
    found = run(lambda chat: "A and B are fine", "plain")
    assert found["human agreement", "plain", "Rewrite"].value == 0
    assert found["human agreement", "plain", None].n_failed == 9
    assert found["unparsable", "plain", None].value == 1
    assert found["win rate", "plain", "careful"].value == pytest.approx(0.2)  # likeness alone wins one of five
    assert found["correct", "plain", None].n_unmeasured == 9


def test_the_models_own_answers(run: Callable[..., Found]) -> None:
    asked: list[str] = []

    def judge(chat: Conversation) -> str:
        text = chat.messages[0].text
        asked.append(text)
        one = text.split("<answer-A>\n")[1].split("\n</answer-A>")[0]
        return "A" if one in {ours.person for ours in OURS} else "B"

    found = run("gold", "answers", roles={"judge": judge})
    assert found["wins against the baseline", "answers", None].value == 1
    assert found["wins against the baseline", "answers", None].n_scored == 11
    assert found["wins against the baseline", "answers", "Rewrite"].value == 1
    assert found["wins against the baseline", "answers", "mean of categories"].value == 1
    assert len(asked) == 9
    silent = run(lambda chat: "", "answers", roles={"judge": judge})
    assert silent["wins against the baseline", "answers", None].value == 0
    assert silent["wins against the baseline", "answers", None].n_failed == 11
    alone = run("gold", "answers")
    assert alone["wins against the baseline", "answers", None].n_scored == 2  # those by likeness need no judge
    unread = run("gold", "answers", roles={"judge": lambda chat: "?"})
    assert unread["wins against the baseline", "answers", None].n_failed == 9


# -- files --------------------------------------------------------------------------------------------------------------------
def preference(**fields: Any) -> dict[str, Any]:
    return {
        "category": "Extract", "instruction": "i", "output_a": "long answer", "output_b": "short", "generator_a": "m",
        "generator_b": "n", "annotations": [1, 1, 1, 2], "reference": "long answer", **fields,
    }  # fmt: skip


def write(path: Path, *rows: Any) -> str:
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


def test_people_and_stored_verdicts(run: Callable[..., Found], tmp_path: Path) -> None:
    on = write(
        tmp_path / "p.jsonl", preference(), preference(instruction="j", annotations=[1, 1, 2, 2]),
        preference(instruction="k", annotations=[0, 1, 2, 2], category="Brainstorm"), preference(instruction="l"),
    )  # fmt: skip
    items = list(preferences(Path(on)))
    assert [i.label for i in items] == [1, None, 0, 1]
    assert [i.raters for i in items][2] == (0.5, 1, 0, 0)
    assert form_of(Path(on)) == "preference"
    verdict = {"output_1": "short", "generator_1": "n", "output_2": "long answer", "generator_2": "m", "annotator": "x"}
    file = tmp_path / "annotations.json"
    file.write_text(json.dumps([
        {**verdict, "instruction": "i", "preference": 2}, {**verdict, "instruction": "j", "preference": 2.0},
        {**verdict, "instruction": "k", "preference": None},
    ]))  # fmt: skip
    found = run("gold", "plain", "stored", "longest", on=on, verdicts=str(file))
    agrees = found["human agreement", "stored", None]
    assert agrees.value == pytest.approx((1 + 0.5 + 0) / 3)  # what could not be read never agrees
    assert (agrees.n_scored, agrees.n_failed, agrees.n_unmeasured) == (2, 1, 1)  # one pair is not in the file
    assert found["agreement among people", "plain", None].value == pytest.approx((0.75 + 0 + 1 / 6 + 0.75) / 4)
    assert found["human agreement", "longest", "Extract"].value == pytest.approx((1 + 0.5 + 1) / 3)
    assert found["win rate", "plain", "m"].n_scored + found["win rate", "plain", "m"].n_unmeasured == 4
    assert ("win rate", "plain", "n") in found  # neither is the baseline
    with pytest.raises(InputError, match="reads a file of verdicts"):
        list(Href(None, on=on)._stored)


def test_instructions_with_a_baseline(run: Callable[..., Found], tmp_path: Path) -> None:
    on = write(tmp_path / "e.jsonl", *(
        {"category": c, "instruction": f"i{n}", "output": "base", "generator": "strong", "reference": "person"}
        for n, c in enumerate(("Extract", "Extract", "Extract", "Brainstorm"))
    ))  # fmt: skip
    assert form_of(Path(on)) == "evaluation"
    assert [t.baseline for t in tasks(Path(on))] == ["base"] * 4

    def judge(chat: Conversation) -> str:
        """The model wins where a person's answer is shown."""
        text = chat.messages[0].text
        mine = "A" if "<answer-A>\nmine" in text else "B"
        return mine if "<answer-of-a-person>" in text else "tie"

    found = run(lambda chat: "mine", "answers", on=on, roles={"judge": judge})
    assert found["wins against the baseline", "answers", None].value == pytest.approx(3.5 / 4)
    assert found["wins against the baseline", "answers", "mean of categories"].value == pytest.approx(0.75)


def test_bad_files(tmp_path: Path) -> None:
    for bad, wrong in ((preference(annotations=[3]), "3 is none of"), ({"output_a": 1}, "line 1: ")):
        with pytest.raises(DataError, match=wrong):
            list(preferences(Path(write(tmp_path / "p.jsonl", bad))))
    with pytest.raises(DataError, match="cannot read"):
        form_of(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="cannot read"):
        stored_verdicts(tmp_path / "none.json")
    row = {"instruction": "i", "output_1": "a", "output_2": "b", "preference": 3}
    for content, wrong in (("{}", "verdicts.json"), (json.dumps([row]), "record 0, field preference: 3 is none of")):
        (tmp_path / "verdicts.json").write_text(content)
        with pytest.raises(DataError, match=wrong):
            stored_verdicts(tmp_path / "verdicts.json")
    assert isinstance(
        next(iter(tasks(Path(write(tmp_path / "e.jsonl", {"category": "c", "instruction": "i", "output": "o"}))))), Task
    )
    assert all(isinstance(i, PairItem) and i.label is not None for i in bundled())
    assert set(METHODS) <= set(Href(None).settings)
