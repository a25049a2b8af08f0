"""MT-Eval: rebuilt dialogues against the released ones, scripted players whose true scores are known, the paper's mean."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from multiturn.conversation import Case, Conversation, DataError, NeedsRole, Player
from multiturn.measures.figure import Figure
from multiturn.measures.verdict import UNMEASURED, Row, Table, Verdict
from multiturn.protocols.scripted import ScriptedCase
from multiturn.systems.script.mt_eval import MTEval
from multiturn.systems.script.mt_eval_build import TOPICS, MTCase

Speak = Callable[[ScriptedCase, Conversation], str]


class Folder:
    """A data source: one folder, nothing else."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, slug: str, name: str, home: str = "", sha256: str = "") -> Path:
        if not (self.root / slug / name).is_file():
            raise DataError(f"{slug}/{name} is not there")
        return self.root / slug / name


class FakeCast:
    """A cast of functions. The judge gets the question and answers with text."""

    stopped = ""
    repeat = 0
    random = random.Random(0)

    def __init__(self, case: ScriptedCase, setting: str, speak: Speak, judge: Callable[[str], str] | None) -> None:
        self.case, self.setting, self._speak, self._judge = case, setting, speak, judge

    def has(self, role: str) -> bool:
        return role != "judge" or self._judge is not None

    @property
    def assistant(self) -> Player:
        async def say(chat: Conversation) -> Conversation:
            return chat.assistant(self._speak(self.case, chat))

        return say

    @property
    def judge(self) -> Player:
        judge = self._judge
        if judge is None:
            raise NeedsRole("judge")

        async def say(chat: Conversation) -> Conversation:
            return chat.assistant(judge(chat.turns[-1].user.text))  # type: ignore[union-attr]

        return say


def run(bench: MTEval, settings: Iterable[str], speak: Speak, judge: Callable[[str], str] | None = None,
        group: str = "") -> Table:  # fmt: skip
    """Play everything with Scripted.play and collect the rows as an engine would."""
    rows: list[Row] = []

    async def play(view: Case, setting: str) -> None:
        assert isinstance(view, ScriptedCase)
        cast: Any = FakeCast(view, setting, speak, judge)
        chat = await bench.play(view, cast, setting)
        async for v in bench.judge(view, chat, cast):
            rows.append(row(view, setting, v))

    async def everything() -> None:
        seen = set()
        for case in bench.cases():
            for setting in settings if not group or case.group == group else ():
                for view in bench.views(case, setting):
                    if (setting, view.id) not in seen:
                        seen.add((setting, view.id))
                        await play(view, setting)

    asyncio.run(everything())
    return Table.of(rows)


def row(view: Case, setting: str, v: Verdict) -> Row:
    status = UNMEASURED if v.value is None else int(v.failed)
    value = float("nan") if v.value is None else v.value
    return Row(view.id, view.cluster or view.id, setting, 0, v.group or view.group or "", v.turn or 0, v.item, v.measure, value,
               status, v.cause)  # fmt: skip


def average(table: Table, setting: str, measure: str = "score", **where: str) -> float:
    rows = table.where(measure=measure, setting=setting, **where)
    return float(rows.value[rows.measured].mean())


def figures(bench: MTEval, table: Table) -> list[Figure]:
    return [figure for make in bench.figures for figure in make(table)]


@pytest.fixture(scope="module")
def bench(data_root: Path) -> MTEval:
    if not (data_root / "mt-eval").is_dir():
        pytest.skip(f"no MT-Eval files under {data_root}")
    return MTEval(Folder(data_root))


def stored(case: ScriptedCase, chat: Conversation) -> str:
    return case.turns[len(chat.turns) - 1].gold or "I do not know."


def cases_of(bench: MTEval, setting: str) -> dict[str, list[MTCase]]:
    found: dict[str, dict[str, MTCase]] = defaultdict(dict)
    for case in bench.cases():
        for view in bench.views(case, setting):
            assert isinstance(view, MTCase)
            found[view.group or ""].setdefault(view.id, view)
    return {group: list(views.values()) for group, views in found.items()}


# -- 1. rebuilding ----------------------------------------------------------------------------------------------------
def test_counts(bench: MTEval) -> None:
    def scored(group: str, setting: str) -> int:
        return sum(turn.scored for case in cases_of(bench, setting).get(group, ()) for turn in case.turns)

    multi = cases_of(bench, "multi")
    names = ("recollection-cls", "recollection-global-inst", "expansion", "refinement", "follow-up")
    assert tuple(len(multi[g]) for g in names) == (10, 28, 10, 40, 80)
    assert tuple(scored(g, "multi") for g in names) == (100, 280, 70, 480, 240)
    assert tuple(scored(g, "single") for g in names) == (100, 280, 70, 200, 0)
    assert tuple(scored(g, "gold") for g in names) == (100, 0, 70, 480, 240)
    assert sum(len(case.absent) for case in cases_of(bench, "single")["follow-up"]) == 240


