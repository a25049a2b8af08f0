"""What a reply should be, and whether it is: typed targets and pure functions that match them.

Matching is tolerant in form (case, surrounding punctuation, number words) and exact in content: words are matched at
word boundaries, so "art" is not found in "start". A fault is one short line saying what is wrong; "" means right.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from .instructions.registry import follows

Value: TypeAlias = str | int | float
Match: TypeAlias = Literal["exact", "contains", "number", "regex"]
LONGEST = 100_000
"""Characters of a reply that are looked at; what follows is ignored."""


class Answer(Struct, frozen=True, kw_only=True, tag="answer", tag_field="type", forbid_unknown_fields=True, omit_defaults=True):
    """An answer that code can check: give one of ``value``, ``any_of`` (one is enough) or ``all_of`` (each must be there).

    ``match``: "exact" (the whole reply), "contains" (somewhere in the reply, as whole words), "number" (the reply's last
    number), "regex" (found anywhere, case ignored). By default a number is matched as a number and text by "contains".
    ``none_of``: words that a right reply must not contain (the wrong options).
    """

    value: Value | None = None
    any_of: tuple[Value, ...] = ()
    all_of: tuple[Value, ...] = ()
    none_of: tuple[str, ...] = ()
    match: Match | None = None


class Constraint(Struct, frozen=True, kw_only=True, tag="constraint", tag_field="type", omit_defaults=True):
    """A verifiable instruction (``id`` as in IFEval, e.g. "punctuation:no_comma") with its arguments."""

    id: str
    args: dict[str, Any] = {}


class Rubric(Struct, frozen=True, kw_only=True, tag="rubric", tag_field="type", forbid_unknown_fields=True):
    """Criteria for a judge model, which scores the turn from 1 to 10."""

    text: str


class Refusal(Struct, frozen=True, tag="refusal", tag_field="type", forbid_unknown_fields=True):
    """The right reply declines."""


class Clarification(Struct, frozen=True, tag="clarification", tag_field="type", forbid_unknown_fields=True):
    """The right reply asks back."""


class Memory(Struct, frozen=True, kw_only=True, tag="memory", tag_field="type", forbid_unknown_fields=True):
    """A memory probe: ``value`` was said in turn ``from_turn`` (from 1) and must come back as whole words."""

    value: Value
    from_turn: int


Target: TypeAlias = Answer | Constraint | Rubric | Refusal | Clarification | Memory


def fault(target: Target, reply: str) -> str:
    """What is wrong with ``reply`` by this target, "" if nothing is. A rubric has no check in code: `TypeError`."""
    match target:
        case Answer():
            return _answer_fault(target, reply)
        case Memory():
            return "" if matches(reply, target.value) else f"`{target.value}` from turn {target.from_turn} is not there"
        case Constraint():
            return "" if follows(target.id, reply[:LONGEST], target.args) else f"does not follow {target.id}"
        case Refusal():
            return "" if refuses(reply) else "does not decline"
        case Clarification():
            return "" if asks_back(reply) else "does not ask back"
        case _:
            raise TypeError("a rubric is scored by a judge model, not in code")


def reference(target: Target) -> str | None:
    """The gold answer that a target implies, if it names one."""
    match target:
        case Memory():
            return str(target.value)
        case Answer(match="regex"):
            return None
        case Answer():
            if target.all_of:
                return ", ".join(str(v) for v in target.all_of)
            options = target.any_of if target.value is None else (target.value,)
            return str(options[0]) if options else None
        case _:
            return None


def _answer_fault(target: Answer, reply: str) -> str:
    options = target.any_of if target.value is None else (target.value,)
    if options and not any(matches(reply, v, target.match) for v in options):
        return f"expected {' or '.join(f'`{v}`' for v in options[:5])}"
    for wanted in target.all_of:
        if not matches(reply, wanted, target.match or "contains"):
            return f"`{wanted}` is missing"
    for wrong in target.none_of:
        if contains(reply, wrong):
            return f"`{wrong}` is wrong"
    return ""


def matches(reply: str, value: Value, match: Match | None = None) -> bool:
    """Whether the reply gives this value (see `Answer`)."""
    match match or ("contains" if isinstance(value, str) else "number"):
        case "exact":
            return bare(reply) == bare(str(value))
        case "number":
            wanted = last_number(str(value))
            return wanted is not None and last_number(reply) == wanted
        case "regex":
            return re.search(str(value), reply[:LONGEST], re.IGNORECASE) is not None
        case _:
            return contains(reply, str(value))


# -- text ---------------------------------------------------------------------------------------------------------
def plain(text: str) -> str:
    """Text with compatibility forms, apostrophes, case and white space made equal."""
    text = unicodedata.normalize("NFKC", text[:LONGEST]).replace("’", "'")
    return " ".join(text.casefold().split())


def bare(text: str) -> str:
    """`plain` text without surrounding punctuation, quotes and mark-up (unless there is nothing else)."""
    text = plain(text)
    stripped = text.strip(" .,:;!?*_`'\"“”«»()[]{}<>#")
    return stripped or text


def contains(reply: str, value: str) -> bool:
    """Whether ``value`` stands in ``reply`` as whole words ("3" is not in "3.5" or "30"); never true for an empty value."""
    value = plain(value)
    if not value:
        return False
    before = r"(?<!\w)(?<!\d[.,])" if _has_edges(value[0]) else ""
    after = r"(?!\w)(?![.,]\d)" if _has_edges(value[-1]) else ""
    return re.search(before + re.escape(value) + after, plain(reply)) is not None


def _has_edges(char: str) -> bool:
    """Whether words in this character's script are set apart by spaces."""
    wide = unicodedata.east_asian_width(char) in "WF"
    return (
        char.isalnum()
        and not wide
        and not ("\u0e00" <= char <= "\u0eff" or "\u1000" <= char <= "\u109f" or "\u1780" <= char <= "\u17ff")
    )


