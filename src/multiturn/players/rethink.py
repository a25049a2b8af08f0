"""Think twice: the model is shown its last answer and asked again, from the start (Tian et al. 2025, arXiv 2503.19855).

Every round is a fresh conversation: what was said before the question stays as it was, the question is followed by the answer
of the round before and by the request to answer again. Earlier rounds and all thinking are left out: the memory has length one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from ..conversation import Cast, Conversation, InputError, Message, Player, Text

LONGEST = 20_000
"""Characters of an answer that are shown in the next round (its end)."""
MOST = 16

Show = Callable[[Conversation, str], Conversation]
"""From the question and the last answer to what is asked in the next round."""


def final_answer(message: Message) -> str:
    """What a model answered, without its thinking (thought parts, and everything up to a closing think tag)."""
    text = message.text
    for tag in ("</think>", "</thinking>"):
        text = text.rpartition(tag)[2]
    return text.strip()[-LONGEST:]


def ask_again(chat: Conversation, answer: str) -> Conversation:
    """The same question, with an answer to it and the request to answer again. Depends on nothing else."""
    quoted = answer.replace("</previous-answer", "<\\/previous-answer")
    request = (
        f"\n\nThis is an answer that was given before:\n<previous-answer>\n{quoted}\n</previous-answer>\n\n"
        "It may be right or wrong. Work on the question above again from the beginning, and answer in the form that it asks for."
    )
    last = chat.message
    if last is not None and last.role == "user" and chat.parent is not None:
        return chat.parent.add(Message("user", (*last.parts, Text(request)), last.author))
    return chat.user(request.strip())


def resample(chat: Conversation, answer: str) -> Conversation:
    """The same question again, without the answer: an independent sample, the control of the same cost."""
    return chat


async def think_rounds(inner: Player, chat: Conversation, rounds: int, show: Show = ask_again) -> AsyncIterator[Message]:
    """The messages of rounds 1, 2, … There is only one where it is no whole answer: a message with tool calls, or one that
    goes on with the assistant's own text."""
    asked, continued = chat, chat.message is not None and chat.message.role == "assistant"
    for number in range(rounds):
        said = (await inner(asked)).message
        assert said is not None
        yield said
        if said.tool_calls or continued:
            return
        if number + 1 < rounds:
            asked = show(chat, final_answer(said))


def multi_round_thinking(rounds: int = 2, show: str = "own") -> Callable[[Player, Cast], Player]:
    """Each reply is the last of ``rounds`` rounds. ``show``: "own" (the last answer is shown) or "none" (resampled)."""
    if not 1 <= rounds <= MOST:
        raise InputError(f"multi-round-thinking?rounds={rounds}: from 1 to {MOST}")
    shows: dict[str, Show] = {"own": ask_again, "none": resample}
    if show not in shows:
        raise InputError(f"multi-round-thinking?show={show}: own or none")

    def wrap(inner: Player, cast: Cast) -> Player:
        async def speak(chat: Conversation) -> Conversation:
            said = [message async for message in think_rounds(inner, chat, rounds, shows[show])]
            return chat.add(said[-1])

        return speak

    return wrap
