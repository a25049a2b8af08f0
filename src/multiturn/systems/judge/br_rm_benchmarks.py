"""Benchmarks of reward models made of pairs: RewardBench, RM-Bench, RMB. Their released files as items, and their totals.

RewardBench  the mean of four sections, each the mean of its subsets weighted by the numbers its authors give (math-prm counts
             as 984 though it has 447 items, so that mathematics weighs as much as code)
RM-Bench     each prompt has three right and three wrong responses (concise; detailed; detailed in markdown), all nine pairs are
             judged. easy: the right one has the fancier style (3 cells), normal: the same (3), hard: the plainer (3). A domain is
             the mean of its nine cells; the total the mean of chat, math, code and safety
RMB          the mean of {helpful, harmless} × {best of N, pair}. A best-of-N list is right only when its best response wins
             against every other

Their files put the better response first; here the order is drawn from the item's id, evenly. Intervals: clustered by prompt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from ...conversation import DataError
from ...judges.items import PairItem, Said
from ...measures.codes import number
from ...measures.curves import cell_means
from ...measures.figure import FRACTION, Figure, FigureMaker, Scale
from ...measures.figures import mean
from ...measures.intervals import interval
from ...measures.verdict import FAILED, UNMEASURED, Row, Table
from ...protocols.benchmark import Data
from .judge_figures import macro

SECTIONS: dict[str, dict[str, int]] = {
    "Chat": {"alpacaeval-easy": 100, "alpacaeval-length": 95, "alpacaeval-hard": 95, "mt-bench-easy": 28, "mt-bench-med": 40},
    "Chat Hard": {"mt-bench-hard": 37, "llmbar-natural": 100, "llmbar-adver-neighbor": 134, "llmbar-adver-GPTInst": 92,
                  "llmbar-adver-GPTOut": 47, "llmbar-adver-manual": 46},
    "Safety": {"refusals-dangerous": 100, "refusals-offensive": 100, "xstest-should-refuse": 154, "xstest-should-respond": 250,
               "donotanswer": 136},
    "Reasoning": {"math-prm": 984, "hep-cpp": 164, "hep-go": 164, "hep-java": 164, "hep-js": 164, "hep-python": 164,
                  "hep-rust": 164},
}  # fmt: skip
"""RewardBench's sections: the weight of each subset in its section."""
DOMAINS = ("chat", "math", "code", "safety")
LEVELS = ("easy", "normal", "hard")
PARTS = ("helpful BoN", "helpful pair", "harmless BoN", "harmless pair")
_RM_BENCH = "https://raw.githubusercontent.com/THU-KEG/RM-Bench/main/data/total_dataset.json"


def level(right: int, wrong: int) -> str:
    """The level of a cell of RM-Bench's matrix, from the styles (0 concise to 2 markdown) of the right and wrong response."""
    return LEVELS[1 + (right < wrong) - (right > wrong)]


# -- items ------------------------------------------------------------------------------------------------------------
class _Answer(Struct):
    answer: str
    llm_name: str = ""


class _RewardBench(Struct):
    prompt: str
    chosen: str
    rejected: str
    subset: str
    id: int | str = ""
    chosen_model: str = ""
    rejected_model: str = ""


class _RMBench(Struct):
    id: int | str
    prompt: str
    chosen: tuple[str, str, str]
    rejected: tuple[str, str, str]
    domain: str


class _RMBPair(Struct):
    pair_uid: int | str
    conversation_input: list[dict[str, Any]]
    chosen: _Answer
    reject: _Answer
    category_path: str


class _RMBList(Struct):
    bon_uid: int | str
    conversation_input: list[dict[str, Any]]
    bon_best: _Answer
    loser_list: list[_Answer]
    category_path: str


def ordered(better: str, worse: str, *, id: str, authors: tuple[str, str] = ("", ""), **fields: Any) -> PairItem:
    """A pair whose order is drawn from its id, so that no place is the better one."""
    first = blake2b(id.encode(), digest_size=1).digest()[0] % 2 == 0
    one, two = (better, worse) if first else (worse, better)
    return PairItem(
        id=id, first=one, second=two, label=float(first), authors=authors if first else authors[::-1], **fields
    )  # fmt: skip


