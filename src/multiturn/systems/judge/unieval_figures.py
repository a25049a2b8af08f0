"""How well scores of several dimensions correlate with people's, at three levels; the released scores of UniEval.

turn       over all items at once
document   inside each document (the items of one cluster), then the mean; documents in which one side is constant are left out
system     the mean of each system, then one correlation (case ids ``document/system``)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import Struct

from ...conversation import DataError
from ...measures.agreement_parts import Agreement
from ...measures.codes import Floats, add_up
from ...measures.correlation import kendall, mean_correlation, pearson, spearman
from ...measures.figure import Figure
from ...measures.verdict import Table
from ...protocols.benchmark import Data
from .judge_figures import agreement_figure, beside
from .point_sets import UNIEVAL

KINDS = {"Pearson": pearson, "Spearman": spearman, "Kendall": kendall}
PEOPLE, PART = "people: ", "part: "


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
    plain = table.where(setting="plain")
    for measure in plain.present("measure"):
        if not measure.startswith(PEOPLE):
            continue
        name = measure.removeprefix(PEOPLE)
        told = beside(plain, PART + name, measure)
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


# -- released scores --------------------------------------------------------------------------------------------------
class Scored(Struct):
    """One output with people's scores and UniEval's, by dimension."""

    scores: dict[str, float]
    predict_scores: dict[str, float]
    doc_id: int | str = ""
    system_id: str = ""
    source: str = ""
    dataset: str = ""


FILES: Mapping[str, str] = {
    "topical_chat": "dialogue/topical_chat_result.json", "sfhot": "data2text/sfhot_result.json",
    "sfres": "data2text/sfres_result.json", "qags_cnndm": "fact/qags_cnndm_result.json",
    "qags_xsum": "fact/qags_xsum_result.json", "summeval": "summarization/summeval_result.json",
}  # fmt: skip


def released(data: Data, name: str) -> list[Scored]:
    """UniEval's released scores of a set; from ``scores_only.jsonl`` where the file itself is not there."""
    try:
        path = data.path("unieval", f"{name}_result.json")
    except DataError:
        path = None
    try:
        if path is not None:
            return msgspec.json.decode(path.read_bytes(), type=list[Scored])
        try:
            path = data.path("unieval", "scores_only.jsonl")
            rows = [msgspec.json.decode(line, type=Scored) for line in path.read_bytes().splitlines() if line.strip()]
            if found := [row for row in rows if row.dataset == name]:
                return found
        except DataError:
            pass
        path = data.path("unieval", f"{name}_result.json", UNIEVAL + FILES[name])
        return msgspec.json.decode(path.read_bytes(), type=list[Scored])
    except msgspec.DecodeError as error:
        raise DataError(f"{path}: {error}") from None


def correlations(rows: Sequence[Scored], dimension: str) -> Three:
    """Turn-level correlations of the released scores with people's. Where people did not rate the whole (SummEval), their overall
    score is the mean of the dimensions."""
    return turn_level([r.predict_scores[dimension] for r in rows], [people(r, dimension) for r in rows], clusters_of(rows))


def people(row: Scored, dimension: str) -> float:
    if dimension == "overall" and dimension not in row.scores:
        return sum(row.scores.values()) / len(row.scores)
    return row.scores[dimension]


def clusters_of(rows: Sequence[Scored]) -> list[str]:
    """The document of each row: its id, or the source where rows have none."""
    return [str(r.doc_id) if r.doc_id != "" else r.source for r in rows]
