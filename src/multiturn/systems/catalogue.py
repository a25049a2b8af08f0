"""The catalogue: which systems there are, without importing them (a fast start), and how to get one by name.

Other packages add to it with an entry point in the group ``multiturn.systems``: ``my-bench = "my_package.module:MyBench"``.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ..conversation import InputError, UnknownName
from ..models.options import parse_name, typed_options
from .entries import ROWS

if TYPE_CHECKING:  # imported when a system is made: listing them must be fast
    from ..protocols.benchmark import Benchmark, Data


class Entry(Struct, frozen=True):
    """One system of the catalogue. ``needs``: roles beside the assistant without which it, or a part of it, is not measured.
    ``data``: "bundled", or where its files come from; ``place``: ``module:Class``."""

    slug: str
    family: str
    kind: str
    title: str
    settings: tuple[str, ...]
    needs: tuple[str, ...]
    data: str
    licence: str
    place: str


CATALOGUE: dict[str, Entry] = {
    row[0]: Entry(*row[:4], tuple(row[4].split()), tuple(row[5].split()), *row[6:8], f"multiturn.systems.{row[8]}")
    for row in ROWS
}
"""Our own systems, by slug."""


UNLISTED = {"imported": "multiturn.systems.imported:Imported", "rejudged": "multiturn.systems.judge.rejudged:Rejudged"}
"""What runs in a store are made of and nobody starts by name: conversations from elsewhere, and conversations judged again."""


def entries() -> list[Entry]:
    """All systems: ours, and those that other installed packages add."""
    found = dict(CATALOGUE)
    for point in entry_points(group="multiturn.systems"):
        if point.name not in found:
            kind = _load(point.value)
            found[point.name] = Entry(
                point.name, kind.family, kind.kind, kind.title, tuple(kind.settings), (*kind.needs, *kind.uses),
                kind.home or "bundled", kind.licence, point.value,
            )  # fmt: skip
    return list(found.values())


def make_system(text: str, data: Data | None = None) -> Benchmark:
    """A benchmark from what the user typed: ``slug``, ``slug?option=value``, ``cases.yaml`` / ``.jsonl``, ``file.py:Class``.

    Raises `UnknownName` (with the nearest name), `InputError` or `DataError`.
    """
    name, options = parse_name(text)
    if name.endswith((".jsonl", ".yaml", ".yml", ".json")):
        from ..protocols.casefile import CaseFile

        if options:
            raise InputError(f"a case file takes no options: {text}")
        return _named(CaseFile(name), text)
    path, _, kind_name = name.rpartition(":") if not name.endswith(".py") else (name, "", "")
    kind = _from_file(path, kind_name) if path.endswith(".py") else _load(_place(name))
    return _named(kind(data, **typed_options(options, kind.params, kind.slug)), text)


def _named(benchmark: Benchmark, text: str) -> Benchmark:
    benchmark.name = text
    return benchmark


def _place(name: str) -> str:
    if name in CATALOGUE:
        return CATALOGUE[name].place
    if name in UNLISTED:
        return UNLISTED[name]
    points = {point.name: point.value for point in entry_points(group="multiturn.systems")}
    if name not in points:
        hint = "`multiturn list` shows all; a path to a .yaml, .jsonl or .py file works too"
        raise UnknownName("benchmark", name, [*CATALOGUE, *points], hint)
    return points[name]


def _load(place: str) -> type[Benchmark]:
    module, _, name = place.partition(":")
    return _benchmark(getattr(importlib.import_module(module), name, None), place)


def _from_file(path: str, name: str) -> type[Benchmark]:
    file = Path(path)
    if not file.is_file():
        raise InputError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(f"multiturn_user_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # the user's own file: name what is wrong in it, without our stack
        line = getattr(error, "lineno", None) or _line_in(error, str(file))
        raise InputError(f"{path}{f', line {line}' if line else ''}: {type(error).__name__}: {error}") from None
    return _benchmark(getattr(module, name, None) if name else _only_benchmark(module, path), f"{path}:{name}")


def _line_in(error: Exception, file: str) -> int | None:
    at = error.__traceback__
    line = None
    while at is not None:
        if at.tb_frame.f_code.co_filename == file:
            line = at.tb_lineno
        at = at.tb_next
    return line


def _only_benchmark(module: Any, path: str) -> Any:
    """The one benchmark class that is written in a module."""
    from ..protocols.benchmark import Benchmark

    written = [v for v in vars(module).values() if isinstance(v, type) and v.__module__ == module.__name__]
    found = [kind for kind in written if issubclass(kind, Benchmark)]
    if len(found) != 1:
        names = ", ".join(kind.__name__ for kind in found) or "none"
        raise InputError(f"which benchmark of {path}? Write {path}:CLASS; it has {names}")
    return found[0]


def _benchmark(found: Any, place: str) -> type[Benchmark]:
    from ..protocols.benchmark import Benchmark

    if not (isinstance(found, type) and issubclass(found, Benchmark)):
        raise InputError(f"{place} is not a Benchmark class")
    if not found.slug:
        found.slug = found.__name__.lower()
    return found
