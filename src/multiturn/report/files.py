"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..conversation import InputError


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file that takes the place of ``path`` when the block ends well, and leaves nothing behind when it does not.

    Raises `InputError` when the folder is missing, not writable or full.
    """
    target = Path(path)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as out:
            yield out
        part.replace(target)
    except OSError as error:
        raise InputError(f"cannot write `{target}`: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a whole file at once, replacing what was there."""
    with replacing(path) as out:
        out.write(data)
