"""Think Twice: does a second look repair or damage?"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise

from ...conversation import Case, Cast, Conversation, InputError, Message, Thought
from ...measures.figure import Scale
from ...measures.figures import by_turn, mean, multi_turn_cost, pass_k, reliability
from ...measures.verdict import Verdict
from ...players.rethink import MOST, Show, ask_again, final_answer, resample, think_rounds
from ...protocols.benchmark import Benchmark
from .multi_round_published import PUBLISHED
from .multi_round_sample import Question, bundled, from_file, majority, value_of

MOVES = ("I-C", "I-I", "C-C", "C-I")
GAIN = Scale(-1, 1, "fraction", passing=0)
WORDS = Scale(0, float("inf"), "words", passing=0)
_HESITATION = re.compile(r"\b(?:but|wait|maybe|therefore)\b", re.I)


class MultiRoundThinking(Benchmark):
    """Think Twice: Enhancing LLM Reasoning by Scaling Multi-round Test-time Thinking (Tian et al. 2025, arXiv 2503.19855).

    The model answers a question; then, ``rounds`` - 1 times, it is shown the question and its last answer (not its thinking)
    in a fresh conversation and answers again. No feedback is given, and right answers go through all rounds too.

    correct           right answer in a round (the "turn" of the figures is the round); its mean by round is pass@1
    I-C I-I C-C C-I   share of chains that go from wrong / right to right / wrong between two rounds (they add up to 1)
    repair, damage    P(right now | wrong before), P(wrong now | right before)
    gain              I-C minus C-I: the change of pass@1
    majority          the most frequent answer of all rounds is right (as many calls, no answer shown, in ``resample``)
    words, hesitation words of a reply with its thinking; of them "but", "wait", "maybe", "therefore", by transition

    Settings: ``rounds``; controls: ``resample`` (asked again without the answer: independent samples), ``anchor-right`` and
    ``anchor-wrong`` (round 2 alone, shown the right / a wrong answer). The paper samples every question 4 to 32 times
    (``--repeats``) at temperature 0.6, top-p 0.95; its four benchmarks are given with ``file=questions.jsonl``, without it a
    small set of our own is asked. Lengths are in words, for tokens differ by model.

    The conversation that is kept shows the rounds as turns one after the other; each was asked alone. As a strategy around a
    model in any benchmark: ``--with multi-round-thinking?rounds=2``.
    """

    slug = "multi-round-thinking"
    title = "Think Twice: Enhancing LLM Reasoning by Scaling Multi-round Test-time Thinking"
    paper = "arXiv:2503.19855"
    family = "game"
    kind = "method"
    licence = "Apache-2.0"
    home = "https://github.com/a-m-team/a-m-models"
    settings: tuple[str, ...] = ("rounds", "resample", "anchor-right", "anchor-wrong")
    default_settings: tuple[str, ...] = ("rounds", "resample")
    params = {"rounds": 4, "cases": 24, "seed": 1, "file": ""}
    scales = {"gain": GAIN, "words": WORDS, "hesitation": WORDS}
    figures = (
        mean("correct"), by_turn("correct"), *(by_turn(move) for move in MOVES), by_turn("repair"), by_turn("damage"),
        by_turn("gain", GAIN), mean("majority", by=("setting",)), by_turn("words", WORDS),
        mean("hesitation", WORDS), by_turn("hesitation", WORDS), multi_turn_cost("correct", a="rounds", b="resample"),
        reliability("correct"), pass_k("correct"),
    )  # fmt: skip
    published = PUBLISHED

    def cases(self) -> Iterator[Question]:
        rounds, count = self.options["rounds"], self.options["cases"]
        if not 1 <= rounds <= MOST or not 1 <= count <= 10_000:
            raise InputError(f"{self.slug}?rounds={rounds}&cases={count}: rounds from 1 to {MOST}, cases from 1 to 10000")
        return from_file(str(self.options["file"])) if self.options["file"] else bundled(count, self.options["seed"])

    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, Question)
        chat = Conversation().user(case.text)
        if setting.startswith("anchor"):
            shown = ask_again(chat, f"Answer: {case.answer if setting == 'anchor-right' else case.wrong}")
            said = await cast.assistant(shown)
            assert said.message is not None
            cast.facts["rounds"] = [None, _round(said.message)]
            return said
        show: Show = resample if setting == "resample" else ask_again
        told: list[dict[str, object]] = []
        cast.facts["rounds"] = told
        kept = chat
        async for message in think_rounds(cast.assistant, chat, self.options["rounds"], show):
            told.append(_round(message))
            shown = chat if len(told) == 1 else show(chat, str(told[-2]["answer"]))
            assert shown.message is not None
            kept = (chat if len(told) == 1 else kept.add(shown.message)).add(message)
        return kept

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, Question)
        anchored = cast.setting.startswith("anchor")
        told = list(cast.facts.get("rounds", ()))
        rounds = 2 if anchored else int(self.options["rounds"])
        values = [value_of(case.kind, r["answer"]) if r else "" for r in told]
        right: list[bool | None] = [v == case.answer if r else None for v, r in zip(values, told, strict=True)]
        for number in range(2 if anchored else 1, rounds + 1):
            now = right[number - 1] if number <= len(right) else None
            empty = now is not None and not told[number - 1]["answer"]
            cause = "" if now is not None else cast.stopped or "no answer"
            reason = "" if now is None else f"{values[number - 1] or 'no answer'}; right: {case.answer}"
            yield Verdict("correct", None if now is None else float(now), number, reason=reason, cause=cause, failed=empty)
        for number, (before, now) in enumerate(pairwise(right), 2):
            if before is not None and now is not None:
                for verdict in _moves(before, now):
                    yield Verdict(verdict[0], verdict[1], number)
        for number, r in enumerate(told, 1):
            if r is not None:
                move = _name(right[number - 2], right[number - 1]) if number > 1 and not anchored else f"round {number}"
                yield Verdict("words", float(r["words"]), number)
                yield Verdict("hesitation", float(r["hesitation"]), number, group=move)
        if not anchored:
            whole = len(told) == rounds
            cause = "" if whole else cast.stopped or "no answer"
            yield Verdict("majority", float(majority(values) == case.answer) if whole else None, cause=cause)

    def gold(self, case: Case, chat: Conversation) -> str | None:
        assert isinstance(case, Question)
        return f"Answer: {case.answer}"


def _round(message: Message) -> dict[str, object]:
    """What is kept of one round. Plain JSON data."""
    text = " ".join([*(p.text for p in message.parts if isinstance(p, Thought)), message.text])
    return {"answer": final_answer(message), "words": len(text.split()), "hesitation": len(_HESITATION.findall(text))}


def _name(before: bool | None, now: bool | None) -> str:
    return f"{'C' if before else 'I'}-{'C' if now else 'I'}"


def _moves(before: bool, now: bool) -> Iterator[tuple[str, float]]:
    move = _name(before, now)
    for name in MOVES:
        yield name, float(name == move)
    yield "gain", float(now) - float(before)
    yield ("damage", float(not now)) if before else ("repair", float(now))
