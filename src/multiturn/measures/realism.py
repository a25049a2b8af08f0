"""How far simulated users write like people: features of user turns, compared between two samples of conversations.

A sample is a sequence of conversations, each the sequence of its user turns (`user_turns`). Conversations are the sampling
unit of every interval. `profile` describes one sample, `compare` sets two side by side, `length_distance` compares the whole
distribution of message lengths, and `two_sample` (`multiturn.measures.two_sample`) asks a classifier to tell them apart.
The two samples should be about the same tasks: otherwise a difference may be the topic's.

    messages             user turns of a conversation
    words                words of a message
    signs of a message   shares of messages, see `multiturn.measures.realism_style`
    repeated opening     share of messages, from the second on, that begin with the same three words as an earlier one of the
                         same conversation
    shared opening       share of pairs of conversations whose first messages begin with the same three words
    first-turn share     share of all content words of the user's turns that stand in the first
    lexical variety      moving-average type-token ratio (50 words) of a conversation's user turns
    distinct-2           expected share of different word pairs among 200 drawn from the sample without replacement (rarefaction:
                         Hurlbert 1971, Ecology 52:577), so that samples of different size can be compared
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
from scipy.special import gammaln, stdtr

from ..conversation import Conversation
from .codes import Bools, Floats, number
from .figure import FRACTION, Scale
from .intervals import Estimate, clustered_mean, interval, t_quantile
from .realism_style import SIGNS, first_turn_share, moving_variety, opening, signs, tokens
from .two_sample import TwoSample, two_sample

__all__ = ["Distance", "Row", "Sample", "TwoSample", "compare", "length_distance", "profile", "two_sample", "user_turns"]

T = TypeVar("T")
Sample: TypeAlias = "Sequence[Sequence[str]]"
_COUNT = Scale(0.0, float("inf"), "", passing=0.0)
_GROUPS = 40  # leave-one-out sets of a corpus statistic; more conversations are pooled
_DRAWN = 200  # word pairs drawn for distinct-2
FEATURES: dict[str, Scale] = {
    "messages": _COUNT, "words": _COUNT, **dict.fromkeys(SIGNS, FRACTION), "repeated opening": FRACTION,
    "shared opening": FRACTION, "first-turn share": FRACTION, "lexical variety": FRACTION, "distinct-2": FRACTION,
}  # fmt: skip
"""All features, in the order in which they are printed, with their scales."""


class Row(NamedTuple):
    """One feature in both samples. ``difference``: simulated - human, with its 95 % interval and p-value (Welch's t over
    conversations); None where it cannot be had. ``unit``: "fraction" or "" (a count)."""

    feature: str
    simulated: float | None
    human: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    unit: str


class Distance(NamedTuple):
    """How far two distributions lie apart: ``ks`` = max |F - G| (0 to 1), ``energy`` = sqrt(2 sum (F - G)^2) in square roots of
    words (Székely & Rizzo 2013), with the p-value of the KS distance under permutation of whole conversations. None without a
    conversation on each side."""

    ks: float | None
    energy: float | None
    p: float | None


def user_turns(chat: Conversation) -> list[str]:
    """The texts of a conversation's user messages."""
    return [m.text for m in chat.messages if m.role == "user"]


def profile(conversations: Sample) -> dict[str, Estimate]:
    """Every feature of a sample, clustered by conversation. A feature of which nothing can be said has value None."""
    found: dict[str, list[tuple[int, float]]] = {name: [] for name in FEATURES}
    for number_, turns in enumerate(conversations):
        if turns:
            for name, value in _of_one(turns):
                found[name].append((number_, value))
    means = {name: clustered_mean([v for _, v in values], [c for c, _ in values], FEATURES[name])
             for name, values in found.items()}  # fmt: skip
    spoken = [turns for turns in conversations if turns]
    means["shared opening"] = _corpus([opening(turns[0]) for turns in spoken], _shared)
    means["distinct-2"] = _corpus([_pairs(turns) for turns in spoken], _distinct)
    return {name: means[name] for name in FEATURES}


def _of_one(turns: Sequence[str]) -> list[tuple[str, float]]:
    """The features that a conversation has by itself."""
    said = [tokens(turn) for turn in turns]
    out = [("messages", float(len(turns)))]
    seen: set[tuple[str, ...]] = set()
    for i, turn in enumerate(turns):
        out.append(("words", float(len(said[i]))))
        out += zip(SIGNS, map(float, signs(turn, first=not i)), strict=True)
        if i:
            out.append(("repeated opening", float(tuple(said[i][:3]) in seen)))
        seen.add(tuple(said[i][:3]))
    variety = moving_variety([word for words in said for word in words])
    for name, value in (("first-turn share", first_turn_share(turns)), ("lexical variety", variety)):
        if value is not None:
            out.append((name, value))
    return out


def compare(simulated: Sample, human: Sample) -> list[Row]:
    """Each feature in both samples and the difference. Many features are compared: correct the p-values before relying on
    one of them."""
    a, b = profile(simulated), profile(human)
    return [_row(name, a[name], b[name], scale) for name, scale in FEATURES.items()]