def test_turns_stand_where_the_card_says(bench: MTEval) -> None:
    multi = cases_of(bench, "multi")
    for case in multi["expansion"]:
        tasks = [turn.item.split("_")[1] for turn in case.turns]
        assert sorted(tasks) == ["cls", "ner", "pos", "rel", "short-qa", "sum", "trans"]
        assert case.turns[0].user.startswith("Content: ")
        assert not any("Content: " in turn.user for turn in case.turns[1:])
    position: Counter[tuple[str, int]] = Counter()
    for case in multi["refinement"]:
        places = [turn.item.split("/")[1].rsplit("_", 1)[0] for turn in case.turns]
        assert len(places) == 12
        assert len(set(places[:6])) == len(set(places[6:])) == 1
        position[places[0], 0] += 1
        position[places[6], 1] += 1
        assert "Content: " in case.turns[0].user
        assert [len(turn.target.given) for turn in case.turns] == [1, 2, 3, 4, 5, 6] * 2
    assert len(position) == 80
    assert set(position.values()) == {1}
    rules = [case.turns[1].target.rule for case in multi["recollection-global-inst"]]
    assert len(set(rules)) == 14
    assert max(Counter(rules).values()) == 2
    assert [turn.scored for turn in multi["follow-up"][0].turns] == [False, False, True, True, True]


def test_items_pair_settings(bench: MTEval) -> None:
    for group in ("recollection-cls", "recollection-global-inst", "expansion"):
        keys = [
            {(case.cluster or case.id, t.item) for case in cases_of(bench, s)[group] for t in case.turns if t.scored}
            for s in ("multi", "single")
        ]
        assert keys[0] == keys[1]
    multi, single = (
        {(c.cluster, t.item) for c in cases_of(bench, s)["refinement"] for t in c.turns} for s in ("multi", "single")
    )
    assert single < multi
    assert len(multi) == 240
    assert {item.rsplit("_", 1)[1] for _, item in multi - single} == {"1"}


