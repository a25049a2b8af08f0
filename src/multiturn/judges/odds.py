"""Yes and no, and points of a scale, from token probabilities instead of text.

A model gives them when its name ends in ``?top_logprobs=20`` (OpenAI, vLLM, llama.cpp, Gemini; not Anthropic).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..conversation import Conversation, Odds
from .parse import yes_no

SKIPPED = 2
"""Places at the start of a reply that may hold no answer (a quote, a line break) before it is given up."""


def first_odds(chat: Conversation) -> list[dict[str, float]]:
    """The probabilities at the first places of the last message: token -> probability (tokens that differ only in blanks, case
    and punctuation added up); [] when the reply carries none."""
    message = chat.message
    odds = next((p for p in message.parts if isinstance(p, Odds)), None) if message is not None else None
    found = []
    for place in odds.tokens if odds is not None else ():
        shares: dict[str, float] = {}
        for token, logprob in place:
            key = token.strip(" \t\n\u2581\u0120\"'*`[({.").lower()
            shares[key] = shares.get(key, 0.0) + math.exp(logprob)
        found.append(shares)
    return found


def yes_share(chat: Conversation) -> float | None:
    """p(yes) / (p(yes) + p(no)) at the first place of the reply that could be either, 0 to 1; None when there is none."""
    for shares in first_odds(chat)[: SKIPPED + 1]:
        yes, no = (sum(p for token, p in shares.items() if yes_no(token) is wanted) for wanted in (True, False))
        if yes + no > 0:
            return yes / (yes + no)
    return None


def expected_value(chat: Conversation, values: Mapping[str, float]) -> float | None:
    """The mean of ``values`` (what a token says -> its number) weighted by the tokens' probabilities, at the first place of the
    reply that could be one of them; None when there is none."""
    wanted = {token.lower(): value for token, value in values.items()}
    for shares in first_odds(chat)[: SKIPPED + 1]:
        mass = {token: p for token, p in shares.items() if token in wanted}
        if (total := sum(mass.values())) > 0:
            return sum(p * wanted[token] for token, p in mass.items()) / total
    return None


def likeliest(odds: Odds, most: int = 5) -> str:
    """The likeliest tokens at the first place, for whoever looks at the conversation."""
    place = next(iter(odds.tokens), ())
    return "first token: " + ", ".join(f"{token!r} {math.exp(p):.3f}" for token, p in place[:most])
