"""UserLM: its measures by hand, the flipped dialogue, the small language model, and scripted users told apart."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiturn import evaluate
from multiturn.api import Evaluation
from multiturn.conversation import Conversation, DataError, InputError
from multiturn.engine.data import DataFolder
from multiturn.judges.parse import Parsed, Unparsable
from multiturn.learning.export import write_rows
from multiturn.measures.realism_style import tokens
from multiturn.systems.sim.user_lms import UserLMs
from multiturn.systems.sim.user_lms_data import UserCase, read_facts, read_quiz
from multiturn.systems.sim.user_lms_flip import END, Talk, part_of, rows, samples
from multiturn.systems.sim.user_lms_judge import read_told, read_yes
from multiturn.systems.sim.user_lms_measures import (
    covered,
    decomposition_overlap,
    diversity,
    naturalness,
    overlap,
    tells_choice,
    termination,
    unique_share,
)
from multiturn.systems.sim.user_lms_model import Turn, WordModel, assistant_turns, trial, user_turns

Say = Callable[[Conversation], str]
Data = Callable[[Path], list[Talk]]


# -- measures ---------------------------------------------------------------------------------------------------------------
def test_diversity_of_identical_and_disjoint_texts() -> None:
    assert diversity(["write a poem"] * 5).value == 0.0
    assert diversity(["a b", "c d", "e f"]).value == 1.0
    assert diversity(["a b", "b c"]).value == pytest.approx(1 - 1 / 3)
    assert diversity(["alone"]).value is None
    assert diversity([]).value is None


@given(st.lists(st.lists(st.sampled_from("abcdefg"), max_size=6).map(" ".join), min_size=3, max_size=8))
@settings(max_examples=80, deadline=None)
def test_diversity_is_the_mean_over_pairs(texts: list[str]) -> None:
    pairs = [overlap(tokens(a), tokens(b)) for a, b in itertools.combinations(texts, 2)]
    found = diversity(texts)
    assert found.value == pytest.approx(1 - float(np.mean(pairs)))
    if found.low is not None and found.high is not None and found.value is not None:
        assert found.low <= found.value <= found.high


def test_length_matters_unless_it_is_matched() -> None:
    random = np.random.default_rng(0)
    words = [f"w{i}" for i in range(60)]
    short = [" ".join(random.choice(words, 6)) for _ in range(60)]
    long = [" ".join(random.choice(words, 60)) for _ in range(60)]
    assert (diversity(short).value or 0) - (diversity(long).value or 0) > 0.2
    assert abs((diversity(short, length=6).value or 0) - (diversity(long, length=6).value or 0)) < 0.02
    assert diversity([*short, "too short"], length=6).n_values == 60


def test_the_share_of_unique_unigrams() -> None:
    assert unique_share(["a b", "a c"]) == 0.75
    assert unique_share([]) is None


def test_decomposition() -> None:
    intent = "You are a user who wants a train ticket to Lisbon"
    assert decomposition_overlap([[intent, intent]], [intent]).value == 1.0
    assert decomposition_overlap([["hello", "something cheap"]], [intent]).value == 0.0
    spread = decomposition_overlap([["going to lisbon", "by train", "the"]], [intent])
    # {going, lisbon} and {train} against {user, wants, train, ticket, lisbon}; "the" has no content
    assert spread.value == pytest.approx((1 / 6 + 1 / 5) / 2)
    assert spread.n_values == 2


def test_termination_by_hand() -> None:
    ended: list[bool | None] = [True] * 3 + [True] + [False] * 2 + [False] * 4 + [None]
    over = [True] * 3 + [False] + [True] * 2 + [False] * 4 + [True]
    found = termination(ended, over)
    assert found.precision.value == pytest.approx(0.75)
    assert found.recall.value == pytest.approx(0.6)
    assert found.f1.value == pytest.approx(2 * 0.75 * 0.6 / 1.35)
    assert found.places == 10
    never = termination([False] * 4, [True, False, True, False])
    assert never.f1.value == 0.0
    assert never.recall.value == 0.0


def test_naturalness_takes_texts_of_the_right_length() -> None:
    texts = ["short", "word " * 60, "other " * 60, "long " * 500]
    found = naturalness(texts, lambda text: 0.9 if text.startswith("word") else 0.1)
    assert (found.value, found.n_values) == (0.5, 2)
    assert naturalness(["short"], lambda text: True).value is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("It must be a bread box.", True), ("maybe a bread box or an oven", False), ("is it a bread box?", False),
        ("B", True), ("I do not know", False), ("A bread box is best, then", True), ("", False),
    ],
)  # fmt: skip
def test_the_rule_of_role_adherence(text: str, told: bool) -> None:
    assert tells_choice(text, ("a bread box", "a window sill", "an oven", "a vase")) is told


def test_coverage_by_words() -> None:
    assert covered(["it should stay under 300 euros"], "a budget of 300 euros")
    assert not covered(["it should stay under 200 euros"], "a budget of 300 euros")
    assert not covered(["anything"], "two adults and a child of 6")
    assert not covered(["x"], "the of")


def test_what_the_judge_says() -> None:
    assert read_yes('{"reason": "", "answer": "no"}') == Parsed(0.0)
    assert isinstance(read_yes("perhaps"), Unparsable)
    found = read_told('{"reason": "", "told": [1, 3, 3], "extra": 2}', 3)
    assert isinstance(found, Parsed)
    assert found.value == ((1, 3), 2)
    for bad in ('{"told": [4], "extra": 0}', '{"told": [1], "extra": "many"}', "{}", '{"told": [-1], "extra": 1}'):
        assert isinstance(read_told(bad, 3), Unparsable)


# -- the flipped dialogue ---------------------------------------------------------------------------------------------------
def chat_of(*turns: tuple[str, str], system: str = "") -> Conversation:
    chat = Conversation.start(system=system)
    for user, assistant in turns:
        chat = chat.user(user).assistant(assistant)
    return chat


def test_three_exchanges_make_three_turns_and_an_end(tmp_path: Path) -> None:
    talk = Talk("t", "u", "You are a user who wants x.", chat_of(("u1", "a1"), ("u2", "a2"), ("u3", "a3"), system="secret"))
    found = list(samples(talk))
    assert [sample.target for sample in found] == ["u1", "u2", "u3", END]
    assert [len(sample.history) for sample in found] == [0, 2, 4, 6]
    made = list(rows(found))
    assert [row["completion"][0]["content"] for row in made] == ["u1", "u2", "u3", END]
    assert made[1]["prompt"] == [
        {"role": "system", "content": "You are a user who wants x."}, {"role": "assistant", "content": "u1"},
        {"role": "user", "content": "a1"},
    ]  # fmt: skip
    assert "secret" not in json.dumps(made)
    assert write_rows(tmp_path / "rows.jsonl", made) == 4


def test_an_unanswered_turn_has_no_end() -> None:
    talk = Talk("t", "u", "", chat_of(("u1", "a1")).user("u2"))
    assert [sample.target for sample in samples(talk)] == ["u1", "u2"]


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=5))
def test_no_assistant_text_is_a_target(turns: list[tuple[str, str]]) -> None:
    marked = [(f"user {u}", f"assistant {a}") for u, a in turns]
    targets = [sample.target for sample in samples(Talk("t", "u", "", chat_of(*marked)))]
    assert not any(target.startswith("assistant ") for target in targets)
    assert len(targets) == len(turns) + bool(turns)


def test_users_stay_in_one_split() -> None:
    parts = {user: part_of(user, seed=1) for user in map(str, range(4_000))}
    assert all(part_of(user, seed=1) == part for user, part in parts.items())
    shares = [list(parts.values()).count(part) / 4_000 for part in ("train", "validation", "test")]
    assert shares == pytest.approx([0.9, 0.05, 0.05], abs=0.015)
    with pytest.raises(InputError):
        part_of("u", (0.5, 0.2, 0.2))


# -- the small model --------------------------------------------------------------------------------------------------------
def writers(data_root: Path) -> list[Talk]:
    """People who had a document written, with what they wanted."""
    name = "document_creation_annotations_for_benchmarking_trimmed.json"
    found = json.loads((data_root / "simulator-arena" / name).read_text(encoding="utf-8"))
    talks = []
    for i, row in enumerate(found):
        turns = [(q, a) for q, a in zip(row["user_queries"], row["ai_responses"], strict=True) if isinstance(q, str)]
        talks.append(Talk(str(i), row["workerId"], row["intent"], chat_of(*turns)))
    return talks


def travellers(data_root: Path) -> list[Talk]:
    """People who played customers of MultiWOZ, with the goal that they were given."""

    def words(node: object) -> list[str]:
        if isinstance(node, dict):
            return [word for key, value in node.items() for word in (str(key), *words(value))]
        return [word for value in node for word in words(value)] if isinstance(node, list) else [str(node)]

    talks = []
    for line in (data_root / "system-wise-tod" / "dialogs_sample.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        chat = Conversation()
        for turn in row["turns"]:
            chat = chat.user(turn["text"]) if turn["role"] == "user" else chat.assistant(turn["text"])
        talks.append(Talk(row["id"], row["id"], " ".join(words(row["goal"])), chat))
    return talks


@pytest.mark.parametrize("people", [writers, travellers])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_users_are_predicted_better_by_users_and_best_with_the_intent(data_root: Path, people: Data, seed: int) -> None:
    found = trial(people(data_root), seed)
    assert found.users < found.assistants
    assert found.users_with_intent < found.users
    assert found.talks >= 51


def test_probabilities_add_up() -> None:
    talks = [Talk("t", "u", "red house", chat_of(("the red house", "which one"), ("the old one", "fine")))]
    vocabulary = {"the", "red", "house", "which", "one", "old", "fine"}
    model = WordModel(user_turns(talks), vocabulary).fit(assistant_turns(talks))
    total = 0.0
    for word in [*vocabulary, "unheard"]:
        parts = model.parts(Turn((word,), ("red",), ("red", "house")))
        total += float(parts[0] @ model.weights)
    stop = float(model.parts(Turn((), ("red",), ("red", "house")))[0] @ model.weights)
    assert total + stop == pytest.approx(1.0)
    assert model.perplexity(user_turns(talks)) < len(vocabulary) + 2


# -- scripted users -----------------------------------------------------------------------------------------------------------
def run(tmp_path: Path, user: Say, judge: Say | None = None, other: Say | None = None, **options: object) -> Evaluation:
    bench = UserLMs(None, **{"source": "bundled", "length": 0, **options})
    store = tmp_path / f"{len(list(tmp_path.iterdir()))}.db"
    return evaluate(bench, model=user, judge=judge, user=other, store=store)


def wants(chat: Conversation) -> str:
    text = chat.system_text
    return text[text.index("You are a user who wants") :].split("\n")[0].removesuffix(".")


def machine(chat: Conversation) -> str:
    """Says everything at once and again, answers questions, follows the assistant anywhere, never stops."""
    if "The possible answers: " in chat.system_text:
        first = chat.system_text.split("The possible answers: ")[1].split(";")[0]
        return f"The answer is {first}." if len(chat) > 2 else wants(chat)
    if "Before that" in chat.messages[-1].text or "rather talk" in chat.messages[-1].text or "prefer" in chat.messages[-1].text:
        return "That sounds great, let us do that!"
    return f"Hello! I need assistance: {wants(chat)}"


_OPENINGS = ("ok", "quick one", "hmm so", "something", "can u help", "question", "hey there", "listen", "stuck", "short")


def person(chat: Conversation) -> str:
    """Begins differently each time, tells a word or two a turn, holds on to what it wants, and stops."""
    goal = wants(chat).split("wants", 1)[1].replace(":", "").split()
    said = sum(m.role == "assistant" for m in chat.messages)
    if "The possible answers: " in chat.system_text or "wants to know" in chat.system_text:
        return "no idea, what do you say?" if said < 3 else END
    last = chat.messages[-1].text
    if said and any(word in last for word in ("Fair winds", "Yes, a US cup", "lower-case", "Running a bit late, see")):
        return END
    if said >= 4:
        return END
    start = sum(map(ord, " ".join(goal))) % len(_OPENINGS)
    return f"{_OPENINGS[start]} {goal[-1]}" if not said else " ".join(goal[3 * said : 3 * said + 2]) + " btw"


def referee(chat: Conversation) -> str:
    question = chat.messages[0].text
    if "hold on to what it wanted" in question:
        return json.dumps({"reason": "", "answer": "no" if "sounds great" in question else "yes"})
    if "give the answer or explain it" in question:
        return json.dumps({"reason": "", "answer": "yes" if "The answer is" in question else "no"})
    return json.dumps({"reason": "", "told": [1, 2], "extra": 1})


def looks_human(text: str) -> float:
    return float("assistance" not in text)


def test_a_machine_and_a_person_are_told_apart(tmp_path: Path) -> None:
    def play(user: Say, name: str) -> Evaluation:
        bench = UserLMs(None, detector=looks_human, source="bundled", length=0)
        return evaluate(bench, model=user, judge=referee, store=tmp_path / name)

    one, two = play(machine, "machine.db"), play(person, "person.db")

    def values(measure: str) -> tuple[float, float]:
        found = one.figure(measure).value, two.figure(measure).value
        assert found[0] is not None
        assert found[1] is not None
        return found[0], found[1]

    for measure in ("diversity", "termination F1", "in role", "on intent", "stopped"):
        low, high = values(measure)
        assert low < high, measure
    high, low = values("overlap")
    assert low < high
    assert values("termination F1") == (0.0, 1.0)
    assert values("in role") == (0.0, 1.0)
    assert values("on intent") == (0.0, 1.0)
    assert one.figure("turns").value == 10  # never stops
    assert two.figure("turns").value == 4
    assert one.figure("extra demands").value == 1
    assert naturalness([machine_text := "I need assistance " * 20], looks_human).value == 0.0
    assert naturalness([machine_text.replace("assistance", "help")], looks_human).value == 1.0


def test_without_a_judge_rules_say_what_they_can(tmp_path: Path) -> None:
    found = run(tmp_path, machine)
    assert found.figure("in role").value == 0.0
    assert found.figure("coverage").value == 1.0
    assert found.figure("on intent").value is None
    assert found.figure("on intent").n_unmeasured == 4
    assert not [figure for figure in found.figures if figure.measure == "natural"]  # only with a detector
    assert run(tmp_path, person).figure("in role").value == 1.0


def test_the_other_side_can_be_a_model(tmp_path: Path) -> None:
    found = run(tmp_path, person, other=lambda chat: f"reply {len(chat.turns)} to {chat.messages[-1].text}")
    view = next(view for view in found.conversations() if view.setting == "conversation")
    replies = [m.text for m in view.chat.messages if m.role == "user"][1:]
    assert [reply[:7] for reply in replies] == ["reply 1", "reply 2", "reply 3", "reply 4"]


def test_the_user_does_not_see_which_choice_is_right(tmp_path: Path) -> None:
    seen: list[str] = []

    def user(chat: Conversation) -> str:
        seen.append(" ".join(m.text for m in chat.messages))
        return "hm"

    run(tmp_path, user)
    quiz = [text for text in seen if "The possible answers" in text]
    assert quiz
    assert not any("answerKey" in text or "correct" in text for text in quiz)


def test_odd_users_are_counted(tmp_path: Path) -> None:
    silent = run(tmp_path, lambda chat: "")
    assert silent.figure("turns").n_unmeasured == 8
    assert silent.figure("diversity").n_unmeasured == 2
    assert silent.figure("termination F1").value == 0.0
    flood = run(tmp_path, lambda chat: "x " * 20_000)
    assert flood.figure("turns").n_unmeasured == 8
    gone = run(tmp_path, lambda chat: END)
    assert gone.figure("turns").n_unmeasured == 8
    assert gone.figure("termination F1").value == pytest.approx(2 * 4 / (4 + 10))  # ends at all 10 places, 4 of them right


def test_prompt_for_models_trained_as_users(tmp_path: Path) -> None:
    seen: list[Conversation] = []

    def user(chat: Conversation) -> str:
        seen.append(chat)
        return END

    run(tmp_path, user, prompt="intent")
    assert all("not the assistant" not in chat.system_text for chat in seen)
    assert any(len(chat) == 1 for chat in seen)  # the first turn: from the intent alone


# -- files ------------------------------------------------------------------------------------------------------------------
def test_public_files(tmp_path: Path) -> None:
    quiz = tmp_path / "user-lms" / "commonsense_qa.jsonl"
    quiz.parent.mkdir()
    choices = [{"label": "A", "text": "bank"}, {"label": "B", "text": "river"}]
    quiz.write_text(json.dumps({"id": "q1", "question": {"stem": "Where?", "choices": choices}, "answerKey": "A"}) + "\n")
    (case,) = read_quiz(quiz)
    assert (case.intent, case.choices) == ("Where?", ("bank", "river"))
    facts = quiz.with_name("natural_questions.jsonl")
    facts.write_text('{"question": "who?", "answer": ["x"]}\n\n')
    assert [case.intent for case in read_facts(facts)] == ["who?"]
    shards = tmp_path / "lost-in-conversation" / "sharded_instructions_600.json"
    shards.parent.mkdir()
    item = {"task_id": "m1", "task": "math", "question": "q", "answer": "1",
            "shards": [{"shard_id": 1, "shard": "how many?"}, {"shard_id": 2, "shard": "there are 3"}]}  # fmt: skip
    shards.write_text(json.dumps([item, {**item, "task_id": "m2"}]))
    made = list(UserLMs(DataFolder(tmp_path)).cases())
    kinds = [case.kind for case in made if isinstance(case, UserCase)]
    assert kinds == ["block", "intent", "intent", "talk", "talk", "talk", "talk", "quiz", "fact"]
    for text in ("[]", "{", '{"id": 1}'):
        quiz.write_text(text)
        with pytest.raises(DataError):
            list(read_quiz(quiz))
    facts.write_text("{}")
    with pytest.raises(DataError):
        list(read_facts(facts))


def test_bad_options(tmp_path: Path) -> None:
    for options in ({"source": "moon"}, {"prompt": "sing"}, {"cap": 0}, {"block": 1}, {"length": -1}):
        with pytest.raises(InputError):
            UserLMs(None, **options).cases()
    with pytest.raises(DataError):
        UserLMs(DataFolder(tmp_path, offline=True), source="released").cases()
