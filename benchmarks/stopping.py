"""How `run --until` behaves: how often its interval holds the truth, and the cases it takes, beside an ordinary interval.

Run by hand; its table stands in docs/planning.md:  python benchmarks/stopping.py
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from multiturn.engine.until import look_sizes
from multiturn.measures.codes import Floats
from multiturn.measures.intervals import clustered_mean
from multiturn.measures.sequential import CAP, sequence, stakes

RUNS, MOST = 1000, 4000
Draw = Callable[[np.random.Generator], Floats]

WORLDS: list[tuple[str, Draw, float, float]] = [
    ("pass or fail, 50 %", lambda r: (r.random(MOST) < 0.5).astype(float), 0.5, 0.05),
    ("pass or fail, 90 %", lambda r: (r.random(MOST) < 0.9).astype(float), 0.9, 0.05),
    ("pass or fail, 98 %", lambda r: (r.random(MOST) < 0.98).astype(float), 0.98, 0.02),
    ("pass or fail, 2 %", lambda r: (r.random(MOST) < 0.02).astype(float), 0.02, 0.05),
    ("eight turns a case, 50 %", lambda r: r.binomial(8, r.beta(1, 1, MOST)) / 8, 0.5, 0.05),
    ("eight turns a case, 90 %", lambda r: r.binomial(8, r.beta(2.7, 0.3, MOST)) / 8, 0.9, 0.05),
    ("eight turns a case, 98 %", lambda r: r.binomial(8, r.beta(1.96, 0.04, MOST)) / 8, 0.98, 0.02),
    ("continuous, 99 %", lambda r: r.beta(0.99, 0.01, MOST), 0.99, 0.02),
]


def stop(x: Floats, truth: float, width: float) -> tuple[bool, int]:
    """Whether the interval at the stop holds the truth, and after how many cases that was."""
    for n in look_sizes(MOST):
        found = sequence(x[:n], width)
        if found.low is not None and found.high is not None and found.half_width <= width:
            return found.low <= truth <= found.high, n
    return False, MOST


def always(x: Floats, truth: float, width: float) -> bool:
    """Whether no look ever rules the truth out."""
    stake, goal = stakes(x, width), math.log(2 / 0.05)
    more = np.cumsum(np.log1p(np.minimum(stake, CAP / truth) * (x - truth)))
    less = np.cumsum(np.log1p(-np.minimum(stake, CAP / (1 - truth)) * (x - truth)))
    return bool(more.max() < goal and less.max() < goal)


def ordinary(x: Floats, truth: float, width: float) -> tuple[bool, bool]:
    """The same of the intervals that reports print: at the first look where they are narrow enough, and at every look."""
    at_stop, ever = None, False
    for n in look_sizes(MOST):
        found = clustered_mean(x[:n], np.arange(n))
        if found.low is None or found.high is None:
            continue
        inside = found.low <= truth <= found.high
        ever |= not inside
        if at_stop is None and (found.high - found.low) / 2 <= width:
            at_stop = inside
    return bool(at_stop), not ever


def main() -> None:
    print("| cases | wanted | at the stop | at every look | cases | ordinary: at the stop | at every look | cases if fixed |")
    print("|---|---|---|---|---|---|---|---|")
    for name, draw, truth, width in WORLDS:
        random = np.random.default_rng(0)
        values = [draw(random) for _ in range(RUNS)]
        held, needed = zip(*(stop(x, truth, width) for x in values), strict=True)
        plain, plain_ever = zip(*(ordinary(x, truth, width) for x in values), strict=True)
        every = [always(x, truth, width) for x in values]
        fixed = math.ceil(1.96**2 * float(np.var(np.concatenate(values))) / width**2)
        a, b, c, d = (f"{100 * np.mean(each):.1f}" for each in (held, every, plain, plain_ever))
        print(f"| {name} | ±{100 * width:g} | {a} | {b} | {np.mean(needed):.0f} | {c} | {d} | {fixed} |")


if __name__ == "__main__":
    main()
