"""USP: is a simulated user the person of its profile, and how do assistants fare with such users?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from ...conversation import Case, Cast, Conversation, DataError, InputError, UnknownName
from ...judges.simulation import Secrets
from ...measures.figure import FRACTION, Scale
from ...measures.figures import by_turn, mean
from ...measures.verdict import Verdict
from ...players.simulated import LONGEST, OPENING, SimulatedUser
from ...protocols.benchmark import Benchmark
from .usp_data import FILES, UspCase, read_dialogues, sample, with_groups
from .usp_measures import Encoder, bag_of_words, style
from .usp_profile import system_text
from .usp_score import Verifier, likeness, personality, service

COSINE, CYCLE = Scale(-1, 1, "", passing=1), Scale(-2, 2, "", passing=2)
FIVE, TEN, GAP = Scale(1, 5, "points", passing=5), Scale(1, 10, "points", passing=10), Scale(0, 2, "", passing=0)
OF_USER = (
    "sem-sim", "style-sim", "ava", "consistency", "DP.P", "DP.R", "DPC", "trait consistency", "sameness gap",
)  # fmt: skip
"""All measures but the one of the assistant."""
_REPLIES = ("I see. Tell me more about it.", "Here is what I would try first. Does that help?", "What matters most to you there?")
_HELPER = "You are a helpful assistant."


class USP(Benchmark):
    """Know You First and Be You Better: Modeling Human-Like User Simulators via Implicit Profiles (USP; Wang et al. 2025).

    A profile in two paragraphs says who a user is (facts) and how (character and style). In the first two settings the model
    under test (``--model``) plays that user; in the third it is the assistant. ``--user`` is whoever it talks with.

    ``utterance``   the real dialogue up to each user turn, and the model writes that turn.  sem-sim, style-sim: cosine with what
                    the person wrote (-1 to 1);  ava: an authorship verifier takes the two for one author's (from Python:
                    `USP(verifier=…)`)
    ``dialogue``    the model talks as that person for ``cap`` turns, with ``--user`` or a script.  By the judge: consistency
                    (-2 to 2: cosine of facts + cosine of traits of the profile read back out of the messages), DP.P, DP.R, DPC
                    (0 to 1), trait consistency (1 to 5);  sameness gap: | mean cosine among the user's messages - that of the
                    person's |
    ``assistant``   ``--user`` plays the person and talks with the model under test.  quality: 1 to 10 a turn, by the judge, by
                    how common the profile is (majority, middle, minority, synthetic)

    Decisions: the encoders are exchangeable (Python: `USP(encoder=…, style_encoder=…)`), the paper's are SimCSE and a style
    model; by default words and signs of style are counted, so that values do not compare with the paper's. Groups come from a
    kernel density over principal components (the paper: UMAP). The profile is read back by the judge (the paper: a trained
    generator). ADV over a whole set of dialogues: `usp_measures.diversity_gap`; training samples and the reward: `usp_turns`,
    `usp_measures`; a policy small enough to try: `usp_toy`. ``source``: "bundled" (six people of ours), "released" (LMSYS-USP
    under ``usp/``, to be had from its hub; uncurated chat logs), "auto". No table of the paper could be verified: nothing is
    quoted. All prompts are ours.
    """

    slug = "usp"
    title = "Know You First and Be You Better: Modeling Human-Like User Simulators via Implicit Profiles"
    paper = "github:wangkevin02/USP"
    family = "sim"
    kind = "simulator, method"
    licence = "MIT (code); data: LMSYS-Chat-1M's"
    home = "https://github.com/wangkevin02/USP"
    settings = ("utterance", "dialogue", "assistant")
    default_settings = ("utterance", "dialogue")
    uses = ("user", "judge")
    params = {"source": "auto", "cap": 10}
    scales = {
        "sem-sim": COSINE, "style-sim": COSINE, "ava": FRACTION, "consistency": CYCLE, "trait consistency": FIVE,
        "sameness gap": GAP, "quality": TEN,
    }  # fmt: skip
    figures = (
        mean("sem-sim", COSINE), by_turn("sem-sim", COSINE), mean("style-sim", COSINE), mean("ava", by=("setting",)),
        mean("consistency", CYCLE), *(mean(name) for name in ("DP.P", "DP.R", "DPC")), mean("trait consistency", FIVE),
        mean("sameness gap", GAP), mean("quality", TEN), by_turn("quality", TEN),
    )  # fmt: skip

    def __init__(
        self, data: Any = None, *, encoder: Encoder = bag_of_words, style_encoder: Encoder = style,
        verifier: Verifier | None = None, **params: Any,
    ) -> None:  # fmt: skip
        super().__init__(data, **params)
        self.encoder, self.style_encoder, self.verifier = encoder, style_encoder, verifier

    # -- cases --------------------------------------------------------------------------------------------------------
    def cases(self) -> Iterator[Case]:
        source = self.options["source"]
        if source not in ("auto", "bundled", "released"):
            raise UnknownName("source of `usp`", source, ("auto", "bundled", "released"))
        if self.options["cap"] < 1:
            raise InputError(f"usp?cap={self.options['cap']}: must be 1 or more")
        if source == "bundled" or self._data is None:
            return sample()
        for name in FILES:
            try:
                path = self.data.path(self.slug, name)
            except DataError:  # not there: the next name
                continue
            return with_groups(read_dialogues(path))
        if source == "released":
            raise DataError(f"`usp` needs its dialogues as usp/{FILES[0]}: get them from hub wangkevin02/LMSYS-USP (--data DIR)")
        return sample()

    def views(self, case: Case, setting: str) -> Iterable[Case]:
        assert isinstance(case, UspCase)
        return (case,) if case.turns or setting != "utterance" else ()

    # -- playing ------------------------------------------------------------------------------------------------------
    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, UspCase)
        if setting == "utterance":
            return await self._utterances(case, cast)
        if setting == "dialogue":
            return await self._dialogue(case, cast)
        user = SimulatedUser(cast.user, system_text(case.profile), turns=self.options["cap"])
        chat, cast.facts["stop"] = Conversation.start(system=_HELPER), ""
        while not cast.facts["stop"]:
            chat, cast.facts["stop"], _ = await user(chat)
            if not cast.facts["stop"]:
                chat = await cast.assistant(chat)
        return chat

    async def _utterances(self, case: UspCase, cast: Cast) -> Conversation:
        """Every turn of the person, each written after the real dialogue before it."""
        view, said = Conversation.start(system=system_text(case.profile)).user(OPENING), list[str]()
        cast.facts["said"] = said
        wrote = view
        for turn, (message, reply) in enumerate(case.turns, 1):
            wrote = await cast.branch(f"turn {turn}").assistant(view)
            said.append(wrote.reply.strip()[:LONGEST])
            view = view.assistant(message, author="person").user(reply)
        return wrote

    async def _dialogue(self, case: UspCase, cast: Cast) -> Conversation:
        chat = Conversation.start(system=system_text(case.profile)).user(OPENING)
        other, said = Conversation.start(system=_HELPER), list[str]()
        cast.facts.update(said=said, stop="turn limit")
        for turn in range(self.options["cap"]):
            chat = await cast.assistant(chat)
            message = chat.reply.strip()
            if not message or len(message) > LONGEST:
                cast.facts["stop"] = "format error"
                break
            said.append(message)
            if turn + 1 < self.options["cap"]:
                if cast.has("user"):
                    other = await cast.user(other.user(message))
                chat = chat.user(other.reply if cast.has("user") else _REPLIES[turn % len(_REPLIES)])
        return chat

    def secrets(self, case: Case, chat: Conversation, setting: str, facts: Mapping[str, Any]) -> Secrets | None:
        """The user may tell the facts of its profile, and plays its character instead of saying it. In ``dialogue`` the model
        under test is the user; in ``utterance`` there is no talk, only single messages."""
        assert isinstance(case, UspCase)
        return Secrets(
            instructions=system_text(case.profile), known=case.facts, stop=str(facts.get("stop", "")), measures=OF_USER,
            turns=0 if setting == "utterance" else None, speaks="user" if setting == "assistant" else "assistant",
        )  # fmt: skip

    # -- judging ------------------------------------------------------------------------------------------------------
    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, UspCase)
        if cast.setting == "utterance":
            found = likeness(case, cast, self.encoder, self.style_encoder, self.verifier)
        elif cast.setting == "dialogue":
            found = await personality(case, cast, self.encoder)
        else:
            found = await service(chat, cast)
        for verdict in found:
            yield verdict
