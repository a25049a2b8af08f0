"""LLMBar's released pairs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from ...conversation import Case, DataError, UnknownName
from ...protocols.benchmark import Data

SLUG = "llmbar"
HOME = "https://raw.githubusercontent.com/princeton-nlp/LLMBar/main/Dataset/{}/dataset.json"
ADVERSARIAL = ("Adversarial/Neighbor", "Adversarial/GPTInst", "Adversarial/GPTOut", "Adversarial/Manual")
SUBSETS = ("Natural", *ADVERSARIAL)
PROCESSED = ("Processed/FairEval", "Processed/LLMEval2", "Processed/MT-Bench")
SETS = {"llmbar": SUBSETS, "processed": PROCESSED, "all": (*SUBSETS, *PROCESSED)}

SHA256 = {
    "Natural": "f7127b7aa78104cb8e03a2b1b3ac0077e95b125714dd441a8ee63666145a3375",
    "Adversarial/Neighbor": "6712c7eda6342602e0bc7c06c282fa95e2110d4e741a284026a62d937f9780a0",
    "Adversarial/GPTInst": "1002425f73c2cf54b6e6de99bce3f6c60fa2a17d13194772e37d7481c1351d42",
    "Adversarial/GPTOut": "1ff56e520d7607750a9866a3be0f5b850392ca4477a1f69d80f32bd3e310f561",
    "Adversarial/Manual": "0d9598769a39cdbbd265778c37e49939d41d5f76dcfb17bd75dcfa07516d3837",
    "Processed/FairEval": "5b4a129258c1efa273a1b10fec399f5462b458facf900e8e1948f4acb1b37dd6",
    "Processed/LLMEval2": "deffdaeccda39c0fb9337c7e20925ec2b973bfd456832c2f1ba0e9ca4cf107de",
    "Processed/MT-Bench": "c152249bc095d152485954bd2abd9ea79528ee5e4c045bfe9ef78755b03c20d8",
}


class PairItem(Case, frozen=True, kw_only=True):
    """An instruction and two outputs; ``label`` (1 or 2) is the one that follows it."""

    instruction: str
    outputs: tuple[str, str]
    label: int


class _Row(Struct):
    input: str
    output_1: str
    output_2: str
    label: int


def items(data: Data, sets: str) -> Iterator[PairItem]:
    """The pairs of the subsets of ``sets``. Raises `UnknownName`, or `DataError` naming the record."""
    if sets not in SETS:
        raise UnknownName("set of `llmbar`", sets, SETS)
    for subset in SETS[sets]:
        yield from _subset(data, subset)


def _subset(data: Data, subset: str) -> Iterator[PairItem]:
    folder = subset if subset in PROCESSED else f"LLMBar/{subset}"
    name = f"dataset/{folder.replace('/', '__')}.json"
    path = data.path(SLUG, name, HOME.format(folder.replace("Eval2", "Eval%5E2")), SHA256[subset])
    try:
        rows = msgspec.json.decode(path.read_bytes(), type=list[_Row])
    except msgspec.DecodeError as error:
        raise DataError(f"{path}: {error}") from None
    for i, row in enumerate(rows):
        if row.label not in (1, 2):
            raise DataError(f"{path}, record {i}: label must be 1 or 2, not {row.label}")
        outputs = (row.output_1, row.output_2)
        yield PairItem(id=f"{subset}/{i}", group=subset, instruction=row.input, outputs=outputs, label=row.label)
