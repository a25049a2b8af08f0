"""JudgerBench: its files as items, and its scores (facts of the released evaluation code; the data is a separate download).

A   two whole conversations with the same user, which one people preferred
B   prompts of five judging benchmarks in their own forms; gold is GPT-4o's stored answer, in the same form
V2  ten scenarios, 100 prompts × 10 models beside one base model; gold is DeepSeek-R1's choice; the place of the base model is a
    balanced list, tied to the prompt, the same for all ten models
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct

from ...conversation import DataError
from ...judges.items import Item, PairItem, PointItem
from ...judges.parse import Parsed
from ...measures.codes import number
from ...measures.correlation import pearson
from ...measures.figure import Figure
from ...measures.verdict import Table
from ...protocols.benchmark import Data
from .compassjudger_forms import FORMS

SLUG = "compassjudger"
SOURCES = {"alignment_bench_v1_1": "alignbench", "alpaca_eval": "alpacaeval", "arenahard": "five-way", "wildbench": "wildbench",
           "fofo_test_prompts": "fofo", "fofo_test_prompts_cn": "fofo"}  # fmt: skip
"""The sources of JudgerBench-B, each with its form."""


class _Said(Struct):
    role: str
    content: str


class _A(Struct):
    conversation_a: list[_Said]
    conversation_b: list[_Said]
    winner: str
    model_a: str = ""
    model_b: str = ""
    category: str = ""


class _B(Struct):
    dataset_name: str
    prediction: str
    gpt4o_pred: str
    others: dict[str, Any]
    question: str | None = None
    conversation: list[_Said] = []


class _Response(Struct):
    model_name: str
    response: str


class _V2(Struct):
    prompt: str
    base_model_response: _Response
    models_response: _Response
    gold: dict[str, Any]


def _rows(path: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        raise DataError(f"{path}: {error}") from None


def judgerbench_a(data: Data, name: str = "judgerbench_A_en") -> Iterator[PairItem]:
    """A: ``first`` and ``second`` are all replies of an assistant; ``extra["replies"]`` has them turn by turn."""
    path = data.path(SLUG, f"{name}.json")
    for n, row in enumerate(_rows(path, list[_A])):
        if row.winner not in ("model_a", "model_b"):
            raise DataError(f"{path}, record {n}, field winner: `{row.winner}` is neither model_a nor model_b")
        one, two = ([m.content for m in side if m.role == "assistant"] for side in (row.conversation_a, row.conversation_b))
        users = tuple(("user", m.content) for m in row.conversation_a if m.role == "user")
        if not len(users) == len(one) == len(two):
            raise DataError(f"{path}, record {n}: the two conversations do not have the same turns")
        yield PairItem(
            id=f"{name}/{n}", group=row.category or None, turns=users, first="\n\n".join(one), second="\n\n".join(two),
            label=float(row.winner == "model_a"), authors=(row.model_a, row.model_b),
            extra={"replies": [list(both) for both in zip(one, two, strict=True)]},
        )  # fmt: skip


def judgerbench_a_cn(data: Data) -> Iterator[PairItem]:
    """A, Chinese."""
    return judgerbench_a(data, "judgerbench_A_cn")


def judgerbench_b(data: Data) -> Iterator[Item]:
    """B: the sources that compare two answers. Items whose gold cannot be read are dropped, as released."""
    return (item for item in _b(data) if isinstance(item, PairItem))


def judgerbench_b_fofo(data: Data) -> Iterator[Item]:
    """B: the two sources that judge one answer's format."""
    return (item for item in _b(data) if isinstance(item, PointItem))


def _b(data: Data) -> Iterator[Item]:
    path = data.path(SLUG, "judgerbench_B.json")
    for n, row in enumerate(_rows(path, list[_B])):
        if row.dataset_name not in SOURCES:
            raise DataError(f"{path}, record {n}, field dataset_name: `{row.dataset_name}` is no source of JudgerBench-B")
        form = SOURCES[row.dataset_name]
        gold = FORMS[form].read(row.gpt4o_pred)
        if not isinstance(gold, Parsed):
            continue
        turns = tuple((m.role.replace("HUMAN", "user"), m.content) for m in row.conversation)
        shared: dict[str, Any] = {
            "id": f"B/{n}", "group": row.dataset_name, "turns": turns or (("user", row.question or ""),),
            "extra": {"form": form, "gold": gold.value, "model": str(row.others.get("model", "")),
                      "swap": bool(row.others.get("swap")), "checklist": str(row.others.get("checklist", ""))},
        }  # fmt: skip
        if FORMS[form].kind == "point":
            yield PointItem(**shared, answer=row.prediction, label=gold.value, low=0, high=1)
        else:
            label = (gold.value / FORMS[form].top + 1) / 2
            yield PairItem(**shared, first=row.prediction, second=str(row.others.get("ref", "")), label=label, ties=True)


