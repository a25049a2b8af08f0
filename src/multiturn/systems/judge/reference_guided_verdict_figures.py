"""Figures of a panel of judges: each judge and the panel against the labels, agreement among judges, Condorcet's prediction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import NamedTuple

import numpy as np

from ...measures.codes import Floats
from ...measures.confusion import confusion
from ...measures.correlation import pearson
from ...measures.figure import Figure, FigureMaker
from ...measures.intervals import LEVEL, Estimate
from ...measures.raters import fleiss_kappa
from ...measures.verdict import Table
from .judge_figures import agreement_figure, beside

PLAIN, ROUNDS = "plain", 1000


def condorcet(accuracies: Sequence[float]) -> float:
    """How often the majority of independent judges is right (an odd number; Condorcet 1785): with three of accuracy q it is
    q^3 + 3 q^2 (1 - q). A tie counts half."""
    total = 0.0
    for right in product((0, 1), repeat=len(accuracies)):
        chance = float(np.prod([q if r else 1 - q for q, r in zip(accuracies, right, strict=True)]))
        total += chance * (1.0 if 2 * sum(right) > len(right) else 0.5 if 2 * sum(right) == len(right) else 0.0)
    return total


class PanelAgainstMedian(NamedTuple):
    """Accuracy of a panel, of its median judge, and the difference with a 95 % percentile interval; None = cannot be told."""

    panel: float
    median: float
    difference: float
    low: float | None
    high: float | None
    n: int
    clusters: int


def against_median(
    votes: Sequence[Sequence[float | None]], panel: Sequence[float | None], labels: Sequence[float], clusters: Sequence[str],
    *, rounds: int = ROUNDS, seed: int = 0,
) -> PanelAgainstMedian:  # fmt: skip
    """``votes``: a row an item, a column a judge. Items on which the panel, or any judge, has nothing are left out: all are
    compared on the same ones. Bootstrap: whole clusters are drawn, the median judge is found anew in each draw."""
    keep = [i for i, row in enumerate(votes) if panel[i] is not None and None not in row]
    if not keep:
        raise ValueError("no item with a verdict of every judge")
    truth = np.array([labels[i] for i in keep])
    single = np.array([[float(v == labels[i]) for v in votes[i]] for i in keep])
    whole = (np.array([panel[i] for i in keep], dtype=np.float64) == truth).astype(np.float64)
    names, code = np.unique(np.array([clusters[i] for i in keep]), return_inverse=True)
    both = np.column_stack([whole, single])
    sums, size = np.zeros((len(names), both.shape[1])), np.bincount(code, minlength=len(names))
    np.add.at(sums, code, both)

    def rates(weights: Floats) -> Floats:
        return np.asarray((weights @ sums) / (weights @ size)[:, None])

    def gap(found: Floats) -> Floats:
        return np.asarray(found[:, 0] - np.median(found[:, 1:], axis=1))

    at = rates(np.ones((1, len(names))))
    low = high = None
    if len(names) >= 10:
        drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=rounds)
        low, high = (float(x) for x in np.quantile(gap(rates(drawn.astype(np.float64))), [0.5 - LEVEL / 2, 0.5 + LEVEL / 2]))
    return PanelAgainstMedian(float(at[0, 0]), float(np.median(at[0, 1:])), float(gap(at)[0]), low, high, len(keep), len(names))


class _Votes(NamedTuple):
    """The plain verdicts of a panel beside the labels: a row an item."""

    names: list[str]
    votes: list[list[float | None]]
    panel: list[float | None]
    labels: list[float]
    clusters: list[str]


def _votes(table: Table) -> _Votes | None:
    plain = table.where(setting=PLAIN)
    told = [t for t in beside(plain, "verdict", "label") if t.other is not None]
    names = sorted(
        (name for name in plain.present("measure") if name.startswith("part: judge ")), key=lambda n: int(n.rpartition(" ")[2])
    )
    if not told or not names:
        return None
    columns = [{t.key: t.value for t in beside(plain, name, "label")} for name in names]
    return _Votes(
        [name.removeprefix("part: ") for name in names], [[c.get(t.key) for c in columns] for t in told],
        [t.value for t in told], [t.other or 0.0 for t in told], [t.cluster for t in told],
    )  # fmt: skip


def _figure(measure: str, e: Estimate, group: str | None, lost: int, note: str = "") -> Figure:
    return Figure(
        measure=measure, kind="rate", setting=PLAIN, group=group, value=e.value, low=e.low, high=e.high, n_cases=e.n_clusters,
        n_scored=e.n_values, n_unmeasured=lost, note=note,
    )  # fmt: skip


def each_judge(table: Table) -> Iterator[Figure]:
    """Accuracy, and macro precision, recall and F1 (kind "rate"): of the panel (no group), and of each judge (its group)."""
    found = _votes(table)
    if found is None:
        return
    sides: list[tuple[str | None, list[float | None]]] = [(None, found.panel)]
    sides += [(name, [row[i] for row in found.votes]) for i, name in enumerate(found.names)]
    for group, said in sides:
        c = confusion(found.labels, said, found.clusters, labels=(0.0, 1.0))
        lost = sum(v is None for v in said)
        for measure, e in (("accuracy", c.accuracy), ("precision", c.precision), ("recall", c.recall), ("F1", c.f1)):
            yield _figure(measure, e, group, lost, "" if measure == "accuracy" else "macro: mean of both classes")


def among_judges(table: Table) -> Iterator[Figure]:
    """Fleiss' kappa of the judges among themselves (kind "kappa"), over items on which all gave a verdict."""
    found = _votes(table)
    if found is not None and len(found.names) > 1:
        whole = [i for i, row in enumerate(found.votes) if None not in row]
        among = fleiss_kappa([found.votes[i] for i in whole], [found.clusters[i] for i in whole])
        yield agreement_figure(among, "Fleiss among judges", PLAIN, None, len(found.votes))


