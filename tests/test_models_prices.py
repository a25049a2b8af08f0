"""Prices, against the library that keeps them."""

from __future__ import annotations

import pytest
from genai_prices import Usage as Tokens
from genai_prices import calc_price

from multiturn.models import Usage
from multiturn.models.prices import cost

USAGES = [
    Usage(1000, 100),
    Usage(1000, 100, 400),
    Usage(300_000, 2000, 1000),
    Usage(200_000, 3),
    Usage(200_001, 3),
    Usage(0, 5),
    Usage(),
]


@pytest.mark.parametrize("usage", USAGES)
@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o-mini"), ("openai", "gpt-4o-2024-08-06"), ("anthropic", "claude-sonnet-4-5"),
        ("google", "gemini-2.5-pro"), ("deepseek", "deepseek-chat"), ("mistral", "mistral-small-latest"), ("x-ai", "grok-4"),
        ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo"), ("groq", "llama-3.3-70b-versatile"),
        ("openrouter", "openai/gpt-4o-mini"),
    ],
)  # fmt: skip
def test_same_as_the_library(provider: str, model: str, usage: Usage) -> None:
    tokens = Tokens(input_tokens=usage.input, output_tokens=usage.output, cache_read_tokens=usage.cached or None)
    assert cost(provider, model, usage) == pytest.approx(
        float(calc_price(tokens, model, provider_id=provider).total_price), abs=1e-12
    )


def test_what_is_unknown_has_no_price() -> None:
    assert cost("openai", "no-such-model", Usage(1, 1)) is None
    assert cost("nobody", "gpt-4o-mini", Usage(1, 1)) is None
    assert cost("", "gpt-4o-mini", Usage(1, 1)) is None
    assert cost("openai", "", Usage(1, 1)) is None
