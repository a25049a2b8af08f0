"""What `audit` looks at: the runs of the store, or a benchmark played first; and people to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..conversation import Conversation, DataError, InputError, StoreError, UnknownName
from ..engine.audit import Audited, audited, simulates
from ..engine.audit_figures import figures_without, verdicts_of
from ..engine.budget import Budget
from ..engine.data import DataFolder
from ..engine.runs import RunRow, find_run, played, runs
from ..engine.store import Store
from ..judges.simulation import Finding, Talk, audit
from ..measures.figure import Scale
from ..protocols.benchmark import Benchmark
from ..report.audit import AuditResult, UserAudit, audit_of
from ..report.audit_ratings import WithPeople, with_people
from ..report.audit_users import Shift, Side, shifts
from ..systems.catalogue import CATALOGUE, entries, make_system
from ..systems.sim.simulator_arena import SimulatorArena

ARENA = "simulator-arena"
_PATHS = (".py", ".yaml", ".yml", ".jsonl", ".json")


# -- what is audited ------------------------------------------------------------------------------------------------------
def benchmark_named(what: Sequence[str], folder: DataFolder, model: str | None, users: Sequence[str]) -> str | None:
    """The benchmark to play first, None when runs are named. Raises `InputError` for a mixture, or options that have no use."""
    slugs = {entry.slug for entry in entries()}
    named = [text for text in what if text.partition("?")[0] in slugs or text.partition(":")[0].endswith(_PATHS)]
    if not named:
        if model or users:
            raise InputError(
                f"--model and --user play a benchmark; {', '.join(what) or 'no name'} is none of them (`multiturn list`)"
            )
        return None
    if len(what) > 1:
        raise InputError(f"audit plays one benchmark at a time, not {', '.join(what)}; runs can be named together")
    if not simulates(make_system(named[0], folder)):
        users_of = ", ".join(e.slug for e in CATALOGUE.values() if "user" in e.needs)
        raise InputError(f"nobody plays the user of {named[0]}: its messages are fixed. Those with a simulated user: {users_of}")
    if not model:
        raise InputError(f"playing {named[0]} needs the assistant: --model NAME (or name a run to audit what is there)")
    return named[0]


def runs_named(store: Store, names: Sequence[str]) -> list[RunRow]:
    """The runs to audit, each once; the newest when none is named."""
    found = []
    for name in names or ("last",):
        try:
            found.append(runs(store)[1] if name == "previous" and len(runs(store)) > 1 else find_run(store, name))
        except StoreError as error:
            raise UnknownName("run or benchmark", name, CATALOGUE, str(error)) from None
    return list({run.id: run for run in found}.values())


def play_runs(
    store: Store, benchmark: str, folder: DataFolder, model: str, users: Sequence[str], judge: str | None, *,
    settings: Sequence[str], limit: int | None, repeats: int, seed: int, concurrency: int | None, budget: Budget,
) -> tuple[list[RunRow], bool]:  # fmt: skip
    """Play the benchmark once with each user (without one: its own rules); the runs, and whether one was cut short."""
    from ..api import play
    from ..engine.plan import Plan
    from ..engine.replay import cast_model
    from .session import command_line

    made = {name: cast_model(name) for name in dict.fromkeys(filter(None, (model, judge, *users)))}
    plans = [
        Plan(
            [make_system(benchmark, folder)], [made[model]], settings=settings, limit=limit, repeats=repeats, seed=seed,
            roles={role: made[name] for role, name in (("user", user), ("judge", judge or "")) if name},
        )
        for user in (dict.fromkeys(users) or ("",))
    ]  # fmt: skip
    found, stopped = [], False
    for plan in plans:
        about: dict[str, Any] = {"command": command_line(), "data": folder.used}
        result = play(plan, store, concurrency=concurrency, budget=budget, about=about, quiet=False)
        found.append(find_run(store, result.run.id))
        stopped |= found[-1].status != "done"
    return found, stopped


# -- the audit ------------------------------------------------------------------------------------------------------------
def audit_runs(
    store: Store, found: Sequence[RunRow], folder: DataFolder, people: Sequence[Conversation] = (), human: str = ""
) -> AuditResult:
    """Audit the simulated users of these runs, one audit for each run and benchmark; ``human``: where ``people`` come from."""
    seen: list[list[Finding]] = [audit(chat) for chat in people]
    talks = [Talk.of(chat) for chat in people]
    audits: list[UserAudit] = []
    sides: dict[tuple[str, str], list[Side]] = {}
    scales: dict[str, dict[str, Scale]] = {}
    fixed: list[str] = []
    for run in found:
        for benchmark in _benchmarks(run, folder):
            mine = [a for a in audited(store, run, [benchmark]) if a.system == benchmark.label]
            if not mine:
                fixed.append(f"run {run.id} holds no conversation of {benchmark.label} with a simulated user")
                continue
            for user in dict.fromkeys(a.user for a in mine):
                of = [a for a in mine if a.user == user]
                left, outside = {a.episode for a in of if a.decided}, _outside(mine, user)
                models = list(dict.fromkeys(a.model for a in of))
                pairs = [pair for model in models for pair in figures_without(store, run, benchmark, model, left, outside)]
                ratings = _ratings(store, run, benchmark, of) if human == ARENA else None
                audits.append(audit_of(of, run.id, pairs, talks, human, seen, ratings))
                for model in models:
                    other = "" if of[0].secrets.speaks == "assistant" else model  # the model under test may be the user
                    sides.setdefault((benchmark.label, other), []).append(_side(store, run, benchmark, model, user, of))
                scales[benchmark.label] = dict(benchmark.scales)
    if not audits and not any(simulates(b) for run in found for b in _benchmarks(run, folder)):
        raise InputError(f"there is nothing to audit: {'; '.join(fixed)}")
    return AuditResult(audits=audits, sensitivity=list(_sensitivity(sides, scales)), notes=_notes(fixed, sides))


def _benchmarks(run: RunRow, folder: DataFolder) -> list[Benchmark]:
    return [make_system(text, folder) for text in run.spec.systems]


def _outside(found: Sequence[Audited], user: str) -> set[str]:
    """The settings in which only others play the user."""
    return {a.setting for a in found} - {a.setting for a in found if a.user == user}


def _side(store: Store, run: RunRow, benchmark: Benchmark, model: str, user: str, mine: Sequence[Audited]) -> Side:
    """The verdicts of the settings in which somebody plays the user."""
    import numpy as np

    table = verdicts_of(store, run, benchmark.label, model)
    settings = {a.setting for a in mine}
    return Side(user, run.id, table.select(np.array([s in settings for s in table.text("setting")], dtype=bool)))


def _ratings(store: Store, run: RunRow, benchmark: Benchmark, mine: Sequence[Audited]) -> WithPeople | None:
    """The ratings of the same people's conversations, where these were played again."""
    if not isinstance(benchmark, SimulatorArena):
        return None
    tables = {model: verdicts_of(store, run, benchmark.label, model) for model in dict.fromkeys(a.model for a in mine)}
    return with_people(benchmark, tables, list(dict.fromkeys(a.setting for a in mine)))


