"""The questions of transevalnia and their answers: evaluate, interleave, rank, score. The wordings are ours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ...judges.ask import quoted
from ...judges.items import Item
from ...judges.loose import objects
from ...judges.parse import LONGEST, Outcome, Parsed, Unparsable, scale
from ...judges.questions import MATERIAL

DIMENSIONS = {
    "accuracy": "does it say what the source says",
    "terminology": "are terms and names the right ones, and the same throughout",
    "linguistic conventions": "grammar, spelling, punctuation, and how one would say it",
    "audience appropriateness": "does it suit its readers in register and custom",
    "hallucinations": "does it say what has no ground in the source (seldom so; not for what belongs under accuracy)",
    "missing content": "does it leave out what the source says",
}
LOW, HIGH = 1, 5
EVALUATE = "Comment on a translation."
ONE_STEP = "Comment on several translations of one text, then say which is the best."
RANK = "Say which translation of a text is the best."
INTERLEAVE = "Sort comments on several translations of one text by what they are about."
SCORE = "Give scores to a translation that has been commented on."


class Ranked(NamedTuple):
    """Which translations are called best and worst, by their number from 1 (worst: None = not said)."""

    best: int
    worst: int | None = None


# -- questions ------------------------------------------------------------------------------------------------------------
def source(item: Item) -> str:
    """The text, and the languages where they are known."""
    known = item.extra
    about = f"It is translated from {known['from']} into {known['to']}." if known.get("from") and known.get("to") else ""
    text = quoted("source", str(known.get("source") or item.question))
    return "\n\n".join(part for part in (text, about) if part)


def _dimensions() -> str:
    return "\n".join(f"- {name}: {about}" for name, about in DIMENSIONS.items())


def _shown(translations: Sequence[str], numbers: Sequence[int]) -> str:
    return "\n\n".join(quoted(f"translation-{k}", text) for k, text in zip(numbers, translations, strict=True))


def _verdict(numbers: Sequence[int], where: str) -> str:
    example = f"`Translation {min(numbers)} is the best.`"
    worst = " and, on the next one, `Translation k is the worst.`" if len(numbers) > 2 else ""
    return f"{where} write a line in the form {example}, with the number of the best translation{worst}; there are no ties."


def evaluate_question(item: Item, translation: str) -> str:
    """Comments on one translation, alone."""
    return "\n\n".join((
        EVALUATE, source(item), quoted("translation", translation), MATERIAL,
        f"Divide the translation into spans of about a line. Quote each span and comment on each of these:\n{_dimensions()}",
        "Then comment on the translation as a whole. Put all of it between <evaluation> and </evaluation>.",
    ))  # fmt: skip


def plain_question(item: Item, translations: Sequence[str], numbers: Sequence[int], *, comment: bool) -> str:
    """Which is the best, from the translations alone. ``comment``: comments come first, in the same answer."""
    if comment:
        how = (
            "For each translation, divide it into spans of about a line and comment on each of these, then on the whole:\n"
            f"{_dimensions()}\n\n{_verdict(numbers, 'At the end')}"
        )
    else:
        how = f"What counts:\n{_dimensions()}\n\n{_verdict(numbers, 'Give no reasons:')} Write nothing else."
    return "\n\n".join((ONE_STEP if comment else RANK, source(item), _shown(translations, numbers), MATERIAL, how))


def rank_question(item: Item, translations: Sequence[str], numbers: Sequence[int], comments: Sequence[str] | str) -> str:
    """Which is the best, from the translations with the comments on each, or with comments sorted by dimension (one text)."""
    if isinstance(comments, str):
        shown = f"{_shown(translations, numbers)}\n\n{quoted('comments', comments)}"
    else:
        shown = "\n\n".join(
            f"{_shown([text], [k])}\n\n{quoted(f'comments-on-translation-{k}', said)}"
            for k, text, said in zip(numbers, translations, comments, strict=True)
        )
    return "\n\n".join((RANK, source(item), shown, MATERIAL, f"{_verdict(numbers, 'First')} Then give your reasons."))


def interleave_question(item: Item, numbers: Sequence[int], comments: Sequence[str]) -> str:
    """The same comments, a block for each dimension, in it an entry for each translation."""
    blocks = [quoted(f"comments-on-translation-{k}", said) for k, said in zip(numbers, comments, strict=True)]
    entries = ", ".join(f"`Translation {k}: …`" for k in numbers)
    return "\n\n".join((
        INTERLEAVE, source(item), *blocks, MATERIAL,
        f"Write a block for each of these, in it an entry for each translation ({entries}), and at last a block for the whole; "
        f"change nothing of what was said:\n{_dimensions()}",
        "Put all of it between <interleaved> and </interleaved>.",
    ))  # fmt: skip


def score_question(item: Item, translation: str, comments: str) -> str:
    """Scores of one translation from the comments on it."""
    names = ", ".join(f'"{name}": <{LOW} to {HIGH}>' for name in DIMENSIONS)
    return "\n\n".join((
        SCORE, source(item), quoted("translation", translation), quoted("comments", comments), MATERIAL,
        f"Whole numbers from {LOW} (bad) to {HIGH} (perfect), for each span that the comments quote, and for the whole:\n"
        f'{{"spans": [{{{names}}}, …], "overall": <{LOW} to {HIGH}>}}',
    ))  # fmt: skip


# -- answers ----------------------------------------------------------------------------------------------------------------
def between(tag: str, text: str) -> str:
    """What stands between the first opening and the next closing tag, "" where they are not there."""
    _, opened, rest = text.partition(f"<{tag}>")
    inner, closed, _ = rest.partition(f"</{tag}>")
    return inner.strip() if opened and closed else ""


def comments(text: str) -> Outcome[str]:
    """The comments between their tags; all of a reply without tags."""
    if len(text) > LONGEST:
        return Unparsable("reply too long")
    found = between("evaluation", text) or text.strip()
    return Parsed(found) if found else Unparsable("no comments")


def interleaved(text: str, numbers: Sequence[int]) -> Outcome[str]:
    """Sorted comments that name every translation and at least one dimension."""
    if len(text) > LONGEST:
        return Unparsable("reply too long")
    found = between("interleaved", text)
    named = {int(k) for k in re.findall(r"(?i)\btranslation\s{0,3}([1-9])\b", found)}
    if not found or not named >= set(numbers) or not any(name in found.lower() for name in DIMENSIONS):
        return Unparsable("not every translation has its comments")
    return Parsed(found)


_MARKS = r"[*_\"']{0,3}"  # bold and quotes may stand around the number
_CALLED = rf"(?i)\btranslation\s{{1,3}}{_MARKS}([1-9]){_MARKS}\s{{1,3}}is\s{{1,3}}{_MARKS}(?:the\s{{1,3}})?{_MARKS}"
_BEST, _WORST = re.compile(rf"{_CALLED}best\b"), re.compile(rf"{_CALLED}worst\b")
_RELEASED = re.compile(r"[Tt]ranslation ([123456])([*][*])? is (the )?best")
_RELEASED_WORST = re.compile(r"[Tt]ranslation ([123456])([*][*])? is (the )?worst")


def ranked(text: str, numbers: Sequence[int], *, official: bool = False) -> Outcome[Ranked]:
    """The translation that is called the best, and the worst. Two different best ones, or one that was not shown, are none;
    ``official``: the first that the released pattern finds."""
    if len(text) > LONGEST:
        return Unparsable("reply too long")
    if official:
        one, other = _RELEASED.search(text), _RELEASED_WORST.search(text)
        best = {int(one[1])} if one else set()
        worst = {int(other[1])} if other else set()
    else:
        best, worst = ({int(k) for k in pattern.findall(text)} for pattern in (_BEST, _WORST))
    if len(best) != 1 or not best <= set(numbers):
        return Unparsable("two best translations" if len(best) > 1 else "no best translation")
    return Parsed(Ranked(best.pop(), worst.pop() if len(worst) == 1 and worst <= set(numbers) else None), text.strip()[:2000])


class Scores(NamedTuple):
    """The score of the whole, and of each dimension the mean over spans (those that could be read), from 1 to 5."""

    overall: float
    dimensions: dict[str, float]


def scored(text: str) -> Outcome[Scores]:
    """The overall score, which has to be there, and what can be read of the spans."""
    found = scale(text, LOW, HIGH, names=("overall",))
    if not isinstance(found, Parsed):
        return Unparsable("no overall score")
    said: dict[str, list[float]] = {name: [] for name in DIMENSIONS}
    for obj in objects(text):
        for key, value in obj:
            for span in value if key.strip().lower() == "spans" and isinstance(value, list) else ():
                for name, score in span if not isinstance(span, str | list) else ():
                    name = name.strip().lower()
                    if name in said and isinstance(score, str) and score.strip() in ("1", "2", "3", "4", "5"):
                        said[name].append(float(score))
    return Parsed(Scores(found.value, {name: sum(v) / len(v) for name, v in said.items() if v}), found.reason)
