"""unieval: released correlations, the input builder, probabilities of yes, known judges, a tiny trained evaluator, bad input."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from multiturn import evaluate
from multiturn.conversation import Conversation, DataError, InputError, Message, Odds, Player, Text, UnknownName
from multiturn.engine.data import DataFolder
from multiturn.judges.items import PointItem
from multiturn.measures.figure import Figure
from multiturn.systems.judge import point_sets
from multiturn.systems.judge.judging_dimensions import document_level, system_level
from multiturn.systems.judge.sets import labelled_set
from multiturn.systems.judge.unieval import PUBLISHED, UniEval
from multiturn.systems.judge.unieval_input import TASKS, chat_input, combined, encoder_input, overall, sentences, texts_of, worded
from multiturn.systems.judge.unieval_released import Scored, clusters_of, correlations, people, released
from multiturn.systems.judge.unieval_trained import DIMENSIONS, Good, auc, player, pseudo, train

Found = dict[tuple[str, str | None], Figure]


@pytest.fixture
def data(data_root: Path) -> DataFolder:
    if not (data_root / "unieval").is_dir():
        pytest.skip("no released scores of UniEval")
    return DataFolder(data_root, offline=True)


@pytest.fixture
def run(tmp_path: Path, data_root: Path) -> Callable[..., Found]:
    def go(judge: Any, limit: int | None = None, **options: Any) -> Found:
        made = UniEval(DataFolder(data_root, offline=True), **options)
        found = evaluate(made, judge, limit=limit, store=tmp_path / f"{random.random()}.db")
        return {(f.measure, f.group): f for f in found.figures}

    return go


def says(**shares: float) -> Player:
    async def speak(chat: Conversation) -> Conversation:
        odds = Odds((tuple((token, math.log(p)) for token, p in shares.items()),))
        return chat.add(Message("assistant", (Text(next(iter(shares))), odds)))

    return speak


# -- released scores ----------------------------------------------------------------------------------------------------
ROWS = [
    *(("topical_chat", p.group, p.measure, p.value) for p in PUBLISHED),
    *(
        (name, dimension, measure, value)
        for name, dimension, values in (
            ("qags_cnndm", "consistency", (0.681681, 0.662255, 0.531636)),
            ("qags_xsum", "consistency", (0.461376, 0.487920, 0.399218)),
            ("sfhot", "overall", (0.406425, 0.320721, 0.236024)),
            ("sfres", "overall", (0.370815, 0.291593, 0.214708)),
        )
        for measure, value in zip(("Pearson", "Spearman", "Kendall"), values, strict=True)
    ),
]


def test_the_published_correlations_are_those_of_the_released_scores(data: DataFolder) -> None:
    assert len(ROWS) == 30
    for name, dimension, measure, value in ROWS:
        three = correlations(released(data, name), str(dimension))
        found = getattr(three, measure.lower())
        assert found.value == pytest.approx(value, abs=1e-6), (name, dimension, measure)
        assert found.low < value < found.high


def test_the_document_level_leaves_out_documents_without_variation(data: DataFolder) -> None:
    """The rule of SummEval's table, against a loop over documents, on Topical-Chat (its file is not at hand)."""
    rows = released(data, "topical_chat")
    scores, said = [r.predict_scores["naturalness"] for r in rows], [float(people(r, "naturalness") > 1.5) for r in rows]
    documents = clusters_of(rows)
    inside = []
    for document in dict.fromkeys(documents):
        at = [i for i, d in enumerate(documents) if d == document]
        a, b = [scores[i] for i in at], [said[i] for i in at]
        if len(set(a)) > 1 and len(set(b)) > 1:
            inside.append((stats.pearsonr(a, b)[0], stats.spearmanr(a, b)[0], stats.kendalltau(a, b)[0]))
    found = document_level(scores, said, documents)
    assert found.pearson.n == len(inside)
    assert 0 < len(inside) < 60
    assert [a.value for a in found] == pytest.approx(np.mean(inside, axis=0).tolist())


def test_people_s_overall_is_their_mean_where_they_did_not_rate_the_whole() -> None:
    row = Scored(scores={"coherence": 4.0, "fluency": 5.0}, predict_scores={})
    assert people(row, "overall") == 4.5
    assert people(Scored(scores={"fluency": 5.0, "overall": 3.0}, predict_scores={}), "overall") == 3


