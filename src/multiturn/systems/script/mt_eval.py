"""MT-Eval: four patterns of conversation, and the same questions asked alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, cached_property

import msgspec

from ...conversation import Case, Cast, Conversation
from ...judges.ask import ScaleJudge
from ...measures.figure import FRACTION, Scale
from ...measures.figures import by_turn, mean, multi_turn_cost, survival
from ...measures.verdict import Verdict
from ...protocols.scripted import ScriptedCase, ScriptedTurn, gold_views, single_views
from . import mt_eval_build as build
from .listed import Listed, absent
from .mt_eval_build import CONTEXTS, DISTANCES, Label, MTCase, Standing
from .mt_eval_figures import PUBLISHED, paper_aggregation
from .mt_eval_prompts import question
from .mt_eval_raw import Files
from .mt_eval_score import by_code

POINTS = Scale(0, 10, "points", passing=8)  # from which a judged turn counts as passed in survival curves: our choice
NO_PROMPTS = "follow-up alone: its prompts are on the hub only (follow-up_single.jsonl)"
NOT_IN_FILE = "unrelated turns: not in the sample file"


class MTEval(Listed):
    """MT-Eval: A Multi-Turn Capabilities Evaluation Benchmark for Large Language Models
    (Kwan et al. 2024, arXiv 2401.16745).

    How well a model holds four kinds of conversation, in points from 0 to 10 a turn:

    recollection-cls          classify ten documents, one a turn, after one instruction: 10 if the topic is a substring
                              of the lower-cased reply, punctuation as spaces, else 0 ("art" is found in "start":
                              ``cls_exact``, the share of replies that are the topic and nothing else, is given beside it)
    recollection-global-inst  keep one standing rule through ten unrelated questions: 10 if code says it is kept, else 0
    expansion                 seven tasks on one document          judge model, 1 to 10
    refinement                instructions that add up, two tasks  judge model, 1 to 10
    follow-up                 three more turns after two of MT-Bench's  judge model, 1 to 10

    Settings: ``multi`` (own answers as history), ``single`` (each question in its stand-alone form), ``gold`` (stored
    answers as history; global-inst has none and is left out); ``context-gold/-dgc/-sgc/-rc`` (classification after 4 or 9
    labelled documents, see `mt_eval_build.contexts`); ``front-n``, ``between-n`` (refinement with n unrelated turns before
    the document, or between it and the questions). All are views of the same cases: question and cluster (the document
    where dialogues share one, else the dialogue) are equal, so that settings are compared pair by pair. In multi, a
    refinement task is played twice (first and second) and paired by its mean; its first step and follow-up have no
    stand-alone form here and are in no pair.

    Decisions: an empty reply gets the lowest mark (0, or the judge's 1) and counts as failed. A judge's reply that cannot
    be read leaves the turn out. SGC dialogues whose context has the scored label (5 of 100 released) are left out, as the
    paper describes them. ``official=True`` keeps them, and words the classification task as in the released files. The
    other wordings, the judge's prompts, end phrases and keywords are ours; data, ids and orders are the authors'.
    """

    slug = "mt-eval"
    title = "MT-Eval: A Multi-Turn Capabilities Evaluation Benchmark for Large Language Models"
    paper = "arXiv:2401.16745"
    licence = "MIT"
    home = "https://github.com/KwanWaiChung/MT-Eval"
    settings = ("multi", "single", "gold", *(f"context-{k}" for k in CONTEXTS),
                     *(f"{where}-{n}" for where in ("front", "between") for n in DISTANCES))  # fmt: skip
    default_settings = ("multi", "single")
    uses = ("judge",)
    params = {"system": "You are a helpful assistant. Be honest and considerate.", "official": False}
    scales = {"score": POINTS, "cls_exact": FRACTION}
    figures = (
        paper_aggregation("score", POINTS), mean("score", POINTS), mean("cls_exact"),
        multi_turn_cost("score", POINTS), multi_turn_cost("cls_exact"), by_turn("score", POINTS), survival("score", POINTS),
        multi_turn_cost("score", POINTS, a="gold", b="multi"),
        *(multi_turn_cost("score", POINTS, a=f"context-{k}", b="single") for k in CONTEXTS),
        *(multi_turn_cost("score", POINTS, a=f"{w}-{n}", b=f"{w}-1") for w in ("front", "between") for n in (3, 6)),
    )  # fmt: skip
    published = PUBLISHED
    examiner = ScaleJudge(measure="score", low=1, high=10)

    # -- cases --------------------------------------------------------------------------------------------------------
    def cases(self) -> Iterator[Case]:
        """All 168 dialogues, the five tasks in turn."""
        return build.in_turn(self.dialogues)

    @cached_property
    def files(self) -> Files:
        return Files(self.data)

    @cached_property
    def dialogues(self) -> dict[str, list[MTCase]]:
        return build.dialogues(self.files, str(self.options["system"]), self._intro)

    @cached_property
    def _intro(self) -> str:
        return self.files.official_intro if self.options["official"] else build.CLASSIFY

    # -- settings -----------------------------------------------------------------------------------------------------
    def views(self, case: Case, setting: str) -> Iterable[Case]:
        assert isinstance(case, MTCase)
        kind, _, rest = setting.partition("-")
        if setting == "multi":
            return (case,)
        if setting == "single":
            return self._single(case)
        if setting == "gold":
            return self._gold(case)
        if kind == "context":
            return self._contexts(case, rest)
        return self._irrelevant(case, kind, int(rest))

    def _single(self, case: MTCase) -> Iterator[ScriptedCase]:
        yield from single_views(case)
        if case.group == "follow-up" and (lost := tuple(t for t in case.turns if t.scored and t.single is None)):
            yield absent(case, f"{case.id}/single", lost, NO_PROMPTS)

    def _gold(self, case: MTCase) -> Iterator[ScriptedCase]:
        if case.group != "recollection-global-inst":
            for view in gold_views(case):
                # One refinement turn is reached through two histories: both are played.
                yield msgspec.structs.replace(view, id=f"{case.id}/gold/{view.turns[-1].number}")

    def _contexts(self, case: MTCase, kind: str) -> Iterator[ScriptedCase]:
        mine = {turn.item for turn in case.turns if turn.scored}
        for view in self._context_dialogues(kind) if case.group == "recollection-cls" else ():
            label = view.turns[-1].gold
            mixed = kind == "sgc" and any(turn.gold == label for turn in view.turns[:-1])
            if view.turns[-1].item in mine and (self.options["official"] or not mixed):
                yield msgspec.structs.replace(view, cluster=case.cluster or case.id)

    @cache  # noqa: B019 - a benchmark lives as long as its run
    def _context_dialogues(self, kind: str) -> list[MTCase]:
        return build.contexts(self.files.documents, kind, str(self.options["system"]), self._intro)

    def _irrelevant(self, case: MTCase, where: str, distance: int) -> Iterator[ScriptedCase]:
        if case.group != "refinement":
            return
        found = self._with_irrelevant(where).get((case.first, distance))
        name = f"refinement/{where}-{distance}/{case.first}"
        yield found or absent(case, name, case.turns[:6], NOT_IN_FILE)

    @cache  # noqa: B019 - as above
    def _with_irrelevant(self, where: str) -> dict[tuple[str, int], MTCase]:
        files = self.files
        return build.irrelevant(files.irrelevant, files.sessions, files.documents, where, str(self.options["system"]))

    # -- judging ------------------------------------------------------------------------------------------------------
    def slots(self, case: ScriptedCase, turn: ScriptedTurn) -> list[Verdict]:
        names = ("score", "cls_exact") if isinstance(turn.target, Label) else ("score",)
        return [Verdict(name, None) for name in names]

    async def score(self, case: ScriptedCase, turn: ScriptedTurn, reply: str, chat: Conversation, cast: Cast) -> list[Verdict]:
        empty, target = not reply.strip(), turn.target
        if isinstance(target, Label | Standing):
            return by_code(target, reply)
        if empty and cast.has("judge"):
            return [Verdict("score", self.examiner.low, reason="empty reply", failed=True)]
        return [await self.examiner(cast, question(target, turn.user, reply, self.examiner, cast.setting == "single"))]
