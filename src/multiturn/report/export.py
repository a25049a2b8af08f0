"""Results as files for other programs: CSV, Parquet, JUnit XML, chat JSONL.

Rows are streamed, so size is bounded by the disk and not by memory; a file is replaced only when it is complete.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeAlias
from xml.sax.saxutils import quoteattr

import msgspec

from ..conversation import Conversation, InputError, write_chats
from ..conversation.files import replacing
from .pick import passes, views_of
from .result import FIGURE_FIELDS, Conversations, ConversationView, RunResult, figure_row
from .safe import visible

Path: TypeAlias = str | os.PathLike[str]

VERDICT_FIELDS = (
    "run", "system", "model", "case", "cluster", "group", "setting", "repeat", "turn", "item", "measure", "value",
    "status", "passed", "cause", "reason",
)  # fmt: skip
BATCH = 10_000
"""Rows written at a time."""

_TYPES = {
    "repeat": "int64", "turn": "int64", "value": "float64", "low": "float64", "high": "float64", "worst": "float64",
    "best": "float64", "n_cases": "int64", "n_scored": "int64", "n_failed": "int64", "n_unmeasured": "int64",
    "passed": "bool_",
}  # fmt: skip


def figure_rows(result: RunResult) -> Iterator[dict[str, Any]]:
    """One flat record a figure, with the fields of `FIGURE_FIELDS`."""
    return map(figure_row, result.figures)


def verdict_rows(result: RunResult, conversations: Conversations) -> Iterator[dict[str, Any]]:
    """One flat record a verdict, with the fields of `VERDICT_FIELDS`. ``status``: scored, failed (no reply), unmeasured;
    ``passed``: whether the measure's passing value was reached (None = not measured)."""
    for view in views_of(conversations):
        for v in view.verdicts:
            status = "unmeasured" if v.value is None else "failed" if v.failed else "scored"
            yield {
                "run": result.run.id, "system": view.system, "model": view.model, "case": view.case,
                "cluster": view.cluster or view.case, "group": v.group or view.group, "setting": view.setting,
                "repeat": view.repeat, "turn": v.turn, "item": v.item, "measure": v.measure, "value": v.value,
                "status": status, "passed": passes(result, view.system, v), "cause": v.cause, "reason": v.reason,
            }  # fmt: skip


# -- CSV ----------------------------------------------------------------------------------------------------------
def _spreadsheet(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets an apostrophe in front; numbers stay numbers."""
    if isinstance(value, str):
        value = visible(value)
        return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t") else value
    return value


def write_csv(path: Path, fields: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows as CSV (UTF-8, a header line, empty = null); returns how many."""
    names, written = list(fields), 0
    with replacing(path) as out:
        text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=False)
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        for row in rows:
            writer.writerow([_spreadsheet(row[name]) for name in names])
            written += 1
        text.flush()
        text.detach()
    return written


def figures_csv(path: Path, result: RunResult) -> int:
    return write_csv(path, FIGURE_FIELDS, figure_rows(result))


def verdicts_csv(path: Path, result: RunResult, conversations: Conversations) -> int:
    return write_csv(path, VERDICT_FIELDS, verdict_rows(result, conversations))


