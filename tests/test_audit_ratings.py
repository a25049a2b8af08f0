"""The ratings that a simulated user leads to against people's, from the released conversations of SimulatorArena."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from multiturn.engine.data import DataFolder
from multiturn.measures.verdict import Table
from multiturn.report.audit_ratings import assistant_of, with_people
from multiturn.report.audit_words import ratings_lines
from multiturn.systems.sim.arena_data import Human
from multiturn.systems.sim.simulator_arena import SimulatorArena


@pytest.fixture
def arena(data_root: Path) -> SimulatorArena:
    return SimulatorArena(DataFolder(str(data_root)))


def table(humans: list[Human], **measures: Mapping[str, float | None]) -> Table:
    """A run in which these people's cases were played: values by case, None where nothing was measured."""
    rows = []
    for h in humans:
        for measure, values in measures.items():
            value = values[h.id]
            end = (float("nan"), 2, "unreadable") if value is None else (value, 0, "")
            rows.append((h.id, h.id, "interaction", 0, h.task, 0, "", measure, *end))
    return Table.of(rows)


@pytest.mark.parametrize(
    ("label", "assistant"),
    [
        ("openai/gpt-4o", "gpt-4o"), ("openai/gpt-4o-2024-05-13?temperature=0", "gpt-4o"), ("openai/gpt-4o-mini", "gpt-4o-mini"),
        ("http://localhost:8000/v1#Phi-3-medium", "phi-3-medium"), ("mistral-large-2407", "mistral-large-latest"),
        ("anthropic/claude-3.5-sonnet", "claude-3-5-sonnet-20240620"), ("openai/gpt-4.1", ""), ("local/smollm2", ""), ("", ""),
    ],
)  # fmt: skip
def test_which_assistant_a_model_is(label: str, assistant: str) -> None:
    assert assistant_of(label) == assistant


def test_correlations_by_hand(arena: SimulatorArena) -> None:
    humans = arena.humans("document")
    draw = np.random.default_rng(1)
    mine = {h.id: None if i == 4 else float(draw.integers(1, 11)) for i, h in enumerate(humans)}
    tables = {
        f"openai/{name}": table([h for h in humans if h.assistant == name], interaction=mine, document=mine)
        for name in ("gpt-4o", "gpt-4-turbo", "phi-3-medium", "llama-3-1-8b")
    }
    found = with_people(arena, tables, ["interaction"])
    assert (found.cells, found.others) == (11 + 7 + 6 + 6, ())
    by_worker: dict[str, list[int]] = defaultdict(list)
    for h in humans:
        by_worker[h.worker].append(h.rating)
    few = [r for of in by_worker.values() if len(of) < 3 for r in of]
    points: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for h in humans:
        of = by_worker[h.worker] if len(by_worker[h.worker]) >= 3 else few
        spread = float(np.std(of, ddof=1))
        value = mine[h.id]
        if f"openai/{h.assistant}" in tables and value is not None:
            points[h.assistant, h.kind].append((value, (h.rating - float(np.mean(of))) / spread if spread else 0.0))
    every = np.array([p for of in points.values() for p in of])
    means = np.array([np.mean(of, axis=0) for of in points.values()])
    rows = {(row.measure, row.level): row for row in found.rows}
    dropped = int(f"openai/{humans[4].assistant}" in tables)
    assert rows["interaction", "conversation"].dropped == dropped
    assert rows["interaction", "conversation"].n == len(every) == 30 - dropped
    assert rows["interaction", "conversation"].value == pytest.approx(spearmanr(*every.T)[0])
    assert rows["interaction", "assistant and kind"].n == len(means)
    assert rows["interaction", "assistant and kind"].value == pytest.approx(spearmanr(*means.T)[0])
    assert rows["interaction", "assistant"].n == 4
    assert ("document", "assistant") in rows


def test_right_answers(arena: SimulatorArena) -> None:
    humans = [h for h in arena.humans("math") if h.assistant == "gpt-4o"]
    right = {h.id: float(h.correct == "correct") for h in humans}
    found = with_people(arena, {"gpt-4o": table(humans, correct=right)}, ["interaction"])
    outcome = next(row for row in found.rows if row.level == "outcome")
    assert (outcome.value, outcome.n, outcome.dropped) == (1.0, len(humans), 0)


def test_nobody_to_compare_with(arena: SimulatorArena) -> None:
    humans = arena.humans("document")
    found = with_people(arena, {"local/smollm2": table(humans, interaction={h.id: 5.0 for h in humans})}, ["interaction"])
    assert (found.cells, found.assistants, found.others, found.rows) == (0, (), ("local/smollm2",), [])
    said = " ".join(ratings_lines(found))
    assert "People did not talk with local/smollm2: of the models in this run none can be compared." in said
    assert "There is no conversation of a person's case with the same assistant" in said
