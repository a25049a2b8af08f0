"""Limits on what a run may spend on new calls. What they cut is *not measured*, never wrong."""

from __future__ import annotations

from ..conversation import BudgetSpent
from ..models.base import Reply


class Budget:
    """Limits on new calls (recorded ones are free). ``None`` = no limit.

    ``max_calls`` is exact; ``max_cost`` (USD) and ``max_tokens`` (input + output) are checked before each call, so
    the calls already in flight may go past them.
    """

    def __init__(self, max_cost: float | None = None, max_calls: int | None = None, max_tokens: int | None = None) -> None:
        self.max_cost, self.max_calls, self.max_tokens = max_cost, max_calls, max_tokens
        self.cost, self.calls, self.tokens = 0.0, 0, 0
        self.spent_out = False

    def take(self) -> None:
        """Reserve one call. Raises `BudgetSpent` when a limit is reached."""
        if (
            (self.max_calls is not None and self.calls >= self.max_calls)
            or (self.max_cost is not None and self.cost >= self.max_cost)
            or (self.max_tokens is not None and self.tokens >= self.max_tokens)
        ):
            self.spent_out = True
            raise BudgetSpent("budget")
        self.calls += 1

    def give_back(self) -> None:
        """The reserved call was not answered."""
        self.calls -= 1

    def pay(self, reply: Reply) -> None:
        self.cost += reply.cost or 0.0
        self.tokens += reply.usage.input + reply.usage.output
