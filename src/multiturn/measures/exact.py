"""Tests of "no difference" between two sides of the same cases.

McNemar's exact test (McNemar 1947, Psychometrika 12:153), for one yes-or-no outcome a case. Of the cases whose outcome
differs, b went up and c down; without a difference each goes either way like a fair coin:

    p = min(1, 2 * P(X <= min(b, c))),   X ~ Binomial(b + c, 1/2)

Its mid-p form takes P(X = min(b, c)) off (Fagerland, Lydersen & Laake 2013, BMC Med. Res. Methodology 13:91): the exact test is
cautious (it rejects less often than it may), mid-p hardly so; in rare designs it rejects a little more often than stated.

Sign-flip test over clusters (Fisher 1935, The Design of Experiments; Winkler et al. 2014, NeuroImage 92:381, there
"exchangeable errors, independent and symmetric"). D_g is the sum of all differences of cluster g; without a difference the two
sides of a cluster could change places, all its questions together, so D_g and -D_g are equally likely:

    p = P(|sum_g s_g D_g| >= |sum_g D_g|),   s_g = +1 or -1, independently

Whatever holds a cluster together (questions of one conversation, cases of one document) stays together. With one binary question
a cluster it is McNemar's exact test. Exact where all D_g are whole multiples of some unit (counts of right answers: the
distribution of the sum is a chain of convolutions) and where at most 12 clusters differ (all patterns); otherwise over patterns
drawn by chance, p = (1 + as extreme ones) / (1 + drawn ones), which keeps the level too (Phipson & Smyth 2010, Stat. Appl.
Genet. Mol. Biol. 9:39).

With n clusters that differ no p-value is below 2^(1-n): five or fewer can never reach 5 %.

Sides of equal mean need not be exchangeable: where a tenth of the cases lose 0.9 and the others gain 0.1, sign flips alone find
a difference 12 % of the time with 20 or 50 cases. So by default p is the larger of two, that of the sign flips and that of a t
test which allows for skewness against what was found (Edgeworth expansion of t: Hall 1992, The Bootstrap and Edgeworth Expansion,
2.6; here with Student's distribution F and density f of G - 1 degrees of freedom in place of the normal one). With
u_g = D_g - m n_g what cluster g adds to the mean difference m of N questions,

    t = m N / sqrt(G/(G-1) sum u^2),   a = sum u^3 / (sum u^2)^(3/2),
    p = 2 F(-|t|) + max(0, -sign(t) a) (2 t^2 + 1)/3 f(t).

It finds what sign flips find, but where many cases move a little one way and few move far the other way. There it keeps 5 %,
unless many samples hold no trace of those few: 20 cases that all gain 0.1 are a difference for any test that ever finds one in 20
cases (benchmarks/tests_of_difference.py, table in docs/comparing.md).
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from scipy.special import bdtr, stdtr

from .codes import Floats, Ints, add_up

How: TypeAlias = Literal["auto", "permutation", "t", "mid-p"]
"""Which test: ``auto`` = McNemar's for one binary question a cluster, otherwise the larger p of sign flips and of t with
skewness; ``mid-p``: the same with McNemar's mid-p; ``permutation``: sign flips always; ``t``: the clustered t test that belongs
to the interval."""

ALL_PATTERNS = 12  # clusters that differ: 2^12 patterns are listed
DRAWS = 9_999
_UNITS = 60  # units tried: 1, 1/2, 1/3 … 1/60 (means over repeats are such fractions)
_CHAIN = 200_000_000  # steps of the convolutions, a fraction of a second
_CHUNK = 4_000_000


class Significance(NamedTuple):
    """A p-value (None: no test is possible), the test it is from, and how that was done, in words."""

    p: float | None
    test: str
    note: str = ""


def mcnemar(gained: int, lost: int, *, mid: bool = False) -> float:
    """Two-sided exact p-value of McNemar's test from the numbers of cases that went up and down; ``mid``: its mid-p."""
    n, k = gained + lost, min(gained, lost)
    if mid and n:
        return float(bdtr(k, n, 0.5) + (bdtr(k - 1, n, 0.5) if k else 0.0))
    return min(1.0, 2 * float(bdtr(k, n, 0.5)))


