"""LLMBar's released judgements: published figures, and their replay through our scorer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from ...conversation.files import json_rows
from ...measures.verdict import FAILED, SCORED, Row, Table
from ...protocols.benchmark import Published
from .llmbar_data import SUBSETS
from .llmbar_score import scored

STRATEGY = {
    "Vanilla": "vanilla", "Vanilla_NoRules": "no-rules", "CoT": "cot", "Metrics": "metrics", "Reference": "reference",
    "Metrics_Reference": "metrics-reference", "Swap": "swap", "Swap_CoT": "swap-cot", "Rating": "rating",
    "Rating_NoRules": "rating-no-rules", "Rating_Metrics": "rating-metrics", "Rating_Reference": "rating-reference",
    "Rating_Metrics_Reference": "rating-metrics-reference", "Vanilla_1shot": "1-shot", "Vanilla_2shot": "2-shot",
}  # fmt: skip
"""Released name of a strategy -> our setting."""


class Released(Struct):
    """One released cell: the verdicts of one judge and strategy on one subset, mapped back to the items' numbering."""

    subset: str
    base_llm: str
    strategy: str
    n: int
    labels: list[int]
    winner_original: list[str | None]
    winner_swapped: list[str | None]
    official: dict[str, float | str] = {}


def cells(path: Path) -> Iterator[Released]:
    """All cells of a condensed file of released verdicts. Raises `DataError` naming the line."""
    return (row for _, row in json_rows(path, Released))


def replay(released: Iterable[Released]) -> dict[str, Table]:
    """The verdicts of each released judge as a run of this benchmark would have given them, strategies as settings."""
    rows: dict[str, list[Row]] = {}
    for cell in released:
        subset = cell.subset.removeprefix("LLMBar/").replace("Eval^2", "Eval2")
        out = rows.setdefault(cell.base_llm, [])
        both = zip(cell.labels, cell.winner_original, cell.winner_swapped, strict=True)
        for i, (label, one, two) in enumerate(both):
            name = f"{subset}/{i}"
            shown = not cell.strategy.startswith("Rating")
            for v in scored(label, int(one) if one else None, int(two) if two else None, shown=shown):
                assert v.value is not None
                status = FAILED if v.failed else SCORED
                out.append(Row(name, name, STRATEGY[cell.strategy], 0, subset, 0, v.item, v.measure, v.value, status, ""))
    return {judge: Table.of(found) for judge, found in rows.items()}


# -- published (per cent: accuracy / agreement; Natural, Neighbor, GPTInst, GPTOut, Manual, Average) --------------------
_TABLE = (
    ("GPT-4", "no-rules", (93.5, 64.2, 76.6, 76.6, 75.0), (97.0, 89.6, 90.2, 87.2, 89.1), 77.2),
    ("GPT-4", "vanilla", (95.5, 78.7, 86.4, 77.7, 80.4), (95.0, 93.3, 94.6, 93.6, 82.6), 83.7),
    ("GPT-4", "metrics-reference", (96.0, 85.4, 89.7, 72.3, 83.7), (96.0, 94.8, 90.2, 83.0, 84.8), 85.4),
    ("GPT-4", "swap-cot", (94.0, 78.7, 85.3, 79.8, 77.2), (100.0, 99.3, 96.7, 97.9, 93.5), 83.0),
    ("ChatGPT", "vanilla", (81.5, 19.4, 26.6, 41.5, 34.8), (71.0, 71.6, 62.0, 59.6, 52.2), 40.8),
    ("LLaMA2", "vanilla", (80.5, 24.6, 30.4, 56.4, 37.0), (79.0, 77.6, 72.8, 72.3, 65.2), 45.8),
    ("PaLM2", "vanilla", (83.0, 62.7, 73.4, 59.6, 65.2), (80.0, 67.2, 68.5, 66.0, 87.0), 68.8),
    ("Falcon", "vanilla", (74.0, 50.4, 50.0, 54.3, 51.1), (52.0, 42.5, 30.4, 29.8, 50.0), 55.9),
)
_OTHER = (
    ("GPT-4", "no-rules", "Processed/FairEval", 72.7, 69.7),
    ("GPT-4", "no-rules", "Processed/LLMEval2", 75.5, 87.5),
    ("GPT-4", "no-rules", "Processed/MT-Bench", 81.0, 87.0),
)
_SOURCE = "released statistics, github.com/princeton-nlp/LLMBar"


def _published() -> Iterator[Published]:
    for judge, setting, accuracy, agreement, average in _TABLE:
        for group, right, equal in zip(SUBSETS, accuracy, agreement, strict=True):
            yield Published(judge, right / 100, "accuracy", setting, group, _SOURCE)
            yield Published(judge, equal / 100, "agreement", setting, group, _SOURCE)
        yield Published(judge, average / 100, "accuracy", setting, "Average", _SOURCE)
    for judge, setting, group, right, equal in _OTHER:
        yield Published(judge, right / 100, "accuracy", setting, group, _SOURCE)
        yield Published(judge, equal / 100, "agreement", setting, group, _SOURCE)


PUBLISHED = tuple(_published())