def jury(table: Table) -> Iterator[Figure]:
    """What independent judges would reach (kind "part"), the correlation of errors (kind "kappa"), and the panel against its
    median judge (kind "difference")."""
    found = _votes(table)
    if found is None or len(found.names) < 2:
        return
    keep = [i for i, row in enumerate(found.votes) if found.panel[i] is not None and None not in row]
    if not keep:
        return
    wrong = np.array([[float(v != found.labels[i]) for v in found.votes[i]] for i in keep])
    who = [found.clusters[i] for i in keep]
    lost = len(found.votes) - len(keep)
    if len(found.names) <= 15:
        yield Figure(
            measure="accuracy if independent", kind="part", setting=PLAIN, value=condorcet(list(1 - wrong.mean(axis=0))),
            n_cases=len(set(who)), n_scored=len(keep), n_unmeasured=lost, note="Condorcet, from each judge's own accuracy",
        )  # fmt: skip
    pairs = [pearson(wrong[:, a], wrong[:, b], who).value for a, b in combinations(range(len(found.names)), 2)]
    known = [v for v in pairs if v is not None]
    yield Figure(
        measure="correlation of errors", kind="kappa", unit="", setting=PLAIN, value=float(np.mean(known)) if known else None,
        n_cases=len(set(who)), n_scored=len(keep), n_unmeasured=lost, note="mean over pairs of judges; 0 = independent",
    )  # fmt: skip
    p = against_median(found.votes, found.panel, found.labels, found.clusters)
    yield Figure(
        measure="accuracy over the median judge", kind="difference", setting=PLAIN, value=p.difference, low=p.low, high=p.high,
        n_cases=p.clusters, n_scored=p.n, n_unmeasured=len(found.votes) - p.n, note="bootstrap over clusters",
    )  # fmt: skip


PANEL: tuple[FigureMaker, ...] = (each_judge, among_judges, jury)
