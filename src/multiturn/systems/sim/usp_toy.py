"""Reinforcement learning with cycle consistency, small enough to see it work.

A profile names one of six topics and one of six manners. The policy writes words: p(word) is a softmax of W[topic] + U[manner]
over the words of all topics and manners and some that say nothing. The profile is read back as the topic word and the manner word
that were written most often, and the reward is the cycle consistency with the target. One step: a group of dialogues of one
profile, advantages normalised within the group, a step along the policy gradient (REINFORCE). Profiles are held out: their
topic and their manner were trained on, not their combination.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...learning.credit import normalised
from ...measures.codes import Floats, Ints
from .usp_measures import cycle_consistency
from .usp_profile import Profile

TOPICS = ("boats", "bread", "chess", "drums", "roses", "trains")
MANNERS = ("briefly", "gently", "loudly", "oddly", "proudly", "sternly")
_FILLER = ("well", "so", "and", "then", "hm", "ok")
_WORDS = (*TOPICS, *MANNERS, *_FILLER)
_LENGTH, _GROUP = 8, 12


class Learned(NamedTuple):
    """Mean consistency on held-out profiles (0 to 1: half the reward) before and after training."""

    before: float
    after: float


def read_back(words: Ints) -> Profile:
    """The profile that the words show: the topic and the manner named most often (the first of equals), nothing where none is."""
    counts = np.bincount(words, minlength=len(_WORDS))
    topic, manner = counts[:6], counts[6:12]
    return Profile(TOPICS[int(topic.argmax())] if topic.any() else "", MANNERS[int(manner.argmax())] if manner.any() else "")


class Policy:
    """See the module's text."""

    def __init__(self) -> None:
        self.topic, self.manner = np.zeros((6, len(_WORDS))), np.zeros((6, len(_WORDS)))

    def probabilities(self, topic: int, manner: int) -> Floats:
        logits = self.topic[topic] + self.manner[manner]
        p = np.exp(logits - logits.max())
        return np.asarray(p / p.sum())

    def write(self, topic: int, manner: int, count: int, random: np.random.Generator) -> Ints:
        """``count`` dialogues of words."""
        return random.choice(len(_WORDS), size=(count, _LENGTH), p=self.probabilities(topic, manner))

    def step(self, topic: int, manner: int, random: np.random.Generator, rate: float) -> None:
        """One step on one profile."""
        said = self.write(topic, manner, _GROUP, random)
        advantage = normalised([consistency(words, topic, manner) for words in said])
        counts = np.array([np.bincount(words, minlength=len(_WORDS)) for words in said])
        gradient = (advantage[:, None] * (counts - _LENGTH * self.probabilities(topic, manner))).mean(axis=0)
        self.topic[topic] += rate * gradient
        self.manner[manner] += rate * gradient


def consistency(words: Ints, topic: int, manner: int) -> float:
    """Half the cycle consistency of what was written with the profile, 0 to 1."""
    return cycle_consistency(Profile(TOPICS[topic], MANNERS[manner]), read_back(words)) / 2


def rlcc(seed: int, steps: int = 900, rate: float = 0.08) -> Learned:
    """Train on 30 of the 36 profiles, one a step, and look at the six others."""
    random = np.random.default_rng(seed)
    shift = int(random.integers(6))
    held = [(i, (i + shift) % 6) for i in range(6)]
    trained = [(i, j) for i in range(6) for j in range(6) if (i, j) not in held]
    policy = Policy()

    def score() -> float:
        return float(np.mean([consistency(words, i, j) for i, j in held for words in policy.write(i, j, 50, random)]))

    before = score()
    for _ in range(steps):
        policy.step(*trained[int(random.integers(len(trained)))], random, rate)
    return Learned(before, score())
