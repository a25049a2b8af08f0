"""Reading lines of JSON: the row with its line, and what is said when one is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import Struct

from multiturn.conversation import DataError
from multiturn.conversation.files import json_rows


class Row(Struct):
    name: str


def test_rows_with_their_lines(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"name": "a"}\n\n  \n{"name": "b\u2028c"}')
    assert list(json_rows(path, Row)) == [(1, Row("a")), (4, Row("b\u2028c"))]


@pytest.mark.parametrize(
    "line",
    [b'{"name": 1}', b"{", b"[]", b'{"name": "\xff"}', b'{"name": ' + b"[" * 5000, b"null"],
    ids=lambda line: repr(line[:12]),
)
def test_a_wrong_line_is_named(tmp_path: Path, line: bytes):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"name": "a"}\n\n' + line + b"\n")
    with pytest.raises(DataError, match=r"rows\.jsonl, line 3: "):
        list(json_rows(path, Row))


def test_a_missing_file_is_said(tmp_path: Path):
    with pytest.raises(DataError, match=r"cannot read .*: No such file"):
        list(json_rows(tmp_path / "none.jsonl", Row))
