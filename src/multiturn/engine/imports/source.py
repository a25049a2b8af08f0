"""Files as JSON values, each with its place: JSONL line by line, JSON whole, members of a zip. Sizes are capped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from ...conversation import DataError
from .common import Bad, Row

LONGEST_LINE = 64 << 20
LARGEST_FILE = 1 << 30
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"


def decode(data: bytes) -> Any:
    """The JSON value of some bytes. Raises `DataError` with the line where it breaks off. NaN and infinities, which no JSON
    has and some programs write, are read."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(data.decode())
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8 (byte {error.start:,})") from None
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}" if error.lineno > 1 else f"column {error.colno}"
        raise DataError(f"not JSON ({error.msg}, {at})") from None
    except (RecursionError, ValueError) as error:
        raise DataError("nested too deeply" if isinstance(error, RecursionError) else f"not JSON ({error})") from None


class Source:
    """One file to import."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.name = self.path.name
        try:
            with self.path.open("rb") as file:
                self._head = file.read(4)
                self.size = file.seek(0, 2)
        except OSError as error:
            raise DataError(f"cannot read `{path}`: {error.strerror or error}") from None
        if not self.size:
            raise DataError(f"`{path}` is empty")
        if self._head[:2] in _UTF16:
            raise DataError(f"`{path}` is UTF-16: write it as UTF-8")

    @property
    def is_zip(self) -> bool:
        return self._head in _ZIP

    @cached_property
    def sha256(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def rows(self) -> Iterator[Row | Bad]:
        """The JSON values: the lines of JSONL, the items of a list, or the one object that the file is."""
        if self.is_zip:
            raise DataError(f"`{self.path}` is a zip archive, not JSON")
        if self._by_line:
            yield from self._lines()
        else:
            value = self._whole
            if not isinstance(value, list):
                yield Row(self.name, value)
            else:
                yield from (Row(f"{self.name}, item {i}", item) for i, item in enumerate(value, 1))

    def first(self) -> Any:
        """The first value that can be read, to tell what the file is. Raises `DataError` where there is none."""
        bad: Bad | None = None
        for row in self.rows():
            if isinstance(row, Row):
                return row.value
            bad = bad or row
        raise DataError(f"{bad.where}: {bad.problem}" if bad else f"`{self.path}` has nothing in it")

    # -- how a file is written --------------------------------------------------------------------------------------
    @cached_property
    def _by_line(self) -> bool:
        """Whether each line is a value of its own. An object that its first line does not end is spread over the file."""
        if self.path.suffix.lower() in (".jsonl", ".ndjson"):
            return True
        with self.path.open("rb") as file:
            first = b""
            while not first and (line := file.readline(LONGEST_LINE + 1)):
                first = line.removeprefix(_BOM).strip()
            more = bool(file.readline(2).strip())
        if len(line) > LONGEST_LINE or not first.startswith(b"{"):
            return False
        try:
            decode(first)
        except DataError:
            return more and first.endswith(b"}")
        return True

    @cached_property
    def _whole(self) -> Any:
        if self.size > LARGEST_FILE:
            raise DataError(f"`{self.path}` is larger than {LARGEST_FILE >> 30} GiB: split it, or write it as JSONL")
        try:
            return decode(self.path.read_bytes().removeprefix(_BOM))
        except DataError as error:
            raise DataError(f"{self.name}: {error}") from None

    def _lines(self) -> Iterator[Row | Bad]:
        with self.path.open("rb") as file:
            number = 0
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                where = f"{self.name}, line {number:,}"
                if len(line) > LONGEST_LINE:
                    yield Bad(where, f"longer than {LONGEST_LINE >> 20} MiB")
                    while line and not line.endswith(b"\n"):
                        line = file.readline(1 << 20)
                elif found := line.removeprefix(_BOM if number == 1 else b"").strip():
                    try:
                        yield Row(where, decode(found))
                    except DataError as error:
                        yield Bad(where, str(error))
