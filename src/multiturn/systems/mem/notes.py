"""`--with notes`: a memory of notes that BM25 searches. Here retrieval/ and players/, which do not know each other, meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...conversation import Cast, InputError, Player
from ...players.memory import memory_around
from ...players.memory_flat import Notes, Ranker
from ...retrieval.bm25 import BM25


def bm25_index(texts: Sequence[str]) -> Ranker:
    """BM25 with its defaults over these texts."""
    index = BM25(texts)
    return lambda query, k: [hit.document for hit in index.search(query, k)]


def notes_of(top: int = 4, recent: int = 1, keep: int = 0) -> Callable[[Player, Cast], Player]:
    """The ``top`` best of all but the last ``recent`` turns by BM25, word for word; at most ``keep`` turns are held (0 = all)."""
    if top < 1:
        raise InputError(f"notes?top={top}: at least one note is shown")
    return memory_around(Notes(bm25_index, top), recent=recent, keep=keep)
