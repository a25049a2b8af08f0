"""What CollabLLM measures of a conversation, and its prompts (our wording of the same criteria)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from ...conversation import Cast, Conversation
from ...judges.ask import Answer, ask, quoted
from ...judges.bleu import sentence_bleu
from ...judges.extract import final_number, json_field
from ...judges.parse import Parsed, Unparsable, scale
from ...judges.simulation import Secrets
from ...learning.rewards import UserTurn
from ...measures.figure import Scale
from ...measures.verdict import Verdict
from ...players.simulated import Fault, Said, SimulatedUser, user_line
from .collabllm_data import Goal
from .collabllm_points import point_verdicts

KILO, REWARD, SPREAD = (
    Scale(0, float("inf"), "thousand tokens", passing=0), Scale(-1, 2, "reward", passing=0), Scale(0, 3, "reward", passing=0),
)  # fmt: skip

MARK = "[[TERMINATE CHAT]]"

PROACTIVE = (
    "The user may not have told you everything. Work together: find out what is meant, ask short questions when something that "
    "you need is missing or unclear, suggest what may help, and do not write at length before you know what is wanted."
)
USER = f"""You play a person who talks to an AI assistant. You want its help with this task, which it cannot see:

{{goal}}

Begin vaguely and tell what you know bit by bit, mostly when you are asked. You are a little lazy: write briefly, in your own
words, and do not give the whole task away at once. You remember imperfectly. Never solve the task yourself, and never speak as
the assistant. Answer with one JSON object of three fields:
{{{{"current_answer": "<what the assistant has come up with>", "thought": "<your view of it>", "response": "<what you say>"}}}}
When you have what you want, or see that it leads nowhere, make the response {MARK}"""


def _transcript(chat: Conversation) -> str:
    return "\n\n".join(f"{m.role.upper()}: {m.text}" for m in chat.messages if m.role in ("user", "assistant"))


# -- the task ---------------------------------------------------------------------------------------------------------
def released_bleu(said: str, reference: str) -> float:
    """BLEU from 0 to 1 as released: a sentence's BLEU with 4-grams and no smoothing, given texts where lists of words belong, so
    that its "words" are single characters."""
    if not said or not reference:
        return 0.0
    logs = 0.0
    for order in range(1, 5):
        a, b = (Counter(text[i : i + order] for i in range(len(text) - order + 1)) for text in (said, reference))
        matches = (a & b).total()
        if not matches:
            return 0.0
        logs += math.log(matches / a.total()) / 4
    return math.exp(logs + min(0.0, 1 - len(reference) / len(said)))


async def task_score(case: Goal, chat: Conversation, cast: Cast, official: bool) -> Answer[float]:
    """The task's metric on the final product. math: 1 if the final number is the right one, else 0; document: BLEU, 0 to 1.

    The product: with a judge, the document that it copies together from the whole conversation; without, and for numbers, the
    assistant's last reply.
    """
    if case.group == "math":
        said, wanted = (_number(final_number(text)[0]) for text in (chat.reply, case.target))
        return Answer(float(said is not None and said == wanted))
    product = chat.reply
    if cast.has("judge"):
        found = await ask(cast, _product_question(chat), _product)
        if found.value is None:
            return Answer(None, found.reason, found.cause)
        product = found.value
    return Answer(released_bleu(product, case.target) if official else sentence_bleu(product, [case.target]) / 100)


def _number(text: str) -> float | None:
    try:
        return float(re.sub(r"[$,]", "", text))
    except ValueError:
        return None


def _product_question(chat: Conversation) -> str:
    return (
        "A user and an assistant have been writing a document. Copy out the document as it stands at the end, and nothing "
        f"else that was said.\n\n{quoted('conversation', _transcript(chat))}\n\n"
        'Answer with one JSON object: {"document": "<the text>"}'
    )


def _product(text: str) -> Parsed[str] | Unparsable:
    found = json_field(text, "document")
    return Unparsable("no field document") if found is None else Parsed(found)


# -- tokens and interactivity -----------------------------------------------------------------------------------------
_PIECE = re.compile(r"\w{1,8}|[^\w\s]")


def tokens(chat: Conversation) -> int:
    """About how many tokens the assistant wrote in all: pieces of words of up to 8 characters, and punctuation marks. (The paper
    counts with a vocabulary, cl100k, that is not shipped here.)"""
    return sum(len(_PIECE.findall(m.text)) for m in chat.messages if m.role == "assistant")


async def interactivity(chat: Conversation, cast: Cast) -> Answer[float]:
    """How much the assistant engages, from 0 to 1, by the judge. Not measured without one."""
    question = (
        "How well does the assistant work together with the user in this conversation? Look at whether it engages, asks the "
        "questions that matter, and clears up what is unclear.\n1: it does so throughout. 0.5: somewhat, but superficially. "
        "0: it stays vague or asks nothing.\nAny number between is allowed.\n\n"
        f"{quoted('conversation', _transcript(chat))}\n\nAnswer with one JSON object: "
        '{"thought": "<your reasons>", "interactivity": <a number from 0 to 1>}'
    )
    return await ask(cast, question, lambda text: scale(text, 0, 1, names=("interactivity",), whole=False))


# -- the user ---------------------------------------------------------------------------------------------------------
def user_json(text: str, answered: str) -> str | Fault:
    """What a simulated user says: the field ``response`` of its JSON, or its text when it wrote none."""
    found = json_field(text, "response")
    if found is None and text.lstrip().startswith(("{", "```")):
        return Fault("it is not the JSON object that was asked for")
    return user_line(text if found is None else found, answered)


def user_of(case: Goal, cast: Cast, turns: int) -> UserTurn:
    """The model in the user's role, or else rules; for at most so many messages."""
    if not cast.has("user"):
        return RuleUser(case, turns)
    return SimulatedUser(cast.user, USER.format(goal=case.goal), turns=turns, stop=(MARK,), read=user_json)


