"""Expansion: several tasks about one made-up document that stands in the first turn."""

from __future__ import annotations

from typing import NamedTuple

from ...judges.targets import Answer
from ...protocols.scripted import ScriptedTurn
from .patterns_words import DAYS, GOODS, NAMES, TOWNS, Draw, words


class Kind(NamedTuple):
    """A kind of document: its first line, its records (in several wordings) and how its fields are asked for."""

    title: str
    records: tuple[str, ...]
    actors: tuple[str, ...]
    things: tuple[str, ...]
    places: tuple[str, ...]
    ask: dict[str, str]


MARKET = Kind(
    "Market notes from {town}.",
    ("On {day}, {who} sold {n} {thing} at the {place} gate.", "{who} sold {n} {thing} on {day} at the {place} gate."),
    NAMES,
    GOODS,
    ("north", "south", "east"),
    {
        "who": "Who sold {thing}?",
        "thing": "What did {who} sell?",
        "day": "On which day did {who} sell {thing}?",
        "n": "How many {thing} did {who} sell?",
        "place": "At which gate did {who} sell {thing}?",
        "sum": "How many things did {who} and {other} sell in all?",
        "most": "Who sold the most things?",
        "list": "Who sold things at the {place} gate?",
    },
)
SENSORS = Kind(
    "Sensor log of the gardens of {town}.",
    (
        "Sensor {who} counted {n} {thing} in the {place} field on {day}.",
        "On {day}, sensor {who} counted {n} {thing} in the {place} field.",
    ),
    words("Delta Sigma Omega Kappa Gamma Theta Lambda Zeta Beta Iota Rho Tau Phi Psi Eta"),
    words("moths bees snails beetles frogs sparrows crickets spiders robins lizards wasps mice"),
    ("upper", "middle", "lower"),
    {
        "who": "Which sensor counted {thing}?",
        "thing": "What did sensor {who} count?",
        "day": "On which day did sensor {who} count {thing}?",
        "n": "How many {thing} did sensor {who} count?",
        "place": "In which field did sensor {who} count {thing}?",
        "sum": "How many animals did the sensors {who} and {other} count in all?",
        "most": "Which sensor counted the most animals?",
        "list": "Which sensors were in the {place} field?",
    },
)
LIBRARY = Kind(
    "Loans of the library of {town}.",
    (
        "{who} borrowed {n} books on {thing} from the {place} branch on {day}.",
        "On {day}, {who} took {n} books on {thing} from the {place} branch.",
    ),
    NAMES,
    words("astronomy chess gardening whales volcanoes knitting trains bridges castles cooking dragons sailing"),
    ("harbour", "station", "castle"),
    {
        "who": "Who has books on {thing}?",
        "thing": "On what subject are the books of {who}?",
        "day": "On which day did {who} get the books on {thing}?",
        "n": "How many books on {thing} does {who} have?",
        "place": "From which branch are the books of {who}?",
        "sum": "How many books do {who} and {other} have in all?",
        "most": "Who has the most books?",
        "list": "Who has books from the {place} branch?",
    },
)
FERRIES = Kind(
    "Ferry list of the port of {town}.",
    (
        "The ferry {who} carried {n} crates of {thing} to the {place} island on {day}.",
        "On {day}, the ferry {who} took {n} crates of {thing} to the {place} island.",
    ),
    words("Petrel Heron Gannet Osprey Curlew Plover Avocet Bittern Dunlin Kestrel Merlin Puffin Egret Falcon Linnet"),
    words("oranges bricks paper salt onions wool glass potatoes soap rope copper honey"),
    ("outer", "inner", "long"),
    {
        "who": "Which ferry carried {thing}?",
        "thing": "What did the ferry {who} carry?",
        "day": "On which day did the ferry {who} carry {thing}?",
        "n": "How many crates of {thing} did the ferry {who} carry?",
        "place": "To which island did the ferry {who} carry {thing}?",
        "sum": "How many crates did the ferries {who} and {other} carry in all?",
        "most": "Which ferry carried the most crates?",
        "list": "Which ferries went to the {place} island?",
    },
)
DOCUMENTS = (MARKET, SENSORS, LIBRARY, FERRIES)
FORM = {
    "who": "Answer with one name.",
    "thing": "Answer with one word.",
    "day": "Answer with one word.",
    "n": "Answer with a number only.",
    "place": "Answer with one word.",
    "sum": "Answer with a number only.",
    "most": "Answer with one name.",
    "list": "List all the names.",
}


class Record(NamedTuple):
    who: str
    day: str
    n: int
    thing: str
    place: str


def document_case(draw: Draw, index: int, turns: int) -> list[ScriptedTurn]:
    """A document of records with its first task, then ``turns`` - 1 more tasks; none is asked twice."""
    kind = DOCUMENTS[index % len(DOCUMENTS)]
    records = _records(draw, kind, min(12, max(4, -(-turns // 3))))
    lines = [draw.one(kind.records).format(**r._asdict()) for r in records]
    document = " ".join([kind.title.format(town=draw.one(TOWNS)), *lines])
    made: list[ScriptedTurn] = []
    for question, target in _tasks(draw, kind, records, turns):
        whole = f"{document}\n{question}"
        gold = ", ".join(str(v) for v in target.all_of) or str(target.value)
        made.append(
            ScriptedTurn(user=question if made else whole, gold=gold, single=whole, needs=(1,) if made else (), target=target)
        )
    return made


def _records(draw: Draw, kind: Kind, count: int) -> list[Record]:
    columns = (
        draw.some(kind.actors, count),
        draw.some(DAYS, count),
        draw.numbers(3, 40, count),
        draw.some(kind.things, count),
        draw.some(kind.places, count),
    )
    return [Record(*row) for row in zip(*columns, strict=True)]


def _tasks(draw: Draw, kind: Kind, records: list[Record], count: int) -> list[tuple[str, Answer]]:
    """Different tasks, every sort of task once before any sort comes again."""
    found: dict[str, Answer] = {}
    while len(found) < count:
        for sort in draw.some(tuple(FORM), len(FORM)):
            for _ in range(20):  # some sorts have few questions, and those may all have been asked
                question, target = _task(draw, kind, records, sort)
                if question not in found:
                    found[question] = target
                    break
    return list(found.items())[:count]


def _task(draw: Draw, kind: Kind, records: list[Record], sort: str) -> tuple[str, Answer]:
    record, other = draw.some(records, 2)
    question = f"{kind.ask[sort].format(**record._asdict(), other=other.who)} {FORM[sort]}"
    everybody = tuple(r.who for r in records)
    match sort:
        case "n":
            return question, Answer(value=record.n)
        case "sum":
            return question, Answer(value=record.n + other.n)
        case "list":
            there = tuple(r.who for r in records if r.place == record.place)
            return question, Answer(all_of=there, none_of=tuple(w for w in everybody if w not in there))
        case "who" | "most":
            who = record.who if sort == "who" else max(records, key=lambda r: r.n).who
            return question, Answer(value=who, none_of=tuple(w for w in everybody if w != who))
        case _:
            value: str = getattr(record, sort)
            options = {"day": DAYS, "place": kind.places, "thing": tuple(r.thing for r in records)}[sort]
            return question, Answer(value=value, none_of=tuple(v for v in options if v != value))
