"""BotChat: seeds, self-talk's layout, the three judge protocols with scripted players, released formats, published table."""

from __future__ import annotations

import asyncio
import csv
import json
import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from multiturn import evaluate
from multiturn.conversation import CallError, ContextOverflow, Conversation, DataError, Player
from multiturn.engine.data import DataFolder
from multiturn.judges.parse import Parsed
from multiturn.measures.figure import Figure
from multiturn.measures.ratings import bradley_terry, elo
from multiturn.measures.verdict import Row, Table
from multiturn.protocols.selftalk import Talk, layout, selftalk
from multiturn.systems.judge import botchat_released as released
from multiturn.systems.judge.botchat import BotChat, Seed
from multiturn.systems.judge.botchat_judge import Outlook, compared, first_machine, outlook

HISTOGRAM = {2: 229, 3: 96, 4: 55, 5: 22, 6: 26, 7: 23, 8: 19, 9: 16, 10: 21, 11: 18, 12: 7, 13: 7, 14: 3, 15: 5}
Say = Callable[[Conversation], str]


@pytest.fixture
def made(data_root: Path) -> BotChat:
    if not (data_root / "botchat").is_dir():
        pytest.skip("no BotChat data")
    return BotChat(DataFolder(data_root))


@pytest.fixture
def run(made: BotChat, tmp_path: Path) -> Callable[..., list[Figure]]:
    def go(model: Say | str, setting: str, benchmark: BotChat | None = None, **options: Any) -> list[Figure]:
        return list(evaluate(benchmark or made, model, settings=[setting], store=tmp_path / "s.db", **options).figures)

    return go


def one(figures: list[Figure], measure: str) -> Figure:
    (found,) = [f for f in figures if f.measure == measure and f.group is None]
    return found


# -- data -------------------------------------------------------------------------------------------------------------
def test_the_seeds(made: BotChat) -> None:
    seeds = [case for case in made.cases() if isinstance(case, Seed)]
    assert len(seeds) == 547
    assert Counter(len(seed.utterances) for seed in seeds) == HISTOGRAM
    assert sum(bool(list(made.views(seed, "gt"))) for seed in seeds) == 222
    assert all(list(made.views(seed, "uni")) for seed in seeds)


