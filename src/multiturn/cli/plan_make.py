"""From a pilot, or from stated variances, to the designs that are good enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from ..conversation import InputError
from ..engine.runs import RunRow, find_run
from ..engine.store import Store
from ..measures.figure import FRACTION, Scale
from ..measures.power import (
    Design,
    Needed,
    Spread,
    best_judges,
    best_repeats,
    cases_for_effect,
    cases_for_half_width,
    detectable,
    gains,
)
from ..measures.power import designs as make_designs
from ..measures.variance import Components, Plays, components, weights
from ..report.planning import Part, Planned
from ..report.words import count
from .plan_pilot import Pilot, pinned_user, read
from .plan_prices import Priced, Spent, Stated, pilot_prices, price_notes, spending, stated_prices

ASSUMED = 0.5
"""Correlation of two models' scores of a case when nothing is known of it (Miller 2024 found 0.3 to 0.7)."""

FEW = 25
"""From about so many cases on, exact tests have the power that is planned by t (14 cases planned for 80 %: 51 to 78 %)."""

USUAL = 0.05
"""Share of the scale that is planned for when no size is asked for."""


class Wanted(NamedTuple):
    """What shall be seen (see `multiturn plan --help`). ``mean`` and ``reach``: where the mean lies on a scale that is brought to
    0..1, and the length of that scale; None where there are no two ends."""

    effect: float | None
    half_width: float | None
    power: float
    alpha: float
    unpaired: bool
    correlation: float | None
    max_cases: int | None
    mean: float | None = None
    reach: float = 1.0

    def settled(self, scale: Scale) -> Wanted:
        """With a size: 5 % of the scale when none is asked for. Raises `InputError` for two sizes, or one off the scale."""
        reach = scale.high - scale.low
        if self.effect is not None and self.half_width is not None:
            raise InputError("--effect plans for a difference, --ci for a mean: give one of them")
        if self.half_width is not None and (self.unpaired or self.correlation is not None):
            raise InputError("--unpaired and --correlation are about a difference (--effect), --ci is about one mean")
        if self.unpaired and self.correlation is not None:
            raise InputError("--unpaired: two sides that answer different cases have no --correlation")
        wanted = self
        if self.effect is None and self.half_width is None:
            if not math.isfinite(reach):
                raise InputError("say what shall be seen: --effect X (a difference) or --ci X (a half-width of a mean)")
            wanted = self._replace(effect=USUAL * reach)
        size = wanted.effect or wanted.half_width or 0.0
        if size >= reach:
            raise InputError(f"the scale is only {reach:g} long, {size:g} is no size to plan for (0.05 = 5 points of a fraction)")
        return wanted

    def around(self, mean: float, scale: Scale) -> Wanted:
        """The same for a mean about here."""
        reach = scale.high - scale.low
        inside = math.isfinite(reach) and scale.low < mean < scale.high
        return self._replace(mean=(mean - scale.low) / reach, reach=reach) if inside else self

    @property
    def needed(self) -> Needed:
        if self.half_width is not None:
            width, reach = self.half_width / self.reach, self.reach
            return lambda variance: cases_for_half_width(variance / reach**2, width, self.alpha, mean=self.mean)
        assert self.effect is not None
        effect, sides = self.effect, 2 if self.unpaired else 1
        return lambda variance: cases_for_effect(variance, effect, self.alpha, self.power, sides)


class Of(NamedTuple):
    """What of the pilot is meant."""

    benchmark: str
    measure: str
    setting: str
    settings: tuple[str, str] | None
    models: tuple[str, str] | None


# -- from stated variances --------------------------------------------------------------------------------------------
def from_variances(wanted: Wanted, rate: float | None, sds: Stated, stated: Stated) -> Planned:
    """A plan without a pilot."""
    wanted = wanted.settled(FRACTION if rate is not None else Scale(low=-math.inf, high=math.inf, unit=""))
    case, repeat, judge = (None if sd is None else sd**2 for sd in sds)
    notes = []
    if rate is not None:
        whole = rate * (1 - rate)
        if (case or 0.0) + (repeat or 0.0) + (judge or 0.0) > whole + 1e-12:
            raise InputError(f"a share of {rate:g} varies by a standard deviation of {math.sqrt(whole):.3g} in all, not more")
        if case is None:
            case = whole - (repeat or 0.0) - (judge or 0.0)
        elif repeat is None:
            repeat = whole - case - (judge or 0.0)
        wanted = wanted.around(rate, FRACTION)
        notes.append(f"A share of {rate:g} in pass or fail varies by {math.sqrt(whole):.3f} from value to value (p(1 − p)).")
    if case is None:
        raise InputError("--sd-case (or --rate) is needed: without cases that differ there is nothing to plan")
    if judge is not None and repeat is None:
        repeat = 0.0
    spread = Spread(case, repeat, judge)
    parts = [Part(name, value) for name, value in zip(("case", "repeat", "judge"), spread, strict=True) if value is not None]
    what, sides = "the mean", 1
    if wanted.half_width is None:
        spread, what, note = _difference(spread, wanted)
        notes += note
        sides = 2
    if spread.per_case() <= 0:
        raise InputError("nothing varies in what is stated: there is nothing to plan")
    prices = stated_prices(stated, sides)
    return _planned(wanted, spread, prices, title="stated variances", what=what, unit="fraction" if rate is not None else "",
                    parts=parts, notes=notes)  # fmt: skip


