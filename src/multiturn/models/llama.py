"""llama.cpp in this process: one server for each weights file, its calls, and what they answer.

llama.cpp also opens a port on this machine (127.0.0.1, a random number, behind a random password that nobody is
told); nothing but the question for the chat template's abilities goes through it.
"""

from __future__ import annotations

import atexit
import http.client
import os
import secrets
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from ..conversation import CallError, ContextOverflow, Message, ModelSetupError, Odds, Part, Text, Thought, ToolCall
from .base import Reply, Usage
from .logprobs import FIRST, openai_odds
from .slots import Slots, usable_cores

_CACHE_MIB = 512
"""Memory for prefixes of conversations that lost their slot to another one."""


class _Function(Struct, frozen=True):
    name: str | None = None
    arguments: str | None = None


class _ToolDelta(Struct, frozen=True):
    index: int = 0
    id: str | None = None
    function: _Function = _Function()


class _Delta(Struct, frozen=True):
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_ToolDelta] = []


class _Choice(Struct, frozen=True):
    delta: _Delta = _Delta()
    finish_reason: str | None = None
    logprobs: Any = None


class _Error(Struct, frozen=True):
    message: str = ""
    type: str = ""
    n_prompt_tokens: int = 0
    n_ctx: int = 0


class _Timings(Struct, frozen=True):
    cache_n: int = 0


class _Count(Struct, frozen=True):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Chunk(Struct, frozen=True):
    choices: list[_Choice] = []
    usage: _Count | None = None
    timings: _Timings | None = None
    error: _Error | None = None


_decode = msgspec.json.Decoder(_Chunk).decode


class Call:
    """One request and what has come back of it so far."""

    def __init__(self, name: str, body: bytes) -> None:
        self.name, self.body, self.slot = name, body, 0
        self.chunks: list[bytes] = []
        self.cancelled = False
        self.message: Message | None = None

    def take(self, chunk: bytes) -> bool:
        """Called by the server for each piece; True stops it: when cancelled, and when the process is about to end."""
        self.chunks.append(chunk)
        return self.cancelled or not threading.main_thread().is_alive()

    def reply(self, latency: float, served: str) -> Reply:
        text, thought, stop, usage, cached = [], [], "", _Count(), 0
        calls: dict[int, list[str]] = {}
        likely: list[tuple[tuple[str, float], ...]] = []
        for data in self.chunks:
            try:
                chunk = _decode(data)
            except msgspec.MsgspecError as error:
                raise CallError(f"{self.name}: llama.cpp gave what is not a reply ({error})") from None
            if chunk.error:
                raise self._failure(chunk.error)
            for choice in chunk.choices:
                text.append(choice.delta.content or "")
                thought.append(choice.delta.reasoning_content or "")
                stop = choice.finish_reason or stop
                likely += (place for found in openai_odds(choice.logprobs) for place in found.tokens)
                for delta in choice.delta.tool_calls:
                    call = calls.setdefault(delta.index, ["", "", ""])
                    for i, piece in enumerate((delta.id, delta.function.name, delta.function.arguments)):
                        call[i] += piece or ""
            usage = chunk.usage or usage
            cached = chunk.timings.cache_n if chunk.timings else cached
        if not stop:
            raise CallError(f"{self.name}: the reply was cut off", cause="cancelled" if self.cancelled else "provider error")
        parts: list[Part] = [Thought(whole)] if (whole := "".join(thought)) else []
        if (said := "".join(text)) or not calls:
            parts.append(Text(said))
        parts += [ToolCall(*calls[i]) for i in sorted(calls)]
        if likely:
            parts.append(Odds(tuple(likely[:FIRST])))
        self.message = Message("assistant", tuple(parts))
        counted = Usage(input=usage.prompt_tokens, output=usage.completion_tokens, cached=cached)
        return Reply(message=self.message, usage=counted, stop=stop, served=served, latency=latency, cost=0.0)

    def _failure(self, error: _Error) -> CallError:
        if error.type == "exceed_context_size_error":
            return ContextOverflow(
                f"{self.name}: the conversation has {error.n_prompt_tokens} tokens, the model's context holds {error.n_ctx}"
            )
        return CallError(f"{self.name}: {error.message}")


# -- the servers of this process ----------------------------------------------------------------------------------
class Key(NamedTuple):
    path: str
    n_parallel: int
    n_ctx: int
    n_threads: int
    n_ubatch: int


