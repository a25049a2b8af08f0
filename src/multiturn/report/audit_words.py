"""What an audit found, in plain sentences. All text is plain, not markup; quotes are made visible on one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..judges.simulation import TURNS
from ..measures.figure import Figure
from ..systems.sim.arena_data import ASSISTANTS
from .audit import FigurePair, People, UserAudit
from .audit_ratings import WithPeople
from .audit_users import Moved, Shift
from .safe import one_line
from .shape import SMALL
from .words import count, estimate, number, points

FEATURES_SHOWN = 6
_MORE = {
    "messages": "writes more messages", "words": "writes longer messages", "question": "asks more often",
    "correction": "corrects the assistant more often", "first-turn share": "says more of everything at once",
    "lexical variety": "varies its words more", "distinct-2": "has a wider choice of words",
    "repeated opening": "begins more of its messages alike", "shared opening": "begins more of its conversations alike",
}  # fmt: skip
_LESS = {
    "messages": "writes fewer messages", "words": "writes shorter messages", "question": "asks less often",
    "correction": "corrects the assistant less often", "first-turn share": "says less of everything at once",
    "lexical variety": "varies its words less", "distinct-2": "has a narrower choice of words",
    "repeated opening": "begins fewer of its messages alike", "shared opening": "begins fewer of its conversations alike",
}  # fmt: skip


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f}%"


def span(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{100 * low:.0f}, {100 * high:.0f}]"


def headline(audit: UserAudit) -> str:
    """Who was audited, in how much."""
    talk = f"{count(audit.conversations, 'conversation')}, {count(audit.messages, 'user message')}"
    return f"{one_line(audit.system)}: the user is played by {one_line(audit.user, 80)} (run {one_line(audit.run)}: {talk})"


def habit_lines(audit: UserAudit) -> Iterator[str]:
    """A user that cannot be understood, that always says the same, or that talks at random, is no user."""
    if audit.unusable >= 0.2:
        ended = audit.unusable_ended
        spoke = "the benchmark ended the conversation" if ended else "the benchmark spoke in its place"
        yield f"Its replies could not be used in {percent(audit.unusable)} of its turns: {spoke}."
    if audit.no_user:
        said = one_line(audit.same_message, 60)
        yield f"The simulated user says the same in {percent(audit.same)} of its turns (“{said}”): it is no user."
    elif audit.alike:
        said = one_line(audit.opening, 60)
        yield f"It begins {percent(audit.begin)} of its conversations with the same words (“{said} …”)."
    if audit.at_random:
        fit = f"{percent(audit.fit)} of the time{span(audit.fit_low, audit.fit_high)}, chance 50%"
        yield f"Its messages fit another conversation as well as their own (their own better {fit}): it talks at random."
    if audit.no_user or audit.at_random:
        yield "The figures of this run say little about the assistant."


def marked_line(audit: UserAudit) -> str:
    """How many conversations the simulator can have decided."""
    told = ""
    if audit.told_a_message is not None:
        told = f" It tells {audit.told_a_message:.1f} pieces of what it knows a message."
    if not audit.marked:
        return (
            f"In none of {count(audit.conversations, 'conversation')} did a check find what can have decided the outcome.{told}"
        )
    share = f"{percent(audit.marked_share)}{span(audit.marked_low, audit.marked_high)}"
    return (
        f"In {audit.marked:,} of {count(audit.conversations, 'conversation')} ({share}) the simulator can have decided "
        f"the outcome; they are left out on the right.{told}"
    )


def difference_line(audit: UserAudit) -> Iterator[str]:
    """What leaving them out does to the first figure that they are part of, and that can be made without them."""
    moved = [p for p in audit.figures if p.all.value is not None and p.all.group is None and p.all.turn is None and _touched(p)]
    pair = next((p for p in moved if p.difference is not None), None)
    if pair is None or pair.difference is None:
        if moved:
            yield "Nothing is left of the figures that they are part of."
        return
    f, d = pair.all, pair.difference
    name = f"{one_line(f.measure, 40)} ({one_line(f.setting or 'all settings', 40)})"
    cases = f"{count(pair.without.n_cases if pair.without else 0, 'case')} of {f.n_cases:,}"
    if not d:
        yield f"{name} is the same without them ({cases})."
        return
    shown = estimate(Figure(measure="", value=d, low=pair.low, high=pair.high, unit=f.unit), signed=True).partition(" ")[2]
    sure = pair.low is not None and pair.high is not None and (pair.low > 0 or pair.high < 0)
    chance = "" if sure else "; this could be chance" if shown else "; how sure that is cannot be said"
    way = "higher" if d > 0 else "lower"
    yield f"{name} is {points(d, f.unit)} {way} without them{' ' + shown if shown else ''} ({cases}){chance}."


def _touched(pair: FigurePair) -> bool:
    """Whether the figure rests on other verdicts without them."""
    rest = pair.without
    return rest is None or (rest.n_scored, rest.n_failed) != (pair.all.n_scored, pair.all.n_failed)


def classifier_lines(people: People) -> Iterator[str]:
    """Can a classifier tell the simulated user from people?"""
    found, style = people.classifier, people.style
    if found["accuracy"] is None:
        yield f"Whether a classifier can tell it from people was not measured: {one_line(str(found['cause']))}."
        return
    rate = f"{percent(found['accuracy'])} of the time{span(found['low'], found['high'])} (chance 50%)"
    p = found["p"]
    if p is not None and p < 0.05:
        yield f"A classifier tells it from people {rate}."
    else:
        yield f"A classifier cannot tell it from people: it is right {rate}."
    if style["accuracy"] is not None:
        yield f"By style alone, without the words: {percent(style['accuracy'])}. Words may give away the topic, not the user."


def feature_lines(people: People) -> Iterator[str]:
    """The features that differ for sure, the clearest first."""
    sure = [f for f in people.features if f["p_holm"] is not None and f["p_holm"] < 0.05]
    for feature in sorted(sure, key=lambda f: f["p"])[:FEATURES_SHOWN]:
        yield _feature(feature)
    if not sure:
        yield "None of its measured habits differs clearly from people's."
    elif len(sure) > FEATURES_SHOWN:
        more = len(sure) - FEATURES_SHOWN
        yield f"{count(more, 'more habit')} {'differs' if more == 1 else 'differ'} (--json has all)."


def _feature(f: dict[str, Any]) -> str:
    values = f"{_value(f['simulated'], f['unit'])} against {_value(f['human'], f['unit'])}"
    name = str(f["feature"])
    words = (_MORE if f["difference"] > 0 else _LESS).get(name)
    return f"It {words}: {values}." if words else f"{name.capitalize()}: {values} of messages."


def _value(value: float | None, unit: str) -> str:
    return percent(value) if unit == "fraction" else number(value, "turns")


def ratings_lines(found: WithPeople) -> Iterator[str]:
    """Whether ratings could be compared, and what with."""
    if found.others:
        names = one_line(", ".join(found.others), 100)
        rest = f"only {', '.join(found.assistants)} can be compared" if found.assistants else "none can be compared"
        yield f"People did not talk with {names}: of the models in this run {rest}."
    if not found.rows:
        few = f"only {count(found.cells, 'conversation')}" if found.cells else "no conversation"
        yield (
            f"There is {few} of a person's case with the same assistant (--model): nothing is known of how far its ratings are "
            f"people's. They talked with {', '.join(ASSISTANTS)}."
        )
        return
    yield "Spearman's rho of its ratings with people's z-scores: 1 is the same order, 0 none. The paper's: by assistant and kind."
    if lost := max(row.dropped for row in found.rows):
        yield f"{count(lost, 'conversation')} without a rating of the simulator's left out."


def shift_lines(shift: Shift) -> Iterator[str]:
    """How far the score moves with the user, and how much of its spread is the user's."""
    name = f"{one_line(shift.measure, 30)} ({one_line(shift.setting, 20)})"
    known = [m for m in shift.moved if m.value is not None]
    if known:
        yield _moved(name, max(known, key=lambda m: abs(m.value or 0.0)), shift.unit)
    if shift.simulator is None:
        yield f"{name}: what share of its variance is the user model's cannot be said from these plays."
        return
    rest = ", ".join(f"{label} {percent(share)}" for label, share in shift.shares.items() if label != "user" and share > 0)
    text = f"Of the variance of {name}, {percent(shift.simulator)} is the simulator's"
    if shift.repeated:
        alone = percent(shift.shares["user"])
        yield f"{text} (which model plays the user, {alone}, and how it treats the case); {rest or 'nothing else varies'}."
    else:
        yield f"{text} (which model plays the user); {rest or 'nothing else varies'}; --repeats 2 tells case x user from chance."


