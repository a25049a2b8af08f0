"""SQL text as tokens: enough to see clauses and parentheses, without comments. Any text can be given; nothing is raised."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?(?:\*/|$)                                  # comments
    |(?P<string>'(?:[^']|'')*(?:'|$))
    |(?P<quoted>"(?:[^"]|"")*(?:"|$)|`[^`]*(?:`|$)|\[[^\]]*(?:\]|$))
    |(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)
    |(?P<word>[^\W\d]\w*)
    |(?P<sign><>|!=|<=|>=|==|\|\||\S)""",
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """``kind``: "string", "quoted" (a quoted name; in SQLite also a string), "number", "word" or "sign". ``text``: words in
    lower case, strings and quoted names without their quotes."""

    kind: str
    text: str


def tokens(sql: str) -> list[Token]:
    """The tokens of a text, comments left out."""
    found = []
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup
        if kind is None:
            continue
        text = match[0]
        if kind in ("string", "quoted"):
            quote = text[0]
            text = text[1:].removesuffix({"[": "]"}.get(quote, quote)).replace(quote * 2, quote)
        found.append(Token(kind, text.lower() if kind == "word" else text))
    return found


def at_top(given: Sequence[Token], *words: str) -> int | None:
    """Where these words stand one after the other outside all parentheses; None = nowhere."""
    depth = 0
    for i, token in enumerate(given):
        if token == Token("sign", "("):
            depth += 1
        elif token == Token("sign", ")"):
            depth -= 1
        elif depth == 0 and [Token("word", word) for word in words] == list(given[i : i + len(words)]):
            return i
    return None


def is_ordered(sql: str) -> bool:
    """Whether the rows of this query have an order: it has ORDER BY outside all parentheses."""
    return at_top(tokens(sql), "order", "by") is not None
