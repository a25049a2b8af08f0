"""Answers matched by rule, without a model: numbers within 1 %, everything else letter by letter."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

TOLERANCE = 0.01
LONGEST = 200
"""Characters of a text beyond which it is not taken for a number."""
_NUMBER = re.compile(
    r"\s{0,9}([+-]?(?:[0-9]{1,3}(?:,[0-9]{3}){1,9}|[0-9]{1,30})(?:\.[0-9]{0,30})?|[+-]?\.[0-9]{1,30})"
    r"(?:\s{0,3}(?:[x×*]\s{0,3}10\s{0,3}\^?\s{0,3}|e)\(?([+-]?[0-9]{1,2})\)?)?"
    r"\s{0,9}((?:[^0-9^]|\^(?:-?[0-9])?){0,60})",
    re.I,
)


class Quantity(NamedTuple):
    """A text that is one number, with what stands behind it."""

    value: float
    unit: str


def normal(text: str) -> str:
    """Letters and digits, in lower case."""
    return "".join(c for c in text.lower() if c.isalnum())


def same_text(said: str, reference: str) -> bool:
    """Equal letters and digits (no sign, no point, no blank): the usual exact match."""
    return normal(said) == normal(reference)


def quantity(text: str) -> Quantity | None:
    """The number that a text is, with its unit; None for words, ranges, fractions and several numbers."""
    if len(text) > LONGEST:
        return None
    plain = unicodedata.normalize("NFKC", text.replace("²", "^2").replace("³", "^3")).translate(_SIGNS)
    found = _NUMBER.fullmatch(plain)
    if found is None:
        return None
    value = float(found[1].replace(",", "")) * 10.0 ** int(found[2] or 0)
    return Quantity(value, "".join(c for c in found[3].lower() if c.isalnum() or c in "%°^-/$"))


_SIGNS = str.maketrans({"−": "-", "–": "-"})


def apart(said: float, reference: float) -> float:
    """|r - g| over the mean of their sizes: 0 for equal numbers, 2 at most; opposite signs are 2 apart."""
    if said == reference:
        return 0.0
    if said * reference <= 0:
        return 2.0
    return abs(said - reference) / ((abs(said) + abs(reference)) / 2)


def rule_match(said: str, reference: str) -> bool:
    """Whether an answer is the reference: two numbers of the same unit less than 1 % apart, or the same letters and digits.

    A number matches nothing but a number, so that no range does. A lower bound: other words for the same thing do not match.
    """
    one, other = quantity(said), quantity(reference)
    if one is not None and other is not None:
        return one.unit == other.unit and apart(one.value, other.value) < TOLERANCE
    if one is not None or other is not None:
        return False
    return bool(normal(reference)) and same_text(said, reference)
