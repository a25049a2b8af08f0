"""A simulated user over many conversations: does it always say the same, begin all of them alike, talk at random, and how much
does it tell a turn?

fit   how often a message fits its own conversation better than that of another case: it is set against what the user was
      answering and what it has to tell, by its telling words, the rarer the heavier (inverse document frequency), and against
      the same of up to `OTHERS` other cases; ties count half. 0.5 is chance: its messages fit any conversation as well.
same  the share of messages that are the most frequent one (case, spaces and punctuation aside).
begin the share of cases in which its first message begins with the most frequent four words.

Messages that the benchmark gives word for word (an opening, a piece told by rule) say nothing of the user and are left out, in
`fit` thanks and goodbyes, too.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ..measures.figure import Scale
from ..measures.intervals import Estimate, clustered_mean, t_quantile
from ..measures.textmetrics import words
from .simulation import Secrets, Talk, given, quote
from .simulation_hidden import telling, told
from .simulation_text import thanks

OTHERS, LEAST_MESSAGES, LEAST_CASES, LEAST_WORDS, MOST = 8, 20, 4, 3, 4_000
"""Other cases that a message is set against; messages and cases from which `fit` says something, and telling words a message
where none fits; messages looked at."""
SAME_SHARE, CHANCE, OPENING, LEAST_OPENINGS = 0.5, 0.6, 4, 5
"""From this share of equal messages on the user is no user, from this share of equal openings (the first `OPENING` words, in
`LEAST_OPENINGS` cases or more) on it begins all alike; a `fit` whose interval holds one half and
ends below the second is chance."""

_PIECES = Scale(0.0, float("inf"), "pieces", passing=0.0)
_NONE = Estimate(None, None, None, None, 0, 0)


class Seen(NamedTuple):
    """One conversation: the case's name (its sampling unit), the talk, and what the benchmark knows of it."""

    case: str
    talk: Talk
    secrets: Secrets


class Habits(NamedTuple):
    """``same``: share of messages that are ``example``, None with under ten messages; ``begin``: share of cases that begin with
    ``opening``, None with too few; ``fit``: see the module's text, value None where too little was said; ``told``: pieces told
    for the first time, a message (of those who have pieces)."""

    messages: int
    same: float | None
    example: str
    begin: float | None
    opening: str
    fit: Estimate
    told: Estimate

    @property
    def constant(self) -> bool:
        return self.same is not None and self.same >= SAME_SHARE

    @property
    def alike(self) -> bool:
        return self.begin is not None and self.begin >= SAME_SHARE

    @property
    def random(self) -> bool:
        """Always the same is a fault of its own."""
        low, high = self.fit.low, self.fit.high
        return not self.constant and low is not None and high is not None and low <= 0.5 and high < CHANCE


def habits(conversations: Sequence[Seen]) -> Habits:
    """The habits of one simulated user."""
    same, example = _same(conversations)
    counts = [(c.case, float(len(now))) for c in conversations if c.secrets.pieces for now in told(c.talk, c.secrets)]
    pieces = clustered_mean([n for _, n in counts], [case for case, _ in counts], _PIECES) if counts else _NONE
    begin, opened = _opening(conversations)
    return Habits(sum(len(c.talk.said) for c in conversations), same, example, begin, opened, _fit(conversations), pieces)


def _same(conversations: Sequence[Seen]) -> tuple[float | None, str]:
    """With few cases the first messages, which the case may give, are left out."""
    first = 0 if len({c.case for c in conversations}) >= 3 else 1
    texts = [said.text for c in conversations for said in c.talk.said[first:] if not given(said.text, c.secrets)]
    if len(texts) < 10:
        return None, ""
    keys = [" ".join(words(text)) or text.strip() for text in texts]
    key, n = Counter(keys).most_common(1)[0]
    return n / len(texts), quote(texts[keys.index(key)])


def _opening(conversations: Sequence[Seen]) -> tuple[float | None, str]:
    """How many cases begin alike. A first message that the benchmark gives, or that is shorter than an opening, is none."""
    cases: dict[str, set[tuple[str, ...]]] = {}
    for c in conversations:
        if c.talk.said and not given(c.talk.said[0].text, c.secrets):
            first = tuple(words(c.talk.said[0].text))[:OPENING]
            cases.setdefault(c.case, set()).update([first] if len(first) == OPENING else [])
    if len(cases) < LEAST_OPENINGS:
        return None, ""
    counts = Counter(first for found in cases.values() for first in sorted(found))
    if not counts:
        return 0.0, ""
    first, n = counts.most_common(1)[0]
    return n / len(cases), " ".join(first)


def _fit(conversations: Sequence[Seen]) -> Estimate:
    by_case: dict[str, list[Seen]] = {}
    for c in conversations:
        by_case.setdefault(c.case, []).append(c)
    cases = list(by_case)
    if len(cases) < LEAST_CASES:
        return _NONE
    weight = _weights(conversations)
    contexts = {id(c): _contexts(c) for c in conversations}
    values: list[float] = []
    owners: list[str] = []
    said_words = 0
    for number, case in enumerate(cases):
        others = [by_case[cases[(number + k) % len(cases)]][0] for k in range(1, min(OTHERS, len(cases) - 1) + 1)]
        for c in by_case[case]:
            for i, said in enumerate(c.talk.said):
                mine = telling(said.text)
                own = contexts[id(c)][i]
                if not mine or not own or len(values) >= MOST or given(said.text, c.secrets) or thanks(said.text):
                    continue
                score = _overlap(mine, own, weight)
                against = [contexts[id(o)][min(i, len(contexts[id(o)]) - 1)] for o in others if contexts[id(o)]]
                wins = [(score > s) + (score == s) / 2 for s in (_overlap(mine, a, weight) for a in against if a)]
                if wins:
                    values.append(sum(wins) / len(wins))
                    owners.append(case)
                    said_words += len(mine)
    return _advantage(values, owners, said_words)


def _advantage(values: Sequence[float], owners: Sequence[str], said_words: int) -> Estimate:
    """The mean with Student's t interval over cases. Nothing is said where too little was. Where all messages fit all
    conversations alike, each case counts as one trial (see `multiturn.measures.intervals`), unless there is little in them to
    fit anything ("yes", "go on")."""
    found = clustered_mean(values, owners)
    if len(values) < LEAST_MESSAGES or found.value is None or found.se is None:
        return _NONE
    if not found.se:
        return found if said_words >= LEAST_WORDS * len(values) else _NONE
    half = float(t_quantile(float(found.n_clusters - 1))) * found.se
    return found._replace(low=max(0.0, found.value - half), high=min(1.0, found.value + half))


def _contexts(seen: Seen) -> list[set[str]]:
    """For each message of the user, the telling words of what it was answering and of what it knows."""
    known = telling("\n".join((*seen.secrets.pieces, seen.secrets.known)))
    before = [seen.talk.opening, *(said.reply for said in seen.talk.said[:-1])]
    return [known | telling(text) for text in before]


def _weights(conversations: Sequence[Seen]) -> dict[str, float]:
    counts: Counter[str] = Counter()
    for c in conversations:
        counts.update(telling("\n".join(t for said in c.talk.said for t in (said.text, said.reply))))
    return {word: math.log((1 + len(conversations)) / n) for word, n in counts.items()}


def _overlap(said: set[str], context: set[str], weight: dict[str, float]) -> float:
    return sum(weight.get(word, 1.0) for word in said & context)
