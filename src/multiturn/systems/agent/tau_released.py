"""tau-bench: released runs of version 1, and their scores recomputed.

Rows of results: {task_id, trial, reward, …}; a finished run says which checks were made (``r_actions``, ``r_outputs``), one that
broke off has none and counts with reward 0. Trajectories: {task_id, trial, reward, reward_info, traj: messages}.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from ...conversation import DataError
from ...measures.verdict import FAILED, SCORED, Row, Table
from .tau_case import records
from .tau_score import said
from .tau_user import STOP


class Released(msgspec.Struct, frozen=True):
    """One released run. ``outputs``: whether what had to be said was said, None where that was not checked (last)."""

    task_id: int
    trial: int
    reward: float
    r_actions: float | None = None
    r_outputs: float | None = None
    finished: bool = True


def released(path: Path) -> list[Released]:
    """The rows of a file of results. Raises `DataError`."""
    try:
        return msgspec.convert(records(path), list[Released])
    except msgspec.ValidationError as error:
        raise DataError(f"{path}: not rows of tau-bench results ({error})") from None


def table(rows: Iterable[Released], group: str = "") -> Table:
    """The rows as verdicts of ``reward``, for `multiturn.measures`."""
    return Table.of(
        Row(
            str(r.task_id),
            str(r.task_id),
            "multi",
            r.trial,
            group,
            0,
            "",
            "reward",
            r.reward,
            SCORED if r.finished else FAILED,
            "",
        )
        for r in rows
    )


class Rescored(msgspec.Struct, frozen=True):
    """One trajectory: whether its user ended it, and the outputs check, made anew and as stored (None = not made)."""

    task_id: int
    ended: bool
    outputs: bool | None
    stored: bool | None


def rescored(path: Path) -> Iterator[Rescored]:
    """The trajectories of a file, scored again from what was said. Raises `DataError`."""
    for number, record in enumerate(records(path), 1):
        try:
            yield _rescored(record)
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path}, record {number}: not a tau-bench trajectory ({type(error).__name__}: {error})") from None


def _rescored(record: dict[str, Any]) -> Rescored:
    talk = record["traj"]
    texts = [m["content"] for m in talk if m["role"] == "assistant" and m.get("content") and not m.get("tool_calls")]
    info = (record.get("reward_info") or {}).get("info") or {}
    wanted = info.get("outputs")
    last = talk[-1] if talk else {}
    return Rescored(
        task_id=record["task_id"],
        ended=last.get("role") == "user" and STOP in (last.get("content") or ""),
        outputs=None if wanted is None else said(list(wanted), texts),
        stored=None if wanted is None else bool(info["r_outputs"]),
    )
