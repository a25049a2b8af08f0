"""Ratings from battles: Bradley-Terry by maximum likelihood, with intervals; Elo as it was.

Model (Bradley & Terry 1952, Biometrika 39:324): player i beats player j with probability 1 / (1 + exp(-(s_i - s_j))).
A tie is half a win for each, as in Chatbot Arena (Chiang et al. 2024, arXiv 2403.04132). Ratings are on Elo's scale,
    rating = 1000 + 400 / ln 10 * s,     mean 1000, or one anchor player at a given value.
The likelihood is a function of the counts of each pair alone, so that a fit does not depend on the order of battles, and
costs Newton steps on a players x players matrix however many battles there were.

Existence (Ford 1957, Am. Math. Monthly 64:28): the maximum is finite only among players each of whom is reached from
every other by a chain of wins (ties count). The largest such set is rated; the others have rating NaN.

Intervals:
 * sandwich (White 1982, Econometrica 50:1; clustered as Liang & Zeger 1986, Biometrika 73:13):
   V = H^- (G/(G-1) sum_g s_g s_g') H^-, with s_g the score of cluster g (a battle is its own cluster if none is named),
   and rating +- t sqrt(V_ii) with Student's t of G - 1 degrees of freedom. Without an anchor this is the interval of the
   distance to the mean of all players; with one, of the distance to the anchor, whose own interval has no width.
 * bootstrap: percentiles of refits with random weights. Bayesian (Rubin 1981, Annals of Statistics 9:130): each cluster
   weighs Exp(1), the same as Gamma(count) for each kind of battle; no resample is separable when the data are not.
   Classical: multinomial counts (clusters drawn with replacement); a resample without a finite maximum stays at the far end.
All rounds are fitted at once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import expit

from .codes import Bools, Floats, Ints, add_up, compact
from .intervals import LEVEL, t_quantile

POINTS = 400 / np.log(10)
"""Rating points of one unit of log odds."""
CENTRE = 1000.0
_CHUNK = 20_000_000  # numbers held in memory at once
_TOLERANCE = 1e-6  # of a strength: 2e-4 rating points
_CHEAP = 10  # steps with one curvature for all rounds


class Battles(NamedTuple):
    """Who met whom and who won: ``won`` is 1 where ``a`` won, 0 where ``b`` did, 0.5 for a tie. Players are positions in
    ``players``; ``cluster`` (codes from 0, or None) is what is drawn together, e.g. the question."""

    players: tuple[str, ...]
    a: Ints
    b: Ints
    won: Floats
    cluster: Ints | None = None


class Ratings(NamedTuple):
    """One row a player, in the order of ``players``. NaN where there is no finite rating (see the module's text)."""

    players: tuple[str, ...]
    rating: Floats
    low: Floats
    high: Floats
    se: Floats
    battles: Ints


class _Cells(NamedTuple):
    """Battles as counts: kinds of battle (pair and outcome), and the pairs they belong to."""

    i: Ints  # of each pair
    j: Ints
    pair: Ints  # of each cell
    won: Floats  # by i, of each cell
    times: Floats
    cell: Ints  # of each battle kept
    cluster: Ints | None


def battles(
    rows: Iterable[tuple[str, str, float]], clusters: Sequence[Hashable] | None = None, players: Sequence[str] | None = None
) -> Battles:
    """From (a, b, won by a) rows; players in order of first appearance unless given. Raises `ValueError` for a player who
    meets itself, an unknown player, or an outcome outside 0 to 1."""
    names: dict[str, int] = {name: i for i, name in enumerate(players or ())}
    a, b, won = [], [], []
    for first, second, outcome in rows:
        if first == second or not 0 <= outcome <= 1:
            raise ValueError(f"not a battle: {first!r} against {second!r}, outcome {outcome}")
        for name in (first, second):
            if players is not None and name not in names:
                raise ValueError(f"{name!r} is not among the players")
            names.setdefault(name, len(names))
        a.append(names[first])
        b.append(names[second])
        won.append(outcome)
    code: dict[Hashable, int] = {}
    groups = None if clusters is None else np.array([code.setdefault(c, len(code)) for c in clusters], dtype=np.int64)
    if groups is not None and len(groups) != len(a):
        raise ValueError(f"{len(groups)} clusters for {len(a)} battles")
    return Battles(
        tuple(names), np.array(a, dtype=np.int64), np.array(b, dtype=np.int64), np.array(won, dtype=np.float64), groups
    )


def bradley_terry(data: Battles, *, anchor: str | None = None, at: float = CENTRE, level: float = LEVEL) -> Ratings:
    """Maximum-likelihood ratings with sandwich intervals. ``anchor``: the player whose rating is set to ``at``."""
    n = len(data.players)
    rated = _rated(data)
    met = add_up(np.concatenate([data.a, data.b]), n).astype(np.int64)
    if rated.sum() < 2:
        nothing = np.full(n, np.nan)
        return Ratings(data.players, nothing, nothing, nothing, nothing, met)
    cells = _cells(data, rated)
    strength = _fit(cells, cells.times[None], n)[0]
    variance = _sandwich(cells, strength, n)
    rating, shift = _placed(strength[None], rated, data.players, anchor, at)
    variance = shift @ variance @ shift.T
    clusters = len(cells.cell) if cells.cluster is None else len(np.unique(cells.cluster))
    se = np.where(rated, POINTS * np.sqrt(np.maximum(np.diag(variance), 0.0)), np.nan)
    half = t_quantile(max(clusters - 1, 1), level) * se if clusters > 1 else np.full(n, np.nan)
    return Ratings(data.players, rating[0], rating[0] - half, rating[0] + half, se, met)


def bootstrap_ratings(
    data: Battles, random: np.random.Generator, rounds: int = 1000, *, kind: Literal["bayesian", "classical"] = "bayesian",
    anchor: str | None = None, at: float = CENTRE,
) -> Floats:  # fmt: skip
    """``rounds`` refitted ratings, shape (rounds, players): quantiles give intervals, ranks give ranks. See the module's text."""
    n, rated = len(data.players), _rated(data)
    if rated.sum() < 2:
        return np.full((rounds, n), np.nan)
    cells = _cells(data, rated)
    start = _fit(cells, cells.times[None], n)
    counts = _resampled(cells, random, rounds, kind)
    return _placed(_fit(cells, counts, n, start), rated, data.players, anchor, at)[0]


def expected(difference: Floats | float) -> Floats | float:
    """Probability that a player rated ``difference`` points higher wins: 1 / (1 + 10^(-difference / 400))."""
    return expit(np.asarray(difference) / POINTS)  # type: ignore[no-any-return]


def elo(data: Battles, k: float = 4.0, start: float = CENTRE) -> Floats:
    """Online Elo ratings after all battles, in their order: r_a += k (won - expected), r_b -= the same (Elo 1978).

    Legacy, for comparison with published Elo columns: it depends on the order of battles and has no interval; use
    `bradley_terry`. The sum of all ratings is kept.
    """
    ratings = [start] * len(data.players)
    for a, b, won in zip(data.a.tolist(), data.b.tolist(), data.won.tolist(), strict=True):
        change = k * (won - 1 / (1 + 10 ** ((ratings[b] - ratings[a]) / 400)))
        ratings[a] += change
        ratings[b] -= change
    return np.array(ratings)


# -- counts -----------------------------------------------------------------------------------------------------------
def _rated(data: Battles) -> Bools:
    """The largest set of players each reached from each other by chains of wins; the first of equals."""
    n = len(data.players)
    beat = np.eye(n, dtype=bool)
    beat[data.a[data.won > 0], data.b[data.won > 0]] = True
    beat[data.b[data.won < 1], data.a[data.won < 1]] = True
    for _ in range(max(n - 1, 1).bit_length()):
        step = beat.astype(np.float32)
        beat = (step @ step) > 0
    both = beat & beat.T
    return np.asarray(both[int(np.argmax(both.sum(axis=1)))]) if n else np.zeros(0, dtype=bool)


def _cells(data: Battles, rated: Bools) -> _Cells:
    keep = rated[data.a] & rated[data.b]
    a, b, won = data.a[keep], data.b[keep], data.won[keep]
    n = len(data.players)
    won = np.where(a < b, won, 1 - won)
    outcomes, outcome = np.unique(won, return_inverse=True)
    pair_key, pair = compact(np.minimum(a, b) * n + np.maximum(a, b), n * n)
    key, cell = compact(pair * len(outcomes) + outcome.reshape(-1), len(pair_key) * len(outcomes))
    cluster = None if data.cluster is None else compact(data.cluster[keep], int(data.cluster.max(initial=0)) + 1)[1]
    return _Cells(
        pair_key // n, pair_key % n, key // len(outcomes), outcomes[key % len(outcomes)], add_up(cell, len(key)), cell, cluster
    )


def _resampled(cells: _Cells, random: np.random.Generator, rounds: int, kind: str) -> Floats:
    """Weights of each cell in each round, shape (rounds, cells)."""
    total = int(cells.times.sum())
    if cells.cluster is None:
        if kind == "classical":
            return random.multinomial(total, cells.times / total, size=rounds).astype(np.float64)
        return random.standard_gamma(cells.times, size=(rounds, len(cells.times)))
    clusters = int(cells.cluster.max(initial=0)) + 1
    counts = np.zeros((rounds, len(cells.times)))
    weigh = random.standard_exponential if kind == "bayesian" else None
    drawn = weigh((rounds, clusters)) if weigh else random.multinomial(clusters, np.full(clusters, 1 / clusters), size=rounds)
    step = max(1, _CHUNK // max(len(cells.times), rounds))
    for low in range(0, clusters, step):
        high = min(low + step, clusters)
        mine = (cells.cluster >= low) & (cells.cluster < high)
        key = (cells.cluster[mine] - low) * len(cells.times) + cells.cell[mine]
        counts += drawn[:, low:high] @ add_up(key, (high - low) * len(cells.times)).reshape(high - low, -1)
    return counts


# -- fitting ----------------------------------------------------------------------------------------------------------
def _fit(cells: _Cells, counts: Floats, n: int, start: Floats | None = None) -> Floats:
    """Strengths of each round with mean 0, shape (rounds, n); 0 for players without battles.

    With a ``start`` near the answer, the curvature there serves all rounds; those that do not converge fast get Newton
    steps of their own.
    """
    pairs, rounds = len(cells.i), len(counts)
    first = np.searchsorted(cells.pair, np.arange(pairs))  # the cells of a pair stand together
    met = np.add.reduceat(counts, first, axis=1)
    design = np.zeros((pairs, n))
    design[np.arange(pairs), cells.i], design[np.arange(pairs), cells.j] = 1.0, -1.0
    wins = np.add.reduceat(counts * cells.won, first, axis=1) @ design
    strength = np.zeros((rounds, n)) if start is None else np.repeat(start, rounds, axis=0)
    left = np.arange(rounds)
    if start is not None:
        p = expit(start[0, cells.i] - start[0, cells.j])
        inverse = np.linalg.inv(_curvature(met.mean(axis=0)[None] * p * (1 - p), cells, n)[0])
        for _ in range(_CHEAP):
            # A round far from the start may run away here: it is done again below.
            step = (wins - (met * expit(strength @ design.T)) @ design) @ inverse
            strength += step
            size = np.abs(step).max(axis=1)
            if size.max() < _TOLERANCE:
                break
        left = np.flatnonzero(~(size < _TOLERANCE))
        strength[left] = start
    for _ in range(30):
        if not len(left):
            break
        p = expit(strength[left][:, cells.i] - strength[left][:, cells.j])
        slope = wins[left] - (met[left] * p) @ design
        step = np.linalg.solve(_curvature(met[left] * p * (1 - p), cells, n), slope[..., None])[..., 0]
        strength[left] += np.clip(step, -2.0, 2.0)
        left = left[np.abs(step).max(axis=1) >= _TOLERANCE]
    return np.asarray(strength - strength.mean(axis=1, keepdims=True))


def _curvature(weight: Floats, cells: _Cells, n: int) -> Floats:
    """-Hessian of each round plus a constant matrix that fixes the mean: invertible. ``weight``: met * p * (1 - p)."""
    out = np.zeros((len(weight), n, n))
    out[:, cells.i, cells.j] = out[:, cells.j, cells.i] = -weight
    diagonal = np.arange(n)
    out[:, diagonal, diagonal] = -out.sum(axis=2)
    # Players without battles, or whose battles have all become certain, need something on the diagonal.
    out[:, diagonal, diagonal] += 1e-9
    scale = np.maximum(weight.mean(axis=1), 1e-9)
    return np.asarray(out + scale[:, None, None] / n)


def _sandwich(cells: _Cells, strength: Floats, n: int) -> Floats:
    i, j = cells.i[cells.pair], cells.j[cells.pair]
    p = expit(strength[i] - strength[j])
    residual = cells.won - p
    met = add_up(cells.pair, len(cells.i), cells.times)
    p_pair = expit(strength[cells.i] - strength[cells.j])
    bread = np.linalg.inv(_curvature((met * p_pair * (1 - p_pair))[None], cells, n)[0])
    if cells.cluster is None:
        groups, meat = len(cells.cell), np.zeros((n, n))
        squares = cells.times * residual**2
        for row, column, sign in ((i, i, 1), (j, j, 1), (i, j, -1), (j, i, -1)):
            np.add.at(meat, (row, column), sign * squares)
    else:
        groups = int(cells.cluster.max()) + 1
        score = np.zeros((groups, n))
        np.add.at(score, (cells.cluster, i[cells.cell]), residual[cells.cell])
        np.add.at(score, (cells.cluster, j[cells.cell]), -residual[cells.cell])
        meat = score.T @ score
    found = bread @ (meat * groups / max(groups - 1, 1)) @ bread
    centre = np.eye(n) - 1 / n
    return np.asarray(centre @ found @ centre)


def _placed(strength: Floats, rated: Bools, players: tuple[str, ...], anchor: str | None, at: float) -> tuple[Floats, Floats]:
    """Strengths as ratings (NaN for players that are not rated), and the matrix that takes strengths to distances from what
    stays fixed: the mean of the rated players, or the anchor."""
    n = len(players)
    fixed = np.where(rated, 1 / rated.sum(), 0.0)
    if anchor is not None:
        if anchor not in players or not rated[players.index(anchor)]:
            raise ValueError(f"the anchor {anchor!r} has no finite rating")
        fixed = np.eye(n)[players.index(anchor)]
    shift = np.eye(n) - fixed[None, :]
    return np.where(rated, at + POINTS * (strength @ shift.T), np.nan), shift
