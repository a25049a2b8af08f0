"""A judge that chooses one of a few labels."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .parse import LONGEST, Outcome, Parsed, Unparsable

_FIELD = re.compile(r"""["'](?:label|answer|verdict|stance)["']\s*:\s*["']([^"'\n]{1,40})["']""", re.IGNORECASE)


def label(text: str, labels: Sequence[str]) -> Outcome[str]:
    """The one label that the judge chose: as a JSON field (label, answer, verdict, stance), else as the only label whose word
    stands in the text. Several different labels, or none, are unparsable. Case does not matter."""
    if len(text) > LONGEST:
        return Unparsable(f"longer than {LONGEST:,} characters")
    known = {name.lower(): name for name in labels}
    fields = {found.strip().lower() for found in _FIELD.findall(text)}
    words = "|".join(re.escape(name) for name in sorted(known, key=len, reverse=True))
    said = fields if fields else set(re.findall(rf"(?<!\w)(?:{words})(?!\w)", text.lower()))
    chosen = {known[name] for name in said if name in known}
    if len(chosen) == 1 and said <= known.keys():
        return Parsed(chosen.pop())
    return Unparsable("several labels at once" if len(chosen) > 1 else "none of the labels")
