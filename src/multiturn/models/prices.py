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
    first call; models whose price depends on the date or the hour ask the library every time (0.1 ms).
    """
    if not provider or not model:
        return None
    tiers = _tiers(provider, model)
    if tiers is None:
        return _asked(provider, model, usage)
    for above, rates in tiers:
        if usage.input > above:
            return (usage.input - usage.cached) * rates.input + usage.cached * rates.cached + usage.output * rates.output
    return None


@lru_cache(maxsize=1024)
def _tiers(provider: str, model: str) -> tuple[tuple[int, _Rates], ...] | None:
    """Rates by the length of the input above which they hold, longest first; () = unknown, ``None`` = ask each time."""
    found = _calculation(provider, model, Usage(1, 1))
    if found is None:
        return ()
    if isinstance(found.model.prices, list) and len(found.model.prices) > 1:
        return None  # prices by date or hour
    listed = {key: value for key, value in vars(found.model_price).items() if value is not None}
    if any("request" in key for key in listed):
        return None
    counted = [listed[key] for key in _COUNTED if key in listed]
    starts = {tier.start for price in counted for tier in getattr(price, "tiers", ())}
    return tuple((above, _rates(listed, above)) for above in sorted(starts | {-1}, reverse=True))


def _rates(listed: dict[str, Any], above: int) -> _Rates:
    """The rates for an input just longer than ``above``."""
    prices: dict[str, float] = {}
    for key in _COUNTED & listed.keys():
        price = listed[key]
        for tier in getattr(price, "tiers", ()):  # in ascending order
            if above >= tier.start:
                price = tier
        value = getattr(price, "price", getattr(price, "base", price))
        prices[key] = float(value) / 1e6
    fresh = prices.get("input_mtok", 0.0)
    return _Rates(fresh, prices.get("cache_read_mtok", fresh), prices.get("output_mtok", 0.0))


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
