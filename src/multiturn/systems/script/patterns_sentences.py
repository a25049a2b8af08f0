"""Sentences: the easy forms of recollection (a word that every sentence needs) and of refinement (words added, replaced)."""

from __future__ import annotations

from ...protocols.scripted import ScriptedTurn
from .patterns_told import Sentence
from .patterns_words import EVERYDAY, MARKS, Draw

ALWAYS = (
    "Use the word {} in every sentence that you write for me. Reply OK.",
    "From now on, please use the word {} in all your sentences. Reply OK.",
    "I like the word {} in every sentence, so always use it. Reply OK.",
)
AGAIN = "Write the sentence again."
MOST = 4
"""Words that a sentence needs before words are rather replaced than added."""


def word_rule_case(draw: Draw, turns: int) -> list[ScriptedTurn]:
    """A word that every sentence needs, in turn 1 (answered OK, not scored), then a sentence a turn."""
    rule = draw.one(MARKS)
    made = [ScriptedTurn(user=draw.one(ALWAYS).format(rule), gold="OK", scored=False)]
    for topic in draw.some(EVERYDAY, turns - 1):
        target = Sentence((topic, rule))
        made.append(
            ScriptedTurn(user=Sentence((topic,)).request, gold=target.gold, single=target.request, needs=(1,), target=target)
        )
    return made


def sentence_case(draw: Draw, constraints: int) -> list[ScriptedTurn]:
    """A sentence with a word, then ``constraints`` turns that each add a word or put one in the place of an earlier one.

    The first word and words that replaced another stay, so every turn whose word is in force makes a difference.
    """
    first, *spare = draw.some(EVERYDAY, constraints + 1)
    force = {first: 1}  # the words wanted, with the turns that asked for them
    added: list[str] = []
    gone: list[str] = []
    user = Sentence((first,)).request
    made: list[ScriptedTurn] = []
    for number in range(1, constraints + 2):
        if number > 1:
            word = spare.pop()
            if len(added) > 1 and (len(force) >= MOST or draw.chance(1 / 4)):
                old = added.pop(draw.whole(0, len(added) - 1))
                gone.append(old)
                del force[old]
                user = f"Use the word {word} instead of the word {old}. {AGAIN}"
            else:
                added.append(word)
                user = f"Also use the word {word}. {AGAIN}"
            force[word] = number
        target = Sentence(tuple(force), tuple(gone))
        needs = tuple(sorted(set(force.values()) - {number}))
        made.append(ScriptedTurn(user=user, gold=target.gold, single=target.request, needs=needs, target=target))
    return made
