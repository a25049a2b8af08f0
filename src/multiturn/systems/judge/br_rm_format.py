"""The two turns of br-rm: what is asked, in which form it must be answered, and what an answer earns in training."""

from __future__ import annotations

import re
from typing import NamedTuple

from ...conversation import Conversation
from ...judges.items import PairItem
from ...judges.loose import Node, Obj, objects
from ...judges.numbered import responses
from ...judges.parse import LONGEST, Outcome, Parsed, Unparsable
from ...judges.questions import aim

ABILITIES = {
    "information accuracy": "are its facts right, is anything made up",
    "computational precision": "are its numbers and calculations right",
    "logical reasoning": "does each step follow, is the conclusion right",
    "implementation capability": "does its code or procedure work, what goes wrong when it is run",
    "safety awareness": "does it do harm, or refuse without need",
    "response completeness": "is anything missing that was asked for",
    "instruction adherence": "does it keep to what was asked and to the form asked for",
    "communication clarity": "",
}
"""The eight abilities a judge may look at, each with what to look for."""
MOST = 3
FOCUS, RANKING = "Focus", "Ranking"
BOX = re.compile(r"\\boxed\{([12])\}")
_NUMBER = re.compile(r"-?\d{1,4}")


def analysis(n: int) -> str:
    """The name of the block about a response."""
    return f"Analysis of Response {n}"


def _form(*blocks: tuple[str, str]) -> str:
    return "\n".join(f"[{name}]\n{inside}\n[End of {name}]" for name, inside in blocks)


# -- the questions ----------------------------------------------------------------------------------------------------
def branch_question(item: PairItem) -> str:
    """Turn 1: which abilities matter here, and what each response gets wrong in them."""
    hints = "\n".join(f"- {name}: {hint}" if hint else f"- {name}" for name, hint in ABILITIES.items())
    form = _form(
        (FOCUS, f"<one to {MOST} abilities of the list, one a line>"),
        *((analysis(n), "<the serious issues, or: none identified>") for n in (1, 2)),
    )
    return "\n\n".join((
        f"You will say which of two responses is better ({aim(item)}). Do not decide yet.",
        responses(item),
        f"First choose the one to {MOST} abilities that matter most for this request, out of this list only:\n{hints}",
        "Then name, for each response, the concrete and serious issues it has in the abilities you chose, and nothing else.",
        f"Answer in exactly this form:\n{form}",
    ))  # fmt: skip


RETHINK = "\n\n".join((
    "Now think again, with the issues you found before you, and decide. Use the order of importance that fits the request:",
    "- where something is right or wrong (facts, mathematics, code, safety): correctness, then the way to it, then presentation\n"
    "- where it is open or creative: what the user wants, then content, then originality\n"
    "- where instructions must be followed: keeping to them, then content, then clarity",
    "Check whether each issue is real and how much it weighs. Answer in exactly this form, with 1 or 2 in the box for the better "
    "response; there are no ties:\n"
    + _form((analysis(1), "<your second look>"), (analysis(2), "<your second look>"), (RANKING, r"\boxed{<1 or 2>}")),
))  # fmt: skip


# -- reading the answers ----------------------------------------------------------------------------------------------
class Block(NamedTuple):
    """What stands in a block, and where it ends."""

    inside: str
    end: int


def block(text: str, name: str, start: int = 0) -> Block | None:
    """The first block of this name after ``start``: marker, line break, content, line break, marker."""
    opening, closing = f"[{name}]\n", f"\n[End of {name}]"
    at = text.find(opening, start)
    if at < 0:
        return None
    begin = at + len(opening)
    end = text.find(closing, begin)
    return None if end < 0 or not text[begin:end].strip() else Block(text[begin:end].strip(), end + len(closing))


def _lines(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines())


def focus(inside: str) -> tuple[str, ...]:
    """The abilities named in a focus block; () when it names none, one twice, too many, or anything else."""
    named = [re.sub(r"^[-*\d.)\s]{0,6}", "", line).strip(" *.").lower() for line in re.split(r"[\n,;]", inside)]
    named = [name for name in named if name]
    right = 1 <= len(named) <= MOST and len(set(named)) == len(named) and set(named) <= set(ABILITIES)
    return tuple(named) if right else ()


