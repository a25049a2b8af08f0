"""The catalogue says of every system what its class says, without importing it."""

from __future__ import annotations

import sys
import types

import pytest

from multiturn.conversation import InputError, UnknownName
from multiturn.protocols.benchmark import Benchmark
from multiturn.systems import catalogue
from multiturn.systems.catalogue import CATALOGUE, Entry, make_system


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE)
def test_an_entry_says_what_its_class_says(entry: Entry) -> None:
    module, _, name = entry.place.partition(":")
    __import__(module)
    kind = getattr(sys.modules[module], name)
    assert issubclass(kind, Benchmark)
    assert (kind.slug, kind.family, kind.title) == (entry.slug, entry.family, entry.title)
    assert tuple(kind.settings) == entry.settings
    assert (*kind.needs, *kind.uses) == entry.needs
    assert set(kind.default_settings) <= set(kind.settings)
    assert module.startswith(f"multiturn.systems.{entry.family}.")
    assert kind.__doc__
    made = make_system(entry.slug)
    assert made.figures
    assert made.label == entry.slug
    if entry.data == "bundled":
        assert next(iter(made.cases()))


def test_names_and_options() -> None:
    with pytest.raises(UnknownName, match="did you mean `patterns`"):
        make_system("paterns")
    with pytest.raises(UnknownName, match="did you mean `turns`"):
        make_system("patterns?turn=8")
    with pytest.raises(InputError, match="must be a whole number, like 8"):
        make_system("patterns?turns=many")
    with pytest.raises(InputError, match="must be true or false"):
        make_system("mt-eval?official=maybe")
    assert make_system("patterns?turns=5&seed=1").label == "patterns?turns=5"  # seed 1 is the default


def test_other_packages_add_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("other_package")
    module.Mine = type("Mine", (Benchmark,), {"slug": "mine", "title": "Mine"})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "other_package", module)
    point = types.SimpleNamespace(name="mine", value="other_package:Mine")
    monkeypatch.setattr(catalogue, "entry_points", lambda group: [point])
    assert make_system("mine").title == "Mine"
    assert [e.title for e in catalogue.entries() if e.slug == "mine"] == ["Mine"]
