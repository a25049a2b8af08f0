"""Looking at a run that plays until its answer is sharp enough: what has been found so far, and whether to stop."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from ..conversation import InputError, UnknownName
from ..conversation.message import mended
from ..measures.figure import Figure, Scale
from ..protocols.benchmark import Benchmark
from ..protocols.scripted import Scripted, ScriptedCase
from .cast import Episode
from .plan import Plan
from .runs import RunRow, figures_of, find_run
from .store import Store
from .until import Until, look_sizes, parse_until

EVERY = 2**62
"""More episodes than a run can have."""

KIND = "sequence"
"""Kind of the figures whose intervals hold at every look."""

_CLUSTERS = """
SELECT e.model, e.setting, avg(v.value), count(v.value)
FROM run_episodes r JOIN episodes e ON e.id = r.episode JOIN verdicts v ON v.episode = e.id
WHERE r.run = ? AND e.system = ? AND v.measure = ? AND r.n < ? AND e.cluster IS NOT ?
GROUP BY e.model, e.setting, e.cluster ORDER BY min(r.n)"""

_CUT = """
SELECT min(r.n) FROM run_episodes r LEFT JOIN episodes e ON e.id = r.episode WHERE r.run = ? AND (e.id IS NULL
OR NOT e.complete AND EXISTS (SELECT 1 FROM verdicts v WHERE v.episode = e.id AND v.cause = 'budget'))"""

_LAST = """
SELECT e.cluster FROM run_episodes r JOIN episodes e ON e.id = r.episode
WHERE r.run = ? AND e.system = ? AND r.n < ? ORDER BY r.n DESC LIMIT 1"""

_MEASURES = """
SELECT DISTINCT v.measure FROM run_episodes r JOIN episodes e ON e.id = r.episode JOIN verdicts v ON v.episode = e.id
WHERE r.run = ? AND e.system = ?"""


class Found(NamedTuple):
    """The mean of one model in one setting, with an interval that holds at every look. ``over``: "verdicts", or "cases" when
    each case counts once because nobody knew beforehand how many verdicts one can have. ``n`` cases; ``missing``: those of
    which nothing was measured."""

    model: str
    setting: str
    mean: float | None
    low: float | None
    high: float | None
    n: int
    missing: int
    over: str

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
                "most": most_verdicts(benchmark, blocks, self.until.measure) if self.until.measure else {},
            }  # fmt: skip
            for size in [len(blocks)] if self.plan.taken else look_sizes(len(blocks)):
                batch = [episode for block in blocks[at:size] for episode in block]
                kept["played"] = size
                with self.store.transaction() as db:
                    rows = ((run, n + i, episode.id) for i, episode in enumerate(batch))
                    db.executemany("INSERT OR REPLACE INTO run_episodes VALUES (?,?,?)", rows)
                    # A process that is killed leaves this behind: its report knows what is watched, and of how many.
                    summary = {**find_run(self.store, run).summary, "last": {"until": self.record}}
                    db.execute("UPDATE runs SET summary=? WHERE id=?", (json.dumps(summary), run))
                at, n = size, n + len(batch)
                yield batch
                kept["looks"] += 1
                kept["measure"] = kept["measure"] or self._primary(benchmark)
                kept["most"] = kept["most"] or most_verdicts(benchmark, blocks, kept["measure"])
                if not self.plan.taken and self._sharp(benchmark, kept):
                    kept["reached"] = True
                    break

    def _primary(self, benchmark: Benchmark) -> str:
        return primary(figures_of(self.store, find_run(self.store, self.plan.spec.id), [benchmark]))

    def _sharp(self, benchmark: Benchmark, kept: dict[str, Any]) -> bool:
        found = look(self.store, self.plan.spec.id, benchmark, kept["measure"], self.until, kept["most"])
        return bool(found) and all(f.sharp(self.until.half_width) for f in found)


def most_verdicts(benchmark: Benchmark, blocks: Sequence[Sequence[Episode]], measure: str) -> dict[str, int]:
    """By setting, the most verdicts of a measure that one cluster of cases can have; scripted systems know it beforehand
    (all settings have an entry), others do not ({})."""
    if not isinstance(benchmark, Scripted):
        return {}
    most: dict[str, int] = {}
    for block in blocks:
        here: Counter[str] = Counter()
        for episode in block:
            if episode.model == block[0].model:
                case = episode.case
                if not isinstance(case, ScriptedCase):
                    return {}
                turns = (turn for turn in case.turns if turn.scored)
                here[episode.setting] += sum(v.measure == measure for turn in turns for v in benchmark.slots(case, turn))
        for setting, n in here.items():
            most[setting] = max(most.get(setting, 0), n)
    return most


def look(store: Store, run: str, benchmark: Benchmark, measure: str, until: Until, most: dict[str, int]) -> list[Found]:
    """What a run has found of a measure, by model and setting. Raises `InputError` when the measure cannot be looked at.

    Of a run that was stopped in the middle of a look, the cases up to the first that is not finished: those finished after it
    are the short ones, and no random sample. An interval that holds at every number of cases holds at this one.
    """
    (cut,) = next(store.rows(_CUT, run))
    broken = None if cut is None else next((name for (name,) in store.rows(_LAST, run, benchmark.label, cut)), None)
    by: dict[tuple[str, str], list[tuple[float | None, int]]] = {}
    for model, setting, value, n in store.rows(
        _CLUSTERS, run, benchmark.label, mended(measure), EVERY if cut is None else cut, broken
    ):
        by.setdefault((model, setting), []).append((value, n))
    if not by:
        known = [name for (name,) in store.rows(_MEASURES, run, benchmark.label)]
        if known and mended(measure) not in known:
            if until.measure:
                raise UnknownName("measure of --until", until.measure, known)
            raise InputError(
                f"--until cannot watch `{measure}` of `{benchmark.slug}`: it is computed from other verdicts; name one of these "
                f"with MEASURE:ci=X: {', '.join(known)}"
            )
        return []
    scale = benchmark.scale(measure)
    if 2 * until.half_width >= scale.high - scale.low:
        raise InputError(
            f"--until {until}: the scale of `{measure}` is only {scale.high - scale.low:g} long, so this is known without "
            "playing anything (0.02 = 2 points of a fraction)"
        )
    try:
        return [_found(*who, rows, until, scale, most.get(who[1], 0)) for who, rows in by.items()]
    except ValueError as error:
        raise InputError(
            f"--until cannot watch `{measure}` of `{benchmark.slug}`: {error}; name another measure with MEASURE:ci=X"
        ) from None


def _found(model: str, setting: str, rows: Sequence[tuple[float | None, int]], until: Until, scale: Scale, most: int) -> Found:
    import numpy as np

    from ..measures.sequential import sequence

    kept = [(value, n) for value, n in rows if value is not None]
    values, sizes = np.array([value for value, _ in kept]), np.array([n for _, n in kept], dtype=np.float64)
    # Without a bound that was known beforehand (or with one that was wrong) the mean over verdicts cannot be watched.
    counted = most > 0 and bool((sizes <= most).all())
    s = sequence(values, until.half_width, scale, sizes=sizes if counted else None, most=float(most) if counted else 1.0)
    alike = len(set(sizes.tolist())) < 2
    over = "verdicts" if counted or alike else "cases"
    return Found(model, setting, s.mean, s.low, s.high, s.n, len(rows) - len(kept), over)


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
    played = [int(kept["played"]) for kept in _record(run).values()]
    if not played:
        return run.spec.taken
    return (*played, *[0] * (len(run.spec.systems) - len(played)))  # those that it had not come to


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
        try:
            watched = look(store, run.id, benchmark, measure, until, kept.get("most", {})) if measure else []
        except InputError:  # what cannot be watched has ended the run; its other figures can be shown
            continue
        for f in watched:
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
                       note=f"mean over {f.over}; {note}", setting=f.setting, system=benchmark.label, model=f.model)
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
        elif run.status == "running":
            parts.append(f"{system}: not reached yet, {played} dealt out{measure}")
        else:
            parts.append(f"{system}: not reached, stopped early after {played}")
    return f"{run.spec.until}; " + ("; ".join(parts) or "not finished")
