"""Two sides of a comparison, measure by measure: the same questions, paired. Differences are second minus first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np
from msgspec import Struct

from ..measures.codes import number
from ..measures.exact import How, Significance, significance
from ..measures.figure import Figure, Scale
from ..measures.multiplicity import benjamini_hochberg, holm
from ..measures.noise import Noise, noise_floor
from ..measures.paired import Difference, Joined, join, paired
from ..measures.power import ALPHA, detectable
from ..measures.verdict import Table
from .result import figure_row

SEED = 20_240_229
"""Of the sign patterns that a permutation test draws: the same comparison always has the same p-value."""


class Comparison(Struct, frozen=True, kw_only=True):
    """One measure in one setting, group and turn (None = all), on the questions that both sides measured.

    ``difference``: second minus first, with its interval; ``first``/``second``: means over the shared questions;
    ``gained``/``lost``: questions that failed before and pass now / passed and fail now; ``only_first``/``only_second``:
    questions that only one side measured. ``test``: the test of no difference; ``paired``: the same difference with its
    clustered t test and its effect size; ``noise``: how far two identical runs differ (None: no repeats); ``equal``: the
    sides are equal on every shared question.
    ``holm``/``bh``: the p-value adjusted for all ``family`` comparisons that are looked at together (see `adjust`).
    """

    measure: str
    setting: str
    group: str | None
    turn: int | None
    first: float | None
    second: float | None
    difference: Figure
    gained: int
    lost: int
    questions: int
    only_first: int
    only_second: int
    paired: Difference
    test: Significance
    noise: Noise | None
    scale: Scale
    equal: bool
    holm: float | None = None
    bh: float | None = None
    family: int = 1

    @property
    def found(self) -> bool:
        """Whether there is a difference, at 5 % after Holm."""
        return self.holm is not None and self.holm < ALPHA

    @property
    def passes(self) -> bool:
        """Whether the measure has a value from which a turn passes: else nothing is gained, lost or better, only more."""
        return self.scale.low < self.scale.passing <= self.scale.high

    @property
    def detectable(self) -> float | None:
        """The true difference that would have been found 4 times in 5, at the strictest level that Holm asks for; None where
        nothing varies or the test could not have reached that level with so few cases."""
        level = ALPHA / self.family
        least = detectable(self.paired.se, self.paired.df, alpha=level)
        blunt = self.test.test != "clustered t" and 2.0 ** (1 - self.paired.n_clusters) > level
        return None if blunt or least is None or least > self.scale.high - self.scale.low else least


def compare(first: Table, second: Table, scale: Callable[[str], Scale], how: How = "auto") -> list[Comparison]:
    """Compare two tables of verdicts of one system, measure by measure, setting by setting, in all and by group.

    ``scale``: the scale of each measure. What only one of them holds is left out (its questions are counted).
    """
    found = []
    for measure, setting, a, b in cells(first, second):
        groups = [g for g in _shared(a, b, "group") if g]
        for group in [None, *(groups if len(groups) > 1 else ())]:
            sides = (a, b) if group is None else (a.where(group=group), b.where(group=group))
            found.append(_compared(*sides, (measure, setting, group, None), scale(measure), how))
    return adjust(found)


def by_turn(first: Table, second: Table, scale: Callable[[str], Scale], how: How = "auto") -> list[Comparison]:
    """The same at each turn, in all groups; p-values adjusted over the turns of a measure in a setting. A question that stands
    at different turns on the two sides is counted where the second has it. Verdicts on whole conversations are left out, and so
    is what was scored at one turn only."""
    found = []
    for measure, setting, a, b in cells(first, second):
        by = join(a, b)
        both = ~np.isnan(by.a) & ~np.isnan(by.b)
        turns = [t for t in np.unique(by.turn[both]).tolist() if t > 0]
        if len(turns) > 1:
            found += adjust([_compared(*_at(a, b, by, t), (measure, setting, None, t), scale(measure), how) for t in turns])
    return found


def _at(a: Table, b: Table, by: Joined, turn: int) -> tuple[Table, Table]:
    here = by.turn == turn
    return a.select(here[by.at_a]), b.select(here[by.at_b])


def cells(first: Table, second: Table) -> Iterable[tuple[str, str, Table, Table]]:
    """Each measure and setting that both tables hold, with their rows."""
    for measure in _shared(first, second, "measure"):
        one, two = first.where(measure=measure), second.where(measure=measure)
        for setting in _shared(one, two, "setting"):
            yield measure, setting, one.where(setting=setting), two.where(setting=setting)


def _shared(first: Table, second: Table, field: str) -> list[str]:
    there = set(second.present(field))
    return [name for name in first.present(field) if name in there]


def adjust(found: Sequence[Comparison]) -> list[Comparison]:
    """Fill in ``holm``, ``bh`` and ``family``: over all rows without a group, and apart from those over all rows of groups."""
    out = list(found)
    for whole in (True, False):
        at = [i for i, c in enumerate(found) if (c.group is None) == whole]
        p = np.array([math.nan if found[i].test.p is None else found[i].test.p for i in at], dtype=np.float64)
        family = max(1, int((~np.isnan(p)).sum()))
        for i, strict, mild in zip(at, holm(p), benjamini_hochberg(p), strict=True):
            out[i] = msgspec.structs.replace(out[i], holm=number(strict), bh=number(mild), family=family)
    return out


def _compared(a: Table, b: Table, where: tuple[str, str, str | None, int | None], scale: Scale, how: How) -> Comparison:
    measure, setting, group, turn = where
    d, by = paired(b, a, scale), join(a, b)
    both, has_a, has_b = ~np.isnan(by.a) & ~np.isnan(by.b), ~np.isnan(by.a), ~np.isnan(by.b)
    one, two = by.a[both], by.b[both]
    binary = bool(np.isin(np.concatenate([one, two]), (scale.low, scale.high)).all())
    moved = np.where(np.isclose(one, two, rtol=1e-12, atol=1e-15), 0.0, two - one)  # equal means may round apart
    test = significance(moved, by.cluster[both], np.random.default_rng(SEED), binary=binary, t=d.p, how=how)
    figure = Figure(
        measure=f"{measure} difference", kind="difference", setting=setting, group=group, turn=turn, unit=scale.unit,
        value=d.value, low=d.low, high=d.high, worst=d.worst, best=d.best, n_cases=d.n_clusters, n_scored=d.n_pairs - d.n_failed,
        n_failed=d.n_failed, n_unmeasured=d.n_lost,
        note="" if test.p is None else f"p = {test.p:.3f}" if test.p >= 0.001 else "p < 0.001",
    )  # fmt: skip
    return Comparison(
        measure=measure, setting=setting, group=group, turn=turn, difference=figure, questions=len(one),
        first=float(one.mean()) if len(one) else None, second=float(two.mean()) if len(two) else None,
        gained=int(((one < scale.passing) & (two >= scale.passing)).sum()),
        lost=int(((one >= scale.passing) & (two < scale.passing)).sum()),
        only_first=int((has_a & ~has_b).sum()), only_second=int((has_b & ~has_a).sum()),
        paired=d, test=test, noise=noise_floor(a, b, by), scale=scale, equal=not moved.any(),
    )  # fmt: skip


def as_row(c: Comparison) -> dict[str, object]:
    """One comparison as plain JSON values."""
    d, noise = c.paired, c.noise
    row = figure_row(c.difference) | {
        "measure": c.measure, "first": c.first, "second": c.second, "gained": c.gained, "lost": c.lost, "questions": c.questions,
        "only_first": c.only_first, "only_second": c.only_second, "p": c.test.p, "p_holm": c.holm, "p_bh": c.bh,
        "family": c.family, "test": c.test.test, "test_note": c.test.note, "p_t": d.p, "effect": d.effect,
        "effect_low": d.effect_low, "effect_high": d.effect_high, "detectable": c.detectable,
    }  # fmt: skip
    row["noise"] = None if noise is None else noise._asdict() | {"repeats": list(noise.repeats)}
    return row
