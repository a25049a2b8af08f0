"""The simulated users of a run, looked at in the store: nobody is asked anything."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from ..conversation import Case, Conversation, DataError, InputError
from ..judges.simulation import Finding, Secrets, Talk, audit, checked
from ..measures.figure import Figure
from ..measures.verdict import Table
from ..protocols.benchmark import Benchmark
from .runs import RunRow
from .store import Store


class Audited(NamedTuple):
    """One conversation of a run with what was found in it. ``episode``: its id; ``known``: the benchmark said what its user
    knows (else only the text was checked); ``checked``: the kinds that could have been found."""

    episode: bytes
    system: str
    model: str
    case: str
    cluster: str
    setting: str
    repeat: int
    secrets: Secrets
    known: bool
    talk: Talk
    findings: tuple[Finding, ...]
    checked: frozenset[str]

    @property
    def decided(self) -> bool:
        """Whether the simulator can have decided how this conversation came out."""
        return any(finding.decides for finding in self.findings)


_EPISODES = """
SELECT e.id, e.system, e.model, e."case", e.cluster, e.setting, e.repeat, e.facts, e.node
FROM run_episodes r JOIN episodes e ON e.id = r.episode WHERE r.run = ? ORDER BY r.n"""


def audited(store: Store, run: RunRow, benchmarks: Sequence[Benchmark]) -> Iterator[Audited]:
    """Every conversation of a run in which somebody plays the user, in plan order."""
    known: dict[bytes, Conversation] = {}
    makers = {b.label: (b, cases_of(b)) for b in benchmarks if simulates(b)}
    for id_, system, model, case, cluster, setting, repeat, facts, node in store.rows(_EPISODES, run.id):
        if system not in makers:
            continue
        benchmark, cases = makers[system]
        chat = store.conversation(node, known)
        found = _secrets(benchmark, cases.get((setting, case)), chat, setting, msgspec.json.decode(facts or "{}"))
        secrets = found or Secrets(stop=_stop(facts))
        talk = Talk.of(chat, secrets.turns)
        if talk.said:
            yield Audited(
                id_, system, model, case, cluster, setting, repeat, secrets, found is not None, talk,
                tuple(audit(chat, secrets)), checked(secrets),
            )  # fmt: skip


def simulates(benchmark: Benchmark) -> bool:
    """Whether somebody plays the user of this benchmark, rather than a script of fixed messages."""
    told = type(benchmark).secrets is not Benchmark.secrets
    return told or "user" in (*benchmark.needs, *benchmark.uses) or benchmark.kind == "import"


def cases_of(benchmark: Benchmark) -> Mapping[tuple[str, str], Case]:
    """(setting, id) -> case, of a benchmark that says what its user knows; {} where its data is not there."""
    if type(benchmark).secrets is Benchmark.secrets:
        return {}
    try:
        return {
            (setting, view.id): view
            for case in benchmark.cases() for setting in benchmark.settings for view in benchmark.views(case, setting)
        }  # fmt: skip
    except InputError:  # its files are not here, or it was imported: the text can be checked all the same
        return {}


def _secrets(
    benchmark: Benchmark, case: Case | None, chat: Conversation, setting: str, facts: Mapping[str, Any]
) -> Secrets | None:
    if case is None:
        return None
    try:
        return benchmark.secrets(case, chat, setting, facts)
    except (KeyError, TypeError, IndexError, AttributeError, DataError):
        # An episode that broke off early, or that an older version played, lacks some of its facts.
        return None


def _stop(facts: str) -> str:
    found = msgspec.json.decode(facts or "{}").get("stop", "")
    return found if isinstance(found, str) else ""


_VERDICTS = """
SELECT e.id, e."case", e.cluster, e.setting, e.repeat, v."group", v.turn, v.item, v.measure, v.value, v.status, v.cause
FROM run_episodes r JOIN episodes e ON e.id = r.episode JOIN verdicts v ON v.episode = e.id
WHERE r.run = ? AND e.system = ? AND e.model = ? ORDER BY r.n, v.n"""


def verdicts_of(store: Store, run: RunRow, system: str, model: str, without: Collection[bytes] = ()) -> Table:
    """The verdicts of one system and model, those of the episodes ``without`` left out."""
    nan = float("nan")
    rows = store.rows(_VERDICTS, run.id, system, model)
    return Table.of((*r[1:9], nan if r[9] is None else r[9], *r[10:]) for r in rows if r[0] not in without)


def figures_without(
    store: Store, run: RunRow, benchmark: Benchmark, model: str, without: Collection[bytes]
) -> list[tuple[Figure, Figure | None]]:
    """Every figure of one system and model, and the same from the other conversations only (None: nothing is left of it)."""
    whole, rest = (verdicts_of(store, run, benchmark.label, model, left_out) for left_out in ((), without))
    found = []
    for make in benchmark.figures:
        kept = {_name(f): f for f in make(rest)} if len(rest) else {}
        found += [(_labelled(f, benchmark, model), kept.get(_name(f))) for f in make(whole)]
    return found


def _name(figure: Figure) -> tuple[object, ...]:
    return figure.measure, figure.kind, figure.setting, figure.group, figure.turn, figure.unit


def _labelled(figure: Figure, benchmark: Benchmark, model: str) -> Figure:
    return msgspec.structs.replace(figure, system=benchmark.label, model=model)
