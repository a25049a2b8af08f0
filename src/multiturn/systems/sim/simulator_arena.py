"""SimulatorArena: assistants ranked by their conversations with simulated users, and simulated users ranked by how far the
outcome is that of people."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from ...conversation import Case, Cast, Conversation, DataError, InputError, UnknownName
from ...judges.simulation import Secrets
from ...measures.figure import FRACTION, Scale
from ...measures.figures import mean, multi_turn_cost
from ...measures.verdict import Verdict
from ...protocols.benchmark import Benchmark
from .arena_data import (
    FILES,
    HOME,
    PARTS,
    PROFILES,
    ArenaCase,
    Human,
    Task,
    document_notes,
    key_of,
    known,
    profile_lines,
    read_humans,
    read_problem,
    read_profiles,
)  # fmt: skip
from .arena_judge import correct, document, ending_turn, interaction
from .arena_published import PUBLISHED
from .arena_sample import sample
from .arena_user import VARIANTS, ArenaUser, described

RATING, TURNS = Scale(1, 10, "points", passing=10), Scale(1, float("inf"), "turns", passing=1)
_SYSTEM = {
    "math": "You are a good mathematics tutor. Help the student to understand and to find the solution: answer questions, react "
    "to mistakes, ask back, and let the student do the work. Never give the solution away.",
    "document": "You are a good writing assistant. Help the user to write and revise a document of less than 600 words, as they "
    "wish.",
}


class SimulatorArena(Benchmark):
    """SimulatorArena: Are User Simulators Reliable Proxies for Multi-Turn Evaluation of AI Assistants? (Dou et al., EMNLP 2025).

    A person who wants to understand a mathematical problem, or to have a document written, is played by a model (``--user``) and
    talks with the assistant, at most ``cap`` turns or until it says the stop phrase. Settings are ways of playing that person:
    ``zero-shot``; ``cot`` (a thought before each message, not sent), and on top of it ``length`` (messages as long as that
    person's), ``knowledge`` (in writing: preferences), ``writing``, ``interaction`` (style, with the length of messages),
    ``profile`` (all three), and those with ``length-`` before them. The paper's best: ``interaction`` in mathematics, ``profile``
    in writing.

    interaction   1 to 10 points, by the judge: how well the assistant worked with this user
    correct       0 or 1 (mathematics): the student's final answer, copied out and compared with the gold answer by the judge
    document      1 to 10 points (writing): the final document, all edits merged
    turns         the turn with which the matter was over, by a judge that reads the user's messages alone; all else is judged on
                  the conversation up to there
    user turns    messages of the user, the one that ended it included

    Whether the simulated users are a stand-in for people: `arena_figures` (`validate`, `outcomes`, `better`).

    Decisions: the stop phrase counts in what is sent, not in the thought (``official=True``: anywhere). An empty message ends the
    conversation; an unreadable one is asked for again once, then all is not measured. An empty reply ends it, too. ``refine``: a
    second call rewrites each message in the person's style.
    ``source``: "released" (the recorded people, fetched if need be; mathematics needs the MATH data set under
    ``simulator-arena/MATH``, since its problems may not be shipped), "bundled" (nine people of ours), "auto" (those released
    files that are there; bundled where there are none). Profiles come from the released files
    (``user_simulator_profiles/…``); without them writing and interaction style are computed from the person's own messages, and
    a person of whom no knowledge or preferences are known plays without. ``tasks``: "all", "math" or "document". All prompts are
    our wording; the paper's user is ``--user "NAME?temperature=0.7"``, its assistant at temperature 0.
    """

    slug = "simulator-arena"
    title = "SimulatorArena: Are User Simulators Reliable Proxies for Multi-Turn Evaluation of AI Assistants?"
    paper = "github:microsoft/SimulatorArena"
    family = "sim"
    kind = "benchmark, simulator"
    licence = "MIT (problems: MATH)"
    home = "https://github.com/microsoft/SimulatorArena"
    settings = tuple(VARIANTS)
    default_settings = ("interaction",)
    needs = ("user",)
    uses = ("judge",)
    params = {"tasks": "all", "source": "auto", "cap": 15, "refine": False, "official": False}
    scales = {"interaction": RATING, "correct": FRACTION, "document": RATING, "turns": TURNS, "user turns": TURNS}
    figures = (
        mean("interaction", RATING), mean("correct"), mean("document", RATING), mean("turns", TURNS), mean("user turns", TURNS),
        *(multi_turn_cost(m, s, a=a, b="zero-shot") for a in ("cot", "interaction", "profile")
          for m, s in (("interaction", RATING), ("correct", FRACTION), ("document", RATING))),
    )  # fmt: skip
    published = PUBLISHED

    # -- cases --------------------------------------------------------------------------------------------------------
    def cases(self) -> Iterator[Case]:
        source, tasks = self.options["source"], self.options["tasks"]
        if source not in ("auto", "bundled", "released"):
            raise UnknownName("source of `simulator-arena`", source, ("auto", "bundled", "released"))
        if tasks not in ("all", *FILES):
            raise UnknownName("task of `simulator-arena`", tasks, ("all", *FILES))
        if self.options["cap"] < 1:
            raise InputError(f"simulator-arena?cap={self.options['cap']}: must be 1 or more")
        wanted: list[Task] = [task for task in ("document", "math") if tasks in ("all", task)]
        if source == "bundled" or self._data is None:
            yield from (case for case in sample() if case.task in wanted)
            return
        for task in wanted:
            yield from self._released(task, fetch=source == "released")

    def _released(self, task: Task, fetch: bool) -> Iterable[ArenaCase]:
        """The recorded people of one task; of those files that are not there, and not to be fetched, our own in their place."""
        try:
            return [self._case(human, fetch) for human in self.humans(task, fetch=fetch)]
        except DataError:
            if fetch:
                raise
            return [case for case in sample() if case.task == task]

    def humans(self, task: Task, *, fetch: bool = False) -> list[Human]:
        """The recorded conversations of people."""
        first, *others = FILES[task]
        for name in others:
            try:
                return read_humans(self.data.path(self.slug, name), task)
            except DataError:  # not there: the whole file
                continue
        return read_humans(self.data.path(self.slug, first, f"{HOME}/{first}" if fetch else ""), task)

    def _case(self, human: Human, fetch: bool) -> ArenaCase:
        said = human.about_case
        parts: dict[str, tuple[str, ...]] = described(said)
        for part in PARTS:
            lines = profile_lines(part, self._profiles(human.task, part, fetch).get(key_of(human), ()))
            if part == "knowledge":
                lines = (*known(human), *lines)
            if lines:
                parts[part] = lines
        if human.task == "document":
            return ArenaCase(id=human.id, cluster=human.id, group=human.task, task=human.task, problem=str(human.row["intent"]),
                             kind=human.kind, notes=document_notes(human), said=said, profile=parts)  # fmt: skip
        problem, answer = read_problem(self.data.path(self.slug, f"MATH/{human.row['question_location']}"))
        return ArenaCase(id=human.id, cluster=human.id, group=human.task, task=human.task, problem=problem, kind=human.kind,
                         answer=answer, said=said, profile=parts)  # fmt: skip

    def _profiles(self, task: Task, part: str, fetch: bool) -> dict[str, Any]:
        folder = "math_tutoring" if task == "math" else "document_creation"
        name = f"user_simulator_profiles/{folder}/{PROFILES[task][part]}.json"
        if name not in self._read:
            try:
                path = self.data.path(self.slug, name, f"{HOME}/{name}" if fetch else "")
                self._read[name] = read_profiles(path)
            except DataError:
                if fetch:
                    raise
                self._read[name] = {}
        return self._read[name]

    def __init__(self, data: Any = None, **params: Any) -> None:
        super().__init__(data, **params)
        self._read: dict[str, dict[str, Any]] = {}

    # -- playing ------------------------------------------------------------------------------------------------------
    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, ArenaCase)
        variant, official = VARIANTS[setting], bool(self.options["official"])
        user = ArenaUser(cast.user, case, variant, refine=bool(self.options["refine"]), official=official)
        chat = Conversation.start(system=_SYSTEM[case.task])
        said, replies, faults = list[str](), list[str](), list[str]()
        cast.facts.update(said=said, stop="turn limit", faults=faults, user_turns=0)
        for turn in range(1, self.options["cap"] + 1):
            message, ended, refused = await user(said, replies)
            faults.extend(refused)
            if message is None:
                cast.facts["stop"] = "format error"
                break
            cast.facts["user_turns"] = turn
            if ended:
                cast.facts["stop"] = "user ended"
                break
            said.append(message)
            chat = await cast.assistant(chat.user((_lead(case) if turn == 1 else "") + message))
            replies.append(chat.reply)
            if not chat.reply.strip():
                cast.facts["stop"] = "failure"
                break
        return chat

    def secrets(self, case: Case, chat: Conversation, setting: str, facts: Mapping[str, Any]) -> Secrets | None:
        """The user may tell its task and its notes; the profile that it plays is no text to say. (A student does not know the
        answer, and may find it.)"""
        assert isinstance(case, ArenaCase)
        notes = "\n".join(f"{question}\n{answer}" for question, answer in case.notes)
        profile = "\n".join(" ".join(case.profile.get(part, ())) for part in VARIANTS[setting].parts)
        return Secrets(
            instructions=profile, known=f"{case.problem}\n{notes}", stop=str(facts.get("stop", "")),
            measures=("user turns", "turns"), lead=_lead(case),
        )  # fmt: skip

    # -- judging ------------------------------------------------------------------------------------------------------
    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, ArenaCase)
        outcome = "correct" if case.task == "math" else "document"
        said, stop = list(map(str, cast.facts.get("said", ()))), cast.facts.get("stop", "")
        cause = cast.stopped or ("user: reply not readable" if stop == "format error" else "" if said else "user said nothing")
        yield Verdict("user turns", None if cause else cast.facts["user_turns"], reason=f"ended by: {stop}", cause=cause)
        ending = None if cause else await ending_turn(case, said, cast)
        if ending is None or ending.value is None:
            for measure in ("turns", "interaction", outcome):
                yield Verdict(measure, None, cause=cause or (ending.cause if ending else ""))
            return
        yield Verdict("turns", ending.value, reason=ending.reason)
        upto = int(ending.value)
        said, replies = said[:upto], [turn.reply for turn in chat.turns][:upto]
        yield await interaction(case, said, replies, cast)
        yield await (correct if case.task == "math" else document)(case, said, replies, cast)


def _lead(case: ArenaCase) -> str:
    """What stands before the student's first message: the tutor has to know the problem."""
    return f"This is the problem:\n{case.problem}\n\n" if case.task == "math" else ""
