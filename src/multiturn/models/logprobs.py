"""Token probabilities in replies: what the providers' forms amount to."""

from __future__ import annotations

from typing import Any

from ..conversation import Odds

FIRST = 8
"""Places of a reply whose probabilities are kept."""


def openai_odds(found: Any) -> tuple[Odds, ...]:
    """From the field ``logprobs`` of a choice (OpenAI, vLLM, llama.cpp, …); () when there are none."""
    return _odds(_lists(found, "content", "top_logprobs"), "token", "logprob")


def google_odds(found: Any) -> tuple[Odds, ...]:
    """From the field ``logprobsResult`` of a candidate (Gemini); () when there are none."""
    return _odds(_lists(found, "topCandidates", "candidates"), "token", "logProbability")


def _lists(found: Any, places: str, listed: str) -> list[Any]:
    rows = found.get(places) if isinstance(found, dict) else None
    return [row.get(listed) if isinstance(row, dict) else None for row in rows] if isinstance(rows, list) else []


def _odds(places: list[Any], token: str, logprob: str) -> tuple[Odds, ...]:
    kept = []
    for listed in places[:FIRST]:
        pairs = [(t.get(token), t.get(logprob)) for t in listed if isinstance(t, dict)] if isinstance(listed, list) else []
        kept.append(tuple((t, float(p)) for t, p in pairs if isinstance(t, str) and isinstance(p, int | float) and p <= 0))
    return (Odds(tuple(kept)),) if any(kept) else ()
