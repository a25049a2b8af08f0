"""MemoryAgentBench (Hu, Wang, McAuley 2025, arXiv 2507.05257): inject once, ask many times.

A long text is fed to an assistant chunk by chunk, as turns; then each question is asked on a branch of its own from there, so
that no question is in the history of another. It runs alike with the plain context and with any memory: ``--with window``,
``summary``, ``notes``, ``memtree``.

Four abilities, each a mean over its sets, and ``overall``, the mean over abilities (fractions; the paper prints per cent):
  accurate retrieval         RULER-QA, EventQA: substring match; LongMemEval: a judge
  test-time learning         in-context classification: exact match; movies: Recall@5
  long-range understanding   Detective QA: exact match; InfBench summaries: fluency x F1 by a judge
  conflict resolution        FactConsolidation, single and multi-hop: substring match; the later fact holds
``score`` is the set's own measure; ``exact_match``, ``substring_exact_match`` and ``f1`` stand beside it (normalized words; the
better of the whole reply and what follows "Answer:").

``source=bundled`` (default) plays a small sample of our own, made from ``seed``; ``source=files`` the published data.
``chunk``: tokens a chunk at most (0 = 4096, the published default, and 96 for the sample). The memorise turns are answered by a
fixed line, so feeding asks nobody but the memory.

Decisions. A conversation that no longer fits the model is *not measured*, where the released long-context agent drops the
oldest tokens (``--with window?turns=N`` does that). EventQA takes the README's substring match, not the code's recall field. A
judged set without a judge, and movies without ``entity2id.json``, are not measured. Prompts are ours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, ClassVar

import msgspec

from ...conversation import Case, Cast, Conversation, DataError, InputError
from ...measures.figure import FRACTION
from ...measures.figures import mean
from ...measures.verdict import Verdict
from ...players.feeder import chunks, feed
from ...protocols.benchmark import Benchmark
from .memoryagentbench_data import HOME, SLUG, Context, Question, read_contexts, set_of
from .memoryagentbench_figures import abilities
from .memoryagentbench_sample import sample
from .memoryagentbench_score import CODE, Titles, code_score, judged_answer, judged_summary, recall_of_titles

SYSTEM = "You are given a long text in parts. Keep in mind what they say; questions about them follow. {how}"
PART = "Here is the next part of the text. Memorise it.\n\n{part}"
KEPT = 20_000
"""Characters of an answer that are kept."""


class MemoryAgentBench(Benchmark):
    """MemoryAgentBench: Evaluating Memory in LLM Agents via Incremental Multi-Turn Interactions."""

    slug = SLUG
    title = "MemoryAgentBench: Evaluating Memory in LLM Agents via Incremental Multi-Turn Interactions"
    paper = "arXiv:2507.05257"
    family = "mem"
    licence = "MIT"
    home = HOME
    settings = ("multi",)
    uses = ("judge",)
    params: ClassVar[Any] = {"source": "bundled", "chunk": 0, "seed": 1, "contexts": 2, "questions": 5}
    scales = dict.fromkeys(("score", *CODE), FRACTION)
    figures = (abilities("score"), mean("score"), *(mean(name) for name in CODE))

    _titles: Titles | None = None

    def cases(self) -> Iterable[Case]:
        o = self.options
        if o["source"] not in ("bundled", "files"):
            raise InputError(f"{SLUG}?source={o['source']}: must be bundled or files")
        for name, low in (("chunk", 0), ("contexts", 1), ("questions", 1)):
            if o[name] < low or o[name] > 10**6:
                raise InputError(f"{SLUG}?{name}={o[name]}: must be {low} or more")
        if o["source"] == "files":
            return read_contexts(self.data)
        return sample(o["seed"], o["contexts"], o["questions"])

    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, Context)
        limit = self.options["chunk"] or (4096 if self.options["source"] == "files" else 96)
        start = Conversation.start(system=SYSTEM.format(how=set_of(case.group).how))
        fed = feed(start, chunks(case.context, limit), PART)
        answers: dict[str, str] = cast.facts.setdefault("answers", {})
        chat = fed
        for question in case.questions:
            chat = await cast.assistant(fed.user(question.text))
            answers[question.id] = chat.reply[:KEPT].encode(errors="replace").decode()
        return chat

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, Context)
        answers: dict[str, str] = cast.facts.get("answers", {})
        for question in case.questions:
            reply = answers.get(question.id)
            found = [Verdict("score", None, cause=cast.stopped or "no reply")]
            if reply is not None:
                found = [await self._score(case, question, reply, cast), *self._beside(case, question, reply)]
            for verdict in found:
                failed = reply is not None and not reply.strip() and verdict.value is not None
                yield msgspec.structs.replace(verdict, item=question.id, failed=failed)

    async def _score(self, case: Context, question: Question, reply: str, cast: Cast) -> Verdict:
        metric = set_of(case.group).metric
        why = f"{question.text[-200:]} -> {reply[:200]}"
        if metric in CODE:
            return Verdict("score", code_score(metric, reply, question.answers), reason=why)
        if metric == "judge":
            return await judged_answer(cast, question, reply)
        if metric == "summary":
            return await judged_summary(cast, question, reply)
        if self._titles is None:
            try:
                self._titles = Titles.read(self.data.path(SLUG, "entity2id.json"))
            except DataError:
                return Verdict("score", None, cause="needs entity2id.json")
        return Verdict("score", recall_of_titles(reply, question.answers, self._titles), reason=why)

    def _beside(self, case: Context, question: Question, reply: str) -> Iterator[Verdict]:
        if set_of(case.group).metric in CODE:
            yield from (Verdict(name, code_score(name, reply, question.answers)) for name in CODE)

    def gold(self, case: Case, chat: Conversation) -> str | None:
        question = _asked(case, chat)
        return question.answers[0] if question is not None and question.answers else None

    def within(self, case: Case, chat: Conversation, window: int) -> bool:
        question = _asked(case, chat)
        seen = "".join(t.user.text.removeprefix(PART.partition("{part}")[0]) for t in chat.turns[-window:] if t.user is not None)
        return question is None or all(sentence in seen for sentence in question.evidence)


def _asked(case: Case, chat: Conversation) -> Question | None:
    """The question that the conversation ends with."""
    assert isinstance(case, Context)
    text = chat.message.text if chat.message is not None else ""
    return next((question for question in case.questions if question.text == text), None)
