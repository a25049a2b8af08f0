"""What `run`, `score` and `report` share: printing a result, writing its files, and the exit code."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from ..api import views_of
from ..conversation import InputError, UnknownName
from ..conversation.message import mended
from ..engine.runs import find_run
from ..engine.store import Store
from ..models.base import Model, Usage
from ..report.result import RunResult
from . import EXIT_DONE, EXIT_MISSED, EXIT_NOTHING, EXIT_PARTIAL


def command_line() -> str:
    """The command as it was typed (bytes that are no text replaced, passwords in addresses left out)."""
    return re.sub(r"//[^/@\s]*@", "//", mended(shlex.join(["multiturn", *sys.argv[1:]])))


def publish(result: RunResult, store: Store, *, json_path: str | None, html_path: str | None, quiet: bool = False) -> None:
    """Print the report, and write the files that were asked for."""
    from ..report.html import write_html
    from ..report.planning import print_until
    from ..report.result import to_json, write_json
    from ..report.terminal import print_report

    run = find_run(store, result.run.id)
    failed = ""
    try:
        if html_path:
            write_html(html_path, result, lambda: views_of(store, run))
        if json_path and json_path != "-":
            write_json(json_path, result)
    except InputError as error:  # the result itself is still worth printing
        failed = f"{error}; `multiturn report` writes it again"
    try:
        if json_path == "-":
            sys.stdout.buffer.write(to_json(result))
        elif not quiet:
            print_report(result, html=html_path or "")
            if "until" in result.run.options:
                print_until(result)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        # `multiturn run … | head`: the reader has seen enough (rich leaves then); the exit code still counts.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if failed:
        raise InputError(failed)


def check_outputs(*paths: str | None) -> None:
    """Refuse paths that cannot be written, before anything is asked."""
    for path in paths:
        if path and path != "-":
            folder = Path(path).absolute().parent
            if not folder.is_dir():
                raise InputError(f"cannot write {path}: there is no folder {folder}")
            if not os.access(folder, os.W_OK) or Path(path).is_dir():
                raise InputError(f"cannot write {path}: {'it is a folder' if Path(path).is_dir() else 'no permission'}")


def check_prices(models: Sequence[Model], max_cost: float | None) -> None:
    """Refuse a limit on cost that could not be kept."""
    for model in models:
        if max_cost is not None and model.price(Usage(1, 1)) is None:
            raise InputError(f"no price is known for {model.label}: --max-cost cannot stop it; use --max-tokens or --max-calls")


def exit_code(result: RunResult, status: str, fail_under: Sequence[tuple[str, float]] = ()) -> int:
    """The exit code of a run (see docs/cli.md)."""
    headline = [f for f in result.figures if f.kind == "mean" and f.group is None]
    if status not in ("done",):
        return EXIT_PARTIAL
    if not any(f.value is not None for f in headline):
        return EXIT_NOTHING
    known = {f.measure for f in headline}
    for measure, threshold in fail_under:
        if measure and measure not in known:
            raise UnknownName("measure of --fail-under", measure, known)
        wanted = [f for f in headline if f.measure == measure] if measure else [f for f in headline if f.value is not None]
        for figure in wanted:
            if figure.value is None or figure.value < threshold:
                what = f"{figure.measure} of {figure.system} ({figure.setting}, {figure.model})"
                why = "was not measured" if figure.value is None else f"is {figure.value:.4g}, below {threshold:g}"
                print(f"multiturn: {what} {why}", file=sys.stderr)
                return EXIT_MISSED
    return EXIT_DONE
