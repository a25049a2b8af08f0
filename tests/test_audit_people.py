"""The checks of simulated users on real people, whom they should almost never name; and on recorded simulators."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from multiturn.conversation import Conversation
from multiturn.judges.simulation import ENDLESS, REPEATS, SCRATCHPAD, Secrets, Talk, audit
from multiturn.judges.simulation_habits import Habits, Seen, habits


def chat_of(turns: list[tuple[str, str]]) -> Conversation:
    chat = Conversation()
    for said, reply in turns:
        chat = chat.user(said)
        chat = chat.assistant(reply) if reply else chat
    return chat


def arena(root: Path) -> Iterator[Conversation]:
    for path in sorted((root / "simulator-arena").glob("*annotations*.json")):
        for row in json.loads(path.read_text()):
            said = [q if isinstance(q, str) else "[picture]" for q in row["user_queries"]]
            yield chat_of(list(zip(said, row["ai_responses"], strict=False)))


def blender(root: Path) -> Iterator[Conversation]:
    for line in next((root / "blenderbot-recipes").glob("*.jsonl")).read_text().splitlines():
        yield chat_of([(a["text"], b["text"]) for a, b in json.loads(line)["dialog"][1:]])


def multiwoz(root: Path) -> Iterator[Conversation]:
    for line in (root / "system-wise-tod" / "dialogs_sample.jsonl").read_text().splitlines():
        yield alternating([(t["role"] == "user", t["text"]) for t in json.loads(line)["turns"]])


def mtrag(root: Path) -> Iterator[Conversation]:
    longest: dict[str, list[dict[str, str]]] = {}
    for line in (root / "mtrag" / "human_eval_tasks.jsonl").read_text().splitlines():
        task = json.loads(line)
        name = task["task_id"].partition("<::>")[0]
        longest[name] = max(longest.get(name, []), task["input"], key=len)
    for turns in longest.values():
        yield alternating([(t["speaker"] == "user", t["text"]) for t in turns])


def issues(root: Path) -> Iterator[Conversation]:
    for name in ("cab_verified_lenient", "cab_verified_strict"):
        for line in (root / "codeassistbench" / f"{name}.jsonl").read_text().splitlines():
            task = json.loads(line)
            said = [(c["user"] == task["author"], c["body"]) for c in task["comments"]]
            yield alternating([(True, f"{task['title']}\n{task['body'] or ''}"), *said])


def alternating(turns: list[tuple[bool, str]]) -> Conversation:
    chat = Conversation()
    for user, text in turns:
        chat = chat.user(text) if user else chat.assistant(text)
    return chat


PEOPLE = {"simulator-arena": (arena, 101), "blenderbot-recipes": (blender, 108), "system-wise-tod": (multiwoz, 60),
          "mtrag": (mtrag, 20), "codeassistbench": (issues, 149)}  # fmt: skip


@pytest.mark.parametrize("name", PEOPLE)
def test_people_are_almost_never_named(name: str, data_root: Path) -> None:
    """docs/auditing.md gives these rates."""
    read, count = PEOPLE[name]
    chats = list(read(data_root))
    named = [finding for chat in chats for finding in audit(chat)]
    assert len(chats) == count
    assert len(named) <= 0.01 * count, named


def seen(chats: list[Conversation]) -> list[Seen]:
    return [Seen(str(i), Talk.of(chat), Secrets()) for i, chat in enumerate(chats)]


def shuffled(of: list[Seen]) -> list[Seen]:
    """The same messages, handed out at random."""
    texts = [said.text for c in of for said in c.talk.said]
    random.Random(7).shuffle(texts)
    return [c._replace(talk=c.talk._replace(said=tuple(s._replace(text=texts.pop()) for s in c.talk.said))) for c in of]


@pytest.mark.parametrize("name", ["simulator-arena", "blenderbot-recipes", "system-wise-tod"])
def test_people_answer_and_random_talk_does_not(name: str, data_root: Path) -> None:
    of = seen(list(PEOPLE[name][0](data_root)))
    people, noise = habits(of), habits(shuffled(of))
    assert people.fit.low is not None
    assert people.fit.low > 0.5
    assert not people.random
    assert not people.constant
    assert not people.alike
    assert noise.random, noise.fit


def test_recorded_simulators(data_root: Path) -> None:
    """tau-bench's GPT-4o user: blanks to fill in, and a round of goodbyes up to the end (read in the files); SAGE's says the same
    thing three times."""
    found: list[str] = []
    for line in (data_root / "tau-bench" / "gpt4o_airline_trial0.jsonl").read_text().splitlines():
        turns = [
            (m["role"] == "user", m["content"]) for m in json.loads(line)["traj"] if m["role"] != "tool" and m.get("content")
        ]
        found += [finding.kind for finding in audit(alternating(turns))]
    assert sorted(found) == sorted([ENDLESS, SCRATCHPAD])
    repeated = 0
    for path in sorted((data_root / "sage-sentient").glob("dsv3*first6.jsonl")):
        for line in path.read_text().splitlines():
            turns = [(m["role"] == "user", m["content"]) for m in json.loads(line)["history"]]
            repeated += any(finding.kind == REPEATS for finding in audit(alternating(turns)))
    assert repeated == 2


def test_a_constant_user_is_none(data_root: Path) -> None:
    of = seen(list(arena(data_root)))
    same = [c._replace(talk=c.talk._replace(said=tuple(s._replace(text="Go on.") for s in c.talk.said))) for c in of]
    found: Habits = habits(same)
    assert found.same == 1.0
    assert found.constant
    assert found.example == "Go on."


def test_talk_about_nothing_that_was_said_is_random() -> None:
    """Not one word in common with any conversation; "yes" and "go on" are in place in all."""
    words, draw = ["sea", "winter", "violin", "salty", "soup", "umbrella", "spiders", "opera", "pasta", "fog"], random.Random(3)

    def of(says: Callable[[], str]) -> Habits:
        chats = []
        for case in range(30):
            chat = Conversation()
            for turn in range(4):
                chat = chat.user(says()).assistant(f"Topic{case} has item{turn} beside place{case}.")
            chats.append(chat)
        return habits(seen(chats))

    noise = of(lambda: " ".join(draw.sample(words, 5)))
    assert noise.fit.value == 0.5
    assert noise.random
    assert not of(lambda: draw.choice(["Yes.", "Go on.", "No.", "Right.", "Sure."])).random
    parrot = of(lambda: "Please solve this soon, winter approaches.")
    assert parrot.constant
    assert not parrot.random


def test_conversations_that_begin_alike() -> None:
    def of(first: Sequence[str], secrets: Secrets | None = None) -> Habits:
        known = secrets or Secrets()
        return habits([Seen(str(i), Talk.of(Conversation().user(text), known), known) for i, text in enumerate(first)])

    topics = ("cats", "boats", "bread", "chess", "roses", "trains")
    found = of([f"I need some help with {topic}." for topic in topics[:4]] + ["what about roses then", "how do trains stop"])
    assert (found.alike, found.opening) == (True, "i need some help")
    assert found.begin == pytest.approx(4 / 6)
    assert not of([f"{topic} are what I ask about" for topic in topics]).alike
    assert of(["hello"] * 6).begin == 0.0  # too short to be an opening
    assert of([f"I need some help with {topic}." for topic in topics[:4]]).begin is None
    assert of(["I need some help here."] * 6, Secrets(known="I need some help here.")).begin is None
