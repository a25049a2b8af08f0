"""Figures of transevalnia: how far the order of the translations decides, and whether scores go with people's."""

from __future__ import annotations

from collections.abc import Iterator

from ...measures.correlation import pearson, spearman
from ...measures.figure import Figure
from ...measures.verdict import Table
from .judge_figures import agreement_figure, beside

SCORE, PEOPLE = "overall score", "people's score"


def score_agreement(table: Table) -> Iterator[Figure]:
    """Spearman's and Pearson's correlation of the scores of single translations with people's (kind "kappa")."""
    told = [t for t in beside(table, SCORE, PEOPLE) if t.other is not None]
    for setting in dict.fromkeys(t.setting for t in told):
        rows = [t for t in told if t.setting == setting]
        nan = float("nan")
        said, people = ([nan if v is None else v for v in side] for side in ([t.value for t in rows], [t.other for t in rows]))
        clusters = [t.cluster for t in rows]
        for name, function in (("Spearman", spearman), ("Pearson", pearson)):
            yield agreement_figure(function(said, people, clusters), f"{name} of scores", setting, None, len(rows))
