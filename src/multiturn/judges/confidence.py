"""How sure a judge says it is."""

from __future__ import annotations

import re

from .loose import Node, Obj, objects
from .parse import LONGEST

CONFIDENCE = "a number from 0 to 100: how sure you are, in percent"
_LABELLED = re.compile(r"\bconfidence\b[*_\"'\s]{0,4}(?:[:=]|\bis\b)[*_\"'\s]{0,4}([0-9]{1,3}(?:\.[0-9]{1,4})?)\s{0,2}(%?)", re.I)
_NUMBER = re.compile(r"\s{0,3}([0-9]{1,3}(?:\.[0-9]{1,4})?)\s{0,2}(%?)\s{0,3}")


def stated(text: str) -> float | None:
    """The confidence that a reply states, from 0 to 1; None when it states none, or several.

    Read from a field ``confidence`` of a JSON object, else from ``Confidence: 85%``. A number above 1, or one with a percent
    sign, is in percent; above 100 is none.
    """
    if len(text) > LONGEST:
        return None
    said = [m for found in objects(text) for m in _in(found)] or [(m[1], m[2]) for m in _LABELLED.finditer(text)]
    values = {_share(number, sign) for number, sign in said}
    return values.pop() if len(values) == 1 else None


def _in(node: Node) -> list[tuple[str, str]]:
    if not isinstance(node, Obj):
        return []
    found = []
    for key, value in node:
        if key.strip().lower() == "confidence" and isinstance(value, str) and (m := _NUMBER.fullmatch(value)):
            found.append((m[1], m[2]))
    return found


def _share(number: str, sign: str) -> float | None:
    value = float(number)
    value = value / 100 if sign or value > 1 else value
    return value if value <= 1 else None
