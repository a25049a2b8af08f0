"""Models written in Python: a function in a file (``script:path.py:function``), or any player, behind `Model`."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from ..conversation import CallError, Conversation, InputError, Message, MultiturnError, Text
from .base import Model, Options, Reply, Tool, Usage

Said: TypeAlias = str | Message | Conversation
Speaker: TypeAlias = Callable[[Conversation], Said | Awaitable[Said]]
"""A player, or a plain function: gets the conversation, returns the reply's text, message, or the longer conversation."""


class PlayerModel(Model):
    """Any player, or function from a conversation to a text, used as a model. Free; its tokens are not counted.

    What the function raises becomes a `CallError` with cause "player error"; errors of this package pass through.
    A plain (not async) function runs in the event loop: it should be quick.
    """

    def __init__(self, name: str, player: Speaker, address: str = "", options: Options = Options()) -> None:
        super().__init__(name, options, address)
        self._player = player

    def price(self, usage: Usage) -> float | None:
        return 0.0

    async def reply(self, chat: Conversation, tools: tuple[Tool, ...] = ()) -> Reply:
        asked = (
            Conversation.of((Message("system", (Text(self.options.system),)), *chat.messages)) if self.options.system else chat
        )
        started = time.perf_counter()
        try:
            said = self._player(asked)
            if inspect.isawaitable(said):
                said = await said
        except MultiturnError:
            raise
        except (Exception, SystemExit) as error:  # the user's code: whatever it raises is a cause, not a crash
            raise CallError(f"{self.name} raised {_place(error)}", cause="player error") from error
        message = self._message(said, asked)
        return Reply(message, served=self.name, latency=time.perf_counter() - started, cost=0.0)

    def _message(self, said: object, asked: Conversation) -> Message:
        if isinstance(said, str):
            return Message("assistant", (Text(said),))
        if isinstance(said, Conversation):
            if said.message is None or said.parent is None or said.parent != asked:
                raise self._wrong("a conversation that is not the given one and one message more")
            said = said.message
        if not isinstance(said, Message):
            raise self._wrong(f"{type(said).__name__} instead of a text, a Message or a Conversation")
        if said.role != "assistant":
            raise self._wrong(f"a message of the {said.role} instead of the assistant")
        return said

    def _wrong(self, what: str) -> CallError:
        return CallError(f"{self.name} returned {what}", cause="player error")


class ScriptModel(PlayerModel):
    """``script:path.py:function``. The file's content, by its hash, is part of the model's identity."""

    def __init__(self, name: str) -> None:
        place, _, function = name.removeprefix("script:").rpartition(":")
        if not place or not function.isidentifier():
            raise InputError(f"`{name}`: write script:path.py:function")
        path = Path(place)
        try:
            source = path.read_bytes()
        except OSError as error:
            raise InputError(f"`{name}`: cannot read {path}: {error.strerror or error}") from None
        digest = blake2b(source, digest_size=16).hexdigest()
        found: Any = getattr(_load(path, digest), function, None)
        if not callable(found):
            raise InputError(f"`{name}`: {path} has no function `{function}`")
        super().__init__(name, found, address=digest)


def _load(path: Path, digest: str) -> ModuleType:
    """The file as a module of its own name. Running it is the point: only scripts the user names are loaded."""
    module_name = f"multiturn_script_{digest}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is not a Python file (its name must end in .py)")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses and pickle look modules up here
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the user's code: one clear line instead of a traceback through ours
        sys.modules.pop(module_name, None)
        raise InputError(f"{path} cannot be loaded: {_place(error, str(path))}") from error
    return module


def _place(error: BaseException, path: str = "") -> str:
    """Type, text and line of an error in the user's code."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} (line {error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    mine = [f for f in frames if not path or f.filename == path]
    if not mine:
        return text
    where = "line" if path else f"{Path(mine[-1].filename).name}, line"
    return f"{text} ({where} {mine[-1].lineno})"
