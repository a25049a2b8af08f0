"""Options written behind a name: ``name?option=value&…``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from ..conversation import InputError, UnknownName
from .base import Options


def parse_name(text: str) -> tuple[str, dict[str, str]]:
    """Name and options of ``name?option=value&…``; values may be percent-encoded. A ``script:`` name has no options.

    Used for systems too (``patterns?turns=8``). In ``http://host/v1?query#name?option=value`` the query belongs to
    the address.
    """
    if text.startswith("script:"):
        return text, {}
    start = text.find("#") + 1 if text.startswith(("http://", "https://")) else 0
    mark = text.find("?", start)
    if mark < 0:
        return text, {}
    options: dict[str, str] = {}
    for piece in text[mark + 1 :].split("&"):
        if not piece:
            continue
        key, equals, value = piece.partition("=")
        if not key or not equals:
            raise InputError(f"`{text}`: write option=value, not `{piece}`")
        if key in options:
            raise InputError(f"`{text}`: option `{key}` is given twice")
        options[key] = unquote(value)
    return text[:mark], options


def parse_options(options: Mapping[str, str], name: str = "") -> Options:
    """Options with their types and ranges checked. ``extra.FIELD=value`` passes a field on to the provider's request.

    ``stop`` is one text, or several as a JSON list. Raises `UnknownName` or `InputError`.
    """
    fields: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for key, text in options.items():
        if any("\ud800" <= c <= "\udfff" for c in text):  # how Python shows bytes of a command line that are no text
            raise InputError(f"`{name}`: {key} is not UTF-8")
        if key.startswith("extra.") and len(key) > 6:
            extra[key[6:]] = _json_or_text(text)
        elif key in _READ:
            what, read = _READ[key]
            try:
                fields[key] = read(text)
            except (ValueError, msgspec.MsgspecError, RecursionError):
                raise InputError(f"`{name}`: {key} must be {what}, not `{text}`") from None
        else:
            raise UnknownName(f"option of `{name}`", key, _READ, hint="other fields of the request: extra.FIELD=value")
    return Options(**fields, extra=extra)


def typed_options(given: Mapping[str, str], defaults: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Options of a system or a player as the types of their defaults. Raises `UnknownName` or `InputError`."""
    typed: dict[str, Any] = {}
    for key, text in given.items():
        if key not in defaults:
            raise UnknownName(f"option of `{name}`", key, defaults)
        default = defaults[key]
        try:
            if isinstance(default, bool):
                typed[key] = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]
            else:
                typed[key] = type(default)(text)
        except (KeyError, ValueError):
            what = "true or false" if isinstance(default, bool) else f"{_WORDS.get(type(default), 'text')}, like {default}"
            raise InputError(f"option {key}={text} of `{name}` must be {what}") from None
    return typed


_WORDS = {int: "a whole number", float: "a number"}


def take_limits(options: Mapping[str, str], name: str = "") -> tuple[dict[str, float], dict[str, str]]:
    """(limits, the other options): ``rpm`` requests and ``tpm`` tokens a minute, ``timeout`` seconds for one attempt. They say
    how a server is treated, not what is asked: they are no part of a recorded call's identity."""
    limits: dict[str, float] = {}
    for key in LIMITS & options.keys():
        try:
            limits[key] = _number(1e-6, 1e12)(options[key])
        except ValueError:
            raise InputError(f"`{name}`: {key} must be a number above 0, not `{options[key]}`") from None
    return limits, {key: text for key, text in options.items() if key not in LIMITS}


LIMITS = frozenset(("rpm", "tpm", "timeout"))


# -- reading options ----------------------------------------------------------------------------------------------
def _number(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if not low <= value <= high:  # not a number fails here too
            raise ValueError
        return value

    return read


def _count(low: int, high: int | None = None) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if not low <= value < 2**63 or (high is not None and value > high):
            raise ValueError
        return value

    return read


def _stop(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...]) if text.startswith("[") else (text,)


def _reasoning(text: str) -> str:
    if text not in ("drop", "keep", "last"):
        raise ValueError
    return text


def _json_or_text(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


_READ: dict[str, tuple[str, Callable[[str], Any]]] = {
    "temperature": ("a number from 0 to 2", _number(0, 2)),
    "top_p": ("a number from 0 to 1", _number(0, 1)),
    "max_tokens": ("a whole number of at least 1", _count(1)),
    "seed": ("a whole number", _count(-(2**63))),
    "top_logprobs": ("a whole number from 1 to 20", _count(1, 20)),
    "stop": ("a text, or a JSON list of texts", _stop),
    "reasoning": ("drop, keep or last", _reasoning),
    "system": ("a text", str),
}
