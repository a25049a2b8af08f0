"""Whatever stands in a file: conversations, bad rows with their places, or one line that says why; never anything else."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importing import QUESTIONS, answers, archive, fought, log, rated, results, sample, simulation
from multiturn.conversation import InputError
from multiturn.engine.imports.common import Bad, Found, Note, case_of
from multiturn.engine.imports.formats import guess, module_of
from multiturn.engine.imports.source import Source
from multiturn.engine.imports.write import bring_in
from multiturn.engine.merge import counts
from multiturn.engine.store import Store
from multiturn.engine.verify import verify

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("role", "content", "type", "x")), inner, max_size=3)
    ),
    max_leaves=6,
)

TALK = [{"role": "user", "content": "x"}, {"role": "assistant", "content": [{"type": "text", "text": "y"}]}]
GOOD: dict[str, list[Any]] = {
    "openai": [{"messages": TALK, "id": 1, "score": 1, "verdicts": [{"measure": "a", "value": 1}], "metadata": {"model": "m"}}],
    "sharegpt": [{"id": "x", "system": "s", "conversations": [
        {"from": "human", "value": "x"}, {"from": "function_call", "value": '{"name": "f"}'},
        {"from": "gpt", "value": "y"}]}],
    "mt-bench": [*QUESTIONS, *answers("m"), rated(81, "m", 1, 5), fought(81, "m", "n", "model_1", "tie")],
    "tau": [{"task_id": 1, "trial": 0, "reward": 1.0, "traj": TALK, "info": {"reward_info": {"info": {"r_actions": 1.0}}}},
            results(simulation("t", 0))],
    "inspect": [log([sample(1), sample(2, limit={"type": "token"}, error={"message": "e"})])],
}  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def changed(rows: list[Any], path: tuple[Any, ...], value: Any) -> list[Any]:
    """A copy with something else at a place."""
    if not path:
        return [value]
    made = copy.deepcopy(rows)
    at: Any = made
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return made


@contextlib.contextmanager
def one_line() -> Iterator[None]:
    """What is wrong with a file is told in a line."""
    said = ""
    try:
        yield
    except InputError as error:
        said = str(error) or "\n"
    assert "\n" not in said


def check(format: str, path: Path) -> None:
    with one_line():
        for item in module_of(format).read([Source(path)]):
            assert isinstance(item, (Found, Bad, Note))
            if isinstance(item, Found):
                assert case_of(item)
                assert item.chat.id
            if isinstance(item, Bad):
                assert path.name in item.where
                assert item.problem
    with one_line(), Store(path.with_suffix(".db"), writable=True) as store:
        before = counts(store)
        try:
            bring_in(store, module_of(format).read([Source(path)]), format=format, skip_bad=True)
        except InputError:
            assert counts(store) == before
            raise
    with Store(path.with_suffix(".db")) as store:
        assert verify(store) == []


@pytest.mark.parametrize("format", GOOD)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_anything_in_the_place_of_something(format: str, data: st.DataObject, tmp_path: Path) -> None:
    rows = GOOD[format]
    path = data.draw(st.sampled_from(list(places(rows))))
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in changed(rows, path, data.draw(VALUES))))
    check(format, file)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes(data: st.DataObject, tmp_path: Path) -> None:
    archived = archive(tmp_path / "a.eval", log([sample(1)])).read_bytes()
    at = data.draw(st.integers(0, len(archived) - 1))
    content = data.draw(
        st.binary(min_size=1, max_size=200)
        | st.binary(max_size=50).map(lambda more: archived[:at] + more)
        | st.binary(min_size=1, max_size=9).map(lambda more: archived[:at] + more + archived[at + len(more) :])
    )
    file = tmp_path / data.draw(st.sampled_from(("x.jsonl", "x.json", "x.eval")))
    file.write_bytes(content or b"x")
    for format in GOOD:
        check(format, file)
    with one_line():
        guess([Source(file)])
