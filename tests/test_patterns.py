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
from multiturn.systems.script.patterns_told import Point, Reached, Sentence, Told
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
        seed=draw(st.integers(0, 10**9)),
        level=draw(st.integers(1, 3)),
        cases=3,
        turns=turns,
        distance=distance,
        constraints=draw(st.integers(1, 12)),
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


@pytest.mark.parametrize("level", [1, 2, 3])
def test_accuracy_under_a_window_follows_from_the_difficulty(level: int) -> None:
    bench = Patterns(level=level, cases=14, turns=9, distance=2, constraints=4)
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


@pytest.mark.parametrize("level", [1, 3])
def test_an_error_propagates_in_follow_up_and_gold_history_stops_it(level: int) -> None:
    bench = Patterns(level=level, cases=7, turns=6)
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
    assert digest == "3cf9b7188cc84eb8"


def test_cases_are_interleaved_and_do_not_depend_on_their_number() -> None:
    few, many = list(Patterns(cases=2).cases()), list(islice(Patterns(cases=50).cases(), 8))
    assert few == many
    assert [case.group for case in few] == [*GROUPS, *GROUPS]
    assert len({case.id for case in Patterns(cases=30).cases()}) == 120
    assert texts(seed=2) != texts(seed=1)


def test_there_is_variety() -> None:
    bench = Patterns(cases=14)
    asked = [t.single for case in bench.cases() for t in case.turns if t.scored]
    assert len(set(asked)) > 0.9 * len(asked)  # small numbers and two rooms come again


def test_prompts_fit_a_small_context() -> None:
    longest = max(sum(len(t.user) + len(t.gold or "") for t in case.turns) for case in Patterns().cases())
    assert longest < 3000  # characters: well under 1,000 tokens


@pytest.mark.parametrize("level", [1, 2, 3])
def test_copying_and_listing_do_not_score(level: int) -> None:
    """Players without understanding: echoing the question, or always the same word."""
    bench = Patterns(level=level, cases=14, turns=8)

    async def echo(chat: Conversation) -> Conversation:
        return chat.assistant(chat.turns[-1].user.text)

    async def same(chat: Conversation) -> Conversation:
        return chat.assistant("start")

    for player, most in ((echo, 0.12), (same, 0.0)):
        right = [ok for case in bench.cases() for _, ok, _ in results(bench, player, "single", case)]
        assert sum(right) <= most * len(right), player


def test_a_level_mixes_easy_and_hard_cases() -> None:
    def easy(level: int) -> list[bool]:
        bench = Patterns(level=level, cases=6)
        return [isinstance(case.turns[-1].target, (Told, Reached, Sentence)) for case in bench.cases()]

    assert easy(1) == [True] * 24
    assert easy(2) == ([True] * 8 + [False] * 4) * 2
    assert easy(3) == [False] * 24


KEY = Told((Point("key", "green", ("red", "blue")),), ("ring",), "Where is the key?")
AMIR = Told((Point("Amir", "garden", ("office",)),), (), "Where is Amir now?")
BOTH = Told(
    (Point("farm", "hens", ("ducks", "goats")), Point("baker", "Mira", ("Ivo",))),
    ("boat",),
    "Which animals does the farm have, and what is the name of the baker?",
)
SIX = Reached(6, (3, 4, 5, 1))
WORDS = Sentence(("dog", "lantern"), ("key",))


@pytest.mark.parametrize(
    ("target", "reply", "wrong"),
    [
        (KEY, "Green.", ""),
        (KEY, "It is in the GREEN box!", ""),
        (KEY, "The ring is in the red box. The key is in the green box.", ""),
        (KEY, "The key is in the green box and the ring is in the red box.", ""),
        (KEY, "The key is in the green box, not in the red box.", ""),
        (KEY, "Where is the key? The key is in the green box.", ""),
        (KEY, "The ring is in the green box.", "expected `green`"),
        (KEY, "The key is in the green box or the red box.", "`red` is wrong"),
        (KEY, "The key is in the green box. The key is in the red box.", "`red` is wrong"),
        (KEY, "The key is not in the green box.", "expected `green`"),
        (KEY, "The key is in the green box. Where is the key?", "expected `green`"),
        (KEY, "Evergreen", "expected `green`"),
        (AMIR, "Amir went from the office to the garden.", ""),
        (AMIR, "Amir left the office. He is in the garden.", ""),
        (AMIR, "Amir is in the office.", "expected `garden`"),
        (AMIR, "The garden is Amir's office.", "`office` is wrong"),
        (BOTH, "Hens, and Mira.", ""),
        (BOTH, "The farm has a hen. The boat is called Ivo. The baker is called Mira.", ""),
        (BOTH, "The farm has hens and ducks, and the baker is Mira.", "`ducks` is wrong"),
        (BOTH, "The farm has hens.", "expected `Mira`"),
        (SIX, "6", ""),
        (SIX, "Six!", ""),
        (SIX, "6 comes after 5.", ""),
        (SIX, "3, 4, 5, 6", ""),
        (SIX, "5 + 1 = 6.", ""),
        (SIX, "6, 7, 8", "`7` is wrong"),
        (SIX, "16", "expected `6`"),
        (SIX, "It is 5.6", "expected `6`"),
        (WORDS, "The dogs sleep under a lantern.", ""),
        (WORDS, 'Sure! Here is a sentence with the words dog and lantern:\n"A dog holds the lantern."', ""),
        (WORDS, "Write one short sentence with the words dog and lantern in it.", "no sentence"),
        (WORDS, "Dog, lantern.", "no sentence"),
        (WORDS, "The hotdog sits by the lantern.", "`dog` is missing"),
        (WORDS, "The dog has a key and a lantern.", "`key` is not wanted any more"),
    ],
)
def test_easy_checks_are_tolerant_of_what_does_not_contradict(target: Told | Reached | Sentence, reply: str, wrong: str) -> None:
    assert target.fault(reply) == wrong


@given(st.text(max_size=400))
def test_easy_checks_survive_any_reply(reply: str) -> None:
    for target in (KEY, AMIR, BOTH, SIX, WORDS):
        target.fault(reply)


def test_empty_replies_are_failed_and_unreached_turns_not_measured() -> None:
    bench = Patterns(cases=1, level=3)
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
        ({"level": 4}, "level=4: must be from 1 to 3"),
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
