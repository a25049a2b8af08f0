"""Running Python that a model wrote, where it can do no harm. See docs/sandbox.md for what is and is not covered.

What a run answers depends on the machine's clock: protocols call it through ``cast.record``.
"""

from __future__ import annotations

import asyncio
import functools
import json
import math
import os
import secrets
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from weakref import WeakKeyDictionary

from msgspec import Struct

from ..conversation import NotMeasured
from .sandbox_backends import Backend, candidates, named
from .sandbox_watch import Bounds, Watched, watch

OUTPUT_BYTES = 1 << 20
FILE_BYTES = 16 << 20
PROCESSES = 32
UNSAFE_VARIABLE = "MULTITURN_UNSAFE_LOCAL_EXEC"
"""Set to 1 (by ``--unsafe-local-exec``): where no sandbox works, run with limits only."""
_MAIN = "main.py"
_OVERHEAD = 32 << 20
_START = 30.0
"""Seconds that a sandbox may need until the code starts, which is when its own time begins."""

_find_lock = threading.Lock()
_gates: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


class SandboxUnavailable(NotMeasured):
    """Code written by a model cannot be run safely here."""

    def __init__(self, cause: str = "needs bubblewrap 0.7+ or a container to run a model's code, or --unsafe-local-exec") -> None:
        super().__init__(cause)


class SandboxResult(Struct, frozen=True):
    """What the code did. ``ok``: it ended by itself with exit code 0.

    ``reason``: "", "time limit", "memory limit", "output limit", "process limit", or "failed" (any other exit code). Texts
    are cut at 1 MiB each and hostile. ``exit_code``: the process's; 128 + n or -n when signal n ended it.
    """

    ok: bool
    stdout: str
    stderr: str
    exit_code: int
    reason: str


class Sandbox:
    """Where foreign Python runs: bubblewrap, else podman or docker, else refusal (or limits only, when ``unsafe``).

    ``unsafe`` None: as the environment variable MULTITURN_UNSAFE_LOCAL_EXEC says. ``backend``: this one, unprobed.
    """

    def __init__(self, *, unsafe: bool | None = None, backend: Backend | None = None) -> None:
        self.unsafe = os.environ.get(UNSAFE_VARIABLE) == "1" if unsafe is None else unsafe
        self._backend = backend

    def backend(self) -> Backend:
        """The way that works here. Raises `SandboxUnavailable`."""
        if self._backend is None:
            with _find_lock:
                self._backend = _find(self.unsafe)
        if self._backend is None:
            raise SandboxUnavailable()
        return self._backend

    async def run(self, code: str, *, stdin: str = "", timeout: float = 6.0, memory_mb: int = 512,  # noqa: ASYNC109
                  files: Mapping[str, str] = {}) -> SandboxResult:  # fmt: skip
        """Run ``code`` as a script in a folder that holds ``files`` (relative path -> text), with the standard library.

        ``timeout``: seconds of wall clock, and of processor a process. ``memory_mb``: address space a process, and memory
        of all processes together. At most 32 processes and threads, 16 MiB a file, 64 MiB of files, 1 MiB of output.
        As many run at once as there are processors; waiting for a place does not count.
        """
        job = _job(code, stdin, timeout, memory_mb, files)
        backend = await asyncio.to_thread(self.backend)
        loop = asyncio.get_running_loop()
        gate = _gates.setdefault(loop, asyncio.Semaphore(os.cpu_count() or 1))
        stop = threading.Event()
        async with gate:
            work = asyncio.ensure_future(asyncio.to_thread(_run, backend, job, timeout, memory_mb << 20, stop))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                stop.set()
                await asyncio.wait([work])
                raise


@functools.cache
def _find(unsafe: bool) -> Backend | None:
    """The first way that works here. Probed once a process (a tenth of a second; a container up to seconds)."""
    return next((backend for backend in candidates(unsafe=unsafe) if works(backend)), None)


