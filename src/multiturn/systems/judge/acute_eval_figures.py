"""Figures of acute-eval: wins of each two models with exact tests, the mean share of wins, agreement of raters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from ...measures.figure import Figure, FigureMaker
from ...measures.verdict import Row, Table
from .acute_eval_votes import VS, agreed, matchup
from .judge_figures import macro


def wins(measure: str, setting: str) -> FigureMaker:
    """Of each two models the share of votes for the first by name (kind "mean", group ``a__vs__b``), then of each model the mean
    of its shares over its opponents, strongest first. ``measure``: votes as points of the first by name."""

    def figures(table: Table) -> Iterator[Figure]:
        every = table.where(measure=measure, setting=setting)
        for group in sorted(every.present("group")):
            rows = every.where(group=group)
            lost = int((~rows.measured).sum())
            rows = rows.select(rows.measured)
            won = [v > 0.5 for v in rows.value.tolist()]
            a, _, b = group.partition(VS)
            m = matchup(a, b, won, rows.text("case"))
            flips = "" if m.p_pairings is None else f"; over {m.share.n_clusters} pairings p = {m.p_pairings:.3g}"
            note = f"{m.wins} of {m.votes} votes for {a}, exact binomial p = {m.p:.3g}{' ' + m.stars if m.stars else ''}{flips}"
            yield Figure(
                measure=f"{measure}: wins", setting=setting, group=group, value=m.share.value, low=m.share.low,
                high=m.share.high, n_cases=m.share.n_clusters, n_scored=m.votes, n_unmeasured=lost,
                note=note if m.votes else "no votes",
            )  # fmt: skip
        yield from _means(every, measure, setting)

    return figures


def _means(table: Table, measure: str, setting: str) -> Iterator[Figure]:
    by_model: dict[str, list[Row]] = defaultdict(list)
    columns = (table.text(name) for name in ("case", "cluster", "group", "item", "cause"))
    for case, cluster, group, item, cause, value, status in zip(
        *columns, table.value.tolist(), table.status.tolist(), strict=True
    ):
        a, _, b = group.partition(VS)
        for name, points in ((a, value), (b, 1 - value)):
            row = Row(case, cluster, setting, 0, group, 0, item, f"{measure}: mean share of wins", points, status, cause)
            by_model[name].append(row)
    found: list[Figure] = []
    for name, rows in by_model.items():
        groups = sorted({row.group for row in rows})
        found += macro(rows[0].measure, groups, name)(Table.of(rows))
    yield from sorted(found, key=lambda f: -(f.value or 0))


def raters_agree(measure: str) -> FigureMaker:
    """Over pairings with two votes or more: 0 when one stands against one, else the share of the majority (kind "mean")."""

    def figures(table: Table) -> Iterator[Figure]:
        for setting in table.where(measure=measure).present("setting"):
            rows = table.where(measure=measure, setting=setting)
            rows = rows.select(rows.measured)
            counts: dict[str, Counter[str]] = defaultdict(Counter)
            for case, value in zip(rows.text("case"), rows.value.tolist(), strict=True):
                counts[case]["first" if value > 0.5 else "second"] += 1
            e = agreed(counts.values())
            yield Figure(
                measure=f"{measure}: agreement", setting=setting, value=e.value, low=e.low, high=e.high, n_cases=e.n_clusters,
                n_scored=e.n_values, n_unmeasured=len(counts) - e.n_values,
                note="" if e.n_values else "no pairing has two votes",
            )  # fmt: skip

    return figures
