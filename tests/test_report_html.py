"""The HTML page as text: self-contained, under a strict policy, escaped, bounded in size, and the same each time."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import msgspec
import pytest

from multiturn.conversation import Conversation
from multiturn.measures.figure import Figure, Scale
from multiturn.measures.verdict import Verdict
from multiturn.report.charts import axis_around_zero, axis_of
from multiturn.report.html import to_html
from multiturn.report.pick import pick
from multiturn.report.result import ConversationView
from test_report_result import GROUPS, MODEL, SYSTEM, sample, sample_figures, sample_views

VOID = {"meta", "link", "br", "input"}


class Outline(HTMLParser):
    """Tags as they nest, attributes and visible text; complains about tags that do not match."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open, self.tags, self.attributes, self.ids = [], set[str](), set[str](), list[str]()
        self.open: list[str]
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_well_formed_and_self_contained() -> None:
    page = to_html(sample(), sample_views())
    outline = Outline(page)
    assert not outline.tags & {"img", "iframe", "object", "embed", "base", "form"}
    assert not any(name.startswith("on") or name in ("style", "src", "srcset", "action") for name in outline.attributes)
    assert len(outline.ids) == len(set(outline.ids))
    assert re.findall(r'(?:href|src)="(?!#|data:)', page) == []
    assert "url(" not in page
    assert "@import" not in page
    for target in re.findall(r'href="#([^"]+)"', page):
        assert target in outline.ids or target == "main"


def test_the_policy_names_its_own_style_and_script_only() -> None:
    page = to_html(sample(), sample_views(4))
    found = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert found is not None
    for tag in ("style", "script"):
        pieces = re.findall(f"<{tag}>(.*?)</{tag}>", page, flags=re.S)
        assert len(pieces) == 1
        digest = base64.b64encode(hashlib.sha256(pieces[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in found[1]
    assert "default-src 'none'" in found[1]
    assert "unsafe" not in found[1]


def test_the_answer_comes_first() -> None:
    page = to_html(sample(), sample_views(4))
    assert "<h1>local/smollm2 scores 47.8% over a whole conversation (160 of 163 measured), 62.0% on the same" in page
    top = page[: page.index("<main")]
    for said in ("14.2 points below single", "costs most in follow-up", "failed by turn 5", "8.0 points could have been seen"):
        assert said in top
    for said in ("needs --judge", "blake2b:1f0c9d5e", "multiturn run patterns", "93.0%", "40.0% to 47.0%"):
        assert said in page


def test_several_models_are_set_side_by_side() -> None:
    figures = [*sample_figures(), *sample_figures(model="other/<b>", shift=0.1)]
    page = to_html(sample(figures=figures))
    Outline(page)
    assert "<h1>2 models on 1 benchmark</h1>" in page
    assert "All models on patterns" in page
    assert "other/&lt;b&gt;" in page
    assert "other/<b>" not in page


def test_a_model_of_which_nothing_was_measured_has_its_causes_and_no_chart() -> None:
    lost = [msgspec.structs.replace(f, value=None, low=None, high=None, n_scored=0, n_failed=0, n_unmeasured=9)
            for f in sample_figures(model="down") if f.kind == "mean"]  # fmt: skip
    verdicts = [Verdict("accuracy", None, turn=1, cause="no connection")]
    view = ConversationView(system=SYSTEM, model="down", case="c", chat=Conversation().user("Hi"), verdicts=verdicts)
    page = to_html(sample(figures=[*sample_figures(), *lost]), [*sample_views(4), view])
    Outline(page)
    section = page[page.index('id="s1"') : page.index('id="missing"')]
    assert "Nothing could be measured" in section
    assert "no connection" in section
    assert "needs --judge" not in section  # that is the other model's
    assert "<svg" not in section


def test_huge_replies_are_cut_with_a_note_and_the_page_stays_small() -> None:
    huge = Conversation().user("go on").assistant("<b>x</b>" * 130_000)
    views = [
        ConversationView(system=SYSTEM, model=MODEL, case=f"c{i}", chat=huge, verdicts=[Verdict("accuracy", 0.0, turn=1)])
        for i in range(200)
    ]
    page = to_html(sample(), views)
    assert "1,036,000 more characters not shown" in page
    assert "140 left out" in page
    assert len(page) < 3_500_000
    many = huge
    for _ in range(200):
        many = many.user("x" * 4000).assistant("y" * 4000)
    assert len(to_html(sample(), [msgspec.structs.replace(v, chat=many) for v in views])) < 6_000_000


def test_conversations_failures_first_spread_over_groups_and_always_the_same() -> None:
    result, views = sample(), sample_views(40)
    picks = pick(result, lambda: iter(views), 12)
    assert picks.total == 40
    assert 0 < picks.failed < 40
    assert {v.group for v in picks.shown} == set(GROUPS)
    assert all(any(v.value == 0.0 for v in view.verdicts) for view in picks.shown)
    assert pick(result, views[::-1], 12).shown == picks.shown
    assert {v.setting for v in picks.alone.values()} == {"single"}
    everything = pick(result, views, 100).shown
    ranks = [any(v.value == 0.0 for v in view.verdicts) for view in everything]
    assert ranks == sorted(ranks, reverse=True)


def test_a_turn_stands_beside_its_stand_alone_form() -> None:
    page = to_html(sample(), sample_views(4))
    assert "Asked alone" in page
    assert "Given answer (gold)" in page
    assert "first failure: turn" in page
    assert "4 sentences, at most 3 allowed" in page
    assert "Ended early: context limit" in page
    assert "Not reached" in page


def test_only_stand_alone_questions_are_listed_when_there_is_nothing_else() -> None:
    views = [v for v in sample_views(4) if v.setting == "single"]
    picks = pick(sample(), views, 60)
    assert picks.total == len(views)
    assert picks.alone == {}


@pytest.mark.parametrize("figures", [[], [Figure(measure="x", value=None)], [Figure(measure="x", value=0.5, setting="single")]])
def test_little_to_show_still_makes_a_page(figures: list[Figure]) -> None:
    page = to_html(sample(figures=figures, unmeasured={}, published=[]))
    Outline(page)
    assert "<h1>" in page
    assert page.rstrip().endswith("</html>")


def test_axes_hold_what_they_show() -> None:
    assert axis_of(Scale()).ticks == (0.0, 0.25, 0.5, 0.75, 1.0)
    ten = axis_of(Scale(1, 10, "points"))
    assert ten.ticks == (2.0, 4.0, 6.0, 8.0, 10.0)
    assert (ten.at(1), ten.at(10), ten.at(99)) == (0.0, 100.0, 100.0)
    around = axis_around_zero([Figure(measure="d", value=-0.1, low=-0.31, high=0.02)], "fraction")
    assert around.low <= -0.31
    assert around.high >= 0.02
    assert 0.0 in around.ticks
    flat = axis_around_zero([Figure(measure="d", value=0.0)], "points")
    assert flat.low < 0 < flat.high
