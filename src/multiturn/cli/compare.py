"""``multiturn compare``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from .options import json_option, store_option

if TYPE_CHECKING:
    from ..report.flips import Flip
    from .pairing import Pairing


@click.command("compare")
@click.argument("first", metavar="[A", required=False)
@click.argument("second", metavar="[B]]", required=False)
@click.option("--settings", nargs=2, metavar="A B", help="Compare two settings of run A (by default the last one).")
@click.option("--models", nargs=2, metavar="A B", help="Compare two models: of run A, or the first of A with the second of B.")
@click.option("--flips", is_flag=True, help="List the questions that passed on one side and failed on the other.")
@json_option
@store_option
def command(first: str | None, second: str | None, settings: tuple[str, str] | None, models: tuple[str, str] | None, flips: bool,
            json_path: str | None, store: str) -> int:  # fmt: skip
    """Compare two runs, or two models or settings inside one run, question by question. Differences are B minus A.

    A and B are run ids, their beginnings, `last` or `previous`; without them the last run is
    compared with the one before, and A alone with the last.
    Only questions measured on both sides are paired; intervals are clustered by case.

    \b
    Examples:
      multiturn compare                                  the last run against the one before
      multiturn compare 3fa2 91bc --flips
      multiturn compare --settings single multi
      multiturn compare last --models openai/gpt-4o-mini local/smollm2 --json difference.json
    """
    from ..engine.store import Store
    from .pairing import pair

    with Store(store) as opened:
        found = pair(opened, first, second, settings or None, models or None)
    if json_path:
        _write(json_path, found)
    if json_path != "-":
        _print(found, flips)
    return 0


def _write(path: str, found: list[Pairing]) -> None:
    import msgspec

    from ..conversation.files import write_bytes

    text = msgspec.json.format(msgspec.json.encode({"comparisons": [p.as_object() for p in found]}), indent=2) + b"\n"
    if path == "-":
        click.echo(text, nl=False)
    else:
        write_bytes(path, text)


def _print(found: list[Pairing], flips: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    from ..report.compare import print_comparison
    from ..report.safe import one_line
    from ..report.terminal import in_plain_text

    console = Console()

    def say(text: str, style: str = "") -> None:
        in_plain_text(console, lambda: console.print(Text(text, style=style)))

    for p in found:
        say(f"{one_line(p.system)}: B ({one_line(p.second.name, 120)}) against A ({one_line(p.first.name, 120)})", "bold")
        print_comparison(p.comparisons, p.first.short, p.second.short, console)
        for line in p.effects():
            say(line)
        for note in p.notes:
            say(note, "yellow")
        if flips:
            _print_flips(p.flips, say)
        say("")


def _print_flips(found: list[Flip], say: Callable[[str], None]) -> None:
    from ..report.safe import one_line

    say(f"flips: {len(found):,}")
    for f in found:
        mark = "+" if f.after > f.before else "−"
        where = ", ".join(one_line(text, 40) for text in (f.measure, f.setting, f.group) if text)
        say(f"  {mark} {one_line(f.case, 60)} {one_line(f.item, 60)} ({where}): {f.before:g} → {f.after:g}")
