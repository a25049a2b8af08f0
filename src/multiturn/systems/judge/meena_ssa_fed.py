"""Sensible and specific by proxy, from what people said of whole dialogues in FED (Mehri and Eskenazi 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct

from ...conversation import DataError
from ...measures.intervals import Estimate, clustered_mean
from ...protocols.benchmark import Data
from .meena_ssa_items import ssa
from .point_sets import comp, read

TOP = 2.0


class _Row(Struct):
    annotations: Mapping[str, list[float | str]]
    model: str


class Proxy(NamedTuple):
    """Of one bot: both shares and their mean, each the mean over its dialogues, from 0 to 1."""

    sensible: Estimate
    specific: Estimate
    ssa: Estimate


def fed_proxy(data: Data, sensible: str = "Coherent", specific: str = "Informative") -> dict[str, Proxy]:
    """SSA of the bots in FED, with one quality of whole dialogues (0 to 2, halved) in place of each label of turns. Words in
    place of a number (not applicable) are left out. Sensible may be Coherent or Understanding, specific Informative or Depth: it
    is a check of the ranking, not of the values."""
    path = comp(data, "dialog_level", "fed_human_annotations.json")
    found: dict[str, list[tuple[float, float]]] = {}
    for number, row in enumerate(read(path, list[_Row])):
        shares = []
        for quality in (sensible, specific):
            said = [v for v in row.annotations.get(quality, ()) if isinstance(v, int | float)]
            if not said:
                raise DataError(f"{path}, record {number}, field annotations: nothing about {quality}")
            shares.append(sum(said) / len(said) / TOP)
        found.setdefault(row.model, []).append((shares[0], shares[1]))
    return {bot: _proxy(values) for bot, values in found.items()}


def _proxy(values: list[tuple[float, float]]) -> Proxy:
    one, two, both = zip(*((a, b, ssa(a, b)) for a, b in values), strict=True)
    ids = range(len(values))
    return Proxy(*(clustered_mean(list(side), list(ids)) for side in (one, two, both)))
