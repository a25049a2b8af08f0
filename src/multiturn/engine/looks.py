"""Looking at a run that plays until its answer is sharp enough: what has been found so far, and whether to stop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from ..conversation import InputError, UnknownName
from ..conversation.message import mended
from ..measures.figure import Figure
from ..protocols.benchmark import Benchmark
from .cast import Episode
from .plan import Plan
from .runs import RunRow, figures_of, find_run
from .store import Store
from .until import Until, look_sizes, parse_until

KIND = "sequence"
"""Kind of the figures whose intervals hold at every look."""

_CLUSTERS = """
SELECT e.model, e.setting, avg(v.value)
FROM run_episodes r JOIN episodes e ON e.id = r.episode JOIN verdicts v ON v.episode = e.id
WHERE r.run = ? AND e.system = ? AND v.measure = ? GROUP BY e.model, e.setting, e.cluster ORDER BY min(r.n)"""

_MEASURES = """
SELECT DISTINCT v.measure FROM run_episodes r JOIN episodes e ON e.id = r.episode JOIN verdicts v ON v.episode = e.id
WHERE r.run = ? AND e.system = ?"""


class Found(NamedTuple):
    """The mean over cases (each counts once, whatever its number of verdicts) of one model in one setting, with an interval
    that holds at every look; ``missing``: cases of which nothing was measured."""

    model: str
    setting: str
    mean: float | None
    low: float | None
    high: float | None
    n: int
    missing: int

    def sharp(self, half_width: float) -> bool:
        return self.low is not None and self.high is not None and (self.high - self.low) / 2 <= half_width


class Looks:
    """Deals out the episodes of a plan look by look, and keeps the record of it."""

    def __init__(self, plan: Plan, store: Store) -> None:
        assert plan.until is not None
        self.plan, self.store, self.until = plan, store, plan.until
        self.record: dict[str, dict[str, Any]] = {}
        """By system: measure, clusters played and there, looks, and whether the wanted width was reached."""

    def batches(self) -> Iterator[list[Episode]]:
        """The episodes to play before each look. A run that judges another again has no looks: it takes what that one took."""
        run, n = self.plan.spec.id, 0
        for benchmark in self.plan.benchmarks:
            blocks = self.plan.blocks(benchmark)
            at = 0
            kept = self.record[benchmark.label] = {
                "measure": self.until.measure, "played": 0, "of": len(blocks), "looks": 0, "reached": False,
            }  # fmt: skip
            for size in [len(blocks)] if self.plan.taken else look_sizes(len(blocks)):
                batch = [episode for block in blocks[at:size] for episode in block]
                with self.store.transaction() as db:
                    rows = ((run, n + i, episode.id) for i, episode in enumerate(batch))
                    db.executemany("INSERT OR REPLACE INTO run_episodes VALUES (?,?,?)", rows)
                at, n = size, n + len(batch)
                kept["played"] = size
                yield batch
                kept["looks"] += 1
                kept["measure"] = kept["measure"] or self._primary(benchmark)
                if not self.plan.taken and self._sharp(benchmark, kept["measure"]):
                    kept["reached"] = True
                    break

    def _primary(self, benchmark: Benchmark) -> str:
        return primary(figures_of(self.store, find_run(self.store, self.plan.spec.id), [benchmark]))

    def _sharp(self, benchmark: Benchmark, measure: str) -> bool:
        found = look(self.store, self.plan.spec.id, benchmark, measure, self.until)
        return bool(found) and all(f.sharp(self.until.half_width) for f in found)


def look(store: Store, run: str, benchmark: Benchmark, measure: str, until: Until) -> list[Found]:
    """What a run has found of a measure, by model and setting. Raises `InputError` when the measure cannot be looked at."""
    from ..measures.sequential import sequence

    by: dict[tuple[str, str], list[float | None]] = {}
    for model, setting, value in store.rows(_CLUSTERS, run, benchmark.label, mended(measure)):
        by.setdefault((model, setting), []).append(value)
    if not by:
        known = [name for (name,) in store.rows(_MEASURES, run, benchmark.label)]
        if known and until.measure:
            raise UnknownName("measure of --until", until.measure, known)
        return []
    out = []
    for (model, setting), values in by.items():
        kept = [value for value in values if value is not None]
        try:
            s = sequence(kept, until.half_width, benchmark.scale(measure))  # type: ignore[arg-type]
        except ValueError as error:
            raise InputError(
                f"--until cannot watch `{measure}` of `{benchmark.slug}`: {error}; name another measure with MEASURE:ci=X"
            ) from None
        out.append(Found(model, setting, s.mean, s.low, s.high, s.n, len(values) - len(kept)))
    return out


def primary(figures: Iterable[Figure]) -> str:
    """The measure of the headline: the first that settings are compared on, else the first there is; "" when there is none."""
    found = list(figures)
    means = list(dict.fromkeys(f.measure for f in found if f.kind == "mean" and f.turn is None))
    compared = {f.measure.removesuffix(" difference") for f in found if f.kind == "difference" and f.turn is None}
    return next((m for m in means if m in compared), means[0] if means else "")


def taken(run: RunRow) -> tuple[int, ...]:
    """How many clusters of each system a run that plays until something has played: what judging it again must take.
    () for other runs."""
    if not run.spec.until:
        return ()
    record = _record(run)
    return tuple(int(kept["played"]) for kept in record.values()) or run.spec.taken


def _record(run: RunRow) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = (run.summary.get("last") or {}).get("until", {})
    return found


def with_sequences(store: Store, run: RunRow, benchmarks: Sequence[Benchmark], figures: Sequence[Figure]) -> list[Figure]:
    """The figures of such a run: one more for each model and setting whose interval holds at every look, and that interval
    also on the mean itself, where it is the same mean."""
    until = parse_until(run.spec.until)
    assert until is not None
    out, record = list(figures), _record(run)
    for benchmark in benchmarks:
        kept = record.get(benchmark.label, {})
        measure = kept.get("measure") or until.measure or primary(f for f in figures if f.system == benchmark.label)
        for f in look(store, run.id, benchmark, measure, until) if measure else ():
            where = (f.setting, benchmark.label, f.model)
            note = f"holds at every look (confidence sequence); the run was to stop at {until}"
            for i, figure in enumerate(out):
                if figure.kind == "mean" and figure.measure == measure and figure.group is None and figure.turn is None:
                    same = figure.value is not None and f.mean is not None and abs(figure.value - f.mean) < 1e-9
                    if same and (figure.setting, figure.system, figure.model) == where:
                        out[i] = msgspec.structs.replace(figure, low=f.low, high=f.high, note=note)
            out.append(
                Figure(measure=f"{measure} at any stop", kind=KIND, value=f.mean, low=f.low, high=f.high, n_cases=f.n,
                       n_scored=f.n, n_unmeasured=f.missing, unit=benchmark.scale(measure).unit,
                       note=f"mean over cases; {note}", setting=f.setting, system=benchmark.label, model=f.model)
            )  # fmt: skip
    return out


def in_words(run: RunRow) -> str:
    """What was asked for, and how it ended, on one line."""
    parts = []
    for system, kept in _record(run).items():
        measure = f" (measure: {kept['measure']})" if kept["measure"] else ""
        played = f"{kept['played']:,} of {kept['of']:,} cases"
        if run.spec.taken:
            parts.append(f"{system}: the {kept['played']:,} cases that were played, judged again")
        elif kept["reached"]:
            parts.append(f"{system}: reached after {played}, at look {kept['looks']}{measure}")
        elif kept["played"] == kept["of"] and run.status == "done":
            parts.append(f"{system}: not reached with all {played}{measure}")
        else:
            parts.append(f"{system}: not reached, stopped early after {played}")
    return f"{run.spec.until}; " + ("; ".join(parts) or "not finished")
