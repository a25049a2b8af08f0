"""Figures of repeated rankings: what a filter by consistency keeps, of which groups, and what it is worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from ...measures.figure import Figure
from ...measures.intervals import Estimate, clustered_mean
from ...measures.verdict import Table
from .repeated_ranking_choice import SHARES, kept

PLAIN = "plain"


def what_is_kept(table: Table) -> Iterator[Figure]:
    """For each share: prompts kept (a number, kind "mean"), the share kept of each group (kind "rate"), best over worst there
    (kind "mean"). A prompt asked in several repeats of the run counts with its mean W."""
    rows = table.where(measure="W", setting=PLAIN)
    found = rows.select(rows.measured)
    cases = list(dict.fromkeys(found.text("case")))
    if not cases:
        return
    owner = _codes(found.text("case"), cases)
    w = np.bincount(owner, weights=found.value) / np.bincount(owner)
    group = dict(zip(found.text("case"), found.text("group"), strict=True))
    cluster = dict(zip(found.text("case"), found.text("cluster"), strict=True))
    all_of = Counter(group[c] for c in cases)
    lost = len(set(rows.text("case")) - set(cases))
    for share in SHARES:
        mask = kept(w, share)
        chosen = {case for case, keep in zip(cases, mask.tolist(), strict=True) if keep}
        name = f"top {share:.0%}".replace("%", " %")
        yield Figure(
            measure="prompts kept", kind="mean", unit="", setting=PLAIN, group=name, value=float(len(chosen)),
            n_cases=len(cases), n_scored=len(cases), n_unmeasured=lost, note=f"W of {w[mask].min():.3f} or more",
        )  # fmt: skip
        if len(all_of) > 1 and share < 1:
            for each in all_of:
                mine = [c for c in cases if group[c] == each]
                e = clustered_mean([float(c in chosen) for c in mine], [cluster[c] for c in mine])
                yield _figure(f"kept of {each or 'no group'}", "rate", name, e)
        pairs = table.where(measure="best over worst", setting=PLAIN)
        inside = np.array([c in chosen for c in pairs.text("case")], dtype=bool)
        pairs = pairs.select(inside) if len(pairs) else pairs
        if len(pairs):
            e = clustered_mean(pairs.value, pairs.text("cluster"))
            yield _figure("best over worst, kept", "mean", name, e, int((~pairs.measured).sum()))


def _codes(values: list[str], names: list[str]) -> np.ndarray:
    place = {name: i for i, name in enumerate(names)}
    return np.array([place[v] for v in values])


def _figure(measure: str, kind: str, group: str, e: Estimate, lost: int = 0) -> Figure:
    return Figure(
        measure=measure, kind=kind, setting=PLAIN, group=group, value=e.value, low=e.low, high=e.high, n_cases=e.n_clusters,
        n_scored=e.n_values, n_unmeasured=lost,
    )  # fmt: skip
