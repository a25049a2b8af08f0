"""tinyBenchmarks: selections from runs and files, and a benchmark in a benchmark. (The estimates themselves: test_anchors.py.)"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from inprocess import command
from multiturn import evaluate
from multiturn.cli.plan_select import select_items
from multiturn.conversation import Conversation, DataError, InputError, UnknownName
from multiturn.engine.identity import benchmark_identity
from multiturn.engine.plan import Plan
from multiturn.engine.runs import runs
from multiturn.engine.store import Store
from multiturn.models.script import PlayerModel
from multiturn.systems import catalogue
from multiturn.systems.catalogue import Entry, make_system
from multiturn.systems.judge.tiny_file import read_selection, write_selection
from multiturn.systems.judge.tiny_responses import from_file, from_runs
from multiturn.systems.judge.tiny_select import select, summary
from multiturn.systems.judge.tinybenchmarks import TinyBenchmarks
from test_anchors import simulated

# -- selections and the benchmark in a benchmark --------------------------------------------------------------------
QUIZ = '''
from multiturn.protocols.scripted import Scripted, ScriptedCase, ScriptedTurn, number_turns
from multiturn.measures.figures import mean
from multiturn.measures.verdict import Verdict

class Quiz(Scripted):
    """Forty questions of two turns."""
    slug, title, measures = "quiz", "Quiz", ("right",)
    params = {"offset": 0}
    figures = (mean("right"),)

    def cases(self):
        for i in range(40):
            texts = [f"question {i + self.options['offset']} part {t}" for t in range(1 + i % 3)]
            turns = number_turns(ScriptedTurn(user=t, gold="yes", single="alone: " + t) for t in texts)
            yield ScriptedCase(id=f"q{i}", group="even" if i % 2 == 0 else "odd", turns=turns)

    async def score(self, case, turn, reply, chat, cast):
        return [Verdict("right", float(reply == "yes"))]
'''


def student(name: str, skill: float) -> PlayerModel:
    """Says yes where its skill is above a question's difficulty, with a little noise."""
    noise = np.random.default_rng(sum(map(ord, name)))

    def answer(chat: Conversation) -> str:
        number = int(chat.messages[-1].text.split()[-3])
        return "yes" if skill + noise.normal(0, 0.15) > (number * 7 % 40) / 40 else "no"

    return PlayerModel(name, answer)


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a benchmark and the runs of 24 students."""
    folder = tmp_path_factory.mktemp("quiz")
    (folder / "quiz.py").write_text(QUIZ, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for i in range(24):
            evaluate("quiz.py:Quiz", student(f"student {i}", i / 24), settings=("multi", "single"), store="runs.db")
    return folder


@pytest.fixture
def class_of(studied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A copy of that folder to work in; the benchmark's name."""
    shutil.copytree(studied, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    place = "multiturn.systems.judge.tinybenchmarks:TinyBenchmarks"
    row = Entry("tinybenchmarks", "judge", "method", "t", ("multi",), (), "", "", place)
    monkeypatch.setitem(catalogue.CATALOGUE, "tinybenchmarks", row)
    return "quiz.py:Quiz"


def test_from_runs_to_estimates(class_of: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert select_items("runs.db", (), 12, "anchors.json", None) == 0
    said = capsys.readouterr().out
    assert "12 of 40 cases of `quiz` (multi, right) chosen by item response theory, D = 1, 24 models." in said
    assert "tinybenchmarks?of=quiz.py:Quiz&select=anchors.json" in said
    chosen, _ = read_selection("anchors.json")
    assert (len(chosen.items), len(chosen.anchors), len(chosen.errors["gp-IRT"])) == (40, 12, 24)
    sizes = np.array([1 + i % 3 for i in range(40)])
    assert chosen.weights == pytest.approx(sizes / sizes.mean())  # a case weighs as many verdicts as it has

    text = "tinybenchmarks?of=quiz.py:Quiz&select=anchors.json"
    short = evaluate(text, student("new", 0.6), store="new.db")
    whole = evaluate(class_of, student("new", 0.6), settings=("multi",), store="new.db")
    truth = whole.figure("right").value
    assert truth is not None
    assert len(short.conversations()) == 12
    assert {c.case for c in short.conversations()} == set(chosen.played)
    assert [f.measure for f in short.figures] == ["right (gp-IRT)", "right (p-IRT)", "right (IRT)"]
    for figure in short.figures:
        assert figure.value == pytest.approx(truth, abs=0.12)
        assert figure.low is not None
        assert figure.high is not None
        assert 0 <= figure.low < figure.value < figure.high <= 1
        assert (figure.n_cases, figure.worst, figure.note) == (12, None, "12 cases for 40")
    assert evaluate(text, "gold", store="new.db").figure("right (IRT)").value == pytest.approx(1)
    evaluate(text, "gold", store="runs.db")
    assert select_items("runs.db", (), 12, "again.json", None) == 0  # of the quiz, not of the selection that was run last
    assert read_selection("again.json")[0] == chosen
    with Store("runs.db") as store, pytest.raises(InputError, match="played selections only"):
        from_runs(store, [next(iter(runs(store))).id], None)


def test_what_has_no_verdicts_of_its_own_is_not_watched_planned_or_compared(
    class_of: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert select_items("runs.db", (), 25, "anchors.json", None) == 0
    text = "tinybenchmarks?select=anchors.json"
    with pytest.raises(InputError, match=r"cannot watch `right \(gp-IRT\)` of `tinybenchmarks`: .*MEASURE:ci=X: right"):
        evaluate(text, student("new", 0.6), store="new.db", until="ci=0.1")
    run = command(monkeypatch, capsys, tmp_path)
    assert "right (gp-IRT)" in run("report", "--store", "new.db").out
    for name in ("new", "newer"):
        evaluate(text, student(name, 0.6), store="new.db")
    assert "not that of the whole scores" in " ".join(run("compare", "--store", "new.db").out.split())
    assert ", right, multi: run " in run("plan", "last", "--ci", "0.1", "--store", "new.db").out
    for more in (("--json", "-"), ("--effect", "0.1")):
        assert "--select chooses cases" in run("plan", "--select", "5", "--out", "a.json", *more).err


def test_every_setting_of_the_inner_benchmark(class_of: str) -> None:
    """Stand-alone questions are views of a case: their verdicts find the case that stands for its cluster."""
    assert select_items("runs.db", ("last",), 5, "one.json", None, setting="single") == 0
    chosen, _ = read_selection("one.json")
    assert (chosen.method, chosen.setting) == ("strata", "single")  # one run, one model
    assert select_items("runs.db", (), 12, "single.json", None, setting="single") == 0
    chosen, _ = read_selection("single.json")
    assert any(len(parts) == 3 for parts in chosen.views.values())
    found = evaluate("tinybenchmarks?select=single.json", student("new", 0.6), store="new.db")
    assert all(f.setting == "single" and f.value is not None for f in found.figures)
    assert found.result.run.settings == ["single"]


def test_the_selection_is_part_of_the_identity(class_of: str) -> None:
    for count, name in ((12, "a.json"), (13, "b.json")):
        select_items("runs.db", (), count, name, None)
    Path("copy.json").write_bytes(Path("a.json").read_bytes())
    a, b, copy = (make_system(f"tinybenchmarks?of=quiz.py:Quiz&select={name}") for name in ("a.json", "b.json", "copy.json"))
    assert a.label == copy.label != b.label
    assert a.fingerprint == copy.fingerprint != b.fingerprint
    assert benchmark_identity(a) != benchmark_identity(b)
    Path("quiz.py").write_text(QUIZ.replace('reply == "yes"', '"yes" in reply'), encoding="utf-8")  # another inner benchmark
    assert benchmark_identity(make_system("tinybenchmarks?of=quiz.py:Quiz&select=a.json")) != benchmark_identity(a)
    case = next(iter(a.cases()))
    assert a.within(case, Conversation().user("?"), 1)
    assert a.gold(case, Conversation().user("?")) == "yes"


def test_a_selection_for_other_cases_is_refused(class_of: str) -> None:
    select_items("runs.db", (), 12, "anchors.json", None)
    with pytest.raises(InputError, match=r"made for `quiz`, not for `quiz\?offset=5`"):
        make_system("tinybenchmarks?of=quiz.py:Quiz?offset=5&select=anchors.json")
    Path("quiz.py").write_text(QUIZ.replace("question {i", "query {i"), encoding="utf-8")
    with pytest.raises(InputError, match=r"are not those of anchors.json \(they ask something else now\): select anew"):
        list(make_system("tinybenchmarks?select=anchors.json").cases())
    Path("quiz.py").write_text(QUIZ.replace("range(40)", "range(39)"), encoding="utf-8")
    with pytest.raises(InputError, match="it has no case 'q39'"):
        list(make_system("tinybenchmarks?select=anchors.json").cases())


def test_what_is_missing_is_bounded(class_of: str) -> None:
    select_items("runs.db", (), 12, "anchors.json", None)

    def broken(chat: Conversation) -> str:
        if "q" in chat.messages[-1].text and chat.messages[-1].text.split()[1] in broken_numbers:
            raise RuntimeError("down")
        return "yes"

    chosen, _ = read_selection("anchors.json")
    broken_numbers = {chosen.played[0].removeprefix("q")}
    found = evaluate("tinybenchmarks?select=anchors.json", PlayerModel("broken", broken), store="new.db").figure("right (IRT)")
    assert found.value == pytest.approx(1)
    assert (found.low, found.high) == (None, None)
    assert (found.worst, found.best) == (pytest.approx(1 - chosen.anchor_weights[0]), pytest.approx(1))
    assert "1 of them not measured: no interval" in found.note


def test_without_a_selection_it_says_how_to_make_one() -> None:
    plain = TinyBenchmarks()
    assert (plain.label, list(plain.settings)) == ("tinybenchmarks", ["multi"])
    with pytest.raises(InputError, match=r"has no cases yet; choose them .* multiturn plan --select N --out anchors.json"):
        Plan([plain], [PlayerModel("m", lambda chat: "")])
    with pytest.raises(InputError, match=r"`tinybenchmarks\?of=patterns` has no cases yet"):
        list(TinyBenchmarks(of="patterns").cases())
    with pytest.raises(InputError, match="cannot be wrapped in itself"):
        TinyBenchmarks(of="tinybenchmarks?of=patterns")
    with pytest.raises(UnknownName, match="did you mean `patterns`"):
        TinyBenchmarks(of="pattern")
    with pytest.raises(DataError, match=r"cannot read the selection no\.json"):
        TinyBenchmarks(select="no.json")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"format": "other"}, "format is 'other'"), ({"anchors": [99]}, "ascending"), ({"anchors": []}, "ascending"),
        ({"anchor_weights": [0.5, 0.1]}, "sum 1"), ({"weights": [0] * 40}, "above 0"), ({"items": ["q"] * 40}, "twice"),
        ({"a": [[1.0]]}, "one row for each item"), ({"b": None}, "belong to the method irt"), ({"surprise": 1}, "surprise"),
        ({"items": 3}, "items"), ({"families": ["m"]}, "one entry for each model"),
    ],
)  # fmt: skip
def test_a_broken_selection(class_of: str, change: dict[str, object], match: str) -> None:
    select_items("runs.db", (), 2, "anchors.json", None)
    Path("bad.json").write_text(json.dumps({**json.loads(Path("anchors.json").read_text()), **change}))
    with pytest.raises(DataError, match=match):
        read_selection("bad.json")
    Path("bad.json").write_bytes(b"\xff{")
    with pytest.raises(DataError, match="is no selection"):
        read_selection("bad.json")


