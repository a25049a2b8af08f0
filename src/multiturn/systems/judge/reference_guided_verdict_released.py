"""Released verdicts on GPQA answers as a panel, against what two people said: two matchers of the answer-matching release, and a
rule."""

from __future__ import annotations

from typing import NamedTuple

from ...judges.ask import Answer
from ...judges.panel import majority
from ...measures.agreement import cohen_kappa, exact_agreement
from ...measures.agreement_parts import Agreement
from ...measures.raters import fleiss_kappa
from ...protocols.benchmark import Data
from .answer_matching_data import DEEPSEEK, GPQA, QWEN, answers, gpqa_people
from .answer_matching_rule import rule_match
from .reference_guided_verdict_figures import PanelAgainstMedian, against_median, condorcet

JUDGES = (QWEN, DEEPSEEK, "rule")


class Released(NamedTuple):
    """Agreement of each judge and of the panel with people (only answers on which both people agree), of the two people with each
    other, and of the judges among themselves; the panel against its median judge; what independent judges would reach."""

    judges: dict[str, Agreement]
    panel: Agreement
    kappa: Agreement
    people: Agreement
    among: Agreement
    gap: PanelAgainstMedian
    independent: float


def released_panel(data: Data) -> Released:
    """The majority of `JUDGES` on the 792 GPQA-Diamond answers, clustered by question."""
    scores = {(a.question, a.model): a.scores for a in answers(data, GPQA)}
    items = [item for item in gpqa_people(data) if (item.cluster, item.author) in scores]
    both = [item.raters for item in items if len(item.raters) == 2]
    kept = [item for item in items if item.label is not None]
    who = [item.cluster for item in kept]
    labels = [item.label or 0.0 for item in kept]
    votes = []
    for item in kept:
        found = scores[item.cluster, item.author]
        votes.append([found[QWEN], found[DEEPSEEK], float(rule_match(item.answer, item.reference or ""))])
    panel = [majority([Answer(v) for v in row], tie=0.0).value for row in votes]
    gap = against_median(votes, panel, labels, who)
    single = {name: exact_agreement([row[i] for row in votes], labels, who) for i, name in enumerate(JUDGES)}
    return Released(
        single, exact_agreement(panel, labels, who), cohen_kappa(labels, panel, who),
        exact_agreement([b[0] for b in both], [b[1] for b in both]), fleiss_kappa(votes, who), gap,
        condorcet([a.value or 0.0 for a in single.values()]),
    )  # fmt: skip
