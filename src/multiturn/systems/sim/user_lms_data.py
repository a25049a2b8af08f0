"""UserLM's cases: intents with the information that belongs to them, finished conversations, quiz questions, plain questions; and
readers of the public files of the same kinds. The bundled ones are ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from ...conversation import Case, DataError
from ...conversation.files import json_rows
from .lost_case import LostCase

Kind = Literal["block", "intent", "talk", "quiz", "fact"]
QUIZ_FILE, FACT_FILE = "commonsense_qa.jsonl", "natural_questions.jsonl"


class UserCase(Case, frozen=True, kw_only=True):
    """What the user is told. ``group``: the kind, which decides in which setting it is played.

    block   ``intents``, for each of which a first turn is written
    intent  ``intent`` (all that the user wants) and its ``units`` of information
    talk    ``intent`` and a conversation that was over: ``turns`` of (user, assistant)
    quiz    ``intent`` (a question) and its ``choices``; the right one is not here, the user must not see it
    fact    ``intent`` (a question), from which the assistant will draw away
    """

    kind: Kind
    intent: str = ""
    intents: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    turns: tuple[tuple[str, str], ...] = ()
    choices: tuple[str, ...] = ()


# Generic intent | what belongs to it, in pieces.
_INTENTS = (
    ("a small program", "write a Python function|it takes a list of words|returns the words of even length|sorted by length|ties "
     "in alphabetical order"),
    ("help with a sum about prices", "find the total price|3 notebooks at 4 dollars each|2 pens at 1.50 dollars each|a discount "
     "of 10 percent on everything"),
    ("a plan for a trip", "plan a weekend in Porto|two adults and a child of 6|no museums|a budget of 300 euros"),
    ("a letter", "write a letter to the school|the daughter was absent on Tuesday|she was at the dentist|ask for the homework"),
    ("a change to a program", "fix a function that counts vowels|y counts as a vowel|upper case letters must count|return a "
     "dictionary"),
    ("help with a problem about speed", "how long does the trip take|the distance is 180 km|the first half at 60 km per hour|the "
     "second half at 90 km per hour"),
    ("a recipe", "a dinner for 4 people|no nuts and no fish|at most 40 minutes|there is an oven but no blender"),
    ("advice about a plant", "the leaves of a lemon tree turn yellow|it stands in a pot on a south balcony|watered every day|"
     "repotted in May"),
)  # fmt: skip
_MORE = (
    "an explanation of a word in a poem", "to know whether a phone can be repaired", "a joke for a birthday speech",
    "a summary of a long message", "to practise for a job interview", "an opinion on two names for a cat",
    "a translation of a short text", "to understand a bill",
)  # fmt: skip
_TALKS = (
    ("You are a user who wants a name for a boat.",
     (("need a name for a small sailing boat", "How about Kittiwake or Petrel?"),
      ("something shorter", "Tern."), ("tern is good", "Then Tern it is. Fair winds!"))),
    ("You are a user who wants to convert a measure.",
     (("how many ml is 3/4 cup", "About 177 ml."), ("us cup right", "Yes, a US cup of 236.6 ml."))),
    ("You are a user who wants to understand an error in a program.",
     (("KeyError: 'id' what does that mean", "A dictionary has no key 'id'. Where do you read it?"),
      ("row['id'] from a csv", "Then the header may be called differently. Print the first row's keys."),
      ("ah it is 'ID'", "Then use row['ID'], or lower-case the header first."))),
    ("You are a user who wants help with a text message.",
     (("tell my sister i will be late, nice", "\"Running a bit late, so sorry, see you soon!\""),
      ("less sorry", "\"Running a bit late, see you soon!\""))),
)  # fmt: skip
_QUIZ = (
    (
        "Where would you most likely keep bread so that it does not dry out?",
        ("a bread box", "a window sill", "an oven", "a vase"),
    ),
    ("What do people put on before they go out into heavy rain?", ("a raincoat", "sandals", "a tie", "an apron")),
    ("What do you do with a ticket before you get on a train?", ("validate it", "fold it", "frame it", "plant it")),
    ("Where does somebody go to borrow a novel for free?", ("a library", "a bakery", "a garage", "a bank")),
)
_FACTS = (
    "In which year was the first lighthouse of Alexandria begun?", "Who invented the zip fastener?",
    "How deep is Lake Baikal at its deepest point?", "Which composer wrote the opera Rusalka?",
)  # fmt: skip


def sample(block: int) -> Iterator[UserCase]:
    """The bundled cases. ``block``: intents that a block of first turns holds."""
    every = [f"You are a user who wants {short}." for short, _ in _INTENTS] + [
        f"You are a user who wants {short}." for short in _MORE
    ]
    for n, at in enumerate(range(0, len(every), block), 1):
        if len(part := every[at : at + block]) > 1:
            yield UserCase(id=f"block/{n}", group="block", kind="block", intents=tuple(part))
    for n, (short, pieces) in enumerate(_INTENTS, 1):
        yield intent_case(f"intent/{n}", short, tuple(pieces.split("|")))
    for n, (intent, turns) in enumerate(_TALKS, 1):
        yield UserCase(id=f"talk/{n}", group="talk", kind="talk", intent=intent, turns=turns)
    for n, (question, choices) in enumerate(_QUIZ, 1):
        yield quiz_case(f"quiz/{n}", question, choices)
    for n, question in enumerate(_FACTS, 1):
        yield UserCase(id=f"fact/{n}", group="fact", kind="fact", intent=question)


def intent_case(name: str, short: str, units: tuple[str, ...]) -> UserCase:
    """An intent with its units."""
    return UserCase(
        id=name, group="intent", kind="intent", intent=f"You are a user who wants {short}: {'; '.join(units)}.", units=units
    )


def quiz_case(name: str, question: str, choices: tuple[str, ...]) -> UserCase:
    return UserCase(id=name, group="quiz", kind="quiz", intent=question, choices=choices)


# -- public files -----------------------------------------------------------------------------------------------------------
def from_shards(cases: Iterator[LostCase]) -> Iterator[UserCase]:
    """Intents from the sharded instructions of Lost in Conversation (its mathematics and code, as the paper): shards = units."""
    for case in cases:
        if case.task in ("math", "code"):
            units = tuple(shard.text for shard in case.shards)
            intent = f"You are a user who wants this: {' '.join(units)}"
            yield UserCase(id=case.id, group="intent", kind="intent", intent=intent, units=units)


def blocks(cases: Iterator[UserCase], block: int) -> Iterator[UserCase]:
    """Blocks of first turns over the intents of ``cases``."""
    intents = [case.intent for case in cases]
    for n, at in enumerate(range(0, len(intents) - 1, block), 1):
        if len(part := intents[at : at + block]) > 1:
            yield UserCase(id=f"block/{n}", group="block", kind="block", intents=tuple(part))


def read_quiz(path: Path) -> Iterator[UserCase]:
    """CommonsenseQA as JSON lines. The key of the right answer is not read."""
    for number, row in json_rows(path, dict[str, Any]):
        try:
            choices = tuple(str(choice["text"]) for choice in row["question"]["choices"])
            yield quiz_case(str(row["id"]), str(row["question"]["stem"]), choices)
        except (KeyError, TypeError) as error:
            raise DataError(f"{path}, line {number}: not a question of CommonsenseQA ({error})") from None


def read_facts(path: Path) -> Iterator[UserCase]:
    """Natural Questions (open) as JSON lines with ``question``."""
    for number, row in json_rows(path, dict[str, Any]):
        if not isinstance(row.get("question"), str):
            raise DataError(f"{path}, line {number}: no question")
        yield UserCase(id=f"fact/{number}", group="fact", kind="fact", intent=row["question"])
