"""In-place feedback: the edit, the continuation, the toy solver against its closed forms, cells, the feedback giver's guard."""

from __future__ import annotations

import asyncio
import json
import math
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import multiturn
from multiturn.conversation import Case, Conversation, InputError, to_openai
from multiturn.measures.verdict import Row, Table
from multiturn.protocols.inplace import Edit, apply_edit, continue_reply, correct, feedback, find_edit, with_reply
from multiturn.systems.game.in_place_feedback import NO_FEEDBACK, InPlaceFeedback, leaks
from multiturn.systems.game.in_place_figures import cell_changes, exact_p, mcnemar, ratio
from multiturn.systems.game.in_place_sample import Item, bundled, cells_of, chain, grid, implied, is_right

ARMS = ("multi", "in-place", "resample", "draft")


class Chains(InPlaceFeedback):
    """Only the chains of the bundled items."""

    def cases(self) -> Iterator[Item]:
        count = self.options["cases"]
        return (item for item in bundled(2 * count, 1, self.options["steps"]) if item.kind == "chain")


# -- the edit ---------------------------------------------------------------------------------------------------------
@given(st.text(max_size=40), st.text(min_size=1, max_size=10), st.text(max_size=40), st.text(max_size=10))
def test_the_edit_keeps_the_prefix_and_cuts_the_rest(before: str, old: str, after: str, new: str) -> None:
    reply = before + old + after
    edit = find_edit(reply, old, new)
    assert edit is not None
    assert edit.start <= len(before)
    kept = apply_edit(reply, edit)
    assert kept == reply[: edit.start] + new
    assert kept.encode("utf-8", "surrogatepass").startswith(reply[: edit.start].encode("utf-8", "surrogatepass"))
    assert len(kept) == edit.start + len(new)
    assert find_edit(reply, old + "\x00☃", new) is None


def test_offsets_with_characters_of_several_bytes() -> None:
    reply = "𝟙 käse ✓ Step 2: 7\nStep 3: 9"
    edit = find_edit(reply, "Step 2: 7", "Step 2: 8")
    assert edit == Edit(9, 18, "Step 2: 7", "Step 2: 8")
    assert apply_edit(reply, edit) == "𝟙 käse ✓ Step 2: 8"
    with pytest.raises(ValueError, match="does not hold"):
        apply_edit("another reply", edit)
    with pytest.raises(ValueError, match="only a reply"):
        with_reply(Conversation().user("hi"), "x")


def test_a_sibling_branch_that_ends_inside_the_open_reply() -> None:
    asked: list[Conversation] = []

    def saying(text: str) -> Callable[[Conversation], object]:
        async def speak(chat: Conversation) -> Conversation:
            asked.append(chat)
            return chat.assistant(text)

        return speak

    question = Conversation.start(system="s").user("q")
    first = question.assistant("Step 1: 3\nStep 2: 9\nStep 3: 1")
    edit = find_edit(first.reply, "Step 2: 9", "Step 2: 5")
    assert edit is not None
    after = asyncio.run(correct(saying("\nStep 3: 7"), question, first, edit, "in-place"))  # type: ignore[arg-type]
    assert after.reply == "Step 1: 3\nStep 2: 5\nStep 3: 7"
    assert after.parent == question
    assert first.reply.endswith("Step 3: 1"), "the other branch is untouched"
    assert asked[-1].parent == question
    assert to_openai(asked[-1])[-1] == {"role": "assistant", "content": "Step 1: 3\nStep 2: 5"}

    open_end = with_reply(first, "Step 1: 3\n")
    for said, whole in (("Step 2: 5", "Step 1: 3\nStep 2: 5"), ("\nStep 2: 5", "Step 1: 3\nStep 2: 5"),
                        ("Step 1: 3\nStep 2: 6", "Step 1: 3\nStep 2: 6")):  # fmt: skip
        assert asyncio.run(continue_reply(saying(said), open_end)).reply == whole  # type: ignore[arg-type]
        assert asked[-1].messages[-1].text == "Step 1: 3", "no white space at the end of what is sent"

    asyncio.run(correct(saying("x"), question, first, edit, "multi"))  # type: ignore[arg-type]
    assert asked[-1].parent == first
    assert "Step 2: 9" in feedback(edit)
    asyncio.run(correct(saying("x"), question, first, edit, "resample"))  # type: ignore[arg-type]
    assert asked[-1] == question
    asyncio.run(correct(saying("x"), question, first, edit, "draft"))  # type: ignore[arg-type]
    assert "Step 2: 5\n</draft>" in asked[-1].messages[-1].text
    assert asked[-1].depth == 2
    whole = Edit(0, 9, "Step 1: 3", "")
    asyncio.run(correct(saying("x"), question, first, whole, "in-place"))  # type: ignore[arg-type]
    assert asked[-1] == question, "nothing is kept: the question again"


