"""MT-Bench: what the verdicts of both orders amount to."""

from __future__ import annotations

from ...judges.ask import Answer
from ...judges.pair import Both, Pick
from ...measures.verdict import Verdict
from .mt_bench_votes import VotedPair


def fought(both: Both, silent: bool = False) -> list[Verdict]:
    """What both orders' verdicts on one answer against another amount to. Where one cannot be read nothing is measured."""
    points = both.points("tie")
    if points is None:
        return [Verdict("win_adjusted", None, cause=both.cause)]
    return [
        Verdict("win_adjusted", points, reason=both.first.reason, failed=silent and points == 0),
        Verdict("win", float(points == 1)), Verdict("tie", float(points == 0.5)), Verdict("loss", float(points == 0)),
        *positions(both),
    ]  # fmt: skip


def positions(both: Both) -> list[Verdict]:
    """Whether both orders agree (1), and how many of the verdicts that are no tie name what was shown first."""
    shown_first = [pick == name for pick, name in ((both.first.value, "A"), (both.second.value, "B")) if pick in ("A", "B")]
    out = [Verdict("consistent", float(bool(both.consistent)))]
    return [*out, Verdict("first", sum(shown_first) / len(shown_first))] if shown_first else out


def voted(case: VotedPair, both: Both) -> list[Verdict]:
    """The judge's settled verdict against each vote."""
    points = both.points("tie")
    if points is None:
        return [Verdict("agree", None, item=f"vote {i}", cause=both.cause) for i in range(len(case.votes))]
    mine = {1.0: "a", 0.0: "b", 0.5: "tie"}[points]
    out = positions(both)
    for i, vote in enumerate(case.votes):
        out.append(Verdict("agree", float(mine == vote), item=f"vote {i}"))
        if "tie" not in (mine, vote):
            out.append(Verdict("agree_decided", float(mine == vote), item=f"vote {i}"))
    return out


def as_answer(pick: Pick | None, stopped: str) -> Answer[Pick]:
    return Answer(pick, cause="" if pick else stopped or "verdict not parsable")
