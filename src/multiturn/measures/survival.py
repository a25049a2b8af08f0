"""At which turn does it first fail? Discrete-time survival with right censoring, for settings where turns follow each other.

A case x repeat is one subject. Its event is the first turn with a value below ``passing`` (several verdicts on one turn:
any of them). It is followed until then, or until its last turn, or until the first turn that was not measured (censored
from there). It is at risk at the turns it was scored on; turns nobody scores are skipped.

Kaplan & Meier (1958, JASA 53:457):   S(t) = prod_{s <= t} (1 - h_s),   h_s = d_s / n_s  (failed / at risk at turn s).

Variance: subjects of one cluster (repeats of a case) are not independent, so the influence of each cluster g on S,
    I_g(t) = -S(t) * sum_{s <= t} (d_gs - h_s n_gs) / (n_s (1 - h_s)),     var S(t) = G/(G-1) * sum_g I_g(t)^2,
(Williams 1995, Lifetime Data Analysis 1:171). With one subject a cluster the sum is exactly Greenwood's formula.
Interval: Wilson's on the effective number n* = S(1-S)/var (Rothman 1978, J. Chronic Diseases 31:557), with
Student's t; see `intervals`.

Restricted mean (Irwin 1949; Royston & Parmar 2013, BMC Med. Res. Methodology 13:152) over the H turns followed:
    R = sum_{t <= H} S(t),   the expected number of scored turns passed before the first failure, 0 to H,
with influence sum_t I_g(t). It stops where nobody is at risk any more and S is not 0; compare like horizons only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .codes import Bools, Floats, Ints, add_up, combine, compact
from .figure import Scale
from .intervals import interval, satterthwaite
from .verdict import FAILED, UNMEASURED, Table

NEVER = np.iinfo(np.int64).max


class Survival(NamedTuple):
    """The curve at each turn somebody was at risk: subjects at risk, those failing without a reply; clusters at risk;
    ``cut``: subjects lost by then to a turn that was not measured. Then the restricted mean over ``horizon`` turns."""

    turn: Ints
    value: Floats
    low: Floats
    high: Floats
    se: Floats
    at_risk: Ints
    no_reply: Ints
    clusters: Ints
    cut: Ints
    mean: float
    mean_low: float
    mean_high: float
    horizon: int
    all_clusters: int
    subjects: int
    subjects_no_reply: int
    subjects_cut: int


class Followed(NamedTuple):
    """The subjects of a table at the turns somebody is at risk. ``at_risk`` and ``failing`` are (cluster, turn) counts;
    ``silent``: those failing without a reply, by turn; ``cut``: when subjects were lost to a turn that was not measured, in
    order; ``scheduled``: all turns, those at which nobody is left to fail too."""

    cluster: list[str]
    turn: Ints
    at_risk: Floats
    failing: Floats
    silent: Floats
    cut: Ints
    scheduled: int
    subjects: int


def followed(table: Table, passing: float, *, unmeasured: float | None = None) -> Followed:
    """Who is at risk and who fails, by cluster and turn (one measure, one setting). ``unmeasured``: see `survive`."""
    table = table.select(table.turn > 0)
    value = table.value if unmeasured is None else np.where(table.measured, table.value, unmeasured)
    lost = table.status == UNMEASURED if unmeasured is None else np.zeros(len(table), dtype=bool)
    repeats = int(table.repeat.max(initial=0)) + 1
    present, subject = compact(*combine((table.codes["case"], len(table.names["case"])), (table.repeat, repeats)))
    fails = ~lost & (value < passing)
    first_fail, first_lost = _first(table.turn, subject, fails, len(present)), _first(table.turn, subject, lost, len(present))
    # A failure on a turn that is partly unmeasured is still seen; one after an unmeasured turn may not be the first.
    end = np.where(first_fail <= first_lost, first_fail, NEVER)[subject]
    at_end = ~lost & (table.turn == end)
    risk = at_end | (~lost & (table.turn < end) & (table.turn < first_lost[subject]))
    owners, cluster = compact(table.codes["cluster"][risk], len(table.names["cluster"]))
    # One entry a subject and turn, however many verdicts the turn has.
    turns = int(table.turn.max(initial=0)) + 1
    seen, entry = compact(*combine((subject[risk], len(present)), (table.turn[risk], turns)))
    times, column = compact(seen % turns, turns)
    of, failed, silent = np.zeros(len(seen), dtype=np.int64), np.zeros(len(seen)), np.zeros(len(seen))
    of[entry] = cluster
    failed[entry[at_end[risk]]] = 1.0
    silent[entry[(at_end & fails & (table.status == FAILED))[risk]]] = 1.0
    key, size = combine((of, len(owners)), (column, len(times)))
    shape = len(owners), len(times)
    names = [table.names["cluster"][i] for i in owners.tolist()]
    return Followed(names, times, add_up(key, size).reshape(shape), add_up(key, size, failed).reshape(shape),
                    add_up(column, len(times), silent), np.sort(first_lost[first_lost < first_fail]),
                    len(compact(table.turn, turns)[0]), len(present))  # fmt: skip


def survive(table: Table, passing: float, *, unmeasured: float | None = None) -> Survival | None:
    """Survival of the subjects of a table (one measure, one setting). ``unmeasured``: a stand-in value for turns without
    one, to bound what they could have been. None when no turn was measured."""
    seen = followed(table, passing, unmeasured=unmeasured)
    return _curve(seen) if len(seen.turn) else None


def _first(turn: Ints, subject: Ints, where: Bools, subjects: int) -> Ints:
    """The smallest turn of each subject where the condition holds, NEVER if it does not."""
    first = np.full(subjects, NEVER)
    np.minimum.at(first, subject[where], turn[where])
    return first


def _curve(seen: Followed) -> Survival:
    """Estimates and intervals from who was at risk and who failed."""
    n, d, times, silent, cut = seen.at_risk, seen.failing, seen.turn, seen.silent, seen.cut
    owners = n.shape[0]
    total = n.sum(axis=0)
    hazard = d.sum(axis=0) / total
    value = np.cumprod(1 - hazard)
    # Where all at risk fail S is 0 from there on, and so is the influence of anyone on it.
    weight = np.where(hazard < 1, 1 / (total * np.where(hazard < 1, 1 - hazard, 1.0)), 0.0)
    influence = -value * np.cumsum((d - hazard * n) * weight, axis=1)
    with_mean = np.column_stack([influence, influence.sum(axis=1)])
    sum2, sum4 = (with_mean**2).sum(axis=0), (with_mean**4).sum(axis=0)
    se = np.sqrt(owners / (owners - 1) * sum2) if owners > 1 else np.full(len(sum2), np.nan)
    df = satterthwaite(sum2, sum4, np.full(len(sum2), float(owners)))
    clusters = (n > 0).sum(axis=0)
    low, high = interval(value, se[:-1], df[:-1], clusters.astype(np.float64), Scale())
    horizon = len(times) if value[-1] > 0 else seen.scheduled
    mean, scale = np.array([value.sum()]), Scale(low=0.0, high=float(horizon), unit="turns")
    mean_low, mean_high = interval(mean, se[-1:], df[-1:], np.array([float(owners)]), scale)
    cut_by = np.searchsorted(cut, times, side="right").astype(np.int64)
    return Survival(times, value, low, high, se[:-1], total.astype(np.int64), silent.astype(np.int64), clusters, cut_by,
                    float(mean[0]), float(mean_low[0]), float(mean_high[0]), horizon, owners, seen.subjects,
                    int(silent.sum()), len(cut))  # fmt: skip
