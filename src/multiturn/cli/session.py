"""What `run`, `score` and `report` share: playing a plan with progress, and making the result of it."""

from __future__ import annotations

import asyncio
import platform
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ..conversation import InputError
from ..engine.budget import Budget
from ..engine.plan import Plan
from ..engine.run import Progress, Runner, Status
from ..engine.runs import RunRow, causes_of, close_run, figures_of, find_run, open_run, played
from ..engine.store import Store
from ..models.base import Model
from ..protocols.benchmark import Benchmark
from ..report.result import Calls, ConversationView, PublishedFigure, RunInfo, RunResult, Tokens
from . import EXIT_DONE, EXIT_MISSED, EXIT_NOTHING, EXIT_PARTIAL


def play(
    plan: Plan, store: Store, *, concurrency: int | None, budget: Budget | None, about: dict[str, Any], quiet: bool
) -> RunResult:
    """Play a plan into a store, showing progress; returns the result of this command. Interrupting saves and returns."""
    from .progress import watch

    run = open_run(store, plan)
    runner = Runner(plan, store, concurrency=concurrency, budget=budget)
    status: str = "failed"
    try:
        status = _loop(runner, plan.all_models, lambda progress: watch(progress, quiet))
    finally:
        before = find_run(store, run).summary
        summary = _summary(runner, plan, about)
        close_run(store, run, status, {"last": summary, "total": _added(before.get("total"), summary)})
    return result_of(store, find_run(store, run), plan.benchmarks, total=False)


def _loop(runner: Runner, models: Sequence[Model], watcher: Callable[[Progress], Any]) -> Status:
    async def session() -> Status:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        watching = asyncio.create_task(watcher(runner.progress))
        try:
            return await runner.run()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await asyncio.gather(*(model.close() for model in models), return_exceptions=True)

    with asyncio.Runner(loop_factory=_loop_factory()) as loop:
        return loop.run(session())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _summary(runner: Runner, plan: Plan, about: dict[str, Any]) -> dict[str, Any]:
    c = runner.recorder.counts
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
    options = {"limit": spec.limit, "repeats": spec.repeats, "store": str(store.path), **s.get("options", {})}
    return RunResult(
        run=RunInfo(
            id=run.id, created=_iso(run.created), finished=_iso(run.finished), status=status,  # type: ignore[arg-type]
            command=s.get("command", ""), versions=s.get("versions", {}), systems=list(spec.systems), models=list(spec.models),
            settings=settings, options=options, seeds={"run": spec.seed}, data=s.get("data", {}), roles=dict(spec.roles),
        ),
        figures=figures_of(store, run, benchmarks),
        calls=Calls(made=s.get("made", 0), recorded=s.get("recorded", 0), retried=s.get("retried", 0), failed=s.get("failed", 0)),
        cost=s.get("cost") if s.get("cost_known") or s.get("cost") else None,
        cost_known=s.get("cost_known", False),
        tokens=Tokens(input=s.get("input", 0), output=s.get("output", 0), cached=s.get("cached", 0)),
        unmeasured=causes,
        episodes=count,
        seconds=s.get("seconds", 0.0),
        published=[
            PublishedFigure(p.model, p.value, p.measure, p.setting, p.group, p.source, system=b.slug)
            for b in benchmarks for p in b.published
        ],
        scales={b.slug: dict(b.scales) for b in benchmarks},
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


def publish(result: RunResult, store: Store, *, json_path: str | None, html_path: str | None, quiet: bool = False) -> None:
    """Print the report, and write the files that were asked for."""
    from ..report.html import write_html
    from ..report.result import to_json, write_json
    from ..report.terminal import print_report

    run = find_run(store, result.run.id)
    try:
        if html_path:
            write_html(html_path, result, lambda: views_of(store, run))
        if json_path and json_path != "-":
            write_json(json_path, result)
    except OSError as error:
        raise InputError(f"cannot write {error.filename or html_path or json_path}: {error.strerror}") from None
    if json_path == "-":
        sys.stdout.buffer.write(to_json(result))
    elif not quiet:
        print_report(result, html=html_path or "")


def exit_code(result: RunResult, status: str, fail_under: Sequence[tuple[str, float]] = ()) -> int:
    """The exit code of a run (see docs/cli.md)."""
    headline = [f for f in result.figures if f.kind == "mean" and f.group is None]
    if status not in ("done",):
        return EXIT_PARTIAL
    if not any(f.value is not None for f in headline):
        return EXIT_NOTHING
    for measure, threshold in fail_under:
        for figure in headline:
            if (not measure or figure.measure == measure) and figure.value is not None and figure.value < threshold:
                what = f"{figure.measure} of {figure.system} ({figure.setting})"
                print(f"multiturn: {what} is {figure.value:.4g}, below {threshold:g}", file=sys.stderr)
                return EXIT_MISSED
    return EXIT_DONE
