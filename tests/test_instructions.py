"""The verifiable instructions: each type's edge cases, arguments, loose forms, languages, hostile replies, MT-Eval's rules."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn.conversation import InputError, UnknownName
from multiturn.judges.instructions import INSTRUCTIONS, check, checker, follows, loosely, variants
from multiturn.judges.instructions.layout import count_bullets
from multiturn.judges.instructions.mt_eval_rules import RULES, rule
from multiturn.judges.instructions.text import EMOJI, count_capital_words, count_sentences

NO_COMMA = "punctuation:no_comma"
EXAMPLES: dict[str, dict[str, Any]] = {
    "keywords:existence": {"keywords": ["tea", "milk"]},
    "keywords:frequency": {"keyword": "tea", "frequency": 2, "relation": "at least"},
    "keywords:forbidden_words": {"forbidden_words": ["tea"]},
    "keywords:letter_frequency": {"letter": "e", "let_frequency": 2, "let_relation": "at least"},
    "language:response_language": {"language": "fr"},
    "length_constraints:number_sentences": {"num_sentences": 2, "relation": "at least"},
    "length_constraints:number_paragraphs": {"num_paragraphs": 2},
    "length_constraints:number_words": {"num_words": 3, "relation": "less than"},
    "length_constraints:nth_paragraph_first_word": {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Then"},
    "detectable_content:number_placeholders": {"num_placeholders": 2},
    "detectable_content:postscript": {"postscript_marker": "P.S."},
    "detectable_format:number_bullet_lists": {"num_bullets": 2},
    "detectable_format:number_highlighted_sections": {"num_highlights": 2},
    "detectable_format:multiple_sections": {"section_spliter": "Day", "num_sections": 2},
    "startend:end_checker": {"end_phrase": "The end."},
    "combination:repeat_prompt": {"prompt_to_repeat": "Say hello"},
    "change_case:capital_word_frequency": {"capital_frequency": 2, "capital_relation": "at least"},
}
PASSES_AND_FAILS: list[tuple[str, str, str]] = [
    ("keywords:existence", "TEA and milkshake", "tea alone"),
    ("keywords:frequency", "Tea? Steady tea", "one tea"),
    ("keywords:forbidden_words", "steam", "a cup of Tea."),
    ("keywords:letter_frequency", "Eve", "pen"),
    (
        "language:response_language",
        "Il fait très beau aujourd'hui et nous allons au parc.",
        "It is a lovely day in the park.",
    ),
    ("length_constraints:number_sentences", "One. Two.", "Dr. Smith is here."),
    ("length_constraints:number_paragraphs", "a\n***\nb", "a\n***\n \n***\nb"),
    ("length_constraints:number_words", "two words", "now three words"),
    ("length_constraints:nth_paragraph_first_word", "First.\n\n'Then, more", "First.\n\nThe end"),
    ("detectable_content:number_placeholders", "[a] and [b c]", "[a] and [b\n]"),
    ("detectable_content:postscript", "bye\np. s. more", "bye PS more"),
    ("detectable_format:number_bullet_lists", "* a\n  - b", "* a\n** b"),
    ("detectable_format:constrained_response", "Well. My answer is no.", "no"),
    ("detectable_format:number_highlighted_sections", "*a* and **b**", "*a* and ** **"),
    ("detectable_format:multiple_sections", "Day 1\nx\nDay2\ny", "Day 1\nx"),
    ("detectable_format:json_format", '```json\n{"a": [1]}\n```', "{'a': 1}"),
    ("detectable_format:title", "<<Tea>>\ntext", "<< >> <<\n>>"),
    ("combination:two_responses", "A ****** B", "A******A"),
    ("combination:repeat_prompt", " say HELLO. Hello!", "Hello! Say hello"),
    ("startend:end_checker", 'It was "fine. the end."', "The end. Bye"),
    ("startend:quotation", '"all of it"', '"'),
    ("change_case:capital_word_frequency", "IT IS so", "IT is so"),
    ("change_case:english_capital", "THIS IS A LONG ENOUGH SENTENCE IN ENGLISH.", "This is not in capitals."),
    ("change_case:english_lowercase", "this is a long enough sentence in english.", "This has one capital."),
    (NO_COMMA, "a; b", "a,b"),
]


@pytest.mark.parametrize(("name", "good", "bad"), PASSES_AND_FAILS)
def test_each_type_strictly(name: str, good: str, bad: str) -> None:
    args = EXAMPLES.get(name, {})
    assert check(name, good, args)
    assert not check(name, bad, args)


def test_all_types_have_a_case_and_fail_a_blank_reply() -> None:
    assert {name for name, _, _ in PASSES_AND_FAILS} == set(INSTRUCTIONS)
    assert len(INSTRUCTIONS) == 25
    for name in INSTRUCTIONS:
        for loose in (False, True):
            assert not follows(name, "", EXAMPLES.get(name, {}), loose)
            assert not follows(name, " \n ", EXAMPLES.get(name, {}), loose)


@given(st.text(alphabet='a ,*"\n-[].', max_size=30), st.sampled_from(sorted(set(INSTRUCTIONS) - {"language:response_language"})))
def test_what_is_strict_is_loose(reply: str, name: str) -> None:
    args = EXAMPLES.get(name, {})
    assert follows(name, reply, args, loose=True) or not follows(name, reply, args)


def test_loose_forgives_a_preface_a_last_line_and_asterisks() -> None:
    assert not check(NO_COMMA, "Sure, here:\ntext", {})
    assert loosely(checker(NO_COMMA, {}))("Sure, here:\ntext")
    assert follows("startend:end_checker", "**The end.**\nAnything else?", {"end_phrase": "the end."}, loose=True)
    assert not follows(NO_COMMA, "a, b\nc, d", {}, loose=True)
    assert set(variants("*1*\n2\n3")) == {"*1*\n2\n3", "1\n2\n3", "2\n3", "*1*\n2", "1\n2", "2"}


@pytest.mark.parametrize(
    ("name", "args", "says"),
    [
        ("punctuation:no_coma", {}, "no_comma"),
        ("length_constraints:number_words", {"relation": "at least"}, "`num_words` is missing"),
        ("length_constraints:number_words", {"num_words": "3", "relation": "at least"}, "`num_words` must be"),
        ("length_constraints:number_words", {"num_words": 3, "relation": "at most"}, "`relation` must be"),
        ("keywords:existence", {"keywords": []}, "`keywords` must be"),
        ("startend:end_checker", {"end_phrase": None}, "`end_phrase` is missing"),
        (NO_COMMA, {"n": 1}, "no argument `n`"),
    ],
)
def test_wrong_arguments_are_named(name: str, args: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        check(name, "text", args)


def test_nulls_are_dropped() -> None:
    assert check(NO_COMMA, "text", {"num_words": None, "letter": None})


def test_a_character_that_is_no_letter_is_counted_itself() -> None:
    assert check("keywords:letter_frequency", "# a # b", {"letter": "#", "let_frequency": 2, "let_relation": "at least"})


def test_keywords_are_regular_expressions_unless_that_is_not_safe() -> None:
    assert check("keywords:existence", "colour", {"keywords": ["colou?r"]})
    assert check("keywords:existence", "I write C++ code", {"keywords": ["C++"]})  # a repeat: literal
    assert check("keywords:existence", "odd ( mark", {"keywords": ["( mark"]})  # not a valid pattern: literal
    assert not check("keywords:existence", "a" * 5000, {"keywords": ["(a+)+$"]})
    assert not check("keywords:existence", "a" * 5000, {"keywords": ["a?" * 40 + "b"]})


@pytest.mark.parametrize("unit", ["\n", "[", "<<", "*", " ", "A. ", ".", '"', "***", "J.K. ", "'s", "x.\n* ", "a,"])
def test_crafted_replies_take_linear_time(unit: str) -> None:
    reply = unit * (200_000 // len(unit)) + "x"
    slow = {"language:response_language", "change_case:english_capital", "change_case:english_lowercase"}
    start = time.process_time()
    for name in sorted(set(INSTRUCTIONS) - slow):
        check(name, reply, EXAMPLES.get(name, {}))
    assert time.process_time() - start < 10  # quadratic ones would take minutes


def test_json_nested_by_the_thousand_is_not_followed() -> None:
    assert not check("detectable_format:json_format", "[" * 200_000, {})
    assert check("detectable_format:json_format", "5", {})


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0), ("word", 1), ("One. Two! Three? Four", 4), ("Wait... what?", 1), ("See www.example.com now.", 1),
        ("Mr. Smith met Dr. Lee at 5 p.m. on Monday.", 1), ("J. K. Rowling wrote it.", 1), ("The U.S. The law.", 2),
        ("Pi is 3.14. It goes on.", 2), ('He said "go." She went.', 2), ('The end."', 1),
        # as Punkt has them: left-over marks and numbers of lists are sentences
        ("**The end.**", 2), ("Really?! Yes!!", 3), ("1. First\n2. Second", 3),
    ],
)  # fmt: skip
def test_sentences(text: str, count: int) -> None:
    assert count_sentences(text) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [("I am OK", 2), ("DON'T", 2), ("I'm HERE", 2), ("AND-OR", 1), ("*NASA*, U.S.", 2), ("CANNOT", 2), ("A1 b2", 1)],
)
def test_capital_words(text: str, count: int) -> None:
    assert count_capital_words(text) == count


def test_a_lone_star_takes_the_next_line_as_its_text() -> None:
    assert count_bullets("*\n* a") == 1
    assert count_bullets("*\n- a") == 2
    assert count_bullets("text\n*") == 0


# -- languages -----------------------------------------------------------------------------------------------------
def many(name: str, reply: str, official: bool = False, **args: Any) -> bool:
    return follows(name, reply, args, language_aware=True, official=official)


CHINESE = "今天我们去公园散步吧。"
HINDI = "आज मौसम बहुत अच्छा है। हम कल बाजार जाएंगे।"


def test_chinese_words_are_characters() -> None:
    assert many("length_constraints:number_words", CHINESE, num_words=10, relation="at least")
    assert not many("length_constraints:number_words", CHINESE, num_words=11, relation="at least")
    assert check("length_constraints:number_words", CHINESE, {"num_words": 2, "relation": "less than"})  # English mode


def test_sentences_end_where_their_language_ends_them() -> None:
    two: dict[str, Any] = {"num_sentences": 2, "relation": "at least"}
    three: dict[str, Any] = {"num_sentences": 3, "relation": "at least"}
    for reply in (HINDI, CHINESE + "你觉得怎么样？"):
        assert many("length_constraints:number_sentences", reply, **two)
        assert not many("length_constraints:number_sentences", reply, **three)


def test_what_the_released_code_leaves_undone() -> None:
    for official, expected in ((False, False), (True, True)):
        assert many(NO_COMMA, "今天，很好。", official) is expected
        assert many("keywords:forbidden_words", "今天天气很好。", official, forbidden_words=["天气"]) is expected
        assert many("keywords:forbidden_words", "यह पानी है।", official, forbidden_words=["पानी"]) is expected
    assert many("length_constraints:number_words", HINDI, num_words=10, relation="less than")
    assert not many("length_constraints:number_words", HINDI, True, num_words=10, relation="less than")


def test_quotes_of_many_languages() -> None:
    for reply in ('"a"', "“今天”", "「今日」"):
        assert many("startend:quotation", reply)
    assert not many("startend:quotation", "“a」")
    assert not check("startend:quotation", "“a”", {})


def test_a_language_without_region_takes_any_and_nothing_to_go_by_counts() -> None:
    assert many("language:response_language", CHINESE * 3, language="zh")
    assert check("language:response_language", "12345 !!", {"language": "fr"})


# -- MT-Eval -------------------------------------------------------------------------------------------------------
MT_EVAL = {
    "startend:start_char": ({"letter": "b"}, " Bees", "A bee"),
    "startend:start_emoji": ({}, "😀 hi", "hi 😀"),
    "startend:end_phrase": ({"end_phrase": "Bye now."}, "ok. 'bye now.'", "Bye now. ok"),
    "language:response_language": ({"lang": "Spanish"}, "Hoy hace muy buen tiempo en la ciudad.", "The weather is good in town."),
    "format:json_format": ({}, '```json\n{"a": 1}```', "{a: 1}"),
    "format:bullet_list": ({"num_bullets": 0}, "- a\n- b", "a"),
    "length_constraints:number_sentences": ({"num_sentences": 3, "relation": "less than"}, "One. Two.", "One. Two. Three."),
    "keywords:existence": ({"keywords": ["a.c", "tea"]}, "A.C TEAM", "abc tea"),
    "change_case:capital_letter": ({}, "ALLES GUTE 1", "Alles"),
    "change_case:lowercase": ({}, "alles gute", "Alles"),
    "punctuation:no_comma": ({}, "a b", "a, b"),
    "combination:two_responses": ({}, "a******b", "a******b******c"),
    "content:placeholder": ({"num_placeholder": 1}, "[name]", "name"),
    "format:constrained_response": ({"response_options": ["Yes, sir.", "No."]}, "Well. No.", "no."),
}


@pytest.mark.parametrize("name", sorted(RULES))
def test_mt_eval_rules(name: str) -> None:
    args, good, bad = MT_EVAL[name]
    assert RULES[name].check(good, args)
    assert not RULES[name].check(bad, args)
    assert not RULES[name].check(" ", args)
    assert RULES[name].describe(args).startswith("From now on")
    drawn = RULES[name].draw(random.Random(1))
    RULES[name].check("text", drawn)
    assert drawn == RULES[name].draw(random.Random(1))


def test_mt_eval_has_14_rules_and_exact_bullets() -> None:
    assert len(RULES) == 14
    assert RULES["format:bullet_list"].check("- a\n- b", {"num_bullets": 2})
    assert not RULES["format:bullet_list"].check("- a\n- b", {"num_bullets": 1})
    with pytest.raises(UnknownName, match="start_char"):
        rule("startend:start_chr")
    with pytest.raises(InputError, match="`letter`"):
        RULES["startend:start_char"].check("text", {})


@pytest.mark.parametrize("emoji", ["😀", "❤️", "👍🏽", "👨‍👩‍👧", "🇫🇷", "1️⃣", "☺"])
def test_emoji_are_one_each(emoji: str) -> None:
    assert EMOJI.findall(f"a {emoji} b 1 #") == [emoji]
