"""A lenient reader of JSON objects in a model's text.

Single quotes, trailing commas, bare words, raw line breaks and stray quotes are forgiven; an object that is cut off is not
returned. Nothing is evaluated; every pattern is linear in the text; nesting and the number of attempts are capped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TypeAlias

from msgspec import Struct

_OBJECTS, _DEPTH = 20, 8


class Obj(Struct, frozen=True):
    """A JSON-like object as it was written: pairs in order, repeated keys kept. Leaves are text."""

    pairs: tuple[tuple[str, Node], ...]

    def __iter__(self) -> Iterator[tuple[str, Node]]:
        return iter(self.pairs)


Node: TypeAlias = "str | list[Node] | Obj"

# A quoted string ends at a quote that a JSON text could go on after, so that stray quotes inside a reason do no harm.
_TOKEN = re.compile(
    r"\s*(?:(?P<mark>[{}\[\],:])"
    r'|"(?P<double>(?:[^"\\]|\\.|"(?!\s*[,:}\]]))*)"'
    r"|'(?P<single>(?:[^'\\]|\\.|'(?!\s*[,:}\]]))*)'"
    r"|(?P<word>[^\s{}\[\],:\"'][^{}\[\],:\n]*))",
    re.DOTALL,
)


class _Malformed(Exception):
    """Not an object after all."""


class _Reader:
    def __init__(self, text: str, start: int) -> None:
        self.text, self.at = text, start

    def token(self) -> tuple[str, str]:
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            raise _Malformed
        self.at = match.end()
        kind = match.lastgroup or ""
        return kind, match[kind]

    def node(self, depth: int) -> Node | None:
        """The next value, or None at a closing bracket (after a trailing comma)."""
        if depth > _DEPTH:
            raise _Malformed
        kind, text = self.token()
        if kind != "mark":
            return text.strip() if kind == "word" else _unescape(text)
        if text == "{":
            return self.object(depth)
        if text == "[":
            return self.array(depth)
        if text in "}]":
            return None
        raise _Malformed

    def array(self, depth: int) -> list[Node]:
        found: list[Node] = []
        while (item := self.node(depth + 1)) is not None:
            found.append(item)
            mark = self.token()
            if mark == ("mark", "]"):
                return found
            if mark != ("mark", ","):
                raise _Malformed
        return found

    def object(self, depth: int) -> Obj:
        pairs: list[tuple[str, Node]] = []
        while (key := self.node(depth + 1)) is not None:
            if not isinstance(key, str) or self.token() != ("mark", ":"):
                raise _Malformed
            value = self.node(depth + 1)
            if value is None:
                raise _Malformed
            pairs.append((key, value))
            mark = self.token()
            if mark == ("mark", "}"):
                break
            if mark != ("mark", ","):
                raise _Malformed
        return Obj(tuple(pairs))


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text


def objects(text: str) -> list[Obj]:
    """All JSON-like objects in a text, outermost ones only: single quotes, trailing commas, bare words, raw line breaks
    and stray quotes are forgiven; an object that is cut off is not returned."""
    found: list[Obj] = []
    at = 0
    for _ in range(_OBJECTS):
        at = text.find("{", at)
        if at < 0:
            break
        reader = _Reader(text, at + 1)
        try:
            found.append(reader.object(0))
            at = reader.at
        except _Malformed:
            at += 1
    return found
