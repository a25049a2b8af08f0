"""The tasks, and which instructions are played: the released ones, or the bundled sample in place of what is not there."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from ...conversation import DataError, UnknownName
from ...protocols.benchmark import Data
from .lost_case import FIELDS, FILES, HOME, SLUG, LostCase, read
from .lost_sample import sample
from .lost_tasks import Actions, Code, Database, Math, Task
from .lost_writing import Data2Text, Summary, Translation

TASKS: dict[str, type[Task]] = {
    "math": Math, "code": Code, "database": Database, "actions": Actions, "data2text": Data2Text, "summary": Summary,
    "translation": Translation,
}  # fmt: skip
SOURCES = ("auto", "bundled", "released")


def instructions(data: Data | None, source: str, tasks: str) -> Iterator[LostCase]:
    """The cases of ``tasks`` ("all", or names with commas between). ``source``: "released" (fetched if need be), "bundled", or
    "auto": the released files that are there already, the sample in place of the main one. Raises `DataError` where none are."""
    names = list(FIELDS) if tasks == "all" else tasks.split(",")
    for name in names:
        if name not in TASKS:
            raise UnknownName(f"task of `{SLUG}`", name, TASKS)
    found = [case for case in _cases(data, source) if case.task in names]
    if not found:
        raise DataError(f"no cases of {', '.join(names)}: give the released files, or tasks=math with source=bundled")
    yield from found


def _cases(data: Data | None, source: str) -> Iterable[LostCase]:
    if source not in SOURCES:
        raise UnknownName(f"source of `{SLUG}`", source, SOURCES)
    if source == "bundled" or data is None:
        return sample()
    return itertools.chain.from_iterable(_file(data, name, source == "released") for name in FILES)


def _file(data: Data, name: str, wanted: bool) -> Iterator[LostCase]:
    """The cases of one released file. Where it is not there and not ``wanted``: the sample in place of the main file."""
    try:
        path = data.path(SLUG, name, f"{HOME}/{name}" if wanted else "")
    except DataError:
        if wanted:
            raise
        return sample() if name == FILES[0] else iter(())
    return read(path)
