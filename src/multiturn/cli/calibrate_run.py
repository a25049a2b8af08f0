"""``multiturn calibrate RUN``: a run's own judge against what people say of the same conversations."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
import numpy as np

from ..conversation import InputError
from ..engine.cards import put_card
from ..engine.data import DataFolder
from ..engine.judge_id import judges_of
from ..engine.labelling import Judged, judged, read_labels, write_sheet_of
from ..engine.runs import RunRow, find_run
from ..engine.store import Store
from ..judges.card import Card, Pair
from ..judges.card_words import sentences
from ..measures.corrected import Corrected, ppi_mean, rogan_gladen
from ..measures.figure import Scale
from ..measures.verdict import Row, Table
from ..protocols.benchmark import Benchmark
from ..report.card import print_card, print_corrected
from ..systems.catalogue import make_system
from ..systems.judge.judging_figures import against_labels
from .session import check_outputs


class Estimate(NamedTuple):
    """A figure of the run beside what it is when the judge's errors are taken out."""

    system: str
    model: str
    setting: str
    measure: str
    how: str
    found: Corrected


def write_sheet(store: str, run: str, path: str, items: int, seed: int, data: str | None) -> int:
    """Write a blind sheet of a run's judgements."""
    check_outputs(path)
    with Store(store) as opened:
        row = find_run(opened, run)
        benchmarks = _benchmarks(row, data)
        values = judged(opened, row)
        if not values:
            raise InputError(f"run {row.id} has no judged values: there is nothing to ask people about")
        n = write_sheet_of(path, opened, values, {b.label: b.scales for b in benchmarks.values()}, items, seed)
    click.echo(
        f"{path}: {n:,} of {len(values):,} judged values, drawn at random. Fill in the column `label` (a number of the scale,"
    )
    click.echo(f"or yes and no for its ends), then: multiturn calibrate {row.id} --labels {path}")
    return 0


def calibrate_run(store: str, run: str, path: str, json_path: str | None, data: str | None) -> int:
    """Read a sheet back: agreement, and the corrected figures."""
    check_outputs(json_path)
    with Store(store, writable=True) as opened:
        row = find_run(opened, run)
        benchmarks = _benchmarks(row, data)
        values = judged(opened, row)
        scales = {v.id: benchmarks[v.system].scale(v.measure) for v in values if v.system in benchmarks}
        labels = read_labels(path, scales)
        named = f"{Path(path).name} ({blake2b(Path(path).read_bytes(), digest_size=4).hexdigest()})"
        found = []
        for system, measure in dict.fromkeys((v.system, v.measure) for v in values if v.id in labels):
            mine = [v for v in values if (v.system, v.measure) == (system, measure)]
            card = _card(row, benchmarks[system], measure, mine, labels, named)
            put_card(opened, card)
            found.append((card, _estimates(mine, labels, benchmarks[system].scale(measure))))
    if json_path:
        _write(json_path, found)
    if json_path != "-":
        for card, estimates in found:
            print_card(card)
            print_corrected([e._asdict() for e in estimates])
    return 0


def _benchmarks(row: RunRow, data: str | None) -> dict[str, Benchmark]:
    made = [make_system(text, DataFolder(data)) for text in row.spec.systems]
    return {b.label: b for b in made}


def _card(
    row: RunRow, benchmark: Benchmark, measure: str, values: Sequence[Judged], labels: dict[str, float], named: str
) -> Card:
    scale = benchmark.scale(measure)
    told = [v for v in values if v.id in labels]
    coded = {scale.low, scale.high} >= {v.value for v in told} | {labels[v.id] for v in told}
    rows = [
        Row(v.id, v.cluster, "plain", 0, "", 0, v.id, name, _share(value, scale) if coded else value, 0, "")
        for v in told for name, value in (("verdict", v.value), ("label", labels[v.id]))
    ]  # fmt: skip
    figures = tuple(against_labels(Table.of(rows)))
    (who, judge), *others = judges_of(row, benchmark).items() or [("", "")]
    if not judge:
        raise InputError(f"run {row.id} is from before judges were told apart: run the same command again (nothing is asked)")
    if others:
        raise InputError(f"run {row.id} has several judges: calibrate them in runs of their own (one --model each)")
    clusters = {c: i for i, c in enumerate(dict.fromkeys(v.cluster for v in told))}
    pairs = tuple(Pair(clusters[v.cluster], labels[v.id], v.value, v.id) for v in told)
    return Card(
        judge=judge, method=benchmark.label, model=who, labels=named, run=row.id, measure=measure,
        items=len(told), figures=figures, sentences=sentences(figures), pairs=pairs, created=time.time(),
    )  # fmt: skip


def _share(value: float, scale: Scale) -> float:
    """Right or wrong as 1 or 0, whatever the scale calls them."""
    return (value - scale.low) / (scale.high - scale.low) if scale.high > scale.low else value


def _estimates(values: Sequence[Judged], labels: dict[str, float], scale: Scale) -> Iterable[Estimate]:
    out = []
    for model, setting in dict.fromkeys((v.model, v.setting) for v in values):
        mine = [v for v in values if (v.model, v.setting) == (model, setting)]
        said = np.array([v.value for v in mine])
        truth = np.array([labels.get(v.id, np.nan) for v in mine])
        codes, first = [v.cluster for v in mine], mine[0]
        found = ppi_mean(said, truth, codes, scale)
        out.append(Estimate(first.system, model, setting, first.measure, "prediction-powered", found))
        told = [v for v in values if v.id in labels]
        ends = {scale.low, scale.high}
        if {v.value for v in mine} | {v.value for v in told} | {labels[v.id] for v in told} <= ends:
            right = np.array([labels[v.id] == scale.high for v in told], dtype=float)
            called = np.array([v.value == scale.high for v in told], dtype=float)
            who = [v.cluster for v in told]
            found = rogan_gladen((said == scale.high).astype(float), right, called, codes, who)
            out.append(Estimate(first.system, model, setting, first.measure, "Rogan-Gladen", _on(found, scale)))
    return out


def _on(found: Corrected, scale: Scale) -> Corrected:
    """A share of right answers, on the measure's own scale."""

    def back(value: float | None) -> float | None:
        return None if value is None else scale.low + value * (scale.high - scale.low)

    return found._replace(value=back(found.value), low=back(found.low), high=back(found.high), raw=back(found.raw))


def _write(path: str, found: list[tuple[Card, Iterable[Estimate]]]) -> None:
    from ..conversation.files import write_bytes

    rows = [{"card": card, "corrected": [{**e._asdict(), "found": e.found._asdict()} for e in es]} for card, es in found]
    data = msgspec.json.format(msgspec.json.encode({"judges": rows}), indent=2) + b"\n"
    if path == "-":
        click.echo(data, nl=False)
    else:
        write_bytes(path, data)
