"""Training from the conversation: turn-level credit against outcome-only credit, over several seeds. No GPU, no framework.

    python examples/train_turn_credit.py

A small policy (softmax over a dozen ways to speak, linear in the words of the question) is a player in the benchmark
`turn-level-credit`: it answers at once or searches with one of four queries, then takes its answer out of what it was given in
one of ten ways. It begins by searching 4 times in 100. REINFORCE with the advantages of `multiturn.learning.credit`; the rewards
are those of the benchmark, read from the text. Trained on 12 landmarks, tested on 12 others. Prints the tables of
docs/training.md.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from multiturn import evaluate
from multiturn.conversation import Conversation
from multiturn.learning.credit import ESTIMATORS
from multiturn.measures.figure import FRACTION, Scale
from multiturn.measures.intervals import clustered_mean
from multiturn.systems.train.turn_credit_data import ASKED, Question
from multiturn.systems.train.turn_credit_rewards import credited, read
from multiturn.systems.train.turn_level_credit import TurnLevelCredit

RUNS = 6400
"""Conversations that one policy is trained on."""
SEEDS, GROUPS, ROLLOUTS, RATE = 10, 8, 8, 1.0
METHODS = ("grpo-or", "grpo-mr", "mt-grpo")
POINTS = 5

WORDS = sorted({word for asked in ASKED.values() for word in re.findall(r"\w+", asked)})
QUERIES = ("{question}", "landmark", "{first}", "what is it")
TAKE = (
    r"built in (\d+)", r"by (\w+ \w+)", r"stands in (\w+)", r"is (\d+) metres", r"walls are (\w+)",
    r"^(\w+)", r"(\w+)\W*$", r"The (\w+)", r"It (\w+)", r"(metres)",
)  # fmt: skip


class Policy:
    """Weights of both turns: an action's logit is linear in the words of the question."""

    def __init__(self) -> None:
        self.weights = [np.zeros((1 + len(QUERIES), len(WORDS) + 1)), np.zeros((len(TAKE), len(WORDS) + 1))]
        self.weights[0][:, -1] = np.log([0.96, *[0.01] * 4])  # it hardly ever searches

    def chances(self, turn: int, features: np.ndarray) -> np.ndarray:
        logits = self.weights[turn] @ features
        e = np.exp(logits - logits.max())
        return np.asarray(e / e.sum())


class Sampler:
    """A player that draws from a policy and remembers what it did: (turn, features, action) of each of its messages."""

    def __init__(self, policy: Policy, random: np.random.Generator) -> None:
        self.policy, self.random = policy, random
        self.taken: list[tuple[int, np.ndarray, int]] = []

    async def __call__(self, chat: Conversation) -> Conversation:
        said = [message.text for message in chat.messages if message.role == "user"]
        question, turn = said[0].removeprefix("Question: "), min(len(said) - 1, 1)
        words = set(re.findall(r"\w+", question))
        features = np.array([*(float(word in words) for word in WORDS), 1.0])
        chances = self.policy.chances(turn, features)
        action = int(self.random.choice(len(chances), p=chances))
        self.taken.append((turn, features, action))
        return chat.assistant(self._say(turn, action, question, said[-1]))

    def _say(self, turn: int, action: int, question: str, last: str) -> str:
        if turn == 0 and action > 0:
            query = QUERIES[action - 1].format(question=question, first=question.split()[0])
            call = json.dumps({"name": "wiki_search", "args": {"query": query}})
            return f"<reasoning>I look it up.</reasoning><tool>{call}</tool>"
        if turn == 0:  # answered from memory: a colour is as good a guess as any, sometimes right
            return f"<reasoning>I think so.</reasoning><answer>{'red' if 'colour' in question else '1800'}</answer>"
        found = re.search(TAKE[action], last.removeprefix("<result>").removesuffix("</result>").strip())
        return f"<reasoning>It says so.</reasoning><answer>{found[1] if found else 'unknown'}</answer>"


async def play(system: TurnLevelCredit, case: Question, samplers: Sequence[Sampler]) -> list[Conversation]:
    return [(await system.rollout(case, sampler)).chat for sampler in samplers]


