"""How language models behave over many turns.

Four nouns: a `Conversation` is what has been said; a `Player` is whoever speaks; a protocol (`Benchmark.play`) is how they
talk; a judge (`Benchmark.judge`) is what it was worth. Names are imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Benchmark": "protocols.benchmark",
    "Case": "conversation",
    "CaseFile": "protocols.casefile",
    "Conversation": "conversation",
    "Figure": "measures.figure",
    "Message": "conversation",
    "Model": "models",
    "Options": "models",
    "Player": "conversation",
    "Scale": "measures.figure",
    "Scripted": "protocols.scripted",
    "ScriptedCase": "protocols.scripted",
    "ScriptedTurn": "protocols.scripted",
    "Verdict": "measures.verdict",
    "evaluate": "api",
    "make_model": "models",
}

__all__ = [*_PUBLIC, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
