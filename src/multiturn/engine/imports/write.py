"""Writing what was found into a store, as a run of its own: all of it or nothing, and the same files are the same run."""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from ...conversation import Conversation, DataError, InputError
from ...conversation.message import canonical, mended
from ...measures.figure import Scale
from ...measures.verdict import FAILED, SCORED, UNMEASURED, Verdict
from ..identity import digest
from ..plan import RunSpec
from ..store import Store
from .common import Bad, Found, Item, Note, case_of
from .names import guessed_scale, label_of, system_text

Known: TypeAlias = Callable[[str, str], Scale | None]
"""The scale of a task's measure, where somebody knows it."""

UNNAMED = "unknown"
SHOWN, LONGEST = 5, 300
"""Bad rows and notes that are kept to be told; characters of what is wrong with one."""


class Brought(Struct, frozen=True, kw_only=True):
    """What an import brought. ``fresh`` False: the store had this run already. ``skipped``: rows that were left out, ``problems``
    the first of them with their places."""

    run: str
    format: str
    fresh: bool
    conversations: int
    cases: int
    repeats: int
    models: tuple[str, ...]
    measures: tuple[str, ...]
    verdicts: int
    unmeasured: int
    skipped: int
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def bring_in(
    store: Store, items: Iterable[Item], *, format: str, model: str = "", scale: Known | None = None, skip_bad: bool = False,
    about: Mapping[str, Any] | None = None,
) -> Brought:  # fmt: skip
    """Write conversations into the store as one run. ``scale``: what is known of a task's measures beside their values.
    ``about``: provenance for the run's summary (command, data …).

    Raises `DataError` for the first row that cannot be used (with ``skip_bad``: only when nothing can), and then the store is as
    it was.
    """
    with store.transaction() as db:
        batch = _Batch(store, db, format, model, skip_bad)
        for item in items:
            batch.take(item)
        return batch.finish(scale or (lambda task, measure: None), dict(about or {}))


