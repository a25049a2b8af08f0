"""Agreement: closed forms, values of statsmodels 0.14 and krippendorff 0.8, scipy, coverage of the intervals, edge cases."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import friedmanchisquare, kendalltau, pearsonr, spearmanr

from multiturn.measures import agreement as ag
from multiturn.measures.agreement_parts import ends
from multiturn.measures.figure import FRACTION

A = [1, 2, 3, 1, 1, 2, 2, 3, 3, 1, 2, 1]
B = [1, 2, 3, 1, 2, 2, 1, 3, 2, 1, 2, 3]
ITEMS = [[1, 1, 1], [1, 2, 1], [2, 2, 2], [3, 3, 1], [3, 3, 3], [2, 1, 2], [1, 1, 2], [3, 2, 1]]
N = None
CANONICAL = [  # Krippendorff 2011, section C: four observers of twelve units
    [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N], [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
    [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N], [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
]  # fmt: skip


# -- values -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("weights", "value"), [("none", 0.4947368421052631), ("linear", 0.5081967213114753), ("quadratic", 0.5227272727272727)]
)
def test_cohen(weights: str, value: float) -> None:
    found = ag.cohen_kappa(A, B, weights=weights)  # type: ignore[arg-type]
    assert found.value == pytest.approx(value)
    assert found.low is not None
    assert found.high is not None
    assert found.low < value < found.high
    assert found.majority == pytest.approx(5 / 12)
    assert (found.n, found.clusters) == (12, 12)


def test_kappa_by_hand_beside_its_base_rate() -> None:
    """90 % agreement with a rare label: p_e = 0.9 * 0.9 + 0.1 * 0.1 = 0.82, kappa = 0.08 / 0.18."""
    gold = ["n"] * 90 + ["y"] * 10
    said = ["n"] * 85 + ["y"] * 5 + ["n"] * 5 + ["y"] * 5
    found = ag.cohen_kappa(gold, said)
    assert found.observed == pytest.approx(0.9)
    assert found.expected == pytest.approx(0.82)
    assert found.majority == pytest.approx(0.9)
    assert found.value == pytest.approx(0.08 / 0.18)


def test_fleiss_and_krippendorff() -> None:
    assert ag.fleiss_kappa(ITEMS).value == pytest.approx(0.29787234042553185)
    units = list(zip(*CANONICAL, strict=True))
    expected = {
        "nominal": 0.743421052631579, "ordinal": 0.8153875037548814, "interval": 0.8491071428571428, "ratio": 0.7974027747116121,
    }  # fmt: skip
    for level, value in expected.items():
        found = ag.krippendorff_alpha(units, level)  # type: ignore[arg-type]
        assert found.value == pytest.approx(value)
        assert found.n == 11  # one unit has a single value
    with pytest.raises(ValueError, match="same number of raters"):
        ag.fleiss_kappa([[1, 1], [1]])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=25))
def test_rank_correlations_are_those_of_scipy(pairs: list[tuple[int, int]]) -> None:
    x, y = [p[0] for p in pairs], [p[1] for p in pairs]
    if len(set(x)) > 1 and len(set(y)) > 1:
        assert ag.spearman(x, y).value == pytest.approx(spearmanr(x, y)[0], abs=1e-12)
        assert ag.kendall(x, y).value == pytest.approx(kendalltau(x, y)[0], abs=1e-12)
    else:
        assert ag.spearman(x, y).value is None
        assert ag.kendall(x, y).value is None


def test_pairwise_accuracy_by_hand() -> None:
    truth = [1, 2, 3, 3]
    # Of five pairs untied in the truth: four right, one tied by the judge.
    found = ag.pairwise_accuracy([1, 1, 2, 3], truth)
    assert found.value == pytest.approx(4.5 / 5)
    assert ag.pairwise_accuracy([0, 0, 0, 0], truth).value == 0.5
    assert ag.pairwise_accuracy([0, 0, 0, 0], truth, ties=True).value == pytest.approx(1 / 6)
    assert ag.pairwise_accuracy(truth, truth, ties=True).value == 1
    assert ag.pairwise_accuracy([-t for t in truth], truth).value == 0


# -- intervals --------------------------------------------------------------------------------------------------------
def test_leaving_out_clusters_is_exact() -> None:
    """The jackknife of sums and of pairs equals leaving out and computing anew."""
    random = np.random.default_rng(0)
    x, y, cluster = random.integers(0, 4, 40), random.integers(0, 4, 40), random.integers(0, 9, 40)
    for measure in (ag.cohen_kappa, ag.kendall, ag.pairwise_accuracy):
        found = measure(x.tolist(), y.tolist(), cluster.tolist())
        left = np.array([measure(x[cluster != g].tolist(), y[cluster != g].tolist()).value for g in np.unique(cluster)])
        assert found.value is not None
        scale = FRACTION if measure is ag.pairwise_accuracy else ag.COEFFICIENT
        assert (found.low, found.high) == pytest.approx(ends(found.value, left, scale))
        assert found.clusters == 9


def test_repeating_what_a_cluster_says_changes_nothing() -> None:
    names = [f"item {i}" for i in range(12)]
    for measure in (ag.exact_agreement, ag.cohen_kappa):
        one, three = measure(A, B, names), measure(A * 3, B * 3, names * 3)
        assert three.value == pytest.approx(one.value)
        assert (three.low, three.high) == pytest.approx((one.low, one.high))
        assert three.n == 36


def test_intervals_cover() -> None:
    random = np.random.default_rng(1)
    kappa, rank, accuracy = [], [], []
    true = 6 / np.pi * np.arcsin(0.6 / 2)  # Spearman's of a bivariate normal with correlation 0.6
    for _ in range(300):
        gold = random.random(120) < 0.4
        said = np.where(random.random(120) < 0.8, gold, ~gold)
        found = ag.cohen_kappa(gold.tolist(), said.tolist())
        p = 0.4 * 0.8 + 0.6 * 0.2
        chance = 0.4 * p + 0.6 * (1 - p)
        kappa.append(found.low <= (0.8 - chance) / (1 - chance) <= found.high)  # type: ignore[operator]
        x = random.standard_normal(60)
        y = 0.6 * x + 0.8 * random.standard_normal(60)
        by_rank = ag.spearman(x, y)
        rank.append(by_rank.low <= true <= by_rank.high)  # type: ignore[operator]
        pairs = ag.pairwise_accuracy(x, y)
        half = 0.5 + np.arcsin(0.6) / np.pi
        accuracy.append(pairs.low <= half <= pairs.high)  # type: ignore[operator]
    for covered in (kappa, rank, accuracy):
        assert 0.91 <= np.mean(covered) <= 0.985


# -- edges ------------------------------------------------------------------------------------------------------------
def test_perfect_agreement_is_not_certain() -> None:
    for found in (ag.exact_agreement(A, A), ag.cohen_kappa(A, A), ag.fleiss_kappa([[a, a] for a in A]), ag.kendall(A, A)):
        assert found.value == pytest.approx(1)
        assert found.low is not None
        assert 0.3 < found.low < 0.95
        assert found.high == pytest.approx(1)


def test_missing_values_and_nothing_at_all() -> None:
    found = ag.cohen_kappa([1, None, 2, 1], [1, 2, float("nan"), 1])
    assert found.n == 2
    assert found.value is None  # one label only
    assert ag.spearman([1, np.nan, 2, 3], [1, 2, 2, 3]).n == 3
    for empty in (ag.exact_agreement([], []), ag.cohen_kappa([], []), ag.fleiss_kappa([]), ag.krippendorff_alpha([]),
                  ag.spearman([], []), ag.kendall([], []), ag.pairwise_accuracy([], [])):  # fmt: skip
        assert empty.value is None
        assert (empty.n, empty.low, empty.high) == (0, None, None)
    with pytest.raises(ValueError, match="1 values against 2"):
        ag.cohen_kappa([1], [1, 2])
    assert ag.krippendorff_alpha([[1, 1], [1, 1]]).value is None
    assert ag.cohen_kappa([1, 2], [1, 2], ["same", "same"]).low is None


# -- published figures ------------------------------------------------------------------------------------------------
TD_EVAL = ("gpt4o", "gpt4omini", "llama70b", "mistrallarge", "sonnet35")


@pytest.mark.parametrize("agent", TD_EVAL)
@pytest.mark.parametrize("dimension", ["conv_consistency", "backend_consistency", "policy_completeness"])
def test_td_eval_agreement_tables(data_root: Path, agent: str, dimension: str) -> None:
    """The released tables to four digits: Randolph's kappa of five levels (there named Fleiss'), Cohen's linear kappa,
    alpha of the interval level; judge against the mean of people, truncated."""
    data = json.loads((data_root / "td-eval" / f"human_llm_comparison_{agent}.json").read_text())
    scores = data["turn_level_scores"]
    people = list(scores[f"human_{dimension}_scores"].values())
    units = list(zip(*people, strict=True))
    released = data["inter_annotator_agreement"][dimension]
    levels = [1, 2, 3, 4, 5]
    assert ag.randolph_kappa(units, labels=levels).value == pytest.approx(released["f_kappa"], abs=5e-5)
    kappa = ag.cohen_kappa(*people, weights="linear").value if len(people) == 2 else None
    assert kappa == pytest.approx(released["c_kappa"], abs=5e-5)
    assert ag.krippendorff_alpha(units, "interval").value == pytest.approx(released["k_alpha"], abs=5e-5)
    judged = data["human_llm_agreement"][dimension]
    mean = [int(v) for v in scores[f"avg_human_{dimension}_turn_scores"]]
    both = list(zip(mean, scores[f"llm_{dimension}_scores"], strict=True))
    assert ag.randolph_kappa(both, labels=levels).value == pytest.approx(judged["f_kappa"], abs=5e-5)
    human, judge = scores[f"avg_human_{dimension}_dial_scores"], scores[f"avg_llm_{dimension}_dial_scores"]
    assert ag.pearson(human, judge).value == pytest.approx(judged["pearson"]["coeff"], abs=5e-5)
    assert ag.spearman(human, judge).value == pytest.approx(judged["spearman"]["coeff"], abs=5e-5)


UNIEVAL = {
    "topical_chat_result.json": {
        "naturalness": (0.443666, 0.513986, 0.373973), "coherence": (0.595143, 0.612942, 0.465915),
        "engagingness": (0.556510, 0.604739, 0.455941), "groundedness": (0.536209, 0.574954, 0.451533),
        "understandability": (0.380038, 0.467807, 0.360741), "overall": (0.632796, 0.662583, 0.487272),
    },
    "sfhot_result.json": {"overall": (0.406425, 0.320721, 0.236024)},
}  # fmt: skip


@pytest.mark.parametrize("file", list(UNIEVAL))
def test_unieval_correlations(data_root: Path, file: str) -> None:
    rows = json.loads((data_root / "unieval" / file).read_text())
    for dimension, published in UNIEVAL[file].items():
        human = [row["scores"][dimension] for row in rows]
        judge = [row["predict_scores"][dimension] for row in rows]
        found = [measure(human, judge).value for measure in (ag.pearson, ag.spearman, ag.kendall)]
        assert found == pytest.approx(published, abs=1e-6), dimension


def test_unieval_scores_only(data_root: Path) -> None:
    rows = [json.loads(line) for line in (data_root / "unieval" / "scores_only.jsonl").read_text().splitlines()]
    published = {
        ("qags_cnndm", "consistency"): (0.681681, 0.662255, 0.531636),
        ("qags_xsum", "consistency"): (0.461376, 0.487920, 0.399218),
        ("sfres", "overall"): (0.370815, 0.291593, 0.214708),
    }
    for (name, dimension), values in published.items():
        mine = [row for row in rows if row["dataset"] == name]
        human = [row["scores"][dimension] for row in mine]
        judge = [row["predict_scores"][dimension] for row in mine]
        assert [m(human, judge).value for m in (ag.pearson, ag.spearman, ag.kendall)] == pytest.approx(values, abs=1e-6)


def test_fed_dialogue_level(data_root: Path) -> None:
    """GPT-4's mean of five against the mean of people, to three digits; self-consistency of the five."""
    folder = data_root / "dialogue-evaluators-analysis" / "dialog_level"
    judge = json.loads((folder / "fed_gpt4_annotations.json").read_text())
    people = json.loads((folder / "fed_human_annotations.json").read_text())
    table = {
        ("coh", "Coherent"): (0.760, 0.719), ("eng", "Likeable"): (0.689, 0.692), ("inf", "Informative"): (0.615, 0.620),
        ("div", "Diverse"): (0.534, 0.559), ("ovr", "Overall"): (0.744, 0.725),
    }  # fmt: skip
    steady = {"coh": 0.779, "div": 0.450, "eng": 0.765, "inf": 0.837, "ovr": 0.747}
    for (short, name), published in table.items():
        samples = np.array([judge[f"{short}_{i}"] for i in range(1, 6)], dtype=float)
        human = [np.mean([v for v in row["annotations"][name] if isinstance(v, int | float)]) for row in people]
        found = (ag.pearson(human, samples.mean(axis=0)).value, ag.spearman(human, samples.mean(axis=0)).value)
        assert found == pytest.approx(published, abs=1e-3), short
        between = [ag.pearson(samples[i], samples[j]).value for i in range(5) for j in range(i)]
        assert np.mean(between) == pytest.approx(steady[short], abs=1e-3)  # type: ignore[arg-type]


