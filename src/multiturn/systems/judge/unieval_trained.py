"""A tiny trained evaluator in the manner of UniEval: yes or no by logistic regression, from pseudo data made of good replies.

Each dimension has a way to spoil a good example (Zhong et al. 2022, section 3: replacement and corruption): coherence gets the
reply of another dialogue, groundedness the fact of another one, naturalness the reply's words in another order. The dimensions
are learnt one after the other, with a share of the examples of earlier ones mixed in against forgetting.

Features: words and pairs of neighbouring words of the output, hashed; how far the output shares rare words with each other
field, and whether it is longer. All of them once for all dimensions and once for the one that is asked about, which is what
knowledge shared between dimensions can be here.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from ...conversation import Conversation, Message, Odds, Player, Text
from ...measures.codes import Floats
from ...measures.correlation import midranks

BUCKETS = 2048
DIMENSIONS = ("coherence", "groundedness", "naturalness")
REPLAY, ROUNDS, RATE, DECAY = 0.2, 12, 0.5, 1e-4
_WORD = re.compile(r"[a-z0-9']+")


class Good(NamedTuple):
    """A dialogue's history, a good reply to it, and the fact that the reply rests on ("" = none)."""

    history: str
    reply: str
    fact: str = ""


class Example(NamedTuple):
    """One question of the evaluator: fields by name, the output under ``response``, and whether yes is right."""

    dimension: str
    fields: Mapping[str, str]
    yes: bool


def pseudo(good: Sequence[Good], draw: random.Random) -> dict[str, list[Example]]:
    """For each dimension as many spoilt examples as good ones."""
    found: dict[str, list[Example]] = {d: [] for d in DIMENSIONS}
    for n, one in enumerate(good):
        other = good[(n + 1 + draw.randrange(len(good) - 1)) % len(good)]
        words = one.reply.split()
        mixed = draw.sample(words, len(words))
        for yes, reply in ((True, one.reply), (False, other.reply)):
            found["coherence"].append(Example("coherence", {"response": reply, "dialogue history": one.history}, yes))
        for yes, reply in ((True, one.reply), (False, " ".join(mixed))):
            if yes or mixed != words:
                found["naturalness"].append(Example("naturalness", {"response": reply}, yes))
        for yes, fact in ((True, one.fact), (False, other.fact)):
            if one.fact and other.fact:
                found["groundedness"].append(Example("groundedness", {"response": one.reply, "fact": fact}, yes))
    return found


class TinyEvaluator:
    """Probability of yes for a dimension and its fields. ``rarity``: how much a shared word says, log(N / documents)."""

    def __init__(self, texts: Iterable[str]) -> None:
        seen = [set(_words(text)) for text in texts]
        counts = Counter(word for words in seen for word in words)
        self._rarity = {word: math.log(len(seen) / n) for word, n in counts.items()}
        self._unseen = math.log(max(len(seen), 2))
        self.weights: Floats = np.zeros((len(DIMENSIONS) + 1) * BUCKETS)

    def features(self, dimension: str, fields: Mapping[str, str]) -> tuple[list[int], list[float]]:
        """Places and values of the features that are not 0."""
        output = _words(fields.get("response", ""))
        scale = 1 / math.sqrt(len(output) + 1)
        found = [("bias", 1.0), *((f"1 {w}", scale) for w in output)]
        found += [(f"2 {a} {b}", scale) for a, b in zip(["<", *output], [*output, ">"], strict=True)]
        for name, text in fields.items():
            if name != "response":
                shared, own = set(output) & set(_words(text)), sum(map(self._weight, set(output)))
                found += [(f"shared {name}", 4 * sum(map(self._weight, shared)) / (own + 1)), (f"none {name}", float(not shared))]
        block = DIMENSIONS.index(dimension) + 1 if dimension in DIMENSIONS else 0
        places, values = [], []
        for key, value in found:
            at = int.from_bytes(blake2b(key.encode(), digest_size=4).digest(), "big") % BUCKETS
            for part in {0, block}:
                places.append(part * BUCKETS + at)
                values.append(value)
        return places, values

    def _weight(self, word: str) -> float:
        return self._rarity.get(word, self._unseen)

    def probability(self, dimension: str, fields: Mapping[str, str]) -> float:
        places, values = self.features(dimension, fields)
        return float(expit(self.weights[places] @ np.asarray(values)))

    def learn(self, examples: Sequence[Example], draw: random.Random) -> None:
        """Logistic regression by stochastic gradient descent, with adaptive steps (Duchi et al. 2011) and weight decay."""
        ready = [(*self.features(e.dimension, e.fields), float(e.yes)) for e in examples]
        squares = np.full(len(self.weights), 1e-8)
        for _ in range(ROUNDS):
            for places, values, yes in draw.sample(ready, len(ready)):
                at, x = np.asarray(places), np.asarray(values)
                slope = (float(expit(self.weights[at] @ x)) - yes) * x + DECAY * self.weights[at]
                np.add.at(squares, at, slope**2)
                np.subtract.at(self.weights, at, RATE * slope / np.sqrt(squares[at]))


def train(good: Sequence[Good], seed: int = 0, *, order: Sequence[str] = DIMENSIONS, replay: float = REPLAY) -> TinyEvaluator:
    """An evaluator trained on pseudo data, dimension after dimension; ``replay``: the share of each earlier dimension's examples
    that is shown again."""
    draw = random.Random(seed)
    found = TinyEvaluator(text for one in good for text in one if text)
    data = pseudo(good, draw)
    for n, dimension in enumerate(order):
        again = [e for earlier in order[:n] for e in draw.sample(data[earlier], round(replay * len(data[earlier])))]
        found.learn([*data[dimension], *again], draw)
    return found


def auc(evaluator: TinyEvaluator, examples: Sequence[Example]) -> float:
    """The chance that a good example has the higher probability than a spoilt one, ties half (Hanley and McNeil 1982)."""
    ranks = midranks(np.array([evaluator.probability(e.dimension, e.fields) for e in examples]))
    yes = np.array([e.yes for e in examples])
    good = int(yes.sum())
    return float((ranks[yes].sum() - good * (good + 1) / 2) / (good * (len(examples) - good)))


def player(evaluator: TinyEvaluator, asks: Mapping[str, str]) -> Player:
    """The evaluator as a model that answers the input string of `unieval_input.encoder_input`, with the probabilities of its
    first token. ``asks``: the question of each dimension."""
    named = {question: dimension for dimension, question in asks.items()}

    async def speak(chat: Conversation) -> Conversation:
        question, *fields = chat.messages[-1].text.split(" </s> ")
        parts = dict(field.partition(": ")[::2] for field in fields)
        p = evaluator.probability(named.get(question.removeprefix("question: "), ""), parts)
        p = min(max(p, 1e-9), 1 - 1e-9)
        odds = Odds(((("Yes", math.log(p)), ("No", math.log1p(-p))),))
        return chat.add(Message("assistant", (Text("Yes" if p > 0.5 else "No"), odds)))

    return speak


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
