"""Turn-level credit: an agent that searches once and then answers, with rewards for both turns."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator

from ...conversation import Case, Cast, ContextOverflow, Conversation, InputError, Player, UnknownName
from ...learning.rewards import together
from ...measures.figure import FRACTION
from ...measures.figures import mean, reliability
from ...measures.verdict import Verdict
from ...protocols.benchmark import Benchmark
from .turn_credit_data import Question, read_articles, read_questions, sample
from .turn_credit_published import PUBLISHED
from .turn_credit_rewards import ADVANTAGE, COMPARED, OUTCOME, REWARDS, TURN, Played, compared, field, read, rewards
from .turn_credit_tool import SYSTEM, Wiki, call_of, cut


class TurnLevelCredit(Benchmark):
    """Reinforcing Multi-Turn Reasoning in LLM Agents via Turn-Level Credit Assignment (Zeng et al. 2025, arXiv:2505.11821).

    A question; the assistant thinks, may call ``wiki_search`` (BM25, the best article) and answers. A message is cut after its
    first </tool> or </answer>. What the tool gives comes back as a user's message; a call that cannot be read, an unknown tool,
    or nothing found as "Error: …". Over with an answer ("success"), with a message that has neither a call nor an answer
    ("format error"), or after ``steps`` messages of the environment.

    Rewards (see `turn_credit_rewards`), in their own units. Turn 1: tool_execution (0 to 0.2), search_has_answer (0 to 0.5).
    Outcome: contains_answer (0 to 0.5), exact_match (0 or 1), format and xml_tags (0 to 0.2).
    tool rate      whether a result came back

    Settings: ``multi`` (one rollout), ``group`` (``group`` rollouts of the same question, as a training step sees them; the
    first is judged; rewards and advantages of all are in its facts; the paper: 21). Measures of ``group`` beside the rewards:
    ``advantage grpo-or``, ``grpo-mr``, ``mt-grpo``: of each turn of the first rollout (see `multiturn.learning.credit`).

    ``source``: "bundled" (``landmarks`` invented ones, five questions each, made from ``seed``) or "released" (TriviaQA's
    rows and articles as JSON lines). The prompt is our wording.
    """

    slug = "turn-level-credit"
    title = "Reinforcing Multi-Turn Reasoning in LLM Agents via Turn-Level Credit Assignment"
    paper = "arXiv:2505.11821"
    family = "train"
    kind = "method"
    licence = "not stated (TriviaQA: Apache-2.0)"
    home = "https://github.com/SiliangZeng/Multi-Turn-RL-Agent"
    settings = ("multi", "group")
    default_settings = ("multi", "group")
    params = {"source": "bundled", "landmarks": 12, "seed": 1, "steps": 2, "group": 4}
    scales = {**REWARDS, "tool rate": FRACTION, **{f"advantage {name}": ADVANTAGE for name in COMPARED}}
    figures = (
        *(mean(name, scale) for name, scale in REWARDS.items()), mean("tool rate"), reliability("exact_match"),
    )  # fmt: skip
    published = PUBLISHED

    # -- questions and articles ---------------------------------------------------------------------------------------
    def cases(self) -> Iterator[Case]:
        o = self.options
        for name, least, most in (("landmarks", 1, 336), ("steps", 1, 20), ("group", 1, 1000)):
            if not least <= o[name] <= most:
                raise InputError(f"turn-level-credit?{name}={o[name]}: must be from {least} to {most}")
        if o["source"] not in ("bundled", "released"):
            raise UnknownName("source of `turn-level-credit`", o["source"], ("bundled", "released"))
        if o["source"] == "bundled":
            yield from sample(o["landmarks"], o["seed"])[0]
        else:
            yield from read_questions(self.data.path(self.slug, "triviaqa-rc.jsonl"))

    @functools.cached_property
    def wiki(self) -> Wiki:
        if self.options["source"] == "bundled":
            return Wiki(sample(self.options["landmarks"], self.options["seed"])[1])
        return Wiki(read_articles(self.data.path(self.slug, "articles.jsonl")))

    def search(self, query: str) -> str:
        """The best article for a query; "" when none shares a word with it."""
        return self.wiki.search(query)

    # -- talking ------------------------------------------------------------------------------------------------------
    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, Question)
        if setting == "multi":
            played = await self.rollout(case, cast.assistant)
            cast.facts["stop"] = played.stop
            return played.chat
        casts = [cast.branch(f"rollout {number}") for number in range(self.options["group"])]
        group = await together(self.rollout(case, branch.assistant) for branch in casts)
        cast.facts.update(stop=group[0].stop, rollouts=compared(group, case.aliases))
        return group[0].chat

    async def rollout(self, case: Question, assistant: Player) -> Played:
        """One rollout of the environment."""
        chat = Conversation.start(system=SYSTEM).user(f"Question: {case.question}")
        for _ in range(self.options["steps"] + 1):
            try:
                said = await assistant(chat)
            except ContextOverflow:
                return Played(chat, "context limit")
            text = cut(said.reply)
            chat = chat.assistant(text)
            if field(text, "answer") is not None:
                return Played(chat, "success")
            if "<tool>" not in text:
                return Played(chat, "format error")
            if sum(message.role == "user" for message in chat.messages) > self.options["steps"]:
                break
            chat = chat.user(self.wiki.answer(field(text, "tool") or ""))
        return Played(chat, "turn limit")

    # -- judging ------------------------------------------------------------------------------------------------------
    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, Question)
        rollout = read(chat)
        cause = cast.stopped or ("" if rollout.messages else str(cast.facts.get("stop", "no reply")))
        found = rewards(rollout, case.aliases)
        for names, turn in ((TURN, 1), (OUTCOME, None)):
            for name in names:
                yield Verdict(name, None if cause else found[name], turn=turn, cause=cause)
        yield Verdict("tool rate", None if cause else float(rollout.found), cause=cause)
        if cast.setting != "group" or cause:
            return
        for name in COMPARED:
            for turn, value in enumerate(cast.facts["rollouts"][0]["advantages"][name], 1):
                yield Verdict(f"advantage {name}", value, turn=turn)

    def gold(self, case: Case, chat: Conversation) -> str | None:
        """Searches with the question, then answers."""
        assert isinstance(case, Question)
        if len(chat.turns) == 1:
            return call_of(case.question)
        return f"<reasoning>The article says it.</reasoning><answer>{case.aliases[0]}</answer>"
