"""What can be seen in the form of a reply: lists, sections, paragraphs, JSON, marks. Plain functions of the text.

The published checks are regular expressions, some of them quadratic on crafted replies; these count the same things in one pass.
"""

from __future__ import annotations

import json
import re

YES_NO_MAYBE = tuple(f"My answer is {word}." for word in ("yes", "no", "maybe"))
"""The options of IFEval's constrained response: fixed, because its prompts name them."""

_FENCE = re.compile(r"```(?:json|Json|JSON)?")
_ONE_STAR = re.compile(r"\*[^\n*]*\*")
_TWO_STARS = re.compile(r"\*\*[^\n*]*\*\*")
_DIVIDER = re.compile(r"\s?\*\*\*\s?")


def count_bullets(reply: str) -> int:
    """Markdown bullets: lines whose first mark is "-", or one "*" (not two) with something after it."""
    count = 0
    lines = reply.split("\n")
    swallowed = False  # a lone "*" takes the line below as its text
    for i, line in enumerate(lines):
        text = line.lstrip()
        if text.startswith("-"):
            count += 1
        if swallowed:
            swallowed = False
        elif text.startswith("*") and text[1:2] != "*":
            swallowed = len(text) == 1
            count += len(text) > 1 or i + 1 < len(lines)
    return count


def count_placeholders(reply: str) -> int:
    """Spans "[…]" within one line."""
    count = 0
    for line in reply.split("\n"):
        start = line.find("[")
        while start >= 0 and (end := line.find("]", start)) >= 0:
            count += 1
            start = line.find("[", end)
    return count


def count_highlights(reply: str) -> int:
    """Spans *x* and **x** within one line, with something in them."""
    return sum(1 for span in _ONE_STAR.findall(reply) if span.strip("*").strip()) + sum(
        1 for span in _TWO_STARS.findall(reply) if span[2:-2].strip()
    )


def has_title(reply: str) -> bool:
    """A line holds <<something>>."""
    for line in reply.split("\n"):
        start, end = line.find("<<"), line.rfind(">>")
        if start >= 0 and end >= start + 3 and line[start : end + 2].lstrip("<").rstrip(">").strip():
            return True
    return False


def is_json(reply: str) -> bool:
    """The whole reply is a JSON value, a bare number too; a Markdown fence around it is taken off."""
    text = reply.strip()
    if fence := _FENCE.match(text):
        text = text[fence.end() :]
    text = text.removesuffix("```").strip()
    try:
        json.loads(text)
    except (ValueError, RecursionError):  # the second: brackets nested by the thousand
        return False
    return True


def split_parts(reply: str, divider: str | re.Pattern[str]) -> list[str] | None:
    """The parts between dividers, each stripped. A blank first or last part is left out; a blank one between: None."""
    parts = [part.strip() for part in (reply.split(divider) if isinstance(divider, str) else divider.split(reply))]
    if not all(parts[1:-1]):
        return None
    return [part for part in parts if part]


def has_two_responses(reply: str) -> bool:
    """Two different parts with ****** between them."""
    parts = split_parts(reply, "******")
    return parts is not None and len(parts) == 2 and parts[0] != parts[1]


def count_paragraphs(reply: str) -> int | None:
    """Paragraphs divided by "***"; None when a middle one is empty."""
    parts = split_parts(reply, _DIVIDER)
    return None if parts is None else len(parts)


def first_word(reply: str, paragraph: int) -> tuple[int, str]:
    """(number of non-blank paragraphs divided by blank lines, first word of this one in small letters).

    ``paragraph`` (from 1) counts blank ones too, as published; "" when there is no such paragraph.
    """
    parts = reply.split("\n\n")
    filled = sum(1 for part in parts if part.strip())
    if not 1 <= paragraph <= filled or not parts[paragraph - 1].strip():
        return filled, ""
    word = parts[paragraph - 1].split()[0].lstrip("'").lstrip('"')
    return filled, re.split(r"[.,?!'\"]", word, maxsplit=1)[0].lower()
