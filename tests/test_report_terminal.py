"""The report in a terminal: what it says, in 80 columns, without colour where there is no terminal."""

from __future__ import annotations

import io
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from multiturn.measures.figure import Figure
from multiturn.report.result import Calls, RunResult
from multiturn.report.safe import attribute, markup, one_line, visible
from multiturn.report.shape import sections
from multiturn.report.terminal import print_report
from multiturn.report.words import bounds, cost_sentence, headline, interval, money, number
from test_report_result import GROUPS, sample, sample_figures


def printed(result: RunResult, width: int = 80, html: str = "") -> str:
    out = io.StringIO()
    print_report(result, Console(file=out, width=width), html)
    return out.getvalue()


def flat(text: str) -> str:
    return " ".join(text.split())


def test_the_report_says_all_that_it_must() -> None:
    text = flat(printed(sample(), html="/tmp/report.html"))
    assert "all 47.8 [43, 52] 62.0 [57, 66] −14.2 [−19, −10] 40" in text
    assert all(group in text for group in GROUPS)
    assert "multi is 14.2 points below single [−19, −10] (40 cases, 160 paired questions)" in text
    assert "a difference of 8.0 points could have been seen" in text
    assert "It costs most in follow-up: −31.0 [−40, −22]" in text
    assert "Half of the conversations have failed by turn 5; on average 3.4 turns [2.7, 4.1]" in text
    assert "160 verdicts not measured: needs --judge" in text
    assert "accuracy, multi: 3 of 163 left out; with them it could be anything from 40.0% to 47.0%" in text
    assert "Small sample" in text
    assert "One repeat" in text
    assert "312 calls made, 48 from the record, 5 retried, 3 failed" in text
    assert "182,340 tokens in (131,020 cached), 40,112 out" in text
    assert "Report: /tmp/report.html" in text


def test_it_fits_80_columns_without_colour() -> None:
    text = printed(sample())
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_many_settings_become_rows() -> None:
    names = [f"between-{i}" for i in (1, 3, 6)] + ["multi", "gold", "single"]
    figures = [Figure(measure="score", value=0.5, low=0.4, high=0.6, setting=s, n_cases=30, system="x", model="m") for s in names]
    text = printed(sample(figures=figures))
    assert max(map(len, text.splitlines())) <= 80
    assert all(name in text for name in names)


def test_names_do_not_act() -> None:
    figures = [msgspec.structs.replace(f, model="[bold red]m[/]\x1b[31m\u202e", group=f.group and f"[link=x]{f.group}\n")
               for f in sample_figures()]  # fmt: skip
    text = printed(sample(figures=figures))
    assert "[bold red]m[/]‹U+001B›[31m‹U+202E›" in text
    assert "[link=x]" in text
    assert not re.search("[\x1b\u202e]", text)


def test_a_terminal_without_unicode_gets_ascii() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii", errors="strict")
    print_report(sample(), Console(file=out, width=80))
    out.flush()
    assert b"multi is 14.2 points below single [-19, -10]" in raw.getvalue()


def test_nothing_measured_is_said() -> None:
    assert "Nothing could be measured" in printed(sample(figures=[]))
    only = Figure(measure="quality", value=None, setting="multi", n_unmeasured=3, system="s", model="m")
    section = sections(sample(figures=[only]))[0]
    assert headline(section) == "m: nothing could be measured."
    printed(sample(figures=[only]))


@pytest.mark.parametrize(("low", "high", "says"), [(-0.2, 0.1, "this could be chance"), (-0.2, -0.1, "")])
def test_a_difference_that_may_be_chance_says_so(low: float, high: float, says: str) -> None:
    figures = [f if f.kind != "difference" else msgspec.structs.replace(f, low=low, high=high) for f in sample_figures()]
    section = sections(sample(figures=figures))[0]
    text = cost_sentence(section, section.contrasts[0])
    assert (says in text) if says else ("chance" not in text)


def test_equal_means_and_too_few_cases_are_said_in_words() -> None:
    figures = [f if f.kind != "difference" else msgspec.structs.replace(f, value=0.0, low=-0.29, high=0.29)
               for f in sample_figures()]  # fmt: skip
    figures = [f if f.kind != "detectable" else msgspec.structs.replace(f, value=1.4) for f in figures]
    section = sections(sample(figures=figures))[0]
    assert cost_sentence(section, section.contrasts[0]) == (
        "multi and single have the same mean (40 cases, 160 paired questions); the true difference may lie anywhere in "
        "[−29, 29]; too few cases to see any difference."
    )


def test_what_is_not_measured_stands_in_the_headline_and_under_the_table() -> None:
    counted = ((None, 2.0, 20, 22), ("a", 2.0, 20, 0), ("b", None, 0, 22))
    means = [Figure(measure="score", value=v, setting="multi", group=g, n_cases=8, n_scored=n, n_unmeasured=lost, unit="points",
                    system="s", model="m") for g, v, n, lost in counted]  # fmt: skip
    result = sample(figures=means)
    assert headline(sections(result)[0]) == "m scores 2.00 over a whole conversation (20 of 42 measured, nothing of b)."
    assert "Of all: multi 20 of 42 measured." in flat(printed(result))
    assert "Of all" not in printed(sample())  # 3 of 163: said in the headline only


def test_what_a_trial_is_stands_under_the_figures_of_repeats() -> None:
    note = "3 repeats; a trial is one question asked alone"
    figure = Figure(measure="accuracy pass^3", value=0.2, setting="single", kind="pass", note=note, system="patterns",
                    model="local/smollm2")  # fmt: skip
    assert "single: a trial is one question asked alone" in printed(sample(figures=[*sample_figures(), figure]))


def test_settings_of_a_difference_are_found_in_its_name() -> None:
    means = [Figure(measure="m", value=0.5, setting=s, system="s", model="m") for s in ("between-1", "between-13", "single")]
    gap = Figure(measure="m difference", value=-0.1, setting="between-13 - single", kind="difference", system="s", model="m")
    contrast = sections(sample(figures=[*means, gap]))[0].contrasts[0]
    assert (contrast.measure, contrast.setting, contrast.baseline) == ("m", "between-13", "single")


def test_numbers_in_their_units() -> None:
    assert number(0.4312, "fraction") == "43.1%"
    assert number(7.716, "points") == "7.72"
    assert number(-0.0001, "fraction", signed=True) == "0.0"
    assert number(None, "fraction") == number(float("nan"), "points") == "–"
    wide = Figure(measure="m", value=0.5, low=0.371, high=0.629)
    assert interval(wide) == "[37, 63]"
    assert interval(msgspec.structs.replace(wide, low=0.495, high=0.505)) == "[49.5, 50.5]"
    assert interval(msgspec.structs.replace(wide, low=None)) == ""
    assert bounds(msgspec.structs.replace(wide, worst=0.2, best=0.7)) == "20.0% to 70.0%"
    assert money(sample(cost=None, cost_known=False)) == "cost unknown"
    assert money(sample(cost=12.5, cost_known=False, calls=Calls())) == "at least $12.50 (some calls have no known price)"


@given(st.text(st.characters(), max_size=200))
def test_any_text_becomes_harmless(text: str) -> None:
    for shown in (visible(text), attribute(text), markup(text)[0], one_line(text)):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)
        shown.encode()
    assert not re.search("[<>\"']", re.sub('<span class="ctl">U\\+[0-9A-F]+</span>', "", markup(text)[0]))
    assert not re.search("[<>\"']", attribute(text))
    assert len(one_line(text, 20)) <= 20
