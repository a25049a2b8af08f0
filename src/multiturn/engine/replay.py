"""Models that ask nobody: answers from a store, and the gold player."""

from __future__ import annotations

from pathlib import Path

from ..conversation import Conversation, InputError, NotRecorded
from ..models.base import Model, Options, Reply, Tool
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
        found = {recorded_label(name, options): id_ for id_, name, options in store.rows("SELECT id, name, options FROM models")}
        if not found:
            raise InputError(f"{path} holds no recorded calls to replay")
        fits = [label for label in found if not wanted or wanted in (label, label.partition("?")[0])]
        if len(fits) != 1:
            choices = ", ".join(f"replay:{path}#{label}" for label in sorted(found))
            raise InputError(f"which model of {path} shall be replayed? Name one of: {choices}")
        return cls(store, found[fits[0]], fits[0])

    def find(self, key: bytes, draw: str) -> Answer | None:
        return self.store.find_call(key, draw)

    async def reply(self, chat: Conversation, tools: tuple[Tool, ...] = ()) -> Reply:
        raise NotRecorded(f"{self.name} is replayed: it can only say what it said before")

    async def close(self) -> None:
        self.store.db.close()

    @property
    def label(self) -> str:
        return self.name


def recorded_label(name: str, options: str) -> str:
    """The label of a stored model."""
    import msgspec

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

    async def reply(self, chat: Conversation, tools: tuple[Tool, ...] = ()) -> Reply:
        raise NotRecorded("the gold player is played by the cast")
