"""What people say of a run's own judgements: a blind sheet to fill in, and reading it back.

A sheet has a row for each judged value of a random sample: its id, what is judged, on which scale, by which criteria, the
conversation, and an empty column ``label``. The judge's own value is not on it. Labels are numbers of the scale; yes/no,
true/false and right/wrong stand for its ends. Further people have columns of their own (``label2``, ``label3``, …), or sheets.
"""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ..conversation import Conversation, DataError
from ..conversation.files import json_rows, write_bytes
from ..judges.targets import Rubric
from ..measures.figure import Scale
from ..protocols.benchmark import Benchmark
from ..protocols.scripted import Scripted, ScriptedCase, ScriptedTurn
from .runs import RunRow
from .store import Store

FIELDS = ("id", "measure", "turn", "scale", "criteria", "conversation", "label")
LONGEST = 30_000
"""Characters of a conversation on a sheet: a cell of a spreadsheet holds 32,767."""
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


Criteria = Mapping[tuple[str, str, int], str]
"""What counts: by system, case and turn."""


def criteria_of(benchmarks: Iterable[Benchmark], values: Sequence[Judged]) -> dict[tuple[str, str, int], str]:
    """What scripted cases say of how their turns are judged: rubrics, and the reference answer."""
    found = {}
    for benchmark in benchmarks:
        if not isinstance(benchmark, Scripted):
            continue
        mine = [v for v in values if v.system == benchmark.label]
        wanted, settings = {v.case for v in mine}, dict.fromkeys(v.setting for v in mine)
        views = (view for case in benchmark.cases() for setting in settings for view in benchmark.views(case, setting))
        for view in views if wanted else ():
            if isinstance(view, ScriptedCase) and view.id in wanted:
                found.update({(benchmark.label, view.id, turn.number): _criteria(turn) for turn in view.turns})
    return found


def _criteria(turn: ScriptedTurn) -> str:
    targets = turn.target if isinstance(turn.target, tuple) else (turn.target,)
    reference = [f"Reference: {turn.gold}"] if turn.gold else []
    return "\n".join([*(t.text for t in targets if isinstance(t, Rubric)), *reference])


def write_sheet_of(
    path: str, store: Store, values: list[Judged], scales: Mapping[str, Mapping[str, Scale]], criteria: Criteria, items: int,
    seed: int,
) -> int:  # fmt: skip
    """Write a sheet (.csv, or .jsonl) of ``items`` of these values, drawn evenly at random; returns how many it holds. Raises
    `DataError` when the file is there: people's labels may be in it."""
    if Path(path).exists():
        raise DataError(f"{path} is there already, and labels may be in it: name another file")
    drawn = random.Random(seed).sample(values, min(items, len(values)))
    known: dict[bytes, Conversation] = {}
    rows = []
    for v in drawn:
        scale = scales.get(v.system, {}).get(v.measure, Scale())
        text = _shown(store.conversation(v.node, known), v.turn)
        counts = criteria.get((v.system, v.case, v.turn), "")
        rows.append([v.id, v.measure, str(v.turn or "all"), f"{scale.low:g} to {scale.high:g}", counts, text, ""])
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
    """The conversation up to the end of the judged turn; of a long one, the end."""
    turns = chat.turns
    last = turns[:turn] if turn else turns
    lines = [f"[system] {chat.system_text}"] if chat.system_text else []
    for t in last:
        lines.append(f"[user, turn {t.number}] {t.user.text if t.user else ''}")
        lines.append(f"[assistant, turn {t.number}] {t.reply}")
    text = "\n\n".join(lines)
    gone = len(text) - LONGEST
    return text if gone <= 0 else f"[{gone:,} characters before this are left out]\n{text[-LONGEST:]}"


_FORMULA = re.compile(r"(^|[\n\r\t;])(\s*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")


def _cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula, nor for several cells of which one is (where it splits at semicolons)."""
    return _FORMULA.sub(r"\1\2'", text)


# -- reading it back --------------------------------------------------------------------------------------------------
Raters = tuple[float | None, ...]
"""What each person said of a judgement."""


def read_labels(paths: Sequence[str], scales: Mapping[str, Scale]) -> dict[str, Raters]:
    """The labels of filled-in sheets: id -> what each person said, on the measure's scale; rows without a label are left out.

    A person is a column ``label``, ``label2``, … of a sheet. ``scales``: by id. Raises `DataError` naming file, line and field.
    """
    found: dict[str, dict[tuple[int, str], float]] = {}
    for n, path in enumerate(paths):
        seen: set[str] = set()
        for number, row in _rows(Path(path)):
            where = f"{path}, line {number}"
            id_ = str(row.get("id") or "").strip().strip("'")
            given = {name: said for name, said in row.items() if _LABEL.fullmatch(name) and not _empty(said)}
            if not given:
                continue
            if id_ not in scales:
                raise DataError(
                    f"{where}, field id: {id_[:60]!r} is no judgement of this run; give the run the sheet was made from"
                )
            if id_ in seen:
                raise DataError(f"{where}, field id: {id_[:60]} has a label already; one row for each judgement")
            seen.add(id_)
            values = {(n, name): _value(said, scales[id_], f"{where}, field {name}") for name, said in given.items()}
            found.setdefault(id_, {}).update(values)
    if not found:
        raise DataError(f"{', '.join(paths)}: no row has a label; fill in the column `label`")
    people = sorted({who for said in found.values() for who in said})
    return {id_: tuple(said.get(who) for who in people) for id_, said in found.items()}


_LABEL = re.compile(r"label[ _-]?\d{0,2}")


def _empty(said: object) -> bool:
    return said is None or str(said).strip() == ""


def joint(said: Raters, scale: Scale, *, classes: bool) -> float:
    """What several people say together: the majority of two classes, the ends of the scale (half-way when they are evenly
    divided), else the mean."""
    given = [v for v in said if v is not None]
    mean = sum(given) / len(given)
    middle = (scale.low + scale.high) / 2
    return mean if not classes or mean == middle else scale.high if mean > middle else scale.low


def _value(label: object, scale: Scale, where: str) -> float:
    word = str(label).strip().lower()
    if word in _ENDS:
        return scale.high if _ENDS[word] else scale.low
    try:
        value = float(_COMMA.sub(r"\1.\2", word))
    except ValueError:
        raise DataError(
            f"{where}: {str(label)[:40]!r} is neither a number nor yes or no; leave it empty to say nothing"
        ) from None
    if not scale.low <= value <= scale.high:
        raise DataError(f"{where}: {value:g} is outside the scale of {scale.low:g} to {scale.high:g}")
    return value


_COMMA = re.compile(r"^([+-]?\d+),(\d+)$")
"""A number as spreadsheets write it in most of Europe."""


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    if path.suffix == ".jsonl":
        yield from json_rows(path, dict[str, object])
        return
    text = _text(path)
    head = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=head.count))
    fields = [str(name).strip().lower() for name in reader.fieldnames or ()]
    if missing := {"id", "label"} - set(fields):
        raise DataError(f"{path}, line 1: there is no column {' or '.join(sorted(missing))}")
    reader.fieldnames = fields
    try:
        for row in reader:
            yield reader.line_num, {name: said for name, said in row.items() if name is not None}
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}") from None


def _text(path: Path) -> str:
    """A file as spreadsheets save it: UTF-8, UTF-16 ("Unicode text"), or an old code page: ids and numbers are the same in it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    if data.startswith(b"PK\x03\x04"):
        raise DataError(f"{path} is a workbook: save the sheet as CSV UTF-8")
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return data.decode("utf-16")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
