"""Models x items matrices of scores: from the runs of a store, and from CSV or JSONL files."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from ...conversation import DataError, InputError, UnknownName
from ...conversation.message import mended
from ...engine.runs import RunRow, find_run, runs
from ...engine.store import Store
from ...measures.anchors import balance_weights
from ...measures.codes import Floats
from ...measures.verdict import UNMEASURED
from ...protocols.benchmark import Benchmark, Data
from .tiny_file import scale_of, unit_score
from .tinybenchmarks import TinyBenchmarks, cases_hash, headline

OURS = TinyBenchmarks.slug


class Responses(NamedTuple):
    """Scores between 0 and 1 (models, items; NaN = not measured), balance weights of the items (mean 1), their groups, and what
    they are scores of. ``notes``: what was left out, one line each."""

    scores: Floats
    models: list[str]
    items: list[str]
    weights: Floats
    groups: list[str]
    of: str = ""
    label: str = ""
    setting: str = ""
    measure: str = ""
    views: Mapping[str, list[str]] = {}
    cases: str = ""
    made_from: Mapping[str, Any] = {}
    notes: tuple[str, ...] = ()


def trimmed(found: Responses) -> Responses:
    """Without the items that fewer than half of the models have a score on, then without the models that have a score on fewer
    than half of the items left. Raises `InputError` when nothing is left."""
    seen = ~np.isnan(found.scores)
    items = seen.mean(axis=0) >= 0.5 if len(seen) else np.zeros(len(found.items), dtype=bool)
    models = seen[:, items].mean(axis=1) >= 0.5 if items.any() else np.zeros(len(found.models), dtype=bool)
    items &= seen[models].any(axis=0)
    if not models.any() or not items.any():
        raise InputError("there is nothing to select from: no item was measured for half of the models")
    notes = list(found.notes)
    for kept, names, what, of in ((items, found.items, "items", "models"), (models, found.models, "models", "items")):
        if not kept.all():
            notes.append(f"{int((~kept).sum()):,} of {len(names):,} {what} left out: measured for fewer than half of the {of}")
    weights = found.weights[items]
    return found._replace(
        scores=found.scores[models][:, items], models=_kept(found.models, models), items=_kept(found.items, items),
        weights=weights / weights.mean(), groups=_kept(found.groups, items), notes=tuple(notes),
    )  # fmt: skip


def _kept(names: Sequence[str], mask: Iterable[bool]) -> list[str]:
    return [name for name, kept in zip(names, mask, strict=True) if kept]


# -- runs ---------------------------------------------------------------------------------------------------------
_SCORES = """
SELECT DISTINCT e.id, e.model, e."case", v.n, v.value, v.status
FROM run_episodes r JOIN episodes e ON e.id = r.episode JOIN verdicts v ON v.episode = e.id
WHERE r.run=? AND e.system=? AND e.setting=? AND v.measure=?"""


def from_runs(
    store: Store, names: Sequence[str], data: Data | None, benchmark: str = "", measure: str = "", setting: str = ""
) -> Responses:
    """The scores of the models of these runs (none named: all runs of the benchmark) on its cases: one row a model, repeats
    averaged. A case weighs as many verdicts as it has: the whole score is the benchmark's mean over verdicts.

    ``benchmark``: by default the first of the first run (the newest) that is no selection itself; ``measure``: by default that
    benchmark's first; ``setting``: its first that was played.
    """
    from ..catalogue import make_system

    chosen = [find_run(store, name) for name in names] or runs(store)
    if not chosen:
        raise InputError(f"{store.path} holds no runs yet: run a benchmark with several models first, or give --responses FILE")
    typed = list(dict.fromkeys(text for run in chosen for text in run.spec.systems if text.partition("?")[0] != OURS))
    fits = [text for text in typed if benchmark in ("", text, text.partition("?")[0])]
    if not typed:
        raise InputError(
            f"these runs played selections only ({OURS}): a selection is made from runs of the whole benchmark (or --responses)"
        )
    if not fits:
        raise UnknownName("benchmark of these runs", benchmark, typed)
    made = make_system(fits[0], data)
    played = [run for run in chosen if made.label in _values(store, run, "system")]
    if names and len(played) < len(chosen):
        other = next(run for run in chosen if run not in played)
        raise InputError(f"run {other.id} did not play `{made.label}`: a selection is made from runs of one benchmark")
    known = list(dict.fromkeys(name for run in played for name in _values(store, run, "setting", made.label)))
    setting = setting or next((name for name in made.settings if name in known), "")
    if setting not in known:
        raise UnknownName("setting of these runs", setting, known)
    return _matrix(store, played, made, fits[0], setting, measure or headline(made))


def _values(store: Store, run: RunRow, column: str, system: str = "") -> list[str]:
    sql = f"""SELECT e."{column}" FROM run_episodes r JOIN episodes e ON e.id = r.episode
              WHERE r.run=? AND ? IN ('', e.system) GROUP BY 1 ORDER BY min(r.n)"""
    return [value for (value,) in store.rows(sql, run.id, system)]


def _matrix(store: Store, chosen: Sequence[RunRow], benchmark: Benchmark, of: str, setting: str, measure: str) -> Responses:
    scale = scale_of(benchmark.scales, measure)
    if not math.isfinite(scale.high - scale.low):
        raise InputError(f"`{measure}` has no end on its scale: a selection needs scores between two ends")
    cases = {mended(case.id): case for case in benchmark.cases()}
    views = {name: list(dict.fromkeys(mended(v.id) for v in benchmark.views(case, setting))) for name, case in cases.items()}
    place = {view: item for item, parts in reversed(views.items()) for view in parts}
    cells: dict[tuple[str, str], list[float]] = {}
    episodes: dict[bytes, tuple[str, dict[int, None]]] = {}
    for run in chosen:
        for episode, model, view, n, value, status in store.rows(_SCORES, run.id, benchmark.label, setting, measure):
            _, seen = episodes.setdefault(episode, (view, {}))
            if view not in place or n in seen:
                continue
            seen[n] = None
            cell = cells.setdefault((model, place[view]), [])
            if status != UNMEASURED:
                cell.append(float(unit_score(np.array(value), scale)))
    if not cells:
        known = {m for run in chosen for (m,) in store.rows(_MEASURES, run.id)}
        raise UnknownName(f"measure of `{benchmark.label}` in these runs", measure, known)
    models, items = list(dict.fromkeys(model for model, _ in cells)), list(cases)
    scores = np.array([[np.mean(v) if (v := cells.get((m, i))) else np.nan for i in items] for m in models])
    slots = dict.fromkeys(place, 0)
    for view, seen in episodes.values():
        if view in slots:
            slots[view] = max(slots[view], len(seen))
    found = trimmed(
        Responses(
            scores, models, items, np.array([float(sum(slots[view] for view in views[item])) for item in items]),
            [cases[item].group or "" for item in items], of, benchmark.label, setting, measure,
            {item: parts for item, parts in views.items() if parts != [item]},
            made_from={"runs": [run.id for run in chosen]},
        )
    )  # fmt: skip
    return found._replace(cases=cases_hash(cases[item] for item in found.items))


_MEASURES = "SELECT DISTINCT v.measure FROM run_episodes r JOIN verdicts v ON v.episode = r.episode WHERE r.run=?"


# -- files --------------------------------------------------------------------------------------------------------
def from_file(path: str) -> Responses:
    """A matrix from a file: CSV (a header of item ids behind the first cell, then a row for each model; a row called ``group``
    gives the items' groups) or JSONL (``{"model": …, "scores": {item: score}}`` a line, ``{"groups": {item: group}}`` anywhere;
    the py-irt form with ``subject_id`` and ``responses`` is read, too). Scores are from 0 to 1; an empty cell or null was not
    measured. With groups, items weigh so that every group weighs the same. Raises `DataError` with line and item."""
    try:
        data = Path(path).read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot read the responses {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8") from None
    groups: dict[str, str] = {}
    rows: dict[str, dict[str, float]] = {}
    read = _json_rows if path.lower().endswith((".jsonl", ".ndjson", ".json")) else _csv_rows
    for line, model, cells in read(path, text):
        if model is None:
            groups |= {str(item): str(group) for item, group in cells.items()}
        elif model in rows:
            raise DataError(f"{path}, line {line}: model {model[:60]!r} is there twice")
        else:
            rows[model] = {item: _score(value, f"{path}, line {line}, item {item[:60]!r}") for item, value in cells.items()}
    items = list(dict.fromkeys(item for row in rows.values() for item in row))
    if not items:
        raise DataError(f"{path} holds no scores: a CSV file has a header of item ids and a row for each model")
    named = [groups.get(item, "") for item in items]
    scores = np.array([[row.get(item, np.nan) for item in items] for row in rows.values()])
    made_from = {"responses": Path(path).name, "sha256": hashlib.sha256(data).hexdigest()}
    found = trimmed(Responses(scores, list(rows), items, np.ones(len(items)), named, made_from=made_from))
    return found._replace(weights=balance_weights(found.groups))


def _csv_rows(path: str, text: str) -> Iterator[tuple[int, str | None, Mapping[str, Any]]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header = next(reader, [])[1:]
        if len(set(header)) != len(header):
            raise DataError(f"{path}, line 1: an item is there twice")
        for row in reader:
            if not row:
                continue
            if len(row) != len(header) + 1:
                raise DataError(f"{path}, line {reader.line_num}: {len(row) - 1} scores for {len(header)} items")
            yield reader.line_num, None if row[0] == "group" else row[0], dict(zip(header, row[1:], strict=True))
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}") from None


class _Line(msgspec.Struct):
    model: str | int | None = None
    subject_id: str | int | None = None
    scores: dict[str, Any] = {}
    responses: dict[str, Any] = {}
    groups: dict[str, str | int] | None = None


def _json_rows(path: str, text: str) -> Iterator[tuple[int, str | None, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            found = msgspec.json.decode(line, type=_Line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise DataError(f"{path}, line {number}: {error}") from None
        name = found.subject_id if found.model is None else found.model
        if found.groups is not None:
            yield number, None, found.groups
        if name is not None:
            yield number, str(name), found.scores or found.responses
        elif found.groups is None:
            raise DataError(f"{path}, line {number}: `model` and `scores` are missing")


def _score(value: Any, where: str) -> float:
    if value is None or (isinstance(value, str) and not value.strip()):
        return float("nan")
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not 0 <= found <= 1:
        raise DataError(f"{where}: a score must be a number from 0 to 1, or empty, not {str(value)[:40]!r}")
    return found
