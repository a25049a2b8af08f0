"""tau-bench: an agent with a policy and a database, and a customer in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import msgspec

from ...conversation import Case, Cast, Conversation, InputError, UnknownName
from ...judges.simulation import Secrets
from ...measures.figure import FRACTION, Scale
from ...measures.figures import mean, pass_k, reliability
from ...measures.verdict import Verdict
from ...protocols.benchmark import Benchmark
from ...protocols.toolloop import Caps, tool_loop, tool_player
from .tau_case import TauCase, retail
from .tau_published import published
from .tau_review import review, user_secrets
from .tau_sample import sample
from .tau_score import ENDED, asserted, blamed, combined, listed, reached, replies, said
from .tau_user import Customer, scripted

COUNT = Scale(0, float("inf"), "steps", passing=0)
KS = (1, 2, 3, 4)


class TauBench(Benchmark):
    """tau-bench (Yao, Shinn, Razavi, Narasimhan 2024, arXiv 2406.12045) and tau2-bench (Barres et al. 2025, arXiv 2506.07982).

    reward     0 or 1: the conversation came to its end (the user ended it or was handed over) with the database as the gold
               actions leave it, and with every required output said. ``basis=task``: the parts each task lists itself (version
               2): DB, COMMUNICATE, ACTION, NL_ASSERTION (by the judge); any other part leaves it not measured
    state, outputs, assertions   these parts alone, each 0 or 1, where the task has them
    user in order            share of conversations in which rules find no fault of the simulated user (see `tau_review`)
    reward (user in order)   the reward without the others: not measured there, with the fault as its cause
    blamed on the user       of the failed conversations, by the judge
    steps, wrong calls       replies of the agent, calls included; calls of unknown tools or with unreadable or wrong arguments
    pass^k, pass@k           over repeats, see `multiturn.measures.reliability` (the paper: 4)

    Roles. The user: ``--user``; in the domain ``shop`` a script says its lines where there is none. The judge: optional.
    Domains: ``shop`` (ours, small; two tasks need tools of the user's own), ``retail`` (tasks of version 2 with its database,
    policy and splits; an own implementation of its tools). The scores of the two do not compare.

    Decisions: two unusable replies of the simulated user in a row make the episode not measured; an agent that says nothing
    twice, whose context is full, or that reaches ``steps`` or ``errors`` (wrong and refused calls) scores 0. All calls of a
    message are carried out. For training: ``facts["reward"]`` holds each episode's reward (``basis=paper``, in code only).
    ``official=True``: only the first call of a message counts, and 1 and 1.0 are different values of the database.
    ``text_tools``: "auto" (tools as text where the model has no place for them), "always", "never". Prompts are our wording.
    """

    slug = "tau-bench"
    title = "tau-bench: A Benchmark for Tool-Agent-User Interaction in Real-World Domains"
    paper = "arXiv:2406.12045"
    family = "agent"
    licence = "MIT (released data)"
    home = "https://github.com/sierra-research/tau2-bench"
    uses = ("user", "judge")
    params = {
        "domain": "shop", "split": "all", "basis": "paper", "text_tools": "auto", "steps": 30, "errors": 10, "official": False,
    }  # fmt: skip
    scales = {
        "reward": FRACTION, "state": FRACTION, "outputs": FRACTION, "assertions": FRACTION, "user in order": FRACTION,
        "reward (user in order)": FRACTION, "blamed on the user": FRACTION, "steps": COUNT, "wrong calls": COUNT,
    }  # fmt: skip
    figures = (
        mean("reward"), pass_k("reward", ks=KS), reliability("reward"), mean("reward (user in order)", by=("setting",)),
        pass_k("reward (user in order)", ks=KS), mean("user in order", by=("setting",)), mean("state", by=("setting",)),
        mean("outputs", by=("setting",)), mean("assertions", by=("setting",)), mean("blamed on the user", by=("setting",)),
        mean("steps", COUNT, by=("setting",)), mean("wrong calls", COUNT, by=("setting",)),
    )  # fmt: skip
    published = published()

    def cases(self) -> Iterator[TauCase]:
        choices = {"domain": ("shop", "retail"), "basis": ("paper", "task"), "text_tools": ("auto", "always", "never")}
        for name, known in choices.items():
            if self.options[name] not in known:
                raise UnknownName(f"{name} of `tau-bench`", str(self.options[name]), known)
        if self.options["steps"] < 1 or self.options["errors"] < 1:
            raise InputError("tau-bench: steps and errors must be 1 or more")
        return sample() if self.options["domain"] == "shop" else retail(self.data, str(self.options["split"]))

    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, TauCase)
        world, style = case.world(), self.options["text_tools"]
        modelled = cast.has("user") or not case.script
        customer = Customer(tool_player(cast, "user", world.user.tools, style), case.scenario, world.user) if modelled else None
        looped = await tool_loop(
            Conversation.start(system=case.front.policy), tool_player(cast, "assistant", world.agent.tools, style), world.agent,
            customer or scripted(case.script, world), caps=Caps(self.options["steps"], self.options["errors"]),
            one_call=bool(self.options["official"]),
        )  # fmt: skip
        cast.facts.update({
            "stop": looped.stop, "state": world.digest(bool(self.options["official"])), "steps": looped.steps,
            "changed": {table: list(found) for table, found in world.changes().items()}, "user failed": looped.user_failed,
            "wrong calls": looped.invalid, "user": "model" if customer else "script",
            "assistant calls": listed(looped.calls), "user calls": listed(customer.calls if customer else ()),
        })  # fmt: skip
        if not looped.user_failed:
            cast.facts["reward"] = self.reward(case, looped.chat, cast.facts)
            if looped.stop == "success" and not cast.facts["reward"]:
                cast.facts["stop"] = "failure"
        return looped.chat

    def reward(self, case: TauCase, chat: Conversation, facts: dict[str, Any]) -> float:
        """The paper's reward of a finished conversation: 0 or 1, in code only."""
        right = reached(case, facts, bool(self.options["official"])) and said(case.outputs, replies(chat))
        return float(right and facts["stop"] in ENDED)

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, TauCase)
        facts = cast.facts
        if cast.stopped or facts.get("user failed"):
            cause = cast.stopped or "simulated user: format error"
            for measure in ("reward", "state", "reward (user in order)", "user in order", *["outputs"] * bool(case.outputs)):
                yield Verdict(measure, None, cause=cause)
            return
        parts = {"DB": Verdict("state", float(reached(case, facts, bool(self.options["official"]))))}
        if case.outputs:
            parts["COMMUNICATE"] = Verdict("outputs", float(said(case.outputs, replies(chat))))
        if case.assertions and (cast.has("judge") or self._own(case, "NL_ASSERTION")):
            answer = await asserted(case, chat, cast)
            value = None if answer.value is None else float(all(answer.value.values()))
            parts["NL_ASSERTION"] = Verdict("assertions", value, reason=answer.reason, cause=answer.cause)
        for verdict in parts.values():
            yield verdict
        reward = combined(case, parts, facts, own=self.options["basis"] == "task")
        yield reward
        yield Verdict("steps", facts["steps"])
        yield Verdict("wrong calls", facts["wrong calls"])
        if facts["user"] == "model":
            seen = [call["result"] for call in facts["user calls"]]
            kinds = list(dict.fromkeys(f"{f.kind}" for f in review(case.scenario, chat, facts["stop"], seen)))
            yield Verdict("user in order", float(not kinds), reason="; ".join(kinds))
            clean = {"value": None, "cause": f"simulated user: {kinds[0]}"} if kinds else {}
            yield msgspec.structs.replace(reward, measure="reward (user in order)", **clean)
            if reward.value == 0 and cast.has("judge"):
                side = await blamed(case, chat, cast)
                value = None if side.value is None else float(side.value == "user")
                yield Verdict("blamed on the user", value, reason=f"{side.value or ''}: {side.reason}", cause=side.cause)

    def _own(self, case: TauCase, part: str) -> bool:
        return self.options["basis"] == "task" and part in case.basis

    def gold(self, case: Case, chat: Conversation) -> str | None:
        """The gold actions as tool calls in text, a word to the user where it has to act, and the outputs in the end."""
        assert isinstance(case, TauCase)
        moves, done = case.moves(), sum(message.role == "assistant" for message in chat.messages)
        return moves[done] if done < len(moves) else "Good."

    def secrets(self, case: Case, chat: Conversation, setting: str, facts: Mapping[str, Any]) -> Secrets | None:
        assert isinstance(case, TauCase)
        met = reached(case, facts, bool(self.options["official"])) if "state" in facts else None
        return user_secrets(case.scenario, chat, facts, bool(case.phone), met)
