"""A language model small enough to try the flipped dialogue by hand: words, two words back, a cache and the intent.

    p(w) = a0 / V + a1 p1(w) + a2 p2(w | v) + a3 p3(w | u, v) + c cache(w) + g intent(w)

p1 to p3: relative frequencies in training (after a context never seen, its share goes to the one below); V: words of all data and
the unknown one; cache: frequencies among what was said before in the same conversation; intent: the words of the intent. The
weights are fitted by expectation-maximisation on held-out turns (Jelinek & Mercer 1980), those of absent parts are 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ...measures.codes import Floats
from ...measures.realism_style import tokens
from .user_lms_flip import END, Talk, samples

_START, _STOP = "<s>", "</s>"
PARTS = ("uniform", "one", "two", "three", "cache", "intent")
_ROUNDS = 25


class Turn(NamedTuple):
    """A turn to predict: its words, those said before it in the conversation, and those of the intent."""

    words: tuple[str, ...]
    before: tuple[str, ...]
    intent: tuple[str, ...]


def user_turns(talks: Iterable[Talk]) -> list[Turn]:
    """All turns of the users."""
    found = []
    for talk in talks:
        for sample in samples(talk):
            if sample.target != END:
                before = tuple(word for message in sample.history.messages for word in tokens(message.text))
                found.append(Turn(tuple(tokens(sample.target)), before, tuple(tokens(sample.intent))))
    return found


def assistant_turns(talks: Iterable[Talk]) -> list[Turn]:
    """All turns of the assistants, as if they were the users."""
    found = []
    for talk in talks:
        before: list[str] = []
        for message in talk.chat.messages:
            said = tokens(message.text)
            if message.role == "assistant":
                found.append(Turn(tuple(said), tuple(before), tuple(tokens(talk.intent))))
            before += said
    return found


class WordModel:
    """See the module's text. ``vocabulary``: the words that have a probability of their own; all others are one word."""

    def __init__(self, turns: Sequence[Turn], vocabulary: Collection[str]) -> None:
        self.vocabulary = vocabulary
        self.size = len(vocabulary) + 2
        self.one: Counter[str] = Counter()
        self.two: dict[str, Counter[str]] = {}
        self.three: dict[tuple[str, str], Counter[str]] = {}
        for turn in turns:
            a, b = _START, _START
            for word in (*map(self._known, turn.words), _STOP):
                self.one[word] += 1
                self.two.setdefault(b, Counter())[word] += 1
                self.three.setdefault((a, b), Counter())[word] += 1
                a, b = b, word
        self.total = sum(self.one.values())
        self.sums = {b: sum(c.values()) for b, c in self.two.items()}, {ab: sum(c.values()) for ab, c in self.three.items()}
        self.weights: Floats = np.full(len(PARTS), 1 / len(PARTS))

    def _known(self, word: str) -> str:
        return word if word in self.vocabulary else "<unk>"

    def parts(self, turn: Turn) -> Floats:
        """The probability of each word of a turn (and of its end) under each of `PARTS`; shape (words + 1, parts)."""
        cache, intent = (Counter(map(self._known, words)) for words in (turn.before, turn.intent))
        said, wanted = sum(cache.values()), sum(intent.values())
        out, (a, b) = [], (_START, _START)
        for word in (*map(self._known, turn.words), _STOP):
            first = self.one[word] / self.total if self.total else 1 / self.size
            second = self.two[b][word] / self.sums[0][b] if b in self.two else first
            third = self.three[a, b][word] / self.sums[1][a, b] if (a, b) in self.three else second
            out.append([1 / self.size, first, second, third, cache[word] / said if said else first,
                        intent[word] / wanted if wanted else first])  # fmt: skip
            cache[word] += 1
            said += 1
            a, b = b, word
        return np.array(out)

    def fit(self, turns: Sequence[Turn], *, intent: bool = True) -> WordModel:
        """Fit the weights on turns that were not trained on. ``intent`` False: the intent is not looked at."""
        p = np.vstack([self.parts(turn) for turn in turns])
        weights = np.ones(len(PARTS))
        weights[-1] = float(intent)
        weights /= weights.sum()
        for _ in range(_ROUNDS):
            share = p * weights
            weights = (share / share.sum(axis=1, keepdims=True)).mean(axis=0)
        # A word that only the uniform part knows must not become impossible.
        self.weights = 0.999 * weights + 0.001 * np.eye(len(PARTS))[0]
        return self

    def perplexity(self, turns: Sequence[Turn]) -> float:
        """exp of the mean negative log probability a word, ends of turns included."""
        p = np.vstack([self.parts(turn) for turn in turns]) @ self.weights
        return float(np.exp(-np.log(p).mean()))


class Trial(NamedTuple):
    """Perplexity of unseen people's turns under three models: trained on users with and without the intent, and on assistants."""

    users_with_intent: float
    users: float
    assistants: float
    talks: int


def trial(talks: Sequence[Talk], seed: int, shares: tuple[float, float, float] = (0.7, 0.15, 0.15)) -> Trial:
    """Train on some users, fit the weights on others, measure on the rest: no user is in two of the three. The assistants' model
    is trained on the assistants' turns of the same conversations and has its weights fitted on the same held-out users' turns, so
    that only what it was trained on differs."""
    random = np.random.default_rng(seed)
    users = sorted({talk.user for talk in talks})
    order = {users[i]: rank / len(users) for rank, i in enumerate(random.permutation(len(users)))}
    train, fit, test = ([t for t in talks if low <= order[t.user] < high] for low, high in
                        ((0, shares[0]), (shares[0], shares[0] + shares[1]), (shares[0] + shares[1], 2)))  # fmt: skip
    vocabulary = {word for talk in talks for message in talk.chat.messages for word in tokens(message.text)}
    fitted, unseen = user_turns(fit), user_turns(test)
    ours, theirs = WordModel(user_turns(train), vocabulary), WordModel(assistant_turns(train), vocabulary)
    return Trial(
        ours.fit(fitted).perplexity(unseen), ours.fit(fitted, intent=False).perplexity(unseen),
        theirs.fit(fitted, intent=False).perplexity(unseen), len(talks),
    )  # fmt: skip
