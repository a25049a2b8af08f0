"""repeated-ranking: concordance, Borda, the filter, preference pairs, and judges of known noise."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from multiturn import evaluate
from multiturn.conversation import Conversation, InputError, UnknownName
from multiturn.judges.items import ListItem
from multiturn.learning.export import preference_row
from multiturn.measures.concordance import concordance
from multiturn.measures.figure import Figure
from multiturn.systems.judge import bundled_items
from multiturn.systems.judge.repeated_ranking import RepeatedRanking, shuffled, unshuffled
from multiturn.systems.judge.repeated_ranking_choice import best_and_worst, borda, kept, preferences, training_pairs

Judge = Callable[[Conversation], str]
Found = dict[tuple[str, str | None, str | None], Figure]
WORTH = {a: v for q in bundled_items.QUESTIONS for a, v in zip(q.answers, bundled_items.VALUES, strict=True)}
ITEM = ListItem(id="x", turns=(("system", "s"), ("user", "u")), answers=("one", "two", "three"))


def shown(chat: Conversation) -> list[str]:
    """The answers of a question, in the order in which they are shown."""
    return re.findall(r"<answer-[A-Z]>\n(.*?)\n</answer-[A-Z]>", chat.messages[0].text, re.S)


def says(order: list[int]) -> str:
    return json.dumps({"ranking": " > ".join("ABCDEFG"[i] for i in order)})


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Found]:
    def go(judge: Judge | str, *settings: str, **options: Any) -> Found:
        found = evaluate(RepeatedRanking(**options), judge, settings=settings, store=tmp_path / f"{random.random()}.db")
        return {(f.measure, f.setting, f.group): f for f in found.figures}

    return go


# -- the statistic ------------------------------------------------------------------------------------------------------
def test_concordance_of_known_rankings() -> None:
    assert concordance([[1, 2, 3, 4]] * 5).w == 1
    assert concordance([np.roll(np.arange(1, 6), k) for k in range(5)]).w == pytest.approx(0, abs=1e-12)


@given(st.integers(2, 6), st.integers(2, 8), st.integers(0, 10_000))
def test_concordance_against_the_definition_with_ties(m: int, n: int, seed: int) -> None:
    scores = np.random.default_rng(seed).integers(0, 4, (m, n))
    ranks = np.array([rankdata(row) for row in scores])
    ties = sum(sum(int(t) ** 3 - int(t) for t in np.unique(row, return_counts=True)[1]) for row in ranks)
    below = m * m * (n**3 - n) - m * ties
    w = concordance(scores).w
    if below == 0:
        assert w is None
    else:
        assert w == pytest.approx(12 * ((ranks.sum(0) - m * (n + 1) / 2) ** 2).sum() / below, abs=1e-12)


def test_the_link_with_spearman() -> None:
    ranks = np.array([np.random.default_rng(s).permutation(7) for s in range(5)])
    rho = np.mean([spearmanr(ranks[i], ranks[j])[0] for i in range(5) for j in range(i)])
    found = concordance(ranks)
    assert found.w is not None
    assert found.rho == pytest.approx(rho)
    assert rho == pytest.approx((5 * found.w - 1) / 4)


# -- choosing -----------------------------------------------------------------------------------------------------------
def test_borda_and_its_ties() -> None:
    assert borda([[1, 2, 3], [1, 3, 2]]).tolist() == [4, 1, 1]
    assert best_and_worst([[1, 2, 3], [1, 3, 2]]) == (0, 1)  # two are worst, each before the other once: the first shown
    assert best_and_worst([[1, 2, 3], [3, 2, 1]]) is None
    # Things 0 and 1 have 6 points each; 1 stood before 0 in two of three rankings.
    three = [[1, 4, 2, 3], [2, 1, 3, 4], [3, 1, 2, 4]]
    assert borda(three).tolist() == [6, 6, 5, 1]
    assert best_and_worst(three) == (1, 3)


@given(st.lists(st.floats(0, 1).map(lambda v: round(v, 1)), min_size=1, max_size=40), st.sampled_from((0.25, 0.5, 0.75, 1.0)))
def test_the_filter_is_inclusive_at_its_threshold(w: list[float], share: float) -> None:
    mask = kept(w, share)
    wanted = math.ceil(share * len(w) - 1e-9)
    threshold = sorted(w, reverse=True)[wanted - 1]
    assert mask.tolist() == [v >= threshold for v in w]
    assert mask.sum() >= wanted
    assert kept([*w, float("nan")], share).tolist() == [*mask.tolist(), False]


def test_how_many_prompts_are_kept_of_the_published_number() -> None:
    w = np.random.default_rng(0).permutation(2714) / 2714  # no ties
    assert [int(kept(w, s).sum()) for s in (0.25, 0.5, 0.75, 1.0)] == [679, 1357, 2036, 2714]
    granular = np.repeat([1.0, 0.9, 0.8, 0.2], [100, 30, 50, 20])
    assert [int(kept(granular, s).sum()) for s in (0.25, 0.5, 0.51, 0.75)] == [100, 100, 130, 180]
    with pytest.raises(ValueError, match="share"):
        kept(w, 0)


def test_pairs_for_training() -> None:
    (made,) = preferences(ITEM, [[1, 2, 3], [1, 3, 2], [2, 1, 3]])
    row = preference_row(made)
    assert row["chosen"] == [{"role": "assistant", "content": "one"}]
    assert row["rejected"] == [{"role": "assistant", "content": "three"}]
    assert [m["role"] for m in row["prompt"]] == ["system", "user"]
    assert (row["chosen_score"], row["rejected_score"]) == (5, 1)
    each = [(p.chosen.reply, p.rejected.reply) for p in preferences(ITEM, [[1, 2, 3], [1, 3, 2], [2, 2, 2]], "each")]
    assert each == [("one", "three"), ("one", "two")]
    assert preferences(ITEM, [[2, 2, 2]]) == []
    with pytest.raises(UnknownName):
        preferences(ITEM, [[1, 2, 3]], "all")  # type: ignore[arg-type]


@given(st.permutations(range(5)))
def test_ranks_come_back_to_their_answers(order: list[int]) -> None:
    item = ListItem(id="x", answers=tuple("abcde"))
    seen = shuffled(item, order).answers
    ranks = tuple(float(1 + "abcde".index(a)) for a in seen)  # a is best wherever it stands
    assert unshuffled(ranks, order) == [1, 2, 3, 4, 5]


# -- simulated judges -----------------------------------------------------------------------------------------------------
def test_consistent_prompts_have_better_pairs_and_five_rankings_beat_one() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        right: dict[str, list[bool]] = {"all": [], "single": []}
        w, hits = [], []
        for _ in range(400):
            worth = rng.normal(0, 1, 7)
            noise = rng.uniform(0.3, 4)
            seen = worth + rng.gumbel(0, noise, (5, 7))  # sorted scores with Gumbel noise are Plackett-Luce rankings
            ranks = np.array([rankdata(-row) for row in seen])
            for name, rows in (("all", ranks), ("single", ranks[:1])):
                ends = best_and_worst(rows)
                right[name].append(ends is not None and bool(worth[ends[0]] > worth[ends[1]]))
            w.append(concordance(ranks).w or 0.0)
            hits.append(right["all"][-1])
        top = np.array(hits)[kept(w, 0.5)].mean()
        assert top > np.mean(right["all"]) > np.mean(right["single"])


def test_a_judge_of_places_is_found_by_shuffling(run: Callable[..., Found]) -> None:
    rng = np.random.default_rng(0)
    random_w = [concordance([rng.permutation(7) for _ in range(5)]).w for _ in range(2000)]
    assert np.mean(random_w) == pytest.approx(0.2, abs=0.01)
    found = run(lambda chat: says([0, 1, 2, 3]), "plain", "unshuffled", repeats=20)
    assert found["W", "unshuffled", None].value == 1
    assert found["W", "plain", None].value == pytest.approx(1 / 20, abs=0.03)


def test_a_sure_judge_and_a_noisy_one(run: Callable[..., Found]) -> None:
    gold = run("gold", "plain", "single", "swapped", "unshuffled")
    for setting in ("plain", "single", "swapped", "unshuffled"):
        assert gold["correct", setting, None].value == 1
        assert gold["best over worst", setting, None].value == 1
    assert gold["W", "plain", None].value == 1
    assert ("W", "single", None) not in gold
    assert gold["prompts kept", "plain", "top 25 %"].value == 12  # all are tied
    draws = random.Random(3)

    def noisy(chat: Conversation) -> str:
        seen = [WORTH[a] + draws.gauss(0, 2.5) for a in shown(chat)]
        return says(sorted(range(4), key=lambda i: -seen[i]))

    found = run(noisy, "plain", "single")
    assert 0.2 < (found["W", "plain", None].value or 0) < 1
    assert (found["correct", "plain", None].value or 0) > (found["correct", "single", None].value or 0)
    assert found["prompts kept", "plain", "top 50 %"].value in range(6, 9)


def test_rankings_that_are_no_rankings(run: Callable[..., Found]) -> None:
    asked = []

    def judge(chat: Conversation) -> str:
        asked.append(len(chat.messages))
        return '{"ranking": "A > B > C"}' if len(chat.messages) == 1 else '{"ranking": "A > B > C > D"}'

    found = run(judge, "plain")
    assert asked.count(1) == asked.count(3) == 60  # each was rejected and asked for again, once
    assert found["unparsable", "plain", None].value == 0
    for reply in ('{"ranking": "A > A > B > C"}', "A is best", ""):
        nothing = run(lambda chat, reply=reply: reply, "plain")
        assert nothing["unparsable", "plain", None].value == 1
        assert nothing["W", "plain", None].n_unmeasured == 12
        assert nothing["correct", "plain", None].n_unmeasured == 12
    draws = random.Random(1)
    some = run(lambda chat: says([0, 1, 2, 3]) if draws.random() < 0.6 else "no", "plain")
    assert some["W", "plain", None].n_unmeasured > 0  # not all five could be read
    assert some["correct", "plain", None].n_unmeasured == 0


def test_the_share_kept_is_reported_by_language(run: Callable[..., Found], tmp_path: Path) -> None:
    path = tmp_path / "lists.jsonl"
    rows = [{"id": f"{lang}{n}", "prompt": "?", "group": lang, "answers": [f"{lang} {x}" for x in "abc"], "labels": [3, 2, 1]}
            for lang in ("de", "ja") for n in range(8)]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)))
    draws = random.Random(0)

    def judge(chat: Conversation) -> str:
        answers = shown(chat)
        sure = answers[0].startswith("de")
        order = sorted(range(3), key=lambda i: answers[i] if sure else str(draws.random()))
        return says(order)

    found = run(judge, "plain", on=str(path))
    assert found["kept of de", "plain", "top 50 %"].value == 1
    assert (found["kept of ja", "plain", "top 50 %"].value or 0) < 0.3
    assert found["best over worst, kept", "plain", "top 50 %"].n_scored == found["prompts kept", "plain", "top 50 %"].value


def test_a_run_becomes_pairs_for_a_trainer(tmp_path: Path) -> None:
    benchmark = RepeatedRanking()
    done = evaluate(benchmark, "gold", settings=("plain", "single"), limit=4, store=tmp_path / "s.db")
    items = [case for case in benchmark.cases() if isinstance(case, ListItem)]
    made = training_pairs(items, done.conversations(), share=1.0)
    assert len(made) == 4
    assert [WORTH[p.chosen.reply] for p in made] == [5] * 4
    assert [WORTH[p.rejected.reply] for p in made] == [1] * 4
    assert len(training_pairs(items, done.conversations(), by="each")) == 4 * 5


def test_options_that_make_no_sense() -> None:
    with pytest.raises(InputError, match="from 2 to 100"):
        RepeatedRanking(repeats=1)
    with pytest.raises(InputError, match="judges list items"):
        list(RepeatedRanking(on="bundled").cases())
    assert [p.value for p in RepeatedRanking.published] == [674, 1350, 2018, 2714]
