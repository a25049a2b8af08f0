"""Probes: what should not move a judge, and what should, as changes to an item.

Each is a paired experiment: the same item with and without the change, asked of the same judge. The share of verdicts, or the
points, that move with it is the judge's bias. Which of two answers is changed is drawn from the item's id, evenly.

swapped    (pair, list) the answers change places
relabelled (pair) what is shown first is called by the second's name; (point) the scale is told from its other end
longer     (pair, point) an answer is padded with sentences that say nothing
styled     (pair, point) an answer in headings, bullets and bold type, word for word the same
flawed     (pair, point) an answer with planted errors: numbers changed, a statement turned into its opposite
own, other (pair, point) an answer is said to be the judge's own work, or that of another model
again      (all) nothing is changed; the judge is asked a second time
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import blake2b

from .items import Item, ListItem, PairItem, PointItem, with_changes

FILLER = (
    "It is worth taking a moment to consider this question with care, as there is quite a lot that could be said about it.",
    "As noted above, the points made here belong together and should be read as a whole.",
    "In summary, and to repeat the above in other words, this is the answer to the question that was asked.",
)
OWN = "[You wrote this answer yourself.]"
OTHER = "[Another model gave this answer.]"
"""As many characters and words as `OWN`: a judge that likes length is not one that likes its own work."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_NUMBER = re.compile(r"^[ \t]*\d{1,3}[.)][ \t]|(?<![\w.])(\d{1,9})(?![\w]|\.\d)", re.M)
"""A number that is no part of a word, nor the number of a line in a list (that is matched, but has no group)."""
_VERB = re.compile(r"\b(is|are|was|were|can|will|should|does|do|has|have)\b(?! not\b)", re.I)


def probed(item: Item, probe: str) -> Item | None:
    """The item as this probe changes it; None when the probe does not apply to it (no number to change, no place to swap)."""
    if probe in ("plain", "again"):
        return with_changes(item, changed=probe if probe == "again" else "")
    make = PROBES.get(probe)
    return make(item) if make is not None else None


def _target(item: Item) -> int:
    return 1 + blake2b(item.id.encode(), digest_size=1).digest()[0] % 2


def _answers(
    change: Callable[[str], str | None], name: str, other: Callable[[str], str] | None = None
) -> Callable[[Item], Item | None]:
    """A probe that changes one answer (and perhaps the other one too)."""

    def make(item: Item) -> Item | None:
        if isinstance(item, PointItem):
            text = change(item.answer)
            return None if text is None else with_changes(item, answer=text, changed=name)
        if not isinstance(item, PairItem):
            return None
        target = _target(item)
        mine = change(item.answers[target - 1])
        if mine is None:
            return None
        theirs = item.answers[2 - target] if other is None else other(item.answers[2 - target])
        first, second = (mine, theirs) if target == 1 else (theirs, mine)
        return with_changes(item, first=first, second=second, target=target, changed=name)

    return make


def longer(text: str) -> str:
    """The answer with about as many words again that add nothing to it."""
    wanted, n = len(text.split()), 0
    filler: list[str] = []
    while n < max(wanted, 40) and len(filler) < 60:
        filler.append(FILLER[len(filler) % len(FILLER)])
        n += len(filler[-1].split())
    return f"{FILLER[0]}\n\n{text}\n\n{' '.join(filler[1:]) or FILLER[2]}"


def styled(text: str) -> str:
    """The same words under a heading, a bullet for each sentence, each bullet's first words in bold type."""
    lines = []
    for sentence in filter(None, (s.strip() for s in _SENTENCE.split(text))):
        words = sentence.split(" ")
        lines.append(f"- **{' '.join(words[:3])}** {' '.join(words[3:])}".rstrip())
    return "## Answer\n\n" + "\n".join(lines)


def flawed(text: str) -> str | None:
    """The answer with every number changed, or, without numbers, its first plain statement denied; None when there is neither."""
    if any(m[1] for m in _NUMBER.finditer(text)):
        return _NUMBER.sub(lambda m: str(int(m[1]) + 1 + int(m[1]) % 7) if m[1] else m[0], text)
    denied, n = _VERB.subn(lambda m: f"{m[1]} not", text, count=1)
    return denied if n else None


def _swapped(item: Item) -> Item | None:
    if isinstance(item, PairItem):
        label = None if item.label is None else 1 - item.label
        return with_changes(
            item, first=item.second, second=item.first, authors=item.authors[::-1], label=label, swapped=True, changed="swapped"
        )
    if isinstance(item, ListItem):
        order = tuple(range(len(item.answers)))[::-1]
        return with_changes(
            item, answers=item.answers[::-1], labels=item.labels[::-1], authors=item.authors[::-1], order=order, changed="swapped"
        )
    return None


def _relabelled(item: Item) -> Item | None:
    if isinstance(item, PairItem):
        return with_changes(item, names=item.names[::-1], changed="relabelled")
    return with_changes(item, descending=True, changed="relabelled") if isinstance(item, PointItem) and not item.binary else None


PROBES: dict[str, Callable[[Item], Item | None]] = {
    "swapped": _swapped,
    "relabelled": _relabelled,
    "longer": _answers(longer, "longer"),
    "styled": _answers(styled, "styled"),
    "flawed": _answers(flawed, "flawed"),
    "own": _answers(lambda text: f"{OWN}\n{text}", "own", lambda text: f"{OTHER}\n{text}"),
    "other": _answers(lambda text: f"{OTHER}\n{text}", "other", lambda text: f"{OWN}\n{text}"),
}
