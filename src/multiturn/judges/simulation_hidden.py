"""What a simulated user does with what it knows: says what it should hide, tells too much at once or too little, ends early,
claims acts that are not on record. Needs the benchmark's `Secrets`.

A piece or a text is recognised by its telling words: those that are not function words and that nobody has said so far, and
that stand in nothing the user may say anyway. A piece counts as told when at least `SHARE` of them (and at least two, or one
number) are in the user's messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..measures.realism_style import STOP_WORDS
from ..measures.textmetrics import words
from .simulation import (
    ANSWER,
    CLAIM,
    EARLY,
    INSTRUCTIONS,
    TOO_LITTLE,
    TOO_MUCH,
    UNUSABLE,
    Check,
    Finding,
    Secrets,
    Talk,
    given,
    quote,
)

SHARE, RUN, WHOLE = 0.7, 8, 5
"""Share of a piece's telling words that make it told; words in a row that make a quotation of the instructions; runs of
`WHOLE` words that make a long answer said."""
_NUMBER = re.compile(r"\d")


def telling(text: str) -> set[str]:
    """The words of a text that say something: no function words, no single letters."""
    return {w for w in words(text) if w not in STOP_WORDS and (len(w) > 1 or w.isdigit() or ord(w) > 0x2FFF)}


def grams(text: str, n: int) -> set[tuple[str, ...]]:
    of = words(text)
    return {tuple(of[i : i + n]) for i in range(len(of) - n + 1)}


# -- what must never be said ----------------------------------------------------------------------------------------------
_RESULT = re.compile(r"\b(?:answer|result|solution|total|equals?|it's|it is|should be|comes? to|get)\b|=", re.I)


def gives_away(talk: Talk, secrets: Secrets) -> Iterator[Finding]:
    """A text of ``never`` in the user's words: a short one as it stands (a lone number only beside a word such as "answer"), of
    a long one several runs of `WHOLE` words. What the assistant said before, and what the user has to tell, is no secret."""
    allowed = "\n".join((secrets.known, *secrets.pieces, talk.opening))
    open_words, open_grams = set(words(allowed)), grams(allowed, WHOLE)
    for said in talk.said:
        for hidden in secrets.never:
            if (place := _given(said.text, hidden, open_words, open_grams)) is not None:
                yield Finding(ANSWER, said.turn, quote(said.text, *place), certain=len(words(hidden)) > 3, decides=True)
                break
        open_words |= set(words(said.reply))
        open_grams |= grams(said.reply, WHOLE)


def _given(text: str, hidden: str, open_words: set[str], open_grams: set[tuple[str, ...]]) -> tuple[int, int] | None:
    """Where a hidden text is given away in ``text``."""
    wanted = words(hidden)
    if not wanted:
        return None
    if len(wanted) <= WHOLE + 1:
        if set(wanted) <= open_words:
            return None
        short = r"(?<![\w.,])" + r"\W{1,3}".join(map(re.escape, wanted)) + r"(?!\w|[.,]\d)"
        found = re.search(short, text, re.I)
        if found is None:
            return None
        named = len(hidden.strip()) >= 6 or _RESULT.search(text[max(0, found.start() - 40) : found.start()]) is not None
        return found.span() if named else None
    secret = grams(hidden, WHOLE) - open_grams
    shared = secret & grams(text, WHOLE)
    if not secret or len(shared) < max(2, min(6, 0.3 * len(secret))):
        return None
    return _place(text, shared)


def _place(text: str, shared: set[tuple[str, ...]]) -> tuple[int, int]:
    first = min(shared, key=lambda gram: max(0, text.lower().find(gram[0])))
    at = max(0, text.lower().find(first[0]))
    return at, min(len(text), at + 60)


def quotes_instructions(talk: Talk, secrets: Secrets) -> Iterator[Finding]:
    """`RUN` words in a row of the instructions that are neither told by the assistant nor to be told."""
    hidden = grams(secrets.instructions, RUN) - grams("\n".join((secrets.known, *secrets.pieces)), RUN)
    heard = talk.opening
    for said in talk.said:
        shared = (hidden & grams(said.text, RUN)) - grams(heard, RUN) if hidden else hidden
        if shared:
            yield Finding(INSTRUCTIONS, said.turn, quote(said.text, *_place(said.text, shared)), certain=True)
        heard = said.reply


# -- pieces ---------------------------------------------------------------------------------------------------------------
def told(talk: Talk, secrets: Secrets) -> list[set[int]]:
    """For each message of the user, the pieces that it tells for the first time."""
    texts = [telling(piece) for piece in secrets.pieces]
    heard, before = telling(talk.opening), set[int]()
    found: list[set[int]] = []
    for said in talk.said:
        mine = telling(said.text)
        candidates = {i for i in range(len(texts)) if i not in before and texts[i] - heard}
        now: set[int] = set()
        for i in sorted(candidates, key=lambda i: -_share(texts[i] - heard, mine)):
            # Words that a piece shares with one told in this message tell that one.
            own = texts[i] - heard - set().union(*(texts[j] for j in now))
            if _is_told(own, mine):
                now.add(i)
        found.append(now)
        before |= now
        heard |= mine | telling(said.reply)
    return found


def _share(own: set[str], said: set[str]) -> float:
    return len(own & said) / len(own) if own else 0.0


def _is_told(own: set[str], said: set[str]) -> bool:
    there = own & said
    numbers = {w for w in own if _NUMBER.search(w)}
    enough = len(there) >= 2 or (bool(numbers) and bool(there & numbers))
    return enough and len(there) >= SHARE * len(own) and numbers <= said


def too_much(talk: Talk, secrets: Secrets) -> Iterator[Finding]:
    """More pieces in one message than ``per_turn``. A piece that the protocol counts as told is allowed beside what is new."""
    if not secrets.per_turn or len(secrets.pieces) < 2:
        return
    counted: set[int] = set()
    for i, (said, now) in enumerate(zip(talk.said, told(talk, secrets), strict=True)):
        claimed = set(secrets.claimed[i]) if secrets.claimed is not None and i < len(secrets.claimed) else set()
        number = len((now - counted) | claimed)
        if number > secrets.per_turn:
            certain = number > secrets.per_turn + 1
            yield Finding(TOO_MUCH, said.turn, quote(said.text), certain=certain, decides=True)
        counted |= claimed | now


def too_little(talk: Talk, secrets: Secrets) -> Iterator[Finding]:
    """The protocol has the user tell a piece, and not one of its telling words is in the message, nor any number of it."""
    heard = telling(talk.opening)
    for said, claimed in zip(talk.said, secrets.claimed or (), strict=False):
        mine = telling(said.text)
        for piece in claimed:
            text = telling(secrets.pieces[piece])
            own = text - heard
            if len(own) >= 2 and not own & mine and not _alike(own, mine):
                yield Finding(TOO_LITTLE, said.turn, quote(said.text), decides=True)
        heard |= mine | telling(said.reply)


def _alike(own: set[str], said: set[str]) -> bool:
    """Whether some word is another form of the same (equal in its first five letters)."""
    return bool({w[:5] for w in own if len(w) > 4} & {w[:5] for w in said if len(w) > 4})


# -- ends -----------------------------------------------------------------------------------------------------------------
def ends_early(talk: Talk, secrets: Secrets) -> Iterator[Finding]:
    """The user ended it with pieces untold, with a question of its own unanswered, before the assistant had said a word, or,
    where it has no pieces to tell, after one message of its own."""
    if secrets.stop != "user ended" or secrets.met:
        return
    if not talk.said:
        yield Finding(EARLY, 1, "(not one message)", certain=True, decides=True)
        return
    last = talk.said[-1]
    untold = _untold(talk, secrets)
    asked = not last.answered and last.text.rstrip().endswith(("?", "？"))
    if untold:
        missing = quote(f"never said: {secrets.pieces[untold[0]]}")
        yield Finding(EARLY, last.turn, missing, certain=secrets.claimed is not None, decides=True)
    elif asked or not any(s.answered for s in talk.said):
        yield Finding(EARLY, last.turn, quote(last.text), certain=True, decides=True)
    elif not secrets.pieces and sum(not given(said.text, secrets) for said in talk.said) <= 1:
        yield Finding(EARLY, last.turn, quote(last.text), decides=True)


def unusable(talk: Talk, secrets: Secrets) -> Iterator[Finding]:
    """The conversation ended because the user's reply was in no form that could be used."""
    if secrets.stop == "format error":
        yield Finding(UNUSABLE, talk.said[-1].turn if talk.said else 1, certain=True, decides=True)


