"""Running the command line: in a process of its own, as a user does, or in this one, which is faster."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from fakeserver import Answer, Received, chat

LIMIT = 60.0
"""Seconds any command of a test may take: nothing hangs."""


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line on standard error. Fails when there are several, or a traceback."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("multiturn: "), self.err
        return lines[0]


def start(*args: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start ``multiturn ARGS``."""
    command = [sys.executable, "-m", "multiturn", *map(str, args)]
    return subprocess.Popen(
        command, cwd=cwd, env=_environment(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, encoding="utf-8",
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> Done:
    """Wait for a command."""
    try:
        out, err = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Done(process.returncode, out, err)


def multiturn(*args: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Done:
    """Run ``multiturn ARGS`` to its end."""
    return finish(start(*args, cwd=cwd, env=env))


def inside(*args: str | Path, env: Mapping[str, str] | None = None) -> Done:
    """Run ``multiturn ARGS`` in this process."""
    from multiturn.cli import main

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    code: object = 0
    with (
        mock.patch.object(sys, "argv", ["multiturn", *map(str, args)]),
        mock.patch.dict(os.environ, _environment(env), clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as leave:
            code = leave.code
    assert isinstance(code, int)
    return Done(code, *(f.buffer.getvalue().decode() for f in (out, err)))  # type: ignore[attr-defined]


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("MULTITURN", "OPENAI", "PYTEST"))}
    return {**plain, **(more or {})}


def case(name: str, *turns: str, **fields: Any) -> dict[str, Any]:
    """A case whose every turn wants its own words back."""
    return {"id": name, "turns": [{"user": t, "target": {"type": "answer", "value": t}} for t in turns], **fields}


def cases(path: Path, items: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> Path:
    """Write a case file."""
    path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    return path


def echo(request: Received) -> Answer:
    """A server that says the last message again."""
    return chat(request.json["messages"][-1]["content"])


def rows(store: Path, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a store, read as any other program would."""
    db = sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=10)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()