def _difference(spread: Spread, wanted: Wanted) -> tuple[Spread, str, list[str]]:
    """The spread of a difference of two players like this one."""
    if wanted.unpaired:
        return (
            spread.difference(0),
            "the difference of two models on different cases",
            ["Unpaired: that many cases on each side."],
        )
    r = ASSUMED if wanted.correlation is None else wanted.correlation
    said = "assumed" if wanted.correlation is None else "stated"
    note = f"Correlation of the two models' scores of a case: {r:g}, {said} (--correlation); 0 would be as if unpaired."
    return spread.difference(r), "the difference of two models on the same cases", [note]


# -- from a pilot -------------------------------------------------------------------------------------------------------
def from_pilot(path: str, names: Sequence[str], wanted: Wanted, of: Of, stated: Stated) -> Planned:
    """A plan from runs of a store."""
    with Store(path) as store:
        found = list({run.id: run for run in (find_run(store, name) for name in names)}.values())
        one_player = wanted.half_width is not None or wanted.unpaired or wanted.correlation is not None
        if one_player and (of.settings or (of.models and wanted.half_width is None)):
            raise InputError("--settings and --models name two sides to compare: not with --ci, --unpaired or --correlation")
        pilot = read(store, found, benchmark=of.benchmark, measure=of.measure, settings=of.settings, models=of.models,
                     setting=of.setting, difference=not one_player)  # fmt: skip
        spent = _spent(store, found)
    wanted = wanted.settled(pilot.scale)
    plays, user_parts, notes = _users_apart(pilot)
    c = components(plays)
    wanted = wanted.around(c.mean, pilot.scale)
    parts = [Part(p.name, p.value, p.low, p.high) for p in c.parts.values() if p.value is not None] + user_parts
    spread = Spread(c.combined((1, 0, 1, 0, 0))[0], c.parts["repeat"].value, c.parts["judge"].value)
    if spread.repeat is None and spread.judge is not None:
        spread = Spread(spread.case, 0.0, spread.judge)  # what repeats vary lies in the cases, and cannot be averaged out
    sides, correlation = len(pilot.sides), None
    what = "the mean" if sides == 1 else "the difference " + _against(pilot)
    if wanted.half_width is None and sides == 1:
        correlation = 0.0 if wanted.unpaired else wanted.correlation if wanted.correlation is not None else ASSUMED
        spread, what, more = _difference(spread, wanted)
        notes += more
    if spread.per_case() <= 0:
        raise InputError(f"every case of the pilot has the same {pilot.measure}: it says nothing of how much others would vary")
    players = 2 if correlation is not None or len({s.model for s in pilot.sides}) > 1 else 1
    prices = pilot_prices(spent, stated, pilot, players)
    title = f"{pilot.system}, {pilot.measure}" + (f", {pilot.sides[0].setting}" if sides == 1 else "")
    title += f": run {' and '.join(run.id for run in pilot.runs)}, {count(c.cases, 'case')} × {c.repeats:.3g}"
    planned = _planned(wanted, spread, prices, title=title, what=what, unit=pilot.scale.unit, parts=parts,
                       notes=[*pilot.notes, *notes, *_unknown(pilot, c), *price_notes(spent, pilot)],
                       now=(c.cases, c.repeats, c.judges), spent=spent, sentence=_source(pilot, c))  # fmt: skip
    if planned.best is None:
        return planned
    _, low, high = c.combined(weights(planned.best.repeats, planned.best.judges, correlation))
    if low is None or high is None:
        return planned
    return planned._replace(few=wanted.needed(low), many=wanted.needed(high))


def _spent(store: Store, found: Sequence[RunRow]) -> list[Spent]:
    """What a play took, by the first run that asked anybody; of the others, what their other models took."""
    each = [spent for run in found if (spent := spending(store, run))]
    spent = list(each[0]) if each else []
    for s in (s for more in each[1:] for s in more if s.role.startswith("model")):
        if s.model not in {known.model for known in spent}:
            spent.append(s)
    return spent


def _against(pilot: Pilot) -> str:
    one, two = pilot.sides
    return f"{two.model} − {one.model} ({two.setting})" if one.model != two.model else f"{two.setting} − {one.setting}"


