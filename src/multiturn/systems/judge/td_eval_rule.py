"""Backend consistency by rule: a reply that names a figure or a code that nobody gave it has made it up."""

from __future__ import annotations

import re

from ...judges.items import PointItem

_TOKEN = re.compile(r"[A-Za-z0-9]+(?:(?<=\d)[.:/-](?=\d)[A-Za-z0-9]+)*")
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)", re.I)
SHORTEST = 3
"""Characters from which a token counts: shorter numbers are counted, added or spelt out, and are no sign of anything."""


def plain(text: str) -> str:
    """Letters and digits only, in lower case: ``CB1 7DY`` and ``cb17dy`` are one."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def invented(reply: str, known: str) -> list[str]:
    """Tokens of a reply that hold a digit (telephone numbers, times, prices, references, codes) and do not occur in ``known``,
    what the database returned and what was said. Names without digits are not looked at: that is for a judge. What is worked
    out (a sum, 3 pm for 15:00) counts as made up."""
    there = plain(known)
    tokens = [t.removesuffix(".00") for t in _TOKEN.findall(reply) if any(c.isdigit() for c in t) and not _ORDINAL.fullmatch(t)]
    return [t for t in tokens if len(plain(t)) >= SHORTEST and plain(t) not in there]


def backend(item: PointItem) -> int:
    """5 if nothing was made up, else 1."""
    known = " ".join((*(text for _, text in item.turns), str(item.extra.get("known", ""))))
    return 1 if invented(item.answer, known) else 5
