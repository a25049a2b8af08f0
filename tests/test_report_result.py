"""The machine-readable result: its names are a contract. Also holds the made-up run that the other report tests share."""

from __future__ import annotations

import random
from pathlib import Path

import jsonschema
import msgspec
import pytest

from multiturn.conversation import Conversation, InputError, ToolCall, ToolResult
from multiturn.measures.figure import Figure, Scale
from multiturn.measures.verdict import Verdict
from multiturn.report.result import (
    Calls,
    ConversationView,
    PublishedFigure,
    RunInfo,
    RunResult,
    Tokens,
    as_object,
    result_schema,
    to_json,
    write_json,
)

GROUPS = ("recollection", "expansion", "refinement", "follow-up")
DROPS = dict(zip(GROUPS, (0.06, 0.02, 0.18, 0.31), strict=True))
SYSTEM, MODEL = "patterns", "local/smollm2"


def _figure(measure: str, value: float | None, half: float = 0.06, **fields: object) -> Figure:
    unit = str(fields.get("unit", "fraction"))
    ends = {} if value is None else {"low": value - half, "high": value + half}
    if unit == "fraction" and fields.get("kind") != "difference":
        ends = {k: min(1.0, max(0.0, v)) for k, v in ends.items()}
    return msgspec.convert({"measure": measure, "value": value, **ends, **fields}, Figure)


def sample_figures(system: str = SYSTEM, model: str = MODEL, shift: float = 0.0) -> list[Figure]:
    """Figures of every kind, as the measures room makes them."""
    who = {"system": system, "model": model}
    out = []
    for group in (None, *GROUPS):
        n = 10 if group else 40
        drop = DROPS[group] if group else 0.1425
        half = 0.09 if group else 0.045
        lost = {"n_unmeasured": 3, "worst": 0.40, "best": 0.47} if group in (None, "follow-up") else {"n_unmeasured": 0}
        alone = 0.62 + shift
        for setting, value in (("multi", alone - drop), ("single", alone)):
            out.append(_figure("accuracy", value, half, setting=setting, group=group, n_cases=n, n_scored=n * 4 - 2, n_failed=2,
                               **lost, **who))  # fmt: skip
        common = {"setting": "multi - single", "group": group, "n_cases": n, "n_scored": n * 4, **who}
        out.append(_figure("accuracy difference", -drop, half, kind="difference", note="p = 0.012", **common))
        out.append(_figure("accuracy effect size", -drop * 3, 0.3, kind="effect", unit="", **common))
        out.append(Figure(measure="accuracy detectable difference", value=0.08, kind="detectable", **common))
        survived = 1.0
        for turn in range(1, 9):
            for setting, fall in (("multi", drop / 3), ("single", 0.004)):
                value, cases = alone - fall * turn, max(4, n - 4 * turn)
                out.append(_figure("accuracy", value, 0.05 + 0.008 * turn, kind="turn", setting=setting, group=group, turn=turn,
                                   n_cases=cases, n_scored=n - turn, **who))  # fmt: skip
            survived *= 1 - drop
            out.append(_figure("accuracy survival", survived, 0.08, kind="survival", setting="multi", group=group, turn=turn,
                               n_cases=n, n_scored=n, **who))  # fmt: skip
        out.append(_figure("turns before first failure", 3.4, 0.7, kind="rmst", unit="turns", setting="multi",
                           group=group, n_cases=n, n_scored=n, note="accuracy, of 8 turns", **who))  # fmt: skip
    out.append(_figure("accuracy aptitude", 0.71, setting="multi", kind="aptitude", n_cases=40, n_scored=120, **who))
    out.append(_figure("accuracy pass^3", 0.22, setting="multi", kind="pass^k", n_cases=40, n_scored=40, **who))
    out.append(_figure("length", 84.2, 9.0, setting="multi", unit="points", n_cases=40, n_scored=160, **who))
    out.append(_figure("quality", None, setting="multi", unit="points", n_cases=0, n_unmeasured=160, **who))
    return out


def sample(**changes: object) -> RunResult:
    """A made-up run with figures of all kinds."""
    run = RunInfo(
        id="9f2c41ab77d0", created="2026-03-14T10:02:11Z", finished="2026-03-14T10:09:40Z", status="partial",
        command="multiturn run patterns --model local/smollm2 --setting multi --setting single --seed 7",
        versions={"multiturn": "0.1.0", "python": "3.11.7", "xllamacpp": "2026.9.1"}, systems=[SYSTEM], models=[MODEL],
        settings=["multi", "single"], options={"limit": 40, "repeats": 1, "temperature": 0.0}, seeds={"run": 7},
        data={SYSTEM: "blake2b:1f0c9d5e"}, roles={"judge": "openai/judge-1"},
    )  # fmt: skip
    fields: dict[str, object] = {
        "run": run, "figures": sample_figures(), "calls": Calls(made=312, recorded=48, retried=5, failed=3), "cost": 0.0,
        "tokens": Tokens(input=182_340, output=40_112, cached=131_020), "unmeasured": {"needs --judge": 160, "time-out": 3},
        "episodes": 200, "seconds": 449.2,
        "scales": {SYSTEM: {"length": Scale(0, 2000, "points"), "quality": Scale(1, 10, "points", 7)}},
        "published": [PublishedFigure("GPT-4", 0.93, "accuracy", "multi", None, "table 2", system=SYSTEM)],
    }  # fmt: skip
    return RunResult(**(fields | changes))  # type: ignore[arg-type]


