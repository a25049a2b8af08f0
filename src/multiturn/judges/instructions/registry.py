"""The verifiable instructions of IFEval (Zhou et al. 2023, arXiv 2311.07911), one entry a type.

``follows`` is strict (the reply is not blank and passes) or loose (one of eight variants of the reply passes: without its
first line, its last line, both, each with and without asterisks). docs/checkers.md lists every difference from the released code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from msgspec import Struct

from ...conversation import InputError, UnknownName
from . import keywords, languages, layout, text

Args: TypeAlias = Mapping[str, Any]
Check: TypeAlias = Callable[[str, Any], Any]

_KINDS: dict[str, Callable[[Any], bool]] = {
    "a text": lambda v: isinstance(v, str) and v.strip() != "",
    "a whole number, 0 or more": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool) and v >= 0 and v == int(v),
    "`less than` or `at least`": lambda v: v in ("less than", "at least"),
    "a list of texts": lambda v: isinstance(v, (list, tuple)) and len(v) > 0 and all(isinstance(x, str) and x for x in v),
}
_TEXT, _NUMBER, _RELATION, _TEXTS = _KINDS


class Instruction(Struct, frozen=True):
    """One type: what its arguments must be, and its check on a non-blank reply."""

    args: dict[str, str]
    test: Check


def _is(relation: str, found: int, wanted: int) -> bool:
    return found < wanted if relation == "less than" else found >= wanted


def _postscript(reply: str, args: Args) -> bool:
    marker = args["postscript_marker"].strip()
    known = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}.get(marker)
    return keywords.has(known or marker.lower(), reply.lower())


def _sections(reply: str, args: Args) -> bool:
    heading = keywords.pattern(args["section_spliter"].strip(), "", r"\s?\d+", 0)
    return sum(1 for _ in heading.finditer(reply)) >= int(args["num_sections"])


def _nth_first_word(reply: str, args: Args) -> bool:
    count, word = layout.first_word(reply, int(args["nth_paragraph"]))
    return (count, word) == (args["num_paragraphs"], args["first_word"].lower())


def _quotation(reply: str, args: Args) -> bool:
    stripped = reply.strip()
    return len(stripped) > 1 and stripped[0] == stripped[-1] == '"'


INSTRUCTIONS: dict[str, Instruction] = {
    "keywords:existence": Instruction(
        {"keywords": _TEXTS}, lambda r, a: all(keywords.has(word, r) for word in a["keywords"])),
    "keywords:frequency": Instruction(
        {"keyword": _TEXT, "frequency": _NUMBER, "relation": _RELATION},
        lambda r, a: _is(a["relation"], keywords.count(a["keyword"].strip(), r), a["frequency"])),
    "keywords:forbidden_words": Instruction(
        {"forbidden_words": _TEXTS}, lambda r, a: not any(keywords.has_word(word, r) for word in a["forbidden_words"])),
    "keywords:letter_frequency": Instruction(
        {"letter": _TEXT, "let_frequency": _NUMBER, "let_relation": _RELATION},
        lambda r, a: _is(a["let_relation"], r.lower().count(a["letter"].lower()), a["let_frequency"])),
    "language:response_language": Instruction({"language": _TEXT}, lambda r, a: text.in_language(r, a["language"])),
    "length_constraints:number_sentences": Instruction(
        {"num_sentences": _NUMBER, "relation": _RELATION},
        lambda r, a: _is(a["relation"], text.count_sentences(r), a["num_sentences"])),
    "length_constraints:number_paragraphs": Instruction(
        {"num_paragraphs": _NUMBER}, lambda r, a: layout.count_paragraphs(r) == a["num_paragraphs"]),
    "length_constraints:number_words": Instruction(
        {"num_words": _NUMBER, "relation": _RELATION},
        lambda r, a: _is(a["relation"], text.count_words(r), a["num_words"])),
    "length_constraints:nth_paragraph_first_word": Instruction(
        {"num_paragraphs": _NUMBER, "nth_paragraph": _NUMBER, "first_word": _TEXT}, _nth_first_word),
    "detectable_content:number_placeholders": Instruction(
        {"num_placeholders": _NUMBER}, lambda r, a: layout.count_placeholders(r) >= a["num_placeholders"]),
    "detectable_content:postscript": Instruction({"postscript_marker": _TEXT}, _postscript),
    "detectable_format:number_bullet_lists": Instruction(
        {"num_bullets": _NUMBER}, lambda r, a: layout.count_bullets(r) == a["num_bullets"]),
    "detectable_format:constrained_response": Instruction({}, lambda r, a: any(each in r for each in layout.YES_NO_MAYBE)),
    "detectable_format:number_highlighted_sections": Instruction(
        {"num_highlights": _NUMBER}, lambda r, a: layout.count_highlights(r) >= a["num_highlights"]),
    "detectable_format:multiple_sections": Instruction({"section_spliter": _TEXT, "num_sections": _NUMBER}, _sections),
    "detectable_format:json_format": Instruction({}, lambda r, a: layout.is_json(r)),
    "detectable_format:title": Instruction({}, lambda r, a: layout.has_title(r)),
    "combination:two_responses": Instruction({}, lambda r, a: layout.has_two_responses(r)),
    "combination:repeat_prompt": Instruction(
        {"prompt_to_repeat": _TEXT}, lambda r, a: r.strip().lower().startswith(a["prompt_to_repeat"].strip().lower())),
    "startend:end_checker": Instruction(
        {"end_phrase": _TEXT}, lambda r, a: r.strip().strip('"').lower().endswith(a["end_phrase"].strip().lower())),
    "startend:quotation": Instruction({}, _quotation),
    "change_case:capital_word_frequency": Instruction(
        {"capital_frequency": _NUMBER, "capital_relation": _RELATION},
        lambda r, a: _is(a["capital_relation"], text.count_capital_words(r), a["capital_frequency"])),
    "change_case:english_capital": Instruction({}, lambda r, a: r.isupper() and text.in_language(r, "en")),
    "change_case:english_lowercase": Instruction({}, lambda r, a: r.islower() and text.in_language(r, "en")),
    "punctuation:no_comma": Instruction({}, lambda r, a: "," not in r),
}  # fmt: skip
"""The 25 types, for English replies."""

RELEASED: dict[str, Check] = {
    "length_constraints:number_sentences": lambda r, a: _is(
        a["relation"], languages.count_sentences(r, True), a["num_sentences"]
    ),
    "length_constraints:number_words": lambda r, a: _is(a["relation"], languages.count_words(r, True), a["num_words"]),
    "startend:quotation": lambda r, a: languages.is_quoted(r),
}
"""What Multi-IF's released code checks differently."""

