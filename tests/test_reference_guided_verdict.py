"""reference-guided-verdict: votes, ties and nulls, early stop, Condorcet, panels of several models, released verdicts."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from itertools import product
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn import evaluate
from multiturn.conversation import Conversation, InputError, UnknownName
from multiturn.engine.data import DataFolder
from multiturn.judges.ask import Answer
from multiturn.judges.panel import majority
from multiturn.measures.agreement import cohen_kappa
from multiturn.measures.figure import Figure
from multiturn.measures.raters import fleiss_kappa, gwet_ac
from multiturn.systems.judge.answer_matching_data import GPQA, GPQA_PEOPLE
from multiturn.systems.judge.reference_guided_verdict import EARLY, ONE, ReferenceGuidedVerdict, lexical, settled
from multiturn.systems.judge.reference_guided_verdict_figures import against_median, condorcet
from multiturn.systems.judge.reference_guided_verdict_released import released_panel

Judge = Callable[[Conversation], str]
Found = dict[tuple[str, str | None, str | None], Figure]
N = 48  # bundled answers, right or wrong


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Found]:
    def go(model: Judge | str, *settings: str, judge: Judge | str | None = None, **options: Any) -> Found:
        store = tmp_path / f"{random.random()}.db"
        found = evaluate(ReferenceGuidedVerdict(**options), model, settings=settings, judge=judge, store=store)
        return {(f.measure, f.setting, f.group): f for f in found.figures}

    return go


def says(word: str) -> str:
    return json.dumps({"reason": "-", "answer": word})


# -- votes ------------------------------------------------------------------------------------------------------------------
def vote(votes: Sequence[float | None], tie: float | None = 0.0) -> float | None:
    return majority([Answer(v) for v in votes], tie=tie).value


def test_majorities_nulls_and_ties() -> None:
    assert vote([1, 1, 0]) == 1
    assert vote([1, None, 1]) == 1
    assert (vote([1, None, 0]), vote([1, None, 0], 1.0), vote([1, None, 0], None)) == (0, 1, None)
    assert vote([None, None, 1]) == 1
    assert vote([None, None, None]) is None


def test_agreement_by_hand() -> None:
    # 2x2 table: both yes 20, first only 5, second only 10, both no 15.
    one = [1] * 25 + [0] * 25
    two = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert cohen_kappa(one, two).value == pytest.approx((0.7 - 0.5) / 0.5)  # p_e = .5 * .6 + .5 * .4
    pi = 55 / 100
    assert fleiss_kappa(list(zip(one, two, strict=True))).value == pytest.approx(
        (0.7 - pi**2 - (1 - pi) ** 2) / (2 * pi * (1 - pi))
    )
    chance = 2 * pi * (1 - pi)
    assert gwet_ac(list(zip(one, two, strict=True))).value == pytest.approx((0.7 - chance) / (1 - chance))


@given(st.lists(st.sampled_from((0.0, 1.0, None)), min_size=2, max_size=9), st.sampled_from((0.0, 1.0, None)))
def test_stopping_early_changes_no_verdict(votes: list[float | None], tie: float | None) -> None:
    n = len(votes)
    asked = n // 2 + 1
    while asked < n and not settled(votes[:asked], n):
        asked += 1
    assert vote(votes[:asked], tie) == vote(votes, tie)


# -- runs ---------------------------------------------------------------------------------------------------------------------
def test_early_stop_is_the_full_panel_for_fewer_calls(run: Callable[..., Found]) -> None:
    draws = random.Random(5)
    found = run(lambda chat: says(draws.choice(("yes", "no"))), "plain", EARLY, ONE)
    assert found["correct", "plain", None].value == found["correct", EARLY, None].value
    split = found["split", "plain", None].value
    assert split is not None
    assert 0.2 < split < 0.8
    assert found["calls", "plain", None].value == 3
    assert found["calls", EARLY, None].value == pytest.approx(2 + split, abs=1e-12)
    assert found["calls", ONE, None].value == 1
    assert found["split", EARLY, None].value == split


def test_perfect_and_constant_panels(run: Callable[..., Found]) -> None:
    gold = run("gold", "plain", EARLY)
    assert gold["correct", "plain", None].value == gold["F1", "plain", None].value == 1
    assert gold["Fleiss among judges", "plain", None].value == 1
    assert gold["calls", EARLY, None].value == 2
    assert gold["accuracy if independent", "plain", None].value == 1
    assert gold["accuracy over the median judge", "plain", None].value == 0
    always = run(lambda chat: says("yes"), "plain")
    assert always["correct", "plain", None].value == 0.5
    assert always["kappa", "plain", None].value == 0
    assert always["recall", "plain", None].value == 0.5
    assert always["Fleiss among judges", "plain", None].value is None  # one label: chance agreement is certain
    assert always["correlation of errors", "plain", None].value == 1
    assert always["exact match agrees", "plain", None].n_scored == N


def test_replies_that_cannot_be_read(run: Callable[..., Found]) -> None:
    nothing = run(lambda chat: "yes and no", "plain", EARLY)
    assert nothing["correct", "plain", None].n_unmeasured == N
    assert nothing["unparsable", "plain", None].value == 1
    assert nothing["calls", EARLY, None].value == 3
    seen: dict[str, int] = {}

    def second_is_mute(chat: Conversation) -> str:
        text = chat.messages[0].text
        seen[text] = seen.get(text, 0) + (len(chat.messages) == 1)
        return "?" if seen[text] == 2 or len(chat.messages) > 1 else says("yes" if seen[text] == 1 else "no")

    tied = run(second_is_mute, "plain")
    assert tied["tie", "plain", None].value == 1
    assert tied["correct", "plain", None].n_unmeasured == 0  # a tie is a no
    assert tied["correct", "plain", None].value == 0.5
    seen.clear()
    unsettled = run(second_is_mute, "plain", tie="none")
    assert unsettled["correct", "plain", None].n_unmeasured == N


def test_a_second_model_sits_on_the_panel(run: Callable[..., Found]) -> None:
    calls: list[str] = []

    def other(chat: Conversation) -> str:
        calls.append("other")
        return says("no")

    found = run(lambda chat: says("yes"), "plain", judge=other)
    assert len(calls) == N
    assert found["part: judge 1", "plain", None].value == found["part: judge 3", "plain", None].value == 1
    assert found["part: judge 2", "plain", None].value == 0
    assert found["most frequent verdict", "plain", None].value == 1
    assert found["correlation of errors", "plain", None].value == pytest.approx(-1 / 3)
    assert {g for m, _, g in found if m == "accuracy"} == {None, "judge 1", "judge 2", "judge 3"}


def test_options_that_make_no_sense() -> None:
    with pytest.raises(UnknownName):
        ReferenceGuidedVerdict(tie="maybe")
    with pytest.raises(InputError, match="from 2 to 101"):
        ReferenceGuidedVerdict(judges=1)
    assert list(ReferenceGuidedVerdict(on="bundled-points").cases()) == []


def test_baselines() -> None:
    assert lexical("The Paris.", "Paris") == {"exact match": True, "token F1": True, "ROUGE-L": True}
    assert lexical("It is Paris, in France", "Paris") == {"exact match": False, "token F1": False, "ROUGE-L": False}


# -- Condorcet ----------------------------------------------------------------------------------------------------------------
@given(st.floats(0, 1), st.sampled_from((1, 3, 5, 7)))
def test_condorcet_is_the_binomial(q: float, n: int) -> None:
    expected = sum(comb(n, k) * q**k * (1 - q) ** (n - k) for k in range(n // 2 + 1, n + 1))
    assert condorcet([q] * n) == pytest.approx(expected, abs=1e-12)


def simulated(rho: float, items: int = 10_000) -> np.ndarray:
    """Three judges of accuracy .8 whose errors correlate by ``rho``: each goes with a common draw with chance sqrt(rho)."""
    rng = np.random.default_rng(7)
    common, own = rng.random((items, 1)) < 0.8, rng.random((items, 3)) < 0.8
    return np.where(rng.random((items, 3)) < np.sqrt(rho), common, own)


def predicted(rho: float) -> float:
    follow, total = np.sqrt(rho), 0.0
    for with_common in product((0, 1), repeat=3):
        weight = float(np.prod([follow if w else 1 - follow for w in with_common]))
        for right in (0, 1):
            q = [float(right) if w else 0.8 for w in with_common]
            total += weight * (0.8 if right else 0.2) * condorcet(q)
    return total


def test_a_panel_of_simulated_judges() -> None:
    assert predicted(0) == pytest.approx(0.896)
    for rho in (0.0, 0.5):
        right = simulated(rho)
        panel = right.sum(axis=1) >= 2
        assert panel.mean() == pytest.approx(predicted(rho), abs=0.01)
        assert np.corrcoef(right[:, 0], right[:, 1])[0, 1] == pytest.approx(rho, abs=0.04)
    assert 0.8 < predicted(0.5) < 0.85


def test_the_panel_against_its_median_judge() -> None:
    right = simulated(0.0, 600)
    labels = [float(x) for x in np.random.default_rng(1).integers(0, 2, 600)]
    votes = [[y if ok else 1 - y for ok in row] for row, y in zip(right, labels, strict=True)]
    panel = [vote(row) for row in votes]
    found = against_median(votes, panel, labels, [str(i) for i in range(600)])
    assert found.difference == pytest.approx(found.panel - np.median(right.mean(axis=0)))
    assert found.low is not None
    assert 0 < found.low < found.difference < (found.high or 0)
    assert against_median(votes[:5], panel[:5], labels[:5], list("abcde")).low is None
    with pytest.raises(ValueError, match="every judge"):
        against_median([[None, 1.0]], [1.0], [1.0], ["a"])


# -- released verdicts ----------------------------------------------------------------------------------------------------------
def test_released_matchers_as_a_panel(data_root: Path) -> None:
    for name in (GPQA[0], *GPQA_PEOPLE):
        if not (data_root / "answer-matching" / name).is_file():
            pytest.skip(f"no released verdicts and ratings ({name})")
    found = released_panel(DataFolder(data_root, offline=True))
    assert found.gap.panel >= found.gap.median
    assert {name: round(a.value or 0, 4) for name, a in found.judges.items()} == {
        "qwen-2.5-7b-instruct": 0.9387, "deepseek-chat-v3-0324": 0.9709, "rule": 0.7975,
    }  # fmt: skip
    assert (round(found.panel.value or 0, 4), found.panel.n, found.panel.clusters) == (0.9555, 652, 182)
    assert (round(found.people.value or 0, 4), found.people.n) == (0.9504, 686)
    assert found.independent > found.gap.panel  # their errors are not independent
