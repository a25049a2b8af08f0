"""Reading what a judge model said: one strict parser a format, tolerant about form and strict about content.

A parser is a function from text to one of three outcomes: `Parsed` (a value), `NotApplicable` (the judge said that the
question does not apply) or `Unparsable` (and why). It never raises. Judge text is hostile: nothing is evaluated, every
pattern is linear in the text, texts over `LONGEST` characters are refused, nesting and the number of attempts are capped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeAlias, TypeVar

from msgspec import Struct

from .loose import Node, Obj, objects

T = TypeVar("T")

LONGEST = 100_000
"""Characters of a judge's reply beyond which it is not read at all."""
_REASON = 2_000


class Parsed(Struct, Generic[T], frozen=True):
    """A value, with the judge's reason (at most 2,000 characters)."""

    value: T
    reason: str = ""


class NotApplicable(Struct, frozen=True):
    """The judge said that the question does not apply."""

    reason: str = ""


class Unparsable(Struct, frozen=True):
    """No value could be read, and why."""

    why: str


Outcome: TypeAlias = Parsed[T] | NotApplicable | Unparsable
Parser: TypeAlias = Callable[[str], Outcome[T]]


def _pairs(node: Node) -> Iterator[tuple[str, Node]]:
    """Every key and value inside a node, at any depth."""
    if isinstance(node, Obj):
        for key, value in node:
            yield key, value
            yield from _pairs(value)
    elif isinstance(node, list):
        for item in node:
            yield from _pairs(item)


def _name(key: str) -> str:
    """A key without case, punctuation and the words that only stress it."""
    words = [w for w in re.split(r"[\W_]+", key.lower()) if w]
    while len(words) > 1 and words[0] in ("overall", "final", "total"):
        words.pop(0)
    return " ".join(words)


REASONS = ("reason", "rationale", "reasoning", "explanation", "analysis", "justification")


def _reason(found: Sequence[Obj]) -> str:
    for obj in found:
        for key, value in _pairs(obj):
            if _name(key) in REASONS and isinstance(value, str):
                return value.strip()[:_REASON]
    return ""


# -- a number on a scale ----------------------------------------------------------------------------------------------

_NUMBER = r"([+-]?[0-9]{1,6}(?:\.[0-9]{1,6})?)"
_OF = r"(?:\s{0,3}(?:/|out of)\s{0,3}([0-9]{1,6}(?:\.[0-9]{1,6})?))?"
_ALONE = re.compile(rf"[\s\[(*\"']{{0,8}}{_NUMBER}{_OF}[\s\])*\"'.]{{0,8}}")
_DOUBLE_BRACKETS = re.compile(rf"\[\[\s{{0,3}}{_NUMBER}{_OF}\s{{0,3}}\]\]")
_FRACTION = re.compile(r"(?<![0-9./])([0-9]{1,6}(?:\.[0-9]{1,6})?)\s{0,3}(?:/|out of)\s{0,3}([0-9]{1,6})(?![0-9/])")
_ABSENT = {"n/a", "na", "not applicable", "none", "null"}


def scale(text: str, low: float, high: float, *, names: Sequence[str] = ("score", "rating"), whole: bool = True,
          may_skip: bool = False) -> Outcome[float]:  # fmt: skip
    """A number from ``low`` to ``high`` that the judge gave under one of ``names``.

    Read from, in this order (the first form that occurs decides): JSON objects, anywhere in the text and in loose
    notation; ``[[7]]``; ``Rating: 7``; ``7/10``; the number alone. A value out of range, a fraction where ``whole``,
    another denominator than ``high``, or two different values in the form that decides, are not parsable.
    ``may_skip``: "n/a" is an answer (`NotApplicable`).
    """
    if len(text) > LONGEST:
        return Unparsable("reply too long")
    said, reason = _said(text, high, names)
    if may_skip and said and all(s.strip().lower() in _ABSENT for s in said):
        return NotApplicable(reason)
    if not said:
        return Unparsable("no score found")
    values = {_number(s, high) for s in said}
    if len(values) > 1:
        return Unparsable("contradictory scores")
    value = values.pop()
    if value is None:
        return Unparsable("score is not a number")
    if not low <= value <= high:
        return Unparsable(f"score {value:g} is outside {low:g} to {high:g}")
    if whole and value != int(value):
        return Unparsable(f"score {value:g} is not a whole number")
    return Parsed(value, reason)


