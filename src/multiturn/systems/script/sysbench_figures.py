"""SysBench's session stability rate, its gold-history gain, and its published table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...measures.figure import FRACTION, Figure, FigureMaker
from ...measures.intervals import clustered_mean
from ...measures.paired import paired
from ...measures.verdict import FAILED, UNMEASURED, Table
from ...protocols.benchmark import Published
from .sysbench_sessions import TURNS


def stability(measure: str, name: str) -> FigureMaker:
    """SSR: the mean over sessions of (turns followed before the first that is not) / 5, by setting and kind of session.

    Read from the turn verdicts of ``measure`` (1 = followed), joined by session, so that it exists with gold history too,
    where every turn is a conversation of its own. A session with a turn that was not measured before its first violation
    is not measured; ``worst``/``best`` count such turns as violated / followed.
    """

    def figures(table: Table) -> Iterator[Figure]:
        rows = table.where(measure=measure)
        for setting in rows.present("setting"):
            of_setting = rows.where(setting=setting)
            yield _stability(of_setting, name, setting, None)
            for group in of_setting.present("group"):
                yield _stability(of_setting.where(group=group), name, setting, group)

    return figures


def _stability(rows: Table, name: str, setting: str, group: str | None) -> Figure:
    sessions: dict[tuple[str, int], dict[int, float]] = {}
    silent = set()
    for cluster, repeat, turn, value, status in zip(
        rows.text("cluster"), rows.repeat.tolist(), rows.turn.tolist(), rows.value.tolist(), rows.status.tolist(), strict=True
    ):
        sessions.setdefault((cluster, repeat), {})[turn] = np.nan if status == UNMEASURED else value
        if status == FAILED:
            silent.add((cluster, repeat))
    runs = {key: [turns.get(t, np.nan) for t in range(1, TURNS + 1)] for key, turns in sessions.items()}
    worst = [run_length(np.nan_to_num(run, nan=0.0).tolist()) for run in runs.values()]
    best = [run_length(np.nan_to_num(run, nan=1.0).tolist()) for run in runs.values()]
    known = [low == high for low, high in zip(worst, best, strict=True)]
    value = [low / TURNS if ok else np.nan for low, ok in zip(worst, known, strict=True)]
    found = clustered_mean(value, [cluster for cluster, _ in runs], FRACTION)
    failed = sum(ok and key in silent for key, ok in zip(runs, known, strict=True))
    return Figure(
        measure=name, setting=setting, group=group, value=found.value, low=found.low, high=found.high, n_cases=found.n_clusters,
        n_scored=found.n_values - failed, n_failed=failed, n_unmeasured=len(runs) - found.n_values,
        worst=float(np.mean(worst)) / TURNS, best=float(np.mean(best)) / TURNS,
        note="followed turns before the first violation / 5",
    )  # fmt: skip


def run_length(followed: list[float]) -> int:
    """How many turns are followed before the first that is not."""
    return next((i for i, value in enumerate(followed) if value < 1), len(followed))


def gain_by_round(measure: str) -> FigureMaker:
    """Gold-history gain: gold - multi at each turn, paired by session, for all sessions and for each kind. At turn 1 both
    histories are empty: that difference is the noise of playing and judging twice."""

    def figures(table: Table) -> Iterator[Figure]:
        rows = table.where(measure=measure)
        gold, own = rows.where(setting="gold"), rows.where(setting="multi")
        for group in (None, *rows.present("group")) if len(gold) and len(own) else ():
            for turn in range(1, TURNS + 1):
                where = {"turn": turn} if group is None else {"turn": turn, "group": group}
                d = paired(gold.where(**where), own.where(**where))
                if d.n_pairs + d.n_lost:
                    yield Figure(
                        measure=f"{measure} gain", kind="turn", setting="gold - multi", group=group, turn=turn, value=d.value,
                        low=d.low, high=d.high, n_cases=d.n_clusters, n_scored=d.n_pairs - d.n_failed, n_failed=d.n_failed,
                        n_unmeasured=d.n_lost, worst=d.worst, best=d.best, note="turn 1 is noise" if turn == 1 else "",
                    )  # fmt: skip

    return figures


def total(measure: str, unit: str) -> FigureMaker:
    """The sum over turns, by setting: a count, without an interval."""

    def figures(table: Table) -> Iterator[Figure]:
        rows = table.where(measure=measure)
        for setting in rows.present("setting"):
            each = rows.where(setting=setting)
            has = each.measured
            yield Figure(
                measure=measure, kind="count", setting=setting, unit=unit,
                value=float(each.value[has].sum()) if has.any() else None,
                n_cases=len(each.select(has).present("cluster")), n_scored=int(has.sum()), n_unmeasured=int((~has).sum()),
            )  # fmt: skip

    return figures


# -- the published table (per cent, as recomputed from the released outputs) --------------------------------------------
RUNS = {
    "gpt4o": "gpt-4o", "gpt4_turbo_0409": "gpt-4-turbo-0409", "claude35_opus": "claude-3.5", "qwen2_72b": "qwen2-72b",
    "glm4": "glm-4", "llama3_70b": "llama3.1-70b", "deepseek": "deepseek-v2", "moonshot": "moonshot-v1-8k",
    "yi_large": "yi-large", "llama3_8b": "llama3.1-8b", "glm_9b_client": "glm-4-9b", "gpt35": "gpt-3.5", "ernie4": "ernie-4",
    "qwen2_7b": "qwen2-7b",
}  # fmt: skip
"""Released run -> the model's name in the paper."""
_COLUMNS = (("csr", None), ("isr", None), ("ssr", None), ("isr_aligned", None), ("isr_misaligned", None), ("ssr", "dependent"),
            ("ssr", "parallel"))  # fmt: skip
