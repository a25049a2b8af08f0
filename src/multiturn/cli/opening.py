"""A store opened for writing that leaves no empty file behind when nothing came of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..engine.store import Store


@contextmanager
def writable_store(path: str) -> Iterator[Store]:
    """The store at ``path``, made if it is not there. If it was made here, and an error comes before there is a run in it, it is
    taken away again."""
    from ..engine.store import Store

    made = not Path(path).exists()
    with Store(path, writable=True) as store:
        try:
            yield store
        except BaseException:
            if made and next(store.rows("SELECT 1 FROM runs LIMIT 1"), None) is None:
                for end in ("", "-wal", "-shm", "-lock"):  # still locked: nobody else is about to write here
                    Path(f"{path}{end}").unlink(missing_ok=True)
            raise
