"""The chain of coascore: aspects that belong to a target aspect, thought of by the judge, and shown to it with their scores."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import NamedTuple

from ...judges.items import Item
from ...judges.parse import LONGEST, Outcome, Parsed, Unparsable

OVERALL = ("overall quality", "how good the answer is, all in all")
_BULLET = re.compile(r"^[\s*#>-]{0,6}(?:\d{1,2}\s?[.):])?[\s*_\"']{0,4}")
_NAME, _DEFINITION = 40, 300


class Aspect(NamedTuple):
    """What may be looked at in an answer, and what it means."""

    name: str
    definition: str


def target(item: Item) -> Aspect:
    """What an item is to be judged for."""
    return Aspect(item.dimension, item.definition) if item.dimension else Aspect(*OVERALL)


POOL = tuple(
    Aspect(*line.split(": "))
    for line in """accuracy: what it states is true
brevity: it says no more than is needed
clarity: it is easy to follow
coherence: its parts belong together and follow from each other
completeness: it covers all that was asked
consistency: it does not contradict itself or the source
creativity: it brings in ideas that one would not expect
depth: it goes below the surface
diversity of words: it does not use the same words again and again
empathy: it takes the other's feelings into account
engagement: one would want to read on or to answer it
grammar: its sentences are well formed
groundedness: it makes use of what is known from the source
informativeness: it tells something new
logic: its conclusions follow
naturalness: a person could have written it
politeness: its tone is friendly
relevance: it keeps to the subject
specificity: it could not have been said about anything else
structure: its order helps the reader""".splitlines()
)
"""Aspects of texts in general, for the ablation that draws them instead of thinking of them."""


def chain_question(task: str, about: Aspect, n: int) -> str:
    """Stage 1: nothing of any item is in it, so that it is asked once for a task and a target aspect."""
    return "\n\n".join((
        f"You are preparing to judge texts of this kind: {task}. What will be judged is one aspect of them, {about.name}: "
        f"{about.definition or about.name}.",
        f"Name the {n} other aspects of such a text that tell most about its {about.name}, each defined in one sentence. "
        f"Do not name {about.name} itself.",
        "Write one aspect a line, in this form and nothing else:\nname: definition",
    ))  # fmt: skip


def chain(text: str, about: Aspect, n: int) -> Outcome[tuple[Aspect, ...]]:
    """The aspects of a reply, at most ``n``: lines ``name: definition``; doubles, the target itself and anything longer than a
    name are dropped."""
    if len(text) > LONGEST:
        return Unparsable("reply too long")
    found: dict[str, Aspect] = {}
    for line in text.splitlines():
        name, colon, definition = _BULLET.sub("", line[: _NAME + _DEFINITION]).partition(":")
        name, definition = " ".join(name.strip("*_\"' ").split()), " ".join(definition.strip("*_ ").split())
        if colon and definition and 0 < len(name) <= _NAME and name.lower() not in (about.name.lower(), "name"):
            found.setdefault(name.lower(), Aspect(name.lower(), definition))
    return Parsed(tuple(found.values())[:n]) if found else Unparsable("no line of the form name: definition")


def drawn(about: Aspect, n: int) -> tuple[Aspect, ...]:
    """``n`` aspects of `POOL`, drawn at random but always the same ones for a target, never the target."""
    others = [aspect for aspect in POOL if aspect.name != about.name.lower()]
    return tuple(random.Random(about.name).sample(others, min(n, len(others))))


def given(text: str, about: Aspect) -> tuple[Aspect, ...]:
    """Aspects picked by hand: names with commas; those of `POOL` have their definition, others are their own."""
    known = {aspect.name: aspect.definition for aspect in POOL}
    names = dict.fromkeys(name.strip().lower() for name in text.split(","))
    return tuple(Aspect(name, known.get(name, name)) for name in names if name and name != about.name.lower())


def auxiliary(aspects: Sequence[tuple[Aspect, float | None]]) -> str:
    """Stage 3: what is known already, in the order given. Without a score an aspect stands alone."""
    lines = "\n".join(f"- {name} ({meaning}){'' if score is None else f': {score:g}'}" for (name, meaning), score in aspects)
    told = "with the score that this answer has in each" if any(score is not None for _, score in aspects) else "to think of"
    return f"These aspects belong to it, {told}. Let them inform your score, do not merely average them:\n{lines}"