def _sensitivity(sides: dict[tuple[str, str], list[Side]], scales: dict[str, dict[str, Scale]]) -> list[Shift]:
    found: list[Shift] = []
    for (system, model), of in sides.items():
        if len({side.user for side in of}) > 1:
            known = scales[system]
            found += shifts(system, model, of, lambda measure, known=known: known.get(measure, Scale()))  # type: ignore[misc]
    return found


def _notes(fixed: Sequence[str], sides: dict[tuple[str, str], list[Side]]) -> list[str]:
    notes = [f"Not audited: {text}." for text in fixed]
    for (system, model), of in sides.items():
        if len(of) > 1 and len({side.user for side in of}) == 1:
            what = f"{system} with {model}" if model else system
            notes.append(f"The runs of {what} have the same user: how the score moves with it cannot be said.")
    return notes


# -- people ---------------------------------------------------------------------------------------------------------------
def people_of(text: str, store: Store, folder: DataFolder) -> list[Conversation]:
    """Conversations of people: a file (OpenAI chat JSONL, ShareGPT …), a run of the store, or a released set by its name."""
    if Path(text).is_file():
        found = _from_file(Path(text))
    elif text == ARENA:
        found = _from_arena(folder)
    else:
        try:
            run = find_run(store, text)
        except StoreError:
            raise InputError(
                f"--human {text}: there is no such file, no such run in {store.path}, and the only released set is {ARENA}"
            ) from None
        found = [p.chat for p in played(store, run)]
    spoken = [chat for chat in found if any(m.role == "user" for m in chat.messages)]
    if len(spoken) < 2:
        raise InputError(f"--human {text}: a comparison needs at least two conversations with user messages, not {len(spoken)}")
    return spoken


def _from_file(path: Path) -> list[Conversation]:
    from ..engine.imports.common import Bad, Found
    from ..engine.imports.formats import guess, module_of, with_companions
    from ..engine.imports.source import Source

    sources = [Source(path)]
    name = guess(sources)
    found = []
    for item in module_of(name).read(with_companions(name, sources)):
        if isinstance(item, Bad):
            raise DataError(f"{item.where}: {item.problem}")
        if isinstance(item, Found):
            found.append(item.chat)
    return found


def _from_arena(folder: DataFolder) -> list[Conversation]:
    from ..systems.sim.arena_data import FILES, HOME, read_humans

    found = []
    for task, names in FILES.items():
        path = None
        for name in reversed(names):
            try:
                path = folder.path(ARENA, name, f"{HOME}/{name}" if name == names[0] else "")
                break
            except DataError:
                if name == names[0]:
                    raise
        assert path is not None
        for human in read_humans(path, task):  # type: ignore[arg-type]
            chat = Conversation()
            for i, query in enumerate(human.queries):
                chat = chat.user(query)
                chat = chat.assistant(human.replies[i]) if i < len(human.replies) else chat
            found.append(chat)
    return found
