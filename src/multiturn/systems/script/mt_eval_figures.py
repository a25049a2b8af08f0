"""MT-Eval's own aggregation, and its leaderboard."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...measures.codes import add_up, number
from ...measures.curves import bounds
from ...measures.figure import Figure, FigureMaker, Scale
from ...measures.intervals import interval, means, satterthwaite, totals
from ...measures.verdict import FAILED, UNMEASURED, Table
from ...protocols.benchmark import Published

PATTERNS = {
    "recollection-cls": "recollection", "recollection-global-inst": "recollection", "expansion": "expansion",
    "refinement": "refinement", "follow-up": "follow-up",
}  # fmt: skip


def paper_aggregation(measure: str, scale: Scale) -> FigureMaker:
    """The paper's rows: "recollection" pooled over its two tasks, and "Avg.", the plain mean of the patterns' means.

    Four patterns in the setting multi; three in single, where the paper leaves follow-up out. The interval of Avg. is that
    of a mean of ratios: each cluster's jackknife terms are added over the patterns it is part of (documents are shared by
    expansion and refinement). A pattern without a value leaves Avg. without one.
    """

    def figures(table: Table) -> Iterator[Figure]:
        for setting, left_out in (("multi", ""), ("single", "follow-up")):
            rows = table.where(measure=measure, setting=setting)
            names = [p for p in dict.fromkeys(PATTERNS.values()) if p != left_out]
            of_group = [names.index(p) if (p := PATTERNS.get(g, "")) in names else -1 for g in rows.names["group"]]
            pattern = np.array([*of_group, -1], dtype=np.int64)[rows.codes["group"]]
            rows, pattern = rows.select(pattern >= 0), pattern[pattern >= 0]
            if len(rows):
                yield from _rows(rows, pattern, names, measure, scale, setting)

    return figures


def _rows(rows: Table, pattern: np.ndarray[tuple[int], np.dtype[np.int64]], names: list[str], measure: str, scale: Scale,
          setting: str) -> Iterator[Figure]:  # fmt: skip
    n, has = len(names), rows.measured
    by = totals(rows.value[has], rows.codes["cluster"][has], pattern[has], n)
    found = means(by, n, scale)
    failed, lost = add_up(pattern[rows.status == FAILED], n), add_up(pattern[rows.status == UNMEASURED], n)
    worst, best = bounds(found.value, found.n, lost, scale.low, scale.high)
    if "recollection" in names:
        i = names.index("recollection")
        yield Figure(
            measure=measure, setting=setting, group="recollection", unit=scale.unit, value=number(found.value[i]),
            low=number(found.low[i]), high=number(found.high[i]), n_cases=int(found.clusters[i]),
            n_scored=int(found.n[i] - failed[i]), n_failed=int(failed[i]), n_unmeasured=int(lost[i]),
            worst=number(worst[i]), best=number(best[i]), note="pooled over its two tasks",
        )  # fmt: skip
    with np.errstate(all="ignore"):
        term = (by.total - found.value[by.cell] * by.n) / (found.n[by.cell] - by.n) / n
    owners, owner = np.unique(by.cluster, return_inverse=True)
    w = add_up(owner.reshape(-1), len(owners), term)
    clusters = np.array([float(len(owners))])
    value = np.array([found.value.mean()])
    with np.errstate(all="ignore"):
        se = np.sqrt((clusters - 1) / clusters * (w**2).sum())
    df = satterthwaite(np.array([(w**2).sum()]), np.array([(w**4).sum()]), clusters)
    low, high = interval(value, se, df, clusters, scale)
    yield Figure(
        measure=measure, setting=setting, group="Avg.", unit=scale.unit, value=number(value[0]), low=number(low[0]),
        high=number(high[0]), n_cases=len(owners), n_scored=int((found.n - failed).sum()), n_failed=int(failed.sum()),
        n_unmeasured=int(lost.sum()), worst=number(worst.mean()), best=number(best.mean()),
        note=f"mean of the means of {', '.join(names)}",
    )  # fmt: skip


_SOURCE = "README of github.com/KwanWaiChung/MT-Eval, 2024"
_COLUMNS = ("Avg.", "recollection", "expansion", "refinement", "follow-up")
_LEADERBOARD = {
    "GPT-3.5-Turbo": (7.72, 6.90, 7.87, 6.92, 9.21),
    "GPT-4": (9.03, 9.61, 9.07, 7.85, 9.60),
    "ChatGLM3-6B": (5.49, 2.92, 5.90, 4.73, 8.39),
    "Vicuna-7B-v1.5": (6.44, 5.45, 6.70, 5.31, 8.31),
    "Vicuna-13B-v1.5": (7.01, 6.27, 6.70, 6.37, 8.68),
    "Llama-2-chat-7B": (6.11, 3.86, 5.87, 6.20, 8.53),
    "Llama-2-chat-13B": (6.31, 3.66, 6.37, 6.37, 8.82),
    "Qwen-chat-7B": (6.55, 5.25, 7.02, 5.47, 8.49),
    "Qwen-chat-14B": (7.26, 6.21, 7.58, 6.11, 9.12),
    "Mistral-Instruct-7B": (7.46, 7.22, 6.98, 6.58, 9.05),
    "Mixtral-Instruct-8x7B": (7.47, 6.17, 7.42, 6.77, 9.52),
}
PUBLISHED = tuple(
    Published(model, value, measure="score", group=group, source=_SOURCE)
    for model, row in _LEADERBOARD.items()
    for group, value in zip(_COLUMNS, row, strict=True)
)
"""Multi-turn, own answers as history; judged by gpt-4-0613 with the official prompts."""
