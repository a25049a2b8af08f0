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
# The decisions of Punkt (Kiss & Strunk, 2006), its learned tables replaced by short lists: a full stop, question or
# exclamation mark ends a sentence when something follows it, unless the stop belongs to an abbreviation, an initial or dots.
_ABBREVIATIONS = _set(
    "mr mrs ms messrs dr prof st jr sr gen col lt sen rep reps gov adm maj inc ltd co corp cos bros vs ave ph.d "
    "jan feb aug sept oct nov dec tues wash calif mass conn colo ariz tenn fla minn mich wis okla ore pa va ill "
    "yr c d e f g h k l m n p r s t v w"
)
# u.s, p.m, j.k; but Punkt lets e.g., i.e., p.s. and etc. end a sentence
_DOTTED = re.compile(r"(?!e\.g$|i\.e$|p\.(?:p\.)?s$)[a-z](?:\.[a-z])+$")
# Words that, in capitals, begin a sentence even after an abbreviation or dots.
_STARTERS = _set(
    "the it he they this these there here in if when while but so since although though however thus yet nor instead indeed "
    "similarly meanwhile moreover nevertheless despite under among according some many most both such even no which her your"
)
_CLOSERS = "\"')]}"
# A mark, then something that cannot be part of a word, or the end of the chunk.
_END = re.compile(r"[.?!](?=[)\";}\]*:@'({\[!?]|$)")
_CHUNK = re.compile(r"(?<!\S)[^\s.?!]*[.?!]\S*")
_AFTER = re.compile(r"\s*(\S{1,40})")
_PIECES = re.compile(r"[)\";}\]*:@'({\[!?#&`]|--+|,$")


def count_sentences(text: str) -> int:
    """Number of English sentences. As in Punkt, "1." before a capital is one, and so is "**" left over after a stop."""
    count, last = 0, 0
    for chunk in _CHUNK.finditer(text):
        if cut := _boundary(text, chunk):
            count, last = count + 1, chunk.start() + cut
    rest = text[last:].lstrip()
    # Quotes and brackets right after a stop still belong to its sentence.
    return count + bool(rest.lstrip(_CLOSERS).strip() if count else rest)


def _boundary(text: str, chunk: re.Match[str]) -> int:
    """Where in this chunk a sentence ends: an index, 0 for nowhere."""
    word = chunk.group()
    found = _AFTER.match(text, chunk.end())
    after = found.group(1) if found else ""
    cut = 0
    for match in _END.finditer(word):
        if match.end() < len(word) or after:
            cut = match.end()
    if not cut:
        return 0
    head, follows = word[:cut], word[cut:] or after
    if head[-1] != "." or "?" in head or "!" in head:
        return cut
    token = _PIECES.split(head)[-1]
    stem = token[:-1].lower()
    if token.endswith(".."):
        return cut if _starts_sentence(follows) else 0
    if len(stem) == 1 and stem.isalpha():  # an initial (J. Smith), but a variable, or "A. First point" at the beginning of a line
        clear = token[0].islower() or _begins_line(text, chunk.start()) or _starts_sentence(follows)
        ends = not follows[0].isalpha() or (follows[0].isupper() and clear and follows[1:2] != ".")
        return cut if ends and stem not in _ABBREVIATIONS else 0
    if stem in _ABBREVIATIONS or stem.rpartition("-")[2] in _ABBREVIATIONS or _DOTTED.match(stem):
        return cut if _starts_sentence(follows) else 0
    if follows[0].islower() and stem.replace(",", "").replace(".", "").replace("-", "").isdigit():
        return 0
    return cut


def _begins_line(text: str, start: int) -> bool:
    return not text[max(0, start - 40) : start].rpartition("\n")[2].strip()


def _starts_sentence(word: str) -> bool:
    return word[0].isupper() and word.rstrip(".,;:!?'\")]}").partition("'")[0].lower() in _STARTERS


# -- words ---------------------------------------------------------------------------------------------------------
_WORD = re.compile(r"\w+")


def count_words(text: str) -> int:
    """Runs of letters, digits and underscores."""
    return sum(1 for _ in _WORD.finditer(text))


# As the Penn Treebank: punctuation and clitics are tokens of their own, hyphens stay inside words.
_SPLIT = re.compile(r"\.{2,}|--+|[;@#$%&?!*\[\](){}<>\"“”‘’«»`…]|[:,](?!\d)|\s+")
_CLITIC = re.compile(r"(?<=[^'])('(?:[sSmMdD]|ll|LL|re|RE|ve|VE)|n't|N'T)(?=\W*$)")
_FUSED = re.compile(r"(?:CAN(?=NOT)|(?:GIM|LEM)(?=ME)|(?:GON|WAN)(?=NA)|GOT(?=TA))(?:NOT|ME|NA|TA)\W*$")


def count_capital_words(text: str) -> int:
    """Words all in capitals: "AND-OR" is one, "DON'T" and "CANNOT" are two (as the Treebank splits them), "I'm" is one."""
    count = 0
    for token in _SPLIT.split(text):
        clitic = _CLITIC.search(token) if "'" in token else None
        if clitic and clitic.start() > 0:
            count += clitic.group().isupper() + token[: clitic.start()].isupper()
        elif token.isupper():
            count += 2 if _FUSED.match(token) else 1
    return count


# -- languages -----------------------------------------------------------------------------------------------------
@cache
def _detector() -> Any:
    import langdetect  # 40 ms, and only some checkers need it

    langdetect.DetectorFactory.seed = 0  # the library draws at random otherwise
    return langdetect


@lru_cache(maxsize=512)
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
