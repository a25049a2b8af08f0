"""UserLM: how much like a person a model behaves that plays the user."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from ...conversation import Case, Cast, Conversation, DataError, InputError, UnknownName
from ...judges.simulation import Secrets
from ...measures.figure import Scale
from ...measures.figures import by_turn, mean
from ...measures.verdict import Verdict
from ...players.simulated import LONGEST
from ...protocols.benchmark import Benchmark, Published
from . import lost_case
from .user_lms_data import FACT_FILE, QUIZ_FILE, UserCase, blocks, from_shards, read_facts, read_quiz, sample
from .user_lms_flip import END
from .user_lms_score import adherence, conversation, endings, f1_of_endings, first_turns

KINDS = {"first": "block", "conversation": "intent", "termination": "talk", "role": "quiz", "intent": "fact"}
"""Setting -> the kind of cases that it plays."""
MEASURES = (
    "diversity", "natural", "overlap", "coverage", "extra demands", "turns", "variety", "stopped", "termination F1", "in role",
    "on intent",
)  # fmt: skip
TURNS, COUNT = Scale(1, float("inf"), "turns", passing=1), Scale(0, float("inf"), "demands", passing=0)
_ROLE = (
    "You are a person who uses an AI assistant; you are not the assistant. {intent}\n\nWrite only your own next message, as "
    "people write: short, in your own words, not everything at once. When you have what you want, write {end} in place of a "
    "message."
)
_OPENING = "(The conversation begins. Write your first message.)"
_HELPER = "You are a helpful assistant."
_WAITS = (
    "Here is a first version. Is there anything else that I should know?",
    "I see. What else matters to you?",
    "Noted. Go on.",
)
_UNSURE = (
    "I am not sure about that. What do you think?", "Hmm, I really cannot decide. Could you say more?",
    "I still do not know, sorry. Is there anything that would help me?",
)  # fmt: skip
_DIVERTS = (
    "Before that: shall we plan your next holiday instead? I have great ideas for it.",
    "Let us rather talk about recipes. What did you eat yesterday?",
    "I would prefer to write a poem with you. Which animal should it be about?",
)


class UserLMs(Benchmark):
    """Flipping the Dialogue: Training and Evaluating User Language Models (Naous, Laban et al. 2025, arXiv 2510.06552).

    The model under test (``--model``) plays the *user*; ``--user``, where it is given, plays the other side, the assistant of
    setting ``conversation`` (without it a script that asks for more). All measures are about the simulated user, 0 to 1 unless
    said otherwise.

    ``first``         first turns for blocks of intents.  diversity: 1 - mean overlap of unigrams of all pairs of a block, texts
                      cut to ``length`` words (0: as they are);  natural: share that a detector takes for a person's (only from
                      Python, `UserLMs(detector=…)`; none is shipped)
    ``conversation``  at most ``cap`` turns about an intent.  overlap: of each turn with the intent, low is spread and rephrased;
                      coverage: share of the pieces of information told;  extra demands: a conversation (judge);  turns: the pace;
                      variety: different words / all words;  stopped: the user ended by itself
    ``termination``   conversations of people, cut at every reply.  ended: does the user end here?  termination F1 over all places
    ``role``          a quiz question, and an assistant that is unsure.  in role: the user does not give the answer
    ``intent``        a question, and an assistant that draws away.  on intent: the user holds on to it (judge)

    Decisions: diversity is Jaccard distance (the paper's summary leaves open whether it is the share of unique unigrams: that is
    `user_lms_measures.unique_share`). Role adherence without a judge: a rule, no turn settles on exactly one choice. Coverage
    without a judge: half of a piece's content words and all its numbers. Ending is the text ``<|endconversation|>`` in a reply; a
    model that never says it has F1 0. A message over 8,000 characters ends the conversation as "format error".
    ``prompt``: "instruct" (told that it is the user) or "intent" (the system text is the intent and nothing else: for models
    trained as users). ``source``: "bundled" (ours), "released" (sharded instructions of Lost in Conversation; CommonsenseQA and
    Natural Questions where those files are), "auto" (bundled where the instructions are not there). Training such a model:
    `user_lms_flip` (samples, splits); a model of words to try it: `user_lms_model`. All prompts are our wording. What an
    assistant is worth with such a user: ``lost-in-conversation`` with ``--user``.
    """

    slug = "user-lms"
    title = "Flipping the Dialogue: Training and Evaluating User Language Models"
    paper = "arXiv:2510.06552"
    family = "sim"
    kind = "simulator, model"
    licence = "MIT (models); cases of our own"
    home = "https://huggingface.co/microsoft/UserLM-8b"
    settings = tuple(KINDS)
    uses = ("user", "judge")
    params = {"source": "auto", "prompt": "instruct", "cap": 10, "block": 8, "length": 5}
    scales = {"turns": TURNS, "extra demands": COUNT}
    figures = (
        *(mean(measure, by=("setting",)) for measure in ("diversity", "natural", "overlap")), by_turn("overlap"),
        mean("coverage", by=("setting",)), mean("extra demands", COUNT, by=("setting",)), mean("turns", TURNS, by=("setting",)),
        *(mean(measure, by=("setting",)) for measure in ("variety", "stopped")), f1_of_endings,
        *(mean(measure, by=("setting",)) for measure in ("in role", "on intent")),
    )  # fmt: skip
    published = tuple(
        Published(model, value, measure, setting, source="the paper's summary; people's first turns: 0.9401, overlap 0.0168")
        for model, value, measure, setting in (
            ("UserLM-8b", 0.9455, "diversity", "first"), ("GPT-4o", 0.7442, "diversity", "first"),
            ("UserLM-8b", 0.0269, "overlap", "conversation"), ("UserLM-8b", 0.6354, "termination F1", "termination"),
        )
    )  # fmt: skip

    def __init__(self, data: Any = None, *, detector: Callable[[str], float | bool] | None = None, **params: Any) -> None:
        super().__init__(data, **params)
        self.detector = detector

    # -- cases --------------------------------------------------------------------------------------------------------
    def cases(self) -> Iterator[Case]:
        o = self.options
        for name, known in (("source", ("auto", "bundled", "released")), ("prompt", ("instruct", "intent"))):
            if o[name] not in known:
                raise UnknownName(f"{name} of `user-lms`", o[name], known)
        for name, least in (("cap", 1), ("block", 2), ("length", 0)):
            if o[name] < least:
                raise InputError(f"user-lms?{name}={o[name]}: must be {least} or more")
        return iter(self._cases())

    def _cases(self) -> Iterable[UserCase]:
        block = self.options["block"]
        bundled = list(sample(block))
        if self.options["source"] == "bundled" or self._data is None:
            return bundled
        fetch = self.options["source"] == "released"
        try:
            name = lost_case.FILES[0]
            path = self.data.path("lost-in-conversation", name, f"{lost_case.HOME}/{name}" if fetch else "")
        except DataError:
            if fetch:
                raise
            return bundled
        intents = list(from_shards(lost_case.read(path)))
        found: list[Iterable[UserCase]] = [blocks(iter(intents), block), intents, (c for c in bundled if c.kind == "talk")]
        for file, read, kind in ((QUIZ_FILE, read_quiz, "quiz"), (FACT_FILE, read_facts, "fact")):
            try:
                found.append(read(self.data.path(self.slug, file)))
            except DataError:  # not there: ours
                found.append(case for case in bundled if case.kind == kind)
        return chain.from_iterable(found)

    def views(self, case: Case, setting: str) -> Iterable[Case]:
        assert isinstance(case, UserCase)
        return (case,) if KINDS[setting] == case.kind else ()

    # -- playing ------------------------------------------------------------------------------------------------------
    def begin(self, intent: str) -> Conversation:
        """The user's side before its first message."""
        if self.options["prompt"] == "intent":
            return Conversation.start(system=intent)
        return Conversation.start(system=_ROLE.format(intent=intent, end=END)).user(_OPENING)

    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, UserCase)
        if setting == "first":
            first, chat = [], Conversation()
            for i, intent in enumerate(case.intents):
                chat = await cast.branch(f"intent {i}").assistant(self.begin(intent))
                first.append(chat.reply.replace(END, "").strip()[:LONGEST])
            cast.facts["first"] = first
            return chat
        if setting == "termination":
            return await self._endings(case, cast)
        lines = {"role": _UNSURE, "intent": (cast.random.choice(_DIVERTS),), "conversation": _WAITS}[setting]
        choices = f" The possible answers: {'; '.join(case.choices)}." if case.choices else ""
        intent = case.intent if setting == "conversation" else f"You are a user who wants to know: {case.intent}{choices}"
        return await self._talk(intent, cast, lines, self.options["cap"] if setting == "conversation" else len(lines) + 1)

    async def _talk(self, intent: str, cast: Cast, lines: tuple[str, ...], cap: int) -> Conversation:
        """The user talks with ``--user`` (setting ``conversation``), or with somebody who says ``lines``, the last for ever."""
        chat, other = self.begin(intent), Conversation.start(system=_HELPER)
        said, replies = list[str](), list[str]()
        cast.facts.update(said=said, replies=replies, stop="turn limit")
        for turn in range(cap):
            chat = await cast.assistant(chat)
            text = chat.reply
            message = text.replace(END, "").strip()
            if len(text) > LONGEST or not (message or END in text):
                cast.facts["stop"] = "format error"
                break
            if message:
                said.append(message)
            if END in text:
                cast.facts["stop"] = "user ended"
                break
            if turn + 1 == cap:
                break
            reply = lines[min(turn, len(lines) - 1)]
            if cast.setting == "conversation" and cast.has("user"):
                other = await cast.user(other.user(message))
                reply = other.reply
            replies.append(reply)
            chat = chat.user(reply)
        return chat

    async def _endings(self, case: UserCase, cast: Cast) -> Conversation:
        """At every reply of a finished conversation: would the user end here?"""
        chat, ended, asked = self.begin(case.intent), list[bool](), Conversation()
        for i, (message, reply) in enumerate(case.turns):
            chat = chat.assistant(message, author="person").user(reply)
            asked = await cast.branch(f"place {i}").assistant(chat)
            ended.append(END in asked.reply)
        cast.facts["ended"] = ended
        return asked

    def secrets(self, case: Case, chat: Conversation, setting: str, facts: Mapping[str, Any]) -> Secrets | None:
        """The user is the model under test. It may tell all that it wants; in two settings there is no talk to look at."""
        assert isinstance(case, UserCase)
        talks = setting not in ("first", "termination")
        return Secrets(
            instructions=_ROLE, known=case.intent, pieces=case.units, stop=str(facts.get("stop", "")), turns=None if talks else 0,
            measures=MEASURES, speaks="assistant", sign=END,
        )  # fmt: skip

    # -- judging ------------------------------------------------------------------------------------------------------
    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, UserCase)
        if cast.setting == "first":
            found = first_turns(cast, self.detector, self.options["length"])
        elif cast.setting == "termination":
            found = endings(case, cast)
        elif cast.setting == "conversation":
            found = await conversation(case, cast)
        else:
            found = [await adherence(case, cast)]
        for verdict in found:
            yield verdict
