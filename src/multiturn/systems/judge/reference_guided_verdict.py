"""reference-guided-verdict: several judges say true or false beside the reference, and the majority decides. See below."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from ...conversation import Case, Cast, Conversation, InputError, UnknownName
from ...judges.ask import Answer
from ...judges.items import Decision, Item, PointItem
from ...judges.panel import majority
from ...judges.questions import reference
from ...judges.raters import rater
from ...measures.figure import FRACTION, Scale
from ...measures.figures import mean
from ...measures.textmetrics import exact_match, rouge_l, token_f1
from ...measures.verdict import Verdict
from ...protocols.benchmark import Data
from .judging import Judging
from .judging_figures import FIGURES
from .reference_guided_verdict_figures import PANEL

EARLY, ONE = "early-stop", "one-judge"
TIES = {"no": 0.0, "yes": 1.0, "none": None}
BASELINES = ("exact match", "token F1", "ROUGE-L")
LEXICAL = 0.5
"""From which overlap on a baseline calls an answer right."""


def settled(votes: Sequence[float | None], n: int) -> bool:
    """Whether one verdict has more than half of all ``n`` votes already, whatever the rest says."""
    counted = Counter(v for v in votes if v is not None)
    return bool(counted) and counted.most_common(1)[0][1] > n / 2


class ReferenceGuidedVerdict(Judging):
    """Reference-Guided Verdict: LLMs-as-Judges in Automatic Evaluation of Free-Form Text (arXiv 2408.09235; from secondary
    sources, its tables and verdicts were not found; prompts, models and sample sizes are not the paper's).

    Each of ``judges`` judges (3) sees question, reference and answer, gives its reasons, and says whether the answer matches; the
    majority of what could be read decides. ``tie`` (an even number left): no (the default), yes, or none = not measured.
    Judges are the roles judge, judge2, judge3; those that a run lacks are further draws of the first.

    plain        all judges are asked
    early-stop   just over half of them first, more only while no majority of all is certain: with three, the third only when
                 the two differ. The verdict is the same as in plain; ``calls`` is 2 + the share of disagreement
    one-judge    the first judge alone

    Measures: ``calls`` an item, ``tie`` (share), ``split`` (the first two differ). Each judge is a part. Figures on the panel:
    precision, recall and F1 (macro), agreement among judges (Fleiss), what independent judges of the same accuracy would reach
    (Condorcet), the correlation of their errors, the panel against its median judge, and baselines without a model (exact match,
    token F1 and ROUGE-L of at least 0.5), which agree with the labels or do not.
    """

    slug = "reference-guided-verdict"
    title = "Reference-Guided Verdict: LLMs-as-Judges in Automatic Evaluation of Free-Form Text"
    paper = "arXiv:2408.09235"
    kind = "judge, method"
    licence = "not stated"
    takes = ("point",)
    on = "bundled-matches"
    settings = (*Judging.settings, EARLY, ONE)
    default_settings = ("plain", EARLY, ONE)
    params = {"on": "", "judges": 3, "tie": "no"}

    def __init__(self, data: Data | None = None, **params: Any) -> None:
        super().__init__(data, **params)
        n = int(self.options["judges"])
        if str(self.options["tie"]) not in TIES:
            raise UnknownName("tie rule of `reference-guided-verdict?tie=`", str(self.options["tie"]), TIES)
        if not 2 <= n <= 101:
            raise InputError(f"`reference-guided-verdict?judges=` must be from 2 to 101, not {n}")
        calls = Scale(1, n, "calls", passing=1)
        shares = ("tie", "split", *(f"{name} agrees" for name in BASELINES))
        self.scales = {**Judging.scales, "calls": calls, **dict.fromkeys(shares, FRACTION)}
        self.figures = (*FIGURES, *PANEL, mean("calls", calls, by=("setting",)), *(mean(m, by=("setting",)) for m in shares))

    def items(self) -> Iterator[Item]:
        return (i for i in super().items() if isinstance(i, PointItem) and i.binary and i.reference is not None)

    def views(self, case: Case, setting: str) -> Iterator[Case]:
        if setting in (EARLY, ONE):
            yield case
        else:
            yield from super().views(case, setting)

    async def decide(self, item: Item, cast: Cast) -> Decision:
        assert isinstance(item, PointItem)
        if item.reference is None:
            return Decision(cause="no reference answer")
        n = 1 if cast.setting == ONE else int(self.options["judges"])
        panel = [rater(cast, i) for i in range(1, n + 1)]
        at_once = n // 2 + 1 if cast.setting == EARLY else n
        said = list(await asyncio.gather(*(reference(seat, item) for seat in panel[:at_once])))
        for seat in panel[at_once:]:
            if settled([d.value for d in said], n):
                break
            said.append(await reference(seat, item))
        votes = [d.value for d in said]
        found = majority([Answer(d.value, cause=d.cause) for d in said], tie=TIES[str(self.options["tie"])])
        cast.facts["votes"] = votes
        # Who could not be asked may have decided: that is no abstention.
        gone = next((d.cause for d in said if d.value is None and not d.asked), "")
        if gone and not settled(votes, n):
            found = Answer(None, cause=gone)
        return Decision(
            value=found.value, asked=sum(d.asked for d in said), unread=sum(d.unread for d in said), cause=found.cause,
            reason=next((d.reason for d in said if d.value == found.value), ""),
            parts={f"judge {i}": v for i, v in enumerate(votes, 1) if v is not None},
        )  # fmt: skip

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        async for verdict in super().judge(case, chat, cast):
            yield verdict
        votes = cast.facts.get("votes")
        if cast.stopped or votes is None:
            return
        yield Verdict("calls", float(len(votes)))
        counted = Counter(v for v in votes if v is not None)
        if counted:
            yield Verdict("tie", float(len(counted) > 1 and len(set(counted.values())) == 1))
        if len(votes) > 1 and None not in votes[:2]:
            yield Verdict("split", float(votes[0] != votes[1]))
        if cast.setting == "plain" and isinstance(case, PointItem) and case.label is not None and case.reference is not None:
            for name, right in lexical(case.answer, case.reference).items():
                yield Verdict(f"{name} agrees", float(right == (case.label > 0.5)))


def lexical(answer: str, reference: str) -> dict[str, bool]:
    """What rules without a model say of an answer."""
    found = (
        exact_match(answer, [reference]) == 1,
        token_f1(answer, [reference]) >= LEXICAL,
        rouge_l(answer, reference).f1 >= LEXICAL,
    )
    return dict(zip(BASELINES, found, strict=True))
