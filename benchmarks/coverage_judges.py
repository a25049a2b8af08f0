"""Simulated judges with a known truth: agreement, calibration of confidence, ratings, corrected scores. Used by coverage.py.

Three items a case; items of a case are alike (correlation 0.3), and so are the judge's errors on them where that is possible.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
from coverage_runs import Array, Found, Simulate, difficulty, gathered
from scipy.special import ndtr

from multiturn.measures import agreement as ag
from multiturn.measures.calibration import aurc, brier, ece, wrong_at
from multiturn.measures.confusion import confusion
from multiturn.measures.corrected import Corrected, corrected_mean, ppi_mean, rogan_gladen
from multiturn.measures.figure import Scale
from multiturn.measures.ratings import Battles, bradley_terry, expected

EACH, LARGE = 3, 200_000
Labels = tuple[Array, Array, Array]  # truth, judge, case


# -- agreement on labels ----------------------------------------------------------------------------------------------
def labels(random: np.random.Generator, cases: int, *, shares: tuple[float, ...], skill: float) -> Labels:
    """Labels 0, 1, … of people and of a judge that sees the truth with a chance that differs by case, and else guesses."""
    k = len(shares)
    mix = random.dirichlet(np.array(shares) * 3, cases).cumsum(axis=1)  # each case has its own shares
    truth = np.minimum((random.random((cases, EACH, 1)) > mix[:, None]).sum(axis=2), k - 1)
    sees = random.random((cases, EACH)) < difficulty(random, skill, (cases, 1))
    said = np.where(sees, truth, random.choice(k, p=shares, size=(cases, EACH)))
    return truth.ravel(), said.ravel(), np.repeat(np.arange(cases), EACH)


@cache
def long_run(measure: Callable[..., object], shares: tuple[float, ...], skill: float) -> float:
    """The measure on very many cases (in few clusters: only the value is wanted): what it estimates."""
    truth, said, case = labels(np.random.default_rng(99), LARGE, shares=shares, skill=skill)
    return value_of(measure(truth, said, case // (LARGE // 5)))


def value_of(found: object) -> float:
    value = getattr(found, "value", None)
    return float("nan") if value is None else float(value)


def of_labels(random: np.random.Generator, cases: int, runs: int, *, measure: Callable[..., object],
              shares: tuple[float, ...] = (0.3, 0.3, 0.4), skill: float = 0.7) -> Found:  # fmt: skip
    rows = []
    for _ in range(min(runs, 1000)):
        found = measure(*labels(random, cases, shares=shares, skill=skill))
        rows.append((found.value, found.low, found.high))  # type: ignore[attr-defined]
    return gathered(rows, long_run(measure, shares, skill))


def exact(truth: Array, said: Array, case: Array | None = None) -> object:
    return ag.exact_agreement(truth.tolist(), said.tolist(), case)


def kappa(truth: Array, said: Array, case: Array | None = None) -> object:
    return ag.cohen_kappa(truth.tolist(), said.tolist(), case)


def quadratic(truth: Array, said: Array, case: Array | None = None) -> object:
    return ag.cohen_kappa(truth.tolist(), said.tolist(), case, weights="quadratic")


def fleiss(truth: Array, said: Array, case: Array | None = None) -> object:
    return ag.fleiss_kappa(np.column_stack([truth, said]).tolist(), case)


def alpha(truth: Array, said: Array, case: Array | None = None) -> object:
    return ag.krippendorff_alpha(np.column_stack([truth, said]).tolist(), "ordinal", case)


def ac1(truth: Array, said: Array, case: Array | None = None) -> object:
    return ag.gwet_ac(np.column_stack([truth, said]).tolist(), case)


def randolph(truth: Array, said: Array, case: Array | None = None) -> object:
    return ag.randolph_kappa(np.column_stack([truth, said]).tolist(), case)


def macro_f1(truth: Array, said: Array, case: Array | None = None) -> object:
    return confusion(truth.tolist(), said.tolist(), case).f1


def precision(truth: Array, said: Array, case: Array | None = None) -> object:
    return confusion(truth.tolist(), said.tolist(), case).precision


# -- agreement on numbers ---------------------------------------------------------------------------------------------
def of_numbers(random: np.random.Generator, cases: int, runs: int, *, measure: Callable[..., ag.Agreement], r: float,
               truth: float) -> Found:  # fmt: skip
    """Normal scores of people and judge with correlation ``r``, in cases and inside them."""
    slow = measure in (ag.kendall, ag.pairwise_accuracy) and cases == 400
    runs, rows = min(runs, 400 if slow else 1000), []
    case = np.repeat(np.arange(cases), EACH)
    for _ in range(runs):
        common, own = random.normal(size=(2, cases)), random.normal(size=(2, cases * EACH))
        x, y = np.sqrt(0.3) * common[:, case] + np.sqrt(0.7) * own
        found = measure(x, r * x + np.sqrt(1 - r**2) * y, case)
        rows.append((found.value, found.low, found.high))
    return gathered(rows, truth)


# -- ratings ----------------------------------------------------------------------------------------------------------
TRUE = np.array([900.0, 940.0, 980.0, 1020.0, 1060.0, 1100.0])


def rating(random: np.random.Generator, cases: int, runs: int, *, player: int) -> Found:
    """Six players, all pairs on every question, outcomes on one question correlated."""
    a, b = np.triu_indices(6, 1)
    win = expected(TRUE[a] - TRUE[b])
    rows = []
    for _ in range(min(runs, 1000)):
        mood = random.normal(size=(cases, 6))
        lean = np.sqrt(0.3) * (mood[:, a] - mood[:, b]) / np.sqrt(2) + np.sqrt(0.7) * random.normal(size=(cases, len(a)))
        won = (ndtr(lean) < win).astype(float).ravel()
        data = Battles(tuple("abcdef"), np.tile(a, cases), np.tile(b, cases), won, np.repeat(np.arange(cases), len(a)))
        found = bradley_terry(data)
        rows.append((found.rating[player], found.low[player], found.high[player]))
    return gathered(rows, TRUE[player])


# -- confidence -------------------------------------------------------------------------------------------------------
STATED, OFTEN = np.array([0.5, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0]), np.array([0.05, 0.1, 0.15, 0.2, 0.25, 0.15, 0.1])


def stated(random: np.random.Generator, cases: int, *, over: float) -> Labels:
    """Confidences a model would state, right ``over`` less often than it says; items of a case are right together."""
    confidence = random.choice(STATED, p=OFTEN, size=(cases, EACH))
    lean = np.sqrt(0.3) * random.normal(size=(cases, 1)) + np.sqrt(0.7) * random.normal(size=(cases, EACH))
    right = ndtr(lean) < np.clip(confidence - over, 0, 1)
    return confidence.ravel(), right.ravel().astype(float), np.repeat(np.arange(cases), EACH)


def of_confidence(random: np.random.Generator, cases: int, runs: int, *, measure: str, over: float) -> Found:
    wrong = 1 - np.clip(STATED - over, 0, 1)
    gap = np.abs(STATED - (1 - wrong))
    curve = np.cumsum((OFTEN * wrong)[::-1])
    sure = STATED >= 0.9
    make, truth = {
        "ece": (ece, float(OFTEN @ gap)),
        "debiased": (partial(ece, debiased=True), float(OFTEN @ gap)),
        "brier": (brier, float(OFTEN @ (wrong * STATED**2 + (1 - wrong) * (1 - STATED) ** 2))),
        "wrong": (lambda c, y, g: wrong_at(c, y, 0.9, g), float(OFTEN[sure] @ wrong[sure] / OFTEN[sure].sum())),
        "aurc": (aurc, area(curve, np.cumsum(OFTEN[::-1]), wrong[::-1])),
    }[measure]
    rows = []
    for _ in range(min(runs, 1000)):
        found = make(*stated(random, cases, over=over))
        rows.append((found.value, found.low, found.high))
    return gathered(rows, truth)


def area(errors: Array, covered: Array, wrong: Array) -> float:
    """Integral of (errors so far) / coverage: inside a tie both grow linearly."""
    total, e, c = 0.0, 0.0, 0.0
    for i, rate in enumerate(wrong):
        step = covered[i] - c
        total += rate * step + ((e - rate * c) * np.log(covered[i] / c) if c else 0.0)
        e, c = errors[i], covered[i]
    return float(total)


# -- corrected scores -------------------------------------------------------------------------------------------------
def answers(random: np.random.Generator, cases: int, accuracy: tuple[float, float], share: float) -> Labels:
    """What is right, and what a judge with this sensitivity and specificity says of it."""
    truth = random.random((cases, EACH)) < difficulty(random, share, (cases, 1))
    right = random.random((cases, EACH)) < np.where(truth, *accuracy)
    return truth.ravel(), np.where(right, truth, ~truth).ravel(), np.repeat(np.arange(cases), EACH)


def kept(rows: list[Corrected], truth: float) -> Found:
    return gathered([(r.value, r.low, r.high) for r in rows], truth)


def by_rates(random: np.random.Generator, cases: int, runs: int, *, accuracy: tuple[float, float], share: float = 0.7,
             labelled: int = 50) -> Found:  # fmt: skip
    """Rogan-Gladen: the judge's error rates from other cases with labels, half of whose answers are right."""
    rows = []
    for _ in range(runs):
        _, said, case = answers(random, cases, accuracy, share)
        truth, told, owner = answers(random, labelled, accuracy, 0.5)
        rows.append(rogan_gladen(said, truth, told, case, owner))
    return kept(rows, share)


