"""Logs of Inspect: archives of both packings and JSON, what a score is worth, samples that broke off, damaged files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from importing import archive, found, items, log, sample, whole
from multiturn.conversation import DataError, Image, InputError, Thought, ToolCall, ToolResult
from multiturn.engine.imports.common import Bad, Found, Note

LOG = log([sample("one"), sample("one", 2), sample(2, scores={"includes": {"value": "I"}})])


@pytest.mark.parametrize("form", ["json", "deflate", "zstandard"])
def test_a_log_in_every_form_is_the_same(tmp_path: Path, form: str) -> None:
    if form == "zstandard":
        pytest.importorskip("zstandard")
    path = whole(tmp_path / "a.json", LOG) if form == "json" else archive(tmp_path / "a.eval", LOG, zstandard=form == "zstandard")
    made = found("inspect", path)
    assert [(f.case, f.repeat, f.model, f.task, f.stopped) for f in made] == [
        ("one", 0, "mockllm/model", "tiny", ""), ("one", 1, "mockllm/model", "tiny", ""), ("2", 0, "mockllm/model", "tiny", ""),
    ]  # fmt: skip
    assert [(v.measure, v.value, v.reason) for f in made for v in f.verdicts] == [
        ("includes", 1.0, "found"), ("includes", 1.0, "found"), ("includes", 0.0, ""),
    ]  # fmt: skip
    said = made[0].chat.messages
    assert said[0].text == "Be short."  # kept once, as an attachment
    assert said[2].parts == (Thought("a tool knows", "s"), ToolCall("c1", "add", '{"a":3,"b":4}'))
    assert said[3].parts == (ToolResult("c1", "7"),)
    assert made[0].chat.reply == "It is 7"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("C", [("s", 1.0, "")]),
        ("P", [("s", 0.5, "")]),
        ("I", [("s", 0.0, "")]),
        ("N", [("s", None, "no answer")]),
        ("yes", [("s", 1.0, "")]),
        ("False", [("s", 0.0, "")]),
        ("2.5", [("s", 2.5, "")]),
        (True, [("s", 1.0, "")]),
        (7, [("s", 7.0, "")]),
        (float("nan"), [("s", None, "not scored")]),
        (None, [("s", None, "not scored")]),
        ("great", [("s", None, "not a number")]),
        ({"a": "C", "b": 0.25}, [("s/a", 1.0, ""), ("s/b", 0.25, "")]),
        (["I", "C"], [("s/1", 0.0, ""), ("s/2", 1.0, "")]),
    ],
)
def test_what_a_score_is_worth(tmp_path: Path, value: Any, wanted: list[tuple[str, float | None, str]]) -> None:
    (one,) = found("inspect", whole(tmp_path / "a.json", log([sample(1, scores={"s": {"value": value}})])))
    assert [(v.measure, v.value, v.cause) for v in one.verdicts] == wanted


def test_a_sample_that_broke_off_stays_in_the_counts(tmp_path: Path) -> None:
    broken = sample(3, scores={}, error={"message": "boom", "traceback": "…"})
    cut = sample(4, limit={"type": "message", "limit": 5}, scores={"style": {"value": 0.5}})
    samples = [sample("one"), broken, cut, sample(5, limit={"type": "token", "limit": 9}), sample(6, limit={"type": "context"})]
    made = {f.case: f for f in found("inspect", archive(tmp_path / "a.eval", log(samples)))}
    lost = made["3"].verdicts
    assert [(v.measure, v.value, v.cause, v.reason) for v in lost] == [
        ("includes", None, "provider error", "boom"), ("style", None, "provider error", "boom"),
    ]  # fmt: skip
    assert [made[case].stopped for case in ("3", "4", "5", "6")] == ["provider error", "turn limit", "budget", "context limit"]
    nothing = archive(tmp_path / "b.eval", log([sample(1, scores={}, messages=[], error={"message": "x"})], status="error"))
    one, note = items("inspect", nothing)
    assert isinstance(one, Found)
    assert [(v.measure, v.cause) for v in one.verdicts] == [("includes", "provider error")]
    assert one.chat.messages[0].text == "Sum 3 and 4"
    assert note == Note("b.eval: 1 samples of 1, status error")


def test_the_single_score_of_old_logs(tmp_path: Path) -> None:
    old = {**sample(1, scores={}), "score": {"value": "C"}}
    (one,) = found("inspect", whole(tmp_path / "a.json", log([old])))
    assert [(v.measure, v.value) for v in one.verdicts] == [("score", 1.0)]


def test_media_and_roles(tmp_path: Path) -> None:
    content = [{"type": "text", "text": "Look"}, {"type": "image", "image": "attachment://pic"}]
    shown = sample(1, messages=[{"role": "user", "content": content}], attachments={"pic": "data:image/gif;base64,R0lG"})
    (one,) = found(
        "inspect", whole(tmp_path / "a.json", log([shown], model_roles={"grader": {"model": "g"}, "user": {"model": "u"}}))
    )
    assert one.chat.messages[0].parts[1] == Image("image/gif", b"GIF")
    assert one.roles == {"judge": "g", "user": "u"}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"messages": [{"role": "elf", "content": "x"}]}, "messages[0]: `role` must be system"),
        (
            {"messages": [{"role": "user", "content": [{"type": "smell"}]}]},
            "messages[0]: content[0]: a part of unknown type 'smell'",
        ),
        ({"messages": [{"role": "user", "content": "attachment://gone"}]}, "messages[0]: the attachment gone is missing"),
        ({"messages": [{"role": "user", "content": [{"type": "image", "image": "data:x;base64,?"}]}]}, "not base64"),
        ({"messages": [], "input": []}, "`messages` is an empty conversation"),
        ({"scores": {"s": 1}}, "expected an object, got a number"),
        ({"epoch": "two"}, "`epoch` must be a whole number"),
    ],
)
def test_bad_samples_say_where_and_what(tmp_path: Path, fields: dict[str, Any], says: str) -> None:
    made = items("inspect", whole(tmp_path / "a.json", log([{**sample(1), **fields}])))
    bad = made[0]
    assert isinstance(bad, Bad)
    assert bad.where == "a.json, sample 1"
    assert says in bad.problem


def test_damaged_archives(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.eval", LOG)
    data = path.read_bytes()
    (tmp_path / "cut.eval").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"cut\.eval` is no whole zip archive"):
        items("inspect", tmp_path / "cut.eval")
    middle = bytearray(data)
    middle[60:80] = bytes(20)
    (tmp_path / "bits.eval").write_bytes(middle)
    bad = items("inspect", tmp_path / "bits.eval")[0]
    assert isinstance(bad, Bad)
    assert bad.where == "bits.eval, samples/one_epoch_1.json"
    with pytest.raises(DataError, match="no log of Inspect"):
        items("inspect", _zip_without_header(tmp_path / "other.zip"))


def _zip_without_header(path: Path) -> Path:
    import zipfile

    with zipfile.ZipFile(path, "w") as out:
        out.writestr("readme.txt", "hello")
    return path


def test_a_member_that_is_larger_than_it_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiturn.engine.imports.archive.LARGEST_MEMBER", 600)
    bad = items("inspect", archive(tmp_path / "a.eval", log([sample(1)])))[0]
    assert isinstance(bad, Bad)
    assert bad.problem == "samples/1_epoch_1.json is larger than 0 MiB"


def test_without_the_library_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("zstandard")
    path = archive(tmp_path / "a.eval", LOG, zstandard=True)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(InputError, match=r'packed with Zstandard, which needs a library: pip install "multiturn\[inspect\]"'):
        items("inspect", path)


def test_damage_in_a_newer_archive(tmp_path: Path) -> None:
    pytest.importorskip("zstandard")
    path = archive(tmp_path / "a.eval", LOG, zstandard=True)
    data = bytearray(path.read_bytes())
    data[90:110] = bytes(20)
    path.write_bytes(data)
    bad = items("inspect", path)[0]
    assert isinstance(bad, Bad)
    assert bad.where == "a.eval, samples/one_epoch_1.json"
