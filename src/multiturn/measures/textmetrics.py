"""How near a text is to a reference, by its words: exact match, overlap, longest common subsequence.

Two tokenizations, each with its measures, as the field uses them:
  `normalized`  lower case, no ASCII punctuation, no a/an/the, single spaces (SQuAD; Rajpurkar et al. 2016, arXiv 1606.05250)
  `rouge_words` lower case, runs of a-z and 0-9 (the rouge_score package without its stemmer)
`words` is neither: the package's own tokenizer for search, which keeps letters of every script.

All values are fractions from 0 to 1. With several references the best one counts.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_ROUGE = re.compile(r"[a-z0-9]+")
# Han and kana are written without spaces: each character is a word of its own.
_WORDS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
_CLOSED = ("yes", "no", "noanswer")


def words(text: str) -> list[str]:
    """The words of a text for search: case folded runs of letters and digits of any script; Han and kana one by one."""
    return _WORDS.findall(text.casefold())


def normalized(text: str) -> str:
    """Lower case, without ASCII punctuation and English articles, single spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(said: str, references: Iterable[str]) -> float:
    """1 if the normalized text equals a normalized reference. A reference of which normalization leaves nothing (the choice
    "A" is an article) is compared with its articles, so that an empty text does not match it."""
    return float(any(_key(said, r) == _key(r, r) for r in references))


def _key(text: str, reference: str) -> str:
    return normalized(text) if normalized(reference) else " ".join(text.lower().translate(_PUNCTUATION).split())


def substring_match(said: str, references: Iterable[str]) -> float:
    """1 if a normalized reference stands inside the normalized text. Long texts have an advantage; a reference that is
    empty after normalization never matches."""
    text = normalized(said)
    return float(any(r in text for r in map(normalized, references) if r))


def token_f1(said: str, references: Iterable[str]) -> float:
    """Harmonic mean of precision and recall of the bags of normalized words. Where one side is yes, no or noanswer and
    the other is not the same, 0."""
    return max((_f1(normalized(said), normalized(r)) for r in references), default=0.0)


def _f1(said: str, reference: str) -> float:
    if said != reference and (said in _CLOSED or reference in _CLOSED):
        return 0.0
    a, b = said.split(), reference.split()
    if not a or not b:
        return float(a == b)
    common = sum((Counter(a) & Counter(b)).values())
    return 2 * common / (len(a) + len(b))


def token_recall(said: str, references: Iterable[str]) -> float:
    """|bag(said) n bag(reference)| / |bag(reference)| of normalized words; 0 for an empty reference."""
    bag = Counter(normalized(said).split())

    def recall(reference: str) -> float:
        gold = Counter(normalized(reference).split())
        return sum((bag & gold).values()) / sum(gold.values()) if gold else 0.0

    return max((recall(r) for r in references), default=0.0)


class Overlap(NamedTuple):
    """Precision, recall and their harmonic mean."""

    precision: float
    recall: float
    f1: float


def rouge_words(text: str) -> list[str]:
    """Runs of a-z and 0-9 of the text in lower case."""
    return _ROUGE.findall(text.lower())


def rouge_l(said: str, reference: str) -> Overlap:
    """ROUGE-L (Lin 2004): the longest common subsequence of words / words of the text, / words of the reference, and F1.
    No stemming. All 0 when one side has no words."""
    a, b = rouge_words(said), rouge_words(reference)
    if not a or not b:
        return Overlap(0.0, 0.0, 0.0)
    common = lcs_length(a, b)
    precision, recall = common / len(a), common / len(b)
    return Overlap(precision, recall, 2 * precision * recall / (precision + recall) if common else 0.0)


def lcs_length(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence, bit-parallel (Hyyrö 2004): one step on whole numbers of len(a) bits for
    each element of ``b``."""
    where: dict[str, int] = {}
    for i, word in enumerate(a):
        where[word] = where.get(word, 0) | 1 << i
    full = (1 << len(a)) - 1
    row = full
    for word in b:
        if match := row & where.get(word, 0):
            row = ((row + match) | (row - match)) & full
    return len(a) - row.bit_count()


def edit_distance(a: str, b: str) -> int:
    """Levenshtein distance, bit-parallel (Myers 1999 in the form of Hyyrö 2003)."""
    if not a:
        return len(b)
    where: dict[str, int] = {}
    for i, char in enumerate(a):
        where[char] = where.get(char, 0) | 1 << i
    full, top = (1 << len(a)) - 1, 1 << (len(a) - 1)
    plus, minus, distance = full, 0, len(a)
    for char in b:
        match = where.get(char, 0)
        diagonal = (((match & plus) + plus) ^ plus) | match | minus
        up, down = (minus | ~(diagonal | plus)) & full, plus & diagonal
        distance += bool(up & top) - bool(down & top)
        up, down = (up << 1 | 1) & full, (down << 1) & full
        plus, minus = (down | ~(diagonal | up)) & full, up & diagonal
    return distance
