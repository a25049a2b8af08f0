"""Replies and dialogues that people rated on several dimensions, as released with UniEval and with Comp-Analysis.

A set by its plain name has the overall rating as its label; ``name/dimension`` has that dimension's. Every item keeps all its
ratings in ``extra["people"]`` with their scales in ``extra["scales"]``, for judges that score all dimensions at once.

Whose ratings: people's, but for those that Comp-Analysis filled in with the mean of five GPT-4 samples (from 1 to 5): all of the
dialogue-level sets except `fed`; in `conture-turn` all but overall; in the Zhao sets interestingness, specificity and
understandability; in the USR sets specificity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from ...conversation import DataError, UnknownName
from ...judges.items import PointItem, Said, with_changes
from ...protocols.benchmark import Data
from .coascore_data import SCALES as TOPICAL
from .coascore_data import topical_chat as topical_rows

UNIEVAL = (
    "https://raw.githubusercontent.com/maszhongming/UniEval/d33e7b6cfebe97b2bafe435adbd818230d5a416a/reproduce/unieval_predict/"
)
COMP = "https://raw.githubusercontent.com/e0397123/comp-analysis/1ffecb278bb0e17628b1c46622a29a132497a0d0/"
SLUG = "dialogue-evaluators-analysis"
OVERALL = "overall"

DEFINITIONS: Mapping[str, str] = {
    "naturalness": "a person might have said it just so",
    "coherence": "it follows from what was said before and fits together",
    "engagingness": "it is interesting and gives the other something to go on with",
    "groundedness": "it makes use of the given fact and does not contradict it",
    "understandability": "one can tell what is meant",
    "relevance": "it is about what was just said",
    "specificity": "it belongs to this conversation and would not fit just any",
    "interestingness": "it holds the other's interest",
    "informativeness": "it tells all that it should, and something new",
    "diversity": "it does not repeat itself in words or content",
    OVERALL: "how good it is, all in all",
}
"""The dimensions in words of ours."""
TURN = ("relevance", "specificity", "interestingness", "understandability", OVERALL)
DIALOGUE = ("coherence", "engagingness", "informativeness", "diversity", OVERALL)
WHOLE = "the dialogue as a whole, judged by what the chatbot says"

Scales = Mapping[str, tuple[float, float]]
_FIVE = (1.0, 5.0)
_USR: Scales = {"relevance": (1, 3), "specificity": _FIVE, "interestingness": (1, 3), "understandability": (0, 1), OVERALL: _FIVE}
_FED: Scales = {
    "relevance": (0, 2),
    "specificity": (0, 2),
    "interestingness": (0, 2),
    "understandability": (0, 1),
    OVERALL: (0, 4),
}
_ZHAO: Scales = dict.fromkeys(TURN, _FIVE)
TURN_SETS: Mapping[str, Scales] = {
    "conture-turn": {**_ZHAO, OVERALL: (0, 2)}, "dailydialog-zhao": _ZHAO, "persona-zhao": _ZHAO, "fed-turn": _FED,
    "topical-usr": _USR, "persona-usr": _USR,
}  # fmt: skip
DIALOGUE_SETS: Mapping[str, tuple[str, str]] = {
    "conture-dial": ("conture-dial", "conture"), "fed-gpt4": ("fed-dial", "fed"), "heval-dial": ("heval-dial", "heval"),
    "ieval-dial": ("ieval-dial", "ieval"), "persona-see": ("persona-see", "see"), "reliable-dial": ("reliable-dial", "reliable"),
}  # fmt: skip
"""Names of the files of texts and of GPT-4's annotations."""
FED_WORDS = {"coherence": "Coherent", "engagingness": "Likeable", "informativeness": "Informative", "diversity": "Diverse",
             OVERALL: "Overall"}  # fmt: skip
"""FED's own words for the five dimensions (Mehri and Eskenazi 2020)."""


def on_dimension(items: Iterator[PointItem], dimension: str, definitions: Mapping[str, str] = DEFINITIONS) -> Iterator[PointItem]:
    """The items with the ratings of one dimension as their labels ("" = as they are)."""
    for item in items:
        if not dimension:
            yield item
            continue
        people, scales = item.extra["people"], item.extra["scales"]
        if dimension not in scales:
            raise UnknownName("dimension", dimension, scales)
        low, high = scales[dimension]
        words = definitions[dimension]
        if item.extra.get("level") == "dialogue":
            words = f"{words} ({WHOLE})"
        yield with_changes(item, dimension=dimension, definition=words, label=people.get(dimension), low=low, high=high)


