"""The methods of href: which of two answers is better, by a judge model, by likeness to a person's answer, by a simple rule."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

from ...conversation import Cast, InputError, UnknownName
from ...judges.ask import ask, quoted
from ...judges.choosing import named, shown_first
from ...judges.drawn import drawn
from ...judges.items import Decision, PairItem, with_changes
from ...judges.parse import LONGEST, Outcome, Parsed, Unparsable
from ...judges.questions import MATERIAL
from ...measures.textmetrics import rouge_l, rouge_words, token_f1

JUDGE, REFERENCE, SIMILARITY = "no-reference", "reference", "similarity"
LONGEST_WINS, SHORTEST_WINS, RANDOM = "longest", "shortest", "random"
METHODS = (JUDGE, REFERENCE, SIMILARITY, LONGEST_WINS, SHORTEST_WINS, RANDOM)
NEEDS_REFERENCE = (REFERENCE, SIMILARITY)
ROUTES: Mapping[str, str] = {
    "Brainstorm": JUDGE, "Summarize": JUDGE, "Open QA": SIMILARITY, "Fact Checking or Attributed QA": SIMILARITY,
    "Closed QA": REFERENCE, "Extract": REFERENCE, "Generation": REFERENCE, "Rewrite": REFERENCE, "Classify": REFERENCE,
    "Reasoning Over Numerical Data": REFERENCE, "Multi-Document Synthesis": REFERENCE,
}  # fmt: skip
"""Each category with the method that agreed best with people."""


def route(category: str | None, otherwise: str = "") -> str:
    """The method for a category; ``otherwise``: that for a category without one. Raises `InputError` when there is none."""
    if (found := ROUTES.get(category or "") or otherwise) in METHODS:
        return found
    if otherwise:
        raise UnknownName("method of `href?default=`", otherwise, METHODS)
    raise InputError(
        f"`href` has no method for the category `{category or 'none'}`; name one with `href?default=`: {', '.join(METHODS)}"
    )


def method_of(item: PairItem, setting: str, otherwise: str = "") -> str:
    """The method for an item: the setting's own, else that of its category (`route`). Raises `InputError` where the item lacks
    what the method needs."""
    method = setting if setting in METHODS else route(item.group, otherwise)
    if method in NEEDS_REFERENCE and item.reference is None:
        raise InputError(f"item {item.id} has no answer of a person for the method {method}; choose others with --setting")
    return method


# -- a judge model ----------------------------------------------------------------------------------------------------------
GUIDE = """Ask yourself of each answer:
1. Does it do precisely what was asked, all of it and nothing else?
2. Does it help whoever asked?
3. Is it written as a person would write?
4. Is what it states true?
5. Would a person be pleased to get it?"""
EXAMPLES = """Example: asked for a word that rhymes with "light", A says "night" and B explains what a rhyme is. The better one: A
Example: asked whether 7 is prime, A says "Yes." and B says "Yes, it is prime." The better one: tie"""


def question(item: PairItem) -> str:
    """Which of two answers to an instruction is better, beside a person's answer where the item has one."""
    one, two = item.names
    reference = [quoted("answer-of-a-person", item.reference)] if item.reference is not None else []
    how = " The answer of a person shows what a good one can look like; others can be as good or better." if reference else ""
    return "\n\n".join((
        f"Say which of two answers to an instruction is better.{how}", GUIDE, EXAMPLES, quoted("instruction", item.question),
        *reference, quoted(f"answer-{one}", item.first), quoted(f"answer-{two}", item.second), MATERIAL,
        f"Reply with exactly one of these and nothing else: {one}, {two}, tie.",
    ))  # fmt: skip


def choice(text: str, names: tuple[str, str]) -> Outcome[float]:
    """Points of what is shown first (1, 0, 0.5 for a tie), from the bare word, or from a verdict that is marked as one."""
    if len(text) > LONGEST:
        return Unparsable("reply too long")
    word = re.fullmatch(r"[\s*\"'.\[(]{0,6}([A-Za-z]{1,3})[\s*\"'.\])]{0,6}", text)
    if word and word[1].lower() in (*(n.lower() for n in names), "tie"):
        said = word[1].lower()
        return Parsed(0.5 if said == "tie" else float(said == names[0].lower()))
    return named(text, names)


async def judged(item: PairItem, cast: Cast, *, reference: bool, both: bool) -> Decision:
    """The judge's choice, in an order drawn from the item's id, or in ``both``."""
    item = item if reference else with_changes(item, reference=None)
    turned = with_changes(item, first=item.second, second=item.first)
    straight = [await _once(item, cast)] if both or not drawn(item.id) else []
    other = [await _once(turned, cast)] if both or drawn(item.id) else []
    return shown_first(straight, other)


async def _once(item: PairItem, cast: Cast) -> Decision:
    repair = f"I could not read that. Reply with {item.names[0]}, {item.names[1]} or tie, and nothing else."
    answer = await ask(cast, question(item), partial(choice, names=item.names), repair=repair)
    asked, unread = answer.read
    return Decision(value=answer.value, asked=asked, unread=unread, reason=answer.reason, cause=answer.cause)


# -- likeness to a person's answer --------------------------------------------------------------------------------------------
Similarity = Callable[[str, str], float]
"""How like a reference an answer is, the more the higher."""


def rouge_1(said: str, reference: str) -> float:
    """F1 of single words, without stemming (Lin 2004), 0 to 1; 0 where a side has none."""
    a, b = Counter(rouge_words(said)), Counter(rouge_words(reference))
    return 2 * (a & b).total() / (a.total() + b.total()) if a and b else 0.0


SIMILARITIES: Mapping[str, Similarity] = {
    "rouge-1": rouge_1,
    "rouge-l": lambda said, reference: rouge_l(said, reference).f1,
    "token-f1": lambda said, reference: token_f1(said, [reference]),
}
"""Bundled: by words. They stand in for BERTScore, which needs a model of vectors."""


def similarity(name: str) -> Similarity:
    """A bundled one, or a function of one's own: ``module:function`` (answer, reference) -> number."""
    if name in SIMILARITIES:
        return SIMILARITIES[name]
    module, _, function = name.partition(":")
    if not function:
        raise UnknownName("similarity of `href?similarity=`", name, SIMILARITIES, "or module:function of your own")
    try:
        found: object = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"`href?similarity={name}`: {error}") from None
    if not callable(found):
        raise InputError(f"`href?similarity={name}`: {function} is no function")
    return found


def by_number(one: float, two: float) -> Decision:
    """Whoever has more; equal numbers are a tie."""
    return Decision(value=0.5 if one == two else float(one > two))


def simple(method: str, item: PairItem, cast: Cast, alike: Similarity) -> Decision:
    """A method that asks no model."""
    if method == SIMILARITY:
        assert item.reference is not None
        return by_number(alike(item.first, item.reference), alike(item.second, item.reference))
    if method == RANDOM:
        return Decision(value=float(cast.random.random() < 0.5))
    sign = 1 if method == LONGEST_WINS else -1
    return by_number(sign * len(item.first), sign * len(item.second))
