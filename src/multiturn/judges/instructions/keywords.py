"""Words and letters that must or must not be in a reply.

The published checks use keywords as regular expressions without escaping them, and so do these, with a guard: a pattern
that is not valid, or that could take more than linear time (a repeat, or more than ten choices), is taken literally.
"""

from __future__ import annotations

import re
from functools import lru_cache

_REPEAT = re.compile(r"[*+{]")
_CHOICE = re.compile(r"[?|]")


@lru_cache(maxsize=8192)
def pattern(text: str, left: str = "", right: str = "", flags: int = re.IGNORECASE) -> re.Pattern[str]:
    """``text`` as a regular expression between two others, or literally where it is not safe as one."""
    if not _REPEAT.search(text) and len(_CHOICE.findall(text)) <= 10:
        try:
            re.compile(text)
            return re.compile(left + text + right, flags)
        except (re.error, OverflowError, RecursionError):
            pass
    return re.compile(left + re.escape(text) + right, flags)


def count(keyword: str, reply: str) -> int:
    """Places where the keyword stands, inside words too, whatever the case."""
    return sum(1 for _ in pattern(keyword).finditer(reply))


def has(keyword: str, reply: str) -> bool:
    return pattern(keyword).search(reply) is not None


def has_word(keyword: str, reply: str) -> bool:
    """Whether the keyword stands as a word of its own (``\\b`` on both sides)."""
    return pattern(keyword, r"\b", r"\b").search(reply) is not None
