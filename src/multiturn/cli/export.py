"""``multiturn export``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import store_option

if TYPE_CHECKING:
    from ..report.result import Conversations, RunResult

_ENDINGS = {".jsonl": "chat", ".parquet": "parquet", ".csv": "csv", ".xml": "junit"}


@click.command("export")
@click.argument("run")
@click.argument("path")
@click.option("--to", "form", type=click.Choice(list(_ENDINGS.values())), help="What to write; default: what PATH ends in.")
@click.option(
    "--what",
    type=click.Choice(["verdicts", "figures"]),
    default="verdicts",
    show_default=True,
    help="Rows of a CSV or Parquet file: one a verdict, or one a figure of the report.",
)
@store_option
def command(run: str, path: str, form: str | None, what: str, store: str) -> int:
    """Write the conversations or the verdicts of a run as a file for other programs.

    chat: one conversation a line, OpenAI messages with verdicts beside them (.jsonl); csv and parquet: tables; junit: a
    test case for each conversation (.xml). RUN is a run's id, the beginning of it, or `last`.

    \b
    Examples:
      multiturn export last conversations.jsonl
      multiturn export 3fa2 verdicts.parquet
      multiturn export last figures.csv --what figures
      multiturn export last results.xml --to junit
    """
    from ..api import result_of, views_of
    from ..conversation.errors import InputError
    from ..engine.runs import find_run
    from ..engine.store import Store
    from ..systems.catalogue import make_system

    form = form or _ENDINGS.get(Path(path).suffix.lower())
    if form is None:
        raise InputError(f"{path}: say what to write with --to ({', '.join(_ENDINGS.values())})")
    with Store(store) as opened:
        row = find_run(opened, run)
        result = result_of(opened, row, [make_system(text) for text in row.spec.systems])
        click.echo(_written(form, what, path, result, lambda: views_of(opened, row)))
    return 0


def _written(form: str, what: str, path: str, result: RunResult, conversations: Conversations) -> str:
    """Write the file; returns what was written, in words."""
    from ..report import export

    if form == "chat":
        return f"wrote {export.chats_jsonl(path, result, conversations):,} conversations to {path}"
    if form == "junit":
        return f"wrote {path}: {export.write_junit(path, result, conversations):,} conversations failed"
    figures: dict[str, Callable[..., int]] = {"csv": export.figures_csv, "parquet": export.figures_parquet}
    verdicts: dict[str, Callable[..., int]] = {"csv": export.verdicts_csv, "parquet": export.verdicts_parquet}
    count = figures[form](path, result) if what == "figures" else verdicts[form](path, result, conversations)
    return f"wrote {count:,} {what} to {path}"
