"""WILT: the evaluator of lambdas (and its bounds), the rules, the released scoring, solvers with known scores, bad replies."""

from __future__ import annotations

import contextlib
import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

import multiturn
from multiturn.conversation import Conversation, DataError, InputError
from multiturn.systems.game.wilt import Wilt, WiltCase, _told, given, solver_tests
from multiturn.worlds.base import Misread
from multiturn.worlds.lambdas import BadLambda, Lambda
from multiturn.worlds.rules import FULL, LITE, TESTS, Guess, HiddenRule, Trial, Triple, compare, consistent, points, solve, truth

FALSE = "lambda x, y, z: False"


def seen_in(chat: Conversation) -> list[tuple[Triple, bool]]:
    found = []
    for message in chat.messages:
        if message.role == "user" and (m := re.search(r"\(([-\d., ]+)\) gives (True|False)", message.text)):
            x, y, z = map(float, m[1].split(","))
            found.append(((x, y, z), m[2] == "True"))
    return found


def solver(chat: Conversation) -> str:
    return solve(seen_in(chat))


# -- the evaluator ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        *(f"lambda x, y, z: {rule}" for rule in FULL if "gcd" not in rule),
        "lambda a, b, c: a < b < c", "lambda x,y,z: sorted([x, y, z]) == [x, y, z] and len({x, y, z}) == 3",
        "lambda x, y, z: (x if x > y else y) - z > 0 or not x", "lambda x, y, z: sum(v * v for v in (x, y, z) if v > 0) % 3",
        "lambda x, y, z: all(isinstance(v, (int, float)) and float(v).is_integer() for v in [x, y, z])",
        "lambda x, y, z: [x, y, z][1] == max(min(x, y), min(max(x, y), z))", "lambda x, y, z: x // 3 == y % 5 or ~int(z) & 1",
        "lambda x, y, z: any(x + d == y for d in range(-3, 4)) and (x, y) != (y, z)", "lambda x, y, z: x and y or z",
        "lambda x, y, z: len([1 for a in (x, y) for b in (y, z) if a < b]) >= 2", "lambda x, y, z: round(x, 1) == abs(-y) << 1",
    ],
)  # fmt: skip
def test_lambdas_mean_what_they_mean_in_python(text: str) -> None:
    ours, python = Lambda(text), eval(text)  # the test's own texts
    for triple in [(1, 2, 3), (3, 2, 1), (0, 0, 0), (-4, 5, 9), (2, 4, 8), (3, 4, 5), (7, 7, 1), (6, 3, 3)]:
        assert ours(*triple) == python(*triple), triple
    if "<<" not in text and "~" not in text:
        for floats in [(0.2, 0.5, 0.9), (1.5, -2.25, 3.75), (4.0, 9.0, 16.0)]:
            assert ours(*floats) == python(*floats), floats


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "lambda x, y: x", "lambda x, y, z, w: x", "lambda x, y, z=1: x", "lambda *x: x", "lambda x, x, y: x",
        "lambda x, y, z: __import__('os').system('true')", "lambda x, y, z: x.__class__.__base__", "lambda x, y, z: open(x)",
        "lambda x, y, z: (lambda a: a)(x)", "lambda x, y, z: 'a'", "lambda x, y, z: f'{x}'", "lambda x, y, z: eval(x)",
        "lambda x, y, z: [0] * 10**9", "lambda x, y, z: (y := x)", "lambda x, y, z: max(x, y, key=lambda a: a)",
        "lambda x, y, z: math.factorial(x)", "lambda x, y, z: x[1:]", "lambda x, y, z: print(x)", "lambda x, y, z: {x: y}",
        "lambda x, y, z: " + "(" * 300 + "x" + ")" * 300, "lambda x, y, z: " + "-" * 1800 + "x",
        "lambda x, y, z: x" + " + x" * 480, "lambda x, y, z: " + "9" * 1900,
        "lambda x, y, z: x" + " " * 3000 + "+ y", "lambda x, y, z: \0", "lambda x, y, z: \ud800", "import os",
    ],
)  # fmt: skip
def test_everything_else_is_refused_when_it_is_read(text: str) -> None:
    with pytest.raises(BadLambda):
        Lambda(text)(1, 2, 3)


@pytest.mark.parametrize(
    "body",
    [
        "9 ** 9 ** 9", "2 ** 5000", "1 << 10 ** 9", "sum(range(10 ** 9))", "round(5, -10 ** 9)", "x in range(10 ** 12)",
        "all(all(all(1 for a in range(9999)) for b in range(9999)) for c in range(9999))",
        "all(sum(sorted(list(range(9999)))) for a in range(9999))", "pow(9, 9 ** 9)", "(9 ** 99) ** 99",
    ],
)  # fmt: skip
def test_bounds(body: str) -> None:
    started = time.process_time()
    with pytest.raises(BadLambda):
        Lambda(f"lambda x, y, z: {body}")(1.0, 2.0, 3.0)
    assert time.process_time() - started < 20


