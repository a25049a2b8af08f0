"""Running from Python: what `multiturn run` does, as a function.

import multiturn
result = multiturn.evaluate("patterns", model="local/smollm2", limit=4)
print(result.figure("correct", setting="multi"))
"""

from __future__ import annotations

import asyncio
import inspect
import os
import platform
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from .conversation import Player
from .conversation.message import mended
from .engine.budget import Budget
from .engine.cards import cards_of, corrected_figures
from .engine.data import DataFolder
from .engine.judge_id import judges_in
from .engine.looks import in_words, with_sequences
from .engine.plan import Plan
from .engine.replay import cast_model
from .engine.run import Progress, Runner, Status
from .engine.runs import RunRow, causes_of, close_run, examples_of, figures_of, find_run, open_run, played
from .engine.store import Store
from .measures.figure import Figure
from .models.base import Model
from .models.script import PlayerModel
from .players.catalogue import make_around
from .protocols.benchmark import Benchmark
from .report.progress import watch
from .report.result import Calls, ConversationView, PublishedFigure, RunInfo, RunResult, Tokens
from .systems.catalogue import make_system


class Evaluation:
    """What `evaluate` returns: the result of a run, and its conversations in the store."""

    def __init__(self, result: RunResult, store: str | os.PathLike[str]) -> None:
        self.result, self.store = result, store
        self.figures: Sequence[Figure] = result.figures

    def figure(
        self,
        measure: str,
        setting: str | None = None,
        group: str | None = None,
        turn: int | None = None,
        model: str | None = None,
    ) -> Figure:
        """The one figure with this measure, group and turn (None: over all); raises `LookupError` when none or several fit."""
        fits = [
            f for f in self.figures
            if f.measure == measure and f.group == group and f.turn == turn
            and setting in (None, f.setting) and model in (None, f.model)
        ]  # fmt: skip
        if len(fits) != 1:
            known = sorted({f.measure for f in self.figures})
            raise LookupError(
                f"{len(fits)} figures fit {measure!r}, setting {setting!r}, group {group!r}; measures: {', '.join(known)}"
            )
        return fits[0]

    def conversations(self) -> list[ConversationView]:
        """Every conversation of the run with its verdicts."""
        with Store(self.store) as store:
            return list(views_of(store, find_run(store, self.result.run.id)))

    def __repr__(self) -> str:
        return f"<Evaluation {self.result.run.id}: {len(self.figures)} figures, {self.result.episodes} conversations>"


def evaluate(
    benchmark: str | Benchmark,
    model: str | Model | Player,
    *,
    settings: Sequence[str] = (),
    limit: int | None = None,
    repeats: int = 1,
    seed: int = 0,
    around: Sequence[str] = (),
    judge: str | Model | Player | None = None,
    user: str | Model | Player | None = None,
    until: str = "",
    concurrency: int | None = None,
    budget: Budget | None = None,
    store: str | os.PathLike[str] = "multiturn.db",
    data: str | os.PathLike[str] | None = None,
) -> Evaluation:
    """Run a benchmark against a model and return its figures.

    ``benchmark``: a name, a path or a `Benchmark`. ``around``: what to put around the model, by name (see ``--with``).
    ``model``, ``judge``, ``user``: a name, a `Model`, or any player (an async
    function from conversation to conversation, or a function that returns text). Everything is kept in ``store``: the same
    call again asks nothing. ``until``: stop as soon as an interval is narrow enough, as in ``ci=0.02`` (see docs/planning.md).
    Works in notebooks, too. Raises `InputError` for what the caller can mend.
    """
    folder = DataFolder(data)
    roles = {role: _model(who) for role, who in (("judge", judge), ("user", user)) if who is not None}
    benchmarks = [make_system(benchmark, folder) if isinstance(benchmark, str) else benchmark]
    plan = Plan(benchmarks, [_model(model)], settings=settings, limit=limit, repeats=repeats, seed=seed, roles=roles,
                around=[make_around(text) for text in around], until=until)  # fmt: skip

    def run() -> Evaluation:
        with Store(store, writable=True) as opened:
            about = {"command": "multiturn.evaluate(…)", "data": folder.used}
            result = play(plan, opened, concurrency=concurrency, budget=budget, about=about, quiet=True)
        return Evaluation(result, store)

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return run()
    # Somebody's loop is running (a notebook): use another thread's.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(run).result()


def _model(who: str | Model | Player) -> Model:
    if isinstance(who, str):
        return cast_model(who)
    return who if isinstance(who, Model) else PlayerModel(getattr(who, "__name__", type(who).__name__), who, _code_of(who))