# -- numbers ------------------------------------------------------------------------------------------------------
_DIGITS = re.compile(r"(?<![\w.])[-−]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?")
_SMALL = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen",
)
_TENS = re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety")
_WORDS = {word: n for n, word in enumerate(_SMALL)} | {word: 10 * n for n, word in enumerate(_TENS, 2)}


def last_number(text: str) -> Decimal | None:
    """The last number written in digits; where there are none, the last one in English words (below a million)."""
    text = plain(text)
    found = _DIGITS.findall(text)
    if found:
        return Decimal(found[-1].replace(",", "").replace("−", "-")) if len(found[-1]) <= 60 else None
    return _spoken(re.findall(r"[a-z]+", text))


def _spoken(words: list[str]) -> Decimal | None:
    last: int | None = None
    total = current = 0
    room = 0  # the next number word continues this number if it is below ``room`` (twenty-five, but not one two)
    for word in words:
        value = _WORDS.get(word)
        if value is not None:
            if value >= room:
                total = current = 0
            current += value
            room = 10 if value >= 20 else -1
        elif room and word == "hundred":
            current, room = current * 100, 100
        elif room and word == "thousand":
            total, current, room = (total + current) * 1000, 0, 1000
        elif word != "and":
            room = 0
        if room:
            last = total + current
    return None if last is None else Decimal(last)


# -- rough rules --------------------------------------------------------------------------------------------------
_CANNOT = (
    r"(?:can't|cannot|can not|won't|will not|am unable to|'m unable to|am not able to|'m not able to|must not|may not|shouldn't)"
)
_DO = (
    r"(?:help|assist|provide|give|share|do|comply|answer|support|create|write|generate|"
    r"offer|discuss|fulfil|fulfill|continue|tell|explain|engage)"
)
_REFUSAL = re.compile(
    rf"\b(?:i|we) ?{_CANNOT}(?: \w+){{0,3}}? {_DO}\b"
    r"|\b(?:i|we)(?: must| have to| will|'ll)? (?:respectfully )?(?:decline|refuse)\b"
    r"|\bi(?:'m| am) (?:very )?sorry,? (?:but )?(?:i|that|this)\b.{0,40}\b(?:can't|cannot|unable|not able|won't)\b"
    r"|\bagainst (?:my|our) (?:rules|guidelines|policy|policies)\b"
    r"|\b(?:i'd|i would) rather not\b"
)
_ASKING = re.compile(
    r"\bplease (?:clarify|specify|tell me (?:which|what|who|when|where|how)|let me know (?:which|what|who|when|where|how))\b"
    r"|\b(?:i need|i'd need|i would need) (?:more|further|some more|a bit more) (?:information|details?|context)\b"
)
_OFFER = re.compile(
    r"^(?:is there )?anything else|^is there anything|^(?:would|do) you (?:like|want) (?:me|any|more|to know)"
    r"|^does (?:that|this) (?:help|answer)"
    r"|^(?:shall|should) i (?:go on|continue)|^how (?:else )?(?:can|may) i (?:help|assist)"
)


def refuses(reply: str) -> bool:
    """Whether the reply declines, by phrases that usually do so in its first 500 characters (English only; a rough rule)."""
    return _REFUSAL.search(plain(reply[:500])) is not None


def asks_back(reply: str) -> bool:
    """Whether the reply asks the user for what is missing: a question that is not a mere closing offer ("Anything else?"),
    or a request for details (English only for the latter; a rough rule)."""
    text = plain(re.sub(r"```.*?(?:```|$)", " ", reply[:LONGEST], flags=re.DOTALL))
    sentences = re.split(r"(?<=[.!?])", text)
    questions = (s.strip(" \"'*_-") for s in sentences if s.endswith("?") and len(s) > 1)
    return any(not _OFFER.search(q) for q in questions) or _ASKING.search(text) is not None