# -- the toy solver ---------------------------------------------------------------------------------------------------
def toy(slip: float, ignore: float) -> Callable[[Conversation], str]:
    """Writes a chain line by line, slips at a rate, ignores a told correction at another, continues an open reply."""
    draw = random.Random(11)

    def answer(chat: Conversation) -> str:
        asked = chat.messages[0].text
        steps = re.findall(r"(add|subtract|multiply by) (\d+)", asked)
        value = int(re.search(r"Start with (\d+)", asked)[1])  # type: ignore[index]
        assert chat.message is not None
        have = re.findall(r"Step \d+: (-?\d+)", chat.message.text) if chat.message.role == "assistant" else []
        told = re.search(r"should be:\nStep (\d+): (-?\d+)", chat.message.text) if chat.message.role == "user" else None
        listens = told is not None and draw.random() >= ignore
        lines = []
        for number, (how, by) in enumerate(steps, 1):
            if number <= len(have):
                value = int(have[number - 1])
                continue
            value = value + int(by) if how == "add" else value - int(by) if how == "subtract" else value * int(by)
            if listens and told is not None and int(told[1]) == number:
                value = int(told[2])
            elif draw.random() < slip:
                value += 100_003
            lines.append(f"Step {number}: {value}")
        return ("\n" if have else "") + "\n".join(lines)

    return answer


def test_the_simulation_matches_the_closed_forms(tmp_path: Path) -> None:
    slip, ignore, steps, cases = 0.15, 0.3, 6, 400
    bench = Chains(cases=cases, rounds=1, steps=steps)
    found = multiturn.evaluate(bench, model=toy(slip, ignore), settings=["multi", "in-place"], store=tmp_path / "s.db")

    def expected(in_place: bool) -> float:
        """After one correction, from the place of the first slip."""
        total = (1 - slip) ** steps
        for line in range(1, steps + 1):
            here = (1 - slip) ** (line - 1) * slip
            if line == steps:  # its value would be the answer: it is only said, or cut
                again = (1 - slip) if in_place else (1 - slip) ** steps
            elif in_place:
                again = (1 - slip) ** (steps - line)
            else:
                again = (1 - ignore) * (1 - slip) ** (steps - 1) + ignore * (1 - slip) ** steps
            total += here * again
        return total

    for setting in ("multi", "in-place"):
        first = found.figure("correct", setting, turn=1).value or 0
        assert abs(first - (1 - slip) ** steps) < 3 * math.sqrt(0.25 / cases)
        p = expected(setting == "in-place")
        assert abs((found.figure("correct", setting, turn=2).value or 0) - p) < 3 * math.sqrt(p * (1 - p) / cases)
    assert (found.figure("acceptance", "in-place").value or 0) > 0.98, "only a last step, which is not given, can slip again"
    assert found.figure("preservation", "in-place").value == 1
    assert found.figure("new_errors", "in-place").value == 0
    assert (found.figure("new_errors", "multi").value or 0) > 0.1
    assert (found.figure("acceptance", "multi").value or 1) < 0.95
    share = found.figure("characters ratio")
    assert share.value is not None
    assert share.low is not None
    assert share.low < share.value < 1, "in place costs less"
    assert (found.figure("leaks", "multi").value or 0) == found.figure("leaks", "in-place").value
    assert "exact p" in found.figure("correct McNemar").note


