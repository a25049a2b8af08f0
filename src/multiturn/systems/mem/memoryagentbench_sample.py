"""A bundled sample of our own, made from a seed: a small text and questions for each of the four abilities.

The published sets are 65,000 to 1.5 million tokens long; these are of the same kinds, about a thousand, with exact answers.
Names are made up, so that nothing can be answered from elsewhere. ``evidence`` lists the sentences that an answer needs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from .memoryagentbench_data import Context, Question

COUNT = 20
"""Questions about each text but the diary."""
_HEAD = (
    "Al", "Bre", "Cor", "Dun", "El", "Fen", "Gar", "Hol", "Is", "Jor", "Kel", "Lun", "Mar", "Nor", "Os", "Pel", "Quin", "Ros",
    "Sel", "Tor", "Ul", "Var", "Wen", "Yor", "Zel",
)  # fmt: skip
_TAIL = (
    "adan", "beck", "cott", "dric", "eth", "ford", "gard", "hame", "ira", "jin", "kan", "lith", "mere", "nox", "ora", "pin",
    "rell", "sund", "tova", "wick",
)  # fmt: skip
_FILLER = (
    "The morning was quiet and nothing of note was reported.",
    "A light rain fell over the valley until noon.",
    "The clerk copied the list twice and closed the book.",
    "Supper was late because the oven would not light.",
)
_ROLES = ("the harbour master of", "the oldest inn of", "the river through", "the dish that is eaten at every feast in")


def sample(seed: int, contexts: int, questions: int) -> Iterator[Context]:
    """``contexts`` texts of each set, with the first ``questions`` of their 20 questions (6 of the diary); sets in turn, so that
    any prefix is balanced. The texts do not depend on the number of questions."""
    for index in range(contexts):
        for name, make in (("ruler_qa_sample", _depots), ("icl_sample", _labels), ("detective_qa_sample", _diary),
                           ("factconsolidation_sh_sample", _facts), ("factconsolidation_mh_sample", _chains)):  # fmt: skip
            rng = random.Random(f"{seed}/{name}/{index}")
            text, asked = make(rng)
            yield Context(id=f"{name}-{index + 1}", group=name, context=text, questions=tuple(asked[:questions]))


def _names(rng: random.Random, n: int) -> list[str]:
    return rng.sample([head + tail for head in _HEAD for tail in _TAIL], n)


def _question(number: int, text: str, answer: str, *evidence: str) -> Question:
    return Question(id=str(number), text=text, answers=(answer,), evidence=evidence)


def _depots(rng: random.Random) -> tuple[str, list[Question]]:
    """Needles: one code a place, between sentences that say nothing."""
    places = _names(rng, 30)
    codes = rng.sample(range(1000, 10_000), len(places))
    told = [f"The code of the {place} depot is {code}." for place, code in zip(places, codes, strict=True)]
    text = " ".join(f"{fact} {rng.choice(_FILLER)}" for fact in rng.sample(told, len(told)))
    asked = [_question(i + 1, f"What is the code of the {places[i]} depot?", str(codes[i]), told[i]) for i in range(COUNT)]
    return text, asked


def _labels(rng: random.Random) -> tuple[str, list[Question]]:
    """Labelled examples in an invented language: each label has words of its own."""
    labels = rng.sample(range(10, 100), 6)
    own = {label: [w.lower() for w in _names(rng, 4)] for label in labels}
    common = [w.lower() for w in _names(rng, 12)]

    def sentence(label: int) -> str:
        return " ".join(rng.sample([*rng.sample(own[label], 2), *rng.sample(common, 3)], 5))

    examples = [f"{sentence(label)} -> label: {label}." for label in rng.sample(labels * 12, 72)]
    asked = []
    for number in range(1, COUNT + 1):
        label = labels[number % len(labels)]
        asked.append(_question(number, f"Which label has this sentence? {sentence(label)}", str(label)))
    return "\n".join(examples), asked


def _diary(rng: random.Random) -> tuple[str, list[Question]]:
    """A diary whose questions need all of it: who was at a place most often."""
    people = _names(rng, 4)
    places = [f"the {name} {kind}" for name, kind in zip(_names(rng, 6), ("mill", "bridge", "market") * 2, strict=True)]
    days, asked = [], []
    for number, place in enumerate(places, 1):
        times = rng.sample(range(1, 6), len(people))
        days += [f"{person} was seen at {place}." for person, k in zip(people, times, strict=True) for _ in range(k)]
        best = times.index(max(times))
        order = rng.sample(range(4), 4)
        options = " ".join(f"{letter}: {people[i]}." for letter, i in zip("ABCD", order, strict=True))
        asked.append(_question(number, f"Who was seen at {place} most often? {options}", "ABCD"[order.index(best)]))
    told = [f"Day {day}: {what}" for day, what in enumerate(rng.sample(days, len(days)), 1)]
    found = [Question(id=q.id, text=q.text, answers=q.answers, evidence=_about(told, places[i])) for i, q in enumerate(asked)]
    return " ".join(told), found


def _about(told: list[str], place: str) -> tuple[str, ...]:
    return tuple(line for line in told if f" {place}." in line)


def _numbered(said: list[tuple[str, str]]) -> tuple[str, dict[str, str], dict[str, str]]:
    """Numbered lines of facts as a text; by fact, the value that holds (the last one), and the line that says it."""
    lines = [f"{i}. {what[0].upper()}{what[1:]} is {value}." for i, (what, value) in enumerate(said, 1)]
    return "\n".join(lines), dict(said), {what: line for (what, _), line in zip(said, lines, strict=True)}


def _facts(rng: random.Random) -> tuple[str, list[Question]]:
    """50 numbered facts, then 20 of them with another value: the larger number holds."""
    names = _names(rng, 120)
    facts = [(f"{_ROLES[i % 4]} {names[i]}", names[50 + i]) for i in range(50)]
    again = [(what, value) for (what, _), value in zip(rng.sample(facts, 20), names[100:120], strict=True)]
    text, holds, line = _numbered([*facts, *again])
    changed = [what for what, value in facts if holds[what] != value]
    kept = [what for what, value in facts if holds[what] == value]
    picked = [(changed if i % 2 == 0 else kept)[i // 2] for i in range(COUNT)]
    return text, [_question(i, f"What is {w}?", holds[w], line[w]) for i, w in enumerate(picked, 1)]


def _chains(rng: random.Random) -> tuple[str, list[Question]]:
    """Two facts have to be joined; ten of each kind are replaced later."""
    names = _names(rng, 120)
    towns, masters, homes = names[:25], names[25:50], names[50:75]
    facts = [(f"the harbour master of {t}", m) for t, m in zip(towns, masters, strict=True)]
    facts += [(f"the birthplace of {m}", h) for m, h in zip(masters, homes, strict=True)]
    held = dict(facts)
    births = [w for w in held if w.startswith("the birthplace")]
    offices = rng.sample([w for w in held if w not in births], 10)
    again = [*zip(rng.sample(births, 10), names[100:110], strict=True)]
    again += [(office, rng.choice([m for m in masters if m != held[office]])) for office in offices]
    text, holds, line = _numbered([*rng.sample(facts, len(facts)), *rng.sample(again, len(again))])
    asked = []
    for i, town in enumerate(rng.sample(towns, COUNT), 1):
        first = f"the harbour master of {town}"
        second = f"the birthplace of {holds[first]}"
        asked.append(_question(i, f"What is the birthplace of {first}?", holds[second], line[first], line[second]))
    return text, asked
