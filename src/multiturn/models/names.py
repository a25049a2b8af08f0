"""From a name as the user types it to a model.

provider/name?option=value&…     openai/gpt-4o-mini?temperature=0   (provider:name is the same)
http://host:port/v1#name?…       any server that speaks OpenAI's language
local/smollm2                    a model that runs in this process
script:path.py:function          a function in Python
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from ..conversation import InputError, ModelSetupError, UnknownName
from .base import Model, Options
from .options import parse_name, parse_options, take_limits

if TYPE_CHECKING:
    from .endpoint import Endpoint


class _Provider(NamedTuple):
    """Where a provider lives and who it is. Its variables are NAME_API_KEY and NAME_BASE_URL unless said otherwise.

    ``priced_as``: its name in the price list; "" = nobody is paid, and no key is needed.
    """

    url: str
    says: str
    priced_as: str = ""
    keys: tuple[str, ...] = ()
    base: str = ""


_TABLE: dict[str, _Provider] = {
    "openai": _Provider("https://api.openai.com/v1", "OpenAI, or any server like it at OPENAI_BASE_URL", "openai"),
    "anthropic": _Provider("https://api.anthropic.com/v1", "Anthropic", "anthropic"),
    "google": _Provider(
        "https://generativelanguage.googleapis.com/v1beta",
        "Google Gemini",
        "google",
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        "GEMINI_BASE_URL",
    ),
    "openrouter": _Provider("https://openrouter.ai/api/v1", "OpenRouter", "openrouter"),
    "together": _Provider("https://api.together.xyz/v1", "Together AI", "together"),
    "groq": _Provider("https://api.groq.com/openai/v1", "Groq", "groq"),
    "mistral": _Provider("https://api.mistral.ai/v1", "Mistral AI", "mistral"),
    "deepseek": _Provider("https://api.deepseek.com/v1", "DeepSeek", "deepseek"),
    "xai": _Provider("https://api.x.ai/v1", "xAI", "x-ai"),
    "ollama": _Provider("http://localhost:11434/v1", "an Ollama server on this machine"),
    "vllm": _Provider("http://localhost:8000/v1", "a vLLM server on this machine"),
}


def _key_variables(provider: str) -> tuple[str, ...]:
    return _TABLE[provider].keys or (f"{provider.upper()}_API_KEY",)


KEY_OF_ADDRESS = "MULTITURN_API_KEY"
"""Variable of the key sent to ``http(s)://…#name``. No provider's key is ever sent to an address that the user typed."""

PROVIDERS: dict[str, str] = {
    **{name: p.says + (f" (key: {' or '.join(_key_variables(name))})" if p.priced_as else "") for name, p in _TABLE.items()},
    "local": "a small model in this process (pip install 'multiturn[local]'): local/smollm2",
    "script": "a function in a Python file: script:path.py:function",
    "http": f"any OpenAI-style server: http://host:port/v1#name (key, if it wants one: {KEY_OF_ADDRESS})",
}
"""Every provider and one line about it."""

_EXAMPLE = "write provider/name, e.g. openai/gpt-4o-mini or local/smollm2; `multiturn models` lists the providers"
_FORM = re.compile(r"([A-Za-z][\w.-]*)[/:](.+)", re.DOTALL)


def make_model(
    name: str,
    *,
    rpm: float | None = None,
    tpm: float | None = None,
    timeout: float = 600.0,
    environ: Mapping[str, str] | None = None,
) -> Model:
    """The model that ``name`` says (see the top of this module). Nothing is asked of a server yet.

    ``rpm`` and ``tpm`` limit requests and tokens a minute, ``timeout`` is for one attempt, in seconds. All three can be
    written as options of the name, too (``openai/gpt-4o?rpm=60``), without being part of it. Keys and addresses come from
    ``environ`` (by default the process's environment). Raises `InputError`, `UnknownName`, or `ModelSetupError` when a
    key is missing.
    """
    environ = os.environ if environ is None else environ
    plain, given = parse_name(name)
    limits: dict[str, Any] = {"rpm": rpm, "tpm": tpm, "timeout": timeout}
    if plain.startswith(("http://", "https://")):
        written, given = take_limits(given, plain)
        return _addressed(plain, parse_options(given, plain), environ, **{**limits, **written})
    found = _FORM.fullmatch(plain)
    if found is None:
        raise InputError(f"`{plain}` is not the name of a model: {_EXAMPLE}")
    provider, model = found.group(1).lower(), found.group(2)
    if provider == "script":
        from .script import ScriptModel

        return ScriptModel(plain)
    if provider != "local" and provider not in _TABLE:
        raise UnknownName("model provider", provider, PROVIDERS, hint=_EXAMPLE)
    if provider == "local":
        from .local import LocalModel

        return LocalModel(f"local/{model}", parse_options(given, plain))
    written, given = take_limits(given, plain)
    return _hosted(f"{provider}/{model}", provider, model, parse_options(given, plain), environ, **{**limits, **written})


