"""Lost in Conversation: the same problem told at once, and told in pieces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from ...conversation import Case, Cast, Conversation, InputError
from ...judges.simulation import Secrets
from ...measures.figure import FRACTION, Scale
from ...measures.figures import by_turn, mean, multi_turn_cost, pass_k, reliability
from ...measures.verdict import Verdict
from ...protocols.benchmark import Benchmark
from ...protocols.sharded import Told, Utterance, bullets, recap, tell
from .lost_case import LostCase
from .lost_data import TASKS, instructions
from .lost_figures import changes, overall
from .lost_published import published
from .lost_tasks import Task
from .lost_turn import by_first_attempt, final_score, note_turn, teller, turn_verdicts, user_secrets

CHARACTERS, COUNT = Scale(0, float("inf"), "characters", passing=0), Scale(0, float("inf"), "turns", passing=0)


class LostInConversation(Benchmark):
    """LLMs Get Lost In Multi-Turn Conversation (Laban, Hayashi, Zhou, Neville 2025, arXiv 2505.06120).

    Settings: ``full`` (the original instruction, one turn), ``concat`` (all shards, one turn), ``sharded`` (one shard a turn:
    the intent first; over when an answer is right or nothing is left to tell), ``recap`` (the same sharded conversation,
    then one turn that sums up what the user said; only its answer counts), ``snowball`` (every turn repeats the user's
    earlier ones).

    score          0 to 1: of the last answer attempt; no attempt is 0. math, code, database, actions: 0 or 1 (in sharded 1 if
                   any attempt was right, while full has a single one); data2text, translation: BLEU / 100; summary: joint score
    aptitude, unreliability, reliability   over repeats (the paper: 10), see `multiturn.measures.reliability`
    score relative to full   the mean over tasks of score / score in full ("overall" in the paper)
    attempt, question   share of turns that try to answer; that ask (clarification or interrogation)
    score by first attempt   score by when the first attempt came, in fifths of the shards (code and math in the paper)
    answer length  characters of each attempt's answer;  revealed: share of shards told;  scripted turns: see below

    Roles. The user: rules that tell the shards word for word in their order; with ``--user`` a model that chooses and rephrases
    them (the paper: GPT-4o-mini, temperature 1). Its unusable replies are asked for again once, then the next shard is told
    word for word and counted under ``scripted turns``. The judge names each turn's strategy and copies out answers (math,
    database); without ``--judge``, rules do. A judge's unreadable reply leaves the turn open, and the score with it where it
    depends on that turn. Code, SQL results, calls, numbers and BLEU are checked in code.

    Decisions: at most ``cap`` turns a shard; a conversation that ends there with shards untold and no right answer is not
    measured. data2text, translation and summary go on to the last shard, and their replies are all attempts. Sampling is the
    model's own unless given: the paper's is ``--model "NAME?temperature=1&max_tokens=1000"`` (10000 for reasoning models).
    ``official=True``: recap restates the shards in place of the user's words, data2text replies are classified, a
    right answer ends any task, summary sends its first batch twice, an answer that cannot be copied scores 0, and cents are
    stripped as in the released code; its snowball of the last shard for turns that reveal nothing is not reproduced.

    ``tasks``: "all" or names with commas between. ``source``: "released" (its files, fetched if need be), "bundled" (twelve
    maths problems of ours), "auto" (the released files that are there already; bundled in place of the main one). All prompts
    are our wording.
    """

    slug = "lost-in-conversation"
    title = "LLMs Get Lost In Multi-Turn Conversation"
    paper = "arXiv:2505.06120"
    family = "sim"
    licence = "CDLA-Permissive-2.0 (data), MIT (code)"
    home = "https://github.com/microsoft/lost_in_conversation"
    settings = ("full", "concat", "sharded", "recap", "snowball")
    default_settings = ("full", "concat", "sharded")
    uses = ("user", "judge")
    params = {"tasks": "all", "source": "auto", "cap": 2, "official": False}
    scales = {
        "score": FRACTION, "attempt": FRACTION, "question": FRACTION, "score by first attempt": FRACTION, "revealed": FRACTION,
        "answer length": CHARACTERS, "scripted turns": COUNT,
    }  # fmt: skip
    figures = (
        mean("score"), overall("score", ("concat", "sharded", "recap", "snowball")), reliability("score"),
        changes("score", ("concat", "sharded", "recap", "snowball")), pass_k("score"),
        *(multi_turn_cost("score", a=a, b="full") for a in ("sharded", "concat", "recap", "snowball")),
        *(multi_turn_cost("score", a=a, b="sharded") for a in ("recap", "snowball")),
        mean("attempt", by=("setting",)), by_turn("attempt"), mean("question", by=("setting",)), mean("score by first attempt"),
        mean("answer length", CHARACTERS), mean("revealed", by=("setting",)), mean("scripted turns", COUNT, by=("setting",)),
    )  # fmt: skip
    published = tuple(published())

    # -- cases --------------------------------------------------------------------------------------------------------
    def cases(self) -> Iterator[Case]:
        if self.options["cap"] < 1:
            raise InputError(f"lost-in-conversation?cap={self.options['cap']}: must be 1 or more")
        return instructions(self._data, self.options["source"], str(self.options["tasks"]))

    def task(self, case: Case) -> Task:
        assert isinstance(case, LostCase)
        return TASKS[case.task](self._data, bool(self.options["official"]))

    # -- playing ------------------------------------------------------------------------------------------------------
    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, LostCase)
        task = self.task(case)
        await task.ready(case, cast)
        chat = Conversation.start(system=task.system(case))
        cast.facts.update(turns=[], stop="")
        if setting in ("full", "concat"):
            chat = await cast.assistant(chat.user(task.full(case) if setting == "full" else task.concat(case)))
            value = await note_turn(task, case, cast, chat, direct=True)
            cast.facts["stop"] = "success" if value == 1.0 else "user ended"
            return chat

        async def solved(chat: Conversation, utterance: Utterance, last: bool) -> bool:
            value = await note_turn(task, case, cast, chat, utterance=utterance, scored=last or not task.last_only)
            return value == 1.0 and (not task.scripted or task.official)

        cap = self.options["cap"] * len(case.shards)
        reveal = teller(task, case, cast)
        told = await tell(chat, case.shards, cast.assistant, reveal, solved, cap=cap, rolling=setting == "snowball")
        cast.facts.update(stop=told.stop, revealed=len(told.revealed) / len(case.shards))
        if setting != "recap":
            return told.chat
        chat = await cast.assistant(told.chat.user(recap(self._restated(task, case, told))))
        await note_turn(task, case, cast, chat)
        return chat

    def _restated(self, task: Task, case: LostCase, told: Told) -> str:
        return task.concat(case) if task.official or task.scripted else bullets([u.text for u in told.utterances])

    # -- judging ------------------------------------------------------------------------------------------------------
    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, LostCase)
        turns, setting = cast.facts.get("turns", []), cast.setting
        score = final_score(turns[-1:] if setting in ("full", "concat", "recap") else turns, cast)
        yield score
        if setting in ("full", "concat"):
            if turns and turns[0]["length"] is not None:
                yield Verdict("answer length", turns[0]["length"], turn=1)
            return
        for verdict in turn_verdicts(turns):
            yield verdict
        yield Verdict("revealed", cast.facts.get("revealed"), cause=cast.stopped)
        if cast.has("user"):
            yield Verdict("scripted turns", sum(len(turn.get("faults", ())) > 1 for turn in turns))
        if setting != "recap" and not self.task(case).scripted:
            for verdict in by_first_attempt(turns, len(case.shards), score):
                yield verdict

    def gold(self, case: Case, chat: Conversation) -> str | None:
        assert isinstance(case, LostCase)
        return self.task(case).gold(case)

    def secrets(self, case: Case, chat: Conversation, setting: str, facts: Mapping[str, Any]) -> Secrets | None:
        assert isinstance(case, LostCase)
        task = self.task(case)
        return Secrets(turns=0) if task.scripted else user_secrets(case, task.gold(case) or "", setting, facts)
