"""Models that run in this process with llama.cpp: ``local/smollm2``, ``local/gemma3-270m``, ``local//path/to/model.gguf``.

All models of a process with the same weights share one server with several slots; every conversation keeps to its
slot, so that a turn computes only what is new. What is sent is the text of the conversation in the model's own chat
template (SmolLM2's puts a short system message of its own first when there is none), never remembered tokens:
a resumed run sends exactly what the first one sent.

Choices where the options say nothing: temperature 0 (greedy), at most 256 new tokens. With a temperature, llama.cpp's
own samplers hold (top_k 40, top_p 0.95, min_p 0.05) unless ``top_p`` or ``extra`` say otherwise.

How repeatable greedy answers are: one conversation after the other, asked in the same way, gives the same answers. But
numbers are rounded differently when a prompt is computed at once instead of turn by turn (as after a resume), or
together with others, and where two words are nearly as likely the answer differs from there on: of 40 turns, 37 to 39
were the same with 2 to 8 conversations at once as with one, and 30 when each prompt was computed anew. Where that
matters, ``?extra.n_parallel=1&extra.n_ubatch=1`` computes every token by itself: 40 of 40, at about half the speed.

``extra`` may hold settings of the server: ``n_parallel`` (slots, conversations at once; 4), ``n_ctx`` (tokens a
conversation may have; 8192, or what the model was trained for if that is less), ``n_threads`` (physical cores; give
fewer on a machine that is busy with other things, where waiting for a late thread costs most of the time), ``n_ubatch``
(tokens computed at once; 512). The rest of it goes into llama.cpp's request body. A crash inside llama.cpp ends the
whole process and cannot be caught; what was recorded is kept, and the run can be resumed.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import msgspec

from ..conversation import Conversation, Message, ModelSetupError, Text, Tool
from ..conversation.wire import message_dict, openai_wire
from .base import Model, Options, Reply, Usage
from .llama import Call, Key, Server, let_go, shared_server
from .weights import KNOWN, fetch_weights, is_path

MAX_TOKENS = 256
_SETTINGS = {"n_parallel": 4, "n_ctx": 8192, "n_threads": 0, "n_ubatch": 512}


class LocalModel(Model):
    """A GGUF model in this process. ``name``: ``local/`` and a known name or a path. Text only; needs the extra ``local``.

    The weights are fetched and loaded at the first reply. ``address`` is the checksum of the weights (of a file
    of the user's own: of its size and its first and last MiB), so that recorded answers belong to the file.
    """

    def __init__(self, name: str, options: Options = Options(), address: str = "") -> None:
        self.weights = name.removeprefix("local/")
        extra = dict(options.extra)
        self._settings = {key: _whole(name, key, extra.pop(key, default)) for key, default in _SETTINGS.items()}
        self._extra = extra
        if not address:
            address = _fingerprint(fetch_weights(self.weights)) if is_path(self.weights) else _known(self.weights)
        super().__init__(name, options, address)
        self.concurrency = self._settings["n_parallel"]
        self._server: Server | None = None
        self._opening = threading.Lock()

    async def reply(self, chat: Conversation, tools: tuple[Tool, ...] = ()) -> Reply:
        """One reply. Raises `ContextOverflow` when the conversation does not fit, never cuts it."""
        if any(message.media for message in chat.messages):
            raise ModelSetupError(f"{self.name} takes text only; this conversation holds images, audio, video or files")
        server = self._server
        if server is None:
            server = await asyncio.to_thread(self._open)
        if tools and not server.takes_tools:
            raise ModelSetupError(f"{self.name} has no place for tools in its chat template; use a model that can call tools")
        kind: Hashable = (self.options.system, self.options.reasoning, tuple(tool.name for tool in tools))
        call = Call(self.name, self._body(chat, tools))
        call.slot = await server.slots.acquire(chat, kind)

        def done(_: object) -> None:
            server.slots.release(call.slot, chat.add(call.message) if call.message else chat, kind)

        job = server.ask(call)
        job.add_done_callback(done)  # before anybody hears of the reply: its next turn finds the slot free
        try:
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            call.cancelled = True
            raise

    def price(self, usage: Usage) -> float | None:
        """Nothing."""
        return 0.0

    async def close(self) -> None:
        """Let go of the server; the last model that uses it frees its memory."""
        server, self._server = self._server, None
        if server is not None:
            await asyncio.to_thread(let_go, server)

    def _open(self) -> Server:
        with self._opening:
            if self._server is None:
                self._server = shared_server(Key(str(fetch_weights(self.weights).resolve()), **self._settings))
            return self._server

    def _body(self, chat: Conversation, tools: tuple[Tool, ...]) -> bytes:
        """The request: the conversation's bytes are those already made for earlier turns."""
        options = self.options
        messages = openai_wire(chat, options.reasoning)
        if options.system:
            first = msgspec.json.encode(message_dict(Message("system", (Text(options.system),))))
            messages = b"[" + first + (b"," if len(chat) else b"") + messages[1:]
        body: dict[str, Any] = {
            "messages": msgspec.Raw(messages),
            "max_tokens": options.max_tokens if options.max_tokens is not None else MAX_TOKENS,
            "temperature": options.temperature if options.temperature is not None else 0.0,
        }
        if options.top_p is not None:
            body["top_p"] = options.top_p
        if options.seed is not None:
            body["seed"] = options.seed
        if options.top_logprobs is not None:
            body |= {"logprobs": True, "top_logprobs": options.top_logprobs}
        if options.stop:
            body["stop"] = options.stop
        if tools:
            body["tools"] = [{"type": "function", "function": tool} for tool in tools]
        body |= self._extra
        # streamed only so that a cancelled call can be stopped between two tokens
        body |= {"cache_prompt": True, "stream": True, "stream_options": {"include_usage": True}}
        return msgspec.json.encode(body)


def _known(name: str) -> str:
    return KNOWN[name].sha256 if name in KNOWN else fetch_weights(name).name  # the latter raises UnknownName


def _whole(name: str, key: str, value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if number < (0 if key == "n_threads" else 1):
        raise ModelSetupError(f"{name}: {key} must be a whole number above 0, not {value!r}")
    return number


def _fingerprint(path: Path) -> str:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        digest = hashlib.sha256(str(size).encode())
        for start in (0, max(0, size - (1 << 20))):
            file.seek(start)
            digest.update(file.read(1 << 20))
    return digest.hexdigest()
