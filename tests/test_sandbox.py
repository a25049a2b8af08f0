"""Code written by a model tries to break out, on every kind of sandbox that really works here."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from pathlib import Path
from secrets import token_hex

import pytest

from multiturn.conversation import NotMeasured
from multiturn.worlds import sandbox
from multiturn.worlds.sandbox import Sandbox, SandboxResult, SandboxUnavailable, run_python, works
from multiturn.worlds.sandbox_backends import Backend, candidates

KINDS = ("bubblewrap", "bubblewrap (user namespace)", "podman", "docker", "unsafe local", "unsafe local (plain)")


def kind(backend: Backend) -> str:
    if backend.name == "bubblewrap" and "--unshare-user" in backend.command:
        return "bubblewrap (user namespace)"
    return f"{backend.name} (plain)" if not backend.command else backend.name


@pytest.fixture(params=KINDS, scope="module")
def box(request: pytest.FixtureRequest) -> Sandbox:
    for backend in candidates(unsafe=True):
        if kind(backend) == request.param and works(backend):
            return Sandbox(backend=backend)
    pytest.skip(f"{request.param} does not work on this machine")


@pytest.fixture
def closed(box: Sandbox) -> Sandbox:
    """A sandbox that protects files, not only resources."""
    if box.backend().name == "unsafe local":
        pytest.skip("unsafe local execution does not protect files")
    return box


def run(box: Sandbox, code: str, timeout: float = 20, **options: object) -> SandboxResult:
    return asyncio.run(box.run(code, timeout=timeout, **options))  # type: ignore[arg-type]


def left(marker: str) -> list[str]:
    """Processes whose command line holds the marker, after a moment to die."""
    for _ in range(40):
        found = []
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if marker.encode() in line.read_bytes():
                    found.append(str(line))
            except OSError:
                continue
        if not found:
            return []
        time.sleep(0.05)
    return found


def test_a_program_runs(box: Sandbox) -> None:
    code = "import sys, lib.helper, os\nprint(input() + lib.helper.WORD, len(sys.stdin.read()))\nprint('é', file=sys.stderr)"
    files = {"lib/helper.py": "WORD = open('data.txt', encoding='utf-8').read()", "data.txt": "wörld"}
    found = run(box, code, stdin="hello \nabc", files=files)
    assert found == SandboxResult(True, "hello wörld 3\n", "é\n", 0, "")


def test_a_failure_is_the_programs(box: Sandbox) -> None:
    programs = {"1 / 0": (1, "ZeroDivisionError"), "import sys; sys.exit(3)": (3, ""), "print(": (1, "SyntaxError"),
                "import numpy_is_not_here": (1, "ModuleNotFoundError")}  # fmt: skip
    for found, (exit_code, word) in zip(run_all(box, list(programs), timeout=20), programs.values(), strict=True):
        assert (found.ok, found.reason, found.exit_code) == (False, "failed", exit_code)
        assert word in found.stderr


def run_all(box: Sandbox, codes: list[str], **options: object) -> list[SandboxResult]:
    async def several() -> list[SandboxResult]:
        return await asyncio.gather(*(box.run(code, **options) for code in codes))  # type: ignore[arg-type]

    return asyncio.run(several())


def test_no_program_outlives_its_time(box: Sandbox) -> None:
    start = time.monotonic()
    found = run_all(box, [
        "while True: pass",
        "import signal, time\nfor s in (1, 2, 15): signal.signal(s, signal.SIG_IGN)\ntime.sleep(60)",
        "import os, time\nos.close(1); os.close(2)\ntime.sleep(60)",
    ], timeout=0.5)  # fmt: skip
    assert {(f.ok, f.reason) for f in found} == {(False, "time limit")}
    assert time.monotonic() - start < 20


def test_memory_is_bounded(box: Sandbox) -> None:
    one, steps, many = run_all(box, [
        "x = bytearray(10 << 30)",
        "x = []\nwhile True: x.append(bytearray(8 << 20))",
        "import os, time\nfor i in range(12):\n  if os.fork() == 0:\n    x = b'x' * (99 << 20)\n    time.sleep(9)\ntime.sleep(9)",
    ], timeout=5, memory_mb=200)  # fmt: skip
    assert {one.reason, steps.reason} == {"memory limit"}
    # In a container the kernel kills the children only.
    assert many.reason in (("memory limit", "time limit") if box.backend().container else ("memory limit",))


def test_a_fork_bomb_ends(box: Sandbox) -> None:
    marker = token_hex(8)
    bomb = f"import os, sys, time\nmarker = {marker!r}\nfor i in range(10_000):\n  os.fork()\n  time.sleep(0.001)"
    start = time.monotonic()
    found = run(box, f"import os, sys\nos.execv(sys.executable, [sys.executable, '-c', {bomb!r}])")
    assert (found.ok, found.reason) == (False, "process limit")
    assert left(marker) == []
    assert time.monotonic() - start < 25


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_is_bounded(box: Sandbox, stream: str) -> None:
    found = run(box, f"import sys\nwhile True: sys.{stream}.write('x' * 10_000)")
    assert (found.ok, found.reason) == (False, "output limit")
    assert len(found.stdout) + len(found.stderr) <= 1 << 20


def test_output_may_be_any_bytes(box: Sandbox) -> None:
    assert run(box, "import os; os.write(1, bytes([255, 0, 65]))").stdout == "\ufffd\0A"


def test_nothing_is_left_behind(box: Sandbox) -> None:
    marker = token_hex(8)
    code = f"""
