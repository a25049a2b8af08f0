"""Multi-IF (He et al. 2024, arXiv 2410.15553): instructions that add up over three turns, in eight languages.

Each later turn adds an instruction and the earlier ones stay in force; the history is the model's own answers. At each turn
all instructions in force are checked in code, strictly and loosely as in IFEval, by rules that know the reply's language.

Measures, shares from 0 to 1, at each turn, over all languages and in each: ``prompt_strict``, ``prompt_loose``,
``instruction_strict``, ``instruction_loose``; ``score``, the mean of those four accuracies, is the paper's headline.
``forgetting``: of the instructions followed at some earlier turn, the share not followed now; ``correction``: of those missed
at some earlier turn, the share followed now (both strict).

``official=true`` repeats the released checks; by default their gaps outside English are closed (docs/checkers.md).
The paper samples with temperature 0.6, top_p 0.9, seed 42 and 1024 new tokens, one reply a turn. Its code scores the text of
a failed request as a reply; here such a turn is not measured.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import msgspec
from msgspec import Struct

from ...conversation import Cast, Conversation, DataError, InputError
from ...judges.instructions.grading import MEASURES, Wanted, flags, grade, slots, wanted
from ...measures.figures import by_turn
from ...measures.verdict import Verdict
from ...protocols.benchmark import Published
from ...protocols.scripted import Scripted, ScriptedCase, ScriptedTurn
from .multi_if_score import turn_score

FILE = "multiIF_20241018.csv"
HOME = f"https://huggingface.co/datasets/facebook/Multi-IF/resolve/main/{FILE}"
TURNS = 3

T = TypeVar("T")


class Prompt(Struct):
    """What the user says at one turn."""

    content: str
    role: str = "user"


def read_rows(path: Path) -> Iterator[ScriptedCase]:
    """The cases of a CSV file in Multi-IF's format. Turns whose prompt is "None" or empty are left out.

    Raises `DataError` naming file, line and column.
    """
    seen: set[str] = set()
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            missing = [name for name in ("key", "language", "turn_1_prompt") if name not in (reader.fieldnames or ())]
            if missing:
                raise DataError(f"{path}, line 1: no column `{missing[0]}`; is this Multi-IF's CSV file?")
            for row in reader:
                place = f"{path}, line {reader.line_num}"
                key = row["key"]
                if not key or key in seen:
                    raise DataError(f"{place}, column `key`: {'empty' if not key else f'{key!r} occurs twice'}")
                seen.add(key)
                turns = tuple(_turns(row, place))
                if not turns:
                    raise DataError(f"{place}, column `turn_1_prompt`: no turn has a prompt")
                yield ScriptedCase(id=key, group=row["language"] or None, turns=turns)
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataError(f"{path}, line {reader.line_num + 1}: not readable as CSV in UTF-8 ({error})") from None


def _turns(row: Mapping[str, str | None], place: str) -> Iterator[ScriptedTurn]:
    for number in range(1, TURNS + 1):
        column = f"turn_{number}_prompt"
        if (row.get(column) or "None") == "None":
            continue
        prompt = _json(row, column, Prompt, place)
        ids = _json(row, f"turn_{number}_instruction_id_list", list[str], place)
        column = f"turn_{number}_kwargs"
        kwargs = _json(row, column, list[str | dict[str, Any]], place)
        try:
            decoded = [msgspec.json.decode(each, type=dict[str, Any]) if isinstance(each, str) else each for each in kwargs]
            asked = wanted(ids, decoded)
        except (msgspec.DecodeError, InputError) as error:
            raise DataError(f"{place}, column `{column}`: {error}") from None
        yield ScriptedTurn(user=prompt.content, number=number, target=asked)


def _json(row: Mapping[str, str | None], column: str, kind: type[T], place: str) -> T:
    try:
        return msgspec.json.decode(row.get(column) or "", type=kind)
    except msgspec.DecodeError as error:
        raise DataError(f"{place}, column `{column}`: {error}") from None


class MultiIF(Scripted):
    """Multi-IF: Benchmarking LLMs on Multi-Turn and Multilingual Instructions Following (He et al. 2024)."""

    slug = "multi-if"
    title = "Multi-IF: Benchmarking LLMs on Multi-Turn and Multilingual Instructions Following"
    paper = "He et al. 2024, arXiv 2410.15553"
    licence = "CC-BY-NC-2.0"
    home = "https://huggingface.co/datasets/facebook/Multi-IF"
    settings = ("multi",)
    default_settings = ("multi",)
    params: ClassVar[Mapping[str, Any]] = {"official": False}
    figures = (
        turn_score,
        *(by_turn(measure) for measure in MEASURES),
        by_turn("forgetting"),
        by_turn("correction"),
    )
    published = (
        Published("o1-preview", 0.877, "score", "multi", None, "abstract, turn 1, average over languages"),
        Published("o1-preview", 0.707, "score", "multi", None, "abstract, turn 3, average over languages"),
    )

    def cases(self) -> Iterable[ScriptedCase]:
        return read_rows(self.data.path("multi-if", FILE, home=HOME))

    def slots(self, case: ScriptedCase, turn: ScriptedTurn) -> list[Verdict]:
        return slots(turn.target, by_type=False)

    async def score(self, case: ScriptedCase, turn: ScriptedTurn, reply: str, chat: Conversation, cast: Cast) -> list[Verdict]:
        official = self.options["official"]
        graded = grade(turn.target, reply, by_type=False, language_aware=True, official=official)
        replies = [said.reply for said in chat.turns]
        return graded + list(_carried(case.turns[: len(replies)], replies, official))


def _carried(turns: tuple[ScriptedTurn, ...], replies: list[str], official: bool) -> Iterator[Verdict]:
    """What became, in the last of these turns, of the instructions that were in force before."""
    before: dict[bytes, set[bool]] = {}
    for turn, reply in zip(turns, replies, strict=True):
        followed = _by_instruction(turn.target, reply, official)
        if turn is turns[-1]:
            for i, (name, now) in enumerate(followed):
                for measure, then in (("forgetting", True), ("correction", False)):
                    if then in before.get(name, ()):
                        yield Verdict(measure, float(now != then), item=str(i), failed=not reply.strip())
        for name, now in followed:
            before.setdefault(name, set()).add(now)


def _by_instruction(asked: tuple[Wanted, ...], reply: str, official: bool) -> list[tuple[bytes, bool]]:
    names = [msgspec.json.encode(each, order="deterministic") for each in asked]
    return list(zip(names, flags(asked, reply, language_aware=True, official=official), strict=True))
