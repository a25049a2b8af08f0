"""Typed tools out of plain Python functions: signature and docstring make the JSON Schema, and a call is checked against it.

A tool runs in this process only because it is ours and pure on its world's state; code that a model wrote never comes here.
What a model calls a tool with is hostile: unknown names, broken JSON, wrong types and enormous arguments become a short text
for the model and an invalid outcome. A tool itself refuses by raising `Refused` before it changes anything; any other
exception is a fault of the tool and passes through.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple, get_type_hints

import msgspec
from msgspec import Struct

from ..conversation import Tool

LONGEST = 20_000
"""Characters of a call's arguments beyond which they are not read."""
_SHOWN, _RESULT = 300, 50_000


class Refused(Exception):
    """A tool says no: shown to the model, and nothing was changed."""


class Outcome(NamedTuple):
    """What a call came to. ``valid``: the tool exists and the arguments fit its types; ``refused``: the tool said no."""

    text: str
    valid: bool = True
    refused: bool = False

    @property
    def error(self) -> bool:
        return self.refused or not self.valid


class _Spec(NamedTuple):
    tool: Tool
    arguments: type[Struct]


class Toolset:
    """Tools by name. ``terminal``: those after which the conversation is over.

    >>> def add(a: int, b: int) -> int:
    ...     '''The sum of two numbers.'''
    ...     return a + b
    >>> Toolset([add]).call("add", '{"a": 1, "b": 2}').text
    '3'
    """

    def __init__(self, functions: Iterable[Callable[..., Any]], terminal: Iterable[str] = ()) -> None:
        self._functions = {function.__name__: function for function in functions}
        self.terminal = frozenset(terminal)
        specs = {name: _spec(_plain(function)) for name, function in self._functions.items()}
        self.tools: tuple[Tool, ...] = _tuple(tuple(_plain(function) for function in self._functions.values()))
        self._arguments = {name: spec.arguments for name, spec in specs.items()}

    def __contains__(self, name: object) -> bool:
        return name in self._functions

    def call(self, name: str, arguments: str) -> Outcome:
        """Call a tool with a model's raw JSON text. Never raises for what a model may say."""
        if name not in self._functions:
            known = ", ".join(self._functions) or "none"
            return Outcome(f"Error: there is no tool {name[:60]!r}. Tools: {known}", valid=False)
        if len(arguments) > LONGEST:
            return Outcome(f"Error: arguments of {len(arguments)} characters are too long", valid=False)
        try:
            given = msgspec.json.decode(arguments.strip() or "{}", type=self._arguments[name])
        except (msgspec.DecodeError, RecursionError, ValueError) as error:
            why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            return Outcome(f"Error: wrong arguments for {name}: {why[:_SHOWN]}", valid=False)
        return self._run(name, {field: getattr(given, field) for field in given.__struct_fields__})

    def apply(self, name: str, arguments: dict[str, Any]) -> Outcome:
        """The same for arguments that are values already (a task's gold actions)."""
        return self.call(name, msgspec.json.encode(arguments).decode())

    def _run(self, name: str, arguments: dict[str, Any]) -> Outcome:
        try:
            found = self._functions[name](**arguments)
        except Refused as error:
            return Outcome(f"Error: {str(error)[:_SHOWN]}", refused=True)
        return Outcome((found if isinstance(found, str) else msgspec.json.encode(found).decode())[:_RESULT])


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function behind a method, so that all worlds of a kind share its schema."""
    plain: Callable[..., Any] = getattr(function, "__func__", function)
    return plain


@cache
def _tuple(functions: tuple[Callable[..., Any], ...]) -> tuple[Tool, ...]:
    """One tuple for all worlds of a kind: providers serialise a tuple of tools once."""
    return tuple(_spec(function).tool for function in functions)


@cache
def _spec(function: Callable[..., Any]) -> _Spec:
    hints = get_type_hints(function)
    fields: list[Any] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "self":
            continue
        if name not in hints or parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"tool {function.__name__}: parameter {name} needs a type, and a name to be called by")
        given = () if parameter.default is parameter.empty else (parameter.default,)
        fields.append((name, hints[name], *given))
    arguments = msgspec.defstruct(function.__name__, fields, forbid_unknown_fields=True, kw_only=True)
    (_,), parts = msgspec.json.schema_components([arguments], ref_template="#/$defs/{name}")
    schema: dict[str, Any] = parts.pop(function.__name__)
    text, about = _documented(inspect.getdoc(function) or "", [name for name, *_ in fields])
    properties = {name: {**_kind(what), **about.get(name, {})} for name, what in schema.get("properties", {}).items()}
    parameters = {"type": "object", "properties": properties, "required": schema.get("required", [])}
    parameters |= {"additionalProperties": False} | ({"$defs": parts} if parts else {})
    return _Spec(Tool(name=function.__name__, description=text, parameters=parameters), arguments)


def _kind(schema: dict[str, Any]) -> dict[str, Any]:
    """Choices between texts say that they are texts: some providers ask for it."""
    texts = "type" not in schema and all(isinstance(value, str) for value in schema.get("enum", (0,)))
    return {"type": "string", **schema} if texts else schema


def _documented(text: str, names: list[str]) -> tuple[str, dict[str, dict[str, str]]]:
    """A docstring as the tool's description, and the descriptions of its parameters (lines ``name: what it is``)."""
    said: list[str] = []
    about: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        found = re.match(r"\s*(\w+): (.+)", line)
        if found and found[1] in names:
            about[found[1]] = {"description": found[2].strip()}
        elif line.strip():
            said.append(line.strip())
    return " ".join(said), about
