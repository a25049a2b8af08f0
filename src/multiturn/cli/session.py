"""What `run`, `score` and `report` share: printing a result, writing its files, and the exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ..api import views_of
from ..conversation import InputError
from ..engine.runs import find_run
from ..engine.store import Store
from ..report.result import RunResult
from . import EXIT_DONE, EXIT_MISSED, EXIT_NOTHING, EXIT_PARTIAL


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
