"""Ratings of variants by dimension from games between them, and what they say of the judge."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np

from ...measures.agreement import cohen_kappa
from ...measures.codes import Floats, number
from ...measures.correlation import pairwise_accuracy
from ...measures.figure import Figure, FigureMaker, Scale
from ...measures.intervals import LEVEL, clustered_mean
from ...measures.ratings import CENTRE, Battles, battles, bradley_terry
from ...measures.verdict import Table
from .judge_figures import agreement_figure
from .multi_elo_answers import ADVANCED, CORRECT, INTERMEDIATE, MAJOR, MINOR, ONE_MINOR, SHORT, VARIANTS

SHUFFLES = 100
DRAWS = 200
"""Bootstrap samples of questions; each is rated as the mean of `_EACH` shuffles."""
_EACH = 10
FEWEST = 5
"""Questions under which there is no interval."""
SEVERITY = {CORRECT: 0, ADVANCED: 0, INTERMEDIATE: 0, ONE_MINOR: 1, MINOR: 3, MAJOR: 9}
"""Planted errors of fact, by weight (minor 1, major 3)."""
Rated: TypeAlias = Mapping[str, float]


def elo_shuffled(data: Battles, random: np.random.Generator, rounds: int = SHUFFLES, *, k: float = 32.0,
                 start: float = CENTRE, weights: Floats | None = None) -> Floats:  # fmt: skip
    """Elo ratings after all games in ``rounds`` random orders, shape (rounds, players): r_a += k (won - expected) and r_b -= the
    same, as `measures.ratings.elo`, all orders at once. ``weights``: how often each game is played in each round, shape
    (rounds, games), whole numbers; a game counts that many times its step, at one place in the order."""
    games = len(data.a)
    order = np.argsort(random.random((rounds, games)), axis=1)
    rating = np.full((rounds, len(data.players)), start)
    row = np.arange(rounds)
    for step in range(games):
        game = order[:, step]
        a, b = data.a[game], data.b[game]
        change = k * (data.won[game] - 1 / (1 + 10 ** ((rating[row, b] - rating[row, a]) / 400)))
        if weights is not None:
            change = change * weights[row, game]
        rating[row, a] += change
        rating[row, b] -= change
    return rating


class Elo(NamedTuple):
    """Mean Elo of each player over shuffles, and bootstrap draws of it (draws x players; none with few clusters)."""

    players: tuple[str, ...]
    rating: Floats
    draws: Floats | None
    clusters: int

    def interval(self, value: Callable[[Rated], float | None]) -> tuple[float | None, float | None]:
        """95 % percentiles of something computed from the ratings."""
        if self.draws is None:
            return None, None
        found = [v for row in self.draws if (v := value(dict(zip(self.players, row.tolist(), strict=True)))) is not None]
        low, high = np.quantile(found, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2]) if found else (np.nan, np.nan)
        return number(low), number(high)


def elo_rated(data: Battles, *, k: float = 32.0, seed: int = 0) -> Elo:
    """The mean over `SHUFFLES` orders; interval: questions drawn with replacement, each draw the mean of `_EACH` orders."""
    random = np.random.default_rng(seed)
    rating = elo_shuffled(data, random, k=k).mean(axis=0)
    cluster = np.arange(len(data.a)) if data.cluster is None else data.cluster
    clusters = int(cluster.max(initial=-1)) + 1
    draws = None
    if clusters >= FEWEST:
        times = random.multinomial(clusters, np.full(clusters, 1 / clusters), size=DRAWS).astype(np.float64)
        weights = np.repeat(times[:, cluster], _EACH, axis=0)
        draws = elo_shuffled(data, random, DRAWS * _EACH, k=k, weights=weights).reshape(DRAWS, _EACH, -1).mean(axis=1)
    return Elo(data.players, rating, draws, clusters)


# -- checks ---------------------------------------------------------------------------------------------------------------
def _gap(better: str, worse: str) -> Callable[[Rated], float | None]:
    return lambda r: r[better] - r[worse] if better in r and worse in r else None


def length_preference(rated: Rated) -> float | None:
    """The mean over variants of long minus short, as far as both are rated."""
    gaps = [rated[v] - rated[v + SHORT] for v in VARIANTS if v in rated and v + SHORT in rated]
    return sum(gaps) / len(gaps) if gaps else None


def _minus(a: Callable[[Rated], float | None], b: Callable[[Rated], float | None]) -> Callable[[Rated], float | None]:
    def difference(rated: Rated) -> float | None:
        one, two = a(rated), b(rated)
        return None if one is None or two is None else one - two

    return difference


error_sensitivity = _gap(CORRECT, MAJOR)
grammar_sensitivity = _gap(CORRECT, INTERMEDIATE)
CHECKS: Mapping[str, tuple[Callable[[Rated], float | None], str]] = {
    "error sensitivity": (error_sensitivity, "Correct - Several Major Factual Errors"),
    "length preference": (length_preference, "long - short, mean over variants"),
    "length effect on Correct": (_gap(CORRECT, CORRECT + SHORT), "Correct - Correct + Short"),
    "grammar sensitivity": (grammar_sensitivity, "Correct - Intermediate Learner"),
    "grammar over facts": (_minus(grammar_sensitivity, error_sensitivity), "positive = style over substance"),
    "length over facts": (_minus(length_preference, error_sensitivity), "positive = style over substance"),
}
"""Name -> what it is computed from, and a note; in points."""


def planted_order(rated: Rated) -> float | None:
    """Kendall's tau of ratings with the planted order of factual errors, over pairs of variants that differ in it: 1 = every
    lighter error is rated higher, -1 = lower."""
    names = [name for name in rated if name.removesuffix(SHORT) in SEVERITY]
    if len({SEVERITY[name.removesuffix(SHORT)] for name in names}) < 2:
        return None
    share = pairwise_accuracy([rated[n] for n in names], [-SEVERITY[n.removesuffix(SHORT)] for n in names]).value
    return None if share is None else 2 * share - 1


# -- figures --------------------------------------------------------------------------------------------------------------
class _Game(NamedTuple):
    judge: str
    order: str
    first: str
    second: str
    won: float
    cluster: str
    case: Hashable


def _games(table: Table) -> list[_Game]:
    found = []
    for i, item in enumerate(table.text("item")):
        judge, order, one, two = item.split("|", 3)
        case = (table.names["case"][table.codes["case"][i]], int(table.repeat[i]))
        cluster = table.names["cluster"][table.codes["cluster"][i]]
        found.append(_Game(judge, order, one, two, float(table.value[i]), cluster, case))
    return found


def games_figures(k: float, settings: Sequence[str]) -> FigureMaker:
    """Everything that the games of the first judge say, by setting and dimension, and how far two judges agree."""

    def figures(table: Table) -> Iterator[Figure]:
        taus: dict[str, float | None] = {}
        for setting in settings:
            rows = table.where(measure="game", setting=setting)
            for dimension in rows.present("group"):
                games = rows.where(group=dimension)
                lost = int((~games.measured).sum())
                played = _games(games.select(games.measured))
                mine = [g for g in played if g.judge == "1"]
                named = [g for g in mine if g.first and g.second and g.first != g.second]
                if named:
                    yield from _rated(named, setting, dimension, k, lost, taus)
                yield from _places(mine, setting, dimension)
                yield from _judges(played, setting, dimension)
        yield from _gain(taus)

    return figures


class _Rating(NamedTuple):
    """Where a figure comes from: what the figures of one dimension share."""

    setting: str
    clusters: int
    lost: int
    games: int

    def figure(self, measure: str, kind: str, value: float | None, ends: tuple[float | None, float | None], note: str, *,
               unit: str = "", group: str | None = None, n: int | None = None) -> Figure:  # fmt: skip
        return Figure(
            measure=measure, kind=kind, unit=unit, setting=self.setting, group=group, value=value, low=ends[0], high=ends[1],
            n_cases=self.clusters, n_scored=self.games if n is None else n, n_unmeasured=self.lost, note=note,
        )  # fmt: skip


def _rated(
    games: list[_Game], setting: str, dimension: str, k: float, lost: int, taus: dict[str, float | None]
) -> Iterator[Figure]:
    data = battles([(g.first, g.second, g.won) for g in games], [g.cluster for g in games])
    found, bt = elo_rated(data, k=k), bradley_terry(data)
    made = _Rating(setting, found.clusters, lost, len(games))
    for i in np.argsort(-found.rating).tolist():
        name, met = data.players[i], int(bt.battles[i])
        ends = found.interval(partial(_of, name))
        note = f"mean of {SHUFFLES} orders, K {k:g}"
        yield made.figure(f"Elo, {dimension}", "mean", float(found.rating[i]), ends, note, group=name, n=met)
        note = "Bradley-Terry" if np.isfinite(bt.rating[i]) else "no finite rating: never lost, or never won"
        ends = number(bt.low[i]), number(bt.high[i])
        yield made.figure(f"rating, {dimension}", "rating", number(bt.rating[i]), ends, note, group=name, n=met)
    rated = dict(zip(found.players, found.rating.tolist(), strict=True))
    for measure, (compute, note) in CHECKS.items():
        if (value := compute(rated)) is not None:
            yield made.figure(f"{measure}, {dimension}", "score", value, found.interval(compute), note, unit="points")
    if (tau := planted_order(rated)) is not None:
        taus[dimension] = tau
        note = "Kendall's tau with the planted errors of fact"
        yield made.figure(f"planted order, {dimension}", "score", tau, found.interval(planted_order), note)


def _of(name: str, rated: Rated) -> float:
    return rated[name]


def _places(games: list[_Game], setting: str, dimension: str) -> Iterator[Figure]:
    """What is shown first wins: its share of games that are no tie, less one half."""
    firsts = [(g.won, g.cluster) for g in games if g.won != 0.5]
    if firsts:
        e = clustered_mean([w - 0.5 for w, _ in firsts], [c for _, c in firsts], Scale(-0.5, 0.5))
        yield Figure(
            measure=f"order effect, {dimension}", kind="mean", setting=setting, value=e.value, low=e.low, high=e.high,
            n_cases=e.n_clusters, n_scored=e.n_values, note="0 = none; above 0 the first place is favoured",
        )  # fmt: skip


def _judges(games: list[_Game], setting: str, dimension: str) -> Iterator[Figure]:
    sides: list[dict[Hashable, float]] = [{}, {}]
    where: dict[Hashable, str] = {}
    for g in games:
        key = (g.case, g.order)
        sides[g.judge != "1"][key] = g.won
        where[key] = g.cluster
    shared = [key for key in sides[0] if key in sides[1]]
    if shared:
        found = cohen_kappa([sides[0][key] for key in shared], [sides[1][key] for key in shared], [where[key] for key in shared])
        yield agreement_figure(found, f"agreement of judges, {dimension}", setting, None, len(shared))


def _gain(taus: Mapping[str, float | None]) -> Iterator[Figure]:
    """What asking for accuracy alone brings: its tau with the planted order, less that of the single verdict."""
    one, two = taus.get("accuracy"), taus.get("overall")
    if one is not None and two is not None:
        yield Figure(
            measure="gain in planted order", kind="difference", unit="", setting="mers - plain", value=one - two,
            note="Kendall's tau with the planted errors, accuracy - overall",
        )  # fmt: skip
