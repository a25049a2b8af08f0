"""What UniEval asks: a yes or no question for each dimension, over the fields that the dimension needs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from ...conversation import InputError, UnknownName
from ...judges.ask import quoted
from ...judges.items import PointItem
from ...judges.likely import ONE_WORD
from ...judges.questions import MATERIAL

SEPARATOR = "</s>"
OUTPUT, SOURCE, REFERENCE, FACT = "output", "source", "reference", "fact"


class Dimension(NamedTuple):
    """``asks``: the question, in words of ours; ``fields``: names of fields and what stands in them, the output first;
    ``by``: the whole output, or its sentences one by one with their scores added up or averaged."""

    name: str
    asks: str
    fields: tuple[tuple[str, str], ...]
    by: Literal["whole", "sum", "mean"] = "whole"


_SAID = ("response", OUTPUT)
_HISTORY = ("dialogue history", SOURCE)
_CLAIM = (("claim", OUTPUT), ("document", SOURCE))
_CONSISTENT = "Does the document bear out this claim?"

TASKS: Mapping[str, tuple[Dimension, ...]] = {
    "dialogue": (
        Dimension("naturalness", "Does this response sound natural in a dialogue?", (_SAID,)),
        Dimension("coherence", "Does this response follow from the dialogue history?", (_SAID, _HISTORY)),
        Dimension("engagingness", "Given the dialogue history and the fact, is this response interesting and does it tell "
                  "something?", (_SAID, _HISTORY, ("fact", FACT)), "sum"),
        Dimension("groundedness", "Does this response agree with what the fact says?", (_SAID, ("fact", FACT))),
        Dimension("understandability", "Can one understand this response in a dialogue?", (_SAID,)),
    ),
    "summarization": (
        Dimension("coherence", "Is this a summary of the document that hangs together?",
                  (("summary", OUTPUT), ("document", SOURCE))),
        Dimension("consistency", _CONSISTENT, _CLAIM, "mean"),
        Dimension("fluency", "Is this paragraph well written?", (("paragraph", OUTPUT),), "mean"),
        Dimension("relevance", "Does this summary tell what the reference tells?",
                  (("summary", OUTPUT), ("reference", REFERENCE))),
    ),
    "data2text": (
        Dimension("naturalness", "Is this utterance well put?", (("utterance", OUTPUT),)),
        Dimension("informativeness", "Does this sentence tell all that the reference tells?",
                  (("sentence", OUTPUT), ("reference", REFERENCE))),
    ),
    "fact": (Dimension("consistency", _CONSISTENT, _CLAIM, "mean"),),
}  # fmt: skip


def task(name: str) -> tuple[Dimension, ...]:
    """The dimensions of a task. Raises `UnknownName`."""
    if name not in TASKS:
        raise UnknownName("task of `unieval?task=`", name, TASKS)
    return TASKS[name]


def worded(dimensions: Sequence[Dimension], path: str) -> tuple[Dimension, ...]:
    """The dimensions with the questions of a JSON file, {"coherence": "…"} (the released ones, say); those it lacks stay ours."""
    if not path:
        return tuple(dimensions)
    try:
        given = msgspec.json.decode(Path(path).read_bytes(), type=dict[str, str])
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise InputError(f"{path}: {error}; an object of questions by dimension is expected") from None
    names = [d.name for d in dimensions]
    if unknown := [name for name in given if name not in names]:
        raise UnknownName("dimension", unknown[0], names, f"in {path}")
    return tuple(d._replace(asks=given.get(d.name, d.asks)) for d in dimensions)


def texts_of(item: PointItem, kind: str) -> dict[str, str]:
    """What there is to fill the fields with. Of a dialogue the history has a line a turn and ends in an empty line, the fact in
    a line break; the other tasks take what was said before as their document."""
    said = [text for role, text in item.turns if role != "system"]
    fact = str(item.extra.get("fact", ""))
    if kind == "dialogue":
        found = {SOURCE: "\n".join(said) + "\n\n" if said else "", FACT: fact + "\n" if fact else ""}
    else:
        found = {SOURCE: "\n".join(said)}
    return {OUTPUT: item.answer.strip(), REFERENCE: item.reference or "", **found}


def missing(dimension: Dimension, texts: Mapping[str, str]) -> str:
    """The field that a dimension lacks, "" when it has all it needs (the output may be empty)."""
    return next((name for name, what in dimension.fields if what != OUTPUT and not texts.get(what)), "")


def pieces(dimension: Dimension, output: str) -> list[str]:
    """What is asked about: the whole output, or its sentences."""
    return [output] if dimension.by == "whole" else sentences(output)


def encoder_input(dimension: Dimension, texts: Mapping[str, str]) -> str:
    """The input of the released sequence-to-sequence model: question and fields with ``</s>`` between them. A separator inside
    a text is taken out, so that no text can open a field."""
    fields = (f"{name}: {texts[what].replace(SEPARATOR, ' ')}" for name, what in dimension.fields)
    return f" {SEPARATOR} ".join((f"question: {dimension.asks}", *fields))


def chat_input(dimension: Dimension, texts: Mapping[str, str]) -> str:
    """The same for a chat model: fields between tags, one word for an answer."""
    fields = (quoted(name.replace(" ", "-"), texts[what].strip()) for name, what in dimension.fields)
    return "\n\n".join((dimension.asks, *fields, MATERIAL, f"{dimension.asks} {ONE_WORD}"))


_END = re.compile(r"[.!?]+[\"')\]]{0,3}\s+")
_ABBREVIATED = re.compile(r"(?:^|[\s(])(?:mr|mrs|ms|dr|prof|st|vs|etc|e\.g|i\.e|no|[a-z])\.\s+$", re.I)


def sentences(text: str) -> list[str]:
    """The sentences of a text, without empty ones: it is cut after . ! ? and white space, but not after common abbreviations
    and single letters. (Released: NLTK's Punkt; the two differ in rare abbreviations.)"""
    found, start = [], 0
    for end in _END.finditer(text):
        piece = text[start : end.end()]
        if piece.rstrip().endswith(".") and _ABBREVIATED.search(piece[-12:]):
            continue
        found.append(piece.strip())
        start = end.end()
    return [piece for piece in (*found, text[start:].strip()) if piece]


def combined(by: str, scores: Sequence[float]) -> float | None:
    """The score of a dimension from its pieces: nothing adds up to 0, and has no mean (released: a division by zero)."""
    if by == "sum":
        return float(sum(scores))
    return sum(scores) / len(scores) if scores else None


def overall(scores: Mapping[str, float]) -> float | None:
    """The unweighted mean of the dimensions, a sum over sentences included as it is (so that it may exceed 1)."""
    return sum(scores.values()) / len(scores) if scores else None
