"""meena-ssa: the released layout, the gate, known bots under known labellers, raters, FED's proxy, stored conversations."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importing import jsonl
from inprocess import Command, command
from multiturn import evaluate
from multiturn.conversation import Conversation, DataError, InputError
from multiturn.engine.data import DataFolder
from multiturn.judges.items import PointItem
from multiturn.measures.figure import Figure
from multiturn.systems.catalogue import CATALOGUE, Entry
from multiturn.systems.judge.meena_ssa import ASKS, UNGATED, MeenaSSA
from multiturn.systems.judge.meena_ssa_fed import fed_proxy
from multiturn.systems.judge.meena_ssa_items import FILES, SENSIBLE, bundled, gated, ssa, talks

Judge = Callable[[Conversation], str]
Found = dict[tuple[str, str | None, str | None], Figure]
YES, NO = '{"reason": "-", "answer": "yes"}', '{"reason": "-", "answer": "no"}'

LAYOUT = """Bot Conversation 1
Human: Hi!
Bot: Hello: how are you?
Human: Fine.
Human: And you?
Bot: Same.
and still the same

Bot Conversation 2
Human: Hi
Bot:
Human: bye
Bot: bye
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Found]:
    def go(judge: Judge | str, *settings: str, **options: Any) -> Found:
        store = tmp_path / f"{random.random()}.db"
        found = evaluate(MeenaSSA(DataFolder(offline=True), **options), judge, settings=settings, store=store)
        return {(f.measure, f.setting, f.group): f for f in found.figures}

    return go


def asks_sensible(chat: Conversation) -> bool:
    return ASKS[SENSIBLE] in chat.messages[0].text


def reply_in(chat: Conversation) -> str:
    found = re.search(r"<answer>\n(.*?)\n</answer>", chat.messages[0].text, re.S)
    assert found
    return found[1]


# -- the layout -----------------------------------------------------------------------------------------------------------
def test_the_released_layout(tmp_path: Path) -> None:
    path = tmp_path / "bot.txt"
    path.write_text(LAYOUT)
    found = list(talks(path))
    assert [t.id for t in found] == ["Bot Conversation 1", "Bot Conversation 2"]
    assert {t.bot for t in found} == {"Bot"}
    assert found[0].said == (
        ("user", "Hi!"), ("assistant", "Hello: how are you?"), ("user", "Fine.\nAnd you?"),
        ("assistant", "Same.\nand still the same"),
    )  # fmt: skip
    items = [i for i in MeenaSSA(DataFolder(offline=True), on=str(path)).cases() if isinstance(i, PointItem)]
    assert len({i.id for i in items}) == len(items) == 4
    assert [len(i.turns) for i in items] == [1, 3, 1, 3]
    assert {i.label for i in items} == {None}


def test_between_two_people_the_second_is_judged(tmp_path: Path) -> None:
    path = tmp_path / "human.txt"
    path.write_text("Human Conversation 1\nHuman 1: Hi!\nHuman 2: Hello\nHuman 1: How are you?\nHuman 2: Fine\n")
    (talk,) = talks(path)
    assert talk.bot == "Human 2"
    assert [role for role, _ in talk.said] == ["user", "assistant"] * 2