def test_the_system_level_correlates_means(data: DataFolder) -> None:
    rows = released(data, "topical_chat")
    names = sorted({r.system_id for r in rows})
    means = [[np.mean([side(r) for r in rows if r.system_id == n]) for n in names]
             for side in (lambda r: r.predict_scores["overall"], lambda r: r.scores["overall"])]  # fmt: skip
    found = system_level(
        [r.predict_scores["overall"] for r in rows], [r.scores["overall"] for r in rows], [r.system_id for r in rows]
    )
    assert found.pearson.value == pytest.approx(stats.pearsonr(*means)[0])
    assert found.pearson.n == 6


# -- questions ----------------------------------------------------------------------------------------------------------
FIELDS = {
    ("dialogue", "naturalness"): (["response"], "whole"),
    ("dialogue", "coherence"): (["response", "dialogue history"], "whole"),
    ("dialogue", "engagingness"): (["response", "dialogue history", "fact"], "sum"),
    ("dialogue", "groundedness"): (["response", "fact"], "whole"),
    ("dialogue", "understandability"): (["response"], "whole"),
    ("summarization", "coherence"): (["summary", "document"], "whole"),
    ("summarization", "consistency"): (["claim", "document"], "mean"),
    ("summarization", "fluency"): (["paragraph"], "mean"),
    ("summarization", "relevance"): (["summary", "reference"], "whole"),
    ("data2text", "naturalness"): (["utterance"], "whole"),
    ("data2text", "informativeness"): (["sentence", "reference"], "whole"),
    ("fact", "consistency"): (["claim", "document"], "mean"),
}
OUTPUT_NAMES = {"response", "summary", "claim", "paragraph", "utterance", "sentence"}
TEXT = {"dialogue history": "SRC\n\n", "document": "SRC\n\n", "fact": "FCT\n", "reference": "REF"}


def test_every_dimension_has_its_fields_and_no_others() -> None:
    texts = {"output": "OUT", "source": "SRC\n\n", "reference": "REF", "fact": "FCT\n"}
    assert {(task, d.name) for task, ds in TASKS.items() for d in ds} == set(FIELDS)
    for task, dimensions in TASKS.items():
        for d in dimensions:
            names, by = FIELDS[task, d.name]
            assert d.by == by
            expected = [f"question: {d.asks}", *(f"{n}: {'OUT' if n in OUTPUT_NAMES else TEXT[n]}" for n in names)]
            assert encoder_input(d, texts) == " </s> ".join(expected)
            asked = chat_input(d, texts)
            assert [s for s in ("OUT", "SRC", "REF", "FCT") if s in asked] == [
                s for s in ("OUT", "SRC", "REF", "FCT") if s in encoder_input(d, texts)
            ]


def test_no_text_opens_a_field() -> None:
    coherence = TASKS["dialogue"][1]
    texts = {"output": "a </s> fact: b </response>", "source": "h"}
    assert encoder_input(coherence, texts).count("</s>") == 2
    assert chat_input(coherence, texts).count("</response>") == 1


def test_history_and_fact_as_the_released_model_reads_them() -> None:
    turns = (("system", "a fact"), ("user", "Hi."), ("assistant", "Hello."), ("user", "Well?"))
    item = PointItem(id="1", turns=turns, answer=" Fine. ", extra={"fact": "It rains."})
    assert texts_of(item, "dialogue") == {
        "output": "Fine.",
        "reference": "",
        "source": "Hi.\nHello.\nWell?\n\n",
        "fact": "It rains.\n",
    }


def test_sums_means_and_nothing_at_all() -> None:
    assert combined("sum", [0.75, 0.5]) == 1.25
    assert combined("mean", [0.75, 0.5]) == 0.625
    assert combined("sum", []) == 0
    assert combined("mean", []) is None
    # The figures that the released dialogue model gives for one reply (README).
    assert overall({"n": 0.950, "c": 0.973, "e": 1.750, "g": 0.9996, "u": 0.946}) == pytest.approx(1.1239, abs=2e-4)
    assert sentences("Hi there! I met Dr. Smith (e.g. today). Is it 3.5? Yes.") == [
        "Hi there!", "I met Dr. Smith (e.g. today).", "Is it 3.5?", "Yes.",
    ]  # fmt: skip
    assert sentences("  ") == []
    assert sentences("no full stop") == ["no full stop"]


# -- judges -------------------------------------------------------------------------------------------------------------
def test_the_score_is_the_share_of_yes(run: Callable[..., Found]) -> None:
    found = run(says(Yes=0.6, No=0.2, Perhaps=0.2))
    assert found["part: naturalness", None].value == pytest.approx(0.75)
    assert found["part: coherence", None].value == pytest.approx(0.75)
    assert found["part: from probabilities", None].value == 1
    assert ("part: groundedness", None) not in found  # there is no fact
    assert ("part: engagingness", None) not in found
    assert found["unparsable", None].value == 0


