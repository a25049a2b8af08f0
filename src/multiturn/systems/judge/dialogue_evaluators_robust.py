"""Pairs of a reply (or a dialogue) and a version of it made worse in one dimension: the released ones, and some of ours.

A judge is robust on a pair if it scores the original strictly higher. ``extra["worse"]`` of an item holds its versions.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ...conversation import DataError, UnknownName
from ...judges.items import Item, PointItem, with_changes
from ...judges.probes import flawed
from ...measures.figure import Figure
from ...measures.intervals import clustered_mean
from ...measures.verdict import Table
from ...protocols.benchmark import Data
from .point_sets import COMP, DEFINITIONS, SLUG, WHOLE, lines, read, speakers
from .sets import LabelledSet

ORIGINAL, PERTURBED = "original", "perturbed"
PAIRS = (ORIGINAL, PERTURBED)


class Released(NamedTuple):
    """Files of pairs: ``original`` "" = the FED dialogues they were made from."""

    dimension: str
    kind: str
    folder: str
    original: str
    perturbed: str


def _two(dimension: str, folder: str, *kinds: tuple[str, str]) -> list[Released]:
    return [Released(dimension, kind, folder, f"{name}-original", f"{name}-perturbed") for kind, name in kinds]


TURN = (
    *_two("relevance", "rel", ("contradiction", "contradiction"), ("named-entity swap", "ner"), ("pronoun swap", "pronoun"),
          ("speaker swap", "spk")),
    Released("relevance", "non-entailment", "rel", "entailment", "nonentailment"),
    *_two("interestingness", "int", ("dull reply", "dullness")), *_two("specificity", "spe", ("dull reply", "dullness")),
    *_two("understandability", "und", ("unnatural entrainment", "entrainment"), ("unnatural paraphrase", "paraphrase"),
          ("repetition", "repetition")),
)  # fmt: skip
DIALOGUE = (
    *(Released("coherence", kind, "coh", "", name) for kind, name in (
        ("order shuffle", "fed-ordershuffle"), ("1 utterance replaced", "fed-uttrep"),
        ("2 utterances replaced", "fed-rep-2utt"), ("3 utterances replaced", "fed-rep-3utt"))),
    *(Released("engagingness", kind, "eng", "", name) for kind, name in (
        ("dull", "fed-boring"), ("repeats the other", "fed-repeat-other"), ("repeats itself", "fed-repeat-self"))),
    Released("engagingness", "contradiction", "eng", "decode-consistent", "decode-contradiction"),
    *(Released(dimension, kind, dimension[:3], "", name) for dimension in ("informativeness", "diversity")
      for kind, name in (("dull", "fed-boring"), ("content reduced", "fed-content-reduce"))),
)  # fmt: skip
SETS = {"robust-turn": TURN, "robust-dialogue": DIALOGUE}


def find(name: str) -> LabelledSet | None:
    """``robust-turn``, ``robust-dialogue``, or one kind of pair, as in ``robust-turn/repetition``; None for another name."""
    base, _, kind = name.partition("/")
    if base not in SETS:
        return None
    chosen = [r for r in SETS[base] if kind in ("", r.kind)]
    if not chosen:
        raise UnknownName("kind of pair", kind, {r.kind for r in SETS[base]})
    return LabelledSet(name, "point", "pairs of a text and a worse version", lambda data: released(data, base, chosen))


def released(data: Data, base: str, chosen: Sequence[Released]) -> Iterator[PointItem]:
    """The released pairs, without labels: the original with its one worse version."""
    level = "turn" if base == "robust-turn" else "dialogue"
    for kind in chosen:
        worse = _lines(data, level, kind.folder, kind.perturbed)
        good = _lines(data, level, kind.folder, kind.original) if kind.original else _fed(data, worse)
        if len(good) != len(worse):
            raise DataError(f"`{kind.perturbed}_text.txt` has {len(worse)} lines, its originals {len(good)}")
        for n, (one, other) in enumerate(zip(good, worse, strict=True)):
            yield _item(level, kind, n, one, other)


def _item(level: str, kind: Released, n: int, one: Sequence[str], other: Sequence[str]) -> PointItem:
    place = f"{kind.dimension[:3]}/{kind.perturbed}/{n}"
    cluster = one[0] if not kind.original else f"{kind.kind} {n}"
    good, bad = _shape(level, one[1:]), _shape(level, other[1:])
    worse = [{"dimension": kind.dimension, "kind": kind.kind, **bad}]
    return PointItem(id=place, cluster=cluster, **good, extra={"level": level, "worse": worse})


def _shape(level: str, said: Sequence[str]) -> dict[str, Any]:
    if level == "dialogue":
        return {"turns": (), "answer": "\n".join(text.strip() for text in said)}
    return {"turns": speakers(said[:-1]), "answer": said[-1].strip()}


def _lines(data: Data, level: str, folder: str, name: str) -> list[list[str]]:
    word = "turn_level" if level == "turn" else "dialog_level"
    home = f"{COMP}robustness_data/{word}_robust_data/{folder}/{name}_text.txt"
    return lines(data.path(SLUG, f"robustness/{word}__{folder}__{name}_text.txt", home))


def _fed(data: Data, worse: Sequence[Sequence[str]]) -> list[list[str]]:
    """The dialogue that each line was made from: the number in its id, or, where all lines have one id, they take turns."""
    home = f"{COMP}robustness_data/dialog_level_robust_data/fed_coherent_original.json"
    path = data.path(SLUG, "robustness/fed_coherent_original.json", home)
    found = read(path, list[list[str]])
    numbers = [int(m[1]) if (m := re.search(r"_(\d+)$", row[0])) else -1 for row in worse]
    if len(set(numbers)) == 1 < len(worse):
        numbers = [n % max(len(found), 1) for n in range(len(worse))]
    if not all(0 <= n < len(found) for n in numbers):
        raise DataError(f"{path}: {len(found)} dialogues, but a line was made from another one")
    who = ("human", "model")
    return [[f"fed {n}", *(f"{who[k % 2]}: {text}" for k, text in enumerate(found[n]))] for n in numbers]


# -- pairs of ours ----------------------------------------------------------------------------------------------------
DULL = "OK, I see. That is nice."


def _repeated(text: str, draw: random.Random) -> str | None:
    """Every few words said again."""
    words = text.split()
    return " ".join(" ".join(words[i : i + 3] * 2) for i in range(0, len(words), 3)) if words else None


def _dull(text: str, draw: random.Random) -> str | None:
    return DULL if text.strip() != DULL else None


def _contradicted(text: str, draw: random.Random) -> str | None:
    return flawed(text)


def _shuffled(text: str, draw: random.Random) -> str | None:
    """The lines of a dialogue in another order; who speaks when stays."""
    rows = text.split("\n")
    mixed = draw.sample(rows, len(rows))
    return "\n".join(mixed) if mixed != rows else None


def _echoed(text: str, draw: random.Random) -> str | None:
    """Every line but the first answers with the words of the line before."""
    rows = text.split("\n")
    said = [row.partition(": ") for row in rows]
    echoed = [rows[0], *(f"{b[0]}: {a[2]}" for a, b in pairwise(said))]
    return "\n".join(echoed) if len(rows) > 1 and echoed != rows else None


OURS: dict[str, tuple[tuple[str, str, Callable[[str, random.Random], str | None]], ...]] = {
    "turn": (
        ("relevance", "contradiction", _contradicted), ("interestingness", "dull reply", _dull),
        ("specificity", "dull reply", _dull), ("understandability", "repetition", _repeated),
    ),
    "dialogue": (("coherence", "order shuffle", _shuffled), ("diversity", "echo", _echoed)),
}  # fmt: skip


def made_worse(items: Iterable[Item]) -> Iterator[Item]:
    """The items with versions of ours, where they come without any."""
    for item in items:
        if not isinstance(item, PointItem) or "worse" in item.extra:
            yield item
            continue
        worse = []
        for dimension, kind, change in OURS[str(item.extra.get("level", "turn"))]:
            answer = change(item.answer, random.Random(f"{item.id} {kind}"))
            if answer is not None and answer != item.answer:
                worse.append({"dimension": dimension, "kind": kind, "turns": item.turns, "answer": answer})
        yield with_changes(item, extra={**item.extra, "worse": worse})


def pairs(item: PointItem, setting: str) -> Iterator[PointItem]:
    """One side of each of an item's pairs, to be judged in its dimension only."""
    whole = f" ({WHOLE})" if item.extra.get("level") == "dialogue" else ""
    for version in item.extra.get("worse", ()):
        shown = {"answer": version["answer"], "turns": version["turns"]} if setting == PERTURBED else {}
        dimension, kind = version["dimension"], version["kind"]
        yield with_changes(
            item, id=f"{item.id}/{dimension}/{kind}", group=f"{dimension}: {kind}", dimension=dimension, label=None, raters=(),
            definition=DEFINITIONS[dimension] + whole, changed=setting, reference=None, **shown,
        )  # fmt: skip


