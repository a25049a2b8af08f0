"""Sentences, words and marks in many languages, as Multi-IF counts them (He et al. 2024, arXiv 2410.15553).

How to count depends on the reply itself: by default on the script that most of its words are written in; with ``official``
on the language that langdetect names, as in the released code (which can take a short Chinese sentence for Korean).
"""

from __future__ import annotations

import re

from . import keywords, text

# Letters that Python's \w leaves out though they are parts of words: vowel signs and joiners of the Indic scripts.
_SIGNS = "\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963\u0980-\u0983\u09be-\u09cd\u0b80-\u0bcd\u200c\u200d"
_INDIC_WORD = re.compile(rf"[\w{_SIGNS}]+")
_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_CJK = re.compile(f"[{_HAN}\u3040-\u30ff\uac00-\ud7af]")
_HAN_KANA = re.compile(f"[{_HAN}\u3040-\u30ff]")
_CJK_MARKS = re.compile(r"[\\.!?．/_,{}<>:;$%^&*(+\"'—！，。？、`~@#￥…）：；《》“”()\[\]»〔〕\-「」（]+")
_CJK_END = re.compile(r"[!?。.！？．]")
_HINDI_END = re.compile(r"[।!?]")
_THAI = re.compile("[\u0e01-\u0e3a\u0e40-\u0e4e]+")
_THAI_LETTERS_A_WORD = 4.0
_DEVANAGARI = re.compile("[\u0900-\u0963\u0966-\u097f]+")
_OTHER = re.compile(rf"[^\W{_HAN}\u3040-\u30ff\uac00-\ud7af\u0900-\u097f\u0e00-\u0e7f]+")
_CODES = {"zh": "zh", "zh-cn": "zh", "zh-tw": "zh", "ja": "zh", "hi": "hi", "th": "th"}
QUOTES = (('"', '"'), ("“", "”"), ("「", "」"))


def _way(reply: str, official: bool) -> str:
    """Which way to count: "zh" (Chinese, Japanese), "hi" (Devanagari), "th" (Thai), "" (all others)."""
    if official:
        return _CODES.get(text.language(reply) or "", "")
    if reply.isascii():
        return ""
    words = {
        "": float(sum(1 for _ in _OTHER.finditer(reply))),
        "zh": sum(1 for _ in _HAN_KANA.finditer(reply)),
        "hi": sum(1 for _ in _DEVANAGARI.finditer(reply)),
        "th": sum(len(run) for run in _THAI.findall(reply)) / _THAI_LETTERS_A_WORD,
    }
    return max(words, key=words.__getitem__)


def count_sentences(reply: str, official: bool = False) -> int:
    """Hindi ends at danda, "!" and "?"; Chinese and Japanese at their marks and at lines; Thai at lines; others as English."""
    way = _way(reply, official)
    if way == "hi":
        return sum(1 for part in _HINDI_END.split(reply) if part.strip())
    if way == "zh":
        return sum(1 for line in reply.splitlines() for part in _CJK_END.split(line.strip()) if part)
    if way == "th":
        return sum(max(1, text.count_sentences(line)) for line in reply.splitlines() if line.strip())
    return text.count_sentences(reply)


def count_words(reply: str, official: bool = False) -> int:
    """Chinese and Japanese: characters, foreign words and emoji; the rest: runs of letters and digits.

    Thai writes no spaces: its letters are divided by four, about the length of a word (the released code uses a dictionary).
    ``official``: vowel signs break words, as in the released code with the NLTK of its time, so that a Hindi word counts as
    several.
    """
    way = _way(reply, official)
    if way == "zh":
        plain = _CJK_MARKS.sub("", reply)
        emoji = sum(1 for _ in text.EMOJI.finditer(plain))
        plain = text.EMOJI.sub("", plain)
        return emoji + sum(1 for _ in _CJK.finditer(plain)) + len(_CJK.sub(" ", plain).split())
    if way == "th":
        letters = sum(len(run) for run in _THAI.findall(reply))
        return round(letters / _THAI_LETTERS_A_WORD) + text.count_words(_THAI.sub(" ", reply))
    return text.count_words(reply) if official else sum(1 for _ in _INDIC_WORD.finditer(reply))


def is_quoted(reply: str) -> bool:
    """First and last characters are a pair of double quotation marks: straight, curly or corner brackets."""
    stripped = reply.strip()
    return len(stripped) > 1 and any(stripped[0] == left and stripped[-1] == right for left, right in QUOTES)


def has_word(keyword: str, reply: str) -> bool:
    """Whether the keyword stands as a word; where words have no spaces between them, whether it stands anywhere."""
    edge = rf"[\w{_SIGNS}]"
    left = "" if not keyword or _spaceless(keyword[0]) else f"(?<!{edge})"
    right = "" if not keyword or _spaceless(keyword[-1]) else f"(?!{edge})"
    return keywords.pattern(keyword, left, right).search(reply) is not None


def has_comma(reply: str) -> bool:
    """The comma of any script: ASCII, full-width, Arabic. The Chinese enumeration mark (、) is not one."""
    return any(mark in reply for mark in ",，،")


def _spaceless(letter: str) -> bool:
    return _CJK.match(letter) is not None or _THAI.match(letter) is not None
