"""The formats that can be imported, and how a file is told to be of one."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

from ...conversation import DataError, InputError, UnknownName
from ...measures.figure import Scale
from .common import Item
from .source import Source

FORMATS: dict[str, tuple[str, str]] = {
    "openai": ("openai", "OpenAI chat JSONL, and what `multiturn export` writes"),
    "sharegpt": ("sharegpt", "ShareGPT conversations"),
    "inspect": ("inspect", "a log of Inspect"),
    "mt-bench": ("mt_bench", "MT-Bench files of FastChat"),
    "tau": ("tau", "results of tau-bench or tau2"),
}
"""Name -> (module, what it is)."""


class Format(Protocol):
    """What the module of a format offers."""

    @staticmethod
    def read(sources: Sequence[Source]) -> Iterator[Item]: ...


def module_of(name: str) -> Format:
    """The module of a format. Raises `UnknownName`."""
    if name not in FORMATS:
        raise UnknownName("format", name, FORMATS)
    return cast(Format, importlib.import_module(f"{__package__}.{FORMATS[name][0]}"))


def scales_known(name: str) -> Mapping[str, Scale]:
    """Scales that a format fixes; those of other measures are seen from their values."""
    return cast(Mapping[str, Scale], getattr(module_of(name), "SCALES", {}))


def with_companions(name: str, sources: Sequence[Source]) -> list[Source]:
    """The files, and those beside them without which they cannot be read."""
    complete = getattr(module_of(name), "complete", None)
    return complete(sources) if complete else list(sources)


def guess(sources: Sequence[Source]) -> str:
    """The format of these files, from what is in them. Raises `DataError` when nothing fits, `InputError` when several do."""
    found = {source.name: _guess(source) for source in sources}
    kinds = set(found.values())
    if len(kinds) > 1:
        told = ", ".join(f"{name} is {kind}" for name, kind in found.items())
        raise InputError(f"one import is of one format, and these are of several ({told}): import them apart")
    return kinds.pop()


def _guess(source: Source) -> str:
    if source.is_zip:
        return "inspect"
    first = source.first()
    name = _kind(first) if isinstance(first, dict) else None
    if name is None:
        has = ", ".join(map(repr, list(first)[:6])) if isinstance(first, dict) else ""
        seen = f"its fields are {has}" if has else "it holds no object"
        raise DataError(f"`{source.path}`: cannot tell its format ({seen}); name it with --as ({', '.join(FORMATS)})")
    return name


def _kind(item: dict[str, Any]) -> str | None:
    if "eval" in item and ("samples" in item or "status" in item):
        return "inspect"
    if "simulations" in item or ("task_id" in item and "traj" in item):
        return "tau"
    if "question_id" in item and any(isinstance(item.get(name), list) for name in ("choices", "turns")):
        return "mt-bench"
    if "question_id" in item and ("g1_winner" in item or {"model", "turn", "score"} <= item.keys()):
        return "mt-bench"
    if _said(item.get("messages"), "role"):
        return "openai"
    names = ("conversations", "conversation", "items")
    return "sharegpt" if any(_said(item.get(name), "from", "role") for name in names) else None


def _said(value: Any, *names: str) -> bool:
    """Whether this is a list of messages that name their speaker in one of these fields (an empty one may be)."""
    if not isinstance(value, list):
        return False
    return not value or (isinstance(value[0], dict) and any(name in value[0] for name in names))
