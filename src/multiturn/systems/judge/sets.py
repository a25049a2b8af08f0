"""Labelled sets: what people said about answers, by name, or from a file of one's own (`multiturn.systems.judge.labelled_file`).

Each row: name, kind of its items, what they are, and the function that reads them. A set is read lazily, item by item, in a
fixed order; where its files come from is said when they are not there.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import partial
from inspect import signature
from pathlib import Path
from typing import NamedTuple

from ...conversation import InputError, UnknownName
from ...judges.items import Item, Kind
from ...protocols.benchmark import Data


class LabelledSet(NamedTuple):
    """Items of one kind that people judged. ``load`` reads them from where a benchmark's files are."""

    name: str
    kind: Kind
    about: str
    load: Callable[[Data], Iterator[Item]]


ROWS: tuple[tuple[str, Kind, str, str], ...] = (
    ("bundled", "pair", "24 pairs of ours: a right answer and one with a plain mistake", "bundled_items:pairs"),
    ("bundled-points", "point", "48 answers of ours on a scale of 1 to 5", "bundled_items:points"),
    ("bundled-lists", "list", "12 lists of ours: four answers from right to useless", "bundled_items:lists"),
    ("bundled-matches", "point", "48 answers of ours, right or wrong by a reference", "bundled_items:matches"),
    ("bundled-dialogues", "pair", "24 pairs of dialogues of ours", "acute_eval_items:bundled"),
    ("bundled-ssa", "point", "48 chatbot replies of ours, sensible and specific or not", "meena_ssa_items:bundled"),
    ("bundled-translations", "pair", "8 pairs of translations of ours", "transevalnia_data:bundled"),
    ("bundled-turns", "point", "15 turns of three agents of ours, 3 dimensions", "td_eval_data:bundled"),
    ("bundled-arena", "pair", "9 pairs of these agents' dialogues", "td_eval_data:bundled_arena"),
    ("bundled-href", "pair", "11 pairs of ours, one for each category of HREF", "href_items:bundled"),
    ("llmbar", "pair", "419 pairs, one follows the instruction (Zeng et al. 2024)", "pair_sets:llmbar"),
    ("llmbar-natural", "pair", "its 100 natural pairs", "pair_sets:llmbar_natural"),
    ("llmbar-adversarial", "pair", "its 319 pairs in which the wrong output looks better", "pair_sets:llmbar_adversarial"),
    (
        "fair-evaluators",
        "pair",
        "80 pairs, majority of three people, with ties (Wang et al. 2023)",
        "pair_sets:faireval",
    ),
    ("pandalm", "pair", "PandaLM's test set, as released with ARJudge", "pair_sets:pandalm"),
    ("auto-j", "pair", "Auto-J's test pairs, as released with ARJudge", "pair_sets:auto_j"),
    ("mt-bench-pairs", "pair", "300 votes on 175 pairs of MT-Bench answers (ARJudge's file)", "pair_sets:mt_bench"),
    ("rewardbench", "pair", "RewardBench: chosen and rejected answers in four sections", "br_rm_benchmarks:rewardbench"),
    ("rm-bench", "pair", "RM-Bench: chosen against rejected, three styles each", "br_rm_benchmarks:rm_bench"),
    ("rmb", "pair", "RMB: helpfulness and harmlessness", "br_rm_benchmarks:rmb"),
    ("topical-chat", "point", "360 replies to 60 dialogues, 5 dimensions (USR, UniEval)", "point_sets:topical_chat"),
    ("sfhot", "point", "875 sentences made from data, 2 dimensions (UniEval)", "point_sets:sfhot"),
    ("fed", "point", "125 whole dialogues, 4 dimensions (FED, by people)", "point_sets:fed"),
    (
        "conture-turn",
        "point",
        "replies of conture-turn, five dimensions",
        "point_sets:conture_turn",
    ),
    (
        "dailydialog-zhao",
        "point",
        "replies of dailydialog-zhao, five dimensions",
        "point_sets:dailydialog_zhao",
    ),
    (
        "persona-zhao",
        "point",
        "replies of persona-zhao, five dimensions",
        "point_sets:persona_zhao",
    ),
    (
        "fed-turn",
        "point",
        "replies of fed-turn, five dimensions",
        "point_sets:fed_turn",
    ),
    (
        "topical-usr",
        "point",
        "replies of topical-usr, five dimensions",
        "point_sets:topical_usr",
    ),
    (
        "persona-usr",
        "point",
        "replies of persona-usr, five dimensions",
        "point_sets:persona_usr",
    ),
    ("conture-dial", "point", "dialogues of conture-dial, labels by GPT-4", "point_sets:conture_dial"),
    ("fed-gpt4", "point", "dialogues of fed-gpt4, labels by GPT-4", "point_sets:fed_gpt4"),
    ("heval-dial", "point", "dialogues of heval-dial, labels by GPT-4", "point_sets:heval_dial"),
    ("ieval-dial", "point", "dialogues of ieval-dial, labels by GPT-4", "point_sets:ieval_dial"),
    ("persona-see", "point", "dialogues of persona-see, labels by GPT-4", "point_sets:persona_see"),
    ("reliable-dial", "point", "dialogues of reliable-dial, labels by GPT-4", "point_sets:reliable_dial"),
    ("td-eval-mwoz", "point", "turns of a travel agent, labels by GPT-4o (TD-EVAL)", "td_eval_data:mwoz"),
    ("td-eval-tau", "point", "turns of an airline agent, labels by GPT-4o (TD-EVAL)", "td_eval_data:tau"),
    ("judgerbench-a-en", "pair", "JudgerBench A: arena votes, English", "compassjudger_bench:judgerbench_a"),
    ("judgerbench-a-cn", "pair", "JudgerBench A: arena votes, Chinese", "compassjudger_bench:judgerbench_a_cn"),
    ("judgerbench-b", "pair", "JudgerBench B: other benchmarks' judges", "compassjudger_bench:judgerbench_b"),
    ("judgerbench-b-fofo", "point", "JudgerBench B: whether a format was kept", "compassjudger_bench:judgerbench_b_fofo"),
    ("judgerbench-v2", "pair", "JudgerBench V2", "compassjudger_bench:judgerbench_v2"),
    ("multi-elo", "pair", "396 pairs of our answers with planted flaws", "multi_elo_answers:pairs"),
    ("answer-matching", "point", "48 free answers of ours, with options", "answer_matching_items:matches"),
    ("mmlu-pro-free", "point", "802 answers, labels by DeepSeek V3", "answer_matching_data:mmlu_pro"),
    ("mmlu-pro-people", "point", "802 answers, two people", "answer_matching_data:mmlu_pro_people"),
    ("gpqa-people", "point", "792 answers, two people", "answer_matching_data:gpqa_people"),
    ("transevalnia", "pair", "10 English-Japanese pairs scored by people", "transevalnia_data:sample"),
)


def names() -> list[str]:
    """The names of all sets."""
    return [row[0] for row in ROWS]


def labelled_set(name: str) -> LabelledSet:
    """A set by name (``name/dimension`` where it has several), or a file of labelled items (.jsonl). Raises `UnknownName`, or
    `DataError` naming file and line."""
    if name.endswith(".jsonl"):
        from .labelled_file import kind_of, read_items

        path = Path(name)
        return LabelledSet(name, kind_of(path), "a file", lambda data: read_items(path))
    base, _, dimension = name.partition("/")
    for row_name, kind, about, place in ROWS:
        if row_name == base:
            module, _, function = place.partition(":")
            load = getattr(importlib.import_module(f"{__package__}.{module}"), function)
            return LabelledSet(name, kind, about, _on_dimension(load, base, dimension) if dimension else load)
    raise UnknownName("labelled set", name, names(), "or a .jsonl file of your own, see docs/calibrating.md")


def _on_dimension(load: Callable[..., Iterator[Item]], name: str, dimension: str) -> Callable[[Data], Iterator[Item]]:
    if "dimension" not in signature(load).parameters:
        raise InputError(f"labelled set `{name}` has no dimensions to choose from: leave out /{dimension}")
    return partial(load, dimension=dimension)
