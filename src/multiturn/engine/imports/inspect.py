"""Logs of Inspect: ``.eval`` archives and ``.json`` files, with their samples, scores, epochs, limits and errors.

Each scorer is a measure; a scorer that gives several values is ``scorer/value``. C is 1, P is 0.5, I is 0; N (no answer) and
anything else that is no number is *not measured*. A sample that broke off with an error has no score there; here every
measure of its log is *not measured* for it, with that cause, so that it stays in the counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...conversation import DataError
from ...measures.verdict import Verdict
from .archive import Archive
from .common import SAID, Bad, Found, Item, Note, Row, count, each, ending, fields, inner, listed, number, spoken, text
from .inspect_messages import Attachments, chat_of_sample
from .source import Source, decode

LETTERS = {"C": 1.0, "P": 0.5, "I": 0.0}
WORDS = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
LIMITS = {"message": "turn limit", "turn": "turn limit", "context": "context limit"}
"""Stop reasons of the limits that are not about tokens, time or money ("budget")."""


def read(sources: Sequence[Source]) -> Iterator[Item]:
    """The samples of all logs."""
    for source in sources:
        if source.is_zip:
            with Archive(source.path) as archive:
                header = _header(archive)
                yield from _placed(f"{source.name}, header", _log(header, _members(archive, source.name), source.name))
        else:
            for row in source.rows():
                yield from [row] if isinstance(row, Bad) else _placed(row.where, _whole(row, source.name))


def _placed(where: str, items: Iterator[Item]) -> Iterator[Item]:
    """What is wrong with a log itself, not with one of its samples, with the place of the log."""
    try:
        yield from items
    except DataError as error:
        yield Bad(where, str(error))


def _whole(row: Row, name: str) -> Iterator[Item]:
    """A log that is one JSON object."""
    log = fields(row.value, "eval")
    samples = enumerate(listed(log, "samples"), 1)
    yield from _log(log, (Row(f"{row.where}, sample {i}", sample) for i, sample in samples), name)


def _header(archive: Archive) -> dict[str, Any]:
    """What the log says of itself; of one that was never finished, how it began."""
    for name in ("header.json", "_journal/start.json"):
        if name in archive:
            try:
                return fields(decode(archive.read(name)), "eval")
            except DataError as error:
                raise DataError(f"{archive.path.name}, {name}: {error}") from None
    raise DataError(f"{archive.path} is a zip archive, but no log of Inspect (it has no header.json)")


def _members(archive: Archive, name: str) -> Iterator[Row | Bad]:
    for member in archive.names("samples/"):
        where = f"{name}, {member}"
        try:
            yield Row(where, decode(archive.read(member)))
        except DataError as error:
            yield Bad(where, str(error))


def _log(log: Mapping[str, Any], samples: Iterable[Row | Bad], name: str) -> Iterator[Item]:
    about = inner(log, "eval")
    roles = {"judge" if role == "grader" else role: text(inner(about, "model_roles", role), "model", "unknown")
             for role in inner(about, "model_roles")}  # fmt: skip
    shared = {"model": text(about, "model", ""), "task": text(about, "task", ""), "roles": roles}
    measures: dict[str, None] = {}
    broken: list[Found] = []
    made = 0
    for item in each(samples, lambda row: [_sample(row, shared)]):
        if isinstance(item, Found):
            made += 1
            measures |= dict.fromkeys(v.measure for v in item.verdicts)
            if not item.verdicts:
                broken.append(item)
                continue
        yield item
    for found in broken:
        cause = found.stopped or "no score in the file"
        reason = str(found.facts.get("error", ""))
        lost = tuple(Verdict(measure, None, cause=cause, reason=reason) for measure in measures or _scorers(log))
        yield Found(**{name: getattr(found, name) for name in Found.__struct_fields__} | {"verdicts": lost})
    planned = count(inner(log, "results"), "total_samples") or 0
    if made < planned or log.get("status") not in (None, "success"):
        yield Note(f"{name}: {made:,} samples{f' of {planned:,}' if planned else ''}, status {text(log, 'status', 'unknown')}")


def _scorers(log: Mapping[str, Any]) -> list[str]:
    """The scorers that a log names, for one in which nothing was scored."""
    named = [text(s, "name", "") for s in listed(inner(log, "eval"), "scorers") if isinstance(s, dict)]
    return [name for name in named if name]


def _sample(row: Row, shared: Mapping[str, Any]) -> Found:
    item = fields(row.value, "id", "input")
    epoch = count(item, "epoch")
    chat = chat_of_sample(item, Attachments(inner(item, "attachments")))
    error = text(inner(item, "error"), "message", "")
    limit = text(inner(item, "limit"), "type", "")
    stop = "provider error" if error else LIMITS.get(limit, "budget") if limit else _cut(item)
    return Found(
        chat=chat if error else spoken(chat, "messages"), where=row.where, case=text(item, "id"),
        repeat=(epoch or 1) - 1, verdicts=tuple(_verdicts(_scores(item))), **shared,
        **ending(stop, **({"error": error[:SAID]} if error else {})),
    )  # fmt: skip


def _scores(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The scores by scorer; logs of version 1 hold one without a name."""
    old = inner(item, "score")
    return inner(item, "scores") or ({"score": old} if old else {})


def _cut(item: Mapping[str, Any]) -> str:
    """Whether the last reply was cut off because the context was full."""
    choices = inner(item, "output").get("choices")
    last = choices[0] if isinstance(choices, list) and choices else None
    return "context limit" if isinstance(last, dict) and last.get("stop_reason") == "model_length" else ""


def _verdicts(scores: Mapping[str, Any]) -> Iterator[Verdict]:
    for name, score in scores.items():
        value = fields(score, "value")["value"]
        said = text(score, "explanation", "")
        if isinstance(value, dict):
            yield from (_verdict(f"{name}/{key}", one, said) for key, one in value.items())
        elif isinstance(value, list):
            yield from (_verdict(f"{name}/{i}", one, said) for i, one in enumerate(value, 1))
        else:
            yield _verdict(name, value, said)


def _verdict(measure: str, value: Any, said: str) -> Verdict:
    found = _number(value, measure)
    cause = "" if found is not None else "no answer" if value == "N" else "not scored" if _nothing(value) else "not a number"
    return Verdict(measure, found, cause=cause, reason=(f"{value!r:.80} {said}" if cause == "not a number" else said)[:SAID])


def _nothing(value: Any) -> bool:
    return value is None or isinstance(value, float)  # NaN is how Inspect writes a sample that was not scored


def _number(value: Any, name: str) -> float | None:
    if isinstance(value, str):
        if value in LETTERS:
            return LETTERS[value]
        try:
            return WORDS[value.strip().lower()] if value.strip().lower() in WORDS else number(float(value), name)
        except ValueError:
            return None
    return number(value, name) if isinstance(value, (int, float)) else None
