"""Reading a cases file as plain values, each with the line it stands on. Hostile until parsed: sizes and depth are capped,
YAML has no tags and no aliases, and nothing is evaluated.

YAML scalars are read by the small rules of JSON, not by those of YAML 1.1: plain ``true``, ``false`` and ``null`` (or
nothing) are themselves, plain numbers are numbers, and everything else is text (``no``, ``12:30``, ``2024-01-01``, ``007``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from ..conversation import DataError
from .casefile_schema import FileSpec, kind, nearest

LONGEST_LINE = 16 << 20
LARGEST_YAML = 16 << 20
DEEPEST = 32
KINDS = (".jsonl", ".yaml", ".yml")


class Entry(Struct, frozen=True):
    """One case as it stands in the file, or (``problem``) why there is none at this line (0 = nowhere in particular).
    ``lines``: the lines of the fields inside the case, by path, where the format tells."""

    line: int
    raw: Any = None
    problem: str = ""
    lines: dict[str, int] = {}

    def line_of(self, path: str) -> int:
        """The line of a field, or of what it stands in."""
        while path and path not in self.lines:
            path = re.sub(r"(?:^|\.)[^.\[\]]*$|\[\d+\]$", "", path)
        return self.lines.get(path, self.line)


class Header(Struct, frozen=True):
    """What a file says about itself."""

    name: str = ""
    title: str = ""


def entries(path: Path) -> Iterator[Entry]:
    """The cases of a file, in order; lazily for JSONL. Raises `DataError` when the file cannot be read at all."""
    if path.suffix.lower() not in KINDS:
        raise DataError(f"{path.name}: a cases file ends in {', '.join(KINDS)}")
    return _jsonl(path) if path.suffix.lower() == ".jsonl" else iter(_yaml(path)[1])


def header(path: Path) -> Header:
    """Name and title, where the file gives them (YAML only)."""
    return _yaml(path)[0] if path.suffix.lower() in KINDS[1:] else Header()


# -- JSONL ----------------------------------------------------------------------------------------------------------
def _jsonl(path: Path) -> Iterator[Entry]:
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                if len(line) > LONGEST_LINE:
                    yield Entry(number, problem=f"longer than {LONGEST_LINE >> 20} MiB; put one case on a line")
                    while line and not line.endswith(b"\n"):
                        line = file.readline(1 << 20)
                elif text := line.removeprefix(b"\xef\xbb\xbf" if number == 1 else b"").strip():
                    yield _line(number, text)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


def _line(number: int, text: bytes) -> Entry:
    try:
        text.decode()
        return Entry(number, msgspec.json.decode(text))
    except UnicodeDecodeError as error:
        return Entry(number, problem=f"not UTF-8 (byte {error.start + 1} of the line); save the file as UTF-8")
    except msgspec.DecodeError as error:
        return Entry(number, problem=f"not JSON ({str(error).removeprefix('JSON is malformed: ')})")
    except RecursionError:
        return Entry(number, problem="nested too deeply")


# -- YAML -----------------------------------------------------------------------------------------------------------
class _Refused(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def _yaml(path: Path) -> tuple[Header, list[Entry]]:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_YAML + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    if len(data) > LARGEST_YAML:
        return Header(), [Entry(0, problem=f"larger than {LARGEST_YAML >> 20} MiB; use JSONL (one case a line) for large files")]
    try:
        value, lines = _tree(data.decode("utf-8-sig"))
        return _document(value, lines)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Header(), [Entry(line, problem="not UTF-8; save the file as UTF-8")]
    except _Refused as error:
        return Header(), [Entry(error.line, problem=str(error))]


def _document(value: Any, lines: dict[str, int]) -> tuple[Header, list[Entry]]:
    head = Header()
    prefix = ""
    if isinstance(value, dict):
        for name in value:
            if name not in FileSpec.__struct_fields__:
                raise _Refused(lines[name], f"{name}: unknown field" + nearest(name, FileSpec.__struct_fields__))
        for name in ("name", "title"):
            if not isinstance(value.get(name, ""), str):
                raise _Refused(lines[name], f"{name}: expected text, got {kind(value[name])}")
        head = Header(value.get("name", ""), value.get("title", ""))
        if "cases" not in value:
            raise _Refused(1, "cases: is missing")
        value, prefix = value["cases"], "cases"
    if value is None or value == []:
        return head, []
    if not isinstance(value, list):
        raise _Refused(lines.get(prefix, 1), f"{prefix + ': ' if prefix else ''}expected a list of cases, got {kind(value)}")
    inside: list[dict[str, int]] = [{} for _ in value]
    for path, line in lines.items():
        if found := re.match(re.escape(prefix) + r"\[(\d+)\]\.?(.+)", path):
            inside[int(found[1])][found[2]] = line
    return head, [Entry(lines[f"{prefix}[{i}]"], raw, lines=inside[i]) for i, raw in enumerate(value)]


def _tree(text: str) -> tuple[Any, dict[str, int]]:
    """The document as plain values, and the line of everything in it by path (``cases[0].turns[2].user``)."""
    top: list[Any] = []
    stack: list[tuple[Any, str]] = [(top, "")]
    key: list[str | None] = [None]  # the key that waits for its value, one for each open container
    lines: dict[str, int] = {}
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            line = event.start_mark.line + 1 if event.start_mark else 0
            if isinstance(event, yaml.AliasEvent):
                raise _Refused(line, "YAML aliases (*name) are not read; write the text out")
            if isinstance(event, yaml.DocumentStartEvent) and top:
                raise _Refused(line, "a second YAML document (---); put all cases into one list")
            if isinstance(event, yaml.CollectionEndEvent):
                stack.pop()
                key.pop()
            if not isinstance(event, yaml.NodeEvent):
                continue
            if (tag := getattr(event, "tag", None)) is not None:
                raise _Refused(line, f"YAML tags ({tag}) are not read; remove it")
            (holder, at), waiting = stack[-1], key[-1]
            if isinstance(holder, dict) and waiting is None:
                key[-1] = _key(event, holder, line)
                continue
            path = at if holder is top else f"{at}[{len(holder)}]" if waiting is None else f"{at}.{waiting}".removeprefix(".")
            lines[path] = line
            value = _value(event)
            if waiting is None:
                holder.append(value)
            else:
                holder[waiting], key[-1] = value, None
            if not isinstance(event, yaml.ScalarEvent):
                if len(stack) > DEEPEST:
                    raise _Refused(line, "nested too deeply")
                stack.append((value, path))
                key.append(None)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _Refused(mark.line + 1 if mark else 0, f"not YAML ({error.problem or error.context})") from None
    except yaml.YAMLError as error:
        raise _Refused(0, f"not YAML ({' '.join(str(error).split())})") from None
    return (top[0] if top else None), lines


def _key(event: yaml.NodeEvent, holder: dict[str, Any], line: int) -> str:
    if not isinstance(event, yaml.ScalarEvent):
        raise _Refused(line, "the name of a field must be text")
    name: str = event.value
    if name in holder:
        raise _Refused(line, f"{name}: given twice")
    return name


def _value(event: yaml.NodeEvent) -> Any:
    if isinstance(event, yaml.MappingStartEvent):
        return {}
    if not isinstance(event, yaml.ScalarEvent):
        return []
    text: str = event.value
    if event.style:  # quoted or block text
        return text
    if text in ("", "~", "null", "true", "false"):
        return {"true": True, "false": False}.get(text)
    if len(text) <= 40 and re.fullmatch(r"-?(?:0|[1-9]\d*)", text, re.ASCII):
        return int(text)
    if len(text) <= 40 and re.fullmatch(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d{1,2})?", text, re.ASCII):
        return float(text)
    return text
