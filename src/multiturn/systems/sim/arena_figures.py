"""Is a simulated user a stand-in for people? Ratings of its conversations against those of people, as in SimulatorArena.

Human ratings are z-normalised: by the worker's own mean and sample standard deviation where there are three ratings of that
worker or more, else by those of all ratings of workers with fewer; without deviation 0. The simulator's ratings stay as they are.

Correlations on three levels: ``instance`` (every conversation; interval clustered by worker), ``intermediate`` (means over
assistant x kind, where the kind is the level of the problem or the type of document; the reported level), ``system`` (means
over assistants); the last two with intervals clustered by assistant. Cells without a rating of the simulator are left out of all
three and counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ...measures.agreement import kendall, pearson, spearman
from ...measures.agreement_parts import Agreement
from ...measures.codes import Floats
from ...measures.confusion import Confusion, confusion
from ...measures.exact import mcnemar
from .arena_data import Assistant, Human

ENOUGH = 3
"""Ratings from which a worker is normalised alone."""


class Cell(NamedTuple):
    """One conversation that a person had, and the one that a simulated user had in its place. ``simulated`` None: its rating
    could not be read."""

    assistant: str
    kind: str
    worker: str
    human: float
    simulated: float | None


class Level(NamedTuple):
    """The three correlations of one level; ``n``: points."""

    spearman: Agreement
    pearson: Agreement
    kendall: Agreement
    n: int


class Validation(NamedTuple):
    """All levels; ``dropped``: cells without a rating of the simulator."""

    instance: Level
    intermediate: Level
    system: Level
    dropped: int


def normalised(
    workers: Sequence[str], ratings: Sequence[float], all_ratings: Iterable[tuple[str, float]] | None = None
) -> Floats:
    """Ratings as z-scores (see the module's text). ``all_ratings``: (worker, rating) of everything that was rated, where these
    are only a part of it."""
    by: dict[str, list[float]] = defaultdict(list)
    for worker, rating in zip(workers, ratings, strict=True) if all_ratings is None else all_ratings:
        by[worker].append(rating)
    few = [rating for own in by.values() if len(own) < ENOUGH for rating in own]
    groups = {worker: own if len(own) >= ENOUGH else few for worker, own in by.items()}
    scale = {worker: _scale(own) for worker, own in groups.items()}
    return np.array([(r - scale[w][0]) / scale[w][1] if scale[w][1] else 0.0 for w, r in zip(workers, ratings, strict=True)])


def _scale(ratings: Sequence[float]) -> tuple[float, float]:
    values = np.asarray(ratings, dtype=np.float64)
    if len(values) < 2 or (values == values[0]).all():
        return 0.0, 0.0
    return float(values.mean()), float(values.std(ddof=1))


def validate(
    cells: Sequence[Cell], *, normalise: bool = True, all_ratings: Iterable[tuple[str, float]] | None = None,
    assistants: Collection[str] | None = None,
) -> Validation:  # fmt: skip
    """Correlate the simulator's ratings with the people's. ``assistants``: those of the upper two levels (None: all)."""
    human = np.array([cell.human for cell in cells], dtype=np.float64)
    if normalise:
        human = normalised([cell.worker for cell in cells], human.tolist(), all_ratings)
    rated = [(cell, float(z)) for cell, z in zip(cells, human, strict=True) if cell.simulated is not None]
    upper = [(cell, z) for cell, z in rated if assistants is None or cell.assistant in assistants]
    return Validation(
        _level([c.simulated for c, _ in rated], [z for _, z in rated], [c.worker for c, _ in rated]),
        _means(upper, lambda cell: (cell.assistant, cell.kind)), _means(upper, lambda cell: (cell.assistant,)),
        len(cells) - len(rated),
    )  # fmt: skip


def _means(rated: Sequence[tuple[Cell, float]], key: Callable[[Cell], tuple[str, ...]]) -> Level:
    groups: dict[tuple[str, ...], list[tuple[float, float]]] = defaultdict(list)
    for cell, z in rated:
        groups[key(cell)].append((cell.simulated or 0.0, z))
    points = {name: np.mean(values, axis=0) for name, values in groups.items()}
    return _level([p[0] for p in points.values()], [p[1] for p in points.values()], [name[0] for name in points])


def _level(simulated: Sequence[float | None], human: Sequence[float], clusters: Sequence[Hashable]) -> Level:
    a, b = np.array(simulated, dtype=np.float64), np.array(human, dtype=np.float64)
    return Level(spearman(a, b, clusters), pearson(a, b, clusters), kendall(a, b, clusters), len(a))


# -- did they come to the same end? ---------------------------------------------------------------------------------------
def outcomes(human: Sequence[str], simulated: Sequence[bool | None]) -> Confusion:
    """Correctness with the simulator against that with people; its ``f1`` is the mean of F1(correct) and F1(incorrect).
    "unknown" of a person counts as incorrect; where the simulator's could not be read, the pair is left out."""
    return confusion([h == "correct" for h in human], list(simulated), labels=[True, False])


def better(human: Sequence[str], one: Sequence[bool | None], two: Sequence[bool | None]) -> tuple[int, int, float]:
    """Two simulators against the same people: in how many cells only the first agrees with the person, in how many only the
    second, and McNemar's exact p-value. Cells that one of them lacks are left out."""
    only = [0, 0]
    for h, a, b in zip(human, one, two, strict=True):
        if a is not None and b is not None and a != b:
            only[0 if a == (h == "correct") else 1] += 1
    return only[0], only[1], mcnemar(only[0], only[1])


# -- tables -----------------------------------------------------------------------------------------------------------------
def order(rows: Sequence[Assistant]) -> list[tuple[str, float]]:
    """Assistants by their mean z-score over the four columns of quality (interaction and % correct in mathematics, interaction
    and document in writing), the best first."""
    columns = np.array(
        [[r.math_interaction, r.math_correct_pct, r.doc_interaction, r.doc_rating] for r in rows], dtype=np.float64
    )
    spread = columns.std(axis=0)
    z = ((columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1.0)).mean(axis=1)
    return [(rows[i].model, float(z[i])) for i in np.argsort(-z, kind="stable")]


def subset(humans: Sequence[Human]) -> dict[str, float]:
    """What the card of a data set says: number of conversations, of each kind, of right answers, mean ratings and turns."""
    found: dict[str, float] = {"conversations": float(len(humans))}
    for human in humans:
        found[human.kind] = found.get(human.kind, 0.0) + 1
    found["correct"] = float(sum(human.correct == "correct" for human in humans))
    found["rating"] = float(np.mean([human.rating for human in humans]))
    found["turns"] = float(np.mean([len(human.queries) for human in humans]))
    if documents := [human.document for human in humans if human.document is not None]:
        found["document"] = float(np.mean(documents))
    return found


def cells(humans: Sequence[Human], ratings: Mapping[tuple[str, str], float | None]) -> list[Cell]:
    """The cells that were played again: ``ratings`` by (id of the conversation, assistant). A conversation without a played
    counterpart is no cell."""
    found = []
    for human in humans:
        key = (human.id, human.assistant)
        if key in ratings:
            found.append(Cell(human.assistant, human.kind, human.worker, float(human.rating), ratings[key]))
    return found
