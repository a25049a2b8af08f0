"""One server: a base URL, a key, kept connections, retries. Bytes go in, a decoded answer comes out."""

from __future__ import annotations

import asyncio
import io
import random as _random
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from yarl import URL

from ..conversation.errors import CallError, ModelSetupError
from .failures import BAD_JSON, Rejection, Retry, Where, explain
from .limits import Clock, Gate, RateLimits, Sleep

T = TypeVar("T")

LARGEST_REPLY = 32 * 2**20
LONGEST_WAIT = 300.0
"""Seconds. A server that asks for a longer pause than this has closed for the day: the call is given up."""
_FEWER_TRIES = {"no server": 3, "bad reply": 3, "time-out": 3}
_LARGE_BODY = 2**20  # aiohttp warns about bytes above this size; a file object is sent in pieces


def public_url(url: str) -> str:
    """The URL without user name, password, query and fragment: fit for messages, names and the store."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


class Endpoint:
    """One base URL with its key, connections (one session an event loop), limits and retry policy.

    Retried with exponential backoff and jitter (or as long as the server's Retry-After says): statuses 408, 409,
    425, 429 and 5xx, time-outs, dropped connections; a reply that is no JSON or not of the expected shape three
    times. A place of the gate is held during an attempt only, not while waiting for the next one.

    ``timeout`` is for one attempt, in seconds; ``attempts`` counts the first one. ``key_variable`` is the
    environment variable named when the key is refused. ``sleep``, ``clock`` and ``random`` are there for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str = "",
        key_header: str = "Authorization",
        key_variable: str = "",
        model: str = "",
        headers: Mapping[str, str] | None = None,
        timeout: float = 600.0,
        attempts: int = 9,
        gate: Gate | None = None,
        rates: RateLimits | None = None,
        sleep: Sleep = asyncio.sleep,
        clock: Clock = time.perf_counter,
        random: Callable[[], float] = _random.random,
    ) -> None:
        parts = urlsplit(url)
        self._base = (parts.scheme, parts.netloc, parts.path.rstrip("/"))
        self._query = parts.query
        secrets = tuple(s for s in (key, parts.password or "") if len(s) >= 4)
        self.where = Where(public_url(url), model, key_variable, secrets)
        self._headers = {"Content-Type": "application/json", "User-Agent": "multiturn", **(headers or {})}
        if key and parts.username is None:  # a user name and password in the URL are sent instead
            self._headers[key_header] = f"Bearer {key}" if key_header == "Authorization" else key
        self.timeout, self.attempts = timeout, attempts
        self.gate = gate if gate is not None else Gate()
        self.rates = rates
        self._sleep, self._clock, self._random = sleep, clock, random
        self._urls: dict[str, URL] = {}
        self._sessions: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}
        self._down = False

    def __repr__(self) -> str:
        return f"Endpoint({self.where.url!r})"

    async def post(self, path: str, body: bytes, decode: Callable[[bytes], T], tokens: int = 0) -> tuple[T, int, float]:
        """Post ``body`` to base URL + ``path``; returns (decoded answer, retries, seconds of the attempt that worked).

        ``decode`` turns the body of a 200 into the answer; what it raises for bad JSON counts as a bad reply.
        ``tokens`` is the estimate that a limit on tokens a minute reserves. Raises `CallError` or
        `ModelSetupError`.
        """
        retries = 0
        causes: Counter[str] | None = None
        url = self._urls.get(path) or self._url(path)
        while True:
            if self.rates is not None:
                await self.rates.take(tokens)
            ticket = await self.gate.enter()
            overloaded: bool | None = None
            started = self._clock()
            try:
                answer = await self._attempt(url, body, decode)
                overloaded = False
                self.where.proven, self._down = True, False
                return answer, retries, self._clock() - started
            except Retry as error:
                failure, overloaded = error, error.overloaded
            finally:
                self.gate.leave(ticket, overloaded)
            causes = Counter() if causes is None else causes
            causes[failure.cause] += 1
            retries += 1
            await self._sleep(self._pause(failure, retries, causes[failure.cause]))

    async def close(self) -> None:
        """Close the connections of the running loop (and forget those of loops that have ended)."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        self._sessions = {loop: s for loop, s in self._sessions.items() if not loop.is_closed()}
        if session is not None:
            await session.close()

    # -- one attempt ------------------------------------------------------------------------------------------
    async def _attempt(self, url: URL, body: bytes, decode: Callable[[bytes], T]) -> T:
        session = self._sessions.get(asyncio.get_running_loop()) or self._session()
        try:
            data = body if len(body) <= _LARGE_BODY else io.BytesIO(body)
            async with session.post(url, data=data, allow_redirects=False) as response:
                status, headers = response.status, response.headers
                content = response.content
                received = await content.readany()
                if not content.at_eof():
                    received = await _rest(content, received)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._lost(error) from None
        if status != 200:
            raise explain(status, received, headers, self.where)
        try:
            return decode(received)
        except Rejection as error:
            raise explain(error.status, received, headers, self.where) from None
        except BAD_JSON as error:
            raise self._bad(received, error) from None

    def _bad(self, received: bytes, error: Exception) -> Retry:
        start = received[:200].lstrip()
        if not start:
            what = "nothing at all"
        elif start.startswith(b"<"):
            what = "HTML instead of JSON (is the address right? it often ends in /v1)"
        elif isinstance(error, UnicodeDecodeError):
            what = "bytes that are not UTF-8"
        else:
            what = f"what is not a reply in JSON ({self.where.clean(str(error), 100)})"
        return Retry("bad reply", f"{self.where.url} sent {what}")

    def _lost(self, error: Exception) -> Exception:
        """The failure of an attempt that got no whole answer."""
        url = self.where.url
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return ModelSetupError(f"{url} shows a certificate that is not trusted: {self.where.clean(str(error))}")
        if isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)):
            if self.where.proven:
                return Retry("server down", f"{url} no longer accepts connections")
            return Retry("no server", f"no server at {url}: is it running?")
        if isinstance(error, TimeoutError):
            return Retry("time-out", f"{url} did not answer within {self.timeout:g} s", overloaded=True)
        if isinstance(error, aiohttp.InvalidURL):
            return ModelSetupError(f"`{url}` is not an address of a server")
        if isinstance(error, aiohttp.ClientPayloadError):
            return Retry("bad reply", f"{url} broke off in the middle of a reply")
        if isinstance(error, aiohttp.ClientResponseError):
            return Retry("bad reply", f"{url} does not speak HTTP")
        return Retry("connection lost", f"{url} dropped the connection")

    # -- policy -----------------------------------------------------------------------------------------------
    def _pause(self, failure: Retry, retries: int, same: int) -> float:
        """Seconds until the next attempt; raises the call's error when there is none."""
        allowed = min(self.attempts, _FEWER_TRIES.get(failure.cause, self.attempts))
        if failure.cause == "server down" and self._down:
            allowed = 2  # another call has already waited long for this server
        if same >= allowed or retries >= self.attempts or (failure.wait or 0) > LONGEST_WAIT:
            if failure.cause == "no server":
                raise ModelSetupError(failure.detail)
            self._down = failure.cause == "server down"
            raise CallError(f"{failure.detail} ({retries} tries)", cause=failure.cause, retries=max(0, retries - 1))
        if failure.wait is not None:
            return failure.wait * (1 + 0.1 * self._random())
        if failure.cause == "no server":
            return 0.2
        return float(min(30.0, 0.5 * 2.0 ** (retries - 1)) * (0.5 + 0.5 * self._random()))

    def _url(self, path: str) -> URL:
        scheme, host, base = self._base
        url = self._urls[path] = URL(urlunsplit((scheme, host, base + path, self._query, "")))
        return url

    def _session(self) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),  # the gate is the limit
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self.timeout, sock_connect=15.0),
            proxy=_proxy(self.where.url),
        )
        self._sessions[asyncio.get_running_loop()] = session
        return session


async def _rest(content: aiohttp.StreamReader, first: bytes) -> bytes:
    pieces, size = [first], len(first)
    while piece := await content.readany():
        size += len(piece)
        if size > LARGEST_REPLY:
            raise CallError(f"the reply is larger than {LARGEST_REPLY >> 20} MiB", cause="reply too large")
        pieces.append(piece)
    return b"".join(pieces)


def _proxy(url: str) -> Any:
    """The proxy that the environment names for this address. Asked once: aiohttp would ask in a thread at every call."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in ("localhost", "::1") or host.startswith("127.") or urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(parts.scheme)
