"""What a matcher is asked, and a free answer graded in three ways."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ...conversation import Cast
from ...judges.ask import quoted
from ...judges.items import Decision, PointItem, with_changes
from ...judges.likely import ONE_WORD, likely_yes
from ...judges.questions import MATERIAL, decided, form, shown, yes_or_no
from ...measures.verdict import Verdict
from .answer_matching_rule import rule_match

RULES = (
    "It matches if it carries at least all that the reference says: more detail, further right alternatives and other words are "
    "fine. Two numbers match if they differ by less than 1 % of their mean; a range never matches a number. Do not judge whether "
    "the reference is true, and do not answer the question yourself."
)


def match_question(item: PointItem, last: str) -> str:
    """Does the answer match the reference, by `RULES`? ``last``: the form of the reply."""
    head = "Say whether an answer to a question matches the reference answer."
    parts = (head, RULES, shown(item), quoted("answer", item.answer), MATERIAL, last)
    return "\n\n".join(parts)


def truth_question(item: PointItem, last: str) -> str:
    """Is the answer right, as far as the judge knows? The reference is not shown."""
    head = "Say whether an answer to a question is right, to the best of your knowledge. It need not be complete in wording."
    return "\n\n".join((head, shown(item, reference=False), quoted("answer", item.answer), MATERIAL, last))


YES_NO = form("answer", '"<yes or no>"', False)


async def judged(cast: Cast, item: PointItem, question: Callable[[PointItem, str], str], *, odds: bool = False) -> Decision:
    """1 or 0 from one question; with ``odds``, its confidence is the probability of the word it leans to."""
    if not odds:
        return await decided(cast, question(item, YES_NO), yes_or_no)
    found = await likely_yes(cast, question(item, ONE_WORD))
    if found.value is None:
        return found
    return msgspec.structs.replace(found, value=float(found.value > 0.5), confidence=max(found.value, 1 - found.value))


async def graded(case: PointItem, cast: Cast) -> list[Verdict]:
    """A free answer, graded in three ways."""
    answer = str(cast.facts.get("answer") or "")
    if not answer:
        return [Verdict("accuracy", 0.0, failed=True, reason="no answer")]
    item = with_changes(case, answer=answer)
    found = [Verdict("accuracy, rule", float(rule_match(answer, case.reference or "")), reason=answer)]
    for measure, question in (("accuracy", match_question), ("accuracy, no reference", truth_question)):
        if not cast.has("judge"):
            found.append(Verdict(measure, None, cause="needs --judge"))
            continue
        said = await judged(cast, item, question)
        found.append(Verdict(measure, said.value, reason=said.reason, cause=said.cause))
    return found
