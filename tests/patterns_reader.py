"""A player that answers `patterns` by reading: it parses what it can see of the conversation, and nothing else."""

from __future__ import annotations

import re

from multiturn.conversation import Conversation, window
from multiturn.systems.script.patterns_expansion import DOCUMENTS
from multiturn.systems.script.patterns_facts import NOTES, SIMPLE
from multiturn.systems.script.patterns_recollection import COLOURED, OPPOSITES, RELATIONS
from multiturn.systems.script.patterns_words import DAYS, KINDS

UNKNOWN = "Unknown"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
COMPASS = ["north", "east", "south", "west"]
SEPARATORS = {"semicolons": ";", "slashes": "/", "plus signs": "+", "hyphens": "-", "vertical bars": "|"}
FRAMES = {"square brackets": "[]", "round brackets": "()", "curly brackets": "{}"}


class Reader:
    """Never wrong about what it sees; ``memory`` = turns it sees (None = all); ``forgets`` = a turn it cannot see."""

    def __init__(self, memory: int | None = None, forgets: int | None = None) -> None:
        self.memory, self.forgets = memory, forgets

    async def __call__(self, chat: Conversation) -> Conversation:
        seen = chat if self.memory is None else window(chat, self.memory)
        *earlier, current = [t for t in seen.turns if t.user]
        before = earlier[-1].reply if earlier and earlier[-1].number != self.forgets else ""
        said = [t.user.text for t in earlier if t.number != self.forgets and t.user]
        return chat.assistant(answer([*said, current.user.text if current.user else ""], before))


def answer(said: list[str], before: str) -> str:
    if said[-1].endswith("Answer with the list only."):
        return refined(said)
    for solve in (sentence, noted, recalled, looked_up, counted, chained, small):
        if found := solve(said, before):
            return found
    raise AssertionError(f"cannot read {said[-1]!r}")


def reading(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>\\w+)", re.escape(template)))


# -- recollection -----------------------------------------------------------------------------------------------------
def recalled(said: list[str], before: str) -> str:
    for relation in (*RELATIONS, *SIMPLE):
        if asked := reading(relation.question).search(said[-1]):
            facts = reading(relation.fact).finditer(" ".join(said))
            return next((f["what"] for f in facts if f["who"] == asked["who"]), UNKNOWN)
    return ""


def small(said: list[str], before: str) -> str:
    word = solved(said[-1])
    seen = " ".join(said)
    if found := re.search(r'End every answer with the word "(\w+)"', seen):
        return f"{word} {found[1]}"
    if found := re.search(r'Start every answer with the word "(\w+)"', seen):
        return f"{found[1]} {word}"
    if found := re.search(r"Call me (\w+ \w+) in every answer", seen):
        return f"{word}, {found[1]}"
    if "capital letters only" in seen:
        return word.upper()
    if "lowercase letters only" in seen:
        return word.lower()
    if "in square brackets" in seen:
        return f"[{word}]"
    return f"{word}!!" if "two exclamation marks" in seen else f"{word}."


def solved(question: str) -> str:
    if found := re.search(r"opposite of (\w+)\?", question):
        return OPPOSITES[found[1]].capitalize()
    if found := re.search(r"What colour is ([\w ]+)\?", question):
        return COLOURED[found[1]].capitalize()
    if found := re.search(r"repeat this word: (\w+)\.", question):
        return found[1].capitalize()
    if found := re.search(r"right after (\w+)\?", question):
        return DAYS[(DAYS.index(found[1]) + 1) % 7]
    found = re.search(r"Which of these is an? ([\w ]+): (.+)\?", question)
    assert found
    return next(w for w in found[2].split(", ") if w in KINDS[found[1]]).capitalize()


# -- expansion --------------------------------------------------------------------------------------------------------
def looked_up(said: list[str], before: str) -> str:
    for kind in DOCUMENTS:
        for sort, template in kind.ask.items():
            if asked := reading(template).search(said[-1]):
                records = [m.groupdict() for text in kind.records for m in reading(text).finditer(" ".join(said))]
                return from_records(records, sort, asked.groupdict()) if records else UNKNOWN
    return ""


def from_records(records: list[dict[str, str]], sort: str, asked: dict[str, str]) -> str:
    number = {r["who"]: int(r["n"]) for r in records}
    if sort == "sum":
        return str(number[asked["who"]] + number[asked["other"]])
    if sort == "most":
        return max(number, key=lambda who: number[who])
    if sort == "list":
        return " and ".join(r["who"] for r in records if r["place"] == asked["place"])
    return next(r[sort] for r in records if all(r[field] == value for field, value in asked.items()))


def noted(said: list[str], before: str) -> str:
    asked = [note for note in NOTES if note.question[1:].rstrip("?") in said[-1]]
    lines = [re.search(re.escape(n.line).replace(r"\{\}", r"\w+"), " ".join(said)) for n in asked]
    return " ".join(line[0] if line else UNKNOWN for line in lines)


