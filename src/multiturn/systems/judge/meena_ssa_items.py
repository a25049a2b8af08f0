"""Chatbot replies with labels for sensible and specific: a small set of ours, and conversations in the released layout.

The layout of the files released with Meena: a header ``NAME Conversation K``, lines ``SPEAKER: text``, blank lines between
conversations. The human speaks first; whoever else speaks is the bot (between two people, the second).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ...conversation import DataError
from ...judges.items import PointItem, Said
from ...protocols.benchmark import Data

HOME = "https://raw.githubusercontent.com/google-research/google-research/{}/meena/{}"
FILES = {
    "meena.txt": "ed857e720acc71400c9c13dad1945e2c584ccd0c",
    "mitsuku.txt": "ed857e720acc71400c9c13dad1945e2c584ccd0c",
    "human.txt": "2a3c2d29e44c201335e132ae378c9954261a838b",
    "xiaoice.txt": "7b6651581a0867cc5a013820eff27385a56b77b9",
}
"""The released files (Apache-2.0, no labels) and the commit of each."""

SENSIBLE, SPECIFIC = "sensible", "specific"


def ssa(sensible: float, specific: float) -> float:
    """The mean of sensibleness and specificity, both from 0 to 1."""
    return (sensible + specific) / 2


def gated(sensible: bool, specific: bool) -> tuple[bool, bool]:
    """Both labels of a reply; what makes no sense is never specific."""
    return sensible, sensible and specific


# -- the released layout ----------------------------------------------------------------------------------------------
class Talk(NamedTuple):
    """One conversation. ``bot``: who is judged; ``said``: turns of user (the human) and assistant (the bot), alternating."""

    id: str
    bot: str
    said: tuple[Said, ...]


_HEADER = re.compile(r"([^:]{1,60}?) Conversation (\d{1,9})\s*")
_LINE = re.compile(r"([^:]{1,60}):(?: (.*))?")
FIRST = "Human"


def talks(path: Path) -> Iterator[Talk]:
    """The conversations of a file. Lines that one speaker says in a row are one turn, a line without a speaker goes on with the
    one before. Raises `DataError` naming file and line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error.strerror if isinstance(error, OSError) else error}") from None
    name, seen, turns = "", set[str](), list[tuple[str, str]]()
    for number, line in enumerate([*lines, " Conversation 0"], 1):
        where = f"{path}, line {number}"
        header = _HEADER.fullmatch(line.strip()) if number <= len(lines) else None
        if header or number > len(lines):
            if name:
                yield _talk(name, turns, where)
            if header:
                name, turns = header[0].strip(), []
                if name in seen:
                    raise DataError(f"{where}: there is a second `{name}`")
                seen.add(name)
        elif line.strip():
            if not name:
                raise DataError(f"{where}: a conversation begins with a line `NAME Conversation K`")
            _add(turns, line, where)
    if not name:
        raise DataError(f"{path}: there are no conversations in it")


def _add(turns: list[tuple[str, str]], line: str, where: str) -> None:
    match = _LINE.fullmatch(line.strip())
    known = {who for who, _ in turns}
    if match and (match[1] in known or len(known) < 2):
        who, text = match[1], match[2] or ""
        if turns and turns[-1][0] == who:
            turns[-1] = (who, f"{turns[-1][1]}\n{text}")
        else:
            turns.append((who, text))
    elif turns:
        turns[-1] = (turns[-1][0], f"{turns[-1][1]}\n{line.strip()}")
    else:
        raise DataError(f"{where}: a line is `SPEAKER: text`")


def _talk(name: str, turns: Sequence[tuple[str, str]], where: str) -> Talk:
    speakers = list(dict.fromkeys(who for who, _ in turns))
    if len(speakers) != 2:
        raise DataError(f"{where}: `{name}` has {len(speakers)} speakers, not two")
    bot = next((who for who in speakers if not who.startswith(FIRST)), speakers[1])
    said = tuple(("assistant" if who == bot else "user", text) for who, text in turns)
    return Talk(name, bot, said)


def replies(talk: Talk, group: str) -> Iterator[PointItem]:
    """Every turn of the bot, unlabelled, with all that was said before it."""
    for i, (role, text) in enumerate(talk.said):
        if role == "assistant":
            yield blank(f"{talk.id}/{i + 1}", talk.id, group, talk.said[:i], text)


def blank(id_: str, cluster: str, group: str, turns: tuple[Said, ...], answer: str) -> PointItem:
    """A reply on the scale of SSA, 0 to 1."""
    return PointItem(id=id_, cluster=cluster, group=group, author=group, turns=turns, answer=answer, low=0, high=1, whole=False)


