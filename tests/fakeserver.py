"""A small real HTTP server on loopback whose every answer, delay and fault is programmed by the test.

    with FakeServer([status(429, headers={"Retry-After": "2"}), chat("hello")]) as server:
        ...  # talk to server.base_url
        assert server.count == 2 and server.bodies[0]["model"] == "m"

Answers are used in order; when they run out, ``default`` answers (an `Answer`, or a function from the request
to one). It runs in a thread of its own, so the code under test may use any event loop, or none.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request as it arrived. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """One answer. ``fault``: "cut" sends half of the body, "drop" closes without a word, "hang" never answers."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    fault: str = ""


def reply_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None, delay: float = 0.0) -> Answer:
    """An answer of JSON."""
    return Answer(json.dumps(value).encode(), status, {"Content-Type": "application/json", **(headers or {})}, delay)


def chat(content: Any = "hello", *, delay: float = 0.0, stop: str | None = "stop", **message: Any) -> Answer:
    """An OpenAI-style chat completion; ``message`` adds or replaces fields of the assistant message."""
    return reply_json(
        {
            "id": "c1",
            "object": "chat.completion",
            "model": "fake-1",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": stop}],
            "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
        },
        delay=delay,
    )


def status(number: int, message: str = "no", /, *, headers: Mapping[str, str] | None = None, **error: Any) -> Answer:
    """An OpenAI-style error."""
    return reply_json({"error": {"message": message, **error}}, number, headers)


def html(code: int = 200) -> Answer:
    return Answer(b"<html><head><title>Welcome page</title></head></html>", code, {"Content-Type": "text/html"})


def cut() -> Answer:
    return Answer(chat("a reply that never ends").body, fault="cut")


def drop() -> Answer:
    return Answer(fault="drop")


def hang() -> Answer:
    return Answer(fault="hang")


Handler = Callable[[Received], Answer]


class FakeServer:
    """The server: ``base_url`` (ends in /v1), ``requests``, ``bodies``, ``count``, ``peak`` (most at once)."""

    def __init__(self, answers: Iterable[Answer] = (), default: Answer | Handler | None = None, port: int = 0) -> None:
        self.answers = list(answers)
        self.default: Answer | Handler = default if default is not None else chat()
        self.requests: list[Received] = []
        self.active = self.peak = 0
        self.port = port
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop: asyncio.Event | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def count(self) -> int:
        return len(self.requests)

    @property
    def bodies(self) -> list[Any]:
        return [r.json for r in self.requests]

    def __enter__(self) -> FakeServer:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the test server did not start")
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._loop is not None
        assert self._stop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        tasks: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._connection(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(connected, "127.0.0.1", self.port, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _read(reader)) is not None:
                answer = self._next(request)
                self.active += 1
                self.peak = max(self.peak, self.active)
                try:
                    if answer.fault == "hang":
                        await asyncio.sleep(3600)
                    await asyncio.sleep(answer.delay)
                finally:
                    self.active -= 1
                if answer.fault == "drop":
                    return
                writer.write(_encoded(answer))
                await writer.drain()
                if answer.fault == "cut":
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def _next(self, request: Received) -> Answer:
        self.requests.append(request)
        if self.answers:
            return self.answers.pop(0)
        return self.default(request) if callable(self.default) else self.default


async def _read(reader: asyncio.StreamReader) -> Received | None:
    head = b""
    while (line := await reader.readline()) not in (b"\r\n", b""):
        head += line
    if not head:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
    method, path, _ = first.split(" ", 2)
    return Received(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))


def _encoded(answer: Answer) -> bytes:
    headers = {"Content-Length": str(len(answer.body)), **answer.headers}
    head = f"HTTP/1.1 {answer.status} Fake\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
    body = answer.body[: len(answer.body) // 2] if answer.fault == "cut" else answer.body
    return head.encode() + body
