"""MT-Eval's files: where they are, and their rows as typed values."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from ...conversation import DataError
from ...protocols.benchmark import Data

T = TypeVar("T")

HOME = "https://raw.githubusercontent.com/KwanWaiChung/MT-Eval/bfe3a46e41c9837a8ca2a9957c1b1699e5fffef1/"
SHA256 = {
    "raw_data/documents.jsonl": "229204aa4c31d84c9ef2e53b1aeb1bb991ea54e0a8f485fc9219d8125c87117f",
    "raw_data/global_inst.jsonl": "e88b55839dfba03938d988976cdafcf507b9ac40f6e85fcba5173751b8235da1",
    "raw_data/mt-bench_extended.jsonl": "ef03bc2e109778be630401e072d255748dadcd9e0e895d0e86289f114ac5cbe5",
    "raw_data/refinement_multi_inst.jsonl": "14b6127f534944ffc4a99956d30c70e6020848c7aff4745411e54bf4201bf1cf",
    "raw_data/refinement_single_inst.jsonl": "7ffdd6eb1909910d82ae608093082c5da544b0734f1c491ce0edddc17180965b",
    "data/refinement_ablation_irrelevant-front.jsonl": "b938b94d70dbcb90bd8309799d70c4a79621a2b37d45aa040a15f64ccf1b747a",
    "data/cls_ablation_gold.jsonl": "8ab863e693b6ed4e1e573194df755ed5620500aff193d69a8fbd2fe333f17c2f",
}


class Document(Struct, frozen=True):
    """A made-up text. ``text``: without its title paragraph; the files' numbering starts at 1."""

    gen_resp: str
    topic: str

    @property
    def text(self) -> str:
        return self.gen_resp.partition("\n\n")[2]

    @property
    def excerpt(self) -> str:
        """What is classified: without the last three paragraphs, blank lines collapsed."""
        text = "\n\n".join(self.text.split("\n\n")[:-3])
        while "\n\n" in text:
            text = text.replace("\n\n", "\n")
        return text


class RawTurn(Struct, frozen=True):
    user: str
    sys: str
    id: str = ""
    do_inference: bool = True

    @property
    def instruction(self) -> str:
        return self.user.rpartition("Instruction: ")[2]

    @property
    def place(self) -> tuple[int, str, int]:
        """(document, task, step) of an id such as 1_sum_2."""
        try:
            document, task, step = self.id.split("_")
            return int(document), task, int(step)
        except ValueError:
            raise DataError(
                f"`mt-eval`: turn id {self.id!r} is not <document>_<task>_<step>; the file is not MT-Eval's"
            ) from None


class Question(Struct, frozen=True):
    id: int
    query: str
    instructions: list[str]


class Extended(Struct, frozen=True):
    question_id: int
    category: str
    conversation: list[RawTurn]


class Distracted(Struct, frozen=True):
    """A dialogue as released; ``n_distracts`` unrelated turns stand somewhere in it."""

    conv: list[RawTurn]
    id: str
    n_distracts: int = 0


Session = list[RawTurn]
"""One row of refinement_multi_inst.jsonl and refinement_single_inst.jsonl: the steps of one task on one document."""


def read(path: Path, kind: type[T]) -> list[T]:
    """A JSONL file as typed rows; a malformed line is one clear `DataError`."""
    decode, rows = msgspec.json.Decoder(kind).decode, []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if line.strip():
            try:
                rows.append(decode(line))
            except msgspec.DecodeError as error:
                raise DataError(f"{path}, line {number}: {error}; fetch the file again") from None
    return rows


class Files:
    """The files of MT-Eval, each read when first asked for."""

    def __init__(self, data: Data) -> None:
        self._data = data

    @cached_property
    def documents(self) -> list[Document]:
        return read(self._raw("documents"), Document)

    @cached_property
    def questions(self) -> list[Question]:
        return read(self._raw("global_inst"), Question)

    @cached_property
    def extended(self) -> list[Extended]:
        return read(self._raw("mt-bench_extended"), Extended)

    @cached_property
    def sessions(self) -> list[Session]:
        return read(self._raw("refinement_multi_inst"), Session)

    @cached_property
    def stand_alone(self) -> list[Session]:
        return read(self._raw("refinement_single_inst"), Session)

    @cached_property
    def irrelevant(self) -> list[Distracted]:
        return read(self._ablation("refinement_ablation_irrelevant-front"), Distracted)

    @cached_property
    def official_intro(self) -> str:
        """The authors' wording of the classification task, from a released file (which indents two of its lines)."""
        text = read(self._ablation("cls_ablation_gold"), Distracted)[0].conv[0].user
        return "\n".join(line.strip() for line in text.split("\n"))

    @cached_property
    def follow_up_alone(self) -> dict[str, str]:
        """Stand-alone follow-up prompts by "<question>#<turn>"; empty without the hub's file follow-up_single.jsonl."""
        try:
            path = self._data.path("mt-eval", "follow-up_single.jsonl")
        except DataError:
            return {}
        return {row.id: row.conv[0].user for row in read(path, Distracted)}

    def _raw(self, name: str) -> Path:
        return self._home("raw_data", name)

    def _ablation(self, name: str) -> Path:
        """A file of the ablations: whole, or else the sample of it, or else from its home."""
        for variant in (f"{name}.jsonl", f"{name}.sample.jsonl"):
            try:
                return self._data.path("mt-eval", variant)
            except DataError:
                continue
        return self._home("data", name)

    def _home(self, folder: str, name: str) -> Path:
        place = f"{folder}/{name}.jsonl"
        return self._data.path("mt-eval", f"{name}.jsonl", HOME + place, SHA256[place])
