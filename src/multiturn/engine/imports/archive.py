"""Members of a zip, those packed with Zstandard too (which the standard library cannot unpack before Python 3.14)."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

from ...conversation import DataError, InputError

LARGEST_MEMBER = 512 << 20
ZSTANDARD = 93
INSTALL = 'pip install "multiturn[inspect]"'


class Archive:
    """A zip file opened for reading. Raises `DataError` for one that is cut off or damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
            raise DataError(f"`{path}` is no whole zip archive ({error}): was it copied while it was being written?") from None
        self._members = {info.filename: info for info in self._zip.infolist()}

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def names(self, folder: str) -> list[str]:
        """The JSON files in a folder, in the order of the archive."""
        return [name for name in self._members if name.startswith(folder) and name.endswith(".json")]

    def read(self, name: str) -> bytes:
        """A member, unpacked and checked. Raises `DataError` naming it."""
        info = self._members[name]
        if info.file_size > LARGEST_MEMBER:
            raise DataError(f"{name} is larger than {LARGEST_MEMBER >> 20} MiB")
        try:
            data = self._zstandard(info) if info.compress_type == ZSTANDARD else self._plain(info)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, struct.error) as error:
            raise DataError(f"{name} cannot be unpacked ({error})") from None
        if len(data) != info.file_size or zlib.crc32(data) != info.CRC:
            raise DataError(f"{name} is damaged")
        return data

    def _plain(self, info: zipfile.ZipInfo) -> bytes:
        with self._zip.open(info) as member:  # no more than it says that it holds, whatever it unpacks to
            return member.read(info.file_size + 1)

    def _zstandard(self, info: zipfile.ZipInfo) -> bytes:
        try:
            import zstandard
        except ImportError:
            raise InputError(f"{self.path.name} is packed with Zstandard, which needs a library: {INSTALL}") from None
        with self.path.open("rb") as file:
            file.seek(info.header_offset)
            head = struct.unpack("<4s5H3I2H", file.read(30))
            file.seek(head[-2] + head[-1], 1)
            packed = file.read(info.compress_size)
        try:
            with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed), read_across_frames=True) as reader:
                return bytes(reader.read(info.file_size + 1))
        except zstandard.ZstdError as error:
            raise zlib.error(str(error)) from None
