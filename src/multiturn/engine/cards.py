"""Judge cards in the store, and what they make of the figures of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from ..judges.card import Card
from ..measures.corrected import corrected_mean, ppi_mean, rogan_gladen
from ..measures.figure import Figure, Scale
from ..protocols.benchmark import Benchmark
from .judge_id import CODE, judges_of
from .runs import RunRow
from .store import Store

_decode = msgspec.json.Decoder(Card).decode


def put_card(store: Store, card: Card) -> Card:
    """Keep a card and return it; or the one that is there, of the same judge, labels and measure, if that rests on more items of
    another run. Labels of a run's own judgements replace the earlier ones of that run."""
    for known in cards(store):
        of_run = known.run == card.run
        if (known.judge, known.labels, known.measure) == (card.judge, card.labels, card.measure):
            if known.items > card.items and not of_run:
                return known
        elif card.pairs and of_run and (known.judge, known.measure) == (card.judge, card.measure):
            with store.transaction() as db:
                key = (bytes.fromhex(known.judge), known.labels, known.measure)
                db.execute("DELETE FROM cards WHERE judge = ? AND labels = ? AND measure = ?", key)
    with store.transaction() as db:
        row = (bytes.fromhex(card.judge), card.labels, card.measure, card.model, msgspec.json.encode(card).decode())
        db.execute("INSERT OR REPLACE INTO cards VALUES (?,?,?,?,?)", row)
    return card


def cards(store: Store) -> list[Card]:
    """All cards of a store, newest first ([] in a store from before there were any)."""
    if not list(store.rows("SELECT 1 FROM sqlite_master WHERE name='cards'")):
        return []
    return sorted((_decode(text) for (text,) in store.rows("SELECT card FROM cards")), key=lambda c: -c.created)


def cards_of(store: Store, run: RunRow, benchmarks: Sequence[Benchmark]) -> tuple[list[Card], list[Card]]:
    """What is known of the judges of a run: their own cards (the same question, model and options), and those of the same model
    asked something else."""
    judges = [found for b in benchmarks for found in judges_of(run, b).items()]
    hashes, models = {hash_ for _, hash_ in judges}, {name for name, _ in judges if name != CODE}
    known = cards(store)
    own = [c for c in known if c.judge in hashes]
    # What one of them is worth on this very run comes first.
    own.sort(key=lambda c: c.run != run.id)
    return own, [c for c in known if c.model in models and c.judge not in hashes]


_VALUES = """
SELECT e.cluster, v.value, e.id, v.n FROM run_episodes r JOIN episodes e ON e.id = r.episode JOIN verdicts v ON v.episode = e.id
WHERE r.run = ? AND e.system = ? AND e.model = ? AND e.setting = ? AND v.measure = ? AND v.value IS NOT NULL"""
LEVELS = 11
"""Values of a scale up to which its confusions are told one by one."""


def corrected_figures(store: Store, run: RunRow, benchmarks: Sequence[Benchmark], found: Sequence[Card],
                      figures: Sequence[Figure]) -> Iterator[Figure]:  # fmt: skip
    """The overall means of a run with the errors of its judge taken out (kind "corrected"), where its own card has labels for
    that measure: prediction-powered where they are of this run's own judgements, else Rogan-Gladen for right and wrong, and the
    matrix of confusions for a scale of a few values."""
    by_label = {b.label: b for b in benchmarks}
    for figure in figures:
        benchmark = by_label.get(figure.system)
        if figure.kind != "mean" or figure.group is not None or figure.turn is not None or benchmark is None:
            continue
        judges = set(judges_of(run, benchmark).values()) if found else set()
        told = [c for c in found if c.judge in judges and c.measure == figure.measure and c.pairs]
        if told:  # labels of these very judgements, else the most labels of other ones
            card = max(told, key=lambda c: (c.run == run.id, len(c.pairs)))
            yield _corrected(store, run, figure, card, benchmark.scale(figure.measure))


def _corrected(store: Store, run: RunRow, figure: Figure, card: Card, scale: Scale) -> Figure:
    rows = list(store.rows(_VALUES, run.id, figure.system, figure.model, figure.setting, figure.measure))
    said, clusters = np.array([row[1] for row in rows]), [row[0] for row in rows]
    labels = {p.id: p.label for p in card.pairs if p.id}
    here = np.array([labels.get(f"{row[2].hex()}.{row[3]}", np.nan) for row in rows])
    if np.isfinite(here).any():  # people labelled a sample of these very judgements
        found = ppi_mean(said, here, clusters, scale)
        if found.value is not None:
            n = int(np.isfinite(here).sum())
            return _figure(figure, found.value, found.low, found.high, f"prediction-powered, {n:,} labelled ({card.labels})")
    ends, middle = {scale.low, scale.high}, (scale.low + scale.high) / 2
    # Where it is right or wrong, people may have been undecided: that is no class of its own.
    binary = set(said) | {p.verdict for p in card.pairs} <= ends and {p.label for p in card.pairs} <= {*ends, middle}
    pairs = [p for p in card.pairs if p.label in ends] if binary else card.pairs
    label, verdict = np.array([p.label for p in pairs]), np.array([p.verdict for p in pairs])
    people = [p.cluster for p in pairs]
    if binary:
        observed, truth, called = ((v == scale.high).astype(float) for v in (said, label, verdict))
        found = rogan_gladen(observed, truth, called, clusters, people)
        value, low, high = (None if v is None else scale.low + v * (scale.high - scale.low) for v in found[:3])
        how = "Rogan-Gladen"
    else:
        levels, how = sorted(set(said) | set(label) | set(verdict)), "matrix of confusions"
        if len(levels) > LEVELS:
            return _figure(figure, None, None, None, f"the scale has more than {LEVELS} values")
        found = corrected_mean(said, label, verdict, levels, clusters, people)
        value, low, high = found[:3]
    return _figure(figure, value, low, high, found.note or f"{how}, from {len(pairs):,} labels ({card.labels})")


def _figure(figure: Figure, value: float | None, low: float | None, high: float | None, note: str) -> Figure:
    return msgspec.structs.replace(
        figure, measure=f"{figure.measure} corrected", kind="corrected", value=value, low=low, high=high, worst=None, best=None,
        note=note,
    )  # fmt: skip
