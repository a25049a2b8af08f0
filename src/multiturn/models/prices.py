"""What a call costs, from the price list of the genai-prices library (shipped with it: no network)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from .base import Usage

_COUNTED = {"input_mtok", "output_mtok", "cache_read_mtok"}


class _Rates(NamedTuple):
    """USD a token: input, input read from the cache, output."""

    input: float
    cached: float
    output: float


def cost(provider: str, model: str, usage: Usage) -> float | None:
    """USD for one call to ``model`` of ``provider`` (openai, anthropic, google, openrouter …); ``None`` when unknown.

    Cached input tokens are charged at the provider's cache price, reasoning tokens as output. Not covered: the
    surcharge for writing a prompt cache, batch and priority tiers, searches. About a microsecond after a model's
    first call; models whose price depends on the prompt's length or the hour ask the library every time.
    """
    if not provider or not model:
        return None
    rates = _rates(provider, model)
    if isinstance(rates, _Rates):
        return (usage.input - usage.cached) * rates.input + usage.cached * rates.cached + usage.output * rates.output
    return _asked(provider, model, usage) if rates else None


@lru_cache(maxsize=1024)
def _rates(provider: str, model: str) -> _Rates | bool:
    """Flat rates; ``True``: known but not flat; ``False``: unknown."""
    found = _calculation(provider, model, Usage(1, 1, 0, 0))
    if found is None:
        return False
    prices = found.model_price
    listed = {k: v for k in _COUNTED if (v := getattr(prices, k, None)) is not None}
    per_request = any("request" in k and v is not None for k, v in vars(prices).items())
    if isinstance(found.model.prices, list) and len(found.model.prices) > 1:
        per_request = True  # a price list by date or hour
    if per_request or any(not hasattr(v, "as_tuple") for v in listed.values()):
        return True
    price = {k: float(v) / 1e6 for k, v in listed.items()}
    fresh = price.get("input_mtok", 0.0)
    return _Rates(fresh, price.get("cache_read_mtok", fresh), price.get("output_mtok", 0.0))


def _asked(provider: str, model: str, usage: Usage) -> float | None:
    found = _calculation(provider, model, usage)
    return None if found is None else float(found.total_price)


def _calculation(provider: str, model: str, usage: Usage) -> Any:
    # Imported here: the price list takes about 0.2 s to load, and most runs on local models never ask for a price.
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    tokens = Tokens(input_tokens=usage.input, output_tokens=usage.output, cache_read_tokens=usage.cached or None)
    try:
        return calc_price(tokens, model, provider_id=provider)
    except (LookupError, ValueError):
        return None
