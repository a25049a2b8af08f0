"""Turns and dialogues of agents that look things up: the released files of TD-EVAL, and a small sample of ours.

A turn is an item: the conversation so far, the customer's words, what the database returned (a system message at the end of what
was said), and the agent's reply. Labels of released turns are GPT-4o's scores: people's are released without texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

from ...conversation import DataError
from ...judges.items import PairItem, PointItem, Said, with_changes
from ...measures.figure import Scale
from ...protocols.benchmark import Data
from .point_sets import on_dimension, read

CONVERSATION, BACKEND, POLICY = "conversation", "backend", "policy"
DIMENSIONS: Mapping[str, str] = {
    CONVERSATION: "is the reply about what the customer wants now, does it stay on the topic, does it follow from what was said",
    BACKEND: "does the reply tell what the database returned and nothing else about it, is it on topic, does it fit in",
    POLICY: "does the reply keep to the policy: how many options it names, what it asks for, when, and in the right order",
}
"""The three dimensions, in words of ours."""
FIELDS = {CONVERSATION: "conv_consistency", BACKEND: "backend_consistency", POLICY: "policy_completeness"}
"""Their names in the released files."""
RULES = """If the database returned only how many entries fit, the agent says how many and asks for more details. If it returned \
entries, the agent asks for whatever is still missing to go on, or else gives the entries."""
TRAVEL = f"""{RULES}
What matters: restaurants and hotels: area, price range, name, kind of food or stars; to book them: people, day, and the time or
the nights. Attractions: area, kind, name. Trains: from, to, day, leaving or arriving time; to book: people. Taxis: from, to,
time."""
LONGEST_DB = 20_000
VERSUS = " vs "
"""Between the two agents' names in the id of a pair of dialogues."""
STARS = Scale(1, 5, "points", passing=4)
HOME = "https://raw.githubusercontent.com/emrecanacikgoz/TD-Eval/main/judge/results/"
_SCORE = re.compile(r"\bScore:\s{0,4}(?:[A-Za-z ]{1,20}\()?([1-5])(?![0-9.])", re.I)


def score_of(text: str) -> int | None:
    """The number of ``Score: 5``, ``Score: 5 (Very Good)`` or ``Score: Very Good (5)``; None without a number: words are not
    guessed at (the released parsers map "Very Bad" to 4 or 2, and nothing to 1 or 5)."""
    found = {int(n) for n in _SCORE.findall(text[:2000])}
    return found.pop() if len(found) == 1 else None


# -- released files ---------------------------------------------------------------------------------------------------
class _Score(Struct):
    score: str


class _Turn(Struct):
    user: str
    response: str
    conversation_history: str = ""
    db: Any = None
    scores: dict[str, _Score] = {}


class _File(Struct):
    dialogues: dict[str, list[_Turn]]
    metadata: dict[str, Any] = {}


def turns(path: Path, policy: str = TRAVEL) -> Iterator[PointItem]:
    """The turns of a file of judged dialogues; the dialogue is the cluster. Dialogues without turns have none."""
    for name, said in read(path, _File).dialogues.items():
        known = ""
        for n, turn in enumerate(said):
            scores = {d: score_of(turn.scores[f].score) for d, f in FIELDS.items() if f in turn.scores}
            yield turn_item(
                f"{name} turn {n}", name, (*spoken(turn.conversation_history), *spoken(turn.user)), shown(turn.db),
                text_of(turn.response), {d: float(v) for d, v in scores.items() if v is not None}, policy, known,
            )  # fmt: skip
            known += f" {json.dumps(turn.db)}"


def turn_item(
    id_: str, cluster: str, said: Sequence[Said], db: str, reply: str, scores: Mapping[str, float], policy: str, known: str = ""
) -> PointItem:
    """A turn with its scores by dimension; their mean is the label where all three are there. ``known``: what the database
    returned in earlier turns."""
    label = sum(scores.values()) / 3 if len(scores) == 3 else None
    extra = {"people": dict(scores), "scales": dict.fromkeys(DIMENSIONS, (1.0, 5.0)), "policy": policy, "known": known}
    return PointItem(
        id=id_, cluster=cluster, turns=(*said, ("system", f"What the database returned for this turn: {db}")), answer=reply,
        label=label, extra=extra,
    )  # fmt: skip


def shown(db: Any) -> str:
    """Database results as text, at most 20,000 characters of it."""
    text = "nothing was looked up" if not db else json.dumps(db, ensure_ascii=False)
    return text if len(text) <= LONGEST_DB else text[:LONGEST_DB] + " … (cut)"


