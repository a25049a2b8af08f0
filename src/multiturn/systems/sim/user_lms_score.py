"""What one played conversation of UserLM says about the simulated user."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...conversation import Cast
from ...measures.codes import Ints
from ...measures.figure import Figure
from ...measures.verdict import Table, Verdict
from .user_lms_data import UserCase
from .user_lms_judge import in_role, on_intent, told
from .user_lms_measures import covered, decomposition_overlap, diversity, naturalness, tells_choice, termination, unique_share


def f1_of_endings(table: Table) -> Iterable[Figure]:
    """F1 of ending where the person did, over all places of all conversations (see `user_lms_measures.termination`)."""
    rows = table.where(measure="ended")
    known = rows.select(rows.measured)
    if not len(rows):
        return []
    over = [item == "over" for item in known.text("item")]
    cluster: Ints = known.codes["cluster"]
    found = termination([bool(value) for value in known.value], over, cluster.tolist()).f1
    lost = len(rows) - len(known)
    return [Figure(measure="termination F1", setting="termination", value=found.value, low=found.low, high=found.high,
                   n_cases=found.n_clusters, n_scored=len(known), n_unmeasured=lost)]  # fmt: skip


def first_turns(cast: Cast, detector: Callable[[str], float | bool] | None, length: int) -> list[Verdict]:
    """Of a block of first turns: their diversity, and with a detector the share that it takes for a person's."""
    first = [text for text in cast.facts.get("first", ()) if text]
    found = diversity(first, length=length).value
    cause = "" if found is not None else cast.stopped or "fewer than two first turns of that length"
    out = [Verdict("diversity", found, cause=cause)]
    if detector is not None:
        share = naturalness(first, detector).value
        out.append(Verdict("natural", share, cause="" if share is not None else "no first turn of 50 to 200 words"))
    return out


def endings(case: UserCase, cast: Cast) -> list[Verdict]:
    """Whether the user ended at each reply; item "over" where the person did."""
    ended, places = cast.facts.get("ended", ()), len(case.turns)
    return [
        Verdict("ended", float(ended[i]) if i < len(ended) else None, turn=i + 1,
                item="over" if i + 1 == places else f"open {i + 1}",
                cause="" if i < len(ended) else cast.stopped or "no reply")
        for i in range(places)
    ]  # fmt: skip


async def conversation(case: UserCase, cast: Cast) -> list[Verdict]:
    """How the user told what it wants."""
    said, stop = cast.facts.get("said", []), cast.facts.get("stop", "")
    cause = cast.stopped or ("message too long or empty" if stop == "format error" else "" if said else "user said nothing")
    if cause:
        measures = ("overlap", "coverage", "extra demands", "turns", "variety", "stopped")
        return [Verdict(measure, None, cause=cause) for measure in measures]
    out = []
    for turn, message in enumerate(said, 1):
        found = decomposition_overlap([[message]], [case.intent]).value
        out.append(Verdict("overlap", found, turn=turn, cause="" if found is not None else "no content words"))
    different = unique_share(said)
    out += [
        Verdict("turns", len(said), reason=f"ended by: {stop}"),
        Verdict("variety", different, cause="" if different is not None else "no words"),
        Verdict("stopped", float(stop == "user ended")),
    ]
    if not cast.has("judge"):
        share = sum(covered(said, unit) for unit in case.units) / len(case.units)
        return [*out, Verdict("coverage", share, reason="by words"), Verdict("extra demands", None, cause="needs --judge")]
    judged = await told(case.units, said, cast)
    known = judged.value
    told_share = None if known is None else len(known.units) / len(case.units)
    return [
        *out, Verdict("coverage", told_share, reason=judged.reason, cause=judged.cause),
        Verdict("extra demands", None if known is None else known.extra, reason=judged.reason, cause=judged.cause),
    ]  # fmt: skip


async def adherence(case: UserCase, cast: Cast) -> Verdict:
    """Whether the user kept its role (setting ``role``) or its intent."""
    said, replies = cast.facts.get("said", []), cast.facts.get("replies", [])
    measure, least = ("in role", 1) if cast.setting == "role" else ("on intent", 2)
    if cast.stopped or len(said) < least:
        return Verdict(measure, None, cause=cast.stopped or "ended before the assistant's turn mattered")
    if cast.setting == "role" and not cast.has("judge"):
        broke = any(tells_choice(message, case.choices) for message in said)
        return Verdict(measure, float(not broke), reason="by rule")
    found = await (in_role if cast.setting == "role" else on_intent)(case.intent, said, replies, cast)
    return Verdict(measure, found.value, reason=found.reason, cause=found.cause)
