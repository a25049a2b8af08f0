"""Judges under test: labelled items, probes, verdicts beside labels, and the figures they lead to."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn import evaluate
from multiturn.conversation import Conversation, DataError, InputError, UnknownName
from multiturn.engine.budget import Budget
from multiturn.engine.data import DataFolder
from multiturn.judges.card_words import sentences
from multiturn.judges.choosing import named, ranking, shown_first
from multiturn.judges.confidence import stated
from multiturn.judges.families import family
from multiturn.judges.items import Decision, ListItem, PairItem, PointItem
from multiturn.judges.parse import Parsed
from multiturn.judges.probes import OTHER, OWN, PROBES, flawed, longer, probed, styled
from multiturn.judges.questions import yes_or_no
from multiturn.measures.figure import Figure
from multiturn.systems.judge import bundled_items
from multiturn.systems.judge.labelled_file import kind_of, read_items
from multiturn.systems.judge.plain_judge import ASKS, CRITERIA, PlainJudge
from multiturn.systems.judge.sets import ROWS, labelled_set

PAIR = PairItem(id="p", turns=(("user", "How old is Rome?"),), first="It is 2,700 years old.", second="Old.", label=1.0)
POINT = PointItem(id="q", turns=(("user", "?"),), answer="There are 12 of them. They are blue.", label=4)


def figures(
    judge: Any, settings: tuple[str, ...] = (), data: Path | None = None, **options: Any
) -> dict[tuple[str, str], Figure]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        benchmark = PlainJudge(DataFolder(data), **options)
        found = evaluate(benchmark, model=judge, settings=settings, store=Path(folder) / "s.db")
    return {(f.measure, f.setting or ""): f for f in found.figures if f.group is None}


def says(**fields: Any) -> Callable[[Conversation], str]:
    return lambda chat: json.dumps({"reason": "-", **fields})


ALL = ("plain", "again", "swapped", "relabelled", "longer", "styled", "flawed", "own", "other")


# -- known judges -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("ask", ASKS)
def test_a_judge_that_agrees_with_people_is_right_everywhere(ask: str) -> None:
    found = figures("gold", ask=ask)
    if ("correct", "plain") in found:
        assert found["correct", "plain"].value == 1
    elif ask == "point":
        assert found["error", "plain"].value == 0
        assert found["Spearman", "plain"].value == pytest.approx(1)
    else:
        assert found["unparsable", "plain"].value is not None
    if ask != "checklist":  # four criteria of ours: there is no label for each
        assert found["unparsable", "plain"].value == 0


def test_a_judge_that_always_names_the_first_is_found_out() -> None:
    found = figures(says(verdict="A"), settings=ALL)
    assert found["correct", "plain"].value == 0.5
    assert found["kappa", "plain"].value == 0
    assert found["shown first", "plain"].value == 1
    assert found["shown first", "relabelled"].value == 0  # it is the name that it likes, not the place
    assert found["same verdict", "again"].value == 1
    assert found["same verdict", "swapped"].value == 0
    assert found["points longer", "longer - plain"].value == 0


def test_a_judge_that_likes_length_is_moved_by_padding_only() -> None:
    def longest(chat: Conversation) -> str:
        text = chat.messages[0].text
        one, two = (text.split(f"<answer-{n}>")[1].split(f"</answer-{n}>")[0] for n in "AB")
        return json.dumps({"verdict": "A" if len(one) > len(two) else "B"})

    found = figures(longest, settings=ALL)
    moved = found["points longer", "longer - plain"]
    assert moved.value == pytest.approx(0.5)  # the padded answer always wins; half of those that are padded lost before


def test_a_judge_that_likes_its_own_work() -> None:
    def vain(chat: Conversation) -> str:
        text = chat.messages[0].text
        first = text.split("<answer-A>")[1].split("</answer-A>")[0]
        return json.dumps({"verdict": "A" if OWN in first or OTHER not in text else "B"})

    found = figures(vain, settings=("plain", "own", "other"))
    assert found["points own", "own - other"].value == 1


def test_a_judge_at_random_agrees_with_nobody_not_even_itself() -> None:
    draws = random.Random(1)
    found = figures(lambda chat: json.dumps({"verdict": draws.choice("AB")}), settings=("plain", "again"))
    assert (found["kappa", "plain"].low or 0) < 0 < (found["kappa", "plain"].high or 0)
    assert (found["same verdict", "again"].value or 0) < 1


@pytest.mark.parametrize("reply", ["", "no idea", '{"verdict": "A", "winner": "B"}', "[[A]] or [[B]]", "x" * 200_000])
def test_what_cannot_be_read_is_not_measured(reply: str) -> None:
    found = figures(lambda chat: reply)
    assert found["correct", "plain"].value is None
    assert found["correct", "plain"].n_unmeasured == 24
    assert found["unparsable", "plain"].value in (1, None)


def test_a_call_that_was_never_made_is_no_reply_that_cannot_be_read(tmp_path: Path) -> None:
    replies: dict[str, dict[str, str]] = {
        "pair": {"verdict": "A"}, "list": {"ranking": "A > B > C > D"}, "checklist": dict.fromkeys(CRITERIA, "no"),
    }  # fmt: skip
    for ask, said in replies.items():
        benchmark, reply = PlainJudge(None, ask=ask), json.dumps(said)
        found = evaluate(
            benchmark, model=lambda chat, reply=reply: reply, budget=Budget(max_calls=4), store=tmp_path / f"{ask}.db"
        )
        (unread,) = (f for f in found.figures if f.measure == "unparsable")
        assert (unread.value, unread.n_scored) == (0, 4), ask
        assert unread.n_unmeasured == len(list(benchmark.items())) - 4


def test_both_orders_take_the_mean() -> None:
    found = figures(says(verdict="A"), both=True)
    assert found["correct", "plain"].value == 0.5
    assert found["shown first", "plain"].value == 1


def test_confidence_is_read_and_bounded() -> None:
    assert figures(says(verdict="A", confidence=80), confidence=True)["confidence", "plain"].value == pytest.approx(0.8)
    assert ("confidence", "plain") not in figures(says(verdict="A", confidence="very"), confidence=True)


def test_a_favourite_name_is_no_favourite_place() -> None:
    name = figures(says(verdict="A"), settings=ALL)
    assert name["favours name A", "plain and relabelled"].value == 1
    assert name["favours first place", "swapped and relabelled"].value == 0.5

    def first(chat: Conversation) -> str:
        return json.dumps({"verdict": chat.messages[0].text.split("<answer-")[1][0]})

    place = figures(first, settings=ALL)
    assert place["favours name A", "plain and relabelled"].value == 0.5
    assert place["favours first place", "swapped and relabelled"].value == 1
    assert figures(first, settings=("plain", "swapped"))["favours first place", "plain and swapped"].value == 1
    perfect = figures("gold", settings=ALL)
    for measure, setting in (("favours name A", "plain and relabelled"), ("favours first place", "swapped and relabelled")):
        assert perfect[measure, setting].value == 0.5


def test_judges_of_lists() -> None:
    settings = ("plain", "again", "swapped")
    perfect, constant = figures("gold", settings, ask="list"), figures(says(ranking="A > B > C > D"), settings, ask="list")
    assert perfect["Somers D", "plain"].value == perfect["same verdict", "swapped"].value == 1
    assert (constant["most frequent verdict", "plain"].value, constant["most frequent verdict", "plain"].note) == (
        1,
        "A > B > C > D",
    )
    assert (constant["same verdict", "again"].value, constant["same verdict", "swapped"].value) == (1, 0)
    assert "judges nothing" in " ".join(sentences(constant.values()))
    draws = random.Random(3)
    by_chance = figures(lambda chat: json.dumps({"ranking": " > ".join(draws.sample("ABCD", 4))}), settings, ask="list")
    assert "than chance would" in sentences(by_chance.values())[0]


def test_labels_at_the_ends_of_a_scale_are_values_still(tmp_path: Path) -> None:
    """All answers are worth 1 of 1 to 5, and the judge gives 3: it is off by half the scale, and right nowhere."""
    path = write(tmp_path / "low.jsonl", *({"prompt": "?", "answer": f"{i}", "label": 1} for i in range(10)))
    found = figures(says(score=3), ask="point", on=str(path))
    assert found["error", "plain"].value == 0.5
    assert not {"kappa", "AC1", "sensitivity"} & {measure for measure, _ in found}


def test_what_people_said_of_an_answer_is_not_said_of_it_with_a_flaw() -> None:
    for ask in ("pair", "point", "reference"):
        found = figures("gold", settings=ALL, ask=ask)
        assert not {("correct", "flawed"), ("error", "flawed")} & found.keys(), ask
        assert ("points flawed", "flawed - plain") in found, ask


def test_whose_answers_a_judge_likes(tmp_path: Path) -> None:
    rows = [
        {"prompt": "?", "first": f"x{i}", "second": f"y{i}", "label": "first" if i % 4 else "second",
         "authors": ["gpt-4o", "claude-3"] if i % 2 else ["claude-3", "gpt-4o"]}
        for i in range(40)
    ]  # fmt: skip
    judge = PlainJudge(None, on=str(write(tmp_path / "p.jsonl", *rows)))
    found = evaluate(judge, model=says(verdict="A"), store=tmp_path / "s.db")
    favour = {f.group: f for f in found.figures if f.measure == "favours family"}
    told = [((1.0 if i % 2 else 0.0) - (1.0 if (i % 4 > 0) == (i % 2 > 0) else 0.0)) for i in range(40)]
    assert favour["GPT"].value == pytest.approx(sum(told) / 40)
    assert favour["Claude"].value == pytest.approx(-sum(told) / 40)
    assert (family("openai/gpt-4o-mini"), family("anthropic/claude"), family("me"), family("deepseek-r1-distill-llama")) == (
        "GPT", "Claude", "", "",
    )  # fmt: skip


# -- items, probes, parsers -------------------------------------------------------------------------------------------
@given(
    st.sampled_from([*PROBES, "again", "plain"]), st.text(max_size=300), st.text(max_size=300), st.sampled_from([0.0, 0.5, 1.0])
)
def test_a_probe_never_changes_what_is_right(probe: str, first: str, second: str, label: float) -> None:
    item = PairItem(id="x", first=first, second=second, label=label)
    found = probed(item, probe)
    if found is None:
        return
    assert isinstance(found, PairItem)
    assert found.cluster == "x"
    assert found.label == (1 - label if found.swapped else label)
    assert found.target in (0, 1, 2)
    if found.target:
        changed, other = found.answers[found.target - 1], found.answers[2 - found.target]
        before = item.answers[2 - found.target]
        assert changed != item.answers[found.target - 1]
        assert other == before or other.endswith(before)


def test_what_the_probes_write() -> None:
    assert flawed("There are 12 of them, in 1999.") == "There are 18 of them, in 2004."
    assert flawed("It is blue. It was red.") == "It is not blue. It was red."
    assert flawed("Blue!") is None
    assert flawed("1. Go home.\n2. Take 3 eggs.") == "1. Go home.\n2. Take 7 eggs."  # the number of a line is no claim
    assert flawed("1. Go home.\n2) It is late.") == "1. Go home.\n2) It is not late."
    assert (len(OWN), len(OWN.split())) == (len(OTHER), len(OTHER.split()))
    assert "There are 12 of them." in longer("There are 12 of them.")
    assert len(longer("a b c").split()) >= 40
    assert styled("One two three four. Five!") == "## Answer\n\n- **One two three** four.\n- **Five!**"
    assert probed(POINT, "swapped") is None
    assert probed(PAIR, "no such probe") is None


def test_rankings_name_every_answer_once() -> None:
    read = ranking('{"reason": "-", "ranking": "B > A = C"}', "ABC")
    assert read == Parsed((2.5, 1.0, 2.5), '{"reason": "-", "ranking": "B > A = C"}')
    assert isinstance(ranking("Ranking: C > B > A", "ABC"), Parsed)
    for text in ("B > A", "A > B > C > D", "A > A > B", '{"ranking": "A>B>C"} {"ranking": "B>A>C"}', "A is best"):
        assert not isinstance(ranking(text, "ABC"), Parsed), text


def test_verdicts_by_any_name() -> None:
    for text in ('{"verdict": "B"}', "[[B]]", "Verdict: B", "winner: **B**"):
        outcome = named(text, ("A", "B"))
        assert isinstance(outcome, Parsed), text
        assert outcome.value == 0
    assert named('{"verdict": "B"}', ("B", "A")) == Parsed(1.0, "")
    assert not isinstance(named('{"verdict": "tie"}', ("A", "B"), ties=False), Parsed)
    assert named("[[2]]", ("1", "2")) == Parsed(0.0, "[[2]]")


def test_yes_and_no() -> None:
    for text, value in (('{"answer": "Yes"}', 1.0), ("no", 0.0), ("Because …\nAnswer: **no**.", 0.0), ("Yes.\nIt fits.", 1.0)):
        outcome = yes_or_no(text)
        assert isinstance(outcome, Parsed), text
        assert outcome.value == value
    for text in ("", "maybe", '{"answer": "yes"} {"answer": "no"}', "yes\nor\nno"):
        assert not isinstance(yes_or_no(text), Parsed), text


@pytest.mark.parametrize(
    ("text", "value"),
    [('{"confidence": 85}', 0.85), ("Confidence: 85%", 0.85), ('{"confidence": 0.4}', 0.4), ("confidence is 1", 1.0),
     ('{"confidence": 101}', None), ("sure", None),
     ("Confidence: 10%. Confidence: 20%", None), ('{"confidence": "0.5%"}', 0.005)],
)  # fmt: skip
def test_stated_confidence(text: str, value: float | None) -> None:
    assert stated(text) == (None if value is None else pytest.approx(value))


@given(st.text(max_size=500))
def test_hostile_text_is_bounded(text: str) -> None:
    for outcome in (stated(text), named(text, ("A", "B")), ranking(text, "ABC"), yes_or_no(text)):
        assert outcome is None or outcome is not NotImplemented


def test_verdicts_of_both_orders() -> None:
    found = shown_first([Decision(value=1.0, asked=1)], [Decision(value=1.0, asked=1)])
    assert (found.value, found.shown_first, found.asked) == (0.5, 1.0, 2)
    lost = shown_first([Decision(asked=1, unread=1, cause="why")])
    assert (lost.value, lost.cause, lost.unread) == (None, "why", 1)


# -- labelled sets ----------------------------------------------------------------------------------------------------
def test_what_is_bundled_is_whole() -> None:
    assert len(list(bundled_items.pairs())) == 24
    assert sum(i.label == 1 for i in bundled_items.pairs()) == 12
    assert len(list(bundled_items.points())) == len(list(bundled_items.matches())) == 48
    lists = list(bundled_items.lists())
    assert len(lists) == 12
    assert len({tuple(i.labels) for i in lists}) > 1


@pytest.mark.parametrize(
    ("name", "n", "first"),
    [("llmbar", 419, None), ("llmbar-natural", 100, None), ("llmbar-adversarial", 319, None), ("fair-evaluators", 80, None),
     ("pandalm", 792, 367), ("auto-j", 150, 75), ("mt-bench-pairs", 300, 156)],
)  # fmt: skip
def test_released_sets(data_root: Path, name: str, n: int, first: int | None) -> None:
    items = list(labelled_set(name).load(DataFolder(data_root)))
    assert len(items) == n
    assert all(isinstance(i, PairItem) and i.label in (0, 0.5, 1) for i in items)
    if first is not None:
        assert sum(isinstance(i, PairItem) and i.label == 1 for i in items) == first


def test_every_row_has_its_reader() -> None:
    for name, kind, about, _ in ROWS:
        found = labelled_set(name)
        assert callable(found.load)
        assert (found.kind, found.about) == (kind, about)


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    pairs = write(
        tmp_path / "pairs.jsonl",
        {"id": "a", "prompt": "?", "first": "x", "second": "y", "label": "first"},
        {"prompt": "?", "first": "x", "second": "y", "raters": ["second", "second", "tie"]},
        {
            "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "?"}],
            "first": "",
            "second": "y",
            "label": 2,
        },
    )
    assert kind_of(pairs) == "pair"
    read = list(read_items(pairs))
    assert [i.label for i in read if isinstance(i, PairItem)] == [1.0, 0.0, 0.0]
    assert [i.id for i in read] == ["a", "2", "3"]
    points = write(tmp_path / "points.jsonl", {"prompt": "?", "answer": "x", "raters": [True, False, True]})
    (item,) = read_items(points)
    assert isinstance(item, PointItem)
    assert item.binary
    assert item.label == 1
    assert item.raters == (1.0, 0.0, 1.0)
    lists = write(tmp_path / "lists.jsonl", {"prompt": "?", "answers": ["a", "b"], "labels": [1, 2]})
    (many,) = read_items(lists)
    assert isinstance(many, ListItem)
    assert many.labels == (1, 2)
    found = figures("gold", on=str(pairs))
    assert found["correct", "plain"].value == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [({"prompt": "?", "first": "x", "second": "y", "label": "third"}, "field label: 'third' is none of first, second, tie"),
     ({"prompt": "?", "answer": "x", "label": 9}, "field label: 9 is outside the scale of 1 to 5; set low and high"),
     ({"prompt": "?", "answer": "x", "label": "good"}, "field label: 'good' is no number"),
     ({"prompt": "?"}, "give first and second"), ({"answer": "x", "label": 1}, "give either prompt or messages"),
     ({"prompt": "?", "answers": ["a"], "labels": [1]}, "2 to 26 answers, not 1"),
     ({"prompt": "?", "answers": ["a", "b"], "labels": [1]}, "1 labels for 2 answers"),
     ({"prompt": "?", "answer": "x", "lable": 1}, "lable"),
     ({"messages": [{"role": "robot", "content": ""}], "answer": "x"}, "role `robot`"),
     ({"prompt": "?", "answer": "x", "low": 3, "high": 3}, "must be below high"),
     ({"prompt": "?", "answer": "x", "raters": [3, 7]}, "field raters: 7 is outside the scale"),
     ({"prompt": "?", "answers": ["a", "b"], "raters": [1, 2]}, "neither label nor raters")],
)  # fmt: skip
def test_a_mistake_in_a_file_is_named(tmp_path: Path, row: Any, message: str) -> None:
    path = write(tmp_path / "bad.jsonl", row)
    with pytest.raises(DataError) as error:
        list(read_items(path))
    assert message in str(error.value)
    assert "line 1" in str(error.value)


def test_whether_a_tie_may_be_said_does_not_give_the_label_away(tmp_path: Path) -> None:
    rows = [{"prompt": "?", "first": "x", "second": f"y{i}", "label": said} for i, said in enumerate(("first", "tie", "second"))]
    asked: list[str] = []

    def judge(chat: Conversation) -> str:
        asked.append(chat.messages[0].text)
        return '{"verdict": "A"}'

    figures(judge, on=str(write(tmp_path / "p.jsonl", *rows)))
    assert ['"tie"' in text for text in asked] == [True] * 3
    asked.clear()
    figures(judge, on=str(write(tmp_path / "p.jsonl", rows[0], rows[2])))
    assert ['"tie"' in text for text in asked] == [False] * 2


def test_labels_of_several_people(tmp_path: Path) -> None:
    ones = [{"prompt": "?", "answer": f"{i}", "raters": [i % 2 == 0, i % 2 == 0, i % 3 == 0]} for i in range(30)]
    found = figures("gold", ask="boolean", on=str(write(tmp_path / "p.jsonl", *ones)))
    assert found["correct", "plain"].value == found["kappa", "plain"].value == 1
    people = found["people's alpha", "plain"]
    assert 0 < (people.value or 0) < 1
    assert people.n_scored == 30
    for raters, label in (([True, False], None), ([2, 5], 3.5)):
        (item,) = read_items(write(tmp_path / "p.jsonl", {"prompt": "?", "answer": "x", "raters": raters}))
        assert isinstance(item, PointItem)
        assert item.label == label


def test_an_item_without_a_label_is_on_the_scale_of_its_file(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", {"prompt": "?", "answer": "x"}, {"prompt": "?", "answer": "y", "label": True})
    assert all(isinstance(item, PointItem) and item.binary for item in read_items(path))
    found = figures(says(answer="yes"), ask="boolean", on=str(path))
    assert found["correct", "plain"].n_scored == 1
    nobody = write(tmp_path / "n.jsonl", *({"prompt": "?", "answer": str(i), "low": 0, "high": 10} for i in range(5)))
    without = figures(says(score=3), ask="point", on=str(nobody), settings=("plain", "longer"))
    assert ("error", "plain") not in without
    assert without["points longer", "longer - plain"].value == 0


def test_wrong_sets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="llmbar"):
        labelled_set("llmber")
    with pytest.raises(InputError, match="judges point items"):
        figures("gold", ask="point", on="bundled")
    with pytest.raises(UnknownName, match="form of"):
        PlainJudge(None, ask="essay")
    with pytest.raises(DataError, match="no items"):
        labelled_set(str(write(tmp_path / "empty.jsonl")))
    with pytest.raises(InputError, match="needs items with a reference"):
        figures("gold", ask="reference", on="bundled-points")
