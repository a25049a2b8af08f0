"""Credit: which turn of a rollout deserves what. Pure functions on the rewards of a *group*: several rollouts of one prompt.

Rewards are in whatever unit the reward functions have; advantages have none. Every estimator gives an advantage a turn.

    normalised   A = (r - mean) / (std + 1e-4), sample standard deviation (Shao et al. 2024, GRPO, arXiv:2402.03300)
    grpo-or      every turn A(outcome)
    grpo-mr      every turn A(outcome + sum of turn rewards)
    mt-grpo      turn k: A(outcome) + c * A(reward of turn k); a rollout whose turns cannot be told apart: grpo-mr
                 (Zeng et al. 2025, arXiv:2505.11821)
    reward-to-go turn k: A(outcome + rewards of the turns from k on)

`gae` is the estimator for an actor with a critic (PPO) whose steps are turns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]
EPSILON = 1e-4


class Rewards(Struct, frozen=True):
    """What one rollout earned: a reward for each of its turns, one for its outcome. ``split`` False: its turns cannot be
    told apart (it never called the tool), so that all of them share one advantage."""

    turns: tuple[float, ...]
    outcome: float
    split: bool = True

    @property
    def total(self) -> float:
        return sum(self.turns) + self.outcome


Estimator: TypeAlias = Callable[[Sequence[Rewards]], list[Floats]]
"""A group's rewards -> for each rollout an advantage a turn."""


def normalised(rewards: ArrayLike, epsilon: float = EPSILON) -> Floats:
    """(r - mean) / (std + epsilon) with the sample standard deviation. Equal rewards, and a group of one, give zeros."""
    values = np.asarray(rewards, dtype=np.float64)
    if len(values) < 2 or np.all(values == values[0]):
        return np.zeros_like(values)
    scaled: Floats = (values - values.mean()) / (values.std(ddof=1) + epsilon)
    return scaled


def outcome_only(group: Sequence[Rewards]) -> list[Floats]:
    """GRPO-OR: the outcome's advantage for every turn; turn rewards are not looked at."""
    return _shared(group, normalised([r.outcome for r in group]))


def merged(group: Sequence[Rewards]) -> list[Floats]:
    """GRPO-MR: one advantage a rollout, of the sum of all its rewards."""
    return _shared(group, normalised([r.total for r in group]))


def turn_split(group: Sequence[Rewards], c: float = 1.0) -> list[Floats]:
    """MT-GRPO: turn k gets A(outcome) + c * A(turn reward k), normalised over the rollouts that have a turn k.

    A turn without rewards (the answer, in the two-turn case) has A(turn) = 0 and so the outcome's advantage alone. A rollout
    with ``split`` False gets A(outcome + turns) on every turn: this is what punishes never calling the tool.
    """
    outcome, whole = normalised([r.outcome for r in group]), merged(group)
    found = _shared(group, outcome)
    for k in range(max((len(r.turns) for r in group), default=0)):
        there = [i for i, r in enumerate(group) if len(r.turns) > k]
        for i, advantage in zip(there, normalised([group[i].turns[k] for i in there]), strict=True):
            found[i][k] += c * advantage
    return [both if r.split else one for r, both, one in zip(group, found, whole, strict=True)]


def reward_to_go(group: Sequence[Rewards]) -> list[Floats]:
    """Turn k gets the advantage of what was earned from k on, the outcome included, over the rollouts that have a turn k."""
    found = [np.zeros(len(r.turns)) for r in group]
    for k in range(max((len(r.turns) for r in group), default=0)):
        there = [i for i, r in enumerate(group) if len(r.turns) > k]
        later = normalised([sum(group[i].turns[k:]) + group[i].outcome for i in there])
        for i, advantage in zip(there, later, strict=True):
            found[i][k] = advantage
    return found


ESTIMATORS: dict[str, Estimator] = {
    "grpo-or": outcome_only, "grpo-mr": merged, "mt-grpo": turn_split, "reward-to-go": reward_to_go,
}  # fmt: skip


def gae(rewards: ArrayLike, values: ArrayLike, gamma: float = 1.0, lam: float = 1.0) -> Floats:
    """Generalised advantage estimates of turns (Schulman et al. 2016, arXiv:1506.02438): with V after the last turn 0,

        delta_k = r_k + gamma V_{k+1} - V_k,    A_k = delta_k + gamma lam A_{k+1}

    ``rewards``: one a turn, the outcome added to the last; ``values``: the critic's V before each turn.
    """
    r, v = np.asarray(rewards, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if r.shape != v.shape or r.ndim != 1:
        raise ValueError(f"rewards and values must be one number a turn each, not of shapes {r.shape} and {v.shape}")
    delta = r + gamma * np.append(v[1:], 0.0) - v
    found = np.zeros_like(delta)
    carried = 0.0
    for k in range(len(delta) - 1, -1, -1):
        found[k] = carried = delta[k] + gamma * lam * carried
    return found


def token_turns(mask: ArrayLike) -> NDArray[np.int64]:
    """The turn (from 0) of each token, -1 for tokens of the environment. ``mask``: 1 for the policy's own tokens; a turn
    begins where 0 changes to 1."""
    own = np.asarray(mask) > 0
    begins = own & ~np.concatenate(([False], own[:-1]))
    return np.where(own, np.cumsum(begins) - 1, -1)


def token_advantages(advantages: ArrayLike, mask: ArrayLike) -> Floats:
    """The advantage of each token: its turn's; 0 for tokens of the environment."""
    by_turn, turn = np.asarray(advantages, dtype=np.float64), token_turns(mask)
    if turn.max(initial=-1) >= len(by_turn):
        raise ValueError(f"the mask has {turn.max() + 1} turns, but there are advantages for {len(by_turn)}")
    return np.where(turn >= 0, by_turn[np.maximum(turn, 0)] if len(by_turn) else 0.0, 0.0)


def clipped_loss(ratio: ArrayLike, advantages: ArrayLike, mask: ArrayLike, clip: float = 0.2) -> float:
    """- mean over the policy's tokens of min(ratio * A, clip(ratio, 1 - clip, 1 + clip) * A); ``ratio``: new over old
    probability. Arrays of one shape. 0 where the mask leaves nothing."""
    rho, a, own = (np.asarray(x, dtype=np.float64) for x in (ratio, advantages, mask))
    kept = np.minimum(rho * a, np.clip(rho, 1 - clip, 1 + clip) * a)
    return -float((kept * own).sum() / own.sum()) if own.sum() else 0.0


def _shared(group: Sequence[Rewards], advantages: Floats) -> list[Floats]:
    return [np.full(len(r.turns), a) for r, a in zip(group, advantages, strict=True)]
