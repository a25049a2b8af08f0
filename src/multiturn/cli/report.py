"""``multiturn report``."""

from __future__ import annotations

import click

from .options import html_option, json_option, store_option


@click.command("report")
@click.argument("run", default="last")
@store_option
@json_option
@html_option
def command(run: str, store: str, json_path: str | None, html_path: str | None) -> int:
    """Write the report of a run again, from the store: to the terminal, as HTML, as JSON.

    RUN is a run's id or the beginning of it; by default the newest one (`multiturn list --runs` shows all).

    \b
    Examples:
      multiturn report
      multiturn report 3fa2 --html report.html
      multiturn report last --json - | jq .figures
    """
    from ..api import result_of
    from ..engine.runs import find_run
    from ..engine.store import Store
    from ..systems.catalogue import make_system
    from .session import publish

    with Store(store) as opened:
        row = find_run(opened, run)
        benchmarks = [make_system(text) for text in row.spec.systems]
        publish(result_of(opened, row, benchmarks), opened, json_path=json_path, html_path=html_path)
    return 0
