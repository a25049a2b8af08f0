"""br-rm: totals of three benchmarks, both turns' form, rewards, judges with known scores, released files, bad input."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn import evaluate
from multiturn.conversation import Conversation, DataError
from multiturn.engine.data import DataFolder
from multiturn.judges.parse import Parsed
from multiturn.learning.episodes import rewards_of
from multiturn.measures.figure import Figure
from multiturn.measures.verdict import Row, Table
from multiturn.systems.judge import sets
from multiturn.systems.judge.br_rm import PUBLISHED, BranchRethink
from multiturn.systems.judge.br_rm_benchmarks import BENCHMARKS, PARTS, SECTIONS, level, whole
from multiturn.systems.judge.br_rm_format import ABILITIES, RETHINK, block, boxed, branched, focus, official_box, reward, sums

LOOKS = "".join(
    f"[Analysis of Response {n}]\n{said}\n[End of Analysis of Response {n}]\n" for n, said in ((1, "fine"), (2, "wrong"))
)
FIRST = f"[Focus]\nlogical reasoning\n[End of Focus]\n{LOOKS}"


def ranked(inside: str) -> str:
    return f"{LOOKS}[Ranking]\n{inside}\n[End of Ranking]"


BOX1, BOX2 = (ranked(f"\\boxed{{{n}}}") for n in (1, 2))
Judge = Callable[[Conversation], str]


def two_turns(first: str, second: str) -> Judge:
    return lambda chat: second if len(chat.turns) > 1 else first


@pytest.fixture
def run(tmp_path: Path, data_root: Path) -> Callable[..., dict[tuple[str, str | None, str | None], Figure]]:
    def go(judge: Judge | str, *settings: str, **options: Any) -> dict[tuple[str, str | None, str | None], Figure]:
        data = options.pop("data", data_root)
        made = BranchRethink(DataFolder(data, offline=True), **options)
        found = evaluate(made, judge, settings=settings or ("plain",), store=tmp_path / f"{random.random()}.db")
        return {(f.measure, f.setting, f.group): f for f in found.figures}

    return go


# -- totals -----------------------------------------------------------------------------------------------------------
def table(values: dict[str, float], measure: str = "accuracy", n: int = 1000) -> Table:
    """Rows whose group means are these shares, with the failures spread evenly."""
    rows = []
    for group, value in values.items():
        right = round(value * n)
        rows += [
            Row(f"{group}/{i}", f"{group}/{i}", "plain", 0, group, 0, "", measure, float(i < right), 0, "") for i in range(n)
        ]
    return Table.of(rows)


def totals(found: Table) -> dict[str | None, float | None]:
    return {f.group: f.value for make in BENCHMARKS for f in make(found)}


def test_published_totals_recompute_from_their_parts() -> None:
    said = {(p.measure, p.group): p.value for p in PUBLISHED}
    sections = {name: said["accuracy", name] for name in SECTIONS}
    found = totals(table({subset: sections[name] for name, section in SECTIONS.items() for subset in section}))
    assert found["RewardBench"] == pytest.approx(0.9205, abs=1e-9)
    for name, value in sections.items():
        assert found[name] == pytest.approx(value)
    domains = {name: said["accuracy", name] for name in ("chat", "math", "code", "safety")}
    assert totals(table(domains))["RM-Bench"] == pytest.approx(0.8585, abs=1e-9)
    levels = [said[name, "RM-Bench"] for name in ("easy", "normal", "hard")]
    assert sum(levels) / 3 == pytest.approx(0.8590, abs=1e-4)
    parts = {part: said["accuracy", whole(part)] for part in PARTS}
    assert totals(table(parts))["RMB"] == pytest.approx(0.74725, abs=1e-9)
    for name, value in (("RewardBench", 0.9205), ("RM-Bench", 0.859), ("RMB", 0.74725)):
        assert said["accuracy", name] == pytest.approx(value, abs=0.000501), name


def test_mathematics_weighs_as_much_as_code() -> None:
    subsets = {subset: 1.0 for section in SECTIONS.values() for subset in section}
    assert totals(table({**subsets, "math-prm": 0.0}, n=10))["Reasoning"] == pytest.approx(0.5)
    assert "RewardBench" not in totals(table({"math-prm": 1.0}, n=10))  # a part is no total


def test_a_list_is_right_only_when_every_pair_is() -> None:
    nan = float("nan")
    rows = [
        Row(f"bon/{uid}/{n}", f"bon/{uid}", "plain", 0, group, 0, "", "accuracy", value, 2 if value != value else 0, "")
        for group in ("helpful BoN", "harmless BoN")
        for uid, values in (
            (f"{group}1", (1, 1)),
            (f"{group}2", (1, 0)),
            (f"{group}3", (1, nan)),
            (f"{group}4", (0, nan)),
        )
        for n, value in enumerate(values)
    ]
    rows += [Row(f"p{i}", f"p{i}", "plain", 0, group, 0, "", "accuracy", 1.0, 0, "") for i in range(4) for group in PARTS[1::2]]
    found = {f.group: f for make in BENCHMARKS for f in make(Table.of(rows))}
    assert found[whole("helpful BoN")].value == pytest.approx(1 / 3)
    assert found[whole("helpful BoN")].n_unmeasured == 1
    assert found["RMB"].value == pytest.approx((1 / 3 + 1) / 2)


def test_levels_of_the_matrix() -> None:
    cells = [[level(right, wrong) for wrong in range(3)] for right in range(3)]
    assert cells == [["normal", "hard", "hard"], ["easy", "normal", "hard"], ["easy", "easy", "normal"]]


# -- form and reward --------------------------------------------------------------------------------------------------
def test_the_form_of_both_turns() -> None:
    assert branched(FIRST) == Parsed(("logical reasoning",))
    assert isinstance(branched(FIRST.replace("\n", "  \r\n")), Parsed)
    for broken in (
        "",
        LOOKS,
        FIRST.replace("logical", "magical"),
        FIRST.replace("\nwrong", ""),
        FIRST.replace("[End of Focus]", ""),
    ):
        assert not isinstance(branched(broken), Parsed), broken
    assert focus("- Logical reasoning\n2. safety awareness") == ("logical reasoning", "safety awareness")
    assert focus("safety awareness, safety awareness") == focus("\n".join(list(ABILITIES)[:4])) == ()
    assert (boxed(BOX1), boxed(BOX2 + "\nmore [Ranking]\n\\boxed{1}\n[End of Ranking]")) == (
        Parsed(1, BOX1), Parsed(2, BOX2 + "\nmore [Ranking]\n\\boxed{1}\n[End of Ranking]"),
    )  # fmt: skip
    for inside in ("\\boxed{1, 2}", "\\boxed{}", "1", "\\boxed{3}", "\\boxed{1} or \\boxed{2}"):
        assert not isinstance(boxed(ranked(inside)), Parsed), inside
    assert not isinstance(boxed("\\boxed{1}"), Parsed)
    assert not isinstance(boxed(BOX1.removeprefix(LOOKS)), Parsed)
    assert boxed(BOX1.removeprefix(LOOKS), whole=False) == Parsed(1, BOX1.removeprefix(LOOKS))
    assert block("[A]\n" * 30_000, "A") is None


def test_rewards() -> None:
    def chat(first: str, second: str) -> Conversation:
        return Conversation().user("q").assistant(first).user(RETHINK).assistant(second)

    assert [reward(chat(FIRST, BOX1), n) for n in (1, 2)] == [0, -1]
    for first, second in ((FIRST, ranked("\\boxed{1, 2}")), (FIRST, ranked("\\boxed{}")), (FIRST, "1"), ("-", BOX1)):
        assert reward(chat(first, second), 1) == -100
    assert reward(Conversation().user("q").assistant(FIRST), 1) == reward(Conversation(), 1) == -100
    official = [
        reward(chat("-", ranked(inside)), 1, official=True) for inside in ("\\boxed{1}", "\\boxed{2}", "7", "1, 2", "none")
    ]
    assert official == [0, -10, -60, -100, -100]
    assert official_box("no ranking") is None


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_has_a_reward(first: str, second: str) -> None:
    chat = Conversation().user("q").assistant(first).user("r").assistant(second)
    assert reward(chat, 1) in (0, -1, -100)
    assert reward(chat, 2, official=True) <= 0
    sums(first)


# -- judges with known scores -----------------------------------------------------------------------------------------
Run = Callable[..., dict[tuple[str, str | None, str | None], Figure]]


def test_the_gold_judge(run: Run) -> None:
    found = run("gold", "plain", "swapped", "relabelled", "one-turn")
    for setting in ("plain", "swapped", "relabelled", "one-turn"):
        assert found["accuracy", setting, None].value == found["correct", setting, None].value == 1, setting
    assert found["reward", "plain", None].value == 0
    assert found["same verdict", "relabelled", None].value == 1
    assert found["part: information accuracy", "plain", None].value == 1


def test_always_one_and_malformed(run: Run) -> None:
    found = run(two_turns(FIRST, BOX1), "plain", "swapped", "relabelled")
    assert found["accuracy", "plain", None].value == 0.5
    assert found["shown first", "plain", None].value == 1
    assert found["shown first", "relabelled", None].value == 0  # the name decides, not the place
    assert found["reward", "plain", None].value == -0.5
    for judge in (two_turns("-", BOX1), two_turns(FIRST, ranked("\\boxed{1, 2}"))):
        found = run(judge)
        accuracy = found["accuracy", "plain", None]
        assert (accuracy.value, accuracy.n_scored) == (0, 0)
        assert accuracy.n_failed >= 12
        assert found["correct", "plain", None].value is None
        assert found["reward", "plain", None].value == -100
    lenient = run(two_turns("-", BOX1), official=True)
    assert lenient["accuracy", "plain", None].value == 0.5
    assert lenient["reward", "plain", None].value == -5
    odd = run(two_turns("-", ranked("7")), official=True)
    assert odd["accuracy", "plain", None].value == 0
    assert odd["reward", "plain", None].value == -55


def test_the_reward_reaches_training(tmp_path: Path) -> None:
    done = evaluate(BranchRethink(DataFolder()), two_turns(FIRST, BOX2), settings=["plain"], limit=4, store=tmp_path / "s.db")
    paid = [rewards_of(e, {}, {"reward": 1.0}) for e in done.conversations()]
    assert sorted(p.total for p in paid if not isinstance(p, str)) == [-1, -1, 0, 0]


def planted(folder: Path, n: int = 40) -> Path:
    """Sums, one of them wrong."""
    path = folder / "sums.jsonl"
    draw = random.Random(1)
    rows = []
    for i in range(n):
        a, b = draw.randint(10, 99), draw.randint(10, 99)
        right, wrong = f"{a} + {b} = {a + b}", f"{a} + {b} = {a + b + draw.randint(1, 9)}"
        first = i % 2 == 0
        rows.append({"id": i, "prompt": f"{a} + {b}?", "first": right if first else wrong, "second": wrong if first else right,
                     "label": "first" if first else "second"})  # fmt: skip
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def shown_sums(chat: Conversation) -> list[bool]:
    """Of each response in the first message, by number, whether its sum is right."""
    text = chat.messages[0].text
    found = {int(n): int(a) + int(b) == int(c) for n, a, b, c in re.findall(r"<response-(\d)>\n(\d+) \+ (\d+) = (\d+)\n", text)}
    return [found[1], found[2]]


def test_judgement_is_not_diffused_over_eight_scores(run: Run, tmp_path: Path) -> None:
    """A judge that looks where the planted flaw is decides right; one that sums eight noisy scores does so less often."""
    on = str(planted(tmp_path))

    def branching(chat: Conversation) -> str:
        right = shown_sums(chat)
        if len(chat.turns) > 1:  # obeys what it wrote in turn 1
            found = block(chat.turns[0].reply, "Analysis of Response 1")
            return BOX1 if found is not None and "none" in found.inside else BOX2
        looks = "".join(
            f"[Analysis of Response {n}]\n{'none identified' if ok else 'the sum is wrong'}\n[End of Analysis of Response {n}]\n"
            for n, ok in enumerate(right, 1)
        )
        return f"[Focus]\ncomputational precision\n[End of Focus]\n{looks}"

    assert run(branching, on=on)["accuracy", "plain", None].value == 1
    means = []
    for seed in range(20):
        draw = random.Random(seed)

        def noisy(chat: Conversation, draw: random.Random = draw) -> str:
            def scores(ok: bool) -> str:
                each = {
                    n: round(min(10, max(1, 6 + (3 * ok if n.startswith("comp") else 0) + draw.gauss(0, 1.5))), 1)
                    for n in ABILITIES
                }
                return json.dumps(each)

            one, two = shown_sums(chat)
            return f'{{"response 1": {scores(one)}, "response 2": {scores(two)}}}'

        means.append(run(noisy, "one-turn", on=on)["accuracy", "one-turn", None].value or 0.0)
    assert 0.55 < sum(means) / 20 < 0.85


# -- released files ---------------------------------------------------------------------------------------------------
@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tuple(
        (name, "pair", name, f"br_rm_benchmarks:{name.replace('-', '_')}") for name in ("rewardbench", "rm-bench", "rmb")
    )
    monkeypatch.setattr(sets, "ROWS", (*sets.ROWS, *rows))


def test_a_judge_that_loves_length(run: Run, registered: None, tmp_path: Path) -> None:
    folder = tmp_path / "rm-bench"
    folder.mkdir()
    styles = ("short", "a longer text", "# a longer text\nin markdown")
    rows = [
        {"id": i, "prompt": "?", "chosen": [f"y {s}" for s in styles], "rejected": [f"n {s}" for s in styles], "domain": domain}
        for domain in ("chat", "math", "code", "safety-refuse", "safety-response") for i in range(10)
    ]  # fmt: skip
    (folder / "total_dataset.json").write_text(json.dumps(rows))

    def longer(chat: Conversation) -> str:
        if len(chat.turns) < 2:
            return FIRST
        one, two = (m for m in re.findall(r"<response-\d>\n(.*?)\n</response-\d>", chat.messages[0].text, re.S))
        return BOX1 if len(one) >= len(two) else BOX2

    found = run(longer, on="rm-bench", data=tmp_path)
    assert found["easy", "plain", "RM-Bench"].value == 1
    assert found["hard", "plain", "RM-Bench"].value == 0
    normal = found["normal", "plain", None]
    assert normal.low is not None
    assert normal.high is not None
    assert normal.low < 0.5 < normal.high
    assert found["accuracy", "plain", None].n_cases == 50
    assert found["accuracy", "plain", "RM-Bench"].value == pytest.approx(0.5, abs=0.08)


def test_rmb_and_rewardbench_files(run: Run, registered: None, tmp_path: Path) -> None:
    for name in ("rmb", "rewardbench"):
        (tmp_path / name).mkdir()
    said = [{"role": "user", "content": "hello", "language": "English"}]
    answers = [{"answer": text, "llm_name": "m", "score": 3} for text in ("good", "bad", "worse")]
    sides = ("Helpfulness/Chat", "Harmlessness/S1")
    shared = [{"conversation_input": said, "category_path": f"set/{side}"} for side in sides]
    pairs = [{**row, "pair_uid": i, "chosen": answers[0], "reject": answers[1]} for i, row in enumerate(shared)]
    lists = [{**row, "bon_uid": i, "bon_best": answers[0], "loser_list": answers[1:]} for i, row in enumerate(shared)]
    (tmp_path / "rmb" / "pairwise.json").write_text(json.dumps(pairs))
    (tmp_path / "rmb" / "bon.json").write_text(json.dumps(lists))
    found = run("gold", on="rmb", data=tmp_path)
    assert found["accuracy", "plain", "RMB"].value == 1
    rows = [{"prompt": "p", "chosen": "a", "rejected": "b", "subset": subset, "id": i}
            for section in SECTIONS.values() for i, subset in enumerate(section)]  # fmt: skip
    path = tmp_path / "rewardbench" / "filtered.json"
    path.write_text(json.dumps(rows))
    assert run("gold", on="rewardbench", data=tmp_path)["accuracy", "plain", "RewardBench"].value == 1
    path.write_text(json.dumps([{**rows[0], "subset": "poetry"}]))
    with pytest.raises(DataError, match="`poetry` is no subset"):
        run("gold", on="rewardbench", data=tmp_path)
    path.write_text("[{}]")
    with pytest.raises(DataError, match="filtered"):
        run("gold", on="rewardbench", data=tmp_path)
