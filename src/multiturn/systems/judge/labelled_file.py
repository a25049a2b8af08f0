"""A file of labelled items: one JSON object a line.

    {"id": "1", "prompt": "…", "first": "…", "second": "…", "label": "first"}            a pair: first, second or tie
    {"id": "1", "prompt": "…", "answer": "…", "label": 4, "low": 1, "high": 5}            one answer on a scale
    {"id": "1", "prompt": "…", "answer": "…", "reference": "…", "label": true}            right or wrong
    {"id": "1", "prompt": "…", "answers": ["…", "…", "…"], "labels": [3, 1, 2]}           a list, the higher the better

Instead of ``prompt``: ``messages``, a list of {"role", "content"}. Optional everywhere: ``group``, ``cluster`` (what several
items were made from), ``dimension`` and ``definition`` (what is judged), ``raters`` (labels of single people; without
``label`` their mean, or for pairs and right or wrong their majority, is the label: with right and wrong equally often there is
none), ``authors`` of the answers, or ``author``. All items of a file are of one kind, and on one scale.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
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

    @property
    def truth(self) -> bool:
        """Whether people said right or wrong."""
        return self.kind == "point" and any(isinstance(said, bool) for said in (self.label, *self.raters))


def kind_of(path: Path) -> Kind:
    """The kind of the items of a file, from its first line."""
    for _, row in _rows(path):
        assert row.kind is not None
        return row.kind
    raise DataError(f"{path}: there are no items in it")


def first_line(path: Path) -> bytes:
    """The first line of a file that is not blank, by which its form is told."""
    try:
        with path.open("rb") as lines:
            return next((line for line in lines if line.strip()), b"")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None


def read_items(path: Path) -> Iterator[Item]:
    """The items of a file. Raises `DataError` naming file, line and field."""
    rows, scale, found = list(_rows(path)), None, []
    usual = (0.0, 1.0) if any(row.truth for _, row in rows) else (1.0, 5.0)
    for number, row in rows:
        where = f"{path}, line {number}"
        if row.kind != rows[0][1].kind:
            raise DataError(f"{where}: a {row.kind} item in a file of {rows[0][1].kind} items; use a file for each kind")
        item = _item(row, str(row.id) or str(number), where, usual)
        if isinstance(item, PointItem):
            scale = scale or (item.low, item.high)
            if scale != (item.low, item.high):
                raise DataError(
                    f"{where}: a scale of {item.low:g} to {item.high:g} in a file of {scale[0]:g} to {scale[1]:g}; "
                    "use a file for each scale"
                )
        found.append(item)
    # Whether a tie may be said is the same for all items: asked only where people said so, it would give the label away.
    ties = any(isinstance(item, PairItem) and item.ties for item in found)
    return iter([msgspec.structs.replace(item, ties=True) if ties else item for item in found])


def _rows(path: Path) -> Iterator[tuple[int, _Row]]:
    for number, row in json_rows(path, _Row):
        if row.kind is None:
            raise DataError(f"{path}, line {number}: give first and second (a pair), or answer, or answers (a list)")
        yield number, row


def _item(row: _Row, id_: str, where: str, usual: tuple[float, float]) -> Item:
    shared: dict[str, Any] = {
        "id": id_, "turns": _turns(row, where), "group": row.group, "cluster": row.cluster, "dimension": row.dimension,
        "definition": row.definition, "reference": row.reference,
    }  # fmt: skip
    if row.first is not None and row.second is not None:
        return _pair(row, shared, where)
    if row.answers is not None:
        if row.raters or row.label is not None:
            raise DataError(f"{where}: a list has `labels`, a value for each answer; neither label nor raters")
        if row.labels and len(row.labels) != len(row.answers):
            raise DataError(f"{where}, field labels: {len(row.labels)} labels for {len(row.answers)} answers")
        if not 2 <= len(row.answers) <= 26:
            raise DataError(f"{where}, field answers: a list has 2 to 26 answers, not {len(row.answers)}")
        return ListItem(**shared, answers=tuple(row.answers), labels=tuple(row.labels), authors=tuple(row.authors))
    return _point(row, shared, where, usual)


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


def _point(row: _Row, shared: dict[str, Any], where: str, usual: tuple[float, float]) -> PointItem:
    said = [_number(v, where) for v in row.raters]
    low, high = row.low if row.low is not None else usual[0], row.high if row.high is not None else usual[1]
    given = sum(said) / len(said) if said and not row.truth else _majority(said)
    label = _number(row.label, where) if row.label is not None else None if row.truth and given == 0.5 else given
    if not low < high:
        raise DataError(f"{where}: low ({low:g}) must be below high ({high:g})")
    for field, value in (("label", label), *(("raters", v) for v in said)):
        if value is not None and not low <= value <= high:
            raise DataError(f"{where}, field {field}: {value:g} is outside the scale of {low:g} to {high:g}; set low and high")
    whole = float(low).is_integer() and float(high).is_integer()
    return PointItem(
        **shared, answer=row.answer or "", label=label, raters=tuple(said), low=low, high=high, whole=whole, author=row.author
    )


def _number(value: object, where: str) -> float:
    if isinstance(value, bool | int | float):
        return float(value)
    raise DataError(f"{where}, field label: {value!r} is no number, true or false")
