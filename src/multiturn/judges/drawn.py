"""Which of two answers is shown first, where a method draws it once for a pair."""

from __future__ import annotations

from hashlib import blake2b

SEED = 42


def drawn(id_: str) -> bool:
    """Whether the first answer of a pair is shown second: a coin with a fixed seed, the same for all raters and runs."""
    return bool(blake2b(f"{SEED}/{id_}".encode(), digest_size=1).digest()[0] % 2)