def works(backend: Backend) -> bool:
    """Whether a small program really runs in it."""
    try:
        found = _run(backend, _job("print(6 * int(input()))", "7", 20, 256, {}), 20, 256 << 20, threading.Event())
    except SandboxUnavailable:
        return False
    return found.ok and found.stdout == "42\n"


async def run_python(code: str, *, stdin: str = "", timeout: float = 6.0, memory_mb: int = 512,  # noqa: ASYNC109
                     files: Mapping[str, str] = {}) -> SandboxResult:  # fmt: skip
    """`Sandbox.run` in the sandbox that this machine has. Raises `SandboxUnavailable` where it has none."""
    return await Sandbox().run(code, stdin=stdin, timeout=timeout, memory_mb=memory_mb, files=files)


def _job(code: str, stdin: str, timeout: float, memory_mb: int, files: Mapping[str, str]) -> dict[str, object]:
    for name in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name or name == _MAIN:
            raise ValueError(f"a file of a sandbox needs a relative path other than {_MAIN}, not {name!r}")
    if not 0 < timeout < math.inf or memory_mb < 1:
        raise ValueError("a sandbox needs a positive time limit and memory limit")
    return {
        "main": _MAIN, "files": {**files, _MAIN: code}, "stdin": stdin, "cpu": math.ceil(timeout) + 1, "memory": memory_mb << 20,
        "file_bytes": FILE_BYTES, "processes": PROCESSES, "token": secrets.token_hex(16),
    }  # fmt: skip


def _run(backend: Backend, job: dict[str, object], timeout: float, memory: int, stop: threading.Event) -> SandboxResult:
    # A user of its own for each run: the kernel counts processes by user.
    user = (1 << 30) + secrets.randbits(29) if backend.drop else 0
    text = json.dumps({**job, "user": user}).encode()
    start, container = named(backend, memory + _OVERHEAD)
    command = (*start, backend.python, "-c", _runner())
    bounds = Bounds(_START, timeout, str(job["token"]).encode(), memory + _OVERHEAD, PROCESSES + 8, OUTPUT_BYTES)
    try:
        if backend.folder:
            seen = watch(command, text, bounds, env=backend.env, cwd=None, stop=stop)
        else:
            with tempfile.TemporaryDirectory(prefix="multiturn-", ignore_cleanup_errors=True) as folder:
                seen = watch(command, text, bounds, env=backend.env, cwd=folder, stop=stop)
    except OSError as error:
        raise SandboxUnavailable(f"the sandbox ({backend.name}) did not start: {error.strerror}") from None
    finally:
        if container:
            for words in (("kill", container), ("rm", "--force", container)):  # rm alone waits for its end, politely
                subprocess.run([backend.container, *words], capture_output=True, stdin=subprocess.DEVNULL)
    return _result(seen, str(job["token"]), backend)


def _result(seen: Watched, token: str, backend: Backend) -> SandboxResult:
    before, started, after = seen.stderr.partition(token.encode() + b"\n")
    if not started and seen.reason != "stopped":
        lines = before.decode(errors="replace").strip().splitlines()
        raise SandboxUnavailable(f"the sandbox ({backend.name}) did not start: {lines[-1][:200] if lines else 'no word'}")
    out, err = seen.stdout.decode(errors="replace"), after.decode(errors="replace")
    reason = seen.reason or _reason(seen.exit_code, err)
    return SandboxResult(not reason, out, err, seen.exit_code, reason)


def _reason(exit_code: int, stderr: str) -> str:
    """Which limit of the kernel ended it, as far as Python's last words and the signal tell."""
    if exit_code == 0:
        return ""
    last = stderr.rstrip().rpartition("\n")[2]
    if last.startswith("MemoryError") or exit_code == 137:
        return "memory limit"
    if last.startswith(("BlockingIOError: [Errno 11]", "RuntimeError: can't start new thread")):
        return "process limit"
    return "time limit" if exit_code in (152, -24) else "failed"


def _runner() -> str:
    return Path(__file__).with_name("sandbox_runner.py").read_text(encoding="utf-8")