# -- the figure -----------------------------------------------------------------------------------------------------
def robustness(table: Table) -> Iterator[Figure]:
    """The share of pairs whose original is scored strictly higher (ties fail), over all and by kind of pair; and of ties."""
    sides: list[dict[tuple[str, int], tuple[float, str, str]]] = []
    for setting in PAIRS:
        rows = table.where(measure="verdict", setting=setting)
        keys = zip(rows.text("case"), rows.repeat.tolist(), strict=True)
        values = zip(rows.value.tolist(), rows.text("group"), rows.text("cluster"), strict=True)
        sides.append(dict(zip(keys, values, strict=True)))
    shared = [(sides[0][k], sides[1][k]) for k in sides[0] if k in sides[1]]
    if not shared:
        return
    for group in (None, *dict.fromkeys(g for (_, g, _), _ in shared)):
        rows_of = [(a, b, cluster) for (a, g, cluster), (b, *_) in shared if group in (None, g)]
        known = [(a, b, cluster) for a, b, cluster in rows_of if not np.isnan(a) and not np.isnan(b)]
        codes = np.unique([c for *_, c in known], return_inverse=True)[1]
        lost = len(rows_of) - len(known)
        for name, hits in (("robustness", [a > b for a, b, _ in known]), ("ties", [a == b for a, b, _ in known])):
            e = clustered_mean(np.array(hits, dtype=np.float64), codes) if known else None
            yield Figure(
                measure=name, setting=f"{ORIGINAL} > {PERTURBED}", group=group, value=e and e.value, low=e and e.low,
                high=e and e.high, n_cases=e.n_clusters if e else 0, n_scored=len(known), n_unmeasured=lost,
                note="ties fail" if name == "robustness" else "",
            )  # fmt: skip
