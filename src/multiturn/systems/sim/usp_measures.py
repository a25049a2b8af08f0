"""How far a simulated user is the person of its profile: USP's reward and measures, with encoders that can be exchanged.

An encoder takes texts to vectors, one row a text. The paper's are SimCSE (meaning) and a style model; here the default ones need
no model: hashed words, and the signs of style of `multiturn.measures.realism_style`. The definitions of the measures are those
that could be had (the evaluation code is not released).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ...measures.codes import Floats
from ...measures.intervals import Estimate, clustered_mean
from ...measures.realism_style import signs, tokens
from .usp_profile import Profile

Encoder: TypeAlias = Callable[[Sequence[str]], Floats]
_SIZE = 1_024


# -- encoders -----------------------------------------------------------------------------------------------------------------
def bag_of_words(texts: Sequence[str]) -> Floats:
    """Counts of words, hashed into 1,024 places. Knows no synonyms; unrelated texts share function words."""
    out = np.zeros((len(texts), _SIZE))
    for row, text in zip(out, texts, strict=True):
        for word, times in Counter(tokens(text)).items():
            row[int.from_bytes(blake2b(word.encode(errors="replace"), digest_size=4).digest(), "big") % _SIZE] += times
    return out


def style(texts: Sequence[str]) -> Floats:
    """Signs of style (-1 or 1), and how long the text and its words are (logarithms, about -1 to 1)."""
    rows = []
    for text in texts:
        words = tokens(text)
        long = np.log1p(len(words)) / 2 - 1
        letters = np.log1p(sum(map(len, words)) / max(len(words), 1)) - 1.5
        rows.append([*(1.0 if sign else -1.0 for sign in signs(text, first=False)), long, letters])
    return np.array(rows, dtype=np.float64).reshape(len(texts), -1)


def cosines(a: Floats, b: Floats) -> Floats:
    """Cosine of each row of ``a`` with the same row of ``b``, -1 to 1; 0 where one is all zeros."""
    norm = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray(np.where(norm > 0, (a * b).sum(axis=1) / np.where(norm > 0, norm, 1.0), 0.0))


# -- the reward of RLCC -------------------------------------------------------------------------------------------------------
def cycle_consistency(target: Profile, found: Profile, encoder: Encoder = bag_of_words) -> float:
    """cos(facts, facts) + cos(traits, traits), -2 to 2: how far the profile read back out of a dialogue is the one it was made
    from."""
    vectors = encoder([*target, *found])
    return float(cosines(vectors[:2], vectors[2:]).sum())


class Reward(NamedTuple):
    """``value`` = weighted sum of ``consistency`` (-2 to 2) and ``authenticity`` (0 to 1)."""

    value: float
    consistency: float
    authenticity: float


def reward(
    target: Profile, found: Profile, human: Sequence[float], *, encoder: Encoder = bag_of_words,
    weights: tuple[float, float] = (0.8, 0.2),
) -> Reward:  # fmt: skip
    """The reward of a dialogue, which each of its user turns gets. ``human``: for each simulated utterance the probability that a
    person wrote it; their mean is the authenticity. The weights are the paper's as far as known."""
    consistency = cycle_consistency(target, found, encoder)
    authenticity = float(np.mean(human)) if len(human) else 0.0
    return Reward(weights[0] * consistency + weights[1] * authenticity, consistency, authenticity)


# -- consistency ----------------------------------------------------------------------------------------------------------------
class Consistency(NamedTuple):
    """``precision``: share of the profile's facts that the dialogue entails (DP.P); ``recall``: share of the dialogue's that the
    profile entails (DP.R); ``dpc``: their harmonic mean. ``note``: which list was empty (its share is 0)."""

    precision: float
    recall: float
    dpc: float
    note: str = ""


def profile_consistency(profile_facts: ArrayLike, dialogue_facts: ArrayLike, at: float = 0.5) -> Consistency:
    """DPC from entailment scores, 0 to 1. ``profile_facts``: for each fact of the profile how far the dialogue entails it;
    ``dialogue_facts`` the other way round. A row of several scores (one for each fact of the other side) counts by its largest. A
    fact is entailed from ``at`` on. An empty list gives 0, and says so."""
    shares, empty = [], []
    for name, scores in (("profile", profile_facts), ("dialogue", dialogue_facts)):
        values = np.asarray(scores, dtype=np.float64)
        best = values.max(axis=1, initial=0.0) if values.ndim == 2 else values
        if not len(best):
            empty.append(name)
        shares.append(float((best >= at).mean()) if len(best) else 0.0)
    precision, recall = shares
    both = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return Consistency(precision, recall, both, f"no facts of the {' and the '.join(empty)}" if empty else "")