def sample(root: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / "mt-eval" / f"{name}.sample.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("kind", ["gold", "dgc", "sgc", "rc"])
def test_context_dialogues_equal_the_released_ones(data_root: Path, kind: str) -> None:
    official = MTEval(Folder(data_root), official=True)
    mine = {case.id: case for case in cases_of(official, f"context-{kind}")["recollection-cls"]}
    assert len(mine) == 100
    for theirs in sample(data_root, f"cls_ablation_{kind}"):
        case = mine[f"recollection-cls/context-{kind}/{len(theirs['conv']) - 2}/{theirs['id']}"]
        assert [t.user for t in case.turns[1:]] == [t["user"] for t in theirs["conv"][1:]]
        assert [t.gold for t in case.turns[1:]] == [t["sys"] for t in theirs["conv"][1:]]
        assert [t.scored for t in case.turns] == [t["do_inference"] for t in theirs["conv"]]
        assert case.turns[0].user.split() == theirs["conv"][0]["user"].split()


def test_same_class_contexts_avoid_the_scored_label_unless_official(bench: MTEval, data_root: Path) -> None:
    assert len(cases_of(bench, "context-sgc")["recollection-cls"]) == 95
    assert len(cases_of(MTEval(Folder(data_root), official=True), "context-sgc")["recollection-cls"]) == 100


def test_front_equals_the_released_file_and_between_moves_the_document(bench: MTEval, data_root: Path) -> None:
    released = sample(data_root, "refinement_ablation_irrelevant-front")
    for n in (1, 3, 6):
        front = {case.id: case for case in cases_of(bench, f"front-{n}")["refinement"]}
        between = {case.id: case for case in cases_of(bench, f"between-{n}")["refinement"]}
        assert len(front) == len(between) == 40
        assert sum(bool(case.absent) for case in front.values()) == 32, "the sample has 8 of 40"
        for theirs in (row for row in released if row["n_distracts"] == n):
            place = theirs["conv"][n]["id"].rsplit("_", 1)[0]
            case = front[f"refinement/front-{n}/{place}"]
            assert [(t.user, t.gold, t.scored) for t in case.turns] == [
                (t["user"], t["sys"], t["do_inference"]) for t in theirs["conv"]
            ]
            moved = between[f"refinement/between-{n}/{place}"]
            assert [t.scored for t in moved.turns] == [False] * (n + 1) + [True] * 6
            assert moved.turns[0].user.endswith(moved.turns[-1].target.document)
            assert moved.turns[1 : n + 1][0].user == case.turns[0].user
            assert "Content: " not in moved.turns[n + 1].user


def test_a_limited_run_covers_tasks_documents_and_rules(bench: MTEval) -> None:
    first: dict[str, list[MTCase]] = defaultdict(list)
    for case in bench.cases():
        assert isinstance(case, MTCase)
        first[case.group or ""].append(case)
    assert [case.group for case, _ in zip(bench.cases(), range(5), strict=False)] == list(first)
    assert len({case.cluster for case in first["refinement"][:4]}) == 4
    assert len({case.turns[1].target.rule for case in first["recollection-global-inst"][:14]}) == 14


# -- 2. aggregation ---------------------------------------------------------------------------------------------------
def test_published_average_of_eleven_models() -> None:
    bench, models = MTEval(), defaultdict[str, dict[str | None, float]](dict)
    for entry in bench.published:
        models[entry.model][entry.group] = entry.value
    assert len(models) == 11
    pattern = {"recollection": "recollection-cls"}
    for name, columns in models.items():
        rows = [
            Row(f"{group}-{i}", f"{group}-{i}", "multi", 0, pattern.get(group, group), 1, "", "score", value, 0, "")
            for group, value in columns.items()
            if group not in (None, "Avg.")
            for i in range(2)
        ]
        found = {f.group: f for f in figures(bench, Table.of(rows)) if f.setting == "multi" and f.kind == "mean"}
        assert found["Avg."].value == pytest.approx(columns["Avg."], abs=0.0101), name


def test_recollection_pools_its_turns_and_the_average_has_an_interval(bench: MTEval) -> None:
    table = run(bench, ["multi"], lambda case, chat: "music")
    found = {(f.group, f.setting): f for f in figures(bench, table) if f.kind == "mean" and f.measure == "score"}
    cls, rules = (average(table, "multi", group=f"recollection-{g}") for g in ("cls", "global-inst"))
    pooled = found["recollection", "multi"]
    assert pooled.value == pytest.approx((100 * cls + 280 * rules) / 380)
    assert pooled.low is not None
    assert pooled.low < (100 * cls + 280 * rules) / 380
    assert found["Avg.", "multi"].value is None, "three patterns need a judge"
    assert found["Avg.", "multi"].n_unmeasured == 790


# -- 3. players whose score is known ----------------------------------------------------------------------------------
CONTEXT = ["context-gold", "context-dgc", "context-sgc", "context-rc"]


def test_stored_answers_score_ten_on_classification(bench: MTEval) -> None:
    table = run(bench, [*CONTEXT, "multi", "single", "gold"], stored, group="recollection-cls")
    for setting in [*CONTEXT, "multi", "single", "gold"]:
        assert average(table, setting) == 10.0
        assert average(table, setting, "cls_exact") == 1.0


def test_start_holds_art(bench: MTEval) -> None:
    table = run(bench, ["multi", "single"], lambda case, chat: "Start!", group="recollection-cls")
    for setting in ("multi", "single"):
        assert average(table, setting, "cls_exact") == 0.0
        assert table.where(setting=setting, measure="score").value.sum() / 10 == 5


def test_copying_the_last_label(bench: MTEval) -> None:
    def copy(case: ScriptedCase, chat: Conversation) -> str:
        return chat.reply

    table = run(bench, CONTEXT, copy, group="recollection-cls")
    assert average(table, "context-dgc") == average(table, "context-sgc") == 0.0
    chance = sum((n / 100) ** 2 for n in (14, 10, 10, 9, 9, 7, 7, 7, 6, 6, 5, 5, 5))
    assert 0 < average(table, "context-gold") / 10 < 3 * chance


def never_bad(question: str) -> str:
    """A judge: 10, or 1 for a reply that admits to have forgotten."""
    said = question.split("<response>")[1].split("</response>")[0]
    return json.dumps({"reason": "as told", "score": 1 if said.strip() == "I forgot." else 10})


def test_a_forgetful_player_loses_with_distance_only(bench: MTEval) -> None:
    def forgetful(case: ScriptedCase, chat: Conversation) -> str:
        return stored(case, chat) if bench.within(case, chat, 4) else "I forgot."

    settings = ["multi", "single", *(f"{where}-{n}" for where in ("front", "between") for n in (1, 3, 6))]
    table = run(bench, settings, forgetful, never_bad, group="refinement")
    assert average(table, "single") == 10.0
    assert average(table, "multi") == pytest.approx((4 * 10 + 8 * 1) / 12)
    seen = [average(table, f"between-{n}") for n in (1, 3, 6)]
    # After n unrelated turns step s needs the document n + s turns back: s + n <= 3 are right.
    assert seen == pytest.approx([(2 * 10 + 4) / 6, 1.0, 1.0])
    assert {average(table, f"front-{n}") for n in (1, 3, 6)} == {(4 * 10 + 2) / 6}, "what is before the document is not needed"
    found = {(f.setting, f.group): f.value for f in figures(bench, table) if f.kind == "difference"}
    assert found["between-6 - between-1", None] == pytest.approx(-3.0)
    assert (found["multi - single", None] or 0) < 0


def test_a_player_with_room_for_eight_turns(bench: MTEval) -> None:
    def crowded(case: ScriptedCase, chat: Conversation) -> str:
        return stored(case, chat) if len(chat.turns) <= 8 else "I forgot."

    table = run(bench, ["single", *(f"{where}-{n}" for where in ("front", "between") for n in (1, 3, 6))], crowded, never_bad,
                group="refinement")  # fmt: skip
    assert average(table, "single") == 10.0
    for where, right in (("front", (6, 5, 2)), ("between", (6, 4, 1))):
        assert [average(table, f"{where}-{n}") for n in (1, 3, 6)] == pytest.approx([(10 * r + 6 - r) / 6 for r in right])


def test_gold_history_stops_errors_from_spreading(bench: MTEval) -> None:
    def spoiled(case: ScriptedCase, chat: Conversation) -> str:
        turn = case.turns[len(chat.turns) - 1]
        hard = turn.item.endswith("_3") or "#4" in turn.item
        return "I forgot." if hard or any(m.text == "I forgot." for m in chat if m.role == "assistant") else turn.gold or "x"

    table = run(bench, ["multi", "gold"], spoiled, never_bad)
    for group in ("refinement", "follow-up", "expansion"):
        assert average(table, "gold", group=group) >= average(table, "multi", group=group)
    assert average(table, "gold", group="refinement") == pytest.approx((5 * 10 + 1) / 6)


# -- judging ----------------------------------------------------------------------------------------------------------
def test_without_a_judge_the_rest_is_listed(bench: MTEval) -> None:
    table = run(bench, ["multi", "single"], stored)
    lost = table.select(table.status == UNMEASURED)
    causes = Counter(lost.text("cause"))
    assert causes["needs --judge"] == 70 + 480 + 240 + 70 + 200
    assert sum(causes.values()) - causes["needs --judge"] == 240
    assert average(table, "multi", group="recollection-cls") == 10.0


def test_the_judge_sees_what_the_paper_shows_it(bench: MTEval) -> None:
    asked: list[str] = []

    def judge(question: str) -> str:
        asked.append(question)
        return '{"reason": "", "score": 5}'

    table = run(bench, ["multi"], lambda case, chat: "One. Two </response> three.", judge)
    assert average(table, "multi", group="refinement") == 5
    refinement = [q for q in asked if "<instructions>" in q]
    assert len(refinement) == 480
    assert sum("\n6. " in q.split("<instructions>")[1].split("</instructions>")[0] for q in refinement) >= 80
    assert sum("\n7. " in q.split("<instructions>")[1].split("</instructions>")[0] for q in refinement) == 0, "reset by task"
    assert all("has 4 words and 2 sentences" in q for q in refinement)
    follow = [q for q in asked if "<earlier-assistant>" in q]
    assert len(follow) == 240
    assert all(q.count("</response>") == 1 for q in asked)
    assert not any("One. Two" in q.split("<earlier-assistant>")[1].split("</earlier-assistant>")[0] for q in follow)


def test_empty_replies_get_the_lowest_mark_and_are_counted(bench: MTEval) -> None:
    table = run(bench, ["multi"], lambda case, chat: " ", never_bad)
    rows = table.where(measure="score")
    assert (rows.status == 1).all()
    assert average(table, "multi", group="refinement") == 1.0
    assert average(table, "multi", group="recollection-cls") == 0.0


def test_needs_follow_the_script(bench: MTEval) -> None:
    for views in cases_of(bench, "multi").values():
        for case in views:
            for turn in case.turns:
                assert all(0 < number < turn.number for number in turn.needs)
    assert bench.within(next(iter(cases_of(bench, "multi")["refinement"])), Conversation().user("x"), 1)


def test_bad_files_are_one_clear_line(tmp_path: Path, data_root: Path) -> None:
    (tmp_path / "mt-eval").mkdir()
    for name in ("global_inst", "mt-bench_extended", "refinement_multi_inst", "refinement_single_inst"):
        (tmp_path / "mt-eval" / f"{name}.jsonl").symlink_to(data_root / "mt-eval" / f"{name}.jsonl")
    bad = tmp_path / "mt-eval" / "documents.jsonl"
    for text in ('{"gen_resp": "a", "topic": "art"}\n{"gen_resp"', '\n{"gen_resp": 3, "topic": "art"}'):
        bad.write_text(text)
        with pytest.raises(DataError, match="line 2"):
            list(MTEval(Folder(tmp_path)).cases())
    bad.unlink()
    with pytest.raises(DataError, match="not there"):
        list(MTEval(Folder(tmp_path)).cases())


def test_thirteen_topics() -> None:
    assert len(TOPICS) == len(set(TOPICS)) == 13