# -- more of the same family ------------------------------------------------------------------------------------------
def test_weights_of_four_levels_by_hand() -> None:
    """p_o = 1 - mean w, chance from the margins (Cohen 1968)."""
    a, b = [0, 1, 2, 3, 3, 0], [0, 2, 2, 3, 1, 1]
    for power, name in ((1, "linear"), (2, "quadratic")):
        lost = np.mean([abs(x - y) ** power for x, y in zip(a, b, strict=True)])
        chance = np.mean([abs(x - y) ** power for x in a for y in b])
        assert ag.cohen_kappa(a, b, weights=name, labels=range(4)).value == pytest.approx(1 - lost / chance)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not among the labels"):
        ag.cohen_kappa([1], [7], labels=[1, 2])


def test_gwet_and_randolph_by_hand() -> None:
    """Feinstein & Cicchetti's skewed table (40, 5 / 5, 0 of 50): kappa falls below 0 where 80 % agree, AC1 does not."""
    pairs = [(1, 1)] * 40 + [(1, 0)] * 5 + [(0, 1)] * 5
    found = ag.gwet_ac(pairs)
    chance = 2 * 0.9 * 0.1
    assert found.observed == pytest.approx(0.8)
    assert found.expected == pytest.approx(chance)
    assert found.value == pytest.approx((0.8 - chance) / (1 - chance))
    kappa = ag.cohen_kappa(*zip(*pairs, strict=True)).value
    assert kappa is not None
    assert kappa < 0
    assert ag.randolph_kappa(pairs).value == pytest.approx((0.8 - 0.5) / 0.5)
    assert ag.randolph_kappa(pairs, labels=range(5)).value == pytest.approx((0.8 - 0.2) / 0.8)
    # AC2 with quadratic weights: p_a by hand, p_e = sum(w) / (K (K-1)) sum pi (1 - pi).
    three = [(1, 1), (1, 2), (2, 3), (3, 3), (1, 3)]
    near = 1 - np.subtract.outer(range(3), range(3)) ** 2 / 4
    seen = np.mean([near[a - 1, b - 1] for a, b in three])
    share = np.bincount(np.ravel(three), minlength=4)[1:] / 10
    chance = near.sum() / 6 * (share * (1 - share)).sum()
    assert ag.gwet_ac(three, weights="quadratic").value == pytest.approx((seen - chance) / (1 - chance))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)), min_size=4, max_size=20))