import os, sys
if os.fork() == 0:
    os.setsid()
    os.close(1); os.close(2)
    os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)  # {marker}"])
print("done")
import time; time.sleep(0.4)
"""
    assert run(box, code).stdout == "done\n"
    assert left(marker) == []


def test_a_cancelled_run_is_killed(box: Sandbox) -> None:
    marker = token_hex(8)
    code = f"import os, sys\nos.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(60)  # {marker}'])"

    async def cancelled() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(box.run(code, timeout=50), 0.7)

    start = time.monotonic()
    asyncio.run(cancelled())
    assert time.monotonic() - start < 10
    assert left(marker) == []


def test_the_environment_is_empty(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_API_KEY", secret := token_hex(8))
    code = """
import glob, os
print(dict(os.environ))
for name in glob.glob("/proc/[0-9]*/environ") if SEARCH else ():
    try:
        print(open(name, "rb").read())
    except OSError:
        pass
""".replace("SEARCH", str(box.backend().name != "unsafe local"))
    found = run(box, code)
    assert found.ok
    assert secret not in found.stdout


def test_files_cannot_be_read(closed: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = tmp_path / "multiturn.db"
    store.write_text("canary")
    store.chmod(0o644)
    home = [str(Path.home()), str(Path.cwd()), str(Path(__file__).resolve().parent.parent / "src"), "/etc/passwd", "/root/.ssh"]
    code = f"""
import os
for path in {[str(store), *home]!r}:
    try:
        print(path, os.listdir(path) if os.path.isdir(path) else open(path).read())
    except OSError as error:
        pass
for folder, names, files in os.walk("/"):
    if "multiturn.db" in files:
        print("found", folder)
"""
    found = run(closed, code)
    assert found.ok, found.stderr
    assert "canary" not in found.stdout
    assert "found" not in found.stdout
    assert "multiturn" not in found.stdout


def test_nothing_can_be_written_outside(closed: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    tmp_path.chmod(0o777)
    code = f"""
import os
for path in ({str(tmp_path / "mine")!r}, {str(tmp_path / "new")!r}, "/usr/lib/x", "/etc/x", "/x", "/dev/x"):
    try:
        open(path, "w").write("broken")
        print("wrote", path)
    except OSError:
        pass