_LINE = re.compile(r"^(Customer|Agent|User|System)\s?:\s?", re.M | re.I)


def spoken(text: str) -> tuple[Said, ...]:
    """Lines ``Customer: …`` and ``Agent: …`` as messages; a line without a name goes on with the one before."""
    pieces = _LINE.split(text)
    roles = {"customer": "user", "user": "user", "agent": "assistant", "system": "assistant"}
    found = [(roles[who.lower()], said.strip()) for who, said in zip(pieces[1::2], pieces[2::2], strict=True)]
    return tuple(found) or ((("user", text.strip()),) if text.strip() else ())


def text_of(line: str) -> str:
    return _LINE.sub("", line, count=1).strip() if _LINE.match(line) else line.strip()


def _any(data: Data, names: Sequence[str], home: str) -> Path:
    """The first of these files that is there, or the first from its home."""
    for name in names:
        try:
            return data.path("td-eval", name)
        except DataError:
            continue
    return data.path("td-eval", names[0], HOME + home)


def mwoz(data: Data, dimension: str = "") -> Iterator[PointItem]:
    """475 turns of AutoTOD on MultiWOZ, scored by GPT-4o: the whole file, or the 12 dialogues there are."""
    names = ("mwoz-autotod-gpt-4o_j.json", "judged_mwoz_autotod_gpt-4o_first12.json")
    path = _any(data, names, "judge_results_mwoz_autotod/20250403_025805/mwoz-autotod-gpt-4o_j.json")
    return on_dimension(turns(path), dimension, DIMENSIONS)


def tau(data: Data, dimension: str = "") -> Iterator[PointItem]:
    """148 turns of Mistral Large on tau-bench's airline, scored by GPT-4o. The airline's own policy is not in the file."""
    home = "judge_results_tau/20250205_024823-tau-mistrallarge-airline/tau-gpt-4o_j.json"
    path = _any(data, ("judged_tau_airline_mistral-large.json",), home)
    return on_dimension(turns(path, RULES), dimension, DIMENSIONS)


# -- dialogues side by side -------------------------------------------------------------------------------------------
def arena_pairs(paths: Sequence[Path]) -> Iterator[PairItem]:
    """The same dialogues by several agents, a file each: round after round (a round is a dialogue), every pair of agents. The id
    is ``dialogue/agent vs agent``; there are no labels."""
    files = []
    for path in paths:
        file = read(path, _File)
        files.append((str(file.metadata.get("agent_model") or path.stem), file.dialogues))
    for names in ([path.stem for path in paths], [str(path) for path in paths]):
        if len({name for name, _ in files}) < len(files):
            files = [(name, dialogues) for name, (_, dialogues) in zip(names, files, strict=True)]
    if len({name for name, _ in files}) < len(files):
        raise DataError(f"{', '.join(map(str, paths))}: an arena needs another file for each agent")
    files = [(name.replace(VERSUS, " v "), dialogues) for name, dialogues in files]
    shared = [d for d in files[0][1] if all(dialogues.get(d) for _, dialogues in files)]
    if len(files) < 2 or not shared:
        raise DataError(f"{', '.join(map(str, paths))}: an arena needs two files or more with dialogues of the same names")
    for dialogue in shared:
        for (a, mine), (b, theirs) in combinations(files, 2):
            yield arena_item(dialogue, a, b, _whole(mine[dialogue]), _whole(theirs[dialogue]))


def arena_item(dialogue: str, a: str, b: str, first: str, second: str, label: float | None = None) -> PairItem:
    task: Said = ("system", f"A customer is served by an agent. The agent's policy: {TRAVEL}")
    return PairItem(
        id=f"{dialogue}/{a}{VERSUS}{b}", cluster=dialogue, turns=(task,), first=first, second=second, authors=(a, b), label=label,
        ties=True,
    )  # fmt: skip


def _whole(said: Sequence[_Turn]) -> str:
    return "\n".join(rendered(text_of(t.user), shown(t.db), text_of(t.response)) for t in said)


def rendered(user: str, db: str, reply: str) -> str:
    """One turn of a whole dialogue as it is shown in the arena."""
    return f"User: {user}\nDatabase: {db}\nAssistant: {reply}"


