"""Refinement: a list is asked for, then constraints are added one a turn; some supersede an earlier one.

A constraint is in force until a later one of the same kind supersedes it. Constraints are drawn so that each one in
force makes a difference: an answer that ignores any of them is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from ...protocols.scripted import ScriptedTurn
from .patterns_words import KINDS, Draw

Sort: TypeAlias = Literal["case", "separator", "first", "order", "frame", "label", "drop", "add"]
LONGEST = 2_000
SEPARATORS = {"semicolons": "; ", "slashes": " / ", "plus signs": " + ", "hyphens": " - ", "vertical bars": " | "}
FRAMES = {"square brackets": "[]", "round brackets": "()", "curly brackets": "{}"}
LABELS = ("Result", "Order", "Choice", "Notes")
_ANY = re.compile(r"[,;/+\-|\n]+")


class Constraint(Struct, frozen=True):
    """One constraint and the number of the turn that states it."""

    sort: Sort
    value: str
    turn: int

    @property
    def text(self) -> str:
        match self.sort:
            case "case":
                return f"Use {self.value} letters only."
            case "separator":
                return f"Separate the words with {self.value}."
            case "first":
                return f"Put {self.value} first."
            case "order":
                return f"Put the words in {self.value} order."
            case "frame":
                return f"Put the whole list in {self.value}."
            case "label":
                return f'Start with the label "{self.value}:".'
            case "drop":
                return f"Leave out {self.value}."
            case "add":
                return f"Add {self.value} to the list."


class Wanted(Struct, frozen=True, tag=True):
    """Target of a refinement turn: the words to begin with and the constraints in force."""

    words: tuple[str, ...]
    force: tuple[Constraint, ...]

    def get(self, sort: Sort) -> str:
        return next((c.value for c in self.force if c.sort == sort), "")

    @property
    def items(self) -> list[str]:
        """The words that belong in the list, in the order of the best answer."""
        items = [w for w in self.words if not any(c.sort == "drop" and c.value == w for c in self.force)]
        items += [c.value for c in self.force if c.sort == "add"]
        if order := self.get("order"):
            items.sort(reverse=order == "reverse alphabetical")
        if first := self.get("first"):
            items.sort(key=lambda w: w != first)
        return items

    @property
    def gold(self) -> str:
        """One answer under which all constraints hold."""
        body = SEPARATORS.get(self.get("separator"), ", ").join(w.capitalize() for w in self.items)
        frame = FRAMES.get(self.get("frame"), "")
        framed = frame[:1] + body + frame[1:]
        cased = {"capital": framed.upper(), "lowercase": framed.lower()}.get(self.get("case"), framed)
        return f"{self.get('label')}: {cased}" if self.get("label") else cased

    def fault(self, reply: str) -> str:
        """The first constraint that does not hold in the reply, "" if all do."""
        body = _body(reply)
        if label := self.get("label"):
            if not body.casefold().startswith(f"{label}:".casefold()):
                return f'no label "{label}:"'
            body = body[len(label) + 1 :].strip()
        if frame := FRAMES.get(self.get("frame"), ""):
            if not (body.startswith(frame[0]) and body.endswith(frame[1])):
                return f"not in {self.get('frame')}"
            body = body[1:-1].strip()
        separator = SEPARATORS.get(self.get("separator"), "").strip()
        parts = [p.strip(" \t\n\"'`*_.") for p in (body.split(separator) if separator else _ANY.split(body))]
        return self._items_fault(parts)

    def _items_fault(self, parts: Sequence[str]) -> str:
        words = [p.casefold() for p in parts]
        items = self.items
        if sorted(words) != sorted(items):
            by = f", separated by {self.get('separator')}" if self.get("separator") else ""
            return f"not the {len(items)} words {', '.join(items)}{by}"
        case = self.get("case")
        if (case == "capital" and any(p != p.upper() for p in parts)) or (
            case == "lowercase" and any(p != p.lower() for p in parts)
        ):
            return f"not in {case} letters"
        if self.get("order") and words != items:
            return f"not in {self.get('order')} order"
        if self.get("first") and words[0] != items[0]:
            return f"{items[0]} is not first"
        return ""


def _body(reply: str) -> str:
    """The reply without what often surrounds an answer: a code fence, quotes, bold marks, a full stop."""
    text = reply[:LONGEST].strip().removeprefix("```text").strip("`").strip()
    return text.strip("\"'“”*_").strip().removesuffix(".").strip()


def list_case(draw: Draw, constraints: int) -> list[ScriptedTurn]:
    """A first request, then ``constraints`` turns of one constraint each: ``constraints`` + 1 turns, all scored."""
    pool = draw.one(tuple(KINDS.values()))
    drawn = draw.some(pool, len(pool))
    words, spare = tuple(drawn[:4]), tuple(drawn[4:])
    request = f"Write these words as a list on one line: {', '.join(w.capitalize() for w in words)}."
    form = "Answer with the list only."
    ordered = draw.chance(0.5)
    made: list[ScriptedTurn] = []
    wanted = Wanted(words, ())
    stated: tuple[Constraint, ...] = ()
    for number in range(1, constraints + 2):
        user = f"{request} {form}"
        if number > 1:
            wanted, text = _refined(draw, wanted, stated, number, spare, ordered)
            stated += (next(c for c in wanted.force if c.turn == number),)
            user = f"{text} Write the list again. {form}"
        turns = tuple(sorted({1, *(c.turn for c in wanted.force)} - {number}))
        single = " ".join([request, *(c.text for c in wanted.force), form])
        made.append(ScriptedTurn(user=user, gold=wanted.gold, single=single, needs=turns, target=wanted))
    return made


def _refined(
    draw: Draw, wanted: Wanted, stated: tuple[Constraint, ...], turn: int, spare: tuple[str, ...], ordered: bool
) -> tuple[Wanted, str]:
    """The next constraint, as what is wanted from now on and as the user's words."""
    for _ in range(50):
        one = _draw_one(draw, wanted, turn, spare, ordered)
        if one is None:
            continue
        replaced, after = _with(wanted, one)
        if all(_matters(after, stated, c) for c in after.force):
            return after, one.text[:-1] + (" instead." if replaced else ".")
    flipped = "lowercase" if wanted.get("case") == "capital" else "capital"
    one = Constraint("case", flipped, turn)
    replaced, after = _with(wanted, one)
    return after, one.text[:-1] + (" instead." if replaced else ".")