_OWN = {
    "gpt-4o": (87.1, 76.4, 54.4, 77.8, 71.4, 56.7, 48.9),
    "gpt-4-turbo-0409": (86.5, 76.6, 53.2, 76.6, 76.5, 54.2, 50.7),
    "claude-3.5": (85.0, 74.1, 51.8, 75.8, 68.3, 53.0, 49.0),
    "qwen2-72b": (79.0, 64.2, 41.6, 67.4, 52.6, 41.5, 41.9),
    "glm-4": (78.9, 65.5, 41.6, 67.5, 58.5, 41.4, 41.9),
    "llama3.1-70b": (76.6, 60.3, 36.6, 60.7, 59.0, 38.0, 32.9),
    "deepseek-v2": (76.1, 61.7, 39.6, 65.1, 49.5, 41.6, 34.7),
    "moonshot-v1-8k": (70.3, 52.3, 30.0, 54.7, 43.7, 32.2, 24.7),
    "yi-large": (68.8, 51.2, 28.5, 51.8, 48.8, 29.9, 25.0),
    "llama3.1-8b": (66.5, 46.9, 24.9, 48.2, 42.3, 26.2, 21.7),
    "glm-4-9b": (64.2, 44.0, 25.9, 48.3, 28.4, 27.9, 20.8),
    "gpt-3.5": (61.6, 43.2, 20.8, 41.9, 47.7, 22.2, 17.1),
    "ernie-4": (50.7, 33.8, 20.0, 37.5, 20.8, 21.9, 15.6),
    "qwen2-7b": (47.0, 26.9, 15.0, 29.3, 18.6, 16.6, 11.2),
}
_GOLD = {
    "gpt-4o": (88.9, 79.2, 57.4), "claude-3.5": (87.0, 77.0, 53.8), "qwen2-72b": (82.1, 67.8, 40.5),
    "llama3.1-70b": (78.7, 63.8, 37.1), "llama3.1-8b": (69.6, 50.0, 24.2), "gpt-3.5": (65.2, 47.1, 21.0),
    "ernie-4": (57.0, 40.6, 22.7),
}  # fmt: skip
_BY_TYPE = {"action": 86.8, "content": 86.9, "background": 87.2, "role": 93.5, "format": 87.4, "style": 86.5}
_SOURCE = "released outputs, github.com/PKU-Baichuan-MLSystemLab/SysBench @627ffa8"


def _published() -> Iterator[Published]:
    for setting, table in (("multi", _OWN), ("gold", _GOLD)):
        for model, row in table.items():
            for (measure, group), value in zip(_COLUMNS, row, strict=False):
                yield Published(model, value / 100, measure, setting, group, _SOURCE)
    for kind, value in _BY_TYPE.items():
        yield Published("gpt-4o", value / 100, "csr", "multi", kind, _SOURCE)


PUBLISHED = tuple(_published())
