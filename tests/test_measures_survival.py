"""Survival of the first failure: Kaplan-Meier and Greenwood against lifelines, clustering, censoring, bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiturn.measures.survival import Survival, survive
from multiturn.measures.verdict import FAILED, SCORED, UNMEASURED, Row, Table


def subject(case: str, values: list[float | None], *, repeat: int = 0, cluster: str = "", start: int = 1) -> list[Row]:
    return [
        Row(case, cluster or case, "multi", repeat, "", start + i, "", "accuracy", float("nan") if v is None else v,
            UNMEASURED if v is None else SCORED, "")
        for i, v in enumerate(values)
    ]  # fmt: skip


def fit(rows: list[Row], **options: float) -> Survival:
    found = survive(Table.of(rows), 1.0, **options)
    assert found is not None
    return found


# (turn of the first failure or last turn passed, failed?)
SUBJECTS = list(zip([1, 1, 2, 2, 3, 3, 3, 4, 5, 5, 5, 5], [1, 1, 1, 0, 1, 1, 0, 1, 0, 0, 0, 1], strict=True))


def example() -> list[Row]:
    rows = []
    for i, (turn, failed) in enumerate(SUBJECTS):
        rows += subject(f"c{i}", [1.0] * (turn - 1) + [0.0 if failed else 1.0])
    return rows


def test_kaplan_meier_and_restricted_mean_against_lifelines():
    """lifelines 0.30.3: `KaplanMeierFitter` on the failing turn (censored: last turn passed + 0.5), and
    `restricted_mean_survival_time(t=5)` on the number of turns passed."""
    found = fit(example())
    assert found.turn.tolist() == [1, 2, 3, 4, 5]
    assert found.value == pytest.approx([0.8333333, 0.75, 0.5625, 0.45, 0.3375])
    assert found.at_risk.tolist() == [12, 10, 8, 5, 4]
    assert found.mean == pytest.approx(2.9333333)
    assert found.horizon == 5


def test_variance_is_greenwoods_when_each_subject_is_a_cluster():
    """Greenwood standard errors from the event table of lifelines 0.30.3; ours has the factor G/(G-1) of a sample variance."""
    wanted = np.array([0.10758287, 0.125, 0.14823177, 0.15552331, 0.15197913]) * np.sqrt(12 / 11)
    assert fit(example()).se == pytest.approx(wanted)


def test_repeats_of_a_case_do_not_shrink_the_interval():
    once = fit(example())
    rows = example() + [r._replace(repeat=1) for r in example()]
    twice = fit(rows)
    assert twice.value == pytest.approx(once.value)
    assert twice.low == pytest.approx(once.low)
    assert twice.high == pytest.approx(once.high)
    assert (twice.mean_low, twice.mean_high) == pytest.approx((once.mean_low, once.mean_high))


def test_a_turn_that_was_not_measured_censors_from_there():
    rows = subject("a", [1.0, None, 0.0]) + subject("b", [1.0, 1.0, 0.0]) + subject("c", [1.0, 1.0, 1.0])
    found = fit(rows)
    assert found.at_risk.tolist() == [3, 2, 2]
    assert found.value == pytest.approx([1.0, 1.0, 0.5])
    assert found.cut.tolist() == [0, 1, 1]
    assert (found.subjects, found.subjects_cut) == (3, 1)
    assert fit(rows, unmeasured=-np.inf).value == pytest.approx([1.0, 2 / 3, 1 / 3])
    assert fit(rows, unmeasured=np.inf).value == pytest.approx([1.0, 1.0, 1 / 3])


def test_a_failure_on_a_partly_measured_turn_counts_and_nothing_after_it():
    rows = [*subject("a", [1.0, None]), *subject("a", [1.0, 0.0]), *subject("b", [0.0, 1.0])]
    found = fit(rows)
    assert found.at_risk.tolist() == [2, 1]
    assert found.value == pytest.approx([0.5, 0.0])


def test_turns_nobody_scores_are_skipped():
    found = fit(subject("a", [1.0, 0.0], start=3) + subject("b", [1.0, 1.0], start=3))
    assert found.turn.tolist() == [3, 4]
    assert (found.mean, found.horizon) == (1.5, 2)


def test_all_fail_at_once_and_none_ever_fails():
    dead = fit([r for i in range(6) for r in subject(f"c{i}", [0.0, 1.0, 1.0])])
    assert (dead.value.tolist(), dead.mean, dead.mean_low, dead.horizon) == ([0.0], 0.0, 0.0, 3)
    assert 0 < dead.mean_high < 3
    well = fit([r for i in range(6) for r in subject(f"c{i}", [1.0, 1.0, 1.0])])
    assert (well.value.tolist(), well.mean, well.mean_high) == ([1.0, 1.0, 1.0], 3.0, 3.0)
    assert 0 < well.mean_low < 3


def test_no_reply_is_a_failure_that_is_counted():
    rows = subject("a", [1.0, 0.0]) + subject("b", [1.0, 0.0])
    rows[1] = rows[1]._replace(status=FAILED)
    found = fit(rows)
    assert found.no_reply.tolist() == [0, 1]
    assert found.subjects_no_reply == 1


def test_nothing_to_follow():
    assert survive(Table.of([]), 1.0) is None
    assert survive(Table.of(subject("a", [None, 1.0])), 1.0) is None
    assert survive(Table.of([r._replace(turn=0) for r in subject("a", [1.0])]), 1.0) is None


def test_coverage_with_repeats_of_the_same_case():
    """Pass chance of a case ~ Beta(6.4, 1.6), 4 repeats, 2 to 6 turns; S(t) = B(a + t, b) / B(a, b); 600 data sets."""
    random, rounds, cases, repeats, turns = np.random.default_rng(8), 600, 30, 4, 6
    true = np.cumprod([(6.4 + t) / (8.0 + t) for t in range(turns)])
    hit, names = np.zeros(turns), tuple(map(str, range(cases)))
    for _ in range(rounds):
        case, repeat, turn = (x.ravel() for x in np.meshgrid(range(cases), range(repeats), range(turns), indexing="ij"))
        keep = turn < random.integers(2, turns + 1, (cases, repeats))[case, repeat]
        case, repeat, turn = case[keep], repeat[keep], turn[keep]
        value, zero = (random.random(len(case)) < random.beta(6.4, 1.6, cases)[case]).astype(float), np.zeros_like(case)
        codes = dict.fromkeys(Table.TEXT, zero) | {"case": case, "cluster": case}
        table = Table(codes, dict.fromkeys(Table.TEXT, ("",)) | {"case": names, "cluster": names}, repeat, turn + 1, value, zero)
        found = survive(table, 1.0)
        assert found is not None
        at = found.turn - 1
        hit[at] += (found.low <= true[at]) & (true[at] <= found.high)
    assert ((hit / rounds > 0.92) & (hit / rounds < 0.98)).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.sampled_from([0.0, 1.0, None]), min_size=1, max_size=5), min_size=1, max_size=8), st.data())
def test_order_does_not_matter_and_the_curve_falls(found, data):
    rows = [r for i, values in enumerate(found) for r in subject(f"c{i % 5}", values, repeat=i)]
    first, second = survive(Table.of(rows), 1.0), survive(Table.of(data.draw(st.permutations(rows))), 1.0)
    assert (first is None) == (second is None)
    if first is not None and second is not None:
        assert first.value == pytest.approx(second.value)
        assert first.low == pytest.approx(second.low, nan_ok=True)
        assert (np.diff(first.value) <= 1e-12).all()
        assert 0 <= first.mean <= first.horizon