def test_wrong_input_for_a_selection(class_of: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--select 41: choose from 1 to 40 cases"):
        select_items("runs.db", (), 41, "x.json", None)
    with pytest.raises(InputError, match="--out FILE"):
        select_items("runs.db", (), 4, "", None)
    with pytest.raises(UnknownName, match="known: right"):
        select_items("runs.db", (), 4, "x.json", None, measure="wrong")
    with pytest.raises(UnknownName, match="unknown benchmark of these runs `patterns`"):
        select_items("runs.db", (), 4, "x.json", None, benchmark="patterns")
    with pytest.raises(UnknownName, match="known: multi, single"):
        select_items("runs.db", (), 4, "x.json", None, setting="gold")
    with pytest.raises(InputError, match="not both"):
        select_items("runs.db", ("last",), 4, "x.json", None, "r.csv")
    evaluate("patterns?cases=1", "gold", store="runs.db")
    newest, older, *_ = _ids("runs.db")
    with pytest.raises(InputError, match="did not play `quiz`"):
        select_items("runs.db", (older, newest), 4, "x.json", None)
    assert not Path("x.json").exists()


def _ids(path: str) -> list[str]:
    with Store(path) as store:
        return [run.id for run in runs(store)]


# -- files of responses ---------------------------------------------------------------------------------------------
def test_responses_from_files(tmp_path: Path) -> None:
    table = tmp_path / "r.csv"
    table.write_text("model,i1,i2,i3\ngroup,a,a,b\nm1,1,0,0.5\nm2,,1,1\n", encoding="utf-8")
    lines = tmp_path / "r.jsonl"
    lines.write_text(
        '{"groups": {"i1": "a", "i2": "a", "i3": "b"}}\n{"model": "m1", "scores": {"i1": 1, "i2": false, "i3": 0.5}}\n\n'
        '{"subject_id": "m2", "responses": {"i1": null, "i2": 1, "i3": 1}}\n',
        encoding="utf-8",
    )
    for path in (table, lines):
        found = from_file(str(path))
        assert (found.models, found.items, found.groups) == (["m1", "m2"], ["i1", "i2", "i3"], ["a", "a", "b"])
        assert found.weights.tolist() == [0.75, 0.75, 1.5]
        assert np.nan_to_num(found.scores, nan=-1).tolist() == [[1, 0, 0.5], [-1, 1, 1]]
    table.write_text("model,i1,i2\nm1,1,\nm2,0,\nm3,,\n", encoding="utf-8")
    found = from_file(str(table))
    assert (found.items, found.models) == (["i1"], ["m1", "m2"])
    assert len(found.notes) == 2


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("r.csv", "model,i1\nm1,2\n", "line 2, item 'i1': a score must be a number from 0 to 1"),
        ("r.csv", "model,i1\nm1,nan\n", "must be a number from 0 to 1"),
        ("r.csv", "model,i1\nm1,1,1\n", "line 2: 2 scores for 1 items"),
        ("r.csv", "model,i1,i1\nm1,1,1\n", "twice"),
        ("r.csv", "model,i1\nm1,1\nm1,1\n", "line 3: model 'm1' is there twice"),
        ("r.csv", "", "holds no scores"),
        ("r.csv", "model,i1\nm1,\n", "nothing to select from"),
        ("r.csv", 'model,i1\n"m1', "line 2"),
        ("r.jsonl", "{\n", "line 1"),
        ("r.jsonl", '{"x": 1}\n', "`model` and `scores` are missing"),
        ("r.jsonl", '{"model": "m", "scores": {"i": [1]}}\n', "must be a number"),
    ],
)  # fmt: skip
def test_wrong_responses(tmp_path: Path, name: str, text: str, match: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=match):
        from_file(str(path))


