"""Inject once, ask many times: a long text goes into a conversation chunk by chunk, then every question starts from there.

The chunks are turns whose answers are fixed, so nothing is asked while they go in; a memory around the player takes them in
when the first question comes. The questions are sibling branches: none is in the history of another.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import pairwise

from ..conversation import Conversation, Player

_END = re.compile(r"(?<![.!?])[.!?]+[\"'”’)\]]*\s+|[。！？]+\s*|\n\s*")
_NUMBER = re.compile(r"\s*\d{1,9}\.\s*")
_TOKEN = re.compile(r"\s*(?:[^\W_]+|[^\w\s]|_)")
ACKNOWLEDGED = "I have read this part and will remember it."


def sentences(text: str) -> list[str]:
    """The sentences of a text: up to . ! ? and white space (with closing quotes), 。！？, or the end of a line, and the white
    space after it. The number of a list item ("12. ") is no sentence. Joined with nothing between, the pieces are the text
    again."""
    found: list[str] = []
    cuts = [0, *(match.end() for match in _END.finditer(text)), len(text)]
    for start, end in pairwise(cuts):
        if found and _NUMBER.fullmatch(found[-1]):
            found[-1] += text[start:end]
        elif end > start:
            found.append(text[start:end])
    return found


def count_tokens(text: str) -> int:
    """About as many tokens as a model sees: runs of letters and digits, and single other signs (a byte-pair tokenizer of
    English gives about a tenth more)."""
    return sum(1 for _ in _TOKEN.finditer(text))


def chunks(text: str, limit: int) -> Iterator[str]:
    """The text in pieces of whole sentences, each of at most ``limit`` tokens by `count_tokens` (limit >= 1). A sentence
    above the limit is cut between tokens. Joined with nothing between, the pieces are the text again."""
    if limit < 1:
        raise ValueError(f"a chunk holds at least one token, not {limit}")
    held, size = "", 0
    for sentence in sentences(text):
        for piece, length in _pieces(sentence, limit):
            if held and size + length > limit:
                yield held
                held, size = "", 0
            held, size = held + piece, size + length
    if held:
        yield held


def _pieces(sentence: str, limit: int) -> Iterator[tuple[str, int]]:
    ends = [match.end() for match in _TOKEN.finditer(sentence)]
    start = 0
    for first in range(0, max(len(ends), 1), limit):
        part = ends[first : first + limit]
        end = len(sentence) if first + limit >= len(ends) else part[-1]
        yield sentence[start:end], len(part)
        start = end


def feed(chat: Conversation, parts: Iterable[str], template: str, answer: str = ACKNOWLEDGED) -> Conversation:
    """One turn for each part: ``template`` with the part in place of ``{part}``, and a fixed answer. Asks nobody."""
    for part in parts:
        chat = chat.user(template.replace("{part}", part)).assistant(answer, author="feeder")
    return chat


async def ask_each(player: Player, chat: Conversation, questions: Iterable[str]) -> AsyncIterator[Conversation]:
    """The answer to each question, each on a branch of its own from ``chat``."""
    for question in questions:
        yield await player(chat.user(question))
