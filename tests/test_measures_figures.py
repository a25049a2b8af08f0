"""The figure makers: what they report, in which order, with which counts."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiturn.measures.figure import Figure, Scale
from multiturn.measures.figures import by_turn, mean, multi_turn_cost, standard, survival
from multiturn.measures.verdict import FAILED, SCORED, UNMEASURED, Row, Table


def row(case: str, setting: str, turn: int, value: float | None, *, group: str = "", repeat: int = 0, failed: bool = False,
        measure: str = "accuracy") -> Row:  # fmt: skip
    status = UNMEASURED if value is None else FAILED if failed else SCORED
    number = float("nan") if value is None else value
    return Row(case, case, setting, repeat, group, turn, "", measure, number, status, "" if value is not None else "budget")


def example() -> Table:
    rows = []
    for i in range(12):
        group = "x" if i < 6 else "y"
        for turn in (1, 2, 3):
            rows.append(row(f"c{i}", "single", turn, float((i + turn) % 4 > 0), group=group))
            rows.append(row(f"c{i}", "multi", turn, float((i * turn) % 3 > 0), group=group))
    rows.append(row("c0", "multi", 1, 0.2, group="x", measure="other"))
    return Table.of(rows)


def key(figure: Figure) -> tuple[str, str, str, str, int]:
    return figure.kind, figure.measure, figure.setting or "", figure.group or "", figure.turn or 0


def test_means_come_by_setting_then_by_group():
    found = list(mean("accuracy")(example()))
    assert [(f.setting, f.group) for f in found] == [
        ("single", None), ("multi", None), ("single", "x"), ("single", "y"), ("multi", "x"), ("multi", "y"),
    ]  # fmt: skip
    assert found[0].value == pytest.approx(27 / 36)
    assert (found[0].n_cases, found[0].n_scored, found[0].n_failed, found[0].n_unmeasured) == (12, 36, 0, 0)
    assert (found[0].worst, found[0].best) == (pytest.approx(0.75), pytest.approx(0.75))
    assert all(f.low is not None and f.kind == "mean" for f in found)
    assert [f.group for f in mean("accuracy", by=("setting",))(example())] == [None, None]


def test_counts_and_bounds_of_what_was_not_measured():
    scale = Scale(1.0, 10.0, "points", 10.0)
    rows = [
        row("a", "multi", 1, 8.0),
        row("a", "multi", 2, None),
        row("b", "multi", 1, 1.0, failed=True),
        row("b", "multi", 2, 6.0),
    ]
    (found,) = mean("accuracy", scale)(Table.of(rows))
    assert (found.value, found.unit) == (5.0, "points")
    assert (found.n_cases, found.n_scored, found.n_failed, found.n_unmeasured) == (2, 2, 1, 1)
    assert (found.worst, found.best) == (16 / 4, 25 / 4)


def test_nothing_measured_has_no_value_and_keeps_its_counts():
    table = Table.of([row(c, "multi", 1, None) for c in "abc"])
    (found,) = mean("accuracy")(table)
    assert (found.value, found.low, found.n_cases, found.n_unmeasured) == (None, None, 0, 3)
    assert (found.worst, found.best) == (0.0, 1.0)
    assert all(f.value is None for maker in standard("accuracy") for f in maker(table))


def test_turns():
    found = [f for f in by_turn("accuracy")(example()) if f.group is None]
    assert [(f.setting, f.turn) for f in found] == [(s, t) for s in ("single", "multi") for t in (1, 2, 3)]
    assert found[5].value == pytest.approx(0.0)  # 3 * i is always divisible by 3
    assert {f.kind for f in found} == {"turn"}
    whole = Table.of([row("a", "multi", 0, 1.0)])
    assert list(by_turn("accuracy")(whole)) == []


def test_cost_of_the_conversation():
    found = list(multi_turn_cost("accuracy")(example()))
    assert [(f.kind, f.measure) for f in found[:3]] == [
        ("difference", "accuracy difference"),
        ("effect", "accuracy effect size"),
        ("detectable", "accuracy detectable difference"),
    ]
    assert [f.group for f in found[::3]] == [None, "x", "y"]
    assert {f.setting for f in found} == {"multi - single"}
    assert (found[0].n_cases, found[0].n_scored, found[0].n_unmeasured) == (12, 36, 0)
    assert found[0].value == pytest.approx(16 / 36 - 27 / 36)
    assert found[0].note.startswith("p ")
    assert found[1].unit == ""
    assert found[2].value is not None
    assert found[2].value > 0


def test_rows_without_a_group_are_in_the_total_only():
    rows = [row(c, s, 1, float(s == g), group=g) for c in "ab" for g in ("", "multi", "single") for s in ("multi", "single")]
    found = [f for f in multi_turn_cost("accuracy")(Table.of(rows)) if f.kind == "difference"]
    assert [(f.group, f.value) for f in found] == [(None, 0.0), ("multi", 1.0), ("single", -1.0)]
    assert [f.group for f in mean("accuracy", by=("setting", "group"))(Table.of(rows)) if f.setting == "multi"] == [
        None, "multi", "single",
    ]  # fmt: skip


def test_makers_are_silent_about_settings_that_were_not_run():
    table = Table.of([row("a", "multi", 1, 1.0)])
    assert list(multi_turn_cost("accuracy")(table)) == []
    assert list(survival("accuracy", setting="gold")(table)) == []
    assert [f for maker in standard("missing") for f in maker(table)] == []
    assert [f for maker in standard("accuracy") for f in maker(Table.of([]))] == []


def test_survival_figures_count_subjects_and_bound_the_unknown():
    rows = [row("a", "multi", 1, 1.0), row("a", "multi", 2, None), row("b", "multi", 1, 1.0), row("b", "multi", 2, 1.0)]
    found = list(survival("accuracy")(Table.of(rows)))
    assert [(f.kind, f.turn, f.value) for f in found] == [("survival", 1, 1.0), ("survival", 2, 1.0), ("rmst", None, 2.0)]
    assert [(f.n_scored, f.n_unmeasured, f.worst, f.best) for f in found] == [
        (2, 0, 1.0, 1.0), (1, 1, 0.5, 1.0), (1, 1, 1.5, 2.0),
    ]  # fmt: skip
    assert found[2].unit == "turns"


def test_standard_gives_all_kinds_in_order():
    table = example()
    texts = (table.text(f) for f in ("case", "setting", "group", "measure"))
    again = list(zip(*texts, table.turn, table.value, strict=True))
    rows = [row(c, s, int(t), float(v), group=g, repeat=k, measure=m) for c, s, g, m, t, v in again for k in (0, 1)]
    kinds = [f.kind for maker in standard("accuracy") for f in maker(Table.of(rows))]
    assert list(dict.fromkeys(kinds)) == [
        "mean", "turn", "difference", "effect", "detectable", "survival", "rmst", "reliability", "pass",
    ]  # fmt: skip


VERDICTS = st.lists(
    st.tuples(st.sampled_from("abcde"), st.sampled_from(["multi", "single", "gold"]), st.integers(0, 3),
              st.sampled_from([0.0, 0.5, 1.0, None]), st.integers(0, 2)), max_size=40,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(VERDICTS, st.data())
def test_every_figure_is_sound_whatever_the_rows_and_their_order(found, data):
    rows = [row(c, s, t, v, repeat=k, group="x" if c < "c" else "y") for c, s, t, v, k in found]
    first = {key(f): f for maker in standard("accuracy") for f in maker(Table.of(rows))}
    shuffled = data.draw(st.permutations(rows))
    second = {key(f): f for maker in standard("accuracy") for f in maker(Table.of(shuffled))}
    assert first.keys() == second.keys()
    for name, figure in first.items():
        for field in ("value", "low", "high", "worst", "best"):
            a, b = getattr(figure, field), getattr(second[name], field)
            assert (a is None) == (b is None)
            assert a is None or a == pytest.approx(b, abs=1e-9)
        assert min(figure.n_cases, figure.n_scored, figure.n_failed, figure.n_unmeasured) >= 0
        if figure.value is not None and figure.low is not None and figure.high is not None:
            assert figure.low <= figure.value <= figure.high
        if figure.kind in ("mean", "turn", "pass") and None not in (figure.worst, figure.value, figure.best):
            assert figure.worst - 1e-9 <= figure.value <= figure.best + 1e-9


def test_the_room_itself_is_light():
    code = "import sys, multiturn.measures; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