def test_a_selection_from_a_file_for_any_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made without a benchmark; used with the one that has these cases."""
    monkeypatch.chdir(tmp_path)
    cases = [case.id for case in make_system("patterns?cases=10").cases()]
    y, _ = simulated(0, models=30, items=40)
    rows = [",".join(["model", *cases]), *(",".join([f"m{i}", *map(str, row)]) for i, row in enumerate(y))]
    Path("r.csv").write_text("\n".join(rows), encoding="utf-8")
    assert select_items("none.db", (), 8, "anchors.json", None, "r.csv") == 0
    with pytest.raises(InputError, match="`tinybenchmarks` has no cases yet"):
        list(TinyBenchmarks(select="anchors.json").cases())
    found = evaluate(TinyBenchmarks(of="patterns?cases=10", select="anchors.json"), "gold", store="x.db")
    assert found.figure("correct (IRT)").value == pytest.approx(1)
    assert len(found.conversations()) == 8


def test_a_summary_says_when_it_is_no_better_than_chance(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    path = tmp_path / "r.csv"
    rows = [["model", *(f"i{i}" for i in range(40))]]
    rows += [[f"m{m}", *map(str, random.integers(0, 2, 40))] for m in range(20)]  # items have nothing in common
    path.write_text("\n".join(",".join(row) for row in rows), encoding="utf-8")
    made = select(from_file(str(path)), 5)
    said = " ".join(summary(made, "out.json"))
    assert ("no better than cases drawn at random" in said) == (made.errors["gp-IRT"] >= (made.random or 0))
    few = select(from_file(str(path))._replace(scores=from_file(str(path)).scores[:2], models=["a", "b"]), 5)
    assert "Too few models to say how good the estimate is" in " ".join(summary(few, "out.json"))
    some = select(from_file(str(path))._replace(scores=from_file(str(path)).scores[:9], models=list("abcdefghi")), 5)
    assert "clusters of the cases' scores over 9 models" in summary(some, "o.json")[0]
    write_selection(str(tmp_path / "s.json"), some.selection)
    assert read_selection(str(tmp_path / "s.json"))[0] == some.selection
