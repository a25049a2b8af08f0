"""The loop of an assistant with tools and a user in front of it: calls are carried out until it answers, then the user speaks.

It always ends: the user ends it, a terminal tool is called, or a cap is reached. What is said wrongly (unknown tools, wrong
arguments, empty replies) is answered, counted and bounded, never raised.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple, TypeAlias

from ..conversation import ContextOverflow, Conversation, Message, ModelSetupError, Player, Tool, ToolCall, ToolResult
from ..conversation.roles import Cast
from ..players.simulated import Said
from ..players.texttools import read_call, text_tools
from ..worlds.toolset import Outcome, Toolset

UserTurn: TypeAlias = Callable[[Conversation], Awaitable[Said]]
Style: TypeAlias = Literal["auto", "always", "never"]
CALLS = 10
"""Calls of one message that are carried out."""


class Caps(NamedTuple):
    """Bounds of one conversation: replies of the assistant (calls included), and calls that were invalid or refused."""

    steps: int = 30
    errors: int = 10


class Done(NamedTuple):
    """One call that was made. ``turn``: the user message it followed, from 1."""

    name: str
    arguments: str
    outcome: Outcome
    turn: int


class Looped(NamedTuple):
    """The conversation, why it ended (a `Stop`; "success": a terminal tool was called), the assistant's replies, its calls."""

    chat: Conversation
    stop: str
    steps: int
    calls: tuple[Done, ...]

    @property
    def invalid(self) -> int:
        """Calls of unknown tools, or whose arguments could not be read or were of wrong types."""
        return sum(not call.outcome.valid for call in self.calls)

    @property
    def user_failed(self) -> bool:
        """It ended because the user said nothing that could be used; not because of the assistant."""
        last = self.chat.message
        return self.stop == "format error" and (last is None or last.role != "assistant" or bool(last.text.strip()))


def tool_player(cast: Cast, role: str, tools: tuple[Tool, ...], style: Style = "auto") -> Player:
    """The player of a role with tools. ``never``: native calls only; ``always``: tools as text, one JSON call a reply;
    ``auto``: native, as text where the model has no place for tools. A native model's reply that is nothing but a JSON
    call of one of the tools is taken as that call, except with ``never``."""
    if not tools:
        return cast.player(role)
    written = text_tools(cast.player(role), tools)
    if style == "always":
        return written
    native = cast.player(role, tools)
    if style == "never":
        return native
    names = {tool.name for tool in tools}
    unable = False

    async def speak(chat: Conversation) -> Conversation:
        nonlocal unable
        if unable:
            return await written(chat)
        try:
            said = await native(chat)
        except ModelSetupError:
            # No place for tools, or nothing there at all: then this raises the same.
            unable = True
            return await written(chat)
        message = read_call(said.message, chat.depth, lenient=False)
        return chat.add(message) if message.tool_calls and message.tool_calls[0].name in names else said

    return speak


async def tool_loop(
    chat: Conversation, assistant: Player, tools: Toolset, user: UserTurn, *, caps: Caps = Caps(), one_call: bool = False
) -> Looped:
    """Talk from ``chat`` (system text, or a history that ends with the assistant's message) until it is over.

    The user speaks first. ``one_call``: only the first call of a message is kept. An empty reply is asked for again once.
    An assistant whose context is full ends the conversation; any other failing call is raised.
    """
    calls: list[Done] = []
    steps = turn = 0
    while True:
        said = await user(chat)
        chat, turn = said.chat, turn + 1
        if said.stop:
            return Looped(chat, said.stop, steps, tuple(calls))
        silent = 0
        while True:
            if steps >= caps.steps:
                return Looped(chat, "turn limit", steps, tuple(calls))
            try:
                spoken = await assistant(chat)
            except ContextOverflow:
                return Looped(chat, "context limit", steps, tuple(calls))
            steps += 1
            message = spoken.message
            assert message is not None
            if not message.tool_calls and not message.text.strip():
                silent += 1
                if silent > 1:
                    return Looped(spoken, "format error", steps, tuple(calls))
                continue
            silent = 0
            if not message.tool_calls:
                chat = spoken
                break
            chat, made = carry_out(chat, message, tools, turn, one_call)
            calls += made
            if any(done.name in tools.terminal and not done.outcome.error for done in made):
                return Looped(chat, "success", steps, tuple(calls))
            if sum(done.outcome.error for done in calls) >= caps.errors:
                return Looped(chat, "invalid action", steps, tuple(calls))


def carry_out(chat: Conversation, message: Message, tools: Toolset, turn: int, one_call: bool) -> tuple[Conversation, list[Done]]:
    """The conversation with a message's calls and their results."""
    if one_call and len(message.tool_calls) > 1:
        first = message.tool_calls[0]
        parts = tuple(part for part in message.parts if part is first or not isinstance(part, ToolCall))
        message = Message("assistant", parts, message.author)
    chat = chat.add(message)
    made: list[Done] = []
    over = False
    for number, call in enumerate(message.tool_calls):
        if over or number >= CALLS:
            outcome = Outcome("Error: not carried out: the conversation is over, or too many calls at once", refused=True)
        else:
            outcome = tools.call(call.name, call.arguments)
        over |= call.name in tools.terminal and not outcome.error
        made.append(Done(call.name, call.arguments, outcome, turn))
        chat = chat.tool(ToolResult(call.id, outcome.text, outcome.error))
    return chat, made
