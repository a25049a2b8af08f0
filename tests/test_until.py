"""`run --until`: stops when the answer is sharp, on a random sample, whatever was interrupted, and says so."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from inprocess import Command, command
from multiturn.api import play, result_of
from multiturn.conversation import Conversation, InputError
from multiturn.engine.budget import Budget
from multiturn.engine.cast import Episode
from multiturn.engine.looks import taken
from multiturn.engine.plan import Plan
from multiturn.engine.replay import ReplayModel
from multiturn.engine.run import Runner
from multiturn.engine.runs import find_run, open_run
from multiturn.engine.store import Store
from multiturn.engine.until import look_sizes, parse_until
from multiturn.measures.figures import mean
from multiturn.report.planning import until_lines
from multiturn.report.result import RunResult
from players import Echo, Free, FunctionModel, echo_case
from players import echo as repeat_after

WIDTH = 0.1


def model(share: float = 0.8, name: str = "function") -> FunctionModel:
    """Right on this share of questions, always the same ones."""

    def answer(chat: Conversation) -> str:
        text = chat.message.text if chat.message else ""
        return text if random.Random(f"{name}/{text}").random() < share else "no"

    return FunctionModel(answer, name)


def bench(n: int = 400, turns: int = 1) -> Echo:
    found = Echo([echo_case(f"c{i}", turns) for i in range(n)])
    found.figures = (mean("same"),)
    return found


def plan(
    player: FunctionModel | None = None, until: str = f"ci={WIDTH}", settings: Sequence[str] = ("multi",), **more: object
) -> Plan:
    return Plan([bench()], [player or model()], settings=settings, until=until)


def run(path: Path, wanted: Plan, budget: Budget | None = None, concurrency: int | None = None) -> RunResult:
    with Store(path, writable=True) as store:
        return play(wanted, store, concurrency=concurrency, budget=budget, about={}, quiet=True)


def cases(path: Path) -> list[str]:
    """The cases of the newest run, in order."""
    with Store(path) as store:
        sql = 'SELECT e."case" FROM run_episodes r JOIN episodes e ON e.id = r.episode WHERE r.run=? ORDER BY r.n'
        return [name for (name,) in store.rows(sql, find_run(store).id)]


def test_it_stops_when_the_answer_is_sharp(tmp_path: Path) -> None:
    player = model()
    result = run(tmp_path / "s.db", plan(player))
    (found,) = (f for f in result.figures if f.kind == "sequence")
    assert found.low is not None
    assert found.high is not None
    assert (found.high - found.low) / 2 <= WIDTH
    assert 20 <= found.n_cases < 200
    assert len(player.asked) == result.episodes == found.n_cases
    assert found.value == pytest.approx(0.8, abs=0.15)
    (mean,) = (f for f in result.figures if f.kind == "mean")
    assert (mean.value, mean.low, mean.high) == (found.value, found.low, found.high)
    assert result.run.status == "done"
    assert "reached after" in result.run.options["until"]
    played = cases(tmp_path / "s.db")
    assert len(played) == found.n_cases
    assert played != sorted(played, key=lambda name: int(name[1:]))


def test_the_order_is_random_fixed_by_the_seed_and_indifferent_to_what_else_there_is() -> None:
    def order(n: int = 400, **more: object) -> list[str]:
        return [e.case.id for e in Plan([bench(n)], [model()], settings=["multi"], until="ci=0.1", **more).episodes]  # type: ignore[arg-type]

    assert order() == order()
    assert order() != order(seed=1)
    assert sorted(order()) == sorted(e.case.id for e in plan(until="").episodes)
    assert [name for name in order(500) if int(name[1:]) < 400] == order()
    early = [int(name[1:]) for name in order()[:100]]
    assert 150 < sum(early) / 100 < 250


def test_the_sample_does_not_depend_on_speed_or_on_what_was_played_before(tmp_path: Path) -> None:
    run(tmp_path / "a.db", plan(), concurrency=1)
    run(tmp_path / "b.db", plan(), concurrency=32)
    run(tmp_path / "c.db", plan(until=""))  # everything is there already
    again = model()
    result = run(tmp_path / "c.db", plan(again))
    assert cases(tmp_path / "a.db") == cases(tmp_path / "b.db") == cases(tmp_path / "c.db")
    assert again.asked == []
    assert result.episodes == len(cases(tmp_path / "a.db"))


def test_an_interrupted_run_goes_on_and_ends_as_the_uninterrupted_one(tmp_path: Path) -> None:
    whole = run(tmp_path / "a.db", plan())
    player = model()
    first = run(tmp_path / "b.db", plan(player), Budget(max_calls=33))
    assert first.run.status == "stopped"
    assert "stopped early after 40 of 400" in first.run.options["until"]
    assert len(player.asked) == 33
    second = run(tmp_path / "b.db", plan(player))
    assert second.run.id == first.run.id == whole.run.id
    assert len(player.asked) == whole.episodes
    assert [(f.value, f.low, f.high) for f in second.figures] == [(f.value, f.low, f.high) for f in whole.figures]
    assert second.run.options["until"] == whole.run.options["until"]
    assert cases(tmp_path / "a.db") == cases(tmp_path / "b.db")


def test_a_killed_run_holds_what_it_played(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db", writable=True) as store:
        wanted = plan(model())
        open_run(store, wanted)
        runner = Runner(wanted, store)
        assert runner.looks is not None
        dealt = iter(runner.looks.batches())
        asyncio.run(_play(runner, next(dealt)))
        row = find_run(store)
        result = result_of(store, row, wanted.benchmarks)
        assert (row.status, result.run.status, result.episodes) == ("running", "stopped", 20)
        assert result.run.options["until"] == "ci=0.1; echo: not reached yet, 20 of 400 cases dealt out"
        assert [f.n_cases for f in result.figures if f.kind == "sequence"] == [20]


def test_cases_finished_after_one_that_is_not_are_no_sample(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db", writable=True) as store:
        wanted = Plan([bench(400, 2)], [model()], settings=["multi"], until="same:ci=0.1", repeats=2)
        open_run(store, wanted)
        runner = Runner(wanted, store)
        assert runner.looks is not None
        batch = next(iter(runner.looks.batches()))
        asyncio.run(_play(runner, [*batch[:25], *batch[30:]]))  # the 13th case has one of its two repeats
        result = result_of(store, find_run(store), wanted.benchmarks)
    assert result.episodes == 35
    (found,) = (f for f in result.figures if f.kind == "sequence")
    assert found.n_cases == 12
    assert found.note.startswith("mean over verdicts")


def test_a_budget_that_ends_in_the_middle_of_a_look(tmp_path: Path) -> None:
    wanted = Plan([bench(400, 3)], [model()], settings=["multi"], until="same:ci=0.02")
    result = run(tmp_path / "s.db", wanted, Budget(max_calls=70), concurrency=4)
    (found,) = (f for f in result.figures if f.kind == "sequence")
    assert 18 <= found.n_cases < 24
    assert found.n_unmeasured == 0


def test_lines_name_benchmark_and_model(tmp_path: Path) -> None:
    other = bench()
    other.slug = other.title = "other"
    result = run(tmp_path / "s.db", Plan([bench(), other], [model(0.98, "good"), model(0.5, "fair")], settings=["multi"],
                                         until="ci=0.2"))  # fmt: skip
    said = [line.split(":")[0] for line in until_lines(result)][1:-1]
    assert said == [f"{system}, same, multi, {name}" for system in ("echo", "other") for name in ("good", "fair")]


async def _play(runner: Runner, batch: list[Episode]) -> None:
    await runner._work(iter(batch))


def test_every_setting_and_model_must_be_sharp(tmp_path: Path) -> None:
    result = run(tmp_path / "s.db", Plan([bench(400, 2)], [model(0.98, "good"), model(0.5, "fair")], settings=["multi", "single"],
                                         until="same:ci=0.1"))  # fmt: skip
    found = [f for f in result.figures if f.kind == "sequence"]
    assert {(f.model, f.setting) for f in found} == {(m, s) for m in ("good", "fair") for s in ("multi", "single")}
    assert all((f.high or 9) - (f.low or 0) <= 2 * WIDTH for f in found)
    assert len({f.n_cases for f in found}) == 1
    lines = list(until_lines(result))
    assert lines[0].startswith("--until same:ci=0.1; echo: reached after")
    assert "nothing guarantees" in lines[-1]


def test_when_all_cases_are_not_enough(tmp_path: Path) -> None:
    result = run(tmp_path / "s.db", Plan([bench(25)], [model()], settings=["multi"], until="ci=0.01"))
    assert result.run.status == "done"
    assert "not reached with all 25 of 25 cases" in result.run.options["until"]
    assert result.episodes == 25


def test_clusters_stay_whole() -> None:
    found = Echo([msgspec.structs.replace(echo_case(f"c{i}", 1), cluster=f"d{i % 30}") for i in range(90)])
    wanted = Plan([found], [model()], settings=["multi"], until="ci=0.1")
    order = [e.case.cluster for e in wanted.episodes]
    assert [len(block) for block in wanted.blocks(found)] == [3] * 30
    assert all(order[i] == order[i + 1] == order[i + 2] for i in range(0, 90, 3))


def test_judging_it_again_takes_what_it_took(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    first = run(path, plan())
    with Store(path, writable=True) as store:
        row = find_run(store)
        again = Plan([bench()], [ReplayModel.of(store, "function")], settings=["multi"], until=row.spec.until, taken=taken(row),
                     roles={"judge": model(name="judge")})  # fmt: skip
        result = play(again, store, concurrency=None, budget=None, about={}, quiet=True)
    assert result.episodes == first.episodes
    assert result.unmeasured == {}
    assert "judged again" in result.run.options["until"]
    assert taken(row) == (first.episodes,)


def test_judging_again_what_stopped_in_the_first_of_two_benchmarks(tmp_path: Path) -> None:
    path, other = tmp_path / "s.db", bench()
    other.slug = other.title = "other"
    run(path, Plan([bench(), other], [model()], settings=["multi"], until="ci=0.05"), Budget(max_calls=25))
    with Store(path, writable=True) as store:
        row = find_run(store)
        assert taken(row) == (30, 0)  # dealt out
        again = Plan([bench(), other], [ReplayModel.of(store, "function")], settings=["multi"], until=row.spec.until,
                     taken=taken(row), roles={"judge": model(name="judge")})  # fmt: skip
        result = play(again, store, concurrency=None, budget=None, about={}, quiet=True)
    assert result.episodes == 30
    assert "echo: the 30 cases that were played, judged again; other: the 0 cases" in result.run.options["until"]


def test_looks() -> None:
    assert list(look_sizes(5)) == [5]
    assert list(look_sizes(45)) == [20, 30, 40, 45]
    sizes = list(look_sizes(2000))
    assert sizes[-1] == 2000
    assert all(b - a <= max(10, 0.1 * a) for a, b in itertools.pairwise(sizes))


@pytest.mark.parametrize("text", ["0.02", "ci", "ci=", "ci=x", "ci=-1", "ci=0", "ci=nan", "width=0.1", "correct=0.1"])
def test_wrong_goals(text: str) -> None:
    with pytest.raises(InputError, match="--until"):
        parse_until(text)


def test_goals() -> None:
    assert parse_until("") is None
    assert str(parse_until("ci=0.02")) == "ci=0.02"
    assert str(parse_until("a:b:ci=2e-2")) == "a:b:ci=0.02"


def test_a_width_as_long_as_the_scale_is_no_goal(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the scale of `same` is only 1 long"):
        run(tmp_path / "s.db", plan(until="ci=2"))


def test_measures_that_cannot_be_watched(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean `same`"):
        run(tmp_path / "s.db", plan(until="sane:ci=0.1"))
    free = Free(lambda case, cast: _twice(cast), 3)
    with pytest.raises(InputError, match="off the scale"):
        run(tmp_path / "t.db", Plan([free], [FunctionModel(lambda chat: "x")], until="length:ci=0.1"))


async def _twice(cast: object) -> Conversation:
    return await repeat_after(Conversation().user("a"))


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command(monkeypatch, capsys, tmp_path)


def test_from_the_command_line(cli: Command, tmp_path: Path) -> None:
    rows = [{"id": f"c{i}", "turns": [{"user": f"{i}", "target": f"{i}"}]} for i in range(300)]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "p.py").write_text("def answer(chat):\n    n = int(chat.message.text)\n    return str(n if n % 5 else n + 1)\n")
    base = ("run", "c.jsonl", "--model", "script:p.py:answer")
    done = cli(*base, "--until", "correct:ci=0.1", "--json", "r.json")
    assert done.code == 0
    assert "whenever one stops" in done.out
    found = json.loads((tmp_path / "r.json").read_text())
    assert found["run"]["options"]["until"].startswith("correct:ci=0.1; c: reached after")
    assert found["episodes"] < 200
    report = cli("report", "--html", "r.html")
    assert "whenever one stops" in report.out
    assert "reached after" in (tmp_path / "r.html").read_text()
    assert "at most 300" in cli(*base, "--until", "ci=0.02", "--dry-run").out
    again = cli(*base, "--until", "correct:ci=0.1")
    assert "0 calls made" in again.out
    assert cli(*base, "--until", "nonsense").code == 2
