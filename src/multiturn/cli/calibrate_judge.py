"""``multiturn calibrate JUDGE --model …``: a judge against a labelled set."""

from __future__ import annotations

import time
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
import msgspec

from ..api import play
from ..conversation import InputError, UnknownName
from ..engine.budget import Budget
from ..engine.cards import put_card
from ..engine.data import DataFolder
from ..engine.imports.names import named
from ..engine.judge_id import judge_hash, panel_label, rehearse
from ..engine.plan import Plan
from ..engine.replay import cast_model
from ..engine.runs import find_run
from ..engine.store import Store
from ..judges.card import Card
from ..judges.card_words import sentences
from ..judges.families import family
from ..judges.probes import PROBES
from ..measures.figure import Figure
from ..models.options import parse_name
from ..report.card import print_card
from ..report.result import RunResult, write_cards
from ..systems.catalogue import make_system
from ..systems.judge.judging import Judging
from ..systems.judge.judging_probes import FAVOUR
from .session import check_outputs, check_prices, command_line, exit_code

if TYPE_CHECKING:
    from ..models.base import Model

KNOWN = ("again", *PROBES)


class Asked(NamedTuple):
    """What was asked for on the command line."""

    judge: str
    model: str
    panel: tuple[str, ...]
    on: str | None
    probes: tuple[str, ...]
    limit: int | None
    repeats: int
    seed: int
    concurrency: int | None
    budget: Budget
    data: str | None


def calibrate_judge(asked: Asked, store: str, json_path: str | None) -> int:
    """Hold a judge against a labelled set, and keep its card."""
    check_outputs(json_path)
    folder = DataFolder(asked.data)
    judging = _judging(asked.judge, asked.on, folder)
    roles = {f"judge{n}": cast_model(name) for n, name in enumerate(asked.panel, 2)}
    judge = cast_model(asked.model)
    plan = Plan([judging], [judge], settings=("plain", *_probes(asked.probes)), limit=asked.limit, repeats=asked.repeats,
                seed=asked.seed, roles=roles)  # fmt: skip
    check_prices(plan.all_models, asked.budget.max_cost)
    who = _who(judging, judge, list(roles.values()))
    with Store(store, writable=True) as opened:
        about = {"command": command_line(), "data": folder.used}
        result = play(plan, opened, concurrency=asked.concurrency, budget=asked.budget, about=about, quiet=json_path == "-")
        status = find_run(opened, result.run.id).status
        card = _card(judging, who, plan, result, opened)
        kept = put_card(opened, card)
    if json_path:
        write_cards(json_path, [card])
    if json_path != "-":
        print_card(card, result)
        if kept is not card:
            click.echo(f"  The card of run {kept.run} stays: it rests on more items ({kept.items:,}).")
    return exit_code(result, status)


def _judging(what: str, on: str | None, folder: DataFolder) -> Judging:
    slug, options = parse_name(what)
    if on is not None:
        if options.get("on", on) != on:
            raise InputError(f"the labelled set is given twice: ?on={options['on']} and --on {on}")
        what = named(slug, {**options, "on": on})
    made = make_system(what, folder)
    if not isinstance(made, Judging):
        raise InputError(
            f"`{made.slug}` is a benchmark, no judge: `multiturn run {made.slug}` runs it, and --labels calibrates the judge of "
            "a run; a judge is `judge`, or a system with the option `on`"
        )
    assert made.labelled  # a set that is not there is said before anything is asked
    return made


def _probes(named: tuple[str, ...]) -> tuple[str, ...]:
    if "none" in named:
        if len(named) > 1:
            raise InputError("--probe none goes with no other probe")
        return ()
    for name in named:
        if name not in KNOWN:
            raise UnknownName("probe", name, (*KNOWN, "none"))
    return named or KNOWN


class _Who(NamedTuple):
    """A judge as its card names it."""

    hash: str
    label: str
    family: str


def _who(judging: Judging, judge: Model, panel: list[Model]) -> _Who:
    rehearsed = rehearse(judging, "assistant", len(panel))
    if panel and rehearsed.asked and not rehearsed.panel:
        click.echo(f"multiturn: `{judging.slug}` asks one judge; --judge {panel[0].label} is not asked", err=True)
    return _Who(judge_hash(judging, judge, "assistant", panel), panel_label(judge, panel, rehearsed), family(judge.label))


def _card(judging: Judging, who: _Who, plan: Plan, result: RunResult, store: Store) -> Card:
    figures = [f for f in result.figures if f.group is None]
    figures += [_own(f) for f in result.figures if f.measure == FAVOUR and who.family and f.group == who.family]
    planned = sum(e.setting == "plain" and e.repeat == 0 for e in plan.episodes)
    (judged,) = next(store.rows(_JUDGED, result.run.id))
    return Card(
        judge=who.hash, method=judging.label, model=who.label, labels=_labels(judging.labelled.name),
        run=result.run.id, items=judged, planned=planned, figures=tuple(figures), sentences=sentences(figures),
        created=time.time(),
    )  # fmt: skip


def _labels(name: str) -> str:
    """A labelled set by name; a file with its hash: what was changed in it is another set."""
    if not name.endswith(".jsonl"):
        return name
    return f"{Path(name).name} ({blake2b(Path(name).read_bytes(), digest_size=4).hexdigest()})"


_JUDGED = """SELECT count(DISTINCT e."case") FROM run_episodes r JOIN episodes e ON e.id = r.episode
JOIN verdicts v ON v.episode = e.id
WHERE r.run = ? AND e.setting = 'plain' AND v.measure IN ('verdict', 'rank') AND v.value IS NOT NULL"""


def _own(figure: Figure) -> Figure:
    return msgspec.structs.replace(figure, measure="favours own family", note=f"{figure.group}: {figure.note}", group=None)