def test_players_with_known_scores(tmp_path: Path) -> None:
    gold = multiturn.evaluate(InPlaceFeedback(cases=6), model="gold", settings=ARMS, store=tmp_path / "g.db")
    assert all(gold.figure("correct", arm).value == 1 for arm in ARMS)
    bench = InPlaceFeedback(cases=6, rounds=9, steps=4)
    answers = {item.question: item.gold for item in bench.cases()}

    def one_more(chat: Conversation) -> str:
        """Only ever writes the next right line after an open reply, and nonsense otherwise: saved by in-place editing alone."""
        text = answers[chat.messages[0].text]
        assert chat.message is not None
        if chat.message.role != "assistant":
            return "I do not know."
        assert text.startswith(chat.message.text)
        return text[len(chat.message.text) :].split("\n")[0] + "\n" + "".join(text[len(chat.message.text) :].split("\n")[1:2])

    found = multiturn.evaluate(bench, model=one_more, settings=["multi", "in-place"], store=tmp_path / "m.db")
    assert found.figure("correct", "multi").value == 0
    assert (found.figure("correct", "in-place", turn=10).value or 0) >= 0.5
    assert found.figure("acceptance", "multi").value == 0


# -- cells ------------------------------------------------------------------------------------------------------------
def test_cells_before_and_after() -> None:
    gold = {"a": "1", "b": "2", "c": "3", "d": "4"}
    before = {"a": "1", "b": "9", "c": "3", "d": "8"}
    assert cell_changes(gold, before, gold, "b", ("c", "d")) == {
        "acceptance": 1, "preservation": 1, "propagation": 1, "new_errors": 0,
    }  # fmt: skip
    after = {"a": "1", "b": "9", "c": "7", "d": "4"}
    assert cell_changes(gold, before, after, "b", ("c", "d")) == {
        "acceptance": 0, "preservation": 0.5, "propagation": 1, "new_errors": 0.5,
    }  # fmt: skip
    assert cell_changes(gold, {}, {"b": "2"}, "b", ()) == {"acceptance": 1}
    assert cell_changes(gold, before, {}, "", ()) == {"preservation": 0, "new_errors": 1}


def test_grids_have_one_solution_and_chains_a_final_value_of_their_own() -> None:
    for i in range(12):
        item = grid(f"g{i}", random.Random(i))
        assert len(item.cells) == 9
        assert is_right(item, item.gold)
        assert not is_right(item, item.gold.replace("House 2", "House 7"))
        assert implied(item, "House 1 pet") == ("House 2 pet", "House 3 pet")
        line = chain(f"c{i}", random.Random(i), 5)
        assert [v for _, v in line.cells].count(line.final) == 1
        assert is_right(line, f"{line.gold}")
        assert implied(line, "Step 3") == ("Step 4", "Step 5")
        assert not any(leaks(line, f"{k}: {v}") for k, v in line.cells[:-1])
        assert leaks(line, line.gold)
    item = chain("c", random.Random(0), 12)
    found = cells_of(item, "Step 1: 4 ... Step 1 : 5\nStep 10: 7 step 2=8")
    assert {key: cell.value for key, cell in found.items()} == {"Step 1": "5", "Step 10": "7", "Step 2": "8"}
    assert cells_of(item, "\x00" * 300_000) == {}
    assert list(bundled(6, 1, 6)) == list(bundled(6, 1, 6))


# -- a model that corrects --------------------------------------------------------------------------------------------
def corrector(bad: str = "") -> Callable[[Conversation], str]:
    """Reads the solution out of the question and copies the first wrong line; says ``bad`` first if given."""

    def speak(chat: Conversation) -> str:
        text = chat.messages[0].text
        if bad and len(chat) == 1:
            return bad
        solution = text.split("<solution>\n")[1].split("\n</solution>")[0].splitlines()
        said = text.split("<answer>\n")[1].split("\n</answer>")[0].splitlines()
        wrong, right = next((a, b) for a, b in zip(said, solution, strict=True) if a != b)
        return json.dumps({"wrong": wrong, "right": right})

    return speak


def slipping(chat: Conversation) -> str:
    """Slips once, in step 2, then computes on from what stands there."""
    calculate = toy(0.0, 0.0)
    assert chat.message is not None
    if chat.message.role == "assistant":
        return calculate(chat)
    lines = calculate(chat).splitlines()
    wrong = Conversation().user(chat.messages[0].text).assistant(f"{lines[0]}\nStep 2: 100007")
    return f"{wrong.reply}{calculate(wrong)}"


