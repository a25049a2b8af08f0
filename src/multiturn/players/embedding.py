"""Vectors of texts for memories. The default needs no model: hashed words, weighted by how rare they are.

An embedding model takes its place by having `Embed`'s three members: ``size``, ``vector`` (ask the model; of unit length) and
``weights`` (ones). Around a model that costs money, keep vectors by text, and call through ``cast.record`` so that a
resumed run does not ask again.
"""

from __future__ import annotations

import math
from collections import Counter
from hashlib import blake2b
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..measures.textmetrics import words

Floats: TypeAlias = NDArray[np.float64]


class Embed(Protocol):
    """Texts as vectors of ``size`` numbers."""

    @property
    def size(self) -> int: ...

    async def vector(self, text: str) -> Floats:
        """The vector of a text; zeros if it has nothing to go by."""

    def weights(self, counts: Floats, n: int) -> Floats:
        """What each dimension counts in a comparison, where ``counts`` of ``n`` entries are not 0 in it."""


class WordVectors:
    """Bag of words with the hashing trick (Weinberger et al. 2009, arXiv 0902.2206): each word adds 1 + ln(tf) in the
    dimension that its blake2b hash names. Weighted by idf = ln((1 + n) / (1 + df)) + 1 of the entries so far. The same on
    every machine; knows no synonyms. Pitfall: with ``size`` dimensions, texts of many different words collide."""

    def __init__(self, size: int = 2048) -> None:
        self.size = size
        self._places: dict[str, int] = {}

    async def vector(self, text: str) -> Floats:
        out = np.zeros(self.size)
        for word, times in Counter(words(text)).items():
            out[self._place(word)] += 1 + math.log(times)
        return out

    def weights(self, counts: Floats, n: int) -> Floats:
        return np.asarray(np.log((1 + n) / (1 + counts)) + 1)

    def _place(self, word: str) -> int:
        place = self._places.get(word)
        if place is None:
            place = int.from_bytes(blake2b(word.encode(errors="replace"), digest_size=8).digest(), "big") % self.size
            self._places[word] = place
        return place
