"""USP: profiles, the reward and its parts, the turn splitter, the toy policy, and the benchmark on scripted players."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn import evaluate
from multiturn.api import Evaluation
from multiturn.conversation import Conversation, DataError, InputError
from multiturn.engine.data import DataFolder
from multiturn.judges.parse import Parsed, Unparsable
from multiturn.learning.credit import token_turns
from multiturn.learning.export import write_rows
from multiturn.systems.sim.usp import USP
from multiturn.systems.sim.usp_data import UspCase, read_dialogues, sample
from multiturn.systems.sim.usp_judge import read_facts
from multiturn.systems.sim.usp_measures import (
    bag_of_words,
    cosines,
    cycle_consistency,
    densities,
    diversity_gap,
    groups,
    joined,
    pairwise_cosine,
    profile_consistency,
    reward,
    similarity,
    style,
    verified,
)
from multiturn.systems.sim.usp_profile import Profile, parse_profile, profile_of, read_profile, read_schema, system_text
from multiturn.systems.sim.usp_toy import MANNERS, TOPICS, read_back, rlcc
from multiturn.systems.sim.usp_turns import pieces, rows, split

Say = Callable[[Conversation], str]
BAKER = Profile("You bake bread in Graz", "You write short warm sentences")


# -- profiles and the reward ------------------------------------------------------------------------------------------
def test_a_profile_is_the_first_and_the_last_line() -> None:
    assert parse_profile("\nfacts here\n\nmiddle\n traits here \n") == Profile("facts here", "traits here")
    assert parse_profile("only facts") == Profile("only facts", "")
    assert parse_profile("") == Profile("", "")
    assert profile_of("… your profile is: \nA b.\n\nC d.\n You can say anything you want") == Profile("A b.", "C d")
    assert profile_of(system_text(BAKER).split("\nYou may say")[0]) == BAKER


def test_cycle_consistency() -> None:
    other = Profile("chess clubs near Oslo", "never long nor polite")
    assert cycle_consistency(BAKER, BAKER) == pytest.approx(2.0)
    assert abs(cycle_consistency(BAKER, other)) < 0.05
    assert cycle_consistency(BAKER, Profile(BAKER.traits, BAKER.facts)) < 1.0  # the paragraphs swapped
    assert cycle_consistency(BAKER, Profile("", "")) == 0.0
    assert cycle_consistency(BAKER, Profile(BAKER.facts, "")) == pytest.approx(1.0)


def test_reward() -> None:
    found = reward(BAKER, BAKER, [1.0, 0.5])
    assert found.value == pytest.approx(0.8 * 2 + 0.2 * 0.75)
    assert reward(BAKER, BAKER, []).authenticity == 0.0
    constant = reward(BAKER, Profile("x", "y"), [1.0], encoder=lambda texts: np.ones((len(texts), 3)), weights=(1.0, 0.0))
    assert constant.value == pytest.approx(2.0)


def test_schema_and_profile_are_read_with_care() -> None:
    found = read_schema('{"occupation": "baker", "age": "unknown", "task_details": "a sign", "x": "y"}')
    assert found == Parsed({"occupation": "baker", "task details": "a sign"})
    assert isinstance(read_schema('{"age": "unknown"}'), Unparsable)
    assert isinstance(read_schema("nothing"), Unparsable)
    assert isinstance(read_profile("one line"), Unparsable)
    assert read_profile("a\n\nb") == Parsed(Profile("a", "b"))


# -- consistency by facts ---------------------------------------------------------------------------------------------
def test_dpc_by_hand() -> None:
    # 3 of 4 profile facts are in the dialogue; 1 of 2 of the dialogue's in the profile
    found = profile_consistency([[0.9, 0.1], [0.2, 0.7], [0.5, 0.0], [0.4, 0.49]], [[0.9, 0, 0, 0.2], [0.1, 0.1, 0.3, 0.2]])
    assert (found.precision, found.recall) == (0.75, 0.5)
    assert found.dpc == pytest.approx(2 * 0.75 * 0.5 / 1.25)
    assert profile_consistency([1, 1, 0, 1], [1, 0]) == found
    assert profile_consistency([0], [0]).dpc == 0.0


def test_empty_fact_lists_are_said() -> None:
    empty = profile_consistency([], [1.0])
    assert (empty.precision, empty.recall, empty.dpc) == (0.0, 1.0, 0.0)
    assert empty.note == "no facts of the profile"
    assert profile_consistency([], []).note == "no facts of the profile and the dialogue"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_dpc_lies_between_its_parts(a: list[float], b: list[float]) -> None:
    found = profile_consistency(a, b)
    assert min(found.precision, found.recall) - 1e-9 <= found.dpc <= max(found.precision, found.recall) + 1e-9


def test_facts_of_the_judge() -> None:
    assert read_facts('{"facts": [{"fact": "bakes", "entailed": "yes"}, {"fact": "b", "entailed": "No"}]}') == Parsed([1.0, 0.0])
    assert read_facts('{"facts": []}') == Parsed([])
    for bad in ("[]", '{"facts": ["bakes"]}', '{"facts": [{"fact": "x", "entailed": "maybe"}]}', "?"):
        assert isinstance(read_facts(bad), Unparsable)


# -- authenticity and diversity ---------------------------------------------------------------------------------------
def test_similarities() -> None:
    assert similarity(["a b", "c"], ["a b", "d"]).value == pytest.approx(0.5)
    assert similarity([], ["a"]).value is None
    hasty, formal = "ok thx, what abt monday", "Dear Sir, I would like to know. Thank you."
    like = similarity([hasty], ["u there? idk"], style).value
    unlike = similarity([hasty], [formal], style).value
    assert like is not None
    assert unlike is not None
    assert like > unlike
    assert verified(["a", "b"], ["a", "c"], lambda x, y: x == y).value == 0.5
    assert list(cosines(bag_of_words(["x", ""]), bag_of_words(["x", "y"]))) == [1.0, 0.0]


def test_pairwise_cosine_is_the_mean_over_pairs() -> None:
    vectors = np.random.default_rng(0).normal(size=(6, 4))
    brute = [float(cosines(vectors[[i]], vectors[[j]])[0]) for i in range(6) for j in range(6) if i != j]
    assert pairwise_cosine(vectors) == pytest.approx(float(np.mean(brute)))
    assert pairwise_cosine(vectors[:1]) is None


def test_diversity_gap() -> None:
    people = ["bread in graz", "chess at night", "roses and rain", "a train to oslo"]
    assert diversity_gap(people, people) == pytest.approx(0.0)
    monotonous = diversity_gap(["bread in graz"] * 4, people)
    assert monotonous is not None
    assert monotonous > 0.5
    assert diversity_gap(["x"], people) is None


def test_common_and_rare_profiles() -> None:
    random = np.random.default_rng(1)
    vectors = np.vstack([random.normal(0, 0.1, (12, 3)), random.normal(0, 5, (4, 3))])
    found = groups(vectors)
    assert {name for name in found[12:] if name != "minority"} <= {"middle"}
    assert [found.count(name) for name in ("majority", "middle", "minority")] == [4, 8, 4]
    assert densities(vectors)[:12].min() > densities(vectors)[12:].max()
    assert groups(np.ones((1, 2))) == ["middle"]
    assert groups(np.ones((4, 2))).count("majority") == 1
    assert joined(BAKER, Profile("a", "b")) == Profile(BAKER.facts, "b")


# -- the turn splitter ------------------------------------------------------------------------------------------------
def dialogue(*said: str, system: str = "You are somebody.") -> Conversation:
    chat = Conversation.start(system=system)
    for i, text in enumerate(said):
        chat = chat.assistant(text) if i % 2 else chat.user(text)
    return chat


def test_one_sample_a_turn_and_masks_that_cover_it(tmp_path: Path) -> None:
    chat = dialogue("Hi there", "Hello!", "more, please", "Sure.", "bye")
    found = split(chat, reward=1.5)
    assert [each.action for each in found] == ["Hi there", "more, please", "bye"]
    for each in found:
        assert "".join(t for t, m in zip(each.tokens, each.mask, strict=True) if m) == each.action
        assert each.reward == 1.5
    made = list(rows(found, BAKER, "g"))
    assert [row["completion"][0]["content"] for row in made] == ["Hi there", "more, please", "bye"]
    assert [m["role"] for m in made[1]["prompt"]] == ["system", "assistant", "user"]
    assert BAKER.facts in made[0]["prompt"][0]["content"]
    assert write_rows(tmp_path / "rows.jsonl", made) == 3
    assert token_turns(found[-1].mask).tolist().count(0) == 1  # one piece, of the one turn trained on


@given(st.lists(st.text(max_size=12), max_size=7))
def test_masks_together_are_the_users_tokens(said: list[str]) -> None:
    chat = dialogue(*said)
    found = split(chat)
    assert len(found) == (len(said) + 1) // 2
    whole = [t for m in chat.messages for t in pieces(m.text)]
    users = [float(m.role == "user") for m in chat.messages for _ in pieces(m.text)]
    union = np.zeros(len(whole))
    for each in found:
        assert list(each.tokens) == whole[: len(each.tokens)]
        union[: len(each.mask)] += each.mask
    assert union.tolist() == users  # each token of the user once, no other


# -- the toy policy ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_rlcc_raises_consistency_on_profiles_never_trained_on(seed: int) -> None:
    found = rlcc(seed)
    assert found.before < 0.4
    assert found.after > 0.8


def test_reading_back() -> None:
    words = np.array([0, 0, 1, 6 + 2, 12, 13])
    assert read_back(words) == Profile(TOPICS[0], MANNERS[2])
    assert read_back(np.array([12, 13])) == Profile("", "")


# -- the benchmark ----------------------------------------------------------------------------------------------------
def run(tmp_path: Path, bench: USP, model: Say, judge: Say | None = None, user: Say | None = None,
        settings: tuple[str, ...] = ()) -> Evaluation:  # fmt: skip
    store = tmp_path / f"{len(list(tmp_path.iterdir()))}.db"
    return evaluate(bench, model=model, judge=judge, user=user, settings=settings, store=store)


def cases() -> list[UspCase]:
    return list(sample())


def profile_in(text: str) -> UspCase:
    """Whose system text it is; the first person shares facts with a synthetic one, hence both lines are compared."""
    return next(case for case in cases() if case.facts in text and case.traits in text)


def perfect(chat: Conversation) -> str:
    """Says what the person said, word for word."""
    case = profile_in(chat.system_text)
    at = sum(m.role == "assistant" for m in chat.messages)
    return case.said[at] if at < len(case.said) else f"{case.facts} {case.traits}"


def reader(chat: Conversation) -> str:
    """A judge that reads profiles back perfectly from what it is shown."""
    question = chat.messages[0].text
    if "Fill in what the messages" in question:
        return json.dumps({"occupation": next((c.id for c in cases() if c.turns and c.said[0] in question), "none here")})
    if "Write it as a portrait" in question:
        name = question.split("occupation: ")[1].split("\n")[0]
        return next((c.profile.text for c in cases() if c.id == name), "nothing\n\nnobody")
    if "single facts" in question:
        entailed = "yes" if "that the profile states" in question else "no"
        return json.dumps({"facts": [{"fact": "a", "entailed": "yes"}, {"fact": "b", "entailed": entailed}]})
    return '{"reason": "ok", "score": 5}'


def test_somebody_who_is_the_person(tmp_path: Path) -> None:
    found = run(tmp_path, USP(verifier=lambda a, b: a == b), perfect, reader)
    assert found.figure("sem-sim").value == pytest.approx(1.0)
    assert found.figure("style-sim").value == pytest.approx(1.0)
    assert found.figure("ava").value == 1.0
    people = [f for f in found.figures if f.measure == "consistency" and f.group == "majority"]
    assert people[0].value == pytest.approx(2.0)
    assert found.figure("DP.P").value == 1.0
    assert found.figure("DP.R").value == 0.5
    assert found.figure("DPC").value == pytest.approx(2 / 3)
    assert found.figure("trait consistency").value == 5


def test_somebody_else(tmp_path: Path) -> None:
    found = run(tmp_path, USP(), lambda chat: "Certainly! How may I assist you today?")
    value = found.figure("sem-sim").value
    assert value is not None
    assert value < 0.2
    assert found.figure("consistency").value is None
    assert not [figure for figure in found.figures if figure.measure == "ava"]  # only with a verifier
    gap = found.figure("sameness gap").value
    assert gap is not None
    assert gap > 0.5  # always the same sentence


def test_an_assistant_among_such_users(tmp_path: Path) -> None:
    found = run(tmp_path, USP(cap=2), lambda chat: f"reply {len(chat.turns)}", reader, perfect, ("assistant",))
    assert found.figure("quality", group="synthetic").value == 5
    assert {f.group for f in found.figures if f.measure == "quality" and f.kind == "mean"} == {
        None, "majority", "middle", "minority", "synthetic",
    }  # fmt: skip
    views = [view for view in found.conversations() if view.case == "person/1"]
    assert [m.text for m in views[0].chat.messages if m.role == "user"] == cases()[0].said[:2]
    alone = run(tmp_path, USP(cap=2), lambda chat: "x", reader, None, ("assistant",))
    assert alone.figure("quality", group=None).value is None


def test_odd_models_and_judges(tmp_path: Path) -> None:
    silent = run(tmp_path, USP(), lambda chat: "", reader)
    assert silent.figure("sem-sim").value is None
    assert silent.figure("consistency").n_unmeasured == 8
    babble = run(tmp_path, USP(cap=2), lambda chat: "x " * 20_000, lambda chat: "?!")
    assert babble.figure("DPC").n_unmeasured == 8
    short = run(tmp_path, USP(cap=2), lambda chat: "hm", lambda chat: "?!")
    assert short.figure("DPC").n_unmeasured == 8
    assert short.figure("sem-sim").value is not None


# -- files ------------------------------------------------------------------------------------------------------------
def test_released_dialogues(tmp_path: Path) -> None:
    file = tmp_path / "usp" / "test.jsonl"
    file.parent.mkdir()
    system = "Your profile is: \nFacts A.\n\nTraits B..\n You can say anything"
    said = (("system", system), ("user", "u1"), ("assistant", "a1"), ("user", "u2"))
    one = [{"role": role, "content": text} for role, text in said]
    file.write_text("\n".join(json.dumps(one) for _ in range(4)) + "\n")
    found = list(USP(DataFolder(tmp_path)).cases())
    assert [case.group for case in found].count("synthetic") == 1
    first = found[0]
    assert isinstance(first, UspCase)
    assert (first.facts, first.traits, first.turns) == ("Facts A.", "Traits B", (("u1", "a1"),))
    file.write_text(json.dumps([one, one]))
    assert len(read_dialogues(file)) == 2
    for text in ("", "[]", "[[]]", '[{"role": "user", "content": "x"}]', "{", json.dumps([one[0]])):
        file.write_text(text)
        with pytest.raises(DataError):
            read_dialogues(file)
    for options in ({"source": "moon"}, {"cap": 0}):
        with pytest.raises(InputError):
            USP(None, **options).cases()
    with pytest.raises(DataError):
        USP(DataFolder(file.parent), source="released").cases()