# -- refinement -------------------------------------------------------------------------------------------------------
def refined(said: list[str]) -> str:
    text = " ".join(said)
    given = re.search(r"as a list on one line: ([\w, ]+)\.", text)
    if not given:
        return UNKNOWN
    words = given[1].lower().split(", ")
    dropped = re.findall(r"Leave out (\w+)", text)
    words = [w for w in words if w not in dropped] + re.findall(r"Add (\w+) to the list", text)
    order = re.findall(r"Put the words in ((?:reverse )?alphabetical) order", text)
    if order:
        words.sort(reverse=order[-1].startswith("reverse"))
    for first in re.findall(r"Put (\w+) first", text)[-1:]:
        words.remove(first)
        words.insert(0, first)
    separator = re.findall(r"Separate the words with ([a-z ]+?)(?: instead)?\.", text)
    body = f"{SEPARATORS[separator[-1]] if separator else ','} ".join(w.capitalize() for w in words)
    for case in re.findall(r"Use (\w+) letters only", text)[-1:]:
        body = body.upper() if case == "capital" else body.lower()
    for frame in re.findall(r"Put the whole list in (\w+ brackets)", text)[-1:]:
        body = FRAMES[frame][0] + body + FRAMES[frame][1]
    label = re.findall(r'label "(\w+):"', text)
    return f"{label[-1]}: {body}" if label else body


def sentence(said: list[str], before: str) -> str:
    """Sentences, with a word that stands for all of them (recollection) or with words added and replaced (refinement)."""
    seen = " ".join(said)
    if said[-1].endswith("Write the sentence again."):
        if "Write one short sentence" not in seen:
            return UNKNOWN
    elif "Write one short sentence" not in said[-1]:
        return ""
    last = re.findall(r"with the words? (.+?) in it\.", seen)[-1]
    wanted = re.split(r", | and ", last) + re.findall(r"the word (\w+) in (?:every|all)", seen)
    for added, new, old in re.findall(r"Also use the word (\w+)|Use the word (\w+) instead of the word (\w+)", seen):
        wanted = [*(w for w in wanted if w != old), added or new]
    return f"I have seen {', '.join(wanted)}."


# -- follow-up --------------------------------------------------------------------------------------------------------
TOLD = (r"has (\d+) \w+\. ", r"at stop (\d+)\. ", r"the day (\w+)\. ", r"faces (\w+)\. ", r"The ball is in the (\w+) box\. ",
        r"shows (\d+) o'clock\. ", r"the letter (\w)\. ")  # fmt: skip


def chained(said: list[str], before: str) -> str:
    now = said[-1]
    state = next((found[1] for told in TOLD if (found := re.search(told, now))), before)
    if found := re.search(r"(?:finds|wins|buys|prints|collects|goes) (\d+) (?:\w+\.|stops forward)", now):
        return str(int(state) + int(found[1])) if state.isdigit() else UNKNOWN
    if found := re.search(r"(?:spends|loses|gives away|sells|uses|goes) (\d+) (?:\w+\.|stops back)", now):
        return str(int(state) - int(found[1])) if state.isdigit() else UNKNOWN
    if found := re.search(r"Which day is (\d) days (before|after) that day", now):
        shift = int(found[1]) * (-1 if found[2] == "before" else 1)
        return DAYS[(DAYS.index(state) + shift) % 7] if state in DAYS else UNKNOWN
    if found := re.search(r"turns (right|left|around)", now):
        shift = {"right": 1, "left": 3, "around": 2}[found[1]]
        return COMPASS[(COMPASS.index(state) + shift) % 4] if state in COMPASS else UNKNOWN
    if found := re.search(r"in the (\w+) box and what is in the (\w+) box change places", now):
        return {found[1]: found[2], found[2]: found[1]}.get(state, state) or UNKNOWN
    if found := re.search(r"show (\d) hours later", now):
        return str((int(state) + int(found[1]) - 1) % 12 + 1) if state.isdigit() else UNKNOWN
    if found := re.search(r"comes (\d) (before|after) that letter", now):
        shift = int(found[1]) * (-1 if found[2] == "before" else 1)
        return ALPHABET[ALPHABET.index(state) + shift] if state and state in ALPHABET else UNKNOWN
    return ""


def counted(said: list[str], before: str) -> str:
    now = said[-1]
    if found := re.search(r"Add (\d+) to (\w+)\.", now):
        state = before.rstrip(".") if found[2] == "that" else found[2]
        return f"{int(state) + int(found[1])}." if state.isdigit() else UNKNOWN
    if found := re.search(r"counts (?:up|on) by one(?:: [\d, ]+, (\d+))?\. What", now):
        state = found[1] or before.rstrip(".")
        return f"{int(state) + 1}." if state.isdigit() else UNKNOWN
    if found := re.search(r"two rooms, a (\w+) and a (\w+)\.(?: \w+ is in the (\w+)\.)? \w+ (goes|stays)", now):
        here = found[3] or before.rstrip(".").lower()
        other = {found[1]: found[2], found[2]: found[1]}.get(here, UNKNOWN)
        return other if found[4] == "goes" or other == UNKNOWN else here
    return ""