# -- UniEval's files --------------------------------------------------------------------------------------------------
def topical_chat(data: Data, dimension: str = "") -> Iterator[PointItem]:
    """Topical-Chat: six systems reply to each of 60 dialogues, with a fact at hand. The id is ``dialogue/system``."""

    def items() -> Iterator[PointItem]:
        for item in topical_rows(data):
            fact = item.turns[0][1].partition(": ")[2] if item.turns[0][0] == "system" else ""
            extra = {**item.extra, "scales": TOPICAL, "fact": fact}
            yield with_changes(item, id=f"{item.cluster}/{item.author}", extra=extra)

    return on_dimension(items(), dimension)


class _Sentence(Struct):
    doc_id: int
    source: str
    reference: str
    system_output: str
    scores: dict[str, float]


def sfhot(data: Data, dimension: str = "") -> Iterator[PointItem]:
    """SFHOT: one sentence for each dialogue act about a hotel; the reference is a person's sentence. Ratings from 1 to 6."""
    path = data.path("unieval", "sfhot_result.json", UNIEVAL + "data2text/sfhot_result.json")
    names = ("informativeness", "naturalness", OVERALL)

    def items() -> Iterator[PointItem]:
        for row in read(path, list[_Sentence]):
            if missing := [name for name in names if name not in row.scores]:
                raise DataError(f"{path}, doc_id {row.doc_id}, field scores: no {missing[0]}")
            yield PointItem(
                id=str(row.doc_id), turns=(("user", f"Say this in a sentence: {row.source}"),), answer=row.system_output,
                reference=row.reference, label=row.scores[OVERALL], low=1, high=6,
                extra={"people": row.scores, "scales": dict.fromkeys(names, (1.0, 6.0))},
            )  # fmt: skip

    return on_dimension(items(), dimension)


# -- Comp-Analysis' files ---------------------------------------------------------------------------------------------
def comp(data: Data, folder: str, name: str) -> Path:
    """A file of the release, ``turn_level`` or ``dialog_level``."""
    return data.path(SLUG, f"{folder}/{name}", f"{COMP}{folder}_texts/{name}")


def read(path: Path, kind: Any) -> Any:
    """A JSON file of this form. Raises `DataError`."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {error}") from None


def lines(path: Path) -> list[list[str]]:
    """Tab-separated lines: an id, then utterances. Raises `DataError` for one without an utterance."""
    try:
        rows = [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: {error}") from None
    for n, row in enumerate(rows, 1):
        if len(row) < 2:
            raise DataError(f"{path}, line {n}: an id and at least one utterance, with tabs between, are expected")
    return rows


def turn_ratings(data: Data, name: str) -> dict[str, list[float]]:
    """The ratings of a turn-level set by dimension, a list each in the order of its lines."""
    found = {}
    for dimension in TURN:
        path = comp(data, "turn_level", f"turn_{_file_word(dimension)}_ratings.json")
        sets = read(path, dict[str, list[float]])
        if name not in sets:
            raise DataError(f"{path}: no ratings of {name}")
        found[dimension] = sets[name]
    return found


def _file_word(dimension: str) -> str:
    return "interesting" if dimension == "interestingness" else dimension


def turn_level(data: Data, dimension: str = "", *, name: str) -> Iterator[PointItem]:
    """Replies with the conversation before them; those to one context (one dialogue in ConTurE and FED) are a cluster."""
    path = comp(data, "turn_level", f"{name}_text.txt")
    rows, ratings, scales = lines(path), turn_ratings(data, name), TURN_SETS[name]
    for word, values in ratings.items():
        if len(values) != len(rows):
            raise DataError(f"{path}: {len(rows)} lines, but {len(values)} ratings of {word}")

    places: dict[str, int] = {}

    def items() -> Iterator[PointItem]:
        for n, (id_, *said) in enumerate(rows):
            people = {word: values[n] for word, values in ratings.items()}
            low, high = scales[OVERALL]
            context = places.setdefault(_context(name, id_, said), len(places))
            yield PointItem(
                id=id_, cluster=f"context {context}", turns=speakers(said[:-1]), answer=said[-1], label=people[OVERALL],
                low=low, high=high, extra={"people": people, "scales": scales, "level": "turn"},
            )  # fmt: skip

    return on_dimension(items(), dimension)


def _context(name: str, id_: str, said: Sequence[str]) -> str:
    """What the lines of one dialogue, or the replies to one context, share. FED's lines have no dialogue: their opening tells."""
    if name == "conture-turn":
        return id_.rpartition("-")[0]
    return "\t".join(said[:4] if name == "fed-turn" else said[:-1])


