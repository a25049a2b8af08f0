"""Accuracy, precision, recall and F1: by hand, by scikit-learn's definitions, jackknife by brute force, edge cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn.measures.confusion import confusion

LABELS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=30)


def test_by_hand() -> None:
    truth = ["yes"] * 6 + ["no"] * 4
    said = ["yes"] * 4 + ["no"] * 2 + ["yes"] + ["no"] * 3
    found = confusion(truth, said)
    assert found.labels == ("no", "yes")
    assert found.counts.tolist() == [[3, 1], [2, 4]]
    assert found.accuracy.value == pytest.approx(0.7)
    yes, no = found.classes["yes"], found.classes["no"]
    assert (yes.precision.value, yes.recall.value, yes.f1.value) == pytest.approx((4 / 5, 4 / 6, 8 / 11))
    assert (no.precision.value, no.recall.value, no.f1.value) == pytest.approx((3 / 5, 3 / 4, 6 / 9))
    assert found.f1.value == pytest.approx((8 / 11 + 6 / 9) / 2)
    assert found.recall.value == pytest.approx((4 / 6 + 3 / 4) / 2)
    assert yes.support == 6
    assert found.f1.low is not None
    assert found.f1.high is not None
    assert 0 < found.f1.low < found.f1.value < found.f1.high < 1  # type: ignore[operator]


@given(LABELS)
def test_values_by_definition(rows: list[tuple[str, str]]) -> None:
    truth, said = [t for t, _ in rows], [s for _, s in rows]
    found = confusion(truth, said)
    f1 = []
    for label in sorted({*truth, *said}):
        tp = sum(t == s == label for t, s in rows)
        fp, fn = said.count(label) - tp, truth.count(label) - tp
        f1.append(2 * tp / (2 * tp + fp + fn))
        assert found.classes[label].precision.value == (pytest.approx(tp / (tp + fp)) if tp + fp else None)
        assert found.classes[label].recall.value == (pytest.approx(tp / (tp + fn)) if tp + fn else None)
    assert found.f1.value == pytest.approx(np.mean(f1))
    assert found.accuracy.value == pytest.approx(np.mean([t == s for t, s in rows]))


def test_the_jackknife_leaves_out_whole_clusters() -> None:
    random = np.random.default_rng(0)
    truth, cluster = random.integers(0, 3, 60), random.integers(0, 12, 60)
    said = np.where(random.random(60) < 0.7, truth, random.integers(0, 3, 60))
    found = confusion(truth.tolist(), said.tolist(), cluster.tolist())
    left = [confusion(truth[cluster != g].tolist(), said[cluster != g].tolist()).f1.value for g in np.unique(cluster)]
    assert found.f1.value is not None
    assert found.f1.se == pytest.approx(np.sqrt(11 / 12 * ((np.array(left) - found.f1.value) ** 2).sum()))  # type: ignore[operator]
    assert (found.f1.n_clusters, found.f1.n_values) == (12, 60)
    thrice = confusion(truth.tolist() * 3, said.tolist() * 3, cluster.tolist() * 3)
    assert thrice.f1[:4] == pytest.approx(found.f1[:4])


def test_edges() -> None:
    perfect = confusion(["a", "b"] * 10, ["a", "b"] * 10)
    assert perfect.f1.value == 1
    assert perfect.f1.low is not None
    assert 0.6 < perfect.f1.low < 0.95
    nothing = confusion([None, "a"], ["a", None])
    assert nothing.accuracy == (None, None, None, None, 0, 0)
    assert nothing.labels == ()
    constant = confusion(["a", "b", "a", "b"], ["a"] * 4)  # always the same answer
    assert constant.recall.value == 0.5
    assert constant.precision.value == 0.25
    assert constant.classes["b"].precision.value is None
    never = confusion(["a"] * 3, ["a"] * 3, labels=["a", "b"])
    assert never.classes["b"].f1.value is None
    assert never.f1.value == 1
    # One item carries class b: its own recall has no interval, the macro mean goes on with the other class.
    one = confusion(["a", "a", "a", "b"], ["a", "a", "b", "b"])
    assert one.classes["b"].recall.low is None
    assert one.f1.low is not None
    with pytest.raises(ValueError, match="not among the labels"):
        confusion(["a"], ["c"], labels=["a", "b"])
