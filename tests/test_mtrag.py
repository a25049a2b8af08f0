"""MTRAG: released values recomputed, BM25 over the passages at hand, scripted players with known scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from scipy.stats import spearmanr

from multiturn import evaluate
from multiturn.conversation import Conversation, DataError
from multiturn.engine.data import DataFolder
from multiturn.judges.parse import Parsed
from multiturn.measures.ranking import ndcg_at, recall_at
from multiturn.measures.textmetrics import rouge_l, words
from multiturn.measures.verdict import Verdict
from multiturn.retrieval.bm25 import STOP_WORDS
from multiturn.systems.ret.mtrag import MTRAG
from multiturn.systems.ret.mtrag_data import Task, read_tasks
from multiturn.systems.ret.mtrag_judge import conditioned, official_idk, rb_alg, read_claims, read_idk

REFUSAL = "I do not have specific information"


@pytest.fixture(scope="module")
def bench(data_root: Path) -> MTRAG:
    return MTRAG(DataFolder(data_root))


@pytest.fixture(scope="module")
def tasks(bench: MTRAG) -> list[Task]:
    return [case for case in bench.cases() if isinstance(case, Task)]


@pytest.fixture(scope="module")
def released(data_root: Path) -> list[dict[str, Any]]:
    lines = (data_root / "mtrag" / "human_eval_evaluations.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line) for line in lines]


def stored(row: dict[str, Any], name: str) -> float:
    return float(next(iter(row["annotations"][name].values())))


# -- the data -----------------------------------------------------------------------------------------------------------
def test_counts_of_tasks_and_judgements(tasks: list[Task]) -> None:
    answered = [t for t in tasks if t.target is not None]
    labels = Counter(t.answerability for t in answered)
    assert labels == {"ANSWERABLE": 135, "PARTIAL": 15, "UNANSWERABLE": 7, "CONVERSATIONAL": 2}
    searched = [t for t in tasks if t.relevant]
    assert Counter(t.collection for t in searched) == {"clapnq": 208, "cloud": 188, "fiqa": 180, "govt": 201}
    assert sum(len(t.relevant) for t in searched) == 2128
    assert all(not text.startswith("|user|") for t in searched for _, text in t.queries)
    assert all(t.history[-1][0] == "user" for t in searched)


def test_the_later_benchmark_and_its_underspecified_tasks(data_root: Path, bench: MTRAG) -> None:
    labels = Counter(t.answerability for t in read_tasks(DataFolder(data_root), bench.pool, un=True))
    assert labels == {"ANSWERABLE": 24, "UNANSWERABLE": 6, "UNDERSPECIFIED": 6, "PARTIAL": 1}


# -- released values ----------------------------------------------------------------------------------------------------
def test_rouge_l_equals_the_released_values(tasks: list[Task], released: list[dict[str, Any]]) -> None:
    targets = {t.id: t.target or "" for t in tasks}
    wrong = [abs(rouge_l(r["model_response"], targets[r["task_id"]]).f1 - stored(r, "RougeL")) for r in released]
    assert len(wrong) == 477
    assert max(wrong) < 1e-12


def test_rb_alg_equals_the_released_values_up_to_conditioning(tasks: list[Task], released: list[dict[str, Any]]) -> None:
    labels = {t.id: t.answerability for t in tasks}
    plain, replaced = 0, []
    for row in released:
        value = rb_alg(stored(row, "Bert-Rec"), stored(row, "RougeL"), stored(row, "Bert-KPrec"))
        answerable = labels[row["task_id"]] in ("ANSWERABLE", "PARTIAL")
        if abs(value - stored(row, "rb_agg")) < 1e-3:
            plain += 1
        else:
            replaced.append((answerable, stored(row, "rb_agg"), stored(row, "conditional_idk")))
    assert plain == 445
    # Exactly: an answerable task refused is 0, an unanswerable one is 1 if refused and 0 if answered.
    assert len(replaced) == 32
    assert all(value == agreed and (not answerable or value == 0) for answerable, value, agreed in replaced)


def test_means_of_the_released_subset_are_the_published_ones(bench: MTRAG, released: list[dict[str, Any]]) -> None:
    names = {"reference answers": "reference", "llama-3.1-405b-instruct": "llama", "gpt-4o": "gpt-4o"}
    fields = {"rb_alg": "rb_agg", "rb_llm": "rb_llm", "rl_f": "rl_f"}
    for known in (p for p in bench.published if p.setting == "reference"):
        rows = [r for r in released if r["model_id"].startswith(names[known.model])]
        assert len(rows) == 159
        assert np.mean([stored(r, fields[known.measure]) for r in rows]) == pytest.approx(known.value, abs=6e-4)


def test_rank_correlation_with_people(released: list[dict[str, Any]]) -> None:
    rows = [r for r in released if r["model_id"] != "reference"]
    people = [np.mean([float(v) for v in r["annotations"]["faithfulness"].values()]) for r in rows]
    assert len(rows) == 318
    for field, expected in (("rl_f", 0.635), ("rb_agg", 0.515), ("rb_llm", 0.289)):
        assert spearmanr(people, [stored(r, field) for r in rows]).statistic == pytest.approx(expected, abs=0.005)


# -- retrieval ----------------------------------------------------------------------------------------------------------
def test_bm25_over_the_passages_at_hand(bench: MTRAG, tasks: list[Task]) -> None:
    assert len(bench.pool) == 422
    reachable = [t for t in tasks if any(name in bench.pool for name in t.relevant)]
    assert len(reachable) == 172

    def ndcg(form: str, of: list[Task]) -> float:
        values = []
        for task in of:
            found = bench.pool.search(dict(task.queries)[form], task.collection, 5)
            values.append(ndcg_at(5, found, {name: 1 for name in task.relevant if name in bench.pool}))
        return float(np.mean([v for v in values if v is not None]))

    assert ndcg("lastturn", reachable) == pytest.approx(0.50, abs=0.02)
    assert ndcg("rewrite", reachable) == pytest.approx(0.52, abs=0.02)
    assert ndcg("questions", reachable) == pytest.approx(0.32, abs=0.02)

    def content(task: Task, form: str) -> set[str]:
        return set(words(dict(task.queries)[form])) - STOP_WORDS

    changed = [t for t in reachable if content(t, "lastturn") != content(t, "rewrite")]
    assert ndcg("rewrite", changed) > ndcg("lastturn", changed)


def test_published_retrieval_of_a_run_scores_what_its_gold_passages_say(tasks: list[Task]) -> None:
    # The contexts released with the tasks are the gold passages themselves: a perfect run.
    for task in tasks:
        if task.passages and task.relevant:
            gains = dict.fromkeys(task.relevant, 1.0)
            assert recall_at(10, task.passages, gains) == 1
            assert ndcg_at(10, task.passages, gains) == pytest.approx(1)


def test_retrieval_settings_in_a_run(data_root: Path, tmp_path: Path) -> None:
    asked: list[str] = []

    def model(chat: Conversation) -> str:
        asked.append(chat.messages[-1].text)
        return ""

    bench = MTRAG(DataFolder(data_root), stored=True)
    run = evaluate(bench, model, settings=["lastturn", "questions", "rewrite"], limit=30, store=tmp_path / "a.db")
    assert asked == []
    for setting in ("lastturn", "questions", "rewrite"):
        figure = run.figure("ndcg@5", setting=setting)
        assert figure.n_scored > 100
        assert figure.n_unmeasured == 0
    # A model that gives nothing leaves the last turn as the query: the same figures as without a rewrite.
    own = evaluate(MTRAG(DataFolder(data_root)), model, settings=["rewrite", "lastturn"], limit=30, store=tmp_path / "b.db")
    assert len(asked) > 20
    assert own.figure("ndcg@5", setting="rewrite").value == own.figure("ndcg@5", setting="lastturn").value


# -- generation ---------------------------------------------------------------------------------------------------------
def judge_of(idk: Callable[[str], str]) -> Callable[[Conversation], str]:
    def judge(chat: Conversation) -> str:
        question = chat.messages[-1].text
        if "take the assistant's answer apart" in question.lower():
            return '{"claims": [{"claim": "x", "supported": "yes"}, {"claim": "y", "supported": "no"}]}'
        if "rate an assistant's answer" in question.lower():
            return '{"reason": "…", "score": 8}'
        answer = question.rpartition("<answer>")[2].partition("</answer>")[0].strip()
        return idk(answer)

    return judge


def test_always_refusing_scores_the_share_of_unanswerable_tasks(bench: MTRAG, tmp_path: Path) -> None:
    judge = judge_of(lambda answer: "Yes." if answer == REFUSAL else "no")
    run = evaluate(bench, lambda chat: REFUSAL, settings=["reference"], judge=judge, store=tmp_path / "a.db")
    for measure in ("rb_llm", "rl_f", "answerability"):
        figure = run.figure(measure)
        assert figure.value == pytest.approx(9 / 159)
        assert (figure.n_scored, figure.n_unmeasured) == (159, 0)


def test_never_refusing_scores_nothing_on_unanswerable_tasks(bench: MTRAG, tmp_path: Path) -> None:
    run = evaluate(bench, lambda chat: "Forty-two.", settings=["reference", "reference-rag", "full-rag"],
                   judge=judge_of(lambda answer: "no"), store=tmp_path / "a.db")  # fmt: skip
    assert run.figure("answerability", setting="reference").value == pytest.approx(150 / 159)
    assert run.figure("rb_llm", setting="reference").value == pytest.approx(0.8 * 150 / 159)
    assert run.figure("rl_f", setting="full-rag").value == pytest.approx(0.5 * 150 / 159)
    assert run.figure("rb_llm", setting="reference-rag").n_scored == 9 + 23 + 50
    chats = {view.setting: view.chat for view in run.conversations() if view.case.startswith("f0d28")}
    assert "<passage" in chats["reference"].system_text
    assert chats["full-rag"].system_text.count("<passage") == 5


def test_gold_answers_have_full_overlap(bench: MTRAG, tmp_path: Path) -> None:
    run = evaluate(bench, "gold", settings=["reference"], limit=20, store=tmp_path / "a.db")
    assert run.figure("rouge_l").value == run.figure("recall").value == 1
    assert run.figure("rb_llm").n_unmeasured == 80


def test_bad_judges_and_empty_replies_are_not_measured_or_counted(bench: MTRAG, tmp_path: Path) -> None:
    run = evaluate(bench, lambda chat: "", settings=["reference"], limit=4, judge=lambda chat: "maybe?", store=tmp_path / "a.db")
    assert run.figure("rouge_l").n_failed == 16
    assert run.figure("rl_f").n_unmeasured == run.figure("answerability").n_unmeasured == 16
    assert set(run.result.unmeasured) == {"judge reply not parsable", "needs BERTScore"}


def test_conditioning() -> None:
    quality, known, lost = Verdict("q", 0.7), Verdict("idk", 0.5), Verdict("idk", None, cause="c")
    assert conditioned(quality, known, "PARTIAL").value == 0.7
    assert conditioned(quality, Verdict("idk", 1.0), "ANSWERABLE").value == 0
    assert conditioned(quality, known, "CONVERSATIONAL").value == 0
    assert conditioned(Verdict("q", None, cause="x"), Verdict("idk", 1.0), "UNANSWERABLE") == Verdict("q", 1.0)
    assert conditioned(quality, lost, "ANSWERABLE") == Verdict("q", None, cause="c")
    assert conditioned(quality, known, "UNDERSPECIFIED", Verdict("c", 1.0)).value == 1


def test_reading_judges() -> None:
    assert read_idk("**Partial** — yes") == Parsed(0.5)
    assert not isinstance(read_idk("42!"), Parsed)
    assert official_idk("perhaps") == Parsed(0.5)
    assert not isinstance(read_claims('{"claims": [{"claim": "x", "supported": "perhaps"}]}'), Parsed)
    assert read_claims('{"claims": []}') == Parsed([])
    assert not isinstance(read_claims('{"claims": [' + '{"supported": "yes"},' * 100 + "]}"), Parsed)


def test_broken_files_are_named(tmp_path: Path, data_root: Path) -> None:
    folder = tmp_path / "mtrag"
    folder.mkdir()
    (folder / "human_eval_documents.jsonl").write_text('{"document_id": "d", "text": "t"}\n{"document_id": "d"}\n')
    with pytest.raises(DataError, match=r"human_eval_documents.jsonl, line 2: not a passage"):
        _ = MTRAG(DataFolder(tmp_path, offline=True)).pool
