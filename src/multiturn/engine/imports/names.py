"""How what was imported is called: the label in figures, and the text from which the catalogue makes it again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

from ...conversation import InputError
from ...conversation.message import mended
from ...measures.figure import FRACTION, Scale

SLUG = "imported"


def label_of(format: str, task: str = "") -> str:
    """``imported/inspect/popularity``: the same task from another file has the same name, so that the two can be compared."""
    plain = re.sub(r"[^\w.+-]+", "-", mended(task)).strip("-")
    return "/".join(name for name in (SLUG, format, plain) if name)


def system_text(format: str, task: str, scales: Mapping[str, Scale]) -> str:
    """What `multiturn.systems.catalogue.make_system` makes the benchmark from: it needs no file."""
    return named(SLUG, {"format": format, "task": mended(task), "measures": scales_text(scales)})


def named(slug: str, options: Mapping[str, str]) -> str:
    """A system with options as text; those that say nothing are left out."""
    return f"{slug}?" + "&".join(f"{name}={quote(value, safe=',:/')}" for name, value in options.items() if value)


def scales_text(scales: Mapping[str, Scale]) -> str:
    """Measures with their scales as text: ``name`` (a fraction) or ``name:low:high:unit:passing``, with commas."""
    return ",".join(_written(name, scale) for name, scale in scales.items())


def _written(name: str, scale: Scale) -> str:
    name = quote(mended(name), safe=" /()+-")
    if scale == FRACTION:
        return name
    return f"{name}:{scale.low:g}:{scale.high:g}:{quote(scale.unit, safe='')}:{scale.passing:g}"


def scales_of(measures: str) -> dict[str, Scale]:
    """The measures and their scales, as `scales_text` wrote them."""
    found: dict[str, Scale] = {}
    for piece in filter(None, measures.split(",")):
        name, *rest = piece.split(":")
        try:
            if rest:
                low, high, unit, passing = rest
                found[unquote(name)] = Scale(float(low), float(high), unquote(unit), float(passing))
            else:
                found[unquote(name)] = FRACTION
        except ValueError:
            raise InputError(f"measures of `{SLUG}`: write name or name:low:high:unit:passing, not `{piece}`") from None
    return found


def guessed_scale(low: float, high: float) -> Scale:
    """The scale of a measure of which only the values are known: a fraction, or open, and then nothing fails."""
    if low >= 0 and high <= 1:
        return FRACTION
    floor = 0.0 if low >= 0 else float("-inf")
    return Scale(floor, float("inf"), "", passing=floor)
