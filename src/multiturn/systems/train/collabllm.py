"""CollabLLM: replies rewarded by the conversations that they lead to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, NamedTuple

from ...conversation import Case, Cast, Conversation, InputError, UnknownName
from ...judges.simulation import Secrets
from ...learning.pairs import Branch, Pair, best_and_worst
from ...learning.rewards import MultiturnReward, UserTurn, forward, length_penalty, multiturn_reward, together
from ...measures.figure import FRACTION, Scale
from ...measures.figures import by_turn, mean, multi_turn_cost
from ...measures.verdict import Verdict
from ...players.simulated import SimulatedUser
from ...protocols.benchmark import Benchmark
from .collabllm_data import SAMPLE, Goal, read_rows, released_goals
from .collabllm_published import PUBLISHED
from .collabllm_score import MARK, PROACTIVE, USER, RuleUser, interactivity, task_score, tokens, user_json

FILES = {"math": "collabllm-multiturn-math-hard.jsonl", "document": "collabllm-multiturn-medium.jsonl"}
KILO, REWARD, SPREAD = (
    Scale(0, float("inf"), "thousand tokens", passing=0), Scale(-1, 2, "reward", passing=0), Scale(0, 3, "reward", passing=0),
)  # fmt: skip


class Candidate(NamedTuple):
    """One reply at a branching point: the conversation with it, and its multiturn-aware reward."""

    chat: Conversation
    reward: MultiturnReward
    proactive: bool


class CollabLLM(Benchmark):
    """CollabLLM: From Passive Responders to Active Collaborators (Wu et al. 2025, arXiv:2502.00640).

    A user has a task in mind, begins vaguely, and tells the rest bit by bit; at most ``turns`` user messages.

    Settings: ``base`` (the model as it is), ``proactive`` (told to work together), ``mr`` (the collection of training data: at
    every turn ``candidates`` replies, every second one written under the proactive prompt; the conversation goes on with the
    one of the highest multiturn-aware reward, and the user's next message is that of its longest future).

    task           0 to 1: math, the final number is right; document, BLEU against the reference, of words (``official=True``: of
                   characters, as released)
    tokens         what the assistant wrote in all, in thousands (counted in pieces of words, see `collabllm_score.tokens`)
    interactivity  0 to 1, by the judge; not measured without one
    mr             the multiturn-aware reward of the chosen reply, a turn (setting ``mr``);  mr spread: best minus worst candidate

    MR(reply) = mean over ``samples`` futures of at most ``window`` more turns of

        task - min(``penalty`` * tokens, 1) + interactivity        (official: - tokens / 1000 instead, not clipped)

    Without ``--judge`` the reward has no interactivity (``facts["terms"]`` says what it was made of). ``penalty``, a token, is
    ours: the paper's could not be checked. The paper: ``candidates=5``, ``window=2``, ``samples=3``, ``turns=5``;
    here 2 candidates by default, for the cost: a turn takes up to candidates * (1 + samples * window) calls of the assistant.

    The user: with ``--user`` a model that knows the whole task; else rules that tell one detail a turn, two when asked. A user
    who says nothing usable ends the conversation, which is then not measured.
    ``source``: "bundled" (eight tasks of ours) or "released" (JSON lines of the hub's rows; their distinct tasks). Code tasks
    (BigCodeBench) are not played. All prompts are our wording.
    """

    slug = "collabllm"
    title = "CollabLLM: From Passive Responders to Active Collaborators"
    paper = "arXiv:2502.00640"
    family = "train"
    kind = "method"
    licence = "MIT"
    home = "https://github.com/Wuyxin/collabllm"
    settings = ("base", "proactive", "mr")
    uses = ("user", "judge")
    params = {
        "turns": 5, "candidates": 2, "samples": 3, "window": 2, "penalty": 0.0005, "source": "bundled", "official": False,
    }  # fmt: skip
    scales = {"task": FRACTION, "tokens": KILO, "interactivity": FRACTION, "mr": REWARD, "mr spread": SPREAD}
    figures = (
        mean("task"), mean("tokens", KILO), mean("interactivity"), mean("mr", REWARD), by_turn("mr", REWARD),
        mean("mr spread", SPREAD, by=("setting",)),
        *(multi_turn_cost(m, s, a=a, b="base") for a in ("proactive", "mr")
          for m, s in (("task", FRACTION), ("tokens", KILO), ("interactivity", FRACTION))),
    )  # fmt: skip
    published = PUBLISHED

    def cases(self) -> Iterator[Case]:
        o = self.options
        for name, least in (("turns", 1), ("candidates", 1), ("samples", 1), ("window", 0), ("penalty", 0)):
            if o[name] < least:
                raise InputError(f"collabllm?{name}={o[name]}: must be {least} or more")
        if o["source"] not in ("bundled", "released"):
            raise UnknownName("source of `collabllm`", o["source"], ("bundled", "released"))
        if o["source"] == "bundled":
            yield from SAMPLE
            return
        for group, file in FILES.items():
            yield from released_goals(read_rows(self.data.path(self.slug, file)), group)

    # -- talking ------------------------------------------------------------------------------------------------------
    def user(self, case: Goal, cast: Cast) -> UserTurn:
        turns = self.options["turns"] + self.options["window"]  # futures go beyond the last turn
        if not cast.has("user"):
            return RuleUser(case, turns)
        return SimulatedUser(cast.user, USER.format(goal=case.goal), turns=turns, stop=(MARK,), read=user_json)

    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, Goal)
        if setting == "mr":
            return await self._search(case, cast)
        chat = Conversation.start(system=PROACTIVE if setting == "proactive" else "")
        chat, cast.facts["stop"] = await forward(chat, cast.assistant, self.user(case, cast), 2 * self.options["turns"])
        return chat

    async def _search(self, case: Goal, cast: Cast) -> Conversation:
        """The conversation of the best candidates, and in the facts every candidate with its reward."""
        said = await self.user(case, cast)(Conversation())
        chat, stop = said.chat, said.stop
        points: list[dict[str, Any]] = []
        cast.facts.update(terms=sorted(self.weights(cast)), points=points)
        while not stop:
            turn = len(points) + 1
            found = await together(self._candidate(case, chat, cast, turn, i) for i in range(self.options["candidates"]))
            # The first of equals; what could not be scored comes last.
            best = max(found, key=lambda c: float("-inf") if c.reward.value is None else c.reward.value)
            points.append({"turn": turn, "chosen": found.index(best), "candidates": [_note(c) for c in found]})
            chat, ahead = best.chat, best.reward.longest
            if turn == self.options["turns"]:
                stop = "turn limit"
            elif len(ahead.chat) > len(chat):
                if len(ahead.chat) == len(chat) + 1:
                    stop = ahead.stop
                chat = next(node for node in ahead.chat.path() if len(node) == len(chat) + 1)
            elif self.options["window"]:
                stop = ahead.stop
            else:
                chat, stop, _ = await self.user(case, cast)(chat)
        cast.facts["stop"] = stop
        return chat

    async def _candidate(self, case: Goal, chat: Conversation, cast: Cast, turn: int, number: int) -> Candidate:
        name, proactive = f"turn {turn}/candidate {number}", number % 2 == 1
        view = chat
        if proactive:
            view = Conversation.of((*Conversation.start(system=PROACTIVE), *chat))
        said = await cast.branch(name).assistant(view)
        for message in said.messages[len(view) :]:
            chat = chat.add(message)
        reward = await multiturn_reward(
            chat, cast, lambda branch: self.user(case, branch), lambda end, branch: self.measure(case, end, branch),
            self.weights(cast), samples=self.options["samples"], messages=2 * self.options["window"], name=name,
        )  # fmt: skip
        return Candidate(chat, reward, proactive)

    # -- the reward ---------------------------------------------------------------------------------------------------
    def weights(self, cast: Cast) -> dict[str, float]:
        return {"task": 1.0, "length": 1.0} | ({"interactivity": 1.0} if cast.has("judge") else {})

    async def measure(self, case: Goal, chat: Conversation, cast: Cast) -> Mapping[str, float | None]:
        """The terms of the reward of a whole conversation."""
        official = bool(self.options["official"])
        task = await task_score(case, chat, cast, official)
        length = -tokens(chat) / 1000 if official else length_penalty(tokens(chat), self.options["penalty"])
        engaged = (await interactivity(chat, cast)).value if cast.has("judge") else None
        return {"task": task.value, "length": length, "interactivity": engaged}

    # -- judging ------------------------------------------------------------------------------------------------------
    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, Goal)
        stop = cast.stopped
        if cast.facts.get("stop") == "format error":
            stop = stop or "user: format error"
        elif not any(turn.answered for turn in chat.turns):
            stop = stop or "no reply"
        if stop:
            for measure in ("task", "tokens", "interactivity"):
                yield Verdict(measure, None, cause=stop)
        else:
            score = await task_score(case, chat, cast, bool(self.options["official"]))
            yield Verdict("task", score.value, reason=score.reason, cause=score.cause)
            yield Verdict("tokens", tokens(chat) / 1000)
            engaged = await interactivity(chat, cast)
            yield Verdict("interactivity", engaged.value, reason=engaged.reason, cause=engaged.cause)
        for point in cast.facts.get("points", ()):
            scores = [c["score"] for c in point["candidates"]]
            known = [s for s in scores if s is not None]
            chosen = scores[point["chosen"]]
            yield Verdict("mr", chosen, turn=point["turn"], cause="" if chosen is not None else "no future could be scored")
            if len(known) > 1:
                yield Verdict("mr spread", max(known) - min(known), turn=point["turn"])

    def gold(self, case: Case, chat: Conversation) -> str | None:
        """Asks until the rule user has told all, then gives the target."""
        assert isinstance(case, Goal)
        return "What else should I know?" if RuleUser(case, 1).untold(chat) else case.target

    def secrets(self, case: Case, chat: Conversation, setting: str, facts: Mapping[str, Any]) -> Secrets | None:
        assert isinstance(case, Goal)
        rules = RuleUser(case, 1)
        return Secrets(
            never=(case.target,), instructions=USER.replace("{goal}", ""), pieces=(rules.opening, *rules.details), per_turn=2,
            known=case.goal, stop=str(facts.get("stop", "")),
        )  # fmt: skip


def _note(candidate: Candidate) -> dict[str, Any]:
    reward = candidate.reward
    return {
        "reply": candidate.chat.reply, "score": reward.value, "proactive": candidate.proactive,
        "futures": [{"stop": f.stop, "messages": len(f.chat), "reward": f.reward, "values": f.values} for f in reward.futures],
    }  # fmt: skip


def branches(chat: Conversation, facts: Mapping[str, Any]) -> list[list[Branch]]:
    """Of a conversation of setting ``mr`` and its facts: the scored candidates of every turn."""
    turns = chat.turns
    found = []
    for point in facts["points"]:
        node = turns[point["turn"] - 1].chat
        while node.message is not None and node.message.role != "user" and node.parent is not None:
            node = node.parent
        found.append([Branch(node.assistant(c["reply"]), c["score"]) for c in point["candidates"]])
    return found


def preferences(chat: Conversation, facts: Mapping[str, Any], gap: float = 0.02) -> list[Pair]:
    """Preference pairs, best against worst candidate a turn, at least ``gap`` apart (as released: 0.02 offline, 0.1 online)."""
    made = [best_and_worst(point, gap) for point in branches(chat, facts)]
    return [pair for pair in made if pair is not None]
