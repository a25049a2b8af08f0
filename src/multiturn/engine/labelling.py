"""What people say of a run's own judgements: a blind sheet to fill in, and reading it back.

A sheet has a row for each judged value of a random sample: its id, what is judged, on which scale, the conversation, and an
empty column ``label``. The judge's own value is not on it. Labels are numbers of the scale; yes/no, true/false and
right/wrong stand for its ends.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ..conversation import Conversation, DataError
from ..conversation.files import write_bytes
from ..measures.figure import Scale
from .runs import RunRow
from .store import Store

FIELDS = ("id", "measure", "turn", "scale", "conversation", "label")
_ENDS = {"yes": 1, "true": 1, "right": 1, "correct": 1, "no": 0, "false": 0, "wrong": 0, "incorrect": 0}


class Judged(NamedTuple):
    """One judged value of a run. ``id`` is its name on a sheet."""

    id: str
    system: str
    model: str
    setting: str
    case: str
    cluster: str
    group: str
    measure: str
    turn: int
    value: float
    node: bytes


_JUDGED = """
SELECT e.id, v.n, e.system, e.model, e.setting, e."case", e.cluster, v."group", v.measure, v.turn, v.value, e.node
FROM run_episodes r JOIN episodes e ON e.id = r.episode JOIN verdicts v ON v.episode = e.id
WHERE r.run = ? AND v.value IS NOT NULL ORDER BY r.n, v.n"""


def judged(store: Store, run: RunRow) -> list[Judged]:
    """Every judged value of a run, in plan order."""
    return [Judged(f"{row[0].hex()}.{row[1]}", *row[2:]) for row in store.rows(_JUDGED, run.id)]


def write_sheet_of(
    path: str, store: Store, values: list[Judged], scales: Mapping[str, Mapping[str, Scale]], items: int, seed: int
) -> int:
    """Write a sheet (.csv, or .jsonl) of ``items`` of these values, drawn evenly at random; returns how many it holds."""
    drawn = random.Random(seed).sample(values, min(items, len(values)))
    known: dict[bytes, Conversation] = {}
    rows = []
    for v in drawn:
        scale = scales.get(v.system, {}).get(v.measure, Scale())
        text = _shown(store.conversation(v.node, known), v.turn)
        rows.append([v.id, v.measure, str(v.turn or "all"), f"{scale.low:g} to {scale.high:g}", text, ""])
    if path.endswith(".jsonl"):
        data = "".join(json.dumps(dict(zip(FIELDS, row, strict=True)), ensure_ascii=False) + "\n" for row in rows)
    else:
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(FIELDS)
        writer.writerows([_cell(text) for text in row] for row in rows)
        data = "\ufeff" + out.getvalue()  # so that spreadsheets read it as UTF-8
    write_bytes(path, data.encode("utf-8", "replace"))
    return len(rows)


def _shown(chat: Conversation, turn: int) -> str:
    """The conversation up to the end of the judged turn."""
    turns = chat.turns
    last = turns[:turn] if turn else turns
    lines = [f"[system] {chat.system_text}"] if chat.system_text else []
    for t in last:
        lines.append(f"[user, turn {t.number}] {t.user.text if t.user else ''}")
        lines.append(f"[assistant, turn {t.number}] {t.reply}")
    return "\n\n".join(lines)[:30_000]


def _cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + text if text and text[0] in "=+-@\t\r" else text


def read_labels(path: str, scales: Mapping[str, Scale]) -> dict[str, float]:
    """The labels of a filled-in sheet: id -> value on the measure's scale; rows without a label are left out.

    ``scales``: by id. Raises `DataError` naming file, line and field.
    """
    found: dict[str, float] = {}
    for number, row in _rows(Path(path)):
        where = f"{path}, line {number}"
        id_, label = str(row.get("id") or "").strip().strip("'"), row.get("label")
        if label is None or str(label).strip() == "":
            continue
        if id_ not in scales:
            raise DataError(f"{where}, field id: {id_[:60]!r} is no judgement of this run; give the run the sheet was made from")
        if id_ in found:
            raise DataError(f"{where}, field id: {id_[:60]} has a label already; one row for each judgement")
        found[id_] = _value(label, scales[id_], where)
    if not found:
        raise DataError(f"{path}: no row has a label; fill in the column `label`")
    return found


def _value(label: object, scale: Scale, where: str) -> float:
    word = str(label).strip().lower()
    if word in _ENDS:
        return scale.high if _ENDS[word] else scale.low
    try:
        value = float(word)
    except ValueError:
        raise DataError(f"{where}, field label: {str(label)[:40]!r} is neither a number nor yes or no") from None
    if not scale.low <= value <= scale.high:
        raise DataError(f"{where}, field label: {value:g} is outside the scale of {scale.low:g} to {scale.high:g}")
    return value


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8: save the sheet as CSV UTF-8") from None
    if path.suffix == ".jsonl":
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise DataError(f"{path}, line {number}: {error}") from None
                if not isinstance(row, dict):
                    raise DataError(f"{path}, line {number}: expected an object with `id` and `label`")
                yield number, row
        return
    head = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if head.count(";") > head.count(",") else ",")
    missing = {"id", "label"} - set(reader.fieldnames or ())
    if missing:
        raise DataError(f"{path}, line 1: there is no column {' or '.join(sorted(missing))}")
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}") from None
