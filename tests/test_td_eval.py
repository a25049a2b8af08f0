"""td-eval: released means and agreement, three turn judges, backend by rule, the agent setting, the arena, bad input."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn import evaluate
from multiturn.conversation import Conversation, DataError, InputError, UnknownName
from multiturn.engine.data import DataFolder
from multiturn.judges.items import PairItem, PointItem
from multiturn.measures.figure import Figure
from multiturn.systems.judge.sets import labelled_set
from multiturn.systems.judge.td_eval import TDEval
from multiturn.systems.judge.td_eval_arena import K, rated
from multiturn.systems.judge.td_eval_data import (
    AGENTS,
    BACKEND,
    DIALOGUES,
    DIMENSIONS,
    arena_pairs,
    bundled,
    bundled_arena,
    mwoz,
    score_of,
    spoken,
    tau,
    turns,
)  # fmt: skip
from multiturn.systems.judge.td_eval_released import PILOTS, cell, turn_means
from multiturn.systems.judge.td_eval_rule import backend, invented

Found = dict[tuple[str, str | None], Figure]


@pytest.fixture
def data(data_root: Path) -> DataFolder:
    if not (data_root / "td-eval").is_dir():
        pytest.skip("no released scores of TD-EVAL")
    return DataFolder(data_root, offline=True)


@pytest.fixture
def run(tmp_path: Path, data_root: Path) -> Callable[..., Found]:
    def go(model: Any, *settings: str, judge: Any = None, limit: int | None = None, **options: Any) -> Found:
        made = TDEval(DataFolder(data_root, offline=True), **options)
        found = evaluate(made, model, settings=settings, judge=judge, limit=limit, store=tmp_path / f"{random.random()}.db")
        return {(f.measure, f.group): f for f in found.figures}

    return go


# -- released scores ----------------------------------------------------------------------------------------------------
def test_means_of_two_judges(data: DataFolder) -> None:
    found = turn_means(data)
    expected = {"gpt_4o": [4.4821, 4.7768, 4.5116], "claude_35_sonnet": [4.4337, 4.6737, 4.2295]}
    assert {judge: [round(e.value or 0, 4) for e in values.values()] for judge, values in found.items()} == expected
    assert {e.n_values for values in found.values() for e in values.values()} == {475}


@pytest.mark.parametrize("pilot", PILOTS)
@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_agreement_in_the_pilot_files(data: DataFolder, pilot: str, dimension: str) -> None:
    found = cell(data, pilot, dimension)
    ours = [a.value for a in found[:7]]
    assert ours == pytest.approx(list(found.stored), abs=1e-4)


def test_published_pilot_figures(data: DataFolder) -> None:
    expected = {"gpt4o": (0.1923, 0.596), "gpt4omini": (0.4808, 0.576), "llama70b": (0.6983, 0.643),
                "mistrallarge": (0.4863, 0.097), "sonnet35": (0.4153, 0.164)}  # fmt: skip
    for pilot, (kappa, r) in expected.items():
        found = cell(data, pilot, "conversation")
        assert found.randolph.value == pytest.approx(kappa, abs=1e-4)
        assert found.judge_pearson.value == pytest.approx(r, abs=1e-3)


def test_released_turns(data: DataFolder) -> None:
    for load, count, dialogues in ((mwoz, 49, 12), (tau, 148, 25)):
        items = list(load(data))
        assert (len(items), len({i.cluster for i in items})) == (count, dialogues)
        assert all(len(i.extra["people"]) == 3 for i in items)  # every score has a number
        assert all([role for role, _ in i.turns[-2:]] == ["user", "system"] for i in items)
    one = labelled_set("td-eval-mwoz/backend")
    assert one is not None
    assert {i.dimension for i in one.load(data)} == {"backend"}
    with pytest.raises(UnknownName, match="did you mean `backend`"):
        list(mwoz(data, "backed"))


def test_released_means_leave_out_turns_with_another_form_of_score(data: DataFolder) -> None:
    """The summary of the airline rests on 144 of 148 turns: not on those with a score written ``Very Good (5)``."""
    file = json.loads(data.path("td-eval", "judged_tau_airline_mistral-large.json").read_bytes())
    raw = [t["scores"] for said in file["dialogues"].values() for t in said]
    odd = ["Very Good (5)" in json.dumps(scores) for scores in raw]
    kept = [i.extra["people"] for i, out in zip(tau(data), odd, strict=True) if not out]
    means = [round(sum(p[d] for p in kept) / len(kept), 4) for d in DIMENSIONS]
    report = json.loads(data.path("td-eval", "summary_reports.json").read_bytes())
    stored = report["judge_results_tau/20250205_024823-tau-mistrallarge-airline"]["cumulative_scores"]
    assert means == [stored[f"avg_{field}"] for field in ("conv_consistency", "backend_consistency", "policy_completeness")]
    assert len(kept) == 144


# -- scores -------------------------------------------------------------------------------------------------------------
def test_a_score_needs_its_number() -> None:
    read = {"Score: 5": 5, "Score: 2 (Bad)": 2, "Score: Very Good (5)": 5, "score:1\nJustification: x": 1}
    assert {text: score_of(text) for text in read} == read
    for text in ("Very Bad", "Bad", "", "Score: Very Bad", "Score: 15", "Score: 6", "Score: 3.5", "Score: 2 Score: 4"):
        assert score_of(text) is None


def test_lines_with_names_become_messages() -> None:
    assert spoken("Customer: a\nAgent: b\nc\nCustomer: d") == (("user", "a"), ("assistant", "b\nc"), ("user", "d"))
    assert spoken("no name") == (("user", "no name"),)
    assert spoken("") == ()


# -- turns --------------------------------------------------------------------------------------------------------------
def test_three_questions_a_turn_and_only_one_shows_the_policy(run: Callable[..., Found]) -> None:
    asked: list[str] = []

    def judge(chat: Conversation) -> str:
        asked.append(chat.messages[0].text)
        return "Score: 4\nJustification: fine."

    found = run(judge)
    assert len(asked) == 15 * 3
    assert sum("The agent's policy" in text for text in asked) == 15
    assert all("What the database returned" in text for text in asked)
    assert [found[f"part: {d}", None].value for d in DIMENSIONS] == [4, 4, 4]
    # No justification is no reason to stop: the released code breaks off there.
    assert run(lambda chat: "Score: 4")["unparsable", None].value == 0


def test_a_perfect_a_constant_and_an_unreadable_judge(run: Callable[..., Found]) -> None:
    gold = run("gold")
    assert gold["error", None].value == 0
    assert gold["Spearman", "backend"].value == pytest.approx(1)
    assert run("gold", on="bundled-arena")["correct", None].value == 1
    assert run(lambda chat: '{"score": 3}')["Spearman", None].value is None
    draw = random.Random(0)
    chance = run(lambda chat: f"Score: {draw.randint(1, 5)}")
    assert (chance["Spearman", "backend"].low or -1) < 0.5
    for reply in ("Very Good", "", "Score: 1 or Score: 5", "Score: 9", "x" * 150_000):
        lost = run(lambda chat, reply=reply: reply)
        assert lost["error", None].n_unmeasured == 15
        assert lost["unparsable", None].value == 1


def test_calls_that_fail_are_no_replies_that_cannot_be_read(run: Callable[..., Found]) -> None:
    def broken(chat: Conversation) -> str:
        raise OSError("down")

    found = run(broken)
    assert found["error", None].n_unmeasured == 15
    assert found["unparsable", None].value is None


def test_agreement_beyond_chance_stands_beside_correlations(run: Callable[..., Found], data: DataFolder) -> None:
    """A judge that always says 5 of turns that nearly always get a 5: AC1 is high, and there is no correlation."""
    found = run(lambda chat: "Score: 5", on="td-eval-mwoz")
    assert (found["AC1", "conversation"].value or 0) > 0.6
    assert found["Pearson", "conversation"].value is None
    full = run("gold")
    assert full["AC1", "policy"].value == pytest.approx(1)


def test_backend_by_rule_knows_who_made_things_up() -> None:
    scores = {agent: {backend(i) for i in bundled() if i.id.endswith(f"/{agent}")} for agent in AGENTS}
    assert scores == {"reader": {5}, "terse": {5}, "inventor": {1}}
    known = '{"phone": "01223351707", "postcode": "cb17dy", "price": 13.2, "leaves": "18:34"}'
    assert invented("Call 01223 351707, CB1 7DY, at 18:34; it costs 13.2.", known) == []
    assert invented("Call 01223 351999 at 18:35 on the 17th for 2 people.", known) == ["351999", "18:35"]
    assert invented("There are 14 of them (no. 1).", "") == []


@given(st.text(max_size=60), st.text(max_size=60))
def test_what_was_given_is_never_made_up(reply: str, known: str) -> None:
    assert invented(reply, f"{known} {reply}") == []


def test_released_turns_by_rule(data: DataFolder) -> None:
    """A plausibility check, not a claim: where GPT-4o gives 5, the rule seldom finds anything made up."""
    for load, most in ((mwoz, 0), (tau, 3)):
        full = [i for i in load(data) if i.extra["people"][BACKEND] == 5]
        assert sum(backend(i) == 1 for i in full) <= most


# -- the model as the agent ---------------------------------------------------------------------------------------------
def rule_judge(chat: Conversation) -> str:
    """Backend consistency by rule, the rest fair."""
    text = chat.messages[0].text
    said = text.split("<answer>\n")[1].split("\n</answer>")[0]
    if DIMENSIONS[BACKEND] not in text:
        return "Score: 3"
    return f"Score: {1 if invented(said, text.split('<conversation>')[1].split('</conversation>')[0]) else 5}"


def reads_back(chat: Conversation) -> str:
    return f"Here is what I found: {chat.messages[-1].text.partition('returned for this turn: ')[2]}"


def test_an_agent_that_reads_back_scores_5_and_one_that_invents_1(run: Callable[..., Found]) -> None:
    found = run(reads_back, "agent", judge=rule_judge)
    assert found["agent: backend", None].value == 5
    assert found["agent: backend by rule", None].value == 5
    assert found["agent: backend", None].n_scored == sum(map(len, DIALOGUES.values()))
    made_up = run(lambda chat: "Call them on 01632 960999.", "agent", judge=rule_judge)
    assert made_up["agent: backend", None].value == 1
    assert made_up["agent: policy", None].value == 3
    assert run("gold", "agent", judge=rule_judge)["agent: backend", None].value == 5


def test_items_that_are_no_turns_of_an_agent_are_not_replied_to(run: Callable[..., Found]) -> None:
    with pytest.raises(InputError, match="nothing to run"):
        run("gold", "agent", on="bundled-points")


def test_an_agent_without_a_judge_and_one_that_is_silent(run: Callable[..., Found]) -> None:
    alone = run(reads_back, "agent")
    assert alone["agent: backend by rule", None].value == 5
    assert alone["agent: policy", None].n_unmeasured == 5
    silent = run(lambda chat: "", "agent", judge=rule_judge)
    assert silent["agent: policy", None].value == 1
    assert silent["agent: policy", None].n_failed == 5


# -- the arena ----------------------------------------------------------------------------------------------------------
def fought(strength: list[str], dialogues: int, draw: random.Random) -> list[tuple[str, str, str, float]]:
    names = draw.sample(strength, len(strength))
    return [
        (f"d{d}", a, b, float(strength.index(a) < strength.index(b))) for d in range(dialogues) for a, b in combinations(names, 2)
    ]


def test_a_transitive_judge_ranks_the_agents_over_twenty_seeds() -> None:
    strength = ["first", "second", "third", "fourth", "fifth"]
    for seed in range(20):
        found = rated(fought(strength, 12, random.Random(seed)), rounds=50, seed=seed)
        assert [found.players[i] for i in np.argsort(-found.elo)] == strength
        assert found.elo.sum() == pytest.approx(5000)
        assert found.low is not None


@given(st.lists(st.tuples(st.sampled_from(["ab", "bc", "ca"]), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=40))
def test_elo_is_conserved(rows: list[tuple[str, float]]) -> None:
    found = rated([(str(n // 3), p[0], p[1], won) for n, (p, won) in enumerate(rows)], rounds=5)
    assert found.elo.sum() == pytest.approx(1000 * len(found.players))
    assert np.abs(found.elo - 1000).max() <= K * len(rows)


def test_the_interval_holds_the_rating_of_equals() -> None:
    draw = random.Random(5)
    rows = [(f"d{d}", "a", "b", float(draw.random() < 0.5)) for d in range(60)]
    found = rated(rows, rounds=400)
    assert found.low is not None
    assert found.high is not None
    assert found.low[0] < 1000 < found.high[0]
    assert rated(rows[:1]).low is None


def test_the_arena_through_a_judge(run: Callable[..., Found]) -> None:
    def longest(chat: Conversation) -> str:
        text = chat.messages[0].text
        one, two = (text.split(f"<answer-{n}>")[1].split(f"</answer-{n}>")[0] for n in "AB")
        return f'{{"verdict": "{"A" if len(one) > len(two) else "B"}"}}'

    found = run(longest, on="bundled-arena")
    elo = {agent: found["Elo", agent].value or 0 for agent in AGENTS}
    assert max(elo, key=lambda a: elo[a]) == "reader"
    assert sum(elo.values()) == pytest.approx(3000)


def test_the_first_place_is_a_tie_in_both_orders_and_wins_as_released(run: Callable[..., Found]) -> None:
    both = run(lambda chat: '{"verdict": "A"}', on="bundled-arena")
    assert all(both["Elo", agent].value == 1000 for agent in AGENTS)
    once = run(lambda chat: '{"verdict": "A"}', on="bundled-arena", official=True)
    assert once["shown first", None].value == 1
    assert any(once["Elo", agent].value != 1000 for agent in AGENTS)


def test_what_names_neither_is_unmeasured_and_a_tie_as_released(run: Callable[..., Found]) -> None:
    ours = run(lambda chat: "hm", on="bundled-arena")
    assert ours["correct", None].n_unmeasured == 9
    assert ("Elo", "reader") not in ours
    theirs = run(lambda chat: "hm", on="bundled-arena", official=True)
    assert theirs["unparsable", None].value == 1
    assert all(theirs["Elo", agent].value == 1000 for agent in AGENTS)


# -- files --------------------------------------------------------------------------------------------------------------
def written(path: Path, agent: str, reply: str, dialogues: tuple[str, ...] = ("x", "y")) -> Path:
    turn = {"turn": 1, "conversation_history": "", "user": "Customer: hi", "db": [{"name": "Inn"}], "response": f"Agent: {reply}",
            "scores": {"conv_consistency": {"score": "Score: 4", "justification": "-"}}}  # fmt: skip
    path.write_text(
        json.dumps({"metadata": {"agent_model": agent}, "dialogues": {d: [turn] for d in dialogues}}), encoding="utf-8"
    )
    return path


def test_files_of_several_agents_are_an_arena(run: Callable[..., Found], tmp_path: Path) -> None:
    files = [written(tmp_path / f"{n}.json", n, n * 9, ("x", "y", n)) for n in "abc"]
    pairs = list(arena_pairs(files))
    assert [p.id for p in pairs] == [f"{d}/{a} vs {b}" for d in "xy" for a, b in ("ab", "ac", "bc")]
    assert all(isinstance(p, PairItem) and '"Inn"' in p.first for p in pairs)
    found = run(lambda chat: '{"verdict": "B"}', on=",".join(map(str, files)))
    assert {g for m, g in found if m == "Elo"} == {"a", "b", "c"}
    one = run(lambda chat: "Score: 4", on=str(files[0]))
    assert one["part: policy", None].value == 4
    items = list(turns(files[0]))
    assert [i.label for i in items] == [None] * 3  # one of three scores is no label
    assert all(isinstance(i, PointItem) and i.extra["people"] == {"conversation": 4} for i in items)


def test_broken_files_are_one_line(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"dialogues": {"x": [{"user": 3}]}}', encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.json"):
        list(turns(file))
    with pytest.raises(DataError, match="two files or more"):
        list(arena_pairs([written(tmp_path / "b.json", "b", "x")]))
    two = [written(tmp_path / "c.json", "c", "x", ("1",)), written(tmp_path / "d.json", "d", "x", ("2",))]
    with pytest.raises(DataError, match="same names"):
        list(arena_pairs(two))
    folder = tmp_path / "td-eval"
    folder.mkdir()
    (folder / "human_llm_comparison_gpt4o.json").write_text('{"turn_level_scores": {}}', encoding="utf-8")
    with pytest.raises(DataError, match="not a comparison"):
        cell(DataFolder(tmp_path, offline=True), "gpt4o", "backend")
    row = {"dialogue": "x", "gpt_4o": {"conv_consistency": "Very Bad"}, "claude_35_sonnet": {}}
    (folder / "turn_scores_mwoz_autotod_two_judges.jsonl").write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(DataError, match="line 1, gpt_4o, conv_consistency"):
        turn_means(DataFolder(tmp_path, offline=True))


def test_files_that_are_not_there_or_the_same_are_one_line(run: Callable[..., Found], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*nix\.json"):
        run("gold", on=str(tmp_path / "nix.json"))
    one = written(tmp_path / "a.json", "a", "x")
    with pytest.raises(DataError, match="another file for each agent"):
        run("gold", on=f"{one},{one}")


def test_agents_and_dialogues_may_have_a_slash_in_their_names(run: Callable[..., Found], tmp_path: Path) -> None:
    files = [written(tmp_path / f"{n}.json", f"org/{n}", n * 9, ("SNG/1", "SNG/2")) for n in "abc"]
    found = run(lambda chat: '{"verdict": "A"}', on=",".join(map(str, files)), official=True)
    assert {g for m, g in found if m == "Elo"} == {"org/a", "org/b", "org/c"}
    assert found["Elo", "org/a"].n_cases == 2
    (tmp_path / "2").mkdir()
    same = [written(tmp_path / "a.json", "m", "x"), written(tmp_path / "2" / "a.json", "m", "y")]
    assert {a for p in arena_pairs(same) for a in p.authors} == {str(path) for path in same}


def test_ours_are_labelled_sets_like_any_other() -> None:
    for name, kind, count in (
        ("bundled-turns", "point", 15),
        ("bundled-turns/backend", "point", 15),
        ("bundled-arena", "pair", 9),
    ):
        found = labelled_set(name)
        assert found.kind == kind
        assert len(list(found.load(DataFolder(None, offline=True)))) == count


def test_the_sample_of_ours() -> None:
    items, pairs = list(bundled()), list(bundled_arena())
    assert (len(items), len(pairs)) == (15, 9)
    assert {p.label for p in pairs} == {0.0, 1.0}
    assert {i.dimension for i in bundled(None, "policy")} == {"policy"}