def speakers(said: Sequence[str]) -> tuple[Said, ...]:
    """The utterances before a reply, the last of them by the user."""
    return tuple(("user" if (len(said) - n) % 2 else "assistant", text.strip()) for n, text in enumerate(said))


class _Fed(Struct):
    annotations: dict[str, list[Any]]
    model: str = ""


def fed_ratings(data: Data) -> list[tuple[str, dict[str, float]]]:
    """People's mean ratings of FED's dialogues by dimension, and the chatbot's name; what is no number is dropped."""
    path = comp(data, "dialog_level", "fed_human_annotations.json")
    found = []
    for n, row in enumerate(read(path, list[_Fed])):
        if missing := [word for word in FED_WORDS.values() if word not in row.annotations]:
            raise DataError(f"{path}, record {n}, field annotations: no {missing[0]}")
        said = {d: [float(v) for v in row.annotations[w] if isinstance(v, int | float)] for d, w in FED_WORDS.items()}
        found.append((row.model, {d: sum(v) / len(v) for d, v in said.items() if v}))
    return found


def fed(data: Data, dimension: str = "") -> Iterator[PointItem]:
    """FED's dialogues with people's ratings: dimensions from 0 to 2, overall from 0 to 4."""
    path = comp(data, "dialog_level", "fed-dial_text.txt")
    rows, people = lines(path), fed_ratings(data)
    if len(rows) != len(people):
        raise DataError(f"{path}: {len(rows)} lines, but {len(people)} ratings")
    scales = {d: (0.0, 4.0 if d == OVERALL else 2.0) for d in DIALOGUE}
    items = (dialogue(row, said, scales, author) for row, (author, said) in zip(rows, people, strict=True))
    return on_dimension(items, dimension)


class Gpt4(NamedTuple):
    """GPT-4's ratings of dialogues: of each dimension five lists of values, and which lines they are of."""

    samples: dict[str, list[list[float]]]
    indices: list[int]


def gpt4(data: Data, name: str) -> Gpt4:
    """The annotations of a dialogue-level set by the short name of its file (conture, fed, heval, ieval, see, reliable)."""
    path = comp(data, "dialog_level", f"{name}_gpt4_annotations.json")
    found = read(path, dict[str, list[float]])
    short = {"coherence": "coh", "engagingness": "eng", "informativeness": "inf", "diversity": "div", OVERALL: "ovr"}
    try:
        samples = {d: [found[f"{word}_{k}"] for k in range(1, 6)] for d, word in short.items()}
    except KeyError as error:
        raise DataError(f"{path}: no field {error.args[0]}") from None
    n = len(samples[OVERALL][0])
    indices = [int(i) for i in found.get("indices", range(n))]
    if any(len(one) != len(indices) for five in samples.values() for one in five):
        raise DataError(f"{path}: lists of different lengths")
    return Gpt4(samples, indices)


def dialog_level(data: Data, dimension: str = "", *, name: str) -> Iterator[PointItem]:
    """Whole dialogues; the label is the mean of GPT-4's five samples."""
    texts, short = DIALOGUE_SETS[name]
    path = comp(data, "dialog_level", f"{texts}_text.txt")
    rows, found = lines(path), gpt4(data, short)
    if max(found.indices, default=-1) >= len(rows):
        raise DataError(f"{path}: {len(rows)} lines, but annotations of line {max(found.indices) + 1}")
    means = {d: [sum(v) / len(v) for v in zip(*five, strict=True)] for d, five in found.samples.items()}
    scales = dict.fromkeys(DIALOGUE, _FIVE)
    items = (dialogue(rows[i], {d: v[n] for d, v in means.items()}, scales) for n, i in enumerate(found.indices))
    return on_dimension(items, dimension)


def dialogue(row: Sequence[str], people: Mapping[str, float], scales: Scales, author: str = "") -> PointItem:
    """A whole dialogue as what is judged."""
    low, high = scales[OVERALL]
    return PointItem(
        id=row[0], answer="\n".join(text.strip() for text in row[1:]), dimension=OVERALL,
        definition=f"{DEFINITIONS[OVERALL]} ({WHOLE})", label=people.get(OVERALL), low=low, high=high, author=author,
        extra={"people": dict(people), "scales": scales, "level": "dialogue"},
    )  # fmt: skip


conture_turn, dailydialog_zhao, persona_zhao, fed_turn, topical_usr, persona_usr = (
    partial(turn_level, name=name) for name in TURN_SETS
)
conture_dial, fed_gpt4, heval_dial, ieval_dial, persona_see, reliable_dial = (
    partial(dialog_level, name=name) for name in DIALOGUE_SETS
)
