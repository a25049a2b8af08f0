"""What a verdict of href is worth: beside people's, as points of models, and as a model's answer against the baseline's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b

from ...conversation import Case, Conversation
from ...judges.ask import UNREADABLE
from ...judges.items import Decision, PairItem
from ...judges.unread import as_wrong
from ...measures.verdict import Verdict
from .href_agreement import inner, outer
from .href_figures import BEATS, INNER, OUTER, WIN
from .href_items import Task

NOT_THERE = "not in the file of verdicts"


def tasks_of(case: Case) -> Iterator[Task]:
    """The instruction of a pair, where the baseline's answer is known."""
    if isinstance(case, Task):
        yield case
    elif isinstance(case, PairItem) and "baseline" in case.extra:
        id_ = blake2b(case.question.encode(), digest_size=8).hexdigest()
        yield Task(
            id=id_, group=case.group, instruction=case.question, baseline=case.extra["baseline"], reference=case.reference
        )  # fmt: skip


def compared(task: Task, reply: str) -> PairItem:
    """The baseline's answer beside the model's."""
    return PairItem(
        id=task.id, group=task.group, turns=(("user", task.instruction),), first=task.baseline, second=reply,
        reference=task.reference, ties=True,
    )  # fmt: skip


def from_file(stored: Mapping[tuple[str, str, str], float | None], item: PairItem) -> Decision:
    """The verdict on a pair in a file of verdicts (`href_items.stored_verdicts`)."""
    points = stored.get((item.question, item.first, item.second), -1.0)
    cause = NOT_THERE if points == -1.0 else UNREADABLE if points is None else ""
    return Decision(value=None if cause else points, cause=cause)


def beside_people(item: PairItem, found: Verdict) -> Iterator[Verdict]:
    """What a verdict has of people's agreement, and what people have among themselves."""
    # In both orders a win and a tie make 0.75: more than a tie is a win.
    said = None if found.value is None else float((found.value > 0.5) - (found.value < 0.5)) / 2 + 0.5
    if len(item.raters) > 1:
        agrees = None if said is None else outer(item.raters, said)
        yield Verdict(INNER, inner(item.raters), item=item.id)
    elif item.label is not None:
        agrees = None if said is None else float(said == item.label)
    else:
        return
    yield as_wrong(Verdict(OUTER, agrees, item=item.id, cause=found.cause), OUTER)


def wins(item: PairItem, found: Verdict, baseline: str) -> Iterator[Verdict]:
    """A verdict as points of the models that wrote the answers, but the baseline. Against the baseline, what could not be read is
    a loss, as released."""
    for n, name in enumerate(item.authors):
        if name and name != baseline:
            points = None if found.value is None else found.value if n == 0 else 1 - found.value
            verdict = Verdict(WIN, points, item=f"{item.id}/{name}", group=name, cause=found.cause)
            yield as_wrong(verdict, WIN) if baseline in item.authors else verdict


def unanswered(chat: Conversation, stopped: str) -> Verdict | None:
    """What a model that answered nothing has against the baseline; None where it answered."""
    if stopped or not chat.turns or not chat.turns[0].answered:
        return Verdict(BEATS, None, turn=1, cause=stopped or "no reply in the conversation")
    if not chat.turns[0].reply.strip():
        return Verdict(BEATS, 0.0, turn=1, reason="empty reply", failed=True)
    return None
