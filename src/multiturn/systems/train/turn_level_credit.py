"""Turn-level credit: an agent that searches once and then answers, with rewards for both turns."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import msgspec

from ...conversation import Case, Cast, ContextOverflow, Conversation, InputError, Player, UnknownName
from ...learning.credit import ESTIMATORS
from ...learning.rewards import together
from ...measures.figure import FRACTION, Scale
from ...measures.figures import mean, reliability
from ...measures.verdict import Verdict
from ...protocols.benchmark import Benchmark, Published
from ...retrieval.bm25 import BM25
from .turn_credit_data import Question, read_articles, read_questions, sample
from .turn_credit_rewards import ERROR, OUTCOME, TURN, credited, field, read, rewards

SYSTEM = """Answer the user's question. You may look something up once before you answer.

First think inside <reasoning> and </reasoning>. Then either call the tool by writing one JSON object inside <tool> and </tool>,
<tool>{"name": "wiki_search", "args": {"query": "<what to look for>"}}</tool>
and wait: what it finds is given to you inside <result> and </result>. Or give the answer, and nothing else, inside <answer> and
</answer>. Think again inside <reasoning> after a result."""
LONGEST = 20_000
"""Characters of a message that are read."""
LIMITS = {
    "tool_execution": 0.2,
    "search_has_answer": 0.5,
    "contains_answer": 0.5,
    "exact_match": 1.0,
    "format": 0.2,
    "xml_tags": 0.2,
}
ADVANTAGE = Scale(float("-inf"), float("inf"), "standard deviations", passing=0)


class Played(NamedTuple):
    """A rollout: the conversation and why it ended."""

    chat: Conversation
    stop: str


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
    scales = {
        **{name: Scale(0, high, "reward", passing=high) for name, high in LIMITS.items()}, "tool rate": FRACTION,
        **{f"advantage {name}": ADVANTAGE for name in ("grpo-or", "grpo-mr", "mt-grpo")},
    }  # fmt: skip
    figures = (
        *(mean(name, Scale(0, high, "reward", passing=high)) for name, high in LIMITS.items()), mean("tool rate"),
        reliability("exact_match"),
    )  # fmt: skip
    published = tuple(
        Published(f"Qwen2.5-7B {method}", value, measure, "multi", None, "the paper's test table, recalled, not checked")
        for method, values in (("MT-GRPO", (0.2, 0.39, 0.501)), ("GRPO-MR", (0.2, 0.37, 0.335)), ("GRPO-OR", (0.0, 0.0, 0.0)))
        for measure, value in zip(("tool_execution", "search_has_answer", "exact_match"), values, strict=True)
    )

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
    def _articles(self) -> tuple[list[str], BM25]:
        if self.options["source"] == "bundled":
            articles = sample(self.options["landmarks"], self.options["seed"])[1]
        else:
            articles = read_articles(self.data.path(self.slug, "articles.jsonl"))
        return articles, BM25(articles)

    def search(self, query: str) -> str:
        """The best article for a query; "" when none shares a word with it."""
        articles, index = self._articles
        hits = index.search(query, 1)
        return articles[hits[0].document] if hits else ""

    # -- talking ------------------------------------------------------------------------------------------------------
    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, Question)
        if setting == "multi":
            played = await self.rollout(case, cast.assistant)
            cast.facts["stop"] = played.stop
            return played.chat
        casts = [cast.branch(f"rollout {number}") for number in range(self.options["group"])]
        group = await together(self.rollout(case, branch.assistant) for branch in casts)
        earned = [credited(read(played.chat), case.aliases) for played in group]
        by_estimator = {name: estimate(earned) for name, estimate in ESTIMATORS.items()}
        cast.facts["stop"] = group[0].stop
        cast.facts["rollouts"] = [
            {
                "stop": played.stop, "messages": list(read(played.chat).messages),
                "rewards": rewards(read(played.chat), case.aliases),
                "credit": msgspec.to_builtins(earned[i]),
                "advantages": {name: [float(a) for a in found[i]] for name, found in by_estimator.items()},
            }
            for i, played in enumerate(group)
        ]  # fmt: skip
        return group[0].chat

    async def rollout(self, case: Question, assistant: Player) -> Played:
        """One rollout of the environment."""
        chat = Conversation.start(system=SYSTEM).user(f"Question: {case.question}")
        for _ in range(self.options["steps"] + 1):
            try:
                said = await assistant(chat)
            except ContextOverflow:
                return Played(chat, "context limit")
            text = _cut(said.reply[:LONGEST])
            chat = chat.assistant(text)
            if field(text, "answer") is not None:
                return Played(chat, "success")
            if "<tool>" not in text:
                return Played(chat, "format error")
            if sum(message.role == "user" for message in chat.messages) > self.options["steps"]:
                break
            chat = chat.user(self._result(field(text, "tool")))
        return Played(chat, "turn limit")

    def _result(self, call: str | None) -> str:
        """What the environment answers to a tool call."""
        query = _query(call or "")
        if query is None:
            return f'{ERROR} write one JSON object like {{"name": "wiki_search", "args": {{"query": "…"}}}} inside <tool>.'
        found = self.search(query)
        return f"<result>\n{found}\n</result>" if found else f"{ERROR} nothing was found."

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
        for name in ("grpo-or", "grpo-mr", "mt-grpo"):
            for turn, value in enumerate(cast.facts["rollouts"][0]["advantages"][name], 1):
                yield Verdict(f"advantage {name}", value, turn=turn)

    def gold(self, case: Case, chat: Conversation) -> str | None:
        """Searches with the question, then answers."""
        assert isinstance(case, Question)
        if len(chat.turns) == 1:
            call: dict[str, Any] = {"name": "wiki_search", "args": {"query": case.question}}
            return f"<reasoning>I look it up.</reasoning><tool>{msgspec.json.encode(call).decode()}</tool>"
        return f"<reasoning>The article says it.</reasoning><answer>{case.aliases[0]}</answer>"


def _cut(text: str) -> str:
    """A message up to its first </tool> or </answer>: there generation stops."""
    ends = [at + len(tag) for tag in ("</tool>", "</answer>") if (at := text.find(tag)) >= 0]
    return text[: min(ends)] if ends else text


def _query(call: str) -> str | None:
    """The query of a tool call; None when it is none of ours."""
    try:
        found = msgspec.json.decode(call)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("name") != "wiki_search" or not isinstance(found.get("args"), dict):
        return None
    query = found["args"].get("query")
    return query if isinstance(query, str) else None
