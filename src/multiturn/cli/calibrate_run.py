"""``multiturn calibrate RUN``: a run's own judge against what people say of the same conversations."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np

from ..conversation import InputError, UnknownName
from ..engine.cards import LEVELS, put_card
from ..engine.data import DataFolder
from ..engine.judge_id import judges_of
from ..engine.labelling import Judged, Raters, criteria_of, joint, judged, read_labels, write_sheet_of
from ..engine.runs import RunRow, find_run
from ..engine.store import Store
from ..judges.card import Card, Pair
from ..judges.card_words import sentences
from ..measures.corrected import Corrected, corrected_mean, ppi_mean, rogan_gladen
from ..measures.figure import Scale
from ..measures.verdict import Row, Table
from ..protocols.benchmark import Benchmark
from ..report.card import print_card, print_corrected
from ..report.result import card_object, write_object
from ..systems.catalogue import make_system
from ..systems.judge.judging import Judging
from ..systems.judge.judging_figures import RATER, against_labels
from .session import check_outputs


class Estimate(NamedTuple):
    """A figure of the run beside what it is when the judge's errors are taken out."""

    system: str
    model: str
    setting: str
    measure: str
    how: str
    found: Corrected


def write_sheet(store: str, run: str, path: str, items: int, measures: Sequence[str], seed: int, data: str | None) -> int:
    """Write a blind sheet of a run's judgements."""
    check_outputs(path)
    with Store(store) as opened:
        row = find_run(opened, run)
        benchmarks = _benchmarks(row, data)
        values = judged(opened, row)
        for name in measures:
            if name not in (known := dict.fromkeys(v.measure for v in values)):
                raise UnknownName(f"measure of run {row.id}", name, known)
        values = [v for v in values if not measures or v.measure in measures]
        if not values:
            raise InputError(f"run {row.id} has no judged values: there is nothing to ask people about")
        scales, criteria = {b.label: b.scales for b in benchmarks.values()}, criteria_of(benchmarks.values(), values)
        n = write_sheet_of(path, opened, values, scales, criteria, items, seed)
    click.echo(
        f"{path}: {n:,} of {len(values):,} judged values, drawn at random. Fill in the column `label` (a number of the scale,\n"
        f"or yes and no for its ends; further people in columns label2, label3, …), then:\n"
        f"multiturn calibrate {row.id} --labels {path}"
    )
    return 0


def calibrate_run(store: str, run: str, paths: Sequence[str], json_path: str | None, data: str | None) -> int:
    """Read sheets back: agreement, and the corrected figures."""
    check_outputs(json_path)
    with Store(store, writable=True) as opened:
        row = find_run(opened, run)
        benchmarks = _benchmarks(row, data)
        values = judged(opened, row)
        scales = {v.id: benchmarks[v.system].scale(v.measure) for v in values if v.system in benchmarks}
        labels = read_labels(paths, scales)
        named = " + ".join(f"{Path(p).name} ({blake2b(Path(p).read_bytes(), digest_size=4).hexdigest()})" for p in paths)
        found = []
        for system, measure in dict.fromkeys((v.system, v.measure) for v in values if v.id in labels):
            mine = [v for v in values if (v.system, v.measure) == (system, measure)]
            told = _Told.of(mine, labels, benchmarks[system].scale(measure))
            card = _card(row, benchmarks[system], measure, told, named)
            put_card(opened, card)
            found.append((card, list(_estimates(mine, told))))
    if json_path:
        rows = [{"card": card_object(card), "corrected": [{**e._asdict(), "found": e.found._asdict()} for e in es]}
                for card, es in found]  # fmt: skip
        write_object(json_path, {"judges": rows})
    if json_path != "-":
        for card, estimates in found:
            print_card(card)
            print_corrected([e._asdict() for e in estimates])
    return 0


def _benchmarks(row: RunRow, data: str | None) -> dict[str, Benchmark]:
    made = [make_system(text, DataFolder(data)) for text in row.spec.systems]
    for benchmark in made:
        if isinstance(benchmark, Judging):
            raise InputError(
                f"run {row.id} holds a judge against labelled items already: `multiturn calibrate {benchmark.slug} --model NAME`"
            )
    return {b.label: b for b in made}


