"""Exports: complete, readable by other programs, streamed, and safe to open."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from multiturn.conversation import Conversation, InputError, read_chats
from multiturn.measures.verdict import Verdict
from multiturn.report import export
from multiturn.report.result import FIGURE_FIELDS, ConversationView
from test_report_result import MODEL, SYSTEM, sample, sample_views


def _view(*verdicts: Verdict, case: str = "c1", **fields: object) -> ConversationView:
    chat = Conversation().user("Hello").assistant("Hi")
    return ConversationView(system=SYSTEM, model=MODEL, case=case, chat=chat, verdicts=verdicts, **fields)  # type: ignore[arg-type]


def test_figures_and_verdicts_as_csv(tmp_path: Path) -> None:
    result, views = sample(), sample_views(8)
    assert export.figures_csv(tmp_path / "f.csv", result) == len(result.figures)
    with (tmp_path / "f.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert tuple(rows[0]) == FIGURE_FIELDS
    assert [float(r["value"]) if r["value"] else None for r in rows] == [f.value for f in result.figures]

    count = export.verdicts_csv(tmp_path / "v.csv", result, views)
    assert count == sum(len(v.verdicts) for v in views)
    with (tmp_path / "v.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert tuple(rows[0]) == export.VERDICT_FIELDS
    assert {(r["status"], r["value"] == "") for r in rows} == {("scored", False), ("unmeasured", True)}


def test_csv_text_does_not_become_a_formula(tmp_path: Path) -> None:
    view = _view(Verdict("accuracy", -1.0, reason='=HYPERLINK("http://x.invalid")'), case="@SUM(A1)\x00\ud800")
    export.verdicts_csv(tmp_path / "v.csv", sample(), [view])
    with (tmp_path / "v.csv").open(encoding="utf-8", newline="") as lines:
        row = next(csv.DictReader(lines))
    assert row["reason"].startswith("'=")
    assert row["case"] == "'@SUM(A1)‹U+0000›‹U+D800›"
    assert row["value"] == "-1.0"


def test_parquet_round_trip_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    monkeypatch.setattr(export, "BATCH", 7)
    result, views = sample(), sample_views(8)
    count = export.verdicts_parquet(tmp_path / "v.parquet", result, views)
    table = parquet.read_table(tmp_path / "v.parquet")
    assert table.num_rows == count == sum(len(v.verdicts) for v in views)
    assert table.column("value").to_pylist() == [v.value for view in views for v in view.verdicts]
    assert export.figures_parquet(tmp_path / "f.parquet", result) == len(result.figures)
    assert export.verdicts_parquet(tmp_path / "none.parquet", result, []) == 0
    assert parquet.read_table(tmp_path / "none.parquet").column_names == list(export.VERDICT_FIELDS)


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r'pip install "multiturn\[parquet\]"'):
        export.figures_parquet(tmp_path / "f.parquet", sample())


def test_junit_counts_failures_and_skips(tmp_path: Path) -> None:
    views = [
        _view(Verdict("accuracy", 1.0, turn=1), Verdict("quality", None, cause="needs --judge"), case="passes"),
        _view(Verdict("accuracy", 1.0, turn=1), Verdict("accuracy", 0.0, turn=2, reason="too <long>\x00"), case="fails"),
        _view(Verdict("accuracy", None, cause="time-out"), case="skipped", repeat=1),
        _view(Verdict("quality", 7.0), case="passes at its own passing value"),
    ]
    assert export.write_junit(tmp_path / "j.xml", sample(), views) == 1
    suite = ElementTree.parse(tmp_path / "j.xml").getroot()[0]
    assert {k: suite.get(k) for k in ("tests", "failures", "skipped")} == {"tests": "4", "failures": "1", "skipped": "1"}
    assert [[child.tag for child in case] for case in suite] == [[], ["failure"], ["skipped"], []]
    assert suite[1][0].get("message") == "turn 2: accuracy 0 (too <long>‹U+0000›)"
    assert suite[2].get("name") == "skipped [multi] repeat 2"
    assert suite[2][0].get("message") == "time-out"


def test_chats_keep_their_place_and_verdicts(tmp_path: Path) -> None:
    result, views = sample(), sample_views(4)
    assert export.chats_jsonl(tmp_path / "c.jsonl", result, views) == len(views)
    for view, (fields, chat) in zip(views, read_chats(tmp_path / "c.jsonl"), strict=True):
        assert [m.text for m in chat.messages] == [m.text for m in view.chat.messages]
        assert (fields["run"], fields["case"], fields["setting"]) == (result.run.id, view.case, view.setting)
        assert len(fields["verdicts"]) == len(view.verdicts)
    with pytest.raises(InputError, match="cannot write"):
        export.chats_jsonl(tmp_path / "no" / "c.jsonl", result, views)


def test_rows_are_streamed_and_a_failed_export_leaves_the_old_file(tmp_path: Path) -> None:
    target, seen = tmp_path / "v.csv", []

    def rows() -> Iterator[dict[str, object]]:
        for i in range(3):
            seen.append(i)
            yield {"a": i}
        raise RuntimeError("the store went away")

    target.write_text("old")
    with pytest.raises(RuntimeError):
        export.write_csv(target, ["a"], rows())
    assert seen == [0, 1, 2]
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("v.csv", "old")]