def sign_flip(totals: Floats, random: np.random.Generator, draws: int = DRAWS) -> Significance:
    """Two-sided sign-flip test of cluster totals. The order of the clusters and the side that is called first do not matter."""
    size = np.sort(np.abs(totals))
    largest = size[-1] if len(size) else 0.0
    size = size[size > 1e-12 * largest]
    if len(size) == 0:
        return Significance(1.0, "sign-flip permutation", "no cluster differs")
    seen = abs(float(totals.sum())) - 1e-9 * float(size.sum())  # sums that are equal up to rounding count as extreme
    whole = _whole(size)
    if whole is not None:
        return Significance(
            _chain(whole, round(abs(float(totals.sum())) * whole[-1] / size[-1])), "sign-flip permutation", "exact"
        )
    n = len(size)
    if n <= ALL_PATTERNS:
        signs = 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1) - 1
        return Significance(float(np.mean(np.abs(signs @ size) >= seen)), "sign-flip permutation", "exact")
    draws = int(min(draws, max(1_999, 10 * _CHUNK // n)))
    extreme, step = 0, max(1, _CHUNK // n)
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        plus = np.unpackbits(np.frombuffer(random.bytes(rows * (-(-n // 8))), dtype=np.uint8).reshape(rows, -1), axis=1)[:, :n]
        extreme += int((np.abs(2 * (plus.astype(np.float64) @ size) - size.sum()) >= seen).sum())
    return Significance((1 + extreme) / (1 + draws), "sign-flip permutation", f"{draws:,} draws")


def _whole(size: Floats) -> Ints | None:
    """The sizes as whole numbers of their unit, None where they have none or the chain would be long."""
    for unit in range(1, _UNITS + 1):
        scaled = size * unit
        near = np.round(scaled)
        if np.all(np.abs(scaled - near) <= 1e-9 * np.maximum(near, 1)) and near[0] > 0:
            found = near.astype(np.int64)
            found //= np.gcd.reduce(found)
            return found if float(found.sum()) * len(found) <= _CHAIN else None
    return None


def _chain(size: Ints, seen: int) -> float:
    """P(|sum of signed sizes| >= seen), by adding one cluster after the other to the distribution of the sum of the positive."""
    ways = np.zeros(int(size.sum()) + 1)
    ways[0], upto = 1.0, 1
    for k in size.tolist():
        # Read before it is written: the shifted part is that of the clusters so far.
        moved = ways[:upto] * 0.5
        ways[:upto] = moved
        ways[k : upto + k] += moved
        upto += k
    total = len(ways) - 1
    signed = np.abs(2 * np.arange(total + 1) - total)
    return min(1.0, float(ways[signed >= seen].sum()))


def skewed_t(totals: Floats, sizes: Floats) -> float | None:
    """Two-sided p-value of t that allows for skewness (see the module's text), from each cluster's sum and number of differences.
    None where the clusters do not vary."""
    n = len(totals)
    part = totals - totals.sum() / sizes.sum() * sizes
    squares = float((part**2).sum())
    if n < 2 or squares <= 1e-20 * float((totals**2).sum()):
        return None
    t = float(totals.sum()) / math.sqrt(n / (n - 1) * squares)
    against = max(0.0, -math.copysign(1.0, t) * float((part**3).sum()) / math.pow(squares, 1.5))
    df = n - 1
    density = math.exp(math.lgamma(df / 2 + 0.5) - math.lgamma(df / 2) - (df + 1) / 2 * math.log1p(t**2 / df)) / math.sqrt(
        df * math.pi
    )
    p = 2 * float(stdtr(df, -abs(t))) + against * (2 * t**2 + 1) / 3 * density
    return min(1.0, p)


def significance(difference: Floats, cluster: Ints, random: np.random.Generator, *, binary: bool, t: float | None,
                 how: How = "auto") -> Significance:  # fmt: skip
    """The test of one paired difference. ``difference``: one value a question, none missing; ``binary``: each side of each of
    them is one of two values; ``t``: the p-value of the clustered t test (see `paired`)."""
    clusters = int((add_up(cluster, int(cluster.max(initial=-1)) + 1) > 0).sum())
    if clusters < 2:
        return Significance(None, "none", "needs two cases or more")
    if how == "t":
        return Significance(t, "clustered t", f"{clusters:,} cases")
    if binary and clusters == len(difference) and how != "permutation":
        up, down = int((difference > 0).sum()), int((difference < 0).sum())
        mid = how == "mid-p"
        return Significance(mcnemar(up, down, mid=mid), f"{'mid-p' if mid else 'exact'} McNemar", f"{up:,} up, {down:,} down")
    code = int(cluster.max()) + 1
    size = add_up(cluster, code)
    total = add_up(cluster, code, difference)[size > 0]
    found = sign_flip(total, random)
    several = " of several questions: not McNemar" if binary and clusters < len(difference) else ""
    if how == "permutation":
        return found._replace(note=f"{found.note}, {clusters:,} cases{several}")
    flips, skewed = found.p or 0.0, skewed_t(total, size[size > 0])
    note = f"sign flips ({found.note}) {flips:.3g}, t with skewness {'–' if skewed is None else f'{skewed:.3g}'}"
    return Significance(max(flips, skewed or 0.0), "permutation and t", f"{note}; {clusters:,} cases{several}")