def _untold(talk: Talk, secrets: Secrets) -> Sequence[int]:
    """Pieces that were never told: by the protocol's own count where there is one, else those without half of their words."""
    if secrets.claimed is not None:
        counted = {piece for turn in secrets.claimed for piece in turn}
        return [i for i in range(len(secrets.pieces)) if i not in counted]
    everything = telling("\n".join((talk.opening, *(s.text for s in talk.said), *(s.reply for s in talk.said))))
    return [i for i, piece in enumerate(secrets.pieces) if _share(telling(piece), everything) < 0.5]


# -- acts -----------------------------------------------------------------------------------------------------------------
_DID = re.compile(
    r"\bi(?:'ve| have)(?: just| already| now)? (?:turned|toggled|restarted|rebooted|enabled|disabled|switched|reset|allowed|"
    r"unblocked|checked|read|opened|installed|removed|reseated|connected|updated|changed|set|activated|run|ran|"
    r"done (?:that|it|so))\b",
    re.I,
)


def acts(talk: Talk, secrets: Secrets) -> Iterator[Finding]:
    """The user says that it did something, when what it did is on record and there is nothing up to that turn."""
    if secrets.acts is None:
        return
    first = min((turn for turn, _ in secrets.acts), default=None)
    for said in talk.said:
        found = _DID.search(said.text.replace("’", "'"))
        if found is not None and (first is None or first > said.turn):
            yield Finding(CLAIM, said.turn, quote(said.text, *found.span()), certain=True, decides=True)


CHECKS: tuple[Check, ...] = (gives_away, quotes_instructions, too_much, too_little, ends_early, unusable, acts)