class _Told(NamedTuple):
    """The labelled ones of a run's judgements. ``classes``: right or wrong, the ends of the scale, nothing between."""

    values: list[Judged]
    raters: dict[str, Raters]
    labels: dict[str, float]
    scale: Scale
    classes: bool

    @classmethod
    def of(cls, values: Sequence[Judged], raters: Mapping[str, Raters], scale: Scale) -> _Told:
        told = [v for v in values if v.id in raters]
        said = {v.value for v in values} | {r for v in told for r in raters[v.id] if r is not None}
        classes = said <= {scale.low, scale.high}
        labels = {v.id: joint(raters[v.id], scale, classes=classes) for v in told}
        return cls(told, {v.id: raters[v.id] for v in told}, labels, scale, classes)

    def rows(self) -> Iterable[Row]:
        """As a table of verdicts; right and wrong as 1 and 0, whatever the scale calls them."""
        low, high = self.scale.low, self.scale.high
        for v in self.values:
            label, raters = self.labels[v.id], [r for r in self.raters[v.id] if r is not None]
            said = {"verdict": v.value, "label": label}
            said |= {f"{RATER}{n}": r for n, r in enumerate(raters, 1)} if len(raters) > 1 else {}
            if self.classes:
                said = {name: (value - low) / (high - low) for name, value in said.items()}
                said["correct"] = float(v.value == label)
            elif np.isfinite(high - low):
                said["error"] = abs(v.value - label) / (high - low)
            for name, value in said.items():
                yield Row(v.id, v.cluster, "plain", 0, "", 0, v.id, name, value, 0, "")


def _card(row: RunRow, benchmark: Benchmark, measure: str, told: _Told, named: str) -> Card:
    figures = tuple(against_labels(Table.of(told.rows())))
    (who, judge), *others = judges_of(row, benchmark).items() or [("", "")]
    if not judge:
        raise InputError(f"run {row.id} is from before judges were told apart: run the same command again (nothing is asked)")
    if others:
        raise InputError(f"run {row.id} has several judges: calibrate them in runs of their own (one --model each)")
    clusters = {c: i for i, c in enumerate(dict.fromkeys(v.cluster for v in told.values))}
    pairs = tuple(Pair(clusters[v.cluster], told.labels[v.id], v.value, v.id) for v in told.values)
    return Card(
        judge=judge, method=benchmark.label, model=who, labels=named, run=row.id, measure=measure,
        items=len(pairs), figures=figures, sentences=sentences(figures), pairs=pairs, created=time.time(),
    )  # fmt: skip


def _estimates(values: Sequence[Judged], told: _Told) -> Iterable[Estimate]:
    for model, setting in dict.fromkeys((v.model, v.setting) for v in values):
        mine = [v for v in values if (v.model, v.setting) == (model, setting)]
        said, truth = np.array([v.value for v in mine]), np.array([told.labels.get(v.id, np.nan) for v in mine])
        codes, first = [v.cluster for v in mine], mine[0]
        for how, found in (
            ("prediction-powered", ppi_mean(said, truth, codes, told.scale)),
            _by_rates(said, codes, told),
        ):
            if how:
                yield Estimate(first.system, model, setting, first.measure, how, found)


def _by_rates(said: np.ndarray, codes: Sequence[str], told: _Told) -> tuple[str, Corrected]:
    """The correction by the judge's error rates; where people are divided there is no right and wrong."""
    scale, ends = told.scale, (told.scale.low, told.scale.high)
    rows = [v for v in told.values if not told.classes or told.labels[v.id] in ends]
    label, verdict = np.array([told.labels[v.id] for v in rows]), np.array([v.value for v in rows])
    who = [v.cluster for v in rows]
    if told.classes:
        right, called = (np.asarray(v == scale.high, dtype=float) for v in (label, verdict))
        found = rogan_gladen((said == scale.high).astype(float), right, called, codes, who)
        return "Rogan-Gladen", _on(found, scale)
    levels = sorted({*said.tolist(), *label.tolist(), *verdict.tolist()})
    if len(levels) > LEVELS:
        return "", Corrected(None, None, None, None, 0, 0)
    return "matrix of confusions", corrected_mean(said, label, verdict, levels, codes, who)


def _on(found: Corrected, scale: Scale) -> Corrected:
    """A share of right answers, on the measure's own scale."""

    def back(value: float | None) -> float | None:
        return None if value is None else scale.low + value * (scale.high - scale.low)

    return found._replace(value=back(found.value), low=back(found.low), high=back(found.high), raw=back(found.raw))
