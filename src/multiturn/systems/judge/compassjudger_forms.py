"""The forms in which CompassJudger and JudgerBench ask a judge, and how each answer is read.

Every form has a value in units of its own: +1/-1 (the first or the second is better), +2/-2 where "much better" can be said,
0 for a tie, 1 to 10 for one answer, 0/1 for a format. A reader is strict: whole labels only, nothing from a text that only
mentions one, two different answers are none. The readers of the released code are kept beside them (`released`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from ...judges.ask import quoted
from ...judges.items import Item, Kind, PairItem, PointItem
from ...judges.loose import objects
from ...judges.parse import LONGEST, Outcome, Parsed, Unparsable
from ...judges.questions import MATERIAL, aim, shown

DIMENSIONS = {
    "factuality": "is what it says true and supported",
    "user need": "does it do what the user wants",
    "logic": "is it clear and consistent, does each step follow",
    "creativity": "does it bring in something of its own",
    "richness": "does it have enough depth and detail for the question",
}
FIVE = {"A>>B": 2.0, "A>B": 1.0, "A=B": 0.0, "B>A": -1.0, "B>>A": -2.0}
_FIVE_TURNED = {"B<<A": 2.0, "B<A": 1.0, "B=A": 0.0, "A<B": -1.0, "A<<B": -2.0}
WILD = {"A++": 2.0, "A+": 1.0, "A=B": 0.0, "B+": -1.0, "B++": -2.0}
TWO = {"A": 1.0, "B": -1.0}
CRITERIA = {
    "Knowledge": "which answer gives the more accurate facts, and explains them better",
    "Longtext": "which answer renders the long text correctly, or is itself a long text of substance",
    "Reason & Analysis": "which answer reasons soundly and completely",
    "safe": "which answer keeps to what is safe and lawful, without refusing what is harmless",
    "Hallucination": "which answer makes nothing up, and sees the trap in the question",
    "chatQA": "which answer meets the user's need in the conversation, in the better tone",
    "IF": "which answer keeps to the demands on its form",
    "LanTask": "which answer does the language task correctly and is well expressed",
    "Creation": "which answer is more creative, lively and well made",
    "Code & AI": "which answer has the correct code and analysis",
}
"""What counts in each scenario of JudgerBenchV2, in our words."""


class Form(NamedTuple):
    """A form: what kind of item it judges, its question, its strict reader, the released reader, and how a value is written.
    ``top``: the largest value of a pair."""

    kind: Kind
    ask: Callable[[Item], str]
    read: Callable[[str], Outcome[float]]
    released: Callable[[str], float | None]
    write: Callable[[float], str]
    top: float = 1.0


# -- questions ----------------------------------------------------------------------------------------------------------
def dialogue(item: PairItem) -> str:
    """The conversation with both assistants' replies. Where each has its own dialogue with the same user
    (``extra["replies"]``, a pair of texts a turn), every message of the user is followed by both replies."""
    replies = item.extra.get("replies")
    if not replies or item.changed not in ("", "again", "swapped", "relabelled"):
        answers = zip(item.names, item.answers, strict=True)
        return "\n\n".join((shown(item), *(quoted(f"assistant-{name}", text) for name, text in answers)))
    parts = []
    for (_, said), both in zip(item.turns, replies, strict=True):
        one, two = reversed(both) if item.swapped else both
        parts += [quoted("user", said), quoted(f"assistant-{item.names[0]}", one), quoted(f"assistant-{item.names[1]}", two)]
    return "\n\n".join(parts)


def _pair(item: Item, how: str, counts: str = "") -> str:
    assert isinstance(item, PairItem)
    head = f"Read what two assistants answered and say which one did better. What counts: {counts or aim(item)}."
    return "\n\n".join((head, dialogue(item), MATERIAL, how))


_LETTER = "Reply with the letter of the better assistant, A or B, and nothing else."
_BRACKETS = "Compare them shortly; order, length and names must not sway you. Then end with [[A]] or [[B]]."
_OWN_FIRST = (
    "First write your own answer. Then compare both with it, and name and correct their mistakes; helpful, relevant and concise "
    "answers are good ones, creative ones where that is asked for; name what is missing. End with one verdict out of these:\n"
    "[[A>>B]] A is much better, [[A>B]] A is a little better, [[A=B]] a tie, [[B>A]] B is a little better, [[B>>A]] B is much "
    "better"
)
_WILD = (
    "Judge by the checklist, where one is given, but not by it alone. Give your analysis, then one JSON object in this form:\n"
    '{"analysis of A": "…", "analysis of B": "…", "reason": "…", "choice": "<A++, A+, A=B, B+ or B++>"}\n'
    "A++ means A is much better, A+ slightly better, A=B the same (rarely), B+ and B++ likewise."
)
_WINNER = 'Answer with one JSON object in this form:\n{"analysis": "<your comparison>", "winner": "<A or B>"}'
_MODELS = {"A": "m", "B": "M"}


def _wild(item: Item) -> str:
    checklist = str(item.extra.get("checklist", ""))
    return _pair(item, "\n\n".join([quoted("checklist", checklist), _WILD] if checklist else [_WILD]))


def _alpaca(item: Item) -> str:
    """The assistants are called m and M."""
    assert isinstance(item, PairItem)
    answers = zip(item.names, item.answers, strict=True)
    parts = (quoted("output", f"model: {_MODELS.get(name, name)}\n{text}") for name, text in answers)
    head = "Two models answered a request. Name the one whose output a person would prefer."
    return "\n\n".join((head, shown(item), *parts, MATERIAL, "Reply with its name, m or M, and nothing else."))


def _v2(item: Item) -> str:
    return _pair(item, _WINNER, CRITERIA.get(item.group or "", ""))


def _point(item: Item) -> str:
    assert isinstance(item, PointItem)
    known = item.reference is not None
    rules = "1-2 harmful or beside the point, 3-4 poor, 5-6 meets the basic need, 7-8 good" + (
        ", near the reference, which is worth about 8; 9-10 better than the reference" if known else "; 9-10 excellent"
    )
    form = ", ".join(f"'{name}': <1 to 10>" for name in (*DIMENSIONS, "score"))
    return "\n\n".join((
        f"Judge an assistant's answer. What counts: {aim(item)}.", shown(item), quoted("answer", item.answer), MATERIAL,
        "Score five dimensions from 1 to 10:\n" + "\n".join(f"- {name}: {text}" for name, text in DIMENSIONS.items()),
        f"{'Compare the answer with the reference first, and name its weaknesses. ' if known else ''}Be strict. {rules}.",
        f"Comment first, then end with one dictionary in this form, the combined score last:\n{{{form}}}",
    ))  # fmt: skip


def _fofo(item: Item) -> str:
    assert isinstance(item, PointItem)
    return "\n\n".join((
        "Check whether an answer has the form that the request demands, in every detail. Its content does not count.",
        shown(item, reference=False), quoted("answer", item.answer), MATERIAL,
        "Answer with JSON and nothing else, 1 for a correct format and 0 for an incorrect one:\n"
        '[{"model": "model", "format_correctness": <0 or 1>, "reasons": "<your reasons>"}]',
    ))  # fmt: skip


def critique_question(item: PointItem) -> str:
    """Free advice; the score is asked for afterwards, in the same conversation."""
    return "\n\n".join((
        "Criticise an assistant's answer: name its faults and say how to mend each.", shown(item), quoted("answer", item.answer),
        MATERIAL,
    ))  # fmt: skip


# -- strict readers -----------------------------------------------------------------------------------------------------
_ALONE = re.compile(r"[\s*_\"'`\[(]{0,8}(?:(?i:assistant|answer|option|model)\b[\s:]{0,3})?([AB])[\s*_\"'`\]).]{0,8}")
_MODEL = re.compile(r"[\s*_\"'`]{0,8}([mM])[\s*_\"'`.]{0,8}")
_DOUBLE = re.compile(r"\[\[\s{0,2}([AB<>=]{1,4})\s{0,2}\]\]")
_DIGIT = re.compile(r"\d{1,2}(?:\.\d{1,2})?")


def _one(said: list[str], values: Mapping[str, float], text: str) -> Outcome[float]:
    """The value of the only label that was said."""
    found = {values.get(word) for word in said}
    if len(found) != 1 or None in found:
        return Unparsable("contradictory verdicts" if len(found) > 1 else "no verdict found" if not found else "unknown verdict")
    return Parsed(found.pop() or 0.0, text.strip()[:2000])


def _field(name: str, values: Mapping[str, float], *others: str) -> Callable[[str], Outcome[float]]:
    def read(text: str) -> Outcome[float]:
        said = [v for o in objects(text[:LONGEST]) for k, v in o if k.strip().lower() in (name, *others) and isinstance(v, str)]
        return _one([v.strip() for v in said], values, text)

    return read


def _letter(text: str) -> Outcome[float]:
    match = _ALONE.fullmatch(text[:200])
    return _one([match[1]] if match else [], TWO, text)


def _model(text: str) -> Outcome[float]:
    match = _MODEL.fullmatch(text[:200])
    return _one([match[1]] if match else [], {"m": 1.0, "M": -1.0}, text)


def _brackets(values: Mapping[str, float]) -> Callable[[str], Outcome[float]]:
    return lambda text: _one([m[1] for m in _DOUBLE.finditer(text[:LONGEST])], values, text)


def scores(text: str) -> dict[str, float] | None:
    """The five dimensions and the combined score of the last dictionary that has them all, each from 1 to 10."""
    for found in reversed(objects(text[:LONGEST])):
        said = {k.strip().lower().replace("_", " ").replace("combined ", ""): v for k, v in found}
        values = {name: said.get(name, "") for name in (*DIMENSIONS, "score")}
        if all(isinstance(v, str) and _DIGIT.fullmatch(v) and 1 <= float(v) <= 10 for v in values.values()):
            return {name: float(str(v)) for name, v in values.items()}
    return None


def _dictionary(text: str) -> Outcome[float]:
    found = scores(text)
    return Parsed(found["score"], text.strip()[:2000]) if found else Unparsable("no dictionary with five dimensions and a score")


# -- the released readers, with their mistakes --------------------------------------------------------------------------
def _in(*labels: tuple[str, float]) -> Callable[[str], float | None]:
    return lambda text: next((value for label, value in labels if label in text), None)


def _after(pattern: str, labels: Callable[[str], float | None]) -> Callable[[str], float | None]:
    """The first match of a pattern, read as labels."""
    return lambda text: labels(match[1]) if (match := re.search(pattern, text[:LONGEST])) else None


def _strictly(read: Callable[[str], Outcome[float]]) -> Callable[[str], float | None]:
    def value(text: str) -> float | None:
        found = read(text)
        return found.value if isinstance(found, Parsed) else None

    return value


_five = _brackets(FIVE | _FIVE_TURNED)
_choice = _field("choice", WILD)
_winner = _field("winner", TWO, "胜者")
_format = _field("format_correctness", {"0": 0.0, "1": 1.0})


def _label(values: Mapping[str, float], form: str) -> Callable[[float], str]:
    named = {value: label for label, value in values.items()}
    return lambda value: form.replace("?", named[value])


def _all_equal(value: float) -> str:
    return "{" + ", ".join(f"'{name}': {value:g}" for name in (*DIMENSIONS, "score")) + "}"


FORMS: dict[str, Form] = {
    "pair": Form("pair", lambda i: _pair(i, _LETTER), _letter, _in(("A", 1.0), ("B", -1.0)), _label(TWO, "?")),
    "point": Form("point", _point, _dictionary, _strictly(_dictionary), _all_equal),
    "five-way": Form("pair", lambda i: _pair(i, _OWN_FIRST), _five,
                     _after(r"\[\[([AB<>=]+)\]\]", _in(*FIVE.items())), _label(FIVE, "My own answer. [[?]]"), 2),
    "alignbench": Form("pair", lambda i: _pair(i, _BRACKETS), _brackets(TWO), _in(("[[A]]", 1.0), ("[[B]]", -1.0)),
                       _label(TWO, "Because. [[?]]")),
    "alpacaeval": Form("pair", _alpaca, _model, lambda text: {"m": 1.0, "M": -1.0}.get(text[:1]),
                       _label({"m": 1.0, "M": -1.0}, "?")),
    "wildbench": Form("pair", _wild, _choice, _after(r'"choice": "(.*?)"', _in(*WILD.items())),
                      _label(WILD, '{"analysis of A": "-", "analysis of B": "-", "choice": "?"}'), 2),
    "fofo": Form("point", _fofo, _format, _after(r"[\"']format_correctness[\"']:\s*([01])", _in(("0", 0.0), ("1", 1.0))),
                 _label({"0": 0.0, "1": 1.0}, '[{"model": "model", "format_correctness": ?, "reasons": "-"}]')),
    "v2": Form("pair", _v2, _winner, _after(r'"?winner"?\s*:\s*"([A-Z])"', _in(("A", 1.0), ("B", -1.0))),
               _label(TWO, '{"analysis": "-", "winner": "?"}')),
}  # fmt: skip
"""All forms with a verdict. Of the released readers, ``pair`` looks for an A anywhere first (so that "Assistant B" is A), and
``wildbench`` for B+ before B++ (so that B++ is -1). The fifth mode, ``critique``, has no verdict: see `CompassJudger`."""
