"""Short facts: the easy forms of recollection (facts told early) and of expansion (notes and what they say)."""

from __future__ import annotations

from itertools import combinations, cycle
from typing import NamedTuple

from ...protocols.scripted import ScriptedTurn
from .patterns_recollection import Relation, small_questions
from .patterns_told import Point, Told
from .patterns_words import ANIMALS, COLOURS, DAYS, DRINKS, GOODS, HERDS, INSTRUMENTS, JOBS, NAMES, SHIPS, THINGS, TOWNS, Draw

SIMPLE = (
    Relation("{who} lives in {what}.", "Where does {who} live?", TOWNS),
    Relation("The {who} is in the {what} box.", "Where is the {who}?", COLOURS),
    Relation("{who} goes swimming on {what}.", "On which day does {who} go swimming?", DAYS),
    Relation("{who} has a {what}.", "Which animal does {who} have?", ANIMALS),
    Relation("{who} works as a {what}.", "What is the job of {who}?", JOBS),
    Relation("{who} plays the {what}.", "Which instrument does {who} play?", INSTRUMENTS),
)
REQUESTS = ("Please remember this. {} Reply OK.", "Here are some facts. {} Reply OK.", "Keep this in mind. {} Reply OK.")


def told_case(draw: Draw, turns: int, distance: int) -> list[ScriptedTurn]:
    """As `facts_case`, with as few facts as there are questions (three or more), each on somebody else."""
    probes = (turns - 1) // distance
    facts = _facts(draw, max(3, probes))
    said = " ".join(text for text, _ in facts)
    made = [ScriptedTurn(user=draw.one(REQUESTS).format(said), gold="OK", scored=False)]
    asked = iter(draw.some(facts, probes))
    fillers = iter(small_questions(draw, turns))
    for number in range(2, 2 + probes * distance):
        if (number - 1) % distance:
            small = next(fillers)
            made.append(ScriptedTurn(user=small.text, gold=f"{small.answer.capitalize()}.", scored=False))
        else:
            fact, target = next(asked)
            single = f"{said}\n{target.question}"
            made.append(ScriptedTurn(user=target.question, gold=fact, single=single, needs=(1,), target=target))
    return made


def _facts(draw: Draw, count: int) -> list[tuple[str, Told]]:
    """Facts in turns of different relations; nobody is in the same relation twice."""
    relations = cycle(draw.some(SIMPLE, len(SIMPLE)))
    pools = {NAMES: draw.some(NAMES, count), THINGS: draw.some(THINGS, count)}
    found: list[tuple[Relation, str, str]] = []
    while len(found) < count:
        relation = next(relations)
        pool = THINGS if relation.values is COLOURS else NAMES
        who = next(w for w in pools[pool] if not any(w == told and relation is r for r, told, _ in found))
        pools[pool].remove(who)
        found.append((relation, who, draw.one(relation.values)))
    everybody = {who for _, who, _ in found}
    return [
        (
            relation.fact.format(who=who, what=what),
            Told(
                (Point(who, what, tuple(v for v in relation.values if v != what)),),
                tuple(sorted(everybody - {who})),
                relation.question.format(who=who),
            ),
        )
        for relation, who, what in found
    ]


class Note(NamedTuple):
    """A line of notes on a town: what it is about, the line, the question, what may stand there."""

    about: str
    line: str
    question: str
    values: tuple[str, ...]


NOTES = (
    Note("shop", "The shop sells {}.", "What does the shop sell?", GOODS),
    Note("market", "The market is on {}.", "On which day is the market?", DAYS),
    Note("church", "The church is {}.", "What colour is the church?", COLOURS),
    Note("baker", "The baker is called {}.", "What is the name of the baker?", NAMES),
    Note("farm", "The farm has {}.", "Which animals does the farm have?", HERDS),
    Note("boat", "The boat is called {}.", "What is the name of the boat?", SHIPS),
    Note("cafe", "The cafe serves {}.", "What does the cafe serve?", DRINKS),
    Note("band", "The band plays on {}.", "On which day does the band play?", DAYS),
    Note("bridge", "The bridge is {}.", "What colour is the bridge?", COLOURS),
    Note("bus", "The bus goes to {}.", "Where does the bus go?", TOWNS),
    Note("teacher", "The teacher is called {}.", "What is the name of the teacher?", NAMES),
    Note("school", "The school has {} rooms.", "How many rooms does the school have?", tuple(map(str, range(3, 30)))),
)
TITLES = ("Notes on our village.", "Notes on a small town.", "Notes on the island.")


def notes_case(draw: Draw, turns: int) -> list[ScriptedTurn]:
    """Notes of a few lines with the first question, then ``turns`` - 1 more; two questions in one come after every third."""
    notes = draw.some(NOTES, min(len(NOTES), max(4, -(-turns * 3 // 5))))
    values: dict[str, str] = {}
    for note in notes:  # no value twice
        values[note.about] = draw.one([v for v in note.values if v not in values.values()])
    document = " ".join([draw.one(TITLES), *(note.line.format(values[note.about]) for note in notes)])
    made: list[ScriptedTurn] = []
    for asked in _asked(draw, notes, turns):
        question = ", and ".join([asked[0].question.rstrip("?"), *(n.question[0].lower() + n.question[1:-1] for n in asked[1:])])
        points = tuple(Point(n.about, values[n.about], tuple(v for v in n.values if v != values[n.about])) for n in asked)
        others = tuple(n.about for n in notes if n not in asked)
        whole = f"{document}\n{question}?"
        made.append(
            ScriptedTurn(
                user=f"{question}?" if made else whole,
                gold=" ".join(n.line.format(values[n.about]) for n in asked),
                single=whole,
                needs=(1,) if made else (),
                target=Told(points, others, f"{question}?"),
            )
        )
    return made


def _asked(draw: Draw, notes: list[Note], turns: int) -> list[tuple[Note, ...]]:
    """What each turn asks for: three turns one note, then one turn two notes of different kinds."""
    ones = [(note,) for note in draw.some(notes, len(notes))]
    every = [pair for pair in combinations(notes, 2) if pair[0].values is not pair[1].values]
    pairs = draw.some(every, len(every))
    found: list[tuple[Note, ...]] = []
    while len(found) < turns:
        pair = not ones or (len(found) % 4 == 3 and pairs)
        found.append(pairs.pop() if pair else ones.pop())
    return found
