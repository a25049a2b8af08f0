"""The released scores of UniEval beside people's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from ...conversation import DataError
from ...protocols.benchmark import Data
from .judging_dimensions import Three, turn_level
from .point_sets import UNIEVAL


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