def test_missing_ratings_and_permuted_raters_change_no_coefficient(rows: list[tuple[int, int, int]]) -> None:
    for measure in (ag.gwet_ac, ag.randolph_kappa, ag.fleiss_kappa):
        one = measure(rows, labels=[0, 1, 2])
        padded = measure([(*row[::-1], None) for row in rows], labels=[0, 1, 2])
        assert padded.value == pytest.approx(one.value)
        assert (padded.low, padded.high) == (pytest.approx(one.low), pytest.approx(one.high))


def test_one_rating_counts_for_chance_only() -> None:
    found = ag.gwet_ac([(1, 1), (2, 2), (1, None), (None, None)])
    assert (found.n, found.clusters, found.observed) == (2, 3, 1.0)
    assert found.expected == pytest.approx(2 * (2 / 3) * (1 / 3))


def test_pearson_is_scipys() -> None:
    random = np.random.default_rng(0)
    x = random.random(50)
    y = x + random.random(50)
    assert ag.pearson(x, y).value == pytest.approx(pearsonr(x, y)[0])
    assert ag.pearson(x, np.full(50, 0.1)).value is None
    assert ag.pearson([], []).value is None


def test_mean_correlation_leaves_out_constant_groups() -> None:
    human, judge = [1, 2, 3, 1, 2, 3, 5, 5, 5], [1, 2, 3, 3, 1, 2, 1, 2, 3]
    found = ag.mean_correlation(human, judge, ["a"] * 3 + ["b"] * 3 + ["c"] * 3)
    assert found.value == pytest.approx((1 - 0.5) / 2)
    assert (found.n, found.clusters) == (2, 2)


