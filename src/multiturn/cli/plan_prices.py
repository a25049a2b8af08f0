"""What a play of a case costs, and how long it takes: for `multiturn plan`, from a pilot or as stated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..engine.replay import recorded_label
from ..engine.runs import RunRow
from ..engine.store import Store
from ..measures.power import Prices
from .plan_pilot import Pilot


class Stated(NamedTuple):
    """Numbers that the user gives for case, repeat and judge; None: not given."""

    case: float | None
    repeat: float | None
    judge: float | None


class Priced(NamedTuple):
    """Prices in ``unit``: "$", "s" (seconds of waiting for answers) or "plays"; ``seconds``: wall-clock time of a play of
    all players, None when not known."""

    prices: Prices
    unit: str
    seconds: float | None


class Spent(NamedTuple):
    """What one play of one case took, by role, for one model measured. ``usd`` None: some call had no known price.
    ``seconds``: of waiting for answers, all calls added up."""

    role: str
    model: str
    calls: float
    input: float
    output: float
    seconds: float
    usd: float | None


_CALLS = """
SELECT m.name, m.options, count(*), sum(c.input_tokens), sum(c.output_tokens), sum(c.latency), sum(c.cost), count(c.cost)
FROM calls c JOIN models m ON m.id = c.model WHERE c.created BETWEEN ? AND ? GROUP BY m.id"""

_CELLS = """
SELECT count(*) FROM (SELECT DISTINCT e.system, e.model, e.cluster, e.repeat
FROM run_episodes r JOIN episodes e ON e.id = r.episode WHERE r.run = ? AND e.created BETWEEN ? AND ?)"""


def spending(store: Store, run: RunRow) -> list[Spent]:
    """What a play took, by role, from the calls that were made while this run was writing the store (nobody else was).

    Calls carry a model and no role: where one model plays several roles, they are counted together.
    """
    window = (run.created, run.finished or 9e18)
    plays = next(store.rows(_CELLS, run.id, *window))[0]
    roles: dict[str, list[str]] = {}
    for model in run.spec.models:
        roles.setdefault(model, []).append("model")
    for role, model in run.spec.roles.items():
        roles.setdefault(model, []).append(role)
    return list(_spent(store, roles, window, plays, len(run.spec.models))) if plays else []


def _spent(store: Store, roles: dict[str, list[str]], window: tuple[float, float], plays: int, models: int) -> Iterator[Spent]:
    for name, options, calls, given, wanted, seconds, usd, priced in store.rows(_CALLS, *window):
        label = recorded_label(name, options)
        played = roles.get(label)
        if played is None:
            continue
        # Each model measured has its share of the plays; judge and user take part in all of them.
        n = plays / models if played[0] == "model" else plays
        cost = usd / n if priced == calls and usd is not None else None
        yield Spent(" and ".join(played), label, calls / n, given / n, wanted / n, seconds / n, cost)


def pace(run: RunRow) -> float | None:
    """Wall-clock seconds a made call of this run, with all that went on at once; None when none was made."""
    total = run.summary.get("total") or {}
    return total["seconds"] / total["made"] if total.get("made") else None


def stated_prices(stated: Stated, sides: int) -> Priced:
    case, repeat, judge = (p or 0.0 for p in stated)
    if not any(stated):
        return Priced(Prices(0.0, float(sides), 0.0), "plays", None)
    return Priced(Prices(case, sides * repeat, sides * judge), "$", None)


def pilot_prices(spent: list[Spent], stated: Stated, pilot: Pilot, players: int) -> Priced:
    """Prices for ``players`` models: in dollars where all are known or some are stated, else in seconds of waiting for
    answers, else in plays."""
    models = {side.model.partition(" + ")[0] for side in pilot.sides}
    mine = [s for s in spent if not s.role.startswith("model") or s.model in models]
    measured = len({s.model for s in mine if s.role.startswith("model")})
    # A model that was measured stands for one that was not; judge and user take part once for each player.
    times = [players / measured if s.role.startswith("model") else float(players) for s in mine]

    def split(each: list[float]) -> tuple[float, float]:
        """What a play costs, and its judgement."""
        judge = sum(t * c for t, c, s in zip(times, each, mine, strict=True) if s.role == "judge")
        return sum(t * c for t, c in zip(times, each, strict=True)) - judge, judge

    step = next((p for run in pilot.runs if (p := pace(run)) is not None), None)
    calls = sum(split([s.calls for s in mine]))
    seconds = None if step is None or not calls else step * calls
    dollars = bool(mine) and all(s.usd is not None for s in mine)
    if any(p is not None for p in stated):
        play, judge = split([s.usd or 0.0 for s in mine]) if dollars else (0.0, 0.0)
        play = play if stated.repeat is None else players * stated.repeat
        judge = judge if stated.judge is None else players * stated.judge
        return Priced(Prices(stated.case or 0.0, play, judge), "$", seconds)
    if dollars and any(s.usd for s in mine):
        return Priced(Prices(0.0, *split([s.usd or 0.0 for s in mine])), "$", seconds)
    if any(s.seconds for s in mine):
        return Priced(Prices(0.0, *split([s.seconds for s in mine])), "s", seconds)
    return Priced(Prices(0.0, float(players), 0.0), "plays", seconds)


def price_notes(spent: list[Spent], pilot: Pilot) -> list[str]:
    if not spent:
        if all(not run.summary.get("total", {}).get("recorded") for run in pilot.runs):
            return []  # nobody was asked
        return ["The pilot's calls were on record already: what they cost is not known (--price-repeat)."]
    joint = next((s for s in spent if " and " in s.role), None)
    notes = [f"{joint.model} plays {joint.role}: their prices cannot be told apart."] if joint else []
    if any(s.usd is None for s in spent):
        notes.append("Some calls have no known price: the price is in seconds of waiting for answers (--price-repeat gives one).")
    if pilot.played > 1:
        notes.append("A play is a case in all settings of the pilot, and the price is that of all of them.")
    return notes