class Server:
    """One loaded weights file and its slots. llama.cpp's calls block (without holding Python): each has its thread."""

    def __init__(self, key: Key) -> None:
        self.key, self.users, self.served = key, 0, Path(key.path).name
        self.slots = Slots(key.n_parallel)
        password = secrets.token_hex(16)  # llama.cpp opens a port on this machine; nobody else shall use it
        self._native = _load(key, password)
        self.takes_tools = _takes_tools(self._native.listening_address, password)
        self._running: dict[Call, threading.Thread] = {}
        self._closed = False
        self._lock = threading.Lock()

    def ask(self, call: Call) -> Future[Reply]:
        """Start a call. Its thread is no daemon: when the process ends, Python waits for it, and it stops by itself."""
        job: Future[Reply] = Future()
        thread = threading.Thread(target=self._work, args=(call, job), name="llama", daemon=False)
        with self._lock:
            try:
                if self._closed:
                    raise RuntimeError("it was closed")
                thread.start()
                self._running[call] = thread
            except RuntimeError as error:  # or no more threads: the process is ending, or out of memory
                job.set_exception(CallError(f"{call.name}: {error}"))
        return job

    def _work(self, call: Call, job: Future[Reply]) -> None:
        try:
            if job.set_running_or_notify_cancel():
                job.set_result(self._answer(call))
        except BaseException as error:  # whatever it is, it belongs to whoever waits for the reply
            job.set_exception(error)
        finally:
            with self._lock:
                del self._running[call]

    def _answer(self, call: Call) -> Reply:
        start = time.perf_counter()
        if not call.cancelled:
            try:
                self._native.handle_chat_completions(call.body[:-1] + b',"id_slot":%d}' % call.slot, call.take)
            except RuntimeError as error:
                raise CallError(f"{call.name}: {error}") from None
        return call.reply(time.perf_counter() - start, self.served)

    def stop(self) -> None:
        """End the calls that still run, and free the memory."""
        with self._lock:
            self._closed = True
            running = dict(self._running)
        for call in running:
            call.cancelled = True
        for thread in running.values():
            thread.join()
        self._native = None


def _library() -> Any:
    """llama.cpp, told not to spin long when its threads wait for each other.

    By default they spin for milliseconds, and one other busy process on two cores then makes everything 3 to 8 times
    slower; on an idle machine the shorter wait costs nothing measurable. Read once, when the library is loaded.
    """
    ours = not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys()
    if ours:
        os.environ["GOMP_SPINCOUNT"] = "1000"
    try:
        import xllamacpp
    except ImportError:
        raise ModelSetupError('local models need llama.cpp: pip install "multiturn[local]"') from None
    finally:
        if ours:
            del os.environ["GOMP_SPINCOUNT"]
    return xllamacpp


def _load(key: Key, password: str) -> Any:
    xllamacpp = _library()
    with open(key.path, "rb") as file:
        if file.read(4) != b"GGUF":
            raise ModelSetupError(f"{key.path} is not a GGUF file")
    params = xllamacpp.CommonParams()
    params.model.path = key.path
    params.n_parallel, params.n_ctx, params.n_ubatch = key.n_parallel, key.n_ctx * key.n_parallel, key.n_ubatch
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = key.n_threads or usable_cores()
    params.kv_unified = params.ctx_shift = False
    params.cache_ram_mib = _CACHE_MIB
    params.verbosity = -1
    params.api_keys, params.ui, params.endpoint_slots = [password], False, False
    try:
        return xllamacpp.Server(params)
    except RuntimeError:
        raise ModelSetupError(
            f"llama.cpp could not load {key.path}: a damaged file, an unknown kind, or too little memory"
        ) from None


class _Abilities(Struct, frozen=True):
    supports_tools: bool = False


class _Properties(Struct, frozen=True):
    chat_template_caps: _Abilities = _Abilities()


def _takes_tools(address: str, password: str) -> bool:
    """Whether the model's chat template has a place for tools, as the server found."""

    connection = http.client.HTTPConnection(address.partition("//")[2], timeout=10)
    try:
        connection.request("GET", "/props", headers={"Authorization": f"Bearer {password}"})
        return msgspec.json.decode(connection.getresponse().read(), type=_Properties).chat_template_caps.supports_tools
    except (OSError, http.client.HTTPException, msgspec.MsgspecError):
        return False  # not known: then no tools, rather than tools that the model never sees
    finally:
        connection.close()


_servers: dict[Key, Server] = {}
_lock = threading.Lock()


def shared_server(key: Key) -> Server:
    """The server for these weights and settings, loaded if it is the first one; each call counts as a user."""
    with _lock:
        if key not in _servers:
            _servers[key] = Server(key)
        _servers[key].users += 1
        return _servers[key]


def let_go(server: Server) -> None:
    with _lock:
        server.users -= 1
        if server.users == 0:
            del _servers[server.key]
            server.stop()


@atexit.register
def _stop_all() -> None:
    """llama.cpp's threads must be gone before the interpreter takes down what they use."""
    with _lock:
        while _servers:
            _servers.popitem()[1].stop()
