"""`multiturn plan`: from a pilot with every role, from stated variances, and what it says when it cannot know."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inprocess import Command, command
from multiturn.api import play
from multiturn.cli import app as commands
from multiturn.conversation import Conversation
from multiturn.engine.plan import Plan
from multiturn.engine.replay import ReplayModel
from multiturn.engine.store import Store
from multiturn.models.base import Model, Options, Reply
from multiturn.systems.catalogue import make_system
from players import FunctionModel

BENCH = '''
from multiturn.conversation import Case, Conversation
from multiturn.measures.figure import Scale
from multiturn.measures.figures import mean
from multiturn.measures.verdict import Verdict
from multiturn.protocols.benchmark import Benchmark


class Talk(Benchmark):
    """A user says a number, the model another, the judge a third: their sum is the score."""

    slug = "talk"
    title = "Talk"
    settings = ("multi", "single")
    default_settings = ("multi",)
    scales = {"sum": Scale(-100, 100, "points")}
    figures = (mean("sum", Scale(-100, 100, "points")),)

    def cases(self):
        return [Case(id=f"c{i}") for i in range(60)]

    async def play(self, case, cast, setting):
        chat = Conversation().user(f"{case.id} {setting}")
        if cast.has("user"):
            said = await cast.user(chat)
            chat = chat.user(said.reply)
        return await cast.assistant(chat)

    async def judge(self, case, chat, cast):
        total = sum(float(m.text.split(":")[1]) for m in chat.messages if ":" in m.text)
        if cast.has("judge"):
            asked = Conversation().user(f"{case.id} {total}")
            total += float((await cast.judge(asked)).reply.split(":")[1])
        yield Verdict("sum", total)
'''

CASE_SD, MODEL_SD, USER_SD, JUDGE_SD = 3.0, 2.0, 1.5, 1.0


class Priced(FunctionModel):
    """A player whose calls cost a cent and take half a second on paper."""

    def __init__(
        self, name: str, sd: float, case_sd: float = 0.0, options: Options = Options(), cents: float | None = 1.0
    ) -> None:
        self.drawn = random.Random(f"{name}{options}")
        super().__init__(lambda chat: self.say(chat, sd, case_sd), name)
        Model.__init__(self, name, options)
        self.cents = cents

    def say(self, chat: Conversation, sd: float, case_sd: float) -> str:
        case = chat.messages[0].text.split()[0]
        return f"x:{random.Random(f'{case}').gauss(0, case_sd) + self.drawn.gauss(0, sd):.4f}"

    async def reply(self, chat: Conversation, tools: tuple[Any, ...] = ()) -> Reply:
        found = await super().reply(chat, tools)
        cost = None if self.cents is None else self.cents / 100
        return Reply(found.message, found.usage, latency=0.5, cost=cost)


def assistant(name: str = "model", sd: float = MODEL_SD, **more: Any) -> Priced:
    return Priced(name, sd, CASE_SD, **more)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.setitem(commands._COMMANDS, "plan", ("plan", "How much has to be played."))
    (tmp_path / "bench.py").write_text(BENCH)
    return command(monkeypatch, capsys, tmp_path)


def pilot(models: Sequence[Model], *, repeats: int = 4, limit: int | None = None, settings: Sequence[str] = (),
          replay: bool = False, seed: int = 0, **roles: Model) -> str:  # fmt: skip
    """Play a pilot into the store of this folder; its id. ``replay``: the models answer from the store only."""
    with Store("multiturn.db", writable=True) as store:
        played = [ReplayModel.of(store, m.label) for m in models] if replay else list(models)
        plan = Plan(
            [make_system("bench.py:Talk")], played, repeats=repeats, limit=limit, settings=settings, roles=roles, seed=seed
        )
        return play(plan, store, concurrency=4, budget=None, about={}, quiet=True).run.id


def parts(found: dict[str, Any]) -> dict[str, float]:
    return {part["name"]: math.sqrt(part["value"]) for part in found["parts"]}


def planned(cli: Command, *arguments: str) -> dict[str, Any]:
    done = cli("plan", *arguments, "--json", "-")
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_components_prices_and_cases_of_a_pilot(cli: Command) -> None:
    run = pilot([assistant()], user=Priced("user", USER_SD), judge=Priced("judge", JUDGE_SD))
    found = planned(cli, run, "--ci", "0.5")
    sds = parts(found)
    assert sds["case"] == pytest.approx(CASE_SD, rel=0.3)
    assert sds["repeat"] == pytest.approx(math.hypot(MODEL_SD, USER_SD, JUDGE_SD), rel=0.15)
    assert "judge" not in sds
    best = found["best"]
    wanted = 1.97**2 * (sds["case"] ** 2 + sds["repeat"] ** 2 / best["repeats"]) / 0.5**2
    assert best["cases"] == pytest.approx(wanted, abs=3)
    assert found["price_unit"] == "$"
    assert (found["prices"]["repeat"], found["prices"]["judge"]) == pytest.approx((0.02, 0.01))
    assert best["price"] == pytest.approx(best["cases"] * best["repeats"] * 0.03)
    assert found["few"] < best["cases"] < found["many"]
    assert found["designs"][0]["best"]
    assert {s["role"]: s["calls"] for s in found["spent"]} == {"model": 1, "user": 1, "judge": 1}
    text = " ".join(cli("plan", run, "--ci", "0.5").out.split())
    assert "repeat = a new sample of model and user and judge" in text
    assert "No conversation was judged twice" in text
    assert "judge?seed=1" in text
    assert "with --user at temperature=0" in text
    assert "The next call is best spent on new cases" in text


def test_judging_again_tells_the_judges_part(cli: Command) -> None:
    first = pilot([assistant()], judge=Priced("judge", JUDGE_SD))
    second = pilot([assistant()], replay=True, judge=Priced("judge", JUDGE_SD, options=Options(seed=1)))
    found = planned(cli, first, second, "--ci", "0.5")
    sds = parts(found)
    assert sds["judge"] == pytest.approx(JUDGE_SD, rel=0.15)
    assert sds["repeat"] == pytest.approx(MODEL_SD, rel=0.15)
    assert found["gains"].keys() == {"cases", "repeats", "judgements"}
    assert not any("judged twice" in note for note in found["notes"])
    same = pilot([assistant()], replay=True, judge=Priced("judge", JUDGE_SD))  # the same recorded judgements
    assert same == first
    other = pilot([assistant()], replay=True, judge=Priced("stricter", JUDGE_SD))
    assert any("different judges" in note for note in planned(cli, first, other, "--ci", "1")["notes"])


def test_judgements_on_record_are_not_counted_twice(cli: Command) -> None:
    model, judge = assistant(), Priced("judge", JUDGE_SD)
    first = pilot([model], limit=40, repeats=2, judge=judge)
    longer = pilot([model], limit=40, repeats=3, judge=judge)
    assert "judge" not in parts(planned(cli, first, longer, "--ci", "1"))


def test_a_user_at_temperature_0_tells_the_models_part(cli: Command) -> None:
    free = pilot([assistant()], user=Priced("user", USER_SD, options=Options(temperature=1.0)))
    fixed = pilot([assistant()], user=Priced("user", 0.0, options=Options(temperature=0.0)))
    sds = parts(planned(cli, free, fixed, "--ci", "0.5"))
    assert sds["of repeat: model"] == pytest.approx(MODEL_SD, rel=0.15)
    assert sds["of repeat: user"] == pytest.approx(USER_SD, rel=0.3)


def test_another_user_model_is_told_from_the_rest(cli: Command) -> None:
    runs = [pilot([assistant()], user=Priced(name, USER_SD)) for name in ("first", "second")]
    found = planned(cli, *runs, "--ci", "0.5")
    assert parts(found)["case x user"] < 1
    assert any("2 user models" in note for note in found["notes"])


def test_the_difference_of_two_models_shares_the_cases(cli: Command) -> None:
    run = pilot([assistant(), assistant("other", 1.0)], repeats=3)
    found = planned(cli, run, "--effect", "1")
    assert "other − model" in found["what"]
    sds = parts(found)
    assert sds["case"] < 1.2  # both have the same cases
    assert sds["repeat"] == pytest.approx(math.hypot(MODEL_SD, 1.0), rel=0.15)
    assert found["prices"]["repeat"] == pytest.approx(0.02)
    alone = planned(cli, run, "--effect", "1", "--unpaired")
    assert alone["best"]["cases"] > 2 * found["best"]["cases"]
    stated = planned(cli, run, "--effect", "1", "--correlation", "0.9")
    assert found["best"]["cases"] < stated["best"]["cases"] < alone["best"]["cases"]
    assert found["seen"] == pytest.approx(2.8 * math.sqrt((sds["case"] ** 2 + sds["repeat"] ** 2 / 3) / 60), rel=0.03)


def test_two_models_may_come_from_two_runs(cli: Command) -> None:
    first, second = pilot([assistant()], repeats=3), pilot([assistant("other", 1.0, cents=3.0)], repeats=3)
    found = planned(cli, first, second, "--effect", "1")
    both = pilot([assistant(), assistant("other", 1.0, cents=3.0)], repeats=3)  # on record: the same plays in one run
    assert found["parts"] == planned(cli, both, "--effect", "1")["parts"]
    assert found["best"]["cases"] == planned(cli, both, "--effect", "1")["best"]["cases"]
    assert "other − model" in found["what"]
    assert found["prices"]["repeat"] == pytest.approx(0.01 + 0.03)
    assert "model − other" in planned(cli, second, first, "--effect", "1")["what"]
    assert not any("all settings" in note for note in found["notes"])  # they were played in one


def test_a_run_that_says_nothing_is_refused(cli: Command) -> None:
    first, second = pilot([assistant()]), pilot([assistant("other")], judge=Priced("judge", JUDGE_SD))
    for goal in ("--ci", "--effect"):
        done = cli("plan", first, second, goal, "1")
        assert (done.code, len(done.err.splitlines())) == (2, 1)
        assert "says nothing about" in done.err
    other = pilot([assistant()], settings=["single"])
    assert f"run {other} holds no `sum` of talk in this setting" in cli("plan", first, other, "--ci", "1").err


def test_the_difference_of_two_settings(cli: Command) -> None:
    run = pilot([assistant()], settings=["multi", "single"], repeats=2)
    assert "multi − single" in planned(cli, run, "--effect", "1")["what"]
    assert planned(cli, run, "--ci", "1", "--setting", "single")["title"].startswith("talk, sum, single")
    assert "single − multi" in planned(cli, run, "--effect", "1", "--settings", "multi", "single")["what"]


def test_one_repeat_and_too_few_cases(cli: Command) -> None:
    run = pilot([assistant(cents=None)], repeats=1, limit=20)
    found = planned(cli, run, "--ci", "1")
    assert parts(found).keys() == {"case"}
    assert parts(found)["case"] == pytest.approx(math.hypot(CASE_SD, MODEL_SD), rel=0.4)
    assert any("played once" in note for note in found["notes"])
    assert found["price_unit"] == "s"
    assert found["prices"]["repeat"] == pytest.approx(0.5)
    assert planned(cli, run)["effect"] == 10  # a twentieth of the scale
    none = cli("plan", run, "--ci", "0.1", "--max-cases", "50")
    assert none.code == 0
    assert "no number of repeats is enough" in " ".join(none.out.split())
    one = pilot([assistant()], repeats=3, limit=1, seed=5)
    assert "fewer than two cases" in cli("plan", one, "--ci", "1").err


def test_the_plan_keeps_its_promise(cli: Command) -> None:
    """Play as many cases as planned for a half-width of 1 and look at the interval."""
    run = pilot([assistant()], limit=30, repeats=2, seed=1)
    best = planned(cli, run, "--ci", "1", "--price-repeat", "0.1")["best"]
    drawn = np.random.default_rng(0)
    halves = []
    for _ in range(200):
        y = drawn.normal(0, CASE_SD, best["cases"]) + drawn.normal(0, MODEL_SD / math.sqrt(best["repeats"]), best["cases"])
        halves.append(1.96 * y.std(ddof=1) / math.sqrt(best["cases"]))
    assert np.mean(halves) == pytest.approx(1, rel=0.3)


def test_from_stated_variances(cli: Command) -> None:
    found = planned(cli, "--rate", "0.7", "--effect", "0.05", "--correlation", "0.6")
    assert found["best"]["cases"] == pytest.approx((1.96 + 0.8416) ** 2 * 2 * 0.4 * 0.21 / 0.0025, abs=3)
    found = planned(cli, "--sd-case", "0.3", "--sd-repeat", "0.3", "--price-case", "2", "--price-repeat", "0.05", "--ci", "0.03")
    assert found["best"]["repeats"] == 5
    assert found["best_repeats"] == pytest.approx(math.sqrt(40))
    text = " ".join(cli("plan", "--rate", "0.9", "--ci", "0.02").out.split())
    assert "To know the mean to ±2.0 points (95% interval): 870 cases" in text


def test_exact_tests_need_some_cases(cli: Command) -> None:
    assert any("play 25" in note for note in planned(cli, "--rate", "0.4", "--effect", "0.4")["notes"])
    assert not any("play 25" in note for note in planned(cli, "--rate", "0.4", "--effect", "0.2")["notes"])


def test_the_size_that_was_asked_for_is_said(cli: Command) -> None:
    for size, said in (("0.0325", "3.25 points"), ("0.0004", "0.04 points"), ("0.05", "5.0 points")):
        assert f"a true difference of {said} with" in " ".join(cli("plan", "--rate", "0.5", "--effect", size).out.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rate", "0.7", "--effect", "0.05", "--ci", "0.02"), "one of them"),
        (("--rate", "0.7", "--ci", "0.05", "--unpaired"), "one mean"),
        (("--rate", "0.7", "--effect", "0.05", "--unpaired", "--correlation", "0.5"), "different cases"),
        (("--rate", "0.7", "--effect", "1.5"), "no size to plan for"),
        (("--rate", "0.7", "--sd-case", "0.6"), "not more"),
        (("--sd-repeat", "0.3", "--ci", "0.1"), "--sd-case"),
        (("--sd-case", "0.3"), "say what shall be seen"),
        (("--sd-case", "0", "--ci", "0.1"), "nothing varies"),
        (("--sd-case", "0.3", "--effect", "0.1", "--correlation", "1"), "nothing varies"),
        (("last", "--rate", "0.7"), "not both"),
        (("last",), "no store"),
        (("--rate", "2"), "--rate"),
        (("--select", "5"), "--out"),
    ],
)
def test_wrong_input_is_one_line(cli: Command, arguments: tuple[str, ...], said: str) -> None:
    done = cli("plan", *arguments)
    assert done.code == 2
    assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_unknown_names(cli: Command) -> None:
    run = pilot([assistant()], repeats=1, limit=5)
    for option, name in (("--measure", "sun"), ("--setting", "mutli"), ("--benchmark", "walk")):
        done = cli("plan", run, "--ci", "1", option, name)
        assert done.code == 2
        assert name in done.err
    assert "unknown model" in cli("plan", run, "--effect", "1", "--models", "a", "b").err
    assert "two sides" in cli("plan", run, "--ci", "1", "--settings", "multi", "single").err


def test_a_pilot_without_spread_says_nothing(cli: Command) -> None:
    run = pilot([Priced("same", 0.0)], repeats=2, limit=10)
    assert "says nothing" in cli("plan", run, "--ci", "1").err
