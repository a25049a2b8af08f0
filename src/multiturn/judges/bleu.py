"""BLEU (Papineni et al. 2002, ACL), in points from 0 to 100, with the numbers of sacrebleu (Post 2018, arXiv 1804.08771):
tokeniser 13a, case kept, n-grams up to 4, several references, smoothing "exp" or "none".

    BLEU = BP * exp(1/4 * sum_n ln p_n),   p_n = clipped matches / n-grams said,   BP = exp(min(0, 1 - r/c))

c is the length said, r the length of the closest reference (the shorter one of two), in tokens; counts are added up over
all segments before dividing. "exp" gives the k-th order without a match 1 / (2^k n-grams said) (NIST); "none" gives 0.
Without a match of any kind BLEU is 0; with fewer than four tokens said it is 0 too, unless ``effective`` is set, which
stops at the longest n-gram said (sacrebleu's rule for single sentences).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal, TypeAlias

ORDER = 4
Smoothing: TypeAlias = Literal["exp", "none"]

_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
_STEPS = (
    (re.compile(r"""([!"#$%&()*+/:;<=>?@\[\\\]^_`{|}~])"""), r" \1 "),  # all ASCII punctuation but ' , - .
    (re.compile(r"([^0-9])([.,])"), r"\1 \2 "),
    (re.compile(r"([.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)


def tokens_13a(text: str) -> list[str]:
    """The tokens of mteval-v13a: punctuation apart, full stops and commas inside numbers kept."""
    text = text.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    text = f" {text} "
    for pattern, into in _STEPS:
        text = pattern.sub(into, text)
    return text.split()


def corpus_bleu(
    said: Sequence[str], references: Sequence[Sequence[str]], *, smoothing: Smoothing = "exp", effective: bool = False
) -> float:
    """BLEU of a corpus, 0 to 100. ``references[i]`` holds all references of segment ``said[i]`` (at least one)."""
    matches, totals = [0] * ORDER, [0] * ORDER
    said_length = reference_length = 0
    for text, wanted in zip(said, references, strict=True):
        words, known = tokens_13a(text), [tokens_13a(reference) for reference in wanted]
        said_length += len(words)
        reference_length += min((len(r) for r in known), key=lambda n: (abs(n - len(words)), n))
        for order in range(1, ORDER + 1):
            grams, allowed = _grams(words, order), Counter[tuple[str, ...]]()
            for reference in known:
                allowed |= _grams(reference, order)
            matches[order - 1] += (grams & allowed).total()
            totals[order - 1] += grams.total()
    if not any(matches):
        return 0.0
    logs, halvings = 0.0, 0
    orders = sum(total > 0 for total in totals)
    if orders < ORDER and not effective:
        return 0.0
    for match, total in zip(matches[:orders], totals[:orders], strict=True):
        if match == 0:
            if smoothing == "none":
                return 0.0
            halvings += 1
        logs += math.log(match / total if match else 1 / (2**halvings * total))
    brevity = min(0.0, 1 - reference_length / said_length)
    return min(100.0, 100 * math.exp(brevity + logs / orders))


def sentence_bleu(said: str, references: Sequence[str], *, smoothing: Smoothing = "exp") -> float:
    """BLEU of one sentence, 0 to 100, up to the longest n-gram said."""
    return corpus_bleu([said], [references], smoothing=smoothing, effective=True)


def _grams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[i:] for i in range(order)), strict=False))
