"""MMSQL's figures: precision, recall and F1 of the question types, dialogues without a fault, and its published table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from ...measures.codes import Floats, number
from ...measures.figure import FRACTION, Figure, FigureMaker, Scale
from ...measures.intervals import clustered_mean, interval, satterthwaite
from ...measures.verdict import FAILED, SCORED, UNMEASURED, Row, Table
from ...protocols.benchmark import Published
from .mmsql_data import KINDS

POINTS = Scale(0, 10, "points", passing=8)
CLASS = Scale(0, len(KINDS), "class", passing=0)
"""Position in `KINDS` of the type a reply takes its question for; 4 = none, an empty reply."""


def types(measure: str = "predicted") -> FigureMaker:
    """Precision, recall and F1 of each question type (the group), and their unweighted means over the types that occur.

    TP = replies of this type to questions of this type, P = replies of this type, G = questions of this type:
    precision TP / P, recall TP / G, F1 = 2 TP / (P + G). Each is a ratio of totals, with the delete-one-dialogue jackknife
    of `multiturn.measures.intervals`. Turns whose reply has no type yet (no judge) are left out and counted.
    """

    def figures(table: Table) -> Iterator[Figure]:
        rows = table.where(measure=measure)
        for setting in rows.present("setting"):
            of = rows.where(setting=setting)
            used = of.select(of.measured)
            clusters, cluster = np.unique(used.codes["cluster"], return_inverse=True)
            gold = np.array([KINDS.index(g) for g in used.text("group")], dtype=np.int64)
            said = used.value.astype(np.int64)
            found, asked, hit = (np.zeros((len(clusters), len(KINDS))) for _ in range(3))
            np.add.at(asked, (cluster, gold), 1)
            np.add.at(found, (cluster[said < len(KINDS)], said[said < len(KINDS)]), 1)
            np.add.at(hit, (cluster[said == gold], gold[said == gold]), 1)
            for name, top, below in (("precision", hit, found), ("recall", hit, asked), ("f1", 2 * hit, found + asked)):
                for i, kind in enumerate(KINDS):
                    lost = int((~of.measured & (np.array(of.text("group")) == kind)).sum())
                    yield _figure(f"type_{name}", setting, kind, top[:, [i]], below[:, [i]], used.where(group=kind), lost)
                occur = np.flatnonzero((found + asked).sum(axis=0) > 0)
                note = "" if len(occur) == len(KINDS) else f"over {len(occur)} of {len(KINDS)} types"
                lost = int((~of.measured).sum())
                yield _figure(f"type_{name}", setting, None, top[:, occur], below[:, occur], used, lost, note)

    return figures


def class_mean(measure: str, name: str, scale: Scale) -> FigureMaker:
    """The unweighted mean of the class means (the paper's overall score), over the groups that occur."""

    def figures(table: Table) -> Iterator[Figure]:
        rows = table.where(measure=measure)
        for setting in rows.present("setting"):
            of = rows.where(setting=setting)
            used = of.select(of.measured)
            clusters, cluster = np.unique(used.codes["cluster"], return_inverse=True)
            groups, group = np.unique(used.codes["group"], return_inverse=True)
            top, below = (np.zeros((len(clusters), len(groups))) for _ in range(2))
            np.add.at(top, (cluster, group), used.value)
            np.add.at(below, (cluster, group), 1)
            note = f"mean of {len(groups)} class means"
            yield _figure(name, setting, None, top, below, used, int((~of.measured).sum()), note, scale)

    return figures


def _figure(measure: str, setting: str, group: str | None, top: Floats, below: Floats, used: Table, lost: int, note: str = "",
            scale: Scale = FRACTION) -> Figure:  # fmt: skip
    """The mean over columns of sum(top) / sum(below), rows being clusters, with its jackknife interval."""
    value, low, high = _ratio(top, below, scale)
    silent = int((used.status == FAILED).sum())
    return Figure(
        measure=measure, setting=setting, group=group, unit=scale.unit, value=value, low=low, high=high,
        n_cases=len(used.present("cluster")), n_scored=len(used) - silent, n_failed=silent, n_unmeasured=lost, note=note,
    )  # fmt: skip


def _ratio(top: Floats, below: Floats, scale: Scale) -> tuple[float | None, float | None, float | None]:
    keep = below.sum(axis=1) > 0
    top, below = top[keep], below[keep]
    n = len(top)
    if not n or not top.shape[1]:
        return None, None, None
    with np.errstate(all="ignore"):
        value = float(np.mean(np.divide(top.sum(axis=0), below.sum(axis=0))))
        # Without its only case a class has no value: the others' mean stands for what is left.
        left = np.nanmean(np.where(below.sum(axis=0) - below > 0, (top.sum(axis=0) - top) / (below.sum(axis=0) - below), np.nan),
                          axis=1) if n > 1 else np.array([np.nan])  # fmt: skip
    w = left[~np.isnan(left)] - value
    sum2, sum4, count = (np.array([float(x)]) for x in ((w**2).sum(), (w**4).sum(), len(w)))
    if len(w) < 2:
        return value, None, None
    se = np.sqrt((count - 1) / count * sum2)
    low, high = interval(np.array([value]), se, satterthwaite(sum2, sum4, count), count, scale)
    return value, number(low[0]), number(high[0])


def faultless(measure: str, name: str, group: str | None = None) -> FigureMaker:
    """The share of dialogues in which every turn (of this type) has a 1. One wrong turn decides; a dialogue with no wrong turn
    and one that was not measured is not measured. Dialogues without such a turn do not count."""

    def figures(table: Table) -> Iterator[Figure]:
        rows = table.where(measure=measure) if group is None else table.where(measure=measure, group=group)
        for setting in rows.present("setting"):
            of = rows.where(setting=setting)
            worst: dict[tuple[str, int], float] = {}
            silent: set[tuple[str, int]] = set()
            columns = (of.text("cluster"), of.repeat.tolist(), of.value.tolist(), of.status.tolist())
            for cluster, repeat, value, status in zip(*columns, strict=True):
                key = (cluster, repeat)
                # Ranks: wrong 0, unknown 0.5, right 1; the lowest of the dialogue decides.
                worst[key] = min(worst.get(key, 1.0), 0.5 if status == UNMEASURED else float(value >= 1))
                if status == FAILED:
                    silent.add(key)
            known = [float("nan") if value == 0.5 else value for value in worst.values()]
            found = clustered_mean(known, [cluster for cluster, _ in worst])
            lost = len(worst) - found.n_values
            yield Figure(
                measure=name, setting=setting, value=found.value, low=found.low, high=found.high, n_cases=found.n_clusters,
                n_scored=found.n_values - len(silent), n_failed=len(silent), n_unmeasured=lost,
                worst=sum(v == 1 for v in known) / len(worst), best=(sum(v == 1 for v in known) + lost) / len(worst),
                note="dialogues with every turn right",
            )  # fmt: skip

    return figures


# -- released runs ------------------------------------------------------------------------------------------------------
def replay(rows: Iterable[Mapping[str, str]]) -> dict[str, Table]:
    """Released judged turns (columns run, dialogue, turn_index, gold_type, predict_type, RQS) as tables of verdicts, one a run,
    for the same figures as a new run. As in the released code a missing type is "answerable", and the response quality of a
    wrong type is 0."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        gold, said = row["gold_type"], row["predict_type"] or "answerable"
        into, case, turn = found.setdefault(row["run"], []), row["dialogue"], int(row["turn_index"]) // 2 + 1
        values = {"predicted": float(KINDS.index(said)), "type": float(said == gold)}
        if gold != "answerable":
            values["rqs"] = float(row["RQS"]) if said == gold else 0.0
        into += (Row(case, case, "gold", 0, gold, turn, "", name, value, SCORED, "") for name, value in values.items())
    return {run: Table.of(each) for run, each in found.items()}


_SOURCE = "released outputs, github.com/mcxiaoxiao/MMSQL @2d959c9"
_TABLE = {
    "gpt-4-turbo": (68.2, 90.0, 37.8, 45.8, 99.0, 6.60, 3.17, 9.54),
    "gpt-3.5-turbo": (61.1, 89.0, 25.7, 31.6, 98.0, 5.95, 1.65, 9.42),
    "gemini-1.5-flash": (59.3, 90.6, 34.5, 14.3, 97.7, 4.90, 0.65, 9.29),
    "Llama-3-70B": (59.8, 89.8, 36.7, 16.7, 96.2, 4.90, 0.65, 8.95),
}
_AVERAGES = {"Llama-3-8B": 64.2, "sqlcoder-8b": 59.7, "CodeLlama-7b": 46.9, "Mistral-7B": 55.3, "gemini-1.5-flash + agents": 70.7,
             "gpt + agents": 69.5, "Llama-3-70B + agents": 70.8}  # fmt: skip


def _published() -> Iterator[Published]:
    for model, (average, *each) in _TABLE.items():
        yield Published(model, average / 100, "type_f1", "gold", None, _SOURCE)
        for kind, value in zip(KINDS, (each[0], each[1], each[2], each[3]), strict=True):
            yield Published(model, value / 100, "type_f1", "gold", kind, _SOURCE)
        for kind, value in zip(KINDS[1:], each[4:], strict=True):
            yield Published(model, value, "rqs", "gold", kind, _SOURCE)
    for model, average in _AVERAGES.items():
        yield Published(model, average / 100, "type_f1", "gold", None, _SOURCE)
    for measure, value in (("acc_s", 408 / 806), ("duem", 549 / 806), ("exact", 0.433), ("executed", 0.723), ("iacc_s", 4 / 149)):
        yield Published("example run", value, measure, "gold", None, "README of the repository; model not stated")


PUBLISHED = tuple(_published())
