"""The figures of one system and one model, looked up by what they are: what every form of the report is laid out from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from ..measures.figure import Figure
from ..protocols.benchmark import Published
from .result import PublishedFigure, RunResult

SMALL = 20
"""Clusters below which an interval rests on too little to be taken at its word."""

LARGE = 0.1
"""Share of verdicts left out from which a mean is marked as that of a part."""

DRAWN = ("mean", "turn", "difference", "survival", "detectable", "effect", "rmst")
"""Kinds that have a place of their own; all others are listed as they are."""


class Contrast(NamedTuple):
    """A paired difference of ``measure``: ``setting`` minus ``baseline``."""

    measure: str
    setting: str
    baseline: str
    figure: Figure


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


class Section:
    """All figures of one system and one model."""

    def __init__(self, result: RunResult, system: str, model: str, figures: Sequence[Figure]) -> None:
        self.result, self.system, self.model, self.figures = result, system, model, figures
        self.means = [f for f in figures if f.kind == "mean" and f.turn is None]
        self._mean = {(f.measure, f.setting or "", f.group): f for f in reversed(self.means)}
        self.measures = _distinct(f.measure for f in self.means)
        found = _distinct(f.setting for f in self.means if f.setting)
        self.settings = [s for s in result.run.settings if s in found] + [s for s in found if s not in result.run.settings]
        self.contrasts = [c for f in figures if f.kind == "difference" and f.turn is None and (c := self._contrast(f))]

    def _contrast(self, figure: Figure) -> Contrast | None:
        """The two settings of a difference, from its ``setting`` (``multi-single``, ``multi vs single`` …)."""
        name, measure = figure.setting or "", self.base(figure)
        known = sorted(_distinct([*self.settings, *self.result.run.settings]), key=len, reverse=True)
        for left in known:
            if name.startswith(left):
                for right in known:
                    if name.endswith(right) and len(left) + len(right) < len(name):
                        return Contrast(measure, left, right, figure)
        sides = re.split(r"\s*(?:−|–|-|\bvs\.?(?=\s)|\bminus\b)\s*", name, maxsplit=1)
        if len(sides) == 2 and all(sides):
            return Contrast(measure, sides[0], sides[1], figure)
        return Contrast(measure, name or "multi", "single", figure) if name != "single" else None

    def base(self, figure: Figure) -> str:
        """The measure that a derived figure is about: its name begins with it (``score difference``), or its note does."""
        named = (f"{figure.measure} ", figure.note.replace(",", " ", 1) + " ")
        fits = [m for m in self.measures if any(name.startswith(f"{m} ") for name in named)]
        return max(fits, key=len, default=figure.measure)

    @property
    def primary(self) -> str:
        """The measure of the headline: the first that settings are compared on, else the first there is."""
        compared = {c.measure for c in self.contrasts}
        return next((m for m in self.measures if m in compared), self.measures[0] if self.measures else "")

    @property
    def main_setting(self) -> str:
        """The setting of the conversation itself."""
        return "multi" if "multi" in self.settings else next((s for s in self.settings if s != "single"), "single")

    def groups(self, measure: str) -> list[str]:
        """The groups of a measure, in order of first appearance."""
        return _distinct(f.group for f in self.means if f.measure == measure and f.group)

    def mean(self, measure: str, setting: str, group: str | None = None) -> Figure | None:
        return self._mean.get((measure, setting, group))

    def overall(self, kind: str) -> list[Figure]:
        """Figures of one kind over all groups, of the primary measure."""
        return [f for f in self.figures if f.kind == kind and f.turn is None and f.group is None and self.base(f) == self.primary]

    def rest(self) -> list[Figure]:
        """What has no place of its own: what repeats tell, and figures that a system adds. Over all groups; what exists by
        group only (players of a rating, dimensions) is named with its group."""
        found = [f for f in self.figures if f.kind not in DRAWN and f.turn is None]
        totals = {(f.measure, f.kind, f.setting) for f in found if f.group is None}
        alone = (f for f in found if f.group is None or (f.measure, f.kind, f.setting) not in totals)
        return [f if f.group is None else msgspec.structs.replace(f, measure=f"{f.measure}, {f.group}") for f in alone]

    def contrast(self, measure: str, group: str | None = None) -> Contrast | None:
        """The first paired difference of a measure in a group."""
        return next((c for c in self.contrasts if c.measure == measure and c.figure.group == group), None)

    def detectable(self, contrast: Contrast) -> Figure | None:
        """The smallest difference this run could have seen, for one contrast."""
        wanted = (contrast.measure, contrast.figure.setting, contrast.figure.group)
        found = (f for f in self.figures if f.kind == "detectable" and (self.base(f), f.setting, f.group) == wanted)
        return next(found, None)

    def curves(self, kind: str, group: str | None = None) -> dict[tuple[str, str], list[Figure]]:
        """Per-turn series of one kind (``turn`` or ``survival``) in a group, by (measure, setting), in turn order."""
        found: dict[tuple[str, str], list[Figure]] = {}
        for f in self.figures:
            if f.kind == kind and f.turn is not None and f.group == group and f.value is not None:
                found.setdefault((self.base(f), f.setting or ""), []).append(f)
        return {key: sorted(series, key=lambda f: f.turn or 0) for key, series in found.items()}

    def curve_groups(self, kind: str) -> list[str]:
        return _distinct(f.group for f in self.figures if f.kind == kind and f.turn is not None and f.group)

    def unmeasured(self) -> list[Figure]:
        """Means that leave something out, with the bounds that what is missing allows."""
        return [f for f in self.means if f.n_unmeasured]

    @property
    def empty(self) -> bool:
        """Whether nothing at all was measured."""
        return bool(self.means) and all(f.value is None for f in self.means)

    def trials(self) -> list[str]:
        """What a trial is in each setting, as the figures of repeats say it: ``multi: a trial is a whole conversation``."""
        found = {f.setting or "all": f.note.rpartition("; ")[2] for f in self.rest() if "; a trial is " in f.note}
        return [f"{setting}: {says}" for setting, says in found.items()]

    def published(self) -> list[Published]:
        """The paper's numbers for this system."""
        mine = []
        for p in self.result.published:
            owner = p.system if isinstance(p, PublishedFigure) else ""
            if owner == self.system or (not owner and (not p.measure or p.measure in self.measures)):
                mine.append(p)
        return mine

    def counterpart(self, published: Published) -> Figure | None:
        """This run's own figure for the same measure, setting and group."""
        return self.mean(published.measure or self.primary, published.setting, published.group)


def sections(result: RunResult) -> list[Section]:
    """One section for each system and model, in order of appearance."""
    found: dict[tuple[str, str], list[Figure]] = {}
    for figure in result.figures:
        found.setdefault((figure.system, figure.model), []).append(figure)
    return [Section(result, system, model, figures) for (system, model), figures in found.items()]
