"""Runs in the store: opening and closing them, and reading their verdicts back as tables and figures."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from ..conversation import Conversation, StoreError
from ..measures.figure import Figure
from ..measures.verdict import Verdict
from ..protocols.benchmark import Benchmark
from .plan import Plan, RunSpec
from .store import Store


def open_run(store: Store, plan: Plan) -> str:
    """Write down that this run is under way; returns its id. The same plan has the same id. A run that plays until
    something is known gets its episodes look by look, so that it never holds what it did not play."""
    spec = plan.spec
    with store.transaction() as db:
        db.execute(
            "INSERT INTO runs VALUES (?,?,?,?,NULL,'{}') ON CONFLICT(id) DO UPDATE SET status='running', finished=NULL",
            (spec.id, msgspec.json.encode(spec).decode(), "running", time.time()),
        )
        db.execute("DELETE FROM run_episodes WHERE run=?", (spec.id,))
        rows = ((spec.id, n, e.id) for n, e in enumerate(() if plan.until else plan.episodes))
        db.executemany("INSERT INTO run_episodes VALUES (?,?,?)", rows)
    return spec.id


def close_run(store: Store, run: str, status: str, summary: dict[str, Any]) -> None:
    """Write down how the run ended."""
    row = (status, time.time(), json.dumps(summary), run)
    with store.transaction() as db:
        db.execute("UPDATE runs SET status=?, finished=?, summary=? WHERE id=?", row)


class RunRow(NamedTuple):
    """A run as the store knows it."""

    id: str
    spec: RunSpec
    status: str
    created: float
    finished: float | None
    summary: dict[str, Any]


def runs(store: Store) -> list[RunRow]:
    """All runs, newest first."""
    found = store.rows("SELECT id, spec, status, created, finished, summary FROM runs ORDER BY created DESC")
    return [RunRow(i, msgspec.json.decode(spec, type=RunSpec), status, c, f, json.loads(s)) for i, spec, status, c, f, s in found]


def find_run(store: Store, name: str = "") -> RunRow:
    """A run by its id or the beginning of it; the newest for "" or "last"."""
    known = runs(store)
    if not known:
        raise StoreError(f"{store.path} holds no runs yet")
    if name in ("", "last"):
        return known[0]
    fits = [run for run in known if run.id.startswith(name)]
    if len(fits) != 1:
        few = ", ".join(run.id for run in (fits or known)[:8])
        raise StoreError(f"{'no' if not fits else 'more than one'} run `{name}` in {store.path}; there are: {few}")
    return fits[0]


_VERDICTS = """
SELECT e."case", e.cluster, e.setting, e.repeat, v."group", v.turn, v.item, v.measure, v.value, v.status, v.cause
FROM run_episodes r JOIN episodes e ON e.id = r.episode JOIN verdicts v ON v.episode = e.id
WHERE r.run = ? AND e.system = ? AND e.model = ? ORDER BY r.n, v.n"""


def figures_of(store: Store, run: RunRow, benchmarks: Sequence[Benchmark]) -> list[Figure]:
    """All figures of a run, system by system and model by model, from its recorded verdicts."""
    from ..measures.verdict import Table

    found: list[Figure] = []
    for benchmark in benchmarks:
        for model in run.spec.players:
            nan = float("nan")
            rows = [
                r if r[8] is not None else (*r[:8], nan, *r[9:]) for r in store.rows(_VERDICTS, run.id, benchmark.label, model)
            ]
            table = Table.of(rows)
            for make in benchmark.figures:
                found += (msgspec.structs.replace(f, system=benchmark.label, model=model) for f in make(table))
    return found


def causes_of(store: Store, run: RunRow) -> dict[str, int]:
    """Why verdicts are missing, with counts, most frequent first."""
    sql = """SELECT v.cause, count(*) FROM run_episodes r JOIN verdicts v ON v.episode = r.episode
             WHERE r.run = ? AND v.status = 2 GROUP BY v.cause ORDER BY 2 DESC, 1"""
    return dict(store.rows(sql, run.id))


def examples_of(store: Store, run: RunRow) -> dict[str, str]:
    """For every cause, what one of its failures said (where it said anything)."""
    sql = """SELECT v.cause, min(v.reason) FROM run_episodes r JOIN verdicts v ON v.episode = r.episode
             WHERE r.run = ? AND v.status = 2 AND v.reason != '' GROUP BY v.cause"""
    return dict(store.rows(sql, run.id))


class Played(NamedTuple):
    """One recorded episode with its conversation and verdicts."""

    system: str
    model: str
    case: str
    cluster: str
    group: str
    setting: str
    repeat: int
    stopped: str
    chat: Conversation
    verdicts: list[Verdict]


_EPISODES = """
SELECT e.id, e.system, e.model, e."case", e.cluster, e."group", e.setting, e.repeat, e.stopped, e.node
FROM run_episodes r JOIN episodes e ON e.id = r.episode WHERE r.run = ? ORDER BY r.n"""


def played(store: Store, run: RunRow) -> Iterator[Played]:
    """All recorded episodes of a run, in plan order. Conversations share their prefixes in memory."""
    known: dict[bytes, Conversation] = {}
    sql = 'SELECT measure, value, turn, item, "group", reason, cause, status FROM verdicts WHERE episode=? ORDER BY n'
    for id_, system, model, case, cluster, group, setting, repeat, stopped, node in store.rows(_EPISODES, run.id):
        verdicts = [
            Verdict(m, v, turn or None, item, group, reason, cause, failed=status == 1)
            for m, v, turn, item, group, reason, cause, status in store.rows(sql, id_)
        ]
        chat = store.conversation(node, known)
        yield Played(system, model, case, cluster, group, setting, repeat, stopped, chat, verdicts)