def _users_apart(pilot: Pilot) -> tuple[Plays, list[Part], list[str]]:
    """The plays to estimate from. When one run has the user at temperature 0 and the other not, the repeats of the first vary
    by the model alone: the rest of the others' is the user's."""
    pair = pinned_user(pilot)
    if pair is None:
        return pilot.plays, [], []
    free, fixed = (Plays(*(column[pilot.plays.user == code] for column in pilot.plays)) for code in pair)
    both, model = (components(p).parts["repeat"].value for p in (free, fixed))
    if both is None or model is None:
        return free, [], ["To tell the user's part of the repeats, both runs must have several --repeats."]
    note = "The run with the user at temperature 0 tells the model's part of the repeats; what is left is the user's."
    return free, [Part("of repeat: model", min(model, both)), Part("of repeat: user", max(both - model, 0.0))], [note]


def _source(pilot: Pilot, c: Components) -> str:
    """What the repeats' spread is made of, as far as this design tells."""
    who = [role for role in pilot.drawn if role != "judge" or c.parts["judge"].value is None]
    made = " and ".join(who)
    if not made:
        return ""
    return f"repeat = a new sample of {made}" if c.parts["repeat"].value is not None else f"case includes a sample of {made}"


def _unknown(pilot: Pilot, c: Components) -> list[str]:
    """What this pilot cannot tell, and the small one that would; what came out below 0."""
    notes, runs = [], " ".join(run.id for run in pilot.runs)
    if c.parts["repeat"].value is None:
        notes.append(
            "Each case was played once: what repeats vary counts as cases here. A pilot with --repeats 3 tells them apart."
        )
    roles = pilot.runs[0].spec.roles
    if "judge" in roles and c.parts["judge"].value is None:
        judge = roles["judge"]
        again = f"{judge}{'&' if '?' in judge else '?'}seed=1"
        notes.append(
            f"No conversation was judged twice, so the judge's own spread is not known apart. multiturn score {pilot.runs[0].id} "
            f"--judge '{again}', then multiturn plan {runs} NEWRUN tells it."
        )
    if "user" in roles and len(pilot.users) == 1:
        notes.append(
            "Each repeat draws model and user together. The same run with --user at temperature=0 (and the same --repeats), "
            f"then multiturn plan {runs} NEWRUN, tells them apart; with another --user, how much it matters who plays the user."
        )
    if c.users > 1:
        notes.append(f"user: the mean shifts with who plays the user; {c.users} user models tell it very roughly, and no number "
                     "of cases averages it out.")  # fmt: skip
    judges = {run.spec.roles["judge"].partition("?")[0] for run in pilot.runs if "judge" in run.spec.roles}
    if len(judges) > 1:
        notes.append(
            f"judge: here it is how far different judges differ ({', '.join(sorted(judges))}), not one judge from itself."
        )
    for part in c.parts.values():
        if part.raw is not None and part.raw < 0:
            notes.append(f"{part.name}: estimated below 0 ({part.raw:.2g}), counted as 0: too small for this pilot to see.")
    return notes


# -- the plan -----------------------------------------------------------------------------------------------------------
def _planned(wanted: Wanted, spread: Spread, priced: Priced, *, title: str, what: str, unit: str,
             parts: list[Part], notes: list[str], now: tuple[int, float, float] | None = None,
             spent: Sequence[Spent] = (), sentence: str = "") -> Planned:  # fmt: skip
    prices = priced.prices
    found = make_designs(spread, prices, wanted.needed, most=wanted.max_cases)
    if found and wanted.effect is not None and found[0].cases < FEW:
        notes = [*notes, f"With fewer than {FEW} cases the exact tests of `compare` find it less often than that: play {FEW}."]
    repeats, judges = (now[1], now[2]) if now else (1.0, 1.0)
    seen = None
    if now is not None and wanted.effect is not None:
        n = now[0]
        seen = detectable(math.sqrt(spread.per_case(repeats, judges) / n), n - 1, wanted.alpha, wanted.power)
    return Planned(
        title=title, what=what, unit=unit, effect=wanted.effect, half_width=wanted.half_width, power=wanted.power,
        alpha=wanted.alpha, parts=parts, made_of=sentence, designs=_shown(found), best=found[0] if found else None,
        few=None, many=None, most=wanted.max_cases, price_unit=priced.unit, prices=prices, seconds=priced.seconds, seen=seen,
        now=now, gains=gains(spread, prices, repeats, judges), best_repeats=best_repeats(prices, spread),
        best_judges=best_judges(prices, spread), spent=[s._asdict() for s in spent], notes=notes,
    )  # fmt: skip


def _shown(found: list[Design], most: int = 8) -> list[Design]:
    """The designs worth showing: for each number of repeats and judgements at most one, the cheapest first, the plain one
    always."""
    plain = [d for d in found if d.repeats == d.judges == 1]
    return sorted({*found[: most - 1], *plain}, key=lambda d: (d.price, d.cases))
