"""The noise floor: how far two identical runs differ, from the repeats of a run.

Same cases, same model, asked again. Of a run's mean m over N questions, the part that one conversation (case c, repeat r)
adds beyond what its case adds on average is

    x_cr = sum_q (v_cqr - mean_r v_cqr) / (n_q N),     n_q = measured values of question q,

conversations being independent draws once the case is given, so the variance of m from run to run is

    V = sum_c R_c / (R_c - 1) * sum_r x_cr^2,     R_c = repeats of case c.

Two identical runs differ by a draw with mean 0 and variance 2 V; with two sides, each with its own noise, V_a + V_b. Runs of a
single repeat: V with R_c times as much for each case. The limit is 95 %: 1.96 sd with Student's t in place of 1.96, degrees of
freedom after Satterthwaite (1946, Biometrics Bulletin 2:110) from the R_c - 1 of each case.

It holds the cases fixed: a difference above the limit is more than re-running explains, and may still be an accident of these
cases (that is what the interval of the difference is for). Cases with one measured repeat say nothing of it: the others stand
for them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .codes import Bools, Floats, Ints, add_up, combine, compact
from .intervals import t_quantile
from .paired import Joined
from .verdict import Table


class Rerun(NamedTuple):
    """Variance of one side's mean from run to run: with the repeats it has, and with one; degrees of freedom; most repeats."""

    variance: float
    single: float
    df: float
    repeats: int


class Noise(NamedTuple):
    """Two identical runs: standard deviation of their difference and the limit that it keeps 95 % of the time, for runs of
    ``repeats`` repeats each and for runs of one repeat. ``sides``: whose repeats tell (``both``, ``first``, ``second``)."""

    sd: float
    limit: float
    sd_single: float
    limit_single: float
    repeats: tuple[int, int]
    sides: str


def noise_floor(a: Table, b: Table, by: Joined) -> Noise | None:
    """The noise floor of the difference of two tables of one measure joined by question (`paired.join`), over the questions
    measured on both sides. Where only one side has repeats, the other is taken to be as noisy. None without repeats."""
    shared = ~np.isnan(by.a) & ~np.isnan(by.b)
    sides = [rerun(table, at, shared) for table, at in ((a, by.at_a), (b, by.at_b))]
    known = [side for side in sides if side is not None]
    if not known:
        return None
    first, second = known[0], known[-1]
    variance, single = first.variance + second.variance, first.single + second.single
    if len(known) == 2 and variance > 0:
        df = variance**2 / sum(s.variance**2 / s.df for s in known)
    else:
        df = max(s.df for s in known)
    t = float(t_quantile(df))
    named = "both" if len(known) == 2 else "first" if sides[0] is not None else "second"
    return Noise(variance**0.5, t * variance**0.5, single**0.5, t * single**0.5, (first.repeats, second.repeats), named)


def rerun(table: Table, at: Ints, shared: Bools) -> Rerun | None:
    """The run-to-run variance of a table's mean over the ``shared`` questions; ``at``: the question of each row."""
    keep = table.measured & shared[at]
    at, value = at[keep], table.value[keep]
    n = len(shared)
    owners, case = compact(table.codes["case"][keep], len(table.names["case"]))
    repeats = int(table.repeat.max(initial=0)) + 1
    talks, talk = compact(*combine((case, len(owners)), (table.repeat[keep], repeats)))
    count = add_up(talks // repeats, len(owners))
    if count.max(initial=0) < 2:
        return None
    # A question may stand in several cases of a cluster: what cases add to it on average is no noise.
    _, place = compact(*combine((case, len(owners)), (at, n)))
    mean: Floats = add_up(place, place.max() + 1, value) / add_up(place, place.max() + 1)
    x = add_up(talk, len(talks), (value - mean[place]) / add_up(at, n)[at]) / shared.sum()
    squares = add_up(talks // repeats, len(owners), x**2)
    has = count > 1
    each = squares[has] * count[has] / (count[has] - 1)
    stand_in = len(owners) / int(has.sum())
    total = float(each.sum())
    df = total**2 / float((each**2 / (count[has] - 1)).sum()) if total > 0 else float((count[has] - 1).sum())
    return Rerun(total * stand_in, float((each * count[has]).sum()) * stand_in, df, int(count.max()))
