"""Rewards: several measures composed into one number, and a reply rewarded by the conversations that it leads to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import NamedTuple, TypeAlias, TypeVar

from msgspec import Struct

from ..conversation import Cast, ContextOverflow, Conversation, InputError, Player
from ..players.simulated import Said

T = TypeVar("T")

UserTurn: TypeAlias = Callable[[Conversation], Awaitable[Said]]
"""The user's side, as `multiturn.players.simulated.SimulatedUser`: the conversation with its message, or why there is none."""
Scored: TypeAlias = Callable[[Conversation, Cast], Awaitable[Mapping[str, float | None]]]
"""The measures of a whole conversation by name. None = not measured."""


def compose(values: Mapping[str, float | None], weights: Mapping[str, float]) -> float | None:
    """sum over k of weight_k * value_k; None if a weighted measure is missing or was not measured (never a silent 0)."""
    total = 0.0
    for name, weight in weights.items():
        value = values.get(name)
        if value is None:
            return None
        total += weight * value
    return total


def length_penalty(tokens: float, rate: float) -> float:
    """- min(rate * tokens, 1), from -1 to 0: the intrinsic cost of what the assistant wrote. ``rate``: a token."""
    return -min(rate * tokens, 1.0)


class Future(Struct, frozen=True):
    """One sampled continuation: the conversation at its end, why it ended, its measures and their weighted sum."""

    chat: Conversation
    stop: str
    values: dict[str, float | None]
    reward: float | None

    def after(self, chat: Conversation) -> Forwarded:
        """What this future added first to ``chat``, which it goes on from, and why it ended there: "" = it went on."""
        ahead = next((node for node in self.chat.path() if len(node) == len(chat) + 1), None)
        if ahead is None:
            return Forwarded(chat, self.stop)
        return Forwarded(ahead, self.stop if len(self.chat) == len(ahead) else "")


class MultiturnReward(Struct, frozen=True):
    """The reward of a reply: the mean over the futures that could be scored; None if none could."""

    value: float | None
    futures: tuple[Future, ...]

    @property
    def unscored(self) -> int:
        return sum(future.reward is None for future in self.futures)

    @property
    def longest(self) -> Future:
        """The future with most messages (the first of them)."""
        return max(self.futures, key=lambda future: len(future.chat))


class Forwarded(NamedTuple):
    """A conversation carried on, and why it ended."""

    chat: Conversation
    stop: str


async def forward(chat: Conversation, assistant: Player, user: UserTurn, messages: int) -> Forwarded:
    """Carry on from ``chat``, which ends with the assistant's reply, for at most ``messages`` new messages.

    Stops: what the user says ("user ended", "format error", "turn limit"), "turn limit" after ``messages``, "context limit".
    A farewell of the user's is kept.
    """
    end = len(chat) + messages
    while len(chat) < end:
        said = await user(chat)
        chat = said.chat
        if said.stop:
            return Forwarded(chat, said.stop)
        if len(chat) >= end:
            break
        try:
            chat = await assistant(chat)
        except ContextOverflow:
            return Forwarded(chat, "context limit")
    return Forwarded(chat, "turn limit")


async def multiturn_reward(
    chat: Conversation, cast: Cast, user: Callable[[Cast], UserTurn], score: Scored, weights: Mapping[str, float],
    *, samples: int = 3, messages: int = 4, name: str = "reply",
) -> MultiturnReward:  # fmt: skip
    """The multiturn-aware reward of the last reply of ``chat`` (Wu et al. 2025, CollabLLM, arXiv:2502.00640):

        MR(reply) = 1/K sum over K futures of sum over k of weight_k * measure_k(conversation at its end)

    ``samples``: K; ``messages``: new messages a future has at most (a window of w turns is 2 w; 0 scores the conversation as it
    stands: the myopic reward); ``user``: makes the user's side from the cast of a future; ``name`` tells branching points apart.
    Futures play side by side, each in a branch of the cast with draws of its own, and share what has been said. One whose
    measures are missing, or whose user said nothing usable, is left out of the mean and counted. A call that fails is raised
    when all futures have ended.
    """
    if samples < 1 or messages < 0:
        raise InputError(f"a multiturn-aware reward needs at least one sample and no negative window, not {samples}, {messages}")

    async def future(number: int) -> Future:
        branch = cast.branch(f"{name}/future {number}")
        end = await forward(chat, branch.assistant, user(branch), messages)
        if end.stop == "format error":  # the user's: the reply is not to blame
            return Future(end.chat, end.stop, {}, None)
        values = dict(await score(end.chat, branch))
        return Future(end.chat, end.stop, values, compose(values, weights))

    # With no window all futures are one.
    count = samples if messages else 1
    futures = await together([future(number) for number in range(count)])
    known = [f.reward for f in futures if f.reward is not None]
    return MultiturnReward(sum(known) / len(known) if known else None, tuple(futures))


async def together(plays: Iterable[Awaitable[T]]) -> list[T]:
    """Await all at once; the first failure is raised when none is running any more."""
    found = await asyncio.gather(*plays, return_exceptions=True)
    done: list[T] = []
    for result in found:
        if isinstance(result, BaseException):
            raise result
        done.append(result)
    return done
