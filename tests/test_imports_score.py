"""Stored conversations read anew by a judge system: only the judge is asked, and only once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import rows
from importing import jsonl
from inprocess import Command, command
from multiturn.engine.runs import runs
from multiturn.engine.store import Store

# The command's entry point takes a name from click that click 9 will not have.
pytestmark = pytest.mark.filterwarnings("ignore:'click.utils.PacifyFlushWrapper':DeprecationWarning")

JUDGE = '''
import json, re

asked = []

def points(chat):
    """Rates an answer with the digit in it, and remembers what it was shown."""
    shown = re.search(r"<answer>(.*?)</answer>", chat.messages[-1].text, re.S)
    answer = shown[1].strip() if shown else ""
    with open("asked.txt", "a") as log:
        log.write(json.dumps(chat.messages[-1].text) + "\\n")
    digit = re.search(r"[1-5]", answer)
    return json.dumps({"reason": "seen", "score": int(digit[0]), "answer": "yes"}) if digit else "no idea"
'''


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    (tmp_path / "judge.py").write_text(JUDGE)
    return command(monkeypatch, capsys, tmp_path)


def talks(path: Path) -> None:
    """Two models, two cases, two turns each; answers say what they are worth."""
    worth = {"one": ((1, 2), (3, 4)), "two": ((5, 5), (5, 4))}
    jsonl(path, *(
        {"id": f"case {i}", "model": model, "messages": [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": f"Question {i}?"}, {"role": "assistant", "content": f"answer {a} of {model}"},
            {"role": "user", "content": "And then?"}, {"role": "assistant", "content": f"answer {b} of {model}"}]}
        for model, pairs in worth.items() for i, (a, b) in enumerate(pairs)
    ))  # fmt: skip


def figures(text: str) -> dict[tuple[str, int | None], float]:
    """Means of the measure ``judge`` by model, and by model and turn."""
    found = json.loads(text)["figures"]
    return {(f["model"], f["turn"]): f["value"] for f in found if f["measure"] == "judge" and f["kind"] in ("mean", "turn")}


def asked(folder: Path) -> list[str]:
    path = folder / "asked.txt"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


SCORE = ("score", "--judge", "script:judge.py:points", "--measure", "judge?ask=point")


def test_an_imported_run_is_judged_by_turn_and_model(run: Command, tmp_path: Path) -> None:
    talks(tmp_path / "a.jsonl")
    assert run("import", "a.jsonl").code == 0
    done = run(*SCORE, "--json", "-")
    assert done.code == 0, done.err
    assert figures(done.out) == {
        ("one", None): 2.5, ("one", 1): 2.0, ("one", 2): 3.0, ("two", None): 4.75, ("two", 1): 5.0, ("two", 2): 4.5,
    }  # fmt: skip
    assert json.loads(done.out)["scales"]["rejudged/judge/imported/openai"]["judge"]["high"] == 5
    questions = asked(tmp_path)
    assert len(questions) == 8
    second = next(q for q in questions if "answer 2 of one" in q)
    assert "Question 0?" in second
    assert "answer 1 of one" in second  # what was said before
    assert "And then?" in second
    # A run of its own, that every command takes; asking again asks nothing.
    assert figures(run("report", "--json", "-").out) == figures(done.out)
    assert "judge 4: seen" in run("show", "--run", "last").out
    assert run("compare", "last", "--models", "one", "two").code == 0
    assert figures(run(*SCORE, "--json", "-").out) == figures(done.out)
    assert len(asked(tmp_path)) == 8
    assert run("cache", "verify").code == 0


def test_it_goes_on_where_it_was_stopped(run: Command, tmp_path: Path) -> None:
    talks(tmp_path / "a.jsonl")
    assert run("import", "a.jsonl").code == 0
    run_id = rows(tmp_path / "multiturn.db", "SELECT id FROM runs")[0][0]
    done = run(*SCORE, "--max-calls", "3", "--json", "-", run_id)
    assert done.code == 3
    assert len(asked(tmp_path)) == 3
    again = run(*SCORE, "--json", "-", run_id)
    assert again.code == 0
    assert len(asked(tmp_path)) == 8
    assert figures(again.out)["two", None] == 4.75


def test_a_judged_run_is_judged_by_somebody_else(run: Command, tmp_path: Path) -> None:
    talks(tmp_path / "a.jsonl")
    (tmp_path / "kind.py").write_text('def points(chat):\n    return \'{"reason": "-", "score": 5}\'\n')
    assert run("import", "a.jsonl").code == 0
    assert run(*SCORE).code == 0
    done = run("score", "last", "--judge", "script:kind.py:points", "--json", "-")
    assert figures(done.out)["one", None] == 5.0
    compared = run("compare", "previous", "last")
    assert compared.code == 0, compared.err
    assert "judge" in compared.out


def test_our_own_runs_keep_their_settings_and_pairs(run: Command, tmp_path: Path) -> None:
    assert run("run", "patterns", "--model", "gold", "--limit", "1").code == 0
    (tmp_path / "kind.py").write_text(
        'def points(chat):\n    return \'{"reason": "-", "score": %d}\' % (1 + len(chat.messages[-1].text) % 5)\n'
    )
    done = run("score", "--judge", "script:kind.py:points", "--measure", "judge?ask=point", "--json", "-")
    assert done.code == 0, done.err
    found = json.loads(done.out)["figures"]
    cost = [f for f in found if f["kind"] == "difference" and f["group"] is None]
    assert cost[0]["setting"] == "multi - single"
    assert cost[0]["n_scored"] > 20  # questions asked alone are paired with the same ones in the conversation
    assert cost[0]["n_unmeasured"] == 0


MINE = """
from multiturn.judges.items import Decision
from multiturn.systems.judge.judging import Judging