def released(data: Data, name: str) -> Iterator[PointItem]:
    """The bot's turns of one of the released files, or of a file of one's own in their layout (unlabelled)."""
    path = data.path("meena-ssa", name, HOME.format(FILES[name], name)) if name in FILES else Path(name)
    for talk in talks(path):
        yield from replies(talk, talk.bot)


# -- ours ---------------------------------------------------------------------------------------------------------------
class _Scene(NamedTuple):
    """What a person says, and what three bots reply to it."""

    human: tuple[str, ...]
    attentive: tuple[str, ...]
    vague: tuple[str, ...]
    stray: tuple[str, ...]


LABELS = {"attentive": (1.0, 1.0), "vague": (1.0, 0.0), "stray": (0.0, 0.0)}
"""Sensible and specific, of all replies of a bot: that much is plain from how they were written."""

SCENES = (
    _Scene(
        ("Hi! I have just come back from a week of hiking in the Alps.",
         "We walked from hut to hut. My knees still hurt.",
         "On the last day it snowed, in August!",
         "Next year I want to try the coast instead."),
        ("A week in the Alps sounds wonderful. Did you carry a tent?",
         "All those descents are hard on the knees. Did you use poles?",
         "Snow in August! I hope the next hut was not far away.",
         "On a coast path your knees will have fewer long descents, at least."),
        ("That is nice.", "I see.", "Oh, really?", "That sounds good."),
        ("My printer is out of blue ink again.", "Yes, the invoice was paid on Tuesday, thank you.",
         "No, he plays the trumpet, and she is a dentist.", "You can park two elephants there."),
    ),
    _Scene(
        ("Hello! I am learning to bake bread.",
         "My first loaf came out flat as a plate.",
         "I think my yeast was two years old.",
         "I will try again on Sunday with fresh yeast."),
        ("Good choice: the smell alone is worth it. Which bread did you start with?",
         "Flat loaves are mostly a matter of yeast or of time to rise. How long did you wait?",
         "Then it was surely dead: yeast that old raises nothing.",
         "With fresh yeast Sunday's loaf should rise. Let the dough double before it goes into the oven."),
        ("Okay.", "Oh no.", "I see what you mean.", "Good luck!"),
        ("The match ended two to one.", "Her passport has a red cover.", "Then the train leaves from platform nine.",
         "I never liked that song by the seven dwarfs of Mars."),
    ),
    _Scene(
        ("Good morning! Our cat has been gone since Friday.",
         "She is grey, with one white paw.",
         "We have asked the neighbours, and nobody has seen her.",
         "The children want to put up posters this afternoon."),
        ("I am sorry, three days without your cat must be hard. Has she stayed away before?",
         "The white paw will help people to recognise her.",
         "Perhaps ask them to look into sheds and garages: cats get locked in there.",
         "Posters are a good idea; put the white paw on the picture, and a telephone number."),
        ("Hm.", "All right.", "I don't know what to say.", "That is a good idea."),
        ("Great, congratulations on the new job!", "Seven times eight is fifty-four.", "Take the motorway to the north pole.",
         "I would add some salt and let it cool."),
    ),
    _Scene(
        ("Hey, I am thinking of learning the cello at forty.",
         "I played the piano as a child, for five years.",
         "The cello teacher in town has a place free on Mondays.",
         "I would have to rent an instrument first."),
        ("Forty is not too late for the cello. What draws you to it?",
         "Then you read music already, and need to learn only the bass and tenor clefs.",
         "A free place in town is lucky. Are your Mondays free, too?",
         "Renting is wise for the first year; ask the teacher which size fits you."),
        ("Cool.", "That is interesting.", "Nice.", "Sure, why not."),
        ("I am afraid the soup is sold out.", "It was raining in the wardrobe yesterday.", "Turn it off and on, then sign here.",
         "Because penguins vote in spring."),
    ),
)  # fmt: skip


def bundled(data: Data | None = None) -> Iterator[PointItem]:
    """48 replies of three bots to four people, labelled: 12 conversations of four turns each."""
    for n, scene in enumerate(SCENES):
        for bot, (sensible, specific) in LABELS.items():
            said: list[Said] = []
            for k, (human, reply) in enumerate(zip(scene.human, getattr(scene, bot), strict=True)):
                said.append(("user", human))
                yield PointItem(
                    id=f"{bot}/{n}/{k + 1}", cluster=f"{bot}/{n}", group=bot, author=bot, turns=tuple(said), answer=reply,
                    low=0, high=1, whole=False, label=ssa(sensible, specific),
                    extra={"people": {SENSIBLE: sensible, SPECIFIC: specific}},
                )  # fmt: skip
                said.append(("assistant", reply))