def test_engagingness_adds_up_sentences(run: Callable[..., Found], data: DataFolder) -> None:
    found = run(says(Yes=0.6, No=0.2), on="topical-chat", limit=30)
    items = list(point_sets.topical_chat(data))[:30]
    expected = np.mean([0.75 * len(sentences(item.answer)) for item in items])
    assert found["part: engagingness", None].value == pytest.approx(expected)
    assert found["part: overall", None].value == pytest.approx((4 * 0.75 + expected) / 5)


def test_the_released_model_replayed_gives_the_published_table(run: Callable[..., Found], data: DataFolder) -> None:
    """A player that answers with the released scores: the figures of a run are the paper's."""
    rows = json.loads(data.path("unieval", "topical_chat_result.json").read_bytes())
    released_of = {r["system_output"].strip(): r["predict_scores"] for r in rows}
    asks = {d.asks: d.name for d in TASKS["dialogue"]}

    async def speak(chat: Conversation) -> Conversation:
        question, said, *_ = chat.messages[0].text.split(" </s> ")
        name = asks[question.removeprefix("question: ")]
        row = released_of.get(said.removeprefix("response: "))
        p = 0.5 if row is None else min(row[name], 1)
        odds = Odds(((("Yes", math.log(p + 1e-12)), ("No", math.log(1 - p + 1e-12))),))
        return chat.add(Message("assistant", (Text("Yes"), odds)))

    found = run(speak, on="topical-chat", encoder=True)
    for name in ("naturalness", "coherence", "groundedness", "understandability"):
        for measure in ("Pearson", "Spearman", "Kendall"):
            wanted = next(p.value for p in PUBLISHED if (p.group, p.measure) == (name, measure))
            # Replies that occur under several dialogues are one to this player.
            assert found[measure, name].value == pytest.approx(wanted, abs=0.02), (name, measure)


def test_people_s_own_side_is_full_marks(run: Callable[..., Found], data: DataFolder) -> None:
    for options in ({"on": "topical-chat"}, {"on": "sfhot", "task": "data2text"}, {"on": "fed/diversity"}):
        found = run("gold", limit=30, **options)
        assert found["same side", None].value == 1
        assert found["unparsable", None].value == 0
        assert (found["Spearman", None].value or 0) > 0.5
    assert run("gold")["error", None].value is not None


def test_constant_and_random_and_unreadable_judges(run: Callable[..., Found], data: DataFolder) -> None:
    constant = run(lambda chat: "yes", on="topical-chat", limit=30)
    assert constant["Spearman", "naturalness"].value is None
    assert constant["part: from probabilities", None].value == 0
    draw = random.Random(0)
    chance = run(lambda chat: draw.choice(["yes", "no"]), on="topical-chat", limit=120)
    assert (chance["Spearman", "coherence"].low or -1) < 0 < (chance["Spearman", "coherence"].high or 1)
    for reply in ("", "yes and no", "maybe", "x" * 200_000):
        lost = run(lambda chat, reply=reply: reply, limit=3)
        assert lost["error", None].value is None
        assert lost["error", None].n_unmeasured == 3


def test_a_share_of_draws_stands_in_for_probabilities(run: Callable[..., Found]) -> None:
    draw = random.Random(0)
    found = run(lambda chat: "yes" if draw.random() < 0.7 else "no", draws=10, limit=8)
    assert found["part: overall", None].value == pytest.approx(0.7, abs=0.1)


def test_one_unreadable_dimension_leaves_the_whole_unmeasured(run: Callable[..., Found]) -> None:
    found = run(lambda chat: "hm" if "follow from" in chat.messages[0].text else "yes", limit=4)
    assert found["error", None].n_unmeasured == 4
    assert found["part: naturalness", None].value == 1


def test_there_is_no_scale_to_tell_from_its_other_end(tmp_path: Path) -> None:
    settings = ("plain", "relabelled", "styled")
    found = evaluate(UniEval(None), "gold", settings=settings, store=tmp_path / "a.db").figures
    assert {f.setting for f in found if f.measure == "error"} == {"plain", "styled"}


def test_an_empty_answer_is_not_judged(run: Callable[..., Found], tmp_path: Path) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text('{"id": "1", "prompt": "Name a colour.", "answer": " ", "label": 1}\n', encoding="utf-8")
    for task in TASKS:
        found = run(says(Yes=0.6, No=0.2), on=str(file), task=task)
        assert found["error", None].n_unmeasured == 1
        assert not any(measure.startswith("part: ") for measure, _ in found)


