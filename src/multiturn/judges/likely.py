"""How likely a judge finds yes: from the probabilities of its first token, else from what it says."""

from __future__ import annotations

from ..conversation import CallError, Cast, Conversation, NotMeasured
from .ask import UNREADABLE
from .items import Decision
from .odds import yes_share
from .parse import Parsed
from .questions import yes_or_no

ONE_WORD = "Answer with one word and nothing else: yes or no."
REPAIR = f"I could not read your answer. {ONE_WORD}"
FROM_ODDS = "from probabilities"


async def likely_yes(cast: Cast, question: str, *, draws: int = 1) -> Decision:
    """p(yes) / (p(yes) + p(no)) as a decision from 0 to 1.

    Replies that carry no token probabilities (the model's name lacks ``?top_logprobs=20``, or the provider has none) are read as
    1 or 0 instead, of ``draws`` replies the mean. The part ``from probabilities`` (1 or 0) says which it was.
    """
    said: list[float] = []
    asked, cause = 0, ""
    try:
        for _ in range(max(draws, 1)):
            chat = await cast.judge(Conversation().user(question))
            asked += 1
            if (share := yes_share(chat)) is not None:
                return Decision(value=share, asked=asked, unread=asked - 1 - len(said), parts={FROM_ODDS: 1.0})
            outcome = yes_or_no(chat.reply)
            if not isinstance(outcome, Parsed):
                outcome = yes_or_no((await cast.judge(chat.user(REPAIR))).reply)
            if isinstance(outcome, Parsed):
                said.append(outcome.value)
    except NotMeasured as error:
        cause = error.cause
    except CallError as error:
        cause = f"judge: {error.cause}"
    if not said or cause:
        return Decision(asked=asked, unread=asked - len(said), cause=cause or UNREADABLE)
    return Decision(value=sum(said) / len(said), asked=asked, unread=asked - len(said), parts={FROM_ODDS: 0.0})
