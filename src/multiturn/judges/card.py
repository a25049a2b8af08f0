"""A judge's card: how far its verdicts can be trusted, measured against people, and in plain words.

A card belongs to a judge (what it is asked, by which model, with which options: together its ``judge`` hash) and to the labels
it was held against. It is printed beside every figure that the judge produced.
"""

from __future__ import annotations

from msgspec import Struct

from ..measures.figure import Figure


class Pair(Struct, frozen=True, array_like=True):
    """What people and the judge said of one item. ``cluster``: the sampling unit; ``id``: the judgement's name in a store."""

    cluster: int
    label: float
    verdict: float
    id: str = ""


class Card(Struct, frozen=True, kw_only=True):
    """``judge``: its hash, in hex. ``method``: the judge system, or the benchmark whose judge it is. ``model``: who was asked.
    ``labels``: the labelled set. ``run``: where the evidence is kept. ``measure``: what was judged ("" = the items' label).
    ``items``: how many have a verdict, of so many ``planned`` (0 = not known). ``figures``: those of the calibration.
    ``sentences``: what they say. ``pairs``: labels and verdicts, for the corrected estimate."""

    judge: str
    method: str
    model: str
    labels: str
    run: str
    measure: str = ""
    items: int = 0
    planned: int = 0
    figures: tuple[Figure, ...] = ()
    sentences: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = ()
    created: float = 0.0

    @property
    def summary(self) -> str:
        """One line for beside a figure: the best known agreement, with its interval."""
        for name in ("kappa", "alpha", "Spearman", "Somers D", "correct", "error"):
            for f in self.figures:
                if f.measure == name and f.setting == "plain" and f.group is None and f.value is not None:
                    span = f" [{f.low:.2f}, {f.high:.2f}]" if f.low is not None and f.high is not None else ""
                    items = f"{self.items:,} item{'s' * (self.items != 1)}"
                    return f"{name} {f.value:.2f}{span} with people on {items} of {self.labels}"
        return f"no agreement with people could be measured on {self.labels}"
