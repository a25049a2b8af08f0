"""How often the 95 % intervals hold the truth: the simulations behind the tables in docs/statistics.md.

    python benchmarks/coverage.py [--runs 2000] [--only WORD] [--cases 30 100 400] [--jobs 2] [--seed 1]

Each entry simulates ``--runs`` data sets of known truth (fewer where a run is slow, printed below the table) and prints in
per cent how many intervals hold it: 95 is the aim, and with 2,000 runs an entry is uncertain by 0.5 points (one standard
error). Entries outside 93 to 97 are bold. What was not measured is left out; above one run in a hundred its share is given in
brackets. About ten minutes on two cores. ``coverage_runs.py`` has the situations of a run, ``coverage_judges.py`` those of a
judge under test.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
from coverage_judges import CORRECTED, JUDGES
from coverage_runs import NOTHING, RUNS, Simulate, false_positives

FALSE = "Differences found where there is none (t / exact test)"
TABLES: dict[str, list[tuple[str, Simulate]]] = {**RUNS, **JUDGES, **CORRECTED}


class Entry(NamedTuple):
    """Share of intervals that hold the truth, share not measured, bias of the value and its Monte-Carlo standard error, and
    the number of runs."""

    inside: float
    lost: float
    bias: float
    error: float
    runs: int


def entry(job: tuple[str, int, int, int, int]) -> Entry:
    """One entry of a table; a generator of its own for each, so that they can be computed in any order."""
    table, row, cases, runs, seed = job
    random = np.random.default_rng([seed, list(TABLES).index(table), row, cases])
    found = TABLES[table][row][1](random, cases, runs)
    has = ~np.isnan(found.low)
    if not has.any():
        return Entry(np.nan, 1.0, np.nan, np.nan, len(has))
    inside = (found.low <= found.truth + 1e-12) & (found.truth <= found.high + 1e-12)
    error = (found.value - found.truth)[has]
    return Entry(float(inside[has].mean()), float(1 - has.mean()), float(error.mean()), float(error.std() / np.sqrt(has.sum())),
                 len(has))  # fmt: skip


def shown(found: Entry, *, bias: bool) -> str:
    if np.isnan(found.inside):
        return "not measured"
    text = f"{100 * found.inside:.1f}"
    if not 93 <= float(text) <= 97:
        text = f"**{text}**"
    if bias:
        text += f", {found.bias:+.3f} ± {found.error:.3f}"
    return text + (f" ({100 * found.lost:.0f})" if found.lost > 0.01 else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--only", default="", help="only tables with this word in their title")
    parser.add_argument("--cases", type=int, nargs="+", default=[30, 100, 400])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    chosen = [name for name in TABLES if given.only in name]
    jobs = [(name, row, n, given.runs, given.seed) for name in chosen for row in range(len(TABLES[name])) for n in given.cases]
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("fork")) as pool:
        results = iter(list(pool.map(entry, jobs)))
        tests = (
            [(i, n, 5 * given.runs, given.seed) for i in range(len(NOTHING)) for n in given.cases] if given.only in FALSE else []
        )
        rates = iter(list(pool.map(false_positives, tests)))
    for name in chosen:
        print(
            f"\n**{name}**\n\n| | " + " | ".join(f"{n} cases" for n in given.cases) + " |\n|---" + "|---" * len(given.cases) + "|"
        )
        fewest = given.runs
        for label, _ in TABLES[name]:
            entries = [next(results) for _ in given.cases]
            fewest = min(fewest, *(e.runs for e in entries))
            print(f"| {label} | " + " | ".join(shown(e, bias=name in CORRECTED) for e in entries) + " |")
        if fewest < given.runs:
            print(f"\n{fewest} to {given.runs} runs an entry.")
    if given.only in FALSE:
        print(f"\n**{FALSE}**, in per cent at a level of 5; {5 * given.runs:,} runs an entry\n")
        print("| | " + " | ".join(f"{n} cases" for n in given.cases) + " |\n|---" + "|---" * len(given.cases) + "|")
        for situation in NOTHING:
            shares = [next(rates) for _ in given.cases]
            print(f"| {situation[0]} | " + " | ".join(f"{100 * t:.1f} / {100 * e:.1f}" for t, e in shares) + " |")


if __name__ == "__main__":
    main()