@settings(max_examples=150, deadline=None)
@for_all(st.text(alphabet="xyz0129.+-*/%()<>=! andornot[],ifelserange:lambda", max_size=80))
def test_no_text_breaks_the_evaluator(text: str) -> None:
    found = compare(LITE[0], f"lambda x, y, z: {text}") if len(text) < 12 else None
    assert found is None or 0 <= found.share <= 1
    with contextlib.suppress(BadLambda):
        Lambda(f"lambda x, y, z: {text}")


# -- rules and scoring ------------------------------------------------------------------------------------------------
def test_the_rules() -> None:
    assert len(FULL) == 50
    assert len(LITE) == 10
    assert len(consistent([])) == 45, "six sums are written twice or three times"
    assert set(FULL) | set(LITE) == {*FULL, "x < y and y > z"}


def test_every_rule_but_the_constant_one_and_its_partial_points() -> None:
    for text in FULL:
        floats, grid = truth(text)
        base = sum(grid) / len(grid)
        found = compare(text, FALSE)
        assert not found.correct
        assert found.share == pytest.approx(1 - base)
        assert points(found, 0) == int(400 * (1 - base))
        assert 0 < sum(floats) + sum(grid) < 78_921
    floats, grid = truth(FULL[47])
    assert sum(grid) == 0, "rule 48 is true only on floats"
    assert sum(floats) / len(floats) == pytest.approx(1 / 6, abs=0.02)


def test_points_and_close_guesses() -> None:
    right = compare("x < y < z", "lambda a, b, c: c > b > a")
    assert right.correct
    assert points(right, 0) == 1100
    assert points(right, 3) == pytest.approx(1090)
    assert points(right, TESTS) == 1000
    close = compare("x < y < z", "lambda x, y, z: x <= y <= z")
    assert not close.correct
    assert close.phi > 0.9
    assert compare("x + y == z", FALSE).phi == 0
    assert compare("x + y == z", FALSE).share > 0.97, "agreement alone would call this close"
    assert compare("x < y", "lambda x, y, z: x / 0").fault == "ZeroDivisionError when evaluated"
    assert compare("x < y", "lambda x, y, z: x ** 0.5 < y").fault == "TypeError when evaluated"
    assert compare("x < y", "nonsense").fault
    assert not compare("x < y", "lambda x, y, z: 5 if x < y else 0").correct, "a value must equal the rule's"


# -- the world --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("reply", "triple"),
    [
        ("I think.\nTest Case: ```(1, 2, 3)```", (1.0, 2.0, 3.0)),
        ("Test Case: `(-1.5,+2,.5)`", (-1.5, 2.0, 0.5)),
        ("test case: ```(1,2,3)``` Final Guess: ```lambda x,y,z: x```", (1.0, 2.0, 3.0)),
        ("Test Case: ```(1e3, 2, 3)```", None),
        ("Test Case: ```(1, 2)```", None),
        ("Test Case: ```1, 2, 3```", None),
        ("Test Case: ```(" + "9" * 400 + ", 2, 3)```", None),
    ],
)
def test_reading_tests(reply: str, triple: Triple | None) -> None:
    world = HiddenRule("x < y < z")
    action = world.parse(reply)
    assert action == Trial(triple)
    step = world.step(Trial(triple))
    assert step.valid is (triple is not None)
    assert len(world.tests) == (triple is not None)


def test_reading_guesses_and_faults() -> None:
    world = HiddenRule("x < y < z")
    assert world.parse("Final Guess: ```lambda x,y,z: x<y```") == Guess("lambda x,y,z: x<y")
    assert world.parse("FINAL GUESS:\n```python\nlambda x, y, z: x<y\n```") == Guess("lambda x, y, z: x<y")
    assert world.parse("Final Guess: lambda x,y,z: x<y") == Guess("")
    assert isinstance(world.parse("Test Case: (1, 2, 3)"), Misread)
    assert isinstance(world.parse(""), Misread)
    assert isinstance(world.parse("\x00" * 500_000), Misread)
    assert world.step(Guess("")).stop == "format error"


def test_no_tests_after_the_thirtieth() -> None:
    world = HiddenRule("x < y < z")
    for i in range(TESTS):
        assert world.step(Trial((float(i), 2.0, 3.0))).valid
    late = world.step(Trial((1.0, 2.0, 3.0)))
    assert not late.valid
    assert not late.done
    assert len(world.tests) == TESTS


