"""coascore: the premise on people's ratings, calls and chains, ablations, halo, gain, a factor model, bad input."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from multiturn import evaluate
from multiturn.conversation import CallError, Conversation, DataError, InputError
from multiturn.engine.data import DataFolder
from multiturn.judges.parse import Parsed
from multiturn.measures.figure import Figure
from multiturn.systems.judge import sets
from multiturn.systems.judge.bundled_items import points
from multiturn.systems.judge.coascore import CoAScore
from multiturn.systems.judge.coascore_chain import OVERALL, POOL, Aspect, auxiliary, chain, drawn, target
from multiturn.systems.judge.coascore_chain import given as picked
from multiturn.systems.judge.coascore_data import premise, topical_chat
from multiturn.systems.judge.coascore_figures import gain, rank_correlation

Judge = Callable[[Conversation], str]
Found = dict[tuple[str, str | None], Figure]
N = len(list(points()))
ABOUT = Aspect(*OVERALL)


@pytest.fixture
def run(tmp_path: Path, data_root: Path) -> Callable[..., Found]:
    def go(judge: Judge | str, *settings: str, limit: int | None = None, **options: Any) -> Found:
        made = CoAScore(DataFolder(data_root, offline=True), **options)
        store = tmp_path / f"{random.random()}.db"
        found = evaluate(made, judge, settings=settings or ("plain", "direct"), limit=limit, store=store)
        return {(f.measure, f.setting): f for f in found.figures if f.group is None}

    return go


def stage(chat: Conversation) -> str:
    text = chat.messages[0].text
    return "chain" if "preparing to judge" in text else "target" if "These aspects" in text or "overall" in text else "aspect"


# -- the premise --------------------------------------------------------------------------------------------------------
def test_people_rate_the_whole_by_its_aspects(data_root: Path) -> None:
    if not (data_root / "unieval" / "topical_chat_result.json").is_file():
        pytest.skip("no Topical-Chat ratings")
    found = premise(DataFolder(data_root))
    expected = {"all": 0.9654, "engagingness": 0.9109, "coherence": 0.8704, "naturalness": 0.8495,
                "understandability": 0.8008, "groundedness": 0.5759}  # fmt: skip
    assert {name: round(a.value or 0, 4) for name, a in found.items()} == expected
    assert {(a.n, a.clusters) for a in found.values()} == {(360, 60)}
    items = list(topical_chat(DataFolder(data_root)))
    assert len(items) == 360
    assert len({item.cluster for item in items}) == 60
    assert all(item.turns[-1][0] == "user" and item.label is not None and 1 <= item.label <= 5 for item in items)


def test_topical_chat_is_judged(run: Callable[..., Found], data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (data_root / "unieval" / "topical_chat_result.json").is_file():
        pytest.skip("no Topical-Chat ratings")
    monkeypatch.setattr(sets, "ROWS", (*sets.ROWS, ("topical-chat", "point", "", "coascore_data:topical_chat")))
    found = run("gold", on="topical-chat", limit=60, aspects="coherence, engagement")
    assert found["Spearman", "plain"].value == pytest.approx(1, abs=0.05)  # the gold judge rounds people's means
    assert found["Spearman within documents", "plain"].n_cases == 10


# -- the three stages ---------------------------------------------------------------------------------------------------
def test_calls_are_samples_times_aspects_and_one(run: Callable[..., Found]) -> None:
    calls: Counter[str] = Counter()

    def judge(chat: Conversation) -> str:
        calls[stage(chat)] += 1
        if stage(chat) == "chain":
            assert not any(word in chat.messages[0].text for word in ("leap year", "hypotenuse", "photosynthesis"))
            return "1. **Clarity**: easy\n2. Depth: deep\n3. clarity: again\n4. Overall quality: itself\n- Logic: sound\nnonsense"
        return '{"score": 3}'

    found = run(judge, "plain", n=8)
    assert calls == {"chain": 1, "aspect": N * 3, "target": N}
    assert found["unparsable", "plain"].value == 0
    assert {m for m, _ in found if m.startswith("part: ")} == {
        "part: clarity",
        "part: depth",
        "part: logic",
        "part: mean of aspects",
    }


def test_each_ablation_takes_a_stage_away(run: Callable[..., Found]) -> None:
    seen: dict[str, Counter[str]] = {}
    for setting in ("plain", "direct", "random-aspects", "list-only", "mean"):
        calls = seen[setting] = Counter()

        def judge(chat: Conversation, calls: Counter[str] = calls) -> str:
            calls[stage(chat)] += 1
            if stage(chat) == "target":
                calls["with scores"] += ": 2\n" in chat.messages[0].text
                calls["with a list"] += "These aspects" in chat.messages[0].text
            return "depth: deep\nlogic: sound" if stage(chat) == "chain" else '{"score": 2}'

        found = run(judge, setting, n=3)
        assert found["error", setting].n_scored == N
    assert seen["plain"] == {"chain": 1, "aspect": 2 * N, "target": N, "with scores": N, "with a list": N}
    assert +seen["direct"] == {"target": N}
    assert +seen["random-aspects"] == {"aspect": 3 * N, "target": N, "with scores": N, "with a list": N}
    assert +seen["list-only"] == {"chain": 1, "target": N, "with a list": N}
    assert +seen["mean"] == {"chain": 1, "aspect": 2 * N}


def test_order_is_drawn_and_missing_scores_stay_out(run: Callable[..., Found]) -> None:
    orders: set[tuple[str, ...]] = set()

    def judge(chat: Conversation) -> str:
        text = chat.messages[0].text
        if stage(chat) == "target":
            orders.add(tuple(re.findall(r"^- (\w+) \(", text, re.M)))
        return "no idea" if "only this: depth" in text else '{"score": 4}'

    found = run(judge, "plain", aspects="depth, logic, clarity, structure")
    assert len(orders) > 3
    assert {tuple(sorted(order)) for order in orders} == {("clarity", "logic", "structure")}
    assert found["unparsable", "plain"].value == pytest.approx(1 / 5)
    nothing = run(lambda chat: "no idea", "plain", "mean", "direct")
    for setting in ("plain", "mean", "direct"):
        assert nothing["error", setting].value is None
        assert nothing["error", setting].n_unmeasured == N
        assert nothing["unparsable", setting].value == 1


def test_the_gold_judge(run: Callable[..., Found]) -> None:
    found = run("gold", "plain", "direct", "mean", "random-aspects")
    for setting in ("plain", "direct", "mean", "random-aspects"):
        assert found["error", setting].value == 0
    assert found["Spearman", "plain"].value == found["Spearman", "direct"].value == 1
    assert found["gain in Spearman", "plain - direct"].value == 0


def test_chains() -> None:
    found = chain(
        "Here you are:\n* Style: how it sounds\n2) Tone : friendly\nstyle: twice\nOVERALL QUALITY: no\nname: definition", ABOUT, 9
    )
    assert found == Parsed((Aspect("style", "how it sounds"), Aspect("tone", "friendly")))
    assert chain("a: 1\nb: 2\nc: 3", ABOUT, 2) == Parsed((Aspect("a", "1"), Aspect("b", "2")))
    assert not isinstance(chain("", ABOUT, 2), Parsed)
    assert not isinstance(chain("x" * 100 + ": y", ABOUT, 2), Parsed)
    assert drawn(Aspect("clarity", ""), 40) == drawn(Aspect("clarity", ""), 40)
    assert len(drawn(Aspect("clarity", ""), 40)) == len(POOL) - 1 == 19
    assert drawn(ABOUT, 3) != drawn(Aspect("clarity", ""), 3)
    by_hand = picked("Depth, clarity, my own, depth", Aspect("clarity", ""))
    assert by_hand == (Aspect("depth", "it goes below the surface"), Aspect("my own", "my own"))
    assert "- a (b): 3" in auxiliary([(Aspect("a", "b"), 3.0)])
    assert auxiliary([(Aspect("a", "b"), None)]).endswith("- a (b)")


@given(st.text(max_size=400), st.integers(1, 50))
def test_any_chain_is_read(text: str, n: int) -> None:
    found = chain(text, ABOUT, n)
    if isinstance(found, Parsed):
        assert 1 <= len(found.value) <= n
        assert all(a.name != "overall quality" and a.definition for a in found.value)


# -- halo and gain ------------------------------------------------------------------------------------------------------
def test_halo(run: Callable[..., Found], tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    rows = [{"id": i, "prompt": "?", "answer": f"answer {i}", "label": 1 + i % 5, "high": 1000} for i in range(150)]
    path.write_text("\n".join(map(json.dumps, rows)))
    draw = random.Random(0)

    def copies(chat: Conversation) -> str:
        shown = [float(n) for n in re.findall(r"\): (\d+)$", chat.messages[0].text, re.M)]
        return f'{{"score": {sum(shown) / len(shown):.0f}}}' if shown else f'{{"score": {draw.randint(1, 1000)}}}'

    def ignores(chat: Conversation) -> str:
        return f'{{"score": {draw.randint(1, 1000)}}}'

    options = {"on": str(path), "aspects": "depth, logic"}
    found = run(copies, "plain", **options)
    assert found["halo", "plain"].value == pytest.approx(1, abs=1e-4)
    found = run(ignores, "plain", "direct", **options)
    for setting in ("plain", "direct"):
        halo = found["halo", setting]
        assert halo.value == pytest.approx(0, abs=0.2)
        assert halo.low is not None
        assert halo.high is not None
        assert halo.low < 0 < halo.high


def test_gain_is_paired_and_known() -> None:
    draw = np.random.default_rng(3)
    truth = draw.normal(size=300)
    good, bad = truth + draw.normal(size=300) * 0.3, truth + draw.normal(size=300) * 2
    names = [f"d{i // 3}" for i in range(300)]
    found = gain(good.tolist(), bad.tolist(), truth.tolist(), names)
    assert found.value == pytest.approx(stats.spearmanr(good, truth)[0] - stats.spearmanr(bad, truth)[0])
    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low < (found.value or 0) < found.high
    assert (found.n, found.clusters) == (300, 100)
    same = gain(good.tolist(), good.tolist(), truth.tolist(), names)
    assert same[:3] == (0, 0, 0)
    assert gain([1, 2], [2, 1], [1, 2], ["a", "b"])[:3] == (None, None, None)
    assert gain([1] * 12, [2] * 12, list(range(12)), [str(i) for i in range(12)])[:3] == (None, None, None)
    assert np.isnan(rank_correlation(np.ones(3), np.arange(3.0)))


def test_a_factor_model_gains_with_every_aspect() -> None:
    """The target is the common factor of its aspects; every score is noisy. Stage 3 = the mean of all scores at hand."""

    def score(seed: int, n: int, related: float) -> tuple[float, float]:
        draw = np.random.default_rng(seed)
        truth = draw.normal(size=(400, 1))
        aspects = related * truth + (1 - related**2) ** 0.5 * draw.normal(size=(400, n))
        direct = truth[:, 0] + draw.normal(size=400)
        shown = aspects + draw.normal(size=(400, n))
        final = np.column_stack([direct, shown]).mean(axis=1)
        return rank_correlation(final, truth[:, 0]), rank_correlation(direct, truth[:, 0])

    means = {(n, related): np.mean([np.subtract(*score(seed, n, related)) for seed in range(20)])
             for n in (1, 2, 4, 8) for related in (0.8, 0.0)}  # fmt: skip
    assert 0 < means[1, 0.8] < means[2, 0.8] < means[4, 0.8] < means[8, 0.8]
    assert all(means[n, 0.0] < 0 for n in (1, 2, 4, 8))


def test_the_whole_pipeline_gains_on_related_aspects(run: Callable[..., Found], tmp_path: Path) -> None:
    draw = random.Random(5)
    true = {f"answer {i};": draw.gauss(0, 1) for i in range(120)}
    path = tmp_path / "items.jsonl"
    rows = [{"id": i, "prompt": "?", "answer": a, "label": 500 + 100 * t, "high": 1000} for i, (a, t) in enumerate(true.items())]
    path.write_text("\n".join(map(json.dumps, rows)))

    def judge(chat: Conversation) -> str:
        text = chat.messages[0].text
        truth = true[re.search(r"answer \d+;", text)[0]]  # type: ignore[index]
        seen = [500 + 100 * draw.gauss(truth, 1), *(float(n) for n in re.findall(r"\): (\d+)$", text, re.M))]
        return f'{{"score": {min(1000, max(1, sum(seen) / len(seen))):.0f}}}'

    found = run(judge, on=str(path), aspects="a,b,c,d,e,f")
    gained = found["gain in Spearman", "plain - direct"]
    assert gained.low is not None
    assert gained.low > 0
    assert found["Spearman", "plain"].value == pytest.approx((found["Spearman", "direct"].value or 0) + (gained.value or 0))


# -- input --------------------------------------------------------------------------------------------------------------
def test_bad_input(run: Callable[..., Found], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="from 1 to 50"):
        run("gold", n=0)
    with pytest.raises(InputError, match="judges point items"):
        run("gold", on="bundled")
    (tmp_path / "unieval").mkdir()
    path = tmp_path / "unieval" / "topical_chat_result.json"
    path.write_text('[{"source": "a", "context": "", "system_id": "s", "system_output": "x", "scores": {"overall": 1}}]')
    with pytest.raises(DataError, match="record 0, field scores: no naturalness"):
        list(topical_chat(DataFolder(tmp_path)))
    assert target(next(iter(CoAScore(DataFolder()).items()))) == ABOUT


def test_the_reference_can_be_hidden(run: Callable[..., Found]) -> None:
    seen: list[bool] = []

    def judge(chat: Conversation) -> str:
        seen.append("<reference-answer>" in chat.messages[0].text)
        return '{"answer": "yes"}'

    run(judge, "direct", on="bundled-matches", reference=False)
    assert not any(seen)
    seen.clear()
    run(judge, "direct", on="bundled-matches")
    assert all(seen)


def test_an_aspect_whose_call_failed_is_not_left_out(tmp_path: Path) -> None:
    def judge(chat: Conversation) -> str:
        if "clarity" in chat.messages[0].text:
            raise CallError("the line is dead", cause="connection")
        return '{"score": 3}'

    found = evaluate(CoAScore(aspects="accuracy,clarity"), judge, settings=("mean",), limit=2, store=tmp_path / "s.db")
    figure = {f.measure: f for f in found.figures}
    assert figure["error"].value is None
    assert figure["unparsable"].value == 0
