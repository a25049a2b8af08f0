"""BM25: ranking by words, without any model. Pure and in memory.

score(q, d) = sum over words t of q of  idf(t) * tf / (tf + k1 * (1 - b + b * |d| / avg|d|))

with tf the occurrences of t in d and |d| the number of words kept of d. A word that occurs twice in the question counts
twice. Variants (as compared by Kamphuis et al. 2020, "Which BM25 do you mean?"), with N documents, n of them with t:
  lucene     idf = ln(1 + (N - n + 0.5) / (n + 0.5)), never negative, the default
  robertson  idf = max(0, ln((N - n + 0.5) / (n + 0.5))): words in half of the documents count nothing
  atire      idf = ln(N / n), and the fraction is multiplied by k1 + 1

Words: `multiturn.measures.textmetrics.words` (case folded letters and digits of any script) without Lucene's 33 English
stop words; no stemming. Give another function as ``tokenize``. Building is linear in the words; a question costs the
documents that hold its words. Weights of all (word, document) pairs are computed once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..measures.textmetrics import words

Variant: TypeAlias = Literal["lucene", "robertson", "atire"]

STOP_WORDS = frozenset(
    ("a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no", "not", "of", "on", "or",
     "such", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was", "will", "with")
)  # fmt: skip
"""The English stop words of Lucene."""


class Hit(NamedTuple):
    """A document found: its position in the index and its score (above 0)."""

    document: int
    score: float


def search_words(text: str) -> list[str]:
    """The default tokenizer: `words` without `STOP_WORDS`."""
    return [word for word in words(text) if word not in STOP_WORDS]


class BM25:
    """An index over ``documents``. ``k1`` >= 0 (how fast repetition saturates), ``b`` in 0..1 (how much length counts)."""

    def __init__(self, documents: Sequence[str], *, k1: float = 0.9, b: float = 0.4, variant: Variant = "lucene",
                 tokenize: Callable[[str], list[str]] = search_words) -> None:  # fmt: skip
        if k1 < 0 or not 0 <= b <= 1:
            raise ValueError(f"BM25 needs k1 >= 0 and b from 0 to 1, not k1={k1}, b={b}")
        self._tokenize = tokenize
        self._terms: dict[str, int] = {}
        self.size = len(documents)
        term, document, count = [], [], []
        lengths = np.zeros(self.size)
        for i, text in enumerate(documents):
            bag = Counter(tokenize(text))
            lengths[i] = bag.total()
            for word, n in bag.items():
                term.append(self._terms.setdefault(word, len(self._terms)))
                document.append(i)
                count.append(n)
        terms, tf = np.array(term, dtype=np.int64), np.array(count, dtype=np.float64)
        order = np.argsort(terms, kind="stable")
        self._document = np.array(document, dtype=np.int64)[order]
        holders = np.bincount(terms, minlength=len(self._terms))
        self._start = np.concatenate([[0], np.cumsum(holders)])
        spread = k1 * (1 - b + b * lengths / (lengths.mean() or 1.0)) if self.size else lengths
        idf = _idf(variant, holders, self.size)
        boost = k1 + 1 if variant == "atire" else 1.0
        self._weight = boost * idf[terms[order]] * tf[order] / (tf[order] + spread[self._document])

    def scores(self, query: str) -> NDArray[np.float64]:
        """The score of every document, shape (size,)."""
        found = np.zeros(self.size)
        for word, times in Counter(self._tokenize(query)).items():
            if (term := self._terms.get(word)) is not None:
                part = slice(self._start[term], self._start[term + 1])
                found[self._document[part]] += times * self._weight[part]
        return found

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """The ``k`` best documents that share a word with the question; equal scores in the order of the documents."""
        found = self.scores(query)
        hits = np.flatnonzero(found > 0)
        if len(hits) > k:  # all that reach the k-th best score, so that ties are broken by order alone
            hits = hits[found[hits] >= np.partition(found[hits], len(hits) - k)[len(hits) - k]] if k > 0 else hits[:0]
        best = hits[np.argsort(-found[hits], kind="stable")][:k]
        return [Hit(int(i), float(found[i])) for i in best]


def _idf(variant: Variant, n: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    match variant:
        case "lucene":
            return np.asarray(np.log1p((size - n + 0.5) / (n + 0.5)))
        case "robertson":
            return np.asarray(np.maximum(0.0, np.log((size - n + 0.5) / (n + 0.5))))
        case "atire":
            return np.asarray(np.log(size / n))
