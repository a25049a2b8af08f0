"""Writing files so that a reader never sees half of one, and reading lines of JSON so that an error names the line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec

from .errors import DataError
from .message import mended

T = TypeVar("T")


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file that takes the place of ``path`` when the block ends well, and leaves nothing behind when it does not.

    Raises `DataError` when the folder is missing, not writable or full.
    """
    target = Path(path)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as out:
            yield out
        part.replace(target)
    except OSError as error:
        raise DataError(f"cannot write `{target}`: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a whole file at once, replacing what was there."""
    with replacing(path) as out:
        out.write(data)


def json_line(item: Mapping[str, Any]) -> bytes:
    """One line of a JSONL file, its end included."""
    try:
        return msgspec.json.encode(item) + b"\n"
    except UnicodeEncodeError:  # lone surrogates in names; messages hold none
        return mended(json.dumps(msgspec.to_builtins(item), ensure_ascii=False)).encode() + b"\n"


def json_rows(path: str | os.PathLike[str], kind: type[T]) -> Iterator[tuple[int, T]]:
    """The rows of a JSONL file, each with the number of its line; blank lines are passed over.

    Raises `DataError` naming the file, and the line that is no ``kind``.
    """
    decode = msgspec.json.Decoder(kind).decode
    try:
        with Path(path).open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    try:
                        row = decode(line)
                    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                        raise DataError(f"{path}, line {number}: {error}") from None
                    yield number, row
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
