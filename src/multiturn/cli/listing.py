"""``multiturn list``."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from .options import store_option

if TYPE_CHECKING:
    from ..engine.runs import RunRow
    from ..systems.catalogue import Entry

FIELDS = ("slug", "family", "kind", "title", "settings", "needs", "data", "licence")


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of a table.")
@click.option("--runs", "show_runs", is_flag=True, help="List the runs of the store instead, newest first.")
@click.option("--family", metavar="NAME", help="Only the benchmarks of this family (script, sim, game, …).")
@store_option
def command(as_json: bool, show_runs: bool, family: str | None, store: str) -> int:
    """List the benchmarks that can be run, or the runs of a store.

    Each line has the name to give to `multiturn run`; `multiturn show NAME` says more.

    \b
    Examples:
      multiturn list
      multiturn list --family script --json
      multiturn list --runs --store results.db
    """
    if show_runs:
        _list_runs(store, as_json)
        return 0
    from ..systems.catalogue import entries

    found = entries()
    if family is not None:
        found = _of_family(found, family)
    if as_json:
        click.echo(json.dumps([{name: getattr(e, name) for name in FIELDS} for e in found], indent=2, ensure_ascii=False))
        return 0
    rows = [(e.slug, e.family, _few(e.settings), " ".join(e.needs) or "-", e.title) for e in found]
    _print_table(("name", "family", "settings", "needs", "title"), rows)
    return 0


def _of_family(found: list[Entry], family: str) -> list[Entry]:
    chosen = [entry for entry in found if entry.family == family]
    if not chosen:
        from ..conversation.errors import UnknownName

        raise UnknownName("family", family, {entry.family for entry in found})
    return chosen


def _few(names: Sequence[str], most: int = 3) -> str:
    return " ".join(names[:most]) + (f" +{len(names) - most}" if len(names) > most else "")


def _list_runs(path: str, as_json: bool) -> None:
    from ..engine.runs import runs
    from ..engine.store import Store

    with Store(path) as store:
        sql = (
            """SELECT r.run, count(*), count(e.id) FROM run_episodes r LEFT JOIN episodes e ON e.id = r.episode GROUP BY r.run"""
        )
        played = {run: (planned, done) for run, planned, done in store.rows(sql)}
        found = [_run_row(run, *played.get(run.id, (0, 0))) for run in runs(store)]
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if not found:
        click.echo(f"{path} holds no runs yet")
        return
    head = ("run", "when (UTC)", "status", "episodes", "systems", "models", "judge", "settings")
    _print_table(head, [_columns(row) for row in found])


def _columns(row: dict[str, Any]) -> tuple[str, ...]:
    """A run as the columns of the table."""
    from ..report.safe import one_line

    judge = row["roles"].get("judge", "-")
    names = (", ".join(row["systems"]), ", ".join(row["models"]), judge, ", ".join(row["settings"]))
    when, episodes = row["created"][:16].replace("T", " "), f"{row['episodes']}/{row['planned']}"
    return (row["id"], when, row["status"], episodes, *(one_line(name, 40) for name in names))


def _run_row(run: RunRow, planned: int, done: int) -> dict[str, Any]:
    from datetime import UTC, datetime

    when = datetime.fromtimestamp(run.created, UTC).isoformat(timespec="seconds")
    spec = run.spec
    return {
        "id": run.id, "created": when, "status": run.status, "systems": list(spec.systems), "models": list(spec.players),
        "settings": list(spec.settings) or ["default"], "roles": spec.roles, "repeats": spec.repeats, "limit": spec.limit,
        "seed": spec.seed, "episodes": done, "planned": planned,
    }  # fmt: skip


def _print_table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Columns side by side. Only a terminal's lines are cut; a program that reads them gets all of it. Without a table
    library: listing must be as fast as the shell it is completed in."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head) - 1)]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for row in (head, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) + "  " + row[-1]
        click.echo(line[: room - 1] + "…" if room and len(line) > room else line)