def judgerbench_v2(data: Data) -> Iterator[PairItem]:
    """V2: one file of all scenarios, in the released order (prompts in blocks of 100). A prompt is a cluster."""
    path = data.path(SLUG, "judgerbenchv2.json")
    base_second = [0] * 50 + [1] * 50
    random.Random(0).shuffle(base_second)
    seen: dict[str, int] = {}
    for row in _rows(path, list[_V2]):
        category, base, other = str(row.gold.get("category", "")), row.base_model_response, row.models_response
        k = seen[category] = seen.get(category, -1) + 1
        one, two = (other, base) if base_second[k % 100] else (base, other)
        yield PairItem(
            id=f"V2/{category}/{k}", group=category, cluster=f"V2/{category}/{k % 100}", turns=(("user", row.prompt),),
            first=one.response, second=two.response, authors=(one.model_name, two.model_name),
            label=float(row.gold.get("r1_gt") == one.model_name), extra={"form": "v2", "base": base.model_name},
        )  # fmt: skip


# -- scores -------------------------------------------------------------------------------------------------------------
class V2Score(NamedTuple):
    """One scenario of JudgerBenchV2, all from 0 to 100 (``distance`` up to 200, so that ``final`` can be below 0)."""

    accuracy: float
    distance: float
    final: float


def v2_score(wins: Mapping[str, float], gold: Mapping[str, float], accuracy: float) -> V2Score:
    """How close a judge is to the gold judge: ``wins`` of each model, ``accuracy`` in percent.

    distance = 100 × mean over models of |rank difference| / (m - 1) + |difference of wins| / its maximum;
    final = (accuracy - distance + 100) / 2. A model that never won has 0 wins (the released code loses it and then compares the
    wrong models); no difference at all is a distance of 0 (there: a division by zero). Equal wins are ranked by name.
    """
    models = sorted(set(wins) | set(gold))
    mine, theirs = (_ranks({m: table.get(m, 0.0) for m in models}) for table in (wins, gold))
    gaps = {m: abs(wins.get(m, 0.0) - gold.get(m, 0.0)) for m in models}
    widest = max(gaps.values(), default=0.0)
    each = [abs(mine[m] - theirs[m]) / max(len(models) - 1, 1) + (gaps[m] / widest if widest else 0.0) for m in models]
    distance = 100 * sum(each) / len(each) if each else 0.0
    return V2Score(accuracy, distance, (accuracy - distance + 100) / 2)


def _ranks(wins: Mapping[str, float]) -> dict[str, int]:
    return {model: rank for rank, (model, _) in enumerate(sorted(wins.items(), key=lambda x: (-x[1], x[0])), 1)}


def v2_figures(table: Table) -> Iterator[Figure]:
    """``JudgerBenchV2`` of each scenario and their mean (points), from ``model wins``/``gold wins`` (items are model names)."""
    for setting in table.where(measure="model wins").present("setting"):
        of = table.where(setting=setting)
        finals = []
        for group in of.where(measure="model wins").present("group"):
            rows = of.where(group=group)
            told = rows.where(measure="model wins")
            told = told.select(told.measured)
            right = rows.where(measure="correct")
            if not len(told):
                continue
            accuracy = 100 * float(right.value[right.measured].mean())
            score = v2_score(_sums(told), _sums(rows.where(measure="gold wins")), accuracy)
            finals.append(score.final)
            yield Figure(measure="JudgerBenchV2", kind="score", unit="points", setting=setting, group=group, value=score.final,
                         n_scored=len(told), note=f"accuracy {score.accuracy:.2f}, distance {score.distance:.2f}")  # fmt: skip
        if finals:
            yield Figure(measure="JudgerBenchV2", kind="score", unit="points", setting=setting, value=float(np.mean(finals)),
                         n_scored=len(finals), note=f"mean of {len(finals)} scenarios")  # fmt: skip


def b_figures(table: Table) -> Iterator[Figure]:
    """Pearson's correlation, over the models judged, of the sums of values that judge and gold gave them (kind "kappa", measure
    ``correlation of models``), by source, and the plain mean over sources."""
    for setting in table.where(measure="model value").present("setting"):
        of, found = table.where(setting=setting), []
        for group in of.where(measure="model value").present("group"):
            rows = of.where(group=group)
            gold = _sums(rows.where(measure="model gold"))
            said = _sums(rows.where(measure="model value"))
            names = sorted(gold)
            r = pearson([said.get(n, 0.0) for n in names], [gold[n] for n in names])
            if r.value is not None:
                found.append(r.value)
            yield Figure(measure="correlation of models", kind="kappa", unit="", setting=setting, group=group, value=r.value,
                         low=r.low, high=r.high, n_cases=len(names), n_scored=len(names))  # fmt: skip
        if found:
            yield Figure(measure="correlation of models", kind="kappa", unit="", setting=setting, n_scored=len(found),
                         value=number(float(np.mean(found))), note=f"mean of {len(found)} sources")  # fmt: skip


def _sums(rows: Table) -> dict[str, float]:
    out: dict[str, float] = {}
    for model, value in zip(rows.text("item"), rows.value.tolist(), strict=True):
        out[model] = out.get(model, 0.0) + (0.0 if np.isnan(value) else value)
    return out
