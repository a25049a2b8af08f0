"""SysBench: the published table from the released judgements, unit cases, the judge's question, both histories."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from multiturn.conversation import Conversation, DataError, NeedsRole, Player
from multiturn.measures.figure import Figure
from multiturn.measures.verdict import Table, Verdict
from multiturn.protocols.scripted import ScriptedCase
from multiturn.systems.script.listed import ListedCase
from multiturn.systems.script.sysbench import NO_GOLD, SysBench, replay
from multiturn.systems.script.sysbench_sessions import Checklist, Meta, judgements, rows


class Folder:
    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, slug: str, name: str, home: str = "", sha256: str = "") -> Path:
        if not (self.root / slug / name).is_file():
            raise DataError(f"{slug}/{name} is not there")
        return self.root / slug / name


def figures(table: Table) -> list[Figure]:
    return [figure for make in SysBench.figures for figure in make(table)]


def value(found: list[Figure], measure: str, setting: str = "multi", group: str | None = None, kind: str = "mean",
          turn: int | None = None) -> Figure:  # fmt: skip
    (one,) = [f for f in found if (f.measure, f.setting, f.group, f.kind, f.turn) == (measure, setting, group, kind, turn)]
    return one


@pytest.fixture(scope="module")
def released(data_root: Path) -> dict[str, Table]:
    folder = data_root / "sysbench"
    if not folder.is_dir():
        pytest.skip(f"no SysBench files under {data_root}")
    return replay(rows(folder / "sessions_meta.jsonl", Meta), judgements(folder / "judgements_by_run.json"))


@pytest.fixture(scope="module")
def results(released: dict[str, Table]) -> dict[str, list[Figure]]:
    return {model: figures(table) for model, table in released.items()}


# -- the published table ----------------------------------------------------------------------------------------------
def test_every_published_cell(results: dict[str, list[Figure]]) -> None:
    assert len(results) == 14
    assert len(SysBench.published) == 14 * 7 + 7 * 3 + 6
    for cell in SysBench.published:
        found = value(results[cell.model], cell.measure, cell.setting, cell.group)
        assert found.value == pytest.approx(cell.value, abs=0.001), cell
        assert found.low is not None
        assert found.high is not None
        assert found.low < cell.value + 0.001
        assert found.high > cell.value - 0.001


def test_counts_and_clusters(results: dict[str, list[Figure]], released: dict[str, Table]) -> None:
    found = results["gpt-4o"]
    assert value(found, "csr").n_scored == 5952
    assert value(found, "isr").n_scored == 2500
    assert value(found, "isr_aligned").n_scored == 1951
    assert value(found, "isr_misaligned").n_scored == 549
    assert value(found, "ssr", group="dependent").n_scored == 356
    assert value(found, "ssr", group="parallel").n_scored == 144
    assert {value(found, m).n_cases for m in ("csr", "isr", "ssr")} == {500}
    unclear = sum(
        value(results[model], "unclear", setting, kind="count").value or 0
        for model, table in released.items()
        for setting in table.present("setting")
    )
    assert unclear == 146


def test_strict_variant(results: dict[str, list[Figure]]) -> None:
    found = results["gpt-4o"]
    assert 100 * (value(found, "isr_strict").value or 0) == pytest.approx(76.20, abs=0.005)
    assert 100 * (value(found, "ssr_strict").value or 0) == pytest.approx(54.12, abs=0.005)


def test_run_lengths_are_a_survival_curve(results: dict[str, list[Figure]]) -> None:
    for found in results.values():
        curve = [value(found, "isr survival", kind="survival", turn=turn).value or 0 for turn in range(1, 6)]
        assert sum(curve) / 5 == pytest.approx(value(found, "ssr").value)


def test_gold_history_gain(results: dict[str, list[Figure]]) -> None:
    found = results["qwen2-72b"]
    whole = value(found, "isr difference", "gold - multi", kind="difference")
    assert whole.value == pytest.approx((value(found, "isr", "gold").value or 0) - (value(found, "isr").value or 0))
    rounds = [value(found, "isr gain", "gold - multi", kind="turn", turn=t).value or 0 for t in range(1, 6)]
    assert sum(rounds) / 5 == pytest.approx(whole.value)
    kinds = {f.group for f in found if f.measure == "isr gain"}
    assert kinds == {None, "dependent", "parallel"}
    assert not [f for f in results["glm-4"] if f.measure == "isr gain"], "glm-4 has no gold run"


# -- unit cases -------------------------------------------------------------------------------------------------------
META = Meta(1, True, ["align"] * 5, [["content"]] * 5)


@pytest.mark.parametrize(
    ("bits", "ssr", "isr"),
    [("11011", 0.4, 0.8), ("01111", 0.0, 0.8), ("11111", 1.0, 1.0), ("00000", 0.0, 0.0), ("1?101", 0.6, 0.8)],
)
def test_one_session(bits: str, ssr: float, isr: float) -> None:
    found = figures(replay([META], {"own_history:x": [list(bits)]})["x"])
    assert value(found, "ssr").value == pytest.approx(ssr)
    assert value(found, "isr").value == pytest.approx(isr)
    assert value(found, "csr").value == pytest.approx(bits.count("1") / 5)
    assert value(found, "unclear", kind="count").value == bits.count("?")
    assert value(found, "isr_strict").value == pytest.approx(bits.count("1") / 5)


def test_judgements_must_fit_the_checklist() -> None:
    with pytest.raises(DataError, match="2 judgements for 1"):
        replay([META], {"own_history:x": [["1", "11", "1", "1", "1"]]})


# -- playing ----------------------------------------------------------------------------------------------------------
class FakeCast:
    stopped = ""
    repeat = 0

    def __init__(self, setting: str, judge: str | None) -> None:
        self.setting, self.line = setting, judge
        self.asked: list[str] = []
        self.heard: list[Conversation] = []

    def has(self, role: str) -> bool:
        return role != "judge" or self.line is not None

    @property
    def assistant(self) -> Player:
        async def say(chat: Conversation) -> Conversation:
            self.heard.append(chat)
            return chat.assistant(f"own {len(chat.turns)}")

        return say

    @property
    def judge(self) -> Player:
        if self.line is None:
            raise NeedsRole("judge")

        async def say(chat: Conversation) -> Conversation:
            self.asked.append(chat.turns[0].user.text)  # type: ignore[union-attr]
            return chat.assistant(self.line or "")

        return say


def judged(bench: SysBench, case: ListedCase, setting: str, line: str | None) -> tuple[list[Verdict], FakeCast]:
    cast = FakeCast(setting, line)

    async def go() -> list[Verdict]:
        found: list[Verdict] = []
        for view in bench.views(case, setting):
            assert isinstance(view, ScriptedCase)
            chat = await bench.play(view, cast, setting)  # type: ignore[arg-type]
            found += [v async for v in bench.judge(view, chat, cast)]  # type: ignore[arg-type]
        return found

    return asyncio.run(go()), cast


def official_session(number: int = 1, **changes: Any) -> dict[str, Any]:
    users = [f"问题{i}" for i in range(1, 6)]
    messages = [{"role": "system", "content": "你是一只猫。"}]
    for i, user in enumerate(users, 1):
        messages += [{"role": "user", "content": user}, {"role": "assistant", "content": f"gold {i}"}]
    criteria = {"1": {"criteria_id": 1, "criteria_content": "要像猫", "criteria_type": "角色约束"},
                "2": {"criteria_id": 2, "criteria_content": "要短", "criteria_type": "格式约束"}}  # fmt: skip
    infos = {user: {"alignment": "misalign" if i == 1 else "align", "criteria": criteria} for i, user in enumerate(users)}
    return {"system_id": number, "system_prompt": "你是一只猫。", "领域": "x", "rounds_related": True, "messages": messages,
            "prompt_infos": infos} | changes  # fmt: skip


def write(root: Path, sessions: list[dict[str, Any]]) -> SysBench:
    (root / "sysbench").mkdir(exist_ok=True)
    (root / "sysbench" / "system_benchmark_eval_datas.json").write_text(json.dumps(sessions, ensure_ascii=False), "utf-8")
    return SysBench(Folder(root))


def test_histories(tmp_path: Path) -> None:
    bench = write(tmp_path, [official_session()])
    (case,) = bench.cases()
    assert isinstance(case, ListedCase)
    assert case.group == "dependent"
    _, own = judged(bench, case, "multi", '{"1": "yes", "2": "yes"}')
    third = own.heard[2]
    assert [m.text for m in third if m.role == "assistant"] == ["own 1", "own 2"]
    _, gold = judged(bench, case, "gold", '{"1": "yes", "2": "yes"}')
    assert len(gold.heard) == 5
    assert [m.text for m in gold.heard[2] if m.role == "assistant"] == ["gold 1", "gold 2"]
    for chat in (third, gold.heard[2]):
        assert [m.text for m in chat if m.role == "system"] == ["你是一只猫。"]


def test_judging_a_turn(tmp_path: Path) -> None:
    bench = write(tmp_path, [official_session()])
    (case,) = bench.cases()
    assert isinstance(case, ListedCase)
    found, cast = judged(bench, case, "multi", '{"reason": "ok", "criteria": {"1": "是", "2": "not applicable"}}')
    assert len(cast.asked) == 5
    question = cast.asked[2]
    for text in ("你是一只猫。", "own 2", "问题3", "1. (role) 要像猫", "2. (format) 要短"):
        assert text in question
    by = {(v.measure, v.turn, v.item): v.value for v in found}
    assert by["csr", 1, "1.1"] == 1
    assert by["csr", 1, "1.2"] == 0
    assert by["isr", 1, ""] == 1
    assert by["isr_strict", 1, ""] == 0
    assert by["unclear", 1, ""] == 1
    assert ("isr_misaligned", 2, "") in by
    assert ("isr_aligned", 2, "") not in by
    assert {v.group for v in found if v.measure == "csr"} == {"role", "format"}


def test_what_is_not_measured(tmp_path: Path) -> None:
    bench = write(tmp_path, [official_session()])
    (case,) = bench.cases()
    assert isinstance(case, ListedCase)
    nobody, _ = judged(bench, case, "multi", None)
    assert {(v.value, v.cause) for v in nobody} == {(None, "needs --judge")}
    wrong, cast = judged(bench, case, "multi", '{"1": "yes"}')
    assert {(v.value, v.cause) for v in wrong} == {(None, "judge reply not parsable")}
    assert len(cast.asked) == 10, "one repair a turn"
    assert len(wrong) == len(nobody) == 5 * (2 + 4)


def test_the_sample_has_no_gold_answers(data_root: Path) -> None:
    if not (data_root / "sysbench").is_dir():
        pytest.skip(f"no SysBench files under {data_root}")
    bench = SysBench(Folder(data_root))
    cases = list(bench.cases())
    assert len(cases) == 60
    case = cases[0]
    assert isinstance(case, ListedCase)
    assert (case.group, len(case.turns)) == ("parallel", 5)
    target: Checklist = case.turns[1].target
    assert [c.type for c in target.criteria] == ["content", "content", "action"]
    found, cast = judged(bench, case, "gold", '{"1": "yes"}')
    assert len(cast.heard) == 1
    assert {v.turn for v in found if v.cause == NO_GOLD} == {2, 3, 4, 5}
    assert {v.turn for v in found if v.measure == "isr" and v.value == 1} == {1}


def test_bad_files_are_one_clear_line(tmp_path: Path) -> None:
    for sessions, message in (
        ([official_session(messages=[])], "session 1 is not a system message"),
        ([official_session(prompt_infos={})], "no checklist"),
        ([official_session(system_id="one")], "system_id"),
    ):
        with pytest.raises(DataError, match=message) as error:
            list(write(tmp_path, sessions).cases())
        assert "\n" not in str(error.value)
    (tmp_path / "sysbench" / "system_benchmark_eval_datas.json").write_text("[{")
    with pytest.raises(DataError):
        list(SysBench(Folder(tmp_path)).cases())
