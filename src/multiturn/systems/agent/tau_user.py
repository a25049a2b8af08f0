"""tau-bench: the customer, played by a model or by a script. All words are ours."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...conversation import Conversation, Player
from ...players.simulated import REPAIR, Fault, Said, user_line
from ...protocols.toolloop import Done, UserTurn, carry_out
from ...worlds.shop import Shop
from ...worlds.toolset import Toolset
from .tau_case import Action

GREETING = "Hello! What can I do for you today?"
STOP = "###STOP###"
STOPS = (STOP, "###TRANSFER###", "###OUT-OF-SCOPE###")
CALLS = 6
"""Calls of the user's own tools before it has to speak."""
RULES = f"""You are a customer who talks to the service agent of a shop. Who you are and what you want is written below.
- Write one short message at a time, as that customer would.
- Tell only what the agent needs at this moment; never give away everything at once.
- Make nothing up: what is not written below you do not know or do not remember.
- Say things in your own words instead of copying the text below, and keep to the character it describes.
- When everything you want is done, or you see that it cannot be done, write only {STOP}. Do not write it before that.

# Who you are and what you want
"""


class Customer:
    """A model as the customer, with tools of its own. Its side of the conversation is kept by node, so that every branch
    has its own."""

    def __init__(self, player: Player, scenario: str, tools: Toolset) -> None:
        self.player, self.tools = player, tools
        self._views = {b"": Conversation.start(system=RULES + scenario).user(GREETING)}
        self.calls: list[Done] = []

    async def __call__(self, chat: Conversation) -> Said:
        """The customer's next message, "user ended", or "format error" after a second unusable reply in a row."""
        view = shown = self._view(chat)
        faults: list[str] = []
        made = 0
        while True:
            message = (await self.player(shown)).message
            assert message is not None
            if message.tool_calls and made < CALLS:
                shown, done = carry_out(shown, message, self.tools, len(chat.turns) + 1, one_call=False)
                self.calls += done
                view, made = shown, made + len(done)
                continue
            text = message.text
            ended = any(word in text for word in STOPS)
            for word in STOPS:
                text = text.replace(word, "")
            if ended and not text.strip():
                return Said(chat, "user ended", tuple(faults))
            line = user_line(text, chat.reply)
            if not isinstance(line, Fault):
                break
            faults.append(line.why)
            if len(faults) > 1:
                return Said(chat, "format error", tuple(faults))
            shown = view.user(REPAIR.replace("{why}", line.why))
        said = chat.user(line)
        self._views[said.id] = view.assistant(line)
        return Said(said, "user ended" if ended else "", tuple(faults))

    def _view(self, chat: Conversation) -> Conversation:
        """This side of ``chat``: what it last said there, and what the agent has answered since."""
        for node in chat.path():
            if node.id in self._views:
                return self._views[node.id].user(chat.reply)
        return self._views[b""]


def scripted(script: Sequence[str | Action], world: Shop) -> UserTurn:
    """A customer who says these lines one by one and then ends the conversation. Tool calls in front of a line are made just
    before it is said; ``{code}`` in a line is the code on the phone."""
    lines: list[tuple[list[Action], str]] = []
    actions: list[Action] = []
    for entry in script:
        if isinstance(entry, str):
            lines.append((actions, entry))
            actions = []
        else:
            actions.append(entry)

    async def speak(chat: Conversation) -> Said:
        said = sum(message.role == "user" for message in chat.messages)
        if said >= len(lines):
            return Said(chat, "user ended")
        before, line = lines[said]
        for action in before:
            world.user.apply(action.name, action.arguments)
        code = re.search(r"[0-9]{6}", world.messages[-1] if world.messages else "")
        return Said(chat.user(line.replace("{code}", code[0] if code else "not there")))

    return speak
