"""What a model can do, and how reliably it does it: statistics over independent repeats of the same case.

A trial is one case x repeat. Aptitude, unreliability and reliability (Laban et al. 2025, arXiv 2505.06120), for each case
over its trials' scores S (the mean of a trial's verdicts), then averaged over cases:

    A = p90(S)      U = p90(S) - p10(S)      R = range - U          (range = 100 on a scale of 0 to 100)

Percentiles are numpy's "linear" ones (the paper does not say): of 10 trials of which 2 succeed, p90 is full marks.

pass@k, the chance that at least one of k trials succeeds (Chen et al. 2021, arXiv 2107.03374), and pass^k, the chance that
all of them do (Yao et al. 2024, arXiv 2406.12045), unbiased from n >= k trials with c successes:

    pass@k = 1 - C(n - c, k) / C(n, k)        pass^k = C(c, k) / C(n, k)

A trial succeeds if every verdict of it passes. One that fails nowhere but was not fully measured is unknown and left out:
calling it a success would reward the missing part. Intervals are by cluster (see `intervals`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .codes import Floats, Ints, add_up, combine, compact
from .verdict import FAILED, UNMEASURED, Table


class Trials(NamedTuple):
    """One row a case x repeat of a table of one measure and setting: ``case`` is a position in ``clusters``, which holds
    each case's cluster. ``score``: mean of its measured verdicts (NaN = none); ``success``: 1, 0, NaN = unknown;
    ``failed``: some reply never came."""

    case: Ints
    score: Floats
    success: Floats
    failed: Floats
    clusters: Ints


def trials(table: Table, passing: float) -> Trials:
    """The trials of a table of one measure and setting, ordered by case."""
    owners, case = compact(table.codes["case"], len(table.names["case"]))
    repeats = int(table.repeat.max(initial=0)) + 1
    present, trial = compact(*combine((case, len(owners)), (table.repeat, repeats)))
    n = len(present)
    clusters = np.zeros(len(owners), dtype=np.int64)
    clusters[case] = table.codes["cluster"]
    has = table.measured
    missed = add_up(trial[has], n, table.value[has] < passing)
    unknown = add_up(trial[table.status == UNMEASURED], n)
    with np.errstate(all="ignore"):
        score = add_up(trial[has], n, table.value[has]) / add_up(trial[has], n)
    success = np.where(missed > 0, 0.0, np.where(unknown > 0, np.nan, 1.0))
    failed = add_up(trial[table.status == FAILED], n) > 0
    return Trials(present // repeats, score, success, failed.astype(np.float64), clusters)


def percentile(values: Floats, case: Ints, cases: int, q: float) -> Floats:
    """The ``q`` (0 to 1) percentile of the values of each case, numpy's "linear" method; NaN for a case without values."""
    order = np.lexsort((values, case))
    values, count = values[order], add_up(case, cases).astype(np.int64)
    if len(values) == 0:
        return np.full(cases, np.nan)
    start = np.cumsum(count) - count
    at = q * np.maximum(count - 1, 0)
    below = np.floor(at).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    last = len(values) - 1
    low, high = values[np.minimum(start + below, last)], values[np.minimum(start + above, last)]
    return np.where(count > 0, low + (at - below) * (high - low), np.nan)


def aptitude(score: Floats, case: Ints, cases: int) -> tuple[Floats, Floats]:
    """Aptitude (p90) and unreliability (p90 - p10) of each case over its trials' scores, in the unit of the scores."""
    p90 = percentile(score, case, cases, 0.9)
    return p90, p90 - percentile(score, case, cases, 0.1)


def choose_ratio(n: Floats, c: Floats, k: int) -> Floats:
    """C(c, k) / C(n, k) as a product of k ratios (exact for small k, no overflow); NaN where n < k."""
    out = np.ones(len(n))
    for i in range(k):
        out *= np.maximum(c - i, 0) / np.maximum(n - i, 1)
    return np.where(n >= k, out, np.nan)


def pass_at(n: Floats, c: Floats, k: int) -> Floats:
    """pass@k of each case with ``c`` successes in ``n`` trials: at least one of k succeeds. NaN where n < k."""
    return 1 - choose_ratio(n, n - c, k)


def pass_all(n: Floats, c: Floats, k: int) -> Floats:
    """pass^k of each case with ``c`` successes in ``n`` trials: all of k succeed. NaN where n < k."""
    return choose_ratio(n, c, k)
