"""The selection file of tinyBenchmarks: which cases stand for a benchmark, and how its whole score is estimated from them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from ...conversation import DataError
from ...conversation.files import write_bytes
from ...measures.anchors import Anchors
from ...measures.codes import Floats
from ...measures.figure import FRACTION, Figure, Scale
from ...measures.irt import Items
from ...measures.subset import FEWEST_MODELS, Subset, estimates, half_width
from ...measures.verdict import FAILED, UNMEASURED, Table

FORMAT = "multiturn-selection-1"


class Selection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file holds. A score is a case's mean over its verdicts, (value - low) / (high - low) on the measure's scale.

    ``of`` (as typed), ``label``, ``setting``, ``measure``: what it was made for ("" = said when it is used). ``items``: ids of
    all cases, in order; ``weights``: their balance weights (mean 1). ``anchors``: positions of the cases to play;
    ``anchor_weights``: what each stands for (sum 1); ``views``: for an anchor that is played in parts, the parts' ids.
    ``method``: "irt", "scores" (clusters of the items' scores) or "strata" (a draw). Only with "irt": ``a`` (items, D), ``b``,
    ``cut``, ``validation_error`` (the paper's b) and ``mix`` (the L of gp-IRT, which follows from it). ``variance``: the
    paper's v. ``errors``: estimate minus truth of each model, by a choice made without its family; ``families``: of each model.
    ``cases``: hash of the cases as they were. ``made_from``: models, runs, seed, versions.
    """

    of: str
    label: str
    setting: str
    measure: str
    method: str
    items: list[str]
    weights: list[float]
    anchors: list[int]
    anchor_weights: list[float]
    variance: float
    views: dict[str, list[str]] = {}
    dimensions: int | None = None
    cut: float | None = None
    validation_error: float | None = None
    mix: float | None = None
    a: list[list[float]] | None = None
    b: list[float] | None = None
    errors: dict[str, list[float | None]] = {}
    families: list[str] = []
    cases: str = ""
    made_from: dict[str, Any] = {}
    format: str = FORMAT

    @property
    def played(self) -> list[str]:
        """Ids of the cases to play, in the benchmark's order."""
        return [self.items[i] for i in self.anchors]

    def half_width(self, name: str) -> float | None:
        """Half of the width of an estimate's interval, as a score; None where the models were too few for one."""
        return half_width(np.array([np.nan if e is None else e for e in self.errors.get(name, [])]), self.families)

    @property
    def subset(self) -> Subset:
        """The same as arrays."""
        irt = self.a is not None and self.b is not None
        return Subset(
            Anchors(np.array(self.anchors, dtype=np.int64), np.array(self.anchor_weights)), np.array(self.weights), self.variance,
            self.method, Items(np.array(self.a), np.array(self.b)) if irt else None, self.cut, self.validation_error,
        )  # fmt: skip


def write_selection(path: str, selection: Selection) -> None:
    """Raises `DataError` when the file cannot be written."""
    write_bytes(path, msgspec.json.format(msgspec.json.encode(selection), indent=1) + b"\n")


