"""What judge systems share: draws of raters, what cannot be read taken for wrong, and calls that failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multiturn import evaluate
from multiturn.conversation import CallError, Conversation
from multiturn.engine.data import DataFolder
from multiturn.judges.ask import UNREADABLE
from multiturn.judges.drawn import drawn
from multiturn.judges.unread import FORMAT_ERROR, as_wrong
from multiturn.measures.figure import Figure
from multiturn.measures.verdict import Verdict
from multiturn.systems.judge.acute_eval import AcuteEval
from multiturn.systems.judge.answer_matching import AnswerMatching
from multiturn.systems.judge.href import Href
from multiturn.systems.judge.judging import Judging
from multiturn.systems.judge.meena_ssa import MeenaSSA
from multiturn.systems.judge.multi_elo import MultiElo
from multiturn.systems.judge.reference_guided_verdict import ReferenceGuidedVerdict
from multiturn.systems.judge.repeated_ranking import RepeatedRanking
from multiturn.systems.judge.transevalnia import TransEvalnia

SYSTEMS: dict[type[Judging], tuple[str, ...]] = {
    MultiElo: ("plain", "mers"), RepeatedRanking: ("plain", "single"), AnswerMatching: ("plain", "no-reference"),
    ReferenceGuidedVerdict: ("plain", "early-stop", "one-judge"), AcuteEval: ("plain",), MeenaSSA: ("plain", "ungated"),
    TransEvalnia: ("no-reasoning", "one-step", "two-step", "three-step", "score"), Href: ("no-reference", "reference"),
}  # fmt: skip


@pytest.mark.parametrize("cause", [UNREADABLE, FORMAT_ERROR])
def test_what_cannot_be_read_is_wrong_where_it_stands(cause: str) -> None:
    found = Verdict("m", None, turn=2, item="i", group="g", cause=cause)
    assert as_wrong(found) == Verdict("accuracy", 0.0, turn=2, item="i", group="g", reason=cause, failed=True)


def test_everything_else_stays_as_it_is() -> None:
    for found in (Verdict("m", None, turn=2, group="g", cause="budget"), Verdict("m", 0.5, turn=2, group="g", reason="r")):
        renamed = as_wrong(found, "n")
        assert renamed.measure == "n"
        assert (renamed.value, renamed.turn, renamed.group, renamed.reason, renamed.cause, renamed.failed) == (
            found.value, found.turn, found.group, found.reason, found.cause, False,
        )  # fmt: skip


def test_a_coin_for_places_is_fair_and_the_same_every_time() -> None:
    tosses = [drawn(str(n)) for n in range(2000)]
    assert tosses == [drawn(str(n)) for n in range(2000)]
    assert abs(sum(tosses) - 1000) < 4 * 2000**0.5 / 2


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_judge_that_cannot_be_reached_is_not_measured(system: type[Judging], tmp_path: Path, data_root: Path) -> None:
    def dead(chat: Conversation) -> str:
        raise CallError("the line is dead", cause="connection")

    made = system(DataFolder(data_root, offline=True))
    found = evaluate(made, dead, settings=SYSTEMS[system], limit=3, store=tmp_path / "s.db")
    assert _measured(found.figures) == {}


def _measured(figures: list[Figure]) -> dict[str, float]:
    """What was measured of the judge, not of labels, people or rules."""
    of_items = ("label", "people", "exact match", "token F1", "ROUGE-L", "calls", "conversations")
    found = [(f.measure, f.value) for f in figures if f.value is not None and f.kind != "count"]
    return {measure: value for measure, value in found if not any(word in measure for word in of_items)}


def _dead_on(words: str, reply: str) -> object:
    def judge(chat: Conversation) -> str:
        if words in chat.messages[0].text:
            raise CallError("the line is dead", cause="connection")
        return reply

    return judge


def test_a_score_whose_call_failed_is_not_wrong(tmp_path: Path) -> None:
    judge = _dead_on("Give scores", "<evaluation>fine</evaluation>")
    found = evaluate(TransEvalnia(), judge, settings=("score",), limit=3, store=tmp_path / "s.db")  # type: ignore[arg-type]
    figure = {f.measure: f for f in found.figures if f.group is None}
    assert figure["accuracy"].value is None
    assert figure["accuracy"].n_unmeasured == 3
    assert "unparsable" not in figure or figure["unparsable"].value is None


def test_a_seat_that_could_not_be_asked_does_not_abstain(tmp_path: Path) -> None:
    def dead(chat: Conversation) -> str:
        raise CallError("the line is dead", cause="connection")

    yes = '{"reason": "-", "answer": "yes"}'
    made = ReferenceGuidedVerdict(judges=2)
    found = evaluate(made, lambda chat: yes, settings=("plain",), judge=dead, limit=4, store=tmp_path / "a.db")
    figure = {f.measure: f for f in found.figures if f.group is None}
    assert figure["correct"].value is None
    assert figure["unparsable"].value == 0
    # With two of three votes for the same, the third cannot change anything.
    found = evaluate(
        ReferenceGuidedVerdict(), lambda chat: yes, settings=("plain",), judge=dead, limit=4, store=tmp_path / "b.db"
    )
    assert next(f for f in found.figures if f.measure == "correct").n_scored == 4


def test_a_ranking_whose_call_failed_is_not_left_out(tmp_path: Path) -> None:
    calls: list[int] = []

    def judge(chat: Conversation) -> str:
        calls.append(1)
        if len(calls) == 2:
            raise CallError("the line is dead", cause="connection")
        return '{"ranking": "A > B > C > D"}'

    found = evaluate(RepeatedRanking(), judge, settings=("plain",), limit=1, store=tmp_path / "s.db")
    figure = {f.measure: f for f in found.figures if f.group is None}
    assert figure["correct"].value is None
    assert figure["unparsable"].value == 0
    assert figure["W"].value is None


PAIRS = [{"prompt": f"{n} + 2?", "first": str(n + 2), "second": str(n), "label": "first"} for n in range(3)]
PAIRS += [{"prompt": f"{n} + 3?", "first": str(n), "second": str(n + 3), "label": "second"} for n in range(3)]
POINTS = [
    {"prompt": f"{n} + 2?", "answer": str(n + k), "reference": str(n + 2), "label": k == 2} for n in range(3) for k in (2, 3)
]


@pytest.mark.parametrize("system", SYSTEMS)
def test_gold_is_right_on_a_file_of_ones_own_however_it_is_shown(system: type[Judging], tmp_path: Path) -> None:
    if "pair" not in system.takes and "point" not in system.takes:
        pytest.skip("lists have a test of their own")
    rows = PAIRS if "pair" in system.takes else POINTS
    path = tmp_path / "items.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = {"default": "no-reference"} if system is Href else {}
    settings = tuple(s for s in ("plain", "again", "swapped", "relabelled") if s in ("plain", "again") or rows is PAIRS)
    found = evaluate(system(on=str(path), **options), "gold", settings=settings, store=tmp_path / "s.db")
    right = {f.setting: f.value for f in found.figures if f.measure == "correct" and f.group is None}
    assert right == dict.fromkeys(settings, 1)


def test_gold_of_planted_flaws_is_right_however_it_is_shown(tmp_path: Path) -> None:
    settings = ("plain", "mers", "again", "swapped", "relabelled")
    found = evaluate(MultiElo(), "gold", settings=settings, limit=66, store=tmp_path / "s.db")
    right = {f.setting: f.value for f in found.figures if f.measure == "correct" and f.group is None}
    assert right == dict.fromkeys(settings, 1)
