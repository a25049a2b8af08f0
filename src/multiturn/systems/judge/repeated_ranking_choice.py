"""From several rankings of the same answers: Borda scores, the best and the worst, and which prompts are consistent enough."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ...conversation import Conversation, UnknownName
from ...judges.items import ListItem
from ...learning.episodes import Episode
from ...learning.pairs import Branch, Pair, pair
from ...measures.codes import Bools, Floats

By: TypeAlias = Literal["borda", "each"]
SHARES = (0.25, 0.5, 0.75, 1.0)
"""Shares of the prompts that are kept, the most consistent ones."""


def borda(rankings: ArrayLike) -> Floats:
    """Borda scores of n things from m rankings (rows; 1 = best): sum over rankings of n - rank, from 0 to m (n - 1)."""
    ranks = np.asarray(rankings, dtype=np.float64)
    return np.asarray((ranks.shape[1] - ranks).sum(axis=0))


def best_and_worst(rankings: ArrayLike) -> tuple[int, int] | None:
    """The places of the best and the worst thing by Borda score; None where all scores are equal.

    Among things of equal score, those that win more of their meetings with the others of that score, over all rankings, come
    first (meetings with all others would say nothing: they add up to the Borda score); then the one shown first.
    """
    ranks = np.asarray(rankings, dtype=np.float64)
    scores = borda(ranks)
    if np.ptp(scores) < 1e-9:
        return None
    top, bottom = (np.flatnonzero(np.abs(scores - edge) < 1e-9) for edge in (scores.max(), scores.min()))
    return int(top[np.argmax(_wins(ranks, top))]), int(bottom[np.argmin(_wins(ranks, bottom))])


def _wins(ranks: Floats, among: np.ndarray) -> Floats:
    """Meetings won by each of these things against the others of them, ties half."""
    mine = ranks[:, among]
    ahead = (mine[:, :, None] < mine[:, None, :]) + 0.5 * (mine[:, :, None] == mine[:, None, :])
    return np.asarray(ahead.sum(axis=(0, 2)))


def kept(w: ArrayLike, share: float) -> Bools:
    """Which prompts are among the ``share`` (0 to 1] with the highest W; NaN never is.

    The threshold is the W of the prompt at place ceil(share * n) of the n that have one, and it is inclusive: with ties more are
    kept than the share says.
    """
    if not 0 < share <= 1:
        raise ValueError(f"a share is above 0 and at most 1, not {share}")
    values = np.asarray(w, dtype=np.float64)
    known = np.sort(values[~np.isnan(values)])[::-1]
    if not len(known):
        return np.zeros(len(values), dtype=bool)
    threshold = known[math.ceil(share * len(known) - 1e-9) - 1]
    return np.asarray(values >= threshold - 1e-12)


def preferences(item: ListItem, rankings: Sequence[Sequence[float]], by: By = "borda") -> list[Pair]:
    """Preference pairs of a prompt for training (`multiturn.learning`): one of the best and the worst answer by Borda score, or,
    by "each", one for every ranking that has a best and a worst. Scores are Borda scores, or n - rank."""
    if by not in ("borda", "each"):
        raise UnknownName("rule for preference pairs", by, ("borda", "each"))
    prompt = Conversation()
    for role, text in item.turns:
        prompt = {"system": prompt.system, "user": prompt.user}.get(role, prompt.assistant)(text)
    found = []
    for ranks in [rankings] if by == "borda" else [[ranking] for ranking in rankings]:
        ends = best_and_worst(ranks)
        if ends is not None:
            scores = borda(ranks)
            best, worst = (Branch(prompt.assistant(item.answers[i]), float(scores[i])) for i in ends)
            made = pair(best, worst)
            found += [made] if made is not None else []
    return found


def training_pairs(items: Iterable[ListItem], episodes: Iterable[Episode], share: float = 0.5, by: By = "borda") -> list[Pair]:
    """Preference pairs of a run of repeated-ranking: from the ``share`` of its prompts that were ranked most consistently.

    ``items``: the prompts (``benchmark.cases()``); ``episodes``: ``evaluation.conversations()``, of which plain counts.
    Prompts without a W (a ranking that could not be read) are not taken. One model, one repeat of the run.
    """
    known = {item.id: item for item in items}
    found: list[tuple[ListItem, float, list[list[float]]]] = []
    for episode in episodes:
        w = next((v.value for v in episode.verdicts if v.measure == "W"), None)
        if episode.setting != "plain" or w is None or episode.case not in known:
            continue
        rankings: dict[str, list[float]] = {}
        for verdict in episode.verdicts:
            if verdict.measure == "ranking" and verdict.value is not None:
                rankings.setdefault(verdict.item.partition("/")[0], []).append(verdict.value)
        found.append((known[episode.case], w, list(rankings.values())))
    mask = kept([w for _, w, _ in found], share)
    return [made for (item, _, ranks), keep in zip(found, mask, strict=True) if keep for made in preferences(item, ranks, by)]