# -- players with known scores ----------------------------------------------------------------------------------------
def values(store: Path, model: object, settings: tuple[str, ...] = ("multi",), **options: str) -> dict[tuple[str, str], float]:
    found = multiturn.evaluate(Wilt(**options), model=model, settings=settings, store=store)  # type: ignore[arg-type]
    return {(f.measure, f.setting or ""): f.value or 0.0 for f in found.figures if f.kind == "mean" and f.group is None}


def test_the_solver_finds_all_rules_and_the_oracle_has_full_points(tmp_path: Path) -> None:
    found = values(tmp_path / "s.db", solver, ("multi", "given"))
    assert found["correct", "multi"] == found["correct", "given"] == 1
    assert found["novelty", "multi"] == found["narrowed", "multi"] == 1
    assert 4 < found["tests", "multi"] < 7
    assert found["points", "multi"] == pytest.approx(1100 - 100 / 30 * found["tests", "multi"])
    assert values(tmp_path / "g.db", "gold") | {("tests", "multi"): 0, ("narrowed", "multi"): 0} == {
        ("correct", "multi"): 1, ("approximate", "multi"): 1, ("points", "multi"): 1100, ("tests", "multi"): 0,
        ("narrowed", "multi"): 0,
    }  # fmt: skip


def test_each_test_costs_and_repeats_are_counted(tmp_path: Path) -> None:
    case = next(iter(Wilt(split="lite").cases()))

    def repeating(chat: Conversation) -> str:
        return "Test Case: ```(3, 2, 1)```" if len(chat) < 8 else f"Final Guess: ```lambda x, y, z: {case.rule}```"

    def never(chat: Conversation) -> str:
        return "Test Case: ```(1, 2)```"

    class One(Wilt):
        def cases(self):  # type: ignore[no-untyped-def]
            return iter([case])

    found = multiturn.evaluate(One(split="lite"), model=repeating, store=tmp_path / "r.db")
    assert found.figure("points").value == pytest.approx(1090)
    assert found.figure("novelty").value == pytest.approx(1 / 3)
    (talk,) = multiturn.evaluate(One(split="lite"), model=never, store=tmp_path / "n.db").conversations()
    assert len(talk.chat.turns) == HiddenRule.patience + 1, "it ends"
    assert {v.measure: v.value for v in talk.verdicts}["points"] == 0
    every_other = multiturn.evaluate(
        One(split="lite"), model=lambda chat: "Test Case: ```(1,2,3)```" if len(chat) % 4 else "hm", store=tmp_path / "o.db"
    )
    (talk,) = every_other.conversations()
    assert sum(m.role == "assistant" for m in talk.chat.messages) == HiddenRule.cap, "a mandatory cap"
    aborted = multiturn.evaluate(One(split="lite"), model=lambda chat: "Test Case: (1,2,3)", store=tmp_path / "a.db")
    (talk,) = aborted.conversations()
    assert [m.role for m in talk.chat.messages] == ["system", "user", "assistant", "user", "assistant"], "two in a row"


def test_the_same_transcript_and_the_same_guess_score_the_same(tmp_path: Path) -> None:
    file = tmp_path / "tests.json"
    file.write_text(json.dumps({str(n): [list(t) for t in solver_tests(r)] for n, r in enumerate(LITE, 1)}))
    own = values(tmp_path / "a.db", solver, ("multi",), split="lite")
    swapped = values(tmp_path / "b.db", solver, ("given",), split="lite", tests=str(file))
    other = values(tmp_path / "c.db", lambda chat: solver(chat), ("given",), split="lite", tests=str(file))
    assert own["points", "multi"] == pytest.approx(swapped["points", "given"])
    assert swapped == other
    world = HiddenRule("x < y < z", closed=True)
    chat = given(Conversation(), world, [(1.0, 2.0, 3.0)])
    assert "(1, 2, 3) gives True" in chat.turns[-1].user.text  # type: ignore[union-attr]
    assert world.step(Trial((1.0, 2.0, 3.0))).valid is False


def test_bad_options(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="full or lite"):
        list(Wilt(split="medium").cases())
    for text in ("[1]", '{"0": [[1,2,3]]}', '{"1": [[1,2]]}', "{", '{"a": 1}', json.dumps({"1": [[1, 2, 3]] * 31})):
        (tmp_path / "t.json").write_text(text)
        with pytest.raises(DataError):
            _told(str(tmp_path / "t.json"), 50)
    with pytest.raises(DataError, match="cannot read"):
        _told(str(tmp_path / "none.json"), 50)
    assert isinstance(next(iter(Wilt().cases())), WiltCase)
