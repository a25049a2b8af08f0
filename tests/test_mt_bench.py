"""MT-Bench: data, single and pair grading with scripted judges, votes and agreement by hand, ratings, reading, bad files."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from multiturn import evaluate
from multiturn.conversation import Conversation, DataError
from multiturn.engine.data import DataFolder
from multiturn.judges.ask import Answer
from multiturn.judges.pair import Both, Pick, map_back, settle, verdict
from multiturn.judges.parse import Parsed, Unparsable
from multiturn.measures.figure import Figure
from multiturn.systems.judge.mt_bench import MTBench, Question
from multiturn.systems.judge.mt_bench_score import fought
from multiturn.systems.judge.mt_bench_votes import Vote, VotedPair, read_votes, vote_agreement, vote_pairs

CATEGORIES = ("writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities")
Say = Callable[[Conversation], str]


@pytest.fixture
def made(data_root: Path) -> MTBench:
    if not (data_root / "mt-bench").is_dir():
        pytest.skip("no MT-Bench data")
    return MTBench(DataFolder(data_root, offline=True))


@pytest.fixture
def run(made: MTBench, tmp_path: Path) -> Callable[..., list[Figure]]:
    def go(model: Say | str, setting: str, benchmark: MTBench | None = None, **options: Any) -> list[Figure]:
        return list(evaluate(benchmark or made, model, settings=[setting], store=tmp_path / "s.db", **options).figures)

    return go


def one(figures: list[Figure], measure: str, group: str | None = None, turn: int | None = None) -> Figure:
    (found,) = [f for f in figures if (f.measure, f.group, f.turn) == (measure, group, turn)]
    return found


def shown(chat: Conversation) -> list[str]:
    """The last answers of assistants A and B in a question to a judge."""
    text = chat.messages[-1].text
    return [re.findall(rf"<assistant-{x}>\n(.*?)\n</assistant-{x}>", text, re.S)[-1] for x in "ab"]


# -- data -------------------------------------------------------------------------------------------------------------
def test_the_questions(made: MTBench) -> None:
    cases = [case for case in made.cases() if isinstance(case, Question)]
    assert len(cases) == 80
    assert Counter(case.group for case in cases) == dict.fromkeys(CATEGORIES, 10)
    assert {len(case.turns) for case in cases} == {2}
    assert sorted(int(case.id) for case in cases if case.references) == list(range(101, 131))
    assert {case.group for case in cases if case.references} == {"math", "reasoning", "coding"}
    assert [case.group for case in cases[:8]] == [case.group for case in cases[8:16]]


# -- single -----------------------------------------------------------------------------------------------------------
def test_single_grading(run: Callable[..., list[Figure]]) -> None:
    asked: list[str] = []

    def judge(chat: Conversation) -> str:
        asked.append(chat.messages[-1].text)
        return "Fine. Rating: [[8]]" if "<reference-1>" in asked[-1] else "Fine. Rating: [[6.5]]"

    figures = run(lambda chat: f"answer {len(chat.turns)}", "single", judge=judge)
    score = one(figures, "score")
    assert (score.n_scored, score.n_cases) == (160, 80)
    assert score.value == pytest.approx((60 * 8 + 100 * 6.5) / 160)
    assert one(figures, "score", "math").value == 8
    assert one(figures, "score", "writing").value == 6.5
    assert one(figures, "score", None, 2).n_scored == 80
    first = [text for text in asked if text.count("<assistant>") == 1]
    second = [text for text in asked if text.count("<assistant>") == 2]
    assert len(first) == len(second) == 80
    assert all("answer 1" in text and "second question" in text for text in second)
    assert sum("<reference-2>" in text for text in second) == 30
    assert not any("<reference-2>" in text for text in first)


def test_what_cannot_be_judged(run: Callable[..., list[Figure]]) -> None:
    alone = one(run(lambda chat: "x", "single", limit=1), "score")
    assert (alone.value, alone.n_unmeasured) == (None, 16)
    unread = one(run(lambda chat: "x", "single", judge=lambda chat: "very good [[11]]", limit=1), "score")
    assert (unread.value, unread.n_unmeasured) == (None, 16)
    silent = one(run(lambda chat: "", "single", judge=lambda chat: "[[9]]", limit=1), "score")
    assert (silent.value, silent.n_failed) == (1, 16)


# -- pairs ------------------------------------------------------------------------------------------------------------
def longer(chat: Conversation) -> str:
    a, b = shown(chat)
    return "[[A]]" if len(a) > len(b) else "[[B]]" if len(b) > len(a) else "[[C]]"


def test_against_another_model(run: Callable[..., list[Figure]], data_root: Path) -> None:
    benchmark = MTBench(DataFolder(data_root), against="user")

    def rival(chat: Conversation) -> str:
        """Longer than the model on first turns, equal on second."""
        return "xxxx" if len(chat.turns) == 1 else "xx"

    figures = run(lambda chat: "xx", "pairwise", benchmark, user=rival, judge=longer)
    assert one(figures, "win_adjusted", None, 1).value == 0
    assert one(figures, "win_adjusted", None, 2).value == 0.5
    assert (one(figures, "loss").value, one(figures, "tie").value) == (0.5, 0.5)
    assert one(figures, "consistent").value == 1
    assert one(figures, "first").value == 0.5
    rating = one(figures, "rating")
    assert rating.value == pytest.approx(1000 + 400 * -0.4771, abs=0.1)  # odds of 1 to 3
    assert rating.low is not None
    biased = run(lambda chat: "xx", "pairwise", benchmark, user=rival, judge=lambda chat: "[[A]]", limit=2)
    assert one(biased, "win_adjusted").value == 0.5
    assert one(biased, "consistent").value == 0
    assert one(biased, "first").value == 1
    nobody = run(lambda chat: "xx", "pairwise", benchmark, judge=longer, limit=1)
    assert one(nobody, "win_adjusted").n_unmeasured == 16
    hopeless = run(lambda chat: "x", "pairwise", benchmark, user=lambda chat: "xx", judge=longer, limit=1)
    assert one(hopeless, "rating").value is None
    assert "never won" in one(hopeless, "rating").note


def test_against_stored_answers(run: Callable[..., list[Figure]], data_root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "mt-bench"
    (folder / "model_answer").mkdir(parents=True)
    for name in ("question.jsonl", "reference_answer_gpt-4.jsonl"):
        (folder / name).symlink_to(data_root / "mt-bench" / name)
    for name, turns in (("short", ["a", "b"]), ("long", ["a" * 50] * 2)):
        lines = [{"question_id": i, "model_id": name, "choices": [{"index": 0, "turns": turns}]} for i in range(81, 160)]
        (folder / "model_answer" / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    benchmark = MTBench(DataFolder(tmp_path / "data", offline=True), against="short,long")
    chance = random.Random(0)
    figures = run(lambda chat: "x" * 10, "pairwise", benchmark, judge=lambda chat: chance.choice([longer(chat), "[[C]]"]))
    found = one(figures, "win_adjusted")
    assert (found.n_scored, found.n_unmeasured, found.n_cases) == (2 * 2 * 79, 4, 79)  # question 160 has no answers
    low, high = one(figures, "rating").value, one(figures, "rating", "long").value
    assert low is not None
    assert high is not None
    assert 1000 < low < high
    with pytest.raises(DataError, match=r"gpt-3\.5-turbo\.jsonl"):
        run(longer, "pairwise", MTBench(DataFolder(tmp_path / "data", offline=True)), judge=longer)
    (folder / "model_answer" / "broken.jsonl").write_text('{"question_id": 81, "choices": [{"turns": 3}]}')
    with pytest.raises(DataError, match="question 81"):
        run(longer, "pairwise", MTBench(DataFolder(tmp_path / "data"), against="broken"), judge=longer)


WINNERS: tuple[Pick, ...] = ("A", "B", "C")


def test_the_truth_table_of_both_orders() -> None:
    table = {(one, two): settle(one, two) for one, two in product(WINNERS, WINNERS)}
    assert table == {
        ("A", "A"): 1.0, ("B", "B"): 0.0, ("C", "C"): 0.5,
        ("A", "B"): 0.5, ("B", "A"): 0.5, ("A", "C"): 0.5, ("C", "A"): 0.5, ("B", "C"): 0.5, ("C", "B"): 0.5,
    }  # fmt: skip
    assert settle("A", "C", "mean") == 0.75
    assert settle("A", "B", "mean") == 0.5
    assert settle("A", "B", "drop") is None
    assert settle("A", "A", "drop") == 1
    for one_side in (None, *WINNERS):
        for policy in ("tie", "mean", "drop"):
            assert settle(None, one_side, policy) is None  # type: ignore[arg-type]
            assert settle(one_side, None, policy) is None  # type: ignore[arg-type]
    error = Both(Answer("A"), map_back(Answer(None, cause="judge reply not parsable")))
    assert [(v.measure, v.value, v.cause) for v in fought(error)] == [("win_adjusted", None, "judge reply not parsable")]
    assert map_back(Answer("A")).value == "B"


@pytest.mark.parametrize(
    ("text", "pick"),
    [
        ("Because … [[A]]", "A"), ("[[ b ]]", "B"), ("[[C]]", "C"), ("[[Tie]]", "C"), ("[[A]] and again [[A]]", "A"),
        ('{"reason": "x", "verdict": "B"}', "B"), ("{'winner': 'tie',}", "C"), ('{"verdict": [["A"]]}', "A"),
        ("My **Verdict**: [B]", "B"), ("[[A]] or [[B]]", None), ("A is better", None), ("", None), ("[[D]]", None),
        ('{"verdict": "A", "choice": "B"}', None), ("[[A]" * 10, None), ("[[A]]" * 30_000, None), ("[[assistant]]", None),
    ],
)  # fmt: skip
def test_reading_verdicts(text: str, pick: str | None) -> None:
    found = verdict(text)
    if pick is None:
        assert isinstance(found, Unparsable)
    else:
        assert isinstance(found, Parsed)
        assert found.value == pick
    assert isinstance(verdict("[[C]]", ties=False), Unparsable)


# -- votes ------------------------------------------------------------------------------------------------------------
def vote(winner: str, judge: str, a: str = "m1", b: str = "m2") -> Vote:
    return Vote("81", a, b, 1, winner, judge)  # type: ignore[arg-type]


def test_agreement_by_hand() -> None:
    """One vote of the judge, three of people, one of them with the sides changed: S1 2 of 3, S2 2 of 2; people 1/3 and 1/1."""
    votes = [vote("a", "gpt4-pair"), vote("a", "expert_1"), vote("tie", "expert_2"), vote("b", "expert_3", "m2", "m1")]
    pairs = vote_pairs(votes, "gpt4-pair", "expert")
    with_ties, without = vote_agreement(pairs, ties=True), vote_agreement(pairs, ties=False)
    assert (with_ties.n, with_ties.value) == (3, pytest.approx(2 / 3))
    assert (without.n, without.value) == (2, 1)
    people = vote_pairs(votes, "expert", "expert")
    assert len(people) == 3
    assert vote_agreement(people, ties=True).value == pytest.approx(1 / 3)
    assert vote_agreement(people, ties=False).n == 1
    assert vote_pairs([vote("a", "gpt4-pair"), Vote("82", "m1", "m2", 1, "a", "expert_1")], "gpt4-pair", "expert") == []
    assert vote_agreement([], ties=True).value is None


def released_votes(folder: Path, rows: list[dict[str, Any]]) -> None:
    said = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "long answer"},
            {"role": "user", "content": "q2"}, {"role": "assistant", "content": "second long answer"}]  # fmt: skip
    short = [{**m, "content": m["content"][:3]} for m in said]
    base = {"question_id": 81, "model_a": "m2", "model_b": "m1", "conversation_a": said, "conversation_b": short, "turn": 1}
    (folder / "human_judgments.jsonl").write_text("\n".join(json.dumps({**base, **row}) for row in rows))


def test_the_model_as_judge_of_released_votes(run: Callable[..., list[Figure]], data_root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "mt-bench"
    folder.mkdir(parents=True)
    for name in ("question.jsonl", "reference_answer_gpt-4.jsonl"):
        (folder / name).symlink_to(data_root / "mt-bench" / name)
    released_votes(folder, [
        {"winner": "model_a", "judge": "expert_1"}, {"winner": "model_b", "judge": "expert_2"},
        {"winner": "tie (inconsistent)", "judge": "expert_3"}, {"winner": "model_a", "judge": "author_1"},
        {"winner": "model_a", "judge": ["gpt-4", "pair-v2"]}, {"winner": "model_a", "judge": "expert_1", "turn": 2},
    ])  # fmt: skip
    assert [v.judge for v, _, _ in read_votes(folder / "human_judgments.jsonl")][4] == "gpt4-pair"
    benchmark = MTBench(DataFolder(tmp_path / "data"))
    (case,) = [c for c in benchmark.cases() if c.id == "81"]
    first, second = benchmark.views(case, "human")
    assert isinstance(first, VotedPair)
    assert (first.a, first.b, first.votes) == (("lon",), ("long answer",), ("b", "a", "tie"))
    assert isinstance(second, VotedPair)
    assert len(second.questions) == 2
    figures = run(longer, "human", benchmark)
    assert (one(figures, "agree").value, one(figures, "agree").n_scored) == (0.5, 4)
    assert (one(figures, "agree_decided").value, one(figures, "agree_decided").n_scored) == (pytest.approx(2 / 3), 3)
    assert one(figures, "agree", None, 2).value == 1
    tied = run(lambda chat: "[[A]]", "human", benchmark)
    assert one(tied, "agree").value == 0.25  # always the first: a tie, as one voter said
    assert [f for f in tied if f.measure == "agree_decided"] == []
    unread = run(lambda chat: "hm", "human", benchmark)
    assert (one(unread, "agree").value, one(unread, "agree").n_unmeasured) == (None, 4)
    (folder / "human_judgments.jsonl").write_text('{"question_id": 81}')
    with pytest.raises(DataError, match="line 1"):
        run(longer, "human", MTBench(DataFolder(tmp_path / "data")))


def test_baselines_on_pairs_with_a_majority_vote(run: Callable[..., list[Figure]], data_root: Path) -> None:
    path = data_root / "arjudge" / "MTBench_first300.json"
    if not path.is_file():
        pytest.skip(f"no {path}")
    rows = json.loads(path.read_text())
    lengths = [(len(r["response1"]), len(r["response2"]), r["winner"]) for r in rows]
    by_length = sum((x > y) == (w == 1) for x, y, w in lengths if x != y) / sum(x != y for x, y, _ in lengths)
    figures = run(longer, "human")
    assert one(figures, "agree").n_scored == 300
    assert one(figures, "agree_decided").value == pytest.approx(by_length)
    assert by_length > 0.5
    assert one(figures, "consistent").value == 1
    chance = random.Random(0)
    coin = run(lambda chat: chance.choice(["[[A]]", "[[B]]"]), "human")
    decided = one(coin, "agree_decided")
    assert decided.low is not None
    assert decided.high is not None
    assert decided.low < 0.5 < decided.high
    assert one(coin, "consistent").value == pytest.approx(0.5, abs=0.1)
