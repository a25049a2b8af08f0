"""Conversations as OpenAI messages and as files: round trips, and errors that say where."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from multiturn.conversation import Conversation, DataError, ToolCall, ToolResult, from_openai, read_chats, to_openai, write_chats
from test_conversation import chats, names


def same_words(chat: Conversation) -> list[tuple[str, str, str, tuple[ToolCall, ...], list[str]]]:
    """What every form keeps: who said what, calls and media. Tool results stand alone and their authors are not sent."""
    found = []
    for m in chat.messages:
        if m.role == "tool":
            found += [("tool", "", p.text, (), [p.call_id]) for p in m.parts if isinstance(p, ToolResult)]
        else:
            found.append((m.role, m.author, m.text, m.tool_calls, [p.digest for p in m.media]))
    return found


@given(chats)
def test_to_openai_and_back(chat: Conversation) -> None:
    back = from_openai(msgspec.json.decode(msgspec.json.encode(to_openai(chat))))
    assert same_words(back) == same_words(chat)
    assert from_openai(to_openai(back)) == back


@settings(max_examples=30)
@given(st.lists(st.tuples(st.dictionaries(names, st.integers(0, 9)), chats), max_size=4))
def test_files_of_conversations(found: list[tuple[dict[str, Any], Conversation]]) -> None:
    assume(all("messages" not in fields for fields, _ in found))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chats.jsonl"
        assert write_chats(path, found) == len(found)
        back = list(read_chats(path))
        assert [fields for fields, _ in back] == [fields for fields, _ in found]
        assert [same_words(c) for _, c in back] == [same_words(c) for _, c in found]
        assert write_chats(path, back) == len(found)
        assert list(read_chats(path)) == back
        assert [p.name for p in Path(folder).iterdir()] == ["chats.jsonl"]


def test_a_file_is_replaced_only_when_complete(tmp_path: Path) -> None:
    path = tmp_path / "chats.jsonl"
    write_chats(path, [({}, Conversation().user("old"))])

    def broken() -> Any:
        yield {}, Conversation().user("new")
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        write_chats(path, broken())
    assert [c.messages[0].text for _, c in read_chats(path)] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["chats.jsonl"]


def test_surrogates_of_a_file_or_its_fields(tmp_path: Path) -> None:
    path = tmp_path / "chats.jsonl"
    write_chats(path, [({"file\udcff": "name\udcff", "score": math.pi}, Conversation().user("half \ud83d"))])
    ((fields, chat),) = read_chats(path)
    assert fields == {"file\ufffd": "name\ufffd", "score": math.pi}
    assert chat.messages[0].text == "half \ufffd"


FINE = {"role": "user", "content": "fine"}
IN_MESSAGE: list[tuple[Any, str]] = [
    ("hello", "expected an object with `role` and `content`, got str"),
    ({"content": "x"}, "`role` must be system, user, assistant or tool, not None"),
    ({"role": "human", "content": "x"}, "`role` must be .* not 'human'"),
    ({"role": ["user"], "content": "x"}, "`role` must be"),
    ({"role": "user", "content": 3}, "`content` must be text or a list of parts, not int"),
    ({"role": "user", "content": ["x"]}, r"`content\[0\]` must be an object, not str"),
    ({"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "smell"}]}, r"`content\[1\]` .* unknown type 'smell'"),
    ({"role": "user", "content": [{"type": "text"}]}, r"`content\[0\].text` is missing"),
    ({"role": "user", "content": [{"type": "text", "text": None}]}, r"`content\[0\].text` must be text, not NoneType"),
    ({"role": "user", "content": [{"type": "image_url"}]}, r"`content\[0\].image_url` is missing"),
    ({"role": "user", "content": [{"type": "image_url", "image_url": "a.png"}]}, r"`content\[0\].image_url` must be an object"),
    ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x/y;base64,?"}}]}, "not base64"),
    (
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": 1}}]},
        r"input_audio.data` must be text",
    ),
    ({"role": "assistant", "tool_calls": [{"id": "1"}]}, r"`tool_calls\[0\].function` is missing"),
    ({"role": "assistant", "tool_calls": [{"function": {}}]}, r"`tool_calls\[0\].function.name` is missing"),
    ({"role": "assistant", "tool_calls": {"id": "1"}}, "`tool_calls` must be a list, not dict"),
    ({"role": "assistant", "tool_calls": ["x"]}, r"`tool_calls\[0\]` must be an object, not str"),
    ({"role": "assistant", "tool_calls": 1}, "`tool_calls` must be a list, not int"),
]
IN_LINE = [
    ('{"messages": [{"role": "user", "content": "x"}', "not JSON"),
    ("[1, 2]", r'expected {"messages": \[...\]}'),
    ('{"messages": "hello"}', r'expected {"messages": \[...\]}'),
    ('{"messages": ' + "[" * 5000 + "]" * 5000 + "}", "nested too deeply"),
    ("\xff\xfe", "not JSON"),
]


@pytest.mark.parametrize(
    ("line", "says"),
    [(json.dumps({"messages": [FINE, m]}), f"message 2: .*{says}") for m, says in IN_MESSAGE] + IN_LINE,
)
def test_malformed_files_say_where(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "chats.jsonl"
    good = json.dumps({"messages": [FINE]}).encode() + b"\n"
    path.write_bytes(good + b"\n" + line.encode("latin-1") + b"\n" + good)
    with pytest.raises(DataError, match=says) as caught:
        list(read_chats(path))
    assert str(caught.value).startswith(f"{path}, line 3")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*: No such file"):
        list(read_chats(tmp_path / "none.jsonl"))
    with pytest.raises(DataError, match="cannot write"):
        write_chats(tmp_path / "none" / "x.jsonl", [])
