"""Judges that score several dimensions: people's rating of each beside the judge's, and how well the two correlate.

turn       over all items at once
document   inside each document (the items of one cluster), then the mean; documents in which one side is constant are left out
system     the mean of each system, then one correlation (case ids ``document/system``)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ...conversation import Case, Cast, Conversation
from ...judges.items import Item, PointItem
from ...measures.agreement_parts import Agreement
from ...measures.codes import Floats, add_up
from ...measures.correlation import kendall, mean_correlation, pearson, spearman
from ...measures.figure import Figure, FigureMaker
from ...measures.raters import gwet_ac
from ...measures.verdict import Table, Verdict
from .judge_figures import Told, agreement_figure, beside
from .judging import Judging

KINDS = {"Pearson": pearson, "Spearman": spearman, "Kendall": kendall}
PEOPLE, PART = "people: ", "part: "


class Rated(NamedTuple):
    """What people said of a dimension, and on which scale."""

    value: float
    low: float
    high: float

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2


class ByDimension(Judging):
    """Base of judges whose parts are dimensions that people rated, too: ``extra["people"]`` of an item holds the ratings by
    name, ``extra["scales"]`` their scales. Further measures, in plain: ``people: …``, the rating of each part that was scored,
    and, where `middle` gives the middle of the judge's own scale, ``same side``: both lie on the same side of their middles."""

    def rated(self, item: Item, part: str) -> Rated | None:
        """People's rating of a part; None where there is none."""
        value = item.extra.get("people", {}).get(part)
        return None if value is None else Rated(value, *item.extra["scales"][part])

    def middle(self, part: str) -> float | None:
        """The middle of the judge's scale of a part; None: its side is not looked at."""
        return None

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, Item)
        async for verdict in super().judge(case, chat, cast):
            yield verdict
            name = verdict.measure.removeprefix(PART)
            if name == verdict.measure or verdict.value is None or cast.setting != "plain":
                continue
            if (said := self.rated(case, name)) is None:
                continue
            yield Verdict(PEOPLE + name, said.value, item=case.id)
            middle = self.middle(name)
            if middle is not None and said.value != said.middle:
                same = (verdict.value > middle) == (said.value > said.middle)
                yield Verdict("same side", float(same), item=f"{case.id}/{name}")


def people_of(item: PointItem) -> Rated | None:
    """The label of an item as a rating."""
    return None if item.label is None else Rated(item.label, item.low, item.high)


class Three(NamedTuple):
    """Pearson's, Spearman's and Kendall's (tau-b) correlation, each with its interval."""

    pearson: Agreement
    spearman: Agreement
    kendall: Agreement


def turn_level(scores: Sequence[float], people: Sequence[float], clusters: Sequence[str] | None = None) -> Three:
    """Over all items; intervals clustered."""
    return Three(*(kind(scores, people, clusters) for kind in KINDS.values()))


def document_level(scores: Sequence[float], people: Sequence[float], documents: Sequence[str]) -> Three:
    """The mean of the correlations inside each document (the paper's summary level). ``n`` counts the documents used."""
    return Three(*(mean_correlation(scores, people, documents, kind) for kind in KINDS.values()))


def system_level(scores: Sequence[float], people: Sequence[float], systems: Sequence[str]) -> Three:
    """One correlation of the systems' means; few systems, wide intervals."""
    _, code = np.unique(np.asarray(systems), return_inverse=True)
    count = int(code.max()) + 1 if len(code) else 0
    means: list[Floats] = [
        np.asarray(add_up(code, count, np.asarray(side, dtype=np.float64)) / add_up(code, count)) for side in (scores, people)
    ]
    return turn_level(means[0].tolist(), means[1].tolist())


def levels(table: Table) -> Iterator[Figure]:
    """The correlations of every dimension that people rated (kind "kappa", group: the dimension), in plain."""
    for name, told in _dimensions(table):
        rows = [(t.value, t.other, t.cluster, t.key[0]) for t in told if t.value is not None and t.other is not None]
        if not rows:
            continue
        scores, people = [v for v, *_ in rows], [p for _, p, *_ in rows]
        clusters = [c for *_, c, _ in rows]
        found = {"": turn_level(scores, people, clusters)}
        if len(set(clusters)) < len(rows):
            found[" within documents"] = document_level(scores, people, clusters)
        if all(case.startswith(f"{cluster}/") for *_, cluster, case in rows):
            found[" over systems"] = system_level(scores, people, [case[len(cluster) + 1 :] for *_, cluster, case in rows])
        for level, three in found.items():
            for kind, value in zip(KINDS, three, strict=True):
                yield agreement_figure(value, f"{kind}{level}", "plain", name, max(len(told) if not level else 0, value.n))


def in_steps(steps: Sequence[float]) -> FigureMaker:
    """Gwet's AC1 of every dimension scored in these steps (kind "kappa", group: the dimension), in plain: where nearly all
    ratings are alike it stays high while correlations vanish, so that either alone misleads."""

    def figures(table: Table) -> Iterator[Figure]:
        for name, told in _dimensions(table):
            if {t.value for t in told} | {t.other for t in told} <= {None, *steps}:
                found = gwet_ac([(t.value, t.other) for t in told], [t.cluster for t in told], labels=list(steps))
                yield agreement_figure(found, "AC1", "plain", name, len(told))

    return figures


def _dimensions(table: Table) -> Iterator[tuple[str, list[Told]]]:
    plain = table.where(setting="plain")
    for measure in plain.present("measure"):
        if measure.startswith(PEOPLE):
            name = measure.removeprefix(PEOPLE)
            yield name, beside(plain, PART + name, measure)