WORDS = ("the", "letter", "ends", "with", "a", "promise", "that", "every", "garden", "keeps", "until", "somebody", "asks")


def sample_views(cases: int = 40, turns: int = 5) -> list[ConversationView]:
    """Conversations of the made-up run, with their stand-alone counterparts; about half fail somewhere."""
    found = []
    for i in range(cases):
        chance, group, case = random.Random(i), GROUPS[i % 4], f"{GROUPS[i % 4]}-{i:02d}"
        chat, verdicts = Conversation.start(system="You are a helpful assistant. Answer briefly."), []
        if i % 8 == 1:
            chat = chat.user("Look it up first.").assistant(ToolCall("c1", "find", '{"q": "key"}'))
            chat = chat.tool(ToolResult("c1", "3 results")).assistant("Found three.", author="gold")
        for turn in range(len(chat.turns) + 1, turns + 1):
            question = f"Question {turn} about document {i}: " + " ".join(chance.choices(WORDS, k=14)) + "?"
            passed = chance.random() > DROPS[group] * turn / 3
            chat = chat.user(question).assistant(" ".join(chance.choices(WORDS, k=30 if passed else 12)).capitalize() + ".")
            reason = "all constraints hold" if passed else "4 sentences, at most 3 allowed; the keyword `key` is missing"
            verdicts.append(Verdict("accuracy", float(passed), turn=turn, item=str(turn), reason=reason))
            if turn > 2:
                alone = Conversation().user(f"(stand-alone) {question}").assistant("A stand-alone answer. " + " ".join(WORDS[:9]))
                verdict = Verdict("accuracy", float(chance.random() > 0.2), turn=turn, item=str(turn), reason="checked")
                found.append(ConversationView(system=SYSTEM, model=MODEL, case=f"{case}#{turn}", cluster=case, group=group,
                                              setting="single", chat=alone, verdicts=[verdict]))  # fmt: skip
        if i % 10 == 3:
            verdicts.append(Verdict("accuracy", None, turn=turns + 1, item=str(turns + 1), cause="context limit"))
        verdicts.append(Verdict("quality", None, cause="needs --judge"))
        stopped = "context limit" if i % 10 == 3 else ""
        found.append(ConversationView(system=SYSTEM, model=MODEL, case=case, cluster=case, group=group, chat=chat,
                                      verdicts=verdicts, stopped=stopped))  # fmt: skip
    return found


def test_the_names_that_other_programs_rely_on() -> None:
    made = msgspec.json.decode(to_json(sample()))
    keys = ["run", "figures", "calls", "cost", "cost_known", "tokens", "unmeasured", "examples", "episodes", "seconds",
            "published", "scales", "cards"]  # fmt: skip
    assert list(made) == keys
    assert list(made["run"]) == ["id", "created", "finished", "status", "command", "versions", "systems", "models", "settings",
                                 "options", "seeds", "data", "roles"]  # fmt: skip
    assert list(made["calls"]) == ["made", "recorded", "retried", "failed"]
    assert {tuple(f) for f in made["figures"]} == {(
        "system", "model", "setting", "measure", "group", "turn", "value", "low", "high", "n_cases", "n_scored", "n_failed",
        "n_unmeasured", "unit", "kind", "worst", "best", "note",
    )}  # fmt: skip
    assert made["unmeasured"] == {"needs --judge": 160, "time-out": 3}


def test_the_object_obeys_its_schema() -> None:
    schema = result_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(msgspec.json.decode(to_json(sample())), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**as_object(sample()), "calls": {"made": "many"}}, schema)


def test_what_is_not_a_number_is_null() -> None:
    figure = Figure(measure="x", value=float("nan"), low=float("-inf"), high=None)
    made = msgspec.json.decode(to_json(sample(figures=[figure], cost=float("nan"))))
    assert made["cost"] is None
    assert [made["figures"][0][k] for k in ("value", "low", "high", "setting", "turn", "system")] == [None] * 6


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    target.write_text("old")
    write_json(target, sample())
    assert msgspec.json.decode(target.read_bytes())["episodes"] == 200
    with pytest.raises(InputError, match="cannot write"):
        write_json(tmp_path / "no" / "result.json", sample())
    assert [p.name for p in tmp_path.iterdir()] == ["result.json"]
