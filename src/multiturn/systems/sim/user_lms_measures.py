"""How much like a person a simulated user behaves: the measures of UserLM, as functions of texts and conversations.

Unigrams are the words of `multiturn.measures.realism_style.tokens`, as sets. Every measure is 0 to 1 (the paper prints per cent)
and has an interval clustered by conversation or, for a measure of pairs of texts, a jackknife over texts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ...measures.codes import Floats, number
from ...measures.confusion import confusion
from ...measures.figure import FRACTION
from ...measures.intervals import Estimate, clustered_mean, interval
from ...measures.realism_style import content_words, tokens

_MOST = 4_000
"""Texts of which all pairs are compared; more are cut."""


# -- 1. first turns ---------------------------------------------------------------------------------------------------------
def overlap(a: Iterable[str], b: Iterable[str]) -> float:
    """Jaccard: |A and B| / |A or B| of two sets of words; 1 for two empty sets."""
    one, two = set(a), set(b)
    return len(one & two) / len(one | two) if one | two else 1.0


def diversity(texts: Sequence[str], *, length: int = 0) -> Estimate:
    """1 - the mean overlap of the unigrams of all pairs of texts: 0 for identical texts, 1 for disjoint ones.

    Long texts overlap more: with ``length`` every text is cut to its first so many words and shorter ones are left out. The
    interval is a jackknife over texts (a text left out takes its pairs along).
    """
    said = [tokens(text) for text in texts[:_MOST]]
    sets = [set(words[:length] if length else words) for words in said if len(words) >= length]
    n = len(sets)
    if n < 2:
        return Estimate(None, None, None, None, n, n)
    code: dict[str, int] = {}
    rows = [[code.setdefault(word, len(code)) for word in sorted(words)] for words in sets]
    shared = np.zeros((n, n))
    holders: list[list[int]] = [[] for _ in code]
    for i, row in enumerate(rows):
        for word in row:
            holders[word].append(i)
    for found in holders:
        if len(found) > 1:
            shared[np.ix_(found, found)] += 1
    size = np.array([len(row) for row in rows], dtype=np.float64)
    union = size[:, None] + size[None] - shared
    similar = np.where(union > 0, shared / np.maximum(union, 1), 1.0)
    np.fill_diagonal(similar, 0.0)
    return _over_pairs(similar.sum(axis=1), n)


def _over_pairs(row: Floats, n: int) -> Estimate:
    """1 - mean over pairs, from the row sums of the similarities."""
    total = row.sum()
    value = 1 - total / (n * (n - 1))
    if n < 3:
        return Estimate(float(value), None, None, None, n, n)
    left = 1 - (total - 2 * row) / ((n - 1) * (n - 2))
    se = float(np.sqrt((n - 1) / n * ((left - left.mean()) ** 2).sum()))
    one = np.array([float(n)])
    low, high = interval(np.array([value]), np.array([se]), one - 1, one, FRACTION)
    return Estimate(float(value), number(low[0]), number(high[0]), se, n, n)


def unique_share(texts: Sequence[str]) -> float | None:
    """The other reading of "diversity": different words / all words of the texts. It falls with the number of texts, so only
    samples of one size compare."""
    said = [word for text in texts for word in tokens(text)]
    return len(set(said)) / len(said) if said else None


# -- 2. decomposition ---------------------------------------------------------------------------------------------------------
def decomposition_overlap(conversations: Sequence[Sequence[str]], intents: Sequence[str]) -> Estimate:
    """The mean overlap (Jaccard, without stop words) of each user turn with the intent: low where what the user wants is spread
    over turns and rephrased, 1 for a user who says the intent again and again. Turns without content words are left out."""
    values: list[float] = []
    owner: list[int] = []
    for i, (turns, intent) in enumerate(zip(conversations, intents, strict=True)):
        wanted = content_words(intent)
        for turn in turns:
            if words := content_words(turn):
                values.append(overlap(words, wanted))
                owner.append(i)
    return clustered_mean(values, owner)


# -- 3. termination -------------------------------------------------------------------------------------------------------------
class Termination(NamedTuple):
    """Of the places where the user could end: ``precision``, ``recall``, ``f1`` of ending; ``places`` in all."""

    precision: Estimate
    recall: Estimate
    f1: Estimate
    places: int


def termination(ended: Sequence[bool | None], over: Sequence[bool], clusters: Sequence[Hashable] | None = None) -> Termination:
    """Does the user end where people did? ``over``: the person ended here; ``ended``: the simulated user did (None: not known,
    left out). A user that never ends has F1 0: it has no way to end, or does not use it."""
    found = confusion(list(over), list(ended), clusters, labels=[True, False])
    end = found.classes[True]
    nobody = Estimate(0.0, None, None, None, end.f1.n_clusters, end.f1.n_values)
    f1 = end.f1 if end.f1.value is not None else nobody
    return Termination(end.precision, end.recall, f1, f1.n_values)


# -- 4. naturalness -------------------------------------------------------------------------------------------------------------
def naturalness(
    texts: Sequence[str], detector: Callable[[str], float | bool], *, shortest: int = 50, longest: int = 200, at: float = 0.5
) -> Estimate:
    """The share of texts that a detector takes for a person's. ``detector``: text -> probability (or yes) that a person wrote it.
    Texts of fewer than ``shortest`` or more than ``longest`` words are left out (detectors need some length).

    No detector is shipped (the paper: Pangram). What can be had without one is `multiturn.measures.realism.two_sample`: whether a
    simple classifier, trained on people's messages of the same kind, tells the two apart.
    """
    kept = [text for text in texts if shortest <= len(tokens(text)) <= longest]
    return clustered_mean([float(float(detector(text)) >= at) for text in kept], list(range(len(kept))))


# -- 5., 6. roles and intents ---------------------------------------------------------------------------------------------------
def tells_choice(text: str, choices: Sequence[str]) -> bool:
    """Whether a text settles on one of the choices: it names exactly one and does not ask. The rule that stands in for a judge
    of role adherence; "A) …" without the words of the choice counts by its letter."""
    if "?" in text[:4_000]:
        return False
    said = f" {' '.join(tokens(text))} "
    named = {i for i, choice in enumerate(choices) if f" {' '.join(tokens(choice))} " in said}
    if not named:
        letters = {word.strip("().,:;'\"") for word in text[:4_000].split()} & {"B", "C", "D", "E"}
        named = {ord(letter) - ord("A") for letter in letters if ord(letter) - ord("A") < len(choices)}
    return len(named) == 1


# -- extrinsic ------------------------------------------------------------------------------------------------------------------
def covered(turns: Sequence[str], unit: str) -> bool:
    """Whether the user's turns told a unit of information: at least half of its content words and every number of it."""
    said = {word for turn in turns for word in tokens(turn)}
    wanted = content_words(unit)
    numbers = {word for word in wanted if any(c.isdigit() for c in word)}
    return bool(wanted) and numbers <= said and 2 * len(wanted & said) >= len(wanted)
