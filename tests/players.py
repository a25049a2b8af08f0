"""Small players, models and benchmarks for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from multiturn.conversation import Case, Cast, Conversation, Message, Text
from multiturn.measures.verdict import Verdict
from multiturn.models.base import Model, Options, Reply, Tool, Usage
from multiturn.protocols.benchmark import Benchmark
from multiturn.protocols.scripted import Scripted, ScriptedCase, ScriptedTurn, number_turns


class FunctionModel(Model):
    """A model made of a function from conversation to text; counts what it was asked."""

    def __init__(
        self, answer: Callable[[Conversation], str], name: str = "function", pause: float = 0.0, concurrency: int = 8
    ) -> None:
        super().__init__(name, Options())
        self.answer, self.pause, self.concurrency = answer, pause, concurrency
        self.asked: list[Conversation] = []

    async def reply(self, chat: Conversation, tools: tuple[Tool, ...] = ()) -> Reply:
        self.asked.append(chat)
        await asyncio.sleep(self.pause)
        text = self.answer(chat)
        return Reply(Message("assistant", (Text(text),)), Usage(input=len(chat), output=len(text)))


class Echo(Scripted):
    """Repeat what I say: 1 when the reply is the gold answer."""

    slug = "echo"
    title = "Echo"
    measures = ("same",)

    def __init__(self, cases: Sequence[ScriptedCase] | None = None) -> None:
        super().__init__()
        self._cases = cases if cases is not None else [echo_case(f"c{i}", 3) for i in range(4)]

    def cases(self) -> Iterable[ScriptedCase]:
        return self._cases

    async def score(self, case: ScriptedCase, turn: ScriptedTurn, reply: str, chat: Conversation, cast: Cast) -> list[Verdict]:
        return [Verdict("same", float(reply == turn.gold))]


def echo_case(name: str, turns: int) -> ScriptedCase:
    words = [f"{name} turn {i}" for i in range(1, turns + 1)]
    return ScriptedCase(id=name, turns=number_turns(ScriptedTurn(user=w, gold=w, single=w, needs=()) for w in words))


class Free(Benchmark):
    """A benchmark whose play is a function, for anything."""

    slug = "free"
    title = "Free"

    def __init__(self, play: Callable[[Case, Cast], object], n: int = 3) -> None:
        super().__init__()
        self._play, self._n = play, n

    def cases(self) -> Iterable[Case]:
        return [Case(id=f"f{i}") for i in range(self._n)]

    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        return await self._play(case, cast)  # type: ignore[misc, no-any-return]

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        yield Verdict("length", None if cast.stopped else float(len(chat)), cause=cast.stopped)


async def echo(chat: Conversation) -> Conversation:
    assert chat.message is not None
    return chat.assistant(chat.message.text)
