"""Topical-Chat with people's ratings, as released with UniEval, and the premise of coascore on these ratings alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
import numpy as np
from msgspec import Struct

from ...conversation import DataError
from ...judges.items import PointItem, Said
from ...measures.agreement_parts import Agreement
from ...measures.correlation import spearman
from ...protocols.benchmark import Data

HOME = "https://raw.githubusercontent.com/maszhongming/UniEval/main/reproduce/unieval_predict/dialogue/topical_chat_result.json"
SCALES: dict[str, tuple[float, float]] = {
    "naturalness": (1, 3), "coherence": (1, 3), "engagingness": (1, 3), "groundedness": (0, 1), "understandability": (0, 1),
    "overall": (1, 5),
}  # fmt: skip
"""The ratings (means of three people) and their scales (Zhou's annotations of USR, Mehri and Eskenazi 2020)."""


class _Row(Struct):
    source: str
    context: str
    system_id: str
    system_output: str
    scores: dict[str, float]


def _rows(data: Data) -> list[_Row]:
    path = data.path("unieval", "topical_chat_result.json", HOME)
    try:
        rows = msgspec.json.decode(path.read_bytes(), type=list[_Row])
    except msgspec.DecodeError as error:
        raise DataError(f"{path}: {error}") from None
    for n, row in enumerate(rows):
        if missing := [name for name in SCALES if name not in row.scores]:
            raise DataError(f"{path}, record {n}, field scores: no {missing[0]}")
    return rows


def topical_chat(data: Data) -> Iterator[PointItem]:
    """360 replies to 60 dialogues, overall quality from 1 to 5; the fact that the speaker had is the system message. The other
    ratings are in ``extra``. A dialogue is a cluster."""
    place: dict[str, int] = {}
    for n, row in enumerate(_rows(data)):
        context = place.setdefault(row.source, len(place))
        low, high = SCALES["overall"]
        yield PointItem(
            id=str(n), cluster=f"dialogue {context}", turns=_turns(row), answer=row.system_output.strip(), author=row.system_id,
            label=row.scores["overall"], low=low, high=high, extra={"people": row.scores},
        )  # fmt: skip


def _turns(row: _Row) -> tuple[Said, ...]:
    """The lines of the dialogue, by turns, so that the last one is the user's."""
    lines = [line.strip() for line in row.source.splitlines() if line.strip()]
    said: list[Said] = [("user" if (len(lines) - n) % 2 else "assistant", line) for n, line in enumerate(lines)]
    fact = row.context.strip()
    return (("system", f"What you know about the subject: {fact}"), *said) if fact else tuple(said)


def premise(data: Data) -> Mapping[str, Agreement]:
    """Do people's ratings of aspects tell their rating of the whole? Spearman's correlation with ``overall`` of each single
    aspect, and of all five in a linear model (least squares) that is fitted without the dialogue it is applied to ("all")."""
    rows = _rows(data)
    names = [name for name in SCALES if name != "overall"]
    x = np.array([[row.scores[name] for name in names] for row in rows])
    y = np.array([row.scores["overall"] for row in rows])
    clusters = np.unique([row.source for row in rows], return_inverse=True)[1]
    design = np.column_stack([np.ones(len(y)), x])
    fitted = np.empty(len(y))
    for k in range(int(clusters.max()) + 1):
        out = clusters == k
        fitted[out] = design[out] @ np.linalg.lstsq(design[~out], y[~out], rcond=None)[0]
    groups = clusters.tolist()
    return {name: spearman(x[:, i], y, groups) for i, name in enumerate(names)} | {"all": spearman(fitted, y, groups)}