# -- Parquet ------------------------------------------------------------------------------------------------------
def write_parquet(path: Path, fields: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows as Parquet; returns how many. Needs pyarrow (the extra ``parquet``)."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise InputError('Parquet needs pyarrow, which is not installed: pip install "multiturn[parquet]"') from None
    names, written, feed = list(fields), 0, iter(rows)
    schema = pyarrow.schema([(name, getattr(pyarrow, _TYPES.get(name, "string"))()) for name in names])
    with replacing(path) as out, parquet.ParquetWriter(out, schema) as writer:
        while batch := list(islice(feed, BATCH)):
            columns = {name: [_storable(row[name]) for row in batch] for name in names}
            writer.write_table(pyarrow.table(columns, schema=schema))
            written += len(batch)
    return written


def _storable(value: Any) -> Any:
    """Text without lone surrogates, which no UTF-8 file can hold."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def figures_parquet(path: Path, result: RunResult) -> int:
    return write_parquet(path, FIGURE_FIELDS, figure_rows(result))


def verdicts_parquet(path: Path, result: RunResult, conversations: Conversations) -> int:
    return write_parquet(path, VERDICT_FIELDS, verdict_rows(result, conversations))


# -- JUnit --------------------------------------------------------------------------------------------------------
_NOT_XML = re.compile("[\ufffe\uffff]")


def _xml(text: str) -> str:
    """Any text as an attribute value, quotes included; what XML cannot hold is written out."""
    return quoteattr(_NOT_XML.sub("�", visible(text)), {"\n": "&#10;", "\t": "&#9;"})


def _outcome(result: RunResult, view: ConversationView) -> str:
    found = [passes(result, view.system, v) for v in view.verdicts]
    return "failure" if False in found else "" if True in found else "skipped"


def write_junit(path: Path, result: RunResult, conversations: Conversations) -> int:
    """Write JUnit XML for CI: a test case for each case x setting x repeat, failed where a verdict is below its measure's
    passing value, skipped where nothing was measured. Returns how many failed. Reads the conversations twice."""
    counts = {"": 0, "failure": 0, "skipped": 0}
    for view in views_of(conversations):
        counts[_outcome(result, view)] += 1
    head = f'tests="{sum(counts.values())}" failures="{counts["failure"]}" errors="0" skipped="{counts["skipped"]}"'
    with replacing(path) as out:
        out.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites {head}>\n'.encode())
        out.write(f"<testsuite name={_xml(f'multiturn {result.run.id}')} {head}>\n".encode())
        for view in views_of(conversations):
            out.write(_testcase(result, view).encode())
        out.write(b"</testsuite>\n</testsuites>\n")
    return counts["failure"]


def _testcase(result: RunResult, view: ConversationView) -> str:
    name = f"{view.case} [{view.setting}]" + (f" repeat {view.repeat + 1}" if view.repeat else "")
    start = f"  <testcase classname={_xml(f'{view.system}.{view.model}')} name={_xml(name)}"
    outcome = _outcome(result, view)
    if not outcome:
        return f"{start}/>\n"
    if outcome == "skipped":
        causes = sorted({v.cause for v in view.verdicts if v.cause}) or [view.stopped or "nothing was judged"]
        return f"{start}><skipped message={_xml('; '.join(causes))}/></testcase>\n"
    lines = []
    for v in view.verdicts:
        if passes(result, view.system, v) is False:
            where = f"turn {v.turn}: " if v.turn else ""
            lines.append(f"{where}{v.measure} {v.value:g}" + (f" ({v.reason})" if v.reason else ""))
    message = _xml("\n".join(lines))
    return f'{start}><failure type="verdict" message={message}/></testcase>\n'


# -- conversations ------------------------------------------------------------------------------------------------
def chats_jsonl(path: Path, result: RunResult, conversations: Conversations) -> int:
    """Write conversations as chat JSONL: ``messages`` with run, system, model, case, cluster, group, setting, repeat, stopped and
    verdicts beside them; returns how many."""

    def items() -> Iterator[tuple[dict[str, Any], Conversation]]:
        for view in views_of(conversations):
            yield {
                "run": result.run.id, "system": view.system, "model": view.model, "case": view.case,
                "cluster": view.cluster, "group": view.group,
                "setting": view.setting, "repeat": view.repeat, "stopped": view.stopped,
                "verdicts": [msgspec.to_builtins(v) for v in view.verdicts],
            }, view.chat  # fmt: skip

    try:
        return write_chats(path, items())
    except OSError as error:
        raise InputError(f"cannot write `{os.fspath(path)}`: {error.strerror or error}") from None