MULTILINGUAL: dict[str, Check] = {
    "length_constraints:number_sentences": lambda r, a: _is(a["relation"], languages.count_sentences(r), a["num_sentences"]),
    "length_constraints:number_words": lambda r, a: _is(a["relation"], languages.count_words(r), a["num_words"]),
    "startend:quotation": lambda r, a: languages.is_quoted(r),
    "keywords:forbidden_words": lambda r, a: not any(languages.has_word(word, r) for word in a["forbidden_words"]),
    "punctuation:no_comma": lambda r, a: not languages.has_comma(r),
}
"""What is checked differently when a reply may be in any language: the released changes, with their gaps closed."""


def arguments(instruction_id: str, args: Args) -> dict[str, Any]:
    """The arguments without nulls, checked. Raises `UnknownName` or `InputError` naming the instruction and the argument."""
    if instruction_id not in INSTRUCTIONS:
        raise UnknownName("instruction", instruction_id, INSTRUCTIONS)
    wanted = INSTRUCTIONS[instruction_id].args
    given = {name: value for name, value in args.items() if value is not None}
    for name, kind in wanted.items():
        if name not in given:
            raise InputError(f"instruction `{instruction_id}`: argument `{name}` is missing; it must be {kind}")
        if not _KINDS[kind](given[name]):
            raise InputError(f"instruction `{instruction_id}`: argument `{name}` must be {kind}, not {given[name]!r}")
    if extra := sorted(set(given) - set(wanted)):
        raise InputError(f"instruction `{instruction_id}`: it has no argument `{extra[0]}`")
    return given


def checker(instruction_id: str, args: Args, *, language_aware: bool = False, official: bool = False) -> Callable[[str], bool]:
    """The check of one instruction as a function of the reply. Raises `InputError` for unknown ids and wrong arguments.

    ``language_aware``: replies may be in any language (Multi-IF); with ``official``, exactly as its released code has it.
    """
    given = arguments(instruction_id, args)
    test = INSTRUCTIONS[instruction_id].test
    if language_aware:
        test = (RELEASED if official else MULTILINGUAL).get(instruction_id, test)
    return lambda reply: reply.strip() != "" and bool(test(reply, given))


def check(instruction_id: str, reply: str, args: Args) -> bool:
    """Whether this very reply follows the instruction (English); a blank one follows none. Raises as `checker`."""
    return checker(instruction_id, args)(reply)


def variants(reply: str) -> Iterator[str]:
    """The reply, then the seven relaxed forms of it: without asterisks, without its first line, its last line, or both."""
    lines = reply.split("\n")
    yield reply
    yield reply.replace("*", "")
    for part in (lines[1:], lines[:-1], lines[1:-1]):
        kept = "\n".join(part).strip()
        yield kept
        if "*" in kept:
            yield kept.replace("*", "")


def loosely(test: Callable[[str], bool]) -> Callable[[str], bool]:
    """The loose form of a check: true if it is true of any variant of the reply."""
    return lambda reply: any(test(each) for each in variants(reply))


def follows(
    instruction_id: str, reply: str, args: Args, loose: bool = False, *, language_aware: bool = False, official: bool = False
) -> bool:
    """Whether the reply follows the instruction, strictly or loosely. Options and errors as in `checker`."""
    test = checker(instruction_id, args, language_aware=language_aware, official=official)
    return (loosely(test) if loose else test)(reply)
