"""Simulated runs with a known truth: means, turns, differences, survival, repeats. Used by coverage.py.

Cases differ in difficulty: the chance of a case to be right is a draw from a beta distribution with correlation ``within``
between two turns of a case (0.3 unless named). Each has eight turns, unless named.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy.special import betaln, ndtr, ndtri

from multiturn.measures.exact import significance
from multiturn.measures.figure import FRACTION, Scale
from multiturn.measures.figures import multi_turn_cost
from multiturn.measures.intervals import Totals, means
from multiturn.measures.paired import Pairs, differences
from multiturn.measures.reliability import aptitude, pass_all, pass_at
from multiturn.measures.survival import survive
from multiturn.measures.variance import Plays, components
from multiturn.measures.verdict import Table
from multiturn.systems.game.in_place_figures import ratio
from multiturn.systems.judge.judge_figures import macro

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
TURNS, WITHIN = 8, 0.3


class Found(NamedTuple):
    """One entry a simulated data set; ``low`` NaN = no interval."""

    value: Array
    low: Array
    high: Array
    truth: Array | float


Simulate: TypeAlias = Callable[[np.random.Generator, int, int], Found]


def gathered(rows: list[tuple[float | None, float | None, float | None]], truth: Array | float) -> Found:
    value, low, high = np.array([[np.nan if v is None else v for v in row] for row in rows], dtype=np.float64).T
    return Found(value, np.where(np.isnan(value), np.nan, low), high, truth)


def difficulty(random: np.random.Generator, mean: float, shape: tuple[int, ...], within: float = WITHIN) -> Array:
    weight = 1 / within - 1
    return random.beta(mean * weight, (1 - mean) * weight, size=shape)


def clustered(sums: Array, counts: Array | float, truth: float, scale: Scale = FRACTION, *, wilson: bool = True) -> Found:
    """All data sets at once: ``sums`` has a row a data set and a column a case."""
    runs, cases = sums.shape
    counts = np.broadcast_to(np.asarray(counts, dtype=np.float64), sums.shape)
    has = counts.ravel() > 0
    row, case = np.divmod(np.flatnonzero(has), cases)
    found = means(Totals(row, case, sums.ravel()[has], counts.ravel()[has]), runs, scale, wilson=wilson)
    return Found(found.value, found.low, found.high, truth)


# -- means ------------------------------------------------------------------------------------------------------------
def turns(random: np.random.Generator, cases: int, runs: int, *, mean: float, within: float = WITHIN) -> Found:
    return clustered(random.binomial(TURNS, difficulty(random, mean, (runs, cases), within)).astype(float), TURNS, mean)


def single(random: np.random.Generator, cases: int, runs: int, *, mean: float) -> Found:
    return clustered((random.random((runs, cases)) < mean).astype(float), 1, mean)


def uneven(random: np.random.Generator, cases: int, runs: int, *, mean: float) -> Found:
    """Conversations of 1 to 20 turns."""
    length = random.integers(1, 21, (runs, cases))
    return clustered(random.binomial(length, difficulty(random, mean, (runs, cases))).astype(float), length, mean)


def last_turn(random: np.random.Generator, cases: int, runs: int, *, mean: float) -> Found:
    """A turn that 60 % of the conversations reach."""
    there = (random.random((runs, cases)) < 0.6).astype(float)
    return clustered((random.random((runs, cases)) < mean) * there, there, mean)


def continuous(random: np.random.Generator, cases: int, runs: int, *, mean: float, within: float = WITHIN) -> Found:
    return clustered(difficulty(random, mean, (runs, cases), within), 1, mean)


def uniform(random: np.random.Generator, cases: int, runs: int, *, low: float, high: float) -> Found:
    return clustered(random.uniform(low, high, (runs, cases)), 1, (low + high) / 2)


def marks(random: np.random.Generator, cases: int, runs: int, *, shares: tuple[float, ...]) -> Found:
    """A judge's marks, 1 to 5, one a case."""
    drawn = random.choice(np.arange(1.0, 6), p=shares, size=(runs, cases))
    return clustered(drawn, 1, float(np.arange(1, 6) @ np.array(shares)), Scale(1, 5, "points", 5))


def rare(random: np.random.Generator, cases: int, runs: int) -> Found:
    """Marks between 0.95 and 1, but for 3 % anywhere on the scale."""
    usual = random.uniform(0.95, 1, (runs, cases))
    drawn = np.where(random.random((runs, cases)) < 0.03, random.random((runs, cases)), usual)
    return clustered(drawn, 1, 0.97 * 0.975 + 0.03 * 0.5)