def _row(name: str, a: Estimate, b: Estimate, scale: Scale) -> Row:
    if a.value is None or b.value is None:
        return Row(name, a.value, b.value, None, None, None, None, scale.unit)
    d = a.value - b.value
    if a.se is None or b.se is None:
        return Row(name, a.value, b.value, d, None, None, None, scale.unit)
    se = float(np.hypot(a.se, b.se))
    parts = a.se**4 / (a.n_clusters - 1) + b.se**4 / (b.n_clusters - 1)
    if not se or not parts:
        ends = _mover(a, b)
        return Row(name, a.value, b.value, d, *ends, None, scale.unit)
    df = se**4 / parts
    half = float(t_quantile(df)) * se
    low, high = max(d - half, scale.low - scale.high), min(d + half, scale.high - scale.low)
    return Row(name, a.value, b.value, d, low, high, float(2 * stdtr(df, -abs(d) / se)), scale.unit)


def _mover(a: Estimate, b: Estimate) -> tuple[float | None, float | None]:
    """The interval of a difference from those of its two sides (Newcombe 1998, Statistics in Medicine 17:873), for features
    that did not vary on either."""
    if a.value is None or b.value is None or a.low is None or a.high is None or b.low is None or b.high is None:
        return None, None
    d = a.value - b.value
    return d - float(np.hypot(a.value - a.low, b.high - b.value)), d + float(np.hypot(a.high - a.value, b.value - b.low))


# -- statistics of a whole sample ---------------------------------------------------------------------------------------
def _pairs(turns: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple(pair for turn in turns for pair in pairwise(tokens(turn)))


def _shared(openings: Sequence[Hashable]) -> float | None:
    n = len(openings)
    return sum(k * (k - 1) for k in Counter(openings).values()) / (n * (n - 1)) if n > 1 else None


def _distinct(conversations: Sequence[tuple[tuple[str, str], ...]]) -> float | None:
    """Rarefaction: sum over kinds of 1 - C(N - k, m) / C(N, m), divided by m."""
    counts = np.array(list(Counter(pair for pairs in conversations for pair in pairs).values()), dtype=np.float64)
    total, m = counts.sum(), _DRAWN
    if total < m:
        return None
    rest = np.maximum(total - counts, 0)
    missed = gammaln(rest + 1) - gammaln(np.maximum(rest - m, 0) + 1) - gammaln(total + 1) + gammaln(total - m + 1)
    return float(np.where(rest >= m, 1 - np.exp(missed), 1.0).sum() / m)


def _corpus(items: Sequence[T], statistic: Callable[[Sequence[T]], float | None]) -> Estimate:
    """A statistic of a sample as a whole, with a delete-a-group jackknife over conversations."""
    value, n = statistic(items), len(items)
    groups = min(n, _GROUPS)
    if value is None or groups < 3:
        return Estimate(value, None, None, None, n, n)
    left = [statistic([item for i, item in enumerate(items) if i % groups != g]) for g in range(groups)]
    if any(v is None for v in left):
        return Estimate(value, None, None, None, n, n)
    w = np.array(left, dtype=np.float64) - value
    se = float(np.sqrt((groups - 1) / groups * (w**2).sum()))
    one = np.array([float(groups)])
    low, high = interval(np.array([value]), np.array([se]), one - 1, one, FRACTION)
    return Estimate(value, number(low[0]), number(high[0]), se, n, n)


# -- lengths ------------------------------------------------------------------------------------------------------------
def length_distance(simulated: Sample, human: Sample, random: np.random.Generator, rounds: int = 500) -> Distance:
    """The distance between the distributions of words a message."""
    lengths = [[len(tokens(turn)) for turn in turns] for turns in (*simulated, *human)]
    n_sim = sum(map(len, lengths[: len(simulated)]))
    if not n_sim or n_sim == sum(map(len, lengths)):
        return Distance(None, None, None)
    points, code = np.unique(np.concatenate([np.array(row, dtype=np.int64) for row in lengths]), return_inverse=True)
    owner = np.repeat(np.arange(len(lengths)), [len(row) for row in lengths])
    counts = np.zeros((len(lengths), len(points)))
    np.add.at(counts, (owner, code.reshape(-1)), 1.0)
    label = np.arange(len(lengths)) < len(simulated)
    gap = _gaps(counts, label[None])[0]
    ks = float(np.abs(gap).max())
    energy = float(np.sqrt(2 * (gap[:-1] ** 2 * np.diff(points)).sum()))
    drawn = np.array([random.permutation(label) for _ in range(rounds)]).reshape(rounds, len(label))
    more = int((np.abs(_gaps(counts, drawn)).max(axis=1) >= ks - 1e-12).sum()) if rounds else 0
    return Distance(ks, energy, (more + 1) / (rounds + 1) if rounds else None)


def _gaps(counts: Floats, labels: Bools) -> Floats:
    """F - G at each length, for each row of labels (true = first sample); 0 where a side is empty."""
    one = labels @ counts
    two = counts.sum(axis=0) - one
    with np.errstate(all="ignore"):
        gap = np.cumsum(one, axis=1) / one.sum(axis=1)[:, None] - np.cumsum(two, axis=1) / two.sum(axis=1)[:, None]
    return np.asarray(np.nan_to_num(gap))