class RuleUser:
    """A user without a model: begins with the opening, tells one more detail a turn, two when it is asked something, and ends the
    conversation once the assistant has answered all. A pure function of the conversation.

    Tasks without an opening of their own begin with the first sentence of the goal; the others are the details.
    """

    def __init__(self, case: Goal, turns: int) -> None:
        sentences = re.split(r"(?<=[.?!])\s+", case.goal.strip())
        self.opening = case.opening or sentences[0]
        self.details: Sequence[str] = case.details if case.opening else sentences[1:]
        self.turns = turns

    async def __call__(self, chat: Conversation) -> Said:
        said = sum(m.role == "user" for m in chat.messages)
        if said >= self.turns:
            return Said(chat, "turn limit")
        if not said:
            return Said(chat.user(self.opening))
        left = self.untold(chat)
        if not left:
            return Said(chat, "user ended")
        asked = "?" in chat.reply
        return Said(chat.user(" ".join(left[:2]) if asked else f"That is not it yet. {left[0]}"))

    def untold(self, chat: Conversation) -> list[str]:
        """The details that the user has not told yet."""
        said = [m.text for m in chat.messages if m.role == "user"]
        return [detail for detail in self.details if not any(detail in text for text in said)]


# -- what a conversation was worth ------------------------------------------------------------------------------------
async def verdicts(case: Goal, chat: Conversation, cast: Cast, official: bool) -> AsyncIterator[Verdict]:
    """The measures of a whole conversation, and those of its branching points."""
    async for verdict in _whole(case, chat, cast, official):
        yield verdict
    for verdict in point_verdicts(cast.facts):
        yield verdict


async def _whole(case: Goal, chat: Conversation, cast: Cast, official: bool) -> AsyncIterator[Verdict]:
    """Open where the user said nothing usable, or the assistant nothing at all."""
    stop = cast.stopped
    if cast.facts.get("stop") == "format error":
        stop = stop or "user: format error"
    elif not any(turn.answered for turn in chat.turns):
        stop = stop or "no reply"
    if stop:
        for measure in ("task", "tokens", "interactivity"):
            yield Verdict(measure, None, cause=stop)
        return
    score = await task_score(case, chat, cast, official)
    yield Verdict("task", score.value, reason=score.reason, cause=score.cause)
    yield Verdict("tokens", tokens(chat) / 1000)
    engaged = await interactivity(chat, cast)
    yield Verdict("interactivity", engaged.value, reason=engaged.reason, cause=engaged.cause)


def user_secrets(case: Goal, facts: Mapping[str, Any]) -> Secrets:
    """What the user has to hide (the target) and to tell (the details)."""
    rules = RuleUser(case, 1)
    return Secrets(
        never=(case.target,), instructions=USER.replace("{goal}", ""), pieces=(rules.opening, *rules.details), per_turn=2,
        known=case.goal, stop=str(facts.get("stop", "")),
    )  # fmt: skip
