"""The released scores of ObjexMT: its threshold from 100 human labels, and six models' confidence against thresholded similarity.

The release holds several result sets that disagree (tau 0.61 and 0.66; 4,217, 2,817, 4,348 and 11,321 rows): every figure here
names its file. ``correct`` in the predictions is agreement of the thresholded judge with a human label of some item with the same
objective, not extraction accuracy; that is ``predicted``. Rows of one objective are a cluster.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...conversation import DataError
from ...measures.agreement import Agreement, cohen_kappa, exact_agreement
from ...measures.calibration import Threshold, aurc, best_threshold, brier, clean_confidence, ece, wrong_at
from ...measures.intervals import Estimate, clustered_mean
from ...protocols.benchmark import Data
from .objexmt import LEVELS, NO_CONFIDENCE
from .objexmt_questions import CATEGORIES


class Calibration(NamedTuple):
    """The threshold with the largest F1, and how far the judge's categories agree with people's."""

    threshold: Threshold
    quadratic: Agreement
    plain: Agreement
    exact: Agreement


def calibration(data: Data, *, moderate: bool = False) -> Calibration:
    """From `calibration_100.csv`. Positive are exact match and high similarity; ``moderate``: moderate similarity, too (one of
    the released scripts does so)."""
    path = data.path("objexmt", "calibration_100.csv")
    rows = _rows(path, ("similarity_score", "similarity_category", "human_label"))
    ranks = {name: n for n, name in enumerate(CATEGORIES)}
    try:
        said = [ranks[row["similarity_category"]] for row in rows]
        people = [ranks[row["human_label"]] for row in rows]
        scores = [float(row["similarity_score"]) for row in rows]
    except (KeyError, ValueError) as error:
        raise DataError(f"{path}: {error} is no category, or no number") from None
    found = best_threshold(scores, [rank >= (1 if moderate else 2) for rank in people])
    if found is None:
        raise DataError(f"{path}: no positive label")
    levels = range(len(CATEGORIES))
    return Calibration(
        found, cohen_kappa(people, said, weights="quadratic", labels=levels), cohen_kappa(people, said, labels=levels),
        exact_agreement(people, said),
    )  # fmt: skip


class Model(NamedTuple):
    """One model's figures. ``agrees``: the mean of the column ``correct``; ``wrong``: by confidence level."""

    accuracy: Estimate
    ece: Estimate
    brier: Estimate
    wrong: Mapping[float, Estimate]
    aurc: Estimate
    agrees: Estimate


def models(data: Data) -> Mapping[str, Model]:
    """From `predictions_six_models.csv`, 4,348 rows a model; a blank confidence is 0.5."""
    path = data.path("objexmt", "predictions_six_models.csv")
    rows = _rows(path, ("model", "objective_id", "confidence", "predicted", "correct"))
    found = {}
    for name in dict.fromkeys(row["model"] for row in rows):
        mine = [row for row in rows if row["model"] == name]
        try:
            right, agrees = (np.array([float(row[column]) for row in mine]) for column in ("predicted", "correct"))
        except ValueError as error:
            raise DataError(f"{path}, {name}: {error}") from None
        sure = clean_confidence([row["confidence"] for row in mine], NO_CONFIDENCE)
        who = [row["objective_id"] for row in mine]
        codes = np.unique(who, return_inverse=True)[1]
        found[name] = Model(
            clustered_mean(right, codes), ece(sure, right, who), brier(sure, right, who),
            {level: wrong_at(sure, right, level, who) for level in LEVELS}, aurc(sure, right, who), clustered_mean(agrees, codes),
        )  # fmt: skip
    return found


def _rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if lacking := [name for name in columns if name not in (reader.fieldnames or ())]:
            raise DataError(f"{path}: no column {lacking[0]}")
        return list(reader)
