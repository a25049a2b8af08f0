"""Figures of href: agreement with people by method and category, the leaderboard of models, wins against the baseline."""

from __future__ import annotations

from collections.abc import Iterator

from ...measures.figure import Figure, FigureMaker
from ...measures.verdict import Table
from .href_agreement import leaderboard
from .judge_figures import macro

PLAIN, ANSWERS = "plain", "answers"
WIN, BEATS = "win rate", "wins against the baseline"
OUTER, INNER = "human agreement", "agreement among people"


def ranks(rounds: int) -> FigureMaker:
    """The models whose answers were compared, best first, with what their ranks are (kind "mean", by model). ``rounds``: of a
    bootstrap (0 = the usual intervals)."""

    def figures(table: Table) -> Iterator[Figure]:
        rows = table.where(measure=WIN, setting=PLAIN)
        points, lost = {}, {}
        for name in rows.present("group"):
            of = rows.where(group=name)
            measured = of.select(of.measured)
            lost[name] = len(of) - len(measured)
            if len(measured):
                points[name] = (measured.value.tolist(), measured.codes["cluster"])
        for place in leaderboard(points, rounds=rounds):
            yield Figure(
                measure=WIN, setting=PLAIN, group=place.name, value=place.value, low=place.low, high=place.high,
                n_cases=place.clusters, n_scored=place.n, n_unmeasured=lost[place.name],
                note=f"rank {place.rank}" + (f"; bootstrap, {rounds:,} rounds" if rounds else ""),
            )  # fmt: skip

    return figures


def mean_of_categories(table: Table) -> Iterator[Figure]:
    """Wins against the baseline, categories weighing the same (the released average weighs items)."""
    rows = table.where(measure=BEATS, setting=ANSWERS)
    if len(groups := rows.present("group")) > 1:
        yield from macro(BEATS, groups, "mean of categories")(rows)