def rewardbench(data: Data) -> Iterator[PairItem]:
    """RewardBench's filtered set as one JSON list; the subset is the group."""
    path = data.path("rewardbench", "filtered.json")
    for n, row in enumerate(_rows(path, list[_RewardBench])):
        if not any(row.subset in section for section in SECTIONS.values()):
            raise DataError(f"{path}, record {n}: `{row.subset}` is no subset of RewardBench")
        yield ordered(
            row.chosen, row.rejected, id=f"{row.subset}/{row.id if row.id != '' else n}", turns=(("user", row.prompt),),
            authors=(row.chosen_model, row.rejected_model), group=row.subset,
        )  # fmt: skip


def rm_bench(data: Data) -> Iterator[PairItem]:
    """RM-Bench: nine pairs a prompt; both safety domains are one group."""
    path = data.path("rm-bench", "total_dataset.json", _RM_BENCH)
    for n, row in enumerate(_rows(path, list[_RMBench])):
        group = row.domain.partition("-")[0]
        if group not in DOMAINS:
            raise DataError(f"{path}, record {n}: `{row.domain}` is no domain of RM-Bench")
        for i, right in enumerate(row.chosen):
            for j, wrong in enumerate(row.rejected):
                yield ordered(
                    right, wrong, id=f"{row.domain}/{row.id}/{i + 1}{j + 1}", turns=(("user", row.prompt),), group=group,
                    cluster=f"{row.domain}/{row.id}", extra={"level": level(i, j)},
                )  # fmt: skip


def rmb(data: Data) -> Iterator[PairItem]:
    """RMB: its released files of pairs and of best-of-N lists, each put together as one list; a list is a pair for each loser."""
    path = data.path("rmb", "pairwise.json")
    for pair in _rows(path, list[_RMBPair]):
        yield ordered(
            pair.chosen.answer, pair.reject.answer, id=f"pair/{pair.pair_uid}", turns=_turns(pair.conversation_input),
            authors=(pair.chosen.llm_name, pair.reject.llm_name), group=f"{_side(pair.category_path, path)} pair",
        )  # fmt: skip
    path = data.path("rmb", "bon.json")
    for best in _rows(path, list[_RMBList]):
        for n, loser in enumerate(best.loser_list, 1):
            yield ordered(
                best.bon_best.answer, loser.answer, id=f"bon/{best.bon_uid}/{n}", turns=_turns(best.conversation_input),
                authors=(best.bon_best.llm_name, loser.llm_name), group=f"{_side(best.category_path, path)} BoN",
                cluster=f"bon/{best.bon_uid}",
            )  # fmt: skip


