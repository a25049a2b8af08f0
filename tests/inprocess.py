"""Running commands in this process, as a shell would."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from multiturn.cli import main
from multiturn.engine.plan import Plan
from multiturn.engine.run import Runner
from multiturn.engine.runs import close_run, open_run
from multiturn.engine.store import Store


class Done(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path) -> Command:
    """A function that runs ``multiturn ARGS`` in ``folder``, on a wide terminal's lines."""
    monkeypatch.chdir(folder)
    for name in ("MULTITURN_STORE", "MULTITURN_DATA", "MULTITURN_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MULTITURN_CACHE", str(folder / "cache"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*args: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["multiturn", *args])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return Done(int(left.value.code or 0), out, err)

    return run


def execute(path: Path, plan: Plan) -> str:
    """Play a plan into a store; returns the run's id."""
    with Store(path, writable=True) as store:
        run = open_run(store, plan)
        status = asyncio.run(Runner(plan, store).run())
        close_run(store, run, status, {})
    return run