# -- concordance ------------------------------------------------------------------------------------------------------
def test_concordance_of_equal_and_of_cyclic_rankings() -> None:
    assert ag.concordance([[1, 2, 3, 4, 5, 6, 7]] * 5).w == 1
    latin = [[(i + j) % 5 for j in range(5)] for i in range(5)]
    found = ag.concordance(latin)
    assert found.w == pytest.approx(0)
    assert found.rho == pytest.approx(-1 / 4)
    assert found.p == pytest.approx(1)
    for bad in ([[1, 2, 3]], [[1], [1]], [[1, 2], [1, np.nan]]):
        with pytest.raises(ValueError, match="Kendall's W needs"):
            ag.concordance(bad)
    assert ag.concordance([[1, 1, 1], [2, 2, 2]]).w is None


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
def test_alpha_by_its_definition_and_its_jackknife(level: str) -> None:
    """Against the sums over all pairs, and leaving out clusters against computing anew; three raters, a third missing."""
    random = np.random.default_rng(8)
    table = np.where(random.random((40, 3)) < 0.3, np.nan, random.integers(1, 6, (40, 1)) + random.integers(0, 2, (40, 3)))
    cluster = random.integers(0, 11, 40)

    def by_hand(rows: np.ndarray) -> float:
        units = [row[~np.isnan(row)] for row in rows]
        units = [u for u in units if len(u) > 1]
        every = np.concatenate(units)
        ranks = {v: (every < v).sum() + (every == v).sum() / 2 for v in every}
        distance = {
            "nominal": lambda a, b: float(a != b), "ordinal": lambda a, b: (ranks[a] - ranks[b]) ** 2,
            "interval": lambda a, b: (a - b) ** 2, "ratio": lambda a, b: ((a - b) / (a + b)) ** 2,
        }[level]  # fmt: skip
        seen = sum(distance(a, b) / (len(u) - 1) for u in units for a in u for b in u) / len(every)
        chance = sum(distance(a, b) for a in every for b in every) / (len(every) * (len(every) - 1))
        return float(1 - seen / chance)

    found = ag.krippendorff_alpha(table.tolist(), level, cluster.tolist())  # type: ignore[arg-type]
    assert found.value == pytest.approx(by_hand(table))
    used = np.unique(cluster[(~np.isnan(table)).sum(axis=1) > 1])
    left = np.array([by_hand(table[cluster != g]) for g in used])
    assert (found.low, found.high) == pytest.approx(ends(found.value, left, ag.COEFFICIENT))  # type: ignore[arg-type]
    assert found.clusters == len(used)


