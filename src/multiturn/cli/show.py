"""``multiturn show``."""

from __future__ import annotations

import click

from .options import data_option, store_option


@click.command("show")
@click.argument("name", required=False)
@click.option("--cases", type=click.IntRange(min=0), default=0, metavar="N", help="Show the first N cases of the benchmark, too.")
@click.option("--run", "run", metavar="RUN", help="Show conversations of this run (an id, its beginning, or `last`).")
@click.option("--case", "case", metavar="ID", help="Only this case of the run, with all its settings.")
@click.option("--setting", metavar="NAME", help="Only this setting of the run.")
@click.option("--failed", is_flag=True, help="Only conversations in which some turn failed.")
@click.option("--limit", type=click.IntRange(min=1), default=5, show_default=True, metavar="N", help="At most N conversations.")
@store_option
@data_option
def command(name: str | None, cases: int, run: str | None, case: str | None, setting: str | None, failed: bool, limit: int,
            store: str, data: str | None) -> int:  # fmt: skip
    """Show what a benchmark is (NAME), or the conversations of a run turn by turn with their verdicts (--run).

    NAME is a benchmark (`multiturn list`), with options if wanted, or a file. What models said is shown as it is, with
    control characters written out.

    \b
    Examples:
      multiturn show mt-eval
      multiturn show "patterns?turns=12" --cases 2
      multiturn show --run last --failed
      multiturn show --run 3fa2 --case recollection-1
    """
    from ..conversation.errors import InputError

    if run is not None:
        if name is not None:
            raise InputError("show either a benchmark (NAME) or the conversations of a run (--run), not both")
        from .show_run import show_run

        show_run(store, run, data, case=case, setting=setting, failed=failed, limit=limit)
        return 0
    if name is None:
        raise InputError("show what? A benchmark (`multiturn show patterns`) or a run (`multiturn show --run last`)")
    from .show_benchmark import show_benchmark

    show_benchmark(name, data, cases)
    return 0
