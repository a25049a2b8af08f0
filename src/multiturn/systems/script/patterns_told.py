"""What easy turns of `patterns` ask for, and whether a free reply gives it: facts told, numbers reached, words used.

Small models answer in whole sentences and often say more than was asked. So a reply is wrong only when what was asked for
is missing, or when something that it says of the very thing asked for contradicts it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from ...judges.targets import LONGEST, last_number, plain

_CLAUSE = re.compile(r"[.,;!?\n]|\b(?:and|but|while)\b")
_DENIES = re.compile(r"\b(?:not|never|neither|nor|no longer)\b|n't\b")
_LEFT = re.compile(r"\b(?:from|left|leaves|leaving|was in) (?:the )?\w+")
_ABOUT = re.compile(r"\bwords?\b|^(?:write|use|also|do not|please|sure|certainly|of course|okay|here is|here's|here are)\b")


def names(text: str, word: str) -> bool:
    """Whether this word stands in the (plain) text, in the singular or the plural."""
    stem = word[:-1] if word.islower() and re.search(r"..[^su]s$", word) else word.casefold()
    return re.search(rf"\b{re.escape(stem)}(?:e?s)?\b", text) is not None


class Point(Struct, frozen=True):
    """One thing asked for: of ``key`` the ``value`` is to be told; ``wrong`` are other values that it might be given."""

    key: str
    value: str
    wrong: tuple[str, ...]


class Told(Struct, frozen=True, tag=True):
    """Target of a question on facts: each point is told. ``others``: what the other known facts are about.

    Clauses about something else do not count, for or against; nor do denials, and places that were left. A reply that
    says the question again has answered only by what follows it (so saying everything after the user is no answer).
    """

    points: tuple[Point, ...]
    others: tuple[str, ...]
    question: str

    def fault(self, reply: str) -> str:
        """What is wrong with the reply, "" if nothing is."""
        lines = "\n".join(plain(line) for line in reply[:LONGEST].splitlines())
        clauses = [c for c in _CLAUSE.split(lines.rpartition(plain(self.question))[2]) if not _DENIES.search(c)]
        for point in self.points:
            keys = {*self.others, *(p.key for p in self.points)} - {point.key}
            about = [_LEFT.sub("", c) for c in clauses if names(c, point.key) or not any(names(c, k) for k in keys)]
            if not any(names(c, point.value) for c in about):
                return f"expected `{point.value}`"
            for wrong in point.wrong:
                if any(names(c, wrong) for c in about):
                    return f"`{wrong}` is wrong"
        return ""


class Reached(Struct, frozen=True, tag=True):
    """Target of a step in numbers: the new number, and none that the question did not name (``known``)."""

    value: int
    known: tuple[int, ...]

    def fault(self, reply: str) -> str:
        """What is wrong with the reply, "" if nothing is."""
        found = {int(n) for n in re.findall(r"(?<![\w.])\d{1,9}(?!\w)", reply[:LONGEST])}
        if not found and (last := last_number(reply)) is not None:
            found = {int(last)}
        if self.value not in found:
            return f"expected `{self.value}`"
        strange = found - {self.value, *self.known}
        return f"`{min(strange)}` is wrong" if strange else ""


class Sentence(Struct, frozen=True, tag=True):
    """Target of a request for a sentence: it has these words (or their plurals) and none of ``without``.

    What the reply says about words, or to begin with ("Sure! Here is a sentence with the word key:"), is not part of it.
    That it is one short sentence is not checked.
    """

    words: tuple[str, ...]
    without: tuple[str, ...] = ()

    @property
    def gold(self) -> str:
        """A plain sentence with these words."""
        return f"In the picture you can see {listed(self.words)}."

    @property
    def request(self) -> str:
        """What to say to get such a sentence at once."""
        asked = f"Write one short sentence with the word{'s' * (len(self.words) > 1)} {listed(self.words)} in it."
        return f"{asked} Do not use the word{'s' * (len(self.without) > 1)} {listed(self.without)}." if self.without else asked

    def fault(self, reply: str) -> str:
        """What is wrong with the reply, "" if nothing is."""
        pieces = re.split(r"[.!?:\n\"“”]", reply[:LONGEST])
        text = " ".join(p for p in map(plain, pieces) if not _ABOUT.search(p))
        if len(text.split()) < 4:
            return "no sentence"
        for word in self.words:
            if not names(text, word):
                return f"`{word}` is missing"
        for word in self.without:
            if names(text, word):
                return f"`{word}` is not wanted any more"
        return ""


def listed(words: Iterable[str]) -> str:
    """These words as English lists them: a, b and c."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