@pytest.mark.parametrize(("text", "wrong"), [
    ("", "no conversations"), ("Human: Hi!\n", "line 1: a conversation begins"),
    ("Bot Conversation 1\nwords\n", "line 2: a line is"),
    ("Bot Conversation 1\nHuman: Hi!\n\n", "1 speakers"), (LAYOUT + LAYOUT, "second `Bot Conversation 1`"),
])  # fmt: skip
def test_files_in_another_layout(tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / "bot.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=re.escape(wrong)):
        list(talks(path))
    with pytest.raises(DataError, match="cannot read"):
        list(talks(tmp_path / "none.txt"))


@given(st.text(max_size=300))
def test_no_file_crashes_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "a.txt"
    path.write_text(f"Bot Conversation 1\n{text}", encoding="utf-8", errors="replace")
    try:
        for talk in talks(path):
            roles = [role for role, _ in talk.said]
            assert all(a != b for a, b in pairwise(roles))
    except DataError:
        pass


@pytest.mark.parametrize("name", FILES)
def test_the_released_files(data_root: Path, name: str) -> None:
    path = data_root / "meena-ssa" / name
    if not path.is_file():
        pytest.skip(f"no {name}")
    found = list(talks(path))
    assert 80 <= len(found) <= 110
    assert all(len(t.said) >= 8 for t in found)
    if name == "meena.txt":
        assert len(found[0].said) == 22


# -- the score --------------------------------------------------------------------------------------------------------------
def test_the_gate_and_the_mean() -> None:
    assert gated(False, True) == (False, False)
    assert gated(True, False) == (True, False)
    assert ssa(0.8, 0.6) == pytest.approx(0.70)


def test_a_labeller_that_agrees_with_people_is_right_everywhere(run: Callable[..., Found]) -> None:
    found = run("gold", "plain", UNGATED)
    expected = {"attentive": (1, 1, 1), "vague": (1, 0, 0.5), "stray": (0, 0, 0), None: (2 / 3, 1 / 3, 0.5)}
    for bot, values in expected.items():
        said = [found[name, "plain", bot].value for name in ("sensibleness", "specificity", "SSA")]
        assert said == pytest.approx(values)
    assert found["error", "plain", None].value == 0
    assert found["right: sensible", "plain", None].value == found["right: specific", "plain", None].value == 1
    assert found["SSA", "plain", None].n_scored == 48
    assert found["SSA", "plain", None].n_cases == 12


def bot(path: Path, reply: Callable[[str], str]) -> str:
    human = ("I like tea.", "Do you have a dog?", "It is raining here.", "What do you eat?")
    lines = "\n".join(f"Human: {text}\nBot: {reply(text)}" for text in human)
    path.write_text("\n\n".join(f"Bot Conversation {k}\n{lines}" for k in range(3)))
    return str(path)


def oracle(chat: Conversation) -> str:
    """Knows that not knowing makes sense anywhere, and that saying back what was said does not."""
    text = chat.messages[0].text
    echo = f"User: {reply_in(chat)}\n</conversation>" in text
    return NO if echo else YES if asks_sensible(chat) else NO


def test_a_generic_bot_and_an_echo(run: Callable[..., Found], tmp_path: Path) -> None:
    generic = run(oracle, on=bot(tmp_path / "generic.txt", lambda text: "I don't know."))
    assert [generic[m, "plain", None].value for m in ("sensibleness", "specificity", "SSA")] == [1, 0, 0.5]
    echo = run(oracle, on=bot(tmp_path / "echo.txt", lambda text: text))
    assert echo["sensibleness", "plain", None].value == echo["SSA", "plain", None].value == 0


def test_without_the_gate_scores_rise(run: Callable[..., Found]) -> None:
    asked: list[bool] = []

    def labeller(chat: Conversation) -> str:
        asked.append(asks_sensible(chat))
        return NO if asked[-1] else YES

    found = run(labeller, "plain")
    assert found["SSA", "plain", None].value == 0
    assert all(asked)  # what makes no sense is not asked about further
    found = run(labeller, UNGATED)
    assert found["specificity", UNGATED, None].value == 1
    assert found["SSA", UNGATED, None].value == 0.5


def test_raters(run: Callable[..., Found]) -> None:
    draws = random.Random(1)
    calls: list[int] = []

    def noisy(chat: Conversation) -> str:
        """Wrong 15 times in a hundred: a majority of five is in 2.7 (binomial)."""
        item = next(i for i in bundled() if i.answer == reply_in(chat) and i.question in chat.messages[0].text)
        right = item.extra["people"][SENSIBLE if asks_sensible(chat) else "specific"]
        calls.append(1)
        return YES if right != (draws.random() < 0.15) else NO

    one, five = run(noisy, raters=1), run(noisy, raters=5)
    assert len(calls) > 48 * 5
    assert (five["right: sensible", "plain", None].value or 0) > (one["right: sensible", "plain", None].value or 0)
    assert (five["right: sensible", "plain", None].value or 0) >= 0.9
    with pytest.raises(InputError, match="1 to 25"):
        run(noisy, raters=0)


def test_an_even_split_is_no_and_who_cannot_be_read_has_no_vote(run: Callable[..., Found]) -> None:
    def split(said: list[str]) -> Judge:
        """Raters one after the other, on the first question; the second is always a yes."""
        turns: dict[str, int] = {}

        def labeller(chat: Conversation) -> str:
            text = chat.messages[0].text
            if not asks_sensible(chat) or len(chat.messages) > 1:
                return YES if not asks_sensible(chat) else "Hm."
            turns[text] = turns.get(text, -1) + 1
            return said[turns[text]]

        return labeller

    for said, sensible in (([YES, NO], 0), ([YES, YES, NO], 1), ([YES, NO, "Hm."], 0), ([YES, "Hm.", "Hm."], 1)):
        found = run(split(said), raters=len(said))
        assert found["sensibleness", "plain", None].value == sensible, said


def test_replies_that_cannot_be_read_are_not_measured(run: Callable[..., Found]) -> None:
    found = run(lambda chat: "Well, yes and no.")
    assert found["SSA", "plain", None].value is None
    assert found["SSA", "plain", None].n_unmeasured == 48
    assert found["unparsable", "plain", None].value == 1
    half = run(lambda chat: YES if asks_sensible(chat) else "?")
    assert half["sensibleness", "plain", None].value == 1
    assert half["SSA", "plain", None].n_unmeasured == 48


# -- people ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("sensible", ["Coherent", "Understanding"])
@pytest.mark.parametrize("specific", ["Depth", "Informative"])
def test_people_rank_humans_above_meena_above_mitsuku(data_root: Path, sensible: str, specific: str) -> None:
    if not (data_root / "dialogue-evaluators-analysis").is_dir():
        pytest.skip("no FED ratings")
    found = fed_proxy(DataFolder(data_root), sensible, specific)
    assert {bot: p.ssa.n_values for bot, p in found.items()} == {"Meena": 40, "Mitsuku": 44, "Human": 41}
    human, meena, mitsuku = (found[bot].ssa for bot in ("Human", "Meena", "Mitsuku"))
    assert (human.low or 0) > (meena.high or 1)
    assert (meena.low or 0) > (mitsuku.high or 1)
    if (sensible, specific) == ("Coherent", "Informative"):
        assert [round(p.ssa.value or 0, 3) for p in found.values()] == [0.811, 0.570, 0.917]


# -- stored conversations -------------------------------------------------------------------------------------------------
JUDGE = f"""
def labels(chat):
    text = chat.messages[0].text
    answer = text.split("<answer>")[1].split("</answer>")[0]
    yes = "sense" in answer if "make sense at this place" in text else "special" in answer
    return {YES!r} if yes else {NO!r}
"""
ROW = ("judge", "judge, metric", "-", ("plain",), (), "bundled sample", "-", "multiturn.systems.judge.meena_ssa:MeenaSSA")


@pytest.mark.filterwarnings("ignore:'click.utils.PacifyFlushWrapper':DeprecationWarning")
def test_stored_conversations_are_judged_turn_by_turn(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(CATALOGUE, "meena-ssa", Entry("meena-ssa", *ROW))
    run: Command = command(monkeypatch, capsys, tmp_path)
    (tmp_path / "judge.py").write_text(JUDGE)
    said = ["sense", "sense and special", "special", "neither"]
    jsonl(tmp_path / "a.jsonl", {"id": "c", "model": "bot", "messages": [
        message for k, text in enumerate(said)
        for message in ({"role": "user", "content": f"question {k}"}, {"role": "assistant", "content": text})
    ]})  # fmt: skip
    assert run("import", "a.jsonl").code == 0
    done = run("score", "--judge", "script:judge.py:labels", "--measure", "meena-ssa", "--json", "-")
    assert done.code == 0, done.err
    found = {(f["measure"], f["turn"]): f["value"] for f in json.loads(done.out)["figures"] if f["kind"] in ("mean", "turn")}
    assert found["meena-ssa", None] == pytest.approx((0.5 + 1 + 0 + 0) / 4)
    assert [found["meena-ssa", k] for k in (1, 2, 3, 4)] == [0.5, 1, 0, 0]
    assert found["meena-ssa: sensible", None] == 0.5
    assert found["meena-ssa: specific", None] == 0.25
