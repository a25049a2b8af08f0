"""CollabLLM: replies rewarded by the conversations that they lead to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from ...conversation import Case, Cast, Conversation, InputError, UnknownName
from ...judges.simulation import Secrets
from ...learning.rewards import UserTurn, forward, length_penalty, multiturn_reward, together
from ...measures.figure import FRACTION
from ...measures.figures import by_turn, mean, multi_turn_cost
from ...measures.verdict import Verdict
from ...protocols.benchmark import Benchmark
from . import collabllm_score as score
from .collabllm_data import SAMPLE, Goal, released
from .collabllm_points import Candidate, best_of, point
from .collabllm_points import branches as branches
from .collabllm_points import preferences as preferences
from .collabllm_published import PUBLISHED
from .collabllm_score import KILO, REWARD, SPREAD


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
        return iter(SAMPLE) if o["source"] == "bundled" else released(self.data)

    # -- talking ------------------------------------------------------------------------------------------------------
    def user(self, case: Goal, cast: Cast) -> UserTurn:
        return score.user_of(case, cast, self.options["turns"] + self.options["window"])  # futures go beyond the last turn

    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, Goal)
        if setting == "mr":
            return await self._search(case, cast)
        chat = Conversation.start(system=score.PROACTIVE if setting == "proactive" else "")
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
            best = best_of(found)
            points.append(point(turn, found, best))
            chat = best.chat
            if turn == self.options["turns"]:
                stop = "turn limit"
            elif self.options["window"]:
                chat, stop = best.reward.longest.after(chat)
            else:
                chat, stop, _ = await self.user(case, cast)(chat)
        cast.facts["stop"] = stop
        return chat

    async def _candidate(self, case: Goal, chat: Conversation, cast: Cast, turn: int, number: int) -> Candidate:
        name, proactive = f"turn {turn}/candidate {number}", number % 2 == 1
        view = chat
        if proactive:
            view = Conversation.of((*Conversation.start(system=score.PROACTIVE), *chat))
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
        task = await score.task_score(case, chat, cast, official)
        length = -score.tokens(chat) / 1000 if official else length_penalty(score.tokens(chat), self.options["penalty"])
        engaged = (await score.interactivity(chat, cast)).value if cast.has("judge") else None
        return {"task": task.value, "length": length, "interactivity": engaged}

    # -- judging ------------------------------------------------------------------------------------------------------
    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, Goal)
        async for verdict in score.verdicts(case, chat, cast, bool(self.options["official"])):
            yield verdict

    def gold(self, case: Case, chat: Conversation) -> str | None:
        """Asks until the rule user has told all, then gives the target."""
        assert isinstance(case, Goal)
        return "What else should I know?" if score.RuleUser(case, 1).untold(chat) else case.target

    def secrets(self, case: Case, chat: Conversation, setting: str, facts: Mapping[str, Any]) -> Secrets | None:
        assert isinstance(case, Goal)
        return score.user_secrets(case, facts)