def test(policy: Policy, system: TurnLevelCredit, seed: int) -> tuple[float, float]:
    """Tool rate and exact match on the questions of a system, each asked once."""
    random = np.random.default_rng([seed, 1])
    tools, right = [], []
    for case in system.cases():
        assert isinstance(case, Question)
        (chat,) = asyncio.run(play(system, case, [Sampler(policy, random)]))
        rollout = read(chat)
        tools.append(rollout.found)
        right.append(rollout.answer in case.aliases)
    return float(np.mean(tools)), float(np.mean(right))


def train(method: str, seed: int, runs: int) -> tuple[Policy, list[tuple[float, float]]]:
    """A policy trained on ``runs`` conversations, and its tests along the way."""
    random, policy = np.random.default_rng(seed), Policy()
    learn, held_out = TurnLevelCredit(seed=1), TurnLevelCredit(seed=2)
    questions = [case for case in learn.cases() if isinstance(case, Question)]
    updates = max(1, runs // (GROUPS * ROLLOUTS))
    stops = set(np.linspace(0, updates, POINTS).astype(int).tolist())
    curve = [test(policy, held_out, seed)]
    for update in range(1, updates + 1):
        step = [np.zeros_like(w) for w in policy.weights]
        for number in random.choice(len(questions), size=GROUPS, replace=False):
            samplers = [Sampler(policy, random) for _ in range(ROLLOUTS)]
            chats = asyncio.run(play(learn, questions[number], samplers))
            group = [credited(read(chat), questions[number].aliases) for chat in chats]
            for sampler, advantages in zip(samplers, ESTIMATORS[method](group), strict=True):
                for (turn, features, action), advantage in zip(sampler.taken, advantages, strict=True):
                    gradient = -policy.chances(turn, features)
                    gradient[action] += 1.0
                    step[turn] += advantage * np.outer(gradient, features)
        for weights, change in zip(policy.weights, step, strict=True):
            weights += RATE * change / (GROUPS * ROLLOUTS)
        if update in stops:
            curve.append(test(policy, held_out, seed))
    return policy, curve


def shown(values: Sequence[float], scale: Scale = FRACTION) -> str:
    found = clustered_mean(values, range(len(values)), scale)
    ends = "" if found.low is None else f" [{found.low:.2f}, {found.high:.2f}]"
    return f"{found.value:.2f}{ends}"


def main() -> None:
    curves: dict[str, np.ndarray] = {}
    policies: dict[str, Policy] = {}
    for method in METHODS:
        made = [train(method, seed, RUNS) for seed in range(SEEDS if RUNS > 1000 else 2)]
        policies[method] = made[0][0]
        curves[method] = np.array([curve for _, curve in made])  # seed, point, (tool rate, exact match)
    points = curves[METHODS[0]].shape[1]
    shares = [f"after {100 * i // (points - 1)} %" for i in range(points)]
    print(f"Exact match on new landmarks ({RUNS} training conversations a policy, {len(curves[METHODS[0]])} seeds):\n")
    print("| credit | " + " | ".join(shares) + " | tool rate at the end |\n|---" + "|---" * (points + 1) + "|")
    for method in METHODS:
        row = [shown(curves[method][:, i, 1].tolist()) for i in range(points)]
        print(f"| {method} | " + " | ".join(row) + f" | {shown(curves[method][:, -1, 0].tolist())} |")
    for other in METHODS[:2]:
        at = [(curves["mt-grpo"] - curves[other])[:, i, 1].tolist() for i in range(points)]
        print(f"| mt-grpo - {other} | " + " | ".join(shown(d, Scale(-1, 1)) for d in at) + " | |")
    with tempfile.TemporaryDirectory() as folder:
        player = Sampler(policies["mt-grpo"], np.random.default_rng(0))
        done = evaluate(TurnLevelCredit(seed=3), player, settings=("multi",), store=Path(folder) / "multiturn.db")
    figure = done.figure("exact_match", setting="multi")
    ends = f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]"
    print(f"\nThe first mt-grpo policy in `turn-level-credit?seed=3`: exact_match {ends}")


if __name__ == "__main__":
    main()
