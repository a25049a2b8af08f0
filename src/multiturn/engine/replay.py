"""Models that ask nobody: answers from a store, and the gold player."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from ..conversation import Conversation, InputError, NotRecorded
from ..models import Model, Options, Reply, Tool, Usage, make_model, parse_name
from .store import Answer, Store


class ReplayModel(Model):
    """Answers only from a store: what another model said there. ``replay:STORE`` or ``replay:STORE#provider/name?options``.

    Its identity is the recorded model's, so that the same conversations lead to the same calls.
    """

    def __init__(self, store: Store, identity: bytes, label: str) -> None:
        super().__init__(label)
        self.store = store
        self._identity = identity

    @classmethod
    def open(cls, text: str) -> ReplayModel:
        """From ``replay:STORE[#model]``. Raises `InputError` when the model is ambiguous or not there."""
        path, _, wanted = text.removeprefix("replay:").partition("#")
        store = Store(Path(path))
        rows = store.rows("SELECT id, name, options FROM models WHERE id IN (SELECT DISTINCT model FROM calls)")
        found = {recorded_label(name, options): id_ for id_, name, options in rows}
        if not found:
            raise InputError(f"{path} holds no recorded calls to replay")
        fits = [label for label in found if not wanted or wanted in (label, label.partition("?")[0])]
        if len(fits) != 1:
            choices = ", ".join(f"replay:{path}#{label}" for label in sorted(found))
            raise InputError(f"which model of {path} shall be replayed? Name one of: {choices}")
        return cls(store, found[fits[0]], fits[0])

    @classmethod
    def of(cls, store: Store, label: str) -> Model:
        """The model with this label, answering only from ``store`` (the gold player needs no store)."""
        if label == "gold" or label.startswith("gold?"):
            return cast_model(label)
        for id_, name, options in store.rows("SELECT id, name, options FROM models"):
            if recorded_label(name, options) == label:
                return cls(store, id_, label)
        raise InputError(f"{store.path} holds no calls of {label}")

    def find(self, key: bytes, draw: str) -> Answer | None:
        return self.store.find_call(key, draw)

    async def reply(self, chat: Conversation, tools: tuple[Tool, ...] = ()) -> Reply:
        raise NotRecorded(f"{self.name} is replayed: it can only say what it said before")

    def price(self, usage: Usage) -> float | None:
        return 0.0

    @property
    def label(self) -> str:
        return self.name


def recorded_label(name: str, options: str) -> str:
    """The label of a stored model."""
    model = _Named(name, msgspec.json.decode(options, type=Options))
    return model.label


class _Named(Model):
    async def reply(self, chat: Conversation, tools: tuple[Tool, ...] = ()) -> Reply:
        raise NotRecorded("a stored model cannot be asked")


class GoldModel(Model):
    """The gold player: says the benchmark's reference answer. ``gold``, or ``gold?window=3``: it forgets all but the last
    3 turns (the current one included) and then says that it does not know: what a limited memory costs, in theory.

    It is played by the cast, which knows the case; nothing of it is recorded.
    """

    concurrency = 64

    def __init__(self, window: int | None = None) -> None:
        super().__init__("gold" if window is None else f"gold?window={window}")
        self.window = window

    def price(self, usage: Usage) -> float | None:
        return 0.0

    async def reply(self, chat: Conversation, tools: tuple[Tool, ...] = ()) -> Reply:
        raise NotRecorded("the gold player is played by the cast")


def cast_model(name: str, **limits: float | None) -> Model:
    """Whoever can play a role: ``gold``, ``gold?window=3``, ``replay:STORE#model``, or any name that `make_model` knows."""
    if name.startswith("replay:"):
        return ReplayModel.open(name)
    plain, options = parse_name(name)
    if plain != "gold":
        return make_model(name, **limits)  # type: ignore[arg-type]
    return GoldModel(_window(options))


def _window(options: Mapping[str, str]) -> int | None:
    text = options.get("window")
    if set(options) - {"window"} or (text is not None and not (text.isdecimal() and int(text) > 0)):
        raise InputError("the gold player takes one option, window=TURNS (1 or more): gold?window=3")
    return None if text is None else int(text)
