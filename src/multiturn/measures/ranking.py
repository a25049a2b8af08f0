"""Measures of a ranked list against judged relevance: Recall@k, nDCG@k, MRR. Values from 0 to 1.

Missing rule. What is not judged is not relevant. A question with judgements but an empty ranking scores 0 (trec_eval drops
it unless told otherwise). A question without any relevant item has no value at all (None): it is not measured.
Tie rule. A ranking is a list, so its order decides; `by_score` makes one from scores as trec_eval does: higher score
first, equal scores by the *larger* id first. An item that occurs twice counts at its first place.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

Relevance = Mapping[str, float]
"""Judged items; a value above 0 is relevant, and the gain in nDCG."""


def by_score(scores: Mapping[str, float]) -> list[str]:
    """Ids from the highest score to the lowest; equal scores in descending order of the id (trec_eval's rule)."""
    return sorted(scores, key=lambda name: (scores[name], name), reverse=True)


def recall_at(k: int, ranking: Sequence[str], relevance: Relevance) -> float | None:
    """Relevant items among the first k / all relevant items."""
    wanted = {name for name, gain in relevance.items() if gain > 0}
    if not wanted:
        return None
    return len(wanted.intersection(_first(k, ranking))) / len(wanted)


def ndcg_at(k: int, ranking: Sequence[str], relevance: Relevance) -> float | None:
    """sum over ranks i <= k of gain_i / log2(i + 1), divided by the same sum of the best possible ranking
    (Järvelin & Kekäläinen 2002; gains linear, as in trec_eval)."""
    best = sorted((gain for gain in relevance.values() if gain > 0), reverse=True)[:k]
    if not best:
        return None
    return _dcg(max(relevance.get(name, 0.0), 0.0) for name in _first(k, ranking)) / _dcg(best)


def mrr(ranking: Sequence[str], relevance: Relevance, k: int | None = None) -> float | None:
    """1 / rank of the first relevant item (within the first k if given), 0 if there is none."""
    if not any(gain > 0 for gain in relevance.values()):
        return None
    hits = (1 / rank for rank, name in enumerate(_first(k, ranking), 1) if relevance.get(name, 0.0) > 0)
    return next(hits, 0.0)


def _first(k: int | None, ranking: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(ranking))[:k]


def _dcg(gains: Iterable[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))
