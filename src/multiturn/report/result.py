"""The result of a run, as one machine-readable object. Its names are a contract: other programs read them."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from ..conversation import Conversation
from ..conversation.files import write_bytes
from ..judges.card import Card
from ..measures.figure import FRACTION, Figure, Scale
from ..measures.verdict import Verdict
from ..protocols.benchmark import Published

Status: TypeAlias = Literal["done", "partial", "stopped"]


class RunInfo(Struct, frozen=True, kw_only=True):
    """What was run, and everything needed to run it again.

    ``created``/``finished``: ISO 8601 times ("" = unknown). ``status``: ``done``, ``partial`` (some of it could not be
    measured), ``stopped`` (by a budget or by the user). ``data``: fingerprints of the cases, by system. ``roles``: which
    model plays ``judge``, ``user`` ….
    """

    id: str
    created: str = ""
    finished: str = ""
    status: Status = "done"
    command: str = ""
    versions: dict[str, str] = {}
    systems: list[str] = []
    models: list[str] = []
    settings: list[str] = []
    options: dict[str, Any] = {}
    seeds: dict[str, Any] = {}
    data: dict[str, str] = {}
    roles: dict[str, str] = {}


class Calls(Struct, frozen=True, kw_only=True):
    """Model calls: asked of a model now, answered from the store, tried again after a failure, given up."""

    made: int = 0
    recorded: int = 0
    retried: int = 0
    failed: int = 0


class Tokens(Struct, frozen=True, kw_only=True):
    """Tokens of the calls made. ``cached`` is a part of ``input``."""

    input: int = 0
    output: int = 0
    cached: int = 0


class PublishedFigure(Published, frozen=True):
    """A published number and the system it belongs to ("" = any system that has the measure)."""

    system: str = ""


class RunResult(Struct, frozen=True, kw_only=True):
    """All that a report says. ``cost`` in USD (None when no call had a price; ``cost_known`` False when some had none).

    ``unmeasured``: causes with the number of verdicts each cost; ``examples``: what
    one failure of a cause said. ``seconds``: wall-clock time. ``scales``: range, unit
    and passing value of each measure, by system; a measure without one is a fraction that passes at 1.
    ``cards``: what is known of the judges: the first ``own_cards`` are their own (the same question, model and options), the
    others are of the same model asked something else.
    """

    run: RunInfo
    figures: Sequence[Figure] = ()
    calls: Calls = Calls()
    cost: float | None = None
    cost_known: bool = True
    tokens: Tokens = Tokens()
    unmeasured: dict[str, int] = {}
    examples: dict[str, str] = {}
    episodes: int = 0
    seconds: float = 0.0
    published: Sequence[Published] = ()
    scales: dict[str, dict[str, Scale]] = {}
    cards: Sequence[Card] = ()
    own_cards: int = 0

    def scale(self, system: str, measure: str) -> Scale:
        return self.scales.get(system, {}).get(measure, FRACTION)


class ConversationView(Struct, frozen=True, kw_only=True):
    """One played conversation with its verdicts, as the viewer and the exports read it.

    ``stopped``: why it ended early. ``cluster``: the sampling unit ("" = the case itself); a question asked in two settings
    has the same cluster and the same verdict ``item``.
    """

    system: str
    model: str
    case: str
    chat: Conversation
    group: str | None = None
    setting: str = "multi"
    repeat: int = 0
    verdicts: Sequence[Verdict] = ()
    stopped: str = ""
    cluster: str = ""


Conversations: TypeAlias = Sequence[ConversationView] | Callable[[], Iterable[ConversationView]]
"""Conversations of a run: a sequence, or a function that reads them afresh each time it is called."""

FIGURE_FIELDS = (
    "system", "model", "setting", "measure", "group", "turn", "value", "low", "high",
    "n_cases", "n_scored", "n_failed", "n_unmeasured", "unit", "kind", "worst", "best", "note",
)  # fmt: skip


def _number(value: float | None) -> float | None:
    """JSON has no NaN and no infinity: both stand as null."""
    return value if value is not None and math.isfinite(value) else None


def figure_row(figure: Figure) -> dict[str, Any]:
    """One figure as a flat record in the field order of `FIGURE_FIELDS`; null where a field does not apply."""
    row = {name: getattr(figure, name) for name in FIGURE_FIELDS}
    for name in ("value", "low", "high", "worst", "best"):
        row[name] = _number(row[name])
    for name in ("system", "model"):
        row[name] = row[name] or None
    return row


def as_object(result: RunResult) -> dict[str, Any]:
    """The result as plain JSON values."""
    scales = {s: {m: msgspec.structs.asdict(v) for m, v in found.items()} for s, found in result.scales.items()}
    return {
        "run": msgspec.to_builtins(result.run),
        "figures": [figure_row(figure) for figure in result.figures],
        "calls": msgspec.to_builtins(result.calls),
        "cost": _number(result.cost),
        "cost_known": result.cost_known,
        "tokens": msgspec.to_builtins(result.tokens),
        "unmeasured": dict(result.unmeasured),
        "examples": dict(result.examples),
        "episodes": result.episodes,
        "seconds": round(result.seconds, 3),
        "published": [msgspec.structs.asdict(p) for p in result.published],
        "scales": scales,
        "cards": [{**card_object(card), "own": n < result.own_cards} for n, card in enumerate(result.cards)],
    }


_CARD = ("judge", "method", "model", "labels", "run", "measure", "items", "planned", "summary", "created")


def card_object(card: Card) -> dict[str, Any]:
    """A judge's card as plain JSON values (single labels left out)."""
    row = {name: getattr(card, name) for name in _CARD}
    return {**row, "sentences": list(card.sentences), "figures": [figure_row(figure) for figure in card.figures]}


