"""OpenAI chat JSONL: ``{"messages": […]}`` a line, with what is known of the conversation beside them or in ``metadata``.

Reads what `multiturn export` writes, too: its case, setting, repeat, stop reason and verdicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from ...conversation import DataError
from ...measures.verdict import Verdict
from .common import Found, Item, Row, chat_of, count, each, fields, kind, listed, text, verdict
from .source import Source

CASE = ("case", "case_id", "id", "conversation_id", "prompt_id")
MODEL = ("model", "model_id", "model_name")
GROUP = ("group", "category")


def read(sources: Sequence[Source]) -> Iterator[Item]:
    """All conversations of these files."""
    for source in sources:
        yield from each(source.rows(), _found)


def _found(row: Row) -> Iterable[Found]:
    item = fields(row.value, "messages")
    about = item.get("metadata")
    known = {**(about if isinstance(about, dict) else {}), **item}
    chat = chat_of(item["messages"])
    yield Found(
        chat=chat, where=row.where, case=_first(known, CASE), model=_first(known, MODEL), group=_first(known, GROUP),
        cluster=text(known, "cluster", ""), setting=text(known, "setting", "") or "multi", repeat=count(known, "repeat"),
        task=text(known, "system", "") if "verdicts" in item else "", stopped=text(known, "stopped", ""),
        verdicts=tuple(_verdicts(known)),
    )  # fmt: skip


def _first(known: dict[str, Any], names: Sequence[str]) -> str:
    """The first of these fields that says something."""
    return next((found for name in names if (found := text(known, name, ""))), "")


def _verdicts(known: dict[str, Any]) -> Iterator[Verdict]:
    if "score" in known:
        yield verdict("score", known["score"])
    scores = known.get("scores")
    if scores is not None and not isinstance(scores, dict):
        raise DataError(f"`scores` must be an object of numbers, not {kind(scores)}")
    for name, value in (scores or {}).items():
        yield verdict(name, value)
    for i, item in enumerate(listed(known, "verdicts")):
        try:
            found = msgspec.convert(item, Verdict)
        except msgspec.ValidationError as error:
            raise DataError(f"`verdicts[{i}]`: {error}") from None
        if found.turn is not None and not 1 <= found.turn < 2**31:
            raise DataError(f"`verdicts[{i}].turn` must be 1 or more, not {found.turn}")
        yield found
