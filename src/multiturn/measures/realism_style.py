"""How a user's message is written: counts and yes/no signs of one message, without a model and linear in its length.

The word lists are English; length, punctuation, emoji, capitals and variety hold for any script that puts spaces between
words. A sign is a proxy: "careless typing" counts what can be seen without a dictionary.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

LONGEST = 4_000
"""Characters of a message that are looked at; what follows is ignored."""
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_EMOTICON = re.compile(r"(?<![^\W_])[:;=][-']?[()DPpO/|](?![^\W_])|<3|\^\^")
_TRIPLE = re.compile(r"([^\W\d_])\1\1")
_NO_SPACE = re.compile(r"[a-z][,;!?][a-z]|[a-z]{2}\.[a-z]{2,}\s|\s,|[^\W\d_] {2,}[^\W\d_]")


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CHAT = _set(
    "u ur r pls plz plss thx thnx ty idk im ive dont cant wont didnt doesnt isnt wasnt couldnt wouldnt shouldnt arent whats "
    "thats hows gonna wanna gotta cuz coz bc tho teh recieve alot btw lol omg okk ya yea nope ans smth wat wht hav abt"
)
_ASK = _set(
    "what whats what's why how hows how's when where who whom whose which can could would will shall should is are am do does "
    "did was were has have may"
)
_HELLO = _set("hi hello hey hiya greetings morning evening howdy yo")
_THANKS = _set("thanks thank thx thnx ty thankyou cheers appreciate appreciated grateful")
_PLEASE = _set("please pls plz plss kindly")
_FIX_FIRST = _set("no nope wait actually sorry oops hmm wrong not")
_FIX = (
    "i meant", "i mean", "not what", "that's not", "thats not", "that is not", "isn't right", "not right", "incorrect", "mistake",
    "you forgot", "you missed", "instead of", "i said", "i asked", "try again", "let me rephrase", "to clarify", "not quite",
)  # fmt: skip
STOP_WORDS = _set(
    "a about after all also am an and any are as at be because been before but by can could did do does doing don't for from get "
    "got had has have having he her here him his how i i'm if in into is it it's its just like me more most my no not now of off "
    "on one only or other our out over own please same she should so some such than that that's the their them then there these "
    "they this those through to too up us very want was we were what when where which while who whom why will with would you "
    "your yours need help let's let"
)

SIGNS = (
    "lower-case start", "end punctuation", "careless typing", "emoji", "all caps", "contraction", "question", "correction",
    "greeting", "thanks", "please",
)  # fmt: skip
"""The yes/no signs of a message, in the order of `signs`."""


def tokens(text: str) -> list[str]:
    """Words in lower case, contractions in one piece, typographic apostrophes made plain."""
    return [w.replace("’", "'") for w in _WORD.findall(text[:LONGEST].lower())]


def content_words(text: str) -> set[str]:
    """The distinct words of a text that are not function words: what it says, without how."""
    return {w for w in tokens(text) if w not in STOP_WORDS}


def signs(text: str, *, first: bool) -> tuple[bool, ...]:
    """The `SIGNS` of one message. ``first``: it opens the conversation (an opening corrects nothing)."""
    text = text[:LONGEST].strip()
    said = tokens(text)
    lower, letters = text.lower().replace("’", "'"), [c for c in text if c.isalpha()]
    start = next((c for c in text if c.isalnum()), "")
    opening = said[0] if said else ""
    return (
        start.islower(),
        text[-1:] in tuple(".!?…。！？"),
        _careless(text, said),
        any(unicodedata.category(c) == "So" for c in text) or _EMOTICON.search(text) is not None,
        len(letters) >= 4 and all(c.isupper() for c in letters),
        any("'" in w and not w.endswith("'s") for w in said) or any(w in ("it's", "that's", "what's", "let's") for w in said),
        "?" in text or "？" in text or opening in _ASK,
        not first and (opening in _FIX_FIRST or any(phrase in lower for phrase in _FIX)),
        any(w in _HELLO for w in said[:3]),
        any(w in _THANKS for w in said),
        any(w in _PLEASE for w in said),
    )


def _careless(text: str, said: Sequence[str]) -> bool:
    """A sign of hasty typing: chat spelling, a lone small i, a tripled letter, a missing or doubled space."""
    alone = re.search(r"(?<!\S)i(?![^\s'’,])", text)
    chat = any(w in _CHAT for w in said)
    return chat or alone is not None or _TRIPLE.search(text) is not None or _NO_SPACE.search(text + " ") is not None


def opening(text: str, words: int = 3) -> tuple[str, ...]:
    """The first words of a message."""
    return tuple(tokens(text[:400])[:words])


def moving_variety(said: Sequence[str], window: int = 50) -> float | None:
    """Moving-average type-token ratio: the mean share of different words in every ``window`` words running (Covington &
    McFall 2010, J. Quantitative Linguistics 17:94), so that length does not matter. None for fewer words. Linear."""
    if len(said) < window:
        return None
    seen: dict[str, int] = {}
    total, count = 0, 0
    for i, word in enumerate(said):
        seen[word] = seen.get(word, 0) + 1
        if i >= window:
            old = said[i - window]
            seen[old] -= 1
            if not seen[old]:
                del seen[old]
        if i >= window - 1:
            total, count = total + len(seen), count + 1
    return total / count / window


def first_turn_share(turns: Sequence[str]) -> float | None:
    """The share of the content words of all user turns that are there in the first: 1 = everything was said at once. None for
    a conversation of one turn, or without content words."""
    if len(turns) < 2:
        return None
    every = set().union(*map(content_words, turns))
    return len(content_words(turns[0])) / len(every) if every else None


def first_turn_completeness(first: str, need: str) -> float | None:
    """The share of the content words of what the user needs (the case, the intent) that the first turn tells. None when the
    need has none."""
    wanted = content_words(need)
    return len(wanted & content_words(first)) / len(wanted) if wanted else None