# -- authenticity ---------------------------------------------------------------------------------------------------------------
def similarity(simulated: Sequence[str], real: Sequence[str], encoder: Encoder = bag_of_words) -> Estimate:
    """The mean cosine of simulated and real utterances, pair by pair: Sem-Sim with an encoder of meaning, Style-Sim with one of
    style. What one side has more of is left out."""
    n = min(len(simulated), len(real))
    if not n:
        return Estimate(None, None, None, None, 0, 0)
    found = cosines(encoder(simulated[:n]), encoder(real[:n]))
    return clustered_mean(found, np.arange(n))


def verified(simulated: Sequence[str], real: Sequence[str], same_author: Callable[[str, str], float | bool]) -> Estimate:
    """AVA: the share of (simulated, real) pairs that an authorship verifier takes for one author's. ``same_author``: probability,
    or yes. No verifier is shipped."""
    found = [float(float(same_author(a, b)) >= 0.5) for a, b in zip(simulated, real, strict=False)]
    return clustered_mean(found, np.arange(len(found)))


# -- diversity ------------------------------------------------------------------------------------------------------------------
def pairwise_cosine(vectors: Floats) -> float | None:
    """The mean cosine of all pairs of rows; None for fewer than two."""
    n = len(vectors)
    if n < 2:
        return None
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(length > 0, length, 1.0)
    return float((np.square(unit.sum(axis=0)).sum() - np.square(unit).sum()) / (n * (n - 1)))


def reduced(vectors: Floats, dimensions: int = 8) -> Floats:
    """The first principal components."""
    centred = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return np.asarray(centred @ axes[:dimensions].T)


def diversity_gap(
    generated: Sequence[str], target: Sequence[str], encoder: Encoder = bag_of_words, dimensions: int = 8
) -> float | None:
    """ADV: |mean pairwise cosine of the generated dialogues - of the target ones|, 0 to 2, after a reduction to the principal
    components of both together; 0 = as different among themselves as the real ones. Each text is a dialogue's user side."""
    if min(len(generated), len(target)) < 2:
        return None
    vectors = reduced(encoder([*generated, *target]), dimensions)
    a, b = pairwise_cosine(vectors[: len(generated)]), pairwise_cosine(vectors[len(generated) :])
    return None if a is None or b is None else abs(a - b)


# -- who is common --------------------------------------------------------------------------------------------------------------
def densities(vectors: Floats, dimensions: int = 4) -> Floats:
    """How common each profile is: a Gaussian kernel density (Scott's bandwidth) at its principal components, itself left out. Of
    profiles, the densest are the majority, the thinnest the minority. (The paper reduces with UMAP.)"""
    points = reduced(vectors, dimensions)
    spread = points.std(axis=0)
    points = points[:, spread > 1e-12] / spread[spread > 1e-12]
    n, d = len(points), max(points.shape[1], 1)
    width = n ** (-1 / (d + 4))
    square = (points**2).sum(axis=1)
    near = [np.exp(-(square + square[i] - 2 * points @ points[i]) / (2 * width**2)).sum() for i in range(n)]
    return (np.array(near) - 1) / max(n - 1, 1)


def groups(vectors: Floats, share: float = 0.25) -> list[str]:
    """ "majority", "minority" or "middle" for each profile: the ``share`` of highest and of lowest density."""
    order = np.argsort(densities(vectors), kind="stable")
    count = max(1, round(share * len(order))) if len(order) > 1 else 0
    names = ["middle"] * len(order)
    for i in order[:count]:
        names[i] = "minority"
    for i in order[len(order) - count :]:
        names[i] = "majority"
    return names


def joined(facts_of: Profile, traits_of: Profile) -> Profile:
    """A synthetic profile: the facts of one person and the character of another."""
    return Profile(facts_of.facts, traits_of.traits)
