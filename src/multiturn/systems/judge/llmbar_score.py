"""Reading and scoring what a judge under test said on LLMBar."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...measures.verdict import Verdict
from .llmbar_prompts import LABELS

_BRIEF = re.compile(r"^[\s*_\"'#>]{0,6}Output \((a|b)\)", re.MULTILINE)
_LONG = re.compile(r"Output \((a|b)\)[*_\"']{0,3} is better\.?")


def picked(text: str, explained: bool, *, official: bool = False) -> int | None:
    """1 or 2: which of the outputs as shown the judge names; None when none, or (unless ``official``) both."""
    if official:
        for i, letter in enumerate("ab", 1):
            if re.search(rf"Output \({letter}\) is better\." if explained else rf"(?:^|\n) ?Output \({letter}\)", text):
                return i
        return None
    found = {m[1] for m in (_LONG if explained else _BRIEF).finditer(text[:100_000])}
    return "ab".index(found.pop()) + 1 if len(found) == 1 else None


def winners(replies: Sequence[str], explained: bool, *, official: bool = False) -> list[int | None]:
    """The verdicts of both orders in the numbering of the item."""
    first, second = (picked(reply, explained, official=official) for reply in replies)
    return [first, None if second is None else 3 - second]


def from_scores(one: float | None, two: float | None) -> list[int | None]:
    """Winners in both orders from scores given alone: the higher one in both; equal or missing: one order each."""
    if one is None or two is None or one == two:
        return [1, 2]
    return [1, 1] if one > two else [2, 2]


def turned(text: str, swap: bool) -> str:
    """The text with the names of the outputs exchanged."""
    return re.sub(r"Output \((a|b)\)", lambda m: LABELS[m[1] == "a"], text) if swap else text


def scored(label: int, original: int | None, changed: int | None, *, shown: bool = True) -> list[Verdict]:
    """The verdicts on one item from the judge's winners in the original and (mapped back) in the changed order.

    ``shown``: the outputs stood side by side, so that one was first. ``verdict``, ``label``, ``original order`` and
    ``changed order`` are codes for kappa: 1, 2, and 0 for none.
    """
    winners, silent = (original, changed), original is None and changed is None
    right = [w == label for w in winners]
    out = [
        Verdict("accuracy", sum(right) / 2, failed=silent), Verdict("agreement", float(original == changed)),
        Verdict("both", float(all(right)), failed=silent), Verdict("unparsable", winners.count(None) / 2),
        Verdict("original order", float(original or 0)), Verdict("changed order", float(changed or 0)),
    ]  # fmt: skip
    for order, winner in zip(("original", "swapped"), winners, strict=True):
        out += [Verdict("verdict", float(winner or 0), item=order), Verdict("label", float(label), item=order)]
        if shown and winner is not None:
            out.append(Verdict("first", float(winner == (1 if order == "original" else 2)), item=order))
    return out