def read_selection(path: str) -> tuple[Selection, str]:
    """The selection and the sha256 of its file. Raises `DataError` with what is wrong."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"cannot read the selection {path}: {error.strerror or error}") from None
    try:
        found = msgspec.json.decode(data, type=Selection)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{path} is no selection of `multiturn plan --select`: {error}") from None
    if wrong := _fault(found):
        raise DataError(f"{path} is no selection that can be used: {wrong}")
    return found, hashlib.sha256(data).hexdigest()


def _fault(s: Selection) -> str:
    """What is wrong with the numbers; "" = nothing."""
    n, irt = len(s.items), s.method == "irt"
    if s.format != FORMAT:
        return f"its format is {s.format[:40]!r}, this version reads {FORMAT!r}"
    if len(set(s.items)) != n:
        return "an item is listed twice"
    if len(s.weights) != n or min(s.weights, default=0) <= 0:
        return "`weights` must be one number above 0 for each item"
    if not s.anchors or s.anchors != sorted(set(s.anchors)) or not 0 <= s.anchors[0] <= s.anchors[-1] < n:
        return "`anchors` must be ascending positions in `items`"
    if len(s.anchor_weights) != len(s.anchors) or min(s.anchor_weights) < 0 or abs(sum(s.anchor_weights) - 1) > 1e-9:
        return "`anchor_weights` must be one number for each anchor, with the sum 1"
    if any(len(errors) != len(s.families) for errors in s.errors.values()):
        return "`errors` and `families` must have one entry for each model"
    if irt and (s.a is None or s.b is None or s.validation_error is None or s.mix is None):
        return "`a`, `b`, `validation_error` and `mix` belong to the method irt"
    if irt and (len(s.a or ()) != n or len(s.b or ()) != n or {len(row) for row in s.a or ()} != {s.dimensions}):
        return "`a` and `b` must have one row for each item, `a` with as many numbers as there are dimensions"
    return ""


# -- estimates ----------------------------------------------------------------------------------------------------
class WholeScore:
    """A `FigureMaker`: the estimates of the benchmark's mean over all items from the verdicts on the anchors, the best first.

    The interval is as wide as the estimates for left-out models were wrong (see `multiturn.measures.subset`).
    """

    def __init__(self, selection: Selection | None, setting: str, measure: str, scale: Scale) -> None:
        self.selection, self.setting, self.measure, self.scale = selection, setting, measure, scale

    def __call__(self, table: Table) -> Iterable[Figure]:
        s = self.selection
        rows = table.where(measure=self.measure, setting=self.setting)
        if s is None or not len(rows):
            return
        subset = s.subset
        y, floor, ceiling = (case_scores(rows, s, self.scale, fill)[None] for fill in (np.nan, 0.0, 1.0))
        value, low, high = (estimates(subset, scores) for scores in (y, floor, ceiling))
        lost = int(np.isnan(y).sum())
        whole = not lost and not (rows.status == UNMEASURED).any()
        stands = f"{len(s.anchors):,} cases for {len(s.items):,}"
        for name in ("gp-IRT", "p-IRT", "IRT"):
            label = name if s.method == "irt" else {"IRT": "anchors"}.get(name, name)
            if name not in value:
                continue
            half = None if lost else s.half_width(name)
            bounds = None if whole else (float(low[name][0]), float(high[name][0]))
            note = stands + (f", {lost:,} of them not measured: no interval" if lost else "")
            if half is None and not lost:
                note += "; chosen from too few models for an interval"
            if s.method != "irt":
                note += f"; no p-IRT and gp-IRT, which need {FEWEST_MODELS} models"
            yield self._figure(f"{self.measure} ({label})", float(value[name][0]), half, bounds, rows, note)

    def _figure(
        self, measure: str, value: float, half: float | None, bounds: tuple[float, float] | None, rows: Table, note: str
    ) -> Figure:
        low, width = self.scale.low, self.scale.high - self.scale.low
        ends = None if half is None or np.isnan(value) else (max(0.0, value - half), min(1.0, value + half))
        failed, lost = int((rows.status == FAILED).sum()), int((rows.status == UNMEASURED).sum())
        return Figure(
            measure=measure, setting=self.setting, unit=self.scale.unit, value=None if np.isnan(value) else low + width * value,
            low=low + width * ends[0] if ends else None, high=low + width * ends[1] if ends else None,
            worst=low + width * min(bounds) if bounds else None, best=low + width * max(bounds) if bounds else None,
            n_cases=len(rows.select(rows.measured).present("cluster")), n_scored=len(rows) - failed - lost, n_failed=failed,
            n_unmeasured=lost, note=note,
        )  # fmt: skip


def case_scores(rows: Table, selection: Selection, scale: Scale, fill: float = np.nan) -> Floats:
    """The score of each anchor between 0 and 1: the mean over its verdicts, those not measured being ``fill`` (NaN: left out;
    NaN too for an anchor without any)."""
    place = {view: k for k, item in enumerate(selection.played) for view in selection.views.get(item, [item])}
    total, count = np.zeros(len(selection.anchors)), np.zeros(len(selection.anchors))
    clusters, value = rows.text("cluster"), np.where(rows.measured, unit_score(rows.value, scale), fill)
    for i, case in enumerate(rows.text("case")):
        k = place.get(case, place.get(clusters[i]))
        if k is not None and not np.isnan(value[i]):
            total[k] += value[i]
            count[k] += 1
    return np.where(count > 0, total / np.maximum(count, 1), fill)


def unit_score(value: Floats, scale: Scale) -> Floats:
    """A value on its scale as a number from 0 to 1."""
    return np.asarray(np.clip((value - scale.low) / (scale.high - scale.low), 0.0, 1.0))


def scale_of(scales: Mapping[str, Scale], measure: str) -> Scale:
    return scales.get(measure, FRACTION)