def test_the_published_table_is_the_leaderboard(made: BotChat, data_root: Path) -> None:
    published = {(p.model, p.measure): p.value for p in BotChat.published}
    with (data_root / "botchat" / "leaderboard.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["Model"] for row in rows} == {model for model, _ in published}
    for row in rows:
        name = row["Model"]
        assert published[name, "pass@16"] * 100 == pytest.approx(float(row["Uni_Eval_16"]))
        assert published[name, "pass@8"] * 100 == pytest.approx(float(row["Uni_Eval_8"]))
        together = published[name, "win"] + published[name, "tie"]
        assert together * 100 == pytest.approx(float(row["Win_Tie_Rate"]), abs=0.11)
        assert together + published[name, "lose"] == pytest.approx(1, abs=0.0011)


# -- self-talk --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("count", range(1, 17))
def test_the_last_message_is_always_the_users(count: int) -> None:
    chat = layout([str(i) for i in range(count)], "be human")
    roles = [m.role for m in chat.messages]
    assert roles[0] == "system"
    assert roles[-1] == "user"
    assert all({a, b} == {"user", "assistant"} for a, b in pairwise(roles[1:]))
    assert [m.text for m in chat.messages[1:]] == [str(i) for i in range(count)]


def speaker(name: str, seen: list[Conversation], fits: int = 100, says: Callable[[int], str] | None = None) -> Player:
    async def speak(chat: Conversation) -> Conversation:
        seen.append(chat)
        if len(chat) - 1 > fits:
            raise ContextOverflow("full")
        return chat.assistant(says(len(chat)) if says else f"{name}{len(seen)} ")

    return speak


def talk(*args: Any, **options: Any) -> Talk:
    return asyncio.run(selftalk(*args, **options))


def test_two_speakers_each_see_their_own_side() -> None:
    a: list[Conversation] = []
    b: list[Conversation] = []
    found = talk((speaker("a", a), speaker("b", b)), ["x", "y"], 7, systems=("you are A", "you are B"))
    assert found.utterances == ("x", "y", "a1", "b1", "a2", "b2", "a3")
    assert found.stop == ""
    assert [len(c) for c in a] == [3, 5, 7]  # system, then utterances
    assert {c.system_text for c in a} == {"you are A"}
    assert {c.system_text for c in b} == {"you are B"}
    for chat in (*a, *b):
        shown = [m.text.strip() for m in chat.messages[1:]]
        assert chat == layout(shown, chat.system_text) or " " in "".join(m.text for m in chat.messages)
        assert chat.messages[-1].role == "user"
        assert shown == list(found.utterances[: len(shown)])
    # Each view goes on from the speaker's own last one: a shared prefix.
    assert a[1].parent is not None
    assert a[1].parent.parent == a[0]
    assert found.chat.reply.strip() == "a3"


def test_a_talk_that_no_longer_fits_forgets_its_beginning() -> None:
    seen: list[Conversation] = []
    me = speaker("s", seen, fits=4)
    found = talk((me, me), ["x", "y"], 8, systems=("s", "s"))
    assert len(found.utterances) == 8
    assert max(len(c) - 1 for c in seen if len(c) - 1 <= 4) == 4
    tight = speaker("s", [], fits=-1)
    assert talk((tight, tight), ["x", "y"], 8) == Talk(("x", "y"), layout(["x", "y"]), "context limit")


def test_silence_ends_a_talk_and_failures_are_raised() -> None:
    quiet = speaker("q", [], says=lambda n: "  " if n >= 4 else "hm")
    found = talk((quiet, quiet), ["x", "y"], 16)
    assert (found.utterances, found.stop) == (("x", "y", "hm", "hm"), "format error")

    async def broken(chat: Conversation) -> Conversation:
        raise CallError("down")

    with pytest.raises(CallError):
        talk((broken, broken), ["x", "y"], 4)
    with pytest.raises(ValueError, match="opening"):
        talk((broken, broken), [], 4)


# -- judged -----------------------------------------------------------------------------------------------------------
def lines(chat: Conversation, tag: str = "conversation") -> list[str]:
    found = re.search(rf"<{tag}>\n(.*?)\n</{tag}>", chat.messages[0].text, re.S)
    assert found is not None
    return [line.partition(": ")[2] for line in found[1].splitlines()]


def repeats(chat: Conversation) -> str:
    said = lines(chat)
    # The human opening of one seed repeats itself.
    again = next((i for i, text in enumerate(said, 1) if i > 2 and text in said[: i - 1]), None)
    if again is None:
        return '{"reason": "fluent", "choice": "No", "index": null}'
    return f'{{"reason": "it repeats itself", "choice": "Yes", "index": {again}}}'


def parrot(chat: Conversation) -> str:
    """New things up to the eighth utterance, the same ones from the ninth on."""
    at = len(chat)  # system and all before: the number of this utterance
    return f"utterance {at if at < 9 else 8}"


def test_pass_rates_of_a_bot_that_repeats_itself(run: Callable[..., list[Figure]]) -> None:
    figures = run(parrot, "uni", judge=repeats, limit=40)
    assert [one(figures, f"pass@{n}").value for n in (4, 8, 12, 16)] == [1, 1, 0, 0]
    assert one(figures, "pass@16").n_cases == 40
    assert one(figures, "words").value == 2


def test_uni_without_a_judge_and_with_an_unclear_one(run: Callable[..., list[Figure]], data_root: Path) -> None:
    assert one(run(parrot, "uni", limit=2), "pass@8").n_unmeasured == 2
    vague = run(parrot, "uni", judge=lambda chat: "Choice: Yes\nIndex: None", limit=2)
    assert (one(vague, "pass@8").value, one(vague, "pass@8").n_unmeasured) == (None, 2)
    official = BotChat(DataFolder(data_root), official=True)
    assert one(run(parrot, "uni", official, judge=lambda chat: "Choice: Yes\nIndex: None", limit=2), "pass@16").value == 1


def test_a_model_that_falls_silent_fails_from_there_on(run: Callable[..., list[Figure]]) -> None:
    figures = run(lambda chat: "hello" if len(chat) < 9 else "", "uni", judge=lambda chat: "Choice: No", limit=3)
    assert [one(figures, f"pass@{n}").value for n in (4, 8, 12, 16)] == [1, 1, 0, 0]
    assert [one(figures, f"pass@{n}").n_failed for n in (8, 12)] == [0, 3]


def test_beside_the_human_dialogue(run: Callable[..., list[Figure]]) -> None:
    """A judge that spots the parrot: it loses in both orders; one that names a place: as often one as the other."""
    asked = []

    def spots(chat: Conversation) -> str:
        asked.append(chat)
        machine = [i for i in (1, 2) if any("utterance " in line for line in lines(chat, f"conversation-{i}"))]
        assert len(lines(chat, "conversation-1")) == len(lines(chat, "conversation-2"))
        return f'{{"choice": "Conversation {machine[0]}"}}'

    figures = run(parrot, "gt", judge=spots, limit=6)
    assert (one(figures, "score").value, one(figures, "lose").value, one(figures, "not_bad").value) == (-3, 1, 0)
    assert one(figures, "score").n_scored == len(asked) == 2 * one(figures, "score").n_cases
    assert "Exactly one" in asked[0].messages[0].text
    placed = run(parrot, "gt", judge=lambda chat: "Choice: Conversation 1", limit=6)
    assert (one(placed, "win").value, one(placed, "lose").value, one(placed, "score").value) == (0.5, 0.5, 0)
    both = run(parrot, "gt", judge=lambda chat: "Choice: Neither", limit=6)
    assert (one(both, "tie").value, one(both, "not_bad").value, one(both, "score").value) == (1, 1, 1)
    assert one(both, "rating").value == 1000
    gold = run("gold", "gt", judge=lambda chat: "Choice: Both", limit=6)
    assert (one(gold, "score").value, one(gold, "not_bad").value) == (-1, 0)


def test_the_arena(run: Callable[..., list[Figure]]) -> None:
    def sincere(chat: Conversation) -> str:
        machine = [i for i in (1, 2) if "robot" in " ".join(lines(chat, f"conversation-{i}"))]
        return json.dumps({"choice": {(): "Neither", (1,): "Conversation 1", (2,): "Conversation 2"}.get(tuple(machine), "Both")})

    figures = run(parrot, "arena-8", user=lambda chat: "I am a robot", judge=sincere, limit=6)
    assert one(figures, "win").value == 1
    assert one(figures, "rating").value is None  # never lost
    even = run(parrot, "arena-16", user=lambda chat: f"talk {len(chat)}", judge=sincere, limit=6)
    assert (one(even, "tie").value, one(even, "rating").value) == (1, 1000)
    alone = run(parrot, "arena-8", judge=sincere, limit=2)
    assert one(alone, "score").n_unmeasured == 2


def test_a_second_speaker(run: Callable[..., list[Figure]], data_root: Path) -> None:
    heard: list[str] = []

    def judge(chat: Conversation) -> str:
        heard.extend(lines(chat))
        return "Choice: No"

    run(lambda chat: "one", "uni", BotChat(DataFolder(data_root), partner=True), user=lambda chat: "two", judge=judge, limit=1)
    assert heard[2:6] == ["one", "two", "one", "two"]


# -- reading ----------------------------------------------------------------------------------------------------------
def test_reading_the_judges() -> None:
    def value(text: str, **options: Any) -> int | None:
        found = first_machine(text, **options)
        return found.value if isinstance(found, Parsed) else None

    assert value("Choice: Yes\nIndex: 5\nReason: long") == 4
    assert value("**Choice:** No\n**Index:** None") == 16
    assert value('{"choice": "yes", "index": "3"}') == 2
    assert value("Choice: No\nIndex: 5") == 16
    assert value("Choice: No\nIndex: 5", official=True) == 4
    for text in (
        "Choice: Yes\nIndex: 17",
        "Choice: Yes\nIndex: 0",
        "Choice: Yes",
        "Choice: maybe",
        "",
        "Index: 3",
        "x" * 200_000,
    ):
        assert value(text) is None, text[:20]
    assert value("Choice: Yes\nIndex: 9", spoken=8) is None
    seen = [outlook(f"Choice: {c}") for c in ("Conversation 1", "conversation 2.", "Both", "NEITHER", "Conversation 3", "")]
    assert [found.value if isinstance(found, Parsed) else None for found in seen] == [
        "lose",
        "win",
        "neither",
        "both",
        None,
        None,
    ]


# -- released formats -------------------------------------------------------------------------------------------------
def test_the_score_from_the_counts_of_the_published_row() -> None:
    """GPT-4 beside people: 117 wins, 119 losses, 208 ties that both look human, of 444: 0.45495, and 73.2 % not bad."""
    counts: dict[Outlook, int] = {"win": 117, "lose": 119, "both": 208, "neither": 0}
    rows = []
    for i, found in enumerate(f for f, n in counts.items() for _ in range(n)):
        for v in compared(found, f"human/{i}"):
            assert v.value is not None
            rows.append(Row(f"s{i % 222}", f"s{i % 222}", "gt", 0, "", 0, v.item, v.measure, v.value, 0, ""))
    found = {f.measure: f for make in BotChat.figures for f in make(Table.of(rows))}
    assert found["score"].value == pytest.approx(0.45495, abs=5e-6)
    assert found["not_bad"].value == pytest.approx(0.732, abs=0.0005)
    assert (found["win"].value, found["lose"].value) == (pytest.approx(0.264, abs=0.0005), pytest.approx(0.268, abs=0.0005))
    assert found["score"].n_cases == 222


def table(path: Path, header: str, rows: list[tuple[str, ...]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter="\t").writerows([header.split(), *rows])
    return path


def test_released_tables(tmp_path: Path) -> None:
    uni = table(tmp_path / "UniEval.tsv", "model index gpt4", [
        ("m", "MT-1", "Choice: Yes\nIndex: 9\nReason: …"), ("m", "MT-2", "Choice: No\nIndex: None"), ("m", "MT-3", "Choice: Yes"),
        ("GT", "MT-1", "Choice: Yes\nIndex: 3"),
    ])  # fmt: skip
    tables = released.uni_eval(uni)
    found = {f.measure: f.value for make in BotChat.figures for f in make(tables["m"])}
    assert (found["pass@8"], found["pass@12"]) == (1, pytest.approx(2 / 3))  # without an index all pass, as released
    assert tables["GT"].where(measure="pass@4").value.tolist() == [0]
    met = table(tmp_path / "GTEval.tsv", "cmp_index A B gpt4", [
        ("MT-1;GT;m", "GT", "m", "Choice: Conversation 2"), ("MT-1;m;GT", "m", "GT", "Choice: Neither"),
        ("MT-2;m;k", "m", "k", "Choice: Conversation 1"), ("MT-2;m;k", "m", "k", "Choice: Both"), ("MT-3;m;GT", "m", "GT", "?"),
    ])  # fmt: skip
    gt = released.gt_eval(met)
    score = gt["m"].where(measure="score")
    assert score.value[:4].tolist() == [-3, 1, -3, -1]
    assert (score.status == 2).sum() == 1
    matrix = released.pair_matrix(met)
    assert matrix["m", "k"] == {"lose": 1, "neither": 1}  # no win: counted all the same
    assert matrix["GT", "m"] == {"win": 1}
    fought = released.arena(met)
    assert fought.won.tolist() == [1, 0.5, 0, 0.5]
    assert elo(fought, k=32).sum() == pytest.approx(3000)
    rating = dict(zip(fought.players, bradley_terry(fought).rating, strict=True))
    assert rating["GT"] > rating["m"]
    assert rating["k"] > rating["m"]
    with pytest.raises(DataError, match="no column gpt4"):
        released.uni_eval(table(tmp_path / "bad.tsv", "model index", []))
    with pytest.raises(DataError, match="cmp_index"):
        released.gt_eval(table(tmp_path / "bad.tsv", "cmp_index gpt4", [("MT-1;m", "")]))


def test_bad_seeds(tmp_path: Path) -> None:
    (tmp_path / "botchat").mkdir()
    path = tmp_path / "botchat" / "mutual_test_seeds.jsonl"
    for text, why in (('{"index": "MT-1", "conv_gt": ["one"]}', "two utterances"), ("[]", "line 1"), ("{", "line 1")):
        path.write_text(text)
        with pytest.raises(DataError, match=why):
            list(BotChat(DataFolder(tmp_path)).cases())
