"""FairEval's human in the loop, and its published figures."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ...measures.agreement import cohen_kappa
from ...measures.figure import FRACTION, Figure, FigureMaker
from ...measures.intervals import clustered_mean
from ...measures.verdict import Table
from ...protocols.benchmark import Published
from .judge_figures import agreement_figure, beside


def human_in_the_loop(share: float) -> FigureMaker:
    """Accuracy and kappa when people decide the ``share`` of verdicts with the highest bpde (rounded to whole verdicts; of
    equals the first), and the calibrated judge the rest. An unread verdict is the most unsettled.

    The interval takes the choice of items as given. The people are the majority label itself: what is left is the judge's
    error on the items that it is sure of.
    """

    def figures(table: Table) -> Iterator[Figure]:
        unsettled = {(t.setting, t.key): t.value for t in beside(table, "bpde", "bpde")}
        told = [t for t in beside(table, "verdict", "label") if t.other is not None and t.value is not None]
        for setting in dict.fromkeys(t.setting for t in told):
            rows = [t for t in told if t.setting == setting]
            entropy = [unsettled.get((setting, t.key)) for t in rows]
            order = sorted(range(len(rows)), key=lambda i: -(2.0 if (e := entropy[i]) is None else e))
            asked = set(order[: round(share * len(rows))])
            value = [t.other if i in asked else t.value for i, t in enumerate(rows)]
            clusters = [t.cluster for t in rows]
            right = [float(v == t.other) for v, t in zip(value, rows, strict=True)]
            found = clustered_mean(right, clusters, FRACTION)
            note = f"people decide {len(asked)} of {len(rows)}"
            yield Figure(
                measure="correct, human in the loop", kind="human", setting=setting, value=found.value, low=found.low,
                high=found.high, n_cases=found.n_clusters, n_scored=found.n_values, note=note,
            )  # fmt: skip
            agreed = cohen_kappa([t.other for t in rows], value, clusters)
            figure = agreement_figure(agreed, "kappa, human in the loop", setting, None, len(rows))
            yield msgspec.structs.replace(figure, note=f"{note}; {figure.note}")

    return figures


# -- published ----------------------------------------------------------------------------------------------------------
_RECALLED = "the paper's tables, as quoted elsewhere (not checked against the paper)"


def _published() -> Iterator[Published]:
    yield Published("ChatGPT", 66 / 80, "wins shown second", "vanilla", None, "abstract: Vicuna-13B beats ChatGPT on 66 of 80")
    for judge, conflict in (("GPT-4", 37), ("ChatGPT", 66)):
        yield Published(judge, conflict / 80, "conflict", "vanilla", None, _RECALLED)
    for judge, setting, correct, kappa in (
        ("GPT-4", "vanilla", 52.7, 0.24), ("GPT-4", "ec", 56.5, 0.29), ("GPT-4", "mec", 58.7, 0.30),
        ("GPT-4", "mec-bpc", 62.5, 0.37), ("ChatGPT", "vanilla", 44.4, 0.06), ("ChatGPT", "mec-bpc", 58.7, 0.31),
    ):  # fmt: skip
        yield Published(judge, correct / 100, "correct", setting, None, _RECALLED)
        yield Published(judge, kappa, "kappa", setting, None, _RECALLED)
    for judge, correct, kappa in (("GPT-4", 73.8, 0.56), ("ChatGPT", 71.3, 0.52)):
        yield Published(judge, correct / 100, "correct, human in the loop", "mec-bpc", None, _RECALLED)
        yield Published(judge, kappa, "kappa, human in the loop", "mec-bpc", None, _RECALLED)


PUBLISHED = tuple(_published())
"""Pair gpt35/vicuna-13b. Conflict and wins are over all 80 items; the paper's mec is k = 3."""