def branched(text: str) -> Outcome[tuple[str, ...]]:
    """Turn 1, strictly: the abilities chosen, when all three blocks are there, in order, and filled in."""
    if len(text) > LONGEST:
        return Unparsable("reply too long")
    text, at = _lines(text), 0
    chosen: tuple[str, ...] = ()
    for name in (FOCUS, analysis(1), analysis(2)):
        found = block(text, name, at)
        if found is None:
            return Unparsable(f"no block [{name}]")
        if name == FOCUS and not (chosen := focus(found.inside)):
            return Unparsable("the focus is not one to three of the abilities")
        at = found.end
    return Parsed(chosen)


def boxed(text: str, *, whole: bool = True) -> Outcome[int]:
    """Turn 2, strictly: 1 or 2 alone in the box of the first ranking block. ``whole``: both second looks must stand before it.
    What follows the block is ignored."""
    if len(text) > LONGEST:
        return Unparsable("reply too long")
    text, at = _lines(text), 0
    for name in (analysis(1), analysis(2)) if whole else ():
        found = block(text, name, at)
        if found is None:
            return Unparsable(f"no block [{name}]")
        at = found.end
    found = block(text, RANKING, at)
    match = BOX.fullmatch(found.inside) if found else None
    return Parsed(int(match[1]), text[:2000]) if match else Unparsable("no ranking block with 1 or 2 in its box")


def official_box(text: str) -> int | None:
    """The number in the ranking block as the released environment reads it: any integer; None when the block is missing, holds
    a comma or no number. Turn 1 and the second looks are not checked there."""
    found = block(_lines(text[:LONGEST]), RANKING)
    match = _NUMBER.search(found.inside) if found and "," not in found.inside else None
    return int(match[0]) if match else None


# -- what it earns ----------------------------------------------------------------------------------------------------
RIGHT, WRONG, MALFORMED = 0.0, -1.0, -100.0


def reward(chat: Conversation, better: int, *, official: bool = False) -> float:
    """The reward of a judge's two turns when ``better`` (1 or 2) is the better response: 0 right, -1 wrong, -100 when either
    turn breaks the form. ``official``: as the released environment has it, -10 × |box − better|, and -100 only when the ranking
    block cannot be read. A pure function of the conversation, for `multiturn.learning`."""
    replies = [turn.reply for turn in chat.turns]
    if official:
        box = official_box(replies[-1]) if len(replies) > 1 else None
        return MALFORMED if box is None else -10.0 * abs(box - better)
    if len(replies) != 2 or not isinstance(branched(replies[0]), Parsed):
        return MALFORMED
    found = boxed(replies[1])
    return MALFORMED if not isinstance(found, Parsed) else RIGHT if found.value == better else WRONG


# -- all at once, to compare with -------------------------------------------------------------------------------------
def one_turn_question(item: PairItem) -> str:
    """All eight abilities of both responses in one question, a score each."""
    hints = "\n".join(f"- {name}: {hint}" if hint else f"- {name}" for name, hint in ABILITIES.items())
    scores = ", ".join(f'"{name}": <1 to 10>' for name in ABILITIES)
    return "\n\n".join((
        f"Score two responses in eight abilities, from 1 (worst) to 10 (best). What counts: {aim(item)}.",
        responses(item), hints,
        f'Answer with one JSON object in exactly this form:\n{{"response 1": {{{scores}}}, "response 2": {{{scores}}}}}',
    ))  # fmt: skip


def sums(text: str) -> Outcome[tuple[float, float]]:
    """The sums of the eight scores of response 1 and of response 2."""
    if len(text) > LONGEST:
        return Unparsable("reply too long")
    fields = {key.strip().lower(): value for found in objects(text) for key, value in found}
    one, two = (_sum(fields.get(f"response {n}")) for n in (1, 2))
    return Unparsable("not eight scores from 1 to 10 for each") if one is None or two is None else Parsed((one, two))


def _sum(node: Node | None) -> float | None:
    if not isinstance(node, Obj):
        return None
    said = {key.strip().lower(): value for key, value in node}
    values = [float(v) for name in ABILITIES if isinstance(v := said.get(name), str) and re.fullmatch(r"\d{1,2}(\.\d)?", v)]
    return sum(values) if len(values) == len(ABILITIES) and all(1 <= v <= 10 for v in values) else None
