"""The call to a judge model: render -> ask -> parse -> verdict.

A system renders its question; a parser of `multiturn.judges.parse` reads the reply. When it cannot, the judge is asked
once more, in the same conversation, for its answer in the required form. What fails then is *not measured*, with its
cause; nothing that a judge says is ever raised or turned into a 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Generic, TypeVar

from msgspec import Struct

from ..conversation import CallError, Cast, Conversation, NotMeasured
from ..measures.verdict import Verdict
from .parse import NotApplicable, Parsed, Parser, scale

T = TypeVar("T")

UNREADABLE = "judge reply not parsable"
NOT_APPLICABLE = "not applicable"
REPAIR = "I could not read your answer in the required form. Reply with the JSON object only, and nothing before or after it."


class Answer(Struct, Generic[T], frozen=True):
    """What the judge answered. ``value`` None = not measured, with its ``cause``."""

    value: T | None
    reason: str = ""
    cause: str = ""

    @property
    def read(self) -> tuple[int, int]:
        """Replies of the judge (1, or 0 where the call failed or a budget was spent), and how many could not be read."""
        answered = self.value is not None or self.cause in (UNREADABLE, NOT_APPLICABLE)
        return int(answered), int(self.cause == UNREADABLE)


async def ask(cast: Cast, question: str | Conversation, parse: Parser[T], *, repair: str = REPAIR) -> Answer[T]:
    """Ask the judge of this cast and parse its reply, with one attempt to repair it."""
    chat = Conversation().user(question) if isinstance(question, str) else question
    try:
        chat = await cast.judge(chat)
        outcome = parse(chat.reply)
        if not isinstance(outcome, Parsed | NotApplicable):
            chat = await cast.judge(chat.user(repair))
            outcome = parse(chat.reply)
    except NotMeasured as error:
        return Answer(None, cause=error.cause)
    except CallError as error:
        return Answer(None, cause=f"judge: {error.cause}")
    if isinstance(outcome, Parsed):
        return Answer(outcome.value, outcome.reason)
    if isinstance(outcome, NotApplicable):
        return Answer(None, outcome.reason, cause=NOT_APPLICABLE)
    return Answer(None, reason=outcome.why, cause=UNREADABLE)


class ScaleJudge(Struct, frozen=True, kw_only=True):
    """A judge model that gives one number from ``low`` to ``high``, with a reason, as a verdict of ``measure``."""

    measure: str = "score"
    low: float = 1
    high: float = 10
    whole: bool = True
    names: Sequence[str] = ("score", "rating")

    async def __call__(self, cast: Cast, question: str | Conversation) -> Verdict:
        parser = partial(scale, low=self.low, high=self.high, whole=self.whole, names=self.names)
        answer = await ask(cast, question, parser)
        return Verdict(self.measure, answer.value, reason=answer.reason, cause=answer.cause)

    @property
    def form(self) -> str:
        """The last paragraph of a question: the form of the answer, reason first."""
        kind = "whole number" if self.whole else "number"
        return (
            "First give your reasons, then the score. Answer with one JSON object in exactly this form:\n"
            f'{{"reason": "<your reasons>", "{self.names[0]}": <a {kind} from {self.low:g} to {self.high:g}>}}'
        )


def quoted(name: str, text: str) -> str:
    """Text of others inside a question, between tags that it cannot close: what it says is material, not instruction."""
    inner = text.replace("</" + name, "<\\/" + name)
    return f"<{name}>\n{inner}\n</{name}>"