# -- a sample of ours -------------------------------------------------------------------------------------------------
class Turn(NamedTuple):
    """What the customer says, what the database returns, and how three agents reply: one reads back what it finds and asks for
    what is missing, one gives the entries and no more, one makes up a telephone number."""

    user: str
    db: Any
    reader: str
    terse: str
    inventor: str


_INN = {"name": "Willow Inn", "area": "north", "price": "moderate", "stars": 3, "phone": "01632 960147"}
_CAFE = {"name": "Blue Kettle", "food": "vegetarian", "area": "centre", "price": "cheap", "phone": "01632 960211"}
_TRAIN = {"train": "TX4180", "from": "Ashford", "to": "Milbrook", "day": "friday", "leaves": "09:24", "price": "14.60"}
DIALOGUES: Mapping[str, tuple[Turn, ...]] = {
    "inn": (
        Turn("I need a place to stay in the north, with three stars.", {"count": 1, "entries": [_INN]},
             "The Willow Inn in the north has 3 stars and a moderate price; its phone number is 01632 960147. Shall I book it? "
             "For how many people and nights, from which day?",
             "Willow Inn, north, 3 stars, moderate, 01632 960147.",
             "The Willow Inn in the north has 3 stars; call them on 01632 960999. Shall I book it for you?"),
        Turn("For two people and three nights from Tuesday.", {"booked": True, "reference": "WQ7K21"},
             "It is booked for 2 people and 3 nights from Tuesday; your reference is WQ7K21. Can I do anything else for you?",
             "Booked, WQ7K21.",
             "It is booked; your reference is ZZ9999 and the inn is on 01632 960888. Anything else?"),
    ),
    "cafe": (
        Turn("Is there a cheap vegetarian place to eat in the centre?", {"count": 1, "entries": [_CAFE]},
             "Yes: the Blue Kettle in the centre is vegetarian and cheap, phone number 01632 960211. Would you like a table? For "
             "which day, what time and how many people?",
             "Blue Kettle, centre, vegetarian, cheap, 01632 960211.",
             "Yes: the Blue Kettle in the centre, phone number 01632 960555. Would you like a table?"),
        Turn("What about something Italian instead?", {"count": 7},
             "There are 7 Italian places in the centre. Do you have a price range in mind?",
             "7.",
             "Try Casa Luna, phone number 01632 960777. Shall I book it?"),
    ),
    "train": (
        Turn("When does the first train go from Ashford to Milbrook on Friday after nine?", {"count": 1, "entries": [_TRAIN]},
             "TX4180 leaves Ashford for Milbrook on Friday at 09:24 and costs 14.60 pounds. Shall I book it, and for how many "
             "people?",
             "TX4180, 09:24, 14.60 pounds.",
             "There is one at 09:55; call 01632 960333 for tickets. Shall I book it?"),
    ),
}  # fmt: skip
AGENTS = ("reader", "terse", "inventor")
_SCORES = {"reader": (5, 5, 5), "terse": (4, 5, 2), "inventor": (4, 1, 3)}
"""What we say of them, by dimension."""


def bundled(data: Data | None = None, dimension: str = "") -> Iterator[PointItem]:
    """15 turns of ours: three agents on five turns."""

    def items() -> Iterator[PointItem]:
        for name, said in DIALOGUES.items():
            before: list[Said] = []
            for n, turn in enumerate(said):
                asked: list[Said] = [*before, ("user", turn.user)]
                for agent in AGENTS:
                    scores = dict(zip(DIMENSIONS, map(float, _SCORES[agent]), strict=True))
                    reply = getattr(turn, agent)
                    item = turn_item(f"{name}.{n}/{agent}", name, asked, shown(turn.db), reply, scores, TRAVEL)
                    yield with_changes(item, extra={**item.extra, "turn": f"{name}.{n}"})
                before = [*asked, ("assistant", turn.reader)]

    return on_dimension(items(), dimension, DIMENSIONS)


def bundled_arena(data: Data | None = None) -> Iterator[PairItem]:
    """Nine pairs of ours: the same agents on three dialogues; whoever keeps to the database wins, then to the policy."""
    for n, (name, said) in enumerate(DIALOGUES.items()):
        for m, (a, b) in enumerate(combinations(AGENTS, 2)):
            if (n + m) % 2:
                a, b = b, a
            one, two = ("\n".join(rendered(t.user, shown(t.db), getattr(t, agent)) for t in said) for agent in (a, b))
            key = {agent: (_SCORES[agent][1], _SCORES[agent][2]) for agent in (a, b)}
            yield arena_item(name, a, b, one, two, float(key[a] > key[b]))
