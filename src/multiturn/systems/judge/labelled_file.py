"""A file of labelled items: one JSON object a line.

    {"id": "1", "prompt": "…", "first": "…", "second": "…", "label": "first"}            a pair: first, second or tie
    {"id": "1", "prompt": "…", "answer": "…", "label": 4, "low": 1, "high": 5}            one answer on a scale
    {"id": "1", "prompt": "…", "answer": "…", "reference": "…", "label": true}            right or wrong
    {"id": "1", "prompt": "…", "answers": ["…", "…", "…"], "labels": [3, 1, 2]}           a list, the higher the better

Instead of ``prompt``: ``messages``, a list of {"role", "content"}. Optional everywhere: ``group``, ``cluster`` (what several
items were made from), ``dimension`` and ``definition`` (what is judged), ``raters`` (labels of single people; without
``label`` their mean, or majority, is the label).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from ...conversation import DataError
from ...conversation.files import json_rows
from ...judges.items import Item, Kind, ListItem, PairItem, PointItem, Said

_PAIR = {"first": 1.0, "second": 0.0, "tie": 0.5, "a": 1.0, "b": 0.0, "1": 1.0, "2": 0.0}


class _Message(Struct):
    role: str
    content: str


class _Row(Struct, forbid_unknown_fields=True):
    id: str | int = ""
    prompt: str | None = None
    messages: list[_Message] | None = None
    first: str | None = None
    second: str | None = None
    answer: str | None = None
    answers: list[str] | None = None
    label: str | float | bool | None = None
    labels: list[float] = []
    raters: list[str | float | bool] = []
    reference: str | None = None
    low: float | None = None
    high: float | None = None
    group: str | None = None
    cluster: str = ""
    dimension: str = ""
    definition: str = ""
    authors: list[str] = []
    author: str = ""

    @property
    def kind(self) -> Kind | None:
        given = [self.first is not None and self.second is not None, self.answer is not None, self.answers is not None]
        return ("pair", "point", "list")[given.index(True)] if sum(given) == 1 else None


def kind_of(path: Path) -> Kind:
    """The kind of the items of a file, from its first line."""
    for _, row in _rows(path):
        assert row.kind is not None
        return row.kind
    raise DataError(f"{path}: there are no items in it")


def read_items(path: Path) -> Iterator[Item]:
    """The items of a file. Raises `DataError` naming file, line and field."""
    kind = ""
    for number, row in _rows(path):
        kind = kind or str(row.kind)
        where = f"{path}, line {number}"
        if row.kind != kind:
            raise DataError(f"{where}: a {row.kind} item in a file of {kind} items; use a file for each kind")
        yield _item(row, str(row.id) or str(number), where)


def _rows(path: Path) -> Iterator[tuple[int, _Row]]:
    for number, row in json_rows(path, _Row):
        if row.kind is None:
            raise DataError(f"{path}, line {number}: give first and second (a pair), or answer, or answers (a list)")
        yield number, row


def _item(row: _Row, id_: str, where: str) -> Item:
    shared: dict[str, Any] = {
        "id": id_, "turns": _turns(row, where), "group": row.group, "cluster": row.cluster, "dimension": row.dimension,
        "definition": row.definition, "reference": row.reference,
    }  # fmt: skip
    if row.first is not None and row.second is not None:
        return _pair(row, shared, where)
    if row.answers is not None:
        if row.labels and len(row.labels) != len(row.answers):
            raise DataError(f"{where}, field labels: {len(row.labels)} labels for {len(row.answers)} answers")
        if not 2 <= len(row.answers) <= 26:
            raise DataError(f"{where}, field answers: a list has 2 to 26 answers, not {len(row.answers)}")
        return ListItem(**shared, answers=tuple(row.answers), labels=tuple(row.labels), authors=tuple(row.authors))
    return _point(row, shared, where)


def _turns(row: _Row, where: str) -> tuple[Said, ...]:
    if (row.prompt is None) == (row.messages is None):
        raise DataError(f"{where}: give either prompt or messages")
    if row.messages is None:
        return (("user", str(row.prompt)),)
    for message in row.messages:
        if message.role not in ("system", "user", "assistant"):
            raise DataError(f"{where}, field messages: role `{message.role}` is none of system, user, assistant")
    return tuple((m.role, m.content) for m in row.messages)


def _pair(row: _Row, shared: dict[str, Any], where: str) -> PairItem:
    said = [_pair_label(v, where) for v in row.raters]
    label = _pair_label(row.label, where) if row.label is not None else _majority(said)
    if len(row.authors) not in (0, 2):
        raise DataError(f"{where}, field authors: a pair has two")
    authors = (row.authors[0], row.authors[1]) if row.authors else ("", "")
    ties = 0.5 in (label, *said)
    return PairItem(
        **shared, first=row.first or "", second=row.second or "", label=label, raters=tuple(said), authors=authors, ties=ties
    )


def _pair_label(value: object, where: str) -> float:
    text = str(int(value) if isinstance(value, float) and value.is_integer() else value).strip().lower()
    if text not in _PAIR:
        raise DataError(f"{where}, field label: {value!r} is none of first, second, tie")
    return _PAIR[text]


def _majority(said: list[float]) -> float | None:
    counted = Counter(said).most_common(2)
    if not counted:
        return None
    return 0.5 if len(counted) > 1 and counted[0][1] == counted[1][1] else counted[0][0]


def _point(row: _Row, shared: dict[str, Any], where: str) -> PointItem:
    said = [_number(v, where) for v in row.raters]
    label = _number(row.label, where) if row.label is not None else sum(said) / len(said) if said else None
    truth = isinstance(row.label, bool) or (row.label is None and bool(row.raters) and isinstance(row.raters[0], bool))
    low, high = (0.0, 1.0) if truth else (1.0, 5.0)
    low, high = row.low if row.low is not None else low, row.high if row.high is not None else high
    if not low < high:
        raise DataError(f"{where}: low ({low:g}) must be below high ({high:g})")
    if label is not None and not low <= label <= high:
        raise DataError(f"{where}, field label: {label:g} is outside the scale of {low:g} to {high:g}; set low and high")
    whole = float(low).is_integer() and float(high).is_integer()
    return PointItem(
        **shared, answer=row.answer or "", label=label, raters=tuple(said), low=low, high=high, whole=whole, author=row.author
    )


def _number(value: object, where: str) -> float:
    if isinstance(value, bool | int | float):
        return float(value)
    raise DataError(f"{where}, field label: {value!r} is no number, true or false")
