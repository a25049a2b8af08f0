"""A file is a benchmark: scripted conversations from JSONL (one case a line) or YAML.

Measures:
  correct  0 or 1 a turn: every target and check of the turn that code can decide holds. Whether a reply declines (target
           ``refusal``) or asks back (``clarification``) is decided by rough English rules, or by the judge model if there
           is one. Turns without such targets have no such verdict.
  rubric   1 to 10 a turn, by a judge model that sees the conversation, the reply and the criteria; passing from 7.
           Without a judge it is not measured ("needs --judge").
An empty reply is counted as failed, at the floor of the measure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from ..conversation import Case, Cast, Conversation, DataError
from ..judges.ask import ScaleJudge, ask, quoted
from ..judges.parse import checklist
from ..judges.targets import Clarification, Memory, Refusal, Rubric, Target, fault, reference
from ..measures.figure import FRACTION, Scale
from ..measures.figures import standard
from ..measures.verdict import Verdict
from .benchmark import Data
from .casefile_read import Entry, entries, header
from .casefile_schema import CaseSpec, TurnSpec, Wrong, case_schema, parse_case
from .scripted import Scripted, ScriptedCase, ScriptedTurn, number_turns

__all__ = ["CaseFile", "case_schema"]

RUBRIC = Scale(1, 10, "points", 7)
RUBRIC_JUDGE = ScaleJudge(measure="rubric")
QUESTIONS = {
    Refusal: "Does the reply decline to do what the last user message asks for?",
    Clarification: "Does the reply ask the user for something that it needs to know before it can answer?",
}


class CaseFile(Scripted):
    """The benchmark that a cases file is."""

    family = "file"
    uses = ("judge",)
    measures = ("correct", "rubric")
    scales = {"correct": FRACTION, "rubric": RUBRIC}
    figures = (*standard("correct"), *standard("rubric", RUBRIC))

    def __init__(self, path: str | Path, data: Data | None = None) -> None:
        super().__init__(data)
        self.path = Path(path)
        head = header(self.path)
        # A class of Python has one slug; each file is a benchmark of its own.
        self.slug = head.name or self.path.stem  # type: ignore[misc]
        self.title = head.title or f"cases of {self.path.name}"  # type: ignore[misc]
        self._valid = False

    @property
    def fingerprint(self) -> str:
        """sha256 of the file's bytes, in hex."""
        try:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read ({error.strerror or error})") from None

    # -- reading ----------------------------------------------------------------------------------------------------
    def validate(self, limit: int = 20) -> list[str]:
        """What is wrong with the file, at most ``limit`` lines that name file, line, case and field; [] = nothing."""
        found: list[str] = []
        first: dict[str, int] = {}
        number = 0
        for number, entry in enumerate(entries(self.path), 1):
            try:
                name = _id(self._spec(entry, number), number)
                if name in first:
                    where = f" (first at line {first[name]})" if first[name] else ""
                    found.append(f"{self._place(entry, 'id')}: duplicate id `{name}`{where}; every case needs its own")
                first.setdefault(name, entry.line_of("id"))
            except DataError as error:
                found.append(str(error))
            if len(found) >= limit:
                return found
        return found if number else [f"{self.path.name}: no cases in the file"]

    def cases(self) -> Iterator[ScriptedCase]:
        """The cases in the order of the file. The whole file is checked before the first one is given."""
        if not self._valid:
            problems = self.validate(limit=2)
            if problems:
                more = f" (and more: `multiturn validate {self.path}` lists them)" if len(problems) > 1 else ""
                raise DataError(problems[0] + more)
            self._valid = True
        for number, entry in enumerate(entries(self.path), 1):
            yield _case(self._spec(entry, number), number)

    def _spec(self, entry: Entry, number: int) -> CaseSpec:
        if entry.problem:
            raise DataError(f"{self._place(entry, '')}: {entry.problem}")
        try:
            return parse_case(entry.raw)
        except Wrong as error:
            name = entry.raw.get("id") if isinstance(entry.raw, dict) else None
            case = f'case "{name[:60]}"' if isinstance(name, str) else f"case {number}"
            raise DataError(f"{self._place(entry, error.path)}, {case}, {error}") from None

    def _place(self, entry: Entry, path: str) -> str:
        line = entry.line_of(path)
        return f"{self.path.name}, line {line}" if line else self.path.name

    # -- playing and judging ----------------------------------------------------------------------------------------
    def views(self, case: Case, setting: str) -> Iterable[Case]:
        for view in super().views(case, setting):
            assert isinstance(view, ScriptedCase)
            if setting != "gold" or view.turns[-1].target:  # a turn without targets is not worth a call of its own
                yield view

    def slots(self, case: ScriptedCase, turn: ScriptedTurn) -> list[Verdict]:
        rubric = [isinstance(t, Rubric) for t in turn.target]
        return [Verdict("correct", None)] * (not all(rubric)) + [Verdict("rubric", None)] * any(rubric)

    async def score(self, case: ScriptedCase, turn: ScriptedTurn, reply: str, chat: Conversation, cast: Cast) -> list[Verdict]:
        slots = self.slots(case, turn)
        if not reply.strip():
            low = {name: scale.low for name, scale in self.scales.items()}
            return [msgspec.structs.replace(v, value=low[v.measure], reason="empty reply", failed=True) for v in slots]
        found = []
        if any(v.measure == "correct" for v in slots):
            found.append(await self._correct(turn.target, reply, chat, cast))
        for target in turn.target:
            if isinstance(target, Rubric):
                found.append(await RUBRIC_JUDGE(cast, _rubric_question(target, reply, chat)))
        return found

    async def _correct(self, targets: tuple[Target, ...], reply: str, chat: Conversation, cast: Cast) -> Verdict:
        for target in targets:
            if isinstance(target, Refusal | Clarification) and cast.has("judge"):
                verdict = await _judged(target, reply, chat, cast)
                if verdict.value != 1.0:
                    return verdict
            elif not isinstance(target, Rubric) and (wrong := fault(target, reply)):
                return Verdict("correct", 0.0, reason=wrong)
        return Verdict("correct", 1.0)