@pytest.mark.parametrize(
    "bad", ["", "no JSON", '{"wrong": "not in it", "right": "x"}', '{"wrong": ["3"], "right": {}}', "{" * 50_000]
)
def test_a_model_gives_the_feedback_and_is_asked_twice(bad: str, tmp_path: Path) -> None:
    bench = Chains(cases=3, rounds=1, feedback="model")
    found = multiturn.evaluate(bench, model=slipping, user=corrector(bad), settings=["in-place"], store=tmp_path / "u.db")
    assert found.figure("correct", turn=1).value == 0
    assert found.figure("correct", turn=2).value == 1
    assert found.figure("acceptance").value == 1


def test_a_leak_is_refused_and_counted(tmp_path: Path) -> None:
    def leaking(chat: Conversation) -> str:
        text = chat.messages[0].text
        final = text.split("<solution>\n")[1].split("\n</solution>")[0].splitlines()[-1]
        return json.dumps({"wrong": "Step 2: 100007", "right": f"Step 2: whatever, but {final}"})

    found = multiturn.evaluate(
        Chains(cases=2, rounds=2, feedback="model"), model=slipping, user=leaking, settings=["in-place"], store=tmp_path / "l.db"
    )
    assert found.figure("leaks").value == 2
    assert found.figure("correct", turn=1).value == 0
    lost = found.figure("correct", turn=3)
    assert (lost.n_scored, lost.n_unmeasured) == (0, 2)
    (talk, _) = found.conversations()
    assert {v.cause for v in talk.verdicts if v.measure == "correct" and v.turn == 3} == {NO_FEEDBACK}
    nobody = multiturn.evaluate(Chains(cases=1, rounds=1, feedback="model"), model=slipping, settings=["multi"],
                                store=tmp_path / "n.db")  # fmt: skip
    assert nobody.figure("correct", turn=2).n_unmeasured == 1
    assert "needs --user" in {c for t in nobody.conversations() for c in [t.stopped]}


@pytest.mark.parametrize("reply", ["", "x" * 300_000, "\x00\x01", "Step 1:", "```json\n{", "House 1 color: purple\n" * 200])
@pytest.mark.parametrize("arm", ARMS)
def test_hostile_replies(reply: str, arm: str, tmp_path: Path) -> None:
    found = multiturn.evaluate(InPlaceFeedback(cases=2, rounds=1), model=lambda c: reply, settings=[arm], store=tmp_path / "h.db")
    assert found.figure("correct", turn=2).n_scored + found.figure("correct", turn=2).n_failed == 2
    assert not any(t.stopped for t in found.conversations())


# -- figures ----------------------------------------------------------------------------------------------------------
def test_mcnemar_and_the_ratio() -> None:
    assert exact_p(0, 0) == 1
    assert exact_p(1, 9) == pytest.approx(2 * 11 / 1024)
    assert exact_p(5, 5) == 1
    rows = []
    for i in range(20):
        for setting, right, cost in (("in-place", i < 15, 10.0), ("multi", i < 8 or i == 19, 40.0)):
            rows.append(Row(f"c{i}", f"c{i}", setting, 0, "", 2, "2", "correct", float(right), 0, ""))
            rows.append(
                Row(f"c{i}", f"c{i}", setting, 0, "", 0, "", "characters", cost + (i if setting == "multi" else 0), 0, "")
            )
    table = Table.of(rows)
    (test,) = mcnemar("correct")(table)
    assert test.value == pytest.approx((7 - 1) / 20)
    assert test.note.startswith("7 only in-place, 1 only multi")
    (share,) = ratio("characters")(table)
    assert share.value == pytest.approx(200 / (800 + sum(range(20))))
    assert share.low is not None
    assert share.high is not None
    assert share.low < share.value < share.high
    assert list(mcnemar("correct")(table.where(setting="multi"))) == list(ratio("x")(table)) == []


def test_bad_options() -> None:
    for options in ({"rounds": -1}, {"cases": 0}, {"steps": 1}, {"feedback": "nobody"}):
        with pytest.raises(InputError, match="rounds from 0"):
            list(InPlaceFeedback(**options).cases())
    assert isinstance(next(iter(InPlaceFeedback().cases())), Case)