def by_matrix(random: np.random.Generator, cases: int, runs: int, *, blur: float, labelled: int) -> Found:
    """Marks 1 to 5: the judge's mark is off by a step with chance falling as exp(-distance / blur)."""
    points = np.arange(5)
    chance = np.exp(-np.abs(np.subtract.outer(points, points)) / blur)
    upto = (chance / chance.sum(axis=1, keepdims=True)).cumsum(axis=1)
    shares = np.array([0.1, 0.15, 0.2, 0.3, 0.25])

    def marks(count: int, p: Array) -> Labels:
        mix = random.dirichlet(p * 4, count).cumsum(axis=1)
        truth = np.minimum((random.random((count, EACH, 1)) > mix[:, None]).sum(axis=2), 4).ravel()
        said = np.minimum((random.random((len(truth), 1)) > upto[truth]).sum(axis=1), 4)
        return truth + 1.0, said + 1.0, np.repeat(np.arange(count), EACH)

    rows = []
    for _ in range(min(runs, 1000)):
        _, said, case = marks(cases, shares)
        truth, told, owner = marks(labelled, np.full(5, 0.2))
        rows.append(corrected_mean(said, truth, told, (1, 2, 3, 4, 5), case, owner))
    return kept(rows, float(shares @ (points + 1)))


