"""Two judges of the same conversations: how far their verdicts agree, beside how far their means lie apart."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from msgspec import Struct

from ..measures.agreement import Agreement, cohen_kappa, exact_agreement, spearman
from ..measures.figure import Figure
from ..measures.verdict import Table
from .compare import cells
from .safe import one_line
from .words import count, estimate, number

LABELS = 10
"""Up to so many different values are labels (kappa); above, only ranks are compared."""

SLIGHT = 0.2
"""Agreement beyond chance below this is called slight (Landis & Koch 1977, Biometrics 33:159)."""

Key: TypeAlias = tuple[str, int, int, str, str, int]


class Concord(Struct, frozen=True, kw_only=True):
    """Agreement on one measure in one setting. ``exact``: share of equal verdicts; ``kappa``: beyond chance, squared weights
    where there are more than two labels (None: too many labels); ``rank``: Spearman's correlation (None: two labels only);
    ``constant``: the value that a side always gives; ``only_first``/``only_second``: verdicts that one judge gave alone."""

    measure: str
    setting: str
    exact: Agreement
    kappa: Agreement | None
    rank: Agreement | None
    constant: tuple[float | None, float | None]
    only_first: int
    only_second: int


class _Values(NamedTuple):
    value: dict[Key, float]
    cluster: dict[Key, str]


def concord(first: Table, second: Table) -> list[Concord]:
    """Agreement of two tables of verdicts on the same conversations, verdict by verdict (repeats are not averaged)."""
    found = []
    for measure, setting, a, b in cells(first, second):
        one, two = _values(a), _values(b)
        shared = [key for key in one.value if key in two.value]
        x, y = [one.value[k] for k in shared], [two.value[k] for k in shared]
        clusters = [one.cluster[k] for k in shared]
        labels = sorted({*x, *y})
        weights: Any = "none" if len(labels) <= 2 else "quadratic"
        found.append(
            Concord(
                measure=measure, setting=setting, exact=exact_agreement(x, y, clusters),
                kappa=cohen_kappa(x, y, clusters, weights=weights, labels=labels) if len(labels) <= LABELS else None,
                rank=spearman(np.array(x), np.array(y), clusters) if len(labels) > 2 else None,
                constant=(_constant(x), _constant(y)),
                only_first=len(one.value) - len(shared), only_second=len(two.value) - len(shared),
            )
        )  # fmt: skip
    return found


def _values(table: Table) -> _Values:
    """The measured verdicts by (case, repeat, turn, item, group, n-th of these)."""
    kept = table.select(table.measured)
    columns = [kept.text(name) for name in ("case", "item", "group", "cluster")]
    seen: Counter[tuple[str, int, int, str, str]] = Counter()
    found = _Values({}, {})
    rows = zip(*columns, kept.repeat.tolist(), kept.turn.tolist(), kept.value.tolist(), strict=True)
    for case, item, group, cluster, repeat, turn, value in rows:
        where = (case, repeat, turn, item, group)
        key = (*where, seen[where])
        seen[where] += 1
        found.value[key], found.cluster[key] = value, cluster
    return found


def _constant(values: list[float]) -> float | None:
    return values[0] if len(values) > 4 and len(set(values)) == 1 else None


def concord_lines(found: list[Concord], first: str, second: str) -> Iterator[str]:
    """What the agreement says, measure by measure."""
    for c in found:
        where = f"{one_line(c.measure)}, {one_line(c.setting)}"
        if c.exact.value is None:
            yield f"{where}: no verdict was reached by both judges."
            continue
        text = f"{where}: the judges agree on {_share(c.exact)} of {count(c.exact.n, 'verdict')}"
        if c.kappa is not None and c.kappa.value is not None:
            chance = f"; chance alone would give {100 * c.kappa.expected:.0f}%" if c.rank is None and c.kappa.expected else ""
            text += f"; {'' if c.rank is None else 'weighted '}kappa {_coefficient(c.kappa)}{chance}"
        if c.rank is not None and c.rank.value is not None:
            text += f"; rank correlation {_coefficient(c.rank)}"
        yield f"{text}.{_called_out(c, first, second)}"


def _share(a: Agreement) -> str:
    return estimate(Figure(measure="", value=a.value, low=a.low, high=a.high))


def _coefficient(a: Agreement) -> str:
    span = "" if a.low is None or a.high is None else f" [{number(a.low, '')}, {number(a.high, '')}]"
    return f"{number(a.value, '')}{span}"


def _called_out(c: Concord, first: str, second: str) -> str:
    """What no reader should miss: a judge that always says the same, or agreement that chance explains."""
    for name, value in zip((first, second), c.constant, strict=True):
        if value is not None:
            return f" {one_line(name, 30)} always gives {value:g}: it tells nothing apart."
    best = c.kappa if c.kappa is not None and c.kappa.value is not None else c.rank
    if best is None or best.value is None or best.low is None or (best.low > 0 and best.value >= SLIGHT):
        return ""
    return " That is no better than chance." if best.low <= 0 else " That is hardly better than chance."


def concord_row(c: Concord) -> dict[str, Any]:
    """Agreement as plain JSON values."""

    def plain(a: Agreement | None) -> dict[str, Any] | None:
        return None if a is None else {k: v if v is None or math.isfinite(v) else None for k, v in a._asdict().items()}

    return {
        "measure": c.measure, "setting": c.setting, "exact": plain(c.exact), "kappa": plain(c.kappa), "spearman": plain(c.rank),
        "always": list(c.constant), "only_first": c.only_first, "only_second": c.only_second,
    }  # fmt: skip
