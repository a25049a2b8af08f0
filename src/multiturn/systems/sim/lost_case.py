"""The sharded instructions of Lost in Conversation: the case, and the released files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ...conversation import Case, DataError
from ...protocols.sharded import Shard

SLUG = "lost-in-conversation"
REVISION = "ba6b9a2198b4f64bf2133b8a9d9a28ca0f65b1d7"
HOME = f"https://raw.githubusercontent.com/microsoft/lost_in_conversation/{REVISION}/data"
FILES = ("sharded_instructions_600.json", "sharded_translation.json")
"""627 instructions (code, database, actions, math, data2text, summary), and the 30 documents of translation."""

FIELDS = {
    "math": ("question", "answer"),
    "code": ("metadata", "public_test_cases", "source"),
    "database": ("schema_sql", "reference_sql", "db_id", "fully_specified_question"),
    "actions": ("function", "reference_answer", "fully_specified_question"),
    "data2text": ("table_highlighted_html", "metadata", "references", "fewshot_descriptions"),
    "summary": ("documents", "insights", "insightid2ref_citations", "query", "topic", "domain"),
    "translation": ("document_de", "document_en"),
}
"""Task -> the fields of an item that it reads, beside task_id, task and shards."""


class LostCase(Case, frozen=True, kw_only=True):
    """One instruction. ``item``: the fields of its task, as in the file (see `FIELDS`)."""

    task: str
    shards: tuple[Shard, ...]
    item: dict[str, Any]


class _Shard(Struct, frozen=True):
    shard_id: int
    shard: str
    doc_idxs: list[int] = []


class _Item(Struct, frozen=True):
    task_id: str
    task: str
    shards: list[_Shard]


def read(path: Path) -> Iterator[LostCase]:
    """The cases of a released file, in its order. Raises `DataError` naming the item."""
    try:
        items = msgspec.json.decode(path.read_bytes(), type=list[dict[str, Any]])
    except (OSError, msgspec.DecodeError) as error:
        raise DataError(f"{path} is not a list of sharded instructions in JSON: {error}") from None
    for number, item in enumerate(items, 1):
        yield case_of(item, f"{path}, item {number}")


def case_of(item: dict[str, Any], where: str, group: str = "") -> LostCase:
    """One item as a case; ``group`` is the row it is reported under (its task unless given)."""
    try:
        known = msgspec.convert(item, _Item)
    except msgspec.ValidationError as error:
        raise DataError(f"{where}: {error}") from None
    where = f"{where} ({known.task_id})"
    if known.task not in FIELDS:
        raise DataError(f"{where}: unknown task {known.task!r}; known: {', '.join(FIELDS)}")
    if missing := [name for name in FIELDS[known.task] if name not in item]:
        raise DataError(f"{where}: no field {missing[0]!r}")
    ids = [shard.shard_id for shard in known.shards]
    if not ids or len(set(ids)) < len(ids):
        raise DataError(f"{where}: needs shards, each with an id of its own")
    fields = {k: v for k, v in item.items() if k not in ("task_id", "task", "shards")}
    if known.task == "summary":
        fields["batches"] = [shard.doc_idxs for shard in known.shards]
    shards = tuple(Shard(shard.shard_id, shard.shard) for shard in known.shards)
    return LostCase(id=known.task_id, group=group or known.task, task=known.task, shards=shards, item=fields)
