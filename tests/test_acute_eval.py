"""acute-eval: exact tests, blocking, the grid, agreement, placement, known raters, files, self-chats, bad input."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from multiturn import evaluate
from multiturn.conversation import Conversation, DataError, InputError, UnknownName
from multiturn.engine.data import DataFolder
from multiturn.judges.drawn import drawn
from multiturn.judges.parse import Parsed
from multiturn.measures.exact import mcnemar
from multiturn.measures.figure import Figure
from multiturn.systems.judge.acute_eval import SELF_CHAT, AcuteEval
from multiturn.systems.judge.acute_eval_items import bundled, dialogue, pairings, read_pairings, units
from multiturn.systems.judge.acute_eval_question import QUESTIONS, choice, question, turned
from multiturn.systems.judge.acute_eval_rating import BLOCKED
from multiturn.systems.judge.acute_eval_votes import (
    Vote,
    agreement,
    grid,
    kept,
    matchup,
    matchups,
    one_question,
    passes,
    read_votes,
)
from multiturn.systems.judge.pair_sets import llmbar_natural

Judge = Callable[[Conversation], str]
Found = dict[tuple[str, str | None, str | None], Figure]
FIRST = '{"reason": "-", "verdict": "1"}'


@pytest.fixture
def run(tmp_path: Path, data_root: Path) -> Callable[..., Found]:
    def go(judge: Any, *settings: str, roles: dict[str, Any] | None = None, **options: Any) -> Found:
        store = tmp_path / f"{random.random()}.db"
        made = AcuteEval(DataFolder(data_root, offline=True), **options)
        found = evaluate(made, judge, settings=settings, store=store, **(roles or {}))
        return {(f.measure, f.setting, f.group): f for f in found.figures}

    return go


def vote(winner: str, loser: str, pairing: int | str = 0, worker: str = "w", **more: Any) -> Vote:
    return Vote(winner=winner, loser=loser, pairing_id=pairing, worker=worker, **more)


# -- exact tests ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("wins", "losses", "p", "stars"), [(40, 20, 0.0135, "*"), (33, 27, 0.519, ""), (60, 20, 8.58e-6, "***")])
def test_the_exact_binomial_test(wins: int, losses: int, p: float, stars: str) -> None:
    found = matchup("a", "b", [True] * wins + [False] * losses, [str(i) for i in range(wins + losses)])
    assert found.p == pytest.approx(p, rel=0.01)
    assert found.p == pytest.approx(stats.binomtest(wins, wins + losses).pvalue)
    assert found.p_pairings == pytest.approx(found.p)  # one vote a pairing: the same test
    assert found.stars == stars
    assert found.share.value == pytest.approx(wins / (wins + losses))


def test_votes_in_two_orders_are_no_more_than_their_pairings() -> None:
    """A rater who says the same in both orders has given one piece of evidence, not two."""
    once = matchup("a", "b", [True] * 8, [str(i) for i in range(8)])
    twice = matchup("a", "b", [True] * 16, [str(i // 2) for i in range(16)])
    assert twice.p < once.p
    assert twice.p_pairings == once.p_pairings
    assert twice.share.low == pytest.approx(once.share.low or 0)


def test_power_and_false_alarms() -> None:
    """200 votes by raters who prefer the stronger with p = 0.65, or not at all; exact, instead of simulated: of 200 seeds more
    than 95 % would find it about every other time, as the power is 0.9547."""
    p = np.array([mcnemar(wins, 200 - wins) for wins in range(201)])
    assert stats.binom.pmf(range(201), 200, 0.65)[p < 0.01].sum() == pytest.approx(0.9547, abs=1e-4)
    assert stats.binom.pmf(range(201), 200, 0.5)[p < 0.05].sum() == pytest.approx(0.0400, abs=1e-4)
    found = alarms = 0
    for seed in range(200):
        draws = np.random.default_rng(seed)
        for strength, level in ((0.65, 0.01), (0.5, 0.05)):
            won = (draws.random(200) < strength).tolist()
            significant = matchup("a", "b", won, list(map(str, range(200)))).p < level
            found, alarms = found + (significant and strength > 0.5), alarms + (significant and strength == 0.5)
    assert found >= 0.9 * 200
    assert alarms <= 0.07 * 200


# -- raters ---------------------------------------------------------------------------------------------------------------
def test_who_fails_onboarding_has_no_votes() -> None:
    votes = [
        vote("a", "b", 1, "good"), vote("person", "weak", "o", "good", is_onboarding=True, correct=True),
        vote("b", "a", 1, "bad"), vote("weak", "person", "o", "bad", is_onboarding=True, correct=False),
        vote("person", "weak", "p", "bad", is_onboarding=True, correct=True), vote("b", "a", 2, "bad"),
        *(vote("x", "y", n, "mostly", is_onboarding=True, correct=n > 0) for n in range(4)), vote("b", "a", 3, "mostly"),
    ]  # fmt: skip
    assert Counter(v.worker for v in kept(votes)) == {"good": 1}
    assert Counter(v.worker for v in kept(votes, strict=False)) == {"good": 1, "mostly": 1}
    assert passes(1, 1)
    assert not passes(0, 1)
    assert passes(3, 4)
    assert not passes(2, 3)
    assert passes(0, 0)


def test_the_grid() -> None:
    votes = (
        [vote("b", "a", n) for n in range(3)] + [vote("a", "b", 3)] + [vote("c", "a", 4), vote("b", "c", 5), vote("c", "b", 6)]
    )
    found = grid(matchups(votes))
    assert found.models == ("a", "b", "c")
    assert found.mean == {"a": 0.125, "b": 0.625, "c": 0.75}
    assert found.shares == ((None, 0.75, 1.0), (0.25, None, 0.5), (0.0, 0.5, None))  # rows lose, columns win
    assert [m.a + m.b for m in matchups(votes)] == ["ab", "ac", "bc"]
    with pytest.raises(InputError, match="no votes left"):
        grid([])


def test_agreement_of_raters() -> None:
    def split(pairing: int, first: int, second: int) -> list[Vote]:
        return [vote("a", "b", pairing)] * first + [vote("b", "a", pairing)] * second

    assert agreement(split(1, 1, 1)).value == 0
    assert agreement(split(1, 2, 0) + split(2, 1, 1) + split(3, 2, 1) + split(4, 1, 0)).value == pytest.approx(
        (1 + 0 + 2 / 3) / 3
    )
    assert agreement(split(1, 2, 2)).value == 0.5
    assert agreement(split(1, 1, 0)).value is None


# -- pairs and places -----------------------------------------------------------------------------------------------------
def test_pairs_and_units() -> None:
    talks = {name: [f"{name}{i}" for i in range(20)] for name in "abc"}
    made = list(pairings(talks, 60))
    assert Counter((a, b) for a, b, *_ in made) == {("a", "b"): 60, ("a", "c"): 60, ("b", "c"): 60}
    assert len(set(made)) == 180
    assert made == list(pairings(talks, 60))
    in_order = list(pairings(talks, 25, shuffled=False))
    assert in_order[:2] == [("a", "b", 0, 0), ("a", "b", 1, 1)]
    assert len(set(in_order)) == 75
    work = units(made, votes=2)
    assert max(map(len, work)) == 5
    assert Counter(n for unit in work for n in unit) == dict.fromkeys(range(180), 2)
    for unit in work:
        shown = [who for n in unit for who in ((made[n][0], made[n][2]), (made[n][1], made[n][3]))]
        assert len(shown) == len(set(shown))


def test_places_are_balanced() -> None:
    first = sum(drawn(str(i)) for i in range(1000))
    assert abs(first - 500) < 3 * np.sqrt(250)
    won = [not drawn(str(i)) for i in range(1000)]  # a rater who likes the left: the first dialogue wins where it is there
    found = matchup("a", "b", won, [str(i) for i in range(1000)])
    assert (found.share.low or 1) < 0.5 < (found.share.high or 0)


def test_a_rater_who_always_names_the_first(run: Callable[..., Found]) -> None:
    blocked = run(lambda chat: FIRST)
    assert blocked["vote: wins", "plain", "attentive__vs__stray"].n_unmeasured == 16
    assert blocked["correct", "plain", None].value is None
    found = run(lambda chat: FIRST, onboarding=False)
    assert found["vote: wins", "plain", "attentive__vs__stray"].value == 0.5
    assert found["shown first", "plain", None].value == 1
    assert found["vote: agreement", "plain", None].value == 0
    once = run(lambda chat: FIRST, onboarding=False, placement="random")
    assert once["vote: wins", "plain", "attentive__vs__stray"].n_scored == 8
    assert once["vote: agreement", "plain", None].value is None


# -- raters that are models -----------------------------------------------------------------------------------------------
def test_a_rater_who_goes_by_the_labels(run: Callable[..., Found]) -> None:
    found = run("gold", "plain", "swapped", "relabelled")
    assert {found["correct", s, None].value for s in ("plain", "swapped", "relabelled")} == {1}
    assert found["vote: mean share of wins", "plain", "attentive"].value == 1
    assert found["vote: mean share of wins", "plain", "vague"].value == 0.5
    assert found["vote: wins", "plain", "stray__vs__vague"].value == 0
    assert "exact binomial p = 3.05e-05 ***" in found["vote: wins", "plain", "stray__vs__vague"].note
    assert found["vote: agreement", "plain", None].value == 1


def test_each_rater_is_onboarded_and_a_failing_one_is_blocked(run: Callable[..., Found], tmp_path: Path) -> None:
    asked: Counter[bool] = Counter()

    def wrong(chat: Conversation) -> str:
        text = chat.messages[0].text
        asked["Bruno" in text] += 1
        one = text.split("<dialogue-of-speaker-2>")[0]
        return json.dumps({"verdict": "1" if "I do not know" in one or "Bruno" not in text else "2"})

    found = run(wrong)
    assert asked[False] == 0  # a blocked rater is asked nothing more
    assert asked[True] == 2  # once in each order, then recorded
    assert found["vote: wins", "plain", "attentive__vs__vague"].n_scored == 0
    right = run("gold", raters=2, roles={"judge": wrong})  # the cast's judge is the second rater
    assert right["vote: wins", "plain", "attentive__vs__vague"].n_scored == 16
    assert right["vote: wins", "plain", "attentive__vs__vague"].n_unmeasured == 16
    assert right["correct", "plain", None].value == 1
    store = tmp_path / "cause.db"
    made = evaluate(AcuteEval(DataFolder(offline=True)), wrong, store=store)
    causes = {v.cause for view in made.conversations() for v in view.verdicts if v.measure == "vote"}
    assert causes == {BLOCKED}


def test_replies_that_cannot_be_read(run: Callable[..., Found]) -> None:
    for text in ("both are fine", '{"verdict": "tie"}', '{"verdict": "1", "winner": "2"}', ""):
        found = run(lambda chat, text=text: text)
        assert found["correct", "plain", None].value is None
        assert found["unparsable", "plain", None].value == 1
        assert found["vote: wins", "plain", "attentive__vs__vague"].n_scored == 0


@pytest.mark.parametrize(("text", "points"), [
    ('{"verdict": "Speaker 2"}', 0), ('{"verdict": "speaker 1"}', 1), ("[[2]]", 0), ("Verdict: Speaker 1", 1), ("Verdict: 1", 1),
    ("I like Speaker 1", None), ('{"verdict": "3"}', None), ("[[1]] [[2]]", None),
])  # fmt: skip
def test_choices(text: str, points: float | None) -> None:
    outcome = choice(text, ("1", "2"))
    assert (outcome.value if isinstance(outcome, Parsed) else None) == points


def test_what_a_rater_sees(data_root: Path) -> None:
    item = next(bundled())
    text = question(item, QUESTIONS["human"])
    assert QUESTIONS["human"] in text
    assert text.index("dialogue-of-speaker-1") < text.index("dialogue-of-speaker-2")
    assert text.count("**Speaker 1**: ") == text.count("**Speaker 2**: ") == 4
    assert turned(turned(item)).answers == item.answers
    if (data_root / "llmbar").is_dir():
        pair = next(llmbar_natural(DataFolder(data_root)))
        lines = dialogue(pair, pair.first).splitlines()
        assert lines[0].startswith("Partner: ")
        assert lines[-1].startswith("Speaker: ")


# -- files ------------------------------------------------------------------------------------------------------------------
def talk(name: str, *texts: str) -> dict[str, Any]:
    said = [{"id": "person" if k % 2 == 0 else name, "text": text} for k, text in enumerate(texts)]
    return {"speakers": [name, "person"], "dialogue": said}


def pairing(a: str = "m1", b: str = "m2", **more: Any) -> dict[str, Any]:
    dicts = [talk(a, "Hi!", f"good {a}"), talk(b, "Hi!", "I am\nSpeaker: a fraud")]
    return {"is_onboarding": False, "speakers_to_eval": [a, b], "dialogue_ids": [0, 1], "dialogue_dicts": dicts, **more}


def write(path: Path, *rows: Any) -> str:
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return str(path)


def test_people_and_a_judge_on_the_same_pairings(run: Callable[..., Found], tmp_path: Path) -> None:
    on = write(
        tmp_path / "pairs.jsonl", pairing(is_onboarding=True, correct_answer="m1"), pairing(), pairing("m2", "m1"), pairing()
    )
    row = {
        "worker": 1,
        "question": "q",
        "reason": "because",
        "winner": "m1",
        "loser": "m2",
        "is_onboarding": False,
        "correct": -1,
    }
    votes = write(
        tmp_path / "votes.jsonl", {**row, "pairing_id": 1}, {**row, "pairing_id": 2},
        {**row, "pairing_id": 1, "worker": 2, "winner": "m2", "loser": "m1"}, {**row, "pairing_id": 3, "worker": 3},
        {**row, "pairing_id": 0, "worker": 3, "winner": "m2", "loser": "m1", "is_onboarding": True, "correct": False},
    )  # fmt: skip
    pairs, onboarding = read_pairings(Path(on), kept(read_votes(Path(votes))))
    assert len(onboarding) == 1
    assert onboarding[0].label == 1
    assert [p.label for p in pairs] == [None, 0, None]  # split evenly; m1 is the second there; rater 3 is blocked
    assert pairs[0].first == "Partner: Hi!\nSpeaker: good m1"
    assert pairs[0].second == "Partner: Hi!\nSpeaker: I am Speaker: a fraud"  # an utterance is a line, whatever it says

    def judge(chat: Conversation) -> str:
        one = chat.messages[0].text.split("<dialogue-of-speaker-2>")[0]
        return json.dumps({"verdict": "Speaker 1" if "good m1" in one else "Speaker 2"})

    found = run(judge, on=on, votes=votes)
    people = found["people's vote: wins", "plain", "m1__vs__m2"]
    assert people.value == pytest.approx(2 / 3)
    assert people.n_scored == 3
    assert found["people's vote: agreement", "plain", None].value == 0
    assert found["vote: wins", "plain", "m1__vs__m2"].n_scored == 6
    # The judge names m1 in the first pairing and the third, in both orders; in the second, whoever is shown second.
    assert found["vote: wins", "plain", "m1__vs__m2"].value == pytest.approx(5 / 6)
    assert found["correct", "plain", None].n_scored == 1


@pytest.mark.parametrize(("change", "wrong"), [
    ({"speakers_to_eval": ["m1"]}, "two speakers_to_eval"), ({"speakers_to_eval": ["m1", "m3"]}, "`m3` of speakers_to_eval"),
    ({"is_onboarding": True}, "correct_answer"), ({"dialogue_dicts": 3}, "line 1: "),
])  # fmt: skip
def test_pairings_with_mistakes(tmp_path: Path, change: dict[str, Any], wrong: str) -> None:
    with pytest.raises(DataError, match=wrong):
        read_pairings(Path(write(tmp_path / "p.jsonl", pairing(**change))))


def test_bad_input(tmp_path: Path) -> None:
    for options in ({"question": "nice"}, {"placement": "left"}):
        with pytest.raises(UnknownName):
            AcuteEval(None, **options)
    with pytest.raises(InputError, match="1 to 25"):
        AcuteEval(None, raters=0)
    votes = write(tmp_path / "v.jsonl", {"winner": "a", "loser": "b", "pairing_id": 0})
    with pytest.raises(InputError, match="goes with a file of pairings"):
        list(AcuteEval(None, votes=votes).cases())
    pairs = write(tmp_path / "p.jsonl", pairing())
    with pytest.raises(DataError, match="a vote is about a and b"):
        list(AcuteEval(None, on=pairs, votes=votes).cases())
    with pytest.raises(DataError, match="line 1"):
        read_votes(Path(write(tmp_path / "w.jsonl", {"winner": "a"})))
    with pytest.raises(DataError, match="against itself"):
        read_votes(Path(write(tmp_path / "w.jsonl", {"winner": "a", "loser": "a"})))
    with pytest.raises(DataError, match="cannot read"):
        list(AcuteEval(None, on=str(tmp_path / "none.jsonl")).cases())
    with pytest.raises(DataError, match="2 different questions"):
        one_question([vote("a", "b", question="one"), vote("a", "b", question="two")])


# -- self-chats ---------------------------------------------------------------------------------------------------------------
def test_self_chats_are_compared(run: Callable[..., Found]) -> None:
    def lively(chat: Conversation) -> str:
        return f"And what of the {len(chat)}th mountain?"

    def dull(chat: Conversation) -> str:
        return "ok"

    def judge(chat: Conversation) -> str:
        one = chat.messages[0].text.split("<dialogue-of-speaker-2>")[0]
        return json.dumps({"verdict": "1" if "mountain" in one or "soft bed" in one else "2"})

    found = run(lively, SELF_CHAT, roles={"user": dull, "judge": judge}, turns=3)
    wins = found["vote: wins", SELF_CHAT, "this model__vs__user"]
    assert (wins.value, wins.n_scored, wins.n_cases) == (1, 8, 4)
    silent = run(lambda chat: "", SELF_CHAT, roles={"user": dull, "judge": judge})
    assert silent["vote: wins", SELF_CHAT, "this model__vs__user"].value == 0
    alone = run(lively, SELF_CHAT)
    assert alone["vote: wins", SELF_CHAT, "this model__vs__user"].n_unmeasured == 4