def _with(wanted: Wanted, one: Constraint) -> tuple[bool, Wanted]:
    """What is wanted once this constraint has been stated, and whether it superseded an earlier one."""
    kept = tuple(c for c in wanted.force if c.sort != one.sort or one.sort in ("drop", "add"))
    return len(kept) < len(wanted.force), msgspec.structs.replace(wanted, force=(*kept, one))


def _matters(wanted: Wanted, stated: tuple[Constraint, ...], left_out: Constraint) -> bool:
    """Whether the answer of somebody who missed this constraint (and so still follows what it superseded) is wrong."""
    seen = Wanted(wanted.words, ())
    for one in sorted({*stated, *wanted.force} - {left_out}, key=lambda c: c.turn):
        seen = _with(seen, one)[1]
    return bool(wanted.fault(seen.gold))


def _draw_one(draw: Draw, wanted: Wanted, turn: int, spare: tuple[str, ...], ordered: bool) -> Constraint | None:
    """A random constraint, a third of the time one that supersedes an earlier one; None if there is none of the drawn sort."""
    sorts: tuple[Sort, ...] = ("case", "separator", "order" if ordered else "first", "frame", "label", "drop", "add")
    superseding = [s for s in sorts if wanted.get(s) and s not in ("drop", "add")]
    new = [s for s in sorts if s in ("drop", "add") or not wanted.get(s)]
    sort = draw.one(superseding) if superseding and draw.chance(1 / 3) else draw.one(new)
    used = {c.value for c in wanted.force}
    options: dict[Sort, Sequence[str]] = {
        "case": ("capital", "lowercase"),
        "separator": tuple(SEPARATORS),
        "first": wanted.items,
        "order": ("alphabetical", "reverse alphabetical"),
        "frame": tuple(FRAMES),
        "label": LABELS,
        "drop": [w for w in wanted.words if w != wanted.get("first")] if len(wanted.items) > 3 else (),
        "add": spare if len(wanted.items) < 6 else (),
    }
    free = [v for v in options[sort] if v not in used]
    return Constraint(sort, draw.one(free), turn) if free else None
