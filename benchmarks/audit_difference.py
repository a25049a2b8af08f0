"""How often the interval of the difference with and without some conversations holds the truth (docs/auditing.md).

    python benchmarks/audit_difference.py [--runs 2000] [--cases 12 30 100 300] [--seed 1]

Cases of different difficulty (uniform), two repeats; in a share of the conversations the simulated user is at fault, either
anywhere or more often in hard cases, and then the assistant succeeds 0.6 times as often. The truth is the difference in 200,000
cases. Printed in per cent: how often the jackknife by case holds it (what `multiturn.engine.audit_figures` does), how often the
percentile bootstrap over cases does, and how often there is no interval. About three minutes.
"""

from __future__ import annotations

import argparse

import numpy as np

from multiturn.engine.audit_figures import BLOCKS
from multiturn.measures.agreement_parts import ends
from multiturn.measures.codes import Floats
from multiturn.measures.intervals import UNBOUNDED

ROUNDS = 400


def sums(cases: int, at_fault: float, hard: bool, random: np.random.Generator) -> Floats:
    """For each case: successes and conversations, of all and of those without a fault (4 columns)."""
    ease = random.random(cases)
    fault = random.random((cases, 2)) < (at_fault * 2 * (1 - ease) if hard else np.full(cases, at_fault))[:, None]
    right = random.random((cases, 2)) < ease[:, None] * np.where(fault, 0.6, 1.0)
    return np.stack([right.sum(1), np.full(cases, 2), (right & ~fault).sum(1), (~fault).sum(1)], axis=1).astype(np.float64)


def difference(totals: Floats) -> Floats:
    """Without the faults - all, from sums over cases (last axis: the four columns)."""
    with np.errstate(all="ignore"):
        return np.asarray(totals[..., 2] / totals[..., 3] - totals[..., 0] / totals[..., 1])


def one(of: Floats, random: np.random.Generator) -> tuple[tuple[float | None, float | None], tuple[float, float]]:
    """Both intervals of one sample."""
    cases, total = len(of), of.sum(axis=0)
    block = np.arange(cases) % min(BLOCKS, cases)
    left = difference(np.array([total - of[block == b].sum(axis=0) for b in range(int(block.max()) + 1)]))
    drawn = random.multinomial(cases, np.full(cases, 1 / cases), size=ROUNDS) @ of
    low, high = np.nanquantile(difference(drawn), [0.025, 0.975])
    return ends(float(difference(total)), left, UNBOUNDED), (float(low), float(high))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--cases", type=int, nargs="+", default=[12, 30, 100, 300])
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    random = np.random.default_rng(args.seed)
    print("cases  at fault  in hard cases  truth  jackknife  bootstrap  no interval")
    for cases in args.cases:
        for at_fault in (0.1, 0.4):
            for hard in (False, True):
                truth = float(difference(sums(200_000, at_fault, hard, random).sum(axis=0)))
                found = [one(sums(cases, at_fault, hard, random), random) for _ in range(args.runs)]
                known = [(a, b) for (a, b), _ in found if a is not None and b is not None]
                held = 100 * np.mean([a <= truth <= b for a, b in known])
                drawn = 100 * np.mean([a <= truth <= b for _, (a, b) in found])
                lost = 100 * (1 - len(known) / len(found))
                print(f"{cases:5}  {at_fault:8}  {hard!s:>13}  {truth:5.3f}  {held:9.1f}  {drawn:9.1f}  {lost:11.1f}")


if __name__ == "__main__":
    main()
