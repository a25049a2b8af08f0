"""What code checks in MT-Eval: topics and standing rules, in points from 0 to 10."""

from __future__ import annotations

import string

from ...judges.instructions.mt_eval_rules import rule
from ...measures.verdict import Verdict
from .mt_eval_build import Label, Standing

_SPACES = str.maketrans(dict.fromkeys(string.punctuation, " "))


def by_code(target: Label | Standing, reply: str) -> list[Verdict]:
    """10 if the topic stands in the reply or the rule is kept, else 0; an empty reply counts as failed."""
    empty = not reply.strip()
    if isinstance(target, Standing):
        return [Verdict("score", 10.0 * rule(target.rule).check(reply, target.args), reason=target.rule, failed=empty)]
    said, reason = _plain(reply), f"topic: {target.topic}"
    return [
        Verdict("score", 10.0 * (target.topic in said), reason=reason, failed=empty),
        Verdict("cls_exact", float(said == target.topic), reason=reason, failed=empty),
    ]


def _plain(text: str) -> str:
    """Lower case, punctuation as spaces, ends stripped: how topics are compared."""
    return text.lower().translate(_SPACES).strip()