def write_cards(path: str, cards: Iterable[Card]) -> None:
    """Write judge cards as one JSON object, "-": to standard output."""
    write_object(path, {"cards": [card_object(card) for card in cards]})


def write_object(path: str, found: Mapping[str, Any]) -> None:
    """Write plain JSON values (indented, ends with a newline), "-": to standard output."""
    data = msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"
    if path == "-":
        sys.stdout.buffer.write(data)
    else:
        write_bytes(path, data)


def to_json(result: RunResult) -> bytes:
    """The result as one JSON object (UTF-8, indented, ends with a newline)."""
    return msgspec.json.format(msgspec.json.encode(as_object(result)), indent=2) + b"\n"


def write_json(path: str | os.PathLike[str], result: RunResult) -> None:
    """Write the result as JSON. The file is replaced only when it is complete."""
    write_bytes(path, to_json(result))


def _object(properties: dict[str, Any], required: Iterable[str] | None = None) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties if required is None else required)}


def result_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of what `to_json` writes. Readers must allow further keys: none is ever renamed or removed."""
    text, maybe_text = {"type": "string"}, {"type": ["string", "null"]}
    count, maybe_number = {"type": "integer", "minimum": 0}, {"type": ["number", "null"]}
    texts, names, anything = (
        {"type": "array", "items": text},
        {"type": "object", "additionalProperties": text},
        {"type": "object"},
    )
    figure: dict[str, Any] = dict.fromkeys(FIGURE_FIELDS, maybe_number)
    figure.update(dict.fromkeys(("system", "model", "setting", "group"), maybe_text))
    figure.update(dict.fromkeys(("measure", "unit", "kind", "note"), text))
    figure.update(dict.fromkeys(("n_cases", "n_scored", "n_failed", "n_unmeasured"), count))
    figure["turn"] = {"type": ["integer", "null"], "minimum": 0}
    run: dict[str, Any] = dict.fromkeys(("id", "created", "finished", "command"), text)
    run["status"] = {"enum": ["done", "partial", "stopped"]}
    run.update(dict.fromkeys(("systems", "models", "settings"), texts))
    run.update(dict.fromkeys(("versions", "data", "roles"), names))
    run.update(dict.fromkeys(("options", "seeds"), anything))
    published: dict[str, Any] = dict.fromkeys(("model", "measure", "setting", "source"), text)
    published |= {"value": {"type": "number"}, "group": maybe_text}
    parts = {
        "run": _object(run),
        "figures": {"type": "array", "items": _object(figure)},
        "calls": _object(dict.fromkeys(("made", "recorded", "retried", "failed"), count)),
        "cost": maybe_number,
        "cost_known": {"type": "boolean"},
        "tokens": _object(dict.fromkeys(("input", "output", "cached"), count)),
        "unmeasured": {"type": "object", "additionalProperties": count},
        "examples": names,
        "episodes": count,
        "seconds": {"type": "number", "minimum": 0},
        "published": {"type": "array", "items": _object(published)},
        "scales": {"type": "object"},
        "cards": {"type": "array", "items": anything},
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Result of a multiturn run", **_object(parts)}