def _number(said: str, high: float) -> float | None:
    match = _ALONE.fullmatch(said)
    if match is None or (match[2] is not None and float(match[2]) != high):
        return None
    return float(match[1])


def _said(text: str, high: float, names: Sequence[str]) -> tuple[list[str], str]:
    """What the judge wrote where its score should be, in the first form that occurs, and its reason."""
    found = objects(text)
    in_json = [_leaf(value) for obj in found for key, value in _pairs(obj) if _name(key) in names]
    if in_json:
        return in_json, _reason(found)
    label = "|".join(map(re.escape, names))
    # An object that was cut off or cannot be read: only what is closed by a comma or a bracket counts.
    if re.search(rf"[\"'](?:{label})[\"']\s{{0,3}}:", text, re.I):
        closed = rf"[\"'](?:{label})[\"']\s{{0,3}}:\s{{0,3}}([^\n,{{}}]{{1,24}})[,}}]"
        return [m[1] for m in re.finditer(closed, text, re.I)], ""
    prose = text.strip()[:_REASON]
    labelled = rf"\b(?:{label})\b(?:[*_\"'\s]{{0,4}}[:=：][*_\"'\s]{{0,4}}|\s(?:is|of)\s){_NUMBER}{_OF}(?![0-9]|\.[0-9])"
    for pattern in (_DOUBLE_BRACKETS, re.compile(labelled, re.I)):
        if said := [m[1] + (f"/{m[2]}" if m[2] else "") for m in pattern.finditer(text)]:
            return said, prose
    if said := [m[0] for m in _FRACTION.finditer(text) if float(m[2]) == high]:
        return said, prose
    return ([text], "") if _ALONE.fullmatch(text) else ([], "")


def _leaf(node: Node) -> str:
    """The text of a leaf, also when it is wrapped in lists of one (``[[7]]``); anything else is no number."""
    while isinstance(node, list) and len(node) == 1:
        node = node[0]
    return node if isinstance(node, str) else "?"


# -- yes or no a criterion --------------------------------------------------------------------------------------------

YES, NO = frozenset({"yes", "true", "是", "y"}), frozenset({"no", "false", "否", "n"})
_LINE = re.compile(r"^[\s*\-]{0,6}([^\s.:：)*]{1,24})[.:：)*\s]{1,4}(yes|no|true|false|是|否)\b", re.I | re.M)


def checklist(text: str, criteria: Sequence[str]) -> Outcome[dict[str, bool | None]]:
    """Yes or no for each criterion; the keys must be exactly ``criteria``. None = the judge answered something else.

    Read from a JSON object (at any depth, loose notation) whose keys are the criteria, or else from lines ``1. yes``.
    Two objects or lines that contradict each other are not parsable.
    """
    if len(text) > LONGEST:
        return Unparsable("reply too long")
    wanted = set(criteria)
    found = objects(text)
    answers = [tuple(o) for top in found for o in _objects_in(top) if {k.strip() for k, _ in o} == wanted]
    if not answers:
        lines = tuple((m[1], m[2]) for m in _LINE.finditer(text))
        answers = [lines] if wanted and {k for k, _ in lines} == wanted else []
    if not answers:
        return Unparsable("keys are not the criteria")
    value: dict[str, bool | None] = {}
    for pairs in answers:
        for key, said in pairs:
            key, verdict = key.strip(), yes_no(_leaf(said))
            if value.setdefault(key, verdict) is not verdict:
                return Unparsable("contradictory answers")
    return Parsed({key: value[key] for key in criteria}, _reason(found))


def _objects_in(node: Node) -> Iterator[Obj]:
    if isinstance(node, Obj):
        yield node
        for _, value in node:
            yield from _objects_in(value)
    elif isinstance(node, list):
        for item in node:
            yield from _objects_in(item)


def yes_no(said: str) -> bool | None:
    """True for yes, False for no, None for anything else."""
    word = said.strip().strip(".!\"'*`。").lower()
    return True if word in YES else False if word in NO else None
