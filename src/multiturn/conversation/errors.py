"""Every failure has a place and a name.

    MultiturnError
    ├── InputError            the user's mistake: one line, exit code 2
    │   ├── DataError         a data or case file is missing, malformed or corrupted
    │   ├── UnknownName       no such benchmark, model provider, measure …
    │   ├── StoreError        the store cannot be opened, is newer, is locked
    │   └── ModelSetupError   a wrong key, an unknown model, a server that is not there
    ├── CallError             a model call that gave no usable reply, after retries; recorded as a cause
    │   ├── ContextOverflow   the conversation no longer fits the model's context
    │   └── NotRecorded       replay only: the store holds no answer for this call
    └── NotMeasured           something was left out on purpose; recorded as a cause
        ├── NeedsRole         the benchmark needs a judge or a user and none was given
        └── BudgetSpent       --max-cost, --max-calls or --max-tokens was reached

User code (players, benchmarks, judges, worlds) raises plain exceptions; the engine attributes them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MultiturnError(Exception):
    """Base of all errors of this package. ``str(error)`` is one clear line."""


class InputError(MultiturnError):
    """The user's mistake. Says what was wrong, where, and what to do."""


class DataError(InputError):
    """A data or case file is missing, malformed or corrupted."""


class UnknownName(InputError):
    """A name that is not known, with the nearest known one."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        line = f"unknown {kind} `{name}`"
        if near:
            line += f"; did you mean `{near[0]}`?"
        elif known and len(known) <= 12:
            line += f"; known: {', '.join(known)}"
        super().__init__(line + (f" ({hint})" if hint else ""))


class StoreError(InputError):
    """The store cannot be used as it is."""


class ModelSetupError(InputError):
    """The model cannot answer at all: wrong key, unknown name, no server there."""


class CallError(MultiturnError):
    """A call that gave no usable reply. ``cause`` is a short stable label for counting, ``retries`` how often it was tried
    again before it was given up."""

    def __init__(self, message: str, cause: str = "provider error", retries: int = 0) -> None:
        super().__init__(message)
        self.cause, self.retries = cause, retries


class ContextOverflow(CallError):
    """The conversation no longer fits the model's context."""

    def __init__(self, message: str) -> None:
        super().__init__(message, cause="context limit")


class NotRecorded(CallError):
    """Replay only: the store holds no answer for this call."""

    def __init__(self, message: str) -> None:
        super().__init__(message, cause="not recorded")


class NotMeasured(MultiturnError):
    """Something was left out on purpose. ``cause`` is a short stable label for counting."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class NeedsRole(NotMeasured):
    """The benchmark needs a role (``judge``, ``user`` …) that was not given."""

    def __init__(self, role: str) -> None:
        super().__init__(f"needs --{role}")
        self.role = role


class BudgetSpent(NotMeasured):
    """A limit on cost, calls or tokens was reached."""