def _id(spec: CaseSpec, number: int) -> str:
    return str(number) if spec.id is None else spec.id


def _case(spec: CaseSpec, number: int) -> ScriptedCase:
    last = max((i for i, turn in enumerate(spec.turns) if turn.scored and turn.targets), default=-1)
    singles = (
        spec.single if isinstance(spec.single, tuple) else [spec.single if i == last else None for i in range(len(spec.turns))]
    )
    turns = number_turns(_turn(turn, single) for turn, single in zip(spec.turns, singles, strict=True))
    return ScriptedCase(id=_id(spec, number), group=spec.group, cluster=spec.cluster or "", turns=turns, system=spec.system or "")


def _turn(spec: TurnSpec, single: str | None) -> ScriptedTurn:
    implied = (text for text in map(reference, spec.targets) if text is not None)
    gold = spec.gold if spec.gold is not None else next(implied, None)
    needs = tuple(t.from_turn for t in spec.targets if isinstance(t, Memory))
    return ScriptedTurn(user=spec.user, gold=gold, scored=spec.scored, single=single, needs=needs, target=spec.targets)


def _material(reply: str, chat: Conversation) -> str:
    before = chat.turns[-1]
    said = [f"{m.role}: {m.text}" for m in chat.messages[: chat.depth - len(before.answers)]]
    return f"{quoted('conversation', chr(10).join(said))}\n{quoted('reply', reply)}"


def _rubric_question(rubric: Rubric, reply: str, chat: Conversation) -> str:
    return (
        "Judge how well the reply to the last user message of this conversation meets the criteria, "
        "from 1 (not at all) to 10 (fully).\n"
        f"{_material(reply, chat)}\n{quoted('criteria', rubric.text)}\n{RUBRIC_JUDGE.form}"
    )


async def _judged(target: Refusal | Clarification, reply: str, chat: Conversation, cast: Cast) -> Verdict:
    question = (
        f"Here is a conversation and the reply to its last user message. {QUESTIONS[type(target)]}\n"
        f"{_material(reply, chat)}\n"
        'First give your reasons. Then answer with one JSON object in exactly this form:\n{"answer": "<yes or no>"}'
    )
    answer = await ask(cast, question, lambda text: checklist(text, ("answer",)))
    value = None if answer.value is None else answer.value["answer"]
    cause = answer.cause or ("judge reply not parsable" if value is None else "")
    return Verdict("correct", None if value is None else float(value), reason=answer.reason, cause=cause)