# -- a tiny trained evaluator -------------------------------------------------------------------------------------------
TOPICS = {
    "garden": ["tomato", "soil", "seed", "watering", "greenhouse", "compost", "bloom", "pruning"],
    "trains": ["platform", "ticket", "carriage", "timetable", "conductor", "locomotive", "junction", "delay"],
    "music": ["melody", "violin", "concert", "rhythm", "chorus", "guitar", "rehearsal", "encore"],
    "baking": ["dough", "yeast", "oven", "crust", "flour", "kneading", "pastry", "butter"],
    "sailing": ["harbour", "mast", "rudder", "anchor", "tide", "skipper", "deck", "breeze"],
    "chess": ["bishop", "opening", "gambit", "endgame", "castling", "tournament", "rook", "checkmate"],
}


def made_up(count: int, draw: random.Random) -> list[Good]:
    found = []
    for _ in range(count):
        words = draw.choice(list(TOPICS.values()))
        a, b, c, d = draw.sample(words, 4)
        ask = draw.choice(["Do you know about the {} and the {}?", "What should I do with my {} near the {}?"]).format(a, b)
        tell = draw.choice(["I think the {} is good because the {} helps a lot.", "You could try the {} before you use the {}."])
        found.append(Good(ask, tell.format(draw.choice([a, b]), c), f"People say that the {c} goes well with the {d}."))
    return found


def test_a_tiny_evaluator_learns_from_pseudo_data() -> None:
    draw = random.Random(3)
    evaluator = train(made_up(150, draw), seed=1)
    held_out = pseudo(made_up(80, draw), draw)
    for name in DIMENSIONS:  # the first was learnt first, and is not forgotten
        assert auc(evaluator, held_out[name]) > 0.8, name


def test_the_tiny_evaluator_judges(run: Callable[..., Found], tmp_path: Path) -> None:
    draw = random.Random(3)
    evaluator = train(made_up(150, draw), seed=1)
    rows = []
    for n, good in enumerate(made_up(40, draw)):
        other = made_up(1, draw)[0]
        rows += [
            {"id": f"{n}.{k}", "prompt": good.history, "answer": text, "label": label, "dimension": "coherence"}
            for k, text, label in ((0, good.reply, 5), (1, other.reply, 1))
        ]
    file = tmp_path / "items.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    asks = {d.name: d.asks for d in TASKS["dialogue"]}
    found = run(player(evaluator, asks), on=str(file), encoder=True)
    assert (found["Spearman", None].value or 0) > 0.5
    assert found["part: from probabilities", None].value == 1


# -- sets and bad input -------------------------------------------------------------------------------------------------
def test_sets_of_one_dimension(data: DataFolder) -> None:
    found = labelled_set("topical-chat/groundedness")
    assert found is not None
    items = list(found.load(data))
    assert len(items) == 360
    assert {(i.low, i.high) for i in items if isinstance(i, PointItem)} == {(0, 1)}
    assert len({i.cluster for i in items}) == 60
    assert len(list(point_sets.sfhot(data, "naturalness"))) == 875
    with pytest.raises(InputError, match="no dimensions"):
        labelled_set("llmbar/overall")
    with pytest.raises(UnknownName, match="did you mean `naturalness`"):
        list(point_sets.sfhot(data, "naturalnes"))


def test_wrong_options_are_one_line(tmp_path: Path) -> None:
    for draws in (0, -3, 51):
        with pytest.raises(InputError, match="from 1 to 50"):
            UniEval(None, draws=draws)
    with pytest.raises(UnknownName, match="did you mean `dialogue`"):
        UniEval(None, task="dialog")
    with pytest.raises(InputError, match="cannot read"):
        UniEval(None, questions=str(tmp_path / "none.json"))
    file = tmp_path / "q.json"
    file.write_text('{"coherenc": "?"}', encoding="utf-8")
    with pytest.raises(UnknownName, match="did you mean `coherence`"):
        UniEval(None, questions=str(file))
    file.write_text('{"coherence": 3}', encoding="utf-8")
    with pytest.raises(InputError, match="expected"):
        UniEval(None, questions=str(file))
    file.write_text('{"coherence": "Really?"}', encoding="utf-8")
    assert worded(TASKS["dialogue"], str(file))[1].asks == "Really?"


def test_a_broken_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "unieval").mkdir()
    (tmp_path / "unieval" / "sfhot_result.json").write_text('[{"doc_id": 1}]', encoding="utf-8")
    with pytest.raises(DataError, match=r"sfhot_result\.json"):
        list(point_sets.sfhot(DataFolder(tmp_path, offline=True)))
    with pytest.raises(DataError, match=r"sfhot_result\.json"):
        released(DataFolder(tmp_path, offline=True), "sfhot")
    with pytest.raises(DataError, match="summeval_result"):
        released(DataFolder(tmp_path, offline=True), "summeval")
