"""``multiturn plan --select N --out FILE``: a few cases that stand for a whole benchmark."""

from __future__ import annotations

import click


def select_items(store: str, runs: tuple[str, ...], count: int, out: str, data: str | None, responses: str | None = None,
                 benchmark: str = "", measure: str = "", setting: str = "") -> int:  # fmt: skip
    """Choose ``count`` cases from the runs of a store (by default all runs of the newest one's first benchmark, in its first
    setting that was played, by its first measure), or from a file of responses (models x items, CSV or JSONL), write the
    selection to ``out`` and say how good it is. Returns the exit code."""
    from ..conversation import InputError
    from ..engine.data import DataFolder
    from ..engine.store import Store
    from ..report.safe import one_line
    from ..systems.judge.tiny_file import write_selection
    from ..systems.judge.tiny_responses import from_file, from_runs
    from ..systems.judge.tiny_select import select, summary
    from . import EXIT_DONE
    from .session import check_outputs

    if not out:
        raise InputError("--select writes a file: name it with --out FILE")
    check_outputs(out)
    if responses:
        if runs:
            raise InputError("give runs or --responses FILE, not both")
        found = from_file(responses)
    else:
        with Store(store) as opened:
            found = from_runs(opened, runs, DataFolder(data), benchmark, measure, setting)
    made = select(found, count)
    write_selection(out, made.selection)
    for line in summary(made, out):
        click.echo(one_line(line, 400))
    return EXIT_DONE
