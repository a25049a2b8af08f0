"""The ways to keep foreign code in: bubblewrap, a container, or (only when allowed) limits on a plain process.

A backend is the start of a command line; what follows it is run inside.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import PurePath
from typing import NamedTuple

SCRATCH_BYTES = 64 << 20
"""Size of the private /tmp inside."""
IMAGE = "python:3.11-slim"
"""Container image, unless MULTITURN_SANDBOX_IMAGE names another; it must be there already, nothing is pulled."""
PLAIN_ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"}


class Backend(NamedTuple):
    """``command``: what goes before the Python inside; ``python``: that Python; ``folder``: where the code runs ("" = a
    temporary folder of the host); ``drop``: inside, root becomes a user that nobody else is; ``container``: the program
    that can kill a container by name ("" = killing the process is enough)."""

    name: str
    command: tuple[str, ...]
    python: str
    folder: str = "/tmp"
    drop: bool = False
    container: str = ""

    @property
    def env(self) -> dict[str, str]:
        """Environment of the command. A container does not inherit it, but its client needs it to find its server."""
        return dict(os.environ) if self.container else PLAIN_ENV


def _bubblewrap() -> Iterator[Backend]:
    """Nothing of the host but the C libraries and Python, read-only; no network; own processes; a /tmp of its own."""
    bwrap = shutil.which("bwrap")
    if bwrap is None or not sys.platform.startswith("linux"):
        return
    python = _python()
    home = os.path.join(os.path.realpath(sys.base_prefix), "lib")
    room = ["--size", str(SCRATCH_BYTES), "--tmpfs"]
    view = ["--perms", "1777", *room, "/tmp"]
    for parent in sorted({str(p) for path in ("/usr/lib", "/etc/x", home, python) for p in PurePath(path).parents[:-1]}, key=len):
        view += ["--dir", parent]  # what bwrap makes unasked is closed to all but root
    view += ["--ro-bind", "/usr/lib", "/usr/lib", "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    for folder in ("/lib", "/lib64", "/usr/lib64"):
        if os.path.islink(folder):
            view += ["--symlink", os.readlink(folder), folder]
        elif os.path.isdir(folder):
            view += ["--ro-bind", folder, folder]
    if home != "/usr/lib":
        view += ["--ro-bind", home, home]
    view += ["--ro-bind", python, python, "--dev", "/dev", *room, "/dev/shm"]
    view += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    alone = ["--unshare-ipc", "--unshare-net", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"]
    every = [bwrap, "--die-with-parent", "--new-session", *alone, "--hostname", "sandbox"]
    if os.geteuid() == 0:
        drop = ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        yield Backend("bubblewrap", (*every, *drop, *view), python, drop=True)
    for user in (["--unshare-user", "--disable-userns"], ["--unshare-user"]):
        yield Backend("bubblewrap", (*every, *user, *view), python)


def _containers() -> Iterator[Backend]:
    image = os.environ.get("MULTITURN_SANDBOX_IMAGE") or IMAGE
    for name in ("podman", "docker"):
        if (program := shutil.which(name)) is not None:
            command = (
                program, "run", "--rm", "--interactive", "--pull", "never", "--network", "none", "--read-only",
                "--tmpfs", f"/tmp:rw,mode=1777,size={SCRATCH_BYTES}", "--cap-drop", "ALL",
                "--security-opt", "no-new-privileges", "--user", "65534:65534", "--workdir", "/tmp",
                "--pids-limit", "64", "--ulimit", "nofile=256:256", "--ulimit", "nproc=1024:1024",
                "--env", "LC_ALL=C.UTF-8", "--env", "PYTHONHASHSEED=0", "--entrypoint", "", image,
            )  # fmt: skip
            yield Backend(name, command, "python3", container=program)


def _local() -> Iterator[Backend]:
    """No protection of files. Where namespaces can be had: no network, and all processes die together."""
    python = _python()
    if (unshare := shutil.which("unshare")) is not None:
        alone = (unshare, "--user", "--map-root-user", "--net", "--pid", "--ipc", "--fork", "--kill-child")
        yield Backend("unsafe local", alone, python, folder="")
    yield Backend("unsafe local", (), python, folder="")


def _python() -> str:
    """The interpreter itself: a virtual environment lies among the user's files."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


def candidates(*, unsafe: bool = False) -> Iterator[Backend]:
    """All ways, safest first; the unsafe one only when it is allowed."""
    yield from _bubblewrap()
    yield from _containers()
    if unsafe:
        yield from _local()


def named(backend: Backend, memory: int = 0) -> tuple[tuple[str, ...], str]:
    """The command of one run, and the name of its container ("" = none)."""
    if not backend.container:
        return backend.command, ""
    name = f"multiturn-{secrets.token_hex(8)}"
    extra = ("--name", name, *(("--memory", str(memory), "--memory-swap", str(memory)) if memory else ()))
    return (*backend.command[:2], *extra, *backend.command[2:]), name
