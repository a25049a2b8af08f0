"""IFEval (Zhou et al. 2023, arXiv 2311.07911): does a model follow instructions that a program can verify?

541 prompts, each with one to three of 25 types of instruction, 834 in all; one reply a prompt. Every instruction is checked
strictly (on the reply as it is) and loosely (on eight variants of it: without its first or last line, without asterisks).

Measures, shares from 0 to 1: ``prompt_strict`` and ``prompt_loose`` (prompts with all of their instructions followed),
``instruction_strict`` and ``instruction_loose`` (instructions followed, also by family and by type).
The paper decodes greedily; the usual harness allows 1280 new tokens. docs/checkers.md compares our checks with the released.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ...conversation import Case, Cast, Conversation, DataError, InputError
from ...judges.instructions.grading import grade, slots, wanted
from ...measures.figure import Figure, FigureMaker
from ...measures.figures import mean
from ...measures.verdict import Table, Verdict
from ...protocols.benchmark import Published
from ...protocols.scripted import Scripted, ScriptedCase, ScriptedTurn

HOME = (
    "https://raw.githubusercontent.com/google-research/google-research/19638399cc9e03623c5b9087a1d6fa8813974ce9/"
    "instruction_following_eval/data/input_data.jsonl"
)
SHA256 = "67ffeee0fcb87c317c5b08a2de85557b4a7e96ada6178aa645b4954fe4b53d49"
_GPT4 = "Table 3, GPT-4 (November 2023)"
_PALM = "Table 3, PaLM 2 S"


class Row(Struct):
    """One line of the published file."""

    key: int
    prompt: str
    instruction_id_list: list[str]
    kwargs: list[dict[str, Any]]


def read_prompts(path: Path) -> Iterator[ScriptedCase]:
    """The cases of a file in IFEval's format. Raises `DataError` naming file, line and field."""
    decode = msgspec.json.Decoder(Row).decode
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = decode(line)
                asked = wanted(row.instruction_id_list, row.kwargs)
            except (msgspec.DecodeError, InputError) as error:
                raise DataError(f"{path}, line {number}: {error}") from None
            yield ScriptedCase(id=str(row.key), turns=(ScriptedTurn(user=row.prompt, number=1, target=asked),))


def by_family(measure: str) -> FigureMaker:
    """The mean for each family of instructions: what stands before the colon of the type."""

    def figures(table: Table) -> list[Figure]:
        families = tuple(name.partition(":")[0] for name in table.names["group"])
        distinct = tuple(dict.fromkeys(families))
        group = table.codes["group"].copy()
        for code, family in enumerate(families):
            group[table.codes["group"] == code] = distinct.index(family)
        merged = Table({**table.codes, "group": group}, {**table.names, "group": distinct}, table.repeat, table.turn,
                       table.value, table.status)  # fmt: skip
        return [figure for figure in mean(measure)(merged) if figure.group]

    return figures


class IFEval(Scripted):
    """Instruction-Following Evaluation for Large Language Models (Zhou et al. 2023): 25 types of verifiable instruction."""

    slug = "ifeval"
    title = "Instruction-Following Evaluation for Large Language Models"
    paper = "Zhou et al. 2023, arXiv 2311.07911"
    licence = "Apache-2.0"
    home = "https://github.com/google-research/google-research/tree/master/instruction_following_eval"
    settings = ("single",)
    default_settings = ("single",)
    figures = (
        mean("prompt_strict", by=("setting",)),
        mean("prompt_loose", by=("setting",)),
        mean("instruction_strict"),
        mean("instruction_loose"),
        by_family("instruction_strict"),
        by_family("instruction_loose"),
    )
    published = (
        Published("GPT-4", 0.7689, "prompt_strict", "single", None, _GPT4),
        Published("GPT-4", 0.8357, "instruction_strict", "single", None, _GPT4),
        Published("GPT-4", 0.7930, "prompt_loose", "single", None, _GPT4),
        Published("GPT-4", 0.8537, "instruction_loose", "single", None, _GPT4),
        Published("PaLM 2 S", 0.4307, "prompt_strict", "single", None, _PALM),
        Published("PaLM 2 S", 0.5576, "instruction_strict", "single", None, _PALM),
        Published("PaLM 2 S", 0.4695, "prompt_loose", "single", None, _PALM),
        Published("PaLM 2 S", 0.5911, "instruction_loose", "single", None, _PALM),
    )

    def cases(self) -> Iterable[ScriptedCase]:
        return read_prompts(self.data.path("ifeval", "input_data.jsonl", home=HOME, sha256=SHA256))

    def views(self, case: Case, setting: str) -> Iterable[Case]:
        return (case,)  # a prompt is a whole conversation

    def slots(self, case: ScriptedCase, turn: ScriptedTurn) -> list[Verdict]:
        return slots(turn.target, by_type=True)

    async def score(self, case: ScriptedCase, turn: ScriptedTurn, reply: str, chat: Conversation, cast: Cast) -> list[Verdict]:
        return grade(turn.target, reply, by_type=True)
