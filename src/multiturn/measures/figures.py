"""What benchmarks list as their ``figures``: each call gives a pure function from a table of verdicts to figures.

``figures = (*standard("accuracy"), mean("length", Scale(0, 2000, "words")))``

Every maker reads the rows of one measure, takes settings and groups in their order of first appearance, and gives nothing
where there is nothing to say (a setting that was not run, a single repeat). Groups are reported beside the total where
there are several. ``n_scored + n_failed`` is what the value rests on; ``n_unmeasured`` is left out.
"""

from __future__ import annotations

import numpy as np

from .curves import curve, named_groups
from .figure import FRACTION, Figure, FigureMaker, Scale
from .figures_trials import pass_k, reliability, survival
from .paired import Pairs, differences, pairs
from .power import detectable
from .verdict import Table

__all__ = ["by_turn", "mean", "multi_turn_cost", "pass_k", "reliability", "standard", "survival"]


def mean(measure: str, scale: Scale = FRACTION, by: tuple[str, ...] = ("setting", "group")) -> FigureMaker:
    """The mean over verdicts, clustered by case: kind "mean", for each setting, and each group if ``by`` says so.

    ``n_cases``: clusters with a value. A setting of which nothing was measured has value None and its counts.
    """

    def figures(table: Table) -> list[Figure]:
        rows = table.where(measure=measure)
        out = curve(rows, ("setting",), scale, measure=measure, kind="mean")
        if "group" in by:
            out += _by_group(rows, ("setting", "group"), scale, measure, "mean")
        return out

    return figures


def by_turn(measure: str, scale: Scale = FRACTION) -> FigureMaker:
    """The mean at each turn (kind "turn"), for each setting and each group. Verdicts on whole conversations are not in it."""

    def figures(table: Table) -> list[Figure]:
        rows = table.where(measure=measure)
        rows = rows.select(rows.turn > 0)
        out = curve(rows, ("setting", "turn"), scale, measure=measure, kind="turn")
        return out + _by_group(rows, ("setting", "group", "turn"), scale, measure, "turn")

    return figures


def multi_turn_cost(measure: str, scale: Scale = FRACTION, a: str = "multi", b: str = "single") -> FigureMaker:
    """The paired difference ``a`` - ``b`` on the same questions (negative: ``a`` is worse), overall and by group.

    Kinds "difference" (in the measure's unit, p-value in the note), "effect" (Hedges' g, no unit) and "detectable" (the
    smallest true difference this design would have found 4 times in 5). ``n_cases``: clusters; ``n_scored`` +
    ``n_failed``: pairs in the mean, ``n_failed`` those with a reply that never came; ``n_unmeasured``: pairs lost because
    one side has no value. Nothing if one of the settings is absent.
    """

    def figures(table: Table) -> list[Figure]:
        rows = table.where(measure=measure)
        side_a, side_b = rows.where(setting=a), rows.where(setting=b)
        if not len(side_a) or not len(side_b):
            return []
        out = _cost(pairs(side_a, side_b, scale), None, measure, scale, f"{a} - {b}")
        if groups := named_groups(rows):
            found = pairs(side_a, side_b, scale, by_group=True)
            for group in groups:
                mask = found.group == rows.names["group"].index(group)
                out += _cost(Pairs(*(column[mask] for column in found)), group, measure, scale, f"{a} - {b}")
        return out

    return figures


def _by_group(rows: Table, by: tuple[str, ...], scale: Scale, measure: str, kind: str) -> list[Figure]:
    if not named_groups(rows):
        return []
    return [f for f in curve(rows, by, scale, measure=measure, kind=kind) if f.group]


def _cost(found: Pairs, group: str | None, measure: str, scale: Scale, setting: str) -> list[Figure]:
    """The three figures of one group (None = all)."""
    if not len(found.difference):
        return []
    d = differences(found, np.zeros_like(found.cluster), 1, scale)[0]
    note = "" if d.p is None else f"p = {d.p:.3f}" if d.p >= 0.001 else "p < 0.001"
    least = detectable(d.se, d.df)
    return [
        Figure(
            measure=f"{measure} {name}", kind=kind, setting=setting, group=group, unit=unit, value=value, low=low, high=high,
            worst=worst, best=best, n_cases=d.n_clusters, n_scored=d.n_pairs - d.n_failed, n_failed=d.n_failed,
            n_unmeasured=d.n_lost, note=remark,
        )
        for name, kind, unit, value, low, high, worst, best, remark in (
            ("difference", "difference", scale.unit, d.value, d.low, d.high, d.worst, d.best, note),
            ("effect size", "effect", "", d.effect, d.effect_low, d.effect_high, None, None, "Hedges' g of the pairs"),
            ("detectable difference", "detectable", scale.unit, least, None, None, None, None,
             "80 % power at 5 %" if least is not None else "no variation between cases to judge by"),
        )
    ]  # fmt: skip


def standard(measure: str, scale: Scale = FRACTION) -> tuple[FigureMaker, ...]:
    """The figures most benchmarks want: means, per-turn means, what the conversation costs (multi - single), what the
    model's own history costs (gold - multi), survival, reliability over repeats, pass@k and pass^k."""
    return (
        mean(measure, scale),
        by_turn(measure, scale),
        multi_turn_cost(measure, scale),
        multi_turn_cost(measure, scale, a="gold", b="multi"),
        survival(measure, scale),
        reliability(measure, scale),
        pass_k(measure, scale),
    )
