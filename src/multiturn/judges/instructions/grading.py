"""From a reply and its instructions to the four accuracies of IFEval: prompt and instruction level, strict and loose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from ...conversation import InputError
from ...measures.verdict import Verdict
from .registry import arguments, follows

MEASURES = ("prompt_strict", "prompt_loose", "instruction_strict", "instruction_loose")
"""Shares, 0 to 1: of prompts with every instruction followed, and of instructions followed."""


class Wanted(Struct, frozen=True):
    """One instruction in force: its type and its arguments."""

    id: str
    args: dict[str, Any]


def wanted(ids: Sequence[str], kwargs: Sequence[Mapping[str, Any]]) -> tuple[Wanted, ...]:
    """The instructions of one prompt from the aligned lists of the published files. Raises `InputError` naming what is wrong."""
    if not ids:
        raise InputError("no instruction is given")
    if len(ids) != len(kwargs):
        raise InputError(f"{len(ids)} instructions but {len(kwargs)} sets of arguments")
    return tuple(Wanted(name, arguments(name, args)) for name, args in zip(ids, kwargs, strict=True))


def flags(
    asked: Sequence[Wanted], reply: str, loose: bool = False, *, language_aware: bool = False, official: bool = False
) -> list[bool]:
    """For each instruction, whether the reply follows it."""
    return [follows(each.id, reply, each.args, loose, language_aware=language_aware, official=official) for each in asked]


def grade(asked: Sequence[Wanted], reply: str, *, by_type: bool, language_aware: bool = False,
          official: bool = False) -> list[Verdict]:  # fmt: skip
    """The verdicts on one reply. ``by_type`` groups instruction verdicts by their type. A blank reply fails everything."""
    found: dict[str, list[bool]] = {}
    for loose in (False, True):
        followed = flags(asked, reply, loose, language_aware=language_aware, official=official)
        form = "loose" if loose else "strict"
        found[f"prompt_{form}"], found[f"instruction_{form}"] = [all(followed)], followed
    blank = not reply.strip()
    return [
        Verdict(slot.measure, float(found[slot.measure][_index(slot)]), item=slot.item, group=slot.group, failed=blank)
        for slot in slots(asked, by_type=by_type)
    ]


def slots(asked: Sequence[Wanted], *, by_type: bool) -> list[Verdict]:
    """The verdicts, without values, that `grade` gives."""
    empty = [Verdict(measure, None) for measure in MEASURES[:2]]
    for measure in MEASURES[2:]:
        empty += [Verdict(measure, None, item=str(i), group=one.id if by_type else None) for i, one in enumerate(asked)]
    return empty


def _index(slot: Verdict) -> int:
    return int(slot.item or 0)
