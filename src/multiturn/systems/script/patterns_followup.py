"""Follow-up: each answer builds on the one before, so errors propagate; gold answers in the history stop that."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from ...judges.targets import Answer
from ...protocols.scripted import ScriptedTurn
from .patterns_told import Point, Reached, Told
from .patterns_words import COLOURS, DAYS, NAMES, Draw, words


class Easy(NamedTuple):
    """One step of an easy chain: what the user says, its stand-alone form, the new state, what a reply must say."""

    text: str
    alone: str
    state: str
    target: Reached | Told


Step: TypeAlias = Callable[[Draw, str], tuple[str, str]]
"""Draws what happens next: from the state, what the user says and the new state."""
EasyStep: TypeAlias = Callable[[Draw, str], Easy]

BOXES = COLOURS[:4]
COMPASS = ("north", "east", "south", "west")
TURNS = {"right": 1, "left": -1, "around": 2}
LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
HOURS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
STOCKS = (
    ("coins", "finds", "spends"),
    ("marbles", "wins", "loses"),
    ("stamps", "buys", "gives away"),
    ("tickets", "prints", "sells"),
    ("eggs", "collects", "uses"),
)


class Chain(NamedTuple):
    """A kind of chain: the sentence that tells the state (at the start, and in the stand-alone form of every turn)."""

    tell: str
    start: str
    step: Step
    answer: Callable[[str], Answer]
    form: str


def chain_case(draw: Draw, index: int, turns: int) -> list[ScriptedTurn]:
    """``turns`` steps of one chain. A turn needs only the turn before it, whose answer is the state; its stand-alone
    form is the true state and the step."""
    chain = CHAINS[index % len(CHAINS)](draw)
    state = chain.start
    made: list[ScriptedTurn] = []
    for number in range(1, turns + 1):
        told = chain.tell.format(state)
        text, state = chain.step(draw, state)
        step = f"{text} {chain.form}"
        whole = f"{told} {step}"
        needs = (number - 1,) if made else ()
        user = step if made else whole
        made.append(ScriptedTurn(user=user, gold=state, single=whole, needs=needs, target=chain.answer(state)))
    return made


def _stock(draw: Draw) -> Chain:
    who, (things, gain, loss) = draw.one(NAMES), draw.one(STOCKS)
    rises, falls = f"{who} {gain} {{}} {things}.", f"{who} {loss} {{}} {things}."
    step = _amount(rises, falls, f"How many {things} does {who} have now?")
    return Chain(f"{who} has {{}} {things}.", str(draw.whole(5, 20)), step, _number, "Answer with a number only.")


def _tram(draw: Draw) -> Chain:
    step = _amount("The tram goes {} stops forward.", "The tram goes {} stops back.", "At which stop is the tram now?")
    return Chain("A tram is at stop {}.", str(draw.whole(5, 30)), step, _number, "Answer with a number only.")


def _amount(rises: str, falls: str, question: str) -> Step:
    def step(draw: Draw, state: str) -> tuple[str, str]:
        now, size = int(state), draw.whole(2, 9)
        up = now <= 10 or (now < 60 and draw.chance(0.5))
        return f"{(rises if up else falls).format(size)} {question}", str(now + size if up else now - size)

    return step


def _number(state: str) -> Answer:
    return Answer(value=int(state))


def _option_of(options: tuple[str, ...]) -> Callable[[str], Answer]:
    return lambda state: Answer(value=state, none_of=tuple(o for o in options if o != state))


def _calendar(draw: Draw) -> Chain:
    def step(draw: Draw, state: str) -> tuple[str, str]:
        days, back = draw.whole(2, 5), draw.chance(0.3)
        text = f"Which day is {days} days {'before' if back else 'after'} that day?"
        return text, DAYS[(DAYS.index(state) + (-days if back else days)) % 7]

    return Chain("Take the day {}.", draw.one(DAYS), step, _option_of(DAYS), "Answer with one word.")


def _robot(draw: Draw) -> Chain:
    def step(draw: Draw, state: str) -> tuple[str, str]:
        turn = draw.one(tuple(TURNS))
        return f"The robot turns {turn}. Which way does it face now?", COMPASS[(COMPASS.index(state) + TURNS[turn]) % 4]

    return Chain("A robot faces {}.", draw.one(COMPASS), step, _option_of(COMPASS), "Answer with one word.")


def _boxes(draw: Draw) -> Chain:
    def step(draw: Draw, state: str) -> tuple[str, str]:
        others = draw.some([c for c in BOXES if c != state], 2)
        one, two = draw.some([state, others[0]] if draw.chance(0.6) else others, 2)  # not every swap moves the ball
        now = {one: two, two: one}.get(state, state)
        return f"What is in the {one} box and what is in the {two} box change places. In which box is the ball now?", now

    tell = f"There are four boxes: {', '.join(BOXES)}. The ball is in the {{}} box."
    return Chain(tell, draw.one(BOXES), step, _option_of(BOXES), "Answer with one word.")


def _clock(draw: Draw) -> Chain:
    def step(draw: Draw, state: str) -> tuple[str, str]:
        hours = draw.whole(2, 6)
        return f"What hour does the clock show {hours} hours later?", str((int(state) + hours - 1) % 12 + 1)

    def answer(state: str) -> Answer:
        others = tuple(str(h) for h in range(1, 13) if h != int(state))
        return Answer(any_of=(state, HOURS[int(state) - 1]), none_of=others, match="contains")

    return Chain("A clock shows {} o'clock.", str(draw.whole(1, 12)), step, answer, "Answer with a number only.")


def _alphabet(draw: Draw) -> Chain:
    def step(draw: Draw, state: str) -> tuple[str, str]:
        size, at = draw.whole(1, 3), LETTERS.index(state)
        back = at + size > 25 or (at >= size and draw.chance(0.4))
        text = f"Which letter comes {size} {'before' if back else 'after'} that letter in the alphabet?"
        return text, LETTERS[at - size if back else at + size]

    def answer(state: str) -> Answer:  # a letter can be a word ("a", "I"), so nothing else may stand beside it
        return Answer(value=state, match="exact")

    return Chain("Take the letter {}.", draw.one(LETTERS), step, answer, "Answer with the letter only.")


CHAINS: tuple[Callable[[Draw], Chain], ...] = (_stock, _calendar, _boxes, _tram, _robot, _clock, _alphabet)


# -- easy chains ------------------------------------------------------------------------------------------------------
ROOMS = words("kitchen garden hall cellar garage library bedroom bathroom")


def easy_chain_case(draw: Draw, index: int, turns: int) -> list[ScriptedTurn]:
    """As `chain_case`, with small steps: counting on, adding a little, going to the other room."""
    state, step = EASY_CHAINS[index % len(EASY_CHAINS)](draw)
    made: list[ScriptedTurn] = []
    for number in range(1, turns + 1):
        text, alone, state, target = step(draw, state)
        needs = (number - 1,) if made else ()
        made.append(ScriptedTurn(user=text if made else alone, gold=f"{state}.", single=alone, needs=needs, target=target))
    return made


def _counting(draw: Draw) -> tuple[str, EasyStep]:
    who = draw.one(NAMES)

    def step(draw: Draw, state: str) -> Easy:
        now = int(state)
        seen = (now - 2, now - 1, now)
        question = "What number comes next?"
        alone = f"{who} counts up by one: {', '.join(map(str, seen))}. {question}"
        return Easy(f"{who} counts on by one. {question}", alone, str(now + 1), Reached(now + 1, (1, *seen)))

    return str(draw.whole(3, 5)), step


def _adding(draw: Draw) -> tuple[str, EasyStep]:
    def step(draw: Draw, state: str) -> Easy:
        size, now = draw.one((1, 1, 1, 2)), int(state)
        text = f"Add {size} to {{}}. What is the result?"
        return Easy(text.format("that"), text.format(now), str(now + size), Reached(now + size, (size, now)))

    return str(draw.whole(1, 3)), step


def _rooms(draw: Draw) -> tuple[str, EasyStep]:
    who, (one, two) = draw.one(NAMES), draw.some(ROOMS, 2)

    def step(draw: Draw, state: str) -> Easy:
        here = state.lower()
        other = two if here == one else one
        moves = draw.chance(0.7)
        rooms, happens = f"There are two rooms, a {one} and a {two}.", "goes to the other room" if moves else "stays there"
        question = f"Where is {who} now?"
        now, wrong = (other, here) if moves else (here, other)
        alone = f"{rooms} {who} is in the {here}. {who} {happens}. {question}"
        target = Told((Point(who, now, (wrong,)),), (), question)
        return Easy(f"{rooms} {who} {happens}. {question}", alone, now.capitalize(), target)

    return draw.one((one, two)), step


EASY_CHAINS: tuple[Callable[[Draw], tuple[str, EasyStep]], ...] = (_counting, _adding, _rooms)