class _Batch:
    """One import while it is being written."""

    def __init__(self, store: Store, db: sqlite3.Connection, format: str, model: str, skip_bad: bool) -> None:
        self.store, self.db, self.format, self.model, self.skip_bad = store, db, format, model, skip_bad
        self.episodes: list[bytes] = []
        self.taken: dict[tuple[str, ...], dict[int, bytes]] = {}
        self.ranges: dict[str, dict[str, tuple[float, float]]] = {}
        self.models: dict[str, None] = {}
        self.roles: dict[str, dict[str, None]] = {}
        self.cases: set[tuple[str, str]] = set()
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.count: Counter[str] = Counter()
        self.tasks: dict[str, None] = {}

    def take(self, item: Item) -> None:
        if isinstance(item, Note):
            self.notes.append(item.text)
        elif isinstance(item, Bad):
            line = f"{item.where}: {_short(item.problem)}"
            if not self.skip_bad:
                raise DataError(f"{line} (nothing was imported; --skip-bad leaves such rows out)")
            self.count["skipped"] += 1
            self.problems += [line] * (len(self.problems) < SHOWN)
        else:
            self._put(item)

    def _put(self, found: Found) -> None:
        self.models[mended(found.model)] = None
        if self.model and len(self.models) > 1:
            named = ", ".join(name or "none" for name in self.models)
            raise InputError(f"the files name several models ({named}): --model would make them one")
        model = self.model or mended(found.model) or UNNAMED
        label, case = label_of(self.format, found.task), case_of(found)
        setting, group, cluster = mended(found.setting), mended(found.group), mended(found.cluster)
        verdicts = [_row(n, v, group) for n, v in enumerate(found.verdicts)]
        repeats = self.taken.setdefault((label, model, case, setting), {})
        content = digest(found.chat.id, cluster, group, mended(found.stopped), verdicts)
        repeat = _repeat(repeats, found.repeat, content)
        if repeat is None:
            self.count["duplicates"] += 1
            return
        repeats[repeat] = content
        id_ = digest("imported", label, case, setting, repeat, model, content)
        self._write(id_, (label, model, case, cluster or case, group, setting, repeat), found, verdicts)
        self.episodes.append(id_)
        self.cases.add((label, case))
        self.tasks[found.task] = None
        for role, name in found.roles.items():
            self.roles.setdefault(mended(role), {})[mended(name)] = None
        self._see(found.task, verdicts)

    def _see(self, task: str, verdicts: Sequence[tuple[Any, ...]]) -> None:
        """Note which measures there are, and between which values."""
        ranges = self.ranges.setdefault(task, {})
        for _, measure, _, _, _, value, *_ in verdicts:
            low, high = ranges.get(measure, (0.0, 0.0))
            ranges[measure] = (low, high) if value is None else (min(low, value), max(high, value))
            self.count["verdicts"] += 1
            self.count["unmeasured"] += value is None

    def _write(self, id_: bytes, place: tuple[Any, ...], found: Found, verdicts: Sequence[tuple[Any, ...]]) -> None:
        nodes, media = _nodes(found.chat, self.store)
        self.db.executemany("INSERT OR IGNORE INTO nodes VALUES (?,?,?)", nodes)
        self.db.executemany("INSERT OR IGNORE INTO media VALUES (?,?,?)", media)
        facts = json.dumps({**found.facts, "imported from": mended(found.where)})
        row = (id_, *place, found.chat.id, mended(found.stopped), 1, 0, mended(facts), time.time())
        self.db.execute("INSERT OR IGNORE INTO episodes VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", row)
        self.db.executemany("INSERT OR IGNORE INTO verdicts VALUES (?,?,?,?,?,?,?,?,?,?)", [(id_, *v) for v in verdicts])

    def finish(self, known: Known, about: dict[str, Any]) -> Brought:
        if not self.episodes:
            why = f": {self.problems[0]}" if self.problems else ""
            raise DataError(f"there is no conversation to import{why}")
        if self.count["duplicates"]:
            self.notes.append(f"{self.count['duplicates']:,} conversations came twice, word by word, and were taken once")
        models = (self.model,) if self.model else tuple(name or UNNAMED for name in self.models)
        spec = RunSpec(
            systems=tuple(system_text(self.format, task, self._scales(task, known)) for task in self.tasks),
            models=models,
            repeats=1 + max(repeat for repeats in self.taken.values() for repeat in repeats),
            roles={role: ", ".join(names) for role, names in sorted(self.roles.items())},
            episodes=digest(b"".join(self.episodes)).hex(),
        )
        fresh = self._open(spec, about)
        return Brought(
            run=spec.id, format=self.format, fresh=fresh, conversations=len(self.episodes), cases=len(self.cases),
            repeats=spec.repeats, models=models, measures=tuple(dict.fromkeys(m for r in self.ranges.values() for m in r)),
            verdicts=self.count["verdicts"], unmeasured=self.count["unmeasured"], skipped=self.count["skipped"],
            problems=tuple(self.problems), notes=tuple(self.notes),
        )  # fmt: skip

    def _scales(self, task: str, known: Known) -> dict[str, Scale]:
        return {m: known(task, m) or guessed_scale(*ends) for m, ends in self.ranges.get(task, {}).items()}

    def _open(self, spec: RunSpec, about: dict[str, Any]) -> bool:
        """Write the run; False if it is there already."""
        nothing = dict.fromkeys(("made", "recorded", "retried", "failed", "input", "output", "cached"), 0)
        options = {"imported as": self.format, "conversations": len(self.episodes), "skipped": self.count["skipped"]}
        summary = {**nothing, "cost": 0.0, "cost_known": False, "seconds": 0.0, **about, "options": options}
        now = time.time()
        text = msgspec.json.encode(spec).decode()
        row = (spec.id, text, "done", now, now, json.dumps({"last": summary, "total": summary}))
        fresh = self.db.execute("INSERT OR IGNORE INTO runs VALUES (?,?,?,?,?,?)", row).rowcount > 0
        places = ((spec.id, n, id_) for n, id_ in enumerate(self.episodes))
        self.db.executemany("INSERT OR IGNORE INTO run_episodes VALUES (?,?,?)", places)
        return fresh


def _short(problem: str) -> str:
    """Without the rest of a long value that it quotes."""
    return problem if len(problem) <= LONGEST else f"{problem[:LONGEST]}…"


def _repeat(taken: Mapping[int, bytes], wanted: int | None, content: bytes) -> int | None:
    """Which repeat of its case this is: the one that the file says, or the next free one; None for one that is there already."""
    if wanted is not None and wanted not in taken:
        return wanted
    if wanted is not None and taken[wanted] == content:
        return None
    return max(taken, default=-1) + 1


def _row(n: int, v: Verdict, group: str) -> tuple[Any, ...]:
    """A verdict as a row without its episode."""
    value = v.value if v.value is not None and math.isfinite(v.value) else None
    status = UNMEASURED if value is None else FAILED if v.failed else SCORED
    cause = mended(v.cause) or ("no cause given" if v.value is None else "not a number")
    turn = int(v.turn or 0)
    item = v.item or (str(turn) if turn else "")
    return (n, mended(v.measure), turn, mended(item), mended(v.group or group), None if value is None else float(value), status,
            cause if status == UNMEASURED else "", mended(v.reason))  # fmt: skip


def _nodes(chat: Conversation, store: Store) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The rows of a conversation's messages that are not written yet, and of their media."""
    nodes: list[tuple[Any, ...]] = []
    media: list[tuple[Any, ...]] = []
    for node in _new(chat, store):
        assert node.parent is not None
        assert node.message is not None
        nodes.append((node.id, node.parent.id, canonical(node.message).decode()))
        media += [(part.digest, part.mime, part.data) for part in node.message.media if part.data is not None]
        node.stored = store
    return nodes, media


def _new(chat: Conversation, store: Store) -> Iterator[Conversation]:
    for node in chat.path():
        if node.stored is store:
            return
        yield node
