"""What a failed attempt means: try again, give this call up, or nothing can ever work. Pure functions, no network.

Everything a server says is hostile text: it is shortened, control characters and keys are taken out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
from msgspec import Struct

from ..conversation.errors import CallError, ContextOverflow, ModelSetupError

RETRIED = frozenset((408, 409, 425, 429))
OVERLOADED = frozenset((408, 429, 503, 504, 529))

_OVERFLOW = re.compile(
    r"context[ _-]?(length|window|size|limit)|maximum context|prompt is too long|maximum prompt length"
    r"|(input|prompt) token count|too many (input |prompt )?tokens|number of tokens allowed"
    r"|reduce the length of the (messages|prompt|input)|inputs?`? tokens \+ `?max_new_tokens",
    re.IGNORECASE,
)
_FILTERED = re.compile(
    r"content[_ ]filter|content_policy_violation|ResponsibleAIPolicyViolation|content management policy"
    r"|data_inspection_failed|content exists risk",
    re.IGNORECASE,
)
_BAD_KEY = re.compile(r"(incorrect|invalid|expired|missing)[ _]api[ _]?key|api[ _]key (not (valid|found)|expired)", re.IGNORECASE)
_BAD_MODEL = re.compile(
    r"model_not_found|invalid[_ ]model|unknown model|model not exist|not a valid model"
    r"|\bmodels?\b.{0,120}(does not exist|not found|is not (found|available))",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(r"insufficient[_ ](quota|balance|credits)|credit balance is too low", re.IGNORECASE)
_GOOGLE_DELAY = re.compile(rb'"retryDelay"\s*:\s*"(\d+(?:\.\d+)?)s"')
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,200})", re.IGNORECASE)


BAD_JSON = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What hostile bytes can raise while they are decoded; the last from brackets nested a thousand deep."""


class Retry(Exception):
    """One attempt failed and another may succeed. ``wait``: seconds the server asked for."""

    def __init__(self, cause: str, detail: str, wait: float | None = None, overloaded: bool | None = None) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause, self.detail, self.wait, self.overloaded = cause, detail, wait, overloaded


class Rejection(Exception):
    """An error that came as the body of a successful answer; judged as if it had come with its status."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


class ContentFiltered(CallError):
    """The provider's filter refused the conversation. Models turn it into a reply that stops with content_filter."""

    def __init__(self, message: str) -> None:
        super().__init__(message, cause="content filter")


class Where(Struct):
    """What error lines name. ``proven``: a call to this endpoint has already succeeded."""

    url: str
    model: str = ""
    key_variable: str = ""
    secrets: tuple[str, ...] = ()
    proven: bool = False

    def clean(self, text: str, limit: int = 240) -> str:
        """Text of a server as it may be shown: one line, printable, without keys, at most ``limit`` characters."""
        text = text[:8000]
        for secret in self.secrets:
            text = text.replace(secret, "[key]")
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return text if len(text) <= limit else text[: limit - 1] + "…"


def explain(status: int, body: bytes, headers: Mapping[str, str], where: Where) -> Exception:
    """The error that an answer with this status means (see the tree in `multiturn.conversation.errors`)."""
    said, codes = server_words(body)
    words = f"{codes} {said}"[:4000]
    shown = where.clean(said) or "no explanation"
    at = f"{where.url} answered {status}: {shown}"
    if status == 402 or (_NO_CREDIT.search(words) and status < 500):
        return ModelSetupError(f"the account has no credit left ({at})")
    if status in RETRIED or (status >= 500 and status != 501):
        cause = "rate limited" if status == 429 else "time-out" if status == 408 else "server error"
        return Retry(cause, at, retry_after(headers, body), True if status in OVERLOADED else None)
    if _FILTERED.search(words):
        return ContentFiltered(at)
    if status == 401 or (status in (400, 403) and _BAD_KEY.search(words)) or (status == 403 and not where.proven):
        key = f"set {where.key_variable} to a valid key" if where.key_variable else "it wants a key"
        return ModelSetupError(f"{where.url} refused the key ({status}: {shown}); {key}")
    if status in (404, 405) or (status == 400 and _BAD_MODEL.search(words)):
        return ModelSetupError(
            f"no model `{where.model}` at {where.url} ({status}: {shown}); check the name and the address"
            " (`multiturn models` lists the providers)"
        )
    if status == 413 or (status in (400, 422) and _OVERFLOW.search(words)):
        return ContextOverflow(at)
    if 300 <= status < 400:
        target = where.clean(headers.get("Location", "elsewhere"))
        return ModelSetupError(f"{where.url} redirects to {target}; use that address")
    return CallError(f"request refused: {at}", cause="request refused")


def server_words(body: bytes) -> tuple[str, str]:
    """What the server says went wrong: (message, its codes), from any of the usual shapes of an error body."""
    try:
        value: Any = msgspec.json.decode(body)
    except BAD_JSON:
        text = body[:8000].decode("utf-8", "replace")
        if text.lstrip()[:1] == "<":
            title = _TITLE.search(text)
            return f"a HTML page ({title.group(1).strip()})" if title else "a HTML page", ""
        return text, ""
    if isinstance(value, list) and value:  # Google's streaming end points wrap the error in a list
        value = value[0]
    if isinstance(value, dict):
        error = value.get("error") or value
        if isinstance(error, dict):
            codes = " ".join(str(error[k]) for k in ("code", "type", "status", "param") if error.get(k) is not None)
            inner = error.get("innererror")
            said = error.get("message") or error.get("detail") or error
            return _text(said), f"{codes} {inner.get('code', '')}" if isinstance(inner, dict) else codes
        return _text(error), ""
    return _text(value), ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value)[:8000].decode("utf-8", "replace")


def retry_after(headers: Mapping[str, str], body: bytes = b"", now: float | None = None) -> float | None:
    """Seconds to wait that the server asked for: ``retry-after-ms``, ``Retry-After`` (seconds or date), Google's delay."""
    try:
        if (ms := headers.get("retry-after-ms")) is not None:
            return _seconds(float(ms) / 1000)
        if (value := headers.get("Retry-After")) is not None:
            try:
                return _seconds(float(value))
            except ValueError:
                return _seconds(parsedate_to_datetime(value).timestamp() - (time.time() if now is None else now))
    except (ValueError, TypeError, OverflowError):
        return None  # not a number and not a date: as if it had not been sent
    found = _GOOGLE_DELAY.search(body)
    return float(found.group(1)) if found else None


def _seconds(value: float) -> float | None:
    return max(0.0, value) if value == value and value < 1e9 else None
