"""The released scores of TD-EVAL: means of two judges over 475 turns, and agreement with people in the five pilot files.

What the release calls ``f_kappa`` is Randolph's kappa with five categories, (p_o - 1/5) / (1 - 1/5), and for judge against people
the mean of two annotators is cut to a whole number before it is compared. Kept, to reproduce the stored values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from ...conversation import DataError
from ...measures.agreement import Agreement, cohen_kappa, krippendorff_alpha, pearson, randolph_kappa, spearman
from ...measures.intervals import Estimate, clustered_mean
from ...protocols.benchmark import Data
from .point_sets import read
from .td_eval_data import FIELDS, STARS, score_of

LEVELS = (1, 2, 3, 4, 5)
PILOTS = ("gpt4o", "gpt4omini", "llama70b", "mistrallarge", "sonnet35")


class _Turn(Struct):
    dialogue: str
    gpt_4o: dict[str, str]
    claude_35_sonnet: dict[str, str]


def turn_means(data: Data) -> Mapping[str, Mapping[str, Estimate]]:
    """The mean score of each dimension by judge over the 475 turns of AutoTOD, clustered by dialogue. Raises `DataError` for a
    score without a number."""
    path = data.path("td-eval", "turn_scores_mwoz_autotod_two_judges.jsonl")
    try:
        rows = [msgspec.json.decode(line, type=_Turn) for line in path.read_bytes().splitlines() if line.strip()]
    except msgspec.DecodeError as error:
        raise DataError(f"{path}: {error}") from None
    codes = {name: n for n, name in enumerate(dict.fromkeys(row.dialogue for row in rows))}
    clusters = [codes[row.dialogue] for row in rows]

    def mean(judge: str, field: str) -> Estimate:
        scores = [score_of(getattr(row, judge)[field]) for row in rows]
        if None in scores:
            raise DataError(f"{path}, line {scores.index(None) + 1}, {judge}, {field}: no score from 1 to 5")
        return clustered_mean([float(s or 0) for s in scores], clusters, STARS)

    return {judge: {d: mean(judge, field) for d, field in FIELDS.items()} for judge in ("gpt_4o", "claude_35_sonnet")}


class Cell(NamedTuple):
    """One pilot file and dimension. ``between``: the two annotators; ``judge``: the judge against their mean. ``stored``: the
    released values of all seven, in this order."""

    randolph: Agreement
    cohen: Agreement
    alpha: Agreement
    judge_pearson: Agreement
    judge_spearman: Agreement
    judge_randolph: Agreement
    judge_binary: Agreement
    stored: tuple[float, ...]


def cell(data: Data, pilot: str, dimension: str) -> Cell:
    """Agreement recomputed from the scores of a pilot file: between annotators Randolph's kappa of five categories, Cohen's with
    linear weights, Krippendorff's interval alpha; judge against people Pearson's and Spearman's over means of dialogues, and
    Randolph's over turns (the mean cut to a whole number; binary: above 3 or not, the mean not cut)."""
    path = data.path("td-eval", f"human_llm_comparison_{pilot}.json")
    file = read(path, dict[str, Any])
    field = FIELDS[dimension]
    try:
        turns, between = file["turn_level_scores"], file["inter_annotator_agreement"][field]
        judge = file["human_llm_agreement"][field]
        one, two = ([int(v) for v in scores] for scores in turns[f"human_{field}_scores"].values())
        people, said = turns[f"avg_human_{field}_turn_scores"], [int(v) for v in turns[f"llm_{field}_scores"]]
        means = turns[f"avg_human_{field}_dial_scores"], turns[f"avg_llm_{field}_dial_scores"]
        stored = (
            between["f_kappa"], between["c_kappa"], between["k_alpha"], judge["pearson"]["coeff"], judge["spearman"]["coeff"],
            judge["f_kappa"], judge["binary_f_kappa"],
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not a comparison of people and judge ({error})") from None
    both = _two(one, two)
    return Cell(
        randolph_kappa(both, labels=LEVELS), cohen_kappa(one, two, weights="linear", labels=LEVELS),
        krippendorff_alpha(both, "interval"), pearson(*means), spearman(*means),
        randolph_kappa(_two([int(v) for v in people], said), labels=LEVELS),
        randolph_kappa(_two([v > 3 for v in people], [v > 3 for v in said]), labels=(False, True)), stored,
    )  # fmt: skip


def _two(a: Sequence[Any], b: Sequence[Any]) -> list[tuple[Any, Any]]:
    return list(zip(a, b, strict=True))
