"""What every format gives: conversations with what the file says of them; and reading fields that may be missing or wrong.

A file is hostile until parsed. A row that cannot be used is a `Bad` with its place, so that whoever reads may leave it out;
only a file that cannot be read at all raises.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

from ...conversation import Conversation, DataError, Message, Part, Text, from_openai
from ...conversation.message import mended
from ...measures.verdict import Verdict

EARLY = ("turn limit", "context limit", "format error", "invalid action", "budget", "provider error")
"""Stop reasons that mean that a conversation was cut short."""

SAID = 2000
"""Characters kept of what a judge or an error said."""


class Found(Struct, frozen=True, kw_only=True):
    """One conversation of a file. ``model`` "" = the file does not say; ``case`` "" = it has no id: what its user says is its
    name. ``repeat`` None = the next one of this case. ``task``: which benchmark it is part of. ``roles``: who else took part.
    ``stopped``: why it ended early."""

    chat: Conversation
    where: str
    model: str = ""
    case: str = ""
    cluster: str = ""
    group: str = ""
    setting: str = "multi"
    repeat: int | None = None
    task: str = ""
    stopped: str = ""
    verdicts: tuple[Verdict, ...] = ()
    roles: Mapping[str, str] = {}
    facts: Mapping[str, Any] = {}


class Bad(NamedTuple):
    """A row that cannot be used: where it is, and why."""

    where: str
    problem: str


class Note(NamedTuple):
    """What a user should know of a file, although nothing is wrong with it."""

    text: str


class Row(NamedTuple):
    """One JSON value of a file and where it stands."""

    where: str
    value: Any


Item: TypeAlias = Found | Bad | Note


def each(rows: Iterable[Row | Bad], make: Callable[[Row], Iterable[Found]]) -> Iterator[Item]:
    """What ``make`` finds in each row; a row of which it raises `DataError` is bad."""
    for row in rows:
        if isinstance(row, Bad):
            yield row
            continue
        try:
            yield from list(make(row))
        except DataError as error:
            yield Bad(row.where, str(error))


def ending(stop: str, **facts: Any) -> dict[str, Any]:
    """The fields of a `Found` for a stop reason in our words: all of them are kept, and early ends are marked."""
    return {"stopped": stop if stop in EARLY else "", "facts": {**({"stop": stop} if stop else {}), **facts}}


# -- conversations ------------------------------------------------------------------------------------------------
def chat_of(messages: Any, field: str = "messages") -> Conversation:
    """The conversation of a list of OpenAI messages, today's or yesterday's form. Raises `DataError` naming message and field."""
    if not isinstance(messages, list):
        raise DataError(f"`{field}` must be a list of messages, not {kind(messages)}")
    return spoken(from_openai(map(_modern, messages)), field)


def spoken(chat: Conversation, field: str) -> Conversation:
    """The conversation, if somebody says something in it."""
    if all(message.role == "system" for message in chat.messages):
        raise DataError(f"`{field}` is an empty conversation: nobody says anything in it")
    return chat


def _modern(item: Any) -> Any:
    """A message with ``tool_calls`` and the role ``tool``, where it has ``function_call``, ``function``, or bare calls."""
    if not isinstance(item, Mapping):
        return item
    item = dict(item)
    if item.get("role") == "function":
        item |= {"role": "tool", "tool_call_id": item.get("tool_call_id") or str(item.get("name") or "")}
    if isinstance(item.get("function_call"), Mapping):
        item["tool_calls"] = [{"id": "", "function": item["function_call"]}]
    if isinstance(item.get("tool_calls"), list):
        item["tool_calls"] = [
            {"id": c.get("id"), "function": c} if isinstance(c, Mapping) and "function" not in c and "name" in c else c
            for c in item["tool_calls"]
        ]
    return item


def message(role: Any, *parts: Part) -> Message:
    """A message; one without parts says nothing."""
    return Message(role, parts or (Text(""),))


def arguments_of(call: Mapping[str, Any]) -> str:
    """The arguments of a tool call as JSON text, however they stand there."""
    found = call.get("arguments", {})
    return found if isinstance(found, str) else msgspec.json.encode(found).decode()


def case_of(found: Found) -> str:
    """The id of the case: the file's, or a hash of all that is given to the model and is not its own words. So the same script
    is the same case in every file, and a script that comes twice is a repeat."""
    if found.case:
        return mended(found.case)
    asked = "\0".join(m.text for m in found.chat.messages if m.role in ("system", "user"))
    return blake2b(asked.encode(), digest_size=5).hexdigest()


# -- fields ---------------------------------------------------------------------------------------------------------
def kind(value: Any) -> str:
    """What a JSON value is, in JSON's words."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "nothing")


def fields(value: Any, *needed: str) -> dict[str, Any]:
    """The value as an object that has these fields."""
    if not isinstance(value, dict):
        raise DataError(f"expected an object, got {kind(value)}")
    for name in needed:
        if name not in value:
            raise DataError(f"`{name}` is missing")
    return value


def inner(value: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """The object at a path of fields; {} where there is none."""
    found: Any = value
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, dict) else {}


def listed(value: Mapping[str, Any], name: str) -> list[Any]:
    """The list in a field; [] where there is none or null."""
    found = value.get(name)
    if found is not None and not isinstance(found, list):
        raise DataError(f"`{name}` must be a list, not {kind(found)}")
    return found or []


def text(value: Mapping[str, Any], name: str, otherwise: str | None = None) -> str:
    """The text in a field; numbers are written out. ``otherwise`` None: it must be there."""
    found = value.get(name)
    if found is None and otherwise is not None:
        return otherwise
    if isinstance(found, (int, float)) and not isinstance(found, bool):
        return str(found)
    if not isinstance(found, str):
        raise DataError(f"`{name}` is missing" if found is None else f"`{name}` must be text, not {kind(found)}")
    return found


def count(value: Mapping[str, Any], name: str) -> int | None:
    """The whole number of at least 0 in a field; None where there is none."""
    found = value.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < 2**31:
        raise DataError(f"`{name}` must be a whole number of at least 0, not {found!r:.40}")
    return found


def number(value: Any, name: str) -> float | None:
    """A number, true or false as a value; None for null and for what is no number in IEEE's sense."""
    if value is None:
        return None
    if not isinstance(value, (int, float)):
        raise DataError(f"`{name}` must be a number, not {kind(value)}")
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def verdict(measure: str, value: Any, *, cause: str = "no value in the file", reason: str = "", **more: Any) -> Verdict:
    """A verdict of a file; null is *not measured*."""
    found = number(value, measure)
    return Verdict(measure, found, cause=cause if found is None else "", reason=reason[:SAID], **more)
