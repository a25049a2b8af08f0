"""Who tells the shards; one turn of the assistant: what it does (strategy), which answer it gives, what that is worth; and the
score of a whole conversation from its turns. Notes are plain data, kept with the episode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...conversation import CallError, Cast, Conversation, NotMeasured
from ...judges.extract import extract
from ...judges.simulation import RESTART, UNUSABLE, Finding, Secrets
from ...judges.strategy import by_rules, classify
from ...measures.verdict import Verdict
from ...protocols.sharded import Revealer, Shard, Utterance, in_order, simulated
from .lost_case import LostCase
from .lost_tasks import Task

BINS = ("0-20 %", "20-40 %", "40-60 %", "60-80 %", "80-100 %")
"""Of the shards: when the first attempt came."""
UNTOLD = "turn limit: the user did not tell everything"


def teller(task: Task, case: LostCase, cast: Cast) -> Revealer:
    """Who tells the shards: the task's script, a model, or rules."""
    if not task.scripted:
        return simulated(cast.user) if cast.has("user") else in_order

    async def script(chat: Conversation, told: Sequence[Shard], left: Sequence[Shard]) -> Utterance:
        return task.turn(case, len(chat.turns))

    return script


async def note_turn(task: Task, case: LostCase, cast: Cast, chat: Conversation, *, utterance: Utterance | None = None,
                    direct: bool = False, scored: bool = True) -> float | None:  # fmt: skip
    """Classify the newest reply, score its answer if it is an attempt, and note both in ``cast.facts["turns"]``.

    ``direct``: the reply is an attempt by itself. ``scored`` False: its answer is not worth scoring yet. Returns the value;
    None when there is none, for a cause that the note gives.
    """
    note: dict[str, Any] = {"strategy": None, "value": None, "cause": "", "reason": "", "length": None}
    if utterance is not None:
        note |= {"shard": utterance.shard, "faults": list(utterance.faults)}
    cast.facts["turns"].append(note)
    value = None
    try:
        if await _attempts(task, case, cast, chat.reply, note, direct):
            answer = await _answer(task, cast, chat.reply)
            note["length"] = len(answer)
            if scored:
                value, note["reason"] = await task.score(case, answer, cast) if answer else (0.0, "no answer found")
    except (NotMeasured, CallError) as error:
        note["cause"] = error.cause
    note["value"] = value
    return value


async def _attempts(task: Task, case: LostCase, cast: Cast, reply: str, note: dict[str, Any], direct: bool) -> bool:
    if direct or not task.classified:
        note["strategy"] = "answer_attempt" if reply.strip() else "missing"
    elif cast.has("judge"):
        found = await classify(cast, reply, case.shards[0].text, [s.text for s in case.shards[1:]], task.wanted)
        note["strategy"], note["cause"] = found.value, found.cause
    else:
        note["strategy"] = by_rules(reply, *task.answer(reply))
    return bool(note["strategy"] == "answer_attempt")


async def _answer(task: Task, cast: Cast, reply: str) -> str:
    if not (task.copied and cast.has("judge")):
        return task.answer(reply)[0]
    found = await extract(cast, reply, task.wanted, long=task.long)
    if found.value is None and not task.official:
        raise NotMeasured(found.cause)
    return found.value or ""


def final_score(turns: Sequence[dict[str, Any]], cast: Cast) -> Verdict:
    """The score of the last attempt. Open where it hangs on a turn that could not be judged, or on shards never told."""
    if cast.stopped:
        return Verdict("score", None, cause=cast.stopped)
    if cast.facts.get("stop") == "turn limit":
        return Verdict("score", None, cause=UNTOLD)
    for turn in reversed(turns):
        if turn["strategy"] is None or (turn["strategy"] == "answer_attempt" and turn["value"] is None):
            return Verdict("score", None, cause=turn["cause"] or "no score")
        if turn["strategy"] == "answer_attempt":
            return Verdict("score", turn["value"], reason=turn["reason"])
    silent = all(turn["strategy"] == "missing" for turn in turns)
    return Verdict("score", 0.0, reason="empty replies" if silent else "no answer attempt", failed=silent)


def turn_verdicts(turns: Sequence[dict[str, Any]]) -> Iterator[Verdict]:
    """What each turn did, and how long its answer was."""
    for number, turn in enumerate(turns, 1):
        strategy, cause = turn["strategy"], turn["cause"] or "no reply"
        for name, kinds in (("attempt", ("answer_attempt",)), ("question", ("clarification", "interrogation"))):
            value = None if strategy is None else float(strategy in kinds)
            yield Verdict(name, value, turn=number, reason=strategy or "", cause=cause if value is None else "")
        if turn["length"] is not None:
            yield Verdict("answer length", turn["length"], turn=number)


def by_first_attempt(turns: Sequence[dict[str, Any]], shards: int, score: Verdict) -> Iterator[Verdict]:
    """The score once more, in the group of when the first attempt came; nothing where none came."""
    first = next((i for i, turn in enumerate(turns, 1) if turn["strategy"] == "answer_attempt"), None)
    if first is not None:
        group = BINS[min(4, (5 * first - 1) // shards)]
        yield Verdict("score by first attempt", score.value, group=group, cause=score.cause)


def user_secrets(case: LostCase, gold: str, setting: str, facts: Mapping[str, Any]) -> Secrets:
    """What the user who tells the shards has to hide and to tell. Messages without a shard of their own (the whole task at once,
    the recap) are the benchmark's."""
    place = {shard.id: i for i, shard in enumerate(case.shards)}
    turns = [turn for turn in facts.get("turns", ()) if "shard" in turn]
    told = [turn["shard"] for turn in turns]
    spoken_for = tuple(
        Finding(UNUSABLE, number, turn["faults"][-1][:120], certain=True)
        for number, turn in enumerate(turns, 1) if len(turn.get("faults", ())) > 1
    )  # fmt: skip
    return Secrets(
        never=(gold.removeprefix("The answer is "),), pieces=tuple(shard.text for shard in case.shards), per_turn=1,
        claimed=tuple(() if shard is None else (place[shard],) for shard in told), turns=len(told), stop=facts.get("stop", ""),
        met=any(turn["value"] == 1.0 for turn in facts.get("turns", ())), skip=(RESTART,) if setting == "snowball" else (),
        found=spoken_for,
    )  # fmt: skip
