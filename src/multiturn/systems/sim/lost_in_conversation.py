"""Lost in Conversation: the same problem told at once, and told in pieces."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...conversation import Case, Cast, Conversation, DataError, InputError, UnknownName
from ...judges.simulation import Secrets
from ...measures.figure import FRACTION, Scale
from ...measures.figures import by_turn, mean, multi_turn_cost, pass_k, reliability
from ...measures.verdict import Verdict
from ...protocols.benchmark import Benchmark
from ...protocols.sharded import Revealer, Shard, Told, Utterance, bullets, in_order, recap, simulated, tell
from .lost_case import FIELDS, FILES, HOME, LostCase, read
from .lost_figures import changes, overall
from .lost_published import published
from .lost_sample import sample
from .lost_tasks import Actions, Code, Database, Math, Task
from .lost_turn import final_score, note_turn, user_secrets
from .lost_writing import Data2Text, Summary, Translation

TASKS: dict[str, type[Task]] = {
    "math": Math, "code": Code, "database": Database, "actions": Actions, "data2text": Data2Text, "summary": Summary,
    "translation": Translation,
}  # fmt: skip
BINS = ("0-20 %", "20-40 %", "40-60 %", "60-80 %", "80-100 %")
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
        names = list(FIELDS) if self.options["tasks"] == "all" else str(self.options["tasks"]).split(",")
        for name in names:
            if name not in TASKS:
                raise UnknownName("task of `lost-in-conversation`", name, TASKS)
        if self.options["cap"] < 1:
            raise InputError(f"lost-in-conversation?cap={self.options['cap']}: must be 1 or more")
        found = [case for case in self._cases() if case.task in names]
        if not found:
            raise DataError(f"no cases of {', '.join(names)}: give the released files, or tasks=math with source=bundled")
        yield from found

    def _cases(self) -> Iterable[LostCase]:
        source = self.options["source"]
        if source not in ("auto", "bundled", "released"):
            raise UnknownName("source of `lost-in-conversation`", source, ("auto", "bundled", "released"))
        if source == "bundled" or self._data is None:
            return sample()
        return itertools.chain.from_iterable(self._file(name, source == "released") for name in FILES)

    def _file(self, name: str, wanted: bool) -> Iterator[LostCase]:
        """The cases of one released file. Where it is not there and not ``wanted``: the sample in place of the main file."""
        try:
            path = self.data.path(self.slug, name, f"{HOME}/{name}" if wanted else "")
        except DataError:
            if wanted:
                raise
            return sample() if name == FILES[0] else iter(())
        return read(path)

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
        reveal = _reveal(task, case, cast)
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
        turns, setting = cast.facts.get("turns", []), cast.setting
        score = final_score(turns[-1:] if setting in ("full", "concat", "recap") else turns, cast)
        yield score
        if setting in ("full", "concat"):
            if turns and turns[0]["length"] is not None:
                yield Verdict("answer length", turns[0]["length"], turn=1)
            return
        for number, turn in enumerate(turns, 1):
            strategy, cause = turn["strategy"], turn["cause"] or "no reply"
            for name, kinds in (("attempt", ("answer_attempt",)), ("question", ("clarification", "interrogation"))):
                value = None if strategy is None else float(strategy in kinds)
                yield Verdict(name, value, turn=number, reason=strategy or "", cause=cause if value is None else "")
            if turn["length"] is not None:
                yield Verdict("answer length", turn["length"], turn=number)
        yield Verdict("revealed", cast.facts.get("revealed"), cause=cast.stopped)
        if cast.has("user"):
            yield Verdict("scripted turns", sum(len(turn.get("faults", ())) > 1 for turn in turns))
        first = next((i for i, turn in enumerate(turns, 1) if turn["strategy"] == "answer_attempt"), None)
        if first is not None and setting != "recap" and not self.task(case).scripted:
            assert isinstance(case, LostCase)
            group = BINS[min(4, (5 * first - 1) // len(case.shards))]
            yield Verdict("score by first attempt", score.value, group=group, cause=score.cause)

    def gold(self, case: Case, chat: Conversation) -> str | None:
        assert isinstance(case, LostCase)
        return self.task(case).gold(case)

    def secrets(self, case: Case, chat: Conversation, setting: str, facts: Mapping[str, Any]) -> Secrets | None:
        assert isinstance(case, LostCase)
        task = self.task(case)
        return Secrets(turns=0) if task.scripted else user_secrets(case, task.gold(case) or "", setting, facts)


def _reveal(task: Task, case: LostCase, cast: Cast) -> Revealer:
    """Who tells the shards: the task's script, a model, or rules."""
    if not task.scripted:
        return simulated(cast.user) if cast.has("user") else in_order

    async def script(chat: Conversation, told: Sequence[Shard], left: Sequence[Shard]) -> Utterance:
        return task.turn(case, len(chat.turns))

    return script