class Aspects(Judging):
    slug = "aspects"
    takes = ("point",)
    on = "bundled-points"

    def items(self):
        for item in super().items():
            for name in ("clear", "short"):
                yield type(item)(id=f"{item.id}/{name}", answer=item.answer, dimension=name, low=0, high=1, label=1.0)

    async def decide(self, item, cast):
        said = await cast.judge(cast_question(item))
        return Decision(value=float(len(said.reply) % 2), asked=1, parts={"words": float(len(item.answer.split()))})

def cast_question(item):
    from multiturn.conversation import Conversation
    return Conversation().user(f"{item.dimension}: {item.answer}")
"""


def test_a_judge_of_one_s_own_with_several_aspects_and_parts(run: Command, tmp_path: Path) -> None:
    talks(tmp_path / "a.jsonl")
    (tmp_path / "mine.py").write_text(MINE)
    assert run("import", "a.jsonl").code == 0
    done = run("score", "--judge", "script:judge.py:points", "--measure", "mine.py:Aspects", "--json", "-")
    assert done.code == 0, done.err
    means = {(f["measure"], f["model"]): f["value"] for f in json.loads(done.out)["figures"] if f["kind"] == "mean"}
    assert means["aspects clear", "one"] == means["aspects short", "two"] == 1.0
    assert means["aspects: words", "one"] == 4.0
    assert len(asked(tmp_path)) == 14  # one answer comes twice
    # The report needs neither the judge nor its file.
    (tmp_path / "mine.py").unlink()
    assert (
        json.loads(run("report", "--json", "-").out)["scales"]["rejudged/aspects/imported/openai"]["aspects clear"]["high"] == 1
    )


def test_whole_conversations(run: Command, tmp_path: Path) -> None:
    talks(tmp_path / "a.jsonl")
    assert run("import", "a.jsonl").code == 0
    done = run(*SCORE, "--whole", "--json", "-")
    assert figures(done.out) == {("one", None): 1.0, ("two", None): 3.0}  # the first digit that is said in each
    assert len(asked(tmp_path)) == 4
    assert all("And then?" in q and "Be short." not in q for q in asked(tmp_path))


def test_what_is_not_there_is_not_judged(run: Command, tmp_path: Path) -> None:
    said = {"role": "user", "content": "x"}
    jsonl(
        tmp_path / "a.jsonl",
        {"id": "silent", "messages": [said]},
        {"id": "empty", "messages": [said, {"role": "assistant", "content": ""}]},
        {"id": "fine", "messages": [said, {"role": "assistant", "content": "5"}]},
        {"id": "odd", "messages": [said, {"role": "assistant", "content": "nothing to see"}]},
    )
    assert run("import", "a.jsonl").code == 0
    done = json.loads(run(*SCORE, "--json", "-").out)
    assert done["unmeasured"] == {"judge reply not parsable": 1, "no reply in the conversation": 1}
    (mean,) = (f for f in done["figures"] if f["kind"] == "mean")
    assert (mean["value"], mean["n_scored"], mean["n_failed"], mean["n_unmeasured"]) == (3.0, 1, 1, 2)


def test_wrong_input_is_one_line(run: Command, tmp_path: Path) -> None:
    talks(tmp_path / "a.jsonl")
    assert run("import", "a.jsonl").code == 0
    for args, says in (
        (["--judge", "gold"], "was imported, and its own judging cannot be repeated; name a judge system"),
        (["--measure", "judge?ask=point"], "`judge?ask=point` needs a model to ask: --judge NAME"),
        (["--measure", "judge?ask=pair", "--judge", "gold"], "judges pair items: stored conversations need a judge"),
        (["--measure", "mt-bench", "--judge", "gold"], "judges nothing but its own cases"),
        (["--measure", "judge", "--measure", "x", "--judge", "gold"], "give it as the only --measure"),
        (["--measure", "judge?ask=reference", "--judge", "gold"], "stored conversations have none: take a judge that needs none"),
        (["--measure", "reference-guided-verdict", "--judge", "gold"], "holds an answer against a reference"),
        (["--measure", "judge?ask=pont", "--judge", "gold"], "unknown form of `judge?ask=` `pont`"),
    ):
        done = run("score", *args)
        assert done.code == 2
        assert len(done.err.splitlines()) == 1, done.err
        assert says in done.err
    with Store(tmp_path / "multiturn.db") as store:
        assert len(runs(store)) == 1  # nothing was begun
    assert "judges what is in a store" in run("run", "rejudged", "--model", "gold", "--judge", "gold").err
    assert run("run", "patterns", "--model", "gold", "--limit", "1").code == 0
    assert "--whole goes with a judge system" in run("score", "--whole").err
    assert "unknown measure `nope`" in run("score", "--measure", "nope").err
    assert run("score", "--measure", "correct").code == 0