@given(st.integers(2, 6), st.integers(2, 8), st.integers(0, 1000), st.booleans())
def test_concordance_is_friedmans_statistic(m: int, n: int, seed: int, tied: bool) -> None:
    """m (n-1) W is Friedman's chi-square, ties and all (scipy); without ties W gives the mean Spearman correlation."""
    random = np.random.default_rng(seed)
    table = random.integers(0, 4, (m, n)).astype(float) if tied else random.random((m, n))
    found = ag.concordance(table)
    if found.w is None:
        return
    if m > 2 and n > 2:
        chi2, p = friedmanchisquare(*table.T)
        assert (found.chi2, found.p) == pytest.approx((chi2, p), abs=1e-9)
    if not tied:
        rho = np.mean([spearmanr(table[i], table[j])[0] for i in range(m) for j in range(i)]) if n > 2 else found.rho
        assert found.rho == pytest.approx(rho, abs=1e-9)


# -- test and retest --------------------------------------------------------------------------------------------------
def test_retest() -> None:
    found = ag.retest([("a", "a", "b"), ("b", "b", "b"), ("a", None, "a"), ("b", None, None)])
    assert found.same.value == pytest.approx((1 / 3 + 1 + 1) / 3)
    assert found.alpha.n == 3
    assert not found.constant
    parrot = ag.retest([("a", "a")] * 6)
    assert (parrot.same.value, parrot.alpha.value, parrot.constant) == (1, None, True)
    random = np.random.default_rng(0)
    dice = ag.retest(random.integers(0, 2, (400, 2)).tolist())
    assert dice.alpha.low is not None
    assert dice.alpha.high is not None
    assert dice.alpha.low < 0 < dice.alpha.high
