"""`patterns`: gold scores 100 %; a reader that forgets falls exactly where theory says; texts are stable."""

from __future__ import annotations

import asyncio
import hashlib
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiturn.conversation import Conversation, InputError, Player, UnknownName
from multiturn.protocols.scripted import ScriptedCase, ScriptedTurn
from multiturn.systems.script.patterns import Patterns
from patterns_reader import Reader

GROUPS = ("recollection", "expansion", "refinement", "follow-up")


class Cast:
    """A cast of one player."""

    stopped = ""

    def __init__(self, player: Player) -> None:
        self.assistant = player


def results(bench: Patterns, player: Player | None, setting: str, case: ScriptedCase) -> list[tuple[ScriptedTurn, bool, str]]:
    """(turn, right?, reason) of every scored turn of this case in this setting; no player = the gold answers."""
    by_number = {turn.number: turn for turn in case.turns}

    async def verdicts() -> list[Any]:
        found = []
        for view in bench.views(case, setting):
            assert isinstance(view, ScriptedCase)
            cast: Any = Cast(player or gold_player(bench, view))
            chat = await bench.play(view, cast, setting)
            found += [v async for v in bench.judge(view, chat, cast)]
        return found

    return [(by_number[v.turn], v.value == 1, v.reason) for v in asyncio.run(verdicts())]


def gold_player(bench: Patterns, view: ScriptedCase) -> Player:
    async def player(chat: Conversation) -> Conversation:
        gold = bench.gold(view, chat)
        assert gold is not None
        return chat.assistant(gold)

    return player


@st.composite
def benches(draw: st.DrawFn) -> Patterns:
    turns = draw(st.integers(2, 14))
    distance = draw(st.integers(1, turns - 1))
    return Patterns(
        seed=draw(st.integers(0, 10**9)), cases=2, turns=turns, distance=distance, constraints=draw(st.integers(1, 12))
    )


@settings(max_examples=25, deadline=None)
@given(benches())
def test_gold_scores_full_marks_in_every_setting(bench: Patterns) -> None:
    for case in bench.cases():
        for setting in bench.settings:
            found = results(bench, None, setting, case)
            assert len(found) == sum(t.scored for t in case.turns)
            assert [(case.id, t.number, why) for t, right, why in found if not right] == []


@settings(max_examples=25, deadline=None)
@given(benches(), st.integers(1, 8))
def test_a_reader_with_a_window_is_right_exactly_where_theory_says(bench: Patterns, k: int) -> None:
    for case in bench.cases():
        for turn, right, why in results(bench, Reader(memory=k), "multi", case):
            assert right == all(turn.number - number < k for number in turn.needs), (case.id, turn, k, why)
        assert all(right for _, right, _ in results(bench, Reader(memory=1), "single", case))


