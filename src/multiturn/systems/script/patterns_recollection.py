"""Recollection: a standing rule, or facts, said in the first turn and needed later."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct

from ...judges.targets import Answer, contains, fault, plain
from ...protocols.scripted import ScriptedTurn
from .patterns_words import ANIMALS, COLOURS, DAYS, DRINKS, INSTRUMENTS, JOBS, KINDS, MARKS, NAMES, TOWNS, Draw

RuleKind: TypeAlias = Literal["end", "start", "upper", "lower", "brackets", "name", "exclaim"]


class Small(NamedTuple):
    """A small question of general knowledge whose answer is one word."""

    text: str
    answer: str
    wrong: tuple[str, ...] = ()


OPPOSITES = {"hot": "cold", "big": "small", "up": "down", "open": "closed", "day": "night", "wet": "dry", "left": "right",
             "fast": "slow", "old": "young", "full": "empty", "high": "low", "early": "late"}  # fmt: skip
COLOURED = {"grass": "green", "snow": "white", "coal": "black", "a ripe banana": "yellow", "blood": "red", "a clear sky": "blue"}


def small_questions(draw: Draw, count: int) -> list[Small]:
    """``count`` small questions of mixed kinds; none is asked twice."""
    makers: list[Callable[[Draw], Small]] = [_opposite, _colour, _pick, _repeat, _next_day]
    found: dict[str, Small] = {}
    while len(found) < count:
        for maker in draw.some(makers, len(makers)):
            small = maker(draw)
            found.setdefault(small.text, small)
    return list(found.values())[:count]


def _opposite(draw: Draw) -> Small:
    word = draw.one(tuple(OPPOSITES))
    return Small(f"What is the opposite of {word}?", OPPOSITES[word])


def _colour(draw: Draw) -> Small:
    thing = draw.one(tuple(COLOURED))
    return Small(f"What colour is {thing}?", COLOURED[thing], tuple(c for c in COLOURS if c != COLOURED[thing]))


def _pick(draw: Draw) -> Small:
    kind, *others = draw.some(tuple(KINDS), 3)
    right, wrong = draw.one(KINDS[kind]), tuple(draw.one(KINDS[k]) for k in others)
    article = "an" if kind[0] in "aeiou" else "a"
    return Small(f"Which of these is {article} {kind}: {', '.join(draw.some((right, *wrong), 3))}?", right, wrong)


def _repeat(draw: Draw) -> Small:
    word = draw.one(KINDS[draw.one(tuple(KINDS))])
    return Small(f"Please repeat this word: {word}.", word)


def _next_day(draw: Draw) -> Small:
    i = draw.whole(0, 6)
    return Small(f"Which day comes right after {DAYS[i]}?", DAYS[(i + 1) % 7].lower())


class Rule(Struct, frozen=True, tag=True):
    """Target of a turn under a standing rule: the rule holds and the small question is answered."""

    kind: RuleKind
    word: str
    answer: Answer

    def fault(self, reply: str) -> str:
        """What is wrong with the reply, "" if nothing is."""
        return fault(self.answer, reply) if self.holds(reply) else f"does not follow the rule `{self.text}`"

    @property
    def text(self) -> str:
        return {
            "end": f'End every answer with the word "{self.word}".',
            "start": f'Start every answer with the word "{self.word}".',
            "upper": "Write every answer in capital letters only.",
            "lower": "Write every answer in lowercase letters only, without any capital letter.",
            "brackets": "Put every answer in square brackets.",
            "name": f"Call me {self.word} in every answer.",
            "exclaim": "End every answer with two exclamation marks.",
        }[self.kind]

    def holds(self, reply: str) -> bool:
        words = re.findall(r"\w+", plain(reply))
        bare = reply.strip().strip("*_`\"'“”").strip()
        match self.kind:
            case "end":
                return words[-1:] == [self.word]
            case "start":
                return words[:1] == [self.word]
            case "upper":
                return reply.isupper()
            case "lower":
                return reply.islower()
            case "brackets":
                return re.fullmatch(r"\[[^\[\]]+\]\.?", bare) is not None
            case "name":
                return contains(reply, self.word)
            case "exclaim":
                return re.search(r"(?<!!)!!\Z", bare) is not None

    def follow(self, answer: str) -> str:
        """An answer that follows the rule."""
        return {
            "end": f"{answer.capitalize()}, {self.word}",
            "start": f"{self.word.capitalize()}: {answer}",
            "upper": answer.upper(),
            "lower": answer.lower(),
            "brackets": f"[{answer.capitalize()}]",
            "name": f"{answer.capitalize()}, {self.word}.",
            "exclaim": f"{answer.capitalize()}!!",
        }[self.kind]


RULES: tuple[RuleKind, ...] = ("end", "upper", "name", "start", "brackets", "lower", "exclaim")
OPENINGS = (
    "From now on, follow this rule in this conversation. {} Reply OK.",
    "I have one rule for all your answers. {} If that is clear, reply OK.",
    "Please remember this for the rest of our talk. {} Reply OK for now.",
)


def rule_case(draw: Draw, index: int, turns: int) -> list[ScriptedTurn]:
    """A rule in turn 1 (answered OK, not scored), then a small question a turn: at turn t the rule is t - 1 turns away."""
    kind = RULES[index % len(RULES)]
    word = f"{draw.one(('Captain', 'Doctor', 'Professor'))} {draw.one(NAMES)}" if kind == "name" else draw.one(MARKS)
    rule = Rule(kind, word, Answer())
    made = [ScriptedTurn(user=draw.one(OPENINGS).format(rule.text), gold="OK", scored=False)]
    for small in small_questions(draw, turns - 1):
        target = Rule(kind, word, Answer(value=small.answer, none_of=small.wrong))
        made.append(
            ScriptedTurn(
                user=small.text,
                gold=rule.follow(small.answer),
                single=f"Follow this rule. {rule.text}\n{small.text}",
                needs=(1,),
                target=target,
            )
        )
    return made


class Relation(NamedTuple):
    fact: str
    question: str
    values: tuple[str, ...]


NUMBERS = tuple(str(n) for n in range(12, 99))
RELATIONS = (
    Relation("{who} keeps a {what}.", "Which animal does {who} keep?", ANIMALS),
    Relation("{who} lives in {what}.", "In which town does {who} live?", TOWNS),
    Relation("{who} plays the {what}.", "Which instrument does {who} play?", INSTRUMENTS),
    Relation("{who} always orders {what}.", "Which drink does {who} always order?", DRINKS),
    Relation("{who} has a {what} door.", "What colour is the door of {who}?", COLOURS),
    Relation("{who} works as a {what}.", "What is the job of {who}?", JOBS),
    Relation("{who} is in room {what}.", "What is the room number of {who}?", NUMBERS),
    Relation("{who} goes swimming on {what}.", "On which day does {who} go swimming?", DAYS),
)
REQUESTS = (
    "Please remember: {} Reply OK.",
    "Here are some facts to keep in mind. {} Reply OK.",
    "Note the following. {} Reply OK.",
)
ONE_WORD, ONE_NUMBER = " Answer with one word.", " Answer with the number only."


def facts_case(draw: Draw, turns: int, distance: int) -> list[ScriptedTurn]:
    """Facts in turn 1 (answered OK, not scored); one is asked for every ``distance`` turns, so at distances
    ``distance``, 2 ``distance`` …; between them small questions with stored answers (not scored). It ends with the last
    question on a fact, at ``turns`` or before."""
    probes = (turns - 1) // distance
    facts = _facts(draw, max(4, probes))
    said = " ".join(text for text, _, _ in facts)
    made = [ScriptedTurn(user=draw.one(REQUESTS).format(said), gold="OK", scored=False)]
    asked = iter(draw.some(facts, probes))
    fillers = iter(small_questions(draw, turns))
    for number in range(2, 2 + probes * distance):
        if (number - 1) % distance:
            small = next(fillers)
            made.append(ScriptedTurn(user=small.text + ONE_WORD, gold=small.answer.capitalize(), scored=False))
        else:
            _, question, target = next(asked)
            made.append(
                ScriptedTurn(user=question, gold=str(target.value), single=f"{said}\n{question}", needs=(1,), target=target)
            )
    return made


def _facts(draw: Draw, count: int) -> list[tuple[str, str, Answer]]:
    """Facts on several people in the same few relations, so that who and what must be kept together."""
    relations = draw.some(RELATIONS, 2 + (count - 1) // 2 // len(NAMES))
    people = draw.some(NAMES, -(-count // len(relations)))
    values = [draw.some(relation.values, len(people)) for relation in relations]
    found = []
    for i, who in enumerate(people):
        for relation, column in zip(relations, values, strict=True):
            numeric = relation.values is NUMBERS
            wrong = () if numeric else tuple(v for v in relation.values if v != column[i])
            target = Answer(value=int(column[i])) if numeric else Answer(value=column[i], none_of=wrong)
            question = relation.question.format(who=who) + (ONE_NUMBER if numeric else ONE_WORD)
            found.append((relation.fact.format(who=who, what=column[i]), question, target))
    return found[:count]
