"""The same question asked of a model in four ways: free, with options, option by option, and as options without the question."""

from __future__ import annotations

import asyncio
import re

from ...conversation import Cast, Conversation
from ...judges.ask import quoted
from ...judges.choosing import LETTERS
from ...judges.items import PointItem
from ...judges.parse import LONGEST, Parsed
from ...judges.questions import MATERIAL, yes_or_no

SCHEMES = ("free", "mcq", "verify", "choices-only")
_TAGGED = re.compile(r"<answer>([^<]{0,4000})</answer>", re.I)
_LETTER = re.compile(r"[\s*_\"'(\[]{0,6}([A-Za-z])[\s*_\"').\]:]{0,6}")
_SAID = re.compile(r"\banswer\s{0,3}(?:is|:|=)[\s*_\"'(\[]{0,6}([A-Z])(?![A-Za-z'])")
END = "End with your final answer between <answer> and </answer>"


def free_question(item: PointItem) -> str:
    """The question alone."""
    return f"{item.question}\n\n{END}, as short as it can be without leaving anything out."


def _listed(item: PointItem) -> str:
    return "\n".join(f"{letter}. {text}" for letter, text in zip(LETTERS, _options(item), strict=False))


def _options(item: PointItem) -> list[str]:
    return [str(option) for option in item.extra["options"]][: len(LETTERS)]


def choice_question(item: PointItem, *, question: bool = True) -> str:
    """The options, with or without the question."""
    head = item.question if question else (
        "The options of a multiple-choice question follow; the question is missing. Say which of them is most likely right."
    )  # fmt: skip
    return f"{head}\n\n{_listed(item)}\n\n{END}: one letter."


def verify_question(item: PointItem, option: str) -> str:
    """Is this one answer right?"""
    parts = (
        "Say whether the proposed answer to the question is right.", quoted("question", item.question),
        quoted("proposed-answer", option), MATERIAL, f"{END}: yes or no.",
    )  # fmt: skip
    return "\n\n".join(parts)


def final(text: str) -> str:
    """The short answer at the end of a reply: what stands in the last answer tags, else the last line that is not empty."""
    text = text[-LONGEST:]
    if tagged := _TAGGED.findall(text):
        return str(tagged[-1]).strip()
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")[:4000]


def letter(text: str, options: int) -> int | None:
    """Which option a reply chose; None when its end names none, or several."""
    end = final(text)
    found = {m[1].upper()} if (m := _LETTER.fullmatch(end)) else set(_SAID.findall(end))
    place = LETTERS.index(found.pop()) if len(found) == 1 else options
    return place if place < options else None


async def play_scheme(item: PointItem, cast: Cast, scheme: str) -> Conversation:
    """Ask in one scheme. ``facts``: the short answer ("answer"), and the point earned (None = nothing could be read)."""
    if scheme == "free":
        chat = await cast.assistant(Conversation().user(free_question(item)))
        cast.facts["answer"] = final(chat.reply)
        return chat
    right = int(item.extra["right"])
    if scheme == "verify":
        return await _verified(item, cast, right)
    chat = await cast.assistant(Conversation().user(choice_question(item, question=scheme == "mcq")))
    chosen = letter(chat.reply, len(_options(item)))
    cast.facts["point"] = None if chosen is None else float(chosen == right)
    return chat


async def _verified(item: PointItem, cast: Cast, right: int) -> Conversation:
    asked = (Conversation().user(verify_question(item, option)) for option in _options(item))
    chats = await asyncio.gather(*(cast.branch(str(n)).assistant(chat) for n, chat in enumerate(asked)))
    said = [yes_or_no(final(chat.reply)) for chat in chats]
    values = [s.value if isinstance(s, Parsed) else None for s in said]
    cast.facts["accepted"] = [n for n, value in enumerate(values) if value == 1]
    cast.facts["point"] = None if None in values else float(cast.facts["accepted"] == [right])
    return chats[right]


def gold_scheme(item: PointItem, chat: Conversation) -> str | None:
    """What a model that knows the answer says in these schemes; None for any other question."""
    if not item.extra.get("asked") or chat.message is None:
        return None
    asked, right = chat.message.text, int(item.extra["right"])
    if asked == free_question(item):
        return f"<answer>{item.reference}</answer>"
    if asked in (choice_question(item), choice_question(item, question=False)):
        return f"<answer>{LETTERS[right]}</answer>"
    for n, option in enumerate(_options(item)):
        if asked == verify_question(item, option):
            return f"<answer>{'yes' if n == right else 'no'}</answer>"
    return None
