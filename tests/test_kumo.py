"""KUMO: the released table, released trajectories, the oracle's actions, players with known scores, the sampler, bad data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

import multiturn
from multiturn.conversation import Conversation, DataError, InputError
from multiturn.engine.data import DataFolder
from multiturn.measures.figures import mean
from multiturn.systems.game.kumo import EACH_ROUND, Kumo, KumoCase, table_book
from multiturn.systems.game.kumo_data import PUBLISHED, Files, replay
from multiturn.systems.game.kumo_sample import DOMAIN, tasks
from multiturn.worlds.kumo import (
    Domain,
    Elimination,
    Oracle,
    Task,
    eliminate,
    faults,
    oracle_steps,
    read_domain,
    read_tasks,
    reduced,
    sample_tasks,
    survivors,
)  # fmt: skip

SIZES = [("Music", "easy"), ("Medical", "easy"), ("Music", "hard"), ("Medical", "hard")]


@pytest.fixture(scope="module")
def folder(data_root: Path) -> Path:
    if not (data_root / "kumo").is_dir():
        pytest.skip(f"no KUMO files under {data_root}")
    return data_root


@pytest.fixture(scope="module")
def released(folder: Path) -> dict[tuple[str, str], tuple[Domain, list[Task], list[dict[str, Any]]]]:
    found = {}
    for name, size in SIZES:
        files = Files(DataFolder(folder), name)
        domain = files.domain()
        shape = {"easy": "T4A6", "hard": "T12A16"}[size]
        oracle = json.loads((folder / "kumo" / f"{name}Env.{shape}.oracle.json").read_text())
        found[name, size] = domain, files.tasks(size, domain), oracle
    return found


def runs(player: Any, domain: Domain, task: Task) -> list[str]:
    done: list[str] = []
    while True:
        done.append(player(task, domain.outcomes, done))
        if done[-1] in task.truths:
            return done


# -- released outcomes ------------------------------------------------------------------------------------------------
def test_every_published_cell(folder: Path) -> None:
    tables = replay(json.loads((folder / "kumo" / "results_by_model.json").read_text()))
    assert len(PUBLISHED) == 44
    for cell in PUBLISHED:
        (found,) = [f for f in mean("success")(tables[cell.model]) if f.group == cell.group]
        assert found.value == pytest.approx(cell.value, abs=0.001), cell
        assert found.n_scored == 1250 or cell.model == "deepseek-v2.5"
        assert found.n_cases == 250 or cell.model == "deepseek-v2.5"
        assert found.low is not None
        assert found.high is not None
        assert found.low < cell.value < found.high
    steps = {f.group: f.value for f in mean("steps")(tables["gpt-4o"])}
    assert steps["easy"] == pytest.approx(3.81, abs=0.005)
    assert steps["hard"] == pytest.approx(6.44, abs=0.005)
    errors = {f.group: f.value for f in mean("parse_error")(tables["llama-3.1-8b"])}
    assert errors["easy"] == pytest.approx(0.171, abs=0.0005)
    assert errors["hard"] == pytest.approx(0.278, abs=0.0005)


def test_relative_action_count_against_the_released_oracle(folder: Path) -> None:
    results = json.loads((folder / "kumo" / "results_by_model.json").read_text())
    kept = {m: {k: v for k, v in files.items() if k.startswith("MusicEnv")} for m, files in results.items()}
    oracle = {"MusicEnv.T4A6": Files(DataFolder(folder), "Music").oracle("easy"),
              "MusicEnv.T12A16": Files(DataFolder(folder), "Music").oracle("hard")}  # fmt: skip
    tables = replay(kept, oracle)
    found = {f.group: f for f in mean("relative")(tables["gpt-4o"])}
    assert found["easy"].value is not None
    assert 0 < found["easy"].value < 2
    for group in ("easy", "hard"):
        successes = sum(f.value * f.n_scored for f in mean("success")(tables["gpt-4o"]) if f.group == group and f.value)
        assert found[group].n_scored == round(successes)


def test_released_trajectories_are_replayed(folder: Path, released: dict[Any, Any]) -> None:
    domain, games, _ = released["Music", "easy"]
    by_seed = {task.seed: task for task in games}
    count = 0
    for record in json.loads((folder / "kumo" / "gpt-4o.MusicEnv.T4A6.first6.json").read_text()):
        for trajectory in record["trajectories"]:
            world = Elimination(by_seed[record["seed"]], domain.outcomes)
            steps = [world.step(world.parse(text)) for text in trajectory["generated_text"]]  # type: ignore[arg-type]
            assert [world.task.observations[a] for a in world.done] == [o["observation"] for o in trajectory["observations"][1:]]
            assert [*world.done, world.predicted] == [a for a in trajectory["actions"] if isinstance(a, str)]
            assert (steps[-1].stop == "success") is trajectory["successful"]
            assert [s.done for s in steps] == [False] * (len(steps) - 1) + [True]
            count += 1
    assert count == 30


# -- players who know the table ---------------------------------------------------------------------------------------
def test_eliminator_oracle_and_guesser(released: dict[Any, Any]) -> None:
    for (_, size), (domain, games, oracle) in released.items():
        by_seed = {row["seed"]: row["actions"] for row in oracle}
        slow = [runs(eliminate, domain, task) for task in games]
        assert all(run[-1] == task.valid_truth for run, task in zip(slow, games, strict=True)), "100 %"
        assert sum(map(len, by_seed.values())) <= sum(map(len, slow))
        guesses = sum(task.truths[0] == task.valid_truth for task in games) / len(games)
        assert guesses == pytest.approx(1 / 4 if size == "easy" else 1 / 12, abs=0.2)


@pytest.mark.parametrize("name", ["Music", "Medical"])
def test_every_released_oracle_action_is_one_of_our_best(name: str, released: dict[Any, Any]) -> None:
    domain, games, oracle = released[name, "easy"]
    by_seed = {row["seed"]: row["actions"] for row in oracle}
    ours = 0
    for task in games:
        search = Oracle(task.truths, task.actions, domain.outcomes)
        done: list[str] = []
        for said in by_seed[task.seed]:
            left = survivors(task, domain.outcomes, done)
            best = search.best(left, done)
            if said in task.truths:
                assert not best
                assert search.next(left, done) == said == task.valid_truth
            else:
                assert said in best
            done.append(said)
        own = search.run(task, domain.outcomes)
        assert own[-1] == task.valid_truth
        assert len(own) == oracle_steps(task, domain.outcomes)
        ours += len(own)
    assert ours <= 1.1 * sum(map(len, by_seed.values())), "ties are broken differently; the expected number is the same"


def test_a_large_oracle_says_so(released: dict[Any, Any]) -> None:
    domain, games, _ = released["Music", "hard"]
    with pytest.raises(OverflowError, match="more than 50 states"):
        Oracle(games[0].truths, games[0].actions, domain.outcomes, most=50).run(games[0], domain.outcomes)


# -- the sampler ------------------------------------------------------------------------------------------------------
def test_the_sampler(released: dict[Any, Any]) -> None:
    assert faults(DOMAIN) == []
    music = released["Music", "hard"][0]
    for domain, n, m, count in ((DOMAIN, 4, 6, 20), (music, 4, 6, 50), (music, 12, 16, 50)):
        made = sample_tasks(domain, "x", n, m, count)
        assert made == sample_tasks(domain, "x", n, m, count)
        assert made[:5] == sample_tasks(domain, "x", n, m, 5)
        for task in made:
            assert (len(task.truths), len(task.actions)) == (n, m)
            assert survivors(task, domain.outcomes, task.actions) == [task.valid_truth]
        assert len({msgspec.json.encode((sorted(t.truths), sorted(t.observations.items(), key=str))) for t in made}) == count
    assert tasks() == sample_tasks(DOMAIN, "coffee", 4, 6, 20)
    with pytest.raises(DataError, match="could be made"):
        sample_tasks(DOMAIN, "x", 10, 1, 1)


# -- the benchmark ----------------------------------------------------------------------------------------------------
def test_known_players_on_the_bundled_sample(tmp_path: Path) -> None:
    first = multiturn.evaluate(Kumo(), model="gold", settings=("multi", "single"), store=tmp_path / "g.db")
    assert first.figure("success", "multi").value == first.figure("success", "single").value == 1
    assert first.figure("relative", "multi").value == 0
    steps = first.figure("steps", "multi").value
    assert steps == pytest.approx(sum(oracle_steps(t, DOMAIN.outcomes) for t in tasks()) / 20)

    asked: list[Conversation] = []

    def slow(chat: Conversation) -> str:
        asked.append(chat)
        case = next(c for c in cases if chat.system_text.endswith(c.book.strip()))
        done = [m.text[9:-10] for m in chat.messages if m.role == "assistant"]
        return f"<ANSWER> {eliminate(case.task, case.table, done)} </ANSWER>"

    cases = list(Kumo().cases())
    second = multiturn.evaluate(Kumo(), model=slow, store=tmp_path / "e.db")
    assert second.figure("success").value == 1
    assert (second.figure("steps").value or 0) >= (steps or 0)
    assert all(c.messages[-1].text.endswith(EACH_ROUND) for c in asked)
    assert not any(EACH_ROUND in m.text for c in asked for m in c.messages[:-1])
    assert not any(EACH_ROUND in m.text for talk in second.conversations() for m in talk.chat.messages)


@pytest.mark.parametrize(
    ("reply", "stop"),
    [("", "format error"), ("<ANSWER> elephant </ANSWER>", "invalid action"), ("<ANSWER>" * 20_000, "format error"),
     ("<answer> Burnt Heater </answer>", "format error")],
)  # fmt: skip
def test_a_reply_that_cannot_be_read_loses(reply: str, stop: str, tmp_path: Path) -> None:
    found = multiturn.evaluate(Kumo(), model=lambda chat: reply, limit=3, store=tmp_path / "b.db")
    assert found.figure("success").value == 0
    assert found.figure("parse_error").value == 1
    assert {v.reason for t in found.conversations() for v in t.verdicts if v.measure == "parse_error"} == {stop}


def test_parsing_and_the_cap(tmp_path: Path) -> None:
    task = tasks()[0]
    world = Elimination(task, DOMAIN.outcomes)
    assert world.parse("<ANSWER> a </ANSWER> no, <ANSWER> ${Dull Grinder} </ANSWER>") == "Dull Grinder"
    assert world.parse("<ANSWER> a <ANSWER> b </ANSWER>") == "b"
    both = Task(("A", "B"), ("A",), {"A": "x"}, 0, "A")
    assert Elimination(both, {"A": DOMAIN.outcomes["Look at the Lamp"]}).step("A").done, "a name in both lists is a prediction"
    action = task.actions[0]
    stuck = multiturn.evaluate(Kumo(), model=lambda chat: _first_action(chat), limit=1, store=tmp_path / "c.db")
    (talk,) = stuck.conversations()
    assert len(talk.chat.turns) == 51
    assert stuck.figure("success").value == 0
    assert world.step(action).observation == world.step(action).observation


def _first_action(chat: Conversation) -> str:
    listed = chat.system_text.split("Actions:\n")[1]
    return f"<ANSWER>{listed.splitlines()[0][2:]}</ANSWER>"


def test_released_files_are_used(folder: Path, tmp_path: Path) -> None:
    cases = list(Kumo(DataFolder(folder), size="all").cases())
    assert len(cases) == 200
    assert {c.group for c in cases} == {"easy", "hard"}
    assert sum("Genre Analysis Guidebook" in c.book for c in cases) >= 5
    first = cases[0]
    assert first.oracle
    assert table_book(first.table) == next(iter(Kumo(DataFolder(folder), domain="Medical", book="table").cases())).book
    assert isinstance(first, KumoCase)
    found = multiturn.evaluate(Kumo(DataFolder(folder), size="hard"), model="gold", limit=2, store=tmp_path / "h.db")
    assert found.figure("success").value == 1


def test_the_repository_form_and_bad_files(tmp_path: Path, folder: Path) -> None:
    home = tmp_path / "kumo"
    (home / "data").mkdir(parents=True)
    (home / "ToyEnv").mkdir()
    module = home / "data" / "toy_data.py"
    module.write_text("Truths = ['A', 'B']\nActions = ['t']\nOutcomes = {'t': {'type': 'float', 'states': "
                      "{(0, 1): {'A'}, (2, 3): set()}}}\n")  # fmt: skip
    tasks_file = home / "ToyEnv" / "truth_num=4+action_num=6+valid_truth_num=1.jsonl"
    line = '{"truths": ["A", "B"], "actions": ["t"], "observations": {"t": 0.5}, "seed": 0, "valid_truth": "B"}'
    tasks_file.write_text(line)
    (case,) = Kumo(DataFolder(tmp_path), domain="Toy").cases()
    assert case.task.valid_truth == "B"
    assert "from 0 to 1: rules out A" in case.book
    for bad in (line.replace("0.5", "2.5"), line.replace('"t"]', '"u"]'), "{", "[]", line[:30]):
        tasks_file.write_text(bad)
        with pytest.raises(DataError, match="valid_truth_num"):
            list(Kumo(DataFolder(tmp_path), domain="Toy").cases())
    module.write_text("import os\nos.abort()")
    with pytest.raises(DataError, match="not a domain file"):
        list(Kumo(DataFolder(tmp_path), domain="Toy").cases())
    with pytest.raises(DataError):
        read_domain(b"{}", "x")
    with pytest.raises(DataError):
        read_tasks(b"null", "x", {})
    with pytest.raises(InputError, match="easy, hard or all"):
        list(Kumo(size="tiny").cases())
    with pytest.raises(InputError, match="released files"):
        list(Kumo(size="hard").cases())
    assert reduced(tasks()[0], DOMAIN.outcomes).keys() == set(tasks()[0].actions)
