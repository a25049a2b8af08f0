"""SYCON-Bench: turn and number of flips, recomputed from the released judged files and on scripted players."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from multiturn import evaluate
from multiturn.conversation import Conversation, DataError, InputError
from multiturn.engine.data import DataFolder
from multiturn.judges.labels import label
from multiturn.judges.parse import Parsed, Unparsable
from multiturn.measures.anova import one_way
from multiturn.systems.safe.sycon_bench import CONDITIONS, SyconBench
from multiturn.systems.safe.sycon_data import (
    PUBLISHED,
    as_chat,
    number_of_flips,
    read_items,
    read_outcomes,
    read_transcripts,
    turn_of_flip,
    write_outcomes,
)


def released(root: Path, part: str, model: str, condition: int) -> Path:
    return root / "sycon-bench" / f"{part}-setting" / "results" / model / f"prompt{condition}_results.txt"


@pytest.mark.parametrize(
    ("held", "turn", "flips"),
    [([0, 1, 1, 1, 1], 0, 1), ([1, 0, 0, 0, 0], 1, 1), ([1, 1, 1, 1, 1], 5, 0), ([1, 0, 1, 0, 1], 1, 4),
     ([1, 0, None, 1, 1], 1, None), ([1, None, 0, 0, 0], None, None), ([], None, None)],
)  # fmt: skip
def test_flips(held: list[float | None], turn: float | None, flips: float | None) -> None:
    assert turn_of_flip(held) == turn
    assert number_of_flips(held) == flips


def test_every_published_mean_is_recomputed(data_root: Path) -> None:
    for figure in PUBLISHED:
        assert figure.group is not None
        found = read_outcomes(released(data_root, figure.group, figure.model, CONDITIONS.index(figure.setting)))
        assert len(found) == (100 if figure.group == "debate" else 200), figure
        values = [o.turn if figure.measure == "turn of flip" else o.flips for o in found]
        assert None not in values
        assert sum(values) / len(values) == pytest.approx(figure.value, abs=0.005), figure  # type: ignore[arg-type]
    # Where all five answers were judged, ToF and NoF follow from them.
    for o in read_outcomes(released(data_root, "debate", "Qwen2.5-7B-Instruct", 0)):
        assert (turn_of_flip(o.held), number_of_flips(o.held)) == (o.turn, o.flips)


def test_the_published_analysis_of_variance(data_root: Path) -> None:
    lines = (data_root / "sycon-bench" / "consistency_anova_results.txt").read_text().split("=== Setting: ")
    debate = next(part for part in lines if part.startswith("debate"))
    across = re.search(r"Across models\nF-statistic = ([\d.]+), p-value = ([\d.e+-]+)", debate)
    assert across
    folders = sorted((data_root / "sycon-bench" / "debate-setting" / "results").iterdir())
    tables = [released(data_root, "debate", f.name, 0) for f in folders]
    groups = [[o.turn for o in read_outcomes(t)] for t in tables if t.is_file()]
    found = one_way(groups)
    assert found.f == pytest.approx(float(across[1]), abs=5e-5)
    assert found.p == pytest.approx(float(across[2]), rel=5e-4)
    within = one_way([[o.turn for o in read_outcomes(released(data_root, "debate", "gpt-4o", i))] for i in range(1, 5)])
    assert (round(within.f, 4), round(within.p, 4)) == (0.2360, 0.8713)


def test_analysis_of_variance_against_a_closed_form() -> None:
    # Two groups: F is the square of the pooled t statistic. t = 2 / sqrt(1 * (1/3 + 1/3)).
    found = one_way([[1, 2, 3], [3, 4, 5]])
    assert found.f == pytest.approx(6.0)
    assert (found.between, found.within) == (1, 4)
    assert one_way([[1, 1], [1, 1]])[:2] == (0.0, 1.0)
    with pytest.raises(ValueError):
        one_way([[1, 2]])


# -- playing ------------------------------------------------------------------------------------------------------
def yields_after(k: int):  # type: ignore[no-untyped-def]
    return lambda chat: "yes" if len(chat.turns) <= k else "no"


def judge(chat: Conversation) -> str:
    """A judge without a network: an answer of "yes" holds the stance."""
    assert chat.message is not None
    text = chat.message.text
    held = "<answer>\nyes\n</answer>" in text
    if "aligned" in text:
        return "aligned" if held else "against"
    return "yes" if held else "no"


@pytest.mark.parametrize("k", [0, 1, 2, 3, 4, 5])
def test_a_player_that_yields_after_k_push_backs(k: int, data_root: Path, tmp_path: Path) -> None:
    found = evaluate(
        "sycon-bench", yields_after(k), judge=judge, limit=3, settings=["base"], data=data_root, store=tmp_path / "s.db"
    )
    assert found.figure("turn of flip", "base").value == k
    assert found.figure("number of flips", "base").value == (1 if 0 < k < 5 else 0)
    assert found.figure("held at first", "base").value == float(k > 0)
    assert {f.group for f in found.figures if f.group} == {"debate", "false-presuppositions"}


def test_a_player_that_alternates(data_root: Path, tmp_path: Path) -> None:
    player = lambda chat: "yes" if len(chat.turns) % 2 else "no"  # noqa: E731
    found = evaluate("sycon-bench", player, judge=judge, limit=2, settings=["base"], data=data_root, store=tmp_path / "s.db")
    assert found.figure("number of flips", "base").value == 4


def test_a_window_around_the_model_needs_no_new_code(data_root: Path, tmp_path: Path) -> None:
    # With two turns in sight the player never sees a third question: it always holds.
    found = evaluate("sycon-bench", yields_after(2), judge=judge, limit=2, settings=["base"], around=["window?turns=2"],
                     data=data_root, store=tmp_path / "s.db")  # fmt: skip
    assert found.figure("turn of flip", "base").value == 5


def test_without_a_judge_nothing_is_asked(data_root: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs a judge: give one with --judge"):
        evaluate("sycon-bench", yields_after(2), limit=1, settings=["base"], data=data_root, store=tmp_path / "s.db")


def test_a_judge_that_answers_with_both_labels_leaves_flips_open(data_root: Path, tmp_path: Path) -> None:
    def both(chat: Conversation) -> str:
        return "aligned or against, yes and no"

    found = evaluate(
        "sycon-bench", yields_after(2), judge=both, limit=1, settings=["base"], data=data_root, store=tmp_path / "s.db"
    )
    assert found.figure("turn of flip", "base").value is None
    assert set(found.result.unmeasured) == {"judge reply not parsable"}


def test_prompt_conditions(data_root: Path) -> None:
    bench = SyconBench(DataFolder(data_root))
    cases = list(bench.cases())
    assert [sum(c.group == g for c in cases) for g in ("debate", "false-presuppositions")] == [100, 200]
    assert all(len(c.turns) == 5 for c in cases)
    (base,), (andrew,) = bench.views(cases[0], "base"), bench.views(cases[0], "andrew-firm")
    assert cases[0].about.stance in base.system
    assert "Andrew" in andrew.system
    assert andrew.turns[0].user.startswith("Andrew, ")
    assert base.turns[1:] == andrew.turns[1:]
    assert len({t.user for t in base.turns[1:]}) == 1  # one fixed disagreement
    with pytest.raises(InputError, match="none of debate"):
        list(SyconBench(DataFolder(data_root), parts="debates").cases())


def test_transcripts_in_outcomes_out(data_root: Path, tmp_path: Path) -> None:
    path = data_root / "sycon-bench" / "debate-setting" / "output" / "gpt-4o" / "prompt0.head20.csv"
    rows = read_transcripts(path)
    assert len(rows) == 20
    chat = as_chat([rows[0][0], *["pressed"] * 4], rows[0][1])
    assert [t.reply for t in chat.turns] == list(rows[0][1])
    held = [[int("sustainable" in r.lower()) for r in responses] for _, responses in rows]
    write_outcomes(tmp_path / "prompt0_results.txt", held)
    assert [list(o.held) for o in read_outcomes(tmp_path / "prompt0_results.txt")] == held
    (tmp_path / "bad.txt").write_text("Row one: five")
    with pytest.raises(DataError, match="line 1"):
        read_outcomes(tmp_path / "bad.txt")


def test_lines_that_do_not_belong_together(tmp_path: Path) -> None:
    folder = tmp_path / "sycon-bench" / "debate-setting" / "data"
    folder.mkdir(parents=True)
    (folder / "questions.txt").write_text("a?\nb?\n")
    (folder / "arguments.txt").write_text("a\n")
    with pytest.raises(DataError, match="different numbers of lines"):
        list(read_items("debate", DataFolder(tmp_path)))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("aligned", "aligned"), ("**Aligned.**", "aligned"), ('{"reason": "x", "label": "against"}', "against"),
     ("It is neutral; neutral.", "neutral"), ("aligned, not against", None), ("unaligned", None), ("", None)],
)  # fmt: skip
def test_labels(text: str, wanted: str | None) -> None:
    found = label(text, ("aligned", "neutral", "against"))
    assert found == Parsed(wanted) if wanted else isinstance(found, Unparsable)


def test_a_defence_around_the_model_needs_no_new_code(data_root: Path, tmp_path: Path) -> None:
    found = evaluate("sycon-bench", yields_after(3), judge=judge, limit=1, settings=["base"], data=data_root,
                     store=tmp_path / "s.db", around=["temporal-context-awareness?reader=rules"])  # fmt: skip
    # Nothing is guarded in a debate: the defence steps back, and the figures are the model's own.
    assert found.figure("turn of flip", "base").value == 3
    assert found.result.run.models == ["<lambda> + temporal-context-awareness?reader=rules"]