open("here", "w").write("fine")
"""
    found = run(closed, code)
    assert found == SandboxResult(True, "", "", 0, "")
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]
    assert (tmp_path / "mine").read_text() == "kept"
    assert "missing" in run(closed, "import os; print('there' if os.path.exists('here') else 'missing')").stdout


def test_files_are_bounded(closed: Sandbox) -> None:
    assert "OSError" in run(closed, "open('big', 'wb').write(bytes(20 << 20))").stderr
    assert "No space left" in run(closed, "for i in range(50): open(str(i), 'wb').write(bytes(8 << 20))").stderr


def test_there_is_no_network(box: Sandbox) -> None:
    if kind(box.backend()) == "unsafe local (plain)":
        pytest.skip("a plain process has the network of its user")
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 2); print('connected')"
        found = run(box, code)
    assert not found.ok
    assert "connected" not in found.stdout


def test_more_runs_than_processors_wait_their_turn(box: Sandbox) -> None:
    found = run_all(box, [f"print({i})" for i in range(6)], timeout=20)
    assert [each.stdout for each in found] == [f"{i}\n" for i in range(6)]


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "", "main.py", "a\0b"])
def test_files_must_lie_in_the_folder(name: str) -> None:
    with pytest.raises(ValueError, match="relative path"):
        run(Sandbox(backend=Backend("none", (), "python3")), "1", files={name: ""})


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(sandbox.UNSAFE_VARIABLE, raising=False)
    monkeypatch.setattr(sandbox, "_find", sandbox._find.__wrapped__)


@pytest.mark.usefixtures("nothing_installed")
def test_without_a_sandbox_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotMeasured) as caught:
        asyncio.run(run_python("print(1)"))
    assert isinstance(caught.value, SandboxUnavailable)
    assert "--unsafe-local-exec" in caught.value.cause
    assert "\n" not in caught.value.cause
    for value in ("0", "yes", ""):
        monkeypatch.setenv(sandbox.UNSAFE_VARIABLE, value)
        with pytest.raises(SandboxUnavailable):
            asyncio.run(run_python("print(1)"))


@pytest.mark.usefixtures("nothing_installed")
def test_unsafe_execution_must_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(Sandbox(unsafe=True), "print(1)").stdout == "1\n"
    monkeypatch.setenv(sandbox.UNSAFE_VARIABLE, "1")
    assert asyncio.run(run_python("print(2)")).stdout == "2\n"
    with pytest.raises(SandboxUnavailable):
        run(Sandbox(unsafe=False), "print(3)")


@pytest.mark.parametrize("command", [("/bin/false",), ("/nowhere/bwrap",), ("/bin/echo", "bwrap: no")])
def test_a_sandbox_that_does_not_start_is_no_verdict(command: tuple[str, ...]) -> None:
    broken = Backend("bubblewrap", command, "python3")
    assert not works(broken)
    with pytest.raises(SandboxUnavailable, match="did not start"):
        run(Sandbox(backend=broken), "print(1)")


def test_a_container_is_closed_and_removed_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for docker that writes down its arguments and runs what follows the image."""
    docker = tmp_path / "docker"
    docker.write_text(f"""#!/bin/sh
echo "$@" >> {tmp_path}/said
[ "$1" = run ] || exit 0
while [ "$1" != box:1 ]; do shift; done
shift; cd {tmp_path}; exec "$@"
""")
    docker.chmod(0o755)
    monkeypatch.setenv("MULTITURN_SANDBOX_IMAGE", "box:1")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    backend = next(b for b in candidates() if b.name == "docker")
    assert run(Sandbox(backend=backend), "print(1)").stdout == "1\n"
    assert run(Sandbox(backend=backend), "while True: pass", timeout=0.5).reason == "time limit"
    runs = [line.split() for line in (tmp_path / "said").read_text().splitlines() if line.startswith(("run", "kill"))]
    assert [words[0] for words in runs] == ["run", "kill", "run", "kill"]
    for start, end in (runs[:2], runs[2:]):
        assert start[start.index("--name") + 1] == end[-1]
        assert "--network none --read-only" in " ".join(start)
        assert {"--pids-limit", "--memory", "--cap-drop", "no-new-privileges", "never"} <= set(start)