def _hosted(name: str, provider: str, model: str, options: Options, environ: Mapping[str, str], **limits: Any) -> Model:
    at = _TABLE[provider]
    base = at.base or f"{provider.upper()}_BASE_URL"
    url = (environ.get(base) or "").strip() or at.url
    if provider in ("anthropic", "google") and not urlsplit(url).path.strip("/"):
        url = url.rstrip("/") + urlsplit(at.url).path  # their own SDKs take these addresses without the version
    official = url.rstrip("/") == at.url
    key, variable = _key(_key_variables(provider), environ)
    if not key and at.priced_as and official:
        raise ModelSetupError(f"`{name}` needs a key: set {' or '.join(_key_variables(provider))}")
    _check_url(url, f"{base}={url}")
    priced_as = at.priced_as if official else ""
    if provider == "anthropic":
        from .anthropic import VERSION, AnthropicModel

        endpoint = _endpoint(url, model, key, variable, headers={"anthropic-version": VERSION}, key_header="x-api-key", **limits)
        return AnthropicModel(name, options, endpoint, model=model, priced_as=priced_as)
    if provider == "google":
        from .google import GoogleModel

        endpoint = _endpoint(url, model, key, variable, key_header="x-goog-api-key", **limits)
        return GoogleModel(name, options, endpoint, model=model.removeprefix("models/"), priced_as=priced_as)
    from .openai import OpenAIModel

    return OpenAIModel(name, options, _endpoint(url, model, key, variable, **limits), model=model, priced_as=priced_as)


def _addressed(plain: str, options: Options, environ: Mapping[str, str], **limits: Any) -> Model:
    url, _, model = plain.partition("#")
    _check_url(url, url)
    if not model:
        raise InputError(f"`{plain}` does not say which model: write http://host:port/v1#name")
    from .endpoint import public_url
    from .openai import OpenAIModel

    key, variable = _key((KEY_OF_ADDRESS,), environ)
    return OpenAIModel(f"{public_url(url)}#{model}", options, _endpoint(url, model, key, variable, **limits), model=model)


def _endpoint(
    url: str, model: str, key: str, variable: str, *, rpm: float | None, tpm: float | None, timeout: float, **more: Any
) -> Endpoint:
    from .endpoint import Endpoint
    from .limits import RateLimits

    for what, limit in (("requests", rpm), ("tokens", tpm), ("seconds of time-out", timeout)):
        if limit is not None and not 0 < limit < 1e12:
            raise InputError(f"the limit on {what} must be above 0, not {limit:g}")
    rates = RateLimits.per_minute(rpm, tpm)
    return Endpoint(url, key=key, key_variable=variable, model=model, timeout=timeout, rates=rates, **more)


def _key(variables: tuple[str, ...], environ: Mapping[str, str]) -> tuple[str, str]:
    """(key, the variable it came from, or the one to set)."""
    for variable in variables:
        if key := (environ.get(variable) or "").strip():
            if not (key.isascii() and key.isprintable()):
                raise ModelSetupError(f"{variable} holds characters that a key cannot have")
            return key, variable
    return "", variables[0]


def _check_url(url: str, shown: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is not a number, a broken IPv6 address
        good = False
    if not good:
        raise InputError(f"`{_no_password(shown)}` is not an address of a server (http://host:port/v1)")


def _no_password(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)