def subsets(random: np.random.Generator, cases: int, runs: int) -> Found:
    """The mean of the means of three subsets, of 20, 30 and 50 % of the cases and of unlike difficulty."""
    sizes = [cases // 5, cases * 3 // 10, cases - cases // 5 - cases * 3 // 10]
    group = np.repeat([0, 1, 2], sizes)
    level = np.array([0.6, 0.8, 0.95])
    names = {"case": tuple(map(str, range(cases))), "group": ("a", "b", "c"), "measure": ("m",)}
    figure = macro("m", ("a", "b", "c"), "all")
    rows = []
    for _ in range(runs):
        right = random.random((cases, TURNS)) < difficulty(random, level[group], (cases,))[:, None]  # type: ignore[arg-type]
        case = np.repeat(np.arange(cases), TURNS)
        found = next(iter(figure(table({"case": case, "cluster": case, "group": group[case]}, names, right.ravel()))))
        rows.append((found.value, found.low, found.high))
    return gathered(rows, float(level.mean()))


def table(codes: dict[str, Array], names: dict[str, tuple[str, ...]], value: Array, turn: Array | None = None,
          repeat: Array | None = None) -> Table:  # fmt: skip
    """A table of verdicts from codes, all measured; columns not given hold one empty name."""
    n = len(value)
    names = {"cluster": names["case"], **names}
    full = {field: np.asarray(codes.get(field, np.zeros(n)), dtype=np.int64) for field in Table.TEXT}
    zero = np.zeros(n, dtype=np.int64)
    return Table(full, {field: names.get(field, ("",)) for field in Table.TEXT}, zero if repeat is None else repeat,
                 zero if turn is None else turn, np.asarray(value, dtype=np.float64), zero)  # fmt: skip


# -- differences ------------------------------------------------------------------------------------------------------
def twice(random: np.random.Generator, cases: int, runs: int, first: float, second: float) -> tuple[Array, Array]:
    """Two settings on the same cases: right turns of each, correlated 0.5 inside a case on the normal scale."""
    shared = random.normal(size=(runs, cases, 1))
    a, b = (random.random((runs, cases, TURNS)) < ndtr(np.sqrt(2) * ndtri(p) + shared) for p in (first, second))
    return a.sum(axis=2).astype(float), b.sum(axis=2).astype(float)


def difference(random: np.random.Generator, cases: int, runs: int, *, first: float, second: float) -> Found:
    a, b = twice(random, cases, runs, first, second)
    return clustered(a - b, TURNS, first - second, Scale(low=-1, high=1), wilson=False)


def marks_apart(random: np.random.Generator, cases: int, runs: int, *, mean: float, drop: float) -> Found:
    """Continuous marks of two settings: the second loses ``drop`` on average, by a share of each case's own mark."""
    a = difficulty(random, mean, (runs, cases))
    b = a * (1 - difficulty(random, drop, (runs, cases)))
    return clustered(a - b, 1, mean * drop, Scale(low=-1, high=1), wilson=False)


def effect(random: np.random.Generator, cases: int, runs: int, *, drop: float) -> Found:
    """Hedges' g of one question a case."""
    names = {"case": tuple(map(str, range(cases))), "setting": ("multi", "single"), "measure": ("m",)}
    figures = multi_turn_cost("m", Scale(low=-np.inf, high=np.inf, unit="points", passing=0))
    case, runs = np.tile(np.arange(cases), 2), min(runs, 1000)
    codes = {"case": case, "cluster": case, "setting": np.repeat([0, 1], cases)}
    rows = []
    for _ in range(runs):
        base = random.normal(size=cases)
        value = np.concatenate([base + random.normal(size=cases) - drop, base + random.normal(size=cases)])
        found = next(f for f in figures(table(codes, names, value)) if f.kind == "effect")
        rows.append((found.value, found.low, found.high))
    return gathered(rows, -drop / np.sqrt(2))


NOTHING = (
    ("mean 0.5, correlation 0.6 inside a case", 0.5, 0.6, TURNS), ("mean 0.8, correlation 0.6", 0.8, 0.6, TURNS),
    ("mean 0.95, correlation 0.3", 0.95, 0.3, TURNS), ("one turn a case, mean 0.7", 0.7, 0.5, 1),
    ("continuous, mean 0.8, correlation 0.6", 0.8, -0.6, TURNS),
)  # fmt: skip
"""Name, mean, correlation inside a case (negative: continuous), turns."""


def false_positives(job: tuple[int, int, int, int]) -> tuple[float, float]:
    """How often a paired difference has p < 0.05 where there is none, with strong correlation inside a case: by the t test of
    `paired`, and by the test that ``multiturn compare`` takes by default (McNemar's or sign flips)."""
    situation, cases, runs, seed = job
    _, mean, within, turns = NOTHING[situation]
    random = np.random.default_rng([seed, situation, cases])
    hits = np.zeros(2)
    for start in range(0, runs, 250):
        sides = []
        for _ in range(2):  # each setting draws the case anew: a case's turns move together, the settings do not
            chance = difficulty(random, mean, (min(250, runs - start), cases, 1), abs(within)) * np.ones((1, 1, turns))
            noise = random.random(chance.shape)
            sides.append(chance * 0.8 + 0.2 * noise if within < 0 else (noise < chance).astype(float))
        hits += tested(sides[0] - sides[1], random, binary=turns == 1)
    return hits[0] / runs, hits[1] / runs


def tested(apart: Array, random: np.random.Generator, *, binary: bool) -> Array:
    """How many of the data sets (first axis) the t test and the exact test call different."""
    many, cases, turns = apart.shape
    run, case = np.divmod(np.arange(many * cases * turns) // turns, cases)
    flat = apart.ravel()
    p = [d.p for d in differences(Pairs(case, np.zeros_like(case), flat, flat, flat, np.zeros(len(flat), dtype=bool)), run, many)]
    found = [significance(x.ravel(), case[: cases * turns], random, binary=binary, t=None).p for x in apart]
    return np.array([sum(q is not None and q < 0.05 for q in side) for side in (p, found)], dtype=np.float64)


# -- conversations and repeats ----------------------------------------------------------------------------------------
def moment(mean: float, power: int, within: float = WITHIN) -> float:
    """E p^power of the difficulty."""
    a, b = mean * (1 / within - 1), (1 - mean) * (1 / within - 1)
    return float(np.exp(betaln(a + power, b) - betaln(a, b)))


def lasting(random: np.random.Generator, cases: int, runs: int, *, mean: float, at: int) -> Found:
    """Survival to turn ``at`` (0: turns before the first failure), two repeats a case, one conversation in five cut short."""
    runs = min(runs, 1000)
    names = {"case": tuple(map(str, range(cases))), "measure": ("m",)}
    grid = np.indices((cases, 2, TURNS)).reshape(3, -1)
    rows, truth = [], []
    for _ in range(runs):
        chance = difficulty(random, mean, (cases, 1, 1))
        right = random.random((cases, 2, TURNS)) < chance
        length = np.where(random.random((cases, 2)) < 0.2, random.integers(2, TURNS, (cases, 2)), TURNS)
        keep = (np.arange(TURNS) < length[..., None]).ravel()
        case, repeat, turn = grid[:, keep]
        found = survive(table({"case": case, "cluster": case}, names, right.ravel()[keep], turn + 1, repeat), 1.0)
        if found is None or (at and at not in found.turn):
            rows.append((None, None, None))
            truth.append(np.nan)
        elif at:
            i = int(np.searchsorted(found.turn, at))
            rows.append((found.value[i], found.low[i], found.high[i]))
            truth.append(moment(mean, at))
        else:
            rows.append((found.mean, found.mean_low, found.mean_high))
            truth.append(sum(moment(mean, t) for t in range(1, found.horizon + 1)))
    return gathered(rows, np.array(truth))


def repeats(random: np.random.Generator, cases: int, runs: int, *, mean: float, spread: bool, times: int = 5) -> Found:
    """Aptitude (90th percentile) or unreliability (90th - 10th) of five repeats of eight turns."""

    def of_cases(count: int) -> Array:
        score = random.binomial(TURNS, difficulty(random, mean, (count, 1)) * np.ones((1, times))) / TURNS
        return aptitude(score.ravel(), np.repeat(np.arange(count), times), count)[int(spread)]

    truth = float(of_cases(1_000_000).mean())
    return clustered(of_cases(runs * cases).reshape(runs, cases), 1, truth)


def passes(random: np.random.Generator, cases: int, runs: int, *, mean: float, k: int, every: bool) -> Found:
    """pass@k or pass^k from eight repeats."""
    right = random.binomial(8, difficulty(random, mean, (runs * cases,))).astype(float)
    eight = np.full(len(right), 8.0)
    value = pass_all(eight, right, k) if every else pass_at(eight, right, k)
    truth = moment(mean, k) if every else 1 - moment(1 - mean, k)
    return clustered(value.reshape(runs, cases), 1, truth)


def components_of(random: np.random.Generator, cases: int, runs: int, *, name: str, skewed: bool = False) -> Found:
    """A variance component: cases with standard deviation 1, four plays each (1), each judged twice (0.5)."""
    case = np.repeat(np.arange(cases), 8)
    play, talk = np.arange(cases * 8) // 2, np.arange(cases * 8) // 2
    rows = []
    for _ in range(min(runs, 300)):
        of_case = random.standard_exponential(cases) if skewed else random.normal(size=cases)
        value = of_case[case] + random.normal(size=cases * 4)[play] + 0.5 * random.normal(size=cases * 8)
        found = components(Plays(value, case, np.zeros_like(case), play, talk)).parts[name]
        rows.append((found.value, found.low, found.high))
    return gathered(rows, {"case": 1.0, "repeat": 1.0, "judge": 0.25}[name])


def relative(random: np.random.Generator, cases: int, runs: int, *, first: float, second: float) -> Found:
    """One setting's total over another's, with the percentile bootstrap over cases."""
    names = {"case": tuple(map(str, range(cases))), "setting": ("a", "b"), "measure": ("m",)}
    case = np.tile(np.arange(cases), 2)
    codes = {"case": case, "cluster": case, "setting": np.repeat([0, 1], cases)}
    figure = ratio("m", "a", "b")
    rows = []
    for _ in range(min(runs, 400)):
        a, b = twice(random, cases, 1, first, second)
        found = next(iter(figure(table(codes, names, np.concatenate([a[0], b[0]])))))
        rows.append((found.value, found.low, found.high))
    return gathered(rows, first / second)


TOP, MIDDLE = (0.002, 0.003, 0.005, 0.02, 0.97), (0.05, 0.1, 0.2, 0.35, 0.3)
RUNS: dict[str, list[tuple[str, Simulate]]] = {
    "Means, binary": [
        *((f"eight turns, mean {m:g}", partial(turns, mean=m)) for m in (0.5, 0.9, 0.97, 0.99)),
        ("eight turns, mean 0.9, correlation 0.6 inside a case", partial(turns, mean=0.9, within=0.6)),
        ("1 to 20 turns, mean 0.9", partial(uneven, mean=0.9)),
        *((f"one turn a case, mean {m:g}", partial(single, mean=m)) for m in (0.5, 0.9, 0.97)),
        ("turn 8, reached by 60 %, mean 0.9", partial(last_turn, mean=0.9)),
        ("mean of three subsets' means", subsets),
    ],
    "Means, bounded": [
        *((f"continuous, mean {m:g}", partial(continuous, mean=m)) for m in (0.5, 0.9, 0.97, 0.99)),
        *((f"continuous, mean {m:g}, half at the ends", partial(continuous, mean=m, within=0.6)) for m in (0.9, 0.97, 0.99)),
        ("between 0.4 and 0.6", partial(uniform, low=0.4, high=0.6)),
        ("between 0.96 and 1", partial(uniform, low=0.96, high=1.0)),
        ("marks 1 to 5, mean 3.75", partial(marks, shares=MIDDLE)),
        ("marks 1 to 5, 97 % top", partial(marks, shares=TOP)),
        ("between 0.95 and 1, 3 % anywhere", rare),
    ],
    "Paired differences": [
        *((f"eight turns, {a:g} against {b:g}", partial(difference, first=a, second=b))
          for a, b in ((0.5, 0.5), (0.6, 0.8), (0.95, 0.95), (0.9, 0.98))),
        ("continuous, 0.9 against 0.72", partial(marks_apart, mean=0.9, drop=0.2)),
        ("continuous, 0.97 against 0.94", partial(marks_apart, mean=0.97, drop=0.03)),
        ("effect size g = -0.35", partial(effect, drop=0.5)),
    ],
    "Whole conversations and repeats": [
        *((f"survival to turn {t}, {m:g} right", partial(lasting, mean=m, at=t)) for m in (0.8, 0.97) for t in (2, 8)),
        *((f"turns before first failure, {m:g} right", partial(lasting, mean=m, at=0)) for m in (0.8, 0.97)),
        *((f"aptitude, mean {m:g}", partial(repeats, mean=m, spread=False)) for m in (0.6, 0.9)),
        *((f"unreliability (and reliability), mean {m:g}", partial(repeats, mean=m, spread=True)) for m in (0.6, 0.9)),
        *((f"pass@{k}, {m:g} right", partial(passes, mean=m, k=k, every=False)) for m, k in ((0.3, 4), (0.7, 4))),
        *((f"pass^{k}, {m:g} right", partial(passes, mean=m, k=k, every=True)) for m, k in ((0.5, 8), (0.9, 4))),
        *((f"variance between {name}", partial(components_of, name=part))
          for part, name in (("case", "cases"), ("repeat", "plays of a case"), ("judge", "judgements of a play"))),
        ("variance between cases, skewed", partial(components_of, name="case", skewed=True)),
        ("ratio of totals, 0.6 to 0.8 (bootstrap)", partial(relative, first=0.6, second=0.8)),
    ],
}  # fmt: skip
