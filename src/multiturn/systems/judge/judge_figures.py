"""Figures of judges under test: chance-corrected agreement, averages over subsets, ratings against opponents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ...measures.agreement import Agreement, cohen_kappa
from ...measures.codes import number
from ...measures.curves import cell_means, named_groups
from ...measures.figure import FRACTION, Figure, FigureMaker, Scale
from ...measures.intervals import interval
from ...measures.ratings import battles, bradley_terry
from ...measures.verdict import Table


class Told(NamedTuple):
    """One verdict of the judge under test beside the right one, as codes (None = not measured)."""

    setting: str
    group: str
    cluster: str
    key: tuple[str, int, str]  # case, repeat, item
    value: float | None
    other: float | None


def beside(table: Table, measure: str, other: str) -> list[Told]:
    """The rows of ``measure``, each with the value of ``other`` on the same case, repeat and item."""
    sides = []
    for name in (measure, other):
        rows = table.where(measure=name)
        places = zip(rows.text("setting"), rows.text("case"), rows.repeat.tolist(), rows.text("item"), strict=True)
        sides.append((rows, list(places)))
    (rows, keys), (right, right_keys) = sides
    found = {k: _value(v) for k, v in zip(right_keys, right.value.tolist(), strict=True)}
    return [
        Told(key[0], group, cluster, key[1:], _value(value), found.get(key))
        for key, group, cluster, value in zip(keys, rows.text("group"), rows.text("cluster"), rows.value.tolist(), strict=True)
    ]


def _value(value: float) -> float | None:
    return None if np.isnan(value) else value


def kappa(measure: str, other: str, name: str) -> FigureMaker:
    """Cohen's kappa of two coded measures (kind "kappa"), clustered by case, by setting and group. The note gives the
    agreement seen, by chance, and the base rate."""

    def figures(table: Table) -> Iterator[Figure]:
        told = beside(table, measure, other)
        groups = [None, *named_groups(table.where(measure=measure))]
        for setting in dict.fromkeys(t.setting for t in told):
            for group in groups:
                rows = [t for t in told if t.setting == setting and group in (None, t.group)]
                if rows:
                    found = cohen_kappa([t.other for t in rows], [t.value for t in rows], [t.cluster for t in rows])
                    yield agreement_figure(found, name, setting, group, len(rows))

    return figures


def agreement_figure(found: Agreement, name: str, setting: str, group: str | None, rows: int) -> Figure:
    """An `Agreement` as a figure."""
    note = ""
    if found.observed is not None and found.expected is not None and found.majority is not None:
        note = f"agreement {found.observed:.3f}, by chance {found.expected:.3f}, base rate {found.majority:.3f}"
    return Figure(
        measure=name, kind="kappa", unit="", setting=setting, group=group, value=found.value, low=found.low, high=found.high,
        n_cases=found.clusters, n_scored=found.n, n_unmeasured=rows - found.n, note=note,
    )  # fmt: skip


def macro(measure: str, groups: Sequence[str], name: str, scale: Scale = FRACTION) -> FigureMaker:
    """The plain mean of the means of ``groups`` (kind "mean", group ``name``), subsets weighing the same whatever their size.

    The subsets share no cases: se^2 = sum se_k^2 / K^2, degrees of freedom by Satterthwaite from the subsets' own. No value
    unless every subset has one.
    """

    def figures(table: Table) -> Iterator[Figure]:
        rows = table.where(measure=measure)
        chosen = {i for i, group in enumerate(rows.names["group"]) if group in groups}
        rows = rows.select(np.isin(rows.codes["group"], list(chosen)))
        for setting in rows.present("setting"):
            of_setting = rows.where(setting=setting)
            if len(of_setting.present("group")) == len(groups):
                yield _macro(of_setting, measure, setting, name, len(groups), scale)

    return figures


def _macro(rows: Table, measure: str, setting: str, name: str, k: int, scale: Scale) -> Figure:
    cells = cell_means(rows, ("group",), scale)
    found = cells.means
    variance = found.se**2
    df = np.array([(variance.sum() ** 2) / max(float((variance**2 / found.df).sum()), 1e-300)])
    clusters = np.array([float(found.clusters.sum())])
    df = np.clip(df, 1, max(clusters[0] - k, 1))
    value, se = np.array([found.value.mean()]), np.array([np.sqrt(variance.sum()) / k])
    low, high = interval(value, se, df, clusters, scale)
    return Figure(
        measure=measure, setting=setting, group=name, unit=scale.unit, value=number(value[0]), low=number(low[0]),
        high=number(high[0]), n_cases=int(clusters[0]), n_scored=int(cells.scored.sum()), n_failed=int(cells.failed.sum()),
        n_unmeasured=int(cells.unmeasured.sum()), worst=number(cells.worst.mean()), best=number(cells.best.mean()),
        note=f"mean of the means of {k} subsets",
    )  # fmt: skip


ME = "this model"


def rating(measure: str, setting: str) -> FigureMaker:
    """Bradley-Terry rating (kind "rating", 400 points = odds of 10 to 1) from points of battles (1, 0.5, 0), whose items are
    ``opponent/…``. The first opponent stands at 1000; other opponents are given as groups. Clustered by case."""

    def figures(table: Table) -> Iterator[Figure]:
        rows = table.where(measure=measure, setting=setting)
        rows, lost = rows.select(rows.measured), int((~rows.measured).sum())
        opponents = [item.partition("/")[0] for item in rows.text("item")]
        if not opponents:
            return
        fought = [(ME, other, won) for other, won in zip(opponents, rows.value.tolist(), strict=True)]
        first = opponents[0]
        data = battles(fought, rows.text("cluster"))
        lone = bradley_terry(data)
        rated = {name: i for i, name in enumerate(lone.players) if not np.isnan(lone.rating[i])}
        found = bradley_terry(data, anchor=first) if first in rated and ME in rated else lone
        unbounded = "" if ME in rated else "no finite rating: never lost, or never won; "
        for i, name in enumerate(found.players):
            if name != first:
                yield Figure(
                    measure="rating", kind="rating", setting=setting, unit="", group=None if name == ME else name,
                    value=number(found.rating[i]) if ME in rated else None, low=number(found.low[i]),
                    high=number(found.high[i]), n_cases=len(set(rows.text("cluster"))), n_scored=int(found.battles[i]),
                    n_unmeasured=lost if name == ME else 0, note=f"{unbounded}Bradley-Terry, {first} = 1000",
                )  # fmt: skip

    return figures
