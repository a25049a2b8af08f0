"""``multiturn calibrate``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from .options import budget_options, data_option, json_option, store_option

if TYPE_CHECKING:
    from ..systems.judge.judging import Judging


@click.command("calibrate")
@click.argument("what", metavar="[JUDGE|RUN]", default="judge")
@click.option("--model", metavar="MODEL", help="Who judges.")
@click.option("--judge", "panel", multiple=True, metavar="MODEL", help="A further judge of a panel (repeatable).")
@click.option("--on", metavar="SET", help="Labelled set: a name (--sets) or a .jsonl file; default: the judge's own.")
@click.option("--probe", "probes", multiple=True, metavar="NAME", help="Only these probes (repeatable); 'none' for none.")
@click.option("--limit", type=int, metavar="N", help="At most N items of each group.")
@click.option("--repeats", type=int, default=1, show_default=True, metavar="N", help="Independent repeats of every item.")
@click.option("--labels", metavar="FILE", help="Calibrate the judge of a run with what people said (a sheet, filled in).")
@click.option("--sheet", metavar="FILE", help="Write a sheet of a run's judgements for people to fill in, without the judge's.")
@click.option("--items", type=click.IntRange(min=2), default=100, show_default=True, metavar="N", help="Judgements on the sheet.")
@click.option("--sets", is_flag=True, help="List the labelled sets.")
@click.option("--cards", is_flag=True, help="List the judge cards of the store.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Seed of what is drawn.")
@click.option("--concurrency", type=int, metavar="N", help="Items at once.")
@budget_options
@store_option
@data_option
@json_option
def command(what: str, model: str | None, panel: tuple[str, ...], on: str | None, probes: tuple[str, ...], limit: int | None,
            repeats: int, labels: str | None, sheet: str | None, items: int, sets: bool, cards: bool, seed: int,
            concurrency: int | None, max_cost: float | None, max_calls: int | None, max_tokens: int | None, store: str,
            data: str | None, json_path: str | None) -> int:  # fmt: skip
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
    if sets or cards:
        return _list_sets() if sets else _list_cards(store, json_path)
    if labels or sheet:
        from .calibrate_run import calibrate_run, write_sheet

        if sheet:
            return write_sheet(store, what if what != "judge" else "last", sheet, items, seed, data)
        return calibrate_run(store, what if what != "judge" else "last", str(labels), json_path, data)

    import msgspec

    from ..api import play
    from ..conversation import InputError, UnknownName
    from ..engine.budget import Budget
    from ..engine.cards import put_card
    from ..engine.data import DataFolder
    from ..engine.judge_id import judge_hash
    from ..engine.plan import Plan
    from ..engine.replay import cast_model
    from ..engine.runs import find_run
    from ..engine.store import Store
    from ..judges.card import Card
    from ..judges.card_words import sentences
    from ..judges.probes import PROBES
    from ..report.card import print_card
    from .session import check_outputs, check_prices, command_line, exit_code

    if model is None:
        raise InputError(
            "name who judges with --model (see `multiturn models`), or give a run's labels with --labels (see --help)"
        )
    check_outputs(json_path)
    folder = DataFolder(data)
    judging = _judging(what, on, folder)
    known = ("again", *PROBES)
    wanted = () if probes == ("none",) else probes or known
    for name in wanted:
        if name not in known:
            raise UnknownName("probe", name, known)
    roles = {f"judge{n}": cast_model(name) for n, name in enumerate(panel, 2)}
    judge = cast_model(model)
    plan = Plan([judging], [judge], settings=("plain", *wanted), limit=limit, repeats=repeats, seed=seed, roles=roles)
    check_prices(plan.all_models, max_cost)
    with Store(store, writable=True) as opened:
        about = {"command": command_line(), "data": folder.used}
        budget = Budget(max_cost, max_calls, max_tokens)
        result = play(plan, opened, concurrency=concurrency, budget=budget, about=about, quiet=json_path == "-")
        whole = msgspec.structs.replace(result, figures=[f for f in result.figures if f.group is None])
        items_judged = sum(e.setting == "plain" and e.repeat == 0 for e in plan.episodes)
        card = Card(
            judge=judge_hash(judging, judge, "assistant"), method=judging.label, model=judge.label, labels=judging.labelled.name,
            run=result.run.id, items=items_judged, figures=tuple(whole.figures), sentences=sentences(whole.figures),
            created=time.time(),
        )  # fmt: skip
        put_card(opened, card)
        status = find_run(opened, result.run.id).status
    _show([card], json_path)
    if json_path != "-":
        print_card(card, result)
    return exit_code(result, status)


def _judging(what: str, on: str | None, folder: object) -> Judging:
    from ..conversation import InputError
    from ..systems.catalogue import make_system
    from ..systems.judge.judging import Judging
    from ..systems.judge.sets import labelled_set

    text = what if on is None else f"{what}{'&' if '?' in what else '?'}on={on}"
    made = make_system(text if "on=" not in what or on is None else what, folder)  # type: ignore[arg-type]
    if not isinstance(made, Judging):
        raise InputError(
            f"`{made.slug}` is a benchmark, no judge: `multiturn run {made.slug}` runs it; "
            f"with --labels its run's judge is calibrated; judges are `judge` and others of the family judge (`multiturn list`)"
        )
    labelled_set(str(made.options.get("on") or made.on))
    assert made.labelled
    return made


def _show(found: list[object], json_path: str | None) -> None:
    import msgspec

    from ..conversation.files import write_bytes

    if not json_path:
        return
    data = msgspec.json.format(msgspec.json.encode({"cards": found}), indent=2) + b"\n"
    if json_path == "-":
        click.echo(data, nl=False)
    else:
        write_bytes(json_path, data)


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
    from ..report.safe import one_line

    with Store(store) as opened:
        found = cards(opened)
    _show(list(found), json_path)
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
