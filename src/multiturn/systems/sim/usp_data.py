"""USP's dialogues: people with their profiles, from the released files or ours."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...conversation import Case, DataError
from .usp_measures import bag_of_words, groups, joined
from .usp_profile import Profile, profile_of

FILES = ("test.jsonl", "test.json", "eval.jsonl")
"""Names under which the released dialogues are looked for (the hub's data set, wangkevin02/LMSYS-USP)."""


class UspCase(Case, frozen=True, kw_only=True):
    """A person. ``turns``: what they and an assistant said (none for a synthetic profile). ``group``: how common it is."""

    facts: str
    traits: str
    turns: tuple[tuple[str, str], ...] = ()

    @property
    def profile(self) -> Profile:
        return Profile(self.facts, self.traits)

    @property
    def said(self) -> list[str]:
        return [user for user, _ in self.turns]


def with_groups(found: Sequence[tuple[Profile, tuple[tuple[str, str], ...]]]) -> Iterator[UspCase]:
    """The cases of profiles with their dialogues, each with its group, and for every third a synthetic one: the facts of one
    person with the character of another."""
    names = groups(bag_of_words([profile.text for profile, _ in found]))
    for n, ((profile, turns), group) in enumerate(zip(found, names, strict=True), 1):
        yield UspCase(id=f"person/{n}", group=group, facts=profile.facts, traits=profile.traits, turns=turns)
    for n in range(0, len(found) - 1, 3):
        both = joined(found[n][0], found[n + 1][0])
        yield UspCase(id=f"synthetic/{n + 1}", group="synthetic", facts=both.facts, traits=both.traits)


def read_dialogues(path: Path) -> list[tuple[Profile, tuple[tuple[str, str], ...]]]:
    """Dialogues as released: lists of messages {role, content}, the profile inside the system text; one JSON list of them, or
    one a line. A last message without a reply is left out. Raises `DataError` naming the dialogue."""
    try:
        text = path.read_text(encoding="utf-8")
        whole = json.loads(text) if text.lstrip().startswith("[[") else [json.loads(x) for x in text.split("\n") if x.strip()]
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: {error}") from None
    found = []
    for number, dialogue in enumerate(whole, 1):
        try:
            found.append(_dialogue(dialogue.get("conversation", dialogue) if isinstance(dialogue, dict) else dialogue))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{path}, dialogue {number}: {error}") from None
    if not found:
        raise DataError(f"{path}: no dialogues")
    return found


def _dialogue(messages: Any) -> tuple[Profile, tuple[tuple[str, str], ...]]:
    first, *rest = messages
    if first["role"] != "system":
        raise ValueError("the first message must be the system text with the profile")
    said = [(m["role"], str(m["content"])) for m in rest]
    turns = [(a[1], b[1]) for a, b in zip(said[::2], said[1::2], strict=False) if (a[0], b[0]) == ("user", "assistant")]
    if not turns:
        raise ValueError("no turn of user and assistant")
    return profile_of(str(first["content"])), tuple(turns)


_PEOPLE = (
    ("You keep bees on the roof of a house in Leipzig and want to know why one hive is restless; two years ago you lost one.",
     "You are patient and curious, and you write in short, plain sentences with many numbers.",
     (("One of my two hives is restless since last week.", "Has the weather changed, or have you fed them?"),
      ("Fed them 2 kg of syrup on Monday. 14 degrees by day.", "Robbing is possible. Are there fights at the entrance?"),
      ("Yes. About 10 dead bees a day.", "Narrow the entrance and feed only in the evening."))),
    ("You study law in Porto, have an oral examination on Friday and want to be asked questions about contracts.",
     "You are nervous and ironic; you write in lower case and rarely use full stops",
     (("exam friday and i know nothing, ask me something about contracts", "What does a contract need to be valid?"),
      ("offer and acceptance and err consent i guess", "Good. And what makes consent invalid?"),
      ("error, fraud, duress, and my general state of mind", "The first three will do."))),
    ("You run a small bakery in Graz with your brother and need a sign that explains why bread has become more expensive.",
     "You are direct and warm, you address people politely and end messages with thanks.",
     (("Please write me a sign: bread costs 40 cents more from Monday. Thank you.", "\"Dear guests, flour costs more …\""),
      ("Please make it shorter, people read it while queueing. Thank you.", "\"From Monday our bread costs 40 cents more.\""))),
    ("You teach eleven-year-olds in Leeds and look for an experiment about density that needs nothing but kitchen things.",
     "You are cheerful and well organised; you use exclamation marks and lists",
     (("Hi! Need an experiment on density, kitchen things only, 20 minutes!", "Layer honey, water and oil in a glass."),
      ("Love it! What do I ask the kids? 3 questions please!", "Which is on top? Why? What happens with a grape?"))),
    ("You drive a night bus in Oslo, learn Spanish from songs and want a line of a song explained.",
     "You are quiet and dry; you say little and never thank.",
     (("what does \"echar de menos\" mean", "To miss somebody."), ("and why echar", "It comes from \"achar menos\"."),
      ("ok", "Anything else?"))),
    ("You look after your father in Turin and want to understand a letter about his pension that uses words you have never seen.",
     "You worry easily and apologise a lot; your messages are long and come back to the same point.",
     (("Sorry to bother you, my father got a letter about his pension and I do not understand the word arrears, and I am "
       "worried that he has to pay something back, sorry.", "Arrears are amounts owed from the past; also to him."),
      ("So it could be that they owe him? I am sorry to ask again, but I do not want to be wrong about the paying back.",
       "Yes. Look for the words \"in your favour\"."))),
)  # fmt: skip


def sample() -> Iterator[UspCase]:
    """Six people of ours and two synthetic ones. No real person is described."""
    yield from with_groups([(Profile(facts, traits), turns) for facts, traits, turns in _PEOPLE])
