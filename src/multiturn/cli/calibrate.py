"""``multiturn calibrate``."""

from __future__ import annotations

import click

from .options import budget_options, data_option, json_option, store_option


@click.command("calibrate")
@click.argument("what", metavar="[JUDGE|RUN]", default="judge")
@click.option("--model", metavar="MODEL", help="Who judges.")
@click.option("--judge", "panel", multiple=True, metavar="MODEL", help="A further judge of a panel (repeatable).")
@click.option("--on", metavar="SET", help="Labelled set: a name (--sets) or a .jsonl file; default: the judge's own.")
@click.option("--probe", "probes", multiple=True, metavar="NAME", help="Only these probes (repeatable); 'none' for none.")
@click.option("--limit", type=int, metavar="N", help="At most N items of each group.")
@click.option("--repeats", type=int, default=1, show_default=True, metavar="N", help="Independent repeats of every item.")
@click.option("--labels", multiple=True, metavar="FILE", help="Calibrate a run's judge with filled-in sheets (repeatable).")
@click.option("--sheet", metavar="FILE", help="Write a sheet of a run's judgements for people to fill in, without the judge's.")
@click.option("--items", type=click.IntRange(min=2), default=100, show_default=True, metavar="N", help="Judgements on the sheet.")
@click.option("--measure", "measures", multiple=True, metavar="NAME", help="Only these measures on the sheet (repeatable).")
@click.option("--sets", is_flag=True, help="List the labelled sets.")
@click.option("--cards", is_flag=True, help="List the judge cards of the store.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Seed of what is drawn.")
@click.option("--concurrency", type=int, metavar="N", help="Items at once.")
@budget_options
@store_option
@data_option
@json_option
def command(what: str, model: str | None, panel: tuple[str, ...], on: str | None, probes: tuple[str, ...], limit: int | None,
            repeats: int, labels: tuple[str, ...], sheet: str | None, items: int, measures: tuple[str, ...], sets: bool,
            cards: bool, seed: int, concurrency: int | None, max_cost: float | None, max_calls: int | None,
            max_tokens: int | None, store: str, data: str | None, json_path: str | None) -> int:  # fmt: skip
    """Hold a judge against people: how far it agrees with them, what sways it, how sure it may be, and what its figures are
    once its errors are taken out. The result is a card, kept in the store and printed beside every figure of that judge.

    With --model: JUDGE is a judge system (`multiturn list`; `judge` by default), held against a labelled set. Every probe
    asks about every item once more (--probe none to leave them out).

    \b
    With a RUN: its own judge is held against what people say of the same conversations.
      1. multiturn calibrate last --sheet sheet.csv     a blind sample; fill in the column `label`
      2. multiturn calibrate last --labels sheet.csv

    \b
    Examples:
      multiturn calibrate --model local/smollm2
      multiturn calibrate 'judge?both=true&confidence=true' --model openai/gpt-4o-mini --on llmbar --limit 20
      multiturn calibrate br-rm --model anthropic/claude-sonnet-4-5 --on mine.jsonl --probe swapped --probe longer
      multiturn calibrate --sets
    """
    from ..conversation import InputError

    if sets + cards + bool(labels) + bool(sheet) + (model is not None) > 1:
        raise InputError("give one of --model (a judge), --sheet and --labels (a run's judge), --sets and --cards")
    if sets or cards:
        return _list_sets() if sets else _list_cards(store, json_path)
    if labels or sheet:
        from .calibrate_run import calibrate_run, write_sheet

        run = what if what != "judge" else "last"
        if sheet:
            return write_sheet(store, run, sheet, items, measures, seed, data)
        return calibrate_run(store, run, labels, json_path, data)
    if model is None:
        raise InputError(
            "name who judges with --model (see `multiturn models`), or give a run's labels with --labels (see --help)"
        )
    from ..engine.budget import Budget
    from .calibrate_judge import Asked, calibrate_judge

    budget = Budget(max_cost, max_calls, max_tokens)
    asked = Asked(what, model, panel, on, probes, limit, repeats, seed, concurrency, budget, data)
    return calibrate_judge(asked, store, json_path)


def _list_sets() -> int:
    from rich.console import Console
    from rich.table import Table

    from ..systems.judge.sets import ROWS

    table = Table("set", "kind", "what", box=None, pad_edge=False)
    for name, kind, about, _ in ROWS:
        table.add_row(name, kind, about)
    Console().print(table)
    click.echo("\nA .jsonl file of your own works, too: see docs/calibrating.md.")
    return 0


def _list_cards(store: str, json_path: str | None) -> int:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ..engine.cards import cards
    from ..engine.store import Store
    from ..report.result import write_cards
    from ..report.safe import one_line
    from .session import check_outputs

    check_outputs(json_path)
    with Store(store) as opened:
        found = cards(opened)
    if json_path:
        write_cards(json_path, found)
    if json_path == "-":
        return 0
    table = Table("judge", "method", "model", "agreement with people", box=None, pad_edge=False)
    for card in found:
        measure = f" ({one_line(card.measure, 40)})" if card.measure else ""
        table.add_row(
            card.judge[:8],
            Text(one_line(card.method, 60) + measure),
            Text(one_line(card.model, 60)),
            Text(one_line(card.summary, 200)),
        )
    Console().print(
        table if found else "There are no judge cards in this store yet: `multiturn calibrate --help` says how to make one."
    )
    return 0
