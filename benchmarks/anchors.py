"""How well a few chosen items tell the score on all: tinyBenchmarks' estimates beside as many items drawn at random.

    python benchmarks/anchors.py            10 seeds at four sharpnesses of the items: about 2 minutes
    python benchmarks/anchors.py 3          3 seeds

200 models with theta ~ N(0, I_2) answer 2,000 items, P = sigmoid(a.theta - b), a_d = s * lognormal(0, 0.5), b ~ N(0, (2 s)^2):
the larger s, the more the ability decides. 150 models choose 50 items; the other 50 are estimated. "floor": p-IRT with the true
parameters of the items, which no fit can be expected to beat by much. Coverage: share of the 50 inside the 95 % interval.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.special import expit
from scipy.stats import spearmanr

from multiturn.measures.anchors import p_irt
from multiturn.measures.irt import Items
from multiturn.measures.subset import choose, estimates, half_width, held_out_errors, random_error

MODELS, TRAIN, ITEMS, CHOSEN = 200, 150, 2000, 50
ORDER = ("IRT", "p-IRT", "gp-IRT")


def study(sharpness: float, seed: int) -> list[float]:
    random = np.random.default_rng(seed)
    theta = random.normal(size=(MODELS, 2))
    true = Items(np.exp(random.normal(0, 0.5, (ITEMS, 2))) * sharpness, random.normal(0, 2 * sharpness, ITEMS))
    y = (random.random((MODELS, ITEMS)) < expit(theta @ true.a.T - true.b)).astype(float)
    train, test = y[:TRAIN], y[TRAIN:]
    truth, weights, groups = test.mean(axis=1), np.ones(ITEMS), [""] * ITEMS
    subset = choose(train, weights, groups, CHOSEN, seed=seed)
    errors = held_out_errors(train, groups, subset, seed=seed)
    seen = test[:, subset.anchors.position]
    found = estimates(subset, seen)
    out = [np.abs(found[name] - truth).mean() for name in ORDER]
    out += [random_error(test, weights, CHOSEN, seed=seed), np.abs(p_irt(seen, subset.anchors, weights, true) - truth).mean()]
    out += [spearmanr(found["gp-IRT"], truth).statistic]
    widths = {name: half_width(errors[name]) or np.nan for name in ORDER}
    out += [(np.abs(found[name] - truth) <= widths[name]).mean() for name in ORDER] + [widths["gp-IRT"]]
    return [float(value) for value in out]


def main(seeds: int) -> None:
    print("| sharpness | IRT | p-IRT | gp-IRT | 50 at random | floor | rank correlation | coverage | half of the interval |")
    print("|---|---|---|---|---|---|---|---|---|")
    for sharpness in (1, 2, 4, 8):
        rows = np.array([study(sharpness, seed) for seed in range(seeds)])
        m = rows.mean(axis=0)
        errors, covered = " | ".join(f"{v:.4f}" for v in m[:5]), ", ".join(f"{100 * v:.1f}" for v in m[6:9])
        print(f"| {sharpness} | {errors} | {m[5]:.3f} | {covered} % | {m[9]:.3f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
