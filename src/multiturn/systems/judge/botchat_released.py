"""BotChat's released annotations (``UniEval.tsv``, ``GTEval.tsv``, arena tables), read and scored anew; its published table."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from ...conversation import DataError
from ...judges.parse import Parsed
from ...measures.ratings import Battles, battles
from ...measures.verdict import SCORED, UNMEASURED, Row, Table, Verdict
from ...protocols.benchmark import Published
from .botchat_judge import LENGTH, Outlook, compared, first_machine, outlook, passes, turned

HUMAN = "GT"
UNREAD = "judge reply not parsable"


def uni_eval(path: Path) -> dict[str, Table]:
    """The verdicts of each model from the judge's replies on single dialogues (columns ``model``, ``index``, ``gpt4``)."""
    rows: dict[str, list[Row]] = {}
    for line in _lines(path, ("model", "index", "gpt4")):
        found = first_machine(line["gpt4"], official=True)
        passed = found.value if isinstance(found, Parsed) else None
        for verdict in passes(passed, LENGTH, UNREAD):
            rows.setdefault(line["model"], []).append(_row(line["index"], "uni", verdict))
    return {model: Table.of(found) for model, found in rows.items()}


def gt_eval(path: Path) -> dict[str, Table]:
    """The verdicts of each model beside the human dialogue (columns ``cmp_index`` = "MT-10;GT;model", ``gpt4``); the human
    dialogues' own under `HUMAN`. A reply that cannot be read is not measured; the released rates keep it below the line."""
    rows: dict[str, list[Row]] = {}
    for i, (seed, one, two, found) in enumerate(_met(path)):
        for model, seen in ((one, found), (two, None if found is None else turned(found))):
            for verdict in compared(seen, f"{HUMAN}/{i}", UNREAD):
                rows.setdefault(model, []).append(_row(seed, "gt", verdict))
    return {model: Table.of(found) for model, found in rows.items()}


def arena(path: Path) -> Battles:
    """All readable battles of a file of comparisons (as `gt_eval`), a tie for both and for neither, clustered by seed."""
    known = [(seed, one, two, found) for seed, one, two, found in _met(path) if found is not None]
    points = {"win": 1.0, "lose": 0.0}
    return battles([(one, two, points.get(found, 0.5)) for _, one, two, found in known], [seed for seed, *_ in known])


def pair_matrix(path: Path) -> dict[tuple[str, str], Counter[Outlook]]:
    """How often the first of each pair, in this order, won, lost, and so on. A pair without a win keeps its other counts (the
    released notebook drops it)."""
    found: dict[tuple[str, str], Counter[Outlook]] = {}
    for _, one, two, seen in _met(path):
        if seen is not None:
            found.setdefault((one, two), Counter())[seen] += 1
    return found


def _met(path: Path) -> Iterator[tuple[str, str, str, Outlook | None]]:
    for line in _lines(path, ("cmp_index", "gpt4")):
        names = line["cmp_index"].split(";")
        if len(names) != 3:
            raise DataError(f"{path}: cmp_index {line['cmp_index']!r} is not seed;model;model")
        found = outlook(line["gpt4"])
        yield names[0], names[1], names[2], found.value if isinstance(found, Parsed) else None


def _lines(path: Path, columns: Iterable[str]) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t")
        if missing := [c for c in columns if c not in (reader.fieldnames or ())]:
            raise DataError(f"{path} has no column {', '.join(missing)}")
        for line in reader:
            yield {key: value or "" for key, value in line.items() if isinstance(key, str)}


def _row(seed: str, setting: str, v: Verdict) -> Row:
    status, value = (SCORED, v.value) if v.value is not None else (UNMEASURED, float("nan"))
    return Row(seed, seed, setting, 0, "", 0, v.item, v.measure, value, status, v.cause if status == UNMEASURED else "")


# -- published ----------------------------------------------------------------------------------------------------------
_TABLE = {
    "GPT-4": (26.4, 46.8, 26.8, 65.1, 86.1), "Vicuna-13B": (22.3, 45.7, 32.0, 55.0, 80.4),
    "Qwen-14B-Chat": (20.3, 46.8, 32.9, 26.0, 77.5), "Internlm-20B-Chat": (16.0, 48.2, 35.8, 36.2, 76.6),
    "Vicuna-7B": (16.7, 39.0, 44.4, 29.4, 64.7), "Qwen-7B-Chat": (15.5, 38.5, 45.9, 15.9, 59.4),
    "Baichuan2-13B-Chat": (19.4, 27.7, 52.9, 22.3, 63.4), "InternLM-7B-Chat": (11.7, 34.9, 53.4, 6.8, 59.0),
    "GPT-3.5-turbo-0613": (25.9, 9.9, 64.2, 21.9, 42.6), "ChatGLM2-6B": (10.1, 23.6, 66.2, 5.3, 43.0),
    "Claude-2": (19.1, 2.3, 78.6, 9.0, 17.6), "Llama2-7B": (10.6, 1.8, 87.6, 4.9, 16.6),
    "Llama2-70B": (9.5, 1.8, 88.7, 14.6, 26.5), "Llama2-13B": (8.8, 1.8, 89.4, 7.7, 23.4),
}  # fmt: skip
_SOURCE = "leaderboard of github.com/open-compass/BotChat; judged by GPT-4"
PUBLISHED = tuple(
    Published(model, value / 100, measure, setting, None, _SOURCE)
    for model, row in _TABLE.items()
    for value, (measure, setting) in zip(
        row, (("win", "gt"), ("tie", "gt"), ("lose", "gt"), ("pass@16", "uni"), ("pass@8", "uni")), strict=True
    )
)