def test_accuracy_under_a_window_follows_from_the_difficulty() -> None:
    bench = Patterns(cases=14, turns=9, distance=2, constraints=4)
    for k in range(1, 10):
        right: dict[str, list[bool]] = {group: [] for group in ("rule", "facts", *GROUPS[1:])}
        for case in bench.cases():
            name = case.group or ""
            name = name if name != "recollection" else "facts" if any(not t.scored for t in case.turns[1:]) else "rule"
            right[name] += [ok for _, ok, _ in results(bench, Reader(memory=k), "multi", case)]
        accuracy = {name: sum(each) / len(each) for name, each in right.items()}
        assert accuracy == pytest.approx(
            {
                "rule": (k - 1) / 8,  # turns 2 to 9 at distances 1 to 8
                "facts": ((k - 1) // 2) / 4,  # distances 2, 4, 6, 8
                "expansion": k / 9,
                "refinement": min(k, 5) / 5,
                "follow-up": 1 / 9 if k == 1 else 1,
            }
        )


@settings(max_examples=15, deadline=None)
@given(benches(), st.data())
def test_needs_are_exact(bench: Patterns, data: st.DataObject) -> None:
    """Somebody who misses one turn is wrong exactly at the turns that need it (in gold histories, so nothing propagates)."""
    for case in bench.cases():
        missed = data.draw(st.integers(1, len(case.turns)))
        for turn, right, why in results(bench, Reader(forgets=missed), "gold", case):
            assert right == (missed not in turn.needs), (case.id, turn, missed, why)


def test_an_error_propagates_in_follow_up_and_gold_history_stops_it() -> None:
    bench = Patterns(cases=7, turns=6)
    reader = Reader()

    async def slips_once(chat: Conversation) -> Conversation:
        return chat.assistant("Unknown") if len(chat.turns) == 3 else await reader(chat)

    for case in bench.cases():
        if case.group == "follow-up":
            assert [ok for _, ok, _ in results(bench, slips_once, "multi", case)] == [True, True, False, False, False, False]
            assert [ok for _, ok, _ in results(bench, slips_once, "gold", case)] == [True, True, False, True, True, True]


def texts(**options: int) -> str:
    return "\n".join(
        f"{case.id} {t.user} {t.gold} {t.single} {t.needs}" for case in Patterns(**options).cases() for t in case.turns
    )


def test_texts_are_stable() -> None:
    """A change here changes the benchmark: results before and after cannot be compared. Say so in the changelog."""
    digest = hashlib.sha256(texts(cases=14).encode()).hexdigest()[:16]
    assert digest == "5902f57c1c2976e0"


def test_cases_are_interleaved_and_do_not_depend_on_their_number() -> None:
    few, many = list(Patterns(cases=2).cases()), list(islice(Patterns(cases=50).cases(), 8))
    assert few == many
    assert [case.group for case in few] == [*GROUPS, *GROUPS]
    assert len({case.id for case in Patterns(cases=30).cases()}) == 120
    assert texts(seed=2) != texts(seed=1)


def test_there_is_variety() -> None:
    bench = Patterns(cases=14)
    asked = [t.single for case in bench.cases() for t in case.turns if t.scored]
    assert len(set(asked)) > 0.95 * len(asked)


def test_prompts_fit_a_small_context() -> None:
    longest = max(sum(len(t.user) + len(t.gold or "") for t in case.turns) for case in Patterns().cases())
    assert longest < 3000  # characters: well under 1,000 tokens


def test_copying_and_listing_do_not_score() -> None:
    """Players without understanding: naming everything, echoing the question, or always the same word."""
    bench = Patterns(cases=14, turns=8)

    async def echo(chat: Conversation) -> Conversation:
        return chat.assistant(chat.turns[-1].user.text)

    async def same(chat: Conversation) -> Conversation:
        return chat.assistant("start")

    for player, most in ((echo, 0.12), (same, 0.0)):
        right = [ok for case in bench.cases() for _, ok, _ in results(bench, player, "single", case)]
        assert sum(right) <= most * len(right), player


def test_empty_replies_are_failed_and_unreached_turns_not_measured() -> None:
    bench = Patterns(cases=1)
    case = next(bench.cases())
    cast: Any = Cast(Reader())
    cast.stopped = "context limit"

    async def verdicts() -> list[Any]:
        chat = Conversation().user(case.turns[0].user).assistant("OK").user(case.turns[1].user).assistant(" ")
        return [v async for v in bench.judge(case, chat, cast)]

    first, *others = asyncio.run(verdicts())
    assert (first.value, first.failed) == (0.0, True)
    assert {(v.value, v.cause) for v in others} == {(None, "context limit")}
    assert len(others) == len(case.turns) - 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"turns": 1}, "turns=1: must be from 2 to 40"),
        ({"cases": 0}, "cases=0: must be from 1"),
        ({"distance": 8}, "distance=8: needs turns=9 or more"),
        ({"constraints": 21}, "constraints=21"),
    ],
)
def test_impossible_difficulties_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(Patterns(**options).cases())


def test_unknown_option_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean `turns`"):
        Patterns(turn=3)