def _moved(name: str, m: Moved, unit: str) -> str:
    figure = Figure(measure="", value=m.value, low=m.low, high=m.high, unit=unit)
    sure = m.p is not None and m.p < 0.05
    first, second = one_line(m.first, 60), one_line(m.second, 60)
    if not m.value:
        return f"{name} is the same with {second} as with {first} ({count(m.cases, 'case')})."
    way = "higher" if m.value > 0 else "lower"
    chance = "" if sure else "; this could be chance"
    shown = estimate(figure, signed=True).partition(" ")[2]
    size = points(m.value, unit)
    return f"{name} is {size} {way} with {second} as the user than with {first} {shown} ({count(m.cases, 'case')}){chance}."


def cautions(audit: UserAudit) -> Iterator[str]:
    """What keeps these findings from being taken at their word."""
    if not audit.known:
        yield "What this user knows and should hide is not known here: only what the text shows was checked."
    elif audit.known < audit.conversations:
        yield f"What the user knows is known of {audit.known:,} conversations; of the others only the text was checked."
    if audit.cut:
        yield f"Of {count(audit.cut, 'conversation')} only the first {TURNS} messages of the user were looked at."
    if audit.cases < SMALL:
        yield f"Small sample: intervals rest on {count(audit.cases, 'case')}; take them as rough."
    if audit.marked:
        yield "What is left out may differ from the rest in more than the user: the figures on the right check those on the left."
