"""MemoryAgentBench's records: a long text and the questions about it; and which sets there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from ...conversation import Case, DataError
from ...conversation.files import json_rows
from ...protocols.benchmark import Data

SLUG = "memoryagentbench"
SPLITS = ("Accurate_Retrieval", "Test_Time_Learning", "Long_Range_Understanding", "Conflict_Resolution")
HOME = "https://huggingface.co/datasets/ai-hyz/MemoryAgentBench"


class Set(Struct, frozen=True):
    """A family of sub-datasets: by what its names begin with, the ability it tests, how it is scored, and how to answer."""

    prefix: str
    ability: str
    metric: str
    how: str


_SHORT = "Answer with the answer alone, in a few words."
SETS = (
    Set("ruler_qa", "accurate retrieval", "substring_exact_match", _SHORT),
    Set("eventqa", "accurate retrieval", "substring_exact_match", "Answer with the event alone, as it is worded."),
    Set("longmemeval", "accurate retrieval", "judge", _SHORT),
    Set("icl_", "test-time learning", "exact_match", "Answer with the number of the label alone."),
    Set("recsys", "test-time learning", "recall@5", "Answer with a numbered list of titles, the best first, one a line."),
    Set("infbench_sum", "long-range understanding", "summary", "Write the summary as running text."),
    Set("detective_qa", "long-range understanding", "exact_match", "Answer with the letter of the right choice alone."),
    Set("factconsolidation", "conflict resolution", "substring_exact_match",
        "The facts are numbered. Where two contradict each other, the one with the larger number holds; rely on them alone, also "
        f"where you know otherwise. {_SHORT}"),
)  # fmt: skip
ABILITIES = tuple(dict.fromkeys(each.ability for each in SETS))


class Question(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question with its accepted answers. ``kind``: the type that LongMemEval gives it; ``points``: what a summary must
    hold; ``evidence``: sentences of the text that an answer needs (known for the bundled sample)."""

    id: str
    text: str
    answers: tuple[str, ...]
    kind: str = ""
    points: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


class Context(Case, frozen=True, kw_only=True):
    """A long text and its questions; ``group`` is the set."""

    context: str
    questions: tuple[Question, ...]


def set_of(name: str | None) -> Set:
    """The family of a sub-dataset. Raises `DataError` for one that is not known."""
    for each in SETS:
        if (name or "").lower().startswith(each.prefix):
            return each
    raise DataError(f"`{name}` is no set of MemoryAgentBench; their names begin with {', '.join(s.prefix for s in SETS)}")


def read_contexts(data: Data) -> Iterator[Context]:
    """The records of the four splits, from ``<split>.jsonl`` or ``<split>-00000-of-00001.parquet`` (as on the hub, which are
    fetched where they are missing)."""
    for split in SPLITS:
        try:
            path = data.path(SLUG, f"{split}.jsonl")
        except DataError:
            name = f"{split}-00000-of-00001.parquet"
            path = data.path(SLUG, name, f"{HOME}/resolve/main/data/{name}")
        for number, (place, row) in enumerate(_rows(path), 1):
            yield _context(row, place, f"{split}-{number}")


def _context(row: Mapping[str, Any], place: str, name: str) -> Context:
    try:
        about = row.get("metadata") or {}
        source = str(about["source"])
        set_of(source)
        asked, answers = list(row["questions"]), list(row["answers"])
        ids, kinds = (list(about.get(field) or ()) for field in ("question_ids", "question_types"))
        points = tuple(map(str, about.get("keypoints") or ()))
        if len(asked) != len(answers):
            raise DataError(f"{len(asked)} questions, but {len(answers)} lists of answers")
        questions = tuple(
            Question(
                id=str(ids[i]) if len(ids) == len(asked) else str(i + 1), text=str(text), answers=tuple(_texts(answers[i])),
                kind=str(kinds[i]) if len(kinds) == len(asked) else "", points=points,
            )
            for i, text in enumerate(asked)
        )  # fmt: skip
        return Context(id=name, group=source, context=str(row["context"]), questions=questions)
    except (KeyError, TypeError, AttributeError, DataError) as error:
        what = f"no field {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(f"{place}: not a record of MemoryAgentBench ({what})") from None


def _texts(value: Any) -> Iterable[str]:
    return [str(each) for each in value] if isinstance(value, list | tuple) else [str(value)]


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if path.suffix == ".parquet":
        try:
            import pyarrow.parquet
        except ImportError:
            raise DataError(f"reading {path.name} needs pyarrow: pip install 'multiturn[parquet]'") from None
        try:
            rows = pyarrow.parquet.read_table(path).to_pylist()
        except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
            raise DataError(f"{path}: not readable as Parquet ({error})") from None
        yield from ((f"{path}, row {i}", row) for i, row in enumerate(rows, 1))
        return
    yield from ((f"{path}, line {number}", row) for number, row in json_rows(path, dict[str, Any]))
