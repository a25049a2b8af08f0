"""Watching a foreign process: wall clock, output, number of processes and memory of all of them; then none is left."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from threading import Event
from typing import NamedTuple

EVERY = 0.05
"""Seconds between two looks at the processes."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Bounds(NamedTuple):
    """Seconds until ``mark`` stands on standard error, and from then on; bytes of all processes together; processes; bytes of
    standard output and of standard error each."""

    start: float
    seconds: float
    mark: bytes
    memory: int
    processes: int
    output: int


class Watched(NamedTuple):
    """What came out. ``reason``: the bound that was hit, "" = it ended by itself, "stopped" = ``stop`` was set."""

    stdout: bytes
    stderr: bytes
    exit_code: int
    reason: str


def watch(command: Sequence[str], job: bytes, bounds: Bounds, *, env: Mapping[str, str], cwd: str | None, stop: Event) -> Watched:
    """Run ``command`` with ``job`` as standard input until it ends or breaks a bound; kill all that it started."""
    with tempfile.TemporaryFile() as given:
        given.write(job)
        given.seek(0)
        process = subprocess.Popen(
            command, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(env), cwd=cwd,
            start_new_session=True, close_fds=True,
        )  # fmt: skip
    seen: dict[int, str] = {}
    texts: dict[int, bytearray] = {}
    try:
        with selectors.DefaultSelector() as pipes:
            for pipe in (process.stdout, process.stderr):
                assert pipe is not None
                os.set_blocking(pipe.fileno(), False)
                texts[pipe.fileno()] = bytearray()
                pipes.register(pipe.fileno(), selectors.EVENT_READ)
            reason = _follow(process, pipes, texts, bounds, seen, stop)
    finally:
        _kill_all(process, seen)
        out, err = (bytes(text[: bounds.output]) for text in texts.values())
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()
    return Watched(out, err, process.returncode, reason)


def _follow(process: subprocess.Popen[bytes], pipes: selectors.BaseSelector, texts: dict[int, bytearray], bounds: Bounds,
            seen: dict[int, str], stop: Event) -> str:  # fmt: skip
    end = time.monotonic() + bounds.start
    started = False
    look = 0.0
    assert process.stderr is not None
    errors = texts[process.stderr.fileno()]
    while True:
        ended = process.poll() is not None
        now = time.monotonic()
        if stop.is_set():
            return "stopped"
        if pipes.get_map():
            for key, _ in pipes.select(0 if ended else max(0.0, min(EVERY, end - now))):
                _read(key.fd, pipes, texts[key.fd], bounds.output)
        elif not ended:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, min(EVERY, end - now)))
        if not started and bounds.mark in errors:
            started, end = True, time.monotonic() + bounds.seconds
        if any(len(text) > bounds.output for text in texts.values()):
            return "output limit"
        if ended:
            return ""
        if time.monotonic() >= end:
            return "time limit"
        if now >= look:
            look = now + EVERY
            if broken := _look(process.pid, bounds, seen):
                return broken


def _read(fd: int, pipes: selectors.BaseSelector, into: bytearray, most: int) -> None:
    """All that is there now; at end of file the pipe is no longer waited for."""
    while len(into) <= most:
        try:
            data = os.read(fd, 65536)
        except BlockingIOError:
            return
        if not data:
            pipes.unregister(fd)
            return
        into += data


def _look(pid: int, bounds: Bounds, seen: dict[int, str]) -> str:
    """Count the process and all its descendants (on systems with /proc). Shared pages are not counted; pages that a fork
    has not yet copied are counted twice."""
    family = [pid, *_descendants(pid)]
    if len(family) > bounds.processes:
        return "process limit"
    memory = 0
    for each in family:
        try:
            with open(f"/proc/{each}/statm") as statm:
                fields = statm.read().split()
            memory += (int(fields[1]) - int(fields[2])) * _PAGE
            seen.setdefault(each, _born(each))
        except (OSError, IndexError):
            continue
    return "memory limit" if memory > bounds.memory else ""


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    queue = [pid]
    while queue:
        parent = queue.pop()
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children") as children:
                    queue += (new := [int(child) for child in children.read().split()])
                    found += new
    return found


def _born(pid: int) -> str:
    """When a process started: with its number, who it is. "" = gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return ""


def _kill_all(process: subprocess.Popen[bytes], seen: dict[int, str]) -> None:
    """Kill the process group, and every descendant that was seen at the last look or is there now."""
    for pid in _descendants(process.pid):
        seen.setdefault(pid, _born(pid))
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for pid, born in seen.items():
        if born and pid != process.pid and _born(pid) == born:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
    process.wait()
