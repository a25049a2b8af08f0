"""Turn-level credit: the reward formulas on hand-made transcripts, the environment, the advantages, bad input, the speed-up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiturn import evaluate
from multiturn.conversation import Conversation, DataError, InputError
from multiturn.engine.data import DataFolder
from multiturn.engine.store import Store
from multiturn.learning.credit import ESTIMATORS, Rewards
from multiturn.learning.episodes import rows
from multiturn.measures.bootstrap import bootstrap_interval
from multiturn.systems.train.turn_credit_data import sample
from multiturn.systems.train.turn_credit_rewards import Rollout, credited, read, rewards
from multiturn.systems.train.turn_level_credit import TurnLevelCredit

CALL = '<reasoning>a</reasoning><tool>{"name": "wiki_search", "args": {"query": "x"}}</tool>'
RIGHT, WRONG = "<reasoning>b</reasoning><answer>Paris</answer>", "<reasoning>b</reasoning><answer>Rome</answer>"
NAMES = ("tool_execution", "search_has_answer", "contains_answer", "exact_match", "format", "xml_tags")
WELL = (0.2, 0.2)  # format and tags of messages that are as they should be: 0.2 * (0.4 + 0.6), 0.2 * 1

TRANSCRIPTS = {
    "good call, right answer": (Rollout((CALL, RIGHT), ("The capital is paris.",)), (0.2, 0.5, 0.5, 1.0, *WELL)),
    "good call, wrong answer": (Rollout((CALL, WRONG), ("The capital is Paris.",)), (0.2, 0.5, 0.0, 0.0, *WELL)),
    "no call": (Rollout((RIGHT,), ()), (0.0, 0.0, 0.5, 1.0, *WELL)),
    "bad JSON": (Rollout(("<reasoning>a</reasoning><tool>{x</tool>", RIGHT), ("Error: write",)), (0.0, 0.0, 0.5, 1.0, *WELL)),
    "error result": (Rollout((CALL, WRONG), ("Error: nothing was found.",)), (0.0, 0.0, 0.0, 0.0, *WELL)),
    "two calls, one fails": (Rollout((CALL, CALL, RIGHT), ("Rome", "Error: x")), (0.1, 0.0, 0.5, 1.0, *WELL)),
    "two calls, only the first result counts": (Rollout((CALL, CALL, RIGHT), ("Rome", "Paris")), (0.2, 0.0, 0.5, 1.0, *WELL)),
    "alias is a part of the answer": (
        # No reasoning: 0.4 * 1/2 + 0.2 well formed + 0.2 for its end.
        Rollout(("<answer>It is Paris.</answer>",), ()), (0.0, 0.0, 0.5, 0.0, 0.2 * (0.2 + 0.2 + 0.2), 0.2),
    ),
    "doubled tag": (
        # Of six tags (two of reasoning, two of answer) one occurs twice: three of four occur once.
        Rollout(("<reasoning><reasoning>b</reasoning><answer> Paris </answer>",), ()),
        (0.0, 0.0, 0.5, 1.0, 0.2 * (0.4 + 0.0 + 0.2 + 0.2), 0.2 * 3 / 4),
    ),
    "nothing": (Rollout(("hello",), ()), (0.0,) * 6),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_the_reward_formulas(name: str) -> None:
    rollout, wanted = TRANSCRIPTS[name]
    found = rewards(rollout, ("Paris",))
    assert tuple(found) == NAMES
    assert list(found.values()) == pytest.approx(wanted, abs=1e-9)
    earned = credited(rollout, ("Paris",))
    assert earned.total == pytest.approx(sum(wanted), abs=1e-9)
    assert len(earned.turns) == len(rollout.messages)
    assert earned.split == any(not result.startswith("Error:") for result in rollout.results)


# -- the environment --------------------------------------------------------------------------------------------------
def run(speak: Any, tmp_path: Path, options: str = "landmarks=2", **more: Any) -> Any:
    return evaluate(TurnLevelCredit(**dict(_option(o) for o in options.split(","))), speak, store=tmp_path / "s.db", **more)


def _option(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    return name, int(value) if value.isdigit() else value


def test_gold_searches_and_earns_all(tmp_path: Path) -> None:
    found = run("gold", tmp_path)
    for measure, most in (("tool_execution", 0.2), ("search_has_answer", 0.5), ("contains_answer", 0.5), ("exact_match", 1.0),
                          ("format", 0.2), ("xml_tags", 0.2), ("tool rate", 1.0)):  # fmt: skip
        assert found.figure(measure, setting="multi").value == pytest.approx(most), measure


def test_messages_are_cut_and_results_come_back(tmp_path: Path) -> None:
    def speak(chat: Conversation) -> str:
        if len(chat.turns) == 1:
            return CALL.replace('"x"', '"metres high"') + "<result>made up</result><answer>made up</answer>"
        return "<answer>" + chat.messages[-1].text.split("\n")[1].split(".")[0] + "</answer> and more"

    # The message that comes back is the environment's, whatever the assistant made up.

    view = run(speak, tmp_path, "landmarks=12", settings=("multi",)).conversations()[0]
    said = [m.text for m in view.chat.messages]
    assert said[2].endswith("</tool>")
    assert said[3].startswith("<result>\n")
    assert said[-1].endswith("</answer>")
    assert not any("made up" in text for text in said)


@pytest.mark.parametrize(
    ("said", "stop", "messages"),
    [
        ("I think it is red.", "format error", 1),
        ("", "format error", 1),
        ("<tool>{not json</tool>", "turn limit", 3),
        ('<tool>{"name": "rm", "args": {"query": "a"}}</tool>', "turn limit", 3),
        ('<tool>{"name": "wiki_search", "args": {"query": 7}}</tool>', "turn limit", 3),
        ("<tool>" + "[" * 100_000 + "</tool>", "turn limit", 3),
        ("<tool>never closed", "turn limit", 3),
        ("<answer>\x00 </answer>", "success", 1),
        ("\u202e<answer>red</answer>" + "x" * 100_000, "success", 1),
    ],
)
def test_whatever_is_said_is_bounded(said: str, stop: str, messages: int, tmp_path: Path) -> None:
    found = run(lambda chat: said, tmp_path, "landmarks=1,group=2")
    for view in found.conversations():
        assert sum(m.role == "assistant" for m in view.chat.messages) == messages
        assert all(v.value is not None for v in view.verdicts)
        assert {v.value for v in view.verdicts if v.measure == "tool_execution"} == {0.0}
    with Store(tmp_path / "s.db") as store:
        facts = [json.loads(row[0]) for row in store.rows("SELECT facts FROM episodes")]
    assert {f["stop"] for f in facts} == {stop}


def test_a_group_has_advantages(tmp_path: Path) -> None:
    """In a group one rollout searches and the others do not: the search earns the tool turn its credit."""
    count = iter(range(1000))

    def speak(chat: Conversation) -> str:
        if len(chat.turns) > 1:
            return "<reasoning>b</reasoning><answer>?</answer>"
        return CALL.replace('"x"', '"stands"') if next(count) % 2 == 0 else "<reasoning>b</reasoning><answer>?</answer>"

    found = run(speak, tmp_path, "landmarks=1,group=4", settings=("group",), limit=1, concurrency=1)
    view = found.conversations()[0]
    with Store(tmp_path / "s.db") as store:
        order = "SELECT facts FROM episodes e JOIN run_episodes r ON e.id = r.episode ORDER BY r.n"
        facts = next(json.loads(row[0]) for row in store.rows(order))
    group = [Rewards(tuple(r["credit"]["turns"]), r["credit"]["outcome"], r["credit"]["split"]) for r in facts["rollouts"]]
    assert sorted(r.split for r in group) == [False, False, True, True]
    for name, estimate in ESTIMATORS.items():
        for stored, again in zip(facts["rollouts"], estimate(group), strict=True):
            assert stored["advantages"][name] == pytest.approx(again.tolist())
    shown = {(v.measure, v.turn): v.value for v in view.verdicts if v.measure.startswith("advantage")}
    first = facts["rollouts"][0]["advantages"]
    assert shown == {(f"advantage {n}", t): a for n in ("grpo-or", "grpo-mr", "mt-grpo") for t, a in enumerate(first[n], 1)}
    tools = [r["advantages"]["mt-grpo"][0] for r in facts["rollouts"] if r["credit"]["split"]]
    others = [r["advantages"]["mt-grpo"][0] for r in facts["rollouts"] if not r["credit"]["split"]]
    assert min(tools) > 0 > max(others)


def test_repeats_are_rollouts_for_a_trainer(tmp_path: Path) -> None:
    def speak(chat: Conversation) -> str:
        return CALL if len(chat.turns) == 1 else RIGHT

    views = run(speak, tmp_path, "landmarks=1", settings=("multi",), repeats=3, limit=1).conversations()
    weights = dict.fromkeys(NAMES, 1.0)
    made = rows(views, turn=dict.fromkeys(NAMES[:2], 1.0), outcome=dict.fromkeys(NAMES[2:], 1.0))
    assert len(made.rows) == len(views)
    for view, row in zip(views, made.rows, strict=True):
        aliases = sample(1, 1)[0][0].aliases
        earned = credited(read(view.chat), aliases)
        assert row["turn_rewards"] == pytest.approx(earned.turns)
        assert row["outcome_reward"] == pytest.approx(earned.outcome)
        assert sum(weights[v.measure] * (v.value or 0) for v in view.verdicts if v.measure in weights) == pytest.approx(
            earned.total
        )


# -- data -------------------------------------------------------------------------------------------------------------
def test_the_sample_is_stable_and_every_question_has_one_article() -> None:
    few, articles = sample(3, seed=5)
    more, _ = sample(6, seed=5)
    assert more[: len(few)] == few
    assert len({article.split(".")[0] for article in articles}) == 3
    system = TurnLevelCredit(landmarks=12, seed=5)
    for case in system.cases():
        assert case.aliases[0] in system.search(case.question)  # type: ignore[attr-defined]


def test_released_rows_load(tmp_path: Path) -> None:
    folder = tmp_path / "turn-level-credit"
    folder.mkdir()
    row = {"question_id": "q1", "question": "Capital of France?", "answer": {"normalized_aliases": ["paris", "city of light"]}}
    (folder / "triviaqa-rc.jsonl").write_text(json.dumps(row) + "\n\n")
    (folder / "articles.jsonl").write_text('{"contents": "Paris is the capital of France."}\n')
    system = TurnLevelCredit(DataFolder(tmp_path), source="released")
    assert [(c.id, c.aliases) for c in system.cases()] == [("q1", ("paris", "city of light"))]  # type: ignore[attr-defined]
    assert system.search("capital") == "Paris is the capital of France."
    (folder / "triviaqa-rc.jsonl").write_text('{"question": "?"}\n')
    with pytest.raises(DataError, match="line 1: not a row of question"):
        list(system.cases())
    (folder / "triviaqa-rc.jsonl").write_text("{oops\n")
    with pytest.raises(DataError, match="line 1"):
        list(system.cases())
    with pytest.raises(InputError, match="landmarks=0: must be from 1 to 336"):
        list(TurnLevelCredit(landmarks=0).cases())


# -- the toy of the paper's claim: per-turn credit is faster ------------------------------------------------------------
def train(estimator: str, seed: int, updates: int = 75) -> tuple[float, float]:
    """A tabular softmax agent: turn 1 answers directly or searches with one of 4 queries (one is good), turn 2 picks one of 10
    answers. 8 groups of 16 rollouts an update, learning rate 0.5 (gradients are means over rollouts: 75 updates move as far as
    150 of a mean over turns). Returns the tool rate and the success at the end."""
    random = np.random.default_rng(seed)
    first = np.array([np.log(0.96), *[np.log(0.01)] * 4])
    # Seen in turn 2: the answer (a good result, or a hint) or nothing that helps. Saying 0 copies what was seen.
    second = np.zeros((2, 10))
    second[1, 0] = np.log(0.6 / (0.4 / 9))
    for _ in range(updates):
        chance, tables = _softmax(first), _softmax(second)
        g1, g2 = np.zeros_like(first), np.zeros_like(second)
        for truth in random.integers(10, size=8):
            act = random.choice(5, size=16, p=chance)
            seen = ((act == 1) | ((act == 0) & (random.random(16) < HINTED))).astype(int)
            said = (random.random((16, 1)) > tables[seen].cumsum(axis=1)).sum(axis=1).clip(max=9)
            right = said == np.where(seen == 1, 0, truth)
            earned = zip(act, right, strict=True)
            group = [Rewards((0.2 * (a > 0) + 0.5 * (a == 1), 0.0), 1.5 * r, bool(a > 0)) for a, r in earned]
            for i, advantage in enumerate(ESTIMATORS[estimator](group)):
                g1 += advantage[0] * (np.eye(5)[act[i]] - chance)
                g2[seen[i]] += advantage[1] * (np.eye(10)[said[i]] - tables[seen[i]])
        first += 0.5 * g1 / 128
        second += 0.5 * g2 / 128
    chance, copies = _softmax(first), _softmax(second)[1, 0]
    informed = chance[1] + HINTED * chance[0]
    return float(1 - chance[0]), float(informed * copies + (1 - informed) * 0.1)


HINTED = 0.25


def _softmax(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def test_per_turn_credit_learns_to_search_sooner() -> None:
    found = {name: np.array([train(name, seed) for seed in range(4)]) for name in ("grpo-or", "grpo-mr", "mt-grpo")}
    success = {name: float(values[:, 1].mean()) for name, values in found.items()}
    assert success["mt-grpo"] > success["grpo-mr"] > success["grpo-or"], success
    assert found["mt-grpo"][:, 0].mean() >= 0.95
    gap = found["mt-grpo"][:, 1] - found["grpo-or"][:, 1]
    low, _ = bootstrap_interval(gap, np.arange(len(gap)), np.random.default_rng(0))
    assert low > 0