def by_labels(random: np.random.Generator, cases: int, runs: int, *, accuracy: tuple[float, float], share: float = 0.7,
              labelled: float = 0.25, tuned: bool = True) -> Found:  # fmt: skip
    """Prediction-powered: a share of the cases, at least 20, has labels."""
    rows = []
    for _ in range(runs):
        truth, said, case = answers(random, cases, accuracy, share)
        has = case < max(20, round(labelled * cases))
        rows.append(ppi_mean(said, np.where(has, truth, np.nan), case, tuned=tuned))
    return kept(rows, share)


def by_marks(random: np.random.Generator, cases: int, runs: int, *, off: float) -> Found:
    """Continuous marks; the judge's are noisy and ``off`` too high."""
    rows = []
    for _ in range(runs):
        truth = difficulty(random, 0.7, (cases,))
        said = np.clip(truth + off + 0.1 * random.normal(size=cases), 0, 1)
        rows.append(ppi_mean(said, np.where(np.arange(cases) < max(20, cases // 4), truth, np.nan), scale=Scale()))
    return kept(rows, 0.7)


def _tau(r: float) -> float:
    return float(2 / np.pi * np.arcsin(r))


RARE = (0.9, 0.1)
JUDGES: dict[str, list[tuple[str, Simulate]]] = {
    "Agreement": [
        ("exact agreement", partial(of_labels, measure=exact)),
        ("kappa, three labels", partial(of_labels, measure=kappa)),
        ("kappa, rare label (10 %)", partial(of_labels, measure=kappa, shares=RARE)),
        ("kappa, quadratic weights", partial(of_labels, measure=quadratic)),
        ("Fleiss' kappa", partial(of_labels, measure=fleiss)),
        ("Krippendorff's alpha, ordinal", partial(of_labels, measure=alpha)),
        ("Gwet's AC1, rare label", partial(of_labels, measure=ac1, shares=RARE)),
        ("Randolph's kappa", partial(of_labels, measure=randolph)),
        ("macro F1", partial(of_labels, measure=macro_f1)),
        ("macro F1, rare label", partial(of_labels, measure=macro_f1, shares=RARE)),
        ("macro precision", partial(of_labels, measure=precision)),
        ("Pearson, 0.6", partial(of_numbers, measure=ag.pearson, r=0.6, truth=0.6)),
        ("Spearman, 0.58", partial(of_numbers, measure=ag.spearman, r=0.6, truth=float(6 / np.pi * np.arcsin(0.3)))),
        ("Kendall's tau, 0.41", partial(of_numbers, measure=ag.kendall, r=0.6, truth=_tau(0.6))),
        ("Kendall's tau, 0.71", partial(of_numbers, measure=ag.kendall, r=0.9, truth=_tau(0.9))),
        ("pairwise accuracy, 0.70", partial(of_numbers, measure=ag.pairwise_accuracy, r=0.6, truth=0.5 + _tau(0.6) / 2)),
        ("rating, a middling player", partial(rating, player=2)),
        ("rating, the best player", partial(rating, player=5)),
    ],
    "Calibration of confidence": [
        *((f"{name}, {what}", partial(of_confidence, measure=m, over=over))
          for m, name in (("ece", "ECE"), ("brier", "Brier"), ("wrong", "wrong at 0.9"), ("aurc", "AURC"))
          for over, what in ((0.0, "calibrated"), (0.05, "5 points too sure"), (0.2, "20 points too sure"))),
    ],
}  # fmt: skip
CORRECTED: dict[str, list[tuple[str, Simulate]]] = {
    "Corrected scores": [
        *((f"Rogan-Gladen, judge right {100 * a:g} %", partial(by_rates, accuracy=(a, a))) for a in (0.6, 0.7, 0.8, 0.9, 0.95)),
        ("Rogan-Gladen, lenient judge (95 %, 65 %)", partial(by_rates, accuracy=(0.95, 0.65))),
        ("Rogan-Gladen, judge right 90 %, score 0.95", partial(by_rates, accuracy=(0.9, 0.9), share=0.95)),
        ("Rogan-Gladen, judge right 60 %, 200 labelled cases", partial(by_rates, accuracy=(0.6, 0.6), labelled=200)),
        ("five marks, sharp judge, 50 labelled cases", partial(by_matrix, blur=0.5, labelled=50)),
        ("five marks, blurred judge, 100 labelled cases", partial(by_matrix, blur=0.8, labelled=100)),
        *((f"prediction-powered, judge right {100 * a:g} %", partial(by_labels, accuracy=(a, a))) for a in (0.6, 0.8, 0.95)),
        ("prediction-powered, lenient judge (95 %, 65 %)", partial(by_labels, accuracy=(0.95, 0.65))),
        ("the same, not tuned", partial(by_labels, accuracy=(0.95, 0.65), tuned=False)),
        ("prediction-powered, judge right 90 %, score 0.95", partial(by_labels, accuracy=(0.9, 0.9), share=0.95)),
        ("prediction-powered, marks 0.1 too high", partial(by_marks, off=0.1)),
    ],
}  # fmt: skip
