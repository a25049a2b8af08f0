"""The engine: recorded calls, resume, branching, budgets, causes."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiturn.conversation import CallError, Case, Cast, ContextOverflow, Conversation, InputError, StoreError
from multiturn.engine.budget import Budget
from multiturn.engine.plan import Plan
from multiturn.engine.replay import GoldModel, ReplayModel
from multiturn.engine.run import Runner
from multiturn.engine.runs import causes_of, close_run, find_run, open_run, played
from multiturn.engine.store import Store
from multiturn.protocols.benchmark import Benchmark
from players import Echo, Free, FunctionModel, echo_case


def last(chat: Conversation) -> str:
    return chat.message.text if chat.message else ""


def execute(path: Path, plan: Plan, **options: object) -> Runner:
    with Store(path, writable=True) as store:
        run = open_run(store, plan)
        runner = Runner(plan, store, **options)  # type: ignore[arg-type]
        status = asyncio.run(runner.run())
        close_run(store, run, status, {})
    return runner


def content(path: Path, *tables: str) -> dict[str, list[tuple[object, ...]]]:
    """What a store says, without times, order and latencies."""
    db = sqlite3.connect(path)
    queries = {
        "nodes": "SELECT * FROM nodes ORDER BY 1",
        "calls": "SELECT key, draw, asked, node FROM calls ORDER BY 1, 2",
        "episodes": 'SELECT id, "case", setting, repeat, node, stopped, complete FROM episodes ORDER BY 1',
        "verdicts": "SELECT * FROM verdicts ORDER BY 1, 2",
    }
    found = {name: db.execute(queries[name]).fetchall() for name in tables or queries}
    db.close()
    return found


def test_a_run_is_played_judged_and_read_back(tmp_path: Path) -> None:
    model = FunctionModel(last)
    execute(tmp_path / "s.db", Plan([Echo()], [model]))
    assert len(model.asked) == 4 * (3 + 2)  # the first question alone is the first turn
    with Store(tmp_path / "s.db") as store:
        found = list(played(store, find_run(store)))
    assert len(found) == 4 + 12
    assert all(v.value == 1.0 for p in found for v in p.verdicts)
    assert found[0].chat.turns[2].reply == "c0 turn 3"
    assert {p.cluster for p in found} == {"c0", "c1", "c2", "c3"}


def test_equal_histories_are_asked_once(tmp_path: Path) -> None:
    # 3 multi turns; stand-alone turn 1 equals multi turn 1; turns 2 and 3 are new; gold histories equal own ones.
    model = FunctionModel(last)
    plan = Plan([Echo([echo_case("a", 3)])], [model], settings=["multi", "single"])
    execute(tmp_path / "s.db", plan)
    assert len(model.asked) == 5


def test_again_asks_nothing_and_more_asks_only_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    model = FunctionModel(last)
    execute(path, Plan([Echo()], [model], settings=["multi"]))
    before = len(model.asked)
    execute(path, Plan([Echo()], [model], settings=["multi"]))
    assert len(model.asked) == before == 12
    execute(path, Plan([Echo()], [model], settings=["multi"], repeats=2))
    assert len(model.asked) == 24
    runner = execute(path, Plan([Echo()], [model], settings=["multi", "single"], repeats=2))
    assert len(model.asked) == 24 + 2 * 8
    assert runner.recorder.counts.made == 16
    judge = FunctionModel(lambda chat: "7", "judge")
    execute(path, Plan([Echo()], [model], settings=["multi"], roles={"judge": judge}))
    assert len(model.asked) == 40


def test_repeats_are_independent_draws(tmp_path: Path) -> None:
    chance = random.Random(0)
    model = FunctionModel(lambda chat: str(chance.random()))
    execute(tmp_path / "s.db", Plan([Echo([echo_case("a", 1)])], [model], settings=["multi"], repeats=5))
    with Store(tmp_path / "s.db") as store:
        assert len({p.chat.reply for p in played(store, find_run(store))}) == 5


def test_gold_player_and_forgetful_gold_player(tmp_path: Path) -> None:
    case = echo_case("a", 4)
    turns = tuple(
        type(t)(user=t.user, gold=t.gold, single=t.single, number=t.number, needs=(1,) if t.number > 1 else ())
        for t in case.turns
    )
    bench = Echo([type(case)(id="a", turns=turns)])
    for window, right in ((1, 1), (2, 2), (3, 3), (None, 4)):
        execute(tmp_path / f"{window}.db", Plan([bench], [GoldModel(window)], settings=["multi"]))
        with Store(tmp_path / f"{window}.db") as store:
            (one,) = played(store, find_run(store))
        assert sum(v.value or 0 for v in one.verdicts) == right


def test_errors_become_causes_and_are_tried_again(tmp_path: Path) -> None:
    broken = True

    def moody(chat: Conversation) -> str:
        if broken and "c1 turn 2" in last(chat):
            raise CallError("the server is down", cause="server down")
        return last(chat)

    path, model = tmp_path / "s.db", FunctionModel(moody)
    execute(path, Plan([Echo()], [model], settings=["multi"]))
    with Store(path) as store:
        run = find_run(store)
        assert causes_of(store, run) == {"server down": 2}
        stopped = next(p for p in played(store, run) if p.case == "c1")
    assert stopped.stopped == "server down"
    assert [v.value for v in stopped.verdicts] == [1.0, None, None]
    broken = False
    before = len(model.asked)
    execute(path, Plan([Echo()], [model], settings=["multi"]))
    assert len(model.asked) == before + 2  # turn 1 of c1 is on record
    with Store(path) as store:
        assert causes_of(store, find_run(store)) == {}


def test_a_full_context_is_an_outcome_and_not_tried_again(tmp_path: Path) -> None:
    def small(chat: Conversation) -> str:
        if len(chat) > 3:
            raise ContextOverflow("too long")
        return last(chat)

    path, model = tmp_path / "s.db", FunctionModel(small)
    execute(path, Plan([Echo()], [model], settings=["multi"]))
    before = len(model.asked)
    execute(path, Plan([Echo()], [model], settings=["multi"]))
    assert len(model.asked) == before
    with Store(path) as store:
        assert causes_of(store, find_run(store)) == {"context limit": 4}


def test_somebodys_bug_is_a_cause_with_its_place(tmp_path: Path) -> None:
    async def play(case: Case, cast: Cast) -> Conversation:
        chat = await cast.assistant(Conversation().user("hi"))
        raise ZeroDivisionError(len(chat))

    execute(tmp_path / "s.db", Plan([Free(play)], [FunctionModel(last)]))
    with Store(tmp_path / "s.db") as store:
        run = find_run(store)
        (cause,) = causes_of(store, run)
        assert cause.startswith("error while playing: ZeroDivisionError at test_engine.py:")
        assert all(p.chat.reply == "hi" for p in played(store, run))  # what was said is kept


def test_setup_errors_end_the_run(tmp_path: Path) -> None:
    from multiturn.conversation import ModelSetupError

    def wrong_key(chat: Conversation) -> str:
        raise ModelSetupError("wrong key")

    with pytest.raises(InputError, match="wrong key"):
        execute(tmp_path / "s.db", Plan([Echo()], [FunctionModel(wrong_key)]))


@pytest.mark.parametrize("limit", [{"max_calls": 5}, {"max_tokens": 60}])
def test_budget_cuts_are_not_measured(tmp_path: Path, limit: dict[str, int]) -> None:
    path, model = tmp_path / "s.db", FunctionModel(last)
    plan = Plan([Echo()], [model], settings=["multi"])
    runner = execute(path, plan, budget=Budget(**limit), concurrency=1)
    assert runner.recorder.budget.spent_out
    if "max_calls" in limit:
        assert len(model.asked) == 5
    with Store(path) as store:
        run = find_run(store)
        assert run.status == "budget"
        assert causes_of(store, run) == {"budget": 12 - len(model.asked)}
    execute(path, plan)
    assert len(model.asked) == 12
    with Store(path) as store:
        assert causes_of(store, find_run(store)) == {}


def test_replay_answers_only_from_the_store(tmp_path: Path) -> None:
    path, model = tmp_path / "s.db", FunctionModel(last)
    execute(path, Plan([Echo()], [model], settings=["multi"]))
    replayed = ReplayModel.open(f"replay:{path}")
    execute(tmp_path / "new.db", Plan([Echo()], [replayed], settings=["multi"]))
    assert len(model.asked) == 12
    assert content(tmp_path / "new.db", "nodes") == content(path, "nodes")
    with Store(tmp_path / "other.db", writable=True) as store:
        plan = Plan([Echo()], [replayed], settings=["multi"], repeats=2)
        run = open_run(store, plan)
        asyncio.run(Runner(plan, store).run())
        assert causes_of(store, find_run(store, run)) == {"not recorded": 12}


# -- property: killing at any write and running again is the same run ------------------------------------------------


class Killed(KeyboardInterrupt):
    """The only kind of exception that asyncio lets out of a callback."""


def kill_after(store: Store, writes: int) -> None:
    """Let the store die, as a killed process would, before the transaction after ``writes`` of them."""
    write, left = store.write, [writes]

    def dying(batch: dict[str, list[tuple[object, ...]]]) -> None:
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        write(batch)

    store.write = dying  # type: ignore[method-assign]


def branching(seed: int) -> Benchmark:
    """A random protocol: a tree of turns, branches running side by side, repeated draws, chance and records."""

    async def play(case: Case, cast: Cast) -> Conversation:
        chance = random.Random(f"{seed}/{case.id}")
        shapes = [chance.choice(["draws", "branches", "record", "turn"]) for _ in range(4)]

        async def grow(cast: Cast, chat: Conversation, depth: int) -> Conversation:
            if depth == 0:
                return chat
            shape = shapes[depth]
            if shape == "draws":
                drawn = await asyncio.gather(*(cast.assistant(chat.user("best of")) for _ in range(3)))
                chat = max(drawn, key=lambda c: c.reply)
            elif shape == "branches":
                grown = await asyncio.gather(*(grow(cast.branch(str(i)), chat.user("same start"), depth - 1) for i in range(2)))
                chat = await cast.assistant(chat.user(" ".join(sorted(c.reply for c in grown))))
            elif shape == "record":
                clock = await cast.record("clock", lambda: random.random())
                chat = await cast.assistant(chat.user(f"it is {clock}"))
            else:
                chat = await cast.assistant(chat.user(f"turn {cast.random.random()}"))
            return await grow(cast, chat, depth - 1)

        return await grow(cast, Conversation(), 3)

    return Free(play, n=2)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), kills=st.lists(st.integers(0, 12), min_size=1, max_size=4), repeats=st.integers(1, 2))
def test_a_killed_run_resumes_to_the_same_store(seed: int, kills: list[int], repeats: int) -> None:
    def answers() -> FunctionModel:
        return FunctionModel(lambda chat: chat.id.hex()[:6])

    with tempfile.TemporaryDirectory() as folder:
        whole, pieces = Path(folder) / "whole.db", Path(folder) / "pieces.db"
        # The record of a clock is chance itself: make it the same in both.
        random.seed(seed)
        fixed = random.random
        random.random = lambda: 0.5  # type: ignore[method-assign, assignment]
        try:
            execute(whole, Plan([branching(seed)], [answers()], repeats=repeats))
            for kill in kills:
                store = Store(pieces, writable=True)
                plan = Plan([branching(seed)], [answers()], repeats=repeats)
                open_run(store, plan)
                known = {(r[0], r[1]) for r in store.rows("SELECT key, draw FROM calls")}
                kill_after(store, kill)
                runner = Runner(plan, store)
                asked: list[tuple[bytes, str]] = []
                ask = runner.recorder._ask

                async def spy(model, chat, tools, key, draw, ask=ask, asked=asked):  # type: ignore[no-untyped-def]
                    asked.append((key, draw))
                    return await ask(model, chat, tools, key, draw)

                runner.recorder._ask = spy  # type: ignore[method-assign]
                with contextlib.suppress(BaseException):
                    asyncio.run(runner.run())
                assert not known & set(asked)  # nothing on record is asked again
                store._batch = {name: [] for name in store._batch}
                store.close()
            execute(pieces, Plan([branching(seed)], [answers()], repeats=repeats))
        finally:
            random.random = fixed  # type: ignore[method-assign]
        assert content(whole) == content(pieces)


# -- the store ---------------------------------------------------------------------------------------------------


def test_two_writers_on_one_store(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db", writable=True), pytest.raises(StoreError, match="is being written by process"):
        Store(tmp_path / "s.db", writable=True)
    Store(tmp_path / "s.db", writable=True).close()


def test_a_store_of_a_newer_version(tmp_path: Path) -> None:
    Store(tmp_path / "s.db", writable=True).close()
    db = sqlite3.connect(tmp_path / "s.db")
    db.execute("PRAGMA user_version=99")
    db.close()
    for writable in (True, False):
        with pytest.raises(StoreError, match="newer multiturn"):
            Store(tmp_path / "s.db", writable=writable)


def test_files_that_are_no_stores(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is not a database, it is a poem of some length " * 10)
    with pytest.raises(StoreError, match="cannot use"):
        Store(tmp_path / "text.db", writable=True)
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE t(x)")
    other.close()
    with pytest.raises(StoreError, match="another program"):
        Store(tmp_path / "other.db", writable=True)
    with pytest.raises(StoreError, match="there is no store"):
        Store(tmp_path / "none.db")


def test_a_full_disk_ends_the_run_with_one_line_and_keeps_the_rest(tmp_path: Path) -> None:
    path, model = tmp_path / "s.db", FunctionModel(lambda chat: "x" * 3000)
    plan = Plan([Echo([echo_case(f"c{i}", 5) for i in range(10)])], [model], settings=["multi"])
    with Store(path, writable=True) as store:
        open_run(store, plan)
        store.db.execute(f"PRAGMA max_page_count={store.db.execute('PRAGMA page_count').fetchone()[0] + 10}")
        with pytest.raises(StoreError, match="full"):
            asyncio.run(Runner(plan, store, concurrency=1).run())
        kept = store.db.execute("SELECT count(*) FROM calls").fetchone()[0]
        assert 0 < kept < 50
    before = len(model.asked)
    execute(path, plan)
    assert len(model.asked) - before == 50 - kept


def test_a_window_around_a_model_shows_less_and_keeps_the_whole(tmp_path: Path) -> None:
    from multiturn.players.catalogue import make_around

    model = FunctionModel(last)
    plan = Plan([Echo([echo_case("a", 4)])], [model], settings=["multi"], around=[make_around("window?turns=2")])
    execute(tmp_path / "s.db", plan)
    assert [len(chat.turns) for chat in model.asked] == [1, 2, 2, 2]
    with Store(tmp_path / "s.db") as store:
        run = find_run(store)
        (one,) = played(store, run)
    assert [t.reply for t in one.chat.turns] == [f"a turn {i}" for i in (1, 2, 3, 4)]
    assert one.model == "function + window?turns=2" == run.spec.players[0]
    with pytest.raises(InputError, match="turns"):
        make_around("window?turn=2")
    with pytest.raises(InputError, match="gold player"):
        Plan([Echo()], [GoldModel()], around=[make_around("window")])


def test_what_a_failure_said_is_kept_beside_its_cause(tmp_path: Path) -> None:
    def refuses(chat: Conversation) -> str:
        raise CallError("temperature is not\nsupported", cause="request refused", retries=2)

    async def broken(case: Case, cast: Cast) -> Conversation:
        raise ValueError("no such room")

    from multiturn.engine.runs import examples_of

    runner = execute(tmp_path / "a.db", Plan([Echo()], [FunctionModel(refuses)], settings=["multi"]))
    assert runner.recorder.counts.retried == 8
    execute(tmp_path / "b.db", Plan([Free(broken)], [FunctionModel(last)]))
    with Store(tmp_path / "a.db") as a, Store(tmp_path / "b.db") as b:
        assert examples_of(a, find_run(a)) == {"request refused": "temperature is not supported"}
        assert set(examples_of(b, find_run(b)).values()) == {"ValueError: no such room"}