def _rows(path: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        raise DataError(f"{path}: {error}") from None


def _turns(messages: list[dict[str, Any]]) -> tuple[Said, ...]:
    return tuple((str(m.get("role", "user")), str(m.get("content", ""))) for m in messages)


def _side(category: str, path: Path) -> str:
    for name in ("Helpfulness", "Harmlessness"):
        if name in category:
            return f"{name[:4].lower()}{'ful' if name == 'Helpfulness' else 'less'}"
    raise DataError(f"{path}: category `{category}` is neither Helpfulness nor Harmlessness")


# -- totals -----------------------------------------------------------------------------------------------------------
def combined(measure: str, weights: Mapping[str, float], name: str, scale: Scale = FRACTION) -> FigureMaker:
    """The weighted mean of the means of groups (kind "mean", group ``name``); the weights are made to sum to 1.

    The groups share no cases: se² = sum of w² se², degrees of freedom by Satterthwaite. Nothing unless every group is there, no
    value unless every group has one.
    """

    def figures(table: Table) -> Iterator[Figure]:
        rows = table.where(measure=measure)
        rows = rows.select(np.isin(rows.text("group"), list(weights)))
        for setting in rows.present("setting"):
            of_setting = rows.where(setting=setting)
            if set(of_setting.present("group")) == set(weights):
                yield _combined(of_setting, measure, setting, weights, name, scale)

    return figures


def _combined(rows: Table, measure: str, setting: str, weights: Mapping[str, float], name: str, scale: Scale) -> Figure:
    cells = cell_means(rows, ("group",), scale)
    found = cells.means
    w = np.array([weights[rows.names["group"][code]] for code in cells.keys["group"]], dtype=np.float64)
    w /= w.sum()
    variance = (w * found.se) ** 2
    clusters = np.array([float(found.clusters.sum())])
    df = np.array([variance.sum() ** 2 / max(float((variance**2 / np.maximum(found.df, 1)).sum()), 1e-300)])
    df = np.clip(df, 1, max(clusters[0] - len(w), 1))
    value, se = np.array([w @ found.value]), np.array([np.sqrt(variance.sum())])
    low, high = interval(value, se, df, clusters, scale)
    return Figure(
        measure=measure, setting=setting, group=name, unit=scale.unit, value=number(value[0]), low=number(low[0]),
        high=number(high[0]), n_cases=int(clusters[0]), n_scored=int(cells.scored.sum()), n_failed=int(cells.failed.sum()),
        n_unmeasured=int(cells.unmeasured.sum()), worst=number(float(w @ cells.worst)), best=number(float(w @ cells.best)),
        note=f"weighted mean of {len(w)} groups",
    )  # fmt: skip


def _rewardbench() -> FigureMaker:
    """Each section that is there whole, and the mean of the four."""
    whole = {subset: n / sum(section.values()) for section in SECTIONS.values() for subset, n in section.items()}
    makers = [
        *(combined("accuracy", section, name) for name, section in SECTIONS.items()),
        combined("accuracy", whole, "RewardBench"),
    ]

    def figures(table: Table) -> Iterator[Figure]:
        for make in makers:
            yield from make(table)

    return figures


def best_of_n(table: Table, measure: str = "accuracy") -> Table:
    """The rows of a measure with each best-of-N list (rows of a cluster in a group that ends in "BoN") made into one: right when
    every pair of it is, wrong when one is wrong, else not measured."""
    rows = table.where(measure=measure)
    lists: dict[tuple[str, str, int, str], list[tuple[float, int]]] = {}
    out: list[Row] = []
    columns = zip(
        rows.text("setting"), rows.text("cluster"), rows.repeat.tolist(), rows.text("group"), rows.text("case"),
        rows.text("item"), rows.value.tolist(), rows.status.tolist(), strict=True,
    )  # fmt: skip
    for setting, cluster, repeat, group, case, item, value, status in columns:
        if group.endswith("BoN"):
            lists.setdefault((setting, cluster, repeat, group), []).append((value, status))
        else:
            out.append(Row(case, cluster, setting, repeat, group, 0, item, measure, value, status, ""))
    for (setting, cluster, repeat, group), found in lists.items():
        measured = [value for value, status in found if status != UNMEASURED]
        lost = [status for value, status in found if value < 1 and status != UNMEASURED]
        known = bool(lost) or len(measured) == len(found)
        status = UNMEASURED if not known else FAILED if lost and all(s == FAILED for s in lost) else 0
        value = float(not lost) if known else float("nan")
        out.append(Row(cluster, cluster, setting, repeat, group, 0, "", measure, value, status, "" if known else "not measured"))
    return Table.of(out)


def whole(part: str) -> str:
    """How the figure of a part of RMB is called: of best-of-N, the share of whole lists, not of pairs."""
    return f"{part} (whole lists)" if part.endswith("BoN") else part


def _rmb(table: Table) -> Iterator[Figure]:
    if any(group.endswith("BoN") for group in table.where(measure="accuracy").present("group")):
        rows = best_of_n(table)
        for part in PARTS:
            if whole(part) != part:
                yield from combined("accuracy", {part: 1}, whole(part))(rows)
        yield from macro("accuracy", PARTS, "RMB")(rows)


BENCHMARKS: tuple[FigureMaker, ...] = (
    _rewardbench(), macro("accuracy", DOMAINS, "RM-Bench"), *(mean(name) for name in LEVELS),
    *(macro(name, DOMAINS, "RM-Bench") for name in LEVELS), _rmb,
)  # fmt: skip
