"""What the checkers need to know about text: sentences, words in capitals, languages, emoji. No data files, no downloads.

Every function is linear in the length of the text, because replies are hostile.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# -- sentences -----------------------------------------------------------------------------------------------------
# The decisions of Punkt (Kiss & Strunk, 2006) with its learned tables replaced by short lists: a full stop, question or
# exclamation mark ends a sentence when something follows it, unless the stop belongs to an abbreviation, an initial or dots.
_ABBREVIATIONS = _set(
    "mr mrs ms messrs dr prof st jr sr gen col lt sgt capt cmdr adm maj rep reps sen sens gov rev hon pres inc ltd co corp cos "
    "bros mfg vs etc e.g i.e cf al viz vol fig ca dept est assn ave blvd rd apt ext tel jan feb mar apr aug sept oct nov dec "
    "u.s u.k u.n u.s.a d.c n.y l.a a.m p.m ph.d m.d b.a m.a b.c a.d j.r ft lb lbs oz min sec tues thurs fri wed "
    "v p.s d.j b.s m.b.a n.j"
)
# Words that, in capitals, begin a sentence even after an abbreviation or dots.
_STARTERS = _set(
    "the a an it he she they we you this that these those there in on at but and so or if when while as for after before to "
    "from however although since because what why how who where which then now here his her their our my your its with by "
    "not no some all many most one once until let also each every both such"
)
_OPENERS = "\"'“”‘’([{*_#<`~-–—"
_CLOSERS = "\"')]}"
# A mark, then either something that cannot be part of the word, or the end of the word (`$` = the end of this chunk).
_END = re.compile(r"[.?!](?=[)\";}\]*:@'({\[!?]|$)")
_PIECES = re.compile(r"[)\";}\]*:@'({\[!?]")


def count_sentences(text: str) -> int:
    """Number of English sentences. As in Punkt, "1." before a capital is one, and so is "**" left over after a stop."""
    words = text.split()
    if not words:
        return 0
    count, pending = 0, False  # pending: something stands after the last boundary
    for i, word in enumerate(words):
        after = words[i + 1] if i + 1 < len(words) else ""
        pending = True
        cut = _boundary(word, after)
        if cut:
            count += 1
            pending = bool(word[cut:].lstrip(_CLOSERS))
    return count + pending


def _boundary(word: str, after: str) -> int:
    """Where in this chunk (white space on both sides) a sentence ends: an index, 0 for nowhere."""
    if not after and len(word) == 1:
        return 0
    found = 0
    for match in _END.finditer(word):
        if match.end() < len(word) or after:
            found = match.end()
    if not found:
        return 0
    head, follows = word[:found], word[found:] or after
    if head[-1] != "." or "?" in head or "!" in head:
        return found
    last = _PIECES.split(head)[-1].lstrip(_OPENERS + ",&")
    at_word_end = found == len(word)
    if last.endswith(".."):
        return found if at_word_end and _starts_sentence(follows) else 0
    stem = last[:-1].lower()
    if stem in _ABBREVIATIONS or stem.rpartition("-")[2] in _ABBREVIATIONS:
        return found if at_word_end and _starts_sentence(follows) else 0
    if len(stem) == 1 and stem.isalpha():  # an initial: J. Smith
        return found if not at_word_end or _starts_sentence(follows) or not follows[0].isalpha() else 0
    if stem.replace(",", "").replace(".", "").replace("-", "").isdigit() and at_word_end and follows[0].islower():
        return 0
    return found


def _starts_sentence(word: str) -> bool:
    return word[0].isupper() and word.rstrip(".,;:!?'\")]}").partition("'")[0].lower() in _STARTERS


# -- words ---------------------------------------------------------------------------------------------------------
_WORD = re.compile(r"\w+")


def count_words(text: str) -> int:
    """Runs of letters, digits and underscores."""
    return sum(1 for _ in _WORD.finditer(text))


# As the Penn Treebank: punctuation and clitics are tokens of their own, hyphens stay inside words.
_SPLIT = re.compile(r"\.{2,}|--+|[;@#$%&?!\[\](){}<>\"“”‘«»`…]|[:,](?!\d)|\s+")
_CLITIC = re.compile(r"(?<=\w)('(?:S|M|D|LL|RE|VE)|N'T)(?=\W*$)")


def count_capital_words(text: str) -> int:
    """Words all in capitals: "AND-OR" is one, "DON'T" is two (as the Treebank splits it), "I" is one, "A1" is one."""
    count = 0
    for token in _SPLIT.split(text):
        if token and token.isupper():
            clitic = _CLITIC.search(token)
            count += 2 if clitic and clitic.start() > 0 else 1
    return count


# -- languages -----------------------------------------------------------------------------------------------------
@cache
def _detector() -> Any:
    import langdetect  # 40 ms, and only some checkers need it

    langdetect.DetectorFactory.seed = 0  # the library draws at random otherwise
    return langdetect


@lru_cache(maxsize=4096)
def language(text: str) -> str | None:
    """langdetect's code ("en", "zh-cn", …) of the whole text; None when it finds nothing to go by. About 5 ms a new text."""
    library = _detector()
    try:
        return str(library.detect(text))
    except library.LangDetectException:
        return None


def in_language(text: str, code: str) -> bool:
    """Whether the text is in this language. Nothing to go by counts as yes; a code without a region takes any region."""
    found = language(text)
    return found is None or found == code or found.partition("-")[0] == code


# -- emoji ---------------------------------------------------------------------------------------------------------
# Code points with the Unicode property Emoji, but for digits, "#" and "*", which are emoji only inside a key cap. Above
# U+1F300 whole blocks are taken: the few pictographs in them without the property are read as emoji too.
_EMOJI = (
    "©®‼⁉™ℹ↔-↙↩-↪⌚-⌛⌨⏏⏩-⏳⏸-⏺Ⓜ▪-▫▶◀◻-◾☀-☄☎☑☔-☕☘☝☠☢-☣☦☪☮-☯☸-☺♀♂♈-♓♟-♠♣♥-♦♨♻♾-♿⚒-⚗⚙⚛-⚜⚠-⚡⚧⚪-⚫⚰-⚱⚽-⚾⛄-⛅⛈⛎-⛏⛑⛓-⛔⛩-⛪⛰-⛵⛷-⛺⛽"
    "✂✅✈-✍✏✒✔✖✝✡✨✳-✴❄❇❌❎❓-❕❗❣-❤➕-➗➡➰➿⤴-⤵⬅-⬇⬛-⬜⭐⭕〰〽㊗㊙\U0001f004\U0001f0cf\U0001f170-\U0001f171\U0001f17e-\U0001f17f"
    "\U0001f18e\U0001f191-\U0001f19a\U0001f201-\U0001f202\U0001f21a\U0001f22f\U0001f232-\U0001f23a\U0001f250-\U0001f251"
    "\U0001f300-\U0001f64f\U0001f680-\U0001f6ff\U0001f7e0-\U0001f7f0\U0001f90c-\U0001faff"
)
_ONE = rf"(?:[{_EMOJI}][\ufe0f\U0001f3fb-\U0001f3ff]*)"
EMOJI = re.compile(rf"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_ONE}(?:\u200d{_ONE})*")
"""One emoji: a pictograph with its modifiers, a joined sequence, a flag or a key cap."""
