"""Sentient Agent as a Judge: the user whose feelings are the score."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import msgspec

from ...conversation import Case, Cast, Conversation, DataError, UnknownName
from ...judges.simulation import Secrets
from ...measures.figure import FRACTION, Scale
from ...measures.figures import by_turn, mean
from ...measures.verdict import Verdict
from ...players.emotional import EmotionalUser
from ...protocols.benchmark import Benchmark
from .sage_data import FILE, HOME, PUBLISHED, SAMPLE_FILE, SageCase, read_profiles
from .sage_sample import sample
from .sage_validation import QUALITY, RELATIONSHIP, validation

EMOTION, TURNS = Scale(0, 100, "points", passing=100), Scale(1, 10, "turns", passing=10)
FAILURE = Scale(passing=0)
_SYSTEM = {
    "en": "You are somebody good to talk to: you sense how people feel, and you answer as a close friend would, in plain words.",
    "zh": "你是一位善于体察他人感受的聊天伙伴，请像知心朋友一样，用自然的口语回应对方。",
}
_CAUSES = {"format error": "user: reply not readable"}


class SageSentient(Benchmark):
    """Sentient Agent as a Judge: Evaluating Higher-Order Social Cognition in Large Language Models (SAGE; Zhang et al.
    2025, arXiv 2505.02847).

    The judge is the user: a person with a story, a hidden wish (one of eight intentions, in two groups) and an emotion
    from 0 to 100 that begins at 40. After each reply the user (``--user``) appraises it in private and changes the emotion by
    at most 10, then writes the next message in the state of that emotion. The assistant sees one system sentence and plain
    messages. Over at 100 (success), below 10 (failure), at a farewell, or with the reply to the tenth user message, which is no
    longer appraised.

    sentient score   0 to 100 points: mean over profiles of the final emotion (emotion = min(100, emotion + change))
    success, failure   share of profiles that end at 100; below 10 (lower is better)
    emotion          0 to 100 at each user message (turn 1 is always 40): the trajectory
    user turns       1 to 10 messages of the user
    relationship, utterance quality   with ``validate=True`` and ``--judge``: see `sage_validation`

    Decisions: a reply of the user that cannot be read is asked for again once (the released code: without end); after that the
    conversation ends as "format error" and its final emotion is not measured, with the trajectory up to there kept. Change is
    the first whole number of its section, brought into -10 … 10. An emotion cannot fall below 0, since it ends below 10. A user
    message that says the hidden wish is refused like any other unusable one. Farewells are 再见, 拜拜, goodbye, bye-bye.
    An empty reply of the assistant is appraised as any other.

    ``source``: "released" (the authors' 100 profiles, Chinese; fetched if need be), "bundled" (eight of ours, English), "auto"
    (the released ones, or their first 40, where they are; else bundled). The prompts are our wording of the same steps. The
    published scores have DeepSeek-V3 as the user: scores under different users are not comparable.
    """

    slug = "sage-sentient"
    title = "Sentient Agent as a Judge: Evaluating Higher-Order Social Cognition in Large Language Models"
    paper = "arXiv:2505.02847"
    family = "sim"
    licence = "MIT"
    home = "https://github.com/Tencent/digitalhuman"
    needs = ("user",)
    params = {"source": "auto", "validate": False}
    scales = {
        "sentient score": EMOTION, "success": FRACTION, "failure": FAILURE, "emotion": EMOTION, "user turns": TURNS,
        "relationship": RELATIONSHIP, "utterance quality": QUALITY,
    }  # fmt: skip
    figures = (
        mean("sentient score", EMOTION), mean("success"), mean("failure", FAILURE), by_turn("emotion", EMOTION),
        mean("user turns", TURNS, by=("setting",)), mean("relationship", RELATIONSHIP, by=("setting",)),
        mean("utterance quality", QUALITY, by=("setting",)),
    )  # fmt: skip
    published = PUBLISHED

    def cases(self) -> Iterable[SageCase]:
        source = self.options["source"]
        if source not in ("auto", "bundled", "released"):
            raise UnknownName("source of `sage-sentient`", source, ("auto", "bundled", "released"))
        if source == "released":
            return read_profiles(self.data.path(self.slug, FILE, f"{HOME}/{FILE}"))
        if source == "auto" and self._data is not None:
            for name in (FILE, SAMPLE_FILE):
                try:
                    return read_profiles(self.data.path(self.slug, name))
                except DataError:  # not there: the next best
                    continue
        return sample()

    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, SageCase)
        user = EmotionalUser(cast.user, case.character)
        mood = user.start
        emotions, notes, faults = [mood.emotion], list[object](), list[str]()
        cast.facts.update(stop="", emotions=emotions, notes=notes, faults=faults)
        language = "zh" if re.search(r"[\u4e00-\u9fff]", case.character.opening) else "en"
        chat = (await user(Conversation.start(system=_SYSTEM[language]), mood)).chat
        while True:
            chat = await cast.assistant(chat)
            chat, mood, stop, appraised, refused = await user(chat, mood)
            faults.extend(refused)
            if appraised and stop != "turn limit":
                emotions.append(mood.emotion)
                notes.append(msgspec.to_builtins(mood.appraisal))
            if stop:
                cast.facts["stop"] = stop
                return chat

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        emotions, stop = cast.facts.get("emotions", []), cast.facts.get("stop", "")
        cause = cast.stopped or _CAUSES.get(stop, "")
        for turn, emotion in enumerate(emotions, 1):
            yield Verdict("emotion", float(emotion), turn=turn)
        final = None if cause or not emotions else float(emotions[-1])
        why = f"ended by: {stop}" if stop else ""
        for measure, value in (
            ("sentient score", final),
            ("success", None if final is None else float(final >= 100)),
            ("failure", None if final is None else float(final < 10)),
            ("user turns", None if final is None else float(len(emotions))),
        ):
            yield Verdict(measure, value, reason=why, cause=cause if value is None else "")
        if self.options["validate"] and not cause:
            for verdict in await validation(chat, cast.facts["notes"], cast):
                yield verdict

    def secrets(self, case: Case, chat: Conversation, setting: str, facts: Mapping[str, Any]) -> Secrets | None:
        assert isinstance(case, SageCase)
        who, emotions = case.character, facts.get("emotions") or [0]
        return Secrets(
            never=(who.wish,), known=f"{who.persona}\n{who.story}\n{who.opening}", stop=str(facts.get("stop", "")),
            met=emotions[-1] >= EMOTION.high, measures=("relationship", "utterance quality", "user turns"),
        )  # fmt: skip
