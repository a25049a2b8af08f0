"""What the released ratings of Comp-Analysis say: GPT-4 beside people on FED, GPT-4 beside itself, and what averaging buys."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np

from ...measures.agreement_parts import Agreement
from ...measures.correlation import pearson, spearman
from ...protocols.benchmark import Data
from .point_sets import DIALOGUE, OVERALL, fed_ratings, gpt4, turn_ratings


class Row(NamedTuple):
    """GPT-4 beside people on one dimension. ``singles``: Pearson's correlation of each of the five samples alone."""

    pearson: Agreement
    spearman: Agreement
    singles: tuple[float, ...]


def fed_table(data: Data) -> Mapping[str, Row]:
    """The mean of GPT-4's five samples against people's means on FED's 125 dialogues, by dimension."""
    people, said = [row for _, row in fed_ratings(data)], gpt4(data, "fed").samples
    found = {}
    for dimension in DIALOGUE:
        right = [row.get(dimension, float("nan")) for row in people]
        mean = np.mean(said[dimension], axis=0)
        singles = tuple(pearson(one, right).value or 0.0 for one in said[dimension])
        found[dimension] = Row(pearson(mean, right), spearman(mean, right), singles)
    return found


def self_consistency(data: Data, name: str) -> Mapping[str, float]:
    """Pearson's correlation between two of GPT-4's five samples, its mean over the ten pairs, by dimension. ``name``: conture,
    fed, heval, ieval, see, reliable."""
    found = {}
    for dimension, five in gpt4(data, name).samples.items():
        values = [pearson(a, b).value for a, b in combinations(five, 2)]
        found[dimension] = float(np.mean([np.nan if v is None else v for v in values]))
    return found


def turn_mean(data: Data, name: str) -> float:
    """The mean overall rating of a turn-level set."""
    return float(np.mean(turn_ratings(data, name)[OVERALL]))
