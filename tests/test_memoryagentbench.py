"""MemoryAgentBench: measures, the bundled sample with scripted agents of known score, the published format, resuming."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from multiturn import evaluate
from multiturn.api import play
from multiturn.conversation import Case, Conversation, DataError, InputError
from multiturn.engine.budget import Budget
from multiturn.engine.data import DataFolder
from multiturn.engine.plan import Plan
from multiturn.engine.store import Store
from multiturn.players.base import Around
from multiturn.players.memory_flat import summary_of
from multiturn.players.memory_tree import memtree_of
from multiturn.report.result import RunResult
from multiturn.systems.mem.memoryagentbench import MemoryAgentBench
from multiturn.systems.mem.memoryagentbench_data import SETS, Context, read_contexts
from multiturn.systems.mem.memoryagentbench_score import Titles, code_score, recall_of_titles
from multiturn.systems.mem.notes import notes_of
from players import FunctionModel

FACT = re.compile(r"^\s*(?:\[\d+\] )?(?:User: )?(\d+)\. ([\w ]+) is (\w+)\.", re.M)


def text_of(chat: Conversation) -> str:
    return "\n".join(m.text for m in chat.messages)


def question_of(chat: Conversation) -> str:
    return chat.messages[-1].text.rpartition("\n")[2]


def oracle(chat: Conversation) -> str:
    """Reads all it is shown; of contradicting facts the one with the larger number holds; joins facts."""
    text, asked = text_of(chat), question_of(chat)
    known: dict[str, str] = {}
    for _, what, value in sorted(FACT.findall(text), key=lambda fact: int(fact[0])):
        known[what.lower()] = value
    what = asked.removeprefix("What is ").removesuffix("?").lower()
    if what.startswith("the birthplace of the"):
        what = f"the birthplace of {known.get(what.removeprefix('the birthplace of '), '?').lower()}"
    return known.get(what, "unknown")


def figure(result: RunResult, measure: str, group: str | None) -> float:
    (found,) = [f for f in result.figures if f.measure == measure and f.group == group and f.kind == "mean"]
    assert found.value is not None
    return found.value


def run(model: Any, store: Path, around: tuple[Around, ...] = (), budget: Budget | None = None, **params: Any) -> RunResult:
    plan = Plan([MemoryAgentBench(**params)], [model], around=around)
    with Store(store, writable=True) as opened:
        return play(plan, opened, concurrency=2, budget=budget, about={}, quiet=True)


# -- measures -----------------------------------------------------------------------------------------------------------
def test_metric_unit_cases() -> None:
    assert code_score("substring_exact_match", "The answer is Paris.", ["Paris"]) == 1
    assert code_score("exact_match", "The answer is Paris.", ["Paris"]) == 0
    assert code_score("exact_match", "Let me see.\nAnswer: Paris\nbecause", ["Paris"]) == 1
    assert code_score("exact_match", "label: 43", ["43"]) == 0
    assert code_score("f1", "Answer: red fox", ["red fox"]) == 1


def test_movies_are_mapped_to_the_nearest_title() -> None:
    titles = Titles({"<http://dbpedia.org/resource/Titanic_(1997_film)>": 1, "http://x/Heat_(film)": 2, "Alien": 3, "Aliens": 4})
    said = "Here you are:\n1. Titannic\n\n2. Heat\n3. Aliens!\n"
    assert recall_of_titles(said, ["1", "4"], titles) == 1
    assert recall_of_titles(said, ["1", "4"], titles, k=1) == 0.5
    assert recall_of_titles("", ["1"], titles) == 0
    assert recall_of_titles("x", ["1"], Titles({})) == 0


# -- the bundled sample -------------------------------------------------------------------------------------------------
def contexts(**params: Any) -> list[Context]:
    return [case for case in MemoryAgentBench(**params).cases() if isinstance(case, Context)]


def test_the_sample_is_stable_and_covers_the_four_abilities() -> None:
    first, again = contexts(), contexts()
    assert first == again
    assert contexts(seed=2) != first
    assert contexts(contexts=1) == first[:5]
    assert len({s.ability for case in first for s in SETS if (case.group or "").startswith(s.prefix)}) == 4
    assert all(len(case.questions) == 5 and len(case.context) > 1000 for case in first)
    assert all(e in case.context for case in first for q in case.questions for e in q.evidence)


def test_gold_scores_full_marks_and_forgets_where_the_evidence_is_out_of_sight(tmp_path: Path) -> None:
    run_ = evaluate(MemoryAgentBench(), "gold", store=tmp_path / "a.db")
    assert run_.figure("overall").value == 1
    assert all(f.value == 1 for f in run_.figures if f.measure == "ability")
    low = run_.figure("overall").low
    assert low is not None
    assert low < 1
    short = evaluate(MemoryAgentBench(), "gold?window=2", store=tmp_path / "b.db")
    value = short.figure("score", group="factconsolidation_sh_sample").value
    assert value is not None
    assert value < 0.6


def test_last_write_wins_scores_100_and_search_without_recency_is_clearly_below(tmp_path: Path) -> None:
    params = {"contexts": 3, "questions": 20, "chunk": 16}
    sh, mh = "factconsolidation_sh_sample", "factconsolidation_mh_sample"
    whole = run(FunctionModel(oracle), tmp_path / "a.db", **params)
    assert figure(whole, "score", sh) == figure(whole, "score", mh) == 1
    top = run(FunctionModel(oracle), tmp_path / "b.db", (Around("notes?top=1", notes_of(top=1)),), **params)
    # Half of the questions are about replaced facts, and the first of two equal sentences is found.
    assert figure(top, "score", sh) == pytest.approx(0.5, abs=0.1)
    assert figure(top, "score", mh) < 0.2
    many = run(FunctionModel(oracle), tmp_path / "c.db", (Around("notes?top=4", notes_of(top=4)),), **params)
    assert figure(many, "score", sh) == 1
    assert figure(many, "score", mh) < 0.9


def neighbour(chat: Conversation) -> str:
    """Answers with the label of the example that shares most words with the question."""
    asked = set(question_of(chat).split("?")[-1].split())
    examples = re.findall(r"((?:\w+ )+)-> label: (\d+)\.", text_of(chat))
    return max(examples, key=lambda e: len(asked & set(e[0].split())), default=("", "none"))[1]


def test_a_learner_from_examples_beats_guessing(tmp_path: Path) -> None:
    result = run(FunctionModel(neighbour), tmp_path / "a.db", contexts=3, questions=20)
    assert figure(result, "score", "icl_sample") > 0.9
    assert figure(result, "ability", "test-time learning") == figure(result, "score", "icl_sample")


@pytest.mark.parametrize("wrap", [summary_of(), notes_of(), memtree_of()], ids=["summary", "notes", "memtree"])
def test_every_memory_runs_and_its_calls_are_shared_by_all_questions(tmp_path: Path, wrap: Any) -> None:
    model = FunctionModel(lambda chat: "Answer: 7")
    result = run(model, tmp_path / "a.db", (Around("memory", wrap),), contexts=1, questions=5)
    assert result.unmeasured == {}
    finals = [chat for chat in model.asked if chat.system_text]
    assert len(finals) == 5 * 5
    # One inject, many questions: what the memory asked does not grow with the questions.
    other = FunctionModel(lambda chat: "Answer: 7")
    run(other, tmp_path / "b.db", (Around("memory", wrap),), contexts=1, questions=2)
    assert len(model.asked) - 25 == len(other.asked) - 10


def test_resuming_after_some_questions_gives_the_same_result(tmp_path: Path) -> None:
    whole = run(FunctionModel(oracle), tmp_path / "a.db", contexts=1, questions=4)
    cut = run(FunctionModel(oracle), tmp_path / "b.db", budget=Budget(max_calls=7), contexts=1, questions=4)
    assert cut.run.status != "done"
    model = FunctionModel(oracle)
    resumed = run(model, tmp_path / "b.db", contexts=1, questions=4)
    assert len(model.asked) == whole.calls.made - 7
    assert resumed.figures == whole.figures


@pytest.mark.parametrize("reply", ["", "\ud800" * 3, "x" * 10**6, "</notes>", '{"z":'])
def test_hostile_replies_are_scored_and_never_crash(tmp_path: Path, reply: str) -> None:
    result = evaluate(MemoryAgentBench(contexts=1, questions=2), lambda chat: reply, store=tmp_path / "a.db").result
    scores = [f for f in result.figures if f.measure == "score" and f.group is None]
    assert [f.value for f in scores] == [0]
    assert sum(f.n_failed for f in scores) == (10 if not reply else 0)


def test_options_are_checked() -> None:
    for params in ({"source": "hub"}, {"chunk": -1}, {"contexts": 0}, {"questions": 0}):
        with pytest.raises(InputError):
            MemoryAgentBench(**params).cases()


# -- the published format -----------------------------------------------------------------------------------------------
def record(source: str, questions: list[str], answers: list[Any], **about: Any) -> dict[str, Any]:
    text = "Mara keeps bees. " * 40
    return {"context": text, "questions": questions, "answers": answers, "metadata": {"source": source, **about}}


RECORDS: dict[str, list[dict[str, Any]]] = {
    "Accurate_Retrieval": [
        record("ruler_qa1_197K", ["Who keeps bees?"], [["Mara"]]),
        record("longmemeval_s*", ["Who?", "When?"], [["Mara"], ["Never said"]], question_ids=["a", "b_abs"],
               question_types=["temporal-reasoning", "multi-session"]),
    ],
    "Test_Time_Learning": [record("icl_trec_fine", ["x"], [["43"]]), record("recsys_redial_full", ["y"], [["2"]])],
    "Long_Range_Understanding": [record("infbench_sum_eng_shots2", ["Summarise."], [["Mara keeps bees."]], keypoints=["bees"])],
    "Conflict_Resolution": [record("factconsolidation_sh_6k", ["z"], [["Mara"]])],
}  # fmt: skip


def written(folder: Path, records: dict[str, list[dict[str, Any]]] = RECORDS) -> DataFolder:
    (folder / "memoryagentbench").mkdir(parents=True)
    for split, rows in records.items():
        (folder / "memoryagentbench" / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    return DataFolder(folder, offline=True)


def judge(chat: Conversation) -> str:
    asked = chat.messages[-1].text
    return '{"1": "yes"}' if "numbered statement" in asked else "yes"


def test_published_records_are_played_and_scored_by_their_own_measures(tmp_path: Path) -> None:
    data = written(tmp_path / "data")
    (tmp_path / "data" / "memoryagentbench" / "entity2id.json").write_text('{"Heat": 2, "Alien": 3}')

    def model(chat: Conversation) -> str:
        last = chat.messages[-1].text
        return {"x": "Answer: 43", "y": "1. heat", "Summarise.": "Mara keeps bees."}.get(last, "It is Mara.")

    bench = MemoryAgentBench(data, source="files", chunk=50)
    with_judge = evaluate(bench, model, judge=judge, store=tmp_path / "a.db")
    assert with_judge.figure("overall").value == 1
    assert with_judge.figure("ability", group="accurate retrieval").n_scored == 3
    alone = evaluate(bench, model, store=tmp_path / "b.db")
    assert alone.result.unmeasured == {"needs --judge": 3}
    assert alone.figure("ability", group="accurate retrieval").value is None
    assert alone.figure("ability", group="conflict resolution").value == 1


def test_movies_without_titles_and_bad_judges_are_not_measured(tmp_path: Path) -> None:
    bench = MemoryAgentBench(written(tmp_path / "data"), source="files")
    result = evaluate(bench, lambda chat: "1. Heat", judge=lambda chat: "perhaps", store=tmp_path / "a.db").result
    assert result.unmeasured == {"needs entity2id.json": 1, "judge reply not parsable": 3}


def test_parquet_records_read_alike(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    lines = written(tmp_path / "a")
    folder = tmp_path / "b" / "memoryagentbench"
    folder.mkdir(parents=True)
    for split, rows in RECORDS.items():
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{split}-00000-of-00001.parquet")
    assert list(read_contexts(DataFolder(tmp_path / "b", offline=True))) == list(read_contexts(lines))


@pytest.mark.parametrize(("change", "message"), [
    (lambda r: r.pop("context"), "line 1: not a record of MemoryAgentBench"),
    (lambda r: r["answers"].clear(), "1 questions, but 0 lists of answers"),
    (lambda r: r["metadata"].update(source="poetry"), "`poetry` is no set of MemoryAgentBench"),
    (lambda r: r.update(metadata=None), "line 1: not a record"),
])  # fmt: skip
def test_broken_records_are_named(tmp_path: Path, change: Callable[[dict[str, Any]], Any], message: str) -> None:
    rows = json.loads(json.dumps(RECORDS))
    change(rows["Accurate_Retrieval"][0])
    with pytest.raises(DataError, match=message):
        list(read_contexts(written(tmp_path / "data", rows)))


def test_missing_files_say_where_to_get_them(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(DataError, match="huggingface"):
        list(MemoryAgentBench(DataFolder(tmp_path / "data", offline=True), source="files").cases())


def test_cases_have_ids(tmp_path: Path) -> None:
    cases: list[Case] = list(MemoryAgentBench().cases())
    assert len({case.id for case in cases}) == len(cases) == 10