def _code_of(player: Player) -> str:
    """A hash of a player's code, where there is any to read: another function of the same name is another player. What it
    refers to (a weight, a prompt in a variable) is not seen: give such players names of their own."""
    try:
        source = inspect.getsource(player if inspect.isroutine(player) else type(player))
    except (OSError, TypeError):
        return ""
    return blake2b(source.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def play(
    plan: Plan, store: Store, *, concurrency: int | None, budget: Budget | None, about: dict[str, Any], quiet: bool
) -> RunResult:
    """Play a plan into a store, showing progress; returns the result of this command. Interrupting saves and returns."""
    files = {b.label: b.fingerprint for b in plan.benchmarks if b.fingerprint}
    about = {**about, "data": {**about.get("data", {}), **files}}
    run = open_run(store, plan)
    runner = Runner(plan, store, concurrency=concurrency, budget=budget)
    status: str = "failed"
    try:
        status = _loop(runner, plan.all_models, lambda progress: watch(progress, quiet))
    finally:
        before = find_run(store, run).summary
        if status in ("done", "budget"):
            about = {**about, "judges": judges_in(plan)}
        summary = _summary(runner, plan, about)
        close_run(store, run, status, {"last": summary, "total": _added(before.get("total"), summary)})
    return result_of(store, find_run(store, run), plan.benchmarks, total=False)


def _loop(runner: Runner, models: Sequence[Model], watcher: Callable[[Progress], Any]) -> Status:
    async def session() -> Status:
        task = asyncio.current_task()
        assert task is not None

        def stop() -> None:
            if not task.cancelling():  # `timeout` sends SIGTERM twice: the second must not break off the closing of models
                task.cancel()

        if threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
        watching = asyncio.create_task(watcher(runner.progress))
        try:
            return await runner.run()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await asyncio.gather(*(model.close() for model in models), return_exceptions=True)

    with asyncio.Runner(loop_factory=_loop_factory()) as loop:
        try:
            return loop.run(session())
        except asyncio.CancelledError:  # Ctrl-C while a SIGTERM was being obeyed
            return "stopped"


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _summary(runner: Runner, plan: Plan, about: dict[str, Any]) -> dict[str, Any]:
    c = runner.recorder.counts
    if runner.looks:
        about = {**about, "until": runner.looks.record}
    return {
        "made": c.made, "recorded": c.recorded, "retried": c.retried, "failed": c.failed,
        "input": c.input, "output": c.output, "cached": c.cached, "cost": c.cost, "cost_known": c.cost_known,
        "seconds": runner.progress.seconds, "versions": versions(),
        **about,
    }  # fmt: skip


def _added(before: dict[str, Any] | None, now: dict[str, Any]) -> dict[str, Any]:
    if before is None:
        return now
    sums = {k: before[k] + now[k] for k in ("made", "retried", "failed", "input", "output", "cached", "cost", "seconds")}
    return {**now, **sums, "cost_known": before["cost_known"] and now["cost_known"]}


def versions() -> dict[str, str]:
    """Versions of what can change a number."""
    found = {"python": platform.python_version()}
    for package in ("multiturn", "numpy", "xllamacpp"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def result_of(store: Store, run: RunRow, benchmarks: Sequence[Benchmark], total: bool = True) -> RunResult:
    """Everything a report says of a run: of all commands that worked on it, or (``total`` False) of the last one."""
    s = run.summary.get("total" if total else "last") or {}
    causes = causes_of(store, run)
    spec = run.spec
    status = "done" if run.status == "done" and not causes else "partial" if run.status == "done" else "stopped"
    settings = list(dict.fromkeys(r[0] for r in store.rows(_SETTINGS, run.id)))
    count = next(store.rows("SELECT count(*) FROM run_episodes r JOIN episodes e ON e.id = r.episode WHERE r.run=?", run.id))[0]
    options = {"limit": spec.limit, "repeats": spec.repeats, "store": mended(str(store.path)), **s.get("options", {})}
    figures = figures_of(store, run, benchmarks)
    if spec.until:
        figures, options["until"] = with_sequences(store, run, benchmarks, figures), mended(in_words(run))
    own, others = cards_of(store, run, benchmarks)
    figures = [*figures, *corrected_figures(store, run, benchmarks, own, figures)]
    return RunResult(
        cards=[*own, *others], own_cards=len(own),
        run=RunInfo(
            id=run.id, created=_iso(run.created), finished=_iso(run.finished), status=status,  # type: ignore[arg-type]
            command=s.get("command", ""), versions=s.get("versions", {}), systems=[b.label for b in benchmarks],
            models=spec.players,
            settings=settings, options=options, seeds={"run": spec.seed}, data=s.get("data", {}), roles=dict(spec.roles),
        ),
        figures=figures,
        calls=Calls(made=s.get("made", 0), recorded=s.get("recorded", 0), retried=s.get("retried", 0), failed=s.get("failed", 0)),
        cost=s.get("cost") if s.get("cost_known") or s.get("cost") else None,
        cost_known=s.get("cost_known", False),
        tokens=Tokens(input=s.get("input", 0), output=s.get("output", 0), cached=s.get("cached", 0)),
        unmeasured=causes,
        examples=examples_of(store, run),
        episodes=count,
        seconds=s.get("seconds", 0.0),
        published=[
            PublishedFigure(p.model, p.value, p.measure, p.setting, p.group, p.source, system=b.label)
            for b in benchmarks for p in b.published
        ],
        scales={b.label: dict(b.scales) for b in benchmarks},
    )  # fmt: skip


_SETTINGS = """SELECT e.setting FROM run_episodes r JOIN episodes e ON e.id = r.episode
               WHERE r.run=? GROUP BY e.setting ORDER BY min(r.n)"""


def _iso(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def views_of(store: Store, run: RunRow) -> Iterator[ConversationView]:
    """All conversations of a run, for the report and the exports."""
    for p in played(store, run):
        yield ConversationView(
            system=p.system, model=p.model, case=p.case, chat=p.chat, group=p.group or None, setting=p.setting,
            repeat=p.repeat, verdicts=p.verdicts, stopped=p.stopped, cluster=p.cluster,
        )  # fmt: skip
