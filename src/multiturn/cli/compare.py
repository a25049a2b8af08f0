"""``multiturn compare``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from .options import json_option, store_option

if TYPE_CHECKING:
    from ..measures.exact import How
    from ..report.flips import Flip
    from .pairing import Pairing


@click.command("compare")
@click.argument("first", metavar="[A", required=False)
@click.argument("second", metavar="[B]]", required=False)
@click.option("--settings", nargs=2, metavar="A B", help="Compare two settings of run A (by default the last one).")
@click.option("--models", nargs=2, metavar="A B", help="Compare two models: of run A, or the first of A with the second of B.")
@click.option("--judges", nargs=2, metavar="A B", help="Compare two judges of the same conversations (see `multiturn score`).")
@click.option("--measure", "measures", multiple=True, metavar="NAME", help="Compare only this measure (repeatable).")
@click.option("--test", "how", type=click.Choice(["auto", "permutation", "t", "mid-p"]), default="auto", show_default=True,
              help="Where p comes from; auto: McNemar where each case has one yes or no, else sign flips and t.")  # fmt: skip
@click.option("--turns", is_flag=True, help="Show the difference at each turn.")
@click.option("--survival", is_flag=True, help="Show the share without a failure up to each turn, with a log-rank test.")
@click.option("--flips", is_flag=True, help="List the questions that passed on one side and failed on the other.")
@json_option
@store_option
def command(first: str | None, second: str | None, settings: tuple[str, str] | None, models: tuple[str, str] | None,
            judges: tuple[str, str] | None, measures: tuple[str, ...], how: How, turns: bool, survival: bool, flips: bool,
            json_path: str | None, store: str) -> int:  # fmt: skip
    """Compare two runs, or two models, settings or judges inside one, question by question. Differences are B minus A.

    A and B are run ids, their beginnings, `last` or `previous`; without them the last run is
    compared with the one before, and A alone with the last.
    Only questions measured on both sides are paired; intervals and tests are clustered by case, and
    p is adjusted over all measures and settings shown (Holm; BH: Benjamini and Hochberg). "Better" means
    higher on the measure's scale. Runs with repeats tell how far two identical runs would differ (noise).

    \b
    Examples:
      multiturn compare                                  the last run against the one before
      multiturn compare 3fa2 91bc --flips --turns
      multiturn compare --settings single multi --measure correct
      multiturn compare last --models openai/gpt-4o-mini local/smollm2 --survival
      multiturn score last --judge openai/gpt-4o         then, for two judges of one run:
      multiturn compare --judges openai/gpt-4o-mini openai/gpt-4o --json difference.json
    """
    from ..engine.store import Store
    from .pairing import pair
    from .session import check_outputs
    from .sides import Asked

    check_outputs(json_path)
    with Store(store) as opened:
        asked = Asked(first, second, settings or None, models or None, judges or None, measures, how)
        found = pair(opened, asked)
    if json_path:
        _write(json_path, found)
    if json_path != "-":
        _print(found, flips=flips, turns=turns, survival=survival)
    return 0


def _write(path: str, found: list[Pairing]) -> None:
    import msgspec

    from ..conversation.files import write_bytes

    text = msgspec.json.format(msgspec.json.encode({"comparisons": [p.as_object() for p in found]}), indent=2) + b"\n"
    if path == "-":
        click.echo(text, nl=False)
    else:
        write_bytes(path, text)


def _print(found: list[Pairing], *, flips: bool, turns: bool, survival: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    from ..report.compare_judges import concord_lines
    from ..report.compare_print import print_comparison, print_turns
    from ..report.compare_survival import print_survival
    from ..report.safe import one_line
    from ..report.terminal import in_plain_text

    console = Console()

    def say(text: str, style: str = "") -> None:
        in_plain_text(console, lambda: console.print(Text(text, style=style)))

    for p in found:
        a, b = p.first.short, p.second.short
        say(f"{one_line(p.system)}: B ({one_line(p.second.name, 120)}) against A ({one_line(p.first.name, 120)})", "bold")
        print_comparison(p.comparisons, a, b, console, judges=p.first.judging)
        for line in concord_lines(p.agreement, a, b):
            say(line)
        for note in p.notes:
            say(one_line(note, 400), "yellow")
        if turns:
            print_turns(p.turns, a, b, console)
        if survival:
            print_survival(p.survival, a, b, console)
        if flips:
            _print_flips(p.flips, say)
        say("")


def _print_flips(found: list[Flip], say: Callable[[str], None]) -> None:
    from ..report.safe import one_line

    say(f"\nflips: {len(found):,}")
    for f in found:
        mark = "+" if f.after > f.before else "−"
        where = ", ".join(one_line(text, 40) for text in (f.measure, f.setting, f.group) if text)
        say(f"  {mark} {one_line(f.case, 60)} {one_line(f.item, 60)} ({where}): {f.before:g} → {f.after:g}")
